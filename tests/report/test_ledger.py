"""What points cost, against what the engine counted."""

import json

import pytest

from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.run import bench
from xtransplant.report.data import to_lm_eval
from xtransplant.report.ledger import costs_of, counted_tokens, ledger_grid
from xtransplant.report.per_example import choose_per_example
from xtransplant.report.summary import TaskRun, summarise


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    config = Config(
        tasks=("babel",), strategies=("ffn-swap", "attn-swap"), pairs="7:7", langs=("sw", "zh"),
        limit=9, nulls=("other",), baselines=("source-then-target",),
    )  # fmt: skip
    return bench(config, RunContext(output_path=tmp_path_factory.mktemp("runs")))


def costs(run):
    summary = summarise(run)
    return {one.name: one for one in costs_of([TaskRun(summary, summary.tasks["babel"])], "match")}


def test_every_token_is_counted_once(run):
    found = costs(run)
    stored = [run.sums(part).token_forwards for part in run.manifest.parts()]
    assert set(found) == {"ffn-swap", "attn-swap", "ffn-swap [null other]",
                          "attn-swap [null other]", "source-then-target"}  # fmt: skip
    for name, one in found.items():
        assert one.n == 18
        assert one.tokens == pytest.approx(sum(part[name] for part in stored))
        assert one.each > 5  # a prompt has more tokens than that


def test_a_price_is_that_of_a_gain_that_is_sure(run):
    for one in costs(run).values():
        if one.per_right is not None:
            assert one.gain.told_from_0
            low, high = one.per_right_ci95
            assert low <= one.per_right <= high
            assert one.gain.ci95 == pytest.approx((one.each / high, one.each / low))
            assert one.per_right * one.gain.value * one.n == pytest.approx(one.tokens)
    summary = summarise(run)
    grid = ledger_grid([TaskRun(summary, summary.tasks["babel"])], "match")
    assert len(grid.lines) == 5
    more = json.loads(to_lm_eval([summary]))["more"]
    assert any("cost" in str(key) or "cost" in str(value) for key, value in more.items())


def test_what_was_not_counted_is_not_shown(run, monkeypatch):
    from xtransplant.runs.checksums import Sums

    monkeypatch.setattr("xtransplant.runs.store.read_sums", lambda _: Sums(run.manifest.identity))
    assert costs_of([TaskRun(s := summarise(run), s.tasks["babel"])], "match") == []


def test_choosing_for_each_example_says_what_its_grids_took(tmp_path):
    config = Config(tasks=("babel",), strategies=("ffn-swap",), pairs="diagonal", langs=("sw",),
                    limit=12)  # fmt: skip
    grid = bench(config, RunContext(output_path=tmp_path))
    total, n = counted_tokens(grid, "babel")["ffn-swap"]
    (found,) = choose_per_example(grid.path)
    said = next(note for note in found.notes if note.startswith("counted:"))
    assert n == 12
    assert f"{total / n:,.0f} token-forwards an example (n 12)" in said
    assert f"{total:,.0f} (n 12)" in said
