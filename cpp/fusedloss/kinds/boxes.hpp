// The kind of losses between boxes: a row holds the four numbers of a box, an item is one of pred and one of the
// target.
//
// All of it is 1 - I / U, I being the area of the intersection and U that of the union, and a penalty:
//
//   giou  (C - U) / C, C the area of the smallest box around both (Rezatofighi et al. 2019)
//   diou  d^2 / c^2, d between the centres, c the diagonal of that box (Zheng et al. 2020)
//   ciou  that, and v^2 / (1 - I / U + v), v = (2 / pi x the angle between the diagonals)^2
//
// Design:
// 1. All in double: of floats neither areas nor their squares leave the range, and a loss close to 0 keeps digits.
// 2. Nothing is added to a denominator. A ratio whose denominator is 0, as boxes without area have it, is 0, and so is
//    its gradient.
// 3. Where two edges are equal the gradient is half of both sides', so that of equal boxes it is 0. Boxes that only
//    touch have no gradient from their intersection. A box whose high edge is below its low one lies there, without
//    area: its high edge has no gradient.
// 4. The penalty of ciou is a function of the boxes like any other: its factor is not held constant.
#pragma once

#include <cstdint>

#include "../core/angle.hpp"
#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "rows.hpp"

FUSEDLOSS_BEGIN

enum class Penalty { none, area, distance, shape };

/// n / d, 0 where d >= 0 is, or has no inverse; and the derivatives of that.
struct SafeRatio {
  double value, by_n, by_d;
  FUSEDLOSS_INLINE SafeRatio(double n, double d) {
    const Bits<double> there = ~mask_of<double>(d < Format<double>::smallest_normal);
    by_n = masked(1 / d, there);
    value = masked(n / d, there);
    by_d = -value * by_n;
  }
};

/// One where x > y, half where both are equal.
FUSEDLOSS_INLINE double above(double x, double y) {
  return 0.5 * (masked(1.0, mask_of<double>(x > y)) + masked(1.0, mask_of<double>(x >= y)));
}

/// Along one axis: the intersection of two intervals, what both take up together with the gap between them, and by how
/// much both change with the ends of the first one.
struct Extent {
  double gap;  ///< between the centres
  double side, other, common, whole;
  double side_low, side_high, common_low, common_high, whole_low, whole_high;

  FUSEDLOSS_INLINE Extent(double low, double given_high, double target_low, double given_target_high) {
    const double high = maximum(given_high, low), target_high = maximum(given_target_high, target_low);
    const double length = high - low, shared = minimum(high, target_high) - maximum(low, target_low);
    const Bits<double> positive = mask_of<double>(length > 0), meets = mask_of<double>(shared > 0);
    gap = 0.5 * ((low - target_low) + (high - target_high));
    side = length;
    other = target_high - target_low;
    common = maximum(shared, 0.0);
    whole = maximum(high, target_high) - minimum(low, target_low);
    side_low = masked(-1.0, positive);
    side_high = masked(1.0, positive);
    common_low = masked(-above(low, target_low), meets);
    common_high = masked(above(target_high, high), meets);
    whole_low = -above(target_low, low);
    whole_high = above(high, target_high);
  }
};

/// Which penalty; `centres`: whether boxes are given by centre, width and height.
template <Penalty Kind>
struct Boxes {
  static constexpr const char* name = Kind == Penalty::none       ? "iou"
                                      : Kind == Penalty::area     ? "giou"
                                      : Kind == Penalty::distance ? "diou"
                                                                  : "ciou";
  static constexpr double nanoseconds = Kind == Penalty::shape ? 4 : 2;
  static constexpr bool labelled = false;
  template <class T>
  struct Options {
    T centres;
  };

  template <class T, abi::Outputs Set>
  static void solve(Unit<T>& unit, const Options<T>& options, T, T) {
    if constexpr (Set == abi::value_only || Set == abi::value_grad) {
      solve_boxes<T, Set>(unit, options.centres != T(0));
    }
  }

