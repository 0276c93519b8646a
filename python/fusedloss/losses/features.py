"""Losses of images and of the features that a network makes of them: how rough they are, how alike two of them look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import backend
from ..arrays import Array
from ..domains import NOT_NEGATIVE, POSITIVE
from ..facts import Facts, Traits
from ..kinds.features import FeatureMaps, Layer, gram, pull_gram, resize, run_kernel, write_grads
from ..kinds.images import Images
from ..operands import FeaturePairs, Image, ImagePairs
from ..options import Choice, Flag, FlagOrPair, Integer, Maybe, Real, Vectors, option

_VARIATIONS: tuple[Mapping[str, Any], ...] = (
    {},
    {"norm": "anisotropic", "eps": 0.1, "axis": None},
    {"norm": "isotropic"},
    {"norm": "isotropic", "eps": 0.1},
    {"norm": "squared", "axis": -1},
)


class TotalVariation(Image, Images):
    r"""The mean size of the differences between neighbouring pixels (Rudin, Osher and Fatemi 1992).

    .. math:: l = \frac{1}{N_x} \sum |p_{r, c+1} - p_{r, c}| + \frac{1}{N_y} \sum |p_{r+1, c} - p_{r, c}|

    pred holds images, (samples, channels, rows, columns) or with channels along another axis, any strides; an item is a
    sample. Sums run over all channels, N_x = C H (W - 1) and N_y = C (H - 1) W are numbers of differences; along an
    axis of one pixel there is none. ``norm`` says what is made of the differences dx to the right and dy downwards:

    - ``"anisotropic"``: the means of abs(dx) and of abs(dy), added up;
    - ``"isotropic"``: the mean of the length of (dx, dy) over all pixels, with differences of 0 beyond the last column
      and row: contours cost the same in every direction;
    - ``"squared"``: the means of dx^2 and of dy^2, added up: no kinks, but edges are blurred.

    With ``eps`` a size r is sqrt(r^2 + eps^2) - eps, without a kink at 0; else the gradient there is 0. Differences are
    taken in float64. There is no Hessian.

    Args:
        norm: ``"anisotropic"``, ``"isotropic"`` or ``"squared"``.
        eps: Below it differences are smoothed, >= 0; ``"squared"`` has no use for it.
        axis: The axis of the channels: 1 or -1, as a rule; None if there is none.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: pred has another number of axes, or no pixels.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> image = np.array([[0.0, 1.0], [0.0, 3.0]])[np.newaxis, np.newaxis]
        >>> value, grad = fl.TotalVariation().value_and_grad(image)
        >>> value, grad[0, 0].tolist()
        (3.0, [[-0.5, 0.0], [-0.5, 1.0]])
        >>> fl.TotalVariation(norm="squared")(image)
        7.0
    """

    norm: str = option(default="anisotropic", accepts=Choice("anisotropic", "isotropic", "squared"))
    eps: float = option(default=0.0, accepts=Real(NOT_NEGATIVE))

    aliases = ("tv",)
    facts = Facts(
        task="image restoration, style transfer",
        activation="identity",
        robustness="edges are kept: one large difference costs what many small ones do; not with squares",
        smoothness="once differentiable with eps or squares; else kinks where neighbours are equal",
        samples=_VARIATIONS,
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=True)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        if self.norm == "anisotropic" and self.eps:
            return "variation_smooth", (self.eps,)
        return f"variation_{self.norm}", (self.eps,) if self.norm == "isotropic" else ()

    def numbers(self, channels: int, rows: int, columns: int) -> tuple[Array, float]:
        counts = np.array([rows * (columns - 1), (rows - 1) * columns], np.float64)
        if self.norm == "isotropic":
            counts[:] = rows * columns
        return 1 / (channels * np.maximum(counts, 1)), 1.0

    def reference(self, *images: Array) -> tuple[Array, tuple[Array, ...]]:
        (x,) = images
        (by_right, by_below), _ = self.numbers(*x.shape[1:])
        right, below = np.zeros_like(x), np.zeros_like(x)
        right[..., :-1] = np.diff(x, axis=-1)
        below[..., :-1, :] = np.diff(x, axis=-2)
        if self.norm == "squared":
            value, slopes = by_right * right**2 + by_below * below**2, (2 * right, 2 * below)
        elif self.norm == "isotropic":
            value, per = self._size(right**2 + below**2)
            value, slopes = by_right * value, (right * per, below * per)
        else:
            (of_right, per_right), (of_below, per_below) = self._size(right**2), self._size(below**2)
            value, slopes = by_right * of_right + by_below * of_below, (right * per_right, below * per_below)
        flow_right, flow_below = by_right * slopes[0], by_below * slopes[1]
        grad = -flow_right - flow_below
        grad[..., 1:] += flow_right[..., :-1]
        grad[..., 1:, :] += flow_below[..., :-1, :]
        return np.sum(value, axis=(1, 2, 3)), (grad,)

    def _size(self, square: Array) -> tuple[Array, Array]:
        """sqrt(square + eps^2) - eps, and what makes its slope of what was squared."""
        size = np.sqrt(square + self.eps**2)
        there = size != 0
        return np.where(there, square / (size + self.eps), 0.0), np.where(there, 1 / size, 0.0)


class SSIM(ImagePairs, Images):
    r"""1 - the structural similarity of two images (Wang, Bovik, Sheikh and Simoncelli 2004).

    .. math:: l = 1 - \frac{1}{N} \sum \frac{(2 \mu_x \mu_y + c_1) (2 \sigma_{xy} + c_2)}
        {(\mu_x^2 + \mu_y^2 + c_1) (\sigma_x^2 + \sigma_y^2 + c_2)}, \quad c_i = (k_i R)^2

    pred and target hold images, (samples, channels, rows, columns) or with channels along another axis, any strides;
    an item is a sample. Means, variances and covariances are those within a window, weighted by a Gaussian whose
    weights sum to 1 (no correction for the size of a sample). N counts the windows that lie inside the image, in all
    channels: nothing is padded, as in the authors' program, in MONAI, and in scikit-image with
    ``gaussian_weights=True, use_sample_covariance=False`` away from its border.

    The gradient, by pred and with ``wrt`` by target, is exact, the borders included. All is computed in float64, and
    from x + y and x - y: the loss of images that are almost alike keeps its digits, and is 0 where they are equal.
    It is that of images in their own unit: give their ``data_range``, 255 for bytes. There is no Hessian.

    Args:
        data_range: R, the largest possible difference of two pixels.
        window: Rows and columns of the window.
        sigma: The standard deviation of the Gaussian, in pixels.
        k1: Steadies the comparison of brightness.
        k2: Steadies that of structure.
        axis: The axis of the channels: 1 or -1, as a rule; None if there is none.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: The operands are no images of one shape, or smaller than the window.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> image = np.random.default_rng(0).uniform(size=(1, 3, 16, 16))
        >>> fl.SSIM()(image, image)
        0.0
        >>> darker, other = 0.5 * image, image[:, :, ::-1]
        >>> fl.SSIM()(darker, image) < fl.SSIM()(other, image)
        True
    """

    data_range: float = option(default=1.0, accepts=Real(POSITIVE))
    window: int = option(default=11, accepts=Integer(least=1))
    sigma: float = option(default=1.5, accepts=Real(POSITIVE))
    k1: float = option(default=0.01, accepts=Real(POSITIVE))
    k2: float = option(default=0.03, accepts=Real(POSITIVE))

    aliases = ("structural_similarity", "dssim")
    facts = Facts(
        task="image restoration",
        activation="identity",
        robustness="bounded: a window adds at most 2; brightness and contrast count less than structure",
        smoothness="differentiable as often as one likes",
        tolerance=64,  # in float64: variances are differences of means, and may be small beside these
        samples=({}, {"window": 4, "sigma": 0.8, "data_range": 2.0, "axis": -1}, {"axis": None, "k1": 0.1, "k2": 0.2}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(symmetric=True)

    @property
    def weights(self) -> Array:
        """Of a row of the window."""
        weights = np.exp(-0.5 * ((np.arange(self.window) - (self.window - 1) / 2) / self.sigma) ** 2)
        return np.asarray(weights / weights.sum())

    @property
    def steady(self) -> tuple[float, float]:
        """c1 and c2."""
        return (self.k1 * self.data_range) ** 2, (self.k2 * self.data_range) ** 2

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "structural_similarity", self.steady

    def numbers(self, channels: int, rows: int, columns: int) -> tuple[Array, float]:
        if min(rows, columns) < self.window:
            raise ValueError(
                f"pred has {rows} x {columns} pixels, fewer than the window of {self.window} x {self.window}; "
                f"take larger images, or window={min(rows, columns)}"
            )
        return self.weights, 1 / (channels * (rows - self.window + 1) * (columns - self.window + 1))

    def reference(self, *images: Array) -> tuple[Array, tuple[Array, ...]]:
        x, y = images
        c1, c2 = self.steady
        _, factor = self.numbers(*x.shape[1:])
        m, d = x + y, x - y
        mean_m, mean_d, square_m, square_d = (self._filtered(z) for z in (m, d, m * m, d * d))
        spread_m, spread_d = square_m - mean_m**2, square_d - mean_d**2
        light, spread = (mean_m**2 + mean_d**2) / 2 + c1, (spread_m + spread_d) / 2 + c2
        a, b = mean_d**2 / light, spread_d / spread  # 1 - what is said of brightness, and of structure
        by_square_m, by_square_d = -(1 - a) * b / (2 * spread), (1 - a) * (1 - b / 2) / spread
        by_m = -(1 - b) * a * mean_m / light - 2 * mean_m * by_square_m
        by_d = (1 - b) * (2 - a) * mean_d / light - 2 * mean_d * by_square_d
        grad_m = self._spread(by_m) + 2 * m * self._spread(by_square_m)
        grad_d = self._spread(by_d) + 2 * d * self._spread(by_square_d)
        value = factor * np.sum(a + b - a * b, axis=(1, 2, 3))
        return value, (factor * (grad_m + grad_d), factor * (grad_m - grad_d))

    def _filtered(self, x: Array) -> Array:
        """The mean over each window."""
        for axis in (-1, -2):
            x = np.lib.stride_tricks.sliding_window_view(x, self.window, axis) @ self.weights
        return x

    def _spread(self, x: Array) -> Array:
        """What each pixel has of what is given of windows."""
        return self._filtered(np.pad(x, [(0, 0), (0, 0), *[(self.window - 1, self.window - 1)] * 2]))


class Perceptual(FeaturePairs, FeatureMaps):
    r"""The distance between the features that a network finds in two images: LPIPS (Zhang et al. 2018) and its kin.

    .. math:: l = \sum_k \lambda_k \frac{1}{P_k} \sum_p \sum_c w_{kc} \left(\frac{x_{kpc}}{|x_{kp}| + \epsilon}
        - \frac{y_{kpc}}{|y_{kp}| + \epsilon}\right)^2

    The features x and target_features y are what layers of any network give: a list of maps (samples, channels, ...),
    each of its own channels and pixels P, or a single map; with channels along another axis, and any strides. The
    gradient is a list like it: what the network's backward pass starts from. An item is a sample, and with ``spatial``
    a pixel of it.

    The vector of a pixel's channels is brought to length 1 first; without ``normalize`` distances are those of the
    features themselves (Johnson et al. 2016). Channels have weights: those of ``linear``, LPIPS's calibration, else 1,
    or 1 / C without ``normalize``, so that the value then is the mean over all entries. A vector of length 0 stays;
    without ``eps``, where there is no derivative, its gradient is 0, with ``"l1"`` also that of coordinates that are
    equal. All is computed in float64, whatever the type of the maps, and a length though its square may leave the range
    (one below the least normal number, 2.2e-308, counts as 0). There is no Hessian.

    Args:
        layer_weight: lambda of each map; 1 by default.
        distance: ``"l2"``, squares as above, or ``"l1"``, absolute values.
        normalize: Whether vectors are brought to length 1.
        linear: For each map the weights w of its channels, >= 0.
        spatial: Whether each pixel has a value: maps of distances are brought by linear interpolation to the rows and
            columns of the largest one, or to those given as a pair, and added up.
        eps: epsilon, what is added to a length; LPIPS has 1e-10.
        axis: The axis of the channels: 1 or -1, as a rule.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Maps have other shapes than their targets, other samples than the first one, or other numbers than
            ``layer_weight`` or ``linear`` say.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> rng = np.random.default_rng(0)
        >>> shapes = (2, 4, 8, 8), (2, 16, 4, 4)
        >>> features, targets = ([rng.normal(size=shape) for shape in shapes] for _ in range(2))
        >>> value, grads = fl.Perceptual(layer_weight=[1, 0.5]).value_and_grad(features, targets)
        >>> [grad.shape for grad in grads]
        [(2, 4, 8, 8), (2, 16, 4, 4)]
        >>> fl.Perceptual()([3 * x for x in targets], targets) < 1e-20
        True
        >>> fl.Perceptual(spatial=True, reduction="none")(features, targets).shape
        (2, 8, 8)
    """

    distance: str = option(default="l2", accepts=Choice("l2", "l1"))
    normalize: bool = option(default=True, accepts=Flag())
    linear: tuple[Array, ...] | None = option(default=None, accepts=Maybe(Vectors(NOT_NEGATIVE)))
    spatial: bool | tuple[int, int] = option(default=False, accepts=FlagOrPair())
    eps: float = option(default=0.0, accepts=Real(NOT_NEGATIVE))

    aliases = ("lpips", "feature_matching")
    facts = Facts(
        task="image synthesis, super-resolution",
        activation="identity",
        robustness="as that of the network's features; a pixel adds at most 4 to a map of unit vectors",
        smoothness="differentiable where no vector has length 0; with l1 kinks where coordinates are equal",
        samples=(
            {},
            {"distance": "l1", "layer_weight": [0.5, 2.0]},
            {"normalize": False, "axis": -1},
            {"linear": [[0.5, 0.0, 2.0], [1.0, 3.0, 0.25, 0.0, 1.5]], "spatial": (6, 5), "eps": 0.1},
            {"distance": "l1", "normalize": False, "spatial": True},
        ),
    )

    @property
    def traits(self) -> Traits:
        return Traits(symmetric=True)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        """Name and options of the extension's kernel."""
        return f"feature_{self.distance}", (float(self.normalize), self.eps)

    def _make_plan(self) -> Any:
        return backend.plan(*self.kernel(), self.reduction, None)

    def items(self, maps: tuple[Array, ...]) -> tuple[int, ...]:
        if self.linear is not None:
            given, needed = [w.size for w in self.linear], [x.shape[1] for x in maps]
            if given != needed:
                raise ValueError(f"linear has weights for maps of {given} channels, but these have {needed}")
        if self.spatial is False:
            return ()
        if any(x.ndim != 4 for x in maps):
            raise ValueError("with spatial maps must have rows and columns: four axes")
        if self.spatial is not True:
            return self.spatial
        return max(x.shape[2] for x in maps), max(x.shape[3] for x in maps)

    def layer_slopes(self, slopes: Array, pixels: tuple[int, ...]) -> Array:
        if self.spatial is False:
            return slopes[:, np.newaxis] / np.prod(pixels)
        rows, columns = (resize(n, to) for n, to in zip(pixels, slopes.shape[1:], strict=True))
        return np.asarray(rows.T @ slopes @ columns).reshape(len(slopes), -1)

    def item_values(self, values: Array, pixels: tuple[int, ...], items: tuple[int, ...]) -> Array:
        if self.spatial is False:
            return values / np.prod(pixels)
        rows, columns = (resize(n, to) for n, to in zip(pixels, items, strict=True))
        return np.asarray(rows @ values.reshape(-1, *pixels) @ columns.T)

    def run_layer(self, layer: Layer) -> Array:
        return run_kernel(self._plan, layer, self._channels(layer), per_pixel=self.spatial is not False)

    def reference(self, layer: Layer) -> Array:
        with np.errstate(all="ignore"):
            maps = [x.astype(np.float64) for x in layer.maps]
            weight = self._channels(layer)[:, np.newaxis]
            units = [self._unit(x) for x in maps]
            gap = units[0][0] - units[1][0]
            value, slope = (gap**2, 2 * gap) if self.distance == "l2" else (np.abs(gap), np.sign(gap))
            grads = []
            for (unit, per, turn), by in zip(units, (weight * slope, -weight * slope), strict=True):
                along = np.sum(unit * by, axis=1, keepdims=True)
                grads.append(per * by - turn * unit * along)
            write_grads(layer, (grads[0], grads[1]))
            values = np.sum(weight * value, axis=1)
            return values if self.spatial is not False else np.asarray(np.sum(values, axis=1))

    def _unit(self, x: Array) -> tuple[Array, Array, Array]:
        """Vectors over their length and eps, that factor, and what is taken off a gradient along the vector."""
        if not self.normalize:
            return x, np.ones(()), np.zeros(())
        _, exponent = np.frexp(np.max(np.abs(x), axis=1, keepdims=True))
        length = np.ldexp(np.sqrt(np.sum(np.ldexp(x, -exponent) ** 2, axis=1, keepdims=True)), exponent)
        nothing = length < np.finfo(float).tiny
        per = np.where(nothing & (self.eps == 0), 0.0, 1 / (length + self.eps))
        return x * per, per, np.where(nothing, 0.0, 1 / length)

    def _channels(self, layer: Layer) -> Array:
        """The weights of a map's channels."""
        if self.linear is not None:
            return self.linear[layer.number]
        channels = layer.maps[0].shape[1]
        return np.full(channels, 1.0 if self.normalize else 1 / channels)


