// Exponentials, logarithms and the functions made of them, for float and double: table-free, without branches or calls,
// so that a loop over them becomes vector code on every instruction set, with the same bits wherever there is a fused
// multiply-add.
//
// Every function takes any argument unless it says otherwise: NaN gives NaN, infinities give the limits, subnormal
// arguments and results are as accurate as others up to the rounding of the result itself. "Max error" is in units of
// the last place of the exact result, with an argument that shows it: over all floats, and over 1.5e8 doubles at
// random. It holds with fused multiply-add; without, nothing exceeds 3 ulp. tools/sweep_math.cpp measures all this.
//
// The polynomials come from tools/fit_polynomials.py, which gives for each its interval, degree and error.
#pragma once

#include "bits.hpp"

FUSEDLOSS_BEGIN

// ---- Pieces --------------------------------------------------------------------------------------------------------

/// ln 2 in two parts. The first has so few bits that its product with any exponent is exact, with or without fused
/// multiply-add (W. J. Cody, W. Waite, Software Manual for the Elementary Functions, 1980).
template <class T>
constexpr T ln2_hi = sizeof(T) == 4 ? T(0x1.63p-1) : T(0x1.62e42fefa38p-1);
template <class T>
constexpr T ln2_lo = sizeof(T) == 4 ? T(-0x1.bd0106p-13) : T(0x1.ef35793c7673p-45);
template <class T>
constexpr T log2_e = T(0x1.71547652b82fep0);

/// x = exponent * ln 2 + r, |r| <= ln 2 / 2. The exponent comes as a number and, with twice the bias added, as an
/// integer.
template <class T>
struct ReducedExponent {
  T r;
  T exponent;
  Bits<T> biased_twice;
};

/// The exponent is that of x, or of `guide`; `lo` is a small addition to x.
template <class T>
FUSEDLOSS_INLINE ReducedExponent<T> reduce_exponent(T x, T lo, T guide) {
  using F = Format<T>;
  const T shifted = fma(guide, log2_e<T>, F::to_integer);
  const T exponent = shifted - F::to_integer;
  const T r = fma(exponent, -ln2_hi<T>, x);
  return {r + fma(exponent, -ln2_lo<T>, lo), exponent, bits_of(shifted) - (F::to_integer_bits - 2 * F::exponent_bias)};
}

template <class T>
FUSEDLOSS_INLINE ReducedExponent<T> reduce_exponent(T x, T lo = T(0)) {
  return reduce_exponent(x, lo, x);
}

/// unit (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2; the unit is a constant power of two, which costs nothing.
template <class T>
FUSEDLOSS_INLINE T exp_tail(T r, T unit = T(1)) {
  if constexpr (sizeof(T) == 4) {
    return polynomial(r, unit * 0x1.fffffep-2f, unit * 0x1.5554bp-3f, unit * 0x1.555674p-5f, unit * 0x1.12278ep-7f,
                      unit * 0x1.6bebc6p-10f);
  } else {
    return polynomial(r, unit * 0x1.0000000000005p-1, unit * 0x1.55555555554dcp-3, unit * 0x1.5555555551dfap-5,
                      unit * 0x1.1111111137e91p-7, unit * 0x1.6c16c180517eep-10, unit * 0x1.a01a00a8e55ap-13,
                      unit * 0x1.a019a2a7ac05fp-16, unit * 0x1.71e0986dccdf7p-19, unit * 0x1.28a6d675039bp-22,
                      unit * 0x1.aac20e5baaa35p-26);
  }
}

/// e^r - 1 for |r| <= ln 2 / 2, with small relative error.
template <class T>
FUSEDLOSS_INLINE T expm1_reduced(T r) {
  return fma(r * r, exp_tail(r), r);
}

/// exp_tail for |r| <= 1/2, to the accuracy that e^r - 1 by itself asks for.
template <class T>
FUSEDLOSS_INLINE T expm1_tail(T r) {
  if constexpr (sizeof(T) == 4) {
    return polynomial(r, 0x1.000002p-1f, 0x1.555568p-3f, 0x1.5551b8p-5f, 0x1.10ff6p-7f, 0x1.6f4a94p-10f,
                      0x1.af5d9ap-13f);
  } else {
    return polynomial(r, 0x1p-1, 0x1.5555555555569p-3, 0x1.5555555555567p-5, 0x1.111111110c521p-7,
                      0x1.6c16c16c0a88fp-10, 0x1.a01a01b6e4926p-13, 0x1.a01a01e31809ep-16, 0x1.71de0b6dacf34p-19,
                      0x1.27e467948a43bp-22, 0x1.aebb07c9b106ep-26, 0x1.200b9e0b88081p-29, 0x1.265a58cb34bbcp-33);
  }
}

