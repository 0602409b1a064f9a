"""Tables, formats and figures of runs, from made-up records: no model."""

import csv
import io
import json
import math
import re
from dataclasses import replace

import pytest
from made_runs import N, make_run

from xtransplant import XTransplantError
from xtransplant.cli.docs import page
from xtransplant.report.data import to_frame, to_lm_eval
from xtransplant.report.document import Room, write_report
from xtransplant.report.formats import FORMATS, text_grids
from xtransplant.report.listing import runs_table
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "one")


def test_no_oracle_goes_unmarked_and_no_bound_without_its_null(run):
    for level in ("strict", "match", "lenient"):
        (table,) = make_tables([summarise(run)], level)
        bounds = [row for row in table.rows if row.kind == "bound"]
        assert len(bounds) == 6
        assert all(set(row.nulls) == set(row.rates) for row in bounds)
        assert all(row.nulls is None for row in table.rows if row.kind != "bound")
        assert any("oracle" in note for note in table.notes)
        assert {row.kind for row in table.rows if row.oracle} == {"best", "bound"}


def test_what_is_not_finite_and_what_changes_nothing_is_said(tmp_path, run):
    odd = make_run(tmp_path / "odd", bad=True, idle=True)
    for name in ("terminal", "markdown", "latex"):
        written = write_report(
            [odd.path], formats=[name], output=tmp_path / name, room=Room(width=300)
        ).written
        text = " ".join(written[0].read_text().split()).replace("\\", "")
        assert f"odd: {2 * N} of {2 * N * (2 + 2 * 16)} cells are not finite" in text
        assert "attn-swap changes nothing: in every cell of odd" in text
        assert "ffn-swap changes nothing" not in text
    (table,) = make_tables([summarise(run)])
    assert not any("not finite" in note or "changes nothing" in note for note in table.notes)
    for counts in summarise(odd).tasks["xnli"].languages.values():
        assert counts.strategies["ffn-swap"]["lenient"].hits[0, 0] == 0
        assert counts.states["ffn-swap"].not_finite == N


def test_a_null_that_is_not_known_is_no_nought(tmp_path):
    alike = make_run(tmp_path / "alike", alike=True)
    (table,) = make_tables([summarise(alike)])
    nulls = [rate for row in table.rows for rate in (row.nulls or {}).values()]
    assert nulls
    assert all(math.isnan(rate.value) for rate in nulls)
    assert any("null –: no other example has another answer" in note for note in table.notes)
    written = write_report(
        [alike.path], formats=["terminal", "markdown", "latex", "csv", "json"], figures=["svg"],
        output=tmp_path / "report", room=Room(width=200),
    ).written  # fmt: skip
    for path in written:
        if path.suffix in (".txt", ".md", ".json"):
            assert "nan" not in path.read_text().lower()


def test_the_null_is_told_in_words(run):
    (table,) = make_tables([summarise(run)])
    (note,) = [note for note in table.notes if note.startswith("its null")]
    assert "the mean over 8 seeded derangements" in note
    assert "none gets its own answer" in note


@pytest.mark.parametrize("name", ["terminal", "markdown", "latex"])
def test_every_format_says_the_same_numbers(run, name, tmp_path):
    (table,) = make_tables([summarise(run)])
    written = write_report(
        [run.path], formats=[name], output=tmp_path, room=Room(width=200)
    ).written
    text = written[0].read_text()
    for row in table.rows:
        for rate in (*row.rates.values(), *(row.nulls or {}).values()):
            assert f"{100 * rate.value:.1f}" in text
        assert f"{100 * row.micro.value:.1f}" in text
        if row.oracle:
            assert ("$\\dagger$" if name == "latex" else "†") in text
    assert "oracle" in text


def test_latex_is_balanced_and_escaped(run):
    shown = write_report([run.path], formats=["latex"]).texts[0]
    (table,) = make_tables([summarise(run)])
    n_tables = len(list(text_grids([table])))
    assert shown.count("\\begin{tabular}") == shown.count("\\end{tabular}") == n_tables
    body = shown.split("\\midrule")[1].split("\\bottomrule")[0]
    n_columns = len(re.search(r"@\{\}(l r*|lr*)@\{\}", shown)[1])
    for line in body.strip().splitlines():
        if "\\\\" in line:
            assert len(re.split(r"(?<!\\)&", line)) == n_columns
    assert not re.search(r"(?<!\\)[_#%&](?![^\n]*\\\\)", re.sub(r"&", "", body))
    assert shown.count("{") == shown.count("}")


