// Losses of a query that are a sum over its pairs of documents with different relevances: a weight for the pair times
// the logistic loss of the difference of their scores.
//
// A functor says what a pair weighs:
//   template <class T> static PairOptions<T> pairs(const Options<T>&)
//   ranked                              - whether a pair's weight depends on gains and discounts; if it does,
//   static double gain(relevance)
//   static double weight(difference of gains, difference of discounts)
//   template <class T> static double factor(const Options<T>&, pairs, best)   - of the query's sum, from the number of
//   its
//                                                                               pairs and its ideal DCG
//
// Design:
// 1. Documents are sorted by relevance: the partners of a document that are less relevant lie side by side, so that no
//    time goes into pairs that do not count, and a group of partners is a group of lanes. Memory grows with the
//    documents, not with their pairs.
// 2. With a truncation only the documents at the top visit others: those less relevant, then those more relevant that
//    are not at the top themselves.
// 3. The logistic loss is computed in the precision of the scores, with what the rounding of the difference lost; it is
//    weighed and added up in double.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "../core/math.hpp"
#include "queries.hpp"

FUSEDLOSS_BEGIN

template <class T>
constexpr T ln2 = T(0x1.62e42fefa39efp-1);
constexpr double ln2_rest = 0x1.abc9e3b39803fp-56;  // of ln 2

/// log(1 + e^-d), d = sigma (score of the more relevant - score of the less relevant). Only pairs with a document among
/// the first `top` by score count.
template <class T>
struct PairOptions {
  TwoTerms<T> sigma;
  double top;
};

/// A query's documents in the order of their relevances.
template <class T>
struct SortedDocuments {
  const T* pred;
  const T* vector;
  const double* gain;
  const double* discount;
  const double* discount_lo;
  double* grad;
  double* hess;
};

template <class Loss, class T, abi::Outputs Set>
struct Pairs {
  static constexpr int width = lanes<T>;
  static constexpr bool wants_grad = Set == abi::value_grad || Set == abi::value_grad_hess;
  static constexpr bool wants_hess = Set == abi::value_grad_hess;
  static constexpr bool product = Set == abi::hessian_vector;
  using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  enum Rooms { order, spare, relevance, pred, vector, gain, discount, discount_lo, by_document, grad, hess, rooms };

