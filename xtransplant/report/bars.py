"""A table as bars, language by language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.report.row import Row
from xtransplant.report.tables import Table
from xtransplant.stats.rates import Rate
from xtransplant.style.colours import GREYS, LINES, LONGEST, add_title, clear_axes, legend_name
from xtransplant.style.escape import short
from xtransplant.style.fonts import installed_fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_bars"]

_DASHES: tuple[Any, ...] = ((0, (1, 1)), (0, (3, 1)), (0, (3, 1, 1, 1)))  # of null grids
_MOST_PAIRS = 3  # fixed pairs of a strategy that have a bar
_ORACLE: dict[str, Any] = {
    "facecolor": "white", "edgecolor": "#444444", "hatch": "////", "lw": 0.8
}  # fmt: skip


def draw_bars(table: Table) -> Figure | None:
    """A panel per strategy: vanilla, the pilot's pair (or the fixed ones), and the upper bound.

    The upper bound is a hatched bar; nulls, judged and of grids, are lines. Whiskers are Wilson's
    intervals at 95%, of one language's examples.

    Returns:
        None where no strategy has a row.
    """
    from matplotlib.figure import Figure

    strategies = list(dict.fromkeys(row.strategy for row in table.rows if row.strategy))
    if not strategies:
        return None
    n = len(strategies)
    width = min(14.0, max(6.0, 1.1 * len(table.languages) + 4.2))
    figure = Figure(figsize=(width, 2.3 * n + 0.8), layout="constrained")
    panels = figure.subplots(n, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, strategy in zip(panels, strategies, strict=True):
        _draw_panel(axes, table, strategy)
    at = np.arange(len(table.languages))
    panels[-1].set_xticks(at, [short(lang, LONGEST) for lang in table.languages], fontsize=9)
    add_title(figure, table.warning + table.about, f"{table.how}; whiskers: 95% intervals")
    return figure


def _draw_panel(axes: Axes, table: Table, strategy: str) -> None:
    vanilla, own = _rows_shown(table, strategy)
    mixed = any(row.complete for row in table.rows)
    at, step = np.arange(len(table.languages)), 0.84 / len(vanilla + own)
    colours = [GREYS[k % len(GREYS)] for k in range(len(vanilla))]
    colours += [LINES[k % len(LINES)] for k in range(len(own))]
    for k, (row, colour) in enumerate(zip(vanilla + own, colours, strict=True)):
        place = at - 0.42 + (k + 0.5) * step
        style = _ORACLE if row.oracle else {"color": colour}
        marks = " (oracle)" * row.oracle + " (incomplete)" * (mixed and not row.complete)
        label = legend_name(row.label) + marks
        heights = _heights(row.rates, table.languages)
        axes.bar(place, heights, 0.94 * step, label=label, **style)
        axes.errorbar(
            place, heights, _errors(row.rates, table.languages), fmt="none", ecolor="#333333",
            elinewidth=0.9, capsize=min(2.5, 9 * step),
        )  # fmt: skip
        nulls = {} if row.nulls is None else {"its null": ("-", row.nulls)}
        for number, (name, one) in enumerate(row.null_grids.items()):
            nulls[f"null grid {name}"] = _DASHES[number % len(_DASHES)], one.rates
        for name, (dashes, rates) in nulls.items():
            axes.hlines(
                _heights(rates, table.languages), place - step / 2, place + step / 2,
                color="black", lw=1.6, ls=dashes, label=name,
            )  # fmt: skip
    axes.set_ylabel("percent right", fontsize=9)
    _add_legend(axes)
    clear_axes(axes)
    axes.set_ylim(0, 104)


def _rows_shown(table: Table, strategy: str) -> tuple[list[Row], list[Row]]:
    """Rows without a transplant of the strategy's runs, and its own rows that have bars."""
    own = [row for row in table.rows if row.strategy == strategy]
    runs = {run for row in own for run in row.runs}
    vanilla = [row for row in table.rows if row.kind == "vanilla" and runs & set(row.runs)]
    shown = [row for row in own if row.kind == "pilot"]
    shown = shown or [row for row in own if row.kind == "pair"][:_MOST_PAIRS]
    return vanilla, shown + [row for row in own if row.key == f"{strategy},bound"]


def _add_legend(axes: Axes) -> None:
    """The legend beside the panel, each null once and last."""
    handles, labels = axes.get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    order = sorted(named, key=lambda label: label == "its null" or label.startswith("null grid"))
    axes.legend(
        [named[label] for label in order], order, frameon=False,
        loc="center left", bbox_to_anchor=(1.0, 0.5),
        prop={"family": installed_fonts(), "size": 8},
    )  # fmt: skip


def _errors(rates: dict[str, Rate], languages: Sequence[str]) -> list[list[float]]:
    """``[2, languages]``, how far Wilson's interval at 95% reaches below and above, in percent."""
    ends = [(rates[lang].value, *rates[lang].ci95) if lang in rates else (math.nan,) * 3
            for lang in languages]  # fmt: skip
    return [
        [100 * max(0.0, value - low) for value, low, _ in ends],
        [100 * max(0.0, high - value) for value, _, high in ends],
    ]


def _heights(rates: dict[str, Rate], languages: Sequence[str]) -> list[float]:
    """In percent; NaN for languages that the row has not."""
    return [100 * rates[lang].value if lang in rates else math.nan for lang in languages]
