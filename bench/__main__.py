"""Times the value and gradient of losses: `python -m bench --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import fusedloss as fl
from fusedloss import backend

from . import machine, peers, report, triad
from .candidates import Bench, WrongResultError
from .cases import DTYPES, Case, cases, shape_of
from .timing import Samples

PASSES, ROUNDS = 3, 3  # rounds in each pass through all cases
TRIES = 4  # for disturbed batches


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Times the value and gradient of losses.")
    several: dict[str, Any] = {"nargs": "+", "action": "extend"}
    parser.add_argument("--loss", **several, metavar="NAME", help="names as fusedloss.get takes them; default: all")
    parser.add_argument("--dtype", **several, choices=DTYPES, help="default: both")
    parser.add_argument(
        "--size",
        **several,
        metavar="N",
        help="1e6 elements, 64x1000 rows x classes, 64x512x1000 with features between; default: what suits the loss",
    )
    parser.add_argument("--threads", **several, type=int, metavar="N", help="default: all; several show the speed-up")
    parser.add_argument(
        "--peers",
        nargs="*",
        choices=list(peers.PEERS),
        help=f"other libraries; without names: {', '.join(peers.DEFAULT)}, where installed",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times and facts of the machine")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the ratios over the size")
    parser.add_argument("--quick", action="store_true", help="fewer sizes and rounds, no second try")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 if a result is wrong."""
    command = parser()
    given = command.parse_args(arguments)
    try:
        if not backend.available():
            raise ValueError("the extension is not built: there is nothing to measure")
        chosen = given.loss if given.loss and "all" not in given.loss else [cls.name for cls in fl.losses()]
        shapes = [shape_of(text) for text in given.size] if given.size else None
        selected = list(cases([fl.get(name) for name in chosen], given.dtype or DTYPES, shapes, given.quick))
        if not selected:
            raise ValueError("no loss that was asked for takes such sizes")
        threads = given.threads or [fl.get_num_threads()]
        if min(threads) < 1:
            raise ValueError("--threads must be at least 1")
        peer_names = _available(given.peers)
        for path in (given.json, given.plot):
            if path is not None and not path.absolute().parent.is_dir():
                raise ValueError(f"there is no folder {path.parent}")
    except ValueError as error:
        command.error(str(error))

    try:
        triad.library()
    except triad.NoCompilerError as error:
        print(f"No triad: {error}", file=sys.stderr)
    try:
        rows = run(selected, threads, peer_names, given.quick)
    except WrongResultError as error:
        print(f"Wrong result: {error}", file=sys.stderr)
        return 1
    facts = machine.facts(peers.PEERS[name].distribution for name in peer_names)
    report.show(report.table(rows, peer_names))
    print(f"{facts['cpu']}, {facts['isa']}, {'/'.join(map(str, threads))} of {facts['processors']} processors")
    if given.json:
        report.save(given.json, rows, facts)
    if given.plot:
        report.plot(given.plot, rows, facts)
    return 0


def run(selected: Sequence[Case], threads: Sequence[int], peer_names: Sequence[str], quick: bool) -> list[report.Row]:
    """Checks and times the cases, with a progress bar on a terminal."""
    rng = np.random.default_rng(0)
    passes, tries = (1, 1) if quick else (PASSES, TRIES)
    samples = {(case, n): Samples(tries) for case in selected for n in threads}
    sizes = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Drawn between cases only: a thread that draws would take its time from what is measured.
    options: dict[str, Any] = {"auto_refresh": False, "transient": True, "disable": not sys.stderr.isatty()}
    with Progress(*columns, console=Console(stderr=True), **options) as progress:
        task = progress.add_task("", total=passes * len(selected))
        for number in range(passes):
            for case in selected:
                progress.update(task, description=str(case), refresh=True)
                bench = Bench(case)
                sizes[case] = bench.bytes
                for n in threads:
                    with fl.num_threads(n):
                        samples[case, n].add(bench.stopwatches(n, peer_names, check=number == 0), ROUNDS, rng)
                progress.advance(task)
    return [report.Row(case, n, sizes[case], taken.timings()) for (case, n), taken in samples.items()]


def _available(names: Sequence[str] | None) -> list[str]:
    """The peers to compare with; those that nobody named may be missing.

    Raises:
        ValueError: One that was named is not installed.
    """
    if names is None:
        return []
    missing = [name for name in names if not peers.PEERS[name].installed]
    if missing:
        raise ValueError(f"not installed: {', '.join(missing)}")
    return list(names) or [name for name in peers.DEFAULT if peers.PEERS[name].installed]


if __name__ == "__main__":
    raise SystemExit(main())
