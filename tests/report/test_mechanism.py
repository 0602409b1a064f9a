"""The table of what a gain goes through, against counting the records the long way."""

import json

import pytest
from made_runs import N, make_run

from xtransplant.report.data import to_lm_eval
from xtransplant.report.flip_bars import draw_flips, draw_mechanism
from xtransplant.report.formats import to_markdown
from xtransplant.report.latex import to_latex
from xtransplant.report.mechanism import mechanism_of
from xtransplant.report.summary import TaskRun, summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import records

CACHE = "ffn-swap(through=cache)"
ABOUT = {
    "ffn-swap": {"name": "ffn-swap", "options": {},
                 "bound": {"when": "prefill", "through": "both"}},
    CACHE: {"name": "ffn-swap", "options": {"through": "cache"},
            "bound": {"when": "prefill", "through": "cache"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return make_run(folder / "one", strategies=("ffn-swap", CACHE, "attn-swap"), about=ABOUT)


def acted(run, level="match"):
    summary = summarise(run)
    return list(mechanism_of([TaskRun(summary, summary.tasks["xnli"])], level))


@pytest.mark.parametrize("level", ["strict", "match", "lenient"])
def test_gains_are_those_of_the_records_at_one_pair(run, level):
    whole, part = acted(run, level)
    assert [one.strategy for one in (whole, part)] == ["ffn-swap", CACHE]
    assert whole.pair == part.pair  # the best of the whole's sixteen: an oracle's
    assert whole.oracle
    rows = records(run).set_index(["lang", "example"])
    before = rows[rows.strategy == "vanilla"][level].astype(int)
    for one in (whole, part):
        own = rows[(rows.strategy == one.strategy) & (rows.source_layer == one.pair[0])]
        own = own[own.target_layer == one.pair[1]][level].astype(int)
        assert one.gain.value == pytest.approx((own - before).mean())
        assert one.gain.n == 2 * N
    assert whole.share.value == 1
    assert part.share.value == pytest.approx(part.gain.value / whole.gain.value)


def test_formats_say_it(run):
    _, part = acted(run)
    tables = make_tables([summarise(run)])
    low, high = part.share.ci95
    share = f"{100 * part.share.value:.0f} ({100 * low:.0f} to {100 * high:.0f})"
    for text in (to_markdown(tables), to_latex(tables).replace("$-$", "-")):
        assert "what the gain goes through" in text
        assert share in text
    (lines,) = [
        one["mechanism"] for one in json.loads(to_lm_eval([summarise(run)]))["more"].values()
    ]
    assert [line["through"] for line in lines] == ["both", "cache"]
    assert lines[1]["share"] == pytest.approx(part.share.value)


def test_a_run_without_other_ways_has_no_such_table(tmp_path):
    plain = make_run(tmp_path / "plain")
    assert acted(plain) == []
    assert "goes through" not in to_markdown(make_tables([summarise(plain)]))
    assert '"mechanism"' not in to_lm_eval([summarise(plain)])


def test_a_figure_has_a_bar_for_what_each_way_fixes_and_breaks(run, tmp_path):
    (table,) = make_tables([summarise(run)])
    (axes,) = draw_mechanism(table).axes
    widths = [bar.get_width() for bar in axes.patches]  # fixed and broken of each row
    flips = [flip for one in acted(run) for flip in (one.gain.fixed, -one.gain.broken)]
    expected = [100 * flip / (2 * N) for flip in flips]
    assert widths == pytest.approx(expected)
    plain = make_tables([summarise(make_run(tmp_path / "plain"))])[0]
    assert draw_mechanism(plain) is None
    assert len(draw_flips(plain).axes[0].get_yticks()) == sum(
        row.gains.vanilla is not None for row in plain.rows
    )
