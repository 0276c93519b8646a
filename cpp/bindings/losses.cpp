// One generic function a kind of call: a plan names the kernel, the arrays are checked once more and handed over.
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "execute.hpp"
#include "fusedloss/core/lanes.hpp"
#include "plan.hpp"
#include "register.hpp"
#include "runtime/dispatch.hpp"

namespace fusedloss::bindings {

namespace {

constexpr const char* plan_name = "fusedloss.plan";

py::capsule make_plan(const std::string& name, const std::vector<double>& options, int reduction,
                      const std::optional<std::vector<double>>& parameters, bool vectors) {
  auto plan = std::make_unique<Plan>();
  for (int isa = 0; isa < isas; ++isa) plan->kernel[isa] = runtime::find_kernel(name, static_cast<runtime::Isa>(isa));
  const abi::Kernel* kernel = plan->kernel[0];
  if (kernel == nullptr) throw py::key_error("no kernel is called " + name);
  if (options.size() != static_cast<std::size_t>(kernel->options) || options.size() > max_options) {
    throw py::value_error("kernel " + name + " takes " + std::to_string(kernel->options) + " options");
  }
  for (std::size_t i = 0; i < options.size(); ++i) {
    plan->float32[i] = static_cast<float>(options[i]);
    plan->float64[i] = options[i];
  }
  const std::size_t wanted = static_cast<std::size_t>(kernel->inputs) - 2;
  plan->plain = parameters.has_value();
  if (plan->plain && parameters->size() != wanted) throw py::value_error("kernel " + name + " takes other parameters");
  for (std::size_t i = 0; plan->plain && i < wanted; ++i) plan->parameters[i] = (*parameters)[i];
  plan->vectors = vectors;
  plan->reduction = static_cast<Reduction>(reduction);
  return py::capsule(plan.release(), plan_name,
                     [](PyObject* capsule) { delete static_cast<Plan*>(PyCapsule_GetPointer(capsule, plan_name)); });
}

py::object element(const std::optional<py::tuple>& tuple, std::size_t index) {
  return tuple && index < tuple->size() ? py::object((*tuple)[index]) : py::none();
}

/// An output that lies where the prediction lies would be read after it is written, unless a block of it is staged.
void stage_if_overwritten(abi::Call& call) {
  for (int k = 0; k < abi::max_variables; ++k) {
    for (const abi::Array* output : {&call.grad[k], &call.hess[k]}) {
      for (abi::Array& input : call.inputs) {
        if (output->layout != abi::absent && input.layout == abi::contiguous && output->data == input.data)
          input.layout = abi::strided;
      }
    }
  }
}

std::pair<double, std::int64_t> run(const py::capsule& plan_capsule, int outputs, int precision,
                                    const py::tuple& inputs, const py::object& weight, const py::object& cotangent,
                                    const std::optional<py::tuple>& vector, const py::object& value,
                                    const std::optional<py::tuple>& grad, const std::optional<py::tuple>& hess,
                                    double scale, double hess_floor, double hess_ceiling, std::optional<double> ignore,
                                    bool adds) {
  const Plan& plan = plan_of(plan_capsule);
  const abi::Kernel& kernel = plan.chosen();
  if (inputs.size() != static_cast<std::size_t>(kernel.inputs))
    throw py::value_error("fusedloss._core: wrong number of inputs");
  abi::Call call;
  clear(call);
  call.options = plan.options(precision);
  call.scale = scale;
  call.hess_floor = hess_floor;
  call.hess_ceiling = hess_ceiling;
  call.has_ignore = ignore.has_value();
  call.ignore = ignore.value_or(0);
  call.adds = adds;
  ItemSpace space(py::reinterpret_borrow<py::array>(inputs[0]), -1);
  for (std::size_t k = 0; k < inputs.size(); ++k) space.add(inputs[k], false, false, call.inputs[k]);
  space.add(weight, false, false, call.weight);
  space.add(cotangent, false, false, call.cotangent);
  space.add(value, false, true, call.value);
  for (int k = 0; k < kernel.variables; ++k) {
    space.add(element(vector, k), false, false, call.vector[k]);
    space.add(element(grad, k), false, true, call.grad[k]);
    space.add(element(hess, k), false, true, call.hess[k]);
  }
  space.finish(call);
  stage_if_overwritten(call);
  const Outcome outcome = execute(kernel, precision, static_cast<abi::Outputs>(outputs), call);
  return {outcome.sum, outcome.invalid < 0 ? -1 : space.c_order(outcome.invalid)};
}

/// Softcap, temperature, z_loss, and for each class whether it is there.
using LogitOptions = std::tuple<double, double, double, std::optional<py::array_t<double>>>;

/// Numbers a class in the precision of the arithmetic, padded with zeros to whole groups of lanes.
class ClassNumbers {
 public:
  ClassNumbers(int precision, std::int64_t classes) : precision_(precision) {
    bytes_.resize(static_cast<std::size_t>(classes + 64) * (precision == 0 ? 4 : 8));
  }
  void set(std::int64_t at, double number) {
    if (precision_ == 0) {
      const auto narrow = static_cast<float>(number);
      std::memcpy(&bytes_[static_cast<std::size_t>(at) * 4], &narrow, 4);
    } else {
      std::memcpy(&bytes_[static_cast<std::size_t>(at) * 8], &number, 8);
    }
  }
  const void* data() const { return bytes_.data(); }

 private:
  int precision_;
  std::vector<char> bytes_;
};

/// The one-dimensional array of a number a class that Python made.
const double* a_class_each(const py::array_t<double>& array, std::int64_t classes) {
  if (array.ndim() != 1 || array.shape(0) != classes || array.strides(0) != sizeof(double)) {
    throw py::value_error("fusedloss._core: an array does not fit the classes");
  }
  return array.data();
}

/// Logits and factors of targets as kernels take them, for the time of a call.
class Softmaxing {
 public:
  Softmaxing(abi::Call& call, int precision, const std::optional<LogitOptions>& options,
             const std::optional<py::array_t<double>>& factor)
      : live_(precision, call.classes), factor_(precision, factor ? call.classes : 0) {
    if (factor) {
      const double* from = a_class_each(*factor, call.classes);
      for (std::int64_t c = 0; c < call.classes; ++c) factor_.set(c, from[c]);
      call.class_factor = factor_.data();
    }
    if (!options) return;
    const auto& [softcap, temperature, z_loss, live] = *options;
    const double* from = live ? a_class_each(*live, call.classes) : nullptr;
    logits_ = {softcap, temperature, z_loss, live_.data(), 0, false};
    for (std::int64_t c = 0; c < call.classes; ++c) {
      const bool there = from == nullptr || from[c] != 0;
      live_.set(c, there ? 1 : 0);
      logits_.classes += there ? 1 : 0;
    }
    logits_.moved = std::isfinite(softcap) || temperature != 1 || logits_.classes != call.classes;
    call.logits = &logits_;
  }
  Softmaxing(const Softmaxing&) = delete;
  Softmaxing& operator=(const Softmaxing&) = delete;

