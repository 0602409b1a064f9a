"""MKQA: short questions of search users, answered from memory (arXiv 2007.15207).

One table has all languages. Questions that MKQA calls unanswerable, or answers at length, are left
out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xtransplant.tasks.description import DataRow, Description, Folder, Hub
from xtransplant.tasks.gold import read_texts
from xtransplant.tasks.make import make_task
from xtransplant.tasks.words import read_words

__all__ = ["mkqa"]

# The Parquet conversion writes the kind as its number: entity is 0, long_answer 1, ...
_NOT_SHORT = ("long_answer", "unanswerable", 1, 2)


def _items(row: DataRow, lang: str) -> Iterator[tuple[DataRow, DataRow]]:
    if _golds(row, "en") and _golds(row, lang):
        english, other = (
            {"id": row["example_id"], "question": row["queries"][code], "golds": _golds(row, code)}
            for code in ("en", lang)
        )
        yield english, other


def _golds(row: DataRow, code: str) -> tuple[str, ...]:
    """Texts and aliases of a question's answers; none where it has no short one."""
    if not isinstance(row["answers"], dict) or code not in row["answers"]:
        raise ValueError(f"answers should be by language, {code} among them")
    answers = row["answers"][code]
    if any(answer["type"] in _NOT_SHORT for answer in answers):
        return ()
    texts = [text for one in answers for text in (one["text"], *(one.get("aliases") or ()))]
    return tuple(dict.fromkeys(filter(None, texts)))


mkqa = make_task(
    Description(
        name="mkqa", licence="CC-BY-3.0", rule="contains",
        summary="Short questions answered from memory, free text, 25 languages besides English.",
        words=read_words(Path(__file__).parent / "words" / "mkqa.toml"),
        template="{QUESTION} {question}\n{ANSWER}",
        hub=Hub(
            "apple/mkqa", config="mkqa", revision="refs/convert/parquet",
            splits={"pilot": "train", "unseen": "train"},
            columns=("example_id", "queries", "answers"), items=_items,
            gold="golds", read_gold=read_texts, id="mkqa-{id}",
        ),
        folder=Folder("MKQA", read_texts),
    )
)  # fmt: skip
