"""Which model this is, by all that it computes with: its configuration, and every weight.

Nothing is sampled: one changed value among billions is another model.
"""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

from xtransplant.compat.transformers import name_in_config

if TYPE_CHECKING:
    from xtransplant.model.model import Model

__all__ = ["config_text", "tensor_digest", "weights_digest"]

_CHUNK = 2**24  # bytes at once
# What a configuration says of where its model is, not of what it computes.
_OF_PLACE = ("distributed_config", "tp_plan", "tp_size", "device_map")


def config_text(model: Model) -> str:
    """A model's configuration as JSON, without where it lies and which software wrote it."""
    config = model.config.to_dict()
    for local in (name_in_config, "transformers_version", "dtype", "torch_dtype", *_OF_PLACE):
        config.pop(local, None)
    return json.dumps(config, sort_keys=True, default=str)


def weights_digest(module: torch.nn.Module) -> str:
    """SHA-256 over the name, shape, type and every value of a module's parameters and buffers.

    Buffers that are not saved with a checkpoint are left out: they are computed, by each device in
    its own way. Of a tensor that several processes hold in parts, all of it counts, so each of
    them has to call this.
    """
    tensors: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, tensor in module.state_dict(keep_vars=True).items():
        # Tied weights are one tensor under two names.
        if isinstance(tensor, torch.Tensor) and id(tensor) not in seen:
            seen.add(id(tensor))
            tensors[name] = tensor.detach()
    if any(hasattr(tensor, "full_tensor") for tensor in tensors.values()):
        found = [
            tensor_digest(tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor)
            for tensor in tensors.values()
        ]
    else:
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            found = list(pool.map(tensor_digest, tensors.values()))
    digest = hashlib.sha256()
    for (name, tensor), own in sorted(zip(tensors.items(), found, strict=True)):
        digest.update(f"{name}:{tuple(tensor.shape)}:{tensor.dtype}:{own}\n".encode())
    return digest.hexdigest()


def tensor_digest(tensor: torch.Tensor) -> str:
    """SHA-256 over the bytes of a tensor, wherever it is; of one without values, of none."""
    digest = hashlib.sha256()
    if not tensor.is_meta:
        values = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
        for start in range(0, len(values), _CHUNK):
            digest.update(values[start : start + _CHUNK].cpu().numpy().data)
    return digest.hexdigest()
