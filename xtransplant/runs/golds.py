"""Which option is right, of examples that are a choice between options that have marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.runs.read import read_part, stored_parts
from xtransplant.runs.store import Run
from xtransplant.tasks.judging import NO_OPTIONS

__all__ = ["Golds", "read_golds"]

_COLUMNS = ("example", "options", "candidates", "answer", "answers")


@dataclass(frozen=True)
class Golds:
    """The right options of a language.

    Attributes:
        marks: of all options, such as ``("A", "B", "C", "D")``, in their order.
        right: int16 ``[examples]``, by the example's number, which of them is right; -2 of an
            example that has no options, or others than the first of these.
    """

    marks: tuple[str, ...]
    right: np.ndarray[Any, np.dtype[np.int16]]


def read_golds(run: Run, task: str, lang: str) -> Golds | None:
    """The right options of a language; None where no example has options that are numbered.

    Of scores the candidates have to be as many as the options: a record says which candidate it
    chose.

    Raises:
        XTransplantError: a damaged part.
    """
    rows: list[dict[str, Any]] = []
    for part in stored_parts(run, task, lang):
        table = read_part(run, "examples", part, _COLUMNS)
        if "options" not in table.column_names:
            return None  # stored without samples
        rows += table.to_pylist()
    scored = run.manifest.tasks[task].mode == "score"
    marks = max((tuple(row["options"]) for row in rows), key=len, default=())
    if not marks:
        return None
    found = np.full(1 + max(row["example"] for row in rows), NO_OPTIONS, dtype=np.int16)
    for row in rows:
        own = row["candidates"] if scored else row["options"]
        answer = row["answer"] if scored else (row["answers"] or [None])[0]
        alike = tuple(row["options"]) == marks[: len(row["options"])]
        if alike and len(own) == len(row["options"]) > 0 and answer in own:
            found[row["example"]] = own.index(answer)
    return Golds(marks, found) if (found >= 0).any() else None
