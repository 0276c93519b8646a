"""Divergences between two distributions a row, that of the prediction and that of the target."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike, Mask
from ..backend import HVP
from ..base import Loss
from ..domains import OPEN_SHARE, POSITIVE, PROBABILITY, Domain
from ..options import Choice, Integer, Real, option
from .kind import Batch, Kind, Pass, weight_of
from .sides import each_side
from .softmax import Softmax, others

KINDS = ("logits", "log_probs", "probs")
"""In the order of the extension's numbers."""


@dataclasses.dataclass(slots=True)
class DivergenceBatch(Batch):
    """Checked operands (pred, target), both of one shape.

    Attributes:
        axis: The class axis, counted from the front.
    """

    axis: int


class Sides(NamedTuple):
    """Rows as a divergence sees them, each an array (N, C) or a number.

    Attributes:
        u: Probabilities of the prediction.
        w: Those of the target.
        r: log w - log u, of probabilities held at eps and more where they are given as such.
        held_u: u, held so.
        held_w: w, held so.
        inside_u: Where u is not below eps.
        inside_w: Where w is not.
        rise: Of r what it is where u is largest, if pred holds logits: (N, 1). There a multiple of u changes nothing in
            the slope, and of r less this no larger terms are added up than come out: see the extension's kind.
        beyond: r less `rise`, from differences of logits alone.
        lean: 0 if pred holds logits, for the same reason; else 1.
        normalised: Whether both sides hold logits.
    """

    u: Array
    w: Array
    r: Array
    held_u: Array
    held_w: Array
    inside_u: Mask
    inside_w: Mask
    rise: Array
    beyond: Array
    lean: float
    normalised: bool


class DivergenceOptions(Loss):
    """What the two sides hold."""

    pred_kind: str = option(default="logits", accepts=Choice(*KINDS))
    target_kind: str = option(default="probs", accepts=Choice(*KINDS))
    temperature: float = option(default=1.0, accepts=Real(POSITIVE))
    eps: float = option(default=1e-7, accepts=Real(OPEN_SHARE))
    axis: int = option(default=-1, accepts=Integer())


