"""Losses of two views of a batch by the statistics of their dimensions: the batch is the item.

Design:
1. Products between dimensions are made in blocks of them, as those between vectors are: memory beside the results grows
   with the views and one block, not with the square of the dimensions.
2. Means and deviations are in double, whatever the precision of products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from .kind import Batch, Kind, Pass
from .similarities import two_matrices


class Views(Kind):
    """The item is the batch."""

    orders = ("value", "grad")
    weights_first = True

    # ---- What a loss provides ----

    def of_views(
        self, first: Array, second: Array, dtype: np.dtype[Any], wants_slopes: bool
    ) -> tuple[float, tuple[Array, Array] | None]:
        """The value of two views in double, with its gradients by them if these are wanted; products in `dtype`."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        return None

    def _batch(self, operands: tuple[ArrayLike, ...]) -> Batch:
        variables = two_matrices(operands, self.variables)
        for name, x in variables.items():
            if len(x) < 2 or x.shape[1] == 0:
                raise ValueError(f"{name} must have at least 2 samples and a dimension, got shape {x.shape}")
        dtype = checks.precision(np.result_type(*variables.values()))
        return Batch((), tuple(variables.values()), variables, dtype)

    def _partial(self, operands: tuple[Any, ...], sample_weight: ArrayLike | None) -> tuple[float, float]:
        raise NotImplementedError(f"{type(self).__name__} has no shards: its item is the whole batch")

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_views(batch, job, batch.dtype)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_views(batch, job, np.dtype(np.float64))

    def _run_views(self, batch: Batch, job: Pass, dtype: np.dtype[Any]) -> tuple[float, int]:
        weight = 1.0 if job.weight is None else float(job.weight)
        upstream = 0.0 if weight == 0 else job.scale * weight
        if job.cotangent is not None:
            upstream = upstream * float(job.cotangent) if float(job.cotangent) else 0.0
        value, slopes = 0.0, None
        if weight != 0:
            first, second = (np.ascontiguousarray(x, np.float64) for x in batch.inputs)
            with np.errstate(all="ignore"):
                value, slopes = self.of_views(first, second, dtype, job.grad is not None and upstream != 0)
        if job.value is not None:
            job.value[...] = weight * value
        for k, to in enumerate(job.grad or ()):
            if to is not None:
                to[...] = 0 if slopes is None else upstream * slopes[k]
        return weight * value, -1


@dataclass(slots=True)
class Standardised:
    """Vectors whose dimensions have the mean 0 and, but for an epsilon, the deviation 1.

    Attributes:
        rows: The vectors.
        deviation: Of each dimension.
        eps: What was added to the deviations.
        count: What the sum of squares was divided by.
    """

    rows: Array
    deviation: Array
    eps: float
    count: int

    @classmethod
    def of(cls, x: Array, eps: float, correction: int) -> Standardised:
        """Of vectors in double; `correction` is 1 for the unbiased variance."""
        apart, count = x - x.mean(axis=0), len(x) - correction
        deviation = np.sqrt(np.sum(apart * apart, axis=0) / count)
        apart /= deviation + eps
        return cls(apart, deviation, eps, count)

    def pull(self, grad: Array) -> Array:
        """The gradient by the vectors, from that by the standardised ones; one without deviation has none by that."""
        along = np.sum(grad * self.rows, axis=0) / self.count
        there = self.deviation != 0
        ratio = (self.deviation + self.eps) / np.where(there, self.deviation, 1.0)
        by_deviation = np.where(there, along * ratio, 0.0)
        return np.asarray((grad - grad.mean(axis=0) - self.rows * by_deviation) / (self.deviation + self.eps))
