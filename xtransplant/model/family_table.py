"""Where each model family keeps its sites: the table, as data.

What a line says: :class:`xtransplant.model.families.Family`. A new family is a line here and a tiny
configuration in ``tests/tiny_configs.py``, by which the tests hold it to plain PyTorch hooks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xtransplant.model.families import USUAL, Family, Place
from xtransplant.model.hybrid_table import HYBRIDS

__all__ = ["FAMILIES"]


def _down(module: str) -> Place:
    """The inner activations: what goes into the feed-forward network's last projection."""
    return Place(module, "input")


def _keys_values(attention: str, keys: str = "k_proj", values: str = "v_proj") -> dict[str, Any]:
    """Places of what the two projections return."""
    return {"keys": Place(f"{attention}.{keys}"), "values": Place(f"{attention}.{values}")}


def _llama_like(attn: str = "self_attn", ffn: str = "mlp", **changes: Any) -> Family:
    """Blocks at ``model.layers``, modules named as in Llama unless given."""
    return Family(
        layers=changes.pop("layers", "model.layers"),
        attn=Place(attn),
        ffn=Place(ffn),
        head=Place(changes.pop("projection", "self_attn.o_proj"), "input"),
        **{**USUAL, **changes},
    )


def _transformer_h(attention: str, projection: str, **changes: Any) -> Family:
    """Blocks at ``transformer.h``, as in GPT-2."""
    return Family(
        layers="transformer.h",
        attn=changes.pop("attn", Place(attention)),
        ffn=changes.pop("ffn", Place("mlp")),
        head=Place(f"{attention}.{projection}", "input"),
        neurons=_down(changes.pop("down", "mlp.c_proj")),
        **(_keys_values(attention) | changes),
    )


def _normed(attn: str, ffn: str, **changes: Any) -> Family:
    """Norms stand after the modules, before the sum: what arrives there is the norms' output."""
    return _llama_like(attn, ffn, attn_raw=Place("self_attn"), ffn_raw=Place("mlp"), **changes)


_LLAMA = _llama_like()
_SLIDING = _llama_like(windows="sliding")
_BY_TYPE = _llama_like(windows="by_layer_type")
_COHERE2 = _llama_like(parallel=True, windows="by_layer_type")
_OLMO2 = _normed("post_attention_layernorm", "post_feedforward_layernorm")
_GEMMA = replace(_OLMO2, windows="by_layer_type")
_GLM4 = _normed("post_self_attn_layernorm", "post_mlp_layernorm")
_LLAMA4 = _llama_like(
    ffn="feed_forward", neurons=_down("feed_forward.down_proj"), windows="by_layer_type"
)
_GRANITE = _llama_like(scale="residual_multiplier")
_GRANITE_MOE = _llama_like(ffn="block_sparse_moe", scale="residual_multiplier")
_GPT2 = _transformer_h("attn", "c_proj")
_GPTJ = _transformer_h("attn", "out_proj", down="mlp.fc_out", parallel=True)
_OPT = Family(
    layers="model.decoder.layers",
    attn=Place("self_attn"),
    ffn=Place("fc2"),
    head=Place("self_attn.out_proj", "input"),
    neurons=_down("fc2"),
    keys=USUAL["keys"],
    values=USUAL["values"],
)
_DENSE_4H = _down("mlp.dense_4h_to_h")

_ALIKE: tuple[tuple[Family, tuple[str, ...]], ...] = (
    # What norms, activations, rotary tables, latent attention and experts change is in the modules.
    (
        _LLAMA,
        (
            "apertus", "arcee", "aria_text", "axk1", "axk2", "bitnet", "deepseek_v2", "deepseek_v3",
            "deepseek_v32", "diffllama", "ernie4_5", "ernie4_5_moe", "gemma",
            "glm", "glm4_moe", "glm4_moe_lite", "glm_moe_dsa", "helium", "hunyuan_v1_dense",
            "hunyuan_v1_moe", "hy_v3", "jais2", "llama", "minimax_m2", "nemotron",
            "olmo", "olmoe", "seed_oss", "solar_open", "youtu",
        ),
    ),
    (_SLIDING, ("ministral3", "mistral", "mixtral", "phi3", "phimoe", "qwen3_moe")),
    (
        _BY_TYPE,
        (
            "cwm", "dots1", "exaone_moe", "flint", "gpt_oss", "mellum", "mimo_v2_flash",
            "ministral", "qwen2",
            "qwen2_moe", "qwen3", "smollm3", "vaultgemma",
        ),
    ),
    (_COHERE2, ("cohere2", "cohere2_moe", "cohere_compass_text")),
    (_OLMO2, ("flex_olmo", "olmo2")),
    (_GEMMA, ("exaone4", "gemma2", "gemma3_text", "olmo3")),
    # Of a multimodal checkpoint transformers loads the text model alone.
    (_LLAMA4, ("llama4", "llama4_text")),
    (_GPT2, ("gpt2", "gpt_bigcode")),
    (_GPTJ, ("codegen", "gptj")),
)  # fmt: skip

