"""Operands for any loss, made from what it declares: domains, kinks, array options, kinds of target.

A share of the points is put on the kinks and within a few units in the last place of them, another on the ends of the
domains; the rest is random. `test_sampling.py` holds the sampler to that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import fusedloss as fl
from fusedloss.domains import Interval, Points
from fusedloss.kinds.boxes import Boxes
from fusedloss.kinds.divergence import Divergences
from fusedloss.kinds.elementwise import Elementwise
from fusedloss.kinds.lovasz import SortedErrors
from fusedloss.kinds.mapsums import MapSum
from fusedloss.kinds.overlaps import Overlaps
from fusedloss.kinds.queries import Queries
from fusedloss.kinds.rows import Rows

INSTANCES: list[Any] = [cls(**options) for cls in fl.losses() for options in cls.facts.samples]
CLASSES = 5  # of a loss over rows whose options do not fix their number

Array = np.ndarray


@dataclass(frozen=True)
class Case:
    """A loss with its options, and the kind of target that it is given."""

    loss: Any
    target: str = "float"

    def __str__(self) -> str:
        return repr(self.loss) + ("" if self.target == "float" else f"-{self.target}")

    @property
    def rows(self) -> bool:
        return isinstance(self.loss, Rows)

    @property
    def width(self) -> int | None:
        """Length of the axis that array options lie along; of rows, the number of classes."""
        if isinstance(self.loss, Rows):
            arrays = [getattr(self.loss, name) for name in self.loss.class_arrays]
            sizes = [array.size - self.loss.further_labels for array in arrays if isinstance(array, np.ndarray)]
            return sizes[0] if sizes else CLASSES
        arrays = [p for p in self.loss.parameters() if isinstance(p, np.ndarray)]
        return arrays[0].size if arrays else None

    @property
    def levels(self) -> bool:
        """Whether pred has a last axis that target has not."""
        return isinstance(getattr(self.loss, "levels", None), tuple)

    @property
    def soft(self) -> bool:
        """Whether targets lie between the ends of an interval, so that a derivative is a difference of two terms."""
        return self.rows or isinstance(self.loss.domain.get("target"), Interval)

    def item_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape if self.rows or self.width is None else (*shape, self.width)

    def replace(self, **options: Any) -> Case:
        return Case(self.loss.replace(**options), self.target)

    def operands(
        self,
        rng: np.random.Generator,
        shape: tuple[int, ...] = (37,),
        dtype: Any = np.float64,
        *,
        classes: int | None = None,
        away: float = 0.0,
    ) -> tuple[Array, Array]:
        """Pred and target.

        Args:
            rng: Where random numbers come from.
            shape: The items' shape, without the axis that array options lie along.
            dtype: Of pred, and of a target that does not hold labels.
            classes: Replaces `CLASSES`.
            away: The distance from every kink; with 0 they are straddled.
        """
        if self.rows:
            return self._row_operands(rng, shape, np.dtype(dtype), classes or self.width or CLASSES, away)
        shape = self.item_shape(shape)
        target = self._targets(rng, shape[:-1] if self.levels else shape, away).astype(dtype)
        full = np.broadcast_to(target[..., np.newaxis], shape) if self.levels else target
        domain = self.loss.domain.get("pred")
        if isinstance(domain, Interval):
            pred = _within(rng, domain, shape, away)
        else:
            pred = rng.normal(0, 3, shape) + (0.0 if "target" in self.loss.domain else full)
        pred = self._around_kinks(rng, pred, full, np.dtype(dtype), away)
        return pred.astype(dtype), target

    def _targets(self, rng: np.random.Generator, shape: tuple[int, ...], away: float) -> Array:
        domain = self.loss.domain.get("target")
        if isinstance(domain, Points):
            return rng.choice(domain.numbers, shape)
        if not isinstance(domain, Interval):
            return rng.normal(0, 2, shape)
        target = _within(rng, domain, shape, 0.0 if not away else 1e-3)
        ignored = self.loss.ignored() if isinstance(self.loss, Elementwise) else None
        return target if ignored is None else np.where(rng.random(shape) < 0.2, ignored, target)

    def _row_operands(
        self, rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype, classes: int, away: float
    ) -> tuple[Array, Array]:
        domain = self.loss.domain.get("pred")
        full = (*shape, classes)
        if isinstance(domain, Interval):
            pred = _within(rng, domain, full, away)
            pred = self._around_kinks(rng, pred, np.zeros(full), dtype, away)
        else:
            pred = rng.normal(0, 3, full)
        axis = self.loss.axis
        pred = np.moveaxis(pred, -1, axis)
        mask = getattr(self.loss, "class_mask", None)
        live = np.arange(classes) if mask is None else np.flatnonzero(mask)
        if self.target == "labels":
            live = np.append(live, classes + np.arange(self.loss.further_labels))
            target = live[rng.integers(0, live.size, shape)]
            rows = np.moveaxis(pred, axis, -1)
            for kink in self.loss.kinks:
                if kink.of == "gap":
                    rows = _around_gap(rng, rows, target, kink.at, dtype, away)
            return np.ascontiguousarray(np.moveaxis(rows, -1, axis), dtype), target
        share = np.zeros(full)
        share[..., live] = rng.dirichlet(np.full(live.size, 0.5), shape).reshape(*shape, live.size)
        certain = rng.random(shape)[..., np.newaxis] < 0.2
        share = np.where(certain, np.eye(classes)[live[rng.integers(0, live.size, shape)]], share)
        share = np.moveaxis(share, -1, axis)
        return np.ascontiguousarray(pred, dtype), np.ascontiguousarray(share, dtype)

    def _around_kinks(
        self, rng: np.random.Generator, pred: Array, target: Array, dtype: np.dtype, away: float
    ) -> Array:
        """`pred` with every third point moved onto or beside a kink; with `away`, with all points kept off them."""
        domain = self.loss.domain.get("pred", Interval())
        for number, kink in enumerate(self.loss.kinks):
            sign, origin = np.ones(pred.shape), np.zeros(pred.shape)
            if kink.of == "residual":
                origin = target
            elif kink.of == "margin":
                slope, offset = self.loss.map_to_signs
                sign = slope * target + offset
            distance = sign * (pred - origin) - kink.at
            if away:
                pred = np.where(np.abs(distance) < away, origin + sign * (kink.at + 2 * away), pred)
                continue
            on = (origin + sign * kink.at).astype(dtype)
            step = rng.integers(-2, 3, pred.shape) * np.spacing(np.maximum(np.abs(on), np.finfo(dtype).tiny))
            beside = np.clip(on + step, domain.low, domain.high)
            pred = np.where(rng.integers(0, 3 * len(self.loss.kinks), pred.shape) == number, beside, pred)
        return pred


def _around_gap(rng: np.random.Generator, pred: Array, target: Array, at: float, dtype: np.dtype, away: float) -> Array:
    """Every other row with one class moved onto or beside a gap to its label; with `away`, all kept off it."""
    own = np.arange(pred.shape[-1]) == target[..., np.newaxis]
    label = np.take_along_axis(pred, target[..., np.newaxis], axis=-1).astype(dtype).astype(float)
    pred = np.where(own, label, pred)
    on = label + at
    if away:
        return np.where(~own & (np.abs(pred - on) < away), on + away * rng.uniform(1, 2, pred.shape), pred)
    beside = on.astype(dtype) + rng.integers(-2, 3, pred.shape) * np.spacing(np.abs(on).astype(dtype))
    chosen = np.arange(pred.shape[-1]) == rng.integers(0, 2 * pred.shape[-1], (*target.shape, 1))
    return np.where(~own & chosen, beside, pred)


def _within(rng: np.random.Generator, interval: Interval, shape: tuple[int, ...], away: float) -> Array:
    """Numbers of an interval: its ends, numbers close to them, others; with `away`, only the last.

    Of a half-line, where the scale is not given, the others are of several orders of magnitude, up to 100.
    """
    low, high = max(interval.low, -100.0), min(interval.high, 100.0)
    if np.isfinite(interval.low) and np.isinf(interval.high):
        numbers = np.clip(low + np.exp(rng.normal(0, 2, shape)), low + away, high)
    else:
        numbers = rng.uniform(low + away, high - away, shape)
    if away:
        return numbers
    near = np.where(rng.random(shape) < 0.5, low, high)
    near = near + (0.5 * (low + high) - near) * 10.0 ** rng.uniform(-16, 0, shape)
    which = rng.integers(0, 5, shape)
    least = near if interval.low_open else low
    return np.select([which == 0, which == 1, which == 2], [least, high, near], numbers)


QUERIES = [loss for loss in INSTANCES if isinstance(loss, Queries)]  # test_queries.py has these
OVERLAPS = [loss for loss in INSTANCES if isinstance(loss, Overlaps)]  # test_overlap.py
SORTED_ERRORS = [loss for loss in INSTANCES if isinstance(loss, SortedErrors)]  # test_lovasz.py
MAP_SUMS = [loss for loss in INSTANCES if isinstance(loss, MapSum)]  # test_mapsums.py
BOXES = [loss for loss in INSTANCES if isinstance(loss, Boxes)]  # test_boxes.py
DIVERGENCES = [loss for loss in INSTANCES if isinstance(loss, Divergences)]  # test_divergence.py
PREDICTIONS = [
    loss for loss in INSTANCES if loss.operands == ("pred", "target") and isinstance(loss, (Elementwise, Rows))
]
OTHERS = [loss for loss in INSTANCES if loss not in PREDICTIONS and isinstance(loss, Elementwise)]
"""Of several operands of one shape: test_operands.py has these. Those of a linear layer are in test_linear.py, of
utterances in test_sequences.py and test_transducers.py, of tokens in test_tokens.py."""
CASES = [
    Case(loss, target)
    for loss in PREDICTIONS
    for target in (("labels", "distribution") if isinstance(loss, Rows) else ("float",))
    if target != "distribution" or loss.takes_distributions
]


def _representatives() -> list[Case]:
    """A case for each way that data flows: what a kind does is the same for all its losses."""
    first: dict[Any, Case] = {}
    for case in CASES:
        first.setdefault((case.rows, case.target, case.levels, case.width is None), case)
    return list(first.values())


REPRESENTATIVES = _representatives()


def results(case: Case, operands: tuple[Array, ...], vector: Array | None = None, **keywords: Any) -> dict[str, Any]:
    """All that a loss gives, by name; None for an order that it has not."""
    value, grad, hess = case.loss.value_grad_and_hess(*operands, **keywords)
    given = {"value": value, "grad": grad, "hess": hess}
    if vector is not None:
        given["hvp"] = case.loss.hvp(*operands, vector=vector, **keywords)
    return given
