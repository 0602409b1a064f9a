"""Where results are written: checked before the work, not after it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from xtransplant.errors import XTransplantError

__all__ = ["checked_path"]


def checked_path(path: str | Path, suffixes: Sequence[str], flag: str) -> Path:
    """The path, if its suffix is known and its folder can be written to.

    Raises:
        XTransplantError: otherwise; the message names the flag.
    """
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        raise XTransplantError(
            f"{flag} {str(path)!r} should end in {' or '.join(suffixes)}, not {target.suffix!r}"
        )
    if not target.parent.is_dir():
        raise XTransplantError(
            f"{flag} {str(path)!r}: no folder {str(target.parent)!r}; make it first: "
            f"mkdir -p {target.parent}"
        )
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        raise XTransplantError(
            f"{flag} {str(path)!r} cannot be written: a folder, or no permission; give another path"
        )
    return target
