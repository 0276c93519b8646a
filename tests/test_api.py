"""Losses as values, by name, as functions: what the Python face promises whatever the loss computes."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import doctest
import importlib
import inspect
import io
import os
import pickle
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fusedloss as fl
from fusedloss import checks
from fusedloss.kinds.axis_sums import AxisSums
from fusedloss.kinds.linear import LinearRows
from fusedloss.kinds.tokens import Tokens

ROOT = Path(__file__).resolve().parent.parent
LOSSES = list(fl.losses())
INSTANCES = [cls(**options) for cls in LOSSES for options in cls.facts.samples]

each_class = pytest.mark.parametrize("cls", LOSSES, ids=lambda cls: cls.__name__)
each_loss = pytest.mark.parametrize("loss", INSTANCES, ids=repr)


@pytest.fixture(params=["compiled", "numpy"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with fl.use_backend(request.param):
        yield request.param


# ---- A loss is a value ----


@each_loss
def test_equal_to_its_copies(loss: Any) -> None:
    copies = [type(loss)(**loss.options), loss.replace(), copy.copy(loss), copy.deepcopy(loss)]
    copies += [pickle.loads(pickle.dumps(loss, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    copies += [eval(repr(loss), {**vars(fl), "nan": np.nan, "inf": np.inf})]
    for other in copies:
        assert other == loss
        assert hash(other) == hash(loss)
        assert repr(other) == repr(loss)
    assert len({loss, *copies}) == 1


def test_losses_differ_by_class_and_by_any_option() -> None:
    assert len(set(INSTANCES)) == len(INSTANCES)
    for loss in INSTANCES:
        assert loss != loss.replace(reduction="sum")
        assert loss != "a loss"


@each_loss
def test_options_cannot_be_changed(loss: Any) -> None:
    for name, value in loss.options.items():
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(loss, name, value)


def test_repr_shows_what_is_not_default() -> None:
    assert repr(fl.Huber()) == "Huber()"
    assert repr(fl.Huber(delta=2, reduction="sum")) == "Huber(reduction='sum', delta=2.0)"
    assert repr(fl.CrossEntropy(class_weight=np.arange(3))) == "CrossEntropy(class_weight=[0.0, 1.0, 2.0])"


def test_array_options_are_copied_frozen_and_compared_by_value() -> None:
    given = np.array([1.0, 2.0])
    loss = fl.CrossEntropy(class_weight=given)
    same, other = fl.CrossEntropy(class_weight=[1, 2]), fl.CrossEntropy(class_weight=[1, 3])
    given[0] = 99.0
    assert loss == same
    assert hash(loss) == hash(same)
    assert loss != other
    assert loss.class_weight is not None
    with pytest.raises(ValueError, match="WRITEABLE"):
        loss.class_weight.flags.writeable = True


def test_options_of_several_kinds_are_brought_into_one_form() -> None:
    assert fl.Huber(delta=np.float32(2)) == fl.Huber(delta=2) == fl.Huber(delta=np.array(2.0))
    assert fl.Quantile(q=[0.1, 0.9]) == fl.Quantile(q=(0.1, 0.9)) == fl.Quantile(q=np.array([0.1, 0.9]))
    assert fl.BinaryCrossEntropy(ignore_value=np.nan) == fl.BinaryCrossEntropy(ignore_value=float("nan"))
    assert fl.MSE(half=np.True_) == fl.MSE(half=True)
    assert type(fl.CrossEntropy(axis=np.int64(1)).axis) is int


@each_class
def test_class_declares_what_readers_and_tests_need(cls: Any) -> None:
    facts = cls.facts
    assert facts.task
    assert facts.activation in {"identity", "exp", "sigmoid", "softmax", "sparsemax", "entmax"}
    assert facts.robustness
    assert facts.smoothness
    assert dict(facts.samples[0]) == {}
    assert set(cls.variables) <= set(cls.operands)
    assert {"value", "grad"} <= set(cls.orders)
    assert inspect.getdoc(cls)
    for options in facts.samples:
        loss = cls(**options)
        assert set(loss.domain) <= set(loss.operands)
        assert all(kink.order in (1, 2) for kink in loss.kinks)
        assert loss.traits.lipschitz is None or loss.traits.lipschitz > 0


# ---- Names ----


@each_class
def test_get_by_any_of_its_names(cls: Any) -> None:
    for name in (cls.__name__, cls.name, *cls.aliases, cls.__name__.upper(), cls.name.replace("_", "-")):
        assert fl.get(name) == cls()
    for options in cls.facts.samples:
        assert fl.get(cls.name, **options) == cls(**options)


def test_names_are_unambiguous() -> None:
    names = [name for cls in LOSSES for name in {cls.name, *cls.aliases}]
    assert len(names) == len(set(names))


def test_all_names_are_there() -> None:
    for name in fl.__all__:
        assert hasattr(fl, name)
    assert {cls.__name__ for cls in LOSSES} | {cls.name for cls in LOSSES} <= set(fl.__all__)


# ---- Signatures ----

METHODS = ["__call__", "value_and_grad", "grad", "grad_and_hess", "value_grad_and_hess", "hvp", "partial"]


@each_class
@pytest.mark.parametrize("method", METHODS)
def test_methods_are_functions_with_exact_signatures(cls: Any, method: str) -> None:
    function = getattr(cls, method)
    assert inspect.isfunction(function)
    parameters = list(inspect.signature(function).parameters.values())
    assert tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD) == ("self", *cls.operands)
    for parameter in parameters[1 : 1 + len(cls.operands)]:
        assert parameter.default is (None if parameter.name in cls.optional else parameter.empty)
    keywords = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert {"sample_weight", *cls.arguments} <= keywords
    assert all(p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters)
    assert {"out", "wrt"} <= keywords or method in ("__call__", "partial")


@each_class
def test_function_has_operands_and_options(cls: Any) -> None:
    function = getattr(fl, cls.name)
    assert inspect.isfunction(function)
    parameters = inspect.signature(function).parameters
    options = {name: p.default for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert tuple(name for name in parameters if name not in options) == cls.operands
    for argument in (*cls.arguments, "sample_weight", "denominator"):
        assert options.pop(argument) is None
    for name in cls.operands:
        assert parameters[name].default is (None if name in cls.optional else inspect.Parameter.empty)
    assert options == {field.name: field.default for field in dataclasses.fields(cls)}


def test_function_is_the_class() -> None:
    pred, target, weight = [1.0, 5.0], [0.0, 0.0], [1.0, 3.0]
    expected = fl.Huber(delta=2.0, reduction="none")(pred, target, sample_weight=weight)
    np.testing.assert_array_equal(fl.huber(pred, target, delta=2, reduction="none", sample_weight=weight), expected)
    assert fl.huber(pred, target, denominator=4) == fl.Huber()(pred, target, denominator=4)


def test_operands_by_keyword(backend: str) -> None:
    loss, pred, target = fl.MSE(), np.array([1.0, 2.0]), np.array([0.0, 0.0])
    assert loss(target=target, pred=pred) == 2.5
    assert loss.value_and_grad(target=target, pred=pred)[0] == 2.5


def test_signatures_are_current() -> None:
    command = [sys.executable, str(ROOT / "tools" / "generate_signatures.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- Operands of other libraries ----


class Foreign:
    """An array that is known by DLPack alone."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> object:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


