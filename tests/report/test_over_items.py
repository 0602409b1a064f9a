"""Averages over languages have errors over items, against records counted the long way."""

import json

import numpy as np
import pytest
from made_runs import N, make_run

from xtransplant.report.data import to_lm_eval
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import examples, records
from xtransplant.stats import Rate, clustered_stderr
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


@pytest.mark.parametrize("level", ["strict", "match", "lenient"])
def test_what_is_mended_and_kept_has_them_too(run, level):
    frame, seen = records(run), 0
    for row in make_tables([summarise(run)], level)[0].rows:
        assert set(row.sets) == {"gap", "shared"}
        for which, one in row.sets.items():
            assert one.every is not None
            counted = [sum(getattr(rate, key) for rate in one.rates.values())
                       for key in ("right", "n")]  # fmt: skip
            assert [one.micro.right, one.micro.n] == counted
            own = frame[frame.strategy == (row.strategy or row.key)]
            own = own[own[f"set_{level}"] == which]
            if row.pair is not None and one.micro.n:
                own = own[(own.source_layer == row.pair[0]) & (own.target_layer == row.pair[1])]
                assert len(own) == one.micro.n
                seen += 1
                assert one.micro.stderr == pytest.approx(by_hand(own, level), nan_ok=True)
                low, high = one.micro.ci95
                of_items = Rate(1, 2, effective=own.example.nunique()).ci95
                assert high - low <= of_items[1] - of_items[0] + 1e-9
    assert seen > 4


def test_a_judged_null_has_errors_over_both_its_items(run):
    """Those that are judged, and those whose answers judge: added up record by record."""
    (table,) = make_tables([summarise(run)])
    bounds = [row for row in table.rows if row.kind == "bound"]
    assert bounds
    columns = ["example", "lang", "other_example"]
    judges = {(row.lang, row.example): row.other_example
              for row in examples(run)[columns].itertuples()}  # fmt: skip
    for row in bounds:
        own = records(run)
        own = own[own.strategy == row.strategy]
        if row.key.endswith("last→j"):
            own = own[own.source_layer == 3]
        if row.key.endswith("i→0"):
            own = own[own.target_layer == 0]
        some = own.groupby(["lang", "example"]).other_match.agg(
            lambda masks: np.bitwise_or.reduce(masks.to_numpy(np.uint8))
        )
        rows = [
            (example, other, float(mask >> r & 1))
            for (lang, example), mask in some.items()
            for r, other in enumerate(judges[lang, example])
        ]
        judged, judge, hits = map(np.array, zip(*rows, strict=True))
        assert row.null_over_items is not None
        variance = 0.0
        for of in (judged, judge):
            sums = np.array([(hits - hits.mean())[of == k].sum() for k in np.unique(of)])
            variance += len(sums) / (len(sums) - 1) * (sums**2).sum() / len(hits) ** 2
        assert row.null_over_items.micro.value == pytest.approx(hits.mean())
        assert row.null_over_items.micro.stderr == pytest.approx(variance**0.5)
