// The direction of a vector, without a call of the C library.
#pragma once

#include "math.hpp"

FUSEDLOSS_BEGIN

/// The angle of (x, y) from the axis of x, for x >= 0: the arc tangent of y / x; 0 for the zero vector. Within 2 ulp.
FUSEDLOSS_INLINE double angle(double y, double x) {
  constexpr double half_of_45 = 0x1.a827999fcef32p-2;  // its tangent
  constexpr double right = 0x1.921fb54442d18p+0, right_lo = 0x1.1a62633145c07p-54;
  const double size = absolute(y);
  const bool steep = size > x;
  const double shorter = steep ? x : size, longer = steep ? size : x;
  const bool wide = shorter > half_of_45 * longer;  // turned back by 45 degrees
  const double n = wide ? shorter - longer : shorter, d = wide ? shorter + longer : longer;
  const double t = d == 0 ? 0.0 : n / d;
  const double square = t * t;
  const double tail = t * (square * polynomial(square, -0x1.555555555553dp-2, 0x1.999999999589cp-3,
                                               -0x1.24924922af1a6p-3, 0x1.c71c70e6d116p-4, -0x1.745cf8f2f3748p-4,
                                               0x1.3b111aad4b129p-4, -0x1.10ebc9c6b26ddp-4, 0x1.df10430484dd3p-5,
                                               -0x1.9cd6f54d9ddbp-5, 0x1.37dffc860313ep-5, -0x1.25802d3779027p-6));
  const double from_axis = wide ? 0.5 * right + (t + (tail + 0.5 * right_lo)) : t + tail;
  return copy_sign(steep ? right - (from_axis - right_lo) : from_axis, y);
}

FUSEDLOSS_END
