"""What tells the items of a run apart, in all languages alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xtransplant.runs.read import read_part, stored_parts
from xtransplant.runs.store import Run
from xtransplant.text import text_digest

__all__ = ["item_ids", "judging_items", "without_languages"]


def item_ids(run: Run, task: str, lang: str) -> np.ndarray[Any, np.dtype[np.str_]]:
    """The examples' own names, by their numbers; empty ones of numbers that are not stored.

    An item has the same name in every language: see :func:`without_languages` and, of the rows of a
    file without ids, :func:`by_question`. Those of a group, such as questions about one passage,
    have its name.

    Raises:
        XTransplantError: a damaged part.
    """
    entry = run.manifest.tasks[task]
    ends, english = ((lang, "en"), "target")
    if entry.direction == "en-to-lang":
        ends, english = ("en", lang), "source"
    numbers, ids = (_column(run, task, lang, name) for name in ("example", "id"))
    own = without_languages(ids, *ends)
    if _are_rows(ids) and len(entry.languages) > 1:
        every = {one: _column(run, task, one, "id") for one in entry.languages}
        own = by_question(every, lang, _column(run, task, lang, english)) or own
    groups = _column(run, task, lang, "group")
    if len(groups) == len(own):  # otherwise parts of it were stored before there were any
        own = [group or one for group, one in zip(groups, own, strict=True)]
    names = dict(zip(numbers, own, strict=True))
    return np.array([names.get(k, "") for k in range(1 + max(names, default=-1))], dtype=np.str_)


def judging_items(
    run: Run, task: str, lang: str, names: np.ndarray[Any, np.dtype[np.str_]]
) -> np.ndarray[Any, np.dtype[np.str_]] | None:
    """``[numbers, derangements]``, the names of the items whose answers judge a null.

    Those in parts that are not stored have a name of their own in each language; empty where no
    other answer can be given. None of a run that does not say which they are.

    Args:
        run: whose examples.
        task: of the run.
        lang: of the task.
        names: what :func:`item_ids` gives.

    Raises:
        XTransplantError: a damaged part.
    """
    rows = _column(run, task, lang, "other_example")
    numbers = _column(run, task, lang, "example")
    if not rows or len(rows) != len(numbers):
        return None
    found = np.full((len(names), len(rows[0])), "", dtype=object)
    for number, others in zip(numbers, rows, strict=True):
        found[number] = ["" if k is None else names[k] if k < len(names) else f"{lang} {k}"
                         for k in others]  # fmt: skip
    return found.astype(np.str_)


def _column(run: Run, task: str, lang: str, name: str) -> list[Any]:
    """Of a language's examples; empty where they have no such column."""
    tables = [read_part(run, "examples", p, [name]) for p in stored_parts(run, task, lang)]
    return [
        one for table in tables if name in table.column_names for one in table[name].to_pylist()
    ]


def _are_rows(ids: Sequence[str]) -> bool:
    return bool(ids) and all(one.isdecimal() for one in ids)


def by_question(
    ids: Mapping[str, Sequence[str]], lang: str, english: Sequence[str]
) -> list[str] | None:
    """Names of a language's examples by their English prompts; None where these are not needed.

    They are where ids are the numbers of a file's rows, of which no two languages have one in
    common, so that an item would be another one in each; and where all prompts differ.

    Args:
        ids: of every language.
        lang: the one.
        english: its examples' English prompts.
    """
    every = [one for own in ids.values() for one in own]
    if len(ids) < 2 or not _are_rows(every) or len(set(every)) < len(every):
        return None
    if len(set(english)) < len(ids[lang]):
        return None
    return [text_digest(one) for one in english]


def without_languages(ids: Sequence[str], source: str, target: str) -> list[str]:
    """Ids without ``-SOURCE-TARGET``, where all of them end so and something is left of each.

    Such an id, as Babel's, names the prompt: its item has another one in each language, and errors
    over items would take the languages for independent.
    """
    end = f"-{source}-{target}"
    named = all(one.endswith(end) and one != end for one in ids)
    return [one.removesuffix(end) if named else one for one in ids]
