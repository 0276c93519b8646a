"""Losses over utterances whose frames are given a class each: the labels are what they read as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..arrays import Array, ArrayLike, Value
from ..backend import VALUE_GRAD
from ..options import Choice, option
from .kind import Batch
from .utterances import UtteranceBatch, Utterances


class Aux(NamedTuple):
    """A value with its gradient, and where the labels of each utterance are.

    Attributes:
        value: As of a call.
        grad: The gradient.
        path: The class of each frame in the most probable alignment, (utterances, frames); -1 behind the end of an
            utterance, and throughout one that has no alignment or does not count.
        position: Which label of the utterance that is, counted from 0; -1 also where it is the blank.
        entropy: That of the posterior of a frame's states (each label of the utterance, and the blanks between them),
            in nats: 0 where the alignment is certain. NaN where `path` is -1.
    """

    value: Value
    grad: Array
    path: Array
    position: Array
    entropy: Array


class Sequences(Utterances):
    """Frames lie along the first axis of pred and utterances along the second, or the other way round."""

    layout: str = option(default="TNC", accepts=Choice("TNC", "NTC"))

    def reference_alignment(self, pred: Array, target: Array) -> tuple[Array, Array] | None:
        """Of one utterance: which label each frame has in the best alignment, or -1, and the posterior's entropy."""
        raise NotImplementedError

    def _axis(self, pred: Array) -> int:
        if pred.ndim != 3:
            axes = "(frames, utterances, classes)" if self.layout == "TNC" else "(utterances, frames, classes)"
            raise ValueError(f"pred must have shape {axes}, as layout={self.layout!r} says, got {pred.shape}")
        return self.layout.index("N")

    # ---- By-products ----

    def reference_extras(self, pred: Array, target: Array) -> tuple[Array, ...] | None:
        """Path, position and entropy of each frame."""
        found = self.reference_alignment(pred, target)
        return None if found is None else (np.append(target, self.blank % pred.shape[-1])[found[0]], *found)

    def with_aux(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
    ) -> Aux:
        """The value, its gradient, and the most probable alignment of the labels with the frames.

        Args:
            pred: As in a call.
            target: As in a call.
            input_lengths: As in a call.
            target_lengths: As in a call.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.

        Example:
            >>> import numpy as np
            >>> import fusedloss as fl
            >>> logits = 3 * np.eye(3)[[0, 1, 1, 0, 2]].reshape(5, 1, 3)  # five frames of one utterance
            >>> aux = fl.CTC().with_aux(logits, [[1, 2]], [5], [2])
            >>> aux.path.tolist(), aux.position.tolist()
            ([[0, 1, 1, 0, 2]], [[-1, 0, 0, -1, 1]])
        """
        value, grad, extra = self._evaluate(
            VALUE_GRAD,
            (pred, target, input_lengths, target_lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            extra=Aux._fields[2:],
        )
        return Aux(value, grad, *extra)

    def _extras(self, batch: Batch, names: Sequence[str]) -> tuple[Array, ...]:
        assert isinstance(batch, UtteranceBatch)
        shape = (batch.shape[0], batch.inputs[0].shape[1 - batch.axis])
        places = tuple(np.full(shape, -1, np.int64) for _ in range(2))
        return (*places, np.full(shape, np.nan, batch.dtype))
