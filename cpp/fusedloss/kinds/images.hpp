// The kinds of losses over planes of pixels: what a pixel adds depends on the pixels around it.
//
// An array is (samples, channels, rows, columns) with any strides; a plane is a channel of a sample. `Neighbours` looks
// at the differences of a pixel from the next ones, `Windows` at weighted means of all pixels within a square window
// that lies inside the plane.
//
// Design:
// 1. A task is a tile of the gradient of a plane, whose size depends on the shape alone. It reads what reaches into it
//    from beyond its edges, computes that once more, and writes nothing but its own pixels: no task waits for another.
//    A pixel's value counts in one tile, so that sums of tiles are joined in their order.
// 2. All arithmetic is in double: variances are differences of means of squares, and rows come into the first-level
//    cache as double anyway, whatever their type and strides.
// 3. The slope of a sample's value is known before: one pass gives value and gradient.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../core/call.hpp"
#include "../core/lanes.hpp"
#include "staging.hpp"

FUSEDLOSS_BEGIN

/// What images are computed in, and how much of a row goes together.
constexpr int image_lanes = lanes<double>;

FUSEDLOSS_INLINE std::int64_t whole_groups(std::int64_t count) {
  return (count + image_lanes - 1) / image_lanes * image_lanes;
}

/// A rectangle of pixels of one plane.
struct Tile {
  std::int64_t plane, sample, channel;
  std::int64_t top, bottom;  ///< rows [top, bottom)
  std::int64_t left, right;
};

FUSEDLOSS_INLINE std::int64_t tiles_along(std::int64_t length, std::int64_t tile) { return (length + tile - 1) / tile; }

FUSEDLOSS_INLINE Tile tile_of(const abi::Call* call, std::int64_t task, std::int64_t height, std::int64_t width) {
  const std::int64_t* shape = call->items.shape;
  const std::int64_t across = tiles_along(shape[3], width), down = tiles_along(shape[2], height);
  const std::int64_t plane = task / (across * down), top = task / across % down * height, left = task % across * width;
  return {plane,
          plane / shape[1],
          plane % shape[1],
          top,
          top + height < shape[2] ? top + height : shape[2],
          left,
          left + width < shape[3] ? left + width : shape[3]};
}

/// Where a pixel of an array lies.
FUSEDLOSS_INLINE char* pixel_at(const abi::Array& array, std::int64_t sample, std::int64_t channel, std::int64_t row,
                                std::int64_t column) {
  return static_cast<char*>(array.data) + sample * array.strides[0] + channel * array.strides[1] +
         row * array.strides[2] + column * array.strides[3];
}

FUSEDLOSS_SHARED void bring_pixels(const abi::Array& array, const Tile& tile, std::int64_t row, std::int64_t column,
                                   std::int64_t count, double* to) {
  load_any(array.dtype, pixel_at(array, tile.sample, tile.channel, row, column), array.strides[3], to,
           static_cast<int>(count));
}

FUSEDLOSS_SHARED void hand_out_pixels(const double* from, const abi::Array& array, const Tile& tile, std::int64_t row,
                                      std::int64_t column, std::int64_t count) {
  store_any(array.dtype, from, pixel_at(array, tile.sample, tile.channel, row, column), array.strides[3],
            static_cast<int>(count));
}

/// What the value of a sample is multiplied by; 0 also where there is no gradient.
FUSEDLOSS_INLINE double slope_of(const abi::Images& images, std::int64_t sample) {
  return images.slopes != nullptr ? images.slopes[sample * images.sample_slope] : 0.0;
}

/// The gradients, if any are asked for, of a sample without a slope: 0, whatever it holds.
FUSEDLOSS_SHARED void clear_tile(const abi::Call* call, const Tile& tile, double* zeros) {
  for (std::int64_t i = 0; i < tile.right - tile.left; ++i) zeros[i] = 0;
  for (const abi::Array& grad : call->grad) {
    if (grad.layout == abi::absent) continue;
    for (std::int64_t row = tile.top; row < tile.bottom; ++row) {
      hand_out_pixels(zeros, grad, tile, row, tile.left, tile.right - tile.left);
    }
  }
}

/// Adds `count` numbers to the lanes' sums.
FUSEDLOSS_SHARED void add_to_lanes(const double* from, std::int64_t count, double* sum) {
  std::int64_t i = 0;
  for (; i + image_lanes <= count; i += image_lanes) {
    FUSEDLOSS_LANES(image_lanes)
    for (int l = 0; l < image_lanes; ++l) sum[l] += from[i + l];
  }
  for (int l = 0; i + l < count; ++l) sum[l] += from[i + l];
}

