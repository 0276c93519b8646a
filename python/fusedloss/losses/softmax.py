"""Losses over rows of classes: of a softmax, or of probabilities given as such."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array
from ..domains import NOT_NEGATIVE, OPEN_SHARE, PROBABILITY, SHARE, Domain, Interval
from ..facts import Facts, Kink, Traits
from ..kinds.elementwise import constant
from ..kinds.softmax import SoftmaxRows
from ..operands import PredTarget
from ..options import Flag, Maybe, OneOrMany, Real, option
from .binary import EPS_DOMAIN, MAX_GAMMA, clipped, log_clipped


class _LogitsOrProbabilities(PredTarget, SoftmaxRows):
    """Losses that take logits, or with ``from_logits=False`` probabilities, which are clipped."""

    from_logits: bool = option(default=True, accepts=Flag())
    eps: float = option(default=1e-7, accepts=Real(EPS_DOMAIN))

    @property
    def takes_logits(self) -> bool:
        return self.from_logits

    @property
    def domain(self) -> dict[str, Domain]:
        return {} if self.from_logits else {"pred": PROBABILITY}

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return () if self.from_logits else (Kink(self.eps, 1, "pred"), Kink(1 - self.eps, 1, "pred"))

    def reference(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:
        if self.from_logits:
            return super().reference(pred, target)
        t = self.smoothed(target, pred.shape[1])
        p, q, inside = clipped(pred, self.eps)
        outside = constant(0.0, pred)
        value, d1, d2 = self.term(-log_clipped(pred, self.eps)[0], p, q)
        return (
            np.sum(t * value, axis=1),
            np.where(inside, -t * d1 / p, outside),
            np.where(inside, t * (d1 + d2) / p**2, outside),
        )

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        if self.from_logits:
            return super().reference_hvp(pred, target, vector)
        return self.reference(pred, target)[2] * vector


class CrossEntropy(_LogitsOrProbabilities):
    r"""Cross-entropy of a softmax and a target, from logits.

    .. math:: l = \sum_c t_c (\log \textstyle\sum_k e^{z_k} - z_c), \quad t = (1 - s) y + s / C

    An item is a row along `axis`. The target holds integer labels (y is 1 at the label and 0 elsewhere; its shape is
    that of pred without `axis`) or distributions (of pred's shape; they need not sum to 1). The value has full relative
    accuracy for every p > 0 at the label: 1.2e-7, and not 0, where p is that close to 1. A row that holds NaN or +inf,
    or nothing but -inf, is NaN. With ``from_logits=False`` pred holds probabilities: each is clipped to [eps, 1 - eps]
    without renormalising, and the derivative is that of the clipped function. With C = 2 and logits (0, z) it is
    `BinaryCrossEntropy` of z.

    Boosting libraries do not take the diagonal of the Hessian, p (1 - p), as it is (``hessian="exact"`` or its other
    name ``"diag"``), for the classes of a row are not independent: ``grad_and_hess(..., hessian="upper")`` gives the
    2 p (1 - p) of XGBoost, ``"k_over_k_minus_1"`` the K p (1 - p) / (K - 1) of LightGBM for K classes, ``"abs"`` the
    size of the gradient, \|p - t\|, each times an item's weight and not below ``min_hessian`` before it.

    Args:
        label_smoothing: s in [0, 1].
        temperature: T > 0: logits are divided by it, and held where the largest numbers end.
        softcap: Bends logits into (-softcap, softcap) by softcap tanh(z / softcap), before the temperature.
        z_loss: k >= 0: adds k times the square of the logsumexp, which keeps logits from drifting.
        class_mask: (C,) of bool: False takes a class out of the softmax and of smoothing; no target may be on it.
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

    hessians = ("exact", "diag", "upper", "k_over_k_minus_1", "abs")
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
            {"temperature": 2.0},
            {"softcap": 3.0, "z_loss": 0.1, "label_smoothing": 0.1},
            {"class_mask": (True, True, False, True), "label_smoothing": 0.2, "temperature": 1.5},
            {"from_logits": False},
            {"from_logits": False, "label_smoothing": 0.2, "eps": 1e-3},
        ),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=self.from_logits and self._bends_nothing, **self._symmetries)

    def kernel(self, labels: bool) -> tuple[str, tuple[float, ...]]:
        target = "labels" if labels else "distribution"
        if self.from_logits:
            return f"cross_entropy_{target}", (self.label_smoothing,)
        return f"cross_entropy_probability_{target}", (self.label_smoothing, self.eps)

    def power_of_label(self) -> tuple[float, float] | None:
        plain = self.from_logits and self._logits(1) is None
        return (0.0, self.label_smoothing) if plain else None

    def term(self, nll: Array, p: Array, complement: Array) -> tuple[Array, Array, Array]:
        return nll, constant(1.0, nll), constant(0.0, nll)