class Divergences(DivergenceOptions, Kind):
    """An item is a row along the class axis. The gradient is that by pred; by the target it is that of `exchanged`."""

    _target_plan: ClassVar[Any] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature != 1 and "logits" not in (self.pred_kind, self.target_kind):
            raise ValueError(f"{type(self).__name__}: temperature divides logits, and neither side holds any")

    # ---- What a loss provides ----

    @property
    def exchanged(self) -> Divergences:
        """The same loss with pred and target in each other's places."""
        raise NotImplementedError

    def form(self) -> tuple[str, float, tuple[float, float], float]:
        """Name of the extension's kernel; factor of all, shares of target and prediction, 1 for a root or 0."""
        raise NotImplementedError

    def terms(self, sides: Sides) -> tuple[Array, Array, Array]:
        """Of each row its value; of each class the first two derivatives by u, or by log u if pred holds logarithms."""
        raise NotImplementedError

    def finish(self, value: Array) -> tuple[Array, Array, Array]:
        """What becomes of a divergence d: the value, the factor of derivatives, and k: the Hessian loses k^2 d' d'."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def reference(self, pred: Array, target: Array, vector: Array | None = None) -> tuple[Array, Array, Array]:
        """The specification: value of each row, gradient (or the Hessian times `vector`), diagonal of the Hessian."""
        softmax, sides = self._sides(pred, target)
        divergence, d1, d2 = self.terms(sides)
        value, factor, steep = (x[:, None] for x in self.finish(divergence))
        per = 1.0
        if softmax is None:
            u = rest = along = np.zeros_like(sides.u)
            rest = rest + 1
        else:
            u, rest, per = softmax.p, softmax.complement, 1 / self.temperature
        slope = np.sum(d1, axis=1, keepdims=True)
        grad = d1 * rest - _product(others(d1, u), u)
        bent = _product(u * others(d2, u) - slope * rest, u)
        hess = d2 * rest**2 + bent
        if vector is not None:
            along = vector
            if softmax is not None:  # v - sum(u v) cancels where u -> 1; taken off at the largest logit, it does not
                along = vector - np.take_along_axis(vector, np.argmax(pred, axis=1)[:, None], axis=1)
                along = along - np.sum(u * along, axis=1, keepdims=True)
            own = d2 * along
            result = own * rest - _product(slope * along + others(own, u), u)
            result = result - steep**2 * grad * np.sum(grad * along, axis=1, keepdims=True)
            return value[:, 0], factor * per**2 * result, hess
        return value[:, 0], factor * per * grad, factor * per**2 * (hess - (steep * grad) ** 2)

    @property
    def domain(self) -> dict[str, Domain]:  # noqa: D102
        kinds = {"pred": self.pred_kind, "target": self.target_kind}
        return {name: PROBABILITY for name, kind in kinds.items() if kind == "probs"}

    def kernel(self, exchanged: bool = False) -> tuple[str, tuple[float, ...]]:
        """Name and options of the extension's kernel; those of `exchanged`, which cannot be made while this is."""
        name, factor, shares, root = self.form()
        kinds = [float(KINDS.index(kind)) for kind in (self.pred_kind, self.target_kind)]
        turn = -1 if exchanged else 1
        return name, (self.temperature, factor, self.eps, *kinds[::turn], *shares[::turn], root)

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_target_plan", backend.plan(*self.kernel(exchanged=True), self.reduction, None))
        return backend.plan(*self.kernel(), self.reduction, () if self.axis == -1 else None)

    def _evaluate(self, outputs: int, operands: tuple[Any, ...], **keywords: Any) -> Any:
        wrt = keywords.get("wrt")
        if outputs == HVP and wrt not in (None, "pred", ("pred",)):
            wrt = self.variables if wrt == "both" else wrt
            raise ValueError(f"a Hessian-vector product is with respect to pred alone, got wrt={wrt!r}")
        return super()._evaluate(outputs, operands, **keywords)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> DivergenceBatch:
        pred = checks.floating(operands[0], "pred")
        axis = checks.axis(self.axis, pred)
        target = checks.floating(operands[1], "target")
        checks.same_shape(target, pred.shape, "target")
        shape = pred.shape[:axis] + pred.shape[axis + 1 :]
        variables = {"pred": pred, "target": target}
        return DivergenceBatch(shape, (pred, target), variables, checks.precision(pred.dtype), axis)

    def _vectors(self, vector: Any, batch: Batch) -> tuple[Array, ...]:
        given = checks.array(vector, "vector")
        checks.same_shape(given, batch.inputs[0].shape, "vector")
        return (given,)

    def _weight_total(self, target: ArrayLike, sample_weight: ArrayLike | None) -> float:
        array = checks.array(target, "target")
        axis = checks.axis(self.axis, array)
        return weight_of(array.shape[:axis] + array.shape[axis + 1 :], sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, DivergenceBatch)
        exchanged = job.grad is not None and job.grad[0] is None  # the kernel has no gradient by the target alone
        turn = -1 if exchanged else 1
        first, second = batch.inputs[::turn]
        return backend.core.run_rows(
            self._target_plan if exchanged else self._plan,
            job.outputs,
            int(batch.dtype == np.float64),
            first,
            second,
            batch.axis,
            job.weight,
            job.cotangent,
            job.vector[0] if job.vector else None,
            job.value,
            job.grad and job.grad[::turn],
            job.hess and job.hess[::turn],
            job.scale,
            job.hess_floor,
            job.hess_ceiling,
            job.hess_factor,
            job.hess_is_slope,
            None,
            None,
            None,
            None,
            None,
        )

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, DivergenceBatch)

        def last(x: Array) -> Array:
            return np.moveaxis(x, batch.axis, -1)

        classes = batch.inputs[0].shape[batch.axis]
        weight = np.broadcast_to(np.float64(1.0) if job.weight is None else job.weight, batch.shape).astype(np.float64)
        valid = weight >= 0
        for x, name in zip(batch.inputs, self.operands, strict=True):
            if name in self.domain:
                valid &= self.domain[name].contains(x.astype(batch.dtype)).all(axis=batch.axis) | (weight == 0)
        if not valid.all():
            return 0.0, int(np.argmin(valid))
        full = (*batch.shape, classes)

        def run(exchanged: bool, first: Array, second: Array, part: Pass) -> tuple[float, int]:
            loss = self.exchanged if exchanged else self
            vector = None if part.vector is None else last(part.vector[0]).reshape(-1, classes).astype(np.float64)
            with np.errstate(all="ignore"):
                value, grad, hess = loss.reference(first, second, vector)
                turned = dataclasses.replace(
                    part, grad=tuple(map(last, part.grad or ())), hess=tuple(map(last, part.hess or ()))
                )
                results = value.reshape(batch.shape), (grad.reshape(full),), (hess.reshape(full),)
                return turned.finish(weight, *results), -1

        rows = tuple(last(x).reshape(-1, classes).astype(np.float64) for x in batch.inputs)
        return each_side(rows, job, run)

    def _sides(self, pred: Array, target: Array) -> tuple[Softmax | None, Sides]:
        given: list[tuple[Array, Array, Array, Mask, Any, Any]] = []
        softmaxes: list[Softmax | None] = []
        normalised = self.pred_kind == self.target_kind == "logits"
        for x, kind in ((pred, self.pred_kind), (target, self.target_kind)):
            softmax, every = None, np.ones(x.shape, bool)
            if kind == "logits":
                softmax = Softmax.of(x / self.temperature)
                logarithm = x if normalised else x / self.temperature
                top, tail = (f(y, axis=1, keepdims=True) for f, y in ((np.max, logarithm), (np.min, softmax.nll)))
                given.append((softmax.p, logarithm, softmax.p, every, top, tail))
            elif kind == "log_probs":
                given.append((np.exp(x), x, np.exp(x), every, 0.0, 0.0))
            else:
                held = np.where(x < self.eps, self.eps, x)
                given.append((x, np.log(held), held, ~(x < self.eps), 0.0, 0.0))
            softmaxes.append(softmax)
        (u, log_u, held_u, inside_u, top_u, tail_u), (w, log_w, held_w, inside_w, top_w, tail_w) = given
        per = self.temperature if normalised else 1.0
        (hi, lo), (top_hi, top_lo) = _difference(log_w, log_u), _difference(top_w, top_u)
        r = ((hi - top_hi) + (lo - top_lo)) / per - (tail_w - tail_u)
        lean, rise, beyond = 1.0, np.zeros((len(r), 1)), r
        if self.pred_kind == "logits":
            lean, at = 0.0, np.argmax(pred, axis=1)[:, None]
            rise, hi_there, lo_there = (np.take_along_axis(x, at, axis=1) for x in (r, hi, lo))
            beyond = ((hi - hi_there) + (lo - lo_there)) / per
        return softmaxes[0], Sides(u, w, r, held_u, held_w, inside_u, inside_w, rise, beyond, lean, normalised)

    def _fault(self, batch: Batch, at: tuple[int, ...]) -> ValueError | None:
        assert isinstance(batch, DivergenceBatch)
        for x, name in zip(batch.inputs, self.operands, strict=True):
            for c in range(x.shape[batch.axis] if name in self.domain else 0):
                place = (*at[: batch.axis], c, *at[batch.axis :])
                if error := checks.outside(x, name, self.domain[name], place, batch.dtype):
                    return error
        return None


def excess(p: Array, q: Array, r: Array) -> tuple[Array, Array]:
    """For q = p e^-r, p (r + e^-r - 1) and p (e^-r - 1): the first never negative, both without cancellation."""
    near = np.abs(r) < 0.05
    x = np.where(near, -r, 0.0)
    tail = np.polynomial.polynomial.polyval(x, [1 / math.factorial(k) for k in range(2, 11)])
    far = np.where(p == 0, 0.0, p * (r - 1)) + q
    return np.where(near, p * x**2 * tail, far), np.where(near, p * np.expm1(x), q - p)


def _difference(a: Array, b: Array) -> tuple[Array, Array]:
    """The rounded a - b, and what rounding has lost of it (Knuth 1969)."""
    hi = np.subtract(a, b)
    back = hi - a
    return hi, np.where(np.isfinite(hi), (a - (hi - back)) - (b + back), 0.0)


def _product(x: Array, factor: Array) -> Array:
    """The product with 0 inf = 0 and 0 NaN = 0 where the second one is 0: a class that has no share."""
    return np.where(factor == 0, 0.0, x * factor)
