// How far numbers are inside a loss's domain: negative outside of it.
#pragma once

#include "config.hpp"

FUSEDLOSS_BEGIN

/// Negative outside [0, 1].
template <class T>
FUSEDLOSS_INLINE T share_room(T t) {
  return t * (T(1) - t);
}

/// Negative outside [0, 1], up to the rounding of whatever made the probability.
template <class T>
FUSEDLOSS_INLINE T probability_room(T p) {
  constexpr T rounding = sizeof(T) == 4 ? T(0x1p-19) : T(0x1p-48);  // 16 machine epsilons
  return (p + rounding) * ((T(1) + rounding) - p);
}

FUSEDLOSS_END
