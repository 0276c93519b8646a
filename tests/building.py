"""Runs CMake and Ninja as the `test` extra installs them, also where the environment's scripts are not on PATH."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What the command printed; an AssertionError with all of it if it failed."""
    env = {**os.environ, "PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"]}
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def configure(source: Path, build: Path, **definitions: str | Path) -> None:
    run(
        "cmake", "-S", source, "-B", build, "-G", "Ninja", *(f"-D{name}={value}" for name, value in definitions.items())
    )
