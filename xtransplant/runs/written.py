"""Norms and cosines of what transplants wrote and replaced, at some pairs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.runs.at_pairs import list_column, rows_at
from xtransplant.runs.columns import CELL
from xtransplant.runs.read import read_part, stored_parts
from xtransplant.runs.store import Run

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["WRITTEN", "Written", "read_written"]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]
WRITTEN = ("written_norms", "replaced_norms", "cosines")
"""Columns of the records, a list with a value for each write."""


@dataclass(frozen=True)
class Written:
    """Of one strategy in one language.

    Attributes:
        examples: ``[rows]``, their numbers.
        source_layers, target_layers: ``[rows]``.
        counts: ``[rows]``, how many writes a row has.
        means: ``[rows, 3]``, in the order of :data:`WRITTEN`, over a row's writes; NaN where some
            value is not finite, and without a write.
    """

    examples: Array
    source_layers: Array
    target_layers: Array
    counts: Array
    means: Array


def read_written(
    run: Run, task: str, lang: str, wanted: Mapping[str, Collection[Pair]]
) -> dict[str, Written]:
    """Of a language, by strategy; nothing where the records do not hold it.

    Args:
        run: an opened run.
        task: a task of it.
        lang: a language.
        wanted: names as the records have them, and of each the pairs that are read.

    Raises:
        XTransplantError: a damaged part.
    """
    found: dict[str, list[tuple[Array, ...]]] = {}
    for part in stored_parts(run, task, lang):
        table = read_part(run, "records", part, [*CELL, *WRITTEN])
        if set(WRITTEN) <= set(table.column_names):
            for name, pairs in wanted.items():
                found.setdefault(name, []).append(_columns(table, name, pairs))
    return {
        name: Written(*(np.concatenate(own) for own in zip(*parts, strict=True)))
        for name, parts in found.items()
    }


def _columns(table: pa.Table, name: str, pairs: Collection[Pair]) -> tuple[Array, ...]:
    """What :class:`Written` has, of one part."""
    mine, i, j = rows_at(table, name, pairs)
    own = table.filter(mine)
    each = [_mean(own, what) for what in WRITTEN]
    means = np.stack([mean for mean, _ in each], axis=1)
    return own["example"].to_numpy(), i, j, each[0][1], means


def _mean(table: pa.Table, name: str) -> tuple[Array, Array]:
    """``[rows]`` and ``[rows]``: the mean of each row's list, and how long it is."""
    sizes, values = list_column(table, name)
    rows = np.repeat(np.arange(len(sizes)), sizes)
    sums = np.bincount(rows, values, minlength=len(sizes))
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan), sizes
