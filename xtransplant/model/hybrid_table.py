"""Families whose layers have mixers of several kinds, or that add more than attention and MLP.

What a line says: :class:`xtransplant.model.families.Family`. The family's own places are those of
its attention layers; ``blocks`` has the others, by the kind that the configuration calls them.
"""

from __future__ import annotations

from dataclasses import replace

from xtransplant.model.families import USUAL, Block, Family, Place

__all__ = ["HYBRIDS"]


def _linear(mixer: str, ffn: Place, down: str = "down_proj") -> Block:
    """A layer whose mixer has no attention heads and carries a state from token to token."""
    neurons = Place(f"{ffn.module}.{down}", "input")
    return Block(attn=Place(mixer), ffn=ffn, neurons=neurons, recurrent=True)


_MLP = Place("mlp")
_SELF_ATTN = Place("self_attn")

_QWEN3_NEXT = Family(
    layers="model.layers",
    attn=_SELF_ATTN,
    ffn=_MLP,
    head=Place("self_attn.o_proj", "input"),
    kinds="layer_types",
    blocks={"linear_attention": _linear("linear_attn", _MLP)},
    **USUAL,
)
_FEED_FORWARD = Place("feed_forward")
_LFM2 = replace(
    _QWEN3_NEXT,
    ffn=_FEED_FORWARD,
    head=Place("self_attn.out_proj", "input"),
    neurons=Place("feed_forward.w2", "input"),
    blocks={"conv": _linear("conv", _FEED_FORWARD, "w2")},
)
# The experts, where there are any, run beside the shared MLP and before it.
_SHARED_MLP = Place("shared_mlp", plus=(Place("block_sparse_moe"),))
# Norms stand after the modules. Beside the MLP there may be experts: what is normed is their sum.
_GEMMA4 = Family(
    layers="model.layers",
    attn=Place("post_attention_layernorm"),
    ffn=Place("post_feedforward_layernorm"),
    head=Place("self_attn.o_proj", "input"),
    windows="by_layer_type",
    attn_raw=_SELF_ATTN,
    ffn_raw=Place("post_feedforward_layernorm", "input"),
    after=Place("post_per_layer_input_norm"),
    rescale="layer_scalar",
    **USUAL,
)
_GEMMA3N = replace(_GEMMA4, ffn_raw=_MLP, after=None, rescale="", streams="altup_num_inputs")

HYBRIDS: dict[str, Family] = {
    # Attention and a state-space mixer side by side in every layer: attn is what both add.
    "falcon_h1": Family(
        layers="model.layers",
        attn=Place(
            "self_attn",
            scale="attention_out_multiplier",
            plus=(Place("mamba", scale="ssm_out_multiplier"),),
        ),
        ffn=_FEED_FORWARD,
        head=Place("self_attn.o_proj", "input"),
        recurrent=True,
        neurons=Place("feed_forward.down_proj", "input"),
        keys=USUAL["keys"],
        values=USUAL["values"],
    ),
    # The wrapper's layers lie one deeper than the text model's.
    "gemma3n": replace(_GEMMA3N, layers="model.language_model.layers"),
    "gemma3n_text": _GEMMA3N,
    "gemma4": replace(_GEMMA4, layers="model.language_model.layers"),
    "gemma4_text": _GEMMA4,
    "gemma4_unified": replace(_GEMMA4, layers="model.language_model.layers"),
    "gemma4_unified_text": _GEMMA4,
    "granitemoehybrid": replace(
        _QWEN3_NEXT,
        ffn=_SHARED_MLP,
        scale="residual_multiplier",
        neurons=Place("shared_mlp.output_linear", "input"),
        blocks={"linear_attention": _linear("mamba", _SHARED_MLP, "output_linear")},
    ),
    "kimi_linear": replace(_QWEN3_NEXT, blocks={"linear_attention": _linear("self_attn", _MLP)}),
    "lfm2": _LFM2,
    "lfm2_moe": _LFM2,
    # Every block is one mixer: attention, a state space, an MLP or experts.
    "nemotron_h": Family(
        layers="model.layers",
        attn=Place("mixer"),
        ffn=None,
        head=Place("mixer.o_proj", "input"),
        keys=Place("mixer.k_proj"),
        values=Place("mixer.v_proj"),
        kinds="layer_types",
        blocks={
            "linear_attention": Block(attn=Place("mixer"), recurrent=True),
            "mlp": Block(ffn=Place("mixer"), neurons=Place("mixer.down_proj", "input")),
            "moe": Block(ffn=Place("mixer")),
        },
    ),
    # Norms stand after the modules in attention layers, before them in the others.
    "olmo_hybrid": replace(
        _QWEN3_NEXT,
        attn=Place("post_attention_layernorm"),
        ffn=Place("post_feedforward_layernorm"),
        attn_raw=_SELF_ATTN,
        ffn_raw=_MLP,
    ),
    # Of a multimodal checkpoint transformers loads the text model alone.
    **dict.fromkeys(
        ("qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_next"), _QWEN3_NEXT
    ),
}
"""By the ``model_type`` of a checkpoint's configuration."""
