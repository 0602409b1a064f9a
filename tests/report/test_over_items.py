"""Averages over languages have errors over items, against records counted the long way."""

import json

import numpy as np
import pytest
from made_runs import N, make_run

from xtransplant.report.data import to_lm_eval
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import records
from xtransplant.stats import clustered_stderr
from xtransplant.stats.gains import by_item

LANGS = ("sw", "zh", "ar")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("items") / "run", langs=LANGS)


def by_hand(own, level):
    """Standard error over items of rows with one record per example and language."""
    right, items = own[level].to_numpy(bool).astype(int), own["example"].to_numpy()
    return clustered_stderr(*by_item(right, items))


@pytest.mark.parametrize("level", ["strict", "match", "lenient"])
def test_every_row_has_them_and_counts_what_it_counted(run, level):
    summary, seen = summarise(run), set()
    frame = records(run)
    for row in make_tables([summary], level)[0].rows:
        assert row.over_items is not None
        right = sum(rate.right for rate in row.rates.values())
        assert (row.micro.right, row.micro.n) == (right, len(LANGS) * N)
        assert row.macro.value == pytest.approx(
            np.mean([rate.value for rate in row.rates.values()])
        )
        own = frame[frame.strategy == (row.strategy or row.key)]
        if row.pair is not None:
            own = own[(own.source_layer == row.pair[0]) & (own.target_layer == row.pair[1])]
        if row.key.endswith(",bound"):
            own = own.groupby(["lang", "example"], as_index=False)[level].any()
        if len(own) == len(LANGS) * N:
            seen.add(row.kind)
            assert row.micro.stderr == pytest.approx(by_hand(own, level))
    assert seen == {"vanilla", "source", "pair", "best", "bound"}


def test_programs_are_told_the_same(run):
    found = json.loads(to_lm_eval([summarise(run)]))["results"]
    own = records(run)
    own = own[own.strategy == "vanilla"]
    name = "xnli_en-to-lang_pilot_generate_choice"
    assert found[name]["acc_stderr,vanilla"] == pytest.approx(by_hand(own, "match"))
    low, high = found[name]["acc_ci95,vanilla"]
    assert low < found[name]["acc,vanilla"] < high