/// What the differences of a pixel from its neighbour to the right and from that below come to.
struct Rise {
  double right, below;              ///< values; both are 0 where differences are
  double slope_right, slope_below;  ///< derivatives by the differences
};

/// Losses with
///   name, nanoseconds, struct Options
///   static Rise of(double right, double below, const Options&)
/// The call's numbers multiply the values of both directions. A pixel without a neighbour has the difference 0.
template <class Loss>
struct Neighbours {
  using Options = typename Loss::template Options<double>;
  static constexpr std::int64_t tile_width = 512, tile_pixels = 1 << 15;
  static constexpr std::int64_t size = tile_width + 2 * image_lanes;  // of a row in scratch
  static constexpr int buffers = 8;

  static FUSEDLOSS_INLINE std::int64_t height(const abi::Call* call) {
    const std::int64_t columns = call->items.shape[3];
    return tile_pixels / (columns < tile_width ? columns : tile_width);
  }

  static FUSEDLOSS_SHARED std::int64_t neighbour_tasks(const abi::Call* call) {
    const std::int64_t* shape = call->items.shape;
    return shape[0] * shape[1] * tiles_along(shape[2], height(call)) * tiles_along(shape[3], tile_width);
  }

  static FUSEDLOSS_SHARED std::int64_t neighbour_bytes(const abi::Call*) {
    return buffers * size * static_cast<std::int64_t>(sizeof(double));
  }

  static void run(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
    const Tile tile = tile_of(call, task, height(call), tile_width);
    const abi::Images& images = *call->images;
    Options options;
    if constexpr (!std::is_empty_v<Options>) options = *static_cast<const Options*>(call->options);
    const double slope = slope_of(images, tile.sample);
    const bool maps = slope != 0.0;
    const double by_right = slope * images.numbers[0], by_below = slope * images.numbers[1];
    const std::int64_t count = tile.right - tile.left;
    double* here = static_cast<double*>(scratch);
    double *next = here + size, *above = next + size, *below = above + size;
    double *const beside = below + size, *const of_right = beside + size, *const of_below = of_right + size;
    double* const to = of_below + size;
    partial->sum = partial->residue = 0;
    partial->invalid = -1;
    if (!maps) clear_tile(call, tile, to);

    alignas(64) double sum_right[image_lanes] = {}, sum_below[image_lanes] = {};
    for (std::int64_t i = 0; i < buffers * size; ++i) here[i] = 0;
    const std::int64_t first = maps && tile.top > 0 ? tile.top - 1 : tile.top;
    bring_row(call, tile, first, here);
    for (std::int64_t row = first; row < tile.bottom; ++row) {
      const bool last = row + 1 == call->items.shape[2];
      if (!last) bring_row(call, tile, row + 1, next);
      const double* const under = last ? here : next;
      for (std::int64_t g = 0; g <= count; g += image_lanes) {
        FUSEDLOSS_LANES(image_lanes)
        for (int l = 0; l < image_lanes; ++l) {
          const double pixel = here[g + l];
          const Rise rise = Loss::of(here[g + l + 1] - pixel, under[g + l] - pixel, options);
          of_right[g + l] = rise.right;
          of_below[g + l] = rise.below;
          beside[g + l] = by_right * rise.slope_right;
          below[g + l] = by_below * rise.slope_below;
        }
      }
      if (row >= tile.top) {
        add_to_lanes(of_right + 1, count, sum_right);
        add_to_lanes(of_below + 1, count, sum_below);
      }
      if (row >= tile.top && maps) {
        for (std::int64_t g = 0; g < count; g += image_lanes) {
          FUSEDLOSS_LANES(image_lanes)
          for (int l = 0; l < image_lanes; ++l) {
            const std::int64_t i = g + l + 1;
            to[g + l] = (beside[i - 1] - beside[i]) + (above[i] - below[i]);
          }
        }
        hand_out_pixels(to, call->grad[0], tile, row, tile.left, count);
      }
      double* const spare = here;
      here = next;
      next = spare;
      double* const over = above;
      above = below;
      below = over;
    }
    images.sums[task] = images.numbers[0] * fold(sum_right) + images.numbers[1] * fold(sum_below);
  }

