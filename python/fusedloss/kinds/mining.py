"""Losses of triplets that are found within a batch: each vector as an anchor against all others, in blocks.

Design:
1. A block of anchors has its distances to all vectors from one product. Triplets are never listed: what is found gives
   the value of each anchor and the slope by each of its distances, in a block like the distances.
2. From a block of slopes come gradients in two products: of a distance they are multiples of differences of vectors.
   Where but few slopes are not 0, these differences are taken one by one.
3. All of this is in double precision, as the distances come from squares that cancel; those of vectors that agree to
   half of its digits are taken as 0, where the slope is 0.
4. What is found is held constant in the derivative: it changes only where two triplets are equally hard.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from .elementwise import Elementwise
from .kind import Batch, Kind, Pass, sum_of_weights
from .similarities import classes, matrix
from .units import Units

BLOCK_BYTES = 12 << 20
"""Of a block of distances."""
SAME = 8 * float(np.finfo(np.float64).eps)
"""Of the squares of two vectors' lengths: below it, the square of their distance is nothing but rounding."""


@dataclasses.dataclass(slots=True)
class MiningBatch(Batch):
    """Checked operands.

    Attributes:
        codes: The class of each vector, counted from 0.
        triplets: How many triplets each vector has as an anchor.
    """

    codes: Array
    triplets: Array


class Mining(Kind):
    """An item is an anchor: its value is the sum over its triplets, whose number is what it counts in a mean."""

    orders = ("value", "grad")

    _loss: ClassVar[Any]  # each loss has its own, as with the plan

    # ---- What a loss provides ----

    def of_differences(self) -> Elementwise:
        """The loss of the distance to the positive less that to the negative, for the target -1; item by item."""
        raise NotImplementedError

    def metric(self) -> str:
        """``"l2"``, ``"sqeuclidean"`` or ``"cosine"``."""
        raise NotImplementedError

    def triplets(self, positives: Array, negatives: Array) -> Array:
        """How many triplets an anchor has, from the number of positives and negatives."""
        raise NotImplementedError

    def mine(self, distance: Array, positive: Array, negative: Array, slope: Array) -> float:
        """The sum of the values of an anchor's triplets; writes the derivatives by its distances.

        Args:
            distance: To all vectors.
            positive: Places of the others of its class, at least one.
            negative: Places of those of other classes, at least one.
            slope: Zeros, of the shape of `distance`.
        """
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_loss", self.of_differences())

    def _counts(self, labels: ArrayLike, count: int | None) -> tuple[Array, Array]:
        codes, positives = classes(labels, count)
        return codes, self.triplets(positives, codes.size - 1 - positives).astype(np.float64)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> MiningBatch:
        embeddings = matrix(operands[0], "embeddings")
        codes, triplets = self._counts(operands[1], len(embeddings))
        inputs = (embeddings, checks.array(operands[1], "labels"))
        dtype = checks.precision(embeddings.dtype)
        return MiningBatch(codes.shape, inputs, {"embeddings": embeddings}, dtype, codes, triplets)

    def _total(self, batch: Batch, weight: Array | None) -> float:
        assert isinstance(batch, MiningBatch)
        return sum_of_weights(batch.triplets if weight is None else batch.triplets * weight, batch.shape)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        codes, triplets = self._counts(target, None)
        weight = checks.sample_weight(sample_weight, codes.shape)
        checks.not_negative(weight, sample_weight)
        return float(np.sum(triplets if weight is None else triplets * weight))

    def _checked_run(self, batch: Batch, job: Pass, given_weight: ArrayLike | None) -> float:
        checks.not_negative(job.weight, given_weight)
        return super()._checked_run(batch, job, None)

    def _fault(self, batch: Batch, at: tuple[int, ...]) -> ValueError | None:
        return None

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_reference(batch, job)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, MiningBatch)
        space = Space.of(batch.inputs[0], self.metric(), bool(self.options.get("normalize")))
        weight = np.where(batch.triplets > 0, 1.0 if job.weight is None else job.weight, 0.0)
        items = np.zeros(batch.shape)
        upstream = job.scale * weight
        if job.cotangent is not None:
            upstream = np.where(job.cotangent == 0, 0.0, upstream * job.cotangent)
        grad = None if job.grad is None else np.zeros(space.rows.shape)
        places = np.arange(items.size)
        for block in space.blocks():
            distances = space.distances(block)
            slopes = np.zeros_like(distances)
            with np.errstate(all="ignore"):
                for i in np.flatnonzero(weight[block]):
                    anchor, distance = block.start + i, distances[i]
                    same = batch.codes == batch.codes[anchor]
                    positive, negative = np.flatnonzero(same & (places != anchor)), np.flatnonzero(~same)
                    if np.isnan(distance).any():
                        items[anchor] = slopes[i] = np.nan
                    else:
                        items[anchor] = self.mine(distance, positive, negative, slopes[i])
                if grad is not None:
                    factor = upstream[block, np.newaxis]
                    space.pull(block, distances, np.where(factor != 0, factor * slopes, 0.0), grad)
        items *= weight
        if job.value is not None:
            job.value[...] = items
        if grad is not None and job.grad is not None:
            job.grad[0][...] = space.finish(grad)
        return (math.fsum(items) if np.isfinite(items).all() else float(items.sum())), -1


