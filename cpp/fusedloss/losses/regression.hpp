// Losses of a residual: pred - target.
#pragma once

#include "../core/bits.hpp"
#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"

FUSEDLOSS_BEGIN

/// The chain rule of the family: a loss gives its Jet as a function of r = pred - target, whose derivative by pred
/// is 1.
template <class Loss>
struct Residual {
  static constexpr int inputs = 2, variables = 1;

  template <class T, class Options>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options& options) {
    return Loss::of(input[0] - input[1], options);
  }
  template <class T, class Options>
  static FUSEDLOSS_INLINE T room(const T (&)[2], const Options&) {
    return T(0);
  }
};

/// scale r^2.
struct Squared : Residual<Squared> {
  static constexpr const char* name = "squared";
  static constexpr double nanoseconds = 0.15;
  template <class T>
  struct Options {
    T scale;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>& options) {
    const T slope = options.scale * r;
    return {slope * r, slope + slope, options.scale + options.scale};
  }
};

/// |r|; derivative 0 at r = 0.
struct Absolute : Residual<Absolute> {
  static constexpr const char* name = "absolute";
  static constexpr double nanoseconds = 0.15;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>&) {
    return {absolute(r), r > T(0) ? T(1) : r < T(0) ? T(-1) : r, unless_nan(r, T(0))};
  }
};

/// r^2 / 2 within delta, delta (|r| - delta / 2) beyond. |d1| <= delta.
struct Huber : Residual<Huber> {
  static constexpr const char* name = "huber";
  static constexpr double nanoseconds = 0.2;
  template <class T>
  struct Options {
    T delta;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>& options) {
    const T size = absolute(r);
    const T inner = minimum(size, options.delta);
    return {inner * (size - T(0.5) * inner), copy_sign(inner, r), size <= options.delta ? T(1) : unless_nan(r, T(0))};
  }
};

/// Huber's loss over its delta, here beta: r^2 / (2 beta), beyond |r| - beta / 2.
struct SmoothAbsolute : Residual<SmoothAbsolute> {
  static constexpr const char* name = "smooth_l1";
  static constexpr double nanoseconds = 0.2;
  template <class T>
  struct Options {
    T beta, inverse;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>& options) {
    const T size = absolute(r), inner = minimum(size, options.beta);
    const T part = inner * options.inverse;
    const bool quadratic = size <= options.beta;
    return {part * (size - T(0.5) * inner), copy_sign(quadratic ? part : unless_nan(r, T(1)), r),
            quadratic ? options.inverse : unless_nan(r, T(0))};
  }
};

/// delta^2 (sqrt(1 + (r / delta)^2) - 1), in terms that neither cancel nor overflow.
struct PseudoHuber : Residual<PseudoHuber> {
  static constexpr const char* name = "pseudo_huber";
  static constexpr double nanoseconds = 0.7;
  template <class T>
  struct Options {
    T delta, inverse;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>& options) {
    const T size = absolute(r), x = size * options.inverse;
    const T lower = minimum(x, T(1));
    const T shrink = T(1) / maximum(x, T(1));  // sqrt(1 + x^2) = root / shrink
    const T ratio = lower * shrink;
    const T root = square_root(fma(ratio, ratio, T(1)));
    const T inverse = T(1) / root;
    const T curve = shrink * inverse;
    // lower / (shrink + root) = x / (1 + sqrt(1 + x^2)), lower and shrink being x and 1, or 1 and 1 / x.
    return {size * (options.delta * (lower / (shrink + root))), copy_sign(options.delta * (lower * inverse), r),
            curve * curve * curve};
  }
};

/// log cosh r.
struct LogCoshResidual : Residual<LogCoshResidual> {
  static constexpr const char* name = "log_cosh";
  static constexpr double nanoseconds = 1.2;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>&) {
    const LogCosh<T> at = log_cosh(r);
    return {at.value, at.tanh, at.sech2};
  }
};

/// |tau - [r > 0]| r^2.
struct Expectile : Residual<Expectile> {
  static constexpr const char* name = "expectile";
  static constexpr double nanoseconds = 0.2;
  template <class T>
  struct Options {
    T tau;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>& options) {
    const T weight = r > T(0) ? T(1) - options.tau : unless_nan(r, options.tau);
    const T slope = weight * r;
    return {slope * r, slope + slope, weight + weight};
  }
};

/// max(q e, (q - 1) e) with e = target - pred; the level q is an array parameter. Derivative 0 at e = 0.
struct Quantile {
  static constexpr const char* name = "quantile";
  static constexpr double nanoseconds = 0.2;
  static constexpr int inputs = 3, variables = 1;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[3], const Options<T>&) {
    const T e = input[1] - input[0], q = input[2];
    const T slope = e > T(0) ? q : q - T(1);
    return {slope * e + T(0), e == T(0) ? T(0) : unless_nan(e, -slope), unless_nan(e, T(0))};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&)[3], const Options<T>&) {
    return T(0);
  }
};

using Regression = List<Squared, Absolute, Huber, SmoothAbsolute, PseudoHuber, LogCoshResidual, Expectile, Quantile>;

FUSEDLOSS_END
