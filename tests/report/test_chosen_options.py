"""Which option is chosen beside which is right, against the records of a run."""

import json
from collections import Counter

import pytest
from made_runs import OPTIONS, N, make_run

from xtransplant.bench.rescore import rescore
from xtransplant.report.chosen_options import chosen_options, options_grid
from xtransplant.report.data import to_lm_eval
from xtransplant.report.formats import to_markdown
from xtransplant.report.rows import rows_of
from xtransplant.report.summary import TaskRun, summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import records
from xtransplant.runs.golds import read_golds
from xtransplant.runs.read import read_part


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "one", alike=True)


def runs_of(run):
    summary = summarise(run)
    return [TaskRun(summary, summary.tasks["xnli"])]


def said(output):
    """The option that a made-up text names, or none."""
    return next((k for k, mark in enumerate(OPTIONS) if f"({mark})" in output), None)


def test_counts_are_those_of_what_was_said(run):
    found = {one.of.key: one for one in chosen_options(runs_of(run), "match")}
    assert {"vanilla", "ffn-swap,best", "ffn-swap,0→0"} <= set(found)
    rows = records(run)
    for key, strategy, pair in (
        ("vanilla", "vanilla", None),
        ("ffn-swap,best", "ffn-swap", (3, 1)),
    ):
        own = rows[rows.strategy == strategy]
        if pair:
            own = own[(own.source_layer == pair[0]) & (own.target_layer == pair[1])]
        counts = Counter(map(said, own.output))
        assert found[key].all.none == counts.pop(None, 0)
        assert found[key].all.chosen.tolist() == [counts[k] for k in range(3)]
        assert sum(one.n for one in found[key].languages.values()) == found[key].all.n
    assert found["ffn-swap,best"].of.oracle


def test_a_null_grid_chooses_at_the_pairs_of_its_row(tmp_path):
    run = make_run(tmp_path / "run", strategies=["ffn-swap"], nulls={"ffn-swap": "other"})
    rows, found = records(run), list(chosen_options(runs_of(run), "match"))
    best, null = [one for one in found if one.of.key == "ffn-swap,best"]
    assert (best.of.null, null.of.null) == ("", "other")
    (pair,) = [row.pair for row in rows_of(*runs_of(run)[0], "match") if row.key == best.of.key]
    for one, name in ((best, "ffn-swap"), (null, "ffn-swap [null other]")):
        own = rows[(rows.strategy == name) & (rows.source_layer == pair[0])]
        counts = Counter(map(said, own[own.target_layer == pair[1]].output))
        assert one.all.none == counts.pop(None, 0)
        assert one.all.chosen.tolist() == [counts[k] for k in range(3)]
    lines = options_grid(runs_of(run), "match").lines
    assert [line.null for line in lines if line.label == "null grid other"] != []
    assert all(line.null == (line.label == "null grid other") for line in lines)


def test_golds_heavy_on_one_option_are_plain_to_see(run):
    text = to_markdown(make_tables([summarise(run)]))
    assert f"| right | 100.0 ({2 * N}) | 0.0 (0) | 0.0 (0) |" in text
    assert f"always 1 would be right on 100.0% of {2 * N}" in text
    more = json.loads(to_lm_eval([summarise(run)]))["more"]
    gold, *entries = more["xnli_en-to-lang_pilot_generate_choice"]["options"]
    assert gold == {"key": "right", "marks": list(OPTIONS), "right": [2 * N, 0, 0], "n": 2 * N}
    (vanilla,) = [one for one in entries if one["key"] == "vanilla"]
    assert vanilla["n"] + vanilla["none"] == 2 * N
    assert vanilla["distance"] > vanilla["by_chance"]
    assert sum(vanilla["languages"]["sw"]["chosen"]) == vanilla["languages"]["sw"]["n"]


def test_an_older_run_says_how_often_each_is_right_and_what_adds_the_rest(tmp_path):
    old = make_run(tmp_path / "old")
    for part in old.manifest.parts():
        table = read_part(old, "correct", part)
        old.write("correct", part, table.drop_columns(["parsed", "chosen"]), adds_columns=True)
    grid = options_grid(runs_of(old), "match")
    assert [line.label for line in grid.lines] == ["right"]
    assert "xtp rescore RUN adds it" in grid.notes[0]
    rescore(old.path)
    assert len(options_grid(runs_of(old), "match").lines) > 3


def test_a_task_without_options_has_no_table(tmp_path):
    run = make_run(tmp_path / "run", rule="contains")
    golds = read_golds(run, "xnli", "sw")
    assert golds.marks == OPTIONS
    for part in run.manifest.parts():
        table = read_part(run, "examples", part)
        at = table.column_names.index("options")
        none = table["options"].combine_chunks()
        empty = type(none).from_arrays([0] * (len(none) + 1), none.values[:0])
        run.write("examples", part, table.set_column(at, "options", empty))
    assert read_golds(run, "xnli", "sw") is None
    assert options_grid(runs_of(run), "match") is None
