// Losses of a query's documents as a list: of the softmax of their scores, and of the order that they should have.
//
// Both are one or two passes over the documents and are computed in double, whatever the scores' precision: beside
// their exponentials that costs little, and differences of nearly equal probabilities keep their digits.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "../core/math.hpp"
#include "queries.hpp"

FUSEDLOSS_BEGIN

/// e[i] = e^(x[i] - top), where `top` is the largest; the sum of all but one of the largest, which is 1: so the log of
/// the sum and 1 - p keep their digits where p is close to 1. NaN if the largest is infinite.
struct Exponentials {
  double top;
  double rest;
};

/// Writes behind the last document as well: e = 0.
FUSEDLOSS_SHARED Exponentials exponentials(double* x, std::int64_t size, double* e) {
  constexpr int width = lanes<double>;
  for (int l = 0; l < width; ++l) x[size + l] = -infinity<double>;
  alignas(64) double most[width], others[width] = {}, ties[width] = {};
  for (int l = 0; l < width; ++l) most[l] = -infinity<double>;
  for (std::int64_t first = 0; first < size; first += width) {
    const double* group = x + first;
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) most[l] = maximum(group[l], most[l]);
  }
  const double top = fold_maximum(most);
  for (std::int64_t first = 0; first < size; first += width) {
    const double* group = x + first;
    double* out = e + first;
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      const TwoTerms<double> below = two_diff(group[l], top);
      const double each = exp(below.hi, below.lo);
      const bool largest = group[l] == top;
      others[l] += largest ? 0.0 : each;
      ties[l] += largest ? 1.0 : 0.0;
      out[l] = each;
    }
  }
  return {top, fold(others) + (fold(ties) - 1) + (top - top)};
}

/// sum_i t_i (log sum_k e^(z_k) - z_i), t the softmax of the relevances or the relevances themselves.
template <abi::Outputs Set>
struct ListSoftmax {
  enum Rooms { scores, relevances, shares, rooms };

  static FUSEDLOSS_SHARED double solve(const Query<double>& query, bool softmax_target) {
    constexpr int width = lanes<double>;
    constexpr bool wants_grad = Set == abi::value_grad || Set == abi::value_grad_hess;
    constexpr bool wants_hess = Set == abi::value_grad_hess;
    constexpr bool product = Set == abi::hessian_vector;
    const std::int64_t size = query.size;
    if (size == 0) return 0;
    double* const z = query.room<double>(scores);
    double* const y = query.room<double>(relevances);
    double* const t = query.room<double>(shares);
    double* const e = query.grad;  // each is replaced by what it leads to
    std::memcpy(z, query.pred, size * sizeof *z);
    std::memcpy(y, query.target, size * sizeof *y);
    const Exponentials pred = exponentials(z, size, e);
    Exponentials target{infinity<double>, 0};
    if (softmax_target) {
      target = exponentials(y, size, t);
    } else {
      std::memcpy(t, y, size * sizeof *t);
      for (int l = 0; l < width; ++l) t[size + l] = 0;
    }
    // One document of each largest exponential has the rest as its complement, without a difference.
    const double share = 1 / (1 + pred.rest), per_target = softmax_target ? 1 / (1 + target.rest) : 1;
    const double log_sum = log1p(pred.rest), target_rest = target.rest * per_target;
    alignas(64) double value[width] = {}, mass[width] = {}, along[width] = {};
    double base = 0;
    if constexpr (product) {
      for (std::int64_t i = size; i-- > 0;) base = z[i] == pred.top ? query.vector[i] : base;
    }
    for (std::int64_t first = 0; first < size; first += width) {
      const double *score = z + first, *each = e + first, *v = query.vector + first;
      double* own = t + first;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        own[l] *= per_target;
        mass[l] += own[l];
        const double gap = log_sum + (pred.top - score[l]);
        value[l] += own[l] == 0.0 && gap == gap ? 0.0 : own[l] * gap;
        if constexpr (product) along[l] += each[l] == 0.0 ? 0.0 : each[l] * (v[l] - base);
      }
    }
    const double all = softmax_target ? 1 + (target.rest - target.rest) : fold(mass);
    const double mean = product ? fold(along) * share : 0;
    for (std::int64_t first = 0; first < size; first += width) {
      const double *score = z + first, *relevance = y + first, *own = t + first, *v = query.vector + first;
      double *g = e + first, *h = query.hess + first;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        const double p = g[l] * share;
        const bool largest = score[l] == pred.top;
        const double complement = largest ? pred.rest * share : 1 - p;
        if constexpr (product) {
          g[l] = all * (p * ((v[l] - base) - mean));
        } else if constexpr (wants_grad) {
          const double missed = relevance[l] == target.top ? target_rest : all - own[l];
          if constexpr (wants_hess) h[l] = all * (p * complement);
          g[l] = largest ? fma(-all, complement, missed) : fma(all, p, -own[l]);
        }
      }
    }
    return fold(value);
  }
};

