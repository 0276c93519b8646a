// The kind of divergences between two distributions a row, the prediction's and the target's: sums over the classes of
// a function of the two probabilities.
//
// Design:
// 1. A side comes as logits, as logarithms of probabilities, or as probabilities. The first two are one here: the
//    logarithm of a probability is a logit whose logsumexp is taken to be 0.
// 2. Each side of logits is folded into its maximum and its sum of exponentials, then the row's sums are taken over
//    both sides at once, then the derivatives. Nothing of a row's length is kept in between.
// 3. A class is seen as (u, w, r): the probabilities of prediction and target, and r = log w - log u. For logits r is a
//    difference of logits first, exactly, less one of logsumexps: where the sides are close, r has the digits that the
//    logarithms by themselves have lost.
// 4. A loss gives f and its derivatives F', F'' by log u, or by u. With s = sum F', the derivatives by logits are
//      gradient_j = F'_j - u_j s
//      Hessian    = diag(F'') - F'' u^T - u F''^T + u u^T sum F'' - s (diag(u) - u u^T),
//    and without the terms of u those by logarithms of probabilities.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "../core/math.hpp"
#include "softmax.hpp"

FUSEDLOSS_BEGIN

template <class T>
struct DivergenceOptions {
  T temperature, factor;               ///< the factor multiplies everything
  T eps;                               ///< where probabilities are clipped before their logarithm
  T pred_is_logits, target_is_logits;  ///< 1 or 0; of a side that does not hold probabilities
  T beta, root;                        ///< a share of the target in a mixture; 1 for the root of the divergence, or 0
};

/// A class of a row.
template <class T>
struct Classwise {
  T u, w, r;
  T held_u, held_w;            ///< of sides that hold probabilities, eps where these are less: r is of them
  Bits<T> inside_u, inside_w;  ///< masks: they are not less
  Bits<T> top;                 ///< a mask: the prediction's largest logit
  T lean;                      ///< 0 for a prediction in logits, where a multiple of u changes nothing in F'; else 1
};

/// p h(r), h(r) = r + e^-r - 1 >= 0, and p (e^-r - 1), for q = p e^-r: without cancellation where r is small.
template <class T>
FUSEDLOSS_INLINE TwoTerms<T> excess(T p, T q, T r) {
  constexpr T near = T(0.34);  // as far as exp_tail goes
  const Bits<T> small = mask_of<T>(absolute(r) < near);
  const T x = masked(-r, small), tail = exp_tail(x);
  const T far = masked(p * (r - T(1)), mask_of<T>(p != T(0))) + q;
  return {blend(small, p * (x * x * tail), far), blend(small, p * fma(x * x, tail, x), q - p)};
}

/// What stands for a side of logits, or of logarithms.
template <class T>
struct LogSide {
  static constexpr int width = lanes<T>;
  Reach<T> reach;
  T shift[width];       ///< the maximum, or the lowest finite number where all is -inf
  T scale[width];       ///< from exponentials to probabilities
  T complement[width];  ///< 1 - p at the maximum
  T top[width];         ///< the maximum before the temperature; 0 for logarithms of probabilities
  double tail[width];   ///< logsumexp less the maximum; 0 likewise

