"""Grids over any two of their axes: source layer i, target layer j, options that are swept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.grid.axes import LAYERS, PROBABILITY, MetricName, check_axes, check_layers_fixed
from xtransplant.grid.data import Bools, GridData, find_best
from xtransplant.grid.metrics import Metric, find_metric, is_shown

__all__ = ["View", "ViewAxis", "views_of"]

_LABELS = {"i": "source layer", "j": "target layer"}


@dataclass(frozen=True)
class ViewAxis:
    """One axis: ``i``, ``j`` or the name of an option, and its values."""

    name: str
    values: tuple[Any, ...]

    @property
    def label(self) -> str:
        """What it is called where it is drawn."""
        return _LABELS.get(self.name, self.name)


@dataclass(frozen=True)
class View:
    """Cells over two axes, all others fixed; arrays are ``[rows, columns]``.

    Attributes:
        fixed: names and values of the other axes.
        values: of the metric that is shown, NaN where a cell is not finite; None if not scored.
        metric: which that is.
        correct: None without an answer.
        changed: whether a cell answers otherwise than the target without a transplant.
        finite: whether all numbers behind a cell are.
        answers: texts, None where a cell is not finite.
        best: row and column of the cell that does most for the answer, if there is one; ties:
            smallest target layer, then largest source layer.
    """

    rows: ViewAxis
    columns: ViewAxis
    fixed: tuple[tuple[str, Any], ...]
    values: np.ndarray[Any, np.dtype[np.float64]] | None
    metric: Metric
    correct: Bools | None
    changed: Bools
    finite: Bools
    answers: np.ndarray[Any, np.dtype[np.object_]]
    best: tuple[int, int] | None

    @property
    def about(self) -> str:
        """What is fixed, in words: ``weight=0.25, i=5``; empty if nothing is."""
        return ", ".join(f"{name}={value}" for name, value in self.fixed)

    @property
    def worth(self) -> float:
        """What :attr:`best` is best by, more is better; minus infinity where there is none."""
        found = self.correct if self.values is None else self.metric.sign * self.values
        return -np.inf if self.best is None or found is None else float(found[self.best])

    @property
    def best_name(self) -> str:
        """The best cell in words: ``5→2``, or ``weight=0.25, 5→2``; empty without one."""
        if self.best is None:
            return ""
        values = dict(self.fixed)
        for axis, at in zip((self.rows, self.columns), self.best, strict=True):
            values[axis.name] = axis.values[at]
        options = [f"{name}={value}" for name, value in values.items() if name not in LAYERS]
        return ", ".join([*options, f"{values['i']}→{values['j']}"])


def views_of(
    grids: Sequence[GridData],
    swept: Sequence[tuple[str, tuple[Any, ...]]] = (),
    axes: tuple[str, str] = LAYERS,
    metric: MetricName = PROBABILITY,
) -> tuple[View, ...]:
    """The cells of a sweep over two axes, one view per combination of the other options' values.

    Args:
        grids: one per combination of the swept options' values, the first option slow; one grid
            alone where none is swept.
        swept: the options and their values.
        axes: which two stand down and across.
        metric: what is shown of an answer that was scored.

    Raises:
        XTransplantError: axes that are none, or that leave several layers open; a metric that is
            none, or is not defined here.
    """
    check_axes(axes, [name for name, _ in swept])
    shown = find_metric(metric)
    one = grids[0]
    check_layers_fixed(axes, one.source_layers, one.target_layers)
    every = [ViewAxis(*found) for found in swept]
    every += [ViewAxis("i", one.source_layers), ViewAxis("j", one.target_layers)]
    shape, names = [len(axis.values) for axis in every], [axis.name for axis in every]
    rows, columns = (every[names.index(name)] for name in axes)
    # One axis may be fixed: a layer, or an option that has a panel for each value.
    others = [axis for axis in every if axis.name not in axes]
    order = [names.index(axis.name) for axis in (*others, rows, columns)]

    def arranged(parts: Sequence[Any]) -> Any:
        if any(part is None for part in parts):
            return None
        return np.array(parts).reshape(shape).transpose(order)

    values = arranged([shown.cells(grid) if is_shown(grid) else None for grid in grids])
    correct = arranged([grid.correct() for grid in grids])
    changed = arranged([grid.changed() for grid in grids])
    finite = arranged([grid.finite for grid in grids])
    answers = arranged([np.array(grid.answers(), dtype=object) for grid in grids])
    at = np.array([grid.pairs for grid in grids]).reshape(*shape, 2)
    pairs = at.transpose(*order, len(shape))

    def view(where: tuple[int, ...]) -> View:
        own, right = (None if one is None else one[where] for one in (values, correct))
        fixed = tuple((axis.name, axis.values[k]) for axis, k in zip(others, where, strict=True))
        best = _best(None if own is None else shown.sign * own, right, pairs[where])
        arrays = changed[where], finite[where], answers[where]
        return View(rows, columns, fixed, own, shown, right, *arrays, best)

    return tuple(view(where) for where in np.ndindex(*(len(axis.values) for axis in others)))


def _best(
    worth: np.ndarray[Any, Any] | None, correct: Bools | None, pairs: np.ndarray[Any, Any]
) -> tuple[int, int] | None:
    """Row and column of the best cell; ``pairs`` is ``[rows, columns, 2]``."""
    at = find_best(worth, correct, [(i, j) for i, j in pairs.reshape(-1, 2).tolist()])
    return None if at is None else divmod(at, pairs.shape[1])
