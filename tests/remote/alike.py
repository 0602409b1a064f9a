"""Whether two runs hold the same records, though one ran on a server and the other here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as types


def tables(run: Path) -> dict[str, pa.Table]:
    """Every table of a run, by its path in it."""
    return {
        str(path.relative_to(run)): pq.ParquetFile(path).read() for path in run.rglob("*.parquet")
    }


def assert_alike(one: dict[str, pa.Table], other: dict[str, pa.Table]) -> None:
    """Hold floating-point numbers to be equal but for rounding, and all else to be the same.

    Variants are packed there in another way than here.
    """
    assert one.keys() == other.keys()
    for path, table in one.items():
        assert table.schema == other[path].schema, path
        for name, column in zip(table.column_names, table.columns, strict=True):
            values, theirs = column.to_pylist(), other[path][name].to_pylist()
            if is_float(column.type):
                values, theirs = numbers(values), numbers(theirs)
                assert np.allclose(values, theirs, rtol=1e-3, atol=1e-4, equal_nan=True), (
                    path,
                    name,
                )
            else:
                assert values == theirs, (path, name)


def is_float(kind: pa.DataType) -> bool:
    """Whether a column holds floating-point numbers, or lists of them."""
    return bool(types.is_floating(kind.value_type if types.is_list(kind) else kind))


def numbers(values: list[Any]) -> np.ndarray[Any, Any]:
    """All of them in one row, a missing one as NaN; a list's length stands before it."""
    flat: list[Any] = []
    for value in values:
        flat += [len(value), *value] if isinstance(value, list) else [value]
    return np.array(flat, dtype=float)
