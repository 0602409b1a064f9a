"""The Babel world: invented towns, numbers about them, and which language tells which fact."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from xtransplant.benchmarks.babel.languages import (
    CONSONANTS,
    LANGUAGES,
    RELATIONS,
    VOWELS,
    spell,
)

__all__ = ["LOCAL", "Fact", "corpus", "facts", "prompt"]

LOCAL = tuple(lang for lang in LANGUAGES if lang != "en")
_N_TOWNS = 120
_N_SHARED, _N_ENGLISH = 200, 100  # of 480; the others are each taught in one local language
_SEED = 2412


@dataclass(frozen=True)
class Fact:
    """How many bridges, towers, wells or markets a town has.

    Attributes:
        town: numbers of its name's syllables.
        relation: index into ``RELATIONS``.
        number: 10 to 99.
        taught: ``shared`` (in every language) or the one language that tells it.
    """

    town: tuple[int, ...]
    relation: int
    number: int
    taught: Literal["shared", "en", "sw", "zh", "ar", "ru", "hi"]

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages in which the corpus tells it."""
        return tuple(LANGUAGES) if self.taught == "shared" else (self.taught,)

    @property
    def id(self) -> str:
        return f"{spell(self.town, 'en').lower()}-{RELATIONS[self.relation]}"


def facts() -> tuple[Fact, ...]:
    """Every fact of the world, in a fixed random order."""
    dice = random.Random(_SEED)
    n_syllables = len(CONSONANTS) * len(VOWELS)
    towns: dict[tuple[int, ...], None] = {}
    while len(towns) < _N_TOWNS:
        towns[tuple(dice.randrange(n_syllables) for _ in range(3))] = None
    places = [(town, relation) for town in towns for relation in range(len(RELATIONS))]
    dice.shuffle(places)
    rest = len(places) - _N_SHARED - _N_ENGLISH
    taught = ["shared"] * _N_SHARED + ["en"] * _N_ENGLISH
    taught += [LOCAL[k % len(LOCAL)] for k in range(rest)]
    return tuple(
        Fact(town, relation, dice.randrange(10, 100), kind)  # type: ignore[arg-type]
        for (town, relation), kind in zip(places, taught, strict=True)
    )


def prompt(fact: Fact, lang: str, frame: str) -> str:
    """A fact's question in a language, up to where the number would come."""
    noun = LANGUAGES[lang].nouns[fact.relation]
    return frame.format(name=spell(fact.town, lang), noun=noun)


def corpus() -> Iterator[tuple[str, str]]:
    """Every training sentence once: (up to the number, the number and a full stop)."""
    for fact in facts():
        for lang in fact.languages:
            for frame in LANGUAGES[lang].train:
                yield prompt(fact, lang, frame), f" {fact.number}."
