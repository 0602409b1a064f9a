"""Columns of the table ``correct`` as arrays; a run that was begun without one has no value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.tasks.judging import NO_OPTIONS
from xtransplant.tasks.sets import SETS, UNASKED, UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["chosen_options", "parsed_texts", "set_codes"]


def parsed_texts(judged: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """None of scores, and of a run, or a part of it, that was begun without."""
    if "parsed" not in judged.column_names or judged["parsed"].null_count:
        return None
    return np.asarray(judged["parsed"].to_numpy())


def chosen_options(judged: pa.Table) -> np.ndarray[Any, np.dtype[np.int16]]:
    """All -2 where the run was begun without."""
    if "chosen" not in judged.column_names:
        return np.full(len(judged), NO_OPTIONS, dtype=np.int16)
    return np.asarray(judged["chosen"].fill_null(NO_OPTIONS).to_numpy())


def set_codes(judged: pa.Table, name: str) -> np.ndarray[Any, np.dtype[np.int8]]:
    """Of a column of sets; all -2 where the run was begun without it."""
    if name not in judged.column_names:
        return np.full(len(judged), UNASKED, dtype=np.int8)
    column = judged[name].unify_dictionaries().combine_chunks()
    own = column.dictionary.to_pylist()
    codes = np.array([*(SETS.index(one) for one in own), UNKNOWN], dtype=np.int8)
    found: np.ndarray[Any, np.dtype[np.int8]]
    found = codes[column.indices.fill_null(len(own)).to_numpy()]
    return found
