// Namespace, inlining and vectorisation switches that every header of the library goes through.
//
// Each header opens FUSEDLOSS_BEGIN and closes FUSEDLOSS_END: an inline namespace named after the instruction sets that
// the compiler was given, so that two files of one program that were built with different flags never share an inline
// function, and files built with the same flags do. The library's own kernel files are compiled once per instruction
// set with FUSEDLOSS_ISA defined, which then is the name.
#pragma once

#if defined(FUSEDLOSS_ISA)
#define FUSEDLOSS_ABI inline namespace FUSEDLOSS_ISA
#elif defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define FUSEDLOSS_ABI inline namespace avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define FUSEDLOSS_ABI inline namespace avx2_fma
#elif defined(__AVX__)
#define FUSEDLOSS_ABI inline namespace avx
#elif defined(__aarch64__)
#define FUSEDLOSS_ABI inline namespace aarch64
#else
#define FUSEDLOSS_ABI inline namespace generic
#endif

#define FUSEDLOSS_BEGIN \
  namespace fusedloss { \
  FUSEDLOSS_ABI {
#define FUSEDLOSS_END \
  }                   \
  }

// Plain `inline` leaves half of the kernels unvectorised without a word: everything in core, losses and kinds uses
// this.
#define FUSEDLOSS_INLINE inline __attribute__((always_inline))

// Put before a loop over the lanes of one group (64 bytes): all lanes at once.
#if defined(__clang__)
#define FUSEDLOSS_PRAGMA(text) _Pragma(#text)
#define FUSEDLOSS_LANES(count) \
  FUSEDLOSS_PRAGMA(clang loop vectorize(assume_safety) vectorize_width(count) interleave_count(1) unroll(disable))
#else
#define FUSEDLOSS_LANES(count) _Pragma("omp simd")
#endif

// Put before a loop of a few turns, their number a constant.
#if defined(__clang__)
#define FUSEDLOSS_UNROLLED _Pragma("unroll")
#else
#define FUSEDLOSS_UNROLLED _Pragma("GCC unroll 8")
#endif

// Put before a loop of any length whose turns do not depend on one another.
#if defined(__clang__)
#define FUSEDLOSS_SIMD FUSEDLOSS_PRAGMA(clang loop vectorize(assume_safety))
#else
#define FUSEDLOSS_SIMD _Pragma("omp simd")
#endif
