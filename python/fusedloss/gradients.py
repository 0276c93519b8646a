"""Gradients as a trainer sees them: their norm, clipping, and whether they are those of the loss.

Design:
1. Arrays are read once, in double precision whatever their own, by the extension. One whose sum is not finite, or so
   small that squares may have vanished, is read again, in NumPy and a block at a time: entries that are not finite are
   counted, others are divided by the largest one, so that no gradient leaves the range.
2. Other orders than 1 and 2 are NumPy's from the start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import backend, checks
from .arrays import Array

BLOCK = 1 << 15
"""Numbers: 256 KB in double precision."""
SAFE_SQUARE = 1e-200
"""Of a sum of squares above it, and finite, nothing that counts has left the range."""
_KERNELS = {1.0: "sum_of_sizes", 2.0: "sum_of_squares"}
"""By the order of the norm."""


class GradNorm(NamedTuple):
    """What `grad_norm` and `clip_grad_norm` found.

    Attributes:
        norm: The norm of all gradients as one vector, before clipping; inf or NaN if an entry is.
        nan: How many entries are NaN.
        inf: How many entries are infinite.
    """

    norm: float
    nan: int
    inf: int


class ClippedValues(NamedTuple):
    """What `clip_grad_value` found.

    Attributes:
        clipped: How many entries were beyond the bound, infinite ones among them.
        nan: How many entries are NaN; they stay.
        inf: How many entries were infinite.
    """

    clipped: int
    nan: int
    inf: int


def grad_norm(grads: Any, ord: float = 2) -> GradNorm:
    """The norm of gradients, and how many of their entries are not finite.

    Args:
        grads: An array, or a list, tuple or dict of arrays of any shapes, or of such.
        ord: The order of the norm: 1, 2, inf or any other number >= 1.

    Returns:
        `norm`, that of all arrays as one vector; `nan` and `inf`, numbers of entries.

    Raises:
        ValueError: `ord` is less than 1.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> fl.grad_norm([np.array([3.0]), np.array([[0.0, -4.0]])])
        GradNorm(norm=5.0, nan=0, inf=0)
        >>> fl.grad_norm([np.array([1.0, np.nan, np.inf])]).nan
        1
    """
    if isinstance(ord, bool) or not isinstance(ord, (int, float, np.integer, np.floating)):
        raise TypeError(f"ord must be a number, got {type(ord).__name__}")
    if not ord >= 1:
        raise ValueError(f"ord must be >= 1, got {ord}")
    return _norm([checks.array(x, "grads") for x in _arrays(grads)], float(ord))


def clip_grad_norm(grads: Any, max_norm: float, ord: float = 2) -> GradNorm:
    """Scales gradients in place so that their norm is at most `max_norm`.

    All arrays are multiplied by the same number, if their norm is beyond the bound. If an entry is NaN or infinite,
    there is no such number: the gradients stay as they are, and the counts say so, for a trainer that skips the step.

    Args:
        grads: A floating array, or a list, tuple or dict of such, of any shapes.
        max_norm: The bound; >= 0.
        ord: The order of the norm: 1, 2, inf or any other number >= 1.

    Returns:
        `norm`, that before; `nan` and `inf`, numbers of entries.

    Raises:
        TypeError: Something is not a floating NumPy array.
        ValueError: An array is read-only, or `max_norm` is negative.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> grads = [np.array([3.0]), np.array([[0.0, -4.0]])]
        >>> fl.clip_grad_norm(grads, max_norm=1.0).norm
        5.0
        >>> [x.round(12).tolist() for x in grads]
        [[0.6], [[0.0, -0.8]]]
    """
    bound = checks.bound(max_norm, "max_norm")
    assert bound is not None
    arrays = _writeable(grads)
    found = grad_norm(arrays, ord)
    if bound < found.norm < math.inf:
        factor = bound / found.norm
        for array in arrays:
            if array.itemsize >= 4:
                np.multiply(array, array.dtype.type(factor), out=array)
            else:  # in half precision the factor itself would have three digits
                for block in _blocks(array, write=True):
                    block[...] = block.astype(np.float32) * np.float32(factor)
    return found


def clip_grad_value(grads: Any, max_value: float) -> ClippedValues:
    """Moves entries of gradients beyond a bound onto it, in place.

    Args:
        grads: A floating array, or a list, tuple or dict of such, of any shapes.
        max_value: The bound of absolute values; >= 0.

    Returns:
        `clipped`, `nan` and `inf`: how many entries were moved, are NaN, were infinite.

    Raises:
        TypeError: Something is not a floating NumPy array.
        ValueError: An array is read-only, or `max_value` is negative.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> grad = np.array([0.5, -3.0, np.inf])
        >>> fl.clip_grad_value(grad, 1.0), grad.tolist()
        (ClippedValues(clipped=2, nan=0, inf=1), [0.5, -1.0, 1.0])
    """
    bound = checks.bound(max_value, "max_value")
    assert bound is not None
    clipped = nan = inf = 0
    for array in _writeable(grads):
        top = array.dtype.type(bound)
        for block in _blocks(array, write=True):
            beyond = int(np.count_nonzero(np.abs(block) > top))
            if beyond:
                inf += int(np.count_nonzero(np.isinf(block)))
                block[...] = np.minimum(np.maximum(block, -top), top)
            clipped += beyond
            nan += int(np.count_nonzero(np.isnan(block)))
    return ClippedValues(clipped, nan, inf)


def _norm(arrays: Sequence[Array], ord: float) -> GradNorm:
    parts: list[tuple[float, float]] = []  # of each array or block the largest size, and the sum of powers in its unit
    nan = inf = 0
    for array, total in zip(arrays, _sums(arrays, ord), strict=True):
        if SAFE_SQUARE < total < math.inf:
            parts.append((1.0, total))
            continue
        if total == 0 and array.itemsize <= 4:  # whose squares do not vanish in double precision
            continue
        for block in _blocks(array):
            numbers = block.astype(np.float64)
            largest = float(np.max(np.abs(numbers), initial=0.0))
            if not math.isfinite(largest):
                nan += int(np.count_nonzero(np.isnan(numbers)))
                inf += int(np.count_nonzero(np.isinf(numbers)))
            elif largest > 0:
                parts.append((largest, _powers(numbers, largest, ord)))
    if nan or inf:
        return GradNorm(math.nan if nan else math.inf, nan, inf)
    top = max((largest for largest, _ in parts), default=0.0)
    if ord == math.inf or not parts:
        return GradNorm(top, 0, 0)
    total = math.fsum(powers * (largest / top) ** ord for largest, powers in parts)
    return GradNorm(top * total ** (1 / ord), 0, 0)


def _sums(arrays: Sequence[Array], ord: float) -> Sequence[float]:
    """Of each array the sum of powers by the extension; NaN for orders, and in the backend, that have none."""
    if ord not in _KERNELS or not backend.compiled():
        return [math.nan] * len(arrays)
    return backend.core.norms(_KERNELS[ord], list(arrays))


def _powers(numbers: Array, unit: float, ord: float) -> float:
    """The sum of powers of sizes over a unit, with which none leaves the range."""
    if ord == math.inf:
        return 1.0
    numbers /= unit
    if ord == 2:
        return float(np.sum(np.square(numbers, out=numbers)))
    sizes = np.abs(numbers, out=numbers)
    return float(np.sum(sizes if ord == 1 else np.power(sizes, ord, out=sizes)))


def _arrays(grads: Any) -> Iterator[Any]:
    """The arrays of lists and the like."""
    if isinstance(grads, dict):
        grads = list(grads.values())
    if isinstance(grads, (list, tuple)) and not (grads and all(np.isscalar(x) for x in grads)):
        for each in grads:
            if isinstance(each, np.ndarray):
                yield each
            else:
                yield from _arrays(each)
    elif isinstance(grads, Iterator):
        raise TypeError("grads must be an array or a list of arrays, got an iterator, which can be read only once")
    elif grads is not None:  # of a parameter that has no gradient
        yield grads


def _writeable(grads: Any) -> list[Array]:
    """The arrays, all checked."""
    arrays: list[Any] = list(_arrays(grads))
    for array in arrays:
        if not isinstance(array, np.ndarray) or not checks.is_float(array.dtype):
            what = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"grads are changed in place, so they must be floating NumPy arrays, got {what}")
        if not array.flags.writeable:
            raise ValueError("grads are changed in place, but an array is read-only")
    return arrays


def _blocks(array: Array, write: bool = False) -> Iterable[Array]:
    """Stretches of an array, as views or, of an array that is scattered, as buffers that are written back."""
    if array.size == 0:
        return
    access: list[Any] = [["readwrite" if write else "readonly"]]
    blocks: Any = np.nditer([array], ["external_loop", "buffered"], access, order="K", buffersize=BLOCK)
    with blocks:
        yield from blocks


class Compared(NamedTuple):
    """One result against derivatives by differences.

    Attributes:
        what: ``"grad of pred"`` and the like.
        entries: How many entries were compared.
        skipped: How many were not, as differences are no derivative there: beside a kink.
        worst: The index of the worst entry.
        given: What the loss gives there.
        numerical: What differences give there.
        error: The error over what is allowed: beyond 1 it is wrong.
    """

    what: str
    entries: int
    skipped: int
    worst: tuple[int, ...]
    given: float
    numerical: float
    error: float

    def __str__(self) -> str:
        verdict = "agrees" if self.error <= 1 else "DIFFERS"
        return (
            f"{self.what}: {verdict}, {self.entries} entries ({self.skipped} skipped); worst at {self.worst}: "
            f"{self.given:.9g}, by differences {self.numerical:.9g}"
        )


class GradientCheck(NamedTuple):
    """The report of `check_gradient`; true if everything agrees.

    Attributes:
        rows: A comparison for each order and operand.
    """

    rows: tuple[Compared, ...]

    @property
    def worst(self) -> Compared:
        """The comparison with the largest error."""
        return max(self.rows, key=lambda row: row.error)

    def __bool__(self) -> bool:
        return all(row.error <= 1 for row in self.rows)

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows))


def check_gradient(
    loss: Any, *operands: Any, rtol: float = 1e-6, entries: int = 100, seed: int = 0, **keywords: Any
) -> GradientCheck:
    """Compares the derivatives of a loss with differences of its value.

    The gradient is held to differences of the value, entry by entry; the Hessian and its product with a random vector
    to differences of the gradient, which the first comparison vouches for. Operands with a gradient are taken in
    float64. Differences are of fourth order, at two distances: where these disagree, as beside a kink, an entry is
    skipped. With ``reduction="none"`` it is the sum of the items that is differentiated.

    Args:
        loss: Any loss, sum or `Custom`.
        *operands: Its operands, by position; a list of arrays where the loss takes one.
        rtol: The relative error that passes.
        entries: How many entries of each operand are compared, chosen at random if there are more.
        seed: Of the choice, and of the vector.
        **keywords: Operands by name, and what else a call is given: ``sample_weight=``, ``params=``.

    Returns:
        A report that is true if everything agrees; it prints as a line for each comparison, with its worst entry.

    Example:
        >>> import numpy as np
        >>> import fusedloss as fl
        >>> report = fl.check_gradient(fl.LogCosh(), np.array([0.5, -2.0]), np.zeros(2))
        >>> bool(report), [row.what for row in report.rows]
        (True, ['grad of pred', 'hess of pred', 'hvp of pred'])
        >>> wrong = fl.Custom(lambda z, y: (z - y) ** 2, lambda z, y: z - y)
        >>> print(fl.check_gradient(wrong, np.array([3.0]), np.array([1.0])))
        grad of pred: DIFFERS, 1 entries (0 skipped); worst at (0,): 2, by differences 4
    """
    return _Check(loss, operands, keywords, rtol, entries, seed).report()


class _Check:
    """A loss at a point, from which entries are moved."""

    def __init__(
        self, loss: Any, operands: tuple[Any, ...], keywords: dict[str, Any], rtol: float, entries: int, seed: int
    ) -> None:
        if len(operands) > len(loss.operands):
            raise TypeError(f"{loss!r} takes {', '.join(loss.operands)}; got {len(operands)} operands")
        self.loss, self.rtol, self.entries = loss, rtol, entries
        self.rng = np.random.default_rng(seed)
        self.given = dict(zip(loss.operands, operands, strict=False)) | keywords
        self.point: dict[str, Any] = {}
        for name in loss.variables:
            given = self.given.get(name)
            if given is None:
                continue
            several = isinstance(given, (list, tuple)) and any(np.ndim(x) > 0 for x in given)
            arrays = [np.array(x, np.float64) for x in (given if several else [given])]
            self.point[name] = arrays if several else arrays[0]
        self.given |= self.point
        self.both = {"wrt": loss.variables} if loss.by_default else {}

    def value(self) -> float:
        return float(np.sum(self.loss(**self.given)))

    def grads(self) -> dict[str, list[Array]]:
        return self._by_name(self.loss.grad(**self.given, **self.both))

    def _by_name(self, results: Any) -> dict[str, list[Array]]:
        each = results if len(self.loss.variables) > 1 else (results,)
        return {name: _listed(x) for name, x in zip(self.point, each, strict=True)}

    def report(self) -> GradientCheck:
        rows = []
        curved = "hess" in self.loss.orders
        grads = self.grads()
        hess = self._by_name(self.loss.grad_and_hess(**self.given, **self.both)[1]) if curved else {}
        for name, point in self.point.items():
            found: dict[str, list[tuple[Any, ...]]] = {"grad": [], "hess": []}
            for k, index in self._chosen(_listed(point)):
                at = (k, *index) if isinstance(point, list) else index
                array = _listed(point)[k]
                slope = self._difference(self.value, [(array, index, 1.0)])
                found["grad"].append((at, float(grads[name][k][index]), *slope))
                if curved:
                    bend = self._difference(
                        lambda name=name, k=k, index=index: float(self.grads()[name][k][index]), [(array, index, 1.0)]
                    )
                    found["hess"].append((at, float(hess[name][k][index]), *bend))
            rows += [self._compared(f"{order} of {name}", entries) for order, entries in found.items() if entries]
        if "hvp" in self.loss.orders and self.point:
            rows += self._products()
        return GradientCheck(tuple(rows))

    def _products(self) -> list[Compared]:
        """The product of the Hessian with a random vector, in all operands at once that a call gives it for."""
        names = [self.loss.by_default] if self.loss.by_default else list(self.point)
        vector = {name: [self.rng.normal(size=x.shape) for x in _listed(self.point[name])] for name in names}
        like = {name: v if isinstance(self.point[name], list) else v[0] for name, v in vector.items()}
        alone = len(self.loss.variables) == 1 or bool(self.loss.by_default)
        found = self.loss.hvp(**self.given, vector=next(iter(like.values())) if alone else tuple(like.values()))
        products = {name: _listed(x) for name, x in zip(names, (found,) if alone else found, strict=True)}
        moves = [(x, ..., v) for name in names for x, v in zip(_listed(self.point[name]), vector[name], strict=True)]

        def all_grads() -> Array:
            grads = self.grads()
            return np.concatenate([x.ravel() for name in names for x in grads[name]])

        numbers, gaps, rounding = self._difference(all_grads, moves)
        rows, start = [], 0
        for name, arrays in products.items():
            entries = []
            for k, product in enumerate(arrays):
                for number, index in enumerate(np.ndindex(product.shape)):
                    at = (k, *index) if isinstance(self.point[name], list) else index
                    entries.append((at, float(product[index]), *(x[start + number] for x in (numbers, gaps, rounding))))
                start += product.size
            if entries:
                rows.append(self._compared(f"hvp of {name}", entries))
        return rows

    def _chosen(self, arrays: list[Array]) -> list[tuple[int, tuple[int, ...]]]:
        """Entries to move: which array, and where in it."""
        ends = np.cumsum([0, *(x.size for x in arrays)])
        total = int(ends[-1])
        flat = np.arange(total)
        if total > self.entries:
            flat = np.sort(self.rng.choice(total, self.entries, replace=False))
        which = np.searchsorted(ends, flat, side="right") - 1
        return [(int(k), checks.index(int(at - ends[k]), arrays[k].shape)) for at, k in zip(flat, which, strict=True)]

    def _difference(self, of: Any, moves: list[tuple[Array, Any, Any]]) -> tuple[Any, Any, Any]:
        """The derivative along a direction, how far two distances disagree, and what rounding makes of it."""
        before = [array[index].copy() for array, index, _ in moves]
        size = max((float(np.max(np.abs(x), initial=0.0)) for x in before), default=0.0)
        reach = max((float(np.max(np.abs(v), initial=0.0)) for _, _, v in moves), default=1.0) or 1.0
        largest = 0.0

        def at(step: float) -> Any:
            nonlocal largest
            for (array, index, direction), x in zip(moves, before, strict=True):
                array[index] = x + step * direction
            found = of()
            largest = np.maximum(largest, np.abs(found))
            return found

        with np.errstate(all="ignore"):
            estimates = []
            for step in (h := 1e-3 * max(size, 1e-2) / reach, h / 3):
                near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
                estimates.append((8 * near - far) / (12 * step))
            for (array, index, _), x in zip(moves, before, strict=True):
                array[index] = x
            return estimates[1], np.abs(estimates[1] - estimates[0]), 8 * np.finfo(np.float64).eps * largest / (h / 3)

    def _compared(self, what: str, entries: list[tuple[Any, ...]]) -> Compared:
        scale = max((abs(number) for _, _, number, *_ in entries if np.isfinite(number)), default=0.0)
        worst, compared = Compared(what, 0, 0, (), 0.0, 0.0, 0.0), 0
        for at, given, number, gap, rounding in entries:
            if not gap <= 1e-3 * max(abs(number), 1e-3 * scale) + rounding:
                continue
            compared += 1
            error = abs(given - number) / (self.rtol * abs(number) + 2 * (gap + rounding) + 1e-300)
            error = math.inf if math.isnan(error) else error
            if compared == 1 or error > worst.error:
                worst = worst._replace(worst=at, given=given, numerical=float(number), error=float(error))
        return worst._replace(entries=compared, skipped=len(entries) - compared)


def _listed(x: Any) -> list[Any]:
    return list(x) if isinstance(x, (list, tuple)) else [x]
