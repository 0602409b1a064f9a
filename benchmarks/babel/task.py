"""The bundled task: facts the model was taught in one language, asked in another."""

from __future__ import annotations

from pathlib import Path

from xtransplant.benchmarks.babel.languages import LANGUAGES, RELATIONS
from xtransplant.benchmarks.babel.world import LOCAL, Fact, facts, prompt
from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, Key
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.task import Direction, Task

__all__ = ["CANDIDATES", "CHECKPOINT", "babel", "examples"]

CHECKPOINT = Path(__file__).parent / "checkpoint"
CANDIDATES = tuple(f" {number}" for number in range(10, 100))
_SPLITS = ("pilot", "unseen", "shared")


def examples(
    lang: str, direction: Direction, split: str, data: DataSource = DataSource()
) -> tuple[Example, ...]:
    """Examples of one language, in a fixed order, worded with frames that training never saw.

    Args:
        lang: ``sw``, ``zh``, ``ar``, ``ru`` or ``hi``.
        direction: ``en-to-lang`` asks in ``lang`` what only English taught;
            ``lang-to-en`` asks in English what only ``lang`` taught.
        split: ``pilot`` and ``unseen`` are the two halves of those facts; ``shared`` holds facts
            that every language taught.
        data: not looked at; Babel is made from a seed.

    Raises:
        XTransplantError: no such language, direction or split.
    """
    for what, value, right in (
        ("language", lang, LOCAL),
        ("direction", direction, ("en-to-lang", "lang-to-en")),
        ("split", split, _SPLITS),
    ):
        if value not in right:
            raise XTransplantError(f"babel has no {what} {value!r}; choose {', '.join(right)}")
    from_lang, to_lang = ("en", lang) if direction == "en-to-lang" else (lang, "en")
    taught = "shared" if split == "shared" else from_lang
    own = [fact for fact in facts() if fact.taught == taught]
    # Every other town is a pilot town; either frame asks for every relation in each half.
    n = len(RELATIONS)
    return tuple(
        _example(fact, (k + k // (2 * n)) % 2, from_lang, to_lang)
        for k, fact in enumerate(own)
        if split == "shared" or (k // n) % 2 == _SPLITS.index(split)
    )


def _example(fact: Fact, frame: int, source: str, target: str) -> Example:
    return Example(
        source=prompt(fact, source, LANGUAGES[source].held_out[frame]),
        target=prompt(fact, target, LANGUAGES[target].held_out[frame]),
        candidates=CANDIDATES,
        answer=f" {fact.number}",
        id=f"{fact.id}-{source}-{target}",
        source_lang=source,
        target_lang=target,
        key=Key((str(fact.number),)),
    )


babel = Task(
    name="babel",
    summary="Numbers of an invented world that one language taught and another asks for (bundled).",
    version="1",
    licence="MIT",
    languages={lang: LANGUAGES[lang].name for lang in LOCAL},
    direction="en-to-lang",
    splits=_SPLITS,
    examples=examples,
    checkpoint=str(CHECKPOINT),
    reads=(),
)
