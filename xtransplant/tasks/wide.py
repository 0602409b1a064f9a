"""Wide tables: a column for each language, as one row for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xtransplant.errors import XTransplantError

__all__ = ["parse_wide", "widen"]


def parse_wide(text: str | None) -> tuple[str, ...]:
    """``en,fr,sw`` as the columns of the source and of each language.

    Raises:
        XTransplantError: fewer than two, an empty one, or one that is there twice.
    """
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    if len(names) < 2 or not all(names) or len(set(names)) < len(names):
        raise XTransplantError(
            f"--wide {text!r} should name the source's column and one for each language, such as "
            "en,fr,sw"
        )
    return names


def widen(
    rows: Sequence[Mapping[str, Any]],
    wide: Sequence[str],
    columns: Mapping[str, str],
    place: str,
) -> list[dict[str, Any]]:
    """Each row once for each language, with what is its own under the names of ``columns``.

    ``answer`` and ``candidates`` are of all languages, or there are ``answer_sw`` and
    ``candidates_sw``; those of the source's column are what is right after the source.

    Args:
        rows: of the file.
        wide: the source's column, and one for each language.
        columns: by what they hold; those with a suffix for a language begin with the same name.
        place: the file, for messages.

    Raises:
        XTransplantError: a column that is not there.
    """
    there = {column for row in rows for column in row}
    source, *langs = wide
    missing = [name for name in wide if name not in there]
    answers = [f"{columns['answer']}_{lang}" for lang in langs]
    if columns["answer"] not in there:
        missing += [name for name in answers if name not in there]
    if missing:
        raise XTransplantError(
            f"{place} has no column {missing[0]!r}; it has {', '.join(sorted(there))}; --wide "
            "names those of the prompts, the source's first, and answers stand in answer, or in "
            "answer_sw and so on"
        )
    return [
        {
            **row,
            columns["id"]: row.get(columns["id"]) or str(number),
            columns["lang"]: lang,
            columns["source"]: row.get(source),
            columns["target"]: row.get(lang),
            **dict(_own(row, source, lang, columns)),
        }
        for number, row in enumerate(rows, 1)
        for lang in langs
    ]


def _own(
    row: Mapping[str, Any], source: str, lang: str, columns: Mapping[str, str]
) -> Iterator[tuple[str, Any]]:
    """What may be said after one language's prompt and after the source, as far as it is there."""
    for what, after_source in _OWN.items():
        for column, kept in (
            (columns[what], columns[what]),
            (f"{columns[what]}_{lang}", columns[what]),
            (f"{columns[what]}_{source}", columns.get(after_source, "")),
        ):
            if column in row and kept:
                yield kept, row[column]


# What a language may have of its own, and what that of the source's is called.
_OWN = {
    "answer": "source_answer",
    "candidates": "source_candidates",
    "paraphrase": "",
    "alignment": "",
}
