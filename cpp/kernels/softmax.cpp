#include "../fusedloss/losses/softmax.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = softmax_kernels(SoftmaxLosses{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(softmax, fusedloss::kernels)
