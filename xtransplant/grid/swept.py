"""A sweep as a result: the grids of one example at every value of some options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtransplant.grid.axes import LAYERS, PROBABILITY, MetricName, check_axes
from xtransplant.grid.frame import grid_document, grid_frame, save_grid
from xtransplant.grid.grid import Grid
from xtransplant.grid.metrics import find_metric
from xtransplant.grid.notebook import grid_html, grid_text
from xtransplant.grid.plot import plot_grids
from xtransplant.grid.terminal import render_grids
from xtransplant.grid.views import View, views_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.console import Group

__all__ = ["SweptGrid"]


@dataclass(frozen=True)
class SweptGrid:
    """All variants of one example under a strategy at several values of its options.

    rich prints it as ``xtp trace`` does, a notebook as small heatmaps.

    Attributes:
        strategy: its name, with what is bound and what is swept.
        options: the swept options and their values.
        grids: one per combination of these values, the first option slow. They ran in the same
            forward passes, which each of them counts.
        values: of each grid, the value of every option.
        axes: the two that are shown, down and across: of ``i``, ``j`` and the swept options.
        metric: what is shown of an answer that was scored: see :meth:`Grid.by`.
    """

    strategy: str
    options: tuple[tuple[str, tuple[Any, ...]], ...]
    grids: tuple[Grid, ...]
    values: tuple[Mapping[str, Any], ...]
    axes: tuple[str, str] = LAYERS
    metric: MetricName = PROBABILITY

    def by(self, metric: MetricName) -> SweptGrid:
        """The same, shown by another number of the answer; see :meth:`Grid.by`."""
        find_metric(metric)
        return replace(self, metric=metric)

    def over(self, rows: str, columns: str) -> SweptGrid:
        """The same, shown over two other axes.

        Args:
            rows: ``i``, ``j`` or a swept option, down.
            columns: another of them, across.

        Raises:
            XTransplantError: axes that are none, or one twice.
        """
        return replace(self, axes=check_axes((rows, columns), [name for name, _ in self.options]))

    @property
    def views(self) -> tuple[View, ...]:
        """The cells over :attr:`axes`, one view per combination of the other options' values.

        Raises:
            XTransplantError: source or target layers are no axis, and several.
        """
        return views_of(self.grids, self.options, self.axes, self.metric)

    def to_frame(self) -> pd.DataFrame:
        """One row per cell: a column for each option, then those of :meth:`Grid.to_frame`.

        An option that has a column's name is called ``option:NAME``.
        """
        import pandas as pd

        frames = []
        for grid, values in zip(self.grids, self.values, strict=True):
            frame = grid_frame(grid)
            for place, (name, value) in enumerate(values.items()):
                frame.insert(place, f"option:{name}" if name in frame else name, value)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``xtp trace --json`` prints: a grid's, with each cell's options."""
        documents = [grid_document(grid) for grid in self.grids]
        cells = [
            {"options": dict(values), **cell}
            for document, values in zip(documents, self.values, strict=True)
            for cell in document["cells"]
        ]
        worth = [max(view.worth for view in views_of([grid])) for grid in self.grids]
        best = max(range(len(worth)), key=worth.__getitem__)
        found = documents[best]["best"]
        notes = dict.fromkeys(filter(None, (document["note"] for document in documents)))
        return {
            **documents[0],
            "strategy": self.strategy,
            "swept": {name: list(values) for name, values in self.options},
            "cells": cells,
            "best": found and {"options": dict(self.values[best]), **found},
            "unchanged": all(document["unchanged"] for document in documents),
            "not_finite": sum(document["not_finite"] for document in documents),
            "note": "; ".join(notes),
            "seconds": sum(document["seconds"] for document in documents),
            "token_forwards": sum(document["token_forwards"] for document in documents),
        }

    def save(self, path: str | Path) -> None:
        """Write it to a file; see :meth:`Grid.save`."""
        save_grid(self, path)

    def plot(self, path: str | Path | None = None) -> Figure:
        """A heatmap over :attr:`axes`, a panel for each combination of the other options' values.

        Args:
            path: where to save it, ``.png``, ``.svg`` or ``.pdf``; not saved by default.

        Raises:
            XTransplantError: another suffix, or a place that cannot be written to.
        """
        return plot_grids(self.grids, self.views, self.strategy, path)

    def __rich__(self) -> Group:
        """What ``rich.print`` shows."""
        return render_grids(self.grids, self.views, self.strategy)

    def __repr__(self) -> str:
        return grid_text(self.grids, self.views, self.strategy)

    def _repr_html_(self) -> str:
        return grid_html(self.grids, self.views, self.strategy)
