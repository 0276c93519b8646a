// Sums over alignments in block floating point: a group of states shares one exponent, which stays for a block of
// frames, so that a transition is a sum and a product.
//
// Design:
// 1. What one exponent cannot hold is rounded up, never down: `least` is added to sums, or to one that they take. So
//    each is an upper bound, and what it is too large by is known: a state adds at most `least` x the sum over ends
//    from there. With exponents of beginnings and ends together at most `reach` above the total's, all of that together
//    is below 2^-90 of the total, and is lost in rounding. Else `sum` says so, and nothing is known: a wider way is to
//    be taken (wide_alignments.hpp). That happens where within a block of frames the likeliest alignments fall hundreds
//    of powers of two behind the likeliest classes, and where what is looked at in a frame is below
//    `least_probability`.
// 2. That holds as numbers cannot grow out of a double within a block: a state takes at most three sums a frame, and
//    the exponent of a group is at most `step` below that of the group that it takes from, of which a block crosses no
//    more than three borders: numbers stay below 2^(3 step + 42).
// 3. Probabilities are relative to the largest of their frame, whose product is a factor of the total alone.
// 4. Most numbers stay normal, as processors may take dozens of cycles for a product that is not, be it in one lane of
// a
//    group: a label has no `least` of its own beside that of the blank before it, so that where there is no label sums
//    over beginnings are 0; and a group whose posteriors are lost beside the total is multiplied by 0.
#pragma once

#include "alignments.hpp"
#include "frames.hpp"

FUSEDLOSS_BEGIN

/// Posteriors: whether they are wanted; else no sums are kept.
template <bool Posteriors>
struct BlockAlignments {
  static constexpr bool takes_exponentials = true;
  static constexpr int width = Alignments::width;
  static constexpr int frames_per_block = 16;
  static constexpr double step = 40;
  static constexpr double reach = 450;
  static constexpr double lost = -420;  ///< with exponents that are together so far below the total's, posteriors are 0
  static constexpr double least = 0x1p-800;
  static constexpr double least_probability = 0x1p-220;
  static constexpr double most_probability = 2;  ///< of numbers that are given as logarithms of probabilities

  Alignments* of;
  std::int64_t frames, labels, padded, groups;
  double *probability, *blank;  ///< relative ones, of the labels of each frame, and of its blank
  double *label_row, *gap_row;  ///< sums over beginnings, behind each frame: of labels, of blanks; one row before
  double *label, *gap;          ///< those before a block
  double *end_label, *end_gap;  ///< sums over ends from a frame on: two rows take turns
  double* exponent;             ///< of the groups, in each block of frames
  double* end_exponent;         ///< of the groups, of sums over ends
  double *passed, *allowed;     ///< what a sum is multiplied by on its way to the next state: all, and where it may go
  double* shift;                ///< of the groups: what makes a posterior of a product
  std::uint64_t* is_gap;        ///< all ones for blanks, 0 behind the last one
  bool exact;          ///< whether the posterior of a blank is that of all gaps together, else what labels leave of 1
  bool keeps_gaps;     ///< of all frames
  Wide largest{1, 0};  ///< product of the largest probabilities of the frames

  /// Of sums over beginnings: two rows take turns unless all are kept.
  static constexpr std::int64_t rows(std::int64_t frames) { return Posteriors ? frames + 1 : 2; }

  /// Doubles of the workspace.
  static FUSEDLOSS_SHARED std::int64_t doubles(std::int64_t frames, std::int64_t labels) {
    const std::int64_t padded = padded_labels(labels), groups = padded / width;
    const std::int64_t blocks = (frames + frames_per_block - 1) / frames_per_block + 1;
    return frames * padded + 2 * rows(frames) * padded + 4 * width + 9 * (padded + 2 * width) + (blocks + 2) * groups +
           8 * width;
  }

