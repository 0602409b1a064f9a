"""Where a strategy fails: the file and line of its author, and a limit to how long it may take."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from xtransplant.errors import one_line

__all__ = ["TooLong", "limited", "line_in", "place_of", "words_of"]


class TooLong(BaseException):
    """Code of the user's took longer than it may; no ``except Exception`` of it stops this."""


def line_in(error: BaseException, path: str) -> int | None:
    """The innermost line of a file that an error passed through."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path]
    return lines[-1] if lines else None


def place_of(error: BaseException, path: str, shown: str | None = None) -> str:
    """``FILE line N``, or the file alone where the error never was inside it."""
    line = line_in(error, path)
    return (shown or path) + (f" line {line}" if line else "")


def words_of(error: BaseException) -> str:
    """What an error is, in a few words."""
    words = one_line(error)
    if isinstance(error, SystemExit):
        return f"it ends the program, sys.exit({error.code!r}); raise an error instead"
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Stop what runs inside when it takes too long, where a signal can do so: on the main thread.

    Raises:
        TooLong: it did.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or not hasattr(signal, "setitimer") or signal.getitimer(signal.ITIMER_REAL)[0]:
        # Elsewhere, or beside another's alarm, an endless loop is only ended by Ctrl-C.
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    # Again and again, for a loop that swallows whatever is raised in it.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
