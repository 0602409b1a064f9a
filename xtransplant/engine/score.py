"""Score: the log-likelihood of every candidate in every variant, of one example or of many."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.variants import Variants, alike, record_variants
from xtransplant.engine.outcome import Writes, same
from xtransplant.engine.trace.chunks import BatchOutputs, run_items
from xtransplant.engine.trace.raw import score_scripts, token_forwards
from xtransplant.engine.trace.sources import Sources
from xtransplant.model.load import Model
from xtransplant.packing import ROWS, Packing
from xtransplant.prompts import Example
from xtransplant.strategies import (
    Script,
    Strategy,
    Variant,
    parted,
)

__all__ = ["Scores", "score", "score_edits", "score_items"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Scores:
    """What :func:`score` found. Log-probabilities are natural logarithms.

    Attributes:
        logprobs: ``[n_variants, n_candidates]``, log-likelihood of each candidate.
        vanilla: ``[n_candidates]``, of the target without a transplant.
        source: ``[n_candidates]``, of the source prompt.
        top_tokens: ``[n_variants, k]``, the most probable next tokens as text.
        top_logprobs: ``[n_variants, k]``.
        vanilla_top, source_top: ``[k]`` tokens of the target and source without a transplant.
        vanilla_top_logprobs, source_top_logprobs: ``[k]``.
        unchanged: ``[n_variants]``, whether all log-probabilities are those of the target without
            a transplant: to the bit over a shared prefix and one variant per row, within the
            rounding of the model's precision elsewhere.
        packing: how the variants ran.
        forward_passes: how many the whole took, the source's included; other examples that ran
            in the same ones count them too.
        token_forwards: how many times a token went through the whole model, an equal share where
            examples ran together; a part of the layers counts as that part.
        seconds: wall-clock time, an equal share of it where examples ran together.
        writes: norms and cosines of every write; None where they were not measured, and of raw
            strategies.
    """

    logprobs: Floats
    vanilla: Floats
    source: Floats
    top_tokens: tuple[tuple[str, ...], ...]
    top_logprobs: Floats
    vanilla_top: tuple[str, ...]
    source_top: tuple[str, ...]
    packing: Packing
    forward_passes: int
    token_forwards: float
    seconds: float
    vanilla_top_logprobs: Floats
    source_top_logprobs: Floats
    unchanged: Bools
    writes: Writes | None = None

    @property
    def finite(self) -> Bools:
        """``[n_variants]``: whether all log-probabilities are numbers, and not infinite.

        They are differences of two float32 numbers, which do not underflow: minus infinity means
        that a logit, or the sum over all of them, was infinite.
        """
        return _finite(self.logprobs, self.top_logprobs)

    @property
    def vanilla_finite(self) -> bool:
        """Likewise of the target without a transplant."""
        return bool(_finite(self.vanilla[None], self.vanilla_top_logprobs[None])[0])

    @property
    def source_finite(self) -> bool:
        """Likewise of the source prompt."""
        return bool(_finite(self.source[None], self.source_top_logprobs[None])[0])


def score(
    model: Model,
    example: Example,
    strategy: Strategy,
    pairs: Sequence[tuple[int, int]],
    *,
    packing: Packing,
    top_k: int = 5,
    chat_template: bool = False,
    memory_budget: int | None = None,
) -> Scores:
    """Log-likelihood of each candidate of an example under a strategy at each layer pair.

    Args:
        pairs: (source layer, target layer), counted from 0.
        packing: the one that :func:`verify_packing` found exact for the model.
        top_k: how many of the most probable next tokens to report.
        chat_template: pass both prompts through the checkpoint's chat template.
        memory_budget: bytes that a forward pass may take beyond the model; by default half of
            what is free on its device.

    Raises:
        XTransplantError: an unusable prompt, candidate or strategy, or too little memory for
            one variant.
    """
    variants = record_variants(model, strategy, pairs)
    item = item_of(model, example, chat_template=chat_template)
    memory = MemoryBudget.of(model, memory_budget)
    return next(score_items(model, [item], variants, packing=packing, top_k=top_k, memory=memory))


def score_edits(
    model: Model,
    source_ids: Sequence[int],
    target_ids: Sequence[int],
    variants: Sequence[Variant],
    source_candidates: Sequence[Sequence[int]],
    target_candidates: Sequence[Sequence[int]],
    *,
    packing: Packing,
    top_k: int = 5,
    memory: MemoryBudget | None = None,
) -> Scores:
    """:func:`score` on token ids and recorded edits."""
    item = Item(source_ids, target_ids, source_candidates, target_candidates)
    return next(score_items(model, [item], variants, packing=packing, top_k=top_k, memory=memory))


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
        memory: the memory to keep to; it shrinks where that turns out to be too much.
        sources: what was read of source prompts before, and where what is read now is kept.
    """
    memory = MemoryBudget.of(model) if memory is None else memory
    top_k = min(top_k, model.vocab_size)
    recorded, scripts = parted(variants)
    if scripts:
        for one in items:
            yield _by_scripts(model, one, scripts, packing, top_k, memory, sources)
        return
    edits = Variants.of(recorded)
    ahead, waiting = iter(items), deque[Item]()
    while True:
        while len(waiting) < _LOOK_AHEAD and (item := next(ahead, None)) is not None:
            waiting.append(item)
        if not waiting:
            return
        group = alike(list(waiting), edits)
        started = time.perf_counter()
        found = run_items(model, group, edits, packing, top_k, memory, sources)
        seconds = (time.perf_counter() - started) / len(found.items)
        words: dict[int, str] = {}
        for place in range(len(found.items)):
            item = waiting.popleft()
            scores = _scores(model, found, place, packing, seconds, words)
            if not packing.keeps_bits and not scores.finite.all():
                scores = _apart(model, item, variants, top_k, scores)
            yield scores


