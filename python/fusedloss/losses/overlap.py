"""Losses of maps that should overlap: segmentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from .. import backend, checks
from ..arrays import Array
from ..domains import NOT_NEGATIVE, POSITIVE, SHARE
from ..facts import Facts, Traits
from ..kinds.entries import Entries
from ..kinds.lovasz import ImageBatch, SortedErrors, check_mask, extension, image_mask
from ..kinds.mapsums import MapSum
from ..kinds.overlaps import Items, Overlaps, pull_softmax, softmax_of
from ..kinds.sums import Sum
from ..operands import MapsTarget
from ..options import Choice, Flag, Integer, Maybe, OneOrMany, OneOrTuple, Real, Vector, option
from .binary import BinaryCrossEntropy, BinaryFocal
from .softmax import CrossEntropy, Focal

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

    kernel_name = "lovasz_hinge"

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
                self.by_image(batch, grad)[item] = np.where((t == 1) & (by != 0), -by, by).reshape(pred[item].shape)
        return values


class SomeClasses:
    """What an option that says which classes count takes."""

    def check(self, value: Any) -> str | tuple[int, ...]:
        if isinstance(value, str):
            if value not in ("present", "all"):
                raise ValueError("must be 'present', 'all', or the numbers of classes")
            return value
        if not isinstance(value, (list, tuple, range, np.ndarray)) or not len(value):
            raise TypeError("must be 'present', 'all', or the numbers of classes")
        numbers = tuple(Integer().check(c) for c in value)
        if min(numbers) < 0 or len(set(numbers)) < len(numbers):
            raise ValueError("must hold different numbers of classes, from 0 on")
        return numbers


class LovaszSoftmax(MapsTarget, SortedErrors):
    r"""The Lovasz extension of the Jaccard loss of each class, of errors of a softmax (Berman et al. 2018).

    .. math:: l = \frac{1}{|K|} \sum_{c \in K} \sum_i g_i\, m^c_{\pi_c(i)}, \quad
        m^c = \begin{cases} 1 - p_c & t = c \\ p_c & t \ne c \end{cases}, \quad p = \mathrm{softmax}(z)

    with pi and g as in `LovaszHinge`, those of each class by itself. It is 1 - IoU, averaged over the classes K, where
    probabilities are 0 and 1. An item is the whole batch, so that IoU is that of all pixels; with ``per_image=True`` a
    sample of pred, (samples, classes, ...). target holds the class of each pixel, an integer. A pixel of mask 0, or
    whose label is ignored, does not exist; other masks weigh pixels in intersection and union. Of equal errors the
    first counts as the larger one: the gradient is one of several there. The value of an item without a class that
    counts is 0. There is no Hessian.

    Args:
        per_image: Whether each sample is an item.
        classes: Which ones count: ``"present"``, those that some pixel of the item has as its label; ``"all"``; or
            their numbers.
        ignore_index: A label that takes its pixel out.
        axis: The class axis of pred.
        reduction: ``"mean"`` (over items), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is no class.
        ValueError: Shapes do not fit, or `classes` holds a number that is none.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> z = np.log([[[0.9, 0.4, 0.2], [0.1, 0.6, 0.8]]])  # an image, two classes, three pixels
        >>> round(fl.LovaszSoftmax()(z, [[0, 0, 1]]), 4)  # (0.6 / 2 + 0.2 / 6 + 0.1 / 3 + 0.6 / 2 + 0.2 / 2) / 2
        0.3833
    """

    classes: str | tuple[int, ...] = option(default="present", accepts=SomeClasses())
    axis: int = option(default=1, accepts=Integer())

    aliases = ("lovasz_softmax_loss",)
    facts = Facts(
        task="segmentation, judged by mean IoU",
        activation="softmax",
        robustness="no pixel costs more than 1; small classes count as much as large ones",
        smoothness="continuous, with kinks where errors are equal",
        tolerance=4096,  # errors that differ by a rounding change places, which changes slopes by 1 / union of them
        samples=(
            {},
            {"per_image": True},
            {"classes": "all", "axis": -1},
            {"per_image": True, "classes": (0, 2), "ignore_index": 255},
        ),
    )
    traits = Traits()
    kernel_name = "lovasz_softmax"

    _rows: ClassVar[CrossEntropy]  # each loss has its own, as with the plan
    _pull: ClassVar[Any]

    def _make_plan(self) -> Any:
        # Its gradient is p - t, by subtraction nowhere: the errors, with a sign.
        rows = CrossEntropy(axis=self.axis, ignore_index=self.ignore_index, reduction="sum")
        object.__setattr__(self, "_rows", rows)
        object.__setattr__(self, "_pull", backend.plan("overlap_softmax", (0.0,), self.reduction, None))
        return super()._make_plan()

    def _batch(self, operands: tuple[Any, ...]) -> ImageBatch:
        pred, target = checks.floating(operands[0], "pred"), checks.array(operands[1], "target")
        if pred.ndim < 2:
            raise ValueError(f"pred must have axes of samples and of classes, got shape {pred.shape}")
        axis = checks.axis(self.axis, pred)
        if axis == 0:
            raise ValueError(f"axis={self.axis} is the first one of pred, that of the samples, and no class axis")
        number = pred.shape[axis]
        if not isinstance(self.classes, str) and max(self.classes) >= number:
            raise ValueError(f"classes holds {max(self.classes)}, but pred has {number} classes")
        pixels = pred.shape[:axis] + pred.shape[axis + 1 :]
        if target.shape != pixels:
            raise ValueError(f"target must have shape {pixels}, that of pred without the classes, got {target.shape}")
        target = checks.labels(target)
        checks.labels_in_range(target, number, self.ignore_index)
        shape = pred.shape[:1] if self.per_image else ()
        inputs = pred, target, image_mask(operands[2], pixels)
        return ImageBatch(shape, inputs, {"pred": pred}, checks.precision(pred.dtype), axis)

    def _shares(self, sizes: Array) -> Array:
        """What each class of an item counts for in its mean, (items, classes), from the weights of their pixels."""
        if isinstance(self.classes, str):
            counts = sizes > 0 if self.classes == "present" else np.ones(sizes.shape, bool)
        else:
            counts = np.broadcast_to(np.isin(np.arange(sizes.shape[1]), self.classes), sizes.shape)
        shares: Array = counts / np.maximum(np.sum(counts, axis=1, keepdims=True), 1)
        return shares

    @staticmethod
    def _mean(shares: Array, values: Array) -> Array:
        with np.errstate(invalid="ignore"):
            mean: Array = np.sum(np.where(shares != 0, shares * values, 0.0), axis=1)
        return mean

    def _sort(self, batch: ImageBatch, slopes: Array, grad: Array | None) -> Array:
        pred, target, mask = batch.inputs
        assert batch.axis is not None
        shape = self.by_image(batch, pred, batch.axis).shape
        gaps = backend.empty(shape, batch.dtype)  # an item and class lies together, whatever the layout of pred
        alike = np.moveaxis(gaps, 1, batch.axis) if self.per_image else np.moveaxis(gaps[0], 0, batch.axis)
        self._rows.grad(pred, target, sample_weight=None if mask is None else mask != 0, out=alike)
        found, bad = self.run_sorted(batch, gaps, np.ones(shape[:2]), None if grad is None else gaps)
        if bad >= 0:
            check_mask(mask)
        shares = self._shares(found[..., 1])
        if grad is not None:
            by_class = np.zeros((len(pred), shape[1], 2))
            by_class[..., 0] = slopes[:, np.newaxis] * shares
            backend.core.run_overlaps(
                self._pull,
                int(batch.dtype == np.float64),
                pred,
                target,
                mask,
                batch.axis,
                self.ignore_index,
                None,
                by_class,
                grad,
                alike,
                None,
            )
        return self._mean(shares, found[..., 0])

    def _sort_reference(self, batch: ImageBatch, slopes: Array, grad: Array | None) -> Array:
        pred, target, mask = batch.inputs
        z = self.by_image(batch, pred, batch.axis).astype(np.float64)
        with np.errstate(all="ignore"):
            p, q = softmax_of(z.reshape(*z.shape[:2], -1))
        labels = self.by_image(batch, target).reshape(len(z), -1)
        weight = None if mask is None else self.by_image(batch, mask).reshape(labels.shape)
        counts = np.ones(labels.shape, bool) if weight is None else weight != 0
        if self.ignore_index is not None:
            counts &= labels != self.ignore_index
        values, sizes, by = np.zeros(z.shape[:2]), np.zeros(z.shape[:2]), np.zeros(p.shape)
        for item, c in np.ndindex(values.shape):
            own, w = labels[item] == c, None if weight is None else weight[item]
            errors = np.where(own, q[item, c], p[item, c])
            values[item, c], growth, sizes[item, c] = extension(errors, own, w, counts[item], 1.0)
            by[item, c] = np.where(own, -growth, growth)
        shares = self._shares(sizes)
        if grad is not None:
            scale = (slopes[:, np.newaxis] * shares)[..., np.newaxis]
            with np.errstate(all="ignore"):
                result = pull_softmax(p, np.where(scale != 0, scale * by, 0.0))
            moves = (scale != 0).any(axis=1, keepdims=True) & counts[:, np.newaxis]
            self.by_image(batch, grad, batch.axis)[...] = np.where(moves, result, 0.0).reshape(z.shape)
        return self._mean(shares, values)


class _DiceAndPixels(MapsTarget, MapSum):
    """Dice and a loss of each pixel's label, of one softmax; or of each class of a pixel, of sigmoids."""

    activation: str = option(default="softmax", accepts=Choice("softmax", "sigmoid"))
    lambda_dice: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    smooth: float | tuple[float, float] = option(default=0.0, accepts=OneOrTuple(NOT_NEGATIVE, length=2))
    squared: bool = option(default=False, accepts=Flag())
    jaccard: bool = option(default=False, accepts=Flag())
    batch: bool = option(default=False, accepts=Flag())
    include_background: bool = option(default=True, accepts=Flag())
    class_weight: Array | None = option(default=None, accepts=Maybe(Vector(NOT_NEGATIVE)))
    ignore_index: int | None = option(default=None, accepts=Maybe(Integer()))
    axis: int | None = option(default=1, accepts=Maybe(Integer()))

    traits = Traits()

    def __post_init__(self) -> None:
        if self.axis is None and self.activation == "softmax":
            raise ValueError(f'{type(self).__name__}: axis=None, one class without an axis, needs activation="sigmoid"')
        super().__post_init__()

    def _pixels(self, of_softmax: type[CrossEntropy] | type[Focal], of_sigmoid: Any, **options: Any) -> Any:
        """The loss of pixels with its own options, of a softmax or of sigmoids."""
        shared = {name: getattr(self, name) for name in ("class_weight", "ignore_index", "axis", "reduction")}
        if self.activation == "softmax":
            return of_softmax(**options, **shared)
        entry = of_sigmoid(**options, reduction=self.reduction)
        return Entries(entry=entry, include_background=self.include_background, **shared)

    def _overlaps(self) -> Overlaps:
        return (Jaccard if self.jaccard else Dice)(
            activation=self.activation,
            smooth=self.smooth,
            squared=self.squared,
            batch=self.batch,
            include_background=self.include_background,
            class_weight=self.class_weight,
            ignore_index=self.ignore_index,
            axis=self.axis,
            reduction=self.reduction,
        )


