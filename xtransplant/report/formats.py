"""Tables to be read: as Markdown, or for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xtransplant.report.choosing_shown import CHOOSING_HEADS, CHOOSING_NOTE, choosing_cells
from xtransplant.report.gain_table import gain_cells, gain_heads, gain_notes
from xtransplant.report.more import more_grids
from xtransplant.report.row import Row
from xtransplant.report.sets import HEADS, SetRates, set_cells
from xtransplant.report.tables import Table
from xtransplant.report.text_grid import TextGrid, TextLine
from xtransplant.stats.over_items import OverItems
from xtransplant.stats.rates import Mean, Rate, macro, micro, spread
from xtransplant.style.escape import escape_markdown, visible

if TYPE_CHECKING:
    from rich.console import Group

__all__ = [
    "FORMATS",
    "grids_to_markdown",
    "grids_to_terminal",
    "text_grids",
    "to_markdown",
    "to_terminal",
]

FORMATS = {"terminal": "txt", "markdown": "md", "csv": "csv", "json": "json", "latex": "tex"}
"""Names of formats, and what their files end in."""

_AVERAGES = ("micro", "macro", "spread", "n")
_LEGEND = (
    "micro: all examples; macro: mean over languages; each ± its standard error over items, which "
    "are alike in all their languages; spread: standard deviation over languages; n: examples"
)


def _lines(table: Table) -> Iterator[tuple[TextLine, Row, dict[str, SetRates]]]:
    """Every line over all examples, its row, and what it is over the two sets."""
    for row in table.rows:
        marks = "†" * row.oracle + "‡" * (not row.complete)
        label = f"{row.label} {marks}" if marks else row.label
        cells = _cells(row.rates, table.languages, row.micro, row.macro)
        line = TextLine(label, cells, row.strategy, row.oracle)
        yield line, row, row.sets
        null = replace(line, null=True)
        if row.nulls is not None:
            each = list(row.nulls.values())
            own = row.null_over_items or OverItems(micro(each), macro(each))
            cells = _cells(row.nulls, table.languages, own.micro, own.macro)
            yield replace(null, label="its null", cells=cells), row, {}
        for name, one in row.null_grids.items():
            cells = _cells(one.rates, table.languages, one.micro, one.macro)
            yield replace(null, label=f"null grid {name}", cells=cells), row, one.sets


def _set_lines(table: Table) -> Iterator[TextLine]:
    for line, _, sets in _lines(table):
        if sets or not line.null:
            yield replace(line, cells=set_cells(sets))


def _gain_lines(table: Table) -> Iterator[TextLine]:
    for line, row, _ in _lines(table):
        for null, one in () if line.null else row.gains.over():
            label = f"{line.label}, over null grid {null}" if null else line.label
            yield replace(line, label=label, cells=gain_cells(one, table.subject.mode))


def _choosing_lines(table: Table) -> Iterator[TextLine]:
    for line, row, _ in _lines(table):
        if row.choosing is not None and not line.null:
            for lang, cells in choosing_cells(row.choosing):
                yield replace(line, label=lang or line.label, cells=cells, null=bool(lang))


def text_grids(tables: Sequence[Table]) -> Iterator[TextGrid]:
    """Each table over all its examples; then over the two sets, where any run knows them."""
    for table in tables:
        heads = [*table.languages, *_AVERAGES]
        sets = any(
            rate.n for row in table.rows for one in row.sets.values() for rate in one.rates.values()
        )
        notes = (*table.notes, _LEGEND)
        yield TextGrid(
            table.title,
            heads,
            [line for line, *_ in _lines(table)],
            notes if sets else (*notes, *table.about_sets),
        )
        if sets:
            title = f"{table.warning}{table.about}: gap mended, shared kept ({table.how})"
            yield TextGrid(title, list(HEADS), list(_set_lines(table)), table.about_sets)
        if gains := list(_gain_lines(table)):
            title = f"{table.warning}{table.about}: gain over vanilla ({table.how})"
            own = [one for row in table.rows for _, one in row.gains.over()]
            mode = table.subject.mode
            yield TextGrid(title, gain_heads(mode), gains, gain_notes(own, mode))
        if choices := list(_choosing_lines(table)):
            title = f"{table.warning}{table.about}: what choosing a pair is worth ({table.how})"
            yield TextGrid(title, list(CHOOSING_HEADS), choices, (CHOOSING_NOTE,))
        for one in more_grids(table.runs, table.level):
            yield replace(one, title=f"{table.warning}{table.about}: {one.title} ({table.how})")


def to_markdown(tables: Sequence[Table]) -> str:
    """Every table, its notes below it."""
    return grids_to_markdown(text_grids(tables))


def grids_to_markdown(grids: Iterable[TextGrid]) -> str:
    """:func:`to_markdown` of what is text already."""
    parts = []
    for one in grids:
        heads = ["", *map(escape_markdown, one.heads)]
        lines = [f"### {escape_markdown(one.title)}", "", "| " + " | ".join(heads) + " |"]
        lines.append("|---|" + "--:|" * (len(heads) - 1))
        lines += [
            "| " + " | ".join([escape_markdown(line.label), *line.cells]) + " |"
            for line in one.lines
        ]
        lines += ["", *(f"- {escape_markdown(note)}" for note in one.notes)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def to_terminal(tables: Sequence[Table], width: int) -> Group:
    """Every table for rich, its languages in blocks that fit the terminal.

    Args:
        tables: what to show.
        width: of the terminal, in columns.
    """
    return grids_to_terminal(text_grids(tables), width)


def grids_to_terminal(grids: Iterable[TextGrid], width: int) -> Group:
    """:func:`to_terminal` of what is text already."""
    from rich import box
    from rich.cells import cell_len
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    shown: list[Any] = []
    for one in grids:
        shown.append(Text(visible(one.title), style="bold"))
        heads, lines = list(map(visible, one.heads)), one.lines
        labels = [("  " if line.null else "") + visible(line.label) for line in lines]
        columns = zip(heads, zip(*(line.cells for line in lines), strict=True), strict=True)
        # Between two columns stand a space of either and a divider.
        widths = [max(cell_len(head), *map(len, column)) + 3 for head, column in columns]
        room = width - max(map(cell_len, labels))
        for start, stop in _blocks(widths, room):
            # Texts, not strings, in which rich would interpret markup.
            rich = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
            rich.add_column(Text(""), no_wrap=True)
            for head in heads[start:stop]:
                rich.add_column(Text(head), justify="right", no_wrap=True)
            strategy = ""
            for label, line in zip(labels, lines, strict=True):
                if line.strategy != strategy:
                    rich.add_section()
                    strategy = line.strategy
                cells = map(Text, [label, *line.cells[start:stop]])
                rich.add_row(*cells, style="dim" if line.aside else "")
            shown += [rich, Text("")]
        shown += [Text(visible(note), style="dim") for note in one.notes]
        shown.append(Text(""))
    return Group(*shown)


def _blocks(widths: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Ranges of columns, ``(start, stop)``, that fit beside one another into ``room``."""
    blocks, start, taken = [], 0, 0
    for k, width in enumerate(widths):
        if k > start and taken + width > room:
            blocks.append((start, k))
            start, taken = k, 0
        taken += width
    return [*blocks, (start, len(widths))]


def _cells(
    by_language: dict[str, Rate], languages: Sequence[str], every: Rate, of_languages: Mean
) -> list[str]:
    """A percentage per language, then the averages over examples and over languages."""
    rates, (mean, error) = list(by_language.values()), of_languages
    own = [_percent(by_language[lang].value) if lang in by_language else "–" for lang in languages]
    return [
        *own,
        _with_error(every.value, every.stderr),
        _with_error(mean, error),
        _percent(spread(rates)),
        str(every.known),
    ]


def _with_error(value: float, error: float) -> str:
    return _percent(value) if math.isnan(value) else f"{_percent(value)} ±{_percent(error)}"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"
