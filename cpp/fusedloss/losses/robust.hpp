// Losses of a residual that outliers pull less than squares would.
//
// Second derivatives that cross 0 are written as (r0 - |r|) (r0 + |r|), r0 in two parts: with the exact residual the
// product has all its digits beside the crossing too. The parts come from Python, the first one with 24 bits at most,
// so that it is the same in both precisions.
#pragma once

#include "../core/halves.hpp"
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
  static constexpr double nanoseconds = 0.35;
  template <class T>
  struct Options {
    T inverse;               // 1 / b
    T offset_hi, offset_lo;  // b log 2b: for b < 1/2 the value crosses 0
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const ExactResidual<T>& at, const Options<T>& options) {
    const T size = at.finite().above(options.offset_hi, options.offset_lo);
    const T slope = at.a > T(0) ? options.inverse : unless_nan(at.a, T(0));
    return {size * options.inverse, flip_sign(slope, at.r), unless_nan(at.a, T(0))};
  }
};

/// height log(raise (1 + x^2)), x = r / width: the losses of Cauchy and of Student's t. It crosses 0 if raise < 1.
template <bool crosses>
struct LogQuadratic : PreciseResidual<LogQuadratic<crosses>> {
  static constexpr const char* name = crosses ? "log_quadratic_crossing" : "log_quadratic";
  static constexpr double nanoseconds = 1.0;
  template <class T>
  struct Options {
    T width_hi, width_lo;      // the second derivative crosses 0 there
    T inverse_hi, inverse_lo;  // 1 / width
    T height;
    T slope, curvature;  // 2 height / width^2 times raise, and times its square
    T raise, excess;     // excess = max(raise - 1, 0)
    T zero_hi, zero_lo;  // where the value is 0 if it crosses 0
    T zero_x;            // zero / width
    T far_offset;        // height (log raise - 2 log width)
  };
  /// Beyond, 1 + x^2 is x^2; the square times a raise is still in range.
  template <class T>
  static constexpr T beyond = sizeof(T) == 4 ? T(0x1p40) : T(0x1p400);
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const ExactResidual<T>& at, const Options<T>& options) {
    const T reciprocal = options.inverse_hi + options.inverse_lo;
    const T x = at.a * reciprocal;
    const Bits<T> far = mask_of<T>(x > beyond<T>);
    const T root = fma(at.a, options.inverse_hi, at.a * options.inverse_lo);
    const T square = root * root;

    // The logarithm of raise (1 + x^2) = 2^exponent (1 + f), far out of |r|. Where the exponent is 0, f itself comes as
    // raise x^2 + excess, or raise (x - zero) (x + zero): its digits are the value's.
    const T argument = blend(far, at.a, fma(square, options.raise, options.raise));
    const Mantissa<T> m = split(argument);
    T f;
    if constexpr (crosses) {
      f = at.beyond(options.zero_hi, options.zero_lo) * reciprocal * (x + options.zero_x) * options.raise;
    } else {
      f = fma(square, options.raise, options.excess);
    }
    const Bits<T> close = mask_of<T>(m.biased_exponent == Format<T>::exponent_bias) & ~far;
    const T logarithm = log_of(m.exponent, blend(close, f, m.f));
    const T far_height = T(2) * options.height;
    const T value = fma(blend(far, far_height, options.height), logarithm, masked(options.far_offset, far));

    const T inverse = T(1) / argument;
    const T slope = blend(far, far_height, options.slope * at.a) * inverse;
    const T bend = (at.below(options.width_hi, options.width_lo) * reciprocal) *
                   (at.above(options.width_hi, options.width_lo) * reciprocal);
    const T curvature = blend(far, -far_height, options.curvature * bend);
    return {at.a < infinity<T> ? value : at.a, copy_sign(slope, at.r), curvature * inverse * inverse};
  }
};

/// c^2 (|x| - log(1 + |x|)), x = r / c.
struct Fair : Residual<Fair> {
  static constexpr const char* name = "fair";
  static constexpr double nanoseconds = 0.8;
  template <class T>
  struct Options {
    T c, inverse;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>& options) {
    constexpr T linear_beyond = sizeof(T) == 4 ? T(0x1p100) : T(0x1p1000);  // x itself may overflow
    const T a = absolute(r);
    const T unheld = a * options.inverse;
    const T x = minimum(unheld, linear_beyond);
    const Bits<T> far = mask_of<T>(unheld > linear_beyond);
    // x - log(1 + x) with the exact parts of the logarithm first: where the exponent is 0 they are x and cancel, and
    // else, subtracted in this order, they leave an exact difference wherever there is cancellation.
    const Mantissa<T> m = split_successor(x);
    const T excess = (fma(m.exponent, -ln2_hi<T>, x) - m.f) - log_tail(m.f, m.exponent * ln2_lo<T>);
    const T inverse = T(1) / (T(1) + x);
    return {options.c * blend(far, a, options.c * excess), copy_sign(blend(far, options.c, a * inverse), r),
            inverse * inverse};
  }
};

