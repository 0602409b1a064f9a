"""How much of a run is stored at once, and how much memory its work may take."""

from __future__ import annotations

import psutil
import torch

from xtransplant.model.model import Model

__all__ = ["fixed_budget", "part_size"]


def part_size(mode: str, n_variants: int, *, raw: bool = False) -> int:
    """How many examples are stored at once: what a kill can cost, against the number of files.

    Scores of several examples share a forward pass; generation takes them one at a time, and each
    takes long. Longest take raw strategies, whose variants run alone.
    """
    if raw:
        return max(1, min(8, 128 // n_variants))
    if mode == "generate":
        return max(1, min(16, 2048 // n_variants))
    return max(8, min(64, 16384 // n_variants))


def fixed_budget(model: Model) -> int:
    """Bytes for the work of a run: a quarter of the device's memory, whatever is free just now."""
    if not model.backend.in_process:
        return 4 * 10**9  # a server's memory cannot be looked at
    if model.device.type == "cuda":
        total = int(torch.cuda.get_device_properties(model.device).total_memory)
    else:
        total = int(psutil.virtual_memory().total)
    return total // 4
