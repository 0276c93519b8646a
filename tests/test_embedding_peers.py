"""Losses of embeddings against the libraries that people come from, and formulas written out in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_peers import close

import fusedloss as fl

torch = pytest.importorskip("torch")
ROUNDS = pytest.mark.parametrize("seed", range(6))
DOUBLE = np.dtype(np.float64)


def metric_learning(part: str) -> Any:
    """A module of the library pytorch-metric-learning."""
    return pytest.importorskip(f"pytorch_metric_learning.{part}")


def agree(loss: Any, operands: tuple[Any, ...], function: Any) -> None:
    """Value and gradients of the mean, in double precision; a function takes the operands that have a gradient."""
    leaves = [
        torch.tensor(x, requires_grad=True)
        for name, x in zip(loss.operands, operands, strict=False)
        if name in loss.variables
    ]
    theirs = function(*leaves)
    theirs.backward()
    value, grads = loss.value_and_grad(*operands)
    close(value, theirs.detach().numpy(), DOUBLE)
    for grad, leaf in zip(grads if isinstance(grads, tuple) else (grads,), leaves, strict=True):
        close(grad, leaf.grad.numpy(), DOUBLE)


def batch(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings near those of their class, and labels, each at least twice."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.concatenate([np.repeat(np.arange(4), 2), rng.integers(0, 4, 6)]))
    return rng.normal(size=(4, 5))[labels] + rng.normal(size=(14, 5)), labels


# ---- Folds of similarities and distances ----


@ROUNDS
def test_multi_similarity(seed: int) -> None:
    losses = metric_learning("losses")
    rng = np.random.default_rng(seed)
    embeddings, labels = batch(seed)
    embeddings, labels = np.vstack([embeddings, rng.normal(size=5)]), np.append(labels, 9)  # alone in its class
    options = {"alpha": rng.uniform(0.5, 5), "beta": rng.uniform(1, 60), "base": rng.uniform(-0.5, 0.9)}
    peer, epsilon = losses.MultiSimilarityLoss(**options), rng.uniform(-0.2, 0.3)
    mined = metric_learning("miners").MultiSimilarityMiner(epsilon=epsilon)(
        torch.tensor(embeddings), torch.tensor(labels)
    )
    agree(fl.MultiSimilarity(**options), (embeddings, labels), lambda z: peer(z, torch.tensor(labels)))
    agree(
        fl.MultiSimilarity(epsilon=epsilon, **options),
        (embeddings, labels),
        lambda z: peer(z, torch.tensor(labels), mined),
    )


@ROUNDS
def test_circle(seed: int) -> None:
    """The value is that of pytorch-metric-learning, which detaches the weights; the gradient that of the formula."""
    rng = np.random.default_rng(seed)
    embeddings, labels = batch(seed)
    m, gamma = rng.uniform(0.1, 0.6), rng.uniform(1, 80)
    peer = metric_learning("losses").CircleLoss(m=m, gamma=gamma)
    loss = fl.Circle(margin=m, gamma=gamma)
    close(loss(embeddings, labels), peer(torch.tensor(embeddings), torch.tensor(labels)), DOUBLE)
    same = torch.tensor(labels[:, None] == labels)
    own = torch.eye(len(labels), dtype=torch.bool)

    def formula(z: Any) -> Any:
        unit = torch.nn.functional.normalize(z)
        s = unit @ unit.T
        near = -gamma * torch.relu(1 + m - s) * (s - 1 + m)
        far = gamma * torch.relu(s + m) * (s - m)
        inf = torch.tensor(-torch.inf, dtype=s.dtype)
        folds = torch.logsumexp(torch.where(same & ~own, near, inf), 1) + torch.logsumexp(
            torch.where(same, inf, far), 1
        )
        return torch.nn.functional.softplus(folds, threshold=1e3).mean()

    agree(loss, (embeddings, labels), formula)


@ROUNDS
@pytest.mark.parametrize("metric", ["l2", "sqeuclidean", "cosine"])
def test_lifted(seed: int, metric: str) -> None:
    losses, distances = metric_learning("losses"), metric_learning("distances")
    rng = np.random.default_rng(seed)
    embeddings, labels = batch(seed)
    positive, negative, normalize = rng.uniform(-0.5, 0.5), rng.uniform(0, 2), bool(seed % 2)

    class Cosine(distances.BaseDistance):  # its own one is a similarity, with the opposite sign and no 1
        def compute_mat(self, query: Any, reference: Any) -> Any:
            return 1 - query @ reference.T

    power = 2 if metric == "sqeuclidean" else 1
    distance = Cosine() if metric == "cosine" else distances.LpDistance(power=power, normalize_embeddings=normalize)
    for ours, theirs in (
        (fl.Lifted, losses.LiftedStructureLoss),
        (fl.GeneralizedLifted, losses.GeneralizedLiftedStructureLoss),
    ):
        peer = theirs(neg_margin=negative, pos_margin=positive, distance=distance)
        loss = ours(margin=negative, positive_margin=positive, distance=metric, normalize=normalize)
        agree(loss, (embeddings, labels), lambda z, peer=peer: peer(z, torch.tensor(labels)))


# ---- Cosines of classes, centers ----


@ROUNDS
def test_margins_of_metric_learning(seed: int) -> None:
    losses = metric_learning("losses")
    rng = np.random.default_rng(seed)
    embeddings, weight, labels = rng.normal(size=(30, 3)), rng.normal(size=(6, 3)), rng.integers(0, 6, 30)
    margin, scale = rng.uniform(0, 1.5), rng.uniform(1, 64)
    for loss, make, given in (
        (fl.ArcFace(margin=margin, scale=scale), losses.ArcFaceLoss, np.degrees(margin)),
        (fl.CosFace(margin=margin, scale=scale), losses.CosFaceLoss, margin),
    ):
        peer = make(6, 3, margin=given, scale=scale).double()

        def with_weight(z: Any, w: Any, peer: Any = peer) -> Any:
            del peer.W
            peer.W = w.T
            return peer(z, torch.tensor(labels))

        agree(loss, (embeddings, labels, weight), with_weight)


@ROUNDS
@pytest.mark.parametrize("easy", [False, True])
def test_margins_by_the_formula(seed: int, easy: bool) -> None:
    rng = np.random.default_rng(seed)
    cosines, labels = rng.uniform(-1, 1, (40, 5)), torch.tensor(rng.integers(0, 5, 40))
    margin, other, scale = rng.uniform(0, 3), rng.uniform(0, 0.5), rng.uniform(1, 30)

    def formula(c: Any) -> Any:
        own = c[torch.arange(40), labels]
        angle = torch.acos(own)
        widens = own > 0 if easy else angle <= np.pi - margin
        bent = torch.where(widens, torch.cos(angle + margin), own if easy else own - margin * np.sin(margin)) - other
        logits = c.scatter(1, labels[:, None], bent[:, None])
        return torch.nn.functional.cross_entropy(scale * logits, labels)

    loss = fl.ArcFace(margin=margin, scale=scale, easy_margin=easy, cosine_margin=other)
    agree(loss, (cosines, labels.numpy()), formula)


@ROUNDS
def test_center_loss(seed: int) -> None:
    rng = np.random.default_rng(seed)
    embeddings, centers, labels = rng.normal(size=(20, 4)), rng.normal(size=(5, 4)), rng.integers(0, 5, 20)

    def formula(z: Any, c: Any) -> Any:
        return 0.5 * ((z - c[torch.tensor(labels)]) ** 2).sum(dim=1).mean()

    agree(fl.CenterLoss(), (embeddings, labels, centers), formula)


# ---- Views of a batch ----


@ROUNDS
def test_barlow_twins(seed: int) -> None:
    monai = pytest.importorskip("monai.losses")
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(9, 6)) * rng.uniform(0.1, 3, 6)
    second = first + rng.normal(size=(9, 6))
    lambd = float(np.float32(rng.uniform(0, 1)))  # what it keeps of it
    peer = monai.BarlowTwinsLoss(lambd=lambd)
    agree(fl.BarlowTwins(lambd=lambd, unbiased=True), (first, second), peer)

    def formula(x: Any, y: Any) -> Any:  # the paper's: of vectors of length 1
        x, y = (torch.nn.functional.normalize(z - z.mean(0), dim=0) for z in (x, y))
        gap = (x.T @ y - torch.eye(6, dtype=x.dtype)) ** 2
        return lambd * gap.sum() + (1 - lambd) * gap.trace()

    agree(fl.BarlowTwins(lambd=lambd, eps=1e-300), (first, second), formula)


@ROUNDS
def test_vicreg(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(9, 6)) * rng.uniform(0.1, 2, 6)
    second = first + 0.3 * rng.normal(size=(9, 6))
    invariance, variance, covariance = rng.uniform(0, 30, 3)
    gamma, eps = rng.uniform(0.5, 1.5), 10.0 ** rng.uniform(-6, -1)

    def formula(x: Any, y: Any) -> Any:
        value = invariance * ((x - y) ** 2).mean()
        for z in (x, y):
            v = torch.cov(z.T)
            value = value + variance * torch.relu(gamma - torch.sqrt(v.diagonal() + eps)).mean() / 2
            value = value + covariance * ((v**2).sum() - (v.diagonal() ** 2).sum()) / 6
        return value

    options = {"invariance": invariance, "variance": variance, "covariance": covariance, "eps": eps}
    agree(fl.VICReg(gamma=gamma, **options), (first, second), formula)
    peer = metric_learning("losses").VICRegLoss(
        invariance_lambda=invariance, variance_mu=variance, covariance_v=covariance, eps=eps
    )
    agree(fl.VICReg(**options), (first, second), lambda x, y: peer(x, ref_emb=y))
