"""Weighted sums of losses, which are losses too.

Design:
1. A sum is flat when it is computed: nested ones are multiplied out, so that every term is run once, by its own kind.
2. The operands of all terms are matched by name. What every term that takes an operand differentiates has a gradient;
   an operand that some term takes without a gradient has none, as it would not be that of the value.
3. All terms are checked before the first one runs. Terms keep their own reduction, weights and divisor.
4. The first term writes into the array of a result. Of the others, those that can add to it do so, block by block;
   what the rest give goes into one array more, which they share, and is added from there.
5. Where an output is an operand itself, which later terms still read, results are added up apart from it.
6. A term may take another one along, if its own passes do for both: overlaps of a softmax take its cross-entropy.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from ..backend import REDUCTIONS, VALUE, VALUE_GRAD, VALUE_GRAD_HESS
from ..base import Loss
from ..operands import Named
from ..options import Choice, Maybe, Real, option
from .kind import Batch, Kind, Pass, arrays_of


class Terms:
    """Pairs of a factor and a loss, at least one."""

    def check(self, value: Any) -> tuple[tuple[float, Kind], ...]:  # noqa: D102
        if not isinstance(value, (tuple, list)) or not value:
            raise TypeError("must be pairs of a factor and a loss")
        terms: list[tuple[float, Kind]] = []
        for term in value:
            if not isinstance(term, (tuple, list)) or len(term) != 2 or not isinstance(term[1], Kind):
                raise TypeError("must be pairs of a factor and a loss")
            try:
                factor = Real().check(term[0])
            except (TypeError, ValueError) as error:
                raise type(error)(f"has a factor that {error}") from None
            inner = term[1].terms if isinstance(term[1], Sum) else ()
            if factor == 1 and inner:
                terms += inner
            elif factor == -1 and len(inner) == 1:  # as a - 2 * b is read
                terms.append((-inner[0][0], inner[0][1]))
            else:
                terms.append((factor, term[1]))
        return tuple(terms)


@dataclasses.dataclass(slots=True)
class SumBatch(Batch):
    """Checked operands of all terms.

    Attributes:
        parts: Those of each term.
    """

    parts: tuple[Batch, ...]


@dataclasses.dataclass(slots=True)
class SumPass(Pass):
    """A pass over all terms.

    Attributes:
        parts: That over each of them, and what its weighted sum is divided by.
        carriers: The number of a term that another one takes along, and of that one.
        fresh: Whether results go to new arrays.
    """

    parts: tuple[tuple[Pass, float], ...] = ()
    fresh: bool = False
    carriers: dict[int, int] = dataclasses.field(default_factory=dict)


class Sum(Named):
    r"""A weighted sum of losses, as ``2 * fl.MSE() + 0.5 * fl.MAE()`` makes it.

    .. math:: l = \sum_i c_i l_i

    It is called with the operands of its terms, each once, by position in the order in which terms name them, or by
    name. An operand has a gradient if all terms that take it have one. Each term keeps its reduction, its divisor and
    its rules for items that do not count; `sample_weight` weighs the items of every term, `denominator` replaces the
    divisor of every mean. ``hessian="unit"`` is there if all terms have it. A term with the factor 0 is checked, but
    not computed.

    Sums can be multiplied, added and subtracted again, and hold penalties of parameters. `replace` changes options of
    all terms that have them: ``loss.replace(reduction="sum")``. `partial` and `weight_total` are there for terms whose
    items have the same weights, and leave penalties out, as these are not part of a shard.

    Args:
        terms: Pairs of a factor and a loss.
        reduction: Of all terms; None leaves each its own.

    Raises:
        TypeError: An operand is missing, or no term takes it.
        ValueError: Some terms have ``reduction="none"`` and others have not, or their items have other shapes.

    Example:
        >>> import fusedloss as fl
        >>> loss = 2 * fl.MSE() + 0.5 * fl.MAE()
        >>> loss
        2 * MSE() + 0.5 * MAE()
        >>> value, grad = loss.value_and_grad([3.0, 0.0], [1.0, 0.0])
        >>> value, grad.tolist()
        (4.5, [4.25, 0.0])
        >>> regularised = fl.MSE() + 0.1 * fl.L2Penalty()
        >>> value, (pred, params) = regularised.value_and_grad([3.0], [1.0], params=[2.0, -1.0])
        >>> value, pred.tolist(), params.tolist()
        (4.25, [4.0], [0.2, -0.1])
    """

    terms: tuple[tuple[float, Any], ...] = option(default=dataclasses.MISSING, accepts=Terms())
    reduction: Any = option(default=None, accepts=Maybe(Choice(*REDUCTIONS)))

    _leaves: ClassVar[Any] = ()  # each sum has its own, as with the plan
    _shared: ClassVar[Any] = ()  # operands that several terms take, and what reads them
    _carrying: ClassVar[bool] = False  # whether a term may take another one along

    def __post_init__(self) -> None:
        super().__post_init__()
        terms = self.terms
        if self.reduction is not None:
            terms = tuple((c, loss if loss.penalty else loss.replace(reduction=self.reduction)) for c, loss in terms)
        leaves = tuple(_multiplied_out(terms))
        reductions = {loss.reduction for _, loss in leaves if not loss.penalty} or {"sum"}
        if "none" in reductions and (len(reductions) > 1 or any(loss.penalty for _, loss in leaves)):
            raise ValueError(
                f'{_written(terms)}: a term with reduction="none" gives a value for each item, which cannot be added '
                f"to the one value of another"
            )
        losses = [loss for _, loss in leaves]
        operands = tuple(dict.fromkeys(name for loss in losses for name in loss.operands))
        optional = {x for x in operands if all(x in loss.optional for loss in losses if x in loss.operands)}
        found: dict[str, Any] = {
            "terms": terms,
            "reduction": reductions.pop() if len(reductions) == 1 else None,
            "_leaves": leaves,
            "penalty": all(loss.penalty for loss in losses),
            "operands": (*(x for x in operands if x not in optional), *(x for x in operands if x in optional)),
            "optional": tuple(x for x in operands if x in optional),
            "arguments": tuple(dict.fromkeys(name for loss in losses for name in loss.arguments)),
            "orders": tuple(x for x in Loss.orders if all(x in loss.orders for loss in losses)),
            "hessians": tuple(x for x in losses[0].hessians if all(x in loss.hessians for loss in losses)),
        }
        found["variables"] = tuple(
            x for x in found["operands"] if all(x in loss.variables for loss in losses if x in loss.operands)
        )
        takers = {x: [loss for loss in losses if x in loss.operands] for x in found["operands"]}
        found["_shared"] = tuple(
            (x, checks.floating if x in found["variables"] else checks.array)
            for x, of in takers.items()
            if len(of) > 1 and not any(loss.lists for loss in of)
        )
        found["_carrying"] = any(type(loss)._carries is not Kind._carries for loss in losses)
        for attribute, value in found.items():
            object.__setattr__(self, attribute, value)

    def replace(self, **changes: Any) -> Any:
        """The same with other options, in every term that has them.

        Raises:
            TypeError: No term has such an option.
        """
        own = {name: value for name, value in changes.items() if name in self.options}
        others = {name: value for name, value in changes.items() if name not in own}
        for name in others:
            if not any(name in loss.options for _, loss in self._leaves):
                raise TypeError(f"no term of {self!r} has an option {name!r}")
        if "terms" in changes:
            own.setdefault("reduction", None)
        changed = super().replace(**own)
        if not others:
            return changed
        return Sum(terms=tuple((factor, _replaced(loss, others)) for factor, loss in changed.terms))

    def __repr__(self) -> str:
        return _written(self.terms)

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        return None

    def _batch(self, operands: tuple[Any, ...]) -> SumBatch:
        given = dict(zip((*self.operands, *self.arguments), operands, strict=True))
        for name, read in self._shared:  # once, whatever it is
            if given[name] is not None:
                given[name] = read(given[name], name)
        parts = tuple(loss._batch(_taken(loss, given)) for _, loss in self._leaves)
        items = [part for part, (_, loss) in zip(parts, self._leaves, strict=True) if not loss.penalty]
        if self.reduction == "none":
            for part, (_, loss) in zip(parts, self._leaves, strict=True):
                if part.shape != items[0].shape:
                    raise ValueError(
                        f'with reduction="none" the items of all terms must have one shape; those of '
                        f"{self._leaves[0][1]!r} have {items[0].shape}, of {loss!r} {part.shape}"
                    )
        found: dict[str, Any] = {}
        for part in reversed(parts):  # of several the first counts
            found.update(part.variables)
        variables = {name: found[name] for name in self.variables if name in found}
        inputs = tuple(x for part in parts for x in part.inputs)
        dtype = max((part.dtype for part in parts), key=lambda dtype: dtype.itemsize)
        return SumBatch(items[0].shape if items else (), inputs, variables, dtype, parts)

    def _inputs(self) -> tuple[str, ...]:
        return tuple(name for _, loss in self._leaves for name in loss._inputs())

    def _pass(
        self,
        outputs: int,
        batch: Batch,
        sample_weight: ArrayLike | None,
        denominator: float | None,
        cotangent: ArrayLike | None,
    ) -> tuple[Pass, float]:
        assert isinstance(batch, SumBatch)
        weights = tuple(None if loss.penalty else sample_weight for _, loss in self._leaves)
        return self._passes(outputs, batch, weights, denominator, cotangent), 1.0

    def _passes(
        self,
        outputs: int,
        batch: SumBatch,
        weights: tuple[ArrayLike | None, ...],
        denominator: float | None,
        cotangent: ArrayLike | None,
    ) -> SumPass:
        """A pass of each term, with the weights of its items."""
        carriers = self._carriers(batch, weights) if backend.compiled() else {}
        divided = any(loss.reduction in ("mean", "batchmean") for _, loss in self._leaves)
        parts = []
        for part, weight, (factor, loss) in zip(batch.parts, weights, self._leaves, strict=True):
            replaces = not divided or loss.reduction in ("mean", "batchmean")
            job, divisor = loss._pass(outputs, part, weight, denominator if replaces else None, cotangent)
            job.scale *= factor
            parts.append((job, divisor))
        first = parts[0][0]
        return SumPass(outputs, first.weight, first.cotangent, parts=tuple(parts), carriers=carriers)

    def _carriers(self, batch: SumBatch, weights: tuple[ArrayLike | None, ...]) -> dict[int, int]:
        """Of terms that are taken along by others the numbers of both."""
        found: dict[int, int] = {}
        numbers = [k for k, (factor, loss) in enumerate(self._leaves) if factor and loss.reduction != "none"]
        for carrier in numbers if self._carrying else ():
            loss, part = self._leaves[carrier][1], batch.parts[carrier]
            for k in numbers:
                if k not in found and loss._carries(part, self._leaves[k][1], batch.parts[k], weights[k]):
                    found[k] = carrier
                    break
        return found

    def _bound_hessian(self, batch: Batch, job: Pass, hessian: str, min_hessian: float | None) -> None:
        if min_hessian is not None:
            raise ValueError(
                "min_hessian bounds the Hessian of an item of one loss, and terms may have other items; bound the "
                "result: np.maximum(hess, bound, out=hess)"
            )
        assert isinstance(batch, SumBatch)
        assert isinstance(job, SumPass)
        for part, (run, _), (_, loss) in zip(batch.parts, job.parts, self._leaves, strict=True):
            loss._bound_hessian(part, run, hessian, None)

    def _place(self, batch: Batch, job: Pass, wanted: Sequence[str], out: Any, out_hess: Any) -> None:
        super()._place(batch, job, wanted, out, out_hess)
        assert isinstance(job, SumPass)
        job.fresh = out is None and out_hess is None

    def _total(self, batch: Batch, weight: Array | None) -> float:
        raise NotImplementedError  # each term has its own

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        totals = []
        for loss in self._weighing():
            if loss.weighed != "target" or loss.arguments:
                raise NotImplementedError(f"{self!r} has no weight_total, as {loss!r} does not make it from a target")
            totals.append(loss._weight_total(target, sample_weight))
        return self._one_total(totals)

    def _partial(self, operands: tuple[Any, ...], sample_weight: ArrayLike | None) -> tuple[float, float]:
        given = dict(zip((*self.operands, *self.arguments), operands, strict=True))
        weighing = self._weighing()
        parts = [loss._partial(_taken(loss, given), sample_weight) for loss in weighing]
        factors = [factor for factor, loss in self._leaves if not loss.penalty]
        value = math.fsum(c * total for c, (total, _) in zip(factors, parts, strict=True) if c)
        return value, self._one_total([weight for _, weight in parts])

    def _weighing(self) -> list[Kind]:
        """The terms that have items."""
        losses = [loss for _, loss in self._leaves if not loss.penalty]
        if not losses or self.reduction is None:
            why = "its terms have several reductions" if losses else "it has no items"
            raise NotImplementedError(f"{self!r} does not add up over shards: {why}")
        return losses

    def _one_total(self, totals: list[float]) -> float:
        if any(not math.isclose(total, totals[0], rel_tol=1e-9) for total in totals):
            shown = ", ".join(f"{total:g}" for total in totals)
            raise ValueError(
                f"the items of the terms of {self!r} have other weights ({shown}); add up those of each term by itself"
            )
        return totals[0]

    def _checked_run(self, batch: Batch, job: Pass, given_weight: ArrayLike | None) -> float:
        assert isinstance(batch, SumBatch)
        assert isinstance(job, SumPass)
        names = tuple(batch.variables)
        wanted = {"grad": job.grad, "hess": job.hess}
        targets = {
            (order, name): tuple(arrays_of(arrays[k]))
            for order, arrays in wanted.items()
            if arrays is not None
            for k, name in enumerate(names)
            if arrays[k] is not None
        }
        if job.value is not None:
            targets["value", ""] = (job.value,)
        results = _Results(targets, [] if job.fresh else [x for each in batch.inputs for x in arrays_of(each)])

        value = 0.0
        for number, carrier in job.carriers.items():
            run, divisor = job.parts[number]
            total = self._leaves[carrier][1]._carried(batch.parts[carrier], run.scale * job.scale)
            value += self._leaves[number][0] * (total / divisor if divisor else 0.0)
        for number, ((factor, loss), part) in enumerate(zip(self._leaves, batch.parts, strict=True)):
            run, divisor = job.parts[number]
            if factor == 0 or number in job.carriers:
                continue
            run.scale *= job.scale
            run.adds = loss.adds and results.begun_for(part.variables)
            for order, arrays in wanted.items():
                if arrays is not None:
                    rooms = tuple(
                        results.room(order, name, operand, adds=run.adds) for name, operand in part.variables.items()
                    )
                    setattr(run, order, rooms)
            if run.grad is not None and all(room is None for room in run.grad):  # of operands that nobody asked for
                if job.outputs not in (VALUE_GRAD, VALUE_GRAD_HESS):
                    continue
                run.outputs, run.grad, run.hess = VALUE, None, None
            if job.vector is not None:
                run.vector = tuple(
                    job.vector[names.index(name)] if name in names else np.broadcast_to(0.0, operand.shape)
                    for name, operand in part.variables.items()
                )
            if job.value is not None:
                run.value = results.room("value", "", None, adds=False)
            total = loss._checked_run(part, run, given_weight)
            if run.value is not None:
                run.value *= factor
            results.add()
            value += factor * (total / divisor if divisor else 0.0)
        results.finish()
        return value


class _Results:
    """Adds up what terms give."""

    def __init__(self, targets: dict[tuple[str, str], tuple[Array, ...]], read: list[Array]) -> None:
        self.given = targets
        apart = any(np.may_share_memory(x, y) for arrays in targets.values() for x in arrays for y in read)
        self.targets = {key: _like(arrays) for key, arrays in targets.items()} if apart else targets
        self.begun: set[tuple[str, str]] = set()
        self.spare: dict[tuple[str, str], tuple[Array, ...]] = {}
        self.used: list[tuple[str, str]] = []

    def begun_for(self, names: Iterable[str]) -> bool:
        """Whether a term has written derivatives by one of these operands."""
        return any((order, name) in self.begun for order in ("grad", "hess") for name in names)

    def room(self, order: str, name: str, operand: Any, *, adds: bool) -> Any:
        """Where the next term writes: an array, or a list of them for an operand of several; None if nobody asks.

        A term that adds gets what terms before it have written.
        """
        key = order, name
        if key not in self.targets:
            return None
        arrays = self.targets[key]
        if adds:
            if key not in self.begun:
                for array in arrays:
                    array[...] = 0
                self.begun.add(key)
        else:
            if key in self.begun:
                if key not in self.spare:
                    self.spare[key] = _like(arrays)
                arrays = self.spare[key]
            self.used.append(key)
        return list(arrays) if isinstance(operand, tuple) else arrays[0]

    def add(self) -> None:
        """Adds what the term has written."""
        for key in self.used:
            if key in self.begun:
                for target, array in zip(self.targets[key], self.spare[key], strict=True):
                    with np.errstate(all="ignore"):
                        np.add(target, array, out=target)
            self.begun.add(key)
        self.used.clear()

    def finish(self) -> None:
        """Zero where no term has written; hands results out."""
        for key, arrays in self.targets.items():
            for array, given in zip(arrays, self.given[key], strict=True):
                if key not in self.begun:
                    given[...] = 0
                elif array is not given:
                    given[...] = array


def _like(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(backend.empty(array.shape, array.dtype) for array in arrays)


def _taken(loss: Kind, given: dict[str, Any]) -> tuple[Any, ...]:
    """Operands and arguments of a term, without optional ones if all of them are None."""
    names = loss.operands
    if loss.optional and all(given[name] is None for name in loss.optional):
        names = tuple(name for name in names if name not in loss.optional)
    return tuple(map(given.get, (*names, *loss.arguments)))


def _multiplied_out(terms: Iterable[tuple[float, Kind]]) -> Iterable[tuple[float, Kind]]:
    for factor, loss in terms:
        if isinstance(loss, Sum):
            yield from ((factor * inner, leaf) for inner, leaf in loss._leaves)
        else:
            yield factor, loss


def _replaced(loss: Kind, changes: dict[str, Any]) -> Kind:
    of = [leaf for _, leaf in loss._leaves] if isinstance(loss, Sum) else [loss]
    has = {name for leaf in of for name in leaf.options}
    changed: Kind = loss.replace(**{name: value for name, value in changes.items() if name in has})
    return changed


def _written(terms: tuple[tuple[float, Kind], ...]) -> str:
    """Terms as one writes them."""
    text = ""
    for number, (factor, loss) in enumerate(terms):
        inner = f"({loss!r})" if isinstance(loss, Sum) else repr(loss)
        negative = factor < 0
        size = abs(factor)
        if number > 0:
            text += " - " if negative else " + "
        elif negative:
            text += "-"
        bare = size == 1 and (negative or len(terms) > 1)
        text += inner if bare else f"{_number(size)} * {inner}"
    return text


def _number(x: float) -> str:
    return repr(int(x)) if x == int(x) and abs(x) < 1e15 else repr(x)
