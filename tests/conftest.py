"""What all tests share: the axes of variation, as fixtures that multiply."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import numpy as np
import pytest

import fusedloss as fl

if importlib.util.find_spec("hypothesis"):
    from hypothesis import settings

    settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True)
    settings.register_profile("thorough", max_examples=1000, deadline=None)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(params=["compiled", "numpy"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with fl.use_backend(request.param):
        yield request.param


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype:
    return np.dtype(request.param)


@pytest.fixture(params=["mean", "sum", "none", "batchmean"])
def reduction(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name
