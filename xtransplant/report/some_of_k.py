"""What an upper bound is by its number of cells, as a table: strategies beside their null grids."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xtransplant.report.gains import curves_of
from xtransplant.report.summary import TaskCounts, TaskRun
from xtransplant.report.text_grid import TextGrid, TextLine

__all__ = ["some_of_k_grid"]

_LEAST = 9  # cells of a grid that has a curve worth a table
_NOTE = (
    "percent of examples that some of k cells gets right, the k drawn at random: at 1 the mean "
    "cell, at the last the upper bound; exact for every k (pass@k); an oracle"
)


def some_of_k_grid(runs: Sequence[TaskRun], level: str) -> TextGrid | None:
    """The union-size curves of all strategies at powers of four; None where no grid is large."""
    curves = []
    for summary, task in runs:
        for strategy in summary.manifest.strategies:
            nulls = summary.manifest.nulls_of(strategy)
            for null, curve in curves_of(task, level, strategy, nulls).items():
                if len(curve) >= _LEAST:
                    n = _n_examples(task, nulls.get(null, strategy))
                    curves.append((strategy, null, n, curve))
    if not curves:
        return None
    most = max(len(curve) for *_, curve in curves)
    powers = [4**n for n in range(math.ceil(math.log(most, 4)))]
    ends = {len(curve) for *_, curve in curves}
    sizes = sorted({*powers, *ends})
    lines = [
        TextLine(
            f"null grid {null}" if null else f"{strategy} †",
            [str(n), *(f"{100 * curve[k - 1]:.1f}" if k <= len(curve) else "–" for k in sizes)],
            strategy, oracle=True, null=bool(null),
        )
        for strategy, null, n, curve in curves
    ]  # fmt: skip
    heads = ["n", *(f"{k} cell" + "s" * (k > 1) for k in sizes)]
    return TextGrid("upper bound by how many cells it picks from", heads, lines, (_NOTE,))


def _n_examples(task: TaskCounts, records: str) -> int:
    own = (counts.answers.get(records) for counts in task.languages.values())
    return sum(len(one.examples) for one in own if one is not None)
