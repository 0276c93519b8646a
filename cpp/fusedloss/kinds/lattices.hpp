// Alignments as a transducer counts them (Graves 2012): a path through the places (t, u) of a lattice, t frames and u
// labels being behind it. From each place the blank leads to the next frame, and the next label to the next place of
// the frame; a path goes from (0, 0) until the blank leaves the last frame, all labels having been given.
//
// Design:
// 1. Sums over paths are taken a diagonal t + u at a time: its places do not depend on one another, so that a diagonal
//    is a loop over groups of lanes. Arrays hold diagonals as rows; lanes are numbered along the shorter of the two
//    axes, so that there are at most twice as many of them as places, but for padding. Of the two steps from a place,
//    one (`stay`) leads to the same lane, and the other one (`move`) to the next one; which of them is the blank
//    depends on that axis and on nothing else.
// 2. Sums are numbers with exponents of their own, as in alignments.hpp, normalised every few diagonals.
// 3. Lanes that are no place have steps of probability 0. So nothing comes from there, whatever stands there, and no
//    loop knows borders: groups without a place are left out to save time only.
// 4. What is no longer needed makes room for what is made of it: logits for probabilities, sums over beginnings for
//    posteriors, probabilities for slopes.
#pragma once

#include <cstdint>

#include "../core/lanes.hpp"
#include "../core/wide.hpp"
#include "frames.hpp"

FUSEDLOSS_BEGIN

/// The lattice of one utterance with its workspace. There is at least one frame.
struct Lattice {
  static constexpr int width = lanes<double>;
  static constexpr int diagonals_to_normalise = 16;
  std::int64_t frames, labels;
  bool along_labels;    ///< whether lanes are numbered by u, else by t
  std::int64_t count;   ///< of the axis that they are numbered along
  std::int64_t padded;  ///< lanes of a diagonal: at least one behind the last place
  std::int64_t diagonals;
  bool keeps_all;           ///< sums over beginnings of all diagonals, for the way back; else of two
  WideArray blank, label;   ///< probabilities of the two steps from each place; on the way back, slopes
  WideArray beginning;      ///< sums over ways to each place; on the way back, posteriors of `stay` and `move`
  WideArray end, next_end;  ///< sums over ways from the places of a diagonal on
  double* best;             ///< logarithms of the best way to each place, if asked for

  /// Doubles of the workspace.
  static FUSEDLOSS_SHARED std::int64_t doubles(std::int64_t frames, std::int64_t labels, bool keeps_all, bool aligns) {
    const std::int64_t count = frames < labels + 1 ? frames : labels + 1, padded = padded_lanes(count);
    const std::int64_t rows = frames + labels;
    return 4 * (rows * padded + width) + 2 * ((keeps_all ? rows : 2) * padded + width) + 4 * (padded + width) +
           (aligns ? rows * padded + width : 0);
  }

  /// No step is possible yet, and no place reached.
  FUSEDLOSS_SHARED void lay_out(double* room, std::int64_t of_frames, std::int64_t of_labels, bool keeps, bool aligns) {
    frames = of_frames;
    labels = of_labels;
    along_labels = labels < frames;
    count = along_labels ? labels + 1 : frames;
    padded = padded_lanes(count);
    diagonals = frames + labels;
    keeps_all = keeps;
    const auto take = [&](std::int64_t rows, double with) {
      double* const at = room;
      room += rows * padded + width;
      for (double* x = at; x < room; ++x) *x = with;
      return at;
    };
    const double none = -infinity<double>;
    const auto take_zeros = [&](std::int64_t rows) {
      double* const mantissa = take(rows, 1.0);
      return WideArray{mantissa, take(rows, none)};
    };
    // A group before the first row is for its lane before the first, one behind a single row for what is behind its
    // last.
    double* const blank_logit = take(diagonals, none);
    double* const label_logit = take(diagonals, none);
    double* const shift = take(diagonals, 0.0);
    double* const share = take(diagonals, 1.0);
    blank = WideArray{blank_logit, shift} + width;
    label = WideArray{label_logit, share} + width;
    beginning = take_zeros(keeps_all ? diagonals : 2) + width;
    end = take_zeros(1);
    next_end = take_zeros(1);
    best = aligns ? take(diagonals, none) + width : nullptr;
  }