class Style(FeaturePairs, FeatureMaps):
    r"""The distance between the correlations of two images' features (Gatys et al. 2016, Johnson et al. 2016).

    .. math:: l = \sum_k \lambda_k \lVert G(x_k) - G(y_k) \rVert_F^2,
        \quad G_{cd}(x) = \frac{1}{C P} \sum_p x_{cp} x_{dp}

    The features x and target_features y are what layers of any network give: a list of maps (samples, channels, ...),
    each of its own channels C and pixels P, or a single map; with channels along another axis. A map may have other
    pixels than its target: an image of another size. The gradient is a list like the maps, by features and with ``wrt``
    by target_features. An item is a sample.

    A quarter of it is Gatys et al.'s value, and 1 / C^2 of it the mean over the entries of a map's matrix. Gram
    matrices and gradients are products by NumPy's BLAS in the precision of the maps, blocks of which are added up in
    float64. There is no Hessian.

    Args:
        layer_weight: lambda of each map; 1 by default.
        axis: The axis of the channels: 1 or -1, as a rule.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Maps have other samples or channels than their targets, or other numbers than ``layer_weight`` says.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> features, targets = np.array([[[1.0, 3.0], [2.0, 2.0]]]), np.array([[[1.0, 1.0], [4.0, 4.0]]])
        >>> value, grad = fl.Style().value_and_grad(features, targets)
        >>> value, grad.tolist()
        (40.0, [[[2.0, 6.0], [-12.0, -12.0]]])
    """

    aliases = ("gram_matrix",)
    facts = Facts(
        task="style transfer, texture synthesis",
        activation="identity",
        robustness="none: features enter with their fourth power",
        smoothness="differentiable as often as one likes",
        samples=({}, {"layer_weight": [0.5, 2.0], "axis": -1}),
        tolerance=64,  # products by BLAS are added up in the precision of the maps, matrices cancel
    )

    @property
    def traits(self) -> Traits:
        return Traits(symmetric=True)

    def same_pixels(self) -> bool:
        return False

    def run_layer(self, layer: Layer) -> Array:
        return self._products(layer, [np.result_type(x.dtype, np.float32) for x in layer.maps])

    def reference(self, layer: Layer) -> Array:
        return self._products(layer, [np.dtype(np.float64)] * 2)

    @staticmethod
    def _products(layer: Layer, dtypes: list[np.dtype[Any]]) -> Array:
        values = np.zeros(len(layer.maps[0]))
        with np.errstate(all="ignore"):
            for i in range(len(values)):
                grams = [gram(x[i], dtype) for x, dtype in zip(layer.maps, dtypes, strict=True)]
                gap = grams[0] - grams[1]
                values[i] = np.sum(gap * gap)
                for x, to, dtype, sign in zip(layer.maps, layer.grads, dtypes, (2, -2), strict=True):
                    if to is None or layer.slopes is None:
                        continue
                    if layer.slopes[i, 0] == 0:
                        to[i] = 0
                    else:
                        pull_gram(x[i], sign * layer.slopes[i, 0] * gap, to[i], dtype)
        return values
