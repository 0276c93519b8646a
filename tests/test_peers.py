"""Against the libraries that people come from: random options, weights, smoothing and axes.

Where conventions differ, the test applies the recipe that our documentation gives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fusedloss as fl

ROUNDS = pytest.mark.parametrize("seed", range(20))
REL = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-11}


def close(ours: Any, theirs: Any, dtype: np.dtype) -> None:
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=REL[dtype], atol=REL[dtype] * 1e-1)


# ---- PyTorch ----


def torch_gradient(function: Any, pred: np.ndarray) -> tuple[Any, np.ndarray]:
    torch = pytest.importorskip("torch")
    leaf = torch.tensor(pred, requires_grad=True)
    value = function(leaf)
    value.sum().backward()
    return value.detach().numpy(), leaf.grad.numpy()


@ROUNDS
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_torch_elementwise(seed: int, reduction: str, dtype: np.dtype) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(seed)
    delta, positive = rng.uniform(0.1, 3), rng.uniform(0.2, 4, 6)
    z, y = rng.normal(0, 3, (2, 5, 6)).astype(dtype)
    share, sign = rng.uniform(0, 1, (5, 6)).astype(dtype), rng.choice([-1.0, 1.0], (5, 6)).astype(dtype)
    p = rng.uniform(0.01, 0.99, (5, 6)).astype(dtype)
    count, full, eps = rng.poisson(3, (5, 6)).astype(dtype), bool(seed % 2), float(10.0 ** rng.uniform(-8, -1))
    t = torch.tensor
    pairs: list[tuple[Any, np.ndarray, np.ndarray, Any]] = [
        (fl.MSE(), z, y, lambda x: functional.mse_loss(x, t(y), reduction=reduction)),
        (fl.SmoothL1(beta=delta), z, y, lambda x: functional.smooth_l1_loss(x, t(y), beta=delta, reduction=reduction)),
        (fl.Logistic(), z, sign, lambda x: functional.soft_margin_loss(x, t(sign), reduction=reduction)),
        (fl.MAE(), z, y, lambda x: functional.l1_loss(x, t(y), reduction=reduction)),
        (fl.Huber(delta=delta), z, y, lambda x: functional.huber_loss(x, t(y), delta=delta, reduction=reduction)),
        (fl.SmoothL1(beta=delta), z, y, lambda x: functional.smooth_l1_loss(x, t(y), beta=delta, reduction=reduction)),
        (fl.SmoothL1(beta=0), z, y, lambda x: functional.smooth_l1_loss(x, t(y), beta=0.0, reduction=reduction)),
        (
            fl.BinaryCrossEntropy(pos_weight=positive),
            z,
            share,
            lambda x: functional.binary_cross_entropy_with_logits(
                x, t(share), pos_weight=t(positive.astype(dtype)), reduction=reduction
            ),
        ),
        (
            fl.BinaryCrossEntropy(from_logits=False),
            p,
            share,
            lambda x: functional.binary_cross_entropy(x, t(share), reduction=reduction),
        ),
        (
            fl.Poisson(full=full),
            z,
            count,
            lambda x: functional.poisson_nll_loss(x, t(count), full=full, reduction=reduction),
        ),
        (
            fl.Poisson(log_input=False, full=full, eps=eps),
            p,
            count,
            lambda x: functional.poisson_nll_loss(
                x, t(count), log_input=False, full=full, eps=eps, reduction=reduction
            ),
        ),
        (
            fl.Hinge(),
            z,
            sign,
            # margin_ranking_loss of x and 0 is max(0, margin - y x)
            lambda x: functional.margin_ranking_loss(x, torch.zeros_like(x), t(sign), margin=1.0, reduction=reduction),
        ),
        (fl.Logistic(), z, sign, lambda x: functional.soft_margin_loss(x, t(sign), reduction=reduction)),
        (
            fl.HingeEmbedding(margin=delta),
            z,
            sign,
            lambda x: functional.hinge_embedding_loss(x, t(sign), margin=delta, reduction=reduction),
        ),
    ]
    for loss, pred, target, theirs in pairs:
        value, grad = loss.replace(reduction=reduction).value_and_grad(pred, target)
        expected, slope = torch_gradient(theirs, pred)
        close(value, expected, dtype)
        close(grad, slope, dtype)


@ROUNDS
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_torch_gaussian(seed: int, reduction: str, dtype: np.dtype) -> None:
    """Alike but for the gradient by a variance below eps: torch's is that at eps, ours that of the value, 0."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    full, eps = bool(seed % 2), float(rng.uniform(1e-3, 0.1))
    z, y = rng.normal(0, 3, (2, 5, 6)).astype(dtype)
    variance = np.exp(rng.normal(-1, 2, (5, 6))).astype(dtype)
    loss: Any = fl.GaussianNLL(full=full, eps=eps, reduction=reduction)
    value, (by_pred, by_variance) = loss.value_and_grad(z, y, variance)
    pred, spread = (torch.tensor(x, requires_grad=True) for x in (z, variance))
    expected = torch.nn.functional.gaussian_nll_loss(
        pred, torch.tensor(y), spread, full=full, eps=eps, reduction=reduction
    )
    expected.sum().backward()
    close(value, expected.detach().numpy(), dtype)
    close(by_pred, pred.grad.numpy(), dtype)
    close(by_variance, np.where(variance < eps, 0, spread.grad.numpy()), dtype)


@ROUNDS
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("target", ["labels", "distribution"])
@pytest.mark.parametrize("ndim", [2, 3, 4])
def test_torch_cross_entropy(seed: int, reduction: str, target: str, ndim: int, dtype: np.dtype) -> None:
    """Class weights of labels agree; with smoothing or distributions torch weighs each term instead of the item."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 9))
    shape = (4, classes, 3, 2)[:ndim]
    z = rng.normal(0, 4, shape).astype(dtype)
    weight = rng.uniform(0.2, 3, classes) if target == "labels" and rng.random() < 0.5 else None
    smoothing = float(rng.uniform(0, 0.9)) if weight is None and rng.random() < 0.7 else 0.0
    ignore = int(rng.integers(0, classes)) if target == "labels" and rng.random() < 0.5 else None
    items = shape[:1] + shape[2:]
    y: Any = rng.integers(0, classes, items)
    if target == "distribution":
        y = np.moveaxis(rng.dirichlet(np.ones(classes), items), -1, 1).astype(dtype)
    if ignore is not None and (y == ignore).all():
        y.flat[0] = (ignore + 1) % classes
    loss: Any = fl.CrossEntropy(
        axis=1, reduction=reduction, label_smoothing=smoothing, class_weight=weight, ignore_index=ignore
    )
    value, grad = loss.value_and_grad(z, y)
    expected, slope = torch_gradient(
        lambda x: torch.nn.functional.cross_entropy(
            x,
            torch.tensor(y),
            weight=None if weight is None else torch.tensor(weight.astype(dtype)),
            ignore_index=-100 if ignore is None else ignore,
            label_smoothing=smoothing,
            reduction="sum" if reduction == "mean" and target == "distribution" else reduction,
        ),
        z,
    )
    if reduction == "mean" and target == "distribution":  # torch divides by the items too, whatever their mass
        expected, slope = expected / np.prod(items), slope / np.prod(items)
    close(value, expected, dtype)
    close(grad, slope, dtype)


@ROUNDS
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("chunked", [False, True])
def test_torch_linear_cross_entropy(seed: int, reduction: str, chunked: bool, dtype: np.dtype) -> None:
    """In chunks it has neither smoothing nor distributions."""
    torch = pytest.importorskip("torch", minversion="2.13")
    rng = np.random.default_rng(seed)
    items, features, classes = 13, int(rng.integers(1, 9)), int(rng.integers(2, 9))
    hidden = rng.normal(0, 2, (items, features)).astype(dtype)
    weight = rng.normal(0, 1, (classes, features)).astype(dtype)
    bias = rng.normal(0, 1, classes).astype(dtype) if rng.random() < 0.5 else None
    soft = not chunked and rng.random() < 0.3
    smoothing = float(rng.uniform(0, 0.9)) if not chunked and rng.random() < 0.5 else 0.0
    class_weight = rng.uniform(0.2, 3, classes) if not soft and not smoothing and rng.random() < 0.5 else None
    ignore = int(rng.integers(0, classes)) if not soft and rng.random() < 0.5 else None
    target: Any = rng.integers(0, classes, items)
    if ignore is not None:
        target[0] = (ignore + 1) % classes
    if soft:
        target = rng.dirichlet(np.ones(classes), items).astype(dtype)
    loss: Any = fl.LinearCrossEntropy(
        reduction=reduction, label_smoothing=smoothing, class_weight=class_weight, ignore_index=ignore, chunk=5
    )
    value, grads = loss.value_and_grad(hidden, weight, target, bias)
    leaves = [torch.tensor(x, requires_grad=True) for x in (hidden, weight, bias) if x is not None]
    theirs = torch.nn.functional.linear_cross_entropy(
        leaves[0],
        leaves[1],
        torch.tensor(target),
        linear_bias=leaves[2] if bias is not None else None,
        weight=None if class_weight is None else torch.tensor(class_weight.astype(dtype)),
        reduction=reduction,
        ignore_index=ignore,
        label_smoothing=smoothing,
        options=torch.nn.LinearCrossEntropyOptions(batch_chunk_size=4, chunking_method=None) if chunked else None,
    )
    theirs.sum().backward()
    close(value, theirs.detach().numpy(), dtype)
    assert len(grads) == len(leaves)
    for grad, leaf in zip(grads, leaves, strict=True):
        np.testing.assert_allclose(grad, leaf.grad.numpy(), rtol=REL[dtype], atol=REL[dtype] * np.abs(grad).max())


@ROUNDS
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_torch_multiclass(seed: int, reduction: str, dtype: np.dtype) -> None:
    """Its multi_margin_loss is divided by the classes, its mean by the items whatever their weights."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 9))
    z = rng.normal(0, 3, (7, classes)).astype(dtype)
    y, grades = rng.integers(0, classes, 7), rng.integers(0, classes + 1, 7)
    soft = rng.dirichlet(np.ones(classes), 7).astype(dtype)
    weight, margin, power = rng.uniform(0.2, 3, classes), float(rng.uniform(0, 2)), int(rng.integers(1, 3))
    t = torch.tensor
    above = t((grades[:, None] > np.arange(classes)).astype(dtype))
    reduce = {"mean": torch.mean, "sum": torch.sum, "none": lambda x: x}[reduction]

    def emd(x: Any, target: Any) -> Any:
        return reduce(((torch.softmax(x, 1).cumsum(1) - target.cumsum(1)) ** 2).sum(1))

    def margins(x: Any, **options: Any) -> Any:
        return functional.multi_margin_loss(x, t(y), p=power, margin=margin, reduction=reduction, **options) * classes

    hinges: Any = fl.MultiMargin(kind="weston_watkins", p=power, margin=margin)
    pairs: list[tuple[Any, np.ndarray, Any]] = [
        (hinges, y, margins),
        (
            fl.OrdinalCumulative(),
            grades,
            lambda x: reduce(functional.binary_cross_entropy_with_logits(x, above, reduction="none").sum(1)),
        ),
        (fl.SquaredEMD(), y, lambda x: emd(x, functional.one_hot(t(y), classes))),
        (fl.SquaredEMD(), soft, lambda x: emd(x, t(soft))),
    ]
    if reduction != "mean":
        weighted = hinges.replace(class_weight=weight)
        pairs.append((weighted, y, lambda x: margins(x, weight=t(weight.astype(dtype)))))
    for loss, target, theirs in pairs:
        value, grad = loss.replace(reduction=reduction).value_and_grad(z, target)
        expected, slope = torch_gradient(theirs, z)
        close(value, expected, dtype)
        np.testing.assert_allclose(grad, slope, rtol=REL[dtype], atol=REL[dtype] * max(1.0, np.abs(slope).max()))


