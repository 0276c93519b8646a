// The kind of losses over maps: of each sample and class, how far what is predicted overlaps with what is there.
//
// Which ratio of sums a loss is, is not known here. Two passes stand around it: the first adds up, of each class,
//
//   overlap  sum of min(p, t)
//   excess   sum of p - min(p, t), what is predicted and not there
//   missing  sum of t - min(p, t), what is there and not predicted
//
// over pixels, the second one maps the derivatives by these three back to pred. Where pixels are squared, the three are
// sums of p t, of (p - t)^2, and 0.
//
// A kernel is an activation (what makes p of pred) with
//   name, nanoseconds (of a class of a pixel, both passes on average)
//   template <class T> struct Options: squared, 1 or 0
//   Rider, of a softmax: the functor of a loss of the label's own -log p, as in mixture.hpp; its options are a
//     smoothing, which is not used here, and gamma
//   Rider and FocalRider, of sigmoids: functors of losses of an entry and its target, as in pointwise.hpp; the options
//     of the second one are smoothing, gamma, and weights of the positive and the negative term
//
// Design:
// 1. min(p, t) is p t for targets of 0 and 1. For those in between its loss is least at p = t, which that of p t is not
//    (Wang et al. 2023, "Dice semimetric losses"). Excess and missing are added up, and not taken from sums of p and t:
//    a loss close to 0 keeps its digits. For the same reason 1 - p comes from the activation.
// 2. A task is a block of a sample's pixels, whose length depends on the number of classes alone. Sums are folded over
//    lanes as everywhere, and blocks joined in order.
// 3. Pixels are visited a strip at a time, all classes of it: lanes are pixels, so a class of a strip is read where it
//    lies if its pixels lie side by side, and staged into the first-level cache otherwise.
// 4. Memory is asked for a strip ahead, a line for each group of arithmetic: a strip is too short for processors to see
//    where it leads, and many lines at once would wait for one another.
// 5. Nothing of the activation is kept between the passes: exponentials are cheaper than a map of them.
// 6. Of a softmax, a loss of each pixel's label (cross-entropy, focal) may ride along: its values are added up in the
//    first pass, its gradient joins that of the second, and no exponential is taken for it. Of sigmoids the same of
//    each entry: what is read and staged for one does for both.
// 7. A gradient may also come in by probabilities, pixel by pixel: the second pass then pulls it back to logits.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../core/call.hpp"
#include "../core/domains.hpp"
#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/math.hpp"
#include "row_lanes.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

constexpr int groups_per_strip = 8;

/// Pixels in a strip: 512 bytes of a class. With what is asked for ahead, and what lies between its loops, three
/// classes do not fill the first-level cache.
template <class T>
constexpr int strip = lanes<T> * groups_per_strip;

/// Pixels and classes of a task, about.
constexpr std::int64_t task_entries = 1 << 16;

template <class T>
FUSEDLOSS_SHARED std::int64_t pixels_per_task(const abi::Call* call) {
  const std::int64_t strips = task_entries / (call->classes * strip<T>);
  return (strips < 1 ? 1 : strips) * strip<T>;
}

template <class T>
FUSEDLOSS_SHARED std::int64_t map_tasks(const abi::Call* call) {
  const std::int64_t pixels = pixels_per_task<T>(call);
  return call->overlaps->samples * ((call->items.size + pixels - 1) / pixels);
}

/// One strip in memory: a number a pixel.
template <class T>
struct Strip {
  alignas(64) T at[strip<T>];
};

/// What is kept of a class while its blocks are added up.
template <class T>
struct ClassSums {
  alignas(64) double overlap[lanes<T>], excess[lanes<T>], missing[lanes<T>];
};

/// Sums of all classes, then two strips of each.
template <class T>
FUSEDLOSS_SHARED std::int64_t map_scratch_bytes(const abi::Call* call) {
  return call->classes * static_cast<std::int64_t>(sizeof(ClassSums<T>) + 2 * sizeof(Strip<T>));
}

/// The strip of an array that begins at pixel `at`, `offset` bytes behind its place in the first sample.
template <class To>
FUSEDLOSS_SHARED void bring(const abi::Array& array, const abi::Items& items, std::int64_t offset, std::int64_t at,
                            int count, To* to) {
  const char* const data = static_cast<const char*>(array.data) + offset;
  const std::int64_t step = array.strides[items.axes - 1];
  for_each_run(items, array.strides, at, count, [&](std::int64_t further, int begin, int length) {
    load_any(array.dtype, data + further, step, to + begin, length);
  });
}

/// The way back.
template <class T>
FUSEDLOSS_SHARED void hand_out(const T* from, const abi::Array& array, const abi::Items& items, std::int64_t offset,
                               std::int64_t at, int count) {
  char* const data = static_cast<char*>(array.data) + offset;
  const std::int64_t step = array.strides[items.axes - 1];
  for_each_run(items, array.strides, at, count, [&](std::int64_t further, int begin, int length) {
    store_any(array.dtype, from + begin, data + further, step, length);
  });
}

/// Calls act(c, n), n a constant, for n classes from c on after another: what a loop over lanes takes from class to
/// class stays in registers then. g++ keeps it in memory from loop to loop.
template <class Act>
FUSEDLOSS_INLINE void for_some_classes(std::int64_t classes, const Act& act) {
  std::int64_t c = 0;
  for (; c + 4 <= classes; c += 4) act(c, std::integral_constant<int, 4>());
  if (classes - c == 3) act(c, std::integral_constant<int, 3>());
  if (classes - c == 2) act(c, std::integral_constant<int, 2>());
  if (classes - c == 1) act(c, std::integral_constant<int, 1>());
}

/// A probability and its complement, not by subtraction.
template <class T>
struct Chance {
  T p, q;
};

