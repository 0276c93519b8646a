// Which instruction sets this processor runs, and the one that kernels are taken from.
//
// Whole levels, not single features: a level counts only when the processor has all of it and the operating system
// saves its registers. This file and every other in runtime/ is compiled without instruction set flags, so it runs
// anywhere.
#pragma once

#include <string>

namespace fusedloss::runtime {

/// In order of preference, the best last. `v3` and `v4` are the levels of the x86-64 psABI.
enum class Isa { baseline, v3, v4 };

const char* name(Isa isa);

/// Whether this machine can run kernels compiled for the level.
bool supported(Isa isa);
Isa best_supported();

/// The level in use: the best one unless `select` chose another.
Isa selected();

/// Chooses a level by name for calls to come. False, and nothing changes, if the name is unknown or this machine lacks
/// the level.
bool select(const char* isa);

/// The processor in words, for people: its brand where it tells one, its architecture otherwise.
std::string cpu_description();

}  // namespace fusedloss::runtime
