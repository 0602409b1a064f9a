"""Tables that stand below those of rates and gains: what else is known of some runs on one task.

To add one, write a module with a function that makes its grids of the runs and one that says the
same as plain data for JSON, and name them here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from xtransplant.report.chosen_options import options_grid, options_json
from xtransplant.report.ledger import ledger_grid, ledger_json
from xtransplant.report.mechanism import mechanism_grid, mechanism_json
from xtransplant.report.recovered import recovery_grid, recovery_json
from xtransplant.report.some_of_k import some_of_k_grid, some_of_k_json
from xtransplant.report.spoken import spoken_grid, spoken_json
from xtransplant.report.summary import TaskRun
from xtransplant.report.text_grid import TextGrid
from xtransplant.report.written_shown import written_grid, written_json

__all__ = ["more_grids", "more_json"]

_GRIDS = (
    some_of_k_grid, recovery_grid, options_grid, mechanism_grid, written_grid, spoken_grid,
    ledger_grid,
)  # fmt: skip
_JSON = {
    "sampling": some_of_k_json,
    "recovery": recovery_json,
    "options": options_json,
    "mechanism": mechanism_json,
    "written": written_json,
    "spoken": spoken_json,
    "cost": ledger_json,
}


def more_grids(runs: Sequence[TaskRun], level: str) -> Iterator[TextGrid]:
    """The tables that have a line, in their order.

    Args:
        runs: of one task.
        level: ``strict``, ``match`` or ``lenient``.
    """
    for make in _GRIDS:
        grid = make(runs, level)
        if grid is not None:
            yield grid


def more_json(runs: Sequence[TaskRun], level: str) -> dict[str, list[dict[str, Any]]]:
    """The same by the table's name; those without a line are left out."""
    found = {name: make(runs, level) for name, make in _JSON.items()}
    return {name: lines for name, lines in found.items() if lines}
