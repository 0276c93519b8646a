"""Which function of another library is which loss of ours, and how its value and gradient are had.

Only losses with default options are compared. The gradient is that of the mean, as training asks for it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

import fusedloss as fl

from .machine import processors

Operands = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Call:
    """A peer's value and gradient.

    Attributes:
        run: Computes them, and has finished when it returns.
        value_scale: What makes its value ours.
        grad_scale: What makes its gradient ours.
        loose: How many times the usual error its results may have.
        least: What error they may have whatever the precision: that of iterations which stop.
    """

    run: Callable[[], tuple[Any, Any]]
    value_scale: float = 1.0
    grad_scale: float = 1.0
    loose: float = 1.0
    least: float = 0.0


@dataclass(frozen=True)
class Peer:
    """A library.

    Attributes:
        distribution: What must be installed.
        table: What stands for each loss.
        call: Makes a call of an entry of the table, operands, and a number of threads.
    """

    distribution: str
    table: Mapping[type[fl.Loss], Any]
    call: Callable[[Any, Operands, int], Call | None]

    @property
    def installed(self) -> bool:
        """Whether it can be asked."""
        try:
            return bool(metadata.version(self.distribution))
        except metadata.PackageNotFoundError:
            return False

    def prepare(self, loss: fl.Loss, operands: Operands, threads: int) -> Call | None:
        """The same loss there; None if it has none."""
        entry = self.table.get(type(loss))
        return None if entry is None or loss != type(loss)() else self.call(entry, operands, threads)


# ---- NumPy, as one writes it by hand ----


def _mse(z: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
    r = z - y
    return np.mean(r * r), r * (2 / r.size)


def _mae(z: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
    r = z - y
    return np.mean(np.abs(r)), np.sign(r) / r.size


def _huber(z: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
    r = z - y
    inner = np.clip(r, -1, 1)
    return np.mean(inner * (r - inner / 2)), inner / r.size


def _quantile(z: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
    e = y - z
    return np.mean(np.maximum(0.5 * e, -0.5 * e)), np.sign(e) * (-0.5 / e.size)


def _binary_cross_entropy(z: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
    value = np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))
    return value, (1 / (1 + np.exp(-z)) - y) / z.size


def _hinge(z: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
    gap = 1 - y * z
    return np.mean(np.maximum(gap, 0)), np.where(gap > 0, -y, np.zeros_like(y)) / z.size


def _cross_entropy(z: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
    rows = np.arange(len(y))
    shifted = z - z.max(axis=1, keepdims=True)
    grad = np.exp(shifted)
    total = grad.sum(axis=1, keepdims=True)
    value = np.mean(np.log(total[:, 0]) - shifted[rows, y])
    grad /= total
    grad[rows, y] -= 1
    grad /= len(y)
    return value, grad


def _linear_cross_entropy(
    h: np.ndarray, w: np.ndarray, y: np.ndarray, b: np.ndarray
) -> tuple[Any, tuple[np.ndarray, ...]]:
    value, grad = _cross_entropy(h @ w.T + b, y)
    return value, (grad @ w, grad.T @ h, grad.sum(axis=0))


def _numpy_call(function: Any, operands: Operands, threads: int) -> Call:
    return Call(lambda: function(*operands))


NUMPY: dict[type[fl.Loss], Any] = {
    fl.MSE: _mse,
    fl.MAE: _mae,
    fl.Huber: _huber,
    fl.Quantile: _quantile,
    fl.BinaryCrossEntropy: _binary_cross_entropy,
    fl.Hinge: _hinge,
    fl.CrossEntropy: _cross_entropy,
    fl.LinearCrossEntropy: _linear_cross_entropy,
}


# ---- PyTorch: forward and backward, with a new gradient as after zero_grad() ----


@dataclass(frozen=True)
class Several:
    """A function of several operands that have a gradient.

    Attributes:
        function: It.
        variables: Which of its operands these are.
        loose: How many times the usual error its results may have.
        least: What error they may have whatever the precision.
    """

    function: Callable[..., Any]
    variables: tuple[int, ...]
    loose: float = 1.0
    least: float = 0.0


def _torch_call(entry: Any, operands: Operands, threads: int, compiled: bool = False) -> Call:
    torch = importlib.import_module("torch")
    torch.set_num_threads(threads)
    if not isinstance(entry, Several):
        entry = Several(entry, (0,))
    function, variables = entry.function, entry.variables
    tensors = [torch.from_numpy(x) for x in operands]
    leaves = [tensors[k].requires_grad_() for k in variables]

    def forward(*operands: Any) -> Any:
        return function(torch.nn.functional, *operands)

    if compiled:
        torch.compiler.reset()  # it compiles a function for a few shapes only
        forward = torch.compile(forward, dynamic=False)

    def run() -> tuple[Any, Any]:
        for leaf in leaves:
            leaf.grad = None
        value = forward(*tensors)
        value.backward()
        return value.detach(), tuple(leaf.grad for leaf in leaves)

    return Call(run, loose=entry.loose, least=entry.least)


def _torch_linear_cross_entropy(f: Any, h: Any, w: Any, y: Any, b: Any) -> Any:
    """In chunks, which PyTorch has from 2.13 on."""
    torch = importlib.import_module("torch")
    if not hasattr(f, "linear_cross_entropy"):
        return f.cross_entropy(f.linear(h, w, b), y)
    return f.linear_cross_entropy(h, w, y, linear_bias=b, options=torch.nn.LinearCrossEntropyOptions())


def _compiled_torch_call(entry: Any, operands: Operands, threads: int) -> Call:
    return _torch_call(entry, operands, threads, compiled=True)


CDIST = 100.0  # its distances come from squares that cancel

TORCH: dict[type[fl.Loss], Any] = {
    fl.MSE: lambda f, z, y: f.mse_loss(z, y),
    fl.MAE: lambda f, z, y: f.l1_loss(z, y),
    fl.Huber: lambda f, z, y: f.huber_loss(z, y),
    fl.BinaryCrossEntropy: lambda f, z, y: f.binary_cross_entropy_with_logits(z, y),
    fl.CrossEntropy: lambda f, z, y: f.cross_entropy(z, y),
    fl.LinearCrossEntropy: Several(_torch_linear_cross_entropy, (0, 1, 3)),
    fl.CTC: Several(lambda f, z, *labels: _torch_ctc(f, z, *labels), (0,), 10),  # its float32 adds up logarithms
    fl.RNNT: lambda f, z, *labels: _torch_rnnt(f, z, *labels),
    fl.Dice: lambda f, z, y: _torch_overlap(f, z, y, 2.0, 1.0),
    fl.Jaccard: lambda f, z, y: _torch_overlap(f, z, y, 1.0, 1.0),
    fl.Tversky: lambda f, z, y: _torch_overlap(f, z, y, 1.0, 0.5),
    fl.LovaszHinge: lambda f, z, y: _torch_lovasz(f, 1 - z.flatten() * (2 * y.flatten() - 1), y.flatten()),
    fl.LovaszSoftmax: lambda f, z, y: _torch_lovasz_softmax(f, z.softmax(1).movedim(1, 0).flatten(1), y.flatten()),
    fl.DiceCE: lambda f, z, y: _torch_overlap(f, z, y, 2.0, 1.0, softmax=True) + f.cross_entropy(z, y),
    fl.IoULoss: lambda f, z, y: _torch_boxes(f, z, y),
    fl.TotalVariation: lambda f, x: x.diff(dim=-1).abs().mean() + x.diff(dim=-2).abs().mean(),
    fl.SSIM: lambda f, x, y: _torch_ssim(f, x, y),
    fl.Perceptual: lambda f, x, y: (_units(x) - _units(y)).square().sum(1).mean(),
    fl.Style: lambda f, x, y: (_gram(x) - _gram(y)).square().sum((1, 2)).mean(),
    fl.OrdinalCumulative: lambda f, z, y: _torch_ordinal(f, z, y),
    fl.SquaredEMD: lambda f, z, y: _torch_emd(f, z, y),
    fl.CosineEmbedding: Several(lambda f, x1, x2, y: f.cosine_embedding_loss(x1, x2, y), (0, 1)),
    fl.CosineSimilarity: Several(lambda f, x1, x2: 1 - f.cosine_similarity(x1, x2).mean(), (0, 1)),
    fl.Triplet: Several(lambda f, a, p, n: f.triplet_margin_loss(a, p, n, eps=0), (0, 1, 2)),
    fl.NTXent: Several(lambda f, v1, v2: _torch_nt_xent(f, v1, v2), (0, 1)),
    fl.InfoNCE: Several(lambda f, q, k: _torch_info_nce(f, f.normalize(q), f.normalize(k) / 0.07), (0, 1)),
    fl.NPairs: Several(lambda f, a, p: _torch_info_nce(f, a, p), (0, 1)),
    fl.EnergyDistance: Several(lambda f, x, y: -_torch_discrepancy(x, y, lambda d: d), (0, 1), CDIST),
    fl.MMD: Several(lambda f, x, y: _torch_discrepancy(x, y, lambda d: (-d * d / 2).exp()), (0, 1), CDIST),
    fl.HistogramEMD: lambda f, z, y: _torch_cumulated(z / z.sum(1, True), y / y.sum(1, True)),
    fl.MultiSimilarity: lambda f, z, y: _torch_multi_similarity(f, z, y),
    fl.Circle: lambda f, z, y: _torch_circle(f, z, y),
    fl.Lifted: lambda f, z, y: _torch_lifted(f, z, y),
    fl.GeneralizedLifted: lambda f, z, y: _torch_generalized_lifted(f, z, y),
    fl.ArcFace: Several(lambda f, z, y, w: _torch_arcface(f, z, y, w), (0, 2)),
    fl.CosFace: Several(lambda f, z, y, w: _torch_cosface(f, z, y, w), (0, 2)),
    fl.CenterLoss: Several(lambda f, z, y, c: 0.5 * f.mse_loss(z, c[y], reduction="sum") / len(z), (0, 2)),
    fl.BarlowTwins: Several(lambda f, x, y: _torch_barlow_twins(x, y), (0, 1)),
    fl.VICReg: Several(lambda f, x, y: _torch_vicreg(f, x, y), (0, 1)),
}


def _torch_folds(y: Any, near: Any, far: Any, one: bool) -> tuple[Any, Any]:
    """As pytorch-metric-learning writes it: masks of pairs, and exponents of -inf for those that do not count."""
    torch = importlib.import_module("torch")
    same = y[:, None] == y
    near = near.masked_fill(~same | torch.eye(len(y), dtype=torch.bool), float("-inf"))
    folds = [near, far.masked_fill(same, float("-inf"))]
    if one:
        folds = [torch.cat([x, x.new_zeros(len(x), 1)], dim=1) for x in folds]
    return folds[0].logsumexp(1), folds[1].logsumexp(1)


def _torch_multi_similarity(f: Any, z: Any, y: Any) -> Any:
    z = f.normalize(z)
    s = z @ z.T
    near, far = _torch_folds(y, -2 * (s - 0.5), 50 * (s - 0.5), True)
    return (near / 2 + far / 50).mean()


def _torch_circle(f: Any, z: Any, y: Any) -> Any:
    z = f.normalize(z)
    s = z @ z.T
    near, far = _torch_folds(y, -80 * f.relu(1.4 - s) * (s - 0.6), 80 * f.relu(s + 0.4) * (s - 0.4), False)
    return (near + far).logaddexp(z.new_zeros(())).mean()  # softplus would overflow


def _torch_lifted(f: Any, z: Any, y: Any) -> Any:
    """As its authors write it; pytorch-metric-learning has an array of all pairs that belong together by all others."""
    torch = importlib.import_module("torch")
    d = torch.cdist(z, z)
    far = _torch_folds(y, d, 1 - d, False)[1]
    pairs = (y[:, None] == y) & ~torch.eye(len(y), dtype=torch.bool)
    return (f.relu(far[:, None].logaddexp(far) + d)[pairs] ** 2).mean() / 2


def _torch_generalized_lifted(f: Any, z: Any, y: Any) -> Any:
    torch = importlib.import_module("torch")
    d = torch.cdist(z, z)
    near, far = _torch_folds(y, d, 1 - d, False)
    return f.relu(near + far).mean()


def _torch_arcface(f: Any, z: Any, y: Any, w: Any) -> Any:
    """As its authors write it: the sine from the cosine, and every logit of both, one of which a mask selects."""
    c = f.linear(f.normalize(z), f.normalize(w))
    wider = c * np.cos(0.5) - (1 - c * c).clamp(min=0).sqrt() * np.sin(0.5)
    own = f.one_hot(y, len(w)).bool()
    return f.cross_entropy(64 * (wider.where(c >= -np.cos(0.5), c - 0.5 * np.sin(0.5)).where(own, c)), y)


def _torch_cosface(f: Any, z: Any, y: Any, w: Any) -> Any:
    c = f.linear(f.normalize(z), f.normalize(w))
    return f.cross_entropy(64 * (c - 0.35 * f.one_hot(y, len(w)).to(c.dtype)), y)


def _torch_barlow_twins(x: Any, y: Any) -> Any:
    """As MONAI writes it."""
    x, y = ((z - z.mean(0)) / (z.std(0, correction=0) + 1e-6) for z in (x, y))
    gap = x.T @ y / len(x)
    gap = gap - gap.new_ones(len(gap)).diag()
    squares = gap * gap
    return 5e-3 * squares.sum() + (1 - 5e-3) * squares.trace()


def _torch_vicreg(f: Any, x: Any, y: Any) -> Any:
    value = 25 * f.mse_loss(x, y)
    for z in (x, y):
        apart = z - z.mean(0)
        v = apart.T @ apart / (len(z) - 1)
        value = value + 12.5 * f.relu(1 - (v.diagonal() + 1e-4).sqrt()).mean()
        value = value + ((v * v).sum() - (v.diagonal() ** 2).sum()) / z.shape[1]
    return value


def _torch_nt_xent(f: Any, v1: Any, v2: Any) -> Any:
    """With the array of all similarities, as it is usually written."""
    torch = importlib.import_module("torch")
    z, samples = f.normalize(torch.cat([v1, v2])), len(v1)
    logits = (z @ z.T / 0.07).masked_fill(torch.eye(2 * samples, dtype=torch.bool), float("-inf"))
    return f.cross_entropy(logits, (torch.arange(2 * samples) + samples) % (2 * samples))


def _torch_info_nce(f: Any, query: Any, key: Any) -> Any:
    torch = importlib.import_module("torch")
    return f.cross_entropy(query @ key.T, torch.arange(len(query)))


def _torch_ctc(f: Any, z: Any, y: Any, frames: Any, labels: Any) -> Any:
    return f.ctc_loss(f.log_softmax(z, 2), y, frames, labels, reduction="sum") / len(frames)


def _torch_rnnt(f: Any, z: Any, y: Any, frames: Any, labels: Any) -> Any:
    """Frame by frame in logarithms: of all labels given before, a cumulative sum less what it begins with."""
    torch = importlib.import_module("torch")
    log_p = f.log_softmax(z, 3)
    given = log_p[:, :, :-1].gather(3, y[:, None, :, None].expand(-1, z.shape[1], -1, 1))[..., 0]
    along, blank = f.pad(given.cumsum(2), (1, 0)), log_p[..., 0]
    ways = along[:, 0]
    for t in range(1, z.shape[1]):
        ways = along[:, t] + torch.logcumsumexp(ways + blank[:, t - 1] - along[:, t], 1)
    return -(ways[:, -1] + blank[:, -1, -1]).mean()


def _torch_overlap(f: Any, z: Any, y: Any, overlap: float, wrong: float, softmax: bool = False) -> Any:
    """As MONAI writes it: one-hot maps, products and sums over pixels."""
    p, t = z.softmax(1) if softmax else z.sigmoid(), f.one_hot(y, z.shape[1]).movedim(-1, 1).to(z.dtype)
    pixels = tuple(range(2, z.ndim))
    both = (p * t).sum(pixels)
    return (1 - overlap * both / ((overlap - 2 * wrong) * both + wrong * (p.sum(pixels) + t.sum(pixels)))).mean()


def _torch_lovasz(f: Any, errors: Any, y: Any) -> Any:
    """As the paper's authors write it: all errors are sorted, the loss of each set is made, and its differences."""
    errors, order = errors.sort(descending=True)
    own = y[order].to(errors.dtype)
    sets = 1 - (own.sum() - own.cumsum(0)) / (own.sum() + (1 - own).cumsum(0))
    return (f.relu(errors) * f.pad(sets, (1, 0)).diff()).sum()


