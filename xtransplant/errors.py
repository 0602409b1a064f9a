"""The one exception a user is meant to read, and what its messages share."""

from __future__ import annotations

from pathlib import Path

__all__ = ["JobFailed", "XTransplantError", "cannot_write", "one_line"]


class XTransplantError(Exception):
    """Something the user can put right.

    The message is one line: what happened, the offending value, what would be right,
    and where it helps the command to try. The command line prints it and exits with code 2.
    """


class JobFailed(XTransplantError):
    """A job that a server took, and that ended in an error there."""


def cannot_write(path: Path, error: OSError) -> XTransplantError:
    """What a full disk or a folder that is closed to us is to the user of a run."""
    why = error.strerror or " ".join(str(error).split())
    return XTransplantError(
        f"cannot write {str(path)!r}: {why}; what was stored before is whole: make room or give "
        "another --output-path, and run the same command again"
    )


def one_line(error: object) -> str:
    """The first words of what a library said."""
    return " ".join(str(error).split())[:200]
