// What all losses over rows of classes share: cutting rows into tasks, bringing them in, item weights, labels.
//
// Design:
// 1. A Unit is what the arithmetic sees: groups of lanes, one after the other. Long contiguous rows are visited along
//    the row, lane l of group s being class s * lanes + l. Short rows, and rows whose classes are apart in memory, are
//    visited across: lane l is row l, group s is class s. The loops are the same; only a fold of the lanes is left out.
//    Which of the two depends on the number of classes and the strides alone, never on the rows around.
// 2. Rows that lie right are read and written where they are; others go through the worker's scratch.
// 3. Labels are read once into a block buffer and checked there, so that no array that changes meanwhile can lead a
//    read astray.
// 4. What is done once a row, as long as a row is short, takes longer than the row itself: a solver may be given as
//    many of those that are visited along as there are lanes, and do it for all of them in a vector.
#pragma once

#include <cstdint>
#include <cstring>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "staging.hpp"
#include "transpose.hpp"

FUSEDLOSS_BEGIN

/// Rows that one task may hold.
constexpr int max_task_rows = 512;
/// Elements that one task should hold.
constexpr std::int64_t task_elements = 16384;
/// Rows with fewer classes than this are visited across.
constexpr std::int64_t across_below = 64;

/// An array seen by a unit: groups `step` elements apart, and the incomplete group of a row that is visited along.
template <class T>
struct Lane {
  T* at = nullptr;
  std::int64_t step = 0;
  T* tail = nullptr;
};

template <class T>
struct Unit {
  static constexpr int width = lanes<T>;
  bool across;
  std::int64_t classes;
  std::int64_t full;    ///< groups without the tail
  std::int64_t groups;  ///< with it
  Lane<const T> pred, target, vector;
  Lane<T> grad, hess;
  Lane<T> target_grad, target_hess;  ///< null where they are not asked for beside those of pred
  const abi::Call* call;
  std::int64_t ahead = 0;  ///< bytes from pred to what is to be read next: it is asked for while exponentials are taken
  T* scratch;              ///< room for `moved_arrays`, if the call moves logits
  Lane<const T> live;      ///< 1 or 0; ones without a step where no class is left out
  std::int64_t live_classes;  ///< how many are 1 in a row
  std::int64_t label[width];  ///< -1: none. Visited along, all lanes have the row's, unless several are solved together
  T label_pred[width];        ///< pred at the label
  T label_vector[width];
  T slope[width];            ///< weight x cotangent x scale
  double item[width];        ///< the result, before weights
  T extra[3][width];         ///< by-products, where the call asks for them: log_probability, log_sum, entropy
  std::int64_t peak[width];  ///< and argmax
  bool valid[width];

  /// pred or another array at a class of a lane.
  template <class U>
  FUSEDLOSS_INLINE U& at(const Lane<U>& array, int lane, std::int64_t index) const {
    if (across) return array.at[index * array.step + lane];
    const std::int64_t group = index / width;
    return group < full ? array.at[index] : array.tail[index - group * width];
  }
};

/// Visits groups [first, last): the part that lies together, then the tail. Calls body(pointers at the first group,
/// first, count) through one call site, so that the loop inside stands in the program once.
template <class T, class Body>
FUSEDLOSS_INLINE void visit(const Unit<T>& unit, std::int64_t first, std::int64_t last, const Body& body) {
  for (int part = 0; part < 2; ++part) {
    const std::int64_t from = part == 0 ? first : unit.full;
    const std::int64_t to = part == 0 && last > unit.full ? unit.full : last;
    if (from >= to) continue;
    const auto point = [&](const auto& array) { return part == 0 ? array.at + from * array.step : array.tail; };
    body(point(unit.pred), point(unit.target), point(unit.vector), point(unit.grad), point(unit.hess), from, to - from);
  }
}

/// Whether the classes of a row lie side by side.
FUSEDLOSS_SHARED bool classes_together(const abi::Array& pred) {
  return pred.class_stride == (pred.dtype == abi::float64 ? 8 : pred.dtype == abi::float32 ? 4 : 2);
}

template <class T>
FUSEDLOSS_SHARED bool visits_across(const abi::Call* call) {
  return call->classes < across_below || !classes_together(call->inputs[0]);
}

