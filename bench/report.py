"""What is told of the times: a table, JSON, a plot."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .cases import Case
from .timing import Timing

TITLES = {"out": "out=", "fresh": "new array", "reference": "reference", "triad": "triad"}
"""Of the columns with times; peers have their own name."""

RATIOS = (("out", "triad"), ("fresh", "out"), ("reference", "out"))

UNSTEADY = 1.5  # between the quartiles of a time


@dataclass(frozen=True)
class Row:
    """A case with a number of threads.

    Attributes:
        case: What was computed.
        threads: With how many threads at most.
        bytes: What had to be read or written at least.
        times: Of each candidate.
    """

    case: Case
    threads: int
    bytes: int
    times: dict[str, Timing]

    def ratio(self, slow: str, fast: str) -> float | None:
        """How many times as long one candidate takes as another."""
        if slow not in self.times or fast not in self.times:
            return None
        return self.times[slow].median / self.times[fast].median


def table(rows: Sequence[Row], peers: Sequence[str]) -> Table:
    """Times and their ratios; one line for each case and number of threads."""
    known = {name for row in rows for name in row.times}
    scaling = len({row.threads for row in rows}) > 1
    times = [name for name in TITLES if name in known]
    ratios = [pair for pair in (*RATIOS, *((peer, "out") for peer in peers)) if known.issuperset(pair)]

    view = Table(
        title="Value and gradient: medians of the time of a call",
        box=SIMPLE_HEAD,
        pad_edge=False,
        caption_justify="left",
        caption=_caption(scaling),
    )
    for title in ("loss", "dtype", "size"):
        view.add_column(title)
    titles = [TITLES[name] for name in times] + ["GB/s"] + [f"{slow}/{fast}" for slow, fast in ratios]
    for title in (["threads"] if scaling else []) + titles + (["speed-up"] if scaling else []):
        view.add_column(title, justify="right")

    single = {(row.case, row.threads): row.times["out"].median for row in rows}
    for number, row in enumerate(rows):
        fewest = min(threads for case, threads in single if case == row.case)
        cells = [repr(row.case.loss), row.case.dtype, row.case.size]
        cells += [str(row.threads)] if scaling else []
        cells += [_cell(row.times.get(name)) for name in times]
        cells += [f"{row.bytes / row.times['out'].median / 1e9:.3g}"]
        cells += [multiple(row.ratio(*pair)) for pair in ratios]
        cells += [multiple(single[row.case, fewest] / row.times["out"].median)] if scaling else []
        last = number + 1 == len(rows) or rows[number + 1].case.loss != row.case.loss
        view.add_row(*cells, end_section=last)
    return view


def show(view: Table) -> None:
    """Prints a table in full: where the terminal is too narrow for it, lines are longer than that."""
    console = Console()
    needed = console.measure(view, options=console.options.update(max_width=10_000)).maximum
    Console(width=max(console.width, needed)).print(view)


def _cell(timing: Timing | None) -> str:
    if timing is None:
        return "–"
    return ("~" if timing.high > UNSTEADY * timing.low else "") + duration(timing.median)


def _caption(scaling: bool) -> str:
    text = (
        "out=: the gradient is written into an array of the caller's; new array: into one made by the call.\n"
        "reference: the loss's specification in NumPy, which computes the Hessian too, in double precision.\n"
        "triad: a = b + s c over the same arrays. GB/s: operands and gradient, by the time of out=.\n"
        f"~: a quarter of the rounds took {UNSTEADY} times as long as another quarter: something else was running."
    )
    return text + ("\nspeed-up: of out= over the fewest threads." if scaling else "")


def duration(seconds: float) -> str:
    """With three digits and a unit."""
    for unit, scale in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if float(f"{seconds / scale:.3g}") < 1000:
            return f"{_digits(seconds / scale)} {unit}"
    return f"{_digits(seconds)} s"


def multiple(ratio: float | None) -> str:
    """With two or three digits; a dash for none."""
    return "–" if ratio is None else f"{_digits(ratio)}×"


def _digits(x: float) -> str:
    """Three digits, without an exponent."""
    return f"{x:.2f}" if x < 9.995 else f"{x:.1f}" if x < 99.95 else f"{x:.0f}"


def save(path: Path, rows: Sequence[Row], machine: dict[str, Any]) -> None:
    """Writes all there is to know as JSON, which `tools/generate_readme.py` reads."""
    records = [
        {
            "loss": repr(row.case.loss),
            "name": row.case.loss.name,
            "dtype": row.case.dtype,
            "shape": row.case.shape,
            "size": row.case.size,
            "threads": row.threads,
            "bytes": row.bytes,
            "seconds": {name: asdict(timing) for name, timing in row.times.items()},
        }
        for row in rows
    ]
    path.write_text(json.dumps({"machine": machine, "rows": records}, indent=1) + "\n")


def plot(path: Path, rows: Sequence[Row], machine: dict[str, Any]) -> None:
    """Draws ratios over the number of elements of the prediction: a line a loss, a row of axes a dtype."""
    from matplotlib.figure import Figure

    dtypes = list(dict.fromkeys(row.case.dtype for row in rows))
    pairs = {
        ("reference", "out"): "time of the NumPy reference / time with out=",
        ("out", "triad"): "time with out= / time of a triad",
    }
    threads = max(row.threads for row in rows)
    figure = Figure(figsize=(13, 1 + 4 * len(dtypes)), layout="constrained")
    grid = figure.subplots(len(dtypes), len(pairs), squeeze=False, sharex=True)
    for axes_of_dtype, dtype in zip(grid, dtypes, strict=True):
        for axes, (pair, title) in zip(axes_of_dtype, pairs.items(), strict=True):
            for loss in dict.fromkeys(row.case.loss for row in rows):
                points = [
                    (math.prod(row.case.shape), ratio)
                    for row in rows
                    if (row.case.loss, row.case.dtype, row.threads) == (loss, dtype, threads)
                    and (ratio := row.ratio(*pair)) is not None
                ]
                axes.plot(*zip(*sorted(points), strict=True) if points else ([], []), "o-", ms=4, label=repr(loss))
            axes.axhline(1, color="black", lw=0.8)
            axes.set(xscale="log", yscale="log", title=f"{dtype}: {title}", xlabel="elements")
            axes.grid(alpha=0.3, which="both")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper")
    figure.suptitle(f"Value and gradient, up to {threads} threads, {machine['cpu']} ({machine['isa']})")
    figure.savefig(path, dpi=120)
