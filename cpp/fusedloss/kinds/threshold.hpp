// The kind of losses whose probabilities are powers of what logits exceed a threshold by: sparsemax and entmax.
//
// Design:
// 1. q_j = max(0, 1 + scale (z_j - max) - lead), p_j = q_j^power, and the lead in [0, 1) makes p sum to 1. The sum is
//    convex in the lead, so that Newton's steps from 0, where it is at least 1, never pass the solution, and the
//    support only shrinks. Given the support the equation is linear or quadratic: as soon as its solution leaves the
//    support as it is, that solution is exact, and the search ends, mostly after two to five visits. No sort.
// 2. Each row stops by itself: what its neighbours still need does not change its bits.
// 3. Values are sums of terms that are never negative (see Loss::distance). At the largest class 1 - q is the lead, and
//    neither it nor the Hessian there is computed as a difference from 1: so both keep their digits where p -> 1.
// 4. A target that sums to m counts m times; what follows is about target / m.
// 5. Lanes compute in double: q is a difference, and a threshold in float would leave it few digits.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "../core/math.hpp"
#include "row_lanes.hpp"
#include "rows.hpp"

FUSEDLOSS_BEGIN

/// How far logits reach above the threshold.
template <class T>
struct Reaching {
  static constexpr int width = lanes<T>;
  alignas(64) double top[width], lead[width];
  double scale;

  /// q, or where that is 0 how far the logit is below the threshold.
  FUSEDLOSS_INLINE double signed_of(T z, int l) const {
    return (1.0 + scale * (static_cast<double>(z) - top[l])) - lead[l];
  }
  FUSEDLOSS_INLINE double of(T z, int l) const { return maximum(signed_of(z, l), 0.0); }
  /// q - r.
  FUSEDLOSS_INLINE double apart(T z, double r, int l) const {
    const double x = signed_of(z, l);
    const double inside = ((1.0 + scale * (static_cast<double>(z) - top[l])) - r) - lead[l];
    return blend(mask_of<double>(x <= 0.0), 0.0 - r, inside);
  }
};

/// The lead of each row, for any kind of target.
template <class Loss, class T>
FUSEDLOSS_SHARED void search_lead(const Unit<T>& unit, Reaching<T>& reaching) {
  constexpr int width = lanes<T>;
  constexpr int most = 200;  // Newton needs fewer than the exponent range's logarithm; a bound against surprises
  bool settled = false;
  alignas(64) double open[width];  // 0 once a row has its threshold
  for (int l = 0; l < width; ++l) open[l] = 1;
  for (int turn = 0; turn < most && !settled; ++turn) {
    const Reaching<T> reach = reaching;  // a copy that no store can change, like all arrays below
    // Of the classes below the largest: how many there are in the support, the sums of q and of p.
    alignas(64) double count[width] = {}, first[width] = {}, below[width] = {}, ties[width] = {}, least[width];
    for (int l = 0; l < width; ++l) least[l] = 1 - reach.lead[l];
    visit(unit, 0, unit.groups,
          [&](const auto& pred, const auto&, const auto&, const auto&, const auto&, std::int64_t, std::int64_t groups) {
            for (std::int64_t group = 0; group < groups; ++group) {
              const T* z = pred + group * unit.pred.step;
              FUSEDLOSS_LANES(lanes<T>)
              for (int l = 0; l < width; ++l) {
                const Bits<double> lower = mask_of<double>(static_cast<double>(z[l]) != reach.top[l]);
                const double q = masked(reach.of(z[l], l), lower);
                const Bits<double> inside = mask_of<double>(q > 0.0);
                ties[l] += masked(1.0, ~lower);
                count[l] += masked(1.0, inside);
                first[l] += q;
                below[l] += Loss::power(q);
                least[l] = minimum(least[l], blend(inside, q, 2.0));
              }
            }
          });
    join_lanes(unit, ties);
    join_lanes(unit, count);
    join_lanes(unit, first);
    join_lanes(unit, below);
    if (!unit.across) {
      double smallest = least[0];
      for (int l = 1; l < width; ++l) smallest = minimum(smallest, least[l]);
      for (int l = 0; l < width; ++l) least[l] = smallest;
    }
    alignas(64) double lead[width];
    for (int l = 0; l < width; ++l) lead[l] = reaching.lead[l];
    FUSEDLOSS_LANES(lanes<T>)
    for (int l = 0; l < width; ++l) {
      const double q = 1.0 - lead[l];
      // sum of p, less 1; q^power - 1 not by subtraction
      const double excess = below[l] + (ties[l] - 1.0) * Loss::power(q) - Loss::shortfall(lead[l]);
      double within;
      const double newton = Loss::step(count[l] + ties[l], first[l] + ties[l] * q, excess, within);
      const bool exact = within <= least[l];
      const double step = select(exact, within, maximum(newton, 0.0));
      const double next = lead[l] + masked(step, mask_of<double>(open[l] > 0.0));
      open[l] = select(exact, 0.0, masked(open[l], mask_of<double>(next > lead[l])));  // NaN stops as well
      lead[l] = next;
    }
    settled = true;
    for (int l = 0; l < width; ++l) {
      settled &= !(open[l] > 0.0);
      reaching.lead[l] = lead[l];
    }
  }
}

