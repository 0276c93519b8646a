// The kind of losses over queries: an item is a stretch of documents, each with a score and a relevance, and is solved
// as a whole in a workspace.
//
// A loss is a struct with
//   name, kind (abi::queries or abi::queries_of_pairs: what its time grows with), nanoseconds (of a document or a pair)
//   rooms                            - arrays that its workspace holds, each of 8 bytes a document
//   template <class T> Number        - what scores are brought in as: T, or double where one pass over them is the work
//   template <class T> struct Options
//   template <class T> static Bounds targets(const Options<T>&)                - where relevances must lie
//   template <class T, abi::Outputs Set> static double solve(const Query<Number<T>>&, const Options<T>&)
// that writes derivatives by the documents and returns the value, both before weights.
//
// Design:
// 1. A task holds several queries, and its worker's scratch is the workspace of one of them. A query is solved by one
//    thread; its result depends on nothing but the query.
// 2. Documents are copied in, so that any type, stride, or an output in the place of an input is the same to a loss.
//    Relevances are doubles: their order is what counts. Derivatives are handed back in double, and rounded once.
// 3. A query with NaN among scores or relevances is NaN throughout: no order of its documents means anything.
#pragma once

#include <cstdint>
#include <cstring>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

/// Queries that one task may hold.
constexpr int max_task_queries = 256;
/// Steps, of documents or pairs, that one task should hold.
constexpr std::int64_t task_steps = 8192;

/// A closed interval.
struct Bounds {
  double low, high;
};

/// Documents are read and written in groups of any type: behind them there is room for one.
FUSEDLOSS_SHARED std::int64_t room_size(std::int64_t documents) {
  return (documents + 15) / 16 * 16 + 16;  // never a multiple of 4 KB apart, for long
}

template <class T>
struct Query {
  std::int64_t size;
  const T* pred;
  const double* target;
  const T* vector;
  double* grad;  ///< or the product with `vector`
  double* hess;
  char* rooms;

  /// Array number `k` of the workspace.
  template <class U>
  FUSEDLOSS_INLINE U* room(int k) const {
    static_assert(sizeof(U) <= 8, "rooms have 8 bytes a document");
    return reinterpret_cast<U*>(rooms + k * 8 * room_size(size));
  }
};

// ---- Order ---------------------------------------------------------------------------------------------------------

/// Indices of keys in descending order, equal ones in the order they come in: a merge sort from the bottom up. `spare`
/// has the size of `order`. Without NaN among the keys.
template <class T>
FUSEDLOSS_SHARED void sort_descending(const T* key, std::int64_t size, std::int64_t* order, std::int64_t* spare) {
  constexpr std::int64_t piece = 8;  // sorted by insertion
  for (std::int64_t first = 0; first < size; first += piece) {
    const std::int64_t last = size - first < piece ? size : first + piece;
    for (std::int64_t i = first; i < last; ++i) {
      const T own = key[i];
      std::int64_t to = i;
      for (; to > first && key[order[to - 1]] < own; --to) order[to] = order[to - 1];
      order[to] = i;
    }
  }
  std::int64_t *from = order, *into = spare;
  for (std::int64_t run = piece; run < size; run *= 2) {
    for (std::int64_t first = 0; first < size; first += 2 * run) {
      const std::int64_t middle = size - first < run ? size : first + run;
      const std::int64_t last = size - middle < run ? size : middle + run;
      std::int64_t left = first, right = middle, to = first;
      if (middle < last && key[from[middle - 1]] < key[from[middle]]) {
        while (left < middle && right < last) {  // both sides are read and one is taken, without a branch
          const std::int64_t a = from[left], b = from[right];
          const bool second = key[a] < key[b];
          into[to++] = second ? b : a;
          left += second ? 0 : 1;
          right += second ? 1 : 0;
        }
      }
      std::memcpy(into + to, from + left, (middle - left) * sizeof *into);
      to += middle - left;
      std::memcpy(into + to, from + right, (last - right) * sizeof *into);
    }
    std::int64_t* const other = from;
    from = into;
    into = other;
  }
  if (from != order) std::memcpy(order, from, size * sizeof *order);
}

/// to[i] = from[order[i]].
template <class From, class To>
FUSEDLOSS_SHARED void take(const From* from, const std::int64_t* order, std::int64_t size, To* to) {
  for (std::int64_t i = 0; i < size; ++i) to[i] = static_cast<To>(from[order[i]]);
}

