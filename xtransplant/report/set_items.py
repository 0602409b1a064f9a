"""Which examples of a run's answers are the gap and which are shared, and errors over items there.

Counts of the two sets by language are the tallies' (``report.sets``). What needs the examples one
by one goes by their answers: rows whose examples are not all counted by one pair, and errors over
items, which are in all languages and alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from xtransplant.report.counted import Picked
from xtransplant.report.sets import SetRates, Sets, are_known
from xtransplant.report.summary import COUNTED_SETS, LanguageCounts, TaskCounts
from xtransplant.runs.columns import CORRECT, SOURCE, VANILLA
from xtransplant.stats.answers import Answers
from xtransplant.stats.over_items import clustered, over_items
from xtransplant.stats.rates import Rate

__all__ = ["answers_of", "members", "of_examples", "together"]

Array = np.ndarray[Any, Any]


def answers_of(counts: LanguageCounts, name: str) -> Answers | None:
    """By the name of their records; ``vanilla`` and ``source``: those of the two prompts."""
    return (counts.prompts if name in (VANILLA, SOURCE) else counts.answers).get(name)


def members(counts: LanguageCounts, own: Answers, at: int) -> dict[str, Array]:
    """``[examples]`` of a language's answers by set, whether they are in it; as level ``at`` says.

    Both sets are of what the source is right on: without an answer to that an example is in none.
    """
    target, source = (
        dict(zip(one.examples.tolist(), one.right[:, 0, at].tolist(), strict=True))
        for one in (counts.prompts[name] for name in (VANILLA, SOURCE))
    )
    numbers = own.examples.tolist()
    known = np.array([bool(source.get(k)) for k in numbers], dtype=np.bool_)
    both = np.array([target.get(k) is True for k in numbers], dtype=np.bool_)
    neither = np.array([target.get(k) is False for k in numbers], dtype=np.bool_)
    return dict(zip(COUNTED_SETS, (known & neither, known & both), strict=True))


def of_examples(task: TaskCounts, level: str, name: str, picked: Picked) -> Sets:
    """Of records whose examples are not all counted by one pair; without nulls by others' answers.

    Args:
        task: whose languages are counted.
        level: ``strict``, ``match`` or ``lenient``.
        name: of the records.
        picked: of a language, its answers and a level's number, which examples are right.
    """
    at = CORRECT.index(level)
    found: dict[str, dict[str, Rate]] = {}
    for lang, counts in task.languages.items():
        own = counts.answers.get(name)
        if own is not None and len(own.examples) and are_known(counts, level):
            right = picked(lang, own, at)
            items = counts.items[own.examples]
            for which, among in members(counts, own, at).items():
                rate = Rate(int(right[among].sum()), int(among.sum()))
                found.setdefault(which, {})[lang] = clustered(rate, right[among], items[among])
    return {which: SetRates(rates) for which, rates in found.items()}


def together(sets: Sets, task: TaskCounts, level: str, name: str, picked: Picked) -> Sets:
    """A row's sets with errors over items of all languages together.

    Args:
        sets: of the row.
        task: whose languages are counted.
        level: ``strict``, ``match`` or ``lenient``.
        name: of the records; ``vanilla`` and ``source`` for the two prompts.
        picked: of a language, its answers and a level's number, which examples are right.
    """
    at, found = CORRECT.index(level), dict(sets)
    for which, one in sets.items():
        columns = []
        rates = dict(one.rates)
        for lang in one.rates:
            counts = task.languages[lang]
            own = answers_of(counts, name)
            if own is not None and len(own.examples) and are_known(counts, level):
                among = members(counts, own, at)[which]
                right, items = picked(lang, own, at)[among], counts.items[own.examples[among]]
                columns.append((right, items))
                rates[lang] = clustered(rates[lang], right, items)
        every = over_items(columns).micro
        # Otherwise not all of what was counted has answers to count by.
        if every.n == sum(rate.n for rate in one.rates.values()):
            found[which] = replace(one, rates=rates, every=every)
    return found
