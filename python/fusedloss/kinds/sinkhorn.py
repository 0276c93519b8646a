"""Transport with an entropic penalty between clouds of points: Sinkhorn's iterations on logarithms, in blocks.

Design:
1. With pi = a b exp((f + g - C) / eps), potentials f and g are made by turns such that the sums of pi over one side are
   what they should be: a soft minimum of costs over the other side. Sums of exponentials stay logarithms.
2. Iterations begin with an eps as large as the costs, which falls by a constant factor (Schmitzer 2019); at its last
   value their steps are lengthened by the factor that the observed rate of convergence asks for (Thibault et al.
   2021, "Overrelaxed Sinkhorn-Knopp algorithm").
3. Within a cloud both potentials are one, and each iteration goes half of its way, which converges at once.
4. The value is that of the dual problem at the potentials found. It does not move with them to first order, so that its
   error is the square of theirs, and so gradients are those at fixed potentials.
5. Costs that do not take more than `KEPT_BYTES` are kept; others are made anew, block by block, in each iteration.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..arrays import Array, ArrayLike
from ..backend import VALUE_GRAD
from .clouds import Cloud, Clouds, centred, each_block
from .kind import Batch
from .two_samples import Found, Sets

KEPT_BYTES = 64 << 20
"""Of all costs, once in each direction."""
COOLING = 0.25
"""What eps is multiplied with from one iteration to the next."""
WATCHED = 10
"""Iterations after which the length of steps is set anew; the second half of them shows the rate of convergence."""
LONGEST = 1.95
"""Of steps; at 2 they would not converge."""


class Aux(NamedTuple):
    """What `with_aux` gives.

    Attributes:
        value: The value.
        grad: The gradients.
        iterations: How many iterations each item took, of its problems the most.
        error: By how much the sums of its plans miss the weights: the sum of the absolute differences over that of the
            weights, of its problems the largest.
        converged: Whether this is no more than the tolerance.
    """

    value: Any
    grad: Any
    iterations: Array
    error: Array
    converged: Array


class Entropic(Clouds):
    """Options `tolerance` and `max_iterations` are those of the loss."""

    # ---- What a loss provides ----

    def of_squares(self, squares: Array) -> tuple[Array, Array]:
        """The cost of squared distances, and its derivative by these."""
        raise NotImplementedError

    @property
    def eps(self) -> float:
        """The factor of the entropy."""
        raise NotImplementedError

    @property
    def rho(self) -> float:
        """The factor of the divergence of sums from weights; infinite if they must agree."""
        raise NotImplementedError

    @property
    def debiased(self) -> bool:
        """Whether what transport within the clouds costs is taken off."""
        raise NotImplementedError

    # ---- What the kind provides ----

    @property
    def of_shares(self) -> bool:  # noqa: D102
        return math.isinf(self.rho)

    def with_aux(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any = None,
    ) -> Aux:
        """The value, its gradients, and how far iterations came; without the warning where they did not converge.

        Args:
            x: As in a call.
            y: As in a call.
            x_weight: As in a call.
            y_weight: As in a call.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes.

        Example:
            >>> import fusedloss as fl
            >>> aux = fl.Sinkhorn(blur=0.5).with_aux([[0.0], [2.0]], [[1.0], [3.0]])
            >>> bool(aux.converged), bool(aux.error < 1e-5)
            (True, True)
        """
        names = Aux._fields[2:4]
        operands = (x, y, x_weight, y_weight)
        value, grad, (iterations, error) = self._evaluate(
            VALUE_GRAD,
            operands,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            extra=names,
        )
        return Aux(value, grad, iterations, error, error <= self.options["tolerance"])

    def _extras(self, batch: Batch, names: Sequence[str]) -> tuple[Array, ...]:
        return np.zeros(batch.shape, np.int64), np.zeros(batch.shape)

    def _batch(self, operands: tuple[Any, ...]) -> Batch:
        if len(operands) > 1 and operands[1] is not None:
            return super()._batch(operands)
        if self.debiased:
            raise ValueError(
                f"{type(self).__name__} of costs needs debias=False: debiasing takes the costs within x and within y, "
                "which only points give"
            )
        cost = self._points(operands[0], "x")
        no_dimensions = np.empty((*cost.shape[:-2], cost.shape[-1], 0), cost.dtype)
        batch = super()._batch((cost[..., :0], no_dimensions, *operands[2:]))
        named = {name: x for name, x in batch.variables.items() if name not in ("x", "y")}
        batch.variables = {"x": cost, **named}
        batch.inputs = (cost, *batch.inputs[1:])
        return batch

    def of_sets(self, sets: Sets) -> Found:  # noqa: D102
        asked = bool(sets.extra)
        if not asked:
            sets = dataclasses.replace(sets, extra=(np.empty(len(sets.x), np.int64), np.empty(len(sets.x))))
        found = super().of_sets(sets)
        error, tolerance = sets.extra[1], self.options["tolerance"]
        short = np.flatnonzero(error > tolerance)
        if short.size and not asked:
            warnings.warn(
                f"{type(self).__name__} did not converge in {self.options['max_iterations']} iterations for "
                f"{short.size} of {error.size} items: the sums of plans miss the weights by up to {error.max():.1e}, "
                f"where tolerance={tolerance:g}; raise max_iterations, tolerance or blur",
                RuntimeWarning,
                stacklevel=2,
            )
        return found

    def of_clouds(self, sets: Sets) -> tuple[float, Sequence[Array | None]]:  # noqa: D102
        shares: list[Array] = [
            np.full(count, 1 / count) if w is None else w
            for count, w in ((sets.x.shape[0], sets.x_weight), (sets.y.shape[0], sets.y_weight))
        ]
        within: list[Costs] = []
        if sets.y.shape[1] < sets.x.shape[1]:
            between: Costs = GivenCosts(sets.x.astype(np.float64))
        else:
            x, y, unit = centred(sets.x, sets.y)
            clouds = Cloud.of(x), Cloud.of(y)
            between = PointCosts(*clouds, unit, self.of_squares)
            if self.debiased:
                within = [PointCosts(cloud, cloud, unit, self.of_squares) for cloud in clouds]
        duals = [Dual(between, shares[0], shares[1], self.eps, self.rho)]
        duals += [
            Dual(costs, own, own, self.eps, self.rho, within=True) for costs, own in zip(within, shares, strict=False)
        ]
        for dual in duals:
            dual.solve(self.options["tolerance"], self.options["max_iterations"])
        sets.extra[0][0] = max(dual.iterations for dual in duals)
        sets.extra[1][0] = np.max([dual.error for dual in duals])  # NaN stays

        pair = duals[0]
        by_x, by_y = pair.side(sets.wanted[0]), pair.turned.side(sets.wanted[1])
        value = pair.value(by_x)
        grads: list[Any] = [by_x.by_rows, by_y.by_rows, by_x.by_weight, by_y.by_weight]
        for k, dual in enumerate(duals[1:]):  # half of them, but rows and columns are the same points
            own = dual.side(sets.wanted[k])
            value -= dual.value(own) / 2
            grads[k + 2] -= own.by_weight
            if own.by_rows is not None:
                grads[k] -= own.by_rows
        if self.debiased and not self.of_shares:
            surplus = float(shares[0].sum() - shares[1].sum())
            value += self.eps / 2 * surplus**2
            grads[2] += self.eps * surplus
            grads[3] -= self.eps * surplus
        return value, grads


class Costs(Protocol):
    """What it costs to move each row to each column."""

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        ...

    @property
    def turned(self) -> Costs:
        """Rows and columns in each other's places."""
        ...

    @property
    def width(self) -> int:
        """How many numbers the costs of a row are made from."""
        ...

    @property
    def dimensions(self) -> int:
        """Of points whose products they are; 0 of none."""
        ...

    def block(self, rows: slice, factor: float = 1.0) -> Array:
        """A multiple of those of some rows, in an array that may be written to."""
        ...

    def pull(self, rows: slice, plan: Array) -> Array:
        """The gradient by what costs of some rows are made from, for that by these costs."""
        ...


