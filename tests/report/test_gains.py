"""Gains and curves of a report, against counting its records the long way."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_runs import N, make_run

from xtransplant.bench.rescore import rescore
from xtransplant.report.cell_marks import marked_pairs
from xtransplant.report.data import to_frame, to_lm_eval
from xtransplant.report.flip_bars import draw_flips
from xtransplant.report.formats import to_markdown
from xtransplant.report.gains import curves_of
from xtransplant.report.heatmaps import draw_heatmaps
from xtransplant.report.latex import to_latex
from xtransplant.report.some_of_k import some_of_k_grid
from xtransplant.report.summary import TaskRun, summarise
from xtransplant.report.tables import make_tables
from xtransplant.report.union import draw_union
from xtransplant.runs import records
from xtransplant.runs.read import read_part
from xtransplant.stats import compare_cells

NAME = "xnli_en-to-lang_pilot_generate_choice"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "one")


def by_hand(run, level, pair):
    """Of ffn-swap at a pair: right before and after, by language and example."""
    rows = records(run).set_index(["lang", "example"])
    own = rows[rows.strategy == "ffn-swap"]
    own = own[(own.source_layer == pair[0]) & (own.target_layer == pair[1])][level]
    before = rows[rows.strategy == "vanilla"][level]
    return before.reindex(own.index).to_numpy(bool), own.to_numpy(bool)


@pytest.mark.parametrize("level", ["strict", "match", "lenient"])
def test_flips_are_those_of_the_records(run, level):
    rows = [row for row in make_tables([summarise(run)], level)[0].rows if row.pair]
    rows = [row for row in rows if row.strategy == "ffn-swap"]
    assert {row.kind for row in rows} == {"pair", "best"}
    for row in rows:
        before, after = by_hand(run, level, row.pair)
        found = row.gains.vanilla
        assert found.n == len(before) == 2 * N
        assert found.fixed == (after & ~before).sum()
        assert found.broken == (before & ~after).sum()
        assert len(found.counts) == N  # an item is there in both languages
        each = row.gains.by_language.values()
        assert sum(one.fixed for one in each) == found.fixed


def in_format(rows, level, flip):
    """Of examples that are fixed or broken: how many in format, the long way."""
    wrong, right = ("before", "after") if flip == "fixed" else ("after", "before")
    flips = rows[~rows[f"{level} {wrong}"] & rows[f"{level} {right}"]]
    return sum(
        not parsed or lenient
        for parsed, lenient in zip(
            flips[f"parsed {wrong}"], flips[f"lenient {wrong}"], strict=True
        )
    )  # fmt: skip


@pytest.mark.parametrize("level", ["strict", "match", "lenient"])
def test_flips_in_format_are_those_without_an_answer_or_right_at_lenient(run, level):
    columns = ["strict", "match", "lenient", "parsed"]
    rows = records(run).set_index(["lang", "example"])
    before = rows[rows.strategy == "vanilla"][columns].add_suffix(" before").astype(bool)
    summary, seen = summarise(run), 0
    entries = to_frame([summary])
    entries = entries[(entries.level == level) & (entries.kind == "pair")]
    for row in make_tables([summary], level)[0].rows:
        if row.pair is None or row.strategy != "ffn-swap":
            continue
        own = rows[(rows.strategy == "ffn-swap") & (rows.source_layer == row.pair[0])]
        own = own[own.target_layer == row.pair[1]][columns].add_suffix(" after").astype(bool)
        own, found = before.join(own), row.gains.vanilla
        assert found.fixed - found.knowledge.fixed == in_format(own, level, "fixed")
        assert found.broken - found.knowledge.broken == in_format(own, level, "broken")
        seen += in_format(own, level, "fixed") + in_format(own, level, "broken")
        mine = entries[(entries.strategy == "ffn-swap") & (entries.source_layer == row.pair[0])]
        mine = mine[mine.target_layer == row.pair[1]]
        assert mine.fixed_format.sum() == in_format(own, level, "fixed")
        assert mine.broken_format.sum() == in_format(own, level, "broken")
    assert seen > 0


def test_a_picture_hatches_what_is_fixed_and_broken_in_format(run):
    (table,) = make_tables([summarise(run)])
    gains = [row.gains.vanilla for row in table.rows if row.gains.vanilla is not None]
    expected = [
        100 * flip / one.n
        for one in gains
        for flip in (one.fixed - one.knowledge.fixed, one.knowledge.broken - one.broken)
        if flip
    ]
    (axes,) = draw_flips(table).axes
    hatched = [bar.get_width() for bar in axes.patches if bar.get_hatch()]
    assert hatched == pytest.approx(expected)
    assert len(hatched) > 2


def test_what_is_format_is_not_known_of_a_run_that_does_not_say_which_texts_are_answers(
    run, tmp_path
):
    old = make_run(tmp_path / "old")
    for part in old.manifest.parts():
        table = read_part(old, "correct", part)
        old.write("correct", part, table.drop_columns(["parsed", "chosen"]), adds_columns=True)
    tables = make_tables([summarise(old)])
    text = to_markdown(tables)
    assert "xtp rescore RUN adds it" in text
    assert "xtp rescore RUN adds it" not in to_markdown(make_tables([summarise(run)]))
    (row,) = [row for row in tables[0].rows if row.key == "ffn-swap,best"]
    assert f"| {row.gains.vanilla.fixed} (–) |" in text
    assert "acc_fixed_format" not in to_lm_eval([summarise(old)])
    assert rescore(old.path).changed == dict.fromkeys(("strict", "match", "lenient"), 0)
    assert to_markdown(make_tables([summarise(old)])) == to_markdown(
        make_tables([replace(summarise(run), name="old")])
    )


def test_formats_have_the_same_numbers(run):
    tables = make_tables([summarise(run)])
    (row,) = [row for row in tables[0].rows if row.key == "ffn-swap,best"]
    found, (low, high) = row.gains.vanilla, row.gains.vanilla.ci95
    points = f"{100 * found.value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    assert found.fixed > found.broken
    assert points in to_markdown(tables)
    assert points.replace("%", "\\%") in to_latex(tables)
    entry = json.loads(to_lm_eval([summarise(run)]))["results"][NAME]
    assert entry["acc_gain,ffn-swap,best"] == pytest.approx(found.value)
    assert entry["acc_gain_ci95,ffn-swap,best"] == pytest.approx([low, high])
    assert entry["acc_gain_p,ffn-swap,best"] == pytest.approx(found.p)
    assert entry["acc_fixed,ffn-swap,best"] == found.fixed
    assert entry["acc_broken,ffn-swap,best"] == found.broken
    in_format = found.fixed - found.knowledge.fixed
    assert f"| {found.fixed} ({in_format}) |" in to_markdown(tables)
    assert entry["acc_fixed_format,ffn-swap,best"] == in_format
    assert entry["acc_knowledge_gain,ffn-swap,best"] == pytest.approx(found.knowledge.value)
    assert entry["acc_knowledge_gain_ci95,ffn-swap,best"] == pytest.approx(found.knowledge.ci95)


def test_csv_has_the_flips_of_every_pair(run):
    found = to_frame([summarise(run)])
    found = found[(found.level == "match") & (found.strategy == "ffn-swap")]
    for pair, own in found[found.kind == "pair"].groupby(["source_layer", "target_layer"]):
        before, after = by_hand(run, "match", pair)
        assert own.fixed.sum() == (after & ~before).sum()
        assert own.broken.sum() == (before & ~after).sum()
        assert own.gain.mean() == pytest.approx(after.mean() - before.mean())
        assert own.gain_p.between(0, 1).all()


def test_csv_says_which_pairs_differ_as_the_dots_of_a_heatmap_do(run):
    summary = summarise(run)
    found = to_frame([summary])
    found = found[(found.level == "match") & (found.strategy == "ffn-swap")]
    assert found[found.kind != "pair"][["p_family", "q"]].isna().all(axis=None)
    for lang, own in found[found.kind == "pair"].groupby("lang"):
        own = own.set_index(["source_layer", "target_layer"])
        dotted = marked_pairs(summary.tasks["xnli"], "match", "ffn-swap", [lang])
        assert set(own.index[own.p_family <= 0.05]) == dotted
        counts = summary.tasks["xnli"].languages[lang]
        answers = counts.answers
        before, after = (answers[name].right[:, :, 1] for name in ("vanilla", "ffn-swap"))
        tests = compare_cells(before[:, 0], after, counts.items)
        assert [own.q[pair] for pair in answers["ffn-swap"].pairs] == pytest.approx(tests.q)


def test_the_table_of_a_curve_ends_at_the_upper_bound(run):
    summary = summarise(run)
    grid = some_of_k_grid([TaskRun(summary, summary.tasks["xnli"])], "match")
    assert grid.heads == ["n", "1 cell", "4 cells", "16 cells"]
    rows = records(run)
    for line in grid.lines:
        own = rows[rows.strategy == line.strategy].groupby(["lang", "example"]).match
        n, first, *_, last = line.cells
        assert int(n) == len(own) == 2 * N
        assert float(first) == pytest.approx(100 * own.mean().mean(), abs=0.05)
        assert float(last) == pytest.approx(100 * own.any().mean(), abs=0.05)


def test_a_curve_goes_from_the_mean_cell_to_the_upper_bound(run):
    summary = summarise(run)
    (row,) = [row for row in make_tables([summary])[0].rows if row.key == "ffn-swap,bound"]
    curve = row.curves[""]
    rows = records(run)
    own = rows[rows.strategy == "ffn-swap"]
    assert len(curve) == 16
    assert curve[0] == pytest.approx(own.match.mean())
    assert curve[-1] == pytest.approx(row.micro.value)
    entry = json.loads(to_lm_eval([summary]))["results"][NAME]
    assert entry["acc_curve,ffn-swap,bound"] == pytest.approx(curve.tolist())


def test_a_null_grid_has_its_curve_and_a_bound_its_gain_over_it(run, monkeypatch):
    summary = summarise(run)
    # attn-swap plays the null grid.
    nulls = {"ffn-swap": {"other": "attn-swap"}}
    monkeypatch.setattr(type(summary.manifest), "nulls_of", lambda _, name: nulls.get(name, {}))
    task = summary.tasks["xnli"]
    curves = curves_of(task, "match", "ffn-swap", nulls["ffn-swap"])
    other = curves_of(task, "match", "attn-swap")[""]
    assert curves["other"].tolist() == other.tolist()
    figure = draw_union(summary, task, ["ffn-swap"], "match")
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert np.allclose(lines["ffn-swap, null grid other"], 100 * other)
    from xtransplant.report.rows import rows_of

    (row,) = [row for row in rows_of(summary, task, "match") if row.key == "ffn-swap,bound"]
    assert row.gains.vanilla is None  # an oracle is not held to what can be reached
    assert row.gains.nulls["other"].value == pytest.approx(curves[""][-1] - other[-1])


def test_dotted_pairs_are_those_that_the_test_of_all_cells_finds(run):
    summary = summarise(run)
    task = summary.tasks["xnli"]
    befores, grids, items = [], [], []
    for lang, counts in task.languages.items():
        befores.append(by_hand(run, "match", (0, 0))[0].reshape(2, N)[len(befores)])
        grids.append(counts.answers["ffn-swap"].right[:, :, 1])
        items += [f"e{k}" for k in range(N)]
        assert counts.items.tolist() == items[:N], lang
    found = compare_cells(np.concatenate(befores), np.concatenate(grids), np.array(items))
    marked = marked_pairs(task, "match", "ffn-swap", ["sw", "zh"])
    every = task.languages["sw"].answers["ffn-swap"].pairs
    assert marked == {pair for pair, p in zip(every, found.p_family, strict=True) if p <= 0.05}
    assert (3, 1) in marked  # that is better by far
    assert marked_pairs(task, "match", "ffn-swap", []) == set()
    tallies = {lang: one.strategies["ffn-swap"]["match"] for lang, one in task.languages.items()}
    figure = draw_heatmaps(summary, task, "ffn-swap", tallies, "match")
    dots = {(line.get_ydata()[0], line.get_xdata()[0]) for line in figure.axes[0].lines}
    assert dots == marked
