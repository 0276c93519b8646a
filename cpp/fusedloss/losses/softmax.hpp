// Losses over rows of classes: of a softmax, or of probabilities given as such.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"
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

using SoftmaxLosses = List<CrossEntropyLabels, CrossEntropyDistribution>;
using ProbabilityLosses = List<CrossEntropyProbability<true>, CrossEntropyProbability<false>>;

FUSEDLOSS_END
