"""What is mended of the gap and kept of the shared: as counted by hand, in every format."""

import csv
import io
import json

import pytest
from made_runs import N, make_run

from xtransplant.report.data import to_frame
from xtransplant.report.document import Room, write_report
from xtransplant.report.formats import to_markdown
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import records
from xtransplant.runs.store import open_run

LEVELS = ("strict", "match", "lenient")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "one", seed=3)


@pytest.fixture(scope="module")
def cells(run):
    return records(run)


def by_hand(cells, level, which, lang, row):
    """Of the examples of a set: how many a row of a table is right of, and how many there are."""
    if row.kind == "cross-fit":
        return cross_fitted(cells, level, which, lang, row)
    own = cells[(cells[f"set_{level}"] == which) & (cells.lang == lang)]
    n = own[own.strategy == "vanilla"].example.nunique()
    name = {"vanilla": "vanilla", "source": "source"}.get(row.kind, row.strategy)
    own = own[own.strategy == name]
    if row.pair is not None:
        own = own[(own.source_layer == row.pair[0]) & (own.target_layer == row.pair[1])]
    elif row.key.endswith("last→j"):
        own = own[own.source_layer == 3]
    elif row.key.endswith("i→0"):
        own = own[own.target_layer == 0]
    return own[own[level]].example.nunique(), n


def cross_fitted(cells, level, which, lang, row):
    """Each example by the pair that the folds without it chose."""
    own = cells[(cells[f"set_{level}"] == which) & (cells.lang == lang)]
    own = own[own.strategy == row.strategy]
    fold_of = row.choosing.by_example[lang]
    pairs = [row.choosing.folds[fold_of[k]] for k in own.example]
    here = [pair == (i, j) for pair, i, j in
            zip(pairs, own.source_layer, own.target_layer, strict=True)]  # fmt: skip
    return own[here][level].sum(), own.example.nunique()


@pytest.mark.parametrize("level", LEVELS)
def test_every_row_counts_the_two_sets_as_the_records_do(run, cells, level):
    (table,) = make_tables([summarise(run)], level)
    counted = 0
    for row in table.rows:
        assert set(row.sets) == {"gap", "shared"}
        for which, one in row.sets.items():
            for lang, rate in one.rates.items():
                assert (rate.right, rate.n) == by_hand(cells, level, which, lang, row)
                counted += rate.n
    assert counted
    vanilla, source = table.rows[:2]
    assert vanilla.sets["gap"].rates["sw"].right == 0
    assert source.sets["gap"].rates["sw"].value == vanilla.sets["shared"].rates["sw"].value == 1


def test_the_sets_of_a_language_are_all_its_examples(run):
    for counts in summarise(run).tasks["xnli"].languages.values():
        for level in LEVELS:
            sets = counts.sets[level]
            assert sum(sets.sizes.values()) + sets.unknown == N
            assert sets.sizes["gap"] + sets.sizes["shared"] == counts.source[level].right
            assert sets.sizes["target"] + sets.sizes["shared"] == counts.vanilla[level].right


def test_the_null_goes_by_the_answers_that_the_target_does_not_give_by_itself(run, cells):
    (table,) = make_tables([summarise(run)])
    row = next(row for row in table.rows if row.key == "attn-swap,best")
    own = cells[
        (cells.set_match == "gap") & (cells.strategy == "attn-swap") & (cells.lang == "sw")
        & (cells.source_layer == row.pair[0]) & (cells.target_layer == row.pair[1])
    ]  # fmt: skip
    target = cells[(cells.strategy == "vanilla") & (cells.lang == "sw")]
    given = target.set_index("example").other_match.astype(int)
    masks = own.set_index("example").other_match.astype(int)
    assert len(masks) == len(own) > 0
    drawn = {k: 255 & ~int(given[k]) for k in masks.index}
    assert any(given[k] for k in masks.index)
    changed = sum((int(mask) & drawn[k]).bit_count() for k, mask in masks.items())
    expected = changed / sum(one.bit_count() for one in drawn.values()) * len(own)
    assert row.sets["gap"].nulls["sw"].right == pytest.approx(expected)


