"""Find the polynomial coefficients of cpp/fusedloss/core/math.hpp.

Each row of FITS is one polynomial: what it approximates, on which interval, how many coefficients, and the weight that
turns its error into the relative error of the function it serves. The method is Remez's exchange in 50-digit
arithmetic. The coefficients are then rounded to the type one by one, lowest degree first, and after each rounding the
remaining ones are fitted anew, so that they make up for it, as long as that helps. Needs mpmath.

    python tools/fit_polynomials.py            # every row
    python tools/fit_polynomials.py exp log    # those whose name begins so
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass

from mpmath import mp, mpf

mp.dps = 50

Function = Callable[[mpf], mpf]


@dataclass(frozen=True)
class Fit:
    """A polynomial c[0] + c[1] x + ... with the least maximum of |weight(x) * (target(x) - polynomial(x))|."""

    name: str
    target: Function
    weight: Function
    low: mpf
    high: mpf
    float_terms: int  # 0: not for this type
    double_terms: int
    split_first: bool = (
        False  # c[0] as the sum of two numbers: for sums whose other terms are too small to hide its rounding
    )


def round_to(value: mpf, dtype: str) -> float:
    """The number of the type that is nearest to `value`."""
    if dtype == "double":
        return float(value)
    # Through double first: a double rounding could only matter within 2^-53 of a tie.
    return struct.unpack("f", struct.pack("f", float(value)))[0]


def hexadecimal(value: float, dtype: str) -> str:
    """A C++ literal of exactly this value."""
    mantissa, exponent = value.hex().split("p")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{int(exponent)}" + ("f" if dtype == "float" else "")


def evaluate(coefficients: list[mpf], x: mpf) -> mpf:
    result = mpf(0)
    for c in reversed(coefficients):
        result = result * x + c
    return result


def remez(target: Function, weight: Function, low: mpf, high: mpf, first: int, terms: int) -> list[mpf]:
    """Coefficients of x^first ... x^(first + terms - 1) with the least weighted maximum error, by multiple exchange."""
    count = terms + 1
    points = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * k / (40 * count)) for k in range(40 * count + 1)]
    grid = [x for x in grid if abs(x) > (high - low) / 10000]  # the quotients have a removable hole at 0
    values = [(target(x), abs(weight(x))) for x in grid]
    solution: list[mpf] = []
    for _ in range(30):
        matrix = mp.matrix(count, count)
        right = mp.matrix(count, 1)
        for row, x in enumerate(points):
            w = abs(weight(x))
            for k in range(terms):
                matrix[row, k] = w * x ** (first + k)
            matrix[row, terms] = mpf((-1) ** row)
            right[row] = w * target(x)
        solved = mp.lu_solve(matrix, right)
        solution = [solved[k] for k in range(terms)]
        level = abs(solved[terms])
        errors = [w * (t - x**first * evaluate(solution, x)) for x, (t, w) in zip(grid, values, strict=True)]
        # One extremum for each stretch of equal sign; of too many the least goes, and its neighbours merge.
        extrema: list[int] = []
        for i, e in enumerate(errors):
            if extrema and mp.sign(errors[extrema[-1]]) == mp.sign(e):
                if abs(e) > abs(errors[extrema[-1]]):
                    extrema[-1] = i
            else:
                extrema.append(i)
        while len(extrema) > count:
            least = min(range(len(extrema)), key=lambda i: abs(errors[extrema[i]]))
            extrema.pop(least)
            if 0 < least < len(extrema):
                extrema.pop(min(least - 1, least, key=lambda i: abs(errors[extrema[i]])))
        if len(extrema) < count:
            break
        points = [grid[i] for i in extrema]
        if max(abs(e) for e in errors) < level * (1 + mpf("1e-3")):
            break
    return solution


def fit(case: Fit, dtype: str, terms: int) -> tuple[list[float], mpf, mpf]:
    """Rounded coefficients, the weighted error with them, and the error that unrounded ones would have."""
    rounded: list[mpf] = []
    if case.split_first:
        head = remez(case.target, case.weight, case.low, case.high, 0, terms)[0]
        rounded.append(round_to(head, dtype) + mpf(round_to(head - round_to(head, dtype), dtype)))
    candidates: list[tuple[mpf, list[mpf]]] = []
    ideal = mpf(0)
    while len(rounded) < terms:
        known = list(rounded)

        def rest(x: mpf, known: list[mpf] = known) -> mpf:
            return case.target(x) - evaluate(known, x)

        free = remez(rest, case.weight, case.low, case.high, len(known), terms - len(known))
        if not candidates:
            ideal = worst(case, known + free)
        whole = known + [mpf(round_to(c, dtype)) for c in free]
        candidates.append((worst(case, whole), whole))
        rounded.append(whole[len(known)])
    error, coefficients = min(candidates, key=lambda candidate: candidate[0])
    if case.split_first:
        first = mpf(round_to(coefficients[0], dtype))
        coefficients[:1] = [first, coefficients[0] - first]
    return [float(c) for c in coefficients], error, ideal


def worst(case: Fit, coefficients: list[mpf]) -> mpf:
    grid = [case.low + (case.high - case.low) * k / 2000 for k in range(2001)]
    return max(
        abs(case.weight(x) * (case.target(x) - evaluate(coefficients, x))) for x in grid if abs(x) > mpf("1e-12")
    )


HALF_LN2 = mp.log(2) / 2 * (1 + mpf(2) ** -12)  # the reduced argument may stick out by the rounding of the quotient
MANTISSA_S2 = (mp.sqrt(2) - 1) ** 4  # greatest s^2 with s = f / (2 + f), 1 + f between sqrt(1/2) and sqrt(2)


def exp_tail(r: mpf) -> mpf:
    return (mp.expm1(r) - r) / r**2


def log1p_tail(e: mpf) -> mpf:
    return (mp.log1p(e) - e) / e**2


def log_tail(f: mpf) -> mpf:
    return (mp.log1p(f) - f + f**2 / 2) / f**3


def atanh_tail(t: mpf) -> mpf:
    """(2 atanh(s) - 2 s) / s^3 as a function of t = s^2."""
    s = mp.sqrt(t)
    return (2 * mp.atanh(s) - 2 * s) / s**3


def atan_tail(s: mpf) -> mpf:
    """(atan(t) - t) / t^3 as a function of s = t^2."""
    t = mp.sqrt(s)
    return (mp.atan(t) - t) / t**3 if s > mpf("1e-20") else -mpf(1) / 3 + s / 5


def exp2_slope(x: mpf) -> mpf:
    return mp.expm1(x * mp.log(2)) / x


def log2_successor(f: mpf) -> mpf:
    return mp.log(1 + f, 2) / f if f != 0 else 1 / mp.log(2)


def log2_slope(t: mpf) -> mpf:
    """2 atanh(s) / (s ln 2) as a function of t = s^2."""
    s = mp.sqrt(t)
    return 2 * mp.atanh(s) / (s * mp.log(2))


def log_cosh(a: mpf) -> mpf:
    return a + mp.log1p(mp.exp(-2 * a)) - mp.log(2)


def center(y: mpf) -> mpf:
    return mp.erf(mp.sqrt(y / 2)) / mp.sqrt(y)


def tail_variable(a: mpf) -> mpf:
    """5/8 - 8 / (a + 4): from -11/8 at 0 to 5/8 at infinity, so that rounding errors of the sum stay small far out."""
    return mpf(5) / 8 - 8 / (a + 4)


def mills(v: mpf) -> mpf:
    """(a + 4) e^(a^2 / 2) times the upper tail of the normal distribution at a, v = tail_variable(a)."""
    a = 8 / (mpf(5) / 8 - v) - 4
    return (a + 4) * mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2)) / 2


FITS = [
    # e^r = 1 + r + r^2 P(r); weighted for e^r - 1, which needs the error relative to r.
    Fit("exp", exp_tail, lambda r: r**2 / mp.expm1(r), -HALF_LN2, HALF_LN2, 5, 10),
    # 2^x = 1 + x P(x), for results in float32 by way of double, like log2_short.
    Fit("exp2_short", exp2_slope, lambda x: 1 / exp2_slope(x), -mpf(1) / 2, mpf(1) / 2, 0, 6),
    # The same in float32 itself.
    Fit("exp2", exp2_slope, lambda x: 1 / exp2_slope(x), -mpf(1) / 2, mpf(1) / 2, 6, 0, split_first=True),
    # e^r over a wider interval, where expm1 does without reduction.
    Fit("expm1", exp_tail, lambda r: r**2 / mp.expm1(r), -mpf(1) / 2, mpf(1) / 2, 6, 12),
    # log(1 + f) = f - f^2 / 2 + f^3 P(f), the mantissa 1 + f between sqrt(1/2) and sqrt(2).
    Fit("log", log_tail, lambda f: f**3 / mp.log1p(f), mp.sqrt(mpf(1) / 2) - 1, mp.sqrt(2) - 1, 8, 20),
    # 2 atanh(s) = 2 s + s^3 P(s^2), |s| at most that of the mantissas above.
    Fit("log_atanh", atanh_tail, lambda t: t / 2, mpf(0), MANTISSA_S2, 3, 7),
    # log2(1 + f) = s P(s^2).
    Fit("log2_short", log2_slope, lambda t: 1 / log2_slope(t), mpf(0), MANTISSA_S2, 0, 4),
    # log2(1 + f) = f P(f), the mantissa 1 + f between 3/4 and 3/2: for 1 + u with u to full relative accuracy.
    Fit(
        "log2_successor",
        log2_successor,
        lambda f: 1 / log2_successor(f),
        -mpf(1) / 4,
        mpf(1) / 2,
        9,
        0,
        split_first=True,
    ),
    # One term more by name: 2 atanh(s) = 2 s + 2/3 s^3 + s^5 P(s^2), for the logarithm in two parts.
    Fit("pow_atanh", lambda t: (atanh_tail(t) - mpf(2) / 3) / t, lambda t: t**2 / 2, mpf(0), MANTISSA_S2, 4, 9),
    # log1p(e) = e + e^2 P(e) for e in [0, 1]: a division would cost more than these terms, for float alone.
    Fit("logistic_log1p", log1p_tail, lambda e: e**2 / mp.log1p(e), mpf(0), mpf(1), 9, 0),
    # The same by s = e / (2 + e), at most 1/3.
    Fit("logistic_atanh", atanh_tail, lambda t: t / 2, mpf(0), mpf(1) / 9, 0, 11),
    # atan t = t + t^3 P(t^2), |t| at most the tangent of half of 45 degrees.
    Fit("atan", atan_tail, lambda s: s, mpf(0), mp.tan(mp.pi / 8) ** 2, 0, 11),
    # log cosh a = a^2 P(a^2) for a <= 1.
    Fit("log_cosh", lambda y: log_cosh(mp.sqrt(y)) / y, lambda y: y / log_cosh(mp.sqrt(y)), mpf(0), mpf(1), 8, 16),
    # log cosh a = a - ln 2 + e + e^2 P(e), e = e^-2a, for a >= 1; the error relative to the whole.
    Fit(
        "log_cosh_tail",
        lambda e: (mp.log1p(e) - e) / e**2,
        lambda e: e**2 / log_cosh(-mp.log(e) / 2),
        mpf("1e-9"),
        mp.exp(-2),
        4,
        10,
    ),
    # The normal probability of [-z, z] is z P(z^2) for |z| <= sqrt(1/2).
    Fit("normal_center", center, lambda y: 1 / center(y), mpf(0), mpf(1) / 2, 5, 10, split_first=True),
    # Upper tail of the normal distribution from sqrt(1/2) to as far out as the type can express it: see mills.
    Fit(
        "normal_tail",
        mills,
        lambda v: 1 / mills(v),
        tail_variable(mpf("0.707")),
        tail_variable(mpf(15)),
        10,
        0,
        split_first=True,
    ),
    Fit(
        "normal_tail",
        mills,
        lambda v: 1 / mills(v),
        tail_variable(mpf("0.707")),
        tail_variable(mpf(40)),
        0,
        23,
        split_first=True,
    ),
]


def main(wanted: list[str]) -> None:
    for case in FITS:
        if wanted and not any(case.name.startswith(w) for w in wanted):
            continue
        for dtype, terms in (("float", case.float_terms), ("double", case.double_terms)):
            if terms == 0:
                continue
            coefficients, error, ideal = fit(case, dtype, terms)
            low, high = mp.nstr(case.low, 6), mp.nstr(case.high, 6)
            print(
                f"{case.name} {dtype}: [{low}, {high}], degree {terms - 1},"
                f" error 2^{mp.nstr(mp.log(error, 2), 4)} (unrounded 2^{mp.nstr(mp.log(ideal, 2), 4)})"
            )
            print("    " + ", ".join(hexadecimal(c, dtype) for c in coefficients))


if __name__ == "__main__":
    main(sys.argv[1:])
