#include "../fusedloss/losses/multiclass.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = row_kernels(MulticlassLosses{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(multiclass, fusedloss::kernels)
