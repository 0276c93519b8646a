#include "../fusedloss/losses/relative.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = pointwise_kernels(Relative{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(relative, fusedloss::kernels)
