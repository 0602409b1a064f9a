"""Names that become paths: the one place where a task, language or run is turned into one."""

from __future__ import annotations

import re

from xtransplant.text import text_digest

__all__ = ["path_name", "plain_name"]

_SAFE = re.compile(r"[\w.+-]")
_PLAIN = re.compile(r"(?!\.)[\w.+-]+")
_LONGEST = 96  # bytes; file systems take 255, and a prefix such as "lang=" and a suffix come to it


def path_name(text: str) -> str:
    """One component of a path that stands for ``text`` and for nothing else.

    What is not a letter, a digit or one of ``_.+-`` is percent-encoded, as Hive's partitions are,
    so that readers of such folders show the name itself; so is a dot in front. A name too long for
    a file system ends in a hash of all of it.
    """
    if len(text) < 24 and _PLAIN.fullmatch(text):
        return text  # nearly always, and asked for at every look at a part
    pieces = [_encoded(c, first=k == 0) for k, c in enumerate(text)]
    if sum(len(piece.encode()) for piece in pieces) <= _LONGEST:
        return "".join(pieces)
    # Written small, this escape is none that a character of a name can have.
    tail = "%7e" + text_digest(text)[:32]
    return _fitting(pieces, _LONGEST - len(tail)) + tail


def plain_name(*parts: str) -> str:
    """A name for a file or folder that people type: ``_`` for what is not plain.

    Different parts may come to the same name only where no character had to be replaced; else a
    hash of them is part of it.
    """
    pieces = [c if _SAFE.fullmatch(c) else "_" for c in "-".join(parts)]
    if pieces[:1] == ["."]:
        pieces[0] = "_"
    name = "".join(pieces)
    if name == "-".join(parts) and len(name.encode()) <= _LONGEST:
        return name
    tail = "-" + text_digest("\0".join(parts))[:8]
    return _fitting(pieces, _LONGEST - len(tail)) + tail


def _encoded(character: str, *, first: bool) -> str:
    if _SAFE.fullmatch(character) and not (first and character == "."):
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _fitting(pieces: list[str], room: int) -> str:
    """As many whole pieces as so many bytes hold."""
    taken, used = [], 0
    for piece in pieces:
        used += len(piece.encode())
        if used > room:
            break
        taken.append(piece)
    return "".join(taken)