/// The pixels of a task, strip by strip.
template <class T>
class Maps {
 public:
  static constexpr int width = lanes<T>;
  using Label = LaneIndex<T>;

  FUSEDLOSS_INLINE Maps(const abi::Call* of, std::int64_t task) : call(of), all(*of->overlaps) {
    const std::int64_t pixels = pixels_per_task<T>(of);
    const std::int64_t blocks = (of->items.size + pixels - 1) / pixels;
    sample = task / blocks;
    first = task % blocks * pixels;
    last = first + pixels < of->items.size ? first + pixels : of->items.size;
    for (int l = 0; l < width; ++l) faults[l] = 0;
  }

  const abi::Call* call;
  const abi::Overlaps& all;
  std::int64_t sample, first, last;
  int count = 0;          ///< pixels of the current strip
  bool even = false;      ///< whether all of a strip's pixels are there, each with weight one
  Strip<T> mask;          ///< their weights, 0 behind the last one
  Strip<T> live;          ///< of a target of numbers, some of which may be ignored: the weight of the entry
  Strip<T> target;        ///< of the current class, if the target holds numbers
  Strip<Label> labels;    ///< if it holds labels
  Bits<T> faults[width];  ///< all ones where something is outside the domain

  /// Goes to the strip that begins at a pixel. `Check`: labels and weights are new.
  template <bool Check>
  FUSEDLOSS_INLINE void go_to(std::int64_t pixel) {
    at = pixel;
    count = static_cast<int>(last - pixel < strip<T> ? last - pixel : strip<T>);
    even = count == strip<T> && call->weight.layout == abi::absent && !call->has_ignore && !call->has_ignore_index;
    if (call->weight.layout != abi::absent) {
      bring(call->weight, call->items, sample * all.mask_stride, at, count, mask.at);
      for (int i = count; i < strip<T>; ++i) mask.at[i] = T(0);
      if constexpr (Check) check_mask();
    } else {
      for (int i = 0; i < strip<T>; ++i) mask.at[i] = i < count ? T(1) : T(0);
    }
    if (all.labels) read_labels<Check>();
  }

  /// Asks memory for a line of the next strip's labels, another one for each group of pixels of each class.
  FUSEDLOSS_INLINE void ask_labels(std::int64_t item) const {
    if (all.labels) prefetch_read(labels_here, strip_of_labels + item / width * group_bytes);
  }

  /// The predictions of a class: where they lie, or brought to `room`.
  FUSEDLOSS_INLINE const T* pred(std::int64_t c, T* room) const {
    const T* const from = brought(c, room);
    if (from == room) {
      const abi::Array& array = call->inputs[0];
      bring(array, call->items, sample * all.pred_stride + c * array.class_stride, at, count, room);
      for (int i = count; i < strip<T>; ++i) room[i] = T(0);
    }
    return from;
  }

  /// The same once more.
  FUSEDLOSS_INLINE const T* brought(std::int64_t c, const T* room) const {
    const abi::Array& array = call->inputs[0];
    if (!side_by_side(array) || count != strip<T>) return room;
    return reinterpret_cast<const T*>(static_cast<const char*>(array.data) + sample * all.pred_stride +
                                      c * array.class_stride) +
           at;
  }

  /// Brings the targets of a class that are numbers; gives the weights of their pixels.
  FUSEDLOSS_INLINE const T* bring_target(std::int64_t c) {
    const abi::Array& array = call->inputs[1];
    bring(array, call->items, sample * all.target_stride + c * array.class_stride, at, count, target.at);
    for (int i = count; i < strip<T>; ++i) target.at[i] = T(0);
    const T* weight = mask.at;
    if (call->has_ignore) {
      const T ignored = static_cast<T>(call->ignore);
      FUSEDLOSS_LANES(lanes<T>)
      for (int i = 0; i < strip<T>; ++i) live.at[i] = select(target.at[i] == ignored, T(0), mask.at[i]);
      weight = live.at;
    }
    for (int g = 0; g < strip<T>; g += width) {
      FUSEDLOSS_LANES(lanes<T>)
      for (int l = 0; l < width; ++l) {
        const T t = select(weight[g + l] == T(0), T(0), target.at[g + l]);
        target.at[g + l] = t;
        faults[l] |= mask_of<T>(share_room(t) < T(0));
      }
    }
    return weight;
  }

  /// Brings derivatives by the probabilities of a class.
  FUSEDLOSS_INLINE void bring_pulled(std::int64_t c, T* to) const {
    const abi::Array& array = call->vector[0];
    bring(array, call->items, sample * all.pulled_stride + c * array.class_stride, at, count, to);
    for (int i = count; i < strip<T>; ++i) to[i] = T(0);
  }

  /// Where the gradient of a class goes: its own place, or `room`, from which give() takes it.
  FUSEDLOSS_INLINE T* grad(std::int64_t c, T* room) const {
    const abi::Array& array = call->grad[0];
    if (!side_by_side(array) || count != strip<T>) return room;
    return reinterpret_cast<T*>(static_cast<char*>(array.data) + sample * all.grad_stride + c * array.class_stride) +
           at;
  }

  FUSEDLOSS_INLINE void give(std::int64_t c, const T* from, const T* room) const {
    const abi::Array& array = call->grad[0];
    if (from == room) {
      hand_out(from, array, call->items, sample * all.grad_stride + c * array.class_stride, at, count);
    }
  }

  /// Whether there were any, or `others`.
  FUSEDLOSS_INLINE bool faulty(const Bits<T> (&others)[width]) const {
    Bits<T> any = 0;
    for (int l = 0; l < width; ++l) any |= faults[l] | others[l];
    return any != 0;
  }

 private:
  std::int64_t at = 0;
  const char* labels_here = nullptr;
  std::int64_t strip_of_labels = 0;  ///< in bytes, if pixels lie side by side

