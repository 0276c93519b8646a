"""Contrastive losses: each vector of a batch against all others, in blocks."""

from __future__ import annotations

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from ..domains import POSITIVE
from ..facts import Facts, Traits
from ..kinds.rows import Rows
from ..kinds.similarities import Compared, ComparesClasses, ComparesViews, two_matrices
from ..operands import AnchorPositive, EmbeddingsLabels, QueryKey, TwoViews
from ..options import Flag, Real, option
from .softmax import CrossEntropy

# Products add up in the precision of the vectors, and a low temperature raises what they round.
SIMILARITIES = 128.0


class NTXent(TwoViews, ComparesViews):
    r"""Two views of each sample find one another among all views of a batch: the loss of SimCLR.

    .. math:: l_i = -\log \frac{e^{s(i, i')}}{\sum_{j \neq i} e^{s(i, j)}}, \quad s(i, j) = \frac{\cos(z_i, z_j)}{\tau}

    From Chen et al. 2020, "A simple framework for contrastive learning of visual representations", the normalised and
    temperature-scaled cross-entropy. view1 and view2 have the shape (samples, dimensions); i' is the other view of the
    sample that i is a view of, and j runs over all other 2 samples - 1 views. An item is a view as an anchor; items
    have the shape (samples, 2). There are two gradients, and no Hessian.

    Similarities are made in blocks: beside the results a call takes 16 MB and some times what the views take, however
    many they are. Products are NumPy's, and so are their threads and last bits. A weight is that of the anchor, which
    stays among those that others are compared with.

    Args:
        temperature: :math:`\tau` > 0.
        normalize: Whether vectors are brought to length 1 first; without it s is their dot product over
            :math:`\tau`. A vector of length 0 stays, and its gradient is 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> view1, view2 = np.eye(3), np.eye(3) + 0.1
        >>> value, (first, second) = fl.NTXent(temperature=0.5).value_and_grad(view1, view2)
        >>> round(value, 6), first.shape, second.shape
        (0.51033, (3, 3), (3, 3))
    """

    temperature: float = option(default=0.07, accepts=Real(POSITIVE))
    normalize: bool = option(default=True, accepts=Flag())

    aliases = ("nt_xent", "SimCLR")
    facts = Facts(
        task="self-supervised learning of embeddings",
        activation="identity",
        likelihood="categorical over the other vectors of the batch",
        robustness="a false negative costs in proportion to its similarity; a low temperature makes it cost more",
        smoothness="infinitely differentiable",
        tolerance=SIMILARITIES,
        samples=({}, {"temperature": 0.5}, {"temperature": 2.0, "normalize": False}),
    )
    traits = Traits()

    def of_rows(self) -> Rows:
        return CrossEntropy()

    def _batch(self, operands: tuple[ArrayLike, ...]) -> Compared:
        variables = two_matrices(operands, self.variables)
        samples = len(variables["view1"])
        dtype = checks.precision(np.result_type(*variables.values()))
        item_rows = np.arange(2 * samples).reshape(2, samples).T.ravel()
        both = self.variables
        return Compared((samples, 2), tuple(variables.values()), variables, dtype, both, both, item_rows)

    @staticmethod
    def _items(x: Array) -> tuple[int, ...]:
        return len(x), 2

    def targets(self, batch: Compared, rows: slice) -> Array:
        samples = batch.shape[0]
        return (np.arange(rows.start, rows.stop) + samples) % (2 * samples)


class InfoNCE(QueryKey, ComparesViews):
    r"""Each query finds its key among all keys of a batch.

    .. math:: l_i = -\log \frac{e^{s(q_i, k_i)}}{\sum_j e^{s(q_i, k_j)}}, \quad s(q, k) = \frac{\cos(q, k)}{\tau}

    From Van den Oord, Li and Vinyals 2018, "Representation learning with contrastive predictive coding". query has the
    shape (queries, dimensions), key (keys, dimensions) with at least as many rows: key i belongs to query i, further
    ones are negatives for all. An item is a query. There are two gradients, and no Hessian. The mean of
    ``loss(query, key)`` and ``loss(key, query)`` is the loss of CLIP.

    Similarities are made in blocks: beside the results a call takes 16 MB and some times what query and key take,
    however many they are. Products are NumPy's, and so are their threads and last bits. A weight is that of the query.

    Args:
        temperature: :math:`\tau` > 0.
        normalize: Whether vectors are brought to length 1 first; without it s is their dot product over
            :math:`\tau`. A vector of length 0 stays, and its gradient is 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> query, key = np.eye(2, 3), np.eye(3)
        >>> value, (to_query, to_key) = fl.InfoNCE(temperature=1.0).value_and_grad(query, key)
        >>> round(value, 6), to_query.shape, to_key.shape
        (0.551445, (2, 3), (3, 3))
    """

    temperature: float = option(default=0.07, accepts=Real(POSITIVE))
    normalize: bool = option(default=True, accepts=Flag())

    name = "info_nce"
    aliases = ("contrastive_predictive_coding",)
    facts = Facts(
        task="self-supervised learning of embeddings",
        activation="identity",
        likelihood="categorical over the keys of the batch",
        robustness="a false negative costs in proportion to its similarity; a low temperature makes it cost more",
        smoothness="infinitely differentiable",
        tolerance=SIMILARITIES,
        samples=({}, {"temperature": 0.5}, {"temperature": 2.0, "normalize": False}),
    )
    traits = Traits()
    further = True

    def of_rows(self) -> Rows:
        return CrossEntropy()


