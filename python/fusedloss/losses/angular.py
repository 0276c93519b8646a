"""Softmax losses of cosines between embeddings and classes, with a margin for an embedding's own class."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array
from ..domains import FINITE, POSITIVE, Interval
from ..facts import Facts, Traits
from ..kinds.angular import AngularMargins
from ..kinds.rows import Rows
from ..operands import EmbeddingsLabelsWeight
from ..options import Flag, Real, option
from .softmax import CrossEntropy

# Products are in the precision of the vectors, and the scale raises what they round.
SCALED = 512.0


class _OfCosines(EmbeddingsLabelsWeight, AngularMargins):
    """What both losses have: the softmax."""

    traits = Traits()

    def of_rows(self) -> Rows:
        return CrossEntropy()


class ArcFace(_OfCosines):
    r"""A softmax of the cosines to all classes, in which the angle to the own one counts as wider by a margin.

    .. math::
        l_i = -\log \frac{e^{s f(\theta_y)}}{e^{s f(\theta_y)} + \sum_{j \neq y} e^{s \cos \theta_j}}, \quad
        f(\theta) = \cos(\theta + m) - m_c, \quad \cos \theta_j = \frac{z_i \cdot w_j}{|z_i| \, |w_j|}

    From Deng et al. 2019, "ArcFace: additive angular margin loss for deep face recognition". With a weight, embeddings
    z has the shape (samples, dimensions) and weight w (classes, dimensions); both have a gradient. Without one,
    embeddings are the cosines themselves, (samples, classes), and the tuple of gradients is one of one. labels has the
    shape (samples,). An item is a sample. There is no Hessian.

    From :math:`\theta > \pi - m` on, where the cosine would rise again, f is :math:`\cos \theta - m \sin m - m_c`, as
    the authors have it; it jumps there. The angle to the own class comes from differences in double precision, not from
    an arc cosine: no angle is too small, and the gradient by the vectors is finite everywhere, also where they have one
    direction or opposite ones: no direction of a tangent is left then, and it has no part of the own class. Of given
    cosines of exactly 1 and -1, where the sine has no derivative, that is taken as 0.

    Cosines are made in blocks: beside the results a call takes 16 MB and some times what the operands take. Products
    are NumPy's, and so are their threads and last bits. A vector of length 0 has no direction, and its gradient is 0.

    Args:
        margin: m in radians, in [0, pi].
        scale: s > 0.
        easy_margin: Whether f is :math:`\cos \theta - m_c` from a right angle on, so that it stays below and the margin
            is only for those that are nearly right; the authors' option.
        cosine_margin: :math:`m_c`, of the paper's combined margin; with ``margin=0`` it is `CosFace`.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is no class.
        TypeError: Labels are not integers.
        ValueError: Embeddings without a weight are no cosines.

    Example:
        >>> import fusedloss as fl
        >>> embeddings, weight = [[3.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]]
        >>> loss = fl.ArcFace(scale=4.0)
        >>> value, (to_embeddings, to_weight) = loss.value_and_grad(embeddings, [0, 1], weight)
        >>> round(value, 6), to_embeddings.shape, to_weight.shape
        (0.949577, (2, 2), (2, 2))
        >>> round(loss([[1.0, 0.0], [0.5**0.5, 0.5**0.5]], [0, 1]), 6)
        0.949577
    """

    margin: float = option(default=0.5, accepts=Real(Interval(0, math.pi)))
    scale: float = option(default=64.0, accepts=Real(POSITIVE))
    easy_margin: bool = option(default=False, accepts=Flag())
    cosine_margin: float = option(default=0.0, accepts=Real(FINITE))

    name = "arcface"
    aliases = ("additive_angular_margin",)
    facts = Facts(
        task="learning of embeddings from classes",
        activation="softmax",
        likelihood="categorical",
        robustness="a wrong label costs in proportion to the scale and to how far its class is",
        smoothness="infinitely differentiable but at angles of 0 and pi; it jumps where the margin would pass pi",
        tolerance=SCALED,
        samples=(
            {},
            {"margin": 0.3, "scale": 8.0, "easy_margin": True},
            {"margin": 1.2, "scale": 4.0, "cosine_margin": 0.2},
        ),
    )

    def factor(self) -> float:
        return self.scale

    def bend(self, cosine: Array, sine: Array) -> tuple[Array, Array, Array]:
        m = self.margin
        widens = cosine > 0 if self.easy_margin else cosine >= -math.cos(m)
        wider = cosine * math.cos(m) - sine * math.sin(m)
        beyond = cosine if self.easy_margin else cosine - m * math.sin(m)
        bent = np.where(widens, wider, beyond) - self.cosine_margin
        return bent, np.where(widens, math.cos(m), 1.0), np.where(widens, -math.sin(m), 0.0)


class CosFace(_OfCosines):
    r"""A softmax of the cosines to all classes, in which that to the own one counts as less by a margin.

    .. math::
        l_i = -\log \frac{e^{s (\cos \theta_y - m)}}{e^{s (\cos \theta_y - m)} + \sum_{j \neq y} e^{s \cos \theta_j}},
        \quad \cos \theta_j = \frac{z_i \cdot w_j}{|z_i| \, |w_j|}

    From Wang et al. 2018, "CosFace: large margin cosine loss for deep face recognition". With a weight, embeddings z
    has the shape (samples, dimensions) and weight w (classes, dimensions); both have a gradient. Without one,
    embeddings are the cosines themselves, (samples, classes), and the tuple of gradients is one of one. labels has the
    shape (samples,). An item is a sample. There is no Hessian.

    Cosines are made in blocks: beside the results a call takes 16 MB and some times what the operands take. Products
    are NumPy's, and so are their threads and last bits. A vector of length 0 has no direction, and its gradient is 0.

    Args:
        margin: m.
        scale: s > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is no class.
        TypeError: Labels are not integers.
        ValueError: Embeddings without a weight are no cosines.

    Example:
        >>> import fusedloss as fl
        >>> embeddings, weight = [[3.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]]
        >>> loss = fl.CosFace(scale=4.0)
        >>> value, (to_embeddings, to_weight) = loss.value_and_grad(embeddings, [0, 1], weight)
        >>> round(value, 6), to_embeddings.shape, to_weight.shape
        (0.846031, (2, 2), (2, 2))
    """

    margin: float = option(default=0.35, accepts=Real(FINITE))
    scale: float = option(default=64.0, accepts=Real(POSITIVE))

    name = "cosface"
    aliases = ("large_margin_cosine", "am_softmax")
    facts = Facts(
        task="learning of embeddings from classes",
        activation="softmax",
        likelihood="categorical",
        robustness="a wrong label costs in proportion to the scale and to how far its class is",
        smoothness="infinitely differentiable",
        tolerance=SCALED,
        samples=({}, {"margin": 0.2, "scale": 8.0}),
    )

    def factor(self) -> float:
        return self.scale

    def bend(self, cosine: Array, sine: Array) -> tuple[Array, Array, Array]:
        return cosine - self.margin, np.ones_like(cosine), np.zeros_like(cosine)
