"""The two real models of ``.ci/real``; without it these tests are skipped and say so."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from plain import FILES, Real, load_real

FOLDER = os.environ.get("XTRANSPLANT_TEST_REAL")


@pytest.fixture(scope="session", params=FILES)
def real(request) -> Real:
    """A real model and the examples it is tried on."""
    if FOLDER is None:
        pytest.skip("XTRANSPLANT_TEST_REAL names no folder of real models: run .ci/real")
    return load_real(Path(FOLDER) / FILES[request.param])
