// Losses over rows of classes beside those of a softmax: hinges, sparse probabilities, ordered classes.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"
#include "../kinds/class_sum.hpp"
#include "../kinds/ordered.hpp"
#include "../kinds/row_hinges.hpp"
#include "../kinds/threshold.hpp"

FUSEDLOSS_BEGIN

/// p = q: the projection onto the simplex. With u = p - y, |u|^2 / 2 where p > 0.
struct Sparsemax {
  static constexpr const char *name_for_labels = "sparsemax_labels", *name_for_distributions = "sparsemax_distribution";
  static constexpr double nanoseconds = 1.9;
  static constexpr double scale = 1, surplus = 1;
  static FUSEDLOSS_INLINE double power(double q) { return q; }
  static FUSEDLOSS_INLINE double root(double p) { return p; }
  static FUSEDLOSS_INLINE double shortfall(double lead) { return lead; }
  static FUSEDLOSS_INLINE double difference(double apart, double, double) { return apart; }
  static FUSEDLOSS_INLINE double distance(double apart, double, double) { return 0.5 * apart * apart; }
  static FUSEDLOSS_INLINE double slope(double) { return 1.0; }
  static FUSEDLOSS_INLINE double step(double count, double, double excess, double& within) {
    within = excess / count;
    return within;
  }
};

/// p = q^2 of half the logits. sum (p - y) z + 4/3 (p - p^1.5) comes to 2/3 (q - r)^2 (q + 2 r), r = sqrt(y), a class.
struct Entmax15 {
  static constexpr const char *name_for_labels = "entmax15_labels", *name_for_distributions = "entmax15_distribution";
  static constexpr double nanoseconds = 2.7;
  static constexpr double scale = 0.5, surplus = 2;
  static FUSEDLOSS_INLINE double power(double q) { return q * q; }
  static FUSEDLOSS_INLINE double root(double p) { return square_root(p); }
  static FUSEDLOSS_INLINE double shortfall(double lead) { return lead * (2.0 - lead); }
  static FUSEDLOSS_INLINE double difference(double apart, double q, double r) { return apart * (q + r); }
  static FUSEDLOSS_INLINE double distance(double apart, double q, double r) {
    return apart * apart * (q + 2 * r) * (2.0 / 3.0);
  }
  static FUSEDLOSS_INLINE double slope(double q) { return q; }
  /// sum (q - s)^2 = 1 over the support: its smaller root, if there is one, in the form that does not cancel.
  static FUSEDLOSS_INLINE double step(double count, double first, double excess, double& within) {
    const double square = first * first - count * excess;
    within = select(square >= 0.0, excess / (first + square_root(square)), 3.0);
    return excess / (2 * first);
  }
};

/// Binary cross-entropies of [label > k] and the logits z_k.
struct OrdinalCumulative {
  static constexpr const char* name = "ordinal_cumulative";
  static constexpr double nanoseconds = 3;
  static constexpr bool labelled = true, grades = true;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE T target(T above, T, const Options<T>&) {
    return above;
  }
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(T z, T above, const Options<T>&) {
    const T wrong = above == T(0) ? z : -z;  // what is to be low
    const Logistic<T> at = logistic(wrong);
    return {at.softplus, above == T(0) ? at.sigmoid : -at.sigmoid, at.sigmoid * at.complement};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(T, T, const Options<T>&) {
    return T(0);
  }
};

using MulticlassLosses = List<RowHinges<true>, RowHinges<false>, ClassSum<OrdinalCumulative>, Ordered<true>,
                              Ordered<false>, Threshold<Sparsemax, true>, Threshold<Sparsemax, false>,
                              Threshold<Entmax15, true>, Threshold<Entmax15, false>>;

FUSEDLOSS_END
