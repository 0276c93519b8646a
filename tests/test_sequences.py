"""Losses over utterances: against all alignments one by one, 50 digits, their references and their own derivatives."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import hypothesis
import ml_dtypes
import mpmath
import numpy as np
import pytest
from closeness import assert_close
from hypothesis import strategies as st
from sampling import INSTANCES

import fusedloss as fl
from fusedloss import _core
from fusedloss.backend import REDUCTIONS
from fusedloss.kinds.sequences import Sequences
from fusedloss.kinds.utterances import Utterances

UTTERANCES = [loss for loss in INSTANCES if isinstance(loss, Utterances)]
SEQUENCES = [loss for loss in UTTERANCES if isinstance(loss, Sequences)]
each_loss = pytest.mark.parametrize("loss", UTTERANCES, ids=repr)
each_sequence = pytest.mark.parametrize("loss", SEQUENCES, ids=repr)

Array = np.ndarray
Operands = tuple[Array, Array, Array, Array]


def operands_of(
    loss: Any,
    seed: int,
    frames: int,
    utterances: int,
    classes: int,
    labels: int,
    dtype: Any = np.float64,
    spread: float = 2.0,
) -> Operands:
    """Padded targets with repeats; utterances of all lengths, some of which have no alignment."""
    rng = np.random.default_rng(seed)
    places = () if isinstance(loss, Sequences) else (labels + 1,)
    z = rng.normal(0, spread, (utterances, frames, *places, classes)).astype(dtype)
    if not loss.from_logits:
        z = (z - np.logaddexp.reduce(z.astype(float), axis=-1, keepdims=True)).astype(dtype)
    alphabet = np.delete(np.arange(classes), loss.blank)
    y = rng.choice(alphabet, (utterances, labels)) if labels else np.zeros((utterances, 0), int)
    y = np.where(rng.random(y.shape) < 0.3, np.roll(y, 1, axis=1), y) if labels else y
    ends = rng.integers(0, frames + 1, utterances)
    ends[: (utterances + 1) // 2] = frames
    counts = rng.integers(0, labels + 1, utterances)
    counts[: (utterances + 1) // 3] = labels
    return (np.ascontiguousarray(np.moveaxis(z, 0, 1)) if frames_first(loss) else z), y, ends, counts


def frames_first(loss: Any) -> bool:
    return getattr(loss, "layout", "NTC") == "TNC"


def utterance_first(loss: Any, x: Array) -> Array:
    return np.moveaxis(x, 1, 0) if frames_first(loss) else x


def batch_first(loss: Any) -> Any:
    return loss.replace(layout="NTC") if frames_first(loss) else loss


def compare(loss: Any, operands: Operands, **keywords: Any) -> None:
    """Holds value and gradient to the reference in float64, whose logarithms are rounded relative to their size.

    A gradient is the difference of two numbers of the size of the utterance's slope.
    """
    pred = operands[0]
    dtype = pred.dtype if pred.dtype.itemsize >= 4 else np.dtype(np.float32)
    value, grad = loss.value_and_grad(*operands, **keywords)
    assert loss(*operands, **keywords) == pytest.approx(value, rel=0, abs=0, nan_ok=True)
    assert grad.dtype == pred.dtype
    with fl.use_backend("numpy"):
        wide = (pred.astype(np.float64), *operands[1:])
        expected, slopes = loss.value_and_grad(*wide, **keywords)
        items = loss.replace(reduction="none")
        size = items(*wide)
        slope = items.grad(*wide, cotangent=np.ones(len(size)))
    finite = size[np.isfinite(size)]
    longest = float(np.max(np.abs(finite), initial=1.0)) * (operands[3].max(initial=1) if loss.length_normalized else 1)
    eps, rounded = float(np.finfo(dtype).eps), float(np.finfo(float).eps)
    error = 4 * eps + 40 * rounded * longest
    scale = np.max(np.abs(slopes), initial=0.0) / max(np.max(np.abs(slope), initial=0.0), 1e-300)
    narrow = float(ml_dtypes.finfo(pred.dtype).eps) if pred.dtype.itemsize < 4 else 0.0
    given = np.asarray(value, float)
    assert_close(given, np.asarray(expected, float), 4, dtype, 4 * eps * np.maximum(1, np.abs(expected)), what="value")
    largest = scale * max(1.0, float(np.max(np.abs(slope), initial=0.0)))
    slack = error * largest + narrow * (np.abs(slopes) + largest * 2e-7)
    assert_close(grad.astype(np.float64), slopes, 4, dtype, slack, what="grad")


# ---- Against every alignment ----


def collapse(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(c for c, _ in itertools.groupby(path) if c != blank)


def by_enumeration(z: Array, y: Array, blank: int, softmax: bool) -> tuple[float, Array, Array, float]:
    """Value, gradient, best path and its share of the total, from all paths."""
    p = np.exp(z)
    p = p / p.sum(axis=1, keepdims=True) if softmax else p
    total, mass, best, path_of_best = 0.0, np.zeros(z.shape), 0.0, None
    frames = np.arange(len(z))
    for path in itertools.product(range(z.shape[1]), repeat=len(z)):
        if collapse(path, blank) == tuple(y):
            share = float(np.prod(p[frames, list(path)]))
            total += share
            mass[frames, list(path)] += share
            if share > best:
                best, path_of_best = share, path
    if total == 0:
        return np.inf, np.zeros(z.shape), np.full(len(z), -1), 0.0
    return -np.log(total), (p if softmax else 0) - mass / total, np.array(path_of_best, int), best / total


@each_sequence
@pytest.mark.parametrize("frames", [0, 1, 2, 3, 5])
def test_against_all_alignments(loss: Any, frames: int, backend: str) -> None:
    blank = loss.blank % 3
    alphabet = [c for c in range(3) if c != blank]
    targets = [y for n in range(frames + 2) for y in itertools.product(alphabet, repeat=n)][:40]
    rng = np.random.default_rng(frames)
    z = rng.normal(0, 1.5, (len(targets), frames, 3))
    padded = np.zeros((len(targets), max(map(len, targets))), int)
    for row, y in zip(padded, targets, strict=True):
        row[: len(y)] = y
    counts = np.array([len(y) for y in targets])
    pred = z if loss.layout == "NTC" else z.transpose(1, 0, 2)
    aux = loss.replace(reduction="none").with_aux(pred, padded, np.full(len(targets), frames), counts)
    for n, y in enumerate(targets):
        value, grad, path, share = by_enumeration(z[n], np.array(y), blank, loss.from_logits)
        factor = 1 / max(len(y), 1) if loss.length_normalized else 1
        if np.isinf(value) and loss.zero_infinity:
            value = 0.0
        assert aux.value[n] == pytest.approx(factor * value, rel=1e-13, abs=1e-13)
        np.testing.assert_allclose(utterance_first(loss, aux.grad)[n], factor * grad, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(aux.path[n], path)
        if share > 0:
            assert collapse(tuple(aux.path[n]), blank) == y
            assert ((aux.position[n] >= 0) == (aux.path[n] != blank)).all()
            np.testing.assert_array_equal(np.array([*y, blank])[aux.position[n]], aux.path[n])
            assert (aux.entropy[n] >= 0).all()


def test_entropy_is_that_of_the_posterior(backend: str) -> None:
    """Two frames and one label: three alignments, whose first frame is the label in two of them."""
    aux = fl.CTC().with_aux(np.zeros((2, 1, 2)), [[1]], [2], [1])
    expected = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))
    np.testing.assert_allclose(aux.entropy, [[expected, expected]], rtol=1e-14)
    certain = fl.CTC().with_aux(np.zeros((2, 1, 3)), [[1, 2]], [2], [2])
    np.testing.assert_allclose(certain.entropy, 0, atol=1e-15)


# ---- In 50 digits ----


def in_digits(z: Array, y: Array, blank: int = 0) -> tuple[Any, dict[tuple[int, int], Any]]:
    """The probability by dynamic programming in 50 digits, and the posterior of the classes that occur."""
    states = [blank, *(c for label in y for c in (int(label), blank))]
    with mpmath.workdps(50):
        p = []
        for row in z:
            e = [mpmath.exp(mpmath.mpf(float(x))) for x in row]
            whole = mpmath.fsum(e)
            p.append([x / whole for x in e])

        def sums(order: list[int], classes: list[int]) -> list[list[Any]]:
            row = [mpmath.mpf(1)] + [mpmath.mpf(0)] * (len(classes) - 1)
            rows = []
            for t in order:
                row = [
                    p[t][c]
                    * (
                        row[s]
                        + (row[s - 1] if s > 0 else 0)
                        + (row[s - 2] if s > 1 and c not in (blank, classes[s - 2]) else 0)
                    )
                    for s, c in enumerate(classes)
                ]
                rows.append(row)
            return rows

        frames = list(range(len(z)))
        begin, end = sums(frames, states), sums(frames[::-1], states[::-1])[::-1]
        total = begin[-1][-1] + (begin[-1][-2] if len(states) > 1 else 0)
        occupied: dict[tuple[int, int], Any] = {}
        for t in frames:
            for s, c in enumerate(states):
                share = begin[t][s] * end[t][len(states) - 1 - s] / p[t][c] / total
                occupied[t, c] = occupied.get((t, c), p[t][c] * 0) - share
        slopes = {(t, c): float(p[t][c] + share) for (t, c), share in occupied.items()}
        return float(-mpmath.log(total)), slopes


@pytest.mark.parametrize("isa", _core.supported_isas())
@pytest.mark.parametrize(("spread", "bias"), [(1.0, 0.0), (6.0, 0.0), (3.0, 40.0)], ids=str)
def test_against_fifty_digits(dtype: np.dtype, isa: str, spread: float, bias: float) -> None:
    """Of 200 frames, 20 classes and 30 labels: the error over max(1, value); gradients to the digits of a difference.

    With a bias towards a class that does not occur, every alignment is less likely than float64 can hold.
    """
    rng = np.random.default_rng(0)
    z = rng.normal(0, spread, (200, 20)).astype(dtype)
    z[:, 19] += dtype.type(bias)
    y = rng.integers(1, 19, 30)
    y[5] = y[4]
    expected, slopes = in_digits(z, y)
    before = _core.isa()
    _core.select_isa(isa)
    try:
        value, grad = fl.CTC().value_and_grad(z[:, np.newaxis], [y], [200], [30])
    finally:
        _core.select_isa(before)
    allowed = 1e-6 if dtype == np.float32 else 1e-12
    assert abs(value - expected) <= allowed * max(1, expected)
    error = max(abs(float(grad[t, 0, c]) - slope) for (t, c), slope in slopes.items())
    assert error <= (2e-7 if dtype == np.float32 else 2e-12)
    assert np.max(np.abs(np.sum(grad, axis=2))) <= (2e-5 if dtype == np.float32 else 1e-12)


def test_many_frames_of_nearly_equal_classes(dtype: np.dtype) -> None:
    """Errors of exponentials add up over frames that are all the same: like one of the logits, of half an ulp of 1."""
    frames = 3000
    z = np.zeros((frames, 1, 40), dtype)
    z[:, 0, 1] = 5e-4
    value, grad = fl.CTC().value_and_grad(z, [[1]], [frames], [1])
    with fl.use_backend("numpy"):
        expected, slopes = fl.CTC().value_and_grad(z.astype(float), [[1]], [frames], [1])
    half = float(np.finfo(dtype).eps) / 2
    assert value == pytest.approx(expected, rel=half)
    np.testing.assert_allclose(grad, slopes, atol=half * frames / 4)


def test_no_underflow_in_5000_frames(dtype: np.dtype) -> None:
    """The only alignment has a probability of e^-(5000 x 300), and its states are never the likely ones of a frame."""
    frames, labels = 5000, 2500
    z = np.zeros((frames, 1, 4), dtype)
    z[:, 0, 3] = 300
    y = np.tile([1, 2], labels // 2)
    value, grad = fl.CTC().value_and_grad(z, [np.repeat(y, 2)], [frames], [frames])
    assert value == np.inf  # of repeats, which need a blank between them
    assert not grad.any()
    value, grad = fl.CTC().value_and_grad(z, [np.tile([1, 2], labels)], [frames], [frames])
    assert value == pytest.approx(300.0 * frames, rel=1e-7)
    expected = np.zeros(grad.shape)
    expected[:, 0, 3] = 1
    expected[::2, 0, 1] = expected[1::2, 0, 2] = -1
    np.testing.assert_allclose(grad, expected, atol=1e-12)


def test_logits_of_any_size() -> None:
    """What cannot be held as a probability is, as an alignment of such."""
    z = np.array([[[0.0, -1e30, 0.0]], [[0.0, -3e38, 0.0]]], np.float32)
    value, grad = fl.CTC(reduction="none").value_and_grad(z, [[1]], [2], [1])
    assert value[0] == np.float32(1e30)
    np.testing.assert_allclose(grad[:, 0], [[0.5, -1, 0.5], [-0.5, 0, 0.5]], atol=1e-6)
    value, grad = fl.CTC().value_and_grad(z.astype(float), [[1, 2, 1]], [2], [3])
    assert value == np.inf


def test_values_close_to_zero(dtype: np.dtype) -> None:
    """Never below 0, however rounding falls."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        path = rng.integers(0, 5, 50)
        z = 60 * np.eye(5)[path] + rng.normal(0, 1, (50, 5))
        y = np.array(collapse(tuple(path), 0))
        value = fl.CTC()(z[:, np.newaxis].astype(dtype), [y], [50], [y.size])
        assert 0 <= value < 1e-12


