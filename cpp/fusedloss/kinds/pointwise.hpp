// The kind of losses that act element by element: the driver that maps a functor over blocks.
//
// A functor is a struct with
//   name, inputs (operands, then array parameters), variables (operands that have a gradient: the first ones),
//   nanoseconds, template <class T> struct Options   - numbers in the arithmetic's precision, empty if there are none
//   template <class T> static Jet<T, variables> eval(const T (&input)[inputs], const Options<T>&)   - branch-free
//   template <class T> static T room(const T (&input)[inputs], const Options<T>&)                   - negative outside
//                                                                                                     the domain
//   template <class T> static T factor(const Options<T>&)   - if there is one, multiplies what eval gives
// and knows nothing of weights, reductions, masks, types or strides: they live here. Where eval is long, it can come in
// two halves:
//   template <class T, int Items> struct Middle   - arrays of what the first half leaves to the second
//   static void begin(const T (&input)[inputs], const Options<T>&, Middle<T, Items>&, int item)
//   static Jet<T, variables> finish(const T (&input)[inputs], const Options<T>&, const Middle<T, Items>&, int item)
//   static Bits<T> extraordinary(const T (&input)[inputs], const Options<T>&)   - a sign bit where the halves do not do
//                                                                                 and eval is asked
//
// Design:
// 1. Every array is a Stream: a pointer and a step, one group (64 bytes) or zero. A constant input and a factor that
//    all items share are streams of step zero. An output never has step zero, wanted or not: a load from 4 KB beside a
//    line just stored waits for the store, and beside a line that is stored all the time lies some constant of the
//    loop.
// 2. The tail of a block runs through the same loop from padded buffers: one loop, the same bits whatever the length.
// 3. Only the loop over groups is compiled for each functor. What is not the loss's own - laying out a block, weighing
//    and summing its items while they are in the first-level cache - is compiled once (Bench).
// 4. A processor looks only about a hundred vector operations ahead: of a long loop it holds little more than one
//    group, and waits for that group's one chain of dependent operations. So halves run in loops of their own, over a
//    batch of groups each, and so does the sum of the values, which stands at the end of the longest chain.
// 5. What multiplies the value and all derivatives of a loss (factor) is multiplied here, once with the slope.
// 6. An item of weight zero adds exactly nothing, whatever its operands: NaN, or a target outside the domain. Its
//    derivatives are silenced afterwards, in the blocks that have such items.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "../core/call.hpp"
#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

/// Elements a task works on: 64 KB of each operand, 5 to 20 microseconds.
constexpr int blocks_per_task = 16;

template <class T>
struct Stream {
  T* at;
  std::ptrdiff_t step;  // elements from group to group: lanes<T> or 0
};

/// Where a pass over groups reads and writes.
template <class T>
struct Streams {
  Stream<const T> input[abi::max_inputs];
  Stream<const T> weight;
  Stream<const T> slope;  // of the derivatives: weight x cotangent x scale
  Stream<const T> vector[abi::max_variables];
  Stream<T> value;
  Stream<T> grad[abi::max_variables];
  Stream<T> hess[abi::max_variables];

  /// Calls act(stream, other's stream) for the inputs, and for the outputs, in step with another set.
  template <class Other, class Act>
  FUSEDLOSS_INLINE void each_input(Other& other, int variables, const Act& act) {
    for (int k = 0; k < abi::max_inputs; ++k) act(input[k], other.input[k]);
    act(weight, other.weight);
    act(slope, other.slope);
    for (int k = 0; k < variables; ++k) act(vector[k], other.vector[k]);
  }
  template <class Other, class Act>
  FUSEDLOSS_INLINE void each_output(Other& other, int variables, const Act& act) {
    act(value, other.value);
    for (int k = 0; k < variables; ++k) {
      act(grad[k], other.grad[k]);
      act(hess[k], other.hess[k]);
    }
  }
};

