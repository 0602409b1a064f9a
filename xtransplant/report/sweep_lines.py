"""What each value of a swept option reaches: percent right against it, with 95% intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xtransplant.report.row import Row, arrow
from xtransplant.report.rows import base_of
from xtransplant.report.summary import Summary
from xtransplant.report.tables import Table
from xtransplant.runs.manifest import Manifest
from xtransplant.runs.options import family_of, options_of, swept_options
from xtransplant.style.colours import GREY, LINES, MARKS, add_title, clear_axes, legend_name
from xtransplant.style.escape import short
from xtransplant.style.fonts import installed_fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_sweeps"]

_MOST_LINES = len(LINES)
_KINDS = ("pilot", "pair", "best")
_APART = 0.1  # of several lines' marks at one name, where names are 1 apart
_LONGEST = 6  # characters of a value that stand side by side


@dataclass(frozen=True)
class _Line:
    """Rows that differ in one option alone.

    Attributes:
        label: what they have in common.
        option: the one.
        rows: by its value, in the order of the values.
    """

    label: str
    option: str
    rows: dict[Any, Row]

    @property
    def hindsight(self) -> bool:
        """Whether any was picked by the answers that it is counted by."""
        return any(row.oracle for row in self.rows.values())


def draw_sweeps(table: Table, summaries: Sequence[Summary]) -> Iterator[tuple[str, Figure]]:
    """A figure for each option that rows of a table were swept over, and its name.

    A line per strategy and layer pair, all languages together. Rows that were picked after seeing
    the answers, the best pair of each value, are hollow and dashed.

    Args:
        table: its rows.
        summaries: the runs that they come from.
    """
    from matplotlib.figure import Figure

    lines = list(_lines(table, {one.name: one for one in summaries}))
    for option in dict.fromkeys(line.option for line in lines):
        own = [line for line in lines if line.option == option][:_MOST_LINES]
        figure = Figure(figsize=(7.2, 3.9), layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, own, table)
        axes.set_xlabel(short(option, 40), fontsize=9)
        axes.set_ylabel("percent right", fontsize=9)
        figure.legend(
            loc="outside right center", fontsize=8, frameon=False,
            prop={"family": installed_fonts(), "size": 8},
        )  # fmt: skip
        note = "; †, hollow: each value's best pair, picked after seeing the answers"
        hindsight = note if any(line.hindsight for line in own) else ""
        add_title(figure, table.warning + table.about, f"{table.how}; bars: 95%{hindsight}")
        yield option, figure


def _draw(axes: Axes, lines: Sequence[_Line], table: Table) -> None:
    values = list(dict.fromkeys(value for line in lines for value in line.rows))
    numbers = _are_numbers(values)
    # Names stand side by side, in the order of the run; nothing lies between two of them.
    place = {value: value if numbers else k for k, value in enumerate(values)}
    for k, line in enumerate(lines):
        rates = [row.micro for row in line.rows.values()]
        beside = 0 if numbers else _APART * (k - (len(lines) - 1) / 2)
        x = [place[value] + beside for value in line.rows]
        y = [100 * rate.value for rate in rates]
        bars = [
            [100 * (rate.value - rate.ci95[0]) for rate in rates],
            [100 * (rate.ci95[1] - rate.value) for rate in rates],
        ]
        colour = LINES[k % len(LINES)]
        style = ("--" if line.hindsight else "-") if numbers else "none"
        axes.errorbar(
            x, y, yerr=bars, color=colour, ls=style, lw=1.5, marker=MARKS[k % len(MARKS)], ms=5,
            elinewidth=1, markerfacecolor="white" if line.hindsight else colour,
            label=legend_name(line.label) + " †" * line.hindsight,
        )  # fmt: skip
    for row in table.rows:
        if row.kind == "vanilla":
            axes.axhline(100 * row.micro.value, color=GREY, ls="--", lw=1.2, label=row.label)
    if not numbers:
        names = [short(str(value), 20) for value in values]
        turned = max(map(len, names)) > _LONGEST and len(names) > 4
        axes.set_xticks(range(len(values)), names, rotation=45 * turned)
    clear_axes(axes)
    axes.set_ylim(bottom=0)


def _are_numbers(values: Iterable[Any]) -> bool:
    return all(isinstance(value, int | float) and value is not bool(value) for value in values)


def _lines(table: Table, runs: dict[str, Summary]) -> Iterator[_Line]:
    """Every set of two or more rows that differ in one option alone."""
    labels: dict[tuple[Any, ...], str] = {}
    groups: dict[tuple[Any, ...], dict[Any, Row]] = {}
    for row in table.rows:
        if row.kind not in _KINDS or not row.strategy:
            continue
        summary = runs[row.runs[0]]
        manifest, own = summary.manifest, options_of(summary.manifest, row.strategy)
        # Of several runs only what was measured alike is one line.
        base = base_of(summary, summary.tasks[table.subject.task])
        what = (row.kind, row.pair if row.kind == "pair" else row.cells, base)
        for option, value in own.items():
            others = tuple((name, str(other)) for name, other in own.items() if name != option)
            key = (family_of(manifest, row.strategy), option, others, what)
            labels.setdefault(key, _label(manifest, row, option))
            groups.setdefault(key, {}).setdefault(value, row)
    for key, rows in groups.items():
        if len(rows) > 1:
            ordered = dict(sorted(rows.items())) if _are_numbers(rows) else rows
            yield _Line(labels[key], key[1], ordered)


def _label(manifest: Manifest, row: Row, option: str) -> str:
    """What the rows of a line have in common: the strategy, its other options, the pairs."""
    entry, own = manifest.strategies[row.strategy], options_of(manifest, row.strategy)
    given = {*entry["options"], *swept_options(manifest, row.strategy)} - {option}
    values = ", ".join(f"{name}={own[name]}" for name in own if name in given)
    name = entry.get("name", row.strategy) + (f"({values})" if values else "")
    if row.kind == "pair" and row.pair is not None:
        return f"{name} {arrow(row.pair)}"
    return f"{name}, pilot pairs" if row.kind == "pilot" else f"{name}, best of {row.cells}"