  FUSEDLOSS_INLINE bool side_by_side(const abi::Array& array) const {
    return in_place<T>(array) && call->items.axes == 1 && array.strides[0] == static_cast<std::int64_t>(sizeof(T));
  }

  FUSEDLOSS_INLINE void check_mask() {
    for (int g = 0; g < strip<T>; g += width) {
      FUSEDLOSS_LANES(lanes<T>)
      for (int l = 0; l < width; ++l) faults[l] |= mask_of<T>(!(mask.at[g + l] >= T(0)));
    }
  }

  /// A label that is changed after its check is some class or none.
  template <bool Check>
  FUSEDLOSS_INLINE void read_labels() {
    const abi::Array& array = call->inputs[1];
    const std::int64_t offset = sample * all.target_stride;
    labels_here = static_cast<const char*>(array.data) + offset + at * array.strides[call->items.axes - 1];
    strip_of_labels = strip<T> * array.strides[call->items.axes - 1];
    if (Check || call->has_ignore_index) {
      alignas(64) std::int64_t wide[strip<T>];
      bring(array, call->items, offset, at, count, wide);
      if constexpr (Check) check_labels(wide);
      const std::int64_t ignored = call->ignore_index;
      if (call->has_ignore_index) {
        for (int i = 0; i < count; ++i) mask.at[i] = wide[i] == ignored ? T(0) : mask.at[i];
      }
      for (int i = count; i < strip<T>; ++i) wide[i] = -1;
      FUSEDLOSS_SIMD
      for (int i = 0; i < strip<T>; ++i) labels.at[i] = static_cast<Label>(wide[i]);
    } else {
      bring(array, call->items, offset, at, count, labels.at);
      for (int i = count; i < strip<T>; ++i) labels.at[i] = Label(-1);
    }
  }

  FUSEDLOSS_INLINE void check_labels(std::int64_t* wide) {
    constexpr int step = lanes<double>;
    const std::int64_t ignored = call->has_ignore_index ? call->ignore_index : 0;
    const std::uint64_t classes = static_cast<std::uint64_t>(call->classes);
    alignas(64) std::uint64_t wrong[step] = {};
    for (int i = count; i < strip<T>; ++i) wide[i] = ignored;
    for (int g = 0; g < strip<T>; g += step) {
      FUSEDLOSS_LANES(lanes<double>)
      for (int l = 0; l < step; ++l) {
        const std::uint64_t outside = mask_of<double>(static_cast<std::uint64_t>(wide[g + l]) >= classes);
        wrong[l] |= outside & mask_of<double>(wide[g + l] != ignored);
      }
    }
    for (int l = 0; l < step; ++l) faults[0] |= wrong[l] != 0 ? ~Bits<T>{0} : Bits<T>{0};
  }
};

/// p is pred itself.
struct Plain {
  static constexpr bool together = false, bounded = true;
  template <class T>
  static FUSEDLOSS_INLINE Chance<T> of(T z) {
    const T p = clamp_between(z, T(0), T(1));
    return {p, T(1) - p};
  }
  /// The derivative of p by pred: that of what is clamped.
  template <class T>
  static FUSEDLOSS_INLINE T slope(T z) {
    return unless_nan(z, select(z < T(0), T(0), select(z > T(1), T(0), T(1))));
  }
};

/// Each class by itself.
struct Sigmoid {
  static constexpr bool together = false, bounded = false;
  template <class T>
  static FUSEDLOSS_INLINE Chance<T> of(T z) {
    const Logistic<T> s = logistic(z);
    return {s.sigmoid, s.complement};
  }
  template <class T>
  static FUSEDLOSS_INLINE T slope(T z) {
    const LogisticTail<T> s = logistic_tail(absolute(z));
    return s.larger * s.smaller;
  }
};

/// All classes of a pixel.
struct Together {
  static constexpr bool together = true, bounded = false;
};

/// What a loss of the label of each pixel needs of a strip, gathered class by class, and what it gives.
template <class T>
struct StripRider {
  Strip<T> gap;     ///< how far the label's logit is below the largest one
  Strip<T> apart;   ///< all classes' together, if the label is smoothed
  Strip<T> weight;  ///< that of the label's class
  Strip<T> slope;   ///< by -log p, times the weight and the scale

  FUSEDLOSS_INLINE void begin() {
    for (int i = 0; i < strip<T>; ++i) gap.at[i] = apart.at[i] = weight.at[i] = T(0);
  }

  FUSEDLOSS_INLINE void see(const Maps<T>& maps, std::int64_t c, const T* z, const Strip<T>& largest) {
    const LaneIndex<T> number = static_cast<LaneIndex<T>>(c);
    const double* const of_class = maps.call->class_weight;
    const T own_weight = of_class == nullptr ? T(1) : static_cast<T>(of_class[c]);
    FUSEDLOSS_LANES(lanes<T>)
    for (int i = 0; i < strip<T>; ++i) {
      const Bits<T> own = mask_of<T>(maps.labels.at[i] == number);
      gap.at[i] = blend(own, largest.at[i] - z[i], gap.at[i]);
      weight.at[i] = blend(own, own_weight, weight.at[i]);
    }
    if (maps.all.smoothing == 0) return;
    FUSEDLOSS_LANES(lanes<T>)
    for (int i = 0; i < strip<T>; ++i) apart.at[i] += largest.at[i] - z[i];
  }
};

/// The softmax of a strip: of each class the exponential over the largest one, and what makes it a probability. That
/// has a relative error of half as many rounding errors as its logit is below the largest one: none of them is large.
template <class T>
struct StripSoftmax {
  using Index = LaneIndex<T>;
  /// Classes whose exponentials are added up before they go to double.
  static constexpr std::int64_t together = 8;