  FUSEDLOSS_SHARED void fold(const Unit<T>& unit, const Lane<const T>& lane, T per_temperature, bool logits) {
    alignas(64) T most[width];
    alignas(64) double rest[width] = {}, ties[width] = {};
    for (int l = 0; l < width; ++l) most[l] = -infinity<T>;
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* x = group_of(unit, lane, group);
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) most[l] = maximum(most[l], x[l]);
    }
    if (!unit.across) {
      const T highest = fold_maximum(most);
      for (int l = 0; l < width; ++l) most[l] = highest;
    }
    for (int l = 0; l < width; ++l) shift[l] = most[l] == -infinity<T> ? lowest<T> : most[l] * per_temperature;
    reach.aim(shift);
    if (logits) {
      alignas(64) T highest[width];
      for (int l = 0; l < width; ++l) highest[l] = shift[l];
      const Reach<T> by = reach;
      for (std::int64_t group = 0; group < unit.groups; ++group) {
        const T* x = group_of(unit, lane, group);
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const T z = x[l] * per_temperature;
          const Bits<T> below = mask_of<T>(z != highest[l]);
          rest[l] += static_cast<double>(masked(by.exponential(z, l), below));
          ties[l] += static_cast<double>(masked(T(1), ~below));
        }
      }
      if (!unit.across) {
        const double all = fusedloss::fold(rest), equal = fusedloss::fold(ties);
        for (int l = 0; l < width; ++l) {
          rest[l] = all;
          ties[l] = equal;
        }
      }
    }
    for (int l = 0; l < width; ++l) {
      // inf - inf: a row with +inf, or logits of nothing but -inf, are no distribution.
      const T undefined = logits && most[l] == -infinity<T> ? not_a_number<T> : shift[l] - shift[l];
      const double wide = static_cast<double>(shift[l]), more = ties[l] - 1;
      const double others = rest[l] * reach.per_unit[l] + (more > 0 ? more : 0.0) + static_cast<double>(undefined);
      const double share = logits ? 1.0 / (1.0 + others) : exp(wide) + static_cast<double>(undefined);
      scale[l] = static_cast<T>(share * reach.per_unit[l]);
      complement[l] = static_cast<T>(others * share);
      top[l] = logits ? most[l] : T(0);
      tail[l] = logits ? log1p(others) : 0.0;
    }
  }
};

/// A loss of the family as RowTask runs it: `Pred` and `Target` tell which sides hold probabilities. `Loss` has
///   static Jet<T> of<bool Probability>(const Classwise<T>&, T beta): f, F' and F'', by u or else by log u
///   static constexpr bool exact: whether the sum of f has no cancellation. If not,
///   static TwoTerms<T> excess_of(const Classwise<T>&) gives what the divergence of two normalised sides is made of
///   static T room(T): negative outside the domain of probabilities.
template <class Loss, bool Pred, bool Target>
struct Divergence {
  static constexpr const char* name = Loss::names[Pred][Target];
  static constexpr double nanoseconds = Loss::nanoseconds;
  static constexpr bool labelled = false;
  template <class T>
  using Options = DivergenceOptions<T>;

  template <class T, abi::Outputs Set>
  static void solve(Unit<T>& unit, const Options<T>& options, T floor, T ceiling) {
    // A row's value is a by-product of its gradient: one compiled copy serves both.
    Rows<T, Set == abi::grad_hess ? abi::value_grad_hess : Set>::solve(unit, options, floor, ceiling);
  }

 private:
  /// What the classes of a row share.
  template <class T>
  struct Shared {
    static constexpr int width = lanes<T>;
    LogSide<T> pred, target;
    T pred_factor, target_factor, pair_factor;  ///< of logits, in each side; of their difference
    T pred_before, target_before;               ///< of logits before their difference is taken
    T apart[width], rest[width], tail[width];   ///< difference of logsumexps, target less pred: of maxima, of tails
    Bits<T> projects;                           ///< a mask: pred holds logits
    T base[width];                              ///< the vector at pred's maximum, if it holds logits
  };

  template <class T>
  struct Sums {
    static constexpr int width = lanes<T>;
    double value[width], excess[width], surplus[width], slope[width], bend[width];
    double top_slope[width], top_bend[width], top_along[width];  ///< what the largest logits add; not in the sums above
    double mean[width], slope_along[width], bend_along[width];   ///< u v, F' v, F'' v for the vector v
    Bits<T> invalid[width];
  };

  template <class T, abi::Outputs Set>
  struct Rows {
    static constexpr int width = lanes<T>;
    static constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
    static constexpr bool product = Set == abi::hessian_vector;
    using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

    struct Group {
      const T *x, *t, *v;
      T *grad, *hess;
      alignas(64) Index offset[width];
      Index left;
    };

