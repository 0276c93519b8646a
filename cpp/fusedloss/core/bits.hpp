// What the vector math is made of: bit casts, selection, multiply-add, exact sums. Branch-free, for float and double.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "config.hpp"

FUSEDLOSS_BEGIN

/// The layout of a binary floating-point type.
template <class T>
struct Format;

template <>
struct Format<float> {
  using Bits = std::uint32_t;
  static constexpr int mantissa_bits = 23;
  static constexpr Bits exponent_bias = 127;
  static constexpr float smallest_normal = 0x1p-126f;
  static constexpr float to_integer = 0x1.8p23f;  // added, it leaves the nearest integer in the low bits of the sum
  static constexpr Bits to_integer_bits = 0x4b400000u;
};

template <>
struct Format<double> {
  using Bits = std::uint64_t;
  static constexpr int mantissa_bits = 52;
  static constexpr Bits exponent_bias = 1023;
  static constexpr double smallest_normal = 0x1p-1022;
  static constexpr double to_integer = 0x1.8p52;
  static constexpr Bits to_integer_bits = 0x4338000000000000u;
};

/// The unsigned integer of T's size. Integer arithmetic here is unsigned: it wraps, and SSE2 and AVX2 shift 64 bits
/// only so.
template <class T>
using Bits = typename Format<T>::Bits;

