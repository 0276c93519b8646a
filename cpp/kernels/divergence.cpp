#include "../fusedloss/losses/divergence.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = divergence_kernels(DivergenceLosses{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(divergence, fusedloss::kernels)
