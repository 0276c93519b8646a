"""Divergences: against their references, 50 digits where the sides are close, their own derivatives, both gradients."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import mpmath
import numpy as np
import pytest
from closeness import assert_close
from sampling import DIVERGENCES

import fusedloss as fl

each_loss = pytest.mark.parametrize("loss", DIVERGENCES, ids=repr)
both_logits = pytest.mark.parametrize(
    "loss",
    [
        fl.KLDivergence(target_kind="logits"),
        fl.KLDivergence(target_kind="logits", reverse=True),
        fl.KLDivergence(target_kind="logits", temperature=2.0),
        fl.JensenShannon(target_kind="logits"),
        fl.JensenShannon(target_kind="logits", beta=0.2),
    ],
    ids=repr,
)

Array = np.ndarray


def side(rng: np.random.Generator, kind: str, shape: tuple[int, ...], away: bool = False) -> Array:
    """Rows of a kind; probabilities have zeros and numbers about eps among them, unless they are to be away of it."""
    z = rng.normal(0, 3 if not away else 1, shape)
    if kind == "logits":
        return z
    p = np.exp(z) / np.sum(np.exp(z), axis=-1, keepdims=True)
    if kind == "log_probs":
        return np.log(p)
    small = rng.choice([0.0, 1e-9, 1e-3, 0.5e-7], shape)
    return p if away else np.where(rng.random(shape) < 0.2, small, p)


def operands_of(
    loss: Any, shape: tuple[int, ...], dtype: Any = np.float64, seed: int = 0, away: bool = False
) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    sides = (side(rng, kind, shape, away) for kind in (loss.pred_kind, loss.target_kind))
    pred, target = (np.ascontiguousarray(np.moveaxis(x, -1, loss.axis), dtype) for x in sides)
    return pred, target


def everything(loss: Any, operands: tuple[Array, ...], vector: Array, **keywords: Any) -> dict[str, Any]:
    value, grads, hess = loss.value_grad_and_hess(*operands, wrt="both", **keywords)
    found = {"value": value, "hvp": loss.hvp(*operands, vector=vector, **keywords)}
    for k, name in enumerate(("pred", "target")):
        found |= {f"grad of {name}": grads[k], f"hess of {name}": hess[k]}
    return found


def compare(loss: Any, operands: tuple[Array, Array], vector: Array, **keywords: Any) -> None:
    """Holds all results to the references' in float64.

    What a row adds up, the slopes of a softmax among it, cannot be more accurate than the largest of its terms; the
    reference in float64 rounds as often as the kernel. Beyond, results are allowed what they move by when operands are
    rounded otherwise, by as much as for any loss whose derivatives cross 0: see `reference_and_slack`.
    """
    dtype = operands[0].dtype
    eps = float(np.finfo(dtype).eps)
    shift = 4 * loss.facts.tolerance * eps
    actual = everything(loss, operands, vector, **keywords)
    with fl.use_backend("numpy"):
        wide = (operands[0].astype(np.float64), operands[1].astype(np.float64))
        expected = everything(loss, wide, vector.astype(np.float64), **keywords)
        moves = dict.fromkeys(expected, 0.0)
        signs = np.random.default_rng(0)
        for _ in range(12):
            near = tuple(_rounded(x, kind, shift, signs, loss.eps) for x, kind in zip(wide, kinds(loss), strict=True))
            turned = vector * (1 + shift * signs.choice([-1.0, 1.0], vector.shape))
            held = loss.eps * (1 - shift * np.log(loss.eps) * signs.choice([-1.0, 1.0]))
            other = everything(loss.replace(eps=held), near, turned, **keywords)
            moves = {name: np.maximum(moves[name], np.abs(other[name] - expected[name])) for name in expected}
    epsilons = loss.facts.tolerance + (np.sqrt(operands[0].shape[loss.axis]) / 2 if dtype == np.float64 else 0)
    for name, each in actual.items():
        slack = np.asarray(moves[name]) * (2 if dtype == np.float64 else 1)  # the reference rounds as often
        if name != "value":
            largest = np.max(np.abs(expected[name]), axis=loss.axis, keepdims=True, initial=0)
            slack = slack + epsilons * eps * largest
            assert each.dtype == dtype
        assert_close(each, expected[name], epsilons, dtype, slack, what=f"{loss}, {name}")


def kinds(loss: Any) -> tuple[str, str]:
    return loss.pred_kind, loss.target_kind


def _rounded(x: Array, kind: str, shift: float, rng: np.random.Generator, held: float) -> Array:
    """Each entry moved by itself: a probability, its logarithm or a logit.

    Probabilities do not cross the bound where they are held, nor leave [0, 1].
    """
    signs = rng.choice([-1.0, 1.0], x.shape)
    if kind != "probs":
        return x + shift * signs * np.maximum(np.abs(x), 1)
    with np.errstate(divide="ignore"):  # its logarithm is rounded too
        moved = x * (1 + shift * signs * np.clip(np.abs(np.log(x)), 1, 100))
    return np.where((moved < held) == (x < held), np.clip(moved, 0, 1), x)


@each_loss
@pytest.mark.parametrize("weighted", [False, True])
def test_reductions_and_weights(loss: Any, dtype: np.dtype, reduction: str, weighted: bool) -> None:
    rng = np.random.default_rng(1)
    loss = loss.replace(reduction=reduction)
    operands = operands_of(loss, (4, 9, 5), dtype)
    items = np.moveaxis(operands[0], loss.axis, -1).shape[:-1]
    keywords: dict[str, Any] = {}
    if weighted:
        keywords["sample_weight"] = np.where(rng.random(items) < 0.3, 0, rng.uniform(0.5, 2, items))
    compare(loss, operands, rng.normal(size=operands[0].shape).astype(dtype), **keywords)


@each_loss
@pytest.mark.parametrize("classes", [1, 2, 7, 8, 16, 17, 63, 64, 65, 127, 1000, 4097])
def test_numbers_of_classes(loss: Any, dtype: np.dtype, classes: int) -> None:
    operands = operands_of(loss, (3, classes), dtype, classes)
    items = np.moveaxis(operands[0], loss.axis, -1).shape[:-1]
    weight = np.arange(items[0])
    compare(loss, operands, np.random.default_rng(2).normal(size=operands[0].shape).astype(dtype), sample_weight=weight)


@each_loss
@pytest.mark.parametrize("rows", [0, 1, 15, 17, 513])
def test_numbers_of_rows(loss: Any, dtype: np.dtype, rows: int) -> None:
    operands = operands_of(loss, (rows, 4), dtype, rows)
    compare(loss, operands, np.random.default_rng(3).normal(size=operands[0].shape).astype(dtype))


@each_loss
@pytest.mark.parametrize("classes", [6, 70])
@pytest.mark.parametrize("narrow", [np.float16, ml_dtypes.bfloat16])
def test_narrow_floats(loss: Any, classes: int, narrow: Any) -> None:
    """Read and written directly; the arithmetic is that of float32, and results are its results rounded."""
    pred, target = (x.astype(narrow) for x in operands_of(loss, (20, classes)))
    given = everything(loss, (pred, target), pred)
    wide = everything(loss, (pred.astype(np.float32), target.astype(np.float32)), pred)
    assert given.pop("value") == wide.pop("value")
    for name, each in given.items():
        assert each.dtype == narrow
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(each, wide[name].astype(narrow), err_msg=name)


@each_loss
@pytest.mark.parametrize("isa", fl._core.supported_isas())
def test_instruction_sets(loss: Any, dtype: np.dtype, isa: str) -> None:
    before = fl._core.isa()
    fl._core.select_isa(isa)
    try:
        for classes in (5, 70):
            operands = operands_of(loss, (17, classes), dtype)
            compare(loss, operands, operands[0])
    finally:
        fl._core.select_isa(before)


@each_loss
@pytest.mark.usefixtures("backend")
def test_derivatives_are_those_of_the_value(loss: Any) -> None:
    loss = loss.replace(reduction="sum")
    operands = operands_of(loss, (7, 6), away=True)
    rng = np.random.default_rng(4)
    steps = [
        rng.normal(size=x.shape) * (1e-4 * x if kind == "probs" else 1e-4)
        for x, kind in zip(operands, kinds(loss), strict=True)
    ]
    for k, name in enumerate(("pred", "target")):
        high, low = ([x + way * steps[k] * (j == k) for j, x in enumerate(operands)] for way in (1, -1))
        size = np.sum(np.abs(loss.grad(*operands, wrt=name) * steps[k]))
        slope = np.sum(loss.grad(*operands, wrt=name) * steps[k])
        assert slope == pytest.approx((loss(*high) - loss(*low)) / 2, rel=1e-6, abs=1e-6 * size)
    high, low = ([operands[0] + way * steps[0], operands[1]] for way in (1, -1))
    difference = (loss.grad(*high) - loss.grad(*low)) / 2
    product = loss.hvp(*operands, vector=steps[0])
    np.testing.assert_allclose(product, difference, rtol=1e-5, atol=1e-6 * np.max(np.abs(difference)))
    hess = loss.grad_and_hess(*operands)[1]
    classes = np.moveaxis(np.zeros(operands[0].shape), loss.axis, -1).shape[-1]
    for c in range(classes):
        unit = np.zeros(operands[0].shape)
        np.moveaxis(unit, loss.axis, -1)[..., c] = 1
        column = np.moveaxis(loss.hvp(*operands, vector=unit), loss.axis, -1)[..., c]
        diagonal = np.moveaxis(hess, loss.axis, -1)[..., c]
        np.testing.assert_allclose(column, diagonal, rtol=1e-10, atol=1e-13 * np.max(np.abs(hess)))


@each_loss
@pytest.mark.usefixtures("backend")
def test_wrt_and_out(loss: Any, dtype: np.dtype) -> None:
    """The gradient by pred is the default; the target's is that of the exchanged loss; outputs may be the operands."""
    pred, target = operands_of(loss, (11, 5), dtype)
    value, grad = loss.value_and_grad(pred, target)
    assert isinstance(grad, np.ndarray)
    of_target = loss.grad(pred, target, wrt="target")
    again, both = loss.value_and_grad(pred, target, wrt=("pred", "target"))
    assert again == value == loss(pred, target)
    np.testing.assert_array_equal(both[0], grad)
    np.testing.assert_array_equal(both[1], of_target)
    np.testing.assert_array_equal(loss.exchanged.grad(target, pred), of_target)
    outs = pred.copy(), target.copy()
    given = loss.grad(*outs, wrt="both", out=outs)
    assert given[0] is outs[0]
    assert given[1] is outs[1]
    np.testing.assert_array_equal(outs[0], grad)
    np.testing.assert_array_equal(outs[1], of_target)
    _, (hess, hess_of_target) = loss.grad_and_hess(pred, target, wrt="both")
    np.testing.assert_array_equal(hess, loss.grad_and_hess(pred, target)[1])
    np.testing.assert_array_equal(hess_of_target, loss.grad_and_hess(pred, target, wrt="target")[1])
    with pytest.raises(ValueError, match="pred alone"):
        loss.hvp(pred, target, vector=pred, wrt="both")
    with pytest.raises(ValueError, match="wrt must name"):
        loss.grad(pred, target, wrt="nothing")