    static FUSEDLOSS_INLINE void solve(Unit<T>& unit, const Options<T>& options, T floor, T ceiling) {
      alignas(64) Shared<T> shared;
      alignas(64) Sums<T> sums;
      const bool both = prepare(unit, options, shared);
      add(unit, shared, options, sums);
      alignas(64) double k1[width], k2[width];
      for (int l = 0; l < width; ++l) {
        // With D off by little, sums of p r and p (e^-r - 1) =: S give the divergence as sum p r + log(1 + S).
        double value = sums.value[l];
        if (!Loss::exact && both) value = sums.excess[l] - (sums.surplus[l] - log1p(sums.surplus[l]));
        k1[l] = static_cast<double>(options.factor);
        k2[l] = 0.0;
        unit.item[l] = k1[l] * value;
        if (Loss::exact && options.root != T(0)) {
          const double root = square_root(value);
          unit.item[l] = root;
          k1[l] = value == 0.0 ? 0.0 : 0.5 / root;  // of the root at 0: none of its slopes is better
          k2[l] = value == 0.0 ? 0.0 : 1.0 / square_root(2.0 * value);
        }
        unit.valid[l] = sums.invalid[l] == 0;
      }
      if constexpr (Set != abi::value_only) map(unit, shared, options, sums, k1, k2, floor, ceiling);
    }

    /// Folds both sides; tells whether both hold logits.
    static FUSEDLOSS_INLINE bool prepare(const Unit<T>& unit, const Options<T>& options, Shared<T>& shared) {
      const bool pred_logits = !Pred && options.pred_is_logits != T(0);
      const bool target_logits = !Target && options.target_is_logits != T(0);
      const T per_temperature = T(1) / options.temperature;
      shared.pred_factor = pred_logits ? per_temperature : T(1);
      shared.target_factor = target_logits ? per_temperature : T(1);
      const bool both = pred_logits && target_logits;
      shared.pair_factor = both ? per_temperature : T(1);
      shared.pred_before = both ? T(1) : shared.pred_factor;
      shared.target_before = both ? T(1) : shared.target_factor;
      shared.projects = mask_of<T>(pred_logits);
      if constexpr (!Pred) shared.pred.fold(unit, unit.pred, shared.pred_factor, pred_logits);
      if constexpr (!Target) shared.target.fold(unit, unit.target, shared.target_factor, target_logits);
      for (int l = 0; l < width; ++l) {
        // As the logits themselves are: of a class that has both maxima, the difference is exactly that of tails.
        const T of_pred = Pred ? T(0) : shared.pred.top[l] * shared.pred_before;
        const T of_target = Target ? T(0) : shared.target.top[l] * shared.target_before;
        const TwoTerms<T> apart = two_diff(of_target, of_pred);
        shared.apart[l] = apart.hi;
        shared.rest[l] = apart.lo;
        shared.tail[l] = static_cast<T>((Target ? 0.0 : shared.target.tail[l]) - (Pred ? 0.0 : shared.pred.tail[l]));
        shared.base[l] = T(0);
      }
      if constexpr (product && !Pred) {
        if (pred_logits) find_base(unit, shared);
      }
      return both;
    }

    static FUSEDLOSS_INLINE void find_base(const Unit<T>& unit, Shared<T>& shared) {
      alignas(64) T at_top[width] = {};
      alignas(64) Bits<T> found[width] = {};
      for (std::int64_t group = 0; group < unit.groups; ++group) {
        const T* x = group_of(unit, unit.pred, group);
        const T* v = group_of(unit, unit.vector, group);
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const Bits<T> top = mask_of<T>(x[l] * shared.pred_factor == shared.pred.shift[l]);
          at_top[l] = blend(top, v[l], at_top[l]);
          found[l] |= top;
        }
      }
      for (int l = 0; l < width; ++l) shared.base[l] = at_top[l];
      if (unit.across) return;
      int lane = 0;
      while (lane < width - 1 && found[lane] == 0) ++lane;
      for (int l = 0; l < width; ++l) shared.base[l] = at_top[lane];
    }

    /// Calls body(group) for all groups.
    template <class Body>
    static FUSEDLOSS_INLINE void each(const Unit<T>& unit, const Body& body) {
      const std::int64_t per_group = unit.across ? 1 : width;
      Group group;
      for (int l = 0; l < width; ++l) group.offset[l] = unit.across ? Index(0) : static_cast<Index>(l);
      for (std::int64_t s = 0; s < unit.groups; ++s) {
        const std::int64_t left = unit.classes - s * per_group;
        group.left = static_cast<Index>(left > width ? width : left);
        group.x = group_of(unit, unit.pred, s);
        group.t = group_of(unit, unit.target, s);
        group.v = product ? group_of(unit, unit.vector, s) : group.x;
        group.grad = Set == abi::value_only ? nullptr : group_of(unit, unit.grad, s);
        group.hess = curved ? group_of(unit, unit.hess, s) : group.grad;
        body(group);
      }
    }