def _torch_lovasz_softmax(f: Any, p: Any, y: Any) -> Any:
    owned = [(y == c).to(p.dtype) for c in range(len(p))]
    return sum(_torch_lovasz(f, (own - of).abs(), own) for own, of in zip(owned, p, strict=True)) / len(p)


def _torch_boxes(f: Any, z: Any, y: Any) -> Any:
    """As torchvision writes it, column by column."""
    (x1, y1, x2, y2), (u1, v1, u2, v2) = z.unbind(-1), y.unbind(-1)
    shared = f.relu(x2.minimum(u2) - x1.maximum(u1)) * f.relu(y2.minimum(v2) - y1.maximum(v1))
    union = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - shared
    return (1 - shared / union).mean()


def _torch_ssim(f: Any, x: Any, y: Any) -> Any:
    """As Wang et al. write it; means over windows are a convolution of each channel."""
    weights, channels = x.new_tensor(fl.SSIM().weights), x.shape[1]
    window = (weights[:, None] * weights).expand(channels, 1, 11, 11)
    mx, my, xx, yy, xy = (f.conv2d(z, window, groups=channels) for z in (x, y, x * x, y * y, x * y))
    alike = (2 * mx * my + 0.01**2) * (2 * (xy - mx * my) + 0.03**2)
    return 1 - (alike / ((mx**2 + my**2 + 0.01**2) * (xx - mx**2 + yy - my**2 + 0.03**2))).mean()


