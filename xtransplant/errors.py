"""The one exception a user is meant to read."""

from __future__ import annotations

__all__ = ["JobFailed", "XTransplantError"]


class XTransplantError(Exception):
    """Something the user can put right.

    The message is one line: what happened, the offending value, what would be right,
    and where it helps the command to try. The command line prints it and exits with code 2.
    """


class JobFailed(XTransplantError):
    """A job that a server took, and that ended in an error there."""
