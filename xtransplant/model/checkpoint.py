"""Where a checkpoint lies: a folder or a repository, or one GGUF file in it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xtransplant.backends.protocol import Backend
from xtransplant.errors import XTransplantError
from xtransplant.tasks.task import bundled_checkpoint

__all__ = ["Checkpoint", "check_gguf", "find_checkpoint"]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint, as transformers' ``from_pretrained`` takes it.

    Attributes:
        place: a folder, or a repository of the hub.
        gguf_file: name of a GGUF file there; None for a checkpoint of safetensors.
    """

    place: str
    gguf_file: str | None = None

    def __str__(self) -> str:
        """The folder or repository, or the path of the file."""
        return self.place if self.gguf_file is None else str(Path(self.place) / self.gguf_file)

    @property
    def options(self) -> dict[str, Any]:
        """What ``from_pretrained`` takes beside the place."""
        return {} if self.gguf_file is None else {"gguf_file": self.gguf_file}

    @property
    def loading(self) -> str:
        """What is being done while it is loaded, for the user."""
        return f"loading {self}" + ("" if self.gguf_file is None else ", dequantizing it")

    def file(self, revision: str | None = None, name: str = "config.json") -> Path | None:
        """Its GGUF file, or another; None where it is not on this machine.

        Args:
            revision: branch, tag or commit of a repository.
            name: of a file, where it is none of GGUF.
        """
        name = self.gguf_file or name
        folder = Path(self.place).expanduser()
        if folder.is_dir():
            return folder / name if (folder / name).is_file() else None
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            found = try_to_load_from_cache(self.place, name, revision=revision)
        except HFValidationError:
            return None  # no repository's name
        return Path(found) if isinstance(found, str) else None


def find_checkpoint(name: str | Path, gguf_file: str | None = None) -> Checkpoint:
    """The checkpoint that ``--model`` and ``--gguf-file`` name.

    Args:
        name: a folder, a repository of the hub, the path of a ``.gguf`` file, or ``babel``, the
            bundled one.
        gguf_file: name of such a file in the folder or repository.

    Raises:
        XTransplantError: no such file, two of them, or the package that reads them is missing.
    """
    text = bundled_checkpoint(str(name)) or str(name)
    path = Path(text).expanduser()
    found = Checkpoint(text, gguf_file)
    if path.suffix.lower() == ".gguf" and not path.is_dir():
        if gguf_file is not None:
            raise XTransplantError(
                f"--model {text} is a file, and --gguf-file {gguf_file} names another; leave one "
                "out"
            )
        if not path.is_file():
            raise XTransplantError(
                f"model {text!r} does not exist; give the path of a .gguf file, or of one on the "
                "hub: --model REPOSITORY --gguf-file NAME"
            )
        found = Checkpoint(str(path.parent), path.name)
    if found.gguf_file is None:
        return found
    if path.is_dir() and not (path / found.gguf_file).is_file():
        there = ", ".join(sorted(p.name for p in path.glob("*.gguf"))) or "none"
        raise XTransplantError(
            f"--gguf-file {found.gguf_file} is not in {text}; it holds these GGUF files: {there}"
        )
    if find_spec("gguf") is None:
        raise XTransplantError(
            f"{found} is a GGUF file, and the package that reads them is missing: "
            "pip install 'xtransplant[gguf]'"
        )
    return found


def check_gguf(found: Checkpoint, backend: Backend, *, tensor_parallel: bool = False) -> None:
    """Refuse a GGUF file where it cannot be loaded.

    Raises:
        XTransplantError: a server, which has models of its own, or a model that is to be split.
    """
    if found.gguf_file is None:
        return
    if backend.hosts_models:
        raise XTransplantError(
            f"{found} is a GGUF file, and --on {backend} runs what is deployed there; name a "
            "repository (xtp models), or leave --on out"
        )
    if tensor_parallel:
        raise XTransplantError(
            f"{found} is a GGUF file, which is not split over processes; leave --tensor-parallel "
            "off, or give the model's safetensors"
        )
