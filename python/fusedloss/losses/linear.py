"""Losses of the logits of a linear layer, from what the layer is given."""

from __future__ import annotations

import dataclasses

from ..facts import Facts
from ..kinds.linear import LinearRows
from ..kinds.rows import Rows
from ..kinds.softmax import LogitOptions
from ..operands import HiddenWeightTarget
from .softmax import CrossEntropy


class LinearCrossEntropy(LogitOptions, HiddenWeightTarget, LinearRows):
    r"""`CrossEntropy` of the logits of a linear layer, which are never held as a whole.

    .. math:: l = \mathrm{CrossEntropy}(W h + b, y)

    An item is a row h of hidden, of shape (..., features); weight W has shape (classes, features), bias b, if there is
    one, (classes,). The target holds labels of the items' shape, or distributions of shape (..., classes). Gradients
    come in a tuple: to hidden, weight and, if it is given, bias; `wrt` selects among them, and saves the products of
    those that are not wanted. There is no Hessian.

    The logits of a chunk of rows are made, turned into their gradient where they lie, and multiplied out: beside the
    results a call takes less than 64 MB, however many rows there are. Products are NumPy's, and so are their threads
    and last bits. Arithmetic is in float64 if one of hidden, weight and bias is; weight's gradient is added up in its
    own precision. Items that are ignored or have the weight 0 cost nothing.

    Args:
        chunk: Rows of logits at a time; ``"auto"`` takes as many as 48 MB hold.
        label_smoothing: As of `CrossEntropy`, like all further options.
        temperature: T > 0.
        softcap: Bends logits into (-softcap, softcap).
        z_loss: The factor of the square of the logsumexp, >= 0.
        class_mask: (classes,) of bool: False takes a class out.
        class_weight: (classes,), >= 0.
        ignore_index: A label that takes its item out.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is neither a class nor ignored.
        TypeError: Labels are not integers; hidden, weight or bias is float16 or bfloat16.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> rng = np.random.default_rng(0)
        >>> hidden, weight, bias = rng.normal(size=(2, 5, 8)), rng.normal(size=(100, 8)), np.zeros(100)
        >>> target = rng.integers(0, 100, (2, 5))
        >>> loss = fl.LinearCrossEntropy(ignore_index=0)
        >>> value, (to_hidden, to_weight, to_bias) = loss.value_and_grad(hidden, weight, target, bias)
        >>> to_hidden.shape, to_weight.shape, to_bias.shape
        ((2, 5, 8), (100, 8), (100,))
        >>> bool(np.isclose(value, fl.cross_entropy(hidden @ weight.T + bias, target, ignore_index=0)))
        True
        >>> loss.grad(hidden, weight, target, wrt="hidden").shape  # of a frozen layer without a bias
        (2, 5, 8)
    """

    aliases = ("fused_linear_cross_entropy",)
    facts = Facts(
        task="multiclass classification",
        activation="softmax",
        likelihood="categorical",
        robustness="a wrong label costs in proportion to its logit; label smoothing limits what confidence can gain",
        smoothness="infinitely differentiable",
        samples=(
            {},
            {"chunk": 3},
            {"label_smoothing": 0.1, "chunk": 4},
            {"class_weight": (0.5, 1.0, 2.0), "chunk": 5},
            {"temperature": 2.0, "softcap": 4.0, "z_loss": 0.1, "chunk": 3},
            {"class_mask": (True, False, True), "chunk": 4},
            {"ignore_index": 1, "chunk": 2},
        ),
    )

    def of_logits(self) -> Rows:
        known = {field.name for field in dataclasses.fields(CrossEntropy)}
        return CrossEntropy(**{name: value for name, value in self.options.items() if name in known})
