"""Fits a line whose misses upwards cost more, with the loss of this folder; `pip install .` builds it."""

import asymmetric_loss
import numpy as np

import fusedloss as fl

A = 2.0
rng = np.random.default_rng(0)
x = np.column_stack([np.ones(1000), rng.uniform(-1, 1, 1000)])
y = x @ [1.0, 3.0] + rng.normal(0, 0.5, 1000)

# The same formula in NumPy tells whether the derivatives are those of the value, and what the C++ is worth.
in_numpy = fl.Custom(
    lambda z, t: np.expm1(A * (z - t)) - A * (z - t),
    lambda z, t: A * np.expm1(A * (z - t)),
    lambda z, t: A * A * np.exp(A * (z - t)),
)
pred = x @ [0.5, 2.0]
print(fl.check_gradient(in_numpy, pred, y))
value, grad = asymmetric_loss.value_and_grad(pred, y, a=A)
expected, expected_grad = in_numpy.value_and_grad(pred, y)
print(f"largest relative difference: {np.max(np.abs(grad - expected_grad)) / np.max(np.abs(grad)):.1e}")
assert np.isclose(value, expected, rtol=1e-13)

w = np.zeros(2)
for _ in range(2000):
    value, grad = asymmetric_loss.value_and_grad(x @ w, y, a=A)
    w -= 0.05 * (x.T @ grad)
print(f"loss {value:.4f}, line {w[0]:.3f} + {w[1]:.3f} x, below the data in {np.mean(x @ w < y):.0%} of points")
