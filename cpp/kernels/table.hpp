// Makes the dispatch table of a family: the one symbol that a kernel file exports, fusedloss_<family>_<instruction
// set>.
#pragma once

#include "../fusedloss/core/call.hpp"
#include "../fusedloss/core/list.hpp"
#include "../fusedloss/kinds/class_sum.hpp"
#include "../fusedloss/kinds/mixture.hpp"
#include "../fusedloss/kinds/pointwise.hpp"
#include "../fusedloss/kinds/queries.hpp"
#include "../fusedloss/kinds/rows.hpp"
#include "../fusedloss/kinds/softmax.hpp"

FUSEDLOSS_BEGIN

template <int Count>
struct Kernels {
  abi::Kernel row[Count];
};

template <class... Losses>
constexpr Kernels<sizeof...(Losses)> pointwise_kernels(List<Losses...>) {
  return {{pointwise_kernel<Losses>()...}};
}

template <class... Losses>
constexpr Kernels<sizeof...(Losses)> softmax_kernels(List<Losses...>) {
  return {{row_kernel<Softmax<Losses>>()...}};
}

template <class... Solvers>
constexpr Kernels<sizeof...(Solvers)> row_kernels(List<Solvers...>) {
  return {{row_kernel<Solvers>()...}};
}

template <class... Losses>
constexpr Kernels<2 * sizeof...(Losses)> mixture_kernels(List<Losses...>) {
  return {{row_kernel<Mixture<Losses, true>>()..., row_kernel<Mixture<Losses, false>>()...}};
}

template <class... Losses>
constexpr Kernels<sizeof...(Losses)> class_sum_kernels(List<Losses...>) {
  return {{row_kernel<ClassSum<Losses>>()...}};
}

template <class... Losses>
constexpr Kernels<sizeof...(Losses)> query_kernels(List<Losses...>) {
  return {{query_kernel<Losses>()...}};
}

FUSEDLOSS_END

#define FUSEDLOSS_PASTE(family, isa) fusedloss_##family##_##isa
#define FUSEDLOSS_SYMBOL(family, isa) FUSEDLOSS_PASTE(family, isa)

/// Exports `kernels`, a constexpr Kernels<...>, as the table of `family`.
#define FUSEDLOSS_EXPORT(family, kernels)                                                \
  extern "C" __attribute__((visibility("hidden")))                                       \
  const fusedloss::abi::Table FUSEDLOSS_SYMBOL(family, FUSEDLOSS_ISA);                   \
  extern "C" constexpr fusedloss::abi::Table FUSEDLOSS_SYMBOL(family, FUSEDLOSS_ISA) = { \
      kernels.row, static_cast<int>(sizeof kernels.row / sizeof kernels.row[0])};
