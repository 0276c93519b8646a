"""Every loss, compiled, against its NumPy reference: dtypes, reductions, weights, layouts, sizes, orders."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from closeness import assert_close, reference_and_slack
from sampling import CASES, CLASSES, REPRESENTATIVES, Case, results

import fusedloss as fl
from fusedloss.backend import REDUCTIONS

each_case = pytest.mark.parametrize("case", CASES, ids=str)

Array = np.ndarray


def compare(case: Case, operands: tuple[Array, ...], vector: Array | None = None, **keywords: Any) -> None:
    """Holds all results to the references' in float64."""
    dtype = operands[0].dtype if operands[0].dtype.itemsize >= 4 else np.dtype(np.float32)
    epsilons = case.loss.facts.tolerance
    if case.rows and dtype == np.float64:  # the reference adds up in float64 too, in NumPy's order
        epsilons += np.sqrt(operands[0].shape[case.loss.axis]) / 2
    actual = results(case, operands, vector, **keywords)
    expected, slack = reference_and_slack(case, operands, epsilons, vector, **keywords)
    for name, each in actual.items():
        if isinstance(each, np.ndarray):
            assert each.dtype == operands[0].dtype or name == "value", f"{name} has dtype {each.dtype}"
        if operands[0].dtype.itemsize < 4 and name != "value":  # arithmetic is that of float32; results are rounded
            rounding = float(ml_dtypes.finfo(operands[0].dtype).eps)
            least = float(ml_dtypes.finfo(operands[0].dtype).smallest_subnormal)
            with np.errstate(over="ignore"):
                infinite = np.isinf(expected[name].astype(operands[0].dtype).astype(np.float64))
            expected[name] = np.where(infinite, np.copysign(np.inf, expected[name]), expected[name])
            slack[name] = slack[name] + np.where(infinite, 0, np.abs(expected[name]) * rounding) + least
        assert_close(each, expected[name], epsilons, dtype, slack[name], what=f"{case}, {name}")


def weights(kind: str, rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """A sample_weight for items of a shape."""
    return {
        "no weight": lambda: None,
        "an item": lambda: rng.uniform(0, 2, shape).astype(dtype),
        "some zero": lambda: np.where(rng.random(shape) < 0.3, 0, rng.uniform(0.5, 2, shape)),
        "leading axes": lambda: rng.uniform(0, 2, shape[:1]),
        "axes of length 1": lambda: rng.uniform(0, 2, (*[1] * (len(shape) - 1), shape[-1])).astype(np.float32),
        "integers": lambda: rng.integers(0, 3, shape),
        "all zero": lambda: np.zeros(shape),
    }[kind]()


WEIGHTS = ["no weight", "an item", "some zero", "leading axes", "axes of length 1", "integers", "all zero"]


PAIRS = list(zip(WEIGHTS, itertools.cycle(REDUCTIONS), strict=False))
ALL_PAIRS = list(itertools.product(WEIGHTS, REDUCTIONS))


@pytest.mark.parametrize(
    ("case", "weight", "reduction"),
    [(case, *pair) for case in CASES for pair in PAIRS]
    + [
        (case, *pair)
        for case in REPRESENTATIVES
        for pair in itertools.product(WEIGHTS, REDUCTIONS)
        if pair not in PAIRS
    ],
    ids=str,
)
def test_reductions_and_weights(case: Case, dtype: np.dtype, weight: str, reduction: str) -> None:
    rng = np.random.default_rng(1)
    case = case.replace(reduction=reduction)
    operands = case.operands(rng, (9, 11), dtype)
    vector = rng.standard_normal(operands[0].shape).astype(dtype)
    compare(case, operands, vector, sample_weight=weights(weight, rng, case.item_shape((9, 11)), dtype))


SIZES = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 255, 1023, 1025, 4097]
FEW_SIZES = [0, 1, 7, 17, 1025]


@pytest.mark.parametrize(
    ("case", "size"),
    [(case, size) for case in CASES for size in (SIZES if case in REPRESENTATIVES else FEW_SIZES)],
    ids=str,
)
def test_sizes(case: Case, dtype: np.dtype, size: int) -> None:
    """Around multiples of the lanes, of groups of lanes and of blocks."""
    operands = case.operands(np.random.default_rng(size), (size,), dtype)
    compare(case, operands, operands[0][::-1])


