"""The methods of a loss, for each set of operands. Made by tools/generate_signatures.py."""

from __future__ import annotations

from typing import Any

from .arrays import Array, ArrayLike, Value
from .backend import GRAD_HESS, HVP, VALUE, VALUE_GRAD, VALUE_GRAD_HESS, fast
from .kinds.kind import Kind


class PredTarget(Kind):
    """Losses of a prediction and a target, with the gradient with respect to the prediction."""

    operands = ("pred", "target")
    variables = ("pred",)
    weighed = "target"

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: What the model gives.
            target: What it should give.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        if sample_weight is None and denominator is None:
            result = fast(self._plan, VALUE, pred, target, None, None)
            if result is not None:
                return result
        return self._evaluate(VALUE, (pred, target), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array]:
        """The value and its gradient, from one pass.

        Args:
            pred: What the model gives.
            target: What it should give.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        if sample_weight is None and denominator is None and cotangent is None and wrt is None:
            result: tuple[Value, Array] | None = fast(self._plan, VALUE_GRAD, pred, target, out, None)
            if result is not None:
                return result
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The gradient of the value.

        Args:
            pred: What the model gives.
            target: What it should give.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        if sample_weight is None and denominator is None and cotangent is None and wrt is None:
            result: tuple[Value, Array] | None = fast(self._plan, VALUE_GRAD, pred, target, out, None)
            if result is not None:
                return result[1]
        grad: Array = self._evaluate(
            VALUE_GRAD,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Array, Array]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: What the model gives.
            target: What it should give.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        if (
            sample_weight is None
            and denominator is None
            and cotangent is None
            and hessian == "exact"
            and min_hessian is None
            and wrt is None
        ):
            result: tuple[Array, Array] | None = fast(self._plan, GRAD_HESS, pred, target, out, out_hess)
            if result is not None:
                return result
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array, Array]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: What the model gives.
            target: What it should give.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        if sample_weight is None and denominator is None and cotangent is None and wrt is None:
            result: tuple[Value, Array, Array] | None = fast(self._plan, VALUE_GRAD_HESS, pred, target, out, out_hess)
            if result is not None:
                return result
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        vector: ArrayLike,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: What the model gives.
            target: What it should give.
            vector: What the Hessian is multiplied with, of the shape of pred.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Array = self._evaluate(
            HVP,
            (pred, target),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, pred: ArrayLike, target: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: What the model gives.
            target: What it should give.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target), sample_weight)

    def weight_total(self, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target, sample_weight)


class PredTargetAlike(Kind):
    """Losses of a prediction and a target of its kind, with the gradient by pred, to both if asked for."""

    operands = ("pred", "target")
    variables = ("pred", "target")
    weighed = "target"
    by_default = "pred"

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: What the model gives.
            target: What it should give, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        if sample_weight is None and denominator is None:
            result = fast(self._plan, VALUE, pred, target, None, None)
            if result is not None:
                return result
        return self._evaluate(VALUE, (pred, target), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            pred: What the model gives.
            target: What it should give, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of
                several gradients a tuple.
            wrt: The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.
        """
        if sample_weight is None and denominator is None and cotangent is None and wrt is None:
            result: tuple[Value, Any] | None = fast(self._plan, VALUE_GRAD, pred, target, out, None)
            if result is not None:
                return result
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            pred: What the model gives.
            target: What it should give, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of
                several gradients a tuple.
            wrt: The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.
        """
        if sample_weight is None and denominator is None and cotangent is None and wrt is None:
            result: tuple[Value, Any] | None = fast(self._plan, VALUE_GRAD, pred, target, out, None)
            if result is not None:
                return result[1]
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: What the model gives.
            target: What it should give, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of
                several gradients a tuple.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.
        """
        if (
            sample_weight is None
            and denominator is None
            and cotangent is None
            and hessian == "exact"
            and min_hessian is None
            and wrt is None
        ):
            result: tuple[Any, Any] | None = fast(self._plan, GRAD_HESS, pred, target, out, out_hess)
            if result is not None:
                return result
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: What the model gives.
            target: What it should give, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of
                several gradients a tuple.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.
        """
        if sample_weight is None and denominator is None and cotangent is None and wrt is None:
            result: tuple[Value, Any, Any] | None = fast(self._plan, VALUE_GRAD_HESS, pred, target, out, out_hess)
            if result is not None:
                return result
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        vector: Any,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: What the model gives.
            target: What it should give, of the same shape.
            vector: What the Hessian is multiplied with, of the shape of pred.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of
                several gradients a tuple.
            wrt: The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.
        """
        product: Any = self._evaluate(
            HVP,
            (pred, target),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, pred: ArrayLike, target: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: What the model gives.
            target: What it should give, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target), sample_weight)

    def weight_total(self, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target, sample_weight)


class ScoresRelevances(Kind):
    """Losses of scores and relevances of documents, query by query, with the gradient by the scores."""

    operands = ("pred", "target")
    variables = ("pred",)
    arguments = ("groups", "lengths")
    weighed = "target"

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: The score of each document, those of a query side by side.
            target: The relevance of each document: the higher, the further up it should be.
            groups: The query of each document: integers of pred's shape, equal ones side by side.
            lengths: The same as the number of documents of each query; without either, all are one query.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(
            VALUE, (pred, target, groups, lengths), sample_weight=sample_weight, denominator=denominator
        )

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array]:
        """The value and its gradient, from one pass.

        Args:
            pred: The score of each document, those of a query side by side.
            target: The relevance of each document: the higher, the further up it should be.
            groups: The query of each document: integers of pred's shape, equal ones side by side.
            lengths: The same as the number of documents of each query; without either, all are one query.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target, groups, lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The gradient of the value.

        Args:
            pred: The score of each document, those of a query side by side.
            target: The relevance of each document: the higher, the further up it should be.
            groups: The query of each document: integers of pred's shape, equal ones side by side.
            lengths: The same as the number of documents of each query; without either, all are one query.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Array = self._evaluate(
            VALUE_GRAD,
            (pred, target, groups, lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Array, Array]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: The score of each document, those of a query side by side.
            target: The relevance of each document: the higher, the further up it should be.
            groups: The query of each document: integers of pred's shape, equal ones side by side.
            lengths: The same as the number of documents of each query; without either, all are one query.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target, groups, lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array, Array]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: The score of each document, those of a query side by side.
            target: The relevance of each document: the higher, the further up it should be.
            groups: The query of each document: integers of pred's shape, equal ones side by side.
            lengths: The same as the number of documents of each query; without either, all are one query.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target, groups, lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        vector: ArrayLike,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: The score of each document, those of a query side by side.
            target: The relevance of each document: the higher, the further up it should be.
            groups: The query of each document: integers of pred's shape, equal ones side by side.
            lengths: The same as the number of documents of each query; without either, all are one query.
            vector: What the Hessian is multiplied with, of the shape of pred.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Array = self._evaluate(
            HVP,
            (pred, target, groups, lengths),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: The score of each document, those of a query side by side.
            target: The relevance of each document: the higher, the further up it should be.
            groups: The query of each document: integers of pred's shape, equal ones side by side.
            lengths: The same as the number of documents of each query; without either, all are one query.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target, groups, lengths), sample_weight)

    def weight_total(
        self,
        target: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            groups: As in a call.
            lengths: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total((target, groups, lengths), sample_weight)


class FramesLabels(Kind):
    """Losses of frames of utterances and of the labels that occur in them, with the gradient by the frames."""

    operands = ("pred", "target", "input_lengths", "target_lengths")
    variables = ("pred",)
    weighed = "target_lengths"

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: The classes of each frame of each utterance: (frames, utterances, classes), or as `layout` says.
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(
            VALUE, (pred, target, input_lengths, target_lengths), sample_weight=sample_weight, denominator=denominator
        )

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array]:
        """The value and its gradient, from one pass.

        Args:
            pred: The classes of each frame of each utterance: (frames, utterances, classes), or as `layout` says.
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target, input_lengths, target_lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The gradient of the value.

        Args:
            pred: The classes of each frame of each utterance: (frames, utterances, classes), or as `layout` says.
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Array = self._evaluate(
            VALUE_GRAD,
            (pred, target, input_lengths, target_lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Array, Array]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: The classes of each frame of each utterance: (frames, utterances, classes), or as `layout` says.
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target, input_lengths, target_lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array, Array]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: The classes of each frame of each utterance: (frames, utterances, classes), or as `layout` says.
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target, input_lengths, target_lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        vector: ArrayLike,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: The classes of each frame of each utterance: (frames, utterances, classes), or as `layout` says.
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            vector: What the Hessian is multiplied with, of the shape of pred.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Array = self._evaluate(
            HVP,
            (pred, target, input_lengths, target_lengths),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: The classes of each frame of each utterance: (frames, utterances, classes), or as `layout` says.
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target, input_lengths, target_lengths), sample_weight)

    def weight_total(self, target_lengths: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target_lengths: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target_lengths, sample_weight)


