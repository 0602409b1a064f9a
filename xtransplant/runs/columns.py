"""The tables of a run: their columns, and how what the model said becomes rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from xtransplant.prompts import Example, Key, item_digest, key_of
from xtransplant.tasks.derangements import derangements
from xtransplant.tasks.judging import LEVELS

__all__ = [
    "CELL",
    "CORRECT",
    "SOURCE",
    "VANILLA",
    "Rows",
    "correct_table",
    "examples_table",
    "records_table",
    "row_key",
]

Bools = np.ndarray[Any, np.dtype[np.bool_]]

VANILLA, SOURCE = "vanilla", "source"
"""In the column ``strategy``: the target, and the source, without a transplant."""

_TEXTS = pa.list_(pa.string())
_EXAMPLES = pa.schema(
    [
        ("example", pa.int32()),
        ("id", pa.string()),
        ("digest", pa.string()),
        ("source", pa.string()),
        ("target", pa.string()),
        ("candidates", _TEXTS),
        # As they go on after the source, in the same order.
        ("source_candidates", _TEXTS),
        ("answer", pa.string()),
        ("answers", _TEXTS),
        ("options", _TEXTS),
        ("labels", _TEXTS),
        ("also", _TEXTS),
        ("source_answers", _TEXTS),
        ("source_labels", _TEXTS),
        ("source_also", _TEXTS),
        # What the upper bound's null is judged by: others of the language, one per derangement;
        # null where no other example has another answer.
        ("other_example", pa.list_(pa.int32())),
        ("other_answer", _TEXTS),
        ("other_answers", pa.list_(_TEXTS)),
    ]
)
_CELLS = [
    ("example", pa.int32()),
    ("strategy", pa.dictionary(pa.int16(), pa.string())),
    ("source_layer", pa.int16()),
    ("target_layer", pa.int16()),
]
CELL = ["example", "strategy", "source_layer", "target_layer"]
# Whether all numbers a cell was told by are finite, and whether it says what vanilla says.
_STATE = [("finite", pa.bool_()), ("unchanged", pa.bool_())]
_SCORED = pa.schema(
    [*_CELLS, ("logprobs", pa.list_(pa.float32())), ("top_token", pa.string()), *_STATE]
)
_GENERATED = pa.schema([*_CELLS, ("output", pa.string()), *_STATE])
CORRECT = LEVELS
_CORRECT = pa.schema(
    [
        *((level, pa.bool_()) for level in CORRECT),
        *((f"other_{level}", pa.uint8()) for level in CORRECT),
        ("margin", pa.float32()),
        *_STATE,
    ]
)


def examples_table(examples: Sequence[Example], start: int, stop: int) -> pa.Table:
    """Examples ``start`` to ``stop`` of a language."""
    rows, drawn = [], derangements(examples)
    for k in range(start, stop):
        one, others = examples[k], [None if m < 0 else m for m in drawn[:, k].tolist()]
        key, theirs = key_of(one), one.source_key or key_of(one)
        rows.append(
            {
                "example": k, "id": one.id, "digest": item_digest(one),
                "source": one.source, "target": one.target,
                "candidates": one.candidates,
                "source_candidates": one.source_candidates or one.candidates,
                "answer": one.answer,
                "answers": key.answers, "options": key.options, "labels": key.labels,
                "also": key.also, "source_answers": theirs.answers,
                "source_labels": theirs.labels, "source_also": theirs.also,
                "other_example": others,
                "other_answer": [None if m is None else examples[m].answer for m in others],
                "other_answers": [
                    None if m is None else key_of(examples[m]).answers for m in others
                ],
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=_EXAMPLES)


def row_key(row: dict[str, Any], side: str = "") -> Key:
    """The key of a row of an examples table; ``side`` is ``source_`` for the source's."""
    options = tuple(row["options"])
    return Key(
        tuple(row[f"{side}answers"]),
        options,
        tuple(row[f"{side}labels"]),
        tuple(row[f"{side}also"]),
    )