@pytest.mark.parametrize("case", [case for case in CASES if case.rows and case.width == CLASSES], ids=str)
@pytest.mark.parametrize("classes", [1, 2, 3, 7, 8, 15, 16, 17, 33, 63, 64, 65, 127, 255, 1000, 4097])
def test_numbers_of_classes(case: Case, dtype: np.dtype, classes: int) -> None:
    rng = np.random.default_rng(classes)
    operands = case.operands(rng, (5,), dtype, classes=classes)
    compare(case, operands)


def reverse_strided(x: Array) -> Array:
    return np.ascontiguousarray(x[tuple(slice(None, None, -1) for _ in x.shape)])[
        tuple(slice(None, None, -1) for _ in x.shape)
    ]


def spread(x: Array) -> Array:
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def unaligned(x: Array) -> Array:
    view = np.empty(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    assert not view.flags.aligned or x.itemsize == 1
    return view


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "Fortran order": np.asfortranarray,
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "reversed": reverse_strided,
    "every other": spread,
    "unaligned": unaligned,
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "read-only": read_only,
}


@each_case
def test_layouts_change_no_bit(case: Case, dtype: np.dtype) -> None:
    """Of operands, weights and outputs: items and derivatives are those of C order to the bit."""
    rng = np.random.default_rng(2)
    case = case.replace(reduction="none")
    operands = case.operands(rng, (6, 4, 5), dtype)
    weight = rng.uniform(0, 2, case.item_shape((6, 4, 5)))
    vector = rng.standard_normal(operands[0].shape).astype(dtype)
    expected = results(case, operands, vector, sample_weight=weight)
    for layout, change in LAYOUTS.items():
        laid = tuple(change(x) for x in operands)
        actual = results(case, laid, change(vector), sample_weight=change(weight))
        for name in expected:
            np.testing.assert_array_equal(actual[name], expected[name], err_msg=f"{layout}: {name}")
            if name != "value":
                assert actual[name].flags.c_contiguous, layout
                assert actual[name].dtype == dtype, layout
        if layout in ("read-only", "other byte order"):
            continue
        out, out_hess = (change(np.full(operands[0].shape, np.nan, dtype)) for _ in range(2))
        value, grad, hess = case.loss.value_grad_and_hess(*laid, sample_weight=weight, out=out, out_hess=out_hess)
        assert grad is out
        assert hess is out_hess
        for name, array in (("value", value), ("grad", grad), ("hess", hess)):
            np.testing.assert_array_equal(array, expected[name], err_msg=f"{layout}: {name}")


@each_case
def test_pred_itself_may_be_out(case: Case, dtype: np.dtype) -> None:
    pred, target = case.operands(np.random.default_rng(3), (301,), dtype)
    value, grad = case.loss.value_and_grad(pred, target)
    given = pred.copy()
    assert case.loss.value_and_grad(given, target, out=given)[0] == value
    np.testing.assert_array_equal(given, grad)
    given = pred.copy()
    grad, hess = case.loss.grad_and_hess(pred, target)
    case.loss.grad_and_hess(given, target, out_hess=given)
    np.testing.assert_array_equal(given, hess)


@each_case
def test_inputs_are_not_written(case: Case, dtype: np.dtype) -> None:
    rng = np.random.default_rng(4)
    operands = case.operands(rng, (50,), dtype)
    weight = rng.uniform(0, 2, case.item_shape((50,)))
    before = [x.copy() for x in (*operands, weight)]
    results(case, operands, operands[0], sample_weight=weight)
    for x, y in zip((*operands, weight), before, strict=True):
        np.testing.assert_array_equal(x, y)


