"""What losses of a softmax have beyond a loss: options that compose, and by-products of the same pass."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import fusedloss as fl

MASK = np.array([True, True, False, True, True, True])
ALL_OPTIONS: dict[str, Any] = {
    "temperature": 0.7,
    "softcap": 5.0,
    "z_loss": 0.05,
    "class_mask": MASK,
    "label_smoothing": 0.15,
    "class_weight": (0.5, 2.0, 1.0, 1.5, 0.3, 1.0),
}
LOSSES: list[Any] = [
    fl.CrossEntropy(**ALL_OPTIONS),
    fl.CrossEntropy(**ALL_OPTIONS, axis=0),
    fl.Focal(**ALL_OPTIONS, gamma=1.7, alpha=(0.5, 1, 2, 1, 0.2, 0.7)),
    fl.PolyLoss(**ALL_OPTIONS, epsilon=1.3),
    fl.GeneralizedCrossEntropy(**ALL_OPTIONS, q=0.4),
    fl.SymmetricCrossEntropy(**ALL_OPTIONS, alpha=0.6, beta=0.4),
]


def plainly(loss: Any, z: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """The mean of a loss of rows of logits and distributions, as one would write it down."""
    x = loss.softcap * np.tanh(z / loss.softcap) / loss.temperature
    e = np.where(loss.class_mask, np.exp(x), 0)
    p = e / e.sum(axis=1, keepdims=True)
    t = (1 - loss.label_smoothing) * y + loss.label_smoothing / loss.class_mask.sum()
    with np.errstate(divide="ignore"):
        n = -np.log(p)
    each = {
        "CrossEntropy": lambda: n,
        "Focal": lambda: loss.alpha * (1 - p) ** loss.gamma * n,
        "PolyLoss": lambda: n + loss.epsilon * (1 - p),
        "GeneralizedCrossEntropy": lambda: (1 - p**loss.q) / loss.q,
        "SymmetricCrossEntropy": lambda: loss.alpha * n - loss.beta * loss.A * (1 - p),
    }[type(loss).__name__]()
    items = np.sum(np.where(loss.class_mask, t * each, 0), axis=1) + loss.z_loss * np.log(e.sum(axis=1)) ** 2
    w = weight * (y @ loss.class_weight)
    return float(np.sum(w * items) / np.sum(w))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_options_compose(loss: Any, soft: bool, dtype: np.dtype) -> None:
    """All at once, against a plain formula in float64; derivatives against its differences."""
    rng = np.random.default_rng(0)
    z = rng.normal(0, 3, (9, 6)).astype(dtype).astype(float)
    labels = rng.choice(np.flatnonzero(MASK), 9)
    y = np.where(MASK, rng.dirichlet(np.ones(6), 9), 0) if soft else np.eye(6)[labels]
    weight = rng.uniform(0, 2, 9)
    turned = loss.axis == 0
    target = (y.T if turned else y) if soft else labels
    pred = (z.T if turned else z).astype(dtype)
    vector = rng.normal(0, 1, z.shape)
    value, grad, hess = loss.value_grad_and_hess(pred, target, sample_weight=weight)
    product = loss.hvp(pred, target, vector=vector.T if turned else vector, sample_weight=weight)
    if turned:
        grad, hess, product = grad.T, hess.T, product.T
    rel = 1e-10 if dtype == np.float64 else 2e-6
    assert value == pytest.approx(plainly(loss, z, y, weight), rel=rel)

    def slope(at: np.ndarray) -> np.ndarray:
        result = np.empty(at.shape)
        for i in np.ndindex(at.shape):
            step = np.zeros(at.shape)
            step[i] = 1e-5
            result[i] = (plainly(loss, at + step, y, weight) - plainly(loss, at - step, y, weight)) / 2e-5
        return result

    tolerance = {"rtol": 1e-6 if dtype == np.float64 else 1e-4, "atol": 1e-9 if dtype == np.float64 else 1e-7}
    np.testing.assert_allclose(grad, slope(z), **tolerance)
    wide = loss.replace(axis=-1)

    def exactly(at: np.ndarray) -> np.ndarray:
        result: np.ndarray = wide.grad(at, y if soft else labels, sample_weight=weight)
        return result

    h = 1e-6
    along = (exactly(z + h * vector) - exactly(z - h * vector)) / (2 * h)
    np.testing.assert_allclose(product, along, rtol=1e-4, atol=1e-7)
    for column in range(6):
        step = np.zeros(z.shape)
        step[:, column] = h
        curve = (exactly(z + step) - exactly(z - step))[:, column] / (2 * h)
        np.testing.assert_allclose(hess[:, column], curve, rtol=1e-4, atol=1e-7)
    assert not grad[:, ~MASK].any()
    assert not hess[:, ~MASK].any()
    assert not product[:, ~MASK].any()


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("shape", [(40,), (5, 3, 4)])
@pytest.mark.parametrize("classes", [1, 2, 10, 64, 100, 2000])
@pytest.mark.parametrize("options", [{}, {"temperature": 2.0, "softcap": 3.0, "z_loss": 0.1}], ids=str)
def test_by_products(shape: tuple[int, ...], classes: int, options: dict[str, Any], dtype: np.dtype) -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(0, 4, (*shape, classes)).astype(dtype)
    labels = rng.integers(0, classes, shape)
    labels.flat[3] = -100
    weight = np.ones(shape)
    weight.flat[5] = 0
    for loss in (fl.CrossEntropy(ignore_index=-100, **options), fl.Focal(ignore_index=-100, axis=0, **options)):
        pred = np.moveaxis(z, -1, loss.axis)
        aux = loss.with_aux(pred, labels, sample_weight=weight)
        value, grad = loss.value_and_grad(pred, labels, sample_weight=weight)
        assert aux.value == value
        np.testing.assert_array_equal(aux.grad, grad)
        x = z.astype(float)
        if options:
            x = 3 * np.tanh(x / 3) / 2
        lse = np.log(np.sum(np.exp(x), axis=-1))
        p = np.exp(x - lse[..., np.newaxis])
        counts = (labels >= 0) & (weight > 0)
        chosen = np.take_along_axis(x, np.maximum(labels, 0)[..., np.newaxis], axis=-1)[..., 0]
        best = np.argmax(z, axis=-1)
        tolerance = {"rtol": 1e-5 if dtype == np.float32 else 1e-12, "atol": 1e-5 if dtype == np.float32 else 1e-12}
        np.testing.assert_allclose(aux.logprob, np.where(counts, chosen - lse, np.nan), **tolerance)
        np.testing.assert_allclose(aux.lse, np.where(counts, lse, np.nan), **tolerance)
        entropy = -np.sum(p * np.log(p), axis=-1)
        np.testing.assert_allclose(aux.entropy, np.where(counts, entropy, np.nan), **tolerance)
        np.testing.assert_array_equal(aux.argmax, np.where(counts, best, -1))
        np.testing.assert_array_equal(aux.correct, counts & (best == labels))
        assert aux.logprob.dtype == dtype
        assert loss.with_aux(pred, labels, sample_weight=weight, grad=False).grad is None


@pytest.mark.usefixtures("backend")
def test_by_products_of_unusual_rows() -> None:
    """The first of equal maxima; -1 where there is no softmax; certainty has no entropy."""
    z = [[1.0, 3.0, 3.0], [-np.inf, 0.0, -np.inf], [np.nan, 0.0, 1.0], [-np.inf] * 3, [-np.inf, 5.0, 5.0]]
    aux = fl.CrossEntropy(reduction="none").with_aux(z, [1, 1, 2, 0, 2])
    assert aux.argmax.tolist() == [1, 1, -1, -1, 1]
    assert aux.correct.tolist() == [True, True, False, False, False]
    np.testing.assert_array_equal(np.isnan(aux.lse), [False, False, True, True, False])
    assert aux.entropy[1] == 0
    assert aux.entropy[4] == pytest.approx(np.log(2))
    assert aux.logprob[1] == 0


def test_scoring_allocates_nothing_of_the_logits_size() -> None:
    """Logits of a language model: by-products are one number a row."""
    z = np.random.default_rng(2).normal(0, 3, (64, 32000)).astype(np.float32)
    labels = np.zeros(64, np.int64)
    loss = fl.CrossEntropy()
    loss.with_aux(z, labels, grad=False)
    tracemalloc.start()
    try:
        loss.with_aux(z, labels, grad=False)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("backend")
def test_by_products_that_are_asked_for() -> None:
    z, labels = np.random.default_rng(3).normal(0, 3, (30, 7)), np.arange(30) % 7
    loss = fl.CrossEntropy()
    everything = loss.with_aux(z, labels, grad=False)
    for names in (("logprob", "correct"), ("argmax",), ("entropy", "lse"), ()):
        aux = loss.with_aux(z, labels, grad=False, aux=names)
        for name in ("logprob", "lse", "argmax", "correct", "entropy"):
            if name in names:
                np.testing.assert_array_equal(getattr(aux, name), getattr(everything, name))
            else:
                assert getattr(aux, name) is None
    with pytest.raises(ValueError, match="aux must be"):
        loss.with_aux(z, labels, aux=("top5",))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("classes", [1, 2, 7, 64, 70, 1100])
@pytest.mark.parametrize("soft", [False, True], ids=["labels", "distributions"])
@pytest.mark.parametrize(
    "options",
    [{}, {"label_smoothing": 0.1, "class_weight": True}, {"temperature": 2.0, "softcap": 3.0}, {"class_mask": True}],
    ids=str,
)
def test_hessians_of_boosting(options: dict[str, Any], soft: bool, classes: int, order: Any, dtype: np.dtype) -> None:
    """Those of XGBoost and LightGBM, and the size of the gradient; into arrays of either order."""
    rng = np.random.default_rng(4)
    rows = 37
    z = np.asarray(rng.normal(0, 3, (rows, classes)), dtype, order=order)
    live = np.ones(classes, bool)
    given = dict(options)
    if "class_mask" in given:
        live[classes // 2 :: 3] = classes == 1
        given["class_mask"] = live
    if "class_weight" in given:
        given["class_weight"] = rng.uniform(0.5, 2, classes)
    labels = rng.choice(np.flatnonzero(live), rows)
    target = (rng.dirichlet(np.ones(classes), rows) * live).astype(dtype) if soft else labels
    weight = rng.uniform(0.5, 2, rows)
    loss: Any = fl.CrossEntropy(reduction="sum", **given)
    keywords: dict[str, Any] = {"sample_weight": weight}
    grad, exact = loss.grad_and_hess(z, target, **keywords)
    items = weight.copy()
    if "class_weight" in given:
        items *= target.astype(float) @ given["class_weight"] if soft else given["class_weight"][labels]
    kept = live.sum()
    floor = 0.01
    for name, expected in {
        "diag": exact,
        "upper": 2 * exact.astype(float),
        "k_over_k_minus_1": exact.astype(float) * kept / max(kept - 1, 1),
        "abs": np.abs(grad),
    }.items():
        out, out_hess = (np.empty(z.shape, np.float32, order=order) for _ in range(2))
        loss.grad_and_hess(z, target, hessian=name, min_hessian=floor, out=out, out_hess=out_hess, **keywords)
        np.testing.assert_allclose(out, grad, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(
            out_hess, np.maximum(expected, floor * items[:, np.newaxis]), rtol=3e-6, atol=1e-7, err_msg=name
        )
    with pytest.raises(ValueError, match="needs logits"):
        fl.CrossEntropy(from_logits=False).grad_and_hess([[0.5, 0.5]], [0], hessian="upper")


def test_what_by_products_need() -> None:
    z, soft = np.zeros((2, 3)), np.full((2, 3), 1 / 3)
    with pytest.raises(ValueError, match="needs integer labels"):
        fl.CrossEntropy().with_aux(z, soft)
    with pytest.raises(ValueError, match="needs logits"):
        fl.CrossEntropy(from_logits=False).with_aux(soft, [0, 1])
    with pytest.raises(ValueError, match="grad=False"):
        fl.CrossEntropy().with_aux(z, [0, 1], out=z, grad=False)


@pytest.mark.usefixtures("backend")
def test_targets_on_classes_that_are_left_out() -> None:
    loss: Any = fl.CrossEntropy(class_mask=[True, False, True], ignore_index=-1)
    assert loss(np.zeros((3, 3)), [0, -1, 2]) == pytest.approx(np.log(2))
    with pytest.raises(ValueError, match=r"target 1 at index \(2,\) is a class that class_mask leaves out"):
        loss(np.zeros((3, 3)), [0, 2, 1])
    with pytest.raises(ValueError, match=r"target 0\.5 at index \(0, 1\) is on a class that class_mask leaves out"):
        loss(np.zeros((1, 3)), [[0.5, 0.5, 0.0]])
    with pytest.raises(ValueError, match="class_mask has 3 entries, but pred has 4 classes"):
        loss(np.zeros((1, 4)), [0])
    with pytest.raises(ValueError, match="at least one True"):
        fl.CrossEntropy(class_mask=[False, False])
    with pytest.raises(TypeError, match="array of bool"):
        fl.CrossEntropy(class_mask=[1, 0])


def test_targets_on_classes_that_are_left_out_far_behind() -> None:
    """Targets are looked at some at a time: wherever one is wrong, it is named."""
    items, at = 150_000, 140_001
    pred, labels = np.zeros((items, 3), np.float32), np.zeros(items, int)
    labels[at] = 2
    loss = fl.CrossEntropy(class_mask=[True, True, False])
    with pytest.raises(ValueError, match=rf"target 2 at index \({at},\) is a class"):
        loss(pred, labels)
    labels[at] = -100
    assert loss.replace(ignore_index=-100)(pred, labels) == pytest.approx(np.log(2))
    target = np.zeros((items, 3), np.float32)
    target[:, 0] = 1
    target[at, 2] = 0.25
    with pytest.raises(ValueError, match=rf"target 0.25 at index \({at}, 2\) is on a class"):
        loss(pred, target)
    with pytest.raises(ValueError, match=rf"target 0.25 at index \(2, {at}\) is on a class"):
        loss.replace(axis=0)(pred.T, target.T)
    with pytest.raises(ValueError, match=r"target 2 at index \(\) is a class"):
        loss(pred[0], np.int64(2))


@pytest.mark.parametrize(
    "options", [{"temperature": 2}, {"softcap": 1}, {"z_loss": 1}, {"class_mask": [True]}], ids=str
)
def test_probabilities_are_no_logits(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} needs logits"):
        fl.CrossEntropy(from_logits=False, **options)


@pytest.mark.parametrize("from_logits", [False, True])
def test_truncated_generalised_cross_entropy(from_logits: bool, dtype: np.dtype) -> None:
    """A class at or below k costs a constant, and pulls nowhere."""
    p = np.array([[0.05, 0.95], [0.3, 0.7], [0.31, 0.69]], dtype)
    pred = p if from_logits is False else np.log(p)
    for q in (0.0, 0.5):
        loss: Any = fl.GeneralizedCrossEntropy(q=q, truncate=0.3001, from_logits=from_logits, reduction="none")
        value, grad, hess = loss.value_grad_and_hess(pred, [0, 0, 0])
        most = -np.log(0.3001) if q == 0 else (1 - 0.3001**q) / q
        last = -np.log(p[2, 0]) if q == 0 else (1 - p[2, 0] ** q) / q
        np.testing.assert_allclose(value, [most, most, last], rtol=1e-6)
        assert not grad[:2].any()
        assert not hess[:2].any()
        assert grad[2, 0] < 0


def test_generalised_cross_entropy_goes_to_cross_entropy(dtype: np.dtype) -> None:
    z = np.random.default_rng(3).normal(0, 3, (50, 7)).astype(dtype)
    labels = np.arange(50) % 7
    whole = fl.CrossEntropy().value_and_grad(z, labels)
    for q in (0.0, 1e-30):
        value, grad = fl.GeneralizedCrossEntropy(q=q).value_and_grad(z, labels)
        assert value == pytest.approx(whole[0], rel=1e-6 if dtype == np.float32 else 1e-14)
        np.testing.assert_allclose(grad, whole[1], rtol=1e-5 if dtype == np.float32 else 1e-13)


LONG = {
    "ascending": lambda rng, n: np.sort(rng.normal(0, 4, n)),
    "descending": lambda rng, n: np.sort(rng.normal(0, 4, n))[::-1],
    "alike": lambda rng, n: np.full(n, 1.5),
    "two peaks": lambda rng, n: np.where(np.isin(np.arange(n), (3, n - 1)), 9.0, rng.normal(0, 1, n)),
    "late": lambda rng, n: np.where(np.arange(n) < 2 * n // 3, -np.inf, rng.normal(0, 4, n)),
    "far apart": lambda rng, n: np.where(np.arange(n) < n // 2, -300.0, 300.0) + rng.normal(0, 1, n),
}


@pytest.mark.parametrize("shape", LONG)
@pytest.mark.parametrize("classes", [1024, 1025, 2047, 3 * 1024 + 17, 40_000])
def test_maxima_of_long_rows_wherever_they_lie(shape: str, classes: int, dtype: np.dtype) -> None:
    """A row is added up relative to a maximum that holds until a larger one is met."""
    rng = np.random.default_rng(classes)
    z = np.ascontiguousarray([LONG[shape](rng, classes) for _ in range(3)]).astype(dtype)
    y = np.array([classes - 1, int(z[1].argmax()), int(rng.integers(2 * classes // 3, classes))])
    loss = fl.CrossEntropy(reduction="none")
    wide = z.astype(np.float64)
    top = wide.max(axis=1)
    e = np.exp(wide - top[:, None])
    log_sum = top + np.log(e.sum(axis=1))
    expected = log_sum - wide[np.arange(3), y]
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(loss(z, y), expected, rtol=4 * eps, atol=4 * eps * np.abs(top).max())
    value, grad = loss.value_and_grad(z, y)
    np.testing.assert_allclose(loss(z, y), value, rtol=4 * eps)
    slope = e / e.sum(axis=1, keepdims=True)
    digits = 8 - np.log(np.maximum(slope, 1e-300)) * (dtype == np.float64)  # the exponent is rounded here, too
    slope[np.arange(3), y] = np.expm1(-expected)
    assert np.all(np.abs(grad - slope) <= digits * eps * np.abs(slope) + np.finfo(dtype).smallest_normal)
    aux = loss.with_aux(z, y, grad=False, aux=("argmax", "lse"))
    assert np.array_equal(aux.argmax, z.argmax(axis=1))
    np.testing.assert_allclose(aux.lse, log_sum, rtol=4 * eps)
