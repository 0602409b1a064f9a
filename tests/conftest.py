"""Shared by all tests: quiet libraries, one thread (the tensors are tiny), models loaded once."""

from __future__ import annotations

import os

# Before transformers is imported: no test may reach for a network.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Nor the processes that tests start use more threads than one each.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import torch
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).parent))
# What is remembered of models lies in a folder of the session's own, which its processes share.
_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if not _IS_WORKER:
    os.environ["XTRANSPLANT_CACHE"] = tempfile.mkdtemp(prefix="xtransplant-cache-")
torch.set_num_threads(1)
logging.set_verbosity_error()
logging.disable_progress_bar()


# What runs a model by itself, and so on the device and in the precision that is asked for.
_BY_DEVICE = ("engine", "model")
_FLOAT32 = ("auto", "float32", "float64")


def pytest_addoption(parser):
    group = parser.getgroup("xtransplant")
    group.addoption("--device", default="cpu", help="where models are loaded: cpu, cuda, auto")
    group.addoption("--dtype", default="auto", help="auto, float32, float64, bfloat16 or float16")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "any_dtype: holds at half precision too, to its own rounding (--dtype)"
    )
    device, dtype = config.getoption("--device"), config.getoption("--dtype")
    if (device, dtype) != ("cpu", "auto") and not _missing(device):
        from xtransplant.model.load import load

        # Every test that does not say otherwise loads its models so.
        load.__kwdefaults__.update(device_map=None if device == "cpu" else device, dtype=dtype)


def pytest_unconfigure(config):
    if not _IS_WORKER:
        shutil.rmtree(os.environ["XTRANSPLANT_CACHE"], ignore_errors=True)


def pytest_report_header(config):
    device, dtype = config.getoption("--device"), config.getoption("--dtype")
    return f"models on {device} in {dtype}" + (f": {_missing(device)}" if _missing(device) else "")


def pytest_collection_modifyitems(config, items):
    missing, dtype = _missing(config.getoption("--device")), config.getoption("--dtype")
    for item in items:
        if item.path.parent.name not in _BY_DEVICE:
            continue
        if missing:
            item.add_marker(pytest.mark.skip(reason=missing))
        elif dtype not in _FLOAT32 and item.get_closest_marker("any_dtype") is None:
            item.add_marker(pytest.mark.skip(reason=f"held to what float32 rounds, not {dtype}"))


def _missing(device):
    """Why there is no such device here; empty if there is."""
    if device == "cpu":
        return ""
    kind = "cuda" if device == "auto" else torch.device(device).type
    module = getattr(torch, kind, None)
    if module is None or not module.is_available():
        return f"no {kind} device here, so that --device {device} runs nothing of {_BY_DEVICE}"
    return ""


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """No line of what takes long, which tests of errors count, however slow the machine is."""
    from xtransplant.cli import progress

    monkeypatch.setattr(progress, "_PATIENCE", threading.TIMEOUT_MAX)


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