class Interface:
    """An array that is known by NumPy's interface alone."""

    def __init__(self, array: Any) -> None:
        self.__array_interface__ = array.__array_interface__
        self.array = array


@pytest.mark.parametrize("wrap", [Foreign, Interface, memoryview])
def test_foreign_arrays_are_read_where_they_lie(wrap: Any, backend: str) -> None:
    pred, target = np.array([1.0, 2.0], np.float32), np.array([0, 0])
    assert np.shares_memory(checks.array(wrap(pred), "pred"), pred)
    value, grad = fl.MSE().value_and_grad(wrap(pred), wrap(target), sample_weight=wrap(np.ones(2)))
    assert value == 2.5
    assert grad.dtype == np.float32


@pytest.mark.parametrize("pred", [[1, 2], (1.0, 2.0), np.array([1, 2], np.int8), np.array([1.0, 2.0], ">f8")], ids=repr)
def test_what_is_no_native_float_becomes_float64(pred: Any, backend: str) -> None:
    value, grad = fl.MSE().value_and_grad(pred, [0, 0])
    assert value == 2.5
    assert grad.dtype == np.float64
    assert grad.dtype.isnative


# ---- Which derivatives ----


def test_wrt_names_operands(backend: str) -> None:
    loss, pred, target = fl.MSE(), [1.0, 2.0], [0.0, 0.0]
    np.testing.assert_array_equal(loss.grad(pred, target, wrt="pred"), loss.grad(pred, target))


@each_loss
def test_orders_are_there(loss: Any, backend: str) -> None:
    assert set(loss.orders) <= {"value", "grad", "hess", "hvp"}
    assert "exact" in loss.hessians


# ---- The process ----


def test_use_backend_nests() -> None:
    from fusedloss import backend as module

    assert module.compiled()
    with fl.use_backend("numpy"):
        assert not module.compiled()
        with fl.use_backend("compiled"):
            assert module.compiled()
        assert not module.compiled()
    fl.use_backend("numpy")
    assert not module.compiled()
    fl.use_backend("compiled")
    assert module.compiled()


