"""Losses of embeddings with labels that weigh the pairs of a vector: a sum over its class, one over all others."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..domains import POSITIVE
from ..facts import Facts, Traits
from ..kinds.folds import Folds, PairFolds, Slope
from ..operands import EmbeddingsLabels
from ..options import Choice, Flag, Maybe, Real, option

# Products are in the precision of the vectors, and a large factor in an exponent raises what they round.
PRODUCTS = 128.0


def _softplus(x: Array) -> tuple[Array, Array]:
    """log(1 + e^x) and its derivative."""
    e = np.exp(-np.abs(x))
    return np.maximum(x, 0) + np.log1p(e), np.where(x < 0, e, 1.0) / (1 + e)


class MultiSimilarity(EmbeddingsLabels, Folds):
    r"""Each vector's similarities: those to its class above a threshold, all others below it, the worst of them first.

    .. math::
        l_i = \frac{1}{\alpha} \log \Big(1 + \sum_{p \in P(i)} e^{-\alpha (s(i, p) - \lambda)}\Big)
        + \frac{1}{\beta} \log \Big(1 + \sum_{n \in N(i)} e^{\beta (s(i, n) - \lambda)}\Big),
        \quad s(i, j) = \cos(z_i, z_j)

    From Wang et al. 2019, "Multi-similarity loss with general pair weighting for deep metric learning". embeddings has
    the shape (samples, dimensions), labels (samples,); P(i) are the others of the class of i, N(i) the vectors of other
    classes. With an epsilon, as in the paper's mining, only pairs count that are hard beside the anchor's others: a p
    with :math:`s(i, p) < \max_n s(i, n) + \epsilon`, an n with :math:`s(i, n) > \min_p s(i, p) - \epsilon`; this choice
    is held constant in the gradient.

    An item is a vector as an anchor, also one without a pair that counts. There is one gradient, and no Hessian.
    Similarities are made in blocks: beside the result a call takes 60 MB and some times what the embeddings take,
    however many they are. Products are NumPy's, and so are their threads and last bits. A weight is that of the anchor,
    which stays among those that others are compared with.

    Args:
        alpha: :math:`\alpha` > 0: how much of the first sum is its largest term.
        beta: :math:`\beta` > 0: the same of the second one.
        base: :math:`\lambda`, the threshold.
        epsilon: :math:`\epsilon` of the mining, 0.1 in the paper; None for all pairs.
        normalize: Whether vectors are brought to length 1 first; without it s is their dot product. A vector of length
            0 stays, and its gradient is 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> embeddings = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]]
        >>> fl.MultiSimilarity(reduction="none")(embeddings, [0, 0, 1, 1]).round(4).tolist()
        [0.3189, 0.6787, 0.3189, 0.6787]
    """

    alpha: float = option(default=2.0, accepts=Real(POSITIVE))
    beta: float = option(default=50.0, accepts=Real(POSITIVE))
    base: float = option(default=0.5, accepts=Real())
    epsilon: float | None = option(default=None, accepts=Maybe(Real()))
    normalize: bool = option(default=True, accepts=Flag())

    aliases = ("ms", "multi_similarity_loss")
    facts = Facts(
        task="learning of embeddings from classes",
        activation="identity",
        robustness="a pair with a wrong label is among the hardest, but no steeper than 1 in its similarity",
        smoothness="infinitely differentiable; with an epsilon it jumps where the choice of pairs changes",
        tolerance=PRODUCTS,
        samples=({}, {"alpha": 3.0, "beta": 10.0, "base": 0.2, "epsilon": 0.1}, {"beta": 5.0, "normalize": False}),
    )
    traits = Traits()

    def metric(self) -> str:
        return "product"

    def counts(self, positives: Array, negatives: Array) -> Array:
        return positives + negatives > 0

    def positives(self, between: Array) -> tuple[Array, Slope]:
        return self.alpha * (self.base - between), -self.alpha

    def negatives(self, between: Array) -> tuple[Array, Slope]:
        return self.beta * (between - self.base), self.beta

    def combine(self, positive: Array, negative: Array) -> tuple[Array, Array, Array]:
        (near, by_near), (far, by_far) = _softplus(positive), _softplus(negative)
        return near / self.alpha + far / self.beta, by_near / self.alpha, by_far / self.beta

    def floors(self, positive: Array, negative: Array) -> tuple[Array, Array] | None:
        if self.epsilon is None:
            return None
        near, far = positive / self.alpha, negative / self.beta  # how far the hardest ones are beyond the threshold
        return -self.alpha * (far + self.epsilon), -self.beta * (near + self.epsilon)


class Circle(EmbeddingsLabels, Folds):
    r"""Similarities within a class to 1 and others to 0, each pair pulled the harder the farther it is from there.

    .. math::
        l_i = \log \Big(1 + \sum_{n \in N(i)} e^{\gamma [s(i, n) + m]_+ (s(i, n) - m)}
        \sum_{p \in P(i)} e^{-\gamma [1 + m - s(i, p)]_+ (s(i, p) - 1 + m)}\Big), \quad s(i, j) = \cos(z_i, z_j)

    From Sun et al. 2020, "Circle loss: a unified perspective of pair similarity optimization". embeddings has the shape
    (samples, dimensions), labels (samples,); P(i) are the others of the class of i, N(i) the vectors of other classes.
    The weights :math:`[\cdot]_+` are differentiated like all else, so that the gradient is that of the value: other
    implementations, pytorch-metric-learning's among them, detach them, and have another gradient.

    An item is a vector as an anchor; one without others of its class, or of other ones, is none, and is not in the
    divisor of the mean. There is one gradient, and no Hessian. Similarities are made in blocks: beside the result a
    call takes 60 MB and some times what the embeddings take, however many they are. Products are NumPy's, and so are
    their threads and last bits. A weight is that of the anchor, which stays among those that others are compared with.

    Args:
        margin: m, in the paper 0.25 for faces and people, 0.4 for finer classes.
        gamma: :math:`\gamma` > 0; in the paper 256 for faces, 128 for people, 80 for finer classes.
        normalize: Whether vectors are brought to length 1 first; without it s is their dot product. A vector of length
            0 stays, and its gradient is 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> embeddings = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]]
        >>> fl.Circle(gamma=8.0, reduction="none")(embeddings, [0, 0, 1, 1]).round(4).tolist()
        [1.0996, 5.1497, 1.0996, 5.1497]
    """

    margin: float = option(default=0.4, accepts=Real())
    gamma: float = option(default=80.0, accepts=Real(POSITIVE))
    normalize: bool = option(default=True, accepts=Flag())

    aliases = ("circle_loss",)
    facts = Facts(
        task="learning of embeddings from classes",
        activation="identity",
        robustness="a pair with a wrong label pulls in proportion to how far its similarity is from the label's",
        smoothness="continuous, with kinks where a weight becomes 0",
        tolerance=4 * PRODUCTS,  # gamma is larger than a threshold's factor, and a square is taken
        samples=({}, {"margin": 0.25, "gamma": 16.0}, {"gamma": 2.0, "normalize": False}),
    )
    traits = Traits()

    def metric(self) -> str:
        return "product"

    def counts(self, positives: Array, negatives: Array) -> Array:
        return (positives > 0) & (negatives > 0)

    def _bent(self, similarity: Array) -> tuple[Array, Slope]:
        """The exponent gamma [s + m]_+ (s - m), which is gamma (s^2 - m^2) from -m on; its derivative jumps there."""
        exponent = np.maximum(similarity, -self.margin)
        slope = np.where(similarity > -self.margin, 2 * self.gamma * exponent, exponent.dtype.type(0))
        exponent *= exponent
        exponent -= self.margin**2
        exponent *= self.gamma
        exponent[np.isnan(similarity)] = np.nan
        return exponent, slope

    def positives(self, between: Array) -> tuple[Array, Slope]:
        exponent, slope = self._bent(1 - between)  # the same of what is missing to 1
        return exponent, -slope

    def negatives(self, between: Array) -> tuple[Array, Slope]:
        return self._bent(between)

    def combine(self, positive: Array, negative: Array) -> tuple[Array, Array, Array]:
        value, slope = _softplus(positive + negative)
        return value, slope, slope


class _OfDistances(EmbeddingsLabels):
    """What both forms of the lifted structured loss have: exponents that are distances."""

    margin: float = option(default=1.0, accepts=Real())
    positive_margin: float = option(default=0.0, accepts=Real())
    distance: str = option(default="l2", accepts=Choice("l2", "sqeuclidean", "cosine"))
    normalize: bool = option(default=False, accepts=Flag())

    traits = Traits()

    def metric(self) -> str:
        return self.distance

    def positives(self, between: Array) -> tuple[Array, Slope]:
        return between - self.positive_margin, 1.0

    def negatives(self, between: Array) -> tuple[Array, Slope]:
        return self.margin - between, -1.0


class Lifted(_OfDistances, PairFolds):
    r"""Each pair of a class nearer than all vectors of other classes are to either of the two, by a margin.

    .. math::
        l_i = \frac{1}{2} \sum_{p \in P(i)} \max(0, J_{ip})^2, \quad
        J_{ip} = \log \Big(\sum_{n \in N(i)} e^{m - d(i, n)} + \sum_{n \in N(i)} e^{m - d(p, n)}\Big) + d(i, p) - m_p

    From Oh Song et al. 2016, "Deep metric learning via lifted structured feature embedding". embeddings has the shape
    (samples, dimensions), labels (samples,); P(i) are the others of the class of i, N(i) the vectors of other classes.

    An item is a vector as an anchor that has both: its value is the sum over its pairs, and a mean is over pairs. Each
    pair is one of either of its two, so that the mean is the paper's, half a mean of squares. There is one gradient, 0
    at distance 0, where a distance has no derivative; and no Hessian. Distances are made in blocks, in double precision
    whatever that of the embeddings: beside the result a call takes 60 MB and some times what the embeddings take,
    however many they are. Products are NumPy's, and so are their threads and last bits. A weight is that of the anchor,
    which stays among those that others are compared with.

    Args:
        margin: m, of distances to other classes.
        positive_margin: :math:`m_p`, of distances within the class.
        distance: d: ``"l2"``, ``"sqeuclidean"`` or ``"cosine"`` (1 - cos).
        normalize: Whether vectors are brought to length 1 first; gradients are by what is given. A vector of length 0
            stays, and its gradient is 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> embeddings, labels = [[0.0], [1.0], [1.5], [4.0]], [0, 0, 1, 1]
        >>> round(fl.Lifted()(embeddings, labels), 4)
        3.7717
    """

    aliases = ("lifted_structure", "lifted_structured", "lifted_structure_loss")
    facts = Facts(
        task="learning of embeddings from classes",
        activation="identity",
        robustness="a pair with a wrong label pulls in proportion to its distance",
        smoothness="once differentiable but at distance 0",
        samples=(
            {},
            {"margin": 0.5, "positive_margin": 0.1, "normalize": True},
            {"distance": "sqeuclidean"},
            {"distance": "cosine"},
        ),
    )

    def counts(self, positives: Array, negatives: Array) -> Array:
        return np.where(negatives > 0, positives, 0)

    def of_pairs(self, exponents: Array) -> tuple[Array, Array]:
        gap = np.maximum(exponents, 0)
        return 0.5 * gap * gap, gap


class GeneralizedLifted(_OfDistances, Folds):
    r"""A vector's class nearer to it than all other vectors, by a margin, with soft extremes in place of hard ones.

    .. math::
        l_i = \max\Big(0, \log \sum_{p \in P(i)} e^{d(i, p) - m_p} + \log \sum_{n \in N(i)} e^{m - d(i, n)}\Big)

    From Hermans, Beyer and Leibe 2017, "In defense of the triplet loss for person re-identification": `Lifted` with all
    vectors of a class at once. embeddings has the shape (samples, dimensions), labels (samples,); P(i) are the others
    of the class of i, N(i) the vectors of other classes. An item is a vector as an anchor that has both. There is one
    gradient, 0 at the kink and at distance 0; and no Hessian. Memory, precision and weights are as of `Lifted`.

    Args:
        margin: m, of distances to other classes.
        positive_margin: :math:`m_p`, of distances within the class.
        distance: d: ``"l2"``, ``"sqeuclidean"`` or ``"cosine"`` (1 - cos).
        normalize: Whether vectors are brought to length 1 first; gradients are by what is given. A vector of length 0
            stays, and its gradient is 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> embeddings, labels = [[0.0], [1.0], [1.5], [4.0]], [0, 0, 1, 1]
        >>> fl.GeneralizedLifted(reduction="none")(embeddings, labels).round(4).tolist()
        [0.5789, 1.5789, 3.3133, 0.8133]
    """

    aliases = ("generalized_lifted_structure",)
    facts = Facts(
        task="learning of embeddings from classes",
        activation="identity",
        robustness="a wrong label pulls no harder than any other",
        smoothness="continuous, with a kink where the two sums meet",
        samples=(
            {},
            {"margin": 0.5, "positive_margin": 0.1, "normalize": True},
            {"distance": "sqeuclidean"},
            {"distance": "cosine"},
        ),
    )

    def counts(self, positives: Array, negatives: Array) -> Array:
        return (positives > 0) & (negatives > 0)

    def combine(self, positive: Array, negative: Array) -> tuple[Array, Array, Array]:
        gap = positive + negative
        slope = np.where(gap > 0, 1.0, 0 * gap)
        return np.maximum(gap, 0), slope, slope
