"""Distances between distributions by the distances of all pairs of their samples."""

from __future__ import annotations

import functools
import math

import numpy as np

from ..arrays import Array
from ..domains import POSITIVE
from ..facts import Facts, Traits
from ..kinds.clouds import Cloud, median_square
from ..kinds.discrepancy import Discrepancy, Function
from ..operands import Samples
from ..options import Choice, Flag, OneOrTuple, Or, option

# Values are differences of means over all pairs.
PAIRS = 64.0


class EnergyDistance(Samples, Discrepancy):
    r"""The energy distance between point clouds: how far they are from one another, less how far within themselves.

    .. math:: l = 2\, E|X - Y| - E|X - X'| - E|Y - Y'|

    From Szekely and Rizzo 2013, "Energy statistics"; it is 0 only for equal distributions, and `MMD` with -|x - y| for
    a kernel. x has the shape (..., samples, dimensions), y the same but for the number of samples; x_weight and
    y_weight have that of x and y without dimensions. Weights are divided by their sum, None stands for equal ones. An
    item is a pair of clouds; one without weight on a side has the value 0. There are gradients to x, y and the weights
    given; points at the same place have no slope between them. There is no Hessian.

    Expectations are over all pairs, those of a point with itself among them (a V-statistic, as geomloss and SciPy have
    it: SciPy's is the root); with ``unbiased=True`` over pairs of different points within a cloud, so that the value
    may be negative.

    Distances are made in blocks, in double precision whatever that of the points: time grows with the square of their
    number, memory with the number. Products are NumPy's, and so are their threads and last bits.

    Args:
        unbiased: Whether pairs of a point with itself are left out.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Shapes do not fit, a weight is negative or not finite, or pairs within a cloud are asked for that
            has but one point.

    Example:
        >>> import fusedloss as fl
        >>> value, (to_x, to_y) = fl.EnergyDistance().value_and_grad([[0.0], [2.0]], [[3.0]])
        >>> value, to_x.tolist(), to_y.tolist()
        (3.0, [[-0.5], [-1.5]], [[2.0]])
    """

    unbiased: bool = option(default=False, accepts=Flag())

    aliases = ("energy", "energy_statistic")
    facts = Facts(
        task="matching the distribution of points",
        activation="identity",
        robustness="a point that is far off costs in proportion to its distance",
        smoothness="infinitely differentiable but where two points meet",
        samples=({}, {"unbiased": True}),
        tolerance=PAIRS,
    )
    traits = Traits()

    def function_of(self, cloud: Cloud, unit: float) -> Function:
        return self._of_squares

    @staticmethod
    def _of_squares(squares: Array) -> tuple[Array, Array]:
        distance = np.sqrt(squares)
        slope = np.divide(-0.5, distance, out=squares)
        slope[distance == 0] = 0
        return np.negative(distance, out=distance), slope


class MMD(Samples, Discrepancy):
    r"""The square of the maximum mean discrepancy between point clouds.

    .. math:: l = E\, k(X, X') + E\, k(Y, Y') - 2\, E\, k(X, Y)

    From Gretton et al. 2012, "A kernel two-sample test". With d = |x - y| and the bandwidth s the kernel k is one of

    - ``"gaussian"``: :math:`e^{-d^2 / 2 s^2}`;
    - ``"laplacian"``: :math:`e^{-d / s}`;
    - ``"rational"``: :math:`1 / (1 + d^2 / 2 s^2)`, the rational quadratic kernel of exponent 1;

    of several bandwidths their mean. Operands, items, weights and gradients are as in `EnergyDistance`. Expectations
    are over all pairs, those of a point with itself among them (the biased V-statistic, never negative but for
    rounding); with ``unbiased=True`` over pairs of different points within a cloud. The Laplacian kernel has a kink
    where points meet; its slope is 0 there.

    ``bandwidth="median"`` takes for s the median distance between any two different points of an item, those of both
    clouds together (Gretton et al., section 8): points of weight 0 and distances of 0 are left out, of two in the
    middle the lower one counts, and where all points are at one place s is 1. The gradient holds s constant, as is the
    custom: it is that of the value with this bandwidth given, and says nothing of how s moves with the points.

    Distances are made in blocks, in double precision whatever that of the points: time grows with the square of their
    number, memory with the number. Products are NumPy's, and so are their threads and last bits.

    Args:
        kernel: ``"gaussian"``, ``"laplacian"`` or ``"rational"``.
        bandwidth: s > 0, in the unit of the points; a tuple for several; or ``"median"``.
        unbiased: Whether pairs of a point with itself are left out.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Shapes do not fit, a weight is negative or not finite, or pairs within a cloud are asked for that
            has but one point.

    Example:
        >>> import fusedloss as fl
        >>> value, (to_x, to_y) = fl.MMD(bandwidth=2.0).value_and_grad([[0.0], [2.0]], [[3.0]])
        >>> round(value, 6), to_x.round(4).tolist()
        (0.596116, [[-0.0919], [-0.3723]])
        >>> x, y = [[0.0], [2.0]], [[3.0]]  # distances of 1, 2 and 3
        >>> fl.MMD(bandwidth="median")(x, y) == fl.MMD(bandwidth=2.0)(x, y)
        True
    """

    kernel: str = option(default="gaussian", accepts=Choice("gaussian", "laplacian", "rational"))
    bandwidth: float | tuple[float, ...] | str = option(default=1.0, accepts=Or("median", OneOrTuple(POSITIVE)))
    unbiased: bool = option(default=False, accepts=Flag())

    aliases = ("maximum_mean_discrepancy", "kernel_two_sample")
    facts = Facts(
        task="matching the distribution of points",
        activation="identity",
        robustness="a point that is far off costs no more than the kernel at 0; some bandwidths off, it has no slope",
        smoothness="infinitely differentiable; the Laplacian kernel but where two points meet",
        samples=(
            {},
            {"bandwidth": (0.5, 2.0), "unbiased": True},
            {"kernel": "laplacian", "bandwidth": 2.0},
            {"kernel": "rational", "bandwidth": (1.0, 3.0)},
        ),
        tolerance=PAIRS,
    )
    traits = Traits()

    def function_of(self, cloud: Cloud, unit: float) -> Function:
        if isinstance(self.bandwidth, str):
            found = unit * math.sqrt(median_square(cloud))
            return functools.partial(self._of_squares, bandwidths=(found or 1.0,))
        bandwidths = self.bandwidth if isinstance(self.bandwidth, tuple) else (float(self.bandwidth),)
        return functools.partial(self._of_squares, bandwidths=bandwidths)

    def _of_squares(self, squares: Array, bandwidths: tuple[float, ...]) -> tuple[Array, Array]:
        value, slope = (sum(each) for each in zip(*(self._of(squares, s) for s in bandwidths), strict=True))
        value /= len(bandwidths)
        slope /= len(bandwidths)
        return value, slope

    def _of(self, squares: Array, bandwidth: float) -> tuple[Array, Array]:
        """The same with one bandwidth."""
        if self.kernel == "laplacian":
            distance = np.sqrt(squares)
            value = np.exp(distance / -bandwidth)
            slope = np.divide(value, -2 * bandwidth * np.where(distance == 0, np.inf, distance))
            return value, slope
        rate = 0.5 / bandwidth / bandwidth
        if self.kernel == "rational":
            value = 1 / (1 + squares * rate)
            return value, value * value * -rate
        value = np.exp(squares * -rate)
        return value, value * -rate