def _units(x: Any) -> Any:
    """As LPIPS writes it, but for its eps."""
    return x / x.square().sum(1, keepdim=True).sqrt()


def _gram(x: Any) -> Any:
    flat = x.flatten(2)
    return flat @ flat.mT / flat[0].numel()


def _torch_ordinal(f: Any, z: Any, y: Any) -> Any:
    above = (y[:, None] > y.new_tensor(range(z.shape[1]))).to(z.dtype)
    return f.binary_cross_entropy_with_logits(z, above, reduction="sum") / len(z)


def _torch_emd(f: Any, z: Any, y: Any) -> Any:
    apart = f.softmax(z, 1).cumsum(1) - f.one_hot(y, z.shape[1]).cumsum(1)
    return (apart * apart).sum() / len(z)


def _torch_discrepancy(x: Any, y: Any, kernel: Any) -> Any:
    """With the arrays of all distances."""
    cdist = importlib.import_module("torch").cdist
    return kernel(cdist(x, x)).mean() + kernel(cdist(y, y)).mean() - 2 * kernel(cdist(x, y)).mean()


def _torch_cumulated(p: Any, t: Any) -> Any:
    return (p - t).cumsum(1)[:, :-1].abs().sum() / len(p)


# ---- POT, on tensors of PyTorch ----


