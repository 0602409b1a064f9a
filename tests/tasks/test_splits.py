"""Splits of the user's own file: a column's, or a draw's."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtransplant import XTransplantError
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import item_digest, load_examples
from xtransplant.tasks.splits import select_split
from xtransplant.tasks.task import find_task

TASK = find_task("file")


def row(k, lang="sw", **more):
    return {"source": f"{k}?", "target": f"{lang} {k}?", "answer": "1", "lang": lang, **more}


@pytest.fixture
def mine(tmp_path):
    def write(rows, **options):
        file = tmp_path / "mine.jsonl"
        file.write_text("".join(json.dumps(one) + "\n" for one in rows))
        return DataSource(file=file, **options)

    return write


def digests(data, split, lang="sw"):
    return [item_digest(one) for one in load_examples(TASK, lang, split=split, data=data).examples]


@given(
    words=st.lists(st.text(max_size=3), min_size=2, max_size=300),
    seed=st.integers(min_value=0, max_value=5),
)
def test_a_draw_parts_the_items(words, seed):
    rows = [{"source": word} for word in words]
    own, data = [True] * len(rows), DataSource(seed=seed)
    if len(set(words)) < 2:
        with pytest.raises(XTransplantError, match="two different source prompts"):
            select_split("pilot", rows, own, "source", data)
        return
    pilot, unseen = (select_split(s, rows, own, "source", data) for s in ("pilot", "unseen"))
    assert pilot | unseen == select_split("all", rows, own, "source", data)
    assert not pilot & unseen
    sides = [{words[k - 1] for k in side} for side in (pilot, unseen)]
    assert not sides[0] & sides[1]
    assert len(sides[0]) == min(50, len(set(words)) // 2)


def test_languages_that_ask_the_same_have_the_same_pilot(mine):
    rows = [row(k, lang) for lang in ("sw", "hi") for k in range(30)]
    # In whatever order their rows stand.
    rows[30:] = rows[:29:-1]
    data = mine(rows)
    sides = [
        sorted(one.source for one in load_examples(TASK, lang, split="pilot", data=data).examples)
        for lang in ("sw", "hi")
    ]
    assert sides[0] == sides[1]
    assert len(sides[0]) == 15
    other = DataSource(file=data.file, seed=1)
    assert digests(other, "pilot") != digests(data, "pilot")
    assert not set(digests(data, "pilot")) & set(digests(data, "unseen"))


def test_all_is_the_default_and_everything(mine):
    data = mine([row(k) for k in range(5)])
    assert TASK.splits_in(data) == ("all", "pilot", "unseen")
    assert digests(data, None) == digests(data, "all")
    assert len(digests(data, "all")) == 5


def test_a_column_names_the_splits(mine):
    data = mine([row(k, part="dev" if k < 2 else "test") for k in range(5)], split_by="part")
    assert TASK.splits_in(data) == ("dev", "test", "all")
    assert digests(data, None) == digests(data, "dev")
    assert digests(data, "dev") + digests(data, "test") == digests(data, "all")
    with pytest.raises(XTransplantError, match="no split 'pilot'; choose dev, test, all"):
        digests(data, "pilot")


def test_a_split_called_all_is_that_one(mine):
    data = mine([row(k, part="all" if k else "some") for k in range(3)], split_by="part")
    assert len(digests(data, "all")) == 2


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_row_that_names_no_split(mine, value):
    data = mine([row(0, part="a"), row(1, part=value)], split_by="part")
    with pytest.raises(XTransplantError, match=r"row 2 names no split in column 'part'"):
        digests(data, "a")


def test_a_column_that_is_not_there(mine):
    with pytest.raises(XTransplantError, match="no column 'half'"):
        digests(mine([row(0)], split_by="half"), "all")