/// Where e^x rounds to 0; at the opposite it is infinite.
template <class T>
constexpr T exp_underflow = sizeof(T) == 4 ? T(-104) : T(-746);

/// p * 2^exponent. Two factors, as one would not reach the subnormals; the second product alone rounds.
template <class T>
FUSEDLOSS_INLINE T scale(T p, Bits<T> biased_twice) {
  const Bits<T> half = biased_twice >> 1;
  return p * power_of_two<T>(half) * power_of_two<T>(biased_twice - half);
}

// ---- Exponentials --------------------------------------------------------------------------------------------------

/// e^x. Infinite beyond 88.72 or 709.78, subnormal below -87.33 or -708.39, 0 below -103.97 or -745.13.
/// Max error: float 1.06 ulp (-0x1.4599bp+6), double 1.04 (0x1.d4df3f062b893p+5).
template <class T>
FUSEDLOSS_INLINE T exp(T x) {
  // One selection for both ends: out of two, g++ makes three comparisons and as many blends.
  const T clamped = select(absolute(x) > -exp_underflow<T>, copy_sign(-exp_underflow<T>, x), x);
  const auto [r, exponent, biased_twice] = reduce_exponent(clamped);
  return scale(T(1) + expm1_reduced(r), biased_twice);
}

/// e^(hi + lo), lo at most a rounding error of hi: with two_diff, e^(a - b) to full relative accuracy. Where e^hi is 0
/// or NaN, lo does not matter: it may be NaN. For hi <= 170 or 1400 only, twice what makes the result infinite: there
/// is no clamp above. Max error: float 1.06 ulp (0x1.a2fbd2p+5, -0x1.cabb64p-22), double 1.04 (0x1.bc1bb3c884485p+0,
/// 0x1.c457811875f28p-54).
template <class T>
FUSEDLOSS_INLINE T exp(T hi, T lo) {
  const bool nothing = hi < exp_underflow<T>;
  const auto [r, exponent, biased_twice] =
      reduce_exponent(select(nothing, exp_underflow<T>, hi), select(nothing, T(0), lo));
  return scale(T(1) + expm1_reduced(r), biased_twice);
}

/// What makes exp_raised multiply by 2^power.
template <class T>
constexpr T raise_by(int power) {
  return Format<T>::to_integer + T(static_cast<int>(Format<T>::exponent_bias) + power);
}

/// x = exponent * ln 2 + r as in reduce_exponent, with the power 2^exponent, raised: a single factor.
template <class T>
struct RaisedExponent {
  T r;
  T power;
};

/// `lo` is a small addition to x.
template <class T>
FUSEDLOSS_INLINE RaisedExponent<T> reduce_raised(T x, T lo, T raise) {
  const T shifted = fma(x, log2_e<T>, raise);
  const T exponent = shifted - raise;
  return {fma(exponent, -ln2_hi<T>, x) + fma(exponent, -ln2_lo<T>, lo), power_of_two<T>(bits_of(shifted))};
}

template <class T>
FUSEDLOSS_INLINE RaisedExponent<T> reduce_raised(T x, T raise) {
  const T shifted = fma(x, log2_e<T>, raise);
  const T exponent = shifted - raise;
  return {fma(exponent, -ln2_lo<T>, fma(exponent, -ln2_hi<T>, x)), power_of_two<T>(bits_of(shifted))};
}

/// unit e^x 2^power, raise = raise_by(power): the exponential of the inner loops. No clamps and a single scaling, so
/// e^x 2^power is to be a normal number; with a small unit, the result need not be. NaN stays.
template <class T>
FUSEDLOSS_INLINE T exp_raised(T x, T raise, T unit = T(1)) {
  const auto [r, power] = reduce_raised(x, raise);
  return fma(r, fma(r, exp_tail(r, unit), unit), unit) * power;
}

/// e^-a for a >= 0, subnormal results included.
/// Max error: float 0.92 ulp (0x1.76ffacp+2), double 0.9 (0x1.1224fa01663a9p+5).
template <class T>
FUSEDLOSS_INLINE T exp_of_minus(T a) {
  constexpr T unit = sizeof(T) == 4 ? T(0x1p-64) : T(0x1p-128);
  return exp_raised(-minimum(a, -exp_underflow<T>), raise_by<T>(sizeof(T) == 4 ? 64 : 128), unit);
}

