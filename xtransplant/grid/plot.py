"""Grids as heatmaps: source layers down, target layers across (or swept options), by effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.grid.axes import PROBABILITY, MetricName
from xtransplant.grid.captions import languages
from xtransplant.grid.data import GridData
from xtransplant.grid.metrics import Metric
from xtransplant.grid.views import View, views_of
from xtransplant.style.escape import visible
from xtransplant.style.fonts import installed_fonts, save_figure
from xtransplant.style.heatmap import DIVERGING, label_layers, mark_cell
from xtransplant.style.paths import PLOT_SUFFIXES, checked_path, replaced
from xtransplant.style.words import (
    highest,
    model_label,
    quoted,
    say_not_finite,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["plot_grid", "plot_grids"]

_MOST_NUMBERED = 16  # layers across, up to which each cell has its number written in it
_MOST_TICKS = 20
_MOST_ACROSS = 4  # panels
_YES, _NO = 0.6, -0.1  # of 1, on the colour map: a strong and a pale colour


@dataclass(frozen=True)
class _Picture:
    """What to draw.

    Attributes:
        values: of each view ``[rows, columns]``, zero in the middle of the colour map; NaN where a
            cell is not finite.
        limit: the greatest absolute value of the colour map.
        numbers: of each view ``[rows][columns]``, written in the cells; None to write none.
        scale: title of the colour bar.
        subtitle: second line of the figure's title.
        ticks: labels of the two colours, where values are only yes and no.
    """

    values: list[np.ndarray[Any, np.dtype[np.float64]]]
    limit: float
    numbers: list[list[list[str]]] | None
    scale: str
    subtitle: str
    ticks: dict[float, str] | None = None


def plot_grid(
    grid: GridData, path: str | Path | None = None, metric: MetricName = PROBABILITY
) -> Figure:
    """A heatmap of a grid.

    Where the answer was scored, colour is the change of its probability, in percentage points, or
    of another metric.
    Else it shows which cells' texts are correct, or, without an answer, which of them differ from
    the target's without a transplant.

    Args:
        grid: what to draw.
        path: where to save it, ``.png``, ``.svg`` or ``.pdf``; not saved by default.
        metric: ``probability``, ``candidates`` (among these alone), ``logprob`` (nats), ``rank``
            or ``recovery``.

    Raises:
        XTransplantError: another suffix, a place that cannot be written to, or a metric that is not
            defined here.
    """
    return plot_grids([grid], views_of([grid], metric=metric), grid.strategy, path)


def plot_grids(
    grids: Sequence[GridData], views: Sequence[View], name: str, path: str | Path | None = None
) -> Figure:
    """:func:`plot_grid` of one example's grids: a panel per view, all in the same colours.

    Args:
        grids: one per combination of the swept options' values.
        views: their cells over two axes.
        name: of the strategy, with what is swept.
        path: as for :func:`plot_grid`.

    Raises:
        XTransplantError: as :func:`plot_grid`.
    """
    from matplotlib.figure import Figure

    if path is not None:
        checked_path(path, PLOT_SUFFIXES, "--plot")
    picture = _picture(grids, views)
    across = min(len(views), _MOST_ACROSS)
    down = -(-len(views) // across)
    n_rows, n_columns = picture.values[0].shape
    cell = min(0.5, 6.4 / max(n_rows, n_columns * across))
    wide, high = cell * n_columns * across, (cell * n_rows + 0.6) * down
    figure = Figure(figsize=(max(6.0, wide + 2.6), max(3.2, high + 1.1)), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    images = [
        _draw(axes, view, picture, k, several=len(views) > 1)
        for k, (axes, view) in enumerate(zip(panels, views, strict=False))
    ]
    for axes in panels[len(views) :]:
        axes.set_visible(False)
    for k, axes in enumerate(panels[: len(views)]):
        if k + across >= len(views):
            axes.set_xlabel(visible(views[0].columns.label))
            axes.tick_params(labelbottom=True)
        if k % across == 0:
            axes.set_ylabel(visible(views[0].rows.label))
    fonts = installed_fonts()
    _title(figure, grids, name, picture, fonts)
    _colour_bar(figure, list(panels[: len(views)]), images[0], picture, fonts)
    if path is not None:
        with replaced(path, "--plot") as target:
            save_figure(figure, target)
    return figure


def _draw(axes: Axes, view: View, picture: _Picture, number: int, *, several: bool) -> AxesImage:
    """One view's panel; of several, each says what is fixed in it."""
    values = picture.values[number]
    image = axes.imshow(
        values, cmap=DIVERGING, vmin=-picture.limit, vmax=picture.limit, aspect="equal",
        interpolation="nearest",
    )  # fmt: skip
    most, size = (8, 7) if several else (_MOST_TICKS, 8)
    label_layers(axes, view.rows.values, view.columns.values, most=most, size=size)
    if several:
        axes.set_title(visible(view.about), fontsize=9, parse_math=False)
    if picture.numbers is not None:
        _write_numbers(axes, values, picture.limit, picture.numbers[number])
    else:
        for row, column in np.argwhere(~view.finite):
            axes.text(column, row, "×", ha="center", va="center", fontsize=8)
    if view.best is not None:
        mark_cell(axes, *view.best)
    return image


