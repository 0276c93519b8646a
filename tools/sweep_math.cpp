// Measures core/math.hpp: the largest error of each function in ulp with the input that shows it, and its time in the
// L1 cache. The bounds in math.hpp are what this program printed. One instruction set a build, for example
//
//     g++ -std=c++17 -O2 -march=x86-64-v3 -ffp-contract=off -fopenmp-simd -fno-math-errno -fno-trapping-math -pthread
//         -DFUSEDLOSS_ISA=v3 -Icpp tools/sweep_math.cpp cpp/kernels/math.cpp -o sweep_math
//
//     ./sweep_math double [millions]  random arguments against the C library in long double (64 bits of mantissa on
//     x86)
//     ./sweep_math float              all 2^32 arguments against the same function in double: about half a minute each
//     ./sweep_math time               nanoseconds an element
//     ./sweep_math hash               a checksum of results: equal for every compiler and instruction set with fused
//     multiply-add
//
// A further argument selects the functions whose name begins so.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "runtime/math_table.hpp"

#define JOIN_EXPANDED(a, b) a##b
#define JOIN(a, b) JOIN_EXPANDED(a, b)
extern "C" const FusedlossMathTable JOIN(fusedloss_math_, FUSEDLOSS_ISA);

namespace {

constexpr int block = 4096;

template <class To, class From>
To cast_bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

std::uint64_t mixed(std::uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// ---- References: the formulas in a wider type -----------------------------------------------------------------------

template <class R>
R softplus(R z) {
  return z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
}

template <class R>
R sigmoid(R z) {
  return z > 0 ? 1 / (1 + std::exp(-z)) : std::exp(z) / (1 + std::exp(z));
}

template <class R>
R log_cosh(R x) {
  const R a = std::abs(x);
  const R s = std::sinh(a / 2);
  return a < 2 ? std::log1p(2 * s * s) : a - R(M_LN2l) + std::log1p(std::exp(-2 * a));
}

template <class R>
R sech2(R x) {
  const R e = std::exp(-2 * std::abs(x));
  return 4 * e / ((1 + e) * (1 + e));
}

template <class R>
R lower_tail(R z) {
  return std::erfc(-z * R(M_SQRT1_2l)) / 2;
}

template <class R>
R reference(const std::string& name, R x, R y) {
  if (name == "exp") return std::exp(x);
  if (name == "exp.sum") return std::exp(x) * (1 + y + y * y / 2);
  if (name == "exp_of_minus") return std::exp(-std::abs(x));
  if (name == "expm1") return std::expm1(x);
  if (name == "log") return std::log(x);
  if (name == "log.sum") return x > R(0.5) && x < 2 ? std::log1p((x - 1) + y) : std::log(x + y);
  if (name == "log1p") return std::log1p(x);
  if (name == "pow_positive") return x >= 0 ? std::pow(std::abs(x), y) : R(NAN);
  if (name == "tanh" || name == "log_cosh.tanh") return std::tanh(x);
  if (name == "log_cosh.value") return log_cosh(x);
  if (name == "log_cosh.sech2") return sech2(x);
  if (name == "logistic.softplus") return softplus(x);
  if (name == "logistic.sigmoid") return sigmoid(x);
  if (name == "logistic.complement") return sigmoid(-x);
  if (name == "logistic.log_term") return std::log1p(std::exp(-std::abs(x)));
  if (name == "log_sigmoid") return -softplus(-x);
  if (name == "normal.density") return std::exp(-x * x / 2) * R(0.398942280401432677939946059934381868L);
  if (name == "normal.cdf") return lower_tail(x);
  if (name == "normal.complement") return lower_tail(-x);
  if (name == "normal.central") return std::erf(x * R(M_SQRT1_2l));
  std::fprintf(stderr, "no reference for %s\n", name.c_str());
  std::exit(2);
}

/// A second argument for functions that take one: of sums, within half an ulp of the first; of powers, of everyday size
/// or one that makes the result as large or small as the type allows.
template <class T>
T second(const std::string& name, T x, std::uint64_t seed) {
  const std::uint64_t bits = mixed(~seed);
  const T unit = static_cast<T>(static_cast<double>(bits >> 11) * 0x1p-52 - 1);
  if (name == "exp.sum" || name == "log.sum") {
    if (name == "log.sum" && x < std::numeric_limits<T>::min()) return 0;
    const T next = std::nextafter(std::abs(x), T(0));
    return std::isfinite(x) ? unit * (std::abs(x) - next) / 2 : T(0);
  }
  if (name == "pow_positive" && bits % 2 == 0 && x > 0) {
    return unit * std::numeric_limits<T>::max_exponent / std::log2(x == 1 ? T(2) : x);
  }
  return unit * 8;
}

// ---- Errors ---------------------------------------------------------------------------------------------------------

/// The ordinary case of error_in_ulp, fast: all normal floats.
inline bool ordinary(float value, double exact, double& error) {
  const std::uint64_t exponent = cast_bits<std::uint64_t>(exact) >> 52 & 0x7ff;
  if (exponent < 1023 - 126 || exponent > 1023 + 126 || !(std::abs(value) < 0x1p127f)) return false;
  error = std::abs(value - exact) * cast_bits<double>((2 * 1023 + 23 - exponent) << 52);
  return true;
}

inline bool ordinary(double, long double, double&) { return false; }

/// |value - exact| in units of the last place that T has at `exact`; overflow counts as 2^(greatest exponent + 1).
template <class T, class R>
double error_in_ulp(T value, R exact) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(exact) || std::isnan(value)) return std::isnan(exact) && std::isnan(value) ? 0 : HUGE_VAL;
  if (std::isinf(exact) && std::isinf(value)) return (exact > 0) == (value > 0) ? 0 : HUGE_VAL;
  const R top = std::scalbn(R(1), Limits::max_exponent);
  const R got = std::isinf(value) ? std::copysign(top, R(value)) : R(value);
  const R want = std::abs(exact) > top ? std::copysign(top, exact) : exact;
  if (want == 0 && got == 0) return std::signbit(want) == std::signbit(got) ? 0 : HUGE_VAL;
  int exponent = std::max(want == 0 ? Limits::min_exponent : std::ilogb(want) + 1, Limits::min_exponent);
  exponent = std::min(exponent, Limits::max_exponent);
  return static_cast<double>(std::scalbn(std::abs(got - want), Limits::digits - exponent));
}

