"""Capitals: the same questions in every language, and names that anyone can make again."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from xtransplant.benchmarks.capitals import task
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.matching import RULES, bare

LANGS = tuple(task.capitals.languages)
ROOT = Path(__file__).resolve().parents[2]


def load(lang, split="pilot", direction=None, seed=0):
    return load_examples(task.capitals, lang, direction, split, DataSource(seed=seed))


def test_it_has_the_languages_and_countries_that_it_says():
    assert len(LANGS) >= 15
    assert {"sw", "am", "ar", "hi", "th", "ru", "el", "tr", "vi", "zh", "ja"} <= {*LANGS}
    n = len(task.NAMES["en"])
    assert n >= 60
    assert f"{n} countries" in task.capitals.summary
    assert f"{len(LANGS)} languages" in task.capitals.summary
    assert all(names.keys() == task.NAMES["en"].keys() for names in task.NAMES.values())


@pytest.mark.parametrize("lang", ["en", *LANGS])
def test_no_name_tells_the_answer_and_no_two_are_one(lang):
    names = [(bare(country), bare(capital)) for country, capital in task.NAMES[lang].values()]
    assert not [pair for pair in names if pair[0] in pair[1] or pair[1] in pair[0]]
    assert len({capital for _, capital in names}) == len(names)
    assert not {country for country, _ in names} & {capital for _, capital in names}


def test_the_documents_count_the_spellings_that_are_english():
    english = task.NAMES["en"]
    text = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8").replace("\n", " ")
    for lang, language in task.capitals.languages.items():
        same = sum(pair.capital == english[code].capital for code, pair in task.NAMES[lang].items())
        if same:
            assert f"{language} {same}" in text or f"{language} writes {same}" in text
        else:
            assert f"{lang}," in text or f"{lang})" in text


@pytest.mark.parametrize("lang", LANGS)
def test_every_language_asks_the_same(lang):
    code_of = {pair.capital: code for code, pair in task.NAMES[lang].items()}
    english = {pair.capital: code for code, pair in task.NAMES["en"].items()}
    other = load("de")
    mine = load(lang)
    assert not mine.alignment.failed
    assert not load(lang, "unseen").alignment.failed
    assert [one.id for one in mine.examples] == [one.id for one in other.examples]
    for one, there in zip(mine.examples, other.examples, strict=True):
        code = one.id.removeprefix("capitals-")
        assert task.NAMES[lang][code].country in one.target
        assert one.source == there.source
        assert len({*one.candidates}) == 10
        codes = [code_of[text.strip()] for text in one.candidates]
        assert codes == [english[text.strip()] for text in one.source_candidates]
        assert code_of[one.answer.strip()] == code
        assert RULES["begins"](one.answer, one.key).strict
        assert RULES["begins"](one.source_candidates[codes.index(code)], one.key).lenient


def test_splits_have_no_country_in_common_as_an_answer_neither():
    for seed in (0, 1):
        pilot, unseen = (load("sw", split, seed=seed).examples for split in ("pilot", "unseen"))
        assert (len(pilot), len(pilot) + len(unseen)) == (task.N_PILOT, len(task.NAMES["en"]))
        texts = [{text for one in side for text in one.candidates} for side in (pilot, unseen)]
        assert not texts[0] & texts[1]
    assert load("sw").digest == load("sw").digest != load("sw", seed=1).digest


def test_the_answers_place_says_nothing():
    places = [one.candidates.index(one.answer) for one in load("sw", "unseen").examples]
    assert {*places} == set(range(10))


def test_both_directions_are_the_same_prompts():
    forth, back = (load("ja", direction=d).examples[0] for d in ("en-to-lang", "lang-to-en"))
    assert (forth.source, forth.candidates) == (back.target, back.source_candidates)
    assert (forth.target, forth.source_candidates) == (back.source, back.candidates)
    # After a full-width colon nobody writes a space.
    assert forth.target.endswith("：")
    assert not any(text.startswith(" ") for text in forth.candidates)
    assert all(text.startswith(" ") for text in back.candidates)


def test_the_names_are_what_the_script_makes_of_babels():
    pinned = next(
        line
        for line in (ROOT / "constraints.txt").read_text().split()
        if line.startswith("babel==")
    )
    try:
        here = version("babel")
    except PackageNotFoundError:
        here = "none"
    if here != pinned.removeprefix("babel=="):
        pytest.skip(f"made with {pinned}; here is {here}")
    from xtransplant.benchmarks.capitals import generate

    made = generate.write_names(generate.collect_names())
    assert made == Path(task.__file__).with_name("names.toml").read_text(encoding="utf-8")
