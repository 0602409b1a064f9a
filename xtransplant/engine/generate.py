"""Generate: the target's greedy continuation in every variant, over one shared prefix."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Unpack

from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.request import Decoding, RequestOptions, make_request
from xtransplant.engine.ask.variants import Variants
from xtransplant.engine.continuations import Continuations, continue_item, continue_scripts
from xtransplant.engine.outcome import Generations, TokenCertainty
from xtransplant.engine.trace.sources import Sources
from xtransplant.model.model import Model
from xtransplant.packing import ROWS, Packing
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy, Variant, split_scripts
from xtransplant.strategies.aligned import aligned_edits, names_aligned

__all__ = ["generate", "generate_items"]


def generate(
    model: Model,
    example: Example,
    strategy: Strategy,
    pairs: Sequence[tuple[int, int]],
    *,
    max_new_tokens: int = 20,
    packing: Packing,
    **options: Unpack[RequestOptions],
) -> Generations:
    """Greedy continuation of the target under a strategy at each layer pair.

    Edits are written when the prompt is read and at no later step.

    Args:
        model: a loaded model.
        example: its prompts; candidates are not looked at.
        strategy: gives the edits of each pair.
        pairs: (source layer, target layer), counted from 0.
        packing: the one that :func:`xtransplant.verify_packing` found exact for the model.
        max_new_tokens: length of the longest continuation.
        **options: ``chat_template``: pass both prompts through the checkpoint's chat template
            (default False); ``memory_budget``: bytes that the work may take beyond the model (by
            default half of what is free on its device).

    Raises:
        XTransplantError: an unusable prompt or strategy, or too little memory for one variant.
    """
    prompts = replace(example, candidates=(), source_candidates=())
    one = make_request(model, prompts, strategy, pairs, **options)
    found = generate_items(
        model, [one.item], one.variants, packing=packing,
        decoding=Decoding(max_new_tokens=max_new_tokens), memory=one.memory,
    )  # fmt: skip
    return next(found)


def generate_items(
    model: Model,
    items: Iterable[Item],
    variants: Sequence[Variant],
    *,
    packing: Packing,
    decoding: Decoding,
    memory: MemoryBudget | None = None,
    sources: Sources | None = None,
) -> Iterator[Generations]:
    """Generations of many examples under the same variants, in order.

    Args:
        model: a loaded model.
        items: the examples as token ids.
        variants: what a strategy recorded at each layer pair.
        packing: as for :func:`generate`.
        decoding: how long texts may be, and what else is wanted of them.
        memory: the budget to keep to (as for :func:`generate` by default); it shrinks where it
            turns out to be too large.
        sources: cache of what was read of source prompts, used and added to.

    Raises:
        XTransplantError: an unusable strategy, or too little memory for one variant.
    """
    memory = MemoryBudget.of(model) if memory is None else memory
    edits, scripts = split_scripts(variants)
    aligned = names_aligned(edits)
    recorded = Variants.of([] if aligned else edits)
    of_source = Continuations([[]], [True], [True], 0.0, 0, 0.0)
    continued: tuple[int, ...] | None = None
    for item in items:
        started = time.perf_counter()
        if aligned:  # each example's edits are at tokens of its own
            recorded = Variants.of(aligned_edits(edits, item.aligned))
        # Candidates are for scores.
        prompts = Item(item.source, item.target, more_sources=item.more_sources)
        found = continue_item(model, prompts, recorded, packing, decoding, memory, sources)
        if scripts:
            found = continue_scripts(model, prompts, scripts, decoding.max_new_tokens, found)
        # The last source prompt's continuation is kept: the next examples often have the same.
        if decoding.source_text and continued != tuple(item.source):
            alone = Item(item.source, item.source), Variants.of([])
            length = Decoding(max_new_tokens=decoding.max_new_tokens)
            of_source = continue_item(model, *alone, packing, length, memory, None)
            continued = tuple(item.source)
        yield _generations(
            model, found, of_source, ROWS if scripts else packing, time.perf_counter() - started
        )


def _generations(
    model: Model, found: Continuations, source: Continuations, packing: Packing, seconds: float
) -> Generations:
    """Decode the continuations of an example's target and of its source."""
    texts = [
        model.tokenizer.decode(ids, skip_special_tokens=True) for ids in found.ids + source.ids
    ]
    return Generations(
        outputs=tuple(texts[1:-1]),
        token_ids=tuple(map(tuple, found.ids[1:])),
        vanilla=texts[0],
        source=texts[-1],
        packing=packing,
        forward_passes=found.forward_passes + source.forward_passes,
        token_forwards=found.token_forwards + source.token_forwards,
        source_tokens=found.source_tokens + source.token_forwards,  # all of it is the source's
        seconds=seconds,
        finite=tuple(found.finite[1:]),
        unchanged=tuple(found.unchanged[1:]),
        vanilla_finite=found.finite[0],
        source_finite=source.finite[0],
        vanilla_ids=tuple(found.ids[0]),
        certainty=tuple(tuple(map(TokenCertainty._make, row)) for row in found.certainty),
        writes=found.writes,
    )
