// The kind of distances between two maps of features: at each pixel, between the two vectors of its channels.
//
// Arrays are (samples, channels, 1, pixels) with any strides. The call's numbers are the weights of the channels.
//
// Design:
// 1. Lanes are pixels. A strip of pixels comes into the cache with all its channels, in double, and is visited three
//    times there: for the lengths of the vectors, for what lies between them, and for the gradients.
// 2. A loss of a coordinate is all that differs: with u = x / (|x| + eps) and v of y likewise, d = sum w_c f(u_c -
// v_c),
//    and with g_c = w_c f'(u_c - v_c) the gradient by x is (g - u (u g) (|x| + eps) / |x|) / (|x| + eps).
// 3. A vector of length 0 has no direction: it stays. Without eps, where there is no derivative, its gradient is 0.
#pragma once

#include <cstdint>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
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

/// Losses with
///   name, nanoseconds
///   static CoordinateJet of(double difference)
template <class Loss>
class FeatureMaps {
 public:
  using Options = FeatureOptions<double>;

  static FUSEDLOSS_SHARED std::int64_t feature_tasks(const abi::Call* call) {
    return call->items.shape[0] * tiles_along(call->items.shape[3], task_pixels(call));
  }

  static FUSEDLOSS_SHARED std::int64_t feature_bytes(const abi::Call* call) {
    return (2 * call->items.shape[1] + rows) * strip_pixels(call) * static_cast<std::int64_t>(sizeof(double));
  }

  static void run(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
    partial->sum = partial->residue = 0;
    partial->invalid = -1;
    FeatureMaps(call, task, scratch).go(task);
  }

 private:
  static constexpr std::int64_t strip_entries = 1 << 13, least_strip = 32, most_strip = 256;
  static constexpr std::int64_t task_strips = 8;
  static constexpr int rows = 9;

  /// One of the two vectors of each pixel.
  struct Side {
    double* at;       // channels of the strip
    double* inverse;  // 1 / (length + eps), or 1
    double* turn;     // how much of the vector is taken off its gradient
  };

  const abi::Call* call;
  const abi::Images& images;
  const Options options;
  const Tile tile;
  const std::int64_t channels, strip;
  std::int64_t first = 0, count = 0;  // pixels of the strip
  Side x, y;
  double *value, *slope, *to, *along_x, *along_y;
  alignas(64) double total[image_lanes] = {};

  static FUSEDLOSS_INLINE std::int64_t strip_pixels(const abi::Call* call) {
    const std::int64_t suited = strip_entries / call->items.shape[1] / image_lanes * image_lanes;
    return suited < least_strip ? least_strip : suited > most_strip ? most_strip : suited;
  }
  static FUSEDLOSS_INLINE std::int64_t task_pixels(const abi::Call* call) { return task_strips * strip_pixels(call); }

  FUSEDLOSS_INLINE FeatureMaps(const abi::Call* of, std::int64_t task, void* scratch)
      : call(of),
        images(*of->images),
        options(*static_cast<const Options*>(of->options)),
        tile(pixels_of(of, task)),
        channels(of->items.shape[1]),
        strip(strip_pixels(of)) {
    double* at = static_cast<double*>(scratch);
    const auto take = [&](std::int64_t arrays) {
      double* const here = at;
      at += arrays * strip;
      return here;
    };
    x = {take(channels), take(1), take(1)};
    y = {take(channels), take(1), take(1)};
    value = take(1), slope = take(1), to = take(1), along_x = take(1), along_y = take(1);
  }

  /// All channels together are one plane here.
  static FUSEDLOSS_INLINE Tile pixels_of(const abi::Call* call, std::int64_t task) {
    const std::int64_t each = task_pixels(call), pixels = call->items.shape[3], blocks = tiles_along(pixels, each);
    const std::int64_t begin = task % blocks * each;
    return {task / blocks, task / blocks, 0, 0, 1, begin, begin + each < pixels ? begin + each : pixels};
  }

  FUSEDLOSS_SHARED void go(std::int64_t task) {
    images.sums[task] = 0;
    for (first = tile.left; first < tile.right; first += strip) {
      count = tile.right - first < strip ? tile.right - first : strip;
      bool maps = false;
      for (std::int64_t i = 0; i < strip; ++i) slope[i] = 0;
      for (std::int64_t i = 0; images.slopes != nullptr && i < count; ++i) {
        slope[i] = images.slopes[tile.sample * images.sample_slope + (first + i) * images.pixel_slope];
        maps |= slope[i] != 0.0;
      }
      if (!maps) clear();
      enter(call->inputs[0], x);
      enter(call->inputs[1], y);
      compare(maps);
      if (images.values != nullptr) {
        for (std::int64_t i = 0; i < count; ++i) {
          images.values[tile.sample * call->items.shape[3] + first + i] = value[i];
        }
      }
      add_to_lanes(value, count, total);
      if (maps) map_back();
    }
    images.sums[task] = fold(total);
  }

  /// The gradients of pixels without a slope are 0, whatever these hold.
  FUSEDLOSS_SHARED void clear() {
    for (std::int64_t i = 0; i < strip; ++i) to[i] = 0;
    for (const abi::Array& grad : call->grad) {
      for (std::int64_t c = 0; grad.layout != abi::absent && c < channels; ++c) give(grad, c);
    }
  }

