// Losses of a softmax that are a function F of each class's own n = -log p, mixed by the target: sum_c t_c F(n_c).
//
// With u_c = dn_c/dz = p - e_c, in sums over the target of F' and F'':
//   gradient_j = sum_c t_c F'_c p_j - t_j F'_j
//   Hessian    = sum_c t_c F''_c u_c u_c^T + sum_c t_c F'_c (diag(p) - p p^T)
// What class j itself adds to the sums is taken out of them and multiplied by 1 - p_j, which is known to full relative
// accuracy: where p_j goes to 1 the forms above cancel.
//
// A label alone needs none of that: F is then evaluated once a row.
#pragma once

#include "../core/jet.hpp"
#include "softmax.hpp"

FUSEDLOSS_BEGIN

template <class Loss, class T, abi::Outputs Set>
struct MixtureRows {
  static constexpr int width = lanes<T>;
  static constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
  static constexpr bool product = Set == abi::hessian_vector;
  using Options = typename Loss::template Options<T>;
  using Rows = SoftmaxRows<T, product ? abi::hessian_vector : abi::value_only, true>;
  using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

  /// A class of a row as the target sees it.
  struct Term {
    T p, complement, weight;
    Jet<T> jet;  ///< weighted
  };

  /// What a row's classes share.
  struct Shared {
    T shift[width], log_sum[width], scale[width], complement[width], base[width];
    std::int64_t label[width];
    T uniform, certain;  ///< weights of each class, and of the target itself
    Reach<T> reach;
  };

  /// Sums over the target: without the maximum, and of the maximum alone. There p_j may be close to 1, and then what
  /// the others add is not to be found as a difference.
  struct Sums {
    double value[width], slope[width], bend[width], turn[width], top_slope[width], top_bend[width];
  };

  static FUSEDLOSS_SHARED void solve(Unit<T>& unit, const Options& options, bool labelled, T floor, T ceiling) {
    const SoftmaxLoss<T> none{nullptr, nullptr, false, T(0)};
    Folded<T> row;
    Rows::fold_row(unit, none, row);
    if (unit.call->wants_extra) describe(unit, row);
    alignas(64) Shared shared;
    alignas(64) double mean[width], log_sum[width];
    shared.reach.aim(row.shift);
    shared.uniform = options.label_smoothing / static_cast<T>(unit.live_classes);
    shared.certain = T(1) - options.label_smoothing;
    for (int l = 0; l < width; ++l) {
      const T undefined = row.one[l] == T(0) ? not_a_number<T> : row.shift[l] - row.shift[l];
      const double rest = row.rest[l] + static_cast<double>(undefined), share = 1.0 / (1.0 + rest);
      shared.shift[l] = row.shift[l];
      shared.log_sum[l] = log1p(static_cast<T>(rest));
      shared.scale[l] = static_cast<T>(share * shared.reach.per_unit[l]);
      shared.complement[l] = static_cast<T>(rest * share);
      shared.base[l] = row.base[l];
      shared.label[l] = labelled ? unit.label[l] : -1;
      mean[l] = row.dot[l] * share;
      log_sum[l] = log_sum_of(row, l);
    }
    Sums sums = {};
    add(unit, shared, options, labelled, sums);

    const double z_loss = unit.call->logits != nullptr ? unit.call->logits->z_loss : 0.0;
    alignas(64) double lean[width], outer[width];
    for (int l = 0; l < width; ++l) {
      unit.item[l] = 2 * sums.value[l] + z_loss * log_sum[l] * log_sum[l];
      lean[l] = 2 * z_loss * log_sum[l];
      sums.turn[l] = sums.bend[l] * mean[l] - sums.turn[l];  // of t_c F''_c (m - v_c); at the maximum v_c is the base
      outer[l] = product ? 2 * z_loss * (mean[l] + static_cast<double>(row.base[l])) : 2 * z_loss;
    }
    if constexpr (Set != abi::value_only) map(unit, shared, options, labelled, sums, lean, outer, mean, floor, ceiling);
  }

 private:
  /// Where the operands and results of a group lie, and which of its classes are there and which is the label.
  struct Group {
    const T *z, *target, *vector, *there, *factor;
    T *grad, *hess;
    alignas(64) Index offset[width], label[width];
    Index left;
  };

