// The kind of losses of sorted errors: an item is a class of an image, whose worst pixels count most.
//
// The Lovasz extension of a set function is linear between errors in their order: its gradient says by how much the
// function grows as pixels join the set of errors, the largest first (Berman et al. 2018). The function is the Jaccard
// loss. Of a pixel of weight w it grows by w / u if it is of the class, and by i w / (u (u + w)) if it is not, where i
// is what is left of the intersection and u the union, both before it joins: no difference is taken.
//
// A loss is
//   name, nanoseconds (of a pixel)
//   static T error(T x, bool own), which counts where it is positive, of a pixel that is of the class or not; it falls
//     with x by as much where `own`, and grows otherwise
//   static std::int64_t number(std::int64_t c), the label of class c
//   static constexpr bool binary: whether a target other than 0 and 1 is outside the domain
//
// Design:
// 1. Pixels without an error come last and add nothing: only the others are sorted, on records of their error's bits
// and
//    of their place, by radix: as fast on every instruction set, and of equal errors the first stays first.
// 2. A task is an item. All of it is read before any of its gradient is written, so that this may take its place.
#pragma once

#include <cstdint>
#include <cstring>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

/// A pixel whose error is positive. Its place is that among all pixels of the item, doubled, plus 1 if it is of the
/// class: of floats there may be 2^31 pixels.
template <class T>
struct ErrorRecord {
  Bits<T> key;  ///< falls as the error grows
  Bits<T> place;
};

/// The bits of a positive number, one of which is not used.
template <class T>
constexpr Bits<T> error_bits = ~Bits<T>{0} >> 1;

/// Three passes over floats, six over doubles; 2048 counts fit the first-level cache, whatever they count.
constexpr int digit_bits = 11;
constexpr int digits = 1 << digit_bits;
template <class T>
constexpr int sorting_passes = (8 * static_cast<int>(sizeof(T)) - 1 + digit_bits - 1) / digit_bits;

template <class T>
FUSEDLOSS_SHARED std::int64_t item_tasks(const abi::Call* call) {
  return call->overlaps->samples * call->classes;
}

/// How many records there are of each digit.
template <class T>
struct DigitCounts {
  Bits<T> of[sorting_passes<T>][digits];
};

/// Whether the gradient of an item lies pixel by pixel.
template <class T>
FUSEDLOSS_INLINE bool scattered_in_place(const abi::Call* call) {
  const abi::Array& grad = call->grad[0];
  return in_place<T>(grad) && call->items.axes == 1 && grad.strides[0] == static_cast<std::int64_t>(sizeof(T));
}

/// Records twice; of a gradient that does not lie pixel by pixel all of it, and the weights, if there are any.
template <class T>
FUSEDLOSS_SHARED std::int64_t sorting_scratch_bytes(const abi::Call* call) {
  std::int64_t pixel = 2 * sizeof(ErrorRecord<T>);
  if (call->grad[0].layout != abi::absent && !scattered_in_place<T>(call)) pixel += sizeof(T);
  if (call->weight.layout != abi::absent) pixel += sizeof(double);
  return call->items.size * pixel;
}

/// Pixels [first, first + count) of an array, `offset` bytes behind its place in the first item.
template <class To>
FUSEDLOSS_SHARED void bring_pixels(const abi::Array& array, const abi::Items& items, std::int64_t offset,
                                   std::int64_t first, int count, To* to) {
  abi::Array here = array;
  here.data = static_cast<char*>(array.data) + offset;
  stage(here, items, first, count, to);
}

/// Sorts by radix; gives which of both arrays holds the result. The counts are spent.
template <class T>
FUSEDLOSS_SHARED ErrorRecord<T>* sort_records(ErrorRecord<T>* records, ErrorRecord<T>* room, std::int64_t size,
                                              DigitCounts<T>& counts) {
  for (int pass = 0; pass < sorting_passes<T>; ++pass) {
    Bits<T>* const next = counts.of[pass];
    const int shift = pass * digit_bits;
    if (size == 0 || next[(records[0].key >> shift) & (digits - 1)] == static_cast<Bits<T>>(size)) continue;
    Bits<T> before = 0;
    for (int digit = 0; digit < digits; ++digit) {
      const Bits<T> here = next[digit];
      next[digit] = before;
      before += here;
    }
    for (std::int64_t i = 0; i < size; ++i) {
      const ErrorRecord<T> record = records[i];
      room[next[(record.key >> shift) & (digits - 1)]++] = record;
    }
    ErrorRecord<T>* const sorted = room;
    room = records;
    records = sorted;
  }
  return records;
}

