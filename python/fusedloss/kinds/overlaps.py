"""Losses over maps: an item is a sample and class, whose prediction and target are compared over all pixels.

Design:
1. Three sums of each sample and class say all that a loss looks at: `overlap`, of min(p, t) over pixels; `excess`, of
   p - min(p, t); `missing`, of t - min(p, t). With `squared`, of p t, of (p - t)^2, and nothing.
2. A loss is a function of these sums: `of_sums`, the same for both backends, as a map has a few of them only. What is
   computed pixel by pixel, sums and their derivatives, is the extension's or, below, NumPy's.
3. A mean has to know which classes are there before anything is divided: so sums are made once a call, and kept in its
   batch.
4. In a sum of losses, one of the label's probability alone may ride along, or of sigmoids one of each entry: both
   passes then do for it, too.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from ..domains import NOT_NEGATIVE, PROBABILITY, SHARE, Domain
from ..options import Choice, Flag, Integer, Maybe, OneOrTuple, Vector, option
from .entries import Entries, EntryBatch
from .kind import Batch, Kind, Pass
from .maps import check_classes, class_axis, class_factor, pixel_mask, pixels_of, target_of
from .rows import RowBatch
from .softmax import Softmax, SoftmaxRows


@dataclasses.dataclass(slots=True)
class Ride:
    """A loss of pixels that the passes over maps compute, too.

    Attributes:
        gamma: Of a softmax it is (1 - p)^gamma (-log p) of the label, of sigmoids the binary focal loss of each class,
        smoothing: of a smoothed label, or of smoothed targets,
        positive: with this weight of the positive term,
        negative: and this one of the negative term.
        class_weight: What the label's class multiplies it by, or the class that it is of.
        scale: Multiplies its gradient.
        value: Its weighted sum, once the sums are there.
    """

    gamma: float
    smoothing: float
    positive: float = 1.0
    negative: float = 1.0
    class_weight: Array | None = None
    scale: float = 0.0
    value: float = 0.0


@dataclasses.dataclass(slots=True)
class MapBatch(Batch):
    """Checked operands (pred, target, mask or None).

    Attributes:
        axis: The class axis, counted from the front; None if there is but one class, without an axis.
        classes: How many there are.
        labels: Whether the target holds labels, and not a number for each class.
        sums: Those of each sample and class, once they are there.
        ride: What rides along.
    """

    axis: int | None
    classes: int
    labels: bool
    sums: Array | None = None
    ride: Ride | None = None

    def with_classes(self, x: Array) -> tuple[Array, int]:
        """Pred, or what is like it, with a class axis."""
        return (np.expand_dims(x, 1), 1) if self.axis is None else (x, self.axis)


class Items(NamedTuple):
    """What a loss makes of its sums.

    Attributes:
        value: Of each item, (..., items), where a sample has as many items as classes, or one.
        weight: What it counts for beside its sample weight.
        slopes: Derivatives of values by the sums, (..., classes, 3).
    """

    value: Array
    weight: Array
    slopes: Array


class Overlaps(Kind):
    """Samples lie along the first axis of pred; all axes but this one and that of the classes are pixels."""

    from_logits: bool = option(default=True, accepts=Flag())
    activation: str = option(default="sigmoid", accepts=Choice("sigmoid", "softmax"))
    smooth: float | tuple[float, float] = option(default=0.0, accepts=OneOrTuple(NOT_NEGATIVE, length=2))
    batch: bool = option(default=False, accepts=Flag())
    include_background: bool = option(default=True, accepts=Flag())
    class_weight: Array | None = option(default=None, accepts=Maybe(Vector(NOT_NEGATIVE)))
    ignore_index: int | None = option(default=None, accepts=Maybe(Integer()))
    log: bool = option(default=False, accepts=Flag())
    axis: int | None = option(default=1, accepts=Maybe(Integer()))

    orders = ("value", "grad")
    weights_first = True

    # ---- What a loss provides ----

    def of_sums(self, sums: Array) -> Items:
        """The specification.

        Args:
            sums: (..., classes, 3): overlap, excess and missing, of samples or (without the first axis) of all.
        """
        raise NotImplementedError

    def item_shape(self, samples: tuple[int, ...], classes: tuple[int, ...]) -> tuple[int, ...]:
        """The items' shape: of each sample and class, unless the loss says otherwise."""
        return (*samples, *classes)

    @property
    def squares(self) -> bool:
        """Whether pixels are squared."""
        return bool(getattr(self, "squared", False))

    # ---- What they share ----

    @property
    def domain(self) -> dict[str, Domain]:
        """Where probabilities must lie. Targets that are maps lie in [0, 1]; labels have no domain."""
        return {} if self.from_logits else {"pred": PROBABILITY}

    def class_factor(self, classes: int) -> Array:
        """What a class counts for."""
        return class_factor(self.class_weight, self.include_background, classes)

    def ratio_loss(self, sums: Array, overlap: float, excess: float, missing: float) -> tuple[Array, Array, Array]:
        """1 - n / d, or -log(n / d): d has sums times the given factors, n has the overlap alone of them.

        Args:
            sums: (..., 3).
            overlap: What multiplies it.
            excess: The same.
            missing: The same.

        Returns:
            The values (0 where d is 0), where d is not 0, and derivatives by the sums. These are 0 where a value is
            infinite.
        """
        above, below = self.smooth if isinstance(self.smooth, tuple) else (self.smooth, self.smooth)
        factors = np.array([0.0, excess, missing])
        shared = overlap * sums[..., 0]
        lack = sums @ factors + (below - above)  # d - n by itself: a loss close to 0 keeps its digits
        n, d = shared + above, shared + sums @ factors + below
        there = d != 0
        by_overlap, by_whole = np.array([overlap, 0.0, 0.0]), factors + np.array([overlap, 0.0, 0.0])
        with np.errstate(all="ignore"):
            if self.log:
                value = np.log1p(lack / n)
                slopes = by_whole / d[..., np.newaxis] - by_overlap / n[..., np.newaxis]
            else:
                value = lack / d
                slopes = (factors * n[..., np.newaxis] - by_overlap * lack[..., np.newaxis]) / (d * d)[..., np.newaxis]
        slopes = np.where((there & ~np.isinf(value))[..., np.newaxis], slopes, 0.0)
        return np.where(there, value, 0.0), there, slopes

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        kernel = f"overlap_{self.activation}" if self.from_logits else "overlap"
        return backend.plan(kernel, (float(self.squares),), self.reduction, None)

    def _inputs(self) -> tuple[str, ...]:
        return (*self.operands, *self.arguments)

    def _batch(self, operands: tuple[Any, ...]) -> MapBatch:
        pred = checks.floating(operands[0], "pred")
        axis, classes = class_axis(pred, self.axis)
        check_classes(classes, self.class_weight, self.include_background)
        target, labels = target_of(operands[1], pred, axis)
        if labels and not backend.compiled():  # the extension finds out as it makes the sums
            checks.labels_in_range(target, classes, self.ignore_index)
        mask = None if operands[2] is None else pixel_mask(operands[2], pixels_of(pred, axis))
        shape = self.item_shape(() if self.batch else pred.shape[:1], () if axis is None else (classes,))
        dtype = checks.precision(pred.dtype)
        return MapBatch(shape, (pred, target, mask), {"pred": pred}, dtype, axis, classes, labels)

    def _total(self, batch: Batch, weight: Array | None) -> float:
        return _sum(self._weight(self._of_sums(batch), batch, weight))

    def _partial(self, operands: tuple[Any, ...], sample_weight: ArrayLike | None) -> tuple[float, float]:
        if self.batch:
            raise NotImplementedError(
                f"{type(self).__name__}(batch=True) has no shards: its items are ratios of sums over the whole batch"
            )
        return super()._partial(operands, sample_weight)

    def _carries(self, batch: Batch, other: Kind, other_batch: Batch, weight: Any) -> bool:
        assert isinstance(batch, MapBatch)
        if not isinstance(other_batch, (RowBatch, EntryBatch)) or batch.sums is not None or not self.from_logits:
            return False
        same = all(x is y for x, y in zip(batch.inputs, other_batch.inputs, strict=False)) and weight is batch.inputs[2]
        if not same or other_batch.axis != batch.axis or other_batch.labels != batch.labels:
            return False
        if isinstance(other, SoftmaxRows) and self.activation == "softmax" and batch.labels:
            form, factor = other.power_of_label(), other._factor(batch.classes)
            if factor is not None and other.class_weight is not None:
                factor = factor * other.class_weight
            factor = other.class_weight if factor is None else factor
            ride = None if form is None else Ride(*form, 1.0, 1.0, factor)
        elif isinstance(other, Entries) and self.activation == "sigmoid":
            focal: tuple[float, float, float, float] | None = other.entry.focal_form()
            ride = None if focal is None else Ride(*focal, other.factors(batch.classes))
        else:
            return False
        if ride is None or self.ignore_index != other.ignore_index:
            return False
        batch.ride = ride
        return True

    def _carried(self, batch: Batch, scale: float) -> float:
        assert isinstance(batch, MapBatch)
        assert batch.ride is not None
        self._sums(batch)
        batch.ride.scale = scale
        return batch.ride.value

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, MapBatch)
        items = self._of_sums(batch)
        weight = self._weight(items, batch, job.weight)
        with np.errstate(all="ignore"):
            values = np.where(weight != 0, weight * items.value.reshape(batch.shape), 0.0)
            if job.value is not None:
                job.value[...] = values
            if job.grad is not None:
                upstream = 1.0 if job.cotangent is None else job.cotangent.astype(np.float64)
                by_item = (weight * job.scale * upstream).reshape(items.value.shape)[..., np.newaxis]
                by_sums = np.where(by_item != 0, by_item * items.slopes, 0.0)
                self._map_back(batch, by_sums, job.grad[0])
        return _sum(values), -1

    _run_reference = _run

    def _of_sums(self, batch: Batch) -> Items:
        sums = self._sums(batch)
        return self.of_sums(np.add.reduce(sums, axis=0) if self.batch else sums)

    def _weight(self, items: Items, batch: Batch, weight: Array | None) -> Array:
        own = items.weight.reshape(batch.shape)
        return own if weight is None else own * weight.astype(np.float64)

    def _sums(self, batch: Batch) -> Array:
        """The sums of each sample and class.

        Raises:
            IndexError: A label is no class.
            ValueError: Something is outside the domain.
        """
        assert isinstance(batch, MapBatch)
        if batch.sums is None:
            if 0 in batch.inputs[0].shape:
                batch.sums = np.zeros((len(batch.inputs[0]), batch.classes, 3))
            elif backend.compiled():
                batch.sums, bad = self._run_extension(batch, None, None)
                if bad >= 0:
                    raise self._error(batch)
            else:
                batch.sums = self._reference_sums(batch)
        return batch.sums

    def _map_back(self, batch: MapBatch, by_sums: Array, grad: Array) -> None:
        """Writes the gradient, from derivatives by the sums."""
        by_overlap, by_excess, by_missing = np.moveaxis(by_sums, -1, 0)
        below, above = (by_overlap, 2 * by_excess) if self.squares else (by_overlap - by_missing, by_excess)
        slopes = np.empty((len(batch.inputs[0]), batch.classes, 2))
        slopes[..., 0], slopes[..., 1] = below, above
        if grad.size and backend.compiled():
            self._run_extension(batch, slopes, grad)
        elif grad.size:
            self._reference_map_back(batch, slopes, grad)

    def _run_extension(self, batch: MapBatch, slopes: Array | None, grad: Array | None) -> tuple[Any, int]:
        pred, target, mask = batch.inputs
        pred, axis = batch.with_classes(pred)
        ignore, ride = self.ignore_index, batch.ride
        sums, bad, value = backend.core.run_overlaps(
            self._plan,
            int(batch.dtype == np.float64),
            pred,
            target if batch.labels else batch.with_classes(target)[0],
            mask,
            axis,
            ignore if batch.labels else None,
            None if batch.labels or ignore is None else float(ignore),
            slopes,
            None if grad is None else batch.with_classes(grad)[0],
            None,
            None
            if ride is None
            else (ride.gamma, ride.smoothing, ride.positive, ride.negative, ride.class_weight, ride.scale),
        )
        if ride is not None and slopes is None:
            ride.value = value
        return sums, bad

    # ---- The same in NumPy ----

    def _reference_sums(self, batch: MapBatch) -> Array:
        p, q = self._chances(batch)
        sums = np.zeros((*p.shape[:2], 3))
        for c, (t, w) in enumerate(_targets(batch, self.ignore_index)):
            self._check_reference(batch, c, t, w)
            here, counts = np.where(w > 0, p[:, c], 0.0), w > 0
            if self.squares:
                gap = np.where(t == 1, np.where(counts, q[:, c], 0.0), here - t)
                terms = [here * t, gap * gap]
            else:
                both = np.where(t < here, t, here)
                terms = [both, here - both, np.where(counts, np.where(t == 1, q[:, c], t - both), 0.0)]
            for k, term in enumerate(terms):
                sums[:, c, k] = np.sum(w * term, axis=1)
        return sums

    def _reference_map_back(self, batch: MapBatch, slopes: Array, grad: Array) -> None:
        p, q = self._chances(batch)
        by = np.zeros(p.shape)
        live = np.zeros(p[:, 0].shape, bool)
        for c, (t, w) in enumerate(_targets(batch, self.ignore_index)):
            below, above = slopes[:, c, :1], slopes[:, c, 1:]
            if self.squares:
                slope = below * t + above * (p[:, c] - t)
            else:
                equal = np.where(t == 1, below, np.where(t == 0, above, 0.5 * (below + above)))
                slope = np.where(p[:, c] < t, below, np.where(p[:, c] > t, above, equal))
                slope = np.where(np.isnan(p[:, c]), np.nan, slope)
            by[:, c] = np.where((w > 0) & ((below != 0) | (above != 0)), w * slope, 0.0)
            live |= w > 0
        if not self.from_logits:
            pred = _flat(batch, batch.inputs[0]).astype(np.float64)
            result = np.where((pred < 0) | (pred > 1), 0.0, by)
        elif self.activation == "softmax":
            moves = live[:, np.newaxis] & (slopes != 0).any(axis=(1, 2))[:, np.newaxis, np.newaxis]
            result = np.where(moves, pull_softmax(p, by), 0)
        else:
            result = np.where(by != 0, by * p * q, 0.0)
        classes_first = np.moveaxis(batch.with_classes(grad)[0], batch.with_classes(grad)[1], 1)
        classes_first[...] = result.reshape(classes_first.shape)

    def _chances(self, batch: MapBatch) -> tuple[Array, Array]:
        """The probabilities p and 1 - p, (samples, classes, pixels)."""
        z = _flat(batch, batch.inputs[0]).astype(np.float64)
        if not self.from_logits:
            p = np.clip(z, 0, 1)
            return p, 1 - p
        with np.errstate(all="ignore"):
            if self.activation == "sigmoid":
                return 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(z))
            return softmax_of(z)

    def _check_reference(self, batch: MapBatch, c: int, t: Array, w: Array) -> None:
        inside = (w >= 0).all() and SHARE.contains(t).all()
        if "pred" in self.domain:
            pred = _flat(batch, batch.inputs[0])[:, c].astype(batch.dtype)
            inside = inside and (self.domain["pred"].contains(pred) | (w == 0)).all()
        if not inside:
            raise self._error(batch)

    def _error(self, batch: MapBatch) -> ValueError:
        """What is wrong where something is outside the domain.

        Raises:
            IndexError: It is a label.
        """
        pred, target, mask = batch.inputs
        if batch.labels:
            checks.labels_in_range(target, batch.classes, self.ignore_index)
        if mask is not None and not (mask >= 0).all():
            at = checks.index(int(np.argmin(mask >= 0)), mask.shape)
            return ValueError(f"mask must be >= 0, got {mask[at]} at index {at}")
        counts = np.ones(pred.shape, bool)
        if mask is not None:
            counts &= (mask if batch.axis is None else np.expand_dims(mask, batch.axis)) != 0
        if self.ignore_index is not None:
            ignored = target == self.ignore_index
            counts &= ~(np.expand_dims(ignored, batch.axis) if batch.labels and batch.axis is not None else ignored)
        domains = (self.domain.get("pred"), None if batch.labels else SHARE)
        for name, x, domain in zip(self.operands, (pred, target), domains, strict=True):
            if domain is not None:
                bad = counts & ~domain.contains(x.astype(batch.dtype))
                if bad.any():
                    error = checks.outside(x, name, domain, checks.index(int(np.argmax(bad)), x.shape), batch.dtype)
                    if error is not None:
                        return error
        return ValueError(f"an operand is outside the domain of {type(self).__name__}")


