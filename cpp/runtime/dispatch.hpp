// Which kernels there are, for each instruction set that was built.
#pragma once

#include <string_view>
#include <vector>

#include "cpu.hpp"
#include "fusedloss/core/call.hpp"

namespace fusedloss::runtime {

/// All kernels of an instruction set, in the order of the families. Empty for a set that was not built.
const std::vector<const abi::Kernel*>& kernels(Isa isa);

/// The kernel of that name, or null.
const abi::Kernel* find_kernel(std::string_view name, Isa isa);

}  // namespace fusedloss::runtime
