// Lovasz extensions of the Jaccard loss (Berman et al. 2018): which error of a pixel is sorted.
#pragma once

#include "../core/list.hpp"
#include "../kinds/sorted.hpp"

FUSEDLOSS_BEGIN

/// pred holds a logit, target 0 or 1: what the hinge loss is.
struct LovaszHinge {
  static constexpr const char* name = "lovasz_hinge";
  static constexpr double nanoseconds = 10;
  static constexpr bool binary = true;
  template <class T>
  static FUSEDLOSS_INLINE T error(T z, bool own) {
    return T(1) - (own ? z : -z);
  }
  static FUSEDLOSS_INLINE std::int64_t number(std::int64_t) { return 1; }
};

/// pred holds what a probability is above the target's, 1 or 0, target labels.
struct LovaszSoftmax {
  static constexpr const char* name = "lovasz_softmax";
  static constexpr double nanoseconds = 10;
  static constexpr bool binary = false;
  template <class T>
  static FUSEDLOSS_INLINE T error(T gap, bool) {
    return absolute(gap);
  }
  static FUSEDLOSS_INLINE std::int64_t number(std::int64_t c) { return c; }
};

using Lovasz = List<LovaszHinge, LovaszSoftmax>;

FUSEDLOSS_END
