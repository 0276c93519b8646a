"""Python processes of their own, for what settles itself once a process or might take it down."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from fusedloss import _core

needs_openmp = pytest.mark.skipif(not _core.show_config()["openmp"], reason="built without OpenMP: there is one thread")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="threads are counted and limits set as on Linux")

# What scripts may use: operands of a call that is worth several threads, that call, and a way to fork.
PRELUDE = """
    import os, signal, sys, threading
    import numpy as np
    import fusedloss as fl

    pred = np.random.default_rng(1).standard_normal(4_000_037).astype(np.float32)
    target = pred[::-1].copy()

    def threads():
        return len(os.listdir("/proc/self/task"))

    def step():
        value, grad = fl.MSE(reduction="sum").value_and_grad(pred, target)
        return value, grad.tobytes()

    def forked(work):
        "The exit status of a child that did `work`; one that hangs is ended after 30 s."
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            try:
                work()
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def run(script: str, **environment: str) -> str:
    """What a Python process of its own prints."""
    code = textwrap.dedent(PRELUDE) + textwrap.dedent(script)
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],  # newer ones warn of any fork beside threads
        env={name: text for name, text in os.environ.items() if not name.startswith("OMP_")} | environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