template <class T>
FUSEDLOSS_SHARED std::int64_t rows_per_task(const abi::Call* call) {
  std::int64_t rows = call->classes < 1 ? max_task_rows : task_elements / call->classes;
  if (rows > max_task_rows) rows = max_task_rows;
  if (visits_across<T>(call)) rows = rows / lanes<T> * lanes<T>;
  const std::int64_t least = visits_across<T>(call) ? lanes<T> : 1;
  return rows < least ? least : rows;
}

template <class T>
FUSEDLOSS_SHARED std::int64_t row_tasks(const abi::Call* call) {
  const std::int64_t rows = rows_per_task<T>(call);
  return (call->items.size + rows - 1) / rows;
}

/// Elements of one scratch array: a row rounded up to groups, or a tile of one group of rows.
template <class T>
FUSEDLOSS_SHARED std::int64_t scratch_elements(const abi::Call* call) {
  const std::int64_t width = lanes<T>;
  return visits_across<T>(call) ? call->classes * width : (call->classes + width - 1) / width * width;
}

/// Rows of at most so many classes are solved together, if the solver can.
constexpr std::int64_t together_up_to = 1024;

/// How many rows that are visited along are solved together: as many as there are lanes, so that what is done once a
/// row takes a vector for all of them. Longer rows would leave the cache in between; options that need a row's logits
/// in scratch, and by-products, are not worth the room.
template <class T>
FUSEDLOSS_SHARED int rows_together(const abi::Call* call) {
  const bool short_rows = !visits_across<T>(call) && call->classes <= together_up_to;
  return short_rows && call->logits == nullptr && !call->wants_extra ? lanes<T> : 1;
}

/// Scratch arrays of a unit: pred, target, vector, grad and hess; the last two for the target too, if the call wants
/// them. Further ones if logits are moved before their softmax.
FUSEDLOSS_SHARED int unit_arrays(const abi::Call* call) { return call->grad[1].layout == abi::absent ? 5 : 7; }
constexpr int moved_arrays = 5;

template <class T>
FUSEDLOSS_SHARED std::int64_t row_scratch_bytes(const abi::Call* call) {
  const bool moved = call->logits != nullptr && call->logits->moved;
  const std::int64_t arrays = rows_together<T>(call) * unit_arrays(call) + (moved ? moved_arrays : 0);
  return arrays * scratch_elements<T>(call) * static_cast<std::int64_t>(sizeof(T));
}

/// The rows of one task: their weights, labels, and where they lie in each array.
template <class T>
struct TaskRows {
  std::int64_t start;
  int count;
  T weight[max_task_rows];
  T slope[max_task_rows];
  std::int64_t label[max_task_rows];
  std::int64_t invalid;  ///< first row of the call with a label out of range or a negative weight, or -1
};

FUSEDLOSS_SHARED void row_offsets(const abi::Array& array, const abi::Items& items, std::int64_t start, int count,
                                  std::int64_t* offsets) {
  if (array.layout == abi::absent) return;
  const std::int64_t step = array.strides[items.axes - 1];
  for_each_run(items, array.strides, start, count, [&](std::int64_t offset, int first, int length) {
    for (int i = 0; i < length; ++i) offsets[first + i] = offset + i * step;
  });
}

/// sum_c class_weight_c t_c of one row.
template <class T>
FUSEDLOSS_SHARED double target_weight(const abi::Array& target, std::int64_t offset, const double* class_weight,
                                      std::int64_t classes) {
  constexpr int block = block_size<T>;
  T buffer[block];
  Total total;
  for (std::int64_t first = 0; first < classes; first += block) {
    const int count = classes - first < block ? static_cast<int>(classes - first) : block;
    load_any(target.dtype, static_cast<const char*>(target.data) + offset + first * target.class_stride,
             target.class_stride, buffer, count);
    double lane[8] = {};
    for (int i = 0; i < count; ++i) lane[i % 8] += class_weight[first + i] * static_cast<double>(buffer[i]);
    total.add(fold(lane));
  }
  return total.sum + total.residue;
}

