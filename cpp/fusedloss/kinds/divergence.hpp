// The kind of divergences between two distributions a row, the prediction's and the target's: sums over the classes of
// a function of the two probabilities.
//
// Design:
// 1. A side comes as logits, as logarithms of probabilities, or as probabilities. The first two are one here: the
//    logarithm of a probability is a logit whose logsumexp is taken to be 0. Of probabilities the logarithms are taken
//    once, into the worker's scratch, and lie beside them from then on. What a side holds is said by masks: beside two
//    exponentials they cost nothing, and a divergence is compiled once.
// 2. Each side of logits is folded into its maximum and its sum of exponentials, then the row's sums are taken over
//    both sides at once, then the derivatives. Nothing else of a row's length is kept in between.
// 3. A class is seen as (u, w, r): the probabilities of prediction and target, and r = log w - log u. For logits r is a
//    difference of logits first, exactly, less one of logsumexps: where the sides are close, r has the digits that the
//    logarithms by themselves have lost.
// 4. A loss gives f and its derivatives by what pred holds: F' and F'' by log u, or by u. With s = sum F', those by
//    logits are
//      gradient_j = F'_j - u_j s
//      Hessian    = diag(F'') - F'' u^T - u F''^T + u u^T sum F'' - s (diag(u) - u u^T),
//    and without the terms of u those by logarithms of probabilities.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../core/call.hpp"
#include "../core/domains.hpp"
#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/math.hpp"
#include "softmax.hpp"

FUSEDLOSS_BEGIN

template <class T>
struct DivergenceOptions {
  T temperature, factor;  ///< the factor multiplies everything
  T eps;                  ///< where probabilities are held before their logarithm
  T pred, target;         ///< what the sides hold: 0 logits, 1 logarithms of probabilities, 2 probabilities
  T beta, root;           ///< the target's share in a mixture; 1 for the root of the divergence, or 0
};

/// A class of a row. Derivatives are by x: log u, or u where pred holds probabilities.
template <class T>
struct Classwise {
  T u, w, r;
  T step;                      ///< du/dx: u, or 1
  T per;                       ///< du/dx / u: 1, or the derivative of the logarithm that r has
  T lean;                      ///< the same, but 0 for a prediction in logits, where a multiple of u is nothing in F'
  T have, lack;                ///< 1 and 0; of a target's probability below eps, w / eps and 1 - w / eps
  Bits<T> inside_u, inside_w;  ///< masks: of sides that hold probabilities, they are not below eps
  Bits<T> top;                 ///< a mask: the prediction's largest logit
};

/// p h(r) and p (e^-r - 1), h(r) = r + e^-r - 1 >= 0, for q = p e^-r: without cancellation where r is small.
template <class T>
FUSEDLOSS_INLINE TwoTerms<T> excess(T p, T q, T r) {
  constexpr T near = T(0.34);  // as far as exp_tail goes
  const Bits<T> small = mask_of<T>(absolute(r) < near);
  const T x = masked(-r, small), tail = exp_tail(x);
  const T far = masked(p * (r - T(1)), mask_of<T>(p != T(0))) + q;
  return {blend(small, p * (x * x * tail), far), blend(small, p * fma(x * x, tail, x), q - p)};
}

/// Arrays in the scratch that belongs to a row's logarithms.
constexpr int logarithm_arrays = 3;

template <class T>
FUSEDLOSS_SHARED std::int64_t divergence_scratch_bytes(const abi::Call* call) {
  return row_scratch_bytes<T>(call) +
         logarithm_arrays * scratch_elements<T>(call) * static_cast<std::int64_t>(sizeof(T));
}

