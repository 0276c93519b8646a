#include "../fusedloss/losses/gan.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = pointwise_kernels(Adversarial{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(gan, fusedloss::kernels)
