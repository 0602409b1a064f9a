"""XQuAD: a question about a paragraph, answered with words of it (arXiv 1910.11856)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xtransplant.tasks.description import Description, Folder, Hub
from xtransplant.tasks.gold import Gold, read_texts
from xtransplant.tasks.make import make_task
from xtransplant.tasks.words import read_words

__all__ = ["xquad"]


def _read_answers(value: Any) -> Gold:
    if not isinstance(value, dict) or not value.get("text"):
        raise ValueError(f"{value!r} should hold texts")
    return Gold(tuple(dict.fromkeys(value["text"])))


xquad = make_task(
    Description(
        name="xquad", licence="CC-BY-SA-4.0", rule="contains",
        summary="Questions about a paragraph, answered in free text, 11 languages besides English.",
        words=read_words(Path(__file__).parent / "words" / "xquad.toml"),
        template="{TASK}\n\n{CONTEXT}: {context}\n{QUESTION}: {question}\n\n{LEAD}",
        hub=Hub(
            "google/xquad", config="xquad.{lang}",
            splits={"pilot": "validation", "unseen": "validation"},
            columns=("id", "context", "question", "answers"), align=("id",), incomplete=True,
            gold="answers", read_gold=_read_answers, id="xquad-{id}", group="{context}",
        ),
        folder=Folder(
            "XQuAD", read_texts, english="split/xquad.en.json", prompts="split/xquad.{lang}.json",
            gold="ans/xquad.{lang}.json", group=r"\nContext: (.*)\nQuestion: ",
        ),
    )
)  # fmt: skip
