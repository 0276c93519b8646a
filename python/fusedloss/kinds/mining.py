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

from typing import Any, ClassVar

import numpy as np

from ..arrays import Array
from .all_pairs import AllPairs
from .anchors import AnchorBatch, Anchors
from .elementwise import Elementwise


class Mining(Anchors):
    """An item is an anchor: its value is the sum over its triplets, whose number is what it counts in a mean."""

    _loss: ClassVar[Any]  # each loss has its own, as with the plan

    # ---- What a loss provides ----

    def of_differences(self) -> Elementwise:
        """The loss of the distance to the positive less that to the negative, for the target -1; item by item."""
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

    def _pass_over(
        self, batch: AnchorBatch, weight: Array, upstream: Array | None, dtype: np.dtype[Any]
    ) -> tuple[Array, Array | None]:
        space = AllPairs.of(batch.inputs[0], self.metric(), bool(self.options.get("normalize")))
        values = np.zeros(batch.shape)
        grad = None if upstream is None else np.zeros(space.rows.shape)
        places = np.arange(values.size)
        for block in space.blocks():
            distances = space.distances(block)
            slopes = np.zeros_like(distances)
            with np.errstate(all="ignore"):
                for i in np.flatnonzero(weight[block]):
                    anchor, distance = block.start + i, distances[i]
                    same = batch.codes == batch.codes[anchor]
                    positive, negative = np.flatnonzero(same & (places != anchor)), np.flatnonzero(~same)
                    if np.isnan(distance).any():
                        values[anchor] = slopes[i] = np.nan
                    else:
                        values[anchor] = self.mine(distance, positive, negative, slopes[i])
                if grad is not None and upstream is not None:
                    factor = upstream[block, np.newaxis]
                    space.pull(block, distances, np.where(factor != 0, factor * slopes, 0.0), grad)
        return values, None if grad is None else space.finish(grad)
