// Negative log-likelihoods of counts and amounts: Poisson, gamma and Tweedie distributions, most of them of a logarithm
// of the mean.
#pragma once

#include "../core/halves.hpp"
#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"
#include "../core/scaled.hpp"

FUSEDLOSS_BEGIN

/// Negative outside [0, inf).
template <class T>
FUSEDLOSS_INLINE T not_negative_room(T y) {
  return y * (-lowest<T> - y);
}

/// Negative outside (0, inf).
template <class T>
FUSEDLOSS_INLINE T positive_room(T y) {
  return y <= T(0) ? T(-1) : -lowest<T> - y;
}

/// Negative outside (-inf, inf).
template <class T>
FUSEDLOSS_INLINE T finite_room(T y) {
  return -lowest<T> - absolute(y);
}

/// e^z - y z. Without a count there is no second term, whatever z is.
struct Poisson {
  static constexpr const char* name = "poisson";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 0.6;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>&) {
    const T y = input[1], mean = exp(input[0]);
    const T linear = y * masked(input[0], mask_of<T>(y != T(0)));
    // Without the mask two infinite terms would leave NaN.
    return {mean - masked(linear, mask_of<T>(mean < infinity<T>)), mean - y, mean};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return not_negative_room(input[1]);
  }
};

/// log(2 pi y) / 2, the last term of Stirling's formula, from log y.
template <class T>
FUSEDLOSS_INLINE T stirling_tail(T log_y) {
  constexpr T half_log_two_pi = T(0x1.d67f1c864beb5p-1);
  return fma(T(0.5), log_y, half_log_two_pi);
}

/// e^z - y z, for y > 1 with Stirling's term y log y - y + log(2 pi y) / 2.
struct PoissonFull {
  static constexpr const char* name = "poisson_full";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 1.6;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>&) {
    const Jet<T> plain = Poisson::eval(input, {});
    const T y = maximum(input[1], T(1)), mean = plain.d2;
    // The large terms are y (e^t - 1 - t), t = z - log y: never negative, but a difference near t = 0. There the last
    // bits of t count; the product of the exponent and the first part of ln 2 is exact.
    const Mantissa<T> m = split(y);
    const T t = ((input[0] - m.exponent * ln2_hi<T>)-log_of(T(0), m.f)) - m.exponent * ln2_lo<T>;
    const T near = clamp_between(t, T(-0.5), T(0.5));
    const T far = mean - masked(y * (T(1) + t), mask_of<T>(mean < infinity<T>));
    const T deviance = blend(mask_of<T>(near == t), y * (near * near * expm1_tail(near)), far);
    const T log_y = log_of(m.exponent, m.f);
    return {blend(mask_of<T>(input[1] > T(1)), deviance + stirling_tail(log_y), plain.value), plain.d1, plain.d2};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return not_negative_room(input[1]);
  }
};

/// What losses of z + eps, the mean of a count, share.
template <class T>
struct RateOptions {
  T eps;
};

template <class T>
FUSEDLOSS_INLINE T rate_room(T z, T y) {
  return minimum(not_negative_room(z), not_negative_room(y));
}

/// z - y log(z + eps).
struct PoissonRate {
  static constexpr const char* name = "poisson_rate";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 0.8;
  template <class T>
  using Options = RateOptions<T>;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const T z = input[0], y = input[1];
    const TwoTerms<T> rate = two_sum(z, options.eps);
    const T value = fma(-y, masked(log(rate.hi, rate.lo), mask_of<T>(y != T(0))), z);
    return {value, ((rate.hi - y) + rate.lo) / rate.hi, y / rate.hi / rate.hi};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return rate_room(input[0], input[1]);
  }
};

