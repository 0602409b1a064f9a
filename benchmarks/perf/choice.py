"""A choice between candidates of several tokens: ours in three ways, the baselines and the floor.

All in turn in every round, as in :mod:`xtransplant.benchmarks.perf.measure`. The prompts are those
of XNLI where a folder of the paper's data is given, else random tokens.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xtransplant.benchmarks.perf.baselines import paper, score_by_hooks
from xtransplant.benchmarks.perf.floor import (
    dense_rate,
    flops,
    head_flops,
    head_seconds,
    rows_of_score,
)
from xtransplant.benchmarks.perf.shapes import random_prompts
from xtransplant.benchmarks.perf.timing import spread, timed
from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.score import score_items
from xtransplant.engine.verify import packing_for
from xtransplant.model.model import Model
from xtransplant.packing import Packing
from xtransplant.strategies import Edit, find_strategy
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.task import find_task

__all__ = ["choice_item", "choice_table", "measure_choice"]

_N_NEW = 20


@dataclass(frozen=True)
class _Grid:
    """attn-swap at every pair of one example."""

    model: Model
    item: Item
    pairs: list[tuple[int, int]]
    variants: list[tuple[Edit, ...]]
    packing: Packing

    def score(self, *, exact: bool, whole: bool = False) -> Any:
        """Scores; ``whole``: of every candidate token the model's own code makes all logits."""
        model = self.model
        if whole:
            model = replace(model)
            vars(model)["head"] = None  # cached: as if the projection were not known
        item = replace(self.item, exact_scores=exact)
        return next(score_items(model, [item], self.variants, packing=self.packing, top_k=1))


def choice_item(model: Model, n_tokens: int, data_dir: Path | None) -> Item:
    """Three candidates of three tokens: XNLI's in Swahili, or random ones that begin alike."""
    if data_dir is not None:
        task = find_task("xnli")
        data = DataSource(data_dir=data_dir)
        example = next(iter(task.examples("sw", task.direction, task.splits[0], data)))
        return item_of(model, example)
    source, target = random_prompts(model, n_tokens)
    dice = random.Random(1)
    first, last = (dice.randrange(3, model.vocab_size) for _ in range(2))
    candidates = [(first, dice.randrange(3, model.vocab_size), last) for _ in range(3)]
    return Item(source, target, candidates, candidates, (3, 3, 3))


@torch.no_grad()
def measure_choice(
    model: Model, item: Item, *, rounds: int = 5, pairs_a_round: int = 2, seed: int = 0
) -> dict[str, Any]:
    """Seconds of a grid by each way, ratios to the default one, and operations counted.

    Baselines run a few random pairs a round and are scaled to the grid; the candidates' scores of
    the loop are compared with exact ones.
    """
    dice, layers = random.Random(seed), range(model.n_layers)
    pairs = list(product(layers, layers))
    strategy, shape = find_strategy("attn-swap"), shape_of(model)
    variants = [strategy.edits(shape, i, j) for i, j in pairs]
    grid = _Grid(model, item, pairs, variants, packing_for(model).packing)
    ways = {
        "ours": lambda: grid.score(exact=False),
        "exact": lambda: grid.score(exact=True),
        "whole": lambda: grid.score(exact=True, whole=True),
    }
    keeps: defaultdict[str, list[float]] = defaultdict(list)
    agreed = 0
    for number in range(rounds + 1):
        print(f"choice: round {number} of {rounds}", file=sys.stderr, flush=True)
        found = {}
        for name, way in ways.items():
            found[name], took = timed(model, way)
            if number:  # the first warms up
                keeps[name].append(took)
        if not number:
            continue
        keeps["floor"].append(_floor(grid))
        chosen = [dice.choice(pairs) for _ in range(pairs_a_round)]
        loop, told = _loop(grid, chosen)
        keeps["loop"].append(loop)
        exact = found["exact"].logprobs
        for pair, scores in zip(chosen, told, strict=True):
            gap = np.abs(exact[pairs.index(pair)] - scores).max()
            agreed += bool(gap < 3 * torch.finfo(model.dtype).eps ** 0.5)
        keeps["paper"].append(_paper(grid, chosen))
        for name in ("exact", "whole", "loop", "paper", "floor"):
            keeps[f"ratio_{name}"].append(keeps[name][-1] / keeps["ours"][-1])
    same = (found["ours"].logprobs.argmax(1) == found["exact"].logprobs.argmax(1)).mean()
    bounds = found["ours"].bounds
    return {
        "variants": len(pairs),
        "tokens": [len(item.source), len(item.target)],
        "candidates": [len(ids) for ids in item.target_candidates],
        **{name: spread(values) for name, values in keeps.items()},
        "same_choice": float(same),
        "bounds": 0.0 if bounds is None else float(bounds.mean()),
        "token_forwards": {name: one.token_forwards for name, one in found.items()},
        "checked": rounds * pairs_a_round,
        "agreed": agreed,
        "operations": _operations(grid),
    }


