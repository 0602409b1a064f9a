"""Which commands are the same run: those whose numbers are the same."""

import os
import shutil
from dataclasses import replace

import pytest
from small_bench import SMALL
from tiny import GOLDEN

from xtransplant import XTransplantError
from xtransplant.bench.config import ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.flags import LoadFlags
from xtransplant.bench.plan import make_plan
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.tasks.data import DataSource

WHOLE = replace(SMALL, limit=None)
BLEND = replace(SMALL, strategies=("blend",))
GENERATED = replace(SMALL, mode="generate")
LLAMA = replace(SMALL, model=ModelSpec(str(GOLDEN / "llama")))
FIXED = replace(SMALL, pairs="7:0,0:7")


def named(model):
    return ModelSpec.of(model, LoadFlags(), add_bos=False)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (SMALL, {"split": "pilot"}),
        (SMALL, {"mode": "score"}),
        (SMALL, {"direction": "en-to-lang"}),
        (SMALL, {"model": ModelSpec(str(CHECKPOINT))}),
        (SMALL, {"model": ModelSpec(os.path.relpath(CHECKPOINT))}),
        (SMALL, {"model": named("babel")}),
        (SMALL, {"model": named("babel/checkpoint")}),
        (SMALL, {"model": ModelSpec(dtype="float32")}),
        (SMALL, {"model": ModelSpec(family="llama")}),
        (SMALL, {"model": ModelSpec(device_map="cpu")}),
        (SMALL, {"max_new_tokens": 30}),
        (SMALL, {"memory_budget": 2**30}),
        (SMALL, {"allow_misaligned": True}),
        (SMALL, {"data": DataSource(seed=7)}),
        (SMALL, {"langs": ("hi", "sw")}),
        (SMALL, {"strategies": ("ffn-swap", "attn-swap")}),
        (WHOLE, {"limit": 10**6}),
        (WHOLE, {"langs": ("sw", "hi", "sw")}),
        (BLEND, {"options": (("weight", "0.5"),)}),
        (GENERATED, {"max_new_tokens": 20}),
        (LLAMA, {"model": ModelSpec(str(GOLDEN / "llama"), dtype="float32", family="llama")}),
        (FIXED, {"pairs": "last:first,first:last"}),
        (FIXED, {"pairs": "0:-1,-1:0,7:0"}),
        (replace(SMALL, pairs="source-last"), {"pairs": ",".join(f"7:{j}" for j in range(8))}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_saying_a_default_aloud_is_the_same_run(config, said):
    silent, aloud = make_plan(config), make_plan(replace(config, **said))
    assert (aloud.id, aloud.folder) == (silent.id, silent.folder)


@pytest.mark.parametrize(
    ("config", "change"),
    [
        (SMALL, {"limit": 9}),
        (SMALL, {"langs": ("sw",)}),
        (SMALL, {"pairs": "diagonal"}),
        (SMALL, {"mode": "generate"}),
        (SMALL, {"split": "unseen"}),
        (SMALL, {"direction": "lang-to-en"}),
        (SMALL, {"strategies": ("attn-swap",)}),
        (SMALL, {"chat_template": True}),
        (SMALL, {"log_samples": False}),
        (SMALL, {"model": ModelSpec(dtype="float64")}),
        (SMALL, {"model": ModelSpec(str(GOLDEN / "llama"))}),
        (BLEND, {"options": (("weight", "0.25"),)}),
        (GENERATED, {"max_new_tokens": 3}),
        (LLAMA, {"model": ModelSpec(str(GOLDEN / "llama"), family="gpt_neox")}),
        (FIXED, {"pairs": "7:0"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_numbers_depend_on_is_another_run(config, change):
    assert make_plan(replace(config, **change)).id != make_plan(config).id


def test_tasks_may_be_named_in_any_order(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("source,target,answer,candidates\na,b,1,1|2\nc,d,2,1|2\n")
    one = replace(SMALL, tasks=("babel", "file"), langs=(), data=DataSource(file=file))
    other = replace(one, tasks=("file", "babel"))
    assert make_plan(one).folder == make_plan(other).folder
    assert make_plan(one).id != make_plan(replace(one, limit=1)).id


def test_a_copy_in_another_folder_is_another_model(tmp_path):
    shutil.copytree(CHECKPOINT, tmp_path / "model")
    own = replace(SMALL, model=ModelSpec(str(tmp_path / "model")))
    assert make_plan(own).id != make_plan(SMALL).id


def test_the_second_command_does_nothing_though_it_says_the_defaults(babel_model, tmp_path):
    config, worked = replace(SMALL, langs=("sw",), limit=2), []
    first = bench(config, RunContext(tmp_path), model=babel_model)
    aloud = replace(
        config, split="pilot", mode="score", direction="en-to-lang", max_new_tokens=30,
        model=ModelSpec(str(CHECKPOINT), dtype="float32"),
    )  # fmt: skip
    again = bench(aloud, RunContext(tmp_path, watch=worked.append), model=babel_model)
    assert (again.path, worked) == (first.path, [])


def test_a_loaded_model_is_the_one_that_is_meant_where_none_is_named(babel_model, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("source,target,answer,candidates\na,b,1,1|2\nc,d,2,1|2\n")
    config = replace(SMALL, tasks=("file",), langs=(), pairs="1:1", data=DataSource(file=file))
    run = bench(config, RunContext(tmp_path), model=babel_model)
    named = replace(config, model=ModelSpec(str(CHECKPOINT)))
    assert run.path.name == make_plan(named).folder
    with pytest.raises(XTransplantError, match="no model comes with file"):
        bench(config, RunContext(tmp_path))


def test_layers_too_far_and_models_that_are_not_there_are_said_before_weights_are_read():
    with pytest.raises(XTransplantError, match=r"9:0 is out of range.*layers 0 to 7"):
        make_plan(replace(SMALL, pairs="9:0"))
    with pytest.raises(XTransplantError, match="no/such/model"):
        make_plan(replace(SMALL, model=ModelSpec("./no/such/model")))


def test_a_folder_goes_before_the_bundled_model_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert named("babel").name == str(CHECKPOINT)
    assert named("org/babel").name == "org/babel"
    assert named("capitals").name == "capitals"  # a task without a model
    (tmp_path / "babel").mkdir()
    assert named("babel").name == "babel"
