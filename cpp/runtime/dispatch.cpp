#include "dispatch.hpp"

// A line a kernel file. Each exports one table for each instruction set.
#define FUSEDLOSS_FAMILIES(family)                                                                                  \
  family(weights) family(regression) family(relative) family(likelihood) family(gaussian) family(robust)            \
      family(binary) family(margin) family(gan) family(softmax) family(mixture) family(probability) family(ranking) \
          family(multiclass) family(divergence) family(penalty) family(sequence) family(overlap) family(lovasz)     \
              family(boxes) family(measures) family(features) family(norms)

#define FUSEDLOSS_DECLARE_baseline(name) extern "C" const fusedloss::abi::Table fusedloss_##name##_baseline;
#define FUSEDLOSS_DECLARE_v3(name) extern "C" const fusedloss::abi::Table fusedloss_##name##_v3;
#define FUSEDLOSS_DECLARE_v4(name) extern "C" const fusedloss::abi::Table fusedloss_##name##_v4;
#define FUSEDLOSS_ROW_baseline(name) &fusedloss_##name##_baseline,
#define FUSEDLOSS_ROW_v3(name) &fusedloss_##name##_v3,
#define FUSEDLOSS_ROW_v4(name) &fusedloss_##name##_v4,

FUSEDLOSS_FAMILIES(FUSEDLOSS_DECLARE_baseline)
#if defined(FUSEDLOSS_X86_LEVELS)
FUSEDLOSS_FAMILIES(FUSEDLOSS_DECLARE_v3)
FUSEDLOSS_FAMILIES(FUSEDLOSS_DECLARE_v4)
#endif

namespace fusedloss::runtime {

namespace {

template <int Count>
std::vector<const abi::Kernel*> flatten(const abi::Table* const (&tables)[Count]) {
  std::vector<const abi::Kernel*> all;
  for (const abi::Table* table : tables) {
    for (int i = 0; i < table->count; ++i) all.push_back(&table->kernels[i]);
  }
  return all;
}

}  // namespace

const std::vector<const abi::Kernel*>& kernels(Isa isa) {
  static const std::vector<const abi::Kernel*> baseline = [] {
    static const abi::Table* const tables[] = {FUSEDLOSS_FAMILIES(FUSEDLOSS_ROW_baseline)};
    return flatten(tables);
  }();
#if defined(FUSEDLOSS_X86_LEVELS)
  static const std::vector<const abi::Kernel*> v3 = [] {
    static const abi::Table* const tables[] = {FUSEDLOSS_FAMILIES(FUSEDLOSS_ROW_v3)};
    return flatten(tables);
  }();
  static const std::vector<const abi::Kernel*> v4 = [] {
    static const abi::Table* const tables[] = {FUSEDLOSS_FAMILIES(FUSEDLOSS_ROW_v4)};
    return flatten(tables);
  }();
  if (isa == Isa::v3) return v3;
  if (isa == Isa::v4) return v4;
#endif
  static const std::vector<const abi::Kernel*> none;
  return isa == Isa::baseline ? baseline : none;
}

const abi::Kernel* find_kernel(std::string_view name, Isa isa) {
  for (const abi::Kernel* kernel : kernels(isa)) {
    if (name == kernel->name) return kernel;
  }
  return nullptr;
}

}  // namespace fusedloss::runtime