@dataclasses.dataclass(slots=True)
class Space:
    """Vectors and the distances between them.

    Attributes:
        rows: The vectors in double, about their mean and brought near 1 as a whole, or of length 1.
        squares: Of their lengths.
        size: What they were divided by.
        metric: Which distance.
        units: What brought them to length 1, if they are.
    """

    rows: Array
    squares: Array
    size: float
    metric: str
    units: Units | None

    @classmethod
    def of(cls, x: Array, metric: str, normalize: bool) -> Space:
        """Of given vectors."""
        if normalize or metric == "cosine":
            units = Units.of(x, np.dtype(np.float64))
            return cls(units.rows, np.sum(units.rows**2, axis=1), 1.0, metric, units)
        wide = np.ascontiguousarray(x, np.float64)
        top = float(np.max(np.abs(wide), initial=0.0))
        size = 2.0 ** math.floor(math.log2(top)) if 0 < top < math.inf else 1.0
        rows = wide / size
        with np.errstate(invalid="ignore"):
            rows -= rows.mean(axis=0) if len(rows) else 0.0
            return cls(rows, np.sum(rows**2, axis=1), size, metric, None)

    def blocks(self) -> Any:
        """Stretches of anchors whose distances fit a block."""
        count = len(self.rows)
        step = max(1, BLOCK_BYTES // max(1, 8 * count))
        return (slice(first, min(first + step, count)) for first in range(0, count, step))

    def distances(self, block: slice) -> Array:
        """Of some rows to all."""
        products: Array = self.rows[block] @ self.rows.T
        if self.metric == "cosine":
            return np.asarray(1 - products)
        lengths = self.squares[block, np.newaxis] + self.squares
        with np.errstate(invalid="ignore"):
            found = lengths - 2 * products
            found[found <= SAME * lengths] = 0
        if self.metric == "sqeuclidean":
            return np.asarray(self.size * found * self.size)
        return np.asarray(self.size * np.sqrt(found))

    def pull(self, block: slice, distances: Array, slopes: Array, grad: Array) -> None:
        """Adds the gradient by the rows, from that by a block of distances."""
        anchors, others = np.nonzero(slopes)
        if anchors.size * self.rows.shape[1] <= slopes.size:
            self._pull_few(anchors + block.start, others, distances[anchors, others], slopes[anchors, others], grad)
            return
        factors = self._factors(distances, slopes)
        products = factors.T @ self.rows[block]
        grad -= products
        grad[block] -= factors @ self.rows
        if self.metric != "cosine":
            grad[block] += factors.sum(axis=1, keepdims=True) * self.rows[block]
            grad += np.multiply(factors.sum(axis=0)[:, np.newaxis], self.rows, out=products)

    def _pull_few(self, anchors: Array, others: Array, distances: Array, slopes: Array, grad: Array) -> None:
        """The same from those slopes that are not 0."""
        factors = self._factors(distances, slopes)[:, np.newaxis]
        first, second = self.rows[anchors], self.rows[others]
        by_anchor = -factors * second if self.metric == "cosine" else factors * (first - second)
        by_other = -factors * first if self.metric == "cosine" else -by_anchor
        for places, parts in ((anchors, by_anchor), (others, by_other)):
            order = np.argsort(places, kind="stable")
            found, starts = np.unique(places[order], return_index=True)
            if found.size:
                grad[found] += np.add.reduceat(parts[order], starts, axis=0)

    def _factors(self, distances: Array, slopes: Array) -> Array:
        """What differences of rows are multiplied with; of cosines, rows themselves."""
        if self.metric == "cosine":
            return slopes
        if self.metric == "sqeuclidean":
            return np.asarray(2 * self.size * slopes)
        return np.where(distances > 0, slopes / (distances / self.size), 0 * slopes)

    def finish(self, grad: Array) -> Array:
        """The gradient by the vectors that were given."""
        return grad if self.units is None else self.units.pull(grad)