# ---- Formulas of papers ----


def entmax15(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Peters, Niculae and Martins 2019: algorithm 2, with a sort, and the loss of equation 12 for any distribution."""
    ordered = np.sort(z / 2, axis=1)[:, ::-1]
    count = np.arange(1, z.shape[1] + 1)
    mean = np.cumsum(ordered, axis=1) / count
    square = np.cumsum(ordered**2, axis=1) / count
    tau = mean - np.sqrt(np.maximum((1 - count * (square - mean**2)) / count, 0))
    support = np.sum(tau <= ordered, axis=1)
    p = np.maximum(z / 2 - np.take_along_axis(tau, support[:, None] - 1, axis=1), 0) ** 2

    def entropy(q: np.ndarray) -> np.ndarray:
        return 4 / 3 * np.sum(q - q**1.5, axis=1)

    return np.sum((p - y) * z, axis=1) + entropy(p) - entropy(y), p


def sparsemax(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Martins and Astudillo 2016: algorithm 1, with a sort, and the Fenchel-Young loss of half the squared norm."""
    ordered = np.sort(z, axis=1)[:, ::-1]
    count = np.arange(1, z.shape[1] + 1)
    total = np.cumsum(ordered, axis=1)
    support = np.sum(1 + count * ordered > total, axis=1)[:, None]
    p = np.maximum(z - (np.take_along_axis(total, support - 1, axis=1) - 1) / support, 0)
    return np.sum((p - y) * z, axis=1) - np.sum(p**2 - y**2, axis=1) / 2, p


@ROUNDS
@pytest.mark.parametrize("classes", [1, 2, 7, 70, 1000])
@pytest.mark.parametrize(
    ("loss", "formula"), [(fl.Sparsemax(), sparsemax), (fl.Entmax15(), entmax15)], ids=["sparsemax", "entmax15"]
)
def test_sparse_probabilities(seed: int, classes: int, loss: Any, formula: Any, dtype: np.dtype) -> None:
    """Fenchel-Young losses as their papers state them; values cancel there, where p is close to y."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, rng.choice([0.01, 0.3, 1, 5]), (9, classes)).astype(dtype)
    labels = rng.integers(0, classes, 9)
    soft = rng.dirichlet(np.full(classes, 0.3), 9)
    for target, y in ((labels, np.eye(classes)[labels]), (soft, soft)):
        value, grad = loss.replace(reduction="none").value_and_grad(z, target)
        expected, p = formula(z.astype(float), y)
        tiny = 1e-6 if dtype == np.float32 else 1e-14
        np.testing.assert_allclose(value, expected, rtol=REL[dtype], atol=tiny)
        np.testing.assert_allclose(grad, p - y, rtol=REL[dtype], atol=tiny)
        if target is labels:
            np.testing.assert_array_equal(grad + y == 0, p == 0)


# ---- scikit-learn ----


@ROUNDS
def test_sklearn_values_gradients_and_hessians(seed: int) -> None:
    """Its binary and multinomial losses are means over weighted samples; half the squared error is ``half=True``."""
    losses = pytest.importorskip("sklearn._loss.loss")
    rng = np.random.default_rng(seed)
    n, classes, q = 40, int(rng.integers(3, 7)), float(rng.uniform(0.05, 0.95))
    z, y, w = rng.normal(0, 3, n), rng.normal(0, 3, n), rng.uniform(0, 2, n)
    binary = rng.integers(0, 2, n).astype(float)
    delta = float(rng.uniform(0.5, 3))
    huber = losses.HuberLoss(quantile=0.9, delta=delta)
    amount, count = rng.gamma(1.5, 2, n), rng.poisson(2, n).astype(float)
    powers = (0.0, 1.0, 2.0, 3.0, float(rng.uniform(1.01, 1.99)), float(rng.uniform(2.01, 4)))
    pairs: list[tuple[Any, Any, np.ndarray]] = [
        (fl.MSE(half=True), losses.HalfSquaredError(), y),
        (fl.MAE(), losses.AbsoluteError(), y),
        (fl.Quantile(q=q), losses.PinballLoss(quantile=q), y),
        (fl.Huber(delta=delta), huber, y),
        (fl.BinaryCrossEntropy(), losses.HalfBinomialLoss(), binary),
        (fl.Logistic(labels="01"), losses.HalfBinomialLoss(), binary),
        (fl.Exponential(labels="01"), losses.ExponentialLoss(), binary),
        (fl.Poisson(), losses.HalfPoissonLoss(), count),
        (fl.Gamma(), losses.HalfGammaLoss(), amount),
        (fl.Tweedie(power=1.5), losses.HalfTweedieLoss(power=1.5), count),
        *((fl.Tweedie(power=power), losses.HalfTweedieLoss(power=power), amount) for power in powers),
    ]
    dtype = np.dtype(float)
    for ours, theirs, target in pairs:
        none = ours.replace(reduction="none")
        close(none(z, target, sample_weight=w), theirs.loss(target, z, sample_weight=w), dtype)
        grad, hess = none.grad_and_hess(z, target, sample_weight=w)
        slope, curvature = theirs.gradient_hessian(target, z, sample_weight=w)
        close(grad, slope, dtype)
        if not isinstance(ours, (fl.MAE, fl.Quantile)):  # sklearn gives 1 there: our hessian="unit"
            close(hess, curvature, dtype)
        close(ours(z, target, sample_weight=w), theirs(target, z, sample_weight=w), dtype)
    rows, labels = rng.normal(0, 3, (n, classes)), rng.integers(0, classes, n)
    theirs = losses.HalfMultinomialLoss(n_classes=classes)
    none = fl.CrossEntropy(reduction="none")
    grad, hess = none.grad_and_hess(rows, labels, sample_weight=w)
    close(none(rows, labels, sample_weight=w), theirs.loss(labels.astype(float), rows, sample_weight=w), dtype)
    slope, curvature = theirs.gradient_hessian(labels.astype(float), rows, sample_weight=w)
    close(grad, slope, dtype)
    close(hess, curvature, dtype)


@ROUNDS
def test_sklearn_margin_losses(seed: int) -> None:
    """Of its linear models trained by stochastic gradients."""
    losses = pytest.importorskip("sklearn.linear_model._sgd_fast")
    rng = np.random.default_rng(seed)
    z, sign = rng.normal(0, 2, 30), rng.choice([-1.0, 1.0], 30)
    margin = float(rng.uniform(0, 2))
    dtype = np.dtype(float)
    pairs: list[tuple[Any, Any]] = [
        (fl.Hinge(margin=margin), losses.Hinge(margin)),
        (fl.Perceptron(), losses.Hinge(0.0)),
        (fl.SquaredHinge(margin=margin), losses.SquaredHinge(margin)),
        (fl.ModifiedHuber(), losses.ModifiedHuber()),
    ]
    for ours, theirs in pairs:
        value, grad = ours.replace(reduction="none").value_and_grad(z, sign)
        close(value, [theirs.py_loss(p, y) for p, y in zip(z, sign, strict=True)], dtype)
        close(grad, [theirs.py_dloss(p, y) for p, y in zip(z, sign, strict=True)], dtype)


@ROUNDS
def test_sklearn_metrics(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    z, y = rng.normal(0, 3, (2, 30))
    w, q = rng.uniform(0, 2, 30), float(rng.uniform(0.05, 0.95))
    sign = rng.choice([-1, 1], 30)
    p = rng.dirichlet(np.ones(4), 30)
    labels = rng.integers(0, 4, 30)
    dtype = np.dtype(float)
    close(fl.mse(z, y, sample_weight=w), metrics.mean_squared_error(y, z, sample_weight=w), dtype)
    close(fl.mae(z, y, sample_weight=w), metrics.mean_absolute_error(y, z, sample_weight=w), dtype)
    close(fl.quantile(z, y, q=q, sample_weight=w), metrics.mean_pinball_loss(y, z, alpha=q, sample_weight=w), dtype)
    amount, predicted = np.abs(y), np.abs(z)
    ours = fl.msle(predicted, amount, sample_weight=w)
    close(ours, metrics.mean_squared_log_error(amount, predicted, sample_weight=w), dtype)
    ours = fl.mape(z, y, sample_weight=w)
    close(ours, metrics.mean_absolute_percentage_error(y, z, sample_weight=w), dtype)
    close(fl.hinge(z, sign, sample_weight=w), metrics.hinge_loss(sign, z, sample_weight=w), dtype)
    ours = fl.cross_entropy(p, labels, from_logits=False, sample_weight=w)
    close(ours, metrics.log_loss(labels, p, sample_weight=w, labels=range(4)), dtype)


# ---- Formulas of Keras, XGBoost and properscoring ----


@ROUNDS
def test_formulas(seed: int, dtype: np.dtype) -> None:
    """Where the libraries' own forms have their digits; derivatives are PyTorch's of them."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    slope, tau, c = rng.uniform(0.3, 3), rng.uniform(0.05, 0.95), rng.uniform(0.5, 3)
    df, scale = rng.uniform(0.5, 9), rng.uniform(0.5, 3)
    y = rng.normal(0, 3, 50).astype(dtype)
    z = (y + rng.choice([-1, 1], 50) * rng.uniform(0.5, 6, 50)).astype(dtype)

    zero = torch.tensor(0.0, dtype=torch.float64)

    def student(r: Any) -> Any:  # torch's density, without the constants
        distribution = torch.distributions.StudentT(zero + df, zero, zero + scale)
        return distribution.log_prob(zero) + np.log(scale) - distribution.log_prob(r)

    pairs: list[tuple[Any, Any]] = [
        # keras.losses.log_cosh
        (fl.LogCosh(), lambda r: r + torch.nn.functional.softplus(-2 * r) - np.log(2)),
        # xgboost reg:pseudohubererror, huber_slope, and reg:expectileerror, expectile_alpha
        (fl.PseudoHuber(delta=slope), lambda r: slope**2 * (torch.sqrt(1 + (r / slope) ** 2) - 1)),
        (fl.Expectile(tau=tau), lambda r: torch.where(r > 0, (1 - tau) * r**2, tau * r**2)),
        (fl.Fair(c=c), lambda r: c**2 * (torch.abs(r / c) - torch.log(1 + torch.abs(r / c)))),
        (fl.Cauchy(c=c), lambda r: c**2 / 2 * torch.log(1 + (r / c) ** 2)),
        (fl.GemanMcClure(c=c), lambda r: 2 * (r / c) ** 2 / ((r / c) ** 2 + 4)),
        (fl.Welsch(c=c), lambda r: c**2 / 2 * (1 - torch.exp(-((r / c) ** 2)))),
        (fl.Tukey(c=c), lambda r: c**2 / 6 * (1 - (1 - torch.clamp((r / c) ** 2, max=1)) ** 3)),
        (fl.LaplaceNLL(scale=scale), lambda r: -torch.distributions.Laplace(zero, zero + scale).log_prob(r)),
        (fl.StudentT(df=df, scale=scale), student),
    ]
    for alpha in (-3.0, -0.4, 0.6, 1.3, 2.7):
        distance = abs(alpha - 2)

        def barron(r: Any, alpha: float = alpha, distance: float = distance) -> Any:
            return distance / alpha * (((r / c) ** 2 / distance + 1) ** (alpha / 2) - 1)

        pairs.append((fl.Barron(alpha=alpha, c=c), barron))
    for loss, theirs in pairs:
        residual = torch.tensor(z.astype(float) - y.astype(float), requires_grad=True)
        value = theirs(residual)
        (grad,) = torch.autograd.grad(value.sum(), residual, create_graph=True)
        (hess,) = torch.autograd.grad(grad.sum(), residual) if grad.requires_grad else (torch.zeros_like(residual),)
        given = loss.replace(reduction="none").value_grad_and_hess(z, y)
        for ours, expected in zip(given, (value, grad, hess), strict=True):
            close(ours, expected.numpy(force=True), dtype)


@ROUNDS
def test_scores_of_a_normal_distribution(seed: int, dtype: np.dtype) -> None:
    """The function crps_gaussian of properscoring, with its gradients, on SciPy's normal distribution."""
    norm = pytest.importorskip("scipy.stats").norm
    rng = np.random.default_rng(seed)
    mean, y = rng.normal(0, 3, (2, 40)).astype(dtype)
    scale = np.exp(rng.normal(0, 1, 40)).astype(dtype)
    w = (y.astype(float) - mean) / scale
    value, (by_mean, by_scale) = fl.CRPSGaussian(reduction="none").value_and_grad(mean, y, scale)
    close(value, scale * (w * (2 * norm.cdf(w) - 1) + 2 * norm.pdf(w) - 1 / np.sqrt(np.pi)), dtype)
    close(by_mean, 1 - 2 * norm.cdf(w), dtype)
    close(by_scale, 2 * norm.pdf(w) - 1 / np.sqrt(np.pi), dtype)


# ---- Ranking ----


def lightgbm_lambdarank(
    score: np.ndarray, label: np.ndarray, sigmoid: float, truncation: int
) -> tuple[np.ndarray, np.ndarray]:
    """LambdarankNDCG::GetGradientsForOneQuery of LightGBM with lambdarank_norm=False, loop by loop, in float64."""
    gain = [2.0**i - 1 for i in range(31)]
    discount = [1 / np.log2(2.0 + i) for i in range(len(score))]
    ideal = sorted(label, reverse=True)[:truncation]
    best = sum(gain[y] * d for y, d in zip(ideal, discount, strict=False))
    inverse_max_dcg = 1 / best if best > 0 else 0.0
    sorted_idx = sorted(range(len(score)), key=lambda i: -score[i])  # stable
    lambdas, hessians = np.zeros(len(score)), np.zeros(len(score))
    for i in range(min(len(score) - 1, truncation)):
        for j in range(i + 1, len(score)):
            if label[sorted_idx[i]] == label[sorted_idx[j]]:
                continue
            high_rank, low_rank = (i, j) if label[sorted_idx[i]] > label[sorted_idx[j]] else (j, i)
            high, low = sorted_idx[high_rank], sorted_idx[low_rank]
            delta_score = score[high] - score[low]
            dcg_gap = gain[label[high]] - gain[label[low]]
            paired_discount = abs(discount[high_rank] - discount[low_rank])
            delta_pair_ndcg = dcg_gap * paired_discount * inverse_max_dcg
            p_lambda = 1 / (1 + np.exp(sigmoid * delta_score))
            p_hessian = p_lambda * (1 - p_lambda)
            p_lambda *= -sigmoid * delta_pair_ndcg
            p_hessian *= sigmoid * sigmoid * delta_pair_ndcg
            lambdas[low] -= p_lambda
            hessians[low] += p_hessian
            lambdas[high] += p_lambda
            hessians[high] += p_hessian
    return lambdas, hessians


@ROUNDS
def test_lightgbm_lambdarank(seed: int, dtype: np.dtype) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 40, 5)
    score, label = rng.normal(0, 1, lengths.sum()).astype(dtype), rng.integers(0, 5, lengths.sum())
    score[rng.random(score.size) < 0.2] = 0.0  # ties
    sigma, k = float(rng.uniform(0.5, 3)), int(rng.integers(1, 45))
    ours = fl.LambdaRank(k=k, sigma=sigma, reduction="sum").grad_and_hess(score, label, lengths=lengths)
    ends = np.cumsum(lengths)
    theirs = [
        lightgbm_lambdarank(score[end - n : end].astype(float), label[end - n : end], sigma, k)
        for end, n in zip(ends, lengths, strict=True)
    ]
    for given, expected in zip(ours, zip(*theirs, strict=True), strict=True):
        close(given, np.concatenate(expected), dtype)


