"""Losses of a residual that outliers pull less than squares would.

Second derivatives that cross 0 are written as (r0 - |r|) (r0 + |r|), r0 in two parts: with the exact residual the
product has all its digits beside the crossing too.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal, localcontext

import numpy as np

from ..arrays import Array
from ..domains import POSITIVE, Interval
from ..facts import Facts, Kink, Traits
from ..kinds.elementwise import constant
from ..options import Real, option
from .residual import Parts, PreciseResidual, Residual, above, below, parts, square_of_product

DIGITS = Context(prec=50)  # of constants that are kept in two parts


class LaplaceNLL(PreciseResidual):
    r"""Negative log-likelihood of a Laplace distribution around pred.

    .. math:: l = |r| / b + \log 2b, \quad r = z - y

    pred and target have one shape; every element is an item. The derivative at a residual of 0 is 0; the Hessian is 0
    everywhere, so boosting libraries need ``grad_and_hess(..., hessian="unit")``. It is ``MAE()`` over b, and a
    constant. Below b = 1/2 the value can be negative.

    Args:
        scale: b, in the unit of the target; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.LaplaceNLL(scale=0.5).value_and_grad([1.0, 2.0], [0.0, 4.0])
        >>> value, grad.tolist()
        (3.0, [1.0, -1.0])
    """

    scale: float = option(default=1.0, accepts=Real(POSITIVE))

    aliases = ("laplace", "LaplaceNLLLoss")
    facts = Facts(
        task="regression",
        activation="identity",
        likelihood="Laplace",
        robustness="an outlier pulls no harder than any other item; the best constant is the median",
        smoothness="continuous, with a kink at 0",
        samples=({}, {"scale": 0.3}, {"scale": 2.5}),
    )
    kinks = (Kink(0.0, 1, "residual"),)

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, symmetric=True, nonnegative=self.scale >= 0.5, lipschitz=1 / self.scale)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "laplace_nll", (1 / self.scale, *self._offset)

    @property
    def _offset(self) -> Parts:
        """B log 2b: for b < 1/2 the value crosses 0."""
        with localcontext(DIGITS):
            scale = Decimal(self.scale)
            return parts(scale * (2 * scale).ln())

    def of_size(self, size: Array, low: Array) -> tuple[Array, Array, Array]:
        return above(self._offset, size, low) / self.scale, constant(1 / self.scale, size), constant(0.0, size)


def log_quadratic(width: Decimal, height: Decimal, raised: Decimal) -> tuple[str, tuple[float, ...]]:
    """The kernel of height log(raised (1 + x^2)), x = r / width."""
    with localcontext(DIGITS):
        zero = width * max(1 / raised - 1, Decimal(0)).sqrt()
        return "log_quadratic_crossing" if raised < 1 else "log_quadratic", (
            *parts(width),
            *parts(1 / width),
            float(height),
            float(2 * height / width**2 * raised),
            float(2 * height / width**2 * raised**2),
            float(raised),
            float(max(raised - 1, Decimal(0))),
            *parts(zero),
            float(zero / width),
            float(height * (raised.ln() - 2 * width.ln())),
        )


class _LogQuadratic(PreciseResidual):
    """height log(raise (1 + x^2)), x = r / width."""

    def _shape(self) -> tuple[Decimal, Decimal, Decimal]:
        """Width, height and raise, in 50 digits."""
        raise NotImplementedError

    @property
    def traits(self) -> Traits:
        with localcontext(DIGITS):
            width, height, raised = self._shape()
            return Traits(symmetric=True, nonnegative=raised >= 1, lipschitz=float(height / width))

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        with localcontext(DIGITS):
            return log_quadratic(*self._shape())

    def of_size(self, size: Array, low: Array) -> tuple[Array, Array, Array]:
        high, rest, one_over, one_over_rest, height, _, _, raised, excess, zero, zero_rest, _, far_offset = (
            self.kernel()[1]
        )
        slope = 2 * height / (high + rest) ** 2
        width, zeros, inverse = (high, rest), (zero, zero_rest), one_over + one_over_rest
        far = size * inverse > 1e100  # the square of x may overflow
        near = np.where(far, 0.0, size)
        square = (near / (high + rest)) ** 2
        y = raised * (-below(zeros, near, low) * inverse) * (above(zeros, near, low) * inverse) + excess
        logarithm = np.where(y < -0.5, np.log(raised * (1 + square)), np.log1p(np.maximum(y, -0.5)))
        distant = 2 * np.log(np.where(far, size, 1.0)) * height + far_offset
        g = 1 / np.where(far, size * inverse, 1 + square)
        bend = (below(width, near, low) * inverse) * (above(width, near, low) * inverse)
        return (
            np.where(far, distant, height * logarithm),
            slope * np.where(far, high + rest, size) * g,
            slope * np.where(far, -1.0, bend) * g * g,
        )


class Cauchy(_LogQuadratic):
    r"""The logarithm of one and the square (also called Lorentzian).

    .. math:: l = \frac{c^2}{2} \log\left(1 + (r / c)^2\right), \quad r = z - y

    pred and target have one shape; every element is an item. Close to ``MSE(half=True)`` for residuals far below c. The
    second derivative is negative beyond c: boosting libraries need ``min_hessian``.

    Args:
        c: Where the pull is strongest, in the unit of the target; > 0. 2.385 has 95% of the efficiency of least squares
            for normal errors of variance 1.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Cauchy().value_and_grad([1.0, 0.0], [0.0, 0.0])
        >>> round(value, 12), grad.tolist()  # a quarter of the logarithm of 2
        (0.17328679514, [0.25, 0.0])
    """

    c: float = option(default=1.0, accepts=Real(POSITIVE))

    aliases = ("Lorentzian",)
    facts = Facts(
        task="regression",
        activation="identity",
        likelihood="Cauchy with fixed scale, for c = sqrt 2 and unit scale up to the factor",
        robustness="beyond c an outlier pulls the less the farther it is, like 1 / |r|",
        smoothness="infinitely differentiable",
        samples=({}, {"c": 0.7}, {"c": 2.385}),
    )

    def _shape(self) -> tuple[Decimal, Decimal, Decimal]:
        c = Decimal(self.c)
        return c, c * c / 2, Decimal(1)


class StudentT(_LogQuadratic):
    r"""Negative log-likelihood of Student's t distribution around pred, up to a constant of df.

    .. math:: l = \frac{\nu + 1}{2} \log\left(1 + \frac{r^2}{\nu s^2}\right) + \log s, \quad r = z - y

    pred and target have one shape; every element is an item. The value is negative near 0 for s < 1. The second
    derivative is negative beyond s sqrt(df): boosting libraries need ``min_hessian``.

    Args:
        df: Degrees of freedom, > 0: 1 is the Cauchy distribution, many approach the normal one.
        scale: s, in the unit of the target; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.StudentT(df=3.0).value_and_grad([3.0, 0.0], [0.0, 0.0])
        >>> round(value, 12), grad.round(12).tolist()  # the logarithm of 4
        (1.38629436112, [0.5, 0.0])
    """

    df: float = option(default=4.0, accepts=Real(POSITIVE))
    scale: float = option(default=1.0, accepts=Real(POSITIVE))

    name = "student_t"
    aliases = ("StudentTNLL",)
    facts = Facts(
        task="regression",
        activation="identity",
        likelihood="Student's t",
        robustness="beyond scale sqrt(df) an outlier pulls the less the farther it is, like 1 / |r|",
        smoothness="infinitely differentiable",
        samples=({}, {"df": 1.0, "scale": 0.3}, {"df": 7.5, "scale": 0.9}, {"df": 2.5, "scale": 3.0}),
    )

    def _shape(self) -> tuple[Decimal, Decimal, Decimal]:
        df, scale = Decimal(self.df), Decimal(self.scale)
        return scale * df.sqrt(), (df + 1) / 2, (2 * scale.ln() / (df + 1)).exp()


class Fair(Residual):
    r"""Convex, with a pull that approaches c (Fair 1974, "On the robust estimation of econometric models").

    .. math:: l = c^2 \left(|r / c| - \log(1 + |r / c|)\right), \quad r = z - y

    pred and target have one shape; every element is an item. Close to ``MSE(half=True)`` for residuals far below c,
    with all digits. The second derivative is 1 / (1 + |r / c|)^2.

    Args:
        c: What the pull approaches, in the unit of the target; > 0. 1.4 has 95% of the efficiency of least squares for
            normal errors of variance 1.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Fair().value_and_grad([1.0, 0.0], [0.0, 0.0])
        >>> round(value, 12), grad.tolist()  # half of 1 - log 2
        (0.15342640972, [0.25, 0.0])
    """

    c: float = option(default=1.0, accepts=Real(POSITIVE))

    aliases = ("fair_loss",)
    facts = Facts(
        task="regression",
        activation="identity",
        robustness="the pull of an outlier is less than c",
        smoothness="twice continuously differentiable; the third derivative jumps at 0",
        samples=({}, {"c": 0.7}, {"c": 2.5}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, symmetric=True, lipschitz=self.c)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "fair", (self.c, 1 / self.c)

    def of(self, r: Array) -> tuple[Array, Array, Array]:
        x = np.abs(r) / self.c
        held = np.minimum(x, 1.0)
        s = held / (2 + held)  # log(1 + x) = 2 atanh(s), x - 2 s = x s
        tail = 0.0 * s
        for degree in range(24, -1, -1):
            tail = tail * s**2 + 1 / (2 * degree + 3)
        finite = np.where(x == np.inf, 1.0, x)
        far = np.where(x == np.inf, x, finite - np.log1p(finite))
        slope = np.where(x < 1, np.abs(r) / (1 + x), self.c - self.c / (1 + x))
        return (
            self.c**2 * np.where(x < 1, s * (held - 2 * s**2 * tail), far),
            np.sign(r) * slope,
            (1 / (1 + x)) ** 2,
        )


class GemanMcClure(PreciseResidual):
    r"""Bounded, from a ratio of squares (Geman and McClure 1985; the scaling of Barron 2019).

    .. math:: l = \frac{2 x^2}{x^2 + 4}, \quad x = (z - y) / c

    pred and target have one shape; every element is an item. It is ``Barron(alpha=-2)``: x^2 / 2 for small residuals, 2
    for large ones. The second derivative is negative beyond 2 c / sqrt 3: boosting libraries need ``min_hessian``.

    Args:
        c: The scale, in the unit of the target; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.GemanMcClure().value_and_grad([2.0, 0.0], [0.0, 0.0])
        >>> value, grad.tolist()
        (0.5, [0.25, 0.0])
    """

    c: float = option(default=1.0, accepts=Real(POSITIVE))

    aliases = ("geman",)
    facts = Facts(
        task="regression",
        activation="identity",
        robustness="a far outlier costs 2 and pulls like 1 / |r|^3",
        smoothness="infinitely differentiable",
        samples=({}, {"c": 0.7}, {"c": 2.5}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(symmetric=True, lipschitz=3 * math.sqrt(3) / (8 * self.c))

    @property
    def _bend(self) -> Parts:
        """Where the second derivative is 0."""
        with localcontext(DIGITS):
            return parts(2 * Decimal(self.c) / Decimal(3).sqrt())

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        with localcontext(DIGITS):
            inverse = parts(1 / (2 * Decimal(self.c)))
        return "geman_mcclure", (*inverse, *self._bend, 1 / sum(self._bend))

    def of_size(self, size: Array, low: Array) -> tuple[Array, Array, Array]:
        y = size / (2 * self.c)
        far = y > 1e50  # powers of y may overflow
        near = np.where(far, 0.0, size)
        root = near / (2 * self.c)
        g = 1 / np.where(far, y, 1 + root**2)
        r0 = sum(self._bend)
        bend = (below(self._bend, near, low) / r0) * (above(self._bend, near, low) / r0)
        return (
            2 * np.where(far, 1.0, root * (root * g)),
            2 / self.c * np.where(far, g, root) * g * g,
            1 / self.c**2 * np.where(far, -3 * g, bend) * g * g * g,
        )


class _ExponentialTail(PreciseResidual):
    """height (1 - e^-x^2), x = r / width."""

    def _shape(self) -> tuple[Decimal, Decimal]:
        """Width and height, in 50 digits."""
        raise NotImplementedError

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        with localcontext(DIGITS):
            width, height = self._shape()
            slope, bend = 2 * height / width**2, width / Decimal(2).sqrt()
            return "welsch", (
                float(width),
                float(height),
                float(slope),
                *parts(1 / width),
                *parts(bend),
                float(slope / bend**2),
            )

    def of_size(self, size: Array, low: Array) -> tuple[Array, Array, Array]:
        with localcontext(DIGITS):
            width, height = self._shape()
            inverse, bend = parts(1 / width), parts(width / Decimal(2).sqrt())
        end = 28 * float(width)  # there e^-x^2 is 0
        held = np.minimum(size, end)
        low = np.where(held < end, low, 0.0)
        # The exponential multiplies relative errors by x^2: all that is rounded on the way counts.
        square, lost = square_of_product(held, low, inverse)
        root = np.where(held < end, np.exp(-square / 2) * (1 - lost / 2), constant(0.0, size))  # of e^-x^2
        slope = float(2 * height / width**2)
        r0 = sum(bend)
        turn = (below(bend, held, low) / r0) * (above(bend, held, low) / r0)
        return -float(height) * np.expm1(-square), slope * held * root * root, slope * turn * root * root


class Welsch(_ExponentialTail):
    r"""Bounded, with a pull that falls like an exponential (Dennis and Welsch 1978; also called Leclerc's).

    .. math:: l = \frac{c^2}{2} \left(1 - e^{-(r / c)^2}\right), \quad r = z - y

    pred and target have one shape; every element is an item. Close to ``MSE(half=True)`` for residuals far below c. The
    second derivative is negative beyond c / sqrt 2: boosting libraries need ``min_hessian``.

    Args:
        c: The scale, in the unit of the target; > 0. 2.985 has 95% of the efficiency of least squares for normal errors
            of variance 1.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Welsch().value_and_grad([1.0, 0.0], [0.0, 0.0])
        >>> round(value, 12), grad.round(12).tolist()
        (0.158030139707, [0.183939720586, 0.0])
    """

    c: float = option(default=1.0, accepts=Real(POSITIVE))

    aliases = ("Leclerc",)
    facts = Facts(
        task="regression",
        activation="identity",
        robustness="a far outlier costs c^2 / 2 and pulls no more",
        smoothness="infinitely differentiable",
        samples=({}, {"c": 0.7}, {"c": 2.985}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(symmetric=True, lipschitz=self.c * math.exp(-0.5) / math.sqrt(2))

    def _shape(self) -> tuple[Decimal, Decimal]:
        c = Decimal(self.c)
        return c, c * c / 2


class Tukey(PreciseResidual):
    r"""The biweight: outliers do not count at all (Beaton and Tukey 1974).

    .. math:: l = \frac{c^2}{6} \left(1 - \left(1 - \min((r / c)^2, 1)\right)^3\right), \quad r = z - y

    pred and target have one shape; every element is an item. Close to ``MSE(half=True)`` for residuals far below c, and
    constant beyond it. The second derivative is negative between c / sqrt 5 and c: boosting libraries need
    ``min_hessian``.

    Args:
        c: Beyond which nothing pulls, in the unit of the target; > 0. The default has 95% of the efficiency of least
            squares for normal errors of variance 1.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Tukey(c=2.0).value_and_grad([1.0, 3.0], [0.0, 0.0])
        >>> round(value, 12), grad.tolist()
        (0.526041666667, [0.28125, 0.0])
    """

    c: float = option(default=4.685, accepts=Real(POSITIVE))

    aliases = ("biweight", "bisquare")
    facts = Facts(
        task="regression",
        activation="identity",
        robustness="an outlier beyond c does not pull at all",
        smoothness="twice continuously differentiable; the third derivative jumps at c",
        samples=({}, {"c": 0.7}, {"c": 2.0}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(symmetric=True, lipschitz=self.c * 16 / (25 * math.sqrt(5)))

    @property
    def _bend(self) -> Parts:
        """Where the second derivative is 0."""
        with localcontext(DIGITS):
            return parts(Decimal(self.c) / Decimal(5).sqrt())

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "tukey", (*parts(Decimal(self.c)), 1 / self.c, *self._bend, 1 / sum(self._bend))

    def of_size(self, size: Array, low: Array) -> tuple[Array, Array, Array]:
        c = parts(Decimal(self.c))
        held = np.minimum(size, self.c)
        w = np.maximum(below(c, size, low), 0.0) / self.c * (above(c, held, 0.0 * held) / self.c)  # 1 - (r / c)^2
        r0 = sum(self._bend)
        low = np.where(size < self.c, low, 0.0)
        bend = (below(self._bend, held, low) / r0) * (above(self._bend, held, low) / r0)
        return held**2 * (1 + w + w**2) / 6, held * w**2, w * bend


class Barron(_ExponentialTail):
    r"""One family from squares to bounded losses (Barron 2019, "A general and adaptive robust loss function", eq. 8).

    .. math::
        l = \frac{|\alpha - 2|}{\alpha} \left(\left(\frac{x^2}{|\alpha - 2|} + 1\right)^{\alpha / 2} - 1\right),
        \quad x = (z - y) / c

    pred and target have one shape; every element is an item. With alpha = 2 (by its limit) it is x^2 / 2, with 1 it is
    ``PseudoHuber()`` of x, with 0 (by its limit) log(1 + x^2 / 2), with -2 ``GemanMcClure(c=c)``, with -inf
    1 - e^(-x^2 / 2). Value and derivatives are smooth in alpha through all of these. Below alpha = 1 the second
    derivative is negative for large residuals: boosting libraries need ``min_hessian``.

    Args:
        alpha: The shape: the smaller, the less outliers pull. A number, or -inf.
        c: The scale, in the unit of the target; > 0.
        reduction: ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.Barron(alpha=1.0).value_and_grad([0.75, 0.0], [0.0, 0.0], denominator=1)
        >>> value, grad.round(12).tolist()
        (0.25, [0.6, 0.0])
        >>> [round(fl.barron([3.0], [0.0], alpha=alpha), 6) for alpha in (2, 1, 0, -2, float("-inf"))]
        [4.5, 2.162278, 1.704748, 1.384615, 0.988891]
    """

    alpha: float = option(default=1.0, accepts=Real(Interval(high_open=True)))
    c: float = option(default=1.0, accepts=Real(POSITIVE))

    aliases = ("general_robust_loss", "AdaptiveRobustLoss")
    facts = Facts(
        task="regression",
        activation="identity",
        robustness="chosen by alpha: at 2 that of squares, at 1 a bounded pull, below a vanishing one",
        smoothness="infinitely differentiable",
        samples=(
            {},
            {"alpha": 2.0, "c": 0.7},
            {"alpha": 0.0},
            {"alpha": -2.0, "c": 2.5},
            {"alpha": -math.inf},
            {"alpha": 2.0 - 1e-9},
            {"alpha": 1e-9},
            {"alpha": 0.7, "c": 0.3},
            {"alpha": 1.5},
            {"alpha": 2.6, "c": 3.0},
            {"alpha": -40.0},
        ),
    )

    @property
    def traits(self) -> Traits:
        if self.alpha > 1:
            return Traits(convex=True, symmetric=True)
        if self.alpha == 1:
            return Traits(convex=True, symmetric=True, lipschitz=1 / self.c)
        if self._at_minus_infinity:
            return Traits(symmetric=True, lipschitz=math.exp(-0.5) / self.c)
        bend = math.sqrt((2 - self.alpha) / (1 - self.alpha))  # where the pull is strongest
        pull = math.exp((self.alpha / 2 - 1) * math.log1p(1 / (1 - self.alpha)))
        return Traits(symmetric=True, lipschitz=bend * pull / self.c)

    @property
    def _at_minus_infinity(self) -> bool:
        return self.alpha < -(2.0**60)

    def _shape(self) -> tuple[Decimal, Decimal]:
        return Decimal(self.c) * Decimal(2).sqrt(), Decimal(1)

    def _constants(self) -> tuple[float, float, Parts, Parts, Parts]:
        """Alpha and |alpha - 2| at some distance from 0, the root of u = (root r)^2, alpha / 2 - 1, and the bend."""
        with localcontext(DIGITS):
            alpha, c = Decimal(min(self.alpha, 2.0**60)), Decimal(self.c)
            beyond = alpha - 2
            if abs(beyond) < Decimal(2.0**-70):
                beyond = -Decimal(2.0**-70)
            root = 1 / (c * abs(beyond).sqrt())
            bend = c * (abs(beyond) / (1 - alpha)).sqrt() if alpha < 1 else Decimal(0)
            height = math.copysign(max(abs(float(alpha)), 2.0**-80), alpha)
            power = beyond / 2 if abs(alpha) > abs(height) / 2 else Decimal(height) / 2 - 1
            return height, float(abs(beyond)), parts(root), parts(power), parts(bend)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        if self._at_minus_infinity:
            return super().kernel()
        # Cases that have a name have a faster kernel, too; not with squares of c out of float32's range.
        c, moderate = self.c, 2.0**-40 < self.c < 2.0**40
        if moderate and self.alpha == 1:
            return "pseudo_huber", (c, 1 / c, 1 / c**2, 1 / c)
        if moderate and self.alpha == 0:
            with localcontext(DIGITS):
                return log_quadratic(Decimal(c) * Decimal(2).sqrt(), Decimal(1), Decimal(1))
        if moderate and self.alpha == -2:
            return GemanMcClure(c=c).kernel()
        alpha, distance, root, power, bend = self._constants()
        height = distance / alpha
        # Errors of (1 + u)^(alpha / 2) grow with alpha; near 2, u does.
        ordinary = -2.5 <= self.alpha <= 1.75 and all(2.0**-30 < size < 2.0**30 for size in (c, abs(height)))
        return "barron_ordinary" if ordinary else "barron", (
            1 / self.c,
            *root,
            1 / sum(root),
            *power,
            *parts(Decimal(distance) / Decimal(alpha)),
            self.alpha - 1,
            *bend,
            *self._ends(),
            2.0 ** (40 / (1 + abs(self.alpha) / 2)),  # (1 + u)^(alpha / 2 - 1) from 2^-80 to 2^80
            1 / self.c / self.c,
        )

    def _ends(self) -> tuple[float, float, float]:
        """Value and derivatives at infinity."""
        alpha, inf = self.alpha, math.inf
        return (
            inf if alpha >= 0 else 1 - 2 / alpha,
            0.0 if alpha < 1 else 1 / self.c if alpha == 1 else inf,
            0.0 if alpha < 2 else 1 / self.c**2 if alpha == 2 else inf,
        )

    def of_size(self, size: Array, low: Array) -> tuple[Array, Array, Array]:
        if self._at_minus_infinity:
            return super().of_size(size, low)
        alpha, distance, root, _, bend = self._constants()
        infinite = size == np.inf
        near = np.where(infinite, 0.0, size)
        u, u_low = square_of_product(near, low, root)
        # 1 + u = whole (1 + part); (1 + u)^(alpha / 2) takes the part as a factor of its own.
        whole = 1 + u
        back = whole - 1
        part = (((1 - (whole - back)) + (u - back)) + u_low) / whole
        t = alpha / 2 * (np.log1p(back) + part)
        grown = whole ** (alpha / 2) * np.exp(alpha / 2 * part)
        small = np.abs(t) < 0.5
        value = distance / alpha * np.where(small, np.expm1(np.where(small, t, 0.0)), grown - 1)
        if self.alpha < 1:
            rate = sum(root)
            turn = (self.alpha - 1) * (-below(bend, near, low) * rate) * (above(bend, near, low) * rate)
        else:
            turn = 1 + (self.alpha - 1) * u
        ends = self._ends()
        return (
            np.where(infinite, ends[0], value),
            np.where(infinite, ends[1], near / self.c**2 * (grown / whole)),
            np.where(infinite, ends[2], grown / whole * (turn / whole) / self.c**2),
        )
