"""The tables of a run: their columns, and how what the model said becomes rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from xtransplant.prompts import Example, Key, item_digest

__all__ = [
    "CELL",
    "CORRECT",
    "SOURCE",
    "VANILLA",
    "Rows",
    "correct_table",
    "examples_table",
    "key_of",
    "records_table",
]

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
        # The next example's: what the upper bound's null is judged by.
        ("other_answer", pa.string()),
        ("other_answers", _TEXTS),
    ]
)
_CELLS = [
    ("example", pa.int32()),
    ("strategy", pa.dictionary(pa.int16(), pa.string())),
    ("source_layer", pa.int16()),
    ("target_layer", pa.int16()),
]
CELL = ["example", "strategy", "source_layer", "target_layer"]
_SCORED = pa.schema([*_CELLS, ("logprobs", pa.list_(pa.float32())), ("top_token", pa.string())])
_GENERATED = pa.schema([*_CELLS, ("output", pa.string())])
CORRECT = ("strict", "match", "lenient")
"""Levels at which an answer is right, in this order; see ``tasks.matching``."""
_CORRECT = pa.schema(
    [
        *((level, pa.bool_()) for level in CORRECT),
        *((f"other_{level}", pa.bool_()) for level in CORRECT),
        ("margin", pa.float32()),
    ]
)


def examples_table(examples: Sequence[Example], start: int, stop: int) -> pa.Table:
    """Examples ``start`` to ``stop`` of a language."""
    rows = []
    for k in range(start, stop):
        one, other = examples[k], examples[(k + 1) % len(examples)]
        key, theirs = _key(one), one.source_key or _key(one)
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
                "other_answer": other.answer, "other_answers": _key(other).answers,
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=_EXAMPLES)


def key_of(row: dict[str, Any], side: str = "") -> Key:
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
    """Records of one part, gathered strategy by strategy."""

    examples: list[np.ndarray[Any, Any]] = field(default_factory=list)
    strategies: list[tuple[str, int]] = field(default_factory=list)
    source_layers: list[np.ndarray[Any, Any]] = field(default_factory=list)
    target_layers: list[np.ndarray[Any, Any]] = field(default_factory=list)
    logprobs: list[np.ndarray[Any, Any]] = field(default_factory=list)
    top_tokens: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def add(self, example: int, strategy: str, pairs: Sequence[tuple[int, int]]) -> None:
        """Name the rows of one example; what they hold is added to the other lists."""
        layers = np.array(pairs or [(-1, -1)], dtype=np.int16)
        self.examples.append(np.full(len(layers), example, dtype=np.int32))
        self.strategies.append((strategy, len(layers)))
        self.source_layers.append(layers[:, 0])
        self.target_layers.append(layers[:, 1])


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
    levels: np.ndarray[Any, Any], other: np.ndarray[Any, Any], margin: np.ndarray[Any, Any] | None
) -> pa.Table:
    """Judgements of a part's rows.

    Args:
        levels: ``[rows, 3]``, right by each level of :data:`CORRECT`.
        other: ``[rows, 3]``, likewise if the answer were the next example's.
        margin: ``[rows]``, nats between the answer and the likeliest other candidate.
    """
    columns: dict[str, Any] = {name: levels[:, k] for k, name in enumerate(CORRECT)}
    columns |= {f"other_{name}": other[:, k] for k, name in enumerate(CORRECT)}
    columns["margin"] = pa.nulls(len(other), pa.float32()) if margin is None else margin
    return pa.table(columns, schema=_CORRECT)


def _layers(blocks: list[np.ndarray[Any, Any]]) -> pa.Array:
    layers = np.concatenate(blocks)
    return pa.array(layers, pa.int16(), mask=layers < 0)


def _key(example: Example) -> Key:
    if example.key is not None:
        return example.key
    return Key((example.answer,) if example.answer is not None else ())
