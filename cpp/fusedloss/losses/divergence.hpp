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
  static FUSEDLOSS_INLINE Origin<T> origin(T rise, T other, T own) {
    return {masked(rise, mask_of<T>(absolute(rise) < infinity<T>)), other, own};
  }

  template <class T>
  static FUSEDLOSS_INLINE ClassTerms<T> of(const Classwise<T>& c, T beta, T) {
    const Bits<T> reverse = mask_of<T>(beta == T(0));
    const T p = blend(reverse, c.u.p, c.w.p);
    const Slope<T> pred_weighs = by_weights(c.u), target_weighs = by_weights(c.w);
    const T surplus = excess_of(c, beta).lo;
    const Slope<T> pred_follows = by_others(c.u, c.w.p, surplus, c.normalised);
    const Slope<T> target_follows = by_others(c.w, c.u.p, surplus, c.normalised);
    return {masked(p * blend(reverse, -c.r, c.r), mask_of<T>(p != T(0))),
            {blend(reverse, pred_weighs.first, pred_follows.first),
             blend(reverse, pred_weighs.second, pred_follows.second)},
            {blend(reverse, target_follows.first, target_weighs.first),
             blend(reverse, target_follows.second, target_weighs.second)}};
  }

  /// p h(r) and p (e^-r - 1) of each class.
  template <class T>
  static FUSEDLOSS_INLINE TwoTerms<T> excess_of(const Classwise<T>& c, T beta) {
    const Bits<T> reverse = mask_of<T>(beta == T(0));
    return excess(blend(reverse, c.u.p, c.w.p), blend(reverse, c.w.p, c.u.p), blend(reverse, -c.r, c.r));
  }

 private:
  /// By the side whose probabilities weigh the difference of logarithms.
  template <class T>
  static FUSEDLOSS_INLINE Slope<T> by_weights(const Part<T>& of) {
    const T first = of.step * (of.lean - of.rise);
    return slope_of(of, masked(first, mask_of<T>(of.step != T(0))), of.step * of.per);
  }

  /// By the other side, p being those probabilities. Of logits the slope is the difference of the two, which has the
  /// digits of r where the sides are close.
  template <class T>
  static FUSEDLOSS_INLINE Slope<T> by_others(const Part<T>& of, T p, T surplus, Bits<T> normalised) {
    const T fall = p * of.per;
    const Slope<T> plain = slope_of(of, -fall, fall * of.per);
    return {blend(normalised, surplus, plain.first), blend(normalised, of.p, plain.second)};
  }
};

/// sum beta w log(w / m) + rest u log(u / m), m = beta w + rest u, beta + rest = 1; logarithms and m of held
/// probabilities.
///
/// With P = e^|r| - 1, and a and b the shares in m of the larger and the smaller of u and w,
///   m / smaller = 1 + a P = 1 + x,   m / larger = 1 - b P / (1 + P) = 1 - y = (1 + x) / (1 + P),
/// and as beta (w - m) + rest (u - m) = 0, the value is that of log(w / m) + m / w - 1 >= 0 and the same of u in the
/// logarithms' place: none but positive terms, where the usual ones cancel.
///
/// The derivative by log u is rest u log(u / m). With r = r_0 + d and s = beta e^r_0 / (rest + beta e^r_0),
///   log(u / m) = -log(rest + beta e^r_0) - log(1 - s + s e^d):
/// what the first term adds, by logits, is a multiple of u and nothing; the second one is exact about r = r_0, however
/// far from 0.
struct JensenShannon {
  static constexpr const char* name = "jensen_shannon";
  static constexpr double nanoseconds = 4.0;
  static constexpr bool exact = true;

  template <class T>
  static FUSEDLOSS_INLINE Origin<T> origin(T rise, T other, T own) {
    const T from = within(rise), e = exp(-absolute(from));
    const Bits<T> above = mask_of<T>(from > T(0));
    const T more = blend(above, other, other * e), less = blend(above, own * e, own), inverse = T(1) / (more + less);
    return {from, more * inverse, less * inverse};
  }

