"""What the page shows of a run, as columns: counts of every cell, and records by example.

Texts are made visible here (``style.escape``), so that the page has nothing to escape but HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.report.cell_marks import marked_pairs
from xtransplant.report.page.again import load_lines, more_options, trace_words
from xtransplant.report.page.scored import MISSING, of_candidates
from xtransplant.report.page.words import Words
from xtransplant.report.rows import has_own_pairs
from xtransplant.report.sets import tallies_of_sets
from xtransplant.report.summary import LanguageCounts, Summary, TaskCounts
from xtransplant.runs.columns import CORRECT, SOURCE, VANILLA
from xtransplant.runs.read import examples, records
from xtransplant.stats.tally import Tally
from xtransplant.style.escape import visible
from xtransplant.tasks.nulls import NULLS
from xtransplant.tasks.sets import SETS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_RECORDS", "group_of", "n_records"]

MOST_RECORDS = 300_000
"""Of a page: beyond, of each strategy only what its best pair did is in it."""

_SCORED = ("share", "below", "rank", "bound")


def n_records(summaries: Sequence[Summary]) -> int:
    """How many records of strategies runs hold."""
    return sum(
        sum(levels[CORRECT[0]].n_by_pair.values())
        for summary in summaries
        for task in summary.tasks.values()
        for counts in task.languages.values()
        for levels in counts.strategies.values()
    )


def group_of(summary: Summary, task: TaskCounts, level: str, *, every_pair: bool) -> dict[str, Any]:
    """One run's results on one task.

    Args:
        summary: the run.
        task: of it.
        level: at which pairs are marked that differ from vanilla.
        every_pair: whether the records of all pairs are put in, or those of the best pairs alone.
    """
    words = Words()
    languages = [
        _language(summary, task, lang, words, every_pair=every_pair) for lang in task.languages
    ]
    names = list(dict.fromkeys(name for own in task.languages.values() for name in own.strategies))
    return {
        "run": visible(summary.name),
        "task": task.name,
        "split": task.split,
        "mode": task.mode,
        "trace": trace_words(summary, task),
        "load": load_lines(summary, task),
        "more": more_options(summary, task),
        "chosen": has_own_pairs(summary, task.name),
        "every_pair": every_pair,
        "strategies": names,
        "nulls": _null_grids(summary, task, names),
        "marked": {name: _marked(task, level, name) for name in names},
        "languages": languages,
        "words": words.texts,
    }


def _null_grids(summary: Summary, task: TaskCounts, names: Sequence[str]) -> dict[str, str]:
    """By name, what stands in the source's place; in the order of their strategies."""
    run = {name for own in task.languages.values() for name in own.nulls}
    every = [pair for name in names for pair in summary.manifest.nulls_of(name).items()]
    return {name: NULLS[null] for null, name in every if name in run}


def _marked(task: TaskCounts, level: str, name: str) -> dict[str, list[tuple[int, int]]]:
    """By language, and of all together (under no name), the pairs that differ from vanilla."""
    own = [lang for lang, counts in task.languages.items() if name in counts.strategies]
    asked = {"": own, **{lang: [lang] for lang in own}}
    return {lang: sorted(marked_pairs(task, level, name, langs)) for lang, langs in asked.items()}


def _language(
    summary: Summary, task: TaskCounts, lang: str, words: Words, *, every_pair: bool
) -> dict[str, Any]:
    counts = task.languages[lang]
    found = examples(summary.path, task=task.name, lang=lang).sort_values("example")
    numbers = found["example"].tolist()
    rows = _records(summary, task, lang)
    place = {number: at for at, number in enumerate(numbers)}
    answers = _answers(found)
    plain = {}
    for name in (VANILLA, SOURCE):
        own = rows[rows["strategy"] == name]
        plain[name] = _columns(own, place, [(-1, -1)], answers, words, name)
    strategies = {}
    for name, levels in counts.strategies.items():
        kept = list(levels["match"].hits)
        inside = kept if every_pair else [levels["match"].best]
        own = rows[rows["strategy"] == name]
        strategies[name] = {
            "pairs": kept,
            "counts": {level: _counts(counts, level, name) for level in CORRECT},
            "inside": inside,
            "records": _columns(own, place, inside, answers, words, VANILLA),
        }
    sets = {level: _sets(rows, level, place) for level in CORRECT}
    return {
        "lang": lang,
        "examples": list(_examples(found)),
        "vanilla": plain[VANILLA],
        "source": plain[SOURCE],
        "vanilla_rates": {
            level: [counts.vanilla[level].right, counts.vanilla[level].n] for level in CORRECT
        },
        "sets": sets,
        "strategies": strategies,
        "nulls": {name: _null_grid(counts, name) for name in counts.nulls},
    }


def _null_grid(counts: LanguageCounts, name: str) -> dict[str, Any]:
    """Counts alone, and what vanilla gives on its examples: it need not have all of them."""
    levels, plain = counts.nulls[name], counts.prompts[VANILLA]
    own = plain.right[np.isin(plain.examples, counts.answers[name].examples), 0]
    return {
        "pairs": list(levels["match"].hits),
        "counts": {level: _counts(counts, level, name) for level in CORRECT},
        "inside": [],
        "vanilla_rates": {
            level: [int(own[:, k].sum()), len(own)] for k, level in enumerate(CORRECT)
        },
    }


