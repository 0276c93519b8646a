"""Losses that fold what lies between an anchor and all vectors of its class, and of all others, to one number each.

Design:
1. Both folds are logarithms of sums of exponentials. What lies between a block of anchors and all vectors comes from
   one product; exponentials stand in one more block, and become slopes there.
2. Vectors are brought into the order of their classes: those of a class are a stretch of columns, and no mask of pairs
   is ever made.
3. A pair of an anchor and a vector of its class whose loss knows both folds of others needs them beforehand: products
   are then made twice, as keeping them would take the memory that blocks save.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from .all_pairs import AllPairs
from .anchors import AnchorBatch, Anchors

Slope = float | Array
"""A derivative: of each number, or the same for all."""


@dataclass(slots=True)
class Stretch:
    """Anchors of a class that lie within a block.

    Attributes:
        rows: Their places in the block.
        columns: The places of all vectors of the class.
        own: That of the first anchor among the columns.
    """

    rows: slice
    columns: slice
    own: int

    def without_itself(self, x: Array) -> Array:
        """Exponents of the rows' pairs, none for an anchor and itself."""
        places = np.arange(self.rows.stop - self.rows.start)
        x[places, places + self.own] = -np.inf
        return x


@dataclass(slots=True)
class ByClass:
    """Vectors in the order of their classes.

    Attributes:
        order: The place of each among the given ones.
        starts: Where each class begins, and the number of all vectors.
        space: The vectors, and what lies between them.
    """

    order: Array
    starts: Array
    space: AllPairs

    @classmethod
    def of(cls, batch: AnchorBatch, metric: str, normalize: bool, dtype: np.dtype[Any]) -> ByClass:
        """Of given vectors."""
        order = np.argsort(batch.codes, kind="stable")
        starts = np.cumsum(np.bincount(batch.codes, minlength=1))
        space = AllPairs.of(batch.inputs[0][order], metric, normalize, dtype)
        return cls(order, np.concatenate([[0], starts]), space)

    def stretches(self, block: slice) -> list[Stretch]:
        """The classes of a block of anchors."""
        first = int(np.searchsorted(self.starts, block.start, side="right")) - 1
        found = []
        while first < self.starts.size - 1 and self.starts[first] < block.stop:
            low, high = int(self.starts[first]), int(self.starts[first + 1])
            begin, end = max(low, block.start), min(high, block.stop)
            found.append(Stretch(slice(begin - block.start, end - block.start), slice(low, high), begin - low))
            first += 1
        return found

    def given(self, x: Array) -> Array:
        """Rows in the order of the given vectors."""
        result = np.empty_like(x)
        result[self.order] = x
        return result


def fold(exponents: Array) -> tuple[Array, Array]:
    """The logarithm of the sum of exponentials of each row; these take its place, each a share of the sum.

    Returns:
        The logarithms, and what makes shares of the exponentials of each row.
    """
    top = np.max(exponents, axis=1, initial=-np.inf)
    top[top == -np.inf] = 0
    exponents -= top[:, np.newaxis]
    np.exp(exponents, out=exponents)
    total = np.sum(exponents, axis=1, dtype=np.float64)
    return np.log(total) + top, 1 / np.where(total == 0, 1.0, total)


def multiply(exponentials: Array, rows: Array, slope: Slope) -> None:
    """Makes derivatives of exponentials: by a factor for each row, and those of the exponents."""
    if isinstance(slope, np.ndarray):
        exponentials *= slope
        slope = 1.0
    exponentials *= (rows * slope).astype(exponentials.dtype)[:, np.newaxis]