/// `Loss` has
///   static constexpr double scale, surplus: of logits; of what a target loses beyond the threshold
///   static double power(double q): p
///   static double root(double p)
///   static double shortfall(double lead): 1 - p for q = 1 - lead
///   static double difference(double apart, double q, double r): p less the target, apart = q - r for a target of root
///   r static double distance(double apart, double q, double r): the class's part of the value static double
///   step(double count, double first, double excess, double& within): Newton's, of the lead, from the
///     sums of q^0 and q and that of p less 1; `within` is the exact one given the support, or more than any q
///   static double slope(double q): of p by q, over 2 for a power of 2: the weight of a class in the Hessian
template <class Loss, bool Labelled>
struct Threshold {
  static constexpr const char* name = Labelled ? Loss::name_for_labels : Loss::name_for_distributions;
  static constexpr double nanoseconds = Loss::nanoseconds;
  static constexpr bool labelled = Labelled;
  template <class T>
  struct Options {};

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void solve(Unit<T>& unit, const Options<T>&, T floor, T ceiling) {
    solve_threshold<T, copy_for(Set)>(unit, floor, ceiling);
  }

 private:
  template <class T, abi::Outputs Set>
  static FUSEDLOSS_SHARED void solve_threshold(Unit<T>& unit, T floor, T ceiling) {
    const LaneNumbers<T> numbers(unit);
    Top<T> top;
    find_top<false>(unit, numbers, top);
    Reaching<T> reach;
    reach.scale = Loss::scale;
    for (int l = 0; l < lanes<T>; ++l) {
      reach.top[l] = static_cast<double>(top.at[l]);
      // inf - inf: a row with +inf, or of nothing but -inf, has no probabilities.
      reach.lead[l] = static_cast<double>((top.at[l] - top.at[l]) + top.spoilt[l]);
    }
    search_lead<Loss>(unit, reach);
    Sums<T> sums;
    if constexpr (!Labelled) weigh(unit, numbers, sums);
    add_up<T, Set>(unit, numbers, top, reach, sums);
    finish(unit, reach, sums);
    if constexpr (Set != abi::value_only) map<T, Set>(unit, top, reach, sums, floor, ceiling);
  }

  template <class T>
  struct Sums {
    static constexpr int width = lanes<T>;
    alignas(64) double mass[width];      ///< of the target
    alignas(64) double per_mass[width];  ///< 1 / mass, or 0
    alignas(64) double value[width];   ///< parts of all classes; for labels, of those below the largest as if target 0
    alignas(64) double beyond[width];  ///< target x what it is below the threshold
    alignas(64) double ties[width];    ///< classes with the maximum
    alignas(64) double below[width];   ///< sum of Loss::slope of the others
    alignas(64) double dot[width];     ///< sum of Loss::slope x vector
  };

