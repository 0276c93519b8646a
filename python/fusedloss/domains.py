"""Sets of numbers: what an option accepts, and where the elements of an operand must lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .arrays import Array, Mask


class Domain(Protocol):
    """A set of numbers; its text completes the sentence "x must be ..."."""

    def contains(self, x: Array) -> Mask:
        """Tells for each element whether it lies in the set; NaN does, as it propagates."""
        ...


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`; an open end is left out.

    Attributes:
        low: Lower end.
        high: Upper end.
        low_open: Whether `low` itself is left out.
        high_open: Whether `high` itself is left out.
        rounding: Machine epsilons of the elements' precision by which both ends are widened: a probability that was
            computed may miss [0, 1] by that much.
    """

    low: float = -np.inf
    high: float = np.inf
    low_open: bool = False
    high_open: bool = False
    rounding: int = 0

    def contains(self, x: Array) -> Mask:  # noqa: D102
        slack = self.rounding * float(np.finfo(x.dtype).eps) if self.rounding else 0.0
        low, high = self.low - slack, self.high + slack
        below = x <= low if self.low_open else x < low
        above = x >= high if self.high_open else x > high
        return np.asarray(~(below | above))

    def __str__(self) -> str:
        if self.high == np.inf:
            if self.low == -np.inf:
                return "a number" if not (self.low_open and self.high_open) else "finite"
            text = f"{'>' if self.low_open else '>='} {self.low:g}"
            return text + (" and finite" if self.high_open else "")
        return f"in {'(' if self.low_open else '['}{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"


@dataclass(frozen=True)
class Points:
    """A few numbers."""

    numbers: tuple[float, ...]

    def contains(self, x: Array) -> Mask:  # noqa: D102
        return np.isin(x, self.numbers) | np.isnan(x)

    def __str__(self) -> str:
        return " or ".join(f"{number:g}" for number in self.numbers)


FINITE = Interval(low_open=True, high_open=True)
POSITIVE = Interval(0, low_open=True, high_open=True)
NOT_NEGATIVE = Interval(0, high_open=True)
SHARE = Interval(0, 1)
OPEN_SHARE = Interval(0, 1, low_open=True, high_open=True)
PROBABILITY = Interval(0, 1, rounding=16)
