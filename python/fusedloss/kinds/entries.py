"""Losses of the entries of maps: each pixel and class by itself, by an elementwise loss.

Classes are visited one after the other. Where the target holds labels, that of a class is where they are its number:
an array of one class at a time, and none of all of them. Overlaps of sigmoids take such a loss along (see overlaps.py);
then it is the extension that visits them, as it does for these.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from ..domains import NOT_NEGATIVE
from ..options import Flag, Integer, LossOption, Maybe, Vector, option
from .kind import Batch, Kind, Pass
from .maps import check_classes, class_axis, class_factor, pixels_of, target_of


@dataclasses.dataclass(slots=True)
class EntryBatch(Batch):
    """Checked operands (pred, target).

    Attributes:
        axis: The class axis, counted from the front; None if there is but one class, without an axis.
        classes: How many there are.
        labels: Whether the target holds labels, and not a number for each class.
    """

    axis: int | None
    classes: int
    labels: bool

    def of_class(self, x: Array, c: int) -> Array:
        """A class of pred, or of what is like it."""
        return x if self.axis is None else x[(slice(None),) * self.axis + (c,)]


class Entries(Kind):
    """An item is a pixel: its value is the weighted sum over classes, whose weights its own counts in a mean.

    It is a term of other losses.
    """

    entry: Any = option(default=dataclasses.MISSING, accepts=LossOption("pred", "target"))
    include_background: bool = option(default=True, accepts=Flag())
    class_weight: Array | None = option(default=None, accepts=Maybe(Vector(NOT_NEGATIVE)))
    ignore_index: int | None = option(default=None, accepts=Maybe(Integer()))
    axis: int | None = option(default=1, accepts=Maybe(Integer()))

    operands = ("pred", "target")
    variables = ("pred",)
    orders = ("value", "grad")
    weights_first = True
    adds = True

    def _make_plan(self) -> Any:
        return None

    def _batch(self, operands: tuple[ArrayLike, ...]) -> EntryBatch:
        pred = checks.floating(operands[0], "pred")
        axis, classes = class_axis(pred, self.axis)
        check_classes(classes, self.class_weight, self.include_background)
        target, labels = target_of(operands[1], pred, axis)
        shape = pixels_of(pred, axis)
        return EntryBatch(shape, (pred, target), {"pred": pred}, checks.precision(pred.dtype), axis, classes, labels)

    def factors(self, classes: int) -> Array:
        """What each class counts for."""
        return class_factor(self.class_weight, self.include_background, classes)

    def _weights(self, batch: EntryBatch, weight: Array | None) -> Iterator[Array | None]:
        """Of each class the weights of the pixels; None if they are all 1."""
        target = batch.inputs[1]
        for c in range(batch.classes):
            if self.ignore_index is None:
                yield weight
            elif c == 0 or not batch.labels:
                ignored = (target if batch.labels else batch.of_class(target, c)) == self.ignore_index
                own = np.where(ignored, 0.0, 1.0 if weight is None else weight)
                yield own
            else:
                yield own

    def _total(self, batch: Batch, weight: Array | None) -> float:
        assert isinstance(batch, EntryBatch)
        pixels = math.prod(batch.shape)
        return math.fsum(
            float(factor) * (pixels if own is None else float(np.sum(own, dtype=np.float64)))
            for factor, own in zip(self.factors(batch.classes), self._weights(batch, weight), strict=True)
        )

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_classes(batch, job, self.entry._run)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_classes(batch, job, self.entry._run_reference)

    def _run_classes(self, batch: Batch, job: Pass, run: Any) -> tuple[float, int]:
        assert isinstance(batch, EntryBatch)
        pred, target = batch.inputs
        totals = []
        for c, (factor, own) in enumerate(
            zip(self.factors(batch.classes), self._weights(batch, job.weight), strict=True)
        ):
            grad = None if job.grad is None else (batch.of_class(job.grad[0], c),)
            if factor == 0:
                if grad is not None and not job.adds:
                    grad[0][...] = 0
                continue
            of_class = target == c if batch.labels else batch.of_class(target, c)
            part = self.entry._batch((batch.of_class(pred, c), of_class))
            total, bad = run(part, dataclasses.replace(job, weight=own, grad=grad, scale=float(factor) * job.scale))
            if bad >= 0:
                raise self._error(batch, c, checks.index(bad, batch.shape))
            totals.append(float(factor) * total)
        return math.fsum(totals) if all(map(math.isfinite, totals)) else sum(totals), -1

    def _error(self, batch: EntryBatch, c: int, at: tuple[int, ...]) -> ValueError:
        """What is wrong with an entry of a class."""
        place = at if batch.axis is None else (*at[: batch.axis], c, *at[batch.axis :])
        error = checks.outside(batch.inputs[1], "target", self.entry.domain["target"], place, batch.dtype)
        return error or ValueError(f"the entry at index {place} is outside the domain of {self.entry!r}")
