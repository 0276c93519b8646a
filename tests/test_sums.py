"""Weighted sums of losses, penalties of parameters: values and derivatives are those of the parts."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import fusedloss as fl

Array = np.ndarray

WRITTEN = [
    "2 * MSE() + 0.5 * MAE()",
    "MSE() - MAE()",
    "-MSE() + Huber(delta=2.0)",
    "2 * (3 * MSE())",
    "0.5 * (MSE() + 2 * MAE()) - 3 * (MSE() - LogCosh())",
    "-(MSE() + MAE())",
    "1 * MSE()",
    "CrossEntropy(label_smoothing=0.1) + 0.0001 * L2Penalty()",
    "1e-07 * L1Penalty() + 1e+16 * ElasticNet(l1_ratio=0.25)",
]

SUMS: list[Any] = [
    2 * fl.MSE() + 0.5 * fl.MAE(),
    fl.MSE() - 0.25 * fl.Huber(delta=0.5) + 3 * fl.LogCosh(),
    0.5 * (fl.MSE() + 2 * (fl.Huber() - fl.Cauchy())),
]
ROWS: list[Any] = [
    0.7 * fl.CrossEntropy() + 0.3 * fl.Focal(gamma=1.5),
    fl.CrossEntropy(ignore_index=2, class_weight=[1, 2, 3, 4]) + 0.5 * fl.PolyLoss(),
    fl.CrossEntropy(label_smoothing=0.1) + 2 * fl.SymmetricCrossEntropy() - 0.5 * fl.GeneralizedCrossEntropy(),
]


def multiplied_out(loss: Any, factor: float = 1.0) -> list[tuple[float, Any]]:
    """The terms of nested sums."""
    if not isinstance(loss, fl.Sum):
        return [(factor, loss)]
    return [term for c, inner in loss.terms for term in multiplied_out(inner, factor * c)]


def sample(loss: Any, dtype: Any, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    if loss in SUMS:
        return rng.normal(0, 2, (7, 5)).astype(dtype), rng.normal(0, 2, (7, 5)).astype(dtype)
    return rng.normal(0, 2, (3, 9, 4)).astype(dtype), rng.integers(0, 4, (3, 9))


def close(ours: Any, expected: Any, terms: Any, dtype: Any) -> None:
    """To rounding of the terms, which may cancel."""
    allowed = 8 * float(np.finfo(dtype).eps) * np.asarray(terms) + 1e-300
    assert np.all(np.abs(np.asarray(ours, np.float64) - expected) <= allowed)


def everything(loss: Any, operands: tuple[Any, ...], **keywords: Any) -> dict[str, Array]:
    value, grad, hess = loss.value_grad_and_hess(*operands, **keywords)
    hvp = loss.hvp(*operands, vector=np.cos(np.arange(operands[0].size)).reshape(operands[0].shape), **keywords)
    return {"value": np.asarray(value), "grad": grad, "hess": hess, "hvp": hvp}


# ---- As values ----


@pytest.mark.parametrize("text", WRITTEN)
def test_printed_as_written(text: str) -> None:
    loss = eval(text, {**vars(fl)})
    assert isinstance(loss, fl.Sum)
    assert repr(loss) == text
    copies = [eval(repr(loss), {**vars(fl)}), copy.deepcopy(loss), loss.replace(), fl.Sum(**loss.options)]
    copies += [pickle.loads(pickle.dumps(loss, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in copies:
        assert other == loss
        assert hash(other) == hash(loss)
        assert repr(other) == repr(loss)


def test_sums_differ_by_factors_terms_and_order() -> None:
    sums = [fl.MSE() + fl.MAE(), fl.MSE() + 2 * fl.MAE(), fl.MAE() + fl.MSE(), fl.MSE() + fl.Huber(), 1 * fl.MSE()]
    assert len({*sums, fl.MSE()}) == len(sums) + 1
    assert (fl.MSE() + fl.MAE()) + fl.Huber() == fl.MSE() + (fl.MAE() + fl.Huber()) == sum([*sums[0:1], fl.Huber()])


def test_numbers_of_numpy_multiply() -> None:
    expected = 2 * fl.MSE()
    assert np.float64(2) * fl.MSE() == np.int32(2) * fl.MSE() == fl.MSE() * np.float32(2) == fl.MSE() / 0.5 == expected
    for other in ("2", None, np.ones(2), [2]):
        with pytest.raises(TypeError):
            other * fl.MSE()
        with pytest.raises(TypeError):
            fl.MSE() + other
    for factor in (np.nan, np.inf):
        with pytest.raises(ValueError, match="factor"):
            factor * fl.MSE()


def test_replace_reaches_all_terms_that_have_the_option() -> None:
    loss = 2 * fl.MSE() + 3 * (fl.Huber() - fl.Huber(delta=3)) + fl.L2Penalty()
    assert repr(loss.replace(delta=2.0)) == "2 * MSE() + 3 * (Huber(delta=2.0) - Huber(delta=2.0)) + L2Penalty()"
    summed = loss.replace(reduction="sum")
    assert summed.reduction == "sum"
    assert {term.reduction for _, term in multiplied_out(summed)} == {"sum"}
    assert summed.replace(reduction="mean") == loss
    assert loss.replace(terms=[(1, fl.MAE())]) == 1 * fl.MAE()
    with pytest.raises(TypeError, match=r"no term of .* has an option 'gamma'"):
        loss.replace(gamma=1.0)


def test_orders_are_those_of_all_terms() -> None:
    assert (fl.MSE() + fl.MAE()).orders == fl.MSE.orders
    assert (fl.MSE() + fl.Custom(np.subtract, np.add)).orders == ("value", "grad")
    assert (fl.MSE() + fl.MAE()).hessians == ("exact", "unit")
    assert (fl.MSE() + fl.L2Penalty()).variables == ("pred", "params")
    with pytest.raises(NotImplementedError, match="no Hessian"):
        (fl.MSE() + fl.Custom(np.subtract, np.add)).grad_and_hess([1.0], [1.0])


# ---- As the sum of the parts ----


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("loss", SUMS + ROWS, ids=repr)
@pytest.mark.parametrize("weighted", [False, True])
def test_results_are_those_of_the_parts(loss: Any, dtype: np.dtype, reduction: str, weighted: bool) -> None:
    loss = loss.replace(reduction=reduction)
    operands = sample(loss.replace(reduction="mean"), dtype)
    keywords: dict[str, Any] = {}
    if weighted:
        rng = np.random.default_rng(1)
        keywords["sample_weight"] = np.where(rng.random(operands[0].shape[:1]) < 0.4, 0, 1.5)
        keywords["cotangent"] = -0.75
    terms = multiplied_out(loss)
    called = {k: v for k, v in keywords.items() if k != "cotangent"}
    parts = [(c, everything(term, operands, **keywords) | {"value": term(*operands, **called)}) for c, term in terms]
    given = everything(loss, operands, **keywords)
    assert given["grad"].dtype == dtype
    assert np.isscalar(loss(*operands)) == (reduction != "none")
    for name, array in given.items():
        expected = sum(c * np.asarray(part[name], np.float64) for c, part in parts)
        close(array, expected, sum(abs(c) * np.abs(part[name]) for c, part in parts), dtype)
    np.testing.assert_array_equal(loss.grad(*operands, **keywords), given["grad"])
    np.testing.assert_array_equal(loss(*operands, **called), given["value"])


@pytest.mark.parametrize("loss", SUMS + ROWS, ids=repr)
def test_an_entry_of_cotangent_an_item(loss: Any, dtype: np.dtype) -> None:
    operands = sample(loss, dtype)
    loss = loss.replace(reduction="none")
    upstream = np.random.default_rng(2).normal(size=loss(*operands).shape)
    parts = [(c, term.grad(*operands, cotangent=upstream)) for c, term in multiplied_out(loss)]
    expected = sum(c * part.astype(np.float64) for c, part in parts)
    close(loss.grad(*operands, cotangent=upstream), expected, sum(abs(c) * np.abs(part) for c, part in parts), dtype)


@pytest.mark.parametrize("loss", SUMS + ROWS, ids=repr)
@pytest.mark.parametrize("layout", ["C", "F", "pred"])
def test_out(loss: Any, dtype: np.dtype, layout: str) -> None:
    """An array that is given takes all terms, also pred itself, which later terms still read."""
    pred, target = sample(loss, dtype)
    value, grad, hess = loss.value_grad_and_hess(pred, target)
    given = pred.copy()
    out = given if layout == "pred" else np.full(pred.shape, np.nan, dtype, order=layout)
    again, result = loss.value_and_grad(given, target, out=out)
    assert result is out
    assert again == value
    np.testing.assert_array_equal(out, grad)
    given = pred.copy()
    out, out_hess = np.full(pred.shape, np.nan, np.float64), given if layout == "pred" else np.empty_like(pred)
    loss.grad_and_hess(given, target, out=out, out_hess=out_hess)
    np.testing.assert_array_equal(out_hess, hess)
    np.testing.assert_allclose(out, grad, rtol=1e-4 if dtype == np.float32 else 1e-13, atol=1e-6)


def test_terms_keep_their_own_reduction_and_divisor() -> None:
    rng = np.random.default_rng(3)
    pred, target = rng.normal(size=(2, 6, 3))
    weight = rng.uniform(0, 2, 6)
    loss = fl.MSE() + 0.1 * fl.MAE(reduction="sum") + 2 * fl.Huber(reduction="batchmean")
    assert loss.reduction is None
    expected = sum(c * term(pred, target, sample_weight=weight) for c, term in loss.terms)
    assert loss(pred, target, sample_weight=weight) == pytest.approx(expected, rel=1e-14)
    of_shard = fl.MSE()(pred, target, denominator=5) + 0.1 * fl.MAE(reduction="sum")(pred, target)
    of_shard += 2 * fl.Huber(reduction="batchmean")(pred, target, denominator=5)
    assert loss(pred, target, denominator=5) == pytest.approx(of_shard, rel=1e-14)
    with pytest.raises(ValueError, match="denominator"):
        loss.replace(reduction="sum")(pred, target, denominator=5)


def test_items_of_several_shapes() -> None:
    """Elements and rows: weights of rows weigh both."""
    rng = np.random.default_rng(4)
    pred, target, weight = rng.normal(size=(5, 3)), rng.dirichlet(np.ones(3), 5), np.array([1.0, 0, 2, 1, 0])
    loss = fl.CrossEntropy() + 0.5 * fl.MSE()
    spoilt = np.where(weight[:, None] == 0, np.nan, pred)
    value, grad = loss.value_and_grad(spoilt, target, sample_weight=weight)
    kept = weight > 0
    expected, expected_grad = loss.value_and_grad(pred[kept], target[kept], sample_weight=weight[kept])
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(grad[kept], expected_grad, rtol=1e-13)
    assert not grad[~kept].any()
    with pytest.raises(ValueError, match=r"\(5,\), of MSE.* \(5, 3\)"):
        loss.replace(reduction="none")(pred, target)


def test_shards_add_up() -> None:
    rng = np.random.default_rng(5)
    pred, target, weight = rng.normal(size=(40, 3)), rng.integers(0, 3, 40), rng.uniform(0, 2, 40)
    loss = fl.CrossEntropy(ignore_index=0) - 0.5 * fl.Focal(ignore_index=0) + 3 * fl.L2Penalty()
    data = fl.CrossEntropy(ignore_index=0) - 0.5 * fl.Focal(ignore_index=0)
    shards = [slice(0, 15), slice(15, 40)]
    total = sum(loss.weight_total(target[s], sample_weight=weight[s]) for s in shards)
    assert total == pytest.approx(weight[target != 0].sum())
    sums = [loss.partial(pred[s], target[s], sample_weight=weight[s], params=[1.0]) for s in shards]
    expected = data(pred, target, sample_weight=weight)
    assert sum(value for value, _ in sums) / sum(weights for _, weights in sums) == pytest.approx(expected, rel=1e-13)
    assert sum(weights for _, weights in sums) == pytest.approx(total)
    grads = [data.grad(pred[s], target[s], sample_weight=weight[s], denominator=total) for s in shards]
    np.testing.assert_allclose(np.concatenate(grads), data.grad(pred, target, sample_weight=weight), rtol=1e-12)
    with pytest.raises(ValueError, match=r"other weights \(40, .*\)"):
        (fl.CrossEntropy() + fl.CrossEntropy(ignore_index=0)).partial(pred, target)
    with pytest.raises(NotImplementedError, match="several reductions"):
        (fl.CrossEntropy() + fl.Focal(reduction="sum")).weight_total(target)
    with pytest.raises(NotImplementedError, match="no items"):
        (2 * fl.L2Penalty()).partial([1.0])


def test_a_term_of_factor_zero_is_checked_but_does_not_exist() -> None:
    pred = np.array([[1.0, -2.0]])
    loss = fl.MSE() + 0 * fl.Poisson()
    value, grad = loss.value_and_grad(pred * np.array([1, np.inf]), np.array([[0.0, 1.0]]), sample_weight=[[1, 0]])
    assert value == 1
    np.testing.assert_array_equal(grad, [[2, 0]])
    value, grad = (0 * fl.MSE()).value_and_grad(pred, pred, out=np.full((1, 2), np.nan))
    assert value == 0
    assert not grad.any()
    with pytest.raises(ValueError, match="target must have the shape"):
        (0 * fl.MSE())(pred, pred[0])


def test_several_operands() -> None:
    """Matched by name; an operand that some term takes without a gradient has none."""
    rng = np.random.default_rng(6)
    pred, target, params = rng.normal(size=(3, 8))
    variance = rng.uniform(0.5, 2, 8)
    loss = fl.GaussianNLL() + 2 * fl.MSE() + 0.5 * fl.L2Penalty()
    assert loss.operands == ("pred", "target", "variance", "params")
    assert loss.variables == ("pred", "variance", "params")
    grads = loss.grad(pred, target, params=params, variance=variance)
    to_pred, to_variance = fl.GaussianNLL().grad(pred, target, variance)
    np.testing.assert_allclose(grads[0], to_pred + 2 * fl.MSE().grad(pred, target), rtol=1e-12)
    np.testing.assert_array_equal(grads[1], to_variance)
    np.testing.assert_array_equal(grads[2], 0.5 * params)
    for k, name in enumerate(loss.variables):
        np.testing.assert_array_equal(loss.grad(pred, target, variance, params, wrt=name), grads[k])
    outs = tuple(np.empty(8) for _ in range(2))
    first, second = loss.grad(pred, target, variance, params, wrt=("params", "pred"), out=outs)
    assert (first is outs[0], second is outs[1]) == (True, True)
    np.testing.assert_array_equal(first, grads[2])
    np.testing.assert_array_equal(second, grads[0])
    assert fl.check_gradient(loss, pred, target, variance, params)
    scored = fl.MarginRanking() + fl.MSE()  # target is not differentiated by either
    assert scored.operands == ("x1", "x2", "target", "pred")


def test_arguments_of_a_call_reach_their_terms() -> None:
    rng = np.random.default_rng(7)
    pred, target, lengths = rng.normal(size=10), rng.integers(0, 3, 10).astype(float), [4, 6]
    loss = fl.ListNet() + 0.5 * fl.PairwiseLogistic()
    expected = fl.ListNet()(pred, target, lengths=lengths) + 0.5 * fl.PairwiseLogistic()(pred, target, lengths=lengths)
    assert loss(pred, target, lengths=lengths) == pytest.approx(expected, rel=1e-14)
    linear = fl.LinearCrossEntropy() + 0.1 * fl.L2Penalty()
    assert linear.operands == ("hidden", "weight", "target", "params", "bias")
    hidden, weight = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    without = linear.grad(hidden, weight, target=[0, 1, 2, 3], params=weight)
    assert len(without) == 3
    np.testing.assert_array_equal(without[2], 0.1 * weight)
    with_bias = linear.grad(hidden, weight, target=[0, 1, 2, 3], params=weight, bias=np.zeros(5))
    assert [x.shape for x in with_bias] == [(4, 3), (5, 3), (5, 3), (5,)]


def test_errors() -> None:
    pred, target = np.ones(3), np.zeros(3)
    loss = fl.MSE() + fl.MAE() + 2 * fl.L2Penalty()
    with pytest.raises(TypeError, match="takes pred, target, params; got no params"):
        loss(pred, target)
    with pytest.raises(TypeError, match="but not weights"):
        loss(pred, target, weights=1)
    with pytest.raises(TypeError, match="pred was given twice"):
        loss(pred, target, pred, pred=pred)
    with pytest.raises(TypeError, match="got 4 operands"):
        loss(pred, target, pred, pred)
    with pytest.raises(ValueError, match='reduction="none"'):
        fl.MSE(reduction="none") + fl.MAE()
    with pytest.raises(ValueError, match='reduction="none"'):
        fl.MSE(reduction="none") + fl.L2Penalty()
    with pytest.raises(ValueError, match="min_hessian"):
        (fl.MSE() + fl.MAE()).grad_and_hess(pred, target, min_hessian=1.0)
    with pytest.raises(ValueError, match="must be a tuple of 2: pred, params"):
        loss.grad(pred, target, pred, out=np.empty(3))
    with pytest.raises(TypeError, match="terms must be pairs"):
        fl.Sum(terms=[fl.MSE()])
    out = np.full(3, 7.0)
    with pytest.raises(ValueError, match="variance must have"):  # of the second term, before the first one writes
        (fl.MSE() + fl.GaussianNLL()).grad(pred, target, np.ones(2), wrt="pred", out=out)
    with pytest.raises(ValueError, match="out must not overlap target"):
        (fl.MSE() + fl.MAE()).grad(pred, target, out=target)
    assert (out == 7).all()


def test_surrogate_hessians_add_up() -> None:
    pred, target = np.array([0.5, -3.0]), np.zeros(2)
    hess = (2 * fl.MAE(reduction="sum") + fl.Huber(reduction="sum")).grad_and_hess(pred, target, hessian="unit")[1]
    np.testing.assert_array_equal(hess, [3.0, 3.0])


MEMORY = """
import resource
import numpy as np
import fusedloss as fl
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
elements = fl.MSE() + fl.MAE() + fl.Huber() + fl.LogCosh()
rows = fl.CrossEntropy() + fl.Focal() + fl.PolyLoss()
for loss, target in ((elements, np.ones((800_000, 10), np.float32)), (rows, np.zeros(800_000, int))):
    pred, out = (np.ones((800_000, 10), np.float32) for _ in range(2))
    loss.value_and_grad(pred[:1000], target[:1000], out=out[:1000])
    before = peak()
    loss.value_and_grad(pred, target, out=out)
    print((peak() - before) / out.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in other units elsewhere")
def test_elements_add_in_place_and_rows_share_one_array() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, timeout=100, check=True)
    of_elements, of_rows = map(float, done.stdout.split())
    assert of_elements < 0.1
    assert of_rows < 1.1