@ROUNDS
def test_optax_ranking_softmax(seed: int) -> None:
    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    rng = np.random.default_rng(seed)
    dtype = np.dtype(np.float32)
    lists, documents = 6, int(rng.integers(2, 30))
    score, label = rng.normal(0, 3, (lists, documents)).astype(dtype), rng.integers(0, 5, (lists, documents))
    loss: Any = fl.ListNet(softmax_target=False)
    lengths = np.full(lists, documents)
    value, grad = loss.value_and_grad(score.ravel(), label.ravel(), lengths=lengths)

    def theirs(x: Any) -> Any:
        return optax.losses.ranking_softmax_loss(x, jax.numpy.asarray(label))

    close(value, theirs(jax.numpy.asarray(score)), dtype)
    close(grad, jax.grad(theirs)(jax.numpy.asarray(score)).ravel(), dtype)
    top_one = jax.nn.softmax(label.astype(dtype))
    softly = optax.losses.softmax_cross_entropy(score, top_one)
    close(fl.ListNet(reduction="none")(score.ravel(), label.ravel(), lengths=lengths), softly, dtype)


@ROUNDS
def test_ranking_in_torch(seed: int, dtype: np.dtype) -> None:
    """The common forms of ListMLE, and of RankNet as a soft margin loss of all pairs."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    score, label = rng.normal(0, 2, 25).astype(dtype), rng.permutation(25)
    grades = rng.integers(0, 3, 25)
    high, low = np.nonzero(grades[:, None] > grades)

    def likelihood(x: Any) -> Any:
        turned = x[torch.argsort(torch.tensor(label), descending=True)]
        return (torch.logcumsumexp(turned.flip(0), 0).flip(0) - turned).sum()

    def rank_net(x: Any) -> Any:
        difference = x[torch.tensor(high)] - x[torch.tensor(low)]
        return torch.nn.functional.soft_margin_loss(difference, torch.ones_like(difference))

    pairs = [(fl.ListMLE(), label, likelihood), (fl.PairwiseLogistic(normalized=True), grades, rank_net)]
    for loss, target, theirs in pairs:
        value, grad = loss.value_and_grad(score, target)
        expected, slope = torch_gradient(theirs, score)
        close(value, expected, dtype)
        close(grad, slope, dtype)


def utterances(seed: int, dtype: Any) -> tuple[np.ndarray, ...]:
    """Logits (T, N, C) and padded labels with repeats, some of them without labels; the blank is first or last."""
    rng = np.random.default_rng(seed)
    frames, count, classes, most = 30, 6, int(rng.integers(3, 12)), int(rng.integers(1, 9))
    blank = 0 if seed % 2 else classes - 1
    z = rng.normal(0, rng.choice([0.3, 2, 6]), (frames, count, classes)).astype(dtype)
    labels = rng.choice(np.delete(np.arange(classes), blank), (count, most))
    labels[:, 1:] = np.where(rng.random((count, most - 1)) < 0.3, labels[:, :-1], labels[:, 1:])
    ends, counts = rng.integers(2 * most, frames + 1, count), rng.integers(0, most + 1, count)
    return z, labels, ends, counts, np.array(blank)


@ROUNDS
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_torch_ctc(seed: int, reduction: str, dtype: np.dtype) -> None:
    """Its mean is over utterances divided by their labels; its gradient is that of logits."""
    torch = pytest.importorskip("torch")
    z, labels, ends, counts, blank = utterances(seed, dtype)
    ends[0] = 1 if counts[0] > 1 else ends[0]  # without an alignment
    joined = np.concatenate([row[:n] for row, n in zip(labels, counts, strict=True)])
    loss = fl.CTC(blank=int(blank), zero_infinity=True, length_normalized=reduction == "mean", reduction=reduction)

    def theirs(x: Any) -> Any:
        return torch.nn.functional.ctc_loss(
            torch.log_softmax(x, 2),
            torch.tensor(joined if seed % 3 else labels),
            torch.tensor(ends),
            torch.tensor(counts),
            blank=int(blank),
            reduction=reduction,
            zero_infinity=True,
        )

    value, grad = loss.value_and_grad(z, labels, ends, counts)
    expected, slope = torch_gradient(theirs, z)
    close(value, expected, dtype)
    # It subtracts logarithms of the size of the value before it takes their exponential.
    largest = float(np.max(loss.replace(reduction="none")(z, labels, ends, counts)))
    np.testing.assert_allclose(grad, slope, rtol=REL[dtype], atol=4 * np.finfo(dtype).eps * largest)


@ROUNDS
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_torch_rnnt(seed: int, reduction: str, dtype: np.dtype) -> None:
    """It has none: against the recursion in logarithms, place by place, and its automatic derivative."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    count, most, classes = 3, int(rng.integers(0, 5)), int(rng.integers(2, 7))
    blank = 0 if seed % 2 else classes - 1
    z = rng.normal(0, rng.choice([0.3, 2, 6]), (count, 6, most + 1, classes)).astype(dtype)
    labels = rng.choice(np.delete(np.arange(classes), blank), (count, most))
    ends, counts = rng.integers(1, 7, count), rng.integers(0, most + 1, count)

    def path_sum(log_p: Any, y: Any) -> Any:
        ways: dict[tuple[int, int], Any] = {}
        for t, u in np.ndindex(log_p.shape[0], len(y) + 1):
            waited = [ways[t - 1, u] + log_p[t - 1, u, blank]] if t else []
            gave = [ways[t, u - 1] + log_p[t, u - 1, y[u - 1]]] if u else []
            ways[t, u] = torch.logsumexp(torch.stack(waited + gave), 0) if t or u else log_p.new_zeros(())
        return ways[log_p.shape[0] - 1, len(y)] + log_p[-1, len(y), blank]

    def theirs(x: Any) -> Any:
        log_p = torch.log_softmax(x, 3)
        each = torch.stack([-path_sum(log_p[n, : ends[n]], labels[n, : counts[n]]) for n in range(count)])
        return each.mean() if reduction == "mean" else each

    value, grad = fl.RNNT(blank=blank, reduction=reduction).value_and_grad(z, labels, ends, counts)
    expected, slope = torch_gradient(theirs, z)
    close(value, expected, dtype)
    np.testing.assert_allclose(grad, slope, rtol=REL[dtype], atol=REL[dtype])


