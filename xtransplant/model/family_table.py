"""Where each model family keeps its sites: the table, as data.

What a line says: :class:`xtransplant.model.families.Family`. A new family is a line here and a tiny
configuration in ``tests/tiny.py``, by which the tests hold it to plain PyTorch hooks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xtransplant.model.families import Family, Place

__all__ = ["FAMILIES"]


def _llama_like(attn: str = "self_attn", ffn: str = "mlp", **changes: Any) -> Family:
    """Blocks at ``model.layers``, modules named as in Llama unless given."""
    return Family(
        layers=changes.pop("layers", "model.layers"),
        attn=Place(attn),
        ffn=Place(ffn),
        head=Place(changes.pop("projection", "self_attn.o_proj"), "input"),
        **changes,
    )


def _transformer_h(attention: str, projection: str, **changes: Any) -> Family:
    """Blocks at ``transformer.h``, as in GPT-2."""
    return Family(
        layers="transformer.h",
        attn=changes.pop("attn", Place(attention)),
        ffn=changes.pop("ffn", Place("mlp")),
        head=Place(f"{attention}.{projection}", "input"),
        **changes,
    )


_LLAMA = _llama_like()
_SLIDING = _llama_like(windows="sliding")
_BY_TYPE = _llama_like(windows="by_layer_type")


def _normed(attn: str, ffn: str, **changes: Any) -> Family:
    """Norms stand after the modules, before the sum: what arrives there is the norms' output."""
    return _llama_like(attn, ffn, attn_raw=Place("self_attn"), ffn_raw=Place("mlp"), **changes)


_OLMO2 = _normed("post_attention_layernorm", "post_feedforward_layernorm")
_GEMMA = replace(_OLMO2, windows="by_layer_type")
_LLAMA4 = _llama_like(ffn="feed_forward", windows="by_layer_type")
_OPT = Family(
    layers="model.decoder.layers",
    attn=Place("self_attn"),
    ffn=Place("fc2"),
    head=Place("self_attn.out_proj", "input"),
)

FAMILIES: dict[str, Family] = {
    # BLOOM and MPT add the residual inside their modules; the projection is what they add to it.
    "bloom": _transformer_h(
        "self_attention",
        "dense",
        attn=Place("self_attention.dense"),
        ffn=Place("mlp.dense_4h_to_h"),
        alibi=True,
    ),
    "cohere": _llama_like(parallel=True),
    "cohere2": _llama_like(parallel=True, windows="by_layer_type"),
    "deepseek_v3": _LLAMA,
    "falcon": _transformer_h("self_attention", "dense", parallel="parallel_attn", alibi="alibi"),
    "gemma": _LLAMA,
    "gemma2": _GEMMA,
    "gemma3": replace(_GEMMA, layers="model.language_model.layers"),
    "gemma3_text": _GEMMA,
    "glm4": _normed("post_self_attn_layernorm", "post_mlp_layernorm"),
    "gpt2": _transformer_h("attn", "c_proj"),
    "gpt_neox": Family(
        layers="gpt_neox.layers",
        attn=Place("attention"),
        ffn=Place("mlp"),
        head=Place("attention.dense", "input"),
        parallel="use_parallel_residual",
    ),
    "gpt_oss": _BY_TYPE,
    "granite": _llama_like(scale="residual_multiplier"),
    "llama": _LLAMA,
    # Of a multimodal checkpoint transformers loads the text model alone.
    "llama4": _LLAMA4,
    "llama4_text": _LLAMA4,
    "mistral": _SLIDING,
    "mixtral": _SLIDING,
    "mpt": Family(
        layers="transformer.blocks",
        attn=Place("attn"),
        ffn=Place("ffn.down_proj"),
        head=Place("attn.out_proj", "input"),
        alibi=True,
    ),
    "olmo2": _OLMO2,
    "olmo3": _GEMMA,
    "opt": _OPT,
    "phi": _llama_like(projection="self_attn.dense", parallel=True),
    "phi3": _SLIDING,
    "qwen2": _BY_TYPE,
    "qwen2_moe": _BY_TYPE,
    "qwen3": _BY_TYPE,
    "qwen3_moe": _SLIDING,
    "smollm3": _BY_TYPE,
    "stablelm": _llama_like(parallel="use_parallel_residual"),
    "starcoder2": _SLIDING,
    "xglm": replace(_OPT, layers="model.layers"),
}
"""Every known family, by the ``model_type`` of a checkpoint's configuration."""