 private:
  ClassNumbers live_, factor_;
  abi::Logits logits_;
};
bool has_labels(const abi::Kernel& kernel) {
  return kernel.kind == abi::rows_of_labels || kernel.kind == abi::rows_of_grades;
}

std::int64_t labels_of(const abi::Kernel& kernel, std::int64_t classes) {
  return kernel.kind == abi::rows_of_grades ? classes + 1 : classes;
}

/// What a call over rows needs beside its arrays.
struct RowOptions {
  std::optional<py::array_t<double>> class_weight;
  std::optional<std::int64_t> ignore_index;

  void apply(abi::Call& call) const {
    if (class_weight) {
      call.class_weight = a_class_each(*class_weight, call.labels);
    }
    call.has_ignore_index = ignore_index.has_value();
    call.ignore_index = ignore_index.value_or(0);
  }
};

std::pair<double, std::int64_t> run_rows(
    const py::capsule& plan_capsule, int outputs, int precision, const py::array& pred, const py::array& target,
    int axis, const py::object& weight, const py::object& cotangent, const py::object& vector, const py::object& value,
    const std::optional<py::tuple>& grads, const std::optional<py::tuple>& hessians, double scale, double hess_floor,
    double hess_ceiling, double hess_factor, bool hess_is_slope, const std::optional<py::array_t<double>>& class_weight,
    std::optional<std::int64_t> ignore_index, const std::optional<py::array_t<double>>& class_factor,
    const std::optional<LogitOptions>& logits, const std::optional<py::tuple>& extra) {
  const Plan& plan = plan_of(plan_capsule);
  const abi::Kernel& kernel = plan.chosen();
  if (axis < 0 || axis >= pred.ndim()) throw py::value_error("fusedloss._core: no such axis");
  const auto set = static_cast<abi::Outputs>(outputs);
  const bool curved = set == abi::grad_hess || set == abi::value_grad_hess;
  const py::object grad = element(grads, 0), hess = element(hessians, 0);
  const py::object target_grad = element(grads, 1), target_hess = element(hessians, 1);
  if ((set != abi::value_only && grad.is_none()) || (curved && hess.is_none()) ||
      (set == abi::hessian_vector && vector.is_none()) || (curved && !target_grad.is_none() && target_hess.is_none())) {
    throw py::value_error("fusedloss._core: rows need every output of their set");
  }
  abi::Call call;
  clear(call);
  call.options = plan.options(precision);
  call.scale = scale;
  call.hess_floor = hess_floor;
  call.hess_ceiling = hess_ceiling;
  call.hess_factor = hess_factor;
  call.hess_is_slope = hess_is_slope;
  ItemSpace space(pred, axis);
  space.add(pred, true, false, call.inputs[0]);
  space.add(target, kernel.kind == abi::rows_of_distributions, false, call.inputs[1]);
  space.add(weight, false, false, call.weight);
  space.add(cotangent, false, false, call.cotangent);
  space.add(vector, true, false, call.vector[0]);
  space.add(value, false, true, call.value);
  space.add(grad, true, true, call.grad[0]);
  space.add(hess, true, true, call.hess[0]);
  if (kernel.variables > 1) {
    space.add(target_grad, true, true, call.grad[1]);
    space.add(target_hess, true, true, call.hess[1]);
  }
  call.wants_extra = extra.has_value();
  for (int k = 0; k < abi::extras; ++k) space.add(element(extra, k), false, true, call.extra[k]);
  space.finish(call);
  call.labels = labels_of(kernel, call.classes);
  RowOptions{class_weight, ignore_index}.apply(call);
  const Softmaxing softmaxing(call, precision, logits, class_factor);
  const Outcome outcome = execute(kernel, precision, set, call);
  return {outcome.sum, outcome.invalid < 0 ? -1 : space.c_order(outcome.invalid)};
}

/// Documents of queries, one after the other: query q holds those from starts[q] to starts[q + 1].
std::pair<double, std::int64_t> run_queries(const py::capsule& plan_capsule, int outputs, int precision,
                                            const py::array& pred, const py::array& target,
                                            const py::array_t<std::int64_t>& starts, const py::object& weight,
                                            const py::object& cotangent, const py::object& vector,
                                            const py::object& value, const py::object& grad, const py::object& hess,
                                            double scale, double hess_floor, double hess_ceiling) {
  const Plan& plan = plan_of(plan_capsule);
  const abi::Kernel& kernel = plan.chosen();
  const auto set = static_cast<abi::Outputs>(outputs);
  const bool curved = set == abi::grad_hess || set == abi::value_grad_hess;
  if ((set != abi::value_only && grad.is_none()) || (curved && hess.is_none()) ||
      (set == abi::hessian_vector && vector.is_none())) {
    throw py::value_error("fusedloss._core: queries need every output of their set");
  }
  if (starts.ndim() != 1 || starts.shape(0) < 1 || starts.strides(0) != sizeof(std::int64_t)) {
    throw py::value_error("fusedloss._core: queries must have a beginning");
  }
  const std::int64_t* bounds = starts.data();
  const py::ssize_t count = starts.shape(0) - 1;
  double steps = 0;
  for (py::ssize_t q = 0; q < count; ++q) {
    const std::int64_t length = bounds[q + 1] - bounds[q];
    if (length < 0) throw py::value_error("fusedloss._core: a query ends before it begins");
    const auto documents = static_cast<double>(length);
    steps += kernel.kind == abi::queries_of_pairs ? documents * documents / 2 : documents;
  }
  if (bounds[0] != 0 || pred.ndim() != 1 || bounds[count] != pred.shape(0)) {
    throw py::value_error("fusedloss._core: queries do not hold the documents");
  }
  abi::Call call;
  clear(call);
  call.options = plan.options(precision);
  call.scale = scale;
  call.hess_floor = hess_floor;
  call.hess_ceiling = hess_ceiling;
  ItemSpace space(starts[py::slice(0, count, 1)], -1);
  space.add(weight, false, false, call.weight);
  space.add(cotangent, false, false, call.cotangent);
  space.add(value, false, true, call.value);
  space.finish(call);
  const auto documents = [&](const py::object& object, bool written, abi::Array& to) {
    if (object.is_none()) return;
    const auto array = py::reinterpret_borrow<py::array>(object);
    if (array.ndim() != 1 || array.shape(0) != pred.shape(0)) {
      throw py::value_error("fusedloss._core: an array does not have the shape of the call");
    }
    if (written && !array.writeable()) throw py::value_error("fusedloss._core: an output is read-only");
    to.data = const_cast<void*>(array.data());
    to.dtype = dtype_of(array);
    to.layout = abi::strided;
    to.class_stride = array.strides(0);
  };
  documents(pred, false, call.inputs[0]);
  documents(target, false, call.inputs[1]);
  documents(vector, false, call.vector[0]);
  documents(grad, true, call.grad[0]);
  documents(hess, true, call.hess[0]);
  call.starts = bounds;
  call.classes = count == 0 ? 1 : static_cast<std::int64_t>(std::clamp(steps / static_cast<double>(count), 1.0, 1e15));
  const Outcome outcome = execute(kernel, precision, set, call);
  return {outcome.sum, outcome.invalid < 0 ? -1 : space.c_order(outcome.invalid)};
}

/// Bytes from frame to frame, and from place to place of a frame.
struct FrameStrides {
  std::int64_t frame, place;
};

/// An array of utterances, frames, places if they are of lattices, and classes; `axis` is that of the utterances. A
/// by-product has no classes, and frames or labels.
FrameStrides describe_frames(const py::object& object, int axis, const std::vector<py::ssize_t>& shape, bool written,
                             abi::Array& to) {
  const auto array = py::reinterpret_borrow<py::array>(object);
  if (std::vector<py::ssize_t>(array.shape(), array.shape() + array.ndim()) != shape) {
    throw py::value_error("fusedloss._core: an array does not have the shape of the call");
  }
  if (written && !array.writeable()) throw py::value_error("fusedloss._core: an output is read-only");
  to.data = const_cast<void*>(array.data());
  to.dtype = dtype_of(array);
  const std::int64_t size = item_size(to.dtype);
  to.strides[0] = array.strides(axis);
  to.class_stride = array.strides(array.ndim() == 2 ? 1 - axis : array.ndim() - 1);
  bool aligned = reinterpret_cast<std::uintptr_t>(to.data) % static_cast<std::uintptr_t>(size) == 0;
  for (py::ssize_t i = 0; i < array.ndim(); ++i) aligned &= array.strides(i) % size == 0;
  to.layout = aligned ? abi::contiguous : abi::strided;
  return {array.strides(1 - axis), array.ndim() == 4 ? array.strides(2) : 0};
}

/// What an utterance takes, counted in classes: a label of a frame is as much as ten of those, a place as forty.
double work_of(const abi::Sequences& all, std::int64_t utterance, std::int64_t classes, bool lattice) {
  const auto frames = static_cast<double>(all.frames[utterance]), softmax = static_cast<double>(classes);
  const auto labels = static_cast<double>(all.starts[utterance + 1] - all.starts[utterance]);
  return frames * (lattice ? (labels + 1) * (softmax + 40) : softmax + 10 * labels);
}

/// `axis` is that of the utterances in pred, the other one of the first two that of frames; of lattices, there is one
/// for places between those and the classes. Utterance n has the first frames[n] frames and the labels from starts[n]
/// to starts[n + 1]. By-products are paths, positions and entropies of frames, or of lattices the last two of labels.
double run_sequences(const py::capsule& plan_capsule, int outputs, int precision, const py::array& pred, int axis,
                     const py::array_t<std::int64_t>& frames, const py::array_t<std::int64_t>& labels,
                     const py::array_t<std::int64_t>& starts, std::int64_t blank, const py::object& weight,
                     const py::object& cotangent, const py::object& value, const py::object& grad, double scale,
                     const std::optional<py::tuple>& extra) {
  const Plan& plan = plan_of(plan_capsule);
  const abi::Kernel& kernel = plan.chosen();
  const auto set = static_cast<abi::Outputs>(outputs);
  const bool lattice = kernel.kind == abi::lattices;
  if ((kernel.kind != abi::utterances && !lattice) || pred.ndim() != (lattice ? 4 : 3) || axis < 0 || axis > 1) {
    throw py::value_error("fusedloss._core: pred has other axes");
  }
  if (set > abi::value_grad || (set == abi::value_grad) == grad.is_none()) {
    throw py::value_error("fusedloss._core: utterances have a value and a gradient");
  }
  const py::ssize_t count = pred.shape(axis), all_frames = pred.shape(1 - axis), classes = pred.shape(pred.ndim() - 1);
  const auto plain = [](const py::array_t<std::int64_t>& array, py::ssize_t size) {
    return array.ndim() == 1 && array.shape(0) == size && (size < 2 || array.strides(0) == sizeof(std::int64_t));
  };
  if (!plain(frames, count) || !plain(starts, count + 1) || !plain(labels, labels.size()) || blank < 0 ||
      blank >= classes) {
    throw py::value_error("fusedloss._core: lengths do not fit the utterances");
  }
  abi::Sequences all{};
  all.frames = frames.data();
  all.labels = labels.data();
  all.starts = starts.data();
  all.blank = blank;
  all.all_frames = all_frames;
  all.all_places = lattice ? pred.shape(2) : 1;
  bool fits = all.starts[0] == 0 && all.starts[count] == labels.size();
  for (py::ssize_t n = 0; n < count; ++n) {
    fits &= all.frames[n] >= 0 && all.frames[n] <= all_frames && all.starts[n] <= all.starts[n + 1];
    fits &= !lattice || all.starts[n + 1] - all.starts[n] < all.all_places;
  }
  for (py::ssize_t s = 0; s < labels.size(); ++s) fits &= all.labels[s] >= 0 && all.labels[s] < classes;
  if (!fits) throw py::value_error("fusedloss._core: an utterance is not within the call");
  std::vector<double> work;
  for (py::ssize_t n = 0; n < count; ++n) work.push_back(work_of(all, n, classes, lattice));
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));  // the longest first
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return work[a] > work[b]; });
  all.order = order.data();

  abi::Call call;
  clear(call);
  call.options = plan.options(precision);
  call.scale = scale;
  ItemSpace space(frames, -1);
  space.add(weight, false, false, call.weight);
  space.add(cotangent, false, false, call.cotangent);
  space.add(value, false, true, call.value);
  space.finish(call);
  const std::vector<py::ssize_t> shape(pred.shape(), pred.shape() + pred.ndim());
  const FrameStrides of_pred = describe_frames(pred, axis, shape, false, call.inputs[0]);
  all.pred_stride = of_pred.frame;
  all.pred_place = of_pred.place;
  if (!grad.is_none()) {
    const FrameStrides of_grad = describe_frames(grad, axis, shape, true, call.grad[0]);
    all.grad_stride = of_grad.frame;
    all.grad_place = of_grad.place;
  }
  all.path.layout = all.position.layout = all.entropy.layout = abi::absent;
  if (extra) {
    if (extra->size() != (lattice ? 2 : 3)) throw py::value_error("fusedloss._core: wrong number of by-products");
    const std::vector<py::ssize_t> of_extra{count, lattice ? all.all_places - 1 : all_frames};
    if (!lattice) describe_frames((*extra)[0], 0, of_extra, true, all.path);
    describe_frames((*extra)[extra->size() - 2], 0, of_extra, true, all.position);
    describe_frames((*extra)[extra->size() - 1], 0, of_extra, true, all.entropy);
  }
  call.classes = call.labels = classes;
  call.frames = std::accumulate(work.begin(), work.end(), 0.0) / static_cast<double>(std::max<py::ssize_t>(count, 1)) /
                static_cast<double>(classes);
  call.sequences = &all;
  return execute(kernel, precision, set, call).sum;
}

