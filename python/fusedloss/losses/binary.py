"""Losses of a binary target in [0, 1], from a logit or from a probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from ..backend import HVP, VALUE, VALUE_GRAD, VALUE_GRAD_HESS
from ..domains import NOT_NEGATIVE, PROBABILITY, SHARE, Domain, Interval
from ..facts import Facts, Kink, Traits
from ..kinds.elementwise import Elementwise, constant, times
from ..kinds.kind import Batch
from ..operands import PredTarget
from ..options import Flag, Maybe, OneOrMany, Real, option

EPS_DOMAIN = Interval(0, 0.5, low_open=True, high_open=True)
MAX_GAMMA = 2.0**100  # what kernels take for any larger one


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

    def focal_form(self) -> tuple[float, float, float, float] | None:
        plain = self.from_logits and self.pos_weight is None and self.ignore_value is None
        return (0.0, self.label_smoothing, 1.0, 1.0) if plain else None

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


class _Focal(PredTarget, Elementwise):
    """What a focal loss and the sum of its factors share."""

    gamma: float = option(default=2.0, accepts=Real(NOT_NEGATIVE))
    from_logits: bool = option(default=True, accepts=Flag())
    label_smoothing: float = option(default=0.0, accepts=Real(SHARE))
    eps: float = option(default=1e-7, accepts=Real(EPS_DOMAIN))

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": SHARE} if self.from_logits else {"target": SHARE, "pred": PROBABILITY}

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return () if self.from_logits else (Kink(self.eps, 1, "pred"), Kink(1 - self.eps, 1, "pred"))

    @property
    def _shape(self) -> tuple[float, float]:
        """What every kernel of the family takes first: smoothing, gamma."""
        return self.label_smoothing, min(self.gamma, MAX_GAMMA)

    def _shares(self, target: Array) -> tuple[Array, Array]:
        """The smoothed target and its complement."""
        t = target * (1 - self.label_smoothing) + self.label_smoothing / 2
        return t, 1 - t


class _FocalFactor(_Focal):
    """t q^gamma + (1 - t) p^gamma, q = 1 - p: what a normalised mean is divided by."""

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        if self.from_logits:
            return "focal_factor", self._shape
        return "focal_factor_probability", (*self._shape, self.eps)

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        gamma = self._shape[1]
        positive, negative = self._shares(target)
        if self.from_logits:
            at = _FocalTerms.of(pred, gamma, positive, negative)
            rise, fall = at.grows * gamma * at.smaller, at.fades * gamma * at.larger
            curve = rise * (gamma * at.smaller - at.larger) + fall * (gamma * at.larger - at.smaller)
            return at.grows + at.fades, np.where(pred < 0, -1.0, 1.0) * (rise - fall), curve
        p, q, inside = clipped(pred, self.eps)
        up, down = positive * q**gamma, negative * p**gamma
        d1, d2 = gamma * (down / p - up / q), gamma * (gamma - 1) * (up / q**2 + down / p**2)
        outside = constant(0.0, pred)
        return up + down, np.where(inside, d1, outside), np.where(inside, d2, outside)


@dataclass(frozen=True)
class _FocalTerms:
    """By |z| alone, one of p and 1 - p is the larger, the other the smaller one; one term grows with it, one fades.

    Attributes:
        larger: The larger one of the two.
        smaller: The other one.
        tail: -log larger.
        reach: -log smaller, as far as e^-1000: nothing in products with that.
        grows: The weight of the term that grows, with its factor larger^gamma.
        fades: That of the other one, with smaller^gamma.
    """

    larger: Array
    smaller: Array
    tail: Array
    reach: Array
    grows: Array
    fades: Array

    @classmethod
    def of(cls, z: Array, gamma: float, positive: Array, negative: Array) -> _FocalTerms:
        small = np.exp(-np.abs(z))
        tail = np.log1p(small)
        grows, fades = np.where(z < 0, positive, negative), np.where(z < 0, negative, positive)
        power = np.exp(-gamma * tail)
        return cls(
            1 / (1 + small),
            small / (1 + small),
            tail,
            np.minimum(np.abs(z), 1000) + tail,
            grows * power,
            fades * power * small**gamma,
        )


class BinaryFocal(_Focal):
    r"""Cross-entropy that easy items hardly enter (Lin et al. 2017, "Focal loss for dense object detection").

    .. math::
        l = \alpha t (1 - p)^\gamma (-\log p) + (1 - \alpha) (1 - t) p^\gamma (-\log(1 - p)),
        \quad p = \frac{1}{1 + e^{-z}}, \quad t = (1 - s) y + s / 2

    pred and target have one shape; every element is an item. The target is in [0, 1]; between, both terms
    enter by their shares (torchvision and optax take one factor of the mean p there). Without alpha neither term has a
    weight; with gamma = 0 it is then `BinaryCrossEntropy`. Value, gradient and Hessian are finite for finite logits of
    any size and every gamma; a large gamma multiplies rounding errors (beyond 2^100 it is taken for that). The loss is
    not convex: the second derivative of a badly misclassified item is negative, so boosting libraries need
    ``min_hessian``. With ``from_logits=False`` pred is the probability p: it and 1 - p are each clipped to
    [eps, 1 - eps], and the derivative is that of the clipped function, 0 outside.

    Args:
        alpha: Weight of the positive term in [0, 1], that of the negative one being 1 - alpha; or None.
        gamma: How much easy items are held down, >= 0.
        from_logits: Whether pred is a logit, and not a probability.
        label_smoothing: s in [0, 1].
        eps: Where probabilities are clipped, in (0, 0.5).
        normalized: Whether a mean is divided by the sum of the factors t (1 - p)^gamma + (1 - t) p^gamma (with sample
            weights, but without alpha) and not by the number of items; derivatives are those of the quotient, unless
            `denominator` replaces the divisor. Other reductions know no divisor.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is outside [0, 1], or a probability is by more than rounding.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.BinaryFocal(gamma=2.0).value_and_grad([0.0, 100.0], [1, 1])
        >>> round(value, 12), grad.round(6).tolist()  # an eighth of the logarithm of 2, and nothing
        (0.08664339757, [-0.149143, -0.0])
    """

    alpha: float | None = option(default=None, accepts=Maybe(Real(SHARE)))
    normalized: bool = option(default=False, accepts=Flag())

    aliases = ("sigmoid_focal_loss", "BinaryFocalCrossentropy", "binary_focal_crossentropy")
    facts = Facts(
        task="binary classification with few positives",
        activation="sigmoid",
        robustness="a wrong label costs in proportion to its logit, like hard items, which it resembles",
        smoothness="infinitely differentiable",
        turns=True,
        samples=(
            {},
            {"gamma": 0.5, "alpha": 0.25},
            {"gamma": 0.0},
            {"gamma": 3.5, "label_smoothing": 0.1},
            {"from_logits": False},
            {"from_logits": False, "gamma": 0.5, "alpha": 0.75, "label_smoothing": 0.2, "eps": 1e-3},
        ),
    )

    @property
    def traits(self) -> Traits:
        highest = 1.0 if self.alpha is None else max(self.alpha, 1 - self.alpha)
        if self.from_logits:  # gamma p (-log p) is at most gamma / e
            return Traits(convex=self.gamma == 0, lipschitz=highest * (1 + 0.37 * self.gamma))
        return Traits(lipschitz=highest * (1 / self.eps - self.gamma * float(np.log(self.eps))))

    @property
    def _sides(self) -> tuple[float, float]:
        """Weights of the positive and of the negative term."""
        return (1.0, 1.0) if self.alpha is None else (self.alpha, 1 - self.alpha)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        if self.from_logits:
            return "binary_focal", (*self._shape, *self._sides)
        return "binary_focal_probability", (*self._shape, *self._sides, self.eps)

    def focal_form(self) -> tuple[float, float, float, float] | None:
        gamma, smoothing = self._shape[::-1]
        return (gamma, smoothing, *self._sides) if self.from_logits and not self._divides else None

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        gamma = self._shape[1]
        positive, negative = (side * share for side, share in zip(self._sides, self._shares(target), strict=True))
        if not self.from_logits:
            p, q, inside = clipped(pred, self.eps)
            outside = constant(0.0, pred)
            log_p, log_q = log_clipped(pred, self.eps)
            up, down = positive * q**gamma, negative * p**gamma
            d1 = down * (1 / q - gamma * log_q / p) - up * (1 / p - gamma * log_p / q)
            curve_up = up * (1 / p**2 + 2 * gamma / (p * q) - gamma * (gamma - 1) * log_p / q**2)
            curve_down = down * (1 / q**2 + 2 * gamma / (p * q) - gamma * (gamma - 1) * log_q / p**2)
            value = -up * log_p - down * log_q
            return value, np.where(inside, d1, outside), np.where(inside, curve_up + curve_down, outside)

        at = _FocalTerms.of(pred, gamma, positive, negative)
        value = times(at.grows, np.abs(pred)) + (at.grows + at.fades) * at.tail
        rise, fall = at.larger + gamma * at.smaller * at.reach, at.smaller + gamma * at.larger * at.tail
        d1 = np.where(pred < 0, -1.0, 1.0) * (at.grows * rise - at.fades * fall)
        bend = at.smaller * (at.larger * (1 + 2 * gamma) + gamma * at.reach * (gamma * at.smaller - at.larger))
        curve = at.larger * (at.smaller * (1 + 2 * gamma) + gamma * at.tail * (gamma * at.larger - at.smaller))
        return value, d1, at.grows * bend + at.fades * curve

    # ---- The normalised mean: sums S and F of weighted values and factors, the value V = S / F ----

    @property
    def _divides(self) -> bool:
        return self.normalized and self.reduction == "mean"

    @property
    def _factor(self) -> _FocalFactor:
        return _FocalFactor(
            gamma=self.gamma,
            from_logits=self.from_logits,
            label_smoothing=self.label_smoothing,
            eps=self.eps,
            reduction="sum",
        )

    def _make_plan(self) -> Any:
        return backend.plan(*self.kernel(), self.reduction, None) if self._divides else super()._make_plan()

    def _total(self, batch: Batch, weight: Array | None) -> float:
        if not self._divides:
            return super()._total(batch, weight)
        return float(np.sum(self._factor(*batch.inputs, sample_weight=weight)))

    def _weight_total(self, target: ArrayLike, sample_weight: ArrayLike | None) -> float:
        if self._divides:
            raise ValueError("the divisor of a normalized BinaryFocal depends on pred: partial() gives it")
        return super()._weight_total(target, sample_weight)

    def _evaluate(self, outputs: int, operands: tuple[ArrayLike, ...], **keywords: Any) -> Any:
        given = super()._evaluate
        if not self._divides or outputs == VALUE or keywords.get("denominator") is not None:
            return given(outputs, operands, **keywords)

        # V_i = (s_i - V f_i) / F with the single items' s and f, and V_ij = (s_ij - V f_ij - V_i f_j - f_i V_j) / F.
        # `given` has s_i / F and s_ij / F. The rest is computed before, as an output may be pred itself.
        batch = self._batch(operands)
        weight = checks.sample_weight(keywords.get("sample_weight"), batch.shape)
        plain: dict[str, Any] = {"sample_weight": weight}
        divisor = self._divisor(batch, weight, None)
        if divisor == 0:
            return given(outputs, operands, **keywords)
        cotangent = checks.cotangent(keywords.get("cotangent"), (), "mean")[0]
        value = cotangent * given(VALUE, operands, **plain)
        factor, scaled = self._factor, {**plain, "cotangent": 1 / divisor}
        if outputs == HVP:
            slope, vector = factor.grad(*operands, **scaled), checks.array(keywords["vector"], "vector")
            rest = value * factor.hvp(*operands, vector=vector, **scaled)
            grad = self.grad(*operands, **plain, cotangent=cotangent)
            rest += grad * np.sum(slope * vector, dtype=float) + slope * np.sum(grad * vector, dtype=float)
            product = given(outputs, operands, **keywords)
            product -= rest
            return product
        slope, bend = factor.grad_and_hess(*operands, **scaled)
        floor = checks.bound(keywords.pop("min_hessian", None), "min_hessian")
        results = given(outputs, operands, **keywords)
        grad = results[1 if outputs in (VALUE_GRAD, VALUE_GRAD_HESS) else 0]
        grad -= value * slope
        if outputs == VALUE_GRAD:
            return results
        hess = results[-1]
        if keywords.get("hessian", "exact") == "exact":
            hess -= value * bend + 2 * grad * slope
        if floor is not None:
            scale = np.broadcast_to(cotangent / divisor * (1 if weight is None else weight), hess.shape)
            kept = scale != 0
            np.copyto(hess, np.maximum(hess / np.where(kept, scale, 1), floor) * scale, where=kept, casting="same_kind")
        return results
