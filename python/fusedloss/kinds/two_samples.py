"""Losses between two sets of samples: how far apart the distributions are that they were drawn from.

Design:
1. An item is a pair of sets. A loss gives the values of all items and their gradients as if weights were shares of a
   whole; that samples may be weighted at all, and items too, is the business of the kind.
2. Weights of samples are divided by their sum, and the gradient by them is that of the quotient: it does not change
   when all are multiplied, and its products with the weights add up to 0.
3. A sample of weight 0 is not there for the value. The gradient by its weight still is: it says what it would cost.
4. Everything is NumPy's, for both backends: sorts, products, and passes over blocks that fit the caches.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from .kind import Batch, Kind, Pass, weight_of


@dataclasses.dataclass(slots=True)
class Sets:
    """The two sets of each item.

    Attributes:
        x: (items, samples), or with a further axis of dimensions.
        y: The same.
        x_weight: (items, samples), the share of each; None if all are alike.
        y_weight: The same.
        wanted: Of which of these four the gradient is asked for.
        extra: Takes by-products of each item.
    """

    x: Array
    y: Array
    x_weight: Array | None
    y_weight: Array | None
    wanted: tuple[bool, ...]
    extra: tuple[Array, ...] = ()

    def some(self, at: Any, extra: tuple[Array, ...]) -> Sets:
        """Those of some items; of one, without the axis of items."""
        w, v = (None if weight is None else weight[at] for weight in (self.x_weight, self.y_weight))
        return Sets(self.x[at], self.y[at], w, v, self.wanted, extra)


Found = tuple[Array, Sequence[Array | None]]
"""The value of each item; its gradients by what `Sets` lists."""


class TwoSamples(Kind):
    """Samples lie along the last axis, or the one before that of their dimensions; the axes in front are items."""

    orders = ("value", "grad")
    weights_first = True

    dimensions: ClassVar[bool] = False
    """Whether samples have an axis of dimensions."""

    # ---- What a loss provides ----

    def of_sets(self, sets: Sets) -> Found:
        """Values and gradients of items, at least one, whose sets all have samples."""
        raise NotImplementedError

    @property
    def of_shares(self) -> bool:
        """Whether weights are divided by their sum."""
        return True

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        return None

    def _batch(self, operands: tuple[Any, ...]) -> Batch:
        x, y, *weights = (*operands, None, None)[:4]
        variables = {"x": self._points(x, "x"), "y": self._points(y, "y")}
        first, second = variables.values()
        samples = first.ndim - 1 - self.dimensions
        if second.ndim != first.ndim or any(
            axis != samples and a != b for axis, (a, b) in enumerate(zip(first.shape, second.shape, strict=False))
        ):
            raise ValueError(
                f"y must have the shape of x, {first.shape}, but for the number of samples along axis {samples}; "
                f"got {second.shape}"
            )
        inputs: list[Any] = [first, second]
        for name, given, points in zip(("x_weight", "y_weight"), weights, (first, second), strict=True):
            inputs.append(None if given is None else self._weights(given, points.shape[: samples + 1], name))
            if given is not None:
                variables[name] = inputs[-1]
        dtype = np.result_type(checks.precision(first.dtype), checks.precision(second.dtype))
        return Batch(first.shape[:samples], tuple(inputs), variables, dtype)

    def _points(self, given: Any, name: str) -> Array:
        array = checks.floating(given, name)
        if array.ndim < 1 + self.dimensions:
            axes = "(..., samples, dimensions)" if self.dimensions else "(..., samples)"
            raise ValueError(f"{name} must have shape {axes}, got {array.shape}")
        return array

    @staticmethod
    def _weights(given: Any, shape: tuple[int, ...], name: str) -> Array:
        weight = checks.floating(given, name)
        if weight.shape != shape:
            raise ValueError(
                f"{name} must have shape {shape}, a weight for each sample of {name[0]}, got {weight.shape}"
            )
        wrong = ~((weight >= 0) & (weight < np.inf))
        if wrong.any():
            at = checks.index(int(np.argmax(wrong)), shape)
            raise ValueError(f"{name} must be >= 0 and finite, got {weight[at]} at index {at}")
        return weight

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        points = self._points(target, self.weighed)
        shape = points.shape[: points.ndim - 1 - self.dimensions]
        return weight_of(shape, sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_sets(batch, job, batch.dtype)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_sets(batch, job, np.dtype(np.float64))

    def _run_sets(self, batch: Batch, job: Pass, dtype: np.dtype[Any]) -> tuple[float, int]:
        count = math.prod(batch.shape)
        weight = np.broadcast_to(1.0 if job.weight is None else job.weight, batch.shape).astype(np.float64).ravel()
        upstream = np.broadcast_to(1.0 if job.cotangent is None else job.cotangent, batch.shape).ravel()
        slope = np.where(weight != 0, weight * job.scale * upstream, 0.0)
        outputs = [None] * 4 if job.grad is None else self._by_operand(batch, job.grad)
        sets, totals = self._sets(batch, count, dtype, tuple(to is not None for to in outputs))
        live = weight != 0
        for each, total in zip((sets.x, sets.y), totals, strict=True):
            live &= total > 0 if total is not None else each.shape[1] > 0
        values = np.zeros(count)
        some = np.flatnonzero(live)
        grads: Sequence[Array | None] = [None] * 4
        if some.size:
            at = slice(None) if some.size == count else some
            extras = [x for x in job.extra or () if x is not None]
            found = tuple(np.empty(some.size, x.dtype) for x in extras)
            with np.errstate(all="ignore"):
                chosen = sets.some(at, found)
                values[at], grads = self.of_sets(chosen)
                for extra, own in zip(extras, found, strict=True):
                    extra.reshape(-1)[some] = own
                self._hand_out(grads, outputs, chosen, totals, at, np.where(live, slope, 0.0))
                items = np.where(live, weight * values, 0.0)
        else:
            items = values
            for to in outputs:
                if to is not None:
                    to[...] = 0
        if job.value is not None:
            job.value[...] = items.reshape(batch.shape)
        return math.fsum(items) if np.isfinite(items).all() else float(items.sum()), -1

    def _by_operand(self, batch: Batch, grads: Sequence[Array | None]) -> list[Array | None]:
        """Of all four operands the array that takes the gradient."""
        found = dict(zip(batch.variables, grads, strict=True))
        return [found.get(name) for name in self.operands]

    def _sets(
        self, batch: Batch, count: int, dtype: np.dtype[Any], wanted: tuple[bool, ...]
    ) -> tuple[Sets, list[Array | None]]:
        """The operands with one axis of items; of weights their sums, where these become shares."""
        points = [np.ascontiguousarray(x, dtype) for x in batch.inputs[:2]]
        points = [x.reshape(count, *x.shape[len(batch.shape) :]) for x in points]
        weights: list[Any] = []
        totals: list[Any] = []
        for k, given in enumerate(batch.inputs[2:]):
            shares = total = None
            if given is not None:
                shares = given.astype(np.float64, order="C").reshape(count, given.shape[-1])
                total = shares.sum(axis=1)
                if self.of_shares:
                    shares /= np.where(total == 0, 1.0, total)[:, np.newaxis]
                absent = (shares == 0).reshape(shares.shape + (1,) * self.dimensions)
                points[k] = np.where(absent & ~np.isfinite(points[k]), 0, points[k])
            weights.append(shares)
            totals.append(total)
        return Sets(points[0], points[1], weights[0], weights[1], wanted), totals

    def _hand_out(
        self,
        grads: Sequence[Array | None],
        outputs: Sequence[Array | None],
        chosen: Sets,
        totals: Sequence[Array | None],
        at: Any,
        slope: Array,
    ) -> None:
        """Writes the gradients, of items that are not there zeros."""
        for k, (grad, to) in enumerate(zip(grads, outputs, strict=True)):
            if grad is None or to is None:
                continue
            total = totals[k - 2]
            if k >= 2 and self.of_shares and total is not None:
                shares: Any = (chosen.x_weight, chosen.y_weight)[k - 2]
                grad -= np.sum(shares * grad, axis=1, keepdims=True)
                grad /= total[at][:, np.newaxis]
            steep = slope[at].reshape(-1, *[1] * (grad.ndim - 1))
            grad *= steep
            if not steep.all():
                grad[steep.ravel() == 0] = 0
            if isinstance(at, slice):
                to[...] = grad.reshape(to.shape)
            else:
                whole = np.zeros((slope.size, *grad.shape[1:]), grad.dtype)
                whole[at] = grad
                to[...] = whole.reshape(to.shape)
