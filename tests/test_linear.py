"""Losses of a linear layer's logits: against the formula with all logits at once, and what chunks must not change."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from closeness import assert_close

import fusedloss as fl
from fusedloss.kinds import linear
from fusedloss.kinds.rows import RowOptions
from fusedloss.kinds.softmax import LogitOptions

Array = np.ndarray

CLASSES, FEATURES = 7, 6

OPTIONS: list[dict[str, Any]] = [
    {},
    {"label_smoothing": 0.3},
    {"class_weight": np.linspace(0.2, 2, CLASSES)},
    {"ignore_index": 2},
    {"ignore_index": -100, "label_smoothing": 0.1, "class_weight": np.arange(CLASSES) / 2},
]
each_options = pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "default")
each_target = pytest.mark.parametrize("kind", ["labels", "distribution"])
each_bias = pytest.mark.parametrize("with_bias", [False, True], ids=["no bias", "bias"])


def operands_of(
    shape: tuple[int, ...], kind: str = "labels", with_bias: bool = True, dtype: Any = np.float64, seed: int = 0
) -> tuple[Array, ...]:
    """Random hidden, weight, target and bias."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(0, 1, (*shape, FEATURES)).astype(dtype)
    weight = rng.normal(0, 1, (CLASSES, FEATURES)).astype(dtype)
    target: Any = np.asarray(rng.integers(0, CLASSES, shape))
    if kind == "distribution":
        target = rng.dirichlet(np.ones(CLASSES), shape).astype(dtype)
    return (hidden, weight, target, *([rng.normal(0, 1, CLASSES).astype(dtype)] if with_bias else []))


def formula(
    loss: Any,
    hidden: Array,
    weight: Array,
    target: Array,
    bias: Any = 0.0,
    sample_weight: Any = 1.0,
    cotangent: Any = 1.0,
    denominator: float | None = None,
) -> tuple[Any, tuple[Array, ...]]:
    """The value and the gradients in float64, with the array of all logits; sample_weight has the items' shape."""
    hidden, weight = hidden.astype(float), weight.astype(float)
    shape, classes = hidden.shape[:-1], len(weight)
    logits = (hidden @ weight.T + np.asarray(bias, float)).reshape(-1, classes)
    counts = np.broadcast_to(np.asarray(sample_weight, float), shape).ravel().copy()
    if target.ndim == len(shape):
        labels = np.where(target.ravel() == loss.ignore_index, 0, target.ravel())
        counts[target.ravel() == loss.ignore_index] = 0
        y = np.eye(classes)[labels]
    else:
        y = target.astype(float).reshape(-1, classes)
    if loss.class_weight is not None:
        counts *= y @ loss.class_weight
    t = (1 - loss.label_smoothing) * y + loss.label_smoothing / classes
    top = logits.max(axis=1, keepdims=True)
    log_sum = top + np.log(np.sum(np.exp(logits - top), axis=1, keepdims=True))
    items = counts * np.sum(t * (log_sum - logits), axis=1)
    divisor = {"mean": counts.sum(), "batchmean": shape[0] if shape else 1}.get(loss.reduction, 1.0)
    divisor = divisor if denominator is None else denominator
    slope = counts / divisor * np.broadcast_to(np.asarray(cotangent, float), shape).ravel()
    grad = slope[:, None] * (t.sum(axis=1, keepdims=True) * np.exp(logits - log_sum) - t)
    value = items.reshape(shape) if loss.reduction == "none" else items.sum() / divisor
    rows = hidden.reshape(-1, hidden.shape[-1])
    return value, ((grad @ weight).reshape(hidden.shape), grad.T @ rows, grad.sum(axis=0))


