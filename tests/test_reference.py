"""The references, run in 50 digits: float64 keeps them at hard points, and they are derivatives of one another.

A reference is array code of a few operations, so that it also runs on arrays of mpmath numbers. There a central
difference with a step of 1e-15 leaves 30 digits of a derivative: gradients are held to the values and Hessians to the
gradients to the last bits that float64 has. The reduced results, with weights and all, are held to differences of the
value that is returned.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
from closeness import assert_close, cancels, moves_logits, turns
from sampling import CASES, Case, results

import fusedloss as fl

each_case = pytest.mark.parametrize("case", CASES, ids=str)

STEP = mpmath.mpf(10) ** -15


class Precise(np.ndarray):
    """An array of mpmath numbers that the functions of NumPy used in references take."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        plain = [np.asarray(x) if isinstance(x, Precise) else x for x in inputs]
        if ufunc in UNARY and method == "__call__":
            return precise(np.frompyfunc(UNARY[ufunc], 1, 1)(*plain))
        if ufunc in (np.isnan, np.isinf):
            return np.frompyfunc(getattr(mpmath, ufunc.__name__), 1, 1)(*plain).astype(bool)
        return precise(getattr(ufunc, method)(*plain, **keywords))

    def __array_function__(self, function: Any, types: Any, given: Any, keywords: Any) -> Any:
        return precise(super().__array_function__(function, types, given, keywords))


UNARY = {
    np.exp: mpmath.exp,
    np.expm1: mpmath.expm1,
    np.log: mpmath.log,
    np.log1p: mpmath.log1p,
    np.sqrt: mpmath.sqrt,
    np.tanh: mpmath.tanh,
    np.sinh: mpmath.sinh,
    np.cosh: mpmath.cosh,
    np.arctan: mpmath.atan,
    np.sign: mpmath.sign,
    np.absolute: mpmath.fabs,
}


def precise(x: Any) -> Any:
    return x.view(Precise) if isinstance(x, np.ndarray) and x.dtype == object else x


def exactly(x: np.ndarray) -> Any:
    return precise(np.frompyfunc(lambda v: mpmath.mpf(float(v)), 1, 1)(x))


def rounded(x: Any) -> np.ndarray:
    return np.asarray(x).astype(np.float64)


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    with mpmath.workdps(50):
        yield


def inputs_of(case: Case, away: float, items: int = 40) -> tuple[list[Any], int]:
    """What a reference takes, in float64: hard points among ordinary ones; and which of its inputs is pred."""
    rng = np.random.default_rng(3)
    loss = case.loss
    pred, target = case.operands(rng, (items,), away=away)
    if "pred" not in loss.domain:
        hard = rng.choice([0.0, 1e-300, -1e-30, 1e-8, -1e-8, 17.0, -36.0, 40.0, 80.0, -400.0, 600.0], pred.shape)
        keep = rng.random(pred.shape) < 0.5
        if not loss.kinks:
            pred = np.where(keep, hard, pred)
    if case.rows:
        return [np.moveaxis(pred, loss.axis, -1), target if target.ndim == 1 else np.moveaxis(target, loss.axis, -1)], 0
    if case.levels:
        target = np.broadcast_to(target[..., np.newaxis], pred.shape)
    return [pred, target, *(np.broadcast_to(p, pred.shape).astype(float) for p in loss.parameters())], 0


def in_digits(case: Case, inputs: list[Any]) -> list[Any]:
    return [x if case.target == "labels" and i == 1 else exactly(x) for i, x in enumerate(inputs)]


