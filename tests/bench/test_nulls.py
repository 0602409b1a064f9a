"""``--null``: the same strategy once more, on a source that cannot know the answer."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_bench import SMALL

from xtransplant import XTransplantError, transplant
from xtransplant.backends.registry import parse_on
from xtransplant.bench.context import RunContext
from xtransplant.bench.dry_run import dry_run
from xtransplant.bench.new_manifest import pair_notes
from xtransplant.bench.pilot import pilot
from xtransplant.bench.plan import make_plan
from xtransplant.bench.unused import check_bench
from xtransplant.cli.app import run as xtp
from xtransplant.report.data import to_frame
from xtransplant.report.document import write_report
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import records
from xtransplant.tasks.nulls import null_examples

SOME = {"langs": ("sw",), "limit": 4, "strategies": ("attn-swap",), "pairs": "4:4,2:1"}
BOTH = ("other", "self")
OTHER, SELF, NOISE = (f"attn-swap [null {null}]" for null in ("other", "self", "noise"))


def cell(found, strategy, k, i, j):
    """The record of an example under a strategy at a layer pair."""
    rows = found[(found.strategy == strategy) & (found.example == k)]
    (row,) = rows[(rows.source_layer == i) & (rows.target_layer == j)].itertuples()
    return row


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_the_targets_own_prompt_at_one_layer_is_vanilla(small, mode):
    found = records(small(**SOME, nulls=("self",), mode=mode, max_new_tokens=4))
    for vanilla in found[found.strategy == "vanilla"].itertuples():
        row = cell(found, SELF, vanilla.example, 4, 4)
        assert row.cosines[0] > 1 - 1e-6
        if mode == "score":
            assert np.abs(row.logprobs - vanilla.logprobs).max() < 1e-5
        else:
            assert row.output == vanilla.output


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_a_null_grid_is_the_strategy_on_another_items_source(small, babel_model, mode):
    run = small(**SOME, nulls=BOTH, mode=mode, max_new_tokens=4)
    found, examples = records(run), make_plan(replace(SMALL, **SOME)).tasks["babel"].examples["sw"]
    for null, name in (("other", OTHER), ("self", SELF)):
        made = null_examples(null, examples)
        for k, one in enumerate(examples):
            grid = transplant(
                babel_model, made[one], "attn-swap", source_layers=[2, 4], target_layers=[1, 4],
                scores=mode == "score", generations=mode == "generate", max_new_tokens=4,
            )  # fmt: skip
            for pair in ((4, 4), (2, 1)):
                row, place = cell(found, name, k, *pair), list(grid.pairs).index(pair)
                if mode == "score":
                    assert np.abs(row.logprobs - grid.scores.logprobs[place]).max() < 1e-4
                else:
                    assert row.output == grid.generations.outputs[place]


def test_the_strategys_own_records_are_what_they_were(small, tmp_path):
    plain = small(tmp_path / "plain", **SOME)
    nulled = small(tmp_path / "nulled", **SOME, nulls=BOTH)
    assert plain.manifest.id != nulled.manifest.id
    assert nulled.manifest.nulls_of("attn-swap") == {"other": OTHER, "self": SELF}
    own, both = records(plain), records(nulled)
    kept = both[~both.strategy.isin([OTHER, SELF])].reset_index(drop=True)
    assert own.drop(columns="strategy").equals(kept.drop(columns="strategy"))
    assert list(own.strategy) == list(kept.strategy)
    assert len(both) == len(own) + 2 * 4 * 2


def test_it_goes_on_where_it_was_left(small, tmp_path):
    more = {**SOME, "langs": ("sw", "zh", "hi"), "nulls": (*BOTH, "noise")}
    whole = small(tmp_path / "whole", **more)
    small(tmp_path / "two", shard=(1, 2), **more)
    run = small(tmp_path / "two", **more)
    paths = sorted(whole.path.glob("*/task=*/**/*.parquet"))
    assert len(paths) == 9
    for path in paths:
        assert (run.path / path.relative_to(whole.path)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_noise_of_an_example_is_the_same_whatever_is_run_beside_it(small, tmp_path, mode):
    some = {**SOME, "nulls": ("noise", "other"), "mode": mode, "max_new_tokens": 4}
    whole = records(small(tmp_path / "whole", **some))
    fewer = {
        "limit": 2,
        "pairs": "2:1",
        "nulls": ("noise",),
        "strategies": ("ffn-swap", "attn-swap"),
    }
    few = records(small(tmp_path / "few", **{**some, **fewer}))
    for k in range(2):
        one, two = (cell(found, NOISE, k, 2, 1) for found in (whole, few))
        own = cell(whole, "attn-swap", k, 2, 1)
        assert abs(one.written_norms[0] - own.written_norms[0]) < 1e-3
        if mode == "score":
            assert np.abs(one.logprobs - two.logprobs).max() < 1e-5
            assert np.abs(one.logprobs - own.logprobs).max() > 1e-3
        else:
            assert one.output == two.output
    assert not np.allclose(cell(whole, NOISE, 0, 2, 1).cosines, cell(whole, NOISE, 1, 2, 1).cosines)


def test_noise_is_refused_where_it_cannot_be(tmp_path):
    raw = tmp_path / "raw.py"
    raw.write_text(
        'from xtransplant import strategy\n\n\n@strategy("mine", raw=True)\n'
        "def mine(model, i, j):\n    yield\n"
    )
    with pytest.raises(XTransplantError, match=r"--null noise: .* is a raw strategy"):
        make_plan(replace(SMALL, **{**SOME, "strategies": (str(raw),)}, nulls=("noise",)))
    backend = parse_on("ndif:http://127.0.0.1:9")
    with pytest.raises(XTransplantError, match="--null noise does not run with --on ndif"):
        check_bench(replace(SMALL, nulls=("noise",)), backend)


def test_options_of_a_sweep_share_their_passes(small):
    """Each value is run on the null as if it were alone."""
    some = {**SOME, "strategies": ("ffn-add",), "nulls": ("other", "noise")}
    swept = records(small(**some, options=(("scale", "0.25,0.75"),)))
    for value in (0.25, 0.75):
        alone = records(small(**some, options=(("scale", str(value)),)))
        nulls = alone[alone.strategy.str.contains("null", regex=False)]
        assert nulls.strategy.nunique() == 2
        for row in nulls.itertuples():
            pair = int(row.source_layer), int(row.target_layer)
            same = cell(swept, row.strategy, row.example, *pair)
            assert np.abs(same.logprobs - row.logprobs).max() < 1e-4


def test_a_table_shows_it_beside_the_strategy(small):
    run = small(**{**SOME, "pairs": "overall"}, nulls=BOTH)
    (table,) = make_tables([summarise(run)])
    bound = next(row for row in table.rows if row.key == "attn-swap,bound")
    found = records(run)
    for null, name in (("other", OTHER), ("self", SELF)):
        own = found[found.strategy == name]
        rate = bound.null_grids[null].rates["sw"]
        assert rate.right == own.groupby("example").match.any().sum()
        assert rate.n == 4
        best = next(row for row in table.rows if row.kind == "best").null_grids[null]
        assert best.micro.right == own.groupby(["source_layer", "target_layer"]).match.sum().max()
        gap = own[own.set_match == "gap"]
        mended = bound.null_grids[null].sets["gap"].rates["sw"]
        assert mended.right == gap.groupby("example").match.any().sum()
        assert mended.n == gap.example.nunique()
    # The judged null stands by itself.
    assert bound.nulls is not None
    assert bound.nulls.keys() == {"sw"}
    assert not any(row.strategy != "attn-swap" for row in table.rows if row.null_grids)
    markdown, as_json = (
        write_report([run.path], formats=[one]).texts[0] for one in ("markdown", "json")
    )
    assert markdown.count("| null grid other |") == markdown.count("| null grid self |") > 4
    assert "other: another item's source; self: the target as its own source" in markdown
    results = json.loads(as_json)["results"]["babel_en-to-lang_pilot_score_sw"]
    assert results["acc_null_other,attn-swap,bound"] == bound.null_grids["other"].micro.value
    assert results["acc_null_self_n,attn-swap,bound"] == 4
    assert "acc_null_other_gap,attn-swap,bound" in results
    frame = to_frame([summarise(run)])
    assert set(frame.null_grid.dropna()) == {"", *BOTH}
    assert set(frame[frame.kind == "pair"].strategy) == {"attn-swap"}


def test_beside_a_run_without_nulls_it_is_one_row(small):
    runs = [small(**SOME), small(**SOME, nulls=("other",))]
    for some in (runs, runs[::-1]):
        (table,) = make_tables([summarise(run) for run in some])
        rows = [row for row in table.rows if row.key == "attn-swap,4→4"]
        assert [list(row.null_grids) for row in rows] == [["other"]]


def test_what_reads_no_source_has_none(small):
    said = []
    some = {**SOME, "strategies": ("none", "attn-swap")}
    plan = make_plan(replace(SMALL, **some, nulls=("other",)), say=said.append)
    assert [one.name for one in plan.nulls] == [OTHER]
    assert "none reads no source prompt, so it has no null grid (--null)" in said


def test_aligned_words_have_none():
    said = []
    some = {**SOME, "strategies": ("attn-swap", "aligned-swap")}
    plan = make_plan(replace(SMALL, **some, nulls=("other",)), say=said.append)
    assert [one.strategy for one in plan.nulls] == ["attn-swap"]
    assert any("aligned-swap writes at words" in line for line in said)


def test_a_fit_that_reads_no_source_has_none(fitted):
    """Babel's model has fewer layers than what strategies are printed for."""
    said, steered = [], f"diff-means(fit={fitted['diff-means'].path})"
    some = {**SOME, "strategies": ("attn-swap", steered), "split": "unseen"}
    plan = make_plan(replace(SMALL, **some, nulls=("other",)), say=said.append)
    assert [one.strategy for one in plan.nulls] == ["attn-swap"]
    assert any("reads no source prompt" in line for line in said)


