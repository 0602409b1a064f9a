"""A table's rows over the gap and over what is shared: what each mends, and what it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtransplant.report.row import Row
from xtransplant.report.tables import Table
from xtransplant.stats.rates import Rate, micro
from xtransplant.style.colours import GREY, LINES, add_title, legend_name
from xtransplant.style.fonts import installed_fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_sets"]

_PANELS = {"gap": "percent of the gap mended", "shared": "percent of the shared kept"}


def draw_sets(table: Table) -> Figure | None:
    """A panel for each of the two sets: a dot per row with its 95% interval, its null as a bar.

    Oracles are hollow; all languages are counted together.

    Returns:
        None where no strategy's row has an example of either set.
    """
    from matplotlib.figure import Figure

    shown = [row for row in table.rows if row.strategy or row.kind == "baseline"]
    rows = [row for row in shown if any(_rate(row, one).n for one in _PANELS)]
    if not rows:
        return None
    figure = Figure(figsize=(9.5, 0.3 * len(rows) + 1.7), layout="constrained")
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    for axes, which in zip(panels, _PANELS, strict=True):
        _draw_panel(axes, rows, which)
    labels = [legend_name(row.label) + " †" * row.oracle for row in rows]
    panels[0].set_yticks(range(len(rows)), labels, fontsize=8, fontfamily=installed_fonts())
    panels[0].invert_yaxis()
    add_title(figure, table.warning + table.about, f"{table.how}; bars: 95%; grey line: null; "
              "†, hollow: picked after seeing the answers")  # fmt: skip
    return figure


def _draw_panel(axes: Axes, rows: list[Row], which: str) -> None:
    strategies = list(dict.fromkeys(row.strategy for row in rows))
    for y, row in enumerate(rows):
        rate, colour = _rate(row, which), LINES[strategies.index(row.strategy) % len(LINES)]
        if not rate.n:
            continue
        low, high = rate.ci95
        axes.plot([100 * low, 100 * high], [y, y], color=colour, lw=1.4)
        face = "white" if row.oracle else colour
        axes.plot(100 * rate.value, y, "o", ms=5, color=colour, markerfacecolor=face)
        nulls = row.sets[which].nulls
        if which == "gap" and nulls is not None:
            value = micro(list(nulls.values())).value
            axes.plot([100 * value] * 2, [y - 0.35, y + 0.35], color=GREY, lw=2)
    n = max((_rate(row, which).n for row in rows), default=0)
    axes.set_xlabel(f"{_PANELS[which]} ({n} examples)", fontsize=9)
    axes.set_xlim(-2, 102)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=8, left=False)
    axes.grid(axis="both", color="#DDDDDD", lw=0.6)
    axes.set_axisbelow(True)


def _rate(row: Row, which: str) -> Rate:
    """All languages together."""
    return row.sets[which].micro if which in row.sets else Rate(0, 0)
