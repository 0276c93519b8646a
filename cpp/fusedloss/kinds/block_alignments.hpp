// Sums over alignments in block floating point: a group of states shares one exponent, which stays for a block of
// frames, so that a transition is a sum and a product.
//
// Design:
// 1. What one exponent cannot hold is rounded up, never down: `least` is added to every sum. So each is an upper bound,
//    and what it is too large by is known: a state adds at most `least` x the sum over ends from there. With exponents
//    of beginnings and ends together at most `reach` above the total's, all of that together is below 2^-90 of the
//    total, and is lost in rounding. Else `sum` says so, and nothing is known: a wider way is to be taken
//    (wide_alignments.hpp). That happens where within a block of frames the likeliest alignments fall hundreds of
//    powers of two behind the likeliest classes.
// 2. That holds as numbers cannot grow out of a double within a block: a state takes at most three sums a frame, and
//    the exponent of a group is at most `step` below that of the group that it takes from, of which a block crosses no
//    more than three borders: numbers stay below 2^(3 step + 42).
// 3. Probabilities are relative to the largest of their frame, whose product is a factor of the total alone.
#pragma once

#include "alignments.hpp"
#include "frames.hpp"

FUSEDLOSS_BEGIN

/// Posteriors: whether they are wanted; else no sums are kept.
template <bool Posteriors>
struct BlockAlignments {
  static constexpr int width = Alignments::width;
  static constexpr int frames_per_block = 16;
  static constexpr double step = 40;
  static constexpr double reach = 550;
  static constexpr double least = 0x1p-900;
  static constexpr double least_probability = 0x1p-900;
  static constexpr double most_probability = 2;  ///< of numbers that are given as logarithms of probabilities

  Alignments* of;
  std::int64_t frames, labels, padded, groups;
  double *probability, *blank;    ///< relative ones, of the labels of each frame, and of its blank
  double *label_row, *gap_row;    ///< sums over beginnings, behind each frame: of labels, of blanks; one row before
  double *label, *gap;            ///< those before a block; on the way back sums over ends
  double *next_label, *next_gap;  ///< such sums, of the frame before
  double* exponent;               ///< of the groups, in each block of frames
  double* end_exponent;           ///< of the groups, of sums over ends
  double *passed, *allowed;  ///< what a sum is multiplied by on its way to the next state: all, and where it may go
  double* shift;             ///< of the groups: what makes a posterior of a product
  Wide largest{1, 0};        ///< product of the largest probabilities of the frames

  /// Of sums over beginnings: two rows take turns unless all are kept.
  static constexpr std::int64_t rows(std::int64_t frames) { return Posteriors ? frames + 1 : 2; }

  /// Doubles of the workspace.
  static FUSEDLOSS_SHARED std::int64_t doubles(std::int64_t frames, std::int64_t labels) {
    const std::int64_t padded = padded_labels(labels), groups = padded / width;
    const std::int64_t blocks = (frames + frames_per_block - 1) / frames_per_block + 1;
    return frames * padded + frames + 2 * rows(frames) * padded + 4 * width + 6 * (padded + 2 * width) +
           (blocks + 2) * groups + 8 * width;
  }

  FUSEDLOSS_SHARED void lay_out(Alignments& alignments, Room room) {
    of = &alignments;
    frames = of->frames;
    labels = of->labels;
    padded = of->padded;
    groups = padded / width;
    const std::int64_t around = padded + 2 * width;
    probability = room.take(frames * padded);
    // A whole group before the first row, and behind the last one: what comes from there is multiplied by 0.
    label_row = room.take(rows(frames) * padded + width) + width;
    gap_row = room.take(rows(frames) * padded + width) + width;
    label = room.take(around) + width;
    gap = room.take(around) + width;
    next_label = room.take(around) + width;
    next_gap = room.take(around) + width;
    passed = room.take(around);
    allowed = room.take(around);
    blank = of->blank_probability;
    exponent = room.take((frames + frames_per_block - 1) / frames_per_block * groups);
    end_exponent = room.take(groups);
    shift = room.take(groups);
    of->probability = probability;
    of->posterior = label_row + padded;
    of->gap_posterior = gap_row + padded;
  }

  /// Where the logits of what is looked at in a frame are put.
  FUSEDLOSS_INLINE double* logits(std::int64_t frame) const { return probability + frame * padded; }

