"""GlobalOpinionQA: how people of a country answered surveys (arXiv 2306.16388).

A culture task; right is the option most often chosen in the country. The hub has the questions in
English only: the other language's prompt then has its own words around the English question.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xtransplant.tasks.countries import language_of
from xtransplant.tasks.description import DataRow, Description, Folder, Hub
from xtransplant.tasks.gold import read_shares
from xtransplant.tasks.make import make_task
from xtransplant.tasks.parallel import format_options
from xtransplant.tasks.rows import parse_python
from xtransplant.tasks.words import read_words

__all__ = ["global_opinion_qa"]


def _items(row: DataRow, lang: str) -> Iterator[tuple[DataRow, DataRow]]:
    options = parse_python(row["options"])
    for country, shares in parse_python(row["selections"]).items():
        if language_of(country) != lang:
            continue
        marks = read_shares(shares).options
        if len(marks) != len(options):
            continue  # options that nobody there was offered
        lines = format_options(marks, options)
        item = {"country": country, "question": row["question"], "options": lines, "shares": shares}
        yield item, item


global_opinion_qa = make_task(
    Description(
        name="global-opinion-qa", licence="CC-BY-NC-SA-4.0", rule="letters", direction="lang-to-en",
        summary="What people of a country answered in surveys; culture, 23 languages.",
        words=read_words(Path(__file__).parent / "words" / "global_opinion_qa.toml"),
        template="{ASK}\n{question}\n{OPTIONS}:\n{options}\n\n{LEAD}",
        candidates="({mark})",
        hub=Hub(
            "Anthropic/llm_global_opinions", config="default",
            splits={"pilot": "train", "unseen": "train"},
            columns=("question", "selections", "options"), items=_items,
            gold="shares", read_gold=read_shares, id="goqa-{row}-{country}",
        ),
        folder=Folder(
            "GlobalOpinionQA", read_shares, english="split/{lang}.json",
            prompts="translated/{lang}.json", gold="", id="goqa-{lang}-{split}-{row}",
        ),
        note="the hub has the questions in English only: translated words stand around them; "
        "the paper's translations: --data-dir",
    )
)  # fmt: skip
