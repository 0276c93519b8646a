"""Losses whose items are samples, or their pixels, each with one value: what they share whatever a sample holds."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array
from .kind import Batch, Kind, Pass


class PerSample(Kind):
    """An item counts by its weight; the value and the gradient of an item come from one place."""

    orders = ("value", "grad")
    weights_first = True


def slopes_of(batch: Batch, job: Pass) -> Array | None:
    """What each item's gradient is multiplied by, in float64; None if no gradient is asked for."""
    if job.grad is None:
        return None
    slopes = np.full(batch.shape, job.scale)
    for factor in (job.weight, job.cotangent):
        if factor is not None:
            slopes = np.where(factor == 0, 0.0, slopes * factor.astype(np.float64))
    return slopes


def settle(values: Array, batch: Batch, job: Pass) -> tuple[float, int]:
    """Hands out the values of the items; gives their weighted sum, and that nothing is outside a domain."""
    if job.weight is not None:
        with np.errstate(invalid="ignore"):
            values = np.where(job.weight == 0, 0.0, job.weight.astype(np.float64) * values)
    values = values.reshape(batch.shape)
    if job.value is not None:
        job.value[...] = values
    flat = values.ravel()
    return (math.fsum(flat) if np.isfinite(flat).all() else float(flat.sum())), -1


def scaled(slopes: Array, grad: Array) -> Array:
    """A gradient times the slopes of its items, exactly 0 where these are."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(slopes == 0, 0.0, slopes * grad)
