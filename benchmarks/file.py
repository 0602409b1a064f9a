"""The user's own examples: JSON Lines, CSV or Parquet, one example per row.

Columns, by these names or by those that ``--column`` gives: ``source`` and ``target`` (the
prompts), ``answer``; and where there are any ``candidates`` (a list; in CSV a JSON list, or texts
between ``|``), ``lang`` and ``id``. Rows of one language belong together; without ``lang`` there is
one language, ``xx``. With candidates the answer is one of them, to the letter.

What is right after the source, in its language, say ``source_candidates`` (the same answers, in the
same order) or, without candidates, ``source_answer``. Without them it is not known what the source
answers, nor which examples are the knowledge gap; where the answers are the same texts in both
languages, ``--column source_candidates=candidates`` (or ``source_answer=answer``) says so.

``alignment`` says which words of the two prompts go together, as word aligners write it
(``0-0 1-2``: source and target words, counted from 0, divided by white space), for strategies such
as ``aligned-swap``.

``paraphrase``, the target in other words of its language, is the source of ``--null paraphrase``;
for ``lang-to-en`` there is none.

``--wide en,fr,sw`` takes a wide file, with a column of prompts for each language, the source's
first; ``answer`` and ``candidates`` are of all languages, or ``answer_sw`` and ``candidates_sw`` of
one (those of ``en`` are what is right after the source).

All rows are one split, ``all``; ``--split pilot`` and ``--split unseen`` are the two sides of a
draw by ``--seed``, and ``--split-by COLUMN`` takes the splits from a column.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, Key
from xtransplant.style.escape import visible
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.languages import NAMES
from xtransplant.tasks.rows import read_rows, right_column
from xtransplant.tasks.splits import ALL, read_splits, select_split
from xtransplant.tasks.task import Direction, Task
from xtransplant.tasks.wide import widen
from xtransplant.tasks.word_pairs import parse_alignment
from xtransplant.text import check_text, parse_json

__all__ = ["examples", "file"]

_NEEDED = ("source", "target", "answer")
_COLUMNS = (
    *_NEEDED, "candidates", "lang", "id", "source_answer", "source_candidates", "paraphrase",
    "alignment", "group",
)  # fmt: skip
_ALONE = "xx"


def examples(
    lang: str, direction: Direction, split: str, data: DataSource = DataSource()
) -> tuple[Example, ...]:
    """Examples of one language of the file, in its order; ``lang-to-en`` changes sides.

    Raises:
        XTransplantError: no file, one that cannot be read, a column that is missing, an answer
            that is none of the candidates, other candidates after the source than after the target.
    """
    path, rows, columns = _read(data)
    own = [
        _name(row, columns["lang"], "lang", f"{path} row {number}", _ALONE) == lang
        for number, row in enumerate(rows, 1)
    ]
    chosen = select_split(split, rows, own, columns["source"], data)
    found = []
    for number, row in enumerate(rows, 1):
        if number not in chosen:
            continue
        # Of a wide file each row is there once for every language.
        place = f"{path} row {(number - 1) // max(1, len(data.wide) - 1) + 1}"
        source, target = (_text(row, columns[what], what, place) for what in ("source", "target"))
        said = _answers(row, columns, place)
        elsewhere = _source_answers(row, columns, said, place)
        alignment = _alignment(row, columns, source, target, place)
        sides, paraphrase = [(source, "en"), (target, lang)], _paraphrase(row, columns, place)
        if direction == "lang-to-en":
            sides.reverse()
            alignment = tuple((ours, theirs) for theirs, ours in alignment)
            paraphrase = ""  # it is of the other side
            # Only a file that says both has answers to change sides.
            said, elsewhere = (elsewhere, said) if elsewhere.answer else (said, elsewhere)
        (source, from_lang), (target, to_lang) = sides
        found.append(
            Example(source, target, said.candidates, said.answer,
                    _name(row, columns["id"], "id", place, str(number)),
                    from_lang, to_lang, said.key, elsewhere.key, elsewhere.candidates,
                    paraphrase=paraphrase, alignment=alignment,
                    group=_name(row, columns["group"], "group", place, ""))
        )  # fmt: skip
    return tuple(found)


def _paraphrase(row: dict[str, Any], columns: dict[str, str], place: str) -> str:
    name = columns["paraphrase"]
    return "" if row.get(name) in (None, "") else _text(row, name, "paraphrase", place)


def _alignment(
    row: dict[str, Any], columns: dict[str, str], source: str, target: str, place: str
) -> tuple[tuple[int, int], ...]:
    name = columns["alignment"]
    if row.get(name) in (None, ""):
        return ()
    text = _text(row, name, "alignment", place)
    return parse_alignment(text, source, target, f"{place}: alignment")


class _Answers(NamedTuple):
    """What may be said after one prompt, and what of it is right; empty where nothing says."""

    candidates: tuple[str, ...] = ()
    answer: str = ""

    @property
    def key(self) -> Key:
        """What texts after the prompt are judged by."""
        return Key((self.answer.strip() or self.answer,) if self.answer else ())


def _answers(row: dict[str, Any], columns: dict[str, str], place: str) -> _Answers:
    """A row's answer and candidates, after its target."""
    answer = _text(row, columns["answer"], "answer", place)
    candidates = _candidates(row.get(columns["candidates"]), place)
    if candidates and answer not in candidates:
        raise XTransplantError(
            f"{place}: answer {answer!r} is none of its candidates "
            f"{', '.join(map(repr, candidates[:6]))}; they are taken to the letter"
        )
    return _Answers(candidates, answer)


