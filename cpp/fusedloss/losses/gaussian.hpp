// Losses of a normal distribution whose spread is predicted too: of two variables.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"
#include "../core/scaled.hpp"
#include "residual.hpp"

FUSEDLOSS_BEGIN

/// r^2 / v = slope r + rest.
template <class T>
struct Share {
  T rounded;
  T slope, r, rest;
  Bits<T> moderate;  ///< a mask: where the rest counts, and is a number

  /// number - r^2 / v, with full relative accuracy near 0 as well.
  FUSEDLOSS_INLINE T below(T number) const {
    return blend(moderate, residual(number, slope, r) - rest, number - rounded);
  }
};

/// (log v + r^2 / v) / 2 + constant with r = pred - target and v the variance, at least eps. The inputs are pred,
/// variance, target. Below eps the loss does not depend on the variance: its derivatives by it are 0 there.
struct GaussianNLL {
  static constexpr const char* name = "gaussian_nll";
  static constexpr int inputs = 3, variables = 2;
  static constexpr double nanoseconds = 1.5;
  template <class T>
  struct Options {
    T eps, constant;  ///< the constant is log(2 pi) / 2 or 0
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T, 2> eval(const T (&input)[3], const Options<T>& options) {
    const ExactResidual<T> r = exact_residual(input[0], input[2]);
    const T variance = input[1], v = maximum(variance, options.eps), inverse = T(1) / v;
    const Bits<T> free = ~mask_of<T>(variance < options.eps);
    const T slope = r.r * inverse, share = slope * r.r;
    // What rounding took from the residual and from its quotient.
    const T slope_rest = (residual(r.r, slope, v) + flip_sign(r.lo, r.r)) * inverse;
    const T rest = fma(slope, flip_sign(r.lo, r.r), slope_rest * r.r);
    const Share<T> at = {share, slope, r.r, rest, mask_of<T>(share < T(4))};
    return {fma(T(0.5), log(v) + share, options.constant),
            {slope, masked(T(0.5) * inverse * at.below(T(1)), free)},
            {inverse, masked(-slope * inverse, free), masked(-at.below(T(0.5)) * inverse * inverse, free)}};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[3], const Options<T>&) {
    return input[1];
  }
};

/// A quotient with the remainder of its division: hi + lo is good to twice the digits of T. lo is 0 where hi is not
/// finite.
template <class T>
FUSEDLOSS_INLINE TwoTerms<T> divide(T hi, T lo, T by) {
  const T quotient = hi / by;
  const T rest = (residual(hi, quotient, by) + lo) / by;
  return {quotient, masked(rest, mask_of<T>(absolute(rest) < absolute(quotient)))};
}

/// The continuous ranked probability score of the normal distribution N(pred, scale^2) for a target (T. Gneiting, A. E.
/// Raftery, Strictly proper scoring rules, prediction, and estimation, 2007):
/// scale (w (2 Phi(w) - 1) + 2 phi(w) - 1 / sqrt(pi)), w = (target - pred) / scale. The inputs are pred, scale, target.
struct CRPSGaussian {
  static constexpr const char* name = "crps_gaussian";
  static constexpr int inputs = 3, variables = 2;
  static constexpr double nanoseconds = 3.1;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T, 2> eval(const T (&input)[3], const Options<T>&) {
    const ExactResidual<T> r = exact_residual(input[0], input[2]);
    const T scale = input[1];
    constexpr T far = sizeof(T) == 4 ? T(1e4) : T(1e8);  // where the density is 0
    const TwoTerms<T> w = divide(r.a, r.lo, scale);
    const T a = minimum(w.hi, far);
    // w^2 / 2 in two parts: an error of it is one of the density.
    const TwoTerms<T> square = two_product(a, a);
    const TwoTerms<T> exponent = quick_two_sum(T(-0.5) * square.hi, fma(-a, w.lo, T(-0.5) * square.lo));
    const T central = normal(a).central;
    // 2 phi(w) - 1 / sqrt(pi) as an expm1: 2 phi(w) = sqrt(2 / pi) e^(-w^2 / 2), and sqrt(2) = e^(ln 2 / 2).
    constexpr T inverse_root_pi = T(0x1.20dd750429b6dp-1), root_two_over_pi = T(0x1.9884533d43651p-1);
    const T gap = (T(0.5) * ln2_hi<T> + exponent.hi) + (T(0.5) * ln2_lo<T> + exponent.lo);
    const T by_scale = inverse_root_pi * expm1(gap);
    // The exponential half by half: neither it nor the quotient by the scale may leave the range.
    const Exponential<T> half = exponential(T(0.5) * exponent.hi, T(0.5) * exponent.lo);
    const T by_pred = half.times(root_two_over_pi) / scale;
    return {fma(r.a, central, scale * by_scale),
            {copy_sign(central, r.r), by_scale},
            {half.times(by_pred), flip_sign(-half.times(by_pred * a), r.r), half.times(by_pred * a * a)}};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[3], const Options<T>&) {
    return input[1] <= T(0) ? T(-1) : -lowest<T> - input[1];
  }
};

/// Within these ends, exp_beyond is more than -1 and does not leave the range of T.
template <class T>
constexpr T least_beyond = sizeof(T) == 4 ? T(-17.5) : T(-37.5);
template <class T>
constexpr T most_beyond = sizeof(T) == 4 ? T(88) : T(709);

/// A sign bit outside these ends.
template <class T>
FUSEDLOSS_INLINE Bits<T> outside_beyond(T x) {
  return bits_of(x - least_beyond<T>) | bits_of(most_beyond<T> - x);
}

/// e^x - 1 and e^x - 1 - x, within 2 and 8 epsilons.
template <class T>
struct ExpBeyond {
  T one, tangent;
};

/// For x within these ends. With x = k ln 2 + r and q = e^r - 1 - r the second one is 2^k q + (2^k r + 2^k - 1 - x),
/// whose brackets vanish for k = 0: nothing cancels about x = 0. Products with 2^k are exact, so sums do for
/// multiply-adds: processors have units of their own for them.
template <class T>
FUSEDLOSS_INLINE ExpBeyond<T> exp_beyond(T x) {
  const auto [r, power] = reduce_raised(x, raise_by<T>(0));
  const T linear = power * r, rest = linear * r * exp_tail(r), shift = power - T(1);
  return {(linear + rest) + shift, rest + (linear + (shift - x))};
}

/// The same for any x.
template <class T>
FUSEDLOSS_INLINE ExpBeyond<T> exp_beyond_anywhere(T x) {
  const ExpBeyond<T> inside = exp_beyond(x);
  const T one = expm1(x);
  const bool outside = x < least_beyond<T> || x > most_beyond<T>;
  return {select(outside, one, inside.one), select(outside, one - minimum(x, T(2) * most_beyond<T>), inside.tangent)};
}

/// beta KL(N(mean, e^log_var), N(0, 1)), the divergence being (e^s - 1 - s + mean^2) / 2 with s = log_var. The inputs
/// are mean and log_var.
struct GaussianKL {
  static constexpr const char* name = "gaussian_kl";
  static constexpr int inputs = 2, variables = 2;
  static constexpr double nanoseconds = 0.4;
  template <class T>
  struct Options {
    T half_beta;
  };
  template <class T>
  static FUSEDLOSS_INLINE T factor(const Options<T>& options) {
    return options.half_beta;
  }

