"""Where results are written: checked before the work, not after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xtransplant.errors import XTransplantError

__all__ = ["checked_path"]


def checked_path(path: str | Path, suffixes: Sequence[str], flag: str) -> Path:
    """The path, if its suffix is known and its folder exists.

    Raises:
        XTransplantError: otherwise; the message names the flag.
    """
    target = Path(path)
    if target.suffix not in suffixes:
        raise XTransplantError(
            f"{flag} {str(path)!r} should end in {' or '.join(suffixes)}, not {target.suffix!r}"
        )
    if not target.parent.is_dir():
        raise XTransplantError(
            f"{flag} {str(path)!r}: no folder {str(target.parent)!r}; make it first: "
            f"mkdir -p {target.parent}"
        )
    return target
