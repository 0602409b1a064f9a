"""Judging a run again, offline: after a matching rule has changed, or by another one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xtransplant.bench.judge import judge
from xtransplant.runs.read import read_part
from xtransplant.runs.store import Run, open_run
from xtransplant.runs.tables import CORRECT

__all__ = ["Rescored", "rescore"]


@dataclass(frozen=True)
class Rescored:
    """What judging again came to.

    Attributes:
        records: how many were judged.
        changed: how many of them changed, by level.
    """

    run: Run
    records: int
    changed: dict[str, int]


def rescore(path: str | Path, *, rule: str | None = None) -> Rescored:
    """Judge every stored record of a run again; no model is needed.

    Args:
        rule: another than the task's, by its name in ``matching.RULES``.

    Raises:
        XTransplantError: no run there, or one without outputs.
    """
    run = open_run(path)
    records, changed = 0, dict.fromkeys(CORRECT, 0)
    for part in run.manifest.parts():
        if not (run.has("records", part) and run.has("examples", part)):
            continue
        said = read_part(run, "records", part)
        chosen = rule or run.manifest.tasks[part.task].rule
        judged = judge(said, read_part(run, "examples", part), chosen)
        if run.has("correct", part):
            before = read_part(run, "correct", part)
            for level in CORRECT:
                changed[level] += int((judged[level].to_numpy() != before[level].to_numpy()).sum())
        run.write("correct", part, judged)
        records += len(said)
    return Rescored(run.finish(), records, changed)
