// Negative log-likelihoods of counts and amounts: Poisson, gamma and Tweedie distributions, most of them of a logarithm
// of the mean.
#pragma once

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

/// log(2 pi y) / 2, the last term of Stirling's formula, from log y.
template <class T>
FUSEDLOSS_INLINE T stirling_tail(T log_y) {
  constexpr T half_log_two_pi = T(0x1.d67f1c864beb5p-1);
  return fma(T(0.5), log_y, half_log_two_pi);
}

/// e^z and a count y in units in which they are numbers of T wherever their difference is: far up not those of T.
template <class T>
struct MeanAndCount {
  T mean, count;
  T unit;
  T log_mean;  ///< z, or a number that leaves the results infinite
};

template <class T>
FUSEDLOSS_INLINE MeanAndCount<T> mean_and_count(T z, T y) {
  constexpr Bits<T> half = Format<T>::exponent_bias / 2;
  constexpr T far = sizeof(T) == 4 ? T(80) : T(700), top = T(-1.6) * exp_underflow<T>;  // top: beyond y z for every y
  const Bits<T> shift = mask_of<T>(z > far) & half;
  const auto [r, exponent, biased_twice] = reduce_exponent(clamp_between(z, exp_underflow<T>, top));
  return {scale(T(1) + expm1_reduced(r), biased_twice - shift), y * power_of_two<T>(Format<T>::exponent_bias - shift),
          power_of_two<T>(Format<T>::exponent_bias + shift), minimum(z, top)};
}

/// e^z - y z.
struct Poisson {
  static constexpr const char* name = "poisson";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 0.5;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>&) {
    const MeanAndCount<T> at = mean_and_count(input[0], input[1]);
    const T linear = masked(at.log_mean, mask_of<T>(input[1] != T(0)));  // without a count there is no second term
    return {fma(-at.count, linear, at.mean) * at.unit, (at.mean - at.count) * at.unit, at.mean * at.unit};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return not_negative_room(input[1]);
  }
};

/// e^z - y z, for y > 1 with Stirling's term y log y - y + log(2 pi y) / 2.
struct PoissonFull {
  static constexpr const char* name = "poisson_full";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 1.2;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>&) {
    const Jet<T> plain = Poisson::eval(input, {});
    const MeanAndCount<T> at = mean_and_count(input[0], input[1]);
    const T y = input[1];
    // The large terms are y (e^t - 1 - t) with t = z - log y, never negative. Near t = 0 its last bits count: the
    // product of the exponent and the first part of ln 2 is exact. Far from there e^t would multiply its error.
    const Mantissa<T> m = split(maximum(y, T(1)));
    const T above = at.log_mean - m.exponent * ln2_hi<T>;
    const T t = (above - log_of(T(0), m.f)) - m.exponent * ln2_lo<T>;
    const T near = clamp_between(t, T(-0.34), T(0.34)), middle = clamp_between(t, T(-1), T(1));
    const T excess = blend(mask_of<T>(near == t), t * t * exp_tail(near), expm1(middle) - middle);
    const T deviance = blend(mask_of<T>(middle == t), y * excess, fma(-at.count, T(1) + t, at.mean) * at.unit);
    const T full = deviance + stirling_tail(log_of(m.exponent, m.f));
    return {blend(mask_of<T>(y > T(1)), full, plain.value), plain.d1, plain.d2};
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
  static constexpr double nanoseconds = 0.9;
  template <class T>
  using Options = RateOptions<T>;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const T z = input[0], y = input[1];
    const TwoTerms<T> rate = two_sum(z, options.eps);
    // Large counts in quarters: the product may be out of range where the difference is not.
    const Bits<T> shift = mask_of<T>(y > T(1)) & 2;
    const T unit = power_of_two<T>(Format<T>::exponent_bias + shift);
    const T part = power_of_two<T>(Format<T>::exponent_bias - shift);
    const T value = fma(-(y * part), log(rate.hi, rate.lo), z * part) * unit;
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
  static constexpr double nanoseconds = 1.6;
  template <class T>
  using Options = RateOptions<T>;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const Jet<T> plain = PoissonRate::eval(input, options);
    const T y = maximum(input[1], T(1));
    const TwoTerms<T> rate = two_sum(input[0], options.eps);
    // y (x - log(1 + x)) + log(2 pi y) / 2 - eps with 1 + x = (z + eps) / y.
    const Mantissa<T> m = split_any(rate.hi), n = split(y);
    const T inverse = power_of_two<T>(2 * Format<T>::exponent_bias + 1 - m.biased_exponent) * T(0.5);
    const T t = log_of(m.exponent - n.exponent, fma(rate.lo, inverse, m.f)) - log_of(T(0), n.f);
    const T x = ((rate.hi - y) + rate.lo) / y;
    const T near = clamp_between(x, T(-0.25), T(0.25));
    const T excess = blend(mask_of<T>(near == x), -log_tail(near, T(0)), x - t);
    const T full = fma(y, excess, stirling_tail(log_of(n.exponent, n.f)) - options.eps);
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
  static constexpr double nanoseconds = 0.5;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>&) {
    const T z = input[0];
    const T ratio = exp_times(input[1], -z);
    return {maximum(z, lowest<T>) + ratio, T(1) - ratio, ratio};  // at z = -inf the second term is the larger one
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return positive_room(input[1]);
  }
};

