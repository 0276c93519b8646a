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

FUSEDLOSS_END