struct Worst {
  double error = -1;
  double x = 0, y = 0;
};

template <class T>
auto function_of(const FusedlossMathRow& row) {
  if constexpr (sizeof(T) == 4) {
    return row.float32;
  } else {
    return row.float64;
  }
}

/// Arguments by number: every float; for double, half of them uniform over bit patterns, half with exponents of
/// everyday use.
template <class T>
T argument(std::uint64_t i) {
  if constexpr (sizeof(T) == 4) {
    return cast_bits<float>(static_cast<std::uint32_t>(i));
  } else {
    const std::uint64_t bits = mixed(i);
    if (i % 2 == 0) return cast_bits<double>(bits);
    return std::ldexp(1 + static_cast<double>(bits >> 12) * 0x1p-52, static_cast<int>(bits % 44) - 33) *
           (bits & 2048 ? 1 : -1);
  }
}

/// What the function should have given: for double from the C library, for float from the function's own double form.
void exact(const FusedlossMathRow& row, const std::vector<double>& x, const std::vector<double>& y,
           std::vector<long double>& out) {
  const std::string name = row.name;
  for (int i = 0; i < block; ++i) out[i] = reference<long double>(name, x[i], y[i]);
}

void exact(const FusedlossMathRow& row, const std::vector<float>& x, const std::vector<float>& y,
           std::vector<double>& out) {
  const std::vector<double> wide_x(x.begin(), x.end()), wide_y(y.begin(), y.end());
  row.float64(wide_x.data(), wide_y.data(), out.data(), block);
}

