"""Distances of distributions by what a function of the distance comes to, within each set and between them.

Design:
1. The value is sum_ij a_i a_j k(|z_i - z_j|) over the points z of both sets, with the shares of x as they are and
   those of y with a minus: one pass over blocks of rows of all pairs gives value and gradients.
2. Without bias the pairs of a point with itself are left out, and what is left within a set is divided by its share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays import Array
from .clouds import Cloud, Clouds, centred, each_block
from .kind import Batch
from .two_samples import Sets

Function = Callable[[Array], tuple[Array, Array]]
"""A function of squared distances, which it may write to, and its derivative by these."""


class Discrepancy(Clouds):
    """An option `unbiased`, if a loss has it, says whether pairs of a point with itself are left out."""

    # ---- What a loss provides ----

    def function_of(self, cloud: Cloud, unit: float) -> Function:
        """What is made of squared distances; of the points that are there, in a unit, if it depends on them."""
        raise NotImplementedError

    # ---- What the kind provides ----

    @property
    def _unbiased(self) -> bool:
        return bool(self.options.get("unbiased"))

    def _batch(self, operands: tuple[Any, ...]) -> Batch:
        batch = super()._batch(operands)
        if not self._unbiased:
            return batch
        for name, points, weight in zip(("x", "y"), batch.inputs[:2], batch.inputs[2:], strict=True):
            several = points.shape[-2] if weight is None else np.min(np.sum(weight > 0, axis=-1), initial=2)
            if several < 2:
                raise ValueError(
                    f"{name} must have two samples {'' if weight is None else 'of positive weight '}at least, as "
                    f"unbiased=True takes pairs of different ones; its shape is {points.shape}"
                )
        return batch

    def of_clouds(self, sets: Sets) -> tuple[float, Sequence[Array | None]]:  # noqa: D102
        x, y, unit = centred(sets.x, sets.y)
        counts = len(x), len(y)
        shares = [
            np.full(n, 1 / n) if w is None else w for n, w in zip(counts, (sets.x_weight, sets.y_weight), strict=True)
        ]
        within = [1 / (1 - np.sum(w * w)) if self._unbiased else 1.0 for w in shares]
        cloud = Cloud.of(np.concatenate([x, y]))
        of_squares = self.function_of(cloud.some(np.concatenate(shares) > 0), unit)
        own = np.repeat([0, 1], counts)
        signed = np.concatenate([shares[0], -shares[1]])
        factors = [signed * np.where(own == side, c, 1.0) for side, c in enumerate(within)]
        by_points, by_shares = any(sets.wanted[:2]), any(sets.wanted[2:])
        pulled = np.empty((len(own), cloud.dimensions)) if by_points else None
        sums = np.empty((len(own), 2))  # of each row over the pairs with either set

        def run(block: slice) -> None:
            squares = cloud.distances(block, cloud)
            squares *= unit * unit
            k, slope = of_squares(squares)
            if self._unbiased:
                places = np.arange(block.start, block.stop)
                k[places - block.start, places] = 0
            sums[block, 0] = np.einsum("ij,j->i", k[:, : counts[0]], shares[0])
            sums[block, 1] = np.einsum("ij,j->i", k[:, counts[0] :], shares[1])
            if pulled is not None:
                of_x = max(0, counts[0] - block.start)
                slope[:of_x] *= factors[0]
                slope[of_x:] *= factors[1]
                pulled[block] = cloud.pull(block, slope, cloud)

        each_block(len(own), len(own), run, cloud.dimensions)
        ours, theirs = (
            (sums[: counts[0], 0], sums[: counts[0], 1]),
            (sums[counts[0] :, 1], sums[counts[0] :, 0]),
        )
        inner = [float(w @ s[0]) for w, s in zip(shares, (ours, theirs), strict=True)]
        value = within[0] * inner[0] + within[1] * inner[1] - 2 * float(shares[0] @ ours[1])
        grads: list[Any] = [None] * 4
        if pulled is not None:
            pulled *= (4 * unit * signed)[:, np.newaxis]
            grads[0], grads[1] = pulled[: counts[0]], pulled[counts[0] :]
        if by_shares:
            for side, (w, c, s, total) in enumerate(zip(shares, within, (ours, theirs), inner, strict=True)):
                grads[2 + side] = 2 * (c * s[0] - s[1])
                if self._unbiased:  # the divisor, 1 - sum w^2, moves with the shares
                    grads[2 + side] += 2 * c * c * total * w
        return value, grads
