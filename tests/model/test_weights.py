"""Weights: whatever is missing or damaged is one line, and nothing is made up."""

import shutil

import pytest
import torch
from refusals import configure, refusal
from safetensors.torch import load_file, save_file
from tiny import tiny_checkpoint
from transformers import AutoModelForCausalLM, modeling_utils
from transformers.utils import loading_report

from xtransplant.model.load import load


def test_half_downloaded_weights(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert "damaged .safetensors file (incomplete metadata" in refusal(folder)


def test_pickled_weights_are_not_read(folder):
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    assert "other formats are not read" in refusal(folder)


def test_missing_weights_are_not_made_up(folder):
    # transformers only warns, and draws them at random.
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"], weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    message = refusal(folder)
    assert "lacks weights of its architecture: model.layers.1.mlp.up_proj.weight" in message
    assert "and 1 more" in message


def test_a_reworded_or_silent_log_passes_no_random_weights(folder, monkeypatch):
    monkeypatch.setattr(
        loading_report.LoadStateDictInfo,
        "create_loading_report",
        lambda self, model=None: "all is well" if self.missing_keys else None,
    )
    monkeypatch.setattr(modeling_utils.logger, "warning", lambda *_: None)
    weights = load_file(folder / "model.safetensors")
    whole = dict(weights)
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "lacks weights of its architecture: model.norm.weight" in refusal(folder)
    save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
    configure(folder, intermediate_size=50)
    assert "of other shapes than its config.json says: model.layers" in refusal(folder)


def test_a_tied_head_is_not_missing_unless_both_ends_are(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "lm_head.weight" in refusal(folder)
    configure(folder, tie_word_embeddings=True)
    load(folder)
    del weights["model.embed_tokens.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "lm_head.weight and 1 more" in refusal(folder)


@pytest.mark.parametrize("family", ["mixtral", "gpt_oss", "gpt_neox"])
def test_weights_that_are_joined_or_renamed_are_missed_too(family, tmp_path):
    folder = shutil.copytree(tiny_checkpoint(family), tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    gone = sorted(name for name in weights if "expert" in name or "dense_h_to_4h" in name)
    del weights[gone[0]]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    refusal(folder)


def test_a_dtype_that_fails_is_not_replaced_by_another(folder, monkeypatch):
    real = AutoModelForCausalLM.from_pretrained

    def choosy(*args, **options):
        if options["dtype"] != torch.float32:
            raise RuntimeError("no kernels for it here")
        return real(*args, **options)

    # transformers' pipeline would try float32 then, and say so in its log alone.
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", choosy)
    assert "no kernels for it here" in refusal(folder, dtype="bfloat16")


def test_weights_of_another_shape(folder):
    configure(folder, intermediate_size=50)
    assert "of other shapes than its config.json says: model.layers" in refusal(folder)


def test_spare_weights_do_no_harm(folder):
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    load(folder)
