"""What was found about a packing is remembered, for the same model alone, and never needed."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import EXAMPLE, make_tiny, tiny_checkpoint

from xtransplant import load, transplant, verify_packing
from xtransplant.engine import remembered, trial, verify
from xtransplant.engine.compile import masks
from xtransplant.engine.verify import packing_for
from xtransplant.model import state
from xtransplant.model.model import Window
from xtransplant.packing import ROWS, SHARED


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("XTRANSPLANT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "packing"


@pytest.fixture
def runs(monkeypatch):
    """How many trials have run, in a list."""
    found, run = [], trial.Trial.run

    def counted(self, model, packing, **options):
        found.append(packing)
        return run(self, model, packing, **options)

    monkeypatch.setattr(trial.Trial, "run", counted)
    return found


def fresh(family="llama", **options):
    """A model as another process would have it."""
    return load(tiny_checkpoint(family), check=False, **options)


def test_what_is_remembered_is_used_and_nothing_is_run(folder, runs):
    first = packing_for(fresh())
    assert first.packing == SHARED
    assert runs
    [file] = folder.iterdir()
    assert first.file == str(file)
    runs.clear()
    again = packing_for(fresh())
    assert not runs
    assert again == first
    assert (again.since, again.file) == (first.since, first.file)
    assert transplant(fresh(), EXAMPLE, "attn-swap").packing == SHARED
    assert not runs
    assert packing_for(fresh(), anew=True) == first
    assert runs


@pytest.mark.parametrize("family", ["bloom", "falcon"])
def test_a_slower_way_is_remembered_with_its_reason(family, runs):
    first = packing_for(fresh(family))
    assert first.note
    runs.clear()
    assert packing_for(fresh(family)) == first
    assert not runs


def test_a_finding_at_half_precision_comes_back_whole(runs):
    first = packing_for(fresh(dtype="bfloat16"))
    assert first.float32 is not None
    runs.clear()
    again = packing_for(fresh(dtype="bfloat16"))
    assert (again, again.note) == (first, first.note)
    assert not runs


def one_weight(model):
    model.module.model.layers[2].mlp.down_proj.weight.data[5, 1] += 1e-3
    return model


def one_setting(model):
    model.config.rms_norm_eps *= 2
    return model


def another_table(model):
    return replace(model, family=replace(model.family, windows="sliding"))


@pytest.mark.parametrize("change", [one_weight, one_setting, another_table])
def test_another_model_is_verified_anew(runs, change):
    packing_for(fresh())
    runs.clear()
    packing_for(change(fresh()))
    assert runs


@pytest.mark.parametrize("option", [{"dtype": "float64"}, {"attn_implementation": "eager"}])
def test_a_model_loaded_otherwise_is_verified_anew(runs, option):
    packing_for(fresh())
    runs.clear()
    packing_for(fresh(**option))
    assert runs


@pytest.mark.parametrize("what", ["torch", "transformers", "nnsight", "xtransplant", "code"])
def test_under_other_software_it_is_verified_anew(runs, monkeypatch, what):
    packing_for(fresh())
    software = {**state._software(), what: "another"}
    monkeypatch.setattr(state, "_software", lambda: software)
    runs.clear()
    packing_for(fresh())
    assert runs


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-40],
        lambda text: "[]",
        lambda text: text.replace('"key"', '"keys"'),
        lambda text: text.replace('"dtype": "torch.float32"', '"dtype": "torch.float64"'),
        lambda text: text.replace('"together": true', '"together": "yes"'),
        lambda text: text.replace('"growing": true', '"growin": true'),
        lambda text: text.replace('"tolerance": 0', '"tolerance": null, "other": 0'),
    ],
)
def test_a_damaged_file_is_written_anew_with_one_line(folder, runs, caplog, damage):
    first = packing_for(fresh())
    [file] = folder.iterdir()
    whole = json.loads(file.read_text())
    file.write_text(damage(file.read_text()))
    runs.clear()
    caplog.clear()
    assert packing_for(fresh()) == first
    assert runs
    [line] = caplog.messages
    assert line == f"{file} cannot be read: packing is verified anew"
    after = json.loads(file.read_text())
    assert (after["key"], after["check"]["packing"]) == (whole["key"], whole["check"]["packing"])


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XTRANSPLANT_CACHE", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        check = packing_for(fresh())
        assert (check.packing, check.file) == (SHARED, "")
    assert len([line for line in caplog.messages if "XTRANSPLANT_CACHE=FOLDER" in line]) == 1


def test_a_wrong_packing_is_caught_the_first_time_and_what_was_asked_anew_is_kept(
    tmp_path, monkeypatch
):
    make_tiny("mistral", tmp_path / "model")
    with monkeypatch.context() as faulty:
        within = masks._within_window
        faulty.setattr(masks, "_within_window", lambda s, q, k, w: within(s, q, k, Window()))
        assert packing_for(load(tmp_path / "model")).packing == ROWS
    assert packing_for(load(tmp_path / "model"), anew=True).packing == SHARED
    assert packing_for(load(tmp_path / "model")).packing == SHARED


def test_what_is_not_whole_is_not_remembered(folder, monkeypatch):
    found = verify_packing(fresh())
    assert not folder.exists()  # verify_packing itself remembers nothing
    for wanting in (
        replace(found, lacked_memory=True),
        replace(found, worst=np.nan),
    ):
        monkeypatch.setattr(verify, "verify_packing", lambda model, found=wanting: found)
        assert packing_for(fresh()).file == ""
    assert not folder.exists()


def test_weights_that_are_elsewhere_are_not_known(monkeypatch):
    model = fresh()
    assert state.model_key(model) is not None
    monkeypatch.setattr(type(model.backend), "in_process", False)
    assert state.model_key(model) is None
    monkeypatch.undo()
    model.module.model.norm.weight = torch.nn.Parameter(torch.empty(48, device="meta"))
    assert state.model_key(model) is None


def test_a_sum_tells_one_changed_value_of_any_type_and_length():
    for kind in (torch.float32, torch.bfloat16, torch.float64, torch.int8, torch.bool):
        for size in (1, 7, 64):
            tensor = torch.zeros(size, dtype=kind)
            before = state.checksum(tensor)
            tensor[-1] = 1
            assert state.checksum(tensor) != before
            assert state.checksum(tensor[1:]) == state.checksum(tensor[1:].clone())


def test_a_copy_in_another_folder_is_the_same_model(tmp_path):
    make_tiny("llama", tmp_path)
    one, other = state.model_key(fresh()), state.model_key(load(tmp_path, check=False))
    assert one == other == json.loads(json.dumps(one))


def test_of_a_split_model_the_first_process_looks_and_tells_all(monkeypatch):
    told = packing_for(fresh())
    model = replace(fresh(), world_size=2)
    said = []
    monkeypatch.setattr(remembered, "broadcast", lambda value: said.append(value) or told)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(remembered, "_read", lambda model: pytest.fail("rank 1 looked"))
    assert remembered.recall(model) == told
    assert said == [None]
    assert remembered.remember(model, told) is told
