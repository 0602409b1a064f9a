"""What a report says of choosing a pair, against choosing it the long way."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from made_runs import N, make_run

from xtransplant.report.choosing_shown import say_choices
from xtransplant.report.data import to_frame, to_lm_eval
from xtransplant.report.formats import text_grids, to_markdown
from xtransplant.report.page.sentences import findings
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import records
from xtransplant.stats import choice_frequencies, choose_pair, cross_fit

NAME = "xnli_en-to-lang_{}_generate_choice"


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "pilot")


@pytest.fixture(scope="module")
def unseen(pilot, tmp_path_factory):
    """The pilot's pairs of each language on other examples (and other answers)."""
    return apply(pilot, tmp_path_factory.mktemp("runs") / "unseen", {})


def apply(pilot, folder, changed, **more):
    pairs = {lang: choose_pair(by_pair(pilot, lang, "ffn-swap")) for lang in ("sw", "zh")}
    return make_run(
        folder, strategies=["ffn-swap"], split="unseen", own_pairs=pairs | changed, seed=1,
        **{"source": "another", **more},
    )  # fmt: skip


def by_pair(run, lang, strategy):
    own = records(run, lang=lang)
    own = own[own.strategy == strategy]
    found = own.groupby(["source_layer", "target_layer"]).match.sum()
    return {(int(i), int(j)): right for (i, j), right in found.items()}


def arrays(run, strategy, level):
    """Right before and after, ``[examples]`` and ``[examples, cells]``, and the pairs."""
    rows = records(run)
    own = rows[rows.strategy == strategy].pivot_table(
        index=["lang", "example"], columns=["source_layer", "target_layer"], values=level,
        aggfunc="first",
    )  # fmt: skip
    before = rows[rows.strategy == "vanilla"].set_index(["lang", "example"])[level]
    items = [f"e{example}" for _, example in own.index]
    pairs = [(int(i), int(j)) for i, j in own.columns]
    return before.reindex(own.index).to_numpy(bool), own.to_numpy(bool), pairs, np.array(items)


def row_of(summaries, key, level="match", table=0):
    rows = make_tables(summaries, level)[table].rows
    return next(row for row in rows if row.key == key)


@pytest.mark.parametrize("level", ["strict", "match", "lenient"])
@pytest.mark.parametrize("strategy", ["attn-swap", "ffn-swap"])
def test_a_cross_fitted_row_counts_each_example_by_the_pair_that_others_chose(
    pilot, strategy, level
):
    row = row_of([summarise(pilot)], f"{strategy},cross-fit", level)
    before, after, pairs, items = arrays(pilot, strategy, level)
    found = cross_fit(before, after, pairs, items)
    assert not row.oracle
    assert row.gains.vanilla.value == pytest.approx(found.held_out.value)
    assert row.micro.value == pytest.approx(before.mean() + found.held_out.value)
    best = row_of([summarise(pilot)], f"{strategy},best", level)
    assert row.choosing.in_sample.value == best.gains.vanilla.value
    assert row.choosing.curse == pytest.approx(
        best.gains.vanilla.value - row.gains.vanilla.value, abs=1e-12
    )
    shares = row.choosing.choices[""].shares
    assert shares == choice_frequencies(after, pairs, items)


def test_every_format_has_the_same_numbers(pilot):
    summary = summarise(pilot)
    tables, row = make_tables([summary]), row_of([summary], "attn-swap,cross-fit")
    (grid,) = [one for one in text_grids(tables) if "worth" in one.title]
    (line,) = [one for one in grid.lines if one.label == row.label]
    assert line.cells[0] == line.cells[2] == str(2 * N)
    assert line.cells[-1] == say_choices(row.choosing.choices[""])
    assert line.cells[4] in to_markdown(tables)
    assert not line.aside
    entry = json.loads(to_lm_eval([summary]))["results"][NAME.format("pilot")]
    assert entry["acc_winners_curse,attn-swap,cross-fit"] == pytest.approx(row.choosing.curse)
    assert entry["acc_in_sample_n,attn-swap,cross-fit"] == 2 * N
    chosen = entry["acc_chosen,attn-swap,cross-fit"]
    others = entry["acc_chosen_others,attn-swap,cross-fit"]
    assert sum(one["share"] for one in chosen) + others["share"] == pytest.approx(1)
    assert len(chosen) + others["pairs"] == len(row.choosing.choices[""].shares)
    frame = to_frame([summary])
    own = frame[(frame.strategy == "attn-swap") & (frame.level == "match")]
    fits = own[own.kind == "cross-fit"]
    assert fits.right.sum() / fits.n.sum() == pytest.approx(row.micro.value)
    assert (fits.fixed - fits.broken).sum() / fits.n.sum() == pytest.approx(row.gains.vanilla.value)
    pairs = own[(own.kind == "pair") & (own.lang == "sw")]
    assert pairs.choice_share.sum() == pytest.approx(1)
    text = " ".join(says for _, one in findings(tables) for says in one)
    assert "attn-swap cross-fitted, 5 folds" in text
    assert "the winner's curse is" in text


