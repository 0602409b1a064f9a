"""What tells items apart is the same in all languages."""

from pathlib import Path

import pytest
from made_run import made_run

from xtransplant.runs.items import by_question, item_ids, judging_items, without_languages
from xtransplant.runs.store import open_run

OLD = Path(__file__).parents[1] / "old_runs"


def test_babels_facts_are_the_same_items_in_all_languages():
    """Its ids end in the languages: each example was an item of its own."""
    run = open_run(OLD / "babel-pilot-645e146534")
    sw, zh = (item_ids(run, "babel", lang).tolist() for lang in ("sw", "zh"))
    assert sw == zh
    assert len(set(sw)) == len(sw) > 1


def test_only_the_languages_at_the_end_of_every_id_are_no_part_of_it():
    assert without_languages(["a-en-sw", "b-en-sw"], "en", "sw") == ["a", "b"]
    assert without_languages(["a-sw-en", "b-sw-en"], "sw", "en") == ["a", "b"]
    for kept in (["a-en-sw", "b"], ["a-sw-en", "b-sw-en"], ["-en-sw"], ["a-sw"], []):
        assert without_languages(kept, "en", "sw") == kept


def test_questions_of_a_group_are_one_item(tmp_path):
    run = made_run(tmp_path / "run", groups=3)
    own = [item_ids(run, "made", lang).tolist() for lang in ("sw", "zh")]
    assert own[0] == own[1] == [f"g{k % 3}" for k in range(6)]
    judges = judging_items(run, "made", "sw", item_ids(run, "made", "sw"))
    assert judges.shape == (6, 8)
    assert set(judges.ravel()) <= {"g0", "g1", "g2", ""}


@pytest.mark.parametrize(
    ("ids", "same"),
    [
        ((["1", "2"], ["3", "4"]), True),  # numbers of a file's rows
        ((["1", "2"], ["2", "1"]), False),  # the file's own, whatever is asked
        ((["a", "b"], ["c", "d"]), False),
    ],
)
def test_rows_of_a_file_are_told_apart_by_what_they_ask_in_english(ids, same):
    found = by_question(dict(zip(("sw", "zh"), ids, strict=True)), "zh", ["one?", "two?"])
    assert (found is not None) is same
    if same:
        assert found == by_question({"sw": ["3", "4"], "zh": ["1", "2"]}, "sw", ["one?", "two?"])
        assert len(set(found)) == 2


def test_rows_that_ask_the_same_keep_their_numbers():
    assert by_question({"sw": ["1", "2"], "zh": ["3", "4"]}, "sw", ["one?", "one?"]) is None
    assert by_question({"sw": ["1", "2"]}, "sw", ["one?", "two?"]) is None
