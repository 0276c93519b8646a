// The kind of distances between two maps of features: at each pixel, between the two vectors of its channels.
//
// Arrays are (samples, channels, 1, pixels) with any strides. The call's numbers are the weights of the channels.
//
// Design:
// 1. Lanes are pixels. A strip of pixels comes into the cache with all its channels and is visited three times there:
//    for the lengths of the vectors, for what lies between them, and for the gradients. Channels whose pixels lie side
//    by side are read where they lie, others are staged; all arithmetic is in double, and so the same for both.
// 2. A loss of a coordinate is all that differs: with u = x / (|x| + eps) and v of y likewise, d = sum w_c f(u_c -
// v_c),
//    and with g_c = w_c f'(u_c - v_c) the gradient by x is (g - u (u g) (|x| + eps) / |x|) / (|x| + eps).
// 3. A vector of length 0 has no direction: it stays. Without eps, where there is no derivative, its gradient is 0. One
//    whose length has no normal inverse counts as that.
// 4. A length whose square leaves the range is found once more,
//    of coordinates times a power of two. Only maps of double
//    precision have such.
// 5. Both gradients of a channel are written once both of its sides are read: they may lie there.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "../core/range.hpp"
#include "images.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

template <class T>
struct FeatureOptions {
  T normalize, eps;  ///< whether vectors are brought to length 1, and what is added to their length
};

/// f and f' of a coordinate.
struct CoordinateJet {
  double value, slope;
};

/// What both kinds of numbers share: how pixels are parted.
struct FeatureStrips {
  static constexpr std::int64_t strip_entries = 1 << 13, least_strip = 32, most_strip = 256;
  static constexpr std::int64_t task_strips = 8;

  static FUSEDLOSS_INLINE std::int64_t strip_pixels(const abi::Call* call) {
    const std::int64_t suited = strip_entries / call->items.shape[1] / image_lanes * image_lanes;
    return suited < least_strip ? least_strip : suited > most_strip ? most_strip : suited;
  }
  static FUSEDLOSS_INLINE std::int64_t task_pixels(const abi::Call* call) { return task_strips * strip_pixels(call); }

  static FUSEDLOSS_SHARED std::int64_t feature_tasks(const abi::Call* call) {
    return call->items.shape[0] * tiles_along(call->items.shape[3], task_pixels(call));
  }

  /// All channels together are one plane here.
  static FUSEDLOSS_INLINE Tile pixels_of(const abi::Call* call, std::int64_t task) {
    const std::int64_t each = task_pixels(call), pixels = call->items.shape[3], blocks = tiles_along(pixels, each);
    const std::int64_t begin = task % blocks * each;
    return {task / blocks, task / blocks, 0, 0, 1, begin, begin + each < pixels ? begin + each : pixels};
  }
};

/// Losses with
///   name, nanoseconds
///   static CoordinateJet of(double difference)
/// T: what channels are staged as, and read as where they lie.
template <class Loss, class T>
class FeatureMaps : FeatureStrips {
 public:
  static FUSEDLOSS_SHARED std::int64_t feature_bytes(const abi::Call* call) {
    const std::int64_t channels = 2 * call->items.shape[1] + 2;
    return strip_pixels(call) *
           (rows * static_cast<std::int64_t>(sizeof(double)) + channels * static_cast<std::int64_t>(sizeof(T)));
  }

  static void run(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
    partial->sum = partial->residue = 0;
    partial->invalid = -1;
    FeatureMaps(call, task, scratch).go(task);
  }

 private:
  using Options = FeatureOptions<double>;
  static constexpr int rows = 8;

  /// One of the two vectors of each pixel.
  struct Side {
    const abi::Array& array;
    const abi::Array& grad;
    T* staged;        // channels of the strip
    T* to;            // a channel of the gradient
    double* inverse;  // 1 / (length + eps), or 1
    double* turn;     // 1 / length: how much of the vector over its length is taken off its gradient
    double* along;    // the sum of that vector's products with what comes from the loss
    bool here;        // whether channels are read where they lie
  };

  const abi::Call* call;
  const abi::Images& images;
  const Options options;
  const Tile tile;
  const std::int64_t channels, strip;
  std::int64_t first = 0, count = 0;  // pixels of the strip
  Side x, y;
  double *value, *slope;
  alignas(64) double total[image_lanes] = {};

  FUSEDLOSS_INLINE FeatureMaps(const abi::Call* of, std::int64_t task, void* scratch)
      : call(of),
        images(*of->images),
        options(*static_cast<const Options*>(of->options)),
        tile(pixels_of(of, task)),
        channels(of->items.shape[1]),
        strip(strip_pixels(of)),
        x(side_of(0, static_cast<double*>(scratch))),
        y(side_of(1, static_cast<double*>(scratch))) {
    value = static_cast<double*>(scratch) + (rows - 2) * strip;
    slope = value + strip;
  }

  FUSEDLOSS_INLINE Side side_of(int which, double* scratch) const {
    double* const own = scratch + which * 3 * strip;
    T* const staged = reinterpret_cast<T*>(scratch + rows * strip) + which * (channels + 1) * strip;
    return {call->inputs[which], call->grad[which], staged, staged + channels * strip, own,
            own + strip,         own + 2 * strip,   false};
  }

