"""Losses of images and of features: extension and reference, any layout, borders, lists of maps, what users write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from closeness import assert_close
from sampling import INSTANCES
from test_bits import instruction_set, with_fma

import fusedloss as fl
from fusedloss.kinds.features import FeatureMaps, resize
from fusedloss.kinds.images import Images

Array = np.ndarray

IMAGES = [loss for loss in INSTANCES if isinstance(loss, Images)]
FEATURES = [loss for loss in INSTANCES if isinstance(loss, FeatureMaps)]
LOSSES = IMAGES + FEATURES
CHANNELS, PIXELS = (3, 5), ((7, 9), (4, 6))

each_loss = pytest.mark.parametrize("loss", LOSSES, ids=repr)


def arranged(x: Array, axis: int | None) -> Array:
    """(samples, channels, ...) with channels along that axis, or without them."""
    return x[:, 0] if axis is None else np.ascontiguousarray(np.moveaxis(x, 1, axis))


def operands_of(loss: Any, dtype: Any, seed: int = 0, samples: int = 3) -> list[Any]:
    """Images, or lists of two maps; the second operand is near the first, and some pixels of both agree."""
    rng = np.random.default_rng(seed)
    if isinstance(loss, Images):
        first = rng.uniform(0, 1, (samples, 3, 17, 19))
        first[:, :, 3:6, 4:9] = 0.5  # flat
        second = np.where(rng.random(first.shape) < 0.2, first, first + rng.normal(0, 0.1, first.shape))
        return [arranged(x, loss.axis).astype(dtype) for x in (first, second)[: len(loss.operands)]]
    pairs = []
    for channels, pixels in zip(CHANNELS, PIXELS, strict=True):
        first = rng.normal(size=(samples, channels, *pixels))
        second = first + rng.normal(0, 0.3, first.shape)
        first[:, :, 1, 2] = second[:, :, 2, 1] = 0
        second[:, :, 0, 0] = first[:, :, 0, 0]
        pairs.append([arranged(x, loss.axis).astype(dtype) for x in (first, second)])
    return [list(maps) for maps in zip(*pairs, strict=True)]


def converted(x: Any, how: Callable[[Array], Array]) -> Any:
    return [how(each) for each in x] if isinstance(x, list) else how(x)


def arrays(x: Any) -> list[Array]:
    """Whatever tuples and lists they are in."""
    return [array for each in x for array in arrays(each)] if isinstance(x, (tuple, list)) else [np.asarray(x)]


def results(loss: Any, operands: list[Any], **keywords: Any) -> list[Array]:
    """The value, then all gradients."""
    if len(loss.variables) > 1:
        keywords.setdefault("wrt", "both")
    return arrays(loss.value_and_grad(*operands, **keywords))


def reference(loss: Any, operands: list[Any], **keywords: Any) -> list[Array]:
    with fl.use_backend("numpy"):
        return results(loss, [converted(x, lambda each: each.astype(np.float64)) for x in operands], **keywords)


def assert_results(loss: Any, given: list[Array], expected: list[Array], dtype: Any) -> None:
    """Each to rounding; gradients are sums of terms of both signs, of the size of the largest."""
    eps = loss.facts.tolerance * float(np.finfo(dtype).eps)
    for number, (array, right) in enumerate(zip(given, expected, strict=True)):
        terms = eps * np.max(np.abs(right), initial=0.0) if number else 0.0
        assert_close(array, right, loss.facts.tolerance, dtype, terms, what=f"{loss}, result {number}")


# ---- The extension against the reference ----


@each_loss
def test_against_the_reference(loss: Any, dtype: np.dtype, reduction: str) -> None:
    loss = loss.replace(reduction=reduction)
    operands = operands_of(loss, dtype)
    keywords: dict[str, Any] = {"sample_weight": np.array([0.5, 0.0, 2.0])}
    if reduction == "none":
        keywords["cotangent"] = np.random.default_rng(1).normal(size=loss(*operands).shape)
    given = results(loss, operands, **keywords)
    assert all(x.dtype == dtype for x in given[1:])
    assert_results(loss, given, reference(loss, operands, **keywords), dtype)
    assert_results(loss, results(loss, operands), reference(loss, operands), dtype)


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "Fortran order": np.asfortranarray,
    "reversed": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "part of a larger one": lambda x: np.pad(x, [(0, 0), *[(1, 2)] * (x.ndim - 1)])[
        (..., *[slice(1, -2)] * (x.ndim - 1))
    ],
    "channels last in memory": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1),
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
}


@each_loss
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_change_nothing(loss: Any, dtype: np.dtype, layout: str) -> None:
    """To the bit, but for what goes through BLAS; of operands, and of outputs."""
    operands = operands_of(loss, dtype)
    expected = results(loss, operands)
    laid = [converted(x, LAYOUTS[layout]) for x in operands]
    outs: Any = tuple(converted(x, lambda each: LAYOUTS[layout](np.full_like(each, np.nan))) for x in operands)
    outs = tuple(converted(x, lambda each: each.astype(dtype, copy=False)) for x in outs)
    for given in (results(loss, laid), results(loss, laid, out=outs if len(outs) > 1 else outs[0])):
        if isinstance(loss, fl.Style):
            assert_results(loss, given, expected, dtype)
        else:
            for array, right in zip(given, expected, strict=True):
                np.testing.assert_array_equal(array, right)
    assert all(np.isfinite(x).all() for x in arrays(outs))


@each_loss
def test_half_precision(loss: Any) -> None:
    """Read as it is, computed as all else; gradients are rounded to it."""
    operands = operands_of(loss, np.float16)
    given = results(loss, operands)
    expected = reference(loss, operands)
    assert given[0] == pytest.approx(float(expected[0]), rel=1e-5)
    for array, right in zip(given[1:], expected[1:], strict=True):
        assert array.dtype == np.float16
        np.testing.assert_allclose(array, right, rtol=1e-3, atol=1e-3 * np.abs(right).max())


@pytest.mark.parametrize("loss", [x for x in LOSSES if not isinstance(x, fl.Style)], ids=repr)
def test_same_bits_on_any_machine(loss: Any) -> None:
    """Instruction sets, numbers of threads; a sample does not depend on those around it."""
    operands = operands_of(loss, np.float32, samples=5)
    loss = loss.replace(reduction="none")
    expected = results(loss, operands)
    outcomes = []
    for isa in with_fma:
        with instruction_set(isa):
            outcomes.append(results(loss, operands))
    for threads in (1, 2, 3):
        with fl.num_threads(threads):
            outcomes.append(results(loss, operands))
    for outcome in outcomes:
        for array, right in zip(outcome, expected, strict=True):
            np.testing.assert_array_equal(array, right)
    alone = results(loss, [converted(x, lambda each: each[3:4]) for x in operands])
    for array, right in zip(alone, expected, strict=True):
        np.testing.assert_array_equal(array, right[3:4])


# ---- Borders of tiles and strips ----


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (130, 260), (300, 8), (3, 513), (70, 1030)], ids=str)
@pytest.mark.parametrize("loss", [x for x in IMAGES if isinstance(x, fl.TotalVariation)], ids=repr)
def test_variation_of_any_size(loss: Any, shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).normal(size=(1, 1, *shape))
    x[..., :3] = 0.25
    pred = arranged(x, loss.axis)
    assert_results(loss, results(loss, [pred]), reference(loss, [pred]), np.float64)


@pytest.mark.parametrize(
    "shape", [(11, 11), (11, 40), (128, 256), (129, 257), (139, 267), (250, 12), (12, 530)], ids=str
)
@pytest.mark.parametrize("window", [11, 3])
def test_similarity_of_any_size(shape: tuple[int, int], window: int) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(2, 1, *shape))
    loss = fl.SSIM(axis=None, window=window, reduction="sum")
    expected = reference(loss, [x, y])
    assert_results(loss, results(loss, [x, y]), expected, np.float64)
    assert loss(x, y) == pytest.approx(float(expected[0]), rel=1e-14)


@pytest.mark.parametrize(("channels", "pixels"), [(3, 1), (3, 2050), (40, 31), (40, 2100), (300, 33)])
def test_features_of_any_size(channels: int, pixels: int) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 2, channels, pixels)) + rng.normal(size=(channels, 1))
    for loss in (fl.Perceptual(), fl.Style()):
        assert_results(loss, results(loss, [x, y]), reference(loss, [x, y]), np.float64)


# ---- What a loss is ----


@each_loss
def test_gradients_are_those_of_the_value(loss: Any) -> None:
    operands = operands_of(loss, np.float64, samples=2)
    report = fl.check_gradient(loss, *operands, entries=60)
    assert report, str(report)
    assert len(report.rows) == len(loss.variables)


@each_loss
@pytest.mark.usefixtures("backend")
def test_what_is_wanted(loss: Any) -> None:
    """By default the gradient by the first operand, in the form of this; alone or with the other it is the same."""
    operands = operands_of(loss, np.float32)
    first = loss.grad(*operands)
    assert isinstance(first, list) == isinstance(operands[0], list)
    value, *both = results(loss, operands)
    assert float(value) == loss(*operands)
    alone = [loss.grad(*operands, wrt=name) for name in loss.variables]
    for array, right in zip(arrays(alone), both, strict=True):
        np.testing.assert_array_equal(array, right)
    np.testing.assert_array_equal(arrays(first)[0], both[0])
    total, weight = loss.partial(*operands)
    assert total / weight == pytest.approx(float(value), rel=1e-12)
    assert loss.weight_total(operands[0]) == weight


@each_loss
@pytest.mark.usefixtures("backend")
def test_what_does_not_count_and_what_is_not_a_number(loss: Any) -> None:
    """Weight 0 removes a sample whatever it holds; NaN stays in its sample."""
    loss = loss.replace(reduction="none")
    operands = operands_of(loss, np.float32)
    clean = results(loss, operands)
    for x in arrays(operands):
        x[1] = np.nan
    weighted = results(loss, operands, sample_weight=[1, 0, 1])
    spoilt = results(loss, operands)
    for array, given, right in zip(weighted, spoilt, clean, strict=True):
        assert not array[1].any()
        assert np.isnan(given[1]).any()
        for kept in (0, 2):
            np.testing.assert_array_equal(array[kept], right[kept])
            np.testing.assert_array_equal(given[kept], right[kept])
    silent = results(loss.replace(reduction="mean"), operands, cotangent=0.0)
    assert np.isnan(silent[0])
    assert not any(x.any() for x in silent[1:])


@each_loss
@pytest.mark.usefixtures("backend")
def test_operands_may_take_their_gradients(loss: Any) -> None:
    operands = operands_of(loss, np.float64)
    expected = results(loss, operands)
    outs: Any = tuple(operands)
    given = loss.grad(*operands, out=outs if len(outs) > 1 else outs[0], **({"wrt": "both"} if len(outs) > 1 else {}))
    assert all(x is y for x, y in zip(arrays(given), arrays(operands), strict=True))
    for array, right in zip(arrays(operands), expected[1:], strict=True):
        np.testing.assert_array_equal(array, right)


@pytest.mark.usefixtures("backend")
def test_nothing_there_is_zero() -> None:
    for loss in LOSSES:
        operands = [converted(x, lambda each: each[:0]) for x in operands_of(loss, np.float32)]
        assert loss(*operands) == 0.0
        assert all(x.size == 0 for x in results(loss, operands)[1:])
    for loss in LOSSES:
        value, *grads = results(loss, operands_of(loss, np.float32), sample_weight=np.zeros(3))
        assert value == 0
        assert not any(x.any() for x in grads)


def test_equal_images_are_at_an_optimum(dtype: np.dtype) -> None:
    """Exactly: neither rounding nor a mean of 1e4 leaves anything."""
    rng = np.random.default_rng(0)
    x = (1e4 + rng.normal(size=(2, 3, 20, 20))).astype(dtype)
    for loss in (fl.SSIM(), fl.Perceptual(), fl.Perceptual(distance="l1"), fl.Style()):
        value, *grads = results(loss, [x, x.copy()])
        assert value == 0
        assert not any(grad.any() for grad in grads), loss


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e155, 1e300])
def test_vectors_of_any_length(size: float, backend: str) -> None:
    """The directions of their channels are what is compared; a gradient is the other way round."""
    x, y = (np.random.default_rng(seed).normal(size=(2, 5, 7, 9)) for seed in (0, 1))
    x[0, :, 3] = 0
    loss = fl.Perceptual(linear=[[0.5, 1.0, 2.0, 1.0, 0.0]])
    expected, slopes = loss.value_and_grad(x, y, wrt="both")
    value, grads = loss.value_and_grad(size * x, y, wrt="both")
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(size * grads[0], slopes[0], rtol=1e-11, atol=1e-16)
    np.testing.assert_allclose(grads[1], slopes[1], rtol=1e-11, atol=1e-16)
    assert loss(1e-310 * x, y) == pytest.approx(loss(0 * x, y), rel=1e-14)


def test_digits_of_small_losses() -> None:
    """1 - SSIM of images that differ by 1e-6 is known to float32's precision, though it is about 1e-10."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(1, 1, 30, 30))
    step = 1e-6 * rng.normal(size=x.shape)
    near, nearer = fl.SSIM()(x + step, x), fl.SSIM()(x + step / 10, x)
    assert 0 < near < 1e-8
    assert near / nearer == pytest.approx(100, rel=1e-4)


