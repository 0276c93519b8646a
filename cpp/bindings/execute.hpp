// Runs a call: tasks over threads, sums in task order, Ctrl-C.
#pragma once

#include <cstdint>

#include "fusedloss/core/call.hpp"

namespace fusedloss::bindings {

struct Outcome {
  double sum;
  std::int64_t invalid;  ///< the first item outside the domain, in the order of the call's items, or -1
};

/// The estimated cost of a call in nanoseconds.
double work_of(const abi::Kernel& kernel, int precision, const abi::Call& call);

using Task = void (*)(const void* context, std::int64_t index, int worker, char* scratch, abi::Partial&);

/// Runs tasks, at least one, which take about `work` nanoseconds together, over a team that `runtime::team_size` gave.
/// Called with the GIL, which it gives up for long calls. Raises KeyboardInterrupt, MemoryError.
Outcome run_tasks(std::int64_t tasks, double work, int team, std::int64_t scratch_bytes, Task task,
                  const void* context);

/// Called with the GIL, which it gives up for long calls. Raises KeyboardInterrupt, MemoryError.
Outcome execute(const abi::Kernel& kernel, int precision, abi::Outputs outputs, const abi::Call& call);

}  // namespace fusedloss::bindings
