// Losses of images and of feature maps: how rough they are, how alike two of them are.
#pragma once

#include <cstdint>

#include "../core/bits.hpp"
#include "../core/list.hpp"
#include "../kinds/feature_maps.hpp"
#include "../kinds/images.hpp"

FUSEDLOSS_BEGIN

/// |dx| + |dy|.
struct AnisotropicVariation {
  static constexpr const char* name = "variation_anisotropic";
  static constexpr double nanoseconds = 0.3;
  template <class T>
  struct Options {};
  static FUSEDLOSS_INLINE double sign(double r) { return select(r == 0.0, 0.0, copy_sign(1.0, r)); }
  static FUSEDLOSS_INLINE Rise of(double right, double below, const Options<double>&) {
    return {absolute(right), absolute(below), unless_nan(right, sign(right)), unless_nan(below, sign(below))};
  }
};

/// The same with sqrt(r^2 + eps^2) - eps in the place of |r|.
struct SmoothVariation {
  static constexpr const char* name = "variation_smooth";
  static constexpr double nanoseconds = 1.0;
  template <class T>
  struct Options {
    T eps;
  };
  static FUSEDLOSS_INLINE Rise of(double right, double below, const Options<double>& options) {
    const double eps = options.eps;
    const double x = square_root(fma(right, right, eps * eps)), y = square_root(fma(below, below, eps * eps));
    return {right * right / (x + eps), below * below / (y + eps), right / x, below / y};
  }
};

/// sqrt(dx^2 + dy^2 + eps^2) - eps; eps may be 0.
struct IsotropicVariation {
  static constexpr const char* name = "variation_isotropic";
  static constexpr double nanoseconds = 0.8;
  template <class T>
  struct Options {
    T eps;
  };
  static FUSEDLOSS_INLINE Rise of(double right, double below, const Options<double>& options) {
    const double square = fma(right, right, below * below);
    const double size = square_root(fma(options.eps, options.eps, square));
    const double per = select(size == 0.0, 0.0, 1.0 / size);
    const double value = select(size == 0.0, 0.0, square / (size + options.eps));
    return {value, 0.0, right * per, below * per};
  }
};

/// dx^2 + dy^2.
struct SquaredVariation {
  static constexpr const char* name = "variation_squared";
  static constexpr double nanoseconds = 0.3;
  template <class T>
  struct Options {};
  static FUSEDLOSS_INLINE Rise of(double right, double below, const Options<double>&) {
    return {right * right, below * below, 2 * right, 2 * below};
  }
};

/// 1 - SSIM (Wang et al. 2004), with c1 and c2.
///
/// The similarity of brightness is 1 - a and that of structure 1 - b, where with m = x + y, d = x - y
///   a = mean(d)^2 / ((mean(m)^2 + mean(d)^2) / 2 + c1)
///   b = var(d)    / ((var(m)    + var(d))    / 2 + c2):
/// 1 - SSIM = a + b - a b, which for images that are alike has all its digits.
struct StructuralSimilarity {
  static constexpr const char* name = "structural_similarity";
  static constexpr double nanoseconds = 3.0;
  template <class T>
  struct Options {
    T c1, c2;
  };
  static FUSEDLOSS_INLINE WindowJet of(const Means& mean, const Options<double>& options) {
    const double spread_m = fma(-mean.m, mean.m, mean.square_m), spread_d = fma(-mean.d, mean.d, mean.square_d);
    const double per_light = 1 / (fma(0.5, fma(mean.m, mean.m, mean.d * mean.d), options.c1));
    const double per_spread = 1 / fma(0.5, spread_m + spread_d, options.c2);
    const double a = mean.d * mean.d * per_light, b = spread_d * per_spread;
    const double square_d = (1 - a) * (1 - 0.5 * b) * per_spread;
    const double square_m = -0.5 * (1 - a) * b * per_spread;
    const double by_m = -((1 - b) * a * per_light) * mean.m - 2 * mean.m * square_m;
    const double by_d = (1 - b) * (2 - a) * per_light * mean.d - 2 * mean.d * square_d;
    return {fma(-a, b, a + b), by_m, by_d, square_m, square_d};
  }
};

/// |r| of a coordinate.
struct AbsoluteFeature {
  static constexpr const char* name = "feature_l1";
  static constexpr double nanoseconds = 0.5;
  template <class T>
  using Options = FeatureOptions<T>;
  static FUSEDLOSS_INLINE CoordinateJet of(double r) {
    return {absolute(r), unless_nan(r, select(r == 0.0, 0.0, copy_sign(1.0, r)))};
  }
};

/// r^2.
struct SquaredFeature {
  static constexpr const char* name = "feature_l2";
  static constexpr double nanoseconds = 0.5;
  template <class T>
  using Options = FeatureOptions<T>;
  static FUSEDLOSS_INLINE CoordinateJet of(double r) { return {r * r, 2 * r}; }
};

using Variations = List<AnisotropicVariation, SmoothVariation, IsotropicVariation, SquaredVariation>;
using WindowLosses = List<StructuralSimilarity>;
using Features = List<AbsoluteFeature, SquaredFeature>;

FUSEDLOSS_END
