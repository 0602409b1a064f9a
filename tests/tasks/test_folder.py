"""What a folder in the paper's layout is held to before it is used."""

import pytest
from datasets_made import xnli_folder

from xtransplant import XTransplantError
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples, pick_example
from xtransplant.tasks.task import find_task


@pytest.mark.parametrize("inner", [False, True])
def test_the_papers_layout_is_read(tmp_path, inner):
    data = xnli_folder(tmp_path)
    data = DataSource(tmp_path / "XNLI") if inner else data
    task = find_task("xnli")
    assert list(task.languages_in(data)) == ["sw"]
    found = load_examples(task, "sw", data=data).examples
    assert len(found) == 30
    assert found[1].key.answers == ("2",)
    assert found[1].key.labels == ("Yes", "Maybe", "No")
    assert found[1].candidates == (" (1)", " (2)", " (3)")


def test_half_a_json_line_is_named(tmp_path):
    data = xnli_folder(tmp_path)
    path = tmp_path / "XNLI" / "XNLI_sample" / "split" / "sw.json"
    path.write_text(path.read_text() + '"half a li')
    with pytest.raises(XTransplantError, match=r"sw\.json line 31 is no JSON"):
        load_examples(find_task("xnli"), "sw", data=data)


def test_files_of_different_length_are_said(tmp_path):
    data = xnli_folder(tmp_path, **{"ans/sw.json": ["1"]})
    with pytest.raises(XTransplantError, match=r"ans/sw\.json has 1"):
        load_examples(find_task("xnli"), "sw", data=data)


def test_a_gold_outside_the_options_is_said(tmp_path):
    data = xnli_folder(tmp_path, **{"ans/sw.json": ["4"] * 30})
    with pytest.raises(XTransplantError, match=r"line 1: '4' is not 1, 2 or 3"):
        load_examples(find_task("xnli"), "sw", data=data)


def test_a_missing_language_offers_those_there_are(tmp_path):
    with pytest.raises(XTransplantError, match=r"no language 'sv'.*it has sw"):
        load_examples(find_task("xnli"), "sv", data=xnli_folder(tmp_path))


def test_an_example_that_is_misaligned_is_not_picked(tmp_path):
    data = xnli_folder(tmp_path, **{"ans/sw.json": ["1"] * 30})
    task = find_task("xnli")
    assert pick_example(task, "sw", 0, None, None, data).answer == " (1)"
    with pytest.raises(XTransplantError, match="not the same item"):
        pick_example(task, "sw", 1, None, None, data)
