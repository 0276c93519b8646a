// The kind of divergences between two distributions a row, the prediction's and the target's: sums over the classes of
// a function of the two probabilities.
//
// Design:
// 1. A side comes as logits, as logarithms of probabilities, or as probabilities. The first two are one here: the
//    logarithm of a probability is a logit whose logsumexp is taken to be 0. Every side is seen as two arrays,
//    logarithms and weights, which are probabilities but for a factor. One of them is what the side holds; the other is
//    taken once, into the worker's scratch. All else that sides differ in is said by masks: a divergence is compiled
//    once, and what one kind of side needs, the others do not pay for.
// 2. Logits are folded into their maximum and the sum of their exponentials, then the row's sums are taken over both
//    sides at once, then the derivatives by either side or by both.
// 3. A class is seen as (u, w, r): the probabilities of prediction and target, and r = log w - log u. For logits r is a
//    difference of logits first, exactly, less one of logsumexps: where the sides are close, r has the digits that the
//    logarithms by themselves have lost.
// 4. A loss gives f and its derivatives by what a side holds: F' and F'' by log u, or by u. With s = sum F', those by
//    logits are
//      gradient_j = F'_j - u_j s
//      Hessian    = diag(F'') - F'' u^T - u F''^T + u u^T sum F'' - s (diag(u) - u u^T),
//    and without the terms of u those by logarithms of probabilities.
// 5. By logits a multiple of u in F' (and then in F'' too) changes nothing but what rounding leaves. So F'_j / u_j is
//    taken less what it is at the largest u, by the loss, without cancellation (Origin). With D_j that difference, and
//    D = 0 at the largest u =: u_m, the largest entry of the gradient is then at least half the largest u_j |D_j|: if
//    u_j |D_j - mean D| is less than half of u_j |D_j|, then u_m |mean D| is more than that. No larger terms are added
//    up than come out.
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
  T beta, rest, root;     ///< the shares of target and prediction in a mixture; 1 for the root of the divergence, or 0
};

/// What derivatives by logits are taken relative to: of the class with the largest probability p, of which the other
/// side's is q, log q - log p as far as the loss has it in range; and the loss's shares of the two there.
template <class T>
struct Origin {
  T rise, other, own;
};

/// A class of a row as one side has it. Derivatives are by x: log p, or p where the side holds probabilities.
template <class T>
struct Part {
  T p;
  T step;          ///< dp/dx: p, or 1
  T per;           ///< dp/dx / p: 1, or the derivative of the logarithm that r has
  T lean;          ///< the same, but 0 for logits, where a multiple of p is nothing in F'
  T rise;          ///< log q - log p, q of the other side, less what `from` has of it
  T have, lack;    ///< 1 and 0; of a probability below eps, p / eps and 1 - p / eps
  Origin<T> from;  ///< for a side that does not hold logits, with a rise of 0
  Bits<T> log;     ///< a mask: x is log p
  Bits<T> inside;  ///< a mask: of a side that holds probabilities, it is not below eps
  Bits<T> top;     ///< a mask: the side's largest logit
};

template <class T>
struct Classwise {
  Part<T> u, w;
  T r;
  Bits<T> normalised;  ///< a mask: both sides hold logits
};

/// F' and F''.
template <class T>
struct Slope {
  T first, second;
};

/// The same from F' and (dp/dx)^2 d^2f/dp^2.
template <class T>
FUSEDLOSS_INLINE Slope<T> slope_of(const Part<T>& of, T first, T bend) {
  return {first, bend + masked(first, of.log)};
}

