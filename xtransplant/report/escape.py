"""Text of users' files and models, made safe to show: no name or output can act on its reader."""

from __future__ import annotations

import unicodedata

__all__ = ["visible"]

# Marks that turn the direction of text: harmless in a prompt's file, misleading on a screen.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str, *, keep_lines: bool = False) -> str:
    """Text safe to put on a screen: control characters are written as escapes."""
    return "".join(
        char if (char == "\n" and keep_lines) or not _unsafe(char) else _escaped(char)
        for char in text
    )


def _unsafe(char: str) -> bool:
    return char in _TURNING or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
