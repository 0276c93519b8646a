"""What every call does, whatever the kind of loss: weights, reduction, cotangent, outputs.

Design:
1. A kind brings the operands into a Batch, adds up weights, and runs a Pass over it in one of two backends; all else is
   here, once.
2. Whatever can be checked is checked before a pass begins. The domain of float data is flagged within the pass: only
   then, and only for the item it names, the argument at fault is searched for.
3. A divisor or a cotangent of 0 means that no item counts: each gets the cotangent 0, which adds exactly 0 even where
   an operand is NaN; multiplying by 0 would not.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from ..backend import GRAD_HESS, HVP, VALUE, VALUE_GRAD, VALUE_GRAD_HESS
from ..base import Loss

if TYPE_CHECKING:
    from .sums import Sum

_NEEDS = {
    VALUE: ("value",),
    VALUE_GRAD: ("grad",),
    GRAD_HESS: ("grad", "hess"),
    VALUE_GRAD_HESS: ("grad", "hess"),
    HVP: ("hvp",),
}


@dataclass(slots=True)
class Batch:
    """Checked operands.

    Attributes:
        shape: That of the items.
        inputs: What a pass reads, in the kernel's order.
        variables: The operands that have a gradient, by name: arrays, or tuples of arrays.
        dtype: The arithmetic's precision.
    """

    shape: tuple[int, ...]
    inputs: tuple[Any, ...]
    variables: Mapping[str, Any]
    dtype: np.dtype[Any]


@dataclass(slots=True)
class Pass:
    """One pass over a batch: what multiplies what, and where results go.

    Attributes:
        outputs: Which results; a number of `backend`.
        weight: Of each item, as a view of the items' shape.
        cotangent: The same, for derivatives only.
        scale: Multiplies all derivatives.
        vector: What a Hessian is multiplied with, a vector a variable.
        value: Takes the weighted value of each item.
        grad: Takes the gradients, or the products with `vector`.
        hess: Takes the diagonals of the Hessians.
        hess_floor: Lower bound of an item's second derivative, before weights.
        hess_ceiling: Upper bound of it.
        hess_factor: Multiplies it before its bounds.
        hess_is_slope: Whether the size of the item's gradient stands in its place.
        extra: Takes by-products of each item, in the extension's order; None where one is not asked for.
        adds: Whether derivatives are added to what their arrays hold; for kinds that can.
    """

    outputs: int
    weight: Array | None
    cotangent: Array | None = None
    scale: float = 1.0
    vector: tuple[Any, ...] | None = None
    value: Array | None = None
    grad: tuple[Any, ...] | None = None
    hess: tuple[Any, ...] | None = None
    hess_floor: float = -math.inf
    hess_ceiling: float = math.inf
    hess_factor: float = 1.0
    hess_is_slope: bool = False
    extra: tuple[Array | None, ...] | None = None
    adds: bool = False

    def finish(self, weight: Array, value: Array, grad: Sequence[Array], hess: Sequence[Array]) -> float:
        """Writes the outputs of a pass in NumPy, from what the items would give by themselves.

        Args:
            weight: In float64; replaces the pass's own, as it knows of ignored items and class weights.
            value: One an item.
            grad: An array a variable, with the items' axes and what further axes an item has.
            hess: The same.

        Returns:
            The weighted sum.
        """
        kept = weight != 0
        items = np.where(kept, weight * value, 0.0)
        slope = weight * self.scale
        if self.cotangent is not None:
            slope = slope * self.cotangent.astype(np.float64)
        if self.value is not None:
            self.value[...] = items
        chosen = [np.abs(g) for g in grad] if self.hess_is_slope else [self.hess_factor * h for h in hess]
        bounded = tuple(np.where(h < self.hess_floor, self.hess_floor, h) for h in chosen)
        bounded = tuple(np.where(h > self.hess_ceiling, self.hess_ceiling, h) for h in bounded)
        for outputs, results in ((self.grad, grad), (self.hess, bounded)):
            for output, result in zip(outputs or (), results, strict=False):
                if output is not None:
                    further = (..., *[np.newaxis] * (result.ndim - slope.ndim))
                    derivative = np.where((kept & (slope != 0))[further], slope[further] * result, 0.0)
                    output[...] = output + derivative.astype(output.dtype) if self.adds else derivative
        return float(items.sum())


def sum_of_weights(weight: Array | None, shape: tuple[int, ...]) -> float:
    """Of items that count by nothing but their weight."""
    return float(math.prod(shape)) if weight is None else float(weight.astype(np.float64).sum())


def weight_of(shape: tuple[int, ...], sample_weight: ArrayLike | None) -> float:
    """The sum of weights of items of a shape, without a pass."""
    weight = checks.sample_weight(sample_weight, shape)
    checks.not_negative(weight, sample_weight)
    return sum_of_weights(weight, shape)


class Kind(Loss):
    """A loss that can be called; the operand sets in `operands` give its methods their signatures."""

    weights_first: ClassVar[bool] = False
    """Whether weights are checked before a pass: where no kernel looks at those of items."""
    adds: ClassVar[bool] = False
    """Whether a pass can add its derivatives to what their arrays hold."""
    lists: ClassVar[bool] = False
    """Whether an operand may be a list of arrays."""
    penalty: ClassVar[bool] = False
    """Whether it is a term of parameters: without items, and so without weights, and no part of a shard."""

    _plan: ClassVar[Any] = None  # each loss has its own; a class variable only in that it is no option
    __array_ufunc__: ClassVar[None] = None  # a NumPy number times a loss is the loss's business

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_plan", self._make_plan())

    # ---- Sums ----

    def __add__(self, other: Kind) -> Sum:
        """Both losses, as one: ``2 * fl.MSE() + 0.5 * fl.MAE()``."""
        return self._sum((1.0, self), (1.0, other))

    def __radd__(self, other: Any) -> Any:
        return self if isinstance(other, int) and other == 0 else NotImplemented  # what the function sum begins with

    def __sub__(self, other: Kind) -> Sum:
        return self._sum((1.0, self), (-1.0, other))

    def __neg__(self) -> Sum:
        return self._sum((-1.0, self))

    def __mul__(self, factor: float) -> Sum:
        return self._sum((factor, self))

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Sum:
        return self._sum((1 / divisor, self))

    @staticmethod
    def _sum(*terms: tuple[Any, Any]) -> Sum:
        from .sums import Sum  # which is a kind of loss itself

        known = all(isinstance(loss, Kind) and isinstance(factor, numbers.Real) for factor, loss in terms)
        return Sum(terms=terms) if known else cast("Sum", NotImplemented)

    # ---- What a kind provides ----

    def _make_plan(self) -> Any:
        """What `backend.fast` takes."""
        raise NotImplementedError

    def _batch(self, operands: tuple[Any, ...]) -> Batch:
        """Checks the operands, and the arguments behind them of a loss that has `arguments`."""
        raise NotImplementedError

    def _inputs(self) -> tuple[str, ...]:
        """The operands in the order of a batch's inputs."""
        return self.operands

    def _total(self, batch: Batch, weight: Array | None) -> float:
        """The sum of the items' weights."""
        return sum_of_weights(weight, batch.shape)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        """The same without the other operands; `target` leads a tuple of the loss's `arguments`, if it has any."""
        raise NotImplementedError

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        """Runs a pass in the extension; gives the weighted sum, and the first item (C order) that is invalid or -1."""
        raise NotImplementedError

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        """The same in NumPy."""
        raise NotImplementedError

    def _fault(self, batch: Batch, at: tuple[int, ...]) -> ValueError | None:
        """The error for an item whose operands are outside the domain; None if there is no such thing."""
        return None

    def _extras(self, batch: Batch, names: Sequence[str]) -> tuple[Array | None, ...]:
        """Arrays for by-products of each item, filled with what stands for an item that does not count."""
        raise NotImplementedError

    def _carries(self, batch: Batch, other: Kind, other_batch: Batch, weight: Any) -> bool:
        """Takes another loss of the same operands along, if its own passes can do for both.

        Args:
            batch: Its operands.
            other: That loss.
            other_batch: The operands of that.
            weight: What its items are weighed with, as it was given.

        Returns:
            Whether it does: `other` then is not run, but has its results from `_carried`.
        """
        return False

    def _carried(self, batch: Batch, scale: float) -> float:
        """The weighted sum of the loss that is taken along; its gradient, times `scale`, joins that of this one."""
        raise NotImplementedError

    # ---- What they share ----

    def _evaluate(
        self,
        outputs: int,
        operands: tuple[Any, ...],
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        vector: Any = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any = None,
        out_hess: Any = None,
        wrt: str | tuple[str, ...] | None = None,
        extra: Sequence[str] | None = None,
    ) -> Any:
        """The general case of all methods: the results that `outputs` asks for, several in a tuple."""
        self._check_orders(outputs)
        if self.by_default:
            wrt = self.by_default if wrt is None else self.variables if wrt == "both" else wrt
        checks.chosen(hessian, self.hessians, "hessian")
        batch = self._batch(operands)
        job, divisor = self._pass(outputs, batch, sample_weight, denominator, cotangent)
        wanted = self._wanted(wrt, batch)
        if outputs == HVP:
            job.vector = self._vectors(vector, batch)
        if hessian != "exact" or min_hessian is not None:
            self._bound_hessian(batch, job, hessian, min_hessian)
        self._place(batch, job, wanted, out, out_hess)
        if extra is not None:
            job.extra = self._extras(batch, extra)
        total = self._checked_run(batch, job, sample_weight)

        results: list[Any] = []
        if outputs in (VALUE, VALUE_GRAD, VALUE_GRAD_HESS):
            results.append(job.value if job.value is not None else total / divisor if divisor else 0.0)
        for arrays in (job.grad, job.hess):
            if arrays is not None:
                if len(self.variables) == 1:
                    results.append(arrays[0])
                    continue
                given = tuple(arrays[tuple(batch.variables).index(name)] for name in wanted)
                results.append(given[0] if isinstance(wrt, str) else given)
        if extra is not None:
            results.append(job.extra)
        return results[0] if len(results) == 1 else tuple(results)

    def _pass(
        self,
        outputs: int,
        batch: Batch,
        sample_weight: ArrayLike | None,
        denominator: float | None,
        cotangent: ArrayLike | None,
    ) -> tuple[Pass, float]:
        """A pass without the arrays for its results, and what the weighted sum is divided by."""
        weight = checks.sample_weight(sample_weight, batch.shape)
        divisor = self._divisor(batch, weight, denominator)
        factor, upstream = checks.cotangent(cotangent, batch.shape, self.reduction)
        scale = factor / divisor if divisor else 0.0
        if scale == 0.0:
            upstream = np.broadcast_to(np.float64(0.0), batch.shape)
        return Pass(outputs, weight, upstream, scale), divisor

    def _bound(self, operands: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """Operands and arguments in order, from what was given by position and by name; None for those left out."""

        def takes() -> str:
            return f"{self!r} takes {', '.join(names)}"

        names = (*self.operands, *self.arguments)
        if len(operands) > len(self.operands):
            raise TypeError(f"{takes()}; got {len(operands)} operands")
        given = dict(zip(self.operands, operands, strict=False))
        for name, operand in named.items():
            if name not in names:
                raise TypeError(f"{takes()}, but not {name}")
            if name in given:
                raise TypeError(f"{name} was given twice, by position and by name")
            given[name] = operand
        missing = [name for name in self.operands if given.get(name) is None and name not in self.optional]
        if missing:
            raise TypeError(f"{takes()}; got no {' and no '.join(missing)}")
        return tuple(map(given.get, names))

    def _partial(self, operands: tuple[Any, ...], sample_weight: ArrayLike | None) -> tuple[float, float]:
        """The sum of weighted values and the sum of weights."""
        batch = self._batch(operands)
        weight = checks.sample_weight(sample_weight, batch.shape)
        total = self._total(batch, weight)
        return self._checked_run(batch, Pass(VALUE, weight), sample_weight), total

    def _check_orders(self, outputs: int) -> None:
        for order in _NEEDS[outputs]:
            if order not in self.orders:
                what = {"grad": "gradient", "hess": "Hessian", "hvp": "Hessian-vector product"}.get(order, order)
                raise NotImplementedError(f"{type(self).__name__} has no {what}; it has {', '.join(self.orders)}")

    def _divisor(self, batch: Batch, weight: Array | None, denominator: float | None) -> float:
        """What the weighted sum is divided by."""
        given = checks.denominator(denominator, self.reduction)
        if given is not None:
            return given
        if self.reduction == "mean":
            return self._total(batch, weight)
        if self.reduction == "batchmean":
            if not batch.shape:
                raise ValueError(
                    'reduction="batchmean" divides by the length of the items\' first axis; a single item has none'
                )
            return float(batch.shape[0])
        return 1.0

    @staticmethod
    def _wanted(wrt: str | tuple[str, ...] | None, batch: Batch) -> tuple[str, ...]:
        """Names of the variables whose derivatives are asked for."""
        present = tuple(batch.variables)
        names = present if wrt is None else (wrt,) if isinstance(wrt, str) else tuple(wrt)
        if not names or len(set(names)) < len(names) or not set(names) <= set(present):
            raise ValueError(f"wrt must name operands with a gradient ({', '.join(present)}), got {wrt!r}")
        return names

    def _vectors(self, vector: Any, batch: Batch) -> tuple[Any, ...]:
        several = len(self.variables) > 1
        if several and (not isinstance(vector, (tuple, list)) or len(vector) != len(batch.variables)):
            got = len(vector) if isinstance(vector, (tuple, list)) else type(vector).__name__
            raise ValueError(f"vector must be a tuple, one for each of {', '.join(batch.variables)}; got {got}")
        given = vector if several else (vector,)
        return tuple(
            _alike(variable, each, lambda like, x, name=name: _vector(x, like, name))
            for (name, variable), each in zip(batch.variables.items(), given, strict=True)
        )

    def _bound_hessian(self, batch: Batch, job: Pass, hessian: str, min_hessian: float | None) -> None:
        """Says what stands for the Hessian, and its bounds, where it is not the exact one without any."""
        floor = checks.bound(min_hessian, "min_hessian")
        if hessian == "unit":
            job.hess_floor = job.hess_ceiling = 1.0
        if floor is not None:
            job.hess_floor = max(floor, job.hess_floor)
            job.hess_ceiling = max(floor, job.hess_ceiling)

    def _place(self, batch: Batch, job: Pass, wanted: Sequence[str], out: Any, out_hess: Any) -> None:
        """Checks or makes the arrays for results."""
        if job.outputs in (VALUE, VALUE_GRAD, VALUE_GRAD_HESS) and self.reduction == "none":
            job.value = backend.empty(batch.shape, batch.dtype)
        if job.outputs != VALUE:
            job.grad = self._outputs(batch, wanted, out, "out")
        if job.outputs in (GRAD_HESS, VALUE_GRAD_HESS):
            job.hess = self._outputs(batch, wanted, out_hess, "out_hess")
        if out is None and out_hess is None:
            return
        named = zip(self._inputs(), batch.inputs, strict=False)
        read: list[tuple[str, Array | None]] = [(name, array) for name, x in named for array in arrays_of(x)]
        read += [("sample_weight", job.weight), ("cotangent", job.cotangent)]
        read += [("vector", array) for each in job.vector or () for array in arrays_of(each)]
        written: list[tuple[str, Array | None]] = []
        for label, given, results in (("out", out, job.grad), ("out_hess", out_hess, job.hess)):
            for operand, result in zip(batch.variables.values(), results or (), strict=False):
                if given is None or result is None:
                    continue
                for itself, array in zip(arrays_of(operand), arrays_of(result), strict=True):
                    checks.no_overlap(array, label, read, may_be=itself)
                    checks.no_overlap(array, label, written)
                    written.append((label, array))

    def _outputs(self, batch: Batch, wanted: Sequence[str], given: Any, name: str) -> tuple[Any, ...]:
        """One array for each variable, None where it is not asked for."""
        if len(self.variables) == 1:
            (like,) = batch.variables.values()
            return (_alike(like, given, lambda like, x: _output(x, like, name)),)
        several = isinstance(given, (tuple, list))
        if several and len(given) != len(wanted):
            raise ValueError(f"{name} must be a tuple of {len(wanted)}: {', '.join(wanted)}; got {len(given)}")
        arrays = dict(zip(wanted, given if several else [given] * len(wanted), strict=True))
        if given is not None and not several and len(wanted) > 1:
            raise ValueError(f"{name} must be a tuple of {len(wanted)}: {', '.join(wanted)}")
        return tuple(
            _alike(like, arrays[variable], lambda like, x: _output(x, like, name)) if variable in wanted else None
            for variable, like in batch.variables.items()
        )

    def _checked_run(self, batch: Batch, job: Pass, given_weight: ArrayLike | None) -> float:
        """Runs a pass and raises ValueError for the first item outside the domain; gives the weighted sum."""
        if self.weights_first:
            checks.not_negative(job.weight, given_weight)
        if math.prod(batch.shape) == 0:
            for operand in () if job.adds else job.grad or ():  # those of parameters are not empty
                for array in arrays_of(operand):
                    if array is not None:
                        array[...] = 0
            return 0.0
        total, bad = self._run(batch, job) if backend.compiled() else self._run_reference(batch, job)
        if bad >= 0:
            at = checks.index(bad, batch.shape)
            raise (
                checks.weight_at_fault(job.weight, given_weight, at)
                or self._fault(batch, at)
                or ValueError(f"the item at index {at} is outside the domain of {type(self).__name__}")
            )
        return total


def arrays_of(operand: Any) -> Iterable[Array]:
    """The arrays of an operand, which may be a tuple of them; or of what is given for it."""
    return operand if isinstance(operand, (tuple, list)) else (operand,)


def _alike(like: Any, given: Any, make: Any) -> Any:
    """What is made of an operand and of what is given for it: a list, if the operand is a tuple."""
    if not isinstance(like, tuple):
        return make(like, given)
    each = [None] * len(like) if given is None else given
    if not isinstance(each, (tuple, list)) or len(each) != len(like):
        got = f"got {len(each)}" if isinstance(each, (tuple, list)) else f"got {type(each).__name__}"
        raise ValueError(f"for an operand of {len(like)} arrays there must be as many arrays in a list; {got}")
    return [make(array, x) for array, x in zip(like, each, strict=True)]


def _vector(x: Any, like: Array, of: str) -> Array:
    vector = checks.array(x, "vector")
    checks.same_shape(vector, like.shape, "vector", of)
    return vector


def _output(x: Any, like: Array, name: str) -> Array:
    return backend.empty(like.shape, like.dtype) if x is None else checks.output(x, like, name)