@ROUNDS
def test_torch_padded_sequences(seed: int, dtype: np.dtype) -> None:
    """It knows of padding by a label; its sum over the number of sequences is our mean."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    z, labels = rng.normal(0, 3, (5, 8, 6)).astype(dtype), rng.integers(0, 6, (5, 8))
    lengths, smoothing = rng.integers(0, 9, 5), float(rng.uniform(0, 0.5))
    padded = np.where(np.arange(8) < lengths[:, None], labels, -100)

    def theirs(x: Any) -> Any:
        flat, target = x.reshape(-1, 6), torch.tensor(padded).reshape(-1)
        return torch.nn.functional.cross_entropy(flat, target, reduction="sum", label_smoothing=smoothing) / 5

    value, grad = fl.SequenceCrossEntropy(label_smoothing=smoothing).value_and_grad(z, labels, lengths=lengths)
    expected, slope = torch_gradient(theirs, z)
    close(value, expected, dtype)
    close(grad, slope, dtype)


# ---- Maps: MONAI, and the formulas of segmentation_models.pytorch and Keras ----


def segmentation(seed: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits of maps, labels, and a weight for each class."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 2, (3, 4, 6, 5)).astype(dtype)
    return z, rng.integers(0, 3 if seed % 3 else 4, (3, 6, 5)), rng.integers(1, 16, 4) / 8


@ROUNDS
@pytest.mark.parametrize("kind", ["DiceLoss", "TverskyLoss", "GeneralizedDiceLoss"])
def test_monai(seed: int, kind: str, dtype: np.dtype) -> None:
    """Its class weights do not divide; its Jaccard is of sums twice as large, so that smoothing counts half."""
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.losses")
    if kind == "GeneralizedDiceLoss" and dtype == np.float64:
        return  # it weighs in float32
    z, y, w = segmentation(seed, dtype)
    rng = np.random.default_rng(seed)
    softmax, batch, background, jaccard, squared = rng.random(5) < 0.5
    above, below = rng.uniform(1e-3, 2, 2)
    theirs = {"softmax": bool(softmax), "sigmoid": not softmax, "batch": bool(batch)}
    theirs |= {"include_background": bool(background), "reduction": "none", "smooth_nr": above, "smooth_dr": below}
    ours: dict[str, Any] = {"activation": "softmax" if softmax else "sigmoid", "batch": bool(batch)}
    ours |= {"include_background": bool(background), "reduction": "none", "smooth": (above, below)}
    loss: Any
    if kind == "DiceLoss":
        theirs |= {"jaccard": bool(jaccard), "squared_pred": bool(squared)}
        theirs["weight"] = torch.tensor(w[not background :].astype(dtype))
        ours |= {"squared": bool(squared), "class_weight": w}
        loss = fl.Jaccard(**ours | {"smooth": (above / 2, below / 2)}) if jaccard else fl.Dice(**ours)
    elif kind == "TverskyLoss":
        alpha, beta = rng.uniform(0.1, 1.5, 2)
        theirs |= {"alpha": alpha, "beta": beta}
        loss = fl.Tversky(alpha=alpha, beta=beta, **ours)
    else:
        weighting = ("square", "simple", "uniform")[seed % 3]
        theirs["w_type"] = weighting
        loss = fl.GeneralizedDice(weighting=weighting, **ours)
    value, grad = loss.value_and_grad(z, y)
    criterion = getattr(monai, kind)(**theirs)
    maps = torch.tensor((y[:, None] == np.arange(4).reshape(-1, 1, 1)).astype(dtype))
    expected, slope = torch_gradient(lambda x: criterion(x, maps), z)
    kept = value[..., int(not background) :] if kind != "GeneralizedDiceLoss" else value
    close(np.ravel(kept), np.ravel(expected), dtype)
    np.testing.assert_allclose(grad, slope, rtol=REL[dtype], atol=REL[dtype] * np.max(np.abs(slope)))


@pytest.mark.parametrize("options", [{}, {"data_range": 2.0, "k1": 0.02, "k2": 0.05}], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_monai_ssim(options: dict[str, float], reduction: str) -> None:
    """In float32, whose variances there are differences of rounded means."""
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.losses")
    target = np.random.default_rng(0).uniform(0, 1, (2, 3, 17, 19)).astype(np.float32)
    pred = (target + np.random.default_rng(1).normal(0, 0.2, target.shape)).astype(np.float32)
    criterion = monai.SSIMLoss(spatial_dims=2, reduction=reduction, **options)
    expected, slope = torch_gradient(lambda x: criterion(x, torch.tensor(target)), pred)
    value, grad = fl.SSIM(reduction=reduction, **options).value_and_grad(pred, target)
    np.testing.assert_allclose(value, expected.reshape(np.shape(value)), rtol=1e-4)
    np.testing.assert_allclose(grad, slope, atol=1e-4 * np.abs(grad).max())


@ROUNDS
def test_segmentation_models(seed: int, dtype: np.dtype) -> None:
    """Its sums run over the batch, and classes without labels have the loss 0: so they count in its mean."""
    torch = pytest.importorskip("torch")
    z, y, _ = segmentation(seed, dtype)
    smooth, gamma = float(seed % 2), float(1 + seed % 3 / 2)
    alpha, beta = np.random.default_rng(seed).uniform(0.2, 1, 2)

    def theirs(x: Any, kind: str) -> Any:
        p = x.softmax(1).flatten(2)
        t = torch.nn.functional.one_hot(torch.tensor(y), 4).movedim(-1, 1).flatten(2).to(p.dtype)
        both, of_p, of_t = (p * t).sum((0, 2)), p.sum((0, 2)), t.sum((0, 2))
        if kind == "Dice":
            score = (2 * both + smooth) / (of_p + of_t + smooth)
        elif kind == "Jaccard":
            score = (both + smooth) / (of_p + of_t - both + smooth)
        else:
            score = (both + smooth) / (both + alpha * (of_p - both) + beta * (of_t - both) + smooth)
        return (((1 - score) * (of_t > 0)) ** gamma if kind == "Tversky" else (1 - score) * (of_t > 0)).sum()

    there = (np.bincount(y.ravel(), minlength=4) > 0).astype(float)
    options: dict[str, Any] = {"activation": "softmax", "batch": True, "smooth": smooth, "reduction": "sum"}
    options["class_weight"] = there
    for loss in (fl.Dice(**options), fl.Jaccard(**options), fl.Tversky(alpha=alpha, beta=beta, gamma=gamma, **options)):
        value, grad = loss.value_and_grad(z, y)
        kind = type(loss).__name__
        expected, slope = torch_gradient(lambda x, kind=kind: theirs(x, kind), z)
        close(value, expected, dtype)
        np.testing.assert_allclose(grad, slope, rtol=REL[dtype], atol=REL[dtype] * np.max(np.abs(slope)))


@ROUNDS
def test_keras_dice(seed: int, dtype: np.dtype) -> None:
    """Of probabilities, over all that there is; its smoothing is in the denominator alone."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    p, t = rng.uniform(0, 1, (3, 5, 6)).astype(dtype), rng.integers(0, 2, (3, 5, 6)).astype(dtype)
    value, grad = fl.Dice(from_logits=False, axis=None, batch=True, smooth=(0, 1e-7)).value_and_grad(p, t)
    expected, slope = torch_gradient(
        lambda x: 1 - 2 * (x * torch.tensor(t)).sum() / (torch.tensor(t).sum() + x.sum() + 1e-7), p
    )
    close(value, expected, dtype)
    np.testing.assert_allclose(grad, slope, rtol=REL[dtype], atol=REL[dtype] * np.max(np.abs(slope)))


