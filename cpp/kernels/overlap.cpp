#include "../fusedloss/losses/overlap.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
template <class... Losses>
constexpr Kernels<sizeof...(Losses)> overlap_kernels(List<Losses...>) {
  return {{overlap_kernel<Losses>()...}};
}
constexpr auto kernels = overlap_kernels(Overlap{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(overlap, fusedloss::kernels)