def test_every_table_of_latex_has_as_many_cells_as_columns(run):
    text = write_report([run.path], formats=["latex"]).texts[0]
    found = re.findall(r"begin\{tabular\}\{@\{\}l(r*)@\{\}\}(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert len(found) > 5
    for columns, body in found:
        rows = [line for line in body.splitlines() if line.endswith("\\\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(columns)}
        assert "\\midrule\n\\addlinespace" not in body
        # A sign is none of a hyphen's width.
        cells = [cell for row in rows for cell in row.split(" & ")[1:]]
        assert not [cell for cell in cells if re.search(r"(^|[ (])-\d", cell)]
    assert re.search(r" & \$-\$\d", text)
    # What pdfLaTeX shows as a number is a user's letters, none of ours.
    assert "\\xtpletter{" not in text.split("\\fi}", 1)[1]


def test_csv_writes_counts_and_layers_whole(run):
    (header, *rows) = csv.reader(io.StringIO(write_report([run.path], formats=["csv"]).texts[0]))
    counts = ["source_layer", "target_layer", "right", "n", "cells", "gap_n", "fixed", "broken"]
    for name in counts:
        written = {row[header.index(name)] for row in rows}
        assert written - {""}
        assert all(re.fullmatch(r"-?\d*", one) for one in written), name


def test_csv_holds_every_pair_and_bound(run):
    text = write_report([run.path], formats=["csv"]).texts[0]
    rows = list(csv.DictReader(io.StringIO(text)))
    found = to_frame([summarise(run)])
    assert len(rows) == len(found)
    one = found[(found.level == "match") & (found.lang == "sw") & (found.strategy == "ffn-swap")]
    assert (one.kind == "pair").sum() == 16
    assert (one.kind == "bound").sum() == 1 + 4 + 4
    assert sorted(one[one.kind == "bound"].cells) == [4] * 8 + [16]
    assert one[one.kind == "bound"].oracle.all()
    assert not one[one.kind == "pair"].oracle.any()
    assert one[one.kind == "bound"].null.notna().all()
    best = one[one.kind == "pair"].sort_values("right").iloc[-1]
    assert (best.source_layer, best.target_layer) == (3, 1)


NAME = "xnli_en-to-lang_pilot_generate_choice"


def test_json_has_the_keys_of_lm_eval(run):
    document = json.loads(write_report([run.path], formats=["json"]).texts[0])
    (table,) = make_tables([summarise(run)])
    entry = document["results"][f"{NAME}_sw"]
    assert entry["alias"] == f"{NAME}_sw"
    for row in table.rows:
        rate = row.rates["sw"]
        assert entry[f"acc,{row.key}"] == rate.value
        assert entry[f"acc_stderr,{row.key}"] == pytest.approx(rate.stderr)
        assert entry[f"acc_ci95,{row.key}"] == pytest.approx(list(rate.ci95))
        assert entry[f"n,{row.key}"] == N
        assert row.oracle == (row.key in document["oracles"])
        assert (row.nulls is not None) == (f"acc_null,{row.key}" in entry)
        macro = document["results"][f"{NAME}_macro"]
        assert macro[f"acc,{row.key}"] == pytest.approx(row.macro[0])
        assert macro[f"acc_spread,{row.key}"] == pytest.approx(row.spread)
    assert document["n-samples"][f"{NAME}_sw"]["effective"] == N


def test_pilot_and_grid_stand_in_one_table(run, tmp_path):
    own = {"sw": (3, 1), "zh": (0, 0)}
    pilot = make_run(tmp_path / "pilot", own_pairs=own)
    (table,) = make_tables([summarise(pilot), summarise(run)])
    rows = {row.label: row for row in table.rows}
    assert rows["ffn-swap, pilot pairs"].pairs == own
    assert "sw 3→1, zh 0→0" in " ".join(table.notes)
    assert [row.strategy for row in table.rows] == sorted(
        (row.strategy for row in table.rows),
        key=["", "attn-swap", "ffn-swap"].index,
    )


def test_one_pair_of_all_languages_is_named_once(tmp_path):
    pilot = make_run(tmp_path / "pilot", own_pairs={"sw": (3, 1), "zh": (3, 1)})
    (table,) = make_tables([summarise(pilot)])
    assert "ffn-swap, pilot pair 3→1" in {row.label for row in table.rows}
    results = json.loads(to_lm_eval([summarise(pilot)]))["results"]
    assert {tuple(one["acc_pair,ffn-swap,pilot"]) for name, one in results.items()
            if not name.endswith("_macro")} == {(3, 1)}  # fmt: skip
    assert "sw 3→1" not in " ".join(table.notes)


def test_models_are_told_apart(run, tmp_path):
    other = make_run(tmp_path / "other", model="org/other", seed=1)
    (table,) = make_tables([summarise(run), summarise(other)])
    assert {"vanilla (target) [org/model]", "vanilla (target) [org/other]"} <= {
        row.label for row in table.rows
    }


def test_what_was_left_out_is_said(tmp_path):
    run = make_run(tmp_path / "run", left_out={"de": "rows 210 to 999"})
    assert any("de is left out" in note for note in make_tables([summarise(run)])[0].notes)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_figures_are_drawn(run, tmp_path, suffix):
    written = write_report([run.path], figures=[suffix], output=tmp_path / "figures").written
    assert sorted(path.name for path in written) == [
        f"one-xnli-attn-swap-heatmap.{suffix}", f"one-xnli-ffn-swap-heatmap.{suffix}",
        f"one-xnli-union-size.{suffix}", f"one-xnli-upper-bound.{suffix}",
        f"xnli-en-to-lang-pilot-generate-choice-overall-bars.{suffix}",
        f"xnli-en-to-lang-pilot-generate-choice-overall-flips.{suffix}",
        f"xnli-en-to-lang-pilot-generate-choice-overall-gap.{suffix}",
    ]  # fmt: skip
    magic = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert all(path.read_bytes().startswith(magic) for path in written)


def test_the_heatmap_is_centred_on_vanilla_and_marks_the_best(run):
    from xtransplant.report.heatmaps import draw_heatmaps

    summary = summarise(run)
    task = summary.tasks["xnli"]
    tallies = {lang: c.strategies["ffn-swap"]["match"] for lang, c in task.languages.items()}
    figure = draw_heatmaps(summary, task, "ffn-swap", tallies, "match")
    panel = next(axes for axes in figure.axes if axes.get_title().startswith("sw"))
    image = panel.images[0]
    assert image.norm.vmin == -image.norm.vmax
    change = 100 * (tallies["sw"].rate((3, 1)).value - task.languages["sw"].vanilla["match"].value)
    assert image.get_array()[3, 1] == pytest.approx(change)
    assert (panel.patches[0].get_x(), panel.patches[0].get_y()) == (0.5, 2.5)


def test_files_need_a_folder(run):
    with pytest.raises(XTransplantError, match="--output FOLDER"):
        write_report([run.path], formats=["csv", "json"])
    with pytest.raises(XTransplantError, match="--output FOLDER"):
        write_report([run.path], figures=["png"])


def test_a_folder_without_records_is_said(tmp_path):
    with pytest.raises(XTransplantError, match="is no run"):
        write_report([tmp_path])
    with pytest.raises(XTransplantError, match="no runs in"):
        runs_table(tmp_path)


def test_names_cannot_break_out_of_a_report(tmp_path):
    name = "org/<script>|evil_&%${}\\x"
    run = make_run(tmp_path / "run", model=name)
    shown = {f: write_report([run.path], formats=[f]).texts[0] for f in ("markdown", "latex")}
    assert "<script>" not in shown["markdown"].replace("\\<", "")
    assert "\\|evil" in shown["markdown"]
    assert "evil\\_\\&\\%\\$\\{\\}" in shown["latex"]


def test_missing_glyphs_are_said_in_one_line(run, tmp_path, caplog):
    # A strategy may be called anything; Linear A is in no font.
    odd = make_run(tmp_path / "odd", strategies=("\U00010600",), langs=("sw",))
    write_report([odd.path], figures=["png"], output=tmp_path)
    assert sum("no installed font has Linear" in message for message in caplog.messages) >= 1


def test_the_manifest_round_trips(run):
    from xtransplant.runs.read_manifest import read_manifest

    assert read_manifest(run.path) == run.manifest
    assert replace(run.manifest, finished="").state == "running"


def test_the_command_line_offers_every_format():
    (line,) = [one for one in page().splitlines() if one.startswith("| `--format`")]
    assert all(name in line for name in FORMATS)


def test_wide_latex_goes_on_below(run):
    (whole,) = write_report([run.path], formats=["latex"]).texts
    (split,) = write_report([run.path], formats=["latex"], room=Room(columns=2)).texts
    for text, most in ((whole, 99), (split, 2)):
        tables = re.findall(r"begin\{tabular\}\{@\{\}l(r*)@\{\}\}(.*?)\\end\{tabular\}", text, re.S)
        assert max(len(columns) for columns, _ in tables) <= most
        for columns, body in tables:
            lines = [line for line in body.splitlines() if line.endswith("\\\\")]
            assert {len(re.split(r"(?<!\\)&", line)) for line in lines} == {1 + len(columns)}
    assert split.count("\\begin{table}") == whole.count("\\begin{table}")
    cells = [sorted(re.findall(r"\d+\.\d", text)) for text in (whole, split)]
    assert cells[0] == cells[1]  # the same numbers, in another order


def test_the_markdown_shows_the_figures_beside_it(run, tmp_path):
    written = write_report(
        [run.path], formats=["markdown"], figures=["pdf", "png"], output=tmp_path
    ).written
    text = (tmp_path / "report.md").read_text()
    linked = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert sorted(linked) == sorted(one.name for one in written if one.suffix == ".png")
    assert all((tmp_path / name).is_file() for name in linked)
