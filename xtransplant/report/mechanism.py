"""Through what a gain goes: one strategy at one pair, let act through less, or at other steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.report.row import arrow
from xtransplant.report.summary import Summary, TaskCounts, TaskRun
from xtransplant.report.text_grid import TextGrid, TextLine
from xtransplant.runs.columns import CORRECT, VANILLA
from xtransplant.runs.options import options_of
from xtransplant.stats.gains import Gain, gain
from xtransplant.stats.selection import Pair, choose_pair, sum_hits
from xtransplant.stats.share import Share, gain_share
from xtransplant.style.escape import json_number

__all__ = ["Acted", "mechanism_grid", "mechanism_json", "mechanism_of"]

_HEADS = ("acts", "through", "n", "points (95%)", "% of the whole (95%)")
_NOTE = (
    "points over vanilla, as in the table of gains; % of the whole: the gain over that of the same "
    "strategy as it is, at the same pair, paired by item (percentile bootstrap); – where the whole "
    "is not above 0 with 95%"
)
_ACTING = {"when": "prefill", "through": "both"}  # older runs do not say
_MOST_PAIRS = 8  # up to which each is shown; of more, the one that is best as it is


@dataclass(frozen=True)
class Acted:
    """A strategy at a pair, acting in one of several ways.

    Attributes:
        run: the run's name.
        strategy: as the run calls it.
        family: the strategy without the options that say how it acts.
        pair: of layers.
        oracle: whether the pair was picked on these examples.
        when, through: the options.
        gain: over vanilla, all languages together.
        share: of the gain of the strategy as it is.
    """

    run: str
    strategy: str
    family: str
    pair: Pair
    oracle: bool
    when: str
    through: str
    gain: Gain
    share: Share


def mechanism_of(runs: Sequence[TaskRun], level: str) -> Iterator[Acted]:
    """What each strategy gains that a run has both as it is and acting otherwise.

    Args:
        runs: of one task.
        level: ``strict``, ``match`` or ``lenient``.
    """
    for summary, task in runs:
        for whole, ways in _families(summary).items():
            for pair, oracle in _pairs(task, level, whole):
                rights = _rights(task, level, [whole, *ways], pair)
                if rights is None:
                    continue
                before, after, items = rights
                gains = [gain(before, one, items) for one in after]
                for name, own in zip([whole, *ways], gains, strict=True):
                    acts = _ACTING | options_of(summary.manifest, name)
                    yield Acted(
                        summary.name, name, whole, pair, oracle,
                        str(acts["when"]), str(acts["through"]),
                        own, gain_share(own, gains[0]),
                    )  # fmt: skip


def _families(summary: Summary) -> dict[str, list[str]]:
    """Each strategy that a run has as it is, and those that differ in how they act alone."""
    known: Mapping[str, Any] = summary.manifest.strategies
    acting = {
        name: one for name, one in known.items() if one.get("options", {}).keys() & _ACTING.keys()
    }

    def alike(name: str) -> tuple[Any, ...]:
        own = known[name]
        rest = {k: v for k, v in own.get("options", {}).items() if k not in _ACTING}
        return own.get("name", name), own.get("source_hash"), sorted(map(str, rest.items()))

    found = {
        name: [other for other in acting if alike(other) == alike(name)]
        for name in known
        if name not in acting
    }
    return {name: ways for name, ways in found.items() if ways}


def _pairs(task: TaskCounts, level: str, name: str) -> list[tuple[Pair, bool]]:
    own = [one.strategies[name][level] for one in task.languages.values() if name in one.strategies]
    hits = sum_hits([one.hits for one in own])
    if len(hits) <= _MOST_PAIRS:
        return [(pair, False) for pair in hits]
    return [(choose_pair(hits), True)]


def _rights(
    task: TaskCounts, level: str, names: Sequence[str], pair: Pair
) -> tuple[np.ndarray[Any, Any], list[np.ndarray[Any, Any]], np.ndarray[Any, Any]] | None:
    """Right without a transplant, right by each strategy, and the items, of what all have."""
    at, columns = CORRECT.index(level), []
    for counts in task.languages.values():
        own = [counts.answers.get(name) for name in (VANILLA, *names)]
        there = [one for one in own if one is not None]
        if len(there) < len(own) or any(pair not in one.pairs for one in there[1:]):
            continue
        shared = there[0].examples
        for one in there[1:]:
            shared = np.intersect1d(shared, one.examples)
        before = there[0].right[np.isin(there[0].examples, shared), 0, at]
        after = [one.at(pair, at)[np.isin(one.examples, shared)] for one in there[1:]]
        columns.append((before, *after, counts.items[shared]))
    if not columns:
        return None
    before, *after, items = (np.concatenate(column) for column in zip(*columns, strict=True))
    return before, after, items


def mechanism_grid(runs: Sequence[TaskRun], level: str) -> TextGrid | None:
    """The table of :func:`mechanism_of`; None where no run has a strategy in several ways."""
    lines = [
        TextLine(f"{one.strategy} {arrow(one.pair)}{' †' * one.oracle}", _cells(one), one.family)
        for one in mechanism_of(runs, level)
    ]
    title = "what the gain goes through"
    return TextGrid(title, list(_HEADS), lines, (_NOTE,)) if lines else None


def _cells(one: Acted) -> list[str]:
    low, high = (100 * end for end in one.gain.ci95)
    interval = "–" if low != low else f"{low:+.1f} to {high:+.1f}"
    if one.share.value != one.share.value:
        share = "–"
    elif one.strategy == one.family:
        share = "100"
    else:
        low, high = (100 * end for end in one.share.ci95)
        share = f"{100 * one.share.value:.0f} ({low:.0f} to {high:.0f})"
    points = f"{100 * one.gain.value:+.1f} ({interval})"
    return [one.when, one.through, str(one.gain.n), points, share]


def mechanism_json(runs: Sequence[TaskRun], level: str) -> list[dict[str, Any]]:
    """The same for programs, an entry for each line."""
    return [
        {
            "run": one.run, "strategy": one.strategy, "whole": one.family, "pair": list(one.pair),
            "oracle": one.oracle, "when": one.when, "through": one.through, "n": one.gain.n,
            "gain": json_number(one.gain.value),
            "gain_ci95": [json_number(end) for end in one.gain.ci95],
            "share": json_number(one.share.value),
            "share_ci95": [json_number(end) for end in one.share.ci95],
        }
        for one in mechanism_of(runs, level)
    ]  # fmt: skip
