"""What points cost: tokens and seconds of each strategy, baseline and null grid, as counted."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xtransplant.report.gain_table import points
from xtransplant.report.rows import rows_of
from xtransplant.report.summary import Summary, TaskCounts, TaskRun
from xtransplant.report.text_grid import TextGrid, TextLine
from xtransplant.runs.checksums import Sums
from xtransplant.runs.manifest import Part
from xtransplant.runs.options import label_of
from xtransplant.runs.store import Run, open_run
from xtransplant.stats.gains import Gain
from xtransplant.style.escape import json_number

__all__ = ["HEADS", "Cost", "Counted", "costs_of", "counted_tokens", "ledger_grid", "ledger_json"]

HEADS = (
    "n", "variants", "tokens an example", "of the source", "seconds an example", "points (95%)",
    "tokens for one more right (95%)", "of the source", "seconds",
)  # fmt: skip
"""Of the table; the last four are empty where there is no one pair."""
_NOTES = (
    "tokens an example: how often a token went through the whole model, counted as the records "
    "were computed: prompts, all variants, candidates or new tokens. What runs in one pass shares "
    "it by variants; what several need (the prompts without a transplant, a source that is read "
    "again) is the first one's. A baseline's prompt holds the other prompts' tokens too",
    "of the source: those of source prompts, the parallel text that a transplant needs and vanilla "
    "does not; none of prompts that were kept from an earlier strategy. The rest are the target's",
    "tokens for one more right: tokens an example / gain, by the ends of the gain's 95% too, and "
    "likewise its tokens of the source and its seconds; – where the gain may be none (its 95% "
    "holds 0, or p is above 0.05). A grid of several pairs is the price of choosing one, and has "
    "no gain of its own",
)
_SECONDS = (
    "seconds: of wall clock, as the line's own run took them on {}; other work on the machine "
    "counts, and no number of another machine can be held to them"
)
_UNKNOWN = (
    "– under source or seconds: parts of the run were stored before these were counted; under "
    "seconds also: its parts ran on several machines"
)


@dataclass(frozen=True)
class Counted:
    """What records took.

    Attributes:
        tokens: token-forwards.
        n: of how many examples.
        source: those of them that are of source prompts; None where some were not counted.
        seconds: of wall clock; None likewise, or where they are of several machines.
        machine: where they are of.
    """

    tokens: float
    n: int
    source: float | None
    seconds: float | None
    machine: str


@dataclass(frozen=True)
class Cost:
    """Of a strategy, a baseline or a null grid in one run.

    Attributes:
        run, name: whose it is.
        label: its name as tables have it, with the values of what is swept.
        n: examples that it was counted for.
        variants: of each example; 1 of a baseline.
        took: all these examples.
        gain: over vanilla, where there is one pair for each language, or none.
    """

    run: str
    name: str
    label: str
    n: int
    variants: int
    took: Counted
    gain: Gain | None

    @property
    def each(self) -> float:
        """Token-forwards of an example."""
        return self.took.tokens / self.n

    @property
    def source_each(self) -> float | None:
        """Those of them that are of source prompts."""
        return None if self.took.source is None else self.took.source / self.n

    @property
    def seconds_each(self) -> float | None:
        """Seconds of an example."""
        return None if self.took.seconds is None else self.took.seconds / self.n

    def for_right(self, each: float | None) -> float | None:
        """What one more right answer takes, of what an example does; None without a gain."""
        if each is None or self.gain is None:
            return None
        return each / self.gain.value if self.gain.value > 0 and self.gain.told_from_0 else None

    @property
    def per_right(self) -> float | None:
        """Token-forwards for one more right answer; None without a gain."""
        return self.for_right(self.each)

    @property
    def per_right_ci95(self) -> tuple[float, float] | None:
        """The same by the upper and the lower end of the gain's interval, where it has one."""
        if self.gain is None or self.per_right is None:
            return None
        low, high = self.gain.ci95
        return None if math.isnan(low) else (self.each / high, self.each / low)


def costs_of(runs: Sequence[TaskRun], level: str) -> list[Cost]:
    """Of what has been counted: nothing of runs that were made before it was."""
    return [cost for summary, task in runs for cost in _of_run(summary, task, level)]


