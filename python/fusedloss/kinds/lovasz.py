"""Losses of sorted errors: an item is an image, or all of them, whose worst pixels count most.

Design:
1. The Lovasz extension of a set function is linear between errors in their order: its gradient says by how much the
   function grows as pixels join the set of errors, the largest first (Berman et al. 2018). Pixels without an error come
   last and add nothing: only the others are sorted.
2. That growth is written without a difference: of a pixel of weight w, w / u if it is of the class, and
   i w / (u (u + w)) if it is not, where i is what is left of the intersection, u the union, both before it joins.
3. Of equal errors the first pixel, in C order whatever the layout, counts as the larger one, in both backends.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from ..options import Flag, Integer, Maybe, option
from .kind import Batch, Kind, Pass
from .maps import pixel_mask

_MOST_FLOATS = 1 << 31
"""How many pixels of an image the extension sorts in single precision."""


@dataclasses.dataclass(slots=True)
class ImageBatch(Batch):
    """Checked operands (pred, target, mask or None).

    Attributes:
        axis: The class axis of pred, counted from the front; None without one.
    """

    axis: int | None


class SortedErrors(Kind):
    """Images lie along the first axis of pred; all other axes, but one of classes, are pixels."""

    per_image: bool = option(default=False, accepts=Flag())
    ignore_index: int | None = option(default=None, accepts=Maybe(Integer()))

    orders = ("value", "grad")
    weights_first = True
    kernel_name: ClassVar[str]
    """That of the extension."""

    # ---- What a loss provides ----

    def _batch(self, operands: tuple[Any, ...]) -> ImageBatch:
        raise NotImplementedError

    def _sort(self, batch: ImageBatch, slopes: Array, grad: Array | None) -> Array:
        """The value of each item; writes the gradient.

        Args:
            batch: Checked operands.
            slopes: What multiplies the gradient of each item.
            grad: Takes it, in pred's shape.
        """
        raise NotImplementedError

    def _sort_reference(self, batch: ImageBatch, slopes: Array, grad: Array | None) -> Array:
        """The same in NumPy."""
        raise NotImplementedError

    # ---- What they share ----

    def by_image(self, batch: ImageBatch, x: Array, axis: int | None = None) -> Array:
        """An array as (items, ...), or with its class axis (items, classes, ...); without copies."""
        if axis is None:
            return x if self.per_image else x[np.newaxis]
        return np.moveaxis(x, axis, 1) if self.per_image else np.moveaxis(x, axis, 0)[np.newaxis]

    def run_sorted(self, batch: ImageBatch, pred: Array, slopes: Array | None, grad: Array | None) -> tuple[Array, int]:
        """The extension's pass; see there.

        Args:
            batch: Where target and mask are from.
            pred: (items, classes, ...).
            slopes: What multiplies the gradient of each item and class.
            grad: Takes it, of pred's shape.
        """
        _, target, mask = batch.inputs
        wide = batch.dtype == np.float64 or pred[0, 0].size >= _MOST_FLOATS
        return backend.core.run_sorted(
            self._plan,
            int(wide),
            pred,
            self.by_image(batch, target),
            None if mask is None else self.by_image(batch, mask),
            self.ignore_index,
            None if grad is None else slopes,
            grad,
        )

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        return backend.plan(self.kernel_name, (), self.reduction, None)

    def _inputs(self) -> tuple[str, ...]:
        return (*self.operands, *self.arguments)

    def _partial(self, operands: tuple[Any, ...], sample_weight: ArrayLike | None) -> tuple[float, float]:
        if not self.per_image:
            raise NotImplementedError(
                f"{self!r} has no shards: its item is the whole batch; with per_image=True it has"
            )
        return super()._partial(operands, sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, ImageBatch)
        weight = np.broadcast_to(1.0 if job.weight is None else job.weight, batch.shape).astype(np.float64)
        upstream = np.broadcast_to(1.0 if job.cotangent is None else job.cotangent, batch.shape).astype(np.float64)
        grad = None if job.grad is None else job.grad[0]
        values = np.zeros(weight.size)
        if batch.inputs[0].size:
            sort = self._sort if backend.compiled() else self._sort_reference
            values = sort(batch, (weight * job.scale * upstream).reshape(-1), grad)
        with np.errstate(invalid="ignore"):
            values = np.where(weight != 0, weight * values.reshape(batch.shape), 0.0)
        if job.value is not None:
            job.value[...] = values
        return math.fsum(values.flat) if np.isfinite(values).all() else float(np.sum(values)), -1

    _run_reference = _run


def image_mask(x: ArrayLike | None, pixels: tuple[int, ...]) -> Array | None:
    """Weights of pixels, as a view of all of them; checked by the reference only, by the extension as it reads them."""
    mask = None if x is None else pixel_mask(x, pixels)
    if mask is not None and not backend.compiled():
        check_mask(mask)
    return mask


def check_mask(mask: Array) -> None:
    """Weights of pixels are not negative.

    Raises:
        ValueError: One is, or is NaN.
    """
    if not (mask >= 0).all():
        at = checks.index(int(np.argmin(mask >= 0)), mask.shape)
        raise ValueError(f"mask must be >= 0, got {mask[at]} at index {at}")


def extension(
    errors: Array, own: Array, weight: Array | None, counts: Array | None, slope: float
) -> tuple[float, Array, float]:
    """The specification, of one item.

    Args:
        errors: Of each pixel; those that are not positive do not count.
        own: Whether a pixel is of the class.
        weight: Of each; None for 1.
        counts: Whether it exists; None for all.
        slope: Multiplies the gradient.

    Returns:
        The value, its derivatives by the errors, and the weight of the class's pixels.
    """
    here = own if counts is None else own & counts
    size = float(np.count_nonzero(here)) if weight is None else float(np.sum(weight[here], dtype=np.float64))
    found = ~(errors <= 0) if counts is None else ~(errors <= 0) & counts
    pixels = np.flatnonzero(found)
    grad = np.zeros(errors.shape)
    if np.isnan(errors[pixels]).any():
        grad[pixels] = np.nan if slope else 0.0
        return math.nan, grad, size
    pixels = pixels[np.argsort(-errors[pixels], kind="stable")]
    growth = _growth(own[pixels], None if weight is None else weight[pixels], size)
    grad[pixels] = slope * growth
    with np.errstate(invalid="ignore"):
        return float(np.sum(np.where(growth != 0, growth * errors[pixels], 0.0))), grad, size


def _growth(own: Array, weight: Array | None, size: float) -> Array:
    """By how much the Jaccard loss of the pixels that are wrong grows with each of them.

    Args:
        own: Whether it is of the class.
        weight: Of each; None for 1.
        size: Of the class.
    """
    w = np.ones(own.shape) if weight is None else weight.astype(np.float64)
    if size == 0:  # nothing is right any more, once one pixel is wrong
        return np.where(np.arange(own.size) == 0, 1.0, 0.0)
    missed, added = np.where(own, w, 0.0), np.where(own, 0.0, w)
    left = np.maximum(size - (np.cumsum(missed) - missed), 0.0)
    union = size + (np.cumsum(added) - added)
    return np.where(own, w / union, left * w / (union * (union + w)))
