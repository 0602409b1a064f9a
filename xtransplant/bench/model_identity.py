"""Which model a run is of: what its manifest says, and whether a model is still the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from xtransplant.bench.model_digests import file_digests
from xtransplant.errors import XTransplantError
from xtransplant.model.checkpoint import Checkpoint, find_checkpoint
from xtransplant.model.identity import config_text, weights_digest
from xtransplant.model.model import Model

__all__ = ["check_folder", "check_model", "model_entry"]


def model_entry(
    model: Model, name: str, revision: str | None, gguf_file: str | None = None
) -> dict[str, Any]:
    """What the manifest says of the model."""
    config, begins = model.config, model.beginning
    checkpoint, files = find_checkpoint(name, gguf_file), file_digests(name, revision, gguf_file)
    return {
        "name": str(checkpoint),
        "revision": revision,
        "commit": _commit(checkpoint, revision),
        "type": getattr(config, "model_type", None),
        "dtype": str(model.dtype).removeprefix("torch."),
        "n_layers": model.n_layers,
        "device": str(model.device),
        "server": model.backend.url,
        "server_revision": model.backend.revision_of(name, revision),
        "fingerprint": _fingerprint(model, files),
        "files": files,
        "tokenizer": type(model.tokenizer).__name__,
        "tokenizer_hash": _tokenizer_hash(model),
        "adds_bos": begins.by_tokenizer,
        "expects_bos": begins.always,
        "add_bos": begins.added,
    }


def _commit(checkpoint: Checkpoint, revision: str | None) -> str | None:
    """The hub's commit that a repository was loaded at; None for a folder.

    Found by where the hub's client keeps it: since transformers 5 a configuration does not say.
    """
    if Path(checkpoint.place).exists():
        return None
    found = checkpoint.file(revision)
    if found is None:
        return None
    # A GGUF file may lie in a folder of its repository.
    return found.parents[len(Path(checkpoint.gguf_file or found.name).parts) - 1].name


def check_model(now: dict[str, Any], then: dict[str, Any], run: str) -> None:
    """Refuse to go on with a run under another model than it began with.

    Args:
        now: the model here, as :func:`model_entry` describes it.
        then: the run's model, likewise.
        run: its name.

    Raises:
        XTransplantError: something of it differs that numbers depend on.
    """
    same = ["dtype", "n_layers", "tokenizer", "tokenizer_hash", "add_bos", "fingerprint"]
    if now["server"] is not None:
        same.append("commit")
        # A server may list a model's revision only once it has loaded it: not known is not another.
        if None not in (now["server_revision"], then["server_revision"]):
            same.append("server_revision")
    for what in same:
        if now[what] != then[what]:
            raise XTransplantError(
                f"{now['name']} is not the model that run {run} began with: its {what} is "
                f"{str(now[what])[:16]}, not {str(then[what])[:16]}; bring the old one back, or "
                "begin anew with --fresh"
            )


def check_folder(name: str, then: dict[str, Any], run: str, gguf_file: str | None = None) -> None:
    """Refuse files of a model that are not those of a complete run; nothing is loaded.

    Raises:
        XTransplantError: they have changed since.
    """
    now, before = file_digests(name, then["revision"], gguf_file), then["files"]
    if now is None or before is None or _held(now) == _held(before):
        return
    names = now.keys() | before.keys()
    if gguf_file is None and not Path(name).exists():
        # Of the hub's snapshot more or less may lie here than then.
        names = now.keys() & before.keys()
    if changed := sorted(file for file in names if now.get(file) != before.get(file)):
        raise XTransplantError(
            f"{name} holds another model than run {run} was made with ({', '.join(changed[:3])} "
            "changed); bring the old one back, or begin anew with --fresh"
        )


def _fingerprint(model: Model, files: dict[str, str] | None) -> str:
    """SHA-256 over the configuration and every weight as it is in memory.

    A model that was handed in may have been changed there, so its files say too little.
    """
    digest = hashlib.sha256(config_text(model).encode())
    if model.backend.in_process:
        digest.update(weights_digest(model.module).encode())
        if any(parameter.is_meta for parameter in model.module.parameters()):
            # Those that wait on the disk are the files'.
            digest.update(json.dumps(files and _held(files), sort_keys=True).encode())
    return digest.hexdigest()


def _held(files: dict[str, str]) -> dict[str, str] | list[str]:
    """What tells files from others; one of GGUF is the whole model, whatever it is called."""
    return [*files.values()] if all(name.lower().endswith(".gguf") for name in files) else files


def _tokenizer_hash(model: Model) -> str:
    """SHA-256 over the tokenizer's vocabulary, rules and chat template, where it can be written."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is not None:
        rules = json.loads(backend.to_str())
        # These two change whenever the tokenizer is used.
        rules.pop("padding", None)
        rules.pop("truncation", None)
        text = json.dumps(rules, sort_keys=True)
    else:
        text = json.dumps(model.tokenizer.get_vocab(), sort_keys=True)
    text += json.dumps(model.tokenizer.chat_template, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
