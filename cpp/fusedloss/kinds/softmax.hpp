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
// 3. A row is folded in stretches that stay in the second-level cache: maximum of the stretch, sums relative to it,
//    joined to the row's in double. So a row is read from memory once. Unless it is very long its exponentials are kept
//    in the gradient's place and scaled in the end, otherwise they are taken again from the logits.
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
  T lean = T(0), outer = T(0);
};

/// What a fold keeps of a row (or, across, of a row in each lane). Exponentials are relative to the maximum's.
template <class T>
struct Folded {
  static constexpr int width = lanes<T>;
  T shift[width];      ///< the maximum, or the lowest finite number where all is -inf
  T one[width];        ///< the maximum's own term: 1, or 0 where all is -inf
  double rest[width];  ///< sum of the other exponentials
  double gap[width];   ///< sum over the target (or all classes) of weight x (shift - z)
  double mass[width];  ///< sum of those weights without the maximum's: as a difference it would be lost where p -> 1
  double top[width];   ///< weight of the maximum
  double dot[width];   ///< sum of exponential x (vector - base): taken off its mean directly, the product would cancel
                       ///< where p -> 1
  T base[width];       ///< the vector at the maximum
  std::int64_t peak[width];  ///< first class of the maximum; -1: none, or not asked for
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

  FUSEDLOSS_INLINE T exponential(T z, int l) const { return exp_raised(maximum(z - bias[l], low[l]), raise[l]); }
};

/// What the map needs of a row once it is folded.
template <class T>
struct Finished {
  static constexpr int width = lanes<T>;
  Slopes<T> slopes[width];
  double share[width];        ///< p at the maximum
  T complement[width];        ///< 1 - p at the maximum
  T label_p[width];           ///< p at the label
  T label_complement[width];  ///< 1 - p there
  T mean[width];              ///< sum of p x (vector - base)
};

/// What sets one softmax loss apart from another: a few numbers and, for labels, its function of a row. A pointer, not
/// a template argument: it is called once a unit, and so the folds and maps are compiled once for all losses.
template <class T>
struct SoftmaxLoss {
  void (*eval)(const LabelView<T>*, T classes, const void* options, Slopes<T>*);  ///< for all lanes of a unit
  const void* options;
  bool spread;  ///< whether the loss wants the mean of -log p over classes
  T smoothing;  ///< of a distribution
};

/// The target mixed with the uniform distribution.
template <class T>
FUSEDLOSS_INLINE T smoothed(T target, T uniform, T smoothing) {
  return fma(target, T(1) - smoothing, smoothing * uniform);
}

/// logsumexp of a row.
template <class T>
FUSEDLOSS_INLINE double log_sum_of(const Folded<T>& row, int l) {
  return static_cast<double>(row.shift[l]) + static_cast<double>(log1p(static_cast<T>(row.rest[l])));
}

