// Threads, instruction sets, the pool.
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "register.hpp"
#include "runtime/cpu.hpp"
#include "runtime/dispatch.hpp"
#include "runtime/pool.hpp"
#include "runtime/threads.hpp"

namespace fusedloss::bindings {

namespace py = pybind11;

namespace {

constexpr runtime::Isa all_isas[] = {runtime::Isa::baseline, runtime::Isa::v3, runtime::Isa::v4};

std::vector<std::string> supported_isas() {
  std::vector<std::string> names;
  for (const runtime::Isa isa : all_isas) {
    if (runtime::supported(isa) && !runtime::kernels(isa).empty()) names.emplace_back(runtime::name(isa));
  }
  return names;
}

void select_isa(const std::string& name) {
  std::string known;
  for (const std::string& each : supported_isas()) {
    if (each == name && runtime::select(name.c_str())) return;
    known += known.empty() ? each : ", " + each;
  }
  throw py::value_error("instruction set '" + name + "' is not available here; available: " + known);
}

py::dict show_config() {
  py::dict config;
  config["cpu"] = runtime::cpu_description();
  config["isa"] = runtime::name(runtime::selected());
  config["supported_isas"] = supported_isas();
  config["threads"] = runtime::num_threads();
  config["available_threads"] = runtime::available_threads();
#if defined(_OPENMP)
  config["openmp"] = true;
#else
  config["openmp"] = false;
#endif
#if defined(__clang__)
  config["compiler"] = "clang " __clang_version__;
#else
  config["compiler"] = "g++ " __VERSION__;
#endif
  return config;
}

}  // namespace

void register_runtime(py::module_& module) {
  module.def("isa", [] { return runtime::name(runtime::selected()); });
  module.def("supported_isas", &supported_isas);
  module.def("select_isa", &select_isa);
  module.def("get_num_threads", &runtime::num_threads);
  module.def("set_num_threads", &runtime::set_num_threads);
  module.def("show_config", &show_config);
  module.def("cgroup_quota", &runtime::cgroup_quota);
  module.def("pool_held", &runtime::held);
  module.def("pool_clear", &runtime::clear);
}

}  // namespace fusedloss::bindings
