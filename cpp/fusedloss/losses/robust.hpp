// Losses of a residual that outliers pull less than squares would.
//
// Second derivatives that cross 0 are written as (r0 - |r|) (r0 + |r|), r0 in two parts: with the exact residual the
// product has all its digits beside the crossing too. The parts come from Python, the first one with 24 bits at most,
// so that it is the same in both precisions.
#pragma once

#include "../core/list.hpp"
#include "../core/math.hpp"
#include "residual.hpp"

FUSEDLOSS_BEGIN

/// Beyond, 1 + x^2 is x^2, and x^2 may overflow.
template <class T>
constexpr T square_beyond = sizeof(T) == 4 ? T(0x1p60) : T(0x1p500);

/// |r| / b + log 2b.
struct LaplaceNLL : PreciseResidual<LaplaceNLL> {
  static constexpr const char* name = "laplace_nll";
  static constexpr double nanoseconds = 0.2;
  template <class T>
  struct Options {
    T inverse;               // 1 / b
    T offset_hi, offset_lo;  // b log 2b: for b < 1/2 the value crosses 0
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const ExactResidual<T>& at, const Options<T>& options) {
    const T size = (at.a + options.offset_hi) + (at.lo + options.offset_lo);
    const T slope = at.a > T(0) ? options.inverse : unless_nan(at.a, T(0));
    return {size * options.inverse, flip_sign(slope, at.r), unless_nan(at.a, T(0))};
  }
};

/// height log(raise (1 + x^2)), x = r / width: the losses of Cauchy and of Student's t.
struct LogQuadratic : PreciseResidual<LogQuadratic> {
  static constexpr const char* name = "log_quadratic";
  static constexpr double nanoseconds = 1.4;
  template <class T>
  struct Options {
    T width_hi, width_lo;      // the second derivative crosses 0 there
    T inverse_hi, inverse_lo;  // 1 / width
    T height, slope;           // slope = 2 height / width^2
    T raise, excess;           // excess = max(raise - 1, 0)
    T zero_hi, zero_lo;        // where the value is 0; 0 if nowhere else
    T far_offset;              // height (log raise - 2 log width)
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const ExactResidual<T>& at, const Options<T>& options) {
    const T reciprocal = options.inverse_hi + options.inverse_lo;
    const T x = at.a * reciprocal;
    const Bits<T> far = mask_of<T>(x > square_beyond<T>);
    const ExactResidual<T> near = {at.r, masked(at.a, ~far), at.lo};
    const T root = fma(near.a, options.inverse_hi, near.a * options.inverse_lo);
    const T square = root * root;

    // The logarithm of 1 + y, y = raise (x - zero) (x + zero) if there is a zero; close to 1/2 or below, of
    // raise (1 + x^2), which then has more digits; of |r| far out.
    const T product = (-near.below(options.zero_hi, options.zero_lo) * reciprocal) *
                      (near.above(options.zero_hi, options.zero_lo) * reciprocal);
    const T y = fma(product, options.raise, options.excess);
    const Bits<T> low = mask_of<T>(y < T(-0.5));
    const TwoTerms<T> sum = two_sum(T(1), y);
    const T hi = blend(far, at.a, blend(low, fma(square, options.raise, options.raise), sum.hi));
    const T logarithm = log(hi, masked(sum.lo, ~(low | far)));
    const T value = fma(options.height, logarithm + masked(logarithm, far), masked(options.far_offset, far));

    const T inverse = T(1) / blend(far, at.a, T(1) + square);
    const T bend = (near.below(options.width_hi, options.width_lo) * reciprocal) *
                   (near.above(options.width_hi, options.width_lo) * reciprocal);
    const T width = options.width_hi + options.width_lo;
    const T far_slope = options.slope * width * width;
    return {value, copy_sign(blend(far, far_slope, options.slope * at.a) * inverse, at.r),
            blend(far, -far_slope, options.slope * bend) * inverse * inverse};
  }
};

