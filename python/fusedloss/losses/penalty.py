"""Penalties of parameters: what regularised losses add to the loss of the data."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..domains import NOT_NEGATIVE, SHARE
from ..kinds.elementwise import Elementwise, constant, times
from ..kinds.parameters import Penalty
from ..operands import Params
from ..options import Real, option


class _Number(Params, Elementwise):
    """l1 |x| + l2 x^2 / 2 of a number x."""

    l1: float = option(default=0.0, accepts=Real(NOT_NEGATIVE))
    l2: float = option(default=0.0, accepts=Real(NOT_NEGATIVE))

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "elastic_net", (self.l1, self.l2)

    def reference(self, *inputs: Array) -> tuple[Array, Array, Array]:
        (x,) = inputs
        bend = times(np.full_like(x, self.l2), x)
        value = times(np.full_like(x, self.l1), np.abs(x)) + times(bend, x) / 2
        return value, self.l1 * np.sign(x) + bend, constant(self.l2, x)


class L1Penalty(Penalty):
    r"""The sum of the sizes of all parameters: it drives the small ones to 0 (the lasso, Tibshirani 1996).

    .. math:: l = \sum_i |x_i|

    The parameters are an array, or a list of arrays of any shapes; the gradient is of the same form. At 0, where there
    is a kink, it is 0; the Hessian is 0 everywhere.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> value, grad = fl.L1Penalty().value_and_grad([np.array([3.0, -4.0]), np.array([[0.0]])])
        >>> value, [x.tolist() for x in grad]
        (7.0, [[1.0, -1.0], [[0.0]]])
        >>> fl.CrossEntropy() + 1e-4 * fl.L1Penalty()
        CrossEntropy() + 0.0001 * L1Penalty()
    """

    def of_numbers(self) -> Elementwise:
        return _Number(l1=1.0)


class L2Penalty(Penalty):
    r"""Half the squared norm of all parameters, whose gradient is the parameters: weight decay.

    .. math:: l = \frac{1}{2} \sum_i x_i^2

    The parameters are an array, or a list of arrays of any shapes; the gradient is of the same form.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.L2Penalty().value_and_grad([3.0, -4.0])
        >>> value, grad.tolist()
        (12.5, [3.0, -4.0])
    """

    def of_numbers(self) -> Elementwise:
        return _Number(l2=1.0)


class ElasticNet(Penalty):
    r"""A mixture of both (Zou and Hastie 2005), with scikit-learn's `l1_ratio`.

    .. math:: l = \rho \sum_i |x_i| + \frac{1 - \rho}{2} \sum_i x_i^2

    The parameters are an array, or a list of arrays of any shapes; the gradient is of the same form, and that of the
    first term 0 at 0.

    Args:
        l1_ratio: rho, the share of the first term; in [0, 1].

    Example:
        >>> import fusedloss as fl
        >>> fl.ElasticNet(l1_ratio=0.5)([3.0, -4.0])
        9.75
    """

    l1_ratio: float = option(default=0.5, accepts=Real(SHARE))

    def of_numbers(self) -> Elementwise:
        return _Number(l1=self.l1_ratio, l2=1 - self.l1_ratio)
