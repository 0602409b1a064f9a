"""A part's records of one name at some pairs, and columns whose rows are lists."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["list_column", "rows_at"]

Array = np.ndarray[Any, Any]


def rows_at(
    table: pa.Table, name: str, pairs: Collection[tuple[int, int]]
) -> tuple[Array, Array, Array]:
    """Which rows of a part's records are of a name and at one of the pairs.

    Args:
        table: with the columns ``strategy``, ``source_layer`` and ``target_layer``.
        name: as the records have it.
        pairs: all where there are none.

    Returns:
        ``[rows]``, bool; and of those rows ``[rows]`` source and target layers, -1 without a
        transplant.
    """
    column = table["strategy"].combine_chunks()
    names = column.dictionary.to_pylist()
    mine = column.indices.to_numpy() == (names.index(name) if name in names else -1)
    i, j = (
        table[side].combine_chunks().fill_null(-1).to_numpy(zero_copy_only=False)
        for side in ("source_layer", "target_layer")
    )
    if pairs:
        mine &= np.logical_or.reduce([(i == one) & (j == other) for one, other in pairs])
    return mine, i[mine], j[mine]


def list_column(table: pa.Table, name: str) -> tuple[Array, Array]:
    """How long each row's list is, ``[rows]``, and what is in them, one after another, float64."""
    lists = table[name].combine_chunks()
    sizes = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return sizes, lists.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
