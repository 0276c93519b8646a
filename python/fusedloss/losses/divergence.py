"""Divergences between the distributions of prediction and target."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from ..facts import Facts, Traits
from ..kinds.divergence import Divergences, Sides, excess
from ..operands import PredTargetDistributions
from ..options import Flag, option

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


class KLDivergence(PredTargetDistributions, Divergences):
    r"""Kullback-Leibler divergence of the target from the prediction: distillation, or two models compared.

    .. math:: l = \sum_c p_c (\log p_c - \log q_c), \quad p \text{ the target}, q \text{ the prediction}

    pred and target have one shape; an item is a row along `axis`, so a mean is over rows. Each side holds logits,
    logarithms of probabilities, or probabilities. Those are taken as they are, whatever their sum; their logarithm is
    that of max(p, eps), and the derivative that of this function: 0 log 0 is exactly 0, and gradients are finite. With
    logits on both sides the softmaxes are part of the pass, and the value keeps its relative accuracy where the sides
    are close: it is never negative, and 0 for equal logits.

    The gradient is that by pred; ``wrt="target"`` gives that by the target, ``wrt=("pred", "target")`` or ``"both"``
    both in a tuple, in a pass each. Products with the Hessian are by pred.

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

    def form(self, exchanged: bool) -> tuple[str, float, float, float]:
        factor = self.temperature**2 if self.scale_by_temperature2 else 1.0
        return "kl_divergence", factor, float(self.reverse == exchanged), 0.0

    def terms(self, sides: Sides) -> tuple[Array, Array, Array]:
        u, w, r = sides.u, sides.w, sides.r
        p, q, gap = (u, w, -r) if self.reverse else (w, u, r)
        each = np.where(p == 0, 0.0, p * gap)
        value = np.sum(each, axis=1)
        if sides.normalised:
            more, surplus = (np.sum(x, axis=1) for x in excess(p, q, gap))
            value = more - (surplus - np.log1p(surplus))
        logarithms = self.pred_kind != "probs"
        if self.reverse:
            if logarithms:
                return value, each + sides.lean * u, each + (1 + sides.lean) * u
            return value, sides.inside_u - r, np.where(sides.inside_u, 1 / sides.held_u, 0.0)
        if logarithms:
            return value, -w, np.zeros_like(w)
        fall = np.where(sides.inside_u, w / sides.held_u, 0.0)
        return value, -fall, fall / sides.held_u

    def finish(self, value: Array) -> tuple[Array, Array, Array]:
        factor = self.form(False)[1]
        return factor * value, np.full(value.shape, factor), np.zeros(value.shape)
