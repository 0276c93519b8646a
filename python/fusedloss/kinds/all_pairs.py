"""Vectors and what lies between all of them, block by block; from derivatives by that, those by the vectors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import Array
from .unit_vectors import UnitVectors

DOUBLE = np.dtype(np.float64)
BLOCK_BYTES = 12 << 20
"""Of a block of distances or products."""
SAME = 8 * float(np.finfo(np.float64).eps)
"""Of the squares of two vectors' lengths: below it, the square of their distance is nothing but rounding."""
OF_PRODUCTS = ("cosine", "product")
"""What knows of no differences of vectors."""


@dataclasses.dataclass(slots=True)
class AllPairs:
    """Vectors and the distances between them, or their products.

    Distances are in double, as they come from squares that cancel.

    Attributes:
        rows: The vectors: for distances in double, about their mean and brought near 1 as a whole; or of length 1.
        squares: Of their lengths.
        size: What they were divided by.
        metric: ``"l2"``, ``"sqeuclidean"``, ``"cosine"`` (1 - cos) or ``"product"``.
        units: What brought them to length 1, if they are.
    """

    rows: Array
    squares: Array
    size: float
    metric: str
    units: UnitVectors | None

    @classmethod
    def of(cls, x: Array, metric: str, normalize: bool, dtype: np.dtype[Any] = DOUBLE) -> AllPairs:
        """Of given vectors; products are in `dtype`."""
        precision = dtype if metric == "product" else DOUBLE
        if normalize or metric == "cosine":
            units = UnitVectors.of(x, precision)
            return cls(units.rows, np.sum(units.rows**2, axis=1), 1.0, metric, units)
        wide = np.ascontiguousarray(x, precision)
        if metric == "product":
            return cls(wide, np.zeros(len(wide)), 1.0, metric, None)
        top = float(np.max(np.abs(wide), initial=0.0))
        size = 2.0 ** math.floor(math.log2(top)) if 0 < top < math.inf else 1.0
        rows = wide / size
        with np.errstate(invalid="ignore"):
            rows -= rows.mean(axis=0) if len(rows) else 0.0
            return cls(rows, np.sum(rows**2, axis=1), size, metric, None)

    def blocks(self) -> Iterator[slice]:
        """Stretches of anchors whose distances fit a block."""
        count = len(self.rows)
        step = max(1, BLOCK_BYTES // max(1, self.rows.itemsize * count))
        return (slice(first, min(first + step, count)) for first in range(0, count, step))

    def distances(self, block: slice) -> Array:
        """Of some rows to all; or their products."""
        products: Array = self.rows[block] @ self.rows.T
        if self.metric == "product":
            return products
        if self.metric == "cosine":
            return np.asarray(1 - products)
        own = self.squares[block, np.newaxis]
        found = np.multiply(products, -2, out=products)
        found += own
        found += self.squares
        with np.errstate(invalid="ignore"):
            found *= found > 2 * SAME * own  # of vectors that are the same, both lengths are
            if self.metric == "l2":
                np.sqrt(found, out=found)
        for _ in range(1 if self.metric == "l2" else 2):
            if self.size != 1:
                found *= self.size
        return found

    def pull(self, block: slice, distances: Array, slopes: Array, grad: Array) -> None:
        """Adds the gradient by the rows, from that by a block of distances; where one is 0, it has no slope."""
        if np.count_nonzero(slopes) * self.rows.shape[1] <= slopes.size:
            anchors, others = np.nonzero(slopes)
            self._pull_few(anchors + block.start, others, distances[anchors, others], slopes[anchors, others], grad)
            return
        factors = self._factors(distances, slopes)
        products = factors.T @ self.rows[block]
        grad -= products
        grad[block] -= factors @ self.rows
        if self.metric not in OF_PRODUCTS:
            grad[block] += factors.sum(axis=1, keepdims=True) * self.rows[block]
            grad += np.multiply(factors.sum(axis=0)[:, np.newaxis], self.rows, out=products)

    def _pull_few(self, anchors: Array, others: Array, distances: Array, slopes: Array, grad: Array) -> None:
        """The same from those slopes that are not 0."""
        factors = self._factors(distances, slopes)[:, np.newaxis]
        first, second = self.rows[anchors], self.rows[others]
        products = self.metric in OF_PRODUCTS
        by_anchor = -factors * second if products else factors * (first - second)
        by_other = -factors * first if products else -by_anchor
        add_at(grad, anchors, by_anchor)
        add_at(grad, others, by_other)

    def _factors(self, distances: Array, slopes: Array) -> Array:
        """What differences of rows are multiplied with; of products and cosines, rows themselves."""
        if self.metric == "product":
            return -slopes
        if self.metric == "cosine":
            return slopes
        if self.metric == "sqeuclidean":
            return np.asarray(2 * self.size * slopes)
        factors = slopes / (distances / self.size if self.size != 1 else distances)
        factors[distances == 0] = 0
        return np.asarray(factors)

    def finish(self, grad: Array) -> Array:
        """The gradient by the vectors that were given."""
        return grad if self.units is None else self.units.pull(grad)


def add_at(total: Array, places: Array, parts: Array) -> None:
    """Adds to rows of a total, as many times to each as it is named."""
    order = np.argsort(places, kind="stable")
    found, starts = np.unique(places[order], return_index=True)
    if found.size:
        total[found] += np.add.reduceat(parts[order], starts, axis=0)
