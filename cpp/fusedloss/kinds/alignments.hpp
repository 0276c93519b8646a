// Alignments of labels with frames, as connectionist temporal classification counts them (Graves, Fernandez, Gomez and
// Schmidhuber 2006): every frame has a label or the blank; runs of one class are one label, then blanks go.
//
// Design:
// 1. States are kept apart as labels s = 0 ... S-1 and blanks s = 0 ... S before them, so that every transition is from
//    the same place or the one before it, in either array: a frame is a loop over groups of lanes without branches, and
//    whether two labels differ (else there must be a blank between them) is a constant mask.
// 2. Sums over alignments are numbers with exponents of their own (Wide): a state that is 2^-1000000 of its neighbour
//    may be the only one from which the end is reached. That costs a maximum and shifts a state, and no logarithm.
//    Mantissas are normalised every few frames, by a loop of its own.
// 3. Groups of states that no beginning reaches yet, or from which no end is reached any more, are left out. What is
//    in their place is of no consequence: no state that counts comes from there.
// 4. Sums of beginnings are kept for all frames, those of ends for one: the posterior of a frame is their product.
// 5. What happens to a state is a function of its own: g++ keeps structs that a loop over lanes declares in memory.
#pragma once

#include "../core/lanes.hpp"
#include "../core/wide.hpp"
#include "frames.hpp"

FUSEDLOSS_BEGIN

/// A number for each state of a frame.
struct States {
  WideArray label, blank;

  FUSEDLOSS_INLINE States operator+(std::int64_t i) const { return {label + i, blank + i}; }
};

/// Lanes of an array over labels: at least one behind the last label is of no state.
FUSEDLOSS_SHARED std::int64_t padded_labels(std::int64_t labels) {
  constexpr int width = lanes<double>;
  return (labels + width) / width * width;
}

/// The labels of one utterance with its workspace.
struct Alignments {
  static constexpr int width = lanes<double>;
  std::int64_t frames, labels, padded;
  const std::int64_t* label;
  std::int64_t kept_frames;  ///< 1, or all of them for the way back
  double* probability;       ///< of each label at a frame
  double* posterior;         ///< that a frame has the label s, not one equal to it
  double* blank_posterior;
  double* raw;                 ///< what probabilities of a frame are made of; on the way back, slopes
  double* mass;                ///< posteriors of equal labels together
  std::uint64_t* may_follow;   ///< all ones where a label differs from the one before it
  std::int64_t* first_equal;   ///< the first of the labels that are equal to it
  std::int64_t* repeated;      ///< the labels that are equal to an earlier one
  std::int64_t repeats;        ///< how many
  WideArray emission;          ///< probabilities of labels, frame by frame
  WideArray blank;             ///< those of the blank
  States beginning;            ///< sums over beginnings, behind each frame; one row before the first
  States end, next_end;        ///< sums over ends, with the frame's own probability
  std::int64_t* equal_labels;  ///< a place for each class

  static constexpr int label_rows = 8;
  static constexpr int frames_to_normalise = 16;

  /// Doubles of the workspace.
  static FUSEDLOSS_SHARED std::int64_t doubles(std::int64_t frames, std::int64_t labels, std::int64_t classes,
                                               bool whole) {
    const std::int64_t padded = padded_labels(labels), kept = whole ? frames : 1;
    return (label_rows + 8) * (padded + width) + kept * (2 * padded + 2) + 4 * ((kept + 1) * padded + width) + classes +
           2 * width;
  }

  FUSEDLOSS_SHARED void lay_out(double* room, std::int64_t of_frames, const std::int64_t* of_label,
                                std::int64_t of_labels, std::int64_t classes, bool whole) {
    frames = of_frames;
    labels = of_labels;
    label = of_label;
    padded = padded_labels(labels);
    kept_frames = whole ? frames : 1;
    const auto take = [&](std::int64_t count) {
      double* const at = room;
      room += count;
      return at;
    };
    const auto take_wide = [&](std::int64_t count) {
      double* const mantissa = take(count);
      return WideArray{mantissa, take(count)};
    };
    double** const rows[] = {&probability, &posterior, &blank_posterior, &raw, &mass};
    for (double** row : rows) *row = take(padded + width);
    may_follow = reinterpret_cast<std::uint64_t*>(take(padded + width));
    first_equal = reinterpret_cast<std::int64_t*>(take(padded + width));
    repeated = reinterpret_cast<std::int64_t*>(take(padded + width));
    end = {take_wide(padded + width), take_wide(padded + width)};
    next_end = {take_wide(padded + width), take_wide(padded + width)};
    emission = take_wide(kept_frames * padded);
    // A whole group before the first row: what is left of label 0 is of no state.
    const auto take_rows = [&] { return take_wide((kept_frames + 1) * padded + width) + width; };
    beginning.label = take_rows();
    beginning.blank = take_rows();
    blank = take_wide(kept_frames);  // behind what is to lie by whole groups
    equal_labels = reinterpret_cast<std::int64_t*>(take(classes));

    for (std::int64_t s = 0; s < labels; ++s) equal_labels[label[s]] = -1;
    repeats = 0;
    for (std::int64_t s = 0; s < labels; ++s) {
      if (equal_labels[label[s]] < 0) {
        equal_labels[label[s]] = s;
      } else {
        repeated[repeats++] = s;
      }
      first_equal[s] = equal_labels[label[s]];
    }
    for (std::int64_t s = 0; s < padded + width; ++s) {
      may_follow[s] = mask_of<double>(s > 0 && s < labels && label[s] != label[s - 1]);
      raw[s] = -infinity<double>;
      mass[s] = 0;
    }
  }