  template <class T, int Items>
  struct Middle {
    T one[Items], tangent[Items];
    FUSEDLOSS_INLINE void keep(const ExpBeyond<T>& power, int item) {
      one[item] = power.one;
      tangent[item] = power.tangent;
    }
  };
  template <class T, class O>
  static FUSEDLOSS_INLINE Bits<T> extraordinary(const T (&input)[2], const O&) {
    return outside_beyond(input[1]);
  }
  template <class T, int Items, class O>
  static FUSEDLOSS_INLINE void begin(const T (&input)[2], const O&, Middle<T, Items>& middle, int item) {
    middle.keep(exp_beyond(input[1]), item);
  }
  template <class T, int Items, class O>
  static FUSEDLOSS_INLINE Jet<T, 2> finish(const T (&input)[2], const O&, const Middle<T, Items>& middle, int item) {
    const T mean = input[0], twice = fma(mean, mean, middle.tangent[item]);
    return {twice, {mean + mean, middle.one[item]}, {unless_nan(twice, T(2)), T(0), exp(input[1])}};
  }
  template <class T, class O>
  static FUSEDLOSS_INLINE Jet<T, 2> eval(const T (&input)[2], const O& options) {
    Middle<T, 1> middle;
    middle.keep(exp_beyond_anywhere(input[1]), 0);
    return finish(input, options, middle, 0);
  }
  template <class T, class O>
  static FUSEDLOSS_INLINE T room(const T (&)[2], const O&) {
    return T(0);
  }
};

/// beta KL(N(mean, e^log_var), N(prior_mean, e^prior_log_var)), twice the divergence being e^u - 1 - u + d^2 with u =
/// log_var - prior_log_var and d the distance of the means in deviations of the prior. The inputs are as named here.
struct GaussianKLBetween {
  static constexpr const char* name = "gaussian_kl_between";
  static constexpr int inputs = 4, variables = 4;
  static constexpr double nanoseconds = 0.9;
  template <class T>
  struct Options {
    T half_beta;
  };
  template <class T>
  static FUSEDLOSS_INLINE T factor(const Options<T>& options) {
    return options.half_beta;
  }

  template <class T, int Items>
  struct Middle {
    T one[Items], tangent[Items];
    T inverse[Items];  ///< of the prior's deviation
  };
  /// Up to this |log_var| of the prior, its deviation and the inverse of it stay well within the range of T.
  template <class T>
  static constexpr T most_log_var = sizeof(T) == 4 ? T(160) : T(1400);

