"""Which rows stand together: none is lost, none stands for another, and what is missing is said."""

import csv
import io
import json
from dataclasses import replace

import pytest
from made_runs import PAIRS, make_run, make_summary

from xtransplant.report import data, formats
from xtransplant.report.curves import draw_curves
from xtransplant.report.document import Room, write_report
from xtransplant.report.heatmaps import draw_heatmaps
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs.store import open_run

DIAGONAL = [(k, k) for k in range(4)]


def bounds(tables):
    return [row for table in tables for row in table.rows if row.kind == "bound"]


def results(summaries):
    return json.loads(data.to_lm_eval(summaries))


@pytest.mark.parametrize(
    "other",
    [
        {"direction": "lang-to-en"}, {"split": "unseen"}, {"mode": "score"}, {"rule": "contains"},
        {"asked": "diagonal", "pairs": DIAGONAL}, {"digest": "other items"}, {"model": "org/other"},
    ],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_equal_numbers_are_not_the_same_quantity(tmp_path, other):
    """The same numbers, in runs that differ in one thing: every row of both is there."""
    two = [make_summary(tmp_path, name="a"), make_summary(tmp_path, name="b", **other)]
    equal = {"xnli": two[0].tasks["xnli"].languages}
    if "pairs" not in other:
        task = replace(two[1].tasks["xnli"], languages=equal["xnli"])
        two[1] = replace(two[1], tasks={"xnli": task})
    tables = make_tables(two)
    apart = not {"digest", "model"} & set(other)
    assert len(tables) == (2 if apart else 1)
    assert len({table.title for table in tables}) == len(tables)
    alone = [row for one in two for table in make_tables([one]) for row in table.rows]
    rows = [row for table in tables for row in table.rows]
    assert len(rows) == len(alone)
    assert sorted(str(row.rates) for row in rows) == sorted(str(row.rates) for row in alone)
    for table in tables:
        labels = [row.label for row in table.rows]
        assert len(set(labels)) == len(labels)
    # In JSON too: nothing is written over.
    counted = [key for one in results(two)["rows"].values() for key in one]
    assert len(counted) == len(alone) - (2 if "pairs" in other and _same_vanilla(two) else 0)


def _same_vanilla(two):
    a, b = (one.tasks["xnli"].languages["sw"] for one in two)
    return a.vanilla == b.vanilla


def test_a_bound_keeps_its_null_whoever_says_the_same(tmp_path):
    """Two runs whose bounds differ and whose nulls agree: each bound has its own null."""
    one = make_summary(tmp_path, name="a")
    tally = one.tasks["xnli"].languages["sw"].strategies["ffn-swap"]
    worse = {
        level: replace(t, overall=replace(t.overall, right=t.overall.right - 1))
        for level, t in tally.items()
    }
    counts = replace(one.tasks["xnli"].languages["sw"], strategies={"ffn-swap": worse})
    task = replace(one.tasks["xnli"], languages={"sw": counts})
    other = replace(one, name="b", tasks={"xnli": task})
    tables = make_tables([one, other])
    overall = [row for row in bounds(tables) if row.key == "ffn-swap,bound"]
    assert [row.runs for row in overall] == [("a",), ("b",)]
    assert overall[0].nulls == overall[1].nulls == {"sw": overall[0].nulls["sw"]}
    text = formats.to_markdown(tables)
    assert text.count("upper bound") - text.count("the same upper bound") - text.count(
        "(upper bound)"
    ) == text.count("| its null |")
    entry = results([one, other])["results"]["xnli_en-to-lang_pilot_generate_choice_sw"]
    for run in "ab":
        assert f"acc,ffn-swap,bound,{run}" in entry
        assert f"acc_null,ffn-swap,bound,{run}" in entry
    # What both say is said once, under its own name.
    assert "acc,vanilla" in entry
    assert not any(key.startswith("acc,vanilla,") for key in entry)


def test_the_same_run_twice_is_one(tmp_path):
    run = make_run(tmp_path / "run", langs=("sw",), strategies=("ffn-swap",))
    once = write_report([run.path], formats=["markdown"]).texts
    assert write_report([run.path, str(run.path) + "/"], formats=["markdown"]).texts == once
    summary = summarise(run)
    twins = make_tables([summary, replace(summary, name="copy")])
    assert [row.label for row in twins[0].rows] == [
        row.label for row in make_tables([summary])[0].rows
    ]


def test_runs_of_one_name_are_told_apart(tmp_path):
    paths = [
        make_run(tmp_path / name / "run", langs=("sw",), strategies=("ffn-swap",), seed=k).path
        for k, name in enumerate("ab")
    ]
    document = json.loads(write_report(paths, formats=["json"]).texts[0])
    assert set(document["runs"]) == {str(path) for path in paths}


def test_chosen_pairs_stand_beside_every_search(tmp_path):
    pilot = make_summary(tmp_path, name="p", own_pairs=True, asked="@x", pairs=[(3, 1)])
    grid = make_summary(tmp_path, name="g")
    diagonal = make_summary(tmp_path, name="d", asked="diagonal", pairs=DIAGONAL)
    tables = make_tables([pilot, grid, diagonal])
    assert [table.subject.pairs for table in tables] == ["overall", "diagonal"]
    for table in tables:
        assert any(row.kind == "pilot" for row in table.rows)
    assert len(make_tables([pilot])) == 1
    keys = results([pilot, grid, diagonal])["rows"]["xnli_en-to-lang_pilot_generate_choice"]
    assert [key for key in keys if "pilot" in key] == ["ffn-swap,pilot"]
    assert {"ffn-swap,best,g", "ffn-swap,best,d"} <= set(keys)


@pytest.mark.parametrize(
    ("pairs", "shown"),
    [
        (PAIRS, {"bound": 16, "bound,last→j": 4, "bound,i→0": 4}),
        (DIAGONAL, {"bound": 4}),
        ([(3, 0), (3, 2), (1, 0)], {"bound": 3, "bound,last→j": 2, "bound,i→0": 2}),
        ([(3, j) for j in range(4)], {"bound": 4}),
        ([(2, 1)], {}),
    ],
)
def test_a_bound_says_over_how_many_pairs_it_runs(tmp_path, pairs, shown):
    summary = make_summary(tmp_path, pairs=pairs, asked="some", langs=("sw", "zh"))
    found = bounds(make_tables([summary]))
    assert {row.key.removeprefix("ffn-swap,"): row.cells for row in found} == shown
    for row in found:
        assert row.label.endswith(f"best of {row.cells}")
    best = [row for row in make_tables([summary])[0].rows if row.kind == "best"]
    assert [row.cells for row in best] == ([len(pairs)] if shown else [])
    rows = list(csv.DictReader(io.StringIO(data.to_csv([summary]))))
    cells = [int(row["cells"]) for row in rows if row["kind"] == "bound"]
    assert all(count > 1 for count in cells)
    assert bool(cells) == bool(shown)


def test_curves_are_drawn_where_there_is_a_choice(tmp_path):
    def drawn(pairs):
        summary = make_summary(tmp_path, pairs=pairs)
        task = summary.tasks["xnli"]
        grids = {"ffn-swap": {"sw": task.languages["sw"].strategies["ffn-swap"]["match"]}}
        return draw_curves(summary, task, grids, "match")

    whole = drawn(PAIRS)
    labels = [text.get_text() for text in whole.legends[0].get_texts()]
    assert labels[0] == "ffn-swap, best of 4"
    assert drawn(DIAGONAL) is None
    assert drawn([(3, j) for j in range(4)]) is None
    uneven = drawn([(3, 0), (3, 1), (3, 2), (2, 0), (2, 1), (1, 0)])
    lines = [line for line in uneven.axes[0].lines if line.get_label().startswith("ffn-swap")]
    assert lines[0].get_label() == "ffn-swap, best of 2 to 3"
    assert list(lines[0].get_xdata()) == [2, 3]


@pytest.fixture
def partial(tmp_path):
    """A run whose manifest says complete, and that lacks a part of one language."""
    run = make_run(tmp_path / "partial", langs=("sw", "zh"), strategies=("ffn-swap",))
    run.part_path("correct", list(run.manifest.parts())[-1]).unlink()
    run = open_run(run.path)
    assert run.manifest.state == "complete"
    return run


def test_an_incomplete_run_is_marked_in_every_format(partial, tmp_path):
    names = ["terminal", "markdown", "csv", "json", "latex"]
    write_report([partial.path], formats=names, output=tmp_path / "o", room=Room(width=200))
    texts = {path.suffix: path.read_text() for path in (tmp_path / "o").iterdir()}
    for suffix in (".txt", ".md", ".tex"):
        title = next(line for line in texts[suffix].splitlines() if "pilot split" in line)
        assert "INCOMPLETE, 1 of 4 parts missing" in title
        note = " ".join(texts[suffix].split()).partition("partial is not complete")[2]
        assert note.startswith(
            ", though its manifest says complete: 1 of 4 parts are missing (xnli"
        )
        assert ("ddagger" if suffix == ".tex" else "‡") in texts[suffix]
    rows = list(csv.DictReader(io.StringIO(texts[".csv"])))
    assert {(row["complete"], row["missing_parts"]) for row in rows} == {("False", "1")}
    document = json.loads(texts[".json"])
    assert document["complete"] is False
    assert document["runs"]["partial"] == {
        "complete": False, "parts": 4, "manifest_state": "complete",
        "missing_parts": ["task=xnli/lang=zh/part-00001.parquet"],
    }  # fmt: skip
    assert not any(entry["complete"] for entry in document["results"].values())


def test_an_incomplete_run_is_marked_in_every_figure(partial):
    from xtransplant.report.bars import draw_bars

    summary = summarise(partial)
    task = summary.tasks["xnli"]
    grids = {"ffn-swap": {k: c.strategies["ffn-swap"]["match"] for k, c in task.languages.items()}}
    figures = [
        draw_heatmaps(summary, task, "ffn-swap", grids["ffn-swap"], "match"),
        draw_curves(summary, task, grids, "match"),
        draw_bars(make_tables([summary])[0]),
    ]
    for figure in figures:
        assert figure.get_suptitle().startswith("INCOMPLETE, 1 of 4 parts missing")


def test_a_whole_run_is_not_marked(tmp_path):
    run = make_run(tmp_path / "run", langs=("sw",), strategies=("ffn-swap",))
    for name in ("terminal", "markdown", "latex"):
        (shown,) = write_report([run.path], formats=[name]).texts
        assert "INCOMPLETE" not in str(shown)
        assert "‡" not in str(shown)
    assert json.loads(write_report([run.path], formats=["json"]).texts[0])["complete"] is True


def test_rows_of_a_partial_run_are_not_those_of_a_whole_one(tmp_path):
    """Though their numbers agree so far."""
    whole, partial = (
        make_summary(tmp_path, name=name, absent=absent)
        for name, absent in (("a", ()), ("b", (0,)))
    )
    (table,) = make_tables([whole, partial])
    assert {(row.runs, row.complete) for row in table.rows} == {(("a",), True), (("b",), False)}


def test_keys_stay_when_the_best_pair_changes(tmp_path):
    found = []
    for seed in range(6):
        summary = make_summary(tmp_path, seed=seed, langs=("sw", "zh"))
        entry = results([summary])["results"]["xnli_en-to-lang_pilot_generate_choice"]
        found.append((tuple(entry["acc_pair,ffn-swap,best"]), sorted(entry)))
    assert len({pair for pair, _ in found}) > 1
    assert all(keys == found[0][1] for _, keys in found)


@pytest.mark.parametrize(("in_sample", "words"), [(5, "sw 5 of 12"), (-1, "sw not known")])
def test_pairs_chosen_on_these_examples_are_marked(tmp_path, in_sample, words):
    summary = make_summary(
        tmp_path, own_pairs=True, asked="@x", pairs=[(3, 1)], in_sample=in_sample
    )
    (table,) = make_tables([summary])
    (row,) = [row for row in table.rows if row.kind == "pilot"]
    assert row.oracle
    assert any("in-sample" in note and words in note for note in table.notes)
    assert "ffn-swap, pilot pairs †" in formats.to_markdown([table])
    document = results([summary])
    assert document["oracles"] == ["ffn-swap,pilot"]
    rows = csv.DictReader(io.StringIO(data.to_csv([summary])))
    told = {(row["kind"], row["oracle"], row["in_sample"]) for row in rows}
    assert ("pair", "True", str(in_sample)) in told
    honest = make_summary(tmp_path, own_pairs=True, asked="@x", pairs=[(3, 1)])
    assert not any(row.oracle for row in make_tables([honest])[0].rows)
    assert not any("†" in note for note in make_tables([honest])[0].notes)


def test_what_is_not_known_is_the_same_as_itself(tmp_path):
    """A null may be NaN, which is unlike any number, itself included."""
    two = []
    for name in "ab":
        one = make_summary(tmp_path, name=name)
        counts = one.tasks["xnli"].languages["sw"]
        unknown = {
            level: replace(t, overall=replace(t.overall, null=float("nan")))
            for level, t in counts.strategies["ffn-swap"].items()
        }
        counts = replace(counts, strategies={"ffn-swap": unknown})
        task = replace(one.tasks["xnli"], languages={"sw": counts})
        two.append(replace(one, tasks={"xnli": task}))
    (table,) = make_tables(two)
    assert len(table.rows) == len(make_tables(two[:1])[0].rows)
    assert '"acc_null,ffn-swap,bound": null' in data.to_lm_eval(two)


def test_a_rule_that_is_not_the_tasks_own_is_said(tmp_path):
    summary = make_summary(tmp_path, rule="contains")
    assert not any("the task's own" in note for note in make_tables([summary])[0].notes)
    object.__setattr__(summary.manifest.tasks["xnli"], "task_rule", "choice")
    (table,) = make_tables([summary])
    assert "run is judged by the rule contains, not by the task's own, choice" in table.notes
    assert "rule contains" in table.title


def test_the_rule_that_judged_is_named(tmp_path):
    generated, scored = (make_summary(tmp_path, mode=mode) for mode in ("generate", "score"))
    assert "rule choice" in make_tables([generated])[0].title
    assert "rule" not in make_tables([scored])[0].title
