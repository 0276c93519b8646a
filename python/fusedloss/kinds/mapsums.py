"""Losses over maps that are weighted sums of two others: one of overlaps, and one of each pixel.

Design:
1. The terms are losses of their own, and keep their own items and means. Here is only what both are given: a mask
   weighs the pixels of both, a weight of a sample its classes and its pixels.
2. Of a softmax the overlaps take the pixels' loss along (see sums.py): its exponentials are not taken again.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from .kind import Batch, Kind, Pass
from .sums import Sum, SumBatch


class MapSum(Kind):
    """An item is a sample, along the first axis of pred."""

    orders = ("value", "grad")

    _whole: ClassVar[Sum]  # each loss has its own, as with the plan

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reduction == "none":
            raise ValueError(f'{type(self).__name__}: its terms have other items, which reduction="none" cannot add up')

    # ---- What a loss provides ----

    def terms(self) -> Sum:
        """The overlaps, which take a mask, and the loss of pixels, which does not."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_whole", self.terms())

    def _inputs(self) -> tuple[str, ...]:
        return self._whole._inputs()

    def _batch(self, operands: tuple[Any, ...]) -> SumBatch:
        return self._whole._batch(operands)

    def _pass(
        self,
        outputs: int,
        batch: Batch,
        sample_weight: ArrayLike | None,
        denominator: float | None,
        cotangent: ArrayLike | None,
    ) -> tuple[Pass, float]:
        assert isinstance(batch, SumBatch)
        if denominator is not None:
            raise NotImplementedError(f"{self!r} has no denominator: its terms are divided by different numbers")
        maps, pixels = batch.parts
        mask = of_pixels = maps.inputs[2]
        of_maps = None
        if sample_weight is not None:
            of_maps = self._sample_weight(sample_weight, len(maps.inputs[0]))
            of_pixels = of_maps.reshape(-1, *[1] * (len(pixels.shape) - 1)).astype(np.float64)
            if mask is not None:
                with np.errstate(invalid="ignore"):
                    of_pixels = np.where((of_pixels == 0) | (mask == 0), 0.0, of_pixels * mask)
        return self._whole._passes(outputs, batch, (of_maps, of_pixels), None, cotangent), 1.0

    def _sample_weight(self, given: ArrayLike, samples: int) -> Array:
        weight = checks.array(given, "sample_weight")
        if self._whole.terms[0][1].batch:
            raise ValueError("sample_weight weighs samples, and with batch=True there are none by themselves")
        if weight.shape != (samples,):
            raise ValueError(
                f"sample_weight must have shape {(samples,)}, a weight for each sample, got {weight.shape}"
            )
        checks.not_negative(weight, given)
        return weight

    def _partial(self, operands: tuple[Any, ...], sample_weight: ArrayLike | None) -> tuple[float, float]:
        raise NotImplementedError(f"{self!r} does not add up over shards: its terms have other weights")

    def _checked_run(self, batch: Batch, job: Pass, given_weight: ArrayLike | None) -> float:
        return self._whole._checked_run(batch, job, None)
