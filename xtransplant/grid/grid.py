"""The grid that users get: its data, and every way to look at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.errors import XTransplantError
from xtransplant.grid.axes import PROBABILITY, MetricName
from xtransplant.grid.data import GridData
from xtransplant.grid.frame import grid_document, grid_frame, save_grid
from xtransplant.grid.metrics import find_metric, is_shown
from xtransplant.grid.notebook import grid_html, grid_text
from xtransplant.grid.plot import plot_grid
from xtransplant.grid.saved import read_grid
from xtransplant.grid.terminal import render_grid
from xtransplant.grid.views import views_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.console import Group

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid(GridData):
    """All variants of one example, as data and to look at.

    ``grid[i, j]`` is the cell of a layer pair. rich prints it as the table of ``xtp trace``, a
    notebook as a small heatmap. Its attributes are those of :class:`GridData`.

    Attributes:
        metric: what is shown of an answer that was scored: see :meth:`by`.
    """

    metric: MetricName = PROBABILITY

    def by(self, metric: MetricName) -> Grid:
        """The same, shown by another number of the answer.

        Args:
            metric: ``probability``, ``candidates`` (among these alone), ``logprob`` (nats),
                ``rank`` (among them) or ``recovery`` (0 as the target alone, 1 as the source).

        Raises:
            XTransplantError: a metric that is none.
        """
        find_metric(metric)
        return replace(self, metric=metric)

    def matrix(self, metric: MetricName | None = None) -> np.ndarray[Any, np.dtype[np.float64]]:
        """A number of the answer in every cell, ``[source_layers, target_layers]``.

        NaN where a cell is not finite. Row and column k are the k-th of ``source_layers`` and of
        ``target_layers``, which need not begin at 0.

        Args:
            metric: as in :meth:`by`; the one that is shown by default.

        Raises:
            XTransplantError: a metric that is none or not defined here, or an answer that was not
                scored.
        """
        found = find_metric(metric or self.metric)
        if not is_shown(self):
            raise XTransplantError(
                "a matrix is of the answer's scores, and this grid has none: give the example "
                "candidates and an answer, and scores=True; grid.correct() is of texts too"
            )
        return found.cells(self)

    def to_frame(self) -> pd.DataFrame:
        """One row per cell, for frames of several grids to be put together.

        Model, strategy, languages, layer pair, log-likelihood per candidate (nats), output and
        whether that is correct.
        """
        return grid_frame(self)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``xtp trace --json`` prints."""
        return grid_document(self)

    def save(self, path: str | Path) -> None:
        """Write it to a file, as ``xtp trace --save`` does; :meth:`load` reads ``.json`` back.

        Args:
            path: ``.json`` for :meth:`to_dict`, ``.parquet`` or ``.csv`` for :meth:`to_frame`.

        Raises:
            XTransplantError: another suffix, or a place that cannot be written to.
        """
        save_grid(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Grid:
        """The grid that :meth:`save` or ``xtp trace --save`` wrote: every field as it was.

        Args:
            path: of a ``.json`` file.

        Raises:
            XTransplantError: a file that cannot be read, holds no grid, or has one of a format
                that this xtransplant does not know.
        """
        return read_grid(cls, path)

    def plot(self, path: str | Path | None = None) -> Figure:
        """A heatmap of the grid.

        Args:
            path: where to save it, ``.png``, ``.svg`` or ``.pdf``; not saved by default.

        Raises:
            XTransplantError: another suffix, or a place that cannot be written to.
        """
        return plot_grid(self, path, self.metric)

    def __rich__(self) -> Group:
        """What ``rich.print`` shows."""
        return render_grid(self, self.metric)

    def __repr__(self) -> str:
        return grid_text([self], views_of([self], metric=self.metric), self.strategy)

    def _repr_html_(self) -> str:
        return grid_html([self], views_of([self], metric=self.metric), self.strategy)
