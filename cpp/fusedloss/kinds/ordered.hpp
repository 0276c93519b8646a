// The squared distance of two cumulative distributions over ordered classes: the prediction's, a softmax, and the
// target's.
//
// With F_k and G_k the probability and the target of classes up to k, D = F - G, A_i = 2 sum over k >= i of D_k,
//   value    sum of D_k^2
//   gradient g_i = p_i (A_i - mean of A under p)
//   Hessian  diag(g) - g p^T - p g^T + S M S,  S = diag(p) - p p^T,  M_ij = 2 (C - max(i, j)),
//            its diagonal g_i (1 - 2 p_i) + 2 p_i^2 (sum over k < i of F_k^2 + sum over k >= i of (1 - F_k)^2).
//
// Design:
// 1. Where a class c has almost all of the probability, all of this cancels. So c, the largest, is where everything is
//    counted from: below it sums run upwards over F, from it on downwards over R = 1 - F, and instead of A_i the
//    difference A_i - A_c is summed between i and c. Its mean is then 2 (sum below c of D F - sum from c on of D R).
// 2. That makes two walks over the classes, from both ends towards c: one for the totals, one for the derivatives. A
//    group's exponentials are taken again, all lanes at once; across, lanes walk together, along a row one by one.
// 3. Lanes compute in double. A target that sums to m counts m times; what follows is about target / m.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "../core/math.hpp"
#include "row_lanes.hpp"
#include "rows.hpp"

FUSEDLOSS_BEGIN

template <class T, abi::Outputs Set, bool Labelled>
struct OrderedRows {
  static constexpr int width = lanes<T>;
  static constexpr bool maps = Set != abi::value_only;
  static constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
  static constexpr bool product = Set == abi::hessian_vector;

  Unit<T>& unit;
  // Of the rows. Numbers of classes are doubles: these lanes are.
  alignas(64) double offset[width], label[width], peak[width], top[width], share[width];
  alignas(64) double mass[width], per_mass[width], base[width], mean[width];
  // Of the classes of the group at hand: probability, target, and the probability's derivative along the vector.
  alignas(64) double p[width], t[width], w[width];
  // Of the walks so far: sums over classes up to this one, or beyond it.
  alignas(64) double F[width], G[width], moved[width];
  // The totals below the peak and from it on: of D, F^2, R^2, and of the derivative of F or R along the vector.
  alignas(64) double left_D[width], left_F[width], left_R[width], left_moved[width];
  alignas(64) double right_D[width], right_F[width], right_R[width], right_moved[width];
  alignas(64) double value[width], inner[width], cross[width], pull[width];
  // Of a walk that goes over the same again.
  alignas(64) double run_D[width], run_F[width], run_R[width], run_moved[width];
  alignas(64) double d1[width], d2[width];

  FUSEDLOSS_INLINE explicit OrderedRows(Unit<T>& rows) : unit(rows) {}

  static FUSEDLOSS_SHARED void solve_ordered(Unit<T>& unit, T floor, T ceiling) {
    OrderedRows rows(unit);
    rows.prepare();
    rows.add_up();
    if constexpr (maps) rows.map(floor, ceiling);
    for (int l = 0; l < width; ++l) unit.item[l] = rows.mass[l] * rows.value[l];
  }

 private:
  template <class U>
  FUSEDLOSS_INLINE U* group_of(const Lane<U>& array, std::int64_t group) const {
    return group < unit.full ? array.at + group * array.step : array.tail;
  }

  FUSEDLOSS_INLINE double number(std::int64_t group) const {
    return static_cast<double>(unit.across ? group : group * width);
  }

  template <class... Sums>
  static FUSEDLOSS_INLINE void clear(Sums&... sums) {
    for (int l = 0; l < width; ++l) ((sums[l] = 0), ...);
  }

  /// Along a row, the sums are those of lane 0.
  template <class... Sums>
  FUSEDLOSS_INLINE void spread(Sums&... sums) const {
    if (unit.across) return;
    for (int l = 1; l < width; ++l) ((sums[l] = sums[0]), ...);
  }