/// What of an array of maps begins at its first sample, and how far samples are apart.
py::object first_sample(const py::object& maps, std::int64_t samples, std::int64_t& stride) {
  if (maps.is_none()) return maps;
  const auto array = py::reinterpret_borrow<py::array>(maps);
  if (array.ndim() < 1 || array.shape(0) != samples) {
    throw py::value_error("fusedloss._core: an array does not have the samples of the call");
  }
  stride = array.strides(0);
  const std::vector<py::ssize_t> shape(array.shape() + 1, array.shape() + array.ndim());
  const std::vector<py::ssize_t> strides(array.strides() + 1, array.strides() + array.ndim());
  return py::array(array.dtype(), shape, strides, array.data(), array);
}

/// Of what rides along: gamma, smoothing, weights of the positive and the negative term, of classes, and what
/// multiplies the gradient.
using RiderOptions = std::tuple<double, double, double, double, std::optional<py::array_t<double>>, double>;

/// Without `slopes` the sums of each sample and class (overlap, excess, missing), the first sample that is outside the
/// domain or -1, and the weighted sum of what rides along; with them, the gradient, or what `pulled`, derivatives by
/// probabilities, come to. `axis` is the class axis of pred, behind that of the samples.
std::tuple<py::object, std::int64_t, double> run_overlaps(
    const py::capsule& plan_capsule, int precision, const py::array& pred, const py::array& target,
    const py::object& mask, int axis, std::optional<std::int64_t> ignore_index, std::optional<double> ignore,
    const std::optional<py::array_t<double>>& slopes, const py::object& grad, const py::object& pulled,
    const std::optional<RiderOptions>& rider) {
  const Plan& plan = plan_of(plan_capsule);
  const abi::Kernel& kernel = plan.chosen();
  if (kernel.kind != abi::maps || axis < 1 || axis >= pred.ndim() || pred.size() == 0 ||
      slopes.has_value() == grad.is_none()) {
    throw py::value_error("fusedloss._core: no such maps");
  }
  const py::ssize_t samples = pred.shape(0), classes = pred.shape(axis);
  abi::Overlaps all{};
  all.samples = samples;
  all.labels = target.ndim() < pred.ndim();
  abi::Call call;
  clear(call);
  call.options = plan.options(precision);
  call.has_ignore_index = ignore_index.has_value();
  call.ignore_index = ignore_index.value_or(0);
  call.has_ignore = ignore.has_value();
  call.ignore = ignore.value_or(0);
  const py::object first = first_sample(pred, samples, all.pred_stride);
  ItemSpace space(py::reinterpret_borrow<py::array>(first), axis - 1);
  space.add(first, true, false, call.inputs[0]);
  space.add(first_sample(target, samples, all.target_stride), !all.labels, false, call.inputs[1]);
  space.add(first_sample(mask, samples, all.mask_stride), false, false, call.weight);
  space.add(first_sample(grad, samples, all.grad_stride), true, true, call.grad[0]);
  space.add(first_sample(pulled, samples, all.pulled_stride), true, false, call.vector[0]);
  space.finish(call);
  const auto part_aligned = [](abi::Array& array, std::int64_t stride) {
    if (array.layout != abi::absent && stride % item_size(array.dtype) != 0) array.layout = abi::strided;
  };
  part_aligned(call.inputs[0], all.pred_stride);
  part_aligned(call.inputs[1], all.target_stride);
  part_aligned(call.grad[0], all.grad_stride);
  call.labels = classes;
  call.frames = static_cast<double>(samples);
  call.overlaps = &all;
  if (rider) {
    const auto& [gamma, smoothing, positive, negative, class_weight, scale] = *rider;
    all.rides = true;
    all.gamma = gamma;
    all.smoothing = smoothing;
    all.positive = positive;
    all.negative = negative;
    call.class_weight = class_weight ? a_class_each(*class_weight, classes) : nullptr;
    call.scale = scale;
  }
  if (slopes) {
    if (slopes->ndim() != 3 || slopes->shape(0) != samples || slopes->shape(1) != classes || slopes->shape(2) != 2 ||
        !(slopes->flags() & py::array::c_style)) {
      throw py::value_error("fusedloss._core: slopes do not fit the maps");
    }
    all.slopes = slopes->data();
    execute(kernel, precision, abi::value_grad, call);
    return {py::none(), -1, 0.0};
  }
  const std::int64_t tasks = kernel.tasks[precision](&call), blocks = tasks / samples;
  std::vector<double> sums(static_cast<std::size_t>(tasks * classes * 3));
  all.sums = sums.data();
  const Outcome outcome = execute(kernel, precision, abi::value_only, call);
  py::array_t<double> joined({samples, classes, py::ssize_t{3}});
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    for (std::int64_t k = 0; k < classes * 3; ++k) {
      Total total;
      for (std::int64_t block = 0; block < blocks; ++block) {
        total.add(sums[static_cast<std::size_t>((sample * blocks + block) * classes * 3 + k)]);
      }
      joined.mutable_data()[sample * classes * 3 + k] = total.sum + total.residue;
    }
  }
  return {joined, outcome.invalid, outcome.sum};
}

