"""A matrix of cells for the terminal: as wide as it allows, readable without colour."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.text import Text

from xtransplant.style.words import highest, percent

__all__ = ["Matrix", "shade"]

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]

# PuOr as in the plot, four steps each way; around zero the terminal's own background stays.
_WORSE = ("#d8daeb", "#b2abd2", "#8073ac", "#542788")
_BETTER = ("#fee0b6", "#fdb863", "#e08214", "#b35806")
_PIPED = 10_000  # columns, where output is no terminal: nothing is cut there
_FAINT = 0.06  # of the strongest: below it a cell is not coloured


@dataclass(frozen=True)
class Matrix:
    """Cells by source layer (down) and target layer (across).

    Attributes:
        values: ``[source_layers, target_layers]``: a probability, or 1 and 0 for yes and no; NaN
            where a cell is not finite.
        differences: ``[source_layers, target_layers]``, from the run without a transplant; they
            set the colour.
        source_layers, target_layers: layer numbers, from 0.
        best: row and column of the best cell, if there is one.
        marks: whether the values are yes and no, written ✓ and ·.
        unit: factor by which a value is multiplied before it is written; 100 for percent.
    """

    values: Floats
    differences: Floats
    source_layers: Sequence[int]
    target_layers: Sequence[int]
    best: tuple[int, int] | None
    marks: bool = False
    unit: float = 100.0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The header, a line per source layer, and what the signs mean."""
        columns = options.max_width if console.is_terminal else _PIPED
        shown, width, block = self._fit(columns)
        unit = "" if self.marks else f"   {self._unit_name(width)}"
        yield Text(f"source layer ↓   target layer →{unit}", style="dim")
        yield from shown._header(width)
        for row in range(len(shown.source_layers)):
            yield shown._line(row, width)
        if key := self._key(width, block):
            yield Text(key, style="dim")

    @property
    def _highest(self) -> float:
        return max(highest(self.values), 1e-12)

    @property
    def _label_width(self) -> int:
        return len(str(max((*self.source_layers, *self.target_layers)))) + 2

    def _fit(self, columns: int) -> _Fitted:
        """The widest cells that fit into so many columns; if none do, blocks of cells as one."""
        columns -= self._label_width
        widths = (3, 2, 1) if self.marks else (6, 4, 3, 2, 1)
        for width in widths:
            if width * len(self.target_layers) <= columns:
                return _Fitted(self, width, 1)
        block = -(-len(self.target_layers) // max(columns, 1))
        return _Fitted(self._pooled(block), 1, block)

    def _pooled(self, block: int) -> Matrix:
        """The best of every ``block`` x ``block`` cells."""
        rows = range(0, len(self.source_layers), block)
        columns = range(0, len(self.target_layers), block)
        values = np.zeros((len(rows), len(columns)))
        differences = np.zeros_like(values)
        for a, row in enumerate(rows):
            for b, column in enumerate(columns):
                part = (slice(row, row + block), slice(column, column + block))
                found = np.nan_to_num(self.values[part], nan=-1.0)
                at = np.unravel_index(found.argmax(), found.shape)
                values[a, b] = self.values[part][at]
                differences[a, b] = self.differences[part][at]
        return Matrix(
            values,
            differences,
            [self.source_layers[row] for row in rows],
            [self.target_layers[column] for column in columns],
            None if self.best is None else (self.best[0] // block, self.best[1] // block),
            self.marks,
            self.unit,
        )

    def _header(self, width: int) -> Iterator[Text]:
        indent = " " * self._label_width
        digits = len(str(max(self.target_layers)))
        if digits < width or digits == 1:
            yield Text(indent + "".join(f"{j:>{width}}" for j in self.target_layers), style="dim")
            return
        # Numbers are wider than the cells: their digits stand one below the other.
        for digit in range(digits):
            line = "".join(f"{str(j).rjust(digits)[digit]:>{width}}" for j in self.target_layers)
            yield Text(indent + line, style="dim")

    def _line(self, row: int, width: int) -> Text:
        label = f"{self.source_layers[row]:>{self._label_width - 1}} "
        line = Text.assemble((label, "dim"), no_wrap=True)
        scale = highest(np.abs(self.differences))
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

    def _unit_name(self, width: int) -> str:
        """The unit of cells of a width, in words."""
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
            parts.append("* best pair")
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
    if math.isnan(difference) or scale <= 0 or abs(difference) < _FAINT * scale:
        return Style()
    step = min(int(4 * abs(difference) / scale), 3)
    colour = (_BETTER if difference > 0 else _WORSE)[step]
    return Style(color="#ffffff" if step == 3 else "#000000", bgcolor=colour)