 private:
  /// A row of the tile from `to[1]` on, and the pixels on both sides of it: where there is none, one as its neighbour.
  static FUSEDLOSS_SHARED void bring_row(const abi::Call* call, const Tile& tile, std::int64_t row, double* to) {
    const std::int64_t begin = tile.left > 0 ? tile.left - 1 : 0, count = tile.right - tile.left;
    const std::int64_t end = tile.right < call->items.shape[3] ? tile.right + 1 : tile.right;
    bring_pixels(call->inputs[0], tile, row, begin, end - begin, to + (begin - tile.left + 1));
    if (begin == tile.left) to[0] = to[1];
    if (end == tile.right) to[count + 1] = to[count];
  }
};

/// Weighted means over a window: of m = x + y, of d = x - y, and of their squares.
struct Means {
  double m, d, square_m, square_d;
};

/// A value and its derivatives by the means.
struct WindowJet {
  double value, m, d, square_m, square_d;
};

/// The window that everybody takes (Wang et al. 2004): its taps are unrolled.
constexpr int usual_taps = 11;

template <int Taps>
FUSEDLOSS_INLINE double tap_sum(const double* const (&from)[usual_taps], const double (&weight)[usual_taps],
                                std::int64_t at) {
  if constexpr (Taps == 1) {
    return weight[0] * from[0][at];
  } else {
    return fma(weight[Taps - 1], from[Taps - 1][at], tap_sum<Taps - 1>(from, weight, at));
  }
}

/// Sums of `taps` arrays, each with its weight; whole groups.
FUSEDLOSS_SHARED void weigh_taps(const double* const* from, const double* weight, std::int64_t taps, double* to,
                                 std::int64_t count) {
  if (taps == usual_taps) {
    const double* rows[usual_taps];
    double weights[usual_taps];
    for (int k = 0; k < usual_taps; ++k) rows[k] = from[k];
    for (int k = 0; k < usual_taps; ++k) weights[k] = weight[k];
    for (std::int64_t g = 0; g < count; g += image_lanes) {
      FUSEDLOSS_LANES(image_lanes)
      for (int l = 0; l < image_lanes; ++l) to[g + l] = tap_sum<usual_taps>(rows, weights, g + l);
    }
    return;
  }
  for (std::int64_t g = 0; g < count; ++g) to[g] = 0;
  for (std::int64_t k = 0; k < taps; ++k) {
    const double* const row = from[k];
    const double w = weight[k];
    for (std::int64_t g = 0; g < count; g += image_lanes) {
      FUSEDLOSS_LANES(image_lanes)
      for (int l = 0; l < image_lanes; ++l) to[g + l] = fma(w, row[g + l], to[g + l]);
    }
  }
}

/// Losses of two images with
///   name, nanoseconds, struct Options
///   static WindowJet of(const Means&, const Options&)
/// The call's numbers are the weights of a window's rows, and of its columns: symmetric ones.
template <class Loss>
class Windows {
 public:
  using Options = typename Loss::template Options<double>;

  static FUSEDLOSS_SHARED std::int64_t window_tasks(const abi::Call* call) {
    const std::int64_t* shape = call->items.shape;
    return shape[0] * shape[1] * tiles_along(shape[2], tile_height) * tiles_along(shape[3], tile_width);
  }

  static FUSEDLOSS_SHARED std::int64_t window_bytes(const abi::Call* call) {
    const std::int64_t taps = call->images->taps;
    return (single_rows + 2 * fields * taps) * room(taps) * static_cast<std::int64_t>(sizeof(double)) +
           taps * static_cast<std::int64_t>(sizeof(double*));
  }

  static void run(const abi::Call* call, std::int64_t task, void* scratch, abi::Partial* partial) {
    partial->sum = partial->residue = 0;
    partial->invalid = -1;
    Windows(call, task, scratch).go(task);
  }

 private:
  static constexpr int fields = 4;  // m, d and their squares
  static constexpr std::int64_t tile_height = 128, tile_width = 256;
  static constexpr std::int64_t single_rows = 4 + 4 * fields;

  const abi::Call* call;
  const abi::Images& images;
  const Options options;
  const Tile tile;
  const std::int64_t taps, reach;
  const double slope;
  const bool maps;
  // Windows are numbered by their first row and column. Those that reach into the tile, or, if there is no gradient,
  // those that count in it.
  std::int64_t top, bottom, left, right;
  std::int64_t size;              // of an array in scratch
  double *x, *y, *value, *zeros;  // a row of each
  double* given[fields];          // a row of pixels
  double* mean[fields];           // a row of windows
  double* back[fields];           // their derivatives, zeros on both sides
  double* sum[fields];            // a row of the gradient
  double *forward, *backward;     // the last rows that were weighed along rows: `taps` of each field
  const double** tap;
  alignas(64) double total[image_lanes] = {};