template <class Loss, class T>
class SortedItem {
 public:
  using Record = ErrorRecord<T>;

  FUSEDLOSS_INLINE SortedItem(const abi::Call* of, std::int64_t task, void* scratch)
      : call(of), all(*of->overlaps), size(of->items.size), image(task / of->classes), c(task % of->classes) {
    char* at = static_cast<char*>(scratch);
    if (call->weight.layout != abi::absent) {
      weights = reinterpret_cast<double*>(at);
      at += size * static_cast<std::int64_t>(sizeof(double));
    }
    records = reinterpret_cast<Record*>(at);
    room = records + size;
    beside = reinterpret_cast<T*>(room + size);
  }

  /// Reads the item; gives whether its target is within the domain.
  FUSEDLOSS_INLINE bool collect() {
    bool inside = true;
    Total total;
    std::memset(&counts, 0, sizeof counts);
    for (std::int64_t first = 0; first < size; first += block_size<T>) {
      const int count = static_cast<int>(size - first < block_size<T> ? size - first : block_size<T>);
      bring_pixels(call->inputs[0], call->items, image * all.pred_stride + c * call->inputs[0].class_stride, first,
                   count, x);
      bring_target(first, count);
      if (weights != nullptr) {
        bring_pixels(call->weight, call->items, image * all.mask_stride, first, count, weights + first);
      }
      inside &= read_block(first, count, total);
    }
    of_class = total.sum + total.residue;
    return inside;
  }

  /// Gives the value and the weight of the class's pixels, and writes the gradient.
  FUSEDLOSS_INLINE void finish(double* to) {
    T* const grad = call->grad[0].layout == abi::absent ? nullptr : gradient();
    if (grad != nullptr) std::memset(grad, 0, static_cast<std::size_t>(size) * sizeof(T));
    const double scale = all.slopes == nullptr ? 0.0 : all.slopes[image * call->classes + c];
    double value = not_a_number<double>;
    if (!spoilt) {
      records = sort_records(records, room, found, counts);
      value = weights == nullptr ? sweep<false>(grad, scale) : sweep<true>(grad, scale);
    } else if (grad != nullptr && scale != 0.0) {
      for (std::int64_t i = 0; i < found; ++i) grad[records[i].place >> 1] = not_a_number<T>;
    }
    if (grad == beside) give(grad);
    to[0] = value;
    to[1] = of_class;
  }

 private:
  const abi::Call* const call;
  const abi::Overlaps& all;
  const std::int64_t size;
  const std::int64_t image, c;
  double* weights = nullptr;
  Record* records;
  Record* room;
  T* beside;               ///< the gradient of pixels that do not lie side by side
  std::int64_t found = 0;  ///< how many records there are
  double of_class = 0;     ///< the weight of all pixels of the class
  bool spoilt = false;     ///< whether an error is NaN
  DigitCounts<T> counts;
  T x[block_size<T>];
  std::int64_t labels[block_size<T>];

  /// As labels; a number that is none of 0, 1 and the ignored one becomes one that is neither.
  FUSEDLOSS_INLINE void bring_target(std::int64_t first, int count) {
    const abi::Array& target = call->inputs[1];
    const std::int64_t offset = image * all.target_stride;
    if (target.dtype != abi::float16 && target.dtype != abi::bfloat16 && target.dtype != abi::float32 &&
        target.dtype != abi::float64) {
      return bring_pixels(target, call->items, offset, first, count, labels);
    }
    double numbers[block_size<T>];
    bring_pixels(target, call->items, offset, first, count, numbers);
    const auto ignored = static_cast<double>(call->ignore_index);
    for (int i = 0; i < count; ++i) {
      const double t = numbers[i];
      labels[i] = t == 0 ? 0 : t == 1 ? 1 : t == ignored ? call->ignore_index : INT64_MAX;
    }
  }

