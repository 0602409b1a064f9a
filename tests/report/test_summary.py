"""A run counted is its records counted the long way."""

import numpy as np
import pytest

from xtransplant import Example
from xtransplant.bench.judge import judge
from xtransplant.prompts import Key
from xtransplant.report.summary import summarise
from xtransplant.runs import records
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.manifest import SCHEMA, Language, Manifest, TaskEntry
from xtransplant.runs.rows import Rows
from xtransplant.runs.store import create_run
from xtransplant.stats import Rate
from xtransplant.tasks.derangements import N_DERANGEMENTS

N = 9
PAIRS = [(i, j) for i in range(3) for j in range(3)]


def counted_run(folder):
    """Made up, with cells that are not finite and cells that change nothing."""
    dice = np.random.default_rng(5)
    entry = TaskEntry(
        "1", "MIT", "en-to-lang", "pilot", "generate", "choice", 4,
        {lang: Language(N, "", {}) for lang in ("sw", "zh")}, {},
    )  # fmt: skip
    manifest = Manifest(
        id="small", schema=SCHEMA, config={"pairs": "overall"},
        model={"name": "org/model", "n_layers": 3, "fingerprint": "f"},
        strategies={"swap": {"pairs": [list(pair) for pair in PAIRS]}}, tasks={"made": entry},
        versions={}, machine={}, started="2026-01-01T00:00:00Z",
    )  # fmt: skip
    keys = [Key((str(k % 3),), ("0", "1", "2")) for k in range(N)]
    keys[4] = Key(("1",), ("1", "7"))  # others' answers are none of its options: it has no null
    examples = [Example("s", "t", (), None, f"e{k}", "en", "xx", key) for k, key in enumerate(keys)]
    run = create_run(folder, manifest)
    for part in manifest.parts():
        rows = Rows("generate")
        for name in (VANILLA, SOURCE, "swap"):
            for k in range(part.start, part.stop):
                own = PAIRS if name == "swap" else []
                count = len(own) or 1
                rows.add(
                    k, name, own, output=[f"({dice.integers(0, 4)})" for _ in range(count)],
                    finite=dice.random(count) > 0.1, unchanged=dice.random(count) > 0.7,
                )  # fmt: skip
        table, said = examples_table(examples, part.start, part.stop), rows.table()
        run.write("examples", part, table)
        run.write("records", part, said)
        run.write("correct", part, judge(said, table, "choice"))
    return run.finish()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return counted_run(tmp_path_factory.mktemp("runs") / "run")


def test_counts_are_those_of_the_records(run):
    summary, found = summarise(run), records(run)
    (task,) = summary.tasks.values()
    entry = run.manifest.tasks[task.name]
    assert (task.split, task.mode) == (entry.split, entry.mode)
    assert summary.absent == ()
    assert set(task.languages) == set(found.lang)
    for lang, counts in task.languages.items():
        own = found[found.lang == lang]
        for level in ("strict", "match", "lenient"):
            for name, rates in (("vanilla", counts.vanilla), ("source", counts.source)):
                rows = own[own.strategy == name]
                assert rates[level] == Rate(int(rows[level].sum()), len(rows))
            grid = own[own.strategy == "swap"]
            tally = counts.strategies["swap"][level]
            by_pair = grid.groupby(["source_layer", "target_layer"])[level]
            assert tally.hits == {tuple(map(int, p)): int(r.sum()) for p, r in by_pair}
            assert tally.overall.right == int(grid.groupby("example")[level].any().sum())
            others = grid[grid[f"other_{level}"].notna()].astype({f"other_{level}": int})
            masks = others.groupby("example")[f"other_{level}"].agg(np.bitwise_or.reduce)
            assert len(masks) == N - 1
            bits = sum(int(mask).bit_count() for mask in masks)
            assert tally.overall.null == pytest.approx(bits / N_DERANGEMENTS * N / (N - 1))
            assert tally.overall.cells == len(PAIRS)
        for name in ("vanilla", "swap"):
            rows, state = own[own.strategy == name], counts.states[name]
            assert state.n == len(rows)
            assert state.not_finite == int((~rows.finite).sum())
            assert state.unchanged == int(rows.unchanged.sum())
    swap = [counts.states["swap"] for counts in task.languages.values()]
    assert all(0 < state.not_finite < state.n and 0 < state.unchanged < state.n for state in swap)
