// The kind of losses of a softmax: fold a row into its maximum and sums, finish, map back.
//
// Design:
// 1. The sum of exponentials is kept without its largest term: with rest = sum of the others relative to it,
//    logsumexp = max + log1p(rest), 1 - p at the maximum = rest / (1 + rest). Both keep full relative accuracy where p
//    -> 1, where the usual forms cancel to 0 (Blanchard, Higham and Higham 2021, "Accurately computing the
//    log-sum-exp", give the first).
// 2. Of e^(z - max) only the power of two is taken relative to the maximum: e^z = 2^n e^r, and n - n(max) is exact. To
//    subtract max from z would cost half an ulp of z, which is many ulps of the result, or a second number to hold it.
//    Logits so large that n and r lose digits are first moved by the maximum, which there is exact (Reach).
// 3. A row is folded in stretches: maximum of the stretch, sums relative to it, joined to the row's in double. So a row
//    is read from memory once. The maximum of what comes next is taken along with the sums of this, so that memory is
//    read behind arithmetic; and so little further on that the first-level cache still has it when its own exponentials
//    are taken, as memory is slow to be read in two places that lie far apart. A stretch goes on until a logit is above
//    its maximum. Unless a row is very long its exponentials are kept in the gradient's place and scaled in the end,
//    otherwise they are taken again from the logits.
// 4. A loss sees one row in five numbers and says how its derivatives mix p and the target (Slopes). The rest is here,
//    once.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "../core/math.hpp"
#include "logits.hpp"
#include "rows.hpp"

FUSEDLOSS_BEGIN

/// A row with an integer label, as a loss sees it.
template <class T>
struct LabelView {
  double nll;     ///< -log p at the label, accurate to a few ulp
  T p;            ///< probability of the label
  T complement;   ///< 1 - p, with relative accuracy
  double spread;  ///< mean over classes of -log p; 0 unless the loss wants it
};

/// A loss of one row and its derivatives, with u = [j is the label] - p_j:
///   gradient_j = pull p_j - level, at the label surplus - pull (1 - p): the same, for a pull that cancels there
///   Hessian    = pull (diag(p) - p p^T) + bend u u^T
/// What a loss of the logsumexp adds is lean p_j to the gradient, lean (diag(p) - p p^T) + outer p p^T to the Hessian.
template <class T>
struct Slopes {
  double value;  ///< with weights below 1 it may exceed T's range on the way
  T pull, surplus, level, bend;
};

/// Both of several rows, one a lane.
template <class T>
struct LabelViews {
  static constexpr int width = lanes<T>;
  alignas(64) double nll[width], spread[width];
  alignas(64) T p[width], complement[width];
};

template <class T>
struct SlopesOfRows {
  static constexpr int width = lanes<T>;
  alignas(64) double value[width];
  alignas(64) T pull[width], surplus[width], level[width], bend[width], lean[width], outer[width];

  FUSEDLOSS_INLINE void set(int l, const Slopes<T>& of) {
    value[l] = of.value;
    pull[l] = of.pull;
    surplus[l] = of.surplus;
    level[l] = of.level;
    bend[l] = of.bend;
  }
};

/// What a fold keeps of rows, one a lane. Exponentials are relative to the maximum's.
template <class T>
struct Folded {
  static constexpr int width = lanes<T>;
  alignas(64) T shift[width];      ///< the maximum, or the lowest finite number where all is -inf
  alignas(64) T one[width];        ///< the maximum's own term: 1, or 0 where all is -inf
  alignas(64) double rest[width];  ///< sum of the other exponentials
  alignas(64) double gap[width];   ///< sum over the target (or all classes) of weight x (shift - z)
  alignas(64) double mass[width];  ///< sum of those weights without the maximum's: as a difference it would be lost
                                   ///< where p -> 1
  alignas(64) double top[width];   ///< weight of the maximum
  alignas(64) double dot[width];   ///< sum of exponential x (vector - base): taken off its mean directly, the product
                                   ///< would cancel where p -> 1
  alignas(64) T base[width];       ///< the vector at the maximum
  std::int64_t peak[width];  ///< first class of the maximum, -1 for none; where it is not asked for, the stretch's

  /// Lanes that have no row.
  FUSEDLOSS_INLINE void clear() {
    for (int l = 0; l < width; ++l) {
      shift[l] = base[l] = T(0);
      one[l] = T(1);
      rest[l] = gap[l] = mass[l] = top[l] = dot[l] = 0.0;
      peak[l] = -1;
    }
  }

  /// The row of lane 0, in all of them.
  FUSEDLOSS_INLINE void spread() {
    for (int l = 1; l < width; ++l) {
      shift[l] = shift[0];
      one[l] = one[0];
      rest[l] = rest[0];
      gap[l] = gap[0];
      mass[l] = mass[0];
      top[l] = top[0];
      dot[l] = dot[0];
      base[l] = base[0];
      peak[l] = peak[0];
    }
  }
};

/// How the exponentials of a stretch are taken: e^z as 2^power at the maximum, so that they are normal numbers however
/// far below it, and p, their product with a scale, rounds but once.
template <class T>
struct Reach {
  static constexpr int width = lanes<T>;
  static constexpr int power = sizeof(T) == 4 ? 100 : 960;
  T bias[width];   ///< what logits are moved by: 0, or the maximum if it is so large that they move without rounding
  T low[width];    ///< where e^z is nothing
  T raise[width];  ///< of exp_raised
  T unit[width];   ///< the exponential of the maximum
  double per_unit[width];