/// z - y log(z + eps), for y > 1 with Stirling's term.
struct PoissonRateFull {
  static constexpr const char* name = "poisson_rate_full";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 1.8;
  template <class T>
  using Options = RateOptions<T>;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const Jet<T> plain = PoissonRate::eval(input, options);
    const T y = maximum(input[1], T(1));
    const TwoTerms<T> rate = two_sum(input[0], options.eps);
    // y (x - log(1 + x)) + log(2 pi y) / 2 - eps with 1 + x = (z + eps) / y, the quotient with its remainder.
    const T inverse = T(1) / y, ratio = rate.hi * inverse;
    const T rest = (residual(rate.hi, ratio, y) + rate.lo) * inverse;
    const T x = (ratio - T(1)) + rest;
    const Mantissa<T> m = split(y);
    const T full = fma(y, x - log(ratio, rest), stirling_tail(log_of(m.exponent, m.f)) - options.eps);
    return {blend(mask_of<T>(input[1] > T(1)), full, plain.value), plain.d1, plain.d2};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return rate_room(input[0], input[1]);
  }
};

/// z + y e^-z.
struct Gamma {
  static constexpr const char* name = "gamma";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 0.6;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>&) {
    const T z = input[0];
    const T ratio = exponential(-z).times(input[1]);
    return {maximum(z, lowest<T>) + ratio, T(1) - ratio, ratio};  // at z = -inf the second term is the larger one
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return positive_room(input[1]);
  }
};

/// e^(a z) / a - y e^(b z) / b, a = 2 - p and b = 1 - p, neither of them 0. The larger one of e^z and y tells which
/// exponential is taken out of both terms: neither leaves the range of T before the result does.
struct Tweedie {
  static constexpr const char* name = "tweedie";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 1.7;
  template <class T>
  struct Options {
    T a_hi, a_lo, b_hi, b_lo;  ///< in two parts: z multiplies what is lost
    T sign, strict;            ///< 1 if targets are not negative, and if they are not 0 either; else 0
  };
  template <class T, int Items>
  struct Middle {
    T mean[Items];
  };
  template <class T, int Items>
  static FUSEDLOSS_INLINE void begin(const T (&input)[2], const Options<T>&, Middle<T, Items>& middle, int item) {
    middle.mean[item] = exp(input[0]);
  }
  template <class T, int Items>
  static FUSEDLOSS_INLINE Jet<T> finish(const T (&input)[2], const Options<T>& options, const Middle<T, Items>& middle,
                                        int item) {
    const T z = input[0], y = input[1], mean = middle.mean[item];
    const Bits<T> above = mask_of<T>(mean >= absolute(y)), some = mask_of<T>(y != T(0));
    const T u = blend(above, T(1), mean), v = blend(above, masked(y / mean, some), y);
    const T hi = blend(above, options.a_hi, options.b_hi), lo = blend(above, options.a_lo, options.b_lo);
    const TwoTerms<T> x = two_product(hi, z);
    const Exponential<T> power = exponential(x.hi, fma(lo, z, x.lo));
    const T a = options.a_hi + options.a_lo, b = options.b_hi + options.b_lo;
    return {power.times(u * (T(1) / a) - v * (T(1) / b)), power.times(u - v), power.times(a * u - b * v)};
  }
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    return both_halves<Tweedie>(input, options);
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>& options) {
    const T y = input[1];
    return minimum(finite_room(y), options.sign * y - masked(options.strict, mask_of<T>(y == T(0))));
  }
};

/// (e^z - y)^2 / 2: the Tweedie deviance of power 0.
struct TweedieNormal {
  static constexpr const char* name = "tweedie_normal";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 0.9;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>&) {
    const T z = input[0], mean = exp(z), r = mean - input[1];
    const Exponential<T> power = exponential(z);
    return {T(0.5) * r * r, power.times(r), power.times(mean + r)};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return finite_room(input[1]);
  }
};

using Likelihood = List<Poisson, PoissonFull, PoissonRate, PoissonRateFull, Gamma, Tweedie, TweedieNormal>;

FUSEDLOSS_END
