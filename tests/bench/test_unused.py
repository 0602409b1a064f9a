"""Options that cannot act are refused, from Python as from the command line."""

from dataclasses import replace

import pytest
from small_bench import SMALL

from xtransplant import XTransplantError
from xtransplant.backends.dry import Dry
from xtransplant.backends.registry import parse_on
from xtransplant.bench.context import RunContext
from xtransplant.bench.flags import BenchFlags, DataFlags, WhatFlags
from xtransplant.bench.parse import parse_config
from xtransplant.bench.pilot import pilot
from xtransplant.bench.plan import make_plan
from xtransplant.bench.run import bench
from xtransplant.bench.unused import check_given
from xtransplant.engine.ask.memory import MemoryBudget


def given(*tasks, **flags):
    """The flags of a bench of some tasks."""
    return BenchFlags(WhatFlags(list(tasks), ["none"]), **flags)


@pytest.mark.parametrize(
    "values",
    [{"langs": ("sw", "")}, {"langs": ("sw,,hi",)}, {"task": ("",)}, {"model": " "}, {"split": ""}],
    ids=str,
)
def test_empty_texts_are_no_defaults(values):
    with pytest.raises(XTransplantError, match=f"--{next(iter(values))}.*leave it out"):
        check_given(**values)


def test_what_is_not_given_is_not_empty():
    check_given(langs=(), model=None, pairs="7:0,", task=("babel, xnli",))


@pytest.mark.parametrize("text", ["local", "dry", "ray"])
def test_what_only_a_server_goes_by(text):
    for options in ({"insecure": True}, {"jobs": 2}):
        with pytest.raises(XTransplantError, match=f"does nothing with --on {text}"):
            parse_on(text, **options)
    assert parse_on("ndif:http://localhost:1", insecure=True, jobs=2).at_once == 2
    assert parse_on("ndif:http://localhost:1") == parse_on("ndif:http://localhost:1", jobs=4)


def test_workers_need_a_pool():
    with pytest.raises(XTransplantError, match="--workers 2 does nothing with --on local"):
        parse_on("local", workers=2)
    with pytest.raises(XTransplantError, match="--workers -1 do no work"):
        parse_on("ray", workers=-1)


def test_pairs_across_languages_are_chosen_on_a_run():
    with pytest.raises(XTransplantError, match=r"--across.*--pairs overall"):
        make_plan(SMALL, across=True)


def test_a_pilot_chooses_and_runs(tmp_path):
    with pytest.raises(XTransplantError, match=r"--pairs @mine\.json has chosen already"):
        pilot(replace(SMALL, pairs="@mine.json"), RunContext(tmp_path))
    with pytest.raises(XTransplantError, match="--on dry"):
        pilot(SMALL, RunContext(tmp_path, backend=Dry()))


def test_a_budget_that_holds_nothing_leaves_no_run(small, babel_model, tmp_path):
    for budget in (-1, 0, 1, 10_000):
        with pytest.raises(XTransplantError, match="holds nothing: one token"):
            small(memory_budget=budget)
    assert not list(tmp_path.iterdir())
    assert MemoryBudget.of(babel_model, 10**6).limit == 10**6


def test_a_run_goes_on_with_its_own_budget_and_says_so(small, babel_model, tmp_path):
    run = small(langs=("sw",), limit=2)
    run.part_path("records", next(run.manifest.parts())).unlink()
    said = []
    config = replace(SMALL, langs=("sw",), limit=2, memory_budget=2**27)
    bench(config, RunContext(tmp_path, say=said.append), model=babel_model)
    assert any("was begun with a memory budget of 268,435,456 bytes" in line for line in said)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (given("babel", seed=0), "--seed 0 does nothing for babel"),
        (given("babel", data=DataFlags(split_by="part")), "--split-by part does nothing for babel"),
        (
            given("xnli", "babel", data=DataFlags(column=["id=x"])),
            "--column id=x .* xnli and babel",
        ),
        (given("bable"), "unknown task 'bable'"),
    ],
    ids=str,
)
def test_data_that_no_task_reads(flags, words):
    with pytest.raises(XTransplantError, match=words):
        parse_config(flags)


def test_data_that_one_of_the_tasks_reads(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("source,target,answer\n")
    data = DataFlags(data_dir=tmp_path, file=file, column=["id=x"])
    config = parse_config(given("babel", "file", "xnli", data=data, seed=1, split="pilot"))
    assert (config.data.seed, config.data.file) == (1, file)
