"""Elementwise losses computed in NumPy, block by block, so that what they need besides operands fits a cache.

Blocks are dealt out to threads; NumPy's own functions run at once, others take turns.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .. import backend
from .kind import Batch, Pass

BLOCK = 1 << 14
"""Items: 128 KB for each array of float64."""
BLOCKS_PER_TASK = 8

Run = Callable[[Batch, Pass], tuple[float, int]]


def run_in_blocks(batch: Batch, job: Pass, run: Run) -> tuple[float, int]:
    """Runs a pass over elements that is written in NumPy.

    Args:
        batch: Operands of the items' shape.
        job: What to compute.
        run: Runs a pass over a batch of `BLOCK` items at most.

    Returns:
        The weighted sum, and the first invalid item (C order) or -1.
    """
    size = math.prod(batch.shape)
    if size <= BLOCK:
        return run(batch, job)
    task = BLOCK * BLOCKS_PER_TASK
    starts = range(0, size, task)

    def run_task(start: int) -> list[tuple[float, int]]:
        found = []
        arrays = _Arrays(batch, job)
        written = "readwrite" if job.adds else "writeonly"
        access: list[Any] = [["readonly"]] * arrays.read + [[written]] * (len(arrays.all) - arrays.read)
        blocks: Any = np.nditer(
            arrays.all,
            flags=["buffered", "external_loop", "ranged"],
            op_flags=access,
            order="C",
            buffersize=BLOCK,
        )
        blocks.iterrange = (start, min(start + task, size))
        at = start
        with blocks:
            for block in blocks:
                part, own = arrays.of_block(block)
                total, bad = run(part, own)
                found.append((total, at + bad if bad >= 0 else -1))
                at += block[0].size
        return found

    threads = min(backend.get_num_threads(), len(starts))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(run_task, starts))
    else:
        parts = [run_task(start) for start in starts]
    totals, bad = zip(*(block for part in parts for block in part), strict=True)
    finite = all(map(math.isfinite, totals))
    return math.fsum(totals) if finite else sum(totals), next((at for at in bad if at >= 0), -1)


class _Arrays:
    """All arrays of a pass, those that are read before those that are written."""

    def __init__(self, batch: Batch, job: Pass) -> None:
        self.batch, self.job = batch, job
        self.all: list[Any] = list(batch.inputs)
        self.slots: dict[str, Any] = {}
        for name in ("weight", "cotangent", "vector"):
            self._add(name)
        self.read = len(self.all)
        for name in ("value", "grad", "hess"):
            self._add(name)

    def _add(self, name: str) -> None:
        given = getattr(self.job, name)
        if isinstance(given, tuple):
            self.slots[name] = tuple(self._slot(array) for array in given)
        else:
            self.slots[name] = self._slot(given)

    def _slot(self, array: Any) -> int | None:
        if array is None:
            return None
        self.all.append(array)
        return len(self.all) - 1

    def of_block(self, block: Any) -> tuple[Batch, Pass]:
        """The pass over one block, given by a piece of each array."""

        def piece(slot: Any) -> Any:
            if isinstance(slot, tuple):
                return tuple(map(piece, slot))
            return None if slot is None else block[slot]

        inputs = tuple(block[: len(self.batch.inputs)])
        part = Batch(inputs[0].shape, inputs, {}, self.batch.dtype)
        return part, dataclasses.replace(self.job, **{name: piece(slot) for name, slot in self.slots.items()})
