"""What holds for any data: declared traits, invariances, shards that add up. Shapes and values come from hypothesis.

More examples: ``HYPOTHESIS_PROFILE=thorough pytest tests/test_properties.py``.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from closeness import assert_close, moves_logits, reference_and_slack
from hypothesis import given
from hypothesis import strategies as st
from sampling import CASES, CLASSES, Case, results

import fusedloss as fl
from fusedloss.facts import Traits

each_case = pytest.mark.parametrize("case", CASES, ids=str)
INVARIANT = [case for case in CASES if case.loss.traits.shift_invariant]
shifted = pytest.mark.parametrize("case", [case for case in INVARIANT if not moves_logits(case.loss)], ids=str)
summed = pytest.mark.parametrize("case", INVARIANT, ids=str)
exchanged = pytest.mark.parametrize("case", [c for c in CASES if c.loss.traits.exchangeable], ids=str)
seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)
dtypes = st.sampled_from([np.float32, np.float64])


def refutes(case: Case, trait: str, bound: Any, count: int = 4000) -> bool:
    """Whether random operands, kinks among them, are an example against a trait."""
    rng = np.random.default_rng(6)
    case = case.replace(reduction="none")
    loss = case.loss
    pred, target = case.operands(rng, (count,))
    other, _ = case.operands(rng, (count,))
    value = loss(pred, target)
    slack = 1e-9
    if trait == "convex":
        middle, far = loss((pred + other) / 2, target), loss(other, target)
        return bool(np.any(middle > (value + far) / 2 + slack * (1 + np.abs(value) + np.abs(far))))
    if trait == "symmetric":
        if case.levels or case.target == "labels":
            return True
        try:
            return not np.allclose(value, loss(target, pred), rtol=1e-9, atol=1e-12)
        except ValueError:  # the target's domain is not pred's
            return True
    if trait in ("shift_invariant", "exchangeable"):
        if not case.rows:
            return True
        if trait == "shift_invariant":
            if "pred" in loss.domain:
                return True
            again = loss(pred + 2, target)
        else:
            labels = case.width + loss.further_labels
            turned = (target + 1) % labels if case.target == "labels" else np.roll(target, 1, loss.axis)
            again = loss(np.roll(pred, 1, loss.axis), turned)
        return bool(np.any(np.abs(again - value) > slack * (1 + np.abs(value))))
    if trait == "nonnegative":
        return bool(np.any(value < 0))
    steep = pred * 100 if "pred" not in loss.domain else pred
    slope = np.abs(loss.grad(steep, target))
    return bool(np.max(slope) > (1e-3 if bound is None else bound * (1 + slack)))


@each_case
@pytest.mark.parametrize("trait", [field.name for field in dataclasses.fields(Traits)])
def test_traits_hold(case: Case, trait: str) -> None:
    """A declared trait has no counterexample."""
    declared = getattr(case.loss.traits, trait)
    if declared:
        plain = (
            case.loss.replace(ignore_index=None, **dict.fromkeys(case.loss.class_arrays)) if case.rows else case.loss
        )
        assert not refutes(Case(plain, case.target), trait, declared)


@each_case
@pytest.mark.parametrize("trait", ["convex", "symmetric", "nonnegative", "shift_invariant", "exchangeable"])
def test_traits_that_are_not_declared_are_refuted(case: Case, trait: str) -> None:
    """And the search for counterexamples does find them."""
    if not getattr(case.loss.traits, trait):
        assert refutes(case, trait, None)


@each_case
def test_lipschitz_bounds_are_tight(case: Case) -> None:
    """A bound that is twice too large says little: half of it is passed."""
    bound = case.loss.traits.lipschitz
    if bound is not None:
        loss = case.loss.replace(reduction="none")
        pred, target = Case(loss, case.target).operands(np.random.default_rng(7), (4000,))
        assert np.max(np.abs(loss.grad(pred * (1 if "pred" in loss.domain else 100), target))) > 0.4 * bound


@each_case
@given(seed=seeds, shape=shapes, dtype=dtypes)
def test_reductions_agree(case: Case, seed: int, shape: tuple[int, ...], dtype: Any) -> None:
    """Mean, sum and batchmean are those of the items; `partial` and `weight_total` are what they are made of."""
    rng = np.random.default_rng(seed)
    operands = case.operands(rng, shape, dtype)
    weight = rng.uniform(0, 2, case.item_shape(shape))
    items = case.replace(reduction="none").loss(*operands, sample_weight=weight)
    assert items.shape == case.item_shape(shape)
    exact = float(items.astype(np.float64).sum())
    total, weights = case.loss.partial(*operands, sample_weight=weight)
    relative = 8 * float(np.finfo(dtype).eps)
    size = float(np.abs(items.astype(np.float64)).sum())  # items of both signs cancel
    assert total == pytest.approx(exact, abs=relative * size + 1e-30)
    assert weights == pytest.approx(case.loss.weight_total(operands[1], sample_weight=weight), rel=1e-14)
    for reduction, divisor in (("mean", weights), ("sum", 1.0), ("batchmean", shape[0])):
        value = case.replace(reduction=reduction).loss(*operands, sample_weight=weight)
        assert value == pytest.approx(total / divisor if divisor else 0.0, rel=1e-14, abs=1e-300)


@each_case
@given(seed=seeds, cuts=st.lists(st.integers(0, 50), min_size=1, max_size=4))
def test_shards_add_up(case: Case, seed: int, cuts: list[int]) -> None:
    """Values and gradients of shards with the whole's denominator are those of the whole."""
    rng = np.random.default_rng(seed)
    pred, target = case.operands(rng, (50,))
    weight = rng.uniform(0, 2, case.item_shape((50,)))
    value, grad = case.loss.value_and_grad(pred, target, sample_weight=weight)
    across = case.rows and case.loss.axis == 0

    def part(x: np.ndarray, begin: int, end: int) -> np.ndarray:
        return x[:, begin:end] if across and x.ndim > 1 else x[begin:end]

    edges = [0, *sorted(cuts), 50]
    shards = [(part(pred, a, b), part(target, a, b), weight[a:b]) for a, b in itertools.pairwise(edges)]
    sums = [case.loss.partial(p, t, sample_weight=w) for p, t, w in shards]
    denominator = sum(case.loss.weight_total(t, sample_weight=w) for _, t, w in shards)
    assert denominator == pytest.approx(sum(weights for _, weights in sums), rel=1e-13)
    assert sum(total for total, _ in sums) / denominator == pytest.approx(value, rel=1e-13)
    pieces = [case.loss.value_and_grad(p, t, sample_weight=w, denominator=denominator) for p, t, w in shards]
    assert sum(piece for piece, _ in pieces) == pytest.approx(value, rel=1e-13)
    joined = np.concatenate([piece for _, piece in pieces], axis=1 if across else 0)
    np.testing.assert_allclose(joined, grad, rtol=1e-13, atol=1e-300)


