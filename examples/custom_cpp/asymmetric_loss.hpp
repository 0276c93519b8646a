// A loss of our own: LINEX (H. R. Varian, A Bayesian approach to real estate assessment, 1975), for errors that cost
// more on one side: e^(a r) - a r - 1 with r = pred - target.
#pragma once

#include <fusedloss/core/list.hpp>
#include <fusedloss/core/math.hpp>
#include <fusedloss/losses/residual.hpp>

FUSEDLOSS_BEGIN

/// Residual turns derivatives by r into those by pred, and says how many inputs there are.
struct Linex : Residual<Linex> {
  static constexpr const char* name = "linex";
  static constexpr double nanoseconds = 0.6;  // an estimate of the cost of an element, for the work of a thread
  template <class T>
  struct Options {
    T a;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>& options) {
    const T x = options.a * r, rise = expm1(x);  // branch-free, and so vector code
    return {rise - x, options.a * rise, options.a * options.a * (rise + T(1))};
  }
};

FUSEDLOSS_END
