// Losses of a relative error.
#pragma once

#include "../core/halves.hpp"
#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"

FUSEDLOSS_BEGIN

/// (log(1 + z) - log(1 + y))^2, z and y at least eps; constant in z below.
struct MSLE {
  static constexpr const char* name = "msle";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 0.8;
  template <class T>
  struct Options {
    T eps, eps_lo;  ///< in two parts, as pred may be close to it
  };
  /// z; and (z - y) / (1 + min(z, y)): the distance of the ratio of 1 + z and 1 + y, or its inverse, from 1.
  template <class T, int Items>
  struct Middle {
    T z[Items], distance[Items];
  };
  template <class T, int Items>
  static FUSEDLOSS_INLINE void begin(const T (&input)[2], const Options<T>& options, Middle<T, Items>& middle,
                                     int item) {
    const Bits<T> below = mask_of<T>(input[0] - options.eps < options.eps_lo);
    const Bits<T> target_below = mask_of<T>(input[1] - options.eps < options.eps_lo);
    const T z = blend(below, options.eps, input[0]), y = blend(target_below, options.eps, input[1]);
    // The logarithm of the ratio through its distance from 1: nothing cancels where z is close to y.
    const T gap = (z - y) + (masked(options.eps_lo, below) - masked(options.eps_lo, target_below));
    middle.z[item] = z;
    middle.distance[item] = gap / (T(1) + minimum(z, y));
  }
  template <class T, int Items>
  static FUSEDLOSS_INLINE Jet<T> finish(const T (&input)[2], const Options<T>& options, const Middle<T, Items>& middle,
                                        int item) {
    const Bits<T> inside = ~mask_of<T>(input[0] - options.eps < options.eps_lo);
    const T distance = middle.distance[item], size = log1p(absolute(distance));
    const T log_ratio = copy_sign(size, distance), inverse = T(1) / (T(1) + middle.z[item]);
    const T slope = T(2) * inverse;
    return {size * size, unless_nan(size, masked(log_ratio * slope, inside)),
            unless_nan(size, masked((T(1) - log_ratio) * slope * inverse, inside))};
  }
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    return both_halves<MSLE>(input, options);
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&)[2], const Options<T>&) {
    return T(0);
  }
};

/// |z - y| / max(|y|, eps).
struct MAPE {
  static constexpr const char* name = "mape";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 0.2;
  template <class T>
  struct Options {
    T eps;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const T r = input[0] - input[1], whole = maximum(absolute(input[1]), options.eps);
    const T slope = masked(T(1) / whole, mask_of<T>(r != T(0)));
    return {absolute(r) / whole, unless_nan(r, copy_sign(slope, r)), unless_nan(r, T(0))};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&)[2], const Options<T>&) {
    return T(0);
  }
};

/// 2 |z - y| / (|z| + |y|), and 0 where both are 0; constant where the signs differ.
struct SMAPE {
  static constexpr const char* name = "smape";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 0.3;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>&) {
    const T z = input[0], y = input[1];
    // In a unit in which neither the sum nor its inverse leaves the range.
    constexpr T large = T(0x1p32), down = T(0x1p-10), up = sizeof(T) == 4 ? T(0x1p64) : T(0x1p512);
    const T unit = blend(mask_of<T>(maximum(absolute(z), absolute(y)) < large), up, down);
    const T a = absolute(z) * unit, b = absolute(y) * unit;
    const Bits<T> somewhere = mask_of<T>(a + b != T(0));
    const Bits<T> alike =
        mask_of<T>(minimum(absolute(z), absolute(y)) > T(0)) & mask_of<T>(!is_negative(flip_sign(z, y)));
    const Bits<T> sloped = alike & mask_of<T>(a != b);
    const T inverse = T(1) / (a + b), gap = a - b;
    const T slope = T(4) * (b * inverse * unit) * inverse;
    const T flat = z - z + (y - y);  // NaN if one of them is not finite
    return {masked(T(2) * blend(alike, absolute(gap) * inverse, T(1)), somewhere) + flat,
            masked(flip_sign(flip_sign(slope, gap), z), sloped) + flat,
            masked(flip_sign(T(-2) * slope * (inverse * unit), gap), sloped) + flat};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&)[2], const Options<T>&) {
    return T(0);
  }
};

using Relative = List<MSLE, MAPE, SMAPE>;

FUSEDLOSS_END
