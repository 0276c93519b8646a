"""The pool of warm memory for large results: what is kept and reused, and that nobody notices."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from processes import needs_fork, run

import fusedloss as fl
from fusedloss import _core

MB = 1 << 20
LARGE = 20 * MB  # bytes of a result that comes from the pool
LIMIT = 1024 * MB  # the most it keeps


@pytest.fixture(autouse=True)
def empty_pool() -> Iterator[None]:
    gc.collect()
    _core.pool_clear()
    assert _core.pool_held() == 0
    yield
    gc.collect()
    _core.pool_clear()


def new(size: int) -> np.ndarray:
    return _core.empty((size,), np.dtype(np.uint8))


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_dropped_array_goes_back_and_comes_again() -> None:
    array = new(LARGE)
    first = address(array)
    assert _core.pool_held() == 0
    del array
    assert LARGE <= _core.pool_held() <= LARGE + 2 * MB
    again = new(LARGE)
    assert address(again) == first
    assert _core.pool_held() == 0


def test_gradients_come_from_it() -> None:
    pred = np.ones(LARGE // 4, np.float32)
    target = np.zeros_like(pred)
    grad = fl.MSE(reduction="sum").grad(pred, target)
    first = address(grad)
    del grad
    assert _core.pool_held() >= LARGE
    grad = fl.MSE(reduction="sum").grad(pred, target)
    assert address(grad) == first
    assert np.all(grad == 2)
    assert grad.flags.c_contiguous
    assert grad.flags.writeable


def test_view_keeps_the_memory() -> None:
    array = new(LARGE)
    view = array[5:]
    view[:] = 7
    del array
    assert _core.pool_held() == 0
    other = new(LARGE)
    other[:] = 1
    assert np.all(view == 7)
    del view
    assert _core.pool_held() >= LARGE


def test_living_arrays_never_share_memory() -> None:
    arrays = [new(LARGE) for _ in range(5)]
    for value, array in enumerate(arrays):
        array[:] = value
    assert all(np.all(array == value) for value, array in enumerate(arrays))


def test_small_arrays_do_not_use_it() -> None:
    array = new(MB)
    del array
    assert _core.pool_held() == 0


def test_keeps_two() -> None:
    arrays = [new(LARGE) for _ in range(4)]
    addresses = [address(array) for array in arrays]
    for _ in range(4):
        del arrays[0]
    assert 2 * LARGE <= _core.pool_held() <= 2 * (LARGE + 2 * MB)
    kept = [new(LARGE), new(LARGE)]
    assert {address(array) for array in kept} == set(addresses[2:]), "those that came back last"


@pytest.mark.parametrize(("megabytes", "reused"), [(40, True), (35, True), (20, True), (17, False), (42, False)])
def test_reuse_is_within_a_factor_two(megabytes: int, reused: bool) -> None:
    kept = new(40 * MB)
    del kept
    held = _core.pool_held()
    other = new(megabytes * MB)
    other[:] = 1
    assert _core.pool_held() == (0 if reused else held)


def test_takes_the_buffer_that_fits_best() -> None:
    arrays = [new(20 * MB), new(30 * MB)]
    addresses = [address(array) for array in arrays]
    arrays.clear()
    assert address(new(28 * MB)) == addresses[1]
    assert address(new(20 * MB)) == addresses[0]


def test_is_bounded() -> None:
    arrays = [new(LIMIT * 3 // 4), new(LIMIT * 3 // 4)]
    while arrays:
        del arrays[0]
        assert 0 < _core.pool_held() <= LIMIT
    larger = new(LIMIT + MB)
    del larger
    assert _core.pool_held() <= LIMIT


def test_too_much_memory_is_a_memory_error() -> None:
    with pytest.raises((MemoryError, ValueError)):
        new(1 << 62)


@pytest.mark.parametrize("count", [LARGE // 8 + 1, 10 * LARGE // 8 - 3])
def test_results_in_used_memory(count: int) -> None:
    """What an earlier result left behind never shows."""
    pred = np.random.default_rng(5).standard_normal(count)
    target = np.zeros_like(pred)
    loss = fl.Huber(reduction="sum", delta=0.5)
    expected = np.clip(pred, -0.5, 0.5)
    for _ in range(3):
        _, grad = loss.value_and_grad(pred, target)
        assert np.array_equal(grad, expected)
        grad[:] = np.nan
        del grad


def test_from_many_threads() -> None:
    def use(value: int) -> None:
        for _ in range(30):
            array = new(LARGE)
            array[:: 1 << 12] = value
            if not np.all(array[:: 1 << 12] == value):
                wrong.append(value)

    wrong: list[int] = []
    users = [threading.Thread(target=use, args=(value,)) for value in range(6)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert not wrong
    assert _core.pool_held() <= 2 * (LARGE + 2 * MB)


@needs_fork
def test_after_a_fork() -> None:
    """The child finds the pool usable, also when another thread was just using it; its buffers are its own copies."""
    script = """
        from fusedloss import _core
        kept = _core.empty((20 << 20,), np.dtype(np.uint8))
        kept[:] = 1
        alive = _core.empty((20 << 20,), np.dtype(np.uint8))
        alive[:] = 2
        del kept
        assert _core.pool_held() > 0
        stop = threading.Event()
        def churn():
            while not stop.is_set():
                _core.empty((17 << 20,), np.dtype(np.uint8))
        thread = threading.Thread(target=churn)
        thread.start()
        def work():
            assert np.all(alive == 2)
            for _ in range(3):
                array = _core.empty((20 << 20,), np.dtype(np.uint8))
                array[:] = 3
                del array
            assert _core.pool_held() > 0
            _core.pool_clear()
            assert _core.pool_held() == 0
        statuses = [forked(work) for _ in range(40)]
        stop.set()
        thread.join()
        assert statuses == [0] * 40
        assert np.all(alive == 2)
    """
    run(script)


def test_arrays_that_outlive_the_module() -> None:
    """Arrays that come back while the process ends, after modules were torn down, do no harm."""
    script = """
        import sys
        from fusedloss import _core
        class Late:
            def __init__(self):
                self.array = _core.empty((20 << 20,), np.dtype(np.uint8))
            def __del__(self):
                self.array[:] = 1
        sys.late = [Late(), Late(), Late()]
        sys.late.append(sys.late)  # a cycle: collected, if ever, at the very end
        del _core, fl
        print("alive")
    """
    assert run(script).strip() == "alive"