/// Lays out one block after another for the loop over groups, with buffers for what cannot be used where it lies.
template <class T>
struct Bench {
  static constexpr int width = lanes<T>;
  static constexpr int block = block_size<T>;
  struct Buffers {
    template <int Size>
    struct alignas(64) Buffer {
      T at[Size];
      char apart[64];  // 4 KB apart, a load from one waits for a store to another: processors compare 12 bits first
    };
    template <int Size>
    struct Set {
      Buffer<Size> input[abi::max_inputs], weight, slope, vector[abi::max_variables], value, grad[abi::max_variables],
          hess[abi::max_variables];
    };
    Set<block> whole;
    Set<width> last;
  };

  const abi::Call* call;
  int variables;  ///< of the loss
  std::int64_t start;
  int count;                    ///< items of the block
  int full;                     ///< groups that can be used where they lie
  int tail;                     ///< items behind them
  bool weighted;                ///< the items' weights are not all one
  bool sums_apart;              ///< the loop over groups leaves the sum of the items to weigh_items
  bool silences;                ///< some derivatives are to be 0 whatever the functor says
  std::int64_t invalid_weight;  ///< the first item of the task whose weight is negative or NaN, or -1
  Streams<T> streams;
  Streams<T> last;  ///< the incomplete group, padded with weight zero
  Buffers buffers;

  /// What stays the same over a task: constants, a weight of one, outputs that nobody wants.
  FUSEDLOSS_SHARED void set_up(const abi::Call* of, int variables_of_loss) {
    call = of;
    variables = variables_of_loss;
    invalid_weight = -1;
    streams.each_input(buffers.whole, variables,
                       [](Stream<const T>& stream, auto& buffer) { stream = {buffer.at, 0}; });
    streams.each_output(buffers.whole, variables, [](Stream<T>& stream, auto& buffer) { stream = {buffer.at, width}; });
    last.each_input(buffers.last, variables, [](Stream<const T>& stream, auto& buffer) { stream = {buffer.at, 0}; });
    last.each_output(buffers.last, variables, [](Stream<T>& stream, auto& buffer) { stream = {buffer.at, 0}; });
    const T scale = static_cast<T>(call->scale);
    for (int l = 0; l < width; ++l) {
      buffers.whole.weight.at[l] = T(1);
      buffers.whole.slope.at[l] = scale;
    }
    for (int k = 0; k < abi::max_inputs; ++k) {
      if (call->inputs[k].layout == abi::constant)
        stage(call->inputs[k], call->items, 0, width, buffers.whole.input[k].at);
    }
  }

  /// Lays out block number `index` of the call; false beyond its end.
  FUSEDLOSS_SHARED bool enter(std::int64_t index) {
    start = index * block;
    const std::int64_t left = call->items.size - start;
    if (left <= 0) return false;
    count = left < block ? static_cast<int>(left) : block;
    full = count / width;
    tail = count - full * width;

    for (int k = 0; k < abi::max_inputs; ++k) bring(call->inputs[k], buffers.whole.input[k].at, streams.input[k]);
    for (int k = 0; k < variables; ++k) {
      bring(call->vector[k], buffers.whole.vector[k].at, streams.vector[k]);
      place(call->grad[k], call->adds, buffers.whole.grad[k].at, streams.grad[k]);
      place(call->hess[k], call->adds, buffers.whole.hess[k].at, streams.hess[k]);
    }
    weigh();
    streams.value = {buffers.whole.value.at, width};
    place(call->value, false, buffers.whole.value.at, streams.value);
    // Items that nobody asks for or adds up later go where the gradient is written a moment later.
    if (!sums_apart && call->value.layout == abi::absent && !weighted && call->grad[0].layout != abi::absent) {
      streams.value = streams.grad[0];
    }
    if (tail != 0) pad();
    return true;
  }