@dataclasses.dataclass(slots=True)
class GivenCosts:
    """Costs in an array, by which the gradient is."""

    array: Array

    @property
    def shape(self) -> tuple[int, int]:  # noqa: D102
        rows, columns = self.array.shape
        return rows, columns

    @property
    def turned(self) -> GivenCosts:  # noqa: D102
        return GivenCosts(np.ascontiguousarray(self.array.T))

    @property
    def width(self) -> int:  # noqa: D102
        return self.shape[1]

    @property
    def dimensions(self) -> int:  # noqa: D102
        return 0

    def block(self, rows: slice, factor: float = 1.0) -> Array:  # noqa: D102
        return np.asarray(self.array[rows] * factor)

    def pull(self, rows: slice, plan: Array) -> Array:  # noqa: D102
        return plan


@dataclasses.dataclass(slots=True)
class PointCosts:
    """Costs of distances between points, by the rows of which the gradient is.

    Attributes:
        rows: Points.
        columns: Points.
        unit: What both were divided by.
        of_squares: Costs of squared distances, and their derivatives by these.
    """

    rows: Cloud
    columns: Cloud
    unit: float
    of_squares: Callable[[Array], tuple[Array, Array]]

    @property
    def shape(self) -> tuple[int, int]:  # noqa: D102
        return self.rows.count, self.columns.count

    @property
    def turned(self) -> PointCosts:  # noqa: D102
        return PointCosts(self.columns, self.rows, self.unit, self.of_squares)

    @property
    def width(self) -> int:  # noqa: D102
        return self.rows.dimensions

    @property
    def dimensions(self) -> int:  # noqa: D102
        return self.rows.dimensions

    def block(self, rows: slice, factor: float = 1.0) -> Array:  # noqa: D102
        cost, _ = self._of(rows)
        cost *= factor
        return cost

    def pull(self, rows: slice, plan: Array) -> Array:  # noqa: D102
        plan = plan * self._of(rows)[1]
        return 2 * self.unit * self.rows.pull(rows, plan, self.columns)

    def _of(self, rows: slice) -> tuple[Array, Array]:
        return self.of_squares(self.unit * self.rows.distances(rows, self.columns) * self.unit)