 private:
  template <class T, abi::Outputs Set>
  static FUSEDLOSS_SHARED void solve_boxes(Unit<T>& unit, bool centres) {
    constexpr int width = lanes<T>;
    alignas(64) double box[4][width], target[4][width], grad[4][width], item[width];
    for (int k = 0; k < 4; ++k) {
      const T* const x = unit.pred.at + k * unit.pred.step;
      const T* const t = unit.target.at + k * unit.target.step;
      for (int l = 0; l < width; ++l) {
        box[k][l] = static_cast<double>(x[l]);
        target[k][l] = static_cast<double>(t[l]);
      }
    }
    if (centres) {
      to_corners(box);
      to_corners(target);
    }
    FUSEDLOSS_LANES(lanes<T>)
    for (int l = 0; l < width; ++l) {
      const Extent x(box[0][l], box[2][l], target[0][l], target[2][l]);
      const Extent y(box[1][l], box[3][l], target[1][l], target[3][l]);
      const double common = x.common * y.common, area = x.side * y.side, other = x.other * y.other;
      const double united = (area - common) + other, apart = (area - common) + (other - common);
      const SafeRatio lost(apart, united);  // 1 - I / U, and by I and by the area
      const Bits<double> there = ~mask_of<double>(united < Format<double>::smallest_normal);
      const double missed = blend(there, lost.value, 1.0);
      double by_common = -2 * lost.by_n - lost.by_d, by_area = lost.by_n + lost.by_d;
      double value = missed, by_width = 0, by_height = 0, by_whole_x = 0, by_whole_y = 0, by_centre_x = 0,
             by_centre_y = 0;
      if constexpr (Kind == Penalty::area) {
        const SafeRatio empty(x.whole * y.whole - united, x.whole * y.whole);
        value += empty.value;
        by_common += empty.by_n;
        by_area -= empty.by_n;
        by_whole_x = (empty.by_n + empty.by_d) * y.whole;
        by_whole_y = (empty.by_n + empty.by_d) * x.whole;
      }
      if constexpr (Kind == Penalty::distance || Kind == Penalty::shape) {
        const SafeRatio far(x.gap * x.gap + y.gap * y.gap, x.whole * x.whole + y.whole * y.whole);
        value += far.value;
        by_centre_x = far.by_n * x.gap;
        by_centre_y = far.by_n * y.gap;
        by_whole_x = 2 * far.by_d * x.whole;
        by_whole_y = 2 * far.by_d * y.whole;
      }
      if constexpr (Kind == Penalty::shape) {
        constexpr double two_over_pi = 0x1.45f306dc9c883p-1;
        const double turn =
            two_over_pi * angle(x.other * y.side - y.other * x.side, y.other * y.side + x.other * x.side);
        const double v = turn * turn;
        const SafeRatio bent(v * v, missed + v);
        value += bent.value;
        const double by_turn = 2 * turn * (2 * v * bent.by_n + bent.by_d);
        const SafeRatio inverse(two_over_pi * by_turn, x.side * x.side + y.side * y.side);
        by_width = -inverse.value * y.side;
        by_height = inverse.value * x.side;
        by_common += masked(bent.by_d * (-2 * lost.by_n - lost.by_d), there);
        by_area += masked(bent.by_d * (lost.by_n + lost.by_d), there);
      }
      item[l] = value;
      if constexpr (Set == abi::value_grad) {
        const double side_x = by_area * y.side + by_width, side_y = by_area * x.side + by_height;
        const double shared_x = by_common * y.common, shared_y = by_common * x.common;
        const double low_x = side_x * x.side_low + shared_x * x.common_low + by_whole_x * x.whole_low + by_centre_x;
        const double low_y = side_y * y.side_low + shared_y * y.common_low + by_whole_y * y.whole_low + by_centre_y;
        const double high_x = side_x * x.side_high + shared_x * x.common_high + by_whole_x * x.whole_high + by_centre_x;
        const double high_y = side_y * y.side_high + shared_y * y.common_high + by_whole_y * y.whole_high + by_centre_y;
        const Bits<double> turned_x = mask_of<double>(box[2][l] < box[0][l]);
        const Bits<double> turned_y = mask_of<double>(box[3][l] < box[1][l]);
        grad[0][l] = unless_nan(value, low_x + masked(high_x, turned_x));
        grad[1][l] = unless_nan(value, low_y + masked(high_y, turned_y));
        grad[2][l] = unless_nan(value, masked(high_x, ~turned_x));
        grad[3][l] = unless_nan(value, masked(high_y, ~turned_y));
      }
    }
    for (int l = 0; l < width; ++l) {
      unit.item[l] = item[l];
      unit.valid[l] = true;
    }
    if constexpr (Set == abi::value_grad) {
      if (centres) from_corners(grad);
      for (int k = 0; k < 4; ++k) {
        T* const to = unit.grad.at + k * unit.grad.step;
        FUSEDLOSS_LANES(lanes<T>)
        for (int l = 0; l < width; ++l) {
          const T slope = unit.slope[l];
          to[l] = masked(static_cast<T>(static_cast<double>(slope) * grad[k][l]), mask_of<T>(slope != T(0)));
        }
      }
    }
  }

  template <int Width>
  static FUSEDLOSS_INLINE void to_corners(double (&box)[4][Width]) {
    for (int k = 0; k < 2; ++k) {
      for (int l = 0; l < Width; ++l) {
        const double centre = box[k][l], half = 0.5 * box[k + 2][l];
        box[k][l] = centre - half;
        box[k + 2][l] = centre + half;
      }
    }
  }

  template <int Width>
  static FUSEDLOSS_INLINE void from_corners(double (&grad)[4][Width]) {
    for (int k = 0; k < 2; ++k) {
      for (int l = 0; l < Width; ++l) {
        const double low = grad[k][l], high = grad[k + 2][l];
        grad[k][l] = low + high;
        grad[k + 2][l] = 0.5 * (high - low);
      }
    }
  }
};

FUSEDLOSS_END
