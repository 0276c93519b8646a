"""Losses over maps: against published formulas, their references, their own derivatives; what is left out is out."""

from __future__ import annotations

from typing import Any

import hypothesis
import ml_dtypes
import numpy as np
import pytest
from closeness import assert_close
from hypothesis import strategies as st
from sampling import OVERLAPS

import fusedloss as fl
from fusedloss import _core
from fusedloss.kinds.overlaps import Overlaps

Array = np.ndarray
KINDS = ("labels", "masks", "soft")

each_loss = pytest.mark.parametrize("loss", OVERLAPS, ids=repr)
each_kind = pytest.mark.parametrize("kind", KINDS)


def classes_of(loss: Any) -> int:
    return 4 if loss.class_weight is None else int(loss.class_weight.size)


def maps(
    loss: Any,
    kind: str,
    dtype: Any = np.float64,
    seed: int = 0,
    samples: int = 3,
    pixels: tuple[int, ...] = (7, 9),
    spread: float = 2.0,
) -> tuple[Array, Array]:
    """Pred and target, with classes where the loss wants them; without a class axis labels are masks."""
    rng = np.random.default_rng(seed)
    classes = classes_of(loss)
    z = rng.normal(0, spread, (samples, classes, *pixels))
    if not loss.from_logits:
        z = 1 / (1 + np.exp(-z))
    y = rng.integers(0, classes, (samples, *pixels))
    if kind == "masks":
        target = rng.integers(0, 2, z.shape).astype(np.float64)
    elif kind == "soft":
        target = np.where(rng.random(z.shape) < 0.3, rng.integers(0, 2, z.shape), rng.uniform(0, 1, z.shape))
    if loss.axis is None:
        return z[:, 0].astype(dtype), (y == 0).astype(np.uint8) if kind == "labels" else target[:, 0].astype(dtype)
    pred = np.ascontiguousarray(np.moveaxis(z, 1, loss.axis), dtype)
    if kind == "labels":
        return pred, np.where(rng.random(y.shape) < 0.1, loss.ignore_index, y) if loss.ignore_index is not None else y
    return pred, np.ascontiguousarray(np.moveaxis(target, 1, loss.axis), dtype)


def pixel_shape(loss: Any, pred: Array) -> tuple[int, ...]:
    return pred.shape if loss.axis is None else tuple(np.delete(pred.shape, loss.axis))


def everything(loss: Any, operands: tuple[Array, Array], **keywords: Any) -> dict[str, Array]:
    value, grad = loss.value_and_grad(*operands, **keywords)
    return {"value": np.asarray(value), "grad": grad}


def compare(loss: Any, operands: tuple[Array, Array], **keywords: Any) -> None:
    """With the reference in float64. p (g - sum p g) and p (1 - p) g are compared with the largest gradient's size."""
    dtype = operands[0].dtype if operands[0].dtype.itemsize >= 4 else np.dtype(np.float32)
    given = everything(loss, operands, **keywords)
    with fl.use_backend("numpy"):
        expected = everything(loss, (operands[0].astype(np.float64), operands[1]), **keywords)
    epsilon = np.finfo(dtype).eps
    with np.errstate(invalid="ignore"):
        size = np.max(np.abs(expected["grad"]), initial=0.0, where=np.isfinite(expected["grad"]))
    if operands[0].dtype.itemsize < 4:  # the gradient is rounded to as few digits
        size = size * np.finfo(np.float16).eps / epsilon * 8
    assert_close(given["value"], expected["value"], 32, dtype, 4 * epsilon, what=f"{loss}, value")
    assert_close(given["grad"], expected["grad"], 32, dtype, 8 * epsilon * size, what=f"{loss}, grad")


# ---- Formulas


