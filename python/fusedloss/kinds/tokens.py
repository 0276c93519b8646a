"""Losses over sequences of tokens, each a row of classes with a target of its own: padded, or one after the other.

A loss over rows does the work, with a weight for each token: that of its sequence, or 0 for padding.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from ..options import Flag, option
from .kind import Batch, Kind, Pass, weight_of
from .rows import RowBatch, RowOptions, Rows
from .utterances import lengths as checked_lengths


@dataclasses.dataclass(slots=True)
class TokenBatch(Batch):
    """Checked operands (pred, target).

    Attributes:
        tokens: What the loss over rows makes of them.
        sequence: Which sequence each token belongs to, of the tokens' shape.
        counts: Whether it does: it is not padding.
    """

    tokens: RowBatch
    sequence: Array
    counts: Array


class Tokens(RowOptions, Kind):
    """An item is a sequence: the sum over its tokens."""

    length_normalized: bool = option(default=False, accepts=Flag())

    _rows: ClassVar[Rows]  # each loss has its own, as with the plan

    # ---- What a loss provides ----

    def of_tokens(self) -> Rows:
        """The loss of a token, along the last axis; its reduction is not used."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_rows", self.of_tokens())

    def _batch(self, operands: tuple[Any, ...]) -> TokenBatch:
        pred, target = checks.floating(operands[0], "pred"), checks.array(operands[1], "target")
        if pred.ndim not in (2, 3):
            raise ValueError(
                "pred must have shape (sequences, tokens, classes), or (all tokens, classes) with lengths; "
                f"got {pred.shape}"
            )
        count, sequence, counts = _parted(pred.shape[:-1], "pred", *operands[2:])
        if target.shape == counts.shape:  # what stands for a label in padding is never looked at
            target = np.where(counts, checks.labels(target), target.dtype.type(0))
        tokens = self._rows._batch((pred, target))
        return TokenBatch((count,), tokens.inputs, {"pred": pred}, tokens.dtype, tokens, sequence, counts)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        target, lengths, mask = target
        array = checks.array(target, "target")
        shape = array.shape[:-1] if checks.is_float(array.dtype) else array.shape
        if len(shape) not in (1, 2):
            raise ValueError(f"target must have a label for each token, or a distribution; got shape {array.shape}")
        items = (_parted(shape, "target", lengths, mask)[0],)
        return weight_of(items, sample_weight)

    def _checked_run(self, batch: Batch, job: Pass, given_weight: ArrayLike | None) -> float:
        assert isinstance(batch, TokenBatch)
        checks.not_negative(job.weight, given_weight)
        if math.prod(batch.tokens.shape) == 0:  # sequences without tokens
            for array in (job.value, *(job.grad or ()), *(job.hess or ())):
                if array is not None:
                    array[...] = 0
            return 0.0
        return super()._checked_run(batch, job, given_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_tokens(batch, job, self._rows._run)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_tokens(batch, job, self._rows._run_reference)

    def _run_tokens(self, batch: Batch, job: Pass, run: Any) -> tuple[float, int]:
        """Runs a pass of the loss over rows."""
        assert isinstance(batch, TokenBatch)
        sequence, tokens = batch.sequence, batch.tokens
        weight = np.ones(batch.shape) if job.weight is None else job.weight.astype(np.float64)
        if self.length_normalized:
            each = self._rows._weights(tokens.inputs[1], tokens.shape, tokens.labels, tokens.axis, batch.counts)
            size = np.bincount(sequence.ravel(), each.ravel(), batch.shape[0])
            weight = np.divide(weight, size, out=np.zeros(batch.shape), where=size != 0)
        part = dataclasses.replace(
            job,
            weight=np.where(batch.counts, weight[sequence], 0.0),
            cotangent=None if job.cotangent is None else job.cotangent[sequence],
            value=None if job.value is None else np.empty(tokens.shape, batch.dtype),
        )
        total, bad = run(tokens, part)
        if job.value is not None and part.value is not None:
            job.value[...] = np.bincount(sequence.ravel(), part.value.ravel(), batch.shape[0])
        return total, bad


def _parted(
    shape: tuple[int, ...], of: str, lengths: ArrayLike | None = None, mask: ArrayLike | None = None
) -> tuple[int, Array, Array]:
    """The number of sequences, which of them each token belongs to, and whether it does.

    Args:
        shape: That of the tokens: (sequences, tokens) or (all tokens,).
        of: The operand that has it.
        lengths: How many tokens each sequence has.
        mask: Of the tokens' shape: whether it is one.
    """
    if lengths is not None and mask is not None:
        raise ValueError("lengths and mask say the same in two ways; give one of them")
    if len(shape) == 1:
        if lengths is None:
            raise ValueError(
                f"{of} has the tokens of all sequences one after the other: lengths must say how many each has"
            )
        given = checks.integers(lengths, "lengths", "the number of tokens of each sequence")
        checks.one_axis(given, "lengths")
        size = checked_lengths(given, "lengths", "tokens", given.size, shape[0], of, "sequence")
        if size.sum() != shape[0]:
            raise ValueError(f"lengths must add up to the {shape[0]} tokens of {of}, got {size.sum()}")
        return given.size, np.repeat(np.arange(given.size), size), np.ones(shape, bool)
    sequence = np.broadcast_to(np.arange(shape[0])[:, np.newaxis], shape)
    if lengths is not None:
        size = checked_lengths(lengths, "lengths", "tokens", shape[0], shape[1], of, "sequence")
        return shape[0], sequence, np.arange(shape[1]) < size[:, np.newaxis]
    if mask is None:
        return shape[0], sequence, np.ones(shape, bool)
    flags = checks.array(mask, "mask")
    if flags.dtype != np.bool_:
        raise TypeError(f"mask must be an array of bool, True for tokens that count; got {flags.dtype}")
    checks.same_shape(flags, shape, "mask", f"the tokens of {of}")
    return shape[0], sequence, flags
