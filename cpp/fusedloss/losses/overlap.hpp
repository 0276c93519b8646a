// Overlap of predicted and true maps: Dice, Jaccard, Tversky and their like are ratios of the sums made here.
#pragma once

#include "../core/list.hpp"
#include "../kinds/overlaps.hpp"
#include "binary.hpp"
#include "softmax.hpp"

FUSEDLOSS_BEGIN

/// What all of them take.
struct OverlapOptions {
  template <class T>
  struct Options {
    T squared;
  };
};

/// pred holds probabilities.
struct OverlapOfProbabilities : OverlapOptions {
  static constexpr const char* name = "overlap";
  static constexpr double nanoseconds = 0.3;
  using Activation = Plain;
};

/// Each class has a logit of its own.
struct OverlapOfSigmoids : OverlapOptions {
  static constexpr const char* name = "overlap_sigmoid";
  static constexpr double nanoseconds = 0.8;
  using Activation = Sigmoid;
  using Rider = BinaryCrossEntropy;
  using FocalRider = BinaryFocal;
};

/// The classes of a pixel exclude one another.
struct OverlapOfSoftmax : OverlapOptions {
  static constexpr const char* name = "overlap_softmax";
  static constexpr double nanoseconds = 0.8;
  using Activation = Together;
  using Rider = Focal;
};

using Overlap = List<OverlapOfProbabilities, OverlapOfSigmoids, OverlapOfSoftmax>;

FUSEDLOSS_END