def test_a_pilots_pairs_stand_beside_what_they_gained_where_they_were_chosen(pilot, unseen):
    both = [summarise(unseen), summarise(pilot)]
    row = row_of(both, "ffn-swap,pilot")
    rows = records(pilot)
    gained = 0
    for lang, (i, j) in row.pairs.items():
        own = rows[(rows.lang == lang) & (rows.strategy == "ffn-swap")]
        own = own[(own.source_layer == i) & (own.target_layer == j)]
        plain = rows[(rows.lang == lang) & (rows.strategy == "vanilla")]
        gained += own.match.sum() - plain.match.sum()
    assert row.choosing.run == "pilot"
    assert row.choosing.in_sample.value == pytest.approx(gained / (2 * N))
    assert row.choosing.curse == pytest.approx(
        row.choosing.in_sample.value - row.gains.vanilla.value
    )
    low, high = row.choosing.curse_ci95
    assert low < row.choosing.curse < high
    assert set(row.choosing.choices) == {"sw", "zh"}
    for lang, own in row.choosing.choices.items():
        assert own.n == N
        _, after, pairs, items = arrays(pilot, "ffn-swap", "match")
        half = slice(0, N) if lang == "sw" else slice(N, None)
        assert own.shares == choice_frequencies(after[half], pairs, items[half])
    (grid,) = [one for one in text_grids(make_tables(both)[:1]) if "worth" in one.title]
    assert [line.label for line in grid.lines][1:] == ["sw", "zh"]
    entry = json.loads(to_lm_eval(both))["results"]
    assert "acc_chosen,ffn-swap,pilot" in entry[NAME.format("unseen") + "_sw"]
    assert "acc_winners_curse,ffn-swap,pilot" in entry[NAME.format("unseen")]


def test_only_the_run_that_chose_them_says_how_pairs_were_chosen(pilot, unseen, tmp_path):
    assert row_of([summarise(unseen)], "ffn-swap,pilot").choosing is None
    other = make_run(tmp_path / "other", seed=5, model="org/other")
    assert row_of([summarise(unseen), summarise(other)], "ffn-swap,pilot").choosing is None
    moved = apply(pilot, tmp_path / "moved", {"sw": (0, 0)})
    assert row_of([summarise(moved), summarise(pilot)], "ffn-swap,pilot").choosing is None
    # On the examples that chose there is no unseen side.
    same = apply(pilot, tmp_path / "same", {}, source="source")
    assert row_of([summarise(same), summarise(pilot)], "ffn-swap,pilot").choosing is None


def test_a_null_grid_is_counted_at_the_same_pair_of_each_example(pilot, monkeypatch):
    summary = summarise(pilot)
    nulls = {"ffn-swap": {"other": "attn-swap"}}  # attn-swap plays the null grid
    monkeypatch.setattr(type(summary.manifest), "nulls_of", lambda _, name: nulls.get(name, {}))
    row = row_of([summary], "ffn-swap,cross-fit")
    before, after, pairs, items = arrays(pilot, "ffn-swap", "match")
    found = cross_fit(before, after, pairs, items)
    null = arrays(pilot, "attn-swap", "match")[1]
    cells = np.array([pairs.index(pair) for pair in found.chosen])[found.folds]
    right = null[np.arange(len(null)), cells]
    assert row.gains.nulls["other"].value == pytest.approx(row.micro.value - right.mean())
    assert row.null_grids["other"].micro.value == pytest.approx(right.mean())


def test_one_pair_for_all_languages_was_chosen_on_all_of_them_together(pilot, tmp_path):
    hits = [by_pair(pilot, lang, "attn-swap") for lang in ("sw", "zh")]
    across = choose_pair({pair: hits[0][pair] + hits[1][pair] for pair in hits[0]})
    assert [choose_pair(own) for own in hits] != [across, across]
    run = make_run(
        tmp_path / "across", strategies=["attn-swap"], split="unseen", seed=1, source="another",
        own_pairs=dict.fromkeys(("sw", "zh"), across),
    )  # fmt: skip
    row = row_of([summarise(run), summarise(pilot)], "attn-swap,pilot")
    _, after, pairs, items = arrays(pilot, "attn-swap", "match")
    assert set(row.choosing.choices) == {""}
    assert row.choosing.choices[""].shares == choice_frequencies(after, pairs, items)
    assert row.choosing.in_sample.n == 2 * N


def test_of_other_pairs_it_says_how_many():
    first = [((1, 1), 0.9)]
    assert say_choices(SimpleNamespace(most=(first, 0, 0.0))) == "1→1 90%"
    assert say_choices(SimpleNamespace(most=(first, 1, 0.1))) == "1→1 90%, 1 other 10%"
    assert say_choices(SimpleNamespace(most=(first, 2, 0.1))) == "1→1 90%, 2 others 10%"
