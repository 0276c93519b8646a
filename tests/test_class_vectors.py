"""Losses of vectors and of a vector or a cosine for each class; of two views of a batch by their dimensions."""

from __future__ import annotations

import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from closeness import assert_close
from sampling import INSTANCES

import fusedloss as fl
from fusedloss.kinds import similarities
from fusedloss.kinds.angular import AngularMargins
from fusedloss.kinds.centers import Centers
from fusedloss.kinds.views import Views

Array = np.ndarray
Case = tuple[Any, tuple[str, ...]]

CASES: list[Case] = [
    (loss, given)
    for loss in INSTANCES
    if isinstance(loss, (AngularMargins, Centers, Views))
    for given in dict.fromkeys((loss.operands, loss.operands[: None if not loss.optional else 2]))
]
OF_CLASSES = [case for case in CASES if not isinstance(case[0], Views)]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]!r}-{len(case[1])}")
each_of_classes = pytest.mark.parametrize("case", OF_CLASSES, ids=lambda case: f"{case[0]!r}-{len(case[1])}")


def operands_of(case: Case, dtype: Any = np.float64, samples: int = 40, seed: int = 0) -> tuple[Array, ...]:
    """Operands with 7 dimensions or classes."""
    loss, given = case
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(samples, 7))
    made = {
        "labels": rng.integers(0, 7, samples),
        "weight": rng.normal(size=(7, 7)).astype(dtype),
        "centers": rng.normal(size=(7, 7)).astype(dtype),
        "view1": (base + 0.5 * rng.normal(size=base.shape)).astype(dtype),
        "view2": base.astype(dtype),
        "embeddings": (np.tanh(base) if loss.optional and given != loss.operands else base).astype(dtype),
    }
    return tuple(made[name] for name in given)


def variables(case: Case) -> list[int]:
    """The places of operands with a gradient."""
    return [k for k, name in enumerate(case[1]) if name in case[0].variables]


def items(case: Case, samples: int = 40) -> tuple[int, ...]:
    return () if isinstance(case[0], Views) else (samples,)


def hold(actual: Any, expected: Any, dtype: Any, what: str) -> None:
    """Sums over dimensions, classes or samples: close relative to the largest of each array."""
    slack = 512 * np.finfo(dtype).eps * np.max(np.abs(expected), initial=0.0)
    assert_close(actual, expected, 512, dtype, slack, what=what)


def formula(loss: Any, *operands: Array) -> Array:
    """The items by the formulas of the docstrings."""
    x = operands[0].astype(float)
    if isinstance(loss, Views):
        y = operands[1].astype(float)
        n, d = x.shape
        off = 1 - np.eye(d)
        if isinstance(loss, fl.BarlowTwins):
            x, y = ((z - z.mean(0)) / (z.std(0, ddof=int(loss.unbiased)) + loss.eps) for z in (x, y))
            c = x.T @ y / n
            return np.sum((1 - np.diagonal(c)) ** 2) + loss.lambd * np.sum(off * c**2)
        value = loss.invariance * np.mean((x - y) ** 2)
        for z in (x, y):
            v = np.cov(z.T)
            value += loss.variance * np.mean(np.maximum(0, loss.gamma - np.sqrt(np.diagonal(v) + loss.eps))) / 2
            value += loss.covariance * np.sum(off * v**2) / d
        return value
    labels = operands[1]
    if isinstance(loss, fl.CenterLoss):
        return 0.5 * np.sum((x - operands[2].astype(float)[labels]) ** 2, axis=1)
    if len(operands) > 2:
        w = operands[2].astype(float)
        x = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (w / np.linalg.norm(w, axis=1, keepdims=True)).T
    own = np.arange(len(x)), labels
    c, m = x[own], loss.margin
    if isinstance(loss, fl.CosFace):
        bent = c - m
    else:
        wider, angle = np.cos(np.arccos(c) + m), np.arccos(c)
        bent = np.where(c > 0, wider, c) if loss.easy_margin else np.where(angle <= np.pi - m, wider, c - m * np.sin(m))
        bent -= loss.cosine_margin
    logits = x.copy()
    logits[own] = bent
    logits *= loss.scale
    return np.logaddexp.reduce(logits, axis=1) - logits[own]