/// -log of the probability of an order under the Plackett-Luce model: documents sorted by relevance,
/// sum_k (log sum_{j >= k} e^(z_j) - z_k).
///
/// With m_k the largest score from k on, S_k = sum_{j >= k} e^(z_j - m_k) lies between 1 and the number of documents,
/// and everything is a recurrence whose factors are exponentials of at most 0:
///   S_k = e_k + r_k S_(k+1),   e_k = e^(z_k - m_k),   r_k = e^(m_(k+1) - m_k),
///   B_j = sum_{k <= j} e^(m_j - m_k) / S_k = r_(j-1) B_(j-1) + 1 / S_j,   derivative: e_j B_j - 1.
/// p_jk = e^(z_j - m_k) / S_k, the probability of j in place k, is above 1/2 only if z_j is m_k: for those documents
/// ("heads") 1 - p is the sum of the others over S_k, with R_k = S_k - 1 carried along.
template <abi::Outputs Set>
struct PlackettLuce {
  enum Rooms { order, spare, scores, peaks, shares, falls, rests, products, results, rooms };

  static FUSEDLOSS_SHARED double solve(const Query<double>& query) {
    constexpr int width = lanes<double>;
    constexpr bool wants_grad = Set == abi::value_grad || Set == abi::value_grad_hess;
    constexpr bool wants_hess = Set == abi::value_grad_hess;
    constexpr bool product = Set == abi::hessian_vector;
    const std::int64_t size = query.size;
    if (size == 0) return 0;
    std::int64_t* const turned = query.room<std::int64_t>(order);
    double* const z = query.room<double>(scores);
    double* const m = query.room<double>(peaks);
    double* const e = query.room<double>(shares);
    double* const r = query.room<double>(falls);
    double* const rest = query.room<double>(rests);
    double* const inverse = m;  // takes the place of the peaks, when they have led to exponentials
    sort_descending(query.target, size, turned, query.room<std::int64_t>(spare));
    take(query.pred, turned, size, z);

    double peak = z[size - 1];
    for (std::int64_t i = size; i-- > 0;) m[i] = peak = maximum(z[i], peak);
    const double undefined = (m[0] - m[0]) + (m[size - 1] - m[size - 1]);  // inf - inf
    if (undefined != 0) {
      if constexpr (wants_grad || product) fill(query.grad, size, undefined);
      if constexpr (wants_hess) fill(query.hess, size, undefined);
      return undefined;
    }
    for (int l = 0; l <= width; ++l) z[size + l] = m[size + l] = m[size - 1];
    for (std::int64_t first = 0; first < size; first += width) {
      const double *score = z + first, *here = m + first, *next = m + first + 1;
      double *share = e + first, *fall = r + first;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        const TwoTerms<double> below = two_diff(score[l], here[l]), down = two_diff(next[l], here[l]);
        share[l] = exp(below.hi, below.lo);
        fall[l] = exp(down.hi, down.lo);
      }
    }

    double sum = 0, others = 0, moved = 0;
    [[maybe_unused]] double* const v = query.room<double>(results);
    [[maybe_unused]] double* const weighed = query.room<double>(products);
    if constexpr (product) take(query.vector, turned, size, v);
    for (std::int64_t i = size; i-- > 0;) {
      const bool head = z[i] == m[i];
      others = head ? r[i] * sum : others + e[i];
      rest[i] = others;
      sum = 1 + others;
      if constexpr (product) weighed[i] = moved = fma(r[i], moved, e[i] * v[i]);
    }
    alignas(64) double value[width] = {};
    for (int l = 0; l < width; ++l) rest[size + l] = 0;
    for (std::int64_t first = 0; first < size; first += width) {
      const double *score = z + first, *left = rest + first;
      double* here = m + first;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        value[l] += log1p(left[l]) + (here[l] - score[l]);
        // A head is marked by the sign of 1 / S.
        const double whole = 1 / (1 + left[l]);
        here[l] = score[l] == here[l] ? -whole : whole;
      }
    }

    if constexpr (wants_grad || product) {
      double* const g = query.room<double>(results);
      double* const h = query.room<double>(products);
      double before = 0, squares = 0, outside_run = 0, squares_outside = 0, within = 0, mean = 0, fall = 0;
      for (std::int64_t i = 0; i < size; ++i) {
        const bool head = inverse[i] < 0;
        const double one = absolute(inverse[i]);
        before *= fall;
        if constexpr (product) {
          mean = fma(fall, mean, weighed[i] * one * one);
          before += one;
          g[i] = e[i] * fma(v[i], before, -mean);
        } else {
          const double others_first = head ? rest[i] : 1 + rest[i + 1];
          g[i] = fma(e[i], before, -(others_first * one));
          if constexpr (wants_hess) {
            squares *= fall * fall;
            const bool same_run = fall == 1 && i > 0;
            outside_run = same_run ? outside_run : before;
            squares_outside = same_run ? squares_outside : squares;
            within = fma(rest[i] * one, one, same_run ? within : 0.0);
            squares = fma(one, one, squares);
            h[i] = head ? (outside_run - squares_outside) + within : e[i] * fma(-e[i], squares, before + one);
          }
          before += one;
        }
        fall = r[i];
      }
      give(g, turned, size, 1, query.grad);
      if constexpr (wants_hess) give(h, turned, size, 1, query.hess);
    }
    return fold(value);
  }
};

FUSEDLOSS_END
