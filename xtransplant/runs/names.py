"""File names from the names of tasks, languages and runs."""

from __future__ import annotations

import re

from xtransplant.text import text_digest

__all__ = ["path_name", "plain_name"]

_SAFE = re.compile(r"[\w.+-]")
_PLAIN = re.compile(r"(?!\.)[\w.+-]+")
_LONGEST = 96  # bytes; file systems take 255, and a prefix such as "lang=" and a suffix come to it


def path_name(text: str) -> str:
    """One component of a path, different for every ``text``.

    Characters other than letters, digits and ``_.+-`` are percent-encoded, as in Hive partitions,
    so that readers of such folders decode the name; so is a leading dot. A name too long for a file
    system is cut, and ends in a hash of the whole.
    """
    if len(text) < 24 and _PLAIN.fullmatch(text):
        return text  # nearly always, and asked for at every look at a part
    pieces = [_encoded(c, first=k == 0) for k, c in enumerate(text)]
    if sum(len(piece.encode()) for piece in pieces) <= _LONGEST:
        return "".join(pieces)
    # In lower case, which no encoded character is, so that no other name can end like this.
    tail = "%7e" + text_digest(text)[:32]
    return _cut(pieces, _LONGEST - len(tail)) + tail


def plain_name(*texts: str) -> str:
    """A name for a file or folder that people type, with ``_`` for other characters.

    A hash of the texts is appended where a character was replaced or the name was cut, so that
    texts that differ in what was replaced or cut do not get the same name.
    """
    pieces = [c if _SAFE.fullmatch(c) else "_" for c in "-".join(texts)]
    if pieces[:1] == ["."]:
        pieces[0] = "_"
    name = "".join(pieces)
    if name == "-".join(texts) and len(name.encode()) <= _LONGEST:
        return name
    tail = "-" + text_digest("\0".join(texts))[:8]
    return _cut(pieces, _LONGEST - len(tail)) + tail


def _encoded(character: str, *, first: bool) -> str:
    if _SAFE.fullmatch(character) and not (first and character == "."):
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _cut(pieces: list[str], limit: int) -> str:
    """As many whole pieces as fit into ``limit`` bytes of UTF-8."""
    taken, used = [], 0
    for piece in pieces:
        used += len(piece.encode())
        if used > limit:
            break
        taken.append(piece)
    return "".join(taken)