  FUSEDLOSS_INLINE void prepare() {
    Top<T> highest;
    find_top<false>(unit, LaneNumbers<T>(unit), highest);
    for (int l = 0; l < width; ++l) {
      offset[l] = unit.across ? 0 : l;
      label[l] = static_cast<double>(unit.label[l]);
      peak[l] = static_cast<double>(highest.where[l]);
      top[l] = static_cast<double>(highest.at[l]);
      share[l] = per_mass[l] = 1;
      base[l] = product && highest.where[l] >= 0 && (unit.across || l == 0)
                    ? static_cast<double>(unit.at(unit.vector, l, highest.where[l]))
                    : 0;
      mean[l] = 0;
    }
    spread(base);
    alignas(64) double rest[width] = {}, sum[width] = {}, dot[width] = {};
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      fill(group);
      const double here = number(group);
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        rest[l] += masked(p[l], mask_of<double>(here + offset[l] != peak[l]));
        sum[l] += t[l];
        if constexpr (product) dot[l] += w[l];
      }
    }
    join_lanes(unit, rest);
    join_lanes(unit, sum);
    join_lanes(unit, dot);
    for (int l = 0; l < width; ++l) {
      // inf - inf: a row with +inf, or of nothing but -inf, has no softmax.
      share[l] = 1 / (1 + rest[l]) + (top[l] - top[l]) + static_cast<double>(highest.spoilt[l]);
      mean[l] = dot[l] * share[l];
      mass[l] = Labelled ? 1.0 : sum[l];
      per_mass[l] = Labelled ? 1.0 : sum[l] != 0 ? 1 / sum[l] : 0.0;
    }
  }

  /// What the classes of a group are.
  FUSEDLOSS_SHARED void fill(std::int64_t group) {
    const T* z = group_of(unit.pred, group);
    const T* given = Labelled ? z : group_of(unit.target, group);
    const T* v = product ? group_of(unit.vector, group) : z;
    const double here = number(group), classes = static_cast<double>(unit.classes);
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      const double index = here + offset[l];
      const Bits<double> real = mask_of<double>(index < classes);
      const TwoTerms<double> below = two_diff(static_cast<double>(z[l]), top[l]);
      p[l] = exp(below.hi, below.lo) * share[l];
      if constexpr (Labelled) {
        t[l] = masked(1.0, mask_of<double>(index == label[l]));
      } else {
        t[l] = masked(static_cast<double>(given[l]) * per_mass[l], real);
      }
      if constexpr (product) w[l] = masked(p[l] * ((static_cast<double>(v[l]) - base[l]) - mean[l]), real);
    }
  }

  /// Visits classes upwards or downwards as far as the peak. `step(i, l, number)`: sums at i, the class in lane l.
  template <bool Up, class Step, class Done>
  FUSEDLOSS_INLINE void walk(const Step& step, const Done& done) {
    const std::int64_t turn = unit.across || peak[0] < 0 ? 0 : static_cast<std::int64_t>(peak[0]) / width;
    const std::int64_t first = Up ? 0 : turn, last = Up && !unit.across ? turn + 1 : unit.groups;
    for (std::int64_t n = first; n < last; ++n) {
      const std::int64_t group = Up ? n : last - 1 - (n - first);
      fill(group);
      const double here = number(group);
      if (unit.across) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) step(l, l, here);
      } else {
        const std::int64_t rest = unit.classes - group * width;
        const int count = rest < width ? static_cast<int>(rest) : width;
        for (int i = 0; i < count; ++i) {
          const int l = Up ? i : count - 1 - i;
          step(0, l, here + l);
        }
      }
      done(group);
    }
  }

  FUSEDLOSS_INLINE void add_up() {
    clear(F, G, moved, left_D, left_F, left_R, left_moved, right_D, right_F, right_R, right_moved, value, inner, cross,
          pull);
    const auto nothing = [](std::int64_t) __attribute__((always_inline)) {};
    const auto up = [this](int i, int l, double index) __attribute__((always_inline)) {
      const Bits<double> here = mask_of<double>(index < peak[i]);
      F[i] += p[l];
      G[i] += t[l];
      const double D = F[i] - G[i];
      left_D[i] += masked(D, here);
      value[i] += masked(D * D, here);
      inner[i] += masked(D * F[i], here);
      if constexpr (curved) {
        left_F[i] += masked(F[i] * F[i], here);
        left_R[i] += masked((1 - F[i]) * (1 - F[i]), here);
      }
      if constexpr (product) {
        moved[i] += w[l];
        left_moved[i] += masked(moved[i], here);
        cross[i] += masked(D * moved[i], here);
        pull[i] += masked(F[i] * moved[i], here);
      }
    };
    walk<true>(up, nothing);
    clear(F);
    clear(G);
    clear(moved);
    const auto down = [this](int i, int l, double index) __attribute__((always_inline)) {  // F, G: beyond the class
      const Bits<double> here = mask_of<double>(index >= peak[i]);
      const double D = G[i] - F[i];
      right_D[i] += masked(D, here);
      value[i] += masked(D * D, here);
      inner[i] -= masked(D * F[i], here);
      if constexpr (curved) {
        right_F[i] += masked((1 - F[i]) * (1 - F[i]), here);
        right_R[i] += masked(F[i] * F[i], here);
      }
      if constexpr (product) {
        right_moved[i] += masked(moved[i], here);
        cross[i] -= masked(D * moved[i], here);
        pull[i] += masked(F[i] * moved[i], here);
        moved[i] += w[l];
      }
      F[i] += p[l];
      G[i] += t[l];
    };
    walk<false>(down, nothing);
    spread(left_D, left_F, left_R, left_moved, right_D, right_F, right_R, right_moved, value, inner, cross, pull);
  }

  /// From A_i - A_c, what the Hessian's diagonal sums up to, and the derivative of the former along the vector.
  FUSEDLOSS_INLINE void derive(int i, int l, double apart, double squares, double turned) {
    const double slope = apart - 2 * inner[i];
    if constexpr (product) {
      d1[l] = w[l] * slope + p[l] * (turned - 2 * (cross[i] + pull[i]));
    } else {
      d1[l] = p[l] * slope;
      if constexpr (curved) d2[l] = d1[l] * (1 - 2 * p[l]) + 2 * p[l] * p[l] * squares;
    }
  }

  FUSEDLOSS_INLINE void map(T floor, T ceiling) {
    clear(F, G, moved, run_D, run_F, run_R, run_moved);
    const auto up = [this](int i, int l, double index) __attribute__((always_inline)) {
      const Bits<double> below = mask_of<double>(index < peak[i]);
      const double squares = run_F[i] + masked(left_R[i] - run_R[i], below) + right_R[i];
      derive(i, l, masked(2 * (left_D[i] - run_D[i]), below), squares,
             masked(2 * (left_moved[i] - run_moved[i]), below));
      F[i] += p[l];
      G[i] += t[l];
      run_D[i] += F[i] - G[i];
      if constexpr (curved) {
        run_F[i] += F[i] * F[i];
        run_R[i] += (1 - F[i]) * (1 - F[i]);
      }
      if constexpr (product) {
        moved[i] += w[l];
        run_moved[i] += moved[i];
      }
    };
    walk<true>(up, [&](std::int64_t group) __attribute__((always_inline)) { store<true>(group, floor, ceiling); });
    clear(F, G, moved, run_D, run_F, run_R, run_moved);
    const auto down = [this](int i, int l, double) __attribute__((always_inline)) {
      run_D[i] += G[i] - F[i];
      if constexpr (curved) {
        run_F[i] += (1 - F[i]) * (1 - F[i]);
        run_R[i] += F[i] * F[i];
      }
      if constexpr (product) run_moved[i] += moved[i];
      const double squares = left_F[i] + (right_F[i] - run_F[i]) + run_R[i];
      derive(i, l, -2 * (right_D[i] - run_D[i]), squares, 2 * (right_moved[i] - run_moved[i]));
      F[i] += p[l];
      G[i] += t[l];
      if constexpr (product) moved[i] += w[l];
    };
    walk<false>(down, [&](std::int64_t group) __attribute__((always_inline)) { store<false>(group, floor, ceiling); });
  }

  /// The derivatives of a group's classes up to the peak, or beyond it. The others may hold logits that are still to
  /// be read: pred itself may be the output.
  template <bool Up>
  FUSEDLOSS_INLINE void store(std::int64_t group, T floor, T ceiling) {
    T* g = group_of(unit.grad, group);
    T* h = curved ? group_of(unit.hess, group) : g;
    const double here = number(group);
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      const bool mine = Up ? here + offset[l] <= peak[l] : !(here + offset[l] <= peak[l]);
      const Bits<T> moves = mask_of<T>(unit.slope[l] != T(0));
      const T slope = unit.slope[l];
      if constexpr (curved) {
        const T second = clamp_between(static_cast<T>(mass[l] * d2[l]), floor, ceiling);
        h[l] = select(mine, masked(slope * second, moves), h[l]);
      }
      g[l] = select(mine, masked(slope * static_cast<T>(mass[l] * d1[l]), moves), g[l]);
    }
  }
};

/// The solver for labels or for distributions.
template <bool Labelled>
struct Ordered {
  static constexpr const char* name = Labelled ? "squared_emd_labels" : "squared_emd_distribution";
  static constexpr double nanoseconds = 9;
  static constexpr bool labelled = Labelled;
  template <class T>
  struct Options {};

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void solve(Unit<T>& unit, const Options<T>&, T floor, T ceiling) {
    OrderedRows<T, copy_for(Set), Labelled>::solve_ordered(unit, floor, ceiling);
  }
};

FUSEDLOSS_END
