// What a kernel is told: arrays, the space they share, and where results go. Plain data and nothing else.
//
// These types cross from the dispatcher to kernels that are compiled for other instruction sets, so they stand outside
// the namespace of config.hpp and have no member functions: nothing here can become a symbol.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fusedloss {
namespace abi {

/// As many axes as NumPy 2 allows.
constexpr int max_axes = 64;

enum DType : std::int32_t {
  float16,
  bfloat16,
  float32,
  float64,
  boolean,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64
};

/// How an array lies in the space of the items.
enum Layout : std::int32_t {
  absent,      ///< not given: an input counts as ones, an output is not wanted
  constant,    ///< one element for all items
  contiguous,  ///< native alignment and order of the items: element i at data + i * itemsize
  strided,     ///< anything else: strides, possibly 0, negative or unaligned
};

struct Array {
  void* data;
  DType dtype;
  Layout layout;
  std::int64_t class_stride;       ///< bytes from class to class; rows only
  std::int64_t strides[max_axes];  ///< bytes, by the axes of the items
};

/// The space of the items: all axes for elementwise losses, all but the class axis for rows. Axes are merged where
/// every array allows.
struct Items {
  std::int64_t size;
  std::int32_t axes;
  std::int64_t shape[max_axes];
};

/// What one pass gives. A value is always cheap beside its gradient, so the gradient alone is value_grad.
enum Outputs : std::int32_t { value_only, value_grad, grad_hess, value_grad_hess, hessian_vector, output_sets };

constexpr int max_inputs = 4;
constexpr int max_variables = 4;

/// What logits go through before their softmax, in this order: softcap tanh(z / softcap), division by the temperature;
/// and z_loss, which multiplies the square of their logsumexp.
struct Logits {
  double softcap;  ///< infinite for none
  double temperature;
  double z_loss;
  const void* live;      ///< for each class 1 or 0, in the precision of the arithmetic, padded to whole groups
  std::int64_t classes;  ///< how many are 1
  bool moved;            ///< whether there is anything but z_loss
};

/// By-products of a softmax, one an item.
enum Extra : std::int32_t { log_probability, log_sum, entropy, argmax, extras };

/// Utterances, the items of a call, along the first axis of their arrays: frames of classes, `strides[0]` bytes from
/// utterance to utterance, and labels. Frames of lattices have places, one more than there can be labels.
struct Sequences {
  const std::int64_t* order;   ///< which utterance a task takes
  const std::int64_t* frames;  ///< how many each has
  const std::int64_t* labels;  ///< of all utterances, one after the other
  const std::int64_t* starts;  ///< the first label of each utterance, and the end of the last one
  std::int64_t blank;
  std::int64_t all_frames;                ///< of pred; those behind an utterance's end are not read
  std::int64_t all_places;                ///< of a frame of pred
  std::int64_t pred_stride, grad_stride;  ///< bytes from frame to frame
  std::int64_t pred_place, grad_place;    ///< bytes from place to place
  Array path, position, entropy;  ///< by-products of each frame, of lattices of each label, `class_stride` bytes apart;
                                  ///< the first two are 64-bit integers, side by side
};

/// Maps of pixels, samples of which lie `strides` bytes apart; the items of a call are the pixels of one sample, its
/// weight is their mask. One pass adds up, a class of a block of pixels at a time, what they share and where they
/// differ; another one, which is given `slopes`, maps them to a gradient. Where pixels are sorted, a class of a sample
/// is an item: `sums` takes its value and the weight of its pixels, `slopes` has what multiplies its gradient.
struct Overlaps {
  std::int64_t samples;
  bool labels;  ///< whether the target holds labels, and not a number for each class
  std::int64_t pred_stride, target_stride, mask_stride, grad_stride;
  double* sums;                ///< of each task and class: overlap, excess, missing
  const double* slopes;        ///< of each sample and class: where pred is below the target, and where it is above
  std::int64_t pulled_stride;  ///< of `Call::vector`, if it is there: derivatives by the probabilities of a softmax,
                               ///< which the first slope of a class multiplies; the second one is not read
  bool rides;  ///< whether a loss of pixels takes what is read for this one; its weighted values go to `Partial::sum`,
               ///< `Call::scale` multiplies its gradient, `Call::class_weight` its items
  // What that is: of a softmax (1 - p)^gamma (-log p) of the label, or -log p of the smoothed label; of sigmoids the
  // binary focal loss of each class of a pixel, with weights of the positive and of the negative term.
  double gamma, smoothing, positive, negative;
};

/// Planes of pixels, or maps of features: the items' shape is (samples, channels, rows, columns), and all arrays have
/// strides for these axes. Each task leaves the sum of its values.
struct Images {
  const double* numbers;  ///< of the kernel: weights of directions, of a window or of channels
  std::int64_t taps;      ///< rows and columns of a window
  const double* slopes;   ///< what a sample's, or a pixel's, value is multiplied by in the gradient; null without one
  std::int64_t sample_slope, pixel_slope;  ///< how far those are apart
  double* values;                          ///< of each pixel, or null
  double* sums;                            ///< of each task
};

/// A call of any kind. `inputs` holds the operands in the order of the loss's functor, parameters that are arrays
/// behind them.
struct Call {
  Items items;
  Array inputs[max_inputs];
  Array weight;
  Array cotangent;
  Array vector[max_variables];  ///< for hessian_vector; of maps, derivatives by probabilities
  Array value;                  ///< one value an item, weighted
  Array grad[max_variables];    ///< for hessian_vector: the product
  Array hess[max_variables];
  const void* options;  ///< the functor's options, in the precision of the arithmetic
  double scale;         ///< multiplies every derivative
  double hess_floor;    ///< bounds of an item's Hessian before weights, infinite for none
  double hess_ceiling;
  double hess_factor;  ///< rows only: multiplies an item's Hessian before its bounds
  bool hess_is_slope;  ///< rows only: the size of an item's gradient stands in its place
  bool adds;           ///< elements and vectors: derivatives are added to what their arrays hold;
  bool adds_second;    ///< of vectors those by the second variable, and `adds` is about the first
  double ignore;       ///< a target that takes its item out
  bool has_ignore;
  // Rows only.
  std::int64_t classes;
  std::int64_t labels;  ///< how many there are: `classes`, or one more for grades
  const double* class_weight;
  std::int64_t ignore_index;
  bool has_ignore_index;
  const void* class_factor;  ///< multiplies a target's entries but not an item's weight; as `Logits::live`, or null
  const Logits* logits;      ///< null: as they are
  bool wants_extra;          ///< whether any of these is there
  Array extra[extras];       ///< in the precision of the arithmetic, argmax as 64-bit integers
  // Queries only: the first document of each, and the end of the last. `classes` is the steps an item takes on average.
  const std::int64_t* starts;
  double frames;               ///< what an item takes on average, in steps over `classes`; 1 but for utterances
  const Sequences* sequences;  ///< utterances only
  const Overlaps* overlaps;    ///< maps, sorted or not, only
  const Images* images;        ///< images only
};

/// What a task hands back, added up in task order.
struct Partial {
  double sum;  ///< of weighted item values, to be read as sum + residue: the residue collects what rounding lost
  double residue;
  std::int64_t invalid;  ///< first item outside the loss's domain, or -1
};

/// Runs one task of a call. `scratch` belongs to the worker and has the size that the kernel's `scratch_bytes` asked
/// for.
using Run = void (*)(const Call*, std::int64_t task, void* scratch, Partial*);

constexpr int precisions = 2;  ///< float32, float64

/// What a kernel's items are, and what its target is. Grades are labels that classes lie between, one more than them.
/// Queries take a step a document, or one for each pair of them.
enum Kind : std::int32_t {
  elements,
  rows_of_labels,
  rows_of_grades,
  rows_of_distributions,
  queries,
  queries_of_pairs,
  utterances,
  lattices,
  maps,
  sorted_pixels,
  pairs_of_vectors,
  images
};

/// One loss as the dispatcher sees it.
struct Kernel {
  const char* name;
  Kind kind;
  std::int32_t inputs;
  std::int32_t variables;
  std::int32_t options;  ///< how many numbers the functor's options hold
  double nanoseconds;    ///< estimated cost of an element, gradient included, float32 with AVX-512
  std::int64_t (*tasks[precisions])(const Call*);
  std::int64_t (*scratch_bytes[precisions])(const Call*);
  Run run[precisions][output_sets];
};

struct Table {
  const Kernel* kernels;
  std::int32_t count;
};

}  // namespace abi
}  // namespace fusedloss
