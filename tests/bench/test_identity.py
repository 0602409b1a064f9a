"""Whether a model is the same still: every value, every file, the server's word."""

import copy
import hashlib
import json
import os
import time
from dataclasses import replace

import pytest
import torch
from tokenizers_made import TEMPLATES

from xtransplant import XTransplantError, load
from xtransplant.backends.ndif.backend import Ndif
from xtransplant.bench import model_digests
from xtransplant.bench.model_digests import file_digests
from xtransplant.bench.model_identity import check_folder, check_model, model_entry
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.model.identity import tensor_digest, weights_digest


def entry(model):
    return model_entry(model, str(CHECKPOINT), None)


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Digests are remembered in a folder of the test's own, of files of any size and age."""
    monkeypatch.setenv("XTRANSPLANT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(model_digests, "_LARGE", 0)
    monkeypatch.setattr(model_digests, "_FRESH", -1e9)
    return tmp_path / "cache" / "sha256.json"


def test_an_ablated_neuron_is_another_model(small):
    model = load(CHECKPOINT)
    run = small(limit=4, model=model)
    for part in run.manifest.parts():
        run.part_path("records", part).unlink()  # so that the model is asked again
    before = entry(model)
    check_model(entry(load(CHECKPOINT)), before, "r")
    # Column 1 of one row: samples of every 512th element never saw it; .data hides the change.
    weight = model.module.model.layers[3].mlp.down_proj.weight
    kept = weight.data[5, 1].clone()
    weight.data[5, 1] = 0
    with pytest.raises(XTransplantError, match="its fingerprint is"):
        small(limit=4, model=model)
    weight.data[5, 1] = kept
    assert entry(model) == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int8])
def test_every_byte_of_a_tensor_counts(dtype):
    tensor = torch.arange(35, dtype=torch.float32).reshape(5, 7).to(dtype)
    seen = {tensor_digest(tensor)}
    raw = tensor.view(torch.uint8).reshape(-1)
    for k in range(len(raw)):
        raw[k] ^= 1
        seen.add(tensor_digest(tensor))
        raw[k] ^= 1
    assert len(seen) == 1 + len(raw)
    assert tensor_digest(tensor.T) == tensor_digest(tensor.T.contiguous())
    assert tensor_digest(tensor.T) != tensor_digest(tensor)


def test_names_shapes_and_buffers_count_and_ties_do_not_count_twice():
    class Module(torch.nn.Module):
        def __init__(self, name="a", shape=(2, 3), buffer=1.0, own=0.0):
            super().__init__()
            setattr(self, name, torch.nn.Parameter(torch.ones(shape)))
            self.tied = getattr(self, name)
            self.register_buffer("kept", torch.tensor(buffer))
            self.register_buffer("computed", torch.tensor(own), persistent=False)

    same = weights_digest(Module())
    assert weights_digest(Module(own=1.0)) == same
    others = [Module("b"), Module(shape=(3, 2)), Module(buffer=2.0)]
    assert len({same, *map(weights_digest, others)}) == 4


def test_a_chat_template_is_part_of_a_tokenizer(babel_model):
    other = copy.copy(babel_model.tokenizer)
    other.chat_template = TEMPLATES["line"]
    changed = replace(babel_model, tokenizer=other)
    with pytest.raises(XTransplantError, match="tokenizer_hash"):
        check_model(entry(changed), entry(babel_model), "r")


def test_prompts_that_begin_otherwise_are_another_model(babel_model):
    begun = replace(babel_model, beginning=replace(babel_model.beginning, added=True))
    with pytest.raises(XTransplantError, match="add_bos is True, not False"):
        check_model(entry(begun), entry(babel_model), "r")
    found = entry(babel_model)
    assert (found["adds_bos"], found["expects_bos"], found["add_bos"]) == (True, True, False)


@pytest.mark.parametrize("where", [0.0, 0.3, 0.7, 1.0])
def test_a_byte_anywhere_in_a_file_is_another_model(tmp_path, where):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(os.urandom(2**20))
    then = {"revision": None, "files": file_digests(str(folder), None)}
    check_folder(str(folder), then, "r")
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[int(where * (len(data) - 1))] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(XTransplantError, match=r"another model than run r.*model\.safetensors"):
        check_folder(str(folder), then, "r")