def _picture(grids: Sequence[GridData], views: Sequence[View]) -> _Picture:
    one, n_cells = grids[0], sum(len(grid.pairs) for grid in grids)
    best = max(views, key=lambda view: view.worth)
    what = f"best of {n_cells:,}:" if len(grids) > 1 else "best pair"
    marked = f"{what} {visible(best.best_name)}" if best.best_name else ""
    if best.values is not None:
        return _scored(one, views, best, marked)
    cells = "layer pairs" if len(grids) == 1 else "variants"
    if best.correct is not None:
        right = [np.asarray(view.correct) for view in views]
        count = f"{sum(int(values.sum()) for values in right)} of {n_cells} {cells} correct"
        ticks = {-0.5: "incorrect", 0.5: "correct"}
        subtitle = f"{count}; {marked}" if marked else count
        return _marks(views, right, subtitle, ticks)
    changed = [view.changed for view in views]
    total = sum(int(values.sum()) for values in changed)
    count = f"{total} of {n_cells} {cells} change what the model says"
    return _marks(views, changed, count, {-0.5: "unchanged", 0.5: "changed"})


def _scored(one: GridData, views: Sequence[View], best: View, marked: str) -> _Picture:
    """Cells by a metric: colour is how far they are from the target without a transplant."""
    metric, vanilla = best.metric, best.metric.vanilla(one)
    values = [np.asarray(view.values) for view in views]
    size = metric.sign if metric.unit else 100  # better is up; shares are drawn as points
    changes = [size * (own - vanilla) for own in values]
    at_best = ""
    if best.best is not None and marked:
        at_best = f"; {marked}: {metric.say(float(values[views.index(best)][best.best]))}"
    answer = quoted(one.example.answer or "", 24)
    few = len(views) == 1 and max(changes[0].shape) <= _MOST_NUMBERED
    numbered = few and (bool(metric.unit) or max(map(highest, values)) >= 0.01)
    number = f" (number, {metric.unit.partition(',')[0] or '%'})" if numbered else ""
    change = f"{'better' if metric.sign < 0 else 'change'} in {metric.unit or 'percentage points'}"
    return _Picture(
        changes,
        max(highest(np.abs(own)) for own in changes) or 1.0,
        [_numbers(own, metric) for own in values] if numbered else None,
        f"{metric.title} {answer}{number}:\n{change}{' (colour)' * numbered}",
        f"without a transplant: {metric.say(vanilla)}{at_best}",
    )


def _numbers(values: Any, metric: Metric) -> list[list[str]]:
    """What is written in the cells."""
    if not metric.unit:
        return _percents(values)
    return [["×" if np.isnan(one) else metric.number(float(one)) for one in row] for row in values]


def _percents(probabilities: Any) -> list[list[str]]:
    digits = 0 if highest(probabilities) >= 0.1 else 1
    return [
        ["×" if np.isnan(value) else f"{100 * value:.{digits}f}" for value in row]
        for row in probabilities
    ]


def _marks(
    views: Sequence[View], yes: Sequence[Any], subtitle: str, ticks: dict[float, str]
) -> _Picture:
    values = [
        np.where(view.finite, np.where(marks, _YES, _NO), np.nan)
        for view, marks in zip(views, yes, strict=True)
    ]
    return _Picture(values, 1.0, None, "", subtitle, ticks)


def _title(
    figure: Figure, grids: Sequence[GridData], name: str, picture: _Picture, fonts: list[str]
) -> None:
    parts = [visible(name), model_label(grids[0].model), languages(grids[0])]
    about = "  ·  ".join(part for part in parts if part)
    # A long title breaks between its parts, as the figure is no wider for it.
    if len(about) > 11 * figure.get_figwidth():
        about = "\n".join(part for part in parts if part)
    bad = sum(int((~grid.finite).sum()) for grid in grids)
    total = sum(len(grid.pairs) for grid in grids)
    more = f"; × {say_not_finite(bad, total)}" if bad else ""
    title = f"{about}\n{picture.subtitle}{more}"
    figure.suptitle(title, fontsize=10, fontfamily=fonts, parse_math=False)


def _colour_bar(
    figure: Figure, axes: list[Axes], image: AxesImage, picture: _Picture, fonts: list[str]
) -> None:
    if picture.ticks is None:
        bar = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02)
        lowest = min(-highest(-values) for values in picture.values)
        if lowest >= -0.02 * picture.limit:
            bar.ax.set_ylim(0, picture.limit)  # nothing is worse: half of the scale says nothing
        bar.ax.set_ylabel(picture.scale, fontsize=8, fontfamily=fonts, parse_math=False)
    else:
        bar = figure.colorbar(
            image, ax=axes, shrink=0.5, pad=0.02, boundaries=[-1, 0, 1], values=[_NO, _YES]
        )
        bar.set_ticks(list(picture.ticks), labels=list(picture.ticks.values()))
    bar.ax.tick_params(labelsize=8, length=2)


def _write_numbers(axes: Axes, values: Any, limit: float, numbers: list[list[str]]) -> None:
    for (row, column), value in np.ndenumerate(values):
        dark = abs(value) > 0.65 * limit  # False for NaN
        axes.text(
            column, row, numbers[row][column],
            ha="center", va="center", fontsize=8, color="white" if dark else "black",
        )  # fmt: skip