  template <class T>
  static FUSEDLOSS_INLINE void weigh(const Unit<T>& unit, const LaneNumbers<T>& numbering, Sums<T>& sums) {
    constexpr int width = lanes<T>;
    const LaneNumbers<T> numbers = numbering;
    alignas(64) double mass[width] = {};
    visit(unit, 0, unit.groups,
          [&](const auto&, const auto& target, const auto&, const auto&, const auto&, std::int64_t from,
              std::int64_t count) {
            for (std::int64_t group = 0; group < count; ++group) {
              const T* t = target + group * unit.target.step;
              const LaneIndex<T> left = numbers.left(from + group);
              FUSEDLOSS_LANES(lanes<T>)
              for (int l = 0; l < width; ++l) {
                mass[l] += static_cast<double>(numbers.offset[l] < left ? t[l] : T(0));
              }
            }
          });
    join_lanes(unit, mass);
    for (int l = 0; l < width; ++l) {
      sums.mass[l] = mass[l];
      sums.per_mass[l] = mass[l] != 0 ? 1 / mass[l] : 0.0;
    }
  }

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void add_up(const Unit<T>& unit, const LaneNumbers<T>& numbering, const Top<T>& top,
                                      const Reaching<T>& reaching, Sums<T>& sums) {
    constexpr int width = lanes<T>;
    constexpr bool product = Set == abi::hessian_vector;
    const LaneNumbers<T> numbers = numbering;
    const Reaching<T> reach = reaching;
    alignas(64) double value[width] = {}, beyond[width] = {}, ties[width] = {}, below[width] = {}, dot[width] = {};
    alignas(64) double per_mass[width];
    alignas(64) T highest[width];
    for (int l = 0; l < width; ++l) {
      highest[l] = top.at[l];
      per_mass[l] = Labelled ? 1.0 : sums.per_mass[l];
    }
    visit(unit, 0, unit.groups,
          [&](const auto& pred, const auto& target, const auto& vector, const auto&, const auto&, std::int64_t from,
              std::int64_t count) {
            for (std::int64_t group = 0; group < count; ++group) {
              const T* z = pred + group * unit.pred.step;
              const T* t = Labelled ? z : target + group * unit.target.step;
              const T* v = product ? vector + group * unit.vector.step : z;
              [[maybe_unused]] const LaneIndex<T> left = numbers.left(from + group);
              FUSEDLOSS_LANES(lanes<T>)
              for (int l = 0; l < width; ++l) {
                const double x = reach.signed_of(z[l], l), q = maximum(x, 0.0);
                const Bits<double> inside = mask_of<double>(q > 0.0);
                const Bits<double> lower = mask_of<double>(z[l] != highest[l]);
                ties[l] += masked(1.0, ~lower);
                below[l] += masked(Loss::slope(q), inside & lower);
                if constexpr (Labelled) {
                  value[l] += masked(Loss::distance(q, q, 0.0), lower);
                } else {
                  const double p = numbers.offset[l] < left ? static_cast<double>(t[l]) * per_mass[l] : 0.0;
                  const double r = Loss::root(p);
                  value[l] += Loss::distance(reach.apart(z[l], r, l), q, r);
                  beyond[l] += masked(p * maximum(-x, 0.0), mask_of<double>(p != 0.0));
                }
                if constexpr (product) dot[l] += masked(Loss::slope(q) * static_cast<double>(v[l]), inside);
              }
            }
          });
    join_lanes(unit, value);
    join_lanes(unit, beyond);
    join_lanes(unit, ties);
    join_lanes(unit, below);
    join_lanes(unit, dot);
    for (int l = 0; l < width; ++l) {
      sums.value[l] = value[l];
      sums.beyond[l] = beyond[l];
      sums.ties[l] = ties[l];
      sums.below[l] = below[l];
      sums.dot[l] = dot[l];
    }
  }

