#include "register.hpp"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  module.doc() = "Kernels of fusedloss. Private: its functions trust what the package's Python side has checked.";
  fusedloss::bindings::register_losses(module);
  fusedloss::bindings::register_measures(module);
  fusedloss::bindings::register_runtime(module);
  fusedloss::bindings::register_math(module);
}
