"""Losses of a residual: pred - target."""

from __future__ import annotations

import numpy as np

from ..arrays import Array, ArrayLike
from ..domains import NOT_NEGATIVE, OPEN_SHARE, POSITIVE
from ..facts import Facts, Kink, Traits
from ..kinds.elementwise import Elementwise, constant
from ..operands import PredTarget
from ..options import Flag, OneOrTuple, Real, option


class _Residual(PredTarget, Elementwise):
    """The chain rule of the family: a loss is a function of r = pred - target, whose derivative by pred is 1."""

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        return self.of(pred - target)

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        """Value, first and second derivative as a function of the residual."""
        raise NotImplementedError


class MSE(_Residual):
    """Squared error.

    .. math:: l = (z - y)^2

    pred and target have one shape; every element is an item. Twice as steep as the half squared error of
    ``half=True``, whose gradient is the residual itself.

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


class MAE(_Residual):
    """Absolute error.

    .. math:: l = |z - y|

    pred and target have one shape; every element is an item. The derivative at a residual of 0 is 0; the Hessian is
    0 everywhere, so boosting libraries need ``grad_and_hess(..., hessian="unit")``. ``Quantile(q=0.5)`` is half of
    it.

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


class Huber(_Residual):
    r"""Quadratic within delta, linear beyond (Huber 1964, "Robust estimation of a location parameter").

    .. math::
        l = \begin{cases} r^2 / 2 & |r| \le \delta \\ \delta (|r| - \delta / 2) & |r| > \delta \end{cases},
        \quad r = z - y

    pred and target have one shape; every element is an item. With delta beyond all residuals it is
    ``MSE(half=True)``.

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


class SmoothL1(_Residual):
    r"""Squared within beta, absolute beyond (Girshick 2015, "Fast R-CNN").

    .. math::
        l = \begin{cases} r^2 / (2 \beta) & |r| \le \beta \\ |r| - \beta / 2 & |r| > \beta \end{cases},
        \quad r = z - y

    pred and target have one shape; every element is an item. It is ``Huber(delta=beta)`` divided by beta, and `MAE`
    where beta is 0.

    Args:
        beta: Where the linear part begins, in the unit of the target; >= 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.SmoothL1(beta=0.5).value_and_grad([0.25, 3.0], [0.0, 0.0])
        >>> value, grad.tolist()
        (1.40625, [0.25, 0.5])
    """

    beta: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))

    aliases = ("SmoothL1Loss", "smooth_l1_loss")
    facts = Facts(
        task="regression",
        activation="identity",
        robustness="an outlier pulls no harder than any other item beyond beta",
        smoothness="continuously differentiable; the second derivative jumps at beta",
        samples=({}, {"beta": 0.3}, {"beta": 0.0}),
    )
    traits = Traits(convex=True, symmetric=True, lipschitz=1.0)

    @property
    def kinks(self) -> tuple[Kink, ...]:
        if self.beta == 0:
            return (Kink(0.0, 1, "residual"),)
        return Kink(-self.beta, 2, "residual"), Kink(self.beta, 2, "residual")

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return ("smooth_l1", (self.beta, 1 / self.beta)) if self.beta else ("absolute", ())

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        if self.beta == 0:
            return np.abs(r), np.sign(r), constant(0.0, r)
        value, d1, d2 = Huber(delta=self.beta).of(r)
        return value / self.beta, d1 / self.beta, d2 / self.beta


class PseudoHuber(_Residual):
    r"""Huber's loss without a corner (Charbonnier et al. 1994, "Deterministic edge-preserving regularization").

    .. math:: l = \delta^2 (\sqrt{1 + (r / \delta)^2} - 1), \quad r = z - y

    pred and target have one shape; every element is an item. Close to r^2 / 2 within delta and to delta (\|r\| -
    delta) far beyond; neither a small nor a large residual loses digits.

    Args:
        delta: The scale, in the unit of the target; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.PseudoHuber(delta=3.0).value_and_grad([4.0], [0.0])
        >>> round(value, 12), grad.round(12).tolist()
        (6.0, [2.4])
    """

    delta: float = option(default=1.0, accepts=Real(POSITIVE))

    aliases = ("Charbonnier", "pseudohubererror")
    facts = Facts(
        task="regression",
        activation="identity",
        robustness="the pull of an outlier is at most delta",
        smoothness="infinitely differentiable",
        samples=({}, {"delta": 0.3}, {"delta": 2.5}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, symmetric=True, lipschitz=self.delta)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "pseudo_huber", (self.delta, 1 / self.delta)

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        x = np.abs(r) / self.delta
        lower, shrink = np.minimum(x, 1.0), 1 / np.maximum(x, 1.0)
        root = np.sqrt(1 + (lower * shrink) ** 2)  # sqrt(1 + x^2) = root / shrink, which no x makes overflow
        value = np.abs(r) * (self.delta * (lower / (shrink + root)))
        return value, np.sign(r) * self.delta * (lower / root), (shrink / root) ** 3


class LogCosh(_Residual):
    r"""Log cosh of the residual: squared where it is small, absolute where it is large.

    .. math:: l = \log \cosh r, \quad r = z - y

    pred and target have one shape; every element is an item. Close to r^2 / 2 near 0 and to \|r\| - log 2 far out;
    neither loses digits.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.LogCosh().value_and_grad([1e-4, 50.0], [0.0, 0.0], sample_weight=[1.0, 0.0])
        >>> f"{value:.9g}", f"{grad[0]:.9g}"
        ('4.99999999e-09', '9.99999997e-05')
    """

    aliases = ("log_cosh_loss", "Logcosh")
    facts = Facts(
        task="regression",
        activation="identity",
        likelihood="hyperbolic secant",
        robustness="the pull of an outlier is at most 1",
        smoothness="infinitely differentiable",
        tolerance=64.0,  # the Hessian falls like e^(-2 |r|): r, rounded, moves it by 2 |r| epsilons
    )
    traits = Traits(convex=True, symmetric=True, lipschitz=1.0)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "log_cosh", ()

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        a = np.abs(r)
        e = np.exp(-2 * a)
        near = np.log1p(2 * np.sinh(np.minimum(a, 1.0) / 2) ** 2)
        return np.where(a < 1, near, (a - np.log(2)) + np.log1p(e)), np.tanh(r), 4 * e / (1 + e) ** 2


class Expectile(_Residual):
    r"""Squared error with two weights, whose best constant is an expectile (Newey and Powell 1987).

    .. math:: l = |\tau - [e < 0]| e^2, \quad e = y - z

    pred and target have one shape; every element is an item. A prediction that is too low costs tau, one that is
    too high 1 - tau of the squared error: ``2 * Expectile(tau=0.5)`` is ``MSE()``.

    Args:
        tau: The level, in (0, 1).
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Expectile(tau=0.75).value_and_grad([1.0, 1.0], [2.0, 0.0])
        >>> value, grad.tolist()
        (0.5, [-0.75, 0.25])
    """

    tau: float = option(default=0.5, accepts=Real(OPEN_SHARE))

    aliases = ("ExpectileLoss", "asymmetric_squared_error")
    facts = Facts(
        task="expectile regression",
        activation="identity",
        likelihood="asymmetric normal with fixed scale",
        robustness="an outlier pulls in proportion to its distance",
        smoothness="continuously differentiable; the second derivative jumps at 0",
        samples=({}, {"tau": 0.9}),
    )
    kinks = (Kink(0.0, 2, "residual"),)

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, symmetric=self.tau == 0.5)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "expectile", (self.tau,)

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        weight = np.where(r > 0, 1 - self.tau, constant(self.tau, r))
        return weight * r**2, 2 * weight * r, 2 * weight


class Quantile(PredTarget, Elementwise):
    r"""The pinball loss, whose best constant is the q-quantile (Koenker and Bassett 1978, "Regression quantiles").

    .. math:: l = \max(q e, (q - 1) e), \quad e = y - z

    With a number q, pred and target have one shape. With a tuple of Q levels, pred has a last axis of length Q that
    target has
    not: one pass for all levels, an item an element and level. The derivative at e = 0 is 0; the Hessian is 0
        everywhere, so boosting libraries need ``grad_and_hess(..., hessian="unit")``. ``2 * Quantile(q=0.5)`` is
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

    def parameters(self) -> tuple[float | Array, ...]:
        return (np.array(self.q) if isinstance(self.q, tuple) else self.q,)

    def _aligned(self, operand: Array, shape: tuple[int, ...], name: str) -> Array:
        if not isinstance(self.q, tuple):
            return super()._aligned(operand, shape, name)
        if len(shape) == 0 or shape[-1] != len(self.q):
            raise ValueError(f"pred must have a last axis of length {len(self.q)}, that of q, got shape {shape}")
        if operand.shape != shape[:-1]:
            raise ValueError(f"target must have pred's shape without its last axis, {shape[:-1]}, got {operand.shape}")
        return np.broadcast_to(operand[..., np.newaxis], shape)

    def _weight_total(self, target: ArrayLike, sample_weight: ArrayLike | None) -> float:
        if isinstance(self.q, tuple):
            array = np.asarray(target)
            target = np.broadcast_to(array[..., np.newaxis], (*array.shape, len(self.q)))
        return super()._weight_total(target, sample_weight)

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target, q = inputs
        e = target - pred
        slope = np.where(e > 0, q, q - 1)
        return np.abs(slope * e), -slope * np.abs(np.sign(e)), constant(0.0, e)