def as_type(case: Case, target: Array, given: str) -> Array | None:
    """The target in another dtype, with numbers that this has; None if there are none."""
    if case.target == "labels" and np.dtype(given).kind in "fb":
        return None
    if getattr(case.loss.domain.get("target"), "low_open", False):  # no dtype is to turn it into 0
        target = np.where(np.abs(target) < 1, 1, target)
    if case.target == "distribution" and np.dtype(given).kind != "f":
        target = target == target.max(axis=case.loss.axis, keepdims=True)
    elif case.target == "float" and np.dtype(given).kind != "f":
        target = np.round(target)
        if np.dtype(given).kind in "ub" and np.min(target) < 0:
            if "target" in case.loss.domain:
                return None  # labels -1 and +1 have no such dtype
            target = target > 0
    return target.astype(given)


@each_case
def test_targets_of_any_dtype(case: Case, dtype: np.dtype) -> None:
    """A target is read whatever its dtype, and never changes that of results."""
    pred, target = case.operands(np.random.default_rng(5), (70,), dtype)
    for given in ("float16", "float32", "float64", "int8", "uint16", "int64", "bool"):
        narrow = as_type(case, target, given)
        if narrow is None:
            continue
        grad = case.loss.grad(pred, narrow)
        assert grad.dtype == dtype, given
        same = narrow if case.target == "labels" else narrow.astype(np.float64)
        np.testing.assert_array_equal(grad, case.loss.grad(pred, same), err_msg=given)


def composed(case: Case, classes: int) -> Case:
    """With all options at once that losses over rows share, as far as this one has them."""
    arrays = classes + case.loss.further_labels
    options: dict[str, Any] = {
        "temperature": 0.7,
        "softcap": 5.0,
        "z_loss": 0.05,
        "class_mask": np.arange(classes) != 2,
        "label_smoothing": 0.15,
        "class_weight": np.random.default_rng(classes).uniform(0.5, 2, arrays),
        "ignore_index": 1,
    }
    return case.replace(**{name: value for name, value in options.items() if hasattr(case.loss, name)})


ROWS = [case for case in CASES if case.rows]
ROW_LOSSES = {(type(case.loss), case.target): case for case in reversed(ROWS)}.values()  # the first sample of each


@pytest.mark.parametrize(
    ("case", "classes_composed"),
    [(case, 0) for case in ROWS] + [(case, n) for case in ROW_LOSSES for n in (CLASSES, 70)],
    ids=str,
)
@pytest.mark.parametrize("narrow", [np.float16, ml_dtypes.bfloat16])
def test_rows_of_narrow_floats(case: Case, classes_composed: int, narrow: Any) -> None:
    """Read and written directly; the arithmetic is that of float32, and results are its results rounded."""
    rng = np.random.default_rng(6)
    case = (composed(case, classes_composed) if classes_composed else case).replace(reduction="sum")
    arrays = any(isinstance(getattr(case.loss, name), np.ndarray) for name in case.loss.class_arrays)
    for classes in (case.width,) if arrays else (CLASSES, 70):
        pred, target = case.operands(rng, (40,), np.float32, classes=classes)
        pred, vector = pred.astype(narrow), rng.standard_normal(pred.shape).astype(narrow)
        weight = rng.uniform(0, 2, 40).astype(narrow)
        given = results(case, (pred, target), vector, sample_weight=weight)
        wide = results(case, (pred.astype(np.float32), target), vector, sample_weight=weight)
        assert given.pop("value") == wide.pop("value")
        for name, each in given.items():
            assert each.dtype == narrow
            with np.errstate(over="ignore"):
                np.testing.assert_array_equal(each, wide[name].astype(narrow), err_msg=name)


@each_case
def test_all_orders_give_the_same_bits(case: Case, dtype: np.dtype) -> None:
    """Whichever outputs are asked for."""
    operands = case.operands(np.random.default_rng(7), (333,), dtype)
    loss = case.loss
    value, grad, hess = loss.value_grad_and_hess(*operands)
    assert loss(*operands) == value
    assert loss.value_and_grad(*operands)[0] == value
    np.testing.assert_array_equal(loss.value_and_grad(*operands)[1], grad)
    np.testing.assert_array_equal(loss.grad(*operands), grad)
    for given, expected in zip(loss.grad_and_hess(*operands), (grad, hess), strict=True):
        np.testing.assert_array_equal(given, expected)


