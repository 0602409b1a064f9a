"""Rows of a user's file: JSON Lines, CSV or Parquet, each a dict; errors name the line."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError, one_line
from xtransplant.tasks.languages import NAMES
from xtransplant.text import parse_json, read_text

__all__ = ["SUFFIXES", "parse_python", "read_lines", "read_rows", "right_column"]

SUFFIXES = (".jsonl", ".json", ".csv", ".parquet")
_CSV_ERRORS = {
    "unexpected end of data": 'a quotation mark that opens here is never closed; close it, and '
    'double those inside a field: ""',
    "expected after": 'text follows a closing quotation mark; double those inside a field: ""',
    "field larger": "a field of more than 131,072 characters; is a quotation mark not closed?",
}  # fmt: skip


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, by its suffix; at least one.

    Raises:
        XTransplantError: another suffix, a file that cannot be read, is no table or holds nothing.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise XTransplantError(f"--file {str(path)!r} should end in {', '.join(SUFFIXES)}")
    if suffix == ".parquet":
        rows = _parquet(path)
    else:
        rows = _csv(path) if suffix == ".csv" else _objects(path)
    if not rows:
        raise XTransplantError(
            f"{path} holds no example; write one a row, with source, target and answer "
            "(docs/bench.md)"
        )
    return rows


def read_lines(path: Path) -> list[Any]:
    """One JSON value per line; empty lines are passed over.

    Raises:
        XTransplantError: no such file, no UTF-8, or a line that is no JSON.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        there = sorted(p.name for p in path.parent.glob("*")) if path.parent.is_dir() else []
        listed = f"there are {', '.join(there[:40])}" if there else "its folder is missing too"
        raise XTransplantError(f"no file {str(path)!r}; {listed}") from None
    rows = []
    # Not splitlines(): that one also cuts at separators which JSON leaves inside strings.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append(parse_json(line))
        except ValueError as error:
            raise XTransplantError(
                f"{path} line {number} is no JSON ({error}): {line.strip()[:60]!r}; "
                + (_as_lines(path) if _is_json(text) else "mend the line or take it out")
            ) from None
    return rows


def parse_python(value: Any) -> Any:
    """A list or dict that a CSV file holds as Python source; other values as they are.

    ``defaultdict(<class 'list'>, {...})`` is taken for the dict in it.

    Raises:
        ValueError: text that is no literal of Python.
    """
    if not isinstance(value, str):
        return value
    shell = re.fullmatch(r"defaultdict\(<class 'list'>, (.*)\)", value.strip(), re.DOTALL)
    try:
        return ast.literal_eval(shell[1] if shell else value)
    except (ValueError, SyntaxError):
        raise ValueError(
            f"{value[:60]!r} should be a list or a dict; is it another schema?"
        ) from None


def _objects(path: Path) -> list[dict[str, Any]]:
    rows = read_lines(path)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            advice = f"; {_as_lines(path)}" if len(rows) == 1 and isinstance(row, list) else ""
            raise XTransplantError(
                f"{path} row {number} should be an object, not {row!r:.60}{advice}"
            )
    return rows


def _is_json(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def _as_lines(path: Path) -> str:
    return f"write one object a line: jq -c '.[]' {path} > {path.stem}.jsonl"


def _csv(path: Path) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    rows: list[dict[str, Any]] = []
    begins = 1
    try:
        names = list(reader.fieldnames or ())
        begins = reader.line_num + 1
        for row in reader:
            if None in row:
                raise XTransplantError(
                    f"{path} line {begins} has {len(names) + len(row[None])} fields, the first "
                    f"line names {len(names)}; put texts that hold commas between quotation marks"
                )
            rows.append(row)
            begins = reader.line_num + 1
    except csv.Error as error:
        why = next((why for words, why in _CSV_ERRORS.items() if words in str(error)), str(error))
        raise XTransplantError(f"{path} line {begins}: {why}") from error
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise XTransplantError(f"{path} has two columns called {twice[0]!r}; rename one")
    for mark, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) == 1 and mark in names[0]:
            raise XTransplantError(
                f"{path} is separated by {called}; save it with commas between its columns"
            )
    return rows


def _parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        rows: list[dict[str, Any]] = pyarrow.parquet.ParquetFile(path).read().to_pylist()
    except (OSError, pyarrow.ArrowException, ValueError) as error:
        raise XTransplantError(
            f"cannot read {str(path)!r} as Parquet: {one_line(error)}; write it again, or give "
            "JSON Lines or CSV"
        ) from error
    return rows


def right_column(what: str, column: str, there: Collection[str]) -> str:
    """What to give instead of a column that is not there, for an error.

    Args:
        what: it should hold, as ``--column`` names it.
        column: that was looked for.
        there: names of the file's columns.
    """
    prompts = [name for name in sorted(there) if name == "en" or (name in NAMES and name != "id")]
    if what in ("source", "target") and column == what and len(prompts) > 1:
        # The source's comes first, and is English more often than not.
        first = "en" if "en" in prompts else prompts[0]
        others = [name for name in prompts if name != first]
        return f"a column of prompts for each language is --wide {','.join([first, *others])}"
    folded = {name.casefold(): name for name in there}
    near = get_close_matches(column.casefold(), folded, n=1)
    named = folded[near[0]] if near else "COLUMN"
    flag = f"--split-by {named}" if what == "split-by" else f"--column {what}={named}"
    return f"name the right one: {flag}"
