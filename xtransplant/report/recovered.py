"""How much of the source's log-probability of the answer each row of a table recovers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.report.row import Row
from xtransplant.report.row_line import RowLine, row_lines
from xtransplant.report.rows import rows_of
from xtransplant.report.summary import Summary, TaskCounts, TaskRun
from xtransplant.report.text_grid import TextGrid
from xtransplant.runs.answer_logprobs import AnswerLogprobs, read_answer_logprobs
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.store import open_run
from xtransplant.stats.recovery import Recovery, median_ci95, recovery
from xtransplant.stats.selection import Pair
from xtransplant.style.escape import json_number

__all__ = ["Recovered", "recovered_of", "recovery_grid", "recovery_json"]

Array = np.ndarray[Any, Any]
_HEADS = ("n", "undefined", "median (95%)", "quartiles")
_NOTE = (
    "(with the transplant − target) / (source − target) in log-probability of the answer, each "
    "after its prompt and in its language, example by example: 0 as the target alone, 1 as the "
    "source alone, below 0 farther off than the target; undefined: the source is no likelier to "
    "give the answer than the target, or a number is not known; 95%: bootstrap of items"
)
_KINDS = ("pair", "pilot", "best", "cross-fit")
_Stored = Mapping[str, Mapping[str, AnswerLogprobs]]  # by language and name
_Pick = Mapping[str, Pair | Mapping[int, Pair]]  # by language, or by example too


@dataclass(frozen=True)
class Recovered:
    """Of one row, or of a null grid at the row's pairs.

    Attributes:
        of: what the line is of.
        found: of each example, all languages together.
        items: ``[examples]``, what each is called.
        bounds: how many of them are no more than upper bounds.
    """

    of: RowLine
    found: Recovery
    items: Array
    bounds: int

    @property
    def n(self) -> int:
        """Of how many it is known."""
        return int(np.isfinite(self.found.values).sum())

    @property
    def undefined(self) -> int:
        """Of how many it is not."""
        return len(self.items) - self.n

    @property
    def ci95(self) -> tuple[float, float]:
        """Of the median."""
        return median_ci95(self.found.values, self.items)


def recovered_of(runs: Sequence[TaskRun], level: str) -> Iterator[Recovered]:
    """Of every row that has a pair for each example, and of its null grids there.

    Nothing where texts were generated, or where no example has a source that knows better.

    Args:
        runs: of one task.
        level: at which a best pair is picked.
    """
    for summary, task in runs:
        if task.mode != "score":
            continue
        rows = [row for row in rows_of(summary, task, level) if row.kind in _KINDS]
        picks = [_pick(row, task) for row in rows]
        stored = _read(summary, task, rows, picks)
        for row, pick in zip(rows, picks, strict=True):
            for of, name in row_lines(summary, row, several=len(runs) > 1):
                one = _of_row(task, stored, name, pick)
                if one is not None and np.isfinite(one[0].values).any():
                    yield Recovered(of, *one)


def _pick(row: Row, task: TaskCounts) -> _Pick:
    if row.choosing is not None and row.choosing.folds:
        folds = row.choosing.folds
        own = row.choosing.by_example
        return {
            lang: {number: folds[k] for number, k in fold_of.items()}
            for lang, fold_of in own.items()
        }
    if row.pairs is not None:
        return row.pairs
    return {} if row.pair is None else dict.fromkeys(task.languages, row.pair)


def _read(
    summary: Summary, task: TaskCounts, rows: Sequence[Row], picks: Sequence[_Pick]
) -> _Stored:
    """The answer's log-probabilities of both prompts and at the rows' pairs, read once."""
    stored = {}
    for lang, counts in task.languages.items():
        wanted: dict[str, set[Pair]] = {VANILLA: set(), SOURCE: set()}
        for row, pick in zip(rows, picks, strict=True):
            own = pick.get(lang, {})
            pairs = {own} if isinstance(own, tuple) else set(own.values())
            for name in (row.strategy, *summary.manifest.nulls_of(row.strategy).values()):
                if pairs and name in counts.answers:
                    wanted.setdefault(name, set()).update(pairs)
        if len(wanted) > 2:
            own_run = open_run(summary.path)
            stored[lang] = read_answer_logprobs(own_run, task.name, lang, wanted)
    return stored


def _of_row(
    task: TaskCounts, stored: _Stored, name: str, pick: _Pick
) -> tuple[Recovery, Array, int] | None:
    """Recovery of a strategy's records at its pairs, the items, and how many are bounds."""
    columns = []
    for lang, pairs in pick.items():
        if name not in stored.get(lang, {}):
            continue
        own, plain, source = (stored[lang][one] for one in (name, VANILLA, SOURCE))
        rows = _rows(own, pairs)
        numbers = own.examples[rows]
        columns.append((
            own.logprobs[rows], _of(plain, numbers), _of(source, numbers),
            task.languages[lang].items[numbers], own.bounds[rows],
        ))  # fmt: skip
    if not columns:
        return None
    patched, target, source_own, items, bounds = map(np.concatenate, zip(*columns, strict=True))
    found = recovery(patched, target, source_own)
    return found, items, int((bounds & np.isfinite(found.values)).sum())


