"""Tiny configurations of families with several kinds of layers, and hook points of their own.

Beside what :mod:`tiny` gives every family.
"""

from __future__ import annotations

from typing import Any

_HALF = ["linear_attention", "full_attention"] * 2
_DELTA = {
    "layer_types": _HALF, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 8, "linear_value_head_dim": 6, "head_dim": 16,
}  # fmt: skip
_QWEN_EXPERTS = {
    "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
}  # fmt: skip
_MAMBA2 = {"mamba_n_heads": 4, "mamba_d_state": 8, "mamba_chunk_size": 8}

_PER_LAYER = {
    "layer_types": ["sliding_attention", "full_attention"] * 2, "sliding_window": 12,
    "head_dim": 12, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 600,
    "num_kv_shared_layers": 2,
}  # fmt: skip

HYBRIDS: dict[str, dict[str, Any]] = {
    "falcon_h1": {
        **_MAMBA2, "mamba_d_ssm": 48, "attention_out_multiplier": 0.6, "ssm_out_multiplier": 1.7,
        "attention_in_multiplier": 0.8,
    },
    "gemma3n_text": {
        **_PER_LAYER, "altup_num_inputs": 3, "laurel_rank": 8,
        "activation_sparsity_pattern": [0.5, 0.0, 0.0, 0.0],
    },
    # Heads of full attention are wider than others.
    "gemma4_text": {**_PER_LAYER, "global_head_dim": 16},
    "gemma4_unified_text": {**_PER_LAYER, "global_head_dim": 16},
    "granitemoehybrid": {
        **_MAMBA2, "layer_types": _HALF, "num_local_experts": 4, "residual_multiplier": 0.4,
        "shared_intermediate_size": 64, "position_embedding_type": "rope",
    },
    "kimi_linear": {
        "layer_types": _HALF, "mlp_layer_types": ["dense", *["sparse"] * 3], "kv_lora_rank": 16,
        "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 12, "num_local_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "linear_head_dim": 12,
        "linear_num_heads": 4, "num_key_value_heads": 4,
    },
    "lfm2": {"layer_types": ["conv", "full_attention"] * 2},
    "lfm2_moe": {
        "layer_types": ["conv", "full_attention"] * 2, "num_dense_layers": 1, "num_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32,
    },
    "nemotron_h": {
        "layer_types": ["linear_attention", "mlp", "full_attention", "moe"], "head_dim": 12,
        "mamba_num_heads": 4, "mamba_head_dim": 12, "n_groups": 2, "ssm_state_size": 8,
        "chunk_size": 8, "n_routed_experts": 4, "moe_intermediate_size": 32,
        "moe_shared_expert_intermediate_size": 32,
    },
    "olmo_hybrid": {"layer_types": _HALF},
    "qwen3_5_moe_text": {**_DELTA, **_QWEN_EXPERTS},
    "qwen3_5_text": _DELTA,
    "qwen3_next": {**_DELTA, **_QWEN_EXPERTS},
}  # fmt: skip
