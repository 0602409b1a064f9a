"""What heatmaps share: colours, layer numbers or options along the axes, the framed cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xtransplant.style.escape import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DIVERGING", "label_layers", "mark_cell"]

_LONGEST = 4  # characters that stand side by side below a cell

DIVERGING = "PuOr_r"
"""Colour map: purple for worse, orange for better, distinguishable with every common colour
blindness (Brewer's PuOr)."""


def label_layers(
    axes: Axes, rows: Sequence[Any], columns: Sequence[Any], *, most: int, size: float
) -> None:
    """Write layer numbers, or values of an option, along both axes.

    Args:
        axes: of a heatmap.
        rows: such as the numbers of the source layers.
        columns: such as the numbers of the target layers.
        most: how many numbers an axis has at most; of more layers every k-th is named.
        size: of the numbers, in points.
    """
    for axis, values in ((axes.xaxis, columns), (axes.yaxis, rows)):
        shown = range(0, len(values), -(-len(values) // most))
        names = [visible(str(values[k])) for k in shown]
        axis.set_ticks(list(shown), names, fontsize=size)
        if axis is axes.xaxis and max(map(len, names)) > _LONGEST:
            axes.tick_params(axis="x", rotation=90)
    axes.tick_params(length=2)


def mark_cell(axes: Axes, row: int, column: int) -> None:
    """Frame one cell of a heatmap."""
    from matplotlib.patches import Rectangle

    # White under black: seen on the darkest and on the lightest cell.
    for colour, width in (("white", 3.5), ("black", 1.6)):
        frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, zorder=3, clip_on=False)
        frame.set(edgecolor=colour, linewidth=width)
        axes.add_patch(frame)
