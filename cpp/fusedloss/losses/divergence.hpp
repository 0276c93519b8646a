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

/// sum beta w log(w / m) + (1 - beta) u log(u / m), m = beta w + (1 - beta) u; logarithms and m of held probabilities.
///
/// With P = e^|r| - 1, and a and b the shares in m of the larger and the smaller of u and w,
///   m / smaller = 1 + a P = 1 + x,   m / larger = 1 - b P / (1 + P) = 1 - y = (1 + x) / (1 + P),
/// and as beta (w - m) + (1 - beta) (u - m) = 0, the value is that of log(w / m) + m / w - 1 >= 0 and the same of u in
/// the logarithms' place: none but positive terms, where the usual ones cancel.
struct JensenShannon {
  static constexpr const char* name = "jensen_shannon";
  static constexpr double nanoseconds = 4.0;
  static constexpr bool exact = true;

  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const Classwise<T>& c, T beta) {
    constexpr T limit = sizeof(T) == 4 ? T(80) : T(700);  // beyond, m is the larger one's share
    const T rest = T(1) - beta;
    const Bits<T> above = mask_of<T>(c.r > T(0));
    const T large = blend(above, c.w, c.u), small = blend(above, c.u, c.w);
    const T a = blend(above, beta, rest), b = blend(above, rest, beta);
    const T gap = absolute(c.r), within = minimum(gap, limit), growth = expm1(within);
    const T x = a * growth, inverse = T(1) / (T(1) + growth), y = b * growth * inverse;
    const T per_small = T(1) / (T(1) + x), per_large = (T(1) + growth) * per_small;
    const Bits<T> spread = mask_of<T>(y >= T(0.5));  // there 1 - y cancels, and the quotient does not
    const TwoTerms<T> difference = two_diff(T(1), y);
    const TwoTerms<T> near =
        successor(-y, blend(spread, (T(1) + x) * inverse, difference.hi), masked(difference.lo, ~spread));
    const TwoTerms<T> sum = two_sum(T(1), x), far = successor(x, sum.hi, sum.lo);
    const T log_large = -near.hi, log_small = -(far.hi + masked(gap - limit, mask_of<T>(gap > limit)));
    const T log_u = blend(above, log_small, log_large);
    const T per_w = blend(above, per_large, per_small);

    const Bits<T> has_small = mask_of<T>(small != T(0)), has = mask_of<T>(large != T(0)) | has_small;
    const T of_small = masked(b * (small * log_small), has_small);
    const T plain = fma(a, large * log_large, of_small);
    const T lifted =
        blend(mask_of<T>(gap > limit), fma(a * b, large, of_small), masked(b * (small * far.lo), has_small));
    const T value = blend(c.inside_u & c.inside_w, fma(a, large * near.lo, lifted), plain);
    const Bits<T> moves = mask_of<T>(c.step != T(0));
    const T lift = masked(beta * per_w * c.lack, c.inside_u);
    const T bend = rest * beta * per_w * fma(beta * per_w, c.lack, c.have);
    return {masked(value, has), masked(rest * c.step * (log_u + lift), moves), masked(c.step * c.per * bend, moves)};
  }

 private:
  /// log(1 + z) and z - log(1 + z), 1 + z > 0 given as a sum.
  template <class T>
  static FUSEDLOSS_INLINE TwoTerms<T> successor(T z, T hi, T lo) {
    const Mantissa<T> m = split(hi);
    const T inverse = power_of_two<T>(2 * Format<T>::exponent_bias + 1 - m.biased_exponent) * T(0.5);
    const T f = fma(lo, inverse, m.f), tail = log_tail(f, m.exponent * ln2_lo<T>);
    const T log = fma(m.exponent, ln2_hi<T>, f + tail);
    return {log, blend(mask_of<T>(m.exponent == T(0)), -tail, z - log)};
  }
};

using DivergenceLosses = List<KullbackLeibler, JensenShannon>;

FUSEDLOSS_END
