"""Losses over maps that are sums of two: those of their terms, whether one takes the other along or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sampling import MAP_SUMS

import fusedloss as fl
from fusedloss import _core
from fusedloss.kinds.entries import Entries
from fusedloss.kinds.overlaps import Overlaps

Array = np.ndarray

each_loss = pytest.mark.parametrize("loss", MAP_SUMS, ids=repr)
each_term = pytest.mark.parametrize(
    "term",
    [
        fl.CrossEntropy(axis=1),
        fl.CrossEntropy(axis=1, label_smoothing=0.2, class_weight=[0.5, 2.0, 0.0, 1.0]),
        fl.Focal(axis=1, gamma=0.5, alpha=[0.5, 2.0, 1.0, 0.0], class_weight=[0.5, 2.0, 0.25, 1.0]),
        fl.Focal(axis=1, reduction="sum"),
    ],
    ids=repr,
)


def maps(
    loss: Any, dtype: Any = np.float64, pixels: tuple[int, ...] = (11, 13), spread: float = 2
) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    pred = np.ascontiguousarray(np.moveaxis(rng.normal(0, spread, (3, 4, *pixels)), 1, loss.axis), dtype)
    target = rng.integers(0, 4, (3, *pixels))
    return pred, np.where(rng.random(target.shape) < 0.1, loss.ignore_index or 0, target)


class OfEntries:
    """A binary loss of each pixel and class, with an array of all targets and one of all weights."""

    def __init__(self, of: Any, entry: Any) -> None:
        self.of, self.entry = of, entry

    def value_and_grad(self, pred: Array, target: Array, sample_weight: Array | None = None) -> tuple[Any, Array]:
        loss = self.of
        maps, pixels = np.moveaxis(pred, loss.axis, 1), np.expand_dims(target, 1)
        classes = np.arange(maps.shape[1]).reshape(-1, *[1] * (maps.ndim - 2))
        weight = (
            np.ones(maps.shape) if sample_weight is None else np.expand_dims(sample_weight, 1) * np.ones(maps.shape)
        )
        weight *= np.where(pixels == loss.ignore_index, 0, 1) if loss.ignore_index is not None else 1
        weight *= 1.0 if loss.class_weight is None else loss.class_weight.reshape(classes.shape)
        weight *= (classes > 0) | loss.include_background
        value, grad = self.entry.value_and_grad(maps, (pixels == classes).astype(float), sample_weight=weight)
        return value, np.moveaxis(grad, 1, loss.axis)


def parts(loss: Any) -> list[tuple[float, Any]]:
    """The terms, by themselves."""
    region = (fl.Jaccard if loss.jaccard else fl.Dice)(
        activation=loss.activation,
        **{name: getattr(loss, name) for name in ("smooth", "squared", "batch", "include_background", "class_weight")},
        **{name: getattr(loss, name) for name in ("ignore_index", "axis", "reduction")},
    )
    own = {name: getattr(loss, name) for name in ("class_weight", "ignore_index", "axis", "reduction")}
    if loss.activation == "sigmoid":
        entry: Any = {"reduction": loss.reduction}
        if isinstance(loss, fl.DiceCE):
            entry = fl.BinaryCrossEntropy(label_smoothing=loss.label_smoothing, **entry)
            return [(loss.lambda_dice, region), (loss.lambda_ce, OfEntries(loss, entry))]
        entry = fl.BinaryFocal(gamma=loss.gamma, alpha=loss.alpha, **entry)
        return [(loss.lambda_dice, region), (loss.lambda_focal, OfEntries(loss, entry))]
    if isinstance(loss, fl.DiceCE):
        return [
            (loss.lambda_dice, region),
            (loss.lambda_ce, fl.CrossEntropy(label_smoothing=loss.label_smoothing, **own)),
        ]
    return [(loss.lambda_dice, region), (loss.lambda_focal, fl.Focal(gamma=loss.gamma, alpha=loss.alpha, **own))]


def add_up(
    terms: list[tuple[float, Any]], pred: Array, target: Array, keywords: list[dict[str, Any]]
) -> tuple[Any, Array]:
    found = [loss.value_and_grad(pred, target, **k) for (_, loss), k in zip(terms, keywords, strict=True)]
    factors = [factor for factor, _ in terms]
    return (
        sum(c * value for c, (value, _) in zip(factors, found, strict=True)),
        sum(c * grad.astype(np.float64) for c, (_, grad) in zip(factors, found, strict=True)),
    )


def compare(given: tuple[Any, Array], expected: tuple[Any, Array], dtype: Any) -> None:
    epsilon = float(np.finfo(dtype).eps)
    assert given[0] == pytest.approx(expected[0], rel=4 * epsilon)
    np.testing.assert_allclose(given[1], expected[1], rtol=16 * epsilon, atol=8 * epsilon * np.max(np.abs(expected[1])))


@each_loss
@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
def test_is_the_sum_of_its_terms(loss: Any, reduction: str, dtype: np.dtype, backend: str) -> None:
    if loss.batch and reduction == "batchmean":
        return
    loss = loss.replace(reduction=reduction)
    pred, target = maps(loss, dtype)
    rng = np.random.default_rng(1)
    mask = rng.integers(0, 3, target.shape)
    compare(loss.value_and_grad(pred, target), add_up(parts(loss), pred, target, [{}, {}]), dtype)
    expected = add_up(parts(loss), pred, target, [{"mask": mask}, {"sample_weight": mask}])
    compare(loss.value_and_grad(pred, target, mask=mask), expected, dtype)
    assert loss(pred, target, mask=mask) == pytest.approx(expected[0], rel=1e-6)
    weight = np.array([0.5, 0.0, 2.0])
    if not loss.batch:
        both = mask * weight.reshape(-1, 1, 1)
        expected = add_up(parts(loss), pred, target, [{"mask": mask, "sample_weight": weight}, {"sample_weight": both}])
        given = loss.value_and_grad(pred, target, mask=mask, sample_weight=weight, cotangent=-2.0)
        compare(given, (expected[0], -2 * expected[1]), dtype)


@each_term
def test_what_rides_along_is_the_same(term: Any, dtype: np.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """Confident and extreme logits, incomplete strips; the term is not run by itself."""
    overlap = fl.Dice(activation="softmax", smooth=1.0)
    for pixels, spread in (((11, 13), 2), ((70, 61), 20), ((3,), 1e30)):
        pred, target = maps(fl.DiceCE(), dtype, pixels, spread)
        expected = add_up([(0.25, overlap), (-3.0, term)], pred, target, [{}, {}])
        with monkeypatch.context() as without:
            without.setattr(type(term), "_run", None)
            for both in (0.25 * overlap - 3 * term, -3 * term + 0.25 * overlap):
                compare(both.value_and_grad(pred, target), expected, dtype)
                assert both(pred, target) == pytest.approx(expected[0], rel=1e-6)


@pytest.mark.parametrize("loss", [loss for loss in MAP_SUMS if loss.activation == "sigmoid"], ids=repr)
def test_what_rides_along_with_sigmoids(loss: Any, dtype: np.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of labels and of maps; the same as by itself, which it is with weights of samples."""
    for pixels, spread in (((11, 13), 2), ((70, 61), 20), ((3,), 1e30)):
        pred, labels = maps(loss, dtype, pixels, spread)
        classes = np.arange(4).reshape(-1, *[1] * len(pixels))
        soft = np.where(np.random.default_rng(1).random((3, 4, *pixels)) < 0.3, 0.25, labels[:, np.newaxis] == classes)
        for target in (labels, np.moveaxis(soft, 1, loss.axis)):
            mask = np.random.default_rng(2).integers(0, 3, labels.shape)
            apart = loss.terms().terms[0][1], loss.replace(lambda_dice=0.0)
            found = [x.value_and_grad(pred, target, mask=mask) for x in apart]
            expected = tuple(loss.lambda_dice * x + y for x, y in zip(*found, strict=True))
            with monkeypatch.context() as without:
                without.setattr(Entries, "_run", None)
                compare(loss.value_and_grad(pred, target, mask=mask), (expected[0], expected[1]), dtype)


