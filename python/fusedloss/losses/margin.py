"""Losses of a margin: u = label times pred, the label -1 or +1."""

from __future__ import annotations

import numpy as np

from ..arrays import Array, Labels
from ..domains import NOT_NEGATIVE, Domain, Points
from ..facts import Facts, Kink, Traits
from ..kinds.elementwise import Elementwise, constant
from ..operands import PredTarget, Ranked
from ..options import Choice, Real, option


class _Margin(PredTarget, Elementwise):
    """The chain rule of the family: a loss is a function of u = label times pred, so d/dpred = label d/du."""

    labels: Labels = option(default="pm1", accepts=Choice("pm1", "01"))

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": Points((-1.0, 1.0) if self.labels == "pm1" else (0.0, 1.0))}

    @property
    def map_to_signs(self) -> tuple[float, float]:
        """Slope and offset that turn a target into -1 or +1."""
        return (1.0, 0.0) if self.labels == "pm1" else (2.0, -1.0)

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        slope, offset = self.map_to_signs
        label = slope * target + offset
        value, d1, d2 = self.of(label * pred)
        return value, label * d1, label**2 * d2

    def of(self, u: Array) -> tuple[Array, Array, Array]:
        """Value, first and second derivative as a function of the margin."""
        raise NotImplementedError


class Hinge(_Margin):
    r"""The loss of support vector machines (Cortes and Vapnik 1995, "Support-vector networks").

    .. math:: l = \max(0, m - u), \quad u = y z

    pred and target have one shape; every element is an item. The target is -1 or +1, or 0 or 1 with
    ``labels="01"``. The derivative at u = m is 0; the Hessian is 0 everywhere. Wherever pred has the wrong sign it
    is m more than the perceptron's loss -u.

    Args:
        labels: ``"pm1"`` for targets -1 and +1, ``"01"`` for 0 and 1.
        margin: m, >= 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is not one of the two labels.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Hinge().value_and_grad([0.5, 3.0], [1, 1])
        >>> value, grad.tolist()
        (0.25, [-0.5, 0.0])
        >>> fl.hinge([0.5, 3.0], [1, 0], labels="01")
        2.25
    """

    margin: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))

    aliases = ("hinge_loss", "svm")
    facts = Facts(
        task="binary classification",
        activation="identity",
        robustness="a wrong label pulls no harder than any other item within the margin",
        smoothness="continuous, with a kink at the margin",
        samples=({}, {"margin": 0.5}, {"labels": "01"}),
    )
    traits = Traits(convex=True, lipschitz=1.0)

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return (Kink(self.margin, 1, "margin"),)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "hinge", (*self.map_to_signs, self.margin)

    def of(self, u: Array) -> tuple[Array, Array, Array]:
        gap = self.margin - u
        flat = constant(0.0, u)
        return np.maximum(gap, 0.0), np.where(gap > 0, -1.0, flat), flat


class SquaredHinge(_Margin):
    r"""The square of the hinge: an L2 support-vector machine's.

    .. math:: l = \max(0, m - u)^2, \quad u = y z

    pred and target have one shape; every element is an item. The target is -1 or +1, or 0 or 1 with
    ``labels="01"``. The Hessian is 2 within the margin and 0 from u = m on.

    Args:
        labels: ``"pm1"`` for targets -1 and +1, ``"01"`` for 0 and 1.
        margin: m, >= 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is not one of the two labels.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.SquaredHinge().value_and_grad([0.5, 3.0], [1, 1])
        >>> value, grad.tolist()
        (0.125, [-0.5, 0.0])
    """

    margin: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))

    aliases = ("squared_hinge_loss",)
    facts = Facts(
        task="binary classification",
        activation="identity",
        robustness="a wrong label pulls in proportion to its distance from the margin",
        smoothness="continuously differentiable; the second derivative jumps at the margin",
        samples=({}, {"margin": 0.5}, {"labels": "01"}),
    )
    traits = Traits(convex=True)

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return (Kink(self.margin, 2, "margin"),)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "squared_hinge", (*self.map_to_signs, self.margin)

    def of(self, u: Array) -> tuple[Array, Array, Array]:
        gap = np.maximum(self.margin - u, 0.0)
        return gap**2, 0.0 - 2 * gap, np.where(gap > 0, 2.0, constant(0.0, u))


