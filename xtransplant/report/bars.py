"""A table in bars, language by language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.report.tables import Table
from xtransplant.stats.rates import Rate
from xtransplant.style.colours import GREYS, LINES, LONGEST, name, plain, title
from xtransplant.style.escape import short
from xtransplant.style.fonts import installed_fonts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["bars"]


def bars(table: Table) -> Figure | None:
    """Per language: without a transplant, with the pilot's pair (or the fixed ones), and the upper
    bound as a hatched bar with its null as a line. None where no strategy has a row."""
    from matplotlib.figure import Figure

    strategies = list(dict.fromkeys(row.strategy for row in table.rows if row.strategy))
    if not strategies:
        return None
    n = len(strategies)
    width = min(14.0, max(6.0, 1.1 * len(table.languages) + 4.2))
    figure = Figure(figsize=(width, 2.3 * n + 0.8), layout="constrained")
    panels = figure.subplots(n, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    mixed = any(row.complete for row in table.rows)
    at = np.arange(len(table.languages))
    fonts = installed_fonts()
    for axes, strategy in zip(panels, strategies, strict=True):
        own = [row for row in table.rows if row.strategy == strategy]
        runs = {run for row in own for run in row.runs}
        shown = [row for row in table.rows if row.kind == "vanilla" and runs & set(row.runs)]
        n_vanilla = len(shown)
        shown += [row for row in own if row.kind == "pilot"]
        if len(shown) == n_vanilla:
            shown += [row for row in own if row.kind == "pair"][:3]
        shown += [row for row in own if row.key == f"{strategy},bound"]
        step = 0.84 / len(shown)
        for k, row in enumerate(shown):
            place = at - 0.42 + (k + 0.5) * step
            colour = GREYS[k % len(GREYS)] if k < n_vanilla else LINES[(k - n_vanilla) % len(LINES)]
            style: dict[str, Any] = {"color": colour}
            if row.oracle:
                style = {"facecolor": "white", "edgecolor": "#444444", "hatch": "////", "lw": 0.8}
            marks = " (oracle)" * row.oracle + " (incomplete)" * (mixed and not row.complete)
            label = name(row.label) + marks
            axes.bar(place, _heights(row.rates, table.languages), 0.94 * step, label=label, **style)
            if row.nulls is not None:
                heights = _heights(row.nulls, table.languages)
                axes.hlines(heights, place - step / 2, place + step / 2, color="black", lw=1.6,
                            label="its null")  # fmt: skip
        axes.set_ylabel("percent right", fontsize=9)
        handles, labels = axes.get_legend_handles_labels()
        order = sorted(range(len(labels)), key=lambda k: labels[k] == "its null")
        axes.legend(
            [handles[k] for k in order], [labels[k] for k in order], frameon=False,
            loc="center left", bbox_to_anchor=(1.0, 0.5), prop={"family": fonts, "size": 8},
        )  # fmt: skip
        plain(axes)
        axes.set_ylim(0, 104)
    panels[-1].set_xticks(at, [short(lang, LONGEST) for lang in table.languages], fontsize=9)
    title(figure, table.warning + table.about, table.how)
    return figure


def _heights(rates: dict[str, Rate], languages: Sequence[str]) -> list[float]:
    return [100 * rates[lang].value if lang in rates else math.nan for lang in languages]
