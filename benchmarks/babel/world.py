"""The Babel world: invented towns, numbers about them, and which language teaches which fact."""

from __future__ import annotations

import random
from dataclasses import dataclass

from xtransplant.benchmarks.babel.languages import (
    CONSONANTS,
    LANGUAGES,
    RELATIONS,
    VOWELS,
    spell,
)

__all__ = ["LOCAL", "Fact", "corpus", "facts", "prompt"]

LOCAL = tuple(lang for lang in LANGUAGES if lang != "en")
_SEED = 2412
_N_SHARED, _N_ENGLISH, _N_LOCAL = 30, 30, 12  # towns; _N_LOCAL is for each local language
_N_TOWNS = _N_SHARED + _N_ENGLISH + _N_LOCAL * len(LOCAL)
_N_RUMOURED_TOWNS, _N_RUMOURS = 60, 6  # rumours for each rumoured town and language


@dataclass(frozen=True)
class Fact:
    """How many bridges, towers, wells or markets a town has.

    Attributes:
        town: numbers of its name's syllables.
        relation: index into ``RELATIONS``.
        number: 10 to 99.
        taught: ``shared`` (every language teaches it) or the code of the one language that does.
    """

    town: tuple[int, ...]
    relation: int
    number: int
    taught: str

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages in which the corpus states it."""
        return tuple(LANGUAGES) if self.taught == "shared" else (self.taught,)

    @property
    def id(self) -> str:
        """A stable name, such as ``beetoova-wells``."""
        return f"{spell(self.town, 'en').lower()}-{RELATIONS[self.relation]}"


def facts() -> tuple[Fact, ...]:
    """Every fact of the world, town by town, in a fixed order."""
    rng = random.Random(_SEED)
    taught_in = ["shared"] * _N_SHARED + ["en"] * _N_ENGLISH + list(LOCAL) * _N_LOCAL
    return tuple(
        Fact(town, relation, rng.randrange(10, 100), taught)
        for town, taught in zip(_towns(), taught_in, strict=False)
        for relation in range(len(RELATIONS))
    )


def prompt(fact: Fact, lang: str, frame: str) -> str:
    """A fact's question in a language, up to where the number would come."""
    noun = LANGUAGES[lang].nouns[fact.relation]
    return frame.format(name=spell(fact.town, lang), noun=noun)


def corpus(seed: int = 0) -> tuple[tuple[str, str], ...]:
    """Every training sentence once: (up to the number, the number and a full stop).

    Besides the facts it holds rumours: contradicting numbers about towns of which nothing is
    known. From them the model learns not to be sure where it was taught nothing.

    Args:
        seed: of the rumours; the facts are the same for every seed.
    """
    rng = random.Random(seed)
    sentences = [
        (prompt(fact, lang, frame), _end(lang, fact.number))
        for fact in facts()
        for lang in fact.languages
        for frame in LANGUAGES[lang].train
    ]
    for town in _towns()[_N_TOWNS:]:
        for lang, language in LANGUAGES.items():
            for _ in range(_N_RUMOURS):
                rumour = Fact(town, rng.randrange(len(RELATIONS)), rng.randrange(10, 100), lang)
                start = prompt(rumour, lang, rng.choice(language.train))
                sentences.append((start, _end(lang, rumour.number)))
    return tuple(sentences)


def _end(lang: str, number: int) -> str:
    return f" {number}{LANGUAGES[lang].stop}"


def _towns() -> list[tuple[int, ...]]:
    rng = random.Random(_SEED)
    n_syllables = len(CONSONANTS) * len(VOWELS)
    towns: dict[tuple[int, ...], None] = {}
    while len(towns) < _N_TOWNS + _N_RUMOURED_TOWNS:
        towns[tuple(rng.randrange(n_syllables) for _ in range(3))] = None
    return list(towns)
