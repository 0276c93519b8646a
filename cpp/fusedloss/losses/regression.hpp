// Losses of a residual: pred - target.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"
#include "residual.hpp"

FUSEDLOSS_BEGIN

/// scale r^2.
struct Squared : Residual<Squared> {
  static constexpr const char* name = "squared";
  static constexpr double nanoseconds = 0.18;
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
  static constexpr double nanoseconds = 0.25;
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

/// Huber's loss over beta: r^2 / (2 beta) within beta, |r| - beta / 2 beyond.
struct SmoothL1 : Residual<SmoothL1> {
  static constexpr const char* name = "smooth_l1";
  static constexpr double nanoseconds = 0.25;
  template <class T>
  struct Options {
    T beta, inverse;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>& options) {
    const T size = absolute(r);
    const T slope = minimum(size * options.inverse, T(1));
    return {slope * (size - T(0.5) * minimum(size, options.beta)), copy_sign(slope, r),
            size <= options.beta ? options.inverse : unless_nan(r, T(0))};
  }
};

/// scale delta^2 (sqrt(1 + (r / delta)^2) - 1), as scale r^2 / (1 + sqrt(...)): nothing cancels at small r.
struct PseudoHuber : Residual<PseudoHuber> {
  static constexpr const char* name = "pseudo_huber";
  static constexpr double nanoseconds = 0.55;
  template <class T>
  struct Options {
    T delta, inverse;
    T scale, pull;  // pull = scale delta
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T r, const Options<T>& options) {
    constexpr T linear_beyond = sizeof(T) == 4 ? T(0x1p14) : T(0x1p28);  // there the root is |x|, and x^2 may overflow
    const T size = absolute(r);
    const T x = size * options.inverse;
    const Bits<T> far = mask_of<T>(x > linear_beyond);
    const T held = minimum(x, linear_beyond);
    const T root = blend(far, x, square_root(fma(held, held, T(1))));
    const T inverse = T(1) / root, scaled = options.scale * size;
    return {blend(far, options.pull * (size - options.delta), size * (scaled / (T(1) + root))),
            copy_sign(blend(far, options.pull, scaled * inverse), r), options.scale * inverse * inverse * inverse};
  }
};

/// log cosh r.
struct LogCoshResidual : PreciseResidual<LogCoshResidual> {
  static constexpr const char* name = "log_cosh";
  static constexpr double nanoseconds = 0.85;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(const ExactResidual<T>& residual, const Options<T>&) {
    const LogCosh<T> at = log_cosh(residual.r);
    // The second derivative falls like e^-2|r|: what the residual's rounding lost is felt 2 |r| times over.
    return {at.value, at.tanh, at.sech2 - T(2) * at.sech2 * residual.finite().lo};
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

/// tau e^2, e = target - pred, and (1 - tau) e^2 for negative e; the level tau is an array parameter.
struct Expectile {
  static constexpr const char* name = "expectile";
  static constexpr double nanoseconds = 0.2;
  static constexpr int inputs = 3, variables = 1;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[3], const Options<T>&) {
    const T r = input[0] - input[1], tau = input[2];
    const T steepness = r > T(0) ? T(1) - tau : tau;
    const T half = steepness * r;
    return {half * r, half + half, unless_nan(r, steepness + steepness)};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&)[3], const Options<T>&) {
    return T(0);
  }
};

using Regression = List<Squared, Absolute, Huber, SmoothL1, PseudoHuber, LogCoshResidual, Quantile, Expectile>;

FUSEDLOSS_END
