"""The grid that users get: its data, and every way to look at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtransplant.grid.axes import PROBABILITY, MetricName
from xtransplant.grid.data import GridData
from xtransplant.grid.frame import grid_document, grid_frame
from xtransplant.grid.metrics import find_metric
from xtransplant.grid.plot import plot_grid
from xtransplant.grid.terminal import render_grid

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.console import Group

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid(GridData):
    """All variants of one example, as data and to look at.

    rich prints it as the table of ``xtp trace``. Its attributes are those of :class:`GridData`.

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

    def to_frame(self) -> pd.DataFrame:
        """One row per cell: layer pair, log-likelihood per candidate (nats), output, correct."""
        return grid_frame(self)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``xtp trace --json`` prints."""
        return grid_document(self)

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
