"""Losses of a relative error."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from ..arrays import Array
from ..domains import POSITIVE
from ..facts import Facts, Kink, Traits
from ..kinds.elementwise import Elementwise, constant
from ..operands import PredTarget
from ..options import Real, option
from .residual import parts


class MSLE(PredTarget, Elementwise):
    r"""The square of the difference of logarithms.

    .. math:: l = \left(\log(1 + \max(z, \varepsilon)) - \log(1 + \max(y, \varepsilon))\right)^2

    pred and target have one shape; every element is an item. Amounts are meant to be >= 0: below eps, pred is taken for
    eps and the derivative is 0, that at z = eps being the ordinary one. Values close to the target keep all their
    digits. The loss is not convex: the second derivative is negative where 1 + z exceeds e (1 + y), so boosting
    libraries need ``min_hessian``.

    Args:
        eps: The least amount; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.MSLE().value_and_grad([1.0, 3.0], [3.0, 3.0])
        >>> round(value, 12), grad.round(6).tolist()  # half the square of the logarithm of 2
        (0.240226506959, [-0.346574, 0.0])
    """

    eps: float = option(default=1e-7, accepts=Real(POSITIVE))

    aliases = ("mean_squared_logarithmic_error", "squared_log_error", "MeanSquaredLogError")
    facts = Facts(
        task="regression of amounts over several orders of magnitude",
        activation="identity",
        likelihood="log-normal with fixed variance, of one more than the amount",
        robustness="an outlier pulls by the logarithm of its ratio; too small a prediction costs more than too large",
        smoothness="infinitely differentiable above eps, with a kink there",
        samples=({}, {"eps": 0.5}),
        tolerance=16,  # a square doubles the error of the logarithm of a quotient, each good to a few units
        turns=True,
    )
    traits = Traits(symmetric=True)

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return (Kink(self.eps, 1, "pred"),)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "msle", parts(Decimal(self.eps))

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        z, y = np.maximum(pred, self.eps), np.maximum(target, self.eps)
        gap = z - y
        log_ratio = np.sign(gap) * np.log1p(np.abs(gap) / (1 + np.minimum(z, y)))
        inside, outside = ~(pred < self.eps), constant(0.0, log_ratio)
        slope = 2 / (1 + z)
        return (
            log_ratio**2,
            np.where(inside, log_ratio * slope, outside),
            np.where(inside, (1 - log_ratio) * slope / (1 + z), outside),
        )


class MAPE(PredTarget, Elementwise):
    r"""Absolute error relative to the target.

    .. math:: l = \frac{|z - y|}{\max(|y|, \varepsilon)}

    pred and target have one shape; every element is an item. A fraction: Keras gives a hundred times as much. The
    derivative at z = y is 0; the Hessian is 0 everywhere, so boosting libraries need
    ``grad_and_hess(..., hessian="unit")``. It is `MAE` with the weights 1 / max(\|y\|, eps), but for the divisor of a
    mean, and so favours predictions that are too small.

    Args:
        eps: The least size of a target; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.MAPE().value_and_grad([3.0, 5.0], [4.0, 4.0])
        >>> value, grad.tolist()
        (0.25, [-0.125, 0.125])
    """

    eps: float = option(default=1e-7, accepts=Real(POSITIVE))

    aliases = ("mean_absolute_percentage_error", "absolute_percentage_error")
    facts = Facts(
        task="regression with relative errors",
        activation="identity",
        robustness="an outlier pulls no harder than any other item of its target; small targets pull hardest",
        smoothness="continuous, with a kink at 0",
        samples=({}, {"eps": 0.5}),
    )
    traits = Traits(convex=True)
    kinks = (Kink(0.0, 1, "residual"),)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "mape", (self.eps,)

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        r, whole = pred - target, np.maximum(np.abs(target), self.eps)
        return np.abs(r) / whole, np.sign(r) / whole, constant(0.0, r)


class SMAPE(PredTarget, Elementwise):
    r"""Absolute error relative to the mean size of prediction and target.

    .. math:: l = \frac{|z - y|}{(|z| + |y|) / 2}

    pred and target have one shape; every element is an item. The value is in [0, 2]: 0 where both are 0, and 2, with
    the derivative 0, where their signs differ or one of the two is 0. The derivative at z = y is 0. The loss is not
    convex: the second derivative is negative where \|z\| > \|y\|, so boosting libraries need ``min_hessian``.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.SMAPE().value_and_grad([3.0, 1.0], [1.0, 1.0])
        >>> value, grad.tolist()
        (0.5, [0.125, 0.0])
    """

    aliases = ("symmetric_mean_absolute_percentage_error",)
    facts = Facts(
        task="regression with relative errors",
        activation="identity",
        robustness="no item costs more than 2",
        smoothness="continuous but at 0, with a kink at the target",
    )
    traits = Traits(symmetric=True)
    kinks = (Kink(0.0, 1, "residual"), Kink(0.0, 1, "pred"))

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "smape", ()

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        unit = np.where(np.maximum(np.abs(pred), np.abs(target)) < 1e30, 2.0**300, 2.0**-300)  # for sums within range
        a, b = np.abs(pred) * unit, np.abs(target) * unit
        total, gap = np.where(a + b == 0, 1.0, a + b), a - b
        alike = (a > 0) & (b > 0) & (np.sign(pred) == np.sign(target))
        slope = np.where(alike, np.sign(gap) * 4 * (b / total) / total, 0.0)
        flat = (pred - pred) + (target - target)  # NaN if one of them is not finite
        value = np.where(alike, 2 * np.abs(gap) / total, np.where(a + b == 0, 0.0, 2.0))
        return value + flat, np.sign(pred) * slope * unit + flat, -2 * slope * unit / total * unit + flat
