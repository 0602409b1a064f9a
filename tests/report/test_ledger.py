"""What points cost, against what the engine counted."""

import json
import platform
import shutil
from dataclasses import replace

import pytest

from xtransplant import load
from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel.task import babel
from xtransplant.report import ledger
from xtransplant.report.data import to_lm_eval
from xtransplant.report.ledger import costs_of, counted_tokens, ledger_grid
from xtransplant.report.per_example import choose_per_example
from xtransplant.report.summary import TaskRun, summarise
from xtransplant.runs import examples, open_run
from xtransplant.runs.checksums import write_sums


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
        assert one.took.tokens == pytest.approx(sum(part[name] for part in stored))
        assert one.each > 5  # a prompt has more tokens than that


def test_a_price_is_that_of_a_gain_that_is_sure(run):
    for one in costs(run).values():
        if one.per_right is not None:
            assert one.gain.told_from_0
            low, high = one.per_right_ci95
            assert low <= one.per_right <= high
            assert one.gain.ci95 == pytest.approx((one.each / high, one.each / low))
            assert one.per_right * one.gain.value * one.n == pytest.approx(one.took.tokens)
    summary = summarise(run)
    grid = ledger_grid([TaskRun(summary, summary.tasks["babel"])], "match")
    assert len(grid.lines) == 5
    more = json.loads(to_lm_eval([summary]))["more"]
    assert any("cost" in str(key) or "cost" in str(value) for key, value in more.items())


def test_values_of_a_sweep_are_called_as_in_the_other_tables(tmp_path):
    config = Config(
        tasks=("babel",), strategies=("blend",), options=(("weight", "0.25,0.5"),), pairs="7:7",
        langs=("sw",), limit=2, nulls=("other",),
    )  # fmt: skip
    summary = summarise(bench(config, RunContext(output_path=tmp_path)))
    grid = ledger_grid([TaskRun(summary, summary.tasks["babel"])], "match")
    assert {line.label for line in grid.lines} == {
        f"blend(weight={weight}){null}" for weight in (0.25, 0.5) for null in ("", " [null other]")
    }


def test_source_prompts_are_a_share_of_the_tokens(run):
    found, frame = costs(run), examples(run)
    tokenizer = load(babel.checkpoint).tokenizer
    read = [len(tokenizer(text)["input_ids"]) for text in frame.source]
    # The first strategy reads every source prompt once, together with others: padding counts.
    assert sum(read) <= found["ffn-swap"].took.source <= len(read) * max(read)
    for one in found.values():
        assert 0 <= one.took.source < one.took.tokens
        assert one.took.seconds > 0
        assert one.seconds_each == pytest.approx(one.took.seconds / one.n)
        paid = one.for_right(one.source_each)
        assert (paid is None) == (one.per_right is None)
        assert paid is None or paid == pytest.approx(one.per_right * one.source_each / one.each)


def shown(run):
    summary = summarise(run)
    return ledger_grid([TaskRun(summary, summary.tasks["babel"])], "match")


def test_seconds_say_whose_they_are_and_are_not_added_across_machines(run, tmp_path):
    grid, at = shown(run), ledger.HEADS.index("seconds an example")
    assert all(line.cells[at] != "–" for line in grid.lines)
    assert any(platform.node() in note for note in grid.notes)
    assert not any("were stored before" in note for note in grid.notes)
    copy = open_run(shutil.copytree(run.path, tmp_path / run.path.name))
    part = next(iter(copy.manifest.parts()))
    write_sums(copy.sums_path(part), replace(copy.sums(part), machine="another, cpu"))
    grid = shown(copy)
    assert all(line.cells[at] == "–" for line in grid.lines)
    assert any("several machines" in note for note in grid.notes)
    # A part of before seconds and sources were counted.
    write_sums(copy.sums_path(part), replace(copy.sums(part), source_tokens={}, seconds={}))
    assert all(line.cells[at - 1] == "–" for line in shown(copy).lines)
    assert all(line.cells[at - 2] != "–" for line in shown(copy).lines)


def test_what_was_not_counted_is_not_shown(run, monkeypatch):
    from xtransplant.runs.checksums import Sums

    monkeypatch.setattr("xtransplant.runs.store.read_sums", lambda _: Sums(run.manifest.identity))
    assert costs_of([TaskRun(s := summarise(run), s.tasks["babel"])], "match") == []


def test_choosing_for_each_example_says_what_its_grids_took(tmp_path):
    config = Config(tasks=("babel",), strategies=("ffn-swap",), pairs="diagonal", langs=("sw",),
                    limit=12)  # fmt: skip
    grid = bench(config, RunContext(output_path=tmp_path))
    took = counted_tokens(grid, "babel")["ffn-swap"]
    total, n = took.tokens, took.n
    (found,) = choose_per_example(grid.path)
    said = next(note for note in found.notes if note.startswith("counted:"))
    assert n == 12
    assert f"{total / n:,.0f} token-forwards an example (n 12)" in said
    assert f"{total:,.0f} (n 12)" in said
