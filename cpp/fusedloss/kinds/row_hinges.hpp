// The kind of losses of the gaps u_j = margin - z_y + z_j between a row's label and its other classes.
//
// Design:
// 1. u = z_j - (z_y - margin) in double, the threshold kept in two parts: the difference is exact where the two are
//    close, so u has full relative accuracy and its sign is that of the exact one.
// 2. One visit a row; what depends on all of it, the label's own entry and the entries of a row with NaN, is mended.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "row_lanes.hpp"
#include "rows.hpp"

FUSEDLOSS_BEGIN

/// u of any class from its logit.
template <class T>
struct Gap {
  static constexpr int width = lanes<T>;
  alignas(64) double hi[width], lo[width];

  FUSEDLOSS_INLINE Gap(const Unit<T>& unit, T margin) {
    for (int l = 0; l < width; ++l) {
      const auto threshold = two_diff(static_cast<double>(unit.label_pred[l]), static_cast<double>(margin));
      hi[l] = threshold.hi;
      lo[l] = threshold.hi - threshold.hi == 0.0 ? threshold.lo : 0.0;
    }
  }

  FUSEDLOSS_INLINE double of(T z, int l) const { return (static_cast<double>(z) - hi[l]) - lo[l]; }
};

/// Sum (Weston and Watkins) or maximum (Crammer and Singer) over the other classes of max(0, u)^p.
template <bool Sums>
struct RowHinges {
  static constexpr const char* name = Sums ? "weston_watkins" : "crammer_singer";
  static constexpr double nanoseconds = Sums ? 0.6 : 0.4;
  static constexpr bool labelled = true;
  template <class T>
  struct Options {
    T margin, power;  ///< the power is 1 or 2
  };

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void solve(Unit<T>& unit, const Options<T>& options, T floor, T ceiling) {
    solve_hinges<T, copy_for(Set)>(unit, options, floor, ceiling);
  }

 private:
  template <class T, abi::Outputs Set>
  static FUSEDLOSS_SHARED void solve_hinges(Unit<T>& unit, const Options<T>& options, T floor, T ceiling) {
    constexpr int width = lanes<T>;
    constexpr bool maps = Set != abi::value_only;
    const Gap<T> gap(unit, options.margin);
    const LaneNumbers<T> numbers(unit);
    const bool squared = options.power == T(2);
    Entries<T> label;
    if constexpr (Sums) {
      sum<T, Set>(unit, gap, numbers, squared, floor, ceiling, label);
    } else {
      pick<T, Set>(unit, gap, numbers, squared, floor, ceiling, label);
    }
    const int count = unit.across ? width : 1;
    for (int l = 0; l < width; ++l) {
      if (unit.label_pred[l] != unit.label_pred[l]) label.value[l] = not_a_number<double>;
      unit.item[l] = label.value[l];
    }
    if constexpr (maps) {
      for (int l = 0; l < count; ++l) {
        if (unit.slope[l] == T(0)) continue;
        put<T, Set>(unit, l, unit.label[l], label.grad[l], label.hess[l], floor, ceiling);
        if (label.value[l] == label.value[l]) continue;
        for (std::int64_t j = 0; j < unit.classes; ++j) {
          put<T, Set>(unit, l, j, not_a_number<double>, not_a_number<double>, floor, ceiling);
        }
      }
    }
  }

