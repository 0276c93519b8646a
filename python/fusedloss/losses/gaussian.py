"""Losses of a normal distribution whose spread is predicted too: of two variables."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array
from ..domains import NOT_NEGATIVE, POSITIVE, Domain
from ..facts import Facts, Traits
from ..kinds.elementwise import Elementwise
from ..operands import PredTargetScale, PredTargetVariance
from ..options import Flag, Real, option
from .residual import difference, product

LN2_HALF = 0.34657359027997264, 1.1595234069231498e-17  # log(2) / 2 in two parts

Derivatives = tuple[Array, tuple[Array, Array], tuple[Array, Array, Array]]


class GaussianNLL(PredTargetVariance, Elementwise):
    r"""The negative log-likelihood of a normal distribution whose mean and variance are predicted.

    .. math:: l = \frac{1}{2} \left(\log v + \frac{(z - y)^2}{v}\right), \quad v = \max(\text{variance}, \varepsilon)

    pred, target and variance have one shape; every element is an item. There are two gradients, to pred and to the
    variance. They are those of the value that is returned: below eps it does not change with the variance, and the
    derivatives by it are 0 there, where PyTorch's gaussian_nll_loss has those at eps. A model that adds eps to its
    variance never gets there. The source is Nix and Weigend 1994, "Estimating the mean and variance of the target
    probability distribution".

    Args:
        full: Whether to add the constant log(2 pi) / 2.
        eps: The least variance; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A variance is negative or infinite.

    Example:
        >>> import fusedloss as fl
        >>> value, (pred, variance) = fl.GaussianNLL().value_and_grad([0.0, 2.0], [1.0, 2.0], [1.0, 1.0])
        >>> value, pred.tolist(), variance.tolist()
        (0.25, [-0.5, 0.0], [0.0, 0.25])
    """

    full: bool = option(default=False, accepts=Flag())
    eps: float = option(default=1e-6, accepts=Real(POSITIVE))

    aliases = ("GaussianNLLLoss", "gaussian_nll_loss", "heteroscedastic_gaussian")
    facts = Facts(
        task="regression with an uncertainty",
        activation="identity",
        likelihood="normal",
        robustness="an outlier pulls in proportion to its distance over the variance",
        smoothness="infinitely differentiable, apart from a kink at eps in the variance",
        samples=({}, {"full": True}, {"eps": 0.5}),
    )
    traits = Traits(nonnegative=False)

    @property
    def domain(self) -> dict[str, Domain]:
        return {"variance": NOT_NEGATIVE}

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "gaussian_nll", (self.eps, self._constant)

    @property
    def _constant(self) -> float:
        return math.log(2 * math.pi) / 2 if self.full else 0.0

    def reference(self, *inputs: Array) -> Derivatives:
        pred, variance, target = inputs
        v = np.maximum(variance, self.eps)
        r, lost = difference(pred, target)
        slope = r / v
        share = slope * r
        # c - share with all its digits near its zero as well: what rounding took from r and from its square counts.
        square, rest = product(r, r)
        rest = rest + 2 * r * lost

        def less_share(c: float) -> Array:
            return np.where(share < 4, ((c * v - square) - rest) / v, c - share)

        free = ~(variance < self.eps)
        by_variance = np.where(free, less_share(1.0) / v / 2, 0.0)
        second = (1 / v, np.where(free, -slope / v, 0.0), np.where(free, -less_share(0.5) / v / v, 0.0))
        return (np.log(v) + share) / 2 + self._constant, (slope, by_variance), second


class CRPSGaussian(PredTargetScale, Elementwise):
    r"""The continuous ranked probability score of a normal distribution whose mean and scale are predicted.

    .. math:: l = \sigma \left(w (2 \Phi(w) - 1) + 2 \varphi(w) - \frac{1}{\sqrt{\pi}}\right)

    with w = (y - z) / sigma. pred, target and scale have one shape; every element is an item. The scale sigma is the
    standard deviation; Phi and phi are the standard normal distribution's probability and density. The score is in the
    unit of the target, and becomes the absolute error as sigma goes to 0. There are two gradients, to pred and to the
    scale. The source is Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction, and estimation".

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A scale is not positive and finite.

    Example:
        >>> import fusedloss as fl
        >>> value, (pred, scale) = fl.CRPSGaussian().value_and_grad([0.0], [0.0], [1.0])
        >>> round(value, 6), pred.tolist(), [round(x, 6) for x in scale.tolist()]
        (0.233695, [0.0], [0.233695])
    """

    aliases = ("crps", "crps_normal")
    facts = Facts(
        task="regression with an uncertainty",
        activation="identity",
        robustness="an outlier pulls pred with a force of at most 1",
        smoothness="infinitely differentiable",
    )
    traits = Traits(convex=True)

    @property
    def domain(self) -> dict[str, Domain]:
        return {"scale": POSITIVE}

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "crps_gaussian", ()

    def reference(self, *inputs: Array) -> Derivatives:
        pred, scale, target = inputs
        r, lost = difference(pred, target)
        w = r / scale
        exact, rest = product(w, scale)
        w_lost = np.nan_to_num(((r - exact) - rest + lost) / scale)
        square, rest = product(w, w)
        exponent, tail = -square / 2, -rest / 2 - w * w_lost
        # 2 phi(w) - 1 / sqrt(pi) crosses 0: as an expm1, sqrt(2) being e^(ln 2 / 2).
        by_scale = np.expm1((LN2_HALF[0] + exponent) + (LN2_HALF[1] + tail)) / math.sqrt(math.pi)
        central = np.vectorize(math.erf, otypes=[float])(w / math.sqrt(2))
        half = np.exp(exponent / 2)  # the exponential half by half: it leaves the range before the quotient does
        peak = math.sqrt(2 / math.pi) * (1 + tail)
        at = np.where(half == 0, 0.0, w)
        by_pred, by_both, by_scales = (half * (x * peak / scale) * half for x in (1.0, -at, at * at))
        return r * central + scale * by_scale, (central, by_scale), (by_pred, by_both, by_scales)
