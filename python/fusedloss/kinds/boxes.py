"""Losses between boxes: an item is a row of four numbers of pred, and one of target.

Design: none of them tells pred from target; so the gradient by the target is that by pred with both exchanged.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from .kind import Batch, Kind, Pass, weight_of
from .sides import each_side


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
        pred, target = checks.floating(operands[0], "pred"), checks.floating(operands[1], "target")
        if pred.ndim == 0 or pred.shape[-1] != 4:
            raise ValueError(f"pred must hold boxes, four numbers along its last axis, got shape {pred.shape}")
        checks.same_shape(target, pred.shape, "target")
        variables = {"pred": pred, "target": target}
        return Batch(pred.shape[:-1], (pred, target), variables, checks.precision(pred.dtype))

    def _weight_total(self, target: ArrayLike, sample_weight: ArrayLike | None) -> float:
        shape = checks.array(target, "target").shape[:-1]
        return weight_of(shape, sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        def run(exchanged: bool, first: Array, second: Array, part: Pass) -> tuple[float, int]:
            outcome: tuple[float, int] = backend.core.run_rows(
                self._plan,
                part.outputs,
                int(batch.dtype == np.float64),
                first,
                second,
                len(batch.shape),
                part.weight,
                part.cotangent,
                None,
                part.value,
                part.grad,
                None,
                part.scale,
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
            return outcome

        return each_side(batch.inputs, job, run)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        weight = np.broadcast_to(1.0 if job.weight is None else job.weight, batch.shape).astype(np.float64)
        if not (weight >= 0).all():
            return 0.0, int(np.argmin(weight >= 0))

        def run(exchanged: bool, first: Array, second: Array, part: Pass) -> tuple[float, int]:
            with np.errstate(all="ignore"):
                value, grad = self.reference(first, second)
                return part.finish(weight, value.reshape(batch.shape), (grad.reshape(*batch.shape, 4),), ()), -1

        rows = tuple(x.astype(np.float64).reshape(-1, 4) for x in batch.inputs)
        return each_side(rows, job, run)
