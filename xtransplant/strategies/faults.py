"""Errors of a strategy author's code: their file and line, their words, and a limit of time."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from xtransplant.errors import one_line

__all__ = [
    "TimeLimitExceeded",
    "describe_error",
    "last_line_in",
    "locate_error",
    "takes_for_tensor",
    "time_limit",
]


class TimeLimitExceeded(BaseException):
    """A user's code took longer than it may.

    No ``Exception``, so that an ``except Exception`` in that code does not catch it.
    """


def last_line_in(path: str, error: BaseException) -> int | None:
    """The innermost line of a file that an error passed through; None if it was never inside."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path]
    return lines[-1] if lines else None


def locate_error(error: BaseException, path: str, shown: str | None = None) -> str:
    """``FILE line N``, or the file alone where the error never was inside it.

    Args:
        error: what was raised.
        path: the file as its frames name it.
        shown: the file as the user named it; ``path`` by default.
    """
    line = last_line_in(path, error)
    return (shown or path) + (f" line {line}" if line else "")


def describe_error(error: BaseException) -> str:
    """An error's type and the first words of its message."""
    words = one_line(error)
    if takes_for_tensor(error):
        words += "; what is read is no tensor yet: beyond + - * / write apply(function, value)"
    if isinstance(error, SystemExit):
        return f"it ends the program, sys.exit({error.code!r}); raise an error instead"
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def takes_for_tensor(error: BaseException) -> bool:
    """Whether an error is Python's, of what only a tensor can do and a symbolic value cannot."""
    return isinstance(error, (AttributeError, TypeError)) and "Value" in one_line(error)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop the code inside when it takes too long, by SIGALRM.

    Signals reach the main thread alone, and there is one alarm per process: in another thread, or
    where someone else has set the alarm, there is no limit and Ctrl-C remains.

    Raises:
        TimeLimitExceeded: it took longer.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or not hasattr(signal, "setitimer") or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeLimitExceeded

    before = signal.signal(signal.SIGALRM, stop)
    # Every 0.1 s from then on: a loop with a bare `except:` catches the first.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