  FUSEDLOSS_INLINE void aim(const T (&top)[width]) {
    constexpr T large = sizeof(T) == 4 ? T(256) : T(2048);  // twice as far as e^z reaches below the maximum
    constexpr T depth = sizeof(T) == 4 ? T(224) : T(1970);
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      bias[l] = absolute(top[l]) > large ? top[l] : T(0);
      const T moved = absolute(top[l]) > large ? T(0) : top[l];
      const T exponent = fma(moved, log2_e<T>, Format<T>::to_integer) - Format<T>::to_integer;
      low[l] = (exponent - depth) * (ln2_hi<T> + ln2_lo<T>);
      raise[l] = raise_by<T>(power) - exponent;
      unit[l] = exp_raised(moved, raise[l]);
      per_unit[l] = 1.0 / static_cast<double>(unit[l]);
    }
  }

  /// That of one lane, in all of them.
  FUSEDLOSS_INLINE Reach lane(int from) const {
    Reach all;
    for (int l = 0; l < width; ++l) {
      all.bias[l] = bias[from];
      all.low[l] = low[from];
      all.raise[l] = raise[from];
      all.unit[l] = unit[from];
      all.per_unit[l] = per_unit[from];
    }
    return all;
  }

  FUSEDLOSS_INLINE T exponential(T z, int l) const { return exp_raised(maximum(z - bias[l], low[l]), raise[l]); }
};

/// What the map needs of rows once they are folded.
template <class T>
struct Finished {
  static constexpr int width = lanes<T>;
  SlopesOfRows<T> slopes;
  alignas(64) double share[width];        ///< p at the maximum
  alignas(64) T complement[width];        ///< 1 - p at the maximum
  alignas(64) T label_p[width];           ///< p at the label
  alignas(64) T label_complement[width];  ///< 1 - p there
  alignas(64) T mean[width];              ///< sum of p x (vector - base)
};

/// What sets one softmax loss apart from another: a few numbers and, for labels, its function of a row. A pointer, not
/// a template argument: it is called once for all rows of a solver, and so the folds and maps are compiled once for all
/// losses.
template <class T>
struct SoftmaxLoss {
  void (*eval)(const LabelViews<T>&, T classes, const void* options, SlopesOfRows<T>&);
  const void* options;
  bool spread;  ///< whether the loss wants the mean of -log p over classes
  T smoothing;  ///< of a distribution
};

/// The target mixed with the uniform distribution.
template <class T>
FUSEDLOSS_INLINE T smoothed(T target, T uniform, T smoothing) {
  return fma(target, T(1) - smoothing, smoothing * uniform);
}

constexpr std::int64_t groups_per_fold = 1024;  ///< of a stretch of a fixed length: 64 KB of logits

/// logsumexp of a row.
template <class T>
FUSEDLOSS_INLINE double log_sum_of(const Folded<T>& row, int l) {
  return static_cast<double>(row.shift[l]) + static_cast<double>(log1p(static_cast<T>(row.rest[l])));
}

/// The first class that has the maximum, searched in the stretch that is known to hold it.
template <class T>
FUSEDLOSS_SHARED void find_maximum(Unit<T>& unit, const T* given, const std::int64_t* stretch) {
  constexpr int width = lanes<T>;
  using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  constexpr Index nowhere = INT32_MAX;
  alignas(64) T shift[width];
  alignas(64) Index found[width];  // its group, counted from the first one that is searched
  for (int l = 0; l < width; ++l) {
    shift[l] = given[l];
    found[l] = nowhere;
  }
  const std::int64_t begin = unit.across || stretch[0] < 0 ? 0 : stretch[0] / width, end = begin + groups_per_fold;
  visit(
      unit, begin, unit.across || end > unit.groups ? unit.groups : end,
      [&](const auto& pred, const auto&, const auto&, const auto&, const auto&, std::int64_t from, std::int64_t count) {
        for (std::int64_t group = 0; group < count; ++group) {
          const T* z = pred + group * unit.pred.step;
          const Index number = static_cast<Index>(from - begin + group);
          FUSEDLOSS_LANES(width)
          for (int l = 0; l < width; ++l) {
            found[l] = z[l] == shift[l] && number < found[l] ? number : found[l];
          }
        }
      });
  for (int l = 0; l < width; ++l) {
    if (found[l] == nowhere || stretch[l] < 0) continue;
    const std::int64_t at = unit.across ? found[l] : (begin + found[l]) * width + l;
    std::int64_t& to = unit.peak[unit.across ? l : 0];
    if (to < 0 || at < to) to = at;
  }
}