def hold(actual: Any, expected: Any, dtype: Any, what: str) -> None:
    """Both are sums over classes, features and items: close relative to the largest of each array."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    slack = 40 * np.finfo(dtype).eps * np.max(np.abs(expected), initial=0.0)
    assert_close(actual, expected, 40, dtype, slack, what=what)


# ---- Results ----


@each_options
@each_target
@each_bias
@pytest.mark.parametrize(("shape", "chunk"), [((), 1), ((9,), "auto"), ((9,), 4), ((2, 3, 4), 5)], ids=str)
def test_against_the_formula(
    options: dict[str, Any],
    kind: str,
    with_bias: bool,
    shape: tuple[int, ...],
    chunk: Any,
    dtype: np.dtype,
    reduction: str,
    backend: str,
) -> None:
    if reduction == "batchmean" and not shape:
        return
    loss = fl.LinearCrossEntropy(reduction=reduction, chunk=chunk, **options)
    operands = operands_of(shape, kind, with_bias, dtype)
    rng = np.random.default_rng(1)
    keywords: dict[str, Any] = {"sample_weight": np.asarray(rng.choice([0, 0.5, 1.75], shape, p=[0.3, 0.4, 0.3]))}
    if reduction == "mean":
        keywords["denominator"] = 3.5
    upstream: Any = np.asarray(rng.normal(size=shape)) if reduction == "none" else -1.5
    value, grads = loss.value_and_grad(*operands, cotangent=upstream, **keywords)
    expected, slopes = formula(loss, *operands, cotangent=upstream, **keywords)
    hold(value, expected, dtype, "value")
    hold(loss(*operands, **keywords), expected, dtype, "value alone")
    assert len(grads) == 2 + with_bias
    for name, grad, slope, operand in zip(loss.variables, grads, slopes, (*operands[:2], operands[-1]), strict=False):
        assert (grad.shape, grad.dtype) == (operand.shape, dtype)
        hold(grad, slope, dtype, name)


@each_options
@each_target
@each_bias
def test_without_weights(options: dict[str, Any], kind: str, with_bias: bool, reduction: str, backend: str) -> None:
    """The divisor of a mean is that of all chunks."""
    loss = fl.LinearCrossEntropy(reduction=reduction, chunk=4, **options)
    operands = operands_of((9,), kind, with_bias)
    value, grads = loss.value_and_grad(*operands)
    expected, slopes = formula(loss, *operands)
    hold(value, expected, float, "value")
    for grad, slope in zip(grads, slopes, strict=False):
        hold(grad, slope, float, "gradient")


@pytest.mark.parametrize("sample", fl.CrossEntropy.facts.samples, ids=str)
@each_target
def test_every_option_of_cross_entropy_is_there(sample: dict[str, Any], kind: str, backend: str) -> None:
    """But those of logits that are given as an array: where their classes are, and whether they are probabilities."""
    loss = fl.LinearCrossEntropy()
    missing = set(fl.CrossEntropy().options) - set(loss.options)
    assert missing == {"axis", "from_logits", "eps"}
    for options in (LogitOptions, RowOptions):
        assert {field.name for field in dataclasses.fields(options)} <= set(loss.options)
    if missing & set(sample):
        return
    rng = np.random.default_rng(2)
    arrays = [value for value in sample.values() if isinstance(value, tuple)]
    classes = len(arrays[0]) if arrays else 3
    live = np.flatnonzero(sample.get("class_mask", np.ones(classes)))
    hidden, weight = rng.normal(size=(8, 5)), rng.normal(size=(classes, 5))
    target = rng.choice(live, 8) if kind == "labels" else np.zeros((8, classes))
    if kind != "labels":
        target[:, live] = rng.dirichlet(np.ones(live.size), 8)
    value, (to_hidden, to_weight) = loss.replace(chunk=3, **sample).value_and_grad(hidden, weight, target)
    expected, grad = fl.CrossEntropy(**sample).value_and_grad(hidden @ weight.T, target)
    hold(value, expected, float, "value")
    hold(to_hidden, grad @ weight, float, "hidden")
    hold(to_weight, grad.T @ hidden, float, "weight")


@each_options
@each_target
@each_bias
def test_gradients_are_derivatives_of_the_returned_value(
    options: dict[str, Any], kind: str, with_bias: bool, reduction: str, backend: str
) -> None:
    loss = fl.LinearCrossEntropy(reduction=reduction, chunk=2, **options)
    hidden, weight, target, *bias = operands_of((5,), kind, with_bias, seed=3)
    rng = np.random.default_rng(4)
    variables = [hidden, weight, *bias]
    directions = [rng.normal(size=x.shape) for x in variables]
    keywords = {"sample_weight": rng.uniform(0.5, 2, 5)}
    upstream: Any = rng.normal(size=5) if reduction == "none" else 0.75

    def value(*steps: float) -> float:
        moved = [x + step * way for x, step, way in zip(variables, steps, directions, strict=True)]
        return float(np.sum(upstream * loss(moved[0], moved[1], target, *moved[2:], **keywords)))

    grads = loss.grad(hidden, weight, target, *bias, cotangent=upstream, **keywords)
    h = 1e-4
    for k, (grad, way) in enumerate(zip(grads, directions, strict=True)):
        one = np.eye(len(variables))[k] * h
        slope = (8 * (value(*one) - value(*-one)) - (value(*2 * one) - value(*-2 * one))) / (12 * h)
        assert np.sum(grad * way) == pytest.approx(slope, rel=1e-9, abs=1e-9)


# ---- Chunks and blocks ----


def test_chunks_and_blocks_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch, dtype: np.dtype) -> None:
    operands = operands_of((23,), dtype=dtype)
    expected = formula(fl.LinearCrossEntropy(), *operands)[1]
    for chunk_bytes in (1, 500, 10**6):
        for block_bytes in (1, 3 * FEATURES * dtype.itemsize, 10**6):
            monkeypatch.setattr(linear, "CHUNK_BYTES", chunk_bytes)
            monkeypatch.setattr(linear, "BLOCK_BYTES", block_bytes)
            for change in (np.asarray, np.asfortranarray, every_other):
                hidden, weight, target, bias = operands
                grads = fl.LinearCrossEntropy().grad(hidden, change(weight), target, bias)
                for grad, slope in zip(grads, expected, strict=True):
                    hold(grad, slope, dtype, "gradient")


def test_an_automatic_chunk_is_as_long_as_memory_allows() -> None:
    loss = fl.LinearCrossEntropy()
    for rows, row_bytes in ((4096, 128_000), (1, 80), (5000, 8 * 10**6), (3, 10**9)):
        chunk = loss._chunk(rows, row_bytes)
        assert 1 <= chunk <= rows
        assert chunk == 1 or chunk * row_bytes <= linear.CHUNK_BYTES
        assert chunk == rows or (2 * chunk + 1) * row_bytes > linear.CHUNK_BYTES
    assert loss._chunk(0, 80) == loss.replace(chunk=5)._chunk(0, 80) == 1


@pytest.mark.parametrize("classes", [3, 100, 5000, 300_000])
@each_target
def test_rows_may_be_overwritten_by_their_gradient(classes: int, kind: str, dtype: np.dtype) -> None:
    """As a chunk's are: short, long, and too long for their exponentials to be kept."""
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 3, (5, classes)).astype(dtype)
    target = rng.integers(0, classes, 5) if kind == "labels" else rng.random((5, classes)).astype(dtype) / classes
    for smoothing in (0.0, 0.1):
        loss = fl.CrossEntropy(label_smoothing=smoothing)
        value, grad = loss.value_and_grad(logits, target)
        buffer = np.zeros((5, classes + 3), dtype)[:, :classes]
        buffer[...] = logits
        assert loss.value_and_grad(buffer, target, out=buffer)[0] == value
        np.testing.assert_array_equal(buffer, grad)


