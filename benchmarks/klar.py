"""KLAR: facts of a dozen relations, the same in every language (arXiv 2504.04264, 2505.14824).

    xtp bench --task klar --data-dir DIR -m MODEL --strategy attn-swap --split unseen --limit 100
    xtp bench --task klar --data-dir DIR -m MODEL --mode generate --max-new-tokens 8 ...

Right is one of ten answers of the fact's relation, or a text that holds the answer. The data are
read from ``DIR/KLAR`` or ``DIR`` (see ``tasks.facts`` for the two layouts); they do not come with
this package.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, Key
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.facts import Fact, find_languages, read_facts
from xtransplant.tasks.languages import FLORES, named
from xtransplant.tasks.parallel import Parallel, Side, make_example
from xtransplant.tasks.relations import draw_candidates, rank, spellings
from xtransplant.tasks.task import Direction, Task

__all__ = ["examples", "klar"]

_N_PILOT = 50  # questions, as the paper's sample
_CODES = ("ar", "ca", "el", "en", "es", "fa", "fr", "he", "hu", "ja", "ko", "nl", "ru", "tr", "uk",
          "vi", "zh")  # fmt: skip
_NAMES: dict[str, tuple[str, ...]] = {code: (FLORES[code], code) for code in _CODES}
_NAMES |= {"ar": ("ara_Arab", *_NAMES["ar"]), "ko": ("kor_Kore", *_NAMES["ko"])}

Facts = dict[str, Fact]


def examples(
    lang: str, direction: Direction, split: str, data: DataSource = DataSource()
) -> tuple[Example, ...]:
    """Examples of one language, in the order they are drawn in: the first few are of all relations.

    Raises:
        XTransplantError: no data, another layout, or facts of one language that are not those of
            the other.
    """
    places = _places(data)
    for code in ("en", lang):
        if code not in places:
            raise XTransplantError(f"klar has no {code} in {data.data_dir}; {_ADVICE}")
    english, other = (read_facts(places[code]) for code in ("en", lang))
    names = [name for name in english if name in other]
    _check(english, other, names, lang)
    right = {"en": _right(english, names), lang: _right(other, names)}
    answers: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for name in names:
        both = (*right["en"][english[name].prompt], *right[lang][other[name].prompt])
        answers[english[name].relation][name] = spellings(both)

    prompts = rank({english[name].prompt for name in names}, data.seed)
    chosen = prompts[:_N_PILOT] if split == "pilot" else prompts[_N_PILOT:]
    place = {prompt: k for k, prompt in enumerate(chosen)}
    own = [name for name in names if english[name].prompt in place]
    found = []
    for name in sorted(own, key=lambda name: place[english[name].prompt]):
        choices = draw_candidates(name, answers[english[name].relation], data.seed)
        if len(choices) < 2:
            raise XTransplantError(
                f"klar: relation {english[name].relation!r} has one answer alone, so that there is "
                "nothing to choose from; take its file out"
            )
        texts = (right["en"][english[name].prompt], right[lang][other[name].prompt])
        sides = (
            _side(english, name, choices, *texts),
            _side(other, name, choices, *reversed(texts)),
        )
        one = make_example(Parallel(f"klar-{name}", *sides), lang, direction)
        target = other if direction == "en-to-lang" else english
        found.append(replace(one, paraphrase=target[name].paraphrase))
    return tuple(found)


def _side(
    facts: Facts, name: str, choices: Iterable[str], right: tuple[str, ...], also: tuple[str, ...]
) -> Side:
    """One fact in one language; its own answer stands before others to the same question."""
    own = facts[name].answer
    key = Key((own, *(text for text in right if text != own)), also=also)
    return Side(facts[name].prompt, key, tuple(facts[one].answer for one in choices))


def _right(facts: Facts, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """All that is right for a question: some have two answers (Eric Clapton's instruments)."""
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        _, prompt, answer, _ = facts[name]
        found[prompt] = tuple(dict.fromkeys((*found.get(prompt, ()), answer)))
    return found


def _check(english: Facts, other: Facts, names: list[str], lang: str) -> None:
    if english.keys() != other.keys() and all(name.isdecimal() for name in english):
        raise XTransplantError(
            f"klar: en has {len(english)} facts and {lang} {len(other)}; line k of each should be "
            "the same one"
        )
    if not names:
        raise XTransplantError(f"klar: no fact is both in en and in {lang}")


_ADVICE = (
    "give --data-dir a folder that holds KLAR/LANG.txt and KLAR/relations.txt, or "
    "KLAR/LANG/RELATION.json (docs/bench.md)"
)


def _places(data: DataSource) -> dict[str, Path]:
    if data.data_dir is None:
        raise XTransplantError(f"the data of klar do not come with this package; {_ADVICE}")
    for home in (data.data_dir / "KLAR", data.data_dir):
        places = find_languages(home, _NAMES)
        if places:
            return places
    raise XTransplantError(f"--data-dir {str(data.data_dir)!r} holds no KLAR; {_ADVICE}")


def languages_in(data: DataSource) -> dict[str, str]:
    """The languages that the folder holds; all that KLAR has where none is given."""
    codes = _CODES if data.data_dir is None else tuple(_places(data))
    return named(*(code for code in codes if code != "en"))


klar = Task(
    name="klar",
    summary="Facts of 12 relations, ten answers to choose from or free text, 16 languages.",
    version="1",
    licence="not stated",
    languages=named(*(code for code in _CODES if code != "en")),
    direction="en-to-lang",
    splits=("pilot", "unseen"),
    examples=examples,
    rule="contains",
    find_languages=languages_in,
    whole_rows=True,
    note="the data do not come with this package: --data-dir",
)