@each_loss
def test_layouts_change_no_bit(loss: Any, dtype: np.dtype) -> None:
    loss = loss.replace(reduction="none")
    operands = operands_of(loss, (6, 70), dtype)
    expected = loss.value_grad_and_hess(*operands)
    for changed in (
        tuple(np.repeat(x, 2, axis=0)[::2] for x in operands),
        tuple(np.ascontiguousarray(x[::-1])[::-1] for x in operands),
        tuple(x.astype(x.dtype.newbyteorder()) for x in operands),
    ):
        for actual, wanted in zip(loss.value_grad_and_hess(*changed), expected, strict=True):
            np.testing.assert_array_equal(actual, wanted)


@each_loss
def test_all_calls_give_the_same_bits(loss: Any, dtype: np.dtype) -> None:
    """Whichever results are asked for, plain or through the general case, with any number of threads."""
    operands = operands_of(loss, (333, 40), dtype)
    value, grad, hess = loss.value_grad_and_hess(*operands)
    for threads in (1, 2, 5):
        with fl.num_threads(threads):
            assert loss(*operands) == value
            assert loss(*operands, sample_weight=np.ones(1)) == value
            for keywords in ({}, {"wrt": "pred"}):
                again, slope = loss.value_and_grad(*operands, **keywords)
                assert again == value
                np.testing.assert_array_equal(slope, grad)
            np.testing.assert_array_equal(loss.grad_and_hess(*operands)[1], hess)


