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

from ..arrays import Array
from .space import SAME
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


def centred(x: Array, y: Array) -> tuple[Array, Array, float]:
    """Two clouds in double about their common mean, over a power of two that is near their size; and this unit."""
    both = np.concatenate([x, y]).astype(np.float64)
    both -= both.mean(axis=0)
    top = float(np.max(np.abs(both), initial=0.0))
    unit = 2.0 ** math.floor(math.log2(top)) if 0 < top < math.inf else 1.0
    both /= unit
    return both[: len(x)], both[len(x) :], unit
