// Losses of a binary target in [0, 1], from a logit or from a probability.
#pragma once

#include "../core/domains.hpp"
#include "../core/halves.hpp"
#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"

FUSEDLOSS_BEGIN

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

/// What focal losses are made of, by a = |z| alone: one of p = s(z) and q = 1 - p is L = s(a), the other S = e^-a L,
/// with -log L = T and -log S = a + T. The term of weight `grows` has the factor L^gamma, that of weight `fades`
/// S^gamma.
template <class T>
struct FocalTerms {
  LogisticTail<T> s;
  T grows, fades;  ///< weights with their factors
  T a;             ///< |z|, finite: where e^-a is below all numbers, products with it are to be 0

  /// positive and negative: the weights of the terms with the factors q^gamma and p^gamma; gamma <= 2^100.
  FUSEDLOSS_INLINE FocalTerms(T z, T gamma, T positive, T negative)
      : FocalTerms(z, logistic_tail(absolute(z)), gamma, positive, negative) {}
  FUSEDLOSS_INLINE FocalTerms(T z, const LogisticTail<T>& tail, T gamma, T positive, T negative) : s(tail) {
    constexpr T nothing_beyond = sizeof(T) == 4 ? T(150) : T(1000);
    a = minimum(absolute(z), nothing_beyond);
    // L^gamma = e^(-gamma T) and S^gamma = e^(-gamma a) L^gamma, the product gamma a in two parts.
    const TwoTerms<T> exponent = two_product(-gamma, a);
    const T power = exp(-gamma * s.log_term), fading = exp(exponent.hi, exponent.lo);
    const Bits<T> below = mask_of<T>(is_negative(z));
    grows = blend(below, positive, negative) * power;
    fades = blend(below, negative, positive) * (fading * power);
  }
};

/// P t q^gamma (-log p) + N (1 - t) p^gamma (-log q), p = s(z), q = 1 - p, t the smoothed target.
///
/// In the notation above, the derivatives by a of the term that grows and of the one that fades are
///    L^gamma (L + gamma S (a + T)),                               -S^gamma (S + gamma L T),
///    L^gamma S (L (1 + 2 gamma) + gamma (a + T) (gamma S - L)),    S^gamma L (S (1 + 2 gamma) + gamma T (gamma L -
///    S)).
/// Only the second derivative of the term that grows has parts that cancel, about its one zero.
struct BinaryFocal {
  static constexpr const char* name = "binary_focal";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 1.3;
  template <class T>
  struct Options {
    T label_smoothing, gamma, positive, negative;
  };
  /// The logistic function's tail, by its members.
  template <class T, int Items>
  struct Middle {
    T larger[Items], smaller[Items], log_term[Items];
  };
  template <class T, int Items>
  static FUSEDLOSS_INLINE void begin(const T (&input)[2], const Options<T>&, Middle<T, Items>& middle, int item) {
    const LogisticTail<T> s = logistic_tail(absolute(input[0]));
    middle.larger[item] = s.larger;
    middle.smaller[item] = s.smaller;
    middle.log_term[item] = s.log_term;
  }
  template <class T, int Items>
  static FUSEDLOSS_INLINE Jet<T> finish(const T (&input)[2], const Options<T>& options, const Middle<T, Items>& middle,
                                        int item) {
    const T z = input[0], gamma = options.gamma;
    const T t = fma(input[1], T(1) - options.label_smoothing, T(0.5) * options.label_smoothing);
    const LogisticTail<T> s = {middle.larger[item], middle.smaller[item], middle.log_term[item]};
    const FocalTerms<T> at(z, s, gamma, options.positive * t, options.negative * (T(1) - t));
    const T tail = s.log_term, reach = at.a + tail, linear = at.grows * absolute(z), steep = gamma * s.smaller;
    const T rise = s.larger + steep * reach, fall = s.smaller + gamma * tail * s.larger;
    // S as a multiple of 2^-lift, as it is multiplied by a and gamma yet. Weights come first: the power that vanishes
    // takes the factor gamma with it before that can overflow.
    constexpr int lift = sizeof(T) == 4 ? 100 : 500;
    const T lifted = s.larger * exp_raised(-at.a, raise_by<T>(lift));
    const T bend = (at.grows + at.fades) * s.larger * lifted * fma(T(2), gamma, T(1));
    const T grown = at.grows * lifted * gamma * reach * (steep - s.larger);
    const T faded = at.fades * power_of_two<T>(Format<T>::exponent_bias + lift) * (gamma * tail) * s.larger *
                    (gamma * s.larger - s.smaller);
    return {fma(at.grows + at.fades, tail, linear > T(0) ? linear : T(0)),
            flip_sign(fma(-at.fades, fall, at.grows * rise), z),
            (bend + grown + faded) * power_of_two<T>(Format<T>::exponent_bias - lift)};
  }
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    return both_halves<BinaryFocal>(input, options);
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return share_room(input[1]);
  }
};

