"""The table ``examples``: what a part's records are judged by, now and later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from xtransplant.prompts import Example, Key, item_digest, key_of
from xtransplant.tasks.derangements import derangements

__all__ = ["examples_table", "row_key"]


@dataclass(frozen=True)
class _Row:
    """One example.

    Attributes:
        number: within its language.
        others: the examples that the derangements put in its place, by whose answers the upper
            bound's null is judged; None where no other has another answer.
    """

    number: int
    example: Example
    others: list[tuple[int, Example] | None]

    @property
    def key(self) -> Key:
        """What makes an answer after the target right."""
        return key_of(self.example)

    @property
    def source_key(self) -> Key:
        """Likewise after the source."""
        return self.example.source_key or self.key


_TEXTS = pa.list_(pa.string())
_COLUMNS: tuple[tuple[str, pa.DataType, Callable[[_Row], Any]], ...] = (
    ("example", pa.int32(), lambda row: row.number),
    ("id", pa.string(), lambda row: row.example.id),
    ("digest", pa.string(), lambda row: item_digest(row.example)),
    ("source", pa.string(), lambda row: row.example.source),
    ("target", pa.string(), lambda row: row.example.target),
    ("candidates", _TEXTS, lambda row: row.example.candidates),
    # As they are spelled after the source, in the same order.
    ("source_candidates", _TEXTS, lambda row: _source_candidates(row.example)),
    ("answer", pa.string(), lambda row: row.example.answer),
    ("answers", _TEXTS, lambda row: row.key.answers),
    ("options", _TEXTS, lambda row: row.key.options),
    ("labels", _TEXTS, lambda row: row.key.labels),
    ("also", _TEXTS, lambda row: row.key.also),
    ("source_answers", _TEXTS, lambda row: row.source_key.answers),
    ("source_labels", _TEXTS, lambda row: row.source_key.labels),
    ("source_also", _TEXTS, lambda row: row.source_key.also),
    # One per derangement.
    ("other_example", pa.list_(pa.int32()), lambda row: [one and one[0] for one in row.others]),
    ("other_answer", _TEXTS, lambda row: [one and one[1].answer for one in row.others]),
    (
        "other_answers",
        pa.list_(_TEXTS),
        lambda row: [one and key_of(one[1]).answers for one in row.others],
    ),
    # Further source prompts.
    ("sources", _TEXTS, lambda row: [text for _, text in row.example.sources]),
    ("paraphrase", pa.string(), lambda row: row.example.paraphrase or None),
    ("group", pa.string(), lambda row: row.example.group or None),
)


def examples_table(examples: Sequence[Example], start: int, stop: int) -> pa.Table:
    """Examples ``start`` to ``stop`` of a language.

    Args:
        examples: all of the language, among which the derangements are drawn.
        start: first example, from 0.
        stop: the example after the last.
    """
    drawn = derangements(examples)
    rows = [
        _Row(k, examples[k], [None if m < 0 else (m, examples[m]) for m in drawn[:, k].tolist()])
        for k in range(start, stop)
    ]
    schema = pa.schema([(name, type) for name, type, _ in _COLUMNS])
    values = {name: [of(row) for row in rows] for name, _, of in _COLUMNS}
    return pa.Table.from_pydict(values, schema=schema)


def row_key(row: dict[str, Any], side: str = "") -> Key:
    """What makes an answer right, from a row of the table; ``side`` is ``source_`` for its."""
    return Key(
        tuple(row[f"{side}answers"]),
        tuple(row["options"]),
        tuple(row[f"{side}labels"]),
        tuple(row[f"{side}also"]),
    )


def _source_candidates(example: Example) -> tuple[str, ...]:
    return example.source_candidates or example.candidates
