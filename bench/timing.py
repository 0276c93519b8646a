"""How times are taken: everything that is compared is measured in one run, in turns, and the median counts.

Design:
1. A stopwatch gives the seconds that so many calls take. Short calls are timed in batches, so that the clock's own time
   does not show; nothing is subtracted.
2. In each round every candidate has its turn, in random order: a disturbance or a change of the clock rate hits all.
   The rounds of a case are spread over several passes through all cases: a disturbance of some seconds hits few of
   them.
3. Before a turn there is a pause: threads of OpenMP spin for some milliseconds after their work, and those of one
   library would take a processor from the next one. Then some calls go untimed: they wake the threads and fill the
   caches.
4. A batch in which threads of this process had to wait for a processor, since something else was running, is thrown
   away and tried again a little later, a few times.
5. Slow candidates get fewer rounds, as they need fewer, and no second try.
"""

from __future__ import annotations

import contextlib
import glob
import math
import time
import timeit
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Stopwatch = Callable[[int], float]

DISTURBED = 0.25  # share of a batch's time that its threads may wait for a processor
BATCH = 2e-3  # seconds that a batch takes at least: threads that have slept are slow at first
PAUSE = 10e-3  # seconds before a turn; GNU's OpenMP spins for up to 8 ms
SLOW = 100e-3  # seconds of one call from which on a third of the rounds is enough


@dataclass(frozen=True)
class Timing:
    """Seconds a call.

    Attributes:
        median: Of the rounds.
        low: The lower quartile.
        high: The upper quartile.
        rounds: How many batches were timed.
        calls: How many calls a batch had.
    """

    median: float
    low: float
    high: float
    rounds: int
    calls: int


def stopwatch(call: Callable[[], Any]) -> Stopwatch:
    """Times a Python function; a result lives until the next one replaces it, as in a training loop."""
    return timeit.Timer("result = call()", globals={"call": call}).timeit


class Samples:
    """Times taken so far, for each candidate of a case.

    Args:
        tries: How often a batch is timed at most if it is disturbed.
    """

    def __init__(self, tries: int = 1) -> None:
        self._tries = tries
        self._calls: dict[str, int] = {}
        self._taken: dict[str, list[float]] = {}

    def add(self, stopwatches: Mapping[str, Stopwatch], rounds: int, rng: np.random.Generator) -> None:
        """Times all candidates in turns."""
        for name, seconds in stopwatches.items():
            if name not in self._calls:
                self._calls[name] = _batch(seconds)
        turns = {name: rounds if self._calls[name] else math.ceil(rounds / 3) for name in stopwatches}
        for number in range(rounds):
            for name in rng.permutation([name for name in stopwatches if number < turns[name]]):
                self._taken.setdefault(str(name), []).append(_turn(stopwatches[name], self._calls[name], self._tries))

    def timings(self) -> dict[str, Timing]:
        """What they amount to."""
        return {name: self._timing(name) for name in self._calls}

    def _timing(self, name: str) -> Timing:
        taken = self._taken[name]
        low, median, high = (float(q) for q in np.quantile(taken, (0.25, 0.5, 0.75)))
        return Timing(median, low, high, len(taken), self._calls[name] or 1)


def waited() -> float:
    """Seconds that the threads of this process have waited for a processor; 0 where the system does not tell."""
    nanoseconds = 0
    for path in glob.glob("/proc/self/task/*/schedstat"):
        with contextlib.suppress(OSError), open(path) as file:  # a thread may have ended
            nanoseconds += int(file.read().split()[1])
    return nanoseconds * 1e-9


def _turn(seconds: Stopwatch, calls: int, tries: int) -> float:
    """Seconds of a call from one batch, an undisturbed one if possible."""
    if not calls:
        time.sleep(PAUSE)
        return seconds(1)
    for attempt in range(tries):
        time.sleep(PAUSE * max(1, 10 * attempt))
        seconds(math.ceil(calls / 2))
        before = waited()
        taken = seconds(calls)
        if waited() - before <= DISTURBED * taken:
            break
    return taken / calls


def _batch(seconds: Stopwatch) -> int:
    """How many calls take `BATCH`; 0 if one call is slow."""
    first = seconds(1)  # which may have to fault in pages or to compile
    if first > 10 * SLOW or (first > SLOW and seconds(1) > SLOW):
        return 0
    calls = 1
    while (taken := seconds(calls)) < BATCH:
        calls = max(calls + 1, math.ceil(1.2 * calls * BATCH / max(taken, BATCH / 1000)))
    return calls
