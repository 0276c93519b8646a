// A value with its first and second derivatives by `N` variables: what one evaluation of a loss gives.
#pragma once

#include "lanes.hpp"

FUSEDLOSS_BEGIN

/// Where an entry, or its mirror image, stands in the upper triangle of an N x N matrix, row by row.
template <int N>
constexpr int in_triangle(int i, int j) {
  return i > j ? in_triangle<N>(j, i) : i * N - i * (i - 1) / 2 + j - i;
}

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
  for_each_of<N>([&](auto k) __attribute__((always_inline)) { jet.d1[k] = condition ? yes.d1[k] : no.d1[k]; });
  for_each_of<N*(N + 1) / 2>([&](auto k)
                                 __attribute__((always_inline)) { jet.d2[k] = condition ? yes.d2[k] : no.d2[k]; });
  return jet;
}

FUSEDLOSS_END