/// What a class adds to a divergence, and its derivatives by either side.
template <class T>
struct ClassTerms {
  T value;
  Slope<T> pred, target;
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

/// Arrays of scratch for a row: of each side logarithms or weights, and the derivatives of its logarithms.
constexpr int divergence_arrays = 4;

template <class T>
FUSEDLOSS_SHARED std::int64_t divergence_scratch_bytes(const abi::Call* call) {
  return row_scratch_bytes<T>(call) +
         divergence_arrays * scratch_elements<T>(call) * static_cast<std::int64_t>(sizeof(T));
}

/// What is taken off differences of logarithms, target less pred, before the temperature and behind it; of each row.
template <class T>
struct Bases {
  T hi[lanes<T>], lo[lanes<T>], tail[lanes<T>];
};

template <class T>
struct Origins {
  T rise[lanes<T>], other[lanes<T>], own[lanes<T>];
};

/// One side of a unit.
template <class T>
struct Side {
  static constexpr int width = lanes<T>;
  Lane<const T> logarithm;  ///< logits, or logarithms of probabilities
  Lane<const T> weight;     ///< probabilities but for `scale`
  Lane<const T> per;        ///< see Part
  Bits<T> logits;           ///< a mask: it holds logits
  Bits<T> probabilities;    ///< a mask
  T held, per_held;         ///< eps for probabilities, else 0; 1 / eps
  T factor;                 ///< of logits
  T shift[width];           ///< the maximum, or the lowest finite number where all is -inf
  T scale[width];           ///< from weights to probabilities
  T complement[width];      ///< 1 - p at the maximum
  T top[width];             ///< the maximum before the temperature; 0 for logarithms of probabilities
  T beside_top[width];      ///< the other side's logarithm there, for logits
  double tail[width];       ///< logsumexp less the maximum; 0 likewise
  Bits<T> invalid[width];
  Origins<T> from;
  Bases<T> base;  ///< of its Part's rise

  /// Takes logarithms of probabilities into `room`, or else the maximum.
  FUSEDLOSS_SHARED void enter(const Unit<T>& unit, const Lane<const T>& given, const DivergenceOptions<T>& options,
                              T kind, T* room) {
    logits = mask_of<T>(kind == T(0));
    probabilities = mask_of<T>(kind == T(2));
    held = masked(options.eps, probabilities);
    per_held = T(1) / options.eps;
    factor = blend(logits, T(1) / options.temperature, T(1));
    for (int l = 0; l < width; ++l) invalid[l] = 0;
    const Lane<const T> taken{room, width, room + unit.full * width};
    logarithm = probabilities != 0 ? taken : given;
    weight = probabilities != 0 ? given : taken;
    if (probabilities != 0) {
      take_logarithms(unit, room);
    } else {
      find_maximum(unit);
    }
  }