@pytest.mark.parametrize(
    "others",
    [
        (fl.Dice(), fl.CrossEntropy(axis=1)),
        (fl.Dice(activation="softmax", ignore_index=1), fl.CrossEntropy(axis=1)),
        (fl.Dice(activation="softmax"), fl.CrossEntropy(axis=1, temperature=2.0)),
        (fl.Dice(activation="softmax"), fl.CrossEntropy(axis=1, class_mask=[True, True, True, True])),
        (fl.Dice(activation="softmax"), fl.Focal(axis=1, label_smoothing=0.1)),
        (fl.Dice(activation="softmax", axis=1), fl.PolyLoss(axis=1)),
        (fl.Dice(activation="softmax"), fl.Jaccard(activation="softmax"), fl.CrossEntropy(axis=1), fl.Focal(axis=1)),
    ],
    ids=repr,
)
def test_terms_that_differ(others: tuple[Any, ...]) -> None:
    """Those that are not computed together, and several that are."""
    pred, target = maps(fl.DiceCE())
    found = sum(others).value_and_grad(pred, target)
    compare(found, add_up([(1.0, loss) for loss in others], pred, target, [{}] * len(others)), np.float64)


def test_distributions_and_masks_of_one_term() -> None:
    pred, target = maps(fl.DiceCE())
    soft = np.random.default_rng(0).dirichlet(np.ones(4), target.shape)
    soft = np.moveaxis(soft, -1, 1)
    loss = fl.DiceCE(lambda_ce=0.5)
    compare(loss.value_and_grad(pred, soft), add_up(parts(loss), pred, soft, [{}, {}]), np.float64)
    mask = np.random.default_rng(1).integers(0, 2, target.shape)
    both = fl.Dice(activation="softmax") + fl.CrossEntropy(axis=1)  # a mask in a sum is that of the term that takes it
    expected = add_up(both.terms, pred, target, [{"mask": mask}, {}])
    compare(both.value_and_grad(pred, target, mask=mask), expected, np.float64)


