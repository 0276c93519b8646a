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

template <class T>
FUSEDLOSS_INLINE Jet<T> select(bool condition, const Jet<T>& yes, const Jet<T>& no) {
  return {condition ? yes.value : no.value, condition ? yes.d1 : no.d1, condition ? yes.d2 : no.d2};
}

template <class T, int N>
FUSEDLOSS_INLINE Jet<T, N> select(bool condition, const Jet<T, N>& yes, const Jet<T, N>& no) {
  Jet<T, N> jet;
  jet.value = condition ? yes.value : no.value;
  FUSEDLOSS_UNROLLED
  for (int k = 0; k < N; ++k) jet.d1[k] = condition ? yes.d1[k] : no.d1[k];
  FUSEDLOSS_UNROLLED
  for (int k = 0; k < N * (N + 1) / 2; ++k) jet.d2[k] = condition ? yes.d2[k] : no.d2[k];
  return jet;
}

FUSEDLOSS_END
