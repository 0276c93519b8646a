// The vector math of one instruction set as plain data, for the tests: what cpp/kernels/math.cpp exports.
#pragma once

#include <cstdint>

/// Functions of one argument ignore `y`, which may then be null. `out` may be `x` or `y` but not overlap them
/// otherwise.
struct FusedlossMathRow {
  const char* name;
  int arguments;
  void (*float32)(const float* x, const float* y, float* out, std::int64_t n);
  void (*float64)(const double* x, const double* y, double* out, std::int64_t n);
};

struct FusedlossMathTable {
  const FusedlossMathRow* rows;
  int size;
};
