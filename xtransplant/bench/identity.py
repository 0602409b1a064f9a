"""Which model and machine: what a manifest says of them, and whether a model is the same still."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from xtransplant.errors import XTransplantError
from xtransplant.model.compat_transformers import name_in_config
from xtransplant.model.load import Model

__all__ = ["check_folder", "check_model", "machine_entry", "model_entry", "versions"]

_SAMPLED = 64  # values of each parameter
_EDGE = 2**16  # bytes at the start, middle and end of a file


def model_entry(model: Model, name: str, revision: str | None) -> dict[str, Any]:
    """What the manifest says of the model."""
    config = model.config
    return {
        "name": name,
        "revision": revision,
        "commit": _commit(name, revision),
        "type": getattr(config, "model_type", None),
        "dtype": str(model.dtype).removeprefix("torch."),
        "n_layers": model.n_layers,
        "device": str(model.device),
        "server": None if model.server is None else model.server.url,
        "fingerprint": _fingerprint(model),
        "folder": _folder_digest(name),
        "tokenizer": type(model.tokenizer).__name__,
        "tokenizer_hash": _tokenizer_hash(model),
    }


def _commit(name: str, revision: str | None) -> str | None:
    """The hub's commit that a repository was loaded at; None for a folder.

    Found by where the hub's client keeps it: since transformers 5 a configuration does not say.
    """
    if Path(name).exists():
        return None
    try:
        found = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError:
        return None  # no repository's name
    return Path(found).parent.name if isinstance(found, str) else None


def check_model(now: dict[str, Any], then: dict[str, Any], run: str) -> None:
    """Whether a run may go on with a model.

    Raises:
        XTransplantError: it is another one than the run began with.
    """
    for what in ("fingerprint", "tokenizer_hash", "tokenizer", "dtype", "n_layers"):
        if now[what] != then[what]:
            raise XTransplantError(
                f"{now['name']} is not the model that run {run} began with: its {what} is "
                f"{str(now[what])[:16]}, not {str(then[what])[:16]}; bring the old one back, or "
                "begin anew with --fresh"
            )


def check_folder(name: str, then: dict[str, Any], run: str) -> None:
    """Whether a model in a local folder is the one of a complete run, without loading it.

    Raises:
        XTransplantError: its files have changed since.
    """
    if then["folder"] != _folder_digest(name):
        raise XTransplantError(
            f"{name} holds another model than run {run} was made with; bring the old one back, "
            "or begin anew with --fresh"
        )


def versions() -> dict[str, str]:
    """Of Python and the libraries that numbers depend on."""
    names = ("xtransplant", "nnsight", "torch", "transformers", "tokenizers", "datasets", "pyarrow")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def machine_entry() -> dict[str, Any]:
    """What ran it."""
    gpus = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory": psutil.virtual_memory().total,
        "gpus": gpus,
    }


# What a configuration says of where its model is, not of what it computes.
_OF_PLACE = ("distributed_config", "tp_plan", "tp_size", "device_map")


@torch.no_grad()
def _fingerprint(model: Model) -> str:
    """SHA-256 over the configuration and values sampled from every parameter.

    Sampled, because hashing every value of a large model takes minutes; training moves them all.
    """
    config = model.config.to_dict()
    for local in (name_in_config, "transformers_version", "dtype", "torch_dtype", *_OF_PLACE):
        config.pop(local, None)
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    if model.server is not None:
        # Its weights are not here to be looked at.
        return digest.hexdigest()
    for name, parameter in sorted(model.module.named_parameters()):
        # Of a split model, what all processes hold together.
        whole = parameter.full_tensor() if hasattr(parameter, "full_tensor") else parameter
        flat = whole.detach().reshape(-1)
        step = max(1, len(flat) // _SAMPLED)
        values = flat[::step][:_SAMPLED].to("cpu", torch.float32)
        digest.update(f"{name}{tuple(parameter.shape)}".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()


def _folder_digest(name: str) -> str | None:
    """SHA-256 over a local checkpoint's files: names, sizes, and their first and last bytes."""
    folder = Path(name)
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*")):
        if path.suffix not in (".json", ".safetensors", ".model", ".txt"):
            continue
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}:".encode())
        with path.open("rb") as file:
            for start in (0, size // 2, max(0, size - _EDGE)):
                file.seek(start)
                digest.update(file.read(_EDGE))
    return digest.hexdigest()


def _tokenizer_hash(model: Model) -> str:
    """SHA-256 over the tokenizer's vocabulary, merges and rules, where it can be written down."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is not None:
        rules = json.loads(backend.to_str())
        # These two change whenever the tokenizer is used.
        rules.pop("padding", None)
        rules.pop("truncation", None)
        text = json.dumps(rules, sort_keys=True)
    else:
        text = json.dumps(model.tokenizer.get_vocab(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
