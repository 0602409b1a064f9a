"""Tiny random checkpoints, one per family, made on the spot."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from hybrids import HYBRIDS
from tiny_configs import N_LAYERS, SPECIAL
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from xtransplant.prompts import Example

GOLDEN = Path(__file__).parent / "golden"
VOCABULARY = 600

EXAMPLE = Example(
    source="Human: How are the premise and the hypothesis related? Answer:",
    target="Binadamu: Unafikiri kuna uhusiano gani kati ya dhana na hoja? Jibu:",
    candidates=(" yes", " no", " the town market", " the town hall", " 17"),
    answer=" no",
)

# Words of the two that go together: one with two, and the last ones.
ALIGNED = replace(EXAMPLE, alignment=((0, 0), (4, 6), (6, 8), (7, 8), (9, 10)))

FAMILY_NAMES = tuple(SPECIAL)
# Types of multimodal checkpoints, whose text model is tried; they are loaded in tests/model.
WRAPPERS = {"gemma3": "gemma3_text", "llama4": "llama4_text", "mistral3": "ministral3"}
HYBRID_NAMES = tuple(HYBRIDS)
# Families whose tiny checkpoint looks back through a window.
WINDOWED = {
    family
    for family, changes in SPECIAL.items()
    if {"sliding_window", "attention_chunk_size"} & set(changes)
}


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


def tiny_config(family: str, **changes: Any) -> Any:
    """The configuration of a tiny checkpoint."""
    common = {
        "vocab_size": VOCABULARY, "hidden_size": 48, "intermediate_size": 96,
        "num_hidden_layers": N_LAYERS, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 256, "pad_token_id": 2, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    own = {**SPECIAL, **HYBRIDS}[family]
    return AutoConfig.for_model(family, **{**common, **own, **changes})


def make_tiny(family: str, folder: str, **changes: Any) -> None:
    """Save a tiny checkpoint: float32, safetensors, the golden tokenizer, strong weights."""
    config = tiny_config(family, **changes)
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
