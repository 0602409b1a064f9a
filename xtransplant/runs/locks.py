"""Locks between the processes that share a run; the system releases them when a process dies.

``filelock`` locks the manifest everywhere, and the parts where there is no ``fcntl`` (Windows),
with a file for each. Elsewhere parts are locked here, as byte ranges of one file, which
``filelock`` does not do: a run may have 100,000 parts, and so many open files, or lock files left
behind on a shared disk, are too many. POSIX byte-range locks also work over NFS, and a forked
child does not inherit them.
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

__all__ = ["LOCKS", "Locks", "lock_manifest", "part_locks"]

LOCKS = "locks"
"""The folder of the parts' locks where there is no ``fcntl``."""
_HELD = (errno.EACCES, errno.EAGAIN)  # by another process; any other error is a fault


class Locks(Protocol):
    """Non-blocking locks by number; this process holds those that it has acquired."""

    def hold(self, number: int) -> bool:
        """Acquire one; False if another process holds it.

        Raises:
            XTransplantError: the file system has no locks.
        """

    def release(self, number: int) -> None:
        """Release one, held or not."""


@dataclass(frozen=True)
class _Bytes:
    """One byte of a file per lock; ``fcntl`` is the module, which tests replace."""

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
    """One file per lock, by ``filelock``."""

    folder: Path
    held: dict[int, BaseFileLock] = field(default_factory=dict)

    def hold(self, number: int) -> bool:
        # One thread acquires a part's lock and another, which computes it, releases it.
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
def part_locks(folder: Path) -> Iterator[Locks]:
    """The locks of a run's parts; those that are still held are released at the end.

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
def lock_manifest(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's manifest, waiting for it: no other process writes it meanwhile.

    Raises:
        XTransplantError: the folder cannot be written to, or its file system has no locks.
    """
    # A file of its own: POSIX releases all of a process's locks on a file when the process closes
    # any handle of it, which would free the parts held in ``.lock``.
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
