"""The divergence of normal distributions and the evidence lower bound."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from closeness import assert_close

import fusedloss as fl

Array = np.ndarray
LOSSES: list[Any] = [fl.GaussianKL(), fl.GaussianKL(beta=0.3), fl.GaussianKL(free_bits=0.5, beta=2.0)]


def gaussians(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> tuple[Array, Array, Array, Array]:
    rng = np.random.default_rng(seed)
    mean, log_var, prior_mean, prior_log_var = rng.normal(size=(4, *shape)).astype(dtype)
    if mean.size > 3:
        log_var.flat[:3] = [0, 1e-6, -1e-4]
        mean.flat[:2] = 0
    return mean, log_var, prior_mean, prior_log_var


def flattened(results: Any) -> list[Array]:
    """Values and arrays of a result, whatever tuples it is made of."""
    if isinstance(results, tuple):
        return [x for each in results for x in flattened(each)]
    return [np.asarray(results)]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("shape", [(5, 7), (0, 4), (3, 0), (2, 3, 700), (1,), (200, 130)], ids=str)
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_against_the_reference(
    loss: Any, dtype: np.dtype, reduction: str, shape: tuple[int, ...], count: int, weighted: bool
) -> None:
    if reduction == "batchmean" and len(shape) == 1:
        return
    loss = loss.replace(reduction=reduction)
    operands = gaussians(shape, dtype)[:count]
    rng = np.random.default_rng(1)
    vector = tuple(rng.normal(size=shape).astype(dtype) for _ in operands)
    keywords: dict[str, Any] = {}
    if weighted:
        keywords["sample_weight"] = np.where(rng.random(shape[:-1]) < 0.3, 0, rng.uniform(0.5, 2, shape[:-1]))
    given = flattened(loss.value_grad_and_hess(*operands, **keywords))
    given += flattened(loss.hvp(*operands, vector=vector, **keywords))
    with fl.use_backend("numpy"):
        wide = tuple(x.astype(np.float64) for x in operands)
        expected = flattened(loss.value_grad_and_hess(*wide, **keywords))
        expected += flattened(loss.hvp(*wide, vector=tuple(v.astype(np.float64) for v in vector), **keywords))
    eps = float(np.finfo(dtype).eps)
    for number, (array, right) in enumerate(zip(given, expected, strict=True)):
        terms = 0.0 if number == 0 else 4 * eps * np.max(np.abs(right), initial=0.0)  # sums of terms of both signs
        assert_close(array, right, 8, dtype, terms, what=f"{loss}, result {number}")


def test_against_fifty_digits(dtype: np.dtype) -> None:
    """Close to the prior, where the common form cancels to nothing, and far from it."""
    s = np.concatenate([10.0 ** np.linspace(-12, 2, 200), -(10.0 ** np.linspace(-12, 3, 200)), np.linspace(-2, 2, 401)])
    s = s[s < (80 if dtype == np.float32 else 700)].astype(dtype)
    value, (_, slope) = fl.GaussianKL(reduction="none").value_and_grad(np.zeros((s.size, 1), dtype), s[:, np.newaxis])
    eps = float(np.finfo(dtype).eps)
    with mpmath.workdps(50):
        for x, v, d in zip(s, value, slope[:, 0], strict=True):
            exact = mpmath.expm1(mpmath.mpf(float(x)))
            beyond = (exact - mpmath.mpf(float(x))) / 2
            assert abs(mpmath.mpf(float(v)) - beyond) <= 8 * eps * beyond + np.finfo(dtype).smallest_subnormal, x
            assert abs(mpmath.mpf(float(d)) - exact / 2) <= 4 * eps * abs(exact), x


@pytest.mark.usefixtures("backend")
def test_at_the_ends(dtype: np.dtype) -> None:
    inf = np.inf
    mean = np.array([[0, 0, 0, inf, np.nan, 0]], dtype).T
    log_var = np.array([[inf, -inf, 200 if dtype == np.float32 else 2000, 0, 0, np.nan]], dtype).T
    value, grads = fl.GaussianKL(reduction="none").value_and_grad(mean, log_var)
    np.testing.assert_array_equal(value, [inf, inf, inf, inf, np.nan, np.nan])
    np.testing.assert_array_equal(grads[0].ravel(), [0, 0, 0, inf, np.nan, 0])
    np.testing.assert_array_equal(grads[1].ravel(), [inf, -0.5, inf, 0, 0, np.nan])


@pytest.mark.usefixtures("backend")
def test_at_the_ends_of_the_other_one(dtype: np.dtype) -> None:
    inf = np.inf
    ends = np.array([[0, 0, 0, 0], [0, 0, 0, inf], [1, 0, 0, inf], [0, 0, 0, -inf], [1, 0, 0, -inf], [inf, 0, 0, 0]])
    operands = [x[:, np.newaxis].astype(dtype) for x in ends.T]
    value, grads = fl.GaussianKL(reduction="none").value_and_grad(*operands)
    np.testing.assert_array_equal(value, [0, inf, inf, inf, inf, inf])
    np.testing.assert_array_equal(grads[0].ravel(), [0, 0, 0, 0, inf, inf])
    np.testing.assert_array_equal(grads[1].ravel(), [0, -0.5, -0.5, inf, inf, 0])
    np.testing.assert_array_equal(grads[2], -grads[0])
    np.testing.assert_array_equal(grads[3].ravel(), [0, 0.5, 0.5, -inf, -inf, -inf])


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("count", [2, 4])
def test_far_entries_are_right_and_leave_their_neighbours_alone(loss: Any, count: int, dtype: np.dtype) -> None:
    """Variances that are far from each other go another way than the rest of their stretch."""
    operands = gaussians((40, 100), dtype, seed=5)[:count]
    far = [x.copy() for x in operands]
    rng = np.random.default_rng(6)
    rows = np.arange(0, 40, 3)
    for log_var in far[1::2]:
        most = (80, 300) if dtype == np.float32 else (600, 2000)  # the larger ones are downwards: nothing overflows
        log_var[rows, rng.integers(0, 100, rows.size)] = -rng.uniform(18, most[0 if count == 4 else 1], rows.size)
    loss = loss.replace(reduction="sum")
    total, grads = loss.value_and_grad(*far)
    plain = loss.grad(*operands)
    with fl.use_backend("numpy"):
        right_total, right = loss.value_and_grad(*(x.astype(np.float64) for x in far))
    assert total == pytest.approx(right_total, rel=8 * float(np.finfo(dtype).eps))
    changed = np.any([x != y for x, y in zip(far, operands, strict=True)], axis=0)
    for k, (grad, without, expected) in enumerate(zip(grads, plain, right, strict=True)):
        np.testing.assert_array_equal(grad[~changed], without[~changed])
        terms = 8 * float(np.finfo(dtype).eps) * np.abs(right[1]) if k == 3 else 0.0  # one of a sum of two
        assert_close(grad, expected, 8, dtype, terms, what=f"{loss}, gradient {k}")


@pytest.mark.parametrize("count", [2, 4])
def test_derivatives(count: int) -> None:
    for loss in (fl.GaussianKL(), fl.GaussianKL(beta=2.0, free_bits=0.2)):
        report = fl.check_gradient(loss, *gaussians((6, 5), np.float64, seed=3)[:count])
        assert report, str(report)


def test_against_torch_distributions(dtype: np.dtype) -> None:
    torch = pytest.importorskip("torch")
    for seed in range(10):
        arrays = gaussians((6, 5), dtype, seed)
        leaves = [torch.tensor(x, requires_grad=True) for x in arrays]
        p, q = (
            torch.distributions.Normal(m, torch.exp(s / 2)) for m, s in ((leaves[0], leaves[1]), (leaves[2], leaves[3]))
        )
        theirs = torch.distributions.kl_divergence(p, q).sum(-1).mean()
        theirs.backward()
        value, grads = fl.GaussianKL().value_and_grad(*arrays)
        tolerance = 2e-5 if dtype == np.float32 else 1e-12
        assert value == pytest.approx(theirs.item(), rel=tolerance)
        for grad, leaf in zip(grads, leaves, strict=True):
            np.testing.assert_allclose(grad, leaf.grad.numpy(), rtol=tolerance, atol=tolerance)
        free = torch.clamp(torch.distributions.kl_divergence(p, q), min=0.3).sum(-1)
        ours = fl.GaussianKL(free_bits=0.3, beta=0.5, reduction="none")(*arrays)
        np.testing.assert_allclose(ours, 0.5 * free.detach().numpy(), rtol=10 * tolerance)


def test_free_bits_are_a_floor() -> None:
    value, (mean, log_var) = fl.GaussianKL(free_bits=0.5).value_and_grad([[0.5, 2.0]], [[0.0, 0.0]])
    assert value == 2.5
    np.testing.assert_array_equal(mean, [[0, 2]])
    np.testing.assert_array_equal(log_var, [[0, 0]])


def test_the_prior_is_the_standard_one() -> None:
    mean, log_var, *_ = gaussians((4, 3), np.float64)
    zero = np.zeros((4, 3))
    value, grads = fl.GaussianKL().value_and_grad(mean, log_var)
    with_prior, all_grads = fl.GaussianKL().value_and_grad(mean, log_var, zero, zero)
    assert with_prior == pytest.approx(value, rel=1e-14)
    for a, b in zip(grads, all_grads, strict=False):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-16)
    alone = fl.GaussianKL().grad(mean, log_var, zero, zero, wrt="prior_mean")
    np.testing.assert_array_equal(alone, all_grads[2])


def test_weight_zero_and_layouts(dtype: np.dtype) -> None:
    mean, log_var, *_ = gaussians((6, 5), dtype)
    weight = np.array([1, 0, 2, 1, 0, 1])
    spoilt = [np.where(weight[:, None] == 0, np.nan, x).astype(dtype) for x in (mean, log_var)]
    kept = weight > 0
    value, grads = fl.GaussianKL().value_and_grad(*spoilt, sample_weight=weight)
    expected, right = fl.GaussianKL().value_and_grad(mean[kept], log_var[kept], sample_weight=weight[kept])
    assert value == pytest.approx(expected, rel=1e-12)
    for grad, part in zip(grads, right, strict=True):
        assert not grad[~kept].any()
        np.testing.assert_array_equal(grad[kept], part)
    plain = fl.GaussianKL().grad(mean, log_var)
    outs = np.asfortranarray(mean), np.empty((5, 6), np.float64).T
    fl.GaussianKL().grad(outs[0], log_var, out=outs)
    for out, grad in zip(outs, plain, strict=True):
        np.testing.assert_allclose(out, grad, rtol=1e-6)
    found = []
    for threads in (1, 2, 5):
        with fl.num_threads(threads):
            total, grads = fl.GaussianKL().value_and_grad(*gaussians((5000, 64), dtype)[:2])
            found.append((total, *(x.tobytes() for x in grads)))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_plain_calls_do_as_general_ones(loss: Any, dtype: np.dtype, reduction: str) -> None:
    """The extension takes calls without options by itself; `wrt` keeps one from it."""
    loss = loss.replace(reduction=reduction)
    mean, log_var, *_ = gaussians((30, 70), dtype)
    both = ("mean", "log_var")
    expected, right = loss.value_and_grad(mean, log_var, wrt=both)
    np.testing.assert_array_equal(loss(mean, log_var), expected)
    for out in (None, (np.empty_like(mean), np.empty_like(mean)), (None, np.empty_like(mean))):
        value, grads = loss.value_and_grad(mean, log_var, out=out)
        np.testing.assert_array_equal(value, expected)
        for grad, part, given in zip(grads, right, out or (None, None), strict=True):
            np.testing.assert_array_equal(grad, part)
            assert given is None or grad is given
    in_place = mean.copy(), log_var.copy()
    assert all(a is b for a, b in zip(loss.grad(*in_place, out=in_place), in_place, strict=True))
    for grad, part in zip(in_place, right, strict=True):
        np.testing.assert_array_equal(grad, part)
    for wrong in ((log_var, mean), (mean, mean), (np.empty_like(mean), mean[:, ::2])):
        before = mean.copy(), log_var.copy()
        with pytest.raises(ValueError, match="out"):
            loss.grad(mean, log_var, out=wrong)
        np.testing.assert_array_equal(mean, before[0])
        np.testing.assert_array_equal(log_var, before[1])


def test_shards_add_up() -> None:
    mean, log_var, *_ = gaussians((10, 4), np.float64)
    loss = fl.GaussianKL()
    value, total = loss.partial(mean, log_var)
    assert total == loss.weight_total(mean) == 10
    assert value / total == pytest.approx(loss(mean, log_var), rel=1e-14)


def test_errors_of_the_divergence() -> None:
    ones = np.ones((2, 3))
    for prior in ((ones, None), (None, ones)):
        with pytest.raises(ValueError, match="belong together"):
            fl.GaussianKL()(ones, ones, *prior)
    with pytest.raises(ValueError, match="log_var must have the shape of mean"):
        fl.GaussianKL()(ones, ones[0])
    with pytest.raises(ValueError, match="mean must have a last axis"):
        fl.GaussianKL()(1.0, 1.0)
    with pytest.raises(ValueError, match=r"sample_weight must be >= 0, got -1\.0 at index \(1,\)"):
        fl.GaussianKL()(ones, ones, sample_weight=[1.0, -1.0])
    with pytest.raises(ValueError, match="free_bits must be >= 0"):
        fl.GaussianKL(free_bits=-1)


# ---- The bound ----

RECONSTRUCTIONS: list[Any] = [
    fl.BinaryCrossEntropy(),
    fl.MSE(half=True, reduction="sum"),
    fl.MSE() + 0.5 * fl.MAE(),
    fl.CrossEntropy(axis=1),
]


def bound_operands(reconstruction: Any, dtype: Any = np.float64) -> tuple[Array, ...]:
    rng = np.random.default_rng(4)
    pred = rng.normal(size=(6, 3, 4)).astype(dtype)
    target: Array = rng.uniform(size=(6, 3, 4)).astype(dtype)
    if isinstance(reconstruction, fl.CrossEntropy):
        target = rng.integers(0, 3, (6, 4))
    return pred, target, *rng.normal(size=(2, 6, 5)).astype(dtype)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("reconstruction", RECONSTRUCTIONS, ids=repr)
def test_the_bound_is_the_sum_of_both_terms_of_a_sample(reconstruction: Any, reduction: str, dtype: np.dtype) -> None:
    pred, target, mean, log_var = bound_operands(reconstruction, dtype)
    weight = np.array([1.0, 0, 2, 0.5, 0, 3])
    loss = fl.ELBO(reconstruction=reconstruction, beta=0.7, free_bits=0.1, reduction=reduction)
    kl = fl.GaussianKL(beta=0.7, free_bits=0.1, reduction="none")
    items = reconstruction.replace(reduction="none")(pred, target).astype(np.float64).reshape(6, -1).sum(axis=1)
    items = items + kl(mean, log_var)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    divisor = {"mean": weight.sum(), "sum": 1.0, "none": 1.0, "batchmean": 6}[reduction]
    expected = weight * items if reduction == "none" else np.sum(weight * items) / divisor
    np.testing.assert_allclose(loss(pred, target, mean, log_var, sample_weight=weight), expected, rtol=tolerance)
    upstream: Any = np.arange(6.0) if reduction == "none" else 1.5
    grads = loss.grad(pred, target, mean, log_var, sample_weight=weight, cotangent=upstream)
    factor = weight * upstream / divisor
    alone = reconstruction.replace(reduction="sum").grad(pred, target) * factor.reshape(6, 1, 1)
    np.testing.assert_allclose(grads[0], alone, rtol=tolerance, atol=tolerance)
    for grad, part in zip(grads[1:], kl.grad(mean, log_var), strict=True):
        np.testing.assert_allclose(grad, part * factor[:, None], rtol=tolerance, atol=1e-30)
    for k, name in enumerate(loss.variables):
        alone = loss.grad(pred, target, mean, log_var, sample_weight=weight, cotangent=upstream, wrt=name)
        np.testing.assert_array_equal(alone, grads[k])


@pytest.mark.parametrize("reconstruction", RECONSTRUCTIONS, ids=repr)
def test_derivatives_of_the_bound(reconstruction: Any) -> None:
    report = fl.check_gradient(fl.ELBO(reconstruction=reconstruction, beta=2.0), *bound_operands(reconstruction))
    assert report, str(report)
    assert len(report.rows) == 9


def test_the_bound_in_a_sum() -> None:
    operands = bound_operands(fl.MSE())
    loss = fl.ELBO(reconstruction=fl.MSE()) + 0.1 * fl.L2Penalty()
    assert loss.operands == ("pred", "target", "mean", "log_var", "params")
    assert fl.check_gradient(loss, *operands, params=[np.ones(2), np.ones((1, 2))])


def test_the_bound_as_keras_writes_it() -> None:
    """The value and gradients of the usual training code, in torch."""
    torch = pytest.importorskip("torch")
    pred, target, mean, log_var = bound_operands(fl.BinaryCrossEntropy())
    z, m, s = (torch.tensor(x, requires_grad=True) for x in (pred, mean, log_var))
    summed = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.tensor(target), reduction="sum")
    theirs = (summed - 0.5 * torch.sum(1 + s - m**2 - torch.exp(s))) / len(pred)
    theirs.backward()
    value, grads = fl.ELBO().value_and_grad(pred, target, mean, log_var)
    assert value == pytest.approx(theirs.item(), rel=1e-13)
    for grad, leaf in zip(grads, (z, m, s), strict=True):
        np.testing.assert_allclose(grad, leaf.grad.numpy(), rtol=1e-11, atol=1e-15)


def test_errors_of_the_bound() -> None:
    pred, target, mean, log_var = bound_operands(fl.MSE())
    with pytest.raises(ValueError, match="mean must have as many samples as pred, 6, got 5"):
        fl.ELBO()(pred, target, mean[:5], log_var[:5])
    with pytest.raises(TypeError, match="reconstruction must be a loss of pred and target"):
        fl.ELBO(reconstruction=fl.GaussianKL())
    with pytest.raises(ValueError, match="target must be in"):
        fl.ELBO()(pred, target + 1, mean, log_var)