/// One side of a unit.
template <class T>
struct Side {
  static constexpr int width = lanes<T>;
  Lane<const T> given;      ///< what the side holds
  Lane<const T> logarithm;  ///< the same, or the logarithms of probabilities
  Bits<T> logits;           ///< a mask: it holds logits
  Bits<T> probabilities;    ///< a mask
  T held, per_held;         ///< eps for probabilities, else 0; 1 / eps
  T factor;                 ///< of logits
  Reach<T> reach;
  T shift[width];       ///< the maximum, or the lowest finite number where all is -inf
  T scale[width];       ///< from exponentials to probabilities
  T complement[width];  ///< 1 - p at the maximum
  T top[width];         ///< the maximum before the temperature; 0 for logarithms of probabilities
  double tail[width];   ///< logsumexp less the maximum; 0 likewise
  Bits<T> invalid[width];

  FUSEDLOSS_INLINE T probability(T given, T logarithm, int l) const {
    return blend(probabilities, given, reach.exponential(logarithm * factor, l) * scale[l]);
  }

  /// `room`: the scratch array for logarithms.
  FUSEDLOSS_SHARED void enter(const Unit<T>& unit, const Lane<const T>& lane, const DivergenceOptions<T>& options,
                              T kind, T* room) {
    logits = mask_of<T>(kind == T(0));
    probabilities = mask_of<T>(kind == T(2));
    held = masked(options.eps, probabilities);
    per_held = T(1) / options.eps;
    factor = blend(logits, T(1) / options.temperature, T(1));
    given = logarithm = lane;
    for (int l = 0; l < width; ++l) invalid[l] = 0;
    if (probabilities != 0) {
      logarithm = {room, width, room + unit.full * width};
      take_logarithms(unit, room);
    } else {
      fold(unit);
    }
  }

  /// The derivatives of the logarithms, if the side holds probabilities.
  FUSEDLOSS_SHARED Lane<const T> slopes(const Unit<T>& unit, T* room, const T* ones) const {
    if (probabilities == 0) return {ones, 0, ones};
    const T least = held;
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* p = group_of(unit, given, group);
      T* to = room + group * width;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) to[l] = masked(T(1) / p[l], mask_of<T>(!(p[l] < least)));
    }
    return {room, width, room + unit.full * width};
  }

 private:
  FUSEDLOSS_INLINE void take_logarithms(const Unit<T>& unit, T* logarithms) {
    alignas(64) T offset[width];
    alignas(64) Bits<T> outside[width] = {};
    for (int l = 0; l < width; ++l) offset[l] = unit.across ? T(0) : static_cast<T>(l);
    const T least = held;
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* p = group_of(unit, given, group);
      T* to = logarithms + group * width;
      const T left = static_cast<T>(group < unit.full || unit.across ? width : unit.classes - group * width);
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        to[l] = log(maximum(p[l], least));
        outside[l] |= mask_of<T>(offset[l] < left) & mask_of<T>(probability_room(p[l]) < T(0));
      }
    }
    Bits<T> any = 0;
    for (int l = 0; l < width; ++l) any |= outside[l];
    for (int l = 0; l < width; ++l) {
      invalid[l] = unit.across ? outside[l] : any;
      shift[l] = scale[l] = complement[l] = top[l] = T(0);
      tail[l] = 0.0;
    }
    reach.aim(shift);
  }

  FUSEDLOSS_INLINE void fold(const Unit<T>& unit) {
    const bool normalised = logits != 0;
    const T per_temperature = factor;
    alignas(64) T most[width];
    alignas(64) double rest[width] = {}, ties[width] = {};
    for (int l = 0; l < width; ++l) most[l] = -infinity<T>;
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* x = group_of(unit, given, group);
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) most[l] = maximum(most[l], x[l]);
    }
    if (!unit.across) {
      const T highest = fold_maximum(most);
      for (int l = 0; l < width; ++l) most[l] = highest;
    }
    for (int l = 0; l < width; ++l) shift[l] = most[l] == -infinity<T> ? lowest<T> : most[l] * per_temperature;
    reach.aim(shift);
    if (normalised) {
      alignas(64) T highest[width];
      for (int l = 0; l < width; ++l) highest[l] = shift[l];
      const Reach<T> by = reach;
      for (std::int64_t group = 0; group < unit.groups; ++group) {
        const T* x = group_of(unit, given, group);
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
      const T undefined = normalised && most[l] == -infinity<T> ? not_a_number<T> : shift[l] - shift[l];
      const double wide = static_cast<double>(shift[l]), more = ties[l] - 1;
      const double others = rest[l] * reach.per_unit[l] + (more > 0 ? more : 0.0) + static_cast<double>(undefined);
      const double share = normalised ? 1.0 / (1.0 + others) : exp(wide) + static_cast<double>(undefined);
      scale[l] = static_cast<T>(share * reach.per_unit[l]);
      complement[l] = static_cast<T>(others * share);
      top[l] = normalised ? most[l] : T(0);
      tail[l] = normalised ? log1p(others) : 0.0;
    }
  }
};

