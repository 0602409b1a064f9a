"""Tables of runs: which rows stand together, before any format is chosen.

Rows that could only be reached by looking at the answers (an upper bound, the best pair in
hindsight, pairs chosen on the very examples they are counted on) are marked as oracles, and a bound
carries its null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xtransplant.report.hindsight import hindsight
from xtransplant.report.notes import Found, notes_of, tag
from xtransplant.report.rows import Row, own_pairs, rows_of, same
from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.runs.columns import CORRECT
from xtransplant.style.words import model_label

__all__ = ["Subject", "Table", "make_tables", "warning"]


@dataclass(frozen=True)
class Subject:
    """What a table is about; runs that agree in all of it stand together.

    Attributes:
        rule: answers were judged by it; empty where candidates were scored.
        pairs: those that were searched, as ``--pairs`` named them; empty where nothing was.
    """

    task: str
    direction: str
    split: str
    mode: str
    rule: str
    pairs: str = ""

    @property
    def name(self) -> str:
        """For programs: the same whatever else is reported, and whatever pairs were searched."""
        parts = (self.task, self.direction, self.split, self.mode, self.rule)
        return "_".join(part for part in parts if part)


@dataclass(frozen=True)
class Table:
    """One subject, of one or more runs.

    Attributes:
        level: ``strict``, ``match`` or ``lenient``.
        languages: columns, in the task's order.
        notes: what a reader has to know; one sentence each.
        missing, parts: of the runs that are not complete: how many parts are not stored, and how
            many there are.
    """

    subject: Subject
    level: str
    models: tuple[str, ...]
    languages: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    missing: int = 0
    parts: int = 0

    @property
    def title(self) -> str:
        return f"{self.warning}{self.about}: percent right ({self.how})"

    @property
    def about(self) -> str:
        """Task, direction, split, models, and the pairs that were searched."""
        one = self.subject
        pairs = [f"pairs {one.pairs}"] if one.pairs else []
        return ", ".join(
            [f"{one.task} {one.direction}", f"{one.split} split", *self.models, *pairs]
        )

    @property
    def warning(self) -> str:
        """Whether parts are missing; empty where none is."""
        return _warning(self.missing, self.parts) if self.missing else ""

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


def warning(summary: Summary) -> str:
    """Of a run, for the title of its figure; empty where it is complete."""
    total = len(list(summary.manifest.parts()))
    return "" if summary.complete else _warning(summary.missing, total)


def _warning(missing: int, parts: int) -> str:
    return f"INCOMPLETE, {missing} of {parts} parts missing: "


def make_tables(summaries: Sequence[Summary], level: str = "match") -> list[Table]:
    """One table per subject, with the rows of every run that has it.

    A run that searched nothing (a fixed pair, or pairs chosen before) stands in the table of
    every search that it can be compared with.
    """
    groups: dict[Subject, list[tuple[Summary, TaskCounts, str]]] = {}
    for summary in summaries:
        for task in summary.tasks.values():
            if task.languages:
                one = (summary, task, _searched(summary, task))
                groups.setdefault(_subject(summary, task), []).append(one)
    tables = []
    for subject, members in groups.items():
        for pairs in dict.fromkeys(of for *_, of in members if of) or [""]:
            found = [(summary, task) for summary, task, of in members if of in ("", pairs)]
            tables.append(_table(replace(subject, pairs=pairs), found, level))
    return tables


def _subject(summary: Summary, task: TaskCounts) -> Subject:
    entry = summary.manifest.tasks[task.name]
    rule = entry.rule if task.mode == "generate" else ""
    return Subject(task.name, entry.direction, task.split, task.mode, rule)


def _searched(summary: Summary, task: TaskCounts) -> str:
    """The pairs that a run picks from, as it was asked for them; empty where it has no choice."""
    numbers = [len(one["pairs"]) for one in summary.manifest.strategies.values()]
    if own_pairs(summary, task.name) or max(numbers, default=0) < 2:
        return ""
    return str(summary.manifest.config.get("pairs") or f"{max(numbers)} of its own")


def _table(subject: Subject, found: Found, level: str) -> Table:
    languages = tuple(dict.fromkeys(lang for _, task in found for lang in task.languages))
    models = tuple(dict.fromkeys(_model(summary) for summary, _ in found))
    # At all levels at once: what is one row at one level is one row at every other.
    rows: list[tuple[Row, ...]] = []
    for summary, task in found:
        whose = f" [{_model(summary)}]" if len(models) > 1 else ""
        for triple in zip(*(rows_of(summary, task, one) for one in CORRECT), strict=True):
            named = tuple(replace(row, label=row.label + whose) for row in triple)
            _add(rows, named)
    shown = _told_apart([triple[CORRECT.index(level)] for triple in rows], found)
    shown = _in_hindsight(shown, found, level)
    order = list(dict.fromkeys(row.strategy for row in shown))
    shown.sort(key=lambda row: (order.index(row.strategy), row.kind != "pilot"))
    broken = {one.path: one for one, _ in found if not one.complete}.values()
    return Table(
        subject, level, models, languages, tuple(shown), tuple(notes_of(found, shown)),
        missing=sum(one.missing for one in broken),
        parts=sum(len(list(one.manifest.parts())) for one in broken),
    )  # fmt: skip


def _add(rows: list[tuple[Row, ...]], new: tuple[Row, ...]) -> None:
    """A row more, unless an earlier one is the same quantity with the same numbers."""
    for number, old in enumerate(rows):
        if old[0].label == new[0].label and all(map(same, old, new)):
            runs = tuple(dict.fromkeys((*old[0].runs, *new[0].runs)))
            rows[number] = tuple(replace(row, runs=runs) for row in old)
            return
    rows.append(new)


def _in_hindsight(rows: list[Row], found: Found, level: str) -> list[Row]:
    """Pairs typed by hand that another of these runs would choose on the same items, marked so."""
    if len(found) < 2:
        return rows
    seen = hindsight([summary for summary, _ in found], level)
    task = found[0][1].name
    paths = {summary.name: summary.path for summary, _ in found}

    def marked(row: Row) -> Row:
        own = {
            lang: n
            for (path, name, strategy, lang), n in seen.items()
            if (name, strategy) == (task, row.strategy) and path in {paths[run] for run in row.runs}
        }
        return replace(row, in_sample=own) if own and row.kind == "pair" else row

    return [marked(row) for row in rows]


def _told_apart(rows: list[Row], found: Found) -> list[Row]:
    """Rows of one label are told apart by the numbers of their runs, each of them."""
    counts = Counter(row.label for row in rows)
    return [
        replace(row, label=row.label + tag(row, found)) if counts[row.label] > 1 else row
        for row in rows
    ]


def _model(summary: Summary) -> str:
    return model_label(summary.manifest.model["name"])
