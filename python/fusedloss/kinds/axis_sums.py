"""Losses over vectors: an item is the sum of an elementwise loss over the last axis of the operands."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from .elementwise import Elementwise
from .kind import Batch, Kind, Pass, weight_of


@dataclasses.dataclass(slots=True)
class AxisBatch(Batch):
    """Checked operands.

    Attributes:
        entries: The same for the loss of an entry, and that loss.
        loss: The loss of an entry.
    """

    entries: Batch
    loss: Elementwise


class AxisSums(Kind):
    """Operands have one shape; their last axis is added up."""

    adds = True
    _entries: ClassVar[dict[int, Elementwise]]  # for so many operands; each loss has its own, as with the plan

    # ---- What a loss provides ----

    def of_entries(self, operands: int) -> Elementwise:
        """The loss of an entry, for so many operands."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_entries", {})
        count = len(self.operands) - len(self.optional)
        return backend.plan(*self.of_entries(count).kernel(), self.reduction, (), vectors=True)

    def _batch(self, operands: tuple[Any, ...]) -> AxisBatch:
        count = len(operands)
        if count not in self._entries:
            self._entries[count] = self.of_entries(count)
        loss = self._entries[count]
        entries = loss._batch(operands)
        if not entries.shape:
            raise ValueError(f"{self.operands[0]} must have a last axis of dimensions, got a single number")
        return AxisBatch(entries.shape[:-1], entries.inputs, entries.variables, entries.dtype, entries, loss)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        return weight_of(checks.array(target, self.weighed).shape[:-1], sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, AxisBatch)
        return self._run_entries(batch, job, batch.loss._run)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, AxisBatch)
        return self._run_entries(batch, job, batch.loss._run_reference)

    def _run_entries(self, batch: AxisBatch, job: Pass, run: Any) -> tuple[float, int]:
        shape = batch.entries.shape
        if job.weight is None and job.cotangent is None and job.value is None and shape[-1]:
            total, bad = run(batch.entries, job)
            return total, bad // shape[-1] if bad >= 0 else -1

        def spread(x: Array | None) -> Array | None:
            return None if x is None else np.broadcast_to(x[..., np.newaxis], shape)

        value = None if job.value is None else backend.empty(shape, batch.dtype)
        part = dataclasses.replace(job, weight=spread(job.weight), cotangent=spread(job.cotangent), value=value)
        total, bad = run(batch.entries, part) if shape[-1] else (0.0, -1)
        if job.value is not None and value is not None:
            job.value[...] = np.sum(value, axis=-1, dtype=np.float64)
        return total, bad // shape[-1] if bad >= 0 else -1
