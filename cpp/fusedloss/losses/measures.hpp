// What lies between two vectors: distances, and the negative of their cosine. At distance 0 the gradient is 0.
#pragma once

#include "../core/list.hpp"
#include "../core/math.hpp"
#include "../kinds/measures.hpp"

FUSEDLOSS_BEGIN

/// A measure of the differences of coordinates; what stands for the chain rule of all of them.
template <class Measure>
struct OfDifferences {
  static constexpr int sums = 1;
  static constexpr bool recalls = true;
  template <class T>
  using Number = T;
  template <class T>
  struct Options {};

  /// Without a scale, its factors are constants.
  template <class A>
  static FUSEDLOSS_INLINE A difference(A x, A y, const Scale<A>& scale) {
    if constexpr (Measure::scaling == never || sizeof(A) < 8) return x - y;
    return (x * scale.x - y * scale.y) * scale.difference;
  }
  template <class A, class O>
  static FUSEDLOSS_INLINE Terms terms(A x, A y, const Scale<A>& scale, const O& options) {
    return {Measure::term(static_cast<double>(difference(x, y, scale)), options)};
  }
  template <class A, class O>
  static FUSEDLOSS_INLINE PairSlopes<A> slopes(A x, A y, const Factors<A>& factors, const Scale<A>& scale,
                                               const O& options) {
    const A slope = Measure::slope(difference(x, y, scale), factors, options);
    return {slope, A(0) - slope};
  }
};

/// (sum r^2)^(1/2)
struct L2Distance : OfDifferences<L2Distance> {
  static constexpr const char* name = "l2_distance";
  static constexpr double nanoseconds = 0.3;
  static constexpr Scaling scaling = if_needed;

  template <class O>
  static FUSEDLOSS_INLINE double term(double r, const O&) {
    return r * r;
  }
  template <class O>
  static FUSEDLOSS_INLINE Between between(const Terms& sum, const Scale<double>& scale, const O&) {
    const double distance = square_root(sum.a);
    return {distance / scale.x / scale.difference, {distance == 0 ? 0 : 1 / distance, 0, 0, 0}};
  }
  static FUSEDLOSS_INLINE Between recall(double value) { return {value, {1 / value, 0, 0, 0}}; }
  template <class A, class O>
  static FUSEDLOSS_INLINE A slope(A r, const Factors<A>& factors, const O&) {
    return factors.a * r;
  }
};

/// sum r^2
struct SquaredDistance : OfDifferences<SquaredDistance> {
  static constexpr const char* name = "sqeuclidean_distance";
  static constexpr double nanoseconds = 0.3;
  static constexpr Scaling scaling = never;

  template <class O>
  static FUSEDLOSS_INLINE double term(double r, const O&) {
    return r * r;
  }
  template <class O>
  static FUSEDLOSS_INLINE Between between(const Terms& sum, const Scale<double>&, const O&) {
    return recall(sum.a);
  }
  static FUSEDLOSS_INLINE Between recall(double value) { return {value, {2, 0, 0, 0}}; }
  template <class A, class O>
  static FUSEDLOSS_INLINE A slope(A r, const Factors<A>& factors, const O&) {
    return factors.a * r;
  }
};

/// sum |r|
struct L1Distance : OfDifferences<L1Distance> {
  static constexpr const char* name = "l1_distance";
  static constexpr double nanoseconds = 0.3;
  static constexpr Scaling scaling = never;

  template <class O>
  static FUSEDLOSS_INLINE double term(double r, const O&) {
    return absolute(r);
  }
  template <class O>
  static FUSEDLOSS_INLINE Between between(const Terms& sum, const Scale<double>&, const O&) {
    return recall(sum.a);
  }
  static FUSEDLOSS_INLINE Between recall(double value) { return {value, {1, 0, 0, 0}}; }
  template <class A, class O>
  static FUSEDLOSS_INLINE A slope(A r, const Factors<A>& factors, const O&) {
    return masked(factors.a * copy_sign(A(1), r), mask_of<A>(r != 0));
  }
};

/// (sum |r|^p)^(1/p), p > 1. The largest |r| is brought near 1 beforehand, as powers leave every range; where a power
/// counts beside it, p log |r| is small, and its exponential accurate.
struct LpDistance : OfDifferences<LpDistance> {
  static constexpr const char* name = "lp_distance";
  static constexpr double nanoseconds = 8;
  static constexpr Scaling scaling = always;
  static constexpr bool recalls = false;
  template <class T>
  using Number = double;
  template <class T>
  struct Options {
    T p;
  };
  template <class T>
  static FUSEDLOSS_INLINE Options<double> widen(const Options<T>& options) {
    return {static_cast<double>(options.p)};
  }

  static FUSEDLOSS_INLINE double term(double r, const Options<double>& options) {
    return exp(options.p * log(absolute(r)));
  }
  static FUSEDLOSS_INLINE Between between(const Terms& sum, const Scale<double>& scale,
                                          const Options<double>& options) {
    const double distance = exp(log(sum.a) / options.p);
    return {distance / scale.x / scale.difference, {1, 0, 0, distance == 0 ? 0 : 1 / distance}};
  }
  static FUSEDLOSS_INLINE double slope(double r, const Factors<double>& factors, const Options<double>& options) {
    return factors.a * copy_sign(exp((options.p - 1) * log(absolute(r) * factors.inverse)), r);
  }
};

/// -cos(x, y). A vector no longer than eps has no direction: its cosine is 0, and so is the gradient.
struct NegativeCosine {
  static constexpr const char* name = "negative_cosine";
  static constexpr double nanoseconds = 0.4;
  static constexpr int sums = 3;
  static constexpr bool recalls = false;
  static constexpr Scaling scaling = if_needed;
  template <class T>
  struct Options {
    T eps;
  };
  template <class T>
  static FUSEDLOSS_INLINE Options<double> widen(const Options<T>& options) {
    return {static_cast<double>(options.eps)};
  }

  template <class T>
  using Number = double;

  static FUSEDLOSS_INLINE Terms terms(double x, double y, const Scale<double>& scale, const Options<double>&) {
    const double u = x * scale.x, v = y * scale.y;
    return {u * u, v * v, u * v};
  }
  static FUSEDLOSS_INLINE Between between(const Terms& sum, const Scale<double>& scale,
                                          const Options<double>& options) {
    const double length_x = square_root(sum.a), length_y = square_root(sum.b);
    if (length_x / scale.x <= options.eps || length_y / scale.y <= options.eps) return {0 * sum.c};
    const double cosine = clamp_between(sum.c / length_x / length_y, -1.0, 1.0);
    return {0.0 - cosine, {cosine / sum.a, -1 / length_x / length_y, cosine / sum.b, 0}};
  }
  static FUSEDLOSS_INLINE PairSlopes<double> slopes(double x, double y, const Factors<double>& factors,
                                                    const Scale<double>& scale, const Options<double>&) {
    const double u = x * scale.x, v = y * scale.y;
    return {scale.x * (factors.a * u + factors.b * v), scale.y * (factors.b * u + factors.c * v)};
  }
};

using Measures = List<L2Distance, SquaredDistance, L1Distance, LpDistance, NegativeCosine>;

FUSEDLOSS_END
