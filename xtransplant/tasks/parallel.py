"""The same item in English and in another language, and what becomes of it as an example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xtransplant.prompts import Example, Key
from xtransplant.tasks.gold import Gold
from xtransplant.tasks.task import Direction
from xtransplant.text import text_digest

__all__ = [
    "Parallel",
    "Side",
    "Written",
    "format_options",
    "make_example",
    "make_parallel",
    "space_after",
]


@dataclass(frozen=True)
class Side:
    """One item in one language.

    Attributes:
        prompt: up to where the answer comes.
        key: what its answers are judged by.
        candidates: each option as an answer, in the options' order; where the key has no options,
            texts to choose from, its answer among them; empty for free text.
    """

    prompt: str
    key: Key
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parallel:
    """One item in two languages.

    Attributes:
        group: what it has in common with others, as of :class:`~xtransplant.prompts.Example`.
    """

    id: str
    english: Side
    other: Side
    group: str = ""


class Written(NamedTuple):
    """One item as a dataset has it in one language.

    Attributes:
        prompt: up to where the answer comes.
        gold: the right answer.
        labels: what the options are called in the prompt's language; empty if they have no names.
    """

    prompt: str
    gold: Gold
    labels: tuple[str, ...] = ()


def make_parallel(
    id: str, english: Written, other: Written, spelling: str, group: str = ""
) -> Parallel:
    """An item from what a dataset has in both languages.

    Args:
        id: its stable name within its task.
        english: the item in English.
        other: the item in the other language.
        spelling: of an option as an answer, with ``{mark}`` or ``{label}``; empty for free text.
        group: the English text that it has in common with others; empty where none.
    """
    return Parallel(
        id,
        _side(english, spelling, other.gold.answers),
        _side(other, spelling, english.gold.answers),
        text_digest(group)[:16] if group else "",
    )


def _side(one: Written, spelling: str, elsewhere: tuple[str, ...]) -> Side:
    """One side, which knows what is right in the other language where that is free text."""
    answers, options = one.gold
    labels = one.labels or ("",) * len(options)
    texts = [spelling.format(mark=m, label=n) for m, n in zip(options, labels, strict=True)]
    key = Key(answers, options, one.labels, () if options else elsewhere)
    return Side(one.prompt, key, tuple(texts) if spelling else ())


def make_example(parallel: Parallel, lang: str, direction: Direction) -> Example:
    """The example for a direction; each prompt's language and end say what its candidates are."""
    sides = [("en", parallel.english), (lang, parallel.other)]
    (from_lang, source), (to_lang, target) = sides if direction == "en-to-lang" else sides[::-1]
    candidates = _spelled(target)
    gold = target.key.answers[0]
    names = target.key.options or target.candidates
    answer = candidates[names.index(gold)] if candidates else gold
    return Example(
        source=source.prompt,
        target=target.prompt,
        candidates=candidates,
        answer=answer,
        id=parallel.id,
        source_lang=from_lang,
        target_lang=to_lang,
        key=target.key,
        source_key=source.key,
        source_candidates=_spelled(source),
        group=parallel.group,
    )


def _spelled(side: Side) -> tuple[str, ...]:
    """What a prompt may be answered with, as it would go on."""
    return tuple(space_after(side.prompt) + text for text in side.candidates)


def space_after(prompt: str) -> str:
    """A space, as between a prompt and its answer; none after white space or a full-width mark."""
    return "" if prompt[-1:].isspace() or prompt[-1:] in "：。）" else " "


def format_options(marks: Sequence[str], texts: Sequence[str]) -> str:
    """``(A) text`` line by line."""
    return "\n".join(f"({mark}) {text}" for mark, text in zip(marks, texts, strict=True))
