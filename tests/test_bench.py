"""The benchmark: what it measures is checked first, all of it is reported, and it says what it cannot do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fusedloss as fl

pytest.importorskip("rich")  # the `bench` extra
pytest.importorskip("matplotlib")

from bench import __main__ as command
from bench import cases, peers, timing, triad
from bench.__main__ import main
from bench.candidates import Bench

ROOT = Path(__file__).resolve().parent.parent
SIZES = ["--size", "100", "7x5", "7x4x5", "40x2x11x11"]
LOSSES = [cls() for cls in fl.losses()]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that mean nothing, quickly."""
    monkeypatch.setattr(timing, "PAUSE", 0.0)
    monkeypatch.setattr(timing, "BATCH", 1e-6)
    monkeypatch.setattr(command, "TRIES", 1)


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CXX", "no-such-compiler")
    triad.library.cache_clear()
    yield
    triad.library.cache_clear()


# ---- Cases ----


@pytest.mark.parametrize("dtype", cases.DTYPES)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_operands_are_what_the_loss_takes(loss: Any, dtype: str) -> None:
    shapes = [(1000,), (50, 20), (50, 8, 20), (50, 4, 20, 11)]
    (case,) = cases.cases([loss], [dtype], shapes, quick=False)
    operands = case.operands()
    assert set(loss.operands[len(operands) :]) <= set(loss.optional)
    for name, operand in zip(loss.operands, operands, strict=False):
        assert name not in loss.domain or loss.domain[name].contains(operand).all()
        if name in loss.variables:
            assert operand.dtype == dtype
            leading = operand.shape[: len(case.shape)]  # an item may be a box
            lengths = {*case.shape, case.shape[-1] + 1}  # a lattice has one place more than labels
            assert leading == case.shape or (len(case.shape) > 2 and set(operand.shape) < lengths)
    grads = loss.grad(*operands)
    for grad in grads if isinstance(grads, tuple) else (grads,):
        assert np.isfinite(grad).all()
        assert np.any(grad)


def test_sizes_are_read_as_they_are_shown() -> None:
    for quick in (False, True):
        for case in cases.cases(LOSSES, cases.DTYPES, None, quick):
            assert cases.shape_of(case.size) == case.shape
    assert cases.Case(LOSSES[0], "float32", (1500,)).size == "1500"
    assert cases.Case(LOSSES[0], "float32", (1000,)).size == "1e3"


def test_quick_sizes_are_among_all() -> None:
    every = set(cases.cases(LOSSES, cases.DTYPES, None, quick=False))
    assert set(cases.cases(LOSSES, cases.DTYPES, None, quick=True)) < every
    assert {type(case.loss) for case in every} == set(fl.losses())


def test_a_kind_without_sizes_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="no sizes for the kind of Loss"):
        cases.kind_of(fl.Loss)


# ---- Timing ----


def measure(stopwatches: dict[str, timing.Stopwatch], passes: int) -> dict[str, timing.Timing]:
    samples = timing.Samples()
    for _ in range(passes):
        samples.add(stopwatches, 3, np.random.default_rng(0))
    return samples.timings()


def test_rounds_and_batches() -> None:
    """Clocks that are told what to say: short calls come in batches, slow ones fewer times, medians are right."""
    asked: dict[str, list[int]] = {"short": [], "slow": []}

    def clock(name: str, cost: float) -> timing.Stopwatch:
        def seconds(calls: int) -> float:
            asked[name].append(calls)
            return calls * cost

        return seconds

    times = measure({"short": clock("short", 1e-8), "slow": clock("slow", 0.5)}, passes=3)
    assert times["short"].median == pytest.approx(1e-8)
    assert times["short"].rounds == 9
    assert times["short"].calls * 1e-8 >= timing.BATCH
    assert times["slow"] == timing.Timing(0.5, 0.5, 0.5, 3, 1)
    assert set(asked["slow"]) == {1}


def test_the_median_passes_over_disturbances() -> None:
    taken = iter([2.0, 2.0, 2.0, 90.0])  # the first one only tells that it is slow
    (times,) = measure({"": lambda calls: next(taken)}, passes=3).values()
    assert (times.low, times.median, times.high) == (2.0, 2.0, 46.0)


