// Numbers >= 0 of any size, a mantissa and an exponent apart: products and sums of thousands of probabilities without
// underflow, and without the logarithms and exponentials that a sum of logarithms takes.
#pragma once

#include "bits.hpp"
#include "math.hpp"

FUSEDLOSS_BEGIN

/// mantissa x 2^exponent, the mantissa in [1, 2). The exponent is a whole number, as large as they come; that of 0 is
/// -infinity.
struct Wide {
  double mantissa;
  double exponent;
};

constexpr Wide wide_zero{1, -infinity<double>};

/// The mantissa, a normal number, brought back into [1, 2).
FUSEDLOSS_INLINE Wide normalised(double mantissa, double exponent) {
  using F = Format<double>;
  constexpr double magic = 0x1p52;  // with an integer below 2^52 in its low bits, it is the sum of both
  const std::uint64_t bits = bits_of(mantissa);
  const double lift = from_bits<double>((bits >> F::mantissa_bits) | bits_of(magic)) - (magic + F::exponent_bias);
  constexpr std::uint64_t fraction = (std::uint64_t{1} << F::mantissa_bits) - 1;
  return {from_bits<double>((bits & fraction) | bits_of(1.0)), exponent + lift};
}

/// Beyond this many powers of two below, nothing is added.
constexpr double wide_reach = -1000;

/// The larger one; by a mask, as compilers make branches of selections that share their conditions.
FUSEDLOSS_INLINE double larger(double a, double b) { return blend(mask_of<double>(a < b), b, a); }

/// 2^gap for a gap <= 0, the difference of two exponents. Far below (or between zeros, where it is NaN) 2^wide_reach:
/// that is lost beside a mantissa.
FUSEDLOSS_INLINE double power_of_gap(double gap) {
  return power_of_two<double>(bits_of(larger(wide_reach, gap) + raise_by<double>(0)));
}

FUSEDLOSS_INLINE Wide operator*(Wide a, Wide b) {
  const double mantissa = a.mantissa * b.mantissa;  // below 4
  const bool above = mantissa >= 2;
  return {above ? 0.5 * mantissa : mantissa, a.exponent + b.exponent + (above ? 1.0 : 0.0)};
}

/// a + b, not normalised.
FUSEDLOSS_INLINE Wide wide_sum(Wide a, Wide b) {
  const double top = larger(a.exponent, b.exponent);
  return {fma(a.mantissa, power_of_gap(a.exponent - top), b.mantissa * power_of_gap(b.exponent - top)), top};
}

/// a + b + c, not normalised.
FUSEDLOSS_INLINE Wide wide_sum(Wide a, Wide b, Wide c) {
  const double top = larger(larger(a.exponent, b.exponent), c.exponent);
  const double rest = fma(b.mantissa, power_of_gap(b.exponent - top), c.mantissa * power_of_gap(c.exponent - top));
  return {fma(a.mantissa, power_of_gap(a.exponent - top), rest), top};
}

/// The sum times a number, normalised.
FUSEDLOSS_INLINE Wide scaled(Wide sum, Wide factor) {
  return normalised(sum.mantissa * factor.mantissa, sum.exponent + factor.exponent);
}

/// factor e^(hi + lo), the factor in (2^-1000, 1]; lo at most a rounding error of hi. NaN shows in the exponent.
FUSEDLOSS_INLINE Wide wide_exp(double hi, double lo, double factor) {
  constexpr double reach = 0x1p50;  // beyond, hi has no digits behind the point
  const std::uint64_t near = mask_of<double>(absolute(hi) < reach);
  const ReducedExponent<double> by = reduce_exponent(masked(hi, near), masked(lo, near));
  return normalised((1.0 + expm1_reduced(by.r)) * factor, blend(near, by.exponent, hi * log2_e<double>));
}

/// The number as a double: 0 below 2^wide_reach. For numbers that are not large.
FUSEDLOSS_INLINE double narrowed(Wide a) {
  return masked(a.mantissa * power_of_gap(a.exponent), mask_of<double>(a.exponent > wide_reach));
}

/// Its logarithm, accurate to a few units in the last place of the larger of it and 1.
FUSEDLOSS_INLINE double log(Wide a) {
  const double all = log(a.mantissa * power_of_gap(a.exponent));
  return absolute(a.exponent) < 500 ? all
                                    : fma(a.exponent, ln2_hi<double>, fma(a.exponent, ln2_lo<double>, log(a.mantissa)));
}

FUSEDLOSS_END
