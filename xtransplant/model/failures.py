"""Why a checkpoint did not load, in one line that says what to do."""

from __future__ import annotations

import os
import re
from pathlib import Path

from xtransplant.errors import XTransplantError

__all__ = ["explain"]

_OFFLINE = {
    "OfflineModeIsEnabled", "LocalEntryNotFoundError", "ConnectError", "ConnectTimeout",
    "ReadTimeout", "ConnectionError", "NetworkError",
}  # fmt: skip
# What transformers says of its own: the exception's line at the end of a quoted traceback.
_QUOTED = re.compile(r"^[\w.]*(?:Error|Exception): (.+)$", re.MULTILINE)
_DEGREES = re.compile(r"the ones that work are \[([\d, ]+)\]")


def explain(error: Exception, name: str, trust_remote_code: bool) -> XTransplantError:
    """The user's error behind an exception of transformers or of the hub's client."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 12:
        chain.append(cause)
    kinds = {type(link).__name__ for link in chain}
    text = " ".join(str(link) for link in chain)
    folder = Path(name).expanduser()
    if not os.path.exists(folder) and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        why = "does not exist; give a folder that holds config.json and *.safetensors"
    elif os.path.isfile(folder):
        why = "is a file; give the folder that holds config.json and *.safetensors"
    elif os.path.isdir(folder) and not (folder / "config.json").is_file():
        why = "has no config.json; give the folder of a Hugging Face checkpoint"
    elif "Repo id must" in text or len(name) > 200:
        why = "is no folder, and no name of a repository such as Qwen/Qwen3-0.6B; check --model"
    elif "GatedRepoError" in kinds or "gated repo" in text:
        why = "is gated; accept its terms on the hub, then run: hf auth login (or set HF_TOKEN)"
    elif "trust_remote_code" in text and not trust_remote_code:
        why = "brings its own Python code; read it, then pass --trust-remote-code"
    elif "UnshardableCheckpoint" in kinds:
        degrees = _DEGREES.search(text)
        why = (
            f"cannot be split over so many processes; {degrees[1]} would do: "
            "torchrun --nproc-per-node"
            if degrees
            else "is of a family that cannot be split; leave --tensor-parallel off, or spread its "
            "layers over the GPUs of this machine: --device-map auto"
        )
    elif "RevisionNotFoundError" in kinds or "is not a valid git identifier" in text:
        why = "has no such revision; check --revision"
    elif "RepositoryNotFoundError" in kinds:
        why = "is not on the hub, or it is private; check the name, or run: hf auth login"
    elif kinds & _OFFLINE or "couldn't connect" in text:
        why = (
            "is not on this machine and the hub cannot be reached; check the network and "
            "HF_HUB_OFFLINE, or pass a folder: --model PATH"
        )
    else:
        why = _damage(kinds, text, folder) or f"cannot be loaded: {_innermost(error)}"
    return XTransplantError(f"model {name[:200]!r} {why}")


def _damage(kinds: set[str], text: str, folder: Path) -> str:
    """What is wrong with the files of a checkpoint; empty if nothing known is."""
    if "file named" in text and "safetensors" in text:
        return "has no .safetensors weights (other formats are not read); convert them first"
    if "SafetensorError" in kinds:
        said = re.search(r"[Ee]rror while deserializing header: ([^\n]+)", text)
        detail = f" ({said[1]})" if said else ""
        return f"has a damaged .safetensors file{detail}; get it again"
    if "config.json" in text and "valid JSON" in text:
        return "has a config.json that is not valid JSON; get it again"
    if "model_type" in text and "Unrecognized model" in text:
        return "has a config.json without model_type; give a Hugging Face checkpoint"
    if "does not recognize this architecture" in text:
        kind = re.search(r"model type `([^`]+)`", text)
        return (
            f"is of type {kind[1] if kind else 'unknown'!r}, which this release of transformers "
            "does not know; check config.json, or upgrade: pip install -U 'transformers<5.23'"
        )
    files = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
    if os.path.isdir(folder) and not any((folder / file).is_file() for file in files):
        return "has no tokenizer; put its tokenizer.json beside config.json"
    return ""


def _innermost(error: Exception) -> str:
    """One line of what went wrong, from inside the traceback that a message may quote."""
    text = str(error).strip()
    quoted = _QUOTED.findall(text)
    line = quoted[0] if quoted else (text.splitlines() or [""])[0]
    return f"{type(error).__name__}: {line}" if line and not quoted else line or repr(error)