  Strip<T> largest;
  Strip<Index> top;                   ///< the first class that is the largest
  Strip<T> share;                     ///< its probability
  Strip<T> others;                    ///< that of all other classes, not by subtraction
  Strip<T> part;                      ///< the sum of their exponentials, or of the last few
  alignas(64) double rest[strip<T>];  ///< and of those before

  /// `rider`: what rides along, or null.
  FUSEDLOSS_INLINE void fold(const Maps<T>& maps, Strip<T>* e, StripRider<T>* rider) {
    const std::int64_t classes = maps.call->classes;
    if (rider != nullptr) rider->begin();
    find_largest(maps, e);
    for (std::int64_t c = 0; c < classes; ++c) {
      const T* z = maps.brought(c, e[c].at);
      if (rider != nullptr) rider->see(maps, c, z, largest);
      T* const to = e[c].at;
      for (int g = 0; g < strip<T>; g += lanes<T>) {
        prefetch_read(z + g, sizeof largest);  // of the next strip: between two strips there is time to read memory
        FUSEDLOSS_LANES(lanes<T>)
        for (int i = g; i < g + lanes<T>; ++i) to[i] = exp_of_minus(largest.at[i] - z[i]);
      }
    }
    add_up(e, classes);
    FUSEDLOSS_LANES(lanes<T>)
    for (int i = 0; i < strip<T>; ++i) {
      const T others_here = part.at[i];
      share.at[i] = T(1) / (T(1) + others_here);
      others.at[i] = others_here * share.at[i];
    }
  }

 private:
  FUSEDLOSS_INLINE void find_largest(const Maps<T>& maps, Strip<T>* room) {
    for_some_classes(maps.call->classes, [&](std::int64_t c, auto some) __attribute__((always_inline)) {
      const T* z[some];
      for (int k = 0; k < some; ++k) z[k] = maps.pred(c + k, room[c + k].at);
      const bool first = c == 0;
      FUSEDLOSS_LANES(lanes<T>)
      for (int i = 0; i < strip<T>; ++i) {
        T high = first ? -infinity<T> : largest.at[i];
        Index where = first ? Index(0) : top.at[i];
        for_each_of<some>([&](auto k) __attribute__((always_inline)) {
          const bool larger = z[k][i] > high;
          where = larger ? static_cast<Index>(c + k) : where;
          high = select(larger, z[k][i], high);
        });
        largest.at[i] = high;
        top.at[i] = where;
      }
    });
  }

  /// The exponentials but for that of the largest.
  FUSEDLOSS_INLINE void add_up(const Strip<T>* e, std::int64_t classes) {
    for_some_classes(classes, [&](std::int64_t c, auto some) __attribute__((always_inline)) {
      const bool first = c == 0;
      FUSEDLOSS_LANES(lanes<T>)
      for (int i = 0; i < strip<T>; ++i) {
        // No probabilities where the largest is infinite.
        T sum = first ? largest.at[i] - largest.at[i] : part.at[i];
        for_each_of<some>([&](auto k) __attribute__((always_inline)) {
          sum += masked(e[c + k].at[i], ~mask_of<T>(top.at[i] == static_cast<Index>(c + k)));
        });
        part.at[i] = sum;
      }
      if (classes > together && ((c + some) % together == 0 || c + some == classes)) add_part(c < together);
    });
    if (classes > together) {
      FUSEDLOSS_LANES(lanes<T>)
      for (int i = 0; i < strip<T>; ++i) part.at[i] = static_cast<T>(rest[i]);
    }
  }

  FUSEDLOSS_INLINE void add_part(bool first) {
    FUSEDLOSS_LANES(lanes<T>)
    for (int i = 0; i < strip<T>; ++i) {
      const double before = first ? 0.0 : rest[i];
      rest[i] = before + static_cast<double>(part.at[i]);
      part.at[i] = T(0);
    }
  }
};

/// The weighted values of a strip's pixels, if they are wanted, and slopes. `Loss` gives half of its value, from half
/// of -log p.
template <class Loss, class T>
FUSEDLOSS_SHARED double ride(const Maps<T>& maps, const StripSoftmax<T>& softmax, StripRider<T>& rider, bool values) {
  const T gamma = static_cast<T>(maps.all.gamma), smoothing = static_cast<T>(maps.all.smoothing);
  const T scale = static_cast<T>(maps.call->scale), share = smoothing / static_cast<T>(maps.call->classes);
  constexpr int width = lanes<T>;
  alignas(64) double sum[width] = {};
  alignas(64) T exponent[width];  // g++ does not vectorise selections between numbers that are the same in all lanes
  for (int l = 0; l < width; ++l) exponent[l] = gamma;
  for (int g = 0; g < strip<T>; g += width) {
    alignas(64) T value[width], slope[width];
    for (int l = 0; l < width; ++l) {
      value[l] = T(0);
      slope[l] = T(1);
    }
    if (values || gamma != T(0)) {
      FUSEDLOSS_LANES(lanes<T>)
      for (int l = 0; l < width; ++l) {
        const T tail = log1p(softmax.part.at[g + l]), own = rider.gap.at[g + l] + tail;
        const T mixed = fma(T(1) - smoothing, own, fma(share, rider.apart.at[g + l], smoothing * tail));
        value[l] = smoothing != T(0) ? mixed : own;
      }
    }
    if (gamma != T(0)) {
      FUSEDLOSS_LANES(lanes<T>)
      for (int l = 0; l < width; ++l) {
        const T below = rider.gap.at[g + l];
        const T p = exp_of_minus(below) * softmax.share.at[g + l];
        const T q = blend(mask_of<T>(below == T(0)), softmax.others.at[g + l], T(1) - p);
        const Jet<T> jet = Loss::of(T(0.5) * value[l], p, q, {T(0), exponent[l]});
        value[l] = T(2) * jet.value;
        slope[l] = jet.d1;
      }
    }
    FUSEDLOSS_LANES(lanes<T>)
    for (int l = 0; l < width; ++l) {
      const T w = rider.weight.at[g + l] * maps.mask.at[g + l];
      const Bits<T> counts = mask_of<T>(w != T(0));
      sum[l] += static_cast<double>(masked(w * value[l], counts));
      rider.slope.at[g + l] = masked(w * slope[l] * scale, counts);
    }
  }
  return fold(sum);
}

