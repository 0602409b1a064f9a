"""Models of a given shape with random weights."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

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
}  # fmt: skip


@contextmanager
def shaped(
    shape: str, *, dtype: str = "float32", device: str = "cpu", n_layers: int | None = None
) -> Iterator[Model]:
    """A Llama of a shape, loaded as a user would load it, from a folder that is then removed."""
    sizes = dict(SHAPES[shape])
    heads = sizes.pop("heads")
    if n_layers is not None:
        sizes["num_hidden_layers"] = n_layers
    config = LlamaConfig(
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=4096,
        **sizes,  # type: ignore[arg-type]
    )
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        # Made where it will run and in that precision: 7 billion float32 numbers are 28 GB.
        with torch.device(device):
            made = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
        made.save_pretrained(folder)
        del made
        AutoTokenizer.from_pretrained(CHECKPOINT).save_pretrained(folder)
        yield load(folder, dtype=dtype, device_map=device)


def random_prompts(model: Model, n_tokens: int, seed: int = 0) -> tuple[list[int], list[int]]:
    """Token ids of a source and a target prompt."""
    dice = random.Random(seed)

    def prompt() -> list[int]:
        return [dice.randrange(3, model.vocab_size) for _ in range(n_tokens)]

    return prompt(), prompt()