def published(loss: Any, p: Array, t: Array, w: Array) -> Array:
    """Of p, t and weights (samples, classes, pixels), masks of 0 and 1: as the papers write them."""
    axes = (0, 2) if loss.batch else (2,)
    squared = 2 if getattr(loss, "squared", False) else 1
    both, of_p, of_t = (np.sum(w * x, axis=axes) for x in (p * t, p**squared, t**squared))
    above, below = loss.smooth if isinstance(loss.smooth, tuple) else (loss.smooth, loss.smooth)
    factor = np.ones(p.shape[1]) if loss.class_weight is None else np.array(loss.class_weight)
    if not loss.include_background:
        factor = np.where(np.arange(p.shape[1]) == 0, 0, factor)
    if isinstance(loss, fl.GeneralizedDice):
        weight = of_t ** {"square": -2.0, "simple": -1.0, "uniform": 0.0}[loss.weighting] * factor
        ratio = (2 * np.sum(weight * both, -1) + above) / (np.sum(weight * (of_p + of_t), -1) + below)
        return -np.log(ratio) if loss.log else 1 - ratio
    if isinstance(loss, fl.Tversky):
        ratio = (both + above) / (both + loss.alpha * (of_p - both) + loss.beta * (of_t - both) + below)
    elif isinstance(loss, fl.Jaccard):
        ratio = (both + above) / (of_p + of_t - both + below)
    else:
        ratio = (2 * both + above) / (of_p + of_t + below)
    value = (-np.log(ratio) if loss.log else 1 - ratio) ** getattr(loss, "gamma", 1.0)
    return np.sum(factor * value) / np.sum(np.broadcast_to(factor, value.shape))


@each_loss
@pytest.mark.parametrize("kind", ["labels", "masks"])
@pytest.mark.parametrize("masked", [False, True])
def test_published_formulas(loss: Any, kind: str, masked: bool, backend: str) -> None:
    pred, target = maps(loss, kind)
    rng = np.random.default_rng(5)
    mask = np.where(rng.random(pixel_shape(loss, pred)) < 0.3, 0, rng.uniform(0, 2, pixel_shape(loss, pred)))
    keywords = {"mask": mask} if masked else {}
    z = pred[:, None] if loss.axis is None else np.moveaxis(pred, loss.axis, 1)
    if kind == "labels" and loss.axis is not None:
        t = (target[:, None] == np.arange(z.shape[1]).reshape(-1, *[1] * (z.ndim - 2))).astype(float)
        w = np.broadcast_to((target != loss.ignore_index)[:, None], z.shape).astype(float)
    else:
        t = (target[:, None] if loss.axis is None else np.moveaxis(target, loss.axis, 1)).astype(float)
        w = np.ones(z.shape)
    if masked:
        w = w * mask[:, None]
    if not loss.from_logits:
        p = z
    elif loss.activation == "sigmoid":
        p = 1 / (1 + np.exp(-z))
    else:
        p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    flat = (x.reshape(*x.shape[:2], -1) for x in (p, t, w))
    assert loss(pred, target, **keywords) == pytest.approx(np.mean(published(loss, *flat)), rel=1e-12)


def test_soft_labels_are_their_own_optimum(backend: str) -> None:
    """Which p t in the place of the minimum would not give."""
    rng = np.random.default_rng(0)
    t = rng.uniform(0.01, 0.99, (2, 3, 50))
    for loss in (fl.Dice(), fl.Jaccard(), fl.Tversky(alpha=0.3, beta=0.7), fl.GeneralizedDice(), fl.Dice(squared=True)):
        loss = loss.replace(from_logits=False)
        value, grad = loss.value_and_grad(t, t)
        assert value == 0
        if loss != fl.Tversky(alpha=0.3, beta=0.7, from_logits=False):
            np.testing.assert_allclose(grad, 0, atol=1e-17)
        for step in (-1e-4, 1e-4):
            assert loss(t + step * rng.random(t.shape), t) > 0


# ---- The reference


@each_loss
@each_kind
def test_against_the_reference(loss: Any, kind: str, dtype: np.dtype, reduction: str) -> None:
    loss = loss.replace(reduction=reduction)
    operands = maps(loss, kind, dtype)
    shape = loss.replace(reduction="none")(*operands).shape
    if reduction == "batchmean" and not shape:
        return
    rng = np.random.default_rng(1)
    compare(loss, operands)
    keywords: dict[str, Any] = {"sample_weight": np.where(rng.random(shape) < 0.3, 0, rng.uniform(0.5, 2, shape))}
    keywords["mask"] = rng.integers(0, 3, (1, *pixel_shape(loss, operands[0])[1:]))
    keywords["cotangent"] = rng.normal(size=shape) if reduction == "none" else -1.75
    compare(loss, operands, **{k: v for k, v in keywords.items() if k != "cotangent"})
    grads = [loss.grad(*operands, **keywords)]
    with fl.use_backend("numpy"):
        grads.append(loss.grad(operands[0].astype(float), operands[1], **keywords))
    np.testing.assert_allclose(grads[0], grads[1], rtol=0, atol=64 * np.finfo(dtype).eps * np.max(np.abs(grads[1])))


