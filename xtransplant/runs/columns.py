"""The columns of a run's records, each declared once.

To add one, add a :class:`Column` to :data:`MEASURED` (computed from what the engine found, stored
with the records) or to :data:`JUDGED` (computed from the judgements, stored beside them, and
computed anew by ``xtp rescore``). That is all: it is computed, stored, read back by
``runs.records`` and, a measured one, shown by ``Grid.to_frame`` and ``xtp trace --json``. A column
is added at the end of its table. A run keeps the columns that it was begun with: one that it lacks
reads as null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa

from xtransplant.runs.measured import Judged, Measured
from xtransplant.tasks.judging import LEVELS, NO_OPTIONS
from xtransplant.tasks.sets import SETS

__all__ = [
    "CELL",
    "CORRECT",
    "JUDGED",
    "MEASURED",
    "SOURCE",
    "VANILLA",
    "Column",
    "Mode",
    "Values",
    "as_array",
    "columns_of",
]

Mode = Literal["score", "generate"]
# One value per row: flat, [rows, k] of which each row becomes a list, Arrow's own; or all null.
Values: TypeAlias = np.ndarray[Any, Any] | Sequence[Any] | pa.Array | None
T = TypeVar("T", Measured, Judged)

VANILLA, SOURCE = "vanilla", "source"
"""In the column ``strategy``: the target, and the source, without a transplant."""

CORRECT = LEVELS

# Which record a row is. Layers are null where there was no transplant.
_CELL = {
    "example": pa.int32(),
    "strategy": pa.dictionary(pa.int16(), pa.string()),
    "source_layer": pa.int16(),
    "target_layer": pa.int16(),
}
CELL = tuple(_CELL)
"""The columns that say which example, strategy and layer pair a row is of."""

_SCORE: tuple[Mode, ...] = ("score",)
_GENERATE: tuple[Mode, ...] = ("generate",)
_BOTH: tuple[Mode, ...] = ("score", "generate")
_FLOATS = pa.list_(pa.float32())
_BOOLS = pa.list_(pa.bool_())
_SET = pa.dictionary(pa.int8(), pa.string())


@dataclass(frozen=True)
class Column(Generic[T]):
    """One column.

    Attributes:
        name: on disk and in dataframes.
        type: on disk.
        compute: the values of some rows, from what was measured or judged of them.
        modes: of the tasks whose records have it.
        in_grid: a single grid shows it as it is; else in a form of its own, or not at all.
    """

    name: str
    type: pa.DataType
    compute: Callable[[T], Values]
    modes: tuple[Mode, ...] = _BOTH
    in_grid: bool = True


def _per_write(measured: Measured, what: str) -> pa.Array | None:
    """A list per variant, of one value per write."""
    writes = measured.writes
    if writes is None:
        return None
    starts = np.concatenate([[0], np.cumsum(writes.counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(starts, pa.array(getattr(writes, what), pa.float32()))


def _right(level: str) -> Callable[[Judged], Values]:
    at = LEVELS.index(level)
    return lambda judged: pa.array(judged.right[:, at], pa.bool_(), mask=~judged.answered)


def _right_by_others(level: str) -> Callable[[Judged], Values]:
    at = LEVELS.index(level)
    return lambda judged: pa.array(judged.other[:, at], pa.uint8(), mask=~judged.known)


def _chosen(judged: Judged) -> Values:
    return pa.array(judged.chosen, pa.int16(), mask=judged.chosen == NO_OPTIONS)


def _set(level: str) -> Callable[[Judged], Values]:
    at = LEVELS.index(level)

    def compute(judged: Judged) -> Values:
        codes = judged.sets[:, at]
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(SETS))

    return compute


MEASURED: tuple[Column[Measured], ...] = (
    Column("logprobs", _FLOATS, lambda rows: rows.logprobs, _SCORE, in_grid=False),
    Column("top_token", pa.string(), lambda rows: rows.top_tokens, _SCORE, in_grid=False),
    Column("output", pa.string(), lambda rows: rows.outputs, _GENERATE, in_grid=False),
    Column("finite", pa.bool_(), lambda rows: rows.finite, in_grid=False),
    Column("unchanged", pa.bool_(), lambda rows: rows.unchanged, in_grid=False),
    Column("written_norms", _FLOATS, lambda rows: _per_write(rows, "written_norm")),
    Column("replaced_norms", _FLOATS, lambda rows: _per_write(rows, "replaced_norm")),
    Column("cosines", _FLOATS, lambda rows: _per_write(rows, "cosine")),
    # Null where all of logprobs are what they say.
    Column("bounds", _BOOLS, lambda rows: rows.bounds, _SCORE),
)
"""Of the table ``records``, after :data:`CELL`."""

JUDGED: tuple[Column[Judged], ...] = (
    *(Column(level, pa.bool_(), _right(level)) for level in LEVELS),
    *(Column(f"other_{level}", pa.uint8(), _right_by_others(level)) for level in LEVELS),
    Column("margin", pa.float32(), lambda judged: judged.margin),
    # Here too, so that who counts reads one table.
    Column("finite", pa.bool_(), lambda judged: judged.records["finite"].combine_chunks()),
    Column("unchanged", pa.bool_(), lambda judged: judged.records["unchanged"].combine_chunks()),
    *(Column(f"set_{level}", _SET, _set(level)) for level in LEVELS),
    Column("parsed", pa.bool_(), lambda judged: judged.parsed),
    Column("chosen", pa.int16(), _chosen),
)
"""Of the table ``correct``, whose rows are those of ``records``."""


def columns_of(mode: Mode | str) -> dict[str, pa.DataType]:
    """Every column that a record of a mode has, cell and judgements included, with its type."""
    found = dict(_CELL)
    columns: tuple[Column[Any], ...] = (*MEASURED, *JUDGED)
    for column in columns:
        if mode in column.modes:
            found.setdefault(column.name, column.type)
    return found


def as_array(values: Values, type: pa.DataType, count: int) -> pa.Array:
    """The values of ``count`` rows as an Arrow array of a column's type."""
    if values is None:
        return pa.nulls(count, type)
    if isinstance(values, pa.Array):
        return values
    if isinstance(values, np.ndarray) and values.ndim == 2:
        starts = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
        flat = pa.array(values.astype(type.value_type.to_pandas_dtype()).ravel())
        return pa.ListArray.from_arrays(starts.astype(np.int32), flat)
    return pa.array(values, type)