/// Of each image and class of pred (images, classes, ...) the value and the weight of the class's pixels; with
/// `slopes`, which multiply them, gradients; and the first image that is outside the domain or -1. The labels of target
/// have no class axis.
std::pair<py::object, std::int64_t> run_sorted(const py::capsule& plan_capsule, int precision, const py::array& pred,
                                               const py::array& target, const py::object& mask,
                                               std::optional<std::int64_t> ignore_index,
                                               const std::optional<py::array_t<double>>& slopes,
                                               const py::object& grad) {
  const Plan& plan = plan_of(plan_capsule);
  const abi::Kernel& kernel = plan.chosen();
  if (kernel.kind != abi::sorted_pixels || pred.ndim() < 2 || pred.size() == 0 ||
      slopes.has_value() == grad.is_none()) {
    throw py::value_error("fusedloss._core: no such pixels");
  }
  const py::ssize_t images = pred.shape(0), classes = pred.shape(1);
  if (precision == 0 && pred.size() / images / classes > INT32_MAX) {
    throw py::value_error("fusedloss._core: so many pixels need double precision");
  }
  abi::Overlaps all{};
  all.samples = images;
  all.labels = true;
  abi::Call call;
  clear(call);
  call.has_ignore_index = ignore_index.has_value();
  call.ignore_index = ignore_index.value_or(0);
  const py::object first = first_sample(pred, images, all.pred_stride);
  ItemSpace space(py::reinterpret_borrow<py::array>(first), 0, true);  // of equal errors the first one counts as larger
  space.add(first, true, false, call.inputs[0]);
  space.add(first_sample(target, images, all.target_stride), false, false, call.inputs[1]);
  space.add(first_sample(mask, images, all.mask_stride), false, false, call.weight);
  space.add(first_sample(grad, images, all.grad_stride), true, true, call.grad[0]);
  space.finish(call);
  abi::Array& gradient = call.grad[0];
  if (gradient.layout != abi::absent && all.grad_stride % item_size(gradient.dtype) != 0)
    gradient.layout = abi::strided;
  call.labels = classes;
  call.frames = static_cast<double>(images);
  call.overlaps = &all;
  py::array_t<double> found({images, classes, py::ssize_t{2}});
  all.sums = found.mutable_data();
  if (slopes) {
    if (slopes->ndim() != 2 || slopes->shape(0) != images || slopes->shape(1) != classes ||
        !(slopes->flags() & py::array::c_style)) {
      throw py::value_error("fusedloss._core: slopes do not fit the pixels");
    }
    all.slopes = slopes->data();
  }
  const Outcome outcome = execute(kernel, precision, slopes ? abi::value_grad : abi::value_only, call);
  return {found, outcome.invalid};
}