def _pot() -> Any:
    return importlib.import_module("ot")


def _pot_sliced(x: Any, y: Any) -> Any:
    """On our directions; its value is the root."""
    along = fl.SlicedWasserstein().directions(x.shape[1]).T.astype(x.detach().numpy().dtype)
    return _pot().sliced_wasserstein_distance(x, y, projections=x.new_tensor(along)) ** 2


def _pot_sinkhorn(x: Any, y: Any) -> Any:
    """Its logarithmic iterations, to our tolerance: a sum, where its own is a root of squares. Plans are constants."""
    eps, tolerance = fl.Sinkhorn().eps, fl.Sinkhorn().tolerance / np.sqrt(max(len(x), len(y)))

    def transport(a: Any, b: Any) -> Any:
        cost = (a[:, None] - b).square().sum(-1) / 2
        w, v = (z.new_full((len(z),), 1 / len(z)) for z in (a, b))
        plan = _pot().sinkhorn(w, v, cost.detach(), eps, method="sinkhorn_log", stopThr=tolerance, warn=False)
        excess = (plan / (w[:, None] * v)).log()
        return (plan * (cost + eps * excess.where(plan > 0, plan))).sum()

    return transport(x, y) - (transport(x, x) + transport(y, y)) / 2


POT: dict[type[fl.Loss], Any] = {
    # It adds up shares in the precision of the samples: each of 1e6 is off by some hundredths in float32.
    fl.Wasserstein1D: Several(lambda f, x, y: _pot().wasserstein_1d(x, y), (0, 1), 200.0),
    fl.SlicedWasserstein: Several(lambda f, x, y: _pot_sliced(x, y), (0, 1)),
    fl.Sinkhorn: Several(lambda f, x, y: _pot_sinkhorn(x, y), (0, 1), least=3e-4),
}


