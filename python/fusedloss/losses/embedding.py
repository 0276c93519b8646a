"""Losses of embeddings, pair by pair and triplet by triplet."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..domains import NOT_NEGATIVE, Domain, Interval, Points
from ..facts import Facts, Kink, Traits
from ..kinds.elementwise import Elementwise, constant
from ..kinds.measures import COSINE_EPS, Distance, Measure, Measured, Score, measure_of, negative_cosine
from ..operands import AnchorPositiveNegative, PredTarget, TwoVectors, TwoVectorsTarget
from ..options import Flag, Real, option
from .margin import Hinge, HingeEmbedding, Logistic


class CosineSimilarity(TwoVectors, Measured):
    r"""How far the directions of two vectors are apart.

    .. math:: l = 1 - \cos(x_1, x_2), \quad \cos(a, b) = \frac{a \cdot b}{|a| \, |b|}

    Vectors lie along the last axis of x1 and x2, which have one shape; an item is a pair. There are two gradients. A
    vector no longer than eps has no direction: its cosine is taken as 0, and its gradient is 0. There is no Hessian.

    Args:
        negative: Whether the value is -cos instead of 1 - cos, as in Keras.
        eps: Up to what length a vector has no direction, >= 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> loss = fl.CosineSimilarity(reduction="none")
        >>> loss([[3.0, 0.0], [1.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, -1.0], [-2.0, 0.0]]).tolist()
        [0.0, 1.0, 2.0]
    """

    negative: bool = option(default=False, accepts=Flag())
    eps: float = option(default=COSINE_EPS, accepts=Real(NOT_NEGATIVE))

    aliases = ("cosine", "cosine_distance", "cosine_similarity_loss")
    facts = Facts(
        task="learning of embeddings from pairs",
        activation="identity",
        robustness="the length of vectors does not count, and no pair costs more than 2",
        smoothness="infinitely differentiable but for vectors of length eps, where it jumps",
        samples=({}, {"negative": True}, {"eps": 1.0}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(symmetric=True, nonnegative=not self.negative)

    def measure(self) -> Measure:
        return negative_cosine(self.eps)

    def score(self) -> Score:
        return Score(offset=0.0 if self.negative else 1.0)

    def of_scores(self) -> Elementwise:
        return HingeEmbedding()  # the score itself: all pairs belong together


class CosineEmbedding(TwoVectorsTarget, Measured):
    r"""Directions of pairs: the same for those that belong together, at least apart for those that do not.

    .. math:: l = \begin{cases} 1 - \cos(x_1, x_2) & y = 1 \\ \max(0, \cos(x_1, x_2) - m) & y = -1 \end{cases}

    Vectors lie along the last axis of x1 and x2, which have one shape; the target has one entry for each pair, +1 or
    -1. There are two gradients, 0 at the kink. A vector no longer than eps has no direction: its cosine is taken as 0,
    and its gradient is 0. There is no Hessian.

    Args:
        margin: m, the cosine up to which pairs that do not belong together cost nothing; in [-1, 1].
        eps: Up to what length a vector has no direction, >= 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is neither -1 nor +1.

    Example:
        >>> import fusedloss as fl
        >>> loss = fl.CosineEmbedding(margin=0.5, reduction="none")
        >>> loss([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0]], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1, -1, -1]).tolist()
        [0.0, 0.5, 0.0]
    """

    margin: float = option(default=0.0, accepts=Real(Interval(-1, 1)))
    eps: float = option(default=COSINE_EPS, accepts=Real(NOT_NEGATIVE))

    aliases = ("cosine_embedding_loss",)
    facts = Facts(
        task="learning of embeddings from pairs",
        activation="identity",
        robustness="the length of vectors does not count, and no pair costs more than 2",
        smoothness="continuous, with a kink at the margin of pairs that do not belong together",
        samples=({}, {"margin": 0.3}, {"margin": -0.5, "eps": 0.5}),
    )
    traits = Traits()

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": Points((-1.0, 1.0))}

    def measure(self) -> Measure:
        return negative_cosine(self.eps)

    def score(self) -> Score:
        return Score(offset=1.0)

    def of_scores(self) -> Elementwise:
        return HingeEmbedding(margin=1 - self.margin)


class ContrastiveDistance(PredTarget, Elementwise):
    r"""Distances of pairs: small for those that belong together, at least a margin for those that do not.

    .. math:: l = y d^2 + (1 - y) \max(0, m - d)^2

    From Hadsell, Chopra and LeCun 2006, "Dimensionality reduction by learning an invariant mapping", without its factor
    1/2. pred, the distance d, and target have one shape; every element is an item. The target is 1 for pairs that
    belong together and 0 for others, or the other way round with ``similar=0``. A negative pred is no distance, but
    taken at its word.

    Args:
        margin: m, >= 0.
        squared: False for d and max(0, m - d) themselves: `HingeEmbedding`.
        similar: The target of pairs that belong together, 1 or 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is neither 0 nor 1.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.ContrastiveDistance(margin=2.0).value_and_grad([0.5, 0.5], [1, 0])
        >>> value, grad.tolist()
        (1.25, [0.5, -1.5])
    """

    margin: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    squared: bool = option(default=True, accepts=Flag())
    similar: float = option(default=1.0, accepts=Real(Points((0.0, 1.0))))

    aliases = ("contrastive_of_distances",)
    facts = Facts(
        task="learning of embeddings from pairs",
        activation="identity",
        robustness="pairs that belong together pull in proportion to their distance; others no harder than the margin",
        smoothness="once differentiable; without squares continuous, with a kink at the margin",
        samples=({}, {"margin": 2.5, "similar": 0}, {"squared": False}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, nonnegative=self.squared, lipschitz=None if self.squared else 1.0)

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": Points((0.0, 1.0))}

    @property
    def kinks(self) -> tuple[Kink, ...]:
        return (Kink(self.margin, 2 if self.squared else 1, "pred"),)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        sign = 1.0 if self.similar == 1 else -1.0
        return ("squared_" if self.squared else "") + "hinge_embedding", (2 * sign, -sign, self.margin)

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        pred, target = inputs
        similar = target == self.similar
        gap = np.maximum(self.margin - pred, 0.0)
        flat = constant(0.0, pred)
        near = np.where(gap > 0, 1.0, flat)
        if not self.squared:
            return np.where(similar, pred, gap), np.where(similar, flat + 1, -near), flat
        return (
            np.where(similar, pred, gap) ** 2,
            np.where(similar, 2 * pred, -2 * gap),
            2 * np.where(similar, flat + 1, near),
        )


class Contrastive(TwoVectorsTarget, Measured):
    r"""`ContrastiveDistance` of the Euclidean distance of vectors.

    .. math:: l = y d^2 + (1 - y) \max(0, m - d)^2, \quad d = |x_1 - x_2|

    Vectors lie along the last axis of x1 and x2, which have one shape; the target has one entry for each pair. There
    are two gradients. At d = 0, where a distance has no derivative, they are 0. There is no Hessian.

    Args:
        margin: m, >= 0.
        squared: False for d and max(0, m - d) themselves.
        similar: The target of pairs that belong together, 1 or 0.
        normalize: Whether vectors are brought to length 1 first; gradients are by what is given. A vector of length 0
            stays, and its gradient is 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A target is neither 0 nor 1.

    Example:
        >>> import fusedloss as fl
        >>> loss = fl.Contrastive(margin=7.0)
        >>> value, (first, second) = loss.value_and_grad([[3.0, 4.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], [1, 0])
        >>> value, first.round(4).tolist()
        (14.5, [[3.0, 4.0], [-1.2, -1.6]])
    """

    margin: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    squared: bool = option(default=True, accepts=Flag())
    similar: float = option(default=1.0, accepts=Real(Points((0.0, 1.0))))
    normalize: bool = option(default=False, accepts=Flag())

    aliases = ("contrastive_loss",)
    facts = Facts(
        task="learning of embeddings from pairs",
        activation="identity",
        robustness="pairs that belong together pull in proportion to their distance; others no harder than the margin",
        smoothness="once differentiable but at distance 0; without squares with a kink at the margin",
        samples=({}, {"margin": 2.5, "similar": 0}, {"squared": False}, {"normalize": True}),
    )
    traits = Traits()

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": Points((0.0, 1.0))}

    def measure(self) -> Measure:
        return measure_of("l2")

    def of_scores(self) -> Elementwise:
        return ContrastiveDistance(margin=self.margin, squared=self.squared, similar=self.similar)


class Triplet(AnchorPositiveNegative, Measured):
    r"""An anchor nearer to what belongs with it than to what does not, by a margin.

    .. math:: l = \max(0, d(a, p) - d(a, n) + m)

    From Schroff, Kalenichenko and Philbin 2015, "FaceNet", where d is the squared distance. Vectors lie along the last
    axis of anchor, positive and negative, which have one shape; an item is a triplet. There are three gradients, 0 at
    the kink. A distance of 0, which has no derivative, has the slope 0. There is no Hessian.

    Args:
        margin: m, >= 0.
        distance: d: ``"l2"``, ``"sqeuclidean"``, ``"l1"``, ``"cosine"`` (1 - cos), or a number p >= 1 for the p-norm of
            the difference.
        swap: Whether d(a, n) is replaced by d(p, n) where that is less (Balntas et al. 2016, "Learning local feature
            descriptors with triplets").
        soft: Whether the value is log(1 + e^u), u = d(a, p) - d(a, n), in place of the hinge: the margin is not used
            (Hermans, Beyer and Leibe 2017, "In defense of the triplet loss").
        normalize: Whether vectors are brought to length 1 first; gradients are by what is given. A vector of length 0
            stays, and its gradient is 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> loss = fl.Triplet(margin=1.0)
        >>> value, (anchor, positive, negative) = loss.value_and_grad([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.0]])
        >>> value, anchor.round(4).tolist(), positive.round(4).tolist(), negative.tolist()
        (1.0, [[-0.6, 0.2]], [[0.6, 0.8]], [[0.0, -1.0]])
    """

    margin: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    distance: str | float = option(default="l2", accepts=Distance())
    swap: bool = option(default=False, accepts=Flag())
    soft: bool = option(default=False, accepts=Flag())
    normalize: bool = option(default=False, accepts=Flag())

    aliases = ("triplet_margin", "triplet_margin_loss", "triplet_loss", "triplet_margin_with_distance")
    facts = Facts(
        task="learning of embeddings from triplets",
        activation="identity",
        robustness="a wrong triplet pulls no harder than any other; of squared distances in proportion to them",
        smoothness="continuous, with a kink at the margin",
        samples=(
            {},
            {"distance": "sqeuclidean", "margin": 0.2},
            {"distance": "l1", "swap": True},
            {"distance": "cosine", "margin": 0.3},
            {"distance": 3.0, "swap": True},
            {"soft": True},
            {"normalize": True, "swap": True},
        ),
    )
    traits = Traits()

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        return ((0, 1), (0, 2), (1, 2)) if self.swap else ((0, 1), (0, 2))

    def measure(self) -> Measure:
        return measure_of(self.distance)

    def score(self) -> Score:
        return Score(factors=(1.0, -1.0), nearest=self.swap)

    def target(self) -> float:
        return -1.0

    def of_scores(self) -> Elementwise:
        return Logistic() if self.soft else Hinge(margin=self.margin)
