"""What heatmaps over layer pairs share: colours, layer numbers along the axes, the framed cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DIVERGING", "label_layers", "mark_cell"]

DIVERGING = "PuOr_r"
"""Colour map: purple for worse, orange for better, distinguishable with every common colour
blindness (Brewer's PuOr)."""


def label_layers(
    axes: Axes, sources: Sequence[int], targets: Sequence[int], *, most: int, size: float
) -> None:
    """Write layer numbers along both axes.

    Args:
        axes: of a heatmap, source layers down and target layers across.
        sources: numbers of the source layers.
        targets: numbers of the target layers.
        most: how many numbers an axis has at most; of more layers every k-th is named.
        size: of the numbers, in points.
    """
    for axis, layers in ((axes.xaxis, targets), (axes.yaxis, sources)):
        shown = range(0, len(layers), -(-len(layers) // most))
        axis.set_ticks(list(shown), [str(layers[k]) for k in shown], fontsize=size)
    axes.tick_params(length=2)


def mark_cell(axes: Axes, row: int, column: int) -> None:
    """Frame one cell of a heatmap."""
    from matplotlib.patches import Rectangle

    # White under black: seen on the darkest and on the lightest cell.
    for colour, width in (("white", 3.5), ("black", 1.6)):
        frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, zorder=3, clip_on=False)
        frame.set(edgecolor=colour, linewidth=width)
        axes.add_patch(frame)
