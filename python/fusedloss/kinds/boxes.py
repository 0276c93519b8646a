"""Losses between boxes: an item is a row of four numbers of pred, and one of target."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from .kind import Batch, Kind, Pass, weight_of


class Boxes(Kind):
    """The four numbers of a box lie along the last axis."""

    orders = ("value", "grad")

    # ---- What a loss provides ----

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        """Name and options of the extension's kernel."""
        raise NotImplementedError

    def reference(self, pred: Array, target: Array) -> tuple[Array, Array]:
        """The specification: value of each pair of boxes, and its gradient by the first.

        Args:
            pred: (N, 4), float64.
            target: The same.
        """
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        return backend.plan(*self.kernel(), self.reduction, None)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> Batch:
        pred, target = checks.floating(operands[0], "pred"), checks.array(operands[1], "target")
        if pred.ndim == 0 or pred.shape[-1] != 4:
            raise ValueError(f"pred must hold boxes, four numbers along its last axis, got shape {pred.shape}")
        checks.same_shape(target, pred.shape, "target")
        return Batch(pred.shape[:-1], (pred, target), {"pred": pred}, checks.precision(pred.dtype))

    def _weight_total(self, target: ArrayLike, sample_weight: ArrayLike | None) -> float:
        shape = checks.array(target, "target").shape[:-1]
        return weight_of(shape, sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        pred, target = batch.inputs
        value, bad = backend.core.run_rows(
            self._plan,
            job.outputs,
            int(batch.dtype == np.float64),
            pred,
            target,
            pred.ndim - 1,
            job.weight,
            job.cotangent,
            None,
            job.value,
            job.grad,
            None,
            job.scale,
            -math.inf,
            math.inf,
            1.0,
            False,
            None,
            None,
            None,
            None,
            None,
        )
        return value, bad

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        weight = np.broadcast_to(1.0 if job.weight is None else job.weight, batch.shape).astype(np.float64)
        if not (weight >= 0).all():
            return 0.0, int(np.argmin(weight >= 0))
        pred, target = (x.astype(np.float64).reshape(-1, 4) for x in batch.inputs)
        with np.errstate(all="ignore"):
            value, grad = self.reference(pred, target)
            return job.finish(weight, value.reshape(batch.shape), (grad.reshape(*batch.shape, 4),), ()), -1