/// An array of samples, channels, rows and columns; a gradient has the shape of the call.
void describe_images(const py::object& object, const abi::Call& call, bool written, abi::Array& to) {
  if (object.is_none()) return;
  const auto array = py::reinterpret_borrow<py::array>(object);
  const bool fits = array.ndim() == 4 && std::equal(array.shape(), array.shape() + 4, call.items.shape);
  if (!fits || (written && !array.writeable())) throw py::value_error("fusedloss._core: no such images");
  to.data = const_cast<void*>(array.data());
  to.dtype = dtype_of(array);
  to.layout = abi::strided;
  std::copy(array.strides(), array.strides() + 4, to.strides);
}

/// The sum of the values of each sample, and gradients where they are asked for. Slopes are (samples, pixels) or
/// (samples, 1); `values` takes the value of each pixel.
py::array_t<double> run_images(const py::capsule& plan_capsule, const py::array& first, const py::object& second,
                               const py::array_t<double, py::array::c_style>& numbers,
                               const std::optional<py::array_t<double>>& slopes, const py::object& grad,
                               const py::object& second_grad, const py::object& values) {
  const Plan& plan = plan_of(plan_capsule);
  const abi::Kernel& kernel = plan.chosen();
  if (kernel.kind != abi::images || first.ndim() != 4 || first.size() == 0) {
    throw py::value_error("fusedloss._core: no such images");
  }
  abi::Images all{};
  abi::Call call;
  clear(call);
  call.options = plan.options(1);  // arithmetic is in double
  call.items.axes = 4;
  call.items.size = first.size();
  std::copy(first.shape(), first.shape() + 4, call.items.shape);
  const std::int64_t samples = first.shape(0), pixels = first.shape(2) * first.shape(3);
  describe_images(first, call, false, call.inputs[0]);
  describe_images(second, call, false, call.inputs[1]);
  describe_images(grad, call, true, call.grad[0]);
  describe_images(second_grad, call, true, call.grad[1]);
  all.numbers = numbers.data();
  all.taps = numbers.size();
  if (slopes) {
    const bool fit =
        slopes->ndim() == 2 && slopes->shape(0) == samples && (slopes->shape(1) == 1 || slopes->shape(1) == pixels);
    if (!fit) throw py::value_error("fusedloss._core: slopes do not fit the images");
    constexpr auto size = static_cast<std::int64_t>(sizeof(double));
    all.slopes = slopes->data();
    all.sample_slope = slopes->strides(0) / size;
    all.pixel_slope = slopes->shape(1) == 1 ? 0 : slopes->strides(1) / size;
  }
  if (!values.is_none()) {
    auto of_pixels = py::reinterpret_borrow<py::array_t<double>>(values);
    if (of_pixels.size() != samples * pixels || !(of_pixels.flags() & py::array::c_style)) {
      throw py::value_error("fusedloss._core: values do not fit the images");
    }
    all.values = of_pixels.mutable_data();
  }
  call.images = &all;
  const bool wide = call.inputs[0].dtype == abi::float64 ||
                    (call.inputs[1].layout != abi::absent && call.inputs[1].dtype == abi::float64);
  const int precision = wide ? 1 : 0;  // what arrays are read as
  const std::int64_t tasks = kernel.tasks[precision](&call), each = tasks / samples;
  std::vector<double> sums(static_cast<std::size_t>(tasks));
  all.sums = sums.data();
  execute(kernel, precision, slopes ? abi::value_grad : abi::value_only, call);
  py::array_t<double> joined(samples);
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    Total total;
    for (std::int64_t k = 0; k < each; ++k) total.add(sums[static_cast<std::size_t>(sample * each + k)]);
    joined.mutable_data()[sample] = total.sum + total.residue;
  }
  return joined;
}

