"""Losses of variational autoencoders: the divergence of normal distributions, and the bound that it is part of."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from ..base import Loss
from ..domains import NOT_NEGATIVE
from ..facts import Facts, Traits
from ..kinds.axis_sums import AxisSums
from ..kinds.elementwise import Elementwise, times
from ..kinds.kind import Batch, Kind, Pass
from ..operands import Gaussians, PredTargetMeanLogVar
from ..options import LossOption, Real, option
from .binary import BinaryCrossEntropy
from .residual import difference


class _Divergence(Elementwise):
    """Of one dimension."""

    beta: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    free_bits: float = option(default=0.0, accepts=Real(NOT_NEGATIVE))

    form: ClassVar[str]

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        half = self.beta / 2
        return (f"{self.form}_floor", (half, 2 * self.free_bits)) if self.free_bits else (self.form, (half,))

    def reference(self, *inputs: Array) -> tuple[Any, Any, Any]:
        value, grad, hess = self.divergence(*inputs)
        free = ~(value < self.free_bits)
        d1, d2 = (tuple(self.beta * np.where(free, x, 0.0) for x in each) for each in (grad, hess))
        return self.beta * np.maximum(value, self.free_bits), d1, d2

    def divergence(self, *inputs: Array) -> tuple[Array, tuple[Array, ...], tuple[Array, ...]]:
        """Value, gradient and the upper triangle of the Hessian, row by row."""
        raise NotImplementedError


class _FromStandard(_Divergence):
    """Of a normal distribution from N(0, 1)."""

    operands = ("mean", "log_var")
    variables = operands
    form = "gaussian_kl"

    def divergence(self, *inputs: Array) -> tuple[Array, tuple[Array, ...], tuple[Array, ...]]:
        mean, s = inputs
        zero = np.zeros_like(s)
        value, grad, hess = _between(mean, s, zero, zero)
        return value, grad[:2], (hess[0] + zero * value, zero, hess[4])


class _FromOther(_Divergence):
    """Of a normal distribution from another one."""

    operands = ("mean", "log_var", "prior_mean", "prior_log_var")
    variables = operands
    form = "gaussian_kl_between"

    def divergence(self, *inputs: Array) -> tuple[Array, tuple[Array, ...], tuple[Array, ...]]:
        return _between(*inputs)


def _between(a: Array, s: Array, b: Array, t: Array) -> tuple[Array, tuple[Array, ...], tuple[Array, ...]]:
    """KL(N(a, e^s), N(b, e^t)), its gradient and the upper triangle of its Hessian by a, s, b, t, row by row.

    With u = s - t and d = a - b it is (e^u - 1 - u + d^2 e^-t) / 2.
    """
    u, lost = difference(s, t)
    ratio = np.exp(u) * (1 + lost)
    less_one = np.expm1(u) + times(lost, ratio)
    beyond = _beyond_tangent(u) + times(lost, less_one)
    half = np.exp(-t / 2)  # twice: the square of the distance may leave the range before its quotient does
    distance = times(a - b, half)
    pull, square = times(distance, half), distance**2
    precision, zero = half * half, np.zeros_like(u)
    value = (beyond + square) / 2
    grad = (pull, less_one / 2, -pull, -(less_one + square) / 2)
    hess = (precision, zero, -precision, -pull, ratio / 2, zero, -ratio / 2, precision, pull, (ratio + square) / 2)
    return value, grad, hess


def _beyond_tangent(u: Array) -> Array:
    """e^u - 1 - u: by its series up to 1/2, where the difference would cancel."""
    series = np.zeros_like(u)
    for k in range(18, 1, -1):  # 0.5^17 / 18! is far below 2^-53
        series = (1 + series) * u / k
    return np.where(np.abs(u) < 0.5, series * u, np.expm1(u) - np.minimum(u, 1e3))


class GaussianKL(Gaussians, AxisSums):
    r"""The Kullback-Leibler divergence of a normal distribution from N(0, 1) or from another one.

    .. math:: l = \beta \sum_d \max\left(\frac{1}{2}\left(e^{s_d} - 1 - s_d + \mu_d^2\right), \lambda\right)

    for independent dimensions d, with the means mu and the logarithms s of the variances that an encoder gives, both of
    shape (..., dimensions): the last axis is added up, the others are items. With `prior_mean` m and `prior_log_var` t
    the divergence is that from N(m, e^t), and all four have gradients:

    .. math:: \frac{1}{2}\left(e^{s - t} - 1 - (s - t) + (\mu - m)^2 e^{-t}\right)

    Both forms keep their digits where the distributions are close. `free_bits` is a floor lambda for every dimension of
    every item (Kingma et al. 2016): below it the dimension costs lambda, and its gradient is 0. `beta` is that of
    Higgins et al. 2017. The divergence was derived for this use by Kingma and Welling 2014, "Auto-encoding variational
    Bayes", appendix B.

    Args:
        beta: Multiplies the divergence; >= 0.
        free_bits: The floor lambda, in nats; >= 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Shapes differ, or of prior_mean and prior_log_var only one is given.

    Example:
        >>> import fusedloss as fl
        >>> value, (mean, log_var) = fl.GaussianKL().value_and_grad([[1.0, 0.0]], [[0.0, 0.0]])
        >>> value, mean.tolist(), log_var.tolist()
        (0.5, [[1.0, 0.0]], [[0.0, 0.0]])
        >>> fl.gaussian_kl([[1.0]], [[0.0]], [[1.0]], [[0.0]])  # from itself
        0.0
    """

    beta: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    free_bits: float = option(default=0.0, accepts=Real(NOT_NEGATIVE))

    aliases = ("kl_normal", "kld_gaussian", "vae_kl")
    facts = Facts(
        task="variational autoencoders",
        activation="identity",
        robustness="a mean pulls in proportion to its distance, a variance in proportion to itself",
        smoothness="infinitely differentiable, apart from a kink where a dimension costs free_bits",
        samples=({}, {"beta": 0.25}, {"free_bits": 0.5}),
    )
    traits = Traits(convex=True)

    def of_entries(self, operands: int) -> Elementwise:
        cls = _FromStandard if operands == 2 else _FromOther
        return cls(beta=self.beta, free_bits=self.free_bits)

    def _batch(self, operands: tuple[Any, ...]) -> Any:
        if any(x is None for x in operands):
            raise ValueError("prior_mean and prior_log_var belong together; give both or none")
        return super()._batch(operands)


@dataclasses.dataclass(slots=True)
class BoundBatch(Batch):
    """Checked operands.

    Attributes:
        reconstruction: Those of the reconstruction.
        divergence: Those of the divergence.
    """

    reconstruction: Batch
    divergence: Batch


class ELBO(PredTargetMeanLogVar, Kind):
    r"""The negative evidence lower bound of a variational autoencoder.

    .. math:: l_b = \sum_i r(z_{bi}, y_{bi}) + \beta \sum_d \mathrm{KL}(N(\mu_{bd}, e^{s_{bd}}), N(0, 1))

    An item is a sample b, an entry of the first axis. Both terms are summed over all that belongs to it, and then
    reduced: with ``"mean"`` the value is the mean bound of a sample. pred and target are what the reconstruction loss r
    takes; its own reduction does not count. The divergence is that of `GaussianKL`. Gradients come in a tuple: to pred,
    mean and log_var. The source is Kingma and Welling 2014, "Auto-encoding variational Bayes".

    Args:
        reconstruction: A loss of pred and target, or a sum of such.
        beta: Multiplies the divergence; >= 0.
        free_bits: As in `GaussianKL`.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Operands have other numbers of samples.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> loss = fl.ELBO(reconstruction=fl.MSE(half=True), beta=4.0)
        >>> value, (pred, mean, log_var) = loss.value_and_grad(
        ...     np.ones((2, 3)), np.zeros((2, 3)), np.ones((2, 1)), np.zeros((2, 1))
        ... )
        >>> value, mean.tolist()
        (3.5, [[2.0], [2.0]])
    """

    reconstruction: Loss = option(default=BinaryCrossEntropy(), accepts=LossOption("pred", "target"))
    beta: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    free_bits: float = option(default=0.0, accepts=Real(NOT_NEGATIVE))

    name = "elbo"
    aliases = ("vae", "negative_elbo")
    facts = Facts(
        task="variational autoencoders",
        activation="sigmoid",
        robustness="that of the reconstruction",
        smoothness="that of the reconstruction",
        samples=({}, {"beta": 4.0}, {"free_bits": 0.25}),
    )

    _parts: ClassVar[tuple[Kind, Kind]]  # each loss has its own, as with the plan

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        divergence = GaussianKL(beta=self.beta, free_bits=self.free_bits, reduction="none")
        object.__setattr__(self, "_parts", (self.reconstruction.replace(reduction="none"), divergence))
        object.__setattr__(self, "orders", tuple(x for x in Loss.orders if x in self.reconstruction.orders))

    def _batch(self, operands: tuple[Any, ...]) -> BoundBatch:
        parts = [loss._batch(x) for loss, x in zip(self._parts, (operands[:2], operands[2:]), strict=True)]
        for part, name in zip(parts, ("pred", "mean"), strict=True):
            if not part.shape:
                raise ValueError(f"{name} must have a first axis of samples")
        reconstruction, divergence = parts
        if reconstruction.shape[0] != divergence.shape[0]:
            raise ValueError(
                f"mean must have as many samples as pred, {reconstruction.shape[0]}, got {divergence.shape[0]}"
            )
        return BoundBatch(
            reconstruction.shape[:1],
            (*reconstruction.inputs, *divergence.inputs),
            {**reconstruction.variables, **divergence.variables},
            np.result_type(reconstruction.dtype, divergence.dtype),
            reconstruction,
            divergence,
        )

    def _inputs(self) -> tuple[str, ...]:
        return tuple(name for part in self._parts for name in part._inputs())

    def _total(self, batch: Batch, weight: Array | None) -> float:
        return float(batch.shape[0]) if weight is None else float(weight.astype(np.float64).sum())

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        shape = checks.array(target, "mean").shape[:1]
        weight = checks.sample_weight(sample_weight, shape)
        checks.not_negative(weight, sample_weight)
        return float(shape[0]) if weight is None else float(weight.astype(np.float64).sum())

    def _checked_run(self, batch: Batch, job: Pass, given_weight: ArrayLike | None) -> float:
        assert isinstance(batch, BoundBatch)
        names = tuple(batch.variables)
        total, value = 0.0, np.zeros(batch.shape)
        for loss, part in zip(self._parts, (batch.reconstruction, batch.divergence), strict=True):
            items = part.shape
            upstream = None
            if job.cotangent is not None:
                upstream = np.broadcast_to(job.cotangent.reshape(-1, *[1] * (len(items) - 1)), items)
            run, _ = loss._pass(job.outputs, part, job.weight, None, upstream)
            of = [names.index(name) for name in part.variables]
            run.scale *= job.scale
            for order in ("vector", "grad", "hess"):
                arrays = getattr(job, order)
                setattr(run, order, None if arrays is None else tuple(arrays[k] for k in of))
            if run.grad is not None and all(array is None for array in run.grad):
                run.outputs, run.grad, run.hess, run.vector = backend.VALUE, None, None, None
            if job.value is not None:
                run.value = backend.empty(items, part.dtype)
            total += loss._checked_run(part, run, given_weight)
            if run.value is not None:
                value += run.value.reshape(len(value), -1).sum(axis=1, dtype=np.float64)
        if job.value is not None:
            job.value[...] = value
        return total
