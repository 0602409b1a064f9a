"""The formula in a strategy's docstring: its first indented block that has a ``:=``."""

from __future__ import annotations

from itertools import dropwhile, takewhile

__all__ = ["find_formula"]


def find_formula(doc: str) -> str:
    """The first indented block of a docstring that assigns something, in a line.

    Args:
        doc: without the indentation that all its lines share. A line that neither assigns nor
            begins with ``name =`` goes on with the one before it.

    Returns:
        Assignments and definitions between semicolons; empty if there is none.
    """
    lines = dropwhile(lambda line: not (_indented(line) and ":=" in line), doc.splitlines())
    found: list[str] = []
    for line in takewhile(_indented, lines):
        words = " ".join(line.split())
        if ":=" in words or words.split()[1:2] == ["="]:
            found.append(words)
        else:
            found[-1] += f" {words}"
    return "; ".join(found)


def _indented(line: str) -> bool:
    return line[:1].isspace() and bool(line.strip())
