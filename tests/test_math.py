"""The vector math of every instruction set, in units of the last place, against formulas in wider arithmetic.

The bounds are what tools/sweep_math.cpp measured over all floats and hundreds of millions of doubles, rounded up; they
stand in core/math.hpp too. Here floats are taken in strides through their bit patterns, doubles at random, both with
extra points at the thresholds of the functions, at the ends of their range and where their errors are greatest.
All floats, on the best instruction set (hours; sweep_math takes minutes, with less independent references):

    FUSEDLOSS_FLOAT_STRIDE=1 pytest tests/test_math.py -k every_float
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
import pytest

from fusedloss import _core

SAMPLE_STRIDE = 20011  # through the bit patterns of floats; odd, so that every bit of the mantissa varies
STRIDE = int(os.environ.get("FUSEDLOSS_FLOAT_STRIDE", "1009"))  # of the slow test
INF, NAN = math.inf, math.nan
ISAS = _core.supported_isas()
FUSED = [isa for isa in ISAS if isa != "baseline"]  # those with fused multiply-add

Array = np.ndarray


# ---- What is right: each formula once, evaluated by NumPy for floats and by mpmath for doubles ----------------------

NUMPY = SimpleNamespace(
    exp=np.exp,
    expm1=np.expm1,
    log=np.log,
    log1p=np.log1p,
    power=np.power,
    sinh=np.sinh,
    tanh=np.tanh,
    erf=np.vectorize(math.erf, otypes=[float]),
    erfc=np.vectorize(math.erfc, otypes=[float]),
    where=np.where,
    minimum=np.minimum,
    sqrt=math.sqrt,
    pi=math.pi,
)


def clipped(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function up to 10^4, beyond which no exponential is a double: mpmath would compute all its digits."""
    return lambda x: function(min(max(x, -10000), 10000))


MPMATH = SimpleNamespace(
    exp=clipped(mpmath.exp),
    expm1=clipped(mpmath.expm1),
    log=mpmath.log,
    log1p=mpmath.log1p,
    power=mpmath.power,
    sinh=mpmath.sinh,
    tanh=mpmath.tanh,
    erf=mpmath.erf,
    erfc=clipped(mpmath.erfc),
    where=lambda condition, yes, no: yes if condition else no,
    minimum=min,
    sqrt=mpmath.sqrt,
    pi=mpmath.pi,
)


def log_term(m: Any, z: Any) -> Any:
    return m.log1p(m.exp(-abs(z)))


def softplus(m: Any, z: Any) -> Any:
    return (z + abs(z)) / 2 + log_term(m, z)


def sigmoid(m: Any, z: Any) -> Any:
    return m.exp((z - abs(z)) / 2) / (1 + m.exp(-abs(z)))


def log_cosh(m: Any, x: Any) -> Any:
    a = abs(x)
    near = m.log1p(2 * m.sinh(m.minimum(a, 1) / 2) ** 2)
    return m.where(a < 1, near, a + log_term(m, 2 * a) - m.log(2))


def sech2(m: Any, x: Any) -> Any:
    return 4 * m.exp(-2 * abs(x)) / (1 + m.exp(-2 * abs(x))) ** 2


def density(m: Any, z: Any) -> Any:
    return m.exp(-z * z / 2) / m.sqrt(2 * m.pi)


def cdf(m: Any, z: Any) -> Any:
    return m.erfc(-z / m.sqrt(2)) / 2


FORMULAS: dict[str, Callable[..., Any]] = {
    "exp": lambda m, x: m.exp(x),
    "exp.sum": lambda m, x, y: m.exp(x) * (1 + m.expm1(y)),
    "exp_of_minus": lambda m, x: m.exp(-abs(x)),
    "expm1": lambda m, x: m.expm1(x),
    "log": lambda m, x: m.log(x),
    "log.sum": lambda m, x, y: m.where(abs(x - 1) < 0.5, m.log1p((x - 1) + y), m.log(x + y)),
    "log1p": lambda m, x: m.log1p(x),
    "pow_positive": lambda m, x, y: m.power(x, y),
    "tanh": lambda m, x: m.tanh(x),
    "log_cosh.value": log_cosh,
    "log_cosh.tanh": lambda m, x: m.tanh(x),
    "log_cosh.sech2": sech2,
    "logistic.softplus": softplus,
    "logistic.sigmoid": sigmoid,
    "logistic.complement": lambda m, z: sigmoid(m, -z),
    "logistic.log_term": log_term,
    "log_sigmoid": lambda m, z: -softplus(m, -z),
    "normal.density": density,
    "normal.cdf": cdf,
    "normal.complement": lambda m, z: cdf(m, -z),
    "normal.central": lambda m, z: m.erf(z / m.sqrt(2)),
}
NAMES = list(FORMULAS)
LEAST = {"log": 0.0, "log.sum": 0.0, "log1p": -1.0, "pow_positive": 0.0}  # below it there is no result