  /// What a row comes to, and the derivatives at its label.
  template <class T>
  struct Entries {
    alignas(64) double value[lanes<T>] = {}, grad[lanes<T>] = {}, hess[lanes<T>] = {};
  };

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void put(const Unit<T>& unit, int lane, std::int64_t index, double grad, double hess, T floor,
                                   T ceiling) {
    const T slope = unit.slope[lane];
    unit.at(unit.grad, lane, index) = static_cast<T>(static_cast<double>(slope) * grad);
    if constexpr (Set == abi::grad_hess || Set == abi::value_grad_hess) {
      unit.at(unit.hess, lane, index) = slope * clamp_between(static_cast<T>(hess), floor, ceiling);
    }
  }

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void sum(Unit<T>& unit, const Gap<T>& gaps, const LaneNumbers<T>& numbering, bool squared,
                                   T floor, T ceiling, Entries<T>& label) {
    constexpr int width = lanes<T>;
    constexpr bool maps = Set != abi::value_only, product = Set == abi::hessian_vector;
    constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
    using Index = LaneIndex<T>;
    const Gap<T> gap = gaps;  // copies that no store can change, like all arrays below
    const LaneNumbers<T> numbers = numbering;
    const Bits<double> square = mask_of<double>(squared);
    const T least = floor, most = ceiling;
    alignas(64) double value[width] = {}, pull[width] = {}, active[width] = {};
    alignas(64) double scale[width], label_vector[width];
    alignas(64) T slope[width];
    alignas(64) Bits<T> moves[width];
    for (int l = 0; l < width; ++l) {
      slope[l] = unit.slope[l];
      moves[l] = mask_of<T>(unit.slope[l] != T(0));
      scale[l] = static_cast<double>(unit.slope[l]);
      label_vector[l] = product ? static_cast<double>(unit.label_vector[l]) : 0.0;
    }
    visit(unit, 0, unit.groups,
          [&](const auto& pred, const auto&, const auto& vector, const auto& grad, const auto& hess, std::int64_t from,
              std::int64_t count) {
            for (std::int64_t group = 0; group < count; ++group) {
              const T* z = pred + group * unit.pred.step;
              const T* v = product ? vector + group * unit.vector.step : z;
              T* g = maps ? grad + group * unit.grad.step : nullptr;
              T* h = curved ? hess + group * unit.hess.step : g;
              const Index number = numbers.number(from + group);
              FUSEDLOSS_LANES(lanes<T>)
              for (int l = 0; l < width; ++l) {
                const Bits<double> other = ~mask_of<double>(number + numbers.offset[l] == numbers.label[l]);
                const double u = masked(maximum(gap.of(z[l], l), 0.0), other);
                const Bits<double> wrong = mask_of<double>(u > 0.0);
                value[l] += blend(square, u * u, u);
                if constexpr (maps) {
                  double entry = blend(square, 2 * u, masked(1.0, wrong));
                  if constexpr (product) {
                    entry = masked(2 * (static_cast<double>(v[l]) - label_vector[l]), wrong & square);
                  }
                  pull[l] += entry;
                  if constexpr (curved) {
                    active[l] += masked(1.0, wrong);
                    const T d2 = static_cast<T>(masked(2.0, wrong & square));
                    h[l] = masked(slope[l] * clamp_between(d2, least, most), moves[l]);
                  }
                  g[l] = masked(static_cast<T>(scale[l] * entry), moves[l]);
                }
              }
            }
          });
    join_lanes(unit, value);
    join_lanes(unit, pull);
    join_lanes(unit, active);
    for (int l = 0; l < width; ++l) {
      label.value[l] = value[l];
      label.grad[l] = 0.0 - pull[l];
      label.hess[l] = squared ? 2 * active[l] : 0.0;
    }
  }

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void pick(Unit<T>& unit, const Gap<T>& gap, const LaneNumbers<T>& numbers, bool squared,
                                    T floor, T ceiling, Entries<T>& label) {
    constexpr int width = lanes<T>;
    constexpr bool maps = Set != abi::value_only, product = Set == abi::hessian_vector;
    constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
    Top<T> top;
    find_top<true>(unit, numbers, top);
    if constexpr (maps) {
      alignas(64) T flat[width];  // what a second derivative of 0 becomes between its bounds
      for (int l = 0; l < width; ++l) {
        flat[l] = unit.slope[l] != T(0) ? unit.slope[l] * clamp_between(T(0), floor, ceiling) : T(0);
      }
      visit(unit, 0, unit.groups,
            [&](const auto&, const auto&, const auto&, const auto& grad, const auto& hess, std::int64_t,
                std::int64_t count) {
              for (std::int64_t group = 0; group < count; ++group) {
                T* g = grad + group * unit.grad.step;
                T* h = curved ? hess + group * unit.hess.step : g;
                FUSEDLOSS_LANES(lanes<T>)
                for (int l = 0; l < width; ++l) {
                  if constexpr (curved) h[l] = flat[l];
                  g[l] = T(0);
                }
              }
            });
    }
    for (int l = 0; l < width; ++l) {
      const double reach = unit.classes > 1 ? gap.of(top.at[l], l) : 0.0;  // a single class has no other
      const double u = maximum(reach, 0.0) + static_cast<double>(top.spoilt[l]);
      const bool wrong = u > 0 && top.where[l] >= 0;
      label.value[l] = squared ? u * u : u;
      double entry = !wrong ? 0.0 : squared ? 2 * u : 1.0;
      const double bend = wrong && squared ? 2.0 : 0.0;
      if constexpr (maps) {
        if (!unit.across && l > 0) continue;
        if constexpr (product) {
          const double along = wrong ? static_cast<double>(unit.at(unit.vector, l, top.where[l])) : 0.0;
          entry = wrong ? bend * (along - static_cast<double>(unit.label_vector[l])) : 0.0;
        }
        if (wrong && unit.slope[l] != T(0)) put<T, Set>(unit, l, top.where[l], entry, bend, floor, ceiling);
      }
      label.grad[l] = 0.0 - entry;
      label.hess[l] = bend;
    }
  }
};

FUSEDLOSS_END
