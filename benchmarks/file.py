"""The user's own examples: JSON Lines, CSV or Parquet, one example per row.

Columns, by these names or by those that ``--column`` gives: ``source`` and ``target`` (the
prompts), ``answer``; and where there are any ``candidates`` (a list; in CSV a JSON list, or texts
between ``|``), ``lang`` and ``id``. Rows of one language belong together; without ``lang`` there is
one language, ``xx``. With candidates the answer is one of them, to the letter.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from xtransplant.benchmarks.folder import read_lines
from xtransplant.benchmarks.languages import NAMES
from xtransplant.benchmarks.task import Direction, Task, Where

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, Key

__all__ = ["examples", "file"]

_NEEDED = ("source", "target", "answer")
_COLUMNS = (*_NEEDED, "candidates", "lang", "id")
_ALONE = "xx"


def examples(
    lang: str, direction: Direction, split: str, where: Where = Where()
) -> tuple[Example, ...]:
    """Examples of one language of the file, in its order; ``lang-to-en`` changes sides.

    Raises:
        XTransplantError: no file, one that cannot be read, a column that is missing, an answer
            that is none of the candidates.
    """
    path, rows, columns = _read(where)
    found = []
    for number, row in enumerate(rows, 1):
        if str(row.get(columns["lang"]) or _ALONE) != lang:
            continue
        place = f"{path} row {number}"
        source, target, answer = (_text(row, columns[what], what, place) for what in _NEEDED)
        candidates = _candidates(row.get(columns["candidates"]), place)
        if candidates and answer not in candidates:
            raise XTransplantError(
                f"{place}: answer {answer!r} is none of its candidates "
                f"{', '.join(map(repr, candidates[:6]))}; they are taken to the letter"
            )
        sides = [(source, "en"), (target, lang)]
        (source, from_lang), (target, to_lang) = sides if direction == "en-to-lang" else sides[::-1]
        found.append(
            Example(source, target, candidates, answer, str(row.get(columns["id"]) or number),
                    from_lang, to_lang, Key((answer.strip() or answer,)))
        )  # fmt: skip
    return tuple(found)


def languages(where: Where) -> dict[str, str]:
    """The languages that the file's rows have."""
    _, rows, columns = _read(where)
    codes = dict.fromkeys(str(row.get(columns["lang"]) or _ALONE) for row in rows)
    return {code: NAMES.get(code, code) for code in codes}


def _read(where: Where) -> tuple[Path, list[dict[str, Any]], dict[str, str]]:
    if where.file is None:
        raise XTransplantError("task file needs the file: --file examples.jsonl (.csv, .parquet)")
    path = where.file
    readers = {".jsonl": read_lines, ".json": read_lines, ".csv": _csv, ".parquet": _parquet}
    if path.suffix.lower() not in readers:
        raise XTransplantError(f"--file {str(path)!r} should end in {', '.join(readers)}")
    rows = readers[path.suffix.lower()](path)
    columns = {what: what for what in _COLUMNS}
    for what, column in where.columns:
        if what not in columns:
            raise XTransplantError(
                f"--column {what}={column}: {what!r} is none of {', '.join(_COLUMNS)}"
            )
        columns[what] = column
    given = [column for what, column in where.columns]
    there: set[str] = set()
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise XTransplantError(f"{path} row {number} should be an object, not {row!r:.60}")
        there |= row.keys()
    for column in (*(columns[what] for what in _NEEDED), *given):
        if rows and column not in there:
            raise XTransplantError(
                f"{path} has no column {column!r}; it has {', '.join(sorted(there))}; name the "
                "right one, such as --column answer=gold"
            )
    return path, rows, columns


def _csv(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            return list(csv.DictReader(text, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise XTransplantError(f"cannot read {str(path)!r}: {error}") from error


def _parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        why = " ".join(str(error).split())
        raise XTransplantError(f"cannot read {str(path)!r} as Parquet: {why}") from error
    return rows


def _text(row: dict[str, Any], column: str, what: str, place: str) -> str:
    value = row.get(column)
    if value is None or not str(value).strip():
        raise XTransplantError(f"{place} has no {what} (column {column!r})")
    return str(value)


def _candidates(value: Any, place: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        if not value.lstrip().startswith("["):
            return tuple(value.split("|"))
        try:
            value = json.loads(value)
        except ValueError:
            raise XTransplantError(f"{place}: candidates {value[:60]!r} are no JSON list") from None
    texts = tuple(map(str, value))
    if len(texts) == 1:
        raise XTransplantError(
            f"{place} has one candidate, {texts[0]!r}, which is always the likeliest; give two or "
            "more, or none and --mode generate"
        )
    if len(set(texts)) != len(texts):
        raise XTransplantError(f"{place}: a candidate is there twice: {', '.join(texts[:6])}")
    return texts


file = Task(
    name="file",
    summary="Your own examples: --file PATH.jsonl, .csv or .parquet (see docs/bench.md).",
    version="1",
    licence="yours",
    languages={},
    direction="en-to-lang",
    splits=("all",),
    examples=examples,
    rule="contains",
    found=languages,
)
