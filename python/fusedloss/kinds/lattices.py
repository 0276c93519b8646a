"""Losses over utterances whose frames and labels make a lattice: a class is given for each of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..arrays import Array, ArrayLike, Value
from ..backend import VALUE_GRAD
from .kind import Batch
from .utterances import Utterances


class Aux(NamedTuple):
    """A value with its gradient, and when each label is given.

    Attributes:
        value: As of a call.
        grad: The gradient.
        frame: The frame in which the most probable alignment gives each label, (utterances, most labels of pred); -1
            behind the last label of an utterance, and throughout one that has no alignment or does not count.
        entropy: That of the posterior of this frame, in nats: 0 where it is certain. NaN where `frame` is -1.
    """

    value: Value
    grad: Array
    frame: Array
    entropy: Array


class Lattices(Utterances):
    """Pred's axes are those of utterances, of frames, of how many labels may have been given, and of classes."""

    def _axis(self, pred: Array) -> int:
        if pred.ndim != 4 or pred.shape[2] == 0:
            raise ValueError(f"pred must have shape (utterances, frames, most labels + 1, classes), got {pred.shape}")
        return 0

    def _check_room(self, pred: Array, starts: Array) -> None:
        most, labels = pred.shape[2] - 1, np.diff(starts)
        wrong = np.flatnonzero(labels > most)
        if wrong.size:
            raise ValueError(
                f"target_lengths must be between 0 and {most}, the labels that pred has places for, got "
                f"{labels[wrong[0]]} at index ({wrong[0]},)"
            )

    def _extent(self, frames: int, labels: int) -> tuple[slice, ...]:
        return slice(frames), slice(labels + 1)

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
        """The value, its gradient, and when the most probable alignment gives each label.

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
            >>> logits = np.zeros((1, 3, 3, 4))  # an utterance of three frames and two labels
            >>> logits[0, 1, 0, 2] = logits[0, 1, 1, 3] = 9  # the second frame gives 2, and then 3
            >>> fl.RNNT().with_aux(logits, [[2, 3]], [3], [2]).frame.tolist()
            [[1, 1]]
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
        pred = batch.inputs[0]
        shape = (pred.shape[0], pred.shape[2] - 1)
        return np.full(shape, -1, np.int64), np.full(shape, np.nan, batch.dtype)
