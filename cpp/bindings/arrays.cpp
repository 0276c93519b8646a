#include "arrays.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "runtime/pool.hpp"

namespace fusedloss::bindings {

const NumPy& NumPy::get() {
  static const NumPy instance = [] {
    NumPy numpy;
    numpy.array =
        reinterpret_cast<PyTypeObject*>(py::object(py::module_::import("numpy").attr("ndarray")).release().ptr());
    numpy.float32 = py::dtype::of<float>().release().ptr();
    numpy.float64 = py::dtype::of<double>().release().ptr();
    numpy.int64 = py::dtype::of<std::int64_t>().release().ptr();
    numpy.int32 = py::dtype::of<std::int32_t>().release().ptr();
    return numpy;
  }();
  return instance;
}

std::int64_t item_size(abi::DType dtype) {
  switch (dtype) {
    case abi::boolean:
    case abi::int8:
    case abi::uint8:
      return 1;
    case abi::float16:
    case abi::bfloat16:
    case abi::int16:
    case abi::uint16:
      return 2;
    case abi::float32:
    case abi::int32:
    case abi::uint32:
      return 4;
    default:
      return 8;
  }
}

abi::DType dtype_of(const py::array& array) {
  const py::dtype dtype = array.dtype();
  const char kind = dtype.kind();
  const auto size = dtype.itemsize();
  const char order = dtype.byteorder();
  if (order == '=' || order == '|' || order == (PY_LITTLE_ENDIAN ? '<' : '>')) {
    if (kind == 'f' && size == 2) return abi::float16;
    if (kind == 'f' && size == 4) return abi::float32;
    if (kind == 'f' && size == 8) return abi::float64;
    if (kind == 'b') return abi::boolean;
    if (kind == 'i' && size == 1) return abi::int8;
    if (kind == 'i' && size == 2) return abi::int16;
    if (kind == 'i' && size == 4) return abi::int32;
    if (kind == 'i' && size == 8) return abi::int64;
    if (kind == 'u' && size == 1) return abi::uint8;
    if (kind == 'u' && size == 2) return abi::uint16;
    if (kind == 'u' && size == 4) return abi::uint32;
    if (kind == 'u' && size == 8) return abi::uint64;
    if (size == 2 && dtype.attr("name").cast<std::string>() == "bfloat16") return abi::bfloat16;
  }
  throw py::type_error("fusedloss._core: no kernel reads arrays of dtype " +
                       py::str(static_cast<py::handle>(dtype)).cast<std::string>());
}

py::array empty(const std::vector<py::ssize_t>& shape, const py::dtype& dtype) {
  std::size_t bytes = static_cast<std::size_t>(dtype.itemsize());
  for (const py::ssize_t length : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(length), &bytes)) throw std::bad_alloc();
  }
  if (bytes < runtime::pool_threshold) return py::array(dtype, shape);
  const runtime::Buffer buffer = runtime::acquire(bytes);
  auto* kept = new runtime::Buffer(buffer);
  const py::capsule owner(kept, [](void* pointer) {
    auto* held = static_cast<runtime::Buffer*>(pointer);
    runtime::release(*held);
    delete held;
  });
  return py::array(dtype, shape, {}, buffer.data, owner);
}

ItemSpace::ItemSpace(const py::array& first, int axis, bool in_order) : axis_(axis) {
  for (int i = 0; i < first.ndim(); ++i) {
    if (i == axis) {
      classes_ = first.shape(i);
    } else {
      item_shape_.push_back(first.shape(i));
    }
  }
  const int axes = static_cast<int>(item_shape_.size());
  std::vector<std::int64_t> steps(axes), distance(axes);
  std::int64_t step = 1;
  for (int i = axes - 1; i >= 0; --i) {
    steps[i] = step;
    step *= item_shape_[i];
    distance[i] = std::abs(first.strides(axis >= 0 && i >= axis ? i + 1 : i));
  }
  std::vector<int> all(axes);
  std::iota(all.begin(), all.end(), 0);
  if (!in_order) std::stable_sort(all.begin(), all.end(), [&](int a, int b) { return distance[a] > distance[b]; });
  for (const int i : all) {
    if (item_shape_[i] == 1) continue;
    order_.push_back(i);
    shape_.push_back(item_shape_[i]);
    c_steps_.push_back(steps[i]);
  }
}

