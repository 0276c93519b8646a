"""Losses of sequences of frames and of the labels that occur in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from ..facts import Facts, Traits
from ..kinds.sequences import Sequences
from ..kinds.softmax import Softmax
from ..operands import FramesLabels


class CTC(FramesLabels, Sequences):
    r"""-log of the probability that frames read as the labels: connectionist temporal classification (Graves 2006).

    .. math:: l = -\log \sum_{\pi \in B^{-1}(y)} \prod_t p_t(\pi_t), \quad p_t = \mathrm{softmax}(z_t)

    An alignment :math:`\pi` gives each frame a label or the blank; B takes the blanks out of it, once runs of one class
    have become one label. So labels that repeat need a blank between them. The value is the sum over all alignments of
    the labels y with the frames; its gradient is the softmax less the posterior of each class at each frame.

    An item is an utterance. pred has shape (frames, utterances, classes), or (utterances, frames, classes) with
    ``layout="NTC"``; target (utterances, most labels), or one axis with all labels one after the other;
    ``input_lengths`` and ``target_lengths`` say how many of each an utterance has. Frames behind its end are not read
    and have the gradient 0. Sums are exact to rounding in double, whatever pred's precision, and do not underflow. A
    target that no alignment gives (too few frames, or a logit of -inf) has the value inf and the gradient 0. An
    utterance without labels must be blank throughout; one without frames and labels has the value 0. One with NaN, or a
    frame without a softmax, is NaN throughout. Memory beside the results grows with the frames times the labels of the
    longest utterance, for each thread. There is no Hessian.

    With ``from_logits=False`` pred holds log-probabilities, and the gradient is that of the value with respect to them:
    less the posterior, 0 for classes that are not among the labels. `torch.nn.functional.ctc_loss` gives
    another one there, as if pred had come out of log_softmax: ours with logits. Behind a log_softmax both are the same.

    Args:
        blank: The class that stands for no label; negative: counted from the last one.
        from_logits: Whether pred holds logits; else log-probabilities, which need not sum to 1.
        layout: The order of pred's axes, ``"TNC"`` or ``"NTC"``.
        zero_infinity: Whether the value of a target that no alignment gives is 0 instead of inf.
        length_normalized: Whether each utterance's value is divided by its number of labels, if it has any: with a mean
            over utterances that is the ``reduction="mean"`` of torch.
        reduction: ``"mean"`` (over utterances), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is no class.
        ValueError: A label is the blank, or lengths do not fit pred and target.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> logits = np.zeros((3, 2, 4))  # three frames of two utterances, four classes
        >>> loss = fl.CTC(reduction="none")
        >>> loss(logits, [[1, 2], [3, 0]], [3, 3], [2, 1]).round(6).tolist()  # of 64 paths, 5 and 6 are alignments
        [2.549445, 2.367124]
        >>> loss(logits, [1, 2, 3], [3, 3], [2, 1]).round(6).tolist()
        [2.549445, 2.367124]
        >>> loss.grad(logits, [1, 2, 3], [3, 3], [2, 1])[:, 1].round(4).tolist()
        [[-0.25, 0.25, 0.25, -0.25], [-0.0833, 0.25, 0.25, -0.4167], [-0.25, 0.25, 0.25, -0.25]]
    """

    aliases = ("ctc_loss", "connectionist_temporal_classification")
    facts = Facts(
        task="recognition of sequences without alignments: speech, handwriting",
        activation="softmax",
        likelihood="categorical in each frame, summed over alignments",
        robustness="a wrong label costs in proportion to its logits",
        smoothness="infinitely differentiable",
        samples=(
            {},
            {"blank": -1, "layout": "NTC"},
            {"length_normalized": True, "zero_infinity": True},
            {"from_logits": False},
        ),
    )

    @property
    def traits(self) -> Traits:
        return Traits(nonnegative=self.from_logits, lipschitz=1.0, shift_invariant=self.from_logits)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "ctc", (float(self.from_logits), float(self.zero_infinity), float(self.length_normalized))

    def reference(self, pred: Array, target: Array) -> tuple[Any, Array]:
        states, skips, log_p = self._states(pred, target)
        if not (log_p < np.inf).all():
            return np.nan, np.full(pred.shape, np.nan)
        beginnings, behind = recursion(log_p, skips, np.logaddexp)
        total = np.logaddexp.reduce(behind[-1, -2:])
        if total == -np.inf:
            return 0.0 if self.zero_infinity else np.inf, np.zeros(pred.shape)
        posterior = self._posterior(log_p, beginnings, target, total)
        grad = np.exp(self._log_probabilities(pred)) if self.from_logits else np.zeros(pred.shape)
        np.subtract.at(grad, (slice(None), states), posterior)
        value = max(-total, 0.0) if self.from_logits else -total  # rounding may give a probability above 1
        factor = 1 / max(target.size, 1) if self.length_normalized else 1.0
        return factor * value, factor * grad

    def reference_alignment(self, pred: Array, target: Array) -> tuple[Array, Array]:
        _, skips, log_p = self._states(pred, target)
        beginnings, behind = recursion(log_p, skips, np.logaddexp)
        posterior = self._posterior(log_p, beginnings, target, np.logaddexp.reduce(behind[-1, -2:]))
        entropy = -np.sum(posterior * np.log(np.where(posterior > 0, posterior, 1.0)), axis=1)

        _, behind = recursion(log_p, skips, np.maximum)
        path = np.empty(len(log_p), np.int64)
        state = log_p.shape[1] - 1
        if state > 0 and not behind[-1, state] > behind[-1, state - 1]:
            state -= 1
        for t in range(len(log_p) - 1, -1, -1):
            path[t] = state
            state -= int(np.argmax(_from_before(behind[t], skips)[:, state]))
        return np.where(path % 2 == 1, path // 2, -1), np.maximum(entropy, 0.0)

    def _log_probabilities(self, pred: Array) -> Array:
        return -Softmax.of(pred).nll if self.from_logits else pred

    def _states(self, pred: Array, target: Array) -> tuple[Array, Array, Array]:
        """What an alignment goes through, blanks between and around the labels.

        Returns:
            The class of each state, whether it may follow the one two before it, its log-probability at each frame.
        """
        states = np.full(2 * target.size + 1, self.blank % pred.shape[1])
        states[1::2] = target
        skips = np.zeros(states.shape, bool)
        skips[3::2] = target[1:] != target[:-1]
        return states, skips, self._log_probabilities(pred)[:, states]

    def _posterior(self, log_p: Array, beginnings: Array, target: Array, total: Any) -> Array:
        """Of the states at each frame; sums over ends are sums over beginnings of the utterance read backwards."""
        skips = np.zeros(log_p.shape[1], bool)
        skips[3::2] = (target[1:] != target[:-1])[::-1]
        ends = recursion(log_p[::-1, ::-1], skips, np.logaddexp)[0][::-1, ::-1]
        posterior: Array = np.exp(beginnings + log_p + ends - total)
        return posterior


def recursion(log_p: Array, skips: Array, plus: np.ufunc) -> tuple[Array, Array]:
    """Sums over beginnings, or the largest of them.

    Args:
        log_p: (T, states), log-probabilities.
        skips: Whether a state may follow the one two before it.
        plus: Joins the logarithms of probabilities.

    Returns:
        (T, states), up to each frame without its own probability; (T + 1, states), before the first frame and behind
        each one.
    """
    before, behind = np.empty(log_p.shape), np.full((len(log_p) + 1, log_p.shape[1]), -np.inf)
    behind[0, 0] = 0
    for t, p in enumerate(log_p):
        before[t] = plus.reduce(_from_before(behind[t], skips))
        behind[t + 1] = before[t] + p
    return before, behind


def _from_before(row: Array, skips: Array) -> Array:
    """What a state can be reached from: itself, the one before it, the one before that."""
    padded = np.concatenate([[-np.inf] * 2, row])
    return np.stack([row, padded[1:-1], np.where(skips, padded[:-2], -np.inf)])