  FUSEDLOSS_SHARED void go(std::int64_t task) {
    for (first = tile.left; first < tile.right; first += strip) {
      count = tile.right - first < strip ? tile.right - first : strip;
      bool maps = false;
      for (std::int64_t i = 0; i < strip; ++i) slope[i] = 0;
      for (std::int64_t i = 0; images.slopes != nullptr && i < count; ++i) {
        slope[i] = images.slopes[tile.sample * images.sample_slope + (first + i) * images.pixel_slope];
        maps |= slope[i] != 0.0;
      }
      enter(x);
      enter(y);
      maps ? compare<true>() : compare<false>();
      if (images.values != nullptr) {
        for (std::int64_t i = 0; i < count; ++i) {
          images.values[tile.sample * call->items.shape[3] + first + i] = value[i];
        }
      }
      add_to_lanes(value, count, total);
      if (maps) {
        map_back();
      } else {
        clear(x);
        clear(y);
      }
    }
    images.sums[task] = fold(total);
  }

  FUSEDLOSS_INLINE char* pixels(const abi::Array& array, std::int64_t c) const {
    return pixel_at(array, tile.sample, c, 0, first);
  }

  /// Whether all channels of the strip can be read or written where they lie.
  FUSEDLOSS_INLINE bool in_place(const abi::Array& array) const {
    constexpr std::int64_t bytes = sizeof(T);
    return array.dtype == dtype_of<T> && array.strides[3] == bytes && array.strides[1] % bytes == 0 &&
           array.strides[0] % bytes == 0 && reinterpret_cast<std::uintptr_t>(array.data) % sizeof(T) == 0 &&
           count == strip;
  }

  FUSEDLOSS_INLINE const T* channel(const Side& side, std::int64_t c) const {
    return side.here ? reinterpret_cast<const T*>(pixels(side.array, c)) : side.staged + c * strip;
  }

  /// Gradients of pixels without a slope are 0, whatever these hold.
  FUSEDLOSS_SHARED void clear(const Side& side) {
    if (side.grad.layout == abi::absent || images.slopes == nullptr) return;
    for (std::int64_t i = 0; i < strip; ++i) side.to[i] = T(0);
    for (std::int64_t c = 0; c < channels; ++c) give(side, c);
  }

  FUSEDLOSS_INLINE void give(const Side& side, std::int64_t c) const {
    store_any(side.grad.dtype, side.to, pixels(side.grad, c), side.grad.strides[3], static_cast<int>(count));
  }

  /// Brings one side of the strip, and finds lengths.
  FUSEDLOSS_SHARED void enter(Side& side) {
    side.here = in_place(side.array);
    for (std::int64_t c = 0; !side.here && c < channels; ++c) {
      T* const at = side.staged + c * strip;
      load_any(side.array.dtype, pixels(side.array, c), side.array.strides[3], at, static_cast<int>(count));
      for (std::int64_t i = count; i < strip; ++i) at[i] = T(0);
    }
    double *const inverse = side.inverse, *const turn = side.turn;
    for (std::int64_t i = 0; i < strip; ++i) inverse[i] = turn[i] = 0;
    for (std::int64_t c = 0; options.normalize != 0.0 && c < channels; ++c) {
      const T* const at = channel(side, c);
      for (std::int64_t g = 0; g < strip; g += image_lanes) {
        FUSEDLOSS_LANES(image_lanes)
        for (int l = 0; l < image_lanes; ++l) {
          const double coordinate = static_cast<double>(at[g + l]);
          inverse[g + l] = fma(coordinate, coordinate, inverse[g + l]);
        }
      }
    }
    for (std::int64_t g = 0; g < strip; g += image_lanes) {
      FUSEDLOSS_LANES(image_lanes)
      for (int l = 0; l < image_lanes; ++l) {
        turn[g + l] = inverse[g + l];
        inverse[g + l] = square_root(inverse[g + l]);
      }
    }
    if constexpr (sizeof(T) == sizeof(double)) {
      for (std::int64_t i = 0; options.normalize != 0.0 && i < count; ++i) {
        if (!is_safe(turn[i])) inverse[i] = scaled_length(side, i);
      }
    }
    const Options chosen = options;
    for (std::int64_t g = 0; g < strip; g += image_lanes) {
      FUSEDLOSS_LANES(image_lanes)
      for (int l = 0; l < image_lanes; ++l) {
        const double length = inverse[g + l];
        const bool plain = chosen.normalize == 0.0, nothing = length < Format<double>::smallest_normal;
        inverse[g + l] = select(plain, 1.0, select(nothing && chosen.eps == 0.0, 0.0, 1.0 / (length + chosen.eps)));
        turn[g + l] = select(plain || nothing, 0.0, 1.0 / length);
      }
    }
  }