/// x - log(1 + x) for x in [0, 1]; nothing is lost where it is about x^2 / 2.
template <class T>
FUSEDLOSS_INLINE T excess_over_log1p(T x) {
  // log(1 + x) = 2 atanh(s), s = x / (2 + x), and x - 2 s = x s; the rest of the series is short, as s^2 <= 1/9.
  const T s = x / (T(2) + x);
  const T t = s * s;
  T tail;
  if constexpr (sizeof(T) == 4) {
    tail = polynomial(t, T(1) / 3, T(1) / 5, T(1) / 7, T(1) / 9, T(1) / 11, T(1) / 13, T(1) / 15);
  } else {
    tail = polynomial(t, T(1) / 3, T(1) / 5, T(1) / 7, T(1) / 9, T(1) / 11, T(1) / 13, T(1) / 15, T(1) / 17, T(1) / 19,
                      T(1) / 21, T(1) / 23, T(1) / 25, T(1) / 27, T(1) / 29, T(1) / 31, T(1) / 33);
  }
  return s * fma(T(-2) * t, tail, x);
}

/// c^2 (|x| - log(1 + |x|)), x = r / c.
struct Fair : Residual<Fair> {
  static constexpr const char* name = "fair";
  static constexpr double nanoseconds = 1.1;
  template <class T>
  struct Options {
    T c, inverse;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>& options) {
    const T a = absolute(r);
    const T x = a * options.inverse;
    const T inverse = T(1) / (T(1) + x);
    // a / (1 + x), but c where both are infinite.
    const Bits<T> near = mask_of<T>(x < T(1));
    const T slope = blend(near, a * inverse, options.c - options.c * inverse);
    const T size = blend(near, options.c * excess_over_log1p(minimum(x, T(1))),
                         a - options.c * log1p(minimum(x, -lowest<T>)));  // x may overflow
    return {options.c * size, copy_sign(slope, r), inverse * inverse};
  }
};

/// 2 x^2 / (x^2 + 4), x = r / c.
struct GemanMcClure : PreciseResidual<GemanMcClure> {
  static constexpr const char* name = "geman_mcclure";
  static constexpr double nanoseconds = 0.4;
  template <class T>
  struct Options {
    T inverse_hi, inverse_lo;  // 1 / (2 c): powers of the square multiply its error by 6
    T bend_hi, bend_lo;        // 2 c / sqrt 3, where the second derivative is 0
    T bend_inverse;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const ExactResidual<T>& at, const Options<T>& options) {
    const T reciprocal = options.inverse_hi + options.inverse_lo;
    const T y = at.a * reciprocal;
    const Bits<T> far = mask_of<T>(y > square_beyond<T>);
    const ExactResidual<T> near = {at.r, masked(at.a, ~far), at.lo};
    const T root = fma(near.a, options.inverse_hi, near.a * options.inverse_lo);
    const T inverse = T(1) / blend(far, y, fma(root, root, T(1)));
    const T bend = (near.below(options.bend_hi, options.bend_lo) * options.bend_inverse) *
                   (near.above(options.bend_hi, options.bend_lo) * options.bend_inverse);
    const T scale = T(4) * reciprocal;
    return {T(2) * blend(far, T(1), root * (root * inverse)),
            copy_sign(scale * blend(far, inverse, root) * inverse * inverse, at.r),
            scale * reciprocal * blend(far, T(-3) * inverse, bend) * inverse * inverse * inverse};
  }
};

/// c^2 / 2 (1 - e^-(r / c)^2).
struct Welsch : PreciseResidual<Welsch> {
  static constexpr const char* name = "welsch";
  static constexpr double nanoseconds = 1.2;
  template <class T>
  struct Options {
    T c, height;               // height times 1 - e^...
    T slope;                   // 2 height / c^2
    T inverse_hi, inverse_lo;  // 1 / c
    T bend_hi, bend_lo;        // c / sqrt 2, where the second derivative is 0
    T curvature;               // slope / bend^2
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const ExactResidual<T>& at, const Options<T>& options) {
    constexpr T nothing_beyond = sizeof(T) == 4 ? T(10.5) : T(28);  // there e^-x^2 is 0
    const T end = nothing_beyond * options.c;
    const ExactResidual<T> held = {at.r, minimum(at.a, end), masked(at.lo, mask_of<T>(at.a < end))};
    // The exponential multiplies relative errors by x^2: all that is rounded on the way counts.
    TwoTerms<T> x = two_product(held.a, options.inverse_hi);
    x = quick_two_sum(x.hi, x.lo + fma(held.a, options.inverse_lo, held.lo * options.inverse_hi));
    TwoTerms<T> square = two_product(x.hi, x.hi);
    square.lo = fma(T(2) * x.hi, x.lo, square.lo);
    const auto [r, exponent, biased_twice] = reduce_exponent(-square.hi, -square.lo);
    const T p = expm1_reduced(r);
    const T unit = scale(T(1), biased_twice);
    const T bend = held.below(options.bend_hi, options.bend_lo) * held.above(options.bend_hi, options.bend_lo);
    return {options.height * -fma(unit, p, unit - T(1)),
            copy_sign(scale(options.slope * held.a * (T(1) + p), biased_twice), at.r),
            scale(options.curvature * bend * (T(1) + p), biased_twice)};
  }
};

