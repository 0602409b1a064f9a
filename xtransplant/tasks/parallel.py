"""The same item in English and in another language, and what becomes of it as an example."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from xtransplant.prompts import Example, Key
from xtransplant.tasks.task import Direction

__all__ = ["Parallel", "Side", "choice_key", "directed", "option_lines", "piloted"]

_N_PILOT = 50  # the paper's sample


@dataclass(frozen=True)
class Side:
    """One item in one language.

    Attributes:
        prompt: up to where the answer comes.
        key: what its answers are judged by.
        says: what each option would be answered with, in the options' order; empty where there
            is nothing to choose from.
    """

    prompt: str
    key: Key
    says: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parallel:
    """One item in two languages."""

    id: str
    english: Side
    other: Side


def directed(parallel: Parallel, lang: str, direction: Direction) -> Example:
    """The example for a direction; each prompt's language and end say what its candidates are."""
    sides = [("en", parallel.english), (lang, parallel.other)]
    (from_lang, source), (to_lang, target) = sides if direction == "en-to-lang" else sides[::-1]
    candidates = _spelled(target)
    gold = target.key.answers[0]
    answer = candidates[target.key.options.index(gold)] if candidates else gold
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
    )


def _spelled(side: Side) -> tuple[str, ...]:
    """What a prompt may be answered with, as it would go on."""
    # After a full-width mark or white space no space is written.
    space = "" if side.prompt[-1:].isspace() or side.prompt[-1:] in "：。）" else " "
    return tuple(space + said for said in side.says)


def choice_key(gold: str, options: Sequence[str], labels: Sequence[str] = ()) -> Key:
    """The key of a choice by marks."""
    return Key((gold,), tuple(options), tuple(labels))


def option_lines(marks: Sequence[str], texts: Sequence[str]) -> str:
    """``(A) text`` line by line."""
    return "\n".join(f"({mark}) {text}" for mark, text in zip(marks, texts, strict=True))


def piloted(n: int, split: str, seed: int) -> list[int]:
    """Row numbers of a split, where the data have none: 50 drawn for the pilot, the others."""
    drawn = set(random.Random(seed).sample(range(n), min(_N_PILOT, n)))
    return [k for k in range(n) if (k in drawn) == (split == "pilot")]
