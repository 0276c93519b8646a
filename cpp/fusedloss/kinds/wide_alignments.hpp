// Sums over alignments of any size.
//
// Design:
// 1. Sums are numbers with exponents of their own (Wide): a state that is 2^-1000000 of its neighbour may be the only
//    one from which the end is reached. That costs a maximum and shifts a state, and no logarithm. Mantissas are
//    normalised every few frames, by a loop of its own.
// 2. Groups of states that no beginning reaches yet, or from which no end is reached any more, are left out. What sums
//    are in their place is of no consequence, as no state that counts comes from there; their posteriors are 0.
#pragma once

#include "alignments.hpp"
#include "frames.hpp"

FUSEDLOSS_BEGIN

/// A number for each state of a frame.
struct States {
  WideArray label, blank;

  FUSEDLOSS_INLINE States operator+(std::int64_t i) const { return {label + i, blank + i}; }
};

struct WideAlignments {
  static constexpr bool takes_exponentials = false;
  static constexpr int width = Alignments::width;
  Alignments* of;
  std::int64_t frames, labels, padded;
  bool keeps_all;        ///< frames, for the way back
  WideArray emission;    ///< probabilities of labels, frame by frame
  WideArray blank;       ///< those of the blank
  States beginning;      ///< sums over beginnings, behind each frame; one row before the first
  States end, next_end;  ///< sums over ends, with the frame's own probability

  static constexpr int frames_to_normalise = 16;
  static constexpr int added_frames = lanes<float>;  ///< at most at a time

  /// Of probabilities, and of sums over beginnings: two take turns unless all are kept.
  static constexpr std::int64_t emission_rows(std::int64_t frames, bool all) { return all ? frames : added_frames; }
  static constexpr std::int64_t sum_rows(std::int64_t frames, bool all) { return all ? frames + 1 : 2; }

  /// Doubles of the workspace.
  static FUSEDLOSS_SHARED std::int64_t doubles(std::int64_t frames, std::int64_t labels, bool whole) {
    const std::int64_t padded = padded_labels(labels);
    return 8 * (padded + width) + emission_rows(frames, whole) * (2 * padded + 2) +
           4 * (sum_rows(frames, whole) * padded + width);
  }

  FUSEDLOSS_SHARED void lay_out(Alignments& alignments, Room room, bool whole) {
    of = &alignments;
    frames = of->frames;
    labels = of->labels;
    padded = of->padded;
    keeps_all = whole;
    const auto take = [&](std::int64_t count) {
      double* const mantissa = room.take(count);
      return WideArray{mantissa, room.take(count)};
    };
    end = {take(padded + width), take(padded + width)};
    next_end = {take(padded + width), take(padded + width)};
    emission = take(emission_rows(frames, whole) * padded);
    // A whole group before the first row: what is left of label 0 is of no state.
    const auto take_rows = [&] { return take(sum_rows(frames, whole) * padded + width) + width; };
    beginning.label = take_rows();
    beginning.blank = take_rows();
    blank = take(emission_rows(frames, whole));  // behind what is to lie by whole groups
    // What is no longer needed makes room for what is made of it.
    of->probability = beginning.label.exponent + padded;
    of->posterior = beginning.label.mantissa + padded;
    of->gap_posterior = beginning.blank.mantissa + padded;
  }

  /// Where the numbers of a frame are.
  FUSEDLOSS_INLINE std::int64_t row(std::int64_t frame) const { return keeps_all ? frame : frame % added_frames; }
  FUSEDLOSS_INLINE WideArray emissions(std::int64_t frame) const { return emission + row(frame) * padded; }
  /// Sums before a frame; those behind it are before the next one.
  FUSEDLOSS_INLINE States before(std::int64_t frame) const {
    return beginning + (keeps_all ? frame : frame % 2) * padded;
  }

  /// Before the first frame only the first blank is there.
  FUSEDLOSS_SHARED void start() const {
    for (std::int64_t s = -1; s < padded; ++s) {
      beginning.label.set(s, wide_zero);
      beginning.blank.set(s, wide_zero);
    }
    beginning.blank.set(0, {1, 0});
  }

  /// Where the logits of what is looked at in a frame are put.
  FUSEDLOSS_INLINE double* logits(std::int64_t frame) const { return emissions(frame).mantissa; }

  /// Takes `here` frames from `first` on: a probability is share x e^(logit - shift). False: one of them is no number.
  template <class T>
  FUSEDLOSS_SHARED bool add(std::int64_t first, int here, const Frame<T>* frame) const {
    for (int f = 0; f < here; ++f) {
      if (!emit(first + f, static_cast<double>(frame[f].shift), frame[f].share)) return false;
      advance(first + f);
    }
    return true;
  }

  /// The sum over all alignments.
  FUSEDLOSS_INLINE Wide total() const {
    const States last = before(frames);
    return normalised(last.blank[labels] + last.label[labels - 1]);
  }