# ---- JAX: its own and optax's formulas, compiled with their derivative ----


def _jax_call(entry: Any, operands: Operands, threads: int) -> Call | None:
    if threads != processors():  # what it uses; that cannot be set
        return None
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    both = jax.jit(jax.value_and_grad(lambda z, y: entry(jax, z, y)))
    pred, *others = (jax.numpy.asarray(x) for x in operands)
    return Call(lambda: jax.block_until_ready(both(pred, *others)))


JAX: dict[type[fl.Loss], Any] = {
    fl.MSE: lambda jax, z, y: jax.numpy.mean((z - y) ** 2),
    fl.MAE: lambda jax, z, y: jax.numpy.mean(abs(z - y)),
    fl.Huber: lambda jax, z, y: _jax_huber(jax.numpy, abs(z - y)),
    fl.Quantile: lambda jax, z, y: jax.numpy.mean(0.5 * abs(y - z)),
    fl.BinaryCrossEntropy: lambda jax, z, y: (
        -jax.numpy.mean(y * jax.nn.log_sigmoid(z) + (1 - y) * jax.nn.log_sigmoid(-z))
    ),
    fl.Hinge: lambda jax, z, y: jax.numpy.mean(jax.nn.relu(1 - z * y)),
    fl.CrossEntropy: lambda jax, z, y: (
        -jax.numpy.mean(jax.numpy.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1))
    ),
    fl.MultiMargin: lambda jax, z, y: jax.numpy.mean(_hinges(jax.numpy, z, y)),
}