@each_case
@pytest.mark.parametrize("method", ["__call__", "value_and_grad", "grad", "grad_and_hess", "value_grad_and_hess"])
def test_plain_calls_and_general_ones_give_the_same_bits(case: Case, dtype: np.dtype, method: str) -> None:
    """The extension decides for plain calls by itself; a weight of 1 takes the general path."""
    operands = case.operands(np.random.default_rng(8), (333,), dtype)
    call = getattr(case.loss, method)
    plain = call(*operands)
    general = call(*operands, sample_weight=np.ones(1))
    if not isinstance(plain, tuple):
        plain, general = (plain,), (general,)
    for given, expected in zip(plain, general, strict=True):
        np.testing.assert_array_equal(given, expected)


@each_case
def test_cotangent_and_denominator(case: Case, dtype: np.dtype, reduction: str) -> None:
    rng = np.random.default_rng(9)
    case = case.replace(reduction=reduction)
    operands = case.operands(rng, (41,), dtype)
    vector = rng.standard_normal(operands[0].shape).astype(dtype)
    weight = rng.uniform(0, 2, case.item_shape((41,)))
    keywords: dict[str, Any] = {"sample_weight": weight}
    if reduction == "mean":
        keywords["denominator"] = 17.5
    upstream: Any = -2.5
    if reduction == "none":
        upstream = np.where(rng.random(weight.shape) < 0.2, 0, rng.standard_normal(weight.shape))
    epsilons = case.loss.facts.tolerance
    expected, slack = reference_and_slack(case, operands, epsilons, vector, **keywords)
    given = {
        "grad": case.loss.grad(*operands, cotangent=upstream, **keywords),
        "hess": case.loss.grad_and_hess(*operands, cotangent=upstream, **keywords)[1],
        "hvp": case.loss.hvp(*operands, vector=vector, cotangent=upstream, **keywords),
    }
    factor = np.asarray(upstream, np.float64)
    if case.rows and factor.ndim:
        factor = np.expand_dims(factor, case.loss.axis)
    for name, each in given.items():
        assert_close(each, expected[name] * factor, epsilons, dtype, slack[name] * np.abs(factor), what=name)


@each_case
@pytest.mark.parametrize("surrogate", ["exact", "unit"])
def test_hessian_surrogates_and_floor(case: Case, dtype: np.dtype, surrogate: str) -> None:
    if surrogate not in case.loss.hessians:
        return
    rng = np.random.default_rng(10)
    case = case.replace(reduction="sum")
    operands = case.operands(rng, (41,), dtype)
    weight = rng.uniform(0, 2, case.item_shape((41,)))
    keywords: dict[str, Any] = {"sample_weight": weight, "hessian": surrogate, "min_hessian": 0.125}
    grad, hess = case.loss.grad_and_hess(*operands, **keywords)
    _, plain_hess = case.loss.grad_and_hess(*operands)
    counts = np.expand_dims(weight, case.loss.axis) if case.rows else weight
    if getattr(case.loss, "class_weight", None) is not None or getattr(case.loss, "ignore_index", None) is not None:
        with fl.use_backend("numpy"):
            expected = case.loss.grad_and_hess(operands[0].astype(np.float64), operands[1], **keywords)[1]
    else:
        second = np.ones_like(plain_hess) if surrogate == "unit" else np.maximum(plain_hess, 0.125)
        ignored = getattr(case.loss, "ignore_value", None)
        expected = counts * np.where(operands[1] == ignored, 0, second) if ignored is not None else counts * second
    assert_close(hess, expected, 3 * case.loss.facts.tolerance, dtype, what="hess")
    np.testing.assert_array_equal(grad, case.loss.grad(*operands, sample_weight=weight))


