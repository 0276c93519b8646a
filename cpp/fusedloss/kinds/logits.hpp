// What logits go through before their softmax: a softcap, a temperature, classes left out; and the chain rule back.
//
// Moved logits lie in the worker's scratch, as a row's other arrays do that cannot be used in place, with their first
// derivative beside them: a softmax then runs as over any logits, and what it gives is multiplied.
#pragma once

#include <type_traits>

#include "../core/math.hpp"
#include "rows.hpp"

FUSEDLOSS_BEGIN

/// The groups of a unit one by one: a lane's tail is its last group.
template <class T>
FUSEDLOSS_INLINE T* group_of(const Unit<std::remove_const_t<T>>& unit, const Lane<T>& lane, std::int64_t group) {
  return group < unit.full ? lane.at + group * lane.step : lane.tail;
}

/// x = softcap tanh(z / softcap) / temperature, -infinity for a class that is left out.
template <class T>
struct MovedLogits {
  static constexpr int width = lanes<T>;
  Lane<const T> from, vector;   ///< what the unit had
  Lane<T> x, steep;             ///< x and dx/dz
  Lane<T> live, along, beside;  ///< 1 or 0; vector x steep; a term of the product with a Hessian
  T slope[width];
  T turn;  ///< d2x/dz2 = turn x steep