def _hinges(jnp: Any, z: Any, y: Any) -> Any:
    own = jnp.arange(z.shape[1]) == y[:, None]
    return jnp.max(z + jnp.where(own, 0, 1).astype(z.dtype), axis=1) - jnp.take_along_axis(z, y[:, None], axis=1)[:, 0]


def _jax_huber(jnp: Any, r: Any) -> Any:
    inner = jnp.minimum(r, 1.0)
    return jnp.mean(0.5 * inner**2 + (r - inner))


# ---- scikit-learn: what its estimators call, into arrays made before; one value an item, then their mean ----


def _sklearn_call(entry: tuple[str, dict[str, Any], float], operands: Operands, threads: int) -> Call:
    name, options, scale = entry
    pred, target = operands
    if pred.ndim == 2:
        options = {"n_classes": pred.shape[1]}
    loss = getattr(importlib.import_module("sklearn._loss.loss"), name)(**options)
    target = target.astype(pred.dtype)  # labels too
    values, grads = np.empty(len(pred), pred.dtype), np.empty_like(pred)

    def run() -> tuple[Any, Any]:
        loss.loss_gradient(target, pred, loss_out=values, gradient_out=grads, n_threads=threads)
        return values.mean(), grads

    return Call(run, scale, scale / len(pred))


SKLEARN: dict[type[fl.Loss], Any] = {
    fl.MSE: ("HalfSquaredError", {}, 2.0),
    fl.MAE: ("AbsoluteError", {}, 1.0),
    fl.Huber: ("HuberLoss", {"delta": 1.0}, 1.0),
    fl.Quantile: ("PinballLoss", {"quantile": 0.5}, 1.0),
    fl.BinaryCrossEntropy: ("HalfBinomialLoss", {}, 1.0),
    fl.CrossEntropy: ("HalfMultinomialLoss", {}, 1.0),
}


PEERS: dict[str, Peer] = {
    "numpy": Peer("numpy", NUMPY, _numpy_call),
    "torch": Peer("torch", TORCH, _torch_call),
    "torch.compile": Peer("torch", TORCH, _compiled_torch_call),
    "pot": Peer("POT", POT, _torch_call),
    "jax": Peer("jax", JAX, _jax_call),
    "sklearn": Peer("scikit-learn", SKLEARN, _sklearn_call),
}
DEFAULT = ("numpy", "torch", "pot", "jax", "sklearn")  # torch.compile takes seconds for each row of the table