/// A loss of the family as RowTask runs it. `Loss` has
///   static Jet<T> of(const Classwise<T>&, T beta): f, F' and (du/dx)^2 d^2f/du^2, which is F'' if x is u
///   static constexpr bool exact: whether the sum of f has no cancellation. If not,
///   static TwoTerms<T> excess_of(const Classwise<T>&, T beta) gives what the divergence of two normalised sides is
///   made of.
template <class Loss>
struct Divergence {
  static constexpr const char* name = Loss::name;
  static constexpr double nanoseconds = Loss::nanoseconds;
  static constexpr bool labelled = false;
  template <class T>
  using Options = DivergenceOptions<T>;

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void solve(Unit<T>& unit, const Options<T>& options, T floor, T ceiling) {
    // A row's value is a by-product of its gradient: one compiled copy serves both.
    Rows<T, Set == abi::grad_hess ? abi::value_grad_hess : Set>::solve(unit, options, floor, ceiling);
  }

 private:
  /// What the classes of a row share.
  template <class T>
  struct Shared {
    static constexpr int width = lanes<T>;
    Side<T> pred, target;
    T pred_before, target_before, after;       ///< what logits are multiplied by before and after their difference
    T apart[width], rest[width], tail[width];  ///< difference of logsumexps, target less pred: of maxima, of tails
    T base[width];                             ///< the vector at pred's maximum, if it holds logits
    T ones[width];
    Lane<const T> per;  ///< of the classes: see there
  };

  template <class T>
  struct Sums {
    static constexpr int width = lanes<T>;
    double value[width], excess[width], surplus[width], slope[width], bend[width];
    double top_slope[width], top_bend[width], top_along[width];  ///< what the largest logits add; not in the sums above
    double mean[width], slope_along[width], bend_along[width];   ///< u v, F' v, F'' v for the vector v
  };

  template <class T, abi::Outputs Set>
  struct Rows {
    static constexpr int width = lanes<T>;
    static constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
    static constexpr bool product = Set == abi::hessian_vector;
    using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

    struct Group {
      const T *x, *t, *log_u, *log_w, *per, *v;
      T *grad, *hess;
      alignas(64) Index offset[width];
      Index left;
    };

    static FUSEDLOSS_SHARED void solve(Unit<T>& unit, const Options<T>& options, T floor, T ceiling) {
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
        unit.valid[l] = (shared.pred.invalid[l] | shared.target.invalid[l]) == 0;
      }
      if constexpr (Set != abi::value_only) map(unit, shared, options, sums, k1, k2, floor, ceiling);
    }

