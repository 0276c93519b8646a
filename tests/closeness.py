"""How far a result may be from its reference: relative, in machine epsilons; never a bare absolute tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np
from sampling import Case, results

import fusedloss as fl
from fusedloss.domains import SHARE


def assert_close(
    actual: Any, expected: Any, epsilons: float, dtype: Any, slack: Any = 0.0, tiny: float = 4.0, what: str = ""
) -> None:
    """Holds `actual` to a relative error.

    Args:
        actual: What is tested.
        expected: What it should be, in float64.
        epsilons: The relative error allowed, in machine epsilons of `dtype`.
        dtype: The precision of the arithmetic.
        slack: What is allowed beyond: the effect of rounding an operand.
        tiny: What is allowed beyond among numbers so small that they have fewer digits: spacings of subnormals.
        what: Begins the message.
    """
    info = np.finfo(dtype)
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    allowed = epsilons * float(info.eps) * np.abs(expected) + slack + tiny * float(info.smallest_subnormal)
    with np.errstate(invalid="ignore"):
        same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
        bad = ~(same | (np.isfinite(expected) & (np.abs(actual - expected) <= allowed)))
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        error = np.abs(actual[at] - expected[at])
        raise AssertionError(
            f"{what}: {int(bad.sum())} of {bad.size} differ; at {at}: {actual[at]!r} instead of {expected[at]!r}, "
            f"an error of {error:.3g} where {np.broadcast_to(allowed, bad.shape)[at]:.3g} is allowed"
        )


def reference_and_slack(
    case: Case, operands: tuple[np.ndarray, ...], epsilons: float, vector: np.ndarray | None = None, **keywords: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Results of the references in float64, and how far they move if a soft target or the vector is rounded otherwise.

    A reference in float64 takes the softmax of z - max z, which is rounded: a kernel in float64 may differ by a few
    epsilons of the logits. A derivative p - t is a difference of two terms for targets between the ends of their
    interval: nothing can be more accurate, relative to the difference, than these terms are. A target on an end is
    exact and moves nowhere.
    """
    pred, target = operands
    dtype = pred.dtype if pred.dtype.itemsize >= 4 else np.dtype(np.float32)
    wide = pred.astype(np.float64)
    with fl.use_backend("numpy"):
        expected = results(case, (wide, target), vector, **keywords)
        slack = dict.fromkeys(expected, 0.0)
        shift = epsilons * float(np.finfo(dtype).eps)
        smoothing = getattr(case.loss, "label_smoothing", 0.0)
        if case.soft:
            signs = np.random.default_rng(0)
            for way, turn in ((-1, -1), (-1, 1), (1, 1), (1, -1)) * (3 if cancels(case) else 1):
                changed = case.loss
                if smoothing:
                    changed = changed.replace(label_smoothing=smoothing + 2 * turn * shift)
                moved = target
                if case.target != "labels":  # entries of a row move apart: moved as one, they could cancel
                    ignored = getattr(case.loss, "ignore_value", None)
                    factor = 1 + shift * (signs.choice([-2.0, 2.0], target.shape) if case.rows else way)
                    domain = case.loss.domain.get("target", SHARE)
                    moved = np.clip(target * factor, domain.low, domain.high)
                    moved = np.where((target == domain.high) | (target == ignored), target, moved)
                rounded = case.rows and (dtype == np.float64 or moves_logits(case.loss))
                step = shift / 8 * signs.choice([-4.0, 4.0], wide.shape)
                near = wide * (1 + step) + step / 4 * row_size(case, wide) if rounded else wide
                if rounded and cancels(case):  # in both backends, p is rounded like logits about 1
                    near = wide * (1 + 2 * step) + np.where(np.abs(wide) < 1, 2 * step, 0)
                other = results(Case(changed, case.target), (_inside(case, near), moved), vector, **keywords)
                slack = {name: np.maximum(slack[name], np.abs(expected[name] - other[name])) for name in expected}
        if turns(case.loss):
            signs = np.random.default_rng(1)
            for way in (-1, 1, 1, -1):
                near = wide * (1 + way * shift)
                if case.rows:  # entries of a row by themselves; what changes p as much as its own error does
                    near = wide + 4 * shift * np.maximum(row_size(case, wide), 1) * signs.choice(
                        [-1.0, 1.0], wide.shape
                    )
                other_vector = vector
                if vector is not None and case.rows:
                    size = shift * np.max(np.abs(vector), initial=0)
                    other_vector = vector.astype(np.float64) + size * signs.choice([-1.0, 1.0], vector.shape)
                other = results(case, (_inside(case, near), target), other_vector, **keywords)
                for name in expected.keys() & ({"grad", "hess", "hvp"} if case.rows else {"hess", "hvp"}):
                    slack[name] = slack[name] + np.nan_to_num(np.abs(expected[name] - other[name]))
        if turns(case.loss) and case.rows:  # the Hessian's terms are of the gradient's size, and p may be subnormal
            few_digits = 128 * float(np.finfo(dtype).smallest_subnormal)
            slack["hess"] = slack["hess"] + shift * np.nan_to_num(np.abs(expected["grad"])) + few_digits
        if vector is not None and case.rows:  # entries of p (1 - p) and p_j p_k times those of the vector, both signs
            size = np.abs(expected["hess"]) + (np.abs(expected["grad"]) if turns(case.loss) else 0)
            slack["hvp"] = slack["hvp"] + 2 * shift * size * np.max(np.abs(vector), initial=0)
        beside = _beside_kinks(case, wide, np.asarray(target, np.float64), shift)
        if beside is not None:
            step = shift * (np.abs(wide) + np.abs(_full(case, target)))
            low, high = (
                results(case, (_inside(case, wide + way * step), target), vector, **keywords) for way in (-1, 1)
            )
            for name in expected:
                if name != "value":
                    slack[name] = slack[name] + np.where(beside, (1 + shift) * np.abs(high[name] - low[name]), 0.0)
    return expected, slack


