#include "../fusedloss/losses/features.hpp"

#include "table.hpp"

FUSEDLOSS_BEGIN
template <class... V, class... W, class... F>
constexpr Kernels<sizeof...(V) + sizeof...(W) + sizeof...(F)> image_kernels(List<V...>, List<W...>, List<F...>) {
  return {{neighbour_kernel<V>()..., window_kernel<W>()..., feature_kernel<F>()...}};
}
constexpr auto kernels = image_kernels(Variations{}, WindowLosses{}, Features{});
FUSEDLOSS_END

FUSEDLOSS_EXPORT(features, fusedloss::kernels)