def _records(summary: Summary, task: TaskCounts, lang: str) -> pd.DataFrame:
    """A language's records; what was said is null in a run that kept no samples."""
    found = records(summary.path, task=task.name, lang=lang)
    return found.assign(
        source_layer=found["source_layer"].fillna(-1).astype(int),
        target_layer=found["target_layer"].fillna(-1).astype(int),
    )


def _examples(found: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in found.to_dict("records"):
        # A run that kept no samples has their numbers alone.
        text = {name: row.get(name) or "" for name in ("id", "source", "target", "answer")}
        yield {
            "number": int(row["example"]),
            **{name: visible(str(own), keep_lines=True) for name, own in text.items()},
            "candidates": [visible(one) for one in _texts(row, "candidates")],
            "source_candidates": [visible(one) for one in _texts(row, "source_candidates")],
        }


def _texts(row: Mapping[Any, Any], name: str) -> list[str]:
    value = row.get(name)
    return [] if value is None else [str(one) for one in value]


def _answers(found: pd.DataFrame) -> list[int]:
    """``[examples]``: which candidate is the answer; -1 where none is."""
    at = []
    for row in found.to_dict("records"):
        candidates, answer = _texts(row, "candidates"), row.get("answer")
        at.append(candidates.index(answer) if answer in candidates else MISSING)
    return at


def _columns(
    rows: pd.DataFrame,
    place: Mapping[int, int],
    pairs: Sequence[tuple[int, int]],
    answers: Sequence[int],
    words: Words,
    prompt: str,
) -> dict[str, list[int]]:
    """Records of one strategy as columns, ``[examples, pairs]`` in one list each.

    ``right`` has a bit per level, ``said`` is the likeliest candidate's number or a text's in
    ``words``, and the others are those of :class:`~xtransplant.report.page.scored.Scored`; -1:
    unknown.
    """
    size = len(place) * len(pairs)
    right, said = (np.full(size, MISSING, dtype=int) for _ in range(2))
    scored = {name: np.full(size, MISSING, dtype=int) for name in _SCORED}
    column = {pair: at for at, pair in enumerate(pairs)}
    asked = [
        (place[number], column[pair], k)
        for k, (number, *pair_) in enumerate(
            zip(rows["example"], rows["source_layer"], rows["target_layer"], strict=True)
        )
        if (pair := (int(pair_[0]), int(pair_[1]))) in column
    ]
    if not asked:
        return {name: [] for name in ("right", "said", *_SCORED)}
    examples_at, columns_at, rows_at = map(np.asarray, zip(*asked, strict=True))
    at = examples_at * len(pairs) + columns_at
    levels = [rows[level].iloc[rows_at] for level in CORRECT]
    known = levels[0].notna().to_numpy()
    bits = sum(
        own.fillna(False).to_numpy(dtype=bool).astype(int) << k for k, own in enumerate(levels)
    )
    right[at] = np.where(known, bits, MISSING)
    if "output" in rows and rows["output"].notna().any():
        said[at] = [words.number(one) for one in rows["output"].iloc[rows_at]]
    elif "logprobs" in rows and rows["logprobs"].notna().any():
        logprobs, bounds = (
            rows[name].iloc[rows_at].tolist() if name in rows else [None] * len(rows_at)
            for name in ("logprobs", "bounds")
        )
        found = of_candidates(logprobs, bounds, np.asarray(answers)[examples_at])
        said[at] = found.said
        for name in _SCORED:
            scored[name][at] = getattr(found, name)
    return {
        "right": right.tolist(), "said": said.tolist(),
        **{name: column.tolist() for name, column in scored.items()},
    }  # fmt: skip


def _counts(counts: LanguageCounts, level: str, name: str) -> dict[str, Any]:
    """Of every pair: over all examples, and over the two sets where these are known."""
    # A null grid is a control itself: as in the tables, it is not judged by other answers.
    judged = name in counts.strategies
    every = (counts.strategies if judged else counts.nulls)[name][level]
    tallies = {"all": every} | tallies_of_sets(counts, level, name)
    return {which: _tally(one, judged=judged) for which, one in tallies.items()}


def _tally(one: Tally, *, judged: bool) -> dict[str, Any]:
    nulls = one.null_by_pair.values() if judged else [math.nan] * len(one.hits)
    return {
        "right": [int(right) for right in one.hits.values()],
        "n": [int(n) for n in one.n_by_pair.values()],
        "null": [None if math.isnan(x) else round(x, 2) for x in nulls],
    }


def _sets(rows: pd.DataFrame, level: str, place: Mapping[int, int]) -> list[int]:
    """``[examples]``: which set each is in, an index of ``tasks.sets.SETS``; -1: not known."""
    codes = [MISSING] * len(place)
    name = f"set_{level}"
    if name in rows:
        own = rows[rows["strategy"] == VANILLA]
        for number, value in zip(own["example"], own[name], strict=True):
            if value in SETS:
                codes[place[number]] = SETS.index(value)
    return codes