  /// Of the vector of a pixel, whose coordinates are brought near 1 on the way.
  FUSEDLOSS_SHARED double scaled_length(const Side& side, std::int64_t pixel) const {
    double top = 0, sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double size = absolute(static_cast<double>(channel(side, c)[pixel]));
      top = size > top ? size : top;
    }
    const double scale = scale_to_one(top);
    for (std::int64_t c = 0; c < channels; ++c) {
      const double coordinate = scale * static_cast<double>(channel(side, c)[pixel]);
      sum = fma(coordinate, coordinate, sum);
    }
    return square_root(sum) / scale;
  }

  template <bool Maps>
  FUSEDLOSS_SHARED void compare() {
    double *const sum = value, *const along_x = x.along, *const along_y = y.along;
    for (std::int64_t i = 0; i < strip; ++i) sum[i] = along_x[i] = along_y[i] = 0;
    const double *const per_x = x.inverse, *const per_y = y.inverse;
    const bool turns = Maps && options.normalize != 0.0;
    for (std::int64_t c = 0; c < channels; ++c) {
      const T *const from_x = channel(x, c), *const from_y = channel(y, c);
      const double weight = images.numbers[c];
      if (turns) {
        for (std::int64_t g = 0; g < strip; g += image_lanes) {
          FUSEDLOSS_LANES(image_lanes)
          for (int l = 0; l < image_lanes; ++l) {
            const double a = static_cast<double>(from_x[g + l]), b = static_cast<double>(from_y[g + l]);
            const double u = a * per_x[g + l], v = b * per_y[g + l];
            const CoordinateJet jet = Loss::of(u - v);
            const double steep = weight * jet.slope;
            sum[g + l] = fma(weight, jet.value, sum[g + l]);
            along_x[g + l] = fma(steep, u, along_x[g + l]);
            along_y[g + l] = fma(steep, v, along_y[g + l]);
          }
        }
      } else {
        for (std::int64_t g = 0; g < strip; g += image_lanes) {
          FUSEDLOSS_LANES(image_lanes)
          for (int l = 0; l < image_lanes; ++l) {
            const double a = static_cast<double>(from_x[g + l]), b = static_cast<double>(from_y[g + l]);
            sum[g + l] = fma(weight, Loss::of(a * per_x[g + l] - b * per_y[g + l]).value, sum[g + l]);
          }
        }
      }
    }
  }

  FUSEDLOSS_SHARED void map_back() {
    for (int which = 0; which < 2; ++which) {
      double *const along = which == 0 ? x.along : y.along, *const turn = which == 0 ? x.turn : y.turn;
      for (std::int64_t g = 0; g < strip; g += image_lanes) {
        FUSEDLOSS_LANES(image_lanes)
        for (int l = 0; l < image_lanes; ++l) along[g + l] *= turn[g + l];
      }
    }
    const bool wants_x = x.grad.layout != abi::absent, wants_y = y.grad.layout != abi::absent;
    if (wants_x && wants_y) return map_channels<true, true>();
    wants_x ? map_channels<true, false>() : map_channels<false, true>();
  }

  template <bool First, bool Second>
  FUSEDLOSS_INLINE void map_channels() {
    const double *const per_x = x.inverse, *const per_y = y.inverse, *const by = slope;
    const double *const along_x = x.along, *const along_y = y.along;
    const bool here_x = First && in_place(x.grad), here_y = Second && in_place(y.grad);
    for (std::int64_t c = 0; c < channels; ++c) {
      const T *const from_x = channel(x, c), *const from_y = channel(y, c);
      T* const to_x = here_x ? reinterpret_cast<T*>(pixels(x.grad, c)) : x.to;
      T* const to_y = here_y ? reinterpret_cast<T*>(pixels(y.grad, c)) : y.to;
      const double weight = images.numbers[c];
      for (std::int64_t g = 0; g < strip; g += image_lanes) {
        FUSEDLOSS_LANES(image_lanes)
        for (int l = 0; l < image_lanes; ++l) {
          const double a = static_cast<double>(from_x[g + l]), b = static_cast<double>(from_y[g + l]);
          const double u = a * per_x[g + l], v = b * per_y[g + l];
          const double steep = weight * Loss::of(u - v).slope;
          const Bits<double> counts = mask_of<double>(by[g + l] != 0.0);
          if constexpr (First) {
            to_x[g + l] = static_cast<T>(masked(by[g + l] * fma(steep, per_x[g + l], -(u * along_x[g + l])), counts));
          }
          if constexpr (Second) {
            to_y[g + l] = static_cast<T>(masked(by[g + l] * fma(-steep, per_y[g + l], v * along_y[g + l]), counts));
          }
        }
      }
      if (First && !here_x) give(x, c);
      if (Second && !here_y) give(y, c);
    }
  }
};

template <class Loss>
constexpr abi::Kernel feature_kernel() {
  using Narrow = FeatureMaps<Loss, float>;
  using Wide = FeatureMaps<Loss, double>;
  abi::Kernel kernel = image_kernel<Loss>(2, FeatureStrips::feature_tasks, Wide::feature_bytes, Wide::run);
  kernel.scratch_bytes[0] = Narrow::feature_bytes;
  kernel.run[0][abi::value_only] = kernel.run[0][abi::value_grad] = Narrow::run;
  return kernel;
}

FUSEDLOSS_END
