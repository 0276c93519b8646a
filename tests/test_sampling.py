"""The sampler itself: what the other tests rest on."""

from __future__ import annotations

import numpy as np
import pytest
from sampling import CASES, Case

from fusedloss.domains import Interval, Points

each_case = pytest.mark.parametrize("case", CASES, ids=str)


def position(case: Case, of: str, pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """What a kink is stated in."""
    if case.levels:
        target = target[..., np.newaxis]
    if of == "residual":
        return pred - target
    if of == "margin":
        slope, offset = case.loss.map_to_signs
        return (slope * target + offset) * pred
    if of == "gap":
        rows = np.moveaxis(pred, case.loss.axis, -1)
        gaps = rows - np.take_along_axis(rows, target[..., np.newaxis], axis=-1)
        return np.where(np.arange(rows.shape[-1]) == target[..., np.newaxis], np.inf, gaps).astype(pred.dtype)
    return pred


@each_case
def test_kinks_are_straddled_and_hit(case: Case, dtype: np.dtype) -> None:
    pred, target = case.operands(np.random.default_rng(0), (3000,), dtype)
    for kink in case.loss.kinks:
        at = position(case, kink.of, pred, target)
        close = 16 * np.finfo(dtype).eps * max(np.abs(target).max(), abs(kink.at))
        distance = at - kink.at
        assert np.sum((distance > 0) & (distance < close)) > 20
        assert np.sum((distance < 0) & (distance > -close)) > 20
        assert np.sum(at == np.asarray(kink.at, dtype)) > 20


@each_case
def test_points_can_be_kept_away_from_kinks(case: Case) -> None:
    pred, target = case.operands(np.random.default_rng(0), (3000,), away=1e-3)
    for kink in case.loss.kinks:
        assert np.abs(position(case, kink.of, pred, target) - kink.at).min() > 0.9e-3


@each_case
def test_domains_are_reached_and_kept(case: Case, dtype: np.dtype) -> None:
    for name, operand in zip(case.loss.operands, case.operands(np.random.default_rng(0), (3000,), dtype), strict=True):
        domain = case.loss.domain.get(name)
        if isinstance(domain, Points):
            assert set(np.unique(operand)) == set(domain.numbers)
        elif isinstance(domain, Interval):
            assert domain.contains(operand).all()
            if np.isfinite(domain.low) and not domain.low_open:
                assert np.sum(operand == domain.low) > 100
            if np.isfinite(domain.low):
                assert np.sum(np.abs(operand - domain.low) < 1e-3) > 100
            if np.isfinite(domain.high):
                assert np.sum(operand == domain.high) > 100
                middle = (domain.low + domain.high) / 2
                assert np.ptp(operand[np.abs(operand - middle) < 0.25]) > 0.4
            else:
                assert np.ptp(operand) > 50


@each_case
def test_targets_are_varied(case: Case) -> None:
    pred, target = case.operands(np.random.default_rng(0), (3000,))
    assert np.unique(pred).size > 1000
    if case.target == "labels":
        mask = getattr(case.loss, "class_mask", None)
        classes = case.width if mask is None else mask.sum()
        assert np.unique(target).size == classes + case.loss.further_labels
    elif case.target == "distribution":
        assert np.allclose(target.sum(axis=case.loss.axis), 1)
        assert np.sum(target == 1) > 100
    ignored = getattr(case.loss, "ignore_value", None)
    if ignored is not None:
        assert 300 < np.sum(target == ignored) < 1500