const abi::Kernel& own_kernel(const char* name) { return *runtime::find_kernel(name, runtime::selected()); }

/// The sum of item weights of an elementwise call.
double total_weight(const std::vector<py::ssize_t>& shape, const py::object& weight, const py::object& target,
                    std::optional<double> ignore) {
  abi::Call call;
  clear(call);
  static const double one = 1;
  const py::array ones(py::dtype::of<double>(), shape, std::vector<py::ssize_t>(shape.size(), 0), &one, py::none());
  const py::array lead = weight.is_none() ? (target.is_none() ? ones : py::reinterpret_borrow<py::array>(target))
                                          : py::reinterpret_borrow<py::array>(weight);
  call.has_ignore = ignore.has_value();
  call.ignore = ignore.value_or(0);
  ItemSpace space(lead, -1);
  space.add(ones, false, false, call.inputs[0]);
  space.add(target.is_none() ? py::object(ones) : target, false, false, call.inputs[1]);
  space.add(weight, false, false, call.weight);
  space.finish(call);
  return execute(own_kernel("item_weight"), 1, abi::value_only, call).sum;
}

/// Of each array the sum over its numbers that a kernel takes.
std::vector<double> norms(const char* name, const std::vector<py::array>& arrays) {
  const abi::Kernel& kernel = own_kernel(name);
  std::vector<double> sums;
  for (const py::array& array : arrays) {
    abi::Call call;
    clear(call);
    ItemSpace space(array, -1);
    space.add(array, false, false, call.inputs[0]);
    space.finish(call);
    const abi::DType dtype = call.inputs[0].dtype;
    const bool narrow = dtype == abi::float32 || dtype == abi::float16 || dtype == abi::bfloat16;
    sums.push_back(execute(kernel, narrow ? 0 : 1, abi::value_only, call).sum);
  }
  return sums;
}

/// The sum of the rows' weights, and the first row (in C order) whose label is out of range, or -1.
std::pair<double, std::int64_t> row_weights(const py::array& target, int axis, std::int64_t classes,
                                            const py::object& weight,
                                            const std::optional<py::array_t<double>>& class_weight,
                                            std::optional<std::int64_t> ignore_index, bool labels) {
  abi::Call call;
  clear(call);
  ItemSpace space(target, labels ? -1 : axis);
  space.add(target, !labels, false, call.inputs[1]);
  space.add(weight, false, false, call.weight);
  space.finish(call);
  call.classes = call.labels = classes;
  call.inputs[0] = call.inputs[1];  // decides how rows are cut into tasks; never read
  RowOptions{class_weight, ignore_index}.apply(call);
  const Outcome outcome = execute(own_kernel(labels ? "label_weight" : "target_weight"), 1, abi::value_only, call);
  return {outcome.sum, outcome.invalid < 0 ? -1 : space.c_order(outcome.invalid)};
}

bool is_integer(const py::array& array) {
  const char kind = array.dtype().kind();
  return kind == 'i' || kind == 'u' || kind == 'b';
}

/// `axis` is the class axis of a distribution; without it the target holds labels.
double total_row_weight(const py::array& target, std::optional<int> axis, std::int64_t classes,
                        const py::object& weight, const std::optional<py::array_t<double>>& class_weight,
                        std::optional<std::int64_t> ignore_index) {
  return row_weights(target, axis.value_or(-1), classes, weight, class_weight, ignore_index, !axis).first;
}

std::int64_t scan_labels(const py::array& labels, std::int64_t classes, std::optional<std::int64_t> ignore_index) {
  if (!is_integer(labels)) throw py::type_error("fusedloss._core: labels must be integers");
  return row_weights(labels, -1, classes, py::none(), std::nullopt, ignore_index, true).second;
}

/// The labels of all items one after the other and where those of each begin, of rows of which item n takes the first
/// lengths[n], or of labels that are joined already. Nothing if lengths do not fit, or a label is no class or the
/// blank: what is wrong, Python says.
std::optional<std::pair<py::array_t<std::int64_t>, py::array_t<std::int64_t>>> join_labels(
    const py::array_t<std::int64_t>& labels, const py::array_t<std::int64_t>& lengths, std::int64_t classes,
    std::int64_t blank) {
  const bool rows = labels.ndim() == 2;
  const py::ssize_t count = lengths.ndim() == 1 ? lengths.shape(0) : -1;
  if ((!rows && labels.ndim() != 1) || count < 0 || (rows && labels.shape(0) != count)) return std::nullopt;
  const std::int64_t most = labels.shape(rows ? 1 : 0);
  py::array_t<std::int64_t> starts(count + 1);
  std::int64_t* const start = starts.mutable_data();
  start[0] = 0;
  for (py::ssize_t n = 0; n < count; ++n) {
    const std::int64_t length = *lengths.data(n);
    if (length < 0 || length > most) return std::nullopt;
    start[n + 1] = start[n] + length;
  }
  if (!rows && start[count] != most) return std::nullopt;
  py::array_t<std::int64_t> joined(start[count]);
  std::int64_t* const to = joined.mutable_data();
  const char* const from = reinterpret_cast<const char*>(labels.data());
  bool fits = true;
  for (py::ssize_t n = 0; n < count; ++n) {
    const char* const row = from + (rows ? n * labels.strides(0) : start[n] * labels.strides(0));
    const py::ssize_t step = labels.strides(rows ? 1 : 0);
    for (std::int64_t i = start[n]; i < start[n + 1]; ++i) {
      std::memcpy(&to[i], row + (i - start[n]) * step, sizeof to[i]);
      fits &= to[i] >= 0 && to[i] < classes && to[i] != blank;
    }
  }
  if (!fits) return std::nullopt;
  return std::make_pair(std::move(joined), std::move(starts));
}

