"""Divergences between the distributions of prediction and target."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from ..domains import OPEN_SHARE
from ..facts import Facts, Traits
from ..kinds.divergence import Divergences, Sides, excess
from ..operands import PredTargetAlike
from ..options import Flag, Real, option

_SAMPLES: tuple[dict[str, Any], ...] = (
    {},
    {"target_kind": "logits"},
    {"pred_kind": "log_probs"},
    {"pred_kind": "log_probs", "target_kind": "log_probs"},
    {"pred_kind": "probs"},
    {"pred_kind": "probs", "target_kind": "logits", "eps": 1e-3},
    {"pred_kind": "log_probs", "target_kind": "logits", "temperature": 3.0},
    {"target_kind": "log_probs", "temperature": 0.5, "axis": 0},
)


class KLDivergence(PredTargetAlike, Divergences):
    r"""Kullback-Leibler divergence of the target from the prediction: distillation, or two models compared.

    .. math:: l = \sum_c p_c (\log p_c - \log q_c), \quad p \text{ the target}, q \text{ the prediction}

    pred and target have one shape; an item is a row along `axis`, so a mean is over rows. Each side holds logits,
    logarithms of probabilities, or probabilities. Those are taken as they are, whatever their sum; their logarithm is
    that of max(p, eps), and the derivative that of this function: 0 log 0 is exactly 0, and gradients are finite. With
    logits on both sides the softmaxes are part of the pass, and the value keeps its relative accuracy where the sides
    are close: it is never negative, and 0 for equal logits.

    The gradient is that by pred; ``wrt="target"`` gives that by the target, ``wrt=("pred", "target")`` or ``"both"``
    both in a tuple, from one pass. Products with the Hessian are by pred.

    Args:
        pred_kind: ``"logits"``, ``"log_probs"`` or ``"probs"``.
        target_kind: The same of the target.
        temperature: T > 0: divides logits, on whichever side they are.
        scale_by_temperature2: Whether the loss is multiplied by T^2, so that gradients by logits keep their size.
        reverse: Whether the sides are exchanged: the sum of q (log q - log p).
        eps: Where probabilities are held before their logarithm, in (0, 1).
        axis: The class axis.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A probability is outside [0, 1] by more than rounding; a temperature without logits.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> value, grad = fl.KLDivergence().value_and_grad([[0.0, 0.0]], [[1.0, 0.0]])
        >>> round(value, 12), grad.tolist()  # the logarithm of 2
        (0.69314718056, [[-0.5, 0.5]])
        >>> distill = fl.KLDivergence(target_kind="logits", temperature=2, scale_by_temperature2=True)
        >>> distill(np.float32([[1, 2, 3]]), np.float32([[1, 2, 3]]))
        0.0
    """

    scale_by_temperature2: bool = option(default=False, accepts=Flag())
    reverse: bool = option(default=False, accepts=Flag())

    aliases = ("KL", "KLDiv", "kl_div", "kullback_leibler_divergence")
    facts = Facts(
        task="distillation, comparison of distributions",
        activation="softmax",
        robustness="a class that the target has and the prediction has not costs without bound; not if reversed",
        smoothness="infinitely differentiable for logits; probabilities have a kink at eps",
        turns=True,
        samples=(
            *_SAMPLES,
            {"target_kind": "logits", "temperature": 2.0, "scale_by_temperature2": True},
            *({**options, "reverse": True} for options in _SAMPLES),
        ),
    )

    @property
    def traits(self) -> Traits:
        both = self.pred_kind == self.target_kind == "logits"
        return Traits(convex=not self.reverse, nonnegative=both)

    @property
    def exchanged(self) -> KLDivergence:
        return self.replace(pred_kind=self.target_kind, target_kind=self.pred_kind, reverse=not self.reverse)

    def form(self) -> tuple[str, float, tuple[float, float], float]:
        factor = self.temperature**2 if self.scale_by_temperature2 else 1.0
        return "kl_divergence", factor, (0.0, 1.0) if self.reverse else (1.0, 0.0), 0.0

    def terms(self, sides: Sides) -> tuple[Array, Array, Array]:
        u, w, r = sides.u, sides.w, sides.r
        p, q, gap = (u, w, -r) if self.reverse else (w, u, r)
        each = np.where(p == 0, 0.0, p * gap)
        value = np.sum(each, axis=1)
        apart = np.zeros_like(r)
        if sides.normalised:
            each, apart = excess(p, q, gap)
            surplus = np.sum(apart, axis=1)
            value = np.sum(each, axis=1) - (surplus - np.log1p(surplus))
        logarithms = self.pred_kind != "probs"
        if self.reverse:
            if logarithms:
                slope = np.where(u == 0, 0.0, u * (sides.lean - np.where(np.isfinite(sides.rise), sides.beyond, r)))
                return value, slope, slope + u
            return value, sides.inside_u - r, np.where(sides.inside_u, 1 / sides.held_u, 0.0)
        if sides.normalised:  # with the digits of r; what u is more, changes nothing
            return value, apart, u
        if logarithms:
            return value, -w, np.zeros_like(w)
        fall = np.where(sides.inside_u, w / sides.held_u, 0.0)
        return value, -fall, fall / sides.held_u

    def finish(self, value: Array) -> tuple[Array, Array, Array]:
        factor = self.form()[1]
        return factor * value, np.full(value.shape, factor), np.zeros(value.shape)


class JensenShannon(PredTargetAlike, Divergences):
    r"""Jensen-Shannon divergence of the distributions of prediction and target.

    .. math:: l = \beta D(p, m) + (1 - \beta) D(q, m), \quad m = \beta p + (1 - \beta) q

    with D the `KLDivergence`, p the target and q the prediction; with ``beta=0.5`` the two may be exchanged. It is at
    most the entropy of (beta, 1 - beta), for disjoint supports too. What the sides hold, and how probabilities are held
    at eps, is as in `KLDivergence`, and so is ``wrt``. With ``sqrt=True`` the loss is the root of a row's divergence,
    which for ``beta=0.5`` is a metric; where the sides are equal its gradient is 0, and so is the Hessian.

    Args:
        beta: The weight of the target, in (0, 1).
        sqrt: Whether the loss is the root.
        pred_kind: ``"logits"``, ``"log_probs"`` or ``"probs"``.
        target_kind: The same of the target.
        temperature: T > 0: divides logits, on whichever side they are.
        eps: Where probabilities are held before their logarithm, in (0, 1).
        axis: The class axis.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A probability is outside [0, 1] by more than rounding; a temperature without logits.

    Example:
        >>> import fusedloss as fl
        >>> round(fl.JensenShannon(pred_kind="probs")([[1.0, 0.0]], [[0.0, 1.0]]), 5)  # the logarithm of 2
        0.69315
    """

    beta: float = option(default=0.5, accepts=Real(OPEN_SHARE))
    sqrt: bool = option(default=False, accepts=Flag())

    aliases = ("JSD", "jensen_shannon_divergence")
    facts = Facts(
        task="distillation, comparison of distributions",
        activation="softmax",
        robustness="bounded: a class that one side lacks costs at most its probability",
        smoothness="infinitely differentiable for logits; the root has a kink where the sides are equal",
        tolerance=12.0,  # logarithms of 1 + (beta or 1 - beta) expm1(|r|) less that: errors of one go through the next
        turns=True,
        samples=(
            *_SAMPLES,
            {"beta": 0.9, "target_kind": "logits"},
            {"sqrt": True, "target_kind": "logits"},
            {"sqrt": True, "pred_kind": "probs", "beta": 0.2},
        ),
    )

    @property
    def exchanged(self) -> JensenShannon:
        return self.replace(pred_kind=self.target_kind, target_kind=self.pred_kind, beta=1 - self.beta)

    def form(self) -> tuple[str, float, tuple[float, float], float]:
        return "jensen_shannon", 1.0, self._shares, float(self.sqrt)

    @property
    def _shares(self) -> tuple[float, float]:
        """Those of target and prediction in the mixture, which add up to 1 exactly whichever of them is beta."""
        more = max(self.beta, 1 - self.beta)
        return (more, 1 - more) if self.beta == more else (1 - more, more)

    def terms(self, sides: Sides) -> tuple[Array, Array, Array]:
        u, w, r, held_u, held_w, inside_u, inside_w = sides[:7]
        beta, rest = self._shares
        above, gap = r > 0, np.abs(r)
        a, b = np.where(above, beta, rest), np.where(above, rest, beta)
        x, y, log_large, log_small = _mixed(a, b, np.minimum(gap, _FAR) / 2)
        log_small = log_small - np.where(gap > _FAR, gap - _FAR, 0.0)
        large, small = np.where(above, w, u), np.where(above, u, w)
        of_small = np.where(small == 0, 0.0, b * small * log_small)
        lifted = np.where(gap > _FAR, a * b * large + of_small, b * small * _above_log(x))
        value = np.where(inside_u & inside_w, a * large * _above_log(-y) + lifted, a * large * log_large + of_small)
        value = np.where((u == 0) & (w == 0), 0.0, value)

        # log(u / m) less what it is at r = r_0: -log(1 - s + s e^d), d = r - r_0, s = beta e^r_0 / (rest + beta e^r_0)
        rise, held = np.clip(sides.rise, -_FAR, _FAR), np.clip(r, -_FAR, _FAR)
        d = np.where(np.abs(sides.rise) > _FAR, held - rise, np.clip(sides.beyond, -_FAR - rise, _FAR - rise))
        s, t = beta * np.exp(np.minimum(rise, 0)), rest * np.exp(-np.maximum(rise, 0))
        s, t = s / (s + t), t / (s + t)
        above, half = d > 0, np.abs(d) / 2
        x, _, log_large, log_small = _mixed(np.where(above, s, t), np.where(above, t, s), half)
        log_u = np.where(above, log_small - np.where(r > _FAR, r - _FAR, 0.0), log_large)
        share = np.where(above, s * np.exp(half) * (np.exp(half) / (1 + x)), s / (1 + x))  # of w in m
        have, lack = (np.where(inside_w, *choice) for choice in ((1.0, w / held_w), (0.0, (held_w - w) / held_w)))
        slope = rest * (log_u + np.where(inside_u, lack * share, 0.0))
        bend = rest * share * (have + lack * share)
        if self.pred_kind == "probs":
            return np.sum(value, axis=1), slope, np.where(inside_u, bend / held_u, 0.0)
        slope, bend = (np.where(u == 0, 0.0, x) for x in (u * slope, u * bend))
        return np.sum(value, axis=1), slope, slope + bend

    def finish(self, value: Array) -> tuple[Array, Array, Array]:
        if not self.sqrt:
            return value, np.ones_like(value), np.zeros_like(value)
        root, equal = np.sqrt(value), value == 0
        return root, np.where(equal, 0.0, 0.5 / root), np.where(equal, 0.0, 1 / np.sqrt(2 * value))


_FAR = 600.0
"""How far apart logarithms of probabilities are taken to be; beyond, a mixture is the larger one's share."""


def _mixed(a: Array, b: Array, half: Array) -> tuple[Array, Array, Array, Array]:
    """Of m = a large + b small, large = small e^(2 half): x, y, and the logarithms of large / m and small / m.

    m / small = 1 + x, m / large = 1 - y = (1 + x) / (1 + growth)^2.
    """
    growth = np.expm1(half)
    x, y = a * growth * (growth + 2), b * (growth / (1 + growth)) * ((growth + 2) / (1 + growth))
    log_large = -np.where(y < 0.5, np.log1p(-np.minimum(y, 0.5)), np.log((1 + x) / (1 + growth) / (1 + growth)))
    return x, y, log_large, -np.log1p(x)


def _above_log(z: Array) -> Array:
    """What z is more than log(1 + z), accurate where both are small.

    Of log(1 + z) = 2 atanh(s), s = z / (2 + z), the first term leaves z - 2 s = z s.
    """
    small = np.abs(z) < 0.5
    x = np.where(small, z, 0.0)
    s = x / (2 + x)
    series = np.polynomial.polynomial.polyval(s**2, [1 / k for k in range(3, 39, 2)])
    return np.where(small, x * s - 2 * s**3 * series, z - np.log1p(z))