def _flat(batch: MapBatch, x: Array) -> Array:
    """Pred, or what is like it, as (samples, classes, pixels)."""
    x, axis = batch.with_classes(x)
    return np.moveaxis(x, axis, 1).reshape(len(x), batch.classes, -1)


def _targets(batch: MapBatch, ignore_index: int | None) -> Iterator[tuple[Array, Array]]:
    """Of each class the target, 0 where it does not count, and the weights: (samples, pixels)."""
    _, target, mask = batch.inputs
    flat = target.reshape(len(target), 1, -1) if batch.labels else _flat(batch, target)
    weight = np.ones((len(target), flat.shape[2])) if mask is None else mask.reshape(len(target), -1).astype(np.float64)
    for c in range(batch.classes):
        own = flat[:, 0 if batch.labels else c]
        w = weight if ignore_index is None else np.where(own == ignore_index, 0.0, weight)
        t = own == c if batch.labels else own
        yield np.where(w == 0, 0.0, t.astype(np.float64)), w


def softmax_of(z: Array) -> tuple[Array, Array]:
    """The probabilities p and 1 - p of logits (samples, classes, pixels)."""
    rows = np.moveaxis(z, 1, -1)
    found = Softmax.of(rows.reshape(-1, rows.shape[-1]))
    p, q = (np.moveaxis(x.reshape(rows.shape), -1, 1) for x in (found.p, found.complement))
    return p, q


def pull_softmax(p: Array, by: Array) -> Array:
    """Derivatives by logits, from those by probabilities (samples, classes, pixels)."""
    # All taken from that of the most probable class, whose own difference is exact then.
    apart = by - np.take_along_axis(by, np.argmax(p, axis=1)[:, np.newaxis], axis=1)
    result: Array = p * (apart - np.sum(p * apart, axis=1, keepdims=True))
    return result


def _sum(x: Array) -> float:
    """Of a few numbers, without rounding."""
    flat = x.ravel().tolist()
    return math.fsum(flat) if np.isfinite(x).all() else float(np.sum(x))
