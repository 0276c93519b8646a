#include "../fusedloss/losses/softmax.hpp"
#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = class_sum_kernels(ProbabilityLosses{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(probability, fusedloss::kernels)
