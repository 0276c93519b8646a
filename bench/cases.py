"""What is timed: losses of the registry at sizes that suit their kind, with operands made from what they declare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import fusedloss as fl
from fusedloss.domains import Domain, Interval, Points
from fusedloss.kinds.anchors import Anchors
from fusedloss.kinds.angular import AngularMargins
from fusedloss.kinds.axis_sums import AxisSums
from fusedloss.kinds.boxes import Boxes
from fusedloss.kinds.centers import Centers
from fusedloss.kinds.clouds import Clouds
from fusedloss.kinds.divergence import Divergences
from fusedloss.kinds.elementwise import Elementwise
from fusedloss.kinds.features import FeatureMaps
from fusedloss.kinds.histograms import Histograms
from fusedloss.kinds.images import Images
from fusedloss.kinds.lattices import Lattices
from fusedloss.kinds.linear import LinearRows
from fusedloss.kinds.lovasz import SortedErrors
from fusedloss.kinds.mapsums import MapSum
from fusedloss.kinds.measures import Measured
from fusedloss.kinds.overlaps import Overlaps
from fusedloss.kinds.queries import Queries
from fusedloss.kinds.rows import Rows
from fusedloss.kinds.sequences import Sequences
from fusedloss.kinds.similarities import Compares
from fusedloss.kinds.tokens import Tokens
from fusedloss.kinds.views import Views

Shape = tuple[int, ...]

SHAPES: dict[type[fl.Loss], tuple[Shape, ...]] = {
    Elementwise: tuple((10**k,) for k in range(2, 8)),  # from the latency of a call to arrays far beyond the caches
    Rows: ((64, 10), (256, 1000), (64, 32000), (64, 128256)),  # digits, ImageNet, vocabularies of Llama 2 and 3
    Divergences: ((64, 10), (256, 1000), (64, 32000)),
    Queries: tuple((10**k,) for k in range(3, 6)),  # documents
    LinearRows: ((256, 128, 2000), (4096, 512, 32000)),  # rows, features, classes
    AxisSums: ((128, 32), (10**6 // 64, 64)),  # latent variables of samples
    fl.ELBO: ((128, 784, 32), (512, 3072, 128)),  # samples, pixels, latent variables
    Tokens: ((32, 50, 1000), (16, 512, 32000)),  # sequences, tokens, classes
    Sequences: ((200, 16, 64, 30), (500, 32, 5000, 60)),  # frames, utterances, characters or word pieces, labels
    Lattices: ((50, 4, 64, 10), (200, 16, 64, 30), (100, 4, 1024, 40)),
    fl.LovaszSoftmax: ((4, 3, 64, 64), (4, 3, 512, 512)),  # samples, classes, pixels
    SortedErrors: ((4, 64, 64), (4, 512, 512)),  # images
    Overlaps: ((4, 3, 64, 64), (4, 3, 512, 512), (2, 19, 512, 1024)),  # as above: the last, of streets
    MapSum: ((4, 3, 64, 64), (4, 3, 512, 512)),
    Boxes: ((10**3,), (10**5,)),
    Measured: ((256, 64), (4096, 128), (32768, 512)),  # pairs or triplets, dimensions
    Compares: ((256, 128), (2048, 128), (4096, 512)),  # samples, dimensions
    fl.Wasserstein1D: ((10**3,), (10**6,)),  # samples
    fl.Sinkhorn: ((256, 3), (1000, 3)),  # samples, dimensions
    Clouds: ((256, 3), (2048, 64)),
    Histograms: ((64, 10), (10**4, 100)),
    Images: ((4, 3, 64, 64), (4, 3, 256, 256)),  # samples, channels, pixels
    FeatureMaps: ((4, 64, 32, 32), (4, 64, 128, 128)),  # the first layers of a network of such images
    Anchors: ((256, 128), (2048, 128)),
    AngularMargins: ((256, 128, 1000), (1024, 512, 10000)),  # samples, dimensions, classes
    Centers: ((256, 128, 1000), (1024, 512, 10000)),
    Views: ((256, 128), (1024, 1024)),  # samples, dimensions
}
QUICK: dict[type[fl.Loss], tuple[Shape, ...]] = {
    Elementwise: ((10**3,), (10**6,)),
    Rows: ((64, 10), (256, 1000)),
    Divergences: ((64, 10), (256, 1000)),
    Queries: ((10**3,), (10**4,)),
    LinearRows: ((256, 128, 2000),),
    AxisSums: ((128, 32),),
    fl.ELBO: ((128, 784, 32),),
    Tokens: ((32, 50, 1000),),
    Sequences: ((200, 16, 64, 30),),
    Lattices: ((50, 4, 64, 10),),
    fl.LovaszSoftmax: ((4, 3, 64, 64),),
    SortedErrors: ((4, 64, 64),),
    Overlaps: ((4, 3, 64, 64),),
    MapSum: ((4, 3, 64, 64),),
    Boxes: ((10**3,),),
    Measured: ((256, 64), (4096, 128)),
    Compares: ((256, 128),),
    fl.Wasserstein1D: ((10**3,),),
    fl.Sinkhorn: ((256, 3),),
    Clouds: ((256, 3),),
    Histograms: ((64, 10),),
    Images: ((4, 3, 64, 64),),
    FeatureMaps: ((4, 64, 32, 32),),
    Anchors: ((256, 128),),
    AngularMargins: ((256, 128, 1000),),
    Centers: ((256, 128, 1000),),
    Views: ((256, 128),),
}
DOCUMENTS = 100  # of a query: a page or ten of results
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Case:
    """A row of the table."""

    loss: Any
    dtype: str
    shape: Shape

    @property
    def size(self) -> str:
        """The shape as one writes it: ``1e6`` or ``64x1000``."""
        n = str(self.shape[0])
        return f"1e{len(n) - 1}" if len(self.shape) == 1 and n.strip("0") == "1" else "x".join(map(str, self.shape))

    def __str__(self) -> str:
        return f"{self.loss!r} {self.dtype} {self.size}"

    def operands(self) -> tuple[np.ndarray, ...]:
        """Random numbers from the loss's domains, in the order of its operands."""
        rng = np.random.default_rng(0)
        domain = self.loss.domain
        if kind_of(type(self.loss)) in (Rows, Tokens):
            pred = _draw(rng, domain.get("pred"), self.shape, self.dtype)
            return pred, rng.integers(0, self.shape[-1], self.shape[:-1])
        if kind_of(type(self.loss)) is Queries:
            return _draw(rng, None, self.shape, self.dtype), rng.integers(0, 5, self.shape).astype(self.dtype)
        if kind_of(type(self.loss)) is LinearRows:
            rows, features, classes = self.shape
            hidden = rng.normal(0, 1, (rows, features)).astype(self.dtype)
            weight = rng.normal(0, 2 / np.sqrt(features), (classes, features)).astype(self.dtype)
            return hidden, weight, rng.integers(0, classes, rows), rng.normal(0, 1, classes).astype(self.dtype)
        if kind_of(type(self.loss)) is fl.ELBO:
            samples, pixels, dimensions = self.shape
            pred = _draw(rng, None, (samples, pixels), self.dtype)
            mean, log_var = (_draw(rng, None, (samples, dimensions), self.dtype) for _ in range(2))
            return pred, rng.uniform(0, 1, pred.shape).astype(self.dtype), mean, log_var
        if kind_of(type(self.loss)) is SortedErrors:
            return _draw(rng, None, self.shape, self.dtype), rng.integers(0, 2, self.shape)
        if kind_of(type(self.loss)) is Boxes:  # corners of an image, as a detector finds them
            low = rng.uniform(0, 400, (self.shape[0], 2))
            target = np.concatenate([low, low + rng.uniform(10, 200, low.shape)], axis=1)
            return (target + rng.normal(0, 3, target.shape)).astype(self.dtype), target.astype(self.dtype)
        if kind_of(type(self.loss)) is Images:
            return tuple(rng.uniform(0, 1, self.shape).astype(self.dtype) for _ in self.loss.operands)
        if kind_of(type(self.loss)) in (Overlaps, MapSum, fl.LovaszSoftmax):
            pred = _draw(rng, domain.get("pred"), self.shape, self.dtype)
            return pred, rng.integers(0, self.shape[1], (self.shape[0], *self.shape[2:]))
        if kind_of(type(self.loss)) in (Sequences, Lattices):
            frames, utterances, classes, labels = self.shape
            lattices = (utterances, frames, labels + 1, classes)
            pred = _draw(rng, None, lattices if kind_of(type(self.loss)) is Lattices else self.shape[:3], self.dtype)
            target = rng.integers(1, classes, (utterances, labels))
            return pred, target, np.full(utterances, frames), np.full(utterances, labels)
        if kind_of(type(self.loss)) in (AngularMargins, Centers):
            samples, dimensions, classes = self.shape
            vectors = [rng.normal(0, 1, (n, dimensions)).astype(self.dtype) for n in (samples, classes)]
            return vectors[0], rng.integers(0, classes, samples), vectors[1]
        if kind_of(type(self.loss)) in (Measured, Compares, Anchors, Views):
            spread = 2 / np.sqrt(self.shape[-1])  # products are of the order of 1
            base = rng.normal(0, spread, self.shape)  # what belongs together is nearer
            vectors = [(base + rng.normal(0, spread / 2, self.shape)).astype(self.dtype) for _ in self.loss.variables]
            if "labels" in self.loss.operands:
                return *vectors, np.arange(self.shape[0]) // 4
            targets = [name for name in self.loss.operands if name not in self.loss.variables]
            return *vectors, *(_draw(rng, domain[name], self.shape[:-1], self.dtype) for name in targets)
        if isinstance(self.loss, fl.Wasserstein1D):  # sets apart, as the slopes of equal samples are one of several
            return tuple(_draw(rng, None, self.shape, self.dtype) + np.dtype(self.dtype).type(k) for k in (0, 20))
        if isinstance(self.loss, Clouds):
            size = 1 / np.sqrt(self.shape[-1])  # distances are of the order of 1
            x, y = (rng.uniform(0, size, self.shape).astype(self.dtype) for _ in range(2))
            return x, (y + 0.2 * size).astype(self.dtype)
        needed = [name for name in self.loss.operands if name not in self.loss.optional]
        return tuple(_draw(rng, domain.get(name), self.shape, self.dtype) for name in needed)

    def arguments(self) -> dict[str, np.ndarray]:
        """What a call is given beside the operands."""
        if kind_of(type(self.loss)) is Tokens:
            return {"lengths": np.linspace(0, self.shape[1], self.shape[0] + 1).astype(int)[1:]}
        if kind_of(type(self.loss)) is not Queries:
            return {}
        ends = np.minimum(np.arange(0, self.shape[0] + DOCUMENTS, DOCUMENTS), self.shape[0])
        return {"lengths": np.diff(ends)}