/// What the sums of a pixel and class are, and how they change with p. Of labels, `own` is all ones where the class is
/// the pixel's; else where its target t is 1.
template <class T, bool Labels, bool Squared>
struct Pixel {
  static FUSEDLOSS_INLINE T overlap(T p, T t, Bits<T> own) {
    if constexpr (Labels) return masked(p, own);
    return Squared ? p * t : minimum(p, t);
  }
  static FUSEDLOSS_INLINE T excess(T p, T q, T t, Bits<T> own) {
    if constexpr (Squared) {
      const T gap = blend(own, q, Labels ? p : p - t);
      return gap * gap;
    }
    return Labels ? masked(p, ~own) : p - minimum(p, t);
  }
  static FUSEDLOSS_INLINE T missing(T p, T q, T t, Bits<T> own) {
    if constexpr (Squared) return T(0);
    return Labels ? masked(q, own) : blend(own, q, t - minimum(p, t));
  }

  /// The derivative of the value by p, from the slopes of the class.
  static FUSEDLOSS_INLINE T slope(T p, T q, T t, Bits<T> own, T below, T above) {
    if constexpr (Squared) {
      return Labels ? blend(own, fma(-above, q, below), above * p) : fma(above, blend(own, -q, p - t), below * t);
    } else if constexpr (Labels) {
      return blend(own, below, above);
    } else {
      // Where both are equal, what an optimum asks for; at the ends of the interval, the derivative of p t.
      const T inner = blend(mask_of<T>(t == T(0)), above, T(0.5) * (below + above));
      const T equal = blend(own, below, inner);
      return blend(mask_of<T>(p < t), below, blend(mask_of<T>(p > t), above, equal));
    }
  }
};

/// A loss of a class's entries that rides along, over a strip: the sum of its weighted values, or (`Back`) its
/// gradient, added to `to`, which is not where `z` lies. `Focal`: whether it has powers and weights of its terms.
template <class Loss, class T, bool Focal, bool Labels, bool Back>
FUSEDLOSS_SHARED double ride_entries(const Maps<T>& maps, std::int64_t c, const T* z, const T* weight, T* to) {
  constexpr int width = lanes<T>;
  const abi::Overlaps& all = maps.all;
  const double* const of_class = maps.call->class_weight;
  const T own_weight = of_class == nullptr ? T(1) : static_cast<T>(of_class[c]);
  const T scale = static_cast<T>(maps.call->scale);
  const LaneIndex<T> number = static_cast<LaneIndex<T>>(c);
  typename Loss::template Options<T> options;
  options.label_smoothing = static_cast<T>(all.smoothing);
  if constexpr (Focal) {
    options.gamma = static_cast<T>(all.gamma);
    options.positive = static_cast<T>(all.positive);
    options.negative = static_cast<T>(all.negative);
  }
  const T* const target = maps.target.at;
  const LaneIndex<T>* const labels = maps.labels.at;
  alignas(64) double sum[width] = {};
  for (int g = 0; g < strip<T>; g += width) {
    FUSEDLOSS_LANES(lanes<T>)
    for (int l = 0; l < width; ++l) {
      const T w = weight[g + l] * own_weight;
      const Bits<T> counts = mask_of<T>(w != T(0));
      T input[Loss::inputs];
      input[0] = z[g + l];
      input[1] = Labels ? masked(T(1), mask_of<T>(labels[g + l] == number)) : target[g + l];
      if constexpr (!Focal) input[2] = T(1);
      const Jet<T> jet = Loss::eval(input, options);
      if constexpr (Back) {
        to[g + l] += masked(w * scale * jet.d1, counts);
      } else {
        sum[l] += static_cast<double>(masked(w * jet.value, counts));
      }
    }
  }
  return Back ? 0.0 : fold(sum);
}

template <class Loss, class T, bool Labels, bool Squared>
struct OverlapTask {
  using Activation = typename Loss::Activation;
  using Entry = Pixel<T, Labels, Squared>;
  static constexpr int width = lanes<T>;
  /// Pixels of a lane that are added up before they go to double: their sum is rounded as often as p is.
  static constexpr int together = 4;
  /// Whether a loss of entries may ride along.
  static constexpr bool of_entries = !Activation::together && !Activation::bounded;

