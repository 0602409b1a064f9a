"""Files that are there whole or not at all, on any file system that can rename."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from xtransplant.errors import cannot_write

__all__ = ["stale_files", "written"]


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A temporary file that takes the path's place at once, when it is whole and on the disk.

    Raises:
        XTransplantError: the disk is full or the folder cannot be written to.
    """
    temporary = path.parent / f".{path.stem}-{secrets.token_hex(8)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The system takes the process's umask off; to ask for it is to change it for all threads.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield temporary
        with temporary.open("rb+") as whole:
            os.fsync(whole.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def stale_files(folder: Path) -> Iterator[Path]:
    """Files that a killed process left half-written; they are never read."""
    yield from folder.glob("*/task=*/lang=*/.part-*")
    yield from folder.glob(".manifest-*")
