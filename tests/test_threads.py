"""Threads: how many there are, that results do not depend on them, and that a process may fork, limit or exhaust them.

What settles itself once a process, or might take it down, is tried in a process of its own.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from processes import needs_fork, needs_openmp, needs_proc, run

import fusedloss as fl
from fusedloss import _core

# Work for several milliseconds on one thread, in a number of elements that no block size divides.
SIZE = 4_000_037


def elements(seed: int, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    pred, target = np.random.default_rng(seed).standard_normal((2, size)).astype(np.float32)
    return pred, target


# ---- The number of threads


@needs_openmp
def test_number_of_threads_is_settable() -> None:
    before = fl.get_num_threads()
    with fl.num_threads(3):
        assert fl.get_num_threads() == 3
        with fl.num_threads(5):
            assert fl.get_num_threads() == 5
        assert fl.get_num_threads() == 3
    assert fl.get_num_threads() == before


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError)])
def test_bad_number_of_threads(n: object, error: type[Exception]) -> None:
    before = fl.get_num_threads()
    with pytest.raises(error, match="number of threads"):
        fl.set_num_threads(n)  # type: ignore[arg-type]
    assert fl.get_num_threads() == before


@needs_openmp
@needs_proc
@pytest.mark.parametrize("n", [1, 2, 5])
def test_calls_use_that_many_threads(n: int) -> None:
    script = f"before = threads(); fl.set_num_threads({n}); step(); print(threads() - before)"
    assert int(run(script)) == n - 1


@needs_openmp
@needs_proc
def test_small_calls_stay_on_their_thread() -> None:
    script = "before = threads(); fl.set_num_threads(4); fl.mse(pred[:1000], target[:1000]); print(threads() - before)"
    assert int(run(script)) == 0


@needs_openmp
@needs_proc
@pytest.mark.parametrize("text", ["1", "1,4"])
def test_omp_num_threads_lowers_the_default(text: str) -> None:
    script = "before = threads(); step(); print(fl.get_num_threads(), threads() - before)"
    assert run(script, OMP_NUM_THREADS=text).split() == ["1", "0"]


@needs_openmp
def test_omp_num_threads_does_not_raise_the_default() -> None:
    available = run("print(fl.get_num_threads())")
    assert run("print(fl.get_num_threads())", OMP_NUM_THREADS="1000") == available
    assert run("print(fl.get_num_threads())", OMP_NUM_THREADS="many") == available


@needs_openmp
def test_setting_wins_over_omp_num_threads() -> None:
    assert int(run("fl.set_num_threads(3); print(fl.get_num_threads())", OMP_NUM_THREADS="1")) == 3


@needs_proc
def test_default_is_within_the_affinity() -> None:
    assert fl.get_num_threads() <= len(os.sched_getaffinity(0))
    assert int(run("print(fl.get_num_threads())")) <= len(os.sched_getaffinity(0))
    one = min(os.sched_getaffinity(0))
    script = f"""
        code = "import os; os.sched_setaffinity(0, [{one}]); import fusedloss as fl; print(fl.get_num_threads())"
        import subprocess
        print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    """
    assert int(run(script)) == 1


@needs_openmp
def test_threadpoolctl_limits() -> None:
    """A limit lowers the number while it is in effect, whatever was set; it is not remembered afterwards."""
    pytest.importorskip("threadpoolctl")
    script = """
        import threadpoolctl
        fl.set_num_threads(4)
        with threadpoolctl.threadpool_limits(1):
            print(fl.get_num_threads())
            with fl.num_threads(3):
                print(fl.get_num_threads())
        print(fl.get_num_threads())
    """
    assert run(script, OMP_NUM_THREADS="8").split() == ["1", "1", "4"]


# ---- CPU quotas of containers, on made-up control groups

GROUPS = {
    "no control groups": ({}, None),
    "v2, its own": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "300000 100000\n"}, 3),
    "v2, rounded up": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
    "v2, less than one": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "1000 100000\n"}, 1),
    "v2, no limit": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
    "v2, a parent's": (
        {
            "proc/self/cgroup": "0::/a/b/c\n",
            "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
            "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            "sys/fs/cgroup/a/b/c/cpu.max": "400000 100000\n",
        },
        2,
    ),
    "v2, named as outside the container": (
        {"proc/self/cgroup": "0::/docker/0123\n", "sys/fs/cgroup/cpu.max": "500000 100000\n"},
        5,
    ),
    "v1": (
        {
            "proc/self/cgroup": "3:memory:/x\n2:cpu,cpuacct:/job\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "700000\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        },
        7,
    ),
    "v1, one mount a controller": (
        {
            "proc/self/cgroup": "2:cpuacct,cpu:/job\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "20000\n",
        },
        3,
    ),
    "v1, no limit": (
        {
            "proc/self/cgroup": "2:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        None,
    ),
    "v1, another controller's": (
        {
            "proc/self/cgroup": "2:cpuset:/\n",
            "sys/fs/cgroup/cpuset/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpuset/cpu.cfs_period_us": "100000\n",
        },
        None,
    ),
    "not what it should be": (
        {"proc/self/cgroup": "0\n::\n0::/\n\n", "sys/fs/cgroup/cpu.max": "100000\n"},
        None,
    ),
}


@pytest.mark.parametrize("case", GROUPS)
def test_quota(case: str, tmp_path: Path) -> None:
    files, expected = GROUPS[case]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _core.cgroup_quota(str(tmp_path)) == expected


# ---- Same bits


@needs_openmp
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits_for_any_number_of_threads(dtype: type[np.floating]) -> None:
    pred, target = (array.astype(dtype) for array in elements(2))
    rows, labels = pred[:4_000_000].reshape(-1, 10), (target[:400_000] > 0).astype(np.int64)
    for loss, operands in ((fl.Huber(), (pred, target)), (fl.CrossEntropy(), (rows, labels))):
        seen = set()
        for n in range(1, 9):
            with fl.num_threads(n):  # the first large call after it always takes them
                value, grad = loss.value_and_grad(*operands)
            seen.add((value.hex(), grad.tobytes()))
        assert len(seen) == 1


def test_calls_from_many_threads_agree() -> None:
    operands = [elements(seed, 1_000_003) for seed in range(4)]
    loss = fl.Huber(reduction="sum")

    def step(index: int) -> tuple[str, bytes]:
        value, grad = loss.value_and_grad(*operands[index % 4])
        return value.hex(), grad.tobytes()

    expected = [step(index) for index in range(4)]
    with fl.num_threads(3), ThreadPoolExecutor(8) as executor:
        for index, result in enumerate(executor.map(step, range(64))):
            assert result == expected[index % 4]


def test_number_of_threads_may_change_during_calls() -> None:
    """Rows have scratch memory by worker, which must fit whatever number another thread sets meanwhile."""
    rng = np.random.default_rng(3)
    logits, labels = rng.standard_normal((40_000, 50)).astype(np.float32), rng.integers(0, 50, 40_000)
    loss = fl.CrossEntropy()
    expected = loss.value_and_grad(logits, labels)

    def change(index: int) -> None:
        fl.set_num_threads(1 + index % 6)

    def step(_: int) -> bool:
        value, grad = loss.value_and_grad(logits, labels)
        return value == expected[0] and np.array_equal(grad, expected[1])

    with fl.num_threads(2), ThreadPoolExecutor(4) as executor:
        changes = executor.map(change, range(2000))
        assert all(executor.map(step, range(60)))
        assert list(changes) == [None] * 2000


# The control word of the floating-point unit lies within C's fenv_t: no other way leads to it from Python. By system
# and processor: offset in bytes, size in bytes, the bits that flush results and operands to zero.
CONTROL_WORDS = {
    ("linux", "x86_64"): (28, 4, 1 << 15 | 1 << 6),
    ("linux", "aarch64"): (0, 4, 1 << 24),
    ("darwin", "x86_64"): (4, 4, 1 << 15 | 1 << 6),
    ("darwin", "arm64"): (8, 8, 1 << 24),
}
PLATFORM = (sys.platform, platform.machine())


class FloatingPoint:
    """The floating-point environment of the calling thread."""

    def __init__(self) -> None:
        self.libm = ctypes.CDLL(None)
        self.offset, self.size, self.flush = CONTROL_WORDS[PLATFORM]

    def get(self) -> bytearray:
        environment = ctypes.create_string_buffer(64)  # more than any fenv_t
        assert self.libm.fegetenv(environment) == 0
        return bytearray(environment.raw)

    def set(self, environment: bytearray) -> None:
        assert self.libm.fesetenv(ctypes.create_string_buffer(bytes(environment))) == 0

    def flushes(self) -> bool:
        word = int.from_bytes(self.get()[self.offset : self.offset + self.size], "little")
        return word & self.flush == self.flush

    @contextmanager
    def flushing_to_zero(self) -> Iterator[None]:
        """As in a program that has loaded a library built with -ffast-math."""
        before = self.get()
        changed = before.copy()
        word = int.from_bytes(before[self.offset : self.offset + self.size], "little") | self.flush
        changed[self.offset : self.offset + self.size] = word.to_bytes(self.size, "little")
        self.set(changed)
        try:
            yield
        finally:
            self.set(before)


@pytest.mark.skipif(PLATFORM not in CONTROL_WORDS, reason="where fenv_t keeps the control word is not known here")
@pytest.mark.parametrize(("dtype", "subnormal"), [(np.float32, 1e-39), (np.float64, 1e-309)])
@pytest.mark.parametrize("size", [101, 1000, SIZE])  # enough for sums to be normal: Python's own floats are flushed too
@pytest.mark.parametrize("threads", [1, 4])
def test_flush_to_zero_of_the_caller(dtype: type[np.floating], subnormal: float, size: int, threads: int) -> None:
    """It changes no bit of a result, and is in force again afterwards."""
    scale = dtype(subnormal)
    pred, target = (array.astype(dtype) * scale for array in elements(4, size))

    def step() -> tuple[str, bytes]:
        value, grad = fl.MAE(reduction="sum").value_and_grad(pred, target)
        return value.hex(), grad.tobytes() + fl.MSE(reduction="sum").grad(pred, target).tobytes()

    control = FloatingPoint()
    assert not control.flushes()
    with fl.num_threads(threads):
        expected = step()
        with control.flushing_to_zero():
            flushed = scale * dtype(0.5)
            got = step()
            still = control.flushes()
    assert flushed == 0, "flushing had no effect, so nothing was shown"
    assert got == expected
    assert still
    assert not control.flushes()
    grad = np.frombuffer(got[1], dtype)[size:]
    assert np.array_equal(grad != 0, pred != target), "subnormal gradients are not lost"


# ---- Forks


@needs_fork
def test_fork_after_a_call_on_several_threads() -> None:
    """The child has none of the threads that the OpenMP runtime would wait for: it runs serially, its children too."""
    script = """
        fl.set_num_threads(4)
        expected = step()
        def work():
            assert step() == expected
            assert forked(lambda: step() == expected or sys.exit(1)) == 0
        for _ in range(20):
            assert forked(work) == 0
        assert step() == expected
    """
    run(script)


@needs_fork
@needs_openmp
@needs_proc
def test_fork_before_any_call_leaves_threads_to_the_child() -> None:
    script = """
        fl.set_num_threads(4)
        def work():
            before = threads()
            step()
            assert threads() - before == 3
        assert forked(work) == 0
    """
    run(script)


@needs_fork
def test_fork_from_another_thread_than_the_one_with_the_team() -> None:
    script = """
        fl.set_num_threads(4)
        expected = step()
        results = []
        thread = threading.Thread(target=lambda: results.append(forked(lambda: step() == expected or sys.exit(1))))
        thread.start()
        thread.join()
        assert results == [0]
    """
    run(script)


@needs_fork
def test_fork_while_other_threads_compute() -> None:
    script = """
        fl.set_num_threads(3)
        expected = step()
        stop = threading.Event()
        def compute():
            while not stop.is_set():
                assert step() == expected
        busy = [threading.Thread(target=compute) for _ in range(2)]
        for thread in busy:
            thread.start()
        statuses = [forked(lambda: step() == expected or sys.exit(1)) for _ in range(20)]
        stop.set()
        for thread in busy:
            thread.join()
        assert statuses == [0] * 20
    """
    run(script)


@needs_fork
def test_multiprocessing_by_fork() -> None:
    script = """
        import multiprocessing
        fl.set_num_threads(4)
        expected = step()
        with multiprocessing.get_context("fork").Pool(3) as pool:
            assert pool.starmap_async(step, [()] * 12).get(60) == [expected] * 12
        assert step() == expected
    """
    run(script)


# ---- Threads that cannot be had


@needs_openmp
@needs_proc
def test_threads_that_cannot_be_started() -> None:
    """Their stacks do not fit into the address space left: the call runs on one thread, and the process lives."""
    script = """
        import resource
        expected = step()
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (150 << 20), -1))
        fl.set_num_threads(64)
        for _ in range(3):
            assert step() == expected
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    """
    run(script)


@needs_proc
def test_threads_of_a_finished_thread_are_given_back() -> None:
    script = """
        import time
        fl.set_num_threads(3)
        step()
        before = threads()
        for _ in range(10):
            thread = threading.Thread(target=step)
            thread.start()
            thread.join()
        deadline = time.monotonic() + 30  # they end by themselves, a little later
        while threads() > before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert threads() == before
    """
    run(script)
