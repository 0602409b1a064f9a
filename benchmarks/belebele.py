"""Belebele: what a short passage says, four answers to choose from (arXiv 2308.16884).

Every language has the same 900 questions; a passage's link and the question's number say which.
"""

from __future__ import annotations

from pathlib import Path

from xtransplant.tasks.description import Description, Hub
from xtransplant.tasks.gold import read_mark
from xtransplant.tasks.languages import FLORES
from xtransplant.tasks.make import make_task
from xtransplant.tasks.words import read_words

__all__ = ["belebele"]

_WORDS = Path(__file__).parent / "words"
_QUESTIONS = {**read_words(_WORDS / "mkqa.toml"), **read_words(_WORDS / "exams.toml")}

belebele = make_task(
    Description(
        name="belebele", licence="CC-BY-SA-4.0", rule="choice",
        summary="Questions about a passage, four options, 40 languages besides English.",
        words={lang: words for lang, words in _QUESTIONS.items() if lang in FLORES},
        template=(
            "{flores_passage}\n\n{QUESTION} {question}\n(1) {mc_answer1}\n(2) {mc_answer2}\n"
            "(3) {mc_answer3}\n(4) {mc_answer4}\n{ANSWER}"
        ),
        candidates="({mark})",
        hub=Hub(
            "facebook/belebele", codes=FLORES, splits={"pilot": "test", "unseen": "test"},
            columns=("link", "question_number", "flores_passage", "question", "mc_answer1",
                     "mc_answer2", "mc_answer3", "mc_answer4", "correct_answer_num"),
            align=("link", "question_number"), incomplete=True, gold="correct_answer_num",
            read_gold=read_mark("1", "2", "3", "4"), id="belebele-{link}-{question_number}",
            group="{link}",
        ),
    )
)  # fmt: skip
