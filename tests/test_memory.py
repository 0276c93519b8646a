"""No temporary of the size of the data: peak memory of calls, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sampling import CASES

SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import numpy as np
import fusedloss as fl
from sampling import CASES

def peak():
    "Bytes of memory that the process has had at most since it was last asked."
    with open("/proc/self/status") as lines:
        size = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    return size * 1024

def grown(case):
    "By how much a call on many items needs more than one on a few, and the size of pred."
    rng = np.random.default_rng(0)
    small, target = case.operands(rng, (3000,), np.float32)
    times = 24_000_000 // small.nbytes
    axis = 1 if case.rows and case.loss.axis == 0 else 0
    pred = np.concatenate([small] * times, axis)
    if target.ndim == small.ndim:
        target = np.concatenate([target] * times, axis)
    else:
        target = np.concatenate([target] * times, 0)
    out, out_hess = np.ones_like(pred), np.ones_like(pred)
    weight = np.ones(case.item_shape((3000 * times,)), np.float32)
    tail = [slice(None)] * pred.ndim
    tail[axis] = slice(0, 100_000)
    def calls(p, t, o, h, w):
        case.loss.value_and_grad(p, t, out=o)
        case.loss.value_grad_and_hess(p, t, out=o, out_hess=h)
        case.loss.value_grad_and_hess(p, t, sample_weight=w, out=o, out_hess=h)
        case.loss.hvp(p, t, vector=p, out=o)
        case.loss(p, t)
    first = tuple(tail)
    few = 100_000 if axis == 0 else pred[first].shape[1]
    labels = target[first] if target.ndim == pred.ndim else target[:few]
    calls(pred[first], labels, out[first], out_hess[first], weight[:few])
    peak()
    before = peak()
    calls(pred, target, out, out_hess, weight)
    return peak() - before, pred.nbytes

fl.set_num_threads(2)
for index in {indices!r}:
    print(index, *grown(CASES[index]))
"""

# One sample of options a kernel is enough: they differ in numbers, not in where data goes.
chosen = {(type(case.loss), case.target, case.loss.options.get("from_logits")): case for case in CASES}
PARTS = 8  # processes, each with some of them: it takes as long to start one as to run several


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is told in another way elsewhere")
@pytest.mark.parametrize("part", range(PARTS))
def test_calls_with_out_need_no_memory_to_speak_of(part: int) -> None:
    indices = [CASES.index(case) for case in list(chosen.values())[part::PARTS]]
    script = SCRIPT.format(tests=str(Path(__file__).resolve().parent), indices=indices)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    found = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert [index for index, *_ in found] == indices
    for index, grown, size in found:
        assert grown < size / 10, f"{CASES[index]}: {grown / 1e6:.1f} MB more for {size / 1e6:.0f} MB of pred"
