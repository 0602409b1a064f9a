"""Which of a run's files are published, and what in them names a person's folders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtransplant.runs.checksums import KINDS
from xtransplant.runs.store import Run

__all__ = ["CARD", "PublishedFile", "left_out", "named_places", "published_files"]

CARD = "README.md"
"""What the hub shows of a data set; written anew at each push."""

_OURS = ("jobs", CARD)
_HOMES = re.compile(r"(/home/|/Users/|[A-Za-z]:\\Users\\)[^/\\\s]+|/root(?=/|$)")


@dataclass(frozen=True)
class PublishedFile:
    """A file that goes.

    Attributes:
        path: on this machine.
        name: in the data set.
        size: in bytes.
    """

    path: Path
    name: str
    size: int


def published_files(run: Run) -> list[PublishedFile]:
    """The manifest, every stored part with its checksums, and what else was put beside them."""
    own = [one for one in sorted(run.path.iterdir()) if _is_beside(one)]
    for part in run.stored():
        own += [*(run.part_path(kind, part) for kind in KINDS), run.sums_path(part)]
    return [
        PublishedFile(one, one.relative_to(run.path).as_posix(), one.stat().st_size) for one in own
    ]


def left_out(run: Run) -> list[str]:
    """What lies beside them and does not go: ids of a server's jobs, folders, an old card.

    Hidden files neither; they are not named.
    """
    known = (*KINDS, "checksums")
    return [
        one.name
        for one in sorted(run.path.iterdir())
        if not (_is_beside(one) or one.name in known or one.name.startswith("."))
    ]


def _is_beside(path: Path) -> bool:
    hidden = path.name.startswith(".") or path.name in _OURS
    return path.is_file() and not path.is_symlink() and not hidden


def named_places(run: Run) -> list[str]:
    """Where the manifest names a person's home folder, or the machine: ``where: what`` each."""
    document = json.loads((run.path / "manifest.json").read_text("utf-8"))
    home = str(Path.home())
    found = [
        f"{where}: {text}"
        for where, text in _texts(document, "")
        if _HOMES.search(text) or (len(home) > 1 and text.startswith(home))
    ]
    if host := document.get("machine", {}).get("host"):
        found.append(f"machine.host: {host}")
    return found


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for k, one in enumerate(value):
            yield from _texts(one, f"{where}[{k}]")
