"""A run in pictures: heatmaps by language, upper bounds by layer, bars by language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.report.fonts import installed_fonts, save_figure
from xtransplant.report.heatmap import COLOURS, PLOT_SUFFIXES, mark_cell
from xtransplant.report.tables import Row, Table, arrow, make_tables
from xtransplant.report.words import model_label, visible
from xtransplant.runs.names import plain_name
from xtransplant.stats.rates import micro
from xtransplant.stats.summary import Summary, TaskCounts
from xtransplant.stats.tally import Tally, together

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["bars", "curves", "heatmaps", "save_figures"]

# Okabe and Ito's colours: told apart with every common kind of colour blindness.
_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKS = ("o", "s", "^", "D", "v", "P", "X")
_GREY = "#999999"


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
    for summary in summaries:
        for task in summary.tasks.values():
            grids = _grids(summary, task, level)
            for strategy, tallies in grids.items():
                name = plain_name(summary.name, task.name, strategy, "heatmap")
                figures[name] = heatmaps(summary, task, strategy, tallies, level)
            if grids:
                name = plain_name(summary.name, task.name, "upper-bound")
                figures[name] = curves(summary, task, grids, level)
    for table in make_tables(summaries, level):
        figure = bars(table)
        if figure is not None:
            figures[plain_name(table.task, table.split, table.mode, "bars")] = figure
    written = []
    for name, figure in figures.items():
        for suffix in suffixes:
            written.append(folder / f"{name}{suffix}")
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
        panels = {"all languages": together(list(tallies.values())), **tallies}
    vanilla = {lang: task.languages[lang].vanilla[level] for lang in tallies}
    base = {lang: rate.value for lang, rate in vanilla.items()}
    base["all languages"] = micro(list(vanilla.values())).value
    changes = {lang: _matrix(one, base[lang]) for lang, one in panels.items()}
    limit = max(float(np.nanmax(np.abs(values))) for values, *_ in changes.values()) or 1.0
    n_columns = 3 if len(panels) in (3, 5, 6, 9) else min(4, len(panels))
    n_rows = math.ceil(len(panels) / n_columns)
    figure = Figure(figsize=(2.7 * n_columns + 1.3, 2.95 * n_rows + 0.8), layout="compressed")
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    fonts, image = installed_fonts(), None
    for k, axes in enumerate(grid.flat):
        if k >= len(panels):
            axes.axis("off")
            continue
        lang = list(panels)[k]
        values, sources, targets = changes[lang]
        image = axes.imshow(values, cmap=COLOURS, vmin=-limit, vmax=limit, interpolation="nearest")
        best = panels[lang].best
        mark_cell(axes, sources.index(best[0]), targets.index(best[1]))
        axes.set_title(
            f"{visible(lang)}: {_percent(base[lang])} → {_percent(panels[lang].rate(best).value)}"
            f" at {arrow(best)}", fontsize=8.5, fontfamily=fonts, parse_math=False,
        )  # fmt: skip
        _layer_ticks(axes, sources, targets)
        if k % n_columns == 0:
            axes.set_ylabel("source layer", fontsize=8)
        if k >= len(panels) - n_columns:
            axes.set_xlabel("target layer", fontsize=8)
    assert image is not None
    bar = figure.colorbar(image, ax=grid, shrink=0.7, pad=0.01)
    bar.ax.set_ylabel("change against vanilla, percentage points", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    _title(figure, f"{strategy}: {_about(summary, task)}",
           "framed: most correct, picked after seeing the answers")  # fmt: skip
    return figure


def curves(
    summary: Summary, task: TaskCounts, grids: dict[str, dict[str, Tally]], level: str
) -> Figure:
    """The upper bound by source layer (any target) and by target layer (any source), all
    languages together, each with its null (dotted)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    rates = [counts.vanilla[level] for counts in task.languages.values()]
    vanilla = 100 * micro(rates).value
    for k, (strategy, tallies) in enumerate(grids.items()):
        every = together(list(tallies.values()))
        colour, mark = _LINES[k % len(_LINES)], _MARKS[k % len(_MARKS)]
        for axes, bounds in ((left, every.by_source), (right, every.by_target)):
            layers = list(bounds)
            own = [100 * bounds[layer].right / every.n for layer in layers]
            null = [100 * bounds[layer].null / every.n for layer in layers]
            axes.plot(layers, own, color=colour, marker=mark, ms=4, lw=1.5, label=strategy)
            axes.plot(layers, null, color=colour, ls=":", lw=1.2)
    for axes, what in ((left, "source layer i, any target"), (right, "target layer j, any source")):
        axes.axhline(vanilla, color=_GREY, ls="--", lw=1.2, label="vanilla (target)")
        axes.set_xlabel(what, fontsize=9)
        _plain(axes)
        axes.xaxis.get_major_locator().set_params(integer=True)
    left.plot([], [], color=_GREY, ls=":", lw=1.2, label="null")
    left.set_ylabel("percent right, upper bound (oracle)", fontsize=9)
    left.set_ylim(bottom=0)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside right center", fontsize=8, frameon=False,
        prop={"family": installed_fonts(), "size": 8},
    )  # fmt: skip
    _title(figure, _about(summary, task),
           "an oracle: each example's pair is picked after seeing the answer")  # fmt: skip
    return figure