class _FromLogits(PredTarget, SoftmaxRows):
    """Losses of -log p that only take logits."""

    kernel_name = ""

    @property
    def _constants(self) -> tuple[float, ...]:
        """What the kernel takes behind the smoothing."""
        raise NotImplementedError

    def kernel(self, labels: bool) -> tuple[str, tuple[float, ...]]:
        return f"{self.kernel_name}_{'labels' if labels else 'distribution'}", (self.label_smoothing, *self._constants)


class Focal(_FromLogits):
    r"""Cross-entropy that easy items hardly enter (Lin et al. 2017, "Focal loss for dense object detection").

    .. math:: l = -\sum_c t_c \alpha_c (1 - p_c)^\gamma \log p_c, \quad t = (1 - s) y + s / C

    An item is a row along `axis`. The target holds integer labels (of pred's shape without `axis`) or distributions (of
    pred's shape). With gamma = 0 and without alpha it is `CrossEntropy`. Value and derivatives are finite for finite
    logits of any size. The loss is not convex: boosting libraries need ``min_hessian``.

    Args:
        gamma: How much easy items are held down, >= 0 (beyond 2^100 it is taken for that).
        alpha: Weight of a class's term: a number, or (C,). It does not enter the divisor of a mean.
        label_smoothing: s in [0, 1].
        temperature: T > 0: logits are divided by it, and held where the largest numbers end.
        softcap: Bends logits into (-softcap, softcap) by softcap tanh(z / softcap), before the temperature.
        z_loss: k >= 0: adds k times the square of the logsumexp, which keeps logits from drifting.
        class_mask: (C,) of bool: False takes a class out of the softmax and of smoothing; no target may be on it.
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
        >>> value, grad = fl.Focal(gamma=2.0).value_and_grad([[0.0, 0.0]], [0])
        >>> round(value, 12), grad.round(6).tolist()  # a quarter of the logarithm of 2
        (0.17328679514, [[-0.298287, 0.298287]])
    """

    gamma: float = option(default=2.0, accepts=Real(NOT_NEGATIVE))
    alpha: float | Array | None = option(default=None, accepts=Maybe(OneOrMany(NOT_NEGATIVE)))

    class_arrays = ("class_weight", "class_mask", "alpha")
    kernel_name = "focal"
    aliases = ("CategoricalFocal", "categorical_focal_crossentropy", "FocalCrossEntropy")
    facts = Facts(
        task="multiclass classification with rare classes",
        activation="softmax",
        robustness="a wrong label costs in proportion to its logit, like hard items, which it resembles",
        smoothness="infinitely differentiable",
        turns=True,
        tolerance=16,  # gamma multiplies the relative error of 1 - p
        samples=(
            {},
            {"gamma": 0.5, "alpha": (0.5, 1.0, 2.0)},
            {"gamma": 0.0, "alpha": 0.25},
            {"gamma": 3.0, "label_smoothing": 0.1},
            {"class_weight": (0.5, 1.0, 2.0), "temperature": 2.0, "softcap": 4.0},
            {"class_mask": (True, True, False, True), "z_loss": 0.1, "label_smoothing": 0.2},
        ),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=self.gamma == 0 and self._bends_nothing, **self._symmetries)

    @property
    def _constants(self) -> tuple[float, ...]:
        return (min(self.gamma, MAX_GAMMA),)

    def class_factor(self) -> float | Array | None:
        return self.alpha

    def power_of_label(self) -> tuple[float, float] | None:
        plain = self.label_smoothing == 0 and self._logits(1) is None
        return (self.gamma, 0.0) if plain else None

    def term(self, nll: Array, p: Array, complement: Array) -> tuple[Array, Array, Array]:
        gamma, whole = self._constants[0], np.maximum(complement, 1e-300)
        power = complement**gamma
        rho = np.where(complement < 1e-300, 1.0, np.minimum(nll / whole, 1e308))
        bend = gamma * p * (power / whole) * (2 + rho * ((gamma - 1) * p - complement))
        return power * nll, power * (1 + gamma * p * rho), bend


