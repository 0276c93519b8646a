"""Losses between two sets of samples and between histograms: against their definitions, and what they promise."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from closeness import assert_close
from sampling import INSTANCES

import fusedloss as fl
from fusedloss.kinds import clouds, sinkhorn, sorting, transport
from fusedloss.kinds.clouds import Clouds
from fusedloss.kinds.histograms import Histograms
from fusedloss.kinds.two_samples import TwoSamples
from fusedloss.losses import transport as losses

Array = np.ndarray
Weights = tuple[Array | None, Array | None]


def precise(loss: Any) -> Any:
    """A loss whose results are those of the definition to rounding: Sinkhorn's iterations go on until nothing moves."""
    return loss.replace(blur=2 * loss.blur + 0.9, tolerance=1e-13) if isinstance(loss, fl.Sinkhorn) else loss


SAMPLES = [precise(loss) for loss in INSTANCES if isinstance(loss, TwoSamples)]
HISTOGRAMS = [loss for loss in INSTANCES if isinstance(loss, Histograms)]
each_loss = pytest.mark.parametrize("loss", SAMPLES, ids=repr)
each_histogram = pytest.mark.parametrize("loss", HISTOGRAMS, ids=repr)
CLASSES = [precise(cls()) for cls in dict.fromkeys(map(type, SAMPLES))]
each_class = pytest.mark.parametrize("loss", CLASSES, ids=repr)
weighting = pytest.mark.parametrize("weighted", ["neither", "x", "both"])


def sets(
    loss: Any, shape: tuple[int, ...] = (2, 6, 4), dtype: Any = np.float64, seed: int = 0, dimensions: int = 3
) -> tuple[Array, Array]:
    """Two sets; the shape ends with both numbers of samples."""
    *items, n, m = shape
    further = (dimensions,) if isinstance(loss, Clouds) else ()
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0, 1, (*items, n, *further)), rng.normal(0.5, 2, (*items, m, *further))
    return x.astype(dtype), y.astype(dtype)


def counts(weighted: str, shape: tuple[int, ...], seed: int = 1) -> Weights:
    """Weights that are small integers, some of them 0."""
    *items, n, m = shape
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 4, (*items, n)), rng.integers(0, 3, (*items, m))
    x[..., 0], y[..., -2:] = 2, 1
    return None if weighted == "neither" else x.astype(float), y.astype(float) if weighted == "both" else None


def tuples(given: Any) -> tuple[Array, ...]:
    return given if isinstance(given, tuple) else (given,)


# ---- Values ----


def on_a_line(x: Array, y: Array, w: Array, v: Array, p: float) -> float:
    """Each sample as often as its weight says, until both sides have as many: then they go one to one."""
    a = np.sort(np.repeat(x, (w * v.sum()).astype(int)))
    b = np.sort(np.repeat(y, (v * w.sum()).astype(int)))
    return float(np.mean(np.abs(a - b) ** p))


