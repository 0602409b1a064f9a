"""The upper bound against how many cells it picks from, with its null grids'."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xtransplant.report.gains import curves_of
from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.report.tables import run_title
from xtransplant.stats.rates import micro
from xtransplant.style.colours import GREY, LINES, MARKS, add_title, clear_axes, legend_name
from xtransplant.style.fonts import installed_fonts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.figure import Figure

__all__ = ["draw_union"]

_DASHES = ("--", ":", "-.")


def draw_union(
    summary: Summary, task: TaskCounts, strategies: Iterable[str], level: str
) -> Figure | None:
    """Expected share of examples that some of k cells gets right, for every k.

    All languages together. Null grids are dashed, in their strategy's colour.

    Returns:
        None where no strategy has several cells.
    """
    from matplotlib.figure import Figure

    curves = {
        one: curves_of(task, level, one, summary.manifest.nulls_of(one)) for one in strategies
    }
    curves = {strategy: own for strategy, own in curves.items() if "" in own}
    if not curves:
        return None
    figure = Figure(figsize=(7.2, 3.9), layout="constrained")
    axes = figure.add_subplot()
    for number, (strategy, own) in enumerate(curves.items()):
        for place, (null, curve) in enumerate(own.items()):
            label = f"{strategy}, null grid {null}" if null else strategy
            axes.plot(
                np.arange(1, 1 + len(curve)), 100 * curve, lw=1.2 if null else 1.8,
                ls=_DASHES[(place - 1) % len(_DASHES)] if null else "-",
                color=LINES[number % len(LINES)], label=legend_name(label),
                # Colours come round again, then with a marker.
                marker=(None, *MARKS)[number // len(LINES) % 8], ms=4, markevery=0.15,
            )  # fmt: skip
    vanilla = micro([counts.vanilla[level] for counts in task.languages.values()]).value
    axes.axhline(100 * vanilla, color=GREY, ls=(0, (6, 3)), lw=1.2, label="vanilla (target)")
    axes.set_xscale("log", base=2)
    ticks = 2 ** np.arange(1 + int(np.log2(max(len(own[""]) for own in curves.values()))))
    axes.set_xticks(ticks, list(map(str, ticks)))
    axes.set_xlabel("cells to pick from, drawn at random", fontsize=9)
    axes.set_ylabel("percent right by some of them", fontsize=9)
    axes.set_ylim(0, 104)
    clear_axes(axes)
    figure.legend(
        loc="outside right center", fontsize=8, frameon=False,
        prop={"family": installed_fonts(), "size": 8},
    )  # fmt: skip
    add_title(
        figure, run_title(summary, task),
        "an oracle: left, the mean cell; right, the upper bound over all cells",
    )  # fmt: skip
    return figure
