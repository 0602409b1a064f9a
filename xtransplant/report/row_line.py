"""Lines of further tables: each is of a row of the table of rates, or of a null grid there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xtransplant.report.row import Row
from xtransplant.report.summary import Summary
from xtransplant.report.text_grid import TextLine

__all__ = ["RowLine", "row_lines"]


@dataclass(frozen=True)
class RowLine:
    """What a line is of.

    Attributes:
        run: the run's name.
        label: the row's, with its run where several are reported.
        key, strategy, oracle: the row's.
        null: the null grid's name, at the row's pairs; empty of the row itself.
    """

    run: str
    label: str
    key: str
    strategy: str
    oracle: bool
    null: str

    def text(self, cells: list[str]) -> TextLine:
        """As a line of a table."""
        label = f"null grid {self.null}" if self.null else self.label + " †" * self.oracle
        return TextLine(label, cells, self.strategy, self.oracle, bool(self.null))

    def json(self) -> dict[str, Any]:
        """The same for programs, to be followed by numbers."""
        return {
            "run": self.run, "key": self.key, "strategy": self.strategy, "null_grid": self.null,
            "oracle": self.oracle,
        }  # fmt: skip


def row_lines(
    summary: Summary, row: Row, *, several: bool, name: str = ""
) -> Iterator[tuple[RowLine, str]]:
    """The row and its null grids, each with the name that its records have.

    Args:
        summary: the row's run.
        row: a row of it.
        several: whether other runs are reported with it, so that its label has to name it.
        name: of the row's own records; its strategy's by default.
    """
    label = row.label + f" [{summary.name}]" * several
    names = {"": name or row.strategy, **summary.manifest.nulls_of(row.strategy)}
    for null, records in names.items():
        yield RowLine(summary.name, label, row.key, row.strategy, row.oracle, null), records
