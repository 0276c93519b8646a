"""Every documented error, provoked in both backends: its type, the argument it names, the index and the value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import fusedloss as fl

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture(params=["compiled", "numpy"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with fl.use_backend(request.param):
        yield request.param


@dataclass
class Case:
    """A call and the error it must end in."""

    name: str
    call: Callable[[], Any]
    error: type[Exception]
    message: str  # all of it, or what it begins with if it ends in "..."

    def check(self) -> None:
        pattern = re.escape(self.message.removesuffix("...")) + ("" if self.message.endswith("...") else "$")
        with pytest.raises(self.error, match="^" + pattern):
            self.call()


def cases(*all_cases: Case) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", all_cases, ids=lambda case: case.name)


X = np.array([0.5, -1.0, 2.0, 0.0, 1.0])
Y = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
Z = np.linspace(-1, 1, 12).reshape(4, 3)
LABELS = np.array([0, 2, 1, 0])
P = np.full((4, 3), 1 / 3)


def read_only() -> np.ndarray[Any, Any]:
    array = np.zeros(5)
    array.flags.writeable = False
    return array


class OnAnotherDevice:
    """An array as a CUDA library presents it."""

    def __dlpack__(self, **_: object) -> object:
        raise AssertionError("must not be asked for its memory")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0


class Unreadable:
    """A tensor that may not be read as an array."""

    def __dlpack__(self, **_: object) -> object:
        raise BufferError("can't export")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __array__(self, *_: object, **__: object) -> np.ndarray[Any, Any]:
        raise RuntimeError("it requires grad; use detach()")


# ---- Options ----


@cases(
    Case("domain", lambda: fl.Huber(delta=-1), ValueError, "Huber: delta must be > 0 and finite, got -1"),
    Case("nan", lambda: fl.Huber(delta=np.nan), ValueError, "Huber: delta must be > 0 and finite, got nan"),
    Case("infinite", lambda: fl.Huber(delta=np.inf), ValueError, "Huber: delta must be > 0 and finite, got inf"),
    Case("type", lambda: fl.Huber(delta="1"), TypeError, "Huber: delta must be a number, got '1'"),
    Case("flag as number", lambda: fl.Huber(delta=True), TypeError, "Huber: delta must be a number, got True"),
    Case("flag", lambda: fl.MSE(half=1), TypeError, "MSE: half must be True or False, got 1"),
    Case("share", lambda: fl.Quantile(q=1.0), ValueError, "Quantile: q must be in (0, 1), got 1.0"),
    Case(
        "tuple",
        lambda: fl.Quantile(q=(0.5, 1.5)),
        ValueError,
        "Quantile: q must be in (0, 1) (at index 1: 1.5), got (0.5, 1.5)",
    ),
    Case(
        "empty",
        lambda: fl.Quantile(q=()),
        ValueError,
        "Quantile: q must have one axis and at least one element (its shape is (0,)), got ()",
    ),
    Case(
        "choice",
        lambda: fl.MSE(reduction="avg"),
        ValueError,
        "MSE: reduction must be 'mean' or 'sum' or 'none' or 'batchmean', got 'avg'",
    ),
    Case("labels", lambda: fl.Hinge(labels="0/1"), ValueError, "Hinge: labels must be 'pm1' or '01', got '0/1'"),
    Case("margin", lambda: fl.Hinge(margin=-0.5), ValueError, "Hinge: margin must be >= 0 and finite, got -0.5"),
    Case("integer", lambda: fl.CrossEntropy(axis=1.0), TypeError, "CrossEntropy: axis must be an integer, got 1.0"),
    Case(
        "smoothing",
        lambda: fl.CrossEntropy(label_smoothing=1.1),
        ValueError,
        "CrossEntropy: label_smoothing must be in [0, 1], got 1.1",
    ),
    Case(
        "weights",
        lambda: fl.CrossEntropy(class_weight=[1.0, -2.0]),
        ValueError,
        "CrossEntropy: class_weight must be >= 0 and finite (at index 1: -2), got [1.0, -2.0]",
    ),
    Case(
        "array",
        lambda: fl.CrossEntropy(class_weight="balanced"),
        TypeError,
        "CrossEntropy: class_weight must be an array of numbers, got 'balanced'",
    ),
    Case(
        "two axes",
        lambda: fl.CrossEntropy(class_weight=[[1.0]]),
        ValueError,
        "CrossEntropy: class_weight must have one axis and at least one element (its shape is (1, 1)), got [[1.0]]",
    ),
    Case(
        "eps",
        lambda: fl.BinaryCrossEntropy(eps=0.5),
        ValueError,
        "BinaryCrossEntropy: eps must be in (0, 0.5), got 0.5",
    ),
    Case(
        "pos_weight",
        lambda: fl.BinaryCrossEntropy(pos_weight=-1.0),
        ValueError,
        "BinaryCrossEntropy: pos_weight must be >= 0 and finite, got -1.0",
    ),
    Case(
        "unknown", lambda: fl.get("huber", detla=1), TypeError, "Huber has no option 'detla'; did you mean 'delta'? ..."
    ),
    Case(
        "unknown in replace", lambda: fl.MSE().replace(q=1), TypeError, "MSE has no option 'q'; it has reduction, half"
    ),
    Case("name", lambda: fl.get("hubber"), ValueError, "no loss is called 'hubber'; did you mean 'huber'?"),
    Case("far name", lambda: fl.get("xyz"), ValueError, "no loss is called 'xyz'; losses() lists them"),
    Case("name type", lambda: fl.get(3), TypeError, "the name of a loss must be a string, got int"),  # type: ignore[arg-type]
    Case("backend", lambda: fl.use_backend("gpu"), ValueError, "the backend must be 'compiled' or 'numpy', got 'gpu'"),
    Case("threads", lambda: fl.set_num_threads(0), ValueError, "the number of threads must be at least 1, got 0"),
    Case("threads type", lambda: fl.num_threads(1.5), TypeError, "the number of threads must be an integer, got 1.5"),  # type: ignore[arg-type]
)
def test_options(case: Case) -> None:
    case.check()


# ---- Types and shapes of operands ----


@cases(
    Case(
        "complex",
        lambda: fl.mse(X + 1j, Y),
        TypeError,
        "pred must hold real numbers (floating, integer or bool), got dtype complex128; take pred.real...",
    ),
    Case(
        "object",
        lambda: fl.mse(X.astype(object), Y),
        TypeError,
        "pred must hold real numbers (floating, integer or bool), got dtype object",
    ),
    Case(
        "text",
        lambda: fl.mse(X, ["a"] * 5),
        TypeError,
        "target must hold real numbers (floating, integer or bool), got dtype <U1",
    ),
    Case("time", lambda: fl.mse(X, np.zeros(5, "m8[s]")), TypeError, "target must hold real numbers..."),
    Case(
        "float8",
        lambda: fl.mse(X.astype(ml_dtypes.float8_e4m3fn), Y),
        TypeError,
        "pred must hold real numbers (floating, integer or bool), got dtype float8_e4m3fn",
    ),
    Case(
        "longdouble",
        lambda: fl.mse(X.astype(np.longdouble), Y),
        TypeError,
        f"pred must hold real numbers (floating, integer or bool), got dtype {np.dtype(np.longdouble)}; convert...",
    ),
    Case(
        "weight type", lambda: fl.mse(X, Y, sample_weight=Y + 0j), TypeError, "sample_weight must hold real numbers..."
    ),
    Case(
        "masked",
        lambda: fl.mse(np.ma.masked_array(X), Y),
        TypeError,
        "pred must not be a masked array; give pred.data, and sample_weight=~pred.mask",
    ),
    Case("matrix", lambda: fl.mse(X.view(np.matrix), Y), TypeError, "pred must not be a matrix; give np.asarray(pred)"),
    Case("ragged", lambda: fl.mse([[1.0], [1.0, 2.0]], Y), ValueError, "pred must be an array: ..."),
    Case(
        "device",
        lambda: fl.mse(OnAnotherDevice(), Y),
        TypeError,
        "pred must be in the memory of the CPU, but it is on a CUDA device; move it there",
    ),
    Case(
        "tensor",
        lambda: fl.mse(X, Unreadable()),
        TypeError,
        "target cannot be read as an array: it requires grad; use detach()",
    ),
    Case("shape", lambda: fl.mse(X, Y[:4]), ValueError, "target must have the shape of pred, (5,), got (4,)"),
    Case(
        "column",
        lambda: fl.mse(X, Y[:, None]),
        ValueError,
        "target must have the shape of pred, (5,), got (5, 1); nothing is broadcast, use target.reshape((5,))",
    ),
    Case(
        "column pred",
        lambda: fl.mse(X[:, None], Y),
        ValueError,
        "target must have the shape of pred, (5, 1), got (5,); nothing is broadcast, use target.reshape((5, 1))",
    ),
    Case("scalar", lambda: fl.mse(X, 0.0), ValueError, "target must have the shape of pred, (5,), got ()"),
    Case(
        "levels",
        lambda: fl.quantile(Z, LABELS, q=(0.1, 0.9)),
        ValueError,
        "pred must have a last axis of length 2, that of q, got shape (4, 3)",
    ),
    Case(
        "levels target",
        lambda: fl.quantile(Z, Z, q=(0.1, 0.5, 0.9)),
        ValueError,
        "target must have pred's shape without its last axis, (4,), got (4, 3)",
    ),
    Case(
        "pos_weight",
        lambda: fl.binary_cross_entropy(Z, Z * 0, pos_weight=[1, 2]),
        ValueError,
        "pred must have a last axis of length 2, that of an option of BinaryCrossEntropy, got shape (4, 3)",
    ),
    Case(
        "row target",
        lambda: fl.cross_entropy(Z, LABELS[:3]),
        ValueError,
        "target must have shape (4,) (labels) or (4, 3) (distributions), got (3,)",
    ),
    Case(
        "column labels",
        lambda: fl.cross_entropy(Z, LABELS[:, None]),
        ValueError,
        "target must have the shape of pred, (4, 3), got (4, 1)",
    ),
    Case(
        "no classes",
        lambda: fl.cross_entropy(np.zeros((4, 0)), LABELS),
        ValueError,
        "pred must have at least one class, got shape (4, 0) with axis=-1",
    ),
    Case("no axis", lambda: fl.cross_entropy(1.0, 0), ValueError, "pred must have a class axis, got a single number"),
    Case(
        "axis",
        lambda: fl.cross_entropy(Z, LABELS, axis=2),
        ValueError,
        "axis 2 is out of range for pred of shape (4, 3)",
    ),
    Case(
        "class_weight",
        lambda: fl.cross_entropy(Z, LABELS, class_weight=[1, 2]),
        ValueError,
        "class_weight has 2 entries, but pred has 3 classes",
    ),
    Case(
        "class_weight total",
        lambda: fl.CrossEntropy(class_weight=[1, 2]).weight_total(P),
        ValueError,
        "class_weight has 2 entries, but target has 3 classes",
    ),
)
def test_operands(case: Case) -> None:
    case.check()


# ---- Queries ----


@cases(
    Case("k", lambda: fl.LambdaRank(k=0), ValueError, "LambdaRank: k must be at least 1, got 0"),
    Case("k type", lambda: fl.LambdaRank(k=2.0), TypeError, "LambdaRank: k must be an integer, got 2.0"),
    Case("sigma", lambda: fl.LambdaRank(sigma=0), ValueError, "LambdaRank: sigma must be > 0 and finite, got 0"),
    Case(
        "axes",
        lambda: fl.list_net(Z, Z),
        ValueError,
        "pred must have one axis, the documents of all queries one after the other, got shape (4, 3); of queries of "
        "the same length give pred.ravel() and lengths",
    ),
    Case("shape", lambda: fl.list_net(X, Y[:4]), ValueError, "target must have the shape of pred, (5,), got (4,)"),
    Case(
        "both",
        lambda: fl.list_net(X, Y, groups=[1] * 5, lengths=[5]),
        ValueError,
        "groups and lengths say the same in two ways; give one of them",
    ),
    Case(
        "ids apart",
        lambda: fl.list_net(X, Y, groups=[4, 7, 7, 4, 4]),
        ValueError,
        "groups must have the documents of a query side by side, but 4 at index (3,) comes again after index (0,); "
        "sort all arrays by groups, or number the queries anew",
    ),
    Case(
        "ids' shape",
        lambda: fl.list_net(X, Y, groups=[2, 3]),
        ValueError,
        "groups must have the shape of pred, (5,), got (2,)",
    ),
    Case(
        "ids' type",
        lambda: fl.list_net(X, Y, groups=Y),
        TypeError,
        "groups holds an id for each document and must be of an integer dtype, got float64",
    ),
    Case(
        "lengths' type",
        lambda: fl.list_net(X, Y, lengths=[2.0, 3.0]),
        TypeError,
        "lengths holds the number of documents of each query and must be of an integer dtype, got float64",
    ),
    Case(
        "lengths' axes",
        lambda: fl.list_net(X, Y, lengths=[[5]]),
        ValueError,
        "lengths must have one axis, got shape...",
    ),
    Case(
        "lengths' sum",
        lambda: fl.list_net(X, Y, lengths=[2, 2]),
        ValueError,
        "lengths must add up to the 5 documents of pred, got 4",
    ),
    Case(
        "no lengths",
        lambda: fl.list_net(X, Y, lengths=[]),
        ValueError,
        "lengths must add up to the 5 documents of pred, got 0",
    ),
    Case(
        "negative length",
        lambda: fl.list_net(X, Y, lengths=[6, -1]),
        ValueError,
        "lengths must be between 0 and the 5 documents of pred, got 6 at index (0,)",
    ),
    Case(
        "total",
        lambda: fl.ListNet().weight_total(Y, lengths=[2, 2]),
        ValueError,
        "lengths must add up to the 5 documents of target, got 4",
    ),
    Case(
        "weight shape",
        lambda: fl.list_net(X, Y, lengths=[2, 3], sample_weight=np.ones(5)),
        ValueError,
        "sample_weight must have the items' shape (2,), or that of their leading axes, or axes of length 1; got (5,)",
    ),
    Case(
        "weight",
        lambda: fl.lambda_rank(X, Y, lengths=[2, 3], sample_weight=[1, -2]),
        ValueError,
        "sample_weight must be >= 0, got -2 at index (1,)",
    ),
    Case(
        "relevance",
        lambda: fl.lambda_rank(X, changed(Y, 3, -1), lengths=[2, 3]),
        ValueError,
        "target must be in [0, 1000], got -1.0 at index (3,)",
    ),
    Case(
        "great relevance",
        lambda: fl.lambda_rank(X, changed(Y, 1, 1e4), lengths=[2, 3]),
        ValueError,
        "target must be in [0, 1000], got 10000.0 at index (1,)",
    ),
    Case(
        "share",
        lambda: fl.list_net(X, changed(Y, 4, -0.5), softmax_target=False),
        ValueError,
        "target must be >= 0 and finite, got -0.5 at index (4,)",
    ),
    Case(
        "cotangent",
        lambda: fl.ListMLE(reduction="none").grad(X, Y, lengths=[2, 3], cotangent=X),
        ValueError,
        "cotangent must have the shape of the items, (2,), got (5,)",
    ),
)
def test_queries(case: Case) -> None:
    case.check()


# ---- Maps ----

MAPS = np.zeros((2, 3, 4, 5))
PIXELS = np.zeros((2, 4, 5), int)


def dice(pred: Any = MAPS, target: Any = PIXELS, mask: Any = None, **options: Any) -> Callable[[], Any]:
    return lambda: fl.dice(pred, target, mask=mask, **options)


@cases(
    Case(
        "activation",
        lambda: fl.Dice(activation="relu"),
        ValueError,
        "Dice: activation must be 'sigmoid' or 'softmax', got 'relu'",
    ),
    Case(
        "smooth",
        lambda: fl.Dice(smooth=(1, 2, 3)),
        ValueError,
        "Dice: smooth must be a number or a tuple of 2, got (1, 2, 3)",
    ),
    Case("no samples", dice(np.float64(1)), ValueError, "pred must have a first axis of samples, got a single number"),
    Case(
        "samples as classes",
        dice(axis=0),
        ValueError,
        "axis=0 is the first one of pred, that of the samples, and no class axis",
    ),
    Case(
        "labels' shape",
        dice(target=PIXELS[:1]),
        ValueError,
        "target must have shape (2, 4, 5) (labels) or (2, 3, 4, 5) (maps), got (1, 4, 5)",
    ),
    Case(
        "maps' shape",
        dice(target=MAPS[:1]),
        ValueError,
        "target must have the shape of pred, (2, 3, 4, 5), got (1, 3, 4, 5)",
    ),
    Case(
        "labels' dtype",
        dice(target=PIXELS.astype(float)),
        TypeError,
        "target holds labels and must be of an integer dtype, got float64; use target.astype(np.int64)",
    ),
    Case(
        "label",
        dice(target=np.where(np.arange(40).reshape(2, 4, 5) == 27, 3, 0)),
        IndexError,
        "target 3 at index (1, 1, 2) is out of range for 3 classes",
    ),
    Case(
        "wide label",
        dice(target=np.where(np.arange(40).reshape(2, 4, 5) == 27, 2**32 + 1, 0)),
        IndexError,
        "target 4294967297 at index (1, 1, 2) is out of range for 3 classes",
    ),
    Case(
        "label that is not the ignored one",
        dice(target=PIXELS - 1, ignore_index=-2),
        IndexError,
        "target -1 at index (0, 0, 0) is out of range for 3 classes (ignore_index is -2)",
    ),
    Case(
        "soft label",
        dice(target=MAPS - 0.5),
        ValueError,
        "target must be in [0, 1], got -0.5 at index (0, 0, 0, 0)",
    ),
    Case(
        "probability",
        dice(pred=np.where(np.arange(120).reshape(2, 3, 4, 5) == 63, 1.5, 0), from_logits=False),
        ValueError,
        "pred must be in [0, 1], got 1.5 at index (1, 0, 0, 3)",
    ),
    Case(
        "mask's shape",
        dice(mask=np.ones((2, 3, 4, 5))),
        ValueError,
        "mask must have shape (2, 4, 5), that of pred without the classes, or axes of length 1; got (2, 3, 4, 5)",
    ),
    Case(
        "mask",
        dice(mask=np.where(np.arange(40).reshape(2, 4, 5) == 6, -1, 1)),
        ValueError,
        "mask must be >= 0, got -1 at index (0, 1, 1)",
    ),
    Case(
        "only a background",
        dice(MAPS[:, :1], PIXELS, include_background=False),
        ValueError,
        "include_background=False leaves out the first class, and pred has no other",
    ),
    Case(
        "class weights",
        dice(class_weight=[1.0, 2.0]),
        ValueError,
        "class_weight has 2 entries, but pred has 3 classes",
    ),
    Case(
        "weight",
        lambda: fl.dice(MAPS, PIXELS, sample_weight=[1, -2]),
        ValueError,
        "sample_weight must be >= 0, got -2 at index (1,)",
    ),
)
def test_maps(case: Case, backend: str) -> None:
    case.check()


# ---- Utterances ----

FRAMES = np.zeros((4, 2, 3))  # four frames of two utterances, three classes
WORDS = np.array([[1, 2, 1], [2, 0, 0]])


def ctc(
    pred: Any = FRAMES, target: Any = WORDS, frames: Any = (4, 3), labels: Any = (3, 1), **options: Any
) -> Callable[[], Any]:
    return lambda: fl.ctc(pred, target, frames, labels, **options)


@cases(
    Case("blank type", lambda: fl.CTC(blank=0.0), TypeError, "CTC: blank must be an integer, got 0.0"),
    Case("layout", lambda: fl.CTC(layout="NCT"), ValueError, "CTC: layout must be 'TNC' or 'NTC', got 'NCT'"),
    Case("flag", lambda: fl.CTC(zero_infinity=1), TypeError, "CTC: zero_infinity must be True or False, got 1"),
    Case(
        "axes",
        ctc(FRAMES[:, 0]),
        ValueError,
        "pred must have shape (frames, utterances, classes), as layout='TNC' says, got (4, 3)",
    ),
    Case(
        "axes of the other layout",
        ctc(FRAMES[0], layout="NTC"),
        ValueError,
        "pred must have shape (utterances, frames, classes), as layout='NTC' says, got (2, 3)",
    ),
    Case("blank", ctc(blank=3), ValueError, "blank=3 is no class of pred, which has 3"),
    Case("negative blank", ctc(blank=-4), ValueError, "blank=-4 is no class of pred, which has 3"),
    Case("no classes", ctc(FRAMES[..., :0]), ValueError, "blank=0 is no class of pred, which has 0"),
    Case(
        "frames' type",
        ctc(frames=[4.0, 3.0]),
        TypeError,
        "input_lengths holds the number of frames of each utterance and must be of an integer dtype, got float64",
    ),
    Case(
        "frames' shape",
        ctc(frames=[4, 3, 2]),
        ValueError,
        "input_lengths must have shape (2,), a number for each utterance, got (3,)",
    ),
    Case(
        "too many frames",
        ctc(frames=[4, 5]),
        ValueError,
        "input_lengths must be between 0 and 4, the frames of pred, got 5 at index (1,)",
    ),
    Case(
        "negative frames",
        ctc(frames=[-1, 4]),
        ValueError,
        "input_lengths must be between 0 and 4, the frames of pred, got -1 at index (0,)",
    ),
    Case(
        "labels' number type",
        ctc(labels=[True, True]),
        TypeError,
        "target_lengths holds the number of labels of each utterance and must be of an integer dtype, got bool",
    ),
    Case(
        "labels' number shape",
        ctc(labels=3),
        ValueError,
        "target_lengths must have shape (2,), a number for each utterance, got ()",
    ),
    Case(
        "too many labels",
        ctc(labels=[3, 4]),
        ValueError,
        "target_lengths must be between 0 and 3, the labels of target, got 4 at index (1,)",
    ),
    Case(
        "negative labels",
        ctc(labels=[3, -2]),
        ValueError,
        "target_lengths must be between 0 and 3, the labels of target, got -2 at index (1,)",
    ),
    Case(
        "sum of labels",
        ctc(target=[1, 2, 1, 2], labels=[3, 2]),
        ValueError,
        "target_lengths must add up to the 4 labels of target, got 5",
    ),
    Case(
        "targets' type",
        ctc(target=WORDS.astype(np.float32)),
        TypeError,
        "target holds labels and must be of an integer dtype, got float32",
    ),
    Case(
        "targets' rows",
        ctc(target=WORDS[:1]),
        ValueError,
        "target must have a row for each of the 2 utterances of pred, got shape (1, 3)",
    ),
    Case(
        "targets' axes",
        ctc(target=WORDS[..., np.newaxis]),
        ValueError,
        "target must have shape (2, labels), or one axis with the labels of all utterances one after the other; "
        "got (2, 3, 1)",
    ),
    Case(
        "label too large",
        ctc(target=[[1, 2, 3], [2, 0, 0]]),
        IndexError,
        "target 3 at index (0, 2) (label 2 of utterance 0) is out of range for 3 classes",
    ),
    Case(
        "negative label",
        ctc(target=[1, 2, 1, -1]),
        IndexError,
        "target -1 at index (3,) (label 0 of utterance 1) is out of range for 3 classes",
    ),
    Case(
        "label of 64 bits",
        ctc(target=np.array([1, 2, 2**63, 1], np.uint64)),
        IndexError,
        "target 9223372036854775808 at index (2,) (label 2 of utterance 0) is out of range for 3 classes",
    ),
    Case(
        "label blank",
        ctc(target=[[1, 2, 1], [0, 0, 0]]),
        ValueError,
        "target 0 at index (1, 0) (label 0 of utterance 1) is the blank, which is no label; choose another `blank`",
    ),
    Case(
        "label blank from behind",
        ctc(blank=-1),
        ValueError,
        "target 2 at index (0, 1) (label 1 of utterance 0) is the blank, which is no label; choose another `blank`",
    ),
    Case(
        "weight shape",
        ctc(sample_weight=np.ones((4, 2))),
        ValueError,
        "sample_weight must have the items' shape (2,), or that of their leading axes, or axes of length 1; got (4, 2)",
    ),
    Case("weight", ctc(sample_weight=[1, -2]), ValueError, "sample_weight must be >= 0, got -2 at index (1,)"),
    Case(
        "weight that is NaN",
        ctc(sample_weight=[np.nan, 1]),
        ValueError,
        "sample_weight must be >= 0, got nan at index (0,)",
    ),
    Case(
        "total",
        lambda: fl.CTC().weight_total([[1, 2]]),
        ValueError,
        "target_lengths must have one axis, got shape (1, 2)",
    ),
)
def test_utterances(case: Case) -> None:
    case.check()


LATTICES = np.zeros((2, 4, 3, 3))  # two utterances of four frames and up to two labels, three classes
LABELLED = np.array([[1, 2], [2, 0]])


def rnnt(
    pred: Any = LATTICES, target: Any = LABELLED, frames: Any = (4, 3), labels: Any = (2, 1), **options: Any
) -> Callable[[], Any]:
    return lambda: fl.rnnt(pred, target, frames, labels, **options)


@cases(
    Case(
        "axes",
        rnnt(LATTICES[0]),
        ValueError,
        "pred must have shape (utterances, frames, most labels + 1, classes), got (4, 3, 3)",
    ),
    Case(
        "no places",
        rnnt(LATTICES[:, :, :0]),
        ValueError,
        "pred must have shape (utterances, frames, most labels + 1, classes), got (2, 4, 0, 3)",
    ),
    Case("blank", rnnt(blank=-4), ValueError, "blank=-4 is no class of pred, which has 3"),
    Case(
        "too many frames",
        rnnt(frames=[4, 5]),
        ValueError,
        "input_lengths must be between 0 and 4, the frames of pred, got 5 at index (1,)",
    ),
    Case(
        "too many labels",
        rnnt(labels=[3, 1]),
        ValueError,
        "target_lengths must be between 0 and 2, the labels of target, got 3 at index (0,)",
    ),
    Case(
        "too many labels for pred",
        rnnt(target=np.ones((2, 5), int), labels=[2, 3]),
        ValueError,
        "target_lengths must be between 0 and 2, the labels that pred has places for, got 3 at index (1,)",
    ),
    Case(
        "too many labels for pred, one after the other",
        rnnt(target=[1, 2, 1, 2], labels=[3, 1]),
        ValueError,
        "target_lengths must be between 0 and 2, the labels that pred has places for, got 3 at index (0,)",
    ),
    Case(
        "label too large",
        rnnt(target=[[1, 3], [2, 0]]),
        IndexError,
        "target 3 at index (0, 1) (label 1 of utterance 0) is out of range for 3 classes",
    ),
    Case(
        "label blank",
        rnnt(target=[1, 2, 0]),
        ValueError,
        "target 0 at index (2,) (label 0 of utterance 1) is the blank, which is no label; choose another `blank`",
    ),
    Case("weight", rnnt(sample_weight=[1, -2]), ValueError, "sample_weight must be >= 0, got -2 at index (1,)"),
)
def test_lattices(case: Case) -> None:
    case.check()


SPOKEN = np.zeros((2, 4, 3))
WRITTEN = np.zeros((2, 4), int)


@cases(
    Case(
        "axes",
        lambda: fl.sequence_cross_entropy(SPOKEN[0, 0], 0),
        ValueError,
        "pred must have shape (sequences, tokens, classes), or (all tokens, classes) with lengths; got (3,)",
    ),
    Case(
        "packed without lengths",
        lambda: fl.sequence_cross_entropy(SPOKEN[0], WRITTEN[0]),
        ValueError,
        "pred has the tokens of all sequences one after the other: lengths must say how many each has",
    ),
    Case(
        "both",
        lambda: fl.sequence_cross_entropy(SPOKEN, WRITTEN, lengths=[4, 2], mask=WRITTEN == 0),
        ValueError,
        "lengths and mask say the same in two ways; give one of them",
    ),
    Case(
        "length",
        lambda: fl.sequence_cross_entropy(SPOKEN, WRITTEN, lengths=[4, 5]),
        ValueError,
        "lengths must be between 0 and 4, the tokens of pred, got 5 at index (1,)",
    ),
    Case(
        "lengths' type",
        lambda: fl.sequence_cross_entropy(SPOKEN, WRITTEN, lengths=[4.0, 2.0]),
        TypeError,
        "lengths holds the number of tokens of each sequence and must be of an integer dtype, got float64",
    ),
    Case(
        "lengths' sum",
        lambda: fl.sequence_cross_entropy(SPOKEN[0], WRITTEN[0], lengths=[1, 2]),
        ValueError,
        "lengths must add up to the 4 tokens of pred, got 3",
    ),
    Case(
        "mask's type",
        lambda: fl.sequence_cross_entropy(SPOKEN, WRITTEN, mask=WRITTEN),
        TypeError,
        "mask must be an array of bool, True for tokens that count; got int64",
    ),
    Case(
        "mask's shape",
        lambda: fl.sequence_cross_entropy(SPOKEN, WRITTEN, mask=[True, False]),
        ValueError,
        "mask must have the shape of the tokens of pred, (2, 4), got (2,)",
    ),
    Case(
        "target's shape",
        lambda: fl.sequence_cross_entropy(SPOKEN, WRITTEN[:1]),
        ValueError,
        "target must have shape (2, 4) (labels) or (2, 4, 3) (distributions), got (1, 4)",
    ),
    Case(
        "label",
        lambda: fl.sequence_cross_entropy(SPOKEN, [[0, 0, 0, 7], [0, 9, 9, 9]], lengths=[4, 1]),
        IndexError,
        "target 7 at index (0, 3) is out of range for 3 classes",
    ),
    Case(
        "weight",
        lambda: fl.sequence_cross_entropy(SPOKEN, WRITTEN, sample_weight=[1, -2]),
        ValueError,
        "sample_weight must be >= 0, got -2 at index (1,)",
    ),
)
def test_tokens(case: Case) -> None:
    case.check()


@pytest.mark.parametrize(
    ("loss", "pred", "given"), [(fl.CTC(), FRAMES, WORDS), (fl.RNNT(), LATTICES, LABELLED)], ids=str
)
def test_nothing_is_written_before_labels_and_lengths_are_checked(
    loss: Any, pred: np.ndarray, given: np.ndarray
) -> None:
    out = np.full(pred.shape, 7.0)
    labels = [given.shape[1], 1]
    for target, frames in ((changed(given, (1, 0), 9), [4, 4]), (given, [4, 5])):
        with pytest.raises((IndexError, ValueError)):
            loss.grad(pred, target, frames, labels, out=out)
    with pytest.raises(ValueError, match="sample_weight"):
        loss.grad(pred, given, [4, 4], labels, out=out, sample_weight=[1, -1])
    assert (out == 7).all()


# ---- Labels ----


@cases(
    Case(
        "too large",
        lambda: fl.cross_entropy(Z, [0, 3, 1, 0]),
        IndexError,
        "target 3 at index (1,) is out of range for 3 classes",
    ),
    Case(
        "negative",
        lambda: fl.cross_entropy(Z, [0, 1, -1, 0]),
        IndexError,
        "target -1 at index (2,) is out of range for 3 classes",
    ),
    Case(
        "ignored otherwise",
        lambda: fl.cross_entropy(Z, [0, -100, -1, 0], ignore_index=-100),
        IndexError,
        "target -1 at index (2,) is out of range for 3 classes (ignore_index is -100)",
    ),
    Case(
        "uint64",
        lambda: fl.cross_entropy(Z, np.array([0, 2**64 - 100, 1, 0], np.uint64), ignore_index=-100),
        IndexError,
        "target 18446744073709551516 at index (1,) is out of range for 3 classes (ignore_index is -100)",
    ),
    Case(
        "int8",
        lambda: fl.cross_entropy(np.zeros((2, 300)), np.array([127, -128], np.int8)),
        IndexError,
        "target -128 at index (1,) is out of range for 300 classes",
    ),
    Case(
        "axes",
        lambda: fl.cross_entropy(np.zeros((2, 3, 4)), [[0, 1], [2, 0], [1, 4]], axis=0),
        ValueError,
        "target must have shape (3, 4) (labels) or (2, 3, 4) (distributions), got (3, 2)",
    ),
    Case(
        "index of two axes",
        lambda: fl.cross_entropy(np.zeros((2, 3, 4)), [[0, 1, 3, 3], [2, 5, 0, 0]], axis=1),
        IndexError,
        "target 3 at index (0, 2) is out of range for 3 classes",
    ),
    Case(
        "float",
        lambda: fl.cross_entropy(Z, LABELS * 1.0),
        TypeError,
        "target holds labels and must be of an integer dtype, got float64; use target.astype(np.int64)",
    ),
    Case(
        "total",
        lambda: fl.CrossEntropy(class_weight=[1, 2, 3]).weight_total([0, 3]),
        IndexError,
        "target 3 at index (1,) is out of range for 3 classes",
    ),
    Case(
        "grade",
        lambda: fl.ordinal_cumulative(Z, [0, 3, 4, 0]),
        IndexError,
        "target 4 at index (2,) is out of range for 4 classes",
    ),
    Case(
        "weighted grade",
        lambda: fl.ordinal_cumulative(Z, LABELS, class_weight=[1, 2, 3]),
        ValueError,
        "class_weight has 3 entries, but pred has 3 entries for 4 labels",
    ),
    Case(
        "labels only",
        lambda: fl.multi_margin(Z, P),
        ValueError,
        "target must have shape (4,) (labels), got (4, 3)",
    ),
    Case(
        "float labels only",
        lambda: fl.MultiMargin().weight_total(LABELS * 1.0),
        TypeError,
        "target holds labels and must be of an integer dtype, got float64; use target.astype(np.int64)",
    ),
)
def test_labels(case: Case) -> None:
    case.check()


# ---- Domains ----


def changed(x: np.ndarray[Any, Any], at: Any, value: float) -> np.ndarray[Any, Any]:
    result = x.copy()
    result[at] = value
    return result


@cases(
    Case(
        "binary target",
        lambda: fl.binary_cross_entropy(Z, changed(P, (3, 1), 1.5)),
        ValueError,
        "target must be in [0, 1], got 1.5 at index (3, 1)",
    ),
    Case(
        "minus one",
        lambda: fl.binary_cross_entropy(X, changed(Y, 2, -1)),
        ValueError,
        "target must be in [0, 1], got -1.0 at index (2,)",
    ),
    Case(
        "probability",
        lambda: fl.binary_cross_entropy(changed(P, (0, 2), 1.01), P, from_logits=False),
        ValueError,
        "pred must be in [0, 1], got 1.01 at index (0, 2)",
    ),
    Case(
        "row",
        lambda: fl.cross_entropy(changed(P, (2, 1), -0.5), LABELS, from_logits=False),
        ValueError,
        "pred must be in [0, 1], got -0.5 at index (2, 1)",
    ),
    Case(
        "column",
        lambda: fl.cross_entropy(changed(P, (2, 1), -0.5), [0, 0, 0], from_logits=False, axis=0),
        ValueError,
        "pred must be in [0, 1], got -0.5 at index (2, 1)",
    ),
    Case("signs", lambda: fl.hinge(X, Y), ValueError, "target must be -1 or 1, got 0.0 at index (0,)"),
    Case(
        "zero one",
        lambda: fl.hinge(X, 2 * Y - 1, labels="01"),
        ValueError,
        "target must be 0 or 1, got -1.0 at index (0,)",
    ),
    Case(
        "weight",
        lambda: fl.mse(X, Y, sample_weight=[1, 1, -2, 1, 1]),
        ValueError,
        "sample_weight must be >= 0, got -2 at index (2,)",
    ),
    Case(
        "nan weight",
        lambda: fl.mse(X, Y, sample_weight=[1, 1, 1, np.nan, 1]),
        ValueError,
        "sample_weight must be >= 0, got nan at index (3,)",
    ),
    Case(
        "leading weight",
        lambda: fl.mse(Z, Z, sample_weight=[1.0, 0.0, -1.0, 0.0]),
        ValueError,
        "sample_weight must be >= 0, got -1.0 at index (2,)",
    ),
    Case(
        "broadcast weight",
        lambda: fl.mse(Z, Z, sample_weight=[[1.0, 0.0, -1.0]]),
        ValueError,
        "sample_weight must be >= 0, got -1.0 at index (0, 2)",
    ),
    Case(
        "row weight",
        lambda: fl.cross_entropy(Z, LABELS, sample_weight=[1, 0, 1, -3]),
        ValueError,
        "sample_weight must be >= 0, got -3 at index (3,)",
    ),
    Case(
        "partial",
        lambda: fl.MSE().partial(X, Y, sample_weight=-Y),
        ValueError,
        "sample_weight must be >= 0, got -1.0 at index (1,)",
    ),
    Case(
        "total",
        lambda: fl.MSE().weight_total(Y, sample_weight=-Y),
        ValueError,
        "sample_weight must be >= 0, got -1.0 at index (1,)",
    ),
    Case(
        "row total",
        lambda: fl.CrossEntropy().weight_total(LABELS, sample_weight=[1, 2, -1, 0]),
        ValueError,
        "sample_weight must be >= 0, got -1 at index (2,)",
    ),
)
def test_domains(case: Case) -> None:
    case.check()


# ---- Keyword arguments ----


@cases(
    Case(
        "weight shape",
        lambda: fl.mse(Z, Z, sample_weight=np.ones(3)),
        ValueError,
        "sample_weight must have the items' shape (4, 3), or that of their leading axes, or axes of length 1; got (3,)",
    ),
    Case(
        "weight axes",
        lambda: fl.mse(X, Y, sample_weight=np.ones((5, 1))),
        ValueError,
        "sample_weight must have the items' shape (5,), or that of their leading axes, or axes of length 1; got (5, 1)",
    ),
    Case(
        "denominator of a sum",
        lambda: fl.mse(X, Y, reduction="sum", denominator=2),
        ValueError,
        'denominator replaces the divisor of a mean; reduction="sum" has none',
    ),
    Case(
        "denominator of none",
        lambda: fl.mse(X, Y, reduction="none", denominator=2),
        ValueError,
        'denominator replaces the divisor of a mean; reduction="none" has none',
    ),
    Case(
        "denominator", lambda: fl.mse(X, Y, denominator=-1), ValueError, "denominator must be >= 0 and finite, got -1"
    ),
    Case(
        "denominator nan",
        lambda: fl.mse(X, Y, denominator=np.nan),
        ValueError,
        "denominator must be >= 0 and finite, got nan",
    ),
    Case(
        "denominator type", lambda: fl.mse(X, Y, denominator=[1.0]), TypeError, "denominator must be a number, got list"
    ),  # type: ignore[arg-type]
    Case(
        "cotangent",
        lambda: fl.MSE().grad(X, Y, cotangent=X),
        ValueError,
        'cotangent must be a number, as reduction="mean" gives one value; got shape (5,)',
    ),
    Case(
        "cotangent shape",
        lambda: fl.MSE(reduction="none").grad(X, Y, cotangent=X[:4]),
        ValueError,
        "cotangent must have the shape of the items, (5,), got (4,)",
    ),
    Case(
        "row cotangent",
        lambda: fl.CrossEntropy(reduction="none").grad(Z, LABELS, cotangent=Z),
        ValueError,
        "cotangent must have the shape of the items, (4,), got (4, 3)",
    ),
    Case(
        "batch of one",
        lambda: fl.mse(1.0, 2.0, reduction="batchmean"),
        ValueError,
        'reduction="batchmean" divides by the length of the items\' first axis; a single item has none',
    ),
    Case(
        "hessian",
        lambda: fl.MSE().grad_and_hess(X, Y, hessian="gauss"),
        ValueError,
        "hessian must be 'exact' or 'unit', got 'gauss'",
    ),
    Case(
        "min_hessian",
        lambda: fl.MSE().grad_and_hess(X, Y, min_hessian=-1),
        ValueError,
        "min_hessian must be >= 0 and finite, got -1",
    ),
    Case(
        "min_hessian type",
        lambda: fl.MSE().grad_and_hess(X, Y, min_hessian="0"),
        TypeError,
        "min_hessian must be a number, got str",
    ),  # type: ignore[arg-type]
    Case(
        "vector",
        lambda: fl.MSE().hvp(X, Y, vector=X[:3]),
        ValueError,
        "vector must have the shape of pred, (5,), got (3,)",
    ),
    Case("vector type", lambda: fl.MSE().hvp(X, Y, vector=X * 1j), TypeError, "vector must hold real numbers..."),
    Case(
        "wrt",
        lambda: fl.MSE().grad(X, Y, wrt="target"),
        ValueError,
        "wrt must name operands with a gradient (pred), got 'target'",
    ),
)
def test_arguments(case: Case) -> None:
    case.check()


# ---- Outputs ----


@cases(
    Case("type", lambda: fl.MSE().grad(X, Y, out=[0.0] * 5), TypeError, "out must be a NumPy array, got list"),  # type: ignore[arg-type]
    Case(
        "dtype",
        lambda: fl.MSE().grad(X, Y, out=np.zeros(5, int)),
        TypeError,
        "out must be float32 or float64 in native byte order, got dtype int64",
    ),
    Case(
        "half",
        lambda: fl.MSE().grad(X, Y, out=np.zeros(5, np.float16)),
        TypeError,
        "out must be float32 or float64 in native byte order, got dtype float16",
    ),
    Case(
        "byte order",
        lambda: fl.MSE().grad(X, Y, out=np.zeros(5, ">f8")),
        TypeError,
        "out must be float32 or float64 in native byte order, got dtype >f8",
    ),
    Case(
        "shape",
        lambda: fl.MSE().grad(X, Y, out=np.zeros(4)),
        ValueError,
        "out must have the shape of pred, (5,), got (4,)",
    ),
    Case(
        "column",
        lambda: fl.MSE().grad(X, Y, out=np.zeros((5, 1))),
        ValueError,
        "out must have the shape of pred, (5,), got (5, 1); nothing is broadcast, use out.reshape((5,))",
    ),
    Case(
        "read-only",
        lambda: fl.MSE().grad(X, Y, out=read_only()),
        ValueError,
        "out must be writeable, but it is read-only",
    ),
    Case(
        "shared elements",
        lambda: fl.MSE().grad(X, Y, out=np.lib.stride_tricks.as_strided(np.zeros(1), (5,), (0,))),
        ValueError,
        "out must have separate elements, but with strides (0,) some share memory",
    ),
    Case(
        "hess shape",
        lambda: fl.MSE().grad_and_hess(X, Y, out_hess=np.zeros(4)),
        ValueError,
        "out_hess must have the shape of pred, (5,), got (4,)",
    ),
    Case(
        "pred is a list",
        lambda: fl.MSE().grad([1, 2], [0, 0], out=np.zeros(3)),
        ValueError,
        "out must have the shape of pred, (2,), got (3,)",
    ),
)
def test_outputs(case: Case) -> None:
    case.check()


def refuses(message: str, call: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        call()


def test_overlaps() -> None:
    buffer = np.zeros(12)
    x, y = buffer[:5], buffer[5:10]
    loss = fl.MSE()
    refuses("out must not overlap pred; it may be pred itself", lambda: loss.grad(x, Y, out=buffer[1:6]))
    refuses("out must not overlap pred; it may be pred itself", lambda: loss.grad(x, Y, out=x[::-1]))
    refuses("out must not overlap target", lambda: loss.grad(X, y, out=y))
    refuses("out must not overlap target", lambda: loss.grad(X, y, out=buffer[6:11]))
    refuses("out must not overlap sample_weight", lambda: loss.grad(X, Y, sample_weight=y, out=y))
    refuses("out must not overlap vector", lambda: loss.hvp(X, Y, vector=y, out=y))
    refuses("out_hess must not overlap out", lambda: loss.grad_and_hess(X, Y, out=x, out_hess=x))
    refuses("out_hess must not overlap out", lambda: loss.grad_and_hess(x, Y, out=x, out_hess=x))
    each = fl.MSE(reduction="none")
    refuses("out must not overlap cotangent", lambda: each.grad(X, Y, cotangent=y, out=y))


def test_arrays_that_interleave_do_not_overlap() -> None:
    buffer = np.zeros((5, 2))
    buffer[:, 0] = X
    grad = fl.MSE(reduction="sum").grad(buffer[:, 0], Y, out=buffer[:, 1])
    np.testing.assert_array_equal(grad, 2 * (X - Y))
    np.testing.assert_array_equal(buffer[:, 0], X)


def test_pred_itself_may_be_out() -> None:
    for dtype in (np.float16, ml_dtypes.bfloat16, np.float32, np.float64):
        pred, expected = X.astype(dtype), 2 * (X - Y)
        assert fl.MSE(reduction="sum").grad(pred, Y, out=pred) is pred
        np.testing.assert_array_equal(pred.astype(float), expected)


def test_nothing_is_written_before_an_error() -> None:
    """But for the domains of float data, which are flagged within the pass."""
    out, hess = np.full(12, 7.0).reshape(4, 3), np.full(12, 7.0).reshape(4, 3)
    loss = fl.CrossEntropy()
    wrong: list[dict[str, Any]] = [
        {"target": [0, 1, 2, 3]},
        {"target": LABELS * 1.0},
        {"sample_weight": np.ones(3)},
        {"denominator": -1.0},
        {"cotangent": np.ones(4)},
        {"out_hess": out},
        {"wrt": "target"},
    ]
    for arguments in wrong:
        call = {"pred": Z, "target": LABELS, "out": out, "out_hess": hess, **arguments}
        with pytest.raises((ValueError, TypeError, IndexError)):
            loss.value_grad_and_hess(**call)
        assert (out == 7).all()
        assert (hess == 7).all()


def test_items_of_weight_zero_may_be_outside_the_domain() -> None:
    assert fl.binary_cross_entropy([0.0, 0.0], [1.0, 9.0], sample_weight=[1, 0]) == pytest.approx(np.log(2))
    assert fl.hinge([0.5, 0.0], [1, 0], sample_weight=[1, 0]) == 0.5
    assert fl.cross_entropy([[0.5, 0.5], [9, 9]], [0, 1], sample_weight=[1, 0], from_logits=False) == pytest.approx(
        np.log(2)
    )


def test_probabilities_may_miss_the_interval_by_rounding() -> None:
    for dtype in (np.float32, np.float64):
        eps = np.finfo(dtype).eps
        pred = np.array([1 + 8 * eps, -8 * eps], dtype)
        assert fl.binary_cross_entropy(pred, [1, 0], from_logits=False) < 1.3e-7  # -log(1 - eps)
        with pytest.raises(ValueError, match="pred must be in"):
            fl.binary_cross_entropy(np.array([1 + 64 * eps], dtype), [1], from_logits=False)