def test_one_item_alone_has_no_other(small):
    found = records(small(**{**SOME, "limit": 1}, nulls=BOTH))
    assert {*found.strategy} == {"vanilla", "source", "attn-swap", SELF}


def test_only_the_gap_is_run(small):
    found = records(small(**{**SOME, "langs": ("sw",), "limit": 10}, nulls=("other",), only="gap"))
    gap = found[found.set_match == "gap"].example.unique()
    assert set(found[found.strategy == OTHER].example) == set(gap) != set()


def test_a_dry_run_counts_it(babel_model, tmp_path):
    context = RunContext(tmp_path)
    plain, nulled = (
        dry_run(make_plan(replace(SMALL, **SOME, nulls=nulls)), context, babel_model)
        for nulls in ((), ("other",))
    )
    assert nulled.variants == 2 * plain.variants
    assert nulled.prompt_tokens > 1.5 * plain.prompt_tokens
    assert 1.4 * plain.token_forwards < nulled.token_forwards <= 2 * plain.token_forwards


def test_a_pilot_has_them_where_it_chooses_and_where_it_applies(babel_model, tmp_path):
    config = replace(SMALL, langs=("sw",), limit=4, strategies=("attn-swap",), nulls=("other",))
    done = pilot(config, RunContext(tmp_path), model=babel_model)
    without = pilot(replace(config, nulls=()), RunContext(tmp_path / "without"), model=babel_model)
    assert done.chosen.pairs == without.chosen.pairs
    assert len(records(done.first).query("strategy == @OTHER")) == 4 * 64
    assert len(records(done.second).query("strategy == @OTHER")) == 4
    (table,) = make_tables([summarise(done.second)])
    (row,) = [row for row in table.rows if row.kind == "pilot"]
    own = records(done.second).query("strategy == @OTHER")
    assert row.null_grids["other"].rates["sw"].right == own.match.sum()


def test_a_pilot_runs_other_unless_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["pilot", "-t", "babel", "--langs", "sw", "--limit", "3", "-q", "--json",
             "--target-layers", "2"]  # fmt: skip
    for more, there in (
        (["-s", "attn-swap"], True),
        (["-s", "attn-swap", "--null", "none"], False),
        (["-s", "none"], False),
    ):
        assert xtp([*small, *more]) == 0
        assert ("acc_null_other" in capsys.readouterr().out) == there


def test_a_bench_says_once_that_a_layer_has_no_effect(babel_model):
    said = []
    config = replace(SMALL, strategies=("ablate", "attn-swap"), langs=("sw",), limit=1)
    for pairs in ("overall", "diagonal"):
        plan = make_plan(replace(config, pairs=pairs))
        said.append(pair_notes(plan, babel_model))
    (note,), none = said
    assert note.startswith("ablate: i has no effect")
    assert "--pairs diagonal" in note
    assert none == []