@both_logits
@pytest.mark.parametrize("distance", [1.0, 1e-2, 1e-4])
@pytest.mark.parametrize("shift", [0.0, 3.0, 40.0])
@pytest.mark.parametrize("isa", fl._core.supported_isas())
def test_close_logits_in_fifty_digits(loss: Any, dtype: np.dtype, distance: float, shift: float, isa: str) -> None:
    """The divergence of a model and its copy of fewer bits, which log-probabilities by themselves have lost."""
    rng = np.random.default_rng(5)
    target = rng.normal(0, 2, (3, 70)).astype(dtype)
    pred = (target + shift + distance * rng.normal(size=target.shape)).astype(dtype)
    before = fl._core.isa()
    fl._core.select_isa(isa)
    try:
        value = loss.replace(reduction="none")(pred, target)
    finally:
        fl._core.select_isa(before)
    with mpmath.workdps(50):
        for row in range(3):
            u, w = (softmax(loss, side[row]) for side in (pred, target))
            exact = exactly(loss, w, u)
            epsilons = 32 * (1 + shift / 8) if loss.temperature == 1 else 64 * (1 + shift / 8)
            assert abs(float(value[row]) / float(exact) - 1) < epsilons * float(np.finfo(dtype).eps)


@both_logits
@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("distance", ["small", "of all", "of most"])
def test_gradients_of_logits_in_fifty_digits(loss: Any, dtype: np.dtype, distance: str) -> None:
    """To the accuracy of a row's largest, where their terms by probabilities are as good as equal.

    Nothing is left of these where the sides are close, or where each has next to nothing of what the other has.
    """
    rng = np.random.default_rng(8)
    target = rng.normal(0, 1, (2, 20))
    pred = target + 1e-3 * rng.normal(size=target.shape)
    if distance == "of all":
        pred[:, :3] += 25
        target[:, 3:5] += 25
    elif distance == "of most":
        pred[:, :4] += 18
        target[:, 2:5] += 22
    pred, target = pred.astype(dtype), target.astype(dtype)
    grads = loss.replace(reduction="sum").grad(pred, target, wrt="both")
    with mpmath.workdps(50):
        for row in range(2):
            sides = [softmax(loss, side[row]) for side in (pred, target)]
            for grad, slopes, p in zip(grads, slopes_by_logarithms(loss, *sides), sides, strict=True):
                total = mpmath.fsum(slopes)
                exact = np.array([(f - x * total) / loss.temperature for f, x in zip(slopes, p, strict=True)], float)
                error = np.max(np.abs(grad[row] - exact)) / np.max(np.abs(exact))
                assert error < 32 * float(np.finfo(dtype).eps)


