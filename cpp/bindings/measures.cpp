// Losses of what lies between vectors: values of pairs, the loss of their score, and the way back to the vectors.
//
// Design:
// 1. Each of these passes is a kernel of its own. They are run one after the other over a stretch of items, and then
//    over the next one, so that vectors which the first pass has read lie in a cache for the last.
// 2. A stretch is a call on a part of the arrays. Where their items cannot be counted along one axis, the whole is the
//    only stretch, and each pass is dealt out to the threads by itself.
// 3. Scores are in double. What they are made of is the same for all losses: a constant, and the values of the pairs
//    times factors.
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "execute.hpp"
#include "fusedloss/core/lanes.hpp"
#include "plan.hpp"
#include "register.hpp"
#include "runtime/threads.hpp"

namespace fusedloss::bindings {

namespace {

constexpr int max_pairs = 3;
/// Of the vectors and gradients of a stretch: well within the second-level cache of a core.
constexpr std::int64_t stretch_bytes = 512 << 10;

/// offset + factors[0] v[0] + factors[1] v[1]; if `nearest`, v[2] stands for v[1] where it is less.
struct Score {
  double offset;
  double factors[2];
  bool nearest;
};

/// Numbers of all items, in C order.
struct Numbers {
  double* value[max_pairs];
  double* steep[max_pairs];  ///< the derivative of an item's loss by each value
  double* score;
  double* slope;  ///< and by the score
};

/// The calls of all passes.
struct Passes {
  int pairs;
  abi::Call values[max_pairs];
  abi::Call pulls[max_pairs];
  bool pulled[max_pairs];  ///< whether a gradient by either of a pair is wanted
  abi::Call loss;
};

/// What a stretch needs to know of the whole.
struct Whole {
  const abi::Kernel& measure;
  const abi::Kernel& loss;
  int precision;
  abi::Outputs outputs;
  Score score;
  Numbers numbers;
  Passes passes;
  std::int64_t rows;  ///< of a stretch
  // Of each worker: passes that are moved from stretch to stretch, and whether they are a copy of the whole's yet.
  std::unique_ptr<Passes[]> moving;
  std::unique_ptr<bool[]> copied;

