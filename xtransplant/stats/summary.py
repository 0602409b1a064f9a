"""A run counted: everything that tables and figures are made from, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xtransplant.runs.manifest import Manifest
from xtransplant.runs.read import cells
from xtransplant.runs.store import Run
from xtransplant.runs.tables import CORRECT, SOURCE, VANILLA
from xtransplant.stats.rates import Rate
from xtransplant.stats.tally import Tally, tally

__all__ = ["LanguageCounts", "Summary", "TaskCounts", "summarise"]


@dataclass(frozen=True)
class LanguageCounts:
    """One language of a task, at every level of correctness.

    Attributes:
        vanilla, source: the prompts without a transplant, by level.
        strategies: by name, by level.
    """

    vanilla: dict[str, Rate]
    source: dict[str, Rate]
    strategies: dict[str, dict[str, Tally]]


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
        missing: parts that are not stored yet.
    """

    name: str
    path: Path
    manifest: Manifest
    tasks: dict[str, TaskCounts]
    missing: int


def summarise(run: Run) -> Summary:
    """Count a run's records, one language in memory at a time."""
    run = run.now()
    tasks = {}
    for name, entry in run.manifest.tasks.items():
        languages = {}
        for lang in entry.languages:
            counts = _language(run, name, lang)
            if counts is not None:
                languages[lang] = counts
        tasks[name] = TaskCounts(
            name, entry.split, entry.mode, languages, entry.left_out, entry.too_long
        )
    return Summary(run.path.name, run.path, run.manifest, tasks, len(run.missing()))


def _language(run: Run, task: str, lang: str) -> LanguageCounts | None:
    plain: dict[str, dict[str, Rate]] = {}
    strategies: dict[str, dict[str, Tally]] = {}
    for name, found in cells(run, task, lang):
        if name in (VANILLA, SOURCE):
            plain[name] = {
                level: Rate(int(found.right[:, k].sum()), len(found.right))
                for k, level in enumerate(CORRECT)
            }
            continue
        strategies[name] = {
            level: tally(
                found.examples, found.source_layers, found.target_layers,
                found.right[:, k], found.other[:, k],
            )
            for k, level in enumerate(CORRECT)
        }  # fmt: skip
    if not plain:
        return None
    return LanguageCounts(plain[VANILLA], plain[SOURCE], strategies)