def softmax(loss: Any, logits: Array) -> list[Any]:
    e = [mpmath.exp(mpmath.mpf(float(z)) / loss.temperature) for z in logits]
    return [x / mpmath.fsum(e) for x in e]


def slopes_by_logarithms(loss: Any, u: list[Any], w: list[Any]) -> tuple[list[Any], list[Any]]:
    """Of the prediction and of the target, but for multiples of their probabilities."""
    if isinstance(loss, fl.KLDivergence):
        p, q = (u, w) if loss.reverse else (w, u)
        of_p = [x * mpmath.log(x / y) for x, y in zip(p, q, strict=True)]
        return (of_p, [-x for x in p]) if loss.reverse else ([-x for x in p], of_p)
    beta = mpmath.mpf(loss.beta)
    m = [beta * x + (1 - beta) * y for x, y in zip(w, u, strict=True)]
    return (
        [(1 - beta) * x * mpmath.log(x / y) for x, y in zip(u, m, strict=True)],
        [beta * x * mpmath.log(x / y) for x, y in zip(w, m, strict=True)],
    )


def exactly(loss: Any, w: list[Any], u: list[Any]) -> Any:
    def divergence(p: list[Any], q: list[Any]) -> Any:
        return mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(p, q, strict=True) if x != 0)

    if isinstance(loss, fl.KLDivergence):
        return divergence(u, w) if loss.reverse else divergence(w, u)
    beta = mpmath.mpf(loss.beta)
    m = [beta * x + (1 - beta) * y for x, y in zip(w, u, strict=True)]
    return beta * divergence(w, m) + (1 - beta) * divergence(u, m)


