#include "../fusedloss/losses/measures.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
template <class... All>
constexpr Kernels<sizeof...(All)> measure_kernels(List<All...>) {
  return {{measure_kernel<All>()...}};
}
constexpr auto kernels = measure_kernels(Measures{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(measures, fusedloss::kernels)
