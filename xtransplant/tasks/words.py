"""The words that a task's prompts are written with, language by language, and the templates."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError

__all__ = ["Words", "check_template", "fill", "read_words"]

Words = Mapping[str, Any]
"""What each name in capitals stands for in one language: a text, or a table of texts."""

_FIELD = re.compile(r"\{(\w+)(?:\[(\w+)\])?\}")


def read_words(path: Path) -> dict[str, Words]:
    """The words of every language, from a TOML file with a table for each of them.

    Raises:
        XTransplantError: no TOML, no English, or a language that lacks a word that English has.
    """
    try:
        words: dict[str, Words] = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise XTransplantError(f"{path} is no TOML: {error}") from error
    if "en" not in words:
        raise XTransplantError(f"{path} has no table [en]; the other languages are held to it")
    for lang, own in words.items():
        differ = sorted(own.keys() ^ words["en"].keys())
        if differ:
            raise XTransplantError(
                f"{path}: [{lang}] and [en] should have the same words, not {', '.join(differ)} "
                "in one of them alone"
            )
    return words


def fill(template: str, words: Words, row: Mapping[str, Any]) -> str:
    """A template's text for one row in one language.

    Args:
        template: ``{column}`` stands for a column's value, ``{NAME}`` for a word, in which columns
            may stand in turn, and ``{NAME[column]}`` for the one of a table of words that the
            column's value names.
        words: of the language.
        row: by the names of its columns.

    Raises:
        ValueError: a value that a table of words has no word for.
    """

    def value(match: re.Match[str]) -> str:
        name, column = match.groups()
        if name not in words:
            return str(row[name])
        word = words[name]
        if column is not None:
            if row[column] not in word:
                raise ValueError(f"{column} {row[column]!r} is not {' or '.join(word)}")
            word = word[row[column]]
        return _FIELD.sub(lambda inner: str(row[inner[1]]), word)

    return _FIELD.sub(value, template)


def check_template(template: str, words: Words, columns: set[str] | None) -> None:
    """Whether everything that a template names is there.

    Args:
        template: see :func:`fill`.
        words: those of any language.
        columns: of the rows; None where they are not known beforehand.

    Raises:
        XTransplantError: a name that is neither a word nor a column.
    """
    for match in _FIELD.finditer(template):
        names = [match[2]] if match[1] in words else [match[1]]
        for name in filter(None, names):
            if name.isupper() or (columns is not None and name not in columns):
                known = ", ".join([*words, *sorted(columns or ())])
                raise XTransplantError(f"template: {{{name}}} is none of {known}")