def test_disturbed_batches_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = iter([0.0, 0.9, 1.0, 1.1])  # 0.9 s in the first batch, 0.1 s in the second
    monkeypatch.setattr(timing, "waited", lambda: next(waits))
    taken = iter([5.0, 2.0, 3.0, 1.0])  # half a batch to warm up, the batch; the same again
    assert timing._turn(lambda calls: next(taken), 2, tries=3) == 0.5


def test_waiting_for_a_processor_is_noticed() -> None:
    before = timing.waited()
    assert 0 <= before <= timing.waited()


def test_turns_are_in_random_order() -> None:
    order: list[str] = []

    def clock(name: str) -> timing.Stopwatch:
        def seconds(calls: int) -> float:
            order.append(name)
            return calls * 1e-3

        return seconds

    measure({name: clock(name) for name in "abcdefgh"}, passes=1)
    turns = ["".join(order[k : k + 16 : 2]) for k in range(16, 64, 16)]  # two calls find out the batch, one warms up
    assert all(sorted(turn) == list("abcdefgh") for turn in turns)
    assert len(set(turns)) == 3


def test_the_previous_result_lives_until_the_next() -> None:
    """Two arrays are in use by turns, as in a training loop."""
    alive: list[int] = []

    class Result:
        def __init__(self) -> None:
            alive.append(alive[-1] + 1 if alive else 1)

        def __del__(self) -> None:
            alive.append(alive[-1] - 1)

    timing.stopwatch(Result)(5)
    assert (max(alive), alive[-1]) == (2, 0)


@pytest.mark.parametrize("n", [1, 1000, 100_000])
@pytest.mark.parametrize("threads", [1, 2])
def test_triad(n: int, threads: int, dtype: np.dtype) -> None:
    b, c = np.random.default_rng(0).normal(size=(2, n)).astype(dtype)
    a = np.empty_like(b)
    assert triad.triad(a, b, c, threads)(3) > 0
    np.testing.assert_array_equal(a, (b.astype(float) + triad.SCALE * c.astype(float)).astype(dtype))


# ---- The command ----


def test_everything_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, picture = tmp_path / "times.json", tmp_path / "times.png"
    assert main(["--quick", *SIZES, "--json", str(file), "--plot", str(picture)]) == 0
    printed, errors = capsys.readouterr()
    assert not errors  # no progress bar where there is no terminal
    data = json.loads(file.read_text())
    assert data["machine"]["isa"] in printed
    assert data["machine"]["versions"]["numpy"] == np.__version__
    assert {"cpu", "date", "compiler", "processors"} <= set(data["machine"])
    assert [(row["loss"], row["dtype"]) for row in data["rows"]] == [(repr(x), d) for x in LOSSES for d in cases.DTYPES]
    for row in data["rows"]:
        elements = np.prod(row["shape"])
        if len(row["shape"]) == 3:  # of which no array has all axes
            rows, features, classes = row["shape"]
            elements = (rows + classes) * features
        if len(row["shape"]) == 4:
            elements = np.prod(row["shape"][:3])  # the last is the length of labels
        assert row["bytes"] >= 2 * elements * np.dtype(row["dtype"]).itemsize
        assert set(row["seconds"]) == {"out", "fresh", "reference", "triad"}
        for time in row["seconds"].values():
            assert 0 < time["low"] <= time["median"] <= time["high"]
            assert time["rounds"] == 3
        assert row["loss"] in printed
    for title in ("out/triad", "fresh/out", "reference/out", "GB/s"):
        assert title in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_losses_go_by_any_name_and_threads_show_the_speed_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--loss", "L2", "--loss", "pinball", "--dtype", "float64", *SIZES, "--threads", "1", "2"]) == 0
    printed = capsys.readouterr().out
    assert "MSE()" in printed
    assert "Quantile()" in printed
    assert "MAE()" not in printed
    assert "float32" not in printed
    assert "speed-up" in printed


