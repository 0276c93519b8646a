"""Losses of the order of documents within queries: learning to rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from ..domains import NOT_NEGATIVE, POSITIVE, Domain, Interval
from ..facts import Facts, Traits
from ..kinds.queries import Queries
from ..kinds.softmax import Softmax
from ..operands import ScoresRelevances
from ..options import Flag, Integer, Maybe, Real, option

RELEVANCE = Interval(0, 1000)
"""Where 2^y and its sums stay in range."""

_TASK = "learning to rank"


def softmax(x: Array) -> tuple[Array, Array, Array]:
    """Probabilities, their complements and -log p of one list of scores."""
    whole = Softmax.of(x[np.newaxis])
    return whole.p[0], whole.complement[0], whole.nll[0]


def descending(x: Array) -> Array:
    """Indices of the largest first, of equal ones in the order they come in."""
    return np.argsort(-x, kind="stable")


class ListNet(ScoresRelevances, Queries):
    r"""Cross-entropy of the softmax of relevances and that of scores, query by query (Cao et al. 2007, top one).

    .. math:: l = \sum_i t_i (\log \textstyle\sum_k e^{s_k} - s_i), \quad t = \mathrm{softmax}(y)

    An item is a query: pred and target have one axis, the documents of all queries one after the other, and `groups`
    (an id for each document) or `lengths` (the number of documents of each query) part them; without either, all are
    one query. A query without documents has value 0, and counts in a mean. Computed in double, whatever pred's
    precision. A score of -inf has probability 0; a query with NaN, with a score of +inf or with none above -inf is NaN.

    Args:
        softmax_target: Whether t is the softmax of the relevances; else it is the relevances themselves, which are
            >= 0 and need not sum to 1: `ranking_softmax_loss` of optax.
        reduction: ``"mean"`` (over queries), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Documents of a query are not side by side, lengths do not add up, or without softmax a relevance is
            negative.

    Example:
        >>> import fusedloss as fl
        >>> loss = fl.ListNet(reduction="none")
        >>> loss([2.0, 0.0, 1.0, 1.0, 1.0], [1, 0, 3, 2, 2], lengths=[2, 3]).round(6).tolist()
        [0.664811, 1.098612]
        >>> loss([2.0, 0.0, 1.0, 1.0, 1.0], [1, 0, 3, 2, 2], groups=[7, 7, 4, 4, 4]).round(6).tolist()
        [0.664811, 1.098612]
    """

    softmax_target: bool = option(default=True, accepts=Flag())

    aliases = ("ranking_softmax", "ranking_softmax_loss", "query_softmax")
    facts = Facts(
        task=_TASK,
        activation="identity",
        likelihood="categorical, of which document comes first",
        robustness="a wrong relevance costs in proportion to the difference of scores",
        smoothness="infinitely differentiable",
        samples=({}, {"softmax_target": False}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, lipschitz=1.0 if self.softmax_target else None)

    @property
    def domain(self) -> dict[str, Domain]:
        return {} if self.softmax_target else {"target": NOT_NEGATIVE}

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "list_net", (float(self.softmax_target),)

    def reference(self, pred: Array, target: Array) -> tuple[Any, Array, Array]:
        p, complement, nll = softmax(pred)
        t, others = softmax(target)[:2] if self.softmax_target else (target, np.sum(target) - target)
        mass = np.sum(t)
        value = np.sum(np.where((t == 0) & ~np.isnan(nll), 0.0, t * nll))  # 0 inf = 0
        return value, p * others - t * complement, mass * p * complement

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        p = softmax(pred)[0]
        mass = 1.0 if self.softmax_target else np.sum(target)
        apart = vector - vector[np.argmax(pred)]  # where p -> 1, vector - sum(p vector) would cancel
        product: Array = mass * p * (apart - np.sum(p * apart))
        return product


class ListMLE(ScoresRelevances, Queries):
    r"""-log of the probability of the order by relevance in the Plackett-Luce model (Xia et al. 2008).

    .. math:: l = \sum_k (\log \textstyle\sum_{j \ge k} e^{s_j} - s_k), \quad y_1 \ge y_2 \ge \dots

    Documents of equal relevance stay in the order they come in. The sum over a query takes time and memory in
    proportion to its documents, once they are sorted. An item is a query; `groups`, `lengths`, empty queries and
    precision as in `ListNet`. A query with NaN or a score of +inf, or with -inf in the last place, is NaN.

    Args:
        reduction: ``"mean"`` (over queries), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Documents of a query are not side by side, or lengths do not add up.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.ListMLE().value_and_grad([0.0, 0.0, 0.0], [2, 1, 0])  # 6 orders alike: log 6
        >>> round(value, 6), grad.round(6).tolist()
        (1.791759, [-0.666667, -0.166667, 0.833333])
    """

    aliases = ("plackett_luce",)
    traits = Traits(convex=True)
    facts = Facts(
        task=_TASK,
        activation="identity",
        likelihood="Plackett-Luce",
        robustness="a document out of place costs in proportion to the difference of scores",
        smoothness="infinitely differentiable",
    )

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "list_mle", ()

    def reference(self, pred: Array, target: Array) -> tuple[Any, Array, Array]:
        order = descending(target)
        if np.max(pred) == np.inf or pred[order[-1]] == -np.inf:
            return np.nan, np.full(pred.shape, np.nan), np.full(pred.shape, np.nan)
        value, grad, hess = 0.0, np.zeros_like(pred), np.zeros_like(pred)
        for k in range(pred.size):  # which of the rest takes place k
            p, complement, nll = softmax(pred[order[k:]])
            value = value + nll[0]
            grad[order[k:]] += np.concatenate([-complement[:1], p[1:]])
            hess[order[k:]] += p * complement
        return value, grad, hess

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        order = descending(target)
        product = self.reference(pred, target)[1] * 0.0  # NaN where there is no probability
        for k in range(pred.size):
            rest = order[k:]
            p = softmax(pred[rest])[0]
            product[rest] += p * (vector[rest] - np.sum(p * vector[rest]))
        return product


class _Pairs(ScoresRelevances, Queries):
    """Sums over the pairs of a query with y_i > y_j of a weight times log(1 + e^(-sigma (s_i - s_j)))."""

    sigma: float = option(default=1.0, accepts=Real(POSITIVE))

    def sigma_parts(self) -> tuple[float, float]:
        """Sigma, and what float32 loses of it: a difference of scores multiplies that."""
        with np.errstate(over="ignore"):
            lost = self.sigma - float(np.float32(self.sigma))
        return self.sigma, lost if np.isfinite(lost) else 0.0

    def weigh(self, pred: Array, target: Array) -> Any:
        """Gives a function of a document and its less relevant partners, as a mask: the weights of these pairs."""
        raise NotImplementedError

    def reference(self, pred: Array, target: Array) -> tuple[Any, Array, Array]:
        value, grad, hess = 0.0, np.zeros_like(pred), np.zeros_like(pred)
        weigh = self.weigh(pred, target)
        for i in range(pred.size):
            below = target < target[i]
            d = self.sigma * (pred[i] - pred[below])
            e = np.exp(-np.abs(d))
            slope = weigh(i, below) * np.where(d < 0, 1 / (1 + e), e / (1 + e))
            bend = weigh(i, below) * (e / (1 + e) / (1 + e))
            value = value + np.sum(weigh(i, below) * (np.maximum(-d, 0.0) + np.log1p(e)))
            grad[below] += slope
            grad[i] -= np.sum(slope)
            hess[below] += bend
            hess[i] += np.sum(bend)
        return value, self.sigma * grad, self.sigma**2 * hess

    def reference_hvp(self, pred: Array, target: Array, vector: Array) -> Array:
        product = np.zeros_like(pred)
        weigh = self.weigh(pred, target)
        for i in range(pred.size):
            below = target < target[i]
            e = np.exp(-np.abs(self.sigma * (pred[i] - pred[below])))
            along = weigh(i, below) * (e / (1 + e) / (1 + e)) * (vector[i] - vector[below])
            product[below] -= along
            product[i] += np.sum(along)
        return np.asarray(self.sigma**2 * product)


class LambdaRank(_Pairs):
    r"""Logistic loss of pairs, each times what NDCG would change if they changed places (Burges et al. 2006).

    .. math:: l = \sum_{y_i > y_j} |\Delta_{ij}| \log(1 + e^{-\sigma (s_i - s_j)}), \quad
        \Delta_{ij} = \frac{(2^{y_i} - 2^{y_j}) (1/\log_2(r_i + 2) - 1/\log_2(r_j + 2))}{\mathrm{ideal\ DCG@}k}

    r is a document's place by score, from 0, equal scores in the order they come in. :math:`\Delta` is held constant in
    all derivatives; as the order only changes where scores are equal, they are those of the value everywhere else.
    With `k` only pairs with a document among the first k count: ``lambdarank_truncation_level`` of LightGBM, whose
    gradient and Hessian these are with ``lambdarank_norm=False`` (there k is 30 and sigma is called ``sigmoid``), with
    ``reduction="sum"``. A query without pairs has value 0. An item is a query; `groups`, `lengths` and empty queries as
    in `ListNet`. Time grows with the pairs that count, memory with the documents. A query with NaN is NaN.

    Args:
        k: Where NDCG is cut off; None: nowhere.
        sigma: Steepness of the logistic loss.
        reduction: ``"mean"`` (over queries), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: A relevance is not in [0, 1000], documents of a query are not side by side, or lengths do not add
            up.

    Example:
        >>> import fusedloss as fl
        >>> from types import SimpleNamespace  # stands for a lightgbm.Dataset or an xgboost.DMatrix
        >>> loss = fl.LambdaRank(k=10, reduction="sum")
        >>> def objective(preds, data):  # lightgbm's params["objective"], xgboost.train(..., obj=objective)
        ...     return loss.grad_and_hess(preds, data.get_label(), lengths=data.get_group(), min_hessian=1e-3)
        >>> data = SimpleNamespace(get_label=lambda: [0, 2, 1, 1, 0], get_group=lambda: [3, 2])
        >>> grad, hess = objective([0.5, 0.1, 0.3, 0.0, 0.2], data)
        >>> grad.round(4).tolist(), hess.round(4).tolist()
        ([0.3032, -0.287, -0.0162, -0.2029, 0.2029], [0.1244, 0.1171, 0.043, 0.0914, 0.0914])
    """

    k: int | None = option(default=None, accepts=Maybe(Integer(least=1)))

    aliases = ("rank:ndcg", "lambda_mart")
    traits = Traits()
    facts = Facts(
        task=_TASK,
        activation="identity",
        robustness="a pair out of order costs in proportion to the difference of scores and to what NDCG loses by it",
        smoothness="infinitely differentiable but where two scores are equal: there it jumps",
        samples=({}, {"k": 3, "sigma": 2.0}),
    )

    @property
    def domain(self) -> dict[str, Domain]:
        return {"target": RELEVANCE}

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "lambda_rank", (*self.sigma_parts(), np.inf if self.k is None else float(self.k))

    def weigh(self, pred: Array, target: Array) -> Any:
        gain = gains(target)
        place = np.empty(pred.size, np.int64)
        place[descending(pred)] = np.arange(pred.size)
        discount = np.log(2) / np.log(place + 2.0)
        top = pred.size if self.k is None else min(self.k, pred.size)
        best = np.sum(np.sort(gain)[::-1][:top] * np.log(2) / np.log(np.arange(top) + 2.0))

        def weights(i: int, below: Array) -> Array:
            change = (gain[i] - gain[below]) * np.abs(discount[i] - discount[below])
            counts = (place[i] < top) | (place[below] < top)
            return np.where(counts, change / best, 0.0) if best > 0 else np.zeros(change.shape)

        return weights


def gains(relevance: Array) -> Array:
    """2^y - 1, exact for whole numbers and relatively accurate for small ones."""
    whole = np.rint(relevance)
    power = np.exp2(whole)
    return np.asarray(power * np.expm1((relevance - whole) * np.log(2)) + (power - 1))


class PairwiseLogistic(_Pairs):
    r"""Logistic loss of the difference of scores of every pair with different relevances (RankNet, Burges et al. 2005).

    .. math:: l = \sum_{y_i > y_j} \log(1 + e^{-\sigma (s_i - s_j)})

    A query without pairs has value 0. An item is a query; `groups`, `lengths` and empty queries as in `ListNet`. Time
    grows with the pairs that count, memory with the documents. A query with NaN is NaN.

    Args:
        sigma: Steepness of the logistic loss.
        normalized: Whether a query's sum is divided by its number of pairs, so that long queries count no more.
        reduction: ``"mean"`` (over queries), ``"sum"``, ``"none"`` or ``"batchmean"``.

    Raises:
        ValueError: Documents of a query are not side by side, or lengths do not add up.

    Example:
        >>> import fusedloss as fl
        >>> value, grad = fl.PairwiseLogistic().value_and_grad([0.0, 0.0, 0.0], [1, 0, 0])  # two pairs of log 2
        >>> round(value, 6), grad.tolist()
        (1.386294, [-1.0, 0.5, 0.5])
    """

    normalized: bool = option(default=False, accepts=Flag())

    aliases = ("RankNet", "rank:pairwise")
    facts = Facts(
        task=_TASK,
        activation="identity",
        likelihood="Bernoulli, of which of two documents comes first",
        robustness="a pair out of order costs in proportion to the difference of scores",
        smoothness="infinitely differentiable",
        samples=({}, {"sigma": 0.7, "normalized": True}),
    )

    @property
    def traits(self) -> Traits:
        return Traits(convex=True, lipschitz=self.sigma if self.normalized else None)

    def kernel(self) -> tuple[str, tuple[float, ...]]:
        return "pairwise_logistic", (*self.sigma_parts(), float(self.normalized))

    def weigh(self, pred: Array, target: Array) -> Any:
        pairs = sum(int(np.sum(target < y)) for y in target) if self.normalized else 1
        return lambda i, below: np.full(int(np.sum(below)), 1 / pairs if pairs else 0.0)
