#include "../fusedloss/losses/robust.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = pointwise_kernels(Robust{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(robust, fusedloss::kernels)
