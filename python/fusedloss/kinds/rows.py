"""Losses over rows: an item is a row along the class axis, its target an integer label or a distribution."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from ..base import Loss
from ..domains import NOT_NEGATIVE
from ..options import Integer, Maybe, Vector, option
from .kind import Batch, Kind, Pass


@dataclasses.dataclass(slots=True)
class RowBatch(Batch):
    """Checked operands (pred, target).

    Attributes:
        axis: The class axis of pred, counted from the front.
        classes: Its length.
        labels: Whether the target holds labels, and not distributions.
    """

    axis: int
    classes: int
    labels: bool


class RowOptions(Loss):
    """The options of all losses over rows."""

    class_weight: Array | None = option(default=None, accepts=Maybe(Vector(NOT_NEGATIVE)))
    ignore_index: int | None = option(default=None, accepts=Maybe(Integer()))


class Rows(RowOptions, Kind):
    """The target has the axes of pred but the class axis (it holds labels), or all of them (it holds distributions)."""

    axis: int = option(default=-1, accepts=Integer())

    class_arrays: ClassVar[tuple[str, ...]] = ("class_weight",)
    """Options that may be an array of a number for each class."""
    takes_distributions: ClassVar[bool] = True
    """Whether the target may hold distributions, and not only labels."""
    further_labels: ClassVar[int] = 0
    """How many labels there are beyond one for each class of pred."""

    _distribution_plan: ClassVar[Any] = None

    # ---- What a loss provides ----

    def reference(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:
        """The specification: value of each row, gradient, diagonal of the Hessian.

        Args:
            pred: (N, C), float64.
            target: (N,) labels, or (N, C) float64.
        """
        raise NotImplementedError

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        """The Hessian of each row times `vector`, of shape (N, C)."""
        raise NotImplementedError

    def kernel(self, labels: bool) -> tuple[str, tuple[float, ...]]:
        """Name and options of the extension's kernel, for labels or for distributions."""
        raise NotImplementedError

    def reference_extras(self, pred: Array, target: Array) -> tuple[Array, ...]:
        """By-products of each row, in the order of the extension's."""
        raise NotImplementedError

    def _logits(self, classes: int) -> tuple[float, float, float, Array | None] | None:
        """What logits go through: softcap, temperature, z_loss, 1 or 0 for each class; None if nothing."""
        return None

    def _factor(self, classes: int) -> Array | None:
        """What multiplies the target's entries of each class."""
        return None

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        plain = self.class_weight is None and self.ignore_index is None and self.axis == -1
        if self.takes_distributions:
            distribution_plan = backend.plan(*self.kernel(labels=False), self.reduction, ())
            object.__setattr__(self, "_distribution_plan", distribution_plan)
        return backend.plan(*self.kernel(labels=True), self.reduction, () if plain else None)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> RowBatch:
        pred = checks.floating(operands[0], "pred")
        axis = checks.axis(self.axis, pred)
        classes = pred.shape[axis]
        shape = pred.shape[:axis] + pred.shape[axis + 1 :]
        for name in self.class_arrays:
            given = getattr(self, name)
            known = classes + self.further_labels
            if isinstance(given, np.ndarray) and given.size != known:
                has = f"{classes} classes" if known == classes else f"{classes} entries for {known} labels"
                raise ValueError(f"{name} has {given.size} entries, but pred has {has}")
        target = checks.array(operands[1], "target")
        labels = target.ndim != pred.ndim or not self.takes_distributions
        if labels:
            if target.shape != shape:
                either = f" or {pred.shape} (distributions)" if self.takes_distributions else ""
                raise ValueError(f"target must have shape {shape} (labels){either}, got {target.shape}")
            target = checks.labels(target)
            checks.labels_in_range(target, known, self.ignore_index)
        else:
            checks.same_shape(target, pred.shape, "target")
        return RowBatch(shape, (pred, target), {"pred": pred}, checks.precision(pred.dtype), axis, classes, labels)

    def _total(self, batch: Batch, weight: Array | None) -> float:
        assert isinstance(batch, RowBatch)
        ignore = self.ignore_index if batch.labels else None
        if weight is None and self.class_weight is None and ignore is None:
            return float(math.prod(batch.shape))
        if backend.compiled():
            axis, target = None if batch.labels else batch.axis, batch.inputs[1]
            known = batch.classes + (self.further_labels if batch.labels else 0)
            return backend.core.total_row_weight(target, axis, known, weight, self.class_weight, ignore)
        return float(self._weights(batch.inputs[1], batch.shape, batch.labels, batch.axis, weight).sum())

    def _weights(self, target: Array, shape: tuple[int, ...], labels: bool, axis: int, weight: Array | None) -> Array:
        """The weight of each row, in float64: ignored rows have 0, class weights are in."""
        total = np.broadcast_to(np.float64(1.0) if weight is None else weight, shape).astype(np.float64)
        if labels:
            kept = np.ones(shape, dtype=bool) if self.ignore_index is None else target != self.ignore_index
            if self.class_weight is not None:
                total *= self.class_weight[np.where(kept, target, 0)]
            return np.where(kept, total, 0.0)
        if self.class_weight is not None:
            factor = np.moveaxis(target, axis, -1).astype(np.float64) @ self.class_weight
            total = np.where(total == 0, 0.0, total * factor)
        return total

    def _weight_total(self, target: ArrayLike, sample_weight: ArrayLike | None) -> float:
        array = checks.array(target, "target")
        labels = not checks.is_float(array.dtype) or not self.takes_distributions
        if labels:
            array, shape, axis = checks.labels(array), array.shape, 0
            if self.class_weight is not None:
                checks.labels_in_range(array, self.class_weight.size, self.ignore_index)
        else:
            axis = checks.axis(self.axis, array)
            shape = array.shape[:axis] + array.shape[axis + 1 :]
            if self.class_weight is not None and self.class_weight.size != array.shape[axis]:
                raise ValueError(
                    f"class_weight has {self.class_weight.size} entries, but target has {array.shape[axis]} classes"
                )
        weight = checks.sample_weight(sample_weight, shape)
        checks.not_negative(weight, sample_weight)
        return float(self._weights(array, shape, labels, axis, weight).sum())

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, RowBatch)
        return backend.core.run_rows(
            self._plan if batch.labels else self._distribution_plan,
            job.outputs,
            int(batch.dtype == np.float64),
            batch.inputs[0],
            batch.inputs[1],
            batch.axis,
            job.weight,
            job.cotangent,
            job.vector[0] if job.vector else None,
            job.value,
            job.grad,
            job.hess,
            job.scale,
            job.hess_floor,
            job.hess_ceiling,
            job.hess_factor,
            job.hess_is_slope,
            self.class_weight,
            self.ignore_index if batch.labels else None,
            self._factor(batch.classes),
            self._logits(batch.classes),
            job.extra,
        )

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, RowBatch)

        def last(x: Array) -> Array:
            return np.moveaxis(x, batch.axis, -1)

        def rows(x: Array) -> Array:
            return last(x).reshape(-1, batch.classes).astype(np.float64)

        pred, target = batch.inputs
        weight = self._weights(target, batch.shape, batch.labels, batch.axis, job.weight)
        valid = np.ones(batch.shape, bool) if job.weight is None else job.weight >= 0
        if "pred" in self.domain:
            valid &= self.domain["pred"].contains(pred.astype(batch.dtype)).all(axis=batch.axis) | (weight == 0)
        if not valid.all():
            return 0.0, int(np.argmin(valid))

        with np.errstate(all="ignore"):
            z = rows(pred)
            t = np.where(weight == 0, 0, target).reshape(-1) if batch.labels else rows(target)
            value, grad, hess = (x.astype(batch.dtype).astype(np.float64) for x in self.reference(z, t))
            if job.vector is not None:
                grad = self.reference_hvp(z, t, rows(job.vector[0]))
            for output, result in zip(job.extra or (), self.reference_extras(z, t) if job.extra else (), strict=True):
                if output is not None:
                    output[...] = np.where(weight == 0, output, result.reshape(batch.shape))
            full = (*batch.shape, batch.classes)
            turned = dataclasses.replace(
                job,
                grad=tuple(last(x) for x in job.grad or () if x is not None),
                hess=tuple(last(x) for x in job.hess or () if x is not None),
            )
            return turned.finish(weight, value.reshape(batch.shape), (grad.reshape(full),), (hess.reshape(full),)), -1

    def _fault(self, batch: Batch, at: tuple[int, ...]) -> ValueError | None:
        assert isinstance(batch, RowBatch)
        for x, name in zip(batch.inputs, self.operands, strict=True):
            if name in self.domain:
                for c in range(batch.classes):
                    error = checks.outside(
                        x, name, self.domain[name], (*at[: batch.axis], c, *at[batch.axis :]), batch.dtype
                    )
                    if error:
                        return error
        return None
