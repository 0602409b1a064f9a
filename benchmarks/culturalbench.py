"""CulturalBench-Hard: whether an answer is true for a country (arXiv 2410.02677).

A culture task; each of a question's four options is an item of its own. The hub has the questions
in English only: the other language's prompt has its own words around the English question.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xtransplant.tasks.countries import language_of
from xtransplant.tasks.description import DataRow, Description, Folder, Hub
from xtransplant.tasks.gold import read_truth
from xtransplant.tasks.make import make_task
from xtransplant.tasks.words import read_words

__all__ = ["culturalbench"]


def _items(row: DataRow, lang: str) -> Iterator[tuple[DataRow, DataRow]]:
    if language_of(row["country"]) == lang:
        yield row, row


culturalbench = make_task(
    Description(
        name="culturalbench", licence="CC-BY-4.0", rule="truth", direction="lang-to-en",
        summary="CulturalBench-Hard: true or false for a country; culture, 27 languages.",
        words=read_words(Path(__file__).parent / "words" / "culturalbench.toml"),
        template="{QUESTION}: {prompt_question}\n{ANSWER}: {prompt_option}\n{ASK}\n{LEAD}",
        candidates="{label}", labels=("TRUE", "FALSE"),
        hub=Hub(
            "kellycyy/CulturalBench", config="CulturalBench-Hard",
            splits={"pilot": "test", "unseen": "test"},
            columns=("data_idx", "prompt_question", "prompt_option", "answer", "country"),
            items=_items, gold="answer", read_gold=read_truth, id="culturalbench-{data_idx}",
        ),
        folder=Folder(
            "CulturalBench", read_truth, english="split/{lang}.json",
            prompts="translated/{lang}.json", gold="",
            id="culturalbench-{lang}-{split}-{row}",
        ),
        note="the hub has the questions in English only: translated words stand around them",
    )
)  # fmt: skip
