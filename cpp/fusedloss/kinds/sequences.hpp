// The kind of losses over utterances: an item is a stretch of frames of classes, with labels that belong to it in their
// order but to no frame by themselves.
//
// A loss is a struct with
//   name, nanoseconds (of a class of a frame)
//   template <class T> struct Options: from_logits, zero_infinity, length_normalized, each 1 or 0
//
// Design:
// 1. An utterance is a task, solved by one thread in a workspace that grows with its frames times its labels. Tasks
//    take the longest first, so that none of them is left for the end.
// 2. Frames are read as in frames.hpp: once for their softmax and the probabilities of the labels that occur, and once
//    more for the gradient: softmax less posterior, of which all but the labels that occur are 0.
// 3. What no alignment reaches has the value infinity and the gradient 0. An utterance with NaN is NaN throughout;
//    frames behind its end are not read.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "alignments.hpp"
#include "frames.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

FUSEDLOSS_SHARED std::int64_t utterance_tasks(const abi::Call* call) { return call->items.size; }

/// Whether sums of all frames are kept.
FUSEDLOSS_SHARED bool keeps_frames(const abi::Call* call) { return call->grad[0].layout != abi::absent; }

template <class T>
FUSEDLOSS_SHARED std::int64_t utterance_scratch_bytes(const abi::Call* call) {
  const abi::Sequences& all = *call->sequences;
  std::int64_t most = 0, longest = 0;
  for (std::int64_t n = 0; n < call->items.size; ++n) {
    const std::int64_t doubles =
        Alignments::doubles(all.frames[n], all.starts[n + 1] - all.starts[n], call->classes, keeps_frames(call));
    most = most < doubles ? doubles : most;
    longest = longest < all.frames[n] ? all.frames[n] : longest;
  }
  return 8 * most + 2 * frame_elements<T>(call) * static_cast<std::int64_t>(sizeof(T)) +
         (longest + lanes<T>)*static_cast<std::int64_t>(sizeof(Frame<T>)) + 2 * group_bytes;
}

template <class Loss, class T, abi::Outputs Set>
struct UtteranceTask {
  static constexpr bool wants_grad = Set != abi::value_only;
  using Options = typename Loss::template Options<T>;

  static void run(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
    const Options options = *static_cast<const Options*>(call->options);
    const std::int64_t n = call->sequences->order[task];
    double weight = 1, slope = 1;
    if (call->weight.layout != abi::absent) stage(call->weight, call->items, n, 1, &weight);
    if (call->cotangent.layout != abi::absent) stage(call->cotangent, call->items, n, 1, &slope);
    slope = weight != 0 ? slope * call->scale * weight : 0;
    T* const room = static_cast<T*>(scratch);
    Frames<T> frames(call, n, options.from_logits != T(0), room);
    double item = 0;
    if (weight != 0) {
      Solver solver{
          call, n, options, frames, slope, {}, reinterpret_cast<Frame<T>*>(room + 2 * frame_elements<T>(call))};
      item = weight * solver.solve();
    } else if constexpr (wants_grad) {
      frames.clear(0, call->sequences->all_frames);
    }
    partial->sum = item;
    partial->residue = 0;
    if (call->value.layout != abi::absent) unstage(&item, call->value, call->items, n, 1);
  }

 private:
  struct Solver {
    const abi::Call* call;
    std::int64_t utterance;
    const Options& options;
    Frames<T>& frames;
    double slope;
    Alignments alignments;
    Frame<T>* frame;

    /// The value of the utterance; writes its gradient and what else is asked for.
    FUSEDLOSS_INLINE double solve() {
      const abi::Sequences& all = *call->sequences;
      const std::int64_t count = all.frames[utterance], first = all.starts[utterance];
      const std::int64_t labels = all.starts[utterance + 1] - first;
      const double normaliser = options.length_normalized != T(0) && labels > 0 ? static_cast<double>(labels) : 1;
      const std::uintptr_t room = reinterpret_cast<std::uintptr_t>(frame + count + lanes<T>);
      alignments.lay_out(reinterpret_cast<double*>((room + group_bytes - 1) / group_bytes * group_bytes), count,
                         all.labels + first, labels, call->classes, keeps_frames(call));
      const bool sound = forward();
      const Wide total = labels > count ? wide_zero : alignments.total();
      const bool possible = total.exponent > -infinity<double>;
      if constexpr (wants_grad) {
        if (!sound) {
          spread(slope == 0.0 ? T(0) : not_a_number<T>);
        } else if (!possible || slope == 0.0) {
          frames.clear(0, count);
          if (possible && all.position.layout != abi::absent) backward(0.0);
        } else {
          backward(slope / normaliser);
        }
        frames.clear(count, all.all_frames);
        if (sound && possible && all.position.layout != abi::absent) align();
      }
      if (!sound) return not_a_number<double>;
      if (!possible) return options.zero_infinity != T(0) ? 0.0 : infinity<double>;
      const double value = (0.0 - log(total)) / normaliser;
      return options.from_logits != T(0) ? maximum(value, 0.0) : value;  // rounding may give a probability above 1
    }