def between_pairs(loss: Any, x: Array, y: Array, w: Array, v: Array) -> float:
    def mean(a: Array, b: Array, s: Array, t: Array, within: bool) -> float:
        d = np.sqrt(np.sum((a[:, np.newaxis] - b) ** 2, axis=-1))
        k = -d
        if isinstance(loss, fl.MMD):
            scales = loss.bandwidth if isinstance(loss.bandwidth, tuple) else (loss.bandwidth,)
            kernels = {
                "gaussian": lambda u: np.exp(-u * u / 2),
                "laplacian": lambda u: np.exp(-u),
                "rational": lambda u: 1 / (1 + u * u / 2),
            }
            k = np.mean([kernels[loss.kernel](d / scale) for scale in scales], axis=0)
        pairs = np.outer(s, t)
        if within and loss.unbiased:
            np.fill_diagonal(pairs, 0)
        return float(np.sum(pairs * k) / pairs.sum())

    return mean(x, x, w, w, True) + mean(y, y, v, v, True) - 2 * mean(x, y, w, v, False)


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian", "rational"])
@pytest.mark.parametrize("weighted", ["neither", "both"])
def test_median_bandwidth(kernel: str, weighted: str, backend: str) -> None:
    """The median of all distances, a constant of the gradient."""
    loss = fl.MMD(kernel=kernel, bandwidth="median", reduction="none")
    x, y = sets(loss)
    x[0, 3] = x[0, 1]
    weights = counts(weighted, (2, 6, 4))
    value, grads = loss.value_and_grad(x, y, *weights)
    for item in range(2):
        there = [w is None or w[item] > 0 for w in weights]
        points = np.concatenate([x[item][there[0]].reshape(-1, 3), y[item][there[1]].reshape(-1, 3)])
        found = np.linalg.norm(points[:, np.newaxis] - points, axis=-1)[np.triu_indices(len(points), 1)]
        found = np.sort(found[found > 0])
        given = loss.replace(bandwidth=found[(found.size - 1) // 2])
        own = [None if w is None else w[item] for w in weights]
        expected, slopes = given.value_and_grad(x[item], y[item], *own)
        assert value[item] == pytest.approx(expected, rel=1e-12)
        for grad, slope in zip(grads, slopes, strict=True):
            np.testing.assert_allclose(grad[item], slope, rtol=1e-10, atol=1e-13)
    assert fl.MMD(bandwidth="median")(np.ones((3, 2)), np.ones((4, 2))) == 0
    assert np.isnan(fl.MMD(bandwidth="median")([[np.nan]], [[1.0]]))


@pytest.mark.parametrize("far", [0.0, 50.0])
def test_median_of_many_distances(far: float) -> None:
    """More than are kept; also where points at every other place are elsewhere, so that a sample of them misleads."""
    points = np.random.default_rng(0).normal(size=(1100, 2))
    points[::2] *= 1 + far
    cloud = clouds.Cloud.of(points)
    found = cloud.distances(slice(None), cloud)
    found = np.sort(found[found > 0])
    assert clouds.median_square(cloud) == pytest.approx(found[(found.size - 1) // 2], rel=1e-12)


def entropic(loss: Any, x: Array, y: Array, w: Array, v: Array) -> float:
    """By many iterations with all costs, of both sides at once, and the value of the plan that they end with."""
    cost = np.sqrt(np.sum((x[:, np.newaxis] - y) ** 2, axis=-1)) ** loss.p / loss.p
    eps, rho = loss.blur**loss.p, np.inf if loss.reach is None else loss.reach**loss.p
    power = 1 / (1 + eps / rho)
    kernel, u, t = np.exp(-cost / eps), np.ones(len(x)), np.ones(len(y))
    for _ in range(10_000):
        both = (kernel @ (v * t)) ** -power, (kernel.T @ (w * u)) ** -power
        moved = np.max(np.abs(both[0] / u - 1), initial=np.max(np.abs(both[1] / t - 1)))
        u, t = np.sqrt(u * both[0]), np.sqrt(t * both[1])
        if moved < 1e-14:
            break
    plan = w[:, np.newaxis] * u[:, np.newaxis] * kernel * t * v

    def divergence(p: Array, q: Array) -> float:
        kept = p > 0
        return float(np.sum(p[kept] * np.log(p[kept] / q[kept])) - p.sum() + q.sum())

    value = float(np.sum(plan * cost)) + eps * divergence(plan, np.outer(w, v))
    return value if np.isinf(rho) else value + rho * (divergence(plan.sum(1), w) + divergence(plan.sum(0), v))


def definition(loss: Any, x: Array, y: Array, w: Array, v: Array) -> float:
    """Of one item."""
    if isinstance(loss, fl.Wasserstein1D):
        value = on_a_line(x, y, w, v, loss.p)
        return value ** (1 / loss.p) if loss.root else value
    if isinstance(loss, fl.SlicedWasserstein):
        along = loss.directions(x.shape[1])
        value = float(np.mean([on_a_line(x @ d, y @ d, w, v, loss.p) for d in along]))
        return value ** (1 / loss.p) if loss.root else value
    if isinstance(loss, fl.Sinkhorn):
        if loss.reach is None:
            w, v = w / w.sum(), v / v.sum()
        value = entropic(loss, x, y, w, v)
        if loss.debias:
            value -= (entropic(loss, x, x, w, w) + entropic(loss, y, y, v, v)) / 2
            value += loss.blur**loss.p * (w.sum() - v.sum()) ** 2 / 2
        return value
    return between_pairs(loss, x, y, w, v)


@each_loss
@weighting
@pytest.mark.parametrize("shape", [(2, 5, 5), (2, 7, 4)], ids=str)
def test_definition(loss: Any, weighted: str, shape: tuple[int, ...], dtype: np.dtype, backend: str) -> None:
    loss = loss.replace(reduction="none")
    x, y = sets(loss, shape, dtype)
    w, v = counts(weighted, shape)
    share = [1 / n if getattr(loss, "reach", None) else 1.0 for n in shape[1:]]
    ones = np.full(shape[:2], share[0]), np.full((shape[0], shape[2]), share[1])
    weights = (ones[0] if w is None else w, ones[1] if v is None else v)
    expected = [definition(loss, *(z[i].astype(float) for z in (x, y)), *(z[i] for z in weights)) for i in range(2)]
    value = loss(x, y, w, v)
    assert value.dtype == dtype
    rel = max(100 * np.finfo(dtype).eps, 1e-11 if isinstance(loss, fl.Sinkhorn) else 0)
    np.testing.assert_allclose(value, expected, rtol=rel, atol=rel / 10)


@each_loss
@weighting
@pytest.mark.parametrize("shape", [(2, 5, 5), (2, 6, 4)], ids=str)
def test_gradients_are_derivatives_of_the_value(loss: Any, weighted: str, shape: tuple[int, ...]) -> None:
    x, y = sets(loss, shape)
    w, v = (None if c is None else 0.3 + c for c in counts(weighted, shape))
    rng = np.random.default_rng(2)
    operands = [None if z is None else z + 0.1 * rng.uniform(size=z.shape) for z in (x, y, w, v)]
    upstream = np.array([0.5, -2.0])
    loss = loss.replace(reduction="none")
    given = [k for k, z in enumerate(operands) if z is not None]
    for k, grad in zip(given, loss.grad(*operands, cotangent=upstream), strict=True):
        step = 1e-6 * rng.normal(size=grad.shape)
        ends = [loss(*(z + sign * step if i == k else z for i, z in enumerate(operands))) for sign in (1, -1)]
        assert np.sum(grad * step) == pytest.approx(np.sum(upstream * (ends[0] - ends[1])) / 2, rel=1e-6, abs=1e-13)


@each_class
def test_samples_without_weight_say_what_it_would_cost(loss: Any) -> None:
    """The gradient by a weight of 0 is the slope of the value where it grows."""
    x, y = sets(loss)
    rng, zeros = np.random.default_rng(3), counts("both", (2, 6, 4))
    loss = loss.replace(reduction="sum", **({"blur": 3.0} if isinstance(loss, fl.Sinkhorn) else {}))
    for k in range(2):  # with some on both sides, the slope may be one of several
        weights = [rng.uniform(1, 2, c.shape) for c in zeros]
        weights[k][zeros[k] == 0] = 0
        grad = loss.grad(x, y, *weights)[2 + k]
        for entry in map(tuple, np.argwhere(weights[k] == 0)[:3]):
            more = [w.copy() for w in weights]
            more[k][entry] = 1e-6
            assert grad[entry] == pytest.approx((loss(x, y, *more) - loss(x, y, *weights)) / 1e-6, rel=1e-4, abs=1e-5)


@each_class
def test_precision_of_float32(loss: Any) -> None:
    x, y = sets(loss, (3, 300, 200), np.float32)
    weights = tuple(np.random.default_rng(3).uniform(0, 1, (3, n)).astype(np.float32) for n in (300, 200))
    value, grads = loss.value_and_grad(x, y, *weights)
    with fl.use_backend("numpy"):
        expected, slopes = loss.value_and_grad(*(z.astype(float) for z in (x, y, *weights)))
    assert value == pytest.approx(expected, rel=1e-6)
    for grad, slope in zip(grads, slopes, strict=True):
        assert grad.dtype == np.float32
        assert_close(grad, slope, loss.facts.tolerance, np.float32, 1e-5 * np.max(np.abs(slope)))


# ---- What they promise ----


@each_loss
def test_bits_and_layouts(loss: Any, dtype: np.dtype) -> None:
    """Of strides and outputs, and where no product is NumPy's of threads."""
    x, y = sets(loss, (2, 40, 30), dtype)
    weights = counts("both", (2, 40, 30))
    value, grads = loss.value_and_grad(x, y, *weights)
    if not isinstance(loss, Clouds):
        for threads in (1, 2, 3):
            with fl.num_threads(threads):
                again = loss.value_and_grad(x, y, *weights)
            assert again[0] == value
            for a, b in zip(again[1], grads, strict=True):
                np.testing.assert_array_equal(a, b)
    for change in (np.asfortranarray, lambda z: np.repeat(z, 2, axis=1)[:, ::2]):
        again = loss.value_and_grad(*map(change, (x, y, *weights)))
        assert again[0] == value
        for a, b in zip(again[1], grads, strict=True):
            np.testing.assert_array_equal(a, b)
    given = x.copy(), y.copy(), *(np.asfortranarray(w) for w in weights)
    outs = loss.grad(*given, out=given)
    for a, b, own in zip(outs, grads, given, strict=True):
        assert a is own
        np.testing.assert_array_equal(a, b)
    assert [g.shape for g in grads] == [x.shape, y.shape, *(w.shape for w in weights)]
    np.testing.assert_array_equal(loss.grad(x, y, *weights, wrt="y"), grads[1])
    assert len(loss.grad(x, y)) == 2
    np.testing.assert_array_equal(
        loss.grad(x, y, None, weights[1])[2], loss.grad(x, y, None, weights[1], wrt="y_weight")
    )


@each_class
def test_items_are_weighed_and_reduced(loss: Any, backend: str) -> None:
    x, y = sets(loss, (2, 3, 6, 4))
    weight = np.array([[1.0, 0.0, 2.0], [0.5, 3.0, 1.0]])
    x[0, 1] = np.nan
    each = loss.replace(reduction="none")(np.nan_to_num(x), y)
    upstream = np.random.default_rng(4).normal(size=(2, 3))
    items, grads = loss.replace(reduction="none").value_and_grad(x, y, sample_weight=weight, cotangent=upstream)
    np.testing.assert_allclose(items, weight * each, rtol=1e-12)
    for reduction, divisor in (("mean", 7.5), ("sum", 1.0), ("batchmean", 2.0)):
        value = loss.replace(reduction=reduction)(x, y, sample_weight=weight)
        assert value == pytest.approx(np.sum(weight * each) / divisor, rel=1e-12)
    for which, grad in enumerate(grads):
        assert not grad[0, 1].any()
        for at in ((0, 0), (1, 2)):
            own = loss.grad(x[at], y[at], cotangent=weight[at] * upstream[at])[which]
            np.testing.assert_allclose(grad[at], own, rtol=1e-12, atol=1e-14)
    parts = np.sum([loss.partial(x[s], y[s], sample_weight=weight[s]) for s in (slice(1), slice(1, 2))], axis=0)
    assert parts[1] == loss.weight_total(x, sample_weight=weight) == 7.5
    assert parts[0] / parts[1] == pytest.approx(loss(x, y, sample_weight=weight), rel=1e-14)
    with pytest.raises(ValueError, match="sample_weight must be >= 0"):
        loss(x, y, sample_weight=-weight)
    with pytest.raises(NotImplementedError, match="has no Hessian"):
        loss.grad_and_hess(x, y)


@each_class
def test_what_is_not_there(loss: Any, backend: str) -> None:
    x, y = sets(loss)
    weights = counts("both", (2, 6, 4))
    kept = weights[0][0] > 0
    whole = loss.value_and_grad(x[0], y[0], weights[0][0], weights[1][0])
    spoilt = x[0].copy()
    spoilt[~kept] = np.nan
    value, grads = loss.value_and_grad(spoilt, y[0], weights[0][0], weights[1][0])
    assert value == pytest.approx(whole[0], rel=1e-12)
    assert not grads[0][~kept].any()
    np.testing.assert_allclose(grads[0][kept], whole[1][0][kept], rtol=1e-10, atol=1e-12)
    for given in ((x, y, 0 * weights[0], weights[1]), (x[:, :0], y, None, None), (x[:0], y[:0], None, None)):
        value, grads = loss.value_and_grad(*given)
        assert value == 0
        assert not any(g.any() for g in grads)
    spoilt = x.copy()
    spoilt[1, 2] = np.nan
    each = loss.replace(reduction="none")
    value, grads = each.value_and_grad(spoilt, y)
    clean = each.value_and_grad(x, y)
    np.testing.assert_array_equal(np.isnan(value), [False, True])
    for a, b in zip(grads, clean[1], strict=True):
        assert np.isnan(a[1]).all()
        np.testing.assert_array_equal(a[0], b[0])


@each_class
def test_equal_sets(loss: Any, dtype: np.dtype) -> None:
    """Values of nothing but rounding, and finite gradients, though all points have another one at their place."""
    x, _ = sets(loss, (2, 30, 1), dtype, seed=5)
    value, grads = loss.value_and_grad(x, x[:, ::-1])
    assert abs(value) <= 1e-6
    scale = 1e-6 if isinstance(loss, fl.SlicedWasserstein | fl.Wasserstein1D) else 1e-3
    for grad in grads:
        assert np.max(np.abs(grad)) <= (scale if dtype == np.float32 else 1e-6)
    x[:] = 1.5
    for grad in tuples(loss.grad(x, x, np.ones((2, 30)), None)):
        assert np.isfinite(grad).all()


@pytest.mark.parametrize("loss", [fl.Wasserstein1D(p=2, root=True), fl.SlicedWasserstein(root=True)], ids=repr)
def test_roots(loss: Any) -> None:
    """The gradient of a root at 0 is 0; no power of a distance leaves the range."""
    x, y = sets(loss)
    value, grads = loss.value_and_grad(x, x)
    assert value == 0
    assert not any(g.any() for g in grads)
    here, slopes = loss.value_and_grad(x, y)
    for scale in (2.0**600, 2.0**-600):
        value, grads = loss.value_and_grad(scale * x, scale * y)
        assert value / scale == pytest.approx(here, rel=1e-12)
        for grad, slope in zip(grads, slopes, strict=True):
            np.testing.assert_allclose(grad, slope, rtol=1e-9, atol=1e-12)


def test_order() -> None:
    """Of all float32 numbers, infinite and subnormal ones and both zeros among them, as NumPy's stable sort has it."""
    rng = np.random.default_rng(6)
    bits = rng.integers(0, 2**32, (3, 4000), dtype=np.uint32).view(np.float32)
    x = np.where(np.isnan(bits), np.float32(np.inf), bits)
    x[0, :50] = rng.choice(np.float32([-1, 1, 2]), 50)
    x[x == 0] = 0
    found, order = sorting.ascending(x)
    np.testing.assert_array_equal(found, np.sort(x, axis=1))
    np.testing.assert_array_equal(order, np.argsort(x, axis=1, kind="stable"))


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for loss in SAMPLES:
        x, y = sets(loss, (3, 60, 50), dimensions=7)
        before = loss.value_and_grad(x, y)
        with monkeypatch.context() as patch:
            patch.setattr(transport, "_ROWS", 200)
            patch.setattr(clouds, "BLOCK_BYTES", 5000)
            patch.setattr(clouds, "LARGE_BLOCK_BYTES", 7000)
            patch.setattr(losses, "PROJECTED_BYTES", 5000)
            patch.setattr(sinkhorn, "KEPT_BYTES", 0)
            after = loss.value_and_grad(x, y)
        assert after[0] == pytest.approx(before[0], rel=1e-12)
        for a, b in zip(after[1], before[1], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("loss", [fl.EnergyDistance(), fl.Wasserstein1D(p=2)], ids=repr)
def test_memory_grows_with_the_samples(loss: Any) -> None:
    """Pairs of 3000 samples in double would take 72 MB."""
    x, y = sets(loss, (3000, 2999))
    tracemalloc.start()
    try:
        loss.value_and_grad(x, y)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_directions() -> None:
    loss = fl.SlicedWasserstein(n_projections=400, seed=1)
    along = loss.directions(3)
    np.testing.assert_array_equal(along, loss.directions(3))
    assert np.abs(along - loss.replace(seed=2).directions(3)).max() > 0.1
    np.testing.assert_allclose(np.linalg.norm(along, axis=1), 1)
    assert np.abs(along.mean(axis=0)).max() < 0.1


# ---- Sinkhorn ----


@pytest.mark.parametrize("options", [{}, {"reach": 1.0}], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_costs_in_place_of_points(options: dict[str, Any], weighted: bool, dtype: np.dtype, backend: str) -> None:
    """The gradient by costs is the plan."""
    loss = precise(fl.Sinkhorn(debias=False, **options))
    x, y = sets(loss, (2, 6, 4), dtype)
    weights = counts("both", (2, 6, 4)) if weighted else ()
    cost = np.sum((x[:, :, np.newaxis] - y[:, np.newaxis]) ** 2, axis=-1) / 2
    value, grads = loss.value_and_grad(cost, None, *weights, sample_weight=[1.0, 2.0])
    expected, slopes = loss.value_and_grad(x, y, *weights, sample_weight=[1.0, 2.0])
    rel = 1e-5 if dtype == np.float32 else 1e-9
    assert value == pytest.approx(expected, rel=rel)
    plan = grads[0] if weighted else loss.grad(cost, sample_weight=[1.0, 2.0])[0]
    assert (plan.shape, plan.dtype) == (cost.shape, dtype)
    assert (plan >= 0).all()
    if not options:
        shares = np.full((2, 6), 1 / 6) if not weighted else weights[0] / weights[0].sum(axis=1, keepdims=True)
        np.testing.assert_allclose(plan.sum(axis=2), shares * [[1 / 3], [2 / 3]], rtol=rel, atol=1e-12)
    by_x = np.sum(plan[..., np.newaxis] * (x[:, :, np.newaxis] - y[:, np.newaxis]), axis=2)
    np.testing.assert_allclose(by_x, slopes[0], rtol=100 * rel, atol=10 * rel)
    for grad, slope in zip(grads[1:], slopes[2:], strict=True):
        np.testing.assert_allclose(grad, slope, rtol=100 * rel, atol=100 * rel)


def test_costs_that_cannot_be_paid() -> None:
    """Pairs of an infinite cost are not in the plan."""
    cost = np.array([[0.0, np.inf, 1.0], [np.inf, 0.0, 1.0]])
    loss = fl.Sinkhorn(blur=0.7, debias=False, tolerance=1e-10)
    value, (plan,) = loss.value_and_grad(cost)
    assert np.isfinite(value)
    np.testing.assert_allclose(plan.sum(axis=1), 1 / 2, rtol=1e-8)
    np.testing.assert_allclose(plan.sum(axis=0), 1 / 3, rtol=1e-8)
    assert plan[0, 1] == plan[1, 0] == 0


def test_convergence_is_reported(backend: str) -> None:
    loss = fl.Sinkhorn(blur=0.2, max_iterations=12, reduction="none")
    x, y = sets(loss, (3, 12, 9))
    y[1] = x[1, :9] + 10
    with pytest.warns(RuntimeWarning, match="did not converge in 12 iterations for 3 of 3 items: the sums"):
        value, grads = loss.value_and_grad(x, y)
    aux = loss.with_aux(x, y, sample_weight=[1.0, 1.0, 0.0])
    np.testing.assert_array_equal(aux.value[:2], value[:2])
    np.testing.assert_array_equal(aux.grad[0][:2], grads[0][:2])
    np.testing.assert_array_equal(aux.iterations, [12, 12, 0])
    np.testing.assert_array_equal(aux.converged, aux.error <= loss.tolerance)
    assert aux.converged.tolist() == [False, False, True]
    aux = loss.replace(max_iterations=5000).with_aux(x, y)
    assert aux.converged.all()
    assert (aux.error <= 1e-5).all()
    assert (aux.iterations < 5000).all()


def test_longer_steps_save_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the result is that of plain ones."""
    loss = fl.Sinkhorn(blur=0.1, tolerance=1e-8, max_iterations=20_000)
    rng = np.random.default_rng(7)
    x, y = rng.uniform(0, 1, (30, 2)), rng.uniform(0, 1, (25, 2))
    fast = loss.with_aux(x, y)
    monkeypatch.setattr(sinkhorn, "LONGEST", 1.0)
    plain = loss.with_aux(x, y)
    assert fast.converged
    assert plain.converged
    assert 2 * fast.iterations < plain.iterations
    assert fast.value == pytest.approx(plain.value, rel=1e-8)
    for a, b in zip(fast.grad, plain.grad, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-8)


# ---- Histograms ----


def histograms(loss: Any, dtype: Any = np.float64, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    shape = (7, 3) if loss.axis == 0 else (3, 7)
    return rng.uniform(0, 1, shape).astype(dtype), rng.uniform(0, 1, shape).astype(dtype)


@each_histogram
def test_cumulated_histograms(loss: Any, dtype: np.dtype, backend: str) -> None:
    loss = loss.replace(reduction="none")
    pred, target = histograms(loss, dtype)
    p, t = (np.moveaxis(x, loss.axis, -1).astype(float) for x in (pred, target))
    if loss.normalize:
        p, t = (x / x.sum(axis=1, keepdims=True) for x in (p, t))
    expected = np.sum(np.abs(np.cumsum(p, axis=1) - np.cumsum(t, axis=1)) ** loss.p, axis=1)
    np.testing.assert_allclose(loss(pred, target), expected, rtol=8 * np.finfo(dtype).eps)
    upstream = np.array([0.5, -1.0, 2.0])
    grads = loss.grad(pred, target, wrt="both", cotangent=upstream)
    rng = np.random.default_rng(1)
    for k, grad in enumerate(grads):
        assert grad.dtype == dtype
        step = [np.zeros(pred.shape), np.zeros(pred.shape)]
        step[k] = 1e-6 * rng.normal(size=pred.shape)
        wide = pred.astype(float), target.astype(float)
        ends = [loss(*(x + sign * d for x, d in zip(wide, step, strict=True))) for sign in (1, -1)]
        slope = np.sum(upstream * (ends[0] - ends[1])) / 2
        assert np.sum(grad * step[k]) == pytest.approx(slope, rel=1e-4 if dtype == np.float32 else 1e-7)
    np.testing.assert_array_equal(loss.grad(pred, target, cotangent=upstream), grads[0])


@each_histogram
def test_rows_of_histograms(loss: Any, backend: str) -> None:
    """Weights, rows without mass or with NaN, outputs, many rows on threads."""
    loss = loss.replace(axis=-1)
    rng = np.random.default_rng(2)
    pred, target = rng.uniform(0, 1, (2, 40, 2000))
    weight = rng.uniform(0, 2, 40)
    weight[3] = 0
    each = loss.replace(reduction="none")(pred, target)
    expected = loss.value_and_grad(pred, target, sample_weight=weight)
    assert expected[0] == pytest.approx(np.sum(weight * each) / weight.sum(), rel=1e-13)
    assert loss.weight_total(target, sample_weight=weight) == weight.sum()
    pred[3] = -1
    for threads in (1, 3):
        with fl.num_threads(threads):
            out = pred.copy()
            assert loss.value_and_grad(out, target, sample_weight=weight, out=out)[0] == expected[0]
        np.testing.assert_array_equal(out, expected[1])
    assert not out[3].any()
    pred[3], pred[5, 7] = 0.0, np.nan
    value, grad = loss.replace(reduction="none").value_and_grad(pred, target)
    assert (value[3] == 0) == loss.normalize
    assert grad[3].any() != loss.normalize
    np.testing.assert_array_equal(np.isnan(value), np.arange(40) == 5)
    np.testing.assert_array_equal(value[6:], each[6:])
    assert loss(pred[:0], target[:0]) == 0


# ---- Errors ----


def test_errors(backend: str) -> None:
    x = np.zeros((2, 5))
    for call, message in (
        (lambda: fl.wasserstein_1d(x, x[:1]), r"y must have the shape of x, \(2, 5\), but for the number of samples"),
        (lambda: fl.wasserstein_1d(1.0, x), r"x must have shape \(..., samples\)"),
        (lambda: fl.mmd(x, np.zeros((2, 4))), "but for the number of samples along axis 0"),
        (lambda: fl.mmd(x[0], x[0]), r"x must have shape \(..., samples, dimensions\), got \(5,\)"),
        (
            lambda: fl.mmd(x, x, np.ones(3)),
            r"x_weight must have shape \(2,\), a weight for each .* got \(3,\)",
        ),
        (lambda: fl.wasserstein_1d(x, x, None, x - 1), r"y_weight must be >= 0 and finite, got -1.0 at index \(0, 0\)"),
        (lambda: fl.mmd(x[:1], x, unbiased=True), "x must have two samples at least"),
        (lambda: fl.mmd(x, x, [0, 1], unbiased=True), "x must have two samples of positive weight at least"),
        (lambda: fl.Wasserstein1D(p=0.5), "p must be >= 1"),
        (lambda: fl.SlicedWasserstein(n_projections=0), "n_projections must be at least 1"),
        (lambda: fl.MMD(bandwidth=(1.0, 0.0)), "bandwidth must be > 0"),
        (lambda: fl.MMD(bandwidth="mean"), "bandwidth must be 'median' if it is a word, got 'mean'"),
        (lambda: fl.sinkhorn(x), "Sinkhorn of costs needs debias=False"),
        (lambda: fl.sinkhorn(x, None, np.ones(5), debias=False), r"x_weight must have shape \(2,\)"),
        (lambda: fl.sinkhorn(x, None, None, np.ones(2), debias=False), r"y_weight must have shape \(5,\)"),
        (lambda: fl.Sinkhorn(reach=0.0), "reach must be > 0"),
        (lambda: fl.HistogramEMD(p=3), "p must be 1 or 2, got 3"),
        (lambda: fl.histogram_emd(x - [0, 0, 1, 0, 0], x), r"pred must be >= 0 and finite, got -1.0 at index \(0, 2\)"),
        (lambda: fl.histogram_emd(x, x.T - 1, axis=0), "target must have the shape of pred"),
        (lambda: fl.histogram_emd(x, x + np.inf, axis=0), r"target must be >= 0 and finite, got inf at index \(0, 0\)"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