  /// Takes exponentials into `room` where the side does not hold probabilities.
  FUSEDLOSS_SHARED void weigh(const Unit<T>& unit, const Side& other, T* room) {
    if (probabilities != 0) return;
    const T per_temperature = factor;
    alignas(64) T highest[width], beside[width] = {};
    alignas(64) Bits<T> found[width] = {};
    alignas(64) double rest[width] = {}, ties[width] = {};
    for (int l = 0; l < width; ++l) highest[l] = shift[l];
    Reach<T> reach;
    reach.aim(shift);
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* x = group_of(unit, logarithm, group);
      const T* y = group_of(unit, other.logarithm, group);
      T* to = room + group * width;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        const T z = x[l] * per_temperature, e = reach.exponential(z, l);
        const Bits<T> below = mask_of<T>(z != highest[l]);
        rest[l] += static_cast<double>(masked(e, below));
        ties[l] += static_cast<double>(masked(T(1), ~below));
        beside[l] = blend(below, beside[l], y[l]);
        found[l] |= ~below;
        to[l] = e;
      }
    }
    if (!unit.across) {
      const double all = fold(rest), equal = fold(ties);
      for (int l = 0; l < width; ++l) {
        rest[l] = all;
        ties[l] = equal;
      }
    }
    spread_found(unit, beside, found, beside_top);
    const bool normalised = logits != 0;
    for (int l = 0; l < width; ++l) {
      // inf - inf: a row with +inf, or logits of nothing but -inf, are no distribution.
      const T undefined = normalised && top[l] == -infinity<T> ? not_a_number<T> : shift[l] - shift[l];
      const double wide = static_cast<double>(shift[l]), more = ties[l] - 1;
      const double others = rest[l] * reach.per_unit[l] + (more > 0 ? more : 0.0) + static_cast<double>(undefined);
      const double share = normalised ? 1.0 / (1.0 + others) : exp(wide) + static_cast<double>(undefined);
      scale[l] = static_cast<T>(share * reach.per_unit[l]);
      complement[l] = static_cast<T>(others * share);
      tail[l] = normalised ? log1p(others) : 0.0;
    }
  }

  /// Sets `per`; in `room`, if the side holds probabilities.
  FUSEDLOSS_SHARED void differentiate(const Unit<T>& unit, T* room, const T* ones) {
    per = {ones, 0, ones};
    if (probabilities == 0) return;
    const T least = held;
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* p = group_of(unit, weight, group);
      T* to = room + group * width;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) to[l] = masked(T(1) / p[l], mask_of<T>(!(p[l] < least)));
    }
    per = {room, width, room + unit.full * width};
  }

  /// Numbers that lanes have found: across, each its own; along, all lanes take that of the first which has one.
  static FUSEDLOSS_INLINE void spread_found(const Unit<T>& unit, const T (&number)[width],
                                            const Bits<T> (&found)[width], T (&to)[width]) {
    int lane = 0;
    while (lane < width - 1 && found[lane] == 0) ++lane;
    for (int l = 0; l < width; ++l) to[l] = number[unit.across ? l : lane];
  }

 private:
  FUSEDLOSS_INLINE void take_logarithms(const Unit<T>& unit, T* logarithms) {
    alignas(64) T offset[width];
    alignas(64) Bits<T> outside[width] = {};
    for (int l = 0; l < width; ++l) offset[l] = unit.across ? T(0) : static_cast<T>(l);
    const T least = held;
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* p = group_of(unit, weight, group);
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
      scale[l] = T(1);
      shift[l] = complement[l] = top[l] = T(0);
      tail[l] = 0.0;
    }
  }

  FUSEDLOSS_INLINE void find_maximum(const Unit<T>& unit) {
    alignas(64) T most[width];
    for (int l = 0; l < width; ++l) most[l] = -infinity<T>;
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* x = group_of(unit, logarithm, group);
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) most[l] = maximum(most[l], x[l]);
    }
    const T highest = fold_maximum(most);
    for (int l = 0; l < width; ++l) {
      if (!unit.across) most[l] = highest;
      shift[l] = most[l] == -infinity<T> ? lowest<T> : most[l] * factor;
      top[l] = masked(most[l], logits);
    }
  }
};