/// c^2 / 6 (1 - (1 - x^2)^3), x = r / c, and c^2 / 6 beyond c.
struct Tukey : PreciseResidual<Tukey> {
  static constexpr const char* name = "tukey";
  static constexpr double nanoseconds = 0.3;
  template <class T>
  struct Options {
    T c_hi, c_lo, inverse;
    T bend_hi, bend_lo;  // c / sqrt 5, where the second derivative is 0
    T bend_inverse;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const ExactResidual<T>& at, const Options<T>& options) {
    const T c = options.c_hi + options.c_lo;
    const ExactResidual<T> held = {at.r, minimum(at.a, c), masked(at.lo, mask_of<T>(at.a < c))};
    // 1 - x^2, from the unheld residual: exactly 0 from c on.
    const T w = (maximum(at.below(options.c_hi, options.c_lo), T(0)) * options.inverse) *
                (held.above(options.c_hi, options.c_lo) * options.inverse);
    const T bend = (held.below(options.bend_hi, options.bend_lo) * options.bend_inverse) *
                   (held.above(options.bend_hi, options.bend_lo) * options.bend_inverse);
    return {held.a * held.a * (fma(w, w, w + T(1)) * (T(1) / 6)), copy_sign(held.a * w * w, at.r), w * bend};
  }
};

/// |alpha - 2| / alpha ((1 + u)^(alpha / 2) - 1), u = (r / c)^2 / |alpha - 2| (Barron 2019, equation 8), as functions
/// of L = log(1 + u) in two parts, t = alpha L / 2:
///   value (|alpha - 2| / 2) L (e^t - 1) / t,  d1 = r / c^2 e^(t - L),  d2 = e^(t - L) / c^2 (1 + (alpha - 1) u) / (1 +
///   u)
/// None has a singular point in alpha, given that 0 and 2 themselves come as numbers next to them, whose results are
/// the same.
struct Barron : PreciseResidual<Barron> {
  static constexpr const char* name = "barron";
  static constexpr double nanoseconds = 4.5;
  template <class T>
  struct Options {
    T inverse;           // 1 / c
    T root_hi, root_lo;  // u = (root r)^2
    T root_inverse;
    T power_hi, power_lo;               // alpha / 2 - 1
    T half_distance;                    // |alpha - 2| / 2
    T height;                           // |alpha - 2| / alpha
    T below_one, at_zero;               // alpha - 1; 1 if that is not negative, else 0
    T bend_hi, bend_lo;                 // where the second derivative is 0; 0 if nowhere
    T value_end, slope_end, curve_end;  // at infinity
  };

