"""Errors over items of what a table's rows are over all languages together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xtransplant.report.counted import Picked
from xtransplant.report.row import Row
from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.runs.columns import CORRECT
from xtransplant.stats.answers import Answers
from xtransplant.stats.over_items import OverItems, over_items

__all__ = ["with_items"]


def with_items(row: Row, summary: Summary, task: TaskCounts, level: str) -> Row:
    """A row whose averages, and those of its null grids, have errors over items.

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
        return replace(row, over_items=_together(task, level, prompts, row.picked))
    names = summary.manifest.nulls_of(row.strategy) if row.strategy else {}
    nulls = {
        null: replace(one, over_items=_of(task, level, names[null], one.picked))
        for null, one in row.null_grids.items()
    }
    own = _of(task, level, row.strategy or row.key, row.picked)
    return replace(row, over_items=own, null_grids=nulls)


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
