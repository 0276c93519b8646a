"""Losses of vectors: a measure of what lies between two of them, and an elementwise loss of its values.

Design:
1. A measure gives a value for each pair of rows; a loss over elements, which knows of weights, reductions and targets,
   makes an item of it and says how steep it is there; from this number and the pair the measure makes both gradients.
   So the chain rule of a measure stands once, in the extension and in the reference.
2. The extension does all three for a stretch of vectors at a time, while these lie in a cache.
3. Values are in double whatever the precision of the vectors: a margin between two distances loses no digit.
4. A gradient that comes from two pairs is written by the first and added to by the next.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from .elementwise import Elementwise
from .kind import Batch, Kind, Pass, weight_of
from .unit_vectors import UnitVectors


class Measure(NamedTuple):
    """What lies between two vectors.

    Attributes:
        kernel: Name and options of the extension's kernel.
        values: The reference: of rows x and y.
        slopes: The reference: derivatives of these by x and by y.
    """

    kernel: tuple[str, tuple[float, ...]]
    values: Callable[[Array, Array], Array]
    slopes: Callable[[Array, Array], tuple[Array, Array]]


class Score(NamedTuple):
    """What the measure's values of all pairs come to: a constant, and values times factors.

    Attributes:
        offset: The constant.
        factors: Of the values of the first pair and, if there are more, of the second.
        nearest: Whether the value of a third pair stands for that of the second one where it is less.
    """

    offset: float = 0.0
    factors: tuple[float, ...] = (1.0,)
    nearest: bool = False

    def of(self, *values: Array) -> tuple[Array, tuple[Array | float, ...]]:
        """The score of items, and its derivatives by the values."""
        if not self.nearest:
            terms = (factor * value for factor, value in zip(self.factors, values, strict=True))
            return np.asarray(sum(terms, np.float64(self.offset))), self.factors
        near, far, other = values
        swapped = other < far
        score = self.offset + self.factors[0] * near + self.factors[1] * np.where(swapped, other, far)
        slope = self.factors[1]
        return score, (self.factors[0], np.where(swapped, 0.0, slope), np.where(swapped, slope, 0.0))


def _scaled(r: Array) -> tuple[Array, Array]:
    """Numbers brought near 1 row by row, by powers of two; and these."""
    top = np.max(np.abs(r), axis=-1, keepdims=True, initial=0.0)
    regular = (top > 0) & (top < np.inf)
    size = np.exp2(np.floor(np.log2(np.where(regular, top, 1.0))))
    return r / size, size


def _of_differences(p: float) -> Measure:
    """(sum |x - y|^p)^(1/p)."""

    def values(x: Array, y: Array) -> Array:
        r, size = _scaled(x - y)
        return np.asarray(size[..., 0] * np.sum(np.abs(r) ** p, axis=-1) ** (1 / p))

    def slopes(x: Array, y: Array) -> tuple[Array, Array]:
        r, _ = _scaled(x - y)
        length = np.sum(np.abs(r) ** p, axis=-1, keepdims=True) ** (1 / p)
        slope = np.sign(r) * (np.abs(r) / np.where(length == 0, 1.0, length)) ** (p - 1)
        return slope, -slope

    known = {1.0: ("l1_distance", ()), 2.0: ("l2_distance", ())}
    return Measure(known.get(p, ("lp_distance", (p,))), values, slopes)


def _squares(x: Array, y: Array) -> Array:
    return np.asarray(np.sum((x - y) ** 2, axis=-1))


def _square_slopes(x: Array, y: Array) -> tuple[Array, Array]:
    return 2 * (x - y), 2 * (y - x)


SQUARED = Measure(("sqeuclidean_distance", ()), _squares, _square_slopes)


def negative_cosine(eps: float) -> Measure:
    """-cos(x, y); vectors no longer than eps have no direction, and the cosine 0 with all others."""

    def parts(x: Array, y: Array) -> tuple[Array, Array, Array, Array, Array]:
        (u, of_x), (v, of_y) = _scaled(x), _scaled(y)
        length_x, length_y = (np.sqrt(np.sum(z * z, axis=-1, keepdims=True)) for z in (u, v))
        there = ~((length_x * of_x <= eps) | (length_y * of_y <= eps))
        length_x, length_y = np.where(there, length_x, 1.0), np.where(there, length_y, 1.0)
        u, v = u / length_x, v / length_y
        cosine = np.where(there, np.clip(np.sum(u * v, axis=-1, keepdims=True), -1, 1), 0.0)
        factors = np.where(there, 1 / length_x / of_x, 0.0), np.where(there, 1 / length_y / of_y, 0.0)
        return u, v, cosine, *factors

    def values(x: Array, y: Array) -> Array:
        return np.asarray(0.0 - parts(x, y)[2][..., 0])

    def slopes(x: Array, y: Array) -> tuple[Array, Array]:
        u, v, cosine, by_x, by_y = parts(x, y)
        return by_x * (cosine * u - v), by_y * (cosine * v - u)

    return Measure(("negative_cosine", (eps,)), values, slopes)


COSINE_EPS = 1e-8
"""Vectors that are no longer have no direction."""


def measure_of(distance: str | float) -> Measure:
    """The measure that an option names: a distance, or the order of a norm of the difference."""
    if distance == "sqeuclidean":
        return SQUARED
    if distance == "cosine":
        return negative_cosine(COSINE_EPS)
    return _of_differences({"l1": 1.0, "l2": 2.0}[distance] if isinstance(distance, str) else distance)


class Distance:
    """What an option that names a distance takes."""

    words: ClassVar[tuple[str, ...]] = ("l2", "sqeuclidean", "l1", "cosine")

    def check(self, value: Any) -> str | float:
        """The word, or the order of a norm as a float."""
        expected = f"must be {', '.join(map(repr, self.words))}, or the order of a norm, >= 1 and finite"
        if isinstance(value, str):
            if value not in self.words:
                raise ValueError(expected)
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise TypeError(expected)
        if not 1 <= value < math.inf:
            raise ValueError(expected)
        return float(value)


class Measured(Kind):
    """Vectors lie along the last axis; an option `normalize`, if a loss has it, says whether their length is made 1."""

    orders = ("value", "grad")

    _measure: ClassVar[Measure]  # each loss has its own, as with the plan
    _loss: ClassVar[Elementwise]

    # ---- What a loss provides ----

    def measure(self) -> Measure:
        """What is taken of each pair."""
        raise NotImplementedError

    def of_scores(self) -> Elementwise:
        """The loss of what `score` gives, and of the target; its reduction is not used."""
        raise NotImplementedError

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Between which vectors the measure is taken: places among the variables."""
        return ((0, 1),)

    def score(self) -> Score:
        """What the values of the pairs come to."""
        return Score()

    def target(self) -> float:
        """What stands for the target, if the loss has none."""
        return 1.0

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_measure", self.measure())
        object.__setattr__(self, "_loss", self.of_scores())
        return backend.plan(*self._measure.kernel, self.reduction, None)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> Batch:
        count, first = len(self.variables), self.variables[0]
        vectors = [checks.floating(x, name) for x, name in zip(operands, self.variables, strict=False)]
        if vectors[0].ndim == 0:
            raise ValueError(f"{first} must have a last axis of dimensions, got a single number")
        for x, name in zip(vectors[1:], self.variables[1:], strict=True):
            checks.same_shape(x, vectors[0].shape, name, first)
        shape = vectors[0].shape[:-1]
        others = [checks.array(x, name) for x, name in zip(operands[count:], self.operands[count:], strict=True)]
        for x, name in zip(others, self.operands[count:], strict=True):
            if x.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, one entry for each vector of {first}, got {x.shape}")
        variables = dict(zip(self.variables, vectors, strict=True))
        return Batch(shape, (*vectors, *others), variables, checks.precision(vectors[0].dtype))

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        given = checks.array(target, self.weighed)
        shape = given.shape[:-1] if self.weighed in self.variables else given.shape
        return weight_of(shape, sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        def run(vectors: list[Array], targets: Array, grads: list[Array | None] | None) -> tuple[float, int]:
            precision = int(any(x.dtype == np.float64 for x in vectors))
            given = job.weight, job.cotangent, job.value
            return backend.core.run_measures(
                self._plan,
                self._loss._plan,
                precision,
                vectors,
                self.pairs,
                *self.score(),
                targets,
                *given,
                grads,
                job.scale,
            )

        return self._prepared(batch, job, run)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        def run(vectors: list[Array], targets: Array, grads: list[Array | None] | None) -> tuple[float, int]:
            wide = [x.astype(np.float64) for x in vectors]
            with np.errstate(all="ignore"):
                score, parts = self.score().of(*(self._measure.values(wide[i], wide[j]) for i, j in self.pairs))
            slope = None if grads is None else np.empty(batch.shape)
            inner = dataclasses.replace(job, grad=None if slope is None else (slope,))
            total, bad = self._loss._run_reference(self._loss._batch((score, targets)), inner)
            if bad >= 0 or slope is None or grads is None:
                return total, bad
            sums = [np.zeros(x.shape) for x in wide]
            for (i, j), part in zip(self.pairs, parts, strict=True):
                factor = (slope * part)[..., np.newaxis]
                with np.errstate(all="ignore"):
                    for k, each in zip((i, j), self._measure.slopes(wide[i], wide[j]), strict=True):
                        sums[k] += np.where(factor != 0, factor * each, 0.0)
            for to, found in zip(grads, sums, strict=True):
                if to is not None:
                    to[...] = found
            return total, bad

        return self._prepared(batch, job, run)

    def _prepared(self, batch: Batch, job: Pass, run: Any) -> tuple[float, int]:
        """Runs a pass over vectors of length 1, if they are to be so, and with outputs that no operand lies in."""
        count = len(self.variables)
        grads = None if job.grad is None else list(job.grad)
        vectors = list(batch.inputs[:count])
        units: list[UnitVectors] = []
        if self.options.get("normalize"):
            units = [UnitVectors.of(x, np.dtype(np.float64)) for x in vectors]
            vectors = [unit.rows for unit in units]
            grads = None if grads is None else [None if x is None else np.empty(x.shape) for x in grads]
        elif grads is not None and len(self.pairs) > 1:
            # What a pair has written another one may not read; nor is it rounded in between.
            written = [x for x in grads if x is not None]
            grads = [x if x is None or x.itemsize >= 4 else np.empty(x.shape, np.float32) for x in grads]
            vectors = [x.copy() if any(np.may_share_memory(x, y) for y in written) else x for x in vectors]
        targets = batch.inputs[count] if len(batch.inputs) > count else np.broadcast_to(self.target(), batch.shape)
        found: tuple[float, int] = run(vectors, targets, grads)
        for k, (grad, to) in enumerate(zip(grads or (), job.grad or (), strict=True)):
            if grad is not None and to is not None and grad is not to:
                moves = np.any(grad, axis=-1, keepdims=True)
                to[...] = np.where(moves, units[k].pull(grad), 0.0) if units else grad
        return found

    def _fault(self, batch: Batch, at: tuple[int, ...]) -> ValueError | None:
        for x, name in zip(batch.inputs, self.operands, strict=True):
            if name in self.domain and (error := checks.outside(x, name, self.domain[name], at, batch.dtype)):
                return error
        return None
