"""Ours, the baselines and the floor, in turn in one process, so that their ratios mean a thing."""

from __future__ import annotations

import ctypes
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

import psutil
import torch

from xtransplant.benchmarks.perf.baselines import BASELINES
from xtransplant.benchmarks.perf.floor import dense_rate, flops, generate_tokens, rows_of_score
from xtransplant.benchmarks.perf.shapes import random_prompts
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.engine.verify import packing_for
from xtransplant.model.load import Model
from xtransplant.strategies import find_strategy

__all__ = ["Spread", "measure", "peak_bytes"]


@dataclass
class Spread:
    """Values of the rounds; their median is what is reported."""

    values: list[float] = field(default_factory=list)

    def document(self) -> dict[str, float]:
        return {
            "median": statistics.median(self.values),
            "min": min(self.values),
            "max": max(self.values),
        }


@torch.no_grad()
def measure(
    model: Model,
    *,
    n_tokens: int = 150,
    n_new: int = 20,
    repeats: int = 5,
    pairs_a_round: int = 2,
    seed: int = 0,
) -> dict[str, Any]:
    """Seconds, ratios and bytes of a whole attn-swap grid; with ``n_new`` 0 of its scores only.

    Baselines run a few random pairs a round and are scaled to the grid; what they answer is
    compared with ours.
    """
    source, target = random_prompts(model, n_tokens, seed)
    pairs = list(product(range(model.n_layers), repeat=2))
    shape, strategy = shape_of(model), find_strategy("attn-swap")
    variants = [strategy.edits(shape, i, j) for i, j in pairs]
    packing, dice = packing_for(model).packing, random.Random(seed)
    # Every token is a candidate of its own where it is to be compared: a handful does.
    watched = [[dice.randrange(3, model.vocab_size)] for _ in range(8)]
    item = Item(source, target, watched, watched)
    target_layers = [j for _, j in pairs]
    passes = rows_of_score(model.n_layers, n_tokens, target_layers)

    def ours_score() -> Any:
        return next(score_items(model, [item], variants, packing=packing))

    def ours_generate(*, sharing: bool = True) -> Any:
        return next(
            generate_items(
                model, [item], variants, packing=packing,
                decoding=Decoding(n_new, source_text=False, share_histories=sharing),
            )
        )  # fmt: skip

    kinds: dict[str, tuple[Callable[..., Any], int]] = {"score": (ours_score, 0)}
    if n_new:
        kinds["generate"] = (ours_generate, n_new)
    found: dict[str, Any] = {"variants": len(pairs), "tokens": n_tokens, "new_tokens": n_new}
    seconds_of_paper: dict[str, float] = {}
    inside = _inside(model)
    for kind, (ours, n) in kinds.items():
        keeps: dict[str, Spread] = {}
        checked = agreed = 0

        def keep(name: str, value: float, keeps: dict[str, Spread] = keeps) -> None:
            keeps.setdefault(name, Spread()).values.append(value)

        _say(f"{kind}: warming up")
        peak = peak_bytes(model, ours)
        rounds = repeats if kind == "score" else max(2, repeats // 2)
        for number in range(rounds):
            _say(f"{kind}: round {number + 1} of {rounds}")
            # Each is timed when it has just run once: grids come by the hundred.
            if kind == "score":
                ours()
            inside.clear()
            result, mine = _timed(model, ours)
            keep("seconds", mine)
            keep("overhead", 1 - sum(inside) / mine)
            floor = _floor(model, passes, n_tokens, target_layers, n)
            keep("floor", floor)
            keep("over_floor", mine / floor)
            for name, baseline in BASELINES.items():
                chosen = [dice.choice(pairs) for _ in range(pairs_a_round)]
                baseline(model, source, target, chosen[0][0], chosen[0][1], n)  # warm
                total = 0.0
                for i, j in chosen:
                    answer, took = _timed(model, partial(baseline, model, source, target, i, j, n))
                    total += took
                    checked += 1
                    agreed += _agrees(result, pairs.index((i, j)), answer, watched, model)
                scaled = total / len(chosen) * len(pairs)
                keep(f"seconds_{name}", scaled)
                keep(f"ratio_{name}", scaled / mine)
        spreads = {name: spread.document() for name, spread in keeps.items()}
        found[kind] = {
            **{
                name: spreads[name]["median"]
                for name in (
                    "seconds", "ratio_paper", "ratio_nnsight", "ratio_hooks", "over_floor",
                    "overhead",
                )
            },
            "peak_bytes": peak,
            "token_forwards": result.token_forwards,
            "checked": checked,
            "agreed": agreed,
            "spread": spreads,
        }  # fmt: skip
        seconds_of_paper[kind] = spreads["seconds_paper"]["median"]
    if n_new:
        found["generate"]["distinct_texts"] = len(set(result.token_ids))
        _say("generate: without sharing histories")
        _, took = _timed(model, partial(ours_generate, sharing=False))
        floor = spreads["floor"]["median"]
        found["generate"]["unshared_seconds"] = took
        found["generate"]["unshared_over_floor"] = took / floor
        found["choice_by_score"] = seconds_of_paper["generate"] / found["score"]["seconds"]
    return found


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
    if n_new:
        every = generate_tokens(model.n_layers, n_tokens, target_layers, n_new)
        new = every - generate_tokens(model.n_layers, n_tokens, target_layers, 0)
        rate = dense_rate(model, [len(target_layers)] * model.n_layers, repeats=2)
        seconds += flops(model, new, n_tokens + n_new / 2) / rate
    return seconds


def _agrees(result: Any, place: int, answer: Any, watched: list[list[int]], model: Model) -> bool:
    """Whether a baseline answers what ours did; near ties may tip at half precision."""
    if isinstance(answer, list):
        return list(result.token_ids[place]) == answer
    theirs = torch.tensor([float(answer[token[0]]) for token in watched])
    mine = torch.tensor(result.logprobs[place]).float()
    return bool((theirs - mine).abs().max() < 3 * torch.finfo(model.dtype).eps ** 0.5)


def _timed(model: Model, work: Callable[[], Any]) -> tuple[Any, float]:
    _wait(model)
    started = time.perf_counter()
    result = work()
    _wait(model)
    return result, time.perf_counter() - started


def _wait(model: Model) -> None:
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)


def _inside(model: Model) -> list[float]:
    """A list that fills with the seconds of each forward pass of the model from now on."""
    found: list[float] = []
    starts: list[float] = []

    def before(module: Any, args: Any) -> None:
        _wait(model)
        starts.append(time.perf_counter())

    def after(module: Any, args: Any, output: Any) -> None:
        _wait(model)
        found.append(time.perf_counter() - starts.pop())

    model.module.register_forward_pre_hook(before)
    model.module.register_forward_hook(after)
    return found


def peak_bytes(model: Model, work: Callable[[], Any]) -> int:
    """Most bytes held during some work beyond those held before it."""
    if model.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(model.device)
        before = torch.cuda.memory_allocated(model.device)
        work()
        return int(torch.cuda.max_memory_allocated(model.device) - before)
    if sys.platform.startswith("linux"):
        # What was freed and kept would hide what is asked for.
        ctypes.CDLL(None).malloc_trim(0)
    process, done = psutil.Process(), threading.Event()
    before = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return int(peak - before)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
