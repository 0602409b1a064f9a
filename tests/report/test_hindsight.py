"""A pair typed by hand is known for another run's best, over the same items."""

from dataclasses import replace

import pytest

from xtransplant import load
from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.pairs import choose_pairs
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.report.hindsight import find_hindsight
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs.read import item_digests
from xtransplant.runs.store import open_run

GRID = Config(tasks=("babel",), strategies=("ffn-swap",), langs=("sw", "hi"), limit=8)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Run a bench whose pair in Swahili is the grid's best there, or another; and count it."""
    model, folder = load(CHECKPOINT), tmp_path_factory.mktemp("runs")

    def call(**changes):
        return summarise(bench(replace(GRID, **changes), RunContext(folder), model=model))

    return call


def best(summary, lang, *, across=False):
    i, j = choose_pairs(summary.path, across=across).find("babel", "ffn-swap", lang)
    return f"{i}:{j}"


def test_the_grids_best_typed_by_hand_is_found(counted):
    grid = counted()
    typed = counted(pairs=best(grid, "sw"), langs=("sw",))
    assert find_hindsight([typed, grid]) == {(typed.path, "babel", "ffn-swap", "sw"): 8}
    # Part of the items is enough, and counted.
    longer = counted(pairs=best(grid, "sw"), langs=("sw",), limit=12)
    assert find_hindsight([grid, longer]) == {(longer.path, "babel", "ffn-swap", "sw"): 8}
    across = counted(pairs=best(grid, "hi", across=True), langs=("hi",))
    assert (across.path, "babel", "ffn-swap", "hi") in find_hindsight([across, grid])


def test_a_report_of_both_marks_it(counted):
    grid = counted()
    typed = counted(pairs=best(grid, "sw"), langs=("sw",))
    (table,) = make_tables([grid, typed])
    (marked,) = [row for row in table.rows if row.in_sample]
    assert (marked.kind, marked.in_sample) == ("pair", {"sw": 8})
    assert marked.oracle
    assert any("the best of another of these runs on: sw 8 of 8" in note for note in table.notes)
    (alone,) = make_tables([typed])
    assert not any(row.in_sample for row in alone.rows)


def test_whatever_else_is_not(counted):
    grid = counted()
    i, j = map(int, best(grid, "sw").split(":"))
    others = [
        counted(pairs=f"{(i + 1) % 8}:{(j + 1) % 8}", langs=("sw",)),  # another pair
        counted(pairs=f"{i}:{j}", langs=("sw",), split="unseen"),  # other items
        counted(pairs=f"{i}:{j}", langs=("sw",), mode="generate", max_new_tokens=1),
        counted(pairs=f"@{grid.path}", langs=("sw",)),  # says itself what it was chosen on
    ]
    assert find_hindsight([*others, grid]) == {}
    assert find_hindsight([counted(pairs=f"{i}:{j}", langs=("sw",))]) == {}


def test_items_are_those_of_the_language(counted):
    grid = counted()
    sw, hi = (item_digests(open_run(grid.path), "babel", lang) for lang in ("sw", "hi"))
    assert len(sw) == len(hi) == 8
    assert not sw & hi
