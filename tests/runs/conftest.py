"""Runs made up by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from made_run import made_run


@pytest.fixture
def run(tmp_path):
    """A complete run of two languages and four parts."""
    return made_run(tmp_path / "runs" / "one")
