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

/// e^x - 1 and e^x - 1 - x, within 2 and 8 epsilons. With x = k ln 2 + r and q = e^r - 1 - r the second one is
/// 2^k q + (2^k r + 2^k - 1 - x), whose brackets vanish for k = 0: nothing cancels about x = 0. Halves, as 2^k may be
/// more than a number has.
template <class T>
struct ExpBeyond {
  T one, tangent;
};

template <class T>
FUSEDLOSS_INLINE ExpBeyond<T> exp_beyond(T x) {
  constexpr T least = sizeof(T) == 4 ? T(-18) : T(-38);  // below, e^x is lost in -1
  constexpr T most = sizeof(T) == 4 ? T(89) : T(710);    // from there on it is infinite
  const T below = minimum(x, most);
  const auto [r, exponent, biased_twice] = reduce_exponent(maximum(below, least));
  const T q = r * r * exp_tail(r), half = power_of_two<T>(biased_twice - (Format<T>::exponent_bias + 1));
  const T shift = half - T(0.5);
  return {T(2) * fma(half, r + q, shift), T(2) * fma(half, q, fma(half, r, fma(T(-0.5), below, shift)))};
}

/// beta max(KL(N(mean, e^log_var), N(0, 1)), free_bits), the divergence being (e^s - 1 - s + mean^2) / 2 with s =
/// log_var. The inputs are mean and log_var. Below free_bits it is constant, and its derivatives are 0.
struct GaussianKL {
  static constexpr const char* name = "gaussian_kl";
  static constexpr int inputs = 2, variables = 2;
  static constexpr double nanoseconds = 0.8;
  template <class T>
  struct Options {
    T beta, free_bits;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T, 2> eval(const T (&input)[2], const Options<T>& options) {
    const T mean = input[0], s = input[1], half = T(0.5) * options.beta;
    const ExpBeyond<T> power = exp_beyond(s);
    const T divergence = T(0.5) * fma(mean, mean, power.tangent);
    const Bits<T> free = ~mask_of<T>(divergence < options.free_bits);
    return {options.beta * maximum(divergence, options.free_bits),
            {masked(options.beta * mean, free), masked(half * power.one, free)},
            {masked(unless_nan(divergence, options.beta), free), T(0), masked(half * exp(s), free)}};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&)[2], const Options<T>&) {
    return T(0);
  }
};

using Gaussian = List<GaussianNLL, CRPSGaussian, GaussianKL>;

FUSEDLOSS_END
