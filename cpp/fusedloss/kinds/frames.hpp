// Frames of utterances, each with its own softmax: brought in a few at a time as the rows of other losses are, folded,
// and turned into their gradient.
//
// Design:
// 1. A fold keeps two numbers of a frame, its maximum and the share of that; exponentials are taken again for the
//    gradient. So logits are read twice and the gradient is written once, however long an utterance is.
// 2. The few classes that a loss looks at are computed in double, whatever the precision of the logits: their
//    probability is to be multiplied thousands of times, and what it is subtracted from is nearly equal.
#pragma once

#include "../core/wide.hpp"
#include "softmax.hpp"

FUSEDLOSS_BEGIN

/// Frames with fewer classes than this are visited across: what a row costs whatever its length is shared by a group.
constexpr std::int64_t frames_across_below = 256;

/// What is kept of a frame. Without a softmax (its entries are logarithms of probabilities) 0 and 1.
template <class T>
struct Frame {
  T shift;       ///< the maximum
  double share;  ///< the probability of the maximum; NaN if there is no softmax of these numbers
};

template <class T>
FUSEDLOSS_SHARED bool frames_lie_across(const abi::Call* call) {
  const abi::Array& pred = call->inputs[0];
  return call->classes < frames_across_below || pred.dtype != dtype_of<T> ||
         pred.class_stride != static_cast<std::int64_t>(sizeof(T));
}

/// Elements of one of the two scratch arrays of frames.
template <class T>
FUSEDLOSS_SHARED std::int64_t frame_elements(const abi::Call* call) {
  const std::int64_t width = lanes<T>;
  return frames_lie_across<T>(call) ? call->classes * width : (call->classes + width - 1) / width * width;
}

/// The frames of one utterance, those of a unit at a time.
template <class T>
class Frames {
 public:
  static constexpr int width = lanes<T>;

  /// `room` is for two arrays of `frame_elements`.
  FUSEDLOSS_INLINE Frames(const abi::Call* of, std::int64_t utterance, T* room)
      : call(of), pred_room(room), grad_room(room + frame_elements<T>(of)) {
    pred_start = utterance * call->inputs[0].strides[0];
    grad_start = utterance * call->grad[0].strides[0];
    across = frames_lie_across<T>(call);
    for (int l = 0; l < width; ++l) ones[l] = T(1);
    unit.call = call;
    unit.live = {ones, 0, ones};
    unit.across = across;
    unit.live_classes = unit.classes = call->classes;
    unit.full = across ? call->classes : call->classes / width;
    unit.groups = across ? call->classes : (call->classes + width - 1) / width;
  }

  /// How many frames a unit holds.
  std::int64_t step() const { return across ? width : 1; }

  /// Brings `here` frames from `first` on.
  FUSEDLOSS_INLINE void bring(std::int64_t first, int here) {
    locate(call->sequences->pred_stride, pred_start, first, here);
    unit.pred = RowArrays<T>::bring(call->inputs[0], offsets, 0, here, across, call->classes, pred_room, pred_tail);
  }

  /// A class of a frame of the unit.
  FUSEDLOSS_INLINE T at(int lane, std::int64_t index) const { return unit.at(unit.pred, lane, index); }

  /// The softmax of each frame of the unit.
  FUSEDLOSS_INLINE void fold(Frame<T>* frame, int here) {
    const SoftmaxLoss<T> none{nullptr, nullptr, false, T(0)};
    Folded<T> row;
    SoftmaxRows<T, abi::value_only, true>::fold_row(unit, none, nullptr, row);
    for (int l = 0; l < here; ++l) {
      const T undefined = row.one[l] == T(0) ? not_a_number<T> : row.shift[l] - row.shift[l];
      frame[l] = {row.shift[l], 1.0 / (1.0 + row.rest[l] + static_cast<double>(undefined))};
    }
  }

  /// Points the unit at the place of the gradient of `here` frames from `first` on.
  FUSEDLOSS_INLINE void place(std::int64_t first, int here) {
    locate(call->sequences->grad_stride, grad_start, first, here);
    unit.grad = RowArrays<T>::place(call->grad[0], offsets, 0, here, across, grad_room, grad_tail);
  }

  /// Writes slope x p of all classes.
  FUSEDLOSS_SHARED void map(const Frame<T>* frame, int here, T slope) {
    Reach<T> reach;
    alignas(64) T shift[width], scale[width];
    for (int l = 0; l < width; ++l) shift[l] = frame[across && l < here ? l : 0].shift;
    reach.aim(shift);
    for (int l = 0; l < width; ++l) {
      scale[l] = static_cast<T>(frame[across && l < here ? l : 0].share * reach.per_unit[l]);
    }
    const Reach<T> by = reach;  // a copy that no store can change
    visit(unit, 0, unit.groups,
          [&](const auto& pred, const auto&, const auto&, const auto& grad, const auto&, std::int64_t,
              std::int64_t count) {
            for (std::int64_t group = 0; group < count; ++group) {
              const T* z = pred + group * unit.pred.step;
              T* g = grad + group * unit.grad.step;
              FUSEDLOSS_LANES(width)
              for (int l = 0; l < width; ++l) g[l] = slope * (by.exponential(z[l], l) * scale[l]);
            }
          });
  }

  /// Writes one number to all classes.
  FUSEDLOSS_SHARED void fill(T number) {
    for (std::int64_t group = 0; group < unit.groups; ++group) {
      T* g = group < unit.full ? unit.grad.at + group * unit.grad.step : unit.grad.tail;
      for (int l = 0; l < width; ++l) g[l] = number;
    }
  }

  /// The gradient of a class of a frame of the unit.
  FUSEDLOSS_INLINE T& grad_at(int lane, std::int64_t index) const { return unit.at(unit.grad, lane, index); }

  /// Hands the unit's gradient out.
  FUSEDLOSS_INLINE void hand_out(int here) {
    RowArrays<T>::hand_out(call->grad[0], offsets, unit.grad, 0, here, across, call->classes);
  }

  /// Writes 0 to all classes of frames [first, last).
  FUSEDLOSS_INLINE void clear(std::int64_t first, std::int64_t last) {
    for (std::int64_t t = first; t < last; ++t) {
      RowArrays<T>::clear(call->grad[0], grad_start + t * call->sequences->grad_stride, call->classes);
    }
  }

 private:
  FUSEDLOSS_INLINE void locate(std::int64_t stride, std::int64_t start, std::int64_t first, int here) {
    for (int l = 0; l < here; ++l) offsets[l] = start + (first + l) * stride;
  }

  const abi::Call* call;
  T *pred_room, *grad_room;
  std::int64_t pred_start, grad_start;
  bool across;
  Unit<T> unit;
  std::int64_t offsets[width];
  alignas(64) T ones[width], pred_tail[width], grad_tail[width];
};

FUSEDLOSS_END