def test_the_number_of_threads_is_put_back() -> None:
    before = fl.get_num_threads()
    assert main(["--loss", "mse", *SIZES, "--threads", str(before + 1)]) == 0
    assert fl.get_num_threads() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda value, grad: (value * 1.001, grad), "gives the value"),
        (lambda value, grad: (float("nan"), grad), "gives the value nan"),
        (lambda value, grad: (value, np.where(np.arange(grad.size) == 3, 1, grad)), r"gives the gradient .* at \(3,\)"),
        (lambda value, grad: (value, grad * np.nan), "gives the gradient nan"),
        (lambda value, grad: (value, grad.astype(np.float16)), "gives a gradient of float16"),
        (lambda value, grad: (value, grad[:-1]), r"shape \(99,\)"),
    ],
)
def test_a_wrong_result_ends_it(
    change: Any, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = fl.MSE.value_and_grad

    def wrong(self: fl.MSE, *operands: Any, out: Any = None) -> Any:
        value, grad = right(self, *operands, out=out)
        return change(value, grad) if out is not None else (value, grad)

    monkeypatch.setattr(fl.MSE, "value_and_grad", wrong)
    assert main(["--loss", "mse", "--dtype", "float32", "--size", "100"]) == 1
    printed, errors = capsys.readouterr()
    assert not printed
    assert errors.startswith("Wrong result: MSE() float32 1e2: fusedloss with out= gives")
    assert re.search(message, errors)


@pytest.mark.usefixtures("no_compiler")
def test_infinite_values_are_equal(capsys: pytest.CaptureFixture[str]) -> None:
    """Seven labels have no alignment with two frames."""
    assert main(["--quick", "--loss", "ctc", "--dtype", "float32", "--size", "2x3x9x7"]) == 0
    assert "2x3x9x7" in capsys.readouterr().out


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_there_is_no_triad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, picture = tmp_path / "times.json", tmp_path / "times.png"
    assert main(["--loss", "mse", *SIZES, "--json", str(file), "--plot", str(picture)]) == 0
    printed, errors = capsys.readouterr()
    assert "No triad: there is no C++ compiler 'no-such-compiler'" in errors
    assert "out/triad" not in printed
    assert "reference/out" in printed
    assert all("triad" not in row["seconds"] for row in json.loads(file.read_text())["rows"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loss", "hubert"], "did you mean 'huber'"),
        (["--size", "1.5"], "a size is a whole number"),
        (["--size", "0x3"], "a size is a whole number"),
        (["--size", "many"], "a size is a whole number"),
        (["--loss", "mse", "--size", "3x4"], "takes such sizes"),
        (["--threads", "0"], "--threads must be at least 1"),
        (["--json", "no/such/folder/file"], "there is no folder"),
        (["--peers", "nobody"], "invalid choice: 'nobody'"),
        (["--dtype", "int8"], "invalid choice: 'int8'"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


# ---- Peers ----


@pytest.mark.parametrize("name", peers.PEERS)
def test_peers_are_of_losses_that_there_are(name: str) -> None:
    assert set(peers.PEERS[name].table) <= set(fl.losses())


def test_only_default_options_have_peers() -> None:
    bench = Bench(cases.Case(fl.MSE(half=True), "float64", (10,)))
    assert "numpy" not in bench.stopwatches(1, ["numpy"])
    assert "numpy" in Bench(cases.Case(fl.MSE(), "float64", (10,))).stopwatches(1, ["numpy"])


def test_a_missing_peer_is_left_out_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = peers.Peer("no-such-library", {}, peers.PEERS["numpy"].call)
    monkeypatch.setattr(peers, "PEERS", {"numpy": peers.PEERS["numpy"], "torch": missing})
    monkeypatch.setattr(peers, "DEFAULT", ("numpy", "torch"))
    assert main(["--loss", "mse", *SIZES, "--peers"]) == 0
    printed = capsys.readouterr().out
    assert "numpy/out" in printed
    assert "torch" not in printed
    with pytest.raises(SystemExit):
        main(["--peers", "torch"])
    assert "not installed: torch" in capsys.readouterr().err


def test_peers_give_the_same_results(tmp_path: Path) -> None:
    """In a process of its own: JAX is told once and for all to compute in double precision."""
    file = tmp_path / "times.json"
    line = [
        sys.executable,
        "-m",
        "bench",
        "--quick",
        "--size",
        "300",
        "40x7",
        "40x4x7",
        "40x2x12x11",
        "--peers",
        "--json",
        str(file),
    ]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, env=os.environ, timeout=300)
    assert done.returncode == 0, done.stderr
    compared = {(row["loss"], name) for row in json.loads(file.read_text())["rows"] for name in row["seconds"]}
    for name in peers.DEFAULT:
        if peers.PEERS[name].installed:
            assert {cls for cls in peers.PEERS[name].table if (repr(cls()), name) in compared} == set(
                peers.PEERS[name].table
            )