  /// Where the numbers of a frame are.
  FUSEDLOSS_INLINE std::int64_t row(std::int64_t frame) const { return kept_frames == frames ? frame : 0; }
  FUSEDLOSS_INLINE WideArray emissions(std::int64_t frame) const { return emission + row(frame) * padded; }
  /// Sums before a frame; those behind it are before the next one. Two rows take turns unless all are kept.
  FUSEDLOSS_INLINE States before(std::int64_t frame) const {
    return beginning + (kept_frames == frames ? frame : frame % 2) * padded;
  }

  /// The states of a frame that an alignment may go through, in whole groups: each frame brings one label at most.
  struct Band {
    std::int64_t first, last;
  };
  FUSEDLOSS_INLINE Band band(std::int64_t frame) const {
    const std::int64_t least = labels - frames + frame, most = frame + 1;
    return {least < 0 ? 0 : least / width * width, most < padded ? (most + width - 1) / width * width : padded};
  }

  /// Before the first frame only the first blank is there.
  FUSEDLOSS_SHARED void start() {
    for (std::int64_t s = -1; s < padded; ++s) {
      beginning.label.set(s, wide_zero);
      beginning.blank.set(s, wide_zero);
    }
    beginning.blank.set(0, {1, 0});
  }

  /// Probabilities of labels and blank at a frame, share x e^(raw - shift); the blank's is behind the labels'. False:
  /// one of them is no number.
  FUSEDLOSS_SHARED bool emit(std::int64_t frame, double shift, double share) {
    const WideArray to = emissions(frame);
    const double* from = raw;
    const Wide factor = normalised({share, 0});
    alignas(64) std::uint64_t wrong[width] = {};
    for (std::int64_t i = 0; i < padded; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) wrong[l] |= emit_state(to, from, i + l, shift, factor);
    }
    blank.set(row(frame), to[labels]);
    to.set(labels, wide_zero);
    std::uint64_t any = 0;
    for (int l = 0; l < width; ++l) any |= wrong[l];
    return any == 0 && share == share;
  }

  /// From the sums before a frame to those behind it.
  FUSEDLOSS_SHARED void advance(std::int64_t frame) {
    const States from = before(frame), to = before(frame + 1);
    const WideArray p = emissions(frame);
    const Wide none = blank[row(frame)];
    const std::uint64_t* follows = may_follow;
    const Band states = band(frame);
    for (std::int64_t i = states.first; i < states.last; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) advance_state(from, to, p, none, follows, i + l);
    }
    if (states.last < padded) {
      for (std::int64_t s = states.last; s < states.last + width; ++s) {  // the next frame may come from there
        to.label.set(s, wide_zero);
        to.blank.set(s, wide_zero);
      }
      to.label.set(padded - 1, wide_zero);  // and its row, behind this one, takes that for what is left of label 0
    }
    if (frame % frames_to_normalise == 0) normalise(to, states);
  }

  /// The sum over all alignments.
  FUSEDLOSS_INLINE Wide total() const {
    const States last = before(frames);
    return normalised(last.blank[labels] + last.label[labels - 1]);
  }

  /// A blank behind the last frame can be reached from the last label and from the last blank alone.
  FUSEDLOSS_SHARED void start_back() {
    for (std::int64_t s = 0; s < padded + width; ++s) {
      end.label.set(s, wide_zero);
      end.blank.set(s, wide_zero);
      next_end.label.set(s, wide_zero);
      next_end.blank.set(s, wide_zero);
    }
    end.blank.set(labels, {1, 0});
  }

  /// From the ends behind a frame to those from it on, with the posteriors of its states and probabilities of labels.
  /// Gives the posterior of the blank.
  FUSEDLOSS_SHARED double retreat(std::int64_t frame, Wide all) {
    const States from = end, to = next_end, reached = before(frame + 1);
    const WideArray p = emissions(frame);
    const Wide none = blank[row(frame)];
    const std::uint64_t* follows = may_follow;
    const double per_all = 1.0 / all.mantissa;
    const Shares shares{posterior, blank_posterior, probability};
    alignas(64) double blanks[width] = {};
    const Band states = band(frame);
    for (std::int64_t i = states.first; i < states.last; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        retreat_state(from, to, reached, p, none, all, per_all, follows, shares, i + l);
        blanks[l] += shares.blank[i + l];
      }
    }
    if (frame % frames_to_normalise == 0) normalise(to, states);
    end = to;
    next_end = from;
    return fold(blanks);
  }

  /// For each label of a frame's band factor x (p - posterior) of its class, p being 0 without a softmax; classes of
  /// other labels keep their p.
  FUSEDLOSS_SHARED const double* slopes(Band states, double factor, bool softmax) {
    const std::uint64_t whole = mask_of<double>(softmax);
    const double *p = probability, *own = posterior;
    double *together = mass, *slope = raw;
    for (std::int64_t s = 0; s < states.first; ++s) together[s] = 0;  // where a label that counts may occur first
    for (std::int64_t i = states.first; i < states.last; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) together[i + l] = own[i + l];
    }
    for (std::int64_t r = 0; r < repeats; ++r) {
      const std::int64_t s = repeated[r];
      if (s >= states.first && s < states.last) together[first_equal[s]] += own[s];
    }
    for (std::int64_t i = states.first; i < states.last; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) slope[i + l] = slope_of(p[i + l], together[i + l], factor, whole);
    }
    for (std::int64_t r = 0; r < repeats; ++r) {
      const std::int64_t s = repeated[r];
      slope[s] = slope_of(p[s], together[first_equal[s]], factor, whole);
    }
    return slope;
  }

  /// The entropy of the posterior of the states of the frame that `retreat` was at.
  FUSEDLOSS_SHARED double entropy(Band states) const {
    const double *of_labels = posterior, *of_blanks = blank_posterior;
    alignas(64) double sum[width] = {};
    for (std::int64_t i = states.first; i < states.last; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) sum[l] += surprise(of_labels[i + l]) + surprise(of_blanks[i + l]);
    }
    return maximum(fold(sum), 0.0);
  }

  /// The most probable alignment: for each frame which label it has, or -1 for the blank. Overwrites the sums over
  /// beginnings: their place takes logarithms of the best one.
  FUSEDLOSS_SHARED void best(std::int64_t* position) {
    double* const of_labels = beginning.label.mantissa;
    double* const of_blanks = beginning.blank.mantissa;
    for (std::int64_t s = -1; s < padded; ++s) of_labels[s] = of_blanks[s] = -infinity<double>;
    of_blanks[0] = 0;
    const std::uint64_t* follows = may_follow;
    for (std::int64_t t = 0; t < frames; ++t) {
      const double *label_from = of_labels + t * padded, *blank_from = of_blanks + t * padded;
      double *label_to = of_labels + (t + 1) * padded, *blank_to = of_blanks + (t + 1) * padded;
      const WideArray p = emissions(t);
      const double none = fusedloss::log(blank[row(t)]);
      for (std::int64_t i = 0; i < padded; i += width) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const std::int64_t s = i + l;
          const double last = label_from[s - 1], gap = blank_from[s];
          const double passing = blend(follows[s], last, -infinity<double>);
          label_to[s] = fusedloss::log(p[s]) + maximum(maximum(label_from[s], gap), passing);
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
  static FUSEDLOSS_INLINE double slope_of(double p, double mass, double factor, std::uint64_t whole) {
    return factor * (masked(p, whole) - mass);
  }

  /// What is known of the states of one frame, as plain numbers.
  struct Shares {
    double *label, *blank, *probability;
  };

  FUSEDLOSS_SHARED void normalise(States states, Band within) const {
    for (std::int64_t i = within.first; i < within.last; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) normalise_state(states, i + l);
    }
  }

  static FUSEDLOSS_INLINE void normalise_state(States states, std::int64_t s) {
    states.label.set(s, normalised(states.label[s]));
    states.blank.set(s, normalised(states.blank[s]));
  }

  static FUSEDLOSS_INLINE std::uint64_t emit_state(WideArray to, const double* from, std::int64_t s, double shift,
                                                   Wide share) {
    const Wide p = class_probability(from[s], shift, share);
    to.set(s, p);
    return mask_of<double>(!(p.exponent < infinity<double>));
  }

  static FUSEDLOSS_INLINE Wide if_allowed(Wide a, std::uint64_t allowed) {
    return {a.mantissa, blend(allowed, a.exponent, -infinity<double>)};
  }

  static FUSEDLOSS_INLINE void advance_state(States from, States to, WideArray p, Wide none,
                                             const std::uint64_t* follows, std::int64_t s) {
    const Wide last = from.label[s - 1], gap = from.blank[s];
    to.label.set(s, sum(from.label[s], gap, if_allowed(last, follows[s])) * p[s]);
    to.blank.set(s, (gap + last) * none);
  }

  static FUSEDLOSS_INLINE void retreat_state(States from, States to, States reached, WideArray p, Wide none, Wide all,
                                             double per_all, const std::uint64_t* follows, Shares shares,
                                             std::int64_t s) {
    const Wide own = from.label[s];
    const Wide of_label = sum(own, from.blank[s + 1], if_allowed(from.label[s + 1], follows[s + 1]));
    const Wide of_blank = from.blank[s] + own;
    shares.label[s] = share_of(reached.label[s], of_label, all, per_all);
    shares.blank[s] = share_of(reached.blank[s], of_blank, all, per_all);
    shares.probability[s] = narrowed(p[s]);
    to.label.set(s, of_label * p[s]);
    to.blank.set(s, of_blank * none);
  }
};

FUSEDLOSS_END
