// Divergences between the distributions of prediction and target.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"
#include "../kinds/divergence.hpp"
#include "binary.hpp"

FUSEDLOSS_BEGIN

/// sum w (log w - log u), or with the sides exchanged sum u (log u - log w).
template <bool Reverse>
struct KullbackLeibler {
  static constexpr const char* names[2][2] = {
      {Reverse ? "kl_divergence_reverse_logs_logs" : "kl_divergence_logs_logs",
       Reverse ? "kl_divergence_reverse_logs_probs" : "kl_divergence_logs_probs"},
      {Reverse ? "kl_divergence_reverse_probs_logs" : "kl_divergence_probs_logs",
       Reverse ? "kl_divergence_reverse_probs_probs" : "kl_divergence_probs_probs"}};
  static constexpr double nanoseconds = 2.0;
  static constexpr bool exact = false;

  /// With derivatives by u, or else by log u. 0 log 0 = 0.
  template <bool Probability, class T>
  static FUSEDLOSS_INLINE Jet<T> of(const Classwise<T>& c, T) {
    if constexpr (!Reverse) {
      const T value = masked(c.w * c.r, mask_of<T>(c.w != T(0)));
      if constexpr (!Probability) return {value, -c.w, T(0)};
      const T fall = masked(c.w / c.held_u, c.inside_u);
      return {value, -fall, fall / c.held_u};
    } else {
      const Bits<T> counts = mask_of<T>(c.u != T(0));
      const T value = masked(-c.u * c.r, counts);
      if constexpr (!Probability) return {value, fma(c.u, c.lean, value), fma(c.u, T(1) + c.lean, value)};
      return {value, masked(T(1), c.inside_u) - c.r, masked(T(1) / c.held_u, c.inside_u)};
    }
  }

  /// p h(r) and p (e^-r - 1) of each class.
  template <class T>
  static FUSEDLOSS_INLINE TwoTerms<T> excess_of(const Classwise<T>& c) {
    return Reverse ? excess(c.u, c.w, -c.r) : excess(c.w, c.u, c.r);
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(T p) {
    return probability_room(p);
  }
};

using DivergenceLosses = List<KullbackLeibler<false>, KullbackLeibler<true>>;

FUSEDLOSS_END
