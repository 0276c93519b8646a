#include "../fusedloss/losses/penalty.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = pointwise_kernels(Penalties{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(penalty, fusedloss::kernels)