  FUSEDLOSS_INLINE bool read_block(std::int64_t first, int count, Total& total) {
    const std::int64_t number = Loss::number(c);
    const std::int64_t ignored = call->ignore_index;
    const bool ignores = call->has_ignore_index;
    bool inside = true, any_nan = false;
    double own_weight = 0;
    for (int i = 0; i < count; ++i) {
      const std::int64_t label = labels[i];
      const double w = weights == nullptr ? 1.0 : weights[first + i];
      const bool own = label == number;
      const bool counts_here = (w != 0) & !(ignores & (label == ignored));
      inside &= w >= 0;
      if constexpr (Loss::binary) inside &= !counts_here | (static_cast<std::uint64_t>(label) <= 1);
      own_weight += (own & counts_here) ? w : 0.0;
      const T error = Loss::error(x[i], own);
      const bool nan = error != error;
      const Bits<T> key = ~bits_of(error) & error_bits<T>;
      records[found] = {key, static_cast<Bits<T>>(first + i) << 1 | static_cast<Bits<T>>(own)};
      const bool kept = !(error <= 0) & counts_here;
      any_nan |= kept & nan;
      for (int pass = 0; pass < sorting_passes<T>; ++pass) {
        counts.of[pass][(key >> (pass * digit_bits)) & (digits - 1)] += static_cast<Bits<T>>(kept);
      }
      found += kept;
    }
    spoilt |= any_nan;
    total.add(own_weight);
    return inside;
  }

  FUSEDLOSS_INLINE T* gradient() const {
    if (!scattered_in_place<T>(call)) return beside;
    const abi::Array& grad = call->grad[0];
    return reinterpret_cast<T*>(static_cast<char*>(grad.data) + image * all.grad_stride + c * grad.class_stride);
  }

  FUSEDLOSS_INLINE void give(const T* grad) const {
    abi::Array here = call->grad[0];
    here.data = static_cast<char*>(here.data) + image * all.grad_stride + c * here.class_stride;
    for (std::int64_t first = 0; first < size; first += block_size<T>) {
      const int count = static_cast<int>(size - first < block_size<T> ? size - first : block_size<T>);
      unstage(grad + first, here, call->items, first, count);
    }
  }

  /// Lets pixels join the set of errors, the largest first.
  template <bool Weighted>
  FUSEDLOSS_INLINE double sweep(T* grad, double scale) const {
    Total total;
    double left = of_class, united = of_class;
    for (std::int64_t first = 0; first < found; first += block_size<T>) {
      const std::int64_t last = found - first < block_size<T> ? found : first + block_size<T>;
      double sum = 0;
      for (std::int64_t i = first; i < last; ++i) {
        const Record record = records[i];
        const bool own = record.place & 1;
        const auto pixel = static_cast<std::int64_t>(record.place >> 1);
        const double w = Weighted ? weights[pixel] : 1.0;
        const double wider = united + (own ? 0.0 : w);
        double growth = (own ? w : left * w / wider) / united;
        if (of_class == 0) growth = i == 0 ? 1.0 : 0.0;  // nothing is right any more, once one pixel is wrong
        united = wider;
        left -= own ? w : 0.0;
        left = left < 0 ? 0.0 : left;
        const T error = from_bits<T>(~record.key & error_bits<T>);
        sum += growth == 0 ? 0.0 : growth * static_cast<double>(error);
        if (grad != nullptr) grad[pixel] = static_cast<T>(scale * (own ? -growth : growth));
      }
      total.add(sum);
    }
    return total.sum + total.residue;
  }
};

template <class Loss, class T>
struct SortedEntry {
  static void run(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
    SortedItem<Loss, T> item(call, task, scratch);
    if (item.collect()) {
      item.finish(call->overlaps->sums + 2 * task);
    } else {
      partial->invalid = task / call->classes;
    }
  }
};

template <class Loss>
constexpr abi::Kernel sorted_kernel() {
  return {Loss::name,
          abi::sorted_pixels,
          2,
          1,
          0,
          Loss::nanoseconds,
          {item_tasks<float>, item_tasks<double>},
          {sorting_scratch_bytes<float>, sorting_scratch_bytes<double>},
          {{SortedEntry<Loss, float>::run, SortedEntry<Loss, float>::run},
           {SortedEntry<Loss, double>::run, SortedEntry<Loss, double>::run}}};
}

FUSEDLOSS_END
