"""Losses that act element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from .kind import Batch, Kind, Pass


class Elementwise(Kind):
    """The items are the elements of the first operand; the others have its shape."""

    hessians = ("exact", "unit")
    adds = True

    # ---- What a loss provides ----

    def reference(self, *inputs: Array) -> tuple[Any, Any, Any]:
        """The specification: value, first and second derivative of each item.

        Args:
            inputs: In float64: the variables, the other operands, the parameters.

        Returns:
            With several variables, the first derivatives as a tuple, and the second ones as that of the upper triangle
            of the Hessian, row by row: for two variables (aa, ab, bb).
        """
        raise NotImplementedError

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        """Name and options of the extension's kernel."""
        raise NotImplementedError

    def parameters(self) -> tuple[float | Array, ...]:
        """Options that enter item by item, behind the operands: numbers, or arrays along the last axis."""
        return ()

    def ignored(self) -> float | None:
        """A target that takes its item out."""
        return None

    def focal_form(self) -> tuple[float, float, float, float] | None:
        """Gamma, smoothing, weights of the positive and the negative term, if it is a binary focal loss of logits."""
        return None

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        parameters = self.parameters()
        scalars = tuple(float(p) for p in parameters if not isinstance(p, np.ndarray))
        plain = len(scalars) == len(parameters) and self.ignored() is None
        plain &= len(self.operands) == 2 and len(self.variables) == 1
        return backend.plan(*self.kernel(), self.reduction, scalars if plain else None)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> Batch:
        first = checks.floating(operands[0], self.operands[0])
        arrays = [first]
        for name, operand in zip(self.operands[1:], operands[1:], strict=True):
            array = checks.floating(operand, name) if name in self.variables else checks.array(operand, name)
            arrays.append(self._aligned(array, first.shape, name))
        given = dict(zip(self.operands, arrays, strict=True))
        inputs = [given[name] for name in self._inputs()]
        inputs += [self._spread(parameter, first.shape) for parameter in self.parameters()]
        variables = {name: given[name] for name in self.variables}
        return Batch(first.shape, tuple(inputs), variables, checks.precision(first.dtype))

    def _inputs(self) -> tuple[str, ...]:
        """The operands in the order of the kernel's inputs: variables come first."""
        return (*self.variables, *(name for name in self.operands if name not in self.variables))

    def _aligned(self, operand: Array, shape: tuple[int, ...], name: str) -> Array:
        """An operand as a view of the items' shape."""
        checks.same_shape(operand, shape, name, self.operands[0])
        return operand

    def _spread(self, parameter: float | Array, shape: tuple[int, ...]) -> Array:
        """A parameter as a view of the items' shape."""
        if isinstance(parameter, np.ndarray) and (not shape or shape[-1] != parameter.size):
            raise ValueError(
                f"{self.operands[0]} must have a last axis of length {parameter.size}, that of an option of "
                f"{type(self).__name__}, got shape {shape}"
            )
        return np.broadcast_to(np.asarray(parameter, dtype=np.float64), shape)

    def _total(self, batch: Batch, weight: Array | None) -> float:
        return self._weights(batch.shape, weight, batch.inputs[1] if len(self.operands) > 1 else None)

    def _weights(self, shape: tuple[int, ...], weight: Array | None, target: Array | None) -> float:
        ignore = self.ignored()
        if weight is None and ignore is None:
            return float(math.prod(shape))
        if backend.compiled():
            return backend.core.total_weight(shape, weight, target if ignore is not None else None, ignore)
        total = np.broadcast_to(np.float64(1.0) if weight is None else weight, shape).astype(np.float64)
        if ignore is not None and target is not None:
            total[_equal(target, ignore)] = 0.0
        return float(total.sum())

    def _weight_total(self, target: ArrayLike, sample_weight: ArrayLike | None) -> float:
        array = checks.array(target, "target")
        weight = checks.sample_weight(sample_weight, array.shape)
        checks.not_negative(weight, sample_weight)
        return self._weights(array.shape, weight, array)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return backend.core.run(
            self._plan,
            job.outputs,
            int(batch.dtype == np.float64),
            batch.inputs,
            job.weight,
            job.cotangent,
            job.vector,
            job.value,
            job.grad,
            job.hess,
            job.scale,
            job.hess_floor,
            job.hess_ceiling,
            self.ignored(),
            job.adds,
        )

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        with np.errstate(all="ignore"):
            inputs = [x.astype(np.float64) for x in batch.inputs]
            weight = np.ones(batch.shape) if job.weight is None else job.weight.astype(np.float64)
            valid = weight >= 0
            ignore = self.ignored()
            if ignore is not None:
                weight[_equal(inputs[1], ignore)] = 0.0
            domain = self.domain
            for x, name in zip(batch.inputs, self._inputs(), strict=False):
                if name in domain:
                    valid &= domain[name].contains(x.astype(batch.dtype)) | (weight == 0)
            if not valid.all():
                return 0.0, int(np.argmin(valid))
            value, d1, d2 = self._derivatives(job.outputs, inputs)
            if len(self.variables) == 1:
                d1, d2 = (d1,), (d2,)
            rounded = [[x.astype(batch.dtype).astype(np.float64) for x in each] for each in ((value,), d1, d2)]
            (value,), grad, hess = rounded
            if job.vector is not None:
                grad = _times(hess, [v.astype(np.float64) for v in job.vector])
            return job.finish(weight, value, grad, [hess[k] for k in _diagonal(len(grad))]), -1

    def _derivatives(self, outputs: int, inputs: list[Array]) -> tuple[Any, Any, Any]:
        """What the reference gives; a loss may leave out what `outputs` does not ask for."""
        return self.reference(*inputs)

    def _fault(self, batch: Batch, at: tuple[int, ...]) -> ValueError | None:
        for x, name in zip(batch.inputs, self._inputs(), strict=False):
            if name in self.domain and (error := checks.outside(x, name, self.domain[name], at, batch.dtype)):
                return error
        return None


def constant(number: float, x: Array) -> Array:
    """A number for every element, but NaN where `x` is: what a reference gives where it is flat."""
    return np.where(np.isnan(x), x, number)


def _times(hess: list[Array], vector: list[Array]) -> list[Array]:
    """Hessians, given by their upper triangles row by row, times vectors."""
    n = len(vector)
    first = [k - i for i, k in enumerate(_diagonal(n))]  # where column 0 of a row would be

    def entry(i: int, j: int) -> Array:
        return hess[first[min(i, j)] + max(i, j)]

    return [sum((entry(i, j) * vector[j] for j in range(1, n)), entry(i, 0) * vector[0]) for i in range(n)]


def _diagonal(n: int) -> list[int]:
    """Where the diagonal of an n x n matrix stands in its upper triangle, row by row."""
    return [i * n - i * (i - 1) // 2 for i in range(n)]


def times(weight: Array, x: Array) -> Array:
    """The product with 0 inf = 0: a term of weight 0 is not there."""
    return np.where((weight == 0) & ~np.isnan(x), 0.0, weight * x)


def _equal(x: Array, value: float) -> Array:
    """Where an array has a value; NaN equals NaN."""
    return np.isnan(x.astype(np.float64)) if value != value else np.asarray(x == value)
