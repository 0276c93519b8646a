#include "../fusedloss/losses/margin.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = pointwise_kernels(MarginLosses{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(margin, fusedloss::kernels)
