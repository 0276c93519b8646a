#include "../fusedloss/losses/sequence.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = sequence_kernels(SequenceLosses{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(sequence, fusedloss::kernels)