/// to[order[i]] = factor x from[i].
FUSEDLOSS_SHARED void give(const double* from, const std::int64_t* order, std::int64_t size, double factor,
                           double* to) {
  for (std::int64_t i = 0; i < size; ++i) to[order[i]] = factor * from[i];
}

// ---- Weights, what comes in, what goes out -------------------------------------------------------------------------

FUSEDLOSS_SHARED std::int64_t queries_per_task(const abi::Call* call) {
  const std::int64_t count = task_steps / call->classes;
  return count < 1 ? 1 : count > max_task_queries ? max_task_queries : count;
}

FUSEDLOSS_SHARED std::int64_t query_tasks(const abi::Call* call) {
  const std::int64_t each = queries_per_task(call);
  return (call->items.size + each - 1) / each;
}

/// Of scores, relevances, the vector, two derivatives, and the loss's own rooms.
template <int Rooms>
FUSEDLOSS_SHARED std::int64_t query_scratch_bytes(const abi::Call* call) {
  std::int64_t longest = 0;
  for (std::int64_t q = 0; q < call->items.size; ++q) {
    const std::int64_t length = call->starts[q + 1] - call->starts[q];
    longest = longest < length ? length : longest;
  }
  return (5 + Rooms) * 8 * room_size(longest);
}

/// The queries of one task.
struct TaskQueries {
  std::int64_t first;
  int count;
  double weight[max_task_queries];
  double slope[max_task_queries];  ///< weight x cotangent x scale
  std::int64_t invalid;            ///< the first query with a negative weight or NaN, or -1
};

FUSEDLOSS_SHARED void weigh_queries(const abi::Call* call, std::int64_t task, TaskQueries& queries) {
  const std::int64_t each = queries_per_task(call);
  queries.first = task * each;
  const std::int64_t left = call->items.size - queries.first;
  queries.count = static_cast<int>(left < each ? left : each);
  queries.invalid = -1;
  const auto bring = [&](const abi::Array& array, double* to) {
    if (array.layout != abi::absent) return stage(array, call->items, queries.first, queries.count, to);
    for (int q = 0; q < queries.count; ++q) to[q] = 1;
  };
  bring(call->weight, queries.weight);
  bring(call->cotangent, queries.slope);
  for (int q = 0; q < queries.count; ++q) {
    if (!(queries.weight[q] >= 0)) {
      if (queries.invalid < 0) queries.invalid = queries.first + q;
      queries.weight[q] = 0;
    }
    queries.slope[q] = queries.weight[q] != 0 ? queries.slope[q] * call->scale * queries.weight[q] : 0;
  }
}

constexpr std::int64_t most_at_once = 1 << 30;  // what staging counts with is an int

/// Documents [start, start + size) of an array.
template <class T>
FUSEDLOSS_SHARED void bring_documents(const abi::Array& array, std::int64_t start, std::int64_t size, T* to) {
  for (std::int64_t done = 0; done < size; done += most_at_once) {
    const int count = static_cast<int>(size - done < most_at_once ? size - done : most_at_once);
    load_any(array.dtype, static_cast<const char*>(array.data) + (start + done) * array.class_stride,
             array.class_stride, to + done, count);
  }
}

/// The way back, times the query's slope; an item without slope gives exactly nothing.
FUSEDLOSS_SHARED void hand_out_documents(double* from, double slope, double floor, double ceiling, std::int64_t start,
                                         std::int64_t size, const abi::Array& array) {
  constexpr int width = lanes<double>;
  for (std::int64_t i = 0; i < size; i += width) {
    double* group = from + i;
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) {
      const double bounded = slope * clamp_between(group[l], floor, ceiling);
      group[l] = slope != 0.0 ? bounded : 0.0;
    }
  }
  for (std::int64_t done = 0; done < size; done += most_at_once) {
    const int count = static_cast<int>(size - done < most_at_once ? size - done : most_at_once);
    store_any(array.dtype, from + done, static_cast<char*>(array.data) + (start + done) * array.class_stride,
              array.class_stride, count);
  }
}

enum Health { sound, spoilt, outside };

/// Whether there is NaN among the documents, and whether the relevances lie within bounds.
template <class T>
FUSEDLOSS_SHARED Health examine(const T* pred, const double* target, std::int64_t size, Bounds bounds) {
  bool number = true, within = true;
  for (std::int64_t i = 0; i < size; ++i) {
    number &= pred[i] == pred[i] && target[i] == target[i];
    within &= !(target[i] < bounds.low || target[i] > bounds.high);
  }
  return !within ? outside : number ? sound : spoilt;
}