/// Weights and labels of a task's rows. `labelled`: the target holds labels, not distributions.
template <class T>
FUSEDLOSS_SHARED void weigh_rows(const abi::Call* call, std::int64_t task, bool labelled, TaskRows<T>& rows) {
  const std::int64_t size = rows_per_task<T>(call);
  rows.start = task * size;
  const std::int64_t left = call->items.size - rows.start;
  rows.count = static_cast<int>(left < size ? left : size);
  rows.invalid = -1;
  const auto refuse = [&](int i) {
    if (rows.invalid < 0) rows.invalid = rows.start + i;
    rows.weight[i] = T(0);
  };

  if (call->weight.layout == abi::absent) {
    for (int i = 0; i < rows.count; ++i) rows.weight[i] = T(1);
  } else {
    stage(call->weight, call->items, rows.start, rows.count, rows.weight);
    for (int i = 0; i < rows.count; ++i) {
      if (!(rows.weight[i] >= T(0))) refuse(i);
    }
  }
  if (labelled) {
    stage(call->inputs[1], call->items, rows.start, rows.count, rows.label);
    constexpr int width = lanes<std::uint64_t>;
    std::uint64_t signs[width] = {};  // of numbers that are negative if a label is out of range
    const std::uint64_t last = static_cast<std::uint64_t>(call->labels) - 1;
    for (int i = rows.count; i % width != 0; ++i) rows.label[i] = rows.label[0];
    for (int first = 0; first < rows.count; first += width) {
      FUSEDLOSS_LANES(width)
      for (int l = 0; l < width; ++l) {
        const auto label = static_cast<std::uint64_t>(rows.label[first + l]);
        signs[l] |= label | (last - label);
      }
    }
    for (int l = 1; l < width; ++l) signs[0] |= signs[l];
    const bool all_classes = signs[0] >> 63 == 0;
    const bool special = call->has_ignore_index || call->class_weight != nullptr;
    for (int i = 0; i < rows.count && (special || !all_classes); ++i) {
      const std::int64_t label = rows.label[i];
      if (call->has_ignore_index && label == call->ignore_index) {
        rows.weight[i] = T(0);
        rows.label[i] = -1;
      } else if (label < 0 || label >= call->labels) {
        refuse(i);
        rows.label[i] = -1;
      } else if (call->class_weight != nullptr) {
        rows.weight[i] = static_cast<T>(static_cast<double>(rows.weight[i]) * call->class_weight[label]);
      }
    }
  } else {
    for (int i = 0; i < rows.count; ++i) rows.label[i] = -1;
    if (call->class_weight != nullptr) {
      std::int64_t offsets[max_task_rows];
      row_offsets(call->inputs[1], call->items, rows.start, rows.count, offsets);
      for (int i = 0; i < rows.count; ++i) {
        if (rows.weight[i] == T(0)) continue;
        const double factor = target_weight<T>(call->inputs[1], offsets[i], call->class_weight, call->classes);
        rows.weight[i] = static_cast<T>(static_cast<double>(rows.weight[i]) * factor);
      }
    }
  }

  if (call->cotangent.layout == abi::absent) {
    for (int i = 0; i < rows.count; ++i) rows.slope[i] = T(1);
  } else {
    stage(call->cotangent, call->items, rows.start, rows.count, rows.slope);
  }
  FUSEDLOSS_SIMD
  for (int i = 0; i < rows.count; ++i) {
    const double slope = static_cast<double>(rows.slope[i]) * call->scale * static_cast<double>(rows.weight[i]);
    rows.slope[i] = rows.weight[i] != T(0) ? static_cast<T>(slope) : T(0);
  }
}

/// A pass over labels and weights alone: the sum of the rows' weights, and the first row that is invalid.
template <class T, bool Labelled>
void run_row_weight(const abi::Call* call, std::int64_t task, void*, abi::Partial* partial) {
  TaskRows<T> rows;
  weigh_rows(call, task, Labelled, rows);
  constexpr int width = lanes<T>;
  double lane[width] = {};
  for (int i = rows.count; i < (rows.count + width - 1) / width * width; ++i) rows.weight[i] = T(0);
  for (int first = 0; first < rows.count; first += width) {
    FUSEDLOSS_LANES(width)
    for (int l = 0; l < width; ++l) lane[l] += static_cast<double>(rows.weight[first + l]);
  }
  partial->sum = fold(lane);
  partial->residue = 0;
  partial->invalid = rows.invalid;
}