  /// From the last frame to the first: sums over ends, posteriors, and probabilities as plain numbers.
  FUSEDLOSS_SHARED void retreat(Wide all) {
    for (std::int64_t s = 0; s < padded + width; ++s) {
      end.label.set(s, wide_zero);
      end.blank.set(s, wide_zero);
      next_end.label.set(s, wide_zero);
      next_end.blank.set(s, wide_zero);
    }
    end.blank.set(labels, {1, 0});  // reached from the last label and from the last blank alone
    for (std::int64_t t = frames - 1; t >= 0; --t) retreat(t, all);
  }

  /// The most probable alignment, once nothing else is asked of the sums.
  FUSEDLOSS_INLINE void best(std::int64_t* position) const {
    of->best(beginning.label.mantissa, beginning.blank.mantissa, *this, position);
  }

  FUSEDLOSS_INLINE double log_of_label(std::int64_t frame, std::int64_t s) const { return log(emissions(frame)[s]); }
  FUSEDLOSS_INLINE double log_of_blank(std::int64_t frame) const { return log(blank[row(frame)]); }

 private:
  /// The states of a frame that an alignment may go through, in whole groups: each frame brings one label at most.
  struct Band {
    std::int64_t first, last;
  };
  FUSEDLOSS_INLINE Band band(std::int64_t frame) const {
    const std::int64_t least = labels - frames + frame, most = frame + 1;
    return {least < 0 ? 0 : least / width * width, most < padded ? (most + width - 1) / width * width : padded};
  }

  /// Probabilities of labels and blank at a frame. False: one of them is no number.
  FUSEDLOSS_SHARED bool emit(std::int64_t frame, double shift, double share) const {
    const WideArray to = emissions(frame);
    const Wide factor = normalised({share, 0});
    alignas(64) std::uint64_t wrong[width] = {};
    for (std::int64_t i = 0; i < padded; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) wrong[l] |= emit_state(to, i + l, shift, factor);
    }
    blank.set(row(frame), to[labels]);
    to.set(labels, wide_zero);
    std::uint64_t any = 0;
    for (int l = 0; l < width; ++l) any |= wrong[l];
    return any == 0 && share == share;
  }

  /// From the sums before a frame to those behind it.
  FUSEDLOSS_SHARED void advance(std::int64_t frame) const {
    const States from = before(frame), to = before(frame + 1);
    const WideArray p = emissions(frame);
    const Wide none = blank[row(frame)];
    const std::uint64_t* follows = of->may_follow;
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

  /// From the ends behind a frame to those from it on.
  FUSEDLOSS_SHARED void retreat(std::int64_t frame, Wide all) {
    const States from = end, to = next_end, reached = before(frame + 1);
    const WideArray p = emissions(frame);
    const Wide none = blank[row(frame)];
    const std::uint64_t* follows = of->may_follow;
    const double per_all = 1.0 / all.mantissa;
    alignas(64) double blanks[width] = {};
    const Band states = band(frame);
    for (std::int64_t s = 0; s < states.first; ++s) leave_out(reached, p, s);
    for (std::int64_t s = states.last; s < padded; ++s) leave_out(reached, p, s);
    for (std::int64_t i = states.first; i < states.last; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        retreat_state(from, to, reached, p, none, all, per_all, follows, i + l);
        blanks[l] += reached.blank.mantissa[i + l];
      }
    }
    of->blank_probability[frame] = narrowed(none);
    of->blank_posterior[frame] = fold(blanks);
    if (frame % frames_to_normalise == 0) normalise(to, states);
    end = to;
    next_end = from;
  }

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

  static FUSEDLOSS_INLINE std::uint64_t emit_state(WideArray to, std::int64_t s, double shift, Wide share) {
    const Wide p = class_probability(to.mantissa[s], shift, share);
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

  static FUSEDLOSS_INLINE void leave_out(States reached, WideArray p, std::int64_t s) {
    reached.label.set(s, {0, narrowed(p[s])});
    reached.blank.mantissa[s] = 0;
  }

  /// Posteriors, and probabilities as plain numbers, take the place of the beginnings.
  static FUSEDLOSS_INLINE void retreat_state(States from, States to, States reached, WideArray p, Wide none, Wide all,
                                             double per_all, const std::uint64_t* follows, std::int64_t s) {
    const Wide own = from.label[s];
    const Wide of_label = sum(own, from.blank[s + 1], if_allowed(from.label[s + 1], follows[s + 1]));
    const Wide of_blank = from.blank[s] + own;
    reached.label.set(s, {share_of(reached.label[s], of_label, all, per_all), narrowed(p[s])});
    reached.blank.mantissa[s] = share_of(reached.blank[s], of_blank, all, per_all);
    to.label.set(s, of_label * p[s]);
    to.blank.set(s, of_blank * none);
  }
};

FUSEDLOSS_END