FUSEDLOSS_SHARED void fill(double* to, std::int64_t size, double value) {
  for (std::int64_t i = 0; i < size; ++i) to[i] = value;
}

template <class Loss, class T, abi::Outputs Set>
struct QueryTask {
  static constexpr bool wants_value = Set == abi::value_only || Set == abi::value_grad || Set == abi::value_grad_hess;
  static constexpr bool wants_grad = Set != abi::value_only;
  static constexpr bool wants_hess = Set == abi::grad_hess || Set == abi::value_grad_hess;
  using Number = typename Loss::template Number<T>;
  using Options = typename Loss::template Options<T>;

  static void run(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
    constexpr double unbounded = infinity<double>;
    Options options;
    if constexpr (!std::is_empty_v<Options>) options = *static_cast<const Options*>(call->options);
    TaskQueries queries;
    weigh_queries(call, task, queries);
    std::int64_t invalid = queries.invalid;
    double value[max_task_queries];
    Total total;
    for (int q = 0; q < queries.count; ++q) {
      const std::int64_t start = call->starts[queries.first + q];
      const std::int64_t size = call->starts[queries.first + q + 1] - start;
      const std::int64_t step = 8 * room_size(size);
      char* const room = static_cast<char*>(scratch);
      Number* const pred = reinterpret_cast<Number*>(room);
      double* const target = reinterpret_cast<double*>(room + step);
      Number* const vector = reinterpret_cast<Number*>(room + 2 * step);
      const Query<Number> query{size,
                                pred,
                                target,
                                vector,
                                reinterpret_cast<double*>(room + 3 * step),
                                reinterpret_cast<double*>(room + 4 * step),
                                room + 5 * step};
      double item = 0;
      if (queries.weight[q] != 0) {
        bring_documents(call->inputs[0], start, size, pred);
        bring_documents(call->inputs[1], start, size, target);
        if constexpr (Set == abi::hessian_vector) bring_documents(call->vector[0], start, size, vector);
        const Health health = examine(pred, target, size, Loss::targets(options));
        if (health == sound) {
          // A value is a by-product of its gradient: one compiled copy serves both.
          item = Loss::template solve<T, Set == abi::grad_hess ? abi::value_grad_hess : Set>(query, options);
        } else {
          if (health == outside && (invalid < 0 || queries.first + q < invalid)) invalid = queries.first + q;
          item = not_a_number<double>;
          if constexpr (wants_grad) fill(query.grad, size, item);
          if constexpr (wants_hess) fill(query.hess, size, item);
        }
        item *= queries.weight[q];
      }
      value[q] = item;
      total.add(item);
      const double slope = queries.slope[q];
      if constexpr (wants_grad)
        hand_out_documents(query.grad, slope, -unbounded, unbounded, start, size, call->grad[0]);
      if constexpr (wants_hess)
        hand_out_documents(query.hess, slope, call->hess_floor, call->hess_ceiling, start, size, call->hess[0]);
    }
    partial->sum = total.sum;
    partial->residue = total.residue;
    partial->invalid = invalid;
    if constexpr (wants_value) {
      if (call->value.layout != abi::absent) unstage(value, call->value, call->items, queries.first, queries.count);
    }
  }
};

template <class Loss>
constexpr abi::Kernel query_kernel() {
  using F = typename Loss::template Options<float>;
  constexpr int options = std::is_empty_v<F> ? 0 : static_cast<int>(sizeof(F) / sizeof(float));
  return {Loss::name,
          Loss::kind,
          2,
          1,
          options,
          Loss::nanoseconds,
          {query_tasks, query_tasks},
          {query_scratch_bytes<Loss::rooms>, query_scratch_bytes<Loss::rooms>},
          {{QueryTask<Loss, float, abi::value_only>::run, QueryTask<Loss, float, abi::value_grad>::run,
            QueryTask<Loss, float, abi::grad_hess>::run, QueryTask<Loss, float, abi::value_grad_hess>::run,
            QueryTask<Loss, float, abi::hessian_vector>::run},
           {QueryTask<Loss, double, abi::value_only>::run, QueryTask<Loss, double, abi::value_grad>::run,
            QueryTask<Loss, double, abi::grad_hess>::run, QueryTask<Loss, double, abi::value_grad_hess>::run,
            QueryTask<Loss, double, abi::hessian_vector>::run}}};
}

FUSEDLOSS_END
