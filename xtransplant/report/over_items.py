"""Errors over items of what a table's rows are, over all languages together and in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from xtransplant.report.counted import Picked
from xtransplant.report.row import Row
from xtransplant.report.set_items import answers_of, together
from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.runs.columns import CORRECT
from xtransplant.stats.over_items import Judged, OverItems, clustered, over_both, over_items
from xtransplant.stats.rates import Rate, macro, micro

__all__ = ["with_items"]


def with_items(row: Row, summary: Summary, task: TaskCounts, level: str) -> Row:
    """A row whose rates and averages, and those of its sets and its nulls, have errors over items.

    An item stands in a table once for each language, and what a model does with it in one goes with
    what it does in another: taken for independent, twelve languages that answer alike have a
    standard error that is 3.5 times too small. So are questions about one passage in one language.
    Where a run's answers are not known it stays as it is.

    Args:
        row: of the run.
        summary: the run.
        task: of it.
        level: of the row.
    """
    names = summary.manifest.nulls_of(row.strategy) if row.strategy else {}
    nulls = {}
    for null, one in row.null_grids.items():
        rates, every = _of(one.rates, task, level, names[null], one.picked)
        sets = together(one.sets, task, level, names[null], one.picked)
        nulls[null] = replace(one, rates=rates, over_items=every, sets=sets)
    name = row.strategy or row.key
    rates, every = _of(row.rates, task, level, name, row.picked)
    return replace(
        row,
        rates=rates,
        over_items=every,
        sets=together(row.sets, task, level, name, row.picked),
        null_grids=nulls,
        null_over_items=_judged(row, task, level),
    )


def _judged(row: Row, task: TaskCounts, level: str) -> OverItems | None:
    """The judged null of a bound, all languages together."""
    if row.nulls is None:
        return None
    at, found = CORRECT.index(level), []
    for lang in row.nulls:
        counts = task.languages[lang]
        own = counts.answers.get(row.strategy)
        if own is None or own.other is None or own.known is None or counts.judges is None:
            return None
        draws = range(counts.judges.shape[1])
        hits = np.stack([row.picked(lang, own.by_other(r), at) for r in draws], axis=1)
        known = own.examples[own.known]
        found.append(Judged(hits[own.known], counts.items[known], counts.judges[known]))
    rates = list(row.nulls.values())
    return over_both(found, micro(rates), macro(rates))


def _of(
    rates: Mapping[str, Rate], task: TaskCounts, level: str, name: str, picked: Picked
) -> tuple[dict[str, Rate], OverItems | None]:
    """Rates by language and over all together, of records of that name."""
    at, found, columns = CORRECT.index(level), dict(rates), []
    for lang, counts in task.languages.items():
        one = answers_of(counts, name)
        if one is not None and len(one.examples):
            right, items = picked(lang, one, at), counts.items[one.examples]
            columns.append((right, items))
            if lang in found:
                found[lang] = clustered(found[lang], right, items)
    return found, over_items(columns) if columns else None
