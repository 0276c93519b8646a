"""Losses of other operands than a prediction and a target: several gradients, or none but one operand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from closeness import assert_close
from sampling import OTHERS

import fusedloss as fl
from fusedloss.domains import Interval, Points

each_loss = pytest.mark.parametrize("loss", OTHERS, ids=repr)
several = pytest.mark.parametrize("loss", [loss for loss in OTHERS if len(loss.variables) > 1], ids=repr)

Array = np.ndarray


def operands_of(loss: Any, shape: tuple[int, ...], dtype: Any = np.float64, seed: int = 0) -> tuple[Array, ...]:
    """Random numbers within the domains."""
    rng = np.random.default_rng(seed)
    made = []
    for name in loss.operands:
        domain = loss.domain.get(name)
        if isinstance(domain, Points):
            made.append(rng.choice(domain.numbers, shape).astype(dtype))
        elif isinstance(domain, Interval):
            low, high = max(domain.low, -50.0), min(domain.high, 50.0)
            made.append(np.clip(np.exp(rng.normal(0, 2, shape)), low + 1e-3, high).astype(dtype))
        else:
            made.append(rng.normal(0, 3, shape).astype(dtype))
    return tuple(made)


def tuples(loss: Any, given: Any) -> tuple[Array, ...]:
    """Arrays by variable."""
    return given if len(loss.variables) > 1 else (given,)


def everything(loss: Any, operands: tuple[Array, ...], vector: Any, **keywords: Any) -> dict[str, Array]:
    """All results by name."""
    value, grad, hess = loss.value_grad_and_hess(*operands, **keywords)
    product = loss.hvp(*operands, vector=vector if len(loss.variables) > 1 else vector[0], **keywords)
    found = {"value": np.asarray(value)}
    for order, arrays in (("grad", grad), ("hess", hess), ("hvp", product)):
        found.update({f"{order} of {name}": x for name, x in zip(loss.variables, tuples(loss, arrays), strict=True)})
    return found


@each_loss
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (17,), (1025,), (3, 5, 7)], ids=str)
def test_against_the_reference(
    loss: Any, dtype: np.dtype, reduction: str, shape: tuple[int, ...], weighted: bool
) -> None:
    if reduction == "batchmean" and not shape:
        return
    loss = loss.replace(reduction=reduction)
    operands = operands_of(loss, shape, dtype)
    rng = np.random.default_rng(1)
    vector = tuple(rng.normal(size=shape).astype(dtype) for _ in loss.variables)
    keywords: dict[str, Any] = {}
    if weighted:
        keywords["sample_weight"] = np.where(rng.random(shape) < 0.3, 0, rng.uniform(0.5, 2, shape))
    actual = everything(loss, operands, vector, **keywords)
    with fl.use_backend("numpy"):
        wide = tuple(x.astype(np.float64) for x in operands)
        wide_vector = tuple(x.astype(np.float64) for x in vector)
        expected = everything(loss, wide, wide_vector, **keywords)
        # p - label is a difference of two terms: no more accurate, relative to it, than these are.
        labels = {name: label for name, label in loss.options.items() if name.endswith("_label")}
        blurred = {name: label * (1 - loss.facts.tolerance * np.finfo(dtype).eps) for name, label in labels.items()}
        other = everything(loss.replace(**blurred), wide, wide_vector, **keywords)
    for name, array in actual.items():
        # A value may be a difference of terms, and a Hessian times a vector a sum of them.
        terms = np.max(np.abs(expected[name]), initial=0.0) if name == "value" or "hvp" in name else 0.0
        slack = loss.facts.tolerance * np.finfo(dtype).eps * terms
        if name == "value":
            slack = slack + loss.facts.tolerance * np.finfo(dtype).eps
        slack = slack + np.abs(expected[name] - other[name])
        assert_close(array, expected[name], loss.facts.tolerance, dtype, slack, what=f"{loss}, {name}")


@each_loss
def test_derivatives_are_those_of_the_value(loss: Any) -> None:
    loss = loss.replace(reduction="sum")
    operands = operands_of(loss, (40,), seed=2)
    step = 1e-5
    vector = tuple(np.random.default_rng(3).normal(size=40) for _ in loss.variables)
    index = [loss.operands.index(name) for name in loss.variables]

    def moved(sign: int, only: int | None = None) -> tuple[Array, ...]:
        changed = list(operands)
        for k, at in enumerate(index):
            if only is None or only == k:
                changed[at] = changed[at] + sign * step * vector[k]
        return tuple(changed)

    grads = tuples(loss, loss.grad(*operands))
    slope = sum(float(np.sum(g * v)) for g, v in zip(grads, vector, strict=True))
    assert slope == pytest.approx((loss(*moved(1)) - loss(*moved(-1))) / (2 * step), rel=1e-6, abs=1e-6)
    high, low = (tuples(loss, loss.grad(*moved(sign))) for sign in (1, -1))
    product = tuples(loss, loss.hvp(*operands, vector=vector if len(index) > 1 else vector[0]))
    for p, above, below in zip(product, high, low, strict=True):
        np.testing.assert_allclose(p, (above - below) / (2 * step), rtol=1e-5, atol=1e-6)
    for k, (hess, v) in enumerate(zip(tuples(loss, loss.grad_and_hess(*operands)[1]), vector, strict=True)):
        high, low = (tuples(loss, loss.grad(*moved(sign, k)))[k] for sign in (1, -1))
        np.testing.assert_allclose(hess * v, (high - low) / (2 * step), rtol=1e-5, atol=1e-6)


@several
def test_wrt_and_out(loss: Any) -> None:
    operands = operands_of(loss, (70,))
    value, grads = loss.value_and_grad(*operands)
    for name, grad in zip(loss.variables, grads, strict=True):
        alone = loss.grad(*operands, wrt=name)
        np.testing.assert_array_equal(alone, grad)
    outs = tuple(np.empty(70) for _ in loss.variables)
    again, given = loss.value_and_grad(*operands, out=outs)
    assert again == value
    for out, array, grad in zip(outs, given, grads, strict=True):
        assert array is out
        np.testing.assert_array_equal(out, grad)
    with pytest.raises(ValueError, match="tuple of"):
        loss.grad(*operands, out=outs[0])
    with pytest.raises(ValueError, match="wrt"):
        loss.grad(*operands, wrt="nothing")


@each_loss
def test_the_same_bits_for_any_number_of_threads(loss: Any) -> None:
    operands = operands_of(loss, (300_001,), np.float32)
    found = []
    for threads in (1, 2, 5):
        with fl.num_threads(threads):
            value, grad = loss.value_and_grad(*operands)
        found.append((value, *(x.tobytes() for x in tuples(loss, grad))))
    assert found[0] == found[1] == found[2]


@each_loss
def test_an_operand_at_fault_is_named(loss: Any) -> None:
    operands = list(operands_of(loss, (6,)))
    for k, name in enumerate(loss.operands):
        if k > 0:
            with pytest.raises(ValueError, match=name):
                loss(*operands[:k], np.zeros(5), *operands[k + 1 :])
        if isinstance(loss.domain.get(name), (Points, Interval)):
            bad = operands[k].copy()
            bad[3] = -7.5
            with pytest.raises(ValueError, match=rf"{name}.*-7\.5.*3"):
                loss(*operands[:k], bad, *operands[k + 1 :])


@each_loss
def test_items_of_weight_zero_do_not_exist(loss: Any, dtype: np.dtype) -> None:
    operands = operands_of(loss, (50,), dtype)
    weight = np.ones(50)
    weight[7] = 0
    spoilt = tuple(np.where(np.arange(50) == 7, np.nan, x) for x in operands)
    spoilt = tuple(x.astype(dtype) for x in spoilt)
    value, grad = loss.value_and_grad(*spoilt, sample_weight=weight)
    kept = tuple(np.delete(x, 7) for x in operands)
    expected, expected_grad = loss.value_and_grad(*kept)
    assert value == pytest.approx(expected, rel=1e-12)
    for g, e in zip(tuples(loss, grad), tuples(loss, expected_grad), strict=True):
        assert g[7] == 0
        np.testing.assert_allclose(np.delete(g, 7), e, rtol=1e-6 if dtype == np.float32 else 1e-13)


def test_sides_of_a_game() -> None:
    """Values of the sides of each game, against the formulas of the papers."""
    rng = np.random.default_rng(4)
    real, fake = rng.normal(0, 2, (2, 300))

    def softplus(x: Array) -> Array:
        return np.logaddexp(0, x)

    expected: dict[str, tuple[Array, Array]] = {
        "MinimaxGAN": (softplus(-real) + softplus(fake), -softplus(fake)),
        "NonSaturatingGAN": (softplus(-real) + softplus(fake), softplus(-fake)),
        "LeastSquaresGAN": ((real - 1) ** 2 / 2 + fake**2 / 2, (fake - 1) ** 2 / 2),
        "WassersteinGAN": (fake - real, -fake),
        "HingeGAN": (np.maximum(0, 1 - real) + np.maximum(0, 1 + fake), -fake),
        "RelativisticGAN": (softplus(fake - real), softplus(real - fake)),
    }
    for name, (of_discriminator, of_generator) in expected.items():
        game = getattr(fl, name)()
        assert game.discriminator(real, fake) == pytest.approx(of_discriminator.mean(), rel=1e-13, abs=1e-15), name
        operands = (real, fake) if "real" in game.generator.operands else (fake,)
        assert game.generator(*operands) == pytest.approx(of_generator.mean(), rel=1e-13, abs=1e-15), name
        summed = game.replace(reduction="sum")
        assert summed.discriminator(real, fake) == pytest.approx(of_discriminator.sum(), rel=1e-13, abs=1e-12), name
    smoothed = fl.MinimaxGAN(real_label=0.9).discriminator(real, fake)
    assert smoothed == pytest.approx(np.mean(softplus(real) - 0.9 * real + softplus(fake)), rel=1e-13)


@pytest.mark.parametrize("target", [0.0, 1.0, 2.5])
def test_gradient_penalty(target: float, dtype: np.dtype) -> None:
    rng = np.random.default_rng(5)
    grads = rng.normal(size=(6, 3, 4))
    grads[2] = 0
    value, slope = fl.gradient_penalty(grads.astype(dtype), target)
    assert slope.dtype == dtype
    assert slope.shape == grads.shape
    assert not slope[2].any()
    norm = np.linalg.norm(grads.reshape(6, -1), axis=1)
    assert value == pytest.approx(np.mean((norm - target) ** 2), rel=1e-6 if dtype == np.float32 else 1e-13)
    moving = rng.normal(size=grads.shape) * (norm > 0)[:, None, None]
    step = 1e-6
    difference = (
        fl.gradient_penalty(grads + step * moving, target)[0] - fl.gradient_penalty(grads - step * moving, target)[0]
    )
    assert np.sum(slope * moving) == pytest.approx(difference / (2 * step), rel=1e-5, abs=1e-6)


def test_gradient_penalty_at_the_ends() -> None:
    value, slope = fl.gradient_penalty(np.full((2, 3), 1e200))
    assert np.isinf(value)
    assert np.isfinite(slope).all()
    with pytest.raises(ValueError, match="input_grads"):
        fl.gradient_penalty(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="input_grads"):
        fl.gradient_penalty(np.float64(1.0))