  /// e^(hi + lo) in the pieces (1 + p) 2^half 2^rest, so that factors can come between; |hi| is held where two halves
  /// reach.
  template <class T>
  struct Pieces {
    T r, tail, p, half, rest, inverse_rest;
    Bits<T> unscaled;  // a mask: 2^half 2^rest = 1, which is so for |hi| < 1/2
  };
  template <class T>
  static FUSEDLOSS_INLINE Pieces<T> pieces(TwoTerms<T> x) {
    constexpr T reach = sizeof(T) == 4 ? T(170) : T(1400);
    constexpr Bits<T> bias = Format<T>::exponent_bias;
    const T hi = minimum(maximum(x.hi, -reach), reach);
    const T guide = masked(hi, mask_of<T>(absolute(hi) >= T(0.5)));
    const auto [r, exponent, biased_twice] = reduce_exponent(hi, x.lo, guide);
    const T tail = expm1_tail(r);
    const Bits<T> half = biased_twice >> 1, rest = biased_twice - half;
    return {r,
            tail,
            fma(r * r, tail, r),
            power_of_two<T>(half),
            power_of_two<T>(rest),
            power_of_two<T>(2 * bias - rest),
            mask_of<T>(biased_twice == 2 * bias)};
  }

  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const ExactResidual<T>& at, const Options<T>& options) {
    constexpr T reduced = T(0x1p-64);  // what makes far residuals small enough to be multiplied
    constexpr T quadratic = sizeof(T) == 4 ? T(0x1p-13) : T(0x1p-27);
    const T a = minimum(at.a, -lowest<T>);
    const Bits<T> infinite = mask_of<T>(at.a > a);
    const Bits<T> far = mask_of<T>(a * reduced * options.root_hi > square_beyond<T> * reduced);
    const T lift = blend(far, reduced, T(1));

    // w = sqrt(u), reduced where far, and 1 + u, for which w itself stands far out.
    TwoTerms<T> w = two_product(a * lift, options.root_hi);
    w = quick_two_sum(w.hi, w.lo + fma(a * lift, options.root_lo, at.lo * lift * options.root_hi));
    const TwoTerms<T> held = {masked(w.hi, ~far), masked(w.lo, ~far)};
    TwoTerms<T> u = two_product(held.hi, held.hi);
    u.lo = fma(T(2) * held.hi, held.lo, u.lo);
    TwoTerms<T> v = two_sum(T(1), u.hi);
    v = quick_two_sum(v.hi, v.lo + u.lo);
    v = {blend(far, w.hi, v.hi), blend(far, w.lo, v.lo)};

    // L: twice the logarithm of w far out.
    const Mantissa<T> m = split(v.hi, masked(T(-64), far));
    const T unit = power_of_two<T>(2 * Format<T>::exponent_bias + 1 - m.biased_exponent) * T(0.5);
    TwoTerms<T> logarithm = precise_log(m);
    logarithm = two_sum(logarithm.hi, fma(v.lo, unit / (T(1) + m.f), logarithm.lo));
    const T times = blend(far, T(2), T(1));
    const T bad = a - a;  // 0, or NaN, which the exponent and the mantissa do not show
    const TwoTerms<T> l = {fma(times, logarithm.hi, bad), times * logarithm.lo};

    // t - L, and t. Out there the slope is (t - L / 2)'s exponential times c sqrt(|alpha - 2|): r itself is too large.
    TwoTerms<T> down = two_product(options.power_hi, l.hi);
    down = quick_two_sum(down.hi, down.lo + fma(options.power_hi, l.lo, options.power_lo * l.hi));
    TwoTerms<T> t = two_sum(down.hi, l.hi);
    t.lo += down.lo + l.lo;
    TwoTerms<T> fall = two_sum(down.hi, masked(T(0.5) * l.hi, far));
    fall.lo += down.lo + masked(T(0.5) * l.lo, far);

    const Pieces<T> rise = pieces(t), sink = pieces(fall);
    const T grown = (options.height * fma(rise.half, rise.p, rise.half - rise.inverse_rest)) * rise.rest;
    const T value = blend(rise.unscaled, (options.half_distance * l.hi) * fma(rise.r, rise.tail, T(1)), grown);
    const T power = T(1) + sink.p;
    const T arm = blend(far, options.root_inverse, a) * options.inverse * options.inverse;
    const T slope = (arm * sink.half) * power * sink.rest;

    const T inverse = T(1) / v.hi;
    const ExactResidual<T> near = {at.r, masked(a, ~far), at.lo};
    const T root = options.root_hi + options.root_lo;
    const T bend =
        (-near.below(options.bend_hi, options.bend_lo) * root) * (near.above(options.bend_hi, options.bend_lo) * root);
    const T reciprocal = inverse * lift;  // 1 / sqrt(u) far out
    const T turn = blend(far, fma(reciprocal, reciprocal, options.below_one),
                         fma(bend, options.below_one, options.at_zero) * inverse);
    const T curve = (options.inverse * options.inverse * turn * power * (blend(far, inverse, T(1)) * sink.half)) *
                    (lift * sink.rest);

    // Small residuals, whose u may underflow, do not depend on alpha.
    const T x = a * options.inverse;
    const Bits<T> small = mask_of<T>(x < quadratic);
    return {blend(infinite, options.value_end, blend(small, T(0.5) * x * x, value)),
            copy_sign(blend(infinite, options.slope_end, blend(small, x * options.inverse, slope)), at.r),
            blend(infinite, options.curve_end, blend(small, options.inverse * options.inverse, curve))};
  }
};

using Robust = List<LaplaceNLL, LogQuadratic, Fair, GemanMcClure, Welsch, Tukey, Barron>;

FUSEDLOSS_END