@pytest.mark.parametrize("loss", [fl.Dice(), fl.Dice(activation="softmax"), fl.Dice(from_logits=False)], ids=repr)
@each_kind
@pytest.mark.parametrize("pixels", [(1,), (127,), (128,), (255,), (256,), (257,), (3, 1025), (70000,), ()])
def test_numbers_of_pixels(loss: Any, kind: str, dtype: np.dtype, pixels: tuple[int, ...]) -> None:
    """Around multiples of strips and tasks."""
    compare(loss, maps(loss, kind, dtype, samples=2, pixels=pixels))


@pytest.mark.parametrize("classes", [1, 2, 5, 33, 300])
@each_kind
def test_numbers_of_classes(classes: int, kind: str, dtype: np.dtype) -> None:
    rng = np.random.default_rng(classes)
    pred = rng.normal(0, 2, (2, classes, 300)).astype(dtype)
    target: Any = rng.uniform(0, 1, pred.shape)
    target = rng.integers(0, classes, (2, 300)) if kind == "labels" else target if kind == "soft" else target > 0.5
    for activation in ("sigmoid", "softmax"):
        compare(fl.Dice(activation=activation), (pred, target))


LAYOUTS: dict[str, Any] = {
    "channels last": lambda x: np.ascontiguousarray(np.moveaxis(x, 1, -1)),
    "Fortran order": np.asfortranarray,
    "reversed": lambda x: x[..., ::-1].copy()[..., ::-1],
    "every other": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "unaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
}


@each_kind
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("activation", ["sigmoid", "softmax", "none"])
def test_layouts(kind: str, layout: str, activation: str, dtype: np.dtype) -> None:
    """Of operands, masks and outputs, without copies: values to rounding of the sums, gradients with them."""
    loss = fl.Dice(activation=activation) if activation != "none" else fl.Dice(from_logits=False)
    pred, target = maps(loss, kind, dtype, pixels=(6, 50))
    mask = np.random.default_rng(2).integers(0, 3, pixel_shape(loss, pred))
    expected = everything(loss, (pred, target), mask=mask)
    change = LAYOUTS[layout]
    axis = -1 if layout == "channels last" else 1
    loss = loss.replace(axis=axis)
    changed = [change(x) if layout != "channels last" or x.ndim == pred.ndim else x for x in (pred, target, mask)]
    out = None
    if layout not in ("other byte order", "unaligned"):
        out = change(np.full(pred.shape, np.nan, dtype))
        if not out.flags.writeable:
            out = out.copy()
    value, grad = loss.value_and_grad(changed[0], changed[1], mask=changed[2], out=out)
    assert out is None or grad is out
    slack = 4 * float(np.finfo(dtype).eps)
    assert value == pytest.approx(float(expected["value"]), rel=slack)
    size = np.max(np.abs(expected["grad"]))
    np.testing.assert_allclose(np.moveaxis(grad, axis, 1), expected["grad"], rtol=slack, atol=slack * size)


@each_kind
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize("axis", [1, -1])
def test_pred_itself_may_be_out(kind: str, activation: str, axis: int, dtype: np.dtype) -> None:
    loss = fl.Dice(activation=activation, axis=axis)
    pred, target = maps(loss, kind, dtype, pixels=(20, 31))
    value, grad = loss.value_and_grad(pred, target)
    given = pred.copy()
    assert loss.value_and_grad(given, target, out=given)[0] == value
    np.testing.assert_array_equal(given, grad)


