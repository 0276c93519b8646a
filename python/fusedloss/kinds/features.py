"""Losses of the maps of features that a network makes of two images: lists of arrays, one for each layer.

Design:
1. A layer is computed by itself, and its gradient written, before the next one: all that is needed beside operands and
   gradients is of the size of one layer's pixels, or of its channels squared.
2. What a sample's value depends on is known of each layer before it is computed, so that one pass gives everything.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from ..domains import NOT_NEGATIVE
from ..options import Integer, Maybe, Vector, option
from .kind import Batch, Pass, arrays_of, weight_of
from .per_sample import PerSample, scaled, settle, slopes_of

Grads = tuple[Array | None, Array | None]


@dataclasses.dataclass(slots=True)
class Layer:
    """A pair of maps.

    Attributes:
        number: Which one it is.
        maps: Views (samples, channels, pixels), copies of maps whose pixels lie in no such order.
        slopes: What the derivatives of values are multiplied by: of each sample (samples, 1), or of each pixel.
        grads: Where gradients go, of the shape of the maps; None where one is not asked for.
    """

    number: int
    maps: tuple[Array, Array]
    slopes: Array | None
    grads: Grads


class FeatureMaps(PerSample):
    """Operands are a map of features (samples, channels, ...), or a list of maps of any channels and pixels."""

    layer_weight: Array | None = option(default=None, accepts=Maybe(Vector(NOT_NEGATIVE)))
    axis: int = option(default=1, accepts=Integer())

    lists = True

    # ---- What a loss provides ----

    def run_layer(self, layer: Layer) -> Array:
        """Writes gradients; gives the value of each sample, or of each pixel."""
        raise NotImplementedError

    def reference(self, layer: Layer) -> Array:
        """The specification: the same in float64."""
        raise NotImplementedError

    def same_pixels(self) -> bool:
        """Whether both maps of a layer have the same pixels, and not only the same channels."""
        return True

    def items(self, maps: tuple[Array, ...]) -> tuple[int, ...]:
        """The shape of a sample's items."""
        return ()

    def layer_slopes(self, slopes: Array, pixels: tuple[int, ...]) -> Array:
        """Slopes of a layer's values, from those of the items."""
        return slopes[:, np.newaxis]

    def item_values(self, values: Array, pixels: tuple[int, ...], items: tuple[int, ...]) -> Array:
        """What a layer's values come to for the items."""
        return values

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        return None

    def _batch(self, operands: tuple[Any, ...]) -> Batch:
        features, targets = (_maps(x, name) for x, name in zip(operands, self.operands, strict=True))
        several = isinstance(operands[0], (list, tuple)), isinstance(operands[1], (list, tuple))
        first, second = self.operands
        if len(targets) != len(features):
            raise ValueError(f"{second} must hold as many maps as {first}, {len(features)}, got {len(targets)}")
        if self.layer_weight is not None and self.layer_weight.size != len(features):
            raise ValueError(f"layer_weight has {self.layer_weight.size} entries, but there are {len(features)} maps")
        for k, (x, y) in enumerate(zip(features, targets, strict=True)):
            of = f"{first}[{k}]"
            if x.ndim < 2 or not -x.ndim <= self.axis < x.ndim or self.axis % x.ndim == 0:
                raise ValueError(f"{of} must be (samples, channels, ...) with axis={self.axis}, got shape {x.shape}")
            if 0 in x.shape[1:]:
                raise ValueError(f"{of} must have at least one channel and pixel, got shape {x.shape}")
            if len(x) != len(features[0]):
                raise ValueError(f"{of} must have as many samples as {first}[0], {len(features[0])}, got {len(x)}")
            if self.same_pixels():
                checks.same_shape(y, x.shape, f"{second}[{k}]", of)
            elif y.ndim != x.ndim or self._outline(y) != self._outline(x) or 0 in y.shape[1:]:
                raise ValueError(f"{second}[{k}] must have the samples and channels of {of}, {x.shape}, got {y.shape}")
        variables = {
            name: maps if listed else maps[0]
            for name, maps, listed in zip(self.operands, (features, targets), several, strict=True)
        }
        dtype = np.result_type(*(checks.precision(x.dtype) for x in features))
        shape = (len(features[0]), *self.items(tuple(self._channels_first(x) for x in features)))
        return Batch(shape, (features, targets), variables, dtype)

    def _channels_first(self, x: Array) -> Array:
        """A view with channels behind the samples."""
        return np.moveaxis(x, self.axis, 1)

    def _outline(self, x: Array) -> tuple[int, ...]:
        """Samples and channels."""
        return self._channels_first(x).shape[:2]

    def _flat(self, x: Array) -> Array:
        """The same with one axis of pixels; a view unless they lie in no order."""
        moved = self._channels_first(x)
        return moved.reshape(*moved.shape[:2], -1)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        maps = tuple(self._channels_first(x) for x in _maps(target, self.weighed))
        return weight_of((len(maps[0]), *self.items(maps)), sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_layers(batch, job, self.run_layer)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_layers(batch, job, self.reference)

    def _run_layers(self, batch: Batch, job: Pass, run: Any) -> tuple[float, int]:
        slopes = slopes_of(batch, job)
        values = np.zeros(batch.shape)
        grads = [None if x is None else list(arrays_of(x)) for x in job.grad or (None, None)]
        for k, (x, y) in enumerate(zip(*batch.inputs, strict=True)):
            weight = 1.0 if self.layer_weight is None else float(self.layer_weight[k])
            own = [None if each is None else each[k] for each in grads]
            flat = tuple(None if g is None else self._flat(g) for g in own)
            pixels = self._channels_first(x).shape[2:]
            by = None if slopes is None else weight * self.layer_slopes(slopes, pixels)
            found = run(Layer(k, (self._flat(x), self._flat(y)), by, (flat[0], flat[1])))
            for g, written in zip(own, flat, strict=True):
                if g is not None and written is not None and not np.may_share_memory(g, written):
                    moved = self._channels_first(g)
                    moved[...] = written.reshape(moved.shape)
            if weight:
                values += weight * self.item_values(found, pixels, batch.shape[1:])
        return settle(values, batch, job)


def _maps(given: Any, name: str) -> tuple[Array, ...]:
    """One map, or those of a list."""
    if not isinstance(given, (list, tuple)):
        return (checks.floating(given, name),)
    if not given:
        raise ValueError(f"{name} must hold at least one map, got an empty list")
    return tuple(checks.floating(x, f"{name}[{k}]") for k, x in enumerate(given))


def resize(pixels: int, to: int) -> Array:
    """Linear interpolation of a row of pixels as a matrix (to, pixels), with pixels as areas and not as points."""
    at = np.clip((np.arange(to) + 0.5) * pixels / to - 0.5, 0, pixels - 1)
    low = np.minimum(at.astype(np.int64), max(pixels - 2, 0))
    share, matrix = at - low, np.zeros((to, pixels))
    rows = np.arange(to)
    matrix[rows, low] += 1 - share
    matrix[rows, np.minimum(low + 1, pixels - 1)] += share
    return matrix


GRAM_PIXELS = 1 << 11
"""Whose products are added up in the precision of the maps, before they go to double."""


def gram(x: Array, dtype: np.dtype[Any]) -> Array:
    """Sums over pixels of the products of channels of one sample (channels, pixels), over the number of both."""
    total = np.zeros((len(x), len(x)))
    for at in range(0, x.shape[1], GRAM_PIXELS):
        block = x[:, at : at + GRAM_PIXELS].astype(dtype, copy=False)
        total += block @ block.T
    return total / x.size


def pull_gram(x: Array, slopes: Array, grad: Array, dtype: np.dtype[Any]) -> None:
    """Writes the gradient by a sample, from the derivatives by its Gram matrix: symmetric ones."""
    factor = (2 / x.size * slopes).astype(dtype)
    np.matmul(factor, x.astype(dtype, copy=False), out=grad, casting="same_kind")


def write_grads(layer: Layer, grads: tuple[Array, Array]) -> None:
    """Hands out gradients of values, each times its slope."""
    if layer.slopes is None:
        return
    for to, grad in zip(layer.grads, grads, strict=True):
        if to is not None:
            to[...] = scaled(layer.slopes[:, np.newaxis], grad)


def run_kernel(plan: Any, layer: Layer, weight: Array, per_pixel: bool) -> Array:
    """Distances of the channels of each pixel, by the extension; of each sample their sum unless `per_pixel`."""

    def as_images(x: Array | None) -> Array | None:
        return None if x is None else x[:, :, np.newaxis]

    first, second = (as_images(x) for x in layer.maps)
    samples, _, pixels = layer.maps[0].shape
    values = np.empty((samples, pixels)) if per_pixel else None
    assert first is not None
    to, second_to = (as_images(x) for x in layer.grads)
    sums = backend.core.run_images(plan, first, second, weight, layer.slopes, to, second_to, values)
    return sums if values is None else values