/// 2 x^2 / (x^2 + 4), x = r / c.
struct GemanMcClure : PreciseResidual<GemanMcClure> {
  static constexpr const char* name = "geman_mcclure";
  static constexpr double nanoseconds = 0.55;
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
  static constexpr double nanoseconds = 0.7;
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
    x.lo = fma(held.a, options.inverse_lo, fma(held.lo, options.inverse_hi, x.lo));
    TwoTerms<T> square = two_product(x.hi, x.hi);
    square.lo = fma(fma(T(2), x.hi, x.lo), x.lo, square.lo);  // in double, x.lo has half of the digits
    constexpr int power = sizeof(T) == 4 ? 34 : 128;
    constexpr T lowered = sizeof(T) == 4 ? T(0x1p-34) : T(0x1p-128);
    const auto [r, raised] = reduce_raised(-square.hi, -square.lo, raise_by<T>(power));
    const T p = expm1_reduced(r);
    const T unit = raised * lowered;
    const T share = (T(1) + p) * raised;
    const T bend = held.below(options.bend_hi, options.bend_lo) * held.above(options.bend_hi, options.bend_lo);
    return {options.height * -fma(unit, p, unit - T(1)), copy_sign(options.slope * held.a * share * lowered, at.r),
            options.curvature * bend * share * lowered};
  }
};

/// c^2 / 6 (1 - (1 - x^2)^3), x = r / c, and c^2 / 6 beyond c.
struct Tukey : PreciseResidual<Tukey> {
  static constexpr const char* name = "tukey";
  static constexpr double nanoseconds = 0.5;
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
    const T w = (maximum(at.finite().below(options.c_hi, options.c_lo), T(0)) * options.inverse) *
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
  static constexpr double nanoseconds = 1.5;
  template <class T>
  struct Options {
    T inverse;           // 1 / c
    T root_hi, root_lo;  // u = (root r)^2
    T root_inverse;
    T power_hi, power_lo;               // alpha / 2 - 1
    T height_hi, height_lo;             // |alpha - 2| / alpha
    T below_one;                        // alpha - 1
    T bend_hi, bend_lo;                 // where the second derivative is 0 if alpha < 1, else 0
    T value_end, slope_end, curve_end;  // at infinity
    T near, rate;                       // for OrdinaryBarron: root |r| is less there; 1 / c^2

    /// 1 + (alpha - 1) u at the bend.
    FUSEDLOSS_INLINE T at_bend() const { return below_one < T(0) ? T(0) : T(1); }
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

  // All of float32 in double: no part of a sum or a product of two parts, nothing out of range, half the operations. By
  // e^(t - L) = e^t / (1 + u) one exponential makes do.

  /// (2^x - 1) / x for |x| <= 1/2, to 26 bits.
  static FUSEDLOSS_INLINE double short_exp2(double x) {
    return polynomial(x, 0x1.62e4302ee9f62p-1, 0x1.ebfbdec2c3ffbp-3, 0x1.c6af6e945c173p-5, 0x1.3b2b9faf167a3p-7,
                      0x1.5f07b3f0870afp-10, 0x1.4308ffdfef137p-13);
  }

  /// x 2^exponent for normal results, x for x = 0 and exponent = 0, NaN for NaN and exponent = 0. The exponent is
  /// shifted to where that of a number lies.
  template <class T>
  static FUSEDLOSS_INLINE T lift(T x, Bits<T> exponent) {
    return from_bits<T>(bits_of(x) + exponent);
  }

  /// What the first half of the work leaves to the second; double is not done in halves.
  template <class T, int Items, class = std::enable_if_t<sizeof(T) == 4>>
  struct Middle {
    double pull[Items];  // r / c^2
    double v[Items];     // 1 + u
    double log2[Items];  // of it
  };

