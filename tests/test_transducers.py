"""RNNT against all alignments one by one and 50 digits, and its edges: test_sequences.py has what utterances share."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
from sampling import INSTANCES

import fusedloss as fl
from fusedloss import _core

TRANSDUCERS = [loss for loss in INSTANCES if isinstance(loss, fl.RNNT)]
each_loss = pytest.mark.parametrize("loss", TRANSDUCERS, ids=repr)

Array = np.ndarray
Step = tuple[int, int, int]


# ---- Against every alignment ----


def alignments(frames: int, y: tuple[int, ...], blank: int) -> list[tuple[tuple[int, ...], list[Step]]]:
    """In which frame each label is given, and the classes on the way, each with its frame and place."""
    found = []
    for given in itertools.combinations_with_replacement(range(frames), len(y)):
        steps = []
        for t in range(frames):
            steps += [(t, u, c) for u, c in enumerate(y) if given[u] == t]
            steps.append((t, sum(frame <= t for frame in given), blank))
        found.append((given, steps))
    return found


def by_enumeration(z: Array, y: tuple[int, ...], blank: int, softmax: bool) -> tuple[float, Array, Any, Array]:
    """Value, gradient, the frames of the best alignment, the posterior of the frame of each label."""
    p = np.exp(z)
    p = p / p.sum(axis=2, keepdims=True) if softmax else p
    total, grad, best, frames_of_best, given_in = 0.0, np.zeros(z.shape), 0.0, None, np.zeros((len(y), len(z)))
    for given, steps in alignments(len(z), y, blank):
        share = float(np.prod([p[step] for step in steps]))
        total += share
        for t, u, c in steps:
            grad[t, u] += share * (p[t, u] if softmax else 0)
            grad[t, u, c] -= share
        given_in[np.arange(len(y)), list(given)] += share
        if share > best:
            best, frames_of_best = share, given
    return -np.log(total), grad / total, frames_of_best, given_in / total


@each_loss
@pytest.mark.parametrize("frames", [1, 2, 4])
def test_against_all_alignments(loss: Any, frames: int, backend: str) -> None:
    blank = loss.blank % 3
    alphabet = [c for c in range(3) if c != blank]
    targets = [y for n in range(6) for y in itertools.islice(itertools.product(alphabet, repeat=n), 4)]
    rng = np.random.default_rng(frames)
    z = rng.normal(0, 1.5, (len(targets), frames, 7, 3))  # with room for a label more
    padded = np.zeros((len(targets), 5), int)
    for row, y in zip(padded, targets, strict=True):
        row[: len(y)] = y
    counts = np.array([len(y) for y in targets])
    aux = loss.replace(reduction="none").with_aux(z, padded, np.full(len(targets), frames), counts)
    for n, y in enumerate(targets):
        places = len(y) + 1
        value, grad, given, posterior = by_enumeration(z[n, :, :places], y, blank, loss.from_logits)
        factor = 1 / max(len(y), 1) if loss.length_normalized else 1
        assert aux.value[n] == pytest.approx(factor * value, rel=1e-13, abs=1e-13)
        np.testing.assert_allclose(aux.grad[n, :, :places], factor * grad, rtol=1e-12, atol=1e-13)
        assert not aux.grad[n, :, places:].any()
        assert tuple(aux.frame[n, : len(y)]) == given
        assert (aux.frame[n, len(y) :] == -1).all()
        entropy = -np.sum(posterior * np.log(posterior, where=posterior > 0, out=np.zeros(posterior.shape)), axis=1)
        np.testing.assert_allclose(aux.entropy[n, : len(y)], entropy, atol=1e-13)
        assert np.isnan(aux.entropy[n, len(y) :]).all()


# ---- In 50 digits ----


def in_digits(z: Array, y: Array) -> tuple[float, Array]:
    """Value and gradient by dynamic programming in 50 digits; the blank is 0."""
    frames, places = z.shape[:2]
    with mpmath.workdps(50):
        p: dict[Step, Any] = {}
        for t, u in np.ndindex(frames, places):
            e = [mpmath.exp(mpmath.mpf(float(x))) for x in z[t, u]]
            whole = mpmath.fsum(e)
            p.update({(t, u, c): x / whole for c, x in enumerate(e)})

        def steps(t: int, u: int) -> list[tuple[int, tuple[int, int]]]:
            """Class and place of what can follow."""
            label = [(int(y[u]), (t, u + 1))] if u + 1 < places else []
            blank = [(0, (t + 1, u))] if t + 1 < frames or u + 1 == places else []
            return blank + label

        order = list(np.ndindex(frames, places))
        begin, end = {at: mpmath.mpf(at == (0, 0)) for at in order}, {(frames, places - 1): mpmath.mpf(1)}
        for t, u in order:
            for c, to in steps(t, u):
                begin[to] = begin.get(to, 0) + begin[t, u] * p[t, u, c]
        for t, u in reversed(order):
            end[t, u] = mpmath.fsum(p[t, u, c] * end[to] for c, to in steps(t, u))
        grad = np.zeros(z.shape)
        for t, u in order:
            here = begin[t, u] / end[0, 0]
            slope = [here * end[t, u] * p[t, u, c] for c in range(z.shape[2])]
            for c, to in steps(t, u):
                slope[c] -= here * p[t, u, c] * end[to]
            grad[t, u] = [float(x) for x in slope]
        return float(-mpmath.log(end[0, 0])), grad


@pytest.fixture(scope="module", params=[(1.0, 0.0), (6.0, 0.0), (3.0, 40.0)], ids=str)
def long_lattice(request: pytest.FixtureRequest) -> tuple[Array, Array, float, Array]:
    """With a bias towards a class that does not occur, every alignment is less likely than float64 can hold."""
    spread, bias = request.param
    rng = np.random.default_rng(0)
    z = rng.normal(0, spread, (200, 11, 4)).astype(np.float32)
    z[..., 3] += np.float32(bias)
    y = rng.integers(1, 3, 10)
    return z, y, *in_digits(z, y)


@pytest.mark.parametrize("isa", _core.supported_isas())
def test_against_fifty_digits(long_lattice: tuple[Array, Array, float, Array], dtype: np.dtype, isa: str) -> None:
    """Of 200 frames: the error over max(1, value), and the gradient's."""
    z, y, expected, slopes = long_lattice
    before = _core.isa()
    _core.select_isa(isa)
    try:
        value, grad = fl.RNNT().value_and_grad(z[np.newaxis].astype(dtype), [y], [200], [10])
    finally:
        _core.select_isa(before)
    assert abs(value - expected) <= (1e-6 if dtype == np.float32 else 1e-12) * max(1, expected)
    assert np.max(np.abs(grad[0] - slopes)) <= (2e-7 if dtype == np.float32 else 2e-12)


