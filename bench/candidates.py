"""Who is timed in a case: the loss with and without `out`, its NumPy reference, a triad, peers; all checked first."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

import fusedloss as fl

from . import peers, triad
from .cases import Case
from .timing import Stopwatch, stopwatch

PEER_TOLERANCE = {"float32": 1e-3, "float64": 1e-9}  # of a mean; theirs are added up in their precision


class WrongResultError(RuntimeError):
    """A result is not the reference's."""


class Bench:
    """A case with its operands and the results that it should give."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.operands = case.operands()
        self.arguments = case.arguments()

    @functools.cached_property
    def gradients(self) -> tuple[np.ndarray, ...]:
        """Those that a call gives unless it says otherwise."""
        return _results(self.case.loss.value_and_grad(*self.operands, **self.arguments))[1]

    @functools.cached_property
    def expected(self) -> tuple[float, tuple[np.ndarray, ...]]:
        """Value and gradients of the reference."""
        with fl.use_backend("numpy"):
            return _results(self.case.loss.value_and_grad(*self.operands, **self.arguments))

    @property
    def bytes(self) -> int:
        """What has to be read or written at least: operands and gradients."""
        return sum(array.nbytes for array in (*self.operands, *self.gradients))

    def stopwatches(self, threads: int, peer_names: Sequence[str] = (), *, check: bool = True) -> dict[str, Stopwatch]:
        """The candidates by name.

        Args:
            threads: How many the triad and the peers use; ours are told otherwise.
            peer_names: Further candidates, where they have the loss.
            check: Whether to compute their results and to compare them with the reference's.

        Raises:
            WrongResultError: One of them gives another value or gradient than the reference.
        """
        loss = self.case.loss
        outs = tuple(np.empty_like(array) for array in self.gradients)
        fresh = partial(loss.value_and_grad, *self.operands, **self.arguments)
        in_place = partial(fresh, out=outs if len(outs) > 1 else outs[0])
        tolerance = loss.facts.tolerance * float(np.finfo(self.case.dtype).eps)
        if check:
            self._check("fusedloss", fresh(), tolerance)
            self._check("fusedloss with out=", in_place(), tolerance)
        watches = {"out": _ours(in_place), "fresh": _ours(fresh), "reference": _on_references(fresh)}
        with contextlib.suppress(triad.NoCompilerError):  # which has been told by then
            watches["triad"] = self._triad(outs[0], threads)
        for name in peer_names:
            call = peers.PEERS[name].prepare(loss, self.operands, threads)
            if call is None:
                continue
            if check:
                value, grads = _results(call.run())
                scaled = tuple(np.asarray(grad) * call.grad_scale for grad in grads)
                allowed = max(call.loose * PEER_TOLERANCE[self.case.dtype], call.least)
                self._check(name, (value * call.value_scale, scaled), allowed)
            watches[name] = stopwatch(call.run)
        return watches

    def _triad(self, out: np.ndarray, threads: int) -> Stopwatch:
        """It writes where the loss writes and reads what it reads, so that neither has better addresses."""
        first, *others = self.operands
        second = next((x for x in others if x.dtype == first.dtype and x.shape == first.shape), first)
        return triad.triad(out, first, second, threads)

    def _check(self, who: str, given: tuple[Any, Any], tolerance: float) -> None:
        value, grads = _results(given)
        right, right_grads = self.expected
        if value != right and not abs(value - right) <= tolerance * max(1.0, abs(right)):  # both may be infinite
            raise WrongResultError(f"{self.case}: {who} gives the value {value!r}, the reference {right!r}")
        for grad, expected in zip(grads, right_grads, strict=True):
            if grad.shape != expected.shape or grad.dtype != expected.dtype:
                raise WrongResultError(
                    f"{self.case}: {who} gives a gradient of {grad.dtype} and shape {grad.shape}, "
                    f"the reference of {expected.dtype} and shape {expected.shape}"
                )
            error, largest = np.abs(grad - expected), np.abs(expected).max()
            if not error.max() <= tolerance * largest:
                at = np.unravel_index(error.argmax(), error.shape)
                raise WrongResultError(
                    f"{self.case}: {who} gives the gradient {grad[at].item()!r} at {tuple(map(int, at))}, "
                    f"the reference {expected[at].item()!r}"
                )


def _results(given: tuple[Any, Any]) -> tuple[float, tuple[np.ndarray, ...]]:
    """The value, and the gradients as a tuple."""
    value, grads = given
    return float(value), grads if isinstance(grads, tuple) else (grads,)


def _ours(call: Any) -> Stopwatch:
    """Each batch asks for threads anew: what other libraries' threads took from the last one is not held against it."""
    seconds = stopwatch(call)

    def with_threads(calls: int) -> float:
        fl.set_num_threads(fl.get_num_threads())
        return seconds(calls)

    return with_threads


def _on_references(call: Any) -> Stopwatch:
    seconds = stopwatch(call)

    def on_references(calls: int) -> float:
        with fl.use_backend("numpy"):
            return seconds(calls)

    return on_references