/// The by-products of a row: they are asked for where nothing is as large as the logits but these themselves, and so
/// visit those once more, in cache.
template <class T>
FUSEDLOSS_SHARED void describe(Unit<T>& unit, const Folded<T>& row) {
  constexpr int width = lanes<T>;
  const std::int64_t per_group = unit.across ? 1 : width;
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
    for (int l = 0; l < (unit.across ? width : 1); ++l) {
      for (std::int64_t group = 0; group < unit.groups && unit.peak[l] < 0; ++group) {
        const T* z = group < unit.full ? unit.pred.at + group * unit.pred.step : unit.pred.tail;
        for (int i = unit.across ? l : 0; i < (unit.across ? l + 1 : width); ++i) {
          if (z[i] == shift[l] && unit.peak[l] < 0) unit.peak[l] = group * per_group + (unit.across ? 0 : i);
        }
      }
    }
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

/// Fold, finish and map of a unit of rows.
template <class T, abi::Outputs Set, bool Labelled>
struct SoftmaxRows {
  static constexpr int width = lanes<T>;
  static constexpr bool maps = Set != abi::value_only;
  static constexpr bool curved = Set == abi::grad_hess || Set == abi::value_grad_hess;
  static constexpr bool product = Set == abi::hessian_vector;
  static constexpr bool locates = curved || product || (maps && !Labelled);  ///< wants the maximum's class
  using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

  static constexpr std::int64_t groups_per_fold = 1024;  ///< 64 KB of logits
  static constexpr std::int64_t groups_per_sum = 4;      ///< exponentials that are added before they become doubles
  static constexpr std::int64_t max_kept = 16384;        ///< groups of a row whose exponentials are kept: 1 MB
  static constexpr std::int64_t folds_kept = max_kept / groups_per_fold;

  /// The maximum of a stretch whose exponentials were kept, and what it itself became.
  struct Kept {
    T shift[width];
    double per_unit[width];
  };

  /// Folds a row. The exponentials of its stretches are kept in the gradient's place if there is room for what they are
  /// relative to.
  static FUSEDLOSS_SHARED void fold_row(Unit<T>& unit, const SoftmaxLoss<T>& loss, Kept* kept, Folded<T>& row) {
    const std::int64_t stride = stride_of(unit);
    Reach<T> reach;
    for (std::int64_t first = 0, fold = 0; first < unit.groups; first += stride, ++fold) {
      const std::int64_t last = first + stride < unit.groups ? first + stride : unit.groups;
      Folded<T> part;
      maximum(unit, first, last, part);
      reach.aim(part.shift);
      if (kept != nullptr) {
        sums<true>(unit, first, last, loss, reach, part);
        for (int l = 0; l < width; ++l) {
          kept[fold].shift[l] = part.shift[l];
          kept[fold].per_unit[l] = reach.per_unit[l];
        }
      } else {
        sums<false>(unit, first, last, loss, reach, part);
      }
      if (first == 0) {
        row = part;
      } else {
        join(row, part);
      }
    }
  }

  static FUSEDLOSS_SHARED void solve(Unit<T>& unit, const SoftmaxLoss<T>& loss, T floor, T ceiling) {
    const bool keeps = maps && (unit.across || unit.groups <= max_kept);
    const std::int64_t stride = stride_of(unit);
    Kept kept[folds_kept];
    Folded<T> row;
    fold_row(unit, loss, keeps ? kept : nullptr, row);
    Reach<T> reach;
    Finished<T> finished;
    finish(unit, row, loss, finished);
    if (unit.call->wants_extra) describe(unit, row);
    if constexpr (maps) {
      if (keeps) {
        for (std::int64_t first = 0, fold = 0; first < unit.groups; first += stride, ++fold) {
          const std::int64_t last = first + stride < unit.groups ? first + stride : unit.groups;
          map<true>(unit, first, last, row, reach, kept[fold], finished, loss, floor, ceiling);
        }
      } else {
        Kept whole;
        reach.aim(row.shift);
        for (int l = 0; l < width; ++l) {
          whole.shift[l] = row.shift[l];
          whole.per_unit[l] = reach.per_unit[l];
        }
        map<false>(unit, 0, unit.groups, row, reach, whole, finished, loss, floor, ceiling);
      }
      mend(unit, row, finished, loss, floor, ceiling);
    }
  }

  static FUSEDLOSS_INLINE std::int64_t stride_of(const Unit<T>& unit) {
    return unit.across ? unit.groups : groups_per_fold;
  }

 private:
  /// Numbers the classes of a stretch: lane l of its group s is class first_class + s x stride + offset of l.
  static FUSEDLOSS_INLINE void number_lanes(const Unit<T>& unit, Index (&offset)[width]) {
    for (int l = 0; l < width; ++l) offset[l] = unit.across ? 0 : static_cast<Index>(l);
  }

  static FUSEDLOSS_INLINE void maximum(const Unit<T>& unit, std::int64_t first, std::int64_t last, Folded<T>& part) {
    const Index per_group = unit.across ? 1 : width;
    alignas(64) T top[width];
    alignas(64) Index where[width], offset[width];
    number_lanes(unit, offset);
    for (int l = 0; l < width; ++l) {
      top[l] = -infinity<T>;
      where[l] = -1;
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
    if (!unit.across) {
      const T highest = fold_maximum(top);
      if constexpr (locates) {
        Index class_of_highest = -1;
        for (int l = 0; l < width; ++l) {
          if (top[l] == highest && (class_of_highest < 0 || where[l] < class_of_highest)) class_of_highest = where[l];
        }
        for (int l = 0; l < width; ++l) where[l] = class_of_highest;
      }
      for (int l = 0; l < width; ++l) top[l] = highest;
    }
    const std::int64_t base = first * per_group;
    for (int l = 0; l < width; ++l) {
      part.shift[l] = top[l] == -infinity<T> ? lowest<T> : top[l];
      part.one[l] = top[l] == -infinity<T> ? T(0) : T(1);
      part.peak[l] = where[l] < 0 ? -1 : base + where[l];
    }
  }

  template <bool Keeps>
  static FUSEDLOSS_INLINE void sums(const Unit<T>& unit, std::int64_t first, std::int64_t last,
                                    const SoftmaxLoss<T>& loss, const Reach<T>& reach, Folded<T>& part) {
    if (!Labelled || loss.spread) {
      sum_groups<Keeps, true>(unit, first, last, loss, reach, part);
    } else if constexpr (Labelled) {
      sum_groups<Keeps, false>(unit, first, last, loss, reach, part);
    }
  }

  template <bool Keeps, bool Gaps>
  static FUSEDLOSS_INLINE void sum_groups(const Unit<T>& unit, std::int64_t first, std::int64_t last,
                                          const SoftmaxLoss<T>& loss, const Reach<T>& by, Folded<T>& part) {
    const Index per_group = unit.across ? 1 : width;
    const Index beyond =
        static_cast<Index>(unit.classes - first * per_group < INT32_MAX ? unit.classes - first * per_group : INT32_MAX);
    const Reach<T> reach = by;  // a copy that no store can change, like all arrays below
    alignas(64) double rest[width] = {}, gap[width] = {}, mass[width] = {}, top[width] = {}, dot[width] = {};
    alignas(64) Bits<T> others[width] = {};
    alignas(64) T few[width] = {};
    alignas(64) Index offset[width];
    alignas(64) T shift[width], half_shift[width], base[width];
    const T uniform = T(1) / static_cast<T>(unit.live_classes), smoothing = loss.smoothing;
    number_lanes(unit, offset);
    for (int l = 0; l < width; ++l) {
      shift[l] = part.shift[l];
      half_shift[l] = T(0.5) * part.shift[l];
      base[l] = product && part.peak[l] >= 0 ? unit.at(unit.vector, l, part.peak[l]) : T(0);
    }
    visit(unit, first, last,
          [&](const auto& pred, const auto& target, const auto& vector, const auto& grad, const auto&,
              std::int64_t from, std::int64_t count) {
            for (std::int64_t group = 0; group < count; ++group) {
              const T* z = pred + group * unit.pred.step;
              const T* t = Labelled ? z : target + group * unit.target.step;
              const T* v = product ? vector + group * unit.vector.step : z;
              T* kept = Keeps ? grad + group * unit.grad.step : nullptr;
              [[maybe_unused]] const Index number = static_cast<Index>(from - first + group) * per_group;
              [[maybe_unused]] const T* there = unit.live.at + (from + group) * unit.live.step;
              prefetch_read(z, unit.ahead);
              FUSEDLOSS_LANES(width)
              for (int l = 0; l < width; ++l) {
                const T e = reach.exponential(z[l], l);
                const Bits<T> below = mask_of<T>(z[l] != shift[l]);
                few[l] += masked(e, below);
                others[l] -= below;
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
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) rest[l] += static_cast<double>(few[l]);
    alignas(64) double ties[width];  // classes with the maximum; AVX2 does not convert 64 bits
    for (int l = 0; l < width; ++l) ties[l] = static_cast<double>(last - first - static_cast<std::int64_t>(others[l]));
    if (!unit.across) {
      ties[0] = fold(ties);
      rest[0] = fold(rest);
      gap[0] = fold(gap);
      mass[0] = fold(mass);
      top[0] = fold(top);
      dot[0] = fold(dot);
      for (int l = 1; l < width; ++l) {
        ties[l] = ties[0];
        rest[l] = rest[0];
        gap[l] = gap[0];
        mass[l] = mass[0];
        top[l] = top[0];
        dot[l] = dot[0];
      }
    }
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      const double more = ties[l] - 1;
      part.rest[l] = rest[l] * reach.per_unit[l] + (more > 0 ? more : 0.0);
      part.gap[l] = 2 * gap[l];
      part.dot[l] = dot[l] * reach.per_unit[l];
    }
    for (int l = 0; l < width; ++l) {
      part.mass[l] = mass[l];
      part.top[l] = top[l];
      part.base[l] = base[l];
    }
  }

  /// Adds a later stretch of the same row. Lanes are equal here: rows that are visited across are one stretch.
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
    const double dot = based(row) * old_factor + based(part) * part_factor;
    for (int l = 0; l < lanes<T>; ++l) {
      row.shift[l] = static_cast<T>(shift);
      row.one[l] = above ? part.one[l] : row.one[l];
      row.peak[l] = above ? part.peak[l] : row.peak[l];
      row.rest[l] = rest;
      row.gap[l] = gap;
      row.mass[l] = mass;
      row.top[l] = top;
      row.dot[l] = dot;
      row.base[l] = static_cast<T>(base);
    }
  }

  /// From sums to the loss.
  static FUSEDLOSS_INLINE void finish(Unit<T>& unit, const Folded<T>& row, const SoftmaxLoss<T>& loss,
                                      Finished<T>& done) {
    alignas(64) double nll[width], spread[width];
    const T classes = static_cast<T>(unit.live_classes);
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      // inf - inf: a row with +inf, or of nothing but -inf, has no softmax.
      const T undefined = row.one[l] == T(0) ? not_a_number<T> : row.shift[l] - row.shift[l];
      const double rest = row.rest[l] + static_cast<double>(undefined);
      const double whole = 1.0 + rest;
      const T log_sum = log1p(static_cast<T>(rest));
      const TwoTerms<T> below = two_diff(unit.label_pred[l], row.shift[l]);
      const double e = static_cast<double>(exp(below.hi, below.lo));
      const bool label_is_top = unit.label_pred[l] == row.shift[l];
      const double share = 1.0 / whole;
      done.share[l] = share;
      done.complement[l] = static_cast<T>(rest * share);
      done.label_p[l] = static_cast<T>(e * share);
      done.label_complement[l] = static_cast<T>((label_is_top ? rest : whole - e) * share);
      done.mean[l] = static_cast<T>(row.dot[l] * share);
      nll[l] =
          static_cast<double>(log_sum) - (static_cast<double>(unit.label_pred[l]) - static_cast<double>(row.shift[l]));
      spread[l] = Labelled ? static_cast<double>(log_sum) + row.gap[l] / static_cast<double>(classes)
                           : (row.mass[l] + row.top[l]) * static_cast<double>(log_sum) + row.gap[l];
    }
    if constexpr (Labelled) {
      LabelView<T> views[width];
      for (int l = 0; l < width; ++l) views[l] = {nll[l], done.label_p[l], done.label_complement[l], spread[l]};
      loss.eval(views, classes, loss.options, done.slopes);
      if (unit.call->class_factor != nullptr) multiply(unit, done.slopes);
    } else {
      for (int l = 0; l < width; ++l)
        done.slopes[l] = {spread[l], static_cast<T>(row.mass[l] + row.top[l]), T(0), T(0), T(0)};
    }
    if (unit.call->logits != nullptr && unit.call->logits->z_loss != 0.0) {
      for (int l = 0; l < width; ++l) {
        const double z_loss = unit.call->logits->z_loss, log_sum = log_sum_of(row, l);
        Slopes<T>& s = done.slopes[l];
        s.value += z_loss * log_sum * log_sum;
        s.lean = static_cast<T>(2 * z_loss * log_sum);
        s.outer = static_cast<T>(2 * z_loss);
      }
    }
    for (int l = 0; l < width; ++l) unit.item[l] = done.slopes[l].value;
  }

  /// Targets of classes that count more than others.
  static FUSEDLOSS_SHARED void multiply(const Unit<T>& unit, Slopes<T> (&slopes)[width]) {
    const T* factors = static_cast<const T*>(unit.call->class_factor);
    for (int l = 0; l < width; ++l) {
      if (unit.label[l] < 0) continue;
      const T factor = factors[unit.label[l]];
      Slopes<T>& s = slopes[l];
      s = {static_cast<double>(factor) * s.value, factor * s.pull, factor * s.surplus, factor * s.level,
           factor * s.bend};
    }
  }

  /// The derivatives of all classes from the exponentials: those of the fold, or taken again.
  template <bool Keeps>
  static FUSEDLOSS_INLINE void map(const Unit<T>& unit, std::int64_t first, std::int64_t last, const Folded<T>& row,
                                   const Reach<T>& by, const Kept& of, const Finished<T>& done,
                                   const SoftmaxLoss<T>& loss, T floor, T ceiling) {
    alignas(64) T scale[width], near[width], slope[width], pull[width], near_pull[width], level[width], bend[width],
        mean[width], base[width], along[width], outer[width];
    alignas(64) Bits<T> moves[width];
    const T uniform = T(1) / static_cast<T>(unit.live_classes), smoothing = loss.smoothing;
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      // e x scale is p of a softmax of this stretch's maximum, times `near` of the row's: neither leaves the range.
      const TwoTerms<T> below = two_diff(of.shift[l], row.shift[l]);
      const T factor = exp(below.hi, below.lo);
      near[l] = of.shift[l] == row.shift[l] ? T(1) : factor;
      scale[l] = static_cast<T>(done.share[l] * of.per_unit[l]);
      slope[l] = unit.slope[l];
      moves[l] = mask_of<T>(unit.slope[l] != T(0));
    }
    for (int l = 0; l < width; ++l) {
      pull[l] = done.slopes[l].pull + done.slopes[l].lean;
      level[l] = done.slopes[l].level;
      bend[l] = done.slopes[l].bend;
      outer[l] = done.slopes[l].outer;
      near_pull[l] = pull[l] * near[l];
    }
    if constexpr (product) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        mean[l] = done.mean[l];
        base[l] = row.base[l];
        along[l] = (unit.label_vector[l] - base[l]) - mean[l];
        outer[l] *= mean[l] + base[l];
      }
    } else {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) outer[l] += bend[l];
    }
    [[maybe_unused]] const Reach<T> reach = by;
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
                const T near_p = e * scale[l], p = near_p * near[l];
                if constexpr (product) {
                  const T product = p * (pull[l] * ((v[l] - base[l]) - mean[l]) - bend[l] * along[l] + outer[l]);
                  g[l] = masked(slope[l] * product, moves[l]);
                } else {
                  const T share = Labelled ? level[l] : smoothed(t[l], uniform, smoothing);
                  g[l] = masked(slope[l] * fma(near_p, near_pull[l], -share), moves[l]);
                  if constexpr (curved) {
                    const T d2 = p * (pull[l] * (T(1) - p) + outer[l] * p);
                    h[l] = masked(slope[l] * clamp_between(d2, floor, ceiling), moves[l]);
                  }
                }
              }
            }
          });
  }

  /// The two classes of a row for which the general form cancels: the maximum and the label.
  static FUSEDLOSS_INLINE void mend(Unit<T>& unit, const Folded<T>& row, const Finished<T>& done,
                                    const SoftmaxLoss<T>& loss, T floor, T ceiling) {
    const T uniform = T(1) / static_cast<T>(unit.live_classes), smoothing = loss.smoothing;
    const int count = unit.across ? width : 1;
    for (int l = 0; l < count; ++l) {
      const Slopes<T>& s = done.slopes[l];
      const T slope = unit.slope[l];
      const std::int64_t peak = row.peak[l], label = unit.label[l];
      if (slope == T(0)) continue;
      if constexpr (product) {
        if (label >= 0) {
          const T along = (unit.label_vector[l] - row.base[l]) - done.mean[l];
          const T all = (s.pull + s.lean) * along + s.outer * (done.mean[l] + row.base[l]);
          unit.at(unit.grad, l, label) = slope * fma(done.label_p[l], all, s.bend * done.label_complement[l] * along);
        }
        continue;
      }
      const auto curve = [&](std::int64_t index, T p, T complement, T bent) {
        if constexpr (curved) {
          const T d2 = (s.pull + s.lean) * p * complement + s.bend * bent + s.outer * p * p;
          unit.at(unit.hess, l, index) = slope * clamp_between(d2, floor, ceiling);
        }
      };
      if (peak >= 0) {
        const T rest = done.complement[l], p = T(1) - rest;
        curve(peak, p, rest, p * p);
        if constexpr (!Labelled) {
          const T target = smoothed(unit.at(unit.target, l, peak), uniform, smoothing);
          const double others = row.mass[l] + (row.top[l] - static_cast<double>(target));
          const T result = static_cast<T>(others - (row.mass[l] + row.top[l]) * static_cast<double>(rest));
          unit.at(unit.grad, l, peak) = slope * fma(s.lean, p, result);
        }
      }
      if (Labelled && label >= 0) {
        const T rest = done.label_complement[l];
        curve(label, done.label_p[l], rest, rest * rest);
        unit.at(unit.grad, l, label) = slope * fma(s.lean, done.label_p[l], s.surplus - s.pull * rest);
      }
    }
  }
};

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
  template <class T>
  using Options = typename Loss::template Options<T>;

  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE void solve(Unit<T>& unit, const Options<T>& options, T floor, T ceiling) {
    SoftmaxLoss<T> loss{nullptr, &options, false, T(0)};
    if constexpr (labelled) {
      loss.eval = eval<T>;
      loss.spread = Loss::wants_spread(options);
    } else {
      loss.smoothing = Loss::smoothing(options);
    }
    // A row's value is a by-product of its gradient: one compiled copy serves both.
    constexpr abi::Outputs same = Set == abi::grad_hess ? abi::value_grad_hess : Set;
    solve_moved<T, same>(unit, floor, ceiling, [&](auto set, T low, T high) {
      SoftmaxRows<T, static_cast<abi::Outputs>(decltype(set)::value), labelled>::solve(unit, loss, low, high);
    });
  }

 private:
  template <class T>
  static FUSEDLOSS_SHARED void eval(const LabelView<T>* rows, T classes, const void* options, Slopes<T>* slopes) {
    for (int l = 0; l < lanes<T>; ++l)
      slopes[l] = Loss::eval(rows[l], classes, *static_cast<const Options<T>*>(options));
  }
};

FUSEDLOSS_END
