"""Judging a stored run again, without a model: after a rule has changed, or by another rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from xtransplant.bench.judge import judge
from xtransplant.errors import XTransplantError
from xtransplant.runs.check import damage_error, find_damage
from xtransplant.runs.claims import claim
from xtransplant.runs.columns import CORRECT
from xtransplant.runs.examples_table import row_key
from xtransplant.runs.manifest import Manifest, Part
from xtransplant.runs.read import read_part
from xtransplant.runs.store import Run, open_run
from xtransplant.tasks.rules import rule_fits, rule_names, versioned_rule

__all__ = ["Rescored", "judge_part", "rescore"]


@dataclass(frozen=True)
class Rescored:
    """The outcome of judging a run again.

    Attributes:
        records: how many were judged.
        changed: how many of them changed, by level.
    """

    run: Run
    records: int
    changed: dict[str, int]

    @property
    def how(self) -> str:
        """`` by RULE, not by NAME's own rule OWN``, for tasks judged by another rule."""
        return "".join(
            f" by {task.rule}, not by {name}'s own rule {task.task_rule}"
            for name, task in self.run.manifest.tasks.items()
            if task.task_rule
        )


def rescore(path: str | Path, *, rule: str | None = None) -> Rescored:
    """Judge every stored record of a run again; no model is loaded.

    Args:
        path: folder of the run.
        rule: the name of a rule, by which the run is judged from now on: it is written to the
            manifest, and parts computed later are judged by it too. By default the run's, in the
            version that is installed.

    Raises:
        XTransplantError: no run there, one without outputs or with damaged records, a rule that
            does not fit its tasks, or another process at work on it.
    """
    run = open_run(path)
    parts, spoilt = _judgeable(run)
    if rule is not None:
        _check_rule(run, parts, rule)
    rules = {name: versioned_rule(rule or t.rule) for name, t in run.manifest.tasks.items()}
    # Records without outputs are refused before anything is changed.
    _judge(run, parts[0], rules[parts[0].task])
    records, changed = 0, dict.fromkeys(CORRECT, 0)
    with claim(run, parts) as claims:
        held = [part for part in parts if claims.hold(part)]
        if len(held) < len(parts):
            raise XTransplantError(
                f"another process is at work on run {run.path.name}; judge it again when that is "
                "done"
            )
        if any(task.rule != rules[name] for name, task in run.manifest.tasks.items()):
            # Before the first part is judged by it: until all are, those that are not count as
            # missing, so that two rules never stand side by side.
            run = run.revise(lambda manifest: _judged_by(manifest, rules))
        for part in parts:
            before = None
            if run.has("correct", part) and part not in spoilt:
                before = read_part(run, "correct", part)
            judged = judge_part(run, part, adds_columns=True)
            if before is not None and len(before) == len(judged):
                for level in CORRECT:
                    differ = judged[level].to_numpy() != before[level].to_numpy()
                    changed[level] += int(differ.sum())
            records += len(judged)
    return Rescored(run.finish(), records, changed)


def _judgeable(run: Run) -> tuple[list[Part], set[Part]]:
    """The parts of a run that have records, and those of them whose judgements are damaged.

    Raises:
        XTransplantError: there are none, or they cannot be judged: they or their examples are
            damaged or lost, or were stored without outputs.
    """
    found = [one for one in find_damage(run) if not one.gone]
    if any(one.kind != "correct" for one in found):
        raise damage_error(run, [one for one in found if one.kind != "correct"])
    parts = [part for part in run.manifest.parts() if run.has("records", part)]
    if not parts:
        raise XTransplantError(
            f"run {run.path.name} holds no records, so there is nothing to judge; run its xtp "
            "bench command first"
        )
    lost = [part for part in parts if not run.has("examples", part)]
    if lost:
        raise XTransplantError(
            f"run {run.path.name} has lost {str(Path('examples') / lost[0].name)!r}, by which its "
            "records are judged; run its xtp bench command again, which writes it anew"
        )
    return parts, {one.part for one in found}


def judge_part(run: Run, part: Part, *, adds_columns: bool = False) -> pa.Table:
    """Judge a part's stored records by the run's rule and store the result.

    To be called by the process that holds the part.

    Args:
        run: an opened run.
        part: one part of its examples.
        adds_columns: see :meth:`Run.write`.

    Raises:
        XTransplantError: records without outputs, or damaged.
    """
    judged = _judge(run, part, run.manifest.tasks[part.task].rule)
    run.write("correct", part, judged, adds_columns=adds_columns)
    return judged


def _judge(run: Run, part: Part, rule: str) -> pa.Table:
    records, examples = (read_part(run, kind, part) for kind in ("records", "examples"))
    return judge(records, examples, rule)


def _judged_by(manifest: Manifest, rules: dict[str, str]) -> Manifest:
    """A manifest whose tasks are judged by these rules, by the tasks' names, from now on."""
    tasks = {name: task.judged_by(rules[name]) for name, task in manifest.tasks.items()}
    return replace(manifest, tasks=tasks)


def _check_rule(run: Run, parts: list[Part], rule: str) -> None:
    """Check that a rule can judge every answer of a run.

    Raises:
        XTransplantError: it cannot; the message names the rules that can.
    """
    if rule not in rule_names():
        raise XTransplantError(f"unknown rule {rule!r}; choose {', '.join(rule_names())}")
    for name, task in run.manifest.tasks.items():
        if task.mode == "score":
            raise XTransplantError(
                f"--rule {rule} judges texts, and run {run.path.name} scored candidates on {name}: "
                "there no rule has a say; leave --rule out"
            )
    fitting = set(rule_names())
    for part in parts:
        rows = read_part(run, "examples", part)
        if "answers" not in rows.column_names:
            continue  # stored without samples, which judging refuses
        keys = [row_key(row, side) for row in rows.to_pylist() for side in ("", "source_")]
        fitting &= {one for one in fitting if all(rule_fits(one, key) for key in keys)}
        if rule not in fitting:
            there = ", ".join(one for one in rule_names() if one in fitting)
            raise XTransplantError(
                f"--rule {rule} does not fit {part.task}, whose examples have not the options it "
                f"chooses from; {there} would"
            )