@pytest.mark.parametrize("axis", [1, None])
def test_maps_of_sigmoids(axis: int | None, dtype: np.dtype, backend: str) -> None:
    """Soft targets, entries that are ignored, and one class without an axis."""
    rng = np.random.default_rng(3)
    shape = (3, 4, 7, 5) if axis else (3, 7, 5)
    pred, target = rng.normal(0, 3, shape).astype(dtype), rng.choice([0.0, 0.25, 1.0, -1.0], shape)
    mask = rng.integers(0, 3, (3, 7, 5))
    weight = (mask[:, np.newaxis] if axis else mask) * np.where(target == -1, 0.0, 1.0)
    regions = fl.Dice(axis=axis, ignore_index=-1)
    for loss, of_dice, of_entries, entry in (
        (fl.DiceCE(activation="sigmoid", lambda_ce=0.5), 1.0, 0.5, fl.BinaryCrossEntropy()),
        (fl.DiceFocal(activation="sigmoid", alpha=0.3, lambda_dice=0.0), 0.0, 1.0, fl.BinaryFocal(alpha=0.3)),
    ):
        loss = loss.replace(axis=axis, ignore_index=-1)
        found = [regions.value_and_grad(pred, target, mask=mask)]
        found += [entry.value_and_grad(pred, np.where(target == -1, 0, target), sample_weight=weight)]
        expected = [of_dice * x + of_entries * y for x, y in zip(*found, strict=True)]
        compare(loss.value_and_grad(pred, target, mask=mask), (expected[0], expected[1]), dtype)
        wrong = target.copy()
        wrong[2, ..., 3, 1] = 1.5
        with pytest.raises(ValueError, match=r"target must be in \[0, 1\], got 1.5 at index \(2, (0, )?3, 1\)"):
            loss(pred, wrong)


@each_loss
def test_as_a_term(loss: Any, backend: str) -> None:
    pred, target = maps(loss)
    other = fl.CrossEntropy(axis=loss.axis, ignore_index=loss.ignore_index)
    both = 2 * loss - 0.5 * other
    expected = add_up([(2.0, loss), (-0.5, other)], pred, target, [{}, {}])
    compare(both.value_and_grad(pred, target), expected, np.float64)


