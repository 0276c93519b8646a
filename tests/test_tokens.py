"""Losses over sequences of tokens: sums over each sequence of what the loss over rows gives, padded or packed."""

from __future__ import annotations

import dataclasses
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from sampling import INSTANCES

import fusedloss as fl
from fusedloss.kinds.rows import RowOptions
from fusedloss.kinds.softmax import LogitOptions
from fusedloss.kinds.tokens import Tokens

TOKENS = [loss for loss in INSTANCES if isinstance(loss, Tokens)]
each_loss = pytest.mark.parametrize("loss", TOKENS, ids=repr)
each_target = pytest.mark.parametrize("kind", ["labels", "distribution"])

Array = np.ndarray
SEQUENCES, LONGEST, CLASSES = 7, 9, 3
LENGTHS = np.array([9, 0, 4, 1, 9, 7, 2])
MASK = np.arange(LONGEST) < LENGTHS[:, np.newaxis]


def operands_of(loss: Any, kind: str, dtype: Any = np.float64, seed: int = 0) -> tuple[Array, Array]:
    """With padding that no loss could take."""
    rng = np.random.default_rng(seed)
    live = np.arange(CLASSES) if loss.class_mask is None else np.flatnonzero(loss.class_mask)
    pred = rng.normal(0, 2, (SEQUENCES, LONGEST, CLASSES)).astype(dtype)
    pred[~MASK] = np.nan
    if kind == "labels":
        return pred, np.where(MASK, rng.choice(live, MASK.shape), -100)
    target = np.zeros(pred.shape, dtype)
    target[..., live] = rng.dirichlet(np.ones(live.size), MASK.shape)
    return pred, target


def by_sequence(loss: Any, pred: Array, target: Array) -> tuple[Array, Array]:
    """Value and gradient of each sequence by itself."""
    rows = loss.of_tokens().replace(reduction="sum")
    values, grad = np.zeros(SEQUENCES), np.zeros(pred.shape)
    for n, length in enumerate(LENGTHS):
        z, y = pred[n, :length], target[n, :length]
        factor = 1.0
        if loss.length_normalized:
            total = rows.weight_total(y)
            factor = 1 / total if total else 0.0
        if length:
            value, slope = rows.value_and_grad(z, y)
            values[n], grad[n, :length] = factor * value, factor * slope
    return values, grad


@each_loss
@each_target
@pytest.mark.parametrize("how", ["lengths", "mask", "packed"])
def test_sums_over_sequences(loss: Any, kind: str, how: str, dtype: np.dtype, reduction: str, backend: str) -> None:
    pred, target = operands_of(loss, kind, dtype)
    values, slopes = by_sequence(loss, pred, target)
    loss = loss.replace(reduction=reduction)
    rng = np.random.default_rng(1)
    weight = rng.choice([0, 0.5, 1.75], SEQUENCES)
    upstream: Any = rng.normal(size=SEQUENCES) if reduction == "none" else -1.5
    given: dict[str, Any] = {"mask": MASK} if how == "mask" else {"lengths": LENGTHS}
    operands = (pred[MASK], target[MASK]) if how == "packed" else (pred, target)
    value, grad = loss.value_and_grad(*operands, sample_weight=weight, cotangent=upstream, **given)
    divisor = {"mean": weight.sum(), "batchmean": SEQUENCES}.get(reduction, 1.0)
    expected = weight * values
    close = {"rtol": 2e-6 if dtype == np.float32 else 1e-13, "atol": 1e-6 if dtype == np.float32 else 1e-14}
    np.testing.assert_allclose(value, expected if reduction == "none" else expected.sum() / divisor, **close)
    np.testing.assert_allclose(loss(*operands, sample_weight=weight, **given), value, **close)
    wanted = slopes * (weight / divisor * upstream)[:, np.newaxis, np.newaxis]
    assert grad.dtype == dtype
    np.testing.assert_allclose(grad, wanted[MASK] if how == "packed" else wanted, **close)
    total = loss.weight_total(operands[1], sample_weight=weight, **given)
    assert total == weight.sum()
    assert loss.partial(*operands, sample_weight=weight, **given) == pytest.approx(
        (expected.sum(), total), rel=close["rtol"], abs=close["atol"]
    )