# The greatest errors in ulp, of floats and of doubles, with fused multiply-add.
BOUNDS = {
    "exp": (1.06, 1.04),
    "exp.sum": (1.06, 1.04),
    "exp_of_minus": (0.92, 0.90),
    "expm1": (1.43, 1.17),
    "log": (0.89, 0.82),
    "log.sum": (1.57, 1.45),
    "log1p": (1.48, 1.40),
    "pow_positive": (1.66, 1.12),
    "tanh": (1.51, 1.51),
    "log_cosh.value": (1.98, 1.93),
    "log_cosh.tanh": (1.94, 2.13),
    "log_cosh.sech2": (1.57, 1.53),
    "logistic.softplus": (2.16, 2.06),
    "logistic.sigmoid": (2.79, 2.60),
    "logistic.complement": (2.79, 2.60),
    "logistic.log_term": (2.16, 2.06),
    "log_sigmoid": (2.16, 2.06),
    "normal.density": (1.15, 1.25),
    "normal.cdf": (2.36, 2.35),
    "normal.complement": (2.36, 2.35),
    "normal.central": (1.50, 1.41),
}
BASELINE_BOUND = 3.0  # of all without fused multiply-add

# Arguments, and results that are exact, signs of zeros included.
ODD = [(-INF, -1.0), (INF, 1.0), (NAN, NAN), (0.0, 0.0), (-0.0, -0.0)]
SHARE = [(-INF, 0.0), (INF, 1.0), (NAN, NAN), (0.0, 0.5), (-0.0, 0.5)]
FALLING_SHARE = [(-INF, 1.0), (INF, 0.0), (NAN, NAN), (0.0, 0.5), (-0.0, 0.5)]
BUMP = [(-INF, 0.0), (INF, 0.0), (NAN, NAN)]
SPECIALS: dict[str, list[tuple[float, ...]]] = {
    "exp": [(-INF, 0.0), (INF, INF), (NAN, NAN), (0.0, 1.0), (-0.0, 1.0), (-1e30, 0.0), (1e30, INF)],
    "exp.sum": [
        # hi, lo, e^(hi + lo): lo does not matter where e^hi is 0 or NaN
        (0.0, 0.0, 1.0),
        (-INF, 0.0, 0.0),
        (-INF, NAN, 0.0),
        (-INF, INF, 0.0),
        (-INF, -INF, 0.0),
        (-1e30, NAN, 0.0),
        (NAN, 0.0, NAN),
        (NAN, NAN, NAN),
    ],
    "exp_of_minus": [*BUMP, (0.0, 1.0), (-0.0, 1.0), (-1e30, 0.0)],
    "expm1": [(-INF, -1.0), (INF, INF), (NAN, NAN), (0.0, 0.0), (-0.0, -0.0), (-1e30, -1.0), (1e30, INF)],
    "log": [(0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (NAN, NAN), (1.0, 0.0), (-1.0, NAN)],
    "log.sum": [
        (0.0, 0.0, -INF),
        (INF, 0.0, INF),
        (-INF, 0.0, NAN),
        (NAN, 0.0, NAN),
        (1.0, 0.0, 0.0),
        (-1.0, 0.0, NAN),
    ],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (INF, INF), (-INF, NAN), (NAN, NAN), (-2.0, NAN)],
    "pow_positive": [
        # x, y, x^y: of 0 and infinity as in C, but NaN from any NaN and from 1^inf
        (0.0, 2.0, 0.0),
        (0.0, -2.0, INF),
        (0.0, 0.0, 1.0),
        (0.0, INF, 0.0),
        (-0.0, 0.5, 0.0),
        (INF, 2.0, INF),
        (INF, -2.0, 0.0),
        (INF, 0.0, 1.0),
        (1.0, 1e30, 1.0),
        (1.0, 0.0, 1.0),
        (2.0, 0.0, 1.0),
        (2.0, 1e30, INF),
        (2.0, -1e30, 0.0),
        (0.5, INF, 0.0),
        (0.5, -INF, INF),
        (2.0, 10.0, 1024.0),
        (4.0, 0.5, 2.0),
        (1.0, INF, NAN),
        (-1.0, 2.0, NAN),
        (-INF, 2.0, NAN),
        (-1.0, 0.0, NAN),
        (NAN, 1.0, NAN),
        (NAN, 0.0, NAN),
        (1.0, NAN, NAN),
        (0.0, NAN, NAN),
        (INF, NAN, NAN),
    ],
    "tanh": [*ODD, (50.0, 1.0)],
    "log_cosh.value": [(-INF, INF), (INF, INF), (NAN, NAN), (0.0, 0.0), (-0.0, 0.0)],
    "log_cosh.tanh": [*ODD, (50.0, 1.0)],
    "log_cosh.sech2": [*BUMP, (0.0, 1.0), (-0.0, 1.0), (-1e30, 0.0)],
    "logistic.softplus": [(-INF, 0.0), (INF, INF), (NAN, NAN), (1e30, 1e30), (-1e30, 0.0)],
    "logistic.sigmoid": SHARE,
    "logistic.complement": FALLING_SHARE,
    "logistic.log_term": BUMP,
    "log_sigmoid": [(-INF, -INF), (INF, -0.0), (NAN, NAN), (-1e30, -1e30)],
    "normal.density": [*BUMP, (1e30, 0.0)],
    "normal.cdf": [*SHARE, (-1e30, 0.0)],
    "normal.complement": [*FALLING_SHARE, (1e30, 0.0)],
    "normal.central": [*ODD, (-1e30, -1.0)],
}


