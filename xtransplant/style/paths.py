"""Paths of results: checked before the work begins, replaced only by a complete file."""

from __future__ import annotations

import errno
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

    A file is created and removed again to find out: permissions alone do not decide it, and after
    the work it would be too late.

    Args:
        path: of a file to be written.
        suffixes: those that are known, each with its dot.
        flag: of the command line, to be named in errors.

    Raises:
        XTransplantError: another suffix, or a place where no file can be written.
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
    """A temporary file to write, renamed to ``path`` when the block ends without an error.

    Args:
        path: of the result.
        flag: of the command line, to be named in errors.

    Raises:
        XTransplantError: the disk is full or the folder cannot be written to; a file that was
            there before is left as it was.
    """
    target = Path(path)
    with _explained(path, flag):
        written = _beside(target)
        try:
            yield written
            os.replace(written, _real(target))
        finally:
            with suppress(OSError):
                written.unlink(missing_ok=True)


@contextmanager
def _explained(path: str | Path, flag: str) -> Iterator[None]:
    """Errors of the file system as :class:`XTransplantError`."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or one_line(error)
        raise XTransplantError(
            f"{flag} {str(path)!r} cannot be written: {why}; give another path"
        ) from error


def _beside(target: Path) -> Path:
    """A new name in the folder of the file that a path resolves to, no longer than its own.

    File systems limit the length of names.
    """
    real = _real(target)
    return real.with_name(f".{real.stem[: -9 or None]}-{secrets.token_hex(3)}{real.suffix}")


def _real(target: Path) -> Path:
    """The file that a path leads to; from Python 3.13 on a circle of links resolves to itself."""
    real = target.resolve()
    if real.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(target))
    return real
