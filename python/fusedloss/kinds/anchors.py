"""Losses of anchors: each vector of a batch against those of its class and all others, by their distances or products.

What an anchor is worth and its derivatives by what lies between it and all vectors is the matter of a kind below this
one; what counts and how much, and the ways in and out, are here.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from .kind import Batch, Kind, Pass, sum_of_weights
from .similarities import classes, matrix


@dataclasses.dataclass(slots=True)
class AnchorBatch(Batch):
    """Checked operands.

    Attributes:
        codes: The class of each vector, counted from 0.
        counts: What each vector counts as an anchor.
    """

    codes: Array
    counts: Array


class Anchors(Kind):
    """An item is an anchor: its value is a sum over what it is compared with, whose number it counts in a mean."""

    orders = ("value", "grad")

    # ---- What a loss provides ----

    def metric(self) -> str:
        """What lies between vectors: ``"l2"``, ``"sqeuclidean"``, ``"cosine"`` or ``"product"``."""
        raise NotImplementedError

    def counts(self, positives: Array, negatives: Array) -> Array:
        """What an anchor counts, from how many others there are of its class and of other ones; 0 if it is no item."""
        raise NotImplementedError

    # ---- What a kind provides ----

    def _pass_over(
        self, batch: AnchorBatch, weight: Array, upstream: Array | None, dtype: np.dtype[Any]
    ) -> tuple[Array, Array | None]:
        """The value of each anchor, and the gradient by the embeddings.

        Args:
            batch: The operands.
            weight: Of each anchor; values are not multiplied by it, but need not be made where it is 0.
            upstream: What each anchor's derivatives are multiplied with; None if no gradient is wanted.
            dtype: The precision of products; distances are in double.
        """
        raise NotImplementedError

    # ---- What they share ----

    def _make_plan(self) -> Any:
        return None

    def _counts(self, labels: ArrayLike, count: int | None) -> tuple[Array, Array]:
        codes, positives = classes(labels, count)
        return codes, self.counts(positives, codes.size - 1 - positives).astype(np.float64)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> AnchorBatch:
        embeddings = matrix(operands[0], "embeddings")
        codes, counts = self._counts(operands[1], len(embeddings))
        inputs = (embeddings, checks.array(operands[1], "labels"))
        dtype = checks.precision(embeddings.dtype)
        return AnchorBatch(codes.shape, inputs, {"embeddings": embeddings}, dtype, codes, counts)

    def _total(self, batch: Batch, weight: Array | None) -> float:
        assert isinstance(batch, AnchorBatch)
        return sum_of_weights(batch.counts if weight is None else batch.counts * weight, batch.shape)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        codes, counts = self._counts(target, None)
        weight = checks.sample_weight(sample_weight, codes.shape)
        checks.not_negative(weight, sample_weight)
        return float(np.sum(counts if weight is None else counts * weight))

    def _checked_run(self, batch: Batch, job: Pass, given_weight: ArrayLike | None) -> float:
        checks.not_negative(job.weight, given_weight)
        return super()._checked_run(batch, job, None)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_anchors(batch, job, batch.dtype)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_anchors(batch, job, np.dtype(np.float64))

    def _run_anchors(self, batch: Batch, job: Pass, dtype: np.dtype[Any]) -> tuple[float, int]:
        assert isinstance(batch, AnchorBatch)
        weight = np.where(batch.counts > 0, 1.0 if job.weight is None else job.weight, 0.0)
        upstream = job.scale * weight
        if job.cotangent is not None:
            upstream = np.where(job.cotangent == 0, 0.0, upstream * job.cotangent)
        values, grad = self._pass_over(batch, weight, None if job.grad is None else upstream, dtype)
        items = np.where(weight != 0, weight * values, 0.0)
        if job.value is not None:
            job.value[...] = items
        if grad is not None and job.grad is not None:
            job.grad[0][...] = grad
        return (math.fsum(items) if np.isfinite(items).all() else float(items.sum())), -1
