"""Losses of images: what a pixel adds depends on those around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from ..options import Integer, Maybe, option
from .kind import Batch, Pass, weight_of
from .per_sample import PerSample, scaled, settle, slopes_of


class Images(PerSample):
    """Operands are images of one shape, (samples, channels, rows, columns) or with channels elsewhere, any strides.

    An item is a sample; its value is a sum over all its pixels.
    """

    axis: int | None = option(default=1, accepts=Maybe(Integer()))

    # ---- What a loss provides ----

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        """Name and options of the extension's kernel."""
        raise NotImplementedError

    def numbers(self, channels: int, rows: int, columns: int) -> tuple[Array, float]:
        """What the kernel is told about the shape, and what a sample's sum is multiplied by.

        Raises:
            ValueError: The loss has no value for such an image.
        """
        raise NotImplementedError

    def reference(self, *images: Array) -> tuple[Array, tuple[Array, ...]]:
        """The specification: the value of each sample, and its derivatives by the pixels.

        Args:
            images: In float64, (samples, channels, rows, columns).
        """
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        return backend.plan(*self.kernel(), self.reduction, None)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> Batch:
        images = [checks.floating(x, name) for x, name in zip(operands, self.operands, strict=True)]
        first = images[0]
        axes = "(samples, rows, columns)" if self.axis is None else "four axes, samples first"
        name = self.operands[0]
        if first.ndim != (3 if self.axis is None else 4):
            hint = f"; one image is a batch of its own as {name}[np.newaxis]" if first.ndim in (2, 3) else ""
            raise ValueError(f"{name} must be {axes} with axis={self.axis}, got shape {first.shape}{hint}")
        if self.axis is not None and checks.axis(self.axis, first) == 0:
            raise ValueError(f"axis={self.axis} is the first one of {name}, that of the samples, and no channel axis")
        for x, other in zip(images[1:], self.operands[1:], strict=True):
            checks.same_shape(x, first.shape, other, name)
        if 0 in first.shape[1:]:
            raise ValueError(f"{name} must have at least one pixel, got shape {first.shape}")
        self.numbers(*self._planes(first).shape[1:])
        variables = dict(zip(self.operands, images, strict=True))
        return Batch(first.shape[:1], tuple(images), variables, checks.precision(first.dtype))

    def _planes(self, x: Array) -> Array:
        """A view with channels behind the samples."""
        return x[:, np.newaxis] if self.axis is None else np.moveaxis(x, self.axis, 1)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        return weight_of(checks.array(target, self.weighed).shape[:1], sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        slopes = slopes_of(batch, job)
        grads = [x for x in job.grad or () if x is not None]
        images = [x.copy() if any(np.may_share_memory(x, y) for y in grads) else x for x in batch.inputs]
        planes = [self._planes(x) for x in images]
        numbers, factor = self.numbers(*planes[0].shape[1:])
        to = [None if x is None else self._planes(x) for x in job.grad or (None,)]
        values = backend.core.run_images(
            self._plan,
            planes[0],
            planes[1] if len(planes) > 1 else None,
            numbers,
            None if slopes is None else factor * slopes[:, np.newaxis],
            to[0],
            to[1] if len(to) > 1 else None,
            None,
        )
        return settle(factor * values, batch, job)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        slopes = slopes_of(batch, job)
        with np.errstate(all="ignore"):
            values, grads = self.reference(*(self._planes(x).astype(np.float64) for x in batch.inputs))
        for to, grad in zip(job.grad or (), grads, strict=False):
            if to is not None and slopes is not None:
                self._planes(to)[...] = scaled(slopes[:, np.newaxis, np.newaxis, np.newaxis], grad)
        return settle(values, batch, job)
