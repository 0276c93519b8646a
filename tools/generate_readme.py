"""Writes the parts of README.md that are made from something else: the list of losses and the table of times.

    python tools/generate_readme.py                renews the list of losses
    python tools/generate_readme.py --bench FILE   and the table of times, from what `python -m bench --json FILE` wrote
    python tools/generate_readme.py --check        writes nothing; fails if the list of losses is not current

Each part stands between two comments, `<!-- NAME: ... -->` and `<!-- end of NAME -->`.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"

UNSTEADY = 1.5  # between the quartiles of a time

TITLES = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "torch.compile": "torch.compile",
    "pot": "POT",
    "jax": "JAX",
    "sklearn": "scikit-learn",
    "triad": "triad",
}


def losses_table() -> str:
    """Every loss of the registry with its options."""
    import fusedloss as fl

    common = {field.name for field in dataclasses.fields(fl.Loss)}
    rows = []
    for cls in fl.losses():
        summary = (inspect.getdoc(cls) or "").splitlines()[0].rstrip(".")
        summary = re.sub(r" \([^()]*\d{4}[^()]*\)$", "", summary)  # the source is the docstring's matter
        options = [f"`{field.name}`" for field in dataclasses.fields(cls) if field.name not in common]
        rows.append([f"`{cls.__name__}`", summary, ", ".join(options), cls.facts.task])
    return markdown(["loss", "what it is", "options", "task"], rows)


def times_table(data: dict[str, Any]) -> str:
    """The times of a benchmark; all but ours as multiples of ours."""
    rows, machine = data["rows"], data["machine"]
    named = [name for name in TITLES if any(name in row["seconds"] for row in rows)]
    several = {key for key in ("dtype", "threads") if len({row[key] for row in rows}) > 1}
    titles = ["loss", *(["dtype"] if "dtype" in several else []), "size"]
    titles += [*(["threads"] if "threads" in several else []), "fusedloss", "into a new array"]
    lines = []
    for row in rows:
        seconds = {name: timing["median"] for name, timing in row["seconds"].items()}
        cells = [f"`{row['loss'].removesuffix('()')}`", *([row["dtype"]] if "dtype" in several else []), row["size"]]
        cells += [*([str(row["threads"])] if "threads" in several else []), duration(seconds["out"])]
        shaky = {name for name, timing in row["seconds"].items() if timing["high"] > UNSTEADY * timing["low"]}
        cells[-1] = "~" * ("out" in shaky) + cells[-1]
        cells += ["~" * (name in shaky) + multiple(seconds, name) for name in ("fresh", *named)]
        lines.append(cells)
    common = [f"{rows[0]['threads']} threads"] if "threads" not in several else []
    common += [rows[0]["dtype"]] if "dtype" not in several else []
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    note = f"{machine['cpu']} ({machine['isa']}, {', '.join(common)}), {machine['date'][:10]}; {versions}."
    if any("~" in cell for cells in lines for cell in cells):
        note += " ~: other work disturbed it."
    return markdown([*titles, *(TITLES[name] for name in named)], lines) + "\n" + note + "\n"


def duration(seconds: float) -> str:
    """With two or three digits and a unit."""
    for unit, scale in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * scale:
            return f"{digits(seconds / scale)} {unit}"
    return f"{digits(seconds)} s"


def multiple(seconds: dict[str, float], name: str) -> str:
    """Of our time; a dash where there is nothing to compare with."""
    return f"{digits(seconds[name] / seconds['out'])}×" if name in seconds else "–"


def digits(x: float) -> str:
    """Two digits, or all before the point."""
    return f"{x:.2f}" if x < 0.995 else f"{x:.1f}" if x < 9.95 else f"{x:.0f}"


def markdown(titles: list[str], rows: list[list[str]]) -> str:
    """A table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)


def replaced(text: str, name: str, part: str) -> str:
    """The text with another part of that name.

    Raises:
        ValueError: It has no such part, or several.
    """
    pattern = rf"(<!-- {name}:[^>]*-->\n).*?(<!-- end of {name} -->)"
    new, count = re.subn(pattern, lambda found: found[1] + part + found[2], text, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{README.name} must have one part {name!r}, it has {count}")
    return new


def main() -> int:
    """Writes or compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, metavar="FILE", help="what `python -m bench --json FILE` wrote")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something is not current")
    given = parser.parse_args()
    os.environ["FUSEDLOSS_BACKEND"] = "numpy"  # the source tree has no extension
    sys.path.insert(0, str(ROOT / "python"))
    text = README.read_text()
    new = replaced(text, "losses", losses_table())
    if given.bench:
        new = replaced(new, "times", times_table(json.loads(given.bench.read_text())))
    if new == text:
        return 0
    print(f"{README.name} is not current" if given.check else f"writing {README.name}")
    if not given.check:
        README.write_text(new)
    return 1 if given.check else 0


if __name__ == "__main__":
    raise SystemExit(main())
