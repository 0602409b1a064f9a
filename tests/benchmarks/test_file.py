"""The user's own examples, from every kind of file."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xtransplant import XTransplantError
from xtransplant.bench.config import Config
from xtransplant.bench.task_plan import plan_task
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task
from xtransplant.tasks.wide import parse_wide

ROWS = [
    {"id": "a", "lang": "sw", "source": "one?", "target": "moja?", "answer": " 1",
     "candidates": [" 1", " 2"]},
    {"id": "b", "lang": "hi", "source": "two?", "target": "दो?", "answer": " 2",
     "candidates": [" 1", " 2"]},
]  # fmt: skip


def test_a_column_says_which_rows_go_together(tmp_path):
    rows = [{**row, "passage": "p1"} for row in ROWS]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    for columns, group in (((), ""), ((("group", "passage"),), "p1")):
        data = DataSource(file=path, columns=columns)
        (one,) = load_examples(find_task("file"), "sw", data=data).examples
        assert one.group == group


def write_rows(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        import csv

        with path.open("w", newline="") as text:
            writer = csv.DictWriter(text, list(rows[0]))
            writer.writeheader()
            for row in rows:
                writer.writerow({**row, "candidates": json.dumps(row["candidates"])})
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_files_of_the_users_own(tmp_path, suffix):
    data = DataSource(file=write_rows(tmp_path / f"mine{suffix}", ROWS))
    task = find_task("file")
    assert task.languages_in(data) == {"sw": "Swahili", "hi": "Hindi"}
    (one,) = load_examples(task, "hi", data=data).examples
    assert (one.source, one.target, one.answer) == ("two?", "दो?", " 2")
    assert (one.candidates, one.id, one.target_lang) == ((" 1", " 2"), "b", "hi")


def test_columns_may_have_other_names(tmp_path):
    rows = [{"q_en": "one?", "q_sw": "moja?", "gold": "1"}]
    columns = (("source", "q_en"), ("target", "q_sw"), ("answer", "gold"))
    data = DataSource(file=write_rows(tmp_path / "mine.jsonl", rows), columns=columns)
    assert load_examples(find_task("file"), "xx", data=data).examples[0].target == "moja?"


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        (ROWS, (("answer", "gld"),), r"no column 'gld'; it has answer, candidates"),
        (ROWS, (("answer", "Answer"),), "name the right one: --column answer=answer$"),
        ([{**ROWS[0], "lang": ""}, ROWS[1]], (), r"row 1 has no lang \(column 'lang'\)"),
        (
            [{"en": "one?", "sw": "moja?", "ar": "?", "id": "7", "answer": "1"}],
            (),
            "a column of prompts for each language is --wide en,ar,sw$",
        ),
        ([{**ROWS[0], "candidates": " 1\uff5c 2"}], (), r"row 1 has one candidate.*write \|;"),
        (ROWS, (("golden", "answer"),), r"'golden' is none of source, target"),
        ([{**ROWS[0], "answer": " 3"}], (), r"row 1: answer ' 3' is none of its candidates ' 1'"),
        ([{**ROWS[0], "answer": None}], (), r"row 1 has no answer"),
        ([{**ROWS[0], "candidates": [" 1", " 1"]}], (), "twice"),
    ],
)
def test_bad_files_are_one_line(tmp_path, rows, columns, said):
    data = DataSource(file=write_rows(tmp_path / "mine.jsonl", rows), columns=columns)
    with pytest.raises(XTransplantError, match=said) as error:
        load_examples(find_task("file"), "sw", data=data)
    assert "\n" not in str(error.value)


def test_one_candidate_is_refused_and_examples_carry_their_tasks_rule(tmp_path):
    path, row = tmp_path / "mine.jsonl", {"source": "a", "target": "b", "answer": " yes"}
    path.write_text(json.dumps({**row, "candidates": [" yes"]}) + "\n")
    with pytest.raises(XTransplantError, match="row 1 has one candidate, ' yes', which is always"):
        load_examples(find_task("file"), "xx", data=DataSource(file=path))
    path.write_text(json.dumps({**row, "candidates": [" yes", " no"]}) + "\n")
    (example,) = load_examples(find_task("file"), "xx", data=DataSource(file=path)).examples
    assert example.key.rule == example.source_key.rule == find_task("file").rule == "contains"


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_word_pairs_are_read_and_change_sides(tmp_path, suffix):
    rows = [{**ROWS[0], "source": "the one?", "target": "hii moja ?", "pairs": "0-0 1-1 1p2"}]
    data = DataSource(
        file=write_rows(tmp_path / f"mine{suffix}", rows), columns=(("alignment", "pairs"),)
    )
    task = find_task("file")
    (there,) = load_examples(task, "sw", "en-to-lang", "all", data).examples
    (back,) = load_examples(task, "sw", "lang-to-en", "all", data).examples
    assert there.alignment == ((0, 0), (1, 1), (1, 2))
    assert back.alignment == ((0, 0), (1, 1), (2, 1))


@pytest.mark.parametrize(
    ("pairs", "said"),
    [("0-0 1", "row 1: alignment: '1' is no pair of words"), ("0:0", "is no pair"),
     ("0-3", "word 3 of the target is past its end; it has 3 words"),
     ("7-0", "word 7 of the source"), ("x-1", "'x-1'")],
)  # fmt: skip
def test_word_pairs_that_are_none_are_one_line(tmp_path, pairs, said):
    rows = [{**ROWS[0], "source": "the one?", "target": "hii moja ?", "alignment": pairs}]
    data = DataSource(file=write_rows(tmp_path / "mine.jsonl", rows))
    with pytest.raises(XTransplantError) as error:
        load_examples(find_task("file"), "sw", "en-to-lang", "all", data)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


WIDE = [
    {"en": "one?", "fr": "un ?", "sw": "moja?", "answer": "1", "answer_fr": "un",
     "answer_en": "one"},
    {"en": "two?", "fr": "deux ?", "sw": "mbili?", "answer": "2", "answer_fr": "deux",
     "answer_en": "two"},
]  # fmt: skip


def test_a_wide_file_has_a_column_for_each_language(tmp_path):
    data = DataSource(file=write_rows(tmp_path / "w.jsonl", WIDE), wide=("en", "fr", "sw"))
    task = find_task("file")
    assert list(task.languages_in(data)) == ["fr", "sw"]
    first, second = load_examples(task, "fr", data=data).examples
    assert (first.source, first.target, first.key.answers) == ("one?", "un ?", ("un",))
    assert (first.source_key.answers, first.target_lang, first.id) == (("one",), "fr", "1")
    assert second.id == "2"
    swahili = load_examples(task, "sw", data=data).examples
    assert [one.target for one in swahili] == ["moja?", "mbili?"]
    assert [one.key.answers for one in swahili] == [("1",), ("2",)]


@pytest.mark.parametrize(
    ("wide", "change", "said"),
    [
        (("en", "de"), {}, "no column 'de'; it has answer"),
        (("en", "fr"), {"fr": ""}, "row 1 has no target"),
        (("en", "sw"), {"sw": ""}, "row 1 has no target"),
    ],
)
def test_what_a_wide_file_lacks_is_said(tmp_path, wide, change, said):
    rows = [{**WIDE[0], **change}, WIDE[1]]
    data = DataSource(file=write_rows(tmp_path / "w.jsonl", rows), wide=wide)
    with pytest.raises(XTransplantError, match=said):
        load_examples(find_task("file"), wide[-1], data=data)


@pytest.mark.parametrize("text", ["en", "en,,fr", "en,fr,en"])
def test_wide_names_two_columns_or_more(text):
    with pytest.raises(XTransplantError, match=r"--wide .* such as en,fr,sw"):
        parse_wide(text)


def test_a_file_without_candidates_generates_unless_it_is_to_score(tmp_path):
    data, said = DataSource(file=write_rows(tmp_path / "w.jsonl", WIDE), wide=("en", "sw")), []
    config = Config(("file",), ("none",), data=data)
    assert plan_task(find_task("file"), config, said.append).mode == "generate"
    assert said == ["file has no candidates to score, so texts are generated (--mode generate)"]
    with pytest.raises(XTransplantError, match=r"a column candidates, in CSV as"):
        plan_task(find_task("file"), replace(config, mode="score"), said.append)
