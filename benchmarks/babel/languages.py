"""How the Babel world is put into words: scripts, nouns and sentence frames of six languages.

A frame is a question or sentence that ends where the number would come. Frames of ``train`` are
in the corpus; frames of ``held_out`` never are, and the task asks with those alone. Names are
transliterated syllable by syllable, one to one, so no two towns fall together in any script.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CONSONANTS", "LANGUAGES", "RELATIONS", "VOWELS", "MadeLanguage", "spell"]

CONSONANTS = "bdgklmnstvz"
VOWELS = "aiu"
RELATIONS = ("bridges", "towers", "wells", "markets")


@dataclass(frozen=True)
class MadeLanguage:
    """One language of the world.

    Attributes:
        name: in English.
        syllables: how each of the 33 syllables is written, space-separated, in the order of
            ``CONSONANTS`` times ``VOWELS``.
        prefix: what a town's name begins with.
        nouns: the relations' nouns, in the form that all frames use.
        train, held_out: frames with ``{name}`` and ``{noun}``.
        stop: how a sentence ends.
    """

    name: str
    syllables: str
    prefix: str
    nouns: tuple[str, str, str, str]
    train: tuple[str, ...]
    held_out: tuple[str, str]
    stop: str = "."


def _read(path: Path) -> dict[str, MadeLanguage]:
    """The languages of a TOML file, with a table for each of them."""
    tables: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
    for table in tables.values():
        table.update({key: tuple(v) for key, v in table.items() if isinstance(v, list)})
    return {code: MadeLanguage(**table) for code, table in tables.items()}


LANGUAGES = _read(Path(__file__).with_name("languages.toml"))


def spell(town: tuple[int, ...], lang: str) -> str:
    """A town's name, given as numbers of its syllables, in a language's script."""
    language = LANGUAGES[lang]
    table = language.syllables.split()
    name = "".join(table[syllable] for syllable in town)
    return language.prefix + name if language.prefix else name[0].upper() + name[1:]