# ---- Against the reference ----

WEIGHTS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "no weight": lambda rng, n: None,
    "an item": lambda rng, n: rng.uniform(0, 2, n).astype(np.float32),
    "some zero": lambda rng, n: np.where(rng.random(n) < 0.3, 0, rng.uniform(0.5, 2, n)),
    "one for all": lambda rng, n: np.array([1.5]),
    "all zero": lambda rng, n: np.zeros(n),
}


PAIRS = list(zip(WEIGHTS, itertools.cycle(REDUCTIONS), strict=False))


@pytest.mark.parametrize(
    ("loss", "weight", "reduction"),
    [(loss, *pair) for loss in UTTERANCES[1:] for pair in PAIRS]
    + [(UTTERANCES[0], *pair) for pair in itertools.product(WEIGHTS, REDUCTIONS)],  # what it is, does not matter
    ids=str,
)
def test_reductions_and_weights(loss: Any, dtype: np.dtype, reduction: str, weight: str) -> None:
    operands = operands_of(loss, 1, 30, 8, 6, 4, dtype)
    given = WEIGHTS[weight](np.random.default_rng(2), 8)
    compare(loss.replace(reduction=reduction), operands, sample_weight=given)


@each_loss
@pytest.mark.parametrize("classes", [7, 20])
@pytest.mark.parametrize("labels", [0, 1, 6, 7, 8, 9, 15, 16, 17, 40])
def test_numbers_of_labels(loss: Any, dtype: np.dtype, labels: int, classes: int) -> None:
    compare(loss, operands_of(loss, labels, 2 * labels + 3, 4, classes, labels, dtype))


