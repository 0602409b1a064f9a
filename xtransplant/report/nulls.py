"""What the null grids of a strategy give, beside each of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xtransplant.report.counted import ONE_CELL, Counted, Picked
from xtransplant.report.sets import SetRates, of_strategy, rate_metrics, set_metrics
from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.stats.over_items import OverItems
from xtransplant.stats.rates import Mean, Rate, macro, micro
from xtransplant.stats.tally import Tally
from xtransplant.tasks.nulls import NULLS

__all__ = [
    "NullRates",
    "about_nulls",
    "null_metrics",
    "nulls_of",
]


@dataclass(frozen=True)
class NullRates:
    """One null grid, counted as the row is that it belongs to.

    Attributes:
        rates: by language; only of those that have another item.
        sets: by set of examples, ``gap`` and ``shared``.
        over_items: all languages together, with errors over items; where answers are known.
        picked: which of its examples are right, of its answers.
    """

    rates: dict[str, Rate]
    sets: dict[str, SetRates] = field(default_factory=dict)
    over_items: OverItems | None = None
    picked: Picked = field(default=ONE_CELL.right, compare=False, repr=False)

    @property
    def micro(self) -> Rate:
        """All examples together."""
        return self.over_items.micro if self.over_items else micro(list(self.rates.values()))

    @property
    def macro(self) -> Mean:
        """The mean over languages, and its standard error."""
        return self.over_items.macro if self.over_items else macro(list(self.rates.values()))


def nulls_of(
    summary: Summary,
    task: TaskCounts,
    level: str,
    strategy: str,
    of_grid: Callable[[Mapping[str, Tally]], Counted],
) -> dict[str, NullRates]:
    """A strategy's null grids, by the null's name.

    Args:
        summary: of the run.
        task: whose languages are counted.
        level: ``strict``, ``match`` or ``lenient``.
        strategy: its name.
        of_grid: of a grid, by language, what of it the row counts: a pair, or a bound.
    """
    found = {}
    for null, name in summary.manifest.nulls_of(strategy).items():
        grid = {
            lang: counts.nulls[name][level]
            for lang, counts in task.languages.items()
            if name in counts.nulls
        }
        if grid:
            counted = of_grid(grid)
            sets = of_strategy(task, level, name, counted)
            found[null] = NullRates(
                {lang: counted.rate(lang, one) for lang, one in grid.items()},
                {which: replace(one, nulls=None) for which, one in sets.items()},
                picked=counted.right,
            )
    return found


def null_metrics(
    nulls: dict[str, NullRates], metric: str, lang: str | None = None
) -> dict[str, Any]:
    """What JSON says of a row's null grids, by the beginnings of its keys.

    Args:
        nulls: of the row.
        metric: ``acc``, ``acc_strict`` or ``acc_lenient``.
        lang: of one language; of all together by default.
    """
    found: dict[str, Any] = {}
    for null, one in nulls.items():
        if lang is not None and lang not in one.rates:
            continue
        rate = one.micro if lang is None else one.rates[lang]
        key = f"{metric}_null_{null}"
        found |= rate_metrics(rate, key) | set_metrics(one.sets, key, lang)
    return found


def about_nulls(rows: Iterable[Mapping[str, NullRates]]) -> Iterator[str]:
    """What the null grids of a table's rows are, in a note, if there are any."""
    there = {null for nulls in rows for null in nulls}
    if there:
        each = "; ".join(f"{null}: {what}" for null, what in NULLS.items() if null in there)
        yield (
            "null grid: the same strategy, run at the same pairs with something else in its "
            f"source's place ({each}) and counted as the row above it: what it gives as well is "
            "not what the source prompt knows"
            + " (of paraphrase: not what a second language adds)" * ("paraphrase" in there)
            + "; where a pair is picked, each grid has its own best"
        )
