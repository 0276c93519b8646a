// Norms of arrays: sums over all numbers of one, in double whatever its type, so that squares neither overflow nor
// vanish and lose no digit of a number of single precision.
//
// What is added up is a struct with
//   name
//   static double of(double x)
//
// Design: numbers are read where they lie if they lie side by side, else staged, a block at a time. Blocks are summed
// as everywhere (lanes.hpp), so a norm does not depend on the number of threads.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

/// Blocks of a task: 128 KB.
constexpr int norm_blocks = 32;

template <class T>
FUSEDLOSS_SHARED std::int64_t norm_tasks(const abi::Call* call) {
  constexpr std::int64_t task = static_cast<std::int64_t>(norm_blocks) * block_size<T>;
  return (call->items.size + task - 1) / task;
}

FUSEDLOSS_SHARED std::int64_t norm_scratch(const abi::Call*) { return 0; }

/// `T`: what numbers are read as.
template <class Term, class T>
struct Norm {
  static constexpr int width = lanes<T>, block = block_size<T>;

  static void run(const abi::Call* call, std::int64_t task, void*, abi::Partial* partial) {
    const abi::Array& array = call->inputs[0];
    const std::int64_t first = task * norm_blocks * block;
    const std::int64_t last = first + norm_blocks * block;
    Total total;
    for (std::int64_t start = first; start < last && start < call->items.size; start += block) {
      const std::int64_t left = call->items.size - start;
      total.add(add_up(array, call->items, start, left < block ? static_cast<int>(left) : block));
    }
    partial->sum = total.sum;
    partial->residue = total.residue;
  }

 private:
  static FUSEDLOSS_SHARED double add_up(const abi::Array& array, const abi::Items& items, std::int64_t start,
                                        int count) {
    alignas(64) T staged[block];
    const T* at = static_cast<const T*>(array.data) + start;
    if (!in_place<T>(array) || count % width != 0) {
      stage(array, items, start, count, staged);
      for (; count % width != 0; ++count) staged[count] = T(0);
      at = staged;
    }
    alignas(64) double sum[width] = {};
    for (int group = 0; group < count; group += width) {
      FUSEDLOSS_LANES(lanes<T>)
      for (int l = 0; l < width; ++l) sum[l] += Term::of(static_cast<double>(at[group + l]));
    }
    return fold(sum);
  }
};

template <class Term>
constexpr abi::Kernel norm_kernel() {
  abi::Kernel kernel{
      Term::name, abi::elements, 1, 0, 0, 0.08, {norm_tasks<float>, norm_tasks<double>}, {norm_scratch, norm_scratch},
      {}};
  kernel.run[0][abi::value_only] = Norm<Term, float>::run;
  kernel.run[1][abi::value_only] = Norm<Term, double>::run;
  return kernel;
}

FUSEDLOSS_END
