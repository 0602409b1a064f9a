"""Writing files atomically, on any file system that can rename; where what is remembered lies."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from xtransplant.errors import cannot_write

__all__ = ["cache_folder", "open_atomically", "stale_files", "write_atomically"]


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """A temporary file to write to, which replaces ``path`` when the block ends without an error.

    It is flushed to the disk first, so that a crash leaves the old file or the whole new one.

    Raises:
        XTransplantError: the disk is full or the folder cannot be written to.
    """
    temporary = path.parent / f".{path.stem}-{secrets.token_hex(8)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # os.open applies the umask by itself; os.umask, to read it, would change it meanwhile for
        # all threads.
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


@contextmanager
def open_atomically(paths: Mapping[str, Path]) -> Iterator[dict[str, TextIO]]:
    """Text files to write side by side, by the paths' names; each as :func:`write_atomically`."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                stack.enter_context(write_atomically(path)).open("w", encoding="utf-8")
            )
            for name, path in paths.items()
        }


def stale_files(folder: Path) -> Iterator[Path]:
    """Temporary files that a killed process left behind; they are never read."""
    yield from folder.glob("*/task=*/lang=*/.part-*")
    yield from folder.glob(".manifest-*")


def cache_folder() -> Path:
    """Where what can be found out again is remembered: ``~/.cache/xtransplant``, or as is set.

    ``XTRANSPLANT_CACHE`` is the folder itself, ``XDG_CACHE_HOME`` the one that it lies in.
    """
    if own := os.environ.get("XTRANSPLANT_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xtransplant"
