// The yardstick: the time that memory, or the cache, needs for the arrays of a loss, with no mathematics to speak of.
//
// A plain loop, as STREAM has it (McCalpin 1995): no prefetching, no stores past the cache. Compiled for the machine it
// runs on when the benchmark starts; no part of the package.
#include <cstdint>

// Below so many elements a team of threads costs more than it saves.
static const std::int64_t worth_a_team = 1 << 15;

template <class T>
static void repeat_triad(T* __restrict a, const T* b, const T* c, T s, std::int64_t n, int threads,
                         std::int64_t calls) {
  for (std::int64_t call = 0; call < calls; ++call) {
    if (threads == 1 || n < worth_a_team) {
#pragma omp simd
      for (std::int64_t i = 0; i < n; ++i) a[i] = b[i] + s * c[i];
    } else {
#pragma omp parallel for simd schedule(static) num_threads(threads)
      for (std::int64_t i = 0; i < n; ++i) a[i] = b[i] + s * c[i];
    }
    __asm__ volatile("" ::: "memory");  // each call stores its results: none can be left out
  }
}

extern "C" void triad_float32(float* a, const float* b, const float* c, float s, std::int64_t n, int threads,
                              std::int64_t calls) {
  repeat_triad(a, b, c, s, n, threads, calls);
}

extern "C" void triad_float64(double* a, const double* b, const double* c, double s, std::int64_t n, int threads,
                              std::int64_t calls) {
  repeat_triad(a, b, c, s, n, threads, calls);
}
