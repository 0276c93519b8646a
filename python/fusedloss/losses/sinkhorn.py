"""Transport between clouds of points with an entropic penalty."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array
from ..domains import POSITIVE, Interval
from ..facts import Facts, Traits
from ..kinds.sinkhorn import Entropic
from ..operands import SamplesOrCosts
from ..options import Flag, Integer, Maybe, Real, option


class Sinkhorn(SamplesOrCosts, Entropic):
    r"""The Sinkhorn divergence between point clouds: transport with an entropic penalty, less its bias.

    .. math::
        l = T(x, y) - \tfrac12 T(x, x) - \tfrac12 T(y, y), \quad
        T = \min_{\pi} \sum_{ij} \pi_{ij} C_{ij} + \varepsilon\, \mathrm{KL}(\pi \,|\, a b^T)

    over the plans pi with sums a and b, the weights, and with :math:`C = |x - y|^p / p` and
    :math:`\varepsilon = \mathrm{blur}^p`, as geomloss has it (Feydy et al. 2019, "Interpolating between optimal
    transport and MMD using Sinkhorn divergences"). With a small blur it is transport, with a large one a discrepancy of
    means. ``debias=False`` gives T(x, y) alone. With a ``reach`` sums need not be the weights: a difference costs
    :math:`\mathrm{reach}^p` times its Kullback-Leibler divergence, so that hardly anything moves farther than reach
    (Sejourne et al. 2019, "Sinkhorn divergences for unbalanced optimal transport").

    x has the shape (..., samples, dimensions), y the same but for the number of samples; x_weight and y_weight have
    that of x and y without dimensions. In place of points, x can be the costs C of each pair, (..., samples of x,
    samples of y), without y and with ``debias=False``; p only turns blur and reach into their powers then. An item is a
    pair of clouds. Weights are divided by their sum, with a reach they are taken as they are; None stands for equal
    shares of 1. An item without weight on a side has the value 0.

    Sinkhorn's iterations are made on logarithms, in double precision, until the sums of the plan miss the weights by no
    more than the tolerance, as a part of the whole. Where they do not get there, there is a `RuntimeWarning`, and the
    result is what they got to; `with_aux` tells for each item how far they came. The value is that of the dual problem,
    whose error is of the order of the square of what is missing. Gradients to x, y and the weights given are those at
    fixed potentials: at convergence they are the derivative of the value, before it as good as the potentials. Points
    at the same place have no slope between them. There is no Hessian.

    Costs are kept if they take less than 64 MB, otherwise made in blocks in each iteration: memory grows with the
    number of points.

    Args:
        blur: The distance below which points are not told apart, > 0.
        p: The power of a distance, >= 1.
        debias: Whether what transport within each cloud costs is taken off; then equal clouds have the value 0.
        reach: The distance beyond which hardly anything is moved; None if all is.
        tolerance: What may be missing.
        max_iterations: The most iterations, those with a larger blur in the beginning among them.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Shapes do not fit, a weight is negative or not finite, or costs are to be debiased.

    Example:
        >>> import fusedloss as fl
        >>> loss = fl.Sinkhorn(blur=0.5)
        >>> value, (to_x, to_y) = loss.value_and_grad([[0.0], [2.0]], [[1.0], [3.0]])
        >>> round(value, 4), to_x.round(4).tolist()  # half of the square of the way of each
        (0.5, [[-0.5], [-0.5]])
        >>> costs = [[0.0, 1.0], [1.0, 0.0]]
        >>> fl.Sinkhorn(blur=0.1, debias=False).grad(costs)[0].round(4).tolist()  # the plan
        [[0.5, 0.0], [0.0, 0.5]]
    """

    blur: float = option(default=0.05, accepts=Real(POSITIVE))
    p: float = option(default=2.0, accepts=Real(Interval(1, high_open=True)))
    debias: bool = option(default=True, accepts=Flag())
    reach: float | None = option(default=None, accepts=Maybe(Real(POSITIVE)))
    tolerance: float = option(default=1e-5, accepts=Real(POSITIVE))
    max_iterations: int = option(default=1000, accepts=Integer(least=1))

    aliases = ("sinkhorn_divergence", "entropic_transport")
    facts = Facts(
        task="matching the distribution of points",
        activation="identity",
        robustness="a point that is far off costs a power of its distance; with a reach no more than leaving it there",
        smoothness="infinitely differentiable; p < 2: but where two points meet",
        samples=(
            {},
            {"blur": 0.3, "p": 1.0},
            {"blur": 0.5, "debias": False},
            {"blur": 0.4, "reach": 1.0},
            {"blur": 0.5, "p": 1.5, "reach": 2.0, "debias": False},
        ),
        tolerance=2.0**10,  # plans are exponentials of costs over eps
    )
    traits = Traits()

    @property
    def eps(self) -> float:
        return math.pow(self.blur, self.p)

    @property
    def rho(self) -> float:
        return math.inf if self.reach is None else math.pow(self.reach, self.p)

    @property
    def debiased(self) -> bool:
        return self.debias

    def of_squares(self, squares: Array) -> tuple[Array, Array]:
        if self.p == 2:
            return squares / 2, np.broadcast_to(0.5, squares.shape)
        cost = squares ** (self.p / 2) / self.p
        return cost, np.where(squares > 0, squares ** (self.p / 2 - 1) / 2, 0.0)