  template <int Items>
  static FUSEDLOSS_INLINE void begin(const float (&input)[2], const Options<float>& options,
                                     Middle<float, Items>& middle, int item) {
    using F = Format<double>;
    const double root = static_cast<double>(options.root_hi) + options.root_lo;
    const double r = static_cast<double>(input[0]) - input[1];
    const double w = r * root, u = w * w, v = 1 + u;

    // v = whole (1 + f), and log2(1 + f) as a function of s = f / (2 + f) to 30 bits.
    constexpr Bits<double> mantissa = (Bits<double>{1} << F::mantissa_bits) - 1;
    constexpr Bits<double> root_half = 0x3fe6a09e667f3bcdu;
    const Bits<double> above = bits_of(v) + ((F::exponent_bias << F::mantissa_bits) - root_half);
    const double whole = from_bits<double>(above & ~mantissa);
    const double number = from_bits<double>((above >> F::mantissa_bits) | bits_of(0x1p52));
    const double s = (u - (whole - 1)) / (v + whole), t = s * s;
    const double p =
        polynomial(t, 0x1.7154764e6b337p1, 0x1.ec70e627de284p-1, 0x1.27471315b07adp-1, 0x1.ba1a42a50c83ap-2);
    const double rate = static_cast<double>(options.inverse) * options.inverse;
    middle.pull[item] = r * rate;
    middle.v[item] = v;
    middle.log2[item] = fma(s, p, number - (0x1p52 + 1023));
  }

  template <int Items>
  static FUSEDLOSS_INLINE Jet<float> finish(const float (&input)[2], const Options<float>& options,
                                            const Middle<float, Items>& middle, int item) {
    using F = Format<double>;
    const double half_alpha = (1.0 + options.power_hi) + options.power_lo;
    const double farthest = 600 / absolute(half_alpha);  // there e^t is 0 or infinite in float
    // e^t = 2^exponent (1 + g).
    const double held = minimum(middle.log2[item], farthest);
    const double shifted = fma(half_alpha, held, F::to_integer);
    const double x = fma(half_alpha, held, F::to_integer - shifted);
    const double g = x * short_exp2(x);
    const Bits<double> exponent = bits_of(shifted) << F::mantissa_bits;
    const double height = static_cast<double>(options.height_hi) + options.height_lo;
    const double top = lift(height, exponent);
    const double value = fma(top, g, top - height);
    const double steep = lift(middle.pull[item] / middle.v[item], exponent);
    const double slope = fma(steep, g, steep);

    const double root = static_cast<double>(options.root_hi) + options.root_lo;
    const double bend = static_cast<double>(options.bend_hi) + options.bend_lo;
    const double size = absolute(static_cast<double>(input[0]) - input[1]), inverse = 1 / middle.v[item];
    const double turn = ((size - bend) * root) * ((size + bend) * root) * options.below_one + options.at_bend();
    const double rate = static_cast<double>(options.inverse) * options.inverse;
    const double bent = lift((turn * rate) * (inverse * inverse), exponent);
    const double curve = fma(bent, g, bent);

    const float rounded = input[0] - input[1];
    const Bits<float> infinite = mask_of<float>(absolute(rounded) == infinity<float>);
    return {blend(infinite, options.value_end, static_cast<float>(value)),
            blend(infinite, flip_sign(options.slope_end, rounded), static_cast<float>(slope)),
            blend(infinite, options.curve_end, static_cast<float>(curve))};
  }

  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    if constexpr (sizeof(T) == 4) {
      return both_halves<Barron>(input, options);
    } else {
      return of(exact_residual(input[0], input[1]), options);
    }
  }

  static FUSEDLOSS_INLINE Jet<double> of(const ExactResidual<double>& at, const Options<double>& options) {
    using T = double;
    constexpr T reduced = T(0x1p-64);  // what makes far residuals small enough to be multiplied
    constexpr T quadratic = 0x1p-27;
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
    const T grown =
        ((options.height_hi + options.height_lo) * fma(rise.half, rise.p, rise.half - rise.inverse_rest)) * rise.rest;
    const T value = blend(rise.unscaled,
                          (absolute(options.power_hi + options.power_lo) * l.hi) * fma(rise.r, rise.tail, T(1)), grown);
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
                         fma(bend, options.below_one, options.at_bend()) * inverse);
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

/// The same where no number of the calculation leaves the middle of float32's range: by float32 itself, in two parts
/// where rounding would show. Residuals that are too far or too near for that, 0 excepted, are Barron's.
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
struct OrdinaryBarron : PreciseResidual<OrdinaryBarron> {
  static constexpr const char* name = "barron_ordinary";
  static constexpr double nanoseconds = 1.1;
  template <class T>
  using Options = Barron::Options<T>;

  template <class T, int Items, class = std::enable_if_t<sizeof(T) == 4>>
  struct Middle {
    T x[Items];               // e^t = 2^exponent 2^x
    Bits<T> exponent[Items];  // shifted
    T arm[Items];             // r / (c^2 (1 + u))
    T rest[Items];            // 1 + f, where 1 + u = 2^n (1 + f)
    Bits<T> places[Items];    // n, shifted
  };

