"""Greedy decoding: its settings, the tokens that end a text, and how sure a token was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import GenerationConfig

from xtransplant.model.model import Model

__all__ = ["Certainty", "cut_at_end", "end_ids", "greedy_settings"]

Certainty = list[tuple[float, float]]
"""Per token generated: its log-probability, and how far behind it the next likeliest was, both in
nats."""


def greedy_settings(model: Model, max_new_tokens: int) -> GenerationConfig:
    """Greedy decoding whatever the checkpoint's own settings say; only its end tokens are kept."""
    ends, pad = end_ids(model), model.tokenizer.pad_token_id
    return GenerationConfig(
        do_sample=False,
        # Without it a model that was trained with the cache off reads the prompt anew at every
        # step, and what was written as it was first read would be gone.
        use_cache=True,
        max_new_tokens=max_new_tokens,
        eos_token_id=ends or None,
        pad_token_id=ends[0] if pad is None and ends else pad,
    )


def end_ids(model: Model) -> list[int]:
    """The tokens that end a text: what the checkpoint's settings say, else the tokenizer's."""
    own: Any = model.module.generation_config
    end = own.eos_token_id if own is not None else model.tokenizer.eos_token_id
    return list(end) if isinstance(end, list) else [] if end is None else [end]


def cut_at_end(ids: Sequence[int], ends: Sequence[int]) -> list[int]:
    """A row of token ids up to and with the first that ends it; what follows is padding."""
    stop = next((index + 1 for index, token in enumerate(ids) if token in ends), len(ids))
    return list(ids[:stop])