/// The powers of the mean e^z in a Tweedie deviance: e^((2 - p) z) and y e^((1 - p) z), in one unit, as T may hold
/// neither where it holds their difference. p is between -100 and 100.
template <class T>
FUSEDLOSS_INLINE Aligned<T> tweedie_powers(T z, T y, TwoTerms<T> a, TwoTerms<T> b) {
  // Where reach cuts, e^z and y are no longer of a size, and the larger term is to stay the larger one.
  constexpr T reach = sizeof(T) == 4 ? T(20000) : T(100000), margin = sizeof(T) == 4 ? T(500) : T(5000);
  constexpr T far = sizeof(T) == 4 ? T(1e30) : T(1e280);
  const T x = clamp_between(z, -far, far);
  const auto product = [x](TwoTerms<T> factor) {
    const TwoTerms<T> rough = two_product(factor.hi, x);
    return quick_two_sum(rough.hi, fma(factor.lo, x, rough.lo));
  };
  const TwoTerms<T> of_mean = product(a), of_target = product(b);
  const T above = maximum(copy_sign(margin, x), T(0));
  return align(scaled_exp(of_mean.hi, of_mean.lo, reach + above),
               times(y, scaled_exp(of_target.hi, of_target.lo, reach + margin - above)));
}

/// e^(a z) / a - y e^(b z) / b, a = 2 - p and b = 1 - p, neither of them 0.
struct Tweedie {
  static constexpr const char* name = "tweedie";
  static constexpr int inputs = 2, variables = 1;
  static constexpr double nanoseconds = 1.6;
  template <class T>
  struct Options {
    T a_hi, a_lo, b_hi, b_lo;  ///< in two parts: z multiplies what is lost
    T sign, strict;            ///< 1 if targets are not negative, and if they are not 0 either; else 0
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const T a = options.a_hi + options.a_lo, b = options.b_hi + options.b_lo;
    const Aligned<T> power =
        tweedie_powers(input[0], input[1], {options.a_hi, options.a_lo}, {options.b_hi, options.b_lo});
    return {power.difference(T(1) / a, T(1) / b), power.difference(T(1), T(1)), power.difference(a, b)};
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
  static constexpr double nanoseconds = 1.2;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>&) {
    const T r = exp(input[0]) - input[1];
    const Aligned<T> power = tweedie_powers(input[0], input[1], {T(2), T(0)}, {T(1), T(0)});
    return {T(0.5) * r * r, power.difference(T(1), T(1)), power.difference(T(2), T(1))};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options<T>&) {
    return finite_room(input[1]);
  }
};

using Likelihood = List<Poisson, PoissonFull, PoissonRate, PoissonRateFull, Gamma, Tweedie, TweedieNormal>;

FUSEDLOSS_END
