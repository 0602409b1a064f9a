"""A GGUF file is a checkpoint like any other: the same numbers, its own beginning, its hash."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from gguf_made import exact_norms, gguf, write_gguf
from refusals import refusal
from tiny import EXAMPLE, make_tiny

from xtransplant.backends.ndif.backend import Ndif
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.model_identity import model_entry
from xtransplant.bench.plan import make_plan
from xtransplant.compat.gguf import quick_reader
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.model import checkpoint as checkpoints
from xtransplant.model.gguf import _read_once, read_config
from xtransplant.model.load import load

# A file holds it in float32.
EPS = float(np.float32(1e-6))
# Gemma's layers look back by a pattern that its file does not hold: every sixth sees all.
GEMMA = {
    "num_hidden_layers": 6, "hidden_size": 64, "head_dim": 256, "query_pre_attn_scalar": 256,
    "layer_types": ["sliding_attention"] * 5 + ["full_attention"], "rms_norm_eps": EPS,
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Both families as safetensors and, beside them, the same weights as a GGUF file."""
    found = {}
    for family, changes in {"llama": {"rms_norm_eps": EPS}, "gemma3_text": GEMMA}.items():
        folder = tmp_path_factory.mktemp(family)
        make_tiny(family, str(folder), **changes)
        exact_norms(folder)
        write_gguf(folder, folder / "tiny.gguf", add_bos_token=True)
        found[family] = folder
    return found


@pytest.fixture(scope="module")
def llama_file(folders):
    return folders["llama"] / "tiny.gguf"


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_the_same_weights_give_the_same_numbers(folders, family):
    here, there = load(folders[family]), load(folders[family] / "tiny.gguf")
    own = here.module.state_dict()
    for name, weight in there.module.state_dict().items():
        assert torch.equal(weight, own[name]), name
    assert there.dtype == torch.float32
    assert there.windows == here.windows
    ids = prompt_ids(here, EXAMPLE.target)
    assert prompt_ids(there, EXAMPLE.target) == ids
    with torch.no_grad():
        inputs = torch.tensor([ids])
        assert torch.equal(there.module(inputs).logits, here.module(inputs).logits)


def test_a_quantized_file_gives_what_its_blocks_say(folders, tmp_path):
    path = write_gguf(folders["gemma3_text"], tmp_path / "tiny.gguf", kind="Q5_0")
    model = load(path)
    reader = gguf.GGUFReader(path)
    stored = {one.name: one for one in reader.tensors}["blk.2.ffn_down.weight"]
    assert stored.tensor_type == gguf.GGMLQuantizationType.Q5_0
    expected = torch.from_numpy(gguf.dequantize(stored.data, stored.tensor_type))
    found = model.module.model.layers[2].mlp.down_proj.weight
    assert torch.equal(found, expected)
    exact = load(folders["gemma3_text"]).module.model.layers[2].mlp.down_proj.weight
    assert 0 < (found - exact).abs().max() < 0.05


def test_what_transformers_leaves_out_of_a_file_is_said(folders, tmp_path, caplog):
    odd = tmp_path / "odd"
    make_tiny("gemma3_text", str(odd), **{**GEMMA, "head_dim": 128})
    path = write_gguf(odd, tmp_path / "odd.gguf", add_bos_token=True)
    assert "takes 256 for heads of 128" in refusal(path)
    stretched = {"llama__rope__scaling__type": "linear"}
    path = write_gguf(folders["llama"], tmp_path / "far.gguf", add_bos_token=True, **stretched)
    load(path)
    (record,) = caplog.records
    assert "how the file stretches positions (rope.scaling.type linear)" in record.getMessage()


def test_a_file_is_named_by_path_or_in_its_folder(llama_file):
    by_path, by_name = load(llama_file), load(llama_file.parent, gguf_file=llama_file.name)
    assert by_path.name == by_name.name == str(llama_file)
    entries = [
        model_entry(by_path, str(llama_file), None),
        model_entry(by_name, str(llama_file.parent), None, llama_file.name),
    ]
    assert entries[0] == entries[1]
    assert list(entries[0]["files"]) == [llama_file.name]


@pytest.mark.parametrize("says", [True, False, None])
def test_prompts_begin_as_the_file_says(folders, tmp_path, caplog, says):
    path = write_gguf(folders["llama"], tmp_path / "tiny.gguf", add_bos_token=says)
    model = load(path)
    assert model.beginning.by_tokenizer is bool(says)
    assert model.beginning.missing is not bool(says)
    assert (prompt_ids(model, "Jibu:")[0] == 1) is bool(says)
    assert len(caplog.records) == (not says)
    if says:
        assert "adds <s> itself" in refusal(path, add_bos=True)
    else:
        assert prompt_ids(load(path, add_bos=True), "Jibu:")[0] == 1


