#include "../fusedloss/losses/likelihood.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = pointwise_kernels(Likelihood{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(likelihood, fusedloss::kernels)
