"""XCOPA: which of two options is the cause or the effect (Ponti et al., 2020; arXiv 2005.00333).

Every language of the hub has an English counterpart of its own, ``translation-LANG``; Quechua has
none, and takes the English COPA's in the paper's repository.
"""

from __future__ import annotations

from pathlib import Path

from xtransplant.tasks.description import Description, Folder, Hub
from xtransplant.tasks.gold import read_index, read_mark
from xtransplant.tasks.make import make_task
from xtransplant.tasks.words import read_words

__all__ = ["xcopa"]

xcopa = make_task(
    Description(
        name="xcopa", licence="CC-BY-4.0", rule="choice",
        summary="Cause or effect, two options, 11 languages besides English.",
        words=read_words(Path(__file__).parent / "words" / "xcopa.toml"),
        template=(
            "{PREMISE}: {premise}\n(1) {choice1}\n(2) {choice2}\n\n{ASK[question]}\n\n{LEAD}"
        ),
        candidates="({mark})",
        hub=Hub(
            "cambridgeltl/xcopa", english="translation-{lang}", no_english=("qu",),
            splits={"pilot": "test", "unseen": "test"},
            columns=("premise", "choice1", "choice2", "question", "label", "idx"), align=("idx",),
            gold="label", read_gold=read_index("1", "2"), id="xcopa-{idx}",
        ),
        folder=Folder(
            "XCOPA", read_mark("1", "2"), english="en/{lang}.json", english_of={"qu": "en/en.json"}
        ),
    )
)  # fmt: skip
