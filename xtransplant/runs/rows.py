"""Rows of a run's tables, gathered and made into Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from xtransplant.runs.columns import JUDGED, MEASURED, Column, Mode, Values, as_array, columns_of
from xtransplant.runs.measured import Judged, Measured

if TYPE_CHECKING:
    from xtransplant.engine.outcome import Generations, Scores

__all__ = ["Rows", "correct_table", "grid_columns"]


@dataclass
class Rows:
    """Records of one part, gathered block by block: one example under one strategy.

    Attributes:
        mode: of the part's task; it decides which columns the records have.
    """

    mode: Mode
    _examples: list[int] = field(default_factory=list)
    _strategies: list[str] = field(default_factory=list)
    _layers: list[np.ndarray[Any, np.dtype[np.int16]]] = field(default_factory=list)
    _values: dict[str, list[pa.Array]] = field(default_factory=dict)

    def add(
        self, example: int, strategy: str, pairs: Sequence[tuple[int, int]], **values: Values
    ) -> None:
        """Add a row per layer pair, one without layers if there is no pair.

        Args:
            example: its number within the language.
            strategy: its name, ``vanilla`` or ``source``.
            pairs: which layer pairs.
            values: by column of ``columns.MEASURED``; one that is left out is null.
        """
        layers = np.array(pairs or [(-1, -1)], dtype=np.int16)
        self._examples.append(example)
        self._strategies.append(strategy)
        self._layers.append(layers)
        for column in self._columns():
            array = as_array(values.get(column.name), column.type, len(layers))
            if len(array) != len(layers):
                raise ValueError(f"{len(array)} values of {column.name} for {len(layers)} rows")
            self._values.setdefault(column.name, []).append(array)

    def add_measured(
        self, example: int, strategy: str, pairs: Sequence[tuple[int, int]], measured: Measured
    ) -> None:
        """:meth:`add`, with every column computed from what was measured."""
        values = {column.name: column.compute(measured) for column in self._columns()}
        self.add(example, strategy, pairs, **values)

    def table(self) -> pa.Table:
        """The table ``records``."""
        counts = [len(block) for block in self._layers]
        names = list(dict.fromkeys(self._strategies))
        codes = np.array([names.index(name) for name in self._strategies], dtype=np.int16)
        layers = np.concatenate(self._layers)
        columns = {
            "example": np.repeat(np.array(self._examples, dtype=np.int32), counts),
            "strategy": pa.DictionaryArray.from_arrays(np.repeat(codes, counts), pa.array(names)),
            "source_layer": pa.array(layers[:, 0], pa.int16(), mask=layers[:, 0] < 0),
            "target_layer": pa.array(layers[:, 1], pa.int16(), mask=layers[:, 1] < 0),
            **{name: pa.concat_arrays(arrays) for name, arrays in self._values.items()},
        }
        types = columns_of(self.mode)
        return pa.table(columns, schema=pa.schema([(name, types[name]) for name in columns]))

    def _columns(self) -> list[Column[Measured]]:
        return [column for column in MEASURED if self.mode in column.modes]


def grid_columns(scores: Scores | None, generations: Generations | None) -> dict[str, list[Any]]:
    """What a single grid shows of the columns of records, a value per variant.

    Of a grid that was both scored and generated each column is taken from the scores, where these
    have it. A column that is null throughout is left out.
    """
    measured: dict[Mode, Measured] = {}
    if generations is not None:
        measured["generate"] = Measured.of_generations(generations, "variants")
    if scores is not None:
        measured["score"] = Measured.of_scores(scores, "variants")
    found = {}
    for mode, rows in measured.items():
        for column in MEASURED:
            if column.in_grid and mode in column.modes:
                array = as_array(column.compute(rows), column.type, len(rows.finite))
                if array.null_count < len(array):
                    found[column.name] = array.to_pylist()
    return found


def correct_table(judged: Judged) -> pa.Table:
    """The table ``correct``: every column of ``columns.JUDGED``."""
    count = len(judged.records)
    columns = {one.name: as_array(one.compute(judged), one.type, count) for one in JUDGED}
    return pa.table(columns, schema=pa.schema([(one.name, one.type) for one in JUDGED]))