class DiceCE(_DiceAndPixels):
    r"""`Dice` and `CrossEntropy` of one softmax, added up (Isensee et al. 2021, "nnU-Net"); or of sigmoids.

    .. math:: l = \lambda_\mathrm{dice}\, \mathrm{Dice}(z, t) + \lambda_\mathrm{ce}\, \mathrm{CE}(z, t)

    pred has shape (samples, classes, ...), or with classes along another axis; target holds the class of each pixel as
    an integer, or distributions over classes of pred's shape. Both terms keep their own mean: that of Dice is over
    samples and classes, that of the cross-entropy over pixels. A mask weighs pixels of both. Both are computed in the
    passes of Dice, with the exponentials of one softmax, as long as there is no sample_weight, which has one entry a
    sample. There is no Hessian, no ``reduction="none"`` and no denominator, as both terms have other items.

    With ``activation="sigmoid"``, for classes that may overlap, the second term is `BinaryCrossEntropy` of each pixel
    and class, and its mean is over both. Targets are masks of pred's shape, or labels: a class is there where the label
    is its number. (In MONAI's DiceCELoss, ``sigmoid=True`` leaves a softmax in the cross-entropy, unless there is but
    one class.)

    Args:
        activation: ``"softmax"``, or ``"sigmoid"``, each class by itself, in both terms.
        lambda_dice: What multiplies the mean of Dice.
        lambda_ce: What multiplies the mean of the cross-entropy.
        label_smoothing: That of the cross-entropy.
        smooth: That of Dice, as all that follows up to include_background.
        squared: Whether p and t are squared in the denominator.
        jaccard: Whether `Jaccard` stands in the place of Dice.
        batch: Whether sums run over all samples.
        include_background: Whether the first class counts in Dice; in the cross-entropy of a softmax it always does, in
            that of sigmoids as in Dice.
        class_weight: (C,); weighs items of Dice, and pixels by their label, of sigmoids by their class.
        ignore_index: A label that takes its pixel out; in maps for sigmoids, a number that takes its entry out.
        axis: The class axis of pred; of sigmoids None for one class without an axis.
        reduction: Of both terms: ``"mean"``, ``"sum"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is no class.
        ValueError: Shapes do not fit, or a number is not in [0, 1].

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> z = np.log([[[0.9, 0.6, 0.2, 0.1], [0.1, 0.4, 0.8, 0.9]]])
        >>> loss = fl.DiceCE(lambda_ce=0.5)
        >>> parts = fl.Dice(activation="softmax"), fl.CrossEntropy(axis=1)
        >>> y = [[0, 0, 1, 1]]
        >>> round(loss(z, y), 6), round(parts[0](z, y) + 0.5 * parts[1](z, y), 6)
        (0.318588, 0.318588)
        >>> maps = np.array([[[1, 1, 0, 0], [0, 0, 1, 1]]])
        >>> apart = fl.DiceCE(activation="sigmoid")
        >>> round(apart(z, y), 6), round(apart(z, maps), 6), round((fl.Dice() + fl.BinaryCrossEntropy())(z, maps), 6)
        (0.947569, 0.947569, 0.947569)
    """

    lambda_ce: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    label_smoothing: float = option(default=0.0, accepts=Real(SHARE))

    name = "dice_ce"
    aliases = ("dice_cross_entropy", "DiceCELoss")
    facts = Facts(
        task="segmentation with classes of unequal size",
        activation="softmax",
        robustness="that of its terms",
        smoothness="infinitely differentiable",
        samples=(
            {},
            {"lambda_dice": 0.25, "label_smoothing": 0.1, "smooth": 1.0, "include_background": False},
            {"lambda_ce": 3.0, "class_weight": [0.5, 2.0, 1.0, 0.0], "ignore_index": 255, "jaccard": True},
            {"batch": True, "squared": True, "axis": -1},
            {"activation": "sigmoid", "label_smoothing": 0.1, "smooth": 1.0, "ignore_index": 255},
            {"activation": "sigmoid", "lambda_ce": 0.5, "class_weight": [0.5, 2.0, 1.0, 0.0], "axis": -1},
        ),
    )

    def terms(self) -> Sum:
        pixels = self._pixels(CrossEntropy, BinaryCrossEntropy, label_smoothing=self.label_smoothing)
        return Sum(terms=((self.lambda_dice, self._overlaps()), (self.lambda_ce, pixels)))


