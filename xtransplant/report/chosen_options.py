"""Which options are chosen beside which are right: by vanilla, baselines and strategies' pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.report.row_line import RowLine, row_lines
from xtransplant.report.rows import rows_of
from xtransplant.report.summary import NO_PAIR, LanguageCounts, TaskCounts, TaskRun
from xtransplant.report.text_grid import TextGrid, TextLine
from xtransplant.runs.columns import VANILLA
from xtransplant.stats.option_bias import OptionBias, option_bias
from xtransplant.stats.selection import Pair
from xtransplant.style.escape import json_number
from xtransplant.tasks.judging import NO_OPTIONS

__all__ = ["Chosen", "chosen_options", "options_grid", "options_json"]

Array = np.ndarray[Any, Any]
_NOTE = (
    "percent (and number) of the answers that choose each option, whether right or not; distance: "
    "total variation distance to how often each is right, of the same examples (bootstrap of "
    "items), 0 where both are alike; by chance: what it would be without a bias; p: chosen and "
    "right swapped in whole items"
)
_UNKNOWN = (
    "which options were chosen is not known of runs begun before it was asked; xtp rescore RUN "
    "adds it"
)


@dataclass(frozen=True)
class Chosen:
    """One line: what chooses, and what it chooses.

    Attributes:
        of: what the line is of.
        marks: of the options.
        all: all languages together.
        languages: by language.
    """

    of: RowLine
    marks: tuple[str, ...]
    all: OptionBias
    languages: dict[str, OptionBias]


def chosen_options(runs: Sequence[TaskRun], level: str) -> Iterator[Chosen]:
    """What each row of a table chooses, of rows that have one pair, and its null grids there.

    Args:
        runs: of one task.
        level: at which a best pair is picked; an option is chosen at level ``match``.
    """
    for summary, task in runs:
        if not _marks([task]):
            continue
        for row in rows_of(summary, task, level):
            name = {"vanilla": VANILLA, "baseline": row.key}.get(row.kind, row.strategy)
            if row.kind in ("source", "bound"):
                continue
            pairs = row.pairs or dict.fromkeys(task.languages, row.pair or NO_PAIR)
            for of, records in row_lines(summary, row, several=len(runs) > 1, name=name):
                one = _of_row(task, records, pairs)
                if one is not None:
                    yield Chosen(of, _marks([task]), *one)


def _of_row(
    task: TaskCounts, name: str, pairs: dict[str, Pair]
) -> tuple[OptionBias, dict[str, OptionBias]] | None:
    """All languages together, and each; None where nothing says what was chosen."""
    columns, n = {}, len(_marks([task]))
    for lang, counts in task.languages.items():
        if lang in pairs and (found := _of_language(counts, name, pairs[lang])) is not None:
            columns[lang] = found
    if not columns:
        return None
    every = [np.concatenate(column) for column in zip(*columns.values(), strict=True)]
    each = {lang: option_bias(own, right, n) for lang, (own, right, _) in columns.items()}
    return option_bias(every[0], every[1], n, every[2]), each


def _of_language(
    counts: LanguageCounts, name: str, pair: Pair
) -> tuple[Array, Array, Array] | None:
    """Chosen, right and items of the examples whose options are known."""
    own, golds = counts.answers.get(name), counts.golds
    if own is None or own.chosen is None or golds is None or pair not in own.pairs:
        return None
    chosen = own.chosen[:, own.pairs.index(pair)]
    right = golds.right[own.examples]
    known = (chosen != NO_OPTIONS) & (right >= 0)
    if not known.any():
        return None
    return chosen[known], right[known], counts.items[own.examples[known]]


def _marks(tasks: Sequence[TaskCounts]) -> tuple[str, ...]:
    found = [
        one.golds.marks
        for task in tasks
        for one in task.languages.values()
        if one.golds is not None
    ]
    return max(found, key=len, default=())


def _golds(runs: Sequence[TaskRun]) -> Array:
    """``[options]``, how often each is right, in the run that has most examples."""
    n = len(_marks([task for _, task in runs]))
    every = [
        sum(
            (np.bincount(one.golds.right[one.golds.right >= 0], minlength=n)
             for one in task.languages.values() if one.golds is not None),
            np.zeros(n, dtype=np.int64),
        )
        for _, task in runs
    ]  # fmt: skip
    return max(every, key=lambda counts: int(counts.sum()))


def options_grid(runs: Sequence[TaskRun], level: str) -> TextGrid | None:
    """The table of :func:`chosen_options`; None where the task has no options."""
    marks = _marks([task for _, task in runs])
    if not marks:
        return None
    golds, found = _golds(runs), list(chosen_options(runs, level))
    n = int(golds.sum())
    rest = ["–"] * 4
    lines = [TextLine("right", [*_shares(golds, n), rest[0], str(n), *rest[1:]])]
    for one in found:
        low, high = one.all.ci95
        interval = "–" if low != low else f"{low:.2f} to {high:.2f}"
        shares = _shares(np.pad(one.all.chosen, (0, len(marks) - len(one.marks))), one.all.n)
        bias = [f"{one.all.distance:.2f} ({interval})", f"{one.all.by_chance:.2f}"]
        cells = [*shares, str(one.all.none), str(one.all.n), *bias, f"{one.all.p:.4f}"]
        lines.append(one.of.text(cells))
    most = int(golds.argmax())
    always = f"always {marks[most]} would be right on {100 * golds[most] / n:.1f}% of {n}"
    heads = [*marks, "none", "n", "distance (95%)", "by chance", "p"]
    notes = (_NOTE, always) if found else (_UNKNOWN, always)
    return TextGrid("which option is chosen", heads, lines, notes)


def _shares(counts: Array, n: int) -> list[str]:
    return [f"{100 * count / n:.1f} ({count})" if n else "–" for count in counts.tolist()]


def options_json(runs: Sequence[TaskRun], level: str) -> list[dict[str, Any]]:
    """The same for programs, by language too; the first entry says how often each is right."""
    marks = _marks([task for _, task in runs])
    if not marks:
        return []
    golds = _golds(runs)
    first = {"key": "right", "marks": list(marks), "right": golds.tolist(), "n": int(golds.sum())}
    return [
        first,
        *(
            {
                **one.of.json(), "marks": list(one.marks), **_numbers(one.all),
                "languages": {lang: _numbers(own) for lang, own in one.languages.items()},
            }
            for one in chosen_options(runs, level)
        ),
    ]  # fmt: skip


def _numbers(one: OptionBias) -> dict[str, Any]:
    return {
        "chosen": one.chosen.tolist(), "right": one.right.tolist(), "none": one.none, "n": one.n,
        "distance": json_number(one.distance),
        "distance_ci95": [json_number(end) for end in one.ci95],
        "by_chance": json_number(one.by_chance), "p": json_number(one.p),
    }  # fmt: skip
