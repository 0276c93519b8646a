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

    pred and target have one shape; every element is an item. The target is -1 or +1, or 0 or 1 with ``labels="01"``.
    The derivative at u = m is 0; the Hessian is 0 everywhere. Wherever pred has the wrong sign it is m more than the
    perceptron's loss -u.

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
