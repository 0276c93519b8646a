"""Losses over rows of classes beside those of a softmax: hinges, sparse probabilities, ordered classes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..arrays import Array, Hinges
from ..domains import NOT_NEGATIVE, Points
from ..facts import Facts, Kink, Traits
from ..kinds.rows import Rows
from ..kinds.softmax import Softmax, one_hot
from ..operands import PredTarget
from ..options import Choice, Real, option


def spoil(rows: Array, *arrays: Array) -> tuple[Array, ...]:
    """Makes rows NaN throughout: derivatives of a row depend on all of it."""
    return tuple(np.where(rows if x.ndim == 1 else rows[:, None], np.nan, x) for x in arrays)


class MultiMargin(PredTarget, Rows):
    r"""Hinges between the label's score and those of the other classes: a multiclass support-vector machine.

    .. math:: l = \max_{j \ne y} \max(0, m - z_y + z_j)^p \quad\text{or}\quad \sum_{j \ne y} \max(0, m - z_y + z_j)^p

    The maximum is that of Crammer and Singer 2001, "On the algorithmic implementation of multiclass kernel-based vector
    machines", the sum that of Weston and Watkins 1999, "Support vector machines for multi-class pattern recognition".
    An item is a row along `axis`; the target holds integer labels and has pred's shape without that axis. PyTorch's
    ``multi_margin_loss`` is the sum divided by the number of classes. With ``margin=0``, the maximum is the multiclass
    perceptron's loss. The derivative at a kink is 0, and that of a maximum which several classes have is its first's.
    A row that holds NaN is NaN.

    Args:
        kind: ``"crammer_singer"`` for the maximum, ``"weston_watkins"`` for the sum.
        p: 1 or 2.
        margin: m, >= 0.
        class_weight: (C,), >= 0: an item's weight is multiplied by that of its label, in the divisor of a mean too.
        ignore_index: A label that takes its item out.
        axis: The class axis of pred.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is neither a class nor ignored.
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.MultiMargin().value_and_grad([[1.0, 0.5, 0.75]], [0])
        >>> value, grad.tolist()
        (0.75, [[-1.0, 0.0, 1.0]])
        >>> fl.multi_margin([[1.0, 0.5, 0.75]], [0], kind="weston_watkins") / 3  # PyTorch's
        0.4166666666666667
    """

    kind: Hinges = option(default="crammer_singer", accepts=Choice("crammer_singer", "weston_watkins"))
    p: float = option(default=1.0, accepts=Real(Points((1.0, 2.0))))
    margin: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))

    aliases = ("MultiMarginLoss", "multiclass_hinge", "crammer_singer")
    takes_distributions: ClassVar[bool] = False
    facts = Facts(
        task="multiclass classification",
        activation="identity",
        robustness="a wrong label pulls no harder than any other item within the margin; with p = 2, in proportion",
        smoothness="continuous, with kinks at the margin; with p = 2 its gradient is continuous but for changes of the "
        "maximum",
        samples=(
            {},
            {"kind": "weston_watkins"},
            {"p": 2},
            {"kind": "weston_watkins", "p": 2, "margin": 0.5},
            {"class_weight": (0.5, 1.0, 2.0), "kind": "weston_watkins"},
            {"ignore_index": 1},
            {"axis": 0, "margin": 0.0},
        ),
    )

    @property
    def traits(self) -> Traits:
        bounded = self.kind == "crammer_singer" and self.p == 1
        return Traits(convex=True, lipschitz=1.0 if bounded else None, shift_invariant=True, exchangeable=True)

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return (Kink(-self.margin, 1 if self.p == 1 else 2, "gap"),)

    def kernel(self, labels: bool) -> tuple[str, tuple[float, ...]]:
        return self.kind, (self.margin, self.p)

    def hinges(self, pred: Array, target: Array) -> tuple[Array, Array, Array, Array]:
        """Where the label is, u of each class that counts, whether it is above 0, and which rows are NaN."""
        own = np.arange(pred.shape[1]) == target[:, None]
        label = np.take_along_axis(pred, target[:, None], axis=1)
        apart = pred - label
        back = apart - pred
        lost = (pred - (apart - back)) - (label + back)  # of the difference, by rounding
        gap = (apart + self.margin) + np.where(np.isnan(lost), 0.0, lost)
        counts = ~own
        if self.kind == "crammer_singer":
            others = np.where(own, -np.inf, pred)
            counts = counts & (np.arange(pred.shape[1]) == np.argmax(others, axis=1)[:, None])
        u = np.where(counts, gap, 0.0)
        wrong = np.any(np.isnan(pred) | np.isnan(u), axis=1)
        u = np.maximum(u, 0.0)
        return own, u, u > 0, wrong

    def reference(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:
        own, u, active, wrong = self.hinges(pred, target)
        slope = np.where(active, 1.0, 0.0) if self.p == 1 else 2 * u
        bend = np.where(active, 0.0 if self.p == 1 else 2.0, 0.0)
        value, grad, hess = spoil(
            wrong,
            np.sum(u if self.p == 1 else u**2, axis=1),
            np.where(own, 0.0 - np.sum(slope, axis=1, keepdims=True), slope),
            np.where(own, np.sum(bend, axis=1, keepdims=True), bend),
        )
        return value, grad, hess

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        own, _, active, wrong = self.hinges(pred, target)
        apart = vector - np.take_along_axis(vector, target[:, None], axis=1)
        product = np.where(active, 0.0 if self.p == 1 else 2 * apart, 0.0)
        return spoil(wrong, np.where(own, 0.0 - np.sum(product, axis=1, keepdims=True), product))[0]


class OrdinalCumulative(PredTarget, Rows):
    r"""Ordered labels from cumulative logits: how likely the label is above each of the thresholds between them.

    .. math:: l = \sum_k \left( \log(1 + e^{z_k}) - [y > k] z_k \right)

    The binary decomposition of Frank and Hall 2001, "A simple approach to ordinal classification"; with logits that
    share all weights but the bias it is the loss of CORAL (Cao, Mirjalili and Raschka 2020). An item is a row along
    `axis`: for K labels 0 ... K - 1 pred has K - 1 entries, entry k the logit of y > k. The target has pred's shape
    without `axis`. Nothing makes the logits decrease in k; a model whose thresholds are ordered does. The predicted
    label is the number of logits above 0. With K = 2 it is `BinaryCrossEntropy`.

    Args:
        class_weight: (K,), >= 0: an item's weight is multiplied by that of its label, in the divisor of a mean too.
        ignore_index: A label that takes its item out.
        axis: The axis of pred that has an entry for each threshold.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is neither in 0 ... K - 1 nor ignored.
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.OrdinalCumulative().value_and_grad([[0.0, 0.0]], [1])  # above the first, not the second
        >>> round(value, 12), grad.tolist()
        (1.38629436112, [[-0.5, 0.5]])
    """

    aliases = ("CORAL", "CumulativeLogits", "ordinal_cross_entropy")
    takes_distributions: ClassVar[bool] = False
    further_labels: ClassVar[int] = 1
    facts = Facts(
        task="ordinal regression",
        activation="sigmoid",
        robustness="a wrong label costs in proportion to the logits between it and the prediction",
        smoothness="infinitely differentiable",
        samples=({}, {"class_weight": (0.5, 1.0, 2.0)}, {"ignore_index": 5}, {"axis": 0}),
    )
    traits = Traits(convex=True, lipschitz=1.0)

    def kernel(self, labels: bool) -> tuple[str, tuple[float, ...]]:
        return "ordinal_cumulative", ()

    def reference(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:
        above = target[:, None] > np.arange(pred.shape[1])
        wrong = np.where(above, -pred, pred)  # what is to be low
        small = np.exp(-np.abs(wrong))
        larger, smaller = 1 / (1 + small), small / (1 + small)
        slope = np.where(wrong < 0, smaller, larger)
        value = np.sum(np.maximum(wrong, 0.0) + np.log1p(small), axis=1)
        return value, np.where(above, -slope, slope), larger * smaller

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        product: Array = self.reference(pred, target)[2] * vector
        return product


class SquaredEMD(PredTarget, Rows):
    r"""The squared distance of cumulative distributions over ordered classes: a wrong class costs by how far it is.

    .. math:: l = \sum_k \Big( \sum_{j \le k} (p_j - y_j) \Big)^2, \quad p = \mathrm{softmax}(z)

    Hou, Yu and Samaras 2016, "Squared earth mover's distance-based loss for training deep neural networks". An item is
    a row along `axis`. The target holds integer labels (y is 1 at the label and 0 elsewhere; its shape is that of pred
    without `axis`) or distributions (of pred's shape; one that sums to m counts m times). Values and derivatives keep
    their relative accuracy where p -> 1: nothing is the difference of numbers close to 1. A row that holds NaN or +inf,
    or nothing but -inf, is NaN.

    Args:
        class_weight: (C,), >= 0: an item's weight is multiplied by the sum of class_weight_c y_c, in the divisor of a
            mean too.
        ignore_index: A label that takes its item out.
        axis: The class axis of pred.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is neither a class nor ignored.
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.SquaredEMD().value_and_grad([[0.0, 0.0]], [0])
        >>> value, grad.tolist()
        (0.25, [[-0.25, 0.25]])
        >>> near, far = (fl.squared_emd([[0.0, 9.0, 0.0, 0.0]], [label]) for label in (0, 3))
        >>> near < far
        True
    """

    aliases = ("EMDLoss", "earth_mover", "ranked_probability_score")
    facts = Facts(
        task="ordinal regression",
        activation="softmax",
        robustness="bounded: a wrong label costs at most the number of classes less 1",
        smoothness="infinitely differentiable",
        samples=({}, {"class_weight": (0.5, 1.0, 2.0)}, {"ignore_index": 1}, {"axis": 0}),
    )
    traits = Traits(shift_invariant=True)

    def kernel(self, labels: bool) -> tuple[str, tuple[float, ...]]:
        return f"squared_emd_{'labels' if labels else 'distribution'}", ()

    def reference(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:
        c = _Cumulative(pred, target)
        # Of classes up to i - 1, and from i on.
        squares = _before(c.F**2) + _onwards(c.R**2)
        grad = c.p * (c.apart - c.mean)
        return (
            (c.mass * np.sum(c.D**2, axis=1, keepdims=True))[:, 0],
            c.mass * grad,
            c.mass * (grad * (1 - 2 * c.p) + 2 * c.p**2 * squares),
        )

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        c = _Cumulative(pred, target)
        near = vector - np.take_along_axis(vector, c.peak, axis=1)
        w = c.p * (near - np.sum(c.p * near, axis=1, keepdims=True))
        turned = c.sum_from_peak(np.where(c.below, np.cumsum(w, axis=1), _before(w[:, ::-1])[:, ::-1] * -1.0))
        turn = np.sum(w * c.apart + c.p * turned, axis=1, keepdims=True)
        product: Array = c.mass * (w * (c.apart - c.mean) + c.p * (turned - turn))
        return product


def _before(x: Array) -> Array:
    """Sums of the entries before each."""
    return np.concatenate([0.0 * x[:, :1], np.cumsum(x, axis=1)[:, :-1]], axis=1)


def _onwards(x: Array) -> Array:
    """Sums of each entry and those behind it."""
    return np.cumsum(x[:, ::-1], axis=1)[:, ::-1]


class _Cumulative:
    """Cumulative distributions of a softmax and a target, and what they sum up to, counted from the largest class.

    Attributes:
        p: Probabilities.
        F: Of classes up to each.
        R: Of those beyond it: 1 - F, and not by subtraction.
        D: F less the target's.
        peak: The largest class of a row.
        below: Where a class comes before it.
        apart: The derivative of the value by p_i less that by p at the peak.
        mean: Of `apart` under p.
        mass: What a target sums to.
    """

    def __init__(self, pred: Array, target: Array) -> None:
        y = one_hot(target, pred.shape[1]) if target.ndim == 1 else target
        self.mass = np.sum(y, axis=1, keepdims=True)
        y = y / np.where(self.mass == 0, 1.0, self.mass)
        self.p = Softmax.of(pred).p
        self.peak = np.argmax(pred, axis=1)[:, None]
        self.below = np.arange(pred.shape[1]) < self.peak
        self.F = np.cumsum(self.p, axis=1)
        self.R = _before(self.p[:, ::-1])[:, ::-1]
        self.D = np.where(self.below, self.F - np.cumsum(y, axis=1), _before(y[:, ::-1])[:, ::-1] - self.R)
        self.apart = self.sum_from_peak(self.D)
        self.mean = 2 * np.sum(self.D * np.where(self.below, self.F, -self.R), axis=1, keepdims=True)

    def sum_from_peak(self, x: Array) -> Array:
        """Twice the sum of x between a class and the peak, downwards negative."""
        return 2 * (_onwards(np.where(self.below, x, 0.0)) - _before(np.where(self.below, 0.0, x)))


class _Sparse(PredTarget, Rows):
    """Fenchel-Young losses of probabilities that are 0 for classes far below the largest.

    With a power a, p = q^a for q = max(0, z / a - threshold); y = r^a is the target.
    """

    power: ClassVar[int]

    def reach(self, pred: Array, r: Array) -> tuple[Array, Array, Array, Array]:
        """How far logits / power are above the threshold, that less r, how far they are below it; 1 - p at the top."""
        apart = (pred - np.max(pred, axis=1, keepdims=True)) / self.power
        near = np.maximum(apart, -2.0)  # the threshold is above -1
        count = np.arange(1, pred.shape[1] + 1)
        ordered = np.sort(near, axis=1)[:, ::-1]
        mean = np.cumsum(ordered, axis=1) / count
        if self.power == 1:
            thresholds = mean - 1 / count
        else:
            spread = np.cumsum(ordered**2, axis=1) / count - mean**2
            thresholds = mean - np.sqrt(np.maximum(1 / count - spread, 0.0))
        size = np.maximum(np.sum(thresholds < ordered, axis=1, keepdims=True), 1)
        lead = 1 + np.take_along_axis(thresholds, size - 1, axis=1)
        # What rounding left, by a step of Newton's. The largest q is 1 - lead; without it nothing cancels.
        q = np.maximum((1 + near) - lead, 0.0)
        others = np.where(np.arange(pred.shape[1]) == np.argmax(pred, axis=1)[:, None], 0.0, q)
        excess = np.sum(others**self.power, axis=1, keepdims=True) - (lead if self.power == 1 else lead * (2 - lead))
        slope = np.sum(np.where(q > 0, self.power * q ** (self.power - 1), 0.0), axis=1, keepdims=True)
        lead = lead + excess / slope
        wrong = np.any(np.isnan(apart) | np.isnan(pred), axis=1)
        below = (1 + near) - lead <= 0
        q, less, short, complement = spoil(
            wrong,
            np.maximum((1 + near) - lead, 0.0),
            np.where(below, 0.0 - r, ((1 + near) - r) - lead),
            np.maximum((lead - 1) - apart, 0.0),
            lead if self.power == 1 else lead * (2 - lead),
        )
        return q, less, short, complement

    def shares(self, target: Array, classes: int) -> tuple[Array, Array]:
        """A target as distributions, and what they sum to."""
        y = one_hot(target, classes) if target.ndim == 1 else target
        return y, np.sum(y, axis=1, keepdims=True)

    def weights(self, q: Array) -> Array:
        """The derivative of p by q over the power: the Hessian is that of a softmax with these for p."""
        return np.where(q > 0, q ** (self.power - 1), 0.0 * q)

    def reference(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:
        given, mass = self.shares(target, pred.shape[1])
        y = given / np.where(mass == 0, 1.0, mass)
        r = y if self.power == 1 else np.sqrt(y)
        q, less, short, complement = self.reach(pred, r)
        beyond = np.where((y == 0) & ~np.isnan(short), 0.0, self.power * y * short)
        parts = less**2 / 2 if self.power == 1 else less**2 * (q + 2 * r) * 2 / 3
        largest = pred == np.max(pred, axis=1, keepdims=True)
        grad = mass * (less if self.power == 1 else less * (q + r))
        grad = np.where(largest, (mass - given) - mass * complement, grad)
        weights = self.weights(q)
        top = np.arange(pred.shape[1]) == np.argmax(q, axis=1)[:, None]
        rest = np.sum(np.where(top, 0.0, weights), axis=1, keepdims=True)
        whole = rest + np.sum(np.where(top, weights, 0.0), axis=1, keepdims=True)
        hess = weights * np.where(top, rest, whole - weights) / whole
        return (mass * np.sum(parts + beyond, axis=1, keepdims=True))[:, 0], grad, mass * hess

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        _, mass = self.shares(target, pred.shape[1])
        weights = self.weights(self.reach(pred, 0.0 * pred)[0])
        mean = np.sum(weights * vector, axis=1, keepdims=True) / np.sum(weights, axis=1, keepdims=True)
        product: Array = mass * weights * (vector - mean)
        return product


class Sparsemax(_Sparse):
    r"""The loss of sparsemax, the projection of logits onto the probabilities: far classes get exactly 0.

    .. math:: l = \tfrac12 \sum_j \left( p_j (2 z_j - p_j) + y_j^2 \right) - \sum_j y_j z_j, \quad
        p = \operatorname{argmin}_p \lVert p - z \rVert^2

    Martins and Astudillo 2016, "From softmax to sparsemax"; a Fenchel-Young loss (Blondel, Martins and Niculae 2020).
    The gradient is p - y, and the loss exactly 0 where the label leads by 1 or more. An item is a row along `axis`. The
    target holds integer labels (y is 1 at the label and 0 elsewhere; its shape is that of pred without `axis`) or
    distributions (of pred's shape; one that sums to m counts m times). The threshold below which p is 0 is searched for
    by Newton steps that end exactly, without sorting. The Hessian is diag(s) - s s^T / sum s, s = [p > 0]. A row that
    holds NaN or +inf, or nothing but -inf, is NaN.

    Args:
        class_weight: (C,), >= 0: an item's weight is multiplied by the sum of class_weight_c y_c, in the divisor of a
            mean too.
        ignore_index: A label that takes its item out.
        axis: The class axis of pred.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is neither a class nor ignored.
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Sparsemax().value_and_grad([[0.5, 0.0, -3.0]], [0])  # p is 0.75, 0.25, 0
        >>> value, grad.tolist()
        (0.0625, [[-0.25, 0.25, 0.0]])
        >>> fl.sparsemax([[1.0, 0.0, -3.0]], [0])
        0.0
    """

    aliases = ("sparsemax_loss", "multiclass_sparsemax_loss")
    power: ClassVar[int] = 1
    facts = Facts(
        task="multiclass classification",
        activation="sparsemax",
        robustness="a wrong label costs in proportion to its logit",
        smoothness="continuously differentiable; the second derivative jumps where a class enters the support",
        samples=({}, {"class_weight": (0.5, 1.0, 2.0)}, {"ignore_index": 1}, {"axis": 0}),
    )
    traits = Traits(convex=True, lipschitz=1.0, shift_invariant=True, exchangeable=True)

    def kernel(self, labels: bool) -> tuple[str, tuple[float, ...]]:
        return f"sparsemax_{'labels' if labels else 'distribution'}", ()


class Entmax15(_Sparse):
    r"""The loss of 1.5-entmax, between softmax and sparsemax: smooth, and far classes still get exactly 0.

    .. math:: l = \sum_j (p_j - y_j) z_j + \tfrac43 \sum_j (y_j^{3/2} - p_j^{3/2}), \quad
        p_j = \max(0, z_j / 2 - \tau)^2

    Peters, Niculae and Martins 2019, "Sparse sequence-to-sequence models"; a Fenchel-Young loss. tau makes p sum to 1.
    The gradient is p - y, and the loss exactly 0 where the label leads by 2 or more. An item is a row along `axis`. The
    target holds integer labels (y is 1 at the label and 0 elsewhere; its shape is that of pred without `axis`) or
    distributions (of pred's shape, >= 0; one that sums to m counts m times). tau is searched for by Newton steps; once
    the support is known the equation for tau is quadratic, and solved, without sorting. The Hessian is
    diag(s) - s s^T / sum s, s = sqrt(p). A row that holds NaN or +inf, or nothing but -inf, is NaN.

    Args:
        class_weight: (C,), >= 0: an item's weight is multiplied by the sum of class_weight_c y_c, in the divisor of a
            mean too.
        ignore_index: A label that takes its item out.
        axis: The class axis of pred.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is neither a class nor ignored.
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Entmax15().value_and_grad([[0.4, 0.0, -3.0]], [0])  # p is 0.64, 0.36, 0 ...
        >>> [round(g, 3) for g in grad[0].tolist()]  # ... less the label's 1
        [-0.36, 0.36, 0.0]
        >>> fl.entmax15([[2.0, 0.0, -3.0]], [0])
        0.0
    """

    aliases = ("entmax", "entmax_15")
    power: ClassVar[int] = 2
    facts = Facts(
        task="multiclass classification",
        activation="entmax",
        robustness="a wrong label costs in proportion to its logit",
        smoothness="twice continuously differentiable where no class enters the support",
        samples=({}, {"class_weight": (0.5, 1.0, 2.0)}, {"ignore_index": 1}, {"axis": 0}),
    )
    traits = Traits(convex=True, lipschitz=1.0, shift_invariant=True, exchangeable=True)

    def kernel(self, labels: bool) -> tuple[str, tuple[float, ...]]:
        return f"entmax15_{'labels' if labels else 'distribution'}", ()
