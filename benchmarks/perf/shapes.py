"""Models of a given shape, with random weights or a checkpoint's own."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma3TextConfig,
    LlamaConfig,
    PretrainedConfig,
)

from xtransplant.benchmarks.babel.task import CHECKPOINT
from xtransplant.model.load import load
from xtransplant.model.model import Model

__all__ = ["SHAPES", "random_prompts", "shaped"]

SHAPES: dict[str, dict[str, int]] = {
    "tiny": {
        "num_hidden_layers": 8, "hidden_size": 128, "intermediate_size": 384, "heads": 4,
        "vocab_size": 1024,
    },
    # 56.6 million parameters in its blocks, 3.1 million in embedding and head.
    "60m": {
        "num_hidden_layers": 32, "hidden_size": 384, "intermediate_size": 1024, "heads": 6,
        "vocab_size": 4096,
    },
    "llama-7b": {
        "num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 11008, "heads": 32,
        "vocab_size": 32000,
    },
    # Small models that people load, whose vocabularies weigh more than their blocks, or half.
    "gemma3-270m": {
        "num_hidden_layers": 18, "hidden_size": 640, "intermediate_size": 2048, "heads": 4,
        "kv_heads": 1, "head_dim": 256, "vocab_size": 262144,
    },
    "smollm2-135m": {
        "num_hidden_layers": 30, "hidden_size": 576, "intermediate_size": 1536, "heads": 9,
        "kv_heads": 3, "vocab_size": 49152,
    },
}  # fmt: skip


@contextmanager
def shaped(
    shape: str, *, dtype: str = "float32", device: str = "cpu", n_layers: int | None = None
) -> Iterator[Model]:
    """A model of a shape, loaded as a user would load it, from a folder that is then removed."""
    config = _config(shape, n_layers)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        # Made where it will run and in that precision: 7 billion float32 numbers are 28 GB.
        with torch.device(device):
            made = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
        made.save_pretrained(folder)
        del made
        AutoTokenizer.from_pretrained(CHECKPOINT).save_pretrained(folder)
        yield load(folder, dtype=dtype, device_map=device)


def _config(shape: str, n_layers: int | None) -> PretrainedConfig:
    """Of a Gemma 3 or a Llama, whose own sizes these are."""
    sizes: dict[str, Any] = dict(SHAPES[shape])
    heads, gemma = sizes.pop("heads"), shape.startswith("gemma3")
    kv_heads = sizes.pop("kv_heads", None)
    if n_layers is not None:
        sizes["num_hidden_layers"] = n_layers
    kind: Any = Gemma3TextConfig if gemma else LlamaConfig
    config: PretrainedConfig = kind(
        num_attention_heads=heads,
        num_key_value_heads=heads if kv_heads is None else kv_heads,
        max_position_embeddings=4096,
        tie_word_embeddings=kv_heads is not None,
        **({"sliding_window": 512} if gemma else {}),
        **sizes,
    )
    return config


def random_prompts(model: Model, n_tokens: int, seed: int = 0) -> tuple[list[int], list[int]]:
    """Token ids of a source and a target prompt."""
    dice = random.Random(seed)

    def prompt() -> list[int]:
        return [dice.randrange(3, model.vocab_size) for _ in range(n_tokens)]

    return prompt(), prompt()
