"""The types of arguments and results."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt


class SupportsDLPack(Protocol):
    """An array of another library, read where it lies if that is the memory of the CPU."""

    def __dlpack__(self, *, stream: None = ...) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...


Array: TypeAlias = npt.NDArray[Any]
ArrayLike: TypeAlias = npt.ArrayLike | SupportsDLPack
Value: TypeAlias = Any
"""A Python float, or with ``reduction="none"`` an array: no annotation can say how a type depends on an option."""

Reduction: TypeAlias = Literal["mean", "sum", "none", "batchmean"]
Labels: TypeAlias = Literal["pm1", "01"]
Hinges: TypeAlias = Literal["crammer_singer", "weston_watkins"]
Mask: TypeAlias = npt.NDArray[np.bool_]
