"""Who works on what: locks that the system lets go of when their process dies.

Parts are bytes of one file, held by ``fcntl``: a run of 100,000 parts has one file for its locks,
NFS knows them too, and a forked child does not inherit what its parent holds. The library
``filelock`` would need a file for each part; it serves where there is no ``fcntl`` (Windows), and
everywhere for the one lock of the manifest.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from filelock import BaseFileLock, FileLock, Timeout

from xtransplant.errors import XTransplantError, cannot_write

try:
    import fcntl as _fcntl
except ImportError:
    _fcntl = None  # type: ignore[assignment]

__all__ = ["LOCKS", "Locks", "alone", "locks_of"]

LOCKS = "locks"
"""The folder of the parts' locks where there is no ``fcntl``."""
_HELD = (errno.EACCES, errno.EAGAIN)  # by another process; all else is a fault


class Locks(Protocol):
    """Locks by number, held by this process."""

    def hold(self, number: int) -> bool:
        """Take one; False if another process has it.

        Raises:
            XTransplantError: the file system has no locks.
        """

    def release(self, number: int) -> None:
        """Let go of one, held or not."""


@dataclass(frozen=True)
class _Bytes:
    """Bytes of a file."""

    path: Path
    handle: int
    fcntl: Any

    def hold(self, number: int) -> bool:
        try:
            self.fcntl.lockf(self.handle, self.fcntl.LOCK_EX | self.fcntl.LOCK_NB, 1, number)
        except OSError as error:
            if error.errno in _HELD:
                return False
            raise _no_locks(self.path, error) from error
        return True

    def release(self, number: int) -> None:
        self.fcntl.lockf(self.handle, self.fcntl.LOCK_UN, 1, number)


@dataclass(frozen=True)
class _Files:
    """A file for each."""

    folder: Path
    held: dict[int, BaseFileLock] = field(default_factory=dict)

    def hold(self, number: int) -> bool:
        # Threads of one process pass parts on to each other.
        lock = FileLock(self.folder / f"{number:06d}", thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
        except (OSError, NotImplementedError) as error:
            raise _no_locks(self.folder, error) from error
        self.held[number] = lock
        return True

    def release(self, number: int) -> None:
        if number in self.held:
            self.held.pop(number).release()


@contextmanager
def locks_of(folder: Path) -> Iterator[Locks]:
    """The locks of a run's parts; whatever is held is let go at the end.

    Raises:
        XTransplantError: the folder cannot be written to.
    """
    if _fcntl is None:
        files = _Files(folder / LOCKS)
        try:
            files.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(files.folder, error) from error
        try:
            yield files
        finally:
            for number in list(files.held):
                files.release(number)
        return
    path = folder / ".lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield _Bytes(path, handle, _fcntl)
    finally:
        os.close(handle)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else writes the manifest of a run meanwhile.

    Raises:
        XTransplantError: the folder cannot be written to, or its file system has no locks.
    """
    # A file of its own: closing any handle of a file lets go of all the bytes held in it.
    path = folder / ".manifest.lock"
    lock = FileLock(path)
    try:
        lock.acquire()
    except NotImplementedError as error:
        raise _no_locks(path, error) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _no_locks(path: Path, error: Exception) -> XTransplantError:
    why = getattr(error, "strerror", None) or str(error)
    return XTransplantError(
        f"cannot lock {str(path)!r}: {why}; this file system has no locks, which keep processes "
        "apart: give an --output-path on another one"
    )
