"""Every example runs and does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pybind11
import pytest
from building import configure, run

import fusedloss

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


def perceptual(printed: str) -> None:
    """Losses tell apart what MSE does not, and each optimised image is what was asked for."""
    table = re.findall(r"^(\w+): MSE ([\d.]+), 1 - SSIM ([\d.]+), features", printed, re.MULTILINE)
    assert len({mse for _, mse, _ in table}) == 1, printed
    similarity = {name: float(ssim) for name, _, ssim in table}
    assert 10 * similarity["brighter"] < min(similarity["blurred"], similarity["noisy"]), printed
    ((noisy, clean),) = re.findall(r"without noise: 1 - SSIM from ([\d.]+) to ([\d.]+)", printed)
    assert float(clean) < 0.5 * float(noisy), printed
    ((start, end, apart),) = re.findall(r"features from ([\d.]+) to ([\d.]+), 1 - SSIM ([\d.]+)", printed)
    assert float(end) < 0.01 * float(start), printed
    assert float(apart) < 0.05, printed
    ((before, after, changed),) = re.findall(r"style from (\S+) to (\S+), 1 - SSIM ([\d.]+)", printed)
    assert float(after) < 0.05 * float(before), printed
    assert 0.02 < float(changed) < 0.3, printed


def score_logits(printed: str) -> None:
    """A quantised copy is a little worse, by about its divergence."""
    model, copy = (float(number) for number in re.findall(r"perplexity ([\d.]+)", printed))
    (divergence,) = re.findall(r"copy: ([\d.e-]+) nats", printed)
    assert 1 < model < 4000
    assert abs(np.log(copy / model)) < 5 * float(divergence) < 0.1, printed
    greedy, of_copy, agreed = percentages(printed)
    assert abs(greedy - of_copy) < 5 < 90 < agreed, printed


CLAIMS: dict[str, Callable[[str], None]] = {
    "ctc_align.py": ctc_align,
    "perceptual.py": perceptual,
    "score_logits.py": score_logits,
    "train_digits.py": train_digits,
}


def test_every_example_has_its_claim() -> None:
    assert sorted(CLAIMS) == sorted(path.name for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", CLAIMS)
def test_example(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / name)], capture_output=True, text=True, timeout=300, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    CLAIMS[name](done.stdout)
    for picture in re.findall(r"^picture in (.*)$", done.stdout, re.MULTILINE):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_score_logits_of_files(tmp_path: Path) -> None:
    """Mapped and read in blocks, it prints and saves what NumPy gets from the whole."""
    rng = np.random.default_rng(1)
    logits, tokens = rng.normal(0, 2, (3, 40, 50)).astype(np.float16), rng.integers(0, 50, (3, 40))
    files = {name: tmp_path / f"{name}.npy" for name in ("logits", "tokens", "other", "save")}
    for name, array in (("logits", logits), ("tokens", tokens), ("other", logits)):
        np.save(files[name], array)
    arguments = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    in_small_blocks = "import score_logits; score_logits.BLOCK = 700; score_logits.main()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", in_small_blocks, *arguments],
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    z = logits.astype(float)
    logprob = np.take_along_axis(z - np.log(np.exp(z).sum(-1, keepdims=True)), tokens[..., np.newaxis], -1).ravel()
    np.testing.assert_allclose(np.load(files["save"]), logprob, rtol=1e-5, atol=1e-5)
    assert f"perplexity {np.exp(-logprob.mean()):.4f}" in done.stdout
    assert "0 nats a token, 0 at most" in done.stdout
    assert "the same in 100.00%" in done.stdout


def test_a_loss_of_ones_own_in_cpp(tmp_path: Path) -> None:
    """The project builds against what is installed, without a warning, and its loss is that of its formula."""
    prefix = f"{fusedloss.get_cmake_dir()};{pybind11.get_cmake_dir()}"
    flags = "-Wall -Wextra -Werror"
    configure(
        FOLDER / "custom_cpp",
        tmp_path,
        CMAKE_PREFIX_PATH=prefix,
        CMAKE_CXX_FLAGS=flags,
        Python_EXECUTABLE=sys.executable,
    )
    run("cmake", "--build", tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / "custom_cpp" / "use.py")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("agrees") == 3, done.stdout
    (difference,) = re.findall(r"largest relative difference: (.*)", done.stdout)
    assert float(difference) < 1e-13
    ((intercept, slope, share),) = re.findall(r"line (.*) \+ (.*) x, below the data in (\d+)%", done.stdout)
    assert float(intercept) == pytest.approx(0.75, abs=0.05)  # below the mean by a / 2 times the variance
    assert float(slope) == pytest.approx(3, abs=0.15)
    assert 60 < int(share) < 80
