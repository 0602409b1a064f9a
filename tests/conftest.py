"""Shared by all tests: quiet libraries, one thread (the tensors are tiny), models loaded once."""

from __future__ import annotations

import os

# Before transformers is imported: no test may reach for a network.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sys
from pathlib import Path

import pytest
import torch
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).parent))
torch.set_num_threads(1)
logging.set_verbosity_error()
logging.disable_progress_bar()


@pytest.fixture(scope="session")
def llama():
    """A tiny random Llama with packing."""
    from tiny import tiny_checkpoint

    from xtransplant import load

    return load(tiny_checkpoint("llama"))


@pytest.fixture(scope="session")
def bloom():
    """A tiny random BLOOM: one variant per row."""
    from tiny import tiny_checkpoint

    from xtransplant import load

    return load(tiny_checkpoint("bloom"))