  template <class T, class O>
  static FUSEDLOSS_INLINE Bits<T> extraordinary(const T (&input)[4], const O&) {
    return outside_beyond(input[1] - input[3]) | bits_of(most_log_var<T> - absolute(input[3]));
  }
  template <class T, int Items, class O>
  static FUSEDLOSS_INLINE void begin(const T (&input)[4], const O&, Middle<T, Items>& middle, int item) {
    const TwoTerms<T> u = two_diff(input[1], input[3]);
    const ExpBeyond<T> power = with_rest(exp_beyond(u.hi), u.lo);
    middle.one[item] = power.one;
    middle.tangent[item] = power.tangent;
    middle.inverse[item] = exp_raised(T(-0.5) * input[3], raise_by<T>(0));
  }
  template <class T, int Items, class O>
  static FUSEDLOSS_INLINE Jet<T, 4> finish(const T (&input)[4], const O&, const Middle<T, Items>& middle, int item) {
    const T inverse = middle.inverse[item], distance = (input[0] - input[2]) * inverse;
    return jet(input, {middle.one[item], middle.tangent[item]}, distance, distance * inverse, inverse * inverse);
  }
  template <class T, class O>
  static FUSEDLOSS_INLINE Jet<T, 4> eval(const T (&input)[4], const O&) {
    const TwoTerms<T> u = two_diff(input[1], input[3]);
    const T apart = input[0] - input[2];
    const Exponential<T> precision = exponential(-input[3]);
    return jet(input, with_rest(exp_beyond_anywhere(u.hi), finite_rest(u)),
               exponential(T(-0.5) * input[3]).times(apart), precision.times(apart), precision.times(T(1)));
  }
  template <class T, class O>
  static FUSEDLOSS_INLINE T room(const T (&)[4], const O&) {
    return T(0);
  }

 private:
  /// What rounding lost; 0 where that is not known.
  template <class T>
  static FUSEDLOSS_INLINE T finite_rest(const TwoTerms<T>& sum) {
    return masked(sum.lo, mask_of<T>(absolute(sum.hi) < infinity<T>));
  }

  /// At x + rest, which is 0 or a rounding error of x.
  template <class T>
  static FUSEDLOSS_INLINE ExpBeyond<T> with_rest(const ExpBeyond<T>& at, T rest) {
    const Bits<T> some = mask_of<T>(rest != T(0));  // 0 times infinity is not asked for
    return {at.one + masked(rest * (at.one + T(1)), some), at.tangent + masked(rest * at.one, some)};
  }

  template <class T>
  static FUSEDLOSS_INLINE Jet<T, 4> jet(const T (&input)[4], const ExpBeyond<T>& power, T distance, T half_pull,
                                        T half_precision) {
    const T square = distance * distance, pull = T(2) * half_pull, precision = T(2) * half_precision;
    const TwoTerms<T> u = two_diff(input[1], input[3]);
    const T ratio = exp(u.hi) * (T(1) + finite_rest(u));
    return {power.tangent + square,
            {pull, power.one, -pull, -(power.one + square)},
            {precision, T(0), -precision, -pull, ratio, T(0), -ratio, precision, pull, ratio + square}};
  }
};

/// beta max(KL, free_bits): below free_bits it is constant, and its derivatives are 0.
template <class Divergence>
struct Floored : Divergence {
  static constexpr int variables = Divergence::variables, triangle = variables * (variables + 1) / 2;
  template <class T>
  struct Options {
    T half_beta, twice_free_bits;
  };
  template <class T>
  static FUSEDLOSS_INLINE T factor(const Options<T>& options) {
    return options.half_beta;
  }

  template <class T, int Items>
  static FUSEDLOSS_INLINE Jet<T, variables> finish(const T (&input)[variables], const Options<T>& options,
                                                   const typename Divergence::template Middle<T, Items>& middle,
                                                   int item) {
    return above(Divergence::finish(input, options, middle, item), options);
  }
  template <class T>
  static FUSEDLOSS_INLINE Jet<T, variables> eval(const T (&input)[variables], const Options<T>& options) {
    return above(Divergence::eval(input, options), options);
  }

 private:
  template <class T>
  static FUSEDLOSS_INLINE Jet<T, variables> above(Jet<T, variables> jet, const Options<T>& options) {
    const Bits<T> low = mask_of<T>(jet.value < options.twice_free_bits);
    jet.value = blend(low, options.twice_free_bits, jet.value);
    for_each_of<variables>([&](auto k) __attribute__((always_inline)) { jet.d1[k] = masked(jet.d1[k], ~low); });
    for_each_of<triangle>([&](auto k) __attribute__((always_inline)) { jet.d2[k] = masked(jet.d2[k], ~low); });
    return jet;
  }
};

struct GaussianKLFloor : Floored<GaussianKL> {
  static constexpr const char* name = "gaussian_kl_floor";
};

struct GaussianKLBetweenFloor : Floored<GaussianKLBetween> {
  static constexpr const char* name = "gaussian_kl_between_floor";
};

using Gaussian =
    List<GaussianNLL, CRPSGaussian, GaussianKL, GaussianKLFloor, GaussianKLBetween, GaussianKLBetweenFloor>;

FUSEDLOSS_END
