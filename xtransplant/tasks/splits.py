"""Splits where the data have none: a sample of 50 for the pilot, or a column of the user's."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.task import NothingThere

__all__ = ["ALL", "read_splits", "sample_rows", "select_split"]

ALL = "all"
_N_PILOT = 50  # the paper's sample


def sample_rows(n: int, split: str, seed: int) -> list[int]:
    """Numbers, from 0, of a table's rows: 50 sampled for the pilot, the others for unseen."""
    sample = set(random.Random(seed).sample(range(n), min(_N_PILOT, n)))
    return [k for k in range(n) if (k in sample) == (split == "pilot")]


def select_split(
    split: str, rows: Sequence[dict[str, Any]], own: Sequence[bool], source: str, data: DataSource
) -> set[int]:
    """Numbers, from 1, of one language's rows that are in a split.

    Args:
        split: its name.
        rows: all of the file's.
        own: which rows are of the language.
        source: the column of source prompts.
        data: the seed of the pilot sample, or the column that names each row's split.

    Raises:
        XTransplantError: a row that names no split.
        NothingThere: too few rows to draw from.
    """
    mine = {k: row for k, (row, of_it) in enumerate(zip(rows, own, strict=True), 1) if of_it}
    if data.split_by is not None:
        named = _named(rows, data.split_by, str(data.file))
        # A split of theirs that is called "all" is that one alone.
        whole = split == ALL and ALL not in named
        return {k for k in mine if whole or named[k - 1] == split}
    if split == ALL:
        return set(mine)
    pilot = _drawn([str(row.get(source)) for row in mine.values()], data.seed)
    return {k for k, row in mine.items() if (str(row.get(source)) in pilot) == (split == "pilot")}


def read_splits(rows: Sequence[dict[str, Any]], column: str, place: str) -> tuple[str, ...]:
    """The values of the column that names each row's split, in their order, and ``all``.

    Args:
        rows: all of the file's.
        column: the one that names the split.
        place: the file, for messages.

    Raises:
        XTransplantError: a row that names none.
    """
    return tuple(dict.fromkeys([*_named(rows, column, place), ALL]))


def _named(rows: Sequence[dict[str, Any]], column: str, place: str) -> list[str]:
    names = []
    for number, row in enumerate(rows, 1):
        value = row.get(column)
        if value is None or not str(value).strip():
            raise XTransplantError(
                f"{place} row {number} names no split in column {column!r}; fill it in, or leave "
                "--split-by out"
            )
        names.append(str(value).strip())
    return names


def _drawn(sources: Sequence[str], seed: int) -> frozenset[str]:
    """The pilot's, of one language's source prompts: 50, or half of fewer than 100.

    A prompt that stands in several rows is on one side with all of them; and since each is drawn by
    what it says, languages that ask the same questions have the same pilot.
    """
    distinct = sorted(set(sources), key=lambda text: _rank(text, seed))
    if len(distinct) < 2:
        raise NothingThere(
            "a pilot and an unseen split need two different source prompts in each language; "
            f"here is {len(distinct)}: leave --split out"
        )
    return frozenset(distinct[: min(_N_PILOT, len(distinct) // 2)])


def _rank(text: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{text}".encode("utf-8", "surrogatepass")).digest()
