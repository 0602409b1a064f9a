"""Score: the log-likelihood of every candidate in every variant, of one example or of many."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Unpack

import torch

from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.request import RequestOptions, make_request
from xtransplant.engine.ask.variants import Variants, alike
from xtransplant.engine.outcome import UNPACKED, Scores, Writes, same
from xtransplant.engine.trace.chunks import BatchOutputs, run_items, sum_by_candidate
from xtransplant.engine.trace.raw import score_scripts, token_forwards
from xtransplant.engine.trace.sources import Sources
from xtransplant.model.model import Model
from xtransplant.packing import ROWS, Packing
from xtransplant.prompts import Example
from xtransplant.strategies import Edit, Script, Strategy, Variant, split_scripts
from xtransplant.strategies.aligned import aligned_edits, names_aligned

__all__ = ["score", "score_items"]

# How many examples are looked at to find those that can share a forward pass.
_LOOK_AHEAD = 512


def score(
    model: Model,
    example: Example,
    strategy: Strategy,
    pairs: Sequence[tuple[int, int]],
    *,
    packing: Packing,
    top_k: int = 5,
    **options: Unpack[RequestOptions],
) -> Scores:
    """Log-likelihood of each candidate of an example under a strategy at each layer pair.

    Args:
        model: a loaded model.
        example: its prompts and candidates.
        strategy: gives the edits of each pair.
        pairs: (source layer, target layer), counted from 0.
        packing: the one that :func:`xtransplant.verify_packing` found exact for the model.
        top_k: how many of the most probable next tokens to report.
        **options: ``chat_template``: pass both prompts through the checkpoint's chat template
            (default False); ``memory_budget``: bytes that a forward pass may take beyond the model
            (by default half of what is free on its device).

    Raises:
        XTransplantError: an unusable prompt, candidate or strategy, or too little memory for
            one variant.
    """
    one = make_request(model, example, strategy, pairs, **options)
    found = score_items(
        model, [one.item], one.variants, packing=packing, top_k=top_k, memory=one.memory
    )
    return next(found)


def score_items(
    model: Model,
    items: Iterable[Item],
    variants: Sequence[Variant],
    *,
    packing: Packing,
    top_k: int = 5,
    memory: MemoryBudget | None = None,
    sources: Sources | None = None,
) -> Iterator[Scores]:
    """Scores of many examples under the same variants, in order, several to a forward pass.

    Items are taken as they are needed, a bounded number ahead, so that memory does not grow with
    their number.

    Args:
        model: a loaded model.
        items: the examples as token ids.
        variants: what a strategy recorded at each layer pair.
        packing: as for :func:`score`.
        top_k: as for :func:`score`.
        memory: the budget to keep to (as for :func:`score` by default); it shrinks where it turns
            out to be too large.
        sources: cache of what was read of source prompts, used and added to.

    Raises:
        XTransplantError: an unusable strategy, or too little memory for one variant.
    """
    memory = MemoryBudget.of(model) if memory is None else memory
    top_k = min(top_k, model.vocab_size)
    recorded, scripts = split_scripts(variants)
    if scripts:
        for one in items:
            yield _score_scripts(model, one, scripts, packing, top_k, memory, sources)
        return
    if names_aligned(recorded):
        yield from _score_aligned(
            model, items, recorded, packing=packing, top_k=top_k, memory=memory, sources=sources
        )
        return
    edits = Variants.of(recorded)
    ahead, waiting = iter(items), deque[Item]()
    while True:
        while len(waiting) < _LOOK_AHEAD and (item := next(ahead, None)) is not None:
            waiting.append(item)
        if not waiting:
            return
        started = time.perf_counter()
        group = alike(list(waiting), edits)
        found = run_items(model, group, edits, packing, top_k, memory, sources)
        seconds = (time.perf_counter() - started) / len(found.items)
        texts: dict[int, str] = {}
        for place, item in enumerate(found.items):
            waiting.popleft()
            scores = _scores_of(model, found, place, packing, seconds, texts)
            if not packing.keeps_bits and not scores.finite.all():
                scores = _score_apart(model, item, variants, top_k, scores)
            yield scores


def _score_aligned(
    model: Model, items: Iterable[Item], variants: Sequence[Sequence[Edit]], **options: Any
) -> Iterator[Scores]:
    """Each example's edits are at tokens of its own; those with the same go together."""
    for pairs, own in groupby(items, key=lambda item: tuple(item.aligned)):
        yield from score_items(model, own, aligned_edits(variants, pairs), **options)