/// e^x - 1, -0 for -0.
/// Max error: float 1.43 ulp (0x1.1030bp+4), double 1.17 (0x1.29821836c3d1cp+5).
template <class T>
FUSEDLOSS_INLINE T expm1(T x) {
  using F = Format<T>;
  constexpr T least = sizeof(T) == 4 ? T(-18) : T(-38);  // below, e^x is lost in -1
  constexpr T tiny = sizeof(T) == 4 ? T(0x1p-25) : T(0x1p-54);
  // Up to 1/2 without reduction: just beyond ln 2 / 2 the sum below would double the error of e^r - 1.
  const T clamped = minimum(maximum(x, least), sizeof(T) == 4 ? T(89) : T(710));
  const T guide = select(absolute(x) < T(0.5), T(0), clamped);
  const auto [r, exponent, biased_twice] = reduce_exponent(clamped, T(0), guide);
  const T tail = expm1_tail(r);
  // Half of 2^exponent, as the exponent may be one more than a number has.
  const T half = power_of_two<T>(biased_twice - (F::exponent_bias + 1));
  const T result = T(2) * fma(half, fma(r * r, tail, r), half - T(0.5));
  return select(absolute(x) < tiny, x, result);
}

// ---- Logarithms ----------------------------------------------------------------------------------------------------

/// x = 2^exponent (1 + f), 1 + f between sqrt(1/2) and sqrt(2), for positive normal x; the exponent less a given shift.
template <class T>
struct Mantissa {
  T exponent;
  T f;
  Bits<T> biased_exponent;
};

template <class T>
FUSEDLOSS_INLINE Mantissa<T> split(T x, T shift = T(0)) {
  using F = Format<T>;
  constexpr Bits<T> root_half = sizeof(T) == 4 ? Bits<T>(0x3f3504f3u) : Bits<T>(0x3fe6a09e667f3bcdu);
  constexpr Bits<T> mantissa = (Bits<T>{1} << F::mantissa_bits) - 1;
  constexpr T two_to_mantissa = T(Bits<T>{1} << F::mantissa_bits);
  const Bits<T> above = bits_of(x) - root_half + (F::exponent_bias << F::mantissa_bits);
  const Bits<T> biased = above >> F::mantissa_bits;
  // An integer below 2^mantissa_bits becomes a number by putting it there: AVX2 has no conversion from 64 bits.
  const T number = from_bits<T>(biased | bits_of(two_to_mantissa));
  const T f = from_bits<T>((above & mantissa) + root_half) - T(1);
  return {number - (two_to_mantissa + T(F::exponent_bias) + shift), f, biased};
}

/// log(1 + f) - f for 1 + f between sqrt(1/2) and sqrt(2), and a small addition to it.
template <class T>
FUSEDLOSS_INLINE T log_tail(T f, T lo) {
  if constexpr (sizeof(T) == 4) {
    const T p = polynomial(f, 0x1.555554p-2f, -0x1.000226p-2f, 0x1.99a00ap-3f, -0x1.547248p-3f, 0x1.22d9e8p-3f,
                           -0x1.0d84ecp-3f, 0x1.055ca2p-3f, -0x1.38ba38p-4f);
    return fma(f, f * fma(f, p, T(-0.5)), lo);
  } else {
    // log(1 + f) = 2 atanh(s), s = f / (2 + f): at a third of the degree, and f itself stays the first term.
    const T s = f / (T(2) + f);
    const T t = s * s;
    const T half = T(0.5) * f * f;
    const T p = polynomial(t, 0x1.5555555555592p-1, 0x1.999999997ffc9p-2, 0x1.24924941d5106p-2, 0x1.c71c521eb1152p-3,
                           0x1.74663ad42f04p-3, 0x1.39a21d2b7af3cp-3, 0x1.2f01bef3deabp-3);
    return fma(s, fma(t, p, half), lo) - half;
  }
}

/// exponent ln 2 + log(1 + f).
template <class T>
FUSEDLOSS_INLINE T log_of(T exponent, T f) {
  return fma(exponent, ln2_hi<T>, f + log_tail(f, exponent * ln2_lo<T>));
}