# ---- Results ----


@each_case
@pytest.mark.parametrize("block_bytes", [100, 16 << 20])
@pytest.mark.parametrize("weighted", [False, True])
def test_against_the_formula(
    case: Case,
    dtype: np.dtype,
    reduction: str,
    weighted: bool,
    block_bytes: int,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(similarities, "BLOCK_BYTES", block_bytes)
    loss, shape = case[0].replace(reduction=reduction), items(case)
    if reduction == "batchmean" and not shape:
        return
    operands = operands_of(case, dtype)
    weight = np.random.default_rng(1).choice([0.5, 0, 2.0] if shape else [2.0], shape) if weighted else np.ones(shape)
    expected = np.where(weight == 0, 0, weight * formula(loss, *operands))
    total = {"mean": np.sum(weight), "batchmean": 40}.get(reduction, 1)
    value = loss(*operands, sample_weight=weight if weighted else None)
    hold(value, expected if reduction == "none" else np.sum(expected) / total, dtype, "value")
    if shape:
        assert loss.weight_total(operands[1], sample_weight=weight) == pytest.approx(np.sum(weight))
        assert loss.partial(*operands, sample_weight=weight)[1] == pytest.approx(np.sum(weight))
    else:
        with pytest.raises(NotImplementedError, match="has no shards: its item is the whole batch"):
            loss.partial(*operands)


@each_case
def test_gradients_are_derivatives_of_the_returned_value(case: Case, reduction: str, backend: str) -> None:
    loss, shape = case[0].replace(reduction=reduction), items(case)
    if reduction == "batchmean" and not shape:
        return
    operands = operands_of(case)
    rng = np.random.default_rng(4)
    weight = rng.uniform(0.5, 2, shape)
    upstream: Any = rng.normal(size=shape) if reduction == "none" else 0.75
    grads = loss.grad(*operands, sample_weight=weight, cotangent=upstream)
    h = 1e-5
    for k, grad in zip(variables(case), grads, strict=True):
        direction = rng.normal(size=operands[k].shape) * (1 - operands[k] ** 2 if len(case[1]) == 2 and shape else 1)

        def value(step: float, k: int = k, direction: Array = direction) -> float:
            moved = (*operands[:k], operands[k] + step * direction, *operands[k + 1 :])
            return float(np.sum(upstream * loss(*moved, sample_weight=weight)))

        slope = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
        assert np.sum(grad * direction) == pytest.approx(slope, rel=1e-7, abs=1e-7)


@each_case
def test_blocks_and_backends_change_nothing_but_rounding(
    case: Case, dtype: np.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    operands = operands_of(case, dtype)
    with fl.use_backend("numpy"):
        wide = tuple(x if x.dtype.kind == "i" else x.astype(float) for x in operands)
        expected, slopes = case[0].value_and_grad(*wide)
    for block_bytes in (1, 300, 16 << 20):
        monkeypatch.setattr(similarities, "BLOCK_BYTES", block_bytes)
        value, grads = case[0].value_and_grad(*operands)
        hold(value, expected, dtype, "value")
        for grad, slope in zip(grads, slopes, strict=True):
            assert grad.dtype == dtype
            hold(grad, slope, dtype, "gradient")


# ---- Hard points ----


@pytest.mark.parametrize("loss", [fl.ArcFace(), fl.ArcFace(margin=np.pi), fl.ArcFace(easy_margin=True), fl.CosFace()])
def test_cosines_of_one_and_minus_one(loss: Any, dtype: np.dtype, backend: str) -> None:
    eps = np.finfo(dtype).eps
    own = np.array([1, -1, 1 - eps, -1 + eps, 1 + eps, -1 - eps, 0])
    cosines = np.stack([own, np.full(7, 0.3)], axis=1).astype(dtype)
    value, (grad,) = loss.replace(reduction="none").value_and_grad(cosines, np.zeros(7, int))
    assert np.isfinite(value).all()
    assert np.isfinite(grad).all()
    x = np.array([[3.0, 4.0], [-3.0, -4.0], [0.0, 0.0], [6.0, 8.0], [3.0, 4.0]], dtype)
    weight = np.array([[3.0, 4.0], [1.0, 1.0], [0.0, 0.0]], dtype)
    value, grads = loss.replace(reduction="none").value_and_grad(x, [0, 0, 0, 1, 2], weight)
    assert np.isfinite(value).all()
    assert all(np.isfinite(grad).all() for grad in grads)
    assert not grads[0][2].any()
    assert not grads[1][2].any()


@pytest.mark.parametrize("angle", [1e-12, 1e-6, 1e-3, 0.1, 3.0, np.pi - 1e-3, np.pi - 1e-9])
def test_small_angles_keep_their_digits(angle: float, backend: str) -> None:
    """With the own class alone there is no loss; beside one of the cosine 0 the derivative by the angle is known."""
    scale, m = 3.0, 0.5
    unit = np.array([[np.cos(angle), np.sin(angle), 0.0]])
    weight = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    value, (grad, _) = fl.ArcFace(scale=scale, margin=m).value_and_grad(unit, [0], weight)
    within = angle <= np.pi - m
    bent = np.cos(angle + m) if within else np.cos(angle) - m * np.sin(m)
    slope = np.sin(angle + m) if within else np.sin(angle)
    other = 1 / (1 + np.exp(scale * bent))
    assert value == pytest.approx(-np.log1p(-other), rel=1e-12)
    tangent = np.array([-np.sin(angle), np.cos(angle), 0.0])
    expected = scale * other * (slope * tangent + np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(grad[0], expected, rtol=1e-9, atol=1e-9)


def test_constant_dimensions(dtype: np.dtype, backend: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 8, 4)).astype(dtype)
    x[:, :, 2] = 3
    for loss in (fl.BarlowTwins(), fl.VICReg()):
        value, grads = loss.value_and_grad(*x)
        assert np.isfinite(value)
        assert all(np.isfinite(grad).all() for grad in grads)


@each_of_classes
def test_items_of_weight_zero_add_nothing(case: Case, dtype: np.dtype, backend: str) -> None:
    operands = list(operands_of(case, dtype))
    weight = (np.arange(40) != 7).astype(float)
    value, grads = case[0].value_and_grad(*operands, sample_weight=weight)
    operands[0] = operands[0].copy()
    operands[0][7] = np.nan
    again, slopes = case[0].value_and_grad(*operands, sample_weight=weight)
    assert again == value
    for grad, slope in zip(grads, slopes, strict=True):
        np.testing.assert_allclose(slope, grad, rtol=1e-5, atol=1e-6)
    assert not slopes[0][7].any()
    spoilt = case[0].replace(reduction="none")(*operands)
    np.testing.assert_array_equal(np.isnan(spoilt), np.arange(40) == 7)


@each_case
def test_nothing_there_is_zero(case: Case, dtype: np.dtype, backend: str) -> None:
    shape = items(case)
    operands = operands_of(case, dtype)
    value, grads = case[0].value_and_grad(*operands, sample_weight=np.zeros(shape))
    assert value == 0
    assert not any(grad.any() for grad in grads)
    if shape:
        value, grads = case[0].value_and_grad(*operands_of(case, dtype, samples=0))
        assert value == 0
        assert not any(grad.any() for grad in grads)


# ---- Arrays ----


@each_case
def test_layouts_and_outputs(case: Case, dtype: np.dtype, backend: str) -> None:
    operands = operands_of(case, dtype)
    before = [x.copy() for x in operands]
    value, grads = case[0].value_and_grad(*operands)
    for x, y in zip(operands, before, strict=True):
        np.testing.assert_array_equal(x, y)
    laid = tuple(np.asfortranarray(x) for x in operands)
    again, slopes = case[0].value_and_grad(*laid)
    assert again == value
    given = tuple(x.copy() for x in operands)
    into = tuple(given[k] for k in variables(case))
    found = case[0].grad(*given, out=into)
    for grad, slope, out, array in zip(grads, slopes, into, found, strict=True):
        np.testing.assert_array_equal(slope, grad)
        np.testing.assert_array_equal(out, grad)
        assert array is out
    for k, grad in zip(variables(case), grads, strict=True):
        np.testing.assert_array_equal(case[0].grad(*operands, wrt=case[1][k]), grad)


@each_case
@pytest.mark.parametrize("narrow", [np.float16, ml_dtypes.bfloat16])
def test_narrow_floats(case: Case, narrow: Any) -> None:
    operands = operands_of(case, np.float32)
    narrowed = tuple(x if x.dtype.kind == "i" else x.astype(narrow) for x in operands)
    value, grads = case[0].value_and_grad(*narrowed)
    expected, slopes = case[0].value_and_grad(*(x if x.dtype.kind == "i" else x.astype(np.float32) for x in narrowed))
    assert value == pytest.approx(expected, rel=1e-5)
    for grad, slope in zip(grads, slopes, strict=True):
        assert grad.dtype == narrow
        size = float(np.max(np.abs(slope)))
        np.testing.assert_allclose(grad.astype(float), slope, rtol=2.0**-7, atol=1e-5 * size + 1e-7)


@pytest.mark.parametrize("loss", [fl.ArcFace(), fl.BarlowTwins(), fl.VICReg()], ids=repr)
def test_memory_grows_with_operands_and_a_block(loss: Any) -> None:
    """4096 x 16384 cosines have 268 MB, as many as the products of 8192 dimensions."""
    rng = np.random.default_rng(6)
    if isinstance(loss, Views):
        operands: Any = tuple(rng.normal(size=(64, 8192)).astype(np.float32) for _ in range(2))
    else:
        embeddings, weight = (rng.normal(size=(n, 64)).astype(np.float32) for n in (4096, 16384))
        operands = embeddings, rng.integers(0, 16384, 4096), weight
    tracemalloc.start()
    try:
        loss.value_and_grad(*operands)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120e6, f"{peak / 1e6:.0f} MB"


# ---- What is refused ----


@each_case
def test_operands_at_fault_are_named(case: Case, backend: str) -> None:
    loss, names = case
    operands = operands_of(case)
    for k, name in enumerate(names[1:], 1):
        wrong = operands[k][:, :5] if operands[k].ndim > 1 else operands[k][:5]
        with pytest.raises(ValueError, match=name):
            loss(*operands[:k], wrong, *operands[k + 1 :])
    with pytest.raises(ValueError, match=names[0]):
        loss(operands[0][0], *operands[1:])
    with pytest.raises(NotImplementedError, match="has no Hessian; it has value, grad"):
        loss.grad_and_hess(*operands)
    with pytest.raises(ValueError, match=r"sample_weight must be >= 0, got -1\.0"):
        loss(*operands, sample_weight=np.full(items(case), -1.0))
    if "labels" in names:
        for label in (-1, 7):
            labels = operands[1].copy()
            labels[4] = label
            with pytest.raises(IndexError, match=rf"labels {label} at index \(4,\) is out of range for 7 classes"):
                loss(operands[0], labels, *operands[2:])
        with pytest.raises(TypeError, match="labels"):
            loss(operands[0], operands[1] + 0.5, *operands[2:])


def test_numbers_that_are_no_cosines() -> None:
    with pytest.raises(ValueError, match=r"embeddings without a weight are cosines and must be in \[-1, 1\], got 1\.5"):
        fl.ArcFace()([[0.5, 1.5]], [0])
    for loss in (fl.BarlowTwins(), fl.VICReg()):
        with pytest.raises(ValueError, match="view1 must have at least 2 samples"):
            loss([[1.0]], [[1.0]])
    with pytest.raises(ValueError, match="at least one class"):
        fl.CosFace()(np.zeros((3, 0)), [0, 0, 0])
