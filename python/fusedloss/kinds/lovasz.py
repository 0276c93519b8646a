"""Losses of sorted errors: an item is an image, or all of them, whose worst pixels count most.

Design:
1. The Lovasz extension of a set function is linear between errors in their order: its gradient says by how much the
   function grows as pixels join the set of errors, the largest first (Berman et al. 2018). Pixels without an error come
   last and add nothing: only the others are sorted.
2. That growth is written without a difference: of a pixel of weight w, w / u if it is of the class, and
   i w / (u (u + w)) if it is not, where i is what is left of the intersection, u the union, both before it joins.
3. Everything is NumPy's, for both backends. Of equal errors the first pixel is the first, on every processor. Images
   are dealt out to threads.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from ..options import Flag, Integer, Maybe, option
from .kind import Batch, Kind, Pass, sum_of_weights
from .overlaps import pixel_mask
from .sorting import ascending
from .tasks import dealt


@dataclasses.dataclass(slots=True)
class ImageBatch(Batch):
    """Checked operands (pred, target, mask or None).

    Attributes:
        images: How many there are, each an item or all of them one.
    """

    images: int


class SortedErrors(Kind):
    """Images lie along the first axis of pred, all other axes are pixels; target has the same ones, of 0 and 1."""

    per_image: bool = option(default=False, accepts=Flag())
    ignore_index: int | None = option(default=None, accepts=Maybe(Integer()))

    orders = ("value", "grad")

    # ---- What a loss provides ----

    def errors(self, pred: Array, target: Array) -> Array:
        """The error of each pixel, in the precision of pred; one that is not positive does not count."""
        raise NotImplementedError

    def error_slope(self, target: Array) -> Array:
        """Its derivative by pred, where it is positive."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        return None

    def _inputs(self) -> tuple[str, ...]:
        return (*self.operands, *self.arguments)

    def _batch(self, operands: tuple[Any, ...]) -> ImageBatch:
        pred, target = checks.floating(operands[0], "pred"), checks.array(operands[1], "target")
        if pred.ndim == 0:
            raise ValueError("pred must have a first axis of images, got a single number")
        checks.same_shape(target, pred.shape, "target")
        mask = None if operands[2] is None else pixel_mask(operands[2], pred.shape)
        if mask is not None and not (mask >= 0).all():
            at = checks.index(int(np.argmin(mask >= 0)), mask.shape)
            raise ValueError(f"mask must be >= 0, got {mask[at]} at index {at}")
        wrong = (target != 0) & (target != 1)
        if wrong.any():
            wrong &= (target != self.ignore_index) if self.ignore_index is not None else True
            wrong &= (mask != 0) if mask is not None else True
        if wrong.any():
            at = checks.index(int(np.argmax(wrong)), wrong.shape)
            raise ValueError(f"target must be 0 or 1, got {target[at]} at index {at}")
        shape = pred.shape[:1] if self.per_image else ()
        return ImageBatch(shape, (pred, target, mask), {"pred": pred}, checks.precision(pred.dtype), len(pred))

    def _total(self, batch: Batch, weight: Array | None) -> float:
        return sum_of_weights(weight, batch.shape)

    def _partial(self, operands: tuple[Any, ...], sample_weight: ArrayLike | None) -> tuple[float, float]:
        if not self.per_image:
            raise NotImplementedError(
                f"{self!r} has no shards: its item is the whole batch; with per_image=True it has"
            )
        return super()._partial(operands, sample_weight)

    def _checked_run(self, batch: Batch, job: Pass, given_weight: ArrayLike | None) -> float:
        checks.not_negative(job.weight, given_weight)
        return super()._checked_run(batch, job, given_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_items(batch, job, batch.dtype)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_items(batch, job, np.dtype(np.float64))

    def _run_items(self, batch: Batch, job: Pass, dtype: np.dtype[Any]) -> tuple[float, int]:
        weight = np.broadcast_to(1.0 if job.weight is None else job.weight, batch.shape).astype(np.float64)
        upstream = np.broadcast_to(1.0 if job.cotangent is None else job.cotangent, batch.shape).astype(np.float64)

        def run(at: tuple[int, ...]) -> float:
            slope = weight[at] * job.scale * upstream[at] if weight[at] else 0.0
            grad = job.grad[0][at or ...] if job.grad is not None else None
            if grad is not None and slope == 0:
                grad[...] = 0
            if weight[at] == 0:
                return 0.0
            pred, target, mask = (None if x is None else x[at or ...].reshape(-1) for x in batch.inputs)
            return float(weight[at] * self._run_item(pred, target, mask, dtype, slope, grad if slope else None))

        values = dealt(run, np.ndindex(batch.shape))
        if job.value is not None:
            job.value[...] = np.reshape(values, batch.shape)
        return math.fsum(values) if all(map(math.isfinite, values)) else sum(values), -1

    def _run_item(
        self, pred: Any, target: Any, mask: Array | None, dtype: np.dtype[Any], slope: float, grad: Array | None
    ) -> float:
        """The value of an item; writes its gradient times `slope`."""
        with np.errstate(all="ignore"):
            errors = self.errors(pred.astype(dtype, copy=False), target == 1)
        counts = None if mask is None else mask != 0
        if self.ignore_index is not None:
            kept = target != self.ignore_index
            counts = kept if counts is None else counts & kept
        found = ~(errors <= 0) if counts is None else ~(errors <= 0) & counts
        pixels = np.flatnonzero(found)
        errors = errors[pixels]
        value = np.nan
        growth: Any = np.nan
        if not np.isnan(errors).any():
            _, order = ascending(-errors)
            pixels, errors = pixels[order], errors[order].astype(np.float64)
            growth = _growth(target[pixels] == 1, None if mask is None else mask[pixels], _size(target, mask, counts))
            with np.errstate(invalid="ignore"):
                value = float(np.sum(np.where(growth != 0, growth * errors, 0.0)))
        if grad is not None:
            flat = np.zeros(pred.shape, grad.dtype)
            flat[pixels] = slope * growth * self.error_slope(target[pixels] == 1)
            grad[...] = flat.reshape(grad.shape)
        return value

    def _fault(self, batch: Batch, at: tuple[int, ...]) -> ValueError | None:
        return None


def _size(target: Array, mask: Array | None, counts: Array | None) -> float:
    """Of the class, all its pixels taken together."""
    own = target == 1 if counts is None else (target == 1) & counts
    return float(np.count_nonzero(own)) if mask is None else float(np.sum(mask[own], dtype=np.float64))


def _growth(own: Array, weight: Array | None, size: float) -> Array:
    """By how much the Jaccard loss of the pixels that are wrong grows with each of them.

    Args:
        own: Whether it is of the class.
        weight: Of each; None for 1.
        size: Of the class.
    """
    w = np.ones(own.shape) if weight is None else weight.astype(np.float64)
    if size == 0:  # nothing is right any more, once one pixel is wrong
        return np.where(np.arange(own.size) == 0, 1.0, 0.0)
    missed, added = np.where(own, w, 0.0), np.where(own, 0.0, w)
    left = np.maximum(size - (np.cumsum(missed) - missed), 0.0)
    union = size + (np.cumsum(added) - added)
    return np.where(own, w / union, left * w / (union * (union + w)))