/// 1 + x = 2^exponent (1 + f) for 0 <= x < 2^(bias - 2); f is rounded once, and x itself where the exponent is 0.
template <class T>
FUSEDLOSS_INLINE Mantissa<T> split_successor(T x) {
  const Mantissa<T> m = split(T(1) + x);
  const T inverse = power_of_two<T>(2 * Format<T>::exponent_bias - m.biased_exponent);
  return {m.exponent, fma(x, inverse, inverse - T(1)), m.biased_exponent};
}

/// split() for subnormal x too.
template <class T>
FUSEDLOSS_INLINE Mantissa<T> split_any(T x) {
  using F = Format<T>;
  constexpr T shift = T(F::mantissa_bits + 2);
  constexpr T lift = T(Bits<T>{1} << (F::mantissa_bits + 2));
  const bool small = x < F::smallest_normal;
  return split(select(small, x * lift, x), select(small, shift, T(0)));
}

/// `value` for positive finite x; elsewhere what the logarithm of x is.
template <class T>
FUSEDLOSS_INLINE T with_log_ends(T x, T value) {
  const T outside = select(x == T(0), -infinity<T>, not_a_number<T>);
  return select(x > T(0), select(x < infinity<T>, value, x), outside);
}

/// log x: -inf for both zeros, NaN below.
/// Max error: float 0.89 ulp (0x1.6a00e6p+0), double 0.82 (0x1.68a212e4f2533p-1).
template <class T>
FUSEDLOSS_INLINE T log(T x) {
  const Mantissa<T> m = split_any(x);
  return with_log_ends(x, log_of(m.exponent, m.f));
}

/// log(hi + lo), lo at most a rounding error of hi, and 0 where that is subnormal.
/// Max error: float 1.57 ulp (0x1.45886ap+0, 0x1.017df2p-26), double 1.45 (0x1.21fd66d925188p+0,
/// -0x1.3ffd00240b262p-54).
template <class T>
FUSEDLOSS_INLINE T log(T hi, T lo) {
  const Mantissa<T> m = split_any(hi);
  // By way of half of 2^-exponent, as 2^-128 is out of range.
  const T inverse = power_of_two<T>(2 * Format<T>::exponent_bias + 1 - m.biased_exponent) * T(0.5);
  return with_log_ends(hi, log_of(m.exponent, fma(lo, inverse, m.f)));
}

/// log(1 + x), x itself where that is small: -0 for -0, -inf for -1, NaN below.
/// Max error: float 1.48 ulp (0x1.a96e5ep-2), double 1.4 (0x1.aab1d4f1075bbp-2).
template <class T>
FUSEDLOSS_INLINE T log1p(T x) {
  using F = Format<T>;
  const TwoTerms<T> sum = two_sum(T(1), x);
  const Mantissa<T> m = split(sum.hi);
  // What 1 + x lost goes into f, which is x itself where the exponent is 0. The detour by half of 2^-exponent keeps
  // 2^-128 in range.
  const T inverse = power_of_two<T>(2 * F::exponent_bias + 1 - m.biased_exponent) * T(0.5);
  const T f = fma(sum.lo, inverse, m.f);
  const T outside = select(x == T(-1), -infinity<T>, not_a_number<T>);
  const T inside = copy_sign(log_of(m.exponent, f), x);
  return select(x > T(-1), select(x < infinity<T>, inside, x), outside);
}

// ---- Powers --------------------------------------------------------------------------------------------------------

