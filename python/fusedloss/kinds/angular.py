"""Losses over rows of scaled cosines between vectors and classes, of which that of a vector's own class is bent.

Design:
1. A block of rows has its cosines in a buffer; what stands for those of the own classes is put in, and the loss over
   rows, an existing one, writes its gradient over them.
2. What bends a cosine depends on the angle, and its derivative on the sine, of which nothing is left in a cosine close
   to 1. So each vector and its own class meet once more, in double: the sine is half the product of the lengths of
   their difference and sum (Kahan 2006, "How futile are mindless assessments of roundoff in floating-point
   computation?", section 12).
3. The derivative of a bent cosine by the cosine goes to infinity where the angle goes to 0, the tangent that it is
   multiplied with to 0. Both are multiplied in double, beside the products of all other classes.
4. At an angle of exactly 0 or pi there is no tangent, and of given cosines no derivative: that of the sine is taken as
   0 there.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from .all_pairs import add_at
from .kind import Batch, Kind, Pass, weight_of
from .rows import RowBatch, Rows
from .similarities import blocks, matrix, pull, similarities
from .unit_vectors import UnitVectors

ROUNDING = 1e-3
"""By how much a cosine that was given may be beyond 1."""


class AngularMargins(Kind):
    """An item is a vector, or a row of cosines."""

    orders = ("value", "grad")
    weights_first = True

    _rows: ClassVar[Rows]  # each loss has its own, as with the plan

    # ---- What a loss provides ----

    def of_rows(self) -> Rows:
        """The loss of the scaled cosines of a row; its reduction is not used."""
        raise NotImplementedError

    def factor(self) -> float:
        """What cosines are multiplied with."""
        raise NotImplementedError

    def bend(self, cosine: Array, sine: Array) -> tuple[Array, Array, Array]:
        """What stands for the cosine of the own class, and its derivatives by the cosine and by the sine."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_rows", self.of_rows())

    def _batch(self, operands: tuple[ArrayLike, ...]) -> Batch:
        embeddings = matrix(operands[0], "embeddings")
        variables = {"embeddings": embeddings}
        if len(operands) > 2:
            weight = matrix(operands[2], "weight")
            if weight.shape[1] != embeddings.shape[1]:
                raise ValueError(
                    f"weight must have shape (classes, {embeddings.shape[1]}), as embeddings has shape "
                    f"{embeddings.shape}; got {weight.shape}"
                )
            variables["weight"] = weight
        else:
            beyond = np.abs(embeddings) > 1 + ROUNDING
            if beyond.any():
                at = checks.index(int(np.argmax(beyond)), beyond.shape)
                raise ValueError(
                    f"embeddings without a weight are cosines and must be in [-1, 1], got {embeddings[at]} at {at}"
                )
        others = (variables["weight"],) if "weight" in variables else ()
        count = len(others[0]) if others else embeddings.shape[1]
        if count == 0:
            raise ValueError(f"there must be at least one class, got {'weight' if others else 'embeddings'} of none")
        labels = class_of_each(operands[1], len(embeddings), count)
        dtype = checks.precision(np.result_type(*variables.values()))
        return Batch(labels.shape, (embeddings, labels, *others), variables, dtype)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        shape = class_of_each(target, None, None).shape
        return weight_of(shape, sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_blocks(batch, job, self._rows._run, batch.dtype)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_blocks(batch, job, self._rows._run_reference, np.dtype(np.float64))

    def _run_blocks(self, batch: Batch, job: Pass, run: Any, dtype: np.dtype[Any]) -> tuple[float, int]:
        labels = batch.inputs[1].astype(np.intp)
        with np.errstate(all="ignore"):
            cosines = self._cosines(batch, job, labels, dtype)
            cosine, sine = cosines.own(labels)
            bent, by_cosine, by_sine = self.bend(cosine, sine)
            slope = by_cosine - by_sine * np.where(sine > 0, cosine / np.where(sine > 0, sine, 1.0), 0.0)

        totals = []
        for block, logits in cosines.scaled(self.factor()):
            own = np.arange(len(logits)), labels[block]
            logits[own] = self.factor() * bent[block]
            part = dataclasses.replace(
                job,
                weight=None if job.weight is None else job.weight[block],
                cotangent=None if job.cotangent is None else job.cotangent[block],
                value=None if job.value is None else job.value[block],
                grad=None if job.grad is None else (logits,),
            )
            here = RowBatch(logits.shape[:1], (logits, labels[block]), {}, dtype, 1, logits.shape[1], True)
            total, bad = run(here, part)
            if bad >= 0:
                return 0.0, block.start + bad
            totals.append(total)
            if job.grad is not None:
                steep = self.factor() * logits[own].astype(np.float64)
                logits[own] = 0
                with np.errstate(all="ignore"):
                    cosines.pull(block, logits, self.factor(), own, np.where(steep != 0, steep * slope[block], 0.0))
        if job.grad is not None:
            cosines.finish()
        return math.fsum(totals) if all(map(math.isfinite, totals)) else sum(totals), -1

    @staticmethod
    def _cosines(batch: Batch, job: Pass, labels: Array, dtype: np.dtype[Any]) -> Given | OfVectors:
        if "weight" in batch.variables:
            return OfVectors.of(batch.inputs[0], batch.inputs[2], labels, dtype, job.grad)
        return Given(batch.inputs[0], dtype, None if job.grad is None else job.grad[0])


def class_of_each(labels: ArrayLike, count: int | None, classes: int | None) -> Array:
    """Labels that number classes, one for each vector; without the numbers of vectors or classes, as many as there are.

    Raises:
        IndexError: A label is no class.
        TypeError: They are not integers.
        ValueError: There are more or fewer than vectors.
    """
    given = checks.array(labels, "labels")
    given = checks.labels(given if given.size else given.astype(np.int64), "labels")  # an empty list is of floats
    if count is not None and given.shape != (count,):
        raise ValueError(f"labels must have shape ({count},), one for each vector of embeddings, got {given.shape}")
    checks.one_axis(given, "labels")
    if classes is not None:
        checks.labels_in_range(given, classes, None, "labels")
    return given


@dataclasses.dataclass(slots=True)
class Given:
    """Cosines that were given.

    Attributes:
        cosines: (samples, classes).
        dtype: The precision of blocks.
        grad: Takes the gradient; it may be `cosines` itself.
    """

    cosines: Array
    dtype: np.dtype[Any]
    grad: Array | None

    def own(self, labels: Array) -> tuple[Array, Array]:
        """Those of the own classes, and their sines."""
        cosine = self.cosines[np.arange(len(labels)), labels].astype(np.float64)
        rest = (1 - cosine) * (1 + cosine)
        return cosine, np.sqrt(np.where(rest < 0, 0.0, rest))

    def scaled(self, factor: float) -> Iterator[tuple[slice, Array]]:
        """Blocks of cosines times a factor: which rows, and a buffer that the next block takes again."""
        for block, logits in blocks(len(self.cosines), self.cosines.shape[1], self.dtype):
            np.multiply(self.cosines[block], self.dtype.type(factor), out=logits, dtype=self.dtype)
            yield block, logits

    def pull(self, block: slice, slopes: Array, factor: float, own: tuple[Array, Array], steep: Array) -> None:
        """Writes the gradient of a block, from that by scaled cosines, 0 at the own classes, and that by their own."""
        slopes *= self.dtype.type(factor)
        slopes[own] = steep
        if self.grad is not None:
            self.grad[block] = slopes

    def finish(self) -> None:
        """All is written."""


@dataclasses.dataclass(slots=True)
class OfVectors:
    """Cosines between vectors and classes.

    Attributes:
        rows: The vectors, brought to length 1.
        columns: Those of the classes.
        near: The unit vectors in double, and those of their own classes.
        angles: The cosines and sines between these.
        grads: Take the gradients by vectors and classes.
        sums: Gradients by unit vectors.
    """

    rows: UnitVectors
    columns: UnitVectors
    near: tuple[Array, Array]
    angles: tuple[Array, Array]
    grads: tuple[Array | None, ...]
    sums: tuple[Array, Array]

    @classmethod
    def of(cls, vectors: Array, weight: Array, labels: Array, dtype: Any, grads: Any) -> OfVectors:
        """Of given vectors."""
        rows, columns = UnitVectors.of(vectors, dtype), UnitVectors.of(weight, dtype)
        x, y = (UnitVectors.of(z, np.dtype(np.float64)) for z in (vectors, weight[labels]))
        apart, together = (np.linalg.norm(z, axis=1) for z in (x.rows - y.rows, x.rows + y.rows))
        there = ((x.length != 0) & (y.length != 0))[:, 0]
        angles = (together - apart) * (together + apart) / 4, np.where(there, apart * together / 2, 1.0)
        sums = (np.zeros_like(rows.rows), np.zeros_like(columns.rows)) if grads else (np.zeros(0), np.zeros(0))
        return cls(rows, columns, (x.rows, y.rows), angles, grads or (), sums)

    def own(self, labels: Array) -> tuple[Array, Array]:
        """Those of the own classes, and their sines."""
        return self.angles

    def scaled(self, factor: float) -> Iterator[tuple[slice, Array]]:
        """Blocks of cosines times a factor: which rows, and a buffer that the next block takes again."""
        return similarities(self.rows.rows, self.columns.rows, factor)

    def pull(self, block: slice, slopes: Array, factor: float, own: tuple[Array, Array], steep: Array) -> None:
        """Adds the gradient of a block, from that by scaled cosines, 0 at the own classes, and that by their own."""
        by_rows, by_columns = self.sums
        pull(self.rows.rows, self.columns.rows, block, slopes, factor, by_rows, by_columns)
        x, y = (z[block] for z in self.near)
        cosine, counts = self.angles[0][block, np.newaxis], (steep != 0)[:, np.newaxis]
        steep = steep[:, np.newaxis]
        by_rows[block] += np.where(counts, steep * (y - cosine * x), 0.0)
        add_at(by_columns, own[1], np.where(counts, steep * (x - cosine * y), 0.0))

    def finish(self) -> None:
        """Hands the gradients by what was given out."""
        for units, grad, to in zip((self.rows, self.columns), self.sums, self.grads, strict=False):
            if to is not None:
                moves = np.any(grad, axis=1, keepdims=True)
                to[...] = np.where(moves, units.pull(grad), 0.0)