def test_every_format_says_how_many_of_how_many(run, tmp_path):
    (table,) = make_tables([summarise(run)])
    for name in ("terminal", "markdown", "latex"):
        room = Room(width=100)
        written = write_report([run.path], formats=[name], output=tmp_path, room=room).written
        text = written[0].read_text()
        if name == "terminal":
            assert max(map(len, text.splitlines())) <= 100
        for row in table.rows:
            for one in row.sets.values():
                right, n = (
                    sum(getattr(rate, what) for rate in one.rates.values())
                    for what in ("right", "n")
                )
                assert f"{right} of {n}" in text
        assert "hold mended against its null" in " ".join(text.split())


def test_csv_and_json_have_the_numbers_of_the_table(run):
    (table,) = make_tables([summarise(run)])
    text = write_report([run.path], formats=["csv"]).texts[0]
    assert {"gap_right", "gap_n", "gap_ci95_low", "gap_null", "shared_right"} <= set(
        next(csv.reader(io.StringIO(text)))
    )
    frame = to_frame([summarise(run)])
    frame = frame[(frame.level == "match") & (frame.lang == "zh")]
    found = json.loads(write_report([run.path], formats=["json"]).texts[0])["results"]
    name = "xnli_en-to-lang_pilot_generate_choice"
    for row in table.rows:
        for which, one in row.sets.items():
            rate = one.rates["zh"]
            entry = found[f"{name}_zh"]
            assert entry[f"acc_{which}_n,{row.key}"] == rate.n
            assert entry[f"acc_{which},{row.key}"] == pytest.approx(rate.value)
            assert entry[f"acc_{which}_ci95,{row.key}"] == pytest.approx(list(rate.ci95))
            assert found[name][f"acc_{which}_n,{row.key}"] == sum(
                rate.n for rate in one.rates.values()
            )
            if row.kind == "best":
                i, j = row.pair
                (cell,) = frame[
                    (frame.strategy == row.strategy) & (frame.source_layer == i)
                    & (frame.target_layer == j)
                ].to_dict("records")  # fmt: skip
                assert (cell[f"{which}_right"], cell[f"{which}_n"]) == (rate.right, rate.n)
                assert cell[f"{which}_null"] == pytest.approx(one.nulls["zh"].value)


def test_a_run_begun_without_sets_says_so_and_how_to_get_them(monkeypatch, tmp_path):
    from xtransplant.runs import rows

    older = tuple(one for one in rows.JUDGED if not one.name.startswith("set_"))
    monkeypatch.setattr(rows, "JUDGED", older)
    run = open_run(make_run(tmp_path / "old").path)
    (text,) = write_report([run.path], formats=["markdown"]).texts
    (table,) = make_tables([summarise(run)])
    assert table.about_sets == (
        "old: the gap is not known: the run was begun by an older xtransplant; "
        f"xtp rescore {run.path} tells",
    )
    assert "the gap is not known" in text
    assert "gap mended" not in text
    frame = to_frame([summarise(run)])
    assert frame.gap_n.isna().all()


@pytest.mark.parametrize("width", range(84, 120, 3))
def test_no_cell_is_cut_whatever_the_terminals_width(run, tmp_path, width):
    (written,) = write_report(
        [run.path], formats=["terminal"], output=tmp_path, room=Room(width=width)
    ).written
    text = written.read_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_the_table_has_a_line_of_what_is_cross_fitted(run):
    tables = make_tables([summarise(run)])
    (row,) = [one for one in tables[0].rows if one.key == "ffn-swap,cross-fit"]
    gap = list(row.sets["gap"].rates.values())
    told = to_markdown(tables).split("gap mended, shared kept")[1]
    shown = f"{sum(one.right for one in gap)} of {sum(one.n for one in gap)}"
    assert f"| ffn-swap cross-fitted, 5 folds | {shown} |" in told
