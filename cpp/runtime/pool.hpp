// Warm memory for large results.
//
// The first touch of fresh pages costs more than a fused loss: filling 40 MB took 5 to 7 ms in fresh memory, huge pages
// and all, and 1.6 ms in memory that had been used before. So the memory of a large result that is dropped is kept for
// the next one. Below the threshold the C library does as much by itself.
#pragma once

#include <cstddef>

namespace fusedloss::runtime {

struct Buffer {
  void* data;            ///< aligned to a huge page
  std::size_t capacity;  ///< at least what was asked for
};

/// Results of at least this many bytes are worth a pooled buffer.
constexpr std::size_t pool_threshold = std::size_t{16} << 20;

/// What the pool keeps at most, in bytes. A larger buffer goes straight back to the system.
constexpr std::size_t pool_limit = std::size_t{1} << 30;

/// A buffer of at least `bytes` bytes with arbitrary contents: a kept one if its capacity is within a factor 2 of the
/// need, a fresh one otherwise. Throws std::bad_alloc.
Buffer acquire(std::size_t bytes);

/// Takes a buffer back. Safe from any thread, in a forked child, and while the process ends.
void release(Buffer buffer) noexcept;

/// Bytes kept at the moment.
std::size_t held();

/// Gives everything kept back to the system.
void clear() noexcept;

}  // namespace fusedloss::runtime
