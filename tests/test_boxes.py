"""Losses between boxes: their reference, their own derivatives, and boxes that are no boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sampling import BOXES

import fusedloss as fl
from fusedloss import _core

Array = np.ndarray

each_loss = pytest.mark.parametrize("loss", BOXES, ids=repr)


def boxes(loss: Any, dtype: Any = np.float64, seed: int = 0, count: int = 37) -> tuple[Array, Array]:
    """Pairs that are apart, that meet, and that hold one another."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(-2, 2, (2, count, 2))
    size = 10 ** rng.uniform(-1, 0.6, low.shape)
    first = low + 0.5 * size if loss.format == "cxcywh" else low
    second = size if loss.format == "cxcywh" else low + size
    pred, target = np.concatenate([first, second], axis=-1).astype(dtype)
    return pred, target


def special(loss: Any, dtype: Any) -> tuple[Array, Array]:
    """Without area, equal, touching, within one another, turned inside out, tiny and large; each beside each."""
    corners = [[0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 1, 0], [0.5, 0, 0.5, 2], [1, 0, 2, 1], [1, 1, 0, 0], [-3, -3, -2, -2]]
    corners += [[0, 0, 1e-18, 1e-18], [-1e15, -1e15, 1e15, 1e15], [0.25, 0.25, 0.5, 0.75], [5, 5, 5, 5]]
    x = np.array(corners, dtype)
    if loss.format == "cxcywh":
        x = np.concatenate([(x[:, :2] + x[:, 2:]) / 2, x[:, 2:] - x[:, :2]], axis=1)
    count = len(x)
    return np.repeat(x, count, axis=0).reshape(count, count, 4), np.broadcast_to(x, (count, count, 4))


@each_loss
def test_against_the_reference(loss: Any, dtype: np.dtype, reduction: str) -> None:
    loss = loss.replace(reduction=reduction)
    epsilon = float(np.finfo(dtype).eps)
    rng = np.random.default_rng(1)
    for operands in (boxes(loss, dtype), special(loss, dtype)):
        shape = operands[0].shape[:-1]
        weight = np.where(rng.random(shape) < 0.3, 0, rng.uniform(0.5, 2, shape))
        keywords: dict[str, Any] = {"cotangent": rng.normal(size=shape)} if reduction == "none" else {}
        keywords |= {"sample_weight": weight, "wrt": "both"}
        value, grads = loss.value_and_grad(*operands, **keywords)
        with fl.use_backend("numpy"):
            expected = loss.value_and_grad(*(x.astype(np.float64) for x in operands), **keywords)
        assert np.isfinite(value).all()
        np.testing.assert_allclose(value, expected[0], rtol=8 * epsilon, atol=1e-15)
        for grad, of_reference in zip(grads, expected[1], strict=True):
            assert grad.dtype == dtype
            assert np.isfinite(grad).all()
            np.testing.assert_allclose(grad, of_reference, rtol=16 * epsilon, atol=64 * epsilon)