@each_loss
@pytest.mark.parametrize("frames", [0, 1, 7, 8, 9, 15, 16, 17, 33, 100])
def test_numbers_of_frames(loss: Any, dtype: np.dtype, frames: int) -> None:
    compare(loss, operands_of(loss, frames, frames, 5, 7, 3, dtype))


@each_loss
@pytest.mark.parametrize("classes", [2, 3, 15, 16, 17, 63, 255, 256, 257, 1000, 20_000])
def test_numbers_of_classes(loss: Any, dtype: np.dtype, classes: int) -> None:
    frames, labels = (20, 5) if isinstance(loss, Sequences) else (5, 3)
    compare(loss, operands_of(loss, classes, frames, 2, classes, labels, dtype))


@each_loss
@pytest.mark.parametrize("narrow", [np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("classes", [6, 40, 300])
def test_narrow_floats(loss: Any, narrow: Any, classes: int) -> None:
    pred, *rest = operands_of(loss, 3, 25, 4, classes, 5, np.float32)
    compare(loss, (pred.astype(narrow), *rest))


@hypothesis.given(st.integers(0, 2**32 - 1), st.sampled_from(SEQUENCES))
def test_random_shapes(seed: int, loss: Any) -> None:
    rng = np.random.default_rng(seed)
    frames, utterances, classes, labels = (
        int(rng.integers(low, high)) for low, high in ((0, 40), (0, 5), (2, 40), (0, 20))
    )
    dtype = rng.choice([np.float32, np.float64])
    compare(loss, operands_of(loss, seed, frames, utterances, classes, labels, dtype, spread=rng.choice([0.1, 2, 20])))


@each_sequence
@pytest.mark.parametrize("spread", [10.0, 30.0, 100.0, 400.0])
def test_alignments_far_behind_the_likeliest_classes(loss: Any, dtype: np.dtype, spread: float) -> None:
    """Both ways to sum up, and where one gives way to the other."""
    operands = operands_of(loss, int(spread), 70, 5, 40, 20, dtype, spread)
    compare(loss, operands)
    aux, (value, grad) = loss.with_aux(*operands), loss.value_and_grad(*operands)
    assert aux.value == value
    np.testing.assert_array_equal(aux.grad, grad)
    with fl.use_backend("numpy"):
        expected = loss.with_aux(operands[0].astype(np.float64), *operands[1:])
    np.testing.assert_array_equal(aux.path, expected.path)
    np.testing.assert_allclose(aux.entropy, expected.entropy, atol=1e-5 if dtype == np.float32 else 1e-10)


@each_sequence
@pytest.mark.parametrize("classes", [9, 40, 300])  # exponentials are kept, or taken again
@pytest.mark.parametrize("spread", [1.0, 400.0])
def test_the_gradient_in_place_of_the_logits(loss: Any, dtype: np.dtype, classes: int, spread: float) -> None:
    pred, *rest = operands_of(loss, 30, 70, 5, classes, 20, dtype, spread)
    value, grad = loss.value_and_grad(pred, *rest)
    assert loss(pred, *rest) == value
    value_there, there = loss.value_and_grad(pred, *rest, out=pred)
    assert there is pred
    assert value_there == value
    np.testing.assert_array_equal(there, grad)


def test_numbers_above_1_in_place_of_probabilities(dtype: np.dtype) -> None:
    loss: Any = fl.CTC(from_logits=False)
    pred, *rest = operands_of(loss, 40, 70, 5, 40, 20, dtype)
    rest[1][:] = 70
    for rise in (0.5, 1, 10, 300):
        compare(loss, (pred + dtype.type(rise), *rest))
    # e^2750 is beyond the reference.
    value, grad = loss.value_and_grad(np.zeros_like(pred) + 2750, *rest)
    expected, slopes = loss.value_and_grad(np.zeros_like(pred), *rest)
    assert value == pytest.approx(expected - 70 * 2750, rel=1e-12)
    np.testing.assert_allclose(grad, slopes, atol=1e-6 if dtype == np.float32 else 1e-12)


@each_loss
@pytest.mark.parametrize("labels", [12, 15])  # of groups of 8, half and all but one
def test_by_products_against_the_reference(loss: Any, dtype: np.dtype, labels: int) -> None:
    operands = operands_of(loss, 4, 60, 6, 9, labels, dtype)
    given = loss.with_aux(*operands)
    value, grad = loss.value_and_grad(*operands)
    assert given.value == value
    np.testing.assert_array_equal(given.grad, grad)
    with fl.use_backend("numpy"):
        expected = loss.with_aux(operands[0].astype(float), *operands[1:])
    for name in given._fields[2:-1]:
        np.testing.assert_array_equal(getattr(given, name), getattr(expected, name))
    assert given.entropy.dtype == dtype
    np.testing.assert_allclose(given.entropy, expected.entropy, rtol=1e-5, atol=1e-7 if dtype == np.float32 else 1e-12)
    silent = loss.with_aux(*operands, cotangent=0.0)
    np.testing.assert_array_equal(silent.entropy, given.entropy)
    assert not silent.grad.any()
    assert (loss.with_aux(*operands, sample_weight=np.zeros(6))[2] == -1).all()


# ---- Derivatives ----


@each_loss
def test_gradients_are_derivatives_of_the_returned_value(loss: Any, reduction: str, backend: str) -> None:
    """Of logits and of log-probabilities alike: whatever was returned, this is its derivative."""
    loss = loss.replace(reduction=reduction)
    pred, *rest = operands_of(loss, 5, 9, 5, 4, 3)
    rng = np.random.default_rng(6)
    keywords: dict[str, Any] = {"sample_weight": rng.uniform(0.5, 2, 5)}
    if reduction == "mean":
        keywords["denominator"] = 2.5
    with fl.use_backend("numpy"):
        possible = np.isfinite(loss.replace(reduction="none", zero_infinity=False)(pred, *rest))
    keywords["sample_weight"][~possible] = 0
    upstream: Any = rng.normal(size=5) if reduction == "none" else -1.75
    way = rng.normal(size=pred.shape)

    def value(step: float) -> float:
        return float(np.sum(upstream * loss(pred + step * way, *rest, **keywords)))

    grad = loss.grad(pred, *rest, cotangent=upstream, **keywords)
    h = 1e-4
    slope = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
    assert np.sum(grad * way) == pytest.approx(slope, rel=1e-9, abs=1e-10)


def test_gradients_to_log_probabilities_and_to_logits(backend: str) -> None:
    """The one pulled back through log_softmax is the other: what the docs say of torch."""
    loss = fl.CTC()
    z, *rest = operands_of(loss, 7, 12, 3, 5, 3)
    rest[1][:] = 12
    log_p = z - np.log(np.sum(np.exp(z), axis=2, keepdims=True))
    to_logits, to_log_p = loss.grad(z, *rest), loss.replace(from_logits=False).grad(log_p, *rest)
    back = to_log_p - np.exp(log_p) * np.sum(to_log_p, axis=2, keepdims=True)
    np.testing.assert_allclose(to_logits, back, atol=1e-14)
    assert loss(z, *rest) == pytest.approx(loss.replace(from_logits=False)(log_p, *rest), rel=1e-13)


@each_loss
def test_traits(loss: Any, dtype: np.dtype, backend: str) -> None:
    loss = loss.replace(reduction="none")
    for seed in range(5):
        pred, *rest = operands_of(loss, 100 + seed, 15, 6, 4, 4, dtype, spread=float(2**seed))
        value, grad = loss.value_and_grad(pred, *rest)
        assert not loss.traits.nonnegative or (value >= 0).all()
        assert np.max(np.abs(grad)) <= loss.traits.lipschitz * (1 + 1e-6)
        if loss.traits.shift_invariant:
            shift = np.random.default_rng(seed).integers(-8, 9, (*pred.shape[:-1], 1)).astype(dtype)
            exact = np.round(pred * 64) / 64  # so that a shift changes no difference
            moved = loss(exact + shift, *rest)
            np.testing.assert_allclose(moved, loss(exact, *rest), rtol=1e-6 if dtype == np.float32 else 1e-13)


# ---- Edges ----


def test_impossible_alignments(dtype: np.dtype, backend: str) -> None:
    z = np.zeros((3, 4, 3), dtype)
    y = [[1, 1, 0], [1, 2, 1], [1, 2, 1], [2, 2, 2]]
    loss: Any = fl.CTC(reduction="none")
    value, grad = loss.value_and_grad(z, y, [3, 3, 2, 3], [2, 3, 3, 2])
    np.testing.assert_array_equal(np.isinf(value), [False, False, True, False])
    assert not grad[:, 2].any()
    assert grad[:, 0].any()
    assert not np.isnan(grad).any()
    zero = loss.replace(zero_infinity=True)
    again, same = zero.value_and_grad(z, y, [3, 3, 2, 3], [2, 3, 3, 2])
    np.testing.assert_array_equal(again, np.where(np.isinf(value), 0, value))
    np.testing.assert_array_equal(same, grad)
    assert fl.CTC()(z, y, [3, 3, 2, 3], [2, 3, 3, 2]) == np.inf
    z[1, 1, 1:] = z[1, 1, 0] = -np.inf
    z[1, 1, 2] = 0  # only class 2, which the target does not begin with
    value, grad = loss.value_and_grad(z[:, 1:2], [[1, 1, 1]], [2], [1])
    assert value[0] == np.inf
    assert not grad.any()


def test_frames_and_labels_that_are_not_there(dtype: np.dtype, backend: str) -> None:
    loss: Any = fl.CTC(reduction="none")
    z = np.random.default_rng(8).normal(size=(4, 3, 5)).astype(dtype)
    value, grad = loss.value_and_grad(z, np.zeros((3, 2), int), [0, 4, 0], [0, 0, 0])
    log_p = z - np.log(np.sum(np.exp(z), axis=2, keepdims=True))
    np.testing.assert_allclose(value, [0, -np.sum(log_p[:, 1, 0]), 0], rtol=1e-6)
    assert not grad[:, [0, 2]].any()
    np.testing.assert_allclose(grad[:, 1], np.exp(log_p[:, 1]) - np.eye(5)[0], atol=1e-6)
    assert loss(z[:, :1], [[1]], [0], [1]) == [np.inf]
    assert loss(z[:, :1], np.zeros(0, int), [0], [0]) == [0]
    assert fl.CTC()(z[:, :0], np.zeros((0, 2), int), [], []) == 0
    assert loss.grad(z[:0], np.zeros((3, 0), int), [0] * 3, [0] * 3).shape == (0, 3, 5)
    assert fl.CTC()(np.zeros((3, 1, 1)), [[]], [3], [0]) == 0  # the blank alone is certain


def test_nan_spoils_one_utterance(dtype: np.dtype, backend: str) -> None:
    loss: Any = fl.CTC(reduction="none")
    z, y, ends, counts = operands_of(loss, 9, 20, 4, 6, 3, dtype)
    ends[:] = [20, 15, 20, 20]
    value, grad = loss.value_and_grad(z, y, ends, counts)
    for wrong in (np.nan, np.inf):
        spoilt = z.copy()
        spoilt[7, 1, 4] = wrong
        spoilt[15:, 1] = np.nan  # behind its end
        spoilt[17, 3] = -np.inf
        given, slopes = loss.value_and_grad(spoilt, y, ends, counts)
        np.testing.assert_array_equal(np.isnan(given), [False, True, False, True])
        np.testing.assert_array_equal(given[[0, 2]], value[[0, 2]])
        np.testing.assert_array_equal(slopes[:, [0, 2]], grad[:, [0, 2]])
        assert np.isnan(slopes[:15, 1]).all()
        assert np.isnan(slopes[:, 3]).all()
        assert not slopes[15:, 1].any()
        weighted = loss.value_and_grad(spoilt, y, ends, counts, sample_weight=[1, 0, 1, 0])
        np.testing.assert_array_equal(weighted[0], np.where([True, False, True, False], value, 0))
        assert not weighted[1][:, [1, 3]].any()
    assert np.isnan(loss.replace(from_logits=False)(np.full((1, 1, 2), np.inf), [[1]], [1], [1])[0])


def test_negative_blank_and_repeats(backend: str) -> None:
    z = np.random.default_rng(10).normal(size=(9, 1, 4))
    y = np.array([[0, 0, 2, 2, 1]])
    turned = np.roll(z, 1, axis=2)
    assert fl.CTC(blank=-1)(z, y, [9], [5]) == pytest.approx(fl.CTC()(turned, y + 1, [9], [5]), rel=1e-14)
    assert fl.CTC(blank=3)(z, y, [9], [5]) == fl.CTC(blank=-1)(z, y, [9], [5])
    assert fl.CTC(blank=-1)(z[:6], y, [6], [5]) == np.inf  # five labels and a blank between each of two pairs


def test_length_normalized_mean_is_the_mean_over_labels(backend: str) -> None:
    loss = fl.CTC(reduction="none")
    operands = operands_of(loss, 11, 20, 4, 6, 3)
    counts = np.maximum(operands[3], 1)
    assert fl.CTC(length_normalized=True)(*operands) == pytest.approx(np.mean(loss(*operands) / counts), rel=1e-14)


# ---- Operands as they come ----


@each_loss
def test_layouts_and_kinds_of_targets_change_no_bit(loss: Any, dtype: np.dtype, backend: str) -> None:
    z, y, ends, counts = operands_of(loss, 12, 20, 5, 6, 4, dtype)
    loss = loss.replace(reduction="none")
    value, grad = loss.value_and_grad(z, y, ends, counts)
    joined = np.concatenate([row[:n] for row, n in zip(y, counts, strict=True)])
    wide = np.full((*z.shape, 2), np.nan, dtype)
    wide[..., 0] = z
    others = []
    if isinstance(loss, Sequences):
        other = loss.replace(layout="TNC" if loss.layout == "NTC" else "NTC")
        turned = np.swapaxes(z, 0, 1)
        others = [(turned, other, y), (np.ascontiguousarray(turned), other, joined)]
    for given, by, target in (
        *others,
        (z, loss, joined),
        (z.tolist() if dtype == np.float64 else z, loss, y.astype(np.uint8)),
        (np.asfortranarray(z), loss, y.astype(np.int16)),
        (wide[..., 0], loss, y),
        (np.ascontiguousarray(np.flip(z))[(slice(None, None, -1),) * z.ndim], loss, y[:, ::-1].copy()[:, ::-1]),
        (np.frombuffer(b"\0" + z.tobytes(), np.uint8)[1:].view(dtype).reshape(z.shape), loss, y),
        (z.astype(z.dtype.newbyteorder()), loss, y),
    ):
        again, slopes = by.value_and_grad(given, target, ends.astype(np.uint16), counts)
        np.testing.assert_array_equal(again, value)
        np.testing.assert_array_equal(slopes if by is loss else np.swapaxes(slopes, 0, 1), grad)
        assert slopes.flags.c_contiguous


@each_loss
@pytest.mark.parametrize("classes", [6, 300])
def test_out(loss: Any, dtype: np.dtype, classes: int, backend: str) -> None:
    z, *rest = operands_of(loss, 13, 20, 5, classes, 4, dtype)
    value, grad = loss.value_and_grad(z, *rest)
    given = z.copy()
    assert loss.value_and_grad(given, *rest, out=given)[0] == value
    np.testing.assert_array_equal(given, grad)
    for out in (np.full(z.shape[::-1], np.nan, dtype).T, np.full((*z.shape, 2), np.nan, dtype)[..., 1]):
        assert loss.grad(z, *rest, out=out) is out
        np.testing.assert_array_equal(out, grad)
    for out in (np.empty(z.shape, np.float64), np.empty(z.shape, np.float32)):
        np.testing.assert_array_equal(loss.grad(z, *rest, out=out).astype(np.float32), grad.astype(np.float32))
    both = np.concatenate([z, z[..., :1]], axis=-1)
    with pytest.raises(ValueError, match="out must not overlap pred; it may be pred itself"):
        loss.grad(both[..., :-1], *rest, out=both[..., 1:])


@each_loss
def test_inputs_are_not_written(loss: Any) -> None:
    operands = operands_of(loss, 14, 20, 5, 6, 4)
    before = [x.copy() for x in operands]
    loss.with_aux(*operands)
    for x, y in zip(operands, before, strict=True):
        np.testing.assert_array_equal(x, y)


@each_loss
def test_partial_and_weight_total(loss: Any, backend: str) -> None:
    loss = batch_first(loss).replace(zero_infinity=True)
    z, y, ends, counts = operands_of(loss, 15, 20, 6, 6, 4)
    weight = np.array([0.5, 2, 1, 0, 1, 3])
    total, divisor = loss.partial(z, y, ends, counts, sample_weight=weight)
    assert divisor == loss.weight_total(counts, sample_weight=weight) == 7.5
    assert total / divisor == pytest.approx(loss(z, y, ends, counts, sample_weight=weight), rel=1e-14)
    shards = [
        loss(z[part], y[part], ends[part], counts[part], sample_weight=weight[part], denominator=7.5)
        for part in (slice(0, 2), slice(2, 6))
    ]
    assert sum(shards) == pytest.approx(total / divisor, rel=1e-14)
    assert loss.weight_total(counts) == 6


# ---- The same bits ----


@each_loss
@pytest.mark.parametrize("classes", [40, 600])
def test_same_bits_for_any_number_of_threads_and_instruction_set(loss: Any, dtype: np.dtype, classes: int) -> None:
    frames, labels = (150, 30) if isinstance(loss, Sequences) else (20, 9)
    operands = operands_of(loss, 16, frames, 13, classes, labels, dtype)
    found = set()
    before = _core.isa()
    for isa in [name for name in _core.supported_isas() if name != "baseline"] or ["baseline"]:
        _core.select_isa(isa)
        try:
            for threads in (1, 2, 5, 2):
                with fl.num_threads(threads):
                    aux = loss.replace(zero_infinity=True).with_aux(*operands)
                found.add(
                    (aux.value, *(np.asarray(x).tobytes() for x in aux[1:-1]), np.nan_to_num(aux.entropy).tobytes())
                )
        finally:
            _core.select_isa(before)
    assert len(found) == 1


@each_loss
@pytest.mark.parametrize("classes", [6, 300])
def test_an_utterance_does_not_depend_on_those_around_it(loss: Any, classes: int) -> None:
    loss = batch_first(loss).replace(reduction="none")
    z, y, ends, counts = operands_of(loss, 17, 40, 7, classes, 5, np.float32)
    value, grad = loss.value_and_grad(z, y, ends, counts)
    for n in range(7):
        alone, slopes = loss.value_and_grad(z[n : n + 1, : ends[n]], y[n : n + 1], ends[n : n + 1], counts[n : n + 1])
        np.testing.assert_array_equal(alone, value[n : n + 1])
        np.testing.assert_array_equal(slopes[0], grad[n, : ends[n]])


MEMORY = """
import resource, sys
import numpy as np
import fusedloss as fl
rng = np.random.default_rng(0)
loss, frames, labels = {loss}, {frames}, {labels}
pred = rng.standard_normal({shape}, np.float32)
out = np.ones_like(pred)
target = rng.integers(1, pred.shape[-1], (8, labels))
fl.set_num_threads(2)
loss.value_and_grad(pred, target, np.full(8, 10), np.full(8, 2), out=out)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
loss.value_and_grad(pred, target, np.full(8, frames), np.full(8, labels), out=out)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, pred.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in other units elsewhere")
@pytest.mark.parametrize(
    ("loss", "shape"),
    [
        ("fl.CTC()", (400, 8, 5000)),
        ("fl.CTC(from_logits=False)", (400, 8, 5000)),
        ("fl.RNNT()", (8, 50, 31, 1000)),
    ],
)
def test_memory_grows_with_frames_times_labels_only(loss: str, shape: tuple[int, ...]) -> None:
    """Of two threads, 12 numbers of 8 bytes for each frame and label; nothing of the size of pred."""
    frames, labels = (400, 60) if len(shape) == 3 else (50, 30)
    script = MEMORY.format(loss=loss, frames=frames, labels=labels, shape=shape)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    grown, size = map(int, done.stdout.split())
    assert grown < 2 * frames * (labels + 4) * 12 * 8 + 2e6 < size / 8, (
        f"{grown / 1e6:.1f} MB more for {size / 1e6:.0f} MB of pred"
    )


# ---- What there is not ----


@each_loss
def test_there_is_no_hessian(loss: Any) -> None:
    operands = operands_of(loss, 19, 5, 2, 3, 1)
    name = type(loss).__name__
    with pytest.raises(NotImplementedError, match=f"{name} has no Hessian; it has value, grad"):
        loss.grad_and_hess(*operands)
    with pytest.raises(NotImplementedError, match=f"{name} has no Hessian-vector product; it has value, grad"):
        loss.hvp(*operands, vector=operands[0])