class DiceFocal(_DiceAndPixels):
    r"""`Dice` and `Focal` of one softmax, added up (Zhu et al. 2019, "AnatomyNet"); or of sigmoids.

    .. math:: l = \lambda_\mathrm{dice}\, \mathrm{Dice}(z, t) + \lambda_\mathrm{focal}\, \mathrm{Focal}(z, t)

    All is as in `DiceCE`; with ``activation="sigmoid"`` the second term is `BinaryFocal` of each pixel and class. That
    is what MONAI's DiceFocalLoss has, whatever its Dice is of; the mean of its FocalLoss, which may be of a softmax, is
    over classes, too: 1 / C of this one.

    Args:
        activation: ``"softmax"``, or ``"sigmoid"``, each class by itself, in both terms.
        lambda_dice: What multiplies the mean of Dice.
        lambda_focal: What multiplies the mean of the focal loss.
        gamma: How much easy pixels are held down, >= 0.
        alpha: Weight of a class's focal term: a number, or (C,). Of sigmoids that of the positive term, in [0, 1].
        smooth: That of Dice, as all that follows up to include_background.
        squared: Whether p and t are squared in the denominator.
        jaccard: Whether `Jaccard` stands in the place of Dice.
        batch: Whether sums run over all samples.
        include_background: Whether the first class counts in Dice, and in the focal loss of sigmoids.
        class_weight: (C,); weighs items of Dice, and pixels by their label, of sigmoids by their class.
        ignore_index: A label that takes its pixel out; in maps for sigmoids, a number that takes its entry out.
        axis: The class axis of pred; of sigmoids None for one class without an axis.
        reduction: Of both terms: ``"mean"``, ``"sum"`` or ``"batchmean"``.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> z = np.log([[[0.9, 0.6, 0.2, 0.1], [0.1, 0.4, 0.8, 0.9]]])
        >>> round(fl.DiceFocal(gamma=2.0)(z, [[0, 0, 1, 1]]), 6)
        0.223693
    """

    lambda_focal: float = option(default=1.0, accepts=Real(NOT_NEGATIVE))
    gamma: float = option(default=2.0, accepts=Real(NOT_NEGATIVE))
    alpha: float | Array | None = option(default=None, accepts=Maybe(OneOrMany(NOT_NEGATIVE)))

    name = "dice_focal"
    aliases = ("DiceFocalLoss",)
    facts = Facts(
        task="segmentation with small and hard classes",
        activation="softmax",
        robustness="that of its terms",
        smoothness="infinitely differentiable",
        samples=(
            {},
            {"lambda_focal": 0.5, "gamma": 0.5, "alpha": [0.5, 2.0, 1.0, 0.25], "smooth": 1.0},
            {"gamma": 3.0, "alpha": 0.25, "class_weight": [0.5, 2.0, 1.0, 0.0], "ignore_index": 255, "axis": -1},
            {"activation": "sigmoid", "gamma": 1.5, "alpha": 0.25, "include_background": False, "batch": True},
        ),
    )

    def terms(self) -> Sum:
        pixels = self._pixels(Focal, BinaryFocal, gamma=self.gamma, alpha=self.alpha)
        return Sum(terms=((self.lambda_dice, self._overlaps()), (self.lambda_focal, pixels)))
