"""Losses over rows of logits that a linear layer gives, hidden @ weight.T + bias, without the array of all logits.

Design:
1. A chunk of rows has its logits in a buffer, the loss over rows writes its gradient over them, and from that come the
   gradients of the operands. The chunk is read by three products, so that it need not stay in a cache: a long one is
   better, as each adds to all of weight's gradient once.
2. What is taken beside the results are that buffer and one for a block of weight's gradient, both of bounded size.
3. Products are NumPy's, as fast as its BLAS. BLAS reads whatever lies in rows or columns of the arithmetic's precision;
   of anything else a block is copied at a time, since NumPy would copy all or go without BLAS.
4. Items that do not count are left out of products or stand in them as zeros: 0 times NaN would not be 0.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from ..options import AutoCount, option
from .kind import Batch, Kind, Pass
from .rows import RowBatch, RowOptions, Rows

CHUNK_BYTES = 48 << 20
"""Of a chunk's logits, rows of hidden and their gradient: half of it makes a call with 512 features 6% longer, twice of
it 2% shorter."""
BLOCK_BYTES = 4 << 20
"""Of a block of weight or of its gradient."""


@dataclasses.dataclass(slots=True)
class LinearBatch(Batch):
    """Checked operands (hidden, weight, target) or (hidden, weight, target, bias).

    Attributes:
        logits: What the loss over rows makes of the target and of logits that take no memory.
    """

    logits: RowBatch


class LinearRows(RowOptions, Kind):
    """An item is a row of hidden: its logits are weight @ row + bias."""

    chunk: int | str = option(default="auto", accepts=AutoCount())

    orders = ("value", "grad")
    weights_first = True

    _rows: ClassVar[Rows]  # each loss has its own, as with the plan

    # ---- What a loss provides ----

    def of_logits(self) -> Rows:
        """The loss of logits along the last axis; its reduction is not used."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_rows", self.of_logits())

    def _batch(self, operands: tuple[ArrayLike, ...]) -> LinearBatch:
        hidden, weight = _variable(operands[0], "hidden"), _variable(operands[1], "weight")
        if hidden.ndim == 0:
            raise ValueError("hidden must have a last axis of features, got a single number")
        shape, features = hidden.shape[:-1], hidden.shape[-1]
        if weight.ndim != 2 or weight.shape[1] != features:
            hint = "; use weight.T" if weight.ndim == 2 and weight.shape[0] == features else ""
            raise ValueError(
                f"weight must have shape (classes, {features}), as hidden has shape {hidden.shape}; "
                f"got {weight.shape}{hint}"
            )
        classes = weight.shape[0]
        if classes == 0:
            raise ValueError(f"weight must have at least one class, got shape {weight.shape}")
        if self.class_weight is not None and self.class_weight.size != classes:
            raise ValueError(f"class_weight has {self.class_weight.size} entries, but weight has {classes} classes")
        variables = {"hidden": hidden, "weight": weight}
        if len(operands) > 3:
            variables["bias"] = _variable(operands[3], "bias")
            if variables["bias"].shape != (classes,):
                raise ValueError(
                    f"bias must have shape ({classes},), one number for each class of weight; "
                    f"got {variables['bias'].shape}"
                )
        target = checks.array(operands[2], "target")
        if target.shape not in (shape, (*shape, classes)):
            raise ValueError(
                f"target must have shape {shape} (labels) or {(*shape, classes)} (distributions), got {target.shape}"
            )
        wide = any(array.dtype == np.float64 for array in variables.values())
        dtype = np.dtype(np.float64 if wide else np.float32)
        logits = self._rows._batch((np.broadcast_to(np.zeros((), dtype), (*shape, classes)), target))
        assert isinstance(logits, RowBatch)
        inputs = (hidden, weight, logits.inputs[1], *(variables[name] for name in ("bias",) if name in variables))
        return LinearBatch(shape, inputs, variables, dtype, logits)

    def _total(self, batch: Batch, weight: Array | None) -> float:
        assert isinstance(batch, LinearBatch)
        return self._rows._total(batch.logits, weight)

    def _weight_total(self, target: ArrayLike, sample_weight: ArrayLike | None) -> float:
        return self._rows._weight_total(target, sample_weight)

    def _place(self, batch: Batch, job: Pass, wanted: Sequence[str], out: Any, out_hess: Any) -> None:
        super()._place(batch, job, wanted, out, out_hess)
        for (name, operand), array in zip(batch.variables.items(), job.grad or (), strict=False):
            if array is not None and name != "hidden":  # every chunk reads them
                checks.no_overlap(array, "out", [(name, operand)])

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_chunks(batch, job, self._rows._run, batch.dtype)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_chunks(batch, job, self._rows._run_reference, np.dtype(np.float64))

    def _run_chunks(self, batch: Batch, job: Pass, run: Any, dtype: np.dtype[Any]) -> tuple[float, int]:
        """Runs a pass, chunk by chunk.

        Args:
            batch: The operands.
            job: What to compute.
            run: Runs a pass of the loss over rows.
            dtype: The arithmetic's precision.
        """
        assert isinstance(batch, LinearBatch)
        hidden, weight, target = batch.inputs[:3]
        bias = batch.inputs[3].astype(dtype) if len(batch.inputs) > 3 else None
        grad_hidden, grad_weight, grad_bias = (*(job.grad or (None, None)), None)[:3]
        counts = self._counts(batch.logits, job.weight)
        rows = np.flatnonzero(counts)
        numbers = (1 if batch.logits.labels else 2) * len(weight) + 2 * weight.shape[1]  # a distribution may be copied
        chunk = self._chunk(rows.size, numbers * dtype.itemsize)
        buffer = _rows_apart(chunk, weight.shape[0], dtype)
        slope = np.zeros(weight.shape[0])
        if job.value is not None:
            job.value[...] = 0
        if grad_weight is not None and not rows.size:
            grad_weight[...] = 0

        totals = []
        for first in range(0, rows.size, chunk):
            at = _index(rows[first : first + chunk], batch.shape)
            h = np.ascontiguousarray(hidden[at], dtype)
            z = buffer[: len(h)]
            for classes, w in _blocks(weight, dtype):
                np.matmul(h, w.T, out=z[:, classes])
            if bias is not None:
                z += bias

            here = dataclasses.replace(
                batch.logits, shape=z.shape[:1], inputs=(z, target[at]), variables={"pred": z}, dtype=dtype, axis=1
            )
            part = dataclasses.replace(
                job,
                weight=None if job.weight is None else job.weight[at],
                cotangent=None if job.cotangent is None else job.cotangent[at],
                value=None if job.value is None else np.empty(len(h), dtype),
                grad=None if job.grad is None else (z,),
            )
            total, bad = run(here, part)
            if bad >= 0:
                return 0.0, int(rows[first + bad])
            totals.append(total)
            if job.value is not None:
                job.value[at] = part.value

            if grad_bias is not None:
                slope += np.sum(z, axis=0)
            if grad_weight is not None:
                _add_product(z, _without_silent(h, z), grad_weight, begin=first == 0)
            if grad_hidden is not None:
                product = np.empty(h.shape, dtype)
                for number, (classes, w) in enumerate(_blocks(weight, dtype)):
                    if number == 0:
                        np.matmul(z[:, classes], w, out=product)
                    else:
                        product += z[:, classes] @ w
                grad_hidden[at] = _without_silent(product, z)  # last: it may lie where h does

        if grad_hidden is not None and rows.size < counts.size:
            grad_hidden[_index(np.flatnonzero(~counts), batch.shape)] = 0
        if grad_bias is not None:
            grad_bias[...] = slope
        return math.fsum(totals), -1

    def _counts(self, logits: RowBatch, weight: Array | None) -> Array:
        """Whether a row may count, in C order: others need no logits."""
        counts = np.ones(logits.shape, dtype=bool) if weight is None else weight != 0
        if logits.labels and self.ignore_index is not None:
            counts = counts & (logits.inputs[1] != self.ignore_index)
        return counts.ravel()

    def _chunk(self, rows: int, row_bytes: int) -> int:
        """How many rows a chunk has: as many as given, or as fit; then all chunks are of about one length."""
        if isinstance(self.chunk, int):
            return max(1, min(self.chunk, rows))
        chunks = -(-rows // max(1, CHUNK_BYTES // row_bytes))
        return -(-rows // chunks) if chunks else 1


def _variable(x: ArrayLike, name: str) -> Array:
    """An operand with a gradient, which is added up in its own precision."""
    array = checks.floating(x, name)
    if array.dtype.itemsize < 4:
        raise TypeError(f"{name} must be float32 or float64, got {array.dtype}; use {name}.astype(np.float32)")
    return array


def _index(rows: Array, shape: tuple[int, ...]) -> Any:
    """What picks items by their numbers in C order: a slice where it can be one, as that copies nothing."""
    if not shape:
        return np.newaxis
    if len(shape) == 1 and rows[-1] - rows[0] + 1 == rows.size:
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return np.unravel_index(rows, shape)


def _rows_apart(rows: int, columns: int, dtype: np.dtype[Any]) -> Array:
    """An array whose rows are not whole pages apart: the caches would have few places for a column of it."""
    page, line = 4096 // dtype.itemsize, 64 // dtype.itemsize
    return np.empty((rows, columns if columns % page else columns + line), dtype)[:, :columns]


def _blocks(matrix: Array, dtype: np.dtype[Any]) -> Iterator[tuple[slice, Array]]:
    """A matrix as blocks of rows that BLAS can read: as a whole, if it can."""
    if matrix.dtype == dtype and _read_by_blas(matrix):
        yield slice(0, len(matrix)), matrix
        return
    for rows in _block_rows(matrix.shape, dtype):
        yield rows, np.ascontiguousarray(matrix[rows], dtype)


def _read_by_blas(matrix: Array) -> bool:
    """Whether its rows or its columns lie together, and apart by whole elements."""
    item, (rows, columns) = matrix.itemsize, matrix.shape
    by_row, by_column = matrix.strides
    in_rows = by_column == item and by_row >= item * columns and by_row % item == 0
    in_columns = by_row == item and by_column >= item * rows and by_column % item == 0
    return matrix.flags.aligned and (in_rows or in_columns)


def _block_rows(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[slice]:
    """Which rows of a matrix of that shape are in which block."""
    size = max(1, BLOCK_BYTES // (max(1, shape[1]) * dtype.itemsize))
    for first in range(0, shape[0], size):
        yield slice(first, min(first + size, shape[0]))


def _add_product(z: Array, h: Array, total: Array, *, begin: bool) -> None:
    """Adds z.T @ h to a total, or begins it so."""
    blocks = list(_block_rows(total.shape, h.dtype))
    buffer = np.empty((blocks[0].stop, h.shape[1]), h.dtype)
    for classes in blocks:
        product = np.matmul(z[:, classes].T, h, out=buffer[: classes.stop - classes.start])
        if begin:
            total[classes] = product
        else:
            total[classes] += product


def _without_silent(rows: Array, z: Array) -> Array:
    """The rows, 0 where all of z is: such an item adds nothing, even where it is NaN."""
    if np.isfinite(rows).all():
        return rows
    speaks = np.any(z, axis=1, keepdims=True)
    return np.where(speaks, rows, rows.dtype.type(0))
