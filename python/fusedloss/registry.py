"""Losses by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from .base import Loss
from .catalogue import LOSSES


def losses() -> Iterator[type[Loss]]:
    """The classes of all losses, family by family.

    Example:
        >>> import fusedloss as fl
        >>> [loss.__name__ for loss in fl.losses() if loss.facts.task == "quantile regression"]
        ['Quantile']
    """
    return iter(LOSSES.values())


def get(name: str, **options: Any) -> Any:
    """The loss of that name, as a configuration file would give it.

    Args:
        name: That of the class or of the function, or another name for it; case, ``_``, ``-`` and spaces do not matter.
        **options: The loss's options.

    Raises:
        ValueError: No loss is called that; the message names the nearest ones.
        TypeError: The loss has no such option.

    Example:
        >>> import fusedloss as fl
        >>> fl.get("huber", delta=2.0)
        Huber(delta=2.0)
        >>> fl.get("L1"), fl.get("pinball", q=0.9)
        (MAE(), Quantile(q=0.9))
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a loss must be a string, got {type(name).__name__}")
    cls = _BY_KEY.get(_key(name))
    if cls is None:
        near = dict.fromkeys(_BY_KEY[key].name for key in difflib.get_close_matches(_key(name), _BY_KEY, 3))
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "; losses() lists them"
        raise ValueError(f"no loss is called {name!r}{hint}")
    return cls.from_options(options)


def _key(name: str) -> str:
    """What of a name counts."""
    return name.lower().translate({ord(c): None for c in "_- "})


def _names(cls: type[Loss]) -> tuple[str, ...]:
    return (cls.name, cls.__name__, *cls.aliases)


_BY_KEY: dict[str, type[Loss]] = {_key(name): cls for cls in LOSSES.values() for name in _names(cls)}
