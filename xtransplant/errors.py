"""The exception a user is meant to read, and wording that several of its messages share."""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "InvalidStrategy",
    "JobFailed",
    "MissingSite",
    "XTransplantError",
    "cannot_write",
    "one_line",
]


class XTransplantError(Exception):
    """Something the user can put right.

    The message is one line: what happened, the offending value, what would be right,
    and where it helps the command to try. The command line prints it and exits with code 2.
    """


class JobFailed(XTransplantError):
    """A job that a server accepted, and that raised an error there."""


class InvalidStrategy(XTransplantError):
    """What a strategy says and no model can do, such as a misspelt site: no model is needed to see.

    Anything else may depend on the model's layers and heads, or on the layer pair.
    """


class MissingSite(XTransplantError):
    """A layer pair at which a strategy reads or writes what is not there, as it is at others.

    The layer has not the site, or there is no such layer: ``j + 1`` of the last.
    """


def cannot_write(path: Path, error: OSError) -> XTransplantError:
    """The user's error where a run's file cannot be written: a full disk, or no permission.

    Args:
        path: of the file.
        error: what writing it raised.
    """
    why = error.strerror or " ".join(str(error).split())
    return XTransplantError(
        f"cannot write {str(path)!r}: {why}; what was stored before is whole: make room or give "
        "another --output-path, and run the same command again"
    )


def one_line(error: object) -> str:
    """A library's message on one line, its first 200 characters."""
    return " ".join(str(error).split())[:200]