class SmoothHinge(_Margin):
    r"""The hinge with a rounded corner (Rennie and Srebro 2005, "Loss functions for preference levels").

    .. math:: l = \begin{cases} 1/2 - u & u \le 0 \\ (1 - u)^2 / 2 & 0 < u < 1 \\ 0 & u \ge 1 \end{cases},
        \quad u = y z

    pred and target have one shape; every element is an item. The target is -1 or +1, or 0 or 1 with
    ``labels="01"``. The Hessian is 1 from u = 0 to 1, 0 elsewhere and at 1.

    Args:
        labels: ``"pm1"`` for targets -1 and +1, ``"01"`` for 0 and 1.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is not one of the two labels.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.SmoothHinge().value_and_grad([0.5, -1.0], [1, 1])
        >>> value, grad.tolist()
        (0.8125, [-0.25, -0.5])
    """

    aliases = ("RennieHinge",)
    facts = Facts(
        task="binary classification",
        activation="identity",
        robustness="a wrong label pulls no harder than any other item below the corner",
        smoothness="continuously differentiable; the second derivative jumps at 0 and 1",
        samples=({}, {"labels": "01"}),
    )
    traits = Traits(convex=True, lipschitz=1.0)
    kinks = (Kink(0.0, 2, "margin"), Kink(1.0, 2, "margin"))

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "smooth_hinge", self.map_to_signs

    def of(self, u: Array) -> tuple[Array, Array, Array]:
        gap = 1 - u
        inner = np.clip(gap, 0.0, 1.0)
        d2 = np.where((u >= 0) & (u < 1), 1.0, constant(0.0, u))
        return np.where(gap > 1, gap - 0.5, inner**2 / 2), 0.0 - inner, d2


class ModifiedHuber(_Margin):
    r"""The squared hinge, straight where the prediction is wrong by more than 1 (Zhang 2004).

    .. math:: l = \begin{cases} -4 u & u < -1 \\ \max(0, 1 - u)^2 & u \ge -1 \end{cases}, \quad u = y z

    pred and target have one shape; every element is an item. The target is -1 or +1, or 0 or 1 with
    ``labels="01"``. The Hessian is 2 from u = -1 to 1, 0 elsewhere and at 1.

    Args:
        labels: ``"pm1"`` for targets -1 and +1, ``"01"`` for 0 and 1.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is not one of the two labels.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.ModifiedHuber().value_and_grad([0.5, -2.0], [1, 1])
        >>> value, grad.tolist()
        (4.125, [-0.5, -2.0])
    """

    aliases = ("modified_huber_loss",)
    facts = Facts(
        task="binary classification",
        activation="identity",
        robustness="a wrong label pulls no harder than any other item below -1",
        smoothness="continuously differentiable; the second derivative jumps at -1 and 1",
        samples=({}, {"labels": "01"}),
    )
    traits = Traits(convex=True, lipschitz=4.0)
    kinks = (Kink(-1.0, 2, "margin"), Kink(1.0, 2, "margin"))

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "modified_huber", self.map_to_signs

    def of(self, u: Array) -> tuple[Array, Array, Array]:
        gap = 1 - u
        inner = np.clip(gap, 0.0, 2.0)
        d2 = np.where((u >= -1) & (u < 1), 2.0, constant(0.0, u))
        return np.where(gap > 2, -4 * u, inner**2), 0.0 - 2 * inner, d2


class Perceptron(_Margin):
    r"""The hinge without a margin (Rosenblatt 1958, "The perceptron").

    .. math:: l = \max(0, -u), \quad u = y z

    pred and target have one shape; every element is an item. The target is -1 or +1, or 0 or 1 with
    ``labels="01"``. The derivative at u = 0 is 0; the Hessian is 0 everywhere.

    Args:
        labels: ``"pm1"`` for targets -1 and +1, ``"01"`` for 0 and 1.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is not one of the two labels.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Perceptron().value_and_grad([0.5, 3.0], [1, -1])
        >>> value, grad.tolist()
        (1.5, [0.0, 0.5])
    """

    aliases = ("perceptron_loss",)
    facts = Facts(
        task="binary classification",
        activation="identity",
        robustness="a wrong label pulls no harder than any other item on the wrong side",
        smoothness="continuous, with a kink at 0",
        samples=({}, {"labels": "01"}),
    )
    traits = Traits(convex=True, lipschitz=1.0)
    kinks = (Kink(0.0, 1, "margin"),)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "hinge", (*self.map_to_signs, 0.0)

    def of(self, u: Array) -> tuple[Array, Array, Array]:
        flat = constant(0.0, u)
        return np.maximum(-u, 0.0), np.where(u < 0, -1.0, flat), flat


class Logistic(_Margin):
    r"""The soft margin: logistic regression in terms of the margin.

    .. math:: l = \log(1 + e^{-u}), \quad u = y z

    pred and target have one shape; every element is an item. The target is -1 or +1, or 0 or 1 with
    ``labels="01"``, which makes it `BinaryCrossEntropy`. It overflows for no u.

    Args:
        labels: ``"pm1"`` for targets -1 and +1, ``"01"`` for 0 and 1.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is not one of the two labels.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Logistic().value_and_grad([0.0, -1000.0], [1, 1])
        >>> round(value, 12), grad.tolist()
        (500.34657359028, [-0.25, -0.5])
    """

    aliases = ("SoftMargin", "SoftMarginLoss", "logistic_loss")
    facts = Facts(
        task="binary classification",
        activation="sigmoid",
        likelihood="Bernoulli",
        robustness="a wrong label costs in proportion to its distance",
        smoothness="infinitely differentiable",
        samples=({}, {"labels": "01"}),
    )
    traits = Traits(convex=True, lipschitz=1.0)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "logistic", self.map_to_signs

    def of(self, u: Array) -> tuple[Array, Array, Array]:
        small = np.exp(-np.abs(u))  # never overflows
        larger, smaller = 1 / (1 + small), small / (1 + small)
        return np.maximum(-u, 0.0) + np.log1p(small), np.where(u < 0, -larger, -smaller), larger * smaller