class LatticesLabels(Kind):
    """Losses of lattices of frames and labels of utterances, with the gradient by their classes."""

    operands = ("pred", "target", "input_lengths", "target_lengths")
    variables = ("pred",)
    weighed = "target_lengths"

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: The classes of each frame of each utterance, for each number of labels given before: (utterances,
                frames, most labels + 1, classes).
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(
            VALUE, (pred, target, input_lengths, target_lengths), sample_weight=sample_weight, denominator=denominator
        )

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array]:
        """The value and its gradient, from one pass.

        Args:
            pred: The classes of each frame of each utterance, for each number of labels given before: (utterances,
                frames, most labels + 1, classes).
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target, input_lengths, target_lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The gradient of the value.

        Args:
            pred: The classes of each frame of each utterance, for each number of labels given before: (utterances,
                frames, most labels + 1, classes).
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Array = self._evaluate(
            VALUE_GRAD,
            (pred, target, input_lengths, target_lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Array, Array]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: The classes of each frame of each utterance, for each number of labels given before: (utterances,
                frames, most labels + 1, classes).
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target, input_lengths, target_lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array, Array]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: The classes of each frame of each utterance, for each number of labels given before: (utterances,
                frames, most labels + 1, classes).
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target, input_lengths, target_lengths),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        vector: ArrayLike,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: The classes of each frame of each utterance, for each number of labels given before: (utterances,
                frames, most labels + 1, classes).
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            vector: What the Hessian is multiplied with, of the shape of pred.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Array = self._evaluate(
            HVP,
            (pred, target, input_lengths, target_lengths),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: The classes of each frame of each utterance, for each number of labels given before: (utterances,
                frames, most labels + 1, classes).
            target: The labels of each utterance: (utterances, most labels), or all of them one after the other.
            input_lengths: How many frames each utterance has; those behind them are not read.
            target_lengths: How many labels each utterance has.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target, input_lengths, target_lengths), sample_weight)

    def weight_total(self, target_lengths: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target_lengths: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target_lengths, sample_weight)


class TokensLabels(Kind):
    """Losses of tokens of sequences and their targets, with the gradient by the tokens."""

    operands = ("pred", "target")
    variables = ("pred",)
    arguments = ("lengths", "mask")
    weighed = "target"

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: The logits of each token: (sequences, tokens, classes) or (all tokens, classes).
            target: The label of each token, or distributions of pred's shape.
            lengths: How many tokens each sequence has.
            mask: For padded sequences instead: True where a token counts, (sequences, tokens).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(
            VALUE, (pred, target, lengths, mask), sample_weight=sample_weight, denominator=denominator
        )

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array]:
        """The value and its gradient, from one pass.

        Args:
            pred: The logits of each token: (sequences, tokens, classes) or (all tokens, classes).
            target: The label of each token, or distributions of pred's shape.
            lengths: How many tokens each sequence has.
            mask: For padded sequences instead: True where a token counts, (sequences, tokens).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target, lengths, mask),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The gradient of the value.

        Args:
            pred: The logits of each token: (sequences, tokens, classes) or (all tokens, classes).
            target: The label of each token, or distributions of pred's shape.
            lengths: How many tokens each sequence has.
            mask: For padded sequences instead: True where a token counts, (sequences, tokens).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Array = self._evaluate(
            VALUE_GRAD,
            (pred, target, lengths, mask),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Array, Array]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: The logits of each token: (sequences, tokens, classes) or (all tokens, classes).
            target: The label of each token, or distributions of pred's shape.
            lengths: How many tokens each sequence has.
            mask: For padded sequences instead: True where a token counts, (sequences, tokens).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target, lengths, mask),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array, Array]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: The logits of each token: (sequences, tokens, classes) or (all tokens, classes).
            target: The label of each token, or distributions of pred's shape.
            lengths: How many tokens each sequence has.
            mask: For padded sequences instead: True where a token counts, (sequences, tokens).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target, lengths, mask),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        vector: ArrayLike,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: The logits of each token: (sequences, tokens, classes) or (all tokens, classes).
            target: The label of each token, or distributions of pred's shape.
            lengths: How many tokens each sequence has.
            mask: For padded sequences instead: True where a token counts, (sequences, tokens).
            vector: What the Hessian is multiplied with, of the shape of pred.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Array = self._evaluate(
            HVP,
            (pred, target, lengths, mask),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: The logits of each token: (sequences, tokens, classes) or (all tokens, classes).
            target: The label of each token, or distributions of pred's shape.
            lengths: How many tokens each sequence has.
            mask: For padded sequences instead: True where a token counts, (sequences, tokens).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target, lengths, mask), sample_weight)

    def weight_total(
        self,
        target: ArrayLike,
        *,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            lengths: As in a call.
            mask: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total((target, lengths, mask), sample_weight)


class MapsTarget(Kind):
    """Losses of how maps of pixels overlap with what is there, with the gradient by the prediction."""

    operands = ("pred", "target")
    variables = ("pred",)
    arguments = ("mask",)

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: A map for each sample and class: (samples, classes, ...), or with classes along `axis`.
            target: The class of each pixel: integers of pred's shape without the classes; or maps of pred's shape.
            mask: A weight >= 0 for each pixel, 0 to leave it out: of pred's shape without the classes, or with axes of
                length 1.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (pred, target, mask), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array]:
        """The value and its gradient, from one pass.

        Args:
            pred: A map for each sample and class: (samples, classes, ...), or with classes along `axis`.
            target: The class of each pixel: integers of pred's shape without the classes; or maps of pred's shape.
            mask: A weight >= 0 for each pixel, 0 to leave it out: of pred's shape without the classes, or with axes of
                length 1.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target, mask),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The gradient of the value.

        Args:
            pred: A map for each sample and class: (samples, classes, ...), or with classes along `axis`.
            target: The class of each pixel: integers of pred's shape without the classes; or maps of pred's shape.
            mask: A weight >= 0 for each pixel, 0 to leave it out: of pred's shape without the classes, or with axes of
                length 1.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Array = self._evaluate(
            VALUE_GRAD,
            (pred, target, mask),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Array, Array]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: A map for each sample and class: (samples, classes, ...), or with classes along `axis`.
            target: The class of each pixel: integers of pred's shape without the classes; or maps of pred's shape.
            mask: A weight >= 0 for each pixel, 0 to leave it out: of pred's shape without the classes, or with axes of
                length 1.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target, mask),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array, Array]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: A map for each sample and class: (samples, classes, ...), or with classes along `axis`.
            target: The class of each pixel: integers of pred's shape without the classes; or maps of pred's shape.
            mask: A weight >= 0 for each pixel, 0 to leave it out: of pred's shape without the classes, or with axes of
                length 1.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target, mask),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        vector: ArrayLike,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: A map for each sample and class: (samples, classes, ...), or with classes along `axis`.
            target: The class of each pixel: integers of pred's shape without the classes; or maps of pred's shape.
            mask: A weight >= 0 for each pixel, 0 to leave it out: of pred's shape without the classes, or with axes of
                length 1.
            vector: What the Hessian is multiplied with, of the shape of pred.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Array = self._evaluate(
            HVP,
            (pred, target, mask),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: A map for each sample and class: (samples, classes, ...), or with classes along `axis`.
            target: The class of each pixel: integers of pred's shape without the classes; or maps of pred's shape.
            mask: A weight >= 0 for each pixel, 0 to leave it out: of pred's shape without the classes, or with axes of
                length 1.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target, mask), sample_weight)


class PredTargetVariance(Kind):
    """Losses of a normal distribution's mean and variance and a target, with gradients to the first two."""

    operands = ("pred", "target", "variance")
    variables = ("pred", "variance")
    weighed = "target"

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        variance: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: The mean.
            target: What was observed.
            variance: The variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (pred, target, variance), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        variance: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            pred: The mean.
            target: What was observed.
            variance: The variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target, variance),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        variance: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            pred: The mean.
            target: What was observed.
            variance: The variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (pred, target, variance),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        variance: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: The mean.
            target: What was observed.
            variance: The variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target, variance),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        variance: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: The mean.
            target: What was observed.
            variance: The variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target, variance),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        variance: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: The mean.
            target: What was observed.
            variance: The variance.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (pred, target, variance),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, pred: ArrayLike, target: ArrayLike, variance: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: The mean.
            target: What was observed.
            variance: The variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target, variance), sample_weight)

    def weight_total(self, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target, sample_weight)