/// The by-products of a row: they are asked for where nothing is as large as the logits but these themselves, and so
/// visit those once more, in cache.
template <class T>
FUSEDLOSS_SHARED void describe(Unit<T>& unit, const Folded<T>& row) {
  constexpr int width = lanes<T>;
  alignas(64) double surprise[width] = {};
  alignas(64) T shift[width];
  for (int l = 0; l < width; ++l) {
    shift[l] = row.shift[l];
    unit.peak[l] = -1;
  }
  if (unit.call->extra[abi::entropy].layout != abi::absent) {
    Reach<T> reach;
    reach.aim(row.shift);
    visit(unit, 0, unit.groups,
          [&](const auto& pred, const auto&, const auto&, const auto&, const auto&, std::int64_t, std::int64_t count) {
            for (std::int64_t group = 0; group < count; ++group) {
              const T* z = pred + group * unit.pred.step;
              FUSEDLOSS_LANES(width)
              for (int l = 0; l < width; ++l) {
                const T gap = shift[l] - z[l];
                const T e = reach.exponential(z[l], l);
                surprise[l] += static_cast<double>(masked(e * gap, mask_of<T>(gap < infinity<T>)));
              }
            }
          });
    if (!unit.across) surprise[0] = fold(surprise);
    for (int l = 0; l < width; ++l) surprise[l] = surprise[unit.across ? l : 0] * reach.per_unit[l];
  }
  if (unit.call->extra[abi::argmax].layout != abi::absent) {
    find_maximum(unit, shift, row.peak);
  }
  for (int l = 0; l < width; ++l) {
    const T undefined = row.one[l] == T(0) ? not_a_number<T> : row.shift[l] - row.shift[l];
    const double rest = row.rest[l] + static_cast<double>(undefined);
    const T tail = log1p(static_cast<T>(rest));
    const double gap = static_cast<double>(unit.label_pred[l]) - static_cast<double>(row.shift[l]);
    unit.extra[abi::log_probability][l] =
        unit.label[l] < 0 ? not_a_number<T> : static_cast<T>(gap - static_cast<double>(tail));
    unit.extra[abi::log_sum][l] = static_cast<T>(static_cast<double>(row.shift[l]) + static_cast<double>(tail));
    unit.extra[abi::entropy][l] = static_cast<T>(static_cast<double>(tail) + surprise[l] / (1.0 + rest));
    if (!(rest == rest)) unit.peak[l] = -1;
  }
}

/// Fold, finish and map of units of rows. What is of a row lies in its lane: across, in the unit's; along, in that of
/// the unit's number.
template <class T, abi::Outputs Set, bool Labelled>
struct SoftmaxRows {
  static constexpr int width = lanes<T>;
  static constexpr bool maps = Set != abi::value_only;
  static constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
  static constexpr bool product = Set == abi::hessian_vector;
  static constexpr bool locates = curved || product || (maps && !Labelled);  ///< wants the maximum's class
  /// Whether the maximum of a stretch is taken while the one before is added up: memory is read behind arithmetic.
  static constexpr bool looks_ahead = !locates;
  using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

  static constexpr std::int64_t groups_per_look = 64;  ///< how far ahead, but for stretches of a fixed length
  static constexpr std::int64_t groups_per_sum = 4;    ///< exponentials that are added before they become doubles
  static constexpr std::int64_t max_kept = 16384;      ///< groups of a row whose exponentials are kept: 1 MB
  static constexpr std::int64_t lasting_kept = 16;     ///< after so many stretches that are kept, the rest are fixed
  static constexpr std::int64_t folds_kept = lasting_kept + max_kept / groups_per_fold;

  /// Of a stretch whose exponentials were kept: its maximum, what that itself became, and where it ends.
  struct Kept {
    alignas(64) T shift[width];
    alignas(64) double per_unit[width];
    std::int64_t end;
  };

  /// Folds rows. The exponentials of their stretches are kept in the gradient's place if there is room for what they
  /// are relative to.
  static FUSEDLOSS_SHARED void fold_rows(Unit<T>* units, int count, const SoftmaxLoss<T>& loss, Kept* kept,
                                         Folded<T>& row) {
    const Unit<T>& head = units[0];
    const bool may_last = lasting(head, count);
    Reach<T> reach;
    Ahead ahead;
    for (std::int64_t first = 0, fold = 0, end; first < head.groups; first = end, ++fold) {
      const bool lasts = may_last && (kept == nullptr || fold < lasting_kept);
      const std::int64_t last = lasts ? head.groups : end_of(head, first);
      end = last;
      Folded<T> part;
      if (!head.across) part.clear();
      if (looks_ahead && first > 0 && (lasts || !may_last || fold > lasting_kept)) {
        set_maximum(part, 0, fold_maximum(ahead.top), first * width);
      } else {
        const std::int64_t seen = lasts && first + groups_per_look < last ? first + groups_per_look : last;
        for (int u = 0; u < count; ++u) maximum(units[u], first, seen, u, part);
      }
      reach.aim(part.shift);
      for (int u = 0; u < count; ++u) {
        if (maps && kept != nullptr) {
          end = sums<maps>(units[u], first, last, lasts, loss, reach, u, part, ahead);
        } else {
          end = sums<false>(units[u], first, last, lasts, loss, reach, u, part, ahead);
        }
      }
      if (kept != nullptr) keep(part, reach, end, kept[fold]);
      if (first == 0) {
        row = part;
      } else {
        join(row, part);
      }
    }
  }

  /// Folds one unit; along, all lanes have its row.
  static FUSEDLOSS_INLINE void fold_row(Unit<T>& unit, const SoftmaxLoss<T>& loss, Folded<T>& row) {
    fold_rows(&unit, 1, loss, nullptr, row);
    if (!unit.across) row.spread();
  }

