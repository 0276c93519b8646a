"""All losses, and a function made from each. Made by tools/generate_signatures.py: run it."""

from __future__ import annotations

from .arrays import Array, ArrayLike, Labels, Reduction, Value
from .base import Loss
from .losses.binary import BinaryCrossEntropy
from .losses.margin import Hinge
from .losses.regression import MAE, MSE, Expectile, Huber, LogCosh, PseudoHuber, Quantile, SmoothL1
from .losses.robust import Barron, Cauchy, Fair, GemanMcClure, LaplaceNLL, StudentT, Tukey, Welsch
from .losses.softmax import CrossEntropy

__all__ = [
    "MAE",
    "MSE",
    "Barron",
    "BinaryCrossEntropy",
    "Cauchy",
    "CrossEntropy",
    "Expectile",
    "Fair",
    "GemanMcClure",
    "Hinge",
    "Huber",
    "LaplaceNLL",
    "LogCosh",
    "PseudoHuber",
    "Quantile",
    "SmoothL1",
    "StudentT",
    "Tukey",
    "Welsch",
    "barron",
    "binary_cross_entropy",
    "cauchy",
    "cross_entropy",
    "expectile",
    "fair",
    "geman_mc_clure",
    "hinge",
    "huber",
    "laplace_nll",
    "log_cosh",
    "mae",
    "mse",
    "pseudo_huber",
    "quantile",
    "smooth_l1",
    "student_t",
    "tukey",
    "welsch",
]

LOSSES: dict[str, type[Loss]] = {
    "binary_cross_entropy": BinaryCrossEntropy,
    "hinge": Hinge,
    "mse": MSE,
    "mae": MAE,
    "huber": Huber,
    "smooth_l1": SmoothL1,
    "pseudo_huber": PseudoHuber,
    "log_cosh": LogCosh,
    "quantile": Quantile,
    "expectile": Expectile,
    "laplace_nll": LaplaceNLL,
    "cauchy": Cauchy,
    "student_t": StudentT,
    "fair": Fair,
    "geman_mc_clure": GemanMcClure,
    "welsch": Welsch,
    "tukey": Tukey,
    "barron": Barron,
    "cross_entropy": CrossEntropy,
}
"""By name, family by family."""


def binary_cross_entropy(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    from_logits: bool = True,
    pos_weight: float | Array | None = None,
    label_smoothing: float = 0.0,
    eps: float = 1e-07,
    ignore_value: float | None = None,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Cross-entropy of a probability and a binary target, from logits.

    The value of `BinaryCrossEntropy` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return BinaryCrossEntropy(
        from_logits=from_logits,
        pos_weight=pos_weight,
        label_smoothing=label_smoothing,
        eps=eps,
        ignore_value=ignore_value,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)


def hinge(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    labels: Labels = "pm1",
    margin: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The loss of support vector machines (Cortes and Vapnik 1995, "Support-vector networks").

    The value of `Hinge` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Hinge(labels=labels, margin=margin, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def mse(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    half: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Squared error.

    The value of `MSE` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return MSE(half=half, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def mae(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Absolute error.

    The value of `MAE` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return MAE(reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def huber(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    delta: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Quadratic within delta, linear beyond (Huber 1964, "Robust estimation of a location parameter").

    The value of `Huber` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Huber(delta=delta, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def smooth_l1(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    beta: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The Huber loss over beta: slope 1 beyond (Girshick 2015, "Fast R-CNN", with beta = 1).

    The value of `SmoothL1` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return SmoothL1(beta=beta, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def pseudo_huber(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    delta: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """A smooth Huber loss (Charbonnier et al. 1994, "Two deterministic half-quadratic regularization algorithms").

    The value of `PseudoHuber` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return PseudoHuber(delta=delta, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def log_cosh(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The logarithm of the hyperbolic cosine of the residual.

    The value of `LogCosh` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return LogCosh(reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def quantile(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    q: float | tuple[float, ...] = 0.5,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The pinball loss, whose best constant is the q-quantile (Koenker and Bassett 1978, "Regression quantiles").

    The value of `Quantile` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Quantile(q=q, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def expectile(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    tau: float | tuple[float, ...] = 0.5,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Asymmetric squares, whose best constant is the tau-expectile (Newey and Powell 1987).

    The value of `Expectile` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Expectile(tau=tau, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def laplace_nll(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    scale: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Negative log-likelihood of a Laplace distribution around pred.

    The value of `LaplaceNLL` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return LaplaceNLL(scale=scale, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def cauchy(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    c: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The logarithm of one and the square (also called Lorentzian).

    The value of `Cauchy` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Cauchy(c=c, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def student_t(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    df: float = 4.0,
    scale: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Negative log-likelihood of Student's t distribution around pred, up to a constant of df.

    The value of `StudentT` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return StudentT(df=df, scale=scale, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def fair(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    c: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Convex, with a pull that approaches c (Fair 1974, "On the robust estimation of econometric models").

    The value of `Fair` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Fair(c=c, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def geman_mc_clure(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    c: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Bounded, from a ratio of squares (Geman and McClure 1985; the scaling of Barron 2019).

    The value of `GemanMcClure` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return GemanMcClure(c=c, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def welsch(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    c: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Bounded, with a pull that falls like an exponential (Dennis and Welsch 1978; also called Leclerc's).

    The value of `Welsch` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Welsch(c=c, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def tukey(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    c: float = 4.685,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The biweight: outliers do not count at all (Beaton and Tukey 1974).

    The value of `Tukey` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Tukey(c=c, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def barron(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    alpha: float = 1.0,
    c: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """One family from squares to bounded losses (Barron 2019, "A general and adaptive robust loss function", eq. 8).

    The value of `Barron` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Barron(alpha=alpha, c=c, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def cross_entropy(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    from_logits: bool = True,
    eps: float = 1e-07,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Cross-entropy of a softmax and a target, from logits.

    The value of `CrossEntropy` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return CrossEntropy(
        class_weight=class_weight,
        ignore_index=ignore_index,
        axis=axis,
        label_smoothing=label_smoothing,
        from_logits=from_logits,
        eps=eps,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)