// ---- The plain case
// ----------------------------------------------------------------------------------------------------------------

bool enabled = true;

bool same_shape(const NdArray* a, const NdArray* b, int axes) {
  for (int i = 0; i < axes; ++i) {
    if (a->dimensions[i] != b->dimensions[i]) return false;
  }
  return true;
}

void describe(abi::Array& array, const NdArray* from, abi::DType dtype, std::int64_t stride,
              std::int64_t class_stride) {
  array.data = from->data;
  array.dtype = dtype;
  array.layout = abi::contiguous;
  array.strides[0] = stride;
  array.class_stride = class_stride;
}

bool overlap(const NdArray* a, std::int64_t a_bytes, const NdArray* b, std::int64_t b_bytes) {
  const auto first = reinterpret_cast<std::uintptr_t>(a->data), second = reinterpret_cast<std::uintptr_t>(b->data);
  return first < second + static_cast<std::uintptr_t>(b_bytes) && second < first + static_cast<std::uintptr_t>(a_bytes);
}

/// Everything that `fast` decides before it allocates: false sends the call to Python.
struct PlainCall {
  abi::Call call;
  int precision;
  std::int64_t bytes;  ///< of pred
  const NdArray* pred;
  const NdArray* target;

  bool read(const Plan& plan, PyObject* pred_object, PyObject* target_object) {
    const NumPy& numpy = NumPy::get();
    const abi::Kernel& kernel = plan.chosen();
    pred = as_ndarray(pred_object);
    target = as_ndarray(target_object);
    if (pred == nullptr || target == nullptr || !is_plain(pred) || !is_plain(target) || !plan.plain) return false;
    if (pred->descr == numpy.float32) {
      precision = 0;
    } else if (pred->descr == numpy.float64) {
      precision = 1;
    } else {
      return false;
    }
    clear(call);
    const abi::DType dtype = precision == 0 ? abi::float32 : abi::float64;
    const std::int64_t size = precision == 0 ? 4 : 8;
    const bool rows = kernel.kind != abi::elements;
    const bool labels = has_labels(kernel);
    const int axes = pred->nd;
    if (rows && axes < 1) return false;
    if (target->nd != axes - (labels ? 1 : 0) || !same_shape(pred, target, target->nd)) return false;
    abi::DType target_dtype = dtype;
    if (!labels) {
      if (target->descr != pred->descr) return false;
    } else if (target->descr == numpy.int64) {
      target_dtype = abi::int64;
    } else if (target->descr == numpy.int32) {
      target_dtype = abi::int32;
    } else {
      return false;
    }
    std::int64_t items = 1;
    for (int i = 0; i < axes - (rows ? 1 : 0); ++i) items *= pred->dimensions[i];
    call.classes = rows ? pred->dimensions[axes - 1] : 1;
    call.labels = labels_of(kernel, call.classes);
    if (items == 0 || call.classes == 0) return false;
    bytes = items * call.classes * size;
    call.items.size = items;
    call.items.axes = 1;
    call.items.shape[0] = items;
    const std::int64_t step = rows ? call.classes * size : size;
    describe(call.inputs[0], pred, dtype, step, size);
    describe(call.inputs[1], target, target_dtype, labels ? item_size(target_dtype) : step, labels ? 0 : size);
    for (int k = 2; k < kernel.inputs; ++k) {
      call.inputs[k] = call.inputs[0];
      call.inputs[k].data = const_cast<double*>(&plan.parameters[k - 2]);
      call.inputs[k].dtype = abi::float64;
      call.inputs[k].layout = abi::constant;
    }
    call.options = plan.options(precision);
    return true;
  }

  /// An output of pred's shape: the caller's, which may be `own` but not touch `other`, or a new one. Null if it must
  /// be looked at in Python; the reference is new.
  PyObject* output(PyObject* given, abi::Array& to, const NdArray* own, const NdArray* other) {
    PyObject* result = given;
    const NdArray* array;
    if (given == Py_None) {
      const std::vector<py::ssize_t> shape(pred->dimensions, pred->dimensions + pred->nd);
      result = empty(shape, py::reinterpret_borrow<py::dtype>(pred->descr)).release().ptr();
      array = reinterpret_cast<const NdArray*>(result);
    } else {
      array = as_ndarray(given);
      if (array == nullptr || array->descr != pred->descr || !is_plain(array, true) || array->nd != pred->nd ||
          !same_shape(array, pred, pred->nd)) {
        return nullptr;
      }
      if (overlap(array, bytes, other, bytes_of(other))) return nullptr;
      if (array->data != own->data && overlap(array, bytes, own, bytes_of(own))) return nullptr;
      Py_INCREF(result);
    }
    describe(to, array, call.inputs[0].dtype, call.inputs[0].strides[0], call.inputs[0].class_stride);
    return result;
  }

  std::int64_t bytes_of(const NdArray* operand) const {
    return operand == pred ? bytes : call.items.size * call.inputs[1].strides[0];
  }
};

/// A pass over the labels, since nothing may be written if one of them is out of range.
bool labels_in_range(const abi::Call& call) {
  return execute(own_kernel("label_weight"), 1, abi::value_only, call).invalid < 0;
}