_OWN: dict[str, Family] = {
    "afmoe": _normed("post_attention_layernorm", "post_mlp_layernorm", windows="by_layer_type"),
    "biogpt": replace(_OPT, layers="biogpt.layers"),
    # BLOOM and MPT add the residual inside their modules; the projection is what they add to it.
    "bloom": _transformer_h(
        "self_attention",
        "dense",
        attn=Place("self_attention.dense"),
        ffn=Place("mlp.dense_4h_to_h"),
        down="mlp.dense_4h_to_h",
        alibi=True,
    ),
    "cohere": _llama_like(parallel=True),
    "ctrl": _transformer_h(
        "multi_head_attention",
        "dense",
        ffn=Place("ffn"),
        down="ffn.2",
        **_keys_values("multi_head_attention", "Wk", "Wv"),
    ),
    "dbrx": Family(
        layers="transformer.blocks",
        attn=Place("norm_attn_norm.attn"),
        ffn=Place("ffn"),
        head=Place("norm_attn_norm.attn.out_proj", "input"),
    ),
    "falcon": _transformer_h(
        "self_attention",
        "dense",
        down="mlp.dense_4h_to_h",
        parallel="parallel_attn",
        alibi="alibi",
    ),
    "gemma3": replace(_GEMMA, layers="model.language_model.layers"),
    "glm4": _GLM4,
    # Its local layers mask by a table of their own, of columns.
    "gpt_neo": _transformer_h(
        "attn", "attention.out_proj", windows="in_columns", **_keys_values("attn.attention")
    ),
    "gpt_neox": Family(
        layers="gpt_neox.layers",
        attn=Place("attention"),
        ffn=Place("mlp"),
        head=Place("attention.dense", "input"),
        parallel="use_parallel_residual",
        neurons=_DENSE_4H,
    ),
    "granite": _GRANITE,
    "granite_swa": replace(_GRANITE, windows="by_layer_type"),
    "granitemoe": _GRANITE_MOE,
    "granitemoe_swa": replace(_GRANITE_MOE, windows="by_layer_type"),
    "hyperclovax": _normed("post_norm1", "post_norm2", scale="residual_multiplier"),
    "kolibri1": replace(_GLM4, windows="by_layer_type"),
    # Its blocks work their factor out from two settings.
    "minicpm3": _llama_like(scale="residual_scale"),
    "mistral3": replace(_SLIDING, layers="model.language_model.layers"),
    "modernbert-decoder": _llama_like(
        "attn",
        projection="attn.Wo",
        windows="by_layer_type",
        neurons=_down("mlp.Wo"),
        **_keys_values("attn"),
    ),
    "mpt": Family(
        layers="transformer.blocks",
        attn=Place("attn"),
        ffn=Place("ffn.down_proj"),
        head=Place("attn.out_proj", "input"),
        alibi=True,
        neurons=_down("ffn.down_proj"),
    ),
    "nanochat": _llama_like(neurons=_down("mlp.fc2")),
    "opt": _OPT,
    "persimmon": _llama_like(projection="self_attn.dense", neurons=_DENSE_4H),
    "phi": _llama_like(projection="self_attn.dense", parallel=True, neurons=_down("mlp.fc2")),
    "stablelm": _llama_like(parallel="use_parallel_residual"),
    "starcoder2": replace(_SLIDING, neurons=_down("mlp.c_proj")),
    "xglm": replace(_OPT, layers="model.layers"),
}

FAMILIES: dict[str, Family] = dict(
    sorted(
        {**{name: family for family, names in _ALIKE for name in names}, **_OWN, **HYBRIDS}.items()
    )
)
"""Every known family, by the ``model_type`` of a checkpoint's configuration."""
