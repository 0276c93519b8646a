// The kind of measures between vectors: an item is a row of each of two arrays, its value what lies between the two.
// Losses of embeddings are losses of such values: the slope of each comes in and is handed on to the coordinates.
//
// A measure is a struct with
//   name, nanoseconds (of a coordinate), sums (how many sums over the coordinates it needs: 1 or 3), scaling
//   template <class T> using Number       - in what coordinates of T are subtracted and multiplied
//   template <class T> struct Options
//   template <class A> static Terms terms(A x, A y, const Scale<A>&, const Options<double>&)  - to be added up
//   static Between between(const Terms&, const Scale<double>&, const Options<double>&)
//   recalls, static Between recall(value) - whether slopes can be made from the value alone, and these
//   template <class A> static PairSlopes<A> slopes(A x, A y, const Factors<A>&, const Scale<A>&, const
//   Options<double>&)
//
// Design:
// 1. Sums are in double: of squares of float32 they stay in its range.
// 2. A row is read where it lies; one that is strided or of another type, and its incomplete group, go through scratch.
//    Zeros behind the end add nothing to any sum.
// 3. A row whose differences, sums or slopes leave the range, or its normal numbers, is taken once more in double and,
//    if that is not enough, of scaled coordinates: by powers of two, which changes no digit.
// 4. A row whose slope is 0 has the gradient 0, whatever it holds.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "../core/range.hpp"
#include "rows.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

/// Factors of coordinates: x and y are multiplied by their own, differences by `difference` as well.
template <class A>
struct Scale {
  A x = 1, y = 1, difference = 1;
};

/// What a coordinate adds to the sums.
struct Terms {
  double a = 0, b = 0, c = 0;
};

/// Numbers that slopes are made of: the first three are multiplied by the slope of the value itself.
template <class A>
struct Factors {
  A a, b, c, inverse;
};

/// A value, and what its slopes are made of.
struct Between {
  double value;
  Factors<double> factors = {0, 0, 0, 0};
};

template <class A>
struct PairSlopes {
  A x, y;
};

enum Scaling { never, if_needed, always };

template <class A>
FUSEDLOSS_INLINE Scale<A> narrowed(const Scale<double>& scale) {
  return {static_cast<A>(scale.x), static_cast<A>(scale.y), static_cast<A>(scale.difference)};
}

/// Both rows of an item and where their gradients go: groups that lie together, then the incomplete one.
template <class T>
struct PairOfRows {
  static constexpr int width = lanes<T>;
  std::int64_t full;
  bool rest;
  const T *x, *y;
  T *to_x, *to_y;
  alignas(64) T tail_x[width], tail_y[width], tail_to_x[width], tail_to_y[width];
};

/// The sums of an item, its coordinates as A; only in double there is a scale.
template <class Measure, class A, class T>
FUSEDLOSS_SHARED Terms add_up(const PairOfRows<T>& row, const Scale<double>& given,
                              const typename Measure::template Options<double>& chosen) {
  constexpr int width = lanes<T>;
  Scale<A> scale;  // copies that no store can change
  if constexpr (sizeof(A) > sizeof(T) || Measure::scaling != never) scale = narrowed<A>(given);
  const auto options = chosen;
  alignas(64) double a[width] = {}, b[width] = {}, c[width] = {};
  for (int part = 0; part < 2; ++part) {
    const T *x = part == 0 ? row.x : row.tail_x, *y = part == 0 ? row.y : row.tail_y;
    const std::int64_t groups = part == 0 ? row.full : row.rest ? 1 : 0;
    for (std::int64_t group = 0; group < groups; ++group, x += width, y += width) {
      prefetch_read(x);
      prefetch_read(y);
      FUSEDLOSS_LANES(lanes<T>)
      for (int l = 0; l < width; ++l) {
        const Terms terms = Measure::terms(static_cast<A>(x[l]), static_cast<A>(y[l]), scale, options);
        a[l] += terms.a;
        if constexpr (Measure::sums == 3) {
          b[l] += terms.b;
          c[l] += terms.c;
        }
      }
    }
  }
  return {fold(a), fold(b), fold(c)};
}

