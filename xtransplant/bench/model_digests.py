"""SHA-256 of the files that a model came from.

Nothing is sampled: one changed value among billions is another model. A file's digest is remembered
by its path, size and times, for large ones take seconds a gigabyte; what the hub's client stored is
named by its digest already.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.files import cache_folder, write_atomically
from xtransplant.model.checkpoint import find_checkpoint
from xtransplant.runs.checksums import sha256_of

__all__ = ["file_digests"]

_READ = (".json", ".safetensors", ".model", ".txt", ".jinja", ".py", ".tiktoken")
_LARGE = 2**25  # bytes from which on a file's digest is worth remembering
_FRESH = 2.0  # seconds in which a file may change twice and its times once
_SHA256 = re.compile(r"[0-9a-f]{64}")


def file_digests(
    name: str, revision: str | None, gguf_file: str | None = None
) -> dict[str, str] | None:
    """SHA-256 of each file of a checkpoint by its name; None where it is not on this machine.

    Args:
        name: a folder, a repository whose snapshot the hub's client has stored, or a GGUF file.
        revision: branch, tag or commit of the repository.
        gguf_file: the one file that counts, if any.
    """
    checkpoint = find_checkpoint(name, gguf_file)
    main = checkpoint.file(revision)
    folder = Path(name).expanduser() if main is None else main.parent
    if checkpoint.gguf_file is not None:
        paths = [] if main is None else [main]
    elif not folder.is_dir():
        paths = []
    else:
        paths = sorted(p for p in folder.iterdir() if p.suffix in _READ and p.is_file())
    if not paths:
        return None
    memory = _Memory.load()
    found = {path.name: memory.digest(path) for path in paths}
    memory.save()
    return found


class _Memory:
    """Digests of large files seen before. Without it they are computed again, no more."""

    def __init__(self, known: dict[str, Any]) -> None:
        self._known = known
        self._changed = False

    @classmethod
    def load(cls) -> _Memory:
        try:
            known = json.loads((cache_folder() / "sha256.json").read_text())
        except (OSError, ValueError):
            known = {}
        return cls(known if isinstance(known, dict) else {})

    def digest(self, path: Path) -> str:
        """A file's SHA-256."""
        real = path.resolve()
        # The hub's client keeps large files under their SHA-256, and links to them.
        if path.is_symlink() and real.parent.name == "blobs" and _SHA256.fullmatch(real.name):
            return real.name
        before = real.stat()
        stamp = [before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino]
        entry = self._known.get(str(real))
        if isinstance(entry, list) and entry[:-1] == stamp and _SHA256.fullmatch(str(entry[-1])):
            return str(entry[-1])
        digest = sha256_of(real)
        if (
            before.st_size >= _LARGE
            and time.time() - max(before.st_mtime, before.st_ctime) > _FRESH
        ):
            self._known[str(real)] = [*stamp, digest]
            self._changed = True
        return digest

    def save(self) -> None:
        """Keep what is new, where that can be kept, and forget files that are gone."""
        if not self._changed:
            return
        path = cache_folder() / "sha256.json"
        known = {name: entry for name, entry in self._known.items() if Path(name).is_file()}
        with suppress(XTransplantError), write_atomically(path) as draft:
            draft.write_text(json.dumps(known))
