// A loss whose evaluation comes in two halves, for drivers that run them in loops of their own: see
// kinds/pointwise.hpp.
#pragma once

#include "config.hpp"
#include "jet.hpp"

FUSEDLOSS_BEGIN

/// Both halves for one item.
template <class Loss, class T, int Inputs, class Options>
FUSEDLOSS_INLINE Jet<T, Loss::variables> both_halves(const T (&input)[Inputs], const Options& options) {
  typename Loss::template Middle<T, 1> middle;
  Loss::begin(input, options, middle, 0);
  return Loss::finish(input, options, middle, 0);
}

FUSEDLOSS_END
