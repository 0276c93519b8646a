// Losses of a binary target in [0, 1], from a logit or from a probability.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"

FUSEDLOSS_BEGIN

/// In [0, 1], or NaN.
template <class T>
FUSEDLOSS_INLINE bool is_share(T t) {
  return !(t < T(0)) && !(t > T(1));
}

/// In [0, 1] up to the rounding of whatever made it, or NaN.
template <class T>
FUSEDLOSS_INLINE bool is_probability(T p) {
  constexpr T rounding = sizeof(T) == 4 ? T(0x1p-19) : T(0x1p-48);  // 16 machine epsilons
  return !(p < -rounding) && !(p > T(1) + rounding);
}

/// A probability held within [eps, 1 - eps], its complement likewise and not through 1 - p, which would round it.
template <class T>
struct Clipped {
  T p, complement;
  bool inside;  ///< on the closed interval: elsewhere the derivative is 0
};

template <class T>
FUSEDLOSS_INLINE Clipped<T> clip(T p, T eps) {
  const T complement = T(1) - p;
  return {clamp_between(p, eps, T(1) - eps), clamp_between(complement, eps, T(1) - eps), p >= eps && complement >= eps};
}

/// log of a clipped probability, from the smaller of it and its complement: 1 - p is rounded where p is small. At the
/// upper end it is log_top = log(1 - eps), which 1 - eps, rounded, would miss.
template <class T>
FUSEDLOSS_INLINE T clipped_log(T p, T complement, T eps, T log_top) {
  const bool high = complement < T(0.5);
  const T of_high = log1p(-complement), of_low = log(p);
  const T inner = high ? of_high : of_low;
  return complement <= eps ? log_top : inner;
}

/// P t softplus(-z) + (1 - t) softplus(z), t the smoothed target y (1 - s) + s / 2; P, the weight of positives, is an
/// array parameter.
struct BinaryCrossEntropy {
  static constexpr const char* name = "binary_cross_entropy";
  static constexpr int inputs = 3, variables = 1;
  static constexpr double nanoseconds = 0.6;
  template <class T>
  struct Options {
    T label_smoothing;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[3], const Options<T>& options) {
    const T z = input[0];
    const T t = fma(input[1], T(1) - options.label_smoothing, T(0.5) * options.label_smoothing);
    const T positive = input[2] * t, negative = T(1) - t;
    // Of -|z|: softplus is then log(1 + e^-|z|), which both terms share, with all its accuracy.
    const Logistic<T> s = logistic(-absolute(z));
    const T sigmoid = z < T(0) ? s.sigmoid : s.complement;
    const T complement = z < T(0) ? s.complement : s.sigmoid;
    const T wrong =
        z < T(0) ? positive : negative;  // the term that grows; of weight 0 it is not there, also at infinite z
    const T linear = wrong == T(0) ? T(0) : wrong * absolute(z);
    return {fma(positive + negative, s.softplus, linear), negative * sigmoid - positive * complement,
            (positive + negative) * s.sigmoid * s.complement};
  }
  template <class T>
  static FUSEDLOSS_INLINE bool valid(const T (&input)[3], const Options<T>&) {
    return is_share(input[1]);
  }
};

/// -P t log p - (1 - t) log(1 - p) of the clipped probability.
struct BinaryCrossEntropyProbability {
  static constexpr const char* name = "binary_cross_entropy_probability";
  static constexpr int inputs = 3, variables = 1;
  static constexpr double nanoseconds = 0.9;
  template <class T>
  struct Options {
    T label_smoothing, eps, log_top;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[3], const Options<T>& options) {
    const Clipped<T> at = clip(input[0], options.eps);
    const T t = fma(input[1], T(1) - options.label_smoothing, T(0.5) * options.label_smoothing);
    const T positive = input[2] * t, negative = T(1) - t;
    const T rise = negative / at.complement, fall = positive / at.p;
    const T outside = unless_nan(input[0], T(0));
    const T log_p = clipped_log(at.p, at.complement, options.eps, options.log_top);
    const T log_complement = clipped_log(at.complement, at.p, options.eps, options.log_top);
    return {-fma(positive, log_p, negative * log_complement), at.inside ? rise - fall : outside,
            at.inside ? rise / at.complement + fall / at.p : outside};
  }
  template <class T>
  static FUSEDLOSS_INLINE bool valid(const T (&input)[3], const Options<T>&) {
    return is_probability(input[0]) && is_share(input[1]);
  }
};

using Binary = List<BinaryCrossEntropy, BinaryCrossEntropyProbability>;

FUSEDLOSS_END
