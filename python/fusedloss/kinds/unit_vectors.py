"""Vectors brought to length 1, and the way back of a gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array


@dataclass(slots=True)
class UnitVectors:
    """Vectors of length 1 along the last axis; one of length 0 has no direction and stays.

    Attributes:
        rows: The vectors.
        length: What each was divided by, 0 for those that stay.
    """

    rows: Array
    length: Array

    @classmethod
    def of(cls, x: Array, dtype: np.dtype[np.generic]) -> UnitVectors:
        """Of vectors; lengths are exact to rounding however large or small coordinates are."""
        x = np.ascontiguousarray(x)  # sums are taken in one order
        with np.errstate(invalid="ignore"):
            top = np.max(np.abs(x), axis=-1, keepdims=True, initial=0.0).astype(np.float64)
            top = np.where((top > 0) & (top < np.inf), np.exp2(np.floor(np.log2(np.where(top > 0, top, 1.0)))), 1.0)
            scaled = x / top
            norm = np.sqrt(np.einsum("...i,...i->...", scaled, scaled))[..., np.newaxis]
            return cls((scaled / np.where(norm == 0, 1.0, norm)).astype(dtype, copy=False), norm * top)

    def pull(self, grad: Array) -> Array:
        """The gradient by what was brought to length 1, from that by the units; it takes the place of `grad`."""
        along = np.einsum("...i,...i->...", self.rows, grad)[..., np.newaxis]
        grad -= self.rows * along
        with np.errstate(divide="ignore", invalid="ignore"):
            grad *= np.where(self.length == 0, 0.0, 1 / self.length).astype(grad.dtype)
        return grad
