"""Recovery of the source's log-probability in a report, against the records."""

import json
from dataclasses import replace

import numpy as np
import pytest

from xtransplant import Example, load
from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.judge import judge
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.prompts import Key
from xtransplant.report.data import to_lm_eval
from xtransplant.report.formats import text_grids
from xtransplant.report.recovered import recovered_of
from xtransplant.report.summary import TaskRun, summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import examples, records
from xtransplant.runs.answer_logprobs import read_answer_logprobs
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.manifest import SCHEMA, Language, Manifest, TaskEntry
from xtransplant.runs.rows import Rows
from xtransplant.runs.store import create_run
from xtransplant.stats import recovery

GRID = Config(
    tasks=("babel",), strategies=("ffn-swap",), langs=("sw", "hi"), limit=8, pairs="7:7,7:0,6:7",
    nulls=("other",), exact_scores=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return bench(GRID, RunContext(tmp_path_factory.mktemp("runs")), model=load(CHECKPOINT))


def by_hand(run, name, pairs):
    """Recovery of each example, language by language; ``pairs`` by language and example."""
    rows, found = records(run), []
    for lang in GRID.langs:
        own = examples(run, lang=lang).set_index("example")
        at = {k: list(row.candidates).index(row.answer) for k, row in own.iterrows()}

        def logprobs(name, lang=lang, at=at):
            mine = rows[(rows.lang == lang) & (rows.strategy == name)]
            return {
                (k, None if i != i else (int(i), int(j))): values[at[k]]
                for k, i, j, values in zip(
                    mine.example, mine.source_layer, mine.target_layer, mine.logprobs, strict=True
                )
            }

        patched, target, source = map(logprobs, (name, VANILLA, SOURCE))
        for k in sorted(at):
            t, s = target[k, None], source[k, None]
            found.append((patched[k, pairs[lang][k]] - t) / (s - t) if s > t else np.nan)
    return np.array(found)


def test_every_row_and_its_null_grid_is_that_of_the_records(run):
    summary = summarise(run)
    lines = list(recovered_of([TaskRun(summary, summary.tasks["babel"])], "match"))
    (table,) = make_tables([summary])
    rows = {row.key: row for row in table.rows}
    assert [(one.of.key, one.of.null) for one in lines] == [
        (f"ffn-swap,{key}", null)
        for key in ("6→7", "7→0", "7→7", "best", "cross-fit") for null in ("", "other")
    ]  # fmt: skip
    for one in lines:
        row = rows[one.of.key]
        if row.pair is not None:
            pairs = {lang: dict.fromkeys(range(8), row.pair) for lang in GRID.langs}
        else:
            choosing = row.choosing
            pairs = {
                lang: {k: choosing.folds[fold] for k, fold in own.items()}
                for lang, own in choosing.by_example.items()
            }
        wanted = by_hand(run, f"ffn-swap{' [null other]' * bool(one.of.null)}", pairs)
        assert one.found.values.tolist() == pytest.approx(wanted.tolist(), nan_ok=True)
        assert (one.n, one.undefined) == (np.isfinite(wanted).sum(), np.isnan(wanted).sum())
        low, high = one.ci95
        assert low <= one.found.quartiles[1] <= high
        assert one.bounds == 0


def test_table_and_json_say_the_same(run):
    summary = summarise(run)
    lines = list(recovered_of([TaskRun(summary, summary.tasks["babel"])], "match"))
    (grid,) = [one for one in text_grids(make_tables([summary])) if "recovery" in one.title]
    told = json.loads(to_lm_eval([summary]))["more"]["babel_en-to-lang_pilot_score"]["recovery"]
    assert len(grid.lines) == len(told) == len(lines)
    for line, entry, one in zip(grid.lines, told, lines, strict=True):
        low, median, high = one.found.quartiles
        assert entry["median"] == pytest.approx(median)
        assert entry["quartiles"] == pytest.approx([low, high])
        assert entry["n"] == int(line.cells[0]) == one.n
        assert line.cells[2].startswith(f"{median:+.2f} (")
        assert line.null == bool(entry["null_grid"])


@pytest.fixture(scope="module")
def bounded(tmp_path_factory):
    """A run of one pair: of the second answer a bound, of the third nothing right of its source."""
    folder = tmp_path_factory.mktemp("bounded") / "run"
    entry = TaskEntry("1", "", "en-to-lang", "all", "score", "begins", 8,
                      {"sw": Language(3, "", {})}, {})  # fmt: skip
    manifest = Manifest(
        id="bounded", schema=SCHEMA, config={"pairs": "1:0"}, model={"name": "m", "n_layers": 2},
        strategies={"ffn-swap": {"pairs": [[1, 0]]}}, tasks={"xnli": entry}, versions={},
        machine={}, started="2026-01-01T00:00:00Z",
    )  # fmt: skip
    run, (part,) = create_run(folder, manifest), manifest.parts()
    items = [
        Example("s", "t", (" a", " b"), " b", f"e{k}", source_candidates=(" c", " d"))
        for k in range(3)
    ]
    items[2] = replace(items[2], source_key=Key(()))
    rows = Rows("score")
    for name, values in {VANILLA: (-1, -4), SOURCE: (-3, -2), "ffn-swap": (-2, -3)}.items():
        for k in range(3):
            cut = [[False, True]] if k == 1 and name == "ffn-swap" else [None]
            rows.add(
                k, name, [(1, 0)] if name == "ffn-swap" else [], logprobs=[list(values)],
                finite=[True], unchanged=[False], bounds=cut, top_token=["a"],
            )  # fmt: skip
    table, found = examples_table(items, 0, 3), rows.table()
    run.write("examples", part, table)
    run.write("records", part, found)
    run.write("correct", part, judge(found, table, "begins"))
    return run.finish()


def test_bounds_are_counted_and_a_source_of_which_nothing_is_known_is_left_out(bounded):
    own = read_answer_logprobs(bounded, "xnli", "sw", {SOURCE: (), "ffn-swap": {(1, 0)}})
    assert own[SOURCE].logprobs.tolist() == pytest.approx([-2, -2, np.nan], nan_ok=True)
    assert own["ffn-swap"].bounds.tolist() == [False, True, False]
    assert not read_answer_logprobs(bounded, "xnli", "sw", {"ffn-swap": {(0, 0)}})[
        "ffn-swap"
    ].examples.size
    summary = summarise(bounded)
    (one,) = recovered_of([TaskRun(summary, summary.tasks["xnli"])], "match")
    half = recovery(np.array([-3.0]), np.array([-4.0]), np.array([-2.0])).values[0]
    assert one.found.values.tolist() == pytest.approx([half, half, np.nan], nan_ok=True)
    assert (one.n, one.undefined, one.bounds) == (2, 1, 1)
    (grid,) = [one for one in text_grids(make_tables([summary])) if "recovery" in one.title]
    assert any("of 1 of these values" in note for note in grid.notes)