class PolyLoss(_FromLogits):
    r"""Cross-entropy and a multiple of 1 - p (Leng et al. 2022, "PolyLoss: a polynomial expansion perspective").

    .. math:: l = \sum_c t_c (-\log p_c + \epsilon (1 - p_c)), \quad t = (1 - s) y + s / C

    An item is a row along `axis`. The target holds integer labels (of pred's shape without `axis`) or distributions (of
    pred's shape).

    Args:
        epsilon: Weight of 1 - p, >= -1.
        label_smoothing: s in [0, 1].
        temperature: T > 0: logits are divided by it, and held where the largest numbers end.
        softcap: Bends logits into (-softcap, softcap) by softcap tanh(z / softcap), before the temperature.
        z_loss: k >= 0: adds k times the square of the logsumexp, which keeps logits from drifting.
        class_mask: (C,) of bool: False takes a class out of the softmax and of smoothing; no target may be on it.
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
        >>> value, grad = fl.PolyLoss(epsilon=2.0).value_and_grad([[0.0, 0.0]], [0])
        >>> round(value, 12), grad.tolist()  # the logarithm of 2, and 1
        (1.69314718056, [[-1.0, 1.0]])
    """

    epsilon: float = option(default=2.0, accepts=Real(Interval(-1, high_open=True)))

    kernel_name = "linear_in_probability"
    aliases = ("Poly1CrossEntropy", "poly_loss_cross_entropy")
    facts = Facts(
        task="multiclass classification",
        activation="softmax",
        robustness="a wrong label costs in proportion to its logit; epsilon turns the weight of confident items",
        smoothness="infinitely differentiable",
        turns=True,
        samples=(
            {},
            {"epsilon": -0.5, "label_smoothing": 0.1},
            {"ignore_index": 1, "temperature": 3.0},
        ),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=self.epsilon <= 0 and self._bends_nothing, **self._symmetries)

    @property
    def _constants(self) -> tuple[float, ...]:
        return 1.0, self.epsilon

    def term(self, nll: Array, p: Array, complement: Array) -> tuple[Array, Array, Array]:
        return nll + self.epsilon * complement, 1 + self.epsilon * p, -self.epsilon * p


