"""Scores the logits of a language model, and of a quantised copy beside it: perplexity, tokens, divergence.

pip install '.[examples]' && python examples/score_logits.py

Without files it makes a small pair itself. With ``--logits A.npy [--other B.npy] --tokens T.npy`` it reads them: logits
of shape (..., vocabulary) in any floating type, tokens of shape (...). The files are mapped into memory and read block
by block, so they may be larger than it; `--save` keeps the log-probability of each token.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

import fusedloss as fl

BLOCK = 1 << 24  # logits that are looked at together


@dataclass
class Score:
    """What is known of the tokens so far.

    Attributes:
        tokens: How many there are.
        nll: The sum of their -log p.
        greedy: How many are the most probable ones.
    """

    tokens: int = 0
    nll: float = 0.0
    greedy: int = 0

    def add(self, logits: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Adds a block of rows; gives the log-probability of each token and the most probable one."""
        aux = fl.CrossEntropy(reduction="sum").with_aux(
            logits, tokens, grad=False, aux=("logprob", "argmax", "correct")
        )
        self.tokens += len(tokens)
        self.nll += float(aux.value)
        self.greedy += int(aux.correct.sum())
        return aux.logprob, aux.argmax

    def __str__(self) -> str:
        perplexity, share = math.exp(self.nll / self.tokens), self.greedy / self.tokens
        return f"perplexity {perplexity:.4f}, the most probable token in {share:.2%}"


def rows_of(path: Path) -> np.ndarray:
    """Logits as rows, mapped and not read."""
    logits = np.load(path, mmap_mode="r")
    if logits.ndim < 2 or not np.issubdtype(logits.dtype, np.floating):
        raise SystemExit(f"{path} holds {logits.dtype} {logits.shape}, but logits are floats (..., vocabulary)")
    return logits.reshape(-1, logits.shape[-1])


def score(logits: Path, tokens: Path, other: Path | None, save: Path | None) -> None:
    """Reads the files once, side by side, and prints what they amount to."""
    rows, labels = rows_of(logits), np.load(tokens, mmap_mode="r").reshape(-1)
    copy = None if other is None else rows_of(other)
    if len(labels) != len(rows):
        raise SystemExit(f"{len(labels)} tokens do not fit logits of {len(rows)} rows")
    if copy is not None and copy.shape != rows.shape:
        raise SystemExit(f"{other} has logits of shape {copy.shape}, and {logits} of {rows.shape}")
    kept = None if save is None else np.lib.format.open_memmap(save, "w+", np.float32, labels.shape)
    first, second = Score(), Score()
    divergence = fl.KLDivergence(target_kind="logits", reduction="none")
    total = largest = 0.0
    agreed = 0
    step = max(1, BLOCK // rows.shape[1])
    with tqdm(total=len(rows), unit="token", disable=None) as progress:  # a bar on a terminal, nothing in a pipe
        for start in range(0, len(rows), step):
            block = slice(start, start + step)
            logprob, best = first.add(rows[block], labels[block])
            if kept is not None:
                kept[block] = logprob
            if copy is not None:
                agreed += int(np.sum(second.add(copy[block], labels[block])[1] == best))
                each = divergence(copy[block], rows[block])
                total, largest = total + float(np.sum(each, dtype=np.float64)), max(largest, float(np.max(each)))
            progress.update(len(labels[block]))
    print(f"{first.tokens} tokens, {rows.shape[1]} in the vocabulary")
    print(f"model: {first}")
    if copy is not None:
        print(f"copy:  {second}")
        print(f"divergence of the copy: {total / first.tokens:.3g} nats a token, {largest:.3g} at most")
        print(f"both would say the same in {agreed / first.tokens:.2%}")


def make(folder: Path, tokens: int = 1024, vocabulary: int = 4000) -> tuple[Path, Path, Path]:
    """Logits of a model, what is left of them in steps of a quarter, and tokens that the model says."""
    rng = np.random.default_rng(0)
    rarity = -1.2 * np.log(np.arange(1, vocabulary + 1))  # words are about as frequent as Zipf found
    logits = (rarity + rng.normal(0, 2.5, (tokens, vocabulary))).astype(np.float32)
    said = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    files = folder / "logits.npy", folder / "quantised.npy", folder / "tokens.npy"
    for path, array in zip(files, (logits, np.round(4 * logits) / 4, said), strict=True):
        np.save(path, array)
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description="Scores the logits of a language model.")
    parser.add_argument("--logits", type=Path, metavar="FILE.npy", help="(..., vocabulary)")
    parser.add_argument("--tokens", type=Path, metavar="FILE.npy", help="(...): what was said")
    parser.add_argument("--other", type=Path, metavar="FILE.npy", help="logits to compare them with, of the same shape")
    parser.add_argument("--save", type=Path, metavar="FILE.npy", help="takes the log-probability of each token")
    given = parser.parse_args()
    if (given.logits is None) != (given.tokens is None) or (given.other is not None and given.logits is None):
        parser.error("--logits and --tokens go together, and --other with them")
    with tempfile.TemporaryDirectory() as folder:
        logits, other, tokens = (given.logits, given.other, given.tokens) if given.logits else make(Path(folder))
        score(logits, tokens, other, given.save)


if __name__ == "__main__":
    main()