  static FUSEDLOSS_SHARED void solve(Unit<T>* units, int count, const SoftmaxLoss<T>& loss, T floor, T ceiling) {
    Unit<T>& head = units[0];
    const bool keeps = maps && (head.across || head.groups <= max_kept);
    Kept kept[folds_kept];
    Folded<T> row;
    fold_rows(units, count, loss, keeps ? kept : nullptr, row);
    Finished<T> finished;
    finish(head, row, loss, finished);
    if (head.call->wants_extra) {
      if (!head.across) row.spread();
      describe(head, row);
    }
    if constexpr (maps) {
      Reach<T> reach;
      Coefficients by;
      if (keeps) {
        for (std::int64_t first = 0, fold = 0; first < head.groups; first = kept[fold++].end) {
          set(head, row, kept[fold], finished, by);
          for (int u = 0; u < count; ++u)
            map<true>(units[u], first, kept[fold].end, reach, u, by, loss, floor, ceiling);
        }
      } else {
        Kept whole;
        reach.aim(row.shift);
        keep(row, reach, head.groups, whole);
        set(head, row, whole, finished, by);
        map<false>(head, 0, head.groups, reach, 0, by, loss, floor, ceiling);
      }
      mend(units, count, row, finished, loss, floor, ceiling);
    }
  }

 private:
  /// The maximum of the next stretch, in lanes; and what stands where that has no group.
  struct Ahead {
    alignas(64) T top[width];
  };

  /// What the map of a stretch multiplies with, of each row.
  struct Coefficients {
    alignas(64) T scale[width], near[width], slope[width], pull[width], near_pull[width], level[width], bend[width],
        mean[width], base[width], along[width], outer[width];  // of a Hessian, times its factor: pull and outer

    FUSEDLOSS_INLINE Coefficients lane(int from) const {
      Coefficients all;
      for (int l = 0; l < width; ++l) {
        all.scale[l] = scale[from];
        all.near[l] = near[from];
        all.slope[l] = slope[from];
        all.pull[l] = pull[from];
        all.near_pull[l] = near_pull[from];
        all.level[l] = level[from];
        all.bend[l] = bend[from];
        all.mean[l] = mean[from];
        all.base[l] = base[from];
        all.along[l] = along[from];
        all.outer[l] = outer[from];
      }
      return all;
    }
  };

  /// Whether a stretch goes on until a logit is above its maximum. After a few stretches, none of them is.
  static FUSEDLOSS_INLINE bool lasting(const Unit<T>& unit, int count) {
    return looks_ahead && count == 1 && !unit.across && unit.classes < INT32_MAX;
  }

  static FUSEDLOSS_INLINE std::int64_t stride_of(const Unit<T>& unit) {
    return unit.across ? unit.groups : groups_per_fold;
  }

  static FUSEDLOSS_INLINE std::int64_t end_of(const Unit<T>& unit, std::int64_t first) {
    const std::int64_t last = first + stride_of(unit);
    return last < unit.groups ? last : unit.groups;
  }

  static FUSEDLOSS_INLINE void keep(const Folded<T>& part, const Reach<T>& reach, std::int64_t end, Kept& kept) {
    kept.end = end;
    for (int l = 0; l < width; ++l) {
      kept.shift[l] = part.shift[l];
      kept.per_unit[l] = reach.per_unit[l];
    }
  }

  /// Numbers the classes of a stretch: lane l of its group s is class first_class + s x stride + offset of l.
  static FUSEDLOSS_INLINE void number_lanes(const Unit<T>& unit, Index (&offset)[width]) {
    for (int l = 0; l < width; ++l) offset[l] = unit.across ? 0 : static_cast<Index>(l);
  }

  static FUSEDLOSS_INLINE void set_maximum(Folded<T>& part, int l, T top, std::int64_t peak) {
    part.shift[l] = top == -infinity<T> ? lowest<T> : top;
    part.one[l] = top == -infinity<T> ? T(0) : T(1);
    part.peak[l] = top == -infinity<T> ? -1 : peak;
  }

  static FUSEDLOSS_INLINE void maximum(const Unit<T>& unit, std::int64_t first, std::int64_t last, int lane,
                                       Folded<T>& part) {
    const Index per_group = unit.across ? 1 : width;
    alignas(64) T top[width];
    alignas(64) Index where[width], offset[width];
    number_lanes(unit, offset);
    for (int l = 0; l < width; ++l) {
      top[l] = -infinity<T>;
      where[l] = 0;
    }
    visit(unit, first, last,
          [&](const auto& pred, const auto&, const auto&, const auto&, const auto&, std::int64_t from,
              std::int64_t count) {
            const std::int64_t step = unit.pred.step;
            for (std::int64_t group = 0; group < count; ++group) {
              const T* z = pred + group * step;
              [[maybe_unused]] const Index base = static_cast<Index>(from - first + group) * per_group;
              FUSEDLOSS_LANES(width)
              for (int l = 0; l < width; ++l) {
                if constexpr (locates) where[l] = z[l] > top[l] ? base + offset[l] : where[l];
                top[l] = fusedloss::maximum(top[l], z[l]);
              }
            }
          });
    const std::int64_t base = first * per_group;
    if (unit.across) {
      for (int l = 0; l < width; ++l) set_maximum(part, l, top[l], base + where[l]);
      return;
    }
    const T highest = fold_maximum(top);
    Index class_of_highest = 0;
    if constexpr (locates) {
      class_of_highest = static_cast<Index>((last - first) * per_group);
      for (int l = 0; l < width; ++l) {
        if (top[l] == highest && where[l] < class_of_highest) class_of_highest = where[l];
      }
    }
    set_maximum(part, lane, highest, base + class_of_highest);
  }

