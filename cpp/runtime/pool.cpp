// Design:
// 1. Two buffers are kept, because the old gradient still lives while the next one is made: a training loop
//    alternates between two. A third one that comes back pushes out the one that was kept longest, so a change of
//    batch size takes over by itself.
// 2. Kept pages are marked as free to take (MADV_FREE, 9 us for 40 MB): under memory pressure the kernel reclaims
//    them instead of ending the process; otherwise they stay as warm as unmarked ones.
// 3. The lock covers a few loads and stores; allocation and system calls happen outside it. It is held across a fork,
//    so that the child finds it free and the two slots consistent.
// 4. The pool is never destroyed: arrays may outlive the module and come back while the process ends.
#include "pool.hpp"

#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(_WIN32)
#include <malloc.h>
#endif

namespace fusedloss::runtime {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr int slots = 2;
constexpr Buffer nothing{nullptr, 0};

std::size_t rounded_up(std::size_t bytes) {
  if (bytes > static_cast<std::size_t>(-1) - huge_page) throw std::bad_alloc();
  return bytes == 0 ? huge_page : (bytes + huge_page - 1) / huge_page * huge_page;
}

Buffer allocate(std::size_t capacity) {
  void* data = nullptr;
#if defined(_WIN32)
  data = _aligned_malloc(capacity, huge_page);
#else
  if (posix_memalign(&data, huge_page, capacity) != 0) data = nullptr;
#endif
  if (data == nullptr) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
  madvise(data, capacity, MADV_HUGEPAGE);  // a hint: systems without huge pages refuse it, at no loss
#endif
  return {data, capacity};
}

void deallocate(Buffer buffer) noexcept {
#if defined(_WIN32)
  _aligned_free(buffer.data);
#else
  std::free(buffer.data);
#endif
}

// The kept buffers, the longest kept first, empty slots last.
struct Pool {
  std::mutex mutex;
  Buffer kept[slots] = {nothing, nothing};

  Pool();

  Buffer remove(int slot) noexcept {
    const Buffer buffer = kept[slot];
    for (int s = slot; s + 1 < slots; ++s) kept[s] = kept[s + 1];
    kept[slots - 1] = nothing;
    return buffer;
  }

  std::size_t total() const noexcept {
    std::size_t bytes = 0;
    for (const Buffer& buffer : kept) bytes += buffer.capacity;
    return bytes;
  }
};

Pool& pool() {
  static Pool& instance = *new Pool;
  return instance;
}

Pool::Pool() {
#if defined(__unix__) || defined(__APPLE__)
  pthread_atfork([] { pool().mutex.lock(); }, [] { pool().mutex.unlock(); }, [] { pool().mutex.unlock(); });
#endif
}

}  // namespace

Buffer acquire(std::size_t bytes) {
  const std::size_t capacity = rounded_up(bytes);
  {
    Pool& p = pool();
    const std::lock_guard<std::mutex> lock(p.mutex);
    int best = -1;
    for (int s = 0; s < slots; ++s)
      if (p.kept[s].capacity >= capacity && p.kept[s].capacity / 2 <= capacity &&
          (best < 0 || p.kept[s].capacity <= p.kept[best].capacity))
        best = s;
    if (best >= 0) return p.remove(best);
  }
  return allocate(capacity);
}

void release(Buffer buffer) noexcept {
  if (buffer.data == nullptr) return;
  if (buffer.capacity > pool_limit) return deallocate(buffer);
#if defined(__linux__) && defined(MADV_FREE)
  madvise(buffer.data, buffer.capacity, MADV_FREE);
#endif
  Buffer pushed_out[slots] = {nothing, nothing};
  {
    Pool& p = pool();
    const std::lock_guard<std::mutex> lock(p.mutex);
    int count = 0;
    while (p.kept[slots - 1].data != nullptr || p.total() + buffer.capacity > pool_limit)
      pushed_out[count++] = p.remove(0);
    int free_slot = 0;
    while (p.kept[free_slot].data != nullptr) ++free_slot;
    p.kept[free_slot] = buffer;
  }
  for (const Buffer& old : pushed_out)
    if (old.data != nullptr) deallocate(old);
}

std::size_t held() {
  Pool& p = pool();
  const std::lock_guard<std::mutex> lock(p.mutex);
  return p.total();
}

void clear() noexcept {
  Buffer pushed_out[slots];
  {
    Pool& p = pool();
    const std::lock_guard<std::mutex> lock(p.mutex);
    for (Buffer& buffer : pushed_out) buffer = p.remove(0);
  }
  for (const Buffer& old : pushed_out)
    if (old.data != nullptr) deallocate(old);
}

}  // namespace fusedloss::runtime
