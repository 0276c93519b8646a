"""Reads strings of handwritten digits without being told where each begins: a small network in plain NumPy, with CTC.

Real digits are laid side by side, at random distances; a window slides over the picture a column at a time. The loss
gets the digits of each string in their order, and finds out by itself which columns belong to which.

pip install '.[examples]' && python examples/ctc_align.py
"""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.progress import Progress
from sklearn.datasets import load_digits

import fusedloss as fl

LENGTH, COLUMNS, WINDOW = 5, 60, 9
HIDDEN, BATCH, STEPS, RATE = 64, 24, 420, 0.006
BLANK = 10
REPORTS = 6

Batch = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def load() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """1797 images of 8 x 8 pixels with their digits, a quarter of them kept for the test."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    images, digits = (data.images[order] / 16).astype(np.float32), data.target[order]
    split = len(digits) * 3 // 4
    return (images[:split], digits[:split]), (images[split:], digits[split:])


def strings(rng: np.random.Generator, images: np.ndarray, digits: np.ndarray, count: int) -> Batch:
    """Windows (columns, strings, pixels), digits (strings, LENGTH), and how many columns and digits each string has."""
    pictures = np.zeros((count, 8, COLUMNS + WINDOW - 1), np.float32)
    target, ends = np.zeros((count, LENGTH), np.int64), np.zeros(count, np.int64)
    counts = rng.integers(2, LENGTH + 1, count)
    for n in range(count):
        at = WINDOW // 2
        for place in range(counts[n]):
            at += rng.integers(0, 4)
            which = rng.integers(len(digits))
            target[n, place] = digits[which]
            pictures[n, :, at : at + 8] = np.maximum(pictures[n, :, at : at + 8], images[which])
            at += 8
        ends[n] = min(at + 1, COLUMNS)
    pictures += rng.normal(0, 0.05, pictures.shape).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(pictures, WINDOW, axis=2)  # (strings, 8, columns, WINDOW)
    return windows.transpose(2, 0, 1, 3).reshape(COLUMNS, count, 8 * WINDOW), target, ends, counts


class Network:
    """A layer over windows, one that joins three neighbouring columns, one of classes; trained by Adam."""

    def __init__(self, rng: np.random.Generator) -> None:
        sizes = [(8 * WINDOW, HIDDEN), (3 * HIDDEN, HIDDEN), (HIDDEN, BLANK + 1)]
        self.weights = [rng.normal(0, np.sqrt(2 / size[0]), size).astype(np.float32) for size in sizes]
        self.parameters = [*self.weights, *(np.zeros(size[1], np.float32) for size in sizes)]
        self.first = [np.zeros_like(p) for p in self.parameters]
        self.second = [np.zeros_like(p) for p in self.parameters]
        self.steps = 0

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Logits of shape (columns, strings, classes)."""
        w1, w2, w3, b1, b2, b3 = self.parameters
        self.x = x
        self.h1 = np.maximum(x @ w1 + b1, 0)
        sides = np.pad(self.h1, ((1, 1), (0, 0), (0, 0)))
        self.joined = np.concatenate([sides[:-2], sides[1:-1], sides[2:]], axis=2)
        self.h2 = np.maximum(self.joined @ w2 + b2, 0)
        logits: np.ndarray = self.h2 @ w3 + b3
        return logits

    def backward(self, d_logits: np.ndarray) -> list[np.ndarray]:
        """Gradients of the parameters."""

        def product(x: np.ndarray, d: np.ndarray) -> np.ndarray:
            gradient: np.ndarray = x.reshape(-1, x.shape[2]).T @ d.reshape(-1, d.shape[2])
            return gradient

        _, w2, w3, *_ = self.parameters
        d2 = (d_logits @ w3.T) * (self.h2 > 0)
        d_joined = d2 @ w2.T
        sides = np.zeros((len(self.h1) + 2, *self.h1.shape[1:]), np.float32)
        for k in range(3):
            sides[k : k + len(self.h1)] += d_joined[..., k * HIDDEN : (k + 1) * HIDDEN]
        d1 = sides[1:-1] * (self.h1 > 0)
        pairs = [(self.x, d1), (self.joined, d2), (self.h2, d_logits)]
        return [product(x, d) for x, d in pairs] + [d.sum((0, 1)) for _, d in pairs]

    def step(self, gradients: list[np.ndarray]) -> None:
        """One step of Adam."""
        self.steps += 1
        rate = RATE * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for p, g, m, v in zip(self.parameters, gradients, self.first, self.second, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= rate * m / (np.sqrt(v) + 1e-8)


def read(logits: np.ndarray, ends: np.ndarray) -> list[str]:
    """The most probable class of each column, runs as one, without blanks."""
    best = logits.argmax(2).T
    texts = []
    for row, end in zip(best, ends, strict=True):
        runs = row[:end][np.append(True, row[1:end] != row[: end - 1])]
        texts.append("".join(str(c) for c in runs if c != BLANK))
    return texts


def distance(a: str, b: str) -> int:
    """Insertions, deletions and exchanges that make one text of the other."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def error_rate(network: Network, batch: Batch) -> tuple[float, list[tuple[str, str]]]:
    """Wrong digits per digit, and what each string says and was read as."""
    x, target, ends, counts = batch
    texts = read(network.forward(x), ends)
    right = ["".join(map(str, row[:n])) for row, n in zip(target, counts, strict=True)]
    wrong = sum(distance(a, b) for a, b in zip(texts, right, strict=True))
    return wrong / sum(map(len, right)), list(zip(right, texts, strict=True))


def main() -> None:
    console = Console()
    train, test = load()
    rng = np.random.default_rng(1)
    network = Network(rng)
    held_out = strings(np.random.default_rng(2), *test, count=100)
    loss = fl.CTC(blank=BLANK)

    with Progress(console=console, disable=not console.is_terminal) as progress:  # nothing in a pipe
        for step in progress.track(range(STEPS), description="reading"):
            if step % (STEPS // REPORTS) == 0:
                rate, texts = error_rate(network, held_out)
                shown = ", ".join(f"{right} as {text or 'nothing'}" for right, text in texts[:3])
                line = f"step {step:3}: {rate:.1%} of digits wrong; {shown}"
                progress.console.print(line, highlight=False, soft_wrap=True)
            x, target, ends, counts = strings(rng, *train, count=BATCH)
            _, d_logits = loss.value_and_grad(network.forward(x), target, ends, counts)
            network.step(network.backward(d_logits))

    rate, texts = error_rate(network, held_out)
    print(f"in the end: {rate:.1%} of digits wrong")
    x, target, ends, counts = held_out
    aux = loss.with_aux(network.forward(x), target, ends, counts)
    line = "".join("." if c == BLANK else str(c) for c in aux.path[0][: ends[0]])
    print(f"{texts[0][0]} lies along the columns as {line}")


if __name__ == "__main__":
    main()
