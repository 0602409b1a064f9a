"""Why a checkpoint did not load, in one line that says what to do."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from xtransplant.errors import XTransplantError

__all__ = ["explain", "wrong_path"]

_OFFLINE = {
    "OfflineModeIsEnabled", "LocalEntryNotFoundError", "ConnectError", "ConnectTimeout",
    "ReadTimeout", "ConnectionError", "NetworkError",
}  # fmt: skip
# The last line of a traceback that a message of transformers quotes.
_QUOTED = re.compile(r"^[\w.]*(?:Error|Exception): (.+)$", re.MULTILINE)
_DEGREES = re.compile(r"the ones that work are \[([\d, ]+)\]")


@dataclass(frozen=True)
class _Failure:
    """What is known of a failed load.

    Attributes:
        name: as the user gave it.
        trust_remote_code: whether the checkpoint's own code may run.
        kinds: class names of the exception and of what caused it.
        text: their messages.
    """

    name: str
    trust_remote_code: bool
    kinds: frozenset[str]
    text: str


def explain(error: Exception, name: str, trust_remote_code: bool) -> XTransplantError:
    """The user's error behind an exception of transformers or of the hub's client.

    Args:
        error: what loading raised.
        name: the repository or folder that was to be loaded.
        trust_remote_code: whether the checkpoint's own code was allowed to run.
    """
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 12:
        chain.append(cause)
    kinds = frozenset(type(link).__name__ for link in chain)
    failure = _Failure(name, trust_remote_code, kinds, " ".join(str(link) for link in chain))
    causes = (
        _wrong_path, _wrong_use, _unreachable, _unusable_gguf, _unusable_weights, _unusable_config
    )  # fmt: skip
    why = next((why for cause in causes if (why := cause(failure))), "")
    return XTransplantError(
        f"model {name[:200]!r} {why or f'cannot be loaded: {_innermost(error)}'}"
    )


def wrong_path(name: str) -> str:
    """Why no safetensors checkpoint lies at a path; empty where one may, and of repositories."""
    folder = Path(name).expanduser()
    if not os.path.exists(folder) and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        return "does not exist; give a folder that holds config.json and *.safetensors"
    if os.path.isfile(folder) and folder.suffix.lower() != ".gguf":
        return "is a file; give the folder that holds config.json and *.safetensors"
    if os.path.isdir(folder) and not (folder / "config.json").is_file():
        if files := sorted(folder.glob("*.gguf")):
            return f"has no config.json, but a GGUF file; name it: --model {files[0]}"
        return "has no config.json; give the folder of a Hugging Face checkpoint"
    return ""


def _wrong_path(failure: _Failure) -> str:
    name = failure.name
    if why := wrong_path(name):
        return why
    if "Repo id must" in failure.text or len(name) > 200:
        return "is no folder, and no name of a repository such as Qwen/Qwen3-0.6B; check --model"
    return ""


def _wrong_use(failure: _Failure) -> str:
    """A checkpoint that asks for a permission or for another way of loading it."""
    if "GatedRepoError" in failure.kinds or "gated repo" in failure.text:
        return "is gated; accept its terms on the hub, then run: hf auth login (or set HF_TOKEN)"
    if "trust_remote_code" in failure.text and not failure.trust_remote_code:
        return "brings its own Python code; read it, then pass --trust-remote-code"
    if "UnshardableCheckpoint" in failure.kinds:
        if degrees := _DEGREES.search(failure.text):
            return (
                f"cannot be split over so many processes; {degrees[1]} would do: "
                "torchrun --nproc-per-node"
            )
        return (
            "is of a family that cannot be split; leave --tensor-parallel off, or spread its "
            "layers over the GPUs of this machine: --device-map auto"
        )
    return ""


def _unreachable(failure: _Failure) -> str:
    """What the hub does not have, or does not answer."""
    text = failure.text
    if "RevisionNotFoundError" in failure.kinds or "is not a valid git identifier" in text:
        return "has no such revision; check --revision"
    if "RepositoryNotFoundError" in failure.kinds:
        return "is not on the hub, or it is private; check the name, or run: hf auth login"
    if failure.kinds & _OFFLINE or "couldn't connect" in text:
        return (
            "is not on this machine and the hub cannot be reached; check the network and "
            "HF_HUB_OFFLINE, or pass a folder: --model PATH"
        )
    return ""


def _unusable_gguf(failure: _Failure) -> str:
    """A GGUF file that transformers cannot read or dequantize."""
    text = failure.text
    if found := re.search(r"GGUF model with architecture (\S+) is not supported", text):
        return (
            f"is a GGUF file of architecture {found[1]!r}, which this release of transformers "
            "cannot dequantize; give the model's safetensors"
        )
    if found := re.search(r"from a GGUF file stating tokenizer ([^\s.]+)", text):
        return (
            f"is a GGUF file with a tokenizer of type {found[1]}, which this release of "
            "transformers cannot read; give the model's safetensors"
        )
    if "GGUF magic" in text:
        return "is no GGUF file, whatever its name is; get it again"
    if ".gguf" in failure.name.lower() and "mmap" in text:
        return "is empty; get it again"
    return ""


def _unusable_weights(failure: _Failure) -> str:
    text = failure.text
    if "file named" in text and "safetensors" in text:
        return "has no .safetensors weights (other formats are not read); convert them first"
    if "SafetensorError" in failure.kinds:
        words = re.search(r"[Ee]rror while deserializing header: ([^\n]+)", text)
        detail = f" ({words[1]})" if words else ""
        return f"has a damaged .safetensors file{detail}; get it again"
    if "config.json" in text and "valid JSON" in text:
        return "has a config.json that is not valid JSON; get it again"
    return ""


def _unusable_config(failure: _Failure) -> str:
    text = failure.text
    if "model_type" in text and "Unrecognized model" in text:
        return "has a config.json without model_type; give a Hugging Face checkpoint"
    if "does not recognize this architecture" in text:
        kind = re.search(r"model type `([^`]+)`", text)
        return (
            f"is of type {kind[1] if kind else 'unknown'!r}, which this release of transformers "
            "does not know; check config.json, or upgrade: pip install -U 'transformers<5.23'"
        )
    folder = Path(failure.name).expanduser()
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
