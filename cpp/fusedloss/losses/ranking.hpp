// Losses of the order of documents within queries.
#pragma once

#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"
#include "../kinds/lists.hpp"
#include "../kinds/pairs.hpp"

FUSEDLOSS_BEGIN

constexpr Bounds any_relevance{-infinity<double>, infinity<double>};

/// Cross-entropy of the softmax of the scores and that of the relevances, or the relevances as they are.
struct ListNet {
  static constexpr const char* name = "list_net";
  static constexpr abi::Kind kind = abi::queries;
  static constexpr double nanoseconds = 5;
  static constexpr int rooms = ListSoftmax<abi::value_only>::rooms;
  template <class T>
  using Number = double;
  template <class T>
  struct Options {
    T softmax_target;
  };
  template <class T>
  static FUSEDLOSS_INLINE Bounds targets(const Options<T>& options) {
    return options.softmax_target != T(0) ? any_relevance : Bounds{0, -lowest<double>};
  }
  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE double solve(const Query<double>& query, const Options<T>& options) {
    return ListSoftmax<Set>::solve(query, options.softmax_target != T(0));
  }
};

/// -log of the probability of the order by relevance.
struct ListMLE {
  static constexpr const char* name = "list_mle";
  static constexpr abi::Kind kind = abi::queries;
  static constexpr double nanoseconds = 40;
  static constexpr int rooms = PlackettLuce<abi::value_only>::rooms;
  template <class T>
  using Number = double;
  template <class T>
  struct Options {};
  template <class T>
  static FUSEDLOSS_INLINE Bounds targets(const Options<T>&) {
    return any_relevance;
  }
  template <class T, abi::Outputs Set>
  static FUSEDLOSS_INLINE double solve(const Query<double>& query, const Options<T>&) {
    return PlackettLuce<Set>::solve(query);
  }
};

/// What losses of pairs share. `sigma_lo` is what sigma loses in float32.
template <class Loss>
struct PairLoss {
  static constexpr abi::Kind kind = abi::queries_of_pairs;
  static constexpr double nanoseconds = 1.2;
  static constexpr int rooms = Pairs<Loss, float, abi::value_only>::rooms;
  template <class T>
  using Number = T;
  template <class T, abi::Outputs Set, class Options>
  static FUSEDLOSS_INLINE double solve(const Query<T>& query, const Options& options) {
    const PairOptions<T> pairs{{options.sigma, sizeof(T) == 4 ? options.sigma_lo : T(0)}, Loss::top(options)};
    return Pairs<Loss, T, Set>::solve(query, pairs, [&](double count, double best) {
      const double whole = Loss::whole(options, count, best);
      return whole > 0 ? 1 / whole : 0.0;
    });
  }
};

/// sum log(1 + e^(-sigma (s_i - s_j))) over the pairs with y_i > y_j, or their mean.
struct PairwiseLogistic : PairLoss<PairwiseLogistic> {
  static constexpr const char* name = "pairwise_logistic";
  static constexpr bool ranked = false;
  template <class T>
  struct Options {
    T sigma, sigma_lo, normalized;
  };
  template <class T>
  static FUSEDLOSS_INLINE Bounds targets(const Options<T>&) {
    return any_relevance;
  }
  template <class T>
  static FUSEDLOSS_INLINE double top(const Options<T>&) {
    return infinity<double>;
  }
  template <class T>
  static FUSEDLOSS_INLINE double whole(const Options<T>& options, double pairs, double) {
    return options.normalized != T(0) ? pairs : 1;
  }
};

/// The same, each pair times what NDCG would change if its documents changed places.
struct LambdaRank : PairLoss<LambdaRank> {
  static constexpr const char* name = "lambda_rank";
  static constexpr bool ranked = true;
  static constexpr double most_relevant = 1000;  // 2^y and its sums stay in range
  template <class T>
  struct Options {
    T sigma, sigma_lo, top;
  };
  template <class T>
  static FUSEDLOSS_INLINE Bounds targets(const Options<T>&) {
    return {0, most_relevant};
  }
  template <class T>
  static FUSEDLOSS_INLINE double top(const Options<T>& options) {
    return static_cast<double>(options.top);
  }
  /// 2^y - 1, exact for whole numbers.
  static FUSEDLOSS_INLINE double gain(double y) {
    using F = Format<double>;
    const double shifted = y + F::to_integer;
    const double unit = power_of_two<double>(bits_of(shifted) - F::to_integer_bits + F::exponent_bias);
    return fma(unit, expm1((y - (shifted - F::to_integer)) * ln2<double>), unit - 1);
  }
  static FUSEDLOSS_INLINE double weight(double gains, double discounts) {
    return absolute(gains) * absolute(discounts);
  }
  template <class T>
  static FUSEDLOSS_INLINE double whole(const Options<T>&, double, double best) {
    return best;
  }
};

using RankingLosses = List<ListNet, ListMLE, LambdaRank, PairwiseLogistic>;

FUSEDLOSS_END
