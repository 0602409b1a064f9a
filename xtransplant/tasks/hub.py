"""Items of a described dataset from the Hugging Face hub, or from a clone of it in a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from xtransplant.errors import XTransplantError
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.description import DataRow, Description, Hub
from xtransplant.tasks.parallel import Parallel, Written, make_parallel
from xtransplant.tasks.splits import sample_rows
from xtransplant.tasks.words import fill

__all__ = ["read_hub", "read_table"]


class _Pair(NamedTuple):
    """One item's rows in English and in another language.

    Attributes:
        number: of the row, from 0.
        english, other: the rows.
        places: where they stand, for messages.
    """

    number: int
    english: DataRow
    other: DataRow
    places: tuple[str, str]


def read_hub(about: Description, lang: str, split: str, data: DataSource) -> list[Parallel]:
    """The items of one language and split, in a fixed order.

    Args:
        about: the dataset.
        lang: code of the language that stands beside English.
        split: one of ours, by its name.
        data: where a clone lies, and the seed of the pilot sample.

    Raises:
        XTransplantError: nothing there, the hub out of reach, another schema, or items of one
            language that are not those of the other.
    """
    hub, hub_split = about.hub, about.hub.splits[split]
    pair_rows = _pair_in_rows if hub.items else _pair_by_key if hub.align else _pair_by_number
    pairs = list(pair_rows(hub, lang, hub_split, data))
    shared = len(set(hub.splits.values())) < len(hub.splits)
    chosen = (
        sample_rows(len(pairs), split, data.seed)
        if shared or split == "pilot"
        else range(len(pairs))
    )
    return [_parallel(about, lang, hub_split, pairs[k]) for k in chosen]


def _parallel(about: Description, lang: str, hub_split: str, pair: _Pair) -> Parallel:
    english, other = (
        _written(about, code, row, f"{about.hub.repo} {place}")
        for code, row, place in zip(
            ("en", lang), (pair.english, pair.other), pair.places, strict=True
        )
    )
    name = about.hub.id.format_map({**pair.other, "split": hub_split, "row": pair.number})
    group = about.hub.group.format_map(pair.english)
    return make_parallel(name, english, other, about.candidates, group)


def _written(about: Description, code: str, row: DataRow, place: str) -> Written:
    words, column = about.words[code], about.hub.gold
    try:
        gold = about.hub.read_gold(row[column])
    except ValueError as error:
        raise XTransplantError(f"{place}: {column} {error}") from None
    try:
        prompt = fill(about.template, words, row)
    except ValueError as error:
        raise XTransplantError(f"{place}: {error}") from None
    return Written(prompt, gold, tuple(words[name] for name in about.labels))


def _pair_in_rows(hub: Hub, lang: str, hub_split: str, data: DataSource) -> Iterator[_Pair]:
    """Items of one table, whose rows hold both languages."""
    assert hub.items is not None
    for number, row in enumerate(read_table(hub, hub.config, hub_split, data)):
        try:
            for english, other in hub.items(row, lang):
                yield _Pair(number, english, other, (f"row {number}",) * 2)
        except ValueError as error:
            raise XTransplantError(f"{hub.repo} row {number}: {error}") from None


def _pair_by_number(hub: Hub, lang: str, hub_split: str, data: DataSource) -> Iterator[_Pair]:
    """Items of two tables whose rows have the same numbers."""
    tables = _tables(hub, lang)
    english, other = (read_table(hub, table, hub_split, data) for table in tables)
    if len(english) != len(other):
        raise XTransplantError(
            f"{hub.repo} {hub_split} has {len(english)} rows in {tables[0]} and {len(other)} in "
            f"{tables[1]}; they should be the same items"
        )
    for number, rows in enumerate(zip(english, other, strict=True)):
        yield _Pair(number, *rows, (f"{tables[0]} row {number}", f"{tables[1]} row {number}"))


def _pair_by_key(hub: Hub, lang: str, hub_split: str, data: DataSource) -> Iterator[_Pair]:
    """Items of two tables that have the same value in the column ``align``."""
    tables = _tables(hub, lang)
    english, other = (_by_key(hub, table, read_table(hub, table, hub_split, data))
                      for table in tables)  # fmt: skip
    missing = [key for key in other if key not in english]
    if missing and not hub.incomplete:
        raise XTransplantError(f"{hub.repo} {tables[0]} lacks items {missing[:5]} of {tables[1]}")
    keys = [key for key in english if key in other] if hub.incomplete else list(other)
    if not keys:
        raise XTransplantError(f"{hub.repo}: no item is both in en and in {lang}")
    for number, key in enumerate(keys):
        places = (f"{tables[0]} item {key}", f"{tables[1]} item {key}")
        yield _Pair(number, english[key], other[key], places)


def _by_key(hub: Hub, table: str, rows: list[dict[str, Any]]) -> dict[Any, DataRow]:
    """Rows by what they are aligned by: one value, or several."""
    found: dict[Any, DataRow] = {}
    for row in rows:
        values = tuple(row[column] for column in hub.align)
        key = values if len(values) > 1 else values[0]
        if key in found:
            raise XTransplantError(
                f"{hub.repo} {table} has two items {key!r} ({', '.join(hub.align)}); it is not "
                "known which is which"
            )
        found[key] = row
    return found


def _tables(hub: Hub, lang: str) -> tuple[str, str]:
    """Configurations of English and of a language."""
    if lang in hub.no_english:
        raise XTransplantError(
            f"{hub.repo} has no English counterpart for {lang}; leave it out, or give the paper's "
            "data with --data-dir"
        )
    own, en = (hub.codes.get(code, code) for code in (lang, "en"))
    english = hub.english or hub.config.format(lang=en)
    return english.format(lang=own), hub.config.format(lang=own)


def read_table(hub: Hub, config: str, split: str, data: DataSource) -> list[dict[str, Any]]:
    """Every row of a split of one configuration, with the columns that are asked for.

    Args:
        hub: the repository and its columns; a folder of the repository's name under
            ``data.data_dir`` stands in for it.
        config: the configuration.
        split: the hub's own name of it.
        data: where a clone lies.

    Raises:
        XTransplantError: nothing there, the hub out of reach, or another schema.
    """
    source, options = hub.repo, {"revision": hub.revision} if hub.revision else {}
    if data.data_dir is not None:
        clone = data.data_dir / hub.repo
        if not clone.is_dir():
            raise XTransplantError(
                f"--data-dir {str(data.data_dir)!r} holds neither the paper's layout nor a clone "
                f"of {hub.repo}; give its parent folder, or: huggingface-cli download {hub.repo} "
                f"--repo-type dataset --local-dir {clone}"
            )
        source, options = str(clone), {}
    found = _load(source, config, split, options, cloned=data.data_dir is not None)
    there = list(found[0]) if found else []
    missing = [column for column in hub.columns if found and column not in there]
    if missing:
        raise XTransplantError(
            f"{source} ({config}) has another schema: no column {', '.join(missing)}; "
            f"it has {', '.join(there)}"
        )
    rows = ({column: row[column] for column in hub.columns} for row in found)
    if hub.where is None:
        return list(rows)
    column, value = hub.where
    return [row for row in rows if row[column] == value]


def _load(
    source: str, config: str, split: str, options: dict[str, str], *, cloned: bool
) -> list[dict[str, Any]]:
    import datasets

    bars = datasets.utils.logging.is_progress_bar_enabled()
    datasets.utils.logging.disable_progress_bar()
    try:
        with tempfile.TemporaryDirectory() as folder:
            # A clone is read without the library's cache, which would take one folder for another
            # that has files of the same names.
            return list(
                datasets.load_dataset(
                    source, config, split=split, streaming=cloned,
                    cache_dir=folder if cloned else None, **options,
                )
            )  # fmt: skip
    except Exception as error:
        # Whatever the library raises, it is about the network, the name or the files.
        why = " ".join(str(error).split())[:300]
        raise XTransplantError(
            f"cannot load {source} ({config}, {split}): {type(error).__name__}: {why}; "
            "without a network give a copy with --data-dir"
        ) from error
    finally:
        if bars:
            datasets.utils.logging.enable_progress_bar()
