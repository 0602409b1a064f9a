"""All that what is found out about a loaded model depends on, as plain data."""

from __future__ import annotations

import hashlib
import inspect
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from xtransplant.compat.transformers import attention_of, name_in_config
from xtransplant.model.model import Model

__all__ = ["StateKey", "checksum", "model_key"]

StateKey = dict[str, Any]

_SOFTWARE = ("xtransplant", "torch", "transformers", "nnsight")
_MODEL_CODE = "transformers.models."


def model_key(model: Model) -> StateKey | None:
    """What a model computes with: weights, configuration, devices and software.

    Its name is not part of it: a copy elsewhere is the same model.

    Returns:
        Plain data that JSON gives back as it is; None where it cannot be known: the weights are in
        another process or on the disk, or the code is neither transformers' nor in a file.
    """
    module = model.module
    code = _code(type(module))
    if not model.backend.in_process or code is None:
        return None
    tensors = list(chain(module.named_parameters(), module.named_buffers()))
    if any(tensor.is_meta for _, tensor in tensors):
        return None
    config = module.config.to_dict()
    config.pop(name_in_config, None)
    modules = [f"{name} {type(part).__qualname__}" for name, part in module.named_modules()]
    return {
        "code": code,
        "modules": _digest(*modules),
        "config": _digest(json.dumps(config, sort_keys=True, default=str)),
        "family": _digest(json.dumps(asdict(model.family), sort_keys=True, default=str)),
        "weights": _digest(
            *(f"{name} {tuple(t.shape)} {t.dtype} {checksum(t)}" for name, t in tensors)
        ),
        "dtype": str(model.dtype),
        "attention": attention_of(module),
        "devices": sorted(set(map(_describe, model.devices))),
        "device_map": str(getattr(module, "hf_device_map", None)),
        "processes": model.world_size,
        "matmul": torch.get_float32_matmul_precision(),
        "software": _software(),
    }


def checksum(tensor: Tensor) -> int:
    """The sum of a tensor's bytes, eight at a time, wherever it is: one changed value changes it.

    Of a tensor that is split over processes, that of the part which is here.
    """
    here = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    values = here.detach().contiguous().reshape(-1).view(torch.uint8)
    whole = len(values) // 8 * 8
    if values.storage_offset() % 8:
        values = values.clone()
    return int(values[:whole].view(torch.int64).sum()) + int(values[whole:].sum())


@cache
def _software() -> dict[str, str]:
    """Versions, and a digest of this package's own code, which changes between them."""
    found = {name: version(name) for name in _SOFTWARE}
    root = Path(__file__).parents[1]
    own = [path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))]
    return {
        "python": platform.python_version(),
        "cuda": str(torch.version.cuda or torch.version.hip),
        "code": _digest(*own),
        **found,
    }


def _code(kind: type) -> str | None:
    """Which code a model is: the name of its class, with a digest of it if it came with it."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    if name.startswith(_MODEL_CODE):
        return name
    try:
        return f"{name} {_digest(*_sources(kind))}"
    except (OSError, TypeError):
        return None


def _sources(kind: type) -> Iterator[str]:
    for one in kind.__mro__:
        if not one.__module__.startswith(("torch.", "transformers.", "builtins")):
            yield Path(inspect.getfile(one)).read_text(encoding="utf-8")


def _describe(device: torch.device) -> str:
    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_name(device)}"
    return f"{device.type} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def _digest(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()
