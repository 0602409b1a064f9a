"""What points cost: token-forwards of each strategy, baseline and null grid, as counted."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xtransplant.report.gain_table import points
from xtransplant.report.rows import rows_of
from xtransplant.report.summary import Summary, TaskCounts, TaskRun
from xtransplant.report.text_grid import TextGrid, TextLine
from xtransplant.runs.store import Run, open_run
from xtransplant.stats.gains import Gain
from xtransplant.style.escape import json_number

__all__ = ["Cost", "costs_of", "counted_tokens", "ledger_grid", "ledger_json"]

_HEADS = ("n", "variants", "tokens an example", "points (95%)", "tokens for one more right (95%)")
_NOTES = (
    "tokens an example: how often a token went through the whole model, counted as the records "
    "were computed: prompts, all variants, candidates or new tokens. What runs in one pass shares "
    "it by variants; what several need (the prompts without a transplant, a source that is read "
    "again) is the first one's. A baseline's prompt holds the other prompts' tokens too",
    "tokens for one more right: tokens an example / gain, by the ends of the gain's 95% too; – "
    "where the gain may be none (its 95% holds 0, or p is above 0.05). A grid of several pairs is "
    "the price of choosing one, and has no gain of its own",
)


@dataclass(frozen=True)
class Cost:
    """Of a strategy, a baseline or a null grid in one run.

    Attributes:
        run, name: whose it is.
        n: examples that it was counted for.
        variants: of each example; 1 of a baseline.
        tokens: token-forwards of all these examples.
        gain: over vanilla, where there is one pair for each language, or none.
    """

    run: str
    name: str
    n: int
    variants: int
    tokens: float
    gain: Gain | None

    @property
    def each(self) -> float:
        """Token-forwards of an example."""
        return self.tokens / self.n

    @property
    def per_right(self) -> float | None:
        """Token-forwards for one more right answer; None without a gain."""
        if self.gain is None or not (self.gain.value > 0 and self.gain.told_from_0):
            return None
        return self.each / self.gain.value

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
    for name, (total, n) in counted.items():
        strategy = manifest.nulls.get(name, {}).get("strategy", name)
        variants = 1
        if strategy in manifest.strategies:
            each = [len(manifest.pairs(strategy, task.name, lang)) for lang in task.languages]
            variants = max(each, default=1)
        gain = gains.get(name) if variants == 1 else None
        found.append(Cost(summary.name, name, n, variants, total, gain))
    return found


def counted_tokens(run: Run, task: str) -> dict[str, tuple[float, int]]:
    """Token-forwards of a task's records by their strategy, and of how many examples they are."""
    tokens, examples = defaultdict[str, float](float), Counter[str]()
    for part in run.manifest.parts():
        sums = run.sums(part) if part.task == task else None
        for name, count in sums.token_forwards.items() if sums is not None else ():
            tokens[name] += count
            examples[name] += part.stop - part.start
    return {name: (total, examples[name]) for name, total in tokens.items()}


def ledger_grid(runs: Sequence[TaskRun], level: str) -> TextGrid | None:
    """The table; None where nothing has been counted."""
    costs = costs_of(runs, level)
    several = len({one.run for one in costs}) > 1
    lines = [
        TextLine(
            f"{one.name} [{one.run}]" if several else one.name, _cells(one), one.name,
            null=" [null " in one.name,
        )
        for one in costs
    ]  # fmt: skip
    return TextGrid("what points cost", list(_HEADS), lines, _NOTES) if lines else None


def _cells(one: Cost) -> list[str]:
    gain = "" if one.gain is None else points(one.gain.value, one.gain.ci95)
    per = "" if one.gain is None else "–"
    if one.per_right is not None:
        per = f"{one.per_right:,.0f}"
    if one.per_right_ci95 is not None:
        per += " ({:,.0f} to {:,.0f})".format(*one.per_right_ci95)
    return [str(one.n), str(one.variants), f"{one.each:,.1f}", gain, per]


def ledger_json(runs: Sequence[TaskRun], level: str) -> list[dict[str, Any]]:
    """The same for programs, an entry for each line."""
    return [
        {
            "run": one.run, "strategy": one.name, "n": one.n, "variants": one.variants,
            "token_forwards": one.tokens, "token_forwards_per_example": one.each,
            "gain": None if one.gain is None else json_number(one.gain.value),
            "gain_ci95": None if one.gain is None else [json_number(x) for x in one.gain.ci95],
            "token_forwards_per_right": one.per_right,
            "token_forwards_per_right_ci95": one.per_right_ci95 and list(one.per_right_ci95),
        }
        for one in costs_of(runs, level)
    ]  # fmt: skip
