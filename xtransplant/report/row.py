"""One row of a table: what it is, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from xtransplant.report.choosing import Choosing
from xtransplant.report.counted import ONE_CELL, Picked
from xtransplant.report.gains import Gains
from xtransplant.report.nulls import NullRates
from xtransplant.report.sets import SetRates
from xtransplant.stats.over_items import OverItems
from xtransplant.stats.rates import Mean, Rate, macro, micro, spread

__all__ = ["Row", "arrow", "common_pair", "same_quantity"]

Pair = tuple[int, int]
Rates = dict[str, Rate]


@dataclass(frozen=True)
class Row:
    """One line of a table; an upper bound takes a second line for its judged null.

    Attributes:
        label: what it is, in words; no other row of its table has the same.
        key: what it is, the same in every run, split and table: ``vanilla``, ``ffn-swap,best``.
        kind: ``vanilla``, ``source``, ``baseline``, ``pair``, ``pilot``, ``best``, ``cross-fit``,
            ``bound``.
        strategy: its strategy; empty without a transplant.
        rates: by language.
        runs: names of the runs that have it.
        of: what was measured: the model, the items, the strategy, the pairs. Rows that agree in
            it and in their numbers are the same.
        pair: the one pair of all languages; of ``best`` the one that was picked.
        pairs: by language, where each has its own.
        cells: how many pairs it was picked from; 1 where there was nothing to pick.
        nulls: of a bound: its judged null, by language.
        null_grids: by the null's name, what the strategy's null grids give; a line each.
        complete: whether all parts of its run are stored.
        in_sample: by language, how many of its items its pair was chosen on; -1: not known.
        sets: by set of examples, ``gap`` and ``shared``, its rates; empty where that is not known.
        gains: over vanilla and over its null grids, paired by example.
        curves: of the bound over all pairs, by k cells; of its null grids, by the null's name.
        choosing: how its pair was chosen and what that is worth, where that is known.
        over_items: all languages together, with errors over items; where answers are known.
        null_over_items: likewise of the judged null.
        picked: which of its examples are right, of its answers.
    """

    label: str
    key: str
    kind: str
    strategy: str
    rates: Rates
    runs: tuple[str, ...]
    of: tuple[Any, ...]
    pair: Pair | None = None
    pairs: dict[str, Pair] | None = None
    cells: int = 1
    nulls: Rates | None = None
    complete: bool = True
    in_sample: dict[str, int] | None = None
    sets: dict[str, SetRates] = field(default_factory=dict)
    null_grids: dict[str, NullRates] = field(default_factory=dict)
    gains: Gains = field(default_factory=Gains)
    curves: dict[str, Any] = field(default_factory=dict)
    choosing: Choosing | None = None
    over_items: OverItems | None = None
    null_over_items: OverItems | None = None
    picked: Picked = field(default=ONE_CELL.right, compare=False, repr=False)

    @property
    def oracle(self) -> bool:
        """Whether it was reached by looking at the answers that it is counted by."""
        return self.kind in ("best", "bound") or bool(self.in_sample)

    @property
    def numbers(self) -> str:
        """Its numbers as text, so that they can be compared: NaN is not equal to itself."""
        numbers = (self.rates, self.nulls, self.pair, self.pairs, self.complete, self.in_sample)
        return repr(numbers)

    @property
    def micro(self) -> Rate:
        """All examples together."""
        return self.over_items.micro if self.over_items else micro(list(self.rates.values()))

    @property
    def macro(self) -> Mean:
        """The mean over languages, and its standard error."""
        return self.over_items.macro if self.over_items else macro(list(self.rates.values()))

    @property
    def spread(self) -> float:
        """Standard deviation over languages."""
        return spread(list(self.rates.values()))


def same_quantity(a: Row, b: Row) -> bool:
    """Whether two rows, of whatever runs and tables, are one quantity with the same numbers."""
    return a.of == b.of and a.numbers == b.numbers


def common_pair(pairs: dict[str, Pair]) -> Pair | None:
    """The pair that several languages have alike; None where they differ, or there is but one."""
    found = set(pairs.values())
    return found.pop() if len(pairs) > 1 and len(found) == 1 else None


def arrow(pair: Pair) -> str:
    """``6→1``."""
    return f"{pair[0]}→{pair[1]}"