  static FUSEDLOSS_INLINE Term term(const Group& group, int l, const Shared& shared, const Options& options) {
    const T z = group.z[l];
    const T target = group.target[l] + masked(T(1), mask_of<T>(group.label[l] == group.offset[l]));
    const Bits<T> real = mask_of<T>(group.offset[l] < group.left);
    const T p = shared.reach.exponential(z, l) * shared.scale[l];
    const T complement = blend(mask_of<T>(z == shared.shift[l]), shared.complement[l], T(1) - p);
    const T weight = masked(fma(target, shared.certain, shared.uniform) * (group.there[l] * group.factor[l]), real);
    const T half_nll = fma(T(0.5), shared.log_sum[l], fma(T(-0.5), z, T(0.5) * shared.shift[l]));
    const Jet<T> jet = Loss::of(half_nll, p, complement, options);
    const Bits<T> counts = mask_of<T>(weight != T(0));  // F may be infinite where p is 0
    return {p,
            complement,
            weight,
            {masked(weight * jet.value, counts), masked(weight * jet.d1, counts), masked(weight * jet.d2, counts)}};
  }

  /// Calls body(group, shared, options) for all groups, the last two from copies that no store can change.
  template <class Body>
  static FUSEDLOSS_INLINE void each(const Unit<T>& unit, const Shared& shared, const Options& given, bool labelled,
                                    const Body& body) {
    alignas(64) T zeros[width] = {}, factor[width];
    const Options options = given;
    const Shared of = shared;
    const T* factors = static_cast<const T*>(unit.call->class_factor);
    const std::int64_t per_group = unit.across ? 1 : width;
    // Distances to the row's end and to its label that fit the lanes' integers.
    const auto near = [](std::int64_t distance) -> Index {
      constexpr int width = lanes<T>;
      return static_cast<Index>(distance < -1 ? -1 : distance > width ? width : distance);
    };
    Group group;
    for (int l = 0; l < width; ++l) {
      group.offset[l] = unit.across ? Index(0) : static_cast<Index>(l);
      factor[l] = T(1);
    }
    for (std::int64_t s = 0; s < unit.groups; ++s) {
      const std::int64_t first = s * per_group;
      if (factors != nullptr) {
        for (int l = 0; l < width; ++l) factor[l] = factors[unit.across ? s : first + l];
      }
      for (int l = 0; l < width; ++l) group.label[l] = near(of.label[l] - first);
      group.left = near(unit.classes - first);
      group.z = group_of(unit, unit.pred, s);
      group.target = labelled ? zeros : group_of(unit, unit.target, s);
      group.vector = product ? group_of(unit, unit.vector, s) : group.z;
      group.there = unit.live.at + s * unit.live.step;
      group.factor = factor;
      group.grad = Set == abi::value_only ? nullptr : group_of(unit, unit.grad, s);
      group.hess = curved ? group_of(unit, unit.hess, s) : group.grad;
      body(group, of, options);
    }
  }

  static FUSEDLOSS_INLINE void add(const Unit<T>& unit, const Shared& shared, const Options& given, bool labelled,
                                   Sums& sums) {
    alignas(64) double value[width] = {}, slope[width] = {}, bend[width] = {}, turn[width] = {}, top_slope[width] = {},
                       top_bend[width] = {};
    each(unit, shared, given, labelled,
         [&](const Group& group, const Shared& of, const Options& options) __attribute__((always_inline)) {
           FUSEDLOSS_LANES(width)
           for (int l = 0; l < width; ++l) {
             const Term at = term(group, l, of, options);
             const Bits<T> top = mask_of<T>(group.z[l] == of.shift[l]);
             value[l] += static_cast<double>(at.jet.value);
             if constexpr (Set != abi::value_only) {
               slope[l] += static_cast<double>(masked(at.jet.d1, ~top));
               top_slope[l] += static_cast<double>(masked(at.jet.d1, top));
             }
             if constexpr (curved || product) {
               bend[l] += static_cast<double>(masked(at.jet.d2, ~top));
               top_bend[l] += static_cast<double>(masked(at.jet.d2, top));
             }
             if constexpr (product) {
               const T along = masked(group.vector[l] - of.base[l], mask_of<T>(at.weight != T(0)) & ~top);
               turn[l] += static_cast<double>(at.jet.d2) * static_cast<double>(along);
             }
           }
         });
    double (*const all[])[width] = {&value, &slope, &bend, &turn, &top_slope, &top_bend};
    double (*const to[])[width] = {&sums.value, &sums.slope, &sums.bend, &sums.turn, &sums.top_slope, &sums.top_bend};
    for (int k = 0; k < 6; ++k) {
      if (!unit.across) (*all[k])[0] = fold(*all[k]);
      for (int l = 0; l < width; ++l) (*to[k])[l] = (*all[k])[unit.across ? l : 0];
    }
  }