  /// Multiplies a block's items by their weights and returns their sum; `plain` is that of the full groups without,
  /// unless sums are apart.
  FUSEDLOSS_SHARED double weigh_items(double (&plain)[width]) {
    alignas(64) double sum[width];
    for (int l = 0; l < width; ++l) sum[l] = weighted || sums_apart ? 0 : plain[l];
    if (sums_apart && !weighted) {
      const T* value = streams.value.at;
      for (int group = 0; group < full; ++group, value += width) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) sum[l] += static_cast<double>(value[l]);
      }
    }
    for (int part = weighted ? 0 : 1; part < 2; ++part) {
      const Streams<T>& of = part == 0 ? streams : last;
      const int count = part == 0 ? full : tail == 0 ? 0 : 1;
      for (int group = 0; group < count; ++group) {
        T* value = of.value.at + group * width;
        const T* weight = of.weight.at + group * of.weight.step;
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const T item = weight[l] != T(0) ? value[l] : T(0);
          sum[l] = fma(static_cast<double>(weight[l]), static_cast<double>(item), sum[l]);
          value[l] = weight[l] * item;
        }
      }
    }
    return fold(sum);
  }

  /// Derivatives of items whose slope is 0: nothing, also where they are infinite or NaN.
  FUSEDLOSS_SHARED void silence() {
    for (int part = 0; part < 2; ++part) {
      Streams<T>& of = part == 0 ? streams : last;
      const int count = part == 0 ? full : tail == 0 ? 0 : 1;
      for (int k = 0; k < 2 * variables; ++k) {
        const Stream<T>& stream = k < variables ? of.grad[k] : of.hess[k - variables];
        for (int group = 0; group < count; ++group) {
          T* derivative = stream.at + group * width;
          const T* slope = of.slope.at + group * of.slope.step;
          FUSEDLOSS_LANES(width)
          for (int l = 0; l < width; ++l) derivative[l] = slope[l] != T(0) ? derivative[l] : T(0);
        }
      }
    }
  }

  /// Hands out what went to buffers.
  FUSEDLOSS_SHARED void leave() {
    if (tail != 0) {
      const int at = full, size = tail;
      streams.each_output(last, variables, [at, size](Stream<T>& stream, const Stream<T>& from) {
        std::memcpy(stream.at + at * stream.step, from.at, size * sizeof(T));
      });
    }
    hand_out(call->value, false, buffers.whole.value.at);
    for (int k = 0; k < variables; ++k) {
      hand_out(call->grad[k], call->adds, buffers.whole.grad[k].at);
      hand_out(call->hess[k], call->adds, buffers.whole.hess[k].at);
    }
  }

 private:
  FUSEDLOSS_INLINE void bring(const abi::Array& array, T* buffer, Stream<const T>& stream) {
    if (array.layout == abi::absent || array.layout == abi::constant) return;
    stream = {buffer, width};
    if (in_place<T>(array)) {
      stream.at = static_cast<const T*>(array.data) + start;
    } else {
      stage(array, call->items, start, count, buffer);
    }
  }

  FUSEDLOSS_INLINE void place(const abi::Array& array, bool adds, T* buffer, Stream<T>& stream) {
    if (array.layout == abi::absent) return;
    stream = {in_place<T>(array) && !adds ? static_cast<T*>(array.data) + start : buffer, width};
  }

  FUSEDLOSS_INLINE void hand_out(const abi::Array& array, bool adds, const T* buffer) {
    if (array.layout == abi::absent) return;
    if (adds) {
      unstage_sum(buffer, array, call->items, start, count);
    } else if (!in_place<T>(array)) {
      unstage(buffer, array, call->items, start, count);
    }
  }

  /// Weights of the block's items and what multiplies their derivatives.
  FUSEDLOSS_INLINE void weigh() {
    T* weight = buffers.whole.weight.at;
    T* slope = buffers.whole.slope.at;
    weighted = call->weight.layout != abi::absent || call->has_ignore;
    silences = static_cast<T>(call->scale) == T(0);
    if (weighted) {
      if (call->weight.layout == abi::absent) {
        for (int i = 0; i < count; ++i) weight[i] = T(1);
      } else {
        stage(call->weight, call->items, start, count, weight);
        bool good = true;
        for (int i = 0; i < count; ++i) good &= weight[i] >= T(0);
        for (int i = 0; !good && invalid_weight < 0 && i < count; ++i) {
          if (!(weight[i] >= T(0))) invalid_weight = start + i;
        }
      }
      if (call->has_ignore) {
        const T ignore = static_cast<T>(call->ignore);
        const Stream<const T>& target = streams.input[1];
        for (int i = 0; i < count; ++i) {
          const T t = target.at[target.step == 0 ? 0 : i];
          weight[i] = t == ignore || (ignore != ignore && t != t) ? T(0) : weight[i];
        }
      }
      streams.weight.step = width;
    }
    if (weighted || call->cotangent.layout != abi::absent) {
      const T scale = static_cast<T>(call->scale);
      if (call->cotangent.layout == abi::absent) {
        for (int i = 0; i < count; ++i) slope[i] = scale;
      } else {
        stage(call->cotangent, call->items, start, count, slope);
        for (int i = 0; i < count; ++i) slope[i] *= scale;
      }
      if (weighted) {
        for (int i = 0; i < count; ++i) slope[i] = weight[i] != T(0) ? slope[i] * weight[i] : T(0);
      }
      for (int i = 0; i < count; ++i) silences |= slope[i] == T(0);
      streams.slope.step = width;
    }
  }

  FUSEDLOSS_INLINE void pad() {
    const int at = full, size = tail;
    last.each_input(streams, variables, [at, size](Stream<const T>& stream, const Stream<const T>& from) {
      T* lane = const_cast<T*>(stream.at);  // a buffer of this Bench
      const T* item = from.at + at * from.step;
      for (int l = 0; l < width; ++l) lane[l] = item[l < size ? l : 0];  // of the domain if the items are
    });
    for (int l = size; l < width; ++l) buffers.last.weight.at[l] = T(0);
  }
};

