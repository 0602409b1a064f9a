"""A table's gains as a picture: what each row fixes and breaks, and the gain with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from xtransplant.report.mechanism import mechanism_of
from xtransplant.report.row import arrow
from xtransplant.report.tables import Table
from xtransplant.stats.gains import Gain
from xtransplant.style.colours import LINES, add_title
from xtransplant.style.escape import short
from xtransplant.style.fonts import installed_fonts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_flips", "draw_mechanism"]

_LONGEST = 70
_FIXED, _BROKEN = LINES[4], LINES[5]  # orange and blue: better and worse


def draw_flips(table: Table) -> Figure | None:
    """Fixed to the right of zero, broken to the left, in points; the gain as a dot with its 95%.

    Returns:
        None where no row has a gain over vanilla.
    """
    rows = [
        (short(row.label, _LONGEST) + " †" * row.oracle, row.gains.vanilla, row.oracle)
        for row in table.rows
        if row.gains.vanilla is not None and row.gains.vanilla.n
    ]
    if not rows:
        return None
    about = f"{table.how}; bar: fixed and broken; dot: gain over vanilla, line: 95%"
    about += "; hatched: in format alone" * any(one.knowledge is not None for _, one, _ in rows)
    about += "; †, hollow: picked after seeing the answers" * any(row.oracle for row in table.rows)
    return _draw(rows, table.warning + table.about, about)


def draw_mechanism(table: Table) -> Figure | None:
    """The gains of strategies that act in several ways, such as through the cache alone.

    Returns:
        None where no run has one.
    """
    found = list(mechanism_of(table.runs, table.level))
    rows = [
        (short(f"{one.strategy} {arrow(one.pair)}", _LONGEST), one.gain, one.oracle)
        for one in found
    ]
    if not rows:
        return None
    about = "what the gain goes through; bar: fixed and broken; dot: gain over vanilla, line: 95%"
    return _draw(rows, table.warning + table.about, about)


def _draw(rows: Sequence[tuple[str, Gain, bool]], title: str, about: str) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 0.34 * len(rows) + 1.7), layout="constrained")
    axes = figure.add_subplot()
    for y, (_, one, oracle) in enumerate(rows):
        _draw_row(axes, y, one, oracle=oracle)
    axes.axvline(0, color="#333333", lw=0.8)
    axes.set_yticks(
        range(len(rows)), [label for label, *_ in rows], fontsize=8, fontfamily=installed_fonts()
    )
    axes.invert_yaxis()
    n = {one.n for _, one, _ in rows}
    size = f"{n.pop()} examples" if len(n) == 1 else f"{min(n)} to {max(n)} examples"
    axes.set_xlabel(f"percentage points ({size})", fontsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=8, left=False)
    axes.grid(axis="both", color="#DDDDDD", lw=0.6)
    axes.set_axisbelow(True)
    add_title(figure, title, about)
    return figure


def _draw_row(axes: Axes, y: int, one: Gain, *, oracle: bool) -> None:
    own = one.knowledge
    known_fixed, known_broken = (None, None) if own is None else (own.fixed, own.broken)
    for count, known, colour, sign in (
        (one.fixed, known_fixed, _FIXED, 1), (one.broken, known_broken, _BROKEN, -1),
    ):  # fmt: skip
        axes.barh(y, sign * 100 * count / one.n, 0.62, color=colour, alpha=0.45, lw=0)
        if known is not None and count > known:
            axes.barh(
                y, sign * 100 * (count - known) / one.n, 0.62, left=sign * 100 * known / one.n,
                facecolor="none", edgecolor="#444444", hatch="////", lw=0,
            )  # fmt: skip
        if count:
            axes.annotate(  # above the interval's line
                str(count), (sign * 100 * count / one.n, y), (2 * sign, 1),
                textcoords="offset points", ha="left" if sign > 0 else "right", va="bottom",
                fontsize=7, color="#444444",
            )  # fmt: skip
    low, high = one.ci95
    if not math.isnan(low):
        axes.plot([100 * low, 100 * high], [y, y], color="black", lw=1.4)
    axes.plot(100 * one.value, y, "o", ms=5, color="black",
              markerfacecolor="white" if oracle else "black")  # fmt: skip
