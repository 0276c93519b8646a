"""Losses over utterances: an item is a stretch of frames, and labels that occur in them in their order."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike, Value
from ..backend import VALUE_GRAD
from ..options import Choice, Flag, Integer, option
from .kind import Batch, Kind, Pass, sum_of_weights


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


@dataclasses.dataclass(slots=True)
class SequenceBatch(Batch):
    """Checked operands (pred,).

    Attributes:
        axis: That of the utterances in pred; frames have the other one of the first two.
        frames: How many each utterance has.
        labels: Those of all utterances, one after the other: a copy, which nobody can change.
        starts: The first label of each utterance, and the end of the last one.
        blank: Counted from the front.
    """

    axis: int
    frames: Array
    labels: Array
    starts: Array
    blank: int


class Sequences(Kind):
    """Frames lie along the first axis of pred and utterances along the second, or the other way round."""

    blank: int = option(default=0, accepts=Integer())
    from_logits: bool = option(default=True, accepts=Flag())
    layout: str = option(default="TNC", accepts=Choice("TNC", "NTC"))
    zero_infinity: bool = option(default=False, accepts=Flag())
    length_normalized: bool = option(default=False, accepts=Flag())

    orders = ("value", "grad")

    # ---- What a loss provides ----

    def reference(self, pred: Array, target: Array) -> tuple[Any, Array]:
        """The specification: value of one utterance, gradient.

        Args:
            pred: (T, C), float64.
            target: (S,) labels.
        """
        raise NotImplementedError

    def reference_alignment(self, pred: Array, target: Array) -> tuple[Array, Array] | None:
        """Of one utterance: which label each frame has in the best alignment, or -1, and the posterior's entropy."""
        raise NotImplementedError

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        """Name and options of the extension's kernel."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        return backend.plan(*self.kernel(), self.reduction, None)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> SequenceBatch:
        pred = checks.floating(operands[0], "pred")
        if pred.ndim != 3:
            axes = "(frames, utterances, classes)" if self.layout == "TNC" else "(utterances, frames, classes)"
            raise ValueError(f"pred must have shape {axes}, as layout={self.layout!r} says, got {pred.shape}")
        axis = self.layout.index("N")
        count, most, classes = pred.shape[axis], pred.shape[1 - axis], pred.shape[2]
        if not -classes <= self.blank < classes:
            raise ValueError(f"blank={self.blank} is no class of pred, which has {classes}")
        blank = self.blank % classes
        frames = lengths(operands[2], "input_lengths", "frames", count, most, "pred")
        labels, starts = _labels(operands[1], operands[3], count, classes, blank)
        dtype = checks.precision(pred.dtype)
        return SequenceBatch((count,), (pred,), {"pred": pred}, dtype, axis, frames, labels, starts, blank)

    def _total(self, batch: Batch, weight: Array | None) -> float:
        return sum_of_weights(weight, batch.shape)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        given = checks.integers(target, "target_lengths", "the number of labels of each utterance")
        checks.one_axis(given, "target_lengths")
        weight = checks.sample_weight(sample_weight, given.shape)
        checks.not_negative(weight, sample_weight)
        return sum_of_weights(weight, given.shape)

    def _checked_run(self, batch: Batch, job: Pass, given_weight: ArrayLike | None) -> float:
        checks.not_negative(job.weight, given_weight)
        return super()._checked_run(batch, job, given_weight)

    def _fault(self, batch: Batch, at: tuple[int, ...]) -> ValueError | None:
        return None

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, SequenceBatch)
        total = backend.core.run_sequences(
            self._plan,
            job.outputs,
            int(batch.dtype == np.float64),
            batch.inputs[0],
            batch.axis,
            batch.frames,
            batch.labels,
            batch.starts,
            batch.blank,
            job.weight,
            job.cotangent,
            job.value,
            job.grad[0] if job.grad else None,
            job.scale,
            job.extra,
        )
        return total, -1

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, SequenceBatch)
        pred = np.moveaxis(batch.inputs[0], batch.axis, 0)
        weight = np.ones(batch.shape) if job.weight is None else job.weight.astype(np.float64)
        value, grad = np.zeros(batch.shape), np.zeros(pred.shape)
        for n in np.flatnonzero(weight):
            end = batch.frames[n]
            z, y = pred[n, :end].astype(np.float64), batch.labels[batch.starts[n] : batch.starts[n + 1]]
            with np.errstate(all="ignore"):
                value[n], grad[n, :end] = self.reference(z, y)
                found = self.reference_alignment(z, y) if job.extra is not None else None
                if job.extra is not None and found is not None:
                    path, position, entropy = cast("tuple[Array, Array, Array]", job.extra)
                    path[n, :end] = np.append(y, batch.blank)[found[0]]
                    position[n, :end], entropy[n, :end] = found
        turned = tuple(np.moveaxis(x, batch.axis, 0) for x in job.grad or () if x is not None)
        with np.errstate(all="ignore"):
            return dataclasses.replace(job, grad=turned).finish(weight, value, (grad,), ()), -1

    # ---- By-products ----

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
        assert isinstance(batch, SequenceBatch)
        shape = (batch.shape[0], batch.inputs[0].shape[1 - batch.axis])
        places = tuple(np.full(shape, -1, np.int64) for _ in range(2))
        return (*places, np.full(shape, np.nan, batch.dtype))


def lengths(x: ArrayLike, name: str, what: str, count: int, most: int, of: str, item: str = "utterance") -> Array:
    """How many frames or labels each item has, as a copy.

    Args:
        x: The argument.
        name: Its name.
        what: What it counts.
        count: The number of items.
        most: How many there can be.
        of: The operand that has as many.
        item: What an item is called.
    """
    given = checks.integers(x, name, f"the number of {what} of each {item}")
    if given.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},), a number for each {item}, got {given.shape}")
    wrong = np.flatnonzero((given < 0) | (given > most))
    if wrong.size:
        raise ValueError(
            f"{name} must be between 0 and {most}, the {what} of {of}, got {given[wrong[0]]} at index ({wrong[0]},)"
        )
    return given.astype(np.int64)


def _labels(target: ArrayLike, target_lengths: ArrayLike, count: int, classes: int, blank: int) -> tuple[Array, Array]:
    """The labels of all utterances one after the other, and where each one's begin and end."""
    given = checks.integers(target, "target", "labels")
    if given.ndim == 2 and given.shape[0] != count:
        raise ValueError(f"target must have a row for each of the {count} utterances of pred, got shape {given.shape}")
    if given.ndim not in (1, 2):
        raise ValueError(
            f"target must have shape ({count}, labels), or one axis with the labels of all utterances one after the "
            f"other; got {given.shape}"
        )
    size = lengths(target_lengths, "target_lengths", "labels", count, given.shape[-1], "target")
    starts = np.concatenate([[0], np.cumsum(size)])
    if given.ndim == 2:
        labels = given[np.arange(given.shape[1]) < size[:, np.newaxis]]
    elif starts[-1] == given.size:
        labels = given
    else:
        raise ValueError(f"target_lengths must add up to the {given.size} labels of target, got {starts[-1]}")
    beyond = (labels < 0) | (labels >= classes)
    wrong = np.flatnonzero(beyond | (labels == blank))
    if wrong.size:
        first = int(wrong[0])
        utterance = int(np.searchsorted(starts, first, side="right")) - 1
        at = (utterance, first - int(starts[utterance]))
        where = f"index {at if given.ndim == 2 else (first,)} (label {at[1]} of utterance {utterance})"
        if beyond[first]:
            raise IndexError(f"target {labels[first]} at {where} is out of range for {classes} classes")
        raise ValueError(f"target {labels[first]} at {where} is the blank, which is no label; choose another `blank`")
    return labels.astype(np.int64), starts
