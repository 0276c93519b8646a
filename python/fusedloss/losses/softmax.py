"""Losses over rows of classes: of a softmax, or of probabilities given as such."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from ..domains import PROBABILITY, SHARE, Domain
from ..facts import Facts, Kink, Traits
from ..kinds.elementwise import constant
from ..kinds.rows import Rows
from ..operands import PredTarget
from ..options import Flag, Real, option
from .binary import EPS_DOMAIN, clipped, log_clipped


@dataclass(frozen=True)
class Softmax:
    """The softmax of rows of logits, with full relative accuracy where a probability goes to 1.

    The sum of exponentials is kept without its largest term, which is exactly 1 (Blanchard, Higham and Higham 2021,
    "Accurately computing the log-sum-exp and softmax functions").

    Attributes:
        p: Probabilities.
        complement: 1 - p.
        nll: -log p.
    """

    p: Array
    complement: Array
    nll: Array

    @classmethod
    def of(cls, z: Array) -> Softmax:
        """Of logits of shape (N, C)."""
        peak = np.arange(z.shape[1]) == np.argmax(z, axis=1)[:, None]
        top = np.max(z, axis=1, keepdims=True)
        e = np.exp(z - top)
        rest = np.sum(np.where(peak, 0.0, e), axis=1, keepdims=True)
        rest = rest + (top - top)  # NaN for a row with NaN or +inf, or of nothing but -inf
        whole = 1 + rest
        return cls(e / whole, np.where(peak, rest, whole - e) / whole, np.log1p(rest) + (top - z))


def one_hot(labels: Array, classes: int) -> Array:
    """Labels as distributions."""
    return np.asarray(labels[:, None] == np.arange(classes), dtype=np.float64)


class CrossEntropy(PredTarget, Rows):
    r"""Cross-entropy of a softmax and a target, from logits.

    .. math:: l = \sum_c t_c (\log \textstyle\sum_k e^{z_k} - z_c), \quad t = (1 - s) y + s / C

    An item is a row along `axis`. The target holds integer labels (y is 1 at the label and 0 elsewhere; its shape is
    that of pred without `axis`) or distributions (of pred's shape; they need not sum to 1). The value has full relative
    accuracy for every p > 0 at the label: 1.2e-7, and not 0, where p is that close to 1. A row that holds NaN or +inf,
    or nothing but -inf, is NaN. With ``from_logits=False`` pred holds probabilities: each is clipped to [eps, 1 - eps]
    without renormalising, and the derivative is that of the clipped function. With C = 2 and logits (0, z) it is
    `BinaryCrossEntropy` of z.

    Args:
        label_smoothing: s in [0, 1].
        class_weight: (C,), >= 0: an item's weight is multiplied by the sum of class_weight_c y_c, in the divisor of a
            mean too.
        ignore_index: A label that takes its item out.
        from_logits: Whether pred holds logits, and not probabilities.
        eps: Where probabilities are clipped, in (0, 0.5).
        axis: The class axis of pred.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is neither a class nor ignored.
        TypeError: Labels are not integers.
        ValueError: A probability is outside [0, 1] by more than rounding.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> value, grad = fl.CrossEntropy().value_and_grad([[0.0, 0.0], [0.0, 0.0]], [0, 1])
        >>> round(value, 12), grad.tolist()  # the logarithm of 2
        (0.69314718056, [[-0.25, 0.25], [0.25, -0.25]])
        >>> fl.cross_entropy(np.float32([[16.0, 0.0]]), [0]) > 0  # 1.1e-7: other forms give 0
        True
    """

    label_smoothing: float = option(default=0.0, accepts=Real(SHARE))
    from_logits: bool = option(default=True, accepts=Flag())
    eps: float = option(default=1e-7, accepts=Real(EPS_DOMAIN))

    aliases = ("CE", "softmax_cross_entropy", "categorical_crossentropy", "sparse_categorical_crossentropy")
    facts = Facts(
        task="multiclass classification",
        activation="softmax",
        likelihood="categorical",
        robustness="a wrong label costs in proportion to its logit; label smoothing limits what confidence can gain",
        smoothness="infinitely differentiable",
        samples=(
            {},
            {"label_smoothing": 0.1},
            {"class_weight": (0.5, 1.0, 2.0)},
            {"ignore_index": 1},
            {"axis": 0},
            {"from_logits": False},
            {"from_logits": False, "label_smoothing": 0.2, "eps": 1e-3},
        ),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=self.from_logits, shift_invariant=self.from_logits, exchangeable=True)

    @property
    def domain(self) -> dict[str, Domain]:
        return {} if self.from_logits else {"pred": PROBABILITY}

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return () if self.from_logits else (Kink(self.eps, 1, "pred"), Kink(1 - self.eps, 1, "pred"))

    def kernel(self, labels: bool) -> tuple[str, tuple[float, ...]]:
        target = "labels" if labels else "distribution"
        if self.from_logits:
            return f"cross_entropy_{target}", (self.label_smoothing,)
        return f"cross_entropy_probability_{target}", (self.label_smoothing, self.eps)

    def smoothed(self, target: Array, classes: int) -> Array:
        """The target as distributions, mixed with the uniform one."""
        y = one_hot(target, classes) if target.ndim == 1 else target
        return (1 - self.label_smoothing) * y + self.label_smoothing / classes

    def reference(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:
        t = self.smoothed(target, pred.shape[1])
        if not self.from_logits:
            p, _, inside = clipped(pred, self.eps)
            outside = constant(0.0, pred)
            return (
                np.sum(-t * log_clipped(pred, self.eps)[0], axis=1),
                np.where(inside, -t / p, outside),
                np.where(inside, t / p**2, outside),
            )

        softmax = Softmax.of(pred)
        mass = np.sum(t, axis=1, keepdims=True)
        value = np.sum(np.where((t == 0) & ~np.isnan(softmax.nll), 0.0, t * softmax.nll), axis=1)  # 0 inf = 0
        grad = softmax.p * (mass - t) - t * softmax.complement  # mass p - t, without cancelling where p is close to 1
        return value, grad, mass * softmax.p * softmax.complement

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        if not self.from_logits:
            return self.reference(pred, target)[2] * vector
        p = Softmax.of(pred).p
        mass = np.sum(self.smoothed(target, pred.shape[1]), axis=1, keepdims=True)
        # vector - sum(p vector) cancels where p -> 1; taken off at the largest logit, it does not.
        peak = np.argmax(pred, axis=1)[:, None]
        apart = vector - np.take_along_axis(vector, peak, axis=1)
        product: Array = mass * p * (apart - np.sum(p * apart, axis=1, keepdims=True))
        return product
