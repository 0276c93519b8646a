// The vector math, for the tests: each function of each instruction set over arrays.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "register.hpp"
#include "runtime/cpu.hpp"
#include "runtime/math_table.hpp"

extern "C" const FusedlossMathTable fusedloss_math_baseline;
#if defined(FUSEDLOSS_X86_LEVELS)
extern "C" const FusedlossMathTable fusedloss_math_v3;
extern "C" const FusedlossMathTable fusedloss_math_v4;
#endif

namespace fusedloss::bindings {

namespace py = pybind11;

namespace {

const FusedlossMathTable& table(const std::string& isa) {
#if defined(FUSEDLOSS_X86_LEVELS)
  if (isa == "v3" && runtime::supported(runtime::Isa::v3)) return fusedloss_math_v3;
  if (isa == "v4" && runtime::supported(runtime::Isa::v4)) return fusedloss_math_v4;
#endif
  if (isa == "baseline") return fusedloss_math_baseline;
  throw py::value_error("instruction set '" + isa + "' is not available here");
}

template <class T, class Function>
py::array evaluate(Function function, const py::array& x, const py::object& y) {
  const auto first = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(x);
  py::array_t<T, py::array::c_style | py::array::forcecast> second;
  if (!y.is_none()) {
    second = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(y);
    if (second.size() != first.size()) throw py::value_error("x and y must have one size");
  }
  py::array_t<T> result(std::vector<py::ssize_t>(first.shape(), first.shape() + first.ndim()));
  function(first.data(), y.is_none() ? nullptr : second.data(), result.mutable_data(), first.size());
  return std::move(result);
}

py::array math_eval(const std::string& name, const std::string& isa, const py::array& x, const py::object& y) {
  const FusedlossMathTable& rows = table(isa);
  for (int i = 0; i < rows.size; ++i) {
    const FusedlossMathRow& row = rows.rows[i];
    if (name != row.name) continue;
    if (y.is_none() != (row.arguments == 1)) throw py::value_error(name + " takes another number of arguments");
    return x.dtype().itemsize() == 4 ? evaluate<float>(row.float32, x, y) : evaluate<double>(row.float64, x, y);
  }
  throw py::key_error("no function is called " + name);
}

}  // namespace

void register_math(py::module_& module) {
  module.def("math_functions", [] {
    std::vector<std::string> names;
    const FusedlossMathTable& rows = table("baseline");
    for (int i = 0; i < rows.size; ++i) names.emplace_back(rows.rows[i].name);
    return names;
  });
  module.def("math_eval", &math_eval, py::arg("name"), py::arg("isa"), py::arg("x"), py::arg("y") = py::none());
}

}  // namespace fusedloss::bindings
