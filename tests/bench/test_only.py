"""``--only``: the grids of some examples alone are those of a run of all, row for row."""

from dataclasses import replace

import pandas as pd
import pytest
from small_bench import SMALL

from xtransplant import XTransplantError
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.pairs import read_chosen
from xtransplant.bench.pilot import pilot
from xtransplant.bench.plan import make_plan
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.report.document import write_report
from xtransplant.report.some_of_k import some_of_k_grid, some_of_k_json
from xtransplant.report.summary import TaskRun, summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import records
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.stats import choose_pair, count_hits
from xtransplant.tasks.data import DataSource

SOME = {"split": "unseen", "limit": 12, "pairs": "4:2,1:2,6:6"}
CELL = ["task", "lang", "example", "strategy", "source_layer", "target_layer"]


def kept(frame, only):
    """What a run of a set has of one of all: both prompts of every example, its grids."""
    plain = frame.strategy.isin([VANILLA, SOURCE])
    return frame[plain | (frame.set_match == only)]


def assert_same(found, expected):
    """The same rows, whatever order they lie in; numbers within float32's rounding."""
    found, expected = (one.sort_values(CELL).reset_index(drop=True) for one in (found, expected))
    found["strategy"], expected["strategy"] = (
        one.strategy.astype(str) for one in (found, expected)
    )
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4, atol=1e-4)


GENERATED = {
    "mode": "generate", "split": "unseen", "limit": 4, "langs": ("sw",), "max_new_tokens": 2,
    "pairs": "4:2,1:2",
}  # fmt: skip


@pytest.mark.parametrize(("only", "some"), [("gap", SOME), ("shared", SOME), ("gap", GENERATED)])
def test_the_grids_of_a_set_are_those_of_a_run_of_all(small, only, some):
    every = records(small(**some))
    run = small(only=only, **some)
    found = records(run)
    assert 0 < len(found) < len(every)
    assert_same(found, kept(every, only))
    assert run.manifest.config["only"] == only


def test_it_goes_on_where_it_was_left_and_is_another_run(small, tmp_path):
    whole = small(tmp_path / "whole", only="gap", **SOME)
    small(tmp_path / "two", only="gap", shard=(1, 2), **SOME)
    run = small(tmp_path / "two", only="gap", **SOME)
    assert run.path.name == whole.path.name != small(**SOME).path.name
    for path in sorted(whole.path.glob("*/task=*/**/*.parquet")):
        assert (run.path / path.relative_to(whole.path)).read_bytes() == path.read_bytes()


def test_a_report_counts_the_chosen_examples_and_says_how_many_they_are(small):
    run = small(only="gap", **SOME)
    frame = records(run)
    n = int(((frame.strategy == SOURCE) & (frame.set_match == "gap")).sum())
    (table,) = make_tables([summarise(run)])
    assert {row.micro.n for row in table.rows} == {n}
    # A cross-fitted row's pair is another one in each fold, and sets go by pair.
    rows = [row for row in table.rows if row.kind != "cross-fit"]
    for row in rows:
        assert row.sets["gap"].rates["sw"].n + row.sets["gap"].rates["hi"].n == n
    assert [row.micro.right for row in table.rows[:2]] == [0, n]
    (text,) = write_report([run.path], formats=["markdown"]).texts
    assert "only the gap examples" in text
    assert f"ran the grids of {n} examples alone" in text
    # Of the others nothing is counted.
    assert all(rate.n == 0 for row in rows for rate in row.sets["shared"].rates.values())


def test_where_no_example_is_in_the_set_the_prompts_remain(small):
    # Babel's Swahili towns of this split are nearly all known to English alone.
    run = small(only="shared", strategies=("none",), split="unseen", limit=2, langs=("zh",),
                pairs="1:1")  # fmt: skip
    frame = records(run)
    assert set(frame.strategy) == {VANILLA, SOURCE}
    assert write_report([run.path], formats=["markdown"]).texts


def test_pairs_chosen_on_the_gap_are_the_gaps_best_and_are_applied_to_all(babel_model, tmp_path):
    config = replace(SMALL, limit=8, langs=("sw",), strategies=("attn-swap",), only="gap",
                     pairs="4:2,1:2,6:6,3:3")  # fmt: skip
    done = pilot(config, RunContext(tmp_path), model=babel_model)
    every = records(bench(replace(config, only="all", split="pilot"), RunContext(tmp_path),
                          model=babel_model))  # fmt: skip
    own = every[(every.set_match == "gap") & (every.strategy == "attn-swap")]
    hits = count_hits(*(own[name].to_numpy() for name in ("source_layer", "target_layer")),
                      own.match.to_numpy(dtype=bool))  # fmt: skip
    assert done.chosen.pairs["babel", "attn-swap", "sw"] == choose_pair(hits)
    assert read_chosen(done.written).only == read_chosen(done.first.path).only == "gap"
    assert (done.second.manifest.config["only"], done.second.manifest.config["chosen_on"]) == (
        "all", "gap"
    )  # fmt: skip
    applied = records(done.second)
    assert (applied.strategy == "attn-swap").sum() == 8
    (text,) = write_report([done.second.path], formats=["markdown"]).texts
    assert "its pairs were chosen on the gap examples alone" in text


def test_a_set_that_nothing_tells_is_refused(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text('{"source": "a", "target": "b", "answer": " 1", "candidates": [" 1", " 2"]}\n')
    config = Config(
        tasks=("file",), strategies=("ffn-swap",), data=DataSource(file=file), pairs="1:1",
        model=ModelSpec(str(CHECKPOINT)), only="gap",
    )  # fmt: skip
    with pytest.raises(XTransplantError, match="--only gap: nothing says what is right after"):
        make_plan(config)
    same = replace(config.data, columns=(("source_candidates", "candidates"),))
    assert make_plan(replace(config, data=same)).tasks["file"].examples


def test_answers_are_drawn_of_the_examples_whose_grids_ran(small):
    """A gap is what the target fails on: its draws over all examples are no beside for it."""
    summary = summarise(
        small(
            only="gap",
            **{**SOME, "pairs": ",".join(f"{i}:{j}" for i in range(3) for j in range(3))},
            exact_scores=True,
        )
    )
    (task,) = summary.tasks.values()
    n = sum(one.vanilla["match"].n for one in task.languages.values())
    every = sum(len(one.answers[VANILLA].examples) for one in task.languages.values())
    runs = [TaskRun(summary, task)]
    (sampled,) = some_of_k_json(runs, "match")
    assert sampled["n"] == n < every
    assert {line.cells[0] for line in some_of_k_grid(runs, "match").lines} == {str(n)}
