"""A run counted: all that tables and figures are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xtransplant.report.identify import Spoken
from xtransplant.runs.columns import CORRECT, SOURCE, VANILLA
from xtransplant.runs.golds import Golds, read_golds
from xtransplant.runs.items import item_ids, judging_items
from xtransplant.runs.manifest import Manifest, Part
from xtransplant.runs.read import Cells, cells
from xtransplant.runs.store import Run
from xtransplant.stats.answers import Answers, arrange
from xtransplant.stats.rates import Rate
from xtransplant.stats.tally import Tally, tally
from xtransplant.tasks.sets import GAP, SETS, SHARED, UNASKED, UNKNOWN

__all__ = [
    "COUNTED_SETS", "NO_PAIR", "LanguageCounts", "SetCounts", "States", "Summary", "TaskCounts",
    "TaskRun", "summarise", "tallies_of",
]  # fmt: skip


NO_PAIR = (-1, -1)
"""The layer pair of what moves no activation."""

COUNTED_SETS = {SETS[GAP]: GAP, SETS[SHARED]: SHARED}
"""What a transplant can mend, and what it can break."""


@dataclass(frozen=True)
class States:
    """Cells of one strategy in one language.

    Attributes:
        n: how many.
        not_finite: how many of them have NaN or infinite log-probabilities; never right.
        unchanged: how many of them give what the target gives without a transplant.
    """

    n: int
    not_finite: int
    unchanged: int


@dataclass(frozen=True)
class SetCounts:
    """One language's examples by the set they are in, at one level; see ``tasks.sets``.

    Attributes:
        sizes: how many examples are in each set, by its name.
        unknown: how many do not say what is right after their source.
        ran: of ``gap`` and of ``shared``, how many had their grids run.
        tallies: of ``gap`` and of ``shared``, counts by strategy.
    """

    sizes: dict[str, int]
    unknown: int
    ran: dict[str, int]
    tallies: dict[str, dict[str, Tally]]


@dataclass(frozen=True)
class LanguageCounts:
    """One language of a task, at every level of correctness.

    Attributes:
        vanilla, source: rates of the two prompts without a transplant, by level; of the source
            over the examples that say what is right after it.
        strategies: counts by strategy and level.
        baselines: likewise of the prompts that move no activation; their pair is ``NO_PAIR``.
        nulls: likewise of null grids, by the name that their records have.
        states: by strategy; of the two prompts under ``vanilla`` and ``source``.
        sets: by level; empty of a run that was begun without.
        answers: which examples are right, by whatever has records.
        prompts: likewise of the two prompts, of the examples that their rates are over.
        items: what each example is called, by its number; the same in all languages.
        golds: which options are right, of a task that has options.
        judges: by its number, what the items are called whose answers judge an example's null.
    """

    vanilla: dict[str, Rate]
    source: dict[str, Rate]
    strategies: dict[str, dict[str, Tally]]
    states: dict[str, States]
    sets: dict[str, SetCounts] = field(default_factory=dict)
    baselines: dict[str, dict[str, Tally]] = field(default_factory=dict)
    nulls: dict[str, dict[str, Tally]] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)
    prompts: dict[str, Answers] = field(default_factory=dict)
    items: np.ndarray[Any, Any] = field(default_factory=lambda: np.array([], dtype=np.str_))
    golds: Golds | None = None
    judges: np.ndarray[Any, Any] | None = None


@dataclass(frozen=True)
class TaskCounts:
    """One task of a run.

    Attributes:
        name, split: as on the command line.
        mode: ``score`` or ``generate``.
        languages: those that have records.
        left_out: by language, why it was not run.
        too_long: by language, ids of the examples that are longer than the model reads.
    """

    name: str
    split: str
    mode: str
    languages: dict[str, LanguageCounts]
    left_out: dict[str, str]
    too_long: dict[str, list[str]]


@dataclass(frozen=True)
class Summary:
    """A run counted.

    Attributes:
        name: of its folder; a path where several runs have folders of the same name.
        path: its folder.
        manifest: what it is.
        tasks: by name.
        absent: parts that are not stored, whatever its manifest says.
        spoken: by task and language, in which languages texts are; empty where that was not asked.
    """

    name: str
    path: Path
    manifest: Manifest
    tasks: dict[str, TaskCounts]
    absent: tuple[Part, ...] = ()
    spoken: dict[str, dict[str, Spoken]] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """How many parts are not stored."""
        return len(self.absent)

    @property
    def n_parts(self) -> int:
        """How many parts there are, stored or not."""
        return len(list(self.manifest.parts()))

    @property
    def complete(self) -> bool:
        """Whether every part is stored."""
        return not self.absent


class TaskRun(NamedTuple):
    """A run, and the task of it that a table is about."""

    summary: Summary
    task: TaskCounts


def summarise(run: Run) -> Summary:
    """Count a run's records, one language in memory at a time.

    Raises:
        XTransplantError: a damaged part.
    """
    run = run.now()
    tasks, absent = {}, tuple(run.missing())
    for name, entry in run.manifest.tasks.items():
        languages = {}
        for lang in entry.languages:
            counts = _language(run, name, lang)
            if counts is not None:
                languages[lang] = counts
        tasks[name] = TaskCounts(
            name, entry.split, entry.mode, languages, entry.left_out, entry.too_long
        )
    return Summary(run.path.name, run.path, run.manifest, tasks, absent)


def _language(run: Run, task: str, lang: str) -> LanguageCounts | None:
    """The counts of a language; None if it has no records."""
    plain: dict[str, dict[str, Rate]] = {}
    strategies: dict[str, dict[str, Tally]] = {}
    baselines: dict[str, dict[str, Tally]] = {}
    nulls: dict[str, dict[str, Tally]] = {}
    named = run.manifest.tasks[task].baselines
    groups = dict.fromkeys(named, baselines) | dict.fromkeys(run.manifest.nulls, nulls)
    states: dict[str, States] = {}
    sets: dict[str, SetCounts] = {}
    prompts: dict[str, Answers] = {}
    every, items = dict(cells(run, task, lang)), item_ids(run, task, lang)
    only = run.manifest.only != "all"
    # Where some examples alone had their grids run, the prompts are counted over these.
    ran = {
        number
        for name, own in every.items() if only and name not in (VANILLA, SOURCE)
        for number in np.unique(own.examples).tolist()
    }  # fmt: skip
    for name, found in every.items():
        states[name] = States(
            len(found.finite), int((~found.finite).sum()), int(found.unchanged.sum())
        )
        if name in (VANILLA, SOURCE):
            of = found.answered
            if only:
                of = of & np.isin(found.examples, sorted(ran))
            plain[name] = {
                level: Rate(int(found.right[of, k].sum()), int(of.sum()))
                for k, level in enumerate(CORRECT)
            }
            layers = found.source_layers[of], found.target_layers[of]
            prompts[name] = arrange(found.examples[of], *layers, found.right[of])
            if name == VANILLA:
                sets = _sets(found, of)
            continue
        drawn = np.where(found.known, 255, 0).astype(np.uint8)
        groups.get(name, strategies)[name] = {
            level: _tally(found, k, drawn) for k, level in enumerate(CORRECT)
        }
        for k, level in enumerate(CORRECT):
            if level in sets:
                changed = drawn & ~_given(every[VANILLA], k)[found.examples]
                for which, code in COUNTED_SETS.items():
                    sets[level].tallies[which][name] = _tally(found, k, changed, code)
    if not plain:
        return None
    answers = {
        name: arrange(
            one.examples, one.source_layers, one.target_layers, one.right,
            parsed=one.parsed, chosen=one.chosen,
            # Of what has a bound with a judged null.
            other=(one.other, one.known) if name in strategies else None,
        )
        for name, one in every.items() if name != SOURCE
    }  # fmt: skip
    return LanguageCounts(
        plain[VANILLA], plain[SOURCE], strategies, states, sets, baselines, nulls, answers, prompts,
        items, read_golds(run, task, lang), judging_items(run, task, lang, items),
    )  # fmt: skip


def _tally(
    found: Cells, level: int, drawn: np.ndarray[Any, np.dtype[np.uint8]], code: int | None = None
) -> Tally:
    """Counts of a strategy at a level: of all its examples, or of a set's.

    ``drawn`` is ``[rows]``, the derangements by which the null goes.
    """
    return tally(
        found.examples, found.source_layers, found.target_layers,
        found.right[:, level], found.other[:, level], drawn,
        None if code is None else found.sets[:, level] == code,
    )  # fmt: skip


def _given(vanilla: Cells, level: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """``[examples]``, the derangements whose answers the target prompt gives by itself.

    The null of a set leaves them out: of the gap they are never the example's own, and a row that
    changes nothing would be right by them.
    """
    found = np.zeros(1 + vanilla.examples.max(initial=-1), dtype=np.uint8)
    found[vanilla.examples] = vanilla.other[:, level]
    return found


def _sets(vanilla: Cells, ran: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, SetCounts]:
    """How many examples are in each set, by level; nothing where that was not asked.

    Args:
        vanilla: one row per example.
        ran: ``[rows]``, which of them had their grids run.
    """
    if (vanilla.sets == UNASKED).any():
        return {}
    return {
        level: SetCounts(
            {name: int((vanilla.sets[:, k] == code).sum()) for code, name in enumerate(SETS)},
            int((vanilla.sets[:, k] == UNKNOWN).sum()),
            {
                name: int((vanilla.sets[ran, k] == code).sum())
                for name, code in COUNTED_SETS.items()
            },
            {name: {} for name in COUNTED_SETS},
        )
        for k, level in enumerate(CORRECT)
    }


def tallies_of(task: TaskCounts, strategy: str, level: str) -> dict[str, Tally]:
    """Counts of a strategy at a level, by language; only languages that it has records of."""
    return {
        lang: counts.strategies[strategy][level]
        for lang, counts in task.languages.items()
        if strategy in counts.strategies
    }