def kind_of(cls: type[fl.Loss]) -> type[fl.Loss]:
    """The kind of a loss, that of `SHAPES` which it derives from."""
    for kind in SHAPES:
        if issubclass(cls, kind):
            return kind
    raise NotImplementedError(f"SHAPES in {__name__} has no sizes for the kind of {cls.__name__}")


def cases(losses: Sequence[Any], dtypes: Sequence[str], shapes: Sequence[Shape] | None, quick: bool) -> Iterator[Case]:
    """All combinations; of the given shapes, each kind of loss takes those with its number of axes."""
    for loss in losses:
        kind = kind_of(type(loss))
        suited = (QUICK if quick else SHAPES)[kind]
        if shapes is not None:
            suited = tuple(shape for shape in shapes if len(shape) == len(SHAPES[kind][0]))
        for dtype in dtypes:
            for shape in suited:
                yield Case(loss, dtype, shape)


def shape_of(text: str) -> Shape:
    """What `Case.size` shows, read back.

    Raises:
        ValueError: It is no such text.
    """
    try:
        lengths = [float(word) for word in text.split("x")]
    except ValueError:
        lengths = []
    if not lengths or not all(n.is_integer() and n >= 1 for n in lengths):
        raise ValueError(f"a size is a whole number or several with x between them, got {text!r}")
    return tuple(int(n) for n in lengths)


def _draw(rng: np.random.Generator, domain: Domain | None, shape: Shape, dtype: str) -> np.ndarray:
    """Numbers of a domain, of the order of 1, as data, logits and probabilities are."""
    if isinstance(domain, Points):
        return rng.choice(domain.numbers, shape).astype(dtype)
    if not isinstance(domain, Interval) or (np.isinf(domain.low) and np.isinf(domain.high)):
        return rng.normal(0, 2, shape).astype(dtype)
    low, high = max(domain.low, -4.0), min(domain.high, 4.0)
    inside = 1e-3 * (high - low)  # neither end is hit by rounding: it may be left out
    return rng.uniform(low + inside, high - inside, shape).astype(dtype)