def test_the_numpy_backend_never_calls_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    from fusedloss import backend as module

    def refuse(*_: object) -> None:
        raise AssertionError("the extension was called")

    rng = np.random.default_rng(0)
    with fl.use_backend("numpy"):
        for name in ("run", "run_rows", "run_queries", "total_weight", "total_row_weight", "scan_labels"):
            monkeypatch.setattr(module.core, name, refuse)
        fl.binary_cross_entropy(rng.normal(size=5), [0, 1, 0.5, 1, 0], ignore_value=0.5, sample_weight=np.arange(5))
        loss = fl.CrossEntropy(ignore_index=1, class_weight=[1, 2, 3])
        loss.grad_and_hess(rng.normal(size=(4, 3)), [0, 1, 2, 1], sample_weight=np.ones(4))
        fl.LambdaRank().grad_and_hess(rng.normal(size=4), [0, 1, 2, 1], lengths=[1, 3], sample_weight=np.ones(2))


def test_the_extension_has_every_kernel() -> None:
    """And Python's numbers for outputs and reductions are its numbers."""
    from fusedloss import _core
    from fusedloss import backend as module

    used: dict[str, int] = {}
    for loss in INSTANCES:
        if isinstance(loss, LinearRows):
            loss = loss.of_logits()
        elif isinstance(loss, Tokens):
            loss = loss.of_tokens()
        elif isinstance(loss, AxisSums):
            loss = loss.of_entries(2)
        elif not callable(getattr(loss, "kernel", None)):  # nor an option of that name
            continue
        variants = (
            [{"labels": True}, {"labels": False}] if "labels" in inspect.signature(loss.kernel).parameters else [{}]
        )
        used |= {name: len(options) for name, options in (loss.kernel(**variant) for variant in variants)}
    kernels = _core.kernels()
    assert {name: kernels[name][2] for name in used} == used
    for name in ("VALUE", "VALUE_GRAD", "GRAD_HESS", "VALUE_GRAD_HESS", "HVP"):
        assert getattr(module, name) == getattr(_core, name)
    assert [getattr(_core, name.upper()) for name in module.REDUCTIONS] == list(range(4))


def test_num_threads() -> None:
    before = fl.get_num_threads()
    with fl.num_threads(1):
        assert fl.get_num_threads() == 1
    assert fl.get_num_threads() == before
    fl.set_num_threads(2)
    assert fl.get_num_threads() == 2
    fl.set_num_threads(before)


def test_show_config() -> None:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        fl.show_config()
    rows = dict(line.split(maxsplit=1) for line in text.getvalue().splitlines())
    assert rows["fusedloss"] == fl.__version__
    assert rows["backend"] == "compiled"
    assert {"numpy", "isa", "threads"} <= rows.keys()


def python(code: str, path: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a new process; in that of `path` the package there is imported."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("FUSEDLOSS_")} | variables
    if path:
        env["PYTHONPATH"] = str(path)
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd=path)


USE = "import fusedloss as fl; print(fl.mse([1.0, 2.0], [0.0, 0.0])); fl.num_threads(2); fl.show_config()"


def test_without_the_extension() -> None:
    """As in a source tree: the references, with one warning unless they were asked for."""
    done = python(USE, ROOT / "python")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2.5\n")
    assert done.stderr.count("RuntimeWarning: fusedloss runs on its NumPy references") == 1
    asked = python(USE, ROOT / "python", FUSEDLOSS_BACKEND="numpy")
    assert asked.stdout == done.stdout
    assert asked.stderr == ""
    refused = python(USE, ROOT / "python", FUSEDLOSS_BACKEND="compiled")
    assert "ImportError: fusedloss: the extension is not available" in refused.stderr


def test_backend_by_variable() -> None:
    code = "from fusedloss import backend; print(backend.compiled())"
    assert python(code).stdout == "True\n"
    assert python(code, FUSEDLOSS_BACKEND="numpy").stdout == "False\n"
    wrong = python(code, FUSEDLOSS_BACKEND="cuda").stderr
    assert "ValueError: FUSEDLOSS_BACKEND: the backend must be 'compiled' or 'numpy', got 'cuda'" in wrong


def test_instruction_set_by_variable() -> None:
    code = "from fusedloss import _core; print(_core.isa())"
    assert python(code, FUSEDLOSS_ISA="baseline").stdout == "baseline\n"
    assert "ValueError: FUSEDLOSS_ISA: instruction set 'v9'" in python(code, FUSEDLOSS_ISA="v9").stderr


# ---- Documentation ----

MODULES = [
    "fusedloss",
    *(m.name for m in pkgutil.walk_packages(fl.__path__, "fusedloss.") if m.name != "fusedloss._core"),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str, backend: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


@each_class
def test_docstring_names_every_option_and_has_an_example(cls: Any) -> None:
    text = inspect.getdoc(cls) or ""
    assert ">>> " in text
    assert ".. math::" in text
    for field in dataclasses.fields(cls):
        assert f"\n    {field.name}: " in text, f"{field.name} is not documented"


@pytest.mark.parametrize("name", sorted(fl.__all__))
def test_public_names_are_documented(name: str) -> None:
    assert inspect.getdoc(getattr(fl, name))