/// Its factors t q^gamma + (1 - t) p^gamma: what a normalised mean is divided by.
struct FocalFactor {
  static constexpr const char* name = "focal_factor";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 1.3;
  template <class T>
  struct Options {
    T label_smoothing, gamma;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const T z = input[0], gamma = options.gamma;
    const T t = fma(input[1], T(1) - options.label_smoothing, T(0.5) * options.label_smoothing);
    const FocalTerms<T> at(z, gamma, t, T(1) - t);
    const T rise = at.grows * gamma * at.s.smaller, fall = at.fades * gamma * at.s.larger;
    return {at.grows + at.fades, flip_sign(rise - fall, z),
            fma(rise, gamma * at.s.smaller - at.s.larger, fall * (gamma * at.s.larger - at.s.smaller))};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return share_room(input[1]);
  }
};

/// p^gamma and q^gamma, q = 1 - p.
template <class T>
struct SharePowers {
  T of_p, of_q;
};

/// The power of the smaller one from itself, which has no second part; that of the larger one from its logarithm, which
/// is small.
template <class T>
FUSEDLOSS_INLINE SharePowers<T> share_powers(T p, T q, T log_p, T log_q, T gamma) {
  const Bits<T> below = mask_of<T>(p < q);
  const TwoTerms<T> logarithm = precise_log(split_any(minimum(p, q)));
  const TwoTerms<T> product = two_product(gamma, logarithm.hi);
  const T small = exp(product.hi, fma(gamma, logarithm.lo, product.lo)), large = exp(gamma * maximum(log_p, log_q));
  return {blend(below, small, large), blend(below, large, small)};
}

/// The binary focal loss of the clipped probability p.
struct BinaryFocalProbability {
  static constexpr const char* name = "binary_focal_probability";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 2.5;
  template <class T>
  struct Options {
    T label_smoothing, gamma, positive, negative, eps;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const Clipped<T> at = clip(input[0], options.eps);
    const T p = at.p.hi, q = at.complement.hi, gamma = options.gamma;
    const T t = fma(input[1], T(1) - options.label_smoothing, T(0.5) * options.label_smoothing);
    const T log_p = log(p, at.p.lo), log_q = log(q, at.complement.lo);
    const SharePowers<T> power = share_powers(p, q, log_p, log_q, gamma);
    const T up = options.positive * t * power.of_q, down = options.negative * (T(1) - t) * power.of_p;
    const T per_p = T(1) / p, per_q = T(1) / q;
    const T rise = down / q, fall = up / p;
    // gamma q^(gamma - 1) log p and gamma p^(gamma - 1) log q, with their weights
    const T lift = down * gamma * log_q * per_p, sink = up * gamma * log_p * per_q;
    const T curve_down = rise / q + T(2) * gamma * rise * per_p - lift * (gamma - T(1)) * per_p;
    const T curve_up = fall / p + T(2) * gamma * fall * per_q - sink * (gamma - T(1)) * per_q;
    return {-fma(up, log_p, down * log_q), masked((rise - lift) - (fall - sink), at.inside),
            masked(curve_down + curve_up, at.inside)};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return minimum(probability_room(input[0]), share_room(input[1]));
  }
};

/// The factors of the clipped probability p.
struct FocalFactorProbability {
  static constexpr const char* name = "focal_factor_probability";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 2.0;
  template <class T>
  struct Options {
    T label_smoothing, gamma, eps;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const Clipped<T> at = clip(input[0], options.eps);
    const T p = at.p.hi, q = at.complement.hi, gamma = options.gamma;
    const T t = fma(input[1], T(1) - options.label_smoothing, T(0.5) * options.label_smoothing);
    const SharePowers<T> power = share_powers(p, q, log(p, at.p.lo), log(q, at.complement.lo), gamma);
    const T up = t * power.of_q, down = (T(1) - t) * power.of_p;
    const T sink = gamma * up / q, lift = gamma * down / p;
    return {up + down, masked(lift - sink, at.inside), masked((gamma - T(1)) * (sink / q + lift / p), at.inside)};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return minimum(probability_room(input[0]), share_room(input[1]));
  }
};

using Binary = List<BinaryCrossEntropy, BinaryCrossEntropyProbability, BinaryFocal, BinaryFocalProbability, FocalFactor,
                    FocalFactorProbability>;

FUSEDLOSS_END
