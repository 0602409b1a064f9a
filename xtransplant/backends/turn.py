"""Threads that take turns: one computes while the others wait for their jobs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Stopped", "Turn"]


class Stopped(Exception):
    """Work that was given up because other work failed."""


class Turn:
    """A lock that a thread holds while it computes, and releases while it waits for a server.

    nnsight's tracing and torch are used by one thread at a time; only waiting is done together.
    """

    def __init__(self) -> None:
        """A lock that no thread holds."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._mine = threading.local()

    def __enter__(self) -> None:
        """Wait for the lock, and hold it."""
        self._lock.acquire()
        self._mine.held = True

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        self._mine.held = False
        self._lock.release()

    def stop(self) -> None:
        """Make every thread that sleeps, or will sleep, raise :class:`Stopped`."""
        self._stop.set()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Release the lock for the length of the context, if this thread holds it."""
        held = getattr(self._mine, "held", False)
        if held:
            self.__exit__()
        try:
            yield
        finally:
            if held:
                self.__enter__()

    def sleep(self, seconds: float) -> None:
        """Sleep.

        Raises:
            Stopped: :meth:`stop` was called before or meanwhile.
        """
        if self._stop.wait(seconds):
            raise Stopped
