"""What the pictures of runs share: colours, plain axes, titles."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from xtransplant.style.escape import short
from xtransplant.style.fonts import installed_fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["GREY", "GREYS", "LINES", "LONGEST", "MARKS", "name", "plain", "title"]

# Okabe and Ito's colours: told apart with every common kind of colour blindness.
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#999999"
GREYS = (GREY, "#555555", "#CCCCCC")
LONGEST = 40  # characters of a name that are shown


def name(text: str) -> str:
    """A name in a legend, where matplotlib leaves out what begins with an underscore."""
    shown = short(text, LONGEST)
    return f" {shown}" if shown.startswith("_") else shown


def plain(axes: Axes) -> None:
    """Axes without what says nothing."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)


def title(figure: Figure, first: str, second: str) -> None:
    """The title; and from here on all texts of the figure are taken as they are."""
    from matplotlib.text import Text

    width = int(13 * figure.get_figwidth())
    lines = [piece for line in (first, second) for piece in textwrap.wrap(short(line, 300), width)]
    figure.suptitle("\n".join(lines), fontsize=10, fontfamily=installed_fonts())
    for text in figure.findobj(Text):
        text.set_parse_math(False)