  /// Takes `here` frames from `first` on: a relative probability is e^(logit - shift). False: one is so small, or so
  /// large, that nothing is known.
  template <class T>
  FUSEDLOSS_SHARED bool add(std::int64_t first, int here, const Frame<T>* frame) {
    double* const p = logits(first);
    alignas(64) std::uint64_t beyond[width] = {};
    bool defined = true;
    for (int f = 0; f < here; ++f) {
      const double shift = static_cast<double>(frame[f].shift);
      for (std::int64_t i = f * padded; i < (f + 1) * padded; i += width) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) emit_state<T>(p, i + l, shift, beyond[l]);
      }
      defined &= frame[f].share > 0;
      largest = largest * Wide{frame[f].share, 0};
    }
    largest = normalised(largest);
    for (int f = 0; f < here; ++f) {
      blank[first + f] = p[f * padded + labels];
      for (std::int64_t s = labels; s < padded; ++s) p[f * padded + s] = 0;
    }
    for (int l = 0; l < width; ++l) defined &= beyond[l] <= bits_of(most_probability) - bits_of(least_probability);
    return defined;
  }

  /// The sum over all alignments, and posteriors. False: nothing is known.
  FUSEDLOSS_SHARED bool sum(Wide& total) {
    start();
    for (std::int64_t t = 0; t < frames; t += frames_per_block) advance_block(t);
    const double* const exponents = exponent + (frames - 1) / frames_per_block * groups;
    const double* const gaps = row_behind(gap_row, frames - 1);
    Wide all{gaps[labels], exponents[labels / width]};
    if (labels > 0) {
      all = all + Wide{row_behind(label_row, frames - 1)[labels - 1], exponents[(labels - 1) / width]};
    }
    all = normalised(all);
    total = normalised(all * largest);
    start_back();
    bool known = true;
    for (std::int64_t t = (frames - 1) / frames_per_block * frames_per_block; known && t >= 0; t -= frames_per_block) {
      known = retreat_block(t, all);
    }
    return known;
  }

  /// The most probable alignment, once nothing else is asked of the sums.
  FUSEDLOSS_INLINE void best(std::int64_t* position) const { of->best(label_row, gap_row, *this, position); }

  FUSEDLOSS_INLINE double log_of_label(std::int64_t frame, std::int64_t s) const {
    return log(probability[frame * padded + s]);
  }
  FUSEDLOSS_INLINE double log_of_blank(std::int64_t frame) const { return log(blank[frame]); }

 private:
  FUSEDLOSS_INLINE double* row_behind(double* sums, std::int64_t frame) const {
    return sums + (Posteriors ? frame + 1 : (frame + 1) % 2) * padded;
  }

  /// `beyond`: how far, as integers, probabilities have been above the least.
  template <class T>
  static FUSEDLOSS_INLINE void emit_state(double* p, std::int64_t s, double shift, std::uint64_t& beyond) {
    TwoTerms<double> below{p[s] - shift, 0};  // of two floats it is exact, or its error of no consequence
    if constexpr (sizeof(T) == sizeof(double)) below = two_diff(p[s], shift);
    constexpr double low = -700;
    const auto [r, power] = reduce_raised(maximum(below.hi, low), below.lo, raise_by<double>(0));
    p[s] = fma(power, expm1_reduced(r), power);
    const std::uint64_t above = bits_of(p[s]) - bits_of(least_probability);
    beyond = above < beyond ? beyond : above;
  }

  /// Before the first frame only the first blank is there.
  FUSEDLOSS_SHARED void start() {
    clear();
    for (std::int64_t s = -width; s < padded; ++s) label_row[s] = gap_row[s] = 0;
    for (std::int64_t g = 0; g < groups; ++g) exponent[g] = 0;
    gap[0] = 1;
    for (std::int64_t s = 0; s < padded; ++s) passed[s] = s > 0;
  }

  /// A blank behind the last frame can be reached from the last label and from the last blank alone.
  FUSEDLOSS_SHARED void start_back() {
    clear();
    for (std::int64_t g = 0; g < groups; ++g) end_exponent[g] = 0;
    gap[labels] = 1;
    for (std::int64_t s = 0; s < padded; ++s) passed[s] = s + 1 < padded;
  }

  FUSEDLOSS_INLINE void clear() {
    for (std::int64_t s = -width; s < padded + width; ++s) label[s] = gap[s] = next_label[s] = next_gap[s] = 0;
  }

  /// Gives each group of `label` and `gap` the exponent of its largest number, or more where a group that it takes from
  /// has much more: that is the one before it, or behind.
  FUSEDLOSS_SHARED void normalise(const double* from, double* to, bool back) {
    double before = -infinity<double>;
    for (std::int64_t i = 0; i < groups; ++i) {
      const std::int64_t g = back ? groups - 1 - i : i;
      double *labels_here = label + g * width, *gaps_here = gap + g * width;
      alignas(64) double top[width];
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) top[l] = maximum(labels_here[l], gaps_here[l]);
      const double own = from[g] + exponent_of(fold_maximum(top));
      const double now = maximum(own, before - step);
      const double by = power_of(from[g] - now);
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        labels_here[l] *= by;
        gaps_here[l] *= by;
      }
      to[g] = now;
      if (i > 0) passed[back ? g * width + width - 1 : g * width] = power_of(before - now);
      before = now;
    }
  }

  typedef double Group __attribute__((vector_size(group_bytes)));

  /// to[l] = from[l - 1], of groups that were just written: a load across two stores waits until both are done.
  static FUSEDLOSS_INLINE void load_before(const double* from, double* to) {
    Group before, here;
    std::memcpy(&before, from - width, sizeof before);
    std::memcpy(&here, from, sizeof here);
    const Group moved = __builtin_shufflevector(before, here, 7, 8, 9, 10, 11, 12, 13, 14);
    std::memcpy(to, &moved, sizeof moved);
  }

  /// to[l] = from[l + 1]
  static FUSEDLOSS_INLINE void load_behind(const double* from, double* to) {
    Group here, behind;
    std::memcpy(&here, from, sizeof here);
    std::memcpy(&behind, from + width, sizeof behind);
    const Group moved = __builtin_shufflevector(here, behind, 1, 2, 3, 4, 5, 6, 7, 8);
    std::memcpy(to, &moved, sizeof moved);
  }

  static FUSEDLOSS_INLINE double exponent_of(double x) {
    using F = Format<double>;
    return static_cast<double>(static_cast<std::int64_t>(bits_of(x) >> F::mantissa_bits)) - F::exponent_bias;
  }

  /// 2^exponent, for exponents up to 1023, rounded up below -1000.
  static FUSEDLOSS_INLINE double power_of(double exponent) {
    return power_of_two<double>(bits_of(maximum(exponent, wide_reach) + raise_by<double>(0)));
  }

  /// Sums over beginnings behind the frames of a block.
  FUSEDLOSS_SHARED void advance_block(std::int64_t first) {
    double* const exponents = exponent + first / frames_per_block * groups;
    if (first > 0) {
      std::memcpy(label, row_behind(label_row, first - 1), static_cast<std::size_t>(padded) * sizeof(double));
      std::memcpy(gap, row_behind(gap_row, first - 1), static_cast<std::size_t>(padded) * sizeof(double));
    }
    normalise(first > 0 ? exponents - groups : exponents, exponents, false);
    const std::uint64_t* const follows = of->may_follow;
    double *const all = passed, *const some = allowed;
    for (std::int64_t i = 0; i < padded; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) some[i + l] = masked(all[i + l], follows[i + l]);
    }
    const double *from_label = label, *from_gap = gap;
    for (std::int64_t t = first; t < first + frames_per_block && t < frames; ++t) {
      double *const to_label = row_behind(label_row, t), *const to_gap = row_behind(gap_row, t);
      const double *const p = probability + t * padded, none = blank[t];
      for (std::int64_t i = 0; i < padded; i += width) {
        alignas(64) double label_before[width];
        load_before(from_label + i, label_before);
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const std::int64_t s = i + l;
          const double last = label_before[l], before = from_gap[s];
          to_label[s] = fma(p[s], fma(some[s], last, from_label[s] + before), least);
          to_gap[s] = fma(none, fma(all[s], last, before), least);
        }
      }
      from_label = to_label;
      from_gap = to_gap;
    }
  }

  /// Sums over ends from the frames of a block on, and their posteriors. False: nothing is known.
  FUSEDLOSS_SHARED bool retreat_block(std::int64_t first, Wide total) {
    const double* const exponents = exponent + first / frames_per_block * groups;
    normalise(end_exponent, end_exponent, true);
    bool known = true;
    for (std::int64_t g = 0; g < groups; ++g) {
      const double above = exponents[g] + end_exponent[g] - total.exponent;
      known &= above <= reach;
      shift[g] = power_of(above) / total.mantissa;
    }
    if (!known) return false;
    const std::uint64_t* const follows = of->may_follow + 1;
    double *const all = passed, *const some = allowed;
    for (std::int64_t i = 0; i < padded; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) some[i + l] = masked(all[i + l], follows[i + l]);
    }
    const std::int64_t last = first + frames_per_block < frames ? first + frames_per_block : frames;
    for (std::int64_t t = last - 1; t >= first; --t) {
      const double *const from_label = label, *const from_gap = gap, *const p = probability + t * padded;
      double *const to_label = next_label, *const to_gap = next_gap;
      double *const reached_label = row_behind(label_row, t), *const reached_gap = row_behind(gap_row, t);
      const double none = blank[t];
      alignas(64) double blanks[width] = {};
      for (std::int64_t i = 0; i < padded; i += width) {
        const double by = shift[i / width];
        alignas(64) double label_behind[width], gap_behind[width];
        load_behind(from_label + i, label_behind);
        load_behind(from_gap + i, gap_behind);
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const std::int64_t s = i + l;
          const double of_label = fma(some[s], label_behind[l], fma(all[s], gap_behind[l], from_label[s]));
          const double of_gap = from_gap[s] + from_label[s];
          if constexpr (Posteriors) {
            reached_label[s] = reached_label[s] * of_label * by;
            reached_gap[s] = reached_gap[s] * of_gap * by;
            blanks[l] += reached_gap[s];
          }
          to_label[s] = fma(p[s], of_label, least);
          to_gap[s] = fma(none, of_gap, least);
        }
      }
      if constexpr (Posteriors) of->blank_posterior[t] = fold(blanks);
      next_label = label;
      next_gap = gap;
      label = to_label;
      gap = to_gap;
    }
    return true;
  }
};

FUSEDLOSS_END
