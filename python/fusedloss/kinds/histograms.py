"""Losses of two histograms on bins in order: an item is a pair of rows, each computed by itself, in blocks of rows."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from ..domains import NOT_NEGATIVE, Domain
from ..operands import PredTargetAlike
from ..options import Integer, option
from .kind import Batch, Pass, weight_of
from .tasks import dealt

_BLOCK = 1 << 15
"""Bins: 256 KB for each array of float64."""


@dataclasses.dataclass(slots=True)
class HistogramBatch(Batch):
    """Checked operands.

    Attributes:
        axis: That of the bins, counted from the front.
    """

    axis: int


class Histograms(PredTargetAlike):
    """Bins lie along an axis, all other axes are items."""

    axis: int = option(default=-1, accepts=Integer())

    orders = ("value", "grad")
    weights_first = True

    # ---- What a loss provides ----

    def of_rows(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:
        """The value of each row, and its gradients by both histograms; in float64."""
        raise NotImplementedError

    # ---- What the kind provides ----

    @property
    def domain(self) -> dict[str, Domain]:  # noqa: D102
        return {"pred": NOT_NEGATIVE, "target": NOT_NEGATIVE}

    def _make_plan(self) -> Any:
        return None

    def _batch(self, operands: tuple[ArrayLike, ...]) -> HistogramBatch:
        pred, target = (checks.floating(x, name) for x, name in zip(operands, self.operands, strict=True))
        axis = checks.axis(self.axis, pred)
        checks.same_shape(target, pred.shape, "target")
        shape = pred.shape[:axis] + pred.shape[axis + 1 :]
        variables = {"pred": pred, "target": target}
        return HistogramBatch(shape, (pred, target), variables, checks.precision(pred.dtype), axis)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        given = checks.array(target, self.weighed)
        axis = checks.axis(self.axis, given)
        shape = given.shape[:axis] + given.shape[axis + 1 :]
        return weight_of(shape, sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_reference(batch, job)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, HistogramBatch)
        count, axis = math.prod(batch.shape), batch.axis

        def rows(x: Array) -> Array:
            return np.moveaxis(x, axis, -1).reshape(count, x.shape[axis])

        def items(x: Array | None) -> Array | None:
            return None if x is None else x.reshape(count)

        pred, target = map(rows, batch.inputs)
        weight, cotangent = items(job.weight), items(job.cotangent)
        value = None if job.value is None else np.empty(count, job.value.dtype)
        grads = tuple(None if to is None else np.empty(pred.shape, to.dtype) for to in job.grad or ())
        step = max(1, _BLOCK // pred.shape[1])

        def run(first: int) -> tuple[float, int]:
            block = slice(first, first + step)
            p, t = (x[block].astype(np.float64) for x in (pred, target))
            own = np.ones(len(p)) if weight is None else weight[block].astype(np.float64)
            bad = ((p < 0) | (t < 0) | (p == np.inf) | (t == np.inf)).any(axis=1) & (own != 0)
            if bad.any():
                return 0.0, first + int(np.argmax(bad))
            part = dataclasses.replace(
                job,
                cotangent=None if cotangent is None else cotangent[block],
                value=None if value is None else value[block],
                grad=tuple(None if to is None else to[block] for to in grads),
            )
            with np.errstate(all="ignore"):
                found, *slopes = self.of_rows(p, t)
                return part.finish(own, found, slopes, ()), -1

        totals, bad = zip(*dealt(run, range(0, count, step)), strict=True)
        first_bad = next((at for at in bad if at >= 0), -1)
        if first_bad >= 0:
            return 0.0, first_bad
        if job.value is not None and value is not None:
            job.value[...] = value.reshape(batch.shape)
        for to, grad in zip(job.grad or (), grads, strict=True):
            if to is not None and grad is not None:
                np.moveaxis(to, axis, -1)[...] = grad.reshape(*batch.shape, -1)
        return math.fsum(totals) if all(map(math.isfinite, totals)) else sum(totals), -1

    def _fault(self, batch: Batch, at: tuple[int, ...]) -> ValueError | None:
        assert isinstance(batch, HistogramBatch)
        for x, name in zip(batch.inputs, self.operands, strict=True):
            for k in range(x.shape[batch.axis]):
                place = (*at[: batch.axis], k, *at[batch.axis :])
                if error := checks.outside(x, name, NOT_NEGATIVE, place, batch.dtype):
                    return error
        return None