/// The logarithm of 2^exponent (1 + f) as the sum of two numbers, good to about 1.4 times the digits of one.
template <class T>
FUSEDLOSS_INLINE TwoTerms<T> precise_log(const Mantissa<T>& m) {
  // exponent * ln 2 + 2 atanh(s) with s = f / (2 + f) and the first term of the series in two parts as well, as what
  // the logarithm is multiplied by multiplies the error.
  const TwoTerms<T> d = quick_two_sum(T(2), m.f);
  const T inverse = T(1) / d.hi;
  const T s = m.f * inverse;
  const TwoTerms<T> back = two_product(s, d.hi);
  const T s_lo = inverse * (((m.f - back.hi) - back.lo) - s * d.lo);
  TwoTerms<T> t = two_product(s, s);
  t.lo = fma(T(2) * s, s_lo, t.lo);
  TwoTerms<T> c;  // (2 atanh(s) - 2 s) / s^3
  if constexpr (sizeof(T) == 4) {
    const T q = polynomial(t.hi, 0x1.999998p-2f, 0x1.2493b6p-2f, 0x1.c63d1cp-3f, 0x1.90931cp-3f);
    c = quick_two_sum(0x1.555556p-1f, t.hi * q);
    c.lo += -0x1.555556p-26f;
  } else {
    const T q = polynomial(t.hi, 0x1.999999999999ap-2, 0x1.2492492492363p-2, 0x1.c71c71c747eb2p-3, 0x1.745d172bc70d4p-3,
                           0x1.3b13ba5b9c569p-3, 0x1.110f1be0da7b7p-3, 0x1.e2659d1cf672fp-4, 0x1.a50628bd2722fp-4,
                           0x1.ecbb8bd23babdp-4);
    c = quick_two_sum(0x1.5555555555555p-1, t.hi * q);
    c.lo += 0x1.5555555555555p-55;
  }
  TwoTerms<T> cube = two_product(t.hi, c.hi);
  cube.lo += fma(t.hi, c.lo, t.lo * c.hi);
  TwoTerms<T> rest = two_product(s, cube.hi);
  rest.lo += fma(s, cube.lo, s_lo * cube.hi);
  const TwoTerms<T> first = quick_two_sum(m.exponent * ln2_hi<T>, T(2) * s);
  const TwoTerms<T> both = quick_two_sum(first.hi, rest.hi);
  return {both.hi, fma(m.exponent, ln2_lo<T>, fma(T(2), s_lo, rest.lo + (first.lo + both.lo)))};
}

/// x^y for x >= 0; NaN for x < 0. 0 and infinity to any power, and anything to the power of 0, are as in C; but NaN
/// comes from every NaN, and from 1 to an infinite power. Max error: float 1.66 ulp (0x1.72a88cp+0, 0x1.dd4e48p+7),
/// double 1.12 (0x1.7741729e2f469p-1, 0x1.9e9d7dc0c2e17p+10).
template <class T>
FUSEDLOSS_INLINE T pow_positive(T x, T y) {
  const Mantissa<T> m = split_any(x);
  const TwoTerms<T> both = precise_log(m);
  // A greater |y| gives no other result, and its product no overflow on the way.
  constexpr T steepest = sizeof(T) == 4 ? T(0x1p64) : T(0x1p70);
  const T slope = minimum(maximum(y, -steepest), steepest);
  const TwoTerms<T> product = two_product(slope, both.hi);
  const T ends = with_log_ends(x, both.hi) * y;
  const T hi = minimum(select(absolute(ends) < infinity<T>, product.hi, ends), -exp_underflow<T>);
  const T lo = select(hi < -exp_underflow<T>, fma(slope, both.lo, product.lo), T(0));
  const T power = exp(hi, lo);
  return select(y == T(0), select(x >= T(0), T(1), not_a_number<T>), power);
}

// ---- Sigmoids ------------------------------------------------------------------------------------------------------

/// 1 / (d.hi + d.lo) as the sum of two numbers: a division and two Newton steps, each with what the one before left.
template <class T>
FUSEDLOSS_INLINE TwoTerms<T> reciprocal(TwoTerms<T> d) {
  const T rough = T(1) / d.hi;
  const T hi = fma(rough, fma(-rough, d.lo, residual(T(1), rough, d.hi)), rough);
  return {hi, rough * fma(-hi, d.lo, residual(T(1), hi, d.hi))};
}

/// (1 - e) / (1 + e) for e = (1 + p) unit, unit = 2^-exponent <= 1.
template <class T>
FUSEDLOSS_INLINE T tanh_of(T p, T unit) {
  const TwoTerms<T> numerator = quick_two_sum(T(1) - unit, -unit * p);
  const TwoTerms<T> denominator = quick_two_sum(T(1) + unit, unit * p);
  const T inverse = T(1) / denominator.hi;
  const T rough = numerator.hi * inverse;
  const T left = residual(numerator.hi, rough, denominator.hi) + fma(-rough, denominator.lo, numerator.lo);
  return fma(left, inverse, rough);
}

/// tanh x, -0 for -0.
/// Max error: float 1.51 ulp (0x1.0ec57ep+3), double 1.51 (0x1.241c130b2da17p+4).
template <class T>
FUSEDLOSS_INLINE T tanh(T x) {
  using F = Format<T>;
  constexpr T one_beyond = sizeof(T) == 4 ? T(-20) : T(-40);
  const auto [r, exponent, biased_twice] = reduce_exponent(maximum(T(-2) * absolute(x), one_beyond));
  const T unit = power_of_two<T>(biased_twice - F::exponent_bias);
  return copy_sign(tanh_of(expm1_reduced(r), unit), x);
}

