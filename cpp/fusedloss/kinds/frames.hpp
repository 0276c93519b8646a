// Frames of utterances, each with its own softmax: brought in a few at a time as the rows of other losses are, folded,
// and turned into their gradient.
//
// Design:
// 1. A fold keeps two numbers of a frame, its maximum and the share of that; exponentials are taken again for the
//    gradient. So logits are read twice and the gradient is written once, however long an utterance is. But those of
//    short frames are kept in the gradient's place, as long as an utterance stays in the cache.
// 2. Where labels are given within a frame, there is a softmax for each of its places: how many labels have been given
//    before. Places of an utterance are numbered frame by frame; elsewhere a frame has one.
// 3. The gradient of a row in place has no tail: its last group may overlap the one before it, as the same numbers come
//    out of both. A tail of its own would be copied, read back before the copy is in the cache, and copied again, which
//    takes longer than a group or two.
// 4. The few classes that a loss looks at may be computed in double, whatever the precision of the logits: their
//    probability is to be multiplied thousands of times, and what it is subtracted from is nearly equal. In short
//    frames that would take longer than all else: exponentials are taken in the precision of the logits, with an error
//    like that of rounding a logit.
#pragma once

#include "../core/wide.hpp"
#include "short_rows.hpp"
#include "softmax.hpp"

FUSEDLOSS_BEGIN

/// Frames with fewer classes than this are short: what a row costs whatever its length is shared by a group of them.
constexpr std::int64_t short_below = 256;

/// Utterances up to this size have the exponentials of their frames kept: with the logits they are to be in the
/// second-level cache.
constexpr std::int64_t max_kept_bytes = 512 * 1024;

/// Frames up to this size are asked for while the one before them is worked on, the second-level cache holding both.
constexpr std::int64_t max_ahead_bytes = 128 * 1024;

/// What is kept of a frame: its maximum and the probability of that (NaN if there is no softmax), and how exponentials
/// are taken. Without a softmax, as its entries are logarithms of probabilities, the first two are 0 and 1.
template <class T>
struct Frame {
  double share;
  T shift;
  T bias, low, raise;  ///< of Reach
  T scale;             ///< what makes a probability of an exponential
};

/// The probability of a class: share x e^(logit - shift).
FUSEDLOSS_INLINE Wide class_probability(double logit, double shift, Wide share) {
  const TwoTerms<double> below = two_diff(logit, shift);
  return wide_exp(below.hi, below.lo) * share;
}

/// How frames are folded.
enum class Fold {
  along,     ///< one by one
  together,  ///< several, each along its classes
  across     ///< several, a class of all of them at a time
};

/// Where there is no softmax, but a few numbers of each frame are looked at, to visit several of them would only move
/// the others.
template <class T>
FUSEDLOSS_SHARED Fold fold_of(const abi::Call* call, bool softmax) {
  if (!classes_together(call->inputs[0])) return Fold::across;
  if (!softmax || call->classes >= short_below) return Fold::along;
  return call->classes < lanes<T> ? Fold::across : Fold::together;
}

/// Elements of one frame in scratch: whole groups.
template <class T>
FUSEDLOSS_SHARED std::int64_t row_elements(const abi::Call* call) {
  return (call->classes + lanes<T> - 1) / lanes<T> * lanes<T>;
}

/// Elements of one of the two scratch arrays of frames.
template <class T>
FUSEDLOSS_SHARED std::int64_t frame_elements(const abi::Call* call) {
  return fold_of<T>(call, true) == Fold::along ? row_elements<T>(call) : row_elements<T>(call) * lanes<T>;
}

/// The frames of one utterance: some at a time for their softmax, one by one (if its classes lie side by side) for
/// their gradient.
template <class T>
class Frames {
 public:
  static constexpr int width = lanes<T>;

  const std::int64_t count;  ///< of the utterance, places of frames

