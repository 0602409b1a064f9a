"""In which languages a run's texts are: in the target's, in the source's, or in others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from xtransplant.errors import XTransplantError
from xtransplant.report.identify import (
    LEAST,
    UNDETERMINED,
    Spoken,
    identifier,
    language_code,
)  # fmt: skip
from xtransplant.report.row_line import RowLine, row_lines
from xtransplant.report.rows import rows_of
from xtransplant.report.summary import NO_PAIR, Summary, TaskCounts, TaskRun
from xtransplant.report.text_grid import TextGrid
from xtransplant.runs.columns import CELL, SOURCE, VANILLA
from xtransplant.runs.read import read_part
from xtransplant.runs.store import Run, open_run
from xtransplant.stats.answers import arrange
from xtransplant.stats.gains import Gain, gain
from xtransplant.stats.rates import Rate
from xtransplant.stats.selection import Pair
from xtransplant.style.escape import json_number

__all__ = ["KINDS", "Line", "lines_of", "spoken_grid", "spoken_json", "with_languages"]

Array = np.ndarray[Any, Any]
KINDS = ("target", "source", "other", "undetermined")
"""Languages that a text can be in, as the levels of :class:`Spoken`'s answers."""

_NOTE = (
    "percent of texts in the target's language (by language: that alone), in the source's, in "
    f"another, or undetermined: no letter, or less than {LEAST:g} of the probability over all 140 "
    "languages that py3langid tells apart, not the two alone; names are spelled alike in many and "
    "mostly undetermined; 95%: bootstrap of items (Wilson where all are alike)"
)


def with_languages(summary: Summary) -> Summary:
    """A run with the languages of all its texts, each text looked at once.

    Raises:
        XTransplantError: py3langid is not installed, or the run holds no texts.
    """
    identify, run, found = identifier(), open_run(summary.path), {}
    for name, task in summary.tasks.items():
        if task.mode == "generate":
            found[name] = {lang: _language(run, name, lang, identify) for lang in task.languages}
    if not any(one.cells for own in found.values() for one in own.values()):
        scored = not found
        why = "scored candidates" if scored else "was made with --no-log-samples"
        advice = "--mode generate" if scored else "--log-samples"
        raise XTransplantError(
            f"run {summary.name} {why}, so that there is no text whose language could be told; "
            f"leave --languages out, or run it with {advice}"
        )
    return replace(summary, spoken=found)


def _language(run: Run, task: str, lang: str, identify: Callable[[str], str]) -> Spoken:
    direction = run.manifest.tasks[task].direction
    ends = (lang, "en") if direction == "en-to-lang" else ("en", lang)
    target, source = map(language_code, ends)
    tables = [
        read_part(run, "records", part, [*CELL, "output"])
        for part in run.stored()
        if (part.task, part.lang) == (task, lang)
    ]
    tables = [one for one in tables if "output" in one.column_names]
    if not tables or not target:
        return Spoken(target, source, {})
    rows = pa.concat_tables(tables).unify_dictionaries()
    texts = rows["output"].combine_chunks().dictionary_encode()
    kinds = {target: 0, UNDETERMINED: 3} | ({source: 1} if source not in ("", target) else {})
    each = np.array([kinds.get(identify(one), 2) for one in texts.dictionary.to_pylist()])
    own = np.eye(len(KINDS), dtype=np.bool_)[each[texts.indices.to_numpy()]]  # [rows, kinds]
    numbers, i, j = (
        rows[name].combine_chunks().fill_null(-1).to_numpy(zero_copy_only=False)
        for name in ("example", "source_layer", "target_layer")
    )
    strategies = rows["strategy"].combine_chunks()
    codes, cells = strategies.indices.to_numpy(), {}
    for code, name in enumerate(strategies.dictionary.to_pylist()):
        at = codes == code
        cells[name] = arrange(numbers[at], i[at], j[at], own[at])
    return Spoken(target, source, cells)


@dataclass(frozen=True)
class Line:
    """What one row of a table says, in which languages.

    Attributes:
        of: what the line is of.
        all: by kind, all languages together: the share of its texts, as a gain over none.
        languages: by language, likewise.
    """

    of: RowLine
    all: dict[str, Gain]
    languages: dict[str, dict[str, Gain]]


