// float16 and bfloat16 as their bits: exact widening, narrowing to nearest even. Branch-free, so that rows of them
// vectorise.
#pragma once

#include <cstdint>
#include <cstring>

#include "config.hpp"

FUSEDLOSS_BEGIN

struct Float16 {
  std::uint16_t bits;
};

struct BFloat16 {
  std::uint16_t bits;
};

FUSEDLOSS_INLINE float float_of_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

FUSEDLOSS_INLINE std::uint32_t bits_of_float(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Exact. The exponent is rebiased by a multiplication with 2^112, which also makes float16 subnormals normal.
FUSEDLOSS_INLINE float widen(Float16 half) {
  const std::uint32_t magnitude = static_cast<std::uint32_t>(half.bits & 0x7fffu) << 13;
  const std::uint32_t sign = static_cast<std::uint32_t>(half.bits & 0x8000u) << 16;
  const std::uint32_t finite = bits_of_float(float_of_bits(magnitude) * 0x1p112f);
  const std::uint32_t special = magnitude | 0x7f800000u;
  return float_of_bits((magnitude >= 0x0f800000u ? special : finite) | sign);
}

FUSEDLOSS_INLINE float widen(BFloat16 half) { return float_of_bits(static_cast<std::uint32_t>(half.bits) << 16); }

/// To nearest even. Below 2^-14 the addition of 0.5 makes the hardware round at float16's last subnormal bit.
FUSEDLOSS_INLINE void narrow(float value, Float16& half) {
  const std::uint32_t bits = bits_of_float(value);
  const std::uint32_t sign = bits & 0x80000000u;
  const std::uint32_t magnitude = bits ^ sign;
  const std::uint32_t small = bits_of_float(float_of_bits(magnitude) + 0.5f) - 0x3f000000u;
  const std::uint32_t odd = (magnitude >> 13) & 1u;
  const std::uint32_t normal = (magnitude - (112u << 23) + 0xfffu + odd) >> 13;
  const std::uint32_t special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  const std::uint32_t finite = magnitude < 0x38800000u ? small : normal;
  half.bits = static_cast<std::uint16_t>((magnitude >= 0x47800000u ? special : finite) | (sign >> 16));
}

FUSEDLOSS_INLINE void narrow(float value, BFloat16& half) {
  const std::uint32_t bits = bits_of_float(value);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  half.bits = static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
}

FUSEDLOSS_END
