// The kind of losses that are a sum over the classes of a row, class by class, without a softmax: cross-entropy of
// probabilities.
//
// A functor gives the Jet of one class from its prediction and its target; the row's value is their sum. A label is a
// target of 1 at its class, a grade one at all classes below it. One visit a row.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "rows.hpp"

FUSEDLOSS_BEGIN

template <class Loss>
struct ClassSum {
  static constexpr const char* name = Loss::name;
  static constexpr double nanoseconds = Loss::nanoseconds;
  static constexpr bool labelled = Loss::labelled, grades = has_grades<Loss>;
  template <class T>
  using Options = typename Loss::template Options<T>;

  template <class T, abi::Outputs Set>
  static void solve(Unit<T>& unit, const Options<T>& options, T floor, T ceiling) {
    constexpr int width = lanes<T>;
    constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
    using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    const T uniform = T(1) / static_cast<T>(unit.classes);
    const std::int64_t per_group = unit.across ? 1 : width;
    alignas(64) double sum[width] = {};
    alignas(64) Index invalid[width] = {};
    alignas(64) T slope[width];
    for (int l = 0; l < width; ++l) slope[l] = unit.slope[l];

    visit(unit, 0, unit.groups,
          [&](const auto& pred, const auto& target, const auto& vector, const auto& grad, const auto& hess,
              std::int64_t from, std::int64_t count) {
            for (std::int64_t group = 0; group < count; ++group) {
              const T* x = pred + group * unit.pred.step;
              const T* t = labelled ? x : target + group * unit.target.step;
              const T* v = Set == abi::hessian_vector ? vector + group * unit.vector.step : x;
              T* g = Set != abi::value_only ? grad + group * unit.grad.step : nullptr;
              T* h = curved ? hess + group * unit.hess.step : nullptr;
              const std::int64_t first = (from + group) * per_group;
              // Distances to the row's end and to its label that fit the lanes' integers.
              const auto near = [](std::int64_t distance) -> Index {
                constexpr int width = lanes<T>;
                return static_cast<Index>(distance < -1 ? -1 : distance > width ? width : distance);
              };
              const Index left = near(unit.classes - first);
              alignas(64) Index offset[width], label[width];
              for (int l = 0; l < width; ++l) {
                offset[l] = unit.across ? 0 : static_cast<Index>(l);
                label[l] = labelled ? near(unit.label[l] - first) : Index(-1);
              }
              FUSEDLOSS_LANES(lanes<T>)
              for (int l = 0; l < width; ++l) {
                const bool real = offset[l] < left;
                const bool marked = grades ? offset[l] < label[l] : offset[l] == label[l];
                const T share = Loss::target(labelled ? (marked ? T(1) : T(0)) : t[l], uniform, options);
                const Jet<T> jet = Loss::eval(x[l], share, options);
                const bool moves = slope[l] != T(0);
                sum[l] += real ? static_cast<double>(jet.value) : 0.0;
                invalid[l] |= real && Loss::room(x[l], share, options) < T(0) ? Index(1) : Index(0);
                if constexpr (Set == abi::hessian_vector) {
                  g[l] = moves ? slope[l] * jet.d2 * v[l] : T(0);
                } else if constexpr (Set != abi::value_only) {
                  if constexpr (curved) h[l] = moves ? slope[l] * clamp_between(jet.d2, floor, ceiling) : T(0);
                  g[l] = moves ? slope[l] * jet.d1 : T(0);
                }
              }
            }
          });

    if (!unit.across) {
      const double all = fold(sum);
      Index any = 0;
      for (int l = 0; l < width; ++l) any |= invalid[l];
      for (int l = 0; l < width; ++l) {
        sum[l] = all;
        invalid[l] = any;
      }
    }
    for (int l = 0; l < width; ++l) {
      unit.item[l] = sum[l];
      unit.valid[l] = invalid[l] == 0;
    }
  }
};

FUSEDLOSS_END
