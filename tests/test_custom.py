"""A loss of the user's functions behaves as any other: as our own loss of the same formula."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import fusedloss as fl
from fusedloss.kinds.blocks import BLOCK

Array = np.ndarray


def log_cosh(z: Array, y: Array) -> Array:
    return np.abs(z - y) + np.log1p(np.exp(-2 * np.abs(z - y))) - np.log(2)


def slope(z: Array, y: Array) -> Array:
    return np.tanh(z - y)


def bend(z: Array, y: Array) -> Array:
    return 1 / np.cosh(z - y) ** 2


LOSS: Any = fl.Custom(log_cosh, slope, bend)
TWIN: Any = fl.LogCosh()


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (4, BLOCK - 3), (20 * BLOCK + 5,)], ids=str)
@pytest.mark.parametrize("layout", ["C", "F", "reversed"])
def test_as_our_own(dtype: np.dtype, reduction: str, shape: tuple[int, ...], layout: str) -> None:
    if reduction == "batchmean" and not shape:
        return
    rng = np.random.default_rng(0)
    pred, target, vector = (np.asarray(rng.normal(0, 2, shape)).astype(dtype) for _ in range(3))
    if layout == "F" and shape:
        pred = np.asfortranarray(pred)
    elif layout == "reversed":
        pred = np.ascontiguousarray(pred.T[::-1])[::-1].T if shape else pred
    weight = np.where(rng.random(shape) < 0.3, 0, 1.5)
    keywords: dict[str, Any] = {"sample_weight": weight}
    loss, twin = LOSS.replace(reduction=reduction), TWIN.replace(reduction=reduction)
    tolerance = {"rtol": 2e-6 if dtype == np.float32 else 1e-12, "atol": 1e-7 if dtype == np.float32 else 1e-15}
    for ours, own in zip(
        (*loss.value_grad_and_hess(pred, target, **keywords), loss.hvp(pred, target, vector=vector, **keywords)),
        (*twin.value_grad_and_hess(pred, target, **keywords), twin.hvp(pred, target, vector=vector, **keywords)),
        strict=True,
    ):
        np.testing.assert_allclose(ours, own, **tolerance)
        assert np.asarray(ours).dtype in (dtype, np.float64)
    upstream: Any = rng.normal(size=shape) if reduction == "none" else -2.0
    grad = loss.grad(pred, target, cotangent=upstream)
    np.testing.assert_allclose(grad, twin.grad(pred, target, cotangent=upstream), **tolerance)
    given = pred.copy(order="K")
    assert loss.grad(given, target, cotangent=upstream, out=given) is given
    np.testing.assert_array_equal(given, grad)


def test_threads_and_blocks_change_nothing_but_last_bits() -> None:
    rng = np.random.default_rng(1)
    pred, target = rng.normal(size=(2, 40 * BLOCK + 11))
    sizes = set()

    def watched(z: Array, y: Array) -> Array:
        sizes.add(z.size)
        assert z.dtype == y.dtype == np.float64
        return (z - y) ** 2

    loss = fl.Custom(watched, lambda z, y: 2 * (z - y))
    found = []
    for threads in (1, 4):
        with fl.num_threads(threads):
            found.append(loss.value_and_grad(pred, target))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-14)
    np.testing.assert_array_equal(found[0][1], found[1][1])
    np.testing.assert_array_equal(found[0][1], fl.MSE().grad(pred, target))
    assert max(sizes) <= BLOCK


def test_only_what_is_asked_for_is_called() -> None:
    called: list[str] = []

    def named(name: str) -> Any:
        return lambda z, y: called.append(name) or np.zeros_like(z)

    loss = fl.Custom(named("value"), named("derivative"), named("second"))
    z = np.ones(3)
    for run, expected in (
        (lambda: loss(z, z), ["value"]),
        (lambda: loss.value_and_grad(z, z), ["value", "derivative"]),
        (lambda: loss.grad_and_hess(z, z), ["derivative", "second"]),
        (lambda: loss.hvp(z, z, vector=z), ["second"]),
    ):
        called.clear()
        run()
        assert called == expected


def test_as_a_value() -> None:
    assert repr(LOSS) == "Custom(value=log_cosh, derivative=slope, second=bend)"
    assert eval(repr(LOSS), {**vars(fl), **globals()}) == LOSS
    assert pickle.loads(pickle.dumps(LOSS)) == LOSS
    assert LOSS.replace(second=None).orders == ("value", "grad")
    assert LOSS.replace(reduction="sum") != LOSS
    assert hash(fl.Custom(log_cosh, slope, bend)) == hash(LOSS)
    assert repr(2 * LOSS + fl.MSE()) == "2 * Custom(value=log_cosh, derivative=slope, second=bend) + MSE()"


def test_errors() -> None:
    with pytest.raises(TypeError, match="derivative must be a function, got 3"):
        fl.Custom(log_cosh, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"value must give an array of the shape .* \(4,\); it gave \(\)"):
        fl.Custom(lambda z, y: np.mean(z), slope)(np.ones(4), np.ones(4))
    with pytest.raises(NotImplementedError, match="no Hessian"):
        fl.Custom(log_cosh, slope).grad_and_hess([1.0], [1.0])
    with pytest.raises(ValueError, match=r"sample_weight must be >= 0, got -1\.0 at index"):
        LOSS(np.ones(3 * BLOCK), np.ones(3 * BLOCK), sample_weight=np.where(np.arange(3 * BLOCK) == BLOCK + 5, -1.0, 1))

    def failing(z: Array, y: Array) -> Array:
        raise RuntimeError("of the user")

    with pytest.raises(RuntimeError, match="of the user"):
        fl.Custom(failing, slope)(np.ones(100 * BLOCK), np.ones(100 * BLOCK))


def test_weight_zero_and_nan() -> None:
    pred = np.array([1.0, np.nan, np.inf, 0.5])
    value, grad = LOSS.value_and_grad(pred, np.zeros(4), sample_weight=[1, 0, 0, 1])
    assert np.isfinite(value)
    np.testing.assert_array_equal(grad[1:3], [0, 0])
    assert np.isnan(LOSS(pred, np.zeros(4)))


def test_a_wrong_derivative_is_found() -> None:
    pred, target = np.linspace(-2, 2, 9), np.zeros(9)
    assert fl.check_gradient(LOSS, pred, target)
    report = fl.check_gradient(fl.Custom(log_cosh, lambda z, y: slope(z, y) + 1e-3 * (z > 1.8)), pred, target)
    assert not report
    assert report.worst.what == "grad of pred"
    assert report.worst.worst == (8,)
    assert "DIFFERS" in str(report)
