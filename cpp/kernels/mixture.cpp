#include "../fusedloss/losses/softmax.hpp"
#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = mixture_kernels(MixtureLosses{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(mixture, fusedloss::kernels)
