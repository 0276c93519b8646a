// Divergences between the distributions of prediction and target.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"
#include "../kinds/divergence.hpp"

FUSEDLOSS_BEGIN

/// sum w (log w - log u), or for beta = 0 with the sides exchanged: sum u (log u - log w). 0 log 0 = 0.
struct KullbackLeibler {
  static constexpr const char* name = "kl_divergence";
  static constexpr double nanoseconds = 2.0;
  static constexpr bool exact = false;

  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const Classwise<T>& c, T beta) {
    const Bits<T> reverse = mask_of<T>(beta == T(0));
    const T p = blend(reverse, c.u, c.w), fall = c.w * c.per;
    const T rise = masked(c.step * (c.lean - c.r), mask_of<T>(c.step != T(0)));
    return {masked(p * blend(reverse, -c.r, c.r), mask_of<T>(p != T(0))), blend(reverse, rise, -fall),
            blend(reverse, c.step, fall) * c.per};
  }

  /// p h(r) and p (e^-r - 1) of each class.
  template <class T>
  static FUSEDLOSS_INLINE TwoTerms<T> excess_of(const Classwise<T>& c, T beta) {
    const Bits<T> reverse = mask_of<T>(beta == T(0));
    return excess(blend(reverse, c.u, c.w), blend(reverse, c.w, c.u), blend(reverse, -c.r, c.r));
  }
};

using DivergenceLosses = List<KullbackLeibler>;

FUSEDLOSS_END
