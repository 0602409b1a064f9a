"""Which cells of a grid differ from vanilla, all of its cells tested at once."""

from __future__ import annotations

from collections.abc import Sequence

from xtransplant.report.gains import side_by_side
from xtransplant.report.summary import TaskCounts
from xtransplant.stats.cell_tests import compare_cells
from xtransplant.stats.selection import Pair

__all__ = ["CELL_COLUMNS", "marked_pairs", "tests_by_pair"]

CELL_COLUMNS = ("p_family", "q")
"""Of a CSV; see :func:`tests_by_pair`."""


def tests_by_pair(
    task: TaskCounts, level: str, name: str, langs: Sequence[str]
) -> dict[Pair, dict[str, float]]:
    """By pair, under :data:`CELL_COLUMNS`, what :func:`compare_cells` says in these languages.

    Empty where vanilla is not known.

    Args:
        task: whose languages are counted.
        level: ``strict``, ``match`` or ``lenient``.
        name: of the strategy.
        langs: which; those without its records, or with other pairs than the first, are left out.
    """
    grid = side_by_side(task, level, name, langs)
    if grid is None:
        return {}
    found = compare_cells(grid.before[:, 0], grid.right, grid.items)
    each = zip(found.p_family.tolist(), found.q.tolist(), strict=True)
    return {
        pair: dict(zip(CELL_COLUMNS, own, strict=True))
        for pair, own in zip(grid.pairs, each, strict=True)
    }


def marked_pairs(
    task: TaskCounts, level: str, name: str, langs: Sequence[str], at_most: float = 0.05
) -> set[Pair]:
    """Pairs that differ from vanilla, family-wise over a grid, in some languages together.

    Args:
        task: whose languages are counted.
        level: ``strict``, ``match`` or ``lenient``.
        name: of the strategy.
        langs: as of :func:`tests_by_pair`.
        at_most: the family-wise error.
    """
    found = tests_by_pair(task, level, name, langs)
    return {pair for pair, own in found.items() if own["p_family"] <= at_most}