def _loop(grid: _Grid, chosen: Sequence[tuple[int, int]]) -> tuple[float, list[list[float]]]:
    """Seconds of the whole grid by a loop over pairs, and the scores of some."""
    model, item = grid.model, grid.item
    asked = item.source, item.target
    score_by_hooks(model, *asked, chosen[0], item.target_candidates)  # warm
    total, told = 0.0, []
    for pair in chosen:
        scores, took = timed(
            model, partial(score_by_hooks, model, *asked, pair, item.target_candidates)
        )
        told.append(scores)
        total += took
    return total / len(chosen) * len(grid.pairs), told


def _paper(grid: _Grid, chosen: Sequence[tuple[int, int]]) -> float:
    """Seconds of the whole grid by the paper's protocol, from some pairs."""
    model, item = grid.model, grid.item
    total = 0.0
    for i, j in chosen:
        _, took = timed(model, partial(paper, model, item.source, item.target, i, j, _N_NEW))
        total += took
    return total / len(chosen) * len(grid.pairs)


def _passes(grid: _Grid) -> tuple[list[list[int]], list[int]]:
    """Rows of each layer in each pass, and rows that are projected onto the vocabulary.

    The least that tells which candidate is chosen: the first tokens that all share with the
    prompt, then one candidate's others, a pass each; of the shared ones the prompt's last token
    alone is projected.
    """
    model, candidates = grid.model, grid.item.target_candidates
    columns = zip(*candidates, strict=False)
    shared = next((n for n, ids in enumerate(columns) if len(set(ids)) > 1), 0)
    later = max(map(len, candidates)) - shared - 1
    n_layers, n = model.n_layers, len(grid.pairs)
    source, target = rows_of_score(n_layers, 0, [j for _, j in grid.pairs])
    own = [rows * (1 + shared) for rows in target]
    passes = [
        [rows + len(grid.item.source) for rows in source],
        [rows + len(grid.item.target) + shared for rows in own],
        *([rows + len(candidates) for rows in target] for _ in range(later)),
    ]
    return passes, [1, 1 + n, *[n + len(candidates)] * later]


def _floor(grid: _Grid) -> float:
    """Seconds of the multiplications alone, by rates measured now."""
    model, (passes, heads) = grid.model, _passes(grid)
    keys = len(grid.item.target)
    seconds = sum(head_seconds(model, rows) for rows in heads)
    for rows in passes:
        work = flops(model, sum(rows) / len(rows), keys)
        seconds += work / dense_rate(model, rows, repeats=2)
    return seconds


def _operations(grid: _Grid) -> dict[str, float]:
    """FLOP of a whole grid, head included: the floor's, the loop's and the paper's protocol's."""
    model, item, n = grid.model, grid.item, len(grid.pairs)
    passes, heads = _passes(grid)
    source, target, longest = (
        len(item.source),
        len(item.target),
        1 + max(map(len, item.target_candidates)),
    )
    rows = len(item.target_candidates)
    floor = sum(flops(model, sum(one) / len(one), target) for one in passes)
    loop = flops(model, rows * (target + longest - 1), target / 2)
    pair = flops(model, source + target, target / 2) + flops(model, _N_NEW - 1, target)
    return {
        "floor": floor + head_flops(model, sum(heads)),
        "loop": n * (loop + head_flops(model, rows * longest)),
        "paper": n * (pair + head_flops(model, 1 + _N_NEW)),
    }


def choice_table(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    labels = {
        "ours": "default: candidates are ranked",
        "exact": "`--exact-scores`",
        "whole": "exact, all logits of every candidate token at once",
        "loop": "plain hooks, pair by pair, the same candidates",
        "paper": f"the paper's protocol, {_N_NEW} tokens generated a pair",
        "floor": "the floor, head included",
    }
    lines = [
        f"{found['shape']}, {found['variants']} variants, prompts of "
        f"{' and '.join(map(str, found['tokens']))} tokens, candidates of "
        f"{', '.join(map(str, found['candidates']))} tokens, {found['dtype']}, {found['device']}, "
        f"{found['threads']} threads; median (lowest to highest of the rounds)",
        "",
        "| | seconds of a grid | × the default's | TFLOP |",
        "|---|---|---|---|",
    ]
    for name, label in labels.items():
        seconds, flop = found[name], found["operations"].get(name)
        ratio = found.get(f"ratio_{name}", {"median": 1.0, "min": 1.0, "max": 1.0})
        lines.append(
            f"| {label} | {seconds['median']:.2f} ({seconds['min']:.2f} to {seconds['max']:.2f}) "
            f"| {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f}) "
            f"| {'' if flop is None else f'{flop / 1e12:.3g}'} |"
        )
    lines += [
        "",
        f"The same candidate chosen in {found['same_choice']:.1%} of the cells; "
        f"{found['bounds']:.0%} of the default's log-likelihoods are bounds. The loop's scores are "
        f"the exact ones in {found['agreed']} of {found['checked']} pairs.",
    ]
    return "\n".join(lines)
