"""Tiny random checkpoints, one per family, made on the spot."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch
from hybrids import HYBRIDS
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from xtransplant.prompts import Example

GOLDEN = Path(__file__).parent / "golden"
WINDOW = 12
VOCABULARY = 600
N_LAYERS = 4

EXAMPLE = Example(
    source="Human: How are the premise and the hypothesis related? Answer:",
    target="Binadamu: Unafikiri kuna uhusiano gani kati ya dhana na hoja? Jibu:",
    candidates=(" yes", " no", " the town market", " the town hall", " 17"),
    answer=" no",
)

_TYPES = {"layer_types": ["sliding_attention", "full_attention"] * 2, "sliding_window": WINDOW}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}

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
}  # fmt: skip

FAMILY_NAMES = tuple(SPECIAL)
HYBRID_NAMES = tuple(HYBRIDS)


def allowed(model: Any, nats: float) -> float:
    """How far two log-probabilities of a model may be apart: at half precision its rounding."""
    half = torch.finfo(model.dtype).bits < 32
    return 6 * torch.finfo(model.dtype).eps ** 0.5 if half else nats


@cache
def tiny_checkpoint(family: str) -> str:
    """A folder with a random 4-layer checkpoint of a family, the same every time."""
    folder = tempfile.mkdtemp(prefix=f"tiny-{family}-")
    make_tiny(family, folder)
    return folder


def make_tiny(family: str, folder: str, **changes: Any) -> None:
    """Save a tiny checkpoint: float32, safetensors, the golden tokenizer, strong weights."""
    common = {
        "vocab_size": VOCABULARY, "hidden_size": 48, "intermediate_size": 96,
        "num_hidden_layers": N_LAYERS, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 256, "pad_token_id": 2, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    config = AutoConfig.for_model(family, **{**common, **{**SPECIAL, **HYBRIDS}[family], **changes})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    # Random weights as initialised hardly tell one token from another: make every part matter.
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() > 1:
                parameter.copy_(noise * 0.15)
            else:
                parameter.add_(noise * 0.1)
        for name, buffer in model.named_buffers():
            if name.endswith("layer_scalar"):  # Gemma 4: all that a layer hands on, times this
                buffer.fill_(0.8)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(GOLDEN / "llama").save_pretrained(folder)