  template <class T>
  static FUSEDLOSS_INLINE ClassTerms<T> of(const Classwise<T>& c, T beta, T rest) {
    const Bits<T> above = mask_of<T>(c.r > T(0));
    const T large = blend(above, c.w.p, c.u.p), small = blend(above, c.u.p, c.w.p);
    const T a = blend(above, beta, rest), b = blend(above, rest, beta);
    const T gap = absolute(c.r), growth = expm1(minimum(gap, limit<T>));
    const T x = a * growth, inverse = T(1) / (T(1) + growth), y = b * growth * inverse;
    const TwoTerms<T> near = successor(-y, one_less(y, (T(1) + x) * inverse)), far = successor(x, two_sum(T(1), x));
    const T log_large = -near.hi, log_small = -(far.hi + masked(gap - limit<T>, mask_of<T>(gap > limit<T>)));

    const Bits<T> has_small = mask_of<T>(small != T(0)), has = mask_of<T>(large != T(0)) | has_small;
    const T of_small = masked(b * (small * log_small), has_small);
    const T plain = fma(a, large * log_large, of_small);
    const T lifted =
        blend(mask_of<T>(gap > limit<T>), fma(a * b, large, of_small), masked(b * (small * far.lo), has_small));
    const T value = blend(c.u.inside & c.w.inside, fma(a, large * near.lo, lifted), plain);
    return {masked(value, has), by(c.u, c.w, c.r, rest), by(c.w, c.u, -c.r, beta)};
  }

 private:
  /// Beyond, m is the larger one's share.
  template <class T>
  static constexpr T limit = sizeof(T) == 4 ? T(64) : T(600);

  template <class T>
  static FUSEDLOSS_INLINE T within(T rise) {
    return minimum(maximum(rise, -limit<T>), limit<T>);
  }

  /// By the side of `p`, whose share in m is `own`; `rise` is log q - log p.
  template <class T>
  static FUSEDLOSS_INLINE Slope<T> by(const Part<T>& p, const Part<T>& q, T rise, T own) {
    // log(1 - s + s e^d), with P = e^|d| - 1 from its root: there is room for twice the limit.
    const T d = minimum(maximum(p.rise, -limit<T> - p.from.rise), limit<T> - p.from.rise);
    const Bits<T> above = mask_of<T>(d > T(0));
    const T s = p.from.other, a = blend(above, s, p.from.own), b = blend(above, p.from.own, s);
    const T half = expm1(T(0.5) * absolute(d)), whole = T(1) + half, inverse = T(1) / whole;
    const T x = (a * half) * (half + T(2)), y = b * (half * inverse) * ((half + T(2)) * inverse);
    const T next = T(1) + x, per_next = T(1) / next;
    const TwoTerms<T> near = one_less(y, (next * inverse) * inverse), far = two_sum(T(1), x);
    const TwoTerms<T> ratio{blend(above, far.hi, near.hi), blend(above, far.lo, near.lo)};
    const T log = successor(blend(above, x, -y), ratio).hi + masked(rise - limit<T>, mask_of<T>(rise > limit<T>));
    const T share = blend(above, (s * whole) * (whole * per_next), s * per_next);  // of q in m

    const T lift = masked(share * q.lack, p.inside);
    const T bend = own * share * fma(share, q.lack, q.have);
    const Bits<T> moves = mask_of<T>(p.step != T(0));
    return slope_of(p, masked(own * p.step * (lift - log), moves), masked(p.step * p.per * bend, moves));
  }

  /// 1 - y, which the quotient is too, where the difference cancels.
  template <class T>
  static FUSEDLOSS_INLINE TwoTerms<T> one_less(T y, T quotient) {
    const Bits<T> spread = mask_of<T>(y >= T(0.5));
    const TwoTerms<T> difference = two_diff(T(1), y);
    return {blend(spread, quotient, difference.hi), masked(difference.lo, ~spread)};
  }

  /// log(1 + z) and z - log(1 + z), 1 + z > 0 given as a sum.
  template <class T>
  static FUSEDLOSS_INLINE TwoTerms<T> successor(T z, TwoTerms<T> sum) {
    const Mantissa<T> m = split(sum.hi);
    const T inverse = power_of_two<T>(2 * Format<T>::exponent_bias + 1 - m.biased_exponent) * T(0.5);
    const T f = fma(sum.lo, inverse, m.f), tail = log_tail(f, m.exponent * ln2_lo<T>);
    const T log = fma(m.exponent, ln2_hi<T>, f + tail);
    return {log, blend(mask_of<T>(m.exponent == T(0)), -tail, z - log)};
  }
};

using DivergenceLosses = List<KullbackLeibler, JensenShannon>;

FUSEDLOSS_END