/// Factors that bring the largest coordinates, and the largest difference, near 1.
template <class T>
FUSEDLOSS_SHARED void find_scale(const PairOfRows<T>& row, bool of_differences, Scale<double>& scale) {
  constexpr int width = lanes<T>;
  alignas(64) double of_x[width] = {}, of_y[width] = {}, apart[width] = {};
  for (int part = 0; part < 2; ++part) {
    const T *x = part == 0 ? row.x : row.tail_x, *y = part == 0 ? row.y : row.tail_y;
    const std::int64_t groups = part == 0 ? row.full : row.rest ? 1 : 0;
    for (std::int64_t group = 0; group < groups; ++group, x += width, y += width) {
      FUSEDLOSS_LANES(lanes<T>)
      for (int l = 0; l < width; ++l) {
        const double u = static_cast<double>(x[l]), v = static_cast<double>(y[l]);
        of_x[l] = maximum(of_x[l], absolute(u));
        of_y[l] = maximum(of_y[l], absolute(v));
        apart[l] = maximum(apart[l], absolute(0.5 * u - 0.5 * v));
      }
    }
  }
  if (!of_differences) {
    scale.x = scale_to_one(fold_maximum(of_x));
    scale.y = scale_to_one(fold_maximum(of_y));
    return;
  }
  const double factor = scale_to_one(fold_maximum(apart));  // before the difference if it makes smaller, else behind
  scale.x = scale.y = factor < 1 ? factor : 1;
  scale.difference = factor < 1 ? 1 : factor;
}

/// Writes an item's gradients, or adds them to what is there.
template <class Measure, class A, class T>
FUSEDLOSS_SHARED void map_back(PairOfRows<T>& row, const Factors<double>& found, const Scale<double>& given,
                               bool adds_x, bool adds_y, const typename Measure::template Options<double>& chosen) {
  constexpr int width = lanes<T>;
  Scale<A> scale;
  if constexpr (sizeof(A) > sizeof(T) || Measure::scaling != never) scale = narrowed<A>(given);
  const Factors<A> factors{static_cast<A>(found.a), static_cast<A>(found.b), static_cast<A>(found.c),
                           static_cast<A>(found.inverse)};
  const auto options = chosen;
  alignas(64) const T nothing[width] = {};
  for (int part = 0; part < 2; ++part) {
    const T *x = part == 0 ? row.x : row.tail_x, *y = part == 0 ? row.y : row.tail_y;
    T *to_x = part == 0 ? row.to_x : row.tail_to_x, *to_y = part == 0 ? row.to_y : row.tail_to_y;
    const std::int64_t groups = part == 0 ? row.full : row.rest ? 1 : 0;
    for (std::int64_t group = 0; group < groups; ++group, x += width, y += width, to_x += width, to_y += width) {
      const T *before_x = adds_x ? to_x : nothing, *before_y = adds_y ? to_y : nothing;
      // The vectors themselves lie in a cache: the value has just been made of them.
      prefetch_write(to_x);
      prefetch_write(to_y);
      FUSEDLOSS_LANES(lanes<T>)
      for (int l = 0; l < width; ++l) {
        const PairSlopes<A> slopes =
            Measure::slopes(static_cast<A>(x[l]), static_cast<A>(y[l]), factors, scale, options);
        to_x[l] = static_cast<T>(slopes.x) + before_x[l];
        to_y[l] = static_cast<T>(slopes.y) + before_y[l];
      }
    }
  }
}

/// Values from which slopes are made as they are; beyond, or of a distance of 0, the sums are taken again.
FUSEDLOSS_INLINE bool is_ordinary(double value) { return value > 0x1p-60 && value < 0x1p60; }

/// Whether factors can be held in float32 without a loss.
FUSEDLOSS_INLINE bool fits_float(double x) { return x == 0 || (absolute(x) > 0x1p-100 && absolute(x) < 0x1p100); }

FUSEDLOSS_SHARED std::int64_t pairs_per_task(const abi::Call* call) {
  const std::int64_t rows = task_elements / (call->classes < 1 ? 1 : call->classes);
  return rows < 1 ? 1 : rows > max_task_rows ? max_task_rows : rows;
}

FUSEDLOSS_SHARED std::int64_t pair_tasks(const abi::Call* call) {
  const std::int64_t each = pairs_per_task(call);
  return (call->items.size + each - 1) / each;
}

