#include "../fusedloss/losses/ranking.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
constexpr auto kernels = query_kernels(RankingLosses{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(ranking, fusedloss::kernels)