/// Groups that the first half of a loss runs ahead of the second.
constexpr int batch_groups = 16;

/// Whether a loss comes in halves, and what lies between them.
template <class Loss, class T, class = void>
struct Halves {
  static constexpr bool exist = false;
  struct Middle {};
};
template <class Loss, class T>
struct Halves<Loss, T, std::enable_if_t<sizeof(typename Loss::template Middle<T, 1>) != 0>> {
  static constexpr bool exist = true;
  using Middle = typename Loss::template Middle<T, batch_groups * lanes<T>>;
};

/// Whether halves do for ordinary items only.
template <class Loss, class T, class = void>
constexpr bool only_ordinary = false;
template <class Loss, class T>
constexpr bool only_ordinary<
    Loss, T,
    std::void_t<decltype(Loss::extraordinary(*static_cast<const T (*)[Loss::inputs]>(nullptr),
                                             *static_cast<const typename Loss::template Options<T>*>(nullptr)))>> =
    true;

/// What multiplies a loss's value and all of its derivatives, if there is such a thing.
template <class Loss, class T, class = void>
struct Common {
  static constexpr bool exists = false;
  template <class Options>
  static FUSEDLOSS_INLINE T factor(const Options&) {
    return T(1);
  }
};
template <class Loss, class T>
struct Common<Loss, T, std::void_t<decltype(&Loss::template factor<T>)>> {
  static constexpr bool exists = true;
  template <class Options>
  static FUSEDLOSS_INLINE T factor(const Options& options) {
    return Loss::factor(options);
  }
};

template <class Loss, class T, abi::Outputs Set>
struct Pointwise {
  static constexpr int width = lanes<T>;
  static constexpr int variables = Loss::variables;
  static constexpr bool wants_value = Set == abi::value_only || Set == abi::value_grad || Set == abi::value_grad_hess;
  static constexpr bool wants_grad = Set == abi::value_grad || Set == abi::grad_hess || Set == abi::value_grad_hess;
  static constexpr bool wants_hess = Set == abi::grad_hess || Set == abi::value_grad_hess;
  static constexpr bool wants_product = Set == abi::hessian_vector;
  using Options = typename Loss::template Options<T>;
  // A short loop has many groups in flight by itself, and asking for what is on its way costs up to a fifth. And large
  // arrays begin at the same place of a page: those of several variables that lie a page ahead, and what halves read
  // twice, fill all ways of a first-level cache and drive one another out before their use (twice the time, measured).
  static constexpr bool halved = Halves<Loss, T>::exist;
  static constexpr bool crowded = halved && variables > 1;
  static constexpr bool prefetches = Loss::nanoseconds > 0.55 && !crowded;