@pytest.mark.parametrize(
    ("rows", "features", "classes", "kind", "dtype", "change"),
    [
        (4096, 512, 32000, "labels", np.float32, np.asarray),
        (4096, 8, 32000, "labels", np.float64, np.asarray),
        (600, 8, 32000, "distribution", np.float32, np.asarray),
        (20_000, 1000, 3, "labels", np.float32, np.asarray),
        (1024, 256, 32000, "labels", np.float32, lambda x: every_other(x)),
        (1024, 256, 32000, "labels", np.float64, lambda x: x.astype(np.float32)),
    ],
    ids=["labels", "float64", "distributions", "few classes", "a strided weight", "a weight of another dtype"],
)
def test_beside_the_results_little_memory_is_taken(
    rows: int, features: int, classes: int, kind: str, dtype: Any, change: Callable[[Array], Array]
) -> None:
    rng = np.random.default_rng(6)
    hidden = rng.standard_normal((rows, features), np.float32).astype(dtype)
    weight = change(rng.standard_normal((classes, features), np.float32).astype(dtype))
    bias = np.zeros(classes, dtype)
    target = rng.integers(0, classes, rows)
    if kind == "distribution":
        target = np.full((rows, classes), 1 / classes, dtype)
    out = (np.empty_like(hidden), np.empty(weight.shape, weight.dtype), np.empty_like(bias))
    loss = fl.LinearCrossEntropy(label_smoothing=0.1)
    tracemalloc.start()
    try:
        loss.value_and_grad(hidden, weight, target, bias, out=out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows * (classes + features) * np.dtype(dtype).itemsize > 70e6, "all logits and rows would take more"
    assert peak < 64e6, f"{peak / 1e6:.1f} MB"


def test_same_bits_for_any_number_of_threads_and_every_time(dtype: np.dtype) -> None:
    rng = np.random.default_rng(7)
    hidden, weight = rng.normal(size=(300, 16)).astype(dtype), rng.normal(size=(2000, 16)).astype(dtype)
    target = rng.integers(0, 2000, 300)
    found = set()
    for threads in (1, 2, 5, 2):
        with fl.num_threads(threads):
            value, grads = fl.LinearCrossEntropy(chunk=100).value_and_grad(hidden, weight, target)
        found.add((value, *(grad.tobytes() for grad in grads)))
    assert len(found) == 1


# ---- Operands as they come ----


def every_other(x: Array) -> Array:
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def unaligned(x: Array) -> Array:
    view = np.empty(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


LAYOUTS: dict[str, Callable[[Array], Any]] = {
    "Fortran order": np.asfortranarray,
    "reversed": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "every other": every_other,
    "unaligned": unaligned,
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "a part": lambda x: np.concatenate([x, x], axis=-1)[..., : x.shape[-1]],
    "repeated": lambda x: np.broadcast_to(x[..., :1], x.shape),
    "a list": lambda x: x.tolist(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@each_target
def test_layouts(layout: str, kind: str, backend: str) -> None:
    """Of operands, weights, cotangents and outputs."""
    rng = np.random.default_rng(8)
    operands = operands_of((2, 3, 4), kind)
    weight, upstream = rng.uniform(0, 2, (2, 3, 4)), rng.normal(size=(2, 3, 4))
    change = LAYOUTS[layout]
    laid = tuple(change(x) for x in operands)
    loss = fl.LinearCrossEntropy(reduction="none", chunk=5)
    plain = [np.asarray(x) for x in (*laid, change(weight), change(upstream))]
    expected, slopes = formula(loss, *plain[:4], sample_weight=plain[4], cotangent=plain[5])
    keywords: dict[str, Any] = {"sample_weight": change(weight), "cotangent": change(upstream)}
    value, grads = loss.value_and_grad(*laid, **keywords)
    hold(value, expected, float, "value")
    for grad, slope in zip(grads, slopes, strict=True):
        hold(grad, slope, float, "gradient")
        assert grad.flags.c_contiguous
    if layout in ("other byte order", "repeated", "a list"):
        return
    outs = tuple(change(np.full(grad.shape, np.nan)) for grad in grads)
    for given, out, grad in zip(loss.grad(*laid, out=outs, **keywords), outs, grads, strict=True):
        assert given is out
        np.testing.assert_array_equal(out, grad)


def test_precisions_may_differ() -> None:
    """Arithmetic is that of the widest; each gradient is of its operand's dtype."""
    hidden, weight, target, bias = operands_of((9,))
    expected = formula(fl.LinearCrossEntropy(), hidden.astype(np.float32), weight, target, bias)[1]
    grads = fl.LinearCrossEntropy(chunk=4).grad(hidden.astype(np.float32), weight, target, bias)
    assert [grad.dtype for grad in grads] == [np.float32, np.float64, np.float64]
    for grad, slope in zip(grads, expected, strict=True):
        hold(grad, slope, grad.dtype, "gradient")
    loss = fl.LinearCrossEntropy()
    assert loss.grad([[1, 2]], [[1, 0], [0, 1]], [0], wrt="hidden").dtype == np.float64
    value, grad = loss.value_and_grad(hidden, weight.astype(np.float32), target, wrt="weight", out=np.empty((7, 6)))
    assert grad.dtype == np.float64
    assert value == pytest.approx(loss(hidden, weight.astype(np.float32).astype(float), target), rel=1e-14)


def test_wrt_selects_gradients_and_products(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    operands = operands_of((9,))
    loss = fl.LinearCrossEntropy(chunk=4)
    value, grads = loss.value_and_grad(*operands)
    by_name = dict(zip(("hidden", "weight", "bias"), grads, strict=True))
    made: list[Any] = []
    matmul = np.matmul
    monkeypatch.setattr(np, "matmul", lambda x, y, out: made.append(out) or matmul(x, y, out=out))
    chunks = 3
    for wrt, products in ((("hidden",), 2), (("weight",), 2), (("bias",), 1), (("bias", "hidden"), 2)):
        made.clear()
        again, some = loss.value_and_grad(*operands, wrt=wrt)
        assert len(made) == products * chunks
        assert again == value
        for name, grad in zip(wrt, some, strict=True):
            np.testing.assert_array_equal(grad, by_name[name])
    made.clear()
    assert loss(*operands) == value
    assert len(made) == chunks
    np.testing.assert_array_equal(loss.grad(*operands, wrt="weight"), by_name["weight"])


def test_hidden_itself_may_be_out(dtype: np.dtype) -> None:
    for shape in ((9,), (3, 3)):
        hidden, weight, target, bias = operands_of(shape, dtype=dtype)
        loss = fl.LinearCrossEntropy(chunk=2, ignore_index=int(target.flat[4]))
        value, grads = loss.value_and_grad(hidden, weight, target, bias)
        given = hidden.copy()
        again, others = loss.value_and_grad(given, weight, target, bias, out=(given, None, None))
        assert again == value
        assert others[0] is given
        for other, grad in zip(others, grads, strict=True):
            np.testing.assert_array_equal(other, grad)


def test_operands_are_not_written(backend: str) -> None:
    operands = operands_of((9,))
    before = [x.copy() for x in operands]
    fl.LinearCrossEntropy(chunk=4).value_and_grad(*operands)
    for x, y in zip(operands, before, strict=True):
        np.testing.assert_array_equal(x, y)


# ---- Items that do not count, and items that are not numbers ----


@pytest.mark.parametrize(
    "how", ["sample weight", "ignored", "class weight", "class weight of a distribution", "cotangent"]
)
def test_what_does_not_count_adds_nothing_even_where_it_is_nan(how: str, dtype: np.dtype, backend: str) -> None:
    options: dict[str, Any] = {"reduction": "none", "chunk": 4}
    keywords: dict[str, Any] = {}
    hidden, weight, target, bias = operands_of((9,), "distribution" if "distribution" in how else "labels", dtype=dtype)
    gone = np.zeros(9, bool)
    gone[[0, 5, 6]] = True
    if how == "sample weight":
        keywords["sample_weight"] = np.where(gone, 0, 2.0)
    elif how == "cotangent":
        keywords["cotangent"] = np.where(gone, 0, 2.0)
    elif how == "ignored":
        options["ignore_index"] = -1
        target = np.where(gone, -1, target)
    else:
        options["class_weight"] = np.arange(CLASSES) > 0
        if how == "class weight":
            target = np.where(gone, 0, np.maximum(target, 1))
        else:
            target = np.where(gone[:, None], np.eye(CLASSES)[0], np.eye(CLASSES)[1:][np.arange(9) % 6])
    loss = fl.LinearCrossEntropy(**options)
    spoilt = np.where(gone[:, None], np.nan, hidden).astype(dtype)
    clean = np.where(gone[:, None], 0, hidden).astype(dtype)
    expected, slopes = loss.value_and_grad(clean, weight, target, bias, **keywords)
    value, grads = loss.value_and_grad(spoilt, weight, target, bias, **keywords)
    if how == "cotangent":
        assert np.array_equal(np.isnan(value), gone)
    np.testing.assert_array_equal(value[~gone], expected[~gone])
    for grad, slope in zip(grads, slopes, strict=True):
        np.testing.assert_array_equal(grad, slope)
    assert not grads[0][gone].any()
    assert grads[0][~gone].all()


def test_one_nan_spoils_one_item(backend: str) -> None:
    hidden, weight, target, bias = operands_of((9,))
    loss = fl.LinearCrossEntropy(reduction="none", chunk=4)
    expected, slopes = loss.value_and_grad(hidden, weight, target, bias)
    hidden[3, 1] = np.nan
    value, (to_hidden, to_weight, to_bias) = loss.value_and_grad(hidden, weight, target, bias)
    assert np.array_equal(np.isnan(value), np.arange(9) == 3)
    np.testing.assert_array_equal(np.delete(value, 3), np.delete(expected, 3))
    np.testing.assert_array_equal(np.delete(to_hidden, 3, 0), np.delete(slopes[0], 3, 0))
    assert np.isnan(to_hidden[3]).all()
    assert np.isnan(to_weight).all()
    assert np.isnan(to_bias).all()


@pytest.mark.parametrize("how", ["empty", "all ignored", "no weight", "no divisor"])
@each_bias
def test_nothing_there_is_zero(how: str, with_bias: bool, reduction: str, dtype: np.dtype, backend: str) -> None:
    hidden, weight, target, *bias = operands_of((0,) if how == "empty" else (9,), "labels", with_bias, dtype)
    keywords: dict[str, Any] = {}
    if how == "all ignored":
        target[...] = -1
    elif how == "no weight":
        keywords["sample_weight"] = np.zeros(9)
    elif how == "no divisor":
        if reduction != "mean":
            return
        keywords["denominator"] = 0.0
    loss = fl.LinearCrossEntropy(ignore_index=-1, reduction=reduction)
    outs = tuple(np.full(x.shape, np.nan, dtype) for x in (hidden, weight, *bias))
    value, grads = loss.value_and_grad(hidden, weight, target, *bias, out=outs, **keywords)
    assert not np.any(value)
    for grad in grads:
        assert not grad.any()


def test_a_layer_may_have_no_features(backend: str) -> None:
    bias = np.array([0.0, 1.0, 2.0])
    value, grads = fl.LinearCrossEntropy().value_and_grad(np.zeros((4, 0)), np.zeros((3, 0)), [0, 1, 2, 0], bias)
    expected, slope = fl.CrossEntropy().value_and_grad(np.tile(bias, (4, 1)), [0, 1, 2, 0])
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(grads[2], slope.sum(axis=0), rtol=1e-14)
    assert [grad.shape for grad in grads] == [(4, 0), (3, 0), (3,)]


# ---- Shards ----


@each_options
@each_target
def test_shards_add_up(options: dict[str, Any], kind: str, backend: str) -> None:
    loss = fl.LinearCrossEntropy(**options)
    hidden, weight, target, bias = operands_of((9,), kind)
    w = np.random.default_rng(9).uniform(0, 2, 9)
    value, grads = loss.value_and_grad(hidden, weight, target, bias, sample_weight=w)
    shards = [slice(0, 4), slice(4, 9)]
    whole = sum(loss.weight_total(target[s], sample_weight=w[s]) for s in shards)
    assert whole == pytest.approx(loss.weight_total(target, sample_weight=w), rel=1e-14)
    parts = [loss.partial(hidden[s], weight, target[s], bias, sample_weight=w[s]) for s in shards]
    assert sum(part[0] for part in parts) / sum(part[1] for part in parts) == pytest.approx(value, rel=1e-14)
    each = [
        loss.value_and_grad(hidden[s], weight, target[s], bias, sample_weight=w[s], denominator=whole) for s in shards
    ]
    assert sum(one[0] for one in each) == pytest.approx(value, rel=1e-14)
    hold(np.concatenate([one[1][0] for one in each]), grads[0], float, "hidden")
    for k in (1, 2):
        hold(each[0][1][k] + each[1][1][k], grads[k], float, "shared")


# ---- Errors ----

LOSS = fl.LinearCrossEntropy()
H, W, Y, B = np.zeros((4, 2)), np.zeros((3, 2)), np.zeros(4, int), np.zeros(3)
NAN = np.array([1.0, np.nan, -1.0, 1.0])

ERRORS: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    ("number", lambda: LOSS(1.0, W, Y), ValueError, "hidden must have a last axis of features, got a single number"),
    (
        "features",
        lambda: LOSS(H, np.zeros((3, 5)), Y),
        ValueError,
        r"weight must have shape \(classes, 2\), as hidden has shape \(4, 2\); got \(3, 5\)$",
    ),
    (
        "transposed",
        lambda: LOSS(H, W.T, Y),
        ValueError,
        r"weight must have shape \(classes, 2\), as hidden .*; got \(2, 3\); use weight.T$",
    ),
    ("axes", lambda: LOSS(H, np.zeros(2), Y), ValueError, r"weight must have shape \(classes, 2\).*; got \(2,\)$"),
    ("classes", lambda: LOSS(H, W[:0], Y), ValueError, r"weight must have at least one class, got shape \(0, 2\)"),
    (
        "bias",
        lambda: LOSS(H, W, Y, np.zeros(2)),
        ValueError,
        r"bias must have shape \(3,\), one number for each class of weight; got \(2,\)",
    ),
    (
        "target",
        lambda: LOSS(H, W, np.zeros(3, int)),
        ValueError,
        r"target must have shape \(4,\) \(labels\) or \(4, 3\) \(distributions\), got \(3,\)",
    ),
    ("distribution", lambda: LOSS(H, W, np.zeros((4, 2))), ValueError, r"target must have shape \(4,\) .*got \(4, 2\)"),
    ("labels", lambda: LOSS(H, W, np.zeros(4)), TypeError, "target holds labels and must be of an integer dtype"),
    (
        "a label",
        lambda: LOSS(H, W, [0, 1, 3, 0]),
        IndexError,
        r"target 3 at index \(2,\) is out of range for 3 classes",
    ),
    (
        "class weight",
        lambda: fl.LinearCrossEntropy(class_weight=[1, 2])(H, W, Y),
        ValueError,
        "class_weight has 2 entries, but weight has 3 classes",
    ),
    (
        "narrow",
        lambda: LOSS(H.astype(np.float16), W, Y),
        TypeError,
        r"hidden must be float32 or float64, got float16; use hidden.astype\(np.float32\)",
    ),
    (
        "bfloat16",
        lambda: LOSS(H, W.astype(ml_dtypes.bfloat16), Y),
        TypeError,
        "weight must be float32 or float64, got bfloat16",
    ),
    ("complex", lambda: LOSS(H, W, Y, B * 1j), TypeError, "bias must hold real numbers"),
    (
        "sample weight",
        lambda: LOSS(H, W, Y, sample_weight=np.ones((4, 3))),
        ValueError,
        r"sample_weight must have the items' shape \(4,\)",
    ),
    (
        "negative",
        lambda: LOSS.grad(H, W, Y, sample_weight=NAN),
        ValueError,
        r"sample_weight must be >= 0, got nan at index \(1,\)",
    ),
    ("wrt", lambda: LOSS.grad(H, W, Y, wrt="target"), ValueError, r"wrt must name .*\(hidden, weight\), got 'target'"),
    ("no bias", lambda: LOSS.grad(H, W, Y, wrt="bias"), ValueError, r"wrt must name .*\(hidden, weight\), got 'bias'"),
    ("out", lambda: LOSS.grad(H, W, Y, out=np.empty((4, 2))), ValueError, "out must be a tuple of 2: hidden, weight"),
    (
        "outs",
        lambda: LOSS.grad(H, W, Y, B, out=(None, None)),
        ValueError,
        "out must be a tuple of 3: hidden, weight, bias; got 2",
    ),
    (
        "weight as out",
        lambda: LOSS.grad(H, W, Y, B, out=(None, W, None)),
        ValueError,
        "out must not overlap weight",
    ),
    ("bias as out", lambda: LOSS.grad(H, W, Y, B, out=B, wrt="bias"), ValueError, "out must not overlap bias"),
    (
        "hidden moved",
        lambda: LOSS.grad(H[::-1], W, Y, out=(H, None)),
        ValueError,
        "out must not overlap hidden; it may be hidden itself",
    ),
    (
        "Hessian",
        lambda: LOSS.grad_and_hess(H, W, Y),
        NotImplementedError,
        "LinearCrossEntropy has no Hessian; it has value, grad",
    ),
    (
        "product",
        lambda: LOSS.hvp(H, W, Y, vector=(H, W)),
        NotImplementedError,
        "LinearCrossEntropy has no Hessian-vector product",
    ),
    (
        "chunk",
        lambda: fl.LinearCrossEntropy(chunk=0),
        ValueError,
        "LinearCrossEntropy: chunk must be 'auto' or an integer >= 1, got 0",
    ),
    (
        "chunk's type",
        lambda: fl.LinearCrossEntropy(chunk="all"),
        TypeError,
        "LinearCrossEntropy: chunk must be 'auto' or an integer, got 'all'",
    ),
]


@pytest.mark.parametrize(("name", "call", "error", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_errors(name: str, call: Callable[[], Any], error: type[Exception], message: str, backend: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        call()


def test_nothing_is_written_where_an_argument_is_bad(backend: str) -> None:
    outs = (np.full(H.shape, 7.0), np.full(W.shape, 7.0))
    for bad in ({"target": [0, 1, 5, 0]}, {"sample_weight": [1.0, 1.0, 1.0, -1.0]}):
        keywords: dict[str, Any] = {"target": Y, **bad}
        with pytest.raises((IndexError, ValueError)):
            fl.LinearCrossEntropy(chunk=1).grad(H, W, out=outs, **keywords)
        assert all((out == 7).all() for out in outs)
