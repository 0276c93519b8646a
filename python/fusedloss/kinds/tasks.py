"""Work that NumPy does without holding Python's lock, dealt out to threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from .. import backend

Task = TypeVar("Task")
Result = TypeVar("Result")


def dealt(run: Callable[[Task], Result], tasks: Iterable[Task]) -> list[Result]:
    """What a function gives for each task, in their order; tasks should take a tenth of a millisecond at least.

    NumPy's warnings are silenced in it: a caller's setting does not reach other threads.
    """

    def quietly(task: Task) -> Result:
        with np.errstate(all="ignore"):
            return run(task)

    tasks = list(tasks)
    threads = min(backend.get_num_threads(), len(tasks))
    if threads < 2:
        return list(map(quietly, tasks))
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(quietly, tasks))