def bars(table: Table) -> Figure | None:
    """Per language: without a transplant, with the pilot's pair (or the fixed ones), and the upper
    bound as a hatched bar with its null as a line. None where no strategy has a row."""
    from matplotlib.figure import Figure

    strategies = list(dict.fromkeys(row.strategy for row in table.rows if row.strategy))
    if not strategies:
        return None
    n = len(strategies)
    width = min(14.0, max(6.0, 1.1 * len(table.languages) + 3.6))
    figure = Figure(figsize=(width, 2.3 * n + 0.8), layout="constrained")
    panels = figure.subplots(n, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    vanilla = next(row for row in table.rows if row.kind == "vanilla")
    at = np.arange(len(table.languages))
    fonts = installed_fonts()
    for axes, strategy in zip(panels, strategies, strict=True):
        own = [row for row in table.rows if row.strategy == strategy]
        shown = [vanilla, *(row for row in own if row.kind == "pilot")]
        if len(shown) == 1:
            shown += [row for row in own if row.kind == "pair"][:3]
        bound = [row for row in own if row.kind == "bound"][:1]
        null = [row for row in own if row.kind == "null"][:1]
        step = 0.84 / (len(shown) + len(bound))
        for k, row in enumerate([*shown, *bound]):
            place = at - 0.42 + (k + 0.5) * step
            colour = _GREY if k == 0 else _LINES[(k - 1) % len(_LINES)]
            style: dict[str, Any] = {"color": colour}
            if row.oracle:
                style = {"facecolor": "white", "edgecolor": "#444444", "hatch": "////", "lw": 0.8}
            label = row.label + (" (oracle)" if row.oracle else "")
            axes.bar(place, _heights(row, table.languages), 0.94 * step, label=label, **style)
            if row.oracle and null:
                heights = _heights(null[0], table.languages)
                axes.hlines(heights, place - step / 2, place + step / 2, color="black", lw=1.6,
                            label="its null")  # fmt: skip
        axes.set_ylabel("percent right", fontsize=9)
        handles, labels = axes.get_legend_handles_labels()
        order = sorted(range(len(labels)), key=lambda k: labels[k] == "its null")
        axes.legend(
            [handles[k] for k in order], [labels[k] for k in order], frameon=False,
            loc="center left", bbox_to_anchor=(1.0, 0.5), prop={"family": fonts, "size": 8},
        )  # fmt: skip
        _plain(axes)
        axes.set_ylim(0, 104)
    panels[-1].set_xticks(at, [visible(lang) for lang in table.languages], fontsize=9)
    _title(figure, f"{table.task}, {table.split} split, {', '.join(table.models)}", table.how)
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


def _matrix(one: Tally, vanilla: float) -> tuple[Any, list[int], list[int]]:
    """Change in percentage points ``[sources, targets]``; NaN where a pair was not run."""
    sources, targets = sorted(one.by_source), sorted(one.by_target)
    values = np.full((len(sources), len(targets)), np.nan)
    for i, j in one.hits:
        change = 100 * (one.rate((i, j)).value - vanilla)
        values[sources.index(i), targets.index(j)] = change
    return values, sources, targets


def _layer_ticks(axes: Axes, sources: list[int], targets: list[int]) -> None:
    for axis, layers in ((axes.xaxis, targets), (axes.yaxis, sources)):
        shown = range(0, len(layers), -(-len(layers) // 8))
        axis.set_ticks(list(shown), [str(layers[k]) for k in shown], fontsize=7)
    axes.tick_params(length=2)


def _heights(row: Row, languages: Sequence[str]) -> list[float]:
    return [100 * row.rates[lang].value if lang in row.rates else math.nan for lang in languages]


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)


def _title(figure: Figure, first: str, second: str) -> None:
    figure.suptitle(
        f"{visible(first)}\n{visible(second)}", fontsize=10, fontfamily=installed_fonts(),
        parse_math=False,
    )  # fmt: skip


def _about(summary: Summary, task: TaskCounts) -> str:
    return f"{task.name}, {task.split} split, {model_label(summary.manifest.model['name'])}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"
