"""Losses of how far boxes overlap: detection."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..facts import Facts, Traits
from ..kinds.boxes import Boxes
from ..operands import PredTargetAlike
from ..options import Choice, option


class IoULoss(PredTargetAlike, Boxes):
    r"""1 - intersection over union of boxes, with the penalties of GIoU, DIoU and CIoU.

    .. math:: l = 1 - \frac{I}{U} + \begin{cases}
        0 & \mathrm{iou} \\
        (C - U) / C & \mathrm{giou} \\
        d^2 / c^2 & \mathrm{diou} \\
        d^2 / c^2 + v^2 / (1 - I / U + v) & \mathrm{ciou} \end{cases}, \quad
        v = \frac{4}{\pi^2} \left(\arctan\frac{w_t}{h_t} - \arctan\frac{w}{h}\right)^2

    where I and U are the areas of intersection and union, C that of the smallest box around both, c its diagonal, d the
    distance between the centres. pred and target have one shape, (..., 4); an item is a box of each. The gradient, by
    pred and with ``wrt`` by target, is that of the value: in CIoU the factor v / (1 - I / U + v) of v is differentiated
    too, which torchvision holds constant.

    A ratio of 0 and 0, as boxes without area have it, is 0, and nothing is added to denominators: value and gradient
    are finite for any boxes of finite numbers whose areas are. A box whose high edge is below its low one lies there,
    without area. Where two edges are equal the gradient is half of both sides', so that of equal boxes is 0. Arithmetic
    is in float64 for any dtype. There is no Hessian. The sources are Rezatofighi et al. 2019, "Generalized intersection
    over union", and Zheng et al. 2020, "Distance-IoU loss".

    Args:
        kind: ``"iou"``, ``"giou"``, ``"diou"`` or ``"ciou"``.
        format: What the numbers of a box are: ``"xyxy"``, two corners, low and high, or ``"cxcywh"``, the centre, width
            and height.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Shapes differ, or the last axis is not 4 long.

    Example:
        >>> import fusedloss as fl
        >>> loss = fl.IoULoss(reduction="none")
        >>> pred, target = [[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]], [[1.0, 0.0, 3.0, 2.0], [3.0, 0.0, 4.0, 1.0]]
        >>> loss(pred, target).round(4).tolist()
        [0.6667, 1.0]
        >>> loss.replace(kind="giou")(pred, target).round(4).tolist()
        [0.6667, 1.5]
    """

    kind: str = option(default="iou", accepts=Choice("iou", "giou", "diou", "ciou"))
    format: str = option(default="xyxy", accepts=Choice("xyxy", "cxcywh"))

    name = "iou_loss"
    aliases = ("box_iou_loss", "box_iou")
    facts = Facts(
        task="detection of objects",
        activation="identity",
        robustness="no box costs more than 1, with a penalty 2 or 3",
        smoothness="continuous but for boxes without area, with kinks where edges meet",
        samples=(
            {},
            {"kind": "giou"},
            {"kind": "diou", "format": "cxcywh"},
            {"kind": "ciou"},
            {"kind": "ciou", "format": "cxcywh"},
        ),
    )
    traits = Traits(symmetric=True)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return self.kind, (float(self.format == "cxcywh"),)

    def reference(self, pred: Array, target: Array) -> tuple[Array, Array]:
        (low, given), (low_t, given_t) = (self._corners(x) for x in (pred, target))  # (N, 2) each
        high, high_t = np.maximum(low, given), np.maximum(low_t, given_t)
        side, side_t = high - low, high_t - low_t
        shared = np.minimum(high, high_t) - np.maximum(low, low_t)
        common, whole = np.maximum(shared, 0), np.maximum(high, high_t) - np.minimum(low, low_t)
        by_low, by_high = np.zeros(low.shape), np.zeros(high.shape)

        def extend(by_side: Array, by_common: Array, by_whole: Array) -> None:
            """Adds derivatives by the sides of pred, of the intersection and of the box around both."""
            by_side, by_common = np.where(high > low, by_side, 0), np.where(shared > 0, by_common, 0)
            by_low[...] -= by_side + by_common * _above(low, low_t) + by_whole * _above(low_t, low)
            by_high[...] += by_side + by_common * _above(high_t, high) + by_whole * _above(high, high_t)

        area, area_t, intersection = (np.prod(x, axis=1) for x in (side, side_t, common))
        union = area - intersection + area_t
        lost, by_n, by_d = _ratio(area + area_t - 2 * intersection, union)
        lost = np.where(union < np.finfo(float).tiny, 1.0, lost)
        value, by_lost, none = lost, np.ones(lost.shape), np.zeros(low.shape)
        if self.kind == "giou":
            around = np.prod(whole, axis=1)
            empty, empty_n, empty_d = _ratio(around - union, around)
            value = value + empty
            extend(-empty_n[:, None] * side[:, ::-1], empty_n[:, None] * common[:, ::-1], none)
            extend(none, none, (empty_n + empty_d)[:, None] * whole[:, ::-1])
        if self.kind in ("diou", "ciou"):
            gap = 0.5 * ((low - low_t) + (high - high_t))
            far, far_n, far_d = _ratio(np.sum(gap**2, axis=1), np.sum(whole**2, axis=1))
            value = value + far
            extend(none, none, 2 * far_d[:, None] * whole)
            by_low += far_n[:, None] * gap
            by_high += far_n[:, None] * gap
        if self.kind == "ciou":
            (w, h), (w_t, h_t) = side.T, side_t.T
            turn = 2 / np.pi * np.arctan2(w_t * h - w * h_t, h_t * h + w_t * w)
            v = turn**2
            bent, bent_n, bent_d = _ratio(v**2, lost + v)
            value, by_lost = value + bent, 1 + bent_d
            by_angle = _ratio(2 / np.pi * 2 * turn * (2 * v * bent_n + bent_d), w**2 + h**2)[0]
            extend(by_angle[:, None] * np.stack([-h, w], axis=1), none, none)
        by_area, by_intersection = by_lost * (by_n + by_d), -by_lost * (2 * by_n + by_d)
        extend(by_area[:, None] * side[:, ::-1], by_intersection[:, None] * common[:, ::-1], none)
        turned = given < low
        by_low, by_high = np.where(turned, by_low + by_high, by_low), np.where(turned, 0.0, by_high)
        if self.format == "cxcywh":
            by_low, by_high = by_low + by_high, 0.5 * (by_high - by_low)
        grad = np.concatenate([by_low, by_high], axis=1)
        return value, np.where(np.isnan(value)[:, None], np.nan, grad)

    def _corners(self, boxes: Array) -> tuple[Array, Array]:
        first, second = boxes[:, :2], boxes[:, 2:]
        return (first - 0.5 * second, first + 0.5 * second) if self.format == "cxcywh" else (first, second)


def _ratio(n: Array, d: Array) -> tuple[Array, Array, Array]:
    """N / d and its derivatives; 0 where d is."""
    there = ~(d < np.finfo(float).tiny)
    by_n = np.where(there, 1 / d, 0.0)
    value = np.where(there, n / d, 0.0)
    return value, by_n, -value * by_n


def _above(x: Array, y: Array) -> Array:
    """1 where x > y, 1/2 where both are equal."""
    return 0.5 * ((x > y).astype(float) + (x >= y))