  static constexpr bool sums_apart = wants_value && sizeof(T) == 4 && Loss::nanoseconds > 0.25;
  // Several gradients and little else leave no room to write values between them.
  static constexpr bool evens = Set == abi::value_grad && crowded;
  using Middle = typename Halves<Loss, T>::Middle;

  /// The inputs of one item. A loop over them would stop the vectoriser.
  struct Item {
    T x[Loss::inputs];
    FUSEDLOSS_INLINE Item(const T* const (&input)[Loss::inputs], int l) {
      x[0] = input[0][l];
      if constexpr (Loss::inputs > 1) x[1] = input[1][l];
      if constexpr (Loss::inputs > 2) x[2] = input[2][l];
      if constexpr (Loss::inputs > 3) x[3] = input[3][l];
    }
  };

  /// The first half of the work on the next groups; whether it does for all of their items.
  static FUSEDLOSS_INLINE bool begin(const T* const (&from)[Loss::inputs], const Streams<T>& steps, int count,
                                     const Options& options, Middle& middle) {
    alignas(64) Bits<T> extraordinary[width] = {};
    const T* input[Loss::inputs];
    for (int k = 0; k < Loss::inputs; ++k) input[k] = from[k];
    for (int group = 0; group < count; ++group) {
      for (int k = 0; k < Loss::inputs && !crowded; ++k) prefetch_read(input[k]);
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        const Item item(input, l);
        Loss::begin(item.x, options, middle, group * width + l);
        if constexpr (only_ordinary<Loss, T>) extraordinary[l] |= Loss::extraordinary(item.x, options);
      }
      FUSEDLOSS_UNROLLED
      for (int k = 0; k < Loss::inputs; ++k) input[k] += steps.input[k].step;
    }
    Bits<T> any = 0;
    for (int l = 0; l < width; ++l) any |= extraordinary[l];
    return any >> (8 * sizeof(T) - 1) == 0;
  }

  /// The one loop: all lanes of group after group. `Even`: all slopes are the same, and items go nowhere but to their
  /// sum.
  template <bool Even>
  static FUSEDLOSS_INLINE void groups(const Streams<T>& streams, int count, const Options& options, T floor, T ceiling,
                                      double (&sum)[width], Bits<T>& suspects) {
    const T* input[Loss::inputs];
    for (int k = 0; k < Loss::inputs; ++k) input[k] = streams.input[k].at;
    const T *slope = streams.slope.at, *vector[variables];
    T *value = streams.value.at, *grad[variables], *hess[variables];
    for (int k = 0; k < variables; ++k) {
      vector[k] = streams.vector[k].at;
      grad[k] = streams.grad[k].at;
      hess[k] = streams.hess[k].at;
    }
    const Streams<T> steps = streams;  // a copy that no store can change
    const T common = Common<Loss, T>::factor(options), even_slope = common * slope[0];
    alignas(64) double total[width] = {};
    alignas(64) Bits<T> suspect[width] = {};
    alignas(64) Middle middle;
    bool does = true;  // the halves do, for all items of the batch
    for (int group = 0; group < count; ++group) {
      const int in_batch = group % batch_groups;
      const int at = group * width;  // in outputs, none of which has step zero
      if constexpr (halved) {
        const int left = count - group;
        if (in_batch == 0) does = begin(input, steps, left < batch_groups ? left : batch_groups, options, middle);
      }
      if constexpr (prefetches) {
        for (int k = 0; k < Loss::inputs && !halved; ++k) prefetch_read(input[k]);
        for (int k = 0; k < variables; ++k) {
          if constexpr (wants_grad || wants_product) prefetch_write(grad[k] + at);
          if constexpr (wants_hess) prefetch_write(hess[k] + at);
        }
      }
      const auto scaled = [common](T x)
                              __attribute__((always_inline)) { return Common<Loss, T>::exists ? common * x : x; };
      // With items of both sorts, both ways are gone and each item takes its own: no item depends on its neighbours.
      const auto work = [&](auto all_ordinary) __attribute__((always_inline)) {
        FUSEDLOSS_LANES(width)
        for (int l = 0; l < width; ++l) {
          const Item item(input, l);
          const T(&x)[Loss::inputs] = item.x;
          Jet<T, variables> jet;
          if constexpr (!halved) {
            jet = Loss::template eval<T>(x, options);
          } else {
            jet = Loss::finish(x, options, middle, in_batch * width + l);
            if constexpr (!all_ordinary) {
              const bool apart = Loss::extraordinary(x, options) >> (8 * sizeof(T) - 1) != 0;
              jet = select(apart, Loss::template eval<T>(x, options), jet);
            }
          }
          // Sign bits, which cost the fewest instructions: those of -0, of NaN and of items without weight are sorted
          // out by first_invalid.
          suspect[l] |= bits_of(Loss::template room<T>(x, options));
          const T own = Even ? T(1) : slope[l], by_slope = Even ? even_slope : scaled(own);
          if constexpr (wants_value) {
            const T item = scaled(jet.value);
            if constexpr (Even || !sums_apart) total[l] += static_cast<double>(item);
            if constexpr (!Even) value[at + l] = item;
          }
          if constexpr (variables == 1) {
            if constexpr (wants_grad) grad[0][at + l] = by_slope * jet.d1;
            if constexpr (wants_hess) hess[0][at + l] = own * clamp_between(scaled(jet.d2), floor, ceiling);
            if constexpr (wants_product) grad[0][at + l] = by_slope * (jet.d2 * vector[0][l]);
          } else {
            for_each_of<variables>([&](auto i) __attribute__((always_inline)) {
              if constexpr (wants_grad) grad[i][at + l] = by_slope * jet.d1[i];
              if constexpr (wants_hess) {
                const T own_entry = jet.d2[in_triangle<variables>(i, i)];
                hess[i][at + l] = own * clamp_between(scaled(own_entry), floor, ceiling);
              }
              if constexpr (wants_product) {
                T sum = jet.d2[in_triangle<variables>(i, 0)] * vector[0][l];
                for_each_of<variables - 1>([&](auto j) __attribute__((always_inline)) {
                  sum += jet.d2[in_triangle<variables>(i, j + 1)] * vector[j + 1][l];
                });
                grad[i][at + l] = by_slope * sum;
              }
            });
          }
        }
      };
      if constexpr (halved && only_ordinary<Loss, T>) {
        if (does) {
          work(std::true_type());
        } else {
          work(std::false_type());
        }
      } else {
        work(std::true_type());
      }
      FUSEDLOSS_UNROLLED  // otherwise the pointers live in memory
          for (int k = 0; k < Loss::inputs; ++k) input[k] += steps.input[k].step;
      slope += steps.slope.step;
      FUSEDLOSS_UNROLLED
      for (int k = 0; k < variables; ++k) vector[k] += steps.vector[k].step;
    }
    for (int l = 0; l < width; ++l) {
      sum[l] = total[l];
      suspects |= suspect[l];
    }
  }

  /// The first item of a block that the functor does not accept, or -1.
  static FUSEDLOSS_INLINE std::int64_t first_invalid(const Bench<T>& bench, const Options& options) {
    const auto item = [](const Stream<const T>& stream, int i) { return stream.at[stream.step == 0 ? 0 : i]; };
    for (int i = 0; i < bench.count; ++i) {
      if (item(bench.streams.weight, i) == T(0)) continue;
      T x[Loss::inputs];
      for (int k = 0; k < Loss::inputs; ++k) x[k] = item(bench.streams.input[k], i);
      if (Loss::template room<T>(x, options) < T(0)) return bench.start + i;
    }
    return -1;
  }

  /// One task: blocks_per_task blocks, each laid out, mapped, and its sum joined.
  static void run(const abi::Call* call, std::int64_t task, void*, abi::Partial* partial) {
    Options options;
    if constexpr (!std::is_empty_v<Options>) options = *static_cast<const Options*>(call->options);
    const T floor = static_cast<T>(call->hess_floor), ceiling = static_cast<T>(call->hess_ceiling);
    Bench<T> bench;
    bench.set_up(call, variables);
    [[maybe_unused]] const bool even = call->weight.layout == abi::absent && !call->has_ignore &&
                                       call->cotangent.layout == abi::absent && call->value.layout == abi::absent;
    bench.sums_apart = sums_apart && !(evens && even);
    Total sum;
    for (int b = 0; b < blocks_per_task && bench.enter(task * blocks_per_task + b); ++b) {
      Bits<T> suspects = 0;
      alignas(64) double sums[2][width] = {};
      for (int part = 0; part < 2; ++part) {  // one call, one copy of the loop
        const int count = part == 0 ? bench.full : bench.tail == 0 ? 0 : 1;
        if constexpr (evens) {
          if (part == 0 && even) {
            groups<true>(bench.streams, count, options, floor, ceiling, sums[0], suspects);
            continue;
          }
        }
        groups<false>(part == 0 ? bench.streams : bench.last, count, options, floor, ceiling, sums[part], suspects);
      }
      const bool suspicious = suspects >> (8 * sizeof(T) - 1) != 0;
      if (suspicious && partial->invalid < 0) partial->invalid = first_invalid(bench, options);
      if constexpr (wants_value) sum.add(evens && even && bench.tail == 0 ? fold(sums[0]) : bench.weigh_items(sums[0]));
      if constexpr (Set != abi::value_only) {
        if (bench.silences) bench.silence();
      }
      bench.leave();
    }
    partial->sum = sum.sum;
    partial->residue = sum.residue;
    if (bench.invalid_weight >= 0 && (partial->invalid < 0 || bench.invalid_weight < partial->invalid)) {
      partial->invalid = bench.invalid_weight;
    }
  }
};

