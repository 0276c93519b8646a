"""Every example runs and does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "examples"


def percentages(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"([\d.]+)%", text)]


def train_digits(printed: str) -> None:
    """It learns, and less of its time goes into the loss than with NumPy."""
    accuracy, share, share_of_reference = percentages(printed)
    assert accuracy > 95, printed
    assert 0 < share < share_of_reference < 100, printed


def ctc_align(printed: str) -> None:
    """The error rate falls, and the alignment of a string collapses to how it is read."""
    *on_the_way, last = percentages(printed)
    assert on_the_way[0] > 90, printed
    assert last < 15, printed
    assert last < on_the_way[-1] < on_the_way[0], printed
    found = re.search(r"^(\d+) lies along the columns as ([\d.]+)$", printed, re.MULTILINE)
    assert found, printed
    assert re.sub(r"\.", "", re.sub(r"(.)\1*", r"\1", found[2])) == found[1]


CLAIMS: dict[str, Callable[[str], None]] = {"ctc_align.py": ctc_align, "train_digits.py": train_digits}


def test_every_example_has_its_claim() -> None:
    assert sorted(CLAIMS) == sorted(path.name for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", CLAIMS)
def test_example(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / name)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    CLAIMS[name](done.stdout)
