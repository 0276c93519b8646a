"""What losses of a residual, pred - target, share."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np

from ..arrays import Array
from ..kinds.elementwise import Elementwise
from ..operands import PredTarget


class Residual(PredTarget, Elementwise):
    """The chain rule of the family: a loss is a function of r = pred - target, whose derivative by pred is 1."""

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        return self.of(pred - target)

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        """Value, first and second derivative as a function of the residual."""
        raise NotImplementedError


def difference(a: Array, b: Array) -> tuple[Array, Array]:
    """The difference rounded, and what that lost (Knuth 1969); 0 where the difference is not finite."""
    rounded = a - b
    back = rounded - a
    lost = (a - (rounded - back)) - (b + back)
    return rounded, np.where(np.abs(rounded) < np.inf, lost, 0.0)


class PreciseResidual(Residual):
    """The chain rule for losses that are symmetric and need the exact residual."""

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        r, lost = difference(inputs[0], inputs[1])
        sign = np.sign(r)
        value, d1, d2 = self.of_size(np.abs(r), sign * lost)
        return value, sign * d1, d2

    def of_size(self, size: Array, low: Array) -> tuple[Array, Array, Array]:
        """Value, first and second derivative as a function of |r| = size + low, the second part what rounding lost."""
        raise NotImplementedError


Parts = tuple[float, float]


def parts(number: Decimal) -> Parts:
    """A number as the sum of two: the first has 24 bits, and so is the same in float32."""
    mantissa, exponent = math.frexp(float(number))
    high = math.ldexp(round(mantissa * 2**24), exponent - 24)
    return high, float(number - Decimal(high))


def below(number: Parts, size: Array, low: Array) -> Array:
    """Number - (size + low), with full relative accuracy near 0 as well."""
    return (number[0] - size) + (number[1] - low)


def above(number: Parts, size: Array, low: Array) -> Array:
    """Number + (size + low)."""
    return (number[0] + size) + (number[1] + low)


def product(a: Array, b: Array | float) -> tuple[Array, Array]:
    """The product rounded, and what that lost (Dekker 1971); 0 where that is out of range."""
    rounded = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    lost = ((a_high * b_high - rounded) + a_high * b_low + a_low * b_high) + a_low * b_low
    return rounded, np.where(np.abs(lost) < np.inf, lost, 0.0)


def _halves(x: Array | float) -> tuple[Array | float, Array | float]:
    wide = (2.0**27 + 1) * x
    high = wide - (wide - x)
    return high, x - high


def square_of_product(size: Array, low: Array, factor: Parts) -> tuple[Array, Array]:
    """((size + low) factor)^2 as the sum of two numbers."""
    x, x_low = product(size, factor[0])
    x, x_low = _joined(x, x_low + (size * factor[1] + low * factor[0]))
    square, lost = product(x, x)
    return square, lost + 2 * x * x_low


def _joined(a: Array, b: Array) -> tuple[Array, Array]:
    total = a + b
    return total, (a - total) + b
