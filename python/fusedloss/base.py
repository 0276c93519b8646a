"""A loss as a value: its options are its fields; it is compared, hashed, shown, pickled and replaced by them."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from .arrays import Reduction
from .domains import Domain
from .facts import Facts, Kink, Traits
from .options import Choice, key, option, shown

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:  # in `typing` from Python 3.11 on; it only tells type checkers what __init_subclass__ below does

    def dataclass_transform(**_):
        """Does nothing."""
        return lambda cls: cls


Self = TypeVar("Self", bound="Record")

_as_dataclass = dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=False, field_specifiers=(option,))
class Record:
    """An immutable value; every subclass is a frozen dataclass of keyword-only fields, each declared with `option`."""

    def __init_subclass__(cls) -> None:
        _as_dataclass(cls)

    def __post_init__(self) -> None:
        for field in _fields(self):
            value = getattr(self, field.name)
            try:
                value = field.metadata["accepts"].check(value)
            except (TypeError, ValueError) as error:
                message = f"{type(self).__name__}: {field.name} {error}, got {shown(value)}"
                raise type(error)(message) from None
            object.__setattr__(self, field.name, value)

    @property
    def options(self) -> dict[str, Any]:
        """Names and values of all options."""
        return {field.name: getattr(self, field.name) for field in _fields(self)}

    def replace(self: Self, **changes: Any) -> Self:
        """The same with other options: ``loss.replace(reduction="sum")``."""
        return type(self).from_options({**self.options, **changes})

    @classmethod
    def from_options(cls: type[Self], options: Mapping[str, Any]) -> Self:
        """Made from names and values.

        Raises:
            TypeError: There is no such option; the message says which there are.
        """
        known = [field.name for field in _fields(cls)]
        for name in options:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ";"
                raise TypeError(f"{cls.__name__} has no option {name!r}{hint} it has {', '.join(known)}")
        return cls(**options)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def _key(self) -> tuple[Any, ...]:
        return tuple(key(value) for value in self.options.values())

    def __repr__(self) -> str:
        given = (f for f in _fields(self) if key(getattr(self, f.name)) != f.default)
        return f"{type(self).__name__}({', '.join(f'{f.name}={shown(getattr(self, f.name))}' for f in given)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_options, (self.options,)


def _fields(record: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(record)


class Loss(Record):
    """A loss function: an immutable value whose options are its fields."""

    reduction: Reduction = option(default="mean", accepts=Choice("mean", "sum", "none", "batchmean"))

    name: ClassVar[str] = ""
    """Of the function made from it: the class name in lower case with underscores, unless the class says otherwise."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names that `get` takes."""
    operands: ClassVar[tuple[str, ...]] = ()
    """Names of the operands, in order."""
    arguments: ClassVar[tuple[str, ...]] = ()
    """Arrays beside the operands that a call may be given: they belong to its batch, as options do not."""
    optional: ClassVar[tuple[str, ...]] = ()
    """The last of the operands, where a call may leave them out, all of them together."""
    weighed: ClassVar[str] = ""
    """The operand that the sum of the items' weights is made from."""
    variables: ClassVar[tuple[str, ...]] = ()
    """The operands that have a gradient."""
    by_default: ClassVar[str] = ""
    """The one of them whose gradient a call gives unless `wrt` names others, or ``"both"``; empty if it gives all."""
    orders: ClassVar[tuple[str, ...]] = ("value", "grad", "hess", "hvp")
    """What can be had."""
    hessians: ClassVar[tuple[str, ...]] = ("exact",)
    """What `grad_and_hess` takes as `hessian`."""
    facts: ClassVar[Facts]

    def __init_subclass__(cls) -> None:
        if "name" not in vars(cls):
            cls.name = re.sub("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()
        super().__init_subclass__()

    @property
    def domain(self) -> dict[str, Domain]:
        """Where the elements of an operand must lie; an operand that is not named may be anything."""
        return {}

    @property
    def kinks(self) -> tuple[Kink, ...]:
        """Where derivatives jump; the docstring says what they are there."""
        return ()

    @property
    def traits(self) -> Traits:
        """Properties of an item's value."""
        return Traits()
