"""Runs counted together: pairs typed by hand that another run would choose on the same items.

A run of ``--pairs 7:0`` says nothing of how 7→0 was come by. Beside a grid over the same items
whose best pair is 7→0 it is that grid's best in hindsight, whoever typed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xtransplant.runs.read import read_part
from xtransplant.runs.store import open_run
from xtransplant.stats.summary import Summary
from xtransplant.stats.tally import Tally, choose_pair, together

__all__ = ["Which", "hindsight", "items"]

Which = tuple[Path, str, str, str]
"""A run's folder, a task, a strategy, a language."""


def hindsight(summaries: Sequence[Summary], level: str = "match") -> dict[Which, int]:
    """For every pair typed by hand that is the best of another run's grid: on how many items.

    The grid has to be of the same model, task, direction, mode and strategy, and its best pair, in
    that language or over all of them, the very one. Runs that tell what their pairs were chosen on
    (``Language.in_sample``) are not looked at.

    Args:
        level: ``strict``, ``match`` or ``lenient``.
    """
    found: dict[Which, int] = {}
    for one in summaries:
        for task, strategy, lang, pair in _typed(one, level):
            shared = max(
                (
                    len(items(one.path, task, lang) & items(other.path, task, lang))
                    for other in summaries
                    if other.path != one.path
                    and _alike(one, other, task)
                    and pair in _best(other, task, strategy, lang, level)
                ),
                default=0,
            )
            if shared:
                found[one.path, task, strategy, lang] = shared
    return found


def items(path: Path, task: str, lang: str) -> frozenset[str]:
    """Digests of the examples that a run has of a language; see :func:`item_digest`."""
    run = open_run(path)
    own = [part for part in run.stored() if (part.task, part.lang) == (task, lang)]
    columns = (read_part(run, "examples", part, ["digest"])["digest"] for part in own)
    return frozenset(digest for column in columns for digest in column.to_pylist())


def _typed(summary: Summary, level: str) -> Iterator[tuple[str, str, str, tuple[int, int]]]:
    """Task, strategy, language and pair of rows of a single pair that no run or file chose."""
    for name, task in summary.tasks.items():
        for lang, counts in task.languages.items():
            if summary.manifest.tasks[name].languages[lang].pairs:
                continue
            for strategy, levels in counts.strategies.items():
                if not levels[level].is_grid:
                    yield name, strategy, lang, next(iter(levels[level].hits))


def _alike(one: Summary, other: Summary, task: str) -> bool:
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


def _best(
    summary: Summary, task: str, strategy: str, lang: str, level: str
) -> set[tuple[int, int]]:
    """The best pairs of a grid, in a language and over all; none where there was no choice."""
    tallies: dict[str, Tally] = {
        code: counts.strategies[strategy][level]
        for code, counts in summary.tasks[task].languages.items()
        if strategy in counts.strategies
    }
    if lang not in tallies or not tallies[lang].is_grid:
        return set()
    every = together(list(tallies.values())).hits
    return {choose_pair(tallies[lang].hits)} | ({choose_pair(every)} if every else set())
