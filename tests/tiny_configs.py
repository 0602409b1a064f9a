"""What each family's tiny configuration needs beside the common shape of :mod:`tiny`."""

from __future__ import annotations

from typing import Any

WINDOW = 12
N_LAYERS = 4

_TYPES: dict[str, Any] = {
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "sliding_window": WINDOW,
}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}

_LOCAL = {"num_local_experts": 4, "num_experts_per_tok": 2}
_ROUTED = {
    "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1,
    "moe_intermediate_size": 32, "first_k_dense_replace": 1, "n_shared_experts": 1,
}  # fmt: skip
_LATENT = {
    "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8,
    "v_head_dim": 12, "num_key_value_heads": 4,
}  # fmt: skip
_DENSE_FIRST = ["dense", "sparse", "sparse", "sparse"]
_INDEXED = {
    "index_topk": 8, "index_head_dim": 16, "index_n_heads": 16, "mlp_layer_types": _DENSE_FIRST,
}  # fmt: skip

# What each family's configuration needs beside the common shape.
SPECIAL: dict[str, dict[str, Any]] = {
    "bloom": {"n_layer": N_LAYERS, "n_head": 4},
    "cohere": {},
    "cohere2": _TYPES,
    "deepseek_v3": {
        "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8,
        "v_head_dim": 12, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1,
        "topk_group": 1, "moe_intermediate_size": 32, "first_k_dense_replace": 1,
        "num_key_value_heads": 4,
    },
    "falcon": {
        "parallel_attn": True, "new_decoder_architecture": False, "multi_query": True,
        "alibi": False,
    },
    "gemma": {"head_dim": 12},
    "gemma2": {"head_dim": 12, **_TYPES},
    "gemma3_text": {"head_dim": 12, **_TYPES},
    "glm4": {"head_dim": 12},
    "gpt2": {"n_layer": N_LAYERS, "n_head": 4, "n_embd": 48, "n_positions": 256},
    "gpt_neox": {"rotary_pct": 0.5},
    "gpt_oss": {"head_dim": 12, "num_local_experts": 4, "num_experts_per_tok": 2, **_TYPES},
    "granite": {"residual_multiplier": 0.4, "attention_multiplier": 0.3},
    "llama": {},
    "llama4_text": {
        "head_dim": 12, "num_local_experts": 2, "intermediate_size_mlp": 96,
        "interleave_moe_layer_step": 2, "attention_chunk_size": WINDOW,
        "layer_types": ["chunked_attention", "full_attention"] * 2, "no_rope_layers": [1, 0, 1, 0],
    },
    "mistral": {"sliding_window": WINDOW},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": WINDOW},
    "mpt": {"d_model": 48, "n_layers": N_LAYERS, "n_heads": 4, "max_seq_len": 256},
    "olmo2": {},
    "olmo3": _TYPES,
    "opt": {"ffn_dim": 96, "word_embed_proj_dim": 48},
    "phi": {},
    "phi3": {"sliding_window": WINDOW},
    "qwen2": {"use_sliding_window": True, "max_window_layers": 2, **_TYPES},
    "qwen2_moe": {
        "shared_expert_intermediate_size": 32, "decoder_sparse_step": 1,
        "use_sliding_window": True, **_EXPERTS, **_TYPES,
    },
    "qwen3": {"head_dim": 12, "use_sliding_window": True, "max_window_layers": 2, **_TYPES},
    "qwen3_moe": {
        "head_dim": 12, "decoder_sparse_step": 1, "use_sliding_window": True,
        "sliding_window": WINDOW, **_EXPERTS,
    },
    "smollm3": {"no_rope_layers": [1, 1, 1, 0], "use_sliding_window": True, **_TYPES},
    "stablelm": {"partial_rotary_factor": 0.5},
    "starcoder2": {"sliding_window": WINDOW},
    "xglm": {"ffn_dim": 96, "num_layers": N_LAYERS, "attention_heads": 4, "d_model": 48},
    # Llama with other norms, activations or rotary tables.
    "apertus": {},
    "arcee": {"head_dim": 12},
    "bitnet": {},
    "diffllama": {"head_dim": 12},
    "ernie4_5": {"head_dim": 12},
    "glm": {"head_dim": 12},
    "helium": {"head_dim": 12},
    "hunyuan_v1_dense": {"head_dim": 12},
    "jais2": {"head_dim": 12},
    "ministral": {"head_dim": 12, **_TYPES},
    "ministral3": {"head_dim": 12, "sliding_window": WINDOW},
    "nanochat": {},
    "nemotron": {"head_dim": 12},
    "olmo": {"clip_qkv": 2.0},
    "persimmon": {},
    "seed_oss": {"head_dim": 12},
    "cohere_compass_text": {
        "head_dim": 12, **_TYPES,
        "rope_parameters": {
            kind: {"rope_type": "default", "rope_theta": 1e4} for kind in _TYPES["layer_types"]
        },
    },
    "cwm": {"head_dim": 12, **_TYPES},
    "exaone4": _TYPES,
    "granite_swa": {"residual_multiplier": 0.4, "layer_rope_theta": [10000.0] * 4, **_TYPES},
    "hyperclovax": {"head_dim": 12, "residual_multiplier": 0.4},
    "modernbert-decoder": {"local_attention": 2 * WINDOW, **_TYPES},
    "vaultgemma": {"head_dim": 12, "query_pre_attn_scalar": 12, **_TYPES},
    # The same with experts.
    "afmoe": {"head_dim": 12, "num_dense_layers": 1, **_EXPERTS, **_TYPES},
    "aria_text": {"head_dim": 12, "moe_num_experts": 4},
    "cohere2_moe": {"head_dim": 12, **_EXPERTS, **_TYPES},
    "dots1": {"head_dim": 12, **_ROUTED, **_TYPES},
    "ernie4_5_moe": {"moe_num_experts": 4, "moe_k": 2, "moe_intermediate_size": 32},
    "exaone_moe": {**_EXPERTS, **_TYPES, "first_k_dense_replace": 1},
    "flex_olmo": _EXPERTS,
    "flint": {
        "head_dim": 12, "shared_expert_intermediate_size": 32, "mlp_only_layers": [0],
        **_EXPERTS, **_TYPES,
    },
    "glm4_moe": _ROUTED,
    "granitemoe": {"residual_multiplier": 0.4, **_LOCAL},
    "granitemoe_swa": {
        "residual_multiplier": 0.4, "layer_rope_theta": [10000.0] * 4, **_LOCAL, **_TYPES,
    },
    "hunyuan_v1_moe": {"head_dim": 12, "num_experts": 4, "moe_topk": 2},
    "hy_v3": {"head_dim": 12, "mlp_layer_types": _DENSE_FIRST, **_EXPERTS},
    "kolibri1": {
        "head_dim": 12, "shared_expert_intermediate_size": 32, "moe_intermediate_size": 32,
        **_LOCAL, **_TYPES,
    },
    "mellum": {"head_dim": 12, "moe_intermediate_size": 32, **_LOCAL, **_TYPES},
    "mimo_v2_flash": {
        "head_dim": 16, "v_head_dim": 12, "mlp_layer_types": _DENSE_FIRST, **_ROUTED, **_TYPES,
    },
    "minimax_m2": {"head_dim": 12, "rotary_dim": 12, **_LOCAL},
    "olmoe": _EXPERTS,
    "phimoe": {"sliding_window": WINDOW, **_LOCAL},
    "solar_open": {"head_dim": 12, **_ROUTED},
    # Multi-head latent attention; axk2 and the last two attend to keys that an indexer chooses.
    "axk1": {**_LATENT, **_ROUTED, "mlp_layer_types": _DENSE_FIRST},
    "axk2": {**_LATENT, **_ROUTED, **_INDEXED, "gated_norm_rank": 4},
    "deepseek_v2": {**_LATENT, **_ROUTED},
    "glm4_moe_lite": {**_LATENT, **_ROUTED, "mlp_layer_types": _DENSE_FIRST},
    "youtu": _LATENT,
    "minicpm3": {**_LATENT, "dim_model_base": 24},
    "deepseek_v32": {**_LATENT, **_ROUTED, **_INDEXED},
    "glm_moe_dsa": {**_LATENT, **_ROUTED, **_INDEXED},
    # As GPT-2.
    "biogpt": {},
    "codegen": {"n_layer": N_LAYERS, "n_head": 4, "n_embd": 48, "rotary_dim": 8},
    "ctrl": {"n_layer": N_LAYERS, "n_head": 4, "n_embd": 48, "dff": 96, "n_positions": 256},
    "dbrx": {
        "d_model": 48, "n_heads": 4, "n_layers": N_LAYERS, "max_seq_len": 256,
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 32, "moe_num_experts": 4, "moe_top_k": 2,
                       "hidden_size": 48, "ffn_act_fn": {"name": "silu"}},
    },
    "gpt_bigcode": {"n_layer": N_LAYERS, "n_head": 4, "n_embd": 48, "n_positions": 256},
    "gpt_neo": {
        "num_layers": N_LAYERS, "num_heads": 4, "attention_types": [[["global", "local"], 2]],
        "window_size": WINDOW,
    },
    "gptj": {"n_layer": N_LAYERS, "n_head": 4, "n_embd": 48, "rotary_dim": 8},
}  # fmt: skip