  static FUSEDLOSS_INLINE void map(const Unit<T>& unit, const Shared& shared, const Options& given, bool labelled,
                                   const Sums& sums, const double (&leans)[width], const double (&outers)[width],
                                   const double (&means)[width], T floor, T ceiling) {
    alignas(64) double slopes[width], top_slope[width], bend[width], top_bend[width];
    alignas(64) T slope[width], outer[width], mean[width], pull[width], lean[width];
    alignas(64) Bits<T> moves[width];
    for (int l = 0; l < width; ++l) {
      slopes[l] = sums.slope[l];
      top_slope[l] = sums.top_slope[l];
      bend[l] = product ? sums.turn[l] : sums.bend[l];
      top_bend[l] = product ? sums.top_bend[l] * means[l] : sums.top_bend[l];
      pull[l] = static_cast<T>(sums.slope[l] + sums.top_slope[l] + leans[l]);
      lean[l] = static_cast<T>(leans[l]);
      outer[l] = static_cast<T>(outers[l]);
      mean[l] = static_cast<T>(means[l]);
      slope[l] = unit.slope[l];
      moves[l] = mask_of<T>(unit.slope[l] != T(0));
    }
    each(unit, shared, given, labelled,
         [&](const Group& group, const Shared& of, const Options& options) __attribute__((always_inline)) {
           T* g = group.grad;
           T* h = group.hess;
           FUSEDLOSS_LANES(width)
           for (int l = 0; l < width; ++l) {
             const Term at = term(group, l, of, options);
             const Bits<T> top = mask_of<T>(group.z[l] == of.shift[l]);
             // A sum without what the class itself adds.
             const auto others = [&](double rest, double tops, T own) {
               return static_cast<T>((rest - static_cast<double>(masked(own, ~top))) +
                                     (tops - static_cast<double>(masked(own, top))));
             };
             if constexpr (product) {
               const T along = group.vector[l] - of.base[l] - mean[l];
               const T own = at.jet.d2 * along;
               const T result =
                   at.p * (others(bend[l], top_bend[l], -own) + pull[l] * along + outer[l]) + at.complement * own;
               g[l] = masked(slope[l] * result, moves[l]);
             } else {
               const T rest = others(slopes[l], top_slope[l], at.jet.d1) + lean[l];
               g[l] = masked(slope[l] * fma(rest, at.p, -at.jet.d1 * at.complement), moves[l]);
               if constexpr (curved) {
                 const T turned = others(bend[l], top_bend[l], at.jet.d2);
                 const T d2 = at.p * (at.p * (turned + outer[l]) + pull[l] * at.complement) +
                              at.jet.d2 * at.complement * at.complement;
                 h[l] = masked(slope[l] * clamp_between(d2, floor, ceiling), moves[l]);
               }
             }
           }
         });
  }
};

/// A function of -log p at the label alone.
template <class Loss>
struct AtLabel {
  template <class T>
  using Options = typename Loss::template Options<T>;
  template <class T>
  static FUSEDLOSS_INLINE Slopes<T> eval(const LabelView<T>& row, T, const Options<T>& options) {
    const Jet<T> jet = Loss::of(static_cast<T>(0.5 * row.nll), row.p, row.complement, options);
    return {2 * static_cast<double>(jet.value), jet.d1, T(0), T(0), jet.d2};
  }
};

/// A loss of the family as RowTask runs it; `Labelled`: of labels, else of distributions. `Loss` has
///   static Jet<T> of(T half_nll, T p, T complement, const Options<T>&), half of F with its derivatives by nll: -log p
/// may exceed T's range where the weighted sum of it does not;
/// and options that begin with label_smoothing.
template <class Loss, bool Labelled>
struct Mixture {
  static constexpr const char* name = Labelled ? Loss::label_name : Loss::distribution_name;
  static constexpr double nanoseconds = Labelled ? 0.8 : Loss::nanoseconds;
  static constexpr bool labelled = Labelled;
  static constexpr bool together = true;
  template <class T>
  using Options = typename Loss::template Options<T>;

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void solve(Unit<T>* units, int count, const Options<T>& options, T floor, T ceiling) {
    constexpr abi::Outputs same = Set == abi::grad_hess ? abi::value_grad_hess : Set;
    solve_moved<T, same>(*units, floor, ceiling, [&](auto set, T low, T high) {
      constexpr abi::Outputs wanted = static_cast<abi::Outputs>(decltype(set)::value);
      if (labelled && options.label_smoothing == T(0)) {
        const SoftmaxLoss<T> loss{eval_rows<AtLabel<Loss>, T>, &options, false, T(0)};
        SoftmaxRows<T, wanted, true>::solve(units, count, loss, low, high);
      } else {
        one_by_one(units, count,
                   [&](Unit<T>& unit) { MixtureRows<Loss, T, wanted>::solve(unit, options, labelled, low, high); });
      }
    });
  }
};

FUSEDLOSS_END