  static FUSEDLOSS_INLINE std::int64_t room(std::int64_t taps) {
    return whole_groups(tile_width + 3 * taps) + 2 * image_lanes;
  }

  FUSEDLOSS_INLINE Windows(const abi::Call* of, std::int64_t task, void* scratch)
      : call(of),
        images(*of->images),
        options(*static_cast<const Options*>(of->options)),
        tile(tile_of(of, task, tile_height, tile_width)),
        taps(images.taps),
        reach(images.taps - 1),
        slope(slope_of(images, tile.sample)),
        maps(slope != 0.0),
        size(room(images.taps)) {
    const std::int64_t rows = of->items.shape[2] - reach, columns = of->items.shape[3] - reach;
    const std::int64_t before = maps ? reach : 0;
    top = tile.top < before ? 0 : tile.top - before;
    left = tile.left < before ? 0 : tile.left - before;
    bottom = tile.bottom < rows ? tile.bottom : rows;
    right = tile.right < columns ? tile.right : columns;
    double* at = static_cast<double*>(scratch);
    for (std::int64_t i = 0; i < single_rows * size; ++i) at[i] = 0;
    const auto take = [&](std::int64_t arrays) {
      double* const here = at;
      at += arrays * size;
      return here;
    };
    x = take(1), y = take(1), value = take(1), zeros = take(1);
    for (int f = 0; f < fields; ++f) given[f] = take(1), mean[f] = take(1), back[f] = take(1), sum[f] = take(1);
    forward = take(fields * taps);
    backward = take(fields * taps);
    tap = reinterpret_cast<const double**>(at);
  }

  FUSEDLOSS_INLINE double* ring(double* rows, int field, std::int64_t row) const {
    return rows + (field * taps + row % taps) * size;
  }

  FUSEDLOSS_SHARED void go(std::int64_t task) {
    images.sums[task] = 0;
    if (!maps) clear_tile(call, tile, x);
    if (top < bottom && left < right) {
      for (std::int64_t row = top; row < bottom + reach; ++row) {
        enter(row);
        const std::int64_t window = row - reach;
        if (window < top) continue;
        look(window);
        if (maps) {
          map_along(window);
          if (window >= tile.top) give(window);
        }
      }
      images.sums[task] = fold(total);
    }
    for (std::int64_t row = bottom < tile.top ? tile.top : bottom; maps && row < tile.bottom; ++row) give(row);
  }

  /// The sum of both images and their difference, and the squares of these.
  FUSEDLOSS_SHARED void part(std::int64_t row, std::int64_t column, std::int64_t count) {
    bring_pixels(call->inputs[0], tile, row, column, count, x);
    bring_pixels(call->inputs[1], tile, row, column, count, y);
    for (std::int64_t i = count; i < whole_groups(count); ++i) x[i] = y[i] = 0;
    const double *const first = x, *const second = y;
    double *const m = given[0], *const d = given[1], *const mm = given[2], *const dd = given[3];
    for (std::int64_t g = 0; g < count; g += image_lanes) {
      FUSEDLOSS_LANES(image_lanes)
      for (int l = 0; l < image_lanes; ++l) {
        const double both = first[g + l] + second[g + l], apart = first[g + l] - second[g + l];
        m[g + l] = both;
        d[g + l] = apart;
        mm[g + l] = both * both;
        dd[g + l] = apart * apart;
      }
    }
  }

  /// Weighs a row of pixels along itself.
  FUSEDLOSS_SHARED void enter(std::int64_t row) {
    const std::int64_t count = right - left + reach;
    part(row, left, count);
    for (int f = 0; f < fields; ++f) {
      for (std::int64_t i = whole_groups(count); i < size; ++i) given[f][i] = 0;
      for (std::int64_t k = 0; k < taps; ++k) tap[k] = given[f] + k;
      weigh_taps(tap, images.numbers, taps, ring(forward, f, row), whole_groups(right - left));
    }
  }

