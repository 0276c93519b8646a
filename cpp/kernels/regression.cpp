#include "../fusedloss/losses/regression.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = pointwise_kernels(Regression{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(regression, fusedloss::kernels)
