"""Losses of sequences: of frames with the labels that occur in them, and of tokens with a label each."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from ..facts import Facts, Traits
from ..kinds.lattices import Lattices
from ..kinds.rows import Rows
from ..kinds.sequences import Sequences
from ..kinds.softmax import LogitOptions, Softmax
from ..kinds.tokens import Tokens
from ..operands import FramesLabels, LatticesLabels, TokensLabels
from .softmax import CrossEntropy


class CTC(FramesLabels, Sequences):
    r"""-log of the probability that frames read as the labels: connectionist temporal classification (Graves 2006).

    .. math:: l = -\log \sum_{\pi \in B^{-1}(y)} \prod_t p_t(\pi_t), \quad p_t = \mathrm{softmax}(z_t)

    An alignment :math:`\pi` gives each frame a label or the blank; B takes the blanks out of it, once runs of one class
    have become one label. So labels that repeat need a blank between them. The value is the sum over all alignments of
    the labels y with the frames; its gradient is the softmax less the posterior of each class at each frame.

    An item is an utterance. pred has shape (frames, utterances, classes), or (utterances, frames, classes) with
    ``layout="NTC"``; target (utterances, most labels), or one axis with all labels one after the other;
    ``input_lengths`` and ``target_lengths`` say how many of each an utterance has. Frames behind its end are not read
    and have the gradient 0. Probabilities are computed in pred's precision or a higher one, their sums in double: these
    do not underflow. A target that no alignment gives (too few frames, or a logit of -inf) has the value inf and the
    gradient 0. An utterance without labels must be blank throughout; one without frames and labels has the value 0. One
    with NaN, or a frame without a softmax, is NaN throughout. Memory beside the results grows with the frames times the
    labels of the longest utterance, for each thread. There is no Hessian.

    With ``from_logits=False`` pred holds log-probabilities, and the gradient is that of the value with respect to them:
    less the posterior, 0 for classes that are not among the labels. `torch.nn.functional.ctc_loss` gives
    another one there, as if pred had come out of log_softmax: ours with logits. Behind a log_softmax both are the same.

    Args:
        blank: The class that stands for no label; negative: counted from the last one.
        from_logits: Whether pred holds logits; else log-probabilities, which need not sum to 1.
        zero_infinity: Whether the value of a target that no alignment gives is 0 instead of inf.
        length_normalized: Whether each utterance's value is divided by its number of labels, if it has any: with a mean
            over utterances that is the ``reduction="mean"`` of torch.
        layout: The order of pred's axes, ``"TNC"`` or ``"NTC"``.
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
        # Thousands of sums and products follow one another, and each rounds.
        tolerance=64.0,
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
        states, skips = self._states(pred, target)
        p, log_p = _probabilities(pred, self.from_logits)
        if not (log_p[:, states] < np.inf).all():
            return np.nan, np.full(pred.shape, np.nan)
        shares, total = _posterior(Wide.of(p[:, states], log_p[:, states]), skips)
        if shares is None:
            return 0.0 if self.zero_infinity else np.inf, np.zeros(pred.shape)
        grad = p if self.from_logits else np.zeros(pred.shape)
        occupied = np.zeros(pred.shape)
        for state, c in enumerate(states):
            occupied[:, c] += shares[:, state]
        value = max(0.0, -total) if self.from_logits else 0.0 - total  # rounding may give a probability above 1
        factor = 1 / max(target.size, 1) if self.length_normalized else 1.0
        return factor * value, factor * (grad - occupied)

    def reference_alignment(self, pred: Array, target: Array) -> tuple[Array, Array] | None:
        states, skips = self._states(pred, target)
        p, log_p = (x[:, states] for x in _probabilities(pred, self.from_logits))
        shares = _posterior(Wide.of(p, log_p), skips)[0] if (log_p < np.inf).all() else None
        if shares is None:
            return None
        entropy = -np.sum(shares * np.log(np.where(shares > 0, shares, 1.0)), axis=1)

        best = np.full((len(log_p) + 1, states.size), -np.inf)
        best[0, 0] = 0
        for t, row in enumerate(log_p):
            best[t + 1] = row + np.max(_from_before(best[t], skips, -np.inf), axis=0)
        path = np.empty(len(log_p), np.int64)
        state = states.size - 1
        if state > 0 and not best[-1, state] > best[-1, state - 1]:
            state -= 1
        for t in range(len(log_p) - 1, -1, -1):
            path[t] = state
            state -= int(np.argmax(_from_before(best[t], skips, -np.inf)[:, state]))
        return np.where(path % 2 == 1, path // 2, -1), np.maximum(entropy, 0.0)

    def _states(self, pred: Array, target: Array) -> tuple[Array, Array]:
        """What an alignment goes through, blanks between and around the labels.

        Returns:
            The class of each state, and whether it may follow the one two before it.
        """
        states = np.full(2 * target.size + 1, self.blank % pred.shape[1])
        states[1::2] = target
        skips = np.zeros(states.shape, bool)
        skips[3::2] = target[1:] != target[:-1]
        return states, skips


class RNNT(LatticesLabels, Lattices):
    r"""-log of the probability that a transducer gives the labels: the loss of RNN-T (Graves 2012).

    .. math:: l = -\log \alpha_{T-1,U}\, p_{T-1,U}(\varnothing), \quad
        \alpha_{t,u} = \alpha_{t-1,u}\, p_{t-1,u}(\varnothing) + \alpha_{t,u-1}\, p_{t,u-1}(y_u),
        \quad p_{t,u} = \mathrm{softmax}(z_{t,u})

    At a frame t, with u labels given before, the next label is given, or the blank, which leads to frame t + 1; a frame
    may give any number of labels. :math:`\alpha_{t,u}` is the sum over all ways from (0, 0), where it is 1, to (t, u);
    an alignment ends with the blank that leaves the last frame behind all labels. The gradient at (t, u) is the softmax
    times the posterior of being there, less the posteriors of the blank and of the next label.

    An item is an utterance. pred has shape (utterances, frames, most labels + 1, classes): what a joint network makes
    of an encoder's frames and a predictor's states; target (utterances, most labels), or one axis with all labels one
    after the other; ``input_lengths`` and ``target_lengths`` say how many of each an utterance has. What lies behind
    them is not read and has the gradient 0. Sums are exact to rounding in double, whatever pred's precision, and do not
    underflow; the gradient is 0 where the posterior of being there is below 1e-29 (1e-298 in float64). A target that no
    alignment gives (no frames, or logits of -inf) has the value inf and the gradient 0. An utterance without labels
    must be blank throughout; one without frames and labels has the value 0. One with NaN, or a place without a softmax,
    is NaN throughout. Memory beside the results grows with the frames times the labels of the largest utterance, for
    each thread. There is no Hessian.

    With ``from_logits=False`` pred holds log-probabilities, and the gradient is that of the value with respect to them:
    less the posteriors, 0 for all classes but the blank and the next label.

    Args:
        blank: The class that leads to the next frame; negative: counted from the last one.
        from_logits: Whether pred holds logits; else log-probabilities, which need not sum to 1.
        zero_infinity: Whether the value of a target that no alignment gives is 0 instead of inf.
        length_normalized: Whether each utterance's value is divided by its number of labels, if it has any.
        reduction: ``"mean"`` (over utterances), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is no class.
        ValueError: A label is the blank, or lengths do not fit pred and target.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> logits = np.zeros((2, 2, 3, 4))  # two utterances of two frames, up to two labels, four classes
        >>> loss = fl.RNNT(reduction="none")
        >>> value = loss(logits, [[1, 2], [3, 0]], [2, 2], [2, 1])  # three paths of four steps, two of three
        >>> np.exp(-value).round(6).tolist() == [round(3 / 4**4, 6), 2 / 4**3]
        True
        >>> loss.grad(logits, [1, 2, 3], [2, 2], [2, 1])[1, 0].round(4).tolist()  # half of the paths give 3 at once
        [[-0.25, 0.25, 0.25, -0.25], [-0.375, 0.125, 0.125, 0.125], [0.0, 0.0, 0.0, 0.0]]
    """

    aliases = ("rnnt_loss", "rnn_transducer", "transducer")
    facts = Facts(
        task="streaming recognition of sequences without alignments: speech",
        activation="softmax",
        likelihood="categorical in each step, summed over alignments",
        robustness="a wrong label costs in proportion to its logits",
        smoothness="infinitely differentiable",
        # Thousands of sums and products follow one another, and each rounds.
        tolerance=64.0,
        samples=(
            {},
            {"from_logits": False, "blank": -1, "length_normalized": True, "zero_infinity": True},
        ),
    )

    @property
    def traits(self) -> Traits:
        return Traits(nonnegative=self.from_logits, lipschitz=1.0, shift_invariant=self.from_logits)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "rnnt", (float(self.from_logits), float(self.zero_infinity), float(self.length_normalized))

    def reference(self, pred: Array, target: Array) -> tuple[Any, Array]:
        p, log_p = _probabilities(pred, self.from_logits)
        steps, log_steps = self._steps(p, target, 0.0), self._steps(log_p, target, -np.inf)
        if not (log_steps < np.inf).all():
            return np.nan, np.full(pred.shape, np.nan)
        shares, total = _lattice_posterior(Wide.of(steps, log_steps))
        if shares is None:
            return 0.0 if self.zero_infinity else np.inf, np.zeros(pred.shape)
        grad = p * np.sum(shares, axis=0)[..., np.newaxis] if self.from_logits else np.zeros(pred.shape)
        grad[..., self.blank] -= shares[0]
        for u, c in enumerate(target):
            grad[:, u, c] -= shares[1, :, u]
        value = max(0.0, -total) if self.from_logits else 0.0 - total  # rounding may give a probability above 1
        factor = 1 / max(target.size, 1) if self.length_normalized else 1.0
        return factor * value, factor * grad

    def reference_extras(self, pred: Array, target: Array) -> tuple[Array, ...] | None:
        p, log_p = _probabilities(pred, self.from_logits)
        steps, log_steps = self._steps(p, target, 0.0), self._steps(log_p, target, -np.inf)
        shares = _lattice_posterior(Wide.of(steps, log_steps))[0] if (log_steps < np.inf).all() else None
        if shares is None:
            return None
        given = shares[1, :, :-1]
        entropy = -np.sum(given * np.log(np.where(given > 0, given, 1.0)), axis=0)

        blank, label = log_steps
        best = np.full(blank.shape, -np.inf)  # of the way to each place
        for t, u in np.ndindex(best.shape):
            waited = best[t - 1, u] + blank[t - 1, u] if t else -np.inf
            gave = best[t, u - 1] + label[t, u - 1] if u else -np.inf
            best[t, u] = max(waited, gave) if t or u else 0.0
        frame, t, u = np.empty(target.size, np.int64), len(best) - 1, target.size
        while u > 0:
            if t == 0 or best[t, u - 1] + label[t, u - 1] > best[t - 1, u] + blank[t - 1, u]:
                u -= 1
                frame[u] = t
            else:
                t -= 1
        return frame, np.maximum(entropy, 0.0)

    def _steps(self, x: Array, target: Array, none: float) -> Array:
        """What of (T, U + 1, C) is about the blank and about the next label of each place: (2, T, U + 1).

        Args:
            x: For each place and class.
            target: Labels.
            none: Stands for the label behind the last one.
        """
        label = x[:, np.arange(target.size), target]
        return np.stack([x[..., self.blank], np.concatenate([label, np.full((len(x), 1), none)], axis=1)])


def _probabilities(pred: Array, from_logits: bool) -> tuple[Array, Array]:
    """Of classes, and their logarithms."""
    if not from_logits:
        return np.exp(pred), pred
    softmax = Softmax.of(pred.reshape(-1, pred.shape[-1]))
    return softmax.p.reshape(pred.shape), -softmax.nll.reshape(pred.shape)


@dataclass(frozen=True)
class Wide:
    """Numbers >= 0 of any size: sums of alignments are far below what float64 holds, and logarithms lose digits.

    Attributes:
        mantissa: In [1/2, 1).
        exponent: A power of two, -inf for 0.
    """

    mantissa: Array
    exponent: Array

    @classmethod
    def of(cls, p: Array, log_p: Array) -> Wide:
        """Numbers that are given with their logarithms, where they leave the range of float64."""
        mantissa, exponent = np.frexp(p)
        far = p < 1e-300
        power = np.floor(log_p / np.log(2))
        rest = np.where(np.isfinite(power), log_p - power * np.log(2), 0.0)
        return cls(np.where(far, np.exp(rest), mantissa), np.where(far, power, exponent))

    def __getitem__(self, index: Any) -> Wide:
        return Wide(self.mantissa[index], self.exponent[index])

    def __mul__(self, other: Wide) -> Wide:
        return Wide(self.mantissa * other.mantissa, self.exponent + other.exponent)

    def sum(self) -> Wide:
        """Over the first axis."""
        top = np.max(self.exponent, axis=0)
        gap = np.where(self.exponent > top - 1100, self.exponent - top, -1100).astype(np.int64)
        mantissa, lift = np.frexp(np.sum(np.ldexp(self.mantissa, gap), axis=0))
        return Wide(mantissa, top + lift)

    def log(self) -> Any:
        """The natural logarithm."""
        small = np.abs(self.exponent) < 1000
        near = np.log(np.ldexp(self.mantissa, np.where(small, self.exponent, 0).astype(np.int64)))
        return np.where(small, near, np.log(self.mantissa) + self.exponent * np.log(2))

    def over(self, other: Wide) -> Array:
        """The quotient as plain numbers."""
        power = np.maximum(self.exponent - other.exponent, -1100.0).astype(np.int64)
        return np.asarray(np.ldexp(self.mantissa / other.mantissa, power))


def _beginnings(p: Wide, skips: Array) -> tuple[Wide, Wide]:
    """Sums over what leads to each state at each frame, without its own probability; and behind the last frame."""
    mantissa, exponent = np.ones(p.mantissa.shape), np.empty(p.mantissa.shape)
    row = Wide(np.ones(skips.size), np.where(np.arange(skips.size) == 0, 0.0, -np.inf))
    for t in range(len(mantissa)):
        before = Wide(_from_before(row.mantissa, skips, 1.0), _from_before(row.exponent, skips, -np.inf)).sum()
        mantissa[t], exponent[t] = before.mantissa, before.exponent
        row = before * p[t]
    return Wide(mantissa, exponent), row


def _posterior(p: Wide, skips: Array) -> tuple[Array | None, Any]:
    """That of each state at each frame, None if there is no alignment; and the logarithm of the total."""
    begin, row = _beginnings(p, skips)
    total = row[-2:].sum()
    if total.exponent == -np.inf:
        return None, -np.inf
    backwards = np.append(skips[2:], [False, False])[: skips.size][::-1]  # sums over ends: read from the end
    end = _beginnings(p[::-1, ::-1], backwards)[0][::-1, ::-1]
    return (begin * p * end).over(total), total.log()


def _lattice_sums(by_blank: Wide, by_label: Wide) -> Wide:
    """Sums over all ways through a lattice from its first place to each, given the steps that lead to them."""
    frames, places = by_blank.mantissa.shape
    mantissa, exponent = np.ones((frames + 1, places + 1)), np.full((frames + 1, places + 1), -np.inf)
    exponent[1, 1] = 0.0  # of (t, u) at [t + 1, u + 1]: nothing comes from outside
    whole = Wide(mantissa, exponent)
    for diagonal in range(1, frames + places - 1):
        u = np.arange(max(0, diagonal - frames + 1), min(diagonal + 1, places))
        t = diagonal - u
        ways = (whole[t, u + 1] * by_blank[t, u], whole[t + 1, u] * by_label[t, u])
        before = Wide(np.stack([way.mantissa for way in ways]), np.stack([way.exponent for way in ways])).sum()
        mantissa[t + 1, u + 1], exponent[t + 1, u + 1] = before.mantissa, before.exponent
    return whole[1:, 1:]


def _lattice_posterior(steps: Wide) -> tuple[Array | None, Any]:
    """Those of both steps from each place, None if there is no alignment; and the logarithm of the total."""
    frames, places = steps.mantissa.shape[1:]
    if frames == 0:
        return (np.zeros((2, 0, 1)), 0.0) if places == 1 else (None, -np.inf)
    last = steps[0, -1, -1]
    begin = _lattice_sums(_before(steps[0], 0), _before(steps[1], 1))
    total = begin[-1, -1] * last
    if total.exponent == -np.inf:
        return None, -np.inf
    end = _lattice_sums(steps[0, ::-1, ::-1], steps[1, ::-1, ::-1]) * last  # read from the end
    behind = [_before(end, axis)[::-1, ::-1] for axis in (0, 1)]
    behind[0].mantissa[-1, -1], behind[0].exponent[-1, -1] = 1.0, 0.0  # the last blank leads out
    return np.stack([(begin * steps[k] * behind[k]).over(total) for k in (0, 1)]), total.log()


def _before(x: Wide, axis: int) -> Wide:
    """In place of each number of a lattice the one before it along an axis, 0 in place of the first."""
    mantissa, exponent = np.roll(x.mantissa, 1, axis), np.roll(x.exponent, 1, axis)
    np.moveaxis(exponent, axis, 0)[0] = -np.inf
    return Wide(mantissa, exponent)


def _from_before(row: Array, skips: Array, nothing: float) -> Array:
    """What a state can be reached from: itself, the one before it, the one before that."""
    padded = np.concatenate([[nothing] * 2, row])
    return np.stack([row, padded[1:-1], np.where(skips, padded[:-2], nothing)])


class SequenceCrossEntropy(LogitOptions, TokensLabels, Tokens):
    r"""`CrossEntropy` of sequences of tokens, of which each has a target of its own.

    .. math:: l = \sum_t w_t \mathrm{CrossEntropy}(z_t, y_t)

    An item is a sequence. pred has shape (sequences, tokens, classes), and ``lengths`` or ``mask`` tell tokens from
    padding, which is not looked at and has the gradient 0; or (all tokens, classes), one sequence after the other as
    ``lengths`` says. target has a label for each token, or a distribution. A token's weight w is 1, or what
    ``class_weight`` gives; tokens with the label ``ignore_index`` have none. A sequence without tokens has the value 0,
    and counts in a mean.

    The mean over the tokens of all sequences is ``denominator=``, the number of tokens; that over sequences of the mean
    over their tokens is ``length_normalized=True``.

    Args:
        length_normalized: Whether a sequence's sum is divided by the weights of its tokens.
        label_smoothing: As of `CrossEntropy`, like all further options.
        temperature: T > 0.
        softcap: Bends logits into (-softcap, softcap).
        z_loss: The factor of the square of the logsumexp, >= 0.
        class_mask: (classes,) of bool: False takes a class out.
        class_weight: (classes,), >= 0.
        ignore_index: A label that takes its token out.
        reduction: ``"mean"`` (over sequences), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        IndexError: A label is neither a class nor ignored.
        ValueError: Lengths do not fit, or neither lengths nor an axis part the sequences.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> logits, labels = np.zeros((2, 3, 4)), [[0, 1, 2], [3, -1, -1]]
        >>> loss = fl.SequenceCrossEntropy()
        >>> value, grad = loss.value_and_grad(logits, labels, lengths=[3, 1])
        >>> round(value, 6), grad[1].any(axis=1).tolist()  # (3 log 4 + log 4) / 2
        (2.772589, [True, False, False])
        >>> round(loss(np.zeros((4, 4)), [0, 1, 2, 3], lengths=[3, 1]), 6)
        2.772589
        >>> round(loss(logits, labels, lengths=[3, 1], denominator=4), 6)  # over tokens
        1.386294
    """

    aliases = ("sequence_loss", "padded_cross_entropy")
    facts = Facts(
        task="labelling of sequences, language models",
        activation="softmax",
        likelihood="categorical for each token",
        robustness="a wrong label costs in proportion to its logit; label smoothing limits what confidence can gain",
        smoothness="infinitely differentiable",
        samples=(
            {},
            {"length_normalized": True},
            {"label_smoothing": 0.1, "ignore_index": 1},
            {"class_weight": (0.5, 1.0, 2.0), "length_normalized": True},
            {"temperature": 2.0, "softcap": 4.0, "z_loss": 0.1, "class_mask": (True, False, True)},
        ),
    )

    def of_tokens(self) -> Rows:
        known = {field.name for field in dataclasses.fields(CrossEntropy)}
        return CrossEntropy(**{name: value for name, value in self.options.items() if name in known})