/// A loss of the family as RowTask runs it. `Loss` has
///   static Origin<T> origin(T rise, T other, T own): `rise` is that of the class with the largest probability, 0 for a
///     side that does not hold logits, and the rest the shares of the other side and of this one
///   static ClassTerms<T> of(const Classwise<T>&, T beta, T rest)
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
    constexpr abi::Outputs same = Set == abi::grad_hess ? abi::value_grad_hess : Set;
    if constexpr (same == abi::value_grad || same == abi::value_grad_hess) {
      if (unit.target_grad.at != nullptr) return Rows<T, same, true>::solve(unit, options, floor, ceiling);
    }
    Rows<T, same, false>::solve(unit, options, floor, ceiling);
  }

 private:
  /// What the classes of a row share.
  template <class T>
  struct Shared {
    static constexpr int width = lanes<T>;
    Side<T> pred, target;
    T pred_before, target_before, after;  ///< what logits are multiplied by before and after their difference
    Bases<T> base;                        ///< the difference of logsumexps: of maxima, of tails
    T vector_base[width];                 ///< the vector at pred's maximum, if it holds logits
    T ones[width];

    /// The difference of a class's logarithms, as far as the temperature comes behind it.
    FUSEDLOSS_INLINE TwoTerms<T> gap(T log_u, T log_w) const {
      const TwoTerms<T> gap = two_diff(log_w * target_before, log_u * pred_before);
      return {gap.hi, masked(gap.lo, mask_of<T>(absolute(gap.hi) < infinity<T>))};
    }

    FUSEDLOSS_INLINE T beyond(const Bases<T>& base, TwoTerms<T> gap, int l) const {
      return fma((gap.hi - base.hi[l]) + (gap.lo - base.lo[l]), after, -base.tail[l]);
    }

    /// Where a side's largest logit lies, `gap` is the difference there; `sign` is 1 for pred, -1 for the target.
    FUSEDLOSS_INLINE void place(Side<T>& side, int l, TwoTerms<T> gap, T sign, T other, T own) {
      const T rise = masked(sign * beyond(base, gap, l), side.logits);
      const Origin<T> from = Loss::origin(rise, other, own);
      side.from.rise[l] = from.rise;
      side.from.other[l] = from.other;
      side.from.own[l] = from.own;
      const bool there = side.logits != 0 && from.rise == rise;
      side.base.hi[l] = there ? gap.hi : base.hi[l];
      side.base.lo[l] = there ? gap.lo : base.lo[l];
      side.base.tail[l] = there ? T(0) : base.tail[l] + sign * from.rise;
    }
  };

  /// What the classes of a row add up of F' and F'' by one side. What the largest logits add is apart.
  template <class T>
  struct SideSums {
    static constexpr int width = lanes<T>;
    alignas(64) double first[width] = {}, second[width] = {}, top_first[width] = {}, top_second[width] = {};

    template <bool Curved>
    FUSEDLOSS_INLINE void add(const Slope<T>& slope, Bits<T> top, int l) {
      first[l] += static_cast<double>(masked(slope.first, ~top));
      top_first[l] += static_cast<double>(masked(slope.first, top));
      if constexpr (Curved) {
        second[l] += static_cast<double>(masked(slope.second, ~top));
        top_second[l] += static_cast<double>(masked(slope.second, top));
      }
    }
  };

  template <class T>
  struct Sums {
    static constexpr int width = lanes<T>;
    alignas(64) double value[width] = {}, excess[width] = {}, surplus[width] = {};
    SideSums<T> pred, target;
    alignas(64) double mean[width] = {};  ///< u v for the vector v; F' v and F'' v
    alignas(64) double first_along[width] = {}, second_along[width] = {}, top_along[width] = {};
  };

  template <class T, abi::Outputs Set, bool Both>
  struct Rows {
    static constexpr int width = lanes<T>;
    static constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
    static constexpr bool product = Set == abi::hessian_vector;
    using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

    struct Group {
      const T *log_u, *log_w, *u, *w, *per_u, *per_w, *v;
      T *grad, *hess, *target_grad, *target_hess;
      alignas(64) Index offset[width];
      Index left;
    };

    static FUSEDLOSS_SHARED void solve(Unit<T>& unit, const Options<T>& options, T floor, T ceiling) {
      alignas(64) Shared<T> shared;
      Sums<T> sums;
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
      Side<T>&pred = shared.pred, &target = shared.target;
      pred.enter(unit, unit.pred, options, options.pred, unit.scratch);
      target.enter(unit, unit.target, options, options.target, unit.scratch + size);
      pred.weigh(unit, target, unit.scratch);
      target.weigh(unit, pred, unit.scratch + size);
      const bool both = (pred.logits & target.logits) != 0;
      shared.after = both ? T(1) / options.temperature : T(1);
      shared.pred_before = both ? T(1) : pred.factor;
      shared.target_before = both ? T(1) : target.factor;
      for (int l = 0; l < width; ++l) {
        // As the logits themselves are: of a class that has both maxima, the difference is exactly that of tails.
        const TwoTerms<T> apart = two_diff(target.top[l] * shared.target_before, pred.top[l] * shared.pred_before);
        shared.base.hi[l] = apart.hi;
        shared.base.lo[l] = apart.lo;
        shared.base.tail[l] = static_cast<T>(target.tail[l] - pred.tail[l]);
        shared.vector_base[l] = T(0);
        shared.ones[l] = T(1);
      }
      if constexpr (Set != abi::value_only) {
        for (int l = 0; l < width; ++l) {
          const TwoTerms<T> at_pred = shared.gap(pred.top[l], pred.beside_top[l]);
          const TwoTerms<T> at_target = shared.gap(target.beside_top[l], target.top[l]);
          shared.place(pred, l, at_pred, T(1), options.beta, options.rest);
          shared.place(target, l, at_target, T(-1), options.rest, options.beta);
        }
        pred.differentiate(unit, unit.scratch + 2 * size, shared.ones);
        if constexpr (Both) target.differentiate(unit, unit.scratch + 3 * size, shared.ones);
      }
      if constexpr (!Both) target.per = {shared.ones, 0, shared.ones};
      if constexpr (Set == abi::value_only) pred.per = target.per;
      if constexpr (product) {
        if (pred.logits != 0) find_base(unit, shared);
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
      Side<T>::spread_found(unit, at_top, found, shared.vector_base);
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
        group.log_u = group_of(unit, of.pred.logarithm, s);
        group.log_w = group_of(unit, of.target.logarithm, s);
        group.u = group_of(unit, of.pred.weight, s);
        group.w = group_of(unit, of.target.weight, s);
        group.per_u = group_of(unit, of.pred.per, s);
        group.per_w = group_of(unit, of.target.per, s);
        group.v = product ? group_of(unit, unit.vector, s) : group.u;
        group.grad = Set == abi::value_only ? nullptr : group_of(unit, unit.grad, s);
        group.hess = curved ? group_of(unit, unit.hess, s) : group.grad;
        group.target_grad = Both ? group_of(unit, unit.target_grad, s) : group.grad;
        group.target_hess = Both && curved ? group_of(unit, unit.target_hess, s) : group.grad;
        body(group, of, options);
      }
    }

    static FUSEDLOSS_INLINE Part<T> part(const Side<T>& of, T logarithm, T weight, T per, T rise, Bits<T> real, int l) {
      const T p = masked(weight * of.scale[l], real);
      const Bits<T> inside = real & mask_of<T>(!(p < of.held));
      return {p,
              masked(blend(of.probabilities, T(1), p), real),
              per,
              masked(T(1), inside & ~of.logits),
              masked(rise, real),
              blend(inside, T(1), p * of.per_held),
              masked((of.held - p) * of.per_held, real & ~inside),
              {of.from.rise[l], of.from.other[l], of.from.own[l]},
              ~of.probabilities,
              inside,
              of.logits & real & mask_of<T>(logarithm * of.factor == of.shift[l])};
    }

    static FUSEDLOSS_INLINE Classwise<T> at(const Group& group, int l, const Shared<T>& of) {
      const Bits<T> real = mask_of<T>(group.offset[l] < group.left);
      const T log_u = group.log_u[l], log_w = group.log_w[l];
      const TwoTerms<T> gap = of.gap(log_u, log_w);
      return {part(of.pred, log_u, group.u[l], group.per_u[l], of.beyond(of.pred.base, gap, l), real, l),
              part(of.target, log_w, group.w[l], group.per_w[l], -of.beyond(of.target.base, gap, l), real, l),
              masked(of.beyond(of.base, gap, l), real), of.pred.logits & of.target.logits};
    }

    /// Adds a class; a function, as what a loop over lanes declares itself is kept in memory, one a lane.
    static FUSEDLOSS_INLINE void add_class(const Group& group, int l, const Shared<T>& of, const Options<T>& options,
                                           Sums<T>& sums) {
      const Classwise<T> c = at(group, l, of);
      const ClassTerms<T> terms = Loss::of(c, options.beta, options.rest);
      sums.value[l] += static_cast<double>(terms.value);
      if constexpr (!Loss::exact) {
        const TwoTerms<T> both = Loss::excess_of(c, options.beta);
        sums.excess[l] += static_cast<double>(both.hi);
        sums.surplus[l] += static_cast<double>(both.lo);
      }
      if constexpr (Set != abi::value_only) sums.pred.template add<curved || product>(terms.pred, c.u.top, l);
      if constexpr (Both) sums.target.template add<curved>(terms.target, c.w.top, l);
      if constexpr (product) {
        const T along = masked(group.v[l] - of.vector_base[l], mask_of<T>(group.offset[l] < group.left));
        const double v = static_cast<double>(along);
        sums.mean[l] += static_cast<double>(c.u.p) * v;
        sums.first_along[l] += static_cast<double>(terms.pred.first) * v;
        sums.second_along[l] += static_cast<double>(masked(terms.pred.second, ~c.u.top)) * v;
        sums.top_along[l] += static_cast<double>(masked(terms.pred.second, c.u.top)) * v;
      }
    }

    static FUSEDLOSS_INLINE void add(const Unit<T>& unit, const Shared<T>& shared, const Options<T>& given,
                                     Sums<T>& sums) {
      Sums<T> local;
      each(unit, shared, given,
           [&](const Group& group, const Shared<T>& of, const Options<T>& options) __attribute__((always_inline)) {
             FUSEDLOSS_LANES(width)
             for (int l = 0; l < width; ++l) add_class(group, l, of, options, local);
           });
      take(unit, local.value, sums.value);
      take(unit, local.excess, sums.excess);
      take(unit, local.surplus, sums.surplus);
      if constexpr (Set != abi::value_only) take(unit, local.pred, sums.pred);
      if constexpr (Both) take(unit, local.target, sums.target);
      if constexpr (product) {
        take(unit, local.mean, sums.mean);
        take(unit, local.first_along, sums.first_along);
        take(unit, local.second_along, sums.second_along);
        take(unit, local.top_along, sums.top_along);
      }
    }

    /// Lanes to rows: along, all of them have the row's.
    static FUSEDLOSS_INLINE void take(const Unit<T>& unit, const double (&from)[width], double (&to)[width]) {
      const double all = fold(from);
      for (int l = 0; l < width; ++l) to[l] = unit.across ? from[l] : all;
    }

    static FUSEDLOSS_INLINE void take(const Unit<T>& unit, const SideSums<T>& from, SideSums<T>& to) {
      take(unit, from.first, to.first);
      take(unit, from.second, to.second);
      take(unit, from.top_first, to.top_first);
      take(unit, from.top_second, to.top_second);
    }

    /// What the derivatives of a row by one side are made with.
    struct Turn {
      SideSums<T> sums;  ///< for a product, of F'' v in the place of F''
      alignas(64) T factor[width], slope[width];

      FUSEDLOSS_INLINE void set(const Side<T>& side, const SideSums<T>& of, const double (&k1)[width]) {
        sums = of;
        for (int l = 0; l < width; ++l) {
          factor[l] = static_cast<T>(k1[l] * static_cast<double>(side.factor));
          slope[l] = masked(static_cast<T>(of.first[l] + of.top_first[l]), side.logits);
        }
      }
    };

    /// A class's part of a sum taken out of it: what the class itself adds is multiplied by 1 - p, see mixture.hpp.
    static FUSEDLOSS_INLINE T others(double rest, double tops, T own, Bits<T> top) {
      return static_cast<T>((rest - static_cast<double>(masked(own, ~top))) +
                            (tops - static_cast<double>(masked(own, top))));
    }

    /// A class's derivatives by one side, before the factor; `root` is for the Hessian of one.
    static FUSEDLOSS_INLINE Slope<T> turned(const Part<T>& part, const Slope<T>& own, const Side<T>& side,
                                            const Turn& by, T root, int l) {
      const T p = masked(part.p, side.logits);
      const T complement = blend(part.top, side.complement[l], T(1) - p);
      const T first =
          fma(-p, others(by.sums.first[l], by.sums.top_first[l], own.first, part.top), own.first * complement);
      if constexpr (!curved) return {first, T(0)};
      const T steep = first * root;
      const T rest = others(by.sums.second[l], by.sums.top_second[l], own.second, part.top);
      const T bent = p * (p * rest - by.slope[l] * complement);
      return {first, fma(own.second * complement, complement, bent) - steep * steep};
    }

    /// What the derivatives of a row by both sides are made with.
    struct Turns {
      Turn pred, target;
      alignas(64) T root[width], weight[width];
      alignas(64) T mean[width], along[width];  ///< of a product: of the vector, of the gradient times it
      alignas(64) Bits<T> moves[width];
      T floor, ceiling;
    };

    static FUSEDLOSS_INLINE T gradient(const Slope<T>& of, const Turn& by, const Turns& turns, int l) {
      return masked(turns.weight[l] * (by.factor[l] * of.first), turns.moves[l]);
    }

    static FUSEDLOSS_INLINE T hessian(const Slope<T>& of, const Side<T>& side, const Turn& by, const Turns& turns,
                                      int l) {
      const T second = clamp_between(by.factor[l] * of.second * side.factor, turns.floor, turns.ceiling);
      return masked(turns.weight[l] * second, turns.moves[l]);
    }

    /// The derivatives of a class; a function, as add_class().
    static FUSEDLOSS_INLINE void map_class(const Group& group, int l, const Shared<T>& of, const Options<T>& options,
                                           const Turns& by) {
      const Classwise<T> c = at(group, l, of);
      const ClassTerms<T> terms = Loss::of(c, options.beta, options.rest);
      const Slope<T> slope = turned(c.u, terms.pred, of.pred, by.pred, by.root[l], l);
      if constexpr (product) {
        const T u = masked(c.u.p, of.pred.logits), complement = blend(c.u.top, of.pred.complement[l], T(1) - u);
        const T v = (group.v[l] - of.vector_base[l]) - by.mean[l], own = terms.pred.second * v;
        const T rest = others(by.pred.sums.second[l], by.pred.sums.top_second[l], own, c.u.top);
        const T bent = fma(-u, fma(by.pred.slope[l], v, rest), own * complement);
        const T all = bent - masked(slope.first * by.root[l] * by.along[l], mask_of<T>(by.root[l] != T(0)));
        group.grad[l] = masked(by.weight[l] * (by.pred.factor[l] * all * of.pred.factor), by.moves[l]);
      } else {
        Slope<T> beside{T(0), T(0)};
        if constexpr (Both) beside = turned(c.w, terms.target, of.target, by.target, by.root[l], l);
        if constexpr (curved && Both) group.target_hess[l] = hessian(beside, of.target, by.target, by, l);
        if constexpr (Both) group.target_grad[l] = gradient(beside, by.target, by, l);
        if constexpr (curved) group.hess[l] = hessian(slope, of.pred, by.pred, by, l);
        group.grad[l] = gradient(slope, by.pred, by, l);
      }
    }

    static FUSEDLOSS_INLINE void map(const Unit<T>& unit, const Shared<T>& shared, const Options<T>& given,
                                     const Sums<T>& sums, const double (&k1)[width], const double (&k2)[width], T floor,
                                     T ceiling) {
      Turns by;
      by.floor = floor;
      by.ceiling = ceiling;
      by.pred.set(shared.pred, sums.pred, k1);
      if constexpr (Both) by.target.set(shared.target, sums.target, k1);
      const bool projects = shared.pred.logits != 0;
      for (int l = 0; l < width; ++l) {
        by.root[l] = static_cast<T>(k2[l]);
        by.weight[l] = unit.slope[l];
        by.moves[l] = mask_of<T>(unit.slope[l] != T(0));
        if constexpr (product) {
          const double whole = sums.pred.first[l] + sums.pred.top_first[l];
          by.mean[l] = projects ? static_cast<T>(sums.mean[l]) : T(0);
          by.pred.sums.second[l] = sums.second_along[l] - sums.mean[l] * sums.pred.second[l];
          by.pred.sums.top_second[l] = sums.top_along[l] - sums.mean[l] * sums.pred.top_second[l];
          by.along[l] = static_cast<T>((sums.first_along[l] - (projects ? whole * sums.mean[l] : 0.0)) * k2[l]);
        }
      }
      each(unit, shared, given,
           [&](const Group& group, const Shared<T>& of, const Options<T>& options) __attribute__((always_inline)) {
             FUSEDLOSS_LANES(width)
             for (int l = 0; l < width; ++l) map_class(group, l, of, options, by);
           });
    }
  };
};

/// A divergence as the dispatcher sees it.
template <class Loss>
constexpr abi::Kernel divergence_kernel() {
  abi::Kernel kernel = row_kernel<Divergence<Loss>>();
  kernel.variables = 2;
  kernel.scratch_bytes[0] = divergence_scratch_bytes<float>;
  kernel.scratch_bytes[1] = divergence_scratch_bytes<double>;
  return kernel;
}

FUSEDLOSS_END