  /// Returns where it ended: at `last`, or before a stretch with a larger maximum.
  template <bool Keeps>
  static FUSEDLOSS_INLINE std::int64_t sums(const Unit<T>& unit, std::int64_t first, std::int64_t last, bool lasts,
                                            const SoftmaxLoss<T>& loss, const Reach<T>& reach, int lane,
                                            Folded<T>& part, Ahead& ahead) {
    if constexpr (Labelled) {
      if (!loss.spread) return sum_groups<Keeps, false>(unit, first, last, lasts, loss, reach, lane, part, ahead);
    }
    return sum_groups<Keeps, true>(unit, first, last, lasts, loss, reach, lane, part, ahead);
  }

  template <bool Keeps, bool Gaps>
  static FUSEDLOSS_INLINE std::int64_t sum_groups(const Unit<T>& unit, std::int64_t first, std::int64_t last,
                                                  bool lasts, const SoftmaxLoss<T>& loss, const Reach<T>& by, int lane,
                                                  Folded<T>& part, Ahead& ahead) {
    const Index per_group = unit.across ? 1 : width;
    const Index beyond =
        static_cast<Index>(unit.classes - first * per_group < INT32_MAX ? unit.classes - first * per_group : INT32_MAX);
    const Reach<T> reach = unit.across ? by : by.lane(lane);  // a copy that no store can change, like all arrays below
    alignas(64) double rest[width] = {}, gap[width] = {}, mass[width] = {}, top[width] = {}, dot[width] = {};
    alignas(64) Bits<T> others[width] = {};
    alignas(64) T few[width] = {};
    alignas(64) T next[width], nothing[width];
    alignas(64) Index offset[width];
    alignas(64) T shift[width], half_shift[width], base[width];
    const T uniform = T(1) / static_cast<T>(unit.live_classes), smoothing = loss.smoothing;
    number_lanes(unit, offset);
    const bool across = unit.across;  // each of these loops is one store: read before it is whole, it would stall
    for (int l = 0; l < width; ++l) nothing[l] = -infinity<T>;
    if (across) {
      for (int l = 0; l < width; ++l) shift[l] = part.shift[l];
    } else {
      for (int l = 0; l < width; ++l) shift[l] = part.shift[lane];
    }
    for (int l = 0; l < width; ++l) half_shift[l] = T(0.5) * shift[l];
    for (int l = 0; l < width; ++l) base[l] = T(0);
    if constexpr (product) {
      for (int l = 0; l < width; ++l) {
        const std::int64_t peak = part.peak[across ? l : lane];
        if (peak >= 0) base[l] = unit.at(unit.vector, l, peak);
      }
    }
    // Each group is visited with one further on, as long as there is one.
    const std::int64_t look = lasts ? groups_per_look : last - first, to_come = unit.across ? 0 : unit.full - look;
    const bool goes_on = lasts && unit.ahead == 0;
    const std::int64_t ahead_of_look = goes_on ? (groups_per_look + 8) * group_bytes : unit.ahead;
    std::int64_t end = first;
    for (bool higher = false; end < last && !higher;) {
      const std::int64_t begin = end;
      end = last - begin < look ? last : begin + look;
      for (int l = 0; l < width; ++l) next[l] = -infinity<T>;
      visit(unit, begin, end,
            [&](const auto& pred, const auto& target, const auto& vector, const auto& grad, const auto&,
                std::int64_t from, std::int64_t count) {
              for (std::int64_t group = 0; group < count; ++group) {
                const T* z = pred + group * unit.pred.step;
                const T* t = Labelled ? z : target + group * unit.target.step;
                const T* v = product ? vector + group * unit.vector.step : z;
                T* kept = Keeps ? grad + group * unit.grad.step : nullptr;
                [[maybe_unused]] const Index number = static_cast<Index>(from - first + group) * per_group;
                [[maybe_unused]] const T* there = unit.live.at + (from + group) * unit.live.step;
                [[maybe_unused]] const T* later = from + group < to_come ? z + look * unit.pred.step : nothing;
                prefetch_read(z, ahead_of_look);
                FUSEDLOSS_LANES(width)
                for (int l = 0; l < width; ++l) {
                  const T e = reach.exponential(z[l], l);
                  const Bits<T> below = mask_of<T>(z[l] != shift[l]);
                  few[l] = select(z[l] != shift[l], few[l] + e, few[l]);
                  others[l] -= below;
                  if constexpr (looks_ahead) next[l] = fusedloss::maximum(next[l], later[l]);
                  if constexpr (Gaps) {
                    T weight = T(1);
                    if constexpr (!Labelled) weight = smoothed(t[l], uniform, smoothing);
                    weight = number + offset[l] < beyond ? weight * there[l] : T(0);
                    mass[l] += static_cast<double>(masked(weight, below));
                    top[l] += static_cast<double>(masked(weight, ~below));
                    // Of halves: the difference of two numbers may be more than the largest one.
                    gap[l] += static_cast<double>(weight == T(0) ? T(0) : weight * fma(T(-0.5), z[l], half_shift[l]));
                  }
                  if constexpr (product) {
                    const T along = number + offset[l] < beyond ? v[l] - base[l] : T(0);
                    dot[l] += static_cast<double>(e) * static_cast<double>(along);
                  }
                  if constexpr (Keeps) kept[l] = e;
                }
                if (group % groups_per_sum == groups_per_sum - 1) {
                  FUSEDLOSS_LANES(width)
                  for (int l = 0; l < width; ++l) {
                    rest[l] += static_cast<double>(few[l]);
                    few[l] = T(0);
                  }
                }
              }
            });
      if (looks_ahead && end < unit.groups) {
        if (unit.full < unit.groups && unit.full - end < (lasts ? groups_per_look : groups_per_fold)) {
          for (int l = 0; l < width; ++l) next[l] = fusedloss::maximum(next[l], unit.pred.tail[l]);
        }
        for (int l = 0; l < width; ++l) higher |= next[l] > shift[l];
      }
    }
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) rest[l] += static_cast<double>(few[l]);
    alignas(64) double ties[width];  // classes with the maximum; AVX2 does not convert 64 bits
    for (int l = 0; l < width; ++l) ties[l] = static_cast<double>(end - first - static_cast<std::int64_t>(others[l]));
    if (unit.across) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l)
        set_sums(part, l, ties[l], rest[l], gap[l], mass[l], top[l], dot[l], base[l], by.per_unit[l]);
      return end;
    }
    set_sums(part, lane, fold(ties), fold(rest), fold(gap), fold(mass), fold(top), fold(dot), base[0],
             by.per_unit[lane]);
    for (int l = 0; l < width; ++l) ahead.top[l] = next[l];
    return end;
  }

  static FUSEDLOSS_INLINE void set_sums(Folded<T>& part, int l, double ties, double rest, double gap, double mass,
                                        double top, double dot, T base, double per_unit) {
    const double more = ties - 1;
    part.rest[l] = rest * per_unit + (more > 0 ? more : 0.0);
    part.gap[l] = 2 * gap;
    part.mass[l] = mass;
    part.top[l] = top;
    part.dot[l] = dot * per_unit;
    part.base[l] = base;
  }

  /// Adds a later stretch of the same row, that of lane 0: rows that are visited across are one stretch.
  static FUSEDLOSS_SHARED void join(Folded<T>& row, const Folded<T>& part) {
    const bool above = part.shift[0] > row.shift[0] || row.one[0] == T(0);
    const double old_shift = row.shift[0], part_shift = part.shift[0];
    const double shift = above ? part_shift : old_shift;
    const double old_factor = exp(old_shift - shift), part_factor = exp(part_shift - shift);
    const double old_one = row.one[0], part_one = part.one[0];
    const double rest = above ? (old_one + row.rest[0]) * old_factor + part.rest[0] * part_factor
                              : row.rest[0] * old_factor + (part_one + part.rest[0]) * part_factor;
    // A target that has no mass in a stretch adds nothing, however far that stretch is below.
    const auto moved = [&](double gap, double mass, double from) {
      return mass == 0.0 || shift == from ? gap : gap + mass * (shift - from);
    };
    const double gap = moved(row.gap[0], row.mass[0] + row.top[0], old_shift) +
                       moved(part.gap[0], part.mass[0] + part.top[0], part_shift);
    const bool equal = part_shift == old_shift;
    const double top = equal ? row.top[0] + part.top[0] : above ? part.top[0] : row.top[0];
    const double mass = row.mass[0] + part.mass[0] + (equal ? 0.0 : above ? row.top[0] : part.top[0]);
    const double base = above ? part.base[0] : row.base[0];
    const auto based = [&](const Folded<T>& of) {
      return of.dot[0] + (static_cast<double>(of.base[0]) - base) * (static_cast<double>(of.one[0]) + of.rest[0]);
    };
    row.dot[0] = based(row) * old_factor + based(part) * part_factor;
    row.shift[0] = static_cast<T>(shift);
    row.one[0] = above ? part.one[0] : row.one[0];
    row.peak[0] = above ? part.peak[0] : row.peak[0];
    row.rest[0] = rest;
    row.gap[0] = gap;
    row.mass[0] = mass;
    row.top[0] = top;
    row.base[0] = static_cast<T>(base);
  }

  /// From sums to the loss.
  static FUSEDLOSS_INLINE void finish(Unit<T>& head, const Folded<T>& row, const SoftmaxLoss<T>& loss,
                                      Finished<T>& done) {
    LabelViews<T> views;
    SlopesOfRows<T>& slopes = done.slopes;
    const T classes = static_cast<T>(head.live_classes);
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      // inf - inf: a row with +inf, or of nothing but -inf, has no softmax.
      const T undefined = row.one[l] == T(0) ? not_a_number<T> : row.shift[l] - row.shift[l];
      const double rest = row.rest[l] + static_cast<double>(undefined);
      const double whole = 1.0 + rest;
      const T log_sum = log1p(static_cast<T>(rest));
      const TwoTerms<T> below = two_diff(head.label_pred[l], row.shift[l]);
      const double e = static_cast<double>(exp(below.hi, below.lo));
      const bool label_is_top = head.label_pred[l] == row.shift[l];
      const double share = 1.0 / whole;
      done.share[l] = share;
      done.complement[l] = static_cast<T>(rest * share);
      done.label_p[l] = views.p[l] = static_cast<T>(e * share);
      done.label_complement[l] = views.complement[l] = static_cast<T>((label_is_top ? rest : whole - e) * share);
      done.mean[l] = static_cast<T>(row.dot[l] * share);
      views.nll[l] =
          static_cast<double>(log_sum) - (static_cast<double>(head.label_pred[l]) - static_cast<double>(row.shift[l]));
      views.spread[l] = Labelled ? static_cast<double>(log_sum) + row.gap[l] / static_cast<double>(classes)
                                 : (row.mass[l] + row.top[l]) * static_cast<double>(log_sum) + row.gap[l];
      slopes.lean[l] = slopes.outer[l] = T(0);
    }
    if constexpr (Labelled) {
      loss.eval(views, classes, loss.options, slopes);
      if (head.call->class_factor != nullptr) multiply(head, slopes);
    } else {
      for (int l = 0; l < width; ++l)
        slopes.set(l, {views.spread[l], static_cast<T>(row.mass[l] + row.top[l]), T(0), T(0), T(0)});
    }
    if (head.call->logits != nullptr && head.call->logits->z_loss != 0.0) {
      for (int l = 0; l < width; ++l) {
        const double z_loss = head.call->logits->z_loss, log_sum = log_sum_of(row, l);
        slopes.value[l] += z_loss * log_sum * log_sum;
        slopes.lean[l] = static_cast<T>(2 * z_loss * log_sum);
        slopes.outer[l] = static_cast<T>(2 * z_loss);
      }
    }
    for (int l = 0; l < width; ++l) head.item[l] = slopes.value[l];
  }

  /// Targets of classes that count more than others.
  static FUSEDLOSS_SHARED void multiply(const Unit<T>& head, SlopesOfRows<T>& slopes) {
    const T* factors = static_cast<const T*>(head.call->class_factor);
    for (int l = 0; l < width; ++l) {
      if (head.label[l] < 0) continue;
      const T factor = factors[head.label[l]];
      slopes.set(l, {static_cast<double>(factor) * slopes.value[l], factor * slopes.pull[l], factor * slopes.surplus[l],
                     factor * slopes.level[l], factor * slopes.bend[l]});
    }
  }

  /// What the map of a stretch multiplies with.
  static FUSEDLOSS_INLINE void set(const Unit<T>& head, const Folded<T>& row, const Kept& of, const Finished<T>& done,
                                   Coefficients& by) {
    const SlopesOfRows<T>& slopes = done.slopes;
    const T times = static_cast<T>(head.call->hess_factor);
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      // e x scale is p of a softmax of this stretch's maximum, times `near` of the row's: neither leaves the range.
      const TwoTerms<T> below = two_diff(of.shift[l], row.shift[l]);
      const T factor = exp(below.hi, below.lo);
      by.near[l] = of.shift[l] == row.shift[l] ? T(1) : factor;
      by.scale[l] = static_cast<T>(done.share[l] * of.per_unit[l]);
      by.slope[l] = head.slope[l];
      by.pull[l] = slopes.pull[l] + slopes.lean[l];
      by.near_pull[l] = by.pull[l] * by.near[l];
      by.level[l] = slopes.level[l];
      by.bend[l] = slopes.bend[l];
      if constexpr (product) {
        by.mean[l] = done.mean[l];
        by.base[l] = row.base[l];
        by.along[l] = (head.label_vector[l] - row.base[l]) - done.mean[l];
        by.outer[l] = slopes.outer[l] * (done.mean[l] + row.base[l]);
      } else {
        by.mean[l] = by.base[l] = by.along[l] = T(0);
        by.pull[l] *= times;
        by.outer[l] = times * (slopes.outer[l] + slopes.bend[l]);
      }
    }
  }

  /// The derivatives of all classes from the exponentials: those of the fold, or taken again.
  template <bool Keeps>
  static FUSEDLOSS_INLINE void map(const Unit<T>& unit, std::int64_t first, std::int64_t last, const Reach<T>& reaching,
                                   int lane, const Coefficients& given, const SoftmaxLoss<T>& loss, T floor,
                                   T ceiling) {
    const T uniform = T(1) / static_cast<T>(unit.live_classes), smoothing = loss.smoothing;
    const Coefficients by = unit.across ? given : given.lane(lane);
    [[maybe_unused]] const Reach<T> reach = Keeps ? reaching : unit.across ? reaching : reaching.lane(lane);
    alignas(64) Bits<T> moves[width];
    for (int l = 0; l < width; ++l) moves[l] = mask_of<T>(by.slope[l] != T(0));
    [[maybe_unused]] const Bits<T> is_slope = mask_of<T>(unit.call->hess_is_slope);
    visit(unit, first, last,
          [&](const auto& pred, const auto& target, const auto& vector, const auto& grad, const auto& hess,
              std::int64_t, std::int64_t count) {
            for (std::int64_t group = 0; group < count; ++group) {
              T* g = grad + group * unit.grad.step;
              const T* z = Keeps ? g : pred + group * unit.pred.step;
              const T* t = Labelled ? z : target + group * unit.target.step;
              const T* v = product ? vector + group * unit.vector.step : z;
              T* h = curved ? hess + group * unit.hess.step : g;
              FUSEDLOSS_LANES(width)
              for (int l = 0; l < width; ++l) {
                const T e = Keeps ? z[l] : reach.exponential(z[l], l);
                const T near_p = e * by.scale[l], p = near_p * by.near[l];
                if constexpr (product) {
                  const T product =
                      p * (by.pull[l] * ((v[l] - by.base[l]) - by.mean[l]) - by.bend[l] * by.along[l] + by.outer[l]);
                  g[l] = masked(by.slope[l] * product, moves[l]);
                } else {
                  const T share = Labelled ? by.level[l] : smoothed(t[l], uniform, smoothing);
                  const T first = fma(near_p, by.near_pull[l], -share);
                  g[l] = masked(by.slope[l] * first, moves[l]);
                  if constexpr (curved) {
                    const T d2 = blend(is_slope, absolute(first), p * (by.pull[l] * (T(1) - p) + by.outer[l] * p));
                    h[l] = masked(by.slope[l] * clamp_between(d2, floor, ceiling), moves[l]);
                  }
                }
              }
            }
          });
  }

  /// The two classes of a row for which the general form cancels: the maximum and the label.
  static FUSEDLOSS_INLINE void mend(Unit<T>* units, int count, const Folded<T>& row, const Finished<T>& done,
                                    const SoftmaxLoss<T>& loss, T floor, T ceiling) {
    const Unit<T>& head = units[0];
    const T uniform = T(1) / static_cast<T>(head.live_classes), smoothing = loss.smoothing;
    const SlopesOfRows<T>& s = done.slopes;
    [[maybe_unused]] const T times = static_cast<T>(head.call->hess_factor);
    [[maybe_unused]] const Bits<T> is_slope = mask_of<T>(head.call->hess_is_slope);
    alignas(64) T at_label[width], label_curve[width], peak_curve[width];
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      const T slope = head.slope[l], p = done.label_p[l], rest = done.label_complement[l], pull = s.pull[l] + s.lean[l];
      if constexpr (product) {
        const T along = (head.label_vector[l] - row.base[l]) - done.mean[l];
        const T all = pull * along + s.outer[l] * (done.mean[l] + row.base[l]);
        at_label[l] = slope * fma(p, all, s.bend[l] * rest * along);
      } else {
        const T first = fma(s.lean[l], p, s.surplus[l] - s.pull[l] * rest);
        const T below = done.complement[l], highest = T(1) - below;
        const T of_label = pull * p * rest + s.bend[l] * (rest * rest) + s.outer[l] * p * p;
        const T of_peak = pull * highest * below + s.bend[l] * (highest * highest) + s.outer[l] * highest * highest;
        at_label[l] = slope * first;
        label_curve[l] = slope * clamp_between(blend(is_slope, absolute(first), times * of_label), floor, ceiling);
        peak_curve[l] = slope * clamp_between(times * of_peak, floor, ceiling);
      }
    }
    for (int l = 0; l < (head.across ? width : count); ++l) {
      Unit<T>& unit = units[head.across ? 0 : l];
      const std::int64_t label = head.label[l];
      if (head.slope[l] == T(0)) continue;
      if constexpr (locates && !product) {
        const std::int64_t peak = row.peak[l];
        if (peak >= 0) {
          if (curved && is_slope == 0) unit.at(unit.hess, l, peak) = peak_curve[l];
          if constexpr (!Labelled) {
            const T rest = done.complement[l], target = smoothed(unit.at(unit.target, l, peak), uniform, smoothing);
            const double others = row.mass[l] + (row.top[l] - static_cast<double>(target));
            const T result = static_cast<T>(others - (row.mass[l] + row.top[l]) * static_cast<double>(rest));
            const T first = fma(s.lean[l], T(1) - rest, result);
            unit.at(unit.grad, l, peak) = head.slope[l] * first;
            if (curved && is_slope != 0) {
              unit.at(unit.hess, l, peak) = head.slope[l] * clamp_between(absolute(first), floor, ceiling);
            }
          }
        }
      }
      if (Labelled && label >= 0) {
        unit.at(unit.grad, l, label) = at_label[l];
        if constexpr (curved) unit.at(unit.hess, l, label) = label_curve[l];
      }
    }
  }
};