  /// Puts x in the place of the unit's logits. Derivatives are to come without the unit's own factor.
  FUSEDLOSS_SHARED void enter(Unit<T>& unit) {
    const abi::Logits& by = *unit.call->logits;
    const std::int64_t size = unit.groups * width;
    int taken = 0;
    const auto take = [&]() -> Lane<T> {
      T* at = unit.scratch + taken++ * size;
      return {at, width, at + unit.full * width};
    };
    x = take();
    steep = take();
    live = take();
    along = take();
    beside = take();
    from = unit.pred;
    vector = unit.vector;
    spread(unit, static_cast<const T*>(by.live));
    const bool capped = by.softcap < static_cast<double>(infinity<T>);
    const T per_temperature = static_cast<T>(1 / by.temperature), temperature = static_cast<T>(by.temperature);
    const T cap = static_cast<T>(by.softcap), per_cap = static_cast<T>(1 / by.softcap);
    turn = capped ? static_cast<T>(-2 * by.temperature / (by.softcap * by.softcap)) : T(0);
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* z = group_of(unit, from, group);
      const T* there = live.at + group * width;
      T* to = x.at + group * width;
      T* derivative = steep.at + group * width;
      if (capped) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const LogCosh<T> at = log_cosh(z[l] * per_cap);
          const Bits<T> kept = mask_of<T>(there[l] != T(0));
          to[l] = blend(kept, cap * at.tanh / temperature, -infinity<T>);
          derivative[l] = masked(at.sech2 * per_temperature, kept);
        }
      } else {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const Bits<T> kept = mask_of<T>(there[l] != T(0));
          to[l] = blend(kept, divided(z[l], temperature), -infinity<T>);
          derivative[l] = masked(per_temperature, kept);
        }
      }
    }
    unit.pred = {x.at, x.step, x.tail};
    unit.live = {live.at, live.step, live.tail};
    unit.live_classes = by.classes;
    for (int l = 0; l < width; ++l) {
      slope[l] = unit.slope[l];
      unit.slope[l] = unit.slope[l] != T(0) ? T(1) : T(0);
      if (unit.label[l] >= 0) unit.label_pred[l] = unit.at(unit.pred, l, unit.label[l]);
    }
  }

  /// The vector that x's Hessian is to be multiplied with.
  FUSEDLOSS_SHARED void turn_vector(Unit<T>& unit) {
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* v = group_of(unit, vector, group);
      const T* there = live.at + group * width;
      const T* derivative = steep.at + group * width;
      T* to = along.at + group * width;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) to[l] = masked(derivative[l] * v[l], mask_of<T>(there[l] != T(0)));
    }
    unit.vector = {along.at, along.step, along.tail};
    for (int l = 0; l < width; ++l) {
      if (unit.label[l] >= 0) unit.label_vector[l] = unit.at(unit.vector, l, unit.label[l]);
    }
  }

  /// What the second derivative of x adds to a product with the Hessian, from the gradient by x.
  FUSEDLOSS_SHARED void set_beside(const Unit<T>& unit) {
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T* g = group_of(unit, unit.grad, group);
      const T* v = group_of(unit, vector, group);
      const T* moved = x.at + group * width;
      const T* there = live.at + group * width;
      const T* derivative = steep.at + group * width;
      T* to = beside.at + group * width;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        const T term = g[l] * (turn * moved[l] * derivative[l]) * v[l];
        to[l] = masked(term, mask_of<T>(there[l] != T(0)) & mask_of<T>(turn != T(0)));
      }
    }
  }

  /// From derivatives by x to those by z, with the unit's factor.
  template <bool Curved, bool Product>
  FUSEDLOSS_SHARED void leave(Unit<T>& unit, T floor, T ceiling) {
    alignas(64) T factor[width];
    for (int l = 0; l < width; ++l) factor[l] = slope[l];
    const T times = static_cast<T>(unit.call->hess_factor);
    const Bits<T> is_slope = mask_of<T>(unit.call->hess_is_slope);
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      T* g = group_of(unit, unit.grad, group);
      T* h = Curved ? group_of(unit, unit.hess, group) : g;
      const T* moved = x.at + group * width;
      const T* there = live.at + group * width;
      const T* derivative = steep.at + group * width;
      const T* more = Product ? beside.at + group * width : derivative;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        const Bits<T> kept = mask_of<T>(there[l] != T(0)) & mask_of<T>(factor[l] != T(0));
        const T by_x = g[l];
        if constexpr (Product) {
          g[l] = masked(factor[l] * fma(by_x, derivative[l], more[l]), kept);
        } else {
          g[l] = masked(factor[l] * (by_x * derivative[l]), kept);
        }
        if constexpr (Curved) {
          const T bend = masked(by_x * (turn * moved[l] * derivative[l]), mask_of<T>(turn != T(0)));
          const T chained = fma(h[l] * derivative[l], derivative[l], times * bend);
          const T d2 = blend(is_slope, absolute(by_x * derivative[l]), chained);
          h[l] = masked(factor[l] * clamp_between(masked(d2, mask_of<T>(there[l] != T(0))), floor, ceiling),
                        mask_of<T>(factor[l] != T(0)));
        }
      }
    }
    for (int l = 0; l < width; ++l) unit.slope[l] = slope[l];
  }

 private:
  /// What is finite stays so: beyond the range nothing of a softmax changes but values that are out of range, too.
  static FUSEDLOSS_INLINE T divided(T z, T temperature) {
    const T x = z / temperature;
    return blend(mask_of<T>(absolute(z) < infinity<T>), clamp_between(x, lowest<T>, -lowest<T>), x);
  }

  /// `live` as the unit's lanes are: a class a group, or a class a lane.
  FUSEDLOSS_INLINE void spread(const Unit<T>& unit, const T* of) {
    if (!unit.across) {
      std::memcpy(live.at, of, static_cast<std::size_t>(unit.groups * width) * sizeof(T));
      return;
    }
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      const T there = of[group];
      for (int l = 0; l < width; ++l) live.at[group * width + l] = there;
    }
  }
};

/// Solves a unit whose logits may have to be moved. `solve(set, floor, ceiling)` gives what `set` says of the logits
/// that the unit has then.
template <class T, abi::Outputs Set, class Solve>
FUSEDLOSS_INLINE void solve_moved(Unit<T>& unit, T floor, T ceiling, const Solve& solve) {
  constexpr std::integral_constant<int, Set> set{};
  if (unit.call->logits == nullptr || !unit.call->logits->moved) return solve(set, floor, ceiling);
  MovedLogits<T> moved;
  moved.enter(unit);
  if constexpr (Set == abi::hessian_vector) {
    solve(std::integral_constant<int, abi::value_grad>{}, -infinity<T>, infinity<T>);
    moved.set_beside(unit);
    moved.turn_vector(unit);
  }
  solve(set, -infinity<T>, infinity<T>);
  if constexpr (Set != abi::value_only)
    moved.template leave<Set == abi::grad_hess || Set == abi::value_grad_hess, Set == abi::hessian_vector>(unit, floor,
                                                                                                           ceiling);
}

FUSEDLOSS_END
