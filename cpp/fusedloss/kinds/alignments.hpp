// Alignments of labels with frames, as connectionist temporal classification counts them (Graves, Fernandez, Gomez and
// Schmidhuber 2006): every frame has a label or the blank; runs of one class are one label, then blanks go.
//
// Design:
// 1. States are kept apart as labels s = 0 ... S-1 and blanks s = 0 ... S before them, so that every transition is from
//    the same place or the one before it, in either array: a frame is a loop over groups of lanes without branches, and
//    whether two labels differ (else there must be a blank between them) is a constant mask.
// 2. Sums over beginnings are kept for all frames, those over ends for one: the posterior of a frame is their product,
//    which takes the beginnings' place. What becomes of posteriors is here; how sums are taken is not, as there are two
//    ways: block_alignments.hpp is fast and knows where it is exact, wide_alignments.hpp always is.
// 3. What happens to a state is a function of its own: g++ keeps structs that a loop over lanes declares in memory.
#pragma once

#include <cstdint>

#include "../core/lanes.hpp"
#include "../core/wide.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

/// Lanes of an array over labels: at least one behind the last label is of no state.
FUSEDLOSS_SHARED std::int64_t padded_labels(std::int64_t labels) {
  constexpr int width = lanes<double>;
  return (labels + width) / width * width;
}

/// A workspace, of which arrays are taken.
struct Room {
  double* next;

  FUSEDLOSS_INLINE double* take(std::int64_t count) {
    double* const at = next;
    next += count;
    return at;
  }
  template <class T>
  FUSEDLOSS_INLINE void take(T*& array, std::int64_t count) {
    static_assert(sizeof(T) == sizeof(double));
    array = reinterpret_cast<T*>(take(count));
  }
};

/// The labels of one utterance, and what is known of its frames in the end.
struct Alignments {
  static constexpr int width = lanes<double>;
  std::int64_t frames, labels, padded;
  const std::int64_t* label;
  std::int64_t* looked_at;      ///< the labels, then the blank: classes for all lanes
  std::uint64_t* may_follow;    ///< all ones where a label differs from the one before it
  std::int64_t* repeated;       ///< the labels that are equal to an earlier one
  std::int64_t* first_equal;    ///< the first one that each of them is equal to
  std::int64_t repeats;         ///< how many
  std::int64_t* equal_labels;   ///< a place for each class
  double* slope;                ///< of a frame, whatever their precision
  double* taken;                ///< room for what is looked at in a group of frames, whatever its precision
  double* blank_posterior;      ///< of each frame
  double* blank_probability;    ///< of each frame, and of its labels, but for a factor
  const double* probability;    ///< rows of `padded`, one a frame
  double* posterior;            ///< that a frame has the label s, not one equal to it: such rows
  const double* gap_posterior;  ///< that it has the blank before that: such rows

  /// Doubles of the workspace.
  static FUSEDLOSS_SHARED std::int64_t doubles(std::int64_t frames, std::int64_t labels, std::int64_t classes) {
    return (5 + width) * (padded_labels(labels) + width) + 2 * (frames + width) + classes + width;
  }

  FUSEDLOSS_SHARED void lay_out(Room& room, std::int64_t of_frames, const std::int64_t* of_label,
                                std::int64_t of_labels, std::int64_t classes, std::int64_t blank) {
    frames = of_frames;
    labels = of_labels;
    label = of_label;
    padded = padded_labels(labels);
    const std::int64_t whole = padded + width;
    room.take(looked_at, whole);
    room.take(may_follow, whole);
    room.take(repeated, whole);
    room.take(first_equal, whole);
    room.take(slope, whole);
    room.take(taken, width * padded);
    // By whole groups, as all that follows.
    room.take(blank_posterior, (frames + width - 1) / width * width);
    room.take(blank_probability, (frames + width - 1) / width * width);
    room.take(equal_labels, (classes + width - 1) / width * width);

    for (std::int64_t s = 0; s < labels; ++s) equal_labels[label[s]] = -1;
    repeats = 0;
    for (std::int64_t s = 0; s < labels; ++s) {
      std::int64_t& first = equal_labels[label[s]];
      if (first >= 0) {
        repeated[repeats] = s;
        first_equal[repeats++] = first;
      } else {
        first = s;
      }
    }
    for (std::int64_t s = 0; s < whole; ++s) {
      looked_at[s] = s < labels ? label[s] : blank;
      may_follow[s] = mask_of<double>(s > 0 && s < labels && label[s] != label[s - 1]);
    }
  }

