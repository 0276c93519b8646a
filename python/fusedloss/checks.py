"""The checks of operands and their messages. All are made before anything is written.

Design:
1. An argument that cannot be used is named with what was given, what is accepted and, where it is known, the way out.
2. Nothing is copied but for a type that kernels do not read (lists, foreign byte order); they read any memory layout.
3. A foreign array is read where it lies; one outside the CPU's memory is refused rather than transferred in silence.
"""

from __future__ import annotations

import contextlib
import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import backend
from .arrays import Array, ArrayLike, Mask
from .domains import Domain

_CPU_DEVICES = (1, 3, 11, 13)  # DLPack: CPU, and host memory pinned by CUDA, ROCm, or managed by CUDA
_CHECKED_AT_ONCE = 65_536  # elements of what takes temporaries to be checked
_MAX_OVERLAP_WORK: Any = 10_000  # the exact answer whether two arrays share memory may take exponentially many steps


def is_float(dtype: np.dtype[Any]) -> bool:
    """float16, bfloat16, float32 or float64."""
    if dtype.kind == "f":
        return dtype.itemsize <= 8
    return dtype.kind == "V" and dtype.name == "bfloat16"  # the name of a type takes microseconds to make


def precision(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """That of the arithmetic: float64 for float64, otherwise float32."""
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def array(x: ArrayLike, name: str) -> Array:
    """The operand as a NumPy array of a real type in native byte order, without a copy where that is possible.

    Raises:
        TypeError: Its elements are not real numbers, it is not in the CPU's memory, it is a masked array or a matrix.
        ValueError: It is a list of lists of different lengths.
    """
    result = x if type(x) is np.ndarray else _converted(x, name)
    dtype = result.dtype
    if not (is_float(dtype) or dtype.kind in "iub"):
        hint = ""
        if dtype.kind == "c":
            hint = f"; take {name}.real, or the real and imaginary parts as one array"
        elif dtype.kind == "f":
            hint = f"; convert it with {name}.astype(np.float64)"
        raise TypeError(f"{name} must hold real numbers (floating, integer or bool), got dtype {dtype}{hint}")
    return result if dtype.isnative else result.astype(dtype.newbyteorder("="))


def _converted(x: Any, name: str) -> Array:
    """What is not exactly an ndarray."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array; give {name}.data, and sample_weight=~{name}.mask")
    if isinstance(x, np.matrix):
        raise TypeError(f"{name} must not be a matrix; give np.asarray({name})")
    if hasattr(x, "__dlpack__") and not isinstance(x, np.ndarray):
        device = int(x.__dlpack_device__()[0])
        if device not in _CPU_DEVICES:
            raise TypeError(
                f"{name} must be in the memory of the CPU, but it is on {_device_name(device)}; move it there"
            )
        with contextlib.suppress(BufferError, RuntimeError):  # where DLPack fails, NumPy's protocol may do or say why
            return np.from_dlpack(x)
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{name} must be an array: {error}") from None
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"{name} cannot be read as an array: {error}") from None


def _device_name(device: int) -> str:
    names = {2: "a CUDA device", 4: "an OpenCL device", 7: "a Vulkan device", 8: "a Metal device", 10: "a ROCm device"}
    return names.get(device, f"DLPack device {device}")


def floating(x: ArrayLike, name: str) -> Array:
    """An operand that has a gradient: integers and bools become float64."""
    result = array(x, name)
    return result if is_float(result.dtype) else result.astype(np.float64)


def same_shape(x: Array, shape: tuple[int, ...], name: str, of: str = "pred") -> None:
    """Raises ValueError unless `x` has the shape; nothing is broadcast."""
    if x.shape == shape:
        return
    hint = ""
    if [n for n in x.shape if n != 1] == [n for n in shape if n != 1]:
        hint = f"; nothing is broadcast, use {name}.reshape({shape})"
    raise ValueError(f"{name} must have the shape of {of}, {shape}, got {x.shape}{hint}")


def not_masked(target: Array, mask: Mask, axis: int | None, ignore: int | None) -> None:
    """Raises ValueError for a target on a class that is left out; `axis` is the class axis of a distribution."""
    rows = max(1, _CHECKED_AT_ONCE // max(1, math.prod(target.shape[1:])))
    for start in range(0, len(target), rows) if target.ndim else (0,):
        part = target[start : start + rows] if target.ndim else target
        if axis is None:
            kept = np.ones(part.shape, bool) if ignore is None else part != ignore
            bad = kept & ~mask[np.where(kept, part, 0)]
        else:
            shape = [1] * target.ndim
            shape[axis] = -1
            bad = (part != 0) & ~(mask[start : start + rows] if axis == 0 else mask).reshape(shape)
        if bad.any():
            at = index(int(np.argmax(bad)), bad.shape)
            at = (at[0] + start, *at[1:]) if at else at
            on = "" if axis is None else "on "
            raise ValueError(f"target {target[at]} at index {at} is {on}a class that class_mask leaves out")


def sample_weight(x: ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
    """The weights as a view of the items' shape."""
    if x is None:
        return None
    weight = array(x, "sample_weight")
    if weight.shape == shape:
        return weight
    missing = len(shape) - weight.ndim
    if missing < 0 or any(n not in (1, items) for n, items in zip(weight.shape, shape, strict=False)):
        raise ValueError(
            f"sample_weight must have the items' shape {shape}, or that of their leading axes, or axes of length 1; "
            f"got {weight.shape}"
        )
    return np.broadcast_to(weight.reshape(weight.shape + (1,) * missing), shape)


def not_negative(weight: Array | None, given: ArrayLike | None) -> None:
    """Raises ValueError for the first weight that is negative or NaN; a pass over items flags these by itself."""
    if weight is not None:
        invalid = ~(weight >= 0)
        if invalid.any():
            error = weight_at_fault(weight, given, index(int(np.argmax(invalid)), weight.shape))
            assert error is not None
            raise error


def cotangent(x: ArrayLike | None, shape: tuple[int, ...], reduction: str) -> tuple[float, Array | None]:
    """A factor for all derivatives, and one for each item."""
    if x is None:
        return 1.0, None
    if isinstance(x, numbers.Real):
        return float(x), None
    result = array(x, "cotangent")
    if result.ndim == 0:
        return float(result), None
    if reduction != "none":
        raise ValueError(
            f'cotangent must be a number, as reduction="{reduction}" gives one value; got shape {result.shape}'
        )
    same_shape(result, shape, "cotangent", "the items")
    return 1.0, result


def denominator(x: float | None, reduction: str) -> float | None:
    """The divisor of a mean."""
    if x is None:
        return None
    if reduction not in ("mean", "batchmean"):
        raise ValueError(f'denominator replaces the divisor of a mean; reduction="{reduction}" has none')
    if isinstance(x, np.ndarray) and x.ndim == 0:
        x = x[()]
    if not isinstance(x, numbers.Real) or isinstance(x, bool):
        raise TypeError(f"denominator must be a number, got {type(x).__name__}")
    if not 0 <= x < math.inf:
        raise ValueError(f"denominator must be >= 0 and finite, got {x}")
    return float(x)


def bound(x: float | None, name: str) -> float | None:
    """A number >= 0."""
    if x is None:
        return None
    if not isinstance(x, numbers.Real) or isinstance(x, bool):
        raise TypeError(f"{name} must be a number, got {type(x).__name__}")
    if not 0 <= x < math.inf:
        raise ValueError(f"{name} must be >= 0 and finite, got {x}")
    return float(x)


def chosen(x: str, words: Sequence[str], name: str) -> None:
    """Raises ValueError unless `x` is one of the words."""
    if x not in words:
        raise ValueError(f"{name} must be {' or '.join(map(repr, words))}, got {x!r}")


def output(x: Any, like: Array, name: str) -> Array:
    """An array to write to.

    Raises:
        TypeError: Not an ndarray, or of a type that cannot take the results.
        ValueError: Of another shape, read-only, or with elements that share memory.
    """
    if type(x) is not np.ndarray and not _is_plain(x):
        raise TypeError(f"{name} must be a NumPy array, got {type(x).__name__}")
    dtype = x.dtype
    if not (dtype == like.dtype or dtype in (np.float32, np.float64)) or not dtype.isnative:
        raise TypeError(f"{name} must be float32 or float64 in native byte order, got dtype {dtype}")
    same_shape(x, like.shape, name)
    result: Array = x
    flags = result.flags
    if not flags.writeable:
        raise ValueError(f"{name} must be writeable, but it is read-only")
    if flags.c_contiguous:
        return result
    reach = x.itemsize
    for stride, n in sorted((abs(stride), n) for stride, n in zip(x.strides, x.shape, strict=True) if n > 1):
        if stride < reach and x.size:  # strides of an empty array may be anything
            raise ValueError(f"{name} must have separate elements, but with strides {x.strides} some share memory")
        reach = stride * (n - 1) + reach
    return result


def _is_plain(x: Any) -> bool:
    return isinstance(x, np.ndarray) and not isinstance(x, (np.ma.MaskedArray, np.matrix))


def no_overlap(x: Array, name: str, others: Sequence[tuple[str, Array | None]], may_be: Array | None = None) -> None:
    """Raises ValueError if an output shares memory with another argument, unless it is exactly `may_be`."""
    for other_name, other in others:
        if other is None or not np.may_share_memory(x, other):
            continue
        if other is may_be and _same_memory(x, other):
            continue
        try:
            shared = np.shares_memory(x, other, max_work=_MAX_OVERLAP_WORK)
        except np.exceptions.TooHardError:
            shared = True
        if shared:
            itself = f"; it may be {other_name} itself" if other is may_be else ""
            raise ValueError(f"{name} must not overlap {other_name}{itself}")


def _same_memory(x: Array, y: Array) -> bool:
    return (
        x.dtype == y.dtype
        and x.shape == y.shape
        and x.strides == y.strides
        and x.__array_interface__["data"][0] == y.__array_interface__["data"][0]
    )


def axis(x: int, pred: Array) -> int:
    """The class axis, counted from the front."""
    if pred.ndim == 0:
        raise ValueError("pred must have a class axis, got a single number")
    if not -pred.ndim <= x < pred.ndim:
        raise ValueError(f"axis {x} is out of range for pred of shape {pred.shape}")
    result = x % pred.ndim
    if pred.shape[result] == 0:
        raise ValueError(f"pred must have at least one class, got shape {pred.shape} with axis={x}")
    return result


def labels(x: Array, name: str = "target") -> Array:
    """Integer labels, bools as 0 and 1."""
    if x.dtype.kind == "b":
        return x.view(np.uint8)
    if x.dtype.kind not in "iu":
        raise TypeError(
            f"{name} holds labels and must be of an integer dtype, got {x.dtype}; use {name}.astype(np.int64)"
        )
    return x


def integers(x: ArrayLike, name: str, what: str) -> Array:
    """An argument that counts or numbers something; `what` says so in the message."""
    result = array(x, name)
    if result.size == 0:  # an empty list has no integer dtype
        return result.astype(np.int64)
    if result.dtype.kind not in "iu":
        raise TypeError(f"{name} holds {what} and must be of an integer dtype, got {result.dtype}")
    return result


def one_axis(x: Array, name: str) -> None:
    """Raises ValueError unless `x` has one axis."""
    if x.ndim != 1:
        raise ValueError(f"{name} must have one axis, got shape {x.shape}")


def labels_in_range(x: Array, classes: int, ignore_index: int | None, name: str = "target") -> None:
    """Raises IndexError for the first label that is neither a class nor ignored."""
    bad = first_outside(x, classes, ignore_index)
    if bad >= 0:
        at = index(bad, x.shape)
        hint = "" if ignore_index is None else f" (ignore_index is {ignore_index})"
        raise IndexError(f"{name} {x[at]} at index {at} is out of range for {classes} classes{hint}")


def first_outside(x: Array, end: int, ignore: int | None = None) -> int:
    """Which integer, counted in C order, is the first one that is not below `end`, or negative, and not `ignore`.

    Returns:
        -1 if there is none.
    """
    if backend.compiled():
        return int(backend.core.scan_labels(x, end, ignore))
    wrong = (x < 0) | (x >= end)
    if ignore is not None:
        wrong &= x != ignore
    return int(np.argmax(wrong)) if wrong.any() else -1


def index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of an element counted in C order."""
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def outside(x: Array, name: str, domain: Domain, at: tuple[int, ...], dtype: np.dtype[Any]) -> ValueError | None:
    """The error for the element at an index, if it is outside the domain in the arithmetic's precision."""
    if domain.contains(np.asarray(x[at], dtype=dtype)):
        return None
    return ValueError(f"{name} must be {domain}, got {x[at]} at index {at}")


def weight_at_fault(weight: Array | None, given: Any, at: tuple[int, ...]) -> ValueError | None:
    """The error for a negative or NaN weight of the item at an index, at its place in the array that was given."""
    if weight is None or weight[at] >= 0:
        return None
    own = tuple(0 if n == 1 else i for i, n in zip(at, np.shape(given), strict=False))
    return ValueError(f"sample_weight must be >= 0, got {weight[at]} at index {own}")