@each_loss
@each_target
def test_derivatives_are_those_of_the_value(loss: Any, kind: str, backend: str) -> None:
    """Hessian and Hessian-vector product too: those of tokens, each with its weight."""
    pred, target = operands_of(loss, kind)
    pred = np.where(MASK[..., np.newaxis], pred, 0.0)
    rng = np.random.default_rng(2)
    way = rng.normal(size=pred.shape)
    given: dict[str, Any] = {"lengths": LENGTHS, "sample_weight": rng.uniform(0.5, 2, SEQUENCES)}
    grad, hess = loss.grad_and_hess(pred, target, **given)
    h = 1e-4

    def at(step: float) -> tuple[float, Array]:
        return loss.value_and_grad(pred + step * way, target, **given)

    slope = (8 * (at(h)[0] - at(-h)[0]) - (at(2 * h)[0] - at(-2 * h)[0])) / (12 * h)
    assert np.sum(grad * way) == pytest.approx(slope, rel=1e-9, abs=1e-10)
    product = loss.hvp(pred, target, vector=way, **given)
    np.testing.assert_allclose(product, (at(h)[1] - at(-h)[1]) / (2 * h), rtol=1e-6, atol=1e-7)
    entry = np.zeros(pred.shape)
    entry[0, 0, 0] = 1
    assert hess[0, 0, 0] == pytest.approx(loss.hvp(pred, target, vector=entry, **given)[0, 0, 0], rel=1e-9, abs=1e-14)
    assert not hess[~MASK].any()


def test_every_option_of_cross_entropy_is_there() -> None:
    """But those that say where classes are, and whether they are probabilities."""
    loss = fl.SequenceCrossEntropy()
    assert set(fl.CrossEntropy().options) - set(loss.options) == {"axis", "from_logits", "eps"}
    for options in (LogitOptions, RowOptions):
        assert {field.name for field in dataclasses.fields(options)} <= set(loss.options)


def test_means_over_tokens_and_over_sequences(backend: str) -> None:
    loss: Any = fl.SequenceCrossEntropy()
    pred, target = operands_of(loss, "labels")
    over_tokens = fl.cross_entropy(pred[MASK], target[MASK])
    assert loss(pred, target, lengths=LENGTHS, denominator=LENGTHS.sum()) == pytest.approx(over_tokens, rel=1e-14)
    ignoring = fl.cross_entropy(np.nan_to_num(pred), target, ignore_index=-100)
    assert ignoring == pytest.approx(over_tokens, rel=1e-14)


@pytest.mark.parametrize("narrow", [np.float16, ml_dtypes.bfloat16])
def test_narrow_floats_and_out(narrow: Any, backend: str) -> None:
    loss: Any = fl.SequenceCrossEntropy()
    pred, target = operands_of(loss, "labels", np.float32)
    pred = pred.astype(narrow)
    grad = loss.grad(pred, target, lengths=LENGTHS)
    assert grad.dtype == narrow
    expected = loss.grad(pred.astype(np.float32), target, lengths=LENGTHS)
    np.testing.assert_array_equal(grad, expected.astype(narrow))
    wide = np.asfortranarray(pred.astype(np.float32))
    assert loss.grad(wide, target, lengths=LENGTHS, out=wide) is wide
    np.testing.assert_array_equal(wide, expected)


def test_nothing_there(backend: str) -> None:
    loss: Any = fl.SequenceCrossEntropy(reduction="none", length_normalized=True)
    for pred, lengths in ((np.zeros((2, 0, 3)), [0, 0]), (np.zeros((0, 3)), [0, 0]), (np.zeros((2, 4, 3)), [0, 0])):
        value, grad = loss.value_and_grad(pred, np.zeros(pred.shape[:-1], int), lengths=lengths)
        np.testing.assert_array_equal(value, [0, 0])
        assert not grad.any()
    assert fl.SequenceCrossEntropy()(np.zeros((0, 4, 3)), np.zeros((0, 4), int)) == 0


def test_nan_spoils_one_sequence(backend: str) -> None:
    loss: Any = fl.SequenceCrossEntropy(reduction="none")
    pred, target = operands_of(loss, "labels")
    value, grad = loss.value_and_grad(pred, target, lengths=LENGTHS)
    spoilt = pred.copy()
    spoilt[2, 1, 0] = np.nan
    given, slopes = loss.value_and_grad(spoilt, target, lengths=LENGTHS)
    np.testing.assert_array_equal(np.isnan(given), np.arange(SEQUENCES) == 2)
    np.testing.assert_array_equal(np.isnan(slopes).any(axis=(1, 2)), np.arange(SEQUENCES) == 2)
    np.testing.assert_array_equal(np.delete(given, 2), np.delete(value, 2))
    np.testing.assert_array_equal(np.delete(slopes, 2, 0), np.delete(grad, 2, 0))


@each_target
def test_same_bits_for_any_number_of_threads(kind: str, dtype: np.dtype) -> None:
    rng = np.random.default_rng(3)
    pred = rng.normal(size=(40, 60, 90)).astype(dtype)
    target = rng.integers(0, 90, (40, 60)) if kind == "labels" else rng.random(pred.shape).astype(dtype)
    lengths, found = rng.integers(0, 61, 40), set()
    for threads in (1, 2, 5):
        with fl.num_threads(threads):
            value, grad = fl.SequenceCrossEntropy().value_and_grad(pred, target, lengths=lengths)
        found.add((value, grad.tobytes()))
    assert len(found) == 1
