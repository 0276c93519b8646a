"""Losses of embeddings and the centers of their classes."""

from __future__ import annotations

from ..facts import Facts, Traits
from ..kinds.centers import Centers
from ..kinds.elementwise import Elementwise
from ..kinds.measures import SQUARED, Measure, Measured, Score
from ..operands import EmbeddingsLabelsCenters, TwoVectors
from .margin import HingeEmbedding


class _HalfSquaredDistance(TwoVectors, Measured):
    """Of two vectors."""

    def measure(self) -> Measure:
        return SQUARED

    def score(self) -> Score:
        return Score(factors=(0.5,))

    def of_scores(self) -> Elementwise:
        return HingeEmbedding()  # the score itself: all pairs belong together


class CenterLoss(EmbeddingsLabelsCenters, Centers):
    r"""How far embeddings are from the centers of their classes, beside a loss that keeps classes apart.

    .. math:: l_i = \frac{1}{2} |z_i - c_{y_i}|^2

    From Wen et al. 2016, "A discriminative feature learning approach for deep face recognition". embeddings z has the
    shape (samples, dimensions), labels y (samples,), centers c (classes, dimensions). An item is a sample. There are
    two gradients, to embeddings and to centers, and no Hessian.

    The paper does not descend along the gradient to the centers: it moves each along that gradient of the sum, divided
    by 1 plus the number of embeddings of the class.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is no class.
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> embeddings, centers = [[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]]
        >>> loss = fl.CenterLoss(reduction="sum")
        >>> value, (to_embeddings, to_centers) = loss.value_and_grad(embeddings, [0, 0, 1], centers)
        >>> value, to_embeddings.tolist(), to_centers.tolist()
        (2.5, [[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]], [[-2.0, 0.0], [0.0, -1.0]])
    """

    aliases = ("center",)
    facts = Facts(
        task="learning of embeddings from classes",
        activation="identity",
        likelihood="normal about the center, variance 1",
        robustness="a wrong label pulls in proportion to its distance",
        smoothness="infinitely differentiable",
    )
    traits = Traits(convex=True)

    def of_pairs(self) -> Measured:
        return _HalfSquaredDistance()