@ROUNDS
@pytest.mark.parametrize("per_image", [False, True])
def test_lovasz_hinge(seed: int, per_image: bool, dtype: np.dtype) -> None:
    """The formula of the paper's authors, whose ignored pixels are taken out before."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    z, y = rng.normal(0, 2, (3, 9, 8)).astype(dtype), rng.integers(0, 2, (3, 9, 8))
    if seed % 4 == 0:
        y[1] = 0
    y = np.where(rng.random(y.shape) < 0.2, 255, y)

    def of_image(x: Any, own: Any) -> Any:
        errors, order = (1 - x * (2 * own - 1)).sort(descending=True)
        own = own[order].to(x.dtype)
        sets = 1 - (own.sum() - own.cumsum(0)) / (own.sum() + (1 - own).cumsum(0))
        return (errors.relu() * torch.nn.functional.pad(sets, (1, 0)).diff()).sum()

    def theirs(x: Any) -> Any:
        images = zip(x, torch.tensor(y), strict=True) if per_image else [(x, torch.tensor(y))]
        values = [of_image(image[own != 255], own[own != 255]) for image, own in images]
        return torch.stack(values).mean()

    value, grad = fl.LovaszHinge(per_image=per_image, ignore_index=255).value_and_grad(z, y)
    expected, slope = torch_gradient(theirs, z)
    close(value, expected, dtype)
    np.testing.assert_allclose(grad, slope, rtol=20 * REL[dtype], atol=REL[dtype] * np.max(np.abs(slope)))


# ---- SciPy, POT, and the formulas of geomloss ----


def shares_of(rng: np.random.Generator, count: int, dtype: np.dtype) -> np.ndarray:
    weight = rng.uniform(0.1, 1, count)
    return (weight / weight.sum()).astype(dtype)


@ROUNDS
def test_scipy_on_a_line(seed: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0, 2, rng.integers(1, 9)), rng.normal(1, 1, rng.integers(1, 9))
    weights = (rng.uniform(0, 3, x.size), rng.uniform(0, 3, y.size)) if seed % 2 else (None, None)
    close(fl.wasserstein_1d(x, y, *weights), stats.wasserstein_distance(x, y, *weights), np.dtype(np.float64))
    energy = stats.energy_distance(x, y, *weights) ** 2
    assert fl.energy_distance(x[:, None], y[:, None], *weights) == pytest.approx(energy, rel=1e-9, abs=1e-13)
    p, t = rng.uniform(0, 1, (2, 7))
    close(fl.histogram_emd(p, t), stats.wasserstein_distance(range(7), range(7), p, t), np.dtype(np.float64))


@ROUNDS
@pytest.mark.filterwarnings("ignore:The use of .x.T.:UserWarning")  # POT's, of PyTorch
def test_pot_on_a_line(seed: int) -> None:
    """Against its program for any costs, too, which knows nothing of order; gradients by weights but for a constant."""
    torch, ot = pytest.importorskip("torch"), pytest.importorskip("ot")
    rng = np.random.default_rng(seed)
    sizes, p = rng.integers(2, 9, 2), float(rng.choice([1, 1.5, 2, 3]))
    x, y = (rng.normal(0, 2, n) for n in sizes)
    w, v = (shares_of(rng, n, np.dtype(np.float64)) for n in sizes)
    value, grads = fl.Wasserstein1D(p=p).value_and_grad(x, y, w, v)
    close(value, ot.emd2(w, v, np.abs(x[:, None] - y) ** p), np.dtype(np.float64))
    leaves = [torch.tensor(z, requires_grad=True) for z in (x, y, w, v)]
    theirs = ot.wasserstein_1d(*leaves, p=p)
    theirs.backward()
    close(value, theirs.detach().numpy(), np.dtype(np.float64))
    for k, (grad, leaf) in enumerate(zip(grads, leaves, strict=True)):
        slope = leaf.grad.numpy()
        slope = slope if k < 2 else slope - np.sum(leaf.detach().numpy() * slope)
        np.testing.assert_allclose(grad, slope, rtol=1e-9, atol=1e-12)
    alike = fl.wasserstein_1d(x, y, p=p, root=True)
    close(alike, ot.wasserstein_1d(x, y, p=p) ** (1 / p), np.dtype(np.float64))


@ROUNDS
def test_pot_sliced(seed: int, dtype: np.dtype) -> None:
    torch, ot = pytest.importorskip("torch"), pytest.importorskip("ot")
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 4)).astype(dtype), rng.normal(1, 2, (9, 4)).astype(dtype)
    weights = (shares_of(rng, 12, dtype), shares_of(rng, 9, dtype)) if seed % 2 else (None, None)
    loss = fl.SlicedWasserstein(n_projections=6, seed=seed, p=float(rng.choice([1, 2, 3])), root=True)
    value, grads = loss.value_and_grad(x, y, *weights)
    along = loss.directions(4).T.astype(dtype)
    leaves = [torch.tensor(z, requires_grad=True) for z in (x, y)]
    others = [None if w is None else torch.tensor(w) for w in weights]
    theirs = ot.sliced_wasserstein_distance(*leaves, *others, p=loss.p, projections=torch.tensor(along))
    theirs.backward()
    close(value, theirs.detach().numpy(), dtype)
    for grad, leaf in zip(grads[:2], leaves, strict=True):
        np.testing.assert_allclose(grad, leaf.grad.numpy(), rtol=20 * REL[dtype], atol=20 * REL[dtype])


@ROUNDS
@pytest.mark.parametrize("kernel", ["energy", "gaussian", "laplacian"])
def test_geomloss_kernels(seed: int, kernel: str, dtype: np.dtype) -> None:
    """Its kernel_samples gives half of the square."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    blur = float(rng.uniform(0.5, 3))
    arrays = [rng.normal(size=(8, 5)), rng.normal(0.5, 1, (6, 5)), shares_of(rng, 8, dtype), shares_of(rng, 6, dtype)]
    x, y, w, v = (z.astype(dtype) for z in arrays)
    tensors = [torch.tensor(z, requires_grad=k < 2) for k, z in enumerate((x, y, w, v))]

    def of(a: Any, b: Any) -> Any:
        squares = ((a[:, None] - b) ** 2).sum(-1)
        d = torch.where(squares > 0, squares, torch.ones_like(squares)).sqrt() * (squares > 0)
        return {"energy": -d, "gaussian": (-squares / 2 / blur**2).exp(), "laplacian": (-d / blur).exp()}[kernel]

    a, b, s, t = tensors
    half = 0.5 * s @ of(a, a) @ s + 0.5 * t @ of(b, b) @ t - s @ of(a, b) @ t
    half.backward()
    loss: Any = fl.EnergyDistance() if kernel == "energy" else fl.MMD(kernel=kernel, bandwidth=blur)
    value, grads = loss.value_and_grad(x, y, w, v)
    np.testing.assert_allclose(value / 2, half.detach().numpy(), rtol=REL[dtype], atol=REL[dtype])
    for grad, leaf in zip(grads[:2], (a, b), strict=True):
        np.testing.assert_allclose(grad / 2, leaf.grad.numpy(), rtol=20 * REL[dtype], atol=REL[dtype])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("reach", [None, 1.0])
