"""The yardstick a = b + s c, compiled when first asked for."""

from __future__ import annotations

import ctypes
import functools
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from .timing import Stopwatch

SOURCE = Path(__file__).with_name("triad.cpp")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC")
SCALE = 0.5


class NoCompilerError(RuntimeError):
    """There is no compiler, or it cannot build the triad."""


@functools.cache
def library() -> ctypes.CDLL:
    """The compiled triad."""
    compiler = shlex.split(os.environ.get("CXX", "")) or [shutil.which("g++") or "c++"]
    if not shutil.which(compiler[0]):
        raise NoCompilerError(f"there is no C++ compiler {compiler[0]!r}; CXX can name one")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "triad.so")
        done = subprocess.run([*compiler, *FLAGS, str(SOURCE), "-o", str(path)], capture_output=True, text=True)
        if done.returncode:
            raise NoCompilerError(f"{shlex.join(compiler)} cannot build {SOURCE.name}:\n{done.stderr}")
        return ctypes.CDLL(str(path))  # stays mapped when the file is gone


def triad(a: np.ndarray, b: np.ndarray, c: np.ndarray, threads: int) -> Stopwatch:
    """Times ``a = b + SCALE * c`` with so many threads; `c` may be `b`: one stream less to read.

    Calls are repeated within the library: there is no call from Python in their time.
    """
    function = getattr(library(), f"triad_{a.dtype}")
    scalar = ctypes.c_float if a.dtype == np.float32 else ctypes.c_double
    call = functools.partial(
        function,
        *(ctypes.c_void_p(x.ctypes.data) for x in (a, b, c)),
        scalar(SCALE),
        ctypes.c_int64(a.size),
        ctypes.c_int(threads),
    )

    def seconds(calls: int, _arrays: tuple[np.ndarray, ...] = (a, b, c)) -> float:
        start = time.perf_counter()
        call(ctypes.c_int64(calls))
        return time.perf_counter() - start

    return seconds
