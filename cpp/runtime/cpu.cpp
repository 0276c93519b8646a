#include "cpu.hpp"

#include <atomic>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace fusedloss::runtime {
namespace {

constexpr Isa all_levels[] = {Isa::baseline, Isa::v3, Isa::v4};

#if defined(__x86_64__)

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// All zero, hence no feature, where the processor does not know the leaf.
Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r;
  if (!__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx)) return {};
  return r;
}

constexpr bool has_all(unsigned value, unsigned mask) { return (value & mask) == mask; }

// The registers that the operating system saves. Asked in assembly: the intrinsic needs a flag that this file must
// not have.
unsigned saved_registers() {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// Bits are those of the processor manuals (Intel SDM vol. 2A, CPUID); the levels those of the x86-64 psABI, section
// 3.1.1.
Isa detect() {
  const Registers basic = cpuid(1), extended = cpuid(7), amd = cpuid(0x80000001);

  constexpr unsigned sse3 = 1u << 0, ssse3 = 1u << 9, fma = 1u << 12, cmpxchg16b = 1u << 13, sse41 = 1u << 19,
                     sse42 = 1u << 20, movbe = 1u << 22, popcnt = 1u << 23, osxsave = 1u << 27, avx = 1u << 28,
                     f16c = 1u << 29;                                 // leaf 1, ecx
  constexpr unsigned lahf = 1u << 0, lzcnt = 1u << 5;                 // leaf 0x80000001, ecx
  constexpr unsigned bmi1 = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8;  // leaf 7, ebx
  constexpr unsigned avx512f = 1u << 16, avx512dq = 1u << 17, avx512cd = 1u << 28, avx512bw = 1u << 30,
                     avx512vl = 1u << 31;           // leaf 7, ebx
  constexpr unsigned xmm = 1u << 1, ymm = 1u << 2;  // xcr0
  constexpr unsigned opmask = 1u << 5, zmm_low = 1u << 6, zmm_high = 1u << 7;

  if (!has_all(basic.ecx, osxsave)) return Isa::baseline;
  const unsigned saved = saved_registers();

  const bool v2 = has_all(basic.ecx, sse3 | ssse3 | cmpxchg16b | sse41 | sse42 | popcnt) && has_all(amd.ecx, lahf);
  const bool v3 = v2 && has_all(basic.ecx, fma | movbe | avx | f16c) && has_all(amd.ecx, lzcnt) &&
                  has_all(extended.ebx, bmi1 | avx2 | bmi2) && has_all(saved, xmm | ymm);
  const bool v4 = v3 && has_all(extended.ebx, avx512f | avx512dq | avx512cd | avx512bw | avx512vl) &&
                  has_all(saved, opmask | zmm_low | zmm_high);
  return v4 ? Isa::v4 : v3 ? Isa::v3 : Isa::baseline;
}

std::string brand() {
  if (cpuid(0x80000000).eax < 0x80000004) return "";
  char text[3 * sizeof(Registers) + 1] = {};
  for (unsigned part = 0; part < 3; ++part) {
    const Registers r = cpuid(0x80000002 + part);
    std::memcpy(text + part * sizeof r, &r, sizeof r);
  }
  std::string padded = text;
  const auto first = padded.find_first_not_of(' ');
  return first == std::string::npos ? "" : padded.substr(first, padded.find_last_not_of(' ') - first + 1);
}

#else

Isa detect() { return Isa::baseline; }
std::string brand() { return ""; }

#endif

std::string architecture() {
#if defined(__x86_64__)
  return "x86-64";
#elif defined(__aarch64__) || defined(_M_ARM64)
  return "aarch64";
#else
  return "an architecture without kernels of its own";
#endif
}

std::atomic<Isa>& current() {
  static std::atomic<Isa> isa{best_supported()};
  return isa;
}

}  // namespace

const char* name(Isa isa) {
  switch (isa) {
    case Isa::v4:
      return "v4";
    case Isa::v3:
      return "v3";
    case Isa::baseline:
      break;
  }
  return "baseline";
}

Isa best_supported() {
  static const Isa best = detect();
  return best;
}

bool supported(Isa isa) { return isa <= best_supported(); }

Isa selected() { return current().load(std::memory_order_relaxed); }

bool select(const char* isa) {
  for (const Isa level : all_levels)
    if (std::strcmp(isa, name(level)) == 0 && supported(level)) {
      current().store(level, std::memory_order_relaxed);
      return true;
    }
  return false;
}

std::string cpu_description() {
  const std::string text = brand();
  return text.empty() ? architecture() : text;
}

}  // namespace fusedloss::runtime