class NPairs(AnchorPositive, ComparesViews):
    r"""Each anchor finds its positive among those of all anchors, by dot products.

    .. math:: l_i = \log \Big(1 + \sum_{j \neq i} e^{a_i \cdot p_j - a_i \cdot p_i}\Big)

    From Sohn 2016, "Improved deep metric learning with multi-class N-pair loss objective"; the paper's penalty of the
    vectors' lengths is a term of its own. anchor and positive have the shape (anchors, dimensions), each anchor of
    another class. An item is an anchor. There are two gradients, and no Hessian. It is `InfoNCE` without normalisation
    and temperature.

    Products are made in blocks: beside the results a call takes 16 MB and some times what the operands take, however
    many anchors there are. They are NumPy's, and so are their threads and last bits.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> anchor, positive = [[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 2.0]]
        >>> value, (to_anchor, to_positive) = fl.NPairs().value_and_grad(anchor, positive)
        >>> round(value, 6), to_anchor.round(4).tolist()
        (0.126928, [[-0.1192, 0.1192], [0.1192, -0.1192]])
    """

    aliases = ("n_pair", "npairs_loss", "multi_class_n_pair")
    facts = Facts(
        task="learning of embeddings from pairs",
        activation="identity",
        likelihood="categorical over the positives of the batch",
        robustness="a wrong pair costs in proportion to the difference of its products",
        smoothness="infinitely differentiable",
        tolerance=SIMILARITIES,
    )
    traits = Traits()

    def of_rows(self) -> Rows:
        return CrossEntropy()


class SupCon(EmbeddingsLabels, ComparesClasses):
    r"""Vectors of one class find one another among all vectors of a batch.

    .. math::
        l_i = -\frac{1}{|P(i)|} \sum_{p \in P(i)} \log \frac{e^{s(i, p)}}{\sum_{j \neq i} e^{s(i, j)}},
        \quad s(i, j) = \frac{\cos(z_i, z_j)}{\tau}

    From Khosla et al. 2020, "Supervised contrastive learning", its outer form and without the factor of the
    temperatures. embeddings has the shape (samples, dimensions), labels (samples,); P(i) are the others of the class of
    i. An item is a vector as an anchor; one that is alone in its class is none, and is not in the divisor of the mean.
    There is one gradient, and no Hessian.

    Similarities are made in blocks: beside the results a call takes 32 MB and some times what the embeddings take,
    however many they are. Products are NumPy's, and so are their threads and last bits. A weight is that of the anchor,
    which stays among those that others are compared with.

    Args:
        temperature: :math:`\tau` > 0.
        normalize: Whether vectors are brought to length 1 first; without it s is their dot product over
            :math:`\tau`. A vector of length 0 stays, and its gradient is 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        TypeError: Labels are not integers.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> embeddings = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]])
        >>> fl.SupCon(temperature=1.0, reduction="none")(embeddings, [0, 0, 1, 2]).round(4).tolist()
        [0.4791, 0.7034, 0.0, 0.0]
    """

    temperature: float = option(default=0.1, accepts=Real(POSITIVE))
    normalize: bool = option(default=True, accepts=Flag())

    name = "sup_con"
    aliases = ("supervised_contrastive",)
    facts = Facts(
        task="learning of embeddings from classes",
        activation="identity",
        likelihood="categorical over the other vectors of the batch",
        robustness="a wrong label costs in proportion to its similarities; a low temperature makes it cost more",
        smoothness="infinitely differentiable",
        tolerance=SIMILARITIES,
        samples=({}, {"temperature": 0.5}, {"temperature": 2.0, "normalize": False}),
    )
    traits = Traits()

    def of_rows(self) -> Rows:
        return CrossEntropy()

    def targets(self, batch: Compared, rows: slice) -> Array:
        assert batch.codes is not None
        assert batch.counts is not None
        share = np.divide(1.0, np.maximum(batch.counts[rows], 1)).astype(batch.dtype)
        target: Array = (batch.codes[rows, np.newaxis] == batch.codes) * share[:, np.newaxis]
        target[np.arange(len(target)), np.arange(rows.start, rows.stop)] = 0
        return target
