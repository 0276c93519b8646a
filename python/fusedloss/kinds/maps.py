"""Maps of pixels and classes: what all losses of them read in the same way."""

from __future__ import annotations

import numpy as np

from .. import checks
from ..arrays import Array, ArrayLike


def class_axis(pred: Array, axis: int | None) -> tuple[int | None, int]:
    """The axis of classes, counted from the front, and how many there are; without an axis one."""
    if pred.ndim == 0:
        raise ValueError("pred must have a first axis of samples, got a single number")
    if axis is None:
        return None, 1
    found = checks.axis(axis, pred)
    if found == 0:
        raise ValueError(f"axis={axis} is the first one of pred, that of the samples, and no class axis")
    return found, pred.shape[found]


def check_classes(classes: int, class_weight: Array | None, include_background: bool) -> None:
    """Raises ValueError where options do not go with the number of classes."""
    if class_weight is not None and class_weight.size != classes:
        raise ValueError(f"class_weight has {class_weight.size} entries, but pred has {classes} classes")
    if classes == 1 and not include_background:
        raise ValueError("include_background=False leaves out the first class, and pred has no other")


def class_factor(class_weight: Array | None, include_background: bool, classes: int) -> Array:
    """What each class counts for."""
    factor = np.ones(classes) if class_weight is None else class_weight.copy()
    if not include_background:
        factor[0] = 0.0
    return factor


def pixels_of(pred: Array, axis: int | None) -> tuple[int, ...]:
    """Pred's shape without the classes."""
    return pred.shape if axis is None else pred.shape[:axis] + pred.shape[axis + 1 :]


def target_of(given: ArrayLike, pred: Array, axis: int | None) -> tuple[Array, bool]:
    """The target, and whether it holds labels."""
    target, pixels = checks.array(given, "target"), pixels_of(pred, axis)
    if axis is None or target.ndim == pred.ndim:
        checks.same_shape(target, pred.shape, "target")
        return target, False
    if target.shape != pixels:
        raise ValueError(f"target must have shape {pixels} (labels) or {pred.shape} (maps), got {target.shape}")
    return checks.labels(target), True


def pixel_mask(x: ArrayLike, pixels: tuple[int, ...]) -> Array:
    """Weights of pixels, as a view of all of them.

    Args:
        x: The argument.
        pixels: Pred's shape without the classes.
    """
    mask = checks.array(x, "mask")
    if mask.ndim != len(pixels) or any(n not in (1, all_) for n, all_ in zip(mask.shape, pixels, strict=True)):
        raise ValueError(
            f"mask must have shape {pixels}, that of pred without the classes, or axes of length 1; got {mask.shape}"
        )
    return np.broadcast_to(mask, pixels)
