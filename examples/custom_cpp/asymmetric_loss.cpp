// The binding: arrays come in, `fusedloss::pointwise_kernel` runs the loss over them as it runs fusedloss's own, with
// its blocks, its weights and its order of sums.
#include "asymmetric_loss.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <fusedloss/kinds/pointwise.hpp>
#include <stdexcept>
#include <utility>

namespace py = pybind11;
namespace plain = fusedloss::abi;

namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style>;

/// All items of a contiguous array, or nothing.
template <class T>
plain::Array described(T* data) {
  plain::Array array{};
  array.data = const_cast<std::remove_const_t<T>*>(data);
  array.dtype = fusedloss::dtype_of<std::remove_const_t<T>>;
  array.layout = data == nullptr ? plain::absent : plain::contiguous;
  array.strides[0] = sizeof(T);
  return array;
}

/// The mean over all elements and its gradient.
template <class T>
std::pair<double, Array<T>> value_and_grad(const Array<T>& pred, const Array<T>& target, double a) {
  const py::ssize_t size = pred.size();
  if (target.size() != size || size == 0) throw std::invalid_argument("pred and target must have the same size, not 0");
  Array<T> grad(std::vector<py::ssize_t>(pred.shape(), pred.shape() + pred.ndim()));

  const fusedloss::Linex::Options<T> options{static_cast<T>(a)};
  plain::Call call{};
  call.items.size = size;
  call.items.axes = 1;
  call.items.shape[0] = size;
  call.inputs[0] = described(pred.data());
  call.inputs[1] = described(target.data());
  call.grad[0] = described(grad.mutable_data());
  call.options = &options;
  call.scale = 1.0 / static_cast<double>(size);  // of the derivatives
  call.hess_floor = -fusedloss::infinity<double>;
  call.hess_ceiling = fusedloss::infinity<double>;

  constexpr plain::Kernel kernel = fusedloss::pointwise_kernel<fusedloss::Linex>();
  constexpr int precision = sizeof(T) == 4 ? 0 : 1;
  double sum = 0;
  {
    const py::gil_scoped_release released;
    const std::int64_t tasks = kernel.tasks[precision](&call);
    for (std::int64_t task = 0; task < tasks; ++task) {  // in any order, on any threads; sums are added in this one
      plain::Partial part{0, 0, -1};
      kernel.run[precision][plain::value_grad](&call, task, nullptr, &part);
      sum += part.sum + part.residue;
    }
  }
  return {sum / static_cast<double>(size), grad};
}

}  // namespace

PYBIND11_MODULE(asymmetric_loss, m) {
  m.doc() = "The LINEX loss: value_and_grad(pred, target, a) gives the mean of e^(a r) - a r - 1, and its gradient.";
  m.def("value_and_grad", &value_and_grad<float>, py::arg("pred").noconvert(), py::arg("target").noconvert(),
        py::arg("a") = 1.0);
  m.def("value_and_grad", &value_and_grad<double>, py::arg("pred"), py::arg("target"), py::arg("a") = 1.0);
}
