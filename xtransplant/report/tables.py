"""Tables of runs: which rows belong together, in no format yet.

Rows that could only be reached by looking at the answers (an upper bound, the best pair in
hindsight, pairs chosen on the very examples they are counted on) are marked as oracles, and a bound
carries its judged null; what has null grids carries these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xtransplant.report.choosing import pilot_of
from xtransplant.report.hindsight import find_hindsight
from xtransplant.report.notes import notes_of, run_tag
from xtransplant.report.over_items import with_items
from xtransplant.report.row import Row, same_quantity
from xtransplant.report.rows import has_own_pairs, rows_of
from xtransplant.report.sets import about_sets
from xtransplant.report.summary import Summary, TaskCounts, TaskRun
from xtransplant.runs.columns import CORRECT
from xtransplant.style.words import model_label

__all__ = ["Subject", "Table", "make_tables", "run_title"]


@dataclass(frozen=True)
class Subject:
    """What a table is about; runs that agree in all of it share a table.

    Attributes:
        task, direction, split: as on the command line.
        mode: ``score`` or ``generate``.
        rule: the matching rule that judged outputs; empty where candidates were scored.
        only: of which examples the grids were run, ``gap`` or ``shared``; empty where of all.
        pairs: the pairs that were searched, as ``--pairs`` named them; empty where none were.
    """

    task: str
    direction: str
    split: str
    mode: str
    rule: str
    only: str = ""
    pairs: str = ""

    @property
    def name(self) -> str:
        """A key for programs, whatever else is reported and whatever pairs were searched."""
        parts = (self.task, self.direction, self.split, self.mode, self.rule, self.only)
        return "_".join(part for part in parts if part)


@dataclass(frozen=True)
class Table:
    """One subject, of one or more runs.

    Attributes:
        subject: what it is about.
        level: ``strict``, ``match`` or ``lenient``.
        models: labels of the runs' models.
        languages: columns, in the task's order.
        rows: in the order in which they are shown.
        notes: one sentence each.
        about_sets: likewise, on the gap and on what is shared.
        missing, parts: of the runs that are not complete: how many parts are not stored, and how
            many there are.
        runs: those that it is made of.
    """

    subject: Subject
    level: str
    models: tuple[str, ...]
    languages: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    about_sets: tuple[str, ...] = ()
    missing: int = 0
    parts: int = 0
    runs: tuple[TaskRun, ...] = ()

    @property
    def title(self) -> str:
        """What it is about, what counts as right, and first of all whether parts are missing."""
        return f"{self.warning}{self.about}: percent right ({self.how})"

    @property
    def about(self) -> str:
        """Task, direction, split, models, and the pairs that were searched."""
        one = self.subject
        pairs = [f"pairs {one.pairs}"] if one.pairs else []
        return ", ".join(
            [
                f"{one.task} {one.direction}",
                f"{one.split} split",
                *_only(one.only),
                *self.models,
                *pairs,
            ]
        )

    @property
    def warning(self) -> str:
        """Whether parts are missing; empty where none is."""
        return _incomplete(self.missing, self.parts)

    @property
    def how(self) -> str:
        """What counts as right, in a few words."""
        if self.subject.mode == "score":
            words = {
                "strict": "the likeliest candidate, begun by the next token",
                "match": "the likeliest candidate",
                "lenient": "the likeliest candidate, by sum or per character",
            }
        else:
            words = {
                "strict": "the answer alone, as asked for",
                "match": "as the matching rule takes it",
                "lenient": "the answer first, however it is said",
            }
        rule = f"; rule {self.subject.rule}" if self.subject.rule else ""
        return words[self.level] + rule


def _only(only: str) -> list[str]:
    return [f"only the {only} examples"] if only else []


def _incomplete(missing: int, parts: int) -> str:
    """How a title begins where parts of a run are missing; empty where none is."""
    return f"INCOMPLETE, {missing} of {parts} parts missing: " if missing else ""


def run_title(summary: Summary, task: TaskCounts, strategy: str = "") -> str:
    """What a figure of one run is about, and first of all whether parts are missing."""
    entry = summary.manifest.tasks[task.name]
    only = _only(_subject(summary, task).only)
    about = ", ".join(
        [f"{task.name} {entry.direction}", f"{task.split} split", *only, _model(summary)]
    )
    warning = _incomplete(summary.missing, summary.n_parts)
    return f"{warning}{strategy}: {about}" if strategy else f"{warning}{about}"


def make_tables(summaries: Sequence[Summary], level: str = "match") -> list[Table]:
    """One table per subject, with the rows of every run that has it.

    A run that searched nothing (a fixed pair, or pairs chosen before) stands in the table of
    every search that it can be compared with.

    Args:
        summaries: the runs.
        level: ``strict``, ``match`` or ``lenient``.
    """
    groups: dict[Subject, list[tuple[TaskRun, str]]] = {}
    for summary in summaries:
        for task in summary.tasks.values():
            if task.languages:
                member = TaskRun(summary, task), _searched_pairs(summary, task)
                groups.setdefault(_subject(summary, task), []).append(member)
    tables = []
    for subject, members in groups.items():
        for pairs in dict.fromkeys(own for _, own in members if own) or [""]:
            runs = [run for run, own in members if own in ("", pairs)]
            table = _table(replace(subject, pairs=pairs), runs, level)
            rows = tuple(_with_pilot(row, summaries, subject.task, level) for row in table.rows)
            tables.append(replace(table, rows=rows))
    return tables


def _subject(summary: Summary, task: TaskCounts) -> Subject:
    entry = summary.manifest.tasks[task.name]
    rule = entry.rule if task.mode == "generate" else ""
    only = "" if summary.manifest.only == "all" else summary.manifest.only
    return Subject(task.name, entry.direction, task.split, task.mode, rule, only)


def _searched_pairs(summary: Summary, task: TaskCounts) -> str:
    """The pairs that a run picks from, as ``--pairs`` named them; empty where it has no choice."""
    numbers = [len(one["pairs"]) for one in summary.manifest.strategies.values()]
    if has_own_pairs(summary, task.name) or max(numbers, default=0) < 2:
        return ""
    return summary.manifest.pairs_text or f"{max(numbers)} of its own"


def _table(subject: Subject, runs: Sequence[TaskRun], level: str) -> Table:
    languages = tuple(dict.fromkeys(lang for _, task in runs for lang in task.languages))
    models = tuple(dict.fromkeys(_model(summary) for summary, _ in runs))
    # Rows are merged at all levels at once, so that a table has the same rows at every level.
    rows: list[tuple[Row, ...]] = []
    for summary, task in runs:
        suffix = f" [{_model(summary)}]" if len(models) > 1 else ""
        for levels in zip(*(rows_of(summary, task, one) for one in CORRECT), strict=True):
            own = [
                with_items(row, summary, task, at) for row, at in zip(levels, CORRECT, strict=True)
            ]
            _add_row(rows, tuple(replace(row, label=row.label + suffix) for row in own))
    shown = _with_tags([levels[CORRECT.index(level)] for levels in rows], runs)
    shown = _mark_hindsight(shown, runs, level)
    order = list(dict.fromkeys(row.strategy for row in shown))
    shown.sort(key=lambda row: (order.index(row.strategy), row.kind != "pilot"))
    partial = {one.path: one for one, _ in runs if not one.complete}.values()
    return Table(
        subject, level, models, languages, tuple(shown),
        tuple(notes_of(runs, shown)), tuple(about_sets(runs, level)),
        missing=sum(one.missing for one in partial),
        parts=sum(one.n_parts for one in partial),
        runs=tuple(runs),
    )  # fmt: skip


def _add_row(rows: list[tuple[Row, ...]], new: tuple[Row, ...]) -> None:
    """Append a row, or merge it with one that is the same quantity with the same numbers.

    Args:
        rows: each at all levels; changed in place.
        new: a row at all levels.
    """
    for number, old in enumerate(rows):
        if old[0].label == new[0].label and all(map(same_quantity, old, new)):
            runs = tuple(dict.fromkeys((*old[0].runs, *new[0].runs)))
            # One of the runs may have been begun before the gap was asked for, or have no nulls.
            rows[number] = tuple(
                replace(
                    row,
                    runs=runs,
                    sets=row.sets or one.sets,
                    null_grids=one.null_grids | row.null_grids,
                )
                for row, one in zip(old, new, strict=True)
            )
            return
    rows.append(new)


def _mark_hindsight(rows: list[Row], runs: Sequence[TaskRun], level: str) -> list[Row]:
    """Set ``in_sample`` of pairs typed by hand that another of these runs would choose."""
    if len(runs) < 2:
        return rows
    shared = find_hindsight([summary for summary, _ in runs], level)
    task = runs[0].task.name
    paths = {summary.name: summary.path for summary, _ in runs}

    def marked(row: Row) -> Row:
        own_paths = {paths[run] for run in row.runs}
        in_sample = {
            one.lang: n
            for one, n in shared.items()
            if (one.task, one.strategy) == (task, row.strategy) and one.path in own_paths
        }
        return replace(row, in_sample=in_sample) if in_sample and row.kind == "pair" else row

    return [marked(row) for row in rows]


def _with_pilot(row: Row, summaries: Sequence[Summary], task: str, level: str) -> Row:
    """A row of chosen pairs with how they were chosen, if the run that chose them is here."""
    if row.kind != "pilot" or row.pairs is None or row.in_sample:
        return row
    own = next(one for one in summaries if one.name == row.runs[0])
    found = pilot_of(summaries, own, task, row.strategy, row.pairs, row.gains.vanilla, level)
    return replace(row, choosing=found)


def _with_tags(rows: list[Row], runs: Sequence[TaskRun]) -> list[Row]:
    """Rows with the same label get the numbers of their runs behind it."""
    counts = Counter(row.label for row in rows)
    return [
        replace(row, label=row.label + run_tag(row, runs)) if counts[row.label] > 1 else row
        for row in rows
    ]


def _model(summary: Summary) -> str:
    return model_label(summary.manifest.model["name"])