@each_case
def test_one_nan_spoils_one_item(case: Case, dtype: np.dtype) -> None:
    """NaN in: NaN out in the value and the gradient of that item only."""
    case = case.replace(reduction="none")
    loss = case.loss
    pred, target = case.operands(np.random.default_rng(11), (70,), dtype)
    if getattr(loss, "ignore_value", None) is not None:
        target = np.where(target == loss.ignore_value, 0, target)
    if getattr(loss, "ignore_index", None) is not None:
        target = np.where(target == loss.ignore_index, 0, target) if case.target == "labels" else target
    spoilt = pred.copy()
    rows = np.moveaxis(spoilt, loss.axis, -1) if case.rows else spoilt
    rows[(13,) + (0,) * (spoilt.ndim - 1)] = np.nan
    here = results(case, (spoilt, target), np.ones_like(pred))
    there = results(case, (pred, target), np.ones_like(pred))
    for name, array in here.items():
        given, before = array, there[name]
        if case.rows and name != "value":
            given, before = np.moveaxis(given, loss.axis, -1), np.moveaxis(before, loss.axis, -1)
        bad = np.isnan(given)
        expected = np.zeros(bad.shape, bool)
        if loss.traits.shift_invariant or (case.rows and getattr(loss, "takes_logits", False)):
            mask = getattr(loss, "class_mask", None)
            expected[13] = True if mask is None or name == "value" else mask  # the derivative of what is not there is 0
        elif case.rows or name in ("hess", "hvp"):
            expected[13] = bad[13]  # which entries are is not stated; those of other items must not be
        else:
            expected[(13,) + (0,) * (bad.ndim - 1)] = True
        np.testing.assert_array_equal(bad, expected, err_msg=name)
        np.testing.assert_array_equal(np.delete(given, 13, 0), np.delete(before, 13, 0), err_msg=name)
    with fl.use_backend("numpy"):
        reference = results(case, (spoilt, target), np.ones_like(pred))
    for name, array in here.items():
        np.testing.assert_array_equal(np.isnan(array), np.isnan(reference[name]), err_msg=name)


@each_case
def test_weight_zero_removes_an_item_altogether(case: Case, dtype: np.dtype, backend: str) -> None:
    """Even where pred is NaN, or infinite, or outside the domain."""
    rng = np.random.default_rng(12)
    pred, target = case.operands(rng, (50,), dtype)
    weight = rng.uniform(0.5, 2, case.item_shape((50,)))
    weight[7] = 0
    wild = pred.copy()
    rows = np.moveaxis(wild, case.loss.axis, -1) if case.rows else wild
    outcomes = []
    for filler in (np.nan, np.inf, -np.inf, 7.0):
        rows[7] = filler
        outcomes.append(results(case, (wild, target), pred, sample_weight=weight))
        outcomes[-1]["partial"] = np.array(case.loss.partial(wild, target, sample_weight=weight))
    usual = results(case, (pred, target), pred, sample_weight=weight)
    for outcome in outcomes:
        for name, array in usual.items():
            np.testing.assert_array_equal(outcome[name], array, err_msg=name)
        np.testing.assert_array_equal(outcome["partial"], outcomes[0]["partial"])
    derivatives = [outcomes[0][name] for name in ("grad", "hess", "hvp")]
    for array in derivatives:
        assert not (np.moveaxis(array, case.loss.axis, -1) if case.rows else array)[7].any()


@pytest.mark.parametrize(
    ("case", "reduction"),
    [(case, reduction) for case in CASES for reduction in (REDUCTIONS if case in REPRESENTATIVES else ["mean"])],
    ids=str,
)
@pytest.mark.parametrize("how", ["empty", "no weight", "all ignored"])
def test_nothing_there_is_zero(case: Case, dtype: np.dtype, reduction: str, how: str, backend: str) -> None:
    case = case.replace(reduction=reduction)
    loss = case.loss
    pred, target = case.operands(np.random.default_rng(13), (0 if how == "empty" else 20,), dtype)
    weight = None
    if how == "no weight":
        weight = np.zeros(case.item_shape((20,)))
    elif how == "all ignored":
        if getattr(loss, "ignore_value", None) is not None:
            target = np.full_like(target, loss.ignore_value)
        elif getattr(loss, "ignore_index", None) is not None and case.target == "labels":
            target = np.full_like(target, loss.ignore_index)
        else:
            return
    for name, array in results(case, (pred, target), np.ones_like(pred), sample_weight=weight).items():
        assert not np.any(array), name
        assert not np.any(np.isnan(array)), name
        if name == "value" and reduction != "none":
            assert isinstance(array, float)