def _score_apart(
    model: Model, item: Item, variants: Sequence[Variant], top_k: int, together: Scores
) -> Scores:
    """One example again, one variant per row, to tell which of its variants are not finite.

    In one sequence under a mask a NaN reaches every variant: what is masked has weight 0, and 0
    times NaN is NaN.
    """
    alone = next(score_items(model, [item], variants, packing=ROWS, top_k=top_k))
    return replace(
        alone,
        forward_passes=alone.forward_passes + together.forward_passes,
        token_forwards=alone.token_forwards + together.token_forwards,
        source_tokens=alone.source_tokens + together.source_tokens,
        seconds=alone.seconds + together.seconds,
    )


def _score_scripts(
    model: Model,
    item: Item,
    scripts: Sequence[Script],
    packing: Packing,
    top_k: int,
    memory: MemoryBudget,
    sources: Sources | None,
) -> Scores:
    """One example under a raw strategy; the plain target and source run as for any other."""
    started = time.perf_counter()
    plain = next(
        score_items(
            model, [item], [()], packing=packing, top_k=top_k, memory=memory, sources=sources
        )
    )
    found = score_scripts(model, item, scripts, top_k)
    n_passes = 2 + any(len(ids) > 1 for ids in item.target_candidates)
    # A script's prompt runs whole and unpacked: the plain run's sums are in another order.
    plain_rows = (("scores", plain.vanilla), ("top", plain.vanilla_top_logprobs))
    equal = [
        same(found[name], torch.from_numpy(row), model.dtype, bits=False, roundings=UNPACKED)
        for name, row in plain_rows
    ]
    return replace(
        plain,
        logprobs=found["scores"].numpy(),
        unchanged=torch.cat(equal, dim=1).all(dim=1).numpy(),
        top_tokens=tuple(
            tuple(model.tokenizer.decode([token]) for token in row) for row in found["ids"].tolist()
        ),
        top_logprobs=found["top"].double().numpy(),
        writes=None,
        bounds=None,
        vanilla_bounds=None,
        packing=ROWS,
        forward_passes=plain.forward_passes + n_passes * len(scripts),
        token_forwards=plain.token_forwards + token_forwards(item, len(scripts)),
        source_tokens=plain.source_tokens + len(scripts) * len(item.source),
        seconds=time.perf_counter() - started,
    )


def _scores_of(
    model: Model,
    found: BatchOutputs,
    place: int,
    packing: Packing,
    seconds: float,
    texts: dict[int, str],
) -> Scores:
    """One example's share of what a batch found; ``texts`` caches decoded tokens."""
    item = found.items[place]
    source = sum_by_candidate(found.source, place, len(item.source_candidates))
    target = sum_by_candidate(found.target, place, len(item.target_candidates))
    bounds = found.target["bounds"][place, :, : len(item.target_candidates)].numpy()
    ids = torch.cat([one["ids"][place] for one in (found.source, found.target)])
    listed = ids.tolist()
    for token in {token for row in listed for token in row} - texts.keys():
        texts[token] = model.tokenizer.decode([token])
    tokens = [tuple(texts[token] for token in row) for row in listed]
    return Scores(
        logprobs=target[1:],
        vanilla=target[0],
        source=source[0],
        top_tokens=tuple(tokens[2:]),
        top_logprobs=found.target["top"][place, 1:].double().numpy(),
        vanilla_top=tokens[1],
        source_top=tokens[0],
        packing=packing,
        forward_passes=found.forward_passes,
        token_forwards=found.token_forwards / len(found.items),
        source_tokens=found.source_tokens / len(found.items),
        seconds=seconds,
        vanilla_top_logprobs=found.target["top"][place, 0].double().numpy(),
        source_top_logprobs=found.source["top"][place, 0].double().numpy(),
        unchanged=found.target["unchanged"][place, 1:].numpy(),
        writes=Writes.of(found.target["write_counts"], found.target["writes"][place]),
        bounds=bounds[1:] if bounds.any() else None,
        vanilla_bounds=bounds[0] if bounds.any() else None,
    )
