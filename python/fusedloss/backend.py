"""Where losses are computed: the extension or the NumPy references; how many threads, which instruction set."""

from __future__ import annotations

import os
import sys
import warnings
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import Array

_missing: ImportError | None = None
if TYPE_CHECKING:
    from . import _core

    core = _core
else:
    try:
        from . import _core as core
    except ImportError as error:
        core, _missing = None, error

VALUE, VALUE_GRAD, GRAD_HESS, VALUE_GRAD_HESS, HVP = range(5)
"""What a call gives; the extension's numbers."""

REDUCTIONS = ("mean", "sum", "none", "batchmean")
"""In the order of the extension's numbers."""

BACKENDS = ("compiled", "numpy")

_compiled = _missing is None


def available() -> bool:
    """Whether there is an extension."""
    return _missing is None


def compiled() -> bool:
    """Whether the extension computes, and not the references."""
    return _compiled


def plan(
    kernel: str,
    options: tuple[float, ...],
    reduction: str,
    parameters: tuple[float, ...] | None,
    *,
    vectors: bool = False,
) -> Any:
    """A loss packed for the extension; None without it.

    Args:
        kernel: Name of its kernel.
        options: What the kernel takes, in its order.
        reduction: One of `REDUCTIONS`.
        parameters: Its parameters that may be arrays, if all are numbers; None keeps calls from the plain case.
        vectors: Whether an item is a vector, the last axis of the operands.
    """
    if not available():
        return None
    return core.plan(kernel, options, REDUCTIONS.index(reduction), parameters, vectors)


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """A new array for results."""
    return core.empty(shape, dtype) if available() else np.empty(shape, dtype)


def _never(*_: object) -> None:
    """The plain case is the extension's: without it there is none."""


fast: Any = core.fast if available() else _never


def _select(name: str) -> None:
    global _compiled
    if name not in BACKENDS:
        raise ValueError(f"the backend must be {' or '.join(map(repr, BACKENDS))}, got {name!r}")
    if name == "compiled" and not available():
        raise ImportError(f"fusedloss: the extension is not available: {_missing}") from _missing
    _compiled = name == "compiled"
    if available():
        core.set_enabled(_compiled)


class _Restoring:
    """A setting that has been made; as a context manager it is taken back at the end."""

    def __init__(self, restore: Any, *before: Any) -> None:
        self._restore, self._before = restore, before

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore(*self._before)


def use_backend(name: str) -> _Restoring:
    """Selects where losses are computed, for the whole process; in a ``with`` statement until its end.

    The variable ``FUSEDLOSS_BACKEND`` does the same from outside.

    Args:
        name: ``"compiled"``, the extension, or ``"numpy"``, the NumPy reference of each loss: the same checks, and the
            same results to rounding.

    Raises:
        ImportError: There is no extension.
        ValueError: `name` is neither.

    Example:
        >>> import fusedloss as fl
        >>> with fl.use_backend("numpy"):
        ...     fl.mse([1.0, 2.0], [0.0, 0.0])
        2.5
    """
    before = BACKENDS[0] if _compiled else BACKENDS[1]
    _select(name)
    return _Restoring(_select, before)


def set_num_threads(n: int) -> None:
    """Sets the number of threads that a call may use, for the whole process. Results do not depend on it.

    Args:
        n: At least 1.
    """
    _exchange_num_threads(n)


def _exchange_num_threads(n: int) -> int:
    """Sets the number of threads and returns the setting before, which a limit in effect may have hidden."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"the number of threads must be an integer, got {n!r}")
    if n < 1:
        raise ValueError(f"the number of threads must be at least 1, got {n}")
    return core.set_num_threads(int(n)) if available() else 1


def get_num_threads() -> int:
    """How many threads a call may use.

    By default as many as there are processors for the process (its affinity and its container's CPU quota), or what
    ``OMP_NUM_THREADS`` says; the NumPy backend uses one.
    """
    return core.get_num_threads() if available() else 1


def num_threads(n: int) -> _Restoring:
    """Sets the number of threads until the end of a ``with`` statement.

    Example:
        >>> import fusedloss as fl
        >>> with fl.num_threads(1):
        ...     fl.mse([1.0, 2.0], [0.0, 0.0])
        2.5
    """
    return _Restoring(_exchange_num_threads, _exchange_num_threads(n))


def show_config() -> None:
    """Prints versions, the backend, the instruction set, and the number of threads."""
    from . import __version__

    rows: dict[str, object] = {
        "fusedloss": __version__,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "backend": "compiled" if _compiled else "numpy",
    }
    if available():
        rows |= core.show_config()
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:{width}}  {', '.join(map(str, value)) if isinstance(value, list) else value}")


def _start() -> None:
    """Settles the backend and the instruction set from the environment."""
    wanted = os.environ.get("FUSEDLOSS_BACKEND")
    if wanted:
        try:
            _select(wanted)
        except ValueError as error:
            raise ValueError(f"FUSEDLOSS_BACKEND: {error}") from None
    elif not available():
        warnings.warn(
            f"fusedloss runs on its NumPy references, which are slower: the extension is not available ({_missing})",
            RuntimeWarning,
            stacklevel=2,
        )
    isa = os.environ.get("FUSEDLOSS_ISA")
    if isa and available():
        try:
            core.select_isa(isa)
        except ValueError as error:
            raise ValueError(f"FUSEDLOSS_ISA: {error}") from None


_start()
