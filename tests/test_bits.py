"""The same bits whatever the number of threads, the instruction set, the alignment and the batch around a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from sampling import CASES, Case, results

import fusedloss as fl
from fusedloss import _core

each_case = pytest.mark.parametrize("case", CASES, ids=str)
with_fma = [isa for isa in _core.supported_isas() if isa != "baseline"] or ["baseline"]

Array = np.ndarray


@contextmanager
def instruction_set(name: str) -> Iterator[None]:
    before = _core.isa()
    _core.select_isa(name)
    try:
        yield
    finally:
        _core.select_isa(before)


def assert_same_bits(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    """Signs of zeros included; which NaN it is does not count."""
    for name, each in expected.items():
        given, wanted = np.asarray(actual[name]), np.asarray(each)
        np.testing.assert_array_equal(given, wanted, err_msg=name)
        numbers = ~np.isnan(wanted)
        np.testing.assert_array_equal(np.signbit(given[numbers]), np.signbit(wanted[numbers]), err_msg=name)


def batch(case: Case, dtype: np.dtype, items: int = 4099) -> tuple[tuple[Array, ...], Array, Array]:
    """Operands with extremes among them, a vector and weights."""
    rng = np.random.default_rng(1)
    pred, target = case.operands(rng, (items,), dtype)
    if "pred" not in case.loss.domain:
        info = np.finfo(dtype)
        wild = rng.choice(
            [np.nan, np.inf, -np.inf, info.max, -info.max, info.tiny, 0.0, -0.0, 100.0, -750.0], pred.shape
        )
        pred = np.where(rng.random(pred.shape) < 0.01, wild, pred).astype(dtype)
    vector = rng.standard_normal(pred.shape).astype(dtype)
    return (pred, target), vector, rng.uniform(0, 2, case.item_shape((items,)))


@each_case
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_instruction_sets(case: Case, dtype: np.dtype, reduction: str) -> None:
    case = case.replace(reduction=reduction)
    operands, vector, weight = batch(case, dtype)
    outcomes = []
    for isa in with_fma:
        with instruction_set(isa):
            outcomes.append(results(case, operands, vector))
            weighted = results(case, operands, vector, sample_weight=weight)
            outcomes[-1] |= {f"weighted {name}": array for name, array in weighted.items()}
    for outcome in outcomes[1:]:
        assert_same_bits(outcome, outcomes[0])


@each_case
def test_numbers_of_threads(case: Case, dtype: np.dtype) -> None:
    """Enough work for several threads, in a number of items that nothing divides."""
    operands, vector, weight = batch(case, dtype, 20_011 if case.rows else 80_021)
    outcomes = []
    for n in range(1, 9):
        with fl.num_threads(n):
            outcomes.append(results(case, operands, vector, sample_weight=weight))
            plain = results(case, operands)
            outcomes[-1] |= {f"plain {name}": array for name, array in plain.items()}
    for outcome in outcomes[1:]:
        assert_same_bits(outcome, outcomes[0])


def at_offset(x: Array, offset: int) -> Array:
    """A copy that begins that many bytes after a multiple of 64."""
    memory = np.empty(x.nbytes + 192, np.uint8)
    begin = -memory.ctypes.data % 64 + offset
    view = memory[begin : begin + x.nbytes].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


@each_case
def test_byte_offsets(case: Case, dtype: np.dtype) -> None:
    operands, vector, weight = batch(case, dtype, 259)
    expected = results(case, operands, vector, sample_weight=weight)
    plain = results(case, operands)
    for offset in (0, 1, 2, 4, 8, 12, 16, 24, 32, 40, 48, 56, 60, 63):
        laid = tuple(at_offset(x, offset if i == 0 else (3 * offset) % 64) for i, x in enumerate(operands))
        given = results(case, laid, at_offset(vector, offset), sample_weight=at_offset(weight, (5 * offset) % 64))
        assert_same_bits(given, expected)
        out, out_hess = (at_offset(np.zeros_like(operands[0]), (k * offset) % 64) for k in (7, 9))
        value, grad, hess = case.loss.value_grad_and_hess(*laid, out=out, out_hess=out_hess)
        assert_same_bits({"value": value, "grad": grad, "hess": hess}, plain)


@each_case
@pytest.mark.parametrize("reduction", ["sum", "none", "mean"])
def test_an_item_does_not_depend_on_its_batch(case: Case, dtype: np.dtype, reduction: str) -> None:
    """With "sum", "none" or a given denominator."""
    case = case.replace(reduction=reduction)
    operands, vector, _ = batch(case, dtype, 203)
    keywords = {"denominator": 7.0} if reduction == "mean" else {}
    whole = results(case, operands, vector, **keywords)
    axes = [case.loss.axis if case.rows and x.ndim > 1 else -1 for x in operands]
    front = case.rows and case.loss.axis == 0

    def part(x: Array, begin: int, end: int) -> Array:
        return x[:, begin:end] if front and x.ndim > 1 else x[begin:end]

    assert len(axes) == 2
    for begin, end in ((0, 1), (1, 2), (5, 8), (17, 100), (100, 203), (202, 203)):
        few = tuple(part(x, begin, end) for x in operands)
        given = results(case, few, part(vector, begin, end), **keywords)
        expected = {name: part(x, begin, end) for name, x in whole.items() if isinstance(x, np.ndarray)}
        assert_same_bits({name: given[name] for name in expected}, expected)