class Folds(Anchors):
    """The value of an anchor is a function of its two folds."""

    # ---- What a loss provides ----

    def positives(self, between: Array) -> tuple[Array, Slope]:
        """Exponents, as a new array, of what lies between an anchor and others of its class; their derivatives."""
        raise NotImplementedError

    def negatives(self, between: Array) -> tuple[Array, Slope]:
        """The same of what lies between an anchor and vectors of other classes."""
        raise NotImplementedError

    def combine(self, positive: Array, negative: Array) -> tuple[Array, Array, Array]:
        """The value from the two folds, -inf of nothing; and its derivatives by them."""
        raise NotImplementedError

    def floors(self, positive: Array, negative: Array) -> tuple[Array, Array] | None:
        """Exponents that are not above these are left out of the folds; from the largest one of each anchor."""
        return None

    # ---- What the kind provides ----

    def _pass_over(
        self, batch: AnchorBatch, weight: Array, upstream: Array | None, dtype: np.dtype[Any]
    ) -> tuple[Array, Array | None]:
        vectors = ByClass.of(batch, self.metric(), bool(self.options.get("normalize")), dtype)
        space, counts = vectors.space, weight[vectors.order] != 0
        factor = None if upstream is None else upstream[vectors.order]
        values = np.zeros(batch.shape)
        grad = None if upstream is None else np.zeros(space.rows.shape)
        for block in space.blocks():
            if not counts[block].any():
                continue
            with np.errstate(all="ignore"):
                between = space.distances(block)
                own = None if factor is None else factor[block]
                values[block], slopes = self._fold_block(between, vectors.stretches(block), own)
                if grad is not None and slopes is not None:
                    space.pull(block, between, slopes, grad)
        return vectors.given(values), None if grad is None else vectors.given(space.finish(grad))

    def _fold_block(
        self, between: Array, stretches: list[Stretch], upstream: Array | None
    ) -> tuple[Array, Array | None]:
        """The values of a block of anchors, and their derivatives by what lies between them and all vectors."""
        near = [(s, *self.positives(between[s.rows, s.columns])) for s in stretches]
        far, by_far = self.negatives(between)
        for s, exponents, _ in near:
            s.without_itself(exponents)
            far[s.rows, s.columns] = -np.inf
        self._leave_out(near, far)

        positive, share_of_positive = np.empty((2, len(between)))
        for s, exponents, _ in near:
            positive[s.rows], share_of_positive[s.rows] = fold(exponents)
        negative, share_of_negative = fold(far)
        values, by_positive, by_negative = self.combine(positive, negative)
        if upstream is None:
            return values, None
        counts = upstream != 0
        by_positive = np.where(counts & (by_positive != 0), upstream * by_positive * share_of_positive, 0.0)
        by_negative = np.where(counts & (by_negative != 0), upstream * by_negative * share_of_negative, 0.0)
        multiply(far, by_negative, by_far)
        for s, exponentials, by_near in near:
            multiply(exponentials, by_positive[s.rows], by_near)
            far[s.rows, s.columns] = exponentials
        return values, far

    def _leave_out(self, near: list[tuple[Stretch, Array, Slope]], far: Array) -> None:
        tops = np.concatenate([np.max(exponents, axis=1) for _, exponents, _ in near])
        floors = self.floors(tops, np.max(far, axis=1))
        if floors is not None:
            positive, negative = (floor[:, np.newaxis] for floor in floors)
            far[~(far > negative)] = -np.inf
            for s, exponents, _ in near:
                exponents[~(exponents > positive[s.rows])] = -np.inf


class PairFolds(Folds):
    """The value of an anchor is a sum over others of its class: for each a function of what both have beside the class.

    An anchor and the other are a pair twice, once from either side: what it gets of it is added up for both.
    """

    # ---- What a loss provides ----

    def of_pairs(self, exponents: Array) -> tuple[Array, Array]:
        """The values of pairs, from a pair's own exponent plus the fold of what is beside the two; and derivatives."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _pass_over(
        self, batch: AnchorBatch, weight: Array, upstream: Array | None, dtype: np.dtype[Any]
    ) -> tuple[Array, Array | None]:
        vectors = ByClass.of(batch, self.metric(), bool(self.options.get("normalize")), dtype)
        space = vectors.space
        factor = np.zeros(batch.shape) if upstream is None else upstream[vectors.order]
        values, beside = np.zeros(batch.shape), np.empty(batch.shape)
        grad = None if upstream is None else np.zeros(space.rows.shape)
        blocks = list(space.blocks()) if weight.any() else []
        with np.errstate(all="ignore"):
            for block in blocks:
                beside[block] = fold(self._others(space.distances(block), vectors.stretches(block))[0])[0]
            for block in blocks:
                between, stretches = space.distances(block), vectors.stretches(block)
                by_beside, by_pairs = np.empty(len(between)), []
                for s in stretches:
                    items, by_beside[s.rows], by_pair = self._pairs(between, s, block, beside, factor)
                    values[block][s.rows] = items
                    by_pairs.append(by_pair)
                if grad is not None:
                    slopes, by_far = self._others(between, stretches)
                    slopes -= np.where(beside[block] == -np.inf, 0.0, beside[block])[:, np.newaxis]
                    np.exp(slopes, out=slopes)
                    multiply(slopes, by_beside, by_far)
                    for s, by_pair in zip(stretches, by_pairs, strict=True):
                        slopes[s.rows, s.columns] = by_pair
                    space.pull(block, between, slopes, grad)
        return vectors.given(values), None if grad is None else vectors.given(space.finish(grad))

    def _others(self, between: Array, stretches: list[Stretch]) -> tuple[Array, Slope]:
        """Exponents of what is beside the anchors' classes, and their derivatives."""
        far, by_far = self.negatives(between)
        for s in stretches:
            far[s.rows, s.columns] = -np.inf
        return far, by_far

    def _pairs(
        self, between: Array, s: Stretch, block: slice, beside: Array, factor: Array
    ) -> tuple[Array, Array, Array]:
        """The values of a stretch of anchors; derivatives by what is beside them and by what lies between the pairs."""
        rows = slice(block.start + s.rows.start, block.start + s.rows.stop)
        exponents, by_near = self.positives(between[s.rows, s.columns])
        own, upstream = beside[rows, np.newaxis], factor[rows, np.newaxis]
        both = np.logaddexp(own, beside[s.columns])
        values, slope = self.of_pairs(s.without_itself(exponents + both))
        share = np.exp(own - both) * (upstream + factor[s.columns])
        by_beside = np.sum(np.where(slope != 0, share * slope, 0.0), axis=1)
        by_pair = np.where((slope != 0) & (upstream != 0), upstream * slope * by_near, 0.0)
        return np.asarray(np.sum(values, axis=1)), np.asarray(by_beside), by_pair
