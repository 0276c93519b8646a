"""Accuracy in units of the last place over bit patterns, and what happens at the extremes.

The thorough sweep: ``FUSEDLOSS_SWEEP=100 pytest tests/test_accuracy.py`` tries a hundred times as many points.
"""

from __future__ import annotations

import os
from typing import Any

import mpmath
import numpy as np
import pytest
from closeness import assert_close, reference_and_slack
from sampling import CASES, CLASSES, Case, results

import fusedloss as fl

POINTS = 20_000 * int(os.environ.get("FUSEDLOSS_SWEEP", "1"))

each_case = pytest.mark.parametrize("case", CASES, ids=str)
elementwise = pytest.mark.parametrize("case", [case for case in CASES if not case.rows], ids=str)
row_cases = [case for case in CASES if case.loss.traits.shift_invariant and case.width == CLASSES]
rows = pytest.mark.parametrize("case", row_cases, ids=str)


def patterns(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Floats of random bits: all exponents alike, subnormals, infinities and NaN among them."""
    return rng.integers(0, 2**32, shape, dtype=np.uint32).view(np.float32)


@elementwise
def test_bit_patterns(case: Case) -> None:
    """All of float32 against the reference in float64, which overflows and underflows far beyond."""
    rng = np.random.default_rng(1)
    case = case.replace(reduction="none")
    pred, target = case.operands(rng, (POINTS,), np.float32)
    bits = patterns(rng, pred.shape)
    if "pred" in case.loss.domain:
        bits = np.abs(
            np.ldexp(np.nan_to_num(np.frexp(np.nan_to_num(bits))[0]), rng.integers(-148, 1, bits.shape))
        ).astype(np.float32)
        bits = np.where(rng.random(bits.shape) < 0.5, 1 - bits, bits)
    pred = np.where(rng.random(pred.shape) < 0.7, bits, pred)
    if "target" not in case.loss.domain:
        target = np.where(rng.random(target.shape) < 0.3, patterns(rng, target.shape), target)
    epsilons = case.loss.facts.tolerance
    with np.errstate(all="ignore"):
        expected, slack = reference_and_slack(case, (pred, target), epsilons)
        actual = results(case, (pred, target))
        for name, each in actual.items():
            wanted = np.asarray(expected[name]).astype(np.float32).astype(np.float64)
            near_end = np.isinf(each) & (np.abs(expected[name]) > 0.9999 * float(np.finfo(np.float32).max))
            wanted = np.where(near_end, each, wanted)
            each = np.where(near_end, wanted, each)
            assert_close(each, wanted, epsilons, np.float32, np.nan_to_num(slack[name]), what=name)


def barron_exactly(r: Any, alpha: Any, c: Any) -> Any:
    x2, distance = (r / c) ** 2, abs(alpha - 2)
    if alpha == -mpmath.inf:
        return -mpmath.expm1(-x2 / 2)
    if alpha == 2:
        return x2 / 2
    if alpha == 0:
        return mpmath.log1p(x2 / 2)
    return distance / alpha * mpmath.expm1(alpha / 2 * mpmath.log1p(x2 / distance))


ALPHAS = [
    -np.inf,
    -1e6,
    -40.0,
    -2.0,
    -0.5,
    -1e-12,
    0.0,
    1e-300,
    1e-6,
    0.7,
    1.0,
    1.7,
    2 - 1e-6,
    2 - 2**-52,
    2.0,
    2 + 1e-9,
]
POWERS = (-0.7, 0.0, 0.3, 1.1, 1.5, 2.0, 3.0)
FOUR_ULP: list[tuple[Any, Any]] = [
    (
        fl.LogCosh(),
        lambda r: (
            mpmath.log1p(2 * mpmath.sinh(r / 2) ** 2) if r < 1 else r + mpmath.log1p(mpmath.exp(-2 * r)) - mpmath.log(2)
        ),
    ),
    *(
        (
            fl.PseudoHuber(delta=d),
            lambda r, d=d: r**2 / (1 + mpmath.sqrt(1 + (r / mpmath.mpf(d)) ** 2)),
        )
        for d in (1.0, 0.3, 250.0)
    ),
    *(
        (fl.Barron(alpha=alpha, c=c), lambda r, alpha=alpha, c=c: barron_exactly(r, mpmath.mpf(alpha), c))
        for alpha in ALPHAS
        for c in (1.0, 0.3)
    ),
]


@pytest.mark.parametrize("isa", fl._core.supported_isas())
@pytest.mark.parametrize(("loss", "exactly"), FOUR_ULP, ids=lambda x: repr(x) if isinstance(x, fl.Loss) else "")
def test_values_within_four_ulp_over_all_scales(loss: Any, exactly: Any, isa: str, dtype: np.dtype) -> None:
    """Residuals from 1e-30 to 1e30, where the common forms cancel or overflow, against 60 digits."""
    rng = np.random.default_rng(3)
    r = (10.0 ** rng.uniform(-30, 30, 600)).astype(dtype)
    r[:300] = (10.0 ** rng.uniform(-3, 3, 300)).astype(dtype)
    before = fl._core.isa()
    fl._core.select_isa(isa)
    try:
        given = loss.replace(reduction="none")(r, np.zeros_like(r))
    finally:
        fl._core.select_isa(before)
    with mpmath.workdps(60):
        exact = [exactly(mpmath.mpf(float(x))) for x in r]
        top = mpmath.mpf(float(np.finfo(dtype).max))
        for x, value, number in zip(r, given, exact, strict=True):
            if number > top:
                assert value == np.inf, x
                continue
            ulp = float(np.spacing(dtype.type(min(float(number), float(top)))))
            assert abs(mpmath.mpf(float(value)) - number) <= 4 * ulp, (x, value, float(number))


@pytest.mark.parametrize(("loss", "exactly"), FOUR_ULP, ids=lambda x: repr(x) if isinstance(x, fl.Loss) else "")
def test_items_do_not_depend_on_their_neighbours(loss: Any, exactly: Any, dtype: np.dtype) -> None:
    """Where one item asks for another way of calculation, the others of its batch keep theirs."""
    rng = np.random.default_rng(4)
    loss, r = loss.replace(reduction="none"), rng.normal(0, 2, 500).astype(dtype)
    mixed, at = r.copy(), [3, 18, 100, 499]
    mixed[at] = [1e30, 1e-30, np.inf, np.nan]
    others = np.delete(np.arange(r.size), at)
    zeros = np.zeros_like(r)
    for call in (loss.value_and_grad, loss.grad_and_hess):
        for ours, alone in zip(call(mixed, zeros), call(r, zeros), strict=True):
            assert np.array_equal(ours[others], alone[others])


@pytest.mark.parametrize("order", ["value", "grad", "hess"])
def test_barron_is_smooth_in_alpha(order: str) -> None:
    """Through 0, 2 and to -inf: a step of 2^-40 in alpha moves nothing by more than its derivative allows."""
    r = np.concatenate([10.0 ** np.linspace(-12, 12, 400)])
    step = 2.0**-40
    for pair in [(-step, 0.0), (0.0, step), (2 - step, 2.0), (2.0, 2 + step), (-1e16, -np.inf), (-(2.0**60), -np.inf)]:
        low, high = (results(Case(fl.Barron(alpha=a, reduction="none")), (r, np.zeros_like(r)))[order] for a in pair)
        scale = np.maximum(np.abs(low), np.abs(high)) + (1e-300 if order == "value" else 1e-12 * (order == "hess"))
        # d log l / d alpha is about log(1 + r^2 / |alpha - 2|)^2, below 1e4 here
        assert np.all(np.abs(high - low) <= 1e4 * step * scale), pair


@rows
@pytest.mark.parametrize("isa", fl._core.supported_isas())
def test_probabilities_close_to_one(case: Case, dtype: np.dtype, isa: str) -> None:
    """Value and gradient within 4 ulp of 50 digits where log-softmax, computed as z - log sum, gives 0."""
    if case.loss != fl.CrossEntropy() or case.target != "labels":
        return
    before = fl._core.isa()
    fl._core.select_isa(isa)
    try:
        gaps = [10.0, 16.0, 17.5, 20.0, 30.0, 36.0, 40.0, 60.0, 80.0]
        pred = np.array([[gap, 0.0] for gap in gaps], dtype)
        value, grad, hess = case.loss.replace(reduction="none").value_grad_and_hess(pred, np.zeros(len(gaps), int))
    finally:
        fl._core.select_isa(before)
    with mpmath.workdps(50):
        for i, gap in enumerate(gaps):
            e = mpmath.exp(-mpmath.mpf(gap))
            p = e / (1 + e)
            exact = {"value": mpmath.log1p(e), "to label": -p, "other": p, "hess": p * (1 - p)}
            given = {"value": value[i], "to label": grad[i, 0], "other": grad[i, 1], "hess": hess[i, 0]}
            for name, number in exact.items():
                ulp = float(np.spacing(np.abs(dtype.type(float(number)))))
                assert abs(mpmath.mpf(float(given[name])) - number) < 4 * ulp, (name, gap)
    assert float(case.loss(pred[3:4], [0])) == pytest.approx(2.0611536e-9, rel=1e-6)


EXTREMES = [np.inf, -np.inf, np.nan, 1e38, -1e38, 3.4e38, -3.4e38, 1e-45, -1e-45, 1e-38, 0.0, -0.0, 88.8, -104.0, 1e4]


@each_case
def test_extremes_are_those_of_the_reference(case: Case, dtype: np.dtype) -> None:
    """Rows of every two extremes among ordinary numbers; every extreme elsewhere."""
    if "pred" in case.loss.domain:
        return
    case = case.replace(reduction="none")
    rng = np.random.default_rng(2)
    first, second = (x.ravel() for x in np.meshgrid(EXTREMES, EXTREMES))
    pred, target = case.operands(rng, (first.size,), dtype)
    by_item = np.moveaxis(pred, case.loss.axis, -1) if case.rows else pred
    if case.rows:
        by_item[:, 0], by_item[:, 1] = first, second
    else:
        by_item[...] = first.reshape(-1, *[1] * (pred.ndim - 1))
    if not case.rows and "target" not in case.loss.domain:
        target[...] = second.reshape(target.shape)
    epsilons = case.loss.facts.tolerance
    actual = results(case, (pred, target))
    with np.errstate(all="ignore"):
        if dtype == np.float32:
            expected, slack = reference_and_slack(case, (pred, target), epsilons)
        else:
            with fl.use_backend("numpy"):
                expected = results(case, (pred, target))
            slack = reference_and_slack(case, (pred, target), epsilons)[1]
        residual = pred if case.soft or case.levels else pred - target
        if case.levels:
            residual = pred - target[..., np.newaxis]
        overflown = np.isinf(residual) & np.isfinite(pred) & (not case.rows)  # a residual is rounded as any difference
        for name, each in actual.items():
            wanted = np.asarray(expected[name]).astype(dtype).astype(np.float64)
            if not case.rows:
                wanted = np.where(overflown, each, wanted)
            assert_close(each, wanted, epsilons, dtype, np.nan_to_num(slack[name], posinf=0.0), what=name)


GAMMAS = [0.0, 1e-30, 1e-3, 0.3, 0.5, 1.0, 1.5, 2.0, 5.0, 20.0, 1e3, 1e12, 1e38, 1e300]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("alpha", [None, 0.0, 0.25, 1.0])
@pytest.mark.parametrize("isa", fl._core.supported_isas())
def test_focal_is_finite(gamma: float, alpha: float | None, isa: str, dtype: np.dtype) -> None:
    """For every finite float32, which a naive form does not survive beyond 19; at infinite logits the limits."""
    before = fl._core.isa()
    fl._core.select_isa(isa)
    try:
        loss: Any = fl.BinaryFocal(gamma=gamma, alpha=alpha, reduction="none")
        bits = patterns(np.random.default_rng(3), (5000,))
        z = np.concatenate([bits[np.isfinite(bits)], np.linspace(-160, 160, 641)]).astype(dtype)
        for target in (0.0, 0.3, 1.0):
            for array in loss.value_grad_and_hess(z, np.full(z.shape, target)):
                assert np.isfinite(array).all()
        value, grad, hess = loss.value_grad_and_hess(np.array([np.inf, -np.inf], dtype), [1, 0])
        assert not np.any(value)
        assert not np.any(grad)
        assert not np.any(hess)
        value, grad, hess = loss.value_grad_and_hess(np.array([-np.inf, np.inf], dtype), [1, 0])
        weight = np.array([1.0, 1.0] if alpha is None else [alpha, 1 - alpha])
        np.testing.assert_array_equal(value, np.where(weight > 0, np.inf, 0))
        np.testing.assert_array_equal(grad, [-weight[0], weight[1]])
        assert np.abs(hess).max() < 1e-30
    finally:
        fl._core.select_isa(before)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_focal_without_gamma_is_cross_entropy(from_logits: bool, smoothing: float, dtype: np.dtype) -> None:
    """To the last bit for values and gradients, within a unit in the last place for Hessians."""
    rng = np.random.default_rng(4)
    options: dict[str, Any] = {"from_logits": from_logits, "label_smoothing": smoothing, "reduction": "none"}
    for target in (rng.integers(0, 2, POINTS), rng.uniform(0, 1, POINTS)):
        pred = np.where(rng.random(POINTS) < 0.5, patterns(rng, (POINTS,)), rng.normal(0, 4, POINTS)).astype(dtype)
        if not from_logits:
            pred = rng.uniform(0, 1, POINTS).astype(dtype)
        focal = fl.BinaryFocal(gamma=0.0, **options).value_grad_and_hess(pred, target)
        entropy = fl.BinaryCrossEntropy(**options).value_grad_and_hess(pred, target)
        np.testing.assert_array_equal(focal[0], entropy[0])
        np.testing.assert_array_equal(focal[1], entropy[1])
        gap = np.abs(focal[2] - entropy[2])
        assert np.all(np.isnan(pred) | (gap <= np.spacing(np.abs(entropy[2]))))


@pytest.mark.parametrize("gamma", [1e-3, 0.5, 1.0, 2.0, 3.5, 5.0])
def test_focal_in_forty_digits(gamma: float, dtype: np.dtype) -> None:
    """Value and gradient within 4 epsilons for logits of any size; Hessians so with pred known to 4 epsilons."""
    rng = np.random.default_rng(5)
    z = np.concatenate([rng.normal(0, 3, 200), rng.uniform(-110, 110, 100), [0.0, 1e-30, 1e4, -1e4, -103.9]])
    z = z.astype(dtype)
    y = rng.integers(0, 2, z.size)
    loss: Any = fl.BinaryFocal(gamma=gamma, reduction="none")
    given = loss.value_grad_and_hess(z, y)
    eps, tiny = float(np.finfo(dtype).eps), 4 * float(np.finfo(dtype).smallest_subnormal)
    with mpmath.workdps(40):

        def exactly(u: Any) -> tuple[Any, Any, Any]:  # of the positive term; the negative one is its mirror image
            p, q = 1 / (1 + mpmath.exp(-u)), 1 / (1 + mpmath.exp(u))
            log_p = -mpmath.log1p(mpmath.exp(-u))
            power = q**gamma
            bend = q * (1 + 2 * gamma) - gamma * log_p * (gamma * p - q)
            return -power * log_p, -power * (q - gamma * p * log_p), power * p * bend

        for i, (x, label) in enumerate(zip(z, y, strict=True)):
            sign = 1 if label else -1
            u = mpmath.mpf(float(x)) * sign
            expected, near = exactly(u), exactly(u * (1 + 4 * mpmath.mpf(eps)))
            slack = 2 * abs(near[2] - expected[2])
            for name, k, allowed in (("value", 0, 0), ("grad", 1, 0), ("hess", 2, slack)):
                exact = expected[k] * (sign if k == 1 else 1)
                error = abs(mpmath.mpf(float(given[k][i])) - exact)
                assert error <= 4 * eps * abs(exact) + tiny + allowed, (name, x, label, given[k][i], float(exact))


@pytest.mark.parametrize("pred", [-3e38, -1e4, -750.0, -89.0])
def test_margin_losses_do_not_overflow(pred: float, dtype: np.dtype) -> None:
    """Where the exact result is a number; e^-u is infinite only where it is not."""
    z = np.array([pred], dtype)
    value, grad, hess = fl.Logistic().value_grad_and_hess(z, [1])
    assert value == pytest.approx(-float(z[0]), rel=1e-7)
    assert grad[0] == -1
    assert hess[0] == pytest.approx(np.exp(float(z[0])), rel=1e-5, abs=1e-44)
    value, grad, hess = fl.Exponential().value_grad_and_hess(z, [1])
    with np.errstate(over="ignore"):
        expected = np.exp(-z.astype(np.longdouble)).astype(dtype)[0]
    assert value == pytest.approx(float(expected), rel=4 * float(np.finfo(dtype).eps))
    assert grad[0] == -value
    assert hess[0] == value


@pytest.mark.parametrize(
    "loss", [fl.Poisson(), fl.Poisson(full=True), *(fl.Tweedie(power=p) for p in POWERS)], ids=repr
)
@pytest.mark.parametrize("isa", fl._core.supported_isas())
def test_large_logits_of_a_mean(loss: Any, isa: str, dtype: np.dtype) -> None:
    """Finite wherever the result is, though e^z may not be; infinite of the right sign beyond. Against 60 digits."""
    info = np.finfo(dtype)
    last = float(np.log(info.max))
    steps = np.array([-1.9, -1.2, -1.01, -0.9, -0.5, 0.5, 0.9, 0.99, 1.01, 1.2, 1.9, 2.1, 1e3])
    pred, target = (x.ravel().astype(dtype) for x in np.meshgrid(steps * last, [0.25, 3.0, 1e4]))
    before = fl._core.isa()
    fl._core.select_isa(isa)
    try:
        given = results(Case(loss.replace(reduction="none")), (pred, target))
    finally:
        fl._core.select_isa(before)
    with mpmath.workdps(60):
        for i, (z, y) in enumerate(zip(pred, target, strict=True)):
            exact = dict(zip(given, mean_exactly(loss, mpmath.mpf(float(z)), mpmath.mpf(float(y))), strict=True))
            for name, number in exact.items():
                if abs(number) > mpmath.mpf(float(info.max)):
                    assert given[name][i] == np.inf * float(mpmath.sign(number)), (name, z, y)
                    continue
                allowed = 8 * float(info.eps) * abs(number) + 4 * float(info.smallest_subnormal)
                assert abs(mpmath.mpf(float(given[name][i])) - number) <= allowed, (name, z, y)


def mean_exactly(loss: Any, z: Any, y: Any) -> tuple[Any, Any, Any]:
    mean = mpmath.exp(z)
    power = getattr(loss, "power", 1)
    if power == 0:
        return (mean - y) ** 2 / 2, mean * (mean - y), mean * (2 * mean - y)
    if power == 1:
        full = getattr(loss, "full", False) and y > 1
        stirling = y * mpmath.log(y) - y + mpmath.log(2 * mpmath.pi * y) / 2 if full else 0
        return mean - y * z + stirling, mean - y, mean
    a, b = 2 - mpmath.mpf(power), 1 - mpmath.mpf(power)
    of_mean, of_target = mpmath.exp(a * z), y * mpmath.exp(b * z)
    if power == 2:
        return z + of_target, 1 - of_target, of_target
    return of_mean / a - of_target / b, of_mean - of_target, a * of_mean - b * of_target


@pytest.mark.usefixtures("backend")
def test_rows_with_minus_infinity() -> None:
    """A logit of -inf is a class of probability 0; a row of nothing else, or with NaN or +inf, is NaN throughout."""
    inf = np.inf
    loss: Any = fl.CrossEntropy(reduction="none")
    z = np.array([[-inf, 0.0, 0.0], [0.0, -inf, 0.0], [-inf, -inf, -inf], [inf, 0.0, 0.0], [np.nan, 0.0, -inf]])
    value, grad, hess = loss.value_grad_and_hess(z, [1, 1, 0, 0, 1])
    np.testing.assert_allclose(value[:2], [np.log(2), inf], rtol=1e-15)
    np.testing.assert_array_equal(grad[:2], [[0, -0.5, 0.5], [0.5, -1, 0.5]])
    np.testing.assert_array_equal(hess[:2], [[0, 0.25, 0.25], [0.25, 0, 0.25]])
    assert np.isnan(value[2:]).all()
    assert np.isnan(grad[2:]).all()
    assert np.isnan(hess[2:]).all()
