"""XNLI: whether a premise entails a hypothesis (Conneau et al., 2018; arXiv 1809.05053).

The pilot is a sample of the hub's validation split; unseen is its whole test split.
"""

from __future__ import annotations

from pathlib import Path

from xtransplant.tasks.description import Description, Folder, Hub
from xtransplant.tasks.gold import read_index, read_mark
from xtransplant.tasks.make import make_task
from xtransplant.tasks.words import read_words

__all__ = ["xnli"]

_MARKS = ("1", "2", "3")

xnli = make_task(
    Description(
        name="xnli", licence="CC-BY-NC-4.0", rule="choice",
        summary="Natural language inference, three options, 14 languages besides English.",
        words=read_words(Path(__file__).parent / "words" / "xnli.toml"),
        template=(
            "{ASK}\n\n{PREMISE}: {premise}\n{HYPOTHESIS}: {hypothesis}\n\n"
            "(1) {ENTAILMENT}\n(2) {NEUTRAL}\n(3) {CONTRADICTION}\n\n{LEAD}"
        ),
        candidates="({mark})", labels=("ENTAILMENT", "NEUTRAL", "CONTRADICTION"),
        hub=Hub(
            "facebook/xnli", splits={"pilot": "validation", "unseen": "test"},
            columns=("premise", "hypothesis", "label"),
            gold="label", read_gold=read_index(*_MARKS), id="xnli-{split}-{row}",
        ),
        folder=Folder("XNLI", read_mark(*_MARKS), labels="ans_lang/{lang}.json"),
    )
)  # fmt: skip