  template <int Items>
  static FUSEDLOSS_INLINE void begin(const float (&input)[2], const Options<float>& options,
                                     Middle<float, Items>& middle, int item) {
    using F = Format<float>;
    const TwoTerms<float> r = two_diff(input[0], input[1]);
    TwoTerms<float> w = two_product(r.hi, options.root_hi);
    w.lo = fma(r.hi, options.root_lo, fma(r.lo, options.root_hi, w.lo));
    TwoTerms<float> u = two_product(w.hi, w.hi);
    u.lo = fma(w.hi + w.hi, w.lo, u.lo);

    // 1 + u = 2^number (1 + f) with f in -1/4 ... 1/2, where the subtraction from u is exact.
    constexpr Bits<float> mantissa = (Bits<float>{1} << F::mantissa_bits) - 1;
    constexpr Bits<float> one = F::exponent_bias << F::mantissa_bits, three_quarters = 0x3f400000u;
    const Bits<float> above = bits_of(1 + u.hi) - three_quarters;
    const Bits<float> places = above & ~mantissa;
    const float number = static_cast<float>(static_cast<std::int32_t>(above >> F::mantissa_bits));
    const float f = ((u.hi - (from_bits<float>(places + one) - 1)) + u.lo) * from_bits<float>(one - places);

    // t / ln 2 = half_alpha (number + log2(1 + f)) as an integer and a rest. The product of the number and the high
    // part of half_alpha is exact, and the coefficients of the logarithm come multiplied, which saves a rounding.
    const double half = (1.0 + options.power_hi) + options.power_lo;
    const float half_hi = from_bits<float>(bits_of(static_cast<float>(half)) & ~0xffu);
    const float half_lo = static_cast<float>(half - half_hi);
    const float first = static_cast<float>(half * 0x1.715476p0);
    const auto times = [half](double coefficient) { return static_cast<float>(half * coefficient); };
    const float p =
        polynomial(f, static_cast<float>(half * (0x1.715476p0 + 0x1.743076p-27) - first), times(-0x1.715496p-1),
                   times(0x1.ec7198p-2), times(-0x1.713b1p-2), times(0x1.271bdep-2), times(-0x1.f110bep-3),
                   times(0x1.bb0326p-3), times(-0x1.650f3cp-3), times(0x1.406ce2p-4));
    const float part = fma(f, first, fma(f, p, half_lo * number));
    const float shifted = fma(half_hi, number, part) + F::to_integer;
    middle.x[item] = fma(half_hi, number, F::to_integer - shifted) + part;
    middle.exponent[item] = bits_of(shifted) << F::mantissa_bits;
    middle.arm[item] = Barron::lift(r.hi * options.rate / (1 + f), 0u - places);
    middle.rest[item] = 1 + f;
    middle.places[item] = places;
  }

  static FUSEDLOSS_INLINE Bits<float> extraordinary(const float (&input)[2], const Options<float>& options) {
    const Bits<float> size = bits_of(absolute((input[0] - input[1]) * options.root_hi));
    return ((size - bits_of(0x1p-40f)) & (0u - size)) | (bits_of(options.near) - 1 - size);  // 0 itself is ordinary
  }

  template <int Items>
  static FUSEDLOSS_INLINE Jet<float> finish(const float (&input)[2], const Options<float>& options,
                                            const Middle<float, Items>& middle, int item) {
    // e^t = 2^exponent (1 + g).
    const float x = middle.x[item];
    const Bits<float> exponent = middle.exponent[item];
    const float p =
        polynomial(x, 0x1.774fbp-28f, 0x1.ebfbdep-3f, 0x1.c6af6ep-5f, 0x1.3b2c9cp-7f, 0x1.5f0904p-10f, 0x1.421d0ep-13f);
    const float g = fma(x, 0x1.62e43p-1f, x * p);
    const float top = Barron::lift(options.height_hi, exponent), steep = Barron::lift(middle.arm[item], exponent);

    const ExactResidual<float> at = exact_residual(input[0], input[1]);
    const double root = static_cast<double>(options.root_hi) + options.root_lo;
    const float bend_rate = static_cast<float>(root * root * options.rate * options.below_one);
    const float turn = -(at.below(options.bend_hi, options.bend_lo) * at.above(options.bend_hi, options.bend_lo));
    const float rest = middle.rest[item];
    const float bent = Barron::lift(fma(turn, bend_rate, options.at_bend() * options.rate) / (rest * rest),
                                    exponent - 2 * middle.places[item]);
    return {fma(top, g, top - options.height_hi), fma(steep, g, steep), fma(bent, g, bent)};
  }

  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    return Barron::eval(input, options);
  }
};
#else
struct OrdinaryBarron : Barron {  // without multiply-add the roundings would be too many
  static constexpr const char* name = "barron_ordinary";
};
#endif

using Robust = List<LaplaceNLL, LogQuadratic<false>, LogQuadratic<true>, Fair, GemanMcClure, Welsch, Tukey, Barron,
                    OrdinaryBarron>;

FUSEDLOSS_END
