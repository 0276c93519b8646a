// What losses of a residual, pred - target, share.
#pragma once

#include "../core/bits.hpp"
#include "../core/jet.hpp"
#include "../core/lanes.hpp"

FUSEDLOSS_BEGIN

/// The chain rule of the family: a loss gives its Jet as a function of r = pred - target, whose derivative by pred
/// is 1.
template <class Loss>
struct Residual {
  static constexpr int inputs = 2, variables = 1;

  template <class T, class Options>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options& options) {
    return Loss::of(input[0] - input[1], options);
  }
  template <class T, class Options>
  static FUSEDLOSS_INLINE T room(const T (&)[2], const Options&) {
    return T(0);
  }
};

/// pred - target as its size and sign, the size with what rounding lost: a derivative that crosses 0, or falls like an
/// exponential, shows the last bit of the residual many times over.
template <class T>
struct ExactResidual {
  T r;   ///< pred - target, rounded
  T a;   ///< |r|
  T lo;  ///< |pred - target| - a; 0 where a is not finite

  /// number - |pred - target| for a number in two parts, with full relative accuracy near 0 as well.
  FUSEDLOSS_INLINE T below(T hi, T number_lo) const { return (hi - a) + (number_lo - lo); }
  /// number + |pred - target|.
  FUSEDLOSS_INLINE T above(T hi, T number_lo) const { return (hi + a) + (number_lo + lo); }
};

template <class T>
FUSEDLOSS_INLINE ExactResidual<T> exact_residual(T pred, T target) {
  const TwoTerms<T> r = two_diff(pred, target);
  const T a = absolute(r.hi);
  return {r.hi, a, masked(flip_sign(r.lo, r.hi), mask_of<T>(a < infinity<T>))};
}

/// The chain rule for losses that need the exact residual.
template <class Loss>
struct PreciseResidual : Residual<Loss> {
  template <class T, class Options>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options& options) {
    return Loss::of(exact_residual(input[0], input[1]), options);
  }
};

FUSEDLOSS_END
