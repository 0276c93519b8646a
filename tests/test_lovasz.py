"""Losses of sorted errors: against the definition, set by set, and what they promise."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from sampling import SORTED_ERRORS

import fusedloss as fl
from fusedloss import _core

Array = np.ndarray

each_loss = pytest.mark.parametrize("loss", [x for x in SORTED_ERRORS if isinstance(x, fl.LovaszHinge)], ids=repr)
each_softmax = pytest.mark.parametrize("loss", [x for x in SORTED_ERRORS if isinstance(x, fl.LovaszSoftmax)], ids=repr)


def images(
    loss: Any, dtype: Any = np.float64, seed: int = 0, shape: tuple[int, ...] = (3, 6, 7)
) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    pred, target = rng.normal(0, 2, shape).astype(dtype), rng.integers(0, 2, shape)
    if loss.ignore_index is not None:
        target = np.where(rng.random(shape) < 0.1, loss.ignore_index, target)
    return pred, target


def by_definition(z: Array, y: Array, w: Array) -> float:
    """Of one item with hinge errors."""
    return of_errors(np.maximum(1 - (2 * y - 1) * z, 0), y, w)


def of_errors(errors: Array, y: Array, w: Array) -> float:
    """The loss of each set of wrong pixels, counted anew."""
    order = np.argsort(-errors, kind="stable")

    def jaccard(wrong: Array) -> float:
        right, said = (y == 1) & ~wrong, (y == 1) ^ wrong
        union = np.sum(w[(y == 1) | said])
        return 1 - np.sum(w[right]) / union if union else 0.0

    value, before = 0.0, 0.0
    for count in range(1, errors.size + 1):
        wrong = np.zeros(errors.size, bool)
        wrong[order[:count]] = True
        after = jaccard(wrong)
        value += (after - before) * errors[order[count - 1]]
        before = after
    return value


@each_loss
@pytest.mark.parametrize("masked", [False, True])
def test_definition(loss: Any, masked: bool, dtype: np.dtype, backend: str) -> None:
    pred, target = images(loss, dtype)
    target[1] = 0  # an image without the class
    rng = np.random.default_rng(1)
    mask = np.where(rng.random(pred.shape) < 0.2, 0, rng.uniform(0.5, 2, pred.shape)) if masked else np.ones(pred.shape)
    kept = (mask > 0) & (target != loss.ignore_index)
    expected = []
    for part in range(3) if loss.per_image else [slice(None)]:
        here = kept[part]
        expected.append(by_definition(pred[part][here].astype(float), target[part][here], mask[part][here]))
    value = loss(pred, target, mask=mask if masked else None)
    assert value == pytest.approx(np.mean(expected), rel=8 * float(np.finfo(dtype).eps))


@each_loss
def test_gradients_are_derivatives_of_the_value(loss: Any, backend: str) -> None:
    pred, target = images(loss, shape=(2, 9))
    mask = np.random.default_rng(2).uniform(0, 2, (1, 9))
    grad = loss.grad(pred, target, mask=mask, cotangent=-1.5)
    for entry in np.ndindex(pred.shape):
        moved = [pred.copy(), pred.copy()]
        moved[0][entry] -= 1e-6
        moved[1][entry] += 1e-6
        slope = -1.5 * (loss(moved[1], target, mask=mask) - loss(moved[0], target, mask=mask)) / 2e-6
        assert grad[entry] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@each_loss
def test_at_errors_of_one_it_is_the_jaccard_loss(loss: Any, backend: str) -> None:
    rng = np.random.default_rng(3)
    y, wrong = rng.integers(0, 2, (3, 50)), rng.integers(0, 2, (3, 50)) == 1
    value = loss(np.where(wrong, 0.0, 2.0 * (2 * y - 1)), y)
    parts = zip(y == 1, wrong, strict=True) if loss.per_image else [(y == 1, wrong)]
    assert value == pytest.approx(
        np.mean([1 - np.sum(own & ~bad) / np.sum(own | bad) for own, bad in parts]), rel=1e-12
    )


@each_loss
@pytest.mark.parametrize("target_dtype", [np.uint8, bool, np.float32])
def test_against_the_reference(loss: Any, target_dtype: Any, dtype: np.dtype) -> None:
    """Errors of several orders of magnitude, more than a block of them; all exact in float32, some equal."""
    pred, target = images(loss.replace(ignore_index=None), dtype, shape=(2, 50, 61))
    rng = np.random.default_rng(5)
    pred = (np.round(pred * 10.0 ** rng.uniform(0, 5, pred.shape)) / 8).astype(dtype)
    target = target.astype(target_dtype)
    if loss.ignore_index is not None and target_dtype is not bool:
        target[rng.random(target.shape) < 0.1] = loss.ignore_index
    for mask in (None, rng.integers(0, 3, pred.shape)):
        value, grad = loss.value_and_grad(pred, target, mask=mask)
        with fl.use_backend("numpy"):
            expected = loss.value_and_grad(pred, target, mask=mask)
        assert value == pytest.approx(expected[0], rel=1e-13)
        np.testing.assert_allclose(grad, expected[1], rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("narrow", [np.float16, ml_dtypes.bfloat16])
def test_narrow_floats(narrow: Any) -> None:
    pred, target = images(fl.LovaszHinge(), np.float32)
    pred = pred.astype(narrow)
    value, grad = fl.LovaszHinge().value_and_grad(pred, target)
    wide = fl.LovaszHinge().value_and_grad(pred.astype(np.float32), target)
    assert grad.dtype == narrow
    assert value == wide[0]
    np.testing.assert_array_equal(grad, wide[1].astype(narrow))


@each_loss
def test_the_same_bits_on_all_instruction_sets(loss: Any, dtype: np.dtype) -> None:
    operands = images(loss, dtype, shape=(3, 30, 41))
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


@each_loss
def test_bits_and_layouts(loss: Any, dtype: np.dtype) -> None:
    """Of threads, strides, and pred as its own output; errors that are equal, too."""
    pred, target = images(loss, dtype, shape=(5, 40, 50))
    pred = np.round(pred * 4) / 4
    value, grad = loss.value_and_grad(pred, target)
    for threads in (1, 2, 3):
        with fl.num_threads(threads):
            again = loss.value_and_grad(pred, target)
        assert again[0] == value
        np.testing.assert_array_equal(again[1], grad)
    for change in (np.asfortranarray, lambda x: x[::-1].copy()[::-1], lambda x: np.repeat(x, 2, axis=1)[:, ::2]):
        again = loss.value_and_grad(change(pred), change(target))
        assert again[0] == value
        np.testing.assert_array_equal(again[1], grad)
    given = pred.copy()
    assert loss.value_and_grad(given, target, out=given)[0] == value
    np.testing.assert_array_equal(given, grad)
    assert grad.dtype == dtype


@each_loss
def test_what_does_not_count(loss: Any, dtype: np.dtype, backend: str) -> None:
    pred, target = images(loss, dtype)
    mask = np.ones(pred.shape)
    mask[:, 2] = 0
    expected = loss.value_and_grad(np.delete(pred, 2, 1), np.delete(target, 2, 1))
    pred[:, 2], target[:, 2] = np.nan, 7
    value, grad = loss.value_and_grad(pred, target, mask=mask)
    assert value == expected[0]
    np.testing.assert_array_equal(np.delete(grad, 2, 1), expected[1])
    assert not grad[:, 2].any()
    for keywords in ({"mask": np.zeros(pred.shape)}, {"mask": mask, "sample_weight": 0.0}):
        value, grad = loss.value_and_grad(pred, target, **keywords)
        assert value == 0
        assert not grad.any()
    empty = loss.value_and_grad(pred[:0], target[:0])
    assert empty[0] == 0
    assert empty[1].shape == (0, 6, 7)


@each_loss
def test_nan_spoils_its_item(loss: Any, dtype: np.dtype, backend: str) -> None:
    loss = loss.replace(reduction="none")
    pred, target = images(loss, dtype)
    target = target % 2
    clean = loss.value_and_grad(pred, target)
    pred[1, 2, 3] = np.nan
    value, grad = loss.value_and_grad(pred, target)
    assert np.isnan(np.atleast_1d(value)[-2 if loss.per_image else 0])
    assert np.isnan(grad[1, 2, 3])
    if loss.per_image:
        np.testing.assert_array_equal(value[[0, 2]], clean[0][[0, 2]])
        np.testing.assert_array_equal(grad[[0, 2]], clean[1][[0, 2]])


def test_shards_and_weights(backend: str) -> None:
    loss = fl.LovaszHinge(per_image=True)
    pred, target = images(loss)
    weight = np.array([1.0, 0.0, 2.5])
    parts = np.sum([loss.partial(pred[s], target[s], sample_weight=weight[s]) for s in (slice(1), slice(1, 3))], axis=0)
    assert parts[0] / parts[1] == pytest.approx(loss(pred, target, sample_weight=weight), rel=1e-14)
    assert not loss.grad(pred, target, sample_weight=weight)[1].any()
    each = loss.replace(reduction="none")
    np.testing.assert_allclose(each(pred, target, sample_weight=weight), weight * each(pred, target), rtol=1e-14)
    with pytest.raises(NotImplementedError, match="has no shards"):
        fl.LovaszHinge().partial(pred, target)
    with pytest.raises(NotImplementedError, match="LovaszHinge has no Hessian"):
        loss.grad_and_hess(pred, target)


def test_errors(backend: str) -> None:
    pred, target = images(fl.LovaszHinge())
    with pytest.raises(ValueError, match=r"target must be 0 or 1, got 2 at index \(1, 0, 3\)"):
        fl.lovasz_hinge(pred, np.where(np.arange(126).reshape(3, 6, 7) == 45, 2, target))
    with pytest.raises(ValueError, match=r"mask must be >= 0, got -1 at index \(0, 0, 0\)"):
        fl.lovasz_hinge(pred, target, mask=np.full((1, 1, 7), -1))
    with pytest.raises(ValueError, match="target must have the shape of pred"):
        fl.lovasz_hinge(pred, target[0])
    with pytest.raises(ValueError, match="pred must have a first axis of images"):
        fl.lovasz_hinge(1.0, 1)


# ---- Of a softmax


def maps(
    loss: Any, dtype: Any = np.float64, seed: int = 0, shape: tuple[int, ...] = (2, 3, 5, 6)
) -> tuple[Array, Array]:
    """Logits with classes where the loss wants them, and labels; one class is in no label."""
    rng = np.random.default_rng(seed)
    pred = np.ascontiguousarray(np.moveaxis(rng.normal(0, 2, shape), 1, loss.axis), dtype)
    target = rng.choice(np.delete(np.arange(shape[1]), 1), (shape[0], *shape[2:]))
    if loss.ignore_index is not None:
        target = np.where(rng.random(target.shape) < 0.1, loss.ignore_index, target)
    return pred, target


@each_softmax
@pytest.mark.parametrize("masked", [False, True])
def test_definition_of_each_class(loss: Any, masked: bool, dtype: np.dtype, backend: str) -> None:
    pred, target = maps(loss, dtype)
    rng = np.random.default_rng(1)
    mask = np.where(rng.random(target.shape) < 0.2, 0, rng.uniform(0.5, 2, target.shape))
    mask = mask if masked else np.ones(target.shape)
    p = np.exp(np.moveaxis(pred, loss.axis, -1).astype(float))
    p /= np.sum(p, axis=-1, keepdims=True)
    kept = (mask > 0) & (target != loss.ignore_index)
    expected = []
    for part in range(2) if loss.per_image else [slice(None)]:
        here, labels = kept[part], target[part][kept[part]]
        chosen = range(3) if loss.classes == "all" else np.unique(labels) if loss.classes == "present" else loss.classes
        values = [of_errors(np.abs((labels == c) - p[part][here][:, c]), labels == c, mask[part][here]) for c in chosen]
        expected.append(np.mean(values))
    value = loss(pred, target, mask=mask if masked else None)
    assert value == pytest.approx(np.mean(expected), rel=32 * float(np.finfo(dtype).eps))
    each = loss.replace(reduction="none")(pred, target, mask=mask if masked else None)
    np.testing.assert_allclose(each, expected if loss.per_image else expected[0], rtol=32 * np.finfo(dtype).eps)


@each_softmax
def test_gradients_through_the_softmax(loss: Any, backend: str) -> None:
    pred, target = maps(loss, shape=(2, 3, 4))
    mask = np.random.default_rng(2).uniform(0, 2, target.shape)
    mask[0, 1] = 0
    grad = loss.grad(pred, target, mask=mask, cotangent=-1.5)
    for entry in np.ndindex(pred.shape):
        moved = [pred.copy(), pred.copy()]
        moved[0][entry] -= 1e-6
        moved[1][entry] += 1e-6
        slope = -1.5 * (loss(moved[1], target, mask=mask) - loss(moved[0], target, mask=mask)) / 2e-6
        assert grad[entry] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@each_softmax
def test_the_softmax_against_the_reference(loss: Any, dtype: np.dtype) -> None:
    pred, target = maps(loss, dtype, shape=(2, 3, 30, 40))
    rng = np.random.default_rng(3)
    for keywords in ({}, {"mask": rng.integers(0, 3, target.shape)}):
        value, grad = loss.value_and_grad(pred, target, **keywords)
        with fl.use_backend("numpy"):
            expected = loss.value_and_grad(pred.astype(np.float64), target, **keywords)
        epsilon = float(np.finfo(dtype).eps)
        assert value == pytest.approx(expected[0], rel=16 * epsilon)
        # Errors of float32 that differ by a rounding may change places: growths of neighbours are alike.
        slack = 1e-2 if dtype == np.float32 else 32 * epsilon
        np.testing.assert_allclose(grad, expected[1], rtol=0, atol=slack * np.max(np.abs(expected[1])))


@each_softmax
def test_layouts_of_maps(loss: Any, dtype: np.dtype) -> None:
    """Threads, strides, another class axis, and pred as its own output; errors that are equal, too."""
    pred, target = maps(loss, dtype, shape=(3, 4, 20, 30))
    pred = np.round(pred * 2) / 2
    value, grad = loss.value_and_grad(pred, target)
    for threads in (1, 3):
        with fl.num_threads(threads):
            again = loss.value_and_grad(pred, target)
        assert again[0] == value
        np.testing.assert_array_equal(again[1], grad)
    for change in (np.asfortranarray, lambda x: np.repeat(x, 2, axis=0)[::2]):
        again = loss.value_and_grad(change(pred), change(target))
        assert again[0] == value
        np.testing.assert_array_equal(again[1], grad)
    other = 2 if loss.axis == 1 else 1
    again = loss.replace(axis=other).value_and_grad(np.moveaxis(pred, loss.axis, other), target)
    assert again[0] == value
    np.testing.assert_array_equal(np.moveaxis(again[1], other, loss.axis), grad)
    given = pred.copy()
    assert loss.value_and_grad(given, target, out=given)[0] == value
    np.testing.assert_array_equal(given, grad)


@each_softmax
def test_what_does_not_count_in_maps(loss: Any, dtype: np.dtype, backend: str) -> None:
    pred, target = maps(loss.replace(ignore_index=None, axis=1), dtype)
    loss = loss.replace(axis=1, ignore_index=-1)
    mask = np.ones(target.shape)
    mask[:, 2] = 0
    target[:, 3] = -1
    expected = loss.value_and_grad(np.delete(pred, [2, 3], 2), np.delete(target, [2, 3], 1))
    pred[:, :, 2:4] = np.nan
    value, grad = loss.value_and_grad(pred, target, mask=mask)
    assert value == expected[0]
    np.testing.assert_array_equal(np.delete(grad, [2, 3], 2), expected[1])
    assert not grad[:, :, 2:4].any()
    for keywords in ({"mask": np.zeros(target.shape)}, {"mask": mask, "sample_weight": 0.0}):
        value, grad = loss.value_and_grad(pred, target, **keywords)
        assert value == 0
        assert not grad.any()
    empty = loss.value_and_grad(pred[:0], target[:0])
    assert empty[0] == 0
    assert empty[1].shape == (0, 3, 5, 6)


def test_nan_in_maps(dtype: np.dtype, backend: str) -> None:
    loss = fl.LovaszSoftmax(per_image=True, reduction="none")
    pred, target = maps(loss, dtype)
    clean = loss.value_and_grad(pred, target)
    pred[1, 2, 3, 4] = np.nan
    value, grad = loss.value_and_grad(pred, target)
    assert np.isnan(value).tolist() == [False, True]
    assert np.isnan(grad[1, :, 3, 4]).all()
    assert value[0] == clean[0][0]
    np.testing.assert_array_equal(grad[0], clean[1][0])


def test_confident_maps_keep_their_digits(dtype: np.dtype, backend: str) -> None:
    """Probabilities of 1 - 1e-13: what is below 1 is not lost in any step."""
    z = np.zeros((1, 2, 4), dtype)
    z[0, 0] = 30
    value, grad = fl.LovaszSoftmax().value_and_grad(z, [[0, 0, 0, 0]])
    q = np.exp(-30.0)
    assert value == pytest.approx(q, rel=1e-6)
    np.testing.assert_allclose(np.sum(grad[0, 1]), q, rtol=1e-6)


def test_errors_of_maps(backend: str) -> None:
    pred, target = maps(fl.LovaszSoftmax())
    with pytest.raises(IndexError, match=r"target 3 at index \(0, 0, 0\) is out of range for 3 classes"):
        fl.lovasz_softmax(pred, np.where(np.arange(60).reshape(2, 5, 6) == 0, 3, target))
    with pytest.raises(ValueError, match=r"mask must be >= 0, got -1 at index \(0, 0, 0\)"):
        fl.lovasz_softmax(pred, target, mask=np.full((1, 1, 6), -1))
    with pytest.raises(ValueError, match=r"target must have shape \(2, 5, 6\)"):
        fl.lovasz_softmax(pred, target[0])
    with pytest.raises(ValueError, match="axis=0 is the first one of pred"):
        fl.lovasz_softmax(pred, target, axis=0)
    with pytest.raises(ValueError, match="classes holds 5, but pred has 3 classes"):
        fl.lovasz_softmax(pred, target, classes=[0, 5])
    with pytest.raises(ValueError, match="classes must be 'present', 'all', or the numbers of classes"):
        fl.LovaszSoftmax(classes="some")
    with pytest.raises(TypeError, match="target holds labels"):
        fl.lovasz_softmax(pred, target.astype(float))
