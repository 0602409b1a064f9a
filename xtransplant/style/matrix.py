"""A matrix of cells for the terminal: as wide as it allows, readable without colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.text import Text

from xtransplant.style.escape import visible
from xtransplant.style.words import highest, percent

__all__ = ["BETTER", "FAINT", "WORSE", "Matrix", "shade", "step_of"]

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]

# PuOr as in the plot, four steps each way; around zero the terminal's own background stays.
WORSE = ("#d8daeb", "#b2abd2", "#8073ac", "#542788")
BETTER = ("#fee0b6", "#fdb863", "#e08214", "#b35806")
_PIPED = 10_000  # columns, where output is no terminal: nothing is cut there
FAINT = 0.06
"""Of the strongest difference: below it a cell is not coloured."""


@dataclass(frozen=True)
class Matrix:
    """Cells over two axes, such as source layer (down) and target layer (across).

    Attributes:
        values: ``[rows, columns]``: a share, or 1 and 0 for yes and no, or what ``number`` writes;
            NaN where a cell is not finite.
        differences: ``[rows, columns]``, from the run without a transplant, more is better; they
            set the colour.
        rows, columns: what each stands for: layer numbers from 0, or values of an option.
        best: row and column of the best cell, if there is one.
        marks: whether the values are yes and no, written ✓ and ·.
        unit: factor by which a value is multiplied before it is written; 100 for percent.
        number: how a value is written that is no share.
        unit_name: what it is then counted in.
        labels: of the two axes.
        scale: of the differences, the one that the strongest colour stands for; the greatest of
            them by default.
    """

    values: Floats
    differences: Floats
    rows: Sequence[Any]
    columns: Sequence[Any]
    best: tuple[int, int] | None
    marks: bool = False
    unit: float = 100.0
    number: Callable[[float], str] | None = None
    unit_name: str = ""
    labels: tuple[str, str] = ("source layer", "target layer")
    scale: float | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The header, a line per row, and what the signs mean."""
        columns = options.max_width if console.is_terminal else _PIPED
        shown, width, block = self._fit(columns)
        unit = "" if self.marks else f"   {self._unit_name(width)}"
        down, across = map(visible, self.labels)
        yield Text(f"{down} ↓   {across} →{unit}", style="dim")
        yield from shown._header(width)
        for row in range(len(shown.rows)):
            yield shown._line(row, width)
        if key := self._key(width, block):
            yield Text(key, style="dim")

    @property
    def _highest(self) -> float:
        return max(highest(self.values), 1e-12)

    @property
    def _number_width(self) -> int:
        """Of what ``number`` writes, with a space before it and the best cell's mark."""
        assert self.number is not None
        return 2 + max(map(len, map(self.number, self.values[~np.isnan(self.values)])), default=1)

    @property
    def _label_width(self) -> int:
        # Numbers of layers are as wide on both sides, so that a square grid looks like one.
        return max(len(visible(str(one))) for one in (*self.rows, *self._numbers)) + 2

    @property
    def _numbers(self) -> Sequence[Any]:
        return self.columns if self.labels[1] == "target layer" else ()

    def _fit(self, columns: int) -> _Fitted:
        """The widest cells that fit into so many columns; if none do, blocks of cells as one."""
        columns -= self._label_width
        widths: tuple[int, ...] = (3, 2, 1) if self.marks else (6, 4, 3, 2, 1)
        if self.number is not None:
            widths = (self._number_width, 2, 1)
        for width in widths:
            if width * len(self.columns) <= columns:
                return _Fitted(self, width, 1)
        block = -(-len(self.columns) // max(columns, 1))
        return _Fitted(self._pooled(block), 1, block)

    def _pooled(self, block: int) -> Matrix:
        """The best of every ``block`` x ``block`` cells."""
        rows, columns = (range(0, len(one), block) for one in (self.rows, self.columns))
        values = np.zeros((len(rows), len(columns)))
        differences = np.zeros_like(values)
        for a, row in enumerate(rows):
            for b, column in enumerate(columns):
                part = (slice(row, row + block), slice(column, column + block))
                # Of values and differences the latter say which is better.
                found = np.nan_to_num(self.differences[part], nan=-np.inf)
                at = np.unravel_index(found.argmax(), found.shape)
                values[a, b] = self.values[part][at]
                differences[a, b] = self.differences[part][at]
        return replace(
            self,
            values=values,
            differences=differences,
            rows=[self.rows[row] for row in rows],
            columns=[self.columns[column] for column in columns],
            best=None if self.best is None else (self.best[0] // block, self.best[1] // block),
        )

    def _header(self, width: int) -> Iterator[Text]:
        indent = " " * self._label_width
        names = [visible(str(one)) for one in self.columns]
        longest = max(map(len, names))
        if longest < width or longest == 1:
            yield Text(indent + "".join(f"{name:>{width}}" for name in names), style="dim")
            return
        # Wider than the cells: their characters stand one below the other.
        for place in range(longest):
            line = "".join(f"{name.rjust(longest)[place]:>{width}}" for name in names)
            yield Text(indent + line, style="dim")

    def _line(self, row: int, width: int) -> Text:
        label = f"{visible(str(self.rows[row])):>{self._label_width - 1}} "
        line = Text.assemble((label, "dim"), no_wrap=True)
        scale = highest(np.abs(self.differences)) if self.scale is None else self.scale
        for column, value in enumerate(self.values[row]):
            best = (row, column) == self.best
            style = shade(float(self.differences[row, column]), scale)
            if best:
                style += Style(bold=True, underline=True)
            line.append(self._cell(float(value), width, best), style=style)
        return line

    def _cell(self, value: float, width: int, best: bool) -> str:
        if math.isnan(value):
            text = "×"
        elif self.marks:
            text = "✓" if value else "·"
        elif self.number is not None:
            text = self._tenth(value) if width < 3 else self.number(value)
        elif width >= 6:
            text = f"{self.unit * value:.1f}"
        elif width == 4:
            text = f"{self.unit * value:.0f}"
        elif width == 3:
            text = f"{min(self.unit * value, 99):.0f}"
        else:
            text = str(min(int(10 * value / self._highest), 9))
        if best:
            text = "*" if width == 1 else "*" + text
        return text.rjust(width)

    def _tenth(self, value: float) -> str:
        """How many tenths of the way from the lowest to the highest value it is: 0 to 9."""
        low, high = -highest(-self.values), highest(self.values)
        return str(min(int(10 * (value - low) / (high - low)), 9) if high > low else 0)

    def _unit_name(self, width: int) -> str:
        """The unit of cells of a width, in words."""
        if self.number is not None:
            low, high = map(self.number, (-highest(-self.values), highest(self.values)))
            tenths = f"in tenths of the way from {low} to {high} "
            return f"{tenths * (width < 3)}in {self.unit_name}"
        if width < 3:
            return f"in tenths of the highest, {percent(self._highest)}"
        if self.unit == 100:
            return "in percent"
        return f"in units of 1e-{round(math.log10(self.unit)):02d}"

    def _key(self, width: int, block: int) -> str:
        """What signs and clipped numbers mean; empty where there are none."""
        parts = []
        if width == 3 and not self.marks:
            parts.append("99 stands for 99 and more")
        if block > 1:
            parts.append(f"too wide for the terminal: a cell is the best of {block} x {block}")
        if np.isnan(self.values).any():
            parts.append("× not finite")
        if self.best is not None:
            layers = self.labels == ("source layer", "target layer")
            parts.append("* best pair" if layers else "* best cell")
        return "; ".join(parts)


class _Fitted(NamedTuple):
    """A matrix that fits a width.

    Attributes:
        matrix: the matrix to show.
        width: columns of a cell.
        block: a cell stands for the best of ``block`` x ``block``.
    """

    matrix: Matrix
    width: int
    block: int


def shade(difference: float, scale: float) -> Style:
    """The background of a cell: orange for gains, purple for losses, none near zero or for NaN.

    Args:
        difference: from the run without a transplant.
        scale: the greatest absolute difference in the matrix.
    """
    step = step_of(difference, scale)
    if step == 0:
        return Style()
    colour = (BETTER if step > 0 else WORSE)[abs(step) - 1]
    return Style(color="#ffffff" if abs(step) == 4 else "#000000", bgcolor=colour)


def step_of(difference: float, scale: float) -> int:
    """How strong a cell's colour is: 1 to 4 for gains, -1 to -4 for losses, else 0.

    Args:
        difference: from the run without a transplant.
        scale: the greatest absolute difference in the matrix.
    """
    if math.isnan(difference) or scale <= 0 or abs(difference) < FAINT * scale:
        return 0
    return int(math.copysign(1 + min(int(4 * abs(difference) / scale), 3), difference))