  FUSEDLOSS_INLINE void give(const abi::Array& grad, std::int64_t c) const {
    store_any(grad.dtype, to, pixel_at(grad, tile.sample, c, 0, first), grad.strides[3], static_cast<int>(count));
  }

  /// Brings one side of the strip, and finds lengths.
  FUSEDLOSS_SHARED void enter(const abi::Array& array, Side& side) {
    double *const inverse = side.inverse, *const turn = side.turn;
    for (std::int64_t i = 0; i < strip; ++i) inverse[i] = 0;
    for (std::int64_t c = 0; c < channels; ++c) {
      double* const at = side.at + c * strip;
      load_any(array.dtype, pixel_at(array, tile.sample, c, 0, first), array.strides[3], at, static_cast<int>(count));
      for (std::int64_t i = count; i < strip; ++i) at[i] = 0;
      if (options.normalize == 0.0) continue;
      for (std::int64_t g = 0; g < strip; g += image_lanes) {
        FUSEDLOSS_LANES(image_lanes)
        for (int l = 0; l < image_lanes; ++l) inverse[g + l] = fma(at[g + l], at[g + l], inverse[g + l]);
      }
    }
    const Options chosen = options;
    for (std::int64_t g = 0; g < strip; g += image_lanes) {
      FUSEDLOSS_LANES(image_lanes)
      for (int l = 0; l < image_lanes; ++l) {
        const double length = square_root(inverse[g + l]), per = 1.0 / (length + chosen.eps);
        const bool plain = chosen.normalize == 0.0, nothing = length == 0.0;
        inverse[g + l] = select(plain, 1.0, select(nothing && chosen.eps == 0.0, 0.0, per));
        turn[g + l] = select(plain, 0.0, select(nothing, 0.0, per * per / length));
      }
    }
  }

  FUSEDLOSS_SHARED void compare(bool maps) {
    for (std::int64_t i = 0; i < strip; ++i) value[i] = along_x[i] = along_y[i] = 0;
    const double *const per_x = x.inverse, *const per_y = y.inverse;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double *const from_x = x.at + c * strip, *const from_y = y.at + c * strip;
      const double weight = images.numbers[c];
      if (maps) {
        for (std::int64_t g = 0; g < strip; g += image_lanes) {
          FUSEDLOSS_LANES(image_lanes)
          for (int l = 0; l < image_lanes; ++l) {
            const double a = from_x[g + l], b = from_y[g + l];
            const CoordinateJet jet = Loss::of(a * per_x[g + l] - b * per_y[g + l]);
            const double steep = weight * jet.slope;
            value[g + l] = fma(weight, jet.value, value[g + l]);
            along_x[g + l] = fma(steep, a, along_x[g + l]);
            along_y[g + l] = fma(steep, b, along_y[g + l]);
          }
        }
      } else {
        for (std::int64_t g = 0; g < strip; g += image_lanes) {
          FUSEDLOSS_LANES(image_lanes)
          for (int l = 0; l < image_lanes; ++l) {
            const double apart = from_x[g + l] * per_x[g + l] - from_y[g + l] * per_y[g + l];
            value[g + l] = fma(weight, Loss::of(apart).value, value[g + l]);
          }
        }
      }
    }
  }

  FUSEDLOSS_SHARED void map_back() {
    for (std::int64_t g = 0; g < strip; g += image_lanes) {
      FUSEDLOSS_LANES(image_lanes)
      for (int l = 0; l < image_lanes; ++l) {
        along_x[g + l] *= x.turn[g + l];
        along_y[g + l] *= y.turn[g + l];
      }
    }
    map_side<true>();
    map_side<false>();
  }

  /// `First`: the gradient by x.
  template <bool First>
  FUSEDLOSS_INLINE void map_side() {
    const abi::Array& grad = call->grad[First ? 0 : 1];
    if (grad.layout == abi::absent) return;
    const double *const per_x = x.inverse, *const per_y = y.inverse, *const by = slope;
    const double *const along = First ? along_x : along_y, *const per = First ? per_x : per_y;
    double* const out = to;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double *const from_x = x.at + c * strip, *const from_y = y.at + c * strip;
      const double weight = First ? images.numbers[c] : -images.numbers[c];
      for (std::int64_t g = 0; g < strip; g += image_lanes) {
        FUSEDLOSS_LANES(image_lanes)
        for (int l = 0; l < image_lanes; ++l) {
          const double a = from_x[g + l], b = from_y[g + l];
          const double steep = weight * Loss::of(a * per_x[g + l] - b * per_y[g + l]).slope;
          const double own = First ? a : -b;
          const double turned = fma(steep, per[g + l], -(own * along[g + l]));
          out[g + l] = masked(by[g + l] * turned, mask_of<double>(by[g + l] != 0.0));
        }
      }
      give(grad, c);
    }
  }
};

template <class Loss>
constexpr abi::Kernel feature_kernel() {
  using Kind = FeatureMaps<Loss>;
  return image_kernel<Loss>(2, Kind::feature_tasks, Kind::feature_bytes, Kind::run);
}

FUSEDLOSS_END