/// log cosh x with its derivatives, which share one exponential.
/// Max error: value float 1.98 ulp (0x1.003dfcp-3), double 1.93 (-0x1.6a85c65b0e852p-2); tanh float 1.94
/// (0x1.08f028p-1), double 2.13 (-0x1.934285e88058cp-3); sech2 float 1.57 (0x1.a3c1fcp+1), double 1.53
/// (-0x1.2a769de7faf4p+2).
template <class T>
struct LogCosh {
  T value;  ///< log cosh x
  T tanh;   ///< tanh x
  T sech2;  ///< 1 / cosh^2 x
};

template <class T>
FUSEDLOSS_INLINE LogCosh<T> log_cosh(T x) {
  constexpr int power = sizeof(T) == 4 ? 64 : 128;
  constexpr T lowered = sizeof(T) == 4 ? T(0x1p-64) : T(0x1p-128);
  const T a = absolute(x);
  const auto [r, raised] =
      reduce_raised(maximum(T(-2) * a, exp_underflow<T> - T(4)), raise_by<T>(power));  // 4 e^-2a is to be 0 too
  const T p = expm1_reduced(r);
  const T unit = raised * lowered;
  // 4 e / (1 + e)^2, 1 + e = (1 + unit) + unit p with all that the sums lose.
  TwoTerms<T> denominator = quick_two_sum(T(1) + unit, unit * p);
  denominator.lo += (T(1) - (T(1) + unit)) + unit;
  const TwoTerms<T> inverse = reciprocal(denominator);
  TwoTerms<T> square = two_product(inverse.hi, inverse.hi);
  square.lo = fma(T(2) * inverse.hi, inverse.lo, square.lo);
  const T sech2 = T(4) * (square.hi + fma(p, square.hi, square.lo)) * raised * lowered;
  const T tanh = fma(-unit, p, T(1) - unit) / fma(unit, p, T(1) + unit);
  // a^2 P(a^2) up to 1; beyond, a - ln 2 + log1p(e).
  const T e = fma(unit, p, unit);
  const T y = minimum(a * a, T(1));
  T near, far;
  if constexpr (sizeof(T) == 4) {
    near = polynomial(y, 0x1p-1f, -0x1.55555p-4f, 0x1.6c148ap-6f, -0x1.b9c8ccp-8f, 0x1.1bbf18p-9f, -0x1.66ce2ep-11f,
                      0x1.78d182p-13f, -0x1.bdfefap-16f);
    far = polynomial(e, -0x1.fffep-2f, 0x1.54f1dp-2f, -0x1.f23302p-3f, 0x1.2e660cp-3f);
  } else {
    near = polynomial(y, 0x1p-1, -0x1.555555555554cp-4, 0x1.6c16c16c15cd6p-6, -0x1.ba1ba1b98f6dp-8, 0x1.1ea5d38756e9p-9,
                      -0x1.833d98ec8ec2fp-11, 0x1.0d0b1ebf98771p-12, -0x1.7d9f4afeac15cp-14, 0x1.12db669cab1afp-15,
                      -0x1.8ff73ed0f5ffbp-17, 0x1.22cb51a861afap-18, -0x1.9ab662345f717p-20, 0x1.091a09f9b439cp-21,
                      -0x1.1a05a74598b04p-23, 0x1.a41d1b4aca113p-26, -0x1.3c2ff34228792p-29);
    far = polynomial(e, -0x1.ffffffffffb7ep-2, 0x1.5555555519b67p-2, -0x1.ffffffd86a7b1p-3, 0x1.999992786d16dp-3,
                     -0x1.55548c2add2ccp-3, 0x1.2483e7a21abefp-3, -0x1.fea1dc21b79e7p-4, 0x1.bc061e8738a41p-4,
                     -0x1.5f25569dc83a2p-4, 0x1.6dac0c5faa3eep-5);
  }
  const T small = fma(e * e, far, e) - ln2_lo<T>;
  const T beyond = small + (a - ln2_hi<T>);
  return {select(a < T(1), y * near, beyond), copy_sign(tanh, x), sech2};
}

/// What the logistic function s and its integral are made of, for a >= 0: one exponential. Members that a caller does
/// not use cost nothing.
template <class T>
struct LogisticTail {
  T larger;    ///< s(a) = 1 / (1 + e^-a)
  T smaller;   ///< s(-a), not by subtraction
  T log_term;  ///< log(1 + e^-a)
};

