// A value with its first and second derivatives by `N` variables: what one evaluation of a loss gives.
#pragma once

#include "config.hpp"

FUSEDLOSS_BEGIN

/// Value, gradient and the upper triangle of the Hessian, row by row: for two variables (aa, ab, bb).
/// Members that a caller does not use cost nothing: the compiler drops them with the arithmetic behind them.
template <class T, int N = 1>
struct Jet {
  static constexpr int variables = N;
  T value;
  T d1[N];
  T d2[N * (N + 1) / 2];
};

template <class T>
struct Jet<T, 1> {
  static constexpr int variables = 1;
  T value;
  T d1;
  T d2;
};

FUSEDLOSS_END
