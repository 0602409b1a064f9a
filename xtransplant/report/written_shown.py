"""How large what each row's transplants wrote was, beside what it replaced."""

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
from xtransplant.runs.store import open_run
from xtransplant.runs.written import WRITTEN, Written, read_written
from xtransplant.stats.recovery import median_ci95
from xtransplant.stats.selection import Pair
from xtransplant.style.escape import json_number

__all__ = ["WrittenRow", "written_grid", "written_json", "written_of"]

Array = np.ndarray[Any, Any]
_KINDS = ("pair", "pilot", "best")
_HEADS = ("n", "writes", "norm written", "norm replaced", "cosine")
_NOTE = (
    "median over examples (its 95%, by bootstrap of items; quartiles) of the Euclidean norm of the "
    "vector written, of the one that it replaced, and of the cosine between the two; of an example "
    "with several writes their mean; writes: how many an example has on average"
)
_Stored = Mapping[str, Mapping[str, Written]]  # by language and name


@dataclass(frozen=True)
class WrittenRow:
    """Of one row, or of a null grid at the row's pairs.

    Attributes:
        of: what the line is of.
        writes: of an example, on average.
        values: ``[examples, 3]``, in the order of ``WRITTEN``, all languages together.
        items: ``[examples]``, what each is called.
    """

    of: RowLine
    writes: float
    values: Array
    items: Array

    @property
    def n(self) -> int:
        """Of how many examples all three are known."""
        return int(np.isfinite(self.values).all(axis=1).sum())

    def quartiles(self, k: int) -> Array:
        """``[3]``, of the k-th value, where it is known."""
        known = self.values[np.isfinite(self.values[:, k]), k]
        return np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else np.full(3, np.nan)

    def ci95(self, k: int) -> tuple[float, float]:
        """Of the k-th value's median."""
        return median_ci95(self.values[:, k], self.items)


def written_of(runs: Sequence[TaskRun], level: str) -> Iterator[WrittenRow]:
    """Of every row that has one pair for each language, and of its null grids there.

    Args:
        runs: of one task.
        level: at which a best pair is picked.
    """
    for summary, task in runs:
        rows = [row for row in rows_of(summary, task, level) if row.kind in _KINDS]
        picks = [row.pairs or _everywhere(row, task) for row in rows]
        stored = _read(summary, task, rows, picks)
        for row, pairs in zip(rows, picks, strict=True):
            for of, name in row_lines(summary, row, several=len(runs) > 1):
                one = _of_row(task, stored, name, pairs)
                if one is not None:
                    yield WrittenRow(of, *one)


def _everywhere(row: Row, task: TaskCounts) -> dict[str, Pair]:
    return {} if row.pair is None else dict.fromkeys(task.languages, row.pair)


def _read(
    summary: Summary, task: TaskCounts, rows: Sequence[Row], picks: Sequence[Mapping[str, Pair]]
) -> _Stored:
    """What was written at the rows' pairs, each language read once."""
    stored = {}
    for lang, counts in task.languages.items():
        wanted: dict[str, set[Pair]] = {}
        for row, pairs in zip(rows, picks, strict=True):
            for name in (row.strategy, *summary.manifest.nulls_of(row.strategy).values()):
                if lang in pairs and name in counts.answers:
                    wanted.setdefault(name, set()).add(pairs[lang])
        if wanted:
            stored[lang] = read_written(open_run(summary.path), task.name, lang, wanted)
    return stored


def _of_row(
    task: TaskCounts, stored: _Stored, name: str, pairs: Mapping[str, Pair]
) -> tuple[float, Array, Array] | None:
    """Writes of an example, values and items; None where nothing was written, or stored."""
    counts, values, items = [], [], []
    for lang, (i, j) in pairs.items():
        own = stored.get(lang, {}).get(name)
        if own is not None:
            here = (own.source_layers == i) & (own.target_layers == j)
            counts.append(own.counts[here])
            values.append(own.means[here])
            items.append(task.languages[lang].items[own.examples[here]])
    if not counts or not (every := np.concatenate(counts)).any():
        return None
    return float(every.mean()), np.concatenate(values), np.concatenate(items)


def written_grid(runs: Sequence[TaskRun], level: str) -> TextGrid | None:
    """The table of :func:`written_of`; None where nothing is known."""
    lines = []
    for one in written_of(runs, level):
        cells = [str(one.n), f"{one.writes:g}", *(_cell(one, k) for k in range(len(WRITTEN)))]
        lines.append(one.of.text(cells))
    title = "norms and cosines of what was written and replaced"
    return TextGrid(title, list(_HEADS), lines, (_NOTE,)) if lines else None


def _cell(one: WrittenRow, k: int) -> str:
    spell = "{:+.2f}" if WRITTEN[k] == "cosines" else "{:.3g}"
    low, median, high = (spell.format(q) for q in one.quartiles(k))
    ends = one.ci95(k)
    interval = "–" if ends[0] != ends[0] else " to ".join(map(spell.format, ends))
    return f"{median} ({interval}; {low} to {high})"


def written_json(runs: Sequence[TaskRun], level: str) -> list[dict[str, Any]]:
    """The same for programs, an entry for each line."""
    return [
        {
            **one.of.json(), "n": one.n, "writes": one.writes,
            **{what: _numbers(one, k) for k, what in enumerate(WRITTEN)},
        }
        for one in written_of(runs, level)
    ]  # fmt: skip


def _numbers(one: WrittenRow, k: int) -> dict[str, Any]:
    low, median, high = (json_number(float(q)) for q in one.quartiles(k))
    return {
        "median": median, "median_ci95": [json_number(end) for end in one.ci95(k)],
        "quartiles": [low, high],
    }  # fmt: skip
