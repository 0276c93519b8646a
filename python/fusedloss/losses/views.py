"""Losses of two views of a batch that need no negatives: what dimensions say, and that each says something else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import Array
from ..domains import NOT_NEGATIVE, POSITIVE
from ..facts import Facts, Traits
from ..kinds.similarities import pull, similarities
from ..kinds.views import Standardised, Views
from ..operands import ViewsOfBatch
from ..options import Flag, Real, option

# Products add up in the precision of the views.
PRODUCTS = 128.0


class BarlowTwins(ViewsOfBatch, Views):
    r"""The correlations between dimensions of two views as the identity matrix.

    .. math::
        l = \sum_i (1 - C_{ii})^2 + \lambda \sum_i \sum_{j \neq i} C_{ij}^2, \quad
        C_{ij} = \frac{1}{B} \sum_b \hat x_{bi} \hat y_{bj}, \quad \hat x = \frac{x - \bar x}{\sigma_x + \epsilon}

    From Zbontar et al. 2021, "Barlow Twins: self-supervised learning via redundancy reduction". view1 and view2 have
    the shape (samples, dimensions), with at least two samples; means and deviations are over samples. The item is the
    whole batch, so that no reduction changes the value, and there are no shards. There are two gradients, and no
    Hessian. A dimension in which all samples are the same is 0; the deviation, which has no derivative there, has the
    slope 0.

    Correlations are made in blocks: beside the results a call takes 16 MB and some times what the views take, however
    many dimensions they have. Products are NumPy's, and so are their threads and last bits.

    Args:
        lambd: :math:`\lambda` >= 0.
        unbiased: Whether the variance is divided by B - 1 in place of B, as in MONAI: C is then (B - 1) / B times as
            large.
        eps: :math:`\epsilon` > 0.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: There are fewer than two samples.

    Example:
        >>> import fusedloss as fl
        >>> view1, view2 = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
        >>> value, (first, second) = fl.BarlowTwins(lambd=0.5).value_and_grad(view1, view2)
        >>> round(value, 5), first.shape
        (0.25, (3, 2))
    """

    lambd: float = option(default=5e-3, accepts=Real(NOT_NEGATIVE))
    unbiased: bool = option(default=False, accepts=Flag())
    eps: float = option(default=1e-6, accepts=Real(POSITIVE))

    aliases = ("barlow",)
    facts = Facts(
        task="self-supervised learning of embeddings",
        activation="identity",
        robustness="one sample counts in every correlation, in proportion to how far it is out",
        smoothness="infinitely differentiable but where a dimension is constant",
        tolerance=PRODUCTS,
        samples=({}, {"lambd": 0.5, "unbiased": True}, {"eps": 0.3}),
    )
    traits = Traits(symmetric=True)

    def of_views(
        self, first: Array, second: Array, dtype: np.dtype[Any], wants_slopes: bool
    ) -> tuple[float, tuple[Array, Array] | None]:
        views = [Standardised.of(x, self.eps, int(self.unbiased)) for x in (first, second)]
        rows, columns = (np.ascontiguousarray(view.rows.T, dtype) for view in views)
        by_rows, by_columns = (np.zeros_like(rows) for _ in range(2)) if wants_slopes else (None, None)
        terms, factor = [], 1 / len(first)
        for block, correlations in similarities(rows, columns, factor):
            own = np.arange(len(correlations)), np.arange(block.start, block.stop)
            gap = correlations[own].astype(np.float64) - 1
            correlations[own] = 0
            terms.append(np.sum(gap * gap) + self.lambd * np.sum(correlations * correlations, dtype=np.float64))
            if by_rows is not None and by_columns is not None:
                correlations *= dtype.type(2 * self.lambd)
                correlations[own] = 2 * gap
                pull(rows, columns, block, correlations, factor, by_rows, by_columns)
        value = math.fsum(terms) if np.isfinite(terms).all() else float(np.sum(terms))
        if by_rows is None or by_columns is None:
            return value, None
        by_first, by_second = (x.T.astype(np.float64) for x in (by_rows, by_columns))
        return value, (views[0].pull(by_first), views[1].pull(by_second))


class VICReg(ViewsOfBatch, Views):
    r"""Two views of a sample the same, each dimension of some variance, and no two of them with a covariance.

    .. math::
        l = \frac{\lambda}{B D} \sum_b |x_b - y_b|^2 + \mu \frac{v(x) + v(y)}{2} + \nu \, (c(x) + c(y)), \quad
        v(x) = \frac{1}{D} \sum_j \max(0, \gamma - \sqrt{V_{jj} + \epsilon}), \quad
        c(x) = \frac{1}{D} \sum_i \sum_{j \neq i} V_{ij}^2, \quad
        V = \frac{1}{B - 1} \sum_b (x_b - \bar x) (x_b - \bar x)^T

    From Bardes, Ponce and LeCun 2022, "VICReg: variance-invariance-covariance regularization for self-supervised
    learning", as in the authors' code and in pytorch-metric-learning: the paper's own formula has no division by D in
    the first term, and none by 2 in the second one. view1 and view2 have the shape (samples, dimensions), with at least
    two samples. The item is the whole batch, so that no reduction changes the value, and there are no shards. There are
    two gradients, 0 at the kink of the second term, and no Hessian.

    Covariances are made in blocks: beside the results a call takes 16 MB and some times what the views take, however
    many dimensions they have. Products are NumPy's, and so are their threads and last bits.

    Args:
        invariance: :math:`\lambda` >= 0.
        variance: :math:`\mu` >= 0.
        covariance: :math:`\nu` >= 0.
        gamma: :math:`\gamma`, what deviations should come up to.
        eps: :math:`\epsilon` > 0, which keeps the root's derivative finite.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: There are fewer than two samples.

    Example:
        >>> import fusedloss as fl
        >>> view1, view2 = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
        >>> value, (first, second) = fl.VICReg().value_and_grad(view1, view2)
        >>> round(value, 4), first.shape
        (12.2286, (3, 2))
    """

    invariance: float = option(default=25.0, accepts=Real(NOT_NEGATIVE))
    variance: float = option(default=25.0, accepts=Real(NOT_NEGATIVE))
    covariance: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    gamma: float = option(default=1.0, accepts=Real())
    eps: float = option(default=1e-4, accepts=Real(POSITIVE))

    name = "vicreg"
    aliases = ("variance_invariance_covariance",)
    facts = Facts(
        task="self-supervised learning of embeddings",
        activation="identity",
        robustness="a pair that does not belong together pulls in proportion to its distance",
        smoothness="continuous, with a kink where a dimension has the deviation gamma",
        tolerance=PRODUCTS,
        samples=({}, {"invariance": 1.0, "variance": 3.0, "covariance": 5.0, "gamma": 1.5, "eps": 0.1}),
    )
    traits = Traits(symmetric=True)

    def of_views(
        self, first: Array, second: Array, dtype: np.dtype[Any], wants_slopes: bool
    ) -> tuple[float, tuple[Array, Array] | None]:
        gap = first - second
        value = self.invariance * float(np.mean(gap * gap))
        (one, by_first), (other, by_second) = (self._of_view(x, dtype, wants_slopes) for x in (first, second))
        value += one + other
        if by_first is None or by_second is None:
            return value, None
        gap *= 2 * self.invariance / gap.size
        return value, (by_first + gap, by_second - gap)

    def _of_view(self, x: Array, dtype: np.dtype[Any], wants_slopes: bool) -> tuple[float, Array | None]:
        """What a view costs by itself."""
        samples, dimensions = x.shape
        apart = x - x.mean(axis=0)
        deviation = np.sqrt(np.sum(apart * apart, axis=0) / (samples - 1) + self.eps)
        lack = np.maximum(self.gamma - deviation, 0)
        terms = [self.variance * float(np.mean(lack)) / 2]
        rows = np.ascontiguousarray(apart.T, dtype)
        by_rows = np.zeros_like(rows) if wants_slopes else None
        factor = 1 / (samples - 1)
        for block, covariances in similarities(rows, rows, factor):
            covariances[np.arange(len(covariances)), np.arange(block.start, block.stop)] = 0
            squares = np.sum(covariances * covariances, dtype=np.float64)
            terms.append(self.covariance * float(squares) / dimensions)
            if by_rows is not None:  # twice of what each covariance gives to the one row, as it stands there twice
                by_rows[block] = covariances @ rows
        value = math.fsum(terms) if np.isfinite(terms).all() else sum(terms)
        if by_rows is None:
            return value, None
        by_deviation = np.where(lack == 0, 0.0, -self.variance / (2 * dimensions * (samples - 1) * deviation))
        slopes = by_rows.T.astype(np.float64) * (4 * self.covariance * factor / dimensions)
        return value, slopes + by_deviation * apart