template <class T>
FUSEDLOSS_INLINE LogisticTail<T> logistic_tail(T a) {
  const T e = exp_of_minus(a);
  const T larger = T(1) / (T(1) + e);
  T log_term;
  if constexpr (sizeof(T) == 4) {
    log_term = e * polynomial(e, 1.0f, -0x1.ffffd2p-2f, 0x1.554ddp-2f, -0x1.ff23ep-3f, 0x1.934b0ep-3f, -0x1.3a422p-3f,
                              0x1.b4a852p-4f, -0x1.d6a26ap-5f, 0x1.4905d2p-6f, -0x1.af24dap-9f);
  } else {
    // 2 atanh(s), rearranged to have e as its first term.
    const T s = e / (T(2) + e);
    const T t = s * s;
    const T half = T(0.5) * e * e;
    const T p = polynomial(t, 0x1.5555555555556p-1, 0x1.99999999996cdp-2, 0x1.24924924b4aeep-2, 0x1.c71c71ad2901fp-3,
                           0x1.745d1cda49f32p-3, 0x1.3b12f32567049p-3, 0x1.112169fdc29c6p-3, 0x1.e0098052cdc8cp-4,
                           0x1.c072dd93ee65ep-4, 0x1.22202294b8b6ep-4, 0x1.4e5a0e3b3a109p-3);
    log_term = e + fma(s, fma(t, p, half), -half);
  }
  return {larger, e * larger, log_term};
}

/// The logistic function s(z) = 1 / (1 + e^-z) and its integral, which share one exponential.
/// Max error: softplus float 2.16 ulp (0x1.372ecp-7), double 2.06 (0x1.d5d0e4edb360bp-11); log_term no more; sigmoid
/// and complement float 2.79 (-0x1.5ef06p+1), double 2.6 (0x1.06b92ff06caf3p+1).
template <class T>
struct Logistic {
  T softplus;    ///< log(1 + e^z)
  T sigmoid;     ///< s(z)
  T complement;  ///< s(-z) = 1 - s(z), not by subtraction
  T log_term;    ///< log(1 + e^-|z|): softplus(z) = max(z, 0) + log_term, softplus(-z) = max(-z, 0) + log_term
};

template <class T>
FUSEDLOSS_INLINE Logistic<T> logistic(T z) {
  const LogisticTail<T> tail = logistic_tail(absolute(z));
  const bool positive = z >= T(0);
  return {maximum(z, T(0)) + tail.log_term, select(positive, tail.larger, tail.smaller),
          select(positive, tail.smaller, tail.larger), tail.log_term};
}

/// log s(z), to the relative accuracy of softplus for every z.
template <class T>
FUSEDLOSS_INLINE T log_sigmoid(T z) {
  return -logistic(-z).softplus;
}

// ---- The normal distribution ---------------------------------------------------------------------------------------

/// Density and probabilities of the standard normal distribution, which share one exponential and one division.
/// Max error: density float 1.15 ulp (0x1.85e77ap-1), double 1.25 (-0x1.09fdf67161b2ap+5); cdf and complement
/// float 2.36 (0x1.de4cd4p+0), double 2.35 (0x1.e111fb183325ap+0); central float 1.5 (0x1.ac671ep-1), double 1.41
/// (-0x1.aad146589735ep-1).
template <class T>
struct Normal {
  T density;     ///< e^(-z^2 / 2) / sqrt(2 pi)
  T cdf;         ///< probability of (-inf, z]
  T complement;  ///< probability of (z, inf), not by subtraction
  T central;     ///< cdf - complement = erf(z / sqrt 2), not by subtraction
};