  /// The pairs of document `i` with those of [from, to): less relevant ones (way = 1) or more relevant ones (way = -1).
  /// Partners whose discount is `cut` or more are left out.
  static FUSEDLOSS_INLINE double visit_partners(const SortedDocuments<T>& of, std::int64_t i, std::int64_t from,
                                                std::int64_t to, double way, double cut, TwoTerms<T> sigma) {
    const T own = of.pred[i], own_vector = product ? of.vector[i] : T(0), turn = static_cast<T>(way);
    const double own_gain = Loss::ranked ? of.gain[i] : 0;
    const double own_discount = Loss::ranked ? of.discount[i] : 0, own_lo = Loss::ranked ? of.discount_lo[i] : 0;
    alignas(64) double value[width] = {}, slope[width] = {}, curve[width] = {};
    alignas(64) Index number[width];
    for (int l = 0; l < width; ++l) number[l] = static_cast<Index>(l);
    for (std::int64_t first = from; first < to; first += width) {
      const Index left = static_cast<Index>(to - first < width ? to - first : width);
      const T* z = of.pred + first;
      const T* v = product ? of.vector + first : z;
      const double* gain = Loss::ranked ? of.gain + first : of.grad + first;
      const double* discount = Loss::ranked ? of.discount + first : of.grad + first;
      const double* discount_lo = Loss::ranked ? of.discount_lo + first : of.grad + first;
      double* g = of.grad + first;
      double* h = of.hess + first;
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        const TwoTerms<T> gap = two_diff(own, z[l]);
        const T hi = sigma.hi * gap.hi;
        const T a = absolute(hi);
        const T lost = fma(sigma.hi, gap.lo, fma(sigma.lo, gap.hi, -residual(hi, sigma.hi, gap.hi)));
        const T lo = turn * masked(lost, mask_of<T>(a < T(0x1p60)));  // beyond, it may be NaN, and is below all digits
        const T d = turn * hi;
        const LogisticTail<T> tail = logistic_tail(a);
        const T bend = tail.larger * tail.smaller;
        const T plain = d < T(0) ? tail.larger : tail.smaller;  // -d/dd of the loss
        const bool counts = number[l] < left;
        const auto counted = [&](double term) {
          if constexpr (Loss::ranked) {
            const double nearer = (own_discount - discount[l]) + (own_lo - discount_lo[l]);
            const double weighed = Loss::weight(own_gain - gain[l], nearer) * term;
            term = discount[l] < cut ? weighed : 0.0;
          }
          return counts ? term : 0.0;
        };
        const T bent = fma(bend, lo * (plain + plain - T(1)), bend);
        if constexpr (product) {
          const double apart = static_cast<double>(own_vector) - static_cast<double>(v[l]);
          const double term = counted(static_cast<double>(bent) * apart);
          slope[l] += term;
          g[l] -= term;
        } else {
          value[l] += counted(static_cast<double>(fma(-lo, plain, maximum(-d, T(0)) + tail.log_term)));
          if constexpr (wants_grad) {
            const double term = way * counted(static_cast<double>(fma(-lo, bend, plain)));
            slope[l] -= term;
            g[l] += term;
          }
          if constexpr (wants_hess) {
            const double term = counted(static_cast<double>(bent));
            curve[l] += term;
            h[l] += term;
          }
        }
      }
    }
    if constexpr (product) of.grad[i] += fold(slope);
    if constexpr (wants_grad) of.grad[i] += fold(slope);
    if constexpr (wants_hess) of.hess[i] += fold(curve);
    return fold(value);
  }

  /// 1 / log2 x in two parts, for x >= 2: far down the ranking neighbours differ in their last digits.
  static FUSEDLOSS_INLINE TwoTerms<double> discount_at(double x) {
    const TwoTerms<double> inverse = reciprocal(precise_log(split(x)));
    const TwoTerms<double> product = two_product(ln2<double>, inverse.hi);
    return quick_two_sum(product.hi, fma(ln2<double>, inverse.lo, fma(ln2_rest, inverse.hi, product.lo)));
  }

  /// Gains by relevance, and discounts by the order of the scores; returns the ideal DCG of the first `top`.
  static FUSEDLOSS_INLINE double rank(const Query<T>& query, std::int64_t top) {
    constexpr int group = lanes<double>;
    double* const gains = query.template room<double>(gain);
    double* const discounts = query.template room<double>(discount);
    double* const lower_parts = query.template room<double>(discount_lo);
    const double* const relevances = query.template room<double>(relevance);
    alignas(64) double number[group];
    for (int l = 0; l < group; ++l) number[l] = l + 2;
    for (std::int64_t first = 0; first < query.size; first += group) {
      const double before = static_cast<double>(first);
      FUSEDLOSS_LANES(group)
      for (int l = 0; l < group; ++l) {
        const TwoTerms<double> at = discount_at(before + number[l]);
        gains[first + l] = Loss::gain(relevances[first + l]);
        discounts[first + l] = at.hi;
        lower_parts[first + l] = at.lo;
      }
    }
    double best = 0;
    for (std::int64_t i = 0; i < top; ++i) best += gains[i] * discounts[i];
    std::int64_t* const by_score = query.template room<std::int64_t>(spare);
    sort_descending(query.pred, query.size, by_score, query.template room<std::int64_t>(by_document));
    double* const scattered = query.template room<double>(by_document);
    double* const parts[] = {discounts, lower_parts};
    for (double* part : parts) {
      give(part, by_score, query.size, 1, scattered);
      take(scattered, query.template room<std::int64_t>(order), query.size, part);
    }
    return best;
  }

  template <class Factor>
  static FUSEDLOSS_INLINE double solve(const Query<T>& query, const PairOptions<T>& options, const Factor& factor_of) {
    const std::int64_t size = query.size;
    std::int64_t* const turned = query.template room<std::int64_t>(order);
    double* const relevances = query.template room<double>(relevance);
    T* const scores = query.template room<T>(pred);
    T* const vectors = query.template room<T>(vector);
    const SortedDocuments<T> sorted{scores,
                                    vectors,
                                    query.template room<double>(gain),
                                    query.template room<double>(discount),
                                    query.template room<double>(discount_lo),
                                    query.template room<double>(grad),
                                    query.template room<double>(hess)};
    sort_descending(query.target, size, turned, query.template room<std::int64_t>(spare));
    take(query.target, turned, size, relevances);
    take(query.pred, turned, size, scores);
    if constexpr (product) take(query.vector, turned, size, vectors);
    if constexpr (wants_grad || product) fill(sorted.grad, size, 0);
    if constexpr (wants_hess) fill(sorted.hess, size, 0);

    const bool all = !(options.top < static_cast<double>(size));
    const std::int64_t top = all ? size : static_cast<std::int64_t>(options.top);
    const double cut = all ? 0 : discount_at(static_cast<double>(top + 1)).hi;  // of the last one
    double best = 0;
    if constexpr (Loss::ranked) best = rank(query, top);

    double value = 0, pairs = 0;
    std::int64_t alike = 0, below = 0;  // the documents as relevant as `i` are [alike, below)
    for (std::int64_t i = 0; i < size; ++i) {
      if (i == below) {
        alike = i;
        while (below < size && relevances[below] == relevances[i]) ++below;
      }
      if (Loss::ranked && !(sorted.discount[i] >= cut)) continue;
      for (int side = 0; side < (all ? 1 : 2); ++side) {  // one call, one copy of the loop
        const std::int64_t from = side == 0 ? below : 0, to = side == 0 ? size : alike;
        value +=
            visit_partners(sorted, i, from, to, side == 0 ? 1 : -1, side == 0 ? infinity<double> : cut, options.sigma);
      }
      pairs += static_cast<double>(size - below);
    }
    const double factor = factor_of(pairs, best);
    const double sigma = static_cast<double>(options.sigma.hi) + static_cast<double>(options.sigma.lo);
    if constexpr (wants_grad) give(sorted.grad, turned, size, factor * sigma, query.grad);
    if constexpr (wants_hess) give(sorted.hess, turned, size, factor * sigma * sigma, query.hess);
    if constexpr (product) give(sorted.grad, turned, size, factor * sigma * sigma, query.grad);
    return factor * value;
  }
};

FUSEDLOSS_END
