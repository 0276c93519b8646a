"""Losses of embeddings: pairs, triplets, and batches in which each vector meets all others."""

from __future__ import annotations

import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from closeness import assert_close
from sampling import INSTANCES

import fusedloss as fl
from fusedloss.kinds import all_pairs, similarities
from fusedloss.kinds.folds import Folds
from fusedloss.kinds.measures import Measured
from fusedloss.kinds.mining import Mining
from fusedloss.kinds.similarities import Compares

Array = np.ndarray

MEASURED = [loss for loss in INSTANCES if isinstance(loss, Measured)]
COMPARED = [loss for loss in INSTANCES if isinstance(loss, Compares)]
each_measured = pytest.mark.parametrize("loss", MEASURED, ids=repr)
each_compared = pytest.mark.parametrize("loss", COMPARED, ids=repr)
MINED = [loss for loss in INSTANCES if isinstance(loss, Mining)]
each_mined = pytest.mark.parametrize("loss", MINED, ids=repr)
FOLDED = [loss for loss in INSTANCES if isinstance(loss, Folds)]
each_folded = pytest.mark.parametrize("loss", FOLDED, ids=repr)
each_loss = pytest.mark.parametrize("loss", MEASURED + COMPARED + MINED + FOLDED, ids=repr)


def operands_of(loss: Any, shape: tuple[int, ...], dtype: Any = np.float64, seed: int = 0) -> tuple[Array, ...]:
    """Vectors of a shape (..., dimensions) that are neither far apart nor alike; targets and labels."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=shape)
    made = []
    for name in loss.operands:
        if name == "labels":
            made.append(rng.integers(-2, max(1, shape[0] // 4), shape[:-1]))
        elif name == "target":
            made.append(rng.choice(loss.domain["target"].numbers, shape[:-1]))
        else:
            made.append((base + 0.4 * rng.normal(size=shape)).astype(dtype))
    return tuple(made)


def items_of(loss: Any, operands: tuple[Array, ...]) -> tuple[int, ...]:
    return np.shape(loss.replace(reduction="none")(*operands))


def tuples(loss: Any, given: Any) -> tuple[Array, ...]:
    return given if len(loss.variables) > 1 else (given,)


def hold(actual: Any, expected: Any, dtype: Any, what: str, epsilons: float = 64, size: float = 0.0) -> None:
    """Sums over dimensions or vectors: close relative to the largest of each array, or of the terms."""
    slack = epsilons * np.finfo(dtype).eps * np.max(np.abs(expected), initial=size)
    assert_close(actual, expected, epsilons, dtype, slack, what=what)


# ---- Results ----


@each_measured
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(3,), (1, 2), (17, 5), (9, 8), (2, 3, 64), (600, 33)], ids=str)
def test_against_the_reference(
    loss: Any, dtype: np.dtype, reduction: str, shape: tuple[int, ...], weighted: bool
) -> None:
    if reduction == "batchmean" and len(shape) == 1:
        return
    loss = loss.replace(reduction=reduction)
    operands = operands_of(loss, shape, dtype)
    rng = np.random.default_rng(1)
    keywords: dict[str, Any] = {"cotangent": -1.5}
    if weighted:
        keywords["sample_weight"] = np.where(rng.random(shape[:-1]) < 0.3, 0, rng.uniform(0.5, 2, shape[:-1]))
    if reduction == "none":
        keywords["cotangent"] = rng.normal(size=shape[:-1])
    value, grads = loss.value_and_grad(*operands, **keywords)
    with fl.use_backend("numpy"):
        wide = tuple(x.astype(np.float64) for x in operands)
        expected, slopes = loss.value_and_grad(*wide, **keywords)
    hold(value, expected, dtype, "value")
    for name, grad, slope in zip(loss.variables, tuples(loss, grads), tuples(loss, slopes), strict=True):
        assert (grad.shape, grad.dtype) == (shape, dtype)
        hold(grad, slope, dtype, name)


@each_loss
def test_gradients_are_derivatives_of_the_returned_value(loss: Any, reduction: str, backend: str) -> None:
    loss = loss.replace(reduction=reduction)
    operands = operands_of(loss, (12, 5), seed=3)
    rng = np.random.default_rng(4)
    shape = items_of(loss, operands)
    keywords: dict[str, Any] = {"sample_weight": rng.uniform(0.5, 2, shape)}
    if reduction == "mean":
        keywords["denominator"] = 2.5
    upstream: Any = rng.normal(size=shape) if reduction == "none" else 0.75
    index = [loss.operands.index(name) for name in loss.variables]
    directions = [rng.normal(size=operands[k].shape) for k in index]

    def value(k: int, step: float) -> float:
        moved = list(operands)
        moved[index[k]] = moved[index[k]] + step * directions[k]
        return float(np.sum(upstream * loss(*moved, **keywords)))

    h = 1e-5
    for k, grad in enumerate(tuples(loss, loss.grad(*operands, cotangent=upstream, **keywords))):
        slope = (8 * (value(k, h) - value(k, -h)) - (value(k, 2 * h) - value(k, -2 * h))) / (12 * h)
        assert np.sum(grad * directions[k]) == pytest.approx(slope, rel=1e-8, abs=1e-8)


def formula(loss: Any, *operands: Array) -> Array:
    """The items of a loss of all similarities, by the formula of its docstring, with the array of all of them."""
    labels = operands[1] if loss.operands[-1] == "labels" else None
    vectors = [x.astype(float) for x in (operands[:1] if labels is not None else operands)]
    if loss.options.get("normalize"):
        vectors = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in vectors]
    scale = 1 / loss.options.get("temperature", 1.0)
    if isinstance(loss, fl.NTXent):
        z = np.concatenate(vectors)
        s = scale * z @ z.T
        e = np.exp(s - s.max()) * (1 - np.eye(len(z)))
        own = np.roll(np.arange(len(z)), len(z) // 2)
        return (np.log(e.sum(axis=1)) + s.max() - s[np.arange(len(z)), own]).reshape(2, -1).T
    if labels is None:
        s = scale * vectors[0] @ vectors[1].T
        return np.log(np.exp(s - s.max()).sum(axis=1)) + s.max() - np.diagonal(s)
    s = scale * vectors[0] @ vectors[0].T
    items = np.zeros(len(s))
    for i in range(len(s)):
        positives = [j for j in range(len(s)) if j != i and labels[j] == labels[i]]
        others = np.delete(s[i], i)
        total = np.log(np.sum(np.exp(others - others.max()))) + others.max() if others.size else 0.0
        items[i] = np.mean([total - s[i, p] for p in positives]) if positives else 0.0
    return items


@each_compared
@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (13, 8), (150, 20)], ids=str)
@pytest.mark.parametrize("block_bytes", [300, 16 << 20])
def test_against_the_formula(
    loss: Any,
    dtype: np.dtype,
    reduction: str,
    shape: tuple[int, ...],
    block_bytes: int,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(similarities, "BLOCK_BYTES", block_bytes)
    loss = loss.replace(reduction=reduction)
    operands = operands_of(loss, shape, dtype)
    items = formula(loss, *operands)
    weight = np.random.default_rng(5).choice([0, 0.5, 2.0], items.shape)
    counts = np.ones(items.shape)
    if "labels" in loss.operands:
        counts = np.array([np.sum(operands[1] == label) > 1 for label in operands[1]], float)
    for given, w in ((None, counts), (weight, weight * counts)):
        value = loss(*operands, sample_weight=given)
        total = {"mean": w.sum(), "sum": 1.0, "none": 1.0, "batchmean": shape[0]}[reduction]
        expected = w * items if reduction == "none" else np.sum(w * items) / total if total else 0.0
        hold(value, expected, dtype, "value", 512, 1 / max(total, 1))
        assert loss.replace(reduction="mean").weight_total(
            operands[loss.operands.index(loss.weighed)], sample_weight=given
        ) == pytest.approx(w.sum())


@pytest.mark.parametrize("loss", COMPARED + FOLDED, ids=repr)
def test_blocks_and_backends_change_nothing_but_rounding(
    loss: Any, dtype: np.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    operands = operands_of(loss, (70, 9), dtype)
    with fl.use_backend("numpy"):
        expected, slopes = loss.value_and_grad(*(x if x.dtype.kind == "i" else x.astype(float) for x in operands))
    for block_bytes in (1, 7000, 16 << 20):
        monkeypatch.setattr(similarities, "BLOCK_BYTES", block_bytes)
        monkeypatch.setattr(all_pairs, "BLOCK_BYTES", block_bytes)
        value, grads = loss.value_and_grad(*operands)
        hold(value, expected, dtype, "value", 256)
        for name, grad, slope in zip(loss.variables, tuples(loss, grads), tuples(loss, slopes), strict=True):
            assert grad.dtype == dtype
            hold(grad, slope, dtype, name, 1024)


def mined(loss: Any, embeddings: Array, labels: Array) -> tuple[Array, Array]:
    """The sum over the triplets of each anchor, and their number, triplet by triplet."""
    x = embeddings.astype(float)
    if loss.normalize or loss.distance == "cosine":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    apart = np.sum((x[:, None] - x) ** 2, axis=2)
    d = {"l2": np.sqrt(apart), "sqeuclidean": apart, "cosine": 1 - x @ x.T}[loss.distance]
    values, counts = np.zeros(len(x)), np.zeros(len(x))
    for a in range(len(x)):
        positives = [j for j in range(len(x)) if labels[j] == labels[a] and j != a]
        negatives = [j for j in range(len(x)) if labels[j] != labels[a]]
        if not positives or not negatives:
            continue
        if loss.mining == "batch_hard":
            chosen = [(max(d[a, p] for p in positives), min(d[a, n] for n in negatives))]
        elif loss.mining == "batch_all":
            chosen = [(d[a, p], d[a, n]) for p in positives for n in negatives]
        else:
            chosen = []
            for p in positives:
                farther = [d[a, n] for n in negatives if d[a, n] > d[a, p]]
                chosen.append((d[a, p], min(farther) if farther else max(d[a, n] for n in negatives)))
        u = np.array([near - far for near, far in chosen])
        values[a] = np.sum(np.logaddexp(0, u) if loss.soft else np.maximum(0, u + loss.margin))
        counts[a] = len(chosen)
    return values, counts


@each_mined
@pytest.mark.parametrize("shape", [(1, 3), (2, 4), (13, 8), (60, 20)], ids=str)
@pytest.mark.parametrize("block_bytes", [300, 12 << 20])
def test_mining_against_all_triplets(
    loss: Any,
    dtype: np.dtype,
    reduction: str,
    shape: tuple[int, ...],
    block_bytes: int,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(all_pairs, "BLOCK_BYTES", block_bytes)
    loss = loss.replace(reduction=reduction)
    operands = operands_of(loss, shape, dtype)
    items, counts = mined(loss, *operands)
    weight = np.random.default_rng(5).choice([0, 0.5, 2.0], items.shape)
    for given, w in ((None, np.ones(items.shape)), (weight, weight)):
        value = loss(*operands, sample_weight=given)
        total = {"mean": np.sum(w * counts), "batchmean": shape[0]}.get(reduction, 1.0)
        expected = w * items if reduction == "none" else np.sum(w * items) / total if total else 0.0
        hold(value, expected, np.float64 if reduction != "none" else dtype, "value", 512)
        assert loss.weight_total(operands[1], sample_weight=given) == pytest.approx(np.sum(w * counts))


def folded(loss: Any, embeddings: Array, labels: Array) -> tuple[Array, Array]:
    """The value of each anchor by the formula of the docstring, pair by pair, and what it counts."""
    x = embeddings.astype(float)
    if loss.normalize or loss.metric() == "cosine":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    apart = np.sum((x[:, None] - x) ** 2, axis=2)
    between = {"l2": np.sqrt(apart), "sqeuclidean": apart, "cosine": 1 - x @ x.T, "product": x @ x.T}[loss.metric()]
    values, counts = np.zeros(len(x)), np.zeros(len(x))
    for a, b in enumerate(between):
        own = [j for j in range(len(x)) if labels[j] == labels[a] and j != a]
        others = labels != labels[a]
        near, far = b[own], b[others]
        if isinstance(loss, fl.MultiSimilarity):
            counts[a] = len(x) > 1
            if loss.epsilon is not None:
                easy, hard = np.max(far, initial=-np.inf), np.min(near, initial=np.inf)
                near, far = near[near < easy + loss.epsilon], far[far > hard - loss.epsilon]
            values[a] = np.log1p(np.sum(np.exp(loss.alpha * (loss.base - near)))) / loss.alpha
            values[a] += np.log1p(np.sum(np.exp(loss.beta * (far - loss.base)))) / loss.beta
        elif own and others.any():
            counts[a] = 1
            m = loss.margin
            if isinstance(loss, fl.Circle):
                near = np.logaddexp.reduce(-loss.gamma * np.maximum(1 + m - near, 0) * (near - 1 + m))
                far = np.logaddexp.reduce(loss.gamma * np.maximum(far + m, 0) * (far - m))
                values[a] = np.logaddexp(0, near + far)
            elif isinstance(loss, fl.GeneralizedLifted):
                near, far = np.exp(near - loss.positive_margin), np.exp(m - far)
                values[a] = np.maximum(0, np.log(near.sum() * far.sum()))
            else:
                counts[a] = len(own)
                beside = [np.sum(np.exp(m - far)) + np.sum(np.exp(m - between[p][others])) for p in own]
                values[a] = 0.5 * np.sum(np.maximum(0, np.log(beside) + near - loss.positive_margin) ** 2)
    return values, counts


@each_folded
@pytest.mark.parametrize("shape", [(1, 3), (2, 4), (13, 8), (60, 20)], ids=str)
@pytest.mark.parametrize("block_bytes", [300, 12 << 20])
def test_folds_against_the_formula(
    loss: Any, dtype: np.dtype, shape: tuple[int, ...], block_bytes: int, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_pairs, "BLOCK_BYTES", block_bytes)
    operands = operands_of(loss, shape, dtype)
    items, counts = folded(loss, *operands)
    weight = np.random.default_rng(5).choice([0, 0.5, 2.0], items.shape)
    for given, w in ((None, np.ones(items.shape)), (weight, weight)):
        total = np.sum(w * counts)
        hold(loss.replace(reduction="none")(*operands, sample_weight=given), w * items, dtype, "items", 1024)
        value = loss(*operands, sample_weight=given)
        hold(value, np.sum(w * items) / total if total else 0.0, dtype, "value", 1024)
        assert loss.weight_total(operands[1], sample_weight=given) == pytest.approx(total)


ALIKE = [fl.TripletMining(mining=name) for name in ("batch_hard", "batch_semihard", "batch_all")]


@pytest.mark.parametrize("loss", [*ALIKE, fl.Lifted(), fl.GeneralizedLifted()], ids=repr)
def test_vectors_that_agree_have_the_distance_zero(loss: Any, backend: str) -> None:
    embeddings = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [5.0, 2.0]]) / 3
    value, grad = loss.replace(reduction="sum").value_and_grad(embeddings, [0, 0, 1, 1])
    assert np.isfinite(value)
    assert np.isfinite(grad).all()


# ---- Hard points ----


@each_measured
def test_distance_zero_and_vectors_without_length(loss: Any, dtype: np.dtype, backend: str) -> None:
    operands = list(operands_of(loss, (3, 7), dtype))
    count = len(loss.variables)
    for k in range(count):
        operands[k] = operands[k].copy()
        operands[k][0] = 0
        operands[k][1] = operands[0][1]
    operands[0][2] = 0
    value, grads = loss.value_and_grad(*operands)
    assert np.isfinite(value)
    for grad in grads:
        assert np.isfinite(grad).all()
        assert not grad[0].any()
        if loss.options.get("normalize") or "ine" in str(loss.options.get("distance", type(loss).__name__)):
            assert not grads[0][2].any()


@each_loss
@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e-30, 1e30, 1e160, 1e300])
def test_vectors_of_any_length(loss: Any, size: float, dtype: np.dtype) -> None:
    """Neither squares nor powers leave the range where results do not."""
    if dtype == np.float32 and not 1e-31 < size < 1e31:
        return
    operands = operands_of(loss, (6, 9))
    scaled = tuple(
        (x * size).astype(dtype) if name in loss.variables else x
        for name, x in zip(loss.operands, operands, strict=True)
    )
    with np.errstate(over="ignore"):
        value, grads = loss.replace(reduction="sum").value_and_grad(*scaled)
    if loss.options.get("normalize"):
        expected, slopes = loss.replace(reduction="sum").value_and_grad(*operands)
        hold(value, expected, dtype, "value", 1e4)
        for grad, slope in zip(tuples(loss, grads), tuples(loss, slopes), strict=True):
            with np.errstate(over="ignore"):
                hold(grad, (slope / size).astype(dtype), dtype, "gradient", 1e4)
    elif (
        isinstance(loss, Measured) and loss.options.get("distance") != "sqeuclidean" and not loss.options.get("squared")
    ):
        assert np.isfinite(value)
        assert all(np.isfinite(grad).all() for grad in grads)


def test_distances_of_hard_pairs() -> None:
    """To the last places, where squares underflow, overflow or cancel."""
    for size in (1e-200, 1.0, 1e200):
        x, y = np.array([[3.0, 4.0]]) * size, np.array([[0.0, 0.0]])
        value, (first, second) = fl.Contrastive(squared=False, margin=0).value_and_grad(x, y, [1])
        assert value == pytest.approx(5 * size, rel=4e-16)
        np.testing.assert_allclose(first, [[0.6, 0.8]], rtol=4e-16)
        np.testing.assert_allclose(second, [[-0.6, -0.8]], rtol=4e-16)
    x = np.array([[1.0, 1e-180]])
    assert fl.Contrastive(squared=False)(x, np.array([[1.0, 0.0]]), [1]) == pytest.approx(1e-180, rel=4e-16)
    largest = np.array([[np.finfo(float).max]])
    slope = fl.Contrastive(squared=False).grad(largest, -largest, [1], wrt="x1")
    np.testing.assert_allclose(slope, [[1.0]], rtol=4e-16)
    value = fl.CosineSimilarity(eps=0, negative=True)(x * 1e-150, np.array([[1e200, 0.0]]))
    assert value == pytest.approx(-1, rel=4e-16)


@each_measured
def test_one_nan_spoils_one_item(loss: Any, dtype: np.dtype, backend: str) -> None:
    loss = loss.replace(reduction="none")
    operands = list(operands_of(loss, (20, 9), dtype))
    value, grads = loss.value_and_grad(*operands)
    operands[1] = operands[1].copy()
    operands[1][13, 8] = np.nan
    spoilt, slopes = loss.value_and_grad(*operands)
    np.testing.assert_array_equal(np.isnan(spoilt), np.arange(20) == 13)
    np.testing.assert_array_equal(np.delete(spoilt, 13), np.delete(value, 13))
    for grad, slope in zip(grads, slopes, strict=True):
        np.testing.assert_array_equal(np.delete(slope, 13, 0), np.delete(grad, 13, 0))
    assert np.isnan(slopes[1][13]).all()


@each_loss
def test_items_of_weight_zero_add_nothing(loss: Any, dtype: np.dtype, backend: str) -> None:
    operands = operands_of(loss, (20, 9), dtype)
    weight = np.ones(items_of(loss, operands))
    weight[7] = 0
    items = loss.replace(reduction="none")(*operands)
    value, grads = loss.value_and_grad(*operands, sample_weight=weight)
    assert value == pytest.approx(
        np.sum(items * weight, dtype=float)
        / loss.weight_total(operands[loss.operands.index(loss.weighed)], sample_weight=weight),
        rel=1e-6 if dtype == np.float32 else 1e-13,
    )
    if isinstance(loss, Measured):
        spoilt = tuple(
            np.where((np.arange(20) == 7).reshape(-1, *[1] * (x.ndim - 1)), np.nan, x).astype(x.dtype) for x in operands
        )
        again, slopes = loss.value_and_grad(*spoilt, sample_weight=weight)
        assert again == value
        for grad, slope in zip(grads, slopes, strict=True):
            np.testing.assert_array_equal(grad, slope)
            assert not grad[7].any()


@each_loss
@pytest.mark.parametrize("how", ["empty", "no weight"])
def test_nothing_there_is_zero(loss: Any, dtype: np.dtype, reduction: str, how: str, backend: str) -> None:
    loss = loss.replace(reduction=reduction)
    operands = operands_of(loss, (0 if how == "empty" else 6, 5), dtype)
    weight = None if how == "empty" else np.zeros(items_of(loss, operands))
    value, grads = loss.value_and_grad(*operands, sample_weight=weight)
    assert not np.any(value)
    assert not any(np.any(grad) for grad in tuples(loss, grads))


# ---- Arrays ----


def strided(x: Array) -> Array:
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


@each_loss
@pytest.mark.parametrize("change", [np.asfortranarray, strided, lambda x: x.astype(x.dtype.newbyteorder())])
def test_layouts_change_no_bit(loss: Any, dtype: np.dtype, change: Any) -> None:
    operands = operands_of(loss, (30, 21), dtype)
    value, grads = loss.value_and_grad(*operands)
    laid = tuple(change(x) for x in operands)
    again, slopes = loss.value_and_grad(*laid)
    assert again == value
    for grad, slope in zip(tuples(loss, grads), tuples(loss, slopes), strict=True):
        np.testing.assert_array_equal(grad, slope)
        assert slope.flags.c_contiguous
    outs = tuple(strided(np.full_like(grad, np.nan)) for grad in tuples(loss, grads))
    given = tuples(loss, loss.grad(*laid, out=outs if len(outs) > 1 else outs[0]))
    for grad, out, array in zip(tuples(loss, grads), outs, given, strict=True):
        assert array is out
        np.testing.assert_array_equal(grad, out)


@each_loss
def test_operands_themselves_may_be_out(loss: Any, dtype: np.dtype, backend: str) -> None:
    operands = operands_of(loss, (30, 21), dtype)
    grads = tuples(loss, loss.grad(*operands))
    given = tuple(x.copy() for x in operands)
    out = given[: len(loss.variables)]
    loss.grad(*given, out=out if len(out) > 1 else out[0])
    for grad, array in zip(grads, out, strict=True):
        np.testing.assert_array_equal(array, grad)
    for name, grad in zip(loss.variables, grads, strict=True):
        np.testing.assert_array_equal(loss.grad(*operands, wrt=name), grad)


@each_loss
@pytest.mark.parametrize("narrow", [np.float16, ml_dtypes.bfloat16])
def test_narrow_floats(loss: Any, narrow: Any) -> None:
    operands = operands_of(loss, (30, 21), np.float32)
    narrowed = tuple(
        x.astype(narrow) if name in loss.variables else x for name, x in zip(loss.operands, operands, strict=True)
    )
    widened = tuple(
        x.astype(np.float32) if name in loss.variables else x for name, x in zip(loss.operands, narrowed, strict=True)
    )
    value, grads = loss.value_and_grad(*narrowed)
    expected, slopes = loss.value_and_grad(*widened)
    assert value == pytest.approx(expected, rel=1e-6)
    for grad, slope in zip(tuples(loss, grads), tuples(loss, slopes), strict=True):
        assert grad.dtype == narrow
        size = float(np.max(np.abs(slope)))
        np.testing.assert_allclose(grad.astype(float), slope, rtol=2.0**-7, atol=1e-5 * size + 1e-7)


@each_measured
def test_same_bits_for_any_number_of_threads_and_rows_around(loss: Any, dtype: np.dtype) -> None:
    loss = loss.replace(reduction="none")
    operands = operands_of(loss, (3000, 37), dtype)
    found = []
    for threads in (1, 2, 5):
        with fl.num_threads(threads):
            value, grads = loss.value_and_grad(*operands)
            found.append((value.tobytes(), *(x.tobytes() for x in grads)))
    assert found[0] == found[1] == found[2]
    alone, slopes = loss.value_and_grad(*(x[1234:1235] for x in operands))
    assert alone[0] == value[1234]
    for grad, slope in zip(grads, slopes, strict=True):
        np.testing.assert_array_equal(slope[0], grad[1234])


@each_measured
def test_items_along_several_axes(loss: Any, dtype: np.dtype) -> None:
    """Which no one step leads through: each pass is run over all of them."""
    loss = loss.replace(reduction="none")
    operands = operands_of(loss, (4, 5, 21), dtype)
    weight = np.array([0.5, 0, 2, 1])
    value, grads = loss.value_and_grad(*operands, sample_weight=np.repeat(weight, 5).reshape(4, 5))
    laid = tuple(np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1) for x in operands)
    again, slopes = loss.value_and_grad(*laid, sample_weight=weight)
    np.testing.assert_array_equal(again, value)
    for grad, slope in zip(grads, slopes, strict=True):
        np.testing.assert_array_equal(slope, grad)


@each_loss
def test_inputs_are_not_written(loss: Any) -> None:
    operands = operands_of(loss, (30, 21))
    before = [x.copy() for x in operands]
    loss.value_and_grad(*operands)
    for x, y in zip(operands, before, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", sorted({type(loss).__name__ for loss in COMPARED + MINED} | {"Circle", "Lifted"}))
def test_memory_grows_with_the_vectors_and_a_block(name: str) -> None:
    """8192 vectors have 67 million similarities, 268 MB; with masks and logits of them it is a multiple of that."""
    loss = getattr(fl, name)()
    rng = np.random.default_rng(6)
    samples = 4096 if name == "NTXent" else 8192
    operands: Any = tuple(rng.normal(size=(samples, 128)).astype(np.float32) for _ in loss.variables)
    if "labels" in loss.operands:
        operands = (*operands, rng.integers(0, 500, samples))
    loss.value_and_grad(*(x[:10] for x in operands))
    tracemalloc.start()
    try:
        loss.value_and_grad(*operands)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120e6, f"{peak / 1e6:.0f} MB"


# ---- What is refused ----


@each_loss
def test_operands_at_fault_are_named(loss: Any, backend: str) -> None:
    operands = list(operands_of(loss, (6, 5)))
    for k, name in enumerate(loss.operands[1:], 1):
        with pytest.raises(ValueError, match=name):
            loss(*operands[:k], operands[k][:5], *operands[k + 1 :])
    with pytest.raises(NotImplementedError, match="has no Hessian; it has value, grad"):
        loss.grad_and_hess(*operands)
    with pytest.raises(ValueError, match=r"sample_weight must be >= 0, got -1\.0 at index"):
        loss(*operands, sample_weight=np.full(items_of(loss, tuple(operands)), -1.0))
    if "target" in loss.operands:
        operands[-1] = operands[-1].copy()
        operands[-1][4] = 7.5
        with pytest.raises(ValueError, match=r"target must be .* got 7\.5 at index \(4,\)"):
            loss(*operands)
    if "labels" in loss.operands:
        with pytest.raises(TypeError, match="labels"):
            loss(operands[0], operands[1] + 0.5)


def test_options_that_make_no_sense() -> None:
    for distance in ("manhattan", 0.5, np.inf, "2"):
        with pytest.raises(ValueError, match="distance must be 'l2', 'sqeuclidean', 'l1', 'cosine'"):
            fl.Triplet(distance=distance)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="distance must be"):
        fl.Triplet(distance=True)
    with pytest.raises(ValueError, match="margin"):
        fl.CosineEmbedding(margin=1.5)
    with pytest.raises(ValueError, match="similar"):
        fl.Contrastive(similar=2)
    with pytest.raises(ValueError, match="soft"):
        fl.TripletMining(soft=True, mining="batch_all")
    assert fl.Triplet(distance=2) == fl.Triplet(distance=2.0)
