"""Helpers that prepare labels: weights against imbalance, smoothing."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from . import checks
from .arrays import Array, ArrayLike
from .domains import SHARE, Interval
from .options import Integer, Real


def class_weights(
    labels: ArrayLike,
    n_classes: int,
    kind: Literal["balanced", "inverse", "effective"] = "balanced",
    *,
    beta: float = 0.999,
    ignore_index: int | None = None,
) -> Array:
    """Weights of classes against their imbalance, for ``class_weight=``.

    With N labels, n of them of the class, and C classes:

    - ``"balanced"``: N / (C n), as scikit-learn's: every class has the same total weight, and items the mean weight 1.
    - ``"inverse"``: 1 / n, scaled so that the weights of the classes that are there have the mean 1.
    - ``"effective"``: (1 - beta) / (1 - beta^n), scaled likewise: items of a class overlap, so that its size counts
      less the larger it is (Cui et al. 2019, "Class-balanced loss based on effective number of samples").

    A class without labels has the weight 0; C counts it.

    Args:
        labels: Integers, of any shape.
        n_classes: C.
        kind: Which weights.
        beta: Of ``"effective"``; in [0, 1): with 0 all weights are 1.
        ignore_index: A label that does not count.

    Returns:
        (C,), float64.

    Raises:
        IndexError: A label is neither a class nor ignored.
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> fl.class_weights([0, 0, 0, 1], 2).round(4).tolist()
        [0.6667, 2.0]
        >>> fl.class_weights([0, 0, 0, 1], 2, "inverse").tolist()
        [0.5, 1.5]
    """
    array, classes = _checked(labels, n_classes, ignore_index)
    checks.chosen(kind, ("balanced", "inverse", "effective"), "kind")
    share = _option("beta", beta, Interval(0, 1, high_open=True))
    kept = array if ignore_index is None else array[array != ignore_index]
    counts = np.bincount(kept.ravel().astype(np.int64), minlength=classes).astype(np.float64)
    there = counts > 0
    n = np.where(there, counts, 1.0)
    if kind == "balanced":
        return np.where(there, kept.size / (classes * n), 0.0)
    # 1 - beta^n by expm1: for beta close to 1 the power is close to it too.
    shares = 1 / n if kind == "inverse" else (1 - share) / -np.expm1(n * np.log(share)) if share else np.ones(classes)
    weights = np.where(there, shares, 0.0)
    total = weights.sum()
    return weights * (np.count_nonzero(there) / total) if total else weights


def smooth_labels(labels: ArrayLike, n_classes: int, smoothing: float = 0.1, *, dtype: Any = np.float64) -> Array:
    """Distributions over classes that labels become when a share of them is spread evenly (Szegedy et al. 2016).

    The losses over rows do the same with ``label_smoothing=``, without the array; this is for others, and to look at.

    Args:
        labels: Integers, of any shape.
        n_classes: The number of classes, C.
        smoothing: The share that is spread over all classes; in [0, 1].
        dtype: Of the result.

    Returns:
        An array of the shape of labels and a further axis of C classes: 1 - smoothing + smoothing / C at the label,
        smoothing / C elsewhere.

    Raises:
        IndexError: A label is not a class.
        TypeError: Labels are not integers.

    Example:
        >>> import fusedloss as fl
        >>> fl.smooth_labels([2, 0], 4, 0.2).round(4).tolist()
        [[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05]]
    """
    array, classes = _checked(labels, n_classes, None)
    share = _option("smoothing", smoothing, SHARE)
    result = np.full((*array.shape, classes), share / classes, dtype)
    np.put_along_axis(result, array[..., np.newaxis].astype(np.int64), 1 - share + share / classes, axis=-1)
    return result


def _checked(labels: ArrayLike, n_classes: int, ignore_index: int | None) -> tuple[Array, int]:
    try:
        classes = Integer(least=1).check(n_classes)
    except (TypeError, ValueError) as error:
        raise type(error)(f"n_classes {error}, got {n_classes!r}") from None
    array = checks.array(labels, "labels")
    if array.size == 0:  # an empty list has no integer dtype
        array = array.astype(np.int64)
    array = checks.labels(array, "labels")
    checks.labels_in_range(array, classes, ignore_index, "labels")
    return array, classes


def _option(name: str, value: float, domain: Interval) -> float:
    try:
        return Real(domain).check(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} {error}, got {value!r}") from None