def test_a_gguf_file_by_another_name_is_the_same_model(tmp_path):
    (tmp_path / "one.gguf").write_bytes(os.urandom(100))
    then = {"revision": None, "files": file_digests(str(tmp_path / "one.gguf"), None)}
    (tmp_path / "one.gguf").rename(tmp_path / "other.gguf")
    check_folder(str(tmp_path / "other.gguf"), then, "r")
    (tmp_path / "other.gguf").write_bytes(os.urandom(100))
    with pytest.raises(XTransplantError, match=r"another model than run r.*other\.gguf"):
        check_folder(str(tmp_path / "other.gguf"), then, "r")


def test_files_are_remembered_by_path_size_and_time(tmp_path, memory, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    file = folder / "model.safetensors"
    file.write_bytes(b"one")
    right = {"model.safetensors": hashlib.sha256(b"one").hexdigest()}
    assert file_digests(str(folder), None) == right
    with monkeypatch.context() as patched:
        patched.setattr(hashlib, "sha256", None)
        assert file_digests(str(folder), None) == right, "it was read again"
    # Of the same size, and its time put back: the time it was changed cannot be.
    times = file.stat()
    time.sleep(0.05)
    file.write_bytes(b"two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file_digests(str(folder), None) != right
    file.write_bytes(b"one")
    for damage in ("", "[]", "{", json.dumps({str(file): "x"}), json.dumps({str(file): [1, 2]})):
        memory.write_text(damage)
        assert file_digests(str(folder), None) == right
    memory.unlink()
    assert file_digests(str(folder), None) == right


def test_what_was_just_written_is_not_remembered(tmp_path, memory, monkeypatch):
    monkeypatch.setattr(model_digests, "_FRESH", 1e9)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"one")
    file_digests(str(tmp_path / "model"), None)
    assert not memory.exists()


def test_the_hubs_files_are_named_by_their_digest(tmp_path, monkeypatch):
    home, digest = tmp_path / "models--org--name", "ab" * 32
    snapshot = home / "snapshots" / "c0ffee"
    for folder in (home / "blobs", home / "refs", snapshot):
        folder.mkdir(parents=True)
    (home / "refs" / "main").write_text("c0ffee")
    (home / "blobs" / digest).write_bytes(b"")
    (home / "blobs" / ("c" * 40)).write_bytes(b"{}")
    (snapshot / "model.safetensors").symlink_to(home / "blobs" / digest)
    (snapshot / "config.json").symlink_to(home / "blobs" / ("c" * 40))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    then = file_digests("org/name", None)
    assert then == {
        "model.safetensors": digest, "config.json": hashlib.sha256(b"{}").hexdigest()
    }  # fmt: skip
    # More of the same snapshot fetched later is no other model; other weights are.
    (snapshot / "tokenizer.model").write_bytes(b"x")
    check_folder("org/name", {"revision": None, "files": then}, "r")
    with pytest.raises(XTransplantError, match=r"model\.safetensors changed"):
        check_folder(
            "org/name", {"revision": None, "files": {**then, "model.safetensors": ""}}, "r"
        )
    assert file_digests("org/other", None) is None
    assert file_digests("no/such/folder/", None) is None


def test_another_revision_on_a_server_is_another_model(babel_model, monkeypatch):
    there = replace(babel_model, backend=Ndif("http://127.0.0.1:9"))
    rows = [{"model": str(CHECKPOINT), "revision": "aaa", "state": "RUNNING"},
            {"model": "org/else", "revision": "main", "state": "RUNNING"}]  # fmt: skip
    monkeypatch.setattr(Ndif, "deployed", lambda server: rows)
    then = entry(there)
    assert then["server_revision"] == "aaa"
    check_model(entry(there), then, "r")
    rows[0]["revision"] = "bbb"
    with pytest.raises(XTransplantError, match="its server_revision is bbb, not aaa"):
        check_model(entry(there), then, "r")
    with pytest.raises(XTransplantError, match="its commit is None, not 123"):
        check_model(entry(there), {**entry(there), "commit": "123"}, "r")
    # A run that began before the server had loaded its model goes on.
    check_model(entry(there), {**entry(there), "server_revision": None}, "r")
