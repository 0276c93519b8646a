// Losses of a binary target in [0, 1], from a logit or from a probability.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"

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

/// A probability held within [eps, 1 - eps], and its complement, exactly: 1 - p, rounded, has few digits where p is
/// small.
template <class T>
struct Clipped {
  TwoTerms<T> p, complement;
  Bits<T> inside;  ///< a mask: set on the closed interval; elsewhere the derivative is 0
};

template <class T>
FUSEDLOSS_INLINE Clipped<T> clip(T p, T eps) {
  const TwoTerms<T> complement = two_diff(T(1), p), top = two_diff(T(1), eps);
  const Bits<T> low = mask_of<T>(p < eps), high = mask_of<T>(complement.hi < eps), inside = ~(low | high);
  return {{clamp_between(p, eps, top.hi), masked(top.lo, high)},
          {clamp_between(complement.hi, eps, top.hi), masked(top.lo, low) + masked(complement.lo, inside)},
          inside};
}

/// P t softplus(-z) + (1 - t) softplus(z), t the smoothed target y (1 - s) + s / 2; P, the weight of positives, is an
/// array parameter.
struct BinaryCrossEntropy {
  static constexpr const char* name = "binary_cross_entropy";
  static constexpr int inputs = 3, variables = 1;
  static constexpr double nanoseconds = 0.85;
  template <class T>
  struct Options {
    T label_smoothing;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[3], const Options<T>& options) {
    const T z = input[0];
    const T t = fma(input[1], T(1) - options.label_smoothing, T(0.5) * options.label_smoothing);
    const T positive = input[2] * t, negative = T(1) - t;
    // Both terms share log(1 + e^-|z|), and one of them grows beyond it: of weight 0 not at infinite z either.
    const LogisticTail<T> s = logistic_tail(absolute(z));
    const bool below = is_negative(z);
    const T grows = below ? positive : negative, fades = other(grows, positive, negative);
    const T linear = grows * absolute(z);
    const T slope = fma(-fades, s.smaller, grows * s.larger);
    return {fma(positive + negative, s.log_term, linear > T(0) ? linear : T(0)), flip_sign(slope, z),
            (positive + negative) * s.larger * s.smaller};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[3], const Options<T>&) {
    return share_room(input[1]);
  }
};

/// -P t log p - (1 - t) log(1 - p) of the clipped probability.
struct BinaryCrossEntropyProbability {
  static constexpr const char* name = "binary_cross_entropy_probability";
  static constexpr int inputs = 3, variables = 1;
  static constexpr double nanoseconds = 0.9;
  template <class T>
  struct Options {
    T label_smoothing, eps;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[3], const Options<T>& options) {
    const Clipped<T> at = clip(input[0], options.eps);
    const T t = fma(input[1], T(1) - options.label_smoothing, T(0.5) * options.label_smoothing);
    const T positive = input[2] * t, negative = T(1) - t;
    const T rise = negative / at.complement.hi, fall = positive / at.p.hi;
    const T log_p = log(at.p.hi, at.p.lo), log_complement = log(at.complement.hi, at.complement.lo);
    return {-fma(positive, log_p, negative * log_complement), masked(rise - fall, at.inside),
            masked(rise / at.complement.hi + fall / at.p.hi, at.inside)};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[3], const Options<T>&) {
    return minimum(probability_room(input[0]), share_room(input[1]));
  }
};

using Binary = List<BinaryCrossEntropy, BinaryCrossEntropyProbability>;

FUSEDLOSS_END