def test_pot_sinkhorn(seed: int, reach: float | None) -> None:
    """Its plan is our gradient by costs."""
    ot = pytest.importorskip("ot")
    rng = np.random.default_rng(seed)
    cost, eps = rng.uniform(0, 2, (6, 5)), float(rng.uniform(0.2, 1))
    w, v = rng.uniform(0.1, 1, 6), rng.uniform(0.1, 1, 5)
    rounds = {"stopThr": 1e-14, "numItermax": 5000}
    if reach is None:
        w, v = w / w.sum(), v / v.sum()
        theirs = ot.sinkhorn(w, v, cost, eps, method="sinkhorn_log", **rounds)
    else:
        theirs = ot.unbalanced.sinkhorn_unbalanced(w, v, cost, eps, reach, reg_type="kl", **rounds)
    loss = fl.Sinkhorn(blur=eps, p=1, reach=reach, debias=False, tolerance=1e-13)
    value, grads = loss.value_and_grad(cost, None, w, v)
    np.testing.assert_allclose(grads[0], theirs, rtol=1e-8, atol=1e-11)
    if reach is None:
        entropy = np.sum(theirs * np.log(theirs / np.outer(w, v)))
        assert value == pytest.approx(np.sum(theirs * cost) + eps * entropy, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("reach", [None, 1.5])
@pytest.mark.parametrize("p", [1, 2])
def test_geomloss_sinkhorn(seed: int, reach: float | None, p: int) -> None:
    """SamplesLoss("sinkhorn"): potentials by its symmetric iterations, gradients through the last of them alone."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    blur = float(rng.uniform(0.5, 1))
    points = rng.normal(size=(7, 3)), rng.normal(0.5, 1, (5, 3))
    weights = [shares_of(rng, n, np.dtype(np.float64)) * (1 if reach is None else 1.3 - 0.1 * n) for n in (7, 5)]
    x, y = (torch.tensor(z, requires_grad=True) for z in points)
    a, b = map(torch.tensor, weights)
    eps, rho = blur**p, None if reach is None else reach**p
    damping = 1.0 if rho is None else 1 / (1 + eps / rho)

    def soft_minimum(z: Any, u: Any, weight: Any, potential: Any) -> Any:
        squares = ((z[:, None] - u.detach()) ** 2).sum(-1)
        cost = squares / 2 if p == 2 else torch.where(squares > 0, squares, torch.ones(())).sqrt() * (squares > 0)
        return -damping * eps * torch.logsumexp(weight.log() + potential.detach() / eps - cost / eps, dim=1)

    f, g, f_own, g_own = (torch.zeros(n, dtype=torch.float64) for n in (7, 5, 7, 5))
    with torch.no_grad():
        for _ in range(600):
            turns = soft_minimum(x, y, b, g), soft_minimum(y, x, a, f)
            f, g = (f + turns[0]) / 2, (g + turns[1]) / 2
            f_own = (f_own + soft_minimum(x, x, a, f_own)) / 2
            g_own = (g_own + soft_minimum(y, y, b, g_own)) / 2
    f, g = soft_minimum(x, y, b, g), soft_minimum(y, x, a, f)
    f_own, g_own = soft_minimum(x, x, a, f_own), soft_minimum(y, y, b, g_own)
    if rho is None:
        value = steep = a @ (f - f_own) + b @ (g - g_own)
    else:
        each = a @ ((-f_own / rho).exp() - (-f / rho).exp()) + b @ ((-g_own / rho).exp() - (-g / rho).exp())
        value, steep = (rho + eps / 2) * each, (rho + eps) * each
    steep.backward()
    loss = fl.Sinkhorn(blur=blur, p=p, reach=reach, tolerance=1e-13)
    ours, grads = loss.value_and_grad(*points, *weights)
    assert ours == pytest.approx(float(value.detach()), rel=1e-9, abs=1e-11)
    for grad, leaf in zip(grads[:2], (x, y), strict=True):
        np.testing.assert_allclose(grad, leaf.grad.numpy(), rtol=1e-7, atol=1e-9)


@ROUNDS
@pytest.mark.parametrize("per_image", [False, True])
def test_lovasz_softmax(seed: int, per_image: bool, dtype: np.dtype) -> None:
    """The formula of the paper's authors."""
    torch = pytest.importorskip("torch")
    z, y, _ = segmentation(seed, dtype)
    classes: Any = ("present", "all", (0, 3))[seed % 3]
    y = np.where(np.random.default_rng(seed).random(y.shape) < 0.2, 255, y)

    def of_pixels(p: Any, labels: Any) -> Any:
        values = []
        for c in range(4) if isinstance(classes, str) else classes:
            own = (labels == c).to(p.dtype)
            if classes == "present" and own.sum() == 0:
                continue
            errors, order = (own - p[:, c]).abs().sort(descending=True)
            own = own[order]
            sets = 1 - (own.sum() - own.cumsum(0)) / (own.sum() + (1 - own).cumsum(0))
            values.append((errors * torch.nn.functional.pad(sets, (1, 0)).diff()).sum())
        return torch.stack(values).mean()

    def theirs(x: Any) -> Any:
        p, labels = x.softmax(1).movedim(1, -1), torch.tensor(y)
        images = zip(p, labels, strict=True) if per_image else [(p, labels)]
        return torch.stack([of_pixels(image[own != 255], own[own != 255]) for image, own in images]).mean()

    value, grad = fl.LovaszSoftmax(per_image=per_image, classes=classes, ignore_index=255).value_and_grad(z, y)
    expected, slope = torch_gradient(theirs, z)
    close(value, expected, dtype)
    np.testing.assert_allclose(grad, slope, rtol=20 * REL[dtype], atol=10 * REL[dtype] * np.max(np.abs(slope)))


@ROUNDS
@pytest.mark.parametrize("kind", ["DiceCELoss", "FocalLoss", "DiceFocalLoss"])
def test_monai_sums(seed: int, kind: str, dtype: np.dtype) -> None:
    """The mean of its focal loss is over classes, too; that of its DiceFocalLoss is always of sigmoids."""
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.losses")
    if kind != "DiceCELoss" and dtype == np.float64:
        return  # its focal loss is in float32
    z, y, _ = segmentation(seed, dtype)
    rng = np.random.default_rng(seed)
    batch, background, squared = (bool(x) for x in rng.random(3) < 0.5)
    above, below, of_dice, of_pixels = rng.uniform(1e-3, 2, 4)
    dice: dict[str, Any] = {"softmax": True, "batch": batch, "squared_pred": squared, "include_background": background}
    dice |= {"smooth_nr": above, "smooth_dr": below}
    ours: dict[str, Any] = {"batch": batch, "squared": squared, "include_background": background}
    ours |= {"smooth": (above, below), "lambda_dice": of_dice}
    theirs: Any
    loss: Any
    if kind == "DiceCELoss":
        theirs = monai.DiceCELoss(**dice, lambda_dice=of_dice, lambda_ce=of_pixels, label_smoothing=0.1)
        loss = fl.DiceCE(**ours, lambda_ce=of_pixels, label_smoothing=0.1)
    elif kind == "DiceFocalLoss":
        gamma, alpha = float(rng.uniform(0.5, 3)), float(rng.uniform(0.1, 0.9))
        dice |= {"softmax": False, "sigmoid": True}
        theirs = monai.DiceFocalLoss(**dice, gamma=gamma, alpha=alpha, lambda_dice=of_dice, lambda_focal=of_pixels)
        loss = fl.DiceFocal(activation="sigmoid", **ours, gamma=gamma, alpha=alpha, lambda_focal=of_pixels)
    else:
        gamma = float(rng.uniform(0.5, 3))
        regions, pixels = monai.DiceLoss(**dice), monai.FocalLoss(gamma=gamma, use_softmax=True)
        loss = fl.DiceFocal(**ours, gamma=gamma, lambda_focal=of_pixels)

        def theirs(x: Any, t: Any) -> Any:
            return of_dice * regions(x, t) + 4 * of_pixels * pixels(x, t)

    value, grad = loss.value_and_grad(z, y)
    maps = torch.tensor((y[:, None] == np.arange(4).reshape(-1, 1, 1)).astype(dtype))
    expected, slope = torch_gradient(lambda x: theirs(x, maps), z)
    close(value, expected, dtype)
    np.testing.assert_allclose(grad, slope, rtol=REL[dtype], atol=REL[dtype] * np.max(np.abs(slope)))


# ---- Boxes: the formulas of torchvision, without what it adds to denominators ----


@ROUNDS
@pytest.mark.parametrize("kind", ["iou", "giou", "diou", "ciou"])
def test_torchvision_boxes(seed: int, kind: str, dtype: np.dtype) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 2, (2, 30, 2))
    pred, target = np.concatenate([low, low + rng.uniform(0.1, 3, low.shape)], axis=-1).astype(dtype)
    pred[0] = target[0] + 5  # apart
    pred[1] += np.tile(target[1, :2] - pred[1, :2], 2)  # a shared corner

    def theirs(x: Any, y: Any) -> Any:
        side, own = x[:, 2:] - x[:, :2], y[:, 2:] - y[:, :2]
        shared = (torch.minimum(x[:, 2:], y[:, 2:]) - torch.maximum(x[:, :2], y[:, :2])).clamp(min=0).prod(1)
        union = side.prod(1) + own.prod(1) - shared
        iou = shared / union
        whole = torch.maximum(x[:, 2:], y[:, 2:]) - torch.minimum(x[:, :2], y[:, :2])
        if kind == "iou":
            return 1 - iou
        if kind == "giou":
            return 1 - iou + (whole.prod(1) - union) / whole.prod(1)
        gap = (x[:, :2] + x[:, 2:] - y[:, :2] - y[:, 2:]) / 2
        value = 1 - iou + (gap**2).sum(1) / (whole**2).sum(1)
        if kind == "ciou":
            v = 4 / np.pi**2 * (torch.atan(own[:, 0] / own[:, 1]) - torch.atan(side[:, 0] / side[:, 1])) ** 2
            value = value + v * v / (1 - iou + v)  # its factor v / (1 - iou + v) is a constant there
        return value

    value, grads = fl.IoULoss(kind=kind, reduction="none").value_and_grad(pred, target, wrt="both")
    for grad, (expected, slope) in zip(
        grads,
        (
            torch_gradient(lambda x: theirs(x, torch.tensor(target)), pred),
            torch_gradient(lambda y: theirs(torch.tensor(pred), y), target),
        ),
        strict=True,
    ):
        close(value, expected, dtype)
        np.testing.assert_allclose(grad, slope, rtol=50 * REL[dtype], atol=5 * REL[dtype])