@dataclass
class Rows:
    """Records of one part, gathered strategy by strategy.

    Attributes:
        finite, unchanged: nothing for all of them finite, none of them unchanged.
    """

    examples: list[np.ndarray[Any, Any]] = field(default_factory=list)
    strategies: list[tuple[str, int]] = field(default_factory=list)
    source_layers: list[np.ndarray[Any, Any]] = field(default_factory=list)
    target_layers: list[np.ndarray[Any, Any]] = field(default_factory=list)
    logprobs: list[np.ndarray[Any, Any]] = field(default_factory=list)
    top_tokens: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    finite: list[Bools] = field(default_factory=list)
    unchanged: list[Bools] = field(default_factory=list)

    def add(self, example: int, strategy: str, pairs: Sequence[tuple[int, int]]) -> None:
        """Name the rows of one example; what they hold is added to the other lists."""
        layers = np.array(pairs or [(-1, -1)], dtype=np.int16)
        self.examples.append(np.full(len(layers), example, dtype=np.int32))
        self.strategies.append((strategy, len(layers)))
        self.source_layers.append(layers[:, 0])
        self.target_layers.append(layers[:, 1])

    def state(self, finite: Sequence[bool] | Bools, unchanged: Sequence[bool] | Bools) -> None:
        """Of the rows that were just added, which are finite and which say what vanilla says."""
        self.finite.append(np.asarray(finite, dtype=np.bool_))
        self.unchanged.append(np.asarray(unchanged, dtype=np.bool_))


def records_table(rows: Rows) -> pa.Table:
    """The rows as a table; layers are null where there was no transplant."""
    names = list(dict.fromkeys(name for name, _ in rows.strategies))
    codes = np.concatenate(
        [np.full(n, names.index(name), dtype=np.int16) for name, n in rows.strategies]
    )
    columns: dict[str, Any] = {
        "example": np.concatenate(rows.examples),
        "strategy": pa.DictionaryArray.from_arrays(codes, pa.array(names)),
        "source_layer": _layers(rows.source_layers),
        "target_layer": _layers(rows.target_layers),
        "finite": _joined(rows.finite, len(codes), usual=True),
        "unchanged": _joined(rows.unchanged, len(codes), usual=False),
    }
    if rows.outputs:
        columns["output"], schema = rows.outputs, _GENERATED
    else:
        # [rows, candidates] blocks, of as many candidates as each example has.
        widths = np.concatenate([np.full(len(b), b.shape[1]) for b in rows.logprobs])
        offsets = np.concatenate([[0], np.cumsum(widths)]).astype(np.int32)
        flat = np.concatenate([block.astype(np.float32).ravel() for block in rows.logprobs])
        columns["logprobs"] = pa.ListArray.from_arrays(offsets, flat)
        columns["top_token"], schema = rows.top_tokens, _SCORED
    return pa.table(columns, schema=schema)


def correct_table(
    levels: Bools,
    other: np.ndarray[Any, np.dtype[np.uint8]],
    known: Bools,
    margin: np.ndarray[Any, Any] | None,
    *,
    finite: pa.ChunkedArray,
    unchanged: pa.ChunkedArray,
) -> pa.Table:
    """Judgements of a part's rows.

    Args:
        levels: ``[rows, 3]``, right by each level of :data:`CORRECT`.
        other: ``[rows, 3]``, likewise by the answers of other examples: bit r by the r-th
            derangement's.
        known: ``[rows]``, whether there are such; ``other_*`` is null elsewhere.
        margin: ``[rows]``, nats between the answer and the likeliest other candidate.
        finite, unchanged: ``[rows]``, of the records.
    """
    columns: dict[str, Any] = {name: levels[:, k] for k, name in enumerate(CORRECT)}
    for k, name in enumerate(CORRECT):
        columns[f"other_{name}"] = pa.array(other[:, k], pa.uint8(), mask=~known)
    columns["margin"] = pa.nulls(len(other), pa.float32()) if margin is None else margin
    return pa.table({**columns, "finite": finite, "unchanged": unchanged}, schema=_CORRECT)


def _joined(blocks: list[Bools], count: int, *, usual: bool) -> Bools:
    return np.concatenate(blocks) if blocks else np.full(count, usual)


def _layers(blocks: list[np.ndarray[Any, Any]]) -> pa.Array:
    layers = np.concatenate(blocks)
    return pa.array(layers, pa.int16(), mask=layers < 0)
