"""Losses of maps that should overlap: segmentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import backend, checks
from ..arrays import Array
from ..domains import NOT_NEGATIVE, POSITIVE
from ..facts import Facts, Traits
from ..kinds.lovasz import ImageBatch, SortedErrors, check_mask, extension, image_mask
from ..kinds.overlaps import Items, Overlaps
from ..operands import MapsTarget
from ..options import Choice, Flag, Real, option

_SAMPLES: tuple[Mapping[str, Any], ...] = (
    {},
    {"activation": "softmax", "smooth": 1.0},
    {"from_logits": False, "smooth": (1e-3, 1e-2), "log": True},
    {"batch": True, "activation": "softmax", "class_weight": [0.5, 2.0, 1.0, 0.0], "axis": -1},
    {"activation": "softmax", "include_background": False, "ignore_index": 255},
    {"axis": None, "batch": True},
)
_ROBUSTNESS = "a pixel changes a class by its share of it; small objects count as much as large ones"


class _PerClass(MapsTarget, Overlaps):
    """A ratio for each item."""

    def factors(self) -> tuple[float, float, float]:
        """What multiplies overlap, excess and missing in the denominator."""
        raise NotImplementedError

    def of_sums(self, sums: Array) -> Items:
        value, there, slopes = self.ratio_loss(sums, *self.factors())
        return Items(value, np.where(there, self.class_factor(sums.shape[-2]), 0.0), slopes)


class Dice(_PerClass):
    r"""1 - the Dice coefficient of segmentations: twice the overlap over the sizes of both (Milletari et al. 2016).

    .. math:: l = 1 - \frac{2 \sum_i \min(p_i, t_i) + s}{\sum_i p_i + \sum_i t_i + s}, \quad p = \mathrm{sigmoid}(z)

    An item is a sample and class: sums run over the pixels of a sample, with ``batch=True`` over those of all samples.
    pred has shape (samples, classes, ...), or with classes along another axis; with ``axis=None`` (samples, ...), one
    class without an axis. target holds the class of each pixel as an integer, or numbers in [0, 1] for each pixel and
    class: masks that may overlap, or soft labels. For masks min(p, t) is p t; for labels in between, its optimum is
    p = t (Wang et al. 2023, "Dice semimetric losses"), while that of p t is an end of the interval. A pixel of mask 0,
    or whose label is ignored, is in no sum; in maps, an entry equal to ``ignore_index`` is out of that of its class.

    Without smoothing a class that is neither predicted nor there has the weight 0: it is out of the mean. A class that
    is predicted but not there has the value 1 and no gradient; smoothing gives it one. Sums are taken in float64, and
    1 - p not by subtraction, so that values close to 0 keep their digits. There is no Hessian. The gradient where
    p = t is half of both sides', at p = t = 0 and p = t = 1 that of p t. With logarithms use smoothing: without, a
    value is infinite where nothing overlaps, and its gradient 0.

    Args:
        from_logits: Whether pred holds logits; else probabilities.
        activation: What makes probabilities of logits: ``"sigmoid"``, each class by itself, or ``"softmax"``.
        smooth: s; a tuple: that of the numerator and that of the denominator.
        squared: Whether p and t are squared in the denominator, and their product stands in the numerator.
        batch: Whether sums run over all samples, so that items are classes.
        include_background: Whether the first class counts; else its weight is 0 (softmax sees it all the same).
        class_weight: (C,); the weight of an item is that of its class.
        ignore_index: A target that takes its pixel out.
        log: Whether the value is -log of the coefficient.
        axis: The class axis of pred, or None.
        reduction: ``"mean"`` (over samples and classes), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is no class.
        ValueError: Shapes do not fit, or a number is not in [0, 1].

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> p = np.array([[[0.9, 0.6, 0.2, 0.1], [0.1, 0.4, 0.8, 0.9]]])  # a sample, two classes, four pixels
        >>> loss = fl.Dice(from_logits=False, reduction="none")
        >>> loss(p, [[0, 0, 1, 1]]).round(4).tolist()
        [[0.2105, 0.1905]]
        >>> loss(p, [[0, 0, 1, 1]], mask=[[1, 0, 1, 1]]).round(4).tolist()
        [[0.1818, 0.1053]]
        >>> loss(p, [[[1, 1, 0, 0], [0, 0, 1, 1]]]).round(4).tolist()  # the same as maps
        [[0.2105, 0.1905]]
    """

    squared: bool = option(default=False, accepts=Flag())

    aliases = ("dice_loss", "soft_dice", "f1_loss")
    facts = Facts(
        task="segmentation with classes of unequal size",
        activation="sigmoid",
        robustness=_ROBUSTNESS,
        smoothness="infinitely differentiable for labels; for soft ones continuous, gradient jumps where p = t",
        samples=(*_SAMPLES, {"squared": True, "activation": "softmax", "smooth": 1e-5}),
    )
    traits = Traits()

    def factors(self) -> tuple[float, float, float]:
        return 2.0, 1.0, 1.0


class Jaccard(_PerClass):
    r"""1 - intersection over union: the loss version of IoU (Rahman and Wang 2016).

    .. math:: l = 1 - \frac{\sum_i \min(p_i, t_i) + s}{\sum_i \max(p_i, t_i) + s}, \quad p = \mathrm{sigmoid}(z)

    It is `Dice` with another ratio: operands, items, soft labels, masks, absent classes and gradients are as there. Of
    the same sums 1 - Jaccard = Dice / (2 - Dice), Dice being that coefficient. With ``squared=True`` the union is the
    sum of p^2 + t^2 - p t.

    Args:
        from_logits: Whether pred holds logits; else probabilities.
        activation: What makes probabilities of logits: ``"sigmoid"``, each class by itself, or ``"softmax"``.
        smooth: s; a tuple: that of the numerator and that of the denominator.
        squared: Whether products and squares stand in the place of minima and maxima.
        batch: Whether sums run over all samples, so that items are classes.
        include_background: Whether the first class counts.
        class_weight: (C,); the weight of an item is that of its class.
        ignore_index: A target that takes its pixel out.
        log: Whether the value is -log of the ratio.
        axis: The class axis of pred, or None.
        reduction: ``"mean"`` (over samples and classes), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> p = np.array([[[0.9, 0.6, 0.2, 0.1], [0.1, 0.4, 0.8, 0.9]]])
        >>> fl.Jaccard(from_logits=False, reduction="none")(p, [[0, 0, 1, 1]]).round(4).tolist()
        [[0.3478, 0.32]]
    """

    squared: bool = option(default=False, accepts=Flag())

    aliases = ("jaccard_loss", "iou_soft")
    facts = Facts(
        task="segmentation with classes of unequal size, judged by IoU",
        activation="sigmoid",
        robustness=_ROBUSTNESS,
        smoothness="infinitely differentiable for labels; for soft ones continuous, gradient jumps where p = t",
        samples=(*_SAMPLES, {"squared": True, "smooth": 1.0}),
    )
    traits = Traits()

    def factors(self) -> tuple[float, float, float]:
        return 1.0, 1.0, 1.0


class Tversky(_PerClass):
    r"""1 - the Tversky index: `Dice` that weighs what is predicted too much and what is missed (Salehi et al. 2017).

    .. math:: l = \left(1 - \frac{o + s}{o + \alpha e + \beta m + s}\right)^\gamma

    with the overlap :math:`o = \sum_i \min(p_i, t_i)`, the excess :math:`e = \sum_i p_i - o` (false positives) and what
    is missing, :math:`m = \sum_i t_i - o` (false negatives). With alpha = beta = 0.5 it is `Dice`, with 1 `Jaccard`; a
    greater beta misses less. gamma other than 1 is the focal Tversky loss (Abraham and Khan 2019, who write its
    inverse); its gradient is 0 where the value is 0. Operands, items and all else are as in `Dice`.

    Args:
        alpha: The weight of false positives.
        beta: The weight of false negatives.
        gamma: The exponent.
        from_logits: Whether pred holds logits; else probabilities.
        activation: What makes probabilities of logits: ``"sigmoid"``, each class by itself, or ``"softmax"``.
        smooth: s; a tuple: that of the numerator and that of the denominator.
        batch: Whether sums run over all samples, so that items are classes.
        include_background: Whether the first class counts.
        class_weight: (C,); the weight of an item is that of its class.
        ignore_index: A target that takes its pixel out.
        log: Whether -log of the index is raised to gamma.
        axis: The class axis of pred, or None.
        reduction: ``"mean"`` (over samples and classes), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> p = np.array([[[0.9, 0.6, 0.2, 0.1], [0.1, 0.4, 0.8, 0.9]]])
        >>> fl.Tversky(alpha=0.3, beta=0.7, from_logits=False, reduction="none")(p, [[0, 0, 1, 1]]).round(4).tolist()
        [[0.2268, 0.1748]]
    """

    alpha: float = option(default=0.5, accepts=Real(NOT_NEGATIVE))
    beta: float = option(default=0.5, accepts=Real(NOT_NEGATIVE))
    gamma: float = option(default=1.0, accepts=Real(POSITIVE))

    aliases = ("tversky_loss", "focal_tversky")
    facts = Facts(
        task="segmentation where misses and false alarms cost differently",
        activation="sigmoid",
        robustness=_ROBUSTNESS,
        smoothness="as Dice; gamma < 1: infinite slope at 0",
        samples=(*_SAMPLES, {"alpha": 0.3, "beta": 0.7, "gamma": 4 / 3}, {"alpha": 0.0, "gamma": 0.75, "smooth": 1.0}),
    )
    traits = Traits()

    def factors(self) -> tuple[float, float, float]:
        return 1.0, self.alpha, self.beta

    def of_sums(self, sums: Array) -> Items:
        value, weight, slopes = super().of_sums(sums)
        if self.gamma == 1:
            return Items(value, weight, slopes)
        base = np.where(value > 0, value, 1.0)  # rounding and unequal smoothing may leave the interval
        positive = value > 0
        powers = np.where(positive, base**self.gamma, np.where(np.isnan(value), value, 0.0))
        factor = np.where(positive, self.gamma * base ** (self.gamma - 1), np.where(np.isnan(value), value, 0.0))
        factor = np.where(np.isinf(value), 0.0, factor)
        return Items(powers, weight, factor[..., np.newaxis] * slopes)


class GeneralizedDice(MapsTarget, Overlaps):
    r"""`Dice` of all classes at once, weighted so that rare ones count as others do (Sudre et al. 2017).

    .. math:: l = 1 - \frac{2 \sum_c w_c \sum_i \min(p_{ci}, t_{ci}) + s}{\sum_c w_c \sum_i (p_{ci} + t_{ci}) + s},
        \quad w_c = \left(\sum_i t_{ci}\right)^{-2}

    An item is a sample; with ``batch=True`` there is one item. Weights are constants of the gradient: targets do not
    depend on pred. A class that is not there has the largest of the weights of those that are and count, so that
    predicting it costs; where no class is there at all, the item has no weight without smoothing. All else is as in
    `Dice`.

    Args:
        weighting: The weight of a class: ``"square"``, ``"simple"`` (its size to the power of -1) or ``"uniform"``.
        from_logits: Whether pred holds logits; else probabilities.
        activation: What makes probabilities of logits: ``"sigmoid"``, each class by itself, or ``"softmax"``.
        smooth: s; a tuple: that of the numerator and that of the denominator.
        batch: Whether sums run over all samples.
        include_background: Whether the first class counts.
        class_weight: (C,); multiplies the weights of classes.
        ignore_index: A target that takes its pixel out.
        log: Whether the value is -log of the ratio.
        axis: The class axis of pred, or None.
        reduction: ``"mean"`` (over samples), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> p = np.array([[[0.9, 0.6, 0.2, 0.1], [0.1, 0.4, 0.8, 0.9]]])
        >>> round(fl.GeneralizedDice(from_logits=False)(p, [[0, 0, 1, 1]]), 4)
        0.2
    """

    weighting: str = option(default="square", accepts=Choice("square", "simple", "uniform"))

    aliases = ("generalized_dice_loss", "generalised_dice")
    facts = Facts(
        task="segmentation with classes of very unequal size",
        activation="sigmoid",
        robustness="rare classes weigh more; a wrong label in them, too",
        smoothness="infinitely differentiable for labels; for soft ones continuous, gradient jumps where p = t",
        samples=(*_SAMPLES, {"weighting": "simple", "activation": "softmax"}, {"weighting": "uniform"}),
    )
    traits = Traits()

    def item_shape(self, samples: tuple[int, ...], classes: tuple[int, ...]) -> tuple[int, ...]:
        return samples

    def of_sums(self, sums: Array) -> Items:
        weight = self._class_weights(sums[..., 0] + sums[..., 2])
        together = np.sum(np.where(weight[..., np.newaxis] != 0, weight[..., np.newaxis] * sums, 0.0), axis=-2)
        value, there, slopes = self.ratio_loss(together[..., np.newaxis, :], 2.0, 1.0, 1.0)
        return Items(value, there.astype(np.float64), weight[..., np.newaxis] * slopes)

    def _class_weights(self, sizes: Array) -> Array:
        power = {"square": -2, "simple": -1, "uniform": 0}[self.weighting]
        factor = self.class_factor(sizes.shape[-1])
        there = sizes != 0
        weight = np.where(there, np.where(there, sizes, 1.0) ** power, 1.0 if power == 0 else 0.0)
        largest = np.max(np.where(factor > 0, weight, 0.0), axis=-1, keepdims=True)
        return factor * np.where(there, weight, largest)


class LovaszHinge(MapsTarget, SortedErrors):
    r"""The Lovasz extension of the Jaccard loss, of hinge errors: a convex bound of 1 - IoU (Berman et al. 2018).

    .. math:: l = \sum_i g_i\, m_{\pi(i)}, \quad m = \max(0, 1 - (2t - 1) z), \quad
        g_i = \Delta(\{\pi(1), \dots, \pi(i)\}) - \Delta(\{\pi(1), \dots, \pi(i-1)\})

    where pi sorts the errors m, the largest first, and Delta is the Jaccard loss, 1 - IoU, of the prediction that is
    wrong in just these pixels. At errors of 1 it is the Jaccard loss itself. An item is the whole batch, so that IoU is
    that of all pixels; with ``per_image=True`` a sample of pred, (samples, ...). target has pred's shape, of 0 and 1
    (bool or any number). A pixel of mask 0, or whose target is ignored, does not exist; other masks weigh pixels in
    intersection and union. Of equal errors the first counts as the larger one: the gradient is one of several there. It
    is 0 where the error is 0. Without a pixel of the class the value is the largest error. There is no Hessian.

    Args:
        per_image: Whether each sample is an item.
        ignore_index: A target that takes its pixel out.
        reduction: ``"mean"`` (over items), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Shapes do not fit, or a target is neither 0 nor 1.

    Example:
        >>> import fusedloss as fl
        >>> loss = fl.LovaszHinge()
        >>> round(loss([[3.0, -1.0, 2.0, -4.0]], [[1, 1, 0, 0]]), 4)  # errors of 3 and 2: (1 - 2/3) 3 + (2/3 - 1/3) 2
        1.6667
        >>> loss.grad([[3.0, -1.0, 2.0, -4.0]], [[1, 1, 0, 0]]).round(4).tolist()
        [[0.0, -0.3333, 0.3333, 0.0]]
    """

    aliases = ("lovasz_hinge_loss",)
    facts = Facts(
        task="segmentation of one class, judged by IoU",
        activation="identity",
        robustness="the worst pixels count most; a wrong label costs in proportion to its logit",
        smoothness="piecewise linear",
        samples=({}, {"per_image": True}, {"per_image": True, "ignore_index": 255}),
    )
    traits = Traits(convex=True, lipschitz=1.0)

    kernel = "lovasz_hinge"

    def _batch(self, operands: tuple[Any, ...]) -> ImageBatch:
        pred, target = checks.floating(operands[0], "pred"), checks.array(operands[1], "target")
        if pred.ndim == 0:
            raise ValueError("pred must have a first axis of images, got a single number")
        checks.same_shape(target, pred.shape, "target")
        shape = pred.shape[:1] if self.per_image else ()
        inputs = pred, target, image_mask(operands[2], pred.shape)
        batch = ImageBatch(shape, inputs, {"pred": pred}, checks.precision(pred.dtype), None)
        if not backend.compiled():  # the extension finds out as it reads them
            self._check(batch)
        return batch

    def _check(self, batch: ImageBatch) -> None:
        _, target, mask = batch.inputs
        wrong = (target != 0) & (target != 1)
        if self.ignore_index is not None:
            wrong &= target != self.ignore_index
        if mask is not None:
            check_mask(mask)
            wrong &= mask != 0
        if wrong.any():
            at = checks.index(int(np.argmax(wrong)), wrong.shape)
            raise ValueError(f"target must be 0 or 1, got {target[at]} at index {at}")

    def _sort(self, batch: ImageBatch, slopes: Array, grad: Array | None) -> Array:
        pred = self.by_image(batch, batch.inputs[0])[:, np.newaxis]
        given = None if grad is None else self.by_image(batch, grad)[:, np.newaxis]
        found, bad = self.run_sorted(batch, pred, slopes[:, np.newaxis], given)
        if bad >= 0:
            self._check(batch)
        values: Array = found[:, 0, 0]
        return values

    def _sort_reference(self, batch: ImageBatch, slopes: Array, grad: Array | None) -> Array:
        pred, target = (self.by_image(batch, x) for x in batch.inputs[:2])
        mask = None if batch.inputs[2] is None else self.by_image(batch, batch.inputs[2])
        values = np.zeros(len(pred))
        for item, slope in enumerate(slopes):
            z, t = pred[item].astype(np.float64).reshape(-1), target[item].reshape(-1)
            w = None if mask is None else mask[item].reshape(-1)
            counts = None if w is None else w != 0
            if self.ignore_index is not None:
                counts = (t != self.ignore_index) if counts is None else counts & (t != self.ignore_index)
            with np.errstate(all="ignore"):
                values[item], by, _ = extension(1 - np.where(t == 1, z, -z), t == 1, w, counts, slope)
            if grad is not None:
                self.by_image(batch, grad)[item] = np.where(t == 1, -by, by).reshape(pred[item].shape)
        return values