template <bool Labelled>
constexpr abi::Kernel row_weight_kernel(const char* name) {
  abi::Kernel kernel{name,
                     Labelled ? abi::rows_of_labels : abi::rows_of_distributions,
                     2,
                     0,
                     0,
                     0.5,
                     {row_tasks<float>, row_tasks<double>},
                     {row_scratch_bytes<float>, row_scratch_bytes<double>},
                     {}};
  for (int set = 0; set < abi::output_sets; ++set) {
    kernel.run[0][set] = run_row_weight<float, Labelled>;
    kernel.run[1][set] = run_row_weight<double, Labelled>;
  }
  return kernel;
}

/// How a unit's arrays are brought in and handed out.
template <class T>
struct RowArrays {
  static constexpr int width = lanes<T>;

  static FUSEDLOSS_INLINE char* address(const abi::Array& array, std::int64_t offset) {
    return static_cast<char*>(array.data) + offset;
  }

  static FUSEDLOSS_INLINE bool row_in_place(const abi::Array& array) {
    return array.dtype == dtype_of<T> && array.class_stride == static_cast<std::int64_t>(sizeof(T)) &&
           array.layout != abi::strided;
  }

  /// Across, a full group of rows that lie side by side can be used where it is.
  static FUSEDLOSS_INLINE bool tile_in_place(const abi::Array& array, const std::int64_t* offsets, int first,
                                             int here) {
    if (here != width || array.dtype != dtype_of<T> || array.layout == abi::strided) return false;
    if (array.class_stride % static_cast<std::int64_t>(sizeof(T)) != 0) return false;
    bool together = true;
    for (int l = 1; l < width; ++l) {
      together &= offsets[first + l] - offsets[first + l - 1] == static_cast<std::int64_t>(sizeof(T));
    }
    return together;
  }

  /// One member after the other: a copy of the whole would wait for all of them to be written.
  template <class U>
  static FUSEDLOSS_INLINE void set(Lane<U>& to, std::enable_if_t<true, U>* at, std::int64_t step, T* tail) {
    to.at = at;
    to.step = step;
    to.tail = tail;
  }

  static FUSEDLOSS_SHARED void bring(const abi::Array& array, const std::int64_t* offsets, int first, int here,
                                     bool across, std::int64_t classes, T* room, T* tail, Lane<const T>& to) {
    const std::int64_t size = static_cast<std::int64_t>(sizeof(T));
    const T padding = -infinity<T>;  // a class of probability 0; losses whose padding matters mask it by its index
    if (across) {
      if (tile_in_place(array, offsets, first, here)) {
        return set(to, reinterpret_cast<const T*>(address(array, offsets[first])), array.class_stride / size, nullptr);
      }
      gather_tile(array, offsets + first, here, classes, room);
      return set(to, room, width, nullptr);
    }
    const std::int64_t full = classes / width;
    const int rest = static_cast<int>(classes - full * width);
    const T* const row = bring_row(array, offsets[first], classes, room);
    for (int l = 0; l < width; ++l) tail[l] = padding;
    if (rest != 0) std::memcpy(tail, row + full * width, rest * sizeof(T));
    set(to, row, width, tail);
  }

  /// One row, along its classes: where it is, or in `room`.
  static FUSEDLOSS_INLINE const T* bring_row(const abi::Array& array, std::int64_t offset, std::int64_t classes,
                                             T* room) {
    if (row_in_place(array)) return reinterpret_cast<const T*>(address(array, offset));
    std::int64_t done = 0;
    while (done < classes) {
      const int count = classes - done < (1 << 30) ? static_cast<int>(classes - done) : (1 << 30);
      load_any(array.dtype, address(array, offset + done * array.class_stride), array.class_stride, room + done, count);
      done += count;
    }
    return room;
  }

