// Rows turned into lanes and back, four by four in registers.
#pragma once

#include <cstdint>
#include <cstring>

#include "../core/lanes.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

template <class T>
struct Square {
  typedef T Four __attribute__((vector_size(4 * sizeof(T))));

  // By reference: without AVX there is no register to return one of doubles in.
  static FUSEDLOSS_INLINE void load(const T* from, Four& four) { std::memcpy(&four, from, sizeof four); }
  static FUSEDLOSS_INLINE void store(const Four& four, T* to) { std::memcpy(to, &four, sizeof four); }

  /// to_i[j] = from_j[i].
  static FUSEDLOSS_INLINE void turn(const T* from0, const T* from1, const T* from2, const T* from3, T* to0, T* to1,
                                    T* to2, T* to3) {
    Four a, b, c, d;
    load(from0, a);
    load(from1, b);
    load(from2, c);
    load(from3, d);
    const Four ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5), bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5);
    const Four ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7), bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
    store(__builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5), to0);
    store(__builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7), to1);
    store(__builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5), to2);
    store(__builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7), to3);
  }
};

/// Where squares of a length of at least 4 begin: the last one may overlap the one before.
FUSEDLOSS_INLINE std::int64_t next_square(std::int64_t at, std::int64_t length) {
  return at + 4 < length && at + 8 > length ? length - 4 : at + 4;
}

/// room[c * lanes + l] = row[l][c].
template <class T>
FUSEDLOSS_SHARED void interleave(const T* const* row, std::int64_t length, T* room) {
  constexpr int width = lanes<T>;
  if (length < 4) {
    for (std::int64_t c = 0; c < length; ++c) {
      for (int l = 0; l < width; ++l) room[c * width + l] = row[l][c];
    }
    return;
  }
  for (int l = 0; l < width; l += 4) {
    for (std::int64_t c = 0; c < length; c = next_square(c, length)) {
      T* to = room + c * width + l;
      Square<T>::turn(row[l] + c, row[l + 1] + c, row[l + 2] + c, row[l + 3] + c, to, to + width, to + 2 * width,
                      to + 3 * width);
    }
  }
}

/// row[l][c] = room[c * lanes + l], of the first `rows` rows.
template <class T>
FUSEDLOSS_SHARED void separate(const T* room, std::int64_t length, T* const* row, int rows) {
  constexpr int width = lanes<T>;
  int done = 0;
  for (; length >= 4 && done + 4 <= rows; done += 4) {
    for (std::int64_t c = 0; c < length; c = next_square(c, length)) {
      const T* from = room + c * width + done;
      Square<T>::turn(from, from + width, from + 2 * width, from + 3 * width, row[done] + c, row[done + 1] + c,
                      row[done + 2] + c, row[done + 3] + c);
    }
  }
  for (; done < rows; ++done) {
    for (std::int64_t c = 0; c < length; ++c) row[done][c] = room[c * width + done];
  }
}

FUSEDLOSS_END