class Exponential(_Margin):
    r"""The loss that AdaBoost minimises (Friedman, Hastie and Tibshirani 2000, "Additive logistic regression").

    .. math:: l = e^{-u}, \quad u = y z

    pred and target have one shape; every element is an item. The target is -1 or +1, or 0 or 1 with
    ``labels="01"``. Value and derivatives are infinite where e^-u is beyond the range of the type: in float32 for u
    < -88.7, in float64 for u < -709.7.

    Args:
        labels: ``"pm1"`` for targets -1 and +1, ``"01"`` for 0 and 1.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is not one of the two labels.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Exponential().value_and_grad([0.0, 0.0], [1, -1])
        >>> value, grad.tolist()
        (1.0, [-0.5, 0.5])
    """

    aliases = ("exponential_loss", "AdaBoost")
    facts = Facts(
        task="binary classification",
        activation="sigmoid",
        robustness="a wrong label pulls exponentially harder with its distance",
        smoothness="infinitely differentiable",
        samples=({}, {"labels": "01"}),
    )
    traits = Traits(convex=True)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "exponential", self.map_to_signs

    def of(self, u: Array) -> tuple[Array, Array, Array]:
        e = np.exp(-u)
        return e, -e, e


class HingeEmbedding(_Margin):
    r"""Distances of pairs: small for pairs that belong together, and at least a margin for those that do not.

    .. math:: l = \begin{cases} z & y = 1 \\ \max(0, m - z) & y = -1 \end{cases}

    pred, the distance, and target have one shape; every element is an item. The target is -1 or +1, or 0 or 1 with
    ``labels="01"``. The derivative at z = m is 0 for pairs that do not belong together; the Hessian is 0 everywhere. A
    negative pred is no distance, but taken at its word: then the value can be negative.

    Args:
        labels: ``"pm1"`` for targets -1 and +1, ``"01"`` for 0 and 1.
        margin: m, >= 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is not one of the two labels.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.HingeEmbedding(margin=2.0).value_and_grad([0.5, 0.5], [1, -1])
        >>> value, grad.tolist()
        (1.0, [0.5, -0.5])
    """

    margin: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))

    aliases = ("HingeEmbeddingLoss",)
    facts = Facts(
        task="learning of embeddings from pairs",
        activation="identity",
        robustness="a wrong label pulls no harder than any other pair",
        smoothness="continuous, with a kink at the margin of pairs that do not belong together",
        samples=({}, {"margin": 2.5}, {"labels": "01"}),
    )
    traits = Traits(convex=True, nonnegative=False, lipschitz=1.0)

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return (Kink(self.margin, 1, "pred"),)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "hinge_embedding", (*self.map_to_signs, self.margin)

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        gap = self.margin - pred
        flat = constant(0.0, pred)
        similar = target == 1
        d1 = np.where(similar, constant(1.0, pred), np.where(gap > 0, -1.0, flat))
        return np.where(similar, pred, np.maximum(gap, 0.0)), d1, flat


class MarginRanking(Ranked, Elementwise):
    r"""One score ahead of another by a margin (Herbrich, Graepel and Obermayer 2000, "Large margin rank boundaries").

    .. math:: l = \max(0, m - y (x_1 - x_2))

    x1, x2 and target have one shape; every element is an item. The target is +1 where x1 should be the higher score, -1
    where x2 should. There are two gradients, 0 at the kink; the Hessian is 0 everywhere.

    Args:
        margin: m, >= 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is neither -1 nor +1.

    Example:
        >>> import fusedloss as fl
        >>> value, (first, second) = fl.MarginRanking(margin=1.0).value_and_grad([0.5, 3.0], [0.0, 0.0], [1, 1])
        >>> value, first.tolist(), second.tolist()
        (0.25, [-0.5, 0.0], [0.5, 0.0])
    """

    margin: float = option(default=0.0, accepts=Real(NOT_NEGATIVE))

    aliases = ("MarginRankingLoss",)
    facts = Facts(
        task="ranking",
        activation="identity",
        robustness="a pair in the wrong order pulls no harder than any other pair within the margin",
        smoothness="continuous, with a kink at the margin",
        samples=({}, {"margin": 0.5}),
    )
    traits = Traits(convex=True, lipschitz=1.0)

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": Points((-1.0, 1.0))}

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "margin_ranking", (1.0, 0.0, self.margin)

    def reference(self, *inputs: Array) -> tuple[Array, tuple[Array, Array], tuple[Array, Array, Array]]:
        x1, x2, target = inputs
        gap = self.margin - target * (x1 - x2)
        slope = np.where(gap > 0, -target, constant(0.0, gap))
        flat = constant(0.0, gap)
        return np.maximum(gap, 0.0), (slope, 0.0 - slope), (flat, flat, flat)
