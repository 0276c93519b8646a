// The softmax of short rows that lie along their classes: as many at a time as there are lanes.
#pragma once

#include <cstdint>

#include "softmax.hpp"
#include "transpose.hpp"

FUSEDLOSS_BEGIN

/// Rows of a length: at least one group, at most a few. Lanes of a row are not folded but turned, as those of all rows
/// together take less time. The last group of a row overlaps the one before it: a tail of its own would be copied and
/// read back before it is in the cache.
template <class T>
class ShortRows {
 public:
  static constexpr int width = lanes<T>;

  FUSEDLOSS_INLINE explicit ShortRows(std::int64_t length) : last(length - width) {
    const std::int64_t whole = (length - 1) / width * width;
    for (int l = 0; l < width; ++l) fresh[l] = mask_of<T>(last + l >= whole);
  }

  /// Folds `here` rows, and writes their exponentials. `ahead`: bytes to rows that are folded next, and to where their
  /// exponentials go.
  FUSEDLOSS_SHARED void fold(const T* const* row, int here, T* const* exponential, std::int64_t ahead,
                             std::int64_t exponential_ahead, Folded<T>& folded, Reach<T>& reach) const {
    alignas(64) T of_row[width][width], other_of_row[width][width], turned[width * width];
    const T *rows[width], *other_rows[width];
    for (int l = 0; l < width; ++l) {
      rows[l] = of_row[l < here ? l : 0];
      other_rows[l] = other_of_row[l < here ? l : 0];
    }
    for (int l = 0; l < here; ++l) highest(row[l], of_row[l]);
    interleave(rows, width, turned);
    alignas(64) T top[width];
    for (int l = 0; l < width; ++l) top[l] = turned[l];
    for (int i = 1; i < width; ++i) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) top[l] = maximum(top[l], turned[i * width + l]);
    }
    folded.clear();
    for (int l = 0; l < width; ++l) {
      folded.shift[l] = top[l] == -infinity<T> ? lowest<T> : top[l];
      folded.one[l] = top[l] == -infinity<T> ? T(0) : T(1);
    }
    reach.aim(folded.shift);
    for (int l = 0; l < here; ++l) {
      for (std::int64_t at = 0; at <= last; at += width) {
        prefetch_read(row[l] + at, ahead);
        prefetch_write(exponential[l] + at, exponential_ahead);
      }
      exponentials(row[l], folded.shift[l], reach, l, exponential[l], of_row[l], other_of_row[l]);
    }
    interleave(rows, width, turned);
    alignas(64) double rest[width] = {};
    for (int i = 0; i < width; ++i) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) rest[l] += static_cast<double>(turned[i * width + l]);
    }
    interleave(other_rows, width, turned);
    for (int l = 0; l < width; ++l) top[l] = turned[l];
    for (int i = 1; i < width; ++i) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) top[l] += turned[i * width + l];
    }
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      const double more = static_cast<double>(top[l]) - 1.0;
      folded.rest[l] = rest[l] * reach.per_unit[l] + maximum(more, 0.0);
    }
  }

  /// Multiplies a row by one number, then by another. `ahead`: bytes to the one that comes next.
  FUSEDLOSS_SHARED void scale(T* row, T by, T then, std::int64_t ahead) const {
    alignas(64) T end[width];
    for (int l = 0; l < width; ++l) end[l] = then * (row[last + l] * by);
    for (std::int64_t at = 0; at < last; at += width) {
      T* const e = row + at;
      prefetch_write(e, ahead);
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) e[l] = then * (e[l] * by);
    }
    prefetch_write(row + last, ahead);
    for (int l = 0; l < width; ++l) row[last + l] = end[l];
  }

 private:
  /// The largest number of each lane.
  FUSEDLOSS_INLINE void highest(const T* row, T* to) const {
    alignas(64) T top[width];
    for (int l = 0; l < width; ++l) top[l] = row[last + l];
    for (std::int64_t at = 0; at < last; at += width) {
      const T* const z = row + at;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) top[l] = maximum(top[l], z[l]);
    }
    for (int l = 0; l < width; ++l) to[l] = top[l];
  }

  /// Writes the exponentials of a row; of each lane, their sum but for those of the row's maximum, and how many there
  /// are of these.
  FUSEDLOSS_INLINE void exponentials(const T* row, T shift, const Reach<T>& reach, int lane, T* to, T* rest,
                                     T* ties) const {
    const T bias = reach.bias[lane], low = reach.low[lane], raise = reach.raise[lane];
    alignas(64) T sum[width] = {}, equal[width] = {};
    for (std::int64_t at = 0; at < last; at += width) {
      const T* const z = row + at;
      T* const e = to + at;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        e[l] = exp_raised(maximum(z[l] - bias, low), raise);
        count(e[l], z[l] != shift, ~Bits<T>(0), sum[l], equal[l]);
      }
    }
    const T* const z = row + last;
    T* const e = to + last;
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      e[l] = exp_raised(maximum(z[l] - bias, low), raise);
      count(e[l], z[l] != shift, fresh[l], sum[l], equal[l]);
      rest[l] = sum[l];
      ties[l] = equal[l];
    }
  }

  static FUSEDLOSS_INLINE void count(T e, bool differs, Bits<T> counts, T& sum, T& equal) {
    const Bits<T> other = mask_of<T>(differs);
    sum += masked(e, other & counts);
    equal += masked(T(1), ~other & counts);
  }

  std::int64_t last;                 ///< where the last group begins
  alignas(64) Bits<T> fresh[width];  ///< lanes of it that no other group has
};

FUSEDLOSS_END
