// What each file of bindings adds to the module.
#pragma once

#include <pybind11/pybind11.h>

namespace fusedloss::bindings {

void register_losses(pybind11::module_& module);
void register_measures(pybind11::module_& module);
void register_runtime(pybind11::module_& module);
void register_math(pybind11::module_& module);

}  // namespace fusedloss::bindings
