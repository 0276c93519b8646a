"""Transport on a line: the best plan moves samples in their order, whatever the cost as long as it is convex.

Design:
1. As many samples of one weight on both sides move one to one. Otherwise the plan is a staircase: cumulated weights of
   both sides, merged, are the levels between its steps, and each step moves what lies between two levels.
2. A value is the sum over levels of the level times what the cost falls there. So the gradient by weights is what the
   costs fall, added up from the last sample: no plan of all pairs is ever made.
3. Where levels of both sides are equal that of x is the first: steps without mass make the staircase, and with it the
   gradient by weights, which is one of several there, that of an optimal dual.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arrays import Array
from .sorting import ascending
from .tasks import dealt

_ROWS = 1 << 16
"""Samples of the rows of a task."""


class Moved(NamedTuple):
    """What transport costs, row by row.

    Attributes:
        value: Of each row, W_p^p over the p-th power of `unit`.
        unit: That of distances.
        grads: Of `value` by both sides over the unit, and by the shares of both sides.
    """

    value: Array
    unit: Array
    grads: tuple[Array | None, ...]


class _Stairs(NamedTuple):
    """An optimal plan.

    Attributes:
        x: Which sample of x each step moves, counted in their order.
        y: Where to.
        mass: What part of the whole.
        ends_x: Whether the level behind a step, which the last one has not, is one of x.
    """

    x: Array
    y: Array
    mass: Array
    ends_x: Array

    @classmethod
    def even(cls, n: int, m: int) -> _Stairs:
        """Of so many samples that are alike on either side: the order of their levels is one of whole numbers."""
        own = np.arange(1, n)
        ends_x = np.zeros(n + m - 2, bool)
        ends_x[own - 1 + (own * m - 1) // n] = True
        levels = np.empty(ends_x.size)
        levels[ends_x], levels[~ends_x] = _even(n), _even(m)
        return cls._of(levels, ends_x)

    @classmethod
    def merged(cls, x: Array, y: Array) -> _Stairs:
        """Made from the cumulated shares of both sides, without the last ones, which are 1."""
        levels = np.minimum(np.concatenate([x, y]), 1.0)
        order = np.argsort(levels, kind="stable")
        return cls._of(levels[order], order < x.size)

    @classmethod
    def _of(cls, levels: Array, ends_x: Array) -> _Stairs:
        first, second = (np.concatenate([[0], np.cumsum(own)]) for own in (ends_x, ~ends_x))
        return cls(first, second, np.diff(levels, prepend=0.0, append=1.0), ends_x)


def transport(
    x: Array,
    y: Array,
    x_weight: Array | None,
    y_weight: Array | None,
    p: float,
    wanted: tuple[bool, ...],
    in_units: bool = False,
) -> Moved:
    """Transport between samples on a line, row by row.

    Args:
        x: (rows, samples).
        y: (rows, samples), not necessarily as many.
        x_weight: The share of each sample of x in its row; None if all are alike.
        y_weight: The same of y.
        p: The power of a distance that it costs.
        wanted: Of which of these four operands the gradient is asked for.
        in_units: Whether distances are divided by a unit near the largest one of the row, so that no power of them
            leaves the range.
    """
    rows = _Rows(p, wanted, in_units)
    if x.shape[1] != y.shape[1] and x_weight is None and y_weight is None:
        rows.stairs = _Stairs.even(x.shape[1], y.shape[1])
    if len(x) == 1:
        return rows.run(x, y, x_weight, y_weight)
    step = max(1, _ROWS // (x.shape[1] + y.shape[1]))

    def run(first: int) -> Moved:
        w, v = (None if weight is None else weight[first : first + step] for weight in (x_weight, y_weight))
        return rows.run(x[first : first + step], y[first : first + step], w, v)

    return _joined(dealt(run, range(0, len(x), step)))


def _joined(parts: Sequence[Moved]) -> Moved:
    """Rows of several stretches together."""
    if len(parts) == 1:
        return parts[0]
    grads = tuple(
        None if each[0] is None else np.concatenate(each) for each in zip(*(p.grads for p in parts), strict=True)
    )
    return Moved(np.concatenate([part.value for part in parts]), np.concatenate([part.unit for part in parts]), grads)


def cost_of(distance: Array, p: float) -> tuple[Array, Array]:
    """The p-th power of a distance with a sign, and its derivative."""
    if p == 1:
        return np.abs(distance), np.sign(distance)
    if p == 2:
        return distance * distance, 2 * distance
    size = np.abs(distance)
    return size**p, p * np.sign(distance) * size ** (p - 1)


def _even(count: int) -> Array:
    """The levels of so many samples that are alike."""
    return np.arange(1, count) / count


@dataclasses.dataclass(slots=True)
class _Rows:
    """How rows are moved.

    Attributes:
        p: The power.
        wanted: Of which operands there are gradients.
        in_units: Whether distances are divided by a unit.
        stairs: The plan of all rows; None if each has its own, or if none is needed.
    """

    p: float
    wanted: tuple[bool, ...]
    in_units: bool
    stairs: _Stairs | None = None

    def run(self, x: Array, y: Array, x_weight: Array | None, y_weight: Array | None) -> Moved:
        if len(x) == 1:  # which takes long enough if it is long
            (a, order_x), (b, order_y) = dealt(ascending, (x, y)) if x.size >= _ROWS else map(ascending, (x, y))
        else:
            (a, order_x), (b, order_y) = ascending(x), ascending(y)
        orders = order_x, order_y, order_x, order_y
        if x_weight is None and y_weight is None:
            found = self._move(a, b, self.stairs)
        else:
            shares = [
                np.full(each.shape, 1 / each.shape[1]) if w is None else np.take_along_axis(w, order, axis=1)
                for each, w, order in ((x, x_weight, order_x), (y, y_weight, order_y))
            ]
            levels = [
                np.broadcast_to(_even(s.shape[1]), (len(s), s.shape[1] - 1)) if w is None else s[:, :-1].cumsum(axis=1)
                for w, s in ((x_weight, shares[0]), (y_weight, shares[1]))
            ]
            each = (_Stairs.merged(levels[0][k], levels[1][k]) for k in range(len(x)))
            found = _joined([self._move(a[k : k + 1], b[k : k + 1], stairs) for k, stairs in enumerate(each)])
        bad = np.isnan(found.value)
        grads = tuple(
            None if g is None else _in_place(g, order, bad) for g, order in zip(found.grads, orders, strict=True)
        )
        return found._replace(grads=grads)

    def _move(self, x: Array, y: Array, stairs: _Stairs | None) -> Moved:
        """Of sorted samples: values, and gradients in that order."""
        distance = x - y if stairs is None else x[:, stairs.x] - y[:, stairs.y]
        if self.p != 1:
            distance = distance.astype(np.float64, copy=False)
        unit = np.ones(len(x))
        if self.in_units:
            top = np.max(np.abs(distance), axis=1)
            unit = np.exp2(np.floor(np.log2(np.where((top > 0) & (top < np.inf), top, 1.0).astype(np.float64))))
            distance = distance / unit[:, np.newaxis]
        cost, slope = cost_of(distance, self.p)
        if stairs is None:
            share = 1 / x.shape[1]
            slope *= slope.dtype.type(share)
            by_y = -slope if self.wanted[1] else None
            return Moved(
                cost.sum(axis=1, dtype=np.float64) * share, unit, (slope if self.wanted[0] else None, by_y, None, None)
            )
        there = stairs.mass > 0  # elsewhere a cost may be infinite
        value = np.sum(np.where(there, cost * stairs.mass, 0.0), axis=1)
        slope = np.where(there, slope * stairs.mass, 0.0)
        fall = cost[:, :-1] - cost[:, 1:]
        grads: list[Any] = [None] * 4
        for k, (sign, own) in enumerate(((1, stairs.ends_x), (-1, ~stairs.ends_x))):
            if self.wanted[k]:
                starts = np.concatenate([[0], np.flatnonzero(own) + 1])
                grads[k] = sign * np.add.reduceat(slope, starts, axis=1)
            if self.wanted[k + 2]:
                falls = np.concatenate([fall[:, own], np.zeros((len(x), 1))], axis=1)
                grads[k + 2] = falls[:, ::-1].cumsum(axis=1)[:, ::-1]
        return Moved(value, unit, tuple(grads))


def _in_place(grad: Array, order: Array, bad: Array) -> Array:
    """A gradient in the order of what was given; NaN in rows that have no value."""
    found = np.empty_like(grad)
    rows = np.arange(len(grad))[:, np.newaxis] * grad.shape[1]
    found.reshape(-1)[(order + rows if len(grad) > 1 else order).reshape(-1)] = grad.reshape(-1)
    found[bad] = np.nan
    return found