  /// Rows that are not side by side, turned so that lane l is row l.
  static FUSEDLOSS_SHARED void gather_tile(const abi::Array& array, const std::int64_t* offsets, int here,
                                           std::int64_t classes, T* room) {
    if (here < width) {
      for (std::int64_t i = 0; i < classes * width; ++i) room[i] = T(0);
    }
    if (row_in_place(array) && here == width) {
      const T* row[width];
      for (int l = 0; l < width; ++l) row[l] = reinterpret_cast<const T*>(address(array, offsets[l]));
      return interleave(row, classes, room);
    }
    constexpr int stretch = 64;
    T buffer[stretch];
    for (int l = 0; l < here; ++l) {
      for (std::int64_t c = 0; c < classes; c += stretch) {
        const int count = classes - c < stretch ? static_cast<int>(classes - c) : stretch;
        load_any(array.dtype, address(array, offsets[l] + c * array.class_stride), array.class_stride, buffer, count);
        for (int i = 0; i < count; ++i) room[(c + i) * width + l] = buffer[i];
      }
    }
  }

  static FUSEDLOSS_SHARED void place(const abi::Array& array, const std::int64_t* offsets, int first, int here,
                                     bool across, T* room, T* tail, Lane<T>& to) {
    const std::int64_t size = static_cast<std::int64_t>(sizeof(T));
    T* const there = reinterpret_cast<T*>(address(array, offsets[first]));
    if (across) {
      const bool in_place = tile_in_place(array, offsets, first, here);
      return set(to, in_place ? there : room, in_place ? array.class_stride / size : width, nullptr);
    }
    set(to, row_in_place(array) ? there : room, width, tail);
  }

  static FUSEDLOSS_SHARED void hand_out(const abi::Array& array, const std::int64_t* offsets, const Lane<T>& lane,
                                        int first, int here, bool across, std::int64_t classes) {
    if (across) {
      if (tile_in_place(array, offsets, first, here)) return;
      if (row_in_place(array)) {
        T* row[width];
        for (int l = 0; l < here; ++l) row[l] = reinterpret_cast<T*>(address(array, offsets[first + l]));
        return separate(lane.at, classes, row, here);
      }
      constexpr int stretch = 64;
      T buffer[stretch];
      for (int l = 0; l < here; ++l) {
        for (std::int64_t c = 0; c < classes; c += stretch) {
          const int count = classes - c < stretch ? static_cast<int>(classes - c) : stretch;
          for (int i = 0; i < count; ++i) buffer[i] = lane.at[(c + i) * width + l];
          store_any(array.dtype, buffer, address(array, offsets[first + l] + c * array.class_stride),
                    array.class_stride, count);
        }
      }
      return;
    }
    const std::int64_t full = classes / width;
    const int rest = static_cast<int>(classes - full * width);
    if (rest != 0) std::memcpy(lane.at + full * width, lane.tail, rest * sizeof(T));
    if (row_in_place(array)) return;
    std::int64_t done = 0;
    while (done < classes) {
      const int count = classes - done < (1 << 30) ? static_cast<int>(classes - done) : (1 << 30);
      store_any(array.dtype, lane.at + done, address(array, offsets[first] + done * array.class_stride),
                array.class_stride, count);
      done += count;
    }
  }

  static FUSEDLOSS_SHARED void clear(const abi::Array& array, std::int64_t offset, std::int64_t classes) {
    const T zeros[width] = {};
    for (std::int64_t c = 0; c < classes; c += width) {
      const int count = classes - c < width ? static_cast<int>(classes - c) : width;
      store_any(array.dtype, zeros, address(array, offset + c * array.class_stride), array.class_stride, count);
    }
  }
};

/// By-products of the rows of a task, if the call asks for any.
template <class T>
struct Extras {
  T number[abi::argmax][max_task_rows];
  std::int64_t peak[max_task_rows];

  FUSEDLOSS_INLINE void take(const Unit<T>& unit, int lane, int row) {
    for (int k = 0; k < abi::argmax; ++k) number[k][row] = unit.extra[k][lane];
    peak[row] = unit.peak[lane];
  }
  FUSEDLOSS_INLINE void leave_out(int row) {
    for (int k = 0; k < abi::argmax; ++k) number[k][row] = not_a_number<T>;
    peak[row] = -1;
  }
  FUSEDLOSS_SHARED void hand_out(const abi::Call* call, const TaskRows<T>& rows) {
    for (int k = 0; k < abi::argmax; ++k) {
      if (call->extra[k].layout != abi::absent) unstage(number[k], call->extra[k], call->items, rows.start, rows.count);
    }
    const abi::Array& to = call->extra[abi::argmax];
    if (to.layout == abi::absent) return;
    std::int64_t offsets[max_task_rows];
    row_offsets(to, call->items, rows.start, rows.count, offsets);
    for (int i = 0; i < rows.count; ++i) std::memcpy(RowArrays<T>::address(to, offsets[i]), &peak[i], sizeof peak[i]);
  }
};

