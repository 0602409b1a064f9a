"""A table as text, in no format yet."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TextGrid", "TextLine"]


@dataclass(frozen=True)
class TextLine:
    """A line of a table as text.

    Attributes:
        label: its first cell.
        cells: the others.
        strategy: lines of one stand together; empty without a transplant.
        oracle: it looked at the answers.
        null: it belongs to the line above it: a null, judged or of a grid, or one of its languages.
    """

    label: str
    cells: list[str]
    strategy: str = ""
    oracle: bool = False
    null: bool = False

    @property
    def aside(self) -> bool:
        """Whether it is an oracle or a null, and no result of a method."""
        return self.oracle or self.null


@dataclass(frozen=True)
class TextGrid:
    """Lines under heads.

    Attributes:
        title: what it shows; of one that a table has beside its rows, without what that is about.
        heads: of the cells.
        lines: at least one.
        notes: one sentence each.
    """

    title: str
    heads: list[str]
    lines: list[TextLine]
    notes: tuple[str, ...]
