"""Losses of a residual: pred - target."""

from __future__ import annotations

import numpy as np

from ..arrays import Array, ArrayLike
from ..domains import OPEN_SHARE, POSITIVE
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


class MAE(_Residual):
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


class Huber(_Residual):
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
