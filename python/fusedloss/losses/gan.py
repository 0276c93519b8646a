"""Losses of generative adversarial networks: of a discriminator's outputs for real and for generated samples."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..arrays import Array, ArrayLike
from ..base import Loss, Record
from ..domains import SHARE
from ..facts import Facts, Traits
from ..kinds.elementwise import Elementwise, constant
from ..operands import Fake, RealFake
from ..options import Choice, Real, option
from .binary import BinaryCrossEntropy

Derivatives = tuple[Array, Array, Array]

_BINARY = BinaryCrossEntropy()


def _logistic(x: Array, label: float) -> Derivatives:
    """Binary cross-entropy with the label as its target."""
    return _BINARY.reference(x, np.full_like(x, label), np.ones_like(x))


def _square(x: Array, label: float) -> Derivatives:
    return (x - label) ** 2 / 2, x - label, constant(1.0, x)


def _score(x: Array, label: float) -> Derivatives:
    sign = -1.0 if label else 1.0
    return sign * x, constant(sign, x), constant(0.0, x)


def _hinge(x: Array, label: float) -> Derivatives:
    sign = -1.0 if label else 1.0
    gap = 1 + sign * x
    return np.maximum(gap, 0.0), np.where(gap > 0, sign, constant(0.0, x)), constant(0.0, x)


class _Adversarial:
    """The labels, which enter every kernel: 1 for real samples and 0 for others, unless they are options."""

    real_label: Any = 1.0
    fake_label: Any = 0.0
    kernel_name: ClassVar[str]

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return self.kernel_name, (self.real_label, self.fake_label)


class _Discriminator(_Adversarial, RealFake, Elementwise):
    """The term of a real sample and that of a generated one."""

    def reference(self, *inputs: Array) -> tuple[Array, tuple[Array, Array], tuple[Array, Array, Array]]:
        real = self.of(inputs[0], self.real_label)
        fake = self.of(inputs[1], self.fake_label)
        return real[0] + fake[0], (real[1], fake[1]), (real[2], np.zeros_like(real[2]), fake[2])

    @staticmethod
    def of(x: Array, label: float) -> Derivatives:
        """The term of one output."""
        raise NotImplementedError


class _Generator(_Adversarial, Fake, Elementwise):
    """The term of a generated sample that is to pass for a real one."""

    def reference(self, *inputs: Array) -> Derivatives:
        return self.of(inputs[0], self.real_label)

    @staticmethod
    def of(x: Array, label: float) -> Derivatives:
        """The term of one output."""
        raise NotImplementedError


class LogisticDiscriminator(_Discriminator):
    r"""Binary cross-entropy of real and generated samples (Goodfellow et al. 2014, "Generative adversarial nets").

    .. math:: l = \log(1 + e^{x}) - a x + \log(1 + e^{f}) - b f

    real and fake are logits x and f of one shape; an item is an element of both, so a mean is that over the real
    samples plus that over the generated ones. There are two gradients.

    Args:
        real_label: a, the target of real samples; 0.9 is the one-sided smoothing of Salimans et al. 2016.
        fake_label: b, that of generated ones.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, (real, fake) = fl.LogisticDiscriminator().value_and_grad([0.0], [0.0])
        >>> round(value, 12), real.tolist(), fake.tolist()
        (1.38629436112, [-0.5], [0.5])
    """

    real_label: float = option(default=1.0, accepts=Real(SHARE))
    fake_label: float = option(default=0.0, accepts=Real(SHARE))

    kernel_name = "logistic_discriminator"
    facts = Facts(
        task="generative adversarial networks",
        activation="sigmoid",
        likelihood="Bernoulli",
        robustness="a wrong output costs in proportion to its size",
        smoothness="infinitely differentiable",
        samples=({}, {"real_label": 0.9, "fake_label": 0.1}),
    )
    traits = Traits(convex=True, lipschitz=1.0)
    of = staticmethod(_logistic)


class LeastSquaresDiscriminator(_Discriminator):
    r"""Regression of the labels (Mao et al. 2017, "Least squares generative adversarial networks").

    .. math:: l = (x - a)^2 / 2 + (f - b)^2 / 2

    real and fake are outputs x and f of one shape; an item is an element of both. There are two gradients.

    Args:
        real_label: a, the target of real samples.
        fake_label: b, that of generated ones.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> fl.least_squares_discriminator([0.5], [0.5])
        0.25
    """

    real_label: float = option(default=1.0, accepts=Real())
    fake_label: float = option(default=0.0, accepts=Real())

    kernel_name = "least_squares_discriminator"
    facts = Facts(
        task="generative adversarial networks",
        activation="identity",
        robustness="an output far from its label, on either side, costs its squared distance",
        smoothness="infinitely differentiable",
        samples=({}, {"real_label": 1.0, "fake_label": -1.0}),
    )
    traits = Traits(convex=True)
    of = staticmethod(_square)


class CriticDiscriminator(_Discriminator):
    r"""The critic's side of the Wasserstein distance (Arjovsky, Chintala and Bottou 2017, "Wasserstein GAN").

    .. math:: l = f - x

    real and fake are scores x and f of one shape; an item is an element of both. There are two gradients. The critic
    must be kept Lipschitz by other means: see `gradient_penalty`.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> fl.critic_discriminator([2.0], [0.5])
        -1.5
    """

    kernel_name = "critic_discriminator"
    facts = Facts(
        task="generative adversarial networks",
        activation="identity",
        robustness="every output pulls alike",
        smoothness="linear",
    )
    traits = Traits(convex=True, nonnegative=False, lipschitz=1.0)
    of = staticmethod(_score)


class HingeDiscriminator(_Discriminator):
    r"""Scores apart by a margin (Lim and Ye 2017, "Geometric GAN").

    .. math:: l = \max(0, 1 - x) + \max(0, 1 + f)

    real and fake are scores x and f of one shape; an item is an element of both. There are two gradients; at the kinks
    they are 0.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, (real, fake) = fl.HingeDiscriminator().value_and_grad([2.0, 0.0], [-2.0, 0.0])
        >>> value, real.tolist(), fake.tolist()
        (1.0, [0.0, -0.5], [0.0, 0.5])
    """

    kernel_name = "hinge_discriminator"
    facts = Facts(
        task="generative adversarial networks",
        activation="identity",
        robustness="an output beyond the margin does not pull",
        smoothness="continuous, with kinks at 1 and -1",
    )
    traits = Traits(convex=True, lipschitz=1.0)
    of = staticmethod(_hinge)


class MinimaxGenerator(_Generator):
    r"""The generator's side of the minimax game (Goodfellow et al. 2014).

    .. math:: l = \log(1 - \sigma(f)) = -\log(1 + e^{f})

    fake holds logits f; every element is an item. It saturates where the discriminator is right: the gradient is close
    to 0 there. `NonSaturatingGenerator` does not.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> round(fl.minimax_generator([0.0]), 12)
        -0.69314718056
    """

    kernel_name = "minimax_generator"
    facts = Facts(
        task="generative adversarial networks",
        activation="sigmoid",
        robustness="a sample that fools the discriminator goes on pulling",
        smoothness="infinitely differentiable",
    )
    traits = Traits(nonnegative=False, lipschitz=1.0)

    @staticmethod
    def of(x: Array, label: float) -> Derivatives:
        value, d1, d2 = _logistic(x, 0.0)
        return -value, -d1, -d2


class NonSaturatingGenerator(_Generator):
    r"""The generator's loss that pulls hardest where the discriminator is right (Goodfellow et al. 2014).

    .. math:: l = -\log \sigma(f) = \log(1 + e^{-f})

    fake holds logits f; every element is an item.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> round(fl.non_saturating_generator([0.0]), 12)
        0.69314718056
    """

    kernel_name = "non_saturating_generator"
    facts = Facts(
        task="generative adversarial networks",
        activation="sigmoid",
        robustness="a sample that fools the discriminator hardly pulls",
        smoothness="infinitely differentiable",
    )
    traits = Traits(convex=True, lipschitz=1.0)
    of = staticmethod(_logistic)


class LeastSquaresGenerator(_Generator):
    r"""Regression of the label of real samples (Mao et al. 2017).

    .. math:: l = (f - c)^2 / 2

    fake holds outputs f; every element is an item.

    Args:
        real_label: c, what the discriminator is to give.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> fl.least_squares_generator([0.5])
        0.125
    """

    real_label: float = option(default=1.0, accepts=Real())

    kernel_name = "least_squares_generator"
    facts = Facts(
        task="generative adversarial networks",
        activation="identity",
        robustness="an output far from the label, on either side, costs its squared distance",
        smoothness="infinitely differentiable",
        samples=({}, {"real_label": 0.5}),
    )
    traits = Traits(convex=True)
    of = staticmethod(_square)


class CriticGenerator(_Generator):
    r"""The generator's side of the Wasserstein distance, and of the hinge (Arjovsky, Chintala and Bottou 2017).

    .. math:: l = -f

    fake holds scores f; every element is an item.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> fl.critic_generator([2.0, 1.0])
        -1.5
    """

    kernel_name = "critic_generator"
    facts = Facts(
        task="generative adversarial networks",
        activation="identity",
        robustness="every output pulls alike",
        smoothness="linear",
    )
    traits = Traits(convex=True, nonnegative=False, lipschitz=1.0)
    of = staticmethod(_score)


class _Relativistic(_Adversarial, RealFake, Elementwise):
    """The one output should be ahead of the other."""

    sign: ClassVar[float]

    def reference(self, *inputs: Array) -> tuple[Array, tuple[Array, Array], tuple[Array, Array, Array]]:
        value, d1, d2 = _logistic(self.sign * (inputs[0] - inputs[1]), 1.0)
        return value, (self.sign * d1, -self.sign * d1), (d2, -d2, d2)


class RelativisticDiscriminator(_Relativistic):
    r"""Real samples ahead of generated ones (Jolicoeur-Martineau 2018, "The relativistic discriminator").

    .. math:: l = \log(1 + e^{f - x})

    real and fake are logits x and f of one shape, compared element by element. There are two gradients.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, (real, fake) = fl.RelativisticDiscriminator().value_and_grad([1.0], [1.0])
        >>> round(value, 12), real.tolist(), fake.tolist()
        (0.69314718056, [-0.5], [0.5])
    """

    kernel_name = "relativistic_discriminator"
    sign = 1.0
    facts = Facts(
        task="generative adversarial networks",
        activation="sigmoid",
        robustness="a pair in the wrong order costs in proportion to its distance",
        smoothness="infinitely differentiable",
    )
    traits = Traits(convex=True, lipschitz=1.0)


class RelativisticGenerator(_Relativistic):
    r"""Generated samples ahead of real ones (Jolicoeur-Martineau 2018, "The relativistic discriminator").

    .. math:: l = \log(1 + e^{x - f})

    real and fake are logits x and f of one shape, compared element by element. There are two gradients.

    Args:
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> fl.RelativisticGenerator().grad([1.0], [1.0], wrt="fake").tolist()
        [-0.5]
    """

    kernel_name = "relativistic_generator"
    sign = -1.0
    facts = Facts(
        task="generative adversarial networks",
        activation="sigmoid",
        robustness="a pair in the wrong order costs in proportion to its distance",
        smoothness="infinitely differentiable",
    )
    traits = Traits(convex=True, lipschitz=1.0)


# ---- Pairs of them --------------------------------------------------------------------------------------------------


class _GAN(Record):
    """The two losses of a game."""

    reduction: str = option(default="mean", accepts=Choice("mean", "sum", "none", "batchmean"))


class MinimaxGAN(_GAN):
    """`LogisticDiscriminator` against `MinimaxGenerator` (Goodfellow et al. 2014).

    Args:
        real_label: Target of real samples.
        fake_label: Target of generated ones.
        reduction: Of both losses.

    Example:
        >>> import fusedloss as fl
        >>> game = fl.MinimaxGAN(real_label=0.9)
        >>> value, (real, fake) = game.discriminator.value_and_grad([1.0, 2.0], [-1.0, 0.5])
        >>> round(game.generator([0.0]), 12)
        -0.69314718056
    """

    real_label: float = option(default=1.0, accepts=Real(SHARE))
    fake_label: float = option(default=0.0, accepts=Real(SHARE))

    @property
    def discriminator(self) -> LogisticDiscriminator:
        """Of real and fake."""
        return LogisticDiscriminator(**self.options)

    @property
    def generator(self) -> Loss:
        """Of fake."""
        return MinimaxGenerator.from_options({"reduction": self.reduction})


class NonSaturatingGAN(MinimaxGAN):
    """`LogisticDiscriminator` against `NonSaturatingGenerator` (Goodfellow et al. 2014).

    Args:
        real_label: Target of real samples.
        fake_label: Target of generated ones.
        reduction: Of both losses.

    Example:
        >>> import fusedloss as fl
        >>> round(fl.NonSaturatingGAN().generator([0.0]), 12)
        0.69314718056
    """

    @property
    def generator(self) -> Loss:
        """Of fake."""
        return NonSaturatingGenerator.from_options({"reduction": self.reduction})


class LeastSquaresGAN(_GAN):
    """`LeastSquaresDiscriminator` against `LeastSquaresGenerator` (Mao et al. 2017).

    Args:
        real_label: Target of real samples, and what the generator aims at.
        fake_label: Target of generated ones.
        reduction: Of both losses.

    Example:
        >>> import fusedloss as fl
        >>> fl.LeastSquaresGAN().generator([0.5])
        0.125
    """

    real_label: float = option(default=1.0, accepts=Real())
    fake_label: float = option(default=0.0, accepts=Real())

    @property
    def discriminator(self) -> LeastSquaresDiscriminator:
        """Of real and fake."""
        return LeastSquaresDiscriminator(**self.options)

    @property
    def generator(self) -> LeastSquaresGenerator:
        """Of fake."""
        return LeastSquaresGenerator(real_label=self.real_label, reduction=self.reduction)  # type: ignore[arg-type]


class WassersteinGAN(_GAN):
    """`CriticDiscriminator` against `CriticGenerator` (Arjovsky, Chintala and Bottou 2017).

    Args:
        reduction: Of both losses.

    Example:
        >>> import fusedloss as fl
        >>> fl.WassersteinGAN().discriminator([2.0], [0.5])
        -1.5
    """

    @property
    def discriminator(self) -> CriticDiscriminator:
        """Of real and fake."""
        return CriticDiscriminator(**self.options)

    @property
    def generator(self) -> CriticGenerator:
        """Of fake."""
        return CriticGenerator(**self.options)


class HingeGAN(_GAN):
    """`HingeDiscriminator` against `CriticGenerator` (Lim and Ye 2017).

    Args:
        reduction: Of both losses.

    Example:
        >>> import fusedloss as fl
        >>> fl.HingeGAN().discriminator([2.0], [0.5])
        1.5
    """

    @property
    def discriminator(self) -> HingeDiscriminator:
        """Of real and fake."""
        return HingeDiscriminator(**self.options)

    @property
    def generator(self) -> CriticGenerator:
        """Of fake."""
        return CriticGenerator(**self.options)


class RelativisticGAN(_GAN):
    """`RelativisticDiscriminator` against `RelativisticGenerator` (Jolicoeur-Martineau 2018).

    Args:
        reduction: Of both losses.

    Example:
        >>> import fusedloss as fl
        >>> round(fl.RelativisticGAN().generator([1.0], [1.0]), 12)
        0.69314718056
    """

    @property
    def discriminator(self) -> RelativisticDiscriminator:
        """Of real and fake."""
        return RelativisticDiscriminator(**self.options)

    @property
    def generator(self) -> RelativisticGenerator:
        """Of real and fake."""
        return RelativisticGenerator(**self.options)


def gradient_penalty(input_grads: ArrayLike, target: float = 1.0) -> tuple[float, Array]:
    r"""What keeps a critic Lipschitz: the gradients of its outputs by its inputs should have a given length.

    .. math:: l = \frac{1}{B} \sum_b (\|g_b\|_2 - t)^2

    With a target of 1 it is the penalty of Gulrajani et al. 2017 ("Improved training of Wasserstein GANs"), with 0 the
    R1 penalty of Mescheder et al. 2018 times 2 / gamma.

    Args:
        input_grads: The gradients, one sample an entry of the first axis.
        target: t.

    Returns:
        The value, and its gradient with respect to `input_grads`; 0 for a sample whose gradient is 0.

    Raises:
        ValueError: There is no first axis, or no sample.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.gradient_penalty([[3.0, 4.0], [0.0, 1.0]])
        >>> value, grad.round(6).tolist()
        (8.0, [[2.4, 3.2], [0.0, 0.0]])
    """
    given = np.asarray(input_grads)
    gradients = given if given.dtype in (np.float32, np.float64) else given.astype(np.float64)
    if gradients.ndim == 0 or len(gradients) == 0:
        raise ValueError(f"input_grads must have a first axis of samples, got shape {gradients.shape}")
    with np.errstate(all="ignore"):
        return _penalty(gradients, target)


def _penalty(gradients: Array, target: float) -> tuple[float, Array]:
    flat = gradients.reshape(len(gradients), -1)
    largest = np.max(np.abs(flat), axis=1, initial=0.0).astype(np.float64)  # scaled by it, no square leaves the range
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    norm = scale * np.sqrt(np.sum((flat / scale[:, np.newaxis]) ** 2, axis=1, dtype=np.float64))
    excess = norm - target
    slope = np.where(norm == 0, 0.0, 2 * excess / np.where(norm == 0, 1.0, norm) / len(flat))
    grad = (slope[:, np.newaxis] * flat).astype(gradients.dtype).reshape(gradients.shape)
    return float(np.mean(excess**2)), grad
