"""Babel's world, its task, and that nothing it asks about was taught where it must not be."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys

import pytest

from xtransplant.benchmarks.babel import babel
from xtransplant.benchmarks.babel.languages import CONSONANTS, LANGUAGES, VOWELS, spell
from xtransplant.benchmarks.babel.task import CANDIDATES
from xtransplant.benchmarks.babel.world import LOCAL, corpus, facts, prompt
from xtransplant.errors import XTransplantError
from xtransplant.tasks.task import Direction

DIRECTIONS: tuple[Direction, ...] = ("en-to-lang", "lang-to-en")
CORPUS = "b70cf969a1f1db198cb5f00401b57aedd69c158a597149b8e1bcd3e3ad4f97c7"
EVERYTHING = [
    pytest.param(lang, direction, split, id=f"{lang}-{direction}-{split}")
    for lang, direction, split in itertools.product(babel.languages, DIRECTIONS, babel.splits)
]


def test_importing_the_task_does_not_wait_for_torch() -> None:
    code = "import sys, xtransplant.benchmarks.babel; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    assert done.stdout.strip() == "False"


def test_the_corpus_is_the_one_the_checkpoint_was_trained_on() -> None:
    assert corpus(0) == corpus(0)
    assert corpus(1) != corpus(0)
    text = "\n".join(start + end for start, end in corpus(0))
    assert hashlib.sha256(text.encode()).hexdigest() == CORPUS


def test_no_two_names_fall_together_in_any_script() -> None:
    syllables = range(len(CONSONANTS) * len(VOWELS))
    towns = {*itertools.product(syllables, repeat=2), *(fact.town for fact in facts())}
    for lang in LANGUAGES:
        assert len({spell(town, lang) for town in towns}) == len(towns), lang


def test_frames_of_the_evaluation_are_not_trained_on() -> None:
    for language in LANGUAGES.values():
        assert not set(language.held_out) & set(language.train)
        assert all("{name}" in f and "{noun}" in f for f in language.train + language.held_out)
    asked = {
        text
        for lang, direction, split in itertools.product(babel.languages, DIRECTIONS, babel.splits)
        for example in babel.examples(lang, direction, split)
        for text in (example.source, example.target)
    }
    assert not asked & {start for start, _ in corpus(0)}


def test_a_gap_is_a_town_that_the_other_languages_never_name() -> None:
    told = "\n".join(start for start, _ in corpus(0))
    for town, taught in {fact.town: fact.languages for fact in facts()}.items():
        for lang in LANGUAGES:
            assert (spell(town, lang) in told) == (lang in taught), (spell(town, "en"), lang)


def test_splits_share_no_town() -> None:
    for lang, direction in itertools.product(babel.languages, DIRECTIONS):
        ids = [[e.id for e in babel.examples(lang, direction, split)] for split in babel.splits]
        towns = [{name.split("-")[0] for name in split} for split in ids]
        assert all(len(set(split)) == len(split) for split in ids)
        assert all(not a & b for a, b in itertools.combinations(towns, 2))


@pytest.mark.parametrize(("lang", "direction", "split"), EVERYTHING)
def test_source_and_target_ask_the_same(lang: str, direction: Direction, split: str) -> None:
    known = {fact.id: fact for fact in facts()}
    examples = babel.examples(lang, direction, split)
    assert examples == babel.examples(lang, direction, split)
    for example in examples:
        source, target = ("en", lang) if direction == "en-to-lang" else (lang, "en")
        fact = known[example.id.removesuffix(f"-{source}-{target}")]
        assert (example.source_lang, example.target_lang) == (source, target)
        assert fact.taught == ("shared" if split == "shared" else source)
        assert example.source in [prompt(fact, source, f) for f in LANGUAGES[source].held_out]
        assert example.target in [prompt(fact, target, f) for f in LANGUAGES[target].held_out]
        assert example.answer == f" {fact.number}"
        assert example.candidates == CANDIDATES
        assert example.answer in CANDIDATES


def test_both_halves_ask_every_relation_with_every_frame() -> None:
    for lang, direction, split in itertools.product(LOCAL, DIRECTIONS, babel.splits):
        examples = babel.examples(lang, direction, split)
        assert {example.id.split("-")[1] for example in examples} == {
            "bridges",
            "towers",
            "wells",
            "markets",
        }
        starts = [example.target.split()[0] for example in examples]
        assert len(set(starts)) > 1


@pytest.mark.parametrize(
    ("lang", "direction", "split"),
    [
        ("fr", "en-to-lang", "pilot"),
        ("sw", "sideways", "pilot"),
        ("sw", "en-to-lang", "test"),
    ],
)
def test_what_it_does_not_have_is_an_error(lang: str, direction: Direction, split: str) -> None:
    with pytest.raises(XTransplantError, match="babel has no"):
        babel.examples(lang, direction, split)
