"""Run work in chunks that fit into memory; where one does not after all, halve it and go on.

What a forward pass takes is estimated (:mod:`xtransplant.engine.ask.memory`), and estimates are
wrong at times. An out-of-memory error therefore halves the budget, and the same work is tried again
with fewer units (variants or examples) at once. What was done before is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from xtransplant.engine.ask.memory import MemoryBudget, is_out_of_memory
from xtransplant.errors import XTransplantError

__all__ = ["Demand", "run_fitting", "run_in_chunks"]

T = TypeVar("T")


@dataclass(frozen=True)
class Demand:
    """What a pass over ``n`` equal units takes: about ``fixed + n * each`` bytes.

    Attributes:
        fixed: bytes that are taken whatever the number of units.
        each: bytes per unit.
        columns: input tokens per unit.
        unit: what the units are called in the log, in the plural.
        too_large: the error's text where a single unit does not fit.
    """

    fixed: float
    each: float
    columns: int
    unit: str
    too_large: str


def run_fitting(
    memory: MemoryBudget, demand: Demand, most: int, run: Callable[[int], T]
) -> tuple[int, T]:
    """Call ``run`` with as many of ``most`` units as fit; fewer each time that memory runs out.

    Args:
        memory: the budget; it shrinks where it turns out to be too large.
        demand: what a pass takes, by its number of units.
        most: how many units there are.
        run: does the work for a number of units.

    Returns:
        How many units were run, and what ``run`` returned.

    Raises:
        XTransplantError: memory ran out with a single unit (or none).
    """
    while True:
        fitting = memory.fits(demand.fixed, demand.each, most, demand.columns)
        count = min(most, fitting)
        try:
            return count, run(count)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if count <= 1:
                raise XTransplantError(demand.too_large) from error
            memory.halve(demand.fixed + demand.each * count, f"{count} {demand.unit}")


def run_in_chunks(
    memory: MemoryBudget, demand: Demand, total: int, run: Callable[[range], T]
) -> Iterator[T]:
    """Call ``run`` with one range of units after another until all ``total`` are done.

    With no units at all it is called once, with an empty range: work that comes on top of the units
    (the prompt without a transplant) is then still done.

    Args:
        memory: the budget; it shrinks where it turns out to be too large.
        demand: what a pass takes, by its number of units.
        total: how many units there are.
        run: does the work for a range of them.

    Yields:
        What ``run`` returned for each range, in order.

    Raises:
        XTransplantError: memory ran out with a single unit (or none).
    """
    done = 0
    while True:
        next_ones = partial(_run_from, run, done)
        count, result = run_fitting(memory, demand, total - done, next_ones)
        yield result
        done += count
        if done >= total:
            return


def _run_from(run: Callable[[range], T], start: int, count: int) -> T:
    return run(range(start, start + count))
