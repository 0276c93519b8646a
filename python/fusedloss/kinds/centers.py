"""Losses of vectors and of a vector for each class: a loss of pairs, of each one and that of its class."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..arrays import ArrayLike
from .all_pairs import add_at
from .angular import class_of_each
from .kind import Batch, Kind, Pass, weight_of
from .measures import Measured
from .similarities import matrix


class Centers(Kind):
    """An item is a vector."""

    orders = ("value", "grad")
    weights_first = True

    _pairs: ClassVar[Measured]  # each loss has its own, as with the plan

    # ---- What a loss provides ----

    def of_pairs(self) -> Measured:
        """The loss of a vector and its center; its reduction is not used."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        object.__setattr__(self, "_pairs", self.of_pairs())

    def _batch(self, operands: tuple[ArrayLike, ...]) -> Batch:
        embeddings, centers = matrix(operands[0], "embeddings"), matrix(operands[2], "centers")
        if centers.shape[1] != embeddings.shape[1]:
            raise ValueError(
                f"centers must have shape (classes, {embeddings.shape[1]}), as embeddings has shape "
                f"{embeddings.shape}; got {centers.shape}"
            )
        labels = class_of_each(operands[1], len(embeddings), len(centers))
        variables = {"embeddings": embeddings, "centers": centers}
        dtype = checks.precision(np.result_type(*variables.values()))
        return Batch(labels.shape, (embeddings, labels, centers), variables, dtype)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        shape = class_of_each(target, None, None).shape
        return weight_of(shape, sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_pairs(batch, job, self._pairs._run)

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return self._run_pairs(batch, job, self._pairs._run_reference)

    def _run_pairs(self, batch: Batch, job: Pass, run: Any) -> tuple[float, int]:
        embeddings, labels, centers = batch.inputs
        labels = labels.astype(np.intp)
        own = self._pairs._batch((embeddings, centers[labels]))
        to_embeddings, to_centers = job.grad or (None, None)
        pulls = None if to_centers is None else np.empty(embeddings.shape, batch.dtype)
        part = job if job.grad is None else dataclasses.replace(job, grad=(to_embeddings, pulls))
        found = run(own, part)
        if to_centers is not None and pulls is not None:
            total = np.zeros(centers.shape)
            add_at(total, labels, pulls.astype(np.float64))
            to_centers[...] = total
        return found  # type: ignore[no-any-return]
