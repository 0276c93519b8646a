#include "../fusedloss/losses/lovasz.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
template <class... Losses>
constexpr Kernels<sizeof...(Losses)> sorted_kernels(List<Losses...>) {
  return {{sorted_kernel<Losses>()...}};
}
constexpr auto kernels = sorted_kernels(Lovasz{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(lovasz, fusedloss::kernels)