@both_logits
@pytest.mark.usefixtures("backend")
def test_equal_logits(loss: Any, dtype: np.dtype) -> None:
    """A value and gradients of exactly 0."""
    z = np.random.default_rng(6).normal(0, 5, (9, 33)).astype(dtype)
    for changed in [loss] + ([loss.replace(sqrt=True)] if isinstance(loss, fl.JensenShannon) else []):
        value, grads = changed.value_and_grad(z, z.copy(), wrt="both")
        assert value == 0
        assert not any(grad.any() for grad in grads)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("reverse", [False, True])
def test_zeros(reverse: bool, dtype: np.dtype) -> None:
    """0 log 0 = 0, the other zeros count as eps; a class that neither side has does nothing; gradients are finite."""
    kl: Any = fl.KLDivergence(pred_kind="probs", eps=1e-3, reverse=reverse, reduction="none")
    pred, target = np.array([[0.0, 1.0, 0.0]], dtype), np.array([[0.0, 0.5, 0.5]], dtype)
    value, grad, hess = kl.value_grad_and_hess(pred, target)
    expected = np.log(2) if reverse else 0.5 * np.log(0.5) + 0.5 * np.log(500)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert np.isfinite(grad).all()
    assert np.isfinite(hess).all()
    assert kl(target, target)[0] == 0
    inf = np.inf
    kl = kl.replace(pred_kind="logits", target_kind="logits")
    pred, target = np.array([[-inf, 1.0, 2.0]], dtype), np.array([[-inf, 2.0, 1.0]], dtype)
    value, grad = kl.value_and_grad(pred, target)
    np.testing.assert_allclose(value, kl(pred[:, 1:], target[:, 1:]), rtol=1e-6)
    assert grad[0, 0] == 0
    one_sided = np.array([[0.0, 1.0, 2.0]], dtype)
    sides = (one_sided, target) if reverse else (pred, one_sided)
    assert kl(*sides)[0] == inf


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("beta", [0.5, 0.1])
def test_jensen_shannon_of_disjoint_supports(beta: float, dtype: np.dtype) -> None:
    """The entropy of (beta, 1 - beta), its largest value."""
    expected = -beta * np.log(beta) - (1 - beta) * np.log(1 - beta)
    js: Any = fl.JensenShannon(beta=beta, pred_kind="probs")
    p, q = np.array([[1.0, 0.0, 0.0]], dtype), np.array([[0.0, 0.25, 0.75]], dtype)
    assert js(p, q) == pytest.approx(expected, abs=1e-5)
    assert np.isfinite(js.grad(p, q)).all()
    with np.errstate(divide="ignore"):
        assert js.replace(pred_kind="logits", target_kind="log_probs")(np.log(p), np.log(q)) == pytest.approx(
            expected, rel=1e-6
        )