# ---- Where ----------------------------------------------------------------------------------------------------------


def neighbours(values: list[float], dtype: Any) -> Array:
    """The numbers and their negatives, three spacings to each side of both included."""
    bits = np.array(values, dtype).view(np.uint32 if dtype == np.float32 else np.uint64)
    steps = np.array([0, 1, 2, 3, -1, -2, -3]).astype(bits.dtype)
    around = (bits[:, np.newaxis] + steps).ravel().view(dtype)
    return np.concatenate([around, -around])


# Where formulas change, where results become infinite, subnormal or 0, and where the sweep found the greatest errors.
POINTS = [0.25, 0.5, math.sqrt(0.5), 1 - math.sqrt(0.5), math.sqrt(2) - 1, 1.0, math.sqrt(2), 2.0**-25, 2.0**-54]
POINTS += [15.0, 18.0, 20.0, 38.0, 40.0, 89.0, 104.0, 108.0, 710.0, 746.0, *((k + 0.5) * math.log(2) for k in range(8))]
POINTS += [88.72283, 88.722839, 87.336545, 103.2789, 103.97208, 709.782712893384, 708.3964185322641, 745.1332191019412]
POINTS += [44.0, 52.3, 354.0, 373.0, 13.2, 14.17, 37.7, 38.47]
HARD = """
0x1.4599bp+6 0x1.a2fbd2p+5 0x1.1030bp+4 0x1.66263ep+0 0x1.a88906p-2 0x1.72a88cp+0 0x1.0ec57ep+3 0x1.003dfcp-3
0x1.a3c1fcp+1 0x1.bb8cfap-2 0x1.f317eap+0 0x1.85e77ap-1 0x1.de4cd4p+0 0x1.ac671ep-1 0x1.d4df3f062b893p+5
0x1.bc1bb3c884485p+0 0x1.29821836c3d1cp+5 0x1.68a212e4f2533p-1 0x1.aab1d4f1075bbp-2 0x1.7741729e2f469p-1
0x1.241c130b2da17p+4 0x1.6a85c65b0e852p-2 0x1.2a769de7faf4p+2 0x1.c2db9e13f1c48p-2 0x1.f2e813fcc260dp+0
0x1.be4e8c9deb185p-2 0x1.76ffacp+2 0x1.1224fa01663a9p+5 0x1.482f52p+0 0x1.21fd66d925188p+0 0x1.c24d8ap-2
0x1.372ecp-7 0x1.c34ae8p-2 0x1.d5d0e4edb360bp-11 0x1.5ef06p+1 0x1.06b92ff06caf3p+1 0x1.09fdf67161b2ap+5
0x1.e111fb183325ap+0 0x1.aad146589735ep-1
"""
POINTS += map(float.fromhex, HARD.split())