# ---- JAX and optax ----


@ROUNDS
def test_optax_ctc(seed: int) -> None:
    """Batch first, with masks of what is padding; in float32, where a sum of none is e^-1e5."""
    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    dtype = np.dtype(np.float32)
    z, labels, ends, counts, blank = utterances(seed, dtype)
    z = np.ascontiguousarray(z.transpose(1, 0, 2))
    padding = (np.arange(z.shape[1]) >= ends[:, None]).astype(dtype)
    label_padding = (np.arange(labels.shape[1]) >= counts[:, None]).astype(dtype)
    loss = fl.CTC(blank=int(blank), layout="NTC", reduction="sum")

    def theirs(x: Any) -> Any:
        return optax.ctc_loss(x, padding, labels, label_padding, blank_id=int(blank)).sum()

    value, grad = loss.value_and_grad(z, labels, ends, counts)
    close(value, theirs(jax.numpy.asarray(z)), dtype)
    np.testing.assert_allclose(grad, jax.grad(theirs)(jax.numpy.asarray(z)), rtol=2e-4, atol=2e-4)


@ROUNDS
def test_optax(seed: int) -> None:
    """Its functions give one value an item, in float32; derivatives are JAX's."""
    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    rng = np.random.default_rng(seed)
    dtype = np.dtype(np.float32)
    z, y = rng.normal(0, 3, (2, 40)).astype(dtype)
    delta, smoothing = float(rng.uniform(0.2, 3)), float(rng.uniform(0, 0.9))
    share, sign = rng.uniform(0, 1, 40).astype(dtype), rng.choice([-1.0, 1.0], 40).astype(dtype)
    label, alpha, gamma = (sign + 1) / 2, float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.3, 4))
    rows, labels = rng.normal(0, 4, (9, 6)).astype(dtype), rng.integers(0, 6, 9)
    soft = rng.dirichlet(np.ones(6), 9).astype(dtype)
    smoothed = optax.smooth_labels(np.eye(6, dtype=dtype)[labels], smoothing)
    pairs: list[tuple[Any, np.ndarray, Any, Any]] = [
        (fl.MSE(), z, y, lambda x: optax.squared_error(x, y)),
        (fl.MSE(half=True), z, y, lambda x: optax.l2_loss(x, y)),
        (fl.Huber(delta=delta), z, y, lambda x: optax.huber_loss(x, y, delta=delta)),
        (fl.BinaryCrossEntropy(), z, share, lambda x: optax.sigmoid_binary_cross_entropy(x, share)),
        (fl.Hinge(), z, sign, lambda x: optax.hinge_loss(x, sign)),
        (
            fl.BinaryFocal(alpha=alpha, gamma=gamma),
            z,
            label,
            lambda x: optax.sigmoid_focal_loss(x, label, alpha=alpha, gamma=gamma),
        ),
        (fl.CrossEntropy(), rows, labels, lambda x: optax.softmax_cross_entropy_with_integer_labels(x, labels)),
        (fl.CrossEntropy(), rows, soft, lambda x: optax.softmax_cross_entropy(x, soft)),
        (
            fl.CrossEntropy(label_smoothing=smoothing),
            rows,
            labels,
            lambda x: optax.softmax_cross_entropy(x, smoothed),
        ),
        (fl.MultiMargin(), rows, labels, lambda x: optax.losses.multiclass_hinge_loss(x, labels)),
        (fl.MultiMargin(margin=0), rows, labels, lambda x: optax.losses.multiclass_perceptron_loss(x, labels)),
        (fl.Sparsemax(), rows, labels, lambda x: optax.losses.multiclass_sparsemax_loss(x, labels)),
        (fl.Sparsemax(), rows / 8, labels, lambda x: optax.losses.multiclass_sparsemax_loss(x, labels)),
        (fl.Sparsemax(), rows[:, :2], labels % 2, lambda x: optax.losses.sparsemax_loss(x[:, 1] - x[:, 0], labels % 2)),
    ]
    for loss, pred, target, theirs in pairs:
        value, grad = loss.replace(reduction="none").value_and_grad(pred, target)
        close(value, theirs(pred), dtype)
        close(grad, jax.grad(lambda x, f=theirs: f(x).sum())(pred), dtype)


@ROUNDS
def test_jax_hessian_vector_products(seed: int) -> None:
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(seed)
    dtype = np.dtype(np.float32)
    rows, vector = rng.normal(0, 2, (2, 7, 5)).astype(dtype)
    labels = rng.integers(0, 5, 7)

    def theirs(x: Any) -> Any:
        return -jax.numpy.take_along_axis(jax.nn.log_softmax(x), labels[:, None], axis=1).mean()

    close(fl.CrossEntropy().hvp(rows, labels, vector=vector), jax.jvp(jax.grad(theirs), (rows,), (vector,))[1], dtype)


# ---- Formulas of torchvision and Keras, whose functions bring more along than a test needs ----


