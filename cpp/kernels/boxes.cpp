#include "../fusedloss/losses/boxes.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = row_kernels(BoxLosses{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(boxes, fusedloss::kernels)
