// Numbers >= 0 of any size, a mantissa and an exponent apart: products and sums of thousands of probabilities without
// underflow, and without the logarithms and exponentials that a sum of logarithms takes.
#pragma once

#include "bits.hpp"
#include "math.hpp"

FUSEDLOSS_BEGIN

/// mantissa x 2^exponent. The exponent is a whole number, as large as they come; that of 0 is -infinity. The mantissa
/// is positive and within 2^-300 and 2^300: each sum or product may move it away from 1 by a factor of 4, so that now
/// and then it is to be normalised.
struct Wide {
  double mantissa;
  double exponent;
};

constexpr Wide wide_zero{1, -infinity<double>};

/// An array of them.
struct WideArray {
  double* mantissa;
  double* exponent;

  FUSEDLOSS_INLINE Wide operator[](std::int64_t i) const { return {mantissa[i], exponent[i]}; }
  FUSEDLOSS_INLINE void set(std::int64_t i, Wide to) const {
    mantissa[i] = to.mantissa;
    exponent[i] = to.exponent;
  }
  FUSEDLOSS_INLINE WideArray operator+(std::int64_t i) const { return {mantissa + i, exponent + i}; }
};

/// The same number with a mantissa in [1, 2).
FUSEDLOSS_INLINE Wide normalised(Wide a) {
  using F = Format<double>;
  constexpr double magic = 0x1p52;  // with an integer below 2^52 in its low bits, it is the sum of both
  const std::uint64_t bits = bits_of(a.mantissa);
  const double lift = from_bits<double>((bits >> F::mantissa_bits) | bits_of(magic)) - (magic + F::exponent_bias);
  constexpr std::uint64_t fraction = (std::uint64_t{1} << F::mantissa_bits) - 1;
  return {from_bits<double>((bits & fraction) | bits_of(1.0)), a.exponent + lift};
}

/// What is that many powers of two below the largest term of a sum is lost in it.
constexpr double wide_reach = -1000;

/// 2^gap for a gap <= 0, the difference of two exponents; 2^wide_reach far below, and between zeros, where it is NaN.
FUSEDLOSS_INLINE double power_of_gap(double gap) {
  return power_of_two<double>(bits_of(maximum(wide_reach, gap) + raise_by<double>(0)));
}

FUSEDLOSS_INLINE Wide operator*(Wide a, Wide b) { return {a.mantissa * b.mantissa, a.exponent + b.exponent}; }

FUSEDLOSS_INLINE Wide operator+(Wide a, Wide b) {
  const double top = maximum(a.exponent, b.exponent);
  return {fma(a.mantissa, power_of_gap(a.exponent - top), b.mantissa * power_of_gap(b.exponent - top)), top};
}

/// a + b + c
FUSEDLOSS_INLINE Wide sum(Wide a, Wide b, Wide c) {
  const double top = maximum(maximum(a.exponent, b.exponent), c.exponent);
  const double rest = fma(b.mantissa, power_of_gap(b.exponent - top), c.mantissa * power_of_gap(c.exponent - top));
  return {fma(a.mantissa, power_of_gap(a.exponent - top), rest), top};
}

/// e^(hi + lo), lo at most a rounding error of hi. NaN shows in the exponent.
FUSEDLOSS_INLINE Wide wide_exp(double hi, double lo) {
  constexpr double reach = 0x1p50;  // beyond, hi has no digits behind the point
  const std::uint64_t near = mask_of<double>(absolute(hi) < reach);
  const ReducedExponent<double> by = reduce_exponent(masked(hi, near), masked(lo, near));
  return {1.0 + expm1_reduced(by.r), blend(near, by.exponent, hi * log2_e<double>)};
}

/// The number as a double: 0 below 2^wide_reach. For numbers that are not large.
FUSEDLOSS_INLINE double narrowed(Wide a) {
  return masked(a.mantissa * power_of_gap(a.exponent), mask_of<double>(a.exponent > wide_reach));
}

/// The share of a product in `all` as a double, given 1 / all.mantissa.
FUSEDLOSS_INLINE double share_of(Wide a, Wide b, Wide all, double per_all) {
  const Wide both = a * b;
  return narrowed({both.mantissa * per_all, both.exponent - all.exponent});
}

/// Its logarithm, accurate to a few units in the last place of the larger of it and 1.
FUSEDLOSS_INLINE double log(Wide a) {
  const double all = log(a.mantissa * power_of_gap(a.exponent));  // of a number close to 1 no digit is lost
  return absolute(a.exponent) < 500 ? all
                                    : fma(a.exponent, ln2_hi<double>, fma(a.exponent, ln2_lo<double>, log(a.mantissa)));
}

/// -p log p
FUSEDLOSS_INLINE double surprise(double p) { return masked(-p * log(p), mask_of<double>(p > 0)); }

FUSEDLOSS_END
