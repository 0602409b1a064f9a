"""A run in pictures: heatmaps by language, upper bounds by layer; and its tables in bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.report.bars import bars
from xtransplant.report.rows import arrow
from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.report.tables import make_tables, warning
from xtransplant.runs.names import plain_name
from xtransplant.stats.rates import micro
from xtransplant.stats.tally import Bound, Tally, combine
from xtransplant.style.colours import GREY, LINES, LONGEST, MARKS, name, plain, title
from xtransplant.style.escape import short
from xtransplant.style.fonts import installed_fonts, save_figure
from xtransplant.style.heatmap import DIVERGING, label_layers, mark_cell
from xtransplant.style.paths import PLOT_SUFFIXES
from xtransplant.style.words import model_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["curves", "heatmaps", "save_figures"]


def save_figures(
    summaries: Sequence[Summary], folder: Path, suffixes: Sequence[str], level: str = "match"
) -> list[Path]:
    """Every figure of every run, in every format.

    Args:
        suffixes: of ``.png``, ``.svg``, ``.pdf``.
        level: ``strict``, ``match`` or ``lenient``.

    Returns:
        The files written.
    """
    assert set(suffixes) <= set(PLOT_SUFFIXES)
    figures: dict[str, Figure] = {}

    def add(figure: Figure | None, *parts: str) -> None:
        if figure is None:
            return
        stem = plain_name(*parts)
        while stem.casefold() in map(str.casefold, figures):
            stem += "_"  # they differ in what a file's name cannot say
        figures[stem] = figure

    for summary in summaries:
        for task in summary.tasks.values():
            grids, run = _grids(summary, task, level), summary.path.name
            for strategy, tallies in grids.items():
                figure = heatmaps(summary, task, strategy, tallies, level)
                add(figure, run, task.name, strategy, "heatmap")
            add(curves(summary, task, grids, level), run, task.name, "upper-bound")
    for table in make_tables(summaries, level):
        one = table.subject
        what = (one.task, one.direction, one.split, one.mode, one.rule, one.pairs, "bars")
        add(bars(table), *filter(None, what))
    written = []
    for stem, figure in figures.items():
        for suffix in suffixes:
            written.append(folder / f"{stem}{suffix}")
            save_figure(figure, written[-1])
    return written


def heatmaps(
    summary: Summary, task: TaskCounts, strategy: str, tallies: dict[str, Tally], level: str
) -> Figure:
    """Source layer against target layer, a panel per language and one for all of them.

    Colour is the change against the target without a transplant, in percentage points, zero in
    the middle, on one scale; the pair with most correct answers is framed.
    """
    from matplotlib.figure import Figure

    panels = dict(tallies)
    if len(tallies) > 1:
        panels = {"all languages": combine(list(tallies.values())), **tallies}
    vanilla = {lang: task.languages[lang].vanilla[level] for lang in tallies}
    base = {lang: rate.value for lang, rate in vanilla.items()}
    base["all languages"] = micro(list(vanilla.values())).value
    changes = {lang: _matrix(one, base[lang]) for lang, one in panels.items()}
    limit = max(float(np.nanmax(np.abs(values))) for values, *_ in changes.values()) or 1.0
    n_columns = 3 if len(panels) in (3, 5, 6, 9) else min(4, len(panels))
    n_rows = math.ceil(len(panels) / n_columns)
    figure = Figure(figsize=(2.7 * n_columns + 1.3, 3.05 * n_rows + 0.9), layout="compressed")
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    fonts, image = installed_fonts(), None
    for k, axes in enumerate(grid.flat):
        if k >= len(panels):
            axes.axis("off")
            continue
        lang = list(panels)[k]
        values, sources, targets = changes[lang]
        image = axes.imshow(
            values, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest"
        )
        best = panels[lang].best
        mark_cell(axes, sources.index(best[0]), targets.index(best[1]))
        axes.set_title(
            f"{short(lang, LONGEST)}\n{_percent(base[lang])} → "
            f"{_percent(panels[lang].rate(best).value)}"
            f" at {arrow(best)}", fontsize=8.5, fontfamily=fonts, parse_math=False,
        )  # fmt: skip
        label_layers(axes, sources, targets, most=8, size=7)
        if k % n_columns == 0:
            axes.set_ylabel("source layer", fontsize=8)
        if k >= len(panels) - n_columns:
            axes.set_xlabel("target layer", fontsize=8)
    assert image is not None
    bar = figure.colorbar(image, ax=grid, shrink=0.7, pad=0.01)
    bar.ax.set_ylabel("change against vanilla, percentage points", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    n_pairs = len(next(iter(panels.values())).hits)
    title(figure, f"{warning(summary)}{strategy}: {_about(summary, task)}",
           f"framed: most correct of {n_pairs}, picked after seeing the answers")  # fmt: skip
    return figure


def curves(
    summary: Summary, task: TaskCounts, grids: dict[str, dict[str, Tally]], level: str
) -> Figure | None:
    """The upper bound by source layer (any target) and by target layer (any source), all
    languages together, each with its null (dotted). None where no layer has a choice of pairs."""
    from matplotlib.figure import Figure

    every = {strategy: combine(list(tallies.values())) for strategy, tallies in grids.items()}
    sides = {
        "source layer i, any target": {
            name: _choices(one.by_source) for name, one in every.items()
        },
        "target layer j, any source": {
            name: _choices(one.by_target) for name, one in every.items()
        },
    }
    sides = {what: lines for what, lines in sides.items() if any(map(len, lines.values()))}
    if not sides:
        return None
    figure = Figure(figsize=(5.4 * len(sides) - 1.8, 3.9), layout="constrained")
    panels = figure.subplots(1, len(sides), sharey=True, squeeze=False)[0]
    rates = [counts.vanilla[level] for counts in task.languages.values()]
    vanilla = 100 * micro(rates).value
    for axes, (what, lines) in zip(panels, sides.items(), strict=True):
        for k, (strategy, bounds) in enumerate(lines.items()):
            colour, mark = LINES[k % len(LINES)], MARKS[k % len(MARKS)]
            n, label = every[strategy].n, f"{name(strategy)}, {_best_of(bounds)}"
            own = [100 * bound.right / n for bound in bounds.values()]
            null = [100 * bound.null / n for bound in bounds.values()]
            axes.plot(list(bounds), own, color=colour, marker=mark, ms=4, lw=1.5, label=label)
            axes.plot(list(bounds), null, color=colour, ls=":", lw=1.2)
        axes.axhline(vanilla, color=GREY, ls="--", lw=1.2, label="vanilla (target)")
        axes.plot([], [], color=GREY, ls=":", lw=1.2, label="null")
        axes.set_xlabel(what, fontsize=9)
        plain(axes)
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_ylabel("percent right, upper bound (oracle)", fontsize=9)
    panels[0].set_ylim(bottom=0)
    found = dict[str, Any]()
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    figure.legend(
        list(found.values()), list(found), loc="outside right center", fontsize=8, frameon=False,
        prop={"family": installed_fonts(), "size": 8},
    )  # fmt: skip
    title(figure, warning(summary) + _about(summary, task),
           "an oracle: each example's pair is picked after seeing the answer")  # fmt: skip
    return figure


def _grids(summary: Summary, task: TaskCounts, level: str) -> dict[str, dict[str, Tally]]:
    """Strategies that ran at more than one layer on both sides, by language."""
    found = {}
    for strategy in summary.manifest.strategies:
        tallies = {
            lang: counts.strategies[strategy][level]
            for lang, counts in task.languages.items()
            if strategy in counts.strategies
        }
        if tallies and all(
            len(one.by_source) > 1 or len(one.by_target) > 1 for one in tallies.values()
        ):
            found[strategy] = tallies
    return found


def _choices(bounds: dict[int, Bound]) -> dict[int, Bound]:
    """Those with more than one pair to pick from, if they are enough for a line."""
    found = {layer: bound for layer, bound in bounds.items() if bound.cells > 1}
    return found if len(found) > 1 else {}


def _best_of(bounds: dict[int, Bound]) -> str:
    """``best of 8``: how many pairs a layer's bound picks from."""
    cells = [bound.cells for bound in bounds.values()]
    if not cells:
        return "no choice"
    return f"best of {min(cells)}" + (f" to {max(cells)}" if min(cells) < max(cells) else "")


def _matrix(one: Tally, vanilla: float) -> tuple[Any, list[int], list[int]]:
    """Change in percentage points ``[sources, targets]``; NaN where a pair was not run."""
    sources, targets = sorted(one.by_source), sorted(one.by_target)
    values = np.full((len(sources), len(targets)), np.nan)
    for i, j in one.hits:
        change = 100 * (one.rate((i, j)).value - vanilla)
        values[sources.index(i), targets.index(j)] = change
    return values, sources, targets


def _about(summary: Summary, task: TaskCounts) -> str:
    entry, model = summary.manifest.tasks[task.name], summary.manifest.model["name"]
    return f"{task.name} {entry.direction}, {task.split} split, {model_label(model)}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"
