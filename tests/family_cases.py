"""What every family is tried on: prompts longer than the sliding window, strategies and pairs."""

from __future__ import annotations

import random

from tiny import VOCABULARY, WINDOW

STRATEGIES = {"attn": "attn-swap", "ffn": "ffn-swap", "resid_post": "resid-swap"}
PAIRS = [(0, 0), (0, 3), (1, 2), (2, 1), (3, 0), (3, 3)]


def prompts() -> tuple[list[int], list[int], list[list[int]]]:
    """Source and target longer than the sliding window, and candidates that share prefixes."""
    dice = random.Random(7)
    source = [dice.randrange(3, VOCABULARY) for _ in range(WINDOW + 5)]
    target = [dice.randrange(3, VOCABULARY) for _ in range(2 * WINDOW)]
    return source, target, [[7], [8, 9], [8, 10, 11]]
