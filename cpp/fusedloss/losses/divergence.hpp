// Divergences between the distributions of prediction and target.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"
#include "../kinds/divergence.hpp"

FUSEDLOSS_BEGIN

/// sum w (log w - log u), or with the sides exchanged sum u (log u - log w). 0 log 0 = 0.
template <bool Reverse>
struct KullbackLeibler {
  static constexpr const char* name = Reverse ? "kl_divergence_reverse" : "kl_divergence";
  static constexpr double nanoseconds = 2.0;
  static constexpr bool exact = false;

  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const Classwise<T>& c, T) {
    if constexpr (!Reverse) {
      const T fall = c.w * c.per;
      return {masked(c.w * c.r, mask_of<T>(c.w != T(0))), -fall, fall * c.per};
    } else {
      const T value = masked(-c.u * c.r, mask_of<T>(c.u != T(0)));
      return {value, masked(c.step * (c.lean - c.r), mask_of<T>(c.step != T(0))), c.step * c.per};
    }
  }

  /// p h(r) and p (e^-r - 1) of each class.
  template <class T>
  static FUSEDLOSS_INLINE TwoTerms<T> excess_of(const Classwise<T>& c) {
    return Reverse ? excess(c.u, c.w, -c.r) : excess(c.w, c.u, c.r);
  }
};

using DivergenceLosses = List<KullbackLeibler<false>, KullbackLeibler<true>>;

FUSEDLOSS_END