# ---- Penalties ----

PENALTIES: list[tuple[Any, Any, Any]] = [
    (fl.L1Penalty(), lambda x: np.abs(x).sum(), np.sign),
    (fl.L2Penalty(), lambda x: (x**2).sum() / 2, lambda x: x),
    (
        fl.ElasticNet(l1_ratio=0.25),
        lambda x: 0.25 * np.abs(x).sum() + 0.375 * (x**2).sum(),
        lambda x: 0.25 * np.sign(x) + 0.75 * x,
    ),
]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(("loss", "value_of", "slope_of"), PENALTIES, ids=[repr(row[0]) for row in PENALTIES])
def test_penalties(loss: Any, value_of: Any, slope_of: Any, dtype: np.dtype) -> None:
    rng = np.random.default_rng(8)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in ((5,), (3, 70), (), (2, 0), (4, 5, 6))]
    arrays[0][2] = 0
    arrays[1] = np.asfortranarray(arrays[1])
    expected = sum(value_of(x.astype(np.float64)) for x in arrays)
    eps = float(np.finfo(dtype).eps)
    value, grads = loss.value_and_grad(arrays)
    assert value == loss(arrays) == pytest.approx(expected, rel=8 * eps)
    assert isinstance(grads, list)
    vectors = [rng.normal(size=x.shape).astype(dtype) for x in arrays]
    products = loss.hvp(arrays, vector=vectors)
    _, hess = loss.grad_and_hess(arrays)
    bend = slope_of(1.0) - slope_of(0.5) if isinstance(loss, fl.L1Penalty) else 2 * (slope_of(1.0) - slope_of(0.5))
    for x, g, h, p, v in zip(arrays, grads, hess, products, vectors, strict=True):
        assert g.dtype == dtype
        np.testing.assert_allclose(g, slope_of(x.astype(np.float64)), rtol=4 * eps)
        np.testing.assert_allclose(h, np.full(x.shape, bend), rtol=4 * eps)
        np.testing.assert_allclose(p, bend * v, rtol=4 * eps)
    alone, grad = loss.value_and_grad(arrays[1])
    assert alone == pytest.approx(value_of(arrays[1].astype(np.float64)), rel=8 * eps)
    np.testing.assert_array_equal(grad, grads[1])
    copies = [x.copy() for x in arrays]
    assert loss.grad(copies, out=copies, cotangent=2)[1] is copies[1]
    np.testing.assert_array_equal(copies[1], 2 * grads[1])