  FUSEDLOSS_SHARED void lay_out(Alignments& alignments, Room room, bool exactly, bool wants_gaps) {
    of = &alignments;
    exact = exactly;
    keeps_gaps = exactly || wants_gaps;
    frames = of->frames;
    labels = of->labels;
    padded = of->padded;
    groups = padded / width;
    const std::int64_t around = padded + 2 * width;
    probability = room.take(frames * padded);
    // A whole group before the first row, and around those that are alone: what comes from there is multiplied by 0.
    label_row = room.take(rows(frames) * padded + width) + width;
    gap_row = room.take(rows(frames) * padded + width) + width;
    label = room.take(around) + width;
    gap = room.take(around) + width;
    end_label = room.take(2 * around) + width;
    end_gap = room.take(2 * around) + width;
    passed = room.take(around);
    allowed = room.take(around);
    room.take(is_gap, padded);
    for (std::int64_t s = 0; s < padded; ++s) is_gap[s] = mask_of<double>(s <= labels);
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
    for (int f = 0; f < here; ++f) {
      const double shift = static_cast<double>(frame[f].shift);
      for (std::int64_t i = f * padded; i < (f + 1) * padded; i += width) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          p[i + l] = relative_probability<T>(p[i + l], shift);
          beyond[l] = farther(beyond[l], p[i + l], least_probability);
        }
      }
    }
    return close(first, here, frame, beyond, bits_of(most_probability) - bits_of(least_probability));
  }

  /// The same of exponentials, those of each frame relative to a unit.
  template <class T>
  FUSEDLOSS_SHARED bool add(std::int64_t first, int here, const Frame<T>* frame, const T* exponential,
                            const double* per_unit) {
    constexpr double highest = sizeof(T) == 4 ? 0x1p101 : 0x1p961;  // above any unit, by a factor of 2 at most
    constexpr T highest_one = static_cast<T>(highest), lowest_one = static_cast<T>(highest * least_probability);
    static_assert(Reach<float>::power == 100 && Reach<double>::power == 960);
    alignas(64) Bits<T> beyond[width] = {};
    for (int f = 0; f < here; ++f) {
      double* const p = logits(first + f);
      const T* const e = exponential + f * padded;
      const double unit = per_unit[f];
      for (std::int64_t i = 0; i < padded; i += width) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          p[i + l] = static_cast<double>(e[i + l]) * unit;
          beyond[l] = farther(beyond[l], e[i + l], lowest_one);
        }
      }
    }
    return close(first, here, frame, beyond, bits_of(highest_one) - bits_of(lowest_one));
  }

  /// The sum over all alignments, and posteriors. False: nothing is known.
  FUSEDLOSS_SHARED bool sum(Wide& total) {
    start();
    for (std::int64_t t = 0; t < frames; t += frames_per_block) advance_block(t);
    const double* const exponents = exponent + (frames - 1) / frames_per_block * groups;
    Wide all{gaps_behind(frames - 1)[labels], exponents[labels / width]};
    if (labels > 0) {
      all = all + Wide{labels_behind(frames - 1)[labels - 1], exponents[(labels - 1) / width]};
    }
    all = normalised(all);
    total = normalised(all * largest);
    start_back();
    bool known = true;
    for (std::int64_t t = (frames - 1) / frames_per_block * frames_per_block; known && t >= 0; t -= frames_per_block) {
      known = keeps_gaps ? retreat_block<true>(t, all) : retreat_block<false>(t, all);
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
  FUSEDLOSS_INLINE double* row_from(double* sums, std::int64_t frame) const {
    return sums + frame % 2 * (padded + 2 * width);
  }
  FUSEDLOSS_INLINE double* labels_behind(std::int64_t frame) const {
    return label_row + (Posteriors ? frame + 1 : (frame + 1) % 2) * padded;
  }
  FUSEDLOSS_INLINE double* gaps_behind(std::int64_t frame) const {
    return gap_row + (Posteriors && keeps_gaps ? frame + 1 : (frame + 1) % 2) * padded;
  }

  template <class T>
  static FUSEDLOSS_INLINE double relative_probability(double logit, double shift) {
    TwoTerms<double> below{logit - shift, 0};  // of two floats it is exact, or its error of no consequence
    if constexpr (sizeof(T) == sizeof(double)) below = two_diff(logit, shift);
    constexpr double bound = 700;
    const auto [r, power] = reduce_raised(clamp_between(below.hi, -bound, bound), below.lo, raise_by<double>(0));
    return fma(power, expm1_reduced(r), power);
  }

  /// How far, as integers, numbers have been above the least one.
  template <class T>
  static FUSEDLOSS_INLINE Bits<T> farther(Bits<T> beyond, T p, T least_one) {
    const Bits<T> above = bits_of(p) - bits_of(least_one);
    return above < beyond ? beyond : above;
  }

  /// Sets the probabilities of frames apart from their blank's. False: one of them is beyond what can be told.
  template <class T, class Integer>
  FUSEDLOSS_INLINE bool close(std::int64_t first, int here, const Frame<T>* frame, const Integer (&beyond)[width],
                              Integer most) {
    bool defined = true;
    for (int f = 0; f < here; ++f) {
      defined &= frame[f].share > 0;
      largest = largest * Wide{frame[f].share, 0};
    }
    largest = normalised(largest);
    for (std::int64_t t = first; t < first + here; ++t) {
      double* const p = logits(t);
      blank[t] = p[labels];
      for (std::int64_t s = labels; s < padded; ++s) p[s] = 0;
    }
    for (int l = 0; l < width; ++l) defined &= beyond[l] <= most;
    return defined;
  }

  /// Before the first frame only the first blank is there.
  FUSEDLOSS_SHARED void start() {
    for (std::int64_t s = -width; s < padded; ++s) label[s] = gap[s] = label_row[s] = gap_row[s] = 0;
    for (std::int64_t g = 0; g < groups; ++g) exponent[g] = 0;
    gap[0] = 1;
    for (std::int64_t s = 0; s < padded; ++s) passed[s] = s > 0;
  }

  /// A blank behind the last frame can be reached from the last label and from the last blank alone.
  FUSEDLOSS_SHARED void start_back() {
    for (std::int64_t s = 0; s < 2 * padded + 3 * width; ++s) end_label[s] = end_gap[s] = 0;
    for (std::int64_t g = 0; g < groups; ++g) end_exponent[g] = 0;
    row_from(end_gap, frames)[labels] = 1;
    for (std::int64_t s = 0; s < padded; ++s) passed[s] = s + 1 < padded;
  }

  /// Gives each group of `labels_to` and `gaps_to` the exponent of its largest number, or more where a group that it
  /// takes from has much more: that is the one before it, or behind.
  FUSEDLOSS_SHARED void normalise(double* label_sums, double* gap_sums, const double* from, double* to, bool back) {
    double before = -infinity<double>;
    for (std::int64_t i = 0; i < groups; ++i) {
      const std::int64_t g = back ? groups - 1 - i : i;
      double *labels_here = label_sums + g * width, *gaps_here = gap_sums + g * width;
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

  /// A group and the one behind it, read one after the other: of groups that were just written, a load across two would
  /// wait until both are in the cache.
  struct Window {
    Group here, next;

    FUSEDLOSS_INLINE explicit Window(const double* first) { std::memcpy(&next, first, sizeof next); }

    FUSEDLOSS_INLINE void move(const double* to) {
      here = next;
      std::memcpy(&next, to, sizeof next);
    }
    /// The last of the one, and all but the last of the other.
    FUSEDLOSS_INLINE void last_before(double* to) const {
      const Group moved = __builtin_shufflevector(here, next, 7, 8, 9, 10, 11, 12, 13, 14);
      std::memcpy(to, &moved, sizeof moved);
    }
    /// All but the first of the one, and the first of the other.
    FUSEDLOSS_INLINE void first_behind(double* to) const {
      const Group moved = __builtin_shufflevector(here, next, 1, 2, 3, 4, 5, 6, 7, 8);
      std::memcpy(to, &moved, sizeof moved);
    }
    static FUSEDLOSS_INLINE void store(const Group& of, double* to) { std::memcpy(to, &of, sizeof of); }
  };

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
      std::memcpy(label, labels_behind(first - 1), static_cast<std::size_t>(padded) * sizeof(double));
      std::memcpy(gap, gaps_behind(first - 1), static_cast<std::size_t>(padded) * sizeof(double));
    }
    normalise(label, gap, first > 0 ? exponents - groups : exponents, exponents, false);
    const std::uint64_t* const follows = of->may_follow;
    double *const all = passed, *const some = allowed;
    for (std::int64_t i = 0; i < padded; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) some[i + l] = masked(all[i + l], follows[i + l]);
    }
    const double *from_label = label, *from_gap = gap;
    for (std::int64_t t = first; t < first + frames_per_block && t < frames; ++t) {
      double *const to_label = labels_behind(t), *const to_gap = gaps_behind(t);
      const double *const p = probability + t * padded, none = blank[t];
      Window labels_around(from_label - width);
      for (std::int64_t i = 0; i < padded; i += width) {
        alignas(64) double own[width], label_before[width];
        labels_around.move(from_label + i);
        Window::store(labels_around.next, own);
        labels_around.last_before(label_before);
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const std::int64_t s = i + l;
          const double last = label_before[l], before = from_gap[s];
          to_label[s] = p[s] * fma(some[s], last, own[l] + before);
          to_gap[s] = fma(none, fma(all[s], last, before), least);
        }
      }
      from_label = to_label;
      from_gap = to_gap;
    }
  }

  /// Sums over ends from the frames of a block on, and their posteriors. False: nothing is known.
  template <bool Gaps>
  FUSEDLOSS_SHARED bool retreat_block(std::int64_t first, Wide total) {
    const double* const exponents = exponent + first / frames_per_block * groups;
    const std::int64_t last = first + frames_per_block < frames ? first + frames_per_block : frames;
    normalise(row_from(end_label, last), row_from(end_gap, last), end_exponent, end_exponent, true);
    bool known = true;
    for (std::int64_t g = 0; g < groups; ++g) {
      const double above = exponents[g] + end_exponent[g] - total.exponent;
      known &= above <= reach;
      shift[g] = above < lost ? 0.0 : power_of(above) / total.mantissa;
    }
    if (!known) return false;
    const std::uint64_t* const follows = of->may_follow + 1;
    double *const all = passed, *const some = allowed;
    for (std::int64_t i = 0; i < padded; i += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) some[i + l] = masked(all[i + l], follows[i + l]);
    }
    alignas(64) double sums[frames_per_block][width];
    const std::uint64_t* const there = is_gap;
    const std::uint64_t of_gaps = mask_of<double>(exact);
    for (std::int64_t t = last - 1; t >= first; --t) {
      const double *const from_label = row_from(end_label, t + 1), *const from_gap = row_from(end_gap, t + 1);
      double *const to_label = row_from(end_label, t), *const to_gap = row_from(end_gap, t);
      const double* const p = probability + t * padded;
      double *const reached_label = labels_behind(t), *const reached_gap = gaps_behind(t);
      const double none = blank[t];
      alignas(64) double sum[width] = {};
      Window labels_around(from_label), gaps_around(from_gap);
      for (std::int64_t i = 0; i < padded; i += width) {
        const double by = shift[i / width];
        alignas(64) double own[width], own_gap[width], label_behind[width], gap_behind[width];
        labels_around.move(from_label + i + width);
        gaps_around.move(from_gap + i + width);
        Window::store(labels_around.here, own);
        Window::store(gaps_around.here, own_gap);
        labels_around.first_behind(label_behind);
        gaps_around.first_behind(gap_behind);
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const std::int64_t s = i + l;
          const double of_label = fma(some[s], label_behind[l], fma(all[s], gap_behind[l], own[l]));
          const double of_gap = own_gap[l] + own[l];
          if constexpr (Posteriors) {
            reached_label[s] = of_label * by * reached_label[s];
            if constexpr (Gaps) reached_gap[s] = of_gap * by * masked(reached_gap[s], there[s]);
            sum[l] += Gaps ? blend(of_gaps, reached_gap[s], reached_label[s]) : reached_label[s];
          }
          to_label[s] = fma(p[s], of_label, least);
          to_gap[s] = fma(none, of_gap, least);
        }
      }
      if constexpr (Posteriors) {
        for (int l = 0; l < width; ++l) sums[t - first][l] = sum[l];
      }
    }
    for (std::int64_t t = first; Posteriors && t < last; ++t) {
      const double all_of_it = fold(sums[t - first]);
      of->blank_posterior[t] = exact ? all_of_it : maximum(1 - all_of_it, 0.0);
    }
    return true;
  }
};

FUSEDLOSS_END