  /// Values of a row of windows, and their derivatives.
  FUSEDLOSS_SHARED void look(std::int64_t window) {
    const std::int64_t count = right - left;
    for (int f = 0; f < fields; ++f) {
      for (std::int64_t k = 0; k < taps; ++k) tap[k] = ring(forward, f, window + k);
      weigh_taps(tap, images.numbers, taps, mean[f], whole_groups(count));
    }
    double* const to[fields] = {back[0] + reach, back[1] + reach, back[2] + reach, back[3] + reach};
    const double *const m = mean[0], *const d = mean[1], *const mm = mean[2], *const dd = mean[3];
    double* const result = value;
    const double factor = slope;
    const Options chosen = options;
    for (std::int64_t g = 0; g < count; g += image_lanes) {
      FUSEDLOSS_LANES(image_lanes)
      for (int l = 0; l < image_lanes; ++l) {
        const WindowJet jet = Loss::of({m[g + l], d[g + l], mm[g + l], dd[g + l]}, chosen);
        result[g + l] = jet.value;
        to[0][g + l] = factor * jet.m;
        to[1][g + l] = factor * jet.d;
        to[2][g + l] = factor * jet.square_m;
        to[3][g + l] = factor * jet.square_d;
      }
    }
    for (int f = 0; f < fields; ++f) {
      for (std::int64_t i = count; i < whole_groups(count); ++i) to[f][i] = 0;
    }
    if (window >= tile.top) add_to_lanes(value + (tile.left - left), right - tile.left, total);
  }

  /// Spreads the derivatives of a row of windows over its pixels.
  FUSEDLOSS_SHARED void map_along(std::int64_t window) {
    for (int f = 0; f < fields; ++f) {
      for (std::int64_t k = 0; k < taps; ++k) tap[k] = back[f] + (reach + tile.left - left - k);
      weigh_taps(tap, images.numbers, taps, ring(backward, f, window), whole_groups(tile.right - tile.left));
    }
  }

  /// Writes a row of the gradients.
  FUSEDLOSS_SHARED void give(std::int64_t row) {
    const std::int64_t count = tile.right - tile.left;
    for (int f = 0; f < fields; ++f) {
      for (std::int64_t k = 0; k < taps; ++k) {
        const std::int64_t window = row - k;
        tap[k] = window >= top && window < bottom ? ring(backward, f, window) : zeros;
      }
      weigh_taps(tap, images.numbers, taps, sum[f], whole_groups(count));
    }
    part(row, tile.left, count);
    const double *const m = given[0], *const d = given[1];
    double *const to_x = x, *const to_y = y;
    const double *const by_m = sum[0], *const by_d = sum[1], *const by_mm = sum[2], *const by_dd = sum[3];
    for (std::int64_t g = 0; g < count; g += image_lanes) {
      FUSEDLOSS_LANES(image_lanes)
      for (int l = 0; l < image_lanes; ++l) {
        const double both = fma(2 * m[g + l], by_mm[g + l], by_m[g + l]);
        const double apart = fma(2 * d[g + l], by_dd[g + l], by_d[g + l]);
        to_x[g + l] = both + apart;
        to_y[g + l] = both - apart;
      }
    }
    if (call->grad[0].layout != abi::absent) hand_out_pixels(x, call->grad[0], tile, row, tile.left, count);
    if (call->grad[1].layout != abi::absent) hand_out_pixels(y, call->grad[1], tile, row, tile.left, count);
  }
};

/// A kernel of images as the dispatcher sees it: it is told its options in double, whatever the arrays hold.
template <class Loss>
constexpr abi::Kernel image_kernel(int inputs, std::int64_t (*tasks)(const abi::Call*),
                                   std::int64_t (*bytes)(const abi::Call*), abi::Run run) {
  using Options = typename Loss::template Options<double>;
  constexpr int options = std::is_empty_v<Options> ? 0 : static_cast<int>(sizeof(Options) / sizeof(double));
  return {Loss::name,     abi::images,    inputs,
          inputs,         options,        Loss::nanoseconds,
          {tasks, tasks}, {bytes, bytes}, {{run, run}, {run, run}}};
}

template <class Loss>
constexpr abi::Kernel neighbour_kernel() {
  using Kind = Neighbours<Loss>;
  return image_kernel<Loss>(1, Kind::neighbour_tasks, Kind::neighbour_bytes, Kind::run);
}

template <class Loss>
constexpr abi::Kernel window_kernel() {
  using Kind = Windows<Loss>;
  return image_kernel<Loss>(2, Kind::window_tasks, Kind::window_bytes, Kind::run);
}

FUSEDLOSS_END
