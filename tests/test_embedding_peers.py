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
