// NumPy arrays as the kernels see them.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <vector>

#include "fusedloss/core/call.hpp"

namespace fusedloss::bindings {

namespace py = pybind11;

/// The layout of an ndarray, read directly: pybind11's own accessors would take a reference and a call each.
using NdArray = py::detail::PyArray_Proxy;

/// What is asked for once: ndarray's type and NumPy's own descriptors, which plain arrays share.
struct NumPy {
  PyTypeObject* array;
  PyObject* float32;
  PyObject* float64;
  PyObject* int64;
  PyObject* int32;
  static const NumPy& get();
};

/// The exact ndarray behind `object`, or null for anything else, subclasses too.
inline const NdArray* as_ndarray(PyObject* object) {
  return Py_TYPE(object) == NumPy::get().array ? reinterpret_cast<const NdArray*>(object) : nullptr;
}

/// Whether the array is C-contiguous and aligned, and writeable if asked.
inline bool is_plain(const NdArray* array, bool writeable = false) {
  constexpr int contiguous = 0x1, aligned = 0x100, may_write = 0x400;
  const int wanted = contiguous | aligned | (writeable ? may_write : 0);
  return (array->flags & wanted) == wanted;
}

/// The element type; raises TypeError for one that no kernel reads.
abi::DType dtype_of(const py::array& array);
std::int64_t item_size(abi::DType dtype);

/// A new C-contiguous array. Large ones come from a pool of warm buffers, to which they return when they are dropped.
py::array empty(const std::vector<py::ssize_t>& shape, const py::dtype& dtype);

/// The space of a call's items, put together array by array. Axes are ordered by how the first array lies in memory and
/// merged where all arrays allow.
class ItemSpace {
 public:
  /// `axis` is the class axis of arrays that have one, or -1 for elementwise calls. `in_order`: axes keep theirs, for
  /// items whose order matters.
  ItemSpace(const py::array& first, int axis, bool in_order = false);

  /// `has_classes`: the array has the class axis too. Raises ValueError if its shape does not fit, or it must be
  /// written and cannot be.
  void add(const py::object& array, bool has_classes, bool written, abi::Array& to);

  /// Writes the space and all arrays' strides; after the last add.
  void finish(abi::Call& call) const;

  std::int64_t classes() const { return classes_; }

  /// The index in C order of an item counted in the order of the space.
  std::int64_t c_order(std::int64_t item) const;

 private:
  struct Member {
    abi::Array* array;
    std::vector<std::int64_t> strides;  // in the space's order
  };
  std::vector<int> order_;             // item axes, outermost first
  std::vector<std::int64_t> shape_;    // in that order
  std::vector<std::int64_t> c_steps_;  // of each, in C order
  std::vector<Member> members_;
  std::vector<py::ssize_t> item_shape_;
  int axis_;
  std::int64_t classes_ = 1;
};

}  // namespace fusedloss::bindings
