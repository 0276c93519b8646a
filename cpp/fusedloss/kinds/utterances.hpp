// What all losses over utterances share: an item is a stretch of frames of classes, with labels that belong to it in
// their order but to no frame by themselves, and its value is -log of a sum over all alignments of the two.
//
// A loss is a struct with
//   name, nanoseconds (of a class of a frame)
//   template <class T> struct Options: from_logits, zero_infinity, length_normalized, each 1 or 0
//
// Design:
// 1. An utterance is a task, solved by one thread in a workspace that grows with its frames times its labels. Tasks
//    take the longest first, so that none of them is left for the end.
// 2. What alignments are is a Solver's business. Frames are read as in frames.hpp: once for their softmax and the
//    probabilities of what may be given there, and once more for the gradient: softmax less posterior.
// 3. What no alignment reaches has the value infinity and the gradient 0. An utterance with NaN is NaN throughout;
//    frames behind its end are not read.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "frames.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

FUSEDLOSS_SHARED std::int64_t utterance_tasks(const abi::Call* call) { return call->items.size; }

/// Whether sums of all frames are kept.
FUSEDLOSS_SHARED bool keeps_frames(const abi::Call* call) { return call->grad[0].layout != abi::absent; }

FUSEDLOSS_SHARED std::int64_t labels_of(const abi::Call* call, std::int64_t utterance) {
  const std::int64_t* const starts = call->sequences->starts;
  return starts[utterance + 1] - starts[utterance];
}

FUSEDLOSS_INLINE char* element(const abi::Array& array, std::int64_t utterance, std::int64_t i) {
  return static_cast<char*>(array.data) + utterance * array.strides[0] + i * array.class_stride;
}

/// The first address of a group from `at` on.
template <class T>
FUSEDLOSS_INLINE double* next_group(T* at) {
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(at);
  return reinterpret_cast<double*>((address + group_bytes - 1) / group_bytes * group_bytes);
}

/// `Solver::bytes` of the utterance that takes most of them, behind what Frames takes.
template <class T, template <class, bool> class Solver>
FUSEDLOSS_SHARED std::int64_t utterance_scratch_bytes(const abi::Call* call) {
  std::int64_t most = 0;
  for (std::int64_t n = 0; n < call->items.size; ++n) {
    const std::int64_t bytes = Solver<T, true>::bytes(call, n);
    most = most < bytes ? bytes : most;
  }
  return most + 2 * frame_elements<T>(call) * static_cast<std::int64_t>(sizeof(T)) + 2 * group_bytes;
}

/// A Solver is made of call, utterance, softmax or not, and scratch; it has `frames`, `labels`, and
///   bool forward()       sums over beginnings; false: NaN among the probabilities
///   Wide total()         the sum over all alignments, behind forward
///   void backward(by)    by x the gradient, if `by` is not 0, and by-products; there are alignments
template <class Loss, class T, abi::Outputs Set, template <class, bool> class Solver>
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
    Solver<T, wants_grad> solver(call, n, options.from_logits != T(0), scratch);
    double item = 0;
    if (weight != 0) {
      item = weight * solve(solver, call, options, slope);
    } else if constexpr (wants_grad) {
      solver.frames.clear(true);
    }
    partial->sum = item;
    partial->residue = 0;
    if (call->value.layout != abi::absent) unstage(&item, call->value, call->items, n, 1);
  }

 private:
  /// The value of the utterance; writes its gradient and what else is asked for.
  static FUSEDLOSS_INLINE double solve(Solver<T, wants_grad>& solver, const abi::Call* call, const Options& options,
                                       double slope) {
    const double normaliser =
        options.length_normalized != T(0) && solver.labels > 0 ? static_cast<double>(solver.labels) : 1;
    const bool sound = solver.forward();
    const Wide total = solver.total();
    const bool possible = total.exponent > -infinity<double>;
    if constexpr (wants_grad) {
      if (!sound) {
        solver.frames.spread(slope == 0.0 ? T(0) : not_a_number<T>);
        solver.frames.clear(false);
      } else {
        const double by = possible ? slope / normaliser : 0.0;
        solver.frames.clear(by == 0.0);
        if (possible && (by != 0.0 || call->sequences->position.layout != abi::absent)) solver.backward(by);
      }
    }
    if (!sound) return not_a_number<double>;
    if (!possible) return options.zero_infinity != T(0) ? 0.0 : infinity<double>;
    const double value = (0.0 - log(total)) / normaliser;
    return options.from_logits != T(0) ? maximum(value, 0.0) : value;  // rounding may give a probability above 1
  }
};

template <class Loss, abi::Kind What, template <class, bool> class Solver>
constexpr abi::Kernel utterance_kernel() {
  using F = typename Loss::template Options<float>;
  return {Loss::name,
          What,
          2,
          1,
          static_cast<int>(sizeof(F) / sizeof(float)),
          Loss::nanoseconds,
          {utterance_tasks, utterance_tasks},
          {utterance_scratch_bytes<float, Solver>, utterance_scratch_bytes<double, Solver>},
          {{UtteranceTask<Loss, float, abi::value_only, Solver>::run,
            UtteranceTask<Loss, float, abi::value_grad, Solver>::run},
           {UtteranceTask<Loss, double, abi::value_only, Solver>::run,
            UtteranceTask<Loss, double, abi::value_grad, Solver>::run}}};
}

FUSEDLOSS_END
