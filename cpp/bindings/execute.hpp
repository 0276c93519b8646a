// Runs a call: tasks over threads, sums in task order, Ctrl-C.
#pragma once

#include <cstdint>

#include "fusedloss/core/call.hpp"

namespace fusedloss::bindings {

struct Outcome {
  double sum;
  std::int64_t invalid;  ///< the first item outside the domain, in the order of the call's items, or -1
};

/// Called with the GIL, which it gives up for long calls. Raises KeyboardInterrupt, MemoryError.
Outcome execute(const abi::Kernel& kernel, int precision, abi::Outputs outputs, const abi::Call& call);

}  // namespace fusedloss::bindings