def _source_answers(
    row: dict[str, Any], columns: dict[str, str], own: _Answers, place: str
) -> _Answers:
    """Likewise after its source, where the file says it.

    Raises:
        XTransplantError: candidates that are not as many as after the target, or an answer that is
            not the one in the answer's place.
    """
    name = columns["source_answer"]
    answer = "" if row.get(name) in (None, "") else _text(row, name, "source_answer", place)
    candidates = _candidates(row.get(columns["source_candidates"]), place)
    if len(candidates) != len(own.candidates) and (candidates or answer):
        raise XTransplantError(
            f"{place} has {len(candidates)} source_candidates for {len(own.candidates)} "
            "candidates; give the same answers in the same order, as they are said after the source"
        )
    if not candidates:
        return _Answers((), answer)
    right = candidates[own.candidates.index(own.answer)]
    if answer not in ("", right):
        raise XTransplantError(
            f"{place}: source_answer {answer!r} is not {right!r}, which stands among the "
            f"source_candidates where {own.answer!r} stands among the candidates"
        )
    return _Answers(candidates, right)


def languages(data: DataSource) -> dict[str, str]:
    """The languages that the file's rows have."""
    path, rows, columns = _read(data)
    codes = dict.fromkeys(
        _name(row, columns["lang"], "lang", f"{path} row {number}", _ALONE)
        for number, row in enumerate(rows, 1)
    )
    return {code: NAMES.get(code, code) for code in codes}


def splits(data: DataSource) -> tuple[str, ...]:
    """The values of column ``split_by``, or all rows, and the two sides of a draw."""
    if data.split_by is None:
        return (ALL, "pilot", "unseen")
    path, rows, _ = _read(data)
    return read_splits(rows, data.split_by, str(path))


def _read(data: DataSource) -> tuple[Path, list[dict[str, Any]], dict[str, str]]:
    if data.file is None:
        raise XTransplantError("task file needs the file: --file examples.jsonl (.csv, .parquet)")
    path = data.file
    rows = read_rows(path)
    columns = {what: what for what in _COLUMNS}
    for what, column in data.columns:
        if what not in columns:
            raise XTransplantError(
                f"--column {what}={column}: {what!r} is none of {', '.join(_COLUMNS)}"
            )
        columns[what] = column
    if data.wide:
        rows = widen(rows, data.wide, columns, str(path))
    there = {column for row in rows for column in row}
    wanted = [(what, columns[what]) for what in _NEEDED] + list(data.columns)
    wanted += [] if data.split_by is None else [("split-by", data.split_by)]
    for what, column in wanted:
        if column not in there:
            raise XTransplantError(
                f"{path} has no column {column!r}; it has {', '.join(sorted(there))}; "
                + right_column(what, column, there)
            )
    _check_languages(path, rows, columns["lang"])
    return path, rows, columns


def _check_languages(path: Path, rows: list[dict[str, Any]], column: str) -> None:
    """Refuse a row without a language where others have one."""
    without = [number for number, row in enumerate(rows, 1) if row.get(column) in (None, "")]
    if without and len(without) < len(rows):
        raise XTransplantError(
            f"{path} row {without[0]} has no lang (column {column!r}), and other rows have one; "
            "give each its code, or none"
        )


def _text(row: dict[str, Any], column: str, what: str, place: str) -> str:
    value = row.get(column)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise XTransplantError(f"{place} has no {what} (column {column!r})")
    return _as_text(value, f"{place}: {what}")


def _as_text(value: Any, named: str) -> str:
    """A value that is text, or a whole number; anything else could be written in several ways."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise XTransplantError(
            f"{named} is {value!r:.40}, not text; put it between quotation marks"
        )
    return check_text(str(value), named)


def _name(row: dict[str, Any], column: str, what: str, place: str, default: str) -> str:
    """A language's code or an example's id; it is shown, and part of a path."""
    value = row.get(column)
    if value is None or value == "":
        return default
    name = _as_text(value, f"{place}: {what}")
    if visible(name) != name or name != name.strip():
        raise XTransplantError(
            f"{place}: {what} {name[:40]!r} should be a name on one line, without control "
            "characters or marks that turn its direction"
        )
    return name


def _candidates(value: Any, place: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, str) and not value.lstrip().startswith("["):
        value = value.split("|")
    elif isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError as error:
            raise XTransplantError(
                f"{place}: candidates {value[:60]!r} are no JSON list ({error})"
            ) from None
    if not isinstance(value, list):
        raise XTransplantError(
            f'{place}: candidates are {value!r:.40}, not a list of texts, such as [" yes", " no"]'
        )
    texts = tuple(_as_text(text, f"{place}: a candidate") for text in value)
    if "" in texts:
        raise XTransplantError(f"{place}: a candidate is empty; write it, or leave it out")
    if len(texts) == 1:
        wide = "; its bar is full-width, write |" if "\uff5c" in texts[0] else ""
        raise XTransplantError(
            f"{place} has one candidate, {texts[0]!r}, which is always the likeliest{wide}; give "
            "two or more, or none and --mode generate"
        )
    if len(set(texts)) != len(texts):
        raise XTransplantError(f"{place}: a candidate is there twice: {', '.join(texts[:6])}")
    return texts


file = Task(
    name="file",
    summary="Your own examples: --file PATH.jsonl, .csv or .parquet (see docs/bench.md).",
    version="2",
    licence="yours",
    languages={},
    direction="en-to-lang",
    splits=(ALL,),
    examples=examples,
    rule="contains",
    find_languages=languages,
    find_splits=splits,
    reads=("file", "column", "split_by", "wide", "seed"),
)
