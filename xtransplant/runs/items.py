"""What tells the items of a run apart, in all languages alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xtransplant.runs.read import read_part, stored_parts
from xtransplant.runs.store import Run

__all__ = ["item_ids", "without_languages"]


def item_ids(run: Run, task: str, lang: str) -> np.ndarray[Any, np.dtype[np.str_]]:
    """The examples' own names, by their numbers; empty ones of numbers that are not stored.

    An item has the same name in every language: see :func:`without_languages`.

    Raises:
        XTransplantError: a damaged part.
    """
    parts = [
        read_part(run, "examples", p, ["example", "id"]) for p in stored_parts(run, task, lang)
    ]
    numbers = [number for table in parts for number in table["example"].to_pylist()]
    ids = [name for table in parts for name in table["id"].to_pylist()]
    ends = ("en", lang) if run.manifest.tasks[task].direction == "en-to-lang" else (lang, "en")
    names = dict(zip(numbers, without_languages(ids, *ends), strict=True))
    return np.array([names.get(k, "") for k in range(1 + max(names, default=-1))], dtype=np.str_)


def without_languages(ids: Sequence[str], source: str, target: str) -> list[str]:
    """Ids without ``-SOURCE-TARGET``, where all of them end so and something is left of each.

    Such an id, as Babel's, names the prompt: its item has another one in each language, and errors
    over items would take the languages for independent.
    """
    end = f"-{source}-{target}"
    named = all(one.endswith(end) and one != end for one in ids)
    return [one.removesuffix(end) if named else one for one in ids]
