"""Where the C++ side of the package lies."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).resolve().parent


def get_include() -> str:
    """The directory for a compiler's ``-I``, where ``#include <fusedloss/losses/regression.hpp>`` is found."""
    return str(_ROOT / "include")


def get_cmake_dir() -> str:
    """The directory of the CMake package, to be given as ``fusedloss_DIR`` or in ``CMAKE_PREFIX_PATH``."""
    return str(_ROOT / "share" / "cmake" / "fusedloss")