  /// Readies a frame for its slopes, once its states are not asked for any more: the first of equal labels has what
  /// they all have.
  FUSEDLOSS_SHARED void join(std::int64_t frame) const {
    double* const own = posterior + frame * padded;
    for (std::int64_t r = 0; r < repeats; ++r) own[first_equal[r]] += own[repeated[r]];
  }

  /// For each label of a frame, and behind them for the blank, factor x (p - posterior) of its class, p being
  /// share x `probability`, or 0 without a softmax. Of equal labels the first one counts.
  template <class T>
  FUSEDLOSS_SHARED void slopes(std::int64_t frame, double factor, double share, bool softmax, T* to) const {
    const double *p = probability + frame * padded, *own = posterior + frame * padded;
    const std::uint64_t whole = mask_of<double>(softmax);
    for (std::int64_t i = 0; i < padded; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        to[i + l] = static_cast<T>(slope_of(p[i + l], own[i + l], factor, share, whole));
      }
    }
    to[labels] = static_cast<T>(slope_of(blank_probability[frame], blank_posterior[frame], factor, share, whole));
  }

  /// The entropy of the posterior of the states of a frame.
  FUSEDLOSS_SHARED double entropy(std::int64_t frame) const {
    const double *of_labels = posterior + frame * padded, *of_blanks = gap_posterior + frame * padded;
    alignas(64) double sum[width] = {};
    for (std::int64_t i = 0; i < padded; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) sum[l] += surprise(of_labels[i + l]) + surprise(of_blanks[i + l]);
    }
    return maximum(fold(sum), 0.0);
  }

  /// The most probable alignment: for each frame which label it has, or -1 for the blank. `of` gives logarithms
  /// of probabilities, but for a term of each frame; `of_labels` and `of_blanks` take those of the best way to each
  /// state: a row before the first frame, with a number before that, and one behind each frame.
  template <class Probabilities>
  FUSEDLOSS_SHARED void best(double* of_labels, double* of_blanks, const Probabilities& of,
                             std::int64_t* position) const {
    for (std::int64_t s = -1; s < padded; ++s) of_labels[s] = of_blanks[s] = -infinity<double>;
    of_blanks[0] = 0;
    const std::uint64_t* follows = may_follow;
    for (std::int64_t t = 0; t < frames; ++t) {
      const double *label_from = of_labels + t * padded, *blank_from = of_blanks + t * padded;
      double *label_to = of_labels + (t + 1) * padded, *blank_to = of_blanks + (t + 1) * padded;
      const double none = of.log_of_blank(t);
      for (std::int64_t i = 0; i < padded; i += width) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const std::int64_t s = i + l;
          const double last = label_from[s - 1], gap = blank_from[s];
          const double passing = blend(follows[s], last, -infinity<double>);
          label_to[s] = of.log_of_label(t, s) + maximum(maximum(label_from[s], gap), passing);
          blank_to[s] = none + maximum(gap, last);
        }
      }
    }
    std::int64_t s = labels;
    bool at_blank = of_blanks[frames * padded + labels] > of_labels[frames * padded + labels - 1];
    if (!at_blank) --s;
    for (std::int64_t t = frames - 1; t >= 0; --t) {
      position[t] = at_blank ? -1 : s;
      const double *label_from = of_labels + t * padded, *blank_from = of_blanks + t * padded;
      const double passing = at_blank || follows[s] != 0 ? label_from[s - 1] : -infinity<double>;
      const double staying = at_blank ? blank_from[s] : label_from[s];
      const double before = at_blank ? -infinity<double> : blank_from[s];
      if (passing > maximum(staying, before)) {
        at_blank = false;
        --s;
      } else if (before > staying) {
        at_blank = true;
      }
    }
  }

 private:
  static FUSEDLOSS_INLINE double slope_of(double p, double mass, double factor, double share, std::uint64_t softmax) {
    return factor * (masked(p * share, softmax) - mass);
  }
};

FUSEDLOSS_END