/// Solves units, their options and the bounds of Hessians given. Either there is one, or each holds a row that is
/// visited along; then lane l of the first one's numbers of a row (labels, slopes, items ...) is the row of unit l.
template <class T>
using SolveUnits = void (*)(Unit<T>* units, int count, const void* options, T floor, T ceiling);

/// Solves units that a solver was given together one after the other, each as if it had come alone.
template <class T, class Solve>
FUSEDLOSS_INLINE void one_by_one(Unit<T>* units, int count, const Solve& solve) {
  if (count == 1) return solve(*units);
  constexpr int width = lanes<T>;
  const Unit<T> head = units[0];
  double item[width];
  bool valid[width];
  for (int u = 0; u < count; ++u) {
    Unit<T>& unit = units[u];
    for (int l = 0; l < width; ++l) {
      unit.label[l] = head.label[u];
      unit.label_pred[l] = head.label_pred[u];
      unit.label_vector[l] = head.label_vector[u];
      unit.slope[l] = head.slope[u];
      unit.valid[l] = true;
    }
    solve(unit);
    item[u] = unit.item[0];
    valid[u] = unit.valid[0];
  }
  for (int u = 0; u < count; ++u) {
    units[0].item[u] = item[u];
    units[0].valid[u] = valid[u];
  }
}

/// Runs the rows of a task: brings each unit in, has it solved, hands its results out. It is compiled once for all
/// losses, which is why the solver is a pointer.
template <class T, abi::Outputs Set, bool Labelled>
struct RowTask {
  static constexpr int width = lanes<T>;
  static constexpr bool wants_value = Set == abi::value_only || Set == abi::value_grad || Set == abi::value_grad_hess;
  static constexpr bool wants_grad = Set != abi::value_only;
  static constexpr bool wants_hess = Set == abi::grad_hess || Set == abi::value_grad_hess;
  static constexpr bool wants_product = Set == abi::hessian_vector;
  static constexpr bool labelled = Labelled;
  static constexpr bool may_want_both = !labelled && wants_grad && !wants_product;  ///< derivatives by the target too
  using Arrays = RowArrays<T>;

  struct Places {
    std::int64_t pred[max_task_rows], target[max_task_rows], vector[max_task_rows], grad[max_task_rows],
        hess[max_task_rows];
    std::int64_t target_grad[may_want_both ? max_task_rows : 1], target_hess[may_want_both ? max_task_rows : 1];
  };

  struct Tails {
    alignas(64) T pred[width], target[width], vector[width], grad[width], hess[width];
    alignas(64) T target_grad[width], target_hess[width];
  };

