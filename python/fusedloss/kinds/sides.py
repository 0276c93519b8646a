"""Losses of a prediction and a target that both have a gradient, where a pass gives that by its first operand.

The gradient by the target is that of a pass with both in each other's places.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..arrays import Array
from .kind import Pass

Run = Callable[[bool, Array, Array, Pass], tuple[float, int]]
"""Runs a pass: whether its operands are exchanged, these in its order, what to compute; gives what `_run` does."""


def each_side(inputs: tuple[Array, ...], job: Pass, run: Run) -> tuple[float, int]:
    """A pass for each gradient that is asked for, or one without any; the first gives the values."""
    pred, target = inputs
    asked = [place for place, grad in enumerate(job.grad or ()) if grad is not None]
    if len(asked) == 2:  # the first pass must not write what the second one reads
        written = [arrays[0] for arrays in (job.grad, job.hess) if arrays is not None]
        pred, target = (x.copy() if any(np.shares_memory(x, y) for y in written) else x for x in (pred, target))
    outcomes: list[tuple[float, int]] = []
    for place in asked or [0]:
        part = dataclasses.replace(
            job,
            value=None if outcomes else job.value,
            grad=None if job.grad is None else (job.grad[place],),
            hess=None if job.hess is None else (job.hess[place],),
        )
        outcomes.append(run(True, target, pred, part) if place else run(False, pred, target, part))
    return outcomes[0]