def points(dtype: Any) -> Array:
    info = np.finfo(dtype)
    ends = [4 * float(info.smallest_subnormal), float(info.tiny), 2 * float(info.tiny), float(info.max) / 2]
    return neighbours(POINTS + ends, dtype)


def arguments_of(name: str, x: Array, rng: np.random.Generator) -> tuple[Array, ...]:
    """The arguments made from the first one: of sums a rounding error, of powers everyday ones and the steepest."""
    x = x[np.isfinite(x)]  # first: signalling NaNs must not be compared
    x = x[(x != 0) & (x != LEAST.get(name, 0.0))]
    if name in ("exp.sum", "log.sum"):
        x = np.abs(x) if name == "log.sum" else np.where(x > 100, -x, x)
        lost = rng.uniform(-0.5, 0.5, x.shape) * np.minimum(np.spacing(np.abs(x)), 0.01)
        return x, lost.astype(x.dtype)
    if name == "pow_positive":
        x = np.abs(x)
        everyday = rng.uniform(-8, 8, x.shape)
        with np.errstate(divide="ignore"):
            steep = rng.uniform(-1, 1, x.shape) * np.finfo(x.dtype).maxexp / np.log2(x.astype(float))
        return x, np.where(rng.random(x.shape) < 0.5, everyday, np.clip(steep, -1e9, 1e9)).astype(x.dtype)
    return (x,)


def bit_patterns(dtype: Any, rng: np.random.Generator) -> Array:
    """Numbers of every sign and exponent alike; of doubles as many again of the sizes that losses see."""
    if dtype == np.float32:
        return np.arange(rng.integers(SAMPLE_STRIDE), 2**32, SAMPLE_STRIDE, dtype=np.uint32).view(np.float32)
    anywhere = rng.integers(0, 2**64, 2000, dtype=np.uint64).view(np.float64)
    everyday = np.ldexp(rng.uniform(-1, 1, 2000), rng.integers(-40, 11, 2000))
    return np.concatenate([anywhere, everyday])


@functools.cache
def sample(name: str, dtype: Any) -> tuple[tuple[Array, ...], Array, Array]:
    """Arguments, and the exact results as sums of two arrays."""
    rng = np.random.default_rng(7)
    arguments = arguments_of(name, np.concatenate([bit_patterns(dtype, rng), points(dtype)]), rng)
    return arguments, *exact(name, arguments)


def exact(name: str, arguments: tuple[Array, ...]) -> tuple[Array, Array]:
    formula, inside = FORMULAS[name], arguments[0] > LEAST.get(name, -INF)
    high, low = np.full(inside.shape, NAN), np.zeros(inside.shape)
    within = [argument[inside].astype(np.float64) for argument in arguments]
    if arguments[0].dtype == np.float32:
        with np.errstate(all="ignore"):
            high[inside] = formula(NUMPY, *within)
        return high, low
    with mpmath.workdps(50):
        results = [formula(MPMATH, *map(mpmath.mpf, point)) for point in zip(*within, strict=True)]
        high[inside] = [float(result) for result in results]
        differences = [result - mpmath.mpf(float(result)) for result in results]
        low[inside] = [float(difference) if mpmath.isfinite(difference) else 0.0 for difference in differences]
    return high, low


def ulps(actual: Array, high: Array, low: Array) -> Array:
    """The error in units of the last place of the exact result; infinite for a NaN, or none, out of place."""
    info = np.finfo(actual.dtype)
    largest = float(info.max)
    want, got = np.clip(high, -largest, largest), np.clip(actual.astype(np.float64), -largest, largest)
    exponent = np.maximum(np.frexp(want)[1], info.minexp + 1) - (info.nmant + 1)
    with np.errstate(invalid="ignore"):
        error = np.abs((got - want) - np.where(want == high, low, 0.0)) / np.ldexp(1.0, exponent)
    error[np.isnan(high) | np.isnan(got)] = INF
    error[np.isnan(high) & np.isnan(got)] = 0.0
    return error


# ---- The tests ------------------------------------------------------------------------------------------------------


def evaluate(name: str, isa: str, *arguments: Array) -> Array:
    return np.asarray(_core.math_eval(name, isa, *arguments))


def bits(x: Array) -> Array:
    """Bit patterns, all NaNs alike."""
    return np.where(np.isnan(x), x.dtype.type(NAN), x).view(np.uint32 if x.dtype == np.float32 else np.uint64)