template <class T, class R>
Worst sweep(const FusedlossMathRow& row, std::uint64_t first, std::uint64_t last) {
  const std::string name = row.name;
  std::vector<T> x(block), y(block), out(block);
  std::vector<R> want(block);
  Worst worst;
  for (std::uint64_t begin = first; begin < last; begin += block) {
    for (int i = 0; i < block; ++i) {
      x[i] = argument<T>(begin + i);
      if (name == "exp.sum" && x[i] > 100) x[i] = -x[i];  // beyond its range
      y[i] = row.arguments == 2 ? second(name, x[i], begin + i) : T(0);
    }
    function_of<T>(row)(x.data(), y.data(), out.data(), block);
    exact(row, x, y, want);
    for (int i = 0; i < block; ++i) {
      double error;
      if (!ordinary(out[i], want[i], error)) error = error_in_ulp<T, R>(out[i], want[i]);
      if (error > worst.error) worst = {error, static_cast<double>(x[i]), static_cast<double>(y[i])};
    }
  }
  return worst;
}

template <class T, class R>
void report(const FusedlossMathRow& row, std::uint64_t count) {
  const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  const std::uint64_t share = (count / threads / block + 1) * block;
  std::vector<Worst> worst(threads);
  std::vector<std::thread> team;
  for (unsigned t = 0; t < threads; ++t) {
    team.emplace_back([&, t] { worst[t] = sweep<T, R>(row, t * share, std::min(count, (t + 1) * share)); });
  }
  for (std::thread& member : team) member.join();
  const Worst w = *std::max_element(worst.begin(), worst.end(), [](auto& a, auto& b) { return a.error < b.error; });
  std::printf("%-20s %-6s %.4f ulp at %a", row.name, sizeof(T) == 4 ? "float" : "double", w.error, w.x);
  if (row.arguments == 2) std::printf(", %a", w.y);
  std::printf("\n");
  std::fflush(stdout);
}

// ---- Time and identity ----------------------------------------------------------------------------------------------

template <class T>
double nanoseconds(const FusedlossMathRow& row) {
  constexpr int n = 1024;
  std::vector<T> x(n), y(n), out(n);
  for (int i = 0; i < n; ++i) {
    x[i] = static_cast<T>(0.01 + 0.0087 * i);
    y[i] = static_cast<T>(1e-9 * i);
  }
  double best = HUGE_VAL;
  for (int repeat = 0; repeat < 200; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    for (int k = 0; k < 50; ++k) {
      function_of<T>(row)(x.data(), y.data(), out.data(), n);
      asm volatile("" ::: "memory");
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / (50.0 * n));
  }
  return best;
}

template <class T>
std::uint64_t checksum(const FusedlossMathRow& row) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::vector<T> x(block), y(block), out(block);
  std::uint64_t sum = 0;
  for (std::uint64_t begin = 0; begin < 4'000'000; begin += block) {
    for (int i = 0; i < block; ++i) {
      x[i] = argument<T>(sizeof(T) == 4 ? mixed(begin + i) : begin + i);
      y[i] = second<T>(row.name, x[i], begin + i);
    }
    function_of<T>(row)(x.data(), y.data(), out.data(), block - 3);  // with a tail
    for (int i = 0; i < block - 3; ++i) sum = mixed(sum ^ (std::isnan(out[i]) ? 1 : cast_bits<Bits>(out[i])));
  }
  return sum;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string mode = count > 1 ? arguments[1] : "";
  int next = 2;
  std::uint64_t millions = 50;
  if (mode == "double" && count > next && std::atoi(arguments[next]) > 0) millions = std::atoi(arguments[next++]);
  const std::string prefix = count > next ? arguments[next] : "";
  const FusedlossMathTable& table = JOIN(fusedloss_math_, FUSEDLOSS_ISA);
  for (int i = 0; i < table.size; ++i) {
    const FusedlossMathRow& row = table.rows[i];
    if (std::string(row.name).rfind(prefix, 0) != 0) continue;
    if (mode == "float") {
      report<float, double>(row, std::uint64_t{1} << 32);
    } else if (mode == "double") {
      report<double, long double>(row, millions * 1'000'000);
    } else if (mode == "time") {
      std::printf("%-20s float %.3f  double %.3f ns\n", row.name, nanoseconds<float>(row), nanoseconds<double>(row));
    } else if (mode == "hash") {
      std::printf("%-20s %016llx %016llx\n", row.name, static_cast<unsigned long long>(checksum<float>(row)),
                  static_cast<unsigned long long>(checksum<double>(row)));
    } else {
      std::fprintf(stderr, "sweep_math float | double [millions] | time | hash, then the beginning of a name\n");
      return 2;
    }
  }
}
