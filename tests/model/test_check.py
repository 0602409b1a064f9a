"""Each family's sites are what they are called, and a wrong table is caught at load."""

from dataclasses import replace

import pytest
import torch
from tiny import make_tiny, tiny_checkpoint

from xtransplant.errors import XTransplantError
from xtransplant.model.check import check_sites
from xtransplant.model.families import Place
from xtransplant.model.family_table import FAMILIES
from xtransplant.model.load import load

# Settings that change how a family's blocks are put together.
VARIATIONS = {
    "falcon one after the other": ("falcon", {"parallel_attn": False}),
    "falcon 40b": ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon alibi": ("falcon", {"alibi": True}),
    "gpt_neox one after the other": ("gpt_neox", {"use_parallel_residual": False}),
    "stablelm parallel": ("stablelm", {"use_parallel_residual": True, "qk_layernorm": True}),
    "cohere with norms": ("cohere", {"use_qk_norm": True}),
    "opt projected": ("opt", {"word_embed_proj_dim": 32}),
    "one layer": ("llama", {"num_hidden_layers": 1}),
}

# One of each way in which blocks are put together.
HALF = (
    "bloom", "cohere2", "dbrx", "deepseek_v3", "falcon", "gemma3_text", "gpt2", "gpt_oss",
    "granite", "hyperclovax", "llama", "mixtral", "opt", "phi",
)  # fmt: skip


@pytest.mark.any_dtype
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", HALF)
def test_sites_hold_to_the_rounding_of_half_precision(family, dtype):
    load(tiny_checkpoint(family), dtype=dtype)  # checks the sites; float32 in engine/test_families


@pytest.mark.parametrize("name", VARIATIONS)
def test_sites_hold_in_variations(name, tmp_path):
    family, changes = VARIATIONS[name]
    make_tiny(family, tmp_path, **changes)
    model = load(tmp_path)
    if "one after the other" in name:
        assert not model.parallel
    if name == "stablelm parallel":
        assert model.parallel
    if "alibi" in name:
        assert "ALiBi" in model.unpackable


@pytest.mark.parametrize(
    ("family", "changes", "says"),
    [
        # Sums cannot tell these two from each other; what follows from what can.
        ("llama", {"attn": Place("mlp"), "ffn": Place("self_attn")}, "site "),
        ("phi", {"attn": Place("mlp"), "ffn": Place("self_attn")}, "site head"),
        ("granite", {"scale": ""}, "resid_post"),
        ("llama", {"scale": "rms_norm_eps"}, "resid_post"),
        ("gemma2", {"attn": Place("self_attn")}, "resid_post"),
        ("gemma2", {"ffn": Place("mlp")}, "resid_post"),
        ("bloom", {"attn": Place("self_attention")}, "resid_post"),
        ("gpt2", {"attn": Place("attn.c_attn")}, "it holds"),
        ("llama", {"head": Place("self_attn.q_proj", "input")}, "site head"),
        ("llama", {"head": Place("self_attn.v_proj", "input")}, "site head"),
        ("llama", {"neurons": Place("mlp.up_proj", "input")}, "site neurons"),
        ("llama", {"neurons": Place("mlp.gate_proj")}, "site neurons"),
        ("qwen2_moe", {"neurons": Place("mlp.shared_expert.down_proj", "input")}, "site neurons"),
        ("llama", {"keys": Place("self_attn.q_proj")}, "site keys"),
        ("llama", {"values": Place("self_attn.k_proj")}, "site values"),
        ("llama", {"parallel": True}, "blocks are parallel"),
        ("phi", {"parallel": False}, "does not change ffn"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_wrong_table_is_caught(family, changes, says, dtype):
    with pytest.raises(XTransplantError, match=says) as caught:
        load(tiny_checkpoint(family), family=replace(FAMILIES[family], **changes), dtype=dtype)
    message = str(caught.value)
    assert "\n" not in message
    assert "--family FILE.json" in message
    assert "layer" in message


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("opt", {"do_layer_norm_before": False}),
        ("bloom", {"apply_residual_connection_post_layernorm": True}),
    ],
)
def test_blocks_that_do_not_add_up_are_refused(family, changes, tmp_path):
    make_tiny(family, tmp_path, **changes)
    with pytest.raises(XTransplantError, match="differs from resid_pre"):
        load(tmp_path)


def test_not_finite_is_said(tmp_path):
    make_tiny("llama", tmp_path)
    model = load(tmp_path, check=False)
    model.module.get_submodule("model.layers.1.mlp.down_proj").weight.fill_(float("inf"))
    with pytest.raises(XTransplantError, match="not finite at layer 1 in float32"):
        check_sites(model)


def test_check_leaves_the_model_as_it_was(llama):
    ids = torch.arange(3, 20, device=llama.device)[None]
    before = llama.module(input_ids=ids).logits
    check_sites(llama)
    assert torch.equal(before, llama.module(input_ids=ids).logits)
    assert _hooks(llama) == _hooks(load(tiny_checkpoint("llama"), check=False))


def _hooks(model):
    modules = model.module.modules()
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules)


def test_head_width_is_that_of_the_projection():
    # The values of deepseek's heads are not as wide as its queries.
    model = load(tiny_checkpoint("deepseek_v3"))
    assert model.head_dim == model.config.v_head_dim != model.config.qk_head_dim
