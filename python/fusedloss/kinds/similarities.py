"""Losses of similarities between all vectors of a batch: a loss over rows, such as a cross-entropy, of row @ columns.T.

Design:
1. A block of rows has its similarities in a buffer, the loss over rows writes its gradient over them, and two products
   make from that the gradients of what was multiplied. The matrix of all similarities is never there: memory beside the
   results grows with the vectors and one block.
2. Products are NumPy's, as fast as its BLAS; the loss over rows is an existing one, kernel and all.
3. A vector that is compared with all others is no neighbour of its own: its logit is -inf, whose probability is 0.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from .kind import Batch, Kind, Pass, sum_of_weights, weight_of
from .linear import _without_silent
from .rows import RowBatch, Rows
from .unit_vectors import UnitVectors

BLOCK_BYTES = 16 << 20
"""Of a block of similarities."""


@dataclasses.dataclass(slots=True)
class Compared(Batch):
    """Checked operands, put together.

    Attributes:
        rows: Each of which is an item, (items, dimensions): names of operands, one after the other.
        columns: What they are compared with, in the same way.
        item_rows: The place among the rows of each item in C order; None if they are in order.
        codes: Of losses with labels the class of each vector, counted from 0.
        counts: And how many others of the same class there are.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    item_rows: Array | None = None
    codes: Array | None = None
    counts: Array | None = None