    /// Enters both sides; tells whether both hold logits.
    static FUSEDLOSS_INLINE bool prepare(const Unit<T>& unit, const Options<T>& options, Shared<T>& shared) {
      const std::int64_t size = unit.groups * width;
      shared.pred.enter(unit, unit.pred, options, options.pred, unit.scratch);
      shared.target.enter(unit, unit.target, options, options.target, unit.scratch + size);
      const bool both = (shared.pred.logits & shared.target.logits) != 0;
      shared.after = both ? T(1) / options.temperature : T(1);
      shared.pred_before = both ? T(1) : shared.pred.factor;
      shared.target_before = both ? T(1) : shared.target.factor;
      for (int l = 0; l < width; ++l) {
        // As the logits themselves are: of a class that has both maxima, the difference is exactly that of tails.
        const TwoTerms<T> apart =
            two_diff(shared.target.top[l] * shared.target_before, shared.pred.top[l] * shared.pred_before);
        shared.apart[l] = apart.hi;
        shared.rest[l] = apart.lo;
        shared.tail[l] = static_cast<T>(shared.target.tail[l] - shared.pred.tail[l]);
        shared.base[l] = T(0);
        shared.ones[l] = T(1);
      }
      if constexpr (Set != abi::value_only) {
        shared.per = shared.pred.slopes(unit, unit.scratch + 2 * size, shared.ones);
      } else {
        shared.per = {shared.ones, 0, shared.ones};
      }
      if constexpr (product) {
        if (shared.pred.logits != 0) find_base(unit, shared);
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
          const Bits<T> top = mask_of<T>(x[l] * shared.pred.factor == shared.pred.shift[l]);
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

    /// Calls body(group, shared, options) for all groups, the last two from copies that no store can change.
    template <class Body>
    static FUSEDLOSS_INLINE void each(const Unit<T>& unit, const Shared<T>& shared, const Options<T>& given,
                                      const Body& body) {
      const Shared<T> of = shared;
      const Options<T> options = given;
      const std::int64_t per_group = unit.across ? 1 : width;
      Group group;
      for (int l = 0; l < width; ++l) group.offset[l] = unit.across ? Index(0) : static_cast<Index>(l);
      for (std::int64_t s = 0; s < unit.groups; ++s) {
        const std::int64_t left = unit.classes - s * per_group;
        group.left = static_cast<Index>(left > width ? width : left);
        group.x = group_of(unit, of.pred.given, s);
        group.t = group_of(unit, of.target.given, s);
        group.log_u = group_of(unit, of.pred.logarithm, s);
        group.log_w = group_of(unit, of.target.logarithm, s);
        group.per = group_of(unit, shared.per, s);
        group.v = product ? group_of(unit, unit.vector, s) : group.x;
        group.grad = Set == abi::value_only ? nullptr : group_of(unit, unit.grad, s);
        group.hess = curved ? group_of(unit, unit.hess, s) : group.grad;
        body(group, of, options);
      }
    }

    static FUSEDLOSS_INLINE Classwise<T> at(const Group& group, int l, const Shared<T>& of) {
      const Bits<T> real = mask_of<T>(group.offset[l] < group.left);
      const T log_u = group.log_u[l], log_w = group.log_w[l];
      const T u = masked(of.pred.probability(group.x[l], log_u, l), real);
      const T w = masked(of.target.probability(group.t[l], log_w, l), real);
      const TwoTerms<T> gap = two_diff(log_w * of.target_before, log_u * of.pred_before);
      const T lost = masked(gap.lo, mask_of<T>(absolute(gap.hi) < infinity<T>));
      const T r = fma((gap.hi - of.apart[l]) + (lost - of.rest[l]), of.after, -of.tail[l]);
      const Bits<T> inside_u = real & mask_of<T>(!(u < of.pred.held));
      const Bits<T> inside_w = real & mask_of<T>(!(w < of.target.held));
      return {u,
              w,
              masked(r, real),
              masked(blend(of.pred.probabilities, T(1), u), real),
              group.per[l],
              masked(T(1), inside_u & ~of.pred.logits),
              blend(inside_w, T(1), w * of.target.per_held),
              masked((of.target.held - w) * of.target.per_held, real & ~inside_w),
              inside_u,
              inside_w,
              of.pred.logits & real & mask_of<T>(log_u * of.pred.factor == of.pred.shift[l])};
    }

    /// A loss's jet with F'' in the last place.
    static FUSEDLOSS_INLINE Jet<T> jet_of(const Classwise<T>& c, const Shared<T>& of, const Options<T>& options) {
      const Jet<T> jet = Loss::of(c, options.beta);
      return {jet.value, jet.d1, jet.d2 + masked(jet.d1, ~of.pred.probabilities)};
    }

    static FUSEDLOSS_INLINE void add(const Unit<T>& unit, const Shared<T>& shared, const Options<T>& given,
                                     Sums<T>& sums) {
      alignas(64) double value[width] = {}, excess[width] = {}, surplus[width] = {}, slope[width] = {},
                         bend[width] = {}, top_slope[width] = {}, top_bend[width] = {}, mean[width] = {},
                         slope_along[width] = {}, bend_along[width] = {}, top_along[width] = {};
      each(unit, shared, given,
           [&](const Group& group, const Shared<T>& of, const Options<T>& options) __attribute__((always_inline)) {
             FUSEDLOSS_LANES(width)
             for (int l = 0; l < width; ++l) {
               const Classwise<T> c = at(group, l, of);
               const Jet<T> jet = jet_of(c, of, options);
               value[l] += static_cast<double>(jet.value);
               if constexpr (!Loss::exact) {
                 const TwoTerms<T> both = Loss::excess_of(c, options.beta);
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
    }

    static FUSEDLOSS_INLINE void map(const Unit<T>& unit, const Shared<T>& shared, const Options<T>& given,
                                     const Sums<T>& sums, const double (&k1)[width], const double (&k2)[width], T floor,
                                     T ceiling) {
      alignas(64) double slopes[width], top_slopes[width], bends[width], top_bends[width];  // of F'' v for a product
      alignas(64) T factor[width], root[width], slope[width], mean[width], along[width], weight[width];
      alignas(64) Bits<T> moves[width];
      const double per = static_cast<double>(shared.pred.factor);
      const bool projects = shared.pred.logits != 0;
      for (int l = 0; l < width; ++l) {
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
      each(unit, shared, given,
           [&](const Group& group, const Shared<T>& of, const Options<T>& options) __attribute__((always_inline)) {
             T* g = group.grad;
             T* h = group.hess;
             FUSEDLOSS_LANES(width)
             for (int l = 0; l < width; ++l) {
               const Classwise<T> c = at(group, l, of);
               const Jet<T> jet = jet_of(c, of, options);
               // What the class itself adds to a sum is taken out of it and multiplied by 1 - u: see mixture.hpp.
               const T u = masked(c.u, of.pred.logits);
               const T complement = blend(c.top, of.pred.complement[l], T(1) - u);
               const auto others = [&](double rest, double tops, T own) __attribute__((always_inline)) {
                 return static_cast<T>((rest - static_cast<double>(masked(own, ~c.top))) +
                                       (tops - static_cast<double>(masked(own, c.top))));
               };
               const T first = fma(-u, others(slopes[l], top_slopes[l], jet.d1), jet.d1 * complement);
               if constexpr (product) {
                 const T v = (group.v[l] - of.base[l]) - mean[l], own = jet.d2 * v;
                 const T turned = fma(-u, fma(slope[l], v, others(bends[l], top_bends[l], own)), own * complement);
                 const T result = turned - masked(first * root[l] * along[l], mask_of<T>(root[l] != T(0)));
                 g[l] = masked(weight[l] * (factor[l] * result * of.pred.factor), moves[l]);
               } else {
                 if constexpr (curved) {
                   const T steep = first * root[l];
                   const T bent = u * (u * others(bends[l], top_bends[l], jet.d2) - slope[l] * complement);
                   const T second = fma(jet.d2 * complement, complement, bent) - steep * steep;
                   h[l] =
                       masked(weight[l] * clamp_between(factor[l] * second * of.pred.factor, floor, ceiling), moves[l]);
                 }
                 g[l] = masked(weight[l] * (factor[l] * first), moves[l]);
               }
             }
           });
    }
  };
};

/// A divergence as the dispatcher sees it.
template <class Loss>
constexpr abi::Kernel divergence_kernel() {
  abi::Kernel kernel = row_kernel<Divergence<Loss>>();
  kernel.scratch_bytes[0] = divergence_scratch_bytes<float>;
  kernel.scratch_bytes[1] = divergence_scratch_bytes<double>;
  return kernel;
}

FUSEDLOSS_END
