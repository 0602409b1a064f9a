"""A grid as a heatmap: source layers up, target layers across, difference from vanilla."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xtransplant.errors import XTransplantError
from xtransplant.report.paths import checked_path
from xtransplant.report.terminal import short_name

if TYPE_CHECKING:
    from xtransplant.grid import Grid

__all__ = ["PLOT_SUFFIXES", "plot_grid"]

PLOT_SUFFIXES = (".png", ".svg", ".pdf")


def plot_grid(grid: Grid, path: str | Path | None = None) -> Figure:
    """Draw a grid, and save it where a path is given.

    Where the answer was scored: the answer's probability less its probability without a
    transplant, in percentage points. Else, with an answer: correct or not. Else: whether the
    output differs from the one without a transplant. The best pair is framed.

    Raises:
        XTransplantError: a suffix other than .png, .svg, .pdf, or a missing folder.
    """
    target = None if path is None else checked_path(path, PLOT_SUFFIXES, "--plot")
    values, label, centred = _values(grid)
    n_source, n_target = values.shape
    figure = Figure(
        figsize=(min(12, 3.4 + 0.3 * n_target), min(10, 2.2 + 0.3 * n_source)),
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    limit = max(float(np.abs(values).max()), 1e-9)
    image = axes.imshow(
        values,
        origin="lower",
        aspect="equal",
        cmap="PuOr_r" if centred else "cividis",
        vmin=-limit if centred else 0,
        vmax=limit if centred else 1,
    )
    figure.colorbar(image, ax=axes, label=label, shrink=0.9)
    _ticks(axes, grid)
    _frame_best(axes, grid)
    axes.set_title(_title(grid), fontsize=9, loc="left")
    if target is not None:
        try:
            figure.savefig(target, dpi=160)
        except OSError as error:
            raise XTransplantError(f"cannot write {str(target)!r}: {error.strerror}") from error
    return figure


def _values(grid: Grid) -> tuple[np.ndarray[Any, Any], str, bool]:
    """What to draw ``[source layers, target layers]``, its label, whether it is zero-centred."""
    probabilities, vanilla = grid.probabilities(), grid.vanilla_probability()
    if probabilities is not None and vanilla is not None:
        label = f"P(answer) less vanilla's {vanilla:.1%}, in points"
        return 100 * (probabilities - vanilla), label.replace("%", " %"), True
    correct = grid.correct()
    if correct is not None:
        return correct.astype(float), "correct (1) or not (0)", False
    shape = (len(grid.source_layers), len(grid.target_layers))
    before = grid.vanilla_answer()
    changed = [grid.answer_of(cell) != before for cell in grid.cells]
    return np.array(changed, dtype=float).reshape(shape), "says something else (1)", False


def _ticks(axes: Axes, grid: Grid) -> None:
    """Layer numbers, thinned out so that they never touch."""
    for layers, axis in ((grid.target_layers, axes.xaxis), (grid.source_layers, axes.yaxis)):
        step = -(-len(layers) // 16)
        axis.set_ticks(range(0, len(layers), step), [str(layer) for layer in layers[::step]])
    axes.set_xlabel("target layer j (written)")
    axes.set_ylabel("source layer i (read)")


def _frame_best(axes: Axes, grid: Grid) -> None:
    best = grid.best()
    if best is None:
        return
    row = grid.source_layers.index(best.source_layer)
    column = grid.target_layers.index(best.target_layer)
    frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=2)
    axes.add_patch(frame)


def _title(grid: Grid) -> str:
    example = grid.example
    languages = (
        f", {example.source_lang} → {example.target_lang}" if example.source_lang else ""
    )
    best = grid.best()
    framed = f"\nbest pair {best.source_layer}→{best.target_layer} (framed)" if best else ""
    return f"{grid.strategy} on {short_name(grid.model)}{languages}{framed}"
