"""Cost against layers, prompt length and examples: one figure of three panels."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from xtransplant.benchmarks.perf.measure import measure
from xtransplant.benchmarks.perf.shapes import random_prompts, shaped
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.score import score_items
from xtransplant.engine.verify import packing_for
from xtransplant.strategies import find_strategy

__all__ = ["Curve", "draw", "sweep"]

LAYERS, LENGTHS, EXAMPLES = (8, 16, 24, 32, 48), (50, 150, 400, 1000), (1, 4, 16, 64)


@dataclass(frozen=True)
class Curve:
    """Seconds of ours and of the paper's protocol over some setting."""

    label: str
    at: tuple[int, ...]
    ours: tuple[float, ...]
    paper: tuple[float, ...]


def sweep(shape: str, *, device: str, dtype: str) -> list[Curve]:
    """Measure scores: over layers and lengths at the shape, over examples at 8 layers."""
    layers = [_one(shape, device, dtype, n, 100) for n in LAYERS]
    lengths = [_one(shape, device, dtype, 16, n) for n in LENGTHS]
    examples = _examples(shape, device, dtype)
    return [
        Curve("layers (prompts of 100 tokens)", LAYERS, *zip(*layers, strict=True)),
        Curve("prompt length in tokens (16 layers)", LENGTHS, *zip(*lengths, strict=True)),
        Curve("examples (8 layers, 50 tokens)", EXAMPLES, *zip(*examples, strict=True)),
    ]


def _one(shape: str, device: str, dtype: str, n_layers: int, n_tokens: int) -> tuple[float, float]:
    print(f"{n_layers} layers, {n_tokens} tokens", file=sys.stderr, flush=True)
    with shaped(shape, device=device, dtype=dtype, n_layers=n_layers) as model:
        found = measure(model, n_tokens=n_tokens, n_new=0, repeats=2)["score"]
    return found["seconds"], found["spread"]["seconds_paper"]["median"]


@torch.no_grad()
def _examples(shape: str, device: str, dtype: str) -> list[tuple[float, float]]:
    import time

    found = []
    with shaped(shape, device=device, dtype=dtype, n_layers=8) as model:
        one = measure(model, n_tokens=50, n_new=0, repeats=2)["score"]
        paper = one["spread"]["seconds_paper"]["median"]
        form, strategy = shape_of(model), find_strategy("attn-swap")
        variants = [strategy.edits(form, i, j) for i in range(8) for j in range(8)]
        for count in EXAMPLES:
            prompts = [random_prompts(model, 50, seed) for seed in range(count)]
            items = [Item(source, target) for source, target in prompts]
            started = time.perf_counter()
            for _ in score_items(model, items, variants, packing=packing_for(model).packing):
                pass
            found.append((time.perf_counter() - started, paper * count))
    return found


def draw(curves: list[Curve], path: str | Path) -> None:
    """Save the figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for place, curve in enumerate(curves, start=1):
        axes: Any = figure.add_subplot(1, len(curves), place)
        # Blue and orange of the Okabe-Ito palette.
        axes.plot(curve.at, curve.paper, "s--", color="#D55E00", label="pair by pair (the paper's)")
        axes.plot(curve.at, curve.ours, "o-", color="#0072B2", label="xtransplant")
        axes.set(xscale="log", yscale="log", xlabel=curve.label)
        axes.set_xticks(curve.at, [str(value) for value in curve.at])
        axes.minorticks_off()
        axes.grid(visible=True, alpha=0.3)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if place == 1:
            axes.set_ylabel("seconds of a whole grid")
            axes.legend(frameon=False)
    figure.suptitle("Scores of every layer pair")
    figure.savefig(path, dpi=150)