@each_loss
def test_gradients_are_derivatives_of_the_value(loss: Any, backend: str) -> None:
    pred, target = maps(loss, pixels=(3,))
    grad = loss.grad(pred, target)
    for entry in list(np.ndindex(pred.shape))[::2]:
        moved = [pred.copy(), pred.copy()]
        moved[0][entry] -= 1e-6
        moved[1][entry] += 1e-6
        slope = (loss(moved[1], target) - loss(moved[0], target)) / 2e-6
        assert grad[entry] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@each_loss
def test_bits_and_outputs(loss: Any, dtype: np.dtype) -> None:
    pred, target = maps(loss, dtype, (150, 170))
    value, grad = loss.value_and_grad(pred, target)
    before, found = _core.isa(), []
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
    given = pred.copy()
    assert loss.value_and_grad(given, target, out=given)[0] == value
    np.testing.assert_array_equal(given, grad)


@each_loss
def test_what_does_not_count(loss: Any, dtype: np.dtype, backend: str) -> None:
    pred, target = maps(loss, dtype)
    mask = np.ones(target.shape)
    mask[:, 3:] = 0
    np.moveaxis(pred, loss.axis, 1)[:, :, 3:] = np.nan
    kept = np.moveaxis(np.moveaxis(pred, loss.axis, 1)[:, :, :3], 1, loss.axis)
    expected = loss.value_and_grad(kept, target[:, :3])
    value, grad = loss.value_and_grad(pred, target, mask=mask)
    grad = np.moveaxis(grad, loss.axis, 1)
    assert not grad[:, :, 3:].any()
    compare((value, grad[:, :, :3]), (expected[0], np.moveaxis(expected[1], loss.axis, 1)), dtype)
    for nothing in (
        loss.value_and_grad(pred, target, mask=np.zeros(target.shape)),
        loss.value_and_grad(pred[:0], target[:0]),
    ):
        assert nothing[0] == 0
        assert not nothing[1].any()


def test_errors(backend: str) -> None:
    loss = fl.DiceCE()
    pred, target = maps(loss)
    with pytest.raises(IndexError, match=r"target 4 at index \(0, 0, 0\) is out of range for 4 classes"):
        loss(pred, np.where(np.arange(429).reshape(3, 11, 13) == 0, 4, target))
    with pytest.raises(ValueError, match=r"mask must be >= 0, got -1 at index \(0, 0, 0\)"):
        loss(pred, target, mask=np.full((1, 1, 13), -1))
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(3,\), a weight for each sample"):
        loss(pred, target, sample_weight=np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"sample_weight must be >= 0, got -1.0 at index \(1,\)"):
        loss(pred, target, sample_weight=[0.0, -1.0, 0.0])
    with pytest.raises(ValueError, match="with batch=True there are none by themselves"):
        loss.replace(batch=True)(pred, target, sample_weight=np.ones(3))
    with pytest.raises(NotImplementedError, match="has no denominator"):
        loss(pred, target, denominator=3.0)
    with pytest.raises(NotImplementedError, match="does not add up over shards"):
        loss.partial(pred, target)
    with pytest.raises(ValueError, match="its terms have other items"):
        fl.DiceCE(reduction="none")
    with pytest.raises(ValueError, match='DiceFocal: axis=None, one class without an axis, needs activation="sigmoid"'):
        fl.DiceFocal(axis=None)
    with pytest.raises(ValueError, match=r"BinaryFocal: alpha must be in \[0, 1\], got 2.0"):
        fl.DiceFocal(activation="sigmoid", alpha=2.0)
    with pytest.raises(IndexError, match=r"target 7 at index \(0, 0, 0\) is out of range for 4 classes"):
        fl.DiceCE(activation="sigmoid", lambda_dice=0.0)(pred, np.full(target.shape, 7))


def test_terms_are_overlaps_and_pixels() -> None:
    for loss in MAP_SUMS:
        assert isinstance(loss.terms().terms[0][1], Overlaps)
        assert loss.replace() == loss
        assert (
            eval(repr(loss), {name: getattr(fl, name) for name in ("DiceCE", "DiceFocal")} | {"array": np.array})
            == loss
        )