  /// `room` is for two arrays of `frame_elements`.
  FUSEDLOSS_INLINE Frames(const abi::Call* of, std::int64_t utterance, std::int64_t places_of_frame, bool softmax,
                          T* room)
      : count(of->sequences->frames[utterance] * places_of_frame),
        call(of),
        frames(of->sequences->frames[utterance]),
        places(places_of_frame),
        pred_at{utterance * of->inputs[0].strides[0], of->sequences->pred_stride, of->sequences->pred_place},
        grad_at{utterance * of->grad[0].strides[0], of->sequences->grad_stride, of->sequences->grad_place},
        pred_room(room),
        grad_room(room + frame_elements<T>(of)),
        way(fold_of<T>(of, softmax)),
        map_across(!classes_together(of->inputs[0])),
        direct(of->grad[0].layout != abi::absent && !map_across && of->classes >= width &&
               RowArrays<T>::row_in_place(of->inputs[0]) && RowArrays<T>::row_in_place(of->grad[0])),
        overlaps(direct && of->classes % width != 0),
        keeps(direct && way == Fold::together && places == 1 && of->inputs[0].data != of->grad[0].data &&
              count * of->classes * static_cast<std::int64_t>(sizeof(T)) <= max_kept_bytes),
        rows(of->classes) {
    for (int l = 0; l < width; ++l) ones[l] = T(1);
    unit.call = call;
    unit.live = {ones, 0, ones};
    unit.live_classes = unit.classes = call->classes;
  }

  /// How many frames are folded at a time, and how many are mapped.
  std::int64_t fold_step() const { return way == Fold::along ? 1 : width; }
  std::int64_t map_step() const { return map_across ? width : 1; }
  /// How many of `step` frames from `first` on there are.
  int held(std::int64_t first, std::int64_t step) const {
    return static_cast<int>(count - first < step ? count - first : step);
  }

  /// Whether `fold` leaves the exponentials of all classes.
  bool has_exponentials() const { return way == Fold::together; }

  /// Brings `here` frames from `first` on, to be folded.
  FUSEDLOSS_INLINE void bring(std::int64_t first, int here) {
    if (way != Fold::together) return bring(first, here, way == Fold::across);
    locate(pred_at, first, here);
    const std::int64_t step = row_elements<T>(call);
    for (int l = 0; l < here; ++l) {
      row[l] = RowArrays<T>::bring_row(call->inputs[0], offsets[l], call->classes, pred_room + l * step);
      exponential[l] = keeps ? grad_row(first + l) : grad_room + l * step;
    }
  }

  /// Some classes of one of them.
  FUSEDLOSS_INLINE void take(int lane, const std::int64_t* index, std::int64_t classes, double* to) const {
    if (way == Fold::together) return pick(row[lane], 1, index, classes, to);
    const T* const from =
        unit.across ? unit.pred.at + lane : unit.pred.at;  // the tail of a row stands behind its groups, too
    pick(from, unit.across ? unit.pred.step : 1, index, classes, to);
  }

  /// Some of the exponentials that `fold` left, in whole groups of doubles: what makes probabilities relative to the
  /// largest of them is `per_unit`.
  FUSEDLOSS_INLINE void take_exponentials(int lane, const std::int64_t* index, std::int64_t classes, T* to) const {
    const T* const from = exponential[lane];
    for (std::int64_t i = 0; i < classes; i += lanes<double>) {
      for_each_of<lanes<double>>([&](auto l) { to[i + l] = from[index[i + l]]; });
    }
  }
  /// Of each of the frames.
  FUSEDLOSS_INLINE const double* per_unit() const { return units; }

  /// The softmax of each of them.
  FUSEDLOSS_INLINE void fold(Frame<T>* frame, int here) {
    if (way == Fold::together) return fold_together(frame, here);
    const SoftmaxLoss<T> none{nullptr, nullptr, false, T(0)};
    Folded<T> row;
    SoftmaxRows<T, abi::value_only, true>::fold_row(unit, none, row);
    Reach<T> reach;
    reach.aim(row.shift);
    finish(row, reach, frame, here);
  }

  /// Writes slope x p of all classes of `here` frames from `first` on, each with a slope of its own.
  FUSEDLOSS_INLINE void map(std::int64_t first, int here, const Frame<T>* frame, const T* slope) {
    if (keeps) {
      unit.grad.at = grad_row(first);
      return rows.scale(unit.grad.at, frame->scale, *slope, -grad_at.frame);
    }
    bring(first, here, map_across);
    place(first, here);
    if (map_across) {
      map_tile(frame, here, slope);
    } else {
      map_row(frame, *slope);
    }
  }

