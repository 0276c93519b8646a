// A loss packed for calls, and calls with nothing in them yet.
#pragma once

#include <pybind11/pybind11.h>

#include <limits>

#include "fusedloss/core/call.hpp"
#include "runtime/dispatch.hpp"

namespace fusedloss::bindings {

namespace py = pybind11;

enum Reduction { mean, sum, none, batchmean };

constexpr int max_options = 16;
constexpr int isas = 3;

/// A loss packed for calls: its kernel for each instruction set, its options in both precisions.
struct Plan {
  const abi::Kernel* kernel[isas];
  float float32[max_options];
  double float64[max_options];
  double parameters[abi::max_inputs];
  bool plain;    ///< whether `fast` may take calls: nothing but `parameters` sets them apart
  bool vectors;  ///< whether the last axis of the operands is added up: an item is a vector
  Reduction reduction;

  const abi::Kernel& chosen() const { return *kernel[static_cast<int>(runtime::selected())]; }
  const void* options(int precision) const {
    return precision == 0 ? static_cast<const void*>(float32) : static_cast<const void*>(float64);
  }
};

inline const Plan& plan_of(const py::capsule& capsule) { return *capsule.get_pointer<Plan>(); }

/// A call with nothing in it yet.
inline void clear(abi::Call& call) {
  for (abi::Array& array : call.inputs) array.layout = abi::absent;
  for (abi::Array& array : call.vector) array.layout = abi::absent;
  for (abi::Array& array : call.grad) array.layout = abi::absent;
  for (abi::Array& array : call.hess) array.layout = abi::absent;
  call.weight.layout = call.cotangent.layout = call.value.layout = abi::absent;
  call.options = nullptr;
  call.scale = 1;
  call.hess_floor = -std::numeric_limits<double>::infinity();
  call.hess_ceiling = std::numeric_limits<double>::infinity();
  call.hess_factor = 1;
  call.hess_is_slope = false;
  call.adds = call.adds_second = call.has_ignore = call.has_ignore_index = false;
  call.ignore = 0;
  call.ignore_index = 0;
  call.class_weight = nullptr;
  call.class_factor = nullptr;
  call.logits = nullptr;
  call.wants_extra = false;
  for (abi::Array& array : call.extra) array.layout = abi::absent;
  call.classes = call.labels = 1;
  call.starts = nullptr;
  call.frames = 1;
  call.sequences = nullptr;
  call.overlaps = nullptr;
  call.images = nullptr;
}

}  // namespace fusedloss::bindings
