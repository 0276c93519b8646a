// Exponentials, logarithms and the functions made of them, for float and double: table-free, without branches or calls, so that
// a loop over them becomes vector code on every instruction set, with the same bits wherever there is a fused multiply-add.
//
// The polynomials come from tools/fit_polynomials.py, which gives for each its interval, degree and error.
#pragma once

#include "bits.hpp"

FUSEDLOSS_BEGIN

// ---- Pieces ----------------------------------------------------------------------------------------------------------

/// ln 2 in two parts. The first has so few bits that its product with any exponent is exact, with or without fused
/// multiply-add (W. J. Cody, W. Waite, Software Manual for the Elementary Functions, 1980).
template <class T>
constexpr T ln2_hi = sizeof(T) == 4 ? T(0x1.63p-1) : T(0x1.62e42fefa38p-1);
template <class T>
constexpr T ln2_lo = sizeof(T) == 4 ? T(-0x1.bd0106p-13) : T(0x1.ef35793c7673p-45);
template <class T>
constexpr T log2_e = T(0x1.71547652b82fep0);

/// x = exponent * ln 2 + r, |r| <= ln 2 / 2. The exponent comes as a number and, with twice the bias added, as an integer.
template <class T>
struct ReducedExponent {
  T r;
  T exponent;
  Bits<T> biased_twice;
};

template <class T>
FUSEDLOSS_INLINE ReducedExponent<T> reduce_exponent(T x, T lo = T(0)) {
  using F = Format<T>;
  const T shifted = fma(x, log2_e<T>, F::to_integer);
  const T exponent = shifted - F::to_integer;
  const T r = fma(exponent, -ln2_hi<T>, x);
  return {r + fma(exponent, -ln2_lo<T>, lo), exponent, bits_of(shifted) - (F::to_integer_bits - 2 * F::exponent_bias)};
}

/// e^r - 1 for |r| <= ln 2 / 2, with small relative error.
template <class T>
FUSEDLOSS_INLINE T expm1_reduced(T r) {
  T tail;  // (e^r - 1 - r) / r^2
  if constexpr (sizeof(T) == 4) {
    tail = polynomial(r, 0x1.fffffep-2f, 0x1.5554bp-3f, 0x1.555674p-5f, 0x1.12278ep-7f, 0x1.6bebc6p-10f);
  } else {
    tail = polynomial(r, 0x1.0000000000005p-1, 0x1.55555555554dcp-3, 0x1.5555555551dfap-5, 0x1.1111111137e91p-7,
                      0x1.6c16c180517eep-10, 0x1.a01a00a8e55ap-13, 0x1.a019a2a7ac05fp-16, 0x1.71e0986dccdf7p-19,
                      0x1.28a6d675039bp-22, 0x1.aac20e5baaa35p-26);
  }
  return fma(r * r, tail, r);
}

/// Beyond these e^x is infinite, or rounds to 0.
template <class T>
constexpr T exp_overflow = sizeof(T) == 4 ? T(89) : T(710);
template <class T>
constexpr T exp_underflow = sizeof(T) == 4 ? T(-104) : T(-746);

/// p * 2^exponent. Two factors, as one would not reach the subnormals; the second product alone rounds.
template <class T>
FUSEDLOSS_INLINE T scale(T p, Bits<T> biased_twice) {
  const Bits<T> half = biased_twice >> 1;
  return p * power_of_two<T>(half) * power_of_two<T>(biased_twice - half);
}

// ---- Exponentials ----------------------------------------------------------------------------------------------------

/// e^x.
template <class T>
FUSEDLOSS_INLINE T exp(T x) {
  const auto [r, exponent, biased_twice] = reduce_exponent(minimum(maximum(x, exp_underflow<T>), exp_overflow<T>));
  return scale(T(1) + expm1_reduced(r), biased_twice);
}

/// e^(hi + lo), lo at most a rounding error of hi: with two_diff, e^(a - b) to full relative accuracy. Where |hi| is beyond the
/// range of exp, infinite or NaN, lo does not matter.
template <class T>
FUSEDLOSS_INLINE T exp(T hi, T lo) {
  const T small = select(absolute(hi) < -exp_underflow<T>, lo, T(0));
  const auto [r, exponent, biased_twice] =
      reduce_exponent(minimum(maximum(hi, exp_underflow<T>), exp_overflow<T>), small);
  return scale(T(1) + expm1_reduced(r), biased_twice);
}

/// e^x - 1.
template <class T>
FUSEDLOSS_INLINE T expm1(T x) {
  using F = Format<T>;
  constexpr T least = sizeof(T) == 4 ? T(-18) : T(-38);  // below, e^x is lost in -1
  constexpr T tiny = sizeof(T) == 4 ? T(0x1p-25) : T(0x1p-54);
  const auto [r, exponent, biased_twice] = reduce_exponent(minimum(maximum(x, least), exp_overflow<T>));
  // Half of 2^exponent, as the exponent may be one more than a number has.
  const T half = power_of_two<T>(biased_twice - (F::exponent_bias + 1));
  const T result = T(2) * fma(half, expm1_reduced(r), half - T(0.5));
  return select(absolute(x) < tiny, x, result);
}

// ---- Logarithms ------------------------------------------------------------------------------------------------------

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

