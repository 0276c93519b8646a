"""All losses, and a function made from each. Made by tools/generate_signatures.py: run it."""

from __future__ import annotations

from .arrays import Array, ArrayLike, Hinges, Labels, Mask, Reduction, Value
from .base import Loss
from .losses.angular import ArcFace, CosFace
from .losses.binary import BinaryCrossEntropy, BinaryFocal
from .losses.boxes import IoULoss
from .losses.centers import CenterLoss
from .losses.contrastive import InfoNCE, NPairs, NTXent, SupCon
from .losses.discrepancy import MMD, EnergyDistance
from .losses.divergence import JensenShannon, KLDivergence
from .losses.embedding import Contrastive, ContrastiveDistance, CosineEmbedding, CosineSimilarity, Triplet
from .losses.features import SSIM, Perceptual, Style, TotalVariation
from .losses.gan import (
    CriticDiscriminator,
    CriticGenerator,
    HingeDiscriminator,
    LeastSquaresDiscriminator,
    LeastSquaresGenerator,
    LogisticDiscriminator,
    MinimaxGenerator,
    NonSaturatingGenerator,
    RelativisticDiscriminator,
    RelativisticGenerator,
)
from .losses.gaussian import CRPSGaussian, GaussianNLL
from .losses.likelihood import Gamma, Poisson, Tweedie
from .losses.linear import LinearCrossEntropy
from .losses.margin import (
    Exponential,
    Hinge,
    HingeEmbedding,
    Logistic,
    MarginRanking,
    ModifiedHuber,
    Perceptron,
    SmoothHinge,
    SquaredHinge,
)
from .losses.mining import TripletMining
from .losses.multiclass import Entmax15, MultiMargin, OrdinalCumulative, Sparsemax, SquaredEMD
from .losses.overlap import Dice, DiceCE, DiceFocal, GeneralizedDice, Jaccard, LovaszHinge, LovaszSoftmax, Tversky
from .losses.pair_weighting import Circle, GeneralizedLifted, Lifted, MultiSimilarity
from .losses.ranking import LambdaRank, ListMLE, ListNet, PairwiseLogistic
from .losses.regression import MAE, MSE, Expectile, Huber, LogCosh, PseudoHuber, Quantile, SmoothL1
from .losses.relative import MAPE, MSLE, SMAPE
from .losses.robust import Barron, Cauchy, Fair, GemanMcClure, LaplaceNLL, StudentT, Tukey, Welsch
from .losses.sequence import CTC, RNNT, SequenceCrossEntropy
from .losses.sinkhorn import Sinkhorn
from .losses.softmax import CrossEntropy, Focal, GeneralizedCrossEntropy, PolyLoss, SymmetricCrossEntropy
from .losses.transport import HistogramEMD, SlicedWasserstein, Wasserstein1D
from .losses.vae import ELBO, GaussianKL
from .losses.views import BarlowTwins, VICReg

__all__ = [
    "CTC",
    "ELBO",
    "MAE",
    "MAPE",
    "MMD",
    "MSE",
    "MSLE",
    "RNNT",
    "SMAPE",
    "SSIM",
    "ArcFace",
    "BarlowTwins",
    "Barron",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "CRPSGaussian",
    "Cauchy",
    "CenterLoss",
    "Circle",
    "Contrastive",
    "ContrastiveDistance",
    "CosFace",
    "CosineEmbedding",
    "CosineSimilarity",
    "CriticDiscriminator",
    "CriticGenerator",
    "CrossEntropy",
    "Dice",
    "DiceCE",
    "DiceFocal",
    "EnergyDistance",
    "Entmax15",
    "Expectile",
    "Exponential",
    "Fair",
    "Focal",
    "Gamma",
    "GaussianKL",
    "GaussianNLL",
    "GemanMcClure",
    "GeneralizedCrossEntropy",
    "GeneralizedDice",
    "GeneralizedLifted",
    "Hinge",
    "HingeDiscriminator",
    "HingeEmbedding",
    "HistogramEMD",
    "Huber",
    "InfoNCE",
    "IoULoss",
    "Jaccard",
    "JensenShannon",
    "KLDivergence",
    "LambdaRank",
    "LaplaceNLL",
    "LeastSquaresDiscriminator",
    "LeastSquaresGenerator",
    "Lifted",
    "LinearCrossEntropy",
    "ListMLE",
    "ListNet",
    "LogCosh",
    "Logistic",
    "LogisticDiscriminator",
    "LovaszHinge",
    "LovaszSoftmax",
    "MarginRanking",
    "MinimaxGenerator",
    "ModifiedHuber",
    "MultiMargin",
    "MultiSimilarity",
    "NPairs",
    "NTXent",
    "NonSaturatingGenerator",
    "OrdinalCumulative",
    "PairwiseLogistic",
    "Perceptron",
    "Perceptual",
    "Poisson",
    "PolyLoss",
    "PseudoHuber",
    "Quantile",
    "RelativisticDiscriminator",
    "RelativisticGenerator",
    "SequenceCrossEntropy",
    "Sinkhorn",
    "SlicedWasserstein",
    "SmoothHinge",
    "SmoothL1",
    "Sparsemax",
    "SquaredEMD",
    "SquaredHinge",
    "StudentT",
    "Style",
    "SupCon",
    "SymmetricCrossEntropy",
    "TotalVariation",
    "Triplet",
    "TripletMining",
    "Tukey",
    "Tversky",
    "Tweedie",
    "VICReg",
    "Wasserstein1D",
    "Welsch",
    "arcface",
    "barlow_twins",
    "barron",
    "binary_cross_entropy",
    "binary_focal",
    "cauchy",
    "center_loss",
    "circle",
    "contrastive",
    "contrastive_distance",
    "cosface",
    "cosine_embedding",
    "cosine_similarity",
    "critic_discriminator",
    "critic_generator",
    "cross_entropy",
    "crps_gaussian",
    "ctc",
    "dice",
    "dice_ce",
    "dice_focal",
    "elbo",
    "energy_distance",
    "entmax15",
    "expectile",
    "exponential",
    "fair",
    "focal",
    "gamma",
    "gaussian_kl",
    "gaussian_nll",
    "geman_mc_clure",
    "generalized_cross_entropy",
    "generalized_dice",
    "generalized_lifted",
    "hinge",
    "hinge_discriminator",
    "hinge_embedding",
    "histogram_emd",
    "huber",
    "info_nce",
    "iou_loss",
    "jaccard",
    "jensen_shannon",
    "kl_divergence",
    "lambda_rank",
    "laplace_nll",
    "least_squares_discriminator",
    "least_squares_generator",
    "lifted",
    "linear_cross_entropy",
    "list_mle",
    "list_net",
    "log_cosh",
    "logistic",
    "logistic_discriminator",
    "lovasz_hinge",
    "lovasz_softmax",
    "mae",
    "mape",
    "margin_ranking",
    "minimax_generator",
    "mmd",
    "modified_huber",
    "mse",
    "msle",
    "multi_margin",
    "multi_similarity",
    "n_pairs",
    "non_saturating_generator",
    "nt_xent",
    "ordinal_cumulative",
    "pairwise_logistic",
    "perceptron",
    "perceptual",
    "poisson",
    "poly_loss",
    "pseudo_huber",
    "quantile",
    "relativistic_discriminator",
    "relativistic_generator",
    "rnnt",
    "sequence_cross_entropy",
    "sinkhorn",
    "sliced_wasserstein",
    "smape",
    "smooth_hinge",
    "smooth_l1",
    "sparsemax",
    "squared_emd",
    "squared_hinge",
    "ssim",
    "student_t",
    "style",
    "sup_con",
    "symmetric_cross_entropy",
    "total_variation",
    "triplet",
    "triplet_mining",
    "tukey",
    "tversky",
    "tweedie",
    "vicreg",
    "wasserstein_1d",
    "welsch",
]

