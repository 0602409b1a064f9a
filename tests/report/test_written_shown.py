"""Norms and cosines in a report, against the records."""

import json

import numpy as np
import pytest

from xtransplant import load
from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.report.data import to_lm_eval
from xtransplant.report.summary import TaskRun, summarise
from xtransplant.report.written_shown import written_grid, written_of
from xtransplant.runs import records
from xtransplant.runs.written import WRITTEN

GRID = Config(
    tasks=("babel",), strategies=("ffn-swap", "attn-ffn-swap"), langs=("sw", "hi"), limit=6,
    pairs="7:7,7:0", nulls=("noise",),
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return bench(GRID, RunContext(tmp_path_factory.mktemp("runs")), model=load(CHECKPOINT))


def runs_of(run):
    summary = summarise(run)
    return [TaskRun(summary, summary.tasks["babel"])]


def test_values_are_those_of_the_records_and_noise_is_as_large_as_what_it_stands_for(run):
    rows, found = (
        records(run),
        {(one.of.key, one.of.null): one for one in written_of(runs_of(run), "match")},
    )
    for strategy, writes in (("ffn-swap", 1), ("attn-ffn-swap", 2)):
        own = rows[(rows.strategy == strategy) & (rows.target_layer == 0)]
        one = found[f"{strategy},7→0", ""]
        assert (one.writes, one.n, len(one.values)) == (writes, 12, 12)
        for k, what in enumerate(WRITTEN):
            each = [np.mean(values) for values in own[what]]
            assert sorted(one.values[:, k]) == pytest.approx(sorted(each))
            low, high = one.ci95(k)
            assert low <= one.quartiles(k)[1] <= high
        null = found[f"{strategy},7→0", "noise"]
        assert np.sort(null.values[:, 0]) == pytest.approx(np.sort(one.values[:, 0]), rel=1e-3)
        assert np.abs(null.quartiles(2)[1]) < 0.3  # a random direction has little to do with it


def test_the_table_and_json_have_a_line_for_each(run):
    grid = written_grid(runs_of(run), "match")
    found = list(written_of(runs_of(run), "match"))
    assert len(grid.lines) == len(found)
    assert [line.cells[0] for line in grid.lines] == [str(one.n) for one in found]
    (more,) = json.loads(to_lm_eval([summarise(run)]))["more"].values()
    for one, entry in zip(found, more["written"], strict=True):
        assert entry["cosines"]["median"] == pytest.approx(one.quartiles(2)[1])


def test_records_without_norms_have_no_table(run, monkeypatch):
    monkeypatch.setattr("xtransplant.runs.written.WRITTEN", ("gone",))
    monkeypatch.setattr("xtransplant.runs.written.read_part", _without)
    assert written_grid(runs_of(run), "match") is None


def _without(run, table, part, columns):
    from xtransplant.runs.read import read_part

    return read_part(run, table, part, [name for name in columns if name != "gone"])
