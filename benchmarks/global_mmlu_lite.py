"""Global-MMLU-Lite: exam questions with four options, translated by people (arXiv 2412.03304).

Half of the questions need knowledge of a culture (``CS``), half do not (``CA``): each half is a
task of its own too.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xtransplant.tasks.description import Description, Hub
from xtransplant.tasks.gold import read_mark
from xtransplant.tasks.make import make_task
from xtransplant.tasks.words import read_words

__all__ = ["culture_agnostic", "culture_sensitive", "global_mmlu_lite"]

_LANGS = ("en", "ar", "bn", "de", "es", "fr", "hi", "id", "it", "ja", "ko", "pt", "sw", "yo", "zh")
_WORDS = Path(__file__).parent / "words"
_QUESTIONS = {**read_words(_WORDS / "mkqa.toml"), **read_words(_WORDS / "exams.toml")}

_ALL = Description(
    name="global-mmlu-lite", licence="Apache-2.0", rule="letters",
    summary="Exam questions, four options, 14 languages besides English.",
    words={lang: _QUESTIONS[lang] for lang in _LANGS},
    template=(
        "{QUESTION} {question}\n(A) {option_a}\n(B) {option_b}\n(C) {option_c}\n(D) {option_d}\n"
        "{ANSWER}"
    ),
    candidates="({mark})",
    hub=Hub(
        "CohereLabs/Global-MMLU-Lite", splits={"pilot": "test", "unseen": "test"},
        columns=("sample_id", "question", "option_a", "option_b", "option_c", "option_d", "answer",
                 "cultural_sensitivity_label"),
        align=("sample_id",), incomplete=True, gold="answer",
        read_gold=read_mark("A", "B", "C", "D"), id="global-mmlu-lite-{sample_id}",
    ),
)  # fmt: skip


def _half(label: str, summary: str) -> Description:
    """The questions with one label alone."""
    hub = replace(_ALL.hub, where=("cultural_sensitivity_label", label))
    return replace(_ALL, name=f"{_ALL.name}-{label.lower()}", summary=summary, hub=hub)


global_mmlu_lite = make_task(_ALL)
culture_sensitive = make_task(
    _half("CS", "Global-MMLU-Lite's questions that need knowledge of a culture, 14 languages.")
)
culture_agnostic = make_task(
    _half("CA", "Global-MMLU-Lite's questions that need none of a culture, 14 languages.")
)