def test_a_run_is_known_by_the_files_hash(folders, llama_file, tmp_path):
    moved = shutil.copy(llama_file, tmp_path / "other.gguf")
    other = write_gguf(folders["llama"], tmp_path / "third.gguf", add_bos_token=False)

    config = Config(("babel",), ("attn-swap",), langs=("sw",), limit=2)

    def plan(spec):
        return make_plan(replace(config, model=spec)).id

    first = plan(ModelSpec(str(llama_file)))
    assert plan(ModelSpec(str(moved))) == first
    assert plan(ModelSpec(str(tmp_path), gguf_file="other.gguf")) == first
    assert plan(ModelSpec(str(other))) != first
    assert plan(ModelSpec(str(folders["llama"]))) != first


def test_a_loaded_file_is_saved_as_safetensors(llama_file, tmp_path):
    model = load(llama_file)
    model.module.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    again = load(tmp_path)
    own = model.module.state_dict()
    for name, weight in again.module.state_dict().items():
        assert torch.equal(weight, own[name]), name
    assert prompt_ids(again, "Jibu:") == prompt_ids(model, "Jibu:")
    assert "quantization_config" not in json.loads((tmp_path / "config.json").read_text())


def test_a_vocabulary_is_read_quickly_and_the_same(tmp_path):
    path = tmp_path / "long.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    rng = np.random.default_rng(0)
    writer.add_token_list(["", *("é" * int(k) for k in rng.integers(0, 9, 2000))])
    writer.add_token_scores(rng.standard_normal(2000).astype(np.float32).tolist())
    writer.add_token_types([int(k) for k in rng.integers(0, 6, 2000)])
    writer.add_array("tokenizer.ggml.flags", [bool(k) for k in rng.integers(0, 2, 2000)])
    writer.add_array("llama.attention.head_count_kv", [1, 0, 2])
    writer.add_tensor("token_embd.weight", np.ones((4, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    own = gguf.GGUFReader(path)
    with quick_reader():
        quick = gguf.GGUFReader(path)
    assert type(quick) is not type(own)
    assert type(gguf.GGUFReader(path)) is type(own)
    assert list(quick.fields) == list(own.fields)
    for name, field in own.fields.items():
        found = quick.fields[name]
        assert (found.offset, found.types, found.data) == (field.offset, field.types, field.data)
        for one, other in zip(found.parts, field.parts, strict=True):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)
    assert [t.data_offset for t in quick.tensors] == [t.data_offset for t in own.tensors]


def test_what_is_no_gguf_file_or_another_one_is_said(folders, llama_file, tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"GARBAGE" * 99)
    (tmp_path / "empty.gguf").touch()
    unknown = write_gguf(folders["llama"], tmp_path / "odd.gguf", name="oddity")
    for path, says in {
        tmp_path / "bad.gguf": "is no GGUF file",
        tmp_path / "empty.gguf": "is empty",
        unknown: "architecture 'oddity', which this release of transformers cannot dequantize",
        tmp_path / "none.gguf": "does not exist",
        tmp_path: "has no config.json, but a GGUF file; name it: --model",
    }.items():
        assert says in refusal(path)
    assert "holds these GGUF files: tiny.gguf" in refusal(llama_file.parent, gguf_file="x.gguf")
    assert "leave one out" in refusal(llama_file, gguf_file="x.gguf")
    assert "not split over processes" in refusal(llama_file, tensor_parallel=True)


def test_a_server_takes_no_file(llama_file):
    server = Ndif("http://127.0.0.1:9")
    assert f"--on {server} runs what is deployed there" in refusal(llama_file, backend=server)


def test_without_the_package_it_says_what_to_install(llama_file, monkeypatch):
    monkeypatch.setattr(checkpoints, "find_spec", lambda name: None)
    assert "pip install 'xtransplant[gguf]'" in refusal(llama_file)


def test_a_configuration_is_read_once_and_again_when_the_file_has_changed(folders, tmp_path):
    file = tmp_path / "model.gguf"
    shutil.copy(folders["llama"] / "tiny.gguf", file)
    checkpoint = checkpoints.find_checkpoint(file)
    _read_once.cache_clear()
    one, other = (read_config(checkpoint, None, trusted=False) for _ in range(2))
    assert (_read_once.cache_info().misses, _read_once.cache_info().hits) == (1, 1)
    one.num_hidden_layers = 99
    assert other.num_hidden_layers != 99
    assert read_config(checkpoint, None, trusted=False).to_dict() == other.to_dict()
    shutil.copy(folders["gemma3_text"] / "tiny.gguf", file)
    assert read_config(checkpoint, None, trusted=False).model_type == "gemma3_text"
