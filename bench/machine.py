"""What the figures depend on: processor, instruction set, versions."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from datetime import datetime, timezone
from importlib import metadata
from typing import Any

import numpy as np

import fusedloss as fl
from fusedloss import backend


def facts(libraries: Iterable[str] = ()) -> dict[str, Any]:
    """Of this machine and process; `libraries` are further ones whose versions matter."""
    config = backend.core.show_config()
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cpu": _cpu() or config["cpu"],
        "system": f"{platform.system()} {platform.machine()}",
        "isa": config["isa"],
        "processors": processors(),
        "compiler": config["compiler"],
        "versions": {
            "fusedloss": fl.__version__,
            "python": sys.version.split()[0],
            "numpy": np.__version__,
            **{name: metadata.version(name) for name in libraries},
        },
    }


def processors() -> int:
    """How many this process may run on, whatever limits the environment sets to threads."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu() -> str:
    """Its full name, where the system tells."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return ""