@ROUNDS
def test_torchvision_sigmoid_focal_loss(seed: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    z, y = rng.normal(0, 3, (4, 7)), rng.integers(0, 2, (4, 7)).astype(float)
    alpha, gamma = float(rng.uniform(0, 1)), float(rng.uniform(1, 4))

    def theirs(x: Any) -> Any:
        t = torch.tensor(y)
        p = torch.sigmoid(x)
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(x, t, reduction="none")
        of_label = p * t + (1 - p) * (1 - t)
        return ((alpha * t + (1 - alpha) * (1 - t)) * entropy * (1 - of_label) ** gamma).mean()

    value, grad = fl.BinaryFocal(alpha=alpha, gamma=gamma).value_and_grad(z, y)
    expected, slope = torch_gradient(theirs, z)
    close(value, expected, np.dtype(float))
    close(grad, slope, np.dtype(float))


@ROUNDS
def test_keras_formulas(seed: int) -> None:
    """It puts 0 and 1 onto -1 and +1 by itself: our ``labels="01"``; its focal loss takes probabilities."""
    rng = np.random.default_rng(seed)
    z, label = rng.normal(0, 2, 30), rng.integers(0, 2, 30).astype(float)
    sign, p = 2 * label - 1, rng.uniform(0, 1, 30)
    alpha, gamma, smoothing = rng.uniform(0, 1), rng.uniform(0, 4), rng.uniform(0, 0.9)
    dtype = np.dtype(float)
    close(fl.hinge(z, label, labels="01"), np.mean(np.maximum(1 - sign * z, 0)), dtype)
    close(fl.squared_hinge(z, label, labels="01"), np.mean(np.maximum(1 - sign * z, 0) ** 2), dtype)
    of_label = np.where(label == 1, p, 1 - p)
    weight = np.where(label == 1, alpha, 1 - alpha)
    expected = weight * (1 - of_label) ** gamma * -np.log(of_label)
    close(fl.binary_focal(p, label, from_logits=False, alpha=alpha, gamma=gamma), np.mean(expected), dtype)
    t = label * (1 - smoothing) + smoothing / 2
    smoothed = -t * (1 - p) ** gamma * np.log(p) - (1 - t) * p**gamma * np.log(1 - p)
    ours = fl.binary_focal(p, label, from_logits=False, gamma=gamma, label_smoothing=smoothing, reduction="none")
    close(ours, smoothed, dtype)
    y = np.where(rng.random(30) < 0.2, 0.0, rng.normal(0, 2, 30))
    logarithms = (np.log(np.maximum(x, 1e-7) + 1) for x in (z, y))
    close(fl.msle(z, y), np.mean(np.subtract(*logarithms) ** 2), dtype)
    close(100 * fl.mape(z, y), 100 * np.mean(np.abs(y - z) / np.maximum(np.abs(y), 1e-7)), dtype)


# ---- Divergences ----


@ROUNDS
@pytest.mark.parametrize("log_target", [False, True])
def test_torch_kl_div(seed: int, log_target: bool, dtype: np.dtype) -> None:
    """Its input is the prediction's log-probabilities; its batchmean is our mean over rows."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(seed)
    z, y = rng.normal(0, 2, (2, 6, 9)).astype(dtype)
    temperature = float(rng.choice([1.0, 2.0, 3.5]))
    target = torch.tensor(y).div(temperature).log_softmax(-1)
    target = target if log_target else target.exp()

    def theirs(x: Any) -> Any:
        log_probs = functional.log_softmax(x / temperature, -1)
        return temperature**2 * functional.kl_div(log_probs, target, log_target=log_target, reduction="batchmean")

    value, grad = torch_gradient(theirs, z)
    kind = "log_probs" if log_target else "probs"
    for given, kind_of_given in ((target.numpy(), kind), (y, "logits")):
        loss = fl.KLDivergence(target_kind=kind_of_given, temperature=temperature, scale_by_temperature2=True)
        ours, our_grad = loss.value_and_grad(z, given)
        close(ours, value, dtype)
        close(our_grad, grad, dtype)


@ROUNDS
def test_optax_kl_divergence(seed: int) -> None:
    optax = pytest.importorskip("optax")
    rng = np.random.default_rng(seed)
    log_q, p = np.log(rng.dirichlet(np.ones(7), 5)), rng.dirichlet(np.ones(7), 5)
    ours = fl.KLDivergence(pred_kind="log_probs", reduction="none")(log_q, p)
    np.testing.assert_allclose(ours, optax.losses.kl_divergence(log_q, p), rtol=2e-5, atol=2e-6)


@ROUNDS
@pytest.mark.parametrize("beta", [0.1, 0.5, 0.8])
def test_liger_jensen_shannon(seed: int, beta: float, dtype: np.dtype) -> None:
    """Its formula of two logarithms of probabilities; the student is the prediction. Gradients to either."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    z, y = rng.normal(0, 2, (2, 6, 9)).astype(dtype)
    temperature = float(rng.choice([1.0, 2.0, 3.5]))

    def theirs(student: Any, teacher: Any) -> Any:
        log_q, log_p = (torch.log_softmax(x / temperature, -1) for x in (student, teacher))
        log_m = torch.log(beta * log_p.exp() + (1 - beta) * log_q.exp())
        terms = beta * log_p.exp() * (log_p - log_m) + (1 - beta) * log_q.exp() * (log_q - log_m)
        return terms.sum(-1).mean()

    loss: Any = fl.JensenShannon(target_kind="logits", beta=beta, temperature=temperature)
    value, grads = loss.value_and_grad(z, y, wrt="both")
    for ours, pair in zip(
        grads, (lambda x: theirs(x, torch.tensor(y)), lambda x: theirs(torch.tensor(z), x)), strict=True
    ):
        expected, slope = torch_gradient(pair, z if ours is grads[0] else y)
        close(value, expected, dtype)
        np.testing.assert_allclose(ours, slope, rtol=REL[dtype], atol=REL[dtype] * np.abs(slope).max())


@ROUNDS
def test_scipy_jensenshannon(seed: int) -> None:
    """The root; the square of it is the divergence."""
    distance = pytest.importorskip("scipy.spatial.distance")
    rng = np.random.default_rng(seed)
    q, p = rng.dirichlet(np.ones(7), (2, 5))
    loss: Any = fl.JensenShannon(pred_kind="probs", reduction="none", eps=1e-12)
    expected = distance.jensenshannon(p, q, axis=-1)
    np.testing.assert_allclose(loss.replace(sqrt=True)(q, p), expected, rtol=1e-9)
    np.testing.assert_allclose(loss(q, p), expected**2, rtol=1e-9)


# ---- Embeddings ----


@ROUNDS
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_torch_embeddings(seed: int, reduction: str, dtype: np.dtype) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(9, 7))
    vectors = [(base + rng.uniform(0.2, 1) * rng.normal(size=(9, 7))).astype(dtype) for _ in range(3)]
    margin, p, swap = rng.uniform(0, 2), rng.uniform(1, 5), bool(seed % 2)
    sign = rng.choice([-1, 1], 9)
    t = torch.tensor(sign)

    def cosine_distance(x: Any, y: Any) -> Any:
        return 1 - functional.cosine_similarity(x, y)

    def reduced(items: Any) -> Any:
        return {"mean": items.mean, "sum": items.sum, "none": lambda: items}[reduction]()

    def triplet(a: Any, b: Any, c: Any, **options: Any) -> Any:
        return functional.triplet_margin_loss(a, b, c, margin=margin, eps=0, swap=swap, reduction=reduction, **options)

    def with_distance(a: Any, b: Any, c: Any) -> Any:
        return functional.triplet_margin_with_distance_loss(
            a, b, c, distance_function=cosine_distance, margin=margin, swap=swap, reduction=reduction
        )

    cases: list[tuple[Any, tuple[Any, ...], Any]] = [
        (fl.Triplet(margin=margin, swap=swap), (), triplet),
        (fl.Triplet(margin=margin, swap=swap, distance=p), (), lambda a, b, c: triplet(a, b, c, p=p)),
        (fl.Triplet(margin=margin, swap=swap, distance="l1"), (), lambda a, b, c: triplet(a, b, c, p=1)),
        (fl.Triplet(margin=margin, swap=swap, distance="cosine"), (), with_distance),
        (fl.CosineSimilarity(), (), lambda a, b: reduced(cosine_distance(a, b))),
        (
            fl.CosineEmbedding(margin=margin - 1),
            (sign,),
            lambda a, b: functional.cosine_embedding_loss(a, b, t, margin=margin - 1, reduction=reduction),
        ),
    ]
    for loss, target, function in cases:
        operands = vectors[: len(loss.variables)]
        leaves = [torch.tensor(x, requires_grad=True) for x in operands]
        theirs = function(*leaves)
        theirs.sum().backward()
        value, grads = loss.replace(reduction=reduction).value_and_grad(*operands, *target)
        close(value, theirs.detach().numpy(), dtype)
        for grad, leaf in zip(grads, leaves, strict=True):
            close(grad, leaf.grad.numpy(), dtype)


@ROUNDS
def test_optax_embeddings(seed: int) -> None:
    optax = pytest.importorskip("optax")
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(seed)
    anchor, positive, negative = rng.normal(size=(3, 8, 5))
    margin, temperature = rng.uniform(0.1, 2), rng.uniform(0.1, 2)

    def triplet(a: Any, p: Any, n: Any) -> Any:
        return optax.losses.triplet_margin_loss(a, p, n, margin=margin, eps=0.0).mean()

    theirs, slopes = jax.value_and_grad(triplet, argnums=(0, 1, 2))(anchor, positive, negative)
    value, grads = fl.Triplet(margin=margin).value_and_grad(anchor, positive, negative)
    close(value, theirs, np.dtype(np.float64))
    for grad, slope in zip(grads, slopes, strict=True):
        close(grad, slope, np.dtype(np.float64))

    def cosine(a: Any, p: Any) -> Any:
        return optax.cosine_distance(a, p).mean()

    theirs, slopes = jax.value_and_grad(cosine, argnums=(0, 1))(anchor, positive)
    value, grads = fl.CosineSimilarity().value_and_grad(anchor, positive)
    close(value, theirs, np.dtype(np.float64))
    for grad, slope in zip(grads, slopes, strict=True):
        close(grad, slope, np.dtype(np.float64))

    # Samples as classes of two: each embedding is an anchor once.
    def nt_xent(a: Any, p: Any) -> Any:
        labels = jax.numpy.tile(jax.numpy.arange(len(a)), 2)
        return optax.ntxent(jax.numpy.concatenate([a, p]), labels, temperature)

    theirs, slopes = jax.value_and_grad(nt_xent, argnums=(0, 1))(anchor, positive)
    value, grads = fl.NTXent(temperature=temperature).value_and_grad(anchor, positive)
    close(value, theirs, np.dtype(np.float64))
    for grad, slope in zip(grads, slopes, strict=True):
        close(grad, slope, np.dtype(np.float64))


@ROUNDS
def test_formulas_of_metric_learning(seed: int) -> None:
    """Those of pytorch-metric-learning, in torch."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, 12, 5))
    labels = rng.integers(0, 4, 12)
    temperature = float(rng.uniform(0.05, 1))

    def info_nce(q: Any, k: Any) -> Any:
        return functional.cross_entropy(
            functional.normalize(q) @ functional.normalize(k).T / temperature, torch.arange(12)
        )

    def n_pairs(a: Any, p: Any) -> Any:
        return functional.cross_entropy(a @ p.T, torch.arange(12))

    def sup_con(z: Any) -> Any:
        z = functional.normalize(z)
        same = torch.tensor(labels[:, None] == labels).double()
        same.fill_diagonal_(0)
        s = z @ z.T / temperature
        s = s - s.max(dim=1, keepdim=True).values.detach()
        others = 1 - torch.eye(12, dtype=torch.float64)
        log_p = s - torch.log((others * s.exp()).sum(dim=1, keepdim=True))
        count = same.sum(dim=1)
        return -((same * log_p).sum(dim=1)[count > 0] / count[count > 0]).mean()

    cases: list[tuple[Any, tuple[Any, ...], tuple[Any, ...], Any]] = [
        (fl.InfoNCE(temperature=temperature), (first, second), (), info_nce),
        (fl.NPairs(), (first, second), (), n_pairs),
        (fl.SupCon(temperature=temperature), (first,), (labels,), sup_con),
    ]
    for loss, operands, target, function in cases:
        leaves = [torch.tensor(x, requires_grad=True) for x in operands]
        theirs = function(*leaves)
        theirs.backward()
        value, grads = loss.value_and_grad(*operands, *target)
        close(value, theirs.detach().numpy(), np.dtype(np.float64))
        for grad, leaf in zip(grads if len(leaves) > 1 else (grads,), leaves, strict=True):
            close(grad, leaf.grad.numpy(), np.dtype(np.float64))