  /// Where the place (t, u) is.
  FUSEDLOSS_INLINE std::int64_t index(std::int64_t t, std::int64_t u) const {
    return (t + u) * padded + (along_labels ? u : t);
  }

  /// The steps from a place, as share x e^(logit - shift).
  FUSEDLOSS_INLINE void set(std::int64_t at, double blank_logit, double label_logit, double shift, double share) const {
    blank.mantissa[at] = blank_logit;
    label.mantissa[at] = label_logit;
    blank.exponent[at] = shift;
    label.exponent[at] = share;
  }

  /// Makes probabilities of them. False: one is no number.
  FUSEDLOSS_SHARED bool emit() const {
    const WideArray blanks = blank, given = label;
    alignas(64) std::uint64_t wrong[width] = {};
    for (std::int64_t i = -width; i < diagonals * padded; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) wrong[l] |= emit_place(blanks, given, i + l);
    }
    std::uint64_t any = 0;
    for (int l = 0; l < width; ++l) any |= wrong[l];
    return any == 0;
  }

  /// Sums over beginnings.
  FUSEDLOSS_SHARED void advance() const {
    beginning.set(0, {1, 0});
    for (std::int64_t d = 1; d < diagonals; ++d) {
      const WideArray from = reached(d - 1), to = reached(d);
      const WideArray stay = stays() + (d - 1) * padded, move = moves() + (d - 1) * padded;
      const Band places = band(d);
      for (std::int64_t i = places.first; i < places.last; i += width) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) advance_place(from, to, stay, move, i + l);
      }
      if (d % diagonals_to_normalise == 0) normalise(to, places);
    }
  }

  /// The sum over all paths.
  FUSEDLOSS_INLINE Wide total() const {
    return normalised(reached(diagonals - 1)[count - 1] * blank[index(frames - 1, labels)]);
  }

  /// Sums over ends; the posterior of each step, and factor x (p x the place's posterior - that of the step), p being 0
  /// without a softmax.
  FUSEDLOSS_SHARED void retreat(double factor, bool softmax) {
    const Wide all = total();
    const double per_all = 1.0 / all.mantissa;
    const std::uint64_t whole = mask_of<double>(softmax);
    const std::int64_t arrival = along_labels ? count - 1 : count;  // by the blank, which leaves the last frame
    end.set(arrival, {1, 0});
    for (std::int64_t d = diagonals - 1; d >= 0; --d) {
      const WideArray from = end, to = next_end, begun = reached(d);
      const WideArray stay = stays() + d * padded, move = moves() + d * padded;
      const Band places = band(d);
      for (std::int64_t i = places.first; i < places.last; i += width) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          retreat_place(from, to, begun, stay, move, all, per_all, factor, whole, i + l);
        }
      }
      if (d == diagonals - 1) from.set(arrival, wide_zero);
      if (d % diagonals_to_normalise == 0) normalise(to, places);
      end = to;
      next_end = from;
    }
  }

  /// The posterior of a place, behind `retreat`.
  FUSEDLOSS_INLINE double occupied(std::int64_t at) const { return beginning.mantissa[at] + beginning.exponent[at]; }

  /// The entropy of the frame in which a label is given, behind `retreat`.
  FUSEDLOSS_SHARED double entropy(std::int64_t u) const {
    const double* const given = along_labels ? beginning.exponent : beginning.mantissa;
    double sum = 0;
    for (std::int64_t t = 0; t < frames; ++t) sum += surprise(given[index(t, u)]);
    return maximum(sum, 0.0);
  }

  /// The frame in which the most probable path gives each label; before `retreat`.
  FUSEDLOSS_SHARED void align(std::int64_t* frame) const {
    const WideArray stay = stays(), move = moves();
    best[0] = 0;
    for (std::int64_t d = 1; d < diagonals; ++d) {
      const std::int64_t before = (d - 1) * padded;
      for (std::int64_t i = 0; i < padded; i += width) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const std::int64_t at = before + i + l;
          best[at + padded] = maximum(best[at] + fusedloss::log(stay[at]), best[at - 1] + fusedloss::log(move[at - 1]));
        }
      }
    }
    std::int64_t t = frames - 1, u = labels;
    while (t > 0 || u > 0) {
      const double waited = t > 0 ? best[index(t - 1, u)] + fusedloss::log(blank[index(t - 1, u)]) : -infinity<double>;
      const double gave = u > 0 ? best[index(t, u - 1)] + fusedloss::log(label[index(t, u - 1)]) : -infinity<double>;
      if (u > 0 && (t == 0 || gave > waited)) {
        frame[--u] = t;
      } else {
        --t;
      }
    }
  }

 private:
  static FUSEDLOSS_INLINE std::int64_t padded_lanes(std::int64_t count) { return (count + width) / width * width; }

  FUSEDLOSS_INLINE WideArray stays() const { return along_labels ? blank : label; }
  FUSEDLOSS_INLINE WideArray moves() const { return along_labels ? label : blank; }
  FUSEDLOSS_INLINE WideArray reached(std::int64_t diagonal) const {
    return beginning + (keeps_all ? diagonal : diagonal % 2) * padded;
  }

  /// The places of a diagonal, in whole groups.
  struct Band {
    std::int64_t first, last;
  };
  FUSEDLOSS_INLINE Band band(std::int64_t diagonal) const {
    const std::int64_t others = diagonals + 1 - count;
    const std::int64_t first = diagonal < others ? 0 : diagonal + 1 - others;
    const std::int64_t last = diagonal + 1 < count ? diagonal + 1 : count;
    return {first / width * width, (last + width - 1) / width * width};
  }

  static FUSEDLOSS_SHARED void normalise(WideArray sums, Band within) {
    for (std::int64_t i = within.first; i < within.last; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) sums.set(i + l, normalised(sums[i + l]));
    }
  }

  static FUSEDLOSS_INLINE std::uint64_t emit_place(WideArray blank, WideArray label, std::int64_t i) {
    const double shift = blank.exponent[i], share = label.exponent[i];
    const Wide factor = normalised({share, 0});
    const Wide none = class_probability(blank.mantissa[i], shift, factor);
    const Wide next = class_probability(label.mantissa[i], shift, factor);
    blank.set(i, none);
    label.set(i, next);
    return mask_of<double>(!(none.exponent < infinity<double>)) | mask_of<double>(!(next.exponent < infinity<double>)) |
           mask_of<double>(share != share);
  }

  static FUSEDLOSS_INLINE void advance_place(WideArray from, WideArray to, WideArray stay, WideArray move,
                                             std::int64_t i) {
    to.set(i, from[i] * stay[i] + from[i - 1] * move[i - 1]);
  }

  static FUSEDLOSS_INLINE void retreat_place(WideArray from, WideArray to, WideArray begun, WideArray stay,
                                             WideArray move, Wide all, double per_all, double factor,
                                             std::uint64_t whole, std::int64_t i) {
    const Wide p_stay = stay[i], p_move = move[i], before = begun[i];
    const Wide staying = p_stay * from[i], moving = p_move * from[i + 1];
    to.set(i, staying + moving);
    const double stayed = share_of(before, staying, all, per_all), moved = share_of(before, moving, all, per_all);
    const double both = stayed + moved;
    begun.set(i, {stayed, moved});
    stay.mantissa[i] = factor * (masked(narrowed(p_stay), whole) * both - stayed);
    move.mantissa[i] = factor * (masked(narrowed(p_move), whole) * both - moved);
  }
};

FUSEDLOSS_END
