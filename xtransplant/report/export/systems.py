"""What of a run another tool can take for a model's answers: its rows that are one cell each.

Other tools know models and tasks, not cells. So each row of a report whose answers are those of one
prompt, or of a strategy at one layer pair in a language, is a *system*: it stands where they have a
model. What is picked example by example (an upper bound, a cross-fitted row) is nobody's answers;
it goes along as numbers, like null grids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.report.gains import gain_metrics
from xtransplant.report.nulls import null_metrics
from xtransplant.report.over_items import with_items
from xtransplant.report.row import Row
from xtransplant.report.sets import set_metrics
from xtransplant.report.summary import NO_PAIR, Summary, TaskCounts, tallies_of
from xtransplant.report.tables import Subject, make_tables
from xtransplant.runs.columns import CORRECT
from xtransplant.runs.names import plain_name
from xtransplant.runs.options import options_of
from xtransplant.stats.rates import Rate, micro
from xtransplant.stats.selection import Pair
from xtransplant.style.escape import json_number
from xtransplant.style.words import model_label
from xtransplant.tasks.baselines import n_shots

__all__ = [
    "METRICS",
    "System",
    "SystemTask",
    "about",
    "rate_numbers",
    "started",
    "system_name",
    "system_tasks",
]

METRICS = {"match": "acc", "strict": "acc_strict", "lenient": "acc_lenient"}
"""What a level of correctness is called, as in ``xtp report --format json``."""

_ONE_CELL = ("vanilla", "source", "baseline", "pair", "pilot", "best")


@dataclass(frozen=True)
class System:
    """A row whose answers are those of one prompt or of one cell.

    Attributes:
        rows: by level, all at the same layer pairs: of the best pair those of ``match``.
    """

    rows: Mapping[str, Row]

    @property
    def row(self) -> Row:
        """The row, as correctness goes by ``match``."""
        return self.rows["match"]

    @property
    def name(self) -> str:
        """Its records' ``strategy``."""
        return self.row.strategy or self.row.key

    @property
    def shots(self) -> int:
        """How many other items stand in its prompt."""
        return n_shots(self.row.key) if self.row.kind == "baseline" else 0

    def pair(self, lang: str) -> Pair:
        """Its layer pair in a language; ``NO_PAIR`` where it transplants nothing."""
        own = self.row.pairs[lang] if self.row.pairs else self.row.pair
        return own or NO_PAIR


@dataclass(frozen=True)
class SystemTask:
    """One task of a run, and what is exported of it.

    Attributes:
        others: rows that are nobody's answers, at ``match``.
    """

    subject: Subject
    task: TaskCounts
    systems: tuple[System, ...]
    others: tuple[Row, ...]


def system_tasks(summary: Summary) -> list[SystemTask]:
    """Every task of a run that has records."""
    found = []
    for tables in zip(*(make_tables([summary], level) for level in CORRECT), strict=True):
        task = tables[0].runs[0].task
        every = [
            dict(zip(CORRECT, rows, strict=True))
            for rows in zip(*(table.rows for table in tables), strict=True)
        ]
        systems = [_system(summary, task, one) for one in every if _is_one_cell(one["match"])]
        others = [one["match"] for one in every if not _is_one_cell(one["match"])]
        found.append(SystemTask(tables[0].subject, task, tuple(systems), tuple(others)))
    return found


def _is_one_cell(row: Row) -> bool:
    return row.kind in _ONE_CELL


def _system(summary: Summary, task: TaskCounts, rows: dict[str, Row]) -> System:
    """The best pair is another at each level, and a system has one."""
    best = rows["match"]
    if best.kind != "best" or best.pair is None:
        return System(rows)
    found = {}
    for level, row in rows.items():
        if row.pair == best.pair:
            found[level] = row
            continue
        tallies = tallies_of(task, row.strategy, level)
        rates = {lang: one.rate(best.pair) for lang, one in tallies.items()}
        found[level] = with_items(replace(best, rates=rates), summary, task, level)
    return System(found)


def started(summary: Summary) -> datetime:
    """When a run began; it is in the names of files.

    Raises:
        XTransplantError: its manifest has no time there.
    """
    text = summary.manifest.started
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise XTransplantError(
            f"run {summary.name}: manifest.json has {text!r} for started, which is no time such as "
            "2026-01-31T12:00:00Z; mend it there"
        ) from None


def system_name(summary: Summary, system: System) -> str:
    """A name for a folder or file: the model, and the row."""
    model = model_label(summary.manifest.model["name"]).replace("/", "__")
    return plain_name(model, system.row.key.replace("→", "-").replace(",", "-"))


def rate_numbers(rate: Rate) -> dict[str, Any]:
    """A rate's numbers for JSON."""
    return {
        "value": json_number(rate.value), "stderr": json_number(rate.stderr), "n": rate.n,
        "ci95": [json_number(end) for end in rate.ci95],
    }  # fmt: skip


def about(summary: Summary, one: SystemTask, system: System) -> dict[str, Any]:
    """What the other format has no place for: the run, the cell, its nulls, what else was found."""
    manifest, row = summary.manifest, system.row
    entry = manifest.tasks[one.task.name]
    strategy = manifest.strategies.get(row.strategy, {})
    pairs = {lang: list(system.pair(lang)) for lang in row.rates}
    return {
        "run": summary.name, "id": manifest.id, "state": manifest.state,
        "missing_parts": [part.name for part in summary.absent],
        "task": one.task.name, "direction": entry.direction, "split": entry.split,
        "mode": entry.mode, "rule": one.subject.rule, "only": manifest.only,
        "data_licence": entry.licence, "left_out": entry.left_out,
        "chat_template": bool(manifest.config.get("chat_template")),
        "row": row.key, "label": row.label, "kind": row.kind,
        "strategy": row.strategy, "options": options_of(manifest, row.strategy),
        "strategy_source_hash": strategy.get("source_hash"),
        "layer_pairs": pairs if row.strategy else {},
        "picked_from_cells": row.cells, "oracle": row.oracle, "in_sample": row.in_sample or {},
        "numbers": _numbers(row), "other_rows": _others(one.others),
        "note": _note(system),
    }  # fmt: skip


def _note(system: System) -> str:
    if system.row.oracle:
        return (
            "an oracle: its layer pair was picked by looking at the answers it is counted on; "
            "other_rows has the cross-fitted number where there is one"
        )
    if system.shots:
        return "the items in front of its prompts are not stored: input is the target prompt alone"
    return ""


def _numbers(row: Row) -> dict[str, Any]:
    """A row over all languages, with its nulls and gains, under the names of ``report.data``."""
    found: dict[str, Any] = {
        f"acc_{name}": value for name, value in rate_numbers(row.micro).items()
    }
    found["acc"] = found.pop("acc_value")
    if row.nulls is not None:
        found["acc_null"] = json_number(micro(list(row.nulls.values())).value)
    found |= set_metrics(row.sets, "acc", None) | null_metrics(row.null_grids, "acc", None)
    return found | gain_metrics(row.gains, "acc", None)


def _others(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    return {
        row.key: {"kind": row.kind, "cells": row.cells, "oracle": row.oracle, **_numbers(row)}
        for row in rows
    }
