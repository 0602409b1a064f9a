"""Seconds and bytes of some work."""

from __future__ import annotations

import ctypes
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
import torch

from xtransplant.model.model import Model

__all__ = ["forward_seconds", "peak_bytes", "spread", "timed"]


def spread(values: list[float]) -> dict[str, float]:
    """Median, smallest and largest of some rounds' values."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def timed(model: Model, work: Callable[[], Any]) -> tuple[Any, float]:
    """What some work gives, and how many seconds it took."""
    _wait(model)
    started = time.perf_counter()
    result = work()
    _wait(model)
    return result, time.perf_counter() - started


def _wait(model: Model) -> None:
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)


def forward_seconds(model: Model) -> list[float]:
    """A list that fills with the seconds of each forward pass of the model from now on."""
    found: list[float] = []
    starts: list[float] = []

    def before(module: Any, args: Any) -> None:
        _wait(model)
        starts.append(time.perf_counter())

    def after(module: Any, args: Any, output: Any) -> None:
        _wait(model)
        found.append(time.perf_counter() - starts.pop())

    model.module.register_forward_pre_hook(before)
    model.module.register_forward_hook(after)
    return found


def peak_bytes(model: Model, work: Callable[[], Any]) -> int:
    """Most bytes held during some work beyond those held before it."""
    if model.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(model.device)
        before = torch.cuda.memory_allocated(model.device)
        work()
        return int(torch.cuda.max_memory_allocated(model.device) - before)
    if sys.platform.startswith("linux"):
        # What was freed and kept would hide what is asked for.
        ctypes.CDLL(None).malloc_trim(0)
    process, done = psutil.Process(), threading.Event()
    before = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return int(peak - before)