def soft_terms(case: Case, inputs: list[Any]) -> Any:
    """The size of the terms whose difference a derivative of a soft target is; 0 for others."""
    if not case.soft:
        return 0.0
    target = inputs[1]
    if case.target == "labels":
        return getattr(case.loss, "label_smoothing", 0.0)
    if not case.rows and not hasattr(case.loss, "label_smoothing"):  # no share: `moved_by_the_target` has it
        return 0.0
    certain = (target == 0) | (target == 1)
    terms = np.where(certain & (getattr(case.loss, "label_smoothing", 0.0) == 0), 0.0, 1.0)
    if case.rows:
        terms = np.max(terms, axis=1, keepdims=True) * np.ones_like(target)
    if not getattr(case.loss, "from_logits", True):
        terms = terms / np.clip(np.minimum(inputs[0], 1 - inputs[0]), case.loss.eps, 1)
    return terms


def change(case: Case, inputs: list[Any], order: int) -> Any:
    """How far a derivative that crosses 0 moves with pred, relative to pred's own change; 0 for others."""
    if not turns(case.loss) or (order == 1 and not case.rows):
        return np.zeros(inputs[0].shape)
    wide = in_digits(case, inputs)
    signs = np.random.default_rng(0)
    total = np.zeros(inputs[0].shape)
    for _ in range(3 if case.rows else 1):
        scale = np.maximum(np.abs(inputs[0]), 1) * signs.choice([-1.0, 1.0], inputs[0].shape)
        step = STEP * (exactly(scale) if case.rows else wide[0])
        low, high = (np.asarray(case.loss.reference(wide[0] + way * step, *wide[1:])[order]) for way in (-1, 1))
        total = total + np.abs(rounded((high - low) / (2 * STEP)))
    return total


def span_of_logits(case: Case, pred: np.ndarray) -> np.ndarray:
    """How many rounding errors of a row's logits an exponential shows: those of what they are moved to, too."""
    if not case.rows or not (case.loss.traits.shift_invariant or getattr(case.loss, "takes_logits", False)):
        return np.zeros(len(pred))
    if not moves_logits(case.loss):
        return np.ptp(pred, axis=1)
    scale = case.loss.temperature if case.loss.softcap is None else min(case.loss.temperature, 1.0)
    return 4 * np.max(np.abs(pred), axis=1) / scale


def moved_by_the_target(case: Case, inputs: list[Any], epsilons: float) -> Any:
    """How far value and derivatives move with a target that is no share: each may be a difference of large terms."""
    if not case.soft or case.rows or hasattr(case.loss, "label_smoothing"):
        return 0.0, 0.0, 0.0
    pred, target, *rest = inputs
    shift = epsilons * float(np.finfo(float).eps)
    low, high = (case.loss.reference(pred, target * (1 + way * shift), *rest) for way in (-1, 1))
    return tuple(np.abs(b - a) / 2 for a, b in zip(low, high, strict=True))


def moved_by_rounding(case: Case, inputs: list[Any]) -> Any:
    """How far results move with the last places of pred, where their terms cancel; 0 for others."""
    if not cancels(case):
        return 0.0, 0.0, 0.0
    wide = in_digits(case, inputs)
    moved = [0.0, 0.0, 0.0]
    for j in range(inputs[0].shape[1]):
        pred = wide[0].copy()
        pred[:, j] = pred[:, j] + STEP * np.maximum(np.abs(pred[:, j]), 1)
        for order, (before, after) in enumerate(
            zip(case.loss.reference(*wide), case.loss.reference(pred, *wide[1:]), strict=True)
        ):
            moved[order] = moved[order] + np.abs(rounded((after - before) / STEP)) * float(np.finfo(float).eps)
    return moved


