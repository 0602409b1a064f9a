"""Errors over items of what a table's rows are over all languages together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from xtransplant.report.counted import Picked
from xtransplant.report.row import Row
from xtransplant.report.set_items import together
from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.runs.columns import CORRECT
from xtransplant.stats.answers import Answers
from xtransplant.stats.over_items import Judged, OverItems, over_both, over_items
from xtransplant.stats.rates import macro, micro

__all__ = ["with_items"]


def with_items(row: Row, summary: Summary, task: TaskCounts, level: str) -> Row:
    """A row whose averages, and those of its sets and its nulls, have errors over items.

    An item stands in a table once for each language, and what a model does with it in one goes with
    what it does in another: taken for independent, twelve languages that answer alike have a
    standard error that is 3.5 times too small. Where a run's answers are not known it stays as it
    is.

    Args:
        row: of the run.
        summary: the run.
        task: of it.
        level: of the row.
    """
    if row.kind in ("vanilla", "source"):
        prompts = {lang: one.prompts.get(row.kind) for lang, one in task.languages.items()}
        sets = together(row.sets, task, level, row.kind, row.picked)
        return replace(row, over_items=_together(task, level, prompts, row.picked), sets=sets)
    names = summary.manifest.nulls_of(row.strategy) if row.strategy else {}
    nulls = {
        null: replace(
            one,
            over_items=_of(task, level, names[null], one.picked),
            sets=together(one.sets, task, level, names[null], one.picked),
        )
        for null, one in row.null_grids.items()
    }
    name = row.strategy or row.key
    return replace(
        row,
        over_items=_of(task, level, name, row.picked),
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


def _of(task: TaskCounts, level: str, name: str, picked: Picked) -> OverItems | None:
    """Of records of that name."""
    answers = {lang: one.answers.get(name) for lang, one in task.languages.items()}
    return _together(task, level, answers, picked)


def _together(
    task: TaskCounts, level: str, answers: Mapping[str, Answers | None], picked: Picked
) -> OverItems | None:
    at = CORRECT.index(level)
    found = [
        (picked(lang, one, at), task.languages[lang].items[one.examples])
        for lang, one in answers.items()
        if one is not None and len(one.examples)
    ]
    return over_items(found) if found else None