template <class T>
FUSEDLOSS_INLINE Bits<T> bits_of(T x) {
  Bits<T> bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

template <class T>
FUSEDLOSS_INLINE T from_bits(Bits<T> bits) {
  T x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

template <class T>
constexpr T infinity = static_cast<T>(__builtin_inf());

template <class T>
constexpr T not_a_number = static_cast<T>(__builtin_nan(""));

/// a * b + c, rounded once where the target has the instruction and twice where it has not: a call of the C library
/// would take its place there.
FUSEDLOSS_INLINE float fma(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

FUSEDLOSS_INLINE double fma(double a, double b, double c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

/// Both sides are computed; a NaN in the one that is not taken does no harm.
template <class T>
FUSEDLOSS_INLINE T select(bool condition, T yes, T no) {
  return condition ? yes : no;
}

/// The smaller one; a NaN in `x` stays, one in `bound` does not: for clamps of data from above.
template <class T>
FUSEDLOSS_INLINE T minimum(T x, T bound) {
  return bound < x ? bound : x;
}

/// The larger one; a NaN in `x` stays, one in `bound` does not: for clamps of data from below.
template <class T>
FUSEDLOSS_INLINE T maximum(T x, T bound) {
  return x < bound ? bound : x;
}

FUSEDLOSS_INLINE float absolute(float x) { return __builtin_fabsf(x); }
FUSEDLOSS_INLINE double absolute(double x) { return __builtin_fabs(x); }

/// Correctly rounded; the root of -0 is -0, of other negatives NaN.
FUSEDLOSS_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
FUSEDLOSS_INLINE double square_root(double x) { return __builtin_sqrt(x); }

/// The magnitude of one number with the sign of the other, also of zeros and NaNs.
template <class T>
FUSEDLOSS_INLINE T copy_sign(T magnitude, T sign) {
  constexpr Bits<T> mask = Bits<T>{1} << (8 * sizeof(T) - 1);
  return from_bits<T>((bits_of(magnitude) & ~mask) | (bits_of(sign) & mask));
}

/// Whether the sign bit is set.
FUSEDLOSS_INLINE bool is_negative(float x) { return static_cast<std::int32_t>(bits_of(x)) < 0; }
FUSEDLOSS_INLINE bool is_negative(double x) { return static_cast<std::int64_t>(bits_of(x)) < 0; }

/// x, or -x where `sign` is negative (or -0).
template <class T>
FUSEDLOSS_INLINE T flip_sign(T x, T sign) {
  return from_bits<T>(bits_of(x) ^ (bits_of(sign) & Bits<T>{1} << (8 * sizeof(T) - 1)));
}

/// Of two numbers the one that `x` is not.
template <class T>
FUSEDLOSS_INLINE T other(T x, T a, T b) {
  return from_bits<T>(bits_of(x) ^ bits_of(a) ^ bits_of(b));
}

/// All ones, or 0.
template <class T>
FUSEDLOSS_INLINE Bits<T> mask_of(bool condition) {
  return condition ? ~Bits<T>{0} : Bits<T>{0};
}

/// x where the mask is all ones, 0 where it is 0: a selection that every execution port can do, and one that compilers
/// never turn into branches, as they do with selections that share conditions.
template <class T>
FUSEDLOSS_INLINE T masked(T x, Bits<T> mask) {
  return from_bits<T>(bits_of(x) & mask);
}

/// `yes` where the mask is all ones, `no` where it is 0: see masked().
template <class T>
FUSEDLOSS_INLINE T blend(Bits<T> mask, T yes, T no) {
  return from_bits<T>((bits_of(yes) & mask) | (bits_of(no) & ~mask));
}

/// 2^(exponent - bias), the exponent in 1 ... 2 bias.
template <class T>
FUSEDLOSS_INLINE T power_of_two(Bits<T> biased_exponent) {
  return from_bits<T>(biased_exponent << Format<T>::mantissa_bits);
}

/// An unevaluated sum: hi is the sum rounded, lo what that lost.
template <class T>
struct TwoTerms {
  T hi;
  T lo;
};

/// a + b exactly (Knuth 1969). Where hi is infinite or NaN, lo is NaN.
template <class T>
FUSEDLOSS_INLINE TwoTerms<T> two_sum(T a, T b) {
  const T hi = a + b;
  const T back = hi - a;
  return {hi, (a - (hi - back)) + (b - back)};
}

/// a - b exactly. Where hi is infinite or NaN, lo is NaN.
template <class T>
FUSEDLOSS_INLINE TwoTerms<T> two_diff(T a, T b) {
  return two_sum(a, -b);
}

/// a + b exactly for |a| >= |b| or a = 0 (Dekker 1971).
template <class T>
FUSEDLOSS_INLINE TwoTerms<T> quick_two_sum(T a, T b) {
  const T hi = a + b;
  return {hi, (a - hi) + b};
}

/// a * b exactly, as long as neither part leaves the normal range (with multiply-add; else Dekker 1971, on Veltkamp's
/// halves).
template <class T>
FUSEDLOSS_INLINE TwoTerms<T> two_product(T a, T b) {
  const T hi = a * b;
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return {hi, fma(a, b, -hi)};
#else
  constexpr T splitter = T((Bits<T>{1} << (Format<T>::mantissa_bits / 2 + 1)) + 1);
  const T wide_a = splitter * a, wide_b = splitter * b;
  const T a_hi = wide_a - (wide_a - a), b_hi = wide_b - (wide_b - b);
  const T a_lo = a - a_hi, b_lo = b - b_hi;
  return {hi, ((a_hi * b_hi - hi) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo};
#endif
}

/// c - a * b where that is small against c, rounded once, without multiply-add too.
template <class T>
FUSEDLOSS_INLINE T residual(T c, T a, T b) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return fma(-a, b, c);
#else
  const TwoTerms<T> product = two_product(a, b);
  return (c - product.hi) - product.lo;
#endif
}

/// c0 + c1 x + c2 x^2 + ... by Horner's rule. Recursion, as g++ does not vectorise around a loop over coefficients. The
/// chain of dependent operations does no harm: groups overlap in the processor (Estrin's scheme gained at most 12%, and
/// lost as much).
template <class T>
FUSEDLOSS_INLINE T polynomial(T, T c0) {
  return c0;
}

template <class T, class... Rest>
FUSEDLOSS_INLINE T polynomial(T x, T c0, Rest... rest) {
  return fma(x, polynomial(x, rest...), c0);
}

FUSEDLOSS_END
