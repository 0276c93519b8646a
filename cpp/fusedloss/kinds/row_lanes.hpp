// What solvers of rows share beside Unit: which class a lane holds, and where a row is largest.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../core/lanes.hpp"
#include "rows.hpp"

FUSEDLOSS_BEGIN

/// Integers that lanes of T can be compared with.
template <class T>
using LaneIndex = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

/// Numbers the lanes of a unit, so that a loop over lanes can tell the label and the row's end: lane l of a group is
/// the label where number(group) + offset[l] == label[l], and a class at all where offset[l] < left(group).
template <class T>
struct LaneNumbers {
  static constexpr int width = lanes<T>;
  using Index = LaneIndex<T>;
  alignas(64) Index offset[width];
  alignas(64) Index label[width];
  bool across;
  std::int64_t classes, label_group;

  FUSEDLOSS_INLINE explicit LaneNumbers(const Unit<T>& unit) {
    across = unit.across;
    classes = unit.classes;
    label_group = unit.label[0] < 0 ? -1 : unit.label[0] / width;
    for (int l = 0; l < width; ++l) {
      offset[l] = across ? 0 : static_cast<Index>(l);
      label[l] = across ? static_cast<Index>(unit.label[l]) : static_cast<Index>(unit.label[l] - label_group * width);
    }
  }

  /// Along a row only the label's group can hold the label: in others no lane has the number.
  FUSEDLOSS_INLINE Index number(std::int64_t group) const {
    return across ? static_cast<Index>(group) : group == label_group ? Index(0) : Index(width);
  }

  FUSEDLOSS_INLINE Index left(std::int64_t group) const {
    const std::int64_t rest = across ? 1 : classes - group * width;
    return static_cast<Index>(rest < width ? rest : width);
  }
};

/// The largest logit of each row, and its first class: -1 where all are -inf. Along a row all lanes have the same.
template <class T>
struct Top {
  static constexpr int width = lanes<T>;
  alignas(64) T at[width];
  alignas(64) T spoilt[width];  ///< NaN where a logit is, else 0
  std::int64_t where[width];
};

/// `Others`: without the label.
template <bool Others, class T>
FUSEDLOSS_SHARED void find_top(const Unit<T>& unit, const LaneNumbers<T>& numbering, Top<T>& top) {
  constexpr int width = lanes<T>;
  using Index = LaneIndex<T>;
  const LaneNumbers<T> numbers = numbering;  // a copy that no store can change
  alignas(64) T at[width];
  alignas(64) Index where[width];  // groups, as the number of a class may not fit
  alignas(64) Bits<T> spoilt[width] = {};
  for (int l = 0; l < width; ++l) {
    at[l] = -infinity<T>;
    where[l] = -1;
  }
  visit(
      unit, 0, unit.groups,
      [&](const auto& pred, const auto&, const auto&, const auto&, const auto&, std::int64_t from, std::int64_t count) {
        for (std::int64_t group = 0; group < count; ++group) {
          const T* z = pred + group * unit.pred.step;
          [[maybe_unused]] const Index number = numbers.number(from + group);
          const Index here = static_cast<Index>(from + group);
          FUSEDLOSS_LANES(lanes<T>)
          for (int l = 0; l < width; ++l) {
            spoilt[l] |= mask_of<T>(z[l] != z[l]);
            T x = z[l];
            if constexpr (Others) x = select(number + numbers.offset[l] == numbers.label[l], -infinity<T>, x);
            where[l] = x > at[l] ? here : where[l];
            at[l] = maximum(at[l], x);
          }
        }
      });
  if (unit.across) {
    for (int l = 0; l < width; ++l) top.where[l] = where[l];
  } else {
    const T highest = fold_maximum(at);
    std::int64_t first = -1;
    Bits<T> any = 0;
    for (int l = 0; l < width; ++l) {
      any |= spoilt[l];
      const std::int64_t index = static_cast<std::int64_t>(where[l]) * width + l;
      if (where[l] >= 0 && at[l] == highest && (first < 0 || index < first)) first = index;
    }
    for (int l = 0; l < width; ++l) {
      at[l] = highest;
      spoilt[l] = any;
      top.where[l] = first;
    }
  }
  for (int l = 0; l < width; ++l) {
    top.at[l] = at[l];
    top.spoilt[l] = masked(not_a_number<T>, spoilt[l]);
  }
}

/// Along a row, its lanes' sums are one.
template <class T>
FUSEDLOSS_INLINE void join_lanes(const Unit<T>& unit, double (&sum)[lanes<T>]) {
  if (unit.across) return;
  const double whole = fold(sum);
  for (int l = 0; l < lanes<T>; ++l) sum[l] = whole;
}

/// The set whose compiled copy serves: a row's value is a by-product of its gradient.
constexpr abi::Outputs copy_for(abi::Outputs set) { return set == abi::grad_hess ? abi::value_grad_hess : set; }

FUSEDLOSS_END
