// Warm memory for large results.
//
// The first touch of fresh pages costs more than a fused loss: writing 40 MB took 25 ms into fresh memory and 15 ms
// into warm. So the memory of a large result that is dropped is kept for the next one. Small results need none of
// this: up to 32 MB the C library itself keeps freed memory once it has seen such a size.
#pragma once

#include <cstddef>

namespace fusedloss::runtime {

struct Buffer {
  void* data;            // aligned to a huge page
  std::size_t capacity;  // at least what was asked for
};

// Results of at least this many bytes are worth a pooled buffer.
constexpr std::size_t pool_threshold = std::size_t{16} << 20;

// What the pool keeps at most, in bytes. A larger buffer goes straight back to the system.
constexpr std::size_t pool_limit = std::size_t{1} << 30;

// A buffer of at least `bytes` bytes with arbitrary contents: a kept one if its capacity is within a factor 2 of the
// need, a fresh one otherwise. Throws std::bad_alloc.
Buffer acquire(std::size_t bytes);

// Takes a buffer back. Safe from any thread, in a forked child, and while the process ends.
void release(Buffer buffer) noexcept;

// Bytes kept at the moment.
std::size_t held();

// Gives everything kept back to the system.
void clear() noexcept;

}  // namespace fusedloss::runtime
