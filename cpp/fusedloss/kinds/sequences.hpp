// The kind of losses over utterances whose frames are given a class each: sums over what such alignments read as.
#pragma once

#include <cstdint>

#include "alignments.hpp"
#include "utterances.hpp"

FUSEDLOSS_BEGIN

template <class T, bool WantsGrad>
class AlignmentSolver {
 public:
  Frames<T> frames;
  const std::int64_t labels;

  static FUSEDLOSS_SHARED std::int64_t bytes(const abi::Call* call, std::int64_t utterance) {
    const std::int64_t count = call->sequences->frames[utterance];
    return 8 * Alignments::doubles(count, labels_of(call, utterance), call->classes, keeps_frames(call)) +
           (count + lanes<T>)*static_cast<std::int64_t>(sizeof(Frame<T>));
  }

  FUSEDLOSS_INLINE AlignmentSolver(const abi::Call* of, std::int64_t number, bool from_logits, void* scratch)
      : frames(of, number, 1, from_logits, static_cast<T*>(scratch)),
        labels(labels_of(of, number)),
        call(of),
        utterance(number),
        softmax(from_logits),
        frame(reinterpret_cast<Frame<T>*>(static_cast<T*>(scratch) + 2 * frame_elements<T>(of))) {}

  FUSEDLOSS_INLINE bool forward() {
    const abi::Sequences& all = *call->sequences;
    bool sound = true;
    alignments.lay_out(next_group(frame + frames.count + lanes<T>), frames.count, all.labels + all.starts[utterance],
                       labels, call->classes, keeps_frames(call));
    alignments.start();
    for (std::int64_t t = 0; t < frames.count; t += frames.fold_step()) {
      const int here = frames.held(t, frames.fold_step());
      frames.bring(t, here);
      if (softmax) {
        frames.fold(frame + t, here);
      } else {
        for (int l = 0; l < here; ++l) frame[t + l] = {1.0, T(0), T(0), T(0), T(0), T(0)};
      }
      for (int l = 0; l < here; ++l) {
        frames.take(l, alignments.label, labels, alignments.raw);
        frames.take(l, &all.blank, 1, alignments.raw + labels);
        sound &= alignments.emit(t + l, static_cast<double>(frame[t + l].shift), frame[t + l].share);
        alignments.advance(t + l);
      }
    }
    return sound;
  }

  FUSEDLOSS_INLINE Wide total() const { return labels > frames.count ? wide_zero : alignments.total(); }

  FUSEDLOSS_INLINE void backward(double by) {
    const abi::Sequences& all = *call->sequences;
    const Wide total = alignments.total();
    alignments.start_back();
    const std::int64_t step = frames.map_step();
    T slope[lanes<T>];
    for (T& each : slope) each = static_cast<T>(by);
    for (std::int64_t t = (frames.count - 1) / step * step; t >= 0; t -= step) {
      const int here = frames.held(t, step);
      if (by != 0.0 && softmax) frames.map(t, here, frame + t, slope);
      if (by != 0.0 && !softmax) frames.fill(t, here, T(0));
      for (int l = here - 1; l >= 0; --l) {
        const double of_blank = alignments.retreat(t + l, total);
        if (by != 0.0) subtract(t, l, of_blank, by);
        if (all.entropy.layout != abi::absent) {
          const double entropy = alignments.entropy(alignments.band(t + l));
          store_any(all.entropy.dtype, &entropy, element(all.entropy, utterance, t + l), 0, 1);
        }
      }
      if (by != 0.0) frames.hand_out(here);
    }
    if (all.position.layout != abi::absent) align();
  }

 private:
  /// The gradient of the classes that occur.
  FUSEDLOSS_INLINE void subtract(std::int64_t t, int l, double of_blank, double by) {
    const double p = softmax ? narrowed(alignments.blank[t + l]) : 0.0;
    const double at_blank = by * (p - of_blank);
    const Alignments::Band states = alignments.band(t + l);
    const std::int64_t last = states.last < labels ? states.last : labels;
    const double* const slopes = alignments.slopes(states, by, softmax);
    frames.put(l, alignments.label + states.first, last - states.first, slopes + states.first);
    frames.put(l, &call->sequences->blank, 1, &at_blank);
  }

  /// The best alignment, once nothing else is asked of the sums.
  FUSEDLOSS_INLINE void align() {
    const abi::Sequences& all = *call->sequences;
    std::int64_t* const position = reinterpret_cast<std::int64_t*>(element(all.position, utterance, 0));
    std::int64_t* const path = reinterpret_cast<std::int64_t*>(element(all.path, utterance, 0));
    alignments.best(position);
    for (std::int64_t t = 0; t < frames.count; ++t) {
      path[t] = position[t] < 0 ? all.blank : alignments.label[position[t]];
    }
  }

  const abi::Call* call;
  std::int64_t utterance;
  bool softmax;
  Alignments alignments;
  Frame<T>* frame;
};

template <class Loss>
constexpr abi::Kernel sequence_kernel() {
  return utterance_kernel<Loss, abi::utterances, AlignmentSolver>();
}

FUSEDLOSS_END
