#include "../fusedloss/losses/gaussian.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = pointwise_kernels(Gaussian{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(gaussian, fusedloss::kernels)
