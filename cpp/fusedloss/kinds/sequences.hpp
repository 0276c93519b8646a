// The kind of losses over utterances whose frames are given a class each: sums over what such alignments read as.
#pragma once

#include <cstdint>

#include "alignments.hpp"
#include "block_alignments.hpp"
#include "utterances.hpp"
#include "wide_alignments.hpp"

FUSEDLOSS_BEGIN

template <class T, bool WantsGrad>
class AlignmentSolver {
 public:
  Frames<T> frames;
  const std::int64_t labels;

  static FUSEDLOSS_SHARED std::int64_t bytes(const abi::Call* call, std::int64_t utterance) {
    const std::int64_t count = call->sequences->frames[utterance], labels = labels_of(call, utterance);
    const std::int64_t block = Block::doubles(count, labels);
    const std::int64_t wide = WideAlignments::doubles(count, labels, keeps_frames(call));
    return 8 * (Alignments::doubles(count, labels, call->classes) + (block < wide ? wide : block)) +
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
    room.next = next_group(frame + frames.count + lanes<T>);
    alignments.lay_out(room, frames.count, all.labels + all.starts[utterance], labels, call->classes, all.blank);
    relative = frames.count >= labels && frames.count > 0 && sum_in_blocks();
    return relative || sum_widely();
  }

  FUSEDLOSS_INLINE Wide total() const { return sum; }

  FUSEDLOSS_INLINE void backward(double by) {
    const abi::Sequences& all = *call->sequences;
    if (!relative) wide.retreat(sum);
    if (all.entropy.layout != abi::absent) {
      for (std::int64_t t = 0; t < frames.count; ++t) {
        const double entropy = alignments.entropy(t);
        store_any(all.entropy.dtype, &entropy, element(all.entropy, utterance, t), 0, 1);
      }
    }
    T slope[lanes<T>];
    for (T& each : slope) each = static_cast<T>(by);
    const std::int64_t step = frames.map_step(), count = by != 0.0 ? frames.count : 0;
    for (std::int64_t end = count; end > 0;) {
      const std::int64_t begin = (end - 1) / lanes<T> * lanes<T>;
      for (std::int64_t t = begin; t < end; ++t) alignments.join(t);  // long before it is read by groups
      for (std::int64_t t = (end - 1) / step * step; t >= begin; t -= step) {
        const int here = frames.held(t, step);
        if (softmax) {
          frames.map(t, here, frame + t, slope);
        } else {
          frames.fill(t, here, T(0));
        }
        for (int l = 0; l < here; ++l) subtract(t + l, l, by);
        frames.hand_out(here);
      }
      end = begin;
    }
    if (all.position.layout != abi::absent) align();
  }

 private:
  using Block = BlockAlignments<WantsGrad>;

  /// Reads the frames. False: in one of them the way to sum up finds no probabilities.
  template <class Sums>
  FUSEDLOSS_INLINE bool read(Sums& sums) {
    for (std::int64_t t = 0; t < frames.count; t += frames.fold_step()) {
      const int here = frames.held(t, frames.fold_step());
      frames.bring(t, here);
      if (softmax) {
        frames.fold(frame + t, here);
      } else {
        for (int l = 0; l < here; ++l) frame[t + l] = {1.0, T(0), T(0), T(0), T(0), T(0)};
      }
      const bool found =
          Sums::takes_exponentials && frames.has_exponentials() ? add_exponentials(t, here) : add_logits(sums, t, here);
      if (!found) return false;
    }
    return true;
  }

  template <class Sums>
  FUSEDLOSS_INLINE bool add_logits(Sums& sums, std::int64_t first, int here) {
    for (int l = 0; l < here; ++l) frames.take(l, alignments.looked_at, alignments.padded, sums.logits(first + l));
    return sums.add(first, here, frame + first);
  }

  FUSEDLOSS_INLINE bool add_exponentials(std::int64_t first, int here) {
    T* const taken = reinterpret_cast<T*>(alignments.taken);
    for (int l = 0; l < here; ++l) {
      frames.take_exponentials(l, alignments.looked_at, alignments.padded, taken + l * alignments.padded);
    }
    return blocks.add(first, here, frame + first, taken, frames.per_unit());
  }

  FUSEDLOSS_INLINE bool sum_in_blocks() {
    // Of a posterior that becomes a float, no more than the first half of a double is asked for.
    blocks.lay_out(alignments, room, sizeof(T) == sizeof(double), call->sequences->entropy.layout != abi::absent);
    return read(blocks) && blocks.sum(sum);
  }

  FUSEDLOSS_INLINE bool sum_widely() {
    wide.lay_out(alignments, room, keeps_frames(call));
    wide.start();
    if (!read(wide)) return false;
    sum = labels > frames.count ? wide_zero : wide.total();
    return true;
  }

  /// The gradient of the classes that occur.
  FUSEDLOSS_INLINE void subtract(std::int64_t t, int l, double by) {
    T* const slopes = reinterpret_cast<T*>(alignments.slope);
    alignments.slopes(t, by, relative ? frame[t].share : 1.0, softmax, slopes);
    frames.put(l, alignments.looked_at, labels + 1, slopes);
  }

  /// The best alignment, once nothing else is asked of the sums.
  FUSEDLOSS_INLINE void align() {
    const abi::Sequences& all = *call->sequences;
    std::int64_t* const position = reinterpret_cast<std::int64_t*>(element(all.position, utterance, 0));
    std::int64_t* const path = reinterpret_cast<std::int64_t*>(element(all.path, utterance, 0));
    relative ? blocks.best(position) : wide.best(position);
    for (std::int64_t t = 0; t < frames.count; ++t) {
      path[t] = position[t] < 0 ? all.blank : alignments.label[position[t]];
    }
  }

  const abi::Call* call;
  std::int64_t utterance;
  bool softmax;
  Frame<T>* frame;
  Room room;
  Alignments alignments;
  Block blocks;
  WideAlignments wide;
  Wide sum;
  bool relative;  ///< whether probabilities are relative to the largest of their frame
};

template <class Loss>
constexpr abi::Kernel sequence_kernel() {
  return utterance_kernel<Loss, abi::utterances, AlignmentSolver>();
}

FUSEDLOSS_END
