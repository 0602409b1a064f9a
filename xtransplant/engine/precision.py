"""What half precision does to a model's numbers: the same work with its weights in float32.

The weights are made float32 where they are, and put back: every number of half precision is one of
float32, so that nothing is lost on the way. What differs is how the model computes with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from xtransplant.engine.ask.memory import free_bytes
from xtransplant.model.model import Model

__all__ = ["half_precision", "in_float32", "why_never_float32", "why_not_float32"]

_HALF = (torch.float16, torch.bfloat16)
# Of what is free; the rest is for what the passes take.
_SHARE = 0.7


def half_precision(model: Model) -> str:
    """``float16`` or ``bfloat16`` where a model computes in it; empty elsewhere."""
    return str(model.dtype).removeprefix("torch.") if model.dtype in _HALF else ""


def why_not_float32(model: Model) -> str:
    """Why a model cannot be run in float32 here, in words; empty if it can."""
    if never := why_never_float32(model):
        return never
    wanted: Counter[torch.device] = Counter()
    for weights in _weights(model):
        if weights.dtype in _HALF:
            wanted[weights.device] += 2 * weights.numel()
    for device, size in wanted.items():
        if size > _SHARE * free_bytes(device):
            return f"that takes {size / 1e9:.1f} GB more memory on {device} than may be taken"
    return ""


def why_never_float32(model: Model) -> str:
    """Why a model could not be run in float32 with any memory, in words; empty if it could."""
    if not model.backend.in_process:
        return "its weights are on the server"
    if model.world_size > 1:
        return "its weights are split over several processes"
    for weights in _weights(model):
        if weights.device.type == "meta":
            return "some of its weights are not in memory"
        if not weights.dtype.is_floating_point and weights.numel() > 1024:
            return "its weights are quantized"
    return ""


@contextmanager
def in_float32(model: Model) -> Iterator[None]:
    """Have a model's weights in float32 while the context is open; see :func:`why_not_float32`."""
    changed: list[tuple[Tensor, torch.dtype]] = []
    try:
        for weights in _weights(model):
            if weights.dtype in _HALF:
                changed.append((weights, weights.dtype))
                weights.data = weights.data.float()
        yield
    finally:
        for weights, dtype in changed:
            weights.data = weights.data.to(dtype)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _weights(model: Model) -> Iterator[Tensor]:
    """Parameters and buffers, tied ones once."""
    yield from model.module.parameters()
    yield from model.module.buffers()
