"""Averages over languages have errors over items, against records counted the long way."""

import json

import numpy as np
import pytest
from made_runs import N, make_run

from xtransplant.report.data import to_lm_eval
from xtransplant.report.entries import entries_of
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import examples, records
from xtransplant.stats import Rate, clustered_stderr
from xtransplant.stats.gains import by_item, sign_flip_p

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


@pytest.fixture(scope="module")
def about_passages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("passages") / "run"
    return make_run(folder, langs=LANGS, nulls={"attn-swap": "other"}, passages=4)


def of_one(own, level):
    """Standard error over passages of rows of one language, one for each example."""
    right = own.sort_values("example")[level].to_numpy(bool).astype(int)
    return clustered_stderr(*by_item(right, np.arange(len(right)) % 4))


def at(own, one):
    """Records by example of what an entry counts: those of a pair, or right by any of a bound."""
    for column in ("source_layer", "target_layer"):
        if one.get(column) is not None:
            own = own[own[column] == one[column]]
    return own.groupby("example", as_index=False)[one["level"]].any()


def test_questions_about_one_passage_go_together_in_each_language(about_passages):
    frame, seen = records(about_passages), set()
    for one in entries_of(summarise(about_passages)):
        if one["kind"] == "cross-fit":
            continue
        name = one["strategy"] or one["kind"]
        if one.get("null_grid"):
            name += f" [null {one['null_grid']}]"
        own = at(frame[(frame.strategy == name) & (frame.lang == one["lang"])], one)
        assert (one["right"], one["n"]) == (own[one["level"]].sum(), N)
        assert one["stderr"] == pytest.approx(of_one(own, one["level"]))
        if "gain_p" in one:
            vanilla = frame[(frame.strategy == "vanilla") & (frame.lang == one["lang"])]
            level = one["level"]
            change = own[level].to_numpy(int) - vanilla.sort_values("example")[level].to_numpy(int)
            assert one["gain_p"] == pytest.approx(sign_flip_p(change.reshape(-1, 4).sum(0)))
        seen.add((one["kind"], bool(one.get("null_grid"))))
    kinds = {(kind, null) for kind in ("pair", "bound") for null in (False, True)}
    assert seen == {("vanilla", False), ("source", False), *kinds}


def test_a_row_has_the_errors_of_its_languages_over_passages(about_passages):
    frame, summary = records(about_passages), summarise(about_passages)
    table = make_tables([summary])[0]
    for row in table.rows:
        for lang, rate in row.rates.items():
            own = frame[(frame.strategy == (row.strategy or row.key)) & (frame.lang == lang)]
            if row.pair is not None:
                layers = dict(zip(("source_layer", "target_layer"), row.pair, strict=True))
                assert rate.stderr == pytest.approx(
                    of_one(at(own, {"level": "match", **layers}), "match")
                )
    pairs = [row for row in table.rows if row.kind == "pair" and row.null_grids]
    assert pairs
    assert all(
        rate.effective is not None
        for row in pairs for rate in (*row.rates.values(), *row.null_grids["other"].rates.values())
    )  # fmt: skip


def test_what_is_mended_and_kept_in_a_language_has_them_too(about_passages):
    frame, seen = records(about_passages), 0
    for row in make_tables([summarise(about_passages)])[0].rows:
        if row.pair is None:
            continue
        of_pair = frame[(frame.strategy == row.strategy) & (frame.source_layer == row.pair[0])]
        of_pair = of_pair[of_pair.target_layer == row.pair[1]]
        for which, one in row.sets.items():
            for lang, rate in one.rates.items():
                own = of_pair[(of_pair.lang == lang) & (of_pair.set_match == which)]
                passages = own["example"].to_numpy() % 4
                sums = by_item(own["match"].to_numpy(bool).astype(int), passages)
                assert rate.stderr == pytest.approx(clustered_stderr(*sums), nan_ok=True)
                seen += len(np.unique(passages)) < len(passages)
    assert seen


def test_what_a_spreadsheet_says_of_sets_is_what_the_table_says(about_passages):
    summary = summarise(about_passages)
    rows = {row.key: row for row in make_tables([summary])[0].rows}
    seen = 0
    for one in entries_of(summary):
        if one["level"] != "match" or one["kind"] != "pair" or one.get("null_grid"):
            continue
        row = rows.get(f"{one['strategy']},{one['source_layer']}→{one['target_layer']}")
        if row is not None:
            for which in ("gap", "shared"):
                rate = row.sets[which].rates[one["lang"]]
                ends = one[f"{which}_ci95_low"], one[f"{which}_ci95_high"]
                assert ends == pytest.approx(rate.ci95, nan_ok=True)
                seen += 1
    assert seen