/// (a + 4) e^(a^2 / 2) times the probability of (a, inf), for v = 5/8 - 8 / (a + 4) and a^2 >= 1/2: one smooth function
/// as far out as T can express the probability (after M. M. Shepherd, J. G. Laframboise, Chebyshev approximation of (1
/// + 2x) exp(x^2) erfc x, 1981). Of v's own rounding error it takes over about -0.7 times the relative amount.
template <class T>
FUSEDLOSS_INLINE TwoTerms<T> normal_tail(TwoTerms<T> v) {
  TwoTerms<T> tail;
  if constexpr (sizeof(T) == 4) {
    const T rest = polynomial(v.hi, 0x1.bbb514p-26f, -0x1.8995e8p-2f, 0x1.c9be3cp-3f, -0x1.bebea2p-4f, 0x1.574fbcp-5f,
                              -0x1.5e4e4ap-7f, 0x1.b2b9ap-12f, 0x1.0b27a2p-10f, -0x1.157ccep-11f, -0x1.9a0cdcp-13f);
    tail = quick_two_sum(0x1.25680cp-1f, rest);
  } else {
    const T rest =
        polynomial(v.hi, 0x1.d184fd97cf3f7p-58, -0x1.8995e83c17d24p-2, 0x1.c9be3d4c8d1afp-3, -0x1.bebe5f19ac377p-4,
                   0x1.574f3c272f329p-5, -0x1.5e7f453a32cap-7, 0x1.aa1f6ef22b76fp-12, 0x1.147d7b3ae9e7p-10,
                   -0x1.a38dbffb829d9p-12, -0x1.2b1b2c894750cp-15, 0x1.303f3e08ecc92p-14, -0x1.4143aae2a93a3p-17,
                   -0x1.8ba8cc2809725p-17, 0x1.ed9b684b0518bp-19, 0x1.15f62c2c10193p-19, -0x1.1061e6d1f931ep-20,
                   -0x1.cb73eab4aff4fp-22, 0x1.34550e3b4c1dp-22, 0x1.1935f53e05f7p-23, -0x1.703a089dc4f1bp-24,
                   -0x1.69fecc36130bep-24, -0x1.d2b204ac1c81dp-26, -0x1.ca046df14e629p-29);
    tail = quick_two_sum(0x1.25680cdd49972p-1, rest);
  }
  tail.lo = fma(T(-0.7) * tail.hi, v.lo, tail.lo);
  return tail;
}

/// The probability of [-a, a] for a^2 <= 1/2.
template <class T>
FUSEDLOSS_INLINE T normal_center(T a, T square) {
  if constexpr (sizeof(T) == 4) {
    const T rest =
        polynomial(square, -0x1.982d3p-26f, -0x1.10582ap-3f, 0x1.46c95ap-6f, -0x1.3603acp-9f, 0x1.b5aa88p-13f);
    return fma(a, 0x1.988454p-1f, a * rest);
  } else {
    const T rest =
        polynomial(square, -0x1.cbeb8198510e8p-55, -0x1.1058377e2ceep-3, 0x1.46d042976911cp-6, -0x1.37403f6b98155p-9,
                   0x1.e42b0d4b3c2ffp-13, -0x1.3ce8f93f55c89p-16, 0x1.6589b94520bf5p-20, -0x1.6210d472d623ep-24,
                   0x1.36a7c0efba225p-28, -0x1.badee7b0c2726p-33);
    return fma(a, 0x1.9884533d43651p-1, a * rest);
  }
}

template <class T>
FUSEDLOSS_INLINE Normal<T> normal(T z) {
  constexpr T nothing_beyond = sizeof(T) == 4 ? T(15) : T(40);
  const T a = minimum(absolute(z), nothing_beyond);
  const TwoTerms<T> square = two_product(a, a);
  const auto [r, exponent, biased_twice] = reduce_exponent(T(-0.5) * square.hi, T(-0.5) * square.lo);
  const T p = expm1_reduced(r);
  constexpr T peak = T(0x1.9884533d43651p-2);  // 1 / sqrt(2 pi)
  constexpr T peak_lo = sizeof(T) == 4 ? T(-0x1.857936p-27) : T(-0x1.cbc0d30ebfd15p-56);
  const T density = scale(peak + fma(p, peak, peak_lo), biased_twice);
  const TwoTerms<T> inverse = reciprocal(two_sum(a, T(4)));
  TwoTerms<T> v = two_sum(T(0.625), T(-8) * inverse.hi);
  v.lo = fma(T(-8), inverse.lo, v.lo);
  const TwoTerms<T> tail = normal_tail(v);
  TwoTerms<T> share = two_product(tail.hi, inverse.hi);
  share.lo += fma(tail.hi, inverse.lo, tail.lo * inverse.hi);
  const T outer = scale(share.hi + fma(p, share.hi, share.lo), biased_twice);
  const T inner = normal_center(a, minimum(square.hi, T(0.5)));
  const bool near = square.hi < T(0.5);
  const T smaller = select(near, fma(T(-0.5), inner, T(0.5)), outer);
  const T larger = T(1) - smaller;
  const T central = select(near, inner, fma(T(-2), outer, T(1)));
  const bool positive = z >= T(0);
  return {density, select(positive, larger, smaller), select(positive, smaller, larger), copy_sign(central, z)};
}

FUSEDLOSS_END