class SymmetricCrossEntropy(_FromLogits):
    r"""Cross-entropy and the reverse one, for noisy labels (Wang et al. 2019).

    .. math:: l = \sum_c t_c \left(-\alpha \log p_c - \beta A (1 - p_c)\rightt), \quad t = (1 - s) y + s / C

    For a label the reverse cross-entropy, of its one-hot distribution under p, is -A (1 - p) with A in the place of the
    logarithm of 0 ("Symmetric cross entropy for robust learning with noisy labels", equation 10); a distribution
    mixes what its classes would give as labels. An item is a row along `axis`. The target holds integer labels (of
    pred's shape without `axis`) or distributions (of pred's shape).

    Args:
        alpha: Weight of the cross-entropy, >= 0.
        beta: Weight of the reverse one, >= 0.
        A: What stands for the logarithm of 0; < 0.
        label_smoothing: s in [0, 1].
        temperature: T > 0: logits are divided by it, and held where the largest numbers end.
        softcap: Bends logits into (-softcap, softcap) by softcap tanh(z / softcap), before the temperature.
        z_loss: k >= 0: adds k times the square of the logsumexp, which keeps logits from drifting.
        class_mask: (C,) of bool: False takes a class out of the softmax and of smoothing; no target may be on it.
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
        >>> value, grad = fl.SymmetricCrossEntropy(alpha=1.0, beta=0.5).value_and_grad([[0.0, 0.0]], [0])
        >>> round(value, 12), grad.tolist()  # the logarithm of 2, and 1
        (1.69314718056, [[-1.0, 1.0]])
    """

    alpha: float = option(default=0.1, accepts=Real(NOT_NEGATIVE))
    beta: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    A: float = option(default=-4.0, accepts=Real(Interval(high=0, low_open=True, high_open=True)))

    kernel_name = "linear_in_probability"
    aliases = ("SCE", "SymmetricCE")
    facts = Facts(
        task="multiclass classification with wrong labels",
        activation="softmax",
        robustness="the reverse part costs no more than -A, whatever the logit of a wrong label",
        smoothness="infinitely differentiable",
        turns=True,
        samples=({}, {"alpha": 1.0, "beta": 0.3, "A": -6.0, "label_smoothing": 0.1}, {"z_loss": 0.05}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=self.beta == 0 and self._bends_nothing, **self._symmetries)

    @property
    def _constants(self) -> tuple[float, ...]:
        return self.alpha, -self.beta * self.A

    def term(self, nll: Array, p: Array, complement: Array) -> tuple[Array, Array, Array]:
        linear, constant = self._constants
        return linear * nll + constant * complement, linear + constant * p, -constant * p


class GeneralizedCrossEntropy(_LogitsOrProbabilities):
    r"""Between cross-entropy and mean absolute error, for noisy labels (Zhang and Sabuncu 2018).

    .. math:: l = \sum_c t_c \frac{1 - p_c^q}{q}, \quad t = (1 - s) y + s / C

    Its limit for q = 0 is `CrossEntropy`, exactly; q = 1 gives 1 - p. An item is a row along `axis`. The target holds
    integer labels (of pred's shape without `axis`) or distributions (of pred's shape). With ``from_logits=False`` pred
    holds probabilities: each is clipped to [eps, 1 - eps] without renormalising, and the derivative is that of the
    clipped function.

    Args:
        q: In [0, 1].
        truncate: k in (0, 1): a class with p <= k costs the constant (1 - k^q) / q, with the derivative 0 ("Generalized
            cross entropy loss for training deep neural networks with noisy labels", equation 9); or None.
        label_smoothing: s in [0, 1].
        temperature: T > 0: logits are divided by it, and held where the largest numbers end.
        softcap: Bends logits into (-softcap, softcap) by softcap tanh(z / softcap), before the temperature.
        z_loss: k >= 0: adds k times the square of the logsumexp, which keeps logits from drifting.
        class_mask: (C,) of bool: False takes a class out of the softmax and of smoothing; no target may be on it.
        from_logits: Whether pred holds logits, and not probabilities.
        eps: Where probabilities are clipped, in (0, 0.5).
        class_weight: (C,), >= 0: an item's weight is multiplied by the sum of class_weight_c y_c, in the divisor of a
            mean too.
        ignore_index: A label that takes its item out.
        axis: The class axis of pred.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is neither a class nor ignored.
        TypeError: Labels are not integers.
        ValueError: A probability is outside [0, 1] by more than rounding.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.GeneralizedCrossEntropy(q=0.5).value_and_grad([[0.0, 0.0]], [0])
        >>> round(value, 12), grad.round(6).tolist()
        (0.585786437627, [[-0.353553, 0.353553]])
    """

    q: float = option(default=0.7, accepts=Real(SHARE))
    truncate: float | None = option(default=None, accepts=Maybe(Real(OPEN_SHARE)))

    aliases = ("GCE", "CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy")
    facts = Facts(
        task="multiclass classification with wrong labels",
        activation="softmax",
        robustness="no wrong label costs more than 1 / q",
        smoothness="infinitely differentiable; a truncated one jumps in its derivative at k",
        turns=True,
        samples=(
            {},
            {"q": 0.0},
            {"q": 0.9},
            {"q": 0.5, "temperature": 2.0, "class_weight": (0.5, 1.0, 2.0), "label_smoothing": 0.1},
            {"from_logits": False},
            {"from_logits": False, "q": 0.3, "label_smoothing": 0.2, "eps": 1e-3},
        ),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=self.q == 0 and self.from_logits and self._bends_nothing, **self._symmetries)

    @property
    def _constants(self) -> tuple[float, ...]:
        inverse = 1 / self.q if self.q else 0.0
        k = self.truncate
        most = 0.0 if k is None else -math.expm1(self.q * math.log(k)) * inverse if self.q else -math.log(k)
        return self.q, inverse, (-1.0 if k is None else k), most

    def kernel(self, labels: bool) -> tuple[str, tuple[float, ...]]:
        kind = "labels" if labels else "distribution"
        if self.from_logits:
            return f"power_of_probability_{kind}", (self.label_smoothing, *self._constants)
        return f"power_of_given_probability_{kind}", (self.label_smoothing, *self._constants, self.eps)

    def term(self, nll: Array, p: Array, complement: Array) -> tuple[Array, Array, Array]:
        q, inverse, least, most = self._constants
        power = np.exp(-q * nll) if q else constant(1.0, nll)
        value = -np.expm1(-q * nll) * inverse if q else nll
        cut = p <= least
        return np.where(cut, most, value), np.where(cut, 0.0, power), np.where(cut, 0.0, -q * power)
