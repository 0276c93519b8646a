"""Losses over queries: an item is a query, a stretch of documents with a score and a relevance each."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .. import backend, checks
from ..arrays import Array, ArrayLike
from .kind import Batch, Kind, Pass, weight_of


@dataclasses.dataclass(slots=True)
class QueryBatch(Batch):
    """Checked operands (pred, target).

    Attributes:
        starts: The first document of each query, and the end of the last one.
    """

    starts: Array

    @property
    def lengths(self) -> Array:
        """The number of documents of each query."""
        return np.diff(self.starts)


class Queries(Kind):
    """Operands have one axis, the documents of all queries one after the other; `groups` or `lengths` part them."""

    # ---- What a loss provides ----

    def reference(self, pred: Array, target: Array) -> tuple[Any, Array, Array]:
        """The specification: value of one query, gradient, diagonal of the Hessian.

        Args:
            pred: (n,), float64.
            target: (n,), float64.
        """
        raise NotImplementedError

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        """The Hessian of one query times `vector`."""
        raise NotImplementedError

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        """Name and options of the extension's kernel."""
        raise NotImplementedError

    # ---- What the kind provides ----

    def _make_plan(self) -> Any:
        return backend.plan(*self.kernel(), self.reduction, None)

    def _batch(self, operands: tuple[Any, ...]) -> QueryBatch:
        pred = checks.floating(operands[0], "pred")
        target = checks.array(operands[1], "target")
        _one_axis(pred, "pred")
        checks.same_shape(target, pred.shape, "target")
        starts = _starts(pred.size, "pred", *operands[2:])
        dtype = checks.precision(pred.dtype)
        return QueryBatch((starts.size - 1,), (pred, target), {"pred": pred}, dtype, starts)

    def _weight_total(self, target: Any, sample_weight: ArrayLike | None) -> float:
        target, *parting = target
        array = checks.array(target, "target")
        _one_axis(array, "target")
        shape = (_starts(array.size, "target", *parting).size - 1,)
        return weight_of(shape, sample_weight)

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, QueryBatch)
        return backend.core.run_queries(
            self._plan,
            job.outputs,
            int(batch.dtype == np.float64),
            batch.inputs[0],
            batch.inputs[1],
            batch.starts,
            job.weight,
            job.cotangent,
            job.vector[0] if job.vector else None,
            job.value,
            job.grad[0] if job.grad else None,
            job.hess[0] if job.hess else None,
            job.scale,
            job.hess_floor,
            job.hess_ceiling,
        )

    def _run_reference(self, batch: Batch, job: Pass) -> tuple[float, int]:
        assert isinstance(batch, QueryBatch)
        pred, target = (x.astype(np.float64) for x in batch.inputs)
        count = batch.shape[0]
        weight = np.ones(count) if job.weight is None else job.weight.astype(np.float64)
        within = self.domain["target"].contains(target) if "target" in self.domain else np.ones(target.shape, bool)
        value, grad, hess = np.zeros(count), np.zeros(pred.shape), np.zeros(pred.shape)
        for q in range(count):
            stretch = slice(batch.starts[q], batch.starts[q + 1])
            if not (weight[q] >= 0 and (weight[q] == 0 or within[stretch].all())):
                return 0.0, q
            z, y = pred[stretch], target[stretch]
            if weight[q] == 0 or z.size == 0:
                continue
            if np.isnan(z).any() or np.isnan(y).any():
                value[q] = grad[stretch] = hess[stretch] = np.nan
                continue
            with np.errstate(all="ignore"):
                value[q], grad[stretch], hess[stretch] = self.reference(z, y)
                if job.vector is not None:
                    grad[stretch] = self.reference_hvp(z, y, job.vector[0][stretch].astype(np.float64))
        total = job.finish(weight, value, (), ())
        if job.grad is not None:
            query = np.repeat(np.arange(count), batch.lengths)
            upstream = None if job.cotangent is None else job.cotangent[query]
            with np.errstate(all="ignore"):
                dataclasses.replace(job, value=None, cotangent=upstream).finish(
                    weight[query], np.zeros(pred.shape), (grad,), (hess,)
                )
        return total, -1

    def _fault(self, batch: Batch, at: tuple[int, ...]) -> ValueError | None:
        assert isinstance(batch, QueryBatch)
        target, domain = batch.inputs[1], self.domain.get("target")
        for i in range(batch.starts[at[0]], batch.starts[at[0] + 1]):
            if domain and (error := checks.outside(target, "target", domain, (i,), np.dtype(np.float64))):
                return error
        return None


def _one_axis(x: Array, name: str) -> None:
    if x.ndim != 1:
        raise ValueError(
            f"{name} must have one axis, the documents of all queries one after the other, got shape {x.shape}; "
            f"of queries of the same length give {name}.ravel() and lengths"
        )


def _starts(documents: int, of: str, groups: ArrayLike | None = None, lengths: ArrayLike | None = None) -> Array:
    """The first document of each query, and the end of the last one; without an array, all are one query."""
    if groups is not None and lengths is not None:
        raise ValueError("groups and lengths say the same in two ways; give one of them")
    if groups is not None:
        ids = checks.integers(groups, "groups", "an id for each document")
        checks.same_shape(ids, (documents,), "groups", of)
        changes = np.flatnonzero(ids[1:] != ids[:-1]) + 1
        starts = np.concatenate([np.arange(min(documents, 1)), changes, [documents]])
        first = ids[starts[:-1]]
        if np.unique(first).size < first.size:
            seen: dict[Any, int] = {}
            for id_, start in zip(first.tolist(), starts.tolist(), strict=False):
                if id_ in seen:
                    raise ValueError(
                        f"groups must have the documents of a query side by side, but {id_} at index ({start},) comes "
                        f"again after index ({seen[id_]},); sort all arrays by groups, or number the queries anew"
                    )
                seen[id_] = start
        return starts.astype(np.int64)
    if lengths is not None:
        given = checks.integers(lengths, "lengths", "the number of documents of each query")
        checks.one_axis(given, "lengths")
        wrong = np.flatnonzero((given < 0) | (given > documents))
        if wrong.size:
            raise ValueError(
                f"lengths must be between 0 and the {documents} documents of {of}, got {given[wrong[0]]} at index "
                f"({wrong[0]},)"
            )
        starts = np.concatenate([[0], np.cumsum(given, dtype=np.int64)])
        if starts[-1] != documents:
            raise ValueError(f"lengths must add up to the {documents} documents of {of}, got {starts[-1]}")
        return starts.astype(np.int64)
    return np.array([0, documents] if documents else [0], np.int64)
