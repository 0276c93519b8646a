#include "../fusedloss/losses/binary.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = pointwise_kernels(Binary{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(binary, fusedloss::kernels)
