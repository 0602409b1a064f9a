"""A run counted: everything that tables and figures are made from, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xtransplant.runs.columns import CORRECT, SOURCE, VANILLA
from xtransplant.runs.manifest import Manifest, Part
from xtransplant.runs.read import cells
from xtransplant.runs.store import Run
from xtransplant.stats.rates import Rate
from xtransplant.stats.tally import Tally, tally

__all__ = ["LanguageCounts", "States", "Summary", "TaskCounts", "summarise"]


@dataclass(frozen=True)
class States:
    """Cells of one strategy in one language.

    Attributes:
        n: how many.
        not_finite: of them, told by numbers that are NaN or infinite; never right.
        unchanged: of them, saying what the target says without a transplant.
    """

    n: int
    not_finite: int
    unchanged: int


@dataclass(frozen=True)
class LanguageCounts:
    """One language of a task, at every level of correctness.

    Attributes:
        vanilla, source: the prompts without a transplant, by level.
        strategies: by name, by level.
        states: by strategy, and of ``vanilla`` and ``source``.
    """

    vanilla: dict[str, Rate]
    source: dict[str, Rate]
    strategies: dict[str, dict[str, Tally]]
    states: dict[str, States]


@dataclass(frozen=True)
class TaskCounts:
    """One task of a run: its languages that have records."""

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
        name: its folder's.
        absent: parts that are not stored, whatever its manifest says.
    """

    name: str
    path: Path
    manifest: Manifest
    tasks: dict[str, TaskCounts]
    absent: tuple[Part, ...] = ()

    @property
    def missing(self) -> int:
        """How many parts are not stored."""
        return len(self.absent)

    @property
    def complete(self) -> bool:
        """Whether every part is stored."""
        return not self.absent


def summarise(run: Run) -> Summary:
    """Count a run's records, one language in memory at a time."""
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
    plain: dict[str, dict[str, Rate]] = {}
    strategies: dict[str, dict[str, Tally]] = {}
    states: dict[str, States] = {}
    for name, found in cells(run, task, lang):
        states[name] = States(
            len(found.finite), int((~found.finite).sum()), int(found.unchanged.sum())
        )
        if name in (VANILLA, SOURCE):
            plain[name] = {
                level: Rate(int(found.right[:, k].sum()), len(found.right))
                for k, level in enumerate(CORRECT)
            }
            continue
        strategies[name] = {
            level: tally(
                found.examples, found.source_layers, found.target_layers,
                found.right[:, k], found.other[:, k], found.known,
            )
            for k, level in enumerate(CORRECT)
        }  # fmt: skip
    if not plain:
        return None
    return LanguageCounts(plain[VANILLA], plain[SOURCE], strategies, states)
