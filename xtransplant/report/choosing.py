"""What choosing a layer pair is worth: cross-fitted on a grid, or from a pilot to other examples.

Beside it stand what the pair gains on the examples that chose it, the difference of the two (the
winner's curse), and how often each pair would be chosen if items were drawn anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from xtransplant.report.counted import Picked, at_pairs
from xtransplant.report.gains import Gains, gains_of, side_by_side
from xtransplant.report.hindsight import are_comparable
from xtransplant.report.nulls import NullRates
from xtransplant.report.set_items import of_examples
from xtransplant.report.sets import SetRates
from xtransplant.report.summary import Summary, TaskCounts, tallies_of
from xtransplant.runs.columns import CORRECT
from xtransplant.runs.read import item_digests
from xtransplant.runs.store import open_run
from xtransplant.stats.answers import Answers
from xtransplant.stats.cross_fit import choice_frequencies, choosing_errors, cross_fit
from xtransplant.stats.gains import Gain
from xtransplant.stats.over_items import clustered
from xtransplant.stats.rates import Rate
from xtransplant.stats.selection import Pair, choose_pair, sum_hits

__all__ = ["Choices", "Choosing", "CrossFitted", "cross_fit_of", "pilot_of"]

Array = np.ndarray[Any, Any]
_SHOWN = 3  # of the pairs that are chosen, how many are named


@dataclass(frozen=True)
class Choices:
    """On what a pair is chosen.

    Attributes:
        right: ``[examples, cells]``, bool.
        pairs: of the cells.
        items: ``[examples]``, what each example is called.
    """

    right: Array
    pairs: tuple[Pair, ...]
    items: Array

    @property
    def n(self) -> int:
        """How many examples."""
        return len(self.right)

    @cached_property
    def shares(self) -> dict[Pair, float]:
        """How often each pair is chosen if items are drawn anew, the most frequent first."""
        return choice_frequencies(self.right, self.pairs, self.items)

    @property
    def most(self) -> tuple[list[tuple[Pair, float]], int, float]:
        """The three most frequent, of how many others some draws choose one, and in what share."""
        every = list(self.shares.items())
        first = every[:_SHOWN]
        return first, len(every) - len(first), 1 - sum(share for _, share in first)


@dataclass(frozen=True)
class Choosing:
    """How a row's pair was chosen, and what that is worth.

    Attributes:
        held_out: the gain on examples that did not choose: the row's own.
        in_sample: on those that did; None where these were the gap's alone, or what is shared.
        paired: the second over the first, where both are of the same examples.
        choices: by language; under no name of all together.
        folds: the pair that each fold was counted by.
        by_example: by language and the example's number, which of the folds it is in.
        run: the pilot's; empty of a grid that chose for itself.
    """

    held_out: Gain
    in_sample: Gain | None
    paired: Gain | None
    choices: dict[str, Choices]
    folds: tuple[Pair, ...] = ()
    by_example: dict[str, dict[int, int]] = field(default_factory=dict)
    run: str = ""

    def right(self, lang: str, one: Answers, level: int) -> Array:
        """``[examples]`` of a language, each by the pair of its fold."""
        cells = np.array([one.pairs.index(pair) for pair in self.folds])
        fold_of = self.by_example[lang]
        folds = np.array([fold_of.get(k, 0) for k in one.examples.tolist()], dtype=np.int64)
        found: Array = one.right[np.arange(len(folds)), cells[folds], level]
        return found

    @property
    def n_pairs(self) -> int:
        """Of how many pairs; of several languages the most."""
        return max(len(one.pairs) for one in self.choices.values())

    @property
    def curse(self) -> float:
        """The winner's curse: by how much the pair looked better than it is; NaN: not known."""
        return math.nan if self.in_sample is None else self.in_sample.value - self.held_out.value

    @cached_property
    def curse_ci95(self) -> tuple[float, float]:
        """Paired, as a gain's; of a pilot by the errors of two samples that share no item."""
        if self.paired is not None:
            return self.paired.ci95
        if self.in_sample is None:
            return math.nan, math.nan
        reach = 1.96 * math.hypot(self.in_sample.stderr, self.held_out.stderr)
        return self.curse - reach, self.curse + reach


@dataclass(frozen=True)
class CrossFitted:
    """A row of a strategy whose examples are each counted by the pair that others chose.

    Attributes:
        rates: by language.
        null_grids: of its null grids, at the same pair for each example.
        sets: of the row, as of other rows; without a judged null.
    """

    rates: dict[str, Rate]
    null_grids: dict[str, NullRates]
    gains: Gains
    choosing: Choosing
    sets: dict[str, SetRates]


