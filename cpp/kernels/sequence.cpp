#include "../fusedloss/losses/sequence.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr Kernels<2> kernels{{sequence_kernel<CTC>(), transducer_kernel<RNNT>()}};
FUSEDLOSS_END

FUSEDLOSS_EXPORT(sequence, fusedloss::kernels)