class Side(NamedTuple):
    """What a plan says of its rows.

    Attributes:
        sums: Of each row of the plan, over its weight.
        by_rows: The gradient of the dual value by what costs are made from; None if it is not asked for.
        by_weight: The gradient by the weights of rows.
    """

    sums: Array
    by_rows: Array | None
    by_weight: Array


@dataclasses.dataclass(slots=True)
class Dual:
    """The dual problem: to find the potentials of rows and columns.

    Attributes:
        costs: Between rows and columns.
        weight: Of rows.
        other: Of columns.
        eps: The factor of the entropy.
        rho: The factor of the divergence of the plan's sums from weights.
        within: Whether rows and columns are the same, so that there is but one potential.
        f: The potential of rows.
        g: That of columns.
        iterations: How many were made.
        error: By how much sums missed the weights in the last one.
    """

    costs: Costs
    weight: Array
    other: Array
    eps: float
    rho: float
    within: bool = False
    f: Array = dataclasses.field(default_factory=lambda: np.zeros(0))
    g: Array = dataclasses.field(default_factory=lambda: np.zeros(0))
    iterations: int = 0
    error: float = 0.0

    @property
    def turned(self) -> Dual:
        """The same with rows and columns in each other's places."""
        return Dual(self.costs.turned, self.other, self.weight, self.eps, self.rho, self.within, self.g, self.f)

    def solve(self, tolerance: float, most: int) -> None:
        """Finds the potentials."""
        costs = self._kept()
        turned = costs if self.within else costs.turned
        f, g = np.zeros(costs.shape[0]), np.zeros(costs.shape[1])
        mass = float(self.weight.sum())
        eps, step, errors = max(self.eps, _largest(costs)), 1.0, list[float]()
        for self.iterations in range(1, most + 1):
            found = self._soft_minimum(costs, self.other, g, eps)
            self.error = float(np.sum(self.weight * np.abs(np.expm1((f - found) / eps)))) / mass
            last = eps == self.eps and not self.error > tolerance  # NaN is no reason to go on
            if last or self.iterations == most:
                step = 1.0
            if self.within:
                f = g = (f + found) / 2
            else:
                f = f + step * (found - f)
                g = g + step * (self._soft_minimum(turned, self.weight, f, eps) - g)
            if last:
                break
            if eps == self.eps:
                errors.append(self.error)
                if len(errors) % WATCHED == 0:
                    step = _longer(step, (errors[-1] / errors[-1 - WATCHED // 2]) ** (2 / WATCHED))
            eps = max(self.eps, eps * COOLING)
        self.f, self.g = f, g

    def _kept(self) -> Costs:
        """The costs, from an array if that is not too large."""
        rows, columns = self.costs.shape
        if isinstance(self.costs, GivenCosts) or 16 * rows * columns > KEPT_BYTES:
            return self.costs
        array = np.empty((rows, columns))

        def run(block: slice) -> None:
            array[block] = self.costs.block(block)

        each_block(rows, columns, run, self.costs.dimensions)
        return GivenCosts(array)

    def _soft_minimum(self, costs: Costs, weight: Array, potential: Array, eps: float) -> Array:
        """-eps log sum_j b_j exp((g_j - C_ij) / eps); less if sums may differ from weights."""
        lift = np.log(weight) + potential / eps
        found = np.empty(costs.shape[0])

        def run(block: slice) -> None:
            terms = costs.block(block, -1 / eps)
            terms += lift
            top = terms.max(axis=1)
            top[~np.isfinite(top)] = 0
            terms -= top[:, np.newaxis]
            found[block] = np.log(np.exp(terms, out=terms).sum(axis=1)) + top

        each_block(*costs.shape, run, costs.dimensions)
        return found * (-eps / (1 + eps / self.rho))

    def _conjugate(self, potential: Array) -> Array:
        """What a potential is worth by unit of weight."""
        return potential if math.isinf(self.rho) else -self.rho * np.expm1(-potential / self.rho)

    def side(self, wanted: bool) -> Side:
        """What there is to be known of rows, once it is solved."""
        rows, columns = self.costs.shape
        lift = np.log(self.other) + self.g / self.eps
        sums = np.empty(rows)
        by_rows = np.empty((rows, self.costs.width)) if wanted else None

        def run(block: slice) -> None:
            plan = self.costs.block(block, -1 / self.eps)
            plan += lift
            plan += self.f[block, np.newaxis] / self.eps
            np.exp(plan, out=plan)
            sums[block] = plan.sum(axis=1)
            if by_rows is not None:
                plan *= self.weight[block, np.newaxis]
                by_rows[block] = self.costs.pull(block, plan)

        each_block(rows, columns, run, self.costs.dimensions)
        by_weight = self._conjugate(self.f) - self.eps * (sums - self.other.sum())
        return Side(sums, by_rows, by_weight)

    def value(self, side: Side) -> float:
        """Of the dual problem, from what is known of rows."""
        total = self.weight @ self._conjugate(self.f) + self.other @ self._conjugate(self.g)
        surplus = self.weight @ side.sums - self.weight.sum() * self.other.sum()
        return float(total - self.eps * surplus)


def _largest(costs: Costs) -> float:
    """The largest finite cost."""

    def run(block: slice) -> float:
        found = costs.block(block)
        return float(np.max(found, initial=0.0, where=np.isfinite(found)))

    return max(each_block(*costs.shape, run, costs.dimensions), default=0.0)


def _longer(step: float, rate: float) -> float:
    """The best length of steps, from the length of those that converged at a rate.

    Of plain steps with the rate r it is 2 / (1 + sqrt(1 - r)); of others, r is what the theory of over-relaxation makes
    of their own rate (Young 1971, "Iterative solution of large linear systems").
    """
    if not 0 < rate < 1:
        return 1.0
    plain = (rate + step - 1) ** 2 / (rate * step**2)
    return min(LONGEST, 2 / (1 + math.sqrt(max(0.0, 1 - plain))))
