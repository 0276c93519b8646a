// Products with exponentials whose factors leave the range of T though the result does not.
#pragma once

#include "bits.hpp"
#include "lanes.hpp"
#include "math.hpp"

FUSEDLOSS_BEGIN

/// |x| beyond which factor * e^x is 0 or infinite for every positive number `factor`.
template <class T>
constexpr T exp_reach = T(-2) * exp_underflow<T>;

/// factor * e^(hi + lo), lo at most a rounding error of hi and of no matter where e^hi is 0 or infinite: it may be NaN
/// there. A factor of 0 gives 0 for every number hi.
template <class T>
FUSEDLOSS_INLINE T exp_times(T factor, T hi, T lo = T(0)) {
  const T x = clamp_between(hi, -exp_reach<T>, exp_reach<T>);
  const auto [r, exponent, biased_twice] = reduce_exponent(x, masked(lo, mask_of<T>(absolute(hi) < exp_reach<T>)));
  // 2^exponent in four factors, as two do not reach from the largest number to the smallest. Every product lies between
  // the factor and the result, so none of them overflows, and only the last ones can be subnormal.
  const Bits<T> biased_four_times = biased_twice + 2 * Format<T>::exponent_bias, quarter = biased_four_times >> 2;
  const T step = power_of_two<T>(quarter);
  return factor * step * step * (T(1) + expm1_reduced(r)) * step *
         power_of_two<T>(biased_four_times - (quarter + quarter + quarter));
}

/// The number mantissa * 2^exponent, the exponent a whole number of any size: for differences of numbers that T cannot
/// hold. The mantissa of a nonzero number is between 1/2 and 2 in size.
template <class T>
struct Scaled {
  T mantissa;
  T exponent;
};

/// e^(hi + lo), lo at most a rounding error of hi, for |hi| up to `reach`; beyond as there. `reach` is at most 2^17.
template <class T>
FUSEDLOSS_INLINE Scaled<T> scaled_exp(T hi, T lo, T reach) {
  const T x = clamp_between(hi, -reach, reach);
  const auto [r, exponent, biased_twice] = reduce_exponent(x, masked(lo, mask_of<T>(absolute(hi) < reach)));
  return {T(1) + expm1_reduced(r), exponent};
}

/// A finite number times a scaled one.
template <class T>
FUSEDLOSS_INLINE Scaled<T> times(T factor, Scaled<T> x) {
  const T size = absolute(factor);
  const Mantissa<T> m = split_any(size);
  const Bits<T> something = mask_of<T>(size != T(0));  // NaN too
  constexpr T nothing = T(-1e6);                       // the exponent of 0: below any other
  const T mantissa = copy_sign((T(1) + m.f) * x.mantissa, factor);
  return {masked(unless_nan(factor, mantissa), something), blend(something, m.exponent + x.exponent, nothing)};
}

/// 2^exponent for a whole number from 1 - bias to bias.
template <class T>
FUSEDLOSS_INLINE T whole_power_of_two(T exponent) {
  using F = Format<T>;
  return power_of_two<T>(bits_of(exponent + F::to_integer) - (F::to_integer_bits - F::exponent_bias));
}

/// Two scaled numbers in units of one power of two, which the larger one sets, and combinations of them.
template <class T>
struct Aligned {
  T a, b;
  Bits<T> biased_twice;

  /// p a - q b, rounded as that is by itself.
  FUSEDLOSS_INLINE T difference(T p, T q) const { return scale(p * a - q * b, biased_twice); }
};

template <class T>
FUSEDLOSS_INLINE Aligned<T> align(Scaled<T> a, Scaled<T> b) {
  using F = Format<T>;
  constexpr T least = T(1) - T(static_cast<int>(F::exponent_bias));  // what it cuts off is far below a rounding error
  constexpr T bias = T(static_cast<int>(F::exponent_bias));
  const T common = maximum(a.exponent, b.exponent);
  const T unit = clamp_between(common, T(2) - T(2) * bias, T(2) * bias);
  return {a.mantissa * whole_power_of_two(maximum(a.exponent - common, least)),
          b.mantissa * whole_power_of_two(maximum(b.exponent - common, least)),
          bits_of(unit + F::to_integer) - (F::to_integer_bits - 2 * F::exponent_bias)};
}

FUSEDLOSS_END
