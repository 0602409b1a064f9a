"""Capitals of countries: one relation in nineteen languages, from names that CLDR has.

    xtp pilot --task capitals -m MODEL --strategy attn-swap

A prompt names a country and asks for its capital as a form to be filled in would (``Country:
Kenya``, ``Capital:``), so that no word needs a case, an article or an agreement. Right is one of
ten capitals. Every language asks for the same countries, with the same ten in the same order.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, Key
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.languages import named
from xtransplant.tasks.parallel import Parallel, Side, make_example
from xtransplant.tasks.relations import draw_candidates, rank, spellings
from xtransplant.tasks.task import Direction, Task
from xtransplant.tasks.words import fill, read_words

__all__ = ["NAMES", "N_PILOT", "capitals", "examples"]

N_PILOT = 24
"""Countries of the pilot; all others are unseen."""

_TEMPLATE = "{COUNTRY}\n{CAPITAL}"
_SPLITS = ("pilot", "unseen")
_WORDS = read_words(Path(__file__).parent.parent / "words" / "capitals.toml")


class Pair(NamedTuple):
    """A country and its capital, as one language calls them."""

    country: str
    capital: str


def _read(path: Path) -> dict[str, dict[str, Pair]]:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        lang: {code: Pair(*pair) for code, pair in table.items()} for lang, table in tables.items()
    }


NAMES = _read(Path(__file__).with_name("names.toml"))
"""By language and by the country's code (ISO 3166)."""


def examples(
    lang: str, direction: Direction, split: str, data: DataSource = DataSource()
) -> tuple[Example, ...]:
    """Examples of one language, by the countries' codes.

    Args:
        lang: one of those that ``words/capitals.toml`` has.
        direction: which of the two prompts is read from.
        split: ``pilot`` or ``unseen``. No country of one is in the other, as a candidate neither.
        data: the seed by which countries and candidates are drawn.

    Raises:
        XTransplantError: no such language or split.
    """
    for what, value, right in (("language", lang, NAMES), ("split", split, _SPLITS)):
        if value not in right:
            raise XTransplantError(f"capitals has no {what} {value!r}; choose {', '.join(right)}")
    drawn = rank(NAMES["en"], data.seed)
    codes = sorted(drawn[:N_PILOT] if split == "pilot" else drawn[N_PILOT:])
    answers = {code: spellings([NAMES["en"][code].capital]) for code in codes}
    found = []
    for code in codes:
        choices = draw_candidates(code, answers, data.seed)
        english, other = (
            _side(one, code, choices, other) for one, other in (("en", lang), (lang, "en"))
        )
        found.append(make_example(Parallel(f"capitals-{code}", english, other), lang, direction))
    return tuple(found)


def _side(lang: str, code: str, choices: list[str], elsewhere: str) -> Side:
    names = NAMES[lang]
    prompt = fill(_TEMPLATE, _WORDS[lang], names[code]._asdict())
    key = Key((names[code].capital,), also=(NAMES[elsewhere][code].capital,))
    return Side(prompt, key, tuple(names[one].capital for one in choices))


capitals = Task(
    name="capitals",
    summary="Capitals of 115 countries, ten to choose from, 18 languages (bundled).",
    version="1",
    licence="Unicode-3.0",
    languages=named(*(lang for lang in NAMES if lang != "en")),
    direction="en-to-lang",
    splits=_SPLITS,
    examples=examples,
    reads=("seed",),
)
