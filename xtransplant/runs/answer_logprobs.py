"""Log-probabilities of the right answers: of the two prompts, and of transplants at some pairs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.runs.at_pairs import list_column, rows_at
from xtransplant.runs.columns import CELL
from xtransplant.runs.manifest import Part
from xtransplant.runs.read import read_part, stored_parts
from xtransplant.runs.store import Run

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["AnswerLogprobs", "read_answer_logprobs"]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]


@dataclass(frozen=True)
class AnswerLogprobs:
    """Of one strategy, or of a prompt without a transplant, in one language.

    Attributes:
        examples: ``[rows]``, their numbers.
        source_layers, target_layers: ``[rows]``; -1 without a transplant.
        logprobs: ``[rows]``, nats; NaN where no candidate is the answer, and of the source where
            nothing says what is right after it.
        bounds: ``[rows]``, whether it is no more than an upper bound.
    """

    examples: Array
    source_layers: Array
    target_layers: Array
    logprobs: Array
    bounds: Array


def read_answer_logprobs(
    run: Run, task: str, lang: str, wanted: Mapping[str, Collection[Pair]]
) -> dict[str, AnswerLogprobs]:
    """Of a language, by strategy; nothing where the records have no log-probabilities.

    After the source the answer is its counterpart among the source's candidates.

    Args:
        run: an opened run.
        task: a task of it whose candidates were scored.
        lang: a language.
        wanted: names as the records have them, and of each the pairs that are read; all where
            there are none.

    Raises:
        XTransplantError: a damaged part.
    """
    found: dict[str, list[tuple[Array, ...]]] = {}
    for part in stored_parts(run, task, lang):
        table = read_part(run, "records", part, [*CELL, "logprobs", "bounds"])
        if "logprobs" in table.column_names:
            known = read_part(run, "correct", part, ["match"])["match"].is_valid().to_numpy()
            answers = _answers(run, part)
            for name, pairs in wanted.items():
                own = _columns(table, known, name, pairs, answers)
                found.setdefault(name, []).append(own)
    return {
        name: AnswerLogprobs(*(np.concatenate(own) for own in zip(*parts, strict=True)))
        for name, parts in found.items()
    }


def _answers(run: Run, part: Part) -> dict[int, int]:
    """Which candidate is the answer, by the example's number; those without one are left out."""
    columns = ["example", "candidates", "answer"]
    rows = read_part(run, "examples", part, columns).to_pylist()
    return {
        row["example"]: row["candidates"].index(row["answer"])
        for row in rows
        if row.get("answer") in (row.get("candidates") or ())
    }


def _columns(
    table: pa.Table, known: Array, name: str, pairs: Collection[Pair], answers: Mapping[int, int]
) -> tuple[Array, ...]:
    """What :class:`AnswerLogprobs` has, of one part; ``known``: what is right after a prompt."""
    mine, i, j = rows_at(table, name, pairs)
    own = table.filter(mine)
    examples = own["example"].to_numpy()
    at = np.array([answers.get(k, -1) for k in examples.tolist()], dtype=np.int64)
    logprobs = np.where(known[mine], _at(own, "logprobs", at, np.nan), np.nan)
    bounds = np.zeros(len(at)) if "bounds" not in own.column_names else _at(own, "bounds", at, 0)
    return examples, i, j, logprobs, bounds > 0


def _at(table: pa.Table, name: str, at: Array, missing: float) -> Array:
    """``[rows]``: of each row's list the value at a place; ``missing`` where there is none."""
    sizes, values = list_column(table, name)
    there = (at >= 0) & (at < sizes)
    found = np.full(len(at), missing)
    found[there] = values[(np.cumsum(sizes) - sizes + at)[there]]
    return found
