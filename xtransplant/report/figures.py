"""Every figure of runs, saved: heatmaps and bounds of a run; bars, gap and flips of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xtransplant.report.bars import draw_bars
from xtransplant.report.curves import draw_curves
from xtransplant.report.flip_bars import draw_flips, draw_mechanism
from xtransplant.report.heatmaps import draw_heatmaps
from xtransplant.report.set_dots import draw_sets
from xtransplant.report.spoken_maps import draw_spoken
from xtransplant.report.summary import Summary, TaskCounts, tallies_of
from xtransplant.report.sweep_lines import draw_sweeps
from xtransplant.report.tables import make_tables
from xtransplant.report.union import draw_union
from xtransplant.runs.names import plain_name
from xtransplant.stats.tally import Tally
from xtransplant.style.fonts import save_figure
from xtransplant.style.paths import PLOT_SUFFIXES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["save_figures"]


class _Named(NamedTuple):
    """A figure, if there is anything to draw, and what its file is named after."""

    figure: Figure | None
    parts: tuple[str, ...]


def save_figures(
    summaries: Sequence[Summary], folder: Path, suffixes: Sequence[str], level: str = "match"
) -> list[Path]:
    """Every figure of every run, in every format.

    Args:
        summaries: the runs.
        folder: for the files; it exists.
        suffixes: of ``.png``, ``.svg``, ``.pdf``.
        level: ``strict``, ``match`` or ``lenient``.

    Returns:
        The files written.
    """
    assert set(suffixes) <= set(PLOT_SUFFIXES)
    figures: dict[str, Figure] = {}
    for figure, parts in (*_of_runs(summaries, level), *_of_tables(summaries, level)):
        if figure is None:
            continue
        stem = plain_name(*parts)
        while stem.casefold() in map(str.casefold, figures):
            stem += "_"  # names that differ only in characters a file's name cannot have
        figures[stem] = figure
    written = []
    for stem, figure in figures.items():
        for suffix in suffixes:
            written.append(folder / f"{stem}{suffix}")
            save_figure(figure, written[-1])
    return written


def _of_runs(summaries: Sequence[Summary], level: str) -> Iterator[_Named]:
    for summary in summaries:
        for task in summary.tasks.values():
            grids, run = _grids(summary, task, level), summary.path.name
            for strategy, tallies in grids.items():
                figure = draw_heatmaps(summary, task, strategy, tallies, level)
                yield _Named(figure, (run, task.name, strategy, "heatmap"))
            curves = draw_curves(summary, task, grids, level)
            yield _Named(curves, (run, task.name, "upper-bound"))
            union = draw_union(summary, task, grids, level)
            yield _Named(union, (run, task.name, "union-size"))
            for strategy, figure in draw_spoken(summary, task):
                yield _Named(figure, (run, task.name, strategy, "language"))


def _of_tables(summaries: Sequence[Summary], level: str) -> Iterator[_Named]:
    for table in make_tables(summaries, level):
        one = table.subject
        about = one.task, one.direction, one.split, one.mode, one.rule, one.only, one.pairs
        named = tuple(filter(None, about))
        yield _Named(draw_bars(table), (*named, "bars"))
        yield _Named(draw_sets(table), (*named, "gap"))
        yield _Named(draw_flips(table), (*named, "flips"))
        yield _Named(draw_mechanism(table), (*named, "mechanism"))
        for option, figure in draw_sweeps(table, summaries):
            yield _Named(figure, (*named, option))


def _grids(summary: Summary, task: TaskCounts, level: str) -> dict[str, dict[str, Tally]]:
    """Counts by strategy and language, of strategies that ran at several layers on some side."""
    found = {}
    for strategy in summary.manifest.strategies:
        tallies = tallies_of(task, strategy, level)
        if tallies and all(
            len(one.by_source) > 1 or len(one.by_target) > 1 for one in tallies.values()
        ):
            found[strategy] = tallies
    return found
