"""Losses of a residual: pred - target."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..arrays import Array, ArrayLike
from ..domains import NOT_NEGATIVE, OPEN_SHARE, POSITIVE
from ..facts import Facts, Kink, Traits
from ..kinds.elementwise import Elementwise, constant
from ..operands import PredTarget
from ..options import Flag, OneOrTuple, Real, option
from .residual import Residual, difference

LOG_2 = float(np.log(2.0))


class MSE(Residual):
    """Squared error.

    .. math:: l = (z - y)^2

    pred and target have one shape; every element is an item. Twice as steep as the half squared error of ``half=True``,
    whose gradient is the residual itself.

    Args:
        half: Half of it: ``MSE(half=True)`` is ``Huber(delta=d)`` wherever the residual is within d.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.MSE().value_and_grad([1.0, 2.0], [0.0, 4.0])
        >>> value, grad.tolist()
        (2.5, [1.0, -2.0])
    """

    half: bool = option(default=False, accepts=Flag())

    aliases = ("L2", "mean_squared_error", "squared_error", "MSELoss")
    facts = Facts(
        task="regression",
        activation="identity",
        likelihood="normal with fixed variance",
        robustness="an outlier pulls in proportion to its distance",
        smoothness="infinitely differentiable",
        samples=({}, {"half": True}),
    )
    traits = Traits(convex=True, symmetric=True)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "squared", (0.5 if self.half else 1.0,)

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        scale = 0.5 if self.half else 1.0
        return scale * r**2, 2 * scale * r, np.full_like(r, 2 * scale)


class MAE(Residual):
    """Absolute error.

    .. math:: l = |z - y|

    pred and target have one shape; every element is an item. The derivative at a residual of 0 is 0; the Hessian is 0
    everywhere, so boosting libraries need ``grad_and_hess(..., hessian="unit")``. ``Quantile(q=0.5)`` is half of it.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.MAE().value_and_grad([1.0, 2.0], [0.0, 4.0])
        >>> value, grad.tolist()
        (1.5, [0.5, -0.5])
    """

    aliases = ("L1", "mean_absolute_error", "absolute_error", "L1Loss")
    facts = Facts(
        task="regression",
        activation="identity",
        likelihood="Laplace with fixed scale",
        robustness="an outlier pulls no harder than any other item; the best constant is the median",
        smoothness="continuous, with a kink at 0",
    )
    traits = Traits(convex=True, symmetric=True, lipschitz=1.0)
    kinks = (Kink(0.0, 1, "residual"),)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "absolute", ()

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        return np.abs(r), np.sign(r), constant(0.0, r)


class Huber(Residual):
    r"""Quadratic within delta, linear beyond (Huber 1964, "Robust estimation of a location parameter").

    .. math::
        l = \begin{cases} r^2 / 2 & |r| \le \delta \\ \delta (|r| - \delta / 2) & |r| > \delta \end{cases},
        \quad r = z - y

    pred and target have one shape; every element is an item. With delta beyond all residuals it is ``MSE(half=True)``.

    Args:
        delta: Where the linear part begins, in the unit of the target; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Huber(delta=1.0).value_and_grad([0.5, 3.0], [0.0, 0.0])
        >>> value, grad.tolist()
        (1.3125, [0.25, 0.5])
    """

    delta: float = option(default=1.0, accepts=Real(POSITIVE))

    aliases = ("HuberLoss",)
    facts = Facts(
        task="regression",
        activation="identity",
        robustness="the pull of an outlier is at most delta",
        smoothness="continuously differentiable; the second derivative jumps at delta",
        samples=({}, {"delta": 0.3}, {"delta": 2.5}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, symmetric=True, lipschitz=self.delta)

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return Kink(-self.delta, 2, "residual"), Kink(self.delta, 2, "residual")

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "huber", (self.delta,)

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        inner = np.clip(r, -self.delta, self.delta)
        quadratic = np.abs(r) <= self.delta
        value = np.where(quadratic, r**2 / 2, self.delta * (np.abs(r) - self.delta / 2))
        return value, inner, np.where(quadratic, 1.0, constant(0.0, r))


class SmoothL1(Residual):
    r"""The Huber loss over beta: slope 1 beyond (Girshick 2015, "Fast R-CNN", with beta = 1).

    .. math::
        l = \begin{cases} r^2 / (2 \beta) & |r| \le \beta \\ |r| - \beta / 2 & |r| > \beta \end{cases},
        \quad r = z - y

    pred and target have one shape; every element is an item. ``beta * SmoothL1(beta=beta)`` is ``Huber(delta=beta)``.

    Args:
        beta: Where the linear part begins, in the unit of the target; >= 0. With 0 (or less than the smallest normal
            float32 number) it is ``MAE()``.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.SmoothL1(beta=0.5).value_and_grad([0.25, 3.0], [0.0, 0.0])
        >>> value, grad.tolist()
        (1.40625, [0.25, 0.5])
    """

    beta: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))

    aliases = ("SmoothL1Loss",)
    facts = Facts(
        task="regression",
        activation="identity",
        robustness="the pull of an outlier is at most 1",
        smoothness="continuously differentiable; the second derivative jumps at beta",
        samples=({}, {"beta": 0.3}, {"beta": 2.5}, {"beta": 0.0}),
    )
    traits = Traits(convex=True, symmetric=True, lipschitz=1.0)

    @property
    def kinks(self) -> tuple[Kink, ...]:
        if self._absolute:
            return (Kink(0.0, 1, "residual"),)
        return Kink(-self.beta, 2, "residual"), Kink(self.beta, 2, "residual")

    @property
    def _absolute(self) -> bool:
        return self.beta < float(np.finfo(np.float32).tiny)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return ("absolute", ()) if self._absolute else ("smooth_l1", (self.beta, 1 / self.beta))

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        flat = constant(0.0, r)
        if self._absolute:
            return np.abs(r), np.sign(r), flat
        quadratic = np.abs(r) <= self.beta
        value = np.where(quadratic, r**2 / (2 * self.beta), np.abs(r) - self.beta / 2)
        slope = np.clip(r, -self.beta, self.beta) / self.beta
        return value, slope, np.where(quadratic, 1 / self.beta, flat)


class PseudoHuber(Residual):
    r"""A smooth Huber loss (Charbonnier et al. 1994, "Two deterministic half-quadratic regularization algorithms").

    .. math:: l = \delta^2 \left(\sqrt{1 + (r / \delta)^2} - 1\right), \quad r = z - y

    pred and target have one shape; every element is an item. Close to ``MSE(half=True)`` for residuals far below delta,
    with all digits at any size, and to delta times ``MAE()`` far beyond.

    Args:
        delta: Where the quadratic turns linear, in the unit of the target; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.PseudoHuber(delta=3.0).value_and_grad([4.0, 0.0], [0.0, 0.0])
        >>> round(value, 12), grad.round(12).tolist()
        (3.0, [1.2, 0.0])
        >>> fl.pseudo_huber([1e-9], [0.0]) / 0.5e-18
        1.0
    """

    delta: float = option(default=1.0, accepts=Real(POSITIVE))

    aliases = ("pseudohuber", "Charbonnier", "pseudohubererror")
    facts = Facts(
        task="regression",
        activation="identity",
        robustness="the pull of an outlier is less than delta",
        smoothness="infinitely differentiable",
        samples=({}, {"delta": 0.3}, {"delta": 2.5}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, symmetric=True, lipschitz=self.delta)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "pseudo_huber", (self.delta, 1 / self.delta, 1.0, self.delta)

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        size = np.abs(r)
        finite = size < np.inf
        x = np.where(finite, size, 0.0) / self.delta
        root = np.sqrt(1 + x**2)
        value = np.where(finite, size * (self.delta * x / (1 + root)), size)
        return (
            value,
            np.where(finite, r / root, self.delta * np.sign(r)),
            np.where(finite, 1 / root**3, constant(0.0, r)),
        )


class LogCosh(Residual):
    r"""The logarithm of the hyperbolic cosine of the residual.

    .. math:: l = \log \cosh r, \quad r = z - y

    pred and target have one shape; every element is an item. Close to ``MSE(half=True)`` for small residuals and to
    |r| - log 2 for large ones, with all digits at any size: the form |r| + log(1 + e^(-2|r|)) - log 2 has none left at
    1e-8.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.LogCosh().value_and_grad([1.0, 0.0], [0.0, 0.0])
        >>> round(value, 12), grad.round(12).tolist()
        (0.216890415242, [0.380797077978, 0.0])
        >>> fl.log_cosh([1e-9], [0.0]) / 0.5e-18
        1.0
    """

    aliases = ("log_cosh_error", "logcosh")
    facts = Facts(
        task="regression",
        activation="identity",
        likelihood="hyperbolic secant with fixed scale",
        robustness="the pull of an outlier is less than 1",
        smoothness="infinitely differentiable",
    )
    traits = Traits(convex=True, symmetric=True, lipschitz=1.0)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "log_cosh", ()

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        r, lost = difference(inputs[0], inputs[1])
        size = np.abs(r)
        e = np.exp(-2 * size)
        # cosh r = 1 + (1 - e^-|r|)^2 e^|r| / 2; beyond 1 the logarithm of 2 is subtracted without harm.
        near = np.minimum(size, 1.0)
        value = np.where(size < 1, np.log1p(np.expm1(-near) ** 2 * np.exp(near) / 2), size + (np.log1p(e) - LOG_2))
        sech2 = 4 * e / (1 + e) ** 2
        # e^-2|r| shows the residual's rounding 2 |r| times over.
        return value, np.tanh(r), sech2 - 2 * np.sign(r) * sech2 * lost


class _Levels(PredTarget, Elementwise):
    """A loss with a level, or several in one pass."""

    level_option: ClassVar[str]
    """The option that holds it."""

    @property
    def levels(self) -> float | tuple[float, ...]:
        """The level, or the levels that the last axis of pred stands for."""
        levels: float | tuple[float, ...] = getattr(self, self.level_option)
        return levels

    def parameters(self) -> tuple[float | Array, ...]:
        return (np.array(self.levels) if isinstance(self.levels, tuple) else self.levels,)

    def _aligned(self, operand: Array, shape: tuple[int, ...], name: str) -> Array:
        if not isinstance(self.levels, tuple):
            return super()._aligned(operand, shape, name)
        if len(shape) == 0 or shape[-1] != len(self.levels):
            raise ValueError(
                f"pred must have a last axis of length {len(self.levels)}, that of {self.level_option}, "
                f"got shape {shape}"
            )
        if operand.shape != shape[:-1]:
            raise ValueError(f"target must have pred's shape without its last axis, {shape[:-1]}, got {operand.shape}")
        return np.broadcast_to(operand[..., np.newaxis], shape)

    def _weight_total(self, target: ArrayLike, sample_weight: ArrayLike | None) -> float:
        if isinstance(self.levels, tuple):
            array = np.asarray(target)
            target = np.broadcast_to(array[..., np.newaxis], (*array.shape, len(self.levels)))
        return super()._weight_total(target, sample_weight)


class Quantile(_Levels):
    r"""The pinball loss, whose best constant is the q-quantile (Koenker and Bassett 1978, "Regression quantiles").

    .. math:: l = \max(q e, (q - 1) e), \quad e = y - z

    With a number q, pred and target have one shape. With a tuple of Q levels, pred has a last axis of length Q that
    target has not: one pass for all levels, an item an element and level. The derivative at e = 0 is 0; the Hessian is
    0 everywhere, so boosting libraries need ``grad_and_hess(..., hessian="unit")``. ``2 * Quantile(q=0.5)`` is
    ``MAE()``.

    Args:
        q: The level or levels, each in (0, 1).
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Quantile(q=0.75).value_and_grad([1.0, 1.0], [2.0, 0.0])
        >>> value, grad.tolist()
        (0.5, [-0.375, 0.125])
        >>> fl.quantile([[1.0, 4.0]], [2.0], q=(0.25, 0.75), reduction="none").tolist()
        [[0.25, 0.5]]
    """

    q: float | tuple[float, ...] = option(default=0.5, accepts=OneOrTuple(OPEN_SHARE))

    level_option = "q"
    aliases = ("Pinball", "PinballLoss", "quantile_loss")
    facts = Facts(
        task="quantile regression",
        activation="identity",
        likelihood="asymmetric Laplace with fixed scale",
        robustness="an outlier pulls no harder than any other item on its side",
        smoothness="continuous, with a kink at 0",
        samples=({}, {"q": 0.9}, {"q": (0.1, 0.5, 0.9)}),
    )
    kinks = (Kink(0.0, 1, "residual"),)

    @property
    def traits(self) -> Traits:
        levels = np.atleast_1d(self.q)
        return Traits(convex=True, symmetric=self.q == 0.5, lipschitz=float(max(levels.max(), 1 - levels.min())))

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "quantile", ()

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target, q = inputs
        e = target - pred
        slope = np.where(e > 0, q, q - 1)
        return np.abs(slope * e), -slope * np.abs(np.sign(e)), constant(0.0, e)


class Expectile(_Levels):
    r"""Asymmetric squares, whose best constant is the tau-expectile (Newey and Powell 1987).

    .. math:: l = |\tau - [e < 0]| e^2, \quad e = y - z

    With a number tau, pred and target have one shape. With a tuple of Q levels, pred has a last axis of length Q that
    target has not: one pass for all levels, an item an element and level. ``2 * Expectile(tau=0.5)`` is ``MSE()``. The
    second derivative at e = 0 is 2 tau, as above it.

    Args:
        tau: The level or levels, each in (0, 1).
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Expectile(tau=0.75).value_and_grad([1.0, 1.0], [2.0, 0.0])
        >>> value, grad.tolist()
        (0.5, [-0.75, 0.25])
        >>> fl.expectile([[1.0, 4.0]], [2.0], tau=(0.25, 0.75), reduction="none").tolist()
        [[0.25, 1.0]]
    """

    tau: float | tuple[float, ...] = option(default=0.5, accepts=OneOrTuple(OPEN_SHARE))

    level_option = "tau"
    aliases = ("asymmetric_squared_error", "expectileerror")
    facts = Facts(
        task="expectile regression",
        activation="identity",
        likelihood="asymmetric normal with fixed variance",
        robustness="an outlier pulls in proportion to its distance",
        smoothness="continuously differentiable; the second derivative jumps at 0",
        samples=({}, {"tau": 0.9}, {"tau": (0.1, 0.5, 0.9)}),
    )

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return () if self.tau == 0.5 else (Kink(0.0, 2, "residual"),)

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, symmetric=self.tau == 0.5)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "expectile", ()

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target, tau = inputs
        r = pred - target
        steepness = np.where(r > 0, 1 - tau, tau)
        return steepness * r**2, 2 * steepness * r, 2 * steepness + constant(0.0, r)
