"""Sorting that gives the order, too, and the same one on every processor, which NumPy's unstable argsort does not.

Numbers in float32 are sorted as integers that hold their places: a plain sort, which NumPy has in vector code.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Array

_KEYS = 1 << 32
"""How many numbers a key can tell apart."""


def ascending(x: Array) -> tuple[Array, Array]:
    """Numbers along the last axis in their order, and their places; of equal ones the first is first."""
    if x.dtype != np.float32 or x.shape[-1] >= _KEYS:
        order = np.argsort(x, axis=-1, kind="stable")
        return np.take_along_axis(x, order, axis=-1), order
    keys = _turned(np.ascontiguousarray(x).view(np.int32)).astype(np.int64)
    keys <<= 32
    keys |= np.arange(x.shape[-1])
    keys.sort(axis=-1)
    order = keys & (_KEYS - 1)
    keys >>= 32
    return _turned(keys.astype(np.int32)).view(np.float32), order


def _turned(bits: Array) -> Array:
    """Bits of floats as integers that are in the same order, and back."""
    return np.asarray(bits ^ ((bits >> 31) & 0x7FFFFFFF))
