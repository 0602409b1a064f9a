"""The small bench that tests and their child processes run."""

from dataclasses import replace

from xtransplant.bench.config import Config

SMALL = Config(
    tasks=("babel",), strategies=("attn-swap", "ffn-swap"), langs=("sw", "hi"), limit=10,
    memory_budget=2**28,
)  # fmt: skip

# Five languages are five parts.
PARTS = {"langs": ("sw", "zh", "ar", "ru", "hi"), "limit": 6}

# Five facts in two languages.
FIT = replace(SMALL, strategies=("diff-means",), split="pilot", limit=5)
