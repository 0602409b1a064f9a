"""A checkpoint to damage."""

import shutil

import pytest
from tiny import tiny_checkpoint


@pytest.fixture
def folder(tmp_path):
    """A checkpoint to damage."""
    return shutil.copytree(tiny_checkpoint("llama"), tmp_path / "model")