@each_loss
@pytest.mark.usefixtures("backend")
def test_one_nan_spoils_one_row(loss: Any, dtype: np.dtype) -> None:
    loss = loss.replace(reduction="none", axis=-1)
    for k in (0, 1):
        operands = operands_of(loss, (40, 6), dtype)
        operands[k][13, 2] = np.nan
        value, grad, hess = loss.value_grad_and_hess(*operands)
        assert np.flatnonzero(np.isnan(value)).tolist() == [13]
        if loss.pred_kind == "logits":  # of logarithms the gradient may be that of the target alone
            assert np.isnan(grad).any(axis=1).nonzero()[0].tolist() == [13]
        assert set(np.isnan(grad).any(axis=1).nonzero()[0].tolist()) <= {13}
        assert set(np.isnan(hess).any(axis=1).nonzero()[0].tolist()) <= {13}
        weight = np.ones(40)
        weight[13] = 0
        value, grad = loss.value_and_grad(*operands, sample_weight=weight)
        assert np.isfinite(value).all()
        assert not np.any(grad[13])


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", ["pred", "target"])
def test_a_probability_at_fault_is_named(name: str) -> None:
    """In C order of the items, whichever axis the classes lie along, before anything is written."""
    loss: Any = fl.KLDivergence(pred_kind="probs", axis=0)
    operands = {"pred": np.full((3, 5), 1 / 3), "target": np.full((3, 5), 1 / 3)}
    operands[name][2, 4] = -7.5
    with pytest.raises(ValueError, match=rf"{name}.*-7\.5.*2, 4"):
        loss(**operands)
    with pytest.raises(ValueError, match=rf"{name}.*-7\.5.*2, 4"):
        loss.grad(**operands, wrt="target")
    assert np.isfinite(loss.replace(reduction="sum")(**operands, sample_weight=[1, 1, 1, 1, 0]))


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="temperature divides logits"):
        fl.KLDivergence(pred_kind="probs", temperature=2.0)
    with pytest.raises(ValueError, match="pred_kind must be 'logits'"):
        fl.KLDivergence(pred_kind="logit")
    with pytest.raises(ValueError, match="target must have"):
        fl.JensenShannon()(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="vector must have"):
        fl.JensenShannon().hvp(np.zeros((2, 3)), np.full((2, 3), 0.25), vector=np.zeros(3))


@each_loss
def test_cotangent_denominator_and_parts(loss: Any) -> None:
    operands = operands_of(loss, (9, 4))
    items = np.moveaxis(operands[0], loss.axis, -1).shape[:-1]
    weight = np.random.default_rng(7).uniform(0, 2, items)
    keywords: dict[str, Any] = {"sample_weight": weight, "denominator": 17.5}
    scaled = loss.grad(*operands, cotangent=-2.5, **keywords)
    np.testing.assert_allclose(scaled, -2.5 * loss.grad(*operands, **keywords), rtol=1e-14)
    total, weights = loss.partial(*operands, sample_weight=weight)
    assert weights == pytest.approx(loss.weight_total(operands[1], sample_weight=weight))
    assert loss(*operands, sample_weight=weight) == pytest.approx(total / weights, rel=1e-14)
    floor = loss.replace(reduction="sum").grad_and_hess(*operands, min_hessian=0.125)[1]
    assert np.min(floor) >= 0.125