@pytest.mark.usefixtures("backend")
def test_penalties_at_the_ends(dtype: np.dtype) -> None:
    x = np.array([np.inf, -np.inf, np.nan, 0.0], dtype)
    for loss, slope in (
        (fl.L1Penalty(), [1, -1, np.nan, 0]),
        (fl.L2Penalty(), [np.inf, -np.inf, np.nan, 0]),
        (fl.ElasticNet(l1_ratio=1.0), [1, -1, np.nan, 0]),
    ):
        assert loss(x[:1]) == np.inf
        assert np.isnan(loss(x))
        np.testing.assert_array_equal(loss.grad(x), slope)
        np.testing.assert_array_equal(loss.grad(x, cotangent=0), np.zeros(4))
    assert fl.L2Penalty()([]) == 0
    assert fl.L2Penalty()([1, 2]) == 2.5


def test_penalties_refuse_what_they_cannot_use() -> None:
    with pytest.raises(ValueError, match="reduction must be 'sum'"):
        fl.L2Penalty(reduction="mean")
    with pytest.raises(ValueError, match="l1_ratio must be"):
        fl.ElasticNet(l1_ratio=1.5)
    with pytest.raises(TypeError, match=r"params\[1\] must hold real numbers"):
        fl.L2Penalty()([np.ones(2), np.ones(2, complex)])
    with pytest.raises(ValueError, match=r"2 arrays.*got 1"):
        fl.L2Penalty().grad([np.ones(2), np.ones(2)], out=[np.ones(2)])
    with pytest.raises(ValueError, match="out must have the shape"):
        fl.L2Penalty().grad([np.ones(2), np.ones(2)], out=[np.ones(2), np.ones(3)])
    shared = np.ones(2)
    with pytest.raises(ValueError, match="must not overlap"):
        fl.L2Penalty().grad([np.ones(2), np.ones(2)], out=[shared, shared])
    with pytest.raises(ValueError, match="vector must have the shape"):
        fl.L2Penalty().hvp([np.ones(2)], vector=[np.ones(3)])


def test_weight_decay_as_torch_has_it() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(9)
    pred, labels, weight = rng.normal(size=(6, 4)), rng.integers(0, 4, 6), rng.normal(size=(4, 3))
    loss = fl.CrossEntropy() + 1e-2 * fl.L2Penalty() + 1e-3 * fl.L1Penalty()
    value, (to_pred, to_params) = loss.value_and_grad(pred, labels, params=[weight])
    z, w = torch.tensor(pred, requires_grad=True), torch.tensor(weight, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(z, torch.tensor(labels)) + 5e-3 * (w**2).sum() + 1e-3 * w.abs().sum()
    theirs.backward()
    assert value == pytest.approx(theirs.item(), rel=1e-13)
    np.testing.assert_allclose(to_pred, z.grad.numpy(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(to_params[0], w.grad.numpy(), rtol=1e-12)
