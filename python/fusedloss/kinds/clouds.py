"""Point clouds: items one by one, and the distances between all their points in blocks.

Design:
1. A block of rows has its squared distances to all columns in a buffer that fits a cache, and everything that is made
   from them is made there: memory beside the results grows with the points and one block for each thread.
2. Squares come from one product, in double precision whatever that of the points, about their mean: where two points
   are nearer than half of the digits of the farthest one tell, their distance is taken as 0.
3. Gradients are multiples of differences of points: a product of the block of their factors.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from ..arrays import Array, Mask
from .all_pairs import SAME
from .tasks import dealt
from .two_samples import Found, Sets, TwoSamples

BLOCK_BYTES = 1 << 18
"""Of a block of distances in few dimensions: a product this small is computed in the thread that asks for it."""
FEW = 6
"""Dimensions."""
LARGE_BLOCK_BYTES = 1 << 22
"""In more of them products have threads of their own, which cost more than they gain unless there is much to do."""

Result = TypeVar("Result")


class Clouds(TwoSamples):
    """A set is a cloud of points."""

    dimensions = True

    def of_clouds(self, sets: Sets) -> tuple[float, Sequence[Array | None]]:
        """Value and gradients of one item, whose arrays have no axis of items."""
        raise NotImplementedError

    def of_sets(self, sets: Sets) -> Found:  # noqa: D102
        items = range(len(sets.x))
        each = [self.of_clouds(sets.some(i, tuple(x[i : i + 1] for x in sets.extra))) for i in items]
        values = np.array([value for value, _ in each])
        by_operand = zip(*(grads for _, grads in each), strict=True)
        grads = [np.stack(g) if wanted else None for g, wanted in zip(by_operand, sets.wanted, strict=True)]
        for grad in grads:
            if grad is not None:
                grad[np.isnan(values)] = np.nan
        return values, grads


@dataclasses.dataclass(slots=True)
class Cloud:
    """Points in double, near the origin.

    Attributes:
        rows: (points, dimensions + 2): minus twice each point, its square, and 1.
        columns: The same as points, 1, and squares: products of the two are squared distances.
    """

    rows: Array
    columns: Array

    @classmethod
    def of(cls, points: Array) -> Cloud:
        """Of points."""
        squares = np.einsum("ij,ij->i", points, points)[:, np.newaxis]
        one = np.ones_like(squares)
        return cls(np.hstack([-2 * points, squares, one]), np.hstack([points, one, squares]))

    def some(self, which: Mask) -> Cloud:
        """Those points of them."""
        return self if which.all() else Cloud(self.rows[which], self.columns[which])

    @property
    def count(self) -> int:
        """Of points."""
        return len(self.columns)

    @property
    def dimensions(self) -> int:
        """Of each point."""
        return int(self.columns.shape[1]) - 2

    def distances(self, block: slice, others: Cloud) -> Array:
        """Squares of the distances of some points to all of another cloud."""
        found: Array = self.rows[block] @ others.columns.T
        far = np.max(self.columns[:, -1], initial=0.0) + np.max(others.columns[:, -1], initial=0.0)
        found *= ~(found <= SAME * far)
        return found

    def pull(self, block: slice, factors: Array, others: Cloud) -> Array:
        """The sums over others of factors times the difference of a point and the other one."""
        found = factors @ others.columns[:, :-1]
        return np.asarray(found[:, -1:] * self.columns[block, :-2] - found[:, :-1])


def each_block(rows: int, columns: int, run: Callable[[slice], Result], dimensions: int = 0) -> list[Result]:
    """What a function gives for each block of rows with all columns.

    Args:
        rows: How many there are.
        columns: The same.
        run: The function.
        dimensions: Of the points whose products it takes; 0 if there are none.
    """
    size = BLOCK_BYTES if dimensions <= FEW else LARGE_BLOCK_BYTES
    step = max(1, size // (8 * max(1, columns)))
    return dealt(run, [slice(k, min(k + step, rows)) for k in range(0, rows, step)])


SAMPLE = 1 << 20
"""Distances that are few enough to be kept."""
AROUND_MEDIAN = 0.03
"""Shares on either side of the median of a sample of them, in which that of all is looked for first."""


def median_square(cloud: Cloud) -> float:
    """The median of the squared distances between points, those of 0 left out; of two in the middle the lower one.

    All distances but those near the median of a sample are only counted, so that memory does not grow with their number
    as such; where the median is farther off than expected, more of them are kept the next time.
    """
    step = -(-cloud.count * cloud.count // SAMPLE)
    sample = cloud.distances(slice(None, None, step), cloud)
    sample = sample[sample > 0]
    if not sample.size and step == 1:
        return 0.0
    around = AROUND_MEDIAN if step > 1 else 1.0
    while True:
        low, high = 0.0, math.inf
        if around < 0.5 and sample.size:
            low, high = np.quantile(sample, (0.5 - around, 0.5 + around))

        def run(block: slice, low: float = low, high: float = high) -> tuple[int, int, Array]:
            found = cloud.distances(block, cloud)
            found = found[found > 0]
            return found.size, int(np.count_nonzero(found < low)), found[(found >= low) & (found <= high)]

        counts, below, near = zip(*each_block(cloud.count, cloud.count, run, cloud.dimensions), strict=True)
        place, kept = (sum(counts) - 1) // 2 - sum(below), np.concatenate(near)
        if 0 <= place < kept.size:
            return float(np.partition(kept, place)[place])
        if not sum(counts):
            return 0.0
        around *= 2


def centred(x: Array, y: Array) -> tuple[Array, Array, float]:
    """Two clouds in double about their common mean, over a power of two that is near their size; and this unit."""
    both = np.concatenate([x, y]).astype(np.float64)
    both -= both.mean(axis=0)
    top = float(np.max(np.abs(both), initial=0.0))
    unit = 2.0 ** math.floor(math.log2(top)) if 0 < top < math.inf else 1.0
    both /= unit
    return both[: len(x)], both[len(x) :], unit
