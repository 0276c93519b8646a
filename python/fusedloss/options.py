"""The options of a loss: declared as fields, checked and brought into one form when the loss is made."""

from __future__ import annotations

import dataclasses
import numbers
import operator
import types
from typing import Any, Protocol

import numpy as np

from .arrays import Array, Mask
from .domains import FINITE, Domain


class Accepts(Protocol):
    """What an option takes."""

    def check(self, value: Any) -> Any:
        """The value in the form that the loss keeps.

        Raises:
            TypeError: It is of another type; like that of ValueError, the message completes "option ...".
            ValueError: It is not in the domain.
        """
        ...


def option(*, default: Any, accepts: Accepts) -> Any:
    """A dataclass field that is checked when the loss is made.

    Args:
        default: Its default.
        accepts: What it takes: ``Real(POSITIVE)``, ``Flag()``, ``Maybe(Vector())``, ...
    """
    return dataclasses.field(default=default, metadata={"accepts": accepts})


class Flag:
    """True or False."""

    def check(self, value: Any) -> bool:  # noqa: D102
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError("must be True or False")
        return bool(value)


class FlagOrPair:
    """True or False, or two whole numbers from 1 on."""

    def check(self, value: Any) -> bool | tuple[int, int]:  # noqa: D102
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise TypeError("must be True, False or a pair of integers")
        first, second = (Integer(least=1).check(x) for x in value)
        return first, second


class Choice:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def check(self, value: Any) -> str:  # noqa: D102
        if value not in self.words:
            raise ValueError("must be " + " or ".join(repr(word) for word in self.words))
        return str(value)


class Integer:
    """A whole number, from `least` on."""

    def __init__(self, least: int | None = None) -> None:
        self.least = least

    def check(self, value: Any) -> int:  # noqa: D102
        try:
            number = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
        except TypeError:
            number = None
        if number is None:
            raise TypeError("must be an integer")
        if self.least is not None and number < self.least:
            raise ValueError(f"must be at least {self.least}")
        return number


class AutoCount:
    """``"auto"``, or a whole number from 1 on."""

    def check(self, value: Any) -> int | str:  # noqa: D102
        if isinstance(value, str) and value == "auto":
            return value
        try:
            count = Integer().check(value)
        except TypeError:
            raise TypeError("must be 'auto' or an integer") from None
        if count < 1:
            raise ValueError("must be 'auto' or an integer >= 1")
        return count


class Real:
    """A number, kept as a float; NaN only where that is said."""

    def __init__(self, domain: Domain = FINITE, nan: bool = False) -> None:
        self.domain = domain
        self.nan = nan

    def check(self, value: Any) -> float:  # noqa: D102
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            raise TypeError("must be a number")
        number = float(value)
        if (number != number and not self.nan) or not self.domain.contains(np.asarray(number)):
            raise ValueError(f"must be {self.domain}")
        return number


class Vector:
    """A one-dimensional array with at least one element, kept as an immutable copy."""

    def __init__(self, domain: Domain = FINITE) -> None:
        self.domain = domain

    def check(self, value: Any) -> Array:  # noqa: D102
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise TypeError("must be an array of numbers") from None
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"must have one axis and at least one element (its shape is {array.shape})")
        bad = np.flatnonzero(np.isnan(array) | ~self.domain.contains(array))
        if bad.size:
            raise ValueError(f"must be {self.domain} (at index {bad[0]}: {array[bad[0]]:g})")
        return np.frombuffer(array.tobytes(), dtype=np.float64)  # of bytes: nobody can make it writeable


class Vectors:
    """One-dimensional arrays, at least one, kept as a tuple of immutable copies."""

    def __init__(self, domain: Domain = FINITE) -> None:
        self.each = Vector(domain)

    def check(self, value: Any) -> tuple[Array, ...]:  # noqa: D102
        if not isinstance(value, (list, tuple)) or not value:
            raise TypeError("must be a list of arrays, at least one")
        return tuple(self.each.check(x) for x in value)


class Flags:
    """A one-dimensional array of truth values, at least one of them true, kept as an immutable copy."""

    def check(self, value: Any) -> Mask:  # noqa: D102
        array = np.asarray(value)
        if array.dtype != np.bool_:
            raise TypeError("must be an array of bool")
        if array.ndim != 1 or not array.any():
            raise ValueError(f"must have one axis and at least one True (its shape is {array.shape})")
        return np.frombuffer(array.tobytes(), dtype=np.bool_)


class Function:
    """Anything that can be called."""

    def check(self, value: Any) -> Any:  # noqa: D102
        if not callable(value) or isinstance(value, type):
            raise TypeError("must be a function")
        return value


class LossOption:
    """A loss of some operands; with it come its own options."""

    def __init__(self, *operands: str) -> None:
        self.operands = operands

    def check(self, value: Any) -> Any:  # noqa: D102
        if getattr(value, "operands", None) != self.operands or isinstance(value, type):
            raise TypeError(f"must be a loss of {' and '.join(self.operands)}")
        return value


class Maybe:
    """None, or what another one accepts."""

    def __init__(self, accepts: Accepts) -> None:
        self.accepts = accepts

    def check(self, value: Any) -> Any:  # noqa: D102
        return None if value is None else self.accepts.check(value)


class Or:
    """A word, or what another one accepts."""

    def __init__(self, word: str, accepts: Accepts) -> None:
        self.word = word
        self.accepts = accepts

    def check(self, value: Any) -> Any:  # noqa: D102
        if isinstance(value, str):
            if value != self.word:
                raise ValueError(f"must be {self.word!r} if it is a word")
            return value
        return self.accepts.check(value)


class OneOrMany:
    """A number, or an array of numbers."""

    def __init__(self, domain: Domain = FINITE) -> None:
        self.one = Real(domain)
        self.many = Vector(domain)

    def check(self, value: Any) -> Any:  # noqa: D102
        return (self.one if np.ndim(value) == 0 else self.many).check(value)


class OneOrTuple:
    """A number, or a tuple of numbers: of any length, unless that is given."""

    def __init__(self, domain: Domain = FINITE, length: int | None = None) -> None:
        self.one = Real(domain)
        self.many = Vector(domain)
        self.length = length

    def check(self, value: Any) -> Any:  # noqa: D102
        if np.ndim(value) == 0:
            return self.one.check(value)
        several = tuple(self.many.check(value).tolist())
        if self.length is not None and len(several) != self.length:
            raise ValueError(f"must be a number or a tuple of {self.length}")
        return several


def key(value: Any) -> Any:
    """What stands for an option's value in comparisons and hashes: arrays go by their elements, NaN equals itself."""
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if isinstance(value, tuple):
        return tuple(map(key, value))
    return "nan" if isinstance(value, float) and value != value else value


def shown(value: Any) -> str:
    """A value in a message or a repr; of a function, its name."""
    if isinstance(value, types.FunctionType):
        return value.__qualname__
    if isinstance(value, tuple) and any(isinstance(x, np.ndarray) for x in value):
        return f"[{', '.join(map(shown, value))}]"
    return repr(value.tolist()) if isinstance(value, np.ndarray) else repr(value)