/// Elements of a row in scratch, with room for the incomplete group.
FUSEDLOSS_SHARED std::int64_t pair_room(const abi::Call* call) { return (call->classes + 15) / 16 * 16 + 16; }

template <class T>
FUSEDLOSS_SHARED std::int64_t pair_scratch_bytes(const abi::Call* call) {
  return 4 * pair_room(call) * static_cast<std::int64_t>(sizeof(T));
}

/// Brings rows of arrays to where a measure reads them, and gradients to where they belong.
template <class T>
struct PairArrays {
  static constexpr int width = lanes<T>;

  static FUSEDLOSS_INLINE bool in_place(const abi::Array& array) {
    return array.layout != abi::strided && array.dtype == dtype_of<T> &&
           array.class_stride == static_cast<std::int64_t>(sizeof(T));
  }

  static FUSEDLOSS_INLINE T* at(const abi::Array& array, std::int64_t offset) {
    return reinterpret_cast<T*>(static_cast<char*>(array.data) + offset);
  }

  static FUSEDLOSS_SHARED const T* bring(const abi::Array& array, std::int64_t offset, std::int64_t size, T* room,
                                         T* tail) {
    const char* from = static_cast<const char*>(array.data) + offset;
    const T* row = room;
    if (in_place(array)) {
      row = reinterpret_cast<const T*>(from);
    } else {
      load_any(array.dtype, from, array.class_stride, room, static_cast<int>(size));
    }
    const std::int64_t full = size / width * width;
    for (int l = 0; l < width; ++l) tail[l] = T(0);
    if (size > full) std::memcpy(tail, row + full, static_cast<std::size_t>(size - full) * sizeof(T));
    return row;
  }

  /// Where a gradient is written to; with what is there already, if it is added to.
  static FUSEDLOSS_SHARED T* place(const abi::Array& array, std::int64_t offset, std::int64_t size, bool adds, T* room,
                                   T* tail) {
    if (adds) return const_cast<T*>(bring(array, offset, size, room, tail));
    const bool here = array.layout != abi::absent && in_place(array);
    return here ? reinterpret_cast<T*>(static_cast<char*>(array.data) + offset) : room;
  }

  static FUSEDLOSS_SHARED void hand_out(const abi::Array& array, std::int64_t offset, std::int64_t size, T* row,
                                        const T* tail) {
    if (array.layout == abi::absent) return;
    const std::int64_t full = size / width * width;
    if (size > full) std::memcpy(row + full, tail, static_cast<std::size_t>(size - full) * sizeof(T));
    if (!in_place(array)) {
      store_any(array.dtype, row, static_cast<char*>(array.data) + offset, array.class_stride, static_cast<int>(size));
    }
  }
};

