"""A grid as a heatmap: source layers down, target layers across, the effect as colour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.grid.captions import languages
from xtransplant.grid.data import GridData
from xtransplant.style.escape import visible
from xtransplant.style.fonts import installed_fonts, save_figure
from xtransplant.style.heatmap import DIVERGING, label_layers, mark_cell
from xtransplant.style.paths import PLOT_SUFFIXES, checked_path, replaced
from xtransplant.style.words import (
    highest,
    model_label,
    percent,
    quoted,
    say_not_finite,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["plot_grid"]

_MOST_NUMBERED = 16  # layers across, up to which each cell has its number written in it
_MOST_TICKS = 20
_YES, _NO = 0.6, -0.1  # of 1, on the colour map: a strong and a pale colour


@dataclass(frozen=True)
class _Picture:
    """What to draw.

    Attributes:
        values: ``[source_layers, target_layers]``, zero in the middle of the colour map; NaN where
            a cell is not finite.
        limit: the greatest absolute value of the colour map.
        numbers: ``[source_layers][target_layers]``, written in the cells; None to write none.
        scale: title of the colour bar.
        subtitle: second line of the figure's title.
        ticks: labels of the two colours, where values are only yes and no.
    """

    values: np.ndarray[Any, np.dtype[np.float64]]
    limit: float
    numbers: list[list[str]] | None
    scale: str
    subtitle: str
    ticks: dict[float, str] | None = None


def plot_grid(grid: GridData, path: str | Path | None = None) -> Figure:
    """A heatmap of a grid.

    Where the answer was scored, colour is the change of its probability, in percentage points.
    Else it shows which cells' texts are correct, or, without an answer, which of them differ from
    the target's without a transplant.

    Args:
        grid: what to draw.
        path: where to save it, ``.png``, ``.svg`` or ``.pdf``; not saved by default.

    Raises:
        XTransplantError: another suffix, or a place that cannot be written to.
    """
    from matplotlib.figure import Figure

    if path is not None:
        checked_path(path, PLOT_SUFFIXES, "--plot")
    picture = _picture(grid)
    n_rows, n_columns = picture.values.shape
    cell = min(0.5, 6.4 / max(n_rows, n_columns))
    figure = Figure(
        figsize=(max(6.0, cell * n_columns + 2.6), max(3.2, cell * n_rows + 1.7)),
        layout="constrained",
    )
    axes = figure.add_subplot()
    image = axes.imshow(
        picture.values, cmap=DIVERGING, vmin=-picture.limit, vmax=picture.limit, aspect="equal",
        interpolation="nearest",
    )  # fmt: skip
    fonts = installed_fonts()
    axes.set_xlabel("target layer")
    axes.set_ylabel("source layer")
    label_layers(axes, grid.source_layers, grid.target_layers, most=_MOST_TICKS, size=8)
    _title(figure, grid, picture, fonts)
    _colour_bar(figure, axes, image, picture, fonts)
    if picture.numbers is not None:
        _write_numbers(axes, picture)
    else:
        for row, column in np.argwhere(~grid.finite):
            axes.text(column, row, "×", ha="center", va="center", fontsize=8)
    _mark_best(axes, grid)
    if path is not None:
        with replaced(path, "--plot") as target:
            save_figure(figure, target)
    return figure


def _picture(grid: GridData) -> _Picture:
    probabilities, vanilla = grid.probabilities(), grid.vanilla_probability()
    best = grid.best()
    marked = "" if best is None else f"best pair {best.source_layer}→{best.target_layer}"
    if probabilities is not None and vanilla is not None:
        points = 100 * (probabilities - vanilla)
        most = highest(probabilities)
        at_best = f"; {marked}: {percent(most)}" if marked else ""
        answer = quoted(grid.example.answer or "", 24)
        numbered = max(points.shape) <= _MOST_NUMBERED and most >= 0.01
        number, colour = (" (number, %)", " (colour)") if numbered else ("", "")
        return _Picture(
            points,
            highest(np.abs(points)) or 1.0,
            _percents(probabilities) if numbered else None,
            f"probability of {answer}{number}:\nchange in percentage points{colour}",
            f"without a transplant: {percent(vanilla)}{at_best}",
        )
    correct = grid.correct()
    if correct is not None:
        count = f"{int(correct.sum())} of {correct.size} layer pairs correct"
        ticks = {-0.5: "incorrect", 0.5: "correct"}
        subtitle = f"{count}; {marked}" if marked else count
        return _marks(grid, correct, subtitle, ticks)
    changed = grid.changed()
    count = f"{int(changed.sum())} of {changed.size} layer pairs change what the model says"
    return _marks(grid, changed, count, {-0.5: "unchanged", 0.5: "changed"})


def _percents(probabilities: Any) -> list[list[str]]:
    digits = 0 if highest(probabilities) >= 0.1 else 1
    return [
        ["×" if np.isnan(value) else f"{100 * value:.{digits}f}" for value in row]
        for row in probabilities
    ]


def _marks(grid: GridData, yes: Any, subtitle: str, ticks: dict[float, str]) -> _Picture:
    values = np.where(grid.finite, np.where(yes, _YES, _NO), np.nan)
    return _Picture(values, 1.0, None, "", subtitle, ticks)


def _title(figure: Figure, grid: GridData, picture: _Picture, fonts: list[str]) -> None:
    parts = [visible(grid.strategy), model_label(grid.model), languages(grid)]
    about = "  ·  ".join(part for part in parts if part)
    # A long title breaks between its parts, as the figure is no wider for it.
    if len(about) > 11 * figure.get_figwidth():
        about = "\n".join(part for part in parts if part)
    bad = int((~grid.finite).sum())
    more = f"; × {say_not_finite(bad, len(grid.pairs))}" if bad else ""
    title = f"{about}\n{picture.subtitle}{more}"
    figure.suptitle(title, fontsize=10, fontfamily=fonts, parse_math=False)


def _colour_bar(
    figure: Figure, axes: Axes, image: AxesImage, picture: _Picture, fonts: list[str]
) -> None:
    if picture.ticks is None:
        bar = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02)
        bar.ax.set_ylabel(picture.scale, fontsize=8, fontfamily=fonts, parse_math=False)
    else:
        bar = figure.colorbar(
            image, ax=axes, shrink=0.5, pad=0.02, boundaries=[-1, 0, 1], values=[_NO, _YES]
        )
        bar.set_ticks(list(picture.ticks), labels=list(picture.ticks.values()))
    bar.ax.tick_params(labelsize=8, length=2)


def _write_numbers(axes: Axes, picture: _Picture) -> None:
    assert picture.numbers is not None
    for (row, column), value in np.ndenumerate(picture.values):
        dark = abs(value) > 0.65 * picture.limit  # False for NaN
        axes.text(
            column, row, picture.numbers[row][column],
            ha="center", va="center", fontsize=8, color="white" if dark else "black",
        )  # fmt: skip


def _mark_best(axes: Axes, grid: GridData) -> None:
    best = grid.best()
    if best is None:
        return
    row = grid.source_layers.index(best.source_layer)
    mark_cell(axes, row, grid.target_layers.index(best.target_layer))
