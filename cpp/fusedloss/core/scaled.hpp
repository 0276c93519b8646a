// Products with exponentials whose factors leave the range of T though the result does not.
#pragma once

#include "bits.hpp"
#include "lanes.hpp"
#include "math.hpp"

FUSEDLOSS_BEGIN

/// |x| beyond which factor * e^x is 0 or infinite for every positive number `factor`.
template <class T>
constexpr T exp_reach = T(-2) * exp_underflow<T>;

/// A power of e whose scale is kept apart: a factor comes between, so that only their product can leave the range of T.
template <class T>
struct Exponential {
  T mantissa;
  T step, last;  ///< step^3 last is the scale

  /// The product. A factor of 0 gives 0 for every power. Every partial product lies between the factor and the result,
  /// so none of them overflows, and only the last ones can be subnormal.
  FUSEDLOSS_INLINE T times(T factor) const { return factor * step * step * mantissa * step * last; }
};

/// e^(hi + lo), lo at most a rounding error of hi and of no matter where e^hi is 0 or infinite: it may be NaN there.
template <class T>
FUSEDLOSS_INLINE Exponential<T> exponential(T hi, T lo = T(0)) {
  const T x = clamp_between(hi, -exp_reach<T>, exp_reach<T>);
  const auto [r, exponent, biased_twice] = reduce_exponent(x, masked(lo, mask_of<T>(absolute(hi) < exp_reach<T>)));
  // In four factors, as two do not reach from the largest number to the smallest.
  const Bits<T> biased_four_times = biased_twice + 2 * Format<T>::exponent_bias, quarter = biased_four_times >> 2;
  return {T(1) + expm1_reduced(r), power_of_two<T>(quarter),
          power_of_two<T>(biased_four_times - (quarter + quarter + quarter))};
}

FUSEDLOSS_END