def _of_run(summary: Summary, task: TaskCounts, level: str) -> list[Cost]:
    if summary.manifest.only != "all" or not (summary.path / "manifest.json").exists():
        return []  # which examples' grids ran is not what was counted
    counted = counted_tokens(open_run(summary.path), task.name)
    gains = {
        row.strategy or row.key: row.gains.vanilla
        for row in rows_of(summary, task, level)
        if row.kind in ("pilot", "pair", "baseline")
    }
    manifest, found = summary.manifest, []
    for name, took in counted.items():
        strategy = manifest.nulls.get(name, {}).get("strategy", name)
        variants = 1
        if strategy in manifest.strategies:
            each = [len(manifest.pairs(strategy, task.name, lang)) for lang in task.languages]
            variants = max(each, default=1)
        gain = gains.get(name) if variants == 1 else None
        label = name
        if strategy in manifest.strategies:
            label = label_of(manifest, strategy) + name.removeprefix(strategy)
        found.append(Cost(summary.name, name, label, took.n, variants, took, gain))
    return found


def counted_tokens(run: Run, task: str) -> dict[str, Counted]:
    """What a task's records took, by their strategy."""
    parts = defaultdict[str, list[tuple[Part, Sums]]](list)
    for part in run.manifest.parts():
        sums = run.sums(part) if part.task == task else None
        for name in sums.token_forwards if sums is not None else ():
            assert sums is not None
            parts[name].append((part, sums))
    found = {}
    for name, own in parts.items():
        machines = {sums.machine for _, sums in own}
        source = [sums.source_tokens.get(name) for _, sums in own]
        seconds = [sums.seconds.get(name) if len(machines) == 1 else None for _, sums in own]
        found[name] = Counted(
            sum(sums.token_forwards[name] for _, sums in own),
            sum(part.stop - part.start for part, _ in own),
            _sum(source), _sum(seconds), machines.pop(),
        )  # fmt: skip
    return found


def _sum(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return math.fsum(known) if len(known) == len(values) else None


def ledger_grid(runs: Sequence[TaskRun], level: str) -> TextGrid | None:
    """The table; None where nothing has been counted."""
    costs = costs_of(runs, level)
    several = len({one.run for one in costs}) > 1
    lines = [
        TextLine(
            f"{one.label} [{one.run}]" if several else one.label, _cells(one), one.name,
            null=" [null " in one.name,
        )
        for one in costs
    ]  # fmt: skip
    if not lines:
        return None
    machines = dict.fromkeys(one.took.machine for one in costs if one.took.seconds is not None)
    notes = [*_NOTES, *([_SECONDS.format("; ".join(machines))] if machines else [])]
    if any(one.took.source is None or one.took.seconds is None for one in costs):
        notes.append(_UNKNOWN)
    return TextGrid("what points cost", list(HEADS), lines, tuple(notes))


def _cells(one: Cost) -> list[str]:
    gain = "" if one.gain is None else points(one.gain.value, one.gain.ci95)
    per = _number(one.per_right)
    if one.per_right_ci95 is not None:
        per += " ({:,.0f} to {:,.0f})".format(*one.per_right_ci95)
    paid = [per, _number(one.for_right(one.source_each)), _seconds(one.for_right(one.seconds_each))]
    if one.gain is None:
        paid = [""] * len(paid)
    return [
        str(one.n), str(one.variants), _number(one.each, 1), _number(one.source_each, 1),
        _seconds(one.seconds_each), gain, *paid,
    ]  # fmt: skip


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _seconds(value: float | None) -> str:
    """Three digits of them."""
    return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ledger_json(runs: Sequence[TaskRun], level: str) -> list[dict[str, Any]]:
    """The same for programs, an entry for each line."""
    return [
        {
            "run": one.run, "strategy": one.name, "n": one.n, "variants": one.variants,
            "token_forwards": one.took.tokens, "token_forwards_per_example": one.each,
            "source_tokens": one.took.source, "source_tokens_per_example": one.source_each,
            "seconds": one.took.seconds, "seconds_per_example": one.seconds_each,
            "machine": one.took.machine,
            "gain": None if one.gain is None else json_number(one.gain.value),
            "gain_ci95": None if one.gain is None else [json_number(x) for x in one.gain.ci95],
            "token_forwards_per_right": one.per_right,
            "token_forwards_per_right_ci95": one.per_right_ci95 and list(one.per_right_ci95),
            "source_tokens_per_right": one.for_right(one.source_each),
            "seconds_per_right": one.for_right(one.seconds_each),
        }
        for one in costs_of(runs, level)
    ]  # fmt: skip
