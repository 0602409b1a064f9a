"""Reports in Python: the tables of ``xtp report`` as a dataframe, and in a notebook as HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xtransplant.report.data import to_frame
from xtransplant.report.document import read_summaries, write_report
from xtransplant.report.formats import text_grids
from xtransplant.report.summary import Summary
from xtransplant.report.tables import Table, make_tables
from xtransplant.report.text_grid import TextGrid, TextLine
from xtransplant.style.escape import visible
from xtransplant.style.web import boxed, html_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RunReport", "open_report"]


@dataclass(frozen=True)
class RunReport:
    """Runs, counted: a notebook shows the tables of ``xtp report``.

    Attributes:
        paths: folders of the runs.
        level: ``strict``, ``match`` or ``lenient``: what counts as right.
        summaries: of each run, its counts.
    """

    paths: tuple[Path, ...]
    level: str
    summaries: tuple[Summary, ...] = field(repr=False)

    @property
    def tables(self) -> list[Table]:
        """One per subject, with the rows of every run that has it."""
        return make_tables(self.summaries, self.level)

    def to_frame(self) -> pd.DataFrame:
        """One row per row of the tables, language and level, as ``xtp report --format csv``."""
        return to_frame(self.summaries)

    def save_page(self, path: str | Path) -> Path:
        """Write all of it as one page of HTML to click through, offline.

        Raises:
            XTransplantError: a place that cannot be written to.
        """
        write_report(self.paths, page=Path(path), level=self.level)
        return Path(path)

    def __repr__(self) -> str:
        lines = [f"report of {len(self.summaries)} run{'s' * (len(self.summaries) != 1)}"]
        return "\n  ".join([*lines, *(visible(one.title) for one in self.tables)])

    def _repr_html_(self) -> str:
        grids = list(text_grids(self.tables))
        return boxed(*(_grid(one, first=one is grids[0]) for one in grids))


def open_report(*paths: str | Path, level: str = "match") -> RunReport:
    """Count runs, of which a notebook then shows the tables of ``xtp report``.

    Args:
        *paths: folders of runs; runs of one task and split are compared.
        level: ``strict``, ``match`` or ``lenient``.

    Raises:
        XTransplantError: no run there, nothing stored in it, or a damaged part.
    """
    return RunReport(tuple(map(Path, paths)), level, tuple(read_summaries(paths)))


def _grid(grid: TextGrid, *, first: bool) -> str:
    """A table to fold; the first one is open."""
    heads = "".join(f"<th scope=col>{html_text(head)}</th>" for head in grid.heads)
    rows = "".join(map(_line, grid.lines))
    notes = "".join(f"<li>{html_text(note)}</li>" for note in grid.notes)
    return (
        f"<details{' open' * first}><summary>{html_text(grid.title)}</summary>"
        f'<table class="xtp-t"><thead><tr><th></th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        f"<ul class=aside>{notes}</ul></details>"
    )


def _line(line: TextLine) -> str:
    label = f"{'&emsp;' * line.null}{html_text(line.label)}"
    cells = "".join(f"<td>{html_text(cell)}</td>" for cell in line.cells)
    return f"<tr{' class=aside' * line.aside}><th scope=row class=l>{label}</th>{cells}</tr>"
