// Norms of gradients.
#include "../fusedloss/kinds/norms.hpp"

#include "../fusedloss/core/bits.hpp"
#include "table.hpp"

FUSEDLOSS_BEGIN

/// The norm of order 1.
struct Sizes {
  static constexpr const char* name = "sum_of_sizes";
  static FUSEDLOSS_INLINE double of(double x) { return absolute(x); }
};

/// The square of the norm of order 2.
struct Squares {
  static constexpr const char* name = "sum_of_squares";
  static FUSEDLOSS_INLINE double of(double x) { return x * x; }
};

constexpr Kernels<2> kernels{{norm_kernel<Sizes>(), norm_kernel<Squares>()}};

FUSEDLOSS_END

FUSEDLOSS_EXPORT(norms, fusedloss::kernels)
