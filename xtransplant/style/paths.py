"""Where results are written: checked before the work, replaced only by what is whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from xtransplant.errors import XTransplantError, one_line

__all__ = ["PLOT_SUFFIXES", "TABLE_SUFFIXES", "checked_path", "replaced"]

PLOT_SUFFIXES = (".png", ".svg", ".pdf")
TABLE_SUFFIXES = (".parquet", ".csv", ".json")


def checked_path(path: str | Path, suffixes: Sequence[str], flag: str) -> Path:
    """The path, if its suffix is known and a file can be written there.

    That is tried: permissions alone do not tell, and after the work it would be too late.

    Raises:
        XTransplantError: otherwise; the message names the flag.
    """
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        raise XTransplantError(
            f"{flag} {str(path)!r} should end in {' or '.join(suffixes)}, not {target.suffix!r}"
        )
    with _explained(path, flag):
        if not target.parent.is_dir():
            raise XTransplantError(
                f"{flag} {str(path)!r}: no folder {str(target.parent)!r}; make it first: "
                f"mkdir -p {target.parent}"
            )
        if target.exists() and not target.is_file():
            what = "a folder" if target.is_dir() else "a device"
            raise XTransplantError(
                f"{flag} {str(path)!r} cannot be written: it is {what}; give the path of a file"
            )
        trial = _beside(target)
        trial.touch(exist_ok=False)
        trial.unlink()
    return target


@contextmanager
def replaced(path: str | Path, flag: str) -> Iterator[Path]:
    """A file to write, which takes the place of ``path`` at once when it is whole.

    Raises:
        XTransplantError: the disk is full or the folder cannot be written to; what was there
            before is as it was.
    """
    target = Path(path)
    with _explained(path, flag):
        written = _beside(target)
        try:
            yield written
            os.replace(written, target.resolve())
        finally:
            with suppress(OSError):
                written.unlink(missing_ok=True)


@contextmanager
def _explained(path: str | Path, flag: str) -> Iterator[None]:
    """Errors of the file system, in words."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or one_line(error)
        raise XTransplantError(
            f"{flag} {str(path)!r} cannot be written: {why}; give another path"
        ) from error


def _beside(target: Path) -> Path:
    """A new name in the folder that a path leads to, as long as the name itself."""
    real = target.resolve()
    return real.with_name(f".{real.stem[: -9 or None]}-{secrets.token_hex(3)}{real.suffix}")
