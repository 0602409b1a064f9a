"""A run's grids as heatmaps, a panel per language."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.report.cell_marks import marked_pairs
from xtransplant.report.row import arrow
from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.report.tables import run_title
from xtransplant.stats.rates import micro
from xtransplant.stats.selection import Pair
from xtransplant.stats.tally import Tally, combine
from xtransplant.style.colours import LONGEST, add_title
from xtransplant.style.escape import short
from xtransplant.style.fonts import installed_fonts
from xtransplant.style.heatmap import DIVERGING, label_layers, mark_cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["draw_heatmaps"]

_EVERY = "all languages"


@dataclass(frozen=True)
class _Panel:
    """One language.

    Attributes:
        name: of the language.
        tally: its counts.
        vanilla: share of right answers without a transplant.
        changes: ``[sources, targets]``, against that, in percentage points; NaN where a pair was
            not run.
        sources, targets: numbers of the layers.
        marked: pairs that differ from vanilla, all tests of the panel counted together.
    """

    name: str
    tally: Tally
    vanilla: float
    changes: np.ndarray[Any, np.dtype[np.float64]]
    sources: list[int]
    targets: list[int]
    marked: set[Pair]


def draw_heatmaps(
    summary: Summary, task: TaskCounts, strategy: str, tallies: dict[str, Tally], level: str,
    *, what: str = "correct",
) -> Figure:  # fmt: skip
    """Source layer against target layer, a panel per language and one for all of them.

    Colour is the change against the target without a transplant, in percentage points, zero in
    the middle, on one scale; the pair with most correct answers is framed, and pairs that differ
    from it with a family-wise error of 5% in their panel are dotted.

    Args:
        summary: the run.
        task: one of its tasks.
        strategy: one of its strategies.
        tallies: the strategy's counts at the level, by language.
        level: ``strict``, ``match`` or ``lenient``.
        what: what is counted, after "most".
    """
    from matplotlib.figure import Figure

    panels = _panels(task, strategy, tallies, level)
    limit = max(float(np.nanmax(np.abs(panel.changes))) for panel in panels) or 1.0
    n_columns = 3 if len(panels) in (3, 5, 6, 9) else min(4, len(panels))
    n_rows = math.ceil(len(panels) / n_columns)
    figure = Figure(figsize=(2.7 * n_columns + 1.3, 3.05 * n_rows + 0.9), layout="compressed")
    places = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes in places.flat[len(panels) :]:
        axes.axis("off")
    for k, (axes, panel) in enumerate(zip(places.flat, panels, strict=False)):
        image = _draw_panel(axes, panel, limit)
        if k % n_columns == 0:
            axes.set_ylabel("source layer", fontsize=8)
        if k >= len(panels) - n_columns:
            axes.set_xlabel("target layer", fontsize=8)
    bar = figure.colorbar(image, ax=places, shrink=0.7, pad=0.01)
    bar.ax.set_ylabel("change against vanilla, percentage points", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    framed = f"framed: most {what} of {len(panels[0].tally.hits)}, picked after seeing the answers"
    dotted = "dotted: differs from vanilla (5% family-wise over the panel)"
    add_title(figure, run_title(summary, task, strategy), f"{framed}; {dotted}")
    return figure


def _panels(task: TaskCounts, strategy: str, tallies: dict[str, Tally], level: str) -> list[_Panel]:
    """All languages together, if there are several, and each of them."""
    vanilla = {lang: task.languages[lang].vanilla[level] for lang in tallies}
    panels = [
        _panel(lang, one, vanilla[lang].value, marked_pairs(task, level, strategy, [lang]))
        for lang, one in tallies.items()
    ]
    if len(tallies) > 1:
        every = combine(list(tallies.values()))
        marked = marked_pairs(task, level, strategy, list(tallies))
        panels.insert(0, _panel(_EVERY, every, micro(list(vanilla.values())).value, marked))
    return panels


def _panel(name: str, tally: Tally, vanilla: float, marked: set[Pair]) -> _Panel:
    sources, targets = sorted(tally.by_source), sorted(tally.by_target)
    changes = np.full((len(sources), len(targets)), np.nan)
    for i, j in tally.hits:
        change = 100 * (tally.rate((i, j)).value - vanilla)
        changes[sources.index(i), targets.index(j)] = change
    return _Panel(name, tally, vanilla, changes, sources, targets, marked & set(tally.hits))


def _draw_panel(axes: Axes, panel: _Panel, limit: float) -> AxesImage:
    image = axes.imshow(
        panel.changes, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest"
    )
    best = panel.tally.best
    mark_cell(axes, panel.sources.index(best[0]), panel.targets.index(best[1]))
    for i, j in panel.marked:
        axes.plot(panel.targets.index(j), panel.sources.index(i), "o", ms=2.6, color="black",
                  markeredgecolor="white", markeredgewidth=0.4)  # fmt: skip
    rates = f"{100 * panel.vanilla:.1f}% → {100 * panel.tally.rate(best).value:.1f}%"
    axes.set_title(
        f"{short(panel.name, LONGEST)}\n{rates} at {arrow(best)}", fontsize=8.5,
        fontfamily=installed_fonts(), parse_math=False,
    )  # fmt: skip
    label_layers(axes, panel.sources, panel.targets, most=8, size=7)
    return image
