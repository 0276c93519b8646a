"""Negative log-likelihoods of counts and amounts, most of them of the logarithm of a mean."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..arrays import Array
from ..domains import FINITE, NOT_NEGATIVE, POSITIVE, Domain, Interval
from ..facts import Facts, Traits
from ..kinds.elementwise import Elementwise, constant, times
from ..operands import PredTarget
from ..options import Flag, Real, option
from .residual import difference

BEYOND = 1e5  # the exponential of it is infinite, and 0 on the other side


class Poisson(PredTarget, Elementwise):
    r"""The negative log-likelihood of a count, from the logarithm of its mean.

    .. math:: l = e^z - y z, \qquad \text{with ``log_input=False``}\quad l = z - y \log(z + \varepsilon)

    pred and target have one shape; every element is an item. The target is a count, or any number >= 0. The part of
    the likelihood that pred has no influence on is left out; ``full=True`` adds it for y > 1 by Stirling's formula,
    y log y - y + log(2 pi y) / 2, whereupon the value is never negative. With ``log_input=False`` pred is the mean
    itself, >= 0. It is `Tweedie` of power 1, and up to terms of the target alone half the Poisson deviance.

    The value and the derivatives are infinite where e^z exceeds the largest number of the arithmetic, beyond z = 88.7
    in float32 and 709.8 in float64. At z = -inf a count of 0 has the value 0, any other an infinite one.

    Args:
        log_input: Whether pred is the logarithm of the mean, and not the mean.
        full: Whether to add Stirling's approximation of log y! for y > 1.
        eps: What is added to a mean before its logarithm is taken; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target, or a mean, is negative or infinite.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Poisson().value_and_grad([0.0, 0.0], [0, 3])
        >>> value, grad.tolist()
        (1.0, [0.5, -1.0])
        >>> round(fl.poisson([2.0], [3], log_input=False, full=True), 6)
        1.68464
    """

    log_input: bool = option(default=True, accepts=Flag())
    full: bool = option(default=False, accepts=Flag())
    eps: float = option(default=1e-8, accepts=Real(POSITIVE))

    aliases = ("PoissonNLL", "PoissonNLLLoss", "poisson_nll_loss", "HalfPoissonLoss")
    facts = Facts(
        task="regression of counts",
        activation="exp",
        likelihood="Poisson",
        robustness="an outlier pulls in proportion to its distance",
        smoothness="infinitely differentiable",
        samples=(
            {},
            {"full": True},
            {"log_input": False},
            {"log_input": False, "eps": 0.5},
            {"log_input": False, "full": True},
        ),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, nonnegative=self.full and (self.log_input or self.eps <= 0.9))

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": NOT_NEGATIVE} if self.log_input else {"target": NOT_NEGATIVE, "pred": NOT_NEGATIVE}

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        full = "_full" if self.full else ""
        return ("poisson" + full, ()) if self.log_input else ("poisson_rate" + full, (self.eps,))

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        many = np.maximum(target, 1.0)
        stirling = np.log(2 * np.pi * many) / 2
        if self.log_input:
            mean = np.exp(pred)
            value = mean - times(target, np.minimum(pred, BEYOND))
            if self.full:  # the large terms are y (e^t - 1 - t), never negative
                t = np.minimum(pred, BEYOND) - np.log(many)
                near = many * (np.expm1(np.clip(t, -1, 1)) - t)
                deviance = np.where(np.abs(t) < 1, near, mean - many * (1 + t))
                value = np.where(target > 1, deviance + stirling, value)
            return value, mean - target, mean
        mean, lost = difference(pred, constant(-self.eps, pred))
        value = pred - target * (np.log(mean) + lost / mean)
        if self.full:
            x = ((mean - many) + lost) / many
            log_ratio = np.where(np.abs(x) < 0.5, np.log1p(np.maximum(x, -0.5)), np.log(mean / many))
            value = np.where(target > 1, many * (x - log_ratio) + stirling - self.eps, value)
        return value, ((mean - target) + lost) / mean, target / mean / mean


class Gamma(PredTarget, Elementwise):
    r"""Half the gamma deviance of a positive amount, from the logarithm of its mean.

    .. math:: l = z + y e^{-z}

    pred and target have one shape; every element is an item. The gradient is a relative error, 1 - y / e^z. The
    deviance's part of the target alone, -log y - 1, is left out, as scikit-learn's HalfGammaLoss does. It is `Tweedie`
    of power 2.

    The value and the derivatives are infinite only where they exceed the largest number of the arithmetic, also where
    e^-z does and its product with y does not.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is not positive and finite.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Gamma().value_and_grad([0.0, 0.0], [1.0, 3.0])
        >>> value, grad.tolist()
        (2.0, [0.0, -1.0])
    """

    aliases = ("GammaDeviance", "HalfGammaLoss")
    facts = Facts(
        task="regression of positive amounts",
        activation="exp",
        likelihood="gamma with fixed shape",
        robustness="an item pulls in proportion to its relative error",
        smoothness="infinitely differentiable",
    )
    traits = Traits(convex=True, nonnegative=False)

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": POSITIVE}

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "gamma", ()

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        ratio = target * np.exp(-pred)
        value = np.where(pred == -np.inf, -pred, pred + ratio)
        return value, 1 - ratio, ratio


class Tweedie(PredTarget, Elementwise):
    r"""Half the Tweedie deviance of an amount, from the logarithm of its mean.

    .. math:: l = \frac{e^{(2 - p) z}}{2 - p} - y \frac{e^{(1 - p) z}}{1 - p}

    and for the powers where that has no limit (e^z - y)^2 / 2 (p = 0), e^z - y z (p = 1: `Poisson`) and z + y e^-z
    (p = 2: `Gamma`). Parts of the target alone are left out, as in scikit-learn's HalfTweedieLoss, and differ for these
    three: values of different powers cannot be compared. Their derivatives change smoothly with p.

    pred and target have one shape; every element is an item. Targets are finite, for p > 0 not negative, for p >= 2
    positive; for 1 < p < 2 many of them may be 0, as insurance claims are. For targets up to 1e30 the value and the
    derivatives are infinite only where they exceed the largest number of the arithmetic: where e^z, or one of the two
    terms, exceeds it before, they are still finite.

    Args:
        power: p, the variance as a power of the mean, in [-100, 100]: 0 normal, 1 Poisson, 1 to 2 compound Poisson and
            gamma, 2 gamma, 3 inverse Gaussian. No distribution belongs to powers between 0 and 1, but the loss is still
            minimised by the mean.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is outside the domain of the power.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Tweedie(power=1.5).value_and_grad([0.0, 0.0], [0.0, 2.0])
        >>> value, grad.tolist()
        (4.0, [0.5, -0.5])
    """

    power: float = option(default=1.5, accepts=Real(Interval(-100, 100)))

    aliases = ("TweedieDeviance", "HalfTweedieLoss")
    facts = Facts(
        task="regression of amounts",
        activation="exp",
        likelihood="Tweedie with fixed dispersion",
        robustness="the larger the power, the less an outlier above pulls",
        smoothness="infinitely differentiable",
        samples=(
            {},
            {"power": -0.7},
            {"power": 0.0},
            {"power": 0.3},
            {"power": 1.0},
            {"power": 1.1},
            {"power": 2.0},
            {"power": 3.0},
        ),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=1 <= self.power <= 2, nonnegative=self.power == 0 or 1 < self.power < 2)

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": FINITE if self.power <= 0 else NOT_NEGATIVE if self.power < 2 else POSITIVE}

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        if self.power in (0, 1, 2):
            return {0: "tweedie_normal", 1: "poisson", 2: "gamma"}[int(self.power)], ()
        domain = (float(self.power > 0), float(self.power >= 2))
        return "tweedie", (*_less(2, self.power), *_less(1, self.power), *domain)

    @np.errstate(over="ignore")
    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        if self.power == 1:
            return Poisson().reference(*inputs)
        if self.power == 2:
            return Gamma().reference(*inputs)
        pred, target = inputs
        mean = np.exp(pred)
        if self.power == 0:
            return (mean - target) ** 2 / 2, mean * (mean - target), mean * (2 * mean - target)
        of_mean, of_target = _less(2, self.power), _less(1, self.power)
        # The exponential of one of the terms comes out of both: the two together may be out of range.
        above = mean >= np.abs(target)
        factor = np.where(above, _exp_of_product(of_mean, pred), _exp_of_product(of_target, pred))
        u = np.where(above, 1.0, mean)
        v = np.where(above, times(target, 1 / mean), target)
        a, b = sum(of_mean), sum(of_target)
        return factor * (u / a - v / b), factor * (u - v), factor * (a * u - b * v)


def _less(number: int, power: float) -> tuple[float, float]:
    """``number - power`` in two parts, the first one a number of float32: an exponent multiplies what is lost."""
    exact = number - Fraction(power)
    high = float(np.float32(float(exact)))
    return high, float(exact - Fraction(high))


def _exp_of_product(factor: tuple[float, float], x: Array) -> Array:
    """The exponential of a product, without its rounding error. The first part of the factor has 24 bits."""
    high, low = factor
    x = np.clip(x, -1e30, 1e30)
    wide = 134217729.0 * x  # 2^27 + 1: x in two parts of 26 bits (Veltkamp 1968)
    front = wide - (wide - x)
    back = x - front
    rough, rest = high * front, high * back + low * x
    product = rough + rest
    lost = np.where(np.abs(product) < BEYOND, rest - (product - rough), constant(0.0, x))
    power: Array = np.exp(np.clip(product, -BEYOND, BEYOND)) * (1 + lost)
    return power
