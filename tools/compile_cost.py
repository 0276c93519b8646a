"""Measures what compiling each file costs, and holds the build to a budget: templates grow without anyone noticing.

As CMake's compiler launcher it runs one compilation and appends a line to the file named by COMPILE_COSTS:

    export COMPILE_COSTS=costs.tsv CMAKE_CXX_COMPILER_LAUNCHER="python;tools/compile_cost.py;run"

Afterwards it sums up; a file above the limit of memory is an error, a build above the limit of time a warning:

    python tools/compile_cost.py report costs.tsv
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

MEMORY_LIMIT_MB = 1024
BUILD_LIMIT_SECONDS = 180  # on two cores


def run(command: list[str]) -> int:
    """Runs a compilation and notes its target, start, end and peak memory."""
    start = time.time()
    code = subprocess.run(command).returncode
    end = time.time()
    # The largest of all descendants, here the compiler proper. Kilobytes on Linux, bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    if "-c" in command:
        target = command[command.index("-o") + 1].replace("CMakeFiles/", "").replace(".dir/cpp", "")
        with open(os.environ["COMPILE_COSTS"], "a") as costs:  # one short write: lines of parallel runs stay whole
            costs.write(f"{target}\t{start}\t{end}\t{peak}\n")
    return code


def report(path: Path) -> int:
    """Prints the dearest files and the whole build."""
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    lines = [line for line in lines if not line[0].startswith("cmTC")]  # CMake trying the compiler
    costs = [(name, float(start), float(end), float(peak)) for name, start, end, peak in lines]
    elapsed = max(end for _, _, end, _ in costs) - min(start for _, start, _, _ in costs)
    print(f"{len(costs)} files in {elapsed:.0f} s; the dearest:")
    print(f"{'seconds':>8} {'MB':>6}  file")
    for name, start, end, peak in sorted(costs, key=lambda cost: cost[1] - cost[2])[:8]:
        print(f"{end - start:8.1f} {peak:6.0f}  {name}")
    name, *_, peak = max(costs, key=lambda cost: cost[3])
    print(f"most memory: {peak:.0f} MB, {name}")
    if elapsed > BUILD_LIMIT_SECONDS:
        print(f"warning: the build takes longer than {BUILD_LIMIT_SECONDS} s")
    if peak > MEMORY_LIMIT_MB:
        print(f"error: more than {MEMORY_LIMIT_MB} MB for one file: split it")
        return 1
    return 0


if __name__ == "__main__":
    action, *arguments = sys.argv[1:]
    sys.exit(run(arguments) if action == "run" else report(Path(*arguments)))