@pytest.mark.parametrize(("frames", "labels"), [(5000, 6), (6, 5000)])
def test_no_underflow_in_5000_steps(frames: int, labels: int, dtype: np.dtype) -> None:
    """Each alignment has a probability of e^-(5006 x 300), and its classes are never the likely ones."""
    z = np.zeros((1, frames, labels + 1, 4), dtype)
    z[..., 3] = 300
    value, grad = fl.RNNT().value_and_grad(z, [np.resize([1, 2], labels)], [frames], [labels])
    ways = math.comb(frames - 1 + labels, labels)
    assert value == pytest.approx(300 * (frames + labels) - math.log(ways), rel=1e-12)
    occupied = np.sum(grad[0, ..., 3])  # the softmax of a class that does not occur: the share of ways through a place
    assert occupied == pytest.approx(frames + labels, rel=1e-5)
    np.testing.assert_allclose(grad.sum(axis=-1), 0, atol=1e-6 if dtype == np.float32 else 1e-11)


def test_values_close_to_zero(dtype: np.dtype) -> None:
    """Never below 0, however rounding falls."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        y = rng.integers(1, 5, 9)
        z = rng.normal(0, 1, (1, 30, 10, 5))
        given = np.sort(rng.integers(0, 30, 9))
        for t, u in np.ndindex(30, 10):
            z[0, t, u, y[u] if u < 9 and given[u] <= t else 0] += 60
        assert 0 <= fl.RNNT()(z.astype(dtype), [y], [30], [9]) < 1e-12


# ---- Edges ----


def test_impossible_alignments(dtype: np.dtype, backend: str) -> None:
    """Without frames labels cannot be given; nor can they where their logits, or the last blank's, are -inf."""
    z = np.zeros((4, 3, 3, 3), dtype)
    z[1, :, 0, 1] = -np.inf
    z[2, 2, 2, 0] = -np.inf
    y, frames, labels = [[1, 2]] * 4, [0, 3, 3, 3], [1, 2, 2, 2]
    loss: Any = fl.RNNT(reduction="none")
    aux = loss.with_aux(z, y, frames, labels)
    np.testing.assert_array_equal(np.isinf(aux.value), [True, True, True, False])
    assert not aux.grad[:3].any()
    assert aux.grad[3].any()
    assert (aux.frame[:3] == -1).all()
    assert np.isnan(aux.entropy[:3]).all()
    again, same = loss.replace(zero_infinity=True).value_and_grad(z, y, frames, labels)
    np.testing.assert_array_equal(again, np.where(np.isinf(aux.value), 0, aux.value))
    np.testing.assert_array_equal(same, aux.grad)
    z[2, 0, 2, 0] = -np.inf  # the way around it is free
    z[2, 2, 2, 0] = 0
    value, grad = loss.value_and_grad(z[2:3], y[:1], [3], [2])
    assert np.isfinite(value).all()
    assert np.isfinite(grad).all()


