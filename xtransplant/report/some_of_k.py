"""What an upper bound is by its number of cells, as a table: strategies beside their null grids."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from xtransplant.report.gains import curves_of
from xtransplant.report.summary import TaskCounts, TaskRun
from xtransplant.report.text_grid import TextGrid, TextLine
from xtransplant.runs.columns import VANILLA
from xtransplant.runs.shares import answer_shares
from xtransplant.runs.store import open_run
from xtransplant.stats.union import sampled_curve
from xtransplant.style.escape import json_number

__all__ = ["some_of_k_grid", "some_of_k_json"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

_LEAST = 9  # cells of a grid that has a curve worth a table
_NOTE = (
    "percent of examples that some of k cells gets right, the k drawn at random: at 1 the mean "
    "cell, at the last the upper bound; exact for every k (pass@k); an oracle"
)
_DRAWN = (
    "k answers drawn: from the target without a transplant at temperature 1, among the candidates "
    "by their probabilities: as many tries, and as many tokens of answers, as k cells take"
)
_BOUNDS = (
    "what as many answers drawn from the target alone give is not known, as some log-likelihoods "
    "are upper bounds: run with --exact-scores"
)


class _Curve(NamedTuple):
    """Of a strategy or of one of its null grids: ``[cells]``, from k = 1."""

    strategy: str
    null: str
    n: int
    values: Floats


def some_of_k_grid(runs: Sequence[TaskRun], level: str) -> TextGrid | None:
    """The union-size curves of all strategies at powers of four; None where no grid is large."""
    curves = _curves(runs, level)
    if not curves:
        return None
    sizes = _sizes(curves)
    lines = [
        TextLine(
            f"null grid {one.null}" if one.null else f"{one.strategy} †",
            [str(one.n), *(_percent(one.values[k - 1 : k]) for k in sizes)],
            one.strategy, oracle=True, null=bool(one.null),
        )
        for one in curves
    ]  # fmt: skip
    drawn = _drawn(runs, level)
    notes = [_NOTE, *[_BOUNDS] * (drawn is None), *[_DRAWN] * bool(drawn)]
    sampled = [
        TextLine(
            "vanilla, k answers drawn †",
            [str(len(shares)), *(_percent(sampled_curve(shares, np.array([k]))) for k in sizes)],
            oracle=True,
        )
        for shares in drawn or ()
    ]
    heads = ["n", *(f"{k} cell" + "s" * (k > 1) for k in sizes)]
    title = "upper bound by how many cells it picks from"
    return TextGrid(title, heads, [*sampled, *lines], tuple(notes))


def some_of_k_json(runs: Sequence[TaskRun], level: str) -> list[dict[str, Any]]:
    """What is drawn from the target alone, for programs; strategies' curves are in ``results``."""
    curves = _curves(runs, level)
    sizes = _sizes(curves) if curves else []
    return [
        {
            "temperature": 1.0,
            "n": len(shares),
            "k": sizes,
            "share": [json_number(one) for one in sampled_curve(shares, np.array(sizes))],
        }
        for shares in (_drawn(runs, level) if sizes else None) or ()
    ]


def _curves(runs: Sequence[TaskRun], level: str) -> list[_Curve]:
    found = []
    for summary, task in runs:
        for strategy in summary.manifest.strategies:
            nulls = summary.manifest.nulls_of(strategy)
            for null, values in curves_of(task, level, strategy, nulls).items():
                if len(values) >= _LEAST:
                    n = _n_examples(task, nulls.get(null, strategy))
                    found.append(_Curve(strategy, null, n, values))
    return found


def _sizes(curves: Sequence[_Curve]) -> list[int]:
    """Powers of four, and how many cells there are."""
    ends = {len(one.values) for one in curves}
    return sorted({*(4**n for n in range(math.ceil(math.log(max(ends), 4)))), *ends})


def _drawn(runs: Sequence[TaskRun], level: str) -> list[Floats] | None:
    """Of each model that scored candidates, ``[examples]``: how probable the answer is among them.

    None where some log-likelihood is a bound. One drawn is right where it is the answer, which is
    level ``match``; of others there is nothing.
    """
    found: dict[str, Floats] = {}
    for summary, task in runs if level == "match" else ():
        if task.mode != "score" or not summary.manifest.config.get("log_samples", True):
            continue
        run = open_run(summary.path)
        # Of --only the examples whose grids ran: the target's draws are held to these grids.
        each = [
            answer_shares(run, task.name, lang, set(one.prompts[VANILLA].examples.tolist()))
            for lang, one in task.languages.items()
            if VANILLA in one.prompts
        ]
        whole = [one for one in each if one is not None]
        if len(whole) < len(each):
            return None
        found.setdefault(summary.manifest.model["name"], np.concatenate(whole))
    return [one for one in found.values() if len(one)]


def _n_examples(task: TaskCounts, records: str) -> int:
    own = (counts.answers.get(records) for counts in task.languages.values())
    return sum(len(one.examples) for one in own if one is not None)


def _percent(values: Floats) -> str:
    """Of one value; of none, as where a grid has fewer cells."""
    return f"{100 * values[0]:.1f}" if len(values) else "–"