LOSSES: dict[str, type[Loss]] = {
    "arcface": ArcFace,
    "cosface": CosFace,
    "binary_cross_entropy": BinaryCrossEntropy,
    "binary_focal": BinaryFocal,
    "iou_loss": IoULoss,
    "center_loss": CenterLoss,
    "nt_xent": NTXent,
    "info_nce": InfoNCE,
    "n_pairs": NPairs,
    "sup_con": SupCon,
    "energy_distance": EnergyDistance,
    "mmd": MMD,
    "kl_divergence": KLDivergence,
    "jensen_shannon": JensenShannon,
    "cosine_similarity": CosineSimilarity,
    "cosine_embedding": CosineEmbedding,
    "contrastive_distance": ContrastiveDistance,
    "contrastive": Contrastive,
    "triplet": Triplet,
    "total_variation": TotalVariation,
    "ssim": SSIM,
    "perceptual": Perceptual,
    "style": Style,
    "logistic_discriminator": LogisticDiscriminator,
    "least_squares_discriminator": LeastSquaresDiscriminator,
    "critic_discriminator": CriticDiscriminator,
    "hinge_discriminator": HingeDiscriminator,
    "minimax_generator": MinimaxGenerator,
    "non_saturating_generator": NonSaturatingGenerator,
    "least_squares_generator": LeastSquaresGenerator,
    "critic_generator": CriticGenerator,
    "relativistic_discriminator": RelativisticDiscriminator,
    "relativistic_generator": RelativisticGenerator,
    "gaussian_nll": GaussianNLL,
    "crps_gaussian": CRPSGaussian,
    "poisson": Poisson,
    "gamma": Gamma,
    "tweedie": Tweedie,
    "linear_cross_entropy": LinearCrossEntropy,
    "hinge": Hinge,
    "squared_hinge": SquaredHinge,
    "smooth_hinge": SmoothHinge,
    "modified_huber": ModifiedHuber,
    "perceptron": Perceptron,
    "logistic": Logistic,
    "exponential": Exponential,
    "hinge_embedding": HingeEmbedding,
    "margin_ranking": MarginRanking,
    "triplet_mining": TripletMining,
    "multi_margin": MultiMargin,
    "ordinal_cumulative": OrdinalCumulative,
    "squared_emd": SquaredEMD,
    "sparsemax": Sparsemax,
    "entmax15": Entmax15,
    "dice": Dice,
    "jaccard": Jaccard,
    "tversky": Tversky,
    "generalized_dice": GeneralizedDice,
    "lovasz_hinge": LovaszHinge,
    "lovasz_softmax": LovaszSoftmax,
    "dice_ce": DiceCE,
    "dice_focal": DiceFocal,
    "multi_similarity": MultiSimilarity,
    "circle": Circle,
    "lifted": Lifted,
    "generalized_lifted": GeneralizedLifted,
    "list_net": ListNet,
    "list_mle": ListMLE,
    "lambda_rank": LambdaRank,
    "pairwise_logistic": PairwiseLogistic,
    "mse": MSE,
    "mae": MAE,
    "huber": Huber,
    "smooth_l1": SmoothL1,
    "pseudo_huber": PseudoHuber,
    "log_cosh": LogCosh,
    "quantile": Quantile,
    "expectile": Expectile,
    "msle": MSLE,
    "mape": MAPE,
    "smape": SMAPE,
    "laplace_nll": LaplaceNLL,
    "cauchy": Cauchy,
    "student_t": StudentT,
    "fair": Fair,
    "geman_mc_clure": GemanMcClure,
    "welsch": Welsch,
    "tukey": Tukey,
    "barron": Barron,
    "ctc": CTC,
    "rnnt": RNNT,
    "sequence_cross_entropy": SequenceCrossEntropy,
    "sinkhorn": Sinkhorn,
    "cross_entropy": CrossEntropy,
    "focal": Focal,
    "poly_loss": PolyLoss,
    "symmetric_cross_entropy": SymmetricCrossEntropy,
    "generalized_cross_entropy": GeneralizedCrossEntropy,
    "wasserstein_1d": Wasserstein1D,
    "sliced_wasserstein": SlicedWasserstein,
    "histogram_emd": HistogramEMD,
    "gaussian_kl": GaussianKL,
    "elbo": ELBO,
    "barlow_twins": BarlowTwins,
    "vicreg": VICReg,
}
"""By name, family by family."""


