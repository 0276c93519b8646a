"""Losses of triplets that are found within a batch of embeddings with labels."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..domains import NOT_NEGATIVE
from ..facts import Facts, Traits
from ..kinds.elementwise import Elementwise
from ..kinds.mining import Mining
from ..operands import EmbeddingsLabels
from ..options import Choice, Flag, Real, option
from .margin import Hinge, Logistic


class TripletMining(EmbeddingsLabels, Mining):
    r"""`Triplet` on triplets that are found within the batch.

    .. math:: l = \max(0, d(a, p) - d(a, n) + m)

    embeddings has the shape (samples, dimensions), labels (samples,). Each vector is an anchor a; positives p are the
    others of its class, negatives n those of other classes. Which triplets count:

    - ``"batch_hard"``: for each anchor its farthest positive with its nearest negative (Hermans, Beyer and Leibe 2017,
      "In defense of the triplet loss for person re-identification");
    - ``"batch_semihard"``: each pair of an anchor and a positive with the nearest negative that is farther than the
      positive, or the farthest of all if none is (Schroff, Kalenichenko and Philbin 2015, "FaceNet");
    - ``"batch_all"``: all, also those that cost nothing.

    An item is an anchor that has positives and negatives: its value is the sum over its triplets, and a mean is over
    triplets. The choice of triplets is held constant in the gradient. A distance of 0, which has no derivative, has the
    slope 0. There is no Hessian.

    Distances are made in blocks, in double precision whatever that of the embeddings, and no triplet is listed: beside
    the result a call takes 60 MB and some times what the embeddings take, however many they are. A weight is that of
    the anchor, which stays a positive or negative of others.

    Args:
        mining: ``"batch_hard"``, ``"batch_semihard"`` or ``"batch_all"``.
        margin: m, >= 0.
        distance: d: ``"l2"``, ``"sqeuclidean"`` or ``"cosine"`` (1 - cos).
        soft: Whether the value is log(1 + e^u), u = d(a, p) - d(a, n), in place of the hinge: the margin is not used.
            Not for ``"batch_all"``.
        normalize: Whether vectors are brought to length 1 first; gradients are by what is given. A vector of length 0
            stays, and its gradient is 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        TypeError: Labels are not integers.
        ValueError: All triplets are to be soft.

    Example:
        >>> import fusedloss as fl
        >>> embeddings, labels = [[0.0], [1.0], [1.5], [4.0]], [0, 0, 1, 1]
        >>> fl.TripletMining(reduction="none")(embeddings, labels).tolist()
        [0.5, 1.5, 3.0, 0.5]
        >>> fl.TripletMining(mining="batch_all", reduction="none")(embeddings, labels).tolist()
        [0.5, 1.5, 5.0, 0.5]
    """

    mining: str = option(default="batch_hard", accepts=Choice("batch_hard", "batch_semihard", "batch_all"))
    margin: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    distance: str = option(default="l2", accepts=Choice("l2", "sqeuclidean", "cosine"))
    soft: bool = option(default=False, accepts=Flag())
    normalize: bool = option(default=False, accepts=Flag())

    aliases = ("triplet_hard", "triplet_semi_hard", "batch_hard_triplet")
    facts = Facts(
        task="learning of embeddings from classes",
        activation="identity",
        robustness="the hardest triplets are those with wrong labels; semi-hard ones and all of them see fewer",
        smoothness="continuous, with kinks at the margin and where the choice changes; semi-hard ones jump there",
        samples=(
            {},
            {"mining": "batch_semihard", "margin": 0.5},
            {"mining": "batch_all", "normalize": True},
            {"distance": "sqeuclidean", "soft": True},
            {"distance": "cosine", "mining": "batch_all", "margin": 0.2},
            {"distance": "cosine", "mining": "batch_semihard", "soft": True},
        ),
    )
    traits = Traits()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.soft and self.mining == "batch_all":
            raise ValueError("TripletMining: soft=True takes a number of steps for each triplet; choose another mining")

    def of_differences(self) -> Elementwise:
        return Logistic(reduction="none") if self.soft else Hinge(margin=self.margin, reduction="none")

    def metric(self) -> str:
        return self.distance

    def counts(self, positives: Array, negatives: Array) -> Array:
        if self.mining == "batch_all":
            return positives * negatives
        return np.where(negatives > 0, positives if self.mining == "batch_semihard" else positives > 0, 0)

    def mine(self, distance: Array, positive: Array, negative: Array, slope: Array) -> float:
        near, far = distance[positive], distance[negative]
        if self.mining == "batch_all":
            return self._all(near, far, positive, negative, slope)
        if self.mining == "batch_hard":
            chosen = np.array([np.argmax(near)])
            others = np.array([np.argmin(far)])
        else:
            order = np.argsort(far, kind="stable")
            rank = np.searchsorted(far[order], near, side="right")
            chosen, others = np.arange(near.size), order[np.minimum(rank, far.size - 1)]
        values, steep = self._loss.value_and_grad(near[chosen] - far[others], np.full(chosen.size, -1.0))
        slope[positive[chosen]] += steep
        np.subtract.at(slope, negative[others], steep)
        return float(values.sum())

    def _all(self, near: Array, far: Array, positive: Array, negative: Array, slope: Array) -> float:
        """Without listing them: sums of sorted distances up to those that each positive reaches."""
        reach, ascending = near + self.margin, np.sort(far)
        within = np.searchsorted(ascending, reach, side="left")  # so many negatives are nearer
        sums = np.concatenate([[0.0], np.cumsum(ascending)])
        slope[positive] = within
        slope[negative] = np.searchsorted(np.sort(reach), far, side="right") - reach.size
        return float(np.sum(within * reach - sums[within]))