@each_case
def test_float64_keeps_the_digits(case: Case) -> None:
    inputs, _ = inputs_of(case, away=0.0)
    epsilon = float(np.finfo(float).eps)
    for name, given, exact, moved, rounding in zip(
        ("value", "grad", "hess"),
        case.loss.reference(*inputs),
        case.loss.reference(*in_digits(case, inputs)),
        moved_by_the_target(case, in_digits(case, inputs), 4),
        moved_by_rounding(case, inputs),
        strict=True,
    ):
        slack = rounded(moved)
        if name == "grad":
            slack = slack + 4 * epsilon * np.broadcast_to(soft_terms(case, inputs), inputs[0].shape)
        slack = slack + 8 * rounding
        exact = rounded(exact)
        if case.rows:  # z - max z is rounded
            span = span_of_logits(case, inputs[0])
            slack = slack + epsilon * np.abs(exact) * (span if name == "value" else span[:, np.newaxis])
        if name != "value":
            slack = slack + (32 if case.rows else 8) * epsilon * change(case, inputs, 1 if name == "grad" else 2)
        if getattr(case.loss, "kinks", ()):
            with np.errstate(invalid="ignore"):
                beside = np.abs(np.asarray(given) - exact) > 1e-3 * np.abs(exact)
            decided = _rounding_decides(case, inputs)
            exact = np.where(beside & decided, given, exact) if np.shape(decided) == np.shape(exact) else exact
        assert_close(given, exact, case.loss.facts.tolerance, np.float64, slack, what=name)


def _rounding_decides(case: Case, inputs: list[Any]) -> np.ndarray:
    """Whether a point is so close to a kink other than a residual of 0 that rounding puts it on either side."""
    decided = np.zeros(inputs[0].shape, bool)
    for kink in case.loss.kinks:
        if kink.of == "gap" or (kink.of == "residual" and kink.at == 0):
            continue
        pred, target = inputs[0], inputs[1]
        at = {"residual": lambda p, t: p - t, "margin": lambda p, t: np.abs(p), "pred": lambda p, t: p}[kink.of](
            pred, target
        )
        decided |= np.abs(at - kink.at) < 1e-14 * (1 + np.abs(pred))
    return decided


@each_case
def test_gradients_and_hessians_are_derivatives(case: Case) -> None:
    inputs, _ = inputs_of(case, away=1e-2)
    given = case.loss.reference(*inputs)
    wide = in_digits(case, inputs)
    epsilon = float(np.finfo(float).eps)
    columns = range(inputs[0].shape[1]) if case.rows else [slice(None)]
    terms = np.broadcast_to(soft_terms(case, inputs), inputs[0].shape)
    rounding = moved_by_rounding(case, inputs)
    for j in columns:
        entry = (slice(None), j) if case.rows else ...
        moved = []
        for way in (-1, 1):
            pred = wide[0].copy()
            pred[entry] = pred[entry] + way * STEP
            moved.append(case.loss.reference(pred, *wide[1:]))
        for order, name in ((0, "grad"), (1, "hess")):
            low, high = (np.asarray(m[order]) for m in moved)
            if order == 1:
                low, high = low[entry], high[entry]
            slope = rounded((high - low) / (2 * STEP))
            slack = 4 * epsilon * terms[entry] * (order == 0) + 1e-28
            if case.rows:
                slack = slack + epsilon * np.abs(slope) * span_of_logits(case, inputs[0])
            slack = slack + (32 if case.rows else 8) * epsilon * change(case, inputs, order + 1)[entry]
            slack = slack + 8 * np.broadcast_to(rounding[order + 1], inputs[0].shape)[entry]
            assert_close(given[order + 1][entry], slope, 16, np.float64, slack, what=name)


def derivative(function: Any, x: np.ndarray, entry: tuple[int, ...], step: float = 1e-5) -> Any:
    """Central difference of fourth order."""

    def at(times: int) -> Any:
        moved = x.copy()
        moved[entry] += times * step
        return function(moved)

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


