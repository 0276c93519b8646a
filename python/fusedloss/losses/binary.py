"""Losses of a binary target in [0, 1], from a logit or from a probability."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..domains import NOT_NEGATIVE, PROBABILITY, SHARE, Domain, Interval
from ..facts import Facts, Kink, Traits
from ..kinds.elementwise import Elementwise, constant, times
from ..operands import PredTarget
from ..options import Flag, Maybe, OneOrMany, Real, option

EPS_DOMAIN = Interval(0, 0.5, low_open=True, high_open=True)
NOT_ONE = Interval(0, 1, high_open=True)


def clipped(p: Array, eps: float) -> tuple[Array, Array, Array]:
    """A probability held within [eps, 1 - eps], its complement likewise, and whether it lay there."""
    complement = 1 - p
    inside = (p >= eps) & (complement >= eps)
    return np.clip(p, eps, 1 - eps), np.clip(complement, eps, 1 - eps), inside


def log_clipped(p: Array, eps: float) -> tuple[Array, Array]:
    """The logarithms of a probability and of its complement, each held within [eps, 1 - eps].

    Neither 1 - p nor 1 - eps is rounded on the way: the logarithm of what is close to 1 would show it.
    """
    low, high = np.log(eps), np.log1p(-eps)
    return np.clip(np.log(np.maximum(p, eps)), low, high), np.clip(np.log1p(-np.minimum(p, 1 - eps)), low, high)


class BinaryCrossEntropy(PredTarget, Elementwise):
    r"""Cross-entropy of a probability and a binary target, from logits.

    .. math:: l = P t \log(1 + e^{-z}) + (1 - t) \log(1 + e^{z}), \quad t = (1 - s) y + s / 2

    pred and target have one shape; every element is an item, so several labels an example are several items. The target
    is in [0, 1]. The value is finite and accurate for logits of any size. With ``from_logits=False`` pred is a
    probability p: it and 1 - p are each clipped to [eps, 1 - eps], and the derivative is that of the clipped function,
    0 outside. For targets 0 and 1 it is the `CrossEntropy` of two classes with logits (0, z).

    Args:
        from_logits: Whether pred is a logit, and not a probability.
        pos_weight: P, the weight of the positive term: a number, or one for each position along the last axis. It does
            not enter the divisor of a mean.
        label_smoothing: s in [0, 1].
        eps: Where probabilities are clipped, in (0, 0.5).
        ignore_value: A target that takes its item out; NaN for targets that are missing.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is outside [0, 1], or a probability is by more than rounding.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> value, grad = fl.BinaryCrossEntropy().value_and_grad([0.0, 0.0], [1, 0])
        >>> round(value, 12), grad.tolist()  # the logarithm of 2
        (0.69314718056, [-0.25, 0.25])
        >>> round(fl.binary_cross_entropy([0.0, 99.0], [1, np.nan], ignore_value=np.nan), 12)
        0.69314718056
    """

    from_logits: bool = option(default=True, accepts=Flag())
    pos_weight: float | Array | None = option(default=None, accepts=Maybe(OneOrMany(NOT_NEGATIVE)))
    label_smoothing: float = option(default=0.0, accepts=Real(SHARE))
    eps: float = option(default=1e-7, accepts=Real(EPS_DOMAIN))
    ignore_value: float | None = option(default=None, accepts=Maybe(Real(Interval(), nan=True)))

    aliases = ("BCE", "LogLoss", "binary_crossentropy", "BCEWithLogits", "sigmoid_cross_entropy")
    facts = Facts(
        task="binary classification",
        activation="sigmoid",
        likelihood="Bernoulli",
        robustness="a wrong label costs in proportion to its logit; label smoothing limits what confidence can gain",
        smoothness="infinitely differentiable",
        samples=(
            {},
            {"pos_weight": 2.5},
            {"pos_weight": (0.5, 1.0, 2.0)},
            {"label_smoothing": 0.1},
            {"ignore_value": 0.5},
            {"from_logits": False},
            {"from_logits": False, "pos_weight": 0.5, "label_smoothing": 0.2, "eps": 1e-3},
        ),
    )

    @property
    def traits(self) -> Traits:
        highest = 1.0 if self.pos_weight is None else max(1.0, float(np.max(self.pos_weight)))
        return Traits(convex=self.from_logits, lipschitz=highest if self.from_logits else highest / self.eps)

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": SHARE} if self.from_logits else {"target": SHARE, "pred": PROBABILITY}

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return () if self.from_logits else (Kink(self.eps, 1, "pred"), Kink(1 - self.eps, 1, "pred"))

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        if self.from_logits:
            return "binary_cross_entropy", (self.label_smoothing,)
        return "binary_cross_entropy_probability", (self.label_smoothing, self.eps)

    def parameters(self) -> tuple[float | Array, ...]:
        return (1.0 if self.pos_weight is None else self.pos_weight,)

    def ignored(self) -> float | None:
        return self.ignore_value

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target, pos_weight = inputs
        t = target * (1 - self.label_smoothing) + self.label_smoothing / 2
        positive, negative = pos_weight * t, 1 - t
        if not self.from_logits:
            p, q, inside = clipped(pred, self.eps)
            outside = constant(0.0, pred)
            log_p, log_q = log_clipped(pred, self.eps)
            value = -positive * log_p - negative * log_q
            d1 = np.where(inside, negative / q - positive / p, outside)
            return value, d1, np.where(inside, negative / q**2 + positive / p**2, outside)

        small = np.exp(-np.abs(pred))  # e^-|z|: never overflows
        tail = np.log1p(small)
        larger, smaller = 1 / (1 + small), small / (1 + small)
        p, q = np.where(pred >= 0, larger, smaller), np.where(pred >= 0, smaller, larger)  # sigmoid(z), 1 - sigmoid(z)
        linear = times(positive, np.maximum(-pred, 0.0)) + times(negative, np.maximum(pred, 0.0))
        return linear + (positive + negative) * tail, negative * p - positive * q, (positive + negative) * p * q
