"""Distances between distributions by what it costs to move one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import Array
from ..domains import Interval
from ..facts import Facts, Traits
from ..kinds.clouds import Clouds, centred
from ..kinds.histograms import Histograms
from ..kinds.transport import cost_of, transport
from ..kinds.two_samples import Found, Sets, TwoSamples
from ..operands import Samples
from ..options import Flag, Integer, Real, option

POWER = Interval(1, high_open=True)


class Wasserstein1D(Samples, TwoSamples):
    r"""The Wasserstein distance between samples on a line.

    .. math:: W_p^p = \int_0^1 \left| F_x^{-1}(q) - F_y^{-1}(q) \right|^p dq

    where the inverse distribution functions are those of the samples with their weights (Peyre and Cuturi 2019,
    "Computational optimal transport", section 2.6). x has the shape (..., samples), y the same but for the number of
    samples; x_weight and y_weight those of x and y. An item is a pair of rows. Weights are divided by their sum, None
    stands for equal ones. A pair without weight on one side has the value 0.

    There are gradients to x, y and the weights given. Of equal samples the first one is moved first; the gradient is
    one of several there, and where a sample does not move at p = 1 it is 0. The one by weights is also one of several
    where cumulated weights of both sides agree; it is that of the quotient by their sum. With ``root=True`` gradients
    at the value 0 are 0. There is no Hessian.

    Samples are sorted; equal numbers of samples without weights are then moved one to one, all others along merged
    cumulated weights. Time grows as n log n and memory as n.

    Args:
        p: The power of a distance, >= 1.
        root: Whether the value is :math:`W_p`, the p-th root.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Shapes do not fit, or a weight is negative or not finite.

    Example:
        >>> import fusedloss as fl
        >>> value, (to_x, to_y) = fl.Wasserstein1D().value_and_grad([0.0, 3.0, 1.0], [5.0, 6.0, 8.0])
        >>> value, to_x.round(4).tolist()
        (5.0, [-0.3333, -0.3333, -0.3333])
        >>> fl.wasserstein_1d([0.0, 2.0], [1.0], [3.0, 1.0], [1.0], p=2)
        1.0
    """

    p: float = option(default=1.0, accepts=Real(POWER))
    root: bool = option(default=False, accepts=Flag())

    name = "wasserstein_1d"
    aliases = ("wasserstein", "emd_1d")
    facts = Facts(
        task="matching the distribution of numbers",
        activation="identity",
        robustness="a sample that is far off costs in proportion to its distance, or to a power of it",
        smoothness="p = 1: piecewise linear; otherwise once differentiable in the samples as long as no two are equal",
        samples=({}, {"p": 2.0}, {"p": 2.0, "root": True}, {"p": 1.5}),
        tolerance=64.0,  # distances are differences of samples
    )
    traits = Traits()

    def of_sets(self, sets: Sets) -> Found:
        rooted = self.root and self.p != 1
        moved = transport(sets.x, sets.y, sets.x_weight, sets.y_weight, self.p, sets.wanted, in_units=rooted)
        if not rooted:
            return moved.value, moved.grads
        value, factor = root_of(moved.value, self.p)
        factors = factor, factor, factor * moved.unit, factor * moved.unit
        grads = [g if g is None else g * f[:, np.newaxis] for g, f in zip(moved.grads, factors, strict=True)]
        return moved.unit * value, grads


def root_of(x: Array, p: float) -> tuple[Array, Array]:
    """The p-th root, and its derivative, at 0 as 0."""
    value = x ** (1 / p)
    return value, np.where(x == 0, 0.0, value / np.where(x == 0, 1.0, x) / p)


class SlicedWasserstein(Samples, Clouds):
    r"""The Wasserstein distance between point clouds, as the mean over directions that they are projected on.

    .. math:: SW_p^p = \frac{1}{L} \sum_{l=1}^{L} W_p^p(\langle x, \theta_l \rangle, \langle y, \theta_l \rangle)

    From Bonneel et al. 2015, "Sliced and Radon Wasserstein barycenters of measures"; each term is a `Wasserstein1D`. x
    has the shape (..., samples, dimensions), y the same but for the number of samples; x_weight and y_weight have that
    of x and y without dimensions. An item is a pair of clouds. The directions theta are those of `directions`: they
    depend on the seed and the number of dimensions alone. To have others at each step, give each its own:
    ``loss.replace(seed=step)``. Weights and gradients are as in `Wasserstein1D`. There is no Hessian.

    Products with directions are NumPy's, and so are their threads and last bits. Beside the results a call takes some
    multiples of 16 MB, or of the samples of one projection.

    Args:
        n_projections: L.
        seed: Of the directions, an integer >= 0.
        p: The power of a distance, >= 1.
        root: Whether the value is :math:`SW_p`, the p-th root.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Shapes do not fit, or a weight is negative or not finite.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> x, loss = np.eye(3), fl.SlicedWasserstein(n_projections=1000)
        >>> value, (to_x, to_y) = loss.value_and_grad(x, x + [3.0, 0.0, 0.0])
        >>> round(value, 1), to_x.shape  # about 9 / 3: of a shift, its square over the dimensions
        (3.0, (3, 3))
    """

    n_projections: int = option(default=50, accepts=Integer(least=1))
    seed: int = option(default=0, accepts=Integer(least=0))
    p: float = option(default=2.0, accepts=Real(POWER))
    root: bool = option(default=False, accepts=Flag())

    aliases = ("swd", "sliced_wasserstein_distance")
    facts = Facts(
        task="matching the distribution of points",
        activation="identity",
        robustness="a point that is far off costs a power of its distance",
        smoothness="as Wasserstein1D",
        samples=({}, {"n_projections": 7, "p": 1.0, "seed": 3}, {"root": True}, {"n_projections": 3, "p": 2.5}),
        tolerance=2.0**14,  # the order of projections that are equal but for rounding is not that of the reference
    )
    traits = Traits()

    def directions(self, dimensions: int) -> Array:
        """The directions of projections.

        Args:
            dimensions: Of the points.

        Returns:
            Unit vectors, (n_projections, dimensions), in float64: normal random numbers brought to length 1.
        """
        found = np.random.default_rng(self.seed).normal(size=(self.n_projections, dimensions))
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))

    def of_clouds(self, sets: Sets) -> tuple[float, Sequence[Array | None]]:
        points = centred(sets.x, sets.y)
        x, y = (each.astype(sets.x.dtype, copy=False) for each in points[:2])
        unit = points[2]
        directions = self.directions(x.shape[1]).astype(x.dtype)
        step = max(1, PROJECTED_BYTES // (8 * (len(x) + len(y))))
        total = 0.0
        grads: list[Any] = [None] * 4
        for first in range(0, len(directions), step):
            along = directions[first : first + step]
            w, v = (
                s if s is None else np.broadcast_to(s, (len(along), s.size)) for s in (sets.x_weight, sets.y_weight)
            )
            moved = transport(along @ x.T, along @ y.T, w, v, self.p, sets.wanted)
            total += float(np.sum(moved.value))
            for k, grad in enumerate(moved.grads):
                if grad is not None:
                    part = grad.T @ along if k < 2 else grad.sum(axis=0)
                    grads[k] = part if grads[k] is None else grads[k] + part
        mean, slope = np.array(total / len(directions)), np.array(1.0)
        factor = np.float64(unit) ** (1 if self.root else self.p)
        if self.root:
            mean, slope = root_of(mean, self.p)
        for k, grad in enumerate(grads):
            if grad is not None:
                grad *= factor * slope / len(directions) / (unit if k < 2 else 1)
        return float(factor * mean), grads


PROJECTED_BYTES = 16 << 20
"""Of the samples of several projections."""


class HistogramEMD(Histograms):
    r"""The earth mover's distance between histograms on the same bins in order.

    .. math:: l = \sum_k \left| \sum_{j \le k} (p_j - t_j) \right|^P

    with the exponent P, 1 or 2: the absolute difference of the cumulated histograms, which is the least number of bins
    times mass that mass must be moved by, or its square (Hou, Yu and Samaras 2016, "Squared earth mover's
    distance-based loss for training deep neural networks"). pred and target have one shape; an item is a pair of rows
    along `axis`. With ``normalize=True`` rows are divided by their sums first, and gradients are those of the quotient;
    a pair without mass on one side has the value 0. With ``normalize=False`` what one side has more than the other goes
    on to one bin behind the last: it costs like any other move, and the more, the further in front it is left over.

    The gradient is that by pred; ``wrt="target"`` gives that by the target, ``wrt=("pred", "target")`` or ``"both"``
    both in a tuple. At P = 1 a cumulated difference of 0 has the slope 0. There is no Hessian. Of logits, `SquaredEMD`
    takes the softmax too.

    Args:
        p: The exponent P, 1 or 2.
        normalize: Whether histograms are divided by their sums.
        axis: That of the bins.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Shapes differ, or an entry is negative or infinite.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.HistogramEMD().value_and_grad([[1.0, 1.0, 0.0]], [[0.0, 1.0, 1.0]])
        >>> value, grad.tolist()
        (1.0, [[0.25, -0.25, -0.75]])
        >>> fl.histogram_emd([1.0, 0.0, 0.0], [0.0, 0.0, 2.0], normalize=False)
        3.0
    """

    p: int = option(default=1, accepts=Integer(least=1))
    normalize: bool = option(default=True, accepts=Flag())

    name = "histogram_emd"
    aliases = ("emd", "earth_mover_distance", "cdf_distance")
    facts = Facts(
        task="classes in an order, as distributions",
        activation="softmax",
        robustness="mass that is far off costs in proportion to its distance; at p = 2 mass counts with its square",
        smoothness="p = 1: piecewise linear; p = 2: infinitely differentiable",
        samples=({}, {"p": 2}, {"normalize": False, "axis": 0}, {"p": 2, "normalize": False}),
    )
    traits = Traits()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.p > 2:
            raise ValueError(f"HistogramEMD: p must be 1 or 2, got {self.p}")

    def of_rows(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:
        totals = [x.sum(axis=1, keepdims=True) for x in (pred, target)]
        if not self.normalize:
            totals = [np.ones_like(total) for total in totals]
        there = (totals[0] != 0) & (totals[1] != 0)
        totals = [np.where(there, total, 1.0) for total in totals]
        shares = [x / total for x, total in zip((pred, target), totals, strict=True)]
        apart = np.cumsum(shares[0] - shares[1], axis=1)
        if self.normalize:
            apart[:, -1] *= 0  # NaN stays
        cost, slope = cost_of(apart, self.p)
        by_pred = slope[:, ::-1].cumsum(axis=1)[:, ::-1]
        grads = [by_pred, -by_pred]
        if self.normalize:
            grads = [
                np.where(there, (g - np.sum(s * g, axis=1, keepdims=True)) / total, 0.0)
                for g, s, total in zip(grads, shares, totals, strict=True)
            ]
        return np.where(there[:, 0], cost.sum(axis=1), 0.0), grads[0], grads[1]