  /// `together`: how many rows that are visited along the solver takes at once.
  static FUSEDLOSS_SHARED void run(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial,
                                   SolveUnits<T> solve, int together) {
    TaskRows<T> rows;
    weigh_rows(call, task, labelled, rows);
    partial->invalid = rows.invalid;

    Places places;
    const auto locate = [&](const abi::Array& array, std::int64_t* offsets) {
      row_offsets(array, call->items, rows.start, rows.count, offsets);
    };
    locate(call->inputs[0], places.pred);
    if constexpr (!labelled) locate(call->inputs[1], places.target);
    if constexpr (wants_product) locate(call->vector[0], places.vector);
    if constexpr (wants_grad) locate(call->grad[0], places.grad);
    if constexpr (wants_hess) locate(call->hess[0], places.hess);
    const bool both = may_want_both && call->grad[1].layout != abi::absent;
    if (both) {
      locate(call->grad[1], places.target_grad);
      if constexpr (wants_hess) locate(call->hess[1], places.target_hess);
    }

    const bool across = visits_across<T>(call);
    const std::int64_t size = scratch_elements<T>(call);

    alignas(64) double value[max_task_rows];
    Extras<T> extra;
    Unit<T> units[width];
    Tails tails[width];
    alignas(64) T ones[width];
    for (int l = 0; l < width; ++l) ones[l] = T(1);
    for (int u = 0; u < (across ? 1 : together); ++u) {
      Unit<T>& unit = units[u];
      unit.call = call;
      unit.scratch = static_cast<T*>(scratch) + unit_arrays(call) * size;
      unit.live = {ones, 0, ones};
      unit.across = across;
      unit.live_classes = unit.classes = call->classes;
      unit.full = across ? call->classes : call->classes / width;
      unit.groups = across ? call->classes : (call->classes + width - 1) / width;
    }
    Unit<T>& head = units[0];
    for (int next = 0; next < rows.count;) {
      int row[width], here = 0;  // the rows of these units
      while (next < rows.count && here < (across ? width : together)) {
        if (!across && rows.weight[next] == T(0)) {  // nothing to compute; along a row that saves the visit
          if constexpr (wants_grad) Arrays::clear(call->grad[0], places.grad[next], call->classes);
          if constexpr (wants_hess) Arrays::clear(call->hess[0], places.hess[next], call->classes);
          if (both) {
            Arrays::clear(call->grad[1], places.target_grad[next], call->classes);
            if constexpr (wants_hess) Arrays::clear(call->hess[1], places.target_hess[next], call->classes);
          }
          value[next] = 0.0;
          if (call->wants_extra) extra.leave_out(next);
        } else {
          row[here++] = next;
        }
        ++next;
      }
      if (here == 0) break;
      for (int l = 0; l < width; ++l) {
        const bool real = l < here || !across;  // along, a single row's are in all lanes
        const int from = row[l < here ? l : 0];
        head.label[l] = real ? rows.label[from] : -1;
        head.slope[l] = real ? rows.slope[from] : T(0);
        head.valid[l] = true;
      }
      const int count = across ? 1 : here;
      for (int u = 0; u < count; ++u) {
        Unit<T>& unit = units[u];
        Tails& tail = tails[u];
        const int first = row[u];
        T* const room = static_cast<T*>(scratch) + u * unit_arrays(call) * size;
        Arrays::bring(call->inputs[0], places.pred, first, here, across, call->classes, room, tail.pred, unit.pred);
        if constexpr (!labelled) {
          Arrays::bring(call->inputs[1], places.target, first, here, across, call->classes, room + size, tail.target,
                        unit.target);
        }
        if constexpr (wants_product) {
          Arrays::bring(call->vector[0], places.vector, first, here, across, call->classes, room + 2 * size,
                        tail.vector, unit.vector);
        }
        if constexpr (wants_grad) {
          Arrays::place(call->grad[0], places.grad, first, here, across, room + 3 * size, tail.grad, unit.grad);
        }
        if constexpr (wants_hess) {
          Arrays::place(call->hess[0], places.hess, first, here, across, room + 4 * size, tail.hess, unit.hess);
        }
        if (both) {
          Arrays::place(call->grad[1], places.target_grad, first, here, across, room + 5 * size, tail.target_grad,
                        unit.target_grad);
          if constexpr (wants_hess) {
            Arrays::place(call->hess[1], places.target_hess, first, here, across, room + 6 * size, tail.target_hess,
                          unit.target_hess);
          }
        }
      }
      for (int l = 0; l < width; ++l) {
        const std::int64_t label = head.label[l];
        const bool is_class = label >= 0 && label < call->classes;  // the last grade is none
        const Unit<T>& unit = units[l < count ? l : 0];
        head.label_pred[l] = is_class ? unit.at(unit.pred, l, label) : T(0);
        if constexpr (wants_product) head.label_vector[l] = is_class ? unit.at(unit.vector, l, label) : T(0);
      }

      solve(units, count, call->options, static_cast<T>(call->hess_floor), static_cast<T>(call->hess_ceiling));

      for (int u = 0; u < count; ++u) {
        if constexpr (wants_grad)
          Arrays::hand_out(call->grad[0], places.grad, units[u].grad, row[u], here, across, call->classes);
        if constexpr (wants_hess)
          Arrays::hand_out(call->hess[0], places.hess, units[u].hess, row[u], here, across, call->classes);
        if (both) {
          Arrays::hand_out(call->grad[1], places.target_grad, units[u].target_grad, row[u], here, across,
                           call->classes);
          if constexpr (wants_hess)
            Arrays::hand_out(call->hess[1], places.target_hess, units[u].target_hess, row[u], here, across,
                             call->classes);
        }
      }
      for (int l = 0; l < here; ++l) {
        value[row[l]] = head.item[l];
        if (!head.valid[l] && rows.weight[row[l]] != T(0)) {
          const std::int64_t at = rows.start + row[l];
          if (partial->invalid < 0 || at < partial->invalid) partial->invalid = at;
        }
        if (!call->wants_extra) continue;
        if (rows.weight[row[l]] != T(0)) {
          extra.take(head, l, row[l]);
        } else {
          extra.leave_out(row[l]);
        }
      }
    }

    if (call->wants_extra) extra.hand_out(call, rows);
    if constexpr (wants_value) {
      double lane[width] = {};
      for (int i = 0; i < rows.count; ++i) {
        value[i] = rows.weight[i] != T(0) ? static_cast<double>(rows.weight[i]) * value[i] : 0.0;
        lane[i % width] += value[i];
      }
      partial->sum = fold(lane);
      partial->residue = 0;
      if (call->value.layout != abi::absent) {
        T rounded[max_task_rows];
        for (int i = 0; i < rows.count; ++i) rounded[i] = static_cast<T>(value[i]);
        unstage(rounded, call->value, call->items, rows.start, rows.count);
      }
    }
  }
};

