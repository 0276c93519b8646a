"""The README is true: its code runs, what is generated is current, what it names exists."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import fusedloss as fl
from tools import generate_readme

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)
PAGES = sorted(path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))


def test_code_runs() -> None:
    """In order, as a reader would run it."""
    assert BLOCKS
    names: dict[str, Any] = {}
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"README.md, block {number}", "exec"), names)


def test_losses_are_current() -> None:
    assert generate_readme.replaced(TEXT, "losses", generate_readme.losses_table()) == TEXT
    for cls in fl.losses():
        assert TEXT.count(f"\n| `{cls.__name__}` |") >= 1


def test_a_part_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="one part 'speed', it has 0"):
        generate_readme.replaced(TEXT, "speed", "")


def test_table_of_times() -> None:
    """Ours is a time, others are multiples of it; what all rows share is said once, below."""

    def row(loss: str, **medians: float) -> dict[str, Any]:
        seconds = {name: {"low": median, "median": median, "high": 1.2 * median} for name, median in medians.items()}
        return {"loss": loss, "dtype": "float32", "size": "1e3", "threads": 2, "seconds": seconds}

    data: dict[str, Any] = {
        "machine": {"date": "2024-01-02T03:04", "cpu": "A cpu", "isa": "v3", "versions": {"numpy": "2.0"}},
        "rows": [
            row("A()", out=2e-6, fresh=3e-6, triad=1e-6, torch=4.4e-5),
            row("B(q=0.9)", out=4e-3, fresh=4e-3, triad=4e-3),
        ],
    }
    data["rows"][1]["seconds"]["fresh"]["high"] *= 2
    assert generate_readme.times_table(data).splitlines() == [
        "| loss | size | fusedloss | into a new array | PyTorch | triad |",
        "| --- | --- | --- | --- | --- | --- |",
        "| `A` | 1e3 | 2.0 µs | 1.5× | 22× | 0.50× |",
        "| `B(q=0.9)` | 1e3 | 4.0 ms | ~1.0× | – | 1.0× |",
        "",
        "A cpu (v3, 2 threads, float32), 2024-01-02; numpy 2.0. ~: other work disturbed it.",
    ]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", target):
            assert ((ROOT / page).parent / target.partition("#")[0]).exists(), target


def test_commands_name_what_exists() -> None:
    commands = re.findall(r"^    (\S.*)$", TEXT, flags=re.MULTILINE)
    assert any("pytest" in command for command in commands)
    extras = set(metadata.metadata("fusedloss").get_all("Provides-Extra") or [])
    for command in commands:
        assert set(re.findall(r"[\w-]+", " ".join(re.findall(r"'\.\[(.*?)\]'", command)))) <= extras, command
        for script in re.findall(r"python (\S+\.py)", command):
            assert (ROOT / script).is_file(), script
        for module in re.findall(r"python -m (\w+)", command):
            assert (ROOT / module / "__main__.py").is_file(), module