  bool maps() const { return outputs == abi::value_grad; }
};

void make_scores(const Score& score, const Numbers& at, int pairs, std::int64_t first, std::int64_t count) {
  for (std::int64_t i = first; i < first + count; ++i) {
    double sum = score.offset + score.factors[0] * at.value[0][i];
    if (pairs > 1) {
      const double swapped = score.nearest ? at.value[2][i] : at.value[1][i];
      sum += score.factors[1] * (swapped < at.value[1][i] ? swapped : at.value[1][i]);
    }
    at.score[i] = sum;
  }
}

void make_slopes(const Score& score, const Numbers& at, int pairs, std::int64_t first, std::int64_t count) {
  for (std::int64_t i = first; i < first + count; ++i) {
    at.steep[0][i] = score.factors[0] * at.slope[i];
    if (pairs == 1) continue;
    const double steep = score.factors[1] * at.slope[i];
    const bool swaps = score.nearest && at.value[2][i] < at.value[1][i];
    at.steep[1][i] = swaps ? 0 : steep;
    if (score.nearest) at.steep[2][i] = swaps ? steep : 0;
  }
}

/// Makes `part` the items from `first` on of a call along one axis.
void narrow(const abi::Call& whole, std::int64_t first, std::int64_t count, abi::Call& part) {
  part.items.size = part.items.shape[0] = count;
  const auto move = [first](const abi::Array& from, abi::Array& to) {
    if (from.layout != abi::absent) to.data = static_cast<char*>(from.data) + first * from.strides[0];
  };
  for (int k = 0; k < abi::max_inputs; ++k) move(whole.inputs[k], part.inputs[k]);
  for (int k = 0; k < abi::max_variables; ++k) move(whole.grad[k], part.grad[k]);
  move(whole.weight, part.weight);
  move(whole.cotangent, part.cotangent);
  move(whole.value, part.value);
}

/// Runs a call on this thread.
void run_here(const abi::Kernel& kernel, int precision, abi::Outputs outputs, const abi::Call& call, char* scratch,
              abi::Partial& partial) {
  const std::int64_t tasks = kernel.tasks[precision](&call);
  Total total;
  for (std::int64_t task = 0; task < tasks; ++task) {
    abi::Partial one{0.0, 0.0, -1};
    kernel.run[precision][outputs](&call, task, scratch, &one);
    total.add(one.sum);
    total.residue += one.residue;
    if (partial.invalid < 0) partial.invalid = one.invalid;
  }
  partial.sum = total.sum;
  partial.residue = total.residue;
}

/// The loss is in double: so are scores.
constexpr int of_scores = 1;

void run_stretch(const void* context, std::int64_t index, int worker, char* scratch, abi::Partial& partial) {
  const Whole& whole = *static_cast<const Whole*>(context);
  const std::int64_t first = index * whole.rows;
  const std::int64_t count = std::min(whole.rows, whole.passes.loss.items.size - first);
  Passes& passes = whole.moving[worker];
  if (!whole.copied[worker]) passes = whole.passes;
  whole.copied[worker] = true;
  abi::Partial ignored{0.0, 0.0, -1};
  for (int k = 0; k < passes.pairs; ++k) {
    narrow(whole.passes.values[k], first, count, passes.values[k]);
    run_here(whole.measure, whole.precision, abi::value_only, passes.values[k], scratch, ignored);
  }
  make_scores(whole.score, whole.numbers, passes.pairs, first, count);
  narrow(whole.passes.loss, first, count, passes.loss);
  run_here(whole.loss, of_scores, whole.outputs, passes.loss, scratch, partial);
  if (partial.invalid >= 0) partial.invalid += first;
  if (!whole.maps()) return;
  make_slopes(whole.score, whole.numbers, passes.pairs, first, count);
  for (int k = 0; k < passes.pairs; ++k) {
    if (!passes.pulled[k]) continue;
    narrow(whole.passes.pulls[k], first, count, passes.pulls[k]);
    run_here(whole.measure, whole.precision, abi::value_grad, passes.pulls[k], scratch, ignored);
  }
}

Outcome run_by_stretches(Whole& whole, std::int64_t row_bytes) {
  const Passes& passes = whole.passes;
  const std::int64_t items = passes.loss.items.size;
  whole.rows = std::clamp<std::int64_t>(stretch_bytes / std::max<std::int64_t>(row_bytes, 1), 1, items);
  const std::int64_t tasks = (items + whole.rows - 1) / whole.rows;
  const double work =
      passes.pairs * (whole.maps() ? 2 : 1) * work_of(whole.measure, whole.precision, passes.values[0]) +
      work_of(whole.loss, of_scores, passes.loss);
  const int team = runtime::team_size(tasks, work / static_cast<double>(tasks));
  whole.moving.reset(new Passes[static_cast<std::size_t>(team)]);
  whole.copied.reset(new bool[static_cast<std::size_t>(team)]());
  const std::int64_t scratch = std::max(whole.measure.scratch_bytes[whole.precision](&passes.values[0]),
                                        whole.loss.scratch_bytes[of_scores](&passes.loss));
  return run_tasks(tasks, work, team, scratch, run_stretch, &whole);
}

Outcome run_by_passes(const Whole& whole) {
  const Passes& passes = whole.passes;
  const std::int64_t items = passes.loss.items.size;
  for (int k = 0; k < passes.pairs; ++k) execute(whole.measure, whole.precision, abi::value_only, passes.values[k]);
  make_scores(whole.score, whole.numbers, passes.pairs, 0, items);
  const Outcome outcome = execute(whole.loss, of_scores, whole.outputs, passes.loss);
  if (!whole.maps() || outcome.invalid >= 0) return outcome;
  make_slopes(whole.score, whole.numbers, passes.pairs, 0, items);
  for (int k = 0; k < passes.pairs; ++k) {
    if (passes.pulled[k]) execute(whole.measure, whole.precision, abi::value_grad, passes.pulls[k]);
  }
  return outcome;
}

/// The weighted sum of a loss of scores of `pairs` of vectors, and the first item outside its domain or -1; with
/// `grads`, one for each array of vectors or None, gradients. What a pair writes is added to by the next one.
std::pair<double, std::int64_t> run_measures(const py::capsule& measure, const py::capsule& loss, int precision,
                                             const std::vector<py::array>& vectors,
                                             const std::vector<std::pair<int, int>>& pairs, double offset,
                                             const std::vector<double>& factors, bool nearest, const py::array& target,
                                             const py::object& weight, const py::object& cotangent,
                                             const py::object& value,
                                             const std::optional<std::vector<py::object>>& grads, double scale) {
  const Plan &measure_plan = plan_of(measure), &loss_plan = plan_of(loss);
  const std::size_t scored = nearest ? 3 : factors.size();
  if (pairs.empty() || pairs.size() > max_pairs || pairs.size() != scored || factors.size() > 2 ||
      (nearest && factors.size() != 2) || vectors.empty() || (grads && grads->size() != vectors.size()) ||
      loss_plan.chosen().inputs != 2) {
    throw py::value_error("fusedloss._core: pairs do not fit their score");
  }
  for (const auto& [i, j] : pairs) {
    const int count = static_cast<int>(vectors.size());
    if (i < 0 || j < 0 || i >= count || j >= count) throw py::value_error("fusedloss._core: a pair has no vectors");
  }
  const py::array& shaped = vectors[0];
  if (shaped.ndim() < 1) throw py::value_error("fusedloss._core: vectors have values between them");

  Whole whole{measure_plan.chosen(),
              loss_plan.chosen(),
              precision,
              grads ? abi::value_grad : abi::value_only,
              {offset, {factors[0], factors.size() > 1 ? factors[1] : 0.0}, nearest},
              {},
              {},
              0,
              nullptr,
              nullptr};
  Passes& passes = whole.passes;
  passes.pairs = static_cast<int>(pairs.size());
  const std::vector<py::ssize_t> shape(shaped.shape(), shaped.shape() + shaped.ndim() - 1);
  std::vector<py::array_t<double>> owned;
  const auto numbers = [&] {
    owned.emplace_back(shape);
    return owned.back();
  };

  clear(passes.loss);
  passes.loss.options = loss_plan.options(of_scores);
  passes.loss.scale = scale;
  const py::array_t<double> score = numbers(), slope = numbers();
  whole.numbers.score = const_cast<double*>(score.data());
  whole.numbers.slope = const_cast<double*>(slope.data());
  ItemSpace scores(score, -1);
  scores.add(score, false, false, passes.loss.inputs[0]);
  scores.add(target, false, false, passes.loss.inputs[1]);
  scores.add(weight, false, false, passes.loss.weight);
  scores.add(cotangent, false, false, passes.loss.cotangent);
  scores.add(value, false, true, passes.loss.value);
  if (grads) scores.add(slope, false, true, passes.loss.grad[0]);
  scores.finish(passes.loss);

  ItemSpace rows(shaped, static_cast<int>(shaped.ndim()) - 1);
  std::vector<bool> begun(vectors.size(), false);
  std::int64_t row_bytes = 0;
  for (int k = 0; k < passes.pairs; ++k) {
    const auto [i, j] = pairs[static_cast<std::size_t>(k)];
    const py::array_t<double> between = numbers(), steep = numbers();
    whole.numbers.value[k] = const_cast<double*>(between.data());
    whole.numbers.steep[k] = const_cast<double*>(steep.data());
    for (abi::Call* call : {&passes.values[k], &passes.pulls[k]}) {
      clear(*call);
      call->options = measure_plan.options(precision);
      rows.add(vectors[static_cast<std::size_t>(i)], true, false, call->inputs[0]);
      rows.add(vectors[static_cast<std::size_t>(j)], true, false, call->inputs[1]);
      rows.add(between, false, call == &passes.values[k], call->value);
    }
    passes.pulled[k] = false;
    if (grads) {
      const py::object &by_first = (*grads)[static_cast<std::size_t>(i)],
                       &by_second = (*grads)[static_cast<std::size_t>(j)];
      abi::Call& pull = passes.pulls[k];
      rows.add(steep, false, false, pull.cotangent);
      rows.add(by_first, true, true, pull.grad[0]);
      rows.add(by_second, true, true, pull.grad[1]);
      passes.pulled[k] = !by_first.is_none() || !by_second.is_none();
      pull.adds = begun[static_cast<std::size_t>(i)];
      pull.adds_second = begun[static_cast<std::size_t>(j)];
    }
    begun[static_cast<std::size_t>(i)] = begun[static_cast<std::size_t>(j)] = true;
  }
  for (int k = 0; k < passes.pairs; ++k) {
    rows.finish(passes.values[k]);
    passes.pulls[k].items = passes.values[k].items;
    passes.pulls[k].classes = passes.values[k].classes;
  }
  for (const py::array& x : vectors) row_bytes += (grads ? 2 : 1) * rows.classes() * x.itemsize();
  if (passes.loss.items.size == 0) return {0.0, -1};
  const abi::Array& first = passes.values[0].value;
  const bool along_one = passes.loss.items.axes == 1 && passes.values[0].items.axes == 1 &&
                         (passes.loss.items.size == 1 || first.strides[0] == sizeof(double));
  const Outcome outcome = along_one ? run_by_stretches(whole, row_bytes) : run_by_passes(whole);
  return {outcome.sum, outcome.invalid < 0 ? -1 : scores.c_order(outcome.invalid)};
}

}  // namespace

void register_measures(py::module_& module) { module.def("run_measures", &run_measures); }

}  // namespace fusedloss::bindings