/// Whether a solver takes several rows at once: it says so by a member `together`, and `solve(units, count, ...)`.
template <class Solve, class = void>
constexpr bool solves_together = false;
template <class Solve>
constexpr bool solves_together<Solve, std::enable_if_t<Solve::together>> = true;

template <class Solve, class T, abi::Outputs Set>
FUSEDLOSS_SHARED void solve_units(Unit<T>* units, int count, const void* given, T floor, T ceiling) {
  using Options = typename Solve::template Options<T>;
  Options options;
  if constexpr (!std::is_empty_v<Options>) options = *static_cast<const Options*>(given);
  if constexpr (solves_together<Solve>) {
    Solve::template solve<T, Set>(units, count, options, floor, ceiling);
  } else {
    Solve::template solve<T, Set>(*units, options, floor, ceiling);
  }
}

template <class Solve, class T, abi::Outputs Set>
void run_rows(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
  const int together = solves_together<Solve> ? rows_together<T>(call) : 1;
  RowTask<T, Set, Solve::labelled>::run(call, task, scratch, partial, solve_units<Solve, T, Set>, together);
}

/// Whether the labels of a solver are grades: it says so by a member `grades`.
template <class Solve, class = void>
constexpr bool has_grades = false;
template <class Solve>
constexpr bool has_grades<Solve, std::enable_if_t<Solve::grades>> = true;

/// A loss over rows as the dispatcher sees it: `Solve::solve(unit, options, floor, ceiling)` solves a unit.
template <class Solve>
constexpr abi::Kernel row_kernel() {
  using F = typename Solve::template Options<float>;
  constexpr int options = std::is_empty_v<F> ? 0 : static_cast<int>(sizeof(F) / sizeof(float));
  return {Solve::name,
          has_grades<Solve> ? abi::rows_of_grades
          : Solve::labelled ? abi::rows_of_labels
                            : abi::rows_of_distributions,
          2,
          1,
          options,
          Solve::nanoseconds,
          {row_tasks<float>, row_tasks<double>},
          {row_scratch_bytes<float>, row_scratch_bytes<double>},
          {{run_rows<Solve, float, abi::value_only>, run_rows<Solve, float, abi::value_grad>,
            run_rows<Solve, float, abi::grad_hess>, run_rows<Solve, float, abi::value_grad_hess>,
            run_rows<Solve, float, abi::hessian_vector>},
           {run_rows<Solve, double, abi::value_only>, run_rows<Solve, double, abi::value_grad>,
            run_rows<Solve, double, abi::grad_hess>, run_rows<Solve, double, abi::value_grad_hess>,
            run_rows<Solve, double, abi::hessian_vector>}}};
}

FUSEDLOSS_END