  /// The sums of a block of pixels.
  static FUSEDLOSS_SHARED void add_up(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
    Maps<T> maps(call, task);
    const std::int64_t classes = call->classes;
    ClassSums<T>* const sums = static_cast<ClassSums<T>*>(scratch);
    Strip<T>* const room = reinterpret_cast<Strip<T>*>(sums + classes);
    for (std::int64_t c = 0; c < classes; ++c) {
      for (int l = 0; l < width; ++l) sums[c].overlap[l] = sums[c].excess[l] = sums[c].missing[l] = 0;
    }
    [[maybe_unused]] StripSoftmax<T> softmax;
    [[maybe_unused]] StripRider<T> rider;
    [[maybe_unused]] Total ridden;
    [[maybe_unused]] const bool rides = Labels && maps.all.rides;
    [[maybe_unused]] alignas(64) Bits<T> faults[width] = {};
    for (std::int64_t pixel = maps.first; pixel < maps.last; pixel += strip<T>) {
      maps.template go_to<true>(pixel);
      if constexpr (Activation::together) {
        softmax.fold(maps, room, rides ? &rider : nullptr);
        if (rides) ridden.add(ride<typename Loss::Rider>(maps, softmax, rider, true));
      }
      for (std::int64_t c = 0; c < classes; ++c) {
        [[maybe_unused]] const LaneIndex<T> number = static_cast<LaneIndex<T>>(c);
        const T* const weight = Labels ? maps.mask.at : maps.bring_target(c);
        const T* const target = maps.target.at;
        const LaneIndex<T>* const labels = maps.labels.at;
        const T* const z = Activation::together ? room[c].at : maps.pred(c, room[c].at);
        const auto add_class = [&](auto weighed) __attribute__((always_inline)) {
          for (int first = 0; first < strip<T>; first += together * width) {
            for_each_of<together>([&](auto k) __attribute__((always_inline)) {
              maps.ask_labels(c * strip<T> + first + k * width);
              if constexpr (!Activation::together) prefetch_read(z + first + k * width, sizeof room->at);
            });
            FUSEDLOSS_LANES(lanes<T>)
            for (int l = 0; l < width; ++l) {
              T overlap = T(0), excess = T(0), missing = T(0);
              for_each_of<together>([&](auto k) __attribute__((always_inline)) {
                const int i = first + k * width + l;
                T p, q;
                if constexpr (Activation::together) {
                  p = z[i] * softmax.share.at[i];
                  q = blend(mask_of<T>(softmax.top.at[i] == number), softmax.others.at[i], T(1) - p);
                } else {
                  const Chance<T> chance = Activation::of(z[i]);
                  p = chance.p;
                  q = chance.q;
                }
                const T w = weighed ? weight[i] : T(1);
                const Bits<T> counts = mask_of<T>(w != T(0));
                if constexpr (Activation::bounded) {
                  faults[l] |= mask_of<T>(masked(probability_room(z[i]), counts) < T(0));
                }
                const T t = Labels ? T(0) : target[i];
                const Bits<T> own = Labels ? mask_of<T>(labels[i] == number) : mask_of<T>(t == T(1));
                p = masked(p, counts);
                q = masked(q, counts);
                overlap += w * Entry::overlap(p, t, own);
                excess += w * Entry::excess(p, q, t, own);
                missing += w * Entry::missing(p, q, t, own);
              });
              sums[c].overlap[l] += static_cast<double>(overlap);
              sums[c].excess[l] += static_cast<double>(excess);
              sums[c].missing[l] += static_cast<double>(missing);
            }
          }
        };
        maps.even ? add_class(std::false_type()) : add_class(std::true_type());
        if constexpr (of_entries) {
          if (maps.all.rides) ridden.add(ride_class<false>(maps, c, z, weight, nullptr));
        }
      }
    }
    double* const to = call->overlaps->sums + task * classes * 3;
    for (std::int64_t c = 0; c < classes; ++c) {
      to[3 * c] = fold(sums[c].overlap);
      to[3 * c + 1] = fold(sums[c].excess);
      to[3 * c + 2] = fold(sums[c].missing);
    }
    if (maps.faulty(faults)) partial->invalid = maps.sample;
    partial->sum = ridden.sum;
    partial->residue = ridden.residue;
  }

  /// The gradient of a block of pixels. Tasks begin with the last block: it was read last, and may still be in a cache.
  static FUSEDLOSS_SHARED void map_back(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial*) {
    Maps<T> maps(call, map_tasks<T>(call) - 1 - task);
    const std::int64_t classes = call->classes;
    const double* const slopes = call->overlaps->slopes + maps.sample * classes * 2;
    bool silent = !maps.all.rides;
    for (std::int64_t k = 0; k < 2 * classes; ++k) silent &= slopes[k] == 0.0;
    Strip<T>* const room = reinterpret_cast<Strip<T>*>(static_cast<ClassSums<T>*>(scratch) + classes);
    for (std::int64_t pixel = maps.first; pixel < maps.last; pixel += strip<T>) {
      maps.template go_to<false>(pixel);
      if constexpr (Activation::together) {
        if (!silent) {
          map_together(maps, slopes, room);
          continue;
        }
      }
      for (std::int64_t c = 0; c < classes; ++c) map_class(maps, c, slopes + 2 * c, room);
    }
  }

 private:
  /// A class by itself; all 0 where nothing is asked of it.
  static FUSEDLOSS_INLINE void map_class(Maps<T>& maps, std::int64_t c, const double* slopes, Strip<T>* room) {
    [[maybe_unused]] const T below = static_cast<T>(slopes[0]), above = static_cast<T>(slopes[1]);
    T* const to = maps.grad(c, room[1].at);
    const bool asked = slopes[0] != 0.0 || slopes[1] != 0.0, rides = of_entries && maps.all.rides;
    if (!asked) {
      for (int i = 0; i < strip<T>; ++i) to[i] = T(0);
    }
    if constexpr (!Activation::together) {
      if (asked || rides) {
        const T* const weight = Labels ? maps.mask.at : maps.bring_target(c);
        const T* const z = maps.pred(c, room[0].at);
        if (asked) map_entries(maps, c, z, weight, below, above, to);
        if constexpr (of_entries) {
          if (rides) ride_class<true>(maps, c, z, weight, to);
        }
      }
    }
    maps.give(c, to, room[1].at);
  }

  static FUSEDLOSS_INLINE void map_entries(const Maps<T>& maps, std::int64_t c, const T* z, const T* weight, T below,
                                           T above, T* to) {
    [[maybe_unused]] const LaneIndex<T> number = static_cast<LaneIndex<T>>(c);
    const T* const target = maps.target.at;
    const LaneIndex<T>* const labels = maps.labels.at;
    for (int g = 0; g < strip<T>; g += width) {
      ask_ahead(maps, c, to, g);
      prefetch_read(z + g, sizeof(Strip<T>));
      FUSEDLOSS_LANES(lanes<T>)
      for (int i = g; i < g + width; ++i) {
        const T w = weight[i];
        const Chance<T> chance = Activation::of(z[i]);
        const T t = Labels ? T(0) : target[i];
        const Bits<T> own = Labels ? mask_of<T>(labels[i] == number) : mask_of<T>(t == T(1));
        const T slope = Entry::slope(chance.p, chance.q, t, own, below, above);
        to[i] = masked(w * slope * Activation::slope(z[i]), mask_of<T>(w != T(0)));
      }
    }
  }