  template <class T>
  static FUSEDLOSS_INLINE void finish(Unit<T>& unit, const Reaching<T>& reach, const Sums<T>& sums) {
    for (int l = 0; l < lanes<T>; ++l) {
      if constexpr (Labelled) {
        const double x = reach.signed_of(unit.label_pred[l], l), q = maximum(x, 0.0);
        const bool is_top = static_cast<double>(unit.label_pred[l]) == reach.top[l];
        const double lower = is_top ? sums.value[l] : maximum(sums.value[l] - Loss::distance(q, q, 0.0), 0.0);
        const double ties = is_top ? sums.ties[l] - 1 : sums.ties[l];
        const double highest = 1 - reach.lead[l];
        const double others = lower + (ties > 0 ? ties * Loss::distance(highest, highest, 0.0) : 0.0);
        const double own = Loss::distance(reach.apart(unit.label_pred[l], 1.0, l), q, 1.0);
        unit.item[l] = others + own + Loss::surplus * maximum(-x, 0.0);
      } else {
        unit.item[l] = sums.mass[l] * (sums.value[l] + Loss::surplus * sums.beyond[l]);
      }
    }
  }

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void map(Unit<T>& unit, const Top<T>& top, const Reaching<T>& reaching, const Sums<T>& sums,
                                   T floor, T ceiling) {
    constexpr int width = lanes<T>;
    constexpr bool product = Set == abi::hessian_vector;
    constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
    const Reaching<T> reach = reaching;
    const T least = floor, most = ceiling;
    alignas(64) double mass[width], per_mass[width], share[width], whole[width], rest[width], mean[width],
        shortfall[width];
    alignas(64) T slope[width], highest[width];
    alignas(64) Bits<T> moves[width];
    for (int l = 0; l < width; ++l) {
      mass[l] = Labelled ? 1.0 : sums.mass[l];
      per_mass[l] = Labelled ? 1.0 : sums.per_mass[l];
      const double top_slope = Loss::slope(1 - reach.lead[l]);
      whole[l] = sums.below[l] + sums.ties[l] * top_slope;
      share[l] = 1 / whole[l] + (reach.lead[l] - reach.lead[l]);  // NaN where the row is
      rest[l] = sums.below[l] + (sums.ties[l] - 1) * top_slope;
      mean[l] = sums.dot[l] * share[l];
      highest[l] = top.at[l];
      shortfall[l] = Loss::shortfall(reach.lead[l]);
      slope[l] = unit.slope[l];
      moves[l] = mask_of<T>(unit.slope[l] != T(0));
    }
    visit(unit, 0, unit.groups,
          [&](const auto& pred, const auto& target, const auto& vector, const auto& grad, const auto& hess,
              std::int64_t, std::int64_t count) {
            for (std::int64_t group = 0; group < count; ++group) {
              const T* z = pred + group * unit.pred.step;
              const T* t = Labelled ? z : target + group * unit.target.step;
              const T* v = product ? vector + group * unit.vector.step : z;
              T* g = grad + group * unit.grad.step;
              T* h = curved ? hess + group * unit.hess.step : g;
              FUSEDLOSS_LANES(lanes<T>)
              for (int l = 0; l < width; ++l) {
                const double q = reach.of(z[l], l);
                const double weight = blend(mask_of<double>(q == 0.0), 0.0, Loss::slope(q));
                if constexpr (product) {
                  const double apart = mass[l] * weight * (static_cast<double>(v[l]) - mean[l]);
                  g[l] = masked(slope[l] * static_cast<T>(apart), moves[l]);
                } else {
                  double d1;
                  if constexpr (Labelled) {
                    d1 = Loss::power(q);
                  } else {
                    const double given = static_cast<double>(t[l]), r = Loss::root(given * per_mass[l]);
                    const double at_top = (mass[l] - given) - mass[l] * shortfall[l];
                    d1 = z[l] == highest[l] ? at_top : mass[l] * Loss::difference(reach.apart(z[l], r, l), q, r);
                  }
                  if constexpr (curved) {
                    const double others = z[l] == highest[l] ? rest[l] : whole[l] - weight;
                    const T d2 = static_cast<T>(mass[l] * weight * (others * share[l]));
                    h[l] = masked(slope[l] * clamp_between(d2, least, most), moves[l]);
                  }
                  g[l] = masked(slope[l] * static_cast<T>(d1), moves[l]);
                }
              }
            }
          });
    if constexpr (Labelled && !product) {
      const int count = unit.across ? width : 1;
      for (int l = 0; l < count; ++l) {
        if (unit.slope[l] == T(0)) continue;
        const double q = reach.of(unit.label_pred[l], l);
        const double d1 = Loss::difference(reach.apart(unit.label_pred[l], 1.0, l), q, 1.0);
        unit.at(unit.grad, l, unit.label[l]) = unit.slope[l] * static_cast<T>(d1);
      }
    }
  }
};

FUSEDLOSS_END