void ItemSpace::add(const py::object& object, bool has_classes, bool written, abi::Array& to) {
  if (object.is_none()) {
    to.layout = abi::absent;
    return;
  }
  const auto array = py::reinterpret_borrow<py::array>(object);
  const int skip = has_classes ? axis_ : -1;
  const int axes = static_cast<int>(array.ndim()) - (skip >= 0 ? 1 : 0);
  bool fits = axes == static_cast<int>(item_shape_.size()) && (skip < 0 || array.shape(skip) == classes_);
  for (int i = 0; fits && i < axes; ++i) fits = array.shape(skip >= 0 && i >= skip ? i + 1 : i) == item_shape_[i];
  if (!fits) throw py::value_error("fusedloss._core: an array does not have the shape of the call");
  if (written && !array.writeable()) throw py::value_error("fusedloss._core: an output is read-only");

  to.data = const_cast<void*>(array.data());
  to.dtype = dtype_of(array);
  to.class_stride = skip >= 0 ? array.strides(skip) : 0;
  const std::int64_t size = item_size(to.dtype);
  const bool aligned =
      reinterpret_cast<std::uintptr_t>(to.data) % static_cast<std::uintptr_t>(size) == 0 && to.class_stride % size == 0;
  to.layout = aligned ? abi::contiguous : abi::strided;  // until the axes are merged
  Member member{&to, {}};
  for (const int i : order_) {
    member.strides.push_back(array.strides(skip >= 0 && i >= skip ? i + 1 : i));
    if (member.strides.back() % size != 0) to.layout = abi::strided;
  }
  members_.push_back(std::move(member));
}

void ItemSpace::finish(abi::Call& call) const {
  call.classes = classes_;
  call.items.size = 1;
  for (const std::int64_t length : shape_) call.items.size *= length;

  // Merge an axis into the one outside it where every array steps through both as through one.
  std::vector<std::size_t> inner;  // the innermost original axis of each merged one
  std::vector<std::int64_t> shape;
  for (std::size_t i = 0; i < shape_.size(); ++i) {
    const bool merges = !shape.empty() && std::all_of(members_.begin(), members_.end(), [&](const Member& member) {
      return member.strides[i - 1] == member.strides[i] * shape_[i];
    });
    if (merges) {
      shape.back() *= shape_[i];
      inner.back() = i;
    } else {
      shape.push_back(shape_[i]);
      inner.push_back(i);
    }
  }
  const bool single = shape.empty();  // one item
  call.items.axes = single ? 1 : static_cast<std::int32_t>(shape.size());
  if (call.items.axes > abi::max_axes) throw py::value_error("fusedloss._core: too many axes");
  call.items.shape[0] = 1;
  std::copy(shape.begin(), shape.end(), call.items.shape);

  for (const Member& member : members_) {
    abi::Array& array = *member.array;
    const std::int64_t size = item_size(array.dtype);
    array.strides[0] = size;
    for (std::size_t i = 0; i < inner.size(); ++i) array.strides[i] = member.strides[inner[i]];
    const bool still =
        !single && std::all_of(inner.begin(), inner.end(), [&](std::size_t i) { return member.strides[i] == 0; });
    if (axis_ >= 0) continue;  // rows look at their class stride
    if (still) {
      array.layout = abi::constant;
    } else if (array.layout == abi::contiguous && !(call.items.axes == 1 && array.strides[0] == size)) {
      array.layout = abi::strided;
    }
  }
}

std::int64_t ItemSpace::c_order(std::int64_t item) const {
  std::int64_t index = 0;
  for (std::size_t i = shape_.size(); i-- > 0;) {
    index += item % shape_[i] * c_steps_[i];
    item /= shape_[i];
  }
  return index;
}

}  // namespace fusedloss::bindings