template <class T>
FUSEDLOSS_SHARED std::int64_t pointwise_tasks(const abi::Call* call) {
  constexpr std::int64_t task = static_cast<std::int64_t>(blocks_per_task) * block_size<T>;
  return (call->items.size + task - 1) / task;
}

FUSEDLOSS_SHARED std::int64_t no_scratch(const abi::Call*) { return 0; }

/// The row of the dispatch table for one loss.
template <class Loss>
constexpr abi::Kernel pointwise_kernel() {
  using F = typename Loss::template Options<float>;
  constexpr int options = std::is_empty_v<F> ? 0 : static_cast<int>(sizeof(F) / sizeof(float));
  return {Loss::name,
          abi::elements,
          Loss::inputs,
          Loss::variables,
          options,
          Loss::nanoseconds,
          {pointwise_tasks<float>, pointwise_tasks<double>},
          {no_scratch, no_scratch},
          {{Pointwise<Loss, float, abi::value_only>::run, Pointwise<Loss, float, abi::value_grad>::run,
            Pointwise<Loss, float, abi::grad_hess>::run, Pointwise<Loss, float, abi::value_grad_hess>::run,
            Pointwise<Loss, float, abi::hessian_vector>::run},
           {Pointwise<Loss, double, abi::value_only>::run, Pointwise<Loss, double, abi::value_grad>::run,
            Pointwise<Loss, double, abi::grad_hess>::run, Pointwise<Loss, double, abi::value_grad_hess>::run,
            Pointwise<Loss, double, abi::hessian_vector>::run}}};
}

FUSEDLOSS_END
