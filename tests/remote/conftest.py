"""A loopback NDIF, and a model whose traces run there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from loopback import KEY, Loopback, Real

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def loopback():
    """The server, for the whole session; it ends with it. Or a real one, where one is named."""
    if url := os.environ.get("XTRANSPLANT_TEST_NDIF"):
        yield Real(url)
        return
    pytest.importorskip("fastapi", reason="the loopback server needs fastapi (extra dev)")
    server = Loopback()
    yield server
    server.stop()


@pytest.fixture
def ndif(loopback, monkeypatch):
    """The server with no fault armed, and its key in nnsight's configuration."""
    from nnsight.schema.config import CONFIG

    monkeypatch.setattr(CONFIG.API, "APIKEY", KEY)
    loopback.arm("none", 0)
    return loopback


@pytest.fixture(scope="session")
def near():
    """The golden Llama here."""
    from xtransplant import load

    return load(GOLDEN / "llama")


@pytest.fixture
def asked(ndif):
    """The golden Llama over there, what is said of its jobs, and its server."""
    from xtransplant import load
    from xtransplant.backends.ndif.backend import Ndif

    said = []
    server = Ndif(ndif.url, pause=0.01, timeout=20.0, say=said.append)
    return load(GOLDEN / "llama", backend=server), said, ndif


@pytest.fixture(scope="module")
def packed():
    """Packing is verified once per model object: this one keeps what was found."""
    return {}
