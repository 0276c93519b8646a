// Losses of sequences of frames and of the labels that occur in them.
#pragma once

#include "../kinds/sequences.hpp"
#include "../kinds/transducers.hpp"

FUSEDLOSS_BEGIN

/// -log of the probability of all alignments of the labels with the frames.
struct CTC {
  static constexpr const char* name = "ctc";
  static constexpr double nanoseconds = 0.8;
  template <class T>
  struct Options {
    T from_logits, zero_infinity, length_normalized;
  };
};

/// -log of the probability of all paths through the lattice of frames and labels.
struct RNNT {
  static constexpr const char* name = "rnnt";
  static constexpr double nanoseconds = 1.1;
  template <class T>
  struct Options {
    T from_logits, zero_infinity, length_normalized;
  };
};

FUSEDLOSS_END
