"""What a loss says about itself: to readers, and to the tests that hold it to its word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Kink:
    """A point where a derivative jumps.

    Attributes:
        at: The point.
        order: 1 if the gradient jumps there, 2 if only the Hessian does.
        of: What equals `at` at the kink: ``"residual"`` (pred - target), ``"margin"`` (label times pred), ``"pred"``,
            or of rows ``"gap"`` (pred of a class less that of the label).
    """

    at: float
    order: Literal[1, 2]
    of: Literal["residual", "margin", "pred", "gap"]


@dataclass(frozen=True, kw_only=True)
class Traits:
    """Properties of an item's value as a function of pred; each can be refuted by an example.

    Attributes:
        convex: It is convex.
        symmetric: pred and target may change places.
        nonnegative: It is never below 0.
        lipschitz: A bound of the absolute value of every entry of the gradient; None if there is none.
        shift_invariant: Of rows: a number added to all classes changes nothing, so that every derivative depends on
            the whole row.
        exchangeable: Of rows: classes may change places, in pred and target alike.
    """

    convex: bool = False
    symmetric: bool = False
    nonnegative: bool = True
    lipschitz: float | None = None
    shift_invariant: bool = False
    exchangeable: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a class of losses is for, and how it is tested.

    Attributes:
        task: What it is trained for.
        activation: What turns pred into a prediction of the target: ``"identity"``, ``"exp"``, ``"sigmoid"``,
            ``"softmax"``, ``"sparsemax"``, ``"entmax"``.
        likelihood: The distribution whose negative log-likelihood it is, up to a constant; empty if there is none.
        robustness: What outliers and wrong labels do.
        smoothness: How often it can be differentiated.
        samples: Sets of options that tests and benchmarks run, the defaults first; an array among them fixes the length
            of the axis that it lies along.
        tolerance: Relative error that either backend may have, in machine epsilons; more than 8 needs a reason.
        turns: The second derivative (that of a row: the first one, too) crosses 0 at points that no number of any
            precision hits. About them its terms cancel: it is as good as the exact one of a pred that differs in the
            last places.
    """

    task: str
    activation: str
    likelihood: str = ""
    robustness: str
    smoothness: str
    samples: tuple[Mapping[str, Any], ...] = field(default=({},))
    tolerance: float = 8.0
    turns: bool = False