py::object run_fast(const Plan& plan, abi::Outputs outputs, PyObject* const* arguments) {
  PlainCall plain;
  if (!enabled || plan.reduction == none || !plain.read(plan, arguments[0], arguments[1])) return py::none();
  const abi::Kernel& kernel = plan.chosen();
  abi::Call& call = plain.call;
  if (has_labels(kernel) && !labels_in_range(call)) return py::none();

  const bool maps = outputs != abi::value_only;
  const bool curved = outputs == abi::grad_hess || outputs == abi::value_grad_hess;
  const bool two = kernel.kind == abi::elements && kernel.variables == 2;  // rows have the one by pred, by default
  if (two && curved) return py::none();
  py::object grad, second_grad, hess;
  if (maps) {
    PyObject *given = arguments[2], *second = Py_None;
    if (two && given != Py_None) {
      if (!PyTuple_CheckExact(given) || PyTuple_GET_SIZE(given) != 2) return py::none();
      second = PyTuple_GET_ITEM(given, 1);
      given = PyTuple_GET_ITEM(given, 0);
    }
    grad = py::reinterpret_steal<py::object>(plain.output(given, call.grad[0], plain.pred, plain.target));
    if (!grad) return py::none();
    if (two) {
      second_grad = py::reinterpret_steal<py::object>(plain.output(second, call.grad[1], plain.target, plain.pred));
      if (!second_grad || overlap(reinterpret_cast<const NdArray*>(grad.ptr()), plain.bytes,
                                  reinterpret_cast<const NdArray*>(second_grad.ptr()), plain.bytes)) {
        return py::none();
      }
    }
  }
  if (curved) {
    hess = py::reinterpret_steal<py::object>(plain.output(arguments[3], call.hess[0], plain.pred, plain.target));
    if (!hess || overlap(reinterpret_cast<const NdArray*>(grad.ptr()), plain.bytes,
                         reinterpret_cast<const NdArray*>(hess.ptr()), plain.bytes)) {
      return py::none();
    }
  }
  double divisor = 1;
  const int axes_of_items = plain.pred->nd - (kernel.kind != abi::elements || plan.vectors ? 1 : 0);
  if (axes_of_items < 0) return py::none();
  if (plan.reduction == mean) divisor = static_cast<double>(call.items.size);
  if (plan.reduction == mean && plan.vectors) divisor /= static_cast<double>(plain.pred->dimensions[axes_of_items]);
  if (plan.reduction == batchmean) {
    if (axes_of_items == 0) return py::none();
    divisor = static_cast<double>(plain.pred->dimensions[0]);
  }
  call.scale = 1 / divisor;
  if (kernel.kind == abi::elements) stage_if_overwritten(call);
  const Outcome outcome = execute(kernel, plain.precision, outputs, call);
  if (outcome.invalid >= 0) return py::none();
  const auto value = [&] { return py::reinterpret_steal<py::object>(PyFloat_FromDouble(outcome.sum / divisor)); };
  const auto pack = [](auto... parts) {
    return py::reinterpret_steal<py::object>(PyTuple_Pack(sizeof...(parts), parts.ptr()...));
  };
  switch (outputs) {
    case abi::value_only:
      return value();
    case abi::value_grad:
      return pack(value(), two ? pack(grad, second_grad) : grad);
    case abi::grad_hess:
      return pack(grad, hess);
    default:
      return pack(value(), grad, hess);
  }
}

/// fast(plan, outputs, pred, target, out, out_hess): METH_FASTCALL, as pybind11's own dispatch costs as much as the
/// loss of 1000 floats.
PyObject* fast(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  if (count != 6) {
    PyErr_SetString(PyExc_TypeError, "fast takes 6 arguments");
    return nullptr;
  }
  if (arguments[0] == Py_None) Py_RETURN_NONE;  // a loss that is not computed here
  const auto* plan = static_cast<const Plan*>(PyCapsule_GetPointer(arguments[0], plan_name));
  if (plan == nullptr) return nullptr;
  const long outputs = PyLong_AsLong(arguments[1]);
  if (outputs < 0 || outputs > abi::value_grad_hess) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no such set of outputs");
    return nullptr;
  }
  try {
    return run_fast(*plan, static_cast<abi::Outputs>(outputs), arguments + 2).release().ptr();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

PyMethodDef fast_definition = {"fast", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(fast)), METH_FASTCALL,
                               nullptr};

}  // namespace

void register_losses(py::module_& module) {
  module.attr("VALUE") = static_cast<int>(abi::value_only);
  module.attr("VALUE_GRAD") = static_cast<int>(abi::value_grad);
  module.attr("GRAD_HESS") = static_cast<int>(abi::grad_hess);
  module.attr("VALUE_GRAD_HESS") = static_cast<int>(abi::value_grad_hess);
  module.attr("HVP") = static_cast<int>(abi::hessian_vector);
  module.attr("MEAN") = static_cast<int>(mean);
  module.attr("SUM") = static_cast<int>(sum);
  module.attr("NONE") = static_cast<int>(none);
  module.attr("BATCHMEAN") = static_cast<int>(batchmean);

  module.def("kernels", [] {
    py::dict all;
    for (const abi::Kernel* kernel : runtime::kernels(runtime::Isa::baseline)) {
      all[kernel->name] = py::make_tuple(kernel->inputs, kernel->variables, kernel->options);
    }
    return all;
  });
  module.def("plan", &make_plan, py::arg("kernel"), py::arg("options"), py::arg("reduction"), py::arg("parameters"),
             py::arg("vectors"));
  module.def("run", &run);
  module.def("run_rows", &run_rows);
  module.def("run_queries", &run_queries);
  module.def("run_sequences", &run_sequences);
  module.def("run_overlaps", &run_overlaps);
  module.def("run_sorted", &run_sorted);
  module.def("run_images", &run_images);
  module.def("norms", &norms);
  module.def("total_weight", &total_weight);
  module.def("total_row_weight", &total_row_weight);
  module.def("scan_labels", &scan_labels);
  module.def("join_labels", &join_labels);
  module.def("empty", &empty);
  module.def("set_enabled", [](bool on) { enabled = on; });
  module.add_object("fast", PyCFunction_New(&fast_definition, nullptr));
}

}  // namespace fusedloss::bindings