/// exponent ln 2 + log(1 + f).
template <class T>
FUSEDLOSS_INLINE T log_of(T exponent, T f) {
  const T square = f * f;
  T tail;  // log(1 + f) - f, and the small part of the other term
  if constexpr (sizeof(T) == 4) {
    const T p = polynomial(f, 0x1.555554p-2f, -0x1.000226p-2f, 0x1.99a00ap-3f, -0x1.547248p-3f, 0x1.22d9e8p-3f,
                           -0x1.0d84ecp-3f, 0x1.055ca2p-3f, -0x1.38ba38p-4f);
    tail = fma(square, T(-0.5), fma(f * square, p, exponent * ln2_lo<T>));
  } else {
    // log(1 + f) = 2 atanh(s), s = f / (2 + f): at a third of the degree, and f itself stays the first term.
    const T s = f / (T(2) + f);
    const T t = s * s;
    const T half = T(0.5) * square;
    const T p = polynomial(t, 0x1.5555555555592p-1, 0x1.999999997ffc9p-2, 0x1.24924941d5106p-2, 0x1.c71c521eb1152p-3,
                           0x1.74663ad42f04p-3, 0x1.39a21d2b7af3cp-3, 0x1.2f01bef3deabp-3);
    tail = fma(s, fma(t, p, half), exponent * ln2_lo<T>) - half;
  }
  return fma(exponent, ln2_hi<T>, f + tail);
}

/// log x.
template <class T>
FUSEDLOSS_INLINE T log(T x) {
  using F = Format<T>;
  const bool small = x < F::smallest_normal;
  constexpr T lift = T(Bits<T>{1} << (F::mantissa_bits + 2));
  const Mantissa<T> m = split(select(small, x * lift, x), select(small, T(F::mantissa_bits + 2), T(0)));
  const T outside = select(x == T(0), -infinity<T>, not_a_number<T>);
  return select(x > T(0), select(x < infinity<T>, log_of(m.exponent, m.f), x), outside);
}

/// log(1 + x), with small relative error also for small x.
template <class T>
FUSEDLOSS_INLINE T log1p(T x) {
  using F = Format<T>;
  const TwoTerms<T> sum = two_sum(T(1), x);
  const Mantissa<T> m = split(sum.hi);
  // What 1 + x lost goes into f, which is x itself where the exponent is 0. The detour by half of 2^-exponent keeps 2^-128 in
  // range.
  const T inverse = power_of_two<T>(2 * F::exponent_bias + 1 - m.biased_exponent) * T(0.5);
  const T f = fma(sum.lo, inverse, m.f);
  const T outside = select(x == T(-1), -infinity<T>, not_a_number<T>);
  const T inside = copy_sign(log_of(m.exponent, f), x);
  return select(x > T(-1), select(x < infinity<T>, inside, x), outside);
}

// ---- Sigmoids --------------------------------------------------------------------------------------------------------

/// tanh x.
template <class T>
FUSEDLOSS_INLINE T tanh(T x) {
  using F = Format<T>;
  constexpr T one_beyond = sizeof(T) == 4 ? T(20) : T(40);
  const auto [r, exponent, biased_twice] = reduce_exponent(minimum(T(2) * absolute(x), one_beyond));
  // (e^2x - 1) / (e^2x + 1), numerator and denominator divided by 2^exponent.
  const T p = expm1_reduced(r);
  const T inverse = power_of_two<T>(3 * F::exponent_bias - biased_twice);
  return copy_sign((p + (T(1) - inverse)) / (p + (T(1) + inverse)), x);
}

/// The logistic function s(z) = 1 / (1 + e^-z) and its integral, which share one exponential and one division.
template <class T>
struct Logistic {
  T softplus;    ///< log(1 + e^z)
  T sigmoid;     ///< s(z)
  T complement;  ///< s(-z) = 1 - s(z), not by subtraction
};

/// Each of the three to small relative error, for every z.
template <class T>
FUSEDLOSS_INLINE Logistic<T> logistic(T z) {
  const T e = exp(-absolute(z));
  // One division for 1 / (1 + e) and s = e / (2 + e); a Newton step takes back what the detour costs.
  const T one = T(1) + e;
  const T two = T(2) + e;
  const T inverse = T(1) / (one * two);
  const T rough = two * inverse;
  const T larger = fma(rough, fma(-one, rough, T(1)), rough);
  const T smaller = e * larger;
  // log(1 + e) = 2 atanh(s), rearranged to have e as its first term.
  const T s = e * one * inverse;
  const T t = s * s;
  const T half = T(0.5) * e * e;
  T p;
  if constexpr (sizeof(T) == 4) {
    p = polynomial(t, 0x1.555558p-1f, 0x1.9996f8p-2f, 0x1.25006ap-2f, 0x1.b79ae8p-3f, 0x1.eedc48p-3f);
  } else {
    p = polynomial(t, 0x1.5555555555556p-1, 0x1.99999999996cdp-2, 0x1.24924924b4aeep-2, 0x1.c71c71ad2901fp-3,
                   0x1.745d1cda49f32p-3, 0x1.3b12f32567049p-3, 0x1.112169fdc29c6p-3, 0x1.e0098052cdc8cp-4,
                   0x1.c072dd93ee65ep-4, 0x1.22202294b8b6ep-4, 0x1.4e5a0e3b3a109p-3);
  }
  const T log1p_e = e + fma(s, fma(t, p, half), -half);
  const bool positive = z >= T(0);
  return {maximum(z, T(0)) + log1p_e, select(positive, larger, smaller), select(positive, smaller, larger)};
}

FUSEDLOSS_END
