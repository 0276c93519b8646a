"""What losses of a residual, pred - target, share."""

from __future__ import annotations

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