class PredTargetScale(Kind):
    """Losses of a distribution's mean and standard deviation and a target, with gradients to the first two."""

    operands = ("pred", "target", "scale")
    variables = ("pred", "scale")
    weighed = "target"

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        scale: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: The mean.
            target: What was observed.
            scale: The standard deviation.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (pred, target, scale), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        scale: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            pred: The mean.
            target: What was observed.
            scale: The standard deviation.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target, scale),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        scale: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            pred: The mean.
            target: What was observed.
            scale: The standard deviation.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (pred, target, scale),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        scale: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: The mean.
            target: What was observed.
            scale: The standard deviation.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target, scale),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        scale: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: The mean.
            target: What was observed.
            scale: The standard deviation.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target, scale),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        scale: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: The mean.
            target: What was observed.
            scale: The standard deviation.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (pred, target, scale),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, pred: ArrayLike, target: ArrayLike, scale: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: The mean.
            target: What was observed.
            scale: The standard deviation.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target, scale), sample_weight)

    def weight_total(self, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target, sample_weight)


class Ranked(Kind):
    """Losses of two scores and of which of them should be the higher one."""

    operands = ("x1", "x2", "target")
    variables = ("x1", "x2")
    weighed = "target"

    def __call__(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            x1: The one score.
            x2: The other score.
            target: +1 where x1 should be higher, -1 where x2 should.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (x1, x2, target), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            x1: The one score.
            x2: The other score.
            target: +1 where x1 should be higher, -1 where x2 should.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (x1, x2, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            x1: The one score.
            x2: The other score.
            target: +1 where x1 should be higher, -1 where x2 should.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (x1, x2, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            x1: The one score.
            x2: The other score.
            target: +1 where x1 should be higher, -1 where x2 should.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (x1, x2, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            x1: The one score.
            x2: The other score.
            target: +1 where x1 should be higher, -1 where x2 should.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (x1, x2, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            x1: The one score.
            x2: The other score.
            target: +1 where x1 should be higher, -1 where x2 should.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (x1, x2, target),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, x1: ArrayLike, x2: ArrayLike, target: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            x1: The one score.
            x2: The other score.
            target: +1 where x1 should be higher, -1 where x2 should.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((x1, x2, target), sample_weight)

    def weight_total(self, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target, sample_weight)


class TwoVectors(Kind):
    """Losses of pairs of vectors that belong together, with gradients to both."""

    operands = ("x1", "x2")
    variables = ("x1", "x2")
    weighed = "x1"

    def __call__(
        self, x1: ArrayLike, x2: ArrayLike, *, sample_weight: ArrayLike | None = None, denominator: float | None = None
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (x1, x2), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (x1, x2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (x1, x2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (x1, x2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (x1, x2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (x1, x2),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(self, x1: ArrayLike, x2: ArrayLike, *, sample_weight: ArrayLike | None = None) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((x1, x2), sample_weight)

    def weight_total(self, x1: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            x1: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(x1, sample_weight)


class TwoVectorsTarget(Kind):
    """Losses of pairs of vectors and of whether they belong together, with gradients to both."""

    operands = ("x1", "x2", "target")
    variables = ("x1", "x2")
    weighed = "target"

    def __call__(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            target: Whether they belong together, (...).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (x1, x2, target), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            target: Whether they belong together, (...).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (x1, x2, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            target: Whether they belong together, (...).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (x1, x2, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            target: Whether they belong together, (...).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (x1, x2, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            target: Whether they belong together, (...).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (x1, x2, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        x1: ArrayLike,
        x2: ArrayLike,
        target: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            target: Whether they belong together, (...).
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (x1, x2, target),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, x1: ArrayLike, x2: ArrayLike, target: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            x1: Vectors, (..., dimensions).
            x2: As many others, of the same shape.
            target: Whether they belong together, (...).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((x1, x2, target), sample_weight)

    def weight_total(self, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target, sample_weight)


class AnchorPositiveNegative(Kind):
    """Losses of triplets of vectors, with gradients to all."""

    operands = ("anchor", "positive", "negative")
    variables = ("anchor", "positive", "negative")
    weighed = "anchor"

    def __call__(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        negative: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            anchor: Vectors, (..., dimensions).
            positive: For each a vector that belongs with it.
            negative: For each a vector that does not.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (anchor, positive, negative), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        negative: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            anchor: Vectors, (..., dimensions).
            positive: For each a vector that belongs with it.
            negative: For each a vector that does not.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (anchor, positive, negative),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        negative: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            anchor: Vectors, (..., dimensions).
            positive: For each a vector that belongs with it.
            negative: For each a vector that does not.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (anchor, positive, negative),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        negative: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            anchor: Vectors, (..., dimensions).
            positive: For each a vector that belongs with it.
            negative: For each a vector that does not.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (anchor, positive, negative),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        negative: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            anchor: Vectors, (..., dimensions).
            positive: For each a vector that belongs with it.
            negative: For each a vector that does not.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (anchor, positive, negative),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        negative: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            anchor: Vectors, (..., dimensions).
            positive: For each a vector that belongs with it.
            negative: For each a vector that does not.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (anchor, positive, negative),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            anchor: Vectors, (..., dimensions).
            positive: For each a vector that belongs with it.
            negative: For each a vector that does not.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((anchor, positive, negative), sample_weight)

    def weight_total(self, anchor: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            anchor: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(anchor, sample_weight)


class TwoViews(Kind):
    """Losses of two views of each sample, with gradients to both."""

    operands = ("view1", "view2")
    variables = ("view1", "view2")
    weighed = "view1"

    def __call__(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (view1, view2), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (view1, view2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (view1, view2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (view1, view2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (view1, view2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (view1, view2),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, view1: ArrayLike, view2: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((view1, view2), sample_weight)

    def weight_total(self, view1: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            view1: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(view1, sample_weight)


class QueryKey(Kind):
    """Losses of queries, each with a key that belongs to it, with gradients to both."""

    operands = ("query", "key")
    variables = ("query", "key")
    weighed = "query"

    def __call__(
        self,
        query: ArrayLike,
        key: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            query: Vectors, (queries, dimensions).
            key: The key of each query in its place, (keys, dimensions); further ones belong to none.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (query, key), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        query: ArrayLike,
        key: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            query: Vectors, (queries, dimensions).
            key: The key of each query in its place, (keys, dimensions); further ones belong to none.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (query, key),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        query: ArrayLike,
        key: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            query: Vectors, (queries, dimensions).
            key: The key of each query in its place, (keys, dimensions); further ones belong to none.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (query, key),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        query: ArrayLike,
        key: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            query: Vectors, (queries, dimensions).
            key: The key of each query in its place, (keys, dimensions); further ones belong to none.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (query, key),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        query: ArrayLike,
        key: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            query: Vectors, (queries, dimensions).
            key: The key of each query in its place, (keys, dimensions); further ones belong to none.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (query, key),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        query: ArrayLike,
        key: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            query: Vectors, (queries, dimensions).
            key: The key of each query in its place, (keys, dimensions); further ones belong to none.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (query, key),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, query: ArrayLike, key: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            query: Vectors, (queries, dimensions).
            key: The key of each query in its place, (keys, dimensions); further ones belong to none.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((query, key), sample_weight)

    def weight_total(self, query: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            query: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(query, sample_weight)


class AnchorPositive(Kind):
    """Losses of anchors, each with a vector that belongs with it, with gradients to both."""

    operands = ("anchor", "positive")
    variables = ("anchor", "positive")
    weighed = "anchor"

    def __call__(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            anchor: Vectors, (anchors, dimensions).
            positive: For each a vector that belongs with it, and not with others.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (anchor, positive), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            anchor: Vectors, (anchors, dimensions).
            positive: For each a vector that belongs with it, and not with others.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (anchor, positive),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            anchor: Vectors, (anchors, dimensions).
            positive: For each a vector that belongs with it, and not with others.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (anchor, positive),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            anchor: Vectors, (anchors, dimensions).
            positive: For each a vector that belongs with it, and not with others.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (anchor, positive),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            anchor: Vectors, (anchors, dimensions).
            positive: For each a vector that belongs with it, and not with others.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (anchor, positive),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            anchor: Vectors, (anchors, dimensions).
            positive: For each a vector that belongs with it, and not with others.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (anchor, positive),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, anchor: ArrayLike, positive: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            anchor: Vectors, (anchors, dimensions).
            positive: For each a vector that belongs with it, and not with others.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((anchor, positive), sample_weight)

    def weight_total(self, anchor: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            anchor: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(anchor, sample_weight)


class EmbeddingsLabels(Kind):
    """Losses of vectors and of what class each belongs to, with the gradient by the vectors."""

    operands = ("embeddings", "labels")
    variables = ("embeddings",)
    weighed = "labels"

    def __call__(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, any integers.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (embeddings, labels), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array]:
        """The value and its gradient, from one pass.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, any integers.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (embeddings, labels),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The gradient of the value.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, any integers.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Array = self._evaluate(
            VALUE_GRAD,
            (embeddings, labels),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Array, Array]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, any integers.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (embeddings, labels),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array, Array]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, any integers.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (embeddings, labels),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        *,
        vector: ArrayLike,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, any integers.
            vector: What the Hessian is multiplied with, of the shape of embeddings.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Array = self._evaluate(
            HVP,
            (embeddings, labels),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, embeddings: ArrayLike, labels: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, any integers.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((embeddings, labels), sample_weight)

    def weight_total(self, labels: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            labels: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(labels, sample_weight)


class EmbeddingsLabelsWeight(Kind):
    """Losses of cosines between vectors and classes, and of what class each belongs to."""

    operands = ("embeddings", "labels", "weight")
    variables = ("embeddings", "weight")
    optional = ("weight",)
    weighed = "labels"

    def __call__(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            embeddings: Vectors, (samples, dimensions); without a weight cosines, (samples, classes).
            labels: The class of each, from 0 on.
            weight: A vector for each class, (classes, dimensions); None if embeddings are cosines already.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(
            VALUE,
            ((embeddings, labels) if weight is None else (embeddings, labels, weight)),
            sample_weight=sample_weight,
            denominator=denominator,
        )

    def value_and_grad(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            embeddings: Vectors, (samples, dimensions); without a weight cosines, (samples, classes).
            labels: The class of each, from 0 on.
            weight: A vector for each class, (classes, dimensions); None if embeddings are cosines already.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name in
                wrt that array. They may be the operands themselves.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            ((embeddings, labels) if weight is None else (embeddings, labels, weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            embeddings: Vectors, (samples, dimensions); without a weight cosines, (samples, classes).
            labels: The class of each, from 0 on.
            weight: A vector for each class, (classes, dimensions); None if embeddings are cosines already.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name in
                wrt that array. They may be the operands themselves.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            ((embeddings, labels) if weight is None else (embeddings, labels, weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            embeddings: Vectors, (samples, dimensions); without a weight cosines, (samples, classes).
            labels: The class of each, from 0 on.
            weight: A vector for each class, (classes, dimensions); None if embeddings are cosines already.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name in
                wrt that array. They may be the operands themselves.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            ((embeddings, labels) if weight is None else (embeddings, labels, weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            embeddings: Vectors, (samples, dimensions); without a weight cosines, (samples, classes).
            labels: The class of each, from 0 on.
            weight: A vector for each class, (classes, dimensions); None if embeddings are cosines already.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name in
                wrt that array. They may be the operands themselves.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            ((embeddings, labels) if weight is None else (embeddings, labels, weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            embeddings: Vectors, (samples, dimensions); without a weight cosines, (samples, classes).
            labels: The class of each, from 0 on.
            weight: A vector for each class, (classes, dimensions); None if embeddings are cosines already.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name in
                wrt that array. They may be the operands themselves.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            ((embeddings, labels) if weight is None else (embeddings, labels, weight)),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            embeddings: Vectors, (samples, dimensions); without a weight cosines, (samples, classes).
            labels: The class of each, from 0 on.
            weight: A vector for each class, (classes, dimensions); None if embeddings are cosines already.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial(((embeddings, labels) if weight is None else (embeddings, labels, weight)), sample_weight)

    def weight_total(self, labels: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            labels: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(labels, sample_weight)


class EmbeddingsLabelsCenters(Kind):
    """Losses of vectors and of the centers of their classes, with gradients to both."""

    operands = ("embeddings", "labels", "centers")
    variables = ("embeddings", "centers")
    weighed = "labels"

    def __call__(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        centers: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, from 0 on.
            centers: The center of each class, (classes, dimensions).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(
            VALUE, (embeddings, labels, centers), sample_weight=sample_weight, denominator=denominator
        )

    def value_and_grad(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        centers: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, from 0 on.
            centers: The center of each class, (classes, dimensions).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (embeddings, labels, centers),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        centers: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, from 0 on.
            centers: The center of each class, (classes, dimensions).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (embeddings, labels, centers),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        centers: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, from 0 on.
            centers: The center of each class, (classes, dimensions).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (embeddings, labels, centers),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        centers: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, from 0 on.
            centers: The center of each class, (classes, dimensions).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (embeddings, labels, centers),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        centers: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, from 0 on.
            centers: The center of each class, (classes, dimensions).
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (embeddings, labels, centers),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, embeddings: ArrayLike, labels: ArrayLike, centers: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            embeddings: Vectors, (samples, dimensions).
            labels: The class of each, from 0 on.
            centers: The center of each class, (classes, dimensions).
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((embeddings, labels, centers), sample_weight)

    def weight_total(self, labels: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            labels: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(labels, sample_weight)


class ViewsOfBatch(Kind):
    """Losses of two views of a batch as a whole, with gradients to both."""

    operands = ("view1", "view2")
    variables = ("view1", "view2")

    def __call__(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (view1, view2), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (view1, view2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (view1, view2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (view1, view2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (view1, view2),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        view1: ArrayLike,
        view2: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (view1, view2),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, view1: ArrayLike, view2: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            view1: A vector for each sample, (samples, dimensions).
            view2: Another one for each.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((view1, view2), sample_weight)


class RealFake(Kind):
    """Losses of what a discriminator gives for real samples and for as many generated ones."""

    operands = ("real", "fake")
    variables = ("real", "fake")
    weighed = "real"

    def __call__(
        self,
        real: ArrayLike,
        fake: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            real: Its output for real samples.
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (real, fake), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        real: ArrayLike,
        fake: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            real: Its output for real samples.
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (real, fake),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        real: ArrayLike,
        fake: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            real: Its output for real samples.
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (real, fake),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        real: ArrayLike,
        fake: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            real: Its output for real samples.
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (real, fake),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        real: ArrayLike,
        fake: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            real: Its output for real samples.
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (real, fake),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        real: ArrayLike,
        fake: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            real: Its output for real samples.
            fake: Its output for generated samples.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (real, fake),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, real: ArrayLike, fake: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            real: Its output for real samples.
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((real, fake), sample_weight)

    def weight_total(self, real: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            real: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(real, sample_weight)


class Fake(Kind):
    """Losses of what a discriminator gives for generated samples."""

    operands = ("fake",)
    variables = ("fake",)
    weighed = "fake"

    def __call__(
        self, fake: ArrayLike, *, sample_weight: ArrayLike | None = None, denominator: float | None = None
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (fake,), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        fake: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array]:
        """The value and its gradient, from one pass.

        Args:
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (fake,),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        fake: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The gradient of the value.

        Args:
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Array = self._evaluate(
            VALUE_GRAD,
            (fake,),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        fake: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Array, Array]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (fake,),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        fake: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array, Array]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (fake,),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        fake: ArrayLike,
        *,
        vector: ArrayLike,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            fake: Its output for generated samples.
            vector: What the Hessian is multiplied with, of the shape of fake.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Array = self._evaluate(
            HVP,
            (fake,),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(self, fake: ArrayLike, *, sample_weight: ArrayLike | None = None) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            fake: Its output for generated samples.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((fake,), sample_weight)

    def weight_total(self, fake: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            fake: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(fake, sample_weight)


class HiddenWeightTarget(Kind):
    """Losses of the logits hidden @ weight.T + bias and a target, with gradients to what logits are made of."""

    operands = ("hidden", "weight", "target", "bias")
    variables = ("hidden", "weight", "bias")
    optional = ("bias",)
    weighed = "target"

    def __call__(
        self,
        hidden: ArrayLike,
        weight: ArrayLike,
        target: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            hidden: What goes into the linear layer, (..., features).
            weight: The weight of the layer, (classes, features).
            target: Labels of the items' shape, or distributions with a further axis of classes.
            bias: The bias of the layer, (classes,); None if it has none, and so no gradient.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(
            VALUE,
            ((hidden, weight, target) if bias is None else (hidden, weight, target, bias)),
            sample_weight=sample_weight,
            denominator=denominator,
        )

    def value_and_grad(
        self,
        hidden: ArrayLike,
        weight: ArrayLike,
        target: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            hidden: What goes into the linear layer, (..., features).
            weight: The weight of the layer, (classes, features).
            target: Labels of the items' shape, or distributions with a further axis of classes.
            bias: The bias of the layer, (classes,); None if it has none, and so no gradient.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name in
                wrt that array. The one for hidden may be hidden itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            ((hidden, weight, target) if bias is None else (hidden, weight, target, bias)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        hidden: ArrayLike,
        weight: ArrayLike,
        target: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            hidden: What goes into the linear layer, (..., features).
            weight: The weight of the layer, (classes, features).
            target: Labels of the items' shape, or distributions with a further axis of classes.
            bias: The bias of the layer, (classes,); None if it has none, and so no gradient.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name in
                wrt that array. The one for hidden may be hidden itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            ((hidden, weight, target) if bias is None else (hidden, weight, target, bias)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        hidden: ArrayLike,
        weight: ArrayLike,
        target: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            hidden: What goes into the linear layer, (..., features).
            weight: The weight of the layer, (classes, features).
            target: Labels of the items' shape, or distributions with a further axis of classes.
            bias: The bias of the layer, (classes,); None if it has none, and so no gradient.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name in
                wrt that array. The one for hidden may be hidden itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            ((hidden, weight, target) if bias is None else (hidden, weight, target, bias)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        hidden: ArrayLike,
        weight: ArrayLike,
        target: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            hidden: What goes into the linear layer, (..., features).
            weight: The weight of the layer, (classes, features).
            target: Labels of the items' shape, or distributions with a further axis of classes.
            bias: The bias of the layer, (classes,); None if it has none, and so no gradient.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name in
                wrt that array. The one for hidden may be hidden itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            ((hidden, weight, target) if bias is None else (hidden, weight, target, bias)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        hidden: ArrayLike,
        weight: ArrayLike,
        target: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            hidden: What goes into the linear layer, (..., features).
            weight: The weight of the layer, (classes, features).
            target: Labels of the items' shape, or distributions with a further axis of classes.
            bias: The bias of the layer, (classes,); None if it has none, and so no gradient.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name in
                wrt that array. The one for hidden may be hidden itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            ((hidden, weight, target) if bias is None else (hidden, weight, target, bias)),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        hidden: ArrayLike,
        weight: ArrayLike,
        target: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            hidden: What goes into the linear layer, (..., features).
            weight: The weight of the layer, (classes, features).
            target: Labels of the items' shape, or distributions with a further axis of classes.
            bias: The bias of the layer, (classes,); None if it has none, and so no gradient.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial(
            ((hidden, weight, target) if bias is None else (hidden, weight, target, bias)), sample_weight
        )

    def weight_total(self, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target, sample_weight)


class Gaussians(Kind):
    """Losses of one normal distribution, or of two, with gradients to all that is given."""

    operands = ("mean", "log_var", "prior_mean", "prior_log_var")
    variables = ("mean", "log_var", "prior_mean", "prior_log_var")
    optional = ("prior_mean", "prior_log_var")
    weighed = "mean"

    def __call__(
        self,
        mean: ArrayLike,
        log_var: ArrayLike,
        prior_mean: ArrayLike | None = None,
        prior_log_var: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            mean: The mean of each dimension, (..., dimensions).
            log_var: The logarithm of its variance.
            prior_mean: The mean of the other distribution; None for 0.
            prior_log_var: The logarithm of its variance; None for 0.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        if prior_mean is None and prior_log_var is None and sample_weight is None and denominator is None:
            result = fast(self._plan, VALUE, mean, log_var, None, None)
            if result is not None:
                return result
        return self._evaluate(
            VALUE,
            (
                (mean, log_var)
                if prior_mean is None and prior_log_var is None
                else (mean, log_var, prior_mean, prior_log_var)
            ),
            sample_weight=sample_weight,
            denominator=denominator,
        )

    def value_and_grad(
        self,
        mean: ArrayLike,
        log_var: ArrayLike,
        prior_mean: ArrayLike | None = None,
        prior_log_var: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            mean: The mean of each dimension, (..., dimensions).
            log_var: The logarithm of its variance.
            prior_mean: The mean of the other distribution; None for 0.
            prior_log_var: The logarithm of its variance; None for 0.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        if (
            prior_mean is None
            and prior_log_var is None
            and sample_weight is None
            and denominator is None
            and cotangent is None
            and wrt is None
        ):
            result: tuple[Value, Any] | None = fast(self._plan, VALUE_GRAD, mean, log_var, out, None)
            if result is not None:
                return result
        value, grad = self._evaluate(
            VALUE_GRAD,
            (
                (mean, log_var)
                if prior_mean is None and prior_log_var is None
                else (mean, log_var, prior_mean, prior_log_var)
            ),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        mean: ArrayLike,
        log_var: ArrayLike,
        prior_mean: ArrayLike | None = None,
        prior_log_var: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            mean: The mean of each dimension, (..., dimensions).
            log_var: The logarithm of its variance.
            prior_mean: The mean of the other distribution; None for 0.
            prior_log_var: The logarithm of its variance; None for 0.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        if (
            prior_mean is None
            and prior_log_var is None
            and sample_weight is None
            and denominator is None
            and cotangent is None
            and wrt is None
        ):
            result: tuple[Value, Any] | None = fast(self._plan, VALUE_GRAD, mean, log_var, out, None)
            if result is not None:
                return result[1]
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (
                (mean, log_var)
                if prior_mean is None and prior_log_var is None
                else (mean, log_var, prior_mean, prior_log_var)
            ),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        mean: ArrayLike,
        log_var: ArrayLike,
        prior_mean: ArrayLike | None = None,
        prior_log_var: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            mean: The mean of each dimension, (..., dimensions).
            log_var: The logarithm of its variance.
            prior_mean: The mean of the other distribution; None for 0.
            prior_log_var: The logarithm of its variance; None for 0.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        if (
            prior_mean is None
            and prior_log_var is None
            and sample_weight is None
            and denominator is None
            and cotangent is None
            and hessian == "exact"
            and min_hessian is None
            and wrt is None
        ):
            result: tuple[Any, Any] | None = fast(self._plan, GRAD_HESS, mean, log_var, out, out_hess)
            if result is not None:
                return result
        grad, hess = self._evaluate(
            GRAD_HESS,
            (
                (mean, log_var)
                if prior_mean is None and prior_log_var is None
                else (mean, log_var, prior_mean, prior_log_var)
            ),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        mean: ArrayLike,
        log_var: ArrayLike,
        prior_mean: ArrayLike | None = None,
        prior_log_var: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            mean: The mean of each dimension, (..., dimensions).
            log_var: The logarithm of its variance.
            prior_mean: The mean of the other distribution; None for 0.
            prior_log_var: The logarithm of its variance; None for 0.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        if (
            prior_mean is None
            and prior_log_var is None
            and sample_weight is None
            and denominator is None
            and cotangent is None
            and wrt is None
        ):
            result: tuple[Value, Any, Any] | None = fast(self._plan, VALUE_GRAD_HESS, mean, log_var, out, out_hess)
            if result is not None:
                return result
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (
                (mean, log_var)
                if prior_mean is None and prior_log_var is None
                else (mean, log_var, prior_mean, prior_log_var)
            ),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        mean: ArrayLike,
        log_var: ArrayLike,
        prior_mean: ArrayLike | None = None,
        prior_log_var: ArrayLike | None = None,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            mean: The mean of each dimension, (..., dimensions).
            log_var: The logarithm of its variance.
            prior_mean: The mean of the other distribution; None for 0.
            prior_log_var: The logarithm of its variance; None for 0.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (
                (mean, log_var)
                if prior_mean is None and prior_log_var is None
                else (mean, log_var, prior_mean, prior_log_var)
            ),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        mean: ArrayLike,
        log_var: ArrayLike,
        prior_mean: ArrayLike | None = None,
        prior_log_var: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            mean: The mean of each dimension, (..., dimensions).
            log_var: The logarithm of its variance.
            prior_mean: The mean of the other distribution; None for 0.
            prior_log_var: The logarithm of its variance; None for 0.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial(
            (
                (mean, log_var)
                if prior_mean is None and prior_log_var is None
                else (mean, log_var, prior_mean, prior_log_var)
            ),
            sample_weight,
        )

    def weight_total(self, mean: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            mean: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(mean, sample_weight)


class PredTargetMeanLogVar(Kind):
    """Losses of a reconstruction and of the normal distribution that it was made from."""

    operands = ("pred", "target", "mean", "log_var")
    variables = ("pred", "mean", "log_var")
    weighed = "mean"

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        mean: ArrayLike,
        log_var: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: What the decoder gives, (samples, ...).
            target: What it should give.
            mean: The mean that the encoder gives for each dimension, (samples, ..., dimensions).
            log_var: The logarithm of the variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(
            VALUE, (pred, target, mean, log_var), sample_weight=sample_weight, denominator=denominator
        )

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        mean: ArrayLike,
        log_var: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            pred: What the decoder gives, (samples, ...).
            target: What it should give.
            mean: The mean that the encoder gives for each dimension, (samples, ..., dimensions).
            log_var: The logarithm of the variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target, mean, log_var),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        mean: ArrayLike,
        log_var: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            pred: What the decoder gives, (samples, ...).
            target: What it should give.
            mean: The mean that the encoder gives for each dimension, (samples, ..., dimensions).
            log_var: The logarithm of the variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (pred, target, mean, log_var),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        mean: ArrayLike,
        log_var: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: What the decoder gives, (samples, ...).
            target: What it should give.
            mean: The mean that the encoder gives for each dimension, (samples, ..., dimensions).
            log_var: The logarithm of the variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target, mean, log_var),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        mean: ArrayLike,
        log_var: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: What the decoder gives, (samples, ...).
            target: What it should give.
            mean: The mean that the encoder gives for each dimension, (samples, ..., dimensions).
            log_var: The logarithm of the variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target, mean, log_var),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        mean: ArrayLike,
        log_var: ArrayLike,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: What the decoder gives, (samples, ...).
            target: What it should give.
            mean: The mean that the encoder gives for each dimension, (samples, ..., dimensions).
            log_var: The logarithm of the variance.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            (pred, target, mean, log_var),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        mean: ArrayLike,
        log_var: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: What the decoder gives, (samples, ...).
            target: What it should give.
            mean: The mean that the encoder gives for each dimension, (samples, ..., dimensions).
            log_var: The logarithm of the variance.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target, mean, log_var), sample_weight)

    def weight_total(self, mean: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            mean: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(mean, sample_weight)


class Samples(Kind):
    """Losses between two sets of samples, with gradients to these and to their weights where they are given."""

    operands = ("x", "y", "x_weight", "y_weight")
    variables = ("x", "y", "x_weight", "y_weight")
    optional = ("x_weight", "y_weight")
    weighed = "x"

    def __call__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            x: Samples: their places along the last axis, or (..., samples, dimensions).
            y: Other samples, not necessarily as many.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(
            VALUE,
            ((x, y) if x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            sample_weight=sample_weight,
            denominator=denominator,
        )

    def value_and_grad(
        self,
        x: ArrayLike,
        y: ArrayLike,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            x: Samples: their places along the last axis, or (..., samples, dimensions).
            y: Other samples, not necessarily as many.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            ((x, y) if x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        x: ArrayLike,
        y: ArrayLike,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            x: Samples: their places along the last axis, or (..., samples, dimensions).
            y: Other samples, not necessarily as many.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            ((x, y) if x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        x: ArrayLike,
        y: ArrayLike,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            x: Samples: their places along the last axis, or (..., samples, dimensions).
            y: Other samples, not necessarily as many.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            ((x, y) if x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        x: ArrayLike,
        y: ArrayLike,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            x: Samples: their places along the last axis, or (..., samples, dimensions).
            y: Other samples, not necessarily as many.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            ((x, y) if x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        x: ArrayLike,
        y: ArrayLike,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            x: Samples: their places along the last axis, or (..., samples, dimensions).
            y: Other samples, not necessarily as many.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            ((x, y) if x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        x: ArrayLike,
        y: ArrayLike,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            x: Samples: their places along the last axis, or (..., samples, dimensions).
            y: Other samples, not necessarily as many.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial(
            ((x, y) if x_weight is None and y_weight is None else (x, y, x_weight, y_weight)), sample_weight
        )

    def weight_total(self, x: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            x: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(x, sample_weight)


class SamplesOrCosts(Kind):
    """Losses between two clouds of points, or of what it costs to move each to each, with gradients to all."""

    operands = ("x", "y", "x_weight", "y_weight")
    variables = ("x", "y", "x_weight", "y_weight")
    optional = ("y", "x_weight", "y_weight")
    weighed = "x"

    def __call__(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            x: Points, (..., samples, dimensions); or without y the cost of each pair, (..., samples, samples).
            y: Other points, not necessarily as many; None if x holds costs.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(
            VALUE,
            ((x,) if y is None and x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            sample_weight=sample_weight,
            denominator=denominator,
        )

    def value_and_grad(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            x: Points, (..., samples, dimensions); or without y the cost of each pair, (..., samples, samples).
            y: Other points, not necessarily as many; None if x holds costs.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the shapes of the operands given, or
                operands themselves.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            ((x,) if y is None and x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            x: Points, (..., samples, dimensions); or without y the cost of each pair, (..., samples, samples).
            y: Other points, not necessarily as many; None if x holds costs.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the shapes of the operands given, or
                operands themselves.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            ((x,) if y is None and x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            x: Points, (..., samples, dimensions); or without y the cost of each pair, (..., samples, samples).
            y: Other points, not necessarily as many; None if x holds costs.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the shapes of the operands given, or
                operands themselves.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            ((x,) if y is None and x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            x: Points, (..., samples, dimensions); or without y the cost of each pair, (..., samples, samples).
            y: Other points, not necessarily as many; None if x holds costs.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the shapes of the operands given, or
                operands themselves.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            ((x,) if y is None and x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        vector: tuple[ArrayLike, ...],
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            x: Points, (..., samples, dimensions); or without y the cost of each pair, (..., samples, samples).
            y: Other points, not necessarily as many; None if x holds costs.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            vector: What the Hessian is multiplied with: a tuple, one for each operand.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a tuple of float32 or float64 arrays of the shapes of the operands given, or
                operands themselves.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Any = self._evaluate(
            HVP,
            ((x,) if y is None and x_weight is None and y_weight is None else (x, y, x_weight, y_weight)),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        x_weight: ArrayLike | None = None,
        y_weight: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            x: Points, (..., samples, dimensions); or without y the cost of each pair, (..., samples, samples).
            y: Other points, not necessarily as many; None if x holds costs.
            x_weight: A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.
            y_weight: The same of y.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial(
            ((x,) if y is None and x_weight is None and y_weight is None else (x, y, x_weight, y_weight)), sample_weight
        )

    def weight_total(self, x: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            x: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(x, sample_weight)


class Image(Kind):
    """Losses of images, with the gradient by their pixels."""

    operands = ("pred",)
    variables = ("pred",)
    weighed = "pred"

    def __call__(
        self, pred: ArrayLike, *, sample_weight: ArrayLike | None = None, denominator: float | None = None
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (pred,), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array]:
        """The value and its gradient, from one pass.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred,),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The gradient of the value.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad: Array = self._evaluate(
            VALUE_GRAD,
            (pred,),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Array, Array]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred,),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        out_hess: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Array, Array]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred,),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        *,
        vector: ArrayLike,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Array | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Array:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            vector: What the Hessian is multiplied with, of the shape of pred.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
        """
        product: Array = self._evaluate(
            HVP,
            (pred,),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(self, pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred,), sample_weight)

    def weight_total(self, pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            pred: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(pred, sample_weight)


class ImagePairs(Kind):
    """Losses of images and of what they should be, with the gradient by the images, to both if asked for."""

    operands = ("pred", "target")
    variables = ("pred", "target")
    weighed = "target"
    by_default = "pred"

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            target: What they should be, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (pred, target), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            target: What they should be, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of
                several gradients a tuple.
            wrt: The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            target: What they should be, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of
                several gradients a tuple.
            wrt: The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            target: What they should be, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of
                several gradients a tuple.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            target: What they should be, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of
                several gradients a tuple.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (pred, target),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        vector: Any,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            target: What they should be, of the same shape.
            vector: What the Hessian is multiplied with, of the shape of pred.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of
                several gradients a tuple.
            wrt: The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.
        """
        product: Any = self._evaluate(
            HVP,
            (pred, target),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, pred: ArrayLike, target: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            pred: Images, (samples, channels, rows, columns) or as `axis` says.
            target: What they should be, of the same shape.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((pred, target), sample_weight)

    def weight_total(self, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target, sample_weight)


class FeaturePairs(Kind):
    """Losses of a network's features of images and of what these should be, with gradients to the former."""

    operands = ("features", "target_features")
    variables = ("features", "target_features")
    weighed = "features"
    by_default = "features"

    def __call__(
        self,
        features: Any,
        target_features: Any,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            features: A list of maps, (samples, channels, ...) or as `axis` says; or one map.
            target_features: As many maps of the same shapes.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
        """
        return self._evaluate(VALUE, (features, target_features), sample_weight=sample_weight, denominator=denominator)

    def value_and_grad(
        self,
        features: Any,
        target_features: Any,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            features: A list of maps, (samples, channels, ...) or as `axis` says; or one map.
            target_features: As many maps of the same shapes.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a list of float32 or float64 arrays of the maps' shapes, or maps themselves; of
                both operands a tuple of two such lists.
            wrt: The operands whose derivatives are wanted, by name; by default features, ``"both"`` for a tuple.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (features, target_features),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        features: Any,
        target_features: Any,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The gradient of the value.

        Args:
            features: A list of maps, (samples, channels, ...) or as `axis` says; or one map.
            target_features: As many maps of the same shapes.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a list of float32 or float64 arrays of the maps' shapes, or maps themselves; of
                both operands a tuple of two such lists.
            wrt: The operands whose derivatives are wanted, by name; by default features, ``"both"`` for a tuple.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (features, target_features),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        features: Any,
        target_features: Any,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            features: A list of maps, (samples, channels, ...) or as `axis` says; or one map.
            target_features: As many maps of the same shapes.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Lower bound of the second derivative of an item, before weights.
            out: Takes the gradients: a list of float32 or float64 arrays of the maps' shapes, or maps themselves; of
                both operands a tuple of two such lists.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default features, ``"both"`` for a tuple.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (features, target_features),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        features: Any,
        target_features: Any,
        *,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            features: A list of maps, (samples, channels, ...) or as `axis` says; or one map.
            target_features: As many maps of the same shapes.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a list of float32 or float64 arrays of the maps' shapes, or maps themselves; of
                both operands a tuple of two such lists.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default features, ``"both"`` for a tuple.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (features, target_features),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        features: Any,
        target_features: Any,
        *,
        vector: Any,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            features: A list of maps, (samples, channels, ...) or as `axis` says; or one map.
            target_features: As many maps of the same shapes.
            vector: What the Hessian is multiplied with, of the shape of features.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradients: a list of float32 or float64 arrays of the maps' shapes, or maps themselves; of
                both operands a tuple of two such lists.
            wrt: The operands whose derivatives are wanted, by name; by default features, ``"both"`` for a tuple.
        """
        product: Any = self._evaluate(
            HVP,
            (features, target_features),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(
        self, features: Any, target_features: Any, *, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            features: A list of maps, (samples, channels, ...) or as `axis` says; or one map.
            target_features: As many maps of the same shapes.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
        """
        return self._partial((features, target_features), sample_weight)

    def weight_total(self, features: Any, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            features: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(features, sample_weight)


class Params(Kind):
    """Losses of parameters, whatever the data."""

    operands = ("params",)
    variables = ("params",)

    def __call__(self, params: Any) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            params: An array, or a list of arrays.
        """
        return self._evaluate(VALUE, (params,))

    def value_and_grad(
        self, params: Any, *, cotangent: ArrayLike | None = None, out: Any | None = None
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            params: An array, or a list of arrays.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: an array of the shape of params, or for a list of arrays as many of them. They may
                be params themselves.
        """
        value, grad = self._evaluate(VALUE_GRAD, (params,), cotangent=cotangent, out=out)
        return value, grad

    def grad(self, params: Any, *, cotangent: ArrayLike | None = None, out: Any | None = None) -> Any:
        """The gradient of the value.

        Args:
            params: An array, or a list of arrays.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: an array of the shape of params, or for a list of arrays as many of them. They may
                be params themselves.
        """
        grad: Any = self._evaluate(VALUE_GRAD, (params,), cotangent=cotangent, out=out)[1]
        return grad

    def grad_and_hess(
        self, params: Any, *, cotangent: ArrayLike | None = None, out: Any | None = None, out_hess: Any | None = None
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            params: An array, or a list of arrays.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: an array of the shape of params, or for a list of arrays as many of them. They may
                be params themselves.
            out_hess: The same for the Hessian.
        """
        grad, hess = self._evaluate(GRAD_HESS, (params,), cotangent=cotangent, out=out, out_hess=out_hess)
        return grad, hess

    def value_grad_and_hess(
        self, params: Any, *, cotangent: ArrayLike | None = None, out: Any | None = None, out_hess: Any | None = None
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            params: An array, or a list of arrays.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: an array of the shape of params, or for a list of arrays as many of them. They may
                be params themselves.
            out_hess: The same for the Hessian.
        """
        value, grad, hess = self._evaluate(VALUE_GRAD_HESS, (params,), cotangent=cotangent, out=out, out_hess=out_hess)
        return value, grad, hess

    def hvp(self, params: Any, *, vector: Any, cotangent: ArrayLike | None = None, out: Any | None = None) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            params: An array, or a list of arrays.
            vector: What the Hessian is multiplied with, of the shape of params.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient: an array of the shape of params, or for a list of arrays as many of them. They may
                be params themselves.
        """
        product: Any = self._evaluate(HVP, (params,), vector=vector, cotangent=cotangent, out=out)
        return product


class Named(Kind):
    """Losses made of others: they take the operands of all, by position or by name."""

    weighed = "target"

    def __call__(
        self, *operands: Any, sample_weight: ArrayLike | None = None, denominator: float | None = None, **named: Any
    ) -> Value:
        """The value: a float, or one for each item with ``reduction="none"``.

        Args:
            *operands: Those of all terms, each once, in the order in which terms name them.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            **named: Operands by name, and further arguments of the terms.
        """
        return self._evaluate(
            VALUE, (self._bound(operands, named)), sample_weight=sample_weight, denominator=denominator
        )

    def value_and_grad(
        self,
        *operands: Any,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
        **named: Any,
    ) -> tuple[Value, Any]:
        """The value and its gradient, from one pass.

        Args:
            *operands: Those of all terms, each once, in the order in which terms name them.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient, or for several operands a tuple of them: float32 or float64 arrays of the operands'
                shapes, or operands themselves.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
            **named: Operands by name, and further arguments of the terms.
        """
        value, grad = self._evaluate(
            VALUE_GRAD,
            (self._bound(operands, named)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return value, grad

    def grad(
        self,
        *operands: Any,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
        **named: Any,
    ) -> Any:
        """The gradient of the value.

        Args:
            *operands: Those of all terms, each once, in the order in which terms name them.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient, or for several operands a tuple of them: float32 or float64 arrays of the operands'
                shapes, or operands themselves.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
            **named: Operands by name, and further arguments of the terms.
        """
        grad: Any = self._evaluate(
            VALUE_GRAD,
            (self._bound(operands, named)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )[1]
        return grad

    def grad_and_hess(
        self,
        *operands: Any,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        hessian: str = "exact",
        min_hessian: float | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
        **named: Any,
    ) -> tuple[Any, Any]:
        """The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.

        Args:
            *operands: Those of all terms, each once, in the order in which terms name them.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            hessian: ``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.
            min_hessian: Not for a sum, whose items may be of several shapes.
            out: Takes the gradient, or for several operands a tuple of them: float32 or float64 arrays of the operands'
                shapes, or operands themselves.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
            **named: Operands by name, and further arguments of the terms.
        """
        grad, hess = self._evaluate(
            GRAD_HESS,
            (self._bound(operands, named)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            hessian=hessian,
            min_hessian=min_hessian,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return grad, hess

    def value_grad_and_hess(
        self,
        *operands: Any,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        out_hess: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
        **named: Any,
    ) -> tuple[Value, Any, Any]:
        """The value, its gradient and the diagonal of its Hessian, from one pass.

        Args:
            *operands: Those of all terms, each once, in the order in which terms name them.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient, or for several operands a tuple of them: float32 or float64 arrays of the operands'
                shapes, or operands themselves.
            out_hess: The same for the Hessian.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
            **named: Operands by name, and further arguments of the terms.
        """
        value, grad, hess = self._evaluate(
            VALUE_GRAD_HESS,
            (self._bound(operands, named)),
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            out_hess=out_hess,
            wrt=wrt,
        )
        return value, grad, hess

    def hvp(
        self,
        *operands: Any,
        vector: Any,
        sample_weight: ArrayLike | None = None,
        denominator: float | None = None,
        cotangent: ArrayLike | None = None,
        out: Any | None = None,
        wrt: str | tuple[str, ...] | None = None,
        **named: Any,
    ) -> Any:
        """The Hessian of the value times a vector, cross terms included.

        Args:
            *operands: Those of all terms, each once, in the order in which terms name them.
            vector: What the Hessian is multiplied with: for several operands with a gradient a tuple.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            denominator: Replaces the divisor of a mean, so that the results of shards add up to those of the whole.
            cotangent: Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.
            out: Takes the gradient, or for several operands a tuple of them: float32 or float64 arrays of the operands'
                shapes, or operands themselves.
            wrt: The operands whose derivatives are wanted, by name; by default all that have one.
            **named: Operands by name, and further arguments of the terms.
        """
        product: Any = self._evaluate(
            HVP,
            (self._bound(operands, named)),
            vector=vector,
            sample_weight=sample_weight,
            denominator=denominator,
            cotangent=cotangent,
            out=out,
            wrt=wrt,
        )
        return product

    def partial(self, *operands: Any, sample_weight: ArrayLike | None = None, **named: Any) -> tuple[float, float]:
        """The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.

        Args:
            *operands: Those of all terms, each once, in the order in which terms name them.
            sample_weight: A weight for each item: of the items' shape, of its first axes', or with axes of length 1.
            **named: Operands by name, and further arguments of the terms.
        """
        return self._partial((self._bound(operands, named)), sample_weight)

    def weight_total(self, target: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            target: As in a call.
            sample_weight: As in a call.
        """
        return self._weight_total(target, sample_weight)
