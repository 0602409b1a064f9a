"""What a dataset on the hub, or a clone of it, is held to before it is used."""

from dataclasses import replace

import pytest
from datasets_made import belebele_rows, clone, copa_rows, hub_clones, squad_rows

from xtransplant import XTransplantError
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import examples_digest, load_examples
from xtransplant.tasks.task import find_task


def test_questions_about_one_passage_are_a_group_in_all_languages(tmp_path):
    data = hub_clones(tmp_path)
    own = load_examples(find_task("belebele"), "sw", data=data).examples
    by_group = {}
    for one in own:
        by_group.setdefault(one.group, set()).add(one.id.rpartition("-")[0])
    assert "" not in by_group
    assert all(len(passages) == 1 for passages in by_group.values())
    assert len(by_group) == len(set.union(*by_group.values())) < len(own)
    squad = load_examples(find_task("xquad"), "de", data=data).examples
    assert len({one.group for one in squad} - {""}) == len(squad)  # each has its own
    # What a run is called does not go by them.
    assert examples_digest(own) == examples_digest([replace(one, group="") for one in own])
    assert {one.group for one in load_examples(find_task("xnli"), "de", data=data).examples} == {""}


def test_the_pilot_sample_is_the_seeds(tmp_path):
    hub = hub_clones(tmp_path)
    task = find_task("xquad")
    first, again, other = (
        load_examples(task, "de", split="pilot", data=DataSource(hub.data_dir, seed=seed)).examples
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_another_schema_is_said(tmp_path):
    for lang in ("en", "de"):
        rows = [{"sentence1": "a", "sentence2": "b", "label": 0}]
        clone(tmp_path, "facebook/xnli", lang, "test", rows)
    with pytest.raises(XTransplantError, match="another schema: no column premise, hypothesis"):
        load_examples(find_task("xnli"), "de", split="unseen", data=DataSource(tmp_path))


def test_a_label_out_of_range_is_said(tmp_path):
    for lang in ("en", "de"):
        rows = [{"premise": "a", "hypothesis": "b", "label": -1}]
        clone(tmp_path, "facebook/xnli", lang, "test", rows)
    with pytest.raises(XTransplantError, match="label -1"):
        load_examples(find_task("xnli"), "de", split="unseen", data=DataSource(tmp_path))


def test_the_number_of_rows_is_that_of_english(tmp_path):
    for lang, n in (("en", 2), ("de", 3)):
        rows = [{"premise": "a", "hypothesis": "b", "label": 1}] * n
        clone(tmp_path, "facebook/xnli", lang, "test", rows)
    with pytest.raises(XTransplantError, match="test has 2 rows in en and 3 in de"):
        load_examples(find_task("xnli"), "de", split="unseen", data=DataSource(tmp_path))


def test_items_of_one_language_alone_are_left_out_where_they_may_be(tmp_path):
    clone(tmp_path, "google/xquad", "xquad.en", "validation", squad_rows("en", 5))
    clone(tmp_path, "google/xquad", "xquad.de", "validation", squad_rows("de", 9)[:1:-1])
    found = load_examples(find_task("xquad"), "de", split="pilot", data=DataSource(tmp_path))
    assert [one.id for one in found.examples] == ["xquad-q2", "xquad-q3", "xquad-q4"]
    assert all(one.source.count("en ") == one.target.count("de ") for one in found.examples)


def test_every_item_has_its_english_where_it_must(tmp_path):
    clone(tmp_path, "cambridgeltl/xcopa", "sw", "test", copa_rows("sw", 2))
    clone(tmp_path, "cambridgeltl/xcopa", "translation-sw", "test", copa_rows("en", 1))
    with pytest.raises(XTransplantError, match=r"translation-sw lacks items \[1\] of sw"):
        load_examples(find_task("xcopa"), "sw", data=DataSource(tmp_path))
    with pytest.raises(XTransplantError, match="no English counterpart for qu"):
        load_examples(find_task("xcopa"), "qu", data=DataSource(tmp_path))


def test_two_items_of_one_name_are_not_taken_for_one(tmp_path):
    for lang in ("eng_Latn", "swh_Latn"):
        rows = [{**row, "question_number": 1} for row in belebele_rows(lang, 4)]
        clone(tmp_path, "facebook/belebele", lang, "test", rows)
    said = r"eng_Latn has two items \('https://w/0', 1\) \(link, question_number\)"
    with pytest.raises(XTransplantError, match=said):
        load_examples(find_task("belebele"), "sw", data=DataSource(tmp_path))


def test_a_value_that_no_word_stands_for_is_said_with_its_item(tmp_path):
    rows = [{**copa_rows("sw", 1)[0], "question": "why"}]
    for config in ("sw", "translation-sw"):
        clone(tmp_path, "cambridgeltl/xcopa", config, "test", rows)
    said = "translation-sw item 0: question 'why' is not cause or effect"
    with pytest.raises(XTransplantError, match=said):
        load_examples(find_task("xcopa"), "sw", data=DataSource(tmp_path))


def test_without_a_network_a_copy_is_asked_for():
    with pytest.raises(XTransplantError, match="--data-dir"):
        load_examples(find_task("xnli"), "de")


def test_an_empty_folder_names_the_command(tmp_path):
    with pytest.raises(XTransplantError, match="huggingface-cli download facebook/xnli"):
        load_examples(find_task("xnli"), "de", data=DataSource(tmp_path))
