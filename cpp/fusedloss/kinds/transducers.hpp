// The kind of losses over utterances whose frames and labels make a lattice: for each frame, and each number of labels
// that have been given before, classes of which one is given next.
#pragma once

#include <cstdint>

#include "lattices.hpp"
#include "utterances.hpp"

FUSEDLOSS_BEGIN

/// A place that is less likely than this has the gradient 0: most of a long lattice is so far from every likely path
/// that products would be subnormal numbers, which processors take a hundred cycles for.
template <class T>
constexpr double least_occupied = static_cast<double>(Format<T>::smallest_normal) * 0x1p30;

template <class T, bool WantsGrad>
class LatticeSolver {
 public:
  Frames<T> frames;
  const std::int64_t labels;

  static FUSEDLOSS_SHARED std::int64_t bytes(const abi::Call* call, std::int64_t utterance) {
    const std::int64_t count = call->sequences->frames[utterance], labels = labels_of(call, utterance);
    return 8 * Lattice::doubles(count, labels, keeps_frames(call), aligns(call)) +
           (kept_places(call, utterance) + lanes<T>)*static_cast<std::int64_t>(sizeof(Frame<T>));
  }

  FUSEDLOSS_INLINE LatticeSolver(const abi::Call* of, std::int64_t number, bool from_logits, void* scratch)
      : frames(of, number, labels_of(of, number) + 1, from_logits, static_cast<T*>(scratch)),
        labels(labels_of(of, number)),
        call(of),
        utterance(number),
        softmax(from_logits),
        label(of->sequences->labels + of->sequences->starts[number]),
        frame(reinterpret_cast<Frame<T>*>(static_cast<T*>(scratch) + 2 * frame_elements<T>(of))) {}

  FUSEDLOSS_INLINE bool forward() {
    const std::int64_t count = call->sequences->frames[utterance];
    if (count == 0) return true;
    lattice.lay_out(next_group(frame + kept_places(call, utterance) + lanes<T>), count, labels, keeps_frames(call),
                    aligns(call));
    const std::int64_t* const blank = &call->sequences->blank;
    std::int64_t t = 0, u = 0;
    for (std::int64_t first = 0; first < frames.count; first += frames.fold_step()) {
      const int here = frames.held(first, frames.fold_step());
      Frame<T>* const folded = WantsGrad ? frame + first : frame;
      frames.bring(first, here);
      if (softmax) frames.fold(folded, here);
      for (int l = 0; l < here; ++l) {
        double of_blank, of_label = -infinity<double>;
        frames.take(l, blank, 1, &of_blank);
        if (u < labels) frames.take(l, label + u, 1, &of_label);
        const double shift = softmax ? static_cast<double>(folded[l].shift) : 0.0;
        lattice.set(lattice.index(t, u), of_blank, of_label, shift, softmax ? folded[l].share : 1.0);
        if (++u > labels) {
          u = 0;
          ++t;
        }
      }
    }
    if (!lattice.emit()) return false;
    lattice.advance();
    return true;
  }

  FUSEDLOSS_INLINE Wide total() const {
    if (call->sequences->frames[utterance] > 0) return lattice.total();
    return labels > 0 ? wide_zero : Wide{1, 0};
  }

  FUSEDLOSS_INLINE void backward(double by) {
    const abi::Sequences& all = *call->sequences;
    if (frames.count == 0) return;
    if (aligns(call)) lattice.align(reinterpret_cast<std::int64_t*>(element(all.position, utterance, 0)));
    lattice.retreat(by, softmax);
    for (std::int64_t u = 0; aligns(call) && u < labels; ++u) {
      const double entropy = lattice.entropy(u);
      store_any(all.entropy.dtype, &entropy, element(all.entropy, utterance, u), 0, 1);
    }
    if (by == 0.0) return;
    const std::int64_t step = frames.map_step();
    for (std::int64_t first = (frames.count - 1) / step * step; first >= 0; first -= step) {
      write(first, frames.held(first, step), by);
    }
  }

 private:
  static FUSEDLOSS_INLINE bool aligns(const abi::Call* call) { return call->sequences->position.layout != abi::absent; }

  /// Whose softmax is wanted again.
  static FUSEDLOSS_INLINE std::int64_t kept_places(const abi::Call* call, std::int64_t utterance) {
    return keeps_frames(call) ? call->sequences->frames[utterance] * (labels_of(call, utterance) + 1) : 0;
  }

  /// The gradient of some places.
  FUSEDLOSS_INLINE void write(std::int64_t first, int here, double by) {
    const std::int64_t* const blank = &call->sequences->blank;
    std::int64_t at[lanes<T>], next[lanes<T>];
    T slope[lanes<T>];
    bool any = false;
    std::int64_t t = first / (labels + 1), u = first % (labels + 1);
    for (int l = 0; l < here; ++l) {
      next[l] = u;
      at[l] = lattice.index(t, u);
      const double occupied = lattice.occupied(at[l]);
      slope[l] = occupied >= least_occupied<T> ? static_cast<T>(by * occupied) : T(0);
      any |= slope[l] != T(0);
      if (++u > labels) {
        u = 0;
        ++t;
      }
    }
    if (softmax && any) {
      frames.map(first, here, frame + first, slope);
    } else {
      frames.fill(first, here, T(0));
    }
    for (int l = 0; l < here; ++l) {
      if (slope[l] == T(0)) continue;
      frames.put(l, blank, 1, lattice.blank.mantissa + at[l]);
      if (next[l] < labels) frames.put(l, label + next[l], 1, lattice.label.mantissa + at[l]);
    }
    frames.hand_out(here);
  }

  const abi::Call* call;
  std::int64_t utterance;
  bool softmax;
  const std::int64_t* label;
  Lattice lattice;
  Frame<T>* frame;
};

template <class Loss>
constexpr abi::Kernel transducer_kernel() {
  return utterance_kernel<Loss, abi::lattices, LatticeSolver>();
}

FUSEDLOSS_END
