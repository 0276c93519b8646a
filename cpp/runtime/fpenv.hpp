// The floating-point environment that kernels run in, whatever the caller's.
//
// A library linked with -ffast-math makes the thread that loads it flush subnormals to zero; threads started from
// that one inherit it, others do not. Results would depend on who else was imported and on which worker met which
// block. So each worker switches to the IEEE default (round to nearest, subnormals kept, exceptions masked) and back.
#pragma once

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#include <cfenv>
#endif

namespace fusedloss::runtime {

class DefaultFloatingPoint {
 public:
#if defined(__x86_64__) || defined(_M_X64)
  // MXCSR: 0x1F80 masks the six exceptions, everything else is 0 (Intel SDM vol. 1, 10.2.3).
  DefaultFloatingPoint() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(0x1F80); }
  ~DefaultFloatingPoint() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
  // FPCR: 0 is the IEEE default (Arm ARM, C5.2). The flags live in another register, FPSR, and are left to
  // accumulate.
  DefaultFloatingPoint() noexcept {
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved_)::"memory");
    __asm__ volatile("msr fpcr, xzr" ::: "memory");
  }
  ~DefaultFloatingPoint() { __asm__ volatile("msr fpcr, %0" ::"r"(saved_) : "memory"); }
#else
  DefaultFloatingPoint() noexcept {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFloatingPoint() { std::fesetenv(&saved_); }
#endif
  DefaultFloatingPoint(const DefaultFloatingPoint&) = delete;
  DefaultFloatingPoint& operator=(const DefaultFloatingPoint&) = delete;

 private:
#if defined(__x86_64__) || defined(_M_X64)
  unsigned saved_;
#elif defined(__aarch64__)
  unsigned long long saved_;
#else
  std::fenv_t saved_;
#endif
};

}  // namespace fusedloss::runtime
