#include "execute.hpp"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "fusedloss/core/lanes.hpp"
#include "runtime/cpu.hpp"
#include "runtime/fpenv.hpp"
#include "runtime/threads.hpp"

namespace fusedloss::bindings {

namespace {

namespace py = pybind11;

/// Below this much work giving up the GIL costs more than other Python threads gain.
constexpr double keep_gil_nanoseconds = 20e3;
/// Between two looks at pending signals.
constexpr double slice_nanoseconds = 50e6;
constexpr std::int64_t tasks_on_stack = 16;

/// Double precision moves twice the bytes; the narrower instruction sets were measured at two and four times AVX-512.
double nanoseconds_per_element(const abi::Kernel& kernel, int precision) {
  const double width = runtime::selected() == runtime::Isa::v4 ? 1 : runtime::selected() == runtime::Isa::v3 ? 2 : 4;
  return kernel.nanoseconds * width * (precision == 0 ? 1 : 2);
}

}  // namespace

double work_of(const abi::Kernel& kernel, int precision, const abi::Call& call) {
  const double elements =
      static_cast<double>(call.items.size) * static_cast<double>(std::max<std::int64_t>(call.classes, 1)) * call.frames;
  return elements * nanoseconds_per_element(kernel, precision);
}

Outcome run_tasks(std::int64_t tasks, double work, int team, std::int64_t scratch_bytes, Task task,
                  const void* context) {
  const double each = work / static_cast<double>(tasks);
  abi::Partial few[tasks_on_stack];
  std::vector<abi::Partial> many;
  abi::Partial* partials = few;
  if (tasks > tasks_on_stack) {
    many.resize(static_cast<std::size_t>(tasks));
    partials = many.data();
  }
  scratch_bytes = (scratch_bytes + 63) / 64 * 64;
  std::unique_ptr<char[]> scratch;
  char* scratch_start = nullptr;
  if (scratch_bytes > 0) {
    scratch.reset(new char[static_cast<std::size_t>(scratch_bytes) * static_cast<std::size_t>(team) + 64]);
    scratch_start = scratch.get() + (64 - reinterpret_cast<std::uintptr_t>(scratch.get()) % 64);
  }

  const auto slice = static_cast<std::int64_t>(std::clamp(slice_nanoseconds / each, 1.0, 1e15));
  std::optional<py::gil_scoped_release> released;
  if (work > keep_gil_nanoseconds) released.emplace();
  for (std::int64_t first = 0; first < tasks; first += slice) {
    if (first > 0) {
      py::gil_scoped_acquire held;
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    const std::int64_t count = std::min(slice, tasks - first);
    runtime::parallel_for(count, each, team, [&](std::int64_t index, int worker) {
      abi::Partial& partial = partials[first + index];
      partial = {0.0, 0.0, -1};
      task(context, first + index, worker, scratch_start + worker * scratch_bytes, partial);
    });
  }
  released.reset();

  const runtime::DefaultFloatingPoint environment;
  Total total;
  double residue = 0;
  std::int64_t invalid = -1;
  for (std::int64_t i = 0; i < tasks; ++i) {
    total.add(partials[i].sum);
    residue += partials[i].residue;
    if (invalid < 0) invalid = partials[i].invalid;
  }
  return {total.sum + (total.residue + residue), invalid};
}

Outcome execute(const abi::Kernel& kernel, int precision, abi::Outputs outputs, const abi::Call& call) {
  const std::int64_t tasks = kernel.tasks[precision](&call);
  if (tasks == 0) return {0.0, -1};
  const double work = work_of(kernel, precision, call);
  struct Context {
    abi::Run run;
    const abi::Call& call;
  } const context{kernel.run[precision][outputs], call};
  const Task task = [](const void* given, std::int64_t index, int, char* scratch, abi::Partial& partial) {
    const Context& each = *static_cast<const Context*>(given);
    each.run(&each.call, index, scratch, &partial);
  };
  const int team = runtime::team_size(tasks, work / static_cast<double>(tasks));
  return run_tasks(tasks, work, team, kernel.scratch_bytes[precision](&call), task, &context);
}

}  // namespace fusedloss::bindings