def test_scale_of_images() -> None:
    """With their range images in another unit are the same; the Gaussian window sums to 1."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(2, 2, 3, 15, 15))
    assert fl.SSIM(data_range=255)(255 * x, 255 * y) == pytest.approx(fl.SSIM()(x, y), rel=1e-12)
    assert fl.SSIM().weights.sum() == pytest.approx(1, rel=1e-15)
    constant = np.full((1, 1, 15, 15), 0.2)
    c1 = fl.SSIM().steady[0]
    expected = 1 - (2 * 0.2 * 0.6 + c1) / (0.2**2 + 0.6**2 + c1)
    assert fl.SSIM()(constant, 3 * constant) == pytest.approx(expected, rel=1e-12)


def test_layers_add_up() -> None:
    """And a single map is a list of one, with a gradient that is no list."""
    operands = operands_of(fl.Perceptual(), np.float64)
    singles = [fl.Perceptual()(x, y) for x, y in zip(*operands, strict=True)]
    assert fl.Perceptual(layer_weight=[2, 0.25])(*operands) == pytest.approx(2 * singles[0] + 0.25 * singles[1])
    grad = fl.Perceptual().grad(operands[0][0], operands[1][0])
    np.testing.assert_array_equal(grad, fl.Perceptual().grad(*([maps[0]] for maps in operands))[0])
    values = fl.Perceptual(spatial=True, reduction="none")(operands[0][:1], operands[1][:1])
    assert values.shape == (3, *PIXELS[0])
    assert values.mean() == pytest.approx(singles[0])


def test_interpolation() -> None:
    np.testing.assert_allclose(resize(2, 4), [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])
    np.testing.assert_array_equal(resize(5, 5), np.eye(5))
    np.testing.assert_array_equal(resize(1, 3), np.ones((3, 1)))
    np.testing.assert_allclose(resize(7, 3).sum(axis=1), 1)


def test_styles_of_other_sizes() -> None:
    """The target is an image with other pixels: the same ones twice have the same style."""
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 5))
    value, (grad, to_target) = fl.Style().value_and_grad([x], [np.concatenate([x, x], axis=2)], wrt="both")
    assert value == pytest.approx(0, abs=1e-25)
    assert grad[0].shape == x.shape
    assert to_target[0].shape == (2, 4, 12, 5)


def test_sums_share_images_and_lists() -> None:
    features, targets = operands_of(fl.Perceptual(), np.float64)
    loss = fl.Perceptual() + 10 * fl.Style()
    value, (by_features, _) = loss.value_and_grad(features, targets)
    assert value == pytest.approx(fl.Perceptual()(features, targets) + 10 * fl.Style()(features, targets))
    parts = zip(fl.Perceptual().grad(features, targets), fl.Style().grad(features, targets), strict=True)
    for grad, (first, second) in zip(by_features, parts, strict=True):
        np.testing.assert_allclose(grad, first + 10 * second, rtol=1e-12)
    pred, target = operands_of(fl.SSIM(), np.float64)
    both = fl.SSIM() + 0.1 * fl.TotalVariation() + fl.MSE()
    value, grad = both.value_and_grad(pred, target)
    assert value == pytest.approx(fl.SSIM()(pred, target) + 0.1 * fl.TotalVariation()(pred) + fl.MSE()(pred, target))
    expected = fl.SSIM().grad(pred, target) + 0.1 * fl.TotalVariation().grad(pred) + fl.MSE().grad(pred, target)
    np.testing.assert_allclose(grad, expected, rtol=1e-12, atol=1e-18)


# ---- Errors ----

image, maps = np.ones((2, 3, 12, 13)), [np.ones((2, 3, 4, 5)), np.ones((2, 6, 2, 2))]

BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: fl.SSIM()(image[0], image[0]), ValueError, r"pred must be four axes, .*\(3, 12, 13\); one image is"),
    (lambda: fl.SSIM()(image, image[..., :12]), ValueError, r"target must have the shape of pred, \(2, 3, 12, 13\)"),
    (lambda: fl.SSIM(axis=-1)(image, image), ValueError, "pred has 3 x 12 pixels, fewer than the window of 11 x 11"),
    (lambda: fl.SSIM(axis=0)(image, image), ValueError, "axis=0 is the first one of pred, that of the samples"),
    (lambda: fl.SSIM(axis=None)(image, image), ValueError, r"pred must be \(samples, rows, columns\) with axis=None"),
    (lambda: fl.SSIM(window=0), ValueError, "SSIM: window must be at least 1, got 0"),
    (lambda: fl.SSIM(data_range=0), ValueError, "SSIM: data_range must be > 0"),
    (
        lambda: fl.TotalVariation()(image[:, :, :0]),
        ValueError,
        r"pred must have at least one pixel, got shape \(2, 3, 0",
    ),
    (lambda: fl.TotalVariation(norm="l1"), ValueError, "TotalVariation: norm must be 'anisotropic' or 'isotropic' or"),
    (lambda: fl.TotalVariation()(image, sample_weight=[1, -1]), ValueError, r"sample_weight must be >= 0, got -1 at"),
    (lambda: fl.TotalVariation().hvp(image, vector=image), NotImplementedError, "TotalVariation has no Hessian-vector"),
    (
        lambda: fl.Perceptual()(maps, maps[:1]),
        ValueError,
        "target_features must hold as many maps as features, 2, got 1",
    ),
    (lambda: fl.Perceptual()([], []), ValueError, "features must hold at least one map, got an empty list"),
    (lambda: fl.Perceptual()(maps, [maps[0], maps[0]]), ValueError, r"target_features\[1\] must have the shape of fea"),
    (lambda: fl.Perceptual()([maps[0], maps[1][:1]], maps), ValueError, r"features\[1\] must have as many samples as"),
    (
        lambda: fl.Perceptual()([np.ones(3)], [np.ones(3)]),
        ValueError,
        r"features\[0\] must be \(samples, channels, ...\)",
    ),
    (lambda: fl.Perceptual()([maps[0][:, :0]], [maps[0][:, :0]]), ValueError, "at least one channel and pixel"),
    (lambda: fl.Perceptual()([maps[0] + 0j], [maps[0]]), TypeError, r"features\[0\] must hold real numbers"),
    (
        lambda: fl.Perceptual(layer_weight=[1])(maps, maps),
        ValueError,
        "layer_weight has 1 entries, but there are 2 maps",
    ),
    (
        lambda: fl.Perceptual(linear=[[1], [1]])(maps, maps),
        ValueError,
        r"linear has weights for maps of \[1, 1\] channels, but",
    ),
    (lambda: fl.Perceptual(linear=[1.0, 2.0]), ValueError, "Perceptual: linear must have one axis"),
    (lambda: fl.Perceptual(linear=1.0), TypeError, "Perceptual: linear must be a list of arrays"),
    (lambda: fl.Perceptual(spatial=3), TypeError, "Perceptual: spatial must be True, False or a pair of integers"),
    (lambda: fl.Perceptual(spatial=True)(np.ones((2, 3)), np.ones((2, 3))), ValueError, "with spatial maps must have"),
    (lambda: fl.Perceptual().grad(maps, maps, out=maps[0]), ValueError, "for an operand of 2 arrays there must be as"),
    (
        lambda: fl.Style()(maps, [maps[0], maps[1][:, :5]]),
        ValueError,
        r"target_features\[1\] must have the samples and",
    ),
    (lambda: fl.Perceptual().grad(maps, maps, wrt="pred"), ValueError, r"wrt must name operands with a gradient \(fea"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[message for *_, message in BAD])
@pytest.mark.usefixtures("backend")
def test_what_is_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# ---- What others compute ----


def in_torch(function: Any, *operands: Any) -> tuple[float, list[Array]]:
    """The value of a formula and its gradients by all operands."""
    torch = pytest.importorskip("torch")
    leaves = [converted(x, lambda each: torch.tensor(each, requires_grad=True)) for x in operands]
    value = function(*leaves)
    value.backward()
    flat = [leaf for x in leaves for leaf in (x if isinstance(x, list) else [x])]
    return float(value.detach()), [leaf.grad.numpy() for leaf in flat]


def assert_agrees(loss: Any, formula: Any, operands: list[Any]) -> None:
    value, *grads = results(loss, operands)
    expected, slopes = in_torch(formula, *operands)
    assert float(value) == pytest.approx(expected, rel=1e-10)
    for grad, slope in zip(grads, slopes, strict=True):
        np.testing.assert_allclose(grad, slope, rtol=1e-8, atol=1e-10 * np.abs(slope).max())


def test_variation_in_torch() -> None:
    torch = pytest.importorskip("torch")
    pred = np.random.default_rng(0).normal(size=(2, 3, 9, 8))

    def anisotropic(x: Any) -> Any:
        return x.diff(dim=-1).abs().mean() + x.diff(dim=-2).abs().mean()

    def squared(x: Any) -> Any:
        return x.diff(dim=-1).square().mean() + x.diff(dim=-2).square().mean()

    def isotropic(x: Any) -> Any:
        right = torch.nn.functional.pad(x.diff(dim=-1), (0, 1))
        below = torch.nn.functional.pad(x.diff(dim=-2), (0, 0, 0, 1))
        return (right**2 + below**2 + 0.1**2).sqrt().mean() - 0.1

    assert_agrees(fl.TotalVariation(), anisotropic, [pred])
    assert_agrees(fl.TotalVariation(norm="squared"), squared, [pred])
    assert_agrees(fl.TotalVariation(norm="isotropic", eps=0.1), isotropic, [pred])


def test_similarity_in_torch() -> None:
    """Wang et al.'s formula, as it stands in the paper."""
    torch = pytest.importorskip("torch")
    pred, target = operands_of(fl.SSIM(), np.float64)
    weights = torch.tensor(fl.SSIM().weights)
    window = (weights[:, None] * weights).expand(3, 1, 11, 11)

    def formula(x: Any, y: Any) -> Any:
        def mean(z: Any) -> Any:
            return torch.nn.functional.conv2d(z, window, groups=3)

        mx, my = mean(x), mean(y)
        sxx, syy, sxy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
        alike = (2 * mx * my + 0.01**2) * (2 * sxy + 0.03**2)
        return 1 - (alike / ((mx**2 + my**2 + 0.01**2) * (sxx + syy + 0.03**2))).mean()

    assert_agrees(fl.SSIM(), formula, [pred, target])


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("spatial", [False, True])
def test_lpips_in_torch(calibrated: bool, spatial: bool) -> None:
    """Its formula: unit vectors, squares, 1x1 weights; maps brought to the size of the image, or averaged; added up."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    operands: list[Any] = [[rng.normal(size=(2, c, *p)) for c, p in zip(CHANNELS, PIXELS, strict=True)] for _ in "xy"]
    linear = [rng.uniform(0, 1, c) for c in CHANNELS] if calibrated else None

    def formula(features: Any, targets: Any) -> Any:
        total: Any = 0
        for k, (x, y) in enumerate(zip(features, targets, strict=True)):
            u, v = (z / ((z**2).sum(1, keepdim=True).sqrt() + 1e-10) for z in (x, y))
            gaps = (u - v) ** 2
            weights = torch.ones(x.shape[1]) if linear is None else torch.tensor(linear[k])
            layer = (weights[:, None, None] * gaps).sum(1, keepdim=True)
            if spatial:
                layer = torch.nn.functional.interpolate(layer, size=(14, 18), mode="bilinear", align_corners=False)
            total = total + layer.mean((2, 3))
        return total.mean()

    loss = fl.Perceptual(linear=linear, spatial=(14, 18) if spatial else False, eps=1e-10)
    assert_agrees(loss, formula, operands)


def test_feature_distances_in_torch() -> None:
    """Without normalisation the means over all entries that people write."""
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    rng = np.random.default_rng(0)
    operands: list[Any] = [[rng.normal(size=(2, c, *p)) for c, p in zip(CHANNELS, PIXELS, strict=True)] for _ in "xy"]
    for distance, function in (("l1", f.l1_loss), ("l2", f.mse_loss)):
        assert_agrees(
            fl.Perceptual(normalize=False, distance=distance),
            lambda x, y, function=function: sum(function(a, b) for a, b in zip(x, y, strict=True)),
            operands,
        )


def test_style_in_torch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    operands: list[Any] = [[rng.normal(size=(2, c, *p)) for c, p in zip(CHANNELS, PIXELS, strict=True)] for _ in "xy"]

    def gram(x: Any) -> Any:
        return torch.einsum("bchw,bdhw->bcd", x, x) / x[0].numel()

    def formula(features: Any, targets: Any) -> Any:
        pairs = zip(features, targets, strict=True)
        return sum(((gram(x) - gram(y)) ** 2).sum((1, 2)).mean() for x, y in pairs)

    assert_agrees(fl.Style(), formula, operands)