def cross_fit_of(
    task: TaskCounts, level: str, name: str, nulls: Mapping[str, str]
) -> CrossFitted | None:
    """Choose one pair for all languages on all folds but one, and count that one, and so on.

    Args:
        task: whose languages are counted.
        level: ``strict``, ``match`` or ``lenient``.
        name: of the strategy.
        nulls: names of its null grids' records, by the null's name.

    Returns:
        None where there are fewer than two items.
    """
    grid = side_by_side(task, level, name, list(task.languages))
    if grid is None or len(np.unique(grid.items)) < 2:
        return None
    found = cross_fit(grid.before[:, 0], grid.right, grid.pairs, grid.items)
    fold_of: dict[str, dict[int, int]] = {}
    for (lang, number), fold in zip(grid.examples, found.folds.tolist(), strict=True):
        fold_of.setdefault(lang, {})[number] = fold

    choosing = Choosing(
        found.held_out, found.in_sample, found.winners_curse,
        {"": Choices(grid.right, grid.pairs, grid.items)}, found.chosen, fold_of,
    )  # fmt: skip
    picked = choosing.right
    own = replace(task, languages={lang: task.languages[lang] for lang in fold_of})
    gains = gains_of(own, level, name, picked, nulls)
    assert gains.vanilla is not None
    gains = replace(
        gains,
        vanilla=replace(gains.vanilla, error=found.held_out.error),
        nulls={
            null: replace(
                one, error=partial(_error, own, level, (nulls[null], name), len(found.chosen))
            )
            for null, one in gains.nulls.items()
        },
    )
    return CrossFitted(
        _rates(own, level, name, picked),
        {
            null: NullRates(
                _rates(own, level, records, picked),
                of_examples(own, level, records, picked),
                picked=picked,
            )
            for null, records in nulls.items()
        },
        gains,
        choosing,
        of_examples(own, level, name, picked),
    )


def _error(task: TaskCounts, level: str, names: tuple[str, str], folds: int) -> float:
    """Standard error of a cross-fitted gain over a null grid, whose name is first."""
    grid = side_by_side(task, level, names[1], list(task.languages), names[0])
    if grid is None:
        return math.nan
    return choosing_errors(grid.before, grid.right, grid.pairs, grid.items, folds=folds)[0]


def _rates(task: TaskCounts, level: str, name: str, picked: Picked) -> dict[str, Rate]:
    at, found = CORRECT.index(level), {}
    for lang, counts in task.languages.items():
        if name in counts.answers:
            own = counts.answers[name]
            right = picked(lang, own, at)
            rate = Rate(int(right.sum()), len(right))
            found[lang] = clustered(rate, right, counts.items[own.examples])
    return found


def pilot_of(
    summaries: Sequence[Summary], summary: Summary, task: str, strategy: str,
    pairs: Mapping[str, Pair], held_out: Gain | None, level: str,
) -> Choosing | None:  # fmt: skip
    """How pairs were chosen, where one of the runs is the grid that chooses them.

    Such a run is complete, of the same model, task, direction, mode and strategy, shares no example
    with this one, and has these as its best pairs: of each language, or of all together.

    Args:
        summaries: the runs of the report.
        summary: the run of the pairs.
        task: of it.
        strategy: its name.
        pairs: by language.
        held_out: what they gain in this run.
        level: of the gains; pairs are chosen by ``match``, as a pilot does.
    """
    for other in summaries if held_out is not None else ():
        if other.path == summary.path or not other.complete:
            continue
        if not are_comparable(other, summary, task) or _hash(other, strategy) != _hash(
            summary, strategy
        ):
            continue
        across = _chose(other.tasks[task], strategy, pairs)
        if across is None or _overlap(other, summary, task, list(pairs)):
            continue
        choices = _choices(other.tasks[task], strategy, [] if across else list(pairs))
        in_sample = None
        if other.manifest.only == summary.manifest.only:
            counts = other.tasks[task]
            own = replace(counts, languages={lang: counts.languages[lang] for lang in pairs})
            in_sample = gains_of(own, level, strategy, at_pairs(pairs).right).vanilla
        assert held_out is not None
        return Choosing(held_out, in_sample, None, choices, run=other.name)
    return None


def _hash(summary: Summary, strategy: str) -> Any:
    return summary.manifest.strategies.get(strategy, {}).get("source_hash")


def _chose(task: TaskCounts, strategy: str, pairs: Mapping[str, Pair]) -> bool | None:
    """Whether a grid chooses these pairs across all languages; None where it chooses others."""
    tallies = tallies_of(task, strategy, "match")
    if any(lang not in tallies or not tallies[lang].is_grid for lang in pairs):
        return None
    if all(tallies[lang].best == pair for lang, pair in pairs.items()):
        return len(tallies) == 1
    every = sum_hits([one.hits for one in tallies.values()])
    return True if every and set(pairs.values()) == {choose_pair(every)} else None


def _overlap(one: Summary, other: Summary, task: str, langs: Sequence[str]) -> bool:
    """Whether two runs share an example."""
    return any(
        item_digests(open_run(one.path), task, lang)
        & item_digests(open_run(other.path), task, lang)
        for lang in langs
    )


def _choices(task: TaskCounts, strategy: str, langs: Sequence[str]) -> dict[str, Choices]:
    """By language; of all together (under no name) where none is named."""
    asked = {lang: [lang] for lang in langs} or {"": list(task.languages)}
    grids = {
        lang: side_by_side(task, "match", strategy, together) for lang, together in asked.items()
    }
    return {
        lang: Choices(one.right, one.pairs, one.items)
        for lang, one in grids.items() if one is not None
    }  # fmt: skip