class Compares(Kind):
    """Vectors of one array are compared with all those of another one, or with all others of their own.

    Options `temperature`, which divides similarities, and `normalize` are those of the losses that have them.
    """

    orders = ("value", "grad")

    _rows: ClassVar[Rows]  # each loss has its own, as with the plan

    # ---- What a loss provides ----

    def of_rows(self) -> Rows:
        """The loss of the similarities of a row with all columns; its reduction is not used."""
        raise NotImplementedError

    def targets(self, batch: Compared, rows: slice) -> Array:
        """What the rows should be like: for each the label, or a distribution."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_rows", self.of_rows())

    def _total(self, batch: Batch, weight: Array | None) -> float:
        assert isinstance(batch, Compared)
        return sum_of_weights(self._counted(batch, weight), batch.shape)

    @staticmethod
    def _counted(batch: Compared, weight: Array | None) -> Array | None:
        """The weights, 0 for items that have nothing to be compared with."""
        if batch.counts is None:
            return weight
        there = batch.counts > 0
        return there.astype(np.float64) if weight is None else np.where(there, weight, 0.0)

    def _checked_run(self, batch: Batch, job: Pass, given_weight: ArrayLike | None) -> float:
        checks.not_negative(job.weight, given_weight)
        assert isinstance(batch, Compared)
        return super()._checked_run(batch, dataclasses.replace(job, weight=self._counted(batch, job.weight)), None)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_blocks(batch, job, self._rows._run, batch.dtype)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_blocks(batch, job, self._rows._run_reference, np.dtype(np.float64))

    def _run_blocks(self, batch: Batch, job: Pass, run: Any, dtype: np.dtype[Any]) -> tuple[float, int]:
        """Runs a pass, block by block.

        Args:
            batch: The operands.
            job: What to compute.
            run: Runs a pass of the loss over rows.
            dtype: The precision of products and of the loss.
        """
        assert isinstance(batch, Compared)
        names = batch.rows + tuple(name for name in batch.columns if name not in batch.rows)
        vectors = {name: self._vectors_of(batch.variables[name], dtype) for name in names}
        itself = batch.rows == batch.columns

        def joined(which: tuple[str, ...]) -> Array:
            arrays = [vectors[name].rows for name in which]
            return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

        rows = joined(batch.rows)
        columns = rows if itself else joined(batch.columns)

        def ordered(x: Array | None) -> Array | None:
            return x if x is None or batch.item_rows is None else x.ravel()[np.argsort(batch.item_rows)]

        weight, cotangent = ordered(job.weight), ordered(job.cotangent)
        values = None if job.value is None else np.empty(len(rows), dtype)
        found = None if job.grad is None else (np.empty_like(rows), np.zeros_like(columns))
        totals = []
        factor = 1 / self.options.get("temperature", 1.0)
        for block, logits in similarities(rows, columns, factor):
            if itself:
                own = np.arange(block.start, block.stop)
                logits[own - block.start, own] = -np.inf
            target = self.targets(batch, block)
            shape = logits.shape[:1]
            part = dataclasses.replace(
                job,
                weight=None if weight is None else weight[block],
                cotangent=None if cotangent is None else cotangent[block],
                value=None if values is None else values[block],
                grad=None if found is None else (logits,),
            )
            here = RowBatch(shape, (logits, target), {}, dtype, 1, logits.shape[1], target.ndim == 1)
            total, bad = run(here, part)
            if bad >= 0:
                return 0.0, bad
            totals.append(total)
            if found is not None:
                pull(rows, columns, block, logits, factor, *found)
        if job.value is not None and values is not None:
            job.value[...] = (values if batch.item_rows is None else values[batch.item_rows]).reshape(batch.shape)
        if found is not None:
            self._hand_out(batch, job, vectors, itself, *found)
        return math.fsum(totals) if all(map(math.isfinite, totals)) else sum(totals), -1

    def _vectors_of(self, x: Array, dtype: np.dtype[Any]) -> UnitVectors:
        if self.options.get("normalize"):
            return UnitVectors.of(x, dtype)
        return UnitVectors(np.ascontiguousarray(x, dtype), np.ones(()))

    def _hand_out(
        self,
        batch: Compared,
        job: Pass,
        vectors: dict[str, UnitVectors],
        itself: bool,
        by_rows: Array,
        by_columns: Array,
    ) -> None:
        """Gradients by what was compared become those by the operands."""
        parts: dict[str, list[Array]] = {}
        if itself:
            by_rows += by_columns
        for which, grad in ((batch.rows, by_rows), (batch.columns, by_columns))[: 1 if itself else 2]:
            ends = np.cumsum([len(vectors[name].rows) for name in which])
            for name, piece in zip(which, np.split(grad, ends[:-1]), strict=True):
                parts.setdefault(name, []).append(piece)
        for name, to in zip(batch.variables, job.grad or (), strict=True):
            if to is not None:
                whole = sum(parts[name][1:], parts[name][0])
                to[...] = vectors[name].pull(whole) if self.options.get("normalize") else whole


def blocks(rows: int, columns: int, dtype: np.dtype[Any]) -> Iterator[tuple[slice, Array]]:
    """Stretches of rows, and a buffer for each, which the next one takes again."""
    size = max(1, BLOCK_BYTES // max(1, columns * dtype.itemsize))
    buffer = np.empty((min(size, rows), columns), dtype)
    for first in range(0, rows, size):
        block = slice(first, min(first + size, rows))
        yield block, buffer[: block.stop - block.start]


def similarities(rows: Array, columns: Array, factor: float) -> Iterator[tuple[slice, Array]]:
    """Blocks of factor * rows @ columns.T: which rows, and a buffer that the next block takes again."""
    for block, logits in blocks(len(rows), len(columns), rows.dtype):
        np.matmul(rows[block] * rows.dtype.type(factor), columns.T, out=logits)
        yield block, logits


def pull(
    rows: Array, columns: Array, block: slice, slopes: Array, factor: float, by_rows: Array, by_columns: Array
) -> None:
    """From the gradient by a block of similarities, writes that by its rows, and adds that by the columns."""
    scale = rows.dtype.type(factor)
    own = _without_silent(rows[block], slopes)
    by_rows[block] = slopes @ columns
    by_rows[block] *= scale
    by_columns += slopes.T @ (own * scale)


def matrix(x: ArrayLike, name: str) -> Array:
    """An operand of vectors."""
    array = checks.floating(x, name)
    if array.ndim != 2:
        raise ValueError(f"{name} must have shape (vectors, dimensions), got {array.shape}")
    return array


def two_matrices(operands: tuple[ArrayLike, ...], names: tuple[str, ...], further: bool = False) -> dict[str, Array]:
    """Two operands of vectors that belong together; of the second one there may be `further` ones."""
    first, second = (matrix(x, name) for x, name in zip(operands, names, strict=True))
    if not further:
        checks.same_shape(second, first.shape, names[1], names[0])
    elif second.shape[1] != first.shape[1] or len(second) < len(first):
        raise ValueError(
            f"{names[1]} must have the dimensions of {names[0]} and at least as many vectors, as {names[0]} has shape "
            f"{first.shape}; got {second.shape}"
        )
    return {names[0]: first, names[1]: second}


def classes(labels: ArrayLike, count: int | None) -> tuple[Array, Array]:
    """Labels counted from 0, and how many others of its class each vector has."""
    given = checks.array(labels, "labels")
    given = checks.labels(given if given.size else given.astype(np.int64), "labels")  # an empty list is of floats
    if count is not None and given.shape != (count,):
        raise ValueError(f"labels must have shape ({count},), one for each vector of embeddings, got {given.shape}")
    checks.one_axis(given, "labels")
    _, codes, counts = np.unique(given, return_inverse=True, return_counts=True)
    return codes.reshape(given.shape), counts[codes] - 1


class ComparesViews(Compares):
    """Two operands: a row's own column is that of the same number."""

    further: ClassVar[bool] = False
    """Whether there may be columns that belong to no row."""

    def _batch(self, operands: tuple[ArrayLike, ...]) -> Compared:
        variables = two_matrices(operands, self.variables, self.further)
        rows, columns = variables
        dtype = checks.precision(np.result_type(*variables.values()))
        first = variables[rows]
        return Compared(first.shape[:1], tuple(variables.values()), variables, dtype, (rows,), (columns,))

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        shape = self._items(matrix(target, self.weighed))
        return weight_of(shape, sample_weight)

    @staticmethod
    def _items(x: Array) -> tuple[int, ...]:
        return x.shape[:1]

    def targets(self, batch: Compared, rows: slice) -> Array:  # noqa: D102
        return np.arange(rows.start, rows.stop)


class ComparesClasses(Compares):
    """Vectors and labels: a vector belongs with all others of its class; one that is alone in it is no item."""

    def _batch(self, operands: tuple[ArrayLike, ...]) -> Compared:
        embeddings = matrix(operands[0], "embeddings")
        codes, counts = classes(operands[1], len(embeddings))
        variables = {"embeddings": embeddings}
        names = ("embeddings",)
        dtype = checks.precision(embeddings.dtype)
        labels = checks.array(operands[1], "labels")
        return Compared(codes.shape, (embeddings, labels), variables, dtype, names, names, None, codes, counts)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        codes, counts = classes(target, None)
        weight = checks.sample_weight(sample_weight, codes.shape)
        checks.not_negative(weight, sample_weight)
        return (
            float((counts > 0).sum()) if weight is None else float(np.sum(weight, where=counts > 0, dtype=np.float64))
        )