  /// The loss that rides along, over a strip of a class.
  template <bool Back>
  static FUSEDLOSS_INLINE double ride_class(const Maps<T>& maps, std::int64_t c, const T* z, const T* weight, T* to) {
    const bool plain = maps.all.gamma == 0.0 && maps.all.positive == 1.0 && maps.all.negative == 1.0;
    return plain ? ride_entries<typename Loss::Rider, T, false, Labels, Back>(maps, c, z, weight, to)
                 : ride_entries<typename Loss::FocalRider, T, true, Labels, Back>(maps, c, z, weight, to);
  }

  /// p_c (g_c - sum_k g_k p_k), all g taken from that of the largest class, whose own difference it then is exactly.
  static FUSEDLOSS_INLINE void map_together(Maps<T>& maps, const double* slopes, Strip<T>* room) {
    const std::int64_t classes = maps.call->classes;
    Strip<T>* const g = room + classes;
    StripSoftmax<T> softmax;
    [[maybe_unused]] StripRider<T> rider;
    const bool rides = Labels && maps.all.rides, pulls = maps.call->vector[0].layout != abi::absent;
    softmax.fold(maps, room, rides ? &rider : nullptr);
    if constexpr (Labels) {
      if (rides) ride<typename Loss::Rider>(maps, softmax, rider, false);
    }
    const auto finish = [&](std::int64_t c, T* to) __attribute__((always_inline)) {
      if constexpr (Labels) {
        if (rides) add_ridden(maps, softmax, rider, c, room[c].at, to);
      }
      maps.give(c, to, g[c].at);
    };
    if (!Labels || pulls) {
      map_given(maps, slopes, room, softmax, finish);
    } else {
      maps.even ? map_labels<false>(maps, slopes, room, softmax, finish)
                : map_labels<true>(maps, slopes, room, softmax, finish);
    }
  }

  /// Asks memory for the next strip's gradient and labels.
  static FUSEDLOSS_INLINE void ask_ahead(const Maps<T>& maps, std::int64_t c, T* to, int group) {
    prefetch_write(to + group, sizeof(Strip<T>));
    maps.ask_labels(c * strip<T> + group);
  }

  /// Of labels, g_c is made anew whenever it is needed, from two numbers. `Weighed`: not all pixels have weight one.
  template <bool Weighed, class Finish>
  static FUSEDLOSS_INLINE void map_labels(const Maps<T>& maps, const double* slopes, const Strip<T>* e,
                                          const StripSoftmax<T>& softmax, const Finish& finish) {
    const std::int64_t classes = maps.call->classes;
    const LaneIndex<T>* const labels = maps.labels.at;
    const T* const weight = maps.mask.at;
    const auto by = [&](std::int64_t c, int i, T p) __attribute__((always_inline)) {
      const LaneIndex<T> number = static_cast<LaneIndex<T>>(c);
      const T below = static_cast<T>(slopes[2 * c]), above = static_cast<T>(slopes[2 * c + 1]);
      [[maybe_unused]] const T q = blend(mask_of<T>(softmax.top.at[i] == number), softmax.others.at[i], T(1) - p);
      const T slope = Entry::slope(p, q, T(0), mask_of<T>(labels[i] == number), below, above);
      return Weighed ? masked(weight[i] * slope, mask_of<T>(weight[i] != T(0))) : slope;
    };
    Strip<T> origin, dot;
    for_some_classes(classes, [&](std::int64_t c, auto some) __attribute__((always_inline)) {
      FUSEDLOSS_LANES(lanes<T>)
      for (int i = 0; i < strip<T>; ++i) {
        T found = c == 0 ? T(0) : origin.at[i];
        for_each_of<some>([&](auto k) __attribute__((always_inline)) {
          const Bits<T> top = mask_of<T>(softmax.top.at[i] == static_cast<LaneIndex<T>>(c + k));
          found = blend(top, by(c + k, i, e[c + k].at[i] * softmax.share.at[i]), found);
        });
        origin.at[i] = found;
      }
    });
    for_some_classes(classes, [&](std::int64_t c, auto some) __attribute__((always_inline)) {
      FUSEDLOSS_LANES(lanes<T>)
      for (int i = 0; i < strip<T>; ++i) {
        T sum = c == 0 ? T(0) : dot.at[i];
        for_each_of<some>([&](auto k) __attribute__((always_inline)) {
          const T p = e[c + k].at[i] * softmax.share.at[i];
          sum = fma(p, by(c + k, i, p) - origin.at[i], sum);
        });
        dot.at[i] = sum;
      }
    });
    Strip<T>* const room = const_cast<Strip<T>*>(e) + classes;
    for (std::int64_t c = 0; c < classes; ++c) {
      T* const to = maps.grad(c, room[c].at);
      for (int g = 0; g < strip<T>; g += width) {
        ask_ahead(maps, c, to, g);
        FUSEDLOSS_LANES(lanes<T>)
        for (int i = g; i < g + width; ++i) {
          const T p = e[c].at[i] * softmax.share.at[i];
          const T pulled = p * ((by(c, i, p) - origin.at[i]) - dot.at[i]);
          to[i] = Weighed ? masked(pulled, mask_of<T>(weight[i] != T(0))) : pulled;
        }
      }
      finish(c, to);
    }
  }

