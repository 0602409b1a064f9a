"""Why a checkpoint did not load, in one line that says what to do."""

from __future__ import annotations

import os
from pathlib import Path

from xtransplant.errors import XTransplantError

__all__ = ["explain"]


def explain(error: Exception, name: str, trust_remote_code: bool) -> XTransplantError:
    """The user's error behind an exception of transformers or the hub's client."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 12:
        chain.append(cause)
    kinds = {type(link).__name__ for link in chain}
    text = " ".join(str(link) for link in chain)
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            why = "has no config.json; give the folder of a Hugging Face checkpoint"
        elif "trust_remote_code" in text and not trust_remote_code:
            why = "brings its own Python code; read it, then pass --trust-remote-code"
        elif not list(folder.glob("*.safetensors")):
            why = "has no .safetensors weights (other formats are not read); convert them first"
        else:
            why = f"cannot be read: {first}"
        return XTransplantError(f"model folder {name!r} {why}")
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        return XTransplantError(
            f"no model folder {name!r}; give a folder that holds config.json and *.safetensors"
        )
    if "GatedRepoError" in kinds or "gated repo" in text:
        return XTransplantError(
            f"model {name!r} is gated; accept its terms on the hub, then run: hf auth login "
            "(or set HF_TOKEN)"
        )
    if "trust_remote_code" in text and not trust_remote_code:
        return XTransplantError(
            f"model {name!r} brings its own Python code; read it, then pass --trust-remote-code"
        )
    offline = {"OfflineModeIsEnabled", "LocalEntryNotFoundError", "ConnectError", "ConnectionError"}
    if kinds & offline or "couldn't connect" in text or "HF_HUB_OFFLINE" in os.environ:
        return XTransplantError(
            f"model {name!r} is not on this machine and the hub cannot be reached; "
            "check the network and HF_HUB_OFFLINE, or pass a folder: --model PATH"
        )
    if kinds & {"RepositoryNotFoundError", "RevisionNotFoundError"}:
        return XTransplantError(
            f"no model {name!r} on the hub, or it is private; check the name and --revision, "
            "or run: hf auth login"
        )
    return XTransplantError(f"model {name!r} cannot be loaded: {type(error).__name__}: {first}")