/// A loss's function of a row, for rows in lanes.
template <class Loss, class T>
FUSEDLOSS_SHARED void eval_rows(const LabelViews<T>& rows, T classes, const void* options, SlopesOfRows<T>& slopes) {
  const auto by = *static_cast<const typename Loss::template Options<T>*>(options);
  FUSEDLOSS_LANES(lanes<T>)
  for (int l = 0; l < lanes<T>; ++l)
    slopes.set(l, Loss::eval({rows.nll[l], rows.p[l], rows.complement[l], rows.spread[l]}, classes, by));
}

/// A loss of the family as RowTask runs it. For labels, `Loss` has
///   static bool wants_spread(const Options<T>&)
///   static Slopes<T> eval(const LabelView<T>&, T classes, const Options<T>&)
/// and for distributions
///   static T smoothing(const Options<T>&).
template <class Loss>
struct Softmax {
  static constexpr const char* name = Loss::name;
  static constexpr double nanoseconds = Loss::nanoseconds;
  static constexpr bool labelled = Loss::labelled;
  static constexpr bool together = true;
  template <class T>
  using Options = typename Loss::template Options<T>;

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void solve(Unit<T>* units, int count, const Options<T>& options, T floor, T ceiling) {
    SoftmaxLoss<T> loss{nullptr, &options, false, T(0)};
    if constexpr (labelled) {
      loss.eval = eval_rows<Loss, T>;
      loss.spread = Loss::wants_spread(options);
    } else {
      loss.smoothing = Loss::smoothing(options);
    }
    // A row's value is a by-product of its gradient: one compiled copy serves both.
    constexpr abi::Outputs same = Set == abi::grad_hess ? abi::value_grad_hess : Set;
    solve_moved<T, same>(*units, floor, ceiling, [&](auto set, T low, T high) {
      SoftmaxRows<T, static_cast<abi::Outputs>(decltype(set)::value), labelled>::solve(units, count, loss, low, high);
    });
  }
};

FUSEDLOSS_END
