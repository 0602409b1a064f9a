"""The ways of packing one after the other, and a run on a quarter of the memory that it wants."""

from __future__ import annotations

import statistics
import time
from itertools import product
from typing import Any

import torch

from xtransplant.benchmarks.perf.shapes import random_prompts
from xtransplant.benchmarks.perf.timing import peak_bytes
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.compare import difference
from xtransplant.engine.outcome import Scores
from xtransplant.engine.score import score_items
from xtransplant.model.model import Model
from xtransplant.packing import MASKED, SHARED, Packing
from xtransplant.strategies import find_strategy

__all__ = ["measure_ways"]

WAYS = (MASKED, Packing(growing=True), Packing(shared_prefix=True), SHARED)


@torch.no_grad()
def measure_ways(model: Model, *, n_tokens: int = 150, repeats: int = 5) -> dict[str, Any]:
    """Median seconds and token-forwards of an attn-swap grid's scores by each way of packing."""
    source, target = random_prompts(model, n_tokens)
    item, shape, strategy = Item(source, target), shape_of(model), find_strategy("attn-swap")
    pairs = product(range(model.n_layers), repeat=2)
    variants = [strategy.edits(shape, i, j) for i, j in pairs]

    def run(packing: Packing, memory: MemoryBudget | None = None) -> Scores:
        return next(score_items(model, [item], variants, packing=packing, memory=memory))

    seconds: dict[str, list[float]] = {str(packing): [] for packing in WAYS}
    tokens: dict[str, float] = {}
    for number in range(repeats + 1):
        for packing in WAYS:
            started = time.perf_counter()
            tokens[str(packing)] = run(packing).token_forwards
            if number:
                seconds[str(packing)].append(time.perf_counter() - started)
    whole = run(SHARED)
    wants = peak_bytes(model, lambda: run(SHARED))
    quarter = run(SHARED, MemoryBudget(wants / 4))
    return {
        "ways": {
            name: {"seconds": statistics.median(values), "token_forwards": tokens[name]}
            for name, values in seconds.items()
        },
        "quarter": {
            "bytes": wants / 4,
            "peak_bytes": peak_bytes(model, lambda: run(SHARED, MemoryBudget(wants / 4))),
            "forward_passes": quarter.forward_passes,
            "difference": difference(quarter, whole, ("in parts", "at once")).worst,
        },
    }
