// Losses over rows of classes: of a softmax, or of probabilities given as such.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"
#include "../kinds/mixture.hpp"
#include "../kinds/softmax.hpp"
#include "binary.hpp"

FUSEDLOSS_BEGIN

/// -log p at the label; smoothed, (1 - s) of it and s of the mean over all classes.
struct CrossEntropyLabels {
  static constexpr const char* name = "cross_entropy_labels";
  static constexpr double nanoseconds = 0.8;
  static constexpr bool labelled = true;
  template <class T>
  struct Options {
    T label_smoothing;
  };
  template <class T>
  static FUSEDLOSS_INLINE bool wants_spread(const Options<T>& options) {
    return options.label_smoothing != T(0);
  }
  template <class T>
  static FUSEDLOSS_INLINE Slopes<T> eval(const LabelView<T>& row, T classes, const Options<T>& options) {
    const T smoothing = options.label_smoothing;
    const double share = static_cast<double>(smoothing);
    const double value = smoothing != T(0) ? (1.0 - share) * row.nll + share * row.spread : row.nll;
    const T level = smoothing / classes;
    return {value, T(1), smoothing - level, level, T(0)};
  }
};

/// sum_c t_c (logsumexp - z_c), t the smoothed target, which need not sum to one.
struct CrossEntropyDistribution {
  static constexpr const char* name = "cross_entropy_distribution";
  static constexpr double nanoseconds = 1.0;
  static constexpr bool labelled = false;
  template <class T>
  struct Options {
    T label_smoothing;
  };
  template <class T>
  static FUSEDLOSS_INLINE T smoothing(const Options<T>& options) {
    return options.label_smoothing;
  }
};

/// -sum_c t_c log p_c of clipped probabilities, from a label or from a distribution.
template <bool Labelled>
struct CrossEntropyProbability {
  static constexpr const char* name =
      Labelled ? "cross_entropy_probability_labels" : "cross_entropy_probability_distribution";
  static constexpr double nanoseconds = 0.8;
  static constexpr bool labelled = Labelled;
  template <class T>
  struct Options {
    T label_smoothing, eps;
  };
  template <class T>
  static FUSEDLOSS_INLINE T target(T t, T uniform, const Options<T>& options) {
    return smoothed(t, uniform, options.label_smoothing);
  }
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(T p, T t, const Options<T>& options) {
    const Clipped<T> at = clip(p, options.eps);
    const T fall = t / at.p.hi;
    return {-t * log(at.p.hi, at.p.lo), masked(-fall, at.inside), masked(fall / at.p.hi, at.inside)};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(T p, T, const Options<T>&) {
    return probability_room(p);
  }
};

/// alpha (1 - p)^gamma n, n = -log p; alpha is the class's factor. With rho = n / (1 - p), which is 1 where p is:
/// F' = (1 - p)^gamma (1 + gamma p rho), F'' = gamma p (1 - p)^(gamma - 1) (2 + rho ((gamma - 1) p - (1 - p))).
struct Focal {
  static constexpr const char* label_name = "focal_labels";
  static constexpr const char* distribution_name = "focal_distribution";
  static constexpr double nanoseconds = 4.0;
  template <class T>
  struct Options {
    T label_smoothing, gamma;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T half, T p, T q, const Options<T>& options) {
    constexpr T least = sizeof(T) == 4 ? T(0x1p-126) : T(0x1p-1022);
    const T gamma = options.gamma, whole = maximum(q, least);
    const T power = pow_positive(q, gamma);
    const T ratio = T(2) * minimum(half / whole, T(-0.5) * lowest<T>);
    const T rho = blend(mask_of<T>(q < least), T(1), ratio);
    return {power * half, power * fma(gamma * p, rho, T(1)),
            gamma * p * (power / whole) * fma(rho, fma(gamma - T(1), p, -q), T(2))};
  }
};

/// linear n + constant (1 - p).
struct LinearInProbability {
  static constexpr const char* label_name = "linear_in_probability_labels";
  static constexpr const char* distribution_name = "linear_in_probability_distribution";
  static constexpr double nanoseconds = 1.4;
  template <class T>
  struct Options {
    T label_smoothing, linear, constant;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T half, T p, T q, const Options<T>& options) {
    const T slope = options.constant * p;
    return {fma(options.linear, half, T(0.5) * options.constant * q), options.linear + slope, -slope};
  }
};

/// (1 - p^q) / q, and n = -log p for q = 0; the constant (1 - k^q) / q from p = k downwards.
struct PowerOfProbability {
  static constexpr const char* label_name = "power_of_probability_labels";
  static constexpr const char* distribution_name = "power_of_probability_distribution";
  static constexpr double nanoseconds = 2.0;
  template <class T>
  struct Options {
    T label_smoothing, q, inverse;  ///< inverse: 1 / q, or 0 for q = 0
    T least, most;                  ///< k, or a negative number for none; (1 - k^q) / q
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T half, T p, T, const Options<T>& options) {
    const T x = T(-2) * options.q * half;
    const Bits<T> cut = mask_of<T>(p <= options.least), plain = mask_of<T>(options.q == T(0));
    const T power = blend(plain, T(1), exp(x)), value = blend(plain, half, T(-0.5) * expm1(x) * options.inverse);
    return {blend(cut, T(0.5) * options.most, value), masked(power, ~cut), masked(-options.q * power, ~cut)};
  }
};

/// The same of clipped probabilities, from a label or from a distribution.
template <bool Labelled>
struct PowerOfGivenProbability {
  static constexpr const char* name =
      Labelled ? "power_of_given_probability_labels" : "power_of_given_probability_distribution";
  static constexpr double nanoseconds = 1.6;
  static constexpr bool labelled = Labelled;
  template <class T>
  struct Options {
    T label_smoothing, q, inverse, least, most, eps;
  };
  template <class T>
  static FUSEDLOSS_INLINE T target(T t, T uniform, const Options<T>& options) {
    return smoothed(t, uniform, options.label_smoothing);
  }
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(T p, T t, const Options<T>& options) {
    const Clipped<T> at = clip(p, options.eps);
    const T half = T(-0.5) * log(at.p.hi, at.p.lo);
    const Jet<T> jet = PowerOfProbability::of(half, at.p.hi, at.complement.hi,
                                              {T(0), options.q, options.inverse, options.least, options.most});
    // By p: dn/dp = -1 / p.
    const T fall = t * jet.d1 / at.p.hi;
    const T bend = t * (jet.d1 + jet.d2) / at.p.hi / at.p.hi;
    return {T(2) * t * jet.value, masked(-fall, at.inside), masked(bend, at.inside)};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(T p, T, const Options<T>&) {
    return probability_room(p);
  }
};

using SoftmaxLosses = List<CrossEntropyLabels, CrossEntropyDistribution>;
using MixtureLosses = List<Focal, LinearInProbability, PowerOfProbability>;
using ProbabilityLosses = List<CrossEntropyProbability<true>, CrossEntropyProbability<false>,
                               PowerOfGivenProbability<true>, PowerOfGivenProbability<false>>;

FUSEDLOSS_END
