"""Pairs typed by hand that another run would choose on the same examples.

A run of ``--pairs 7:0`` does not say how 7→0 was found. Reported beside a grid over the same
examples whose best pair is 7→0, it is that grid's best pair in hindsight, whoever typed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from xtransplant.report.summary import Summary, tallies_of
from xtransplant.runs.read import item_digests
from xtransplant.runs.store import open_run
from xtransplant.stats.selection import Pair, choose_pair, sum_hits

__all__ = ["TypedPair", "are_comparable", "find_hindsight"]


class TypedPair(NamedTuple):
    """The pair of a run, a task, a strategy and a language that no run or file chose."""

    path: Path
    task: str
    strategy: str
    lang: str


def find_hindsight(summaries: Sequence[Summary], level: str = "match") -> dict[TypedPair, int]:
    """For every pair typed by hand that is the best of another run's grid: on how many examples.

    The grid has to be of the same model, task, direction, mode and strategy, and its best pair, in
    that language or over all of them, has to be this pair. Runs that say what their pairs were
    chosen on (``Language.in_sample``) are left out.

    Args:
        summaries: the runs to compare with one another.
        level: ``strict``, ``match`` or ``lenient``.

    Returns:
        Pairs that share at least one example with such a grid, each with the most it shares.
    """

    @cache
    def best_pairs(number: int, task: str, strategy: str) -> dict[str, set[Pair]]:
        return _best_pairs(summaries[number], task, strategy, level)

    @cache
    def items(path: Path, task: str, lang: str) -> frozenset[str]:
        return item_digests(open_run(path), task, lang)

    found: dict[TypedPair, int] = {}
    for one in summaries:
        for key, pair in _typed(one, level):
            shared = [
                len(items(one.path, key.task, key.lang) & items(other.path, key.task, key.lang))
                for number, other in enumerate(summaries)
                if other.path != one.path
                and are_comparable(one, other, key.task)
                and pair in best_pairs(number, key.task, key.strategy).get(key.lang, ())
            ]
            if any(shared):
                found[key] = max(shared)
    return found


def _typed(summary: Summary, level: str) -> Iterator[tuple[TypedPair, Pair]]:
    """Counts of a single pair that no run or file chose."""
    for name, task in summary.tasks.items():
        for lang, counts in task.languages.items():
            if summary.manifest.tasks[name].languages[lang].pairs:
                continue
            for strategy, levels in counts.strategies.items():
                if not levels[level].is_grid:
                    key = TypedPair(summary.path, name, strategy, lang)
                    yield key, next(iter(levels[level].hits))


def are_comparable(one: Summary, other: Summary, task: str) -> bool:
    """Whether two runs are of the same model, task, direction and mode."""
    if task not in one.tasks or task not in other.tasks:
        return False
    entries = one.manifest.tasks[task], other.manifest.tasks[task]
    models = {run.manifest.model.get("fingerprint") for run in (one, other)}
    return (
        len(models) == 1
        and None not in models
        and entries[0].direction == entries[1].direction
        and entries[0].mode == entries[1].mode
    )


def _best_pairs(summary: Summary, task: str, strategy: str, level: str) -> dict[str, set[Pair]]:
    """By language, the best pair there and over all languages; only where there was a choice."""
    tallies = tallies_of(summary.tasks[task], strategy, level)
    every = sum_hits([one.hits for one in tallies.values()])
    overall = {choose_pair(every)} if every else set()
    return {lang: {one.best} | overall for lang, one in tallies.items() if one.is_grid}