template <class Measure, class T, bool Maps>
void run_measure(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
  using Arrays = PairArrays<T>;
  using Number = typename Measure::template Number<T>;
  typename Measure::template Options<double> options;
  if constexpr (!std::is_empty_v<decltype(options)>) {
    options = Measure::widen(*static_cast<const typename Measure::template Options<T>*>(call->options));
  }
  const std::int64_t each = pairs_per_task(call), start = task * each, left = call->items.size - start;
  const int count = static_cast<int>(left < each ? left : each);
  const std::int64_t size = call->classes, room = pair_room(call);
  T* const rooms = static_cast<T*>(scratch);
  std::int64_t from_x[max_task_rows], from_y[max_task_rows], to_x[max_task_rows] = {}, to_y[max_task_rows] = {};
  row_offsets(call->inputs[0], call->items, start, count, from_x);
  row_offsets(call->inputs[1], call->items, start, count, from_y);
  double value[max_task_rows], slope[max_task_rows];
  const bool wants_x = call->grad[0].layout != abi::absent, wants_y = call->grad[1].layout != abi::absent;
  const bool adds_x = wants_x && call->adds, adds_y = wants_y && call->adds_second;
  if constexpr (Maps) {
    row_offsets(call->grad[0], call->items, start, count, to_x);
    row_offsets(call->grad[1], call->items, start, count, to_y);
    stage(call->cotangent, call->items, start, count, slope);
    stage(call->value, call->items, start, count, value);
  }
  PairOfRows<T> row;
  row.full = size / PairOfRows<T>::width;
  row.rest = size % PairOfRows<T>::width != 0;
  // Rows that are all read and written where they lie, whole groups of them: most calls, and short rows feel the rest.
  bool plain = !row.rest && Arrays::in_place(call->inputs[0]) && Arrays::in_place(call->inputs[1]);
  if constexpr (Maps) {
    plain = plain && wants_x && wants_y && Arrays::in_place(call->grad[0]) && Arrays::in_place(call->grad[1]);
  }
  for (int i = 0; i < count; ++i) {
    if constexpr (Maps) {
      if (slope[i] == 0.0) {
        if (wants_x && !adds_x) RowArrays<T>::clear(call->grad[0], to_x[i], size);
        if (wants_y && !adds_y) RowArrays<T>::clear(call->grad[1], to_y[i], size);
        continue;
      }
    }
    if (plain) {
      row.x = Arrays::at(call->inputs[0], from_x[i]);
      row.y = Arrays::at(call->inputs[1], from_y[i]);
    } else {
      row.x = Arrays::bring(call->inputs[0], from_x[i], size, rooms, row.tail_x);
      row.y = Arrays::bring(call->inputs[1], from_y[i], size, rooms + room, row.tail_y);
    }
    if (Maps && plain) {
      row.to_x = Arrays::at(call->grad[0], to_x[i]);
      row.to_y = Arrays::at(call->grad[1], to_y[i]);
    } else if constexpr (Maps) {
      row.to_x = Arrays::place(call->grad[0], to_x[i], size, adds_x, rooms + 2 * room, row.tail_to_x);
      row.to_y = Arrays::place(call->grad[1], to_y[i], size, adds_y, rooms + 3 * room, row.tail_to_y);
    }
    const auto hand_out = [&] {
      if (plain) return;
      Arrays::hand_out(call->grad[0], to_x[i], size, row.to_x, row.tail_to_x);
      Arrays::hand_out(call->grad[1], to_y[i], size, row.to_y, row.tail_to_y);
    };
    Scale<double> scale;
    if constexpr (Maps && Measure::recalls) {
      const double factor = slope[i] * Measure::recall(value[i]).factors.a;
      if (is_ordinary(value[i]) && fits_float(factor)) {
        map_back<Measure, Number>(row, {factor, 0, 0, 0}, scale, adds_x, adds_y, options);
        hand_out();
        continue;
      }
    }
    Terms terms;
    if constexpr (Measure::scaling == always) {
      find_scale(row, true, scale);
      terms = add_up<Measure, double>(row, scale, options);
    } else {
      terms = add_up<Measure, Number>(row, scale, options);
      if (sizeof(Number) < 8 && !is_safe(terms.a)) terms = add_up<Measure, double>(row, scale, options);
      if (Measure::scaling == if_needed && sizeof(T) == 8 &&
          !(is_safe(terms.a) && (Measure::sums == 1 || is_safe(terms.b)))) {
        find_scale(row, Measure::sums == 1, scale);
        terms = add_up<Measure, double>(row, scale, options);
      }
    }
    const Between between = Measure::between(terms, scale, options);
    value[i] = between.value;
    if constexpr (Maps) {
      const Factors<double>& f = between.factors;
      const Factors<double> factors{slope[i] * f.a, slope[i] * f.b, slope[i] * f.c, f.inverse};
      map_back<Measure, double>(row, factors, scale, adds_x, adds_y, options);
      hand_out();
    }
  }
  if constexpr (!Maps) unstage(value, call->value, call->items, start, count);
  partial->sum = partial->residue = 0;
  partial->invalid = -1;
}

template <class Measure>
constexpr abi::Kernel measure_kernel() {
  using F = typename Measure::template Options<float>;
  constexpr int options = std::is_empty_v<F> ? 0 : static_cast<int>(sizeof(F) / sizeof(float));
  return {Measure::name,
          abi::pairs_of_vectors,
          2,
          2,
          options,
          Measure::nanoseconds,
          {pair_tasks, pair_tasks},
          {pair_scratch_bytes<float>, pair_scratch_bytes<double>},
          {{run_measure<Measure, float, false>, run_measure<Measure, float, true>},
           {run_measure<Measure, double, false>, run_measure<Measure, double, true>}}};
}

FUSEDLOSS_END
