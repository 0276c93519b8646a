// Sums of squares that leave the range of double precision, and powers of two that bring numbers back.
#pragma once

#include "bits.hpp"
#include "config.hpp"

FUSEDLOSS_BEGIN

/// Sums of squares within these are accurate.
constexpr double least_sum = 0x1p-900, largest_sum = 0x1p900;

FUSEDLOSS_INLINE bool is_safe(double sum) { return sum >= least_sum && sum <= largest_sum; }

/// A power of two that brings a number near 1; 1 for 0 and what is not finite.
FUSEDLOSS_INLINE double scale_to_one(double size) {
  if (!(size > 0 && size < infinity<double>)) return 1;
  Bits<double> exponent = bits_of(size) >> 52;
  exponent = exponent < 1 ? 1 : exponent > 2045 ? 2045 : exponent;
  return from_bits<double>(static_cast<Bits<double>>(2046 - exponent) << 52);
}

FUSEDLOSS_END
