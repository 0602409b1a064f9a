"""Ours, the baselines and the floor, in turn in one process, so that their ratios mean a thing."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, Literal

import torch

from xtransplant.benchmarks.perf.baselines import BASELINES
from xtransplant.benchmarks.perf.floor import (
    dense_rate,
    flops,
    generate_tokens,
    head_seconds,
    rows_of_score,
)
from xtransplant.benchmarks.perf.shapes import random_prompts
from xtransplant.benchmarks.perf.timing import forward_seconds, peak_bytes, spread, timed
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.engine.verify import packing_for
from xtransplant.model.model import Model
from xtransplant.packing import Packing
from xtransplant.strategies import Edit, find_strategy

__all__ = ["measure"]


@dataclass(frozen=True)
class _Grid:
    """The grid that is measured: attn-swap at every pair, from one random prompt into another.

    Attributes:
        watched: candidates of one token each, by which scores are compared with a baseline's.
        passes: rows of each layer's products in the passes that score, see :func:`rows_of_score`.
    """

    model: Model
    item: Item
    pairs: list[tuple[int, int]]
    variants: list[tuple[Edit, ...]]
    packing: Packing
    watched: list[list[int]]
    passes: list[list[int]]
    n_new: int

    @property
    def target_layers(self) -> list[int]:
        return [j for _, j in self.pairs]

    def score(self) -> Any:
        return next(score_items(self.model, [self.item], self.variants, packing=self.packing))

    def generate(self, *, sharing: bool = True) -> Any:
        decoding = Decoding(self.n_new, source_text=False, share_histories=sharing)
        found = generate_items(
            self.model, [self.item], self.variants, packing=self.packing, decoding=decoding
        )
        return next(found)


@torch.no_grad()
def measure(
    model: Model,
    *,
    n_tokens: int = 150,
    n_new: int = 20,
    repeats: int = 5,
    pairs_a_round: int = 2,
    candidates: int = 8,
    seed: int = 0,
) -> dict[str, Any]:
    """Seconds, ratios and bytes of a whole attn-swap grid; with ``n_new`` 0 of its scores only.

    Baselines run a few random pairs a round and are scaled to the grid; what they answer is
    compared with ours.
    """
    dice = random.Random(seed)
    grid = _grid(model, n_tokens, n_new, dice, candidates)
    inside = forward_seconds(model)
    found: dict[str, Any] = {"variants": len(grid.pairs), "tokens": n_tokens, "new_tokens": n_new}
    found["score"] = _measured("score", grid, inside, repeats, pairs_a_round, dice)
    if n_new:
        rounds = max(2, repeats // 2)
        made = _measured("generate", grid, inside, rounds, pairs_a_round, dice)
        _say("generate: without sharing histories")
        result, took = timed(model, partial(grid.generate, sharing=False))
        made["distinct_texts"] = len(set(result.token_ids))
        made["unshared_seconds"] = took
        made["unshared_over_floor"] = took / made["spread"]["floor"]["median"]
        found["generate"] = made
        paper = made["spread"]["seconds_paper"]["median"]
        found["choice_by_score"] = paper / found["score"]["seconds"]
    return found


def _grid(model: Model, n_tokens: int, n_new: int, dice: random.Random, candidates: int) -> _Grid:
    source, target = random_prompts(model, n_tokens)
    layers = range(model.n_layers)
    pairs = list(product(layers, layers))
    shape, strategy = shape_of(model), find_strategy("attn-swap")
    # Every token is a candidate of its own where it is to be compared: a handful does.
    watched = [[dice.randrange(3, model.vocab_size)] for _ in range(candidates)]
    return _Grid(
        model=model,
        item=Item(source, target, watched, watched),
        pairs=pairs,
        variants=[strategy.edits(shape, i, j) for i, j in pairs],
        packing=packing_for(model).packing,
        watched=watched,
        passes=rows_of_score(model.n_layers, n_tokens, [j for _, j in pairs]),
        n_new=n_new,
    )


def _measured(
    kind: Literal["score", "generate"],
    grid: _Grid,
    inside: list[float],
    rounds: int,
    pairs_a_round: int,
    dice: random.Random,
) -> dict[str, Any]:
    """Rounds of one kind of grid: ours, the floor and the baselines, each in every round.

    ``inside`` fills with the seconds of each forward pass.
    """
    model, n_tokens = grid.model, len(grid.item.target)
    ours, n_new = (grid.score, 0) if kind == "score" else (grid.generate, grid.n_new)
    keeps: defaultdict[str, list[float]] = defaultdict(list)
    checked = agreed = 0
    _say(f"{kind}: warming up")
    peak = peak_bytes(model, ours)
    for number in range(rounds):
        _say(f"{kind}: round {number + 1} of {rounds}")
        # Each is timed when it has just run once: grids come by the hundred.
        if kind == "score":
            ours()
        inside.clear()
        result, mine = timed(model, ours)
        floor = _floor(model, grid.passes, n_tokens, grid.target_layers, n_new)
        keeps["seconds"].append(mine)
        keeps["overhead"].append(1 - sum(inside) / mine)
        keeps["floor"].append(floor)
        keeps["over_floor"].append(mine / floor)
        for name in BASELINES:
            chosen = [dice.choice(grid.pairs) for _ in range(pairs_a_round)]
            scaled, same = _baseline(name, grid, chosen, n_new, result)
            checked += len(chosen)
            agreed += same
            keeps[f"seconds_{name}"].append(scaled)
            keeps[f"ratio_{name}"].append(scaled / mine)
    spreads = {name: spread(values) for name, values in keeps.items()}
    shown = ("seconds", "ratio_paper", "ratio_nnsight", "ratio_hooks", "over_floor", "overhead")
    return {
        **{name: spreads[name]["median"] for name in shown},
        "peak_bytes": peak,
        "token_forwards": result.token_forwards,
        "checked": checked,
        "agreed": agreed,
        "spread": spreads,
    }


def _baseline(
    name: str, grid: _Grid, chosen: list[tuple[int, int]], n_new: int, result: Any
) -> tuple[float, int]:
    """Seconds of the whole grid by a baseline, from a few pairs; how many it answers as ours."""
    baseline, model = BASELINES[name], grid.model
    source, target = grid.item.source, grid.item.target
    baseline(model, source, target, *chosen[0], n_new)  # warm
    total, agreed = 0.0, 0
    for i, j in chosen:
        answer, took = timed(model, partial(baseline, model, source, target, i, j, n_new))
        total += took
        agreed += _agrees(result, grid.pairs.index((i, j)), answer, grid.watched, model)
    return total / len(chosen) * len(grid.pairs), agreed


def _floor(
    model: Model,
    passes: list[list[int]],
    n_tokens: int,
    target_layers: Sequence[int],
    n_new: int,
) -> float:
    """Seconds that the multiplications alone take, by rates measured now."""
    seconds = 0.0
    for rows in passes:
        # A prompt's tokens see half of it on average, a variant's all of it.
        own = sum(rows) / len(rows) - n_tokens
        work = flops(model, n_tokens, n_tokens / 2) + flops(model, own, n_tokens)
        seconds += work / dense_rate(model, rows, repeats=2)
        # The prompt's last token is projected onto the vocabulary, and each variant's.
        seconds += head_seconds(model, 1 + rows[-1] - n_tokens)
    if n_new:
        every = generate_tokens(model.n_layers, n_tokens, target_layers, n_new)
        new = every - generate_tokens(model.n_layers, n_tokens, target_layers, 0)
        rate = dense_rate(model, [len(target_layers)] * model.n_layers, repeats=2)
        seconds += flops(model, new, n_tokens + n_new / 2) / rate
        seconds += n_new * head_seconds(model, len(target_layers))
    return seconds


def _agrees(result: Any, place: int, answer: Any, watched: list[list[int]], model: Model) -> bool:
    """Whether a baseline answers what ours did; near ties may tip at half precision."""
    if isinstance(answer, list):
        return list(result.token_ids[place]) == answer
    theirs = torch.tensor([float(answer[token[0]]) for token in watched])
    mine = torch.tensor(result.logprobs[place]).float()
    return bool((theirs - mine).abs().max() < 3 * torch.finfo(model.dtype).eps ** 0.5)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
