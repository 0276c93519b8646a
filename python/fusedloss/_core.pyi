"""The extension. Private: it trusts what `checks` and `kinds` have made sure of."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arrays import Array

# What a call gives.
VALUE: int
VALUE_GRAD: int
GRAD_HESS: int
VALUE_GRAD_HESS: int
HVP: int

# Reductions.
MEAN: int
SUM: int
NONE: int
BATCHMEAN: int

class Plan: ...  # a capsule

def kernels() -> dict[str, tuple[int, int, int]]:
    """Inputs, variables and number of options of each kernel."""

def plan(
    kernel: str, options: Sequence[float], reduction: int, parameters: Sequence[float] | None, vectors: bool
) -> Plan:
    """A loss packed for calls; plain calls need its array `parameters`, and these to be numbers."""

def fast(plan: Plan, outputs: int, pred: object, target: object, out: object, out_hess: object, /) -> Any:
    """The result of the public method in the plain case, otherwise None."""

def set_enabled(on: bool) -> None:
    """Whether `fast` computes; it gives None otherwise."""

def run(
    plan: Plan,
    outputs: int,
    precision: int,
    inputs: tuple[Array, ...],
    weight: Array | None,
    cotangent: Array | None,
    vector: tuple[Array, ...] | None,
    value: Array | None,
    grad: tuple[Array | None, ...] | None,
    hess: tuple[Array | None, ...] | None,
    scale: float,
    hess_floor: float,
    hess_ceiling: float,
    ignore: float | None,
    adds: bool,
    /,
) -> tuple[float, int]:
    """A pass of an elementwise loss: the weighted sum, and the first item outside the domain (in C order) or -1."""

def run_rows(
    plan: Plan,
    outputs: int,
    precision: int,
    pred: Array,
    target: Array,
    axis: int,
    weight: Array | None,
    cotangent: Array | None,
    vector: Array | None,
    value: Array | None,
    grad: tuple[Array | None, ...] | None,
    hess: tuple[Array | None, ...] | None,
    scale: float,
    hess_floor: float,
    hess_ceiling: float,
    hess_factor: float,
    hess_is_slope: bool,
    class_weight: Array | None,
    ignore_index: int | None,
    class_factor: Array | None,
    logits: tuple[float, float, float, Array | None] | None,
    extra: tuple[Array | None, ...] | None,
    /,
) -> tuple[float, int]:
    """A pass of a loss over rows.

    `grad` and `hess` are those by pred and, of divergences, those by the target. `hess_factor` multiplies an item's
    Hessian before its bounds; the size of its gradient may stand for it. `class_factor` multiplies the target's entries
    of a class, but not an item's weight. `logits` are the softcap (infinite for none), the temperature, the factor of
    the z-loss, and 1 or 0 for each class. `extra` takes the log-probability of the label, the logsumexp, the entropy
    and the most probable class of each item.
    """

def run_queries(
    plan: Plan,
    outputs: int,
    precision: int,
    pred: Array,
    target: Array,
    starts: Array,
    weight: Array | None,
    cotangent: Array | None,
    vector: Array | None,
    value: Array | None,
    grad: Array | None,
    hess: Array | None,
    scale: float,
    hess_floor: float,
    hess_ceiling: float,
    /,
) -> tuple[float, int]:
    """A pass of a loss over queries."""

def run_sequences(
    plan: Plan,
    outputs: int,
    precision: int,
    pred: Array,
    axis: int,
    frames: Array,
    labels: Array,
    starts: Array,
    blank: int,
    weight: Array | None,
    cotangent: Array | None,
    value: Array | None,
    grad: Array | None,
    scale: float,
    extra: tuple[Array | None, ...] | None,
    /,
) -> float:
    """A pass of a loss over utterances."""

def run_overlaps(
    plan: Plan,
    precision: int,
    pred: Array,
    target: Array,
    mask: Array | None,
    axis: int,
    ignore_index: int | None,
    ignore: float | None,
    slopes: Array | None,
    grad: Array | None,
    pulled: Array | None,
    rider: tuple[float, float, float, float, Array | None, float] | None,
    /,
) -> tuple[Any, int, float]:
    """The sums of maps, the first sample outside the domain or -1, what rides along; with `slopes`, the gradient."""

def run_sorted(
    plan: Plan,
    precision: int,
    pred: Array,
    target: Array,
    mask: Array | None,
    ignore_index: int | None,
    slopes: Array | None,
    grad: Array | None,
    /,
) -> tuple[Array, int]:
    """Value and size of each image and class, the first image outside the domain or -1; with `slopes`, gradients."""

def run_images(
    plan: Plan,
    first: Array,
    second: Array | None,
    numbers: Array,
    slopes: Array | None,
    grad: Array | None,
    second_grad: Array | None,
    values: Array | None,
    /,
) -> Array:
    """The sum of the values of each sample of arrays (samples, channels, rows, columns), in float64.

    With `slopes`, (samples, 1) or (samples, pixels), gradients are written; `values` takes the value of each pixel.
    """

def run_measures(
    measure: Plan,
    loss: Plan,
    precision: int,
    vectors: Sequence[Array],
    pairs: Sequence[tuple[int, int]],
    offset: float,
    factors: Sequence[float],
    nearest: bool,
    target: Array,
    weight: Array | None,
    cotangent: Array | None,
    value: Array | None,
    grads: Sequence[Array | None] | None,
    scale: float,
    /,
) -> tuple[float, int]:
    """The sum of a loss of what lies between pairs of vectors, and the first item outside the domain or -1."""

def norms(kernel: str, arrays: list[Array], /) -> list[float]:
    """Of each array the sum over its numbers that a kernel takes: ``sum_of_sizes`` or ``sum_of_squares``."""

def total_weight(shape: tuple[int, ...], weight: Array | None, target: Array | None, ignore: float | None, /) -> float:
    """The sum of item weights, items with an ignored target left out."""

def total_row_weight(
    target: Array,
    axis: int | None,
    classes: int,
    weight: Array | None,
    class_weight: Array | None,
    ignore_index: int | None,
    /,
) -> float:
    """The sum of row weights; without `axis` the target holds labels."""

def join_labels(labels: Array, lengths: Array, classes: int, blank: int, /) -> tuple[Array, Array] | None:
    """Those of all items one after the other, and where each one's begin; None if one is no class, or the blank."""

def scan_labels(labels: Array, classes: int, ignore_index: int | None, /) -> int:
    """The first label (in C order) that is out of range and not ignored, or -1."""

def empty(shape: tuple[int, ...], dtype: np.dtype[np.generic], /) -> Array:
    """A new array for results, from the pool of warm buffers if it is large."""

def set_num_threads(n: int, /) -> int: ...
def get_num_threads() -> int: ...
def show_config() -> dict[str, object]: ...
def isa() -> str: ...
def supported_isas() -> list[str]: ...
def select_isa(name: str, /) -> None: ...
def cgroup_quota(root: str, /) -> int | None:
    """The processors that the control groups under `root` allow, rounded up; None for all."""

def pool_held() -> int: ...
def pool_clear() -> None: ...
def math_functions() -> list[str]:
    """Names of the vector functions."""

def math_eval(name: str, isa: str, x: Array, y: Array | None = None) -> Array:
    """A vector function of an instruction set over an array."""
