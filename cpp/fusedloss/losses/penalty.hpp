// Penalties of parameters: terms of a number that have nothing to do with data.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"

FUSEDLOSS_BEGIN

/// l1 |x| + l2 x^2 / 2 with the slope 0 at x = 0. A factor of 0 leaves its term out, also where x is infinite.
struct ElasticNet {
  static constexpr const char* name = "elastic_net";
  static constexpr int inputs = 1, variables = 1;
  static constexpr double nanoseconds = 0.15;
  template <class T>
  struct Options {
    T l1, l2;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[1], const Options<T>& options) {
    const T x = input[0], bend = masked(options.l2 * x, mask_of<T>(options.l2 != T(0)));
    const T size = masked(options.l1 * absolute(x), mask_of<T>(options.l1 != T(0)));
    const T square = masked(T(0.5) * bend * x, mask_of<T>(options.l2 != T(0)));
    const T step = x > T(0) ? options.l1 : x < T(0) ? -options.l1 : T(0);
    return {unless_nan(x, size + square), unless_nan(x, step + bend), unless_nan(x, options.l2)};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&)[1], const Options<T>&) {
    return T(0);
  }
};

using Penalties = List<ElasticNet>;

FUSEDLOSS_END
