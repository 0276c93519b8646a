#include "../fusedloss/losses/sequence.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr Kernels<1> kernels{{sequence_kernel<CTC>()}};
FUSEDLOSS_END

FUSEDLOSS_EXPORT(sequence, fusedloss::kernels)