    static FUSEDLOSS_INLINE Classwise<T> at(const Group& group, int l, const Shared<T>& of, const Options<T>& options) {
      const Bits<T> real = mask_of<T>(group.offset[l] < group.left);
      const T x = group.x[l], t = group.t[l];
      T u = x, w = t, log_u = x * of.pred_before, log_w = t * of.target_before;
      if constexpr (Pred) {
        log_u = log(maximum(x, options.eps));
      } else {
        u = of.pred.reach.exponential(x * of.pred_factor, l) * of.pred.scale[l];
      }
      if constexpr (Target) {
        log_w = log(maximum(t, options.eps));
      } else {
        w = of.target.reach.exponential(t * of.target_factor, l) * of.target.scale[l];
      }
      const TwoTerms<T> gap = two_diff(log_w, log_u);
      const T lost = masked(gap.lo, mask_of<T>(absolute(gap.hi) < infinity<T>));
      const T r = fma((gap.hi - of.apart[l]) + (lost - of.rest[l]), of.pair_factor, -of.tail[l]);
      Bits<T> top = 0;
      if constexpr (!Pred) top = of.projects & real & mask_of<T>(x * of.pred_factor == of.pred.shift[l]);
      return {masked(u, real),
              masked(w, real),
              masked(r, real),
              Pred ? maximum(u, options.eps) : u,
              Target ? maximum(w, options.eps) : w,
              real & mask_of<T>(!Pred || !(u < options.eps)),
              real & mask_of<T>(!Target || !(w < options.eps)),
              top,
              masked(T(1), ~of.projects)};
    }