def bound(name: str, dtype: Any, isa: str) -> float:
    return BASELINE_BOUND if isa == "baseline" else BOUNDS[name][0 if dtype == np.float32 else 1]


def check_error(name: str, isa: str, arguments: tuple[Array, ...], high: Array, low: Array) -> None:
    actual = evaluate(name, isa, *arguments)
    assert actual.dtype == arguments[0].dtype
    error = ulps(actual, high, low)
    worst = int(np.argmax(error))
    at = ", ".join(float(argument[worst]).hex() for argument in arguments)
    message = f"{name}({at}) on {isa}: {float(actual[worst])!r} instead of {float(high[worst])!r}"
    assert error[worst] <= bound(name, actual.dtype.type, isa), f"{message}, {error[worst]:.3f} ulp"


def test_every_function_is_listed() -> None:
    assert _core.math_functions() == NAMES == list(BOUNDS) == list(SPECIALS)


@pytest.mark.parametrize("name", NAMES)
def test_sampler_goes_everywhere(name: str, dtype: np.dtype) -> None:
    (x, *_), high, _ = sample(name, dtype.type)
    info = np.finfo(dtype)
    subnormal = (x != 0) & (np.abs(x) < info.tiny)
    assert np.count_nonzero(subnormal) > 10
    assert np.max(np.abs(x)) > float(info.max) / 4
    exponents = np.unique(np.frexp(x)[1])
    assert exponents.size > 0.6 * (info.maxexp - info.minexp)
    assert np.count_nonzero((np.abs(x) > 0.01) & (np.abs(x) < 100)) > 1000
    assert np.unique(high).size > 1000


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", NAMES)
def test_error(name: str, isa: str, dtype: np.dtype) -> None:
    arguments, high, low = sample(name, dtype.type)
    check_error(name, isa, arguments, high, low)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_float(name: str) -> None:
    step = 1 << 22
    for first in range(0, 2**32, step * STRIDE):
        patterns = np.arange(first, min(first + step * STRIDE, 2**32), STRIDE, dtype=np.uint64)
        x = patterns.astype(np.uint32).view(np.float32)
        arguments = arguments_of(name, x, np.random.default_rng(first))
        check_error(name, ISAS[-1], arguments, *exact(name, arguments))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", NAMES)
def test_specials(name: str, isa: str, dtype: np.dtype) -> None:
    rows = SPECIALS[name]
    *arguments, expected = (np.array(column, dtype) for column in zip(*rows, strict=True))
    actual = evaluate(name, isa, *arguments)
    wrong = [row for row, same in zip(rows, bits(actual) == bits(expected), strict=True) if not same]
    assert not wrong, f"{name} on {isa}, arguments with what they should give: {wrong}"


@pytest.mark.parametrize("name", NAMES)
def test_same_bits_with_fused_multiply_add(name: str, dtype: np.dtype) -> None:
    arguments, *_ = sample(name, dtype.type)
    results = [bits(evaluate(name, isa, *arguments)) for isa in FUSED]
    for isa, result in zip(FUSED, results, strict=True):
        assert np.array_equal(result, results[0]), f"{isa} differs from {FUSED[0]}"


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", NAMES)
def test_same_bits_at_every_length(name: str, isa: str, dtype: np.dtype) -> None:
    arguments = [argument[-50:] for argument in sample(name, dtype.type)[0]]
    whole = bits(evaluate(name, isa, *arguments))
    for length in range(1, 50):
        part = evaluate(name, isa, *(argument[:length] for argument in arguments))
        assert np.array_equal(bits(part), whole[:length])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("expm1", -1, INF),
        ("tanh", -1, 1),
        ("log_cosh.value", 0, INF),
        ("log_cosh.sech2", 0, 1),
        ("logistic.softplus", 0, INF),
        ("logistic.sigmoid", 0, 1),
        ("logistic.complement", 0, 1),
        ("log_sigmoid", -INF, 0),
        ("normal.cdf", 0, 1),
        ("normal.central", -1, 1),
    ],
)
def test_rounding_stays_in_range(name: str, isa: str, dtype: np.dtype, low: float, high: float) -> None:
    x = np.concatenate([sample(name, dtype.type)[0][0], np.linspace(-45, 45, 100_001, dtype=dtype)])
    result = evaluate(name, isa, x)
    assert np.all((result >= low) & (result <= high))
