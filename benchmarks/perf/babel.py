"""Many small examples: Babel's examples a second against the model's own dense throughput."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch

from xtransplant.benchmarks.babel.task import CHECKPOINT
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.engine.verify import packing_for
from xtransplant.model.load import load
from xtransplant.strategies import find_strategy
from xtransplant.tasks.task import find_task

__all__ = ["measure_babel"]


@torch.no_grad()
def measure_babel(n_examples: int = 200, repeats: int = 5) -> dict[str, Any]:
    """Token throughput of whole ffn-swap grids by score, and of plain batches as large.

    The plain batch has as many rows, each as long as the longest target with all its variants,
    and as many logits. What sharing histories spares is told of one example's generation.
    """
    task, model = find_task("babel"), load(CHECKPOINT)
    every = [
        example
        for split in task.splits
        for lang in task.languages
        for example in task.examples(lang, task.direction, split)
    ]
    examples = every[:n_examples]
    shape, strategy, n = shape_of(model), find_strategy("ffn-swap"), model.n_layers
    variants = [strategy.edits(shape, i, j) for i in range(n) for j in range(n)]
    packing, plain = packing_for(model).packing, model.module
    started = time.perf_counter()
    items = [item_of(model, example) for example in examples]
    tokenising = time.perf_counter() - started
    # Real tokens, without padding: source, target, and a variant's one above its layer.
    above = sum((n - j) / n for _ in range(n) for j in range(n))
    tokens = sum(len(item.source) + len(item.target) + above for item in items)
    longest = max(len(item.target) for item in items) + len(variants)
    ids = torch.randint(3, model.vocab_size, (len(items), longest))
    ours, dense = [], []
    for number in range(repeats + 1):
        started = time.perf_counter()
        for _ in score_items(model, items, variants, packing=packing):
            pass
        took = time.perf_counter() - started
        started = time.perf_counter()
        plain(input_ids=ids, use_cache=False, logits_to_keep=1 + len(variants))
        if number:
            dense.append(ids.numel() / (time.perf_counter() - started))
            ours.append(tokens / took)
    ratios = [a / b for a, b in zip(ours, dense, strict=True)]
    said = next(
        generate_items(
            model, items[:1], variants, packing=packing, decoding=Decoding(source_text=False)
        )
    )
    prompts = len(items[0].source) + len(items[0].target) + above
    return {
        "examples": len(items),
        "seconds": tokens / statistics.median(ours),
        "tokens_a_second": statistics.median(ours),
        "dense_tokens_a_second": statistics.median(dense),
        "share_of_dense": statistics.median(ratios),
        "share_range": [min(ratios), max(ratios)],
        "tokenising_seconds": tokenising,
        "generate_token_forwards": said.token_forwards,
        "generate_floor_token_forwards": prompts + sum(map(len, said.token_ids)),
    }
