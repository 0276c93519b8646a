"""Losses of a softmax: a function of each class's own -log p, mixed by the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike, Mask, Value
from ..backend import VALUE, VALUE_GRAD
from ..base import Loss
from ..domains import NOT_NEGATIVE, POSITIVE, SHARE
from ..options import Flags, Maybe, Real, option
from .kind import Batch, Pass
from .rows import RowBatch, Rows

BY_PRODUCTS = ("logprob", "lse", "argmax", "correct", "entropy")


class Aux(NamedTuple):
    """A value with its gradient, and what else the softmax of each row says; None where it is not asked for.

    Attributes:
        value: As of a call.
        grad: The gradient.
        logprob: The log-probability of the label.
        lse: The logarithm of the sum of the exponentials of the logits, after softcap and temperature.
        argmax: The most probable class, the first of several; -1 for rows that have none or do not count.
        correct: Whether that is the label.
        entropy: That of the row's probabilities, in nats.
    """

    value: Value
    grad: Array | None
    logprob: Array | None
    lse: Array | None
    argmax: Array | None
    correct: Array | None
    entropy: Array | None


@dataclass(frozen=True)
class Softmax:
    """The softmax of rows of logits, with full relative accuracy where a probability goes to 1.

    The sum of exponentials is kept without its largest term, which is exactly 1 (Blanchard, Higham and Higham 2021,
    "Accurately computing the log-sum-exp and softmax functions").

    Attributes:
        p: Probabilities.
        complement: 1 - p.
        nll: -log p.
        lse: The logarithm of the sum of exponentials, (N, 1).
    """

    p: Array
    complement: Array
    nll: Array
    lse: Array

    @classmethod
    def of(cls, z: Array) -> Softmax:
        """Of logits of shape (N, C)."""
        peak = np.arange(z.shape[1]) == np.argmax(z, axis=1)[:, None]
        top = np.max(z, axis=1, keepdims=True)
        e = np.exp(z - top)
        rest = np.sum(np.where(peak, 0.0, e), axis=1, keepdims=True)
        rest = rest + (top - top)  # NaN for a row with NaN or +inf, or of nothing but -inf
        whole = 1 + rest
        tail = np.log1p(rest)
        return cls(e / whole, np.where(peak, rest, whole - e) / whole, tail + (top - z), top + tail)


def one_hot(labels: Array, classes: int) -> Array:
    """Labels as distributions."""
    return np.asarray(labels[:, None] == np.arange(classes), dtype=np.float64)


class LogitOptions(Loss):
    """The options of all losses of a softmax, wherever its logits come from."""

    label_smoothing: float = option(default=0.0, accepts=Real(SHARE))
    temperature: float = option(default=1.0, accepts=Real(POSITIVE))
    softcap: float | None = option(default=None, accepts=Maybe(Real(POSITIVE)))
    z_loss: float = option(default=0.0, accepts=Real(NOT_NEGATIVE))
    class_mask: Mask | None = option(default=None, accepts=Maybe(Flags()))


class SoftmaxRows(LogitOptions, Rows):
    """Logits go through softcap tanh(z / softcap), division by the temperature, the softmax over unmasked classes."""

    class_arrays: ClassVar[tuple[str, ...]] = ("class_weight", "class_mask")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.takes_logits:
            return
        for name in ("temperature", "softcap", "z_loss"):
            if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                raise ValueError(
                    f"{type(self).__name__}: {name} needs logits, and from_logits=False gives probabilities"
                )
        if self.class_mask is not None:
            raise ValueError(
                f"{type(self).__name__}: class_mask needs logits, and from_logits=False gives probabilities"
            )

    # ---- What a loss provides ----

    def term(self, nll: Array, p: Array, complement: Array) -> tuple[Array, Array, Array]:
        """A class's loss as a function of n = -log p, and its first two derivatives by n."""
        raise NotImplementedError

    def class_factor(self) -> float | Array | None:
        """What multiplies the target's entries, but not an item's weight: a number, or one a class."""
        return None

    def power_of_label(self) -> tuple[float, float] | None:
        """Gamma and smoothing, if it is (1 - p)^gamma (-log p), or -log p of a smoothed label, of plain logits."""
        return None

    # ---- What the family provides ----

    @property
    def takes_logits(self) -> bool:
        """Whether pred holds logits."""
        return True

    @property
    def _bends_nothing(self) -> bool:
        """Whether what is convex in the logsumexp is so in pred."""
        return self.softcap is None and self.z_loss == 0

    @property
    def _symmetries(self) -> dict[str, bool]:
        """Traits that all losses of the family have."""
        return {"shift_invariant": self.takes_logits and self._bends_nothing, "exchangeable": True}

    def _make_plan(self) -> Any:
        plan = super()._make_plan()
        if self.class_factor() is not None or self._logits(1) is not None:
            return backend.plan(*self.kernel(labels=True), self.reduction, None)
        return plan

    def _logits(self, classes: int) -> tuple[float, float, float, Array | None] | None:
        if (self.temperature, self.softcap, self.z_loss) == (1.0, None, 0.0) and self.class_mask is None:
            return None
        live = None if self.class_mask is None else self.class_mask.astype(np.float64)
        return (math.inf if self.softcap is None else self.softcap), self.temperature, self.z_loss, live

    def _factor(self, classes: int) -> Array | None:
        factor = self.class_factor()
        return None if factor is None else np.array(np.broadcast_to(factor, (classes,)), dtype=np.float64)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> RowBatch:
        batch = super()._batch(operands)
        if self.class_mask is not None:
            checks.not_masked(batch.inputs[1], self.class_mask, None if batch.labels else batch.axis, self.ignore_index)
        return batch

    def _bound_hessian(self, batch: Batch, job: Pass, hessian: str, min_hessian: float | None) -> None:
        super()._bound_hessian(batch, job, hessian, min_hessian)
        if hessian not in ("exact", "diag") and not self.takes_logits:
            raise ValueError(f"hessian={hessian!r} needs logits, and from_logits=False gives probabilities")
        assert isinstance(batch, RowBatch)
        classes = batch.classes if self.class_mask is None else int(self.class_mask.sum())
        factors = {"upper": 2.0, "k_over_k_minus_1": classes / max(classes - 1, 1)}
        job.hess_factor = factors.get(hessian, 1.0)
        job.hess_is_slope = hessian == "abs"

    def smoothed(self, target: Array, classes: int) -> Array:
        """The target as distributions, mixed with the uniform one over unmasked classes."""
        y = one_hot(target, classes) if target.ndim == 1 else target
        live = np.ones(classes, bool) if self.class_mask is None else self.class_mask
        return np.where(live, (1 - self.label_smoothing) * y + self.label_smoothing / live.sum(), 0.0)

    def _moved(self, z: Array) -> tuple[Array, Array, Array]:
        """Logits as the softmax takes them, and their first two derivatives."""
        x, d1, d2 = z / self.temperature, np.full(z.shape, 1 / self.temperature), np.zeros(z.shape)
        if self.softcap is not None:
            a = 2 * np.abs(z / self.softcap)
            small = np.exp(-a)
            tanh = np.sign(z) * -np.expm1(-a) / (1 + small)
            d1 = 4 * small / (1 + small) ** 2 / self.temperature
            x = self.softcap * tanh / self.temperature
            d2 = -2 * tanh * d1 / self.softcap
        if self.class_mask is not None:
            x, d1, d2 = np.where(self.class_mask, x, -np.inf), self.class_mask * d1, np.where(self.class_mask, d2, 0.0)
        return x, d1, d2

    def reference(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:  # noqa: D102
        x, d1, d2 = self._moved(pred)
        value, grad, hess = self._of_softmax(Softmax.of(x), target)
        return value, self._masked(grad * d1), self._masked(hess * (d1 * d1) + grad * d2)

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:  # noqa: D102
        x, d1, d2 = self._moved(pred)
        softmax = Softmax.of(x)
        peak = np.argmax(x, axis=1)[:, None]
        product = self._product_of_softmax(softmax, target, self._masked(vector * d1), peak) * d1
        if d2.any():
            product = product + self._of_softmax(softmax, target)[1] * vector * d2
        return self._masked(product)

    def _masked(self, x: Array) -> Array:
        """0 for classes that are left out, whatever stands there."""
        return x if self.class_mask is None else np.where(self.class_mask, x, 0.0)

    def _terms(self, softmax: Softmax, target: Array) -> tuple[Array, Array, Array]:
        """The function and its derivatives by -log p for each class, with the target's weights."""
        factor = self._factor(softmax.p.shape[1])
        t = self.smoothed(target, softmax.p.shape[1]) * (1.0 if factor is None else factor)
        broken = np.isnan(softmax.nll)
        zero = 0 * softmax.p  # sums of weights are taken in the arithmetic of the logits
        silent = (t == 0) & ~broken  # 0 inf = 0
        value, d1, d2 = (t * np.where(silent, zero, f) + zero for f in self._term_of(softmax))
        return value, d1, d2

    def _term_of(self, softmax: Softmax) -> tuple[Array, Array, Array]:
        return self.term(softmax.nll, softmax.p, softmax.complement)

    def _of_softmax(self, softmax: Softmax, target: Array) -> tuple[Array, Array, Array]:
        """Value, gradient and Hessian's diagonal by the moved logits."""
        p, q = softmax.p, softmax.complement
        value, d1, d2 = self._terms(softmax, target)
        lean = 2 * self.z_loss * softmax.lse
        slope = np.sum(d1, axis=1, keepdims=True) + lean
        grad = p * (others(d1, p) + lean) - d1 * q
        hess = p * (p * (others(d2, p) + 2 * self.z_loss) + slope * q) + d2 * q * q
        return np.sum(value, axis=1) + self.z_loss * softmax.lse[:, 0] ** 2, grad, hess

    def _product_of_softmax(self, softmax: Softmax, target: Array, vector: Array, peak: Array) -> Array:
        """The Hessian by the moved logits times a vector."""
        p, q = softmax.p, softmax.complement
        _, d1, d2 = self._terms(softmax, target)
        # vector - sum(p vector) cancels where p -> 1; taken off at the largest logit, it does not.
        base = np.take_along_axis(vector, peak, axis=1)
        apart = vector - base
        mean = np.sum(p * apart, axis=1, keepdims=True)
        along = apart - mean
        slope = np.sum(d1, axis=1, keepdims=True) + 2 * self.z_loss * softmax.lse
        turn = slope * along - others(d2 * along, p)
        result: Array = p * (turn + 2 * self.z_loss * (mean + base)) + q * d2 * along
        return result

    # ---- By-products ----

    def with_aux(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        grad: bool = True,
        aux: Sequence[str] = BY_PRODUCTS,
    ) -> Aux:
        """The value, its gradient, and what else the same pass knows of each row.

        Args:
            pred: Logits.
            target: Integer labels.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            grad: Whether the gradient is wanted; without it nothing of pred's size is allocated.
            aux: Names of the by-products that are wanted; others are None. The entropy takes time, all else is there.

        Returns:
            An `Aux`; items that are ignored or have the weight 0 have NaN, -1 and False in it.

        Raises:
            ValueError: The target holds distributions, or pred probabilities; a name is none of a by-product.

        Example:
            >>> import fusedloss as fl
            >>> aux = fl.CrossEntropy().with_aux([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0, 2])
            >>> aux.argmax.tolist(), aux.correct.tolist(), aux.logprob.round(4).tolist()
            ([0, 1], [True, False], [-0.2395, -1.5514])
        """
        if not self.takes_logits:
            raise ValueError("with_aux needs logits, and from_logits=False gives probabilities")
        if out is not None and not grad:
            raise ValueError("out takes the gradient, and grad=False asks for none")
        keywords: dict[str, Any] = {"sample_weight": sample_weight, "denominator": denominator, "cotangent": cotangent}
        for name in aux:
            checks.chosen(name, BY_PRODUCTS, "aux")
        *results, extra = self._evaluate(VALUE_GRAD if grad else VALUE, (pred, target), out=out, extra=aux, **keywords)
        logprob, lse, entropy, argmax = extra
        correct = None
        if "correct" in aux:
            correct = (argmax == checks.array(target, "target")) & (argmax >= 0)
        shown = argmax if "argmax" in aux else None
        return Aux(results[0], results[1] if grad else None, logprob, lse, shown, correct, entropy)

    def _extras(self, batch: Batch, names: Sequence[str]) -> tuple[Array | None, ...]:
        assert isinstance(batch, RowBatch)
        if not batch.labels:
            raise ValueError("with_aux needs integer labels as the target, got distributions")
        numbers = (
            np.full(batch.shape, np.nan, batch.dtype) if name in names else None
            for name in ("logprob", "lse", "entropy")
        )
        wanted = "argmax" in names or "correct" in names
        return (*numbers, np.full(batch.shape, -1, np.int64) if wanted else None)

    def reference_extras(self, pred: Array, target: Array) -> tuple[Array, ...]:
        """Log-probability of the label, logsumexp, entropy and argmax of each row."""
        x = self._moved(pred)[0]
        softmax = Softmax.of(x)
        surprise = np.where(softmax.p == 0, 0.0, softmax.p * softmax.nll)
        entropy = np.sum(surprise, axis=1)
        argmax = np.where(np.isnan(softmax.lse[:, 0]), -1, np.argmax(x, axis=1))
        return -np.take_along_axis(softmax.nll, target[:, None], axis=1)[:, 0], softmax.lse[:, 0], entropy, argmax


def others(x: Array, p: Array) -> Array:
    """For each class the sum over all others.

    At the most probable one it is taken directly: as a difference, where that is most of the sum, it would be lost, and
    where p goes to 1 it is not small beside 1 - p.
    """
    peak = np.arange(p.shape[1]) == np.argmax(p, axis=1)[:, None]
    rest = np.sum(np.where(peak, 0.0, x), axis=1, keepdims=True)
    top = np.sum(np.where(peak, x, 0.0), axis=1, keepdims=True)
    result: Array = np.where(peak, rest, rest + (top - x))
    return result