_LOOK_AHEAD = 512


def _apart(
    model: Model, item: Item, variants: Sequence[Variant], top_k: int, together: Scores
) -> Scores:
    """One example again, one variant per row, to tell which of its variants are not finite.

    In one sequence with a mask a NaN reaches all: what is not to be seen has the weight 0 there,
    and 0 times NaN is NaN.
    """
    alone = next(score_items(model, [item], variants, packing=ROWS, top_k=top_k))
    return replace(
        alone,
        forward_passes=alone.forward_passes + together.forward_passes,
        token_forwards=alone.token_forwards + together.token_forwards,
        seconds=alone.seconds + together.seconds,
    )


def _by_scripts(
    model: Model,
    item: Item,
    scripts: Sequence[Script],
    packing: Packing,
    top_k: int,
    memory: MemoryBudget,
    sources: Sources | None,
) -> Scores:
    """One example under a raw strategy; without a transplant it runs as ever."""
    started = time.perf_counter()
    plain = next(
        score_items(
            model, [item], [()], packing=packing, top_k=top_k, memory=memory, sources=sources
        )
    )
    found = score_scripts(model, item, scripts, top_k)
    n_passes = 2 + any(len(ids) > 1 for ids in item.target_candidates)
    # A script runs alone, its prompt whole, and so in other sums than the plain run's.
    parts = (("scores", plain.vanilla), ("top", plain.vanilla_top_logprobs))
    alike = [
        same(found[name], torch.from_numpy(row), model.dtype, bits=False) for name, row in parts
    ]
    return replace(
        plain,
        logprobs=found["scores"].numpy(),
        unchanged=torch.cat(alike, dim=1).all(dim=1).numpy(),
        top_tokens=tuple(
            tuple(model.tokenizer.decode([token]) for token in row) for row in found["ids"].tolist()
        ),
        top_logprobs=found["top"].double().numpy(),
        writes=None,
        packing=ROWS,
        forward_passes=plain.forward_passes + n_passes * len(scripts),
        token_forwards=plain.token_forwards + token_forwards(item, len(scripts)),
        seconds=time.perf_counter() - started,
    )


def _scores(
    model: Model,
    found: BatchOutputs,
    place: int,
    packing: Packing,
    seconds: float,
    words: dict[int, str],
) -> Scores:
    """One example's share of what a batch found; ``words`` keeps texts of tokens."""
    item = found.items[place]
    source = _by_candidate(found.source, place, len(item.source_candidates))
    target = _by_candidate(found.target, place, len(item.target_candidates))
    ids = torch.cat([part["ids"][place] for part in (found.source, found.target)])
    listed = ids.tolist()
    for token in {token for row in listed for token in row} - words.keys():
        words[token] = model.tokenizer.decode([token])
    tokens = [tuple(words[token] for token in row) for row in listed]
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
        seconds=seconds,
        vanilla_top_logprobs=found.target["top"][place, 0].double().numpy(),
        source_top_logprobs=found.source["top"][place, 0].double().numpy(),
        unchanged=found.target["unchanged"][place, 1:].numpy(),
        writes=Writes.of(found.target["write_counts"], found.target["writes"][place]),
    )


def _finite(logprobs: Floats, top_logprobs: Floats) -> Bools:
    return np.asarray(np.isfinite(logprobs).all(axis=1) & np.isfinite(top_logprobs).all(axis=1))


def _by_candidate(part: dict[str, Any], place: int, n_candidates: int) -> Floats:
    """Log-probabilities of edges ``[n_blocks, n_edges]``, summed by candidate."""
    edges, owners = part["edges"][place].double(), part["candidates"][place]
    sums = torch.zeros(len(edges), n_candidates, dtype=torch.float64)
    return sums.index_add(1, owners[owners >= 0], edges[:, owners >= 0]).numpy()