  /// Writes one number to all of their classes.
  FUSEDLOSS_SHARED void fill(std::int64_t first, int here, T number) {
    arrange(map_across);
    place(first, here);
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      T* g = group < unit.full ? unit.grad.at + group * unit.grad.step
             : overlaps        ? last_group(unit.grad.at)
                               : unit.grad.tail;
      for (int l = 0; l < width; ++l) g[l] = number;
    }
  }

  /// The gradient of some classes of one of them. Of equal ones the first counts.
  template <class From>
  FUSEDLOSS_INLINE void put(int lane, const std::int64_t* index, std::int64_t classes, const From* from) const {
    if (direct) {
      T* const to = unit.grad.at;
      std::int64_t i = classes;
      for (; i % 4 != 0; --i) to[index[i - 1]] = static_cast<T>(from[i - 1]);
      for (; i > 0; i -= 4) {
        for_each_of<4>([&](auto k) { to[index[i - 1 - k]] = static_cast<T>(from[i - 1 - k]); });
      }
      return;
    }
    T* const body = unit.across ? unit.grad.at + lane : unit.grad.at;
    const std::int64_t step = unit.across ? unit.grad.step : 1;
    const std::int64_t end = unit.across ? unit.classes : unit.full * width;
    T* const tail = unit.across ? body : unit.grad.tail - end;
    for (std::int64_t i = classes - 1; i >= 0; --i)
      (index[i] < end ? body : tail)[index[i] * step] = static_cast<T>(from[i]);
  }

  /// Hands their gradient out.
  FUSEDLOSS_INLINE void hand_out(int here) {
    if (direct) return;
    RowArrays<T>::hand_out(call->grad[0], offsets, unit.grad, 0, here, unit.across, call->classes);
  }

  /// Writes one number to the gradient of the utterance.
  FUSEDLOSS_INLINE void spread(T number) {
    for (std::int64_t first = 0; first < count; first += map_step()) {
      const int here = held(first, map_step());
      fill(first, here, number);
      hand_out(here);
    }
  }

  /// Writes 0 to the gradient of what pred holds for an utterance: to all of it, or to what is behind the utterance's
  /// end.
  FUSEDLOSS_INLINE void clear(bool all) {
    for (std::int64_t t = 0; t < call->sequences->all_frames; ++t) {
      for (std::int64_t u = all || t >= frames ? 0 : places; u < call->sequences->all_places; ++u) {
        RowArrays<T>::clear(call->grad[0], grad_at.start + t * grad_at.frame + u * grad_at.place, call->classes);
      }
    }
  }

 private:
  static FUSEDLOSS_INLINE void pick(const T* from, std::int64_t step, const std::int64_t* index, std::int64_t count,
                                    double* to) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<double>(from[index[i] * step]);
  }

  /// Several frames, each along its classes; their exponentials are left.
  FUSEDLOSS_SHARED void fold_together(Frame<T>* frame, int here) {
    Folded<T> folded;
    Reach<T> reach;
    rows.fold(row, here, exponential, width * next(pred_at), keeps ? width * next(grad_at) : 0, folded, reach);
    for (int l = 0; l < width; ++l) units[l] = reach.per_unit[l];
    finish(folded, reach, frame, here);
  }

  static FUSEDLOSS_INLINE void finish(const Folded<T>& row, const Reach<T>& reach, Frame<T>* frame, int here) {
    alignas(64) double share[width];
    alignas(64) T scale[width];
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      const T undefined = row.one[l] == T(0) ? not_a_number<T> : row.shift[l] - row.shift[l];
      share[l] = 1.0 / (1.0 + row.rest[l] + static_cast<double>(undefined));
      scale[l] = static_cast<T>(share[l] * reach.per_unit[l]);
    }
    for (int l = 0; l < here; ++l) {
      frame[l] = {share[l], row.shift[l], reach.bias[l], reach.low[l], reach.raise[l], scale[l]};
    }
  }

  FUSEDLOSS_INLINE T* grad_row(std::int64_t frame) const {
    return reinterpret_cast<T*>(RowArrays<T>::address(call->grad[0], grad_at.start + frame * grad_at.frame));
  }

  /// Bytes to the utterance, from frame to frame and from place to place.
  struct Steps {
    std::int64_t start, frame, place;
  };

  FUSEDLOSS_INLINE void arrange(bool across) {
    unit.across = across;
    unit.full = across ? call->classes : call->classes / width;
    unit.groups = across ? call->classes : (call->classes + width - 1) / width;
    const bool waits = !across && call->classes * static_cast<std::int64_t>(sizeof(T)) <= max_ahead_bytes;
    unit.ahead = waits ? next(pred_at) : 0;
  }

  FUSEDLOSS_INLINE void bring(std::int64_t first, int here, bool across) {
    arrange(across);
    locate(pred_at, first, here);
    RowArrays<T>::bring(call->inputs[0], offsets, 0, here, across, call->classes, pred_room, pred_tail, unit.pred);
  }

  FUSEDLOSS_INLINE void place(std::int64_t first, int here) {
    locate(grad_at, first, here);
    RowArrays<T>::place(call->grad[0], offsets, 0, here, unit.across, grad_room, grad_tail, unit.grad);
  }

  /// Of a row, up to its end.
  template <class U>
  FUSEDLOSS_INLINE U* last_group(U* row) const {
    return row + (call->classes - width);
  }

  static FUSEDLOSS_INLINE T mapped(T z, T bias, T low, T raise, T scale, T slope) {
    return slope * (exp_raised(maximum(z - bias, low), raise) * scale);
  }

  /// A group of classes of one frame.
  static FUSEDLOSS_INLINE void map_group(const Frame<T>& of, T slope, const T* z, T* g) {
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) g[l] = mapped(z[l], of.bias, of.low, of.raise, of.scale, slope);
  }

  FUSEDLOSS_SHARED void map_row(const Frame<T>* frame, T slope) {
    const Frame<T> of = *frame;  // a copy that no store can change
    const std::int64_t ahead = unit.ahead, ahead_of_grad = ahead != 0 ? next(grad_at) : 0;
    alignas(64) T last[width];
    if (overlaps) map_group(of, slope, last_group(unit.pred.at), last);  // before the row is overwritten
    visit(unit, 0, overlaps ? unit.full : unit.groups,
          [&](const auto& pred, const auto&, const auto&, const auto& grad, const auto&, std::int64_t,
              std::int64_t count) {
            for (std::int64_t group = 0; group < count; ++group) {
              const T* z = pred + group * width;
              T* g = grad + group * width;
              prefetch_read(z, -ahead);  // the gradient is written from the last frame to the first
              prefetch_write(g, -ahead_of_grad);
              map_group(of, slope, z, g);
            }
          });
    if (overlaps) std::memcpy(last_group(unit.grad.at), last, sizeof last);
  }

  FUSEDLOSS_SHARED void map_tile(const Frame<T>* frame, int here, const T* slopes) {
    alignas(64) T bias[width], low[width], raise[width], scale[width], slope[width];
    for (int l = 0; l < width; ++l) {
      const Frame<T>& of = frame[l < here ? l : 0];
      bias[l] = of.bias;
      low[l] = of.low;
      raise[l] = of.raise;
      scale[l] = of.scale;
      slope[l] = slopes[l < here ? l : 0];
    }
    for (std::int64_t c = 0; c < unit.classes; ++c) {
      const T* z = unit.pred.at + c * unit.pred.step;
      T* g = unit.grad.at + c * unit.grad.step;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) g[l] = mapped(z[l], bias[l], low[l], raise[l], scale[l], slope[l]);
    }
  }

  FUSEDLOSS_INLINE std::int64_t next(const Steps& at) const { return places == 1 ? at.frame : at.place; }

  FUSEDLOSS_INLINE void locate(const Steps& at, std::int64_t first, int here) {
    if (places == 1) {
      for (int l = 0; l < here; ++l) offsets[l] = at.start + (first + l) * at.frame;
      return;
    }
    std::int64_t t = first / places, u = first % places;
    for (int l = 0; l < here; ++l) {
      offsets[l] = at.start + t * at.frame + u * at.place;
      if (++u == places) {
        u = 0;
        ++t;
      }
    }
  }

  const abi::Call* call;
  std::int64_t frames, places;
  Steps pred_at, grad_at;
  T *pred_room, *grad_room;
  Fold way;
  bool map_across;
  bool direct;    ///< whether rows of the gradient are written where they are to be
  bool overlaps;  ///< and their last group overlaps the one before it
  bool keeps;     ///< whether they keep the exponentials, too
  ShortRows<T> rows;
  const T* row[width];  ///< of frames that are folded together
  T* exponential[width];
  alignas(64) double units[width];
  Unit<T> unit;
  std::int64_t offsets[width];
  alignas(64) T ones[width], pred_tail[width], grad_tail[width];
};

FUSEDLOSS_END
