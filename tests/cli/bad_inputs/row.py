"""One bad input: how it is made, the command line that meets it, what the one line has to say."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Row", "row"]


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        id: what is wrong, in words.
        command: arguments of ``xtp``, run in the folder of the files; ``LLAMA`` is a tiny model.
        words: what the line has to hold: what happened, the offending value, what would be right.
        files: by path, what they hold.
        make: makes what files alone cannot say, in the folder given.
        stdin: what standard input says.
    """

    id: str
    command: tuple[str, ...]
    words: tuple[str, ...]
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    make: Callable[[Path], object] | None = None
    stdin: str = ""


def row(
    id: str,
    command: str | tuple[str, ...],
    *words: str,
    files: Mapping[str, str | bytes] | None = None,
    make: Callable[[Path], object] | None = None,
    stdin: str = "",
) -> Row:
    """A row; the command as a shell would read it, or already in its arguments."""
    arguments = tuple(shlex.split(command)) if isinstance(command, str) else command
    return Row(id, arguments, words, files or {}, make, stdin)
