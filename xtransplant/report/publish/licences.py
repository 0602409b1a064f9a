"""Whether the licences of a run's data let it be passed on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xtransplant.runs.manifest import Manifest

__all__ = ["conditions", "unshareable"]

# That say that anyone may pass the data, changed or not, on to others.
_SHAREABLE = re.compile(
    r"(?:mit|apache-2\.0|bsd-[23]-clause|unicode-3\.0|unlicense|cc0-1\.0|cdla-permissive-[\d.]+|"
    r"odc-by(?:-1\.0)?|odbl(?:-1\.0)?|cc-by(?:-nc)?(?:-sa)?-\d\.\d)",
    re.IGNORECASE,
)
_CONDITIONS = {"-by": "their authors are named", "-nc": "no commercial use",
               "-sa": "the same licence again"}  # fmt: skip


def holds_data(manifest: Manifest) -> bool:
    """Whether prompts and outputs are stored."""
    return bool(manifest.config.get("log_samples", True))


def unshareable(manifest: Manifest) -> dict[str, str]:
    """The licences of stored data that do not say that they may be passed on, by task."""
    if not holds_data(manifest):
        return {}
    return {
        name: entry.licence or "not stated"
        for name, entry in manifest.tasks.items()
        if not _SHAREABLE.fullmatch(entry.licence)
    }


def conditions(manifest: Manifest) -> Iterator[str]:
    """On which conditions stored data may be passed on, a sentence for each task that has any."""
    for name, entry in manifest.tasks.items() if holds_data(manifest) else ():
        own = [what for mark, what in _CONDITIONS.items() if mark in entry.licence.lower()]
        if own:
            yield f"{name}'s data are {entry.licence}: {', '.join(own)}"
