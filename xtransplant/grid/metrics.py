"""What a grid's cells show of the answer: its probability, or what tells more of a large model.

Over a vocabulary of 262,144 the probability of one answer is near 0 in nearly all cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from xtransplant.errors import XTransplantError
from xtransplant.grid.axes import MetricName
from xtransplant.grid.data import GridData
from xtransplant.stats.recovery import recovery
from xtransplant.style.words import percent, points

__all__ = ["Metric", "find_metric", "is_shown"]

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Metric:
    """One number of each cell, and of the target without a transplant.

    Attributes:
        title: what it is of an answer, such as ``probability of``.
        rows: its values, from log-probabilities of all candidates, ``[rows, candidates]``, the
            answer's column, and the plain target's and source's rows.
        say: one value in words.
        change: a difference from the target without a transplant in words.
        number: a value without its unit.
        unit: of the numbers; empty: a share, shown in percent.
        sign: -1 where less is better.
    """

    title: str
    rows: Callable[[Floats, int, Floats, Floats], Floats]
    say: Callable[[float], str]
    change: Callable[[float], str]
    number: Callable[[float], str]
    unit: str = ""
    sign: int = 1

    def cells(self, grid: GridData) -> Floats:
        """``[source_layers, target_layers]``; NaN where a cell is not finite."""
        scores, column, plain = _scored(grid)
        found = self.rows(np.asarray(scores.logprobs, np.float64), column, *plain)
        shape = len(grid.source_layers), len(grid.target_layers)
        return np.where(scores.finite, found, np.nan).reshape(shape)

    def vanilla(self, grid: GridData) -> float:
        """Of the target without a transplant."""
        _, column, (target, source) = _scored(grid)
        return float(self.rows(target[None], column, target, source)[0])


def is_shown(grid: GridData) -> bool:
    """Whether a grid has scores of an answer, which metrics are of."""
    return grid.scores is not None and grid.example.answer in grid.example.candidates


def find_metric(name: str) -> Metric:
    """A metric by its name.

    Raises:
        XTransplantError: none has it.
    """
    if name not in _METRICS:
        raise XTransplantError(f"metric {name!r}: there are {', '.join(get_args(MetricName))}")
    return _METRICS[name]


def _scored(grid: GridData) -> tuple[Any, int, tuple[Floats, Floats]]:
    """A grid's scores, the answer's column, and the rows of target and source."""
    assert grid.scores is not None
    assert grid.example.answer is not None
    plain = (np.asarray(row, np.float64) for row in (grid.scores.vanilla, grid.scores.source))
    target, source = plain
    return grid.scores, grid.example.candidates.index(grid.example.answer), (target, source)


def _of_all_texts(rows: Floats, column: int, *_: Floats) -> Floats:
    return np.asarray(np.exp(rows[:, column]))


def _of_candidates(rows: Floats, column: int, *_: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        shares = np.exp(rows - rows.max(axis=1, keepdims=True))
        return np.asarray(shares[:, column] / shares.sum(axis=1))


def _rank(rows: Floats, column: int, *_: Floats) -> Floats:
    return np.asarray(1.0 + (rows > rows[:, [column]]).sum(axis=1))


def _recovery(rows: Floats, column: int, target: Floats, source: Floats) -> Floats:
    found = recovery(rows[None, :, column], target[[column]], source[[column]])
    if found.undefined:
        raise XTransplantError(
            "--metric recovery: the source is no likelier to give the answer than the target "
            f"({source[column]:.2f} and {target[column]:.2f} nats), so that there is nothing to "
            "recover; take --metric logprob"
        )
    return np.asarray(found.values[0])


def _share(value: float) -> str:
    return f"{100 * value:.0f}"


_METRICS = {
    "probability": Metric("probability of", _of_all_texts, percent, points, _share),
    "candidates": Metric("among the candidates, probability of", _of_candidates, percent, points,
                         _share),
    "logprob": Metric(
        "log-probability of", lambda rows, column, *_: rows[:, column],
        lambda value: f"{value:.2f} nats", lambda value: f"{value:+.2f} nats",
        lambda value: f"{value:.1f}", "nats",
    ),
    "rank": Metric(
        "rank among the candidates of", _rank,
        lambda value: f"rank {value:.0f}", lambda value: f"{value:+.0f} ranks",
        lambda value: f"{value:.0f}", "ranks, 1 the likeliest", sign=-1,
    ),
    "recovery": Metric(
        "recovered log-probability of", _recovery,
        lambda value: f"recovery {value:.2f}", lambda value: f"{value:+.2f}",
        lambda value: f"{value:.2f}", "shares, 0 the target's own, 1 the source's",
    ),
}  # fmt: skip