def lines_of(runs: Sequence[TaskRun], level: str) -> Iterator[Line]:
    """Of every row that has one pair, and of its null grids there.

    Args:
        runs: of one task; those that :func:`with_languages` has not seen are left out.
        level: at which a best pair is picked.
    """
    for summary, task in runs:
        if task.name not in summary.spoken:
            continue
        for row in rows_of(summary, task, level):
            names = {"vanilla": VANILLA, "source": SOURCE, "baseline": row.key}
            if row.kind == "bound":
                continue
            pairs = row.pairs or dict.fromkeys(task.languages, row.pair or NO_PAIR)
            name = names.get(row.kind, row.strategy)
            for of, records in row_lines(summary, row, several=len(runs) > 1, name=name):
                found = _hits(task, summary.spoken[task.name], records, pairs)
                if not found:
                    continue
                hits, items = (np.concatenate(own) for own in zip(*found.values(), strict=True))
                each = {lang: _shares(*own) for lang, own in found.items()}
                yield Line(of, _shares(hits, items), each)


def _hits(
    task: TaskCounts, spoken: dict[str, Spoken], name: str, pairs: dict[str, Pair]
) -> dict[str, tuple[Array, Array]]:
    """By language: ``[examples, kinds]`` of a strategy at its pair, and the items."""
    found = {}
    for lang, one in spoken.items():
        own = one.cells.get(name)
        if own is not None and pairs.get(lang) in own.pairs:
            at = own.pairs.index(pairs[lang])
            found[lang] = own.right[:, at], task.languages[lang].items[own.examples]
    return found


def _shares(hits: Array, items: Array) -> dict[str, Gain]:
    none = np.zeros(len(hits), dtype=np.bool_)
    return {kind: gain(none, hits[:, k], items) for k, kind in enumerate(KINDS)}


def spoken_grid(runs: Sequence[TaskRun], level: str) -> TextGrid | None:
    """The table of :func:`lines_of`; None where no languages were asked for."""
    lines = []
    languages = list(dict.fromkeys(lang for _, task in runs for lang in task.languages))
    for one in lines_of(runs, level):
        own = (one.languages.get(lang) for lang in languages)
        cells = ["–" if by is None else f"{100 * by['target'].value:.1f}" for by in own]
        cells += [*map(_share, one.all.values()), str(one.all["target"].n)]
        lines.append(one.of.text(cells))
    if not lines:
        return None
    heads = [*languages, *(f"{kind} (95%)" for kind in KINDS), "n"]
    strange = [
        lang
        for summary, task in runs
        for lang, one in summary.spoken.get(task.name, {}).items()
        if not one.target
    ]
    left = [f"left out, as the identifier does not know them: {', '.join(strange)}"] * bool(strange)
    return TextGrid("language of what was generated", heads, lines, (_NOTE, *left))


def _share(one: Gain) -> str:
    low, high = (100 * end for end in _ci95(one))
    return f"{100 * one.value:.1f} ({low:.0f} to {high:.0f})"


def _ci95(one: Gain) -> tuple[float, float]:
    """The bootstrap over items; where none differs from another, Wilson's over items."""
    if not math.isnan(one.ci95[0]):
        return one.ci95
    n_items = len(one.counts)
    return Rate(one.value * n_items if n_items else 0, n_items).ci95


def spoken_json(runs: Sequence[TaskRun], level: str) -> list[dict[str, Any]]:
    """The same for programs, by language too."""
    return [
        {
            **one.of.json(), **_numbers(one.all),
            "languages": {lang: _numbers(own) for lang, own in one.languages.items()},
        }
        for one in lines_of(runs, level)
    ]  # fmt: skip


def _numbers(shares: dict[str, Gain]) -> dict[str, Any]:
    found: dict[str, Any] = {"n": shares["target"].n}
    for kind, one in shares.items():
        found[kind] = json_number(one.value)
        found[f"{kind}_ci95"] = [json_number(end) for end in _ci95(one)]
    return found