   private:
    /// Sums over beginnings. False: NaN among the probabilities.
    FUSEDLOSS_INLINE bool forward() {
      const std::int64_t blank = call->sequences->blank;
      bool sound = true;
      alignments.start();
      for (std::int64_t t = 0; t < alignments.frames; t += frames.fold_step()) {
        const int here = held(t, frames.fold_step());
        frames.bring(t, here);
        if (options.from_logits != T(0)) {
          frames.fold(frame + t, here);
        } else {
          for (int l = 0; l < here; ++l) frame[t + l] = {1.0, T(0), T(0), T(0), T(0), T(0)};
        }
        for (int l = 0; l < here; ++l) {
          frames.take(l, alignments.label, alignments.labels, alignments.raw);
          frames.take(l, &blank, 1, alignments.raw + alignments.labels);
          sound &= alignments.emit(t + l, static_cast<double>(frame[t + l].shift), frame[t + l].share);
          alignments.advance(t + l);
        }
      }
      return sound;
    }

    /// Sums over ends, and the gradient. A slope of 0 writes none.
    FUSEDLOSS_INLINE void backward(double by) {
      const abi::Sequences& all = *call->sequences;
      const bool softmax = options.from_logits != T(0);
      const Wide total = alignments.total();
      alignments.start_back();
      const std::int64_t step = frames.map_step();
      for (std::int64_t t = (alignments.frames - 1) / step * step; t >= 0; t -= step) {
        const int here = held(t, step);
        if (by != 0.0 && softmax) frames.map(t, here, frame + t, static_cast<T>(by));
        if (by != 0.0 && !softmax) frames.fill(t, here, T(0));
        for (int l = here - 1; l >= 0; --l) {
          const double of_blank = alignments.retreat(t + l, total);
          if (by != 0.0) subtract(t, l, of_blank, by);
          if (all.entropy.layout != abi::absent) {
            const double entropy = alignments.entropy(alignments.band(t + l));
            store_any(all.entropy.dtype, &entropy, element(all.entropy, t + l), 0, 1);
          }
        }
        if (by != 0.0) frames.hand_out(here);
      }
    }

    /// The gradient of the classes that occur.
    FUSEDLOSS_INLINE void subtract(std::int64_t t, int l, double of_blank, double by) {
      const bool softmax = options.from_logits != T(0);
      const double p = softmax ? narrowed(alignments.blank[t + l]) : 0.0;
      const double at_blank = by * (p - of_blank);
      const Alignments::Band states = alignments.band(t + l);
      const std::int64_t last = states.last < alignments.labels ? states.last : alignments.labels;
      const double* const slopes = alignments.slopes(states, by, softmax);
      frames.put(l, alignments.label + states.first, last - states.first, slopes + states.first);
      frames.put(l, &call->sequences->blank, 1, &at_blank);
    }

    /// One number to the gradient of all of the utterance's frames.
    FUSEDLOSS_INLINE void spread(T number) {
      for (std::int64_t t = 0; t < alignments.frames; t += frames.map_step()) {
        const int here = held(t, frames.map_step());
        frames.fill(t, here, number);
        frames.hand_out(here);
      }
    }

    /// The best alignment, once nothing else is asked of the sums.
    FUSEDLOSS_INLINE void align() {
      const abi::Sequences& all = *call->sequences;
      std::int64_t* const position = reinterpret_cast<std::int64_t*>(element(all.position, 0));
      std::int64_t* const path = reinterpret_cast<std::int64_t*>(element(all.path, 0));
      alignments.best(position);
      for (std::int64_t t = 0; t < alignments.frames; ++t) {
        path[t] = position[t] < 0 ? all.blank : alignments.label[position[t]];
      }
    }

    FUSEDLOSS_INLINE char* element(const abi::Array& array, std::int64_t t) const {
      return static_cast<char*>(array.data) + utterance * array.strides[0] + t * array.class_stride;
    }

    /// How many of `step` frames from t on there are.
    FUSEDLOSS_INLINE int held(std::int64_t t, std::int64_t step) const {
      return static_cast<int>(alignments.frames - t < step ? alignments.frames - t : step);
    }
  };
};

template <class Loss>
constexpr abi::Kernel sequence_kernel() {
  using F = typename Loss::template Options<float>;
  return {Loss::name,
          abi::utterances,
          2,
          1,
          static_cast<int>(sizeof(F) / sizeof(float)),
          Loss::nanoseconds,
          {utterance_tasks, utterance_tasks},
          {utterance_scratch_bytes<float>, utterance_scratch_bytes<double>},
          {{UtteranceTask<Loss, float, abi::value_only>::run, UtteranceTask<Loss, float, abi::value_grad>::run},
           {UtteranceTask<Loss, double, abi::value_only>::run, UtteranceTask<Loss, double, abi::value_grad>::run}}};
}

FUSEDLOSS_END
