"""Trains a two-layer network in plain NumPy on real handwritten digits, with the loss and its gradient from fusedloss.

pip install '.[examples]' && python examples/train_digits.py
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

import fusedloss as fl

HIDDEN, BATCH, EPOCHS, RATE, MOMENTUM = 64, 128, 40, 0.1, 0.9


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """1797 images of 8 x 8 pixels, a quarter of them kept for the test."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    images, labels = (data.data[order] / 16).astype(np.float32), data.target[order]
    split = len(labels) * 3 // 4
    return images[:split], labels[:split], images[split:], labels[split:]


def train(images: np.ndarray, labels: np.ndarray, title: str) -> tuple[list[np.ndarray], float]:
    """Stochastic gradient descent with momentum; returns the parameters and the share of its time spent in the loss."""
    rng = np.random.default_rng(1)
    inputs, classes = images.shape[1], 10
    w1 = rng.normal(0, np.sqrt(2 / inputs), (inputs, HIDDEN)).astype(np.float32)
    w2 = rng.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, classes)).astype(np.float32)
    parameters = [w1, np.zeros(HIDDEN, np.float32), w2, np.zeros(classes, np.float32)]
    velocity = [np.zeros_like(p) for p in parameters]
    loss = fl.CrossEntropy(label_smoothing=0.05)

    in_loss, start = 0.0, time.perf_counter()
    for _ in tqdm(range(EPOCHS), desc=title, disable=None):  # a bar on a terminal, nothing in a pipe
        order = rng.permutation(len(labels))
        for batch in np.split(order, range(BATCH, len(order), BATCH)):
            w1, b1, w2, b2 = parameters
            x = images[batch]
            hidden = np.maximum(x @ w1 + b1, 0)
            logits = hidden @ w2 + b2

            before = time.perf_counter()
            _, d_logits = loss.value_and_grad(logits, labels[batch])
            in_loss += time.perf_counter() - before

            d_hidden = (d_logits @ w2.T) * (hidden > 0)
            gradients = [x.T @ d_hidden, d_hidden.sum(0), hidden.T @ d_logits, d_logits.sum(0)]
            for p, v, g in zip(parameters, velocity, gradients, strict=True):
                v *= MOMENTUM
                v -= RATE * g
                p += v
    return parameters, in_loss / (time.perf_counter() - start)


def accuracy(parameters: list[np.ndarray], images: np.ndarray, labels: np.ndarray) -> float:
    w1, b1, w2, b2 = parameters
    logits = np.maximum(images @ w1 + b1, 0) @ w2 + b2
    return float(np.mean(logits.argmax(1) == labels))


def main() -> None:
    images, labels, test_images, test_labels = load()
    parameters, share = train(images, labels, "fusedloss")
    with fl.use_backend("numpy"):
        _, reference_share = train(images, labels, "NumPy reference")
    print(f"test accuracy: {accuracy(parameters, test_images, test_labels):.1%}")
    print(f"share of a step spent in the loss: {share:.1%}; with the NumPy reference: {reference_share:.1%}")


if __name__ == "__main__":
    main()