def arcface(
    embeddings: ArrayLike,
    labels: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    margin: float = 0.5,
    scale: float = 64.0,
    easy_margin: bool = False,
    cosine_margin: float = 0.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """A softmax of the cosines to all classes, in which the angle to the own one counts as wider by a margin.

    The value of `ArcFace` as a function: `embeddings`, `labels`, `weight` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return ArcFace(
        margin=margin, scale=scale, easy_margin=easy_margin, cosine_margin=cosine_margin, reduction=reduction
    )(embeddings, labels, weight, sample_weight=sample_weight, denominator=denominator)


def cosface(
    embeddings: ArrayLike,
    labels: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    margin: float = 0.35,
    scale: float = 64.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """A softmax of the cosines to all classes, in which that to the own one counts as less by a margin.

    The value of `CosFace` as a function: `embeddings`, `labels`, `weight` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return CosFace(margin=margin, scale=scale, reduction=reduction)(
        embeddings, labels, weight, sample_weight=sample_weight, denominator=denominator
    )


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


def binary_focal(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    gamma: float = 2.0,
    from_logits: bool = True,
    label_smoothing: float = 0.0,
    eps: float = 1e-07,
    alpha: float | None = None,
    normalized: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Cross-entropy that easy items hardly enter (Lin et al. 2017, "Focal loss for dense object detection").

    The value of `BinaryFocal` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return BinaryFocal(
        gamma=gamma,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
        eps=eps,
        alpha=alpha,
        normalized=normalized,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)


def iou_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    kind: str = "iou",
    format: str = "xyxy",
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """1 - intersection over union of boxes, with the penalties of GIoU, DIoU and CIoU.

    The value of `IoULoss` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return IoULoss(kind=kind, format=format, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def center_loss(
    embeddings: ArrayLike,
    labels: ArrayLike,
    centers: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """How far embeddings are from the centers of their classes, beside a loss that keeps classes apart.

    The value of `CenterLoss` as a function: `embeddings`, `labels`, `centers` as in a call, the options those of the
    class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return CenterLoss(reduction=reduction)(
        embeddings, labels, centers, sample_weight=sample_weight, denominator=denominator
    )


def nt_xent(
    view1: ArrayLike,
    view2: ArrayLike,
    *,
    temperature: float = 0.07,
    normalize: bool = True,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Two views of each sample find one another among all views of a batch: the loss of SimCLR.

    The value of `NTXent` as a function: `view1`, `view2` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return NTXent(temperature=temperature, normalize=normalize, reduction=reduction)(
        view1, view2, sample_weight=sample_weight, denominator=denominator
    )


def info_nce(
    query: ArrayLike,
    key: ArrayLike,
    *,
    temperature: float = 0.07,
    normalize: bool = True,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Each query finds its key among all keys of a batch.

    The value of `InfoNCE` as a function: `query`, `key` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return InfoNCE(temperature=temperature, normalize=normalize, reduction=reduction)(
        query, key, sample_weight=sample_weight, denominator=denominator
    )


def n_pairs(
    anchor: ArrayLike,
    positive: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Each anchor finds its positive among those of all anchors, by dot products.

    The value of `NPairs` as a function: `anchor`, `positive` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return NPairs(reduction=reduction)(anchor, positive, sample_weight=sample_weight, denominator=denominator)


def sup_con(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float = 0.1,
    normalize: bool = True,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Vectors of one class find one another among all vectors of a batch.

    The value of `SupCon` as a function: `embeddings`, `labels` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return SupCon(temperature=temperature, normalize=normalize, reduction=reduction)(
        embeddings, labels, sample_weight=sample_weight, denominator=denominator
    )


def energy_distance(
    x: ArrayLike,
    y: ArrayLike,
    x_weight: ArrayLike | None = None,
    y_weight: ArrayLike | None = None,
    *,
    unbiased: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The energy distance between point clouds: how far they are from one another, less how far within themselves.

    The value of `EnergyDistance` as a function: `x`, `y`, `x_weight`, `y_weight` as in a call, the options those of the
    class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return EnergyDistance(unbiased=unbiased, reduction=reduction)(
        x, y, x_weight, y_weight, sample_weight=sample_weight, denominator=denominator
    )


def mmd(
    x: ArrayLike,
    y: ArrayLike,
    x_weight: ArrayLike | None = None,
    y_weight: ArrayLike | None = None,
    *,
    kernel: str = "gaussian",
    bandwidth: float | tuple[float, ...] | str = 1.0,
    unbiased: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The square of the maximum mean discrepancy between point clouds.

    The value of `MMD` as a function: `x`, `y`, `x_weight`, `y_weight` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return MMD(kernel=kernel, bandwidth=bandwidth, unbiased=unbiased, reduction=reduction)(
        x, y, x_weight, y_weight, sample_weight=sample_weight, denominator=denominator
    )


def kl_divergence(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    pred_kind: str = "logits",
    target_kind: str = "probs",
    temperature: float = 1.0,
    eps: float = 1e-07,
    axis: int = -1,
    scale_by_temperature2: bool = False,
    reverse: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Kullback-Leibler divergence of the target from the prediction: distillation, or two models compared.

    The value of `KLDivergence` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return KLDivergence(
        pred_kind=pred_kind,
        target_kind=target_kind,
        temperature=temperature,
        eps=eps,
        axis=axis,
        scale_by_temperature2=scale_by_temperature2,
        reverse=reverse,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)


def jensen_shannon(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    pred_kind: str = "logits",
    target_kind: str = "probs",
    temperature: float = 1.0,
    eps: float = 1e-07,
    axis: int = -1,
    beta: float = 0.5,
    sqrt: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Jensen-Shannon divergence of the distributions of prediction and target.

    The value of `JensenShannon` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return JensenShannon(
        pred_kind=pred_kind,
        target_kind=target_kind,
        temperature=temperature,
        eps=eps,
        axis=axis,
        beta=beta,
        sqrt=sqrt,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)


def cosine_similarity(
    x1: ArrayLike,
    x2: ArrayLike,
    *,
    negative: bool = False,
    eps: float = 1e-08,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """How far the directions of two vectors are apart.

    The value of `CosineSimilarity` as a function: `x1`, `x2` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return CosineSimilarity(negative=negative, eps=eps, reduction=reduction)(
        x1, x2, sample_weight=sample_weight, denominator=denominator
    )


def cosine_embedding(
    x1: ArrayLike,
    x2: ArrayLike,
    target: ArrayLike,
    *,
    margin: float = 0.0,
    eps: float = 1e-08,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Directions of pairs: the same for those that belong together, at least apart for those that do not.

    The value of `CosineEmbedding` as a function: `x1`, `x2`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return CosineEmbedding(margin=margin, eps=eps, reduction=reduction)(
        x1, x2, target, sample_weight=sample_weight, denominator=denominator
    )


def contrastive_distance(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    margin: float = 1.0,
    squared: bool = True,
    similar: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Distances of pairs: small for those that belong together, at least a margin for those that do not.

    The value of `ContrastiveDistance` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return ContrastiveDistance(margin=margin, squared=squared, similar=similar, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def contrastive(
    x1: ArrayLike,
    x2: ArrayLike,
    target: ArrayLike,
    *,
    margin: float = 1.0,
    squared: bool = True,
    similar: float = 1.0,
    normalize: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """`ContrastiveDistance` of the Euclidean distance of vectors.

    The value of `Contrastive` as a function: `x1`, `x2`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Contrastive(margin=margin, squared=squared, similar=similar, normalize=normalize, reduction=reduction)(
        x1, x2, target, sample_weight=sample_weight, denominator=denominator
    )


def triplet(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    *,
    margin: float = 1.0,
    distance: str | float = "l2",
    swap: bool = False,
    soft: bool = False,
    normalize: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """An anchor nearer to what belongs with it than to what does not, by a margin.

    The value of `Triplet` as a function: `anchor`, `positive`, `negative` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Triplet(margin=margin, distance=distance, swap=swap, soft=soft, normalize=normalize, reduction=reduction)(
        anchor, positive, negative, sample_weight=sample_weight, denominator=denominator
    )


def total_variation(
    pred: ArrayLike,
    *,
    axis: int | None = 1,
    norm: str = "anisotropic",
    eps: float = 0.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The mean size of the differences between neighbouring pixels (Rudin, Osher and Fatemi 1992).

    The value of `TotalVariation` as a function: `pred` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return TotalVariation(axis=axis, norm=norm, eps=eps, reduction=reduction)(
        pred, sample_weight=sample_weight, denominator=denominator
    )


def ssim(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    axis: int | None = 1,
    data_range: float = 1.0,
    window: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """1 - the structural similarity of two images (Wang, Bovik, Sheikh and Simoncelli 2004).

    The value of `SSIM` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return SSIM(axis=axis, data_range=data_range, window=window, sigma=sigma, k1=k1, k2=k2, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def perceptual(
    features: ArrayLike,
    target_features: ArrayLike,
    *,
    layer_weight: Array | None = None,
    axis: int = 1,
    distance: str = "l2",
    normalize: bool = True,
    linear: tuple[Array, ...] | None = None,
    spatial: bool | tuple[int, int] = False,
    eps: float = 0.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The distance between the features that a network finds in two images: LPIPS (Zhang et al. 2018) and its kin.

    The value of `Perceptual` as a function: `features`, `target_features` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Perceptual(
        layer_weight=layer_weight,
        axis=axis,
        distance=distance,
        normalize=normalize,
        linear=linear,
        spatial=spatial,
        eps=eps,
        reduction=reduction,
    )(features, target_features, sample_weight=sample_weight, denominator=denominator)


def style(
    features: ArrayLike,
    target_features: ArrayLike,
    *,
    layer_weight: Array | None = None,
    axis: int = 1,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The distance between the correlations of two images' features (Gatys et al. 2016, Johnson et al. 2016).

    The value of `Style` as a function: `features`, `target_features` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Style(layer_weight=layer_weight, axis=axis, reduction=reduction)(
        features, target_features, sample_weight=sample_weight, denominator=denominator
    )


def logistic_discriminator(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    real_label: float = 1.0,
    fake_label: float = 0.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Binary cross-entropy of real and generated samples (Goodfellow et al. 2014, "Generative adversarial nets").

    The value of `LogisticDiscriminator` as a function: `real`, `fake` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return LogisticDiscriminator(real_label=real_label, fake_label=fake_label, reduction=reduction)(
        real, fake, sample_weight=sample_weight, denominator=denominator
    )


def least_squares_discriminator(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    real_label: float = 1.0,
    fake_label: float = 0.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Regression of the labels (Mao et al. 2017, "Least squares generative adversarial networks").

    The value of `LeastSquaresDiscriminator` as a function: `real`, `fake` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return LeastSquaresDiscriminator(real_label=real_label, fake_label=fake_label, reduction=reduction)(
        real, fake, sample_weight=sample_weight, denominator=denominator
    )


def critic_discriminator(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The critic's side of the Wasserstein distance (Arjovsky, Chintala and Bottou 2017, "Wasserstein GAN").

    The value of `CriticDiscriminator` as a function: `real`, `fake` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return CriticDiscriminator(reduction=reduction)(real, fake, sample_weight=sample_weight, denominator=denominator)


def hinge_discriminator(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Scores apart by a margin (Lim and Ye 2017, "Geometric GAN").

    The value of `HingeDiscriminator` as a function: `real`, `fake` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return HingeDiscriminator(reduction=reduction)(real, fake, sample_weight=sample_weight, denominator=denominator)


def minimax_generator(
    fake: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The generator's side of the minimax game (Goodfellow et al. 2014).

    The value of `MinimaxGenerator` as a function: `fake` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return MinimaxGenerator(reduction=reduction)(fake, sample_weight=sample_weight, denominator=denominator)


def non_saturating_generator(
    fake: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The generator's loss that pulls hardest where the discriminator is right (Goodfellow et al. 2014).

    The value of `NonSaturatingGenerator` as a function: `fake` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return NonSaturatingGenerator(reduction=reduction)(fake, sample_weight=sample_weight, denominator=denominator)


def least_squares_generator(
    fake: ArrayLike,
    *,
    real_label: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Regression of the label of real samples (Mao et al. 2017).

    The value of `LeastSquaresGenerator` as a function: `fake` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return LeastSquaresGenerator(real_label=real_label, reduction=reduction)(
        fake, sample_weight=sample_weight, denominator=denominator
    )


def critic_generator(
    fake: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The generator's side of the Wasserstein distance, and of the hinge (Arjovsky, Chintala and Bottou 2017).

    The value of `CriticGenerator` as a function: `fake` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return CriticGenerator(reduction=reduction)(fake, sample_weight=sample_weight, denominator=denominator)


def relativistic_discriminator(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Real samples ahead of generated ones (Jolicoeur-Martineau 2018, "The relativistic discriminator").

    The value of `RelativisticDiscriminator` as a function: `real`, `fake` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return RelativisticDiscriminator(reduction=reduction)(
        real, fake, sample_weight=sample_weight, denominator=denominator
    )


def relativistic_generator(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Generated samples ahead of real ones (Jolicoeur-Martineau 2018, "The relativistic discriminator").

    The value of `RelativisticGenerator` as a function: `real`, `fake` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return RelativisticGenerator(reduction=reduction)(real, fake, sample_weight=sample_weight, denominator=denominator)


def gaussian_nll(
    pred: ArrayLike,
    target: ArrayLike,
    variance: ArrayLike,
    *,
    full: bool = False,
    eps: float = 1e-06,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The negative log-likelihood of a normal distribution whose mean and variance are predicted.

    The value of `GaussianNLL` as a function: `pred`, `target`, `variance` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return GaussianNLL(full=full, eps=eps, reduction=reduction)(
        pred, target, variance, sample_weight=sample_weight, denominator=denominator
    )


def crps_gaussian(
    pred: ArrayLike,
    target: ArrayLike,
    scale: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The continuous ranked probability score of a normal distribution whose mean and scale are predicted.

    The value of `CRPSGaussian` as a function: `pred`, `target`, `scale` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return CRPSGaussian(reduction=reduction)(pred, target, scale, sample_weight=sample_weight, denominator=denominator)


def poisson(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-08,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The negative log-likelihood of a count, from the logarithm of its mean.

    The value of `Poisson` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Poisson(log_input=log_input, full=full, eps=eps, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def gamma(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Half the gamma deviance of a positive amount, from the logarithm of its mean.

    The value of `Gamma` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Gamma(reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def tweedie(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    power: float = 1.5,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Half the Tweedie deviance of an amount, from the logarithm of its mean.

    The value of `Tweedie` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Tweedie(power=power, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def linear_cross_entropy(
    hidden: ArrayLike,
    weight: ArrayLike,
    target: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    chunk: int | str = "auto",
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    class_mask: Mask | None = None,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """`CrossEntropy` of the logits of a linear layer, which are never held as a whole.

    The value of `LinearCrossEntropy` as a function: `hidden`, `weight`, `target`, `bias` as in a call, the options
    those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return LinearCrossEntropy(
        class_weight=class_weight,
        ignore_index=ignore_index,
        chunk=chunk,
        label_smoothing=label_smoothing,
        temperature=temperature,
        softcap=softcap,
        z_loss=z_loss,
        class_mask=class_mask,
        reduction=reduction,
    )(hidden, weight, target, bias, sample_weight=sample_weight, denominator=denominator)


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


def squared_hinge(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    labels: Labels = "pm1",
    margin: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The square of the hinge: an L2 support-vector machine's.

    The value of `SquaredHinge` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return SquaredHinge(labels=labels, margin=margin, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def smooth_hinge(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    labels: Labels = "pm1",
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The hinge with a rounded corner (Rennie and Srebro 2005, "Loss functions for preference levels").

    The value of `SmoothHinge` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return SmoothHinge(labels=labels, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def modified_huber(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    labels: Labels = "pm1",
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The squared hinge, straight where the prediction is wrong by more than 1 (Zhang 2004).

    The value of `ModifiedHuber` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return ModifiedHuber(labels=labels, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def perceptron(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    labels: Labels = "pm1",
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The hinge without a margin (Rosenblatt 1958, "The perceptron").

    The value of `Perceptron` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Perceptron(labels=labels, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def logistic(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    labels: Labels = "pm1",
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The soft margin: logistic regression in terms of the margin.

    The value of `Logistic` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Logistic(labels=labels, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def exponential(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    labels: Labels = "pm1",
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The loss that AdaBoost minimises (Friedman, Hastie and Tibshirani 2000, "Additive logistic regression").

    The value of `Exponential` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Exponential(labels=labels, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def hinge_embedding(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    labels: Labels = "pm1",
    margin: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Distances of pairs: small for pairs that belong together, and at least a margin for those that do not.

    The value of `HingeEmbedding` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return HingeEmbedding(labels=labels, margin=margin, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def margin_ranking(
    x1: ArrayLike,
    x2: ArrayLike,
    target: ArrayLike,
    *,
    margin: float = 0.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """One score ahead of another by a margin (Herbrich, Graepel and Obermayer 2000, "Large margin rank boundaries").

    The value of `MarginRanking` as a function: `x1`, `x2`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return MarginRanking(margin=margin, reduction=reduction)(
        x1, x2, target, sample_weight=sample_weight, denominator=denominator
    )


def triplet_mining(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    mining: str = "batch_hard",
    margin: float = 1.0,
    distance: str = "l2",
    soft: bool = False,
    normalize: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """`Triplet` on triplets that are found within the batch.

    The value of `TripletMining` as a function: `embeddings`, `labels` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return TripletMining(
        mining=mining, margin=margin, distance=distance, soft=soft, normalize=normalize, reduction=reduction
    )(embeddings, labels, sample_weight=sample_weight, denominator=denominator)


def multi_margin(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    kind: Hinges = "crammer_singer",
    p: float = 1.0,
    margin: float = 1.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Hinges between the label's score and those of the other classes: a multiclass support-vector machine.

    The value of `MultiMargin` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return MultiMargin(
        class_weight=class_weight,
        ignore_index=ignore_index,
        axis=axis,
        kind=kind,
        p=p,
        margin=margin,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)


def ordinal_cumulative(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Ordered labels from cumulative logits: how likely the label is above each of the thresholds between them.

    The value of `OrdinalCumulative` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return OrdinalCumulative(class_weight=class_weight, ignore_index=ignore_index, axis=axis, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def squared_emd(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The squared distance of cumulative distributions over ordered classes: a wrong class costs by how far it is.

    The value of `SquaredEMD` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return SquaredEMD(class_weight=class_weight, ignore_index=ignore_index, axis=axis, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def sparsemax(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The loss of sparsemax, the projection of logits onto the probabilities: far classes get exactly 0.

    The value of `Sparsemax` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Sparsemax(class_weight=class_weight, ignore_index=ignore_index, axis=axis, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def entmax15(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The loss of 1.5-entmax, between softmax and sparsemax: smooth, and far classes still get exactly 0.

    The value of `Entmax15` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Entmax15(class_weight=class_weight, ignore_index=ignore_index, axis=axis, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def dice(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    from_logits: bool = True,
    activation: str = "sigmoid",
    smooth: float | tuple[float, float] = 0.0,
    batch: bool = False,
    include_background: bool = True,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    log: bool = False,
    axis: int | None = 1,
    squared: bool = False,
    reduction: Reduction = "mean",
    mask: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """1 - the Dice coefficient of segmentations: twice the overlap over the sizes of both (Milletari et al. 2016).

    The value of `Dice` as a function: `pred`, `target`, `mask` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Dice(
        from_logits=from_logits,
        activation=activation,
        smooth=smooth,
        batch=batch,
        include_background=include_background,
        class_weight=class_weight,
        ignore_index=ignore_index,
        log=log,
        axis=axis,
        squared=squared,
        reduction=reduction,
    )(pred, target, mask=mask, sample_weight=sample_weight, denominator=denominator)


def jaccard(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    from_logits: bool = True,
    activation: str = "sigmoid",
    smooth: float | tuple[float, float] = 0.0,
    batch: bool = False,
    include_background: bool = True,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    log: bool = False,
    axis: int | None = 1,
    squared: bool = False,
    reduction: Reduction = "mean",
    mask: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """1 - intersection over union: the loss version of IoU (Rahman and Wang 2016).

    The value of `Jaccard` as a function: `pred`, `target`, `mask` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Jaccard(
        from_logits=from_logits,
        activation=activation,
        smooth=smooth,
        batch=batch,
        include_background=include_background,
        class_weight=class_weight,
        ignore_index=ignore_index,
        log=log,
        axis=axis,
        squared=squared,
        reduction=reduction,
    )(pred, target, mask=mask, sample_weight=sample_weight, denominator=denominator)


def tversky(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    from_logits: bool = True,
    activation: str = "sigmoid",
    smooth: float | tuple[float, float] = 0.0,
    batch: bool = False,
    include_background: bool = True,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    log: bool = False,
    axis: int | None = 1,
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float = 1.0,
    reduction: Reduction = "mean",
    mask: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """1 - the Tversky index: `Dice` that weighs what is predicted too much and what is missed (Salehi et al. 2017).

    The value of `Tversky` as a function: `pred`, `target`, `mask` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Tversky(
        from_logits=from_logits,
        activation=activation,
        smooth=smooth,
        batch=batch,
        include_background=include_background,
        class_weight=class_weight,
        ignore_index=ignore_index,
        log=log,
        axis=axis,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        reduction=reduction,
    )(pred, target, mask=mask, sample_weight=sample_weight, denominator=denominator)


def generalized_dice(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    from_logits: bool = True,
    activation: str = "sigmoid",
    smooth: float | tuple[float, float] = 0.0,
    batch: bool = False,
    include_background: bool = True,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    log: bool = False,
    axis: int | None = 1,
    weighting: str = "square",
    reduction: Reduction = "mean",
    mask: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """`Dice` of all classes at once, weighted so that rare ones count as others do (Sudre et al. 2017).

    The value of `GeneralizedDice` as a function: `pred`, `target`, `mask` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return GeneralizedDice(
        from_logits=from_logits,
        activation=activation,
        smooth=smooth,
        batch=batch,
        include_background=include_background,
        class_weight=class_weight,
        ignore_index=ignore_index,
        log=log,
        axis=axis,
        weighting=weighting,
        reduction=reduction,
    )(pred, target, mask=mask, sample_weight=sample_weight, denominator=denominator)


def lovasz_hinge(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    per_image: bool = False,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
    mask: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The Lovasz extension of the Jaccard loss, of hinge errors: a convex bound of 1 - IoU (Berman et al. 2018).

    The value of `LovaszHinge` as a function: `pred`, `target`, `mask` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return LovaszHinge(per_image=per_image, ignore_index=ignore_index, reduction=reduction)(
        pred, target, mask=mask, sample_weight=sample_weight, denominator=denominator
    )


def lovasz_softmax(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    per_image: bool = False,
    ignore_index: int | None = None,
    classes: str | tuple[int, ...] = "present",
    axis: int = 1,
    reduction: Reduction = "mean",
    mask: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The Lovasz extension of the Jaccard loss of each class, of errors of a softmax (Berman et al. 2018).

    The value of `LovaszSoftmax` as a function: `pred`, `target`, `mask` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return LovaszSoftmax(
        per_image=per_image, ignore_index=ignore_index, classes=classes, axis=axis, reduction=reduction
    )(pred, target, mask=mask, sample_weight=sample_weight, denominator=denominator)


def dice_ce(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    activation: str = "softmax",
    lambda_dice: float = 1.0,
    smooth: float | tuple[float, float] = 0.0,
    squared: bool = False,
    jaccard: bool = False,
    batch: bool = False,
    include_background: bool = True,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int | None = 1,
    lambda_ce: float = 1.0,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
    mask: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """`Dice` and `CrossEntropy` of one softmax, added up (Isensee et al. 2021, "nnU-Net"); or of sigmoids.

    The value of `DiceCE` as a function: `pred`, `target`, `mask` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return DiceCE(
        activation=activation,
        lambda_dice=lambda_dice,
        smooth=smooth,
        squared=squared,
        jaccard=jaccard,
        batch=batch,
        include_background=include_background,
        class_weight=class_weight,
        ignore_index=ignore_index,
        axis=axis,
        lambda_ce=lambda_ce,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )(pred, target, mask=mask, sample_weight=sample_weight, denominator=denominator)


def dice_focal(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    activation: str = "softmax",
    lambda_dice: float = 1.0,
    smooth: float | tuple[float, float] = 0.0,
    squared: bool = False,
    jaccard: bool = False,
    batch: bool = False,
    include_background: bool = True,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int | None = 1,
    lambda_focal: float = 1.0,
    gamma: float = 2.0,
    alpha: float | Array | None = None,
    reduction: Reduction = "mean",
    mask: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """`Dice` and `Focal` of one softmax, added up (Zhu et al. 2019, "AnatomyNet"); or of sigmoids.

    The value of `DiceFocal` as a function: `pred`, `target`, `mask` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return DiceFocal(
        activation=activation,
        lambda_dice=lambda_dice,
        smooth=smooth,
        squared=squared,
        jaccard=jaccard,
        batch=batch,
        include_background=include_background,
        class_weight=class_weight,
        ignore_index=ignore_index,
        axis=axis,
        lambda_focal=lambda_focal,
        gamma=gamma,
        alpha=alpha,
        reduction=reduction,
    )(pred, target, mask=mask, sample_weight=sample_weight, denominator=denominator)


def multi_similarity(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: float = 2.0,
    beta: float = 50.0,
    base: float = 0.5,
    epsilon: float | None = None,
    normalize: bool = True,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Each vector's similarities: those to its class above a threshold, all others below it, the worst of them first.

    The value of `MultiSimilarity` as a function: `embeddings`, `labels` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return MultiSimilarity(
        alpha=alpha, beta=beta, base=base, epsilon=epsilon, normalize=normalize, reduction=reduction
    )(embeddings, labels, sample_weight=sample_weight, denominator=denominator)


def circle(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    margin: float = 0.4,
    gamma: float = 80.0,
    normalize: bool = True,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Similarities within a class to 1 and others to 0, each pair pulled the harder the farther it is from there.

    The value of `Circle` as a function: `embeddings`, `labels` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Circle(margin=margin, gamma=gamma, normalize=normalize, reduction=reduction)(
        embeddings, labels, sample_weight=sample_weight, denominator=denominator
    )


def lifted(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    margin: float = 1.0,
    positive_margin: float = 0.0,
    distance: str = "l2",
    normalize: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Each pair of a class nearer than all vectors of other classes are to either of the two, by a margin.

    The value of `Lifted` as a function: `embeddings`, `labels` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Lifted(
        margin=margin, positive_margin=positive_margin, distance=distance, normalize=normalize, reduction=reduction
    )(embeddings, labels, sample_weight=sample_weight, denominator=denominator)


def generalized_lifted(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    margin: float = 1.0,
    positive_margin: float = 0.0,
    distance: str = "l2",
    normalize: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """A vector's class nearer to it than all other vectors, by a margin, with soft extremes in place of hard ones.

    The value of `GeneralizedLifted` as a function: `embeddings`, `labels` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return GeneralizedLifted(
        margin=margin, positive_margin=positive_margin, distance=distance, normalize=normalize, reduction=reduction
    )(embeddings, labels, sample_weight=sample_weight, denominator=denominator)


def list_net(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    softmax_target: bool = True,
    reduction: Reduction = "mean",
    groups: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Cross-entropy of the softmax of relevances and that of scores, query by query (Cao et al. 2007, top one).

    The value of `ListNet` as a function: `pred`, `target`, `groups`, `lengths` as in a call, the options those of the
    class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return ListNet(softmax_target=softmax_target, reduction=reduction)(
        pred, target, groups=groups, lengths=lengths, sample_weight=sample_weight, denominator=denominator
    )


def list_mle(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Reduction = "mean",
    groups: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """-log of the probability of the order by relevance in the Plackett-Luce model (Xia et al. 2008).

    The value of `ListMLE` as a function: `pred`, `target`, `groups`, `lengths` as in a call, the options those of the
    class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return ListMLE(reduction=reduction)(
        pred, target, groups=groups, lengths=lengths, sample_weight=sample_weight, denominator=denominator
    )


def lambda_rank(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    sigma: float = 1.0,
    k: int | None = None,
    reduction: Reduction = "mean",
    groups: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Logistic loss of pairs, each times what NDCG would change if they changed places (Burges et al. 2006).

    The value of `LambdaRank` as a function: `pred`, `target`, `groups`, `lengths` as in a call, the options those of
    the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return LambdaRank(sigma=sigma, k=k, reduction=reduction)(
        pred, target, groups=groups, lengths=lengths, sample_weight=sample_weight, denominator=denominator
    )


def pairwise_logistic(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    sigma: float = 1.0,
    normalized: bool = False,
    reduction: Reduction = "mean",
    groups: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Logistic loss of the difference of scores of every pair with different relevances (RankNet, Burges et al. 2005).

    The value of `PairwiseLogistic` as a function: `pred`, `target`, `groups`, `lengths` as in a call, the options those
    of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return PairwiseLogistic(sigma=sigma, normalized=normalized, reduction=reduction)(
        pred, target, groups=groups, lengths=lengths, sample_weight=sample_weight, denominator=denominator
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


def msle(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    eps: float = 1e-07,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The square of the difference of logarithms.

    The value of `MSLE` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return MSLE(eps=eps, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def mape(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    eps: float = 1e-07,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Absolute error relative to the target.

    The value of `MAPE` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return MAPE(eps=eps, reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


def smape(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Absolute error relative to the mean size of prediction and target.

    The value of `SMAPE` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return SMAPE(reduction=reduction)(pred, target, sample_weight=sample_weight, denominator=denominator)


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


def ctc(
    pred: ArrayLike,
    target: ArrayLike,
    input_lengths: ArrayLike,
    target_lengths: ArrayLike,
    *,
    blank: int = 0,
    from_logits: bool = True,
    zero_infinity: bool = False,
    length_normalized: bool = False,
    layout: str = "TNC",
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """-log of the probability that frames read as the labels: connectionist temporal classification (Graves 2006).

    The value of `CTC` as a function: `pred`, `target`, `input_lengths`, `target_lengths` as in a call, the options
    those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return CTC(
        blank=blank,
        from_logits=from_logits,
        zero_infinity=zero_infinity,
        length_normalized=length_normalized,
        layout=layout,
        reduction=reduction,
    )(pred, target, input_lengths, target_lengths, sample_weight=sample_weight, denominator=denominator)


def rnnt(
    pred: ArrayLike,
    target: ArrayLike,
    input_lengths: ArrayLike,
    target_lengths: ArrayLike,
    *,
    blank: int = 0,
    from_logits: bool = True,
    zero_infinity: bool = False,
    length_normalized: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """-log of the probability that a transducer gives the labels: the loss of RNN-T (Graves 2012).

    The value of `RNNT` as a function: `pred`, `target`, `input_lengths`, `target_lengths` as in a call, the options
    those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return RNNT(
        blank=blank,
        from_logits=from_logits,
        zero_infinity=zero_infinity,
        length_normalized=length_normalized,
        reduction=reduction,
    )(pred, target, input_lengths, target_lengths, sample_weight=sample_weight, denominator=denominator)


def sequence_cross_entropy(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    length_normalized: bool = False,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    class_mask: Mask | None = None,
    reduction: Reduction = "mean",
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """`CrossEntropy` of sequences of tokens, of which each has a target of its own.

    The value of `SequenceCrossEntropy` as a function: `pred`, `target`, `lengths`, `mask` as in a call, the options
    those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return SequenceCrossEntropy(
        class_weight=class_weight,
        ignore_index=ignore_index,
        length_normalized=length_normalized,
        label_smoothing=label_smoothing,
        temperature=temperature,
        softcap=softcap,
        z_loss=z_loss,
        class_mask=class_mask,
        reduction=reduction,
    )(pred, target, lengths=lengths, mask=mask, sample_weight=sample_weight, denominator=denominator)


def sinkhorn(
    x: ArrayLike,
    y: ArrayLike | None = None,
    x_weight: ArrayLike | None = None,
    y_weight: ArrayLike | None = None,
    *,
    blur: float = 0.05,
    p: float = 2.0,
    debias: bool = True,
    reach: float | None = None,
    tolerance: float = 1e-05,
    max_iterations: int = 1000,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The Sinkhorn divergence between point clouds: transport with an entropic penalty, less its bias.

    The value of `Sinkhorn` as a function: `x`, `y`, `x_weight`, `y_weight` as in a call, the options those of the
    class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Sinkhorn(
        blur=blur,
        p=p,
        debias=debias,
        reach=reach,
        tolerance=tolerance,
        max_iterations=max_iterations,
        reduction=reduction,
    )(x, y, x_weight, y_weight, sample_weight=sample_weight, denominator=denominator)


def cross_entropy(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    class_mask: Mask | None = None,
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
        temperature=temperature,
        softcap=softcap,
        z_loss=z_loss,
        class_mask=class_mask,
        from_logits=from_logits,
        eps=eps,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)


def focal(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    class_mask: Mask | None = None,
    gamma: float = 2.0,
    alpha: float | Array | None = None,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Cross-entropy that easy items hardly enter (Lin et al. 2017, "Focal loss for dense object detection").

    The value of `Focal` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Focal(
        class_weight=class_weight,
        ignore_index=ignore_index,
        axis=axis,
        label_smoothing=label_smoothing,
        temperature=temperature,
        softcap=softcap,
        z_loss=z_loss,
        class_mask=class_mask,
        gamma=gamma,
        alpha=alpha,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)


def poly_loss(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    class_mask: Mask | None = None,
    epsilon: float = 2.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Cross-entropy and a multiple of 1 - p (Leng et al. 2022, "PolyLoss: a polynomial expansion perspective").

    The value of `PolyLoss` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return PolyLoss(
        class_weight=class_weight,
        ignore_index=ignore_index,
        axis=axis,
        label_smoothing=label_smoothing,
        temperature=temperature,
        softcap=softcap,
        z_loss=z_loss,
        class_mask=class_mask,
        epsilon=epsilon,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)


def symmetric_cross_entropy(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    class_mask: Mask | None = None,
    alpha: float = 0.1,
    beta: float = 1.0,
    A: float = -4.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Cross-entropy and the reverse one, for noisy labels (Wang et al. 2019).

    The value of `SymmetricCrossEntropy` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return SymmetricCrossEntropy(
        class_weight=class_weight,
        ignore_index=ignore_index,
        axis=axis,
        label_smoothing=label_smoothing,
        temperature=temperature,
        softcap=softcap,
        z_loss=z_loss,
        class_mask=class_mask,
        alpha=alpha,
        beta=beta,
        A=A,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)


def generalized_cross_entropy(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    class_weight: Array | None = None,
    ignore_index: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    class_mask: Mask | None = None,
    from_logits: bool = True,
    eps: float = 1e-07,
    q: float = 0.7,
    truncate: float | None = None,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Between cross-entropy and mean absolute error, for noisy labels (Zhang and Sabuncu 2018).

    The value of `GeneralizedCrossEntropy` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return GeneralizedCrossEntropy(
        class_weight=class_weight,
        ignore_index=ignore_index,
        axis=axis,
        label_smoothing=label_smoothing,
        temperature=temperature,
        softcap=softcap,
        z_loss=z_loss,
        class_mask=class_mask,
        from_logits=from_logits,
        eps=eps,
        q=q,
        truncate=truncate,
        reduction=reduction,
    )(pred, target, sample_weight=sample_weight, denominator=denominator)


def wasserstein_1d(
    x: ArrayLike,
    y: ArrayLike,
    x_weight: ArrayLike | None = None,
    y_weight: ArrayLike | None = None,
    *,
    p: float = 1.0,
    root: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The Wasserstein distance between samples on a line.

    The value of `Wasserstein1D` as a function: `x`, `y`, `x_weight`, `y_weight` as in a call, the options those of the
    class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return Wasserstein1D(p=p, root=root, reduction=reduction)(
        x, y, x_weight, y_weight, sample_weight=sample_weight, denominator=denominator
    )


def sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    x_weight: ArrayLike | None = None,
    y_weight: ArrayLike | None = None,
    *,
    n_projections: int = 50,
    seed: int = 0,
    p: float = 2.0,
    root: bool = False,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The Wasserstein distance between point clouds, as the mean over directions that they are projected on.

    The value of `SlicedWasserstein` as a function: `x`, `y`, `x_weight`, `y_weight` as in a call, the options those of
    the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return SlicedWasserstein(n_projections=n_projections, seed=seed, p=p, root=root, reduction=reduction)(
        x, y, x_weight, y_weight, sample_weight=sample_weight, denominator=denominator
    )


def histogram_emd(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    axis: int = -1,
    p: int = 1,
    normalize: bool = True,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The earth mover's distance between histograms on the same bins in order.

    The value of `HistogramEMD` as a function: `pred`, `target` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return HistogramEMD(axis=axis, p=p, normalize=normalize, reduction=reduction)(
        pred, target, sample_weight=sample_weight, denominator=denominator
    )


def gaussian_kl(
    mean: ArrayLike,
    log_var: ArrayLike,
    prior_mean: ArrayLike | None = None,
    prior_log_var: ArrayLike | None = None,
    *,
    beta: float = 1.0,
    free_bits: float = 0.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The Kullback-Leibler divergence of a normal distribution from N(0, 1) or from another one.

    The value of `GaussianKL` as a function: `mean`, `log_var`, `prior_mean`, `prior_log_var` as in a call, the options
    those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return GaussianKL(beta=beta, free_bits=free_bits, reduction=reduction)(
        mean, log_var, prior_mean, prior_log_var, sample_weight=sample_weight, denominator=denominator
    )


def elbo(
    pred: ArrayLike,
    target: ArrayLike,
    mean: ArrayLike,
    log_var: ArrayLike,
    *,
    reconstruction: Loss = BinaryCrossEntropy(),
    beta: float = 1.0,
    free_bits: float = 0.0,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The negative evidence lower bound of a variational autoencoder.

    The value of `ELBO` as a function: `pred`, `target`, `mean`, `log_var` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return ELBO(reconstruction=reconstruction, beta=beta, free_bits=free_bits, reduction=reduction)(
        pred, target, mean, log_var, sample_weight=sample_weight, denominator=denominator
    )


def barlow_twins(
    view1: ArrayLike,
    view2: ArrayLike,
    *,
    lambd: float = 0.005,
    unbiased: bool = False,
    eps: float = 1e-06,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """The correlations between dimensions of two views as the identity matrix.

    The value of `BarlowTwins` as a function: `view1`, `view2` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return BarlowTwins(lambd=lambd, unbiased=unbiased, eps=eps, reduction=reduction)(
        view1, view2, sample_weight=sample_weight, denominator=denominator
    )


def vicreg(
    view1: ArrayLike,
    view2: ArrayLike,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
    gamma: float = 1.0,
    eps: float = 0.0001,
    reduction: Reduction = "mean",
    sample_weight: ArrayLike | None = None,
    denominator: float | None = None,
) -> Value:
    """Two views of a sample the same, each dimension of some variance, and no two of them with a covariance.

    The value of `VICReg` as a function: `view1`, `view2` as in a call, the options those of the class.

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return VICReg(
        invariance=invariance, variance=variance, covariance=covariance, gamma=gamma, eps=eps, reduction=reduction
    )(view1, view2, sample_weight=sample_weight, denominator=denominator)
