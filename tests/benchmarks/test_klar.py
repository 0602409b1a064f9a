"""KLAR from a folder, in both layouts: whole facts, and candidates of their relation."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from xtransplant import XTransplantError
from xtransplant.benchmarks.klar import klar
from xtransplant.tasks.alignment import check_alignment
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.matching import RULES

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
CITIES = {"en": "Town", "tr": "Kent", "zh": "城"}


def lines(root, n=60, **change):
    """Two relations of ``n`` facts each in the layout of one line a fact."""
    home = root / "KLAR"
    home.mkdir(parents=True)
    names = {"en": "eng_Latn", "tr": "tur_Latn", "zh": "zho_Hans"}
    for lang, name in names.items():
        found = [f"Where: is {lang}{k}? So: {CITIES[lang]}{k % 13}" for k in range(n)]
        found += [f"谁{lang}{k}？答： {CITIES[lang]}{chr(97 + k % 3)}" for k in range(n)]
        (home / f"{name}.txt").write_text("\n".join(change.get(lang, found)) + "\n")
    (home / "relations.txt").write_text("city\n" * n + "who\n" * n)
    return DataSource(root)


def relations(root, *, index=True, templates=None, langs=("en", "tr")):
    """The same in the layout of one file a relation."""
    for lang in langs:
        (root / lang).mkdir(parents=True)
        kept = [k for k in range(60) if lang == "en" or k % 10 or not index]
        samples = [{"subject": f"{lang}{k}", "object": f"{CITIES[lang]}{k % 13}"} for k in kept]
        if index:
            samples = [{**one, "index": k} for one, k in zip(samples, kept, strict=True)]
        usual = ["<mask> has <subject>.", "<subject> is in: <mask>."]
        content = {"prompt_templates": templates or usual, "samples": samples}
        (root / lang / "city.json").write_text(json.dumps(content, ensure_ascii=False))
    return DataSource(root)


def load(data, lang="tr", split="pilot", **more):
    return load_examples(klar, lang, split=split, data=data, **more).examples


def test_a_line_is_a_question_and_after_its_last_colon_the_answer(tmp_path):
    data = lines(tmp_path)
    assert list(klar.languages_in(data)) == ["tr", "zh"]
    found = {one.id: one for split in klar.splits for one in load(data, split=split)}
    assert len(found) == 120
    one = found["klar-15"]
    assert (one.source, one.target) == ("Where: is en14? So:", "Where: is tr14? So:")
    assert (one.answer, one.key.also) == (" Kent1", ("Town1",))
    # After a full-width colon no space is written; the relation of three answers has three.
    one = found["klar-63"]
    assert (one.target, one.answer) == ("谁tr2？答：", "Kentc")
    assert sorted(one.candidates) == ["Kenta", "Kentb", "Kentc"]
    assert RULES["contains"]("It is kentC.", one.key).match


def test_candidates_are_the_same_answers_in_every_language(tmp_path):
    data = lines(tmp_path)
    for tr, zh in zip(load(data), load(data, "zh"), strict=True):
        assert (tr.id, tr.source, tr.source_candidates) == (zh.id, zh.source, zh.source_candidates)
        texts = {"tr": tr.candidates, "zh": zh.candidates, "en": tr.source_candidates}
        plain = [
            [text.strip()[len(CITIES[lang]) :] for text in several]
            for lang, several in texts.items()
        ]
        assert plain[0] == plain[1] == plain[2]
        assert len({*plain[0]}) == len(plain[0]) == (10 if "Where" in tr.source else 3)
    assert load(data) == load(data)
    assert {one.id for one in load(data)} != {one.id for one in load(replace(data, seed=1))}


def test_a_question_of_two_answers_has_both_and_neither_is_a_wrong_candidate(tmp_path):
    english = [f"Where is en{k // 2}? So: Town{k % 13}" for k in range(120)]
    data = lines(tmp_path, en=english)
    found = [
        one for split in klar.splits for one in load(data, split=split, direction="lang-to-en")
    ]
    for one in found:
        assert len(one.key.answers) == 2
        assert one.answer.strip() == one.key.answers[0]
        assert f" {one.key.answers[1]}" not in one.candidates
    pilot, unseen = ({one.source for one in load(data, split=split)} for split in klar.splits)
    assert not pilot & unseen


def test_a_relation_is_a_file_of_templates_and_samples(tmp_path):
    data = relations(tmp_path / "a" / "KLAR")
    found = {one.id: one for split in klar.splits for one in load(data, split=split)}
    # By index: what one language lacks is left out.
    assert len(found) == 54
    one = found["klar-city-14"]
    assert (one.source, one.target) == ("en14 is in:", "tr14 is in:")
    assert (one.answer, one.source_candidates[one.candidates.index(one.answer)]) == (
        " Kent1",
        " Town1",
    )
    assert len(load(relations(tmp_path / "b", index=False))) == 50
    brackets = relations(tmp_path / "c", templates=["The town of {} is"])
    assert load(brackets)[0].source.startswith("The town of en")


def test_what_is_not_whole_is_said(tmp_path):
    with pytest.raises(XTransplantError, match=r"do not come with this package.*--data-dir"):
        load(DataSource())
    (tmp_path / "empty").mkdir()
    with pytest.raises(XTransplantError, match="holds no KLAR"):
        load(DataSource(tmp_path / "empty"))
    with pytest.raises(XTransplantError, match=r"tur_Latn\.txt has 1 lines and relations.txt 120"):
        load(lines(tmp_path / "a", tr=["a: b"]))
    with pytest.raises(XTransplantError, match=r"line 2 should be a question, a colon and the"):
        load(lines(tmp_path / "b", tr=["a: b", "a b"] + ["a: b"] * 118))
    with pytest.raises(XTransplantError, match="no prompt template names the subject"):
        load(relations(tmp_path / "c", templates=["<mask> has <subject>"]))
    data = relations(tmp_path / "d")
    (tmp_path / "d" / "tr" / "city.json").write_text("[]")
    with pytest.raises(XTransplantError, match="should hold prompt_templates and samples"):
        load(data)


@pytest.mark.skipif(not (SHARED / "KLAR").is_dir(), reason=f"KLAR is not at {SHARED}")
def test_every_language_of_the_real_one_is_aligned_and_a_line_too_far_is_seen():
    data = DataSource(SHARED)
    languages = klar.languages_in(data)
    assert len(languages) == 11
    for lang in languages:
        loaded = load_examples(klar, lang, split="pilot", data=data)
        assert not loaded.alignment.failed, lang
        found = loaded.examples
        moved = [replace(one, target=other.target, key=other.key)
                 for one, other in zip(found, found[1:] + found[:1], strict=True)]  # fmt: skip
        assert check_alignment(moved, whole_rows=True).failed, lang
    assert len(load(data, "zh", "unseen")) + len(load(data, "zh")) == 1197


def test_the_second_template_that_ends_where_the_object_comes_is_a_paraphrase(tmp_path):
    templates = ["<mask> has <subject>.", "<subject> is in: <mask>.", "Where <subject> is: <mask>"]
    data = relations(tmp_path, templates=templates)
    found = load(data)
    assert all(one.paraphrase == f"Where {one.target.split()[0]} is:" for one in found)
    english = load(data, direction="lang-to-en")
    assert english[0].target.startswith("en")
    assert english[0].paraphrase == f"Where {english[0].target.split()[0]} is:"
    # It makes no other prompt of them, and where there is one template there is none.
    plain = load(relations(tmp_path / "plain", templates=templates[:2]))
    assert plain == tuple(replace(one, paraphrase="") for one in found)