@each_loss
def test_gradients_are_derivatives_of_the_value(loss: Any, backend: str) -> None:
    pred, target = boxes(loss)
    grads = loss.grad(pred, target, cotangent=2.0, wrt="both")
    for moved, grad in zip((pred, target), grads, strict=True):
        for entry in np.ndindex(pred.shape):
            values, before = [], moved[entry]
            for way in (-2, -1, 1, 2):
                moved[entry] = before + way * 1e-5
                values.append(loss(pred, target))
            moved[entry] = before
            slope = 2 * (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-5
            assert grad[entry] == pytest.approx(slope, rel=1e-6, abs=1e-9), entry


@each_loss
def test_pred_and_target_may_change_places(loss: Any, dtype: np.dtype, backend: str) -> None:
    assert loss.traits.symmetric
    for pred, target in (boxes(loss, dtype), special(loss, dtype)):
        value, (by_pred, by_target) = loss.value_and_grad(pred, target, wrt="both")
        again, (second, first) = loss.value_and_grad(target, pred, wrt="both")
        assert again == pytest.approx(value, rel=1e-14)
        np.testing.assert_array_equal((first, second), (by_pred, by_target))
        np.testing.assert_array_equal(loss.grad(pred, target), by_pred)
        np.testing.assert_array_equal(loss.grad(pred, target, wrt="target"), by_target)
    pred, target = boxes(loss, dtype)
    by_pred, by_target = loss.grad(pred, target, wrt="both")
    assert loss.grad(pred, target, wrt="both", out=(pred, target)) == (pred, target)
    np.testing.assert_array_equal((pred, target), (by_pred, by_target))


@each_loss
def test_equal_boxes_cost_nothing(loss: Any, dtype: np.dtype, backend: str) -> None:
    pred, _ = boxes(loss, dtype)
    value, grads = loss.value_and_grad(pred, pred, wrt="both")
    assert value == 0
    assert not np.any(grads)


def test_known_values(backend: str) -> None:
    pred, target = [[0.0, 0.0, 2.0, 1.0]], [[4.0, 0.0, 5.0, 1.0]]
    around = 5.0
    v = 4 / np.pi**2 * (np.arctan(1.0) - np.arctan(2.0)) ** 2
    apart = 3.5**2 / 26
    expected = {"iou": 1.0, "giou": 1 + (around - 3) / around, "diou": 1 + apart, "ciou": 1 + apart + v * v / (1 + v)}
    for kind, value in expected.items():
        assert fl.iou_loss(pred, target, kind=kind) == pytest.approx(value, rel=1e-14)
        assert fl.iou_loss([[1.0, 0.5, 2.0, 1.0]], [[4.5, 0.5, 1.0, 1.0]], kind=kind, format="cxcywh") == pytest.approx(
            value, rel=1e-14
        )


def test_angles_of_any_boxes() -> None:
    """CIoU's arc tangent, over all directions."""
    sides = 10 ** np.linspace(-12, 12, 4001)
    pred = np.stack([np.zeros(4001), np.zeros(4001), sides, 1 / sides], axis=1)
    target = np.broadcast_to([0.0, 0.0, 1.0, 1.0], pred.shape)
    kinds = [fl.IoULoss(kind=kind, reduction="none") for kind in ("diou", "ciou", "iou")]
    diou, ciou, iou = (loss(pred, target) for loss in kinds)
    v = 4 / np.pi**2 * (np.arctan(1) - np.arctan(sides**2)) ** 2
    np.testing.assert_allclose(ciou - diou, v * v / np.where(iou + v > 0, iou + v, 1), rtol=1e-13, atol=1e-15)


@each_loss
def test_layouts_bits_and_outputs(loss: Any, dtype: np.dtype) -> None:
    pred, target = boxes(loss, dtype, count=3000)
    before, found = _core.isa(), []
    value, grad = loss.value_and_grad(pred, target)
    try:
        for isa in _core.supported_isas():
            if isa != "baseline" or before == "baseline":  # without fused multiply-add
                _core.select_isa(isa)
                for threads in (1, 3):
                    with fl.num_threads(threads):
                        result = loss.value_and_grad(pred, target)
                    found.append((result[0], result[1].tobytes()))
    finally:
        _core.select_isa(before)
    assert len(set(found)) == 1
    for change in (np.asfortranarray, lambda x: np.repeat(x, 2, axis=1)[:, ::2], lambda x: x[::-1].copy()[::-1]):
        again = loss.value_and_grad(change(pred), change(target))
        assert again[0] == value
        np.testing.assert_array_equal(again[1], grad)
    given = pred.copy()
    assert loss.value_and_grad(given, target, out=given)[0] == value
    np.testing.assert_array_equal(given, grad)


@each_loss
def test_what_does_not_count(loss: Any, dtype: np.dtype, backend: str) -> None:
    pred, target = boxes(loss, dtype)
    expected = loss.value_and_grad(pred[1:], target[1:])
    weight = np.ones(len(pred))
    pred[0], weight[0] = np.nan, 0
    value, grad = loss.value_and_grad(pred, target, sample_weight=weight)
    assert value == pytest.approx(expected[0], rel=1e-14)
    assert not grad[0].any()
    np.testing.assert_allclose(grad[1:], expected[1], rtol=4 * np.finfo(dtype).eps)
    spoilt = loss.replace(reduction="none").value_and_grad(pred, target)
    assert np.isnan(spoilt[0]).tolist() == [True] + [False] * 36
    assert np.isnan(spoilt[1][0]).all()
    assert not np.isnan(spoilt[1][1:]).any()
    empty = loss.value_and_grad(pred[:0], target[:0])
    assert empty[0] == 0
    assert empty[1].shape == (0, 4)
    shards = np.sum([loss.partial(pred[s], target[s]) for s in (slice(1, 9), slice(9, None))], axis=0)
    assert shards[0] / shards[1] == pytest.approx(expected[0], rel=1e-14)
    assert loss.weight_total(target, sample_weight=weight) == 36


def test_errors(backend: str) -> None:
    with pytest.raises(ValueError, match=r"pred must hold boxes, four numbers along its last axis, got shape \(2, 3\)"):
        fl.iou_loss(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="target must have the shape of pred"):
        fl.iou_loss(np.zeros((2, 4)), np.zeros(4))
    with pytest.raises(ValueError, match=r"sample_weight must be >= 0, got -1.0 at index \(1,\)"):
        fl.IoULoss()(np.zeros((2, 4)), np.zeros((2, 4)), sample_weight=[1.0, -1.0])
    with pytest.raises(ValueError, match="kind must be 'iou' or 'giou' or 'diou' or 'ciou', got 'siou'"):
        fl.IoULoss(kind="siou")
    with pytest.raises(NotImplementedError, match="IoULoss has no Hessian"):
        fl.IoULoss().grad_and_hess(np.zeros((2, 4)), np.zeros((2, 4)))