def test_frames_and_labels_that_are_not_there(dtype: np.dtype, backend: str) -> None:
    loss: Any = fl.RNNT(reduction="none")
    z = np.random.default_rng(8).normal(size=(3, 4, 3, 5)).astype(dtype)
    value, grad = loss.value_and_grad(z, np.zeros((3, 2), int), [0, 4, 0], [0, 0, 0])
    log_p = z - np.log(np.sum(np.exp(z), axis=3, keepdims=True))
    np.testing.assert_allclose(value, [0, -np.sum(log_p[1, :, 0, 0]), 0], rtol=1e-6)
    assert not grad[[0, 2]].any()
    assert not grad[1, :, 1:].any()
    np.testing.assert_allclose(grad[1, :, 0], np.exp(log_p[1, :, 0]) - np.eye(5)[0], atol=1e-6)
    assert loss(z[:1, :, :1], np.zeros(0, int), [0], [0]) == [0]
    assert fl.RNNT()(z[:0], np.zeros((0, 2), int), [], []) == 0
    assert loss.grad(z[:, :0], np.zeros((3, 0), int), [0] * 3, [0] * 3).shape == (3, 0, 3, 5)
    assert fl.RNNT()(np.zeros((1, 3, 1, 1)), [[]], [3], [0]) == 0  # the blank alone is certain


def test_nan_spoils_one_utterance(dtype: np.dtype, backend: str) -> None:
    loss: Any = fl.RNNT(reduction="none")
    rng = np.random.default_rng(9)
    z, y = rng.normal(size=(4, 10, 5, 6)).astype(dtype), rng.integers(1, 6, (4, 4))
    frames, labels = [10, 8, 10, 10], [4, 3, 4, 4]
    value, grad = loss.value_and_grad(z, y, frames, labels)
    for wrong in (np.nan, np.inf):
        spoilt = z.copy()
        spoilt[1, 7, 3, 4] = wrong
        spoilt[1, 8:] = spoilt[1, :, 4:] = np.nan  # behind its ends
        spoilt[3, 7, 0] = -np.inf
        given, slopes = loss.value_and_grad(spoilt, y, frames, labels)
        np.testing.assert_array_equal(np.isnan(given), [False, True, False, True])
        np.testing.assert_array_equal(given[[0, 2]], value[[0, 2]])
        np.testing.assert_array_equal(slopes[[0, 2]], grad[[0, 2]])
        assert np.isnan(slopes[1, :8, :4]).all()
        assert np.isnan(slopes[3]).all()
        assert not slopes[1, 8:].any()
        assert not slopes[1, :, 4:].any()
        weighted = loss.value_and_grad(spoilt, y, frames, labels, sample_weight=[1, 0, 1, 0])
        np.testing.assert_array_equal(weighted[0], np.where([True, False, True, False], value, 0))
        assert not weighted[1][[1, 3]].any()


def test_gradients_to_log_probabilities_and_to_logits(backend: str) -> None:
    """The one pulled back through log_softmax is the other."""
    loss = fl.RNNT()
    rng = np.random.default_rng(7)
    z, rest = rng.normal(size=(3, 7, 4, 5)), (rng.integers(1, 5, (3, 3)), [7, 5, 6], [3, 2, 0])
    log_p = z - np.log(np.sum(np.exp(z), axis=3, keepdims=True))
    to_logits, to_log_p = loss.grad(z, *rest), loss.replace(from_logits=False).grad(log_p, *rest)
    back = to_log_p - np.exp(log_p) * np.sum(to_log_p, axis=3, keepdims=True)
    np.testing.assert_allclose(to_logits, back, atol=1e-14)
    assert loss(z, *rest) == pytest.approx(loss.replace(from_logits=False)(log_p, *rest), rel=1e-13)
