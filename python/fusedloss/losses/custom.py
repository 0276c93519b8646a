"""A loss of the user's own functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..arrays import Array
from ..backend import GRAD_HESS, HVP, VALUE, VALUE_GRAD_HESS
from ..kinds.blocks import run_in_blocks
from ..kinds.elementwise import Elementwise
from ..kinds.kind import Batch, Pass
from ..operands import PredTarget
from ..options import Function, Maybe, option

Formula: TypeAlias = Callable[[Array, Array], Any]


class Custom(PredTarget, Elementwise):
    r"""A loss that acts element by element, of functions written in NumPy.

    .. math:: l = f(z, y), \quad \frac{\partial l}{\partial z} = f'(z, y), \quad \frac{\partial^2 l}{\partial z^2} =
       f''(z, y)

    Each function takes arrays of pred and of the target and gives an array of their shape. They get blocks of
    float64, whatever the operands are, so that what they make on the way stays in the cache; they must treat
    every element by itself. Weights, reductions, cotangents, `out` and all the rest are those of any other loss. Blocks
    are dealt out to threads: NumPy's functions then run at once. A sum of `Custom` and other losses is a loss too. To
    be pickled, the functions must be found by name in a module. `fl.check_gradient` tells whether they belong together.

    Args:
        value: f.
        derivative: Its derivative by pred.
        second: Its second derivative; without it there is no Hessian.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        TypeError: What is given is not a function.
        ValueError: A function gives an array of another shape.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> quartic = fl.Custom(lambda z, y: (z - y) ** 4, lambda z, y: 4 * (z - y) ** 3)
        >>> value, grad = quartic.value_and_grad([2.0, 1.0], [0.0, 0.0], sample_weight=[1, 3])
        >>> value, grad.tolist()
        (4.75, [8.0, 3.0])
    """

    value: Formula = option(default=dataclasses.MISSING, accepts=Function())
    derivative: Formula = option(default=dataclasses.MISSING, accepts=Function())
    second: Formula | None = option(default=None, accepts=Maybe(Function()))

    def __init__(
        self, value: Formula, derivative: Formula, second: Formula | None = None, *, reduction: Any = "mean"
    ) -> None:
        for name, given in (("value", value), ("derivative", derivative), ("second", second), ("reduction", reduction)):
            object.__setattr__(self, name, given)
        self.__post_init__()

    def _make_plan(self) -> Any:
        if self.second is None:
            object.__setattr__(self, "orders", ("value", "grad"))
            object.__setattr__(self, "hessians", ("exact",))

    def _derivatives(self, outputs: int, inputs: list[Array]) -> tuple[Array, Array, Array]:
        nothing = np.zeros_like(inputs[0])
        value = grad = hess = nothing
        if outputs not in (GRAD_HESS, HVP):
            value = self._result("value", inputs)
        if outputs not in (VALUE, HVP):
            grad = self._result("derivative", inputs)
        if outputs in (GRAD_HESS, VALUE_GRAD_HESS, HVP):
            hess = self._result("second", inputs)
        return value, grad, hess

    def _result(self, name: str, inputs: list[Array]) -> Array:
        result = np.asarray(getattr(self, name)(*inputs), dtype=np.float64)
        if result.shape != inputs[0].shape:
            raise ValueError(
                f"Custom: {name} must give an array of the shape of its arguments, {inputs[0].shape}; "
                f"it gave {result.shape}"
            )
        return result

    def _run(self, batch: Batch, job: Pass) -> tuple[float, int]:
        return run_in_blocks(batch, job, self._run_reference)
