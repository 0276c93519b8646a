"""Penalties: losses of parameters, which have no items."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike
from ..operands import Params
from ..options import Choice, option
from .elementwise import Elementwise
from .kind import Batch, Pass, arrays_of


class Penalty(Params):
    """The sum of an elementwise loss over all numbers of an array, or of a list of arrays."""

    reduction: Any = option(default="sum", accepts=Choice("sum"))

    adds = True
    lists = True
    penalty = True

    _numbers: ClassVar[Any]  # each loss has its own, as with the plan

    # ---- What a loss provides ----

    def of_numbers(self) -> Elementwise:
        """The loss of a number."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_numbers", self.of_numbers())

    def _batch(self, operands: tuple[Any, ...]) -> Batch:
        given = operands[0]
        if isinstance(given, (tuple, list)) and any(np.ndim(x) > 0 for x in given):
            arrays = tuple(checks.floating(x, f"params[{k}]") for k, x in enumerate(given))
            params: Any = arrays
        else:
            params = checks.floating(given, "params")
            arrays = (params,)
        dtype = np.result_type(*(checks.precision(array.dtype) for array in arrays))
        return Batch((), (params,), {"params": params}, dtype)

    def _total(self, batch: Batch, weight: Array | None) -> float:
        return 1.0

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_each(batch, job, self._numbers._run)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_each(batch, job, self._numbers._run_reference)

    def _run_each(self, batch: Batch, job: Pass, run: Any) -> tuple[float, int]:
        def part(results: Sequence[Any] | None, k: int) -> tuple[Any, ...] | None:
            return None if results is None else (list(arrays_of(results[0]))[k],)

        totals = []
        for k, array in enumerate(arrays_of(batch.inputs[0])):
            if array.size == 0:
                continue
            own = dataclasses.replace(
                job,
                cotangent=None if job.cotangent is None else np.broadcast_to(job.cotangent, array.shape),
                vector=part(job.vector, k),
                value=None,
                grad=part(job.grad, k),
                hess=part(job.hess, k),
            )
            here = Batch(array.shape, (array,), {"params": array}, checks.precision(array.dtype))
            totals.append(run(here, own)[0])
        return math.fsum(totals) if all(map(math.isfinite, totals)) else sum(totals), -1

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        raise NotImplementedError  # there are no weights