@pytest.mark.parametrize("given", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"])
def test_labels_of_any_integer_dtype(given: str, dtype: np.dtype) -> None:
    loss = fl.Dice(activation="softmax")
    pred, target = maps(loss, "labels", dtype)
    target = target % 2
    expected = loss.value_and_grad(pred, target)
    value, grad = loss.value_and_grad(pred, target.astype(given))
    assert value == expected[0]
    np.testing.assert_array_equal(grad, expected[1])


@pytest.mark.parametrize("narrow", [np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_narrow_floats(narrow: Any, activation: str) -> None:
    loss = fl.Dice(activation=activation)
    pred, target = maps(loss, "labels", np.float32)
    pred = pred.astype(narrow)
    value, grad = loss.value_and_grad(pred, target)
    wide = loss.value_and_grad(pred.astype(np.float32), target)
    assert grad.dtype == narrow
    assert value == wide[0]
    np.testing.assert_array_equal(grad, wide[1].astype(narrow))


# ---- Derivatives


@each_loss
@each_kind
def test_gradients_are_derivatives_of_the_value(loss: Any, kind: str, backend: str) -> None:
    pred, target = maps(loss, kind, samples=2, pixels=(5,))
    rng = np.random.default_rng(3)
    mask = np.where(rng.random(pixel_shape(loss, pred)) < 0.2, 0, rng.uniform(0.5, 2, pixel_shape(loss, pred)))
    if not loss.from_logits:
        pred = np.clip(pred, 0.05, 0.95)
    if kind == "soft":  # off the kinks
        p = pred if not loss.from_logits else 1 / (1 + np.exp(-pred))
        if loss.from_logits and loss.activation == "softmax":
            p = np.exp(pred) / np.sum(np.exp(pred), axis=loss.axis, keepdims=True)
        target = np.where(np.abs(p - target) < 1e-3, np.clip(target + 0.1, 0, 1), target)
    grad = loss.grad(pred, target, mask=mask, cotangent=2.5)
    for entry in np.ndindex(pred.shape):
        values = []
        for way in (-2, -1, 1, 2):
            moved = pred.copy()
            moved[entry] += way * 1e-4
            values.append(loss(moved, target, mask=mask))
        slope = 2.5 * (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-4
        assert grad[entry] == pytest.approx(slope, rel=1e-6, abs=1e-10), entry


def test_values_close_to_zero_keep_their_digits(dtype: np.dtype, backend: str) -> None:
    """1 - 2 o / (p + t) would leave none."""
    y = np.random.default_rng(0).integers(0, 3, (2, 400))
    own = y[:, None] == np.arange(3).reshape(-1, 1)
    for activation in ("sigmoid", "softmax"):
        loss = fl.Dice(activation=activation)
        z = np.where(own, 40.0, -40.0 if activation == "sigmoid" else 0.0).astype(dtype)
        q = np.exp(-40.0)
        value = loss.replace(batch=True, reduction="none")(z, y)
        n = np.array([np.sum(own[:, c]) for c in range(3)])
        missed = q * n * (2 if activation == "softmax" else 1)
        expected = (missed + q * (y.size - n)) / (2 * n)
        np.testing.assert_allclose(value, expected, rtol=16 * np.finfo(dtype).eps)


# ---- What is left out


@each_loss
@each_kind
def test_masked_pixels_do_not_exist(loss: Any, kind: str, dtype: np.dtype, backend: str) -> None:
    """Whatever is in them: out of numerator and denominator."""
    pred, target = maps(loss, kind, dtype, pixels=(40,))
    mask = np.ones(pixel_shape(loss, pred))
    mask[:, 30:] = 0
    spoilt = pred.copy()
    rows = spoilt if loss.axis is None else np.moveaxis(spoilt, loss.axis, 1)
    if loss.axis is None:
        spoilt[:, 30:] = np.nan
    else:
        rows[:, :, 30:] = np.nan
    value, grad = loss.value_and_grad(spoilt, target, mask=mask)
    first = (slice(None), slice(30)) if loss.axis in (None, -1) else (slice(None), slice(None), slice(30))
    few = target[first] if target.ndim == pred.ndim else target[:, :30]
    expected, slope = loss.value_and_grad(pred[first], few)
    assert value == pytest.approx(expected, rel=1e-13)
    slack = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(grad[first], slope, rtol=slack, atol=slack * np.max(np.abs(slope)))
    grad[first] = 0
    assert not grad.any()


def test_ignored_labels_are_masked_ones(dtype: np.dtype, backend: str) -> None:
    rng = np.random.default_rng(1)
    z, y = rng.normal(0, 2, (3, 4, 60)).astype(dtype), rng.integers(0, 4, (3, 60))
    gone = rng.random(y.shape) < 0.3
    for activation in ("sigmoid", "softmax"):
        for index in (-100, 2, 255):
            loss = fl.Dice(activation=activation, smooth=1.0)
            given = loss.replace(ignore_index=index).value_and_grad(z, np.where(gone, index, y))
            mask = ~gone if index != 2 else ~gone & (y != 2)
            expected = loss.value_and_grad(z, y, mask=mask)
            assert given[0] == expected[0]
            np.testing.assert_array_equal(given[1], expected[1])


def test_ignored_entries_of_maps(backend: str) -> None:
    """Each by itself: binary masks with 255 where nobody knows."""
    rng = np.random.default_rng(2)
    z, t = rng.normal(0, 2, (2, 1, 80)), rng.integers(0, 2, (2, 1, 80)).astype(np.uint8)
    gone = rng.random(t.shape) < 0.3
    given = fl.Dice(ignore_index=255).value_and_grad(z, np.where(gone, np.uint8(255), t))
    expected = fl.Dice().value_and_grad(z, t, mask=~gone[:, 0])
    assert given[0] == expected[0]
    np.testing.assert_array_equal(given[1], expected[1])


def test_absent_classes(dtype: np.dtype, backend: str) -> None:
    p = np.zeros((2, 3, 10), dtype)
    p[0, 0], p[1, :2] = 0.5, 0.25
    y = np.zeros((2, 10), int)
    loss = fl.Dice(from_logits=False, reduction="none")
    values = loss(p, y)
    np.testing.assert_allclose(values, [[1 - 10 / 15, 0, 0], [1 - 5 / 12.5, 1, 0]], rtol=1e-6)
    assert fl.dice(p, y, from_logits=False) == pytest.approx((1 / 3 + 0.6 + 1) / 3, rel=1e-6)  # of three that are there
    grad = loss.grad(p, y)
    assert not grad[:, 2].any()
    assert not grad[1, 1].any()
    smoothed = loss.replace(smooth=1.0)
    np.testing.assert_allclose(smoothed(p, y)[:, 1:], [[0, 0], [1 - 1 / 3.5, 0]], rtol=1e-6)
    assert np.all(smoothed.grad(p, y)[:, 1:] > 0)


@each_loss
@pytest.mark.parametrize("how", ["no samples", "no pixels", "no mask", "no weight"])
def test_nothing_there_is_zero(loss: Any, how: str, dtype: np.dtype, backend: str) -> None:
    loss = loss.replace(smooth=0.0)
    pred, target = maps(loss, "labels", dtype)
    keywords: dict[str, Any] = {}
    if how == "no samples":
        pred, target = pred[:0], target[:0]
    elif how == "no pixels":
        pred, target = maps(loss, "labels", dtype, pixels=(0,))
    elif how == "no mask":
        keywords["mask"] = np.zeros(pixel_shape(loss, pred))
    else:
        keywords["sample_weight"] = np.zeros(loss.replace(reduction="none")(pred, target).shape)
    value, grad = loss.value_and_grad(pred, target, **keywords)
    assert value == 0
    assert isinstance(value, float)
    assert grad.shape == pred.shape
    assert not grad.any()
    assert not np.isnan(grad).any()


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_nan_spoils_its_items(activation: str, dtype: np.dtype, backend: str) -> None:
    loss = fl.Dice(activation=activation, reduction="none")
    pred, target = maps(loss, "labels", dtype)
    clean = loss.value_and_grad(pred, target)
    pred[1, 2, 3, 4] = np.nan
    value, grad = loss.value_and_grad(pred, target)
    bad = [2] if activation == "sigmoid" else [0, 1, 2, 3]
    for b in range(3):
        for c in range(4):
            spoilt = b == 1 and c in bad
            assert np.isnan(value[b, c]) == spoilt
            assert np.isnan(grad[b, c]).all() == spoilt
            if not spoilt:
                assert value[b, c] == clean[0][b, c]
                np.testing.assert_array_equal(grad[b, c], clean[1][b, c])
    weight = np.ones((3, 4))
    weight[1, bad] = 0
    value, grad = loss.value_and_grad(pred, target, sample_weight=weight)
    assert not np.isnan(value).any()
    assert not np.isnan(grad).any()
    assert not grad[1, bad].any()


@pytest.mark.parametrize("loss", [fl.Dice(), fl.Dice(activation="softmax"), fl.Jaccard(log=True, smooth=1.0)], ids=repr)
def test_extremes_are_finite(loss: Any, dtype: np.dtype, backend: str) -> None:
    big = np.finfo(dtype).max
    pred = np.array([[[big, -big, 1e30, 0, 80], [-big, big, 0, -1e30, -90.0]]], dtype)
    value, grad = loss.value_and_grad(pred, [[0, 0, 1, 1, 0]])
    assert np.isfinite(value)
    assert np.isfinite(grad).all()


def test_a_logarithm_without_overlap_is_infinite(backend: str) -> None:
    value, grad = fl.Dice(log=True, from_logits=False).value_and_grad(np.array([[[0.5, 0.5]]]), [[[0.0, 0.0]]])
    assert value == np.inf
    assert not grad.any()


# ---- Invariances


@each_loss
def test_the_same_bits_for_any_number_of_threads(loss: Any) -> None:
    operands = maps(loss, "labels", np.float32, pixels=(301, 277))
    found = []
    for threads in (1, 2, 3, 5):
        with fl.num_threads(threads):
            value, grad = loss.value_and_grad(*operands)
        found.append((value, grad.tobytes()))
    assert len(set(found)) == 1


@each_loss
@each_kind
def test_the_same_bits_on_all_instruction_sets(loss: Any, kind: str, dtype: np.dtype) -> None:
    operands = maps(loss, kind, dtype, pixels=(41, 27))
    before, found = _core.isa(), []
    try:
        for isa in _core.supported_isas():
            if isa != "baseline" or before == "baseline":  # without fused multiply-add
                _core.select_isa(isa)
                value, grad = loss.value_and_grad(*operands)
                found.append((value, grad.tobytes()))
    finally:
        _core.select_isa(before)
    assert len(set(found)) == 1


def test_shards_add_up(backend: str) -> None:
    loss = fl.Dice(class_weight=[1.0, 2.0, 0.5, 1.0])
    pred, target = maps(loss, "labels", samples=5)
    shards = [loss.partial(pred[part], target[part]) for part in (slice(0, 2), slice(2, 5))]
    total, weight = np.sum(shards, axis=0)
    assert total / weight == pytest.approx(loss(pred, target), rel=1e-14)
    grad = loss.grad(pred[2:], target[2:], denominator=weight)
    np.testing.assert_allclose(grad, loss.grad(pred, target)[2:], rtol=1e-13)
    with pytest.raises(NotImplementedError, match=r"batch=True.* no shards"):
        loss.replace(batch=True).partial(pred, target)
    with pytest.raises(NotImplementedError, match="Dice has no Hessian"):
        loss.grad_and_hess(pred, target)


@hypothesis.given(st.integers(0, 2**32 - 1), st.floats(0, 3), st.sampled_from(KINDS), st.booleans())
def test_identities(seed: int, smooth: float, kind: str, batch: bool) -> None:
    """Of the same sums: Tversky of 1/2 and 1/2 is Dice with half of the smoothing, of 1 and 1 Jaccard."""
    options = {"batch": batch, "reduction": "none"}
    operands = maps(fl.Dice(), kind, seed=seed)
    dice = fl.Dice(smooth=2 * smooth, **options)(*operands)
    np.testing.assert_allclose(fl.Tversky(smooth=smooth, **options)(*operands), dice, rtol=1e-13)
    jaccard = fl.Jaccard(smooth=smooth, **options)(*operands)
    np.testing.assert_allclose(fl.Tversky(smooth=smooth, alpha=1, beta=1, **options)(*operands), jaccard, rtol=1e-13)
    if smooth == 0:
        np.testing.assert_allclose(1 - jaccard, (1 - dice) / (1 + dice), rtol=1e-12)
    assert np.all((dice >= 0) & (dice <= jaccard) & (jaccard <= 1))


def test_operands_by_name_and_in_sums() -> None:
    pred, target = maps(fl.Dice(), "labels")
    both = 0.25 * fl.CrossEntropy(axis=1) + 0.75 * fl.Dice(activation="softmax")
    value, grad = both.value_and_grad(pred, target)
    parts = [fl.CrossEntropy(axis=1).value_and_grad(pred, target)]
    parts.append(fl.Dice(activation="softmax").value_and_grad(pred=pred, target=target))
    assert value == pytest.approx(0.25 * parts[0][0] + 0.75 * parts[1][0], rel=1e-14)
    np.testing.assert_allclose(grad, 0.25 * parts[0][1] + 0.75 * parts[1][1], rtol=1e-12, atol=1e-18)


def test_every_loss_is_here() -> None:
    assert {type(loss) for loss in OVERLAPS} == {cls for cls in fl.losses() if issubclass(cls, Overlaps)}