@each_case
def test_reduced_results_are_derivatives_of_the_returned_value(case: Case, reduction: str, backend: str) -> None:
    """Clipped, smoothed, weighted, divided and with a cotangent: whatever was returned, this is its derivative."""
    rng = np.random.default_rng(4)
    case = case.replace(reduction=reduction)
    pred, target = case.operands(rng, (4,), away=2e-2)
    pred = np.clip(pred, -6, 6) if "pred" not in case.loss.domain else pred
    kinks_hit = Case(case.loss, case.target).loss.kinks and "pred" not in case.loss.domain
    if kinks_hit:
        pred, target = case.operands(rng, (4,), away=2e-2)
    vector = rng.standard_normal(pred.shape)
    weight = rng.uniform(0.5, 2, case.item_shape((4,)))
    keywords: dict[str, Any] = {"sample_weight": weight}
    if reduction == "mean":
        keywords["denominator"] = 2.5
    upstream: Any = rng.standard_normal(weight.shape) if reduction == "none" else -1.75

    def value(z: np.ndarray) -> float:
        return float(np.sum(upstream * case.loss(z, target, **keywords)))

    def gradient(z: np.ndarray) -> np.ndarray:
        return case.loss.grad(z, target, cotangent=upstream, **keywords)

    grad, hess = case.loss.grad_and_hess(pred, target, cotangent=upstream, **keywords)
    product = case.loss.hvp(pred, target, vector=vector, cotangent=upstream, **keywords)
    columns = {entry: derivative(gradient, pred, entry) for entry in np.ndindex(pred.shape)}
    slopes = np.array([derivative(value, pred, entry) for entry in columns]).reshape(pred.shape)
    size = max(1.0, float(np.max(np.abs(grad))), float(np.max(np.abs(hess))), 0.2 * abs(value(pred)))
    np.testing.assert_allclose(grad, slopes, rtol=1e-8, atol=1e-9 * size)
    np.testing.assert_allclose(
        hess,
        [columns[entry][entry] for entry in np.ndindex(pred.shape)]
        if pred.ndim == 1
        else np.array([columns[e][e] for e in columns]).reshape(pred.shape),
        rtol=1e-7,
        atol=1e-9 * size,
    )
    np.testing.assert_allclose(product, sum(vector[e] * columns[e] for e in columns), rtol=1e-7, atol=1e-9 * size)


@each_case
def test_derivative_is_zero_where_the_loss_is_flat_or_has_its_kink(case: Case, dtype: np.dtype, backend: str) -> None:
    """0 where the loss is 0; beside a clip that of the clipped function; the ordinary one on the closed interval."""
    case = case.replace(reduction="none")
    for kink in case.loss.kinks:
        if kink.of == "residual" and kink.at == 0:
            pred, target = case.operands(np.random.default_rng(5), (20,), dtype)
            pred[...] = target[..., np.newaxis] if case.levels else target
            outcome = results(case, (pred, target))
            beside = case.loss(pred + dtype.type(0.125), target)
            assert np.all(outcome["value"] < beside)
            if not case.loss.facts.likelihood.endswith("Laplace"):  # of free scale: with a constant
                assert not np.any(outcome["value"])
                assert not np.any(np.signbit(outcome["value"]))
            assert not np.any(outcome["grad"])
        elif kink.of == "margin" and kink.at == max(other.at for other in case.loss.kinks):
            pred, target = case.operands(np.random.default_rng(5), (20,), dtype)
            slope, offset = case.loss.map_to_signs
            pred[...] = (slope * target + offset) * kink.at
            outcome = results(case, (pred, target))
            flat = outcome["value"] == 0
            assert kink.order == 2 or np.all(flat)
            assert not np.any(outcome["grad"][flat])
        elif kink.of == "pred" and "pred" in case.loss.domain and not case.rows:
            beyond = np.array([0.0, 1.0], dtype)
            shape = (2, case.width) if case.width else (2,)
            pred = np.broadcast_to(beyond.reshape(-1, *[1] * (len(shape) - 1)), shape).copy()
            assert not np.any(case.loss.grad(pred, np.full(shape, 0.25)))
            eps = case.loss.eps
            inside = np.full(shape, dtype.type(eps) * 2)
            assert np.all(case.loss.grad(inside, np.ones(shape)) < 0)
            assert fl.get(case.loss.name) is not None
