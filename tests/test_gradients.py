"""What trainers do with gradients: norms, clipping, checks against differences; weights and smoothing of labels."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from sampling import INSTANCES, OTHERS, PREDICTIONS, Case

import fusedloss as fl
from fusedloss.gradients import BLOCK
from fusedloss.kinds.rows import Rows

Array = np.ndarray
SHAPES: list[tuple[int, ...]] = [(), (0, 3), (5,), (3, 4, 5), (BLOCK + 7,), (300, 200)]


def gradients(dtype: Any, seed: int = 0) -> list[Array]:
    rng = np.random.default_rng(seed)
    arrays = [np.asarray(rng.normal(size=shape)).astype(dtype) for shape in SHAPES]
    arrays[3] = np.asfortranarray(arrays[3])
    arrays[5] = np.ascontiguousarray(arrays[5].T)[::2].T
    return arrays


def as_one(arrays: list[Array]) -> Array:
    return np.concatenate([x.astype(np.float64).ravel() for x in arrays])


@pytest.mark.parametrize("ord", [1, 1.5, 2, 3, np.inf])
@pytest.mark.parametrize("given", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_norms(ord: float, given: Any, backend: str) -> None:
    arrays = gradients(given)
    found = fl.grad_norm(arrays, ord)
    assert found.norm == pytest.approx(np.linalg.norm(as_one(arrays), ord), rel=1e-12)
    assert (found.nan, found.inf) == (0, 0)
    nested = {"w": arrays[:2], "rest": tuple(arrays[2:]), "frozen": None}
    assert fl.grad_norm(nested, ord) == found


def test_norms_do_not_depend_on_threads() -> None:
    arrays = [np.random.default_rng(0).normal(size=300_001), np.arange(-5, 70_000), np.ones(1000, bool)]
    arrays += [arrays[0].astype(np.float32)[::-1]]
    for ord in (1, 2):
        found = set()
        for threads in (1, 2, 3):
            with fl.num_threads(threads):
                found.add(fl.grad_norm(arrays, ord))
        assert len(found) == 1
        assert found.pop().norm == pytest.approx(np.linalg.norm(as_one(arrays), ord), rel=1e-12)


@pytest.mark.parametrize("size", [1e-300, 1e-20, 1e20, 1e300])
@pytest.mark.parametrize("ord", [1, 2, 4])
def test_norms_do_not_leave_the_range(size: float, ord: float, backend: str) -> None:
    arrays = [np.full(3, size), np.full((2, 2), -size / 2)]
    expected = size * np.linalg.norm([1, 1, 1, 0.5, 0.5, 0.5, 0.5], ord)
    assert fl.grad_norm(arrays, ord).norm == pytest.approx(expected, rel=1e-14)


def test_what_is_not_finite_is_counted(backend: str) -> None:
    arrays = [np.array([1.0, np.nan, np.inf]), np.array([[-np.inf], [np.inf]], np.float32), np.zeros(BLOCK)]
    assert fl.grad_norm(arrays[1:]) == (np.inf, 0, 2)
    found = fl.clip_grad_norm(arrays, 1.0)
    assert (np.isnan(found.norm), found.nan, found.inf) == (True, 1, 3)
    np.testing.assert_array_equal(arrays[0], [1, np.nan, np.inf])
    assert fl.clip_grad_value(arrays, 0.5) == (4, 1, 3)
    np.testing.assert_array_equal(arrays[0], [0.5, np.nan, 0.5])
    np.testing.assert_array_equal(arrays[1], [[-0.5], [0.5]])
    assert fl.grad_norm([]) == (0, 0, 0)
    assert fl.grad_norm(3.0) == (3, 0, 0)


@pytest.mark.parametrize("given", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 1e6])
def test_clipping_by_norm(given: Any, max_norm: float) -> None:
    arrays = gradients(given)
    before = [x.copy() for x in arrays]
    found = fl.clip_grad_norm(arrays, max_norm)
    assert found.norm == fl.grad_norm(before).norm
    factor = min(1.0, max_norm / found.norm)
    eps = float(ml_dtypes.finfo(given).eps)
    for x, y in zip(arrays, before, strict=True):
        assert x.dtype == given
        np.testing.assert_allclose(
            x.astype(float),
            factor * y.astype(float),
            rtol=2 * eps,
            atol=float(ml_dtypes.finfo(given).smallest_subnormal),
        )
    if max_norm == 0.5:
        assert fl.grad_norm(arrays).norm == pytest.approx(max_norm, rel=2 * eps)


@pytest.mark.parametrize("given", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_clipping_by_value(given: Any) -> None:
    arrays = gradients(given)
    before = as_one(arrays)
    found = fl.clip_grad_value(arrays, 0.75)
    np.testing.assert_array_equal(as_one(arrays), np.clip(before, -0.75, 0.75))
    assert found == (np.count_nonzero(np.abs(before) > 0.75), 0, 0)


@pytest.mark.parametrize("ord", [1.0, 2.0, np.inf])
def test_clipping_as_torch(ord: float) -> None:
    torch = pytest.importorskip("torch")
    arrays = [x for x in gradients(np.float32, seed=1) if x.size]
    parameters = [torch.nn.Parameter(torch.zeros(x.shape)) for x in arrays]
    for parameter, x in zip(parameters, arrays, strict=True):
        parameter.grad = torch.tensor(np.array(x, order="C"))
    theirs = torch.nn.utils.clip_grad_norm_(parameters, 0.7, norm_type=ord)
    assert fl.clip_grad_norm(arrays, 0.7, ord=ord).norm == pytest.approx(theirs.item(), rel=1e-5)
    for parameter, x in zip(parameters, arrays, strict=True):
        np.testing.assert_allclose(x, parameter.grad.numpy(), rtol=2e-5)


def test_gradients_that_cannot_be_clipped() -> None:
    good, read_only = np.full(3, 9.0), np.ones(2)
    read_only.flags.writeable = False
    for clip in (fl.clip_grad_norm, fl.clip_grad_value):
        for bad, error, message in (
            (np.ones(3, int), TypeError, "an array of int64"),
            ([1.0, 2.0], TypeError, "got list"),
            (read_only, ValueError, "read-only"),
        ):
            with pytest.raises(error, match=message):
                clip([good, bad], 1.0)
        with pytest.raises(ValueError, match="must be >= 0"):
            clip([good], -1.0)
        with pytest.raises(TypeError, match="must be a number"):
            clip([good], "1")
        with pytest.raises(TypeError, match="iterator"):
            clip((x for x in [good]), 1.0)
    assert (good == 9).all()
    with pytest.raises(ValueError, match="ord must be >= 1"):
        fl.grad_norm(good, 0.5)
    with pytest.raises(TypeError, match="grads must hold real numbers"):
        fl.grad_norm(np.ones(3, complex))


# ---- Checks against differences ----


@pytest.mark.parametrize("loss", [x for x in PREDICTIONS if x.reduction == "mean"], ids=repr)
def test_every_prediction_loss_passes_the_check(loss: Any) -> None:
    rng = np.random.default_rng(2)
    case = Case(loss, "labels" if isinstance(loss, Rows) else "float")
    operands = case.operands(rng, (6,), np.float64, away=0.05)
    report = fl.check_gradient(loss, *operands, rtol=1e-5)
    assert report, str(report)
    assert [row.what for row in report.rows] == ["grad of pred", "hess of pred", "hvp of pred"]
    assert report.rows[0].entries > 0


def test_the_check_covers_several_operands_and_keywords() -> None:
    rng = np.random.default_rng(3)
    loss = fl.CrossEntropy() + 0.5 * fl.L2Penalty()
    params = [rng.normal(size=(2, 3)), rng.normal(size=4)]
    report = fl.check_gradient(
        loss, rng.normal(size=(5, 3)), rng.integers(0, 3, 5), params=params, sample_weight=rng.uniform(0, 2, 5)
    )
    assert report, str(report)
    assert {row.what for row in report.rows} == {
        f"{order} of {name}" for order in ("grad", "hess", "hvp") for name in ("pred", "params")
    }
    for loss in OTHERS[:3]:
        assert isinstance(fl.check_gradient(loss, *[np.full(3, 0.7) for _ in loss.operands]), tuple)
    linear = fl.LinearCrossEntropy()
    report = fl.check_gradient(linear, rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), [0, 1, 2, 3])
    assert report
    assert len(report.rows) == 2
    divergence = fl.check_gradient(fl.KLDivergence(), rng.normal(size=(3, 4)), rng.dirichlet(np.ones(4), 3))
    assert divergence, str(divergence)  # by the target, too, which a call gives only if asked for
    assert [row.what for row in divergence.rows if "target" in row.what] == ["grad of target", "hess of target"]


def test_entries_beside_a_kink_are_skipped_and_counted() -> None:
    pred = np.array([0.0, 1e-5, 1.0])
    report = fl.check_gradient(fl.MAE(), pred, np.zeros(3))
    assert report
    assert report.rows[0].skipped == 1
    assert report.rows[0].entries == 2


def test_the_worst_entry_is_named() -> None:
    def wrong(z: Array, y: Array) -> Array:
        return 2 * (z - y) + np.where(z == 4.0, 0.01, 0) + np.where(z == 7.0, 0.5, 0)

    loss = fl.Custom(lambda z, y: (z - y) ** 2, wrong, lambda z, y: 2 + 0 * z)
    pred = np.arange(10.0).reshape(2, 5)
    report = fl.check_gradient(loss, pred, np.zeros((2, 5)))
    assert not report
    assert report.worst.worst == (1, 2)
    assert report.worst.given == pytest.approx(1.45)
    assert report.worst.numerical == pytest.approx(1.4)
    assert "(1, 2): 1.45, by differences 1.4" in str(report)
    few = fl.check_gradient(loss, pred, np.zeros((2, 5)), entries=3)
    assert few.rows[0].entries == 3
    np.testing.assert_array_equal(pred, np.arange(10.0).reshape(2, 5))


def test_check_of_losses_that_give_one_gradient_unless_told_otherwise() -> None:
    rng = np.random.default_rng(9)
    shares = rng.dirichlet(np.ones(4), 3)
    for loss, orders in ((fl.KLDivergence(), ("grad", "hess")), (fl.HistogramEMD(p=2), ("grad",))):
        report = fl.check_gradient(loss, rng.uniform(size=(3, 4)), shares)
        assert report, str(report)
        assert {f"{order} of {name}" for order in orders for name in ("pred", "target")} <= {
            r.what for r in report.rows
        }


def test_every_loss_of_the_registry_can_be_added() -> None:
    """And prints, pickles and replaces as a part of a sum."""
    for loss in INSTANCES:
        twice = 2 * loss + loss
        assert twice.operands == loss.operands
        assert twice.variables == loss.variables
        assert eval(repr(twice), {**vars(fl), "nan": np.nan, "inf": np.inf}) == twice


# ---- Labels ----


def test_class_weights() -> None:
    labels = np.repeat([0, 1, 3], [6, 3, 1]).reshape(2, 5)
    np.testing.assert_allclose(fl.class_weights(labels, 4), [10 / 24, 10 / 12, 0, 10 / 4])
    inverse = fl.class_weights(labels, 4, "inverse")
    np.testing.assert_allclose(inverse[[0, 1, 3]] * [6, 3, 1], inverse[3])
    assert inverse.sum() == pytest.approx(3)
    n = np.array([6, 3, 1])
    for beta in (0.9, 0.999999):
        expected = (1 - beta) / (1 - beta**n)
        found = fl.class_weights(labels, 4, "effective", beta=beta)
        np.testing.assert_allclose(found[[0, 1, 3]], 3 * expected / expected.sum(), rtol=1e-9)
    np.testing.assert_array_equal(fl.class_weights(labels, 4, "effective", beta=0), [1, 1, 0, 1])
    np.testing.assert_array_equal(fl.class_weights([-1, 0, 1, -1], 2, ignore_index=-1), [1, 1])
    np.testing.assert_array_equal(fl.class_weights([], 2), [0, 0])
    loss = fl.CrossEntropy(class_weight=fl.class_weights(labels, 4))
    assert loss.weight_total(labels) == pytest.approx(10 * 3 / 4)  # 1 an item, were every class there


def test_class_weights_as_scikit_learn() -> None:
    utils = pytest.importorskip("sklearn.utils.class_weight")
    labels = np.random.default_rng(4).integers(0, 5, 300)
    theirs = utils.compute_class_weight("balanced", classes=np.arange(5), y=labels)
    np.testing.assert_allclose(fl.class_weights(labels, 5), theirs, rtol=1e-14)


def test_smooth_labels() -> None:
    rng = np.random.default_rng(5)
    pred, labels = rng.normal(size=(4, 6, 5)), rng.integers(0, 5, (4, 6))
    for smoothing in (0, 0.1, 1.0):
        target = fl.smooth_labels(labels, 5, smoothing)
        assert target.shape == (4, 6, 5)
        np.testing.assert_allclose(target.sum(axis=-1), 1, rtol=1e-15)
        expected = fl.CrossEntropy(label_smoothing=smoothing)(pred, labels)
        assert fl.CrossEntropy()(pred, target) == pytest.approx(expected, rel=1e-13)
    assert fl.smooth_labels(labels, 5, dtype=np.float32).dtype == np.float32
    assert fl.smooth_labels([], 3).shape == (0, 3)


def test_labels_that_are_none() -> None:
    for function in (fl.class_weights, fl.smooth_labels):
        with pytest.raises(IndexError, match=r"labels 3 at index \(1,\) is out of range for 3 classes"):
            function([0, 3], 3)
        with pytest.raises(TypeError, match="labels holds labels and must be of an integer dtype"):
            function([0.0, 1.0], 3)
        with pytest.raises(ValueError, match="n_classes must be at least 1, got 0"):
            function([0], 0)
    with pytest.raises(ValueError, match="beta must be in"):
        fl.class_weights([0], 1, beta=1.0)
    with pytest.raises(ValueError, match="smoothing must be in"):
        fl.smooth_labels([0], 1, 1.5)
    with pytest.raises(ValueError, match="kind must be 'balanced'"):
        fl.class_weights([0], 1, "equal")  # type: ignore[arg-type]
