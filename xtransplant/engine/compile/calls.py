"""Calls of functions at one site: in which order, and which of them run as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from xtransplant.engine.compile.site_work import OneCall
from xtransplant.engine.compile.steps import FixedRows
from xtransplant.strategies import Applied, Fixed, Read

__all__ = ["fixed_rows", "group_calls"]


def group_calls(calls: Sequence[OneCall]) -> list[list[OneCall]]:
    """Calls in an order in which each finds its arguments; those of one matrix run as one."""
    found: dict[object, list[OneCall]] = {}
    for number, call in enumerate(calls):
        own = call.applied
        key = (_depth(own), own.function, own.matrices) if own.matrices else number
        found.setdefault(key, []).append(call)
    if len(found) == len(calls):
        return list(found.values())
    # What is applied to other calls' results comes after them.
    return sorted(found.values(), key=lambda group: _depth(group[0].applied))


def _depth(applied: Applied) -> int:
    """How many functions are applied, one to the result of the other."""
    inner = [
        _depth(term)
        for value in applied.arguments
        for _, term in value.terms
        if isinstance(term, Applied)
    ]
    return 1 + max(inner, default=0)


def fixed_rows(
    placed: Mapping[tuple[Fixed | Read, int], int], widths: Sequence[int]
) -> list[FixedRows]:
    """What is in each bank before the model runs.

    Args:
        placed: row of each tensor, by it and its bank; what is read before is none.
        widths: of the banks' rows; a site may be narrower in some layers.
    """
    found: list[FixedRows] = []
    for bank, width in enumerate(widths):
        own = {
            term: row
            for (term, where), row in placed.items()
            if where == bank and isinstance(term, Fixed)
        }
        values = torch.zeros(len(own), width)
        for place, term in enumerate(own):
            values[place, : term.width] = term.values
        rows = torch.tensor([*own.values()], dtype=torch.long)
        found.append(FixedRows(rows=rows, values=values))
    return found