@shifted
@given(seed=seeds, shift=st.integers(-1000, 1000))
def test_rows_do_not_see_a_shift(case: Case, seed: int, shift: int) -> None:
    """Not even by the rounding that z - max would have."""
    pred, target = case.operands(np.random.default_rng(seed), (7,))
    pred = np.round(pred * 1024) / 1024
    expected, slack = reference_and_slack(case, (pred, target), case.loss.facts.tolerance, pred)
    for name, array in results(case, (pred + shift, target), pred).items():
        assert_close(array, expected[name], case.loss.facts.tolerance, pred.dtype, slack[name], what=name)


@exchanged
@given(seed=seeds, permutation=st.permutations(range(CLASSES)))
def test_rows_do_not_see_the_order_of_classes(case: Case, seed: int, permutation: list[int]) -> None:
    if case.width != CLASSES or getattr(case.loss, "ignore_index", None) is not None:
        return
    pred, target = case.operands(np.random.default_rng(seed), (7,))
    axis = case.loss.axis
    turned = np.take(pred, permutation, axis)
    labels = np.argsort(permutation)[target] if case.target == "labels" else np.take(target, permutation, axis)
    value, grad, hess = case.loss.value_grad_and_hess(pred, target)
    again, grad_again, hess_again = case.loss.value_grad_and_hess(turned, labels)
    assert again == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(grad_again, np.take(grad, permutation, axis), rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(hess_again, np.take(hess, permutation, axis), rtol=1e-12, atol=1e-16)


@summed
@given(seed=seeds)
def test_gradients_of_a_row_sum_to_zero(case: Case, seed: int) -> None:
    pred, target = case.operands(np.random.default_rng(seed), (7,))
    grad = case.loss.grad(pred, target)
    assert np.abs(grad.sum(axis=case.loss.axis)).max() <= 4e-15 * max(2, np.abs(grad).sum(axis=case.loss.axis).max())


@given(seed=seeds)
def test_two_classes_are_a_binary_target(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z, label = rng.normal(0, 5, 30), rng.integers(0, 2, 30)
    value, grad = fl.BinaryCrossEntropy().value_and_grad(z, label)
    rows = np.stack([np.zeros(30), z], axis=1)
    other, row_grad = fl.CrossEntropy().value_and_grad(rows, label)
    assert other == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(row_grad[:, 1], grad, rtol=1e-12)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("options", [{}, {"alpha": 0.3, "label_smoothing": 0.1}, {"from_logits": False, "gamma": 1.5}])
@pytest.mark.parametrize("weighted", [False, True])
def test_normalized_focal_differentiates_its_divisor(options: dict[str, Any], weighted: bool) -> None:
    """A mean over the sum of the focal factors; every derivative is that of the quotient."""
    rng = np.random.default_rng(8)
    loss: Any = fl.BinaryFocal(normalized=True, **options)
    pred = rng.normal(0, 2, 12) if loss.from_logits else rng.uniform(0.1, 0.9, 12)
    target, vector = rng.integers(0, 2, 12).astype(float), rng.normal(0, 1, 12)
    weight = rng.integers(0, 3, 12) * 0.5 if weighted else None
    t = target * (1 - loss.label_smoothing) + loss.label_smoothing / 2

    def quotient(z: np.ndarray) -> Any:
        p = 1 / (1 + np.exp(-z)) if loss.from_logits else z
        factors = t * (1 - p) ** loss.gamma + (1 - t) * p**loss.gamma
        items = loss.replace(reduction="sum")(z, target, sample_weight=weight)
        return items / np.sum(factors if weight is None else weight * factors)

    def slopes(f: Any, z: np.ndarray, h: float = 1e-5) -> np.ndarray:
        return np.array([(f(z + h * e) - f(z - h * e)) / (2 * h) for e in np.eye(z.size)])

    value, grad, hess = loss.value_grad_and_hess(pred, target, sample_weight=weight, cotangent=1.5)
    whole = slopes(lambda z: loss.grad(z, target, sample_weight=weight), pred)
    assert value == pytest.approx(quotient(pred), rel=1e-12)
    np.testing.assert_allclose(grad, 1.5 * slopes(quotient, pred), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(hess, 1.5 * np.diag(whole), rtol=1e-6, atol=1e-9)
    product = loss.hvp(pred, target, vector=vector, sample_weight=weight)
    np.testing.assert_allclose(product, whole @ vector, rtol=1e-6, atol=1e-9)

    # The other ways to call it agree.
    total, divisor = loss.partial(pred, target, sample_weight=weight)
    assert total / divisor == pytest.approx(value, rel=1e-14)
    np.testing.assert_array_equal(
        loss.grad(pred, target, sample_weight=weight, denominator=divisor),
        loss.replace(normalized=False).grad(pred, target, sample_weight=weight, denominator=divisor),
    )
    floored = loss.grad_and_hess(pred, target, sample_weight=weight, cotangent=1.5, min_hessian=0.1)[1]
    floor = 0.15 / divisor * (1 if weight is None else weight)
    np.testing.assert_allclose(floored, np.maximum(hess, floor), rtol=1e-12)
    here = pred.copy()
    assert loss.value_and_grad(here, target, sample_weight=weight, cotangent=1.5, out=here)[1] is here
    np.testing.assert_array_equal(here, grad)
    with pytest.raises(ValueError, match="depends on pred"):
        loss.weight_total(target)


def test_normalized_focal_of_nothing() -> None:
    """No factor is left, or no item: the value and the gradient are 0."""
    loss = fl.BinaryFocal(normalized=True)
    for pred, target in (([], []), ([np.inf, -np.inf], [1, 0])):
        value, grad = loss.value_and_grad(np.array(pred), np.array(target))
        assert value == 0
        assert not grad.any()
