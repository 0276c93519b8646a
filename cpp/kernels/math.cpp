// Every function of core/math.hpp over arrays, for the tests; the losses call the functions themselves.
#include "fusedloss/core/math.hpp"

#include <cstdint>

#include "fusedloss/core/lanes.hpp"
#include "runtime/math_table.hpp"

FUSEDLOSS_BEGIN

template <class F, class T>
FUSEDLOSS_INLINE void apply_group(const T* x, const T* y, T* out) {
  FUSEDLOSS_LANES(lanes<T>)
  for (int l = 0; l < lanes<T>; ++l) out[l] = F::eval(x[l], y[l]);
}

/// The tail goes through the same loop from a padded group: the same bits at every length.
template <class F, class T>
void apply(const T* x, const T* y, T* out, std::int64_t n) {
  y = F::arguments == 2 ? y : x;
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) apply_group<F>(x + i, y + i, out + i);
  if (i == n) return;
  T group_x[lanes<T>], group_y[lanes<T>], group_out[lanes<T>];
  for (int l = 0; l < lanes<T>; ++l) {
    const std::int64_t from = i + l < n ? i + l : i;
    group_x[l] = x[from];
    group_y[l] = y[from];
  }
  apply_group<F>(group_x, group_y, group_out);
  for (int l = 0; i + l < n; ++l) out[i + l] = group_out[l];
}

// Functor, name in the table, number of arguments, value. A function that returns several numbers has a row for each.
#define FUSEDLOSS_MATH_ROWS(ROW)                                      \
  ROW(Exp, "exp", 1, exp(x))                                          \
  ROW(ExpOfSum, "exp.sum", 2, exp(x, y))                              \
  ROW(ExpOfMinus, "exp_of_minus", 1, exp_of_minus(absolute(x)))       \
  ROW(Expm1, "expm1", 1, expm1(x))                                    \
  ROW(Log, "log", 1, log(x))                                          \
  ROW(LogOfSum, "log.sum", 2, log(x, y))                              \
  ROW(Log1p, "log1p", 1, log1p(x))                                    \
  ROW(PowPositive, "pow_positive", 2, pow_positive(x, y))             \
  ROW(Tanh, "tanh", 1, tanh(x))                                       \
  ROW(LogCoshValue, "log_cosh.value", 1, log_cosh(x).value)           \
  ROW(LogCoshTanh, "log_cosh.tanh", 1, log_cosh(x).tanh)              \
  ROW(LogCoshSech2, "log_cosh.sech2", 1, log_cosh(x).sech2)           \
  ROW(Softplus, "logistic.softplus", 1, logistic(x).softplus)         \
  ROW(Sigmoid, "logistic.sigmoid", 1, logistic(x).sigmoid)            \
  ROW(Complement, "logistic.complement", 1, logistic(x).complement)   \
  ROW(LogTerm, "logistic.log_term", 1, logistic(x).log_term)          \
  ROW(LogSigmoid, "log_sigmoid", 1, log_sigmoid(x))                   \
  ROW(NormalDensity, "normal.density", 1, normal(x).density)          \
  ROW(NormalCdf, "normal.cdf", 1, normal(x).cdf)                      \
  ROW(NormalComplement, "normal.complement", 1, normal(x).complement) \
  ROW(NormalCentral, "normal.central", 1, normal(x).central)

#define FUSEDLOSS_MATH_FUNCTOR(Functor, name, count, value)     \
  struct Functor {                                              \
    static constexpr int arguments = count;                     \
    template <class T>                                          \
    static FUSEDLOSS_INLINE T eval(T x, [[maybe_unused]] T y) { \
      return value;                                             \
    }                                                           \
  };
FUSEDLOSS_MATH_ROWS(FUSEDLOSS_MATH_FUNCTOR)

#define FUSEDLOSS_MATH_ENTRY(Functor, name, count, value) {name, count, apply<Functor, float>, apply<Functor, double>},
constexpr FusedlossMathRow rows[] = {FUSEDLOSS_MATH_ROWS(FUSEDLOSS_MATH_ENTRY)};

FUSEDLOSS_END

#define FUSEDLOSS_JOIN_EXPANDED(a, b) a##b
#define FUSEDLOSS_JOIN(a, b) FUSEDLOSS_JOIN_EXPANDED(a, b)

extern "C" {
extern const FusedlossMathTable FUSEDLOSS_JOIN(fusedloss_math_, FUSEDLOSS_ISA);
constexpr FusedlossMathTable FUSEDLOSS_JOIN(fusedloss_math_, FUSEDLOSS_ISA) = {
    fusedloss::rows, static_cast<int>(sizeof fusedloss::rows / sizeof fusedloss::rows[0])};
}