def row_size(case: Case, pred: np.ndarray) -> np.ndarray:
    """The largest finite number of each row: what its logits are rounded by, as differences."""
    finite = np.where(np.isfinite(pred), np.abs(pred), 0.0)
    return np.asarray(np.max(finite, axis=case.loss.axis, keepdims=True, initial=0.0))


def moves_logits(loss: Any) -> bool:
    """Whether the softmax is of something else than pred, which is rounded."""
    return getattr(loss, "temperature", 1) != 1 or getattr(loss, "softcap", None) is not None


def turns(loss: Any) -> bool:
    """Whether a derivative crosses 0 where no number is: see `Facts`. A softcap and a z-loss make any of them do so."""
    return loss.facts.turns or getattr(loss, "softcap", None) is not None or getattr(loss, "z_loss", 0) != 0


def cancels(case: Case) -> bool:
    """Whether derivatives of rows have zeros within their range, about which their terms cancel.

    Nothing computed from rounded terms is accurate relative to what such a difference leaves: it is as good as the
    exact derivative of a pred that differs in the last places of numbers about 1.
    """
    return isinstance(case.loss, (fl.Entmax15, fl.Sparsemax, fl.SquaredEMD))


def _full(case: Case, target: np.ndarray) -> np.ndarray:
    """The target in pred's shape, 0 where it holds no numbers to compare with."""
    if case.rows:
        return np.zeros(())
    return target[..., np.newaxis] if case.levels else target


def _inside(case: Case, pred: np.ndarray) -> np.ndarray:
    domain = case.loss.domain.get("pred")
    return pred if domain is None else np.clip(pred, domain.low, domain.high)


def _beside_kinks(case: Case, pred: np.ndarray, target: np.ndarray, shift: float) -> np.ndarray | None:
    """Where rounding decides on which side of a kink a point lies; None if nowhere can be.

    The sign of a residual is always exact, so a kink at 0 is never among them; nor is one of a gap, for the same
    reason.
    """
    beside = np.zeros(pred.shape, bool)
    full = _full(case, target)
    kinks = [kink for kink in case.loss.kinks if (kink.at != 0 or kink.of != "residual") and kink.of != "gap"]
    for kink in kinks:
        if kink.of == "residual":
            distance = pred - full - kink.at
        elif kink.of == "margin":
            slope, offset = case.loss.map_to_signs
            distance = (slope * full + offset) * pred - kink.at
        else:
            distance = pred - kink.at
        beside |= np.abs(distance) <= shift * (np.abs(pred) + np.abs(full) + abs(kink.at))
    return beside if kinks else None
