"""Losses over utterances: an item is a stretch of frames, and labels that occur in them in their order."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from ..options import Flag, Integer, option
from .kind import Batch, Kind, Pass, weight_of


@dataclasses.dataclass(slots=True)
class UtteranceBatch(Batch):
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


class Utterances(Kind):
    """-log of a sum over all alignments of an utterance's labels with its frames."""

    blank: int = option(default=0, accepts=Integer())
    from_logits: bool = option(default=True, accepts=Flag())
    zero_infinity: bool = option(default=False, accepts=Flag())
    length_normalized: bool = option(default=False, accepts=Flag())

    orders = ("value", "grad")
    weights_first = True

    # ---- What a loss provides ----

    def reference(self, pred: Array, target: Array) -> tuple[Any, Array]:
        """The specification: value of one utterance, gradient.

        Args:
            pred: What of it is the utterance's, float64: frames first, classes last.
            target: (S,) labels.
        """
        raise NotImplementedError

    def reference_extras(self, pred: Array, target: Array) -> tuple[Array, ...] | None:
        """By-products of one utterance, None if it has no alignment."""
        raise NotImplementedError

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        """Name and options of the extension's kernel."""
        raise NotImplementedError

    # ---- What a kind provides ----

    def _axis(self, pred: Array) -> int:
        """That of the utterances, 0 or 1, frames having the other one.

        Raises:
            ValueError: pred has other axes.
        """
        raise NotImplementedError

    def _check_room(self, pred: Array, starts: Array) -> None:
        """Checks that pred has room for as many labels as each utterance has.

        Raises:
            ValueError: It has not.
        """

    def _extent(self, frames: int, labels: int) -> tuple[slice, ...]:
        """What of pred, utterances first, is an utterance's."""
        return (slice(frames),)

    # ---- What they share ----

    def _make_plan(self) -> Any:
        return backend.plan(*self.kernel(), self.reduction, None)

    def _batch(self, operands: tuple[ArrayLike, ...]) -> UtteranceBatch:
        pred = checks.floating(operands[0], "pred")
        axis = self._axis(pred)
        count, most, classes = pred.shape[axis], pred.shape[1 - axis], pred.shape[-1]
        if not -classes <= self.blank < classes:
            raise ValueError(f"blank={self.blank} is no class of pred, which has {classes}")
        blank = self.blank % classes
        frames = lengths(operands[2], "input_lengths", "frames", count, most, "pred")
        labels, starts = _labels(operands[1], operands[3], count, classes, blank)
        self._check_room(pred, starts)
        dtype = checks.precision(pred.dtype)
        return UtteranceBatch((count,), (pred,), {"pred": pred}, dtype, axis, frames, labels, starts, blank)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        given = checks.integers(target, "target_lengths", "the number of labels of each utterance")
        checks.one_axis(given, "target_lengths")
        return weight_of(given.shape, sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, UtteranceBatch)
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
        assert isinstance(batch, UtteranceBatch)
        pred = np.moveaxis(batch.inputs[0], batch.axis, 0)
        weight = np.ones(batch.shape) if job.weight is None else job.weight.astype(np.float64)
        value, grad = np.zeros(batch.shape), np.zeros(pred.shape)
        for n in np.flatnonzero(weight):
            y = batch.labels[batch.starts[n] : batch.starts[n + 1]]
            extent = self._extent(batch.frames[n], y.size)
            z = pred[n][extent].astype(np.float64)
            with np.errstate(all="ignore"):
                value[n], grad[n][extent] = self.reference(z, y)
                found = self.reference_extras(z, y) if job.extra is not None else None
            for array, each in zip(job.extra or (), found or (), strict=False):
                if array is not None:
                    array[n, : len(each)] = each
        turned = tuple(np.moveaxis(x, batch.axis, 0) for x in job.grad or () if x is not None)
        with np.errstate(all="ignore"):
            return dataclasses.replace(job, grad=turned).finish(weight, value, (grad,), ()), -1


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
    wrong = checks.first_outside(given, most + 1)
    if wrong >= 0:
        raise ValueError(
            f"{name} must be between 0 and {most}, the {what} of {of}, got {given[wrong]} at index ({wrong},)"
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
    if backend.compiled():
        joined: tuple[Array, Array] | None = backend.core.join_labels(given, size, classes, blank)
        if joined is not None:
            return joined
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