    static FUSEDLOSS_INLINE void add(const Unit<T>& unit, const Shared<T>& given, const Options<T>& given_options,
                                     Sums<T>& sums) {
      const Shared<T> of = given;
      const Options<T> options = given_options;
      alignas(64) double value[width] = {}, excess[width] = {}, surplus[width] = {}, slope[width] = {},
                         bend[width] = {}, top_slope[width] = {}, top_bend[width] = {}, mean[width] = {},
                         slope_along[width] = {}, bend_along[width] = {}, top_along[width] = {};
      alignas(64) Bits<T> invalid[width] = {};
      each(unit, [&](const Group& group) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const Classwise<T> c = at(group, l, of, options);
          const auto jet = Loss::template of<Pred>(c, options.beta);
          value[l] += static_cast<double>(jet.value);
          if constexpr (!Loss::exact && !Pred && !Target) {
            const TwoTerms<T> both = Loss::excess_of(c);
            excess[l] += static_cast<double>(both.hi);
            surplus[l] += static_cast<double>(both.lo);
          }
          if constexpr (Set != abi::value_only) {
            slope[l] += static_cast<double>(masked(jet.d1, ~c.top));
            top_slope[l] += static_cast<double>(masked(jet.d1, c.top));
          }
          if constexpr (curved || product) {
            bend[l] += static_cast<double>(masked(jet.d2, ~c.top));
            top_bend[l] += static_cast<double>(masked(jet.d2, c.top));
          }
          if constexpr (product) {
            const double v =
                static_cast<double>(masked(group.v[l] - of.base[l], mask_of<T>(group.offset[l] < group.left)));
            mean[l] += static_cast<double>(c.u) * v;
            slope_along[l] += static_cast<double>(jet.d1) * v;
            bend_along[l] += static_cast<double>(masked(jet.d2, ~c.top)) * v;
            top_along[l] += static_cast<double>(masked(jet.d2, c.top)) * v;
          }
          const Bits<T> real = mask_of<T>(group.offset[l] < group.left);
          if constexpr (Pred) invalid[l] |= real & mask_of<T>(Loss::room(group.x[l]) < T(0));
          if constexpr (Target) invalid[l] |= real & mask_of<T>(Loss::room(group.t[l]) < T(0));
        }
      });
      double (*const from[])[width] = {&value,    &excess, &surplus,     &slope,      &bend,     &top_slope,
                                       &top_bend, &mean,   &slope_along, &bend_along, &top_along};
      double (*const to[])[width] = {&sums.value,       &sums.excess,     &sums.surplus,  &sums.slope,
                                     &sums.bend,        &sums.top_slope,  &sums.top_bend, &sums.mean,
                                     &sums.slope_along, &sums.bend_along, &sums.top_along};
      for (int k = 0; k < 11; ++k) {
        if (!unit.across) (*from[k])[0] = fold(*from[k]);
        for (int l = 0; l < width; ++l) (*to[k])[l] = (*from[k])[unit.across ? l : 0];
      }
      Bits<T> any = 0;
      for (int l = 0; l < width; ++l) any |= invalid[l];
      for (int l = 0; l < width; ++l) sums.invalid[l] = unit.across ? invalid[l] : any;
    }

    static FUSEDLOSS_INLINE void map(const Unit<T>& unit, const Shared<T>& given, const Options<T>& given_options,
                                     const Sums<T>& sums, const double (&k1)[width], const double (&k2)[width], T floor,
                                     T ceiling) {
      const Shared<T> of = given;
      const Options<T> options = given_options;
      alignas(64) double slopes[width], top_slopes[width], bends[width], top_bends[width];  // of F'' v for a product
      alignas(64) T factor[width], root[width], slope[width], mean[width], along[width], weight[width];
      alignas(64) Bits<T> moves[width];
      const double per = static_cast<double>(of.pred_factor);
      for (int l = 0; l < width; ++l) {
        const bool projects = of.projects != 0;
        factor[l] = static_cast<T>(k1[l] * per);
        root[l] = static_cast<T>(k2[l]);
        const double whole = sums.slope[l] + sums.top_slope[l];
        slope[l] = projects ? static_cast<T>(whole) : T(0);
        mean[l] = projects ? static_cast<T>(sums.mean[l]) : T(0);
        slopes[l] = sums.slope[l];
        top_slopes[l] = sums.top_slope[l];
        bends[l] = product ? sums.bend_along[l] - sums.mean[l] * sums.bend[l] : sums.bend[l];
        top_bends[l] = product ? sums.top_along[l] - sums.mean[l] * sums.top_bend[l] : sums.top_bend[l];
        along[l] = static_cast<T>((sums.slope_along[l] - (projects ? whole * sums.mean[l] : 0.0)) * k2[l]);
        weight[l] = unit.slope[l];
        moves[l] = mask_of<T>(unit.slope[l] != T(0));
      }
      each(unit, [&](const Group& group) {
        T* g = group.grad;
        T* h = group.hess;
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const Classwise<T> c = at(group, l, of, options);
          const auto jet = Loss::template of<Pred>(c, options.beta);
          // What the class itself adds to a sum is taken out of it and multiplied by 1 - u: see mixture.hpp.
          const T u = masked(c.u, of.projects);
          T complement = T(1) - u;
          if constexpr (!Pred) complement = blend(c.top, of.pred.complement[l], complement);
          const auto others = [&](double rest, double tops, T own) {
            return static_cast<T>((rest - static_cast<double>(masked(own, ~c.top))) +
                                  (tops - static_cast<double>(masked(own, c.top))));
          };
          const T first = fma(-u, others(slopes[l], top_slopes[l], jet.d1), jet.d1 * complement);
          if constexpr (product) {
            const T v = (group.v[l] - of.base[l]) - mean[l], own = jet.d2 * v;
            const T turned = fma(-u, fma(slope[l], v, others(bends[l], top_bends[l], own)), own * complement);
            const T result = turned - masked(first * root[l] * along[l], mask_of<T>(root[l] != T(0)));
            g[l] = masked(weight[l] * (factor[l] * result * of.pred_factor), moves[l]);
          } else {
            if constexpr (curved) {
              const T steep = first * root[l];
              const T bent = u * (u * others(bends[l], top_bends[l], jet.d2) - slope[l] * complement);
              const T second = fma(jet.d2 * complement, complement, bent) - steep * steep;
              h[l] = masked(weight[l] * clamp_between(factor[l] * second * of.pred_factor, floor, ceiling), moves[l]);
            }
            g[l] = masked(weight[l] * (factor[l] * first), moves[l]);
          }
        }
      });
    }
  };
};

FUSEDLOSS_END
