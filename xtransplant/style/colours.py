"""What figures of runs share: colours, markers, bare axes, titles."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from xtransplant.style.escape import short
from xtransplant.style.fonts import installed_fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["GREY", "GREYS", "LINES", "LONGEST", "MARKS", "add_title", "clear_axes", "legend_name"]

# Okabe and Ito's colours, distinct with every common kind of colour blindness
# (https://jfly.uni-koeln.de/color/).
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#999999"
GREYS = (GREY, "#555555", "#CCCCCC")
LONGEST = 40
"""How many characters of a name are shown."""


def legend_name(text: str) -> str:
    """A name for a legend; matplotlib would leave it out if it began with an underscore."""
    shown = short(text, LONGEST)
    return f" {shown}" if shown.startswith("_") else shown


def clear_axes(axes: Axes) -> None:
    """Axes without the frame's upper and right side, on a pale grid of horizontal lines."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)


def add_title(figure: Figure, first: str, second: str) -> None:
    """Two lines, wrapped to the figure's width; no text of the figure is read as mathtext then."""
    from matplotlib.text import Text

    width = int(13 * figure.get_figwidth())
    lines = [piece for line in (first, second) for piece in textwrap.wrap(short(line, 300), width)]
    figure.suptitle("\n".join(lines), fontsize=10, fontfamily=installed_fonts())
    for text in figure.findobj(Text):
        text.set_parse_math(False)