def _rows(own: AnswerLogprobs, pairs: Pair | Mapping[int, Pair]) -> Array:
    """``[rows]``, which of them are at the pair of their example."""
    none = (-1, -1)
    if isinstance(pairs, tuple):
        pairs = dict.fromkeys(own.examples.tolist(), pairs)
    wanted = np.array([pairs.get(k, none) for k in own.examples.tolist()]).reshape(-1, 2)
    here: Array = (own.source_layers == wanted[:, 0]) & (own.target_layers == wanted[:, 1])
    return here


def _of(prompt: AnswerLogprobs, numbers: Array) -> Array:
    """``[examples]``, of a prompt without a transplant, by the examples' numbers."""
    known = dict(zip(prompt.examples.tolist(), prompt.logprobs.tolist(), strict=True))
    return np.array([known.get(k, np.nan) for k in numbers.tolist()], dtype=np.float64)


def recovery_grid(runs: Sequence[TaskRun], level: str) -> TextGrid | None:
    """The table of :func:`recovered_of`; None where nothing is defined."""
    lines, bounds = [], 0
    for one in recovered_of(runs, level):
        lines.append(one.of.text(_cells(one)))
        bounds += one.bounds
    if not lines:
        return None
    notes = [_NOTE]
    if bounds:
        notes.append(
            f"of {bounds} of these values the log-probability is an upper bound, as a candidate "
            "that cannot win is not scored to its end, so they are no more than counted; "
            "--exact-scores scores all of it"
        )
    title = "recovery of the source's log-probability of the answer"
    return TextGrid(title, list(_HEADS), lines, tuple(notes))


def _cells(one: Recovered) -> list[str]:
    low, median, high = one.found.quartiles
    ends = one.ci95
    interval = "–" if ends[0] != ends[0] else f"{ends[0]:+.2f} to {ends[1]:+.2f}"
    return [
        str(one.n), str(one.undefined), f"{median:+.2f} ({interval})",
        f"{low:+.2f} to {high:+.2f}",
    ]  # fmt: skip


def recovery_json(runs: Sequence[TaskRun], level: str) -> list[dict[str, Any]]:
    """The same for programs, an entry for each line."""
    return [
        {
            **one.of.json(), "n": one.n,
            "undefined": one.undefined, "bounds": one.bounds,
            "median": json_number(float(one.found.quartiles[1])),
            "median_ci95": [json_number(end) for end in one.ci95],
            "quartiles": [json_number(float(q)) for q in one.found.quartiles[[0, 2]]],
        }
        for one in recovered_of(runs, level)
    ]  # fmt: skip