  /// Where g_c is given, or comes from targets that are numbers, one array after another.
  template <class Finish>
  static FUSEDLOSS_INLINE void map_given(Maps<T>& maps, const double* slopes, Strip<T>* room,
                                         const StripSoftmax<T>& softmax, const Finish& finish) {
    const std::int64_t classes = maps.call->classes;
    const bool pulls = maps.call->vector[0].layout != abi::absent;
    Strip<T>* const g = room + classes;
    Strip<T> origin, dot, counts;
    for (int i = 0; i < strip<T>; ++i) origin.at[i] = dot.at[i] = counts.at[i] = T(0);
    for (std::int64_t c = 0; c < classes; ++c) {
      const LaneIndex<T> number = static_cast<LaneIndex<T>>(c);
      const T below = static_cast<T>(slopes[2 * c]), above = static_cast<T>(slopes[2 * c + 1]);
      const T* const weight = Labels ? maps.mask.at : maps.bring_target(c);
      const T* const target = maps.target.at;
      const T* const e = room[c].at;
      T* const gc = g[c].at;
      if (pulls) {
        maps.bring_pulled(c, gc);
        const Bits<T> asked = mask_of<T>(below != T(0));
        FUSEDLOSS_LANES(lanes<T>)
        for (int i = 0; i < strip<T>; ++i) gc[i] = masked(gc[i] * below, mask_of<T>(weight[i] != T(0)) & asked);
      } else {
        FUSEDLOSS_LANES(lanes<T>)
        for (int i = 0; i < strip<T>; ++i) {
          const T w = weight[i], t = target[i], p = e[i] * softmax.share.at[i];
          [[maybe_unused]] const T q = blend(mask_of<T>(softmax.top.at[i] == number), softmax.others.at[i], T(1) - p);
          const T slope = Pixel<T, false, Squared>::slope(p, q, t, mask_of<T>(t == T(1)), below, above);
          gc[i] = masked(w * slope, mask_of<T>(w != T(0)));
        }
      }
      FUSEDLOSS_LANES(lanes<T>)
      for (int i = 0; i < strip<T>; ++i) {
        origin.at[i] = blend(mask_of<T>(softmax.top.at[i] == number), gc[i], origin.at[i]);
        counts.at[i] = maximum(weight[i], counts.at[i]);
      }
    }
    for (std::int64_t c = 0; c < classes; ++c) {
      const T* const e = room[c].at;
      T* const gc = g[c].at;
      FUSEDLOSS_LANES(lanes<T>)
      for (int i = 0; i < strip<T>; ++i) {
        gc[i] -= origin.at[i];
        dot.at[i] = fma(e[i] * softmax.share.at[i], gc[i], dot.at[i]);
      }
    }
    for (std::int64_t c = 0; c < classes; ++c) {
      const T* const e = room[c].at;
      const T* const gc = g[c].at;
      T* const to = maps.grad(c, g[c].at);
      for (int h = 0; h < strip<T>; h += width) {
        ask_ahead(maps, c, to, h);
        FUSEDLOSS_LANES(lanes<T>)
        for (int i = h; i < h + width; ++i) {
          to[i] = masked(e[i] * softmax.share.at[i] * (gc[i] - dot.at[i]), mask_of<T>(counts.at[i] != T(0)));
        }
      }
      finish(c, to);
    }
  }

  /// The slope by -log p times p_c - t_c.
  static FUSEDLOSS_INLINE void add_ridden(const Maps<T>& maps, const StripSoftmax<T>& softmax,
                                          const StripRider<T>& rider, std::int64_t c, const T* e, T* to) {
    const LaneIndex<T> number = static_cast<LaneIndex<T>>(c);
    const T smoothing = static_cast<T>(maps.all.smoothing), share = smoothing / static_cast<T>(maps.call->classes);
    FUSEDLOSS_LANES(lanes<T>)
    for (int i = 0; i < strip<T>; ++i) {
      const T p = e[i] * softmax.share.at[i];
      const T q = blend(mask_of<T>(softmax.top.at[i] == number), softmax.others.at[i], T(1) - p);
      const T gap = blend(mask_of<T>(maps.labels.at[i] == number), smoothing - q, p) - share;
      const T slope = rider.slope.at[i];
      to[i] += masked(slope * gap, mask_of<T>(slope != T(0)));
    }
  }
};

template <class Loss, class T, bool Back>
struct OverlapEntry {
  static void run(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
    const bool squared = static_cast<const typename Loss::template Options<T>*>(call->options)->squared != T(0);
    if (call->overlaps->labels) {
      squared ? pass<true, true>(call, task, scratch, partial) : pass<true, false>(call, task, scratch, partial);
    } else {
      squared ? pass<false, true>(call, task, scratch, partial) : pass<false, false>(call, task, scratch, partial);
    }
  }

 private:
  template <bool Labels, bool Squared>
  static FUSEDLOSS_INLINE void pass(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
    using Task = OverlapTask<Loss, T, Labels, Squared>;
    if constexpr (Back) {
      Task::map_back(call, task, scratch, partial);
    } else {
      Task::add_up(call, task, scratch, partial);
    }
  }
};

template <class Loss>
constexpr abi::Kernel overlap_kernel() {
  using F = typename Loss::template Options<float>;
  return {Loss::name,
          abi::maps,
          2,
          1,
          static_cast<int>(sizeof(F) / sizeof(float)),
          Loss::nanoseconds,
          {map_tasks<float>, map_tasks<double>},
          {map_scratch_bytes<float>, map_scratch_bytes<double>},
          {{OverlapEntry<Loss, float, false>::run, OverlapEntry<Loss, float, true>::run},
           {OverlapEntry<Loss, double, false>::run, OverlapEntry<Loss, double, true>::run}}};
}

FUSEDLOSS_END
