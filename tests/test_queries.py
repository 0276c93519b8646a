"""Losses over queries: against their references, sums over pairs and places in 50 digits, their own derivatives."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import hypothesis
import ml_dtypes
import mpmath
import numpy as np
import pytest
from closeness import assert_close
from hypothesis import strategies as st
from sampling import QUERIES

import fusedloss as fl
from fusedloss import _core

each_loss = pytest.mark.parametrize("loss", QUERIES, ids=repr)

Array = np.ndarray
ORDERS = ("value", "grad", "hess", "hvp")


def lengths_of(rng: np.random.Generator, documents: int) -> Array:
    """Queries of one document and of many, some of none."""
    cuts = np.sort(rng.integers(0, documents + 1, 2 + documents // 9))
    return np.diff(np.concatenate([[0], cuts, [documents]]))


def operands_of(
    rng: np.random.Generator, documents: int, dtype: Any = np.float64, grades: int = 5
) -> tuple[Array, Array]:
    """Scores and grades, with ties among both."""
    pred = rng.normal(0, 3, documents)
    pred = np.where(rng.random(documents) < 0.2, np.round(pred), pred)
    return pred.astype(dtype), rng.integers(0, grades, documents).astype(dtype)


def everything(loss: Any, operands: tuple[Array, ...], vector: Array | None = None, **keywords: Any) -> dict[str, Any]:
    value, grad, hess = loss.value_grad_and_hess(*operands, **keywords)
    found = {"value": value, "grad": grad, "hess": hess}
    if vector is not None:
        found["hvp"] = loss.hvp(*operands, vector=vector, **keywords)
    return found


def compare(
    loss: Any, operands: tuple[Array, Array], vector: Array, lengths: Array | None = None, **keywords: Any
) -> None:
    """Holds all results to the references' in float64.

    A derivative is a difference of sums, over partners above and below or of two probabilities: it cannot be more
    accurate than the largest of its query is. In float64 the reference rounds as often as the kernel, and rounds
    differences of scores too.
    """
    pred, target = operands
    dtype = pred.dtype if pred.dtype.itemsize >= 4 else np.dtype(np.float32)
    actual = everything(loss, operands, vector, lengths=lengths, **keywords)
    with fl.use_backend("numpy"):
        wide = (pred.astype(np.float64), target)
        expected = everything(loss, wide, vector.astype(np.float64), lengths=lengths, **keywords)
    parts = np.full(min(pred.size, 1), pred.size) if lengths is None else lengths
    query = np.repeat(np.arange(parts.size), parts)
    epsilons = loss.facts.tolerance
    if dtype == np.float64:
        epsilons = epsilons + 4 + np.sqrt(np.max(parts, initial=0)) / 2 + np.max(np.abs(pred), initial=0)
    for name, each in actual.items():
        slack = 0.0
        if name != "value":
            assert each.dtype == pred.dtype
            largest = np.zeros(parts.size)
            np.maximum.at(largest, query, np.abs(expected["hess" if name == "hvp" else name]))
            factor = np.max(np.abs(vector), initial=0) * 2 * np.max(parts, initial=0) if name == "hvp" else 1
            slack = epsilons * float(np.finfo(dtype).eps) * largest[query] * factor
            if pred.dtype.itemsize < 4:
                slack += np.abs(expected[name]) * float(ml_dtypes.finfo(pred.dtype).eps)
                slack += float(ml_dtypes.finfo(pred.dtype).smallest_subnormal)
        assert_close(each, expected[name], epsilons, dtype, slack, what=f"{loss}, {name}")


WEIGHTS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "no weight": lambda rng, n: None,
    "an item": lambda rng, n: rng.uniform(0, 2, n).astype(np.float32),
    "some zero": lambda rng, n: np.where(rng.random(n) < 0.3, 0, rng.uniform(0.5, 2, n)),
    "one for all": lambda rng, n: np.array([1.5]),
    "integers": lambda rng, n: rng.integers(0, 3, n),
    "all zero": lambda rng, n: np.zeros(n),
}


@each_loss
@pytest.mark.parametrize("weight", WEIGHTS)
def test_reductions_and_weights(loss: Any, dtype: np.dtype, reduction: str, weight: str) -> None:
    rng = np.random.default_rng(1)
    operands, lengths = operands_of(rng, 130, dtype), lengths_of(rng, 130)
    vector = rng.normal(size=130).astype(dtype)
    given = WEIGHTS[weight](rng, lengths.size)
    compare(loss.replace(reduction=reduction), operands, vector, lengths, sample_weight=given)


@each_loss
@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 127, 255, 513])
def test_sizes(loss: Any, dtype: np.dtype, size: int) -> None:
    rng = np.random.default_rng(size)
    pred, target = operands_of(rng, size, dtype)
    compare(loss, (pred, target), rng.normal(size=size).astype(dtype))
    compare(loss, (pred, rng.permutation(size) / (size + 1)), rng.normal(size=size).astype(dtype))
    compare(loss, (pred, np.ones(size)), rng.normal(size=size).astype(dtype))


@each_loss
@pytest.mark.parametrize("narrow", [np.float16, ml_dtypes.bfloat16])
def test_narrow_floats(loss: Any, narrow: Any) -> None:
    rng = np.random.default_rng(2)
    pred, target = operands_of(rng, 90, np.float32)
    compare(loss, (pred.astype(narrow), target), rng.normal(size=90).astype(np.float32), lengths_of(rng, 90))


# ---- In 50 digits ----


def softplus(x: Any) -> Any:
    return mpmath.log1p(mpmath.exp(x)) if x < 0 else x + mpmath.log1p(mpmath.exp(-x))


def exactly(loss: Any, pred: list[Any], target: list[Any], ranked_by: list[float]) -> Any:
    """The formulas of the docstrings, pair by pair and place by place; `ranked_by` gives the order of scores."""
    n = len(pred)
    if isinstance(loss, fl.ListNet):
        t = [mpmath.exp(y) for y in target] if loss.softmax_target else target
        mass = sum(t) if loss.softmax_target else mpmath.mpf(1)
        log_sum = mpmath.log(sum(mpmath.exp(s) for s in pred))
        return sum(t[i] / mass * (log_sum - pred[i]) for i in range(n))
    if isinstance(loss, fl.ListMLE):
        turned = [pred[i] for i in sorted(range(n), key=lambda i: -target[i])]
        return sum(mpmath.log(sum(mpmath.exp(s) for s in turned[k:])) - turned[k] for k in range(n))
    pairs = [(i, j) for i in range(n) for j in range(n) if target[i] > target[j]]
    logistic = {(i, j): softplus(-mpmath.mpf(loss.sigma) * (pred[i] - pred[j])) for i, j in pairs}
    if isinstance(loss, fl.PairwiseLogistic):
        return sum(logistic.values()) / (max(len(pairs), 1) if loss.normalized else 1)
    top = n if loss.k is None else loss.k
    place = {i: r for r, i in enumerate(sorted(range(n), key=lambda i: -ranked_by[i]))}
    discount = [1 / mpmath.log(r + 2, 2) for r in range(n)]
    best = sum((2**y - 1) * d for y, d in zip(sorted(target, reverse=True)[:top], discount, strict=False))
    total = mpmath.mpf(0)
    for i, j in pairs:
        if min(place[i], place[j]) < top:
            change = (2 ** target[i] - 2 ** target[j]) * abs(discount[place[i]] - discount[place[j]])
            total += change / best * logistic[i, j]
    return total


@each_loss
@pytest.mark.parametrize("isa", _core.supported_isas())
@pytest.mark.parametrize("spread", [1e-3, 1.0, 6.0, 40.0])
def test_against_fifty_digits(loss: Any, dtype: np.dtype, isa: str, spread: float) -> None:
    """Values, and gradients and Hessians by differences with a step of 1e-15."""
    rng = np.random.default_rng(3)
    before = _core.isa()
    _core.select_isa(isa)
    try:
        for n in (2, 3, 5, 8):
            pred = rng.normal(0, spread, n).astype(dtype)
            target = rng.integers(0, 4, n).astype(float)
            value, grad, hess = loss.value_grad_and_hess(pred, target)
            with mpmath.workdps(80):  # of which a second difference loses 30
                exact, slopes, bends = in_digits(loss, pred, target)
            eps = float(np.finfo(dtype).eps)
            terms = float(np.max(np.abs(slopes), initial=0))
            assert_close(value, exact, 8, dtype, what="value")
            assert_close(grad, slopes, 8, dtype, 4 * eps * terms, what="grad")
            assert_close(hess, bends, 8, dtype, 1e-25, what="hess")
    finally:
        _core.select_isa(before)


def in_digits(loss: Any, pred: Array, target: Array) -> tuple[float, Array, Array]:
    step = mpmath.mpf(10) ** -15
    wide, relevance = [mpmath.mpf(float(x)) for x in pred], [mpmath.mpf(float(y)) for y in target]
    order = [float(x) for x in pred]

    def at(i: int, way: int) -> Any:
        return exactly(loss, [x + way * step * (i == j) for j, x in enumerate(wide)], relevance, order)

    middle = exactly(loss, wide, relevance, order)
    low, high = ([at(i, way) for i in range(len(wide))] for way in (-1, 1))
    slopes = [(above - below) / (2 * step) for above, below in zip(high, low, strict=True)]
    bends = [(above - 2 * middle + below) / step**2 for above, below in zip(high, low, strict=True)]
    return float(middle), np.array(slopes, float), np.array(bends, float)


@each_loss
def test_probabilities_close_to_one(loss: Any, dtype: np.dtype) -> None:
    """Documents far apart and in order: what is left of the loss keeps its digits."""
    for gap in (10.0, 17.0, 30.0, 36.0, 60.0, 80.0):
        pred, target = np.array([2 * gap, gap, 0.0], dtype), np.array([2.0, 1.0, 0.0])
        if isinstance(loss, fl.ListNet):
            target = np.array([200.0, 0.0, 0.0]) if loss.softmax_target else np.array([1.0, 0.0, 0.0])
        value, grad, hess = loss.value_grad_and_hess(pred, target)
        with mpmath.workdps(120):
            exact, slopes, bends = in_digits(loss, pred, target)
        assert value > 0 or exact < 2 * np.finfo(dtype).smallest_subnormal
        assert_close(value, exact, 8, dtype, what="value")
        assert_close(grad, slopes, 8, dtype, 4 * float(np.finfo(dtype).eps) * np.max(np.abs(slopes)), what="grad")
        assert_close(hess, bends, 8, dtype, 1e-60, what="hess")


# ---- Derivatives of what is returned ----


@each_loss
def test_reduced_results_are_derivatives_of_the_returned_value(loss: Any, reduction: str, backend: str) -> None:
    rng = np.random.default_rng(4)
    loss = loss.replace(reduction=reduction)
    pred, target = rng.normal(size=14), rng.integers(0, 3, 14)
    lengths = np.array([5, 0, 1, 8])
    vector, weight = rng.normal(size=14), rng.uniform(0.5, 2, 4)
    keywords: dict[str, Any] = {"sample_weight": weight, "lengths": lengths}
    if reduction == "mean":
        keywords["denominator"] = 2.5
    upstream: Any = rng.normal(size=4) if reduction == "none" else -1.75
    grad, hess = loss.grad_and_hess(pred, target, cotangent=upstream, **keywords)
    product = loss.hvp(pred, target, vector=vector, cotangent=upstream, **keywords)
    step = 1e-5
    columns = []
    for i in range(14):
        moved = [pred + way * step * (np.arange(14) == i) for way in (-1, 1)]
        low, high = (float(np.sum(upstream * loss(z, target, **keywords))) for z in moved)
        assert grad[i] == pytest.approx((high - low) / (2 * step), rel=1e-6, abs=1e-7)
        below, above = (loss.grad(z, target, cotangent=upstream, **keywords) for z in moved)
        columns.append((above - below) / (2 * step))
        assert hess[i] == pytest.approx(columns[-1][i], rel=1e-6, abs=1e-7)
    np.testing.assert_allclose(product, np.array(columns).T @ vector, rtol=1e-6, atol=1e-6)


@each_loss
def test_min_hessian_is_a_floor_before_weights(loss: Any, dtype: np.dtype, backend: str) -> None:
    rng = np.random.default_rng(5)
    loss = loss.replace(reduction="sum")
    operands, lengths = operands_of(rng, 60, dtype), lengths_of(rng, 60)
    weight = rng.uniform(0, 2, lengths.size)
    grad, hess = loss.grad_and_hess(*operands, lengths=lengths, sample_weight=weight, min_hessian=0.1)
    plain = loss.grad_and_hess(*operands, lengths=lengths)[1]
    expected = np.repeat(weight, lengths) * np.maximum(plain.astype(float), 0.1)
    np.testing.assert_allclose(hess, expected, rtol=8 * float(np.finfo(dtype).eps))
    np.testing.assert_array_equal(grad, loss.grad(*operands, lengths=lengths, sample_weight=weight))


# ---- The same bits ----


def same_bits(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, each in expected.items():
        np.testing.assert_array_equal(actual[name], each, err_msg=name)
        np.testing.assert_array_equal(np.signbit(actual[name]), np.signbit(each), err_msg=name)


@each_loss
def test_numbers_of_threads_and_instruction_sets(loss: Any, dtype: np.dtype) -> None:
    rng = np.random.default_rng(6)
    operands, lengths = operands_of(rng, 20_011, dtype), lengths_of(rng, 20_011)
    vector, weight = rng.normal(size=20_011), rng.uniform(0, 2, lengths.size)
    outcomes = []
    before = _core.isa()
    try:
        for isa in [isa for isa in _core.supported_isas() if isa != "baseline"] or ["baseline"]:
            _core.select_isa(isa)
            for threads in (1, 2, 3, 8):
                with fl.num_threads(threads):
                    outcomes.append(everything(loss, operands, vector, lengths=lengths, sample_weight=weight))
    finally:
        _core.select_isa(before)
    for outcome in outcomes[1:]:
        same_bits(outcome, outcomes[0])


@each_loss
def test_a_query_does_not_depend_on_its_batch(loss: Any, dtype: np.dtype) -> None:
    rng = np.random.default_rng(7)
    loss = loss.replace(reduction="none")
    (pred, target), lengths = operands_of(rng, 300, dtype), lengths_of(rng, 300)
    vector = rng.normal(size=300)
    whole = everything(loss, (pred, target), vector, lengths=lengths)
    for q, (start, length) in enumerate(zip(np.cumsum(lengths) - lengths, lengths, strict=True)):
        part = slice(start, start + length)
        alone = everything(loss, (pred[part], target[part]), vector[part], lengths=[length])
        same_bits(alone, {name: x[q : q + 1] if name == "value" else x[part] for name, x in whole.items()})


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "reversed": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "every other": lambda x: np.repeat(x, 2)[::2],
    "unaligned": lambda x: np.frombuffer(b"." + x.tobytes(), x.dtype, offset=1),
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
}


@each_loss
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_change_no_bit(loss: Any, dtype: np.dtype, layout: str) -> None:
    rng = np.random.default_rng(8)
    loss = loss.replace(reduction="none")
    operands, lengths = operands_of(rng, 200, dtype), lengths_of(rng, 200)
    vector, weight, upstream = rng.normal(size=200), *rng.uniform(0, 2, (2, lengths.size))
    change = LAYOUTS[layout]
    expected = everything(loss, operands, vector, lengths=lengths, sample_weight=weight)
    laid = tuple(change(x) for x in operands)
    same_bits(everything(loss, laid, change(vector), lengths=change(lengths), sample_weight=change(weight)), expected)
    slope = loss.grad(*operands, lengths=lengths, cotangent=upstream)
    np.testing.assert_array_equal(loss.grad(*laid, lengths=lengths, cotangent=change(upstream)), slope)
    if layout in ("reversed", "every other"):
        out, out_hess = change(np.zeros(200, dtype)), change(np.zeros(200, dtype))
        value, grad, hess = loss.value_grad_and_hess(
            *laid, lengths=lengths, sample_weight=weight, out=out, out_hess=out_hess
        )
        assert grad is out
        assert hess is out_hess
        same_bits({"value": value, "grad": grad, "hess": hess}, {k: expected[k] for k in ("value", "grad", "hess")})


@each_loss
def test_all_orders_give_the_same_bits(loss: Any, dtype: np.dtype) -> None:
    rng = np.random.default_rng(9)
    operands, keywords = operands_of(rng, 200, dtype), {"lengths": lengths_of(rng, 200)}
    value, grad, hess = loss.value_grad_and_hess(*operands, **keywords)
    assert loss(*operands, **keywords) == value
    assert loss.value_and_grad(*operands, **keywords)[0] == value
    np.testing.assert_array_equal(loss.grad(*operands, **keywords), grad)
    for given, expected in zip(loss.grad_and_hess(*operands, **keywords), (grad, hess), strict=True):
        np.testing.assert_array_equal(given, expected)


@each_loss
def test_pred_itself_may_be_out(loss: Any, dtype: np.dtype) -> None:
    rng = np.random.default_rng(10)
    (pred, target), lengths = operands_of(rng, 200, dtype), lengths_of(rng, 200)
    expected = loss.grad(pred, target, lengths=lengths)
    before = target.copy()
    assert loss.grad(pred, target, lengths=lengths, out=pred) is pred
    np.testing.assert_array_equal(pred, expected)
    np.testing.assert_array_equal(target, before)


@each_loss
@pytest.mark.parametrize("given", ["float16", "float32", "int8", "uint16", "int64"])
def test_relevances_of_any_dtype(loss: Any, dtype: np.dtype, given: str) -> None:
    pred, target = operands_of(np.random.default_rng(11), 70, dtype)
    grad = loss.grad(pred, target.astype(given))
    assert grad.dtype == dtype
    np.testing.assert_array_equal(grad, loss.grad(pred, target))


# ---- What is an item, and what is none ----


@each_loss
def test_ids_and_lengths_say_the_same(loss: Any, backend: str) -> None:
    rng = np.random.default_rng(12)
    operands, lengths = operands_of(rng, 40), np.array([1, 20, 4, 15])
    for ids in (np.array([0, 1, 2, 3]), np.array([9, -4, 2**40, 0]), np.array([200, 3, 255, 0], np.uint8)):
        groups = np.repeat(ids, lengths)
        same_bits(everything(loss, operands, groups=groups), everything(loss, operands, lengths=lengths))
        assert loss.weight_total(operands[1], groups=groups) == loss.weight_total(operands[1], lengths=lengths) == 4
        assert loss.partial(*operands, groups=groups) == loss.partial(*operands, lengths=lengths)
    same_bits(everything(loss, operands), everything(loss, operands, lengths=[40]))
    function = getattr(fl, loss.name)
    assert function(*operands, groups=groups, **loss.options) == loss(*operands, lengths=lengths)


@each_loss
def test_queries_without_documents_or_pairs(loss: Any, dtype: np.dtype, backend: str) -> None:
    each = loss.replace(reduction="none")
    value, grad = each.value_and_grad(np.array([0.5, 1.0], dtype), [1, 1], lengths=[0, 2, 0])
    assert value[0] == value[2] == 0
    if isinstance(loss, (fl.LambdaRank, fl.PairwiseLogistic)):
        assert value[1] == 0
        assert not np.any(grad)
    for nothing in ({}, {"lengths": []}, {"lengths": [0, 0]}, {"groups": []}):
        found = everything(loss, (np.empty(0, dtype), np.empty(0)), np.empty(0), **nothing)
        assert found["value"] == 0.0
        assert found["grad"].shape == (0,)
    assert loss(np.array([0.5, 1.0], dtype), [0, 0]) == pytest.approx(
        loss([0.5, 1.0], [0, 0]), rel=1e-6
    )  # without relevant documents


@each_loss
def test_one_nan_spoils_one_query(loss: Any, dtype: np.dtype, backend: str) -> None:
    rng = np.random.default_rng(13)
    loss = loss.replace(reduction="none")
    (pred, target), lengths = operands_of(rng, 60, dtype), np.array([20, 1, 19, 20])
    usual = everything(loss, (pred, target), pred, lengths=lengths)
    for spoilt in (0, 1):
        both = [pred.copy(), target.copy()]
        both[spoilt][25] = np.nan
        there = everything(loss, tuple(both), pred, lengths=lengths)
        for name, array in there.items():
            bad = np.arange(4) == 2 if name == "value" else np.repeat(np.arange(4), lengths) == 2
            np.testing.assert_array_equal(np.isnan(array), bad, err_msg=name)
            np.testing.assert_array_equal(array[~bad], usual[name][~bad], err_msg=name)


@each_loss
def test_weight_zero_removes_a_query_altogether(loss: Any, dtype: np.dtype, backend: str) -> None:
    """Even where pred is NaN or infinite, or a relevance outside the domain."""
    rng = np.random.default_rng(14)
    (pred, target), lengths = operands_of(rng, 60, dtype), np.array([20, 1, 19, 20])
    weight = np.array([1.0, 0.5, 0.0, 2.0])
    usual = everything(loss, (pred, target), pred, lengths=lengths, sample_weight=weight)
    for filler in (np.nan, np.inf, -np.inf, -7.0):
        wild = [pred.copy(), target.copy()]
        for x in wild:
            x[21:40] = filler
        given = everything(loss, tuple(wild), pred, lengths=lengths, sample_weight=weight)
        for name, array in given.items():
            np.testing.assert_array_equal(array, usual[name], err_msg=name)
            if name != "value":
                assert not np.any(array[21:40])
    silent = loss.replace(reduction="none").grad(
        np.where(np.arange(60) < 21, pred, np.nan), target, lengths=lengths, cotangent=[1, 1, 0, 0]
    )
    assert not np.any(silent[21:])


@each_loss
def test_extremes_are_those_of_the_reference(loss: Any, dtype: np.dtype) -> None:
    loss = loss.replace(reduction="none")
    extremes = [np.inf, -np.inf, 1e38, -1e38, 1e-45, 0.0, -0.0, 88.8, -104.0]
    for pair in itertools.product(extremes, extremes):
        for target in ([0.0, 1.0, 2.0, 0.0], [2.0, 0.0, 1.0, 1.0]):
            pred = np.array([*pair, 0.5, -1.0], dtype)
            finite = pred[np.isfinite(pred)].astype(float)
            if getattr(loss, "sigma", 1.0) * np.ptp(finite) > np.finfo(dtype).max:
                continue  # the difference is rounded to infinity, as any is
            given = everything(loss, (pred, np.array(target)))
            with np.errstate(all="ignore"):
                with fl.use_backend("numpy"):
                    expected = everything(loss, (pred.astype(float), np.array(target)))
                wanted = {name: np.asarray(x).astype(dtype).astype(float) for name, x in expected.items()}
            for name, array in given.items():
                terms = np.nan_to_num(np.max(np.abs(wanted[name]), initial=0), posinf=0) if name == "grad" else 0
                slack = 16 * float(np.finfo(dtype).eps) * terms
                epsilons = 16 if dtype == np.float32 else 256  # a reference in float64 rounds differences
                assert_close(array, wanted[name], epsilons, dtype, slack, what=f"{name} {pair}")


# ---- Properties ----


@each_loss
@pytest.mark.parametrize("trait", ["convex", "symmetric", "nonnegative", "lipschitz"])
def test_traits(loss: Any, trait: str) -> None:
    """A declared trait has no counterexample among random queries; one that is not declared has."""
    rng = np.random.default_rng(15)
    each = loss.replace(reduction="none")
    lengths = np.full(500, 6)
    (pred, target), other = operands_of(rng, 3000), rng.normal(0, 3, 3000)
    declared = getattr(loss.traits, trait)
    value = each(pred, target, lengths=lengths)
    if trait == "convex":
        middle, far = each((pred + other) / 2, target, lengths=lengths), each(other, target, lengths=lengths)
        refuted = np.any(middle > (value + far) / 2 + 1e-9 * (1 + value + far))
    elif trait == "symmetric":
        refuted = not np.allclose(
            each(np.abs(pred), target, lengths=lengths), each(target, np.abs(pred), lengths=lengths)
        )
    elif trait == "nonnegative":
        refuted = np.any(value < 0)
    else:
        slope = np.max(np.abs(each.grad(100 * pred, target, lengths=lengths)))
        assert declared is None or 0.4 * declared < slope <= declared * (1 + 1e-9)
        return
    assert refuted != declared


@each_loss
@hypothesis.given(seed=st.integers(0, 2**32 - 1), cut=st.integers(0, 5))
def test_shards_add_up(loss: Any, seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    (pred, target), lengths = operands_of(rng, 50), np.array([10, 0, 15, 20, 5])
    weight = rng.uniform(0, 2, 5)
    value, grad = loss.value_and_grad(pred, target, lengths=lengths, sample_weight=weight)
    split = int(lengths[:cut].sum())
    shards = [
        (pred[:split], target[:split], {"lengths": lengths[:cut], "sample_weight": weight[:cut]}),
        (pred[split:], target[split:], {"lengths": lengths[cut:], "sample_weight": weight[cut:]}),
    ]
    sums = [loss.partial(p, t, **keywords) for p, t, keywords in shards]
    denominator = sum(loss.weight_total(t, **keywords) for _, t, keywords in shards)
    assert denominator == pytest.approx(sum(weights for _, weights in sums), rel=1e-13)
    assert sum(total for total, _ in sums) / denominator == pytest.approx(value, rel=1e-13)
    pieces = [loss.value_and_grad(p, t, denominator=denominator, **keywords) for p, t, keywords in shards]
    np.testing.assert_allclose(np.concatenate([piece for _, piece in pieces]), grad, rtol=1e-13)
    assert sum(piece for piece, _ in pieces) == pytest.approx(value, rel=1e-13)


@each_loss
@hypothesis.given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_documents_does_not_matter(loss: Any, seed: int) -> None:
    """Where there are no ties that it decides."""
    rng = np.random.default_rng(seed)
    pred, target = rng.normal(size=30), rng.permutation(30) / 10
    turn = rng.permutation(30)
    here, there = everything(loss, (pred, target)), everything(loss, (pred[turn], target[turn]))
    assert there["value"] == pytest.approx(here["value"], rel=1e-12)
    np.testing.assert_allclose(there["grad"], here["grad"][turn], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(there["hess"], here["hess"][turn], rtol=1e-10)
    assert abs(here["grad"].sum()) < 1e-12 * np.abs(here["grad"]).sum() + 1e-15  # no shift of all scores matters


def test_ties_are_broken_by_the_order_of_documents(backend: str) -> None:
    pred = np.array([0.5, 1.0, 2.0])
    assert fl.list_mle(pred, [1, 1, 0]) != fl.list_mle(pred[[1, 0, 2]], [1, 1, 0])
    assert fl.lambda_rank([0.0, 0.0, 0.0], [2, 1, 0]) == pytest.approx(
        np.log(2) * ((2 * (1 - 1 / np.log2(3))) + 3 * 0.5 + (1 / np.log2(3) - 0.5)) / (3 + 1 / np.log2(3))
    )


SCRIPT = """
import resource
import numpy as np
import fusedloss as fl
rng = np.random.default_rng(0)
pred, target = rng.normal(size=100_000).astype(np.float32), np.zeros(100_000, np.float32)
target[rng.integers(0, 100_000, 40)] = 1
for loss in (fl.ListNet(), fl.ListMLE(), fl.LambdaRank(), fl.LambdaRank(k=10), fl.PairwiseLogistic()):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loss.value_grad_and_hess(pred, target)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in other units elsewhere")
def test_memory_grows_with_documents_and_not_with_pairs() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert max(map(int, done.stdout.split())) < 100_000 * 8 * 24
