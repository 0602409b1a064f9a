"""Many examples and all their variants, as many at once as memory holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from xtransplant.engine.ask.cost import Cost, estimate_cost
from xtransplant.engine.ask.halving import Demand, run_fitting, run_in_chunks
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget, stored_bytes
from xtransplant.engine.ask.pruning import Opening, open_candidates
from xtransplant.engine.ask.variants import Variants
from xtransplant.engine.compile.shared_prefix import KeysValues
from xtransplant.engine.trace.batch import Batch
from xtransplant.engine.trace.later_tokens import Opened, finish_candidates
from xtransplant.engine.trace.session import Outputs
from xtransplant.engine.trace.sources import Sources
from xtransplant.model.model import Model
from xtransplant.packing import Layout, Packing

__all__ = ["BatchOutputs", "run_items", "sum_by_candidate"]


@dataclass(frozen=True)
class BatchOutputs:
    """What was read of a batch.

    Attributes:
        items: its examples.
        source, target: outputs of both, ``[n_examples, n_blocks, ...]`` each, as
            :meth:`xtransplant.engine.trace.batch.Batch.run` gives them (of the source, what was
            read of its logits and ``candidates``); of the target also ``more`` and ``bounds``
            ``[n_examples, n_blocks, n_candidates]``, what later tokens of candidates add to each
            log-likelihood, and which of them are upper bounds.
        forward_passes, token_forwards, source_tokens: as in
            :class:`xtransplant.engine.trace.batch.Batch`.
    """

    items: Sequence[Item]
    source: Outputs
    target: Outputs
    forward_passes: int
    token_forwards: float
    source_tokens: float


def run_items(
    model: Model,
    items: Sequence[Item],
    variants: Variants,
    packing: Packing,
    top_k: int,
    memory: MemoryBudget,
    sources: Sources | None,
) -> BatchOutputs:
    """All variants of as many of the first items as fit into memory at once: at least one.

    Several items run with all their variants in one pass; the variants of a single one are cut into
    chunks where memory asks for it. Where memory runs out, fewer items, then smaller chunks are
    tried.

    Args:
        model: reads the prompts.
        items: alike (see :func:`xtransplant.engine.ask.variants.alike`).
        variants: of each of them.
        packing: how they share work.
        top_k: how many of the most probable next tokens to read.
        memory: the budget to keep to.
        sources: what was read of source prompts before; None for nothing.

    Raises:
        XTransplantError: one variant alone does not fit.
    """
    total = len(variants.edits)
    pruned = [_opened(model, item, variants, packing) for item in items]
    first = [
        item if opening is None else opening.of(item)
        for item, opening in zip(items, pruned, strict=True)
    ]
    longest = max(first, key=lambda item: len(item.target))
    cost = estimate_cost(model, longest, variants, packing)
    each = cost.each + _kept_bytes(model, cost, pruned)
    too_large = (
        f"{model.name} runs out of memory on one variant of a prompt of {len(longest.target)} "
        "tokens; use a smaller --dtype, a shorter prompt or --device-map auto"
    )
    per_item = Demand(
        fixed=0.0,
        each=replace(cost, each=each).total(total),
        columns=cost.columns + total * cost.per_variant,
        unit="examples",
        too_large=too_large,
    )
    per_variant = Demand(cost.fixed, each, cost.per_variant, "variants", too_large)

    def run(count: int) -> BatchOutputs:
        batch = Batch(model, first[:count], variants, packing, top_k, sources)
        if count > 1:
            return _joined(batch, items, [_run_chunk(batch, range(total), items, pruned)])
        chunks = run_in_chunks(
            memory, per_variant, total, lambda chunk: _run_chunk(batch, chunk, items, pruned)
        )
        return _joined(batch, items, list(chunks))

    _, found = run_fitting(memory, per_item, memory.most(items) if packing.together else 1, run)
    return found


def _opened(model: Model, item: Item, variants: Variants, packing: Packing) -> Opening | None:
    # What is run on later knows of no edits but those of the prompt's pass.
    return open_candidates(model, item, len(variants.edits), packing) if variants.plain else None


def _kept_bytes(model: Model, cost: Cost, pruned: Sequence[Opening | None]) -> float:
    """Of one variant, keys and values that the prompt's pass leaves, and those of what runs on."""
    later = max((one.longest for one in pruned if one is not None), default=0)
    return 2 * stored_bytes(model, cost.per_variant + later) if later else 0.0


def _run_chunk(
    batch: Batch, chunk: range, items: Sequence[Item], pruned: Sequence[Opening | None]
) -> Outputs:
    """One chunk of the variants: their first tokens, then what later ones of candidates it takes.

    Beside what :meth:`Batch.run` gives, ``more`` and ``bounds`` ``[n_examples, n_blocks,
    n_candidates]``: what the later tokens add to each log-likelihood, and whether it is without
    some of them, and so an upper bound.
    """
    last = chunk.stop == len(batch.variants.edits)
    n_examples, most = len(batch.items), max(len(one.target_candidates) for one in batch.items)
    more = torch.zeros(n_examples, 1 + len(chunk), most, dtype=torch.float64)
    bounds = torch.zeros(more.shape, dtype=torch.bool)
    run = torch.ones(more.shape, dtype=torch.bool)
    longest = max((one.longest for one in pruned[:n_examples] if one is not None), default=0)
    if not longest:
        return {**batch.run(chunk, last=last), "more": more, "bounds": bounds}
    blocks = [KeysValues() for _ in range(batch.model.n_layers)]
    found = batch.run(chunk, last=False, keep=blocks, n_new=longest)
    assert isinstance(batch.layout, Layout)
    for place, opening in enumerate(pruned[:n_examples]):
        if opening is None:
            continue
        item = items[place]
        n_candidates = len(item.target_candidates)
        sums = sum_by_candidate(found, place, n_candidates)
        opened = Opened(
            batch.layout, place, batch.trunk, blocks, opening, item.target_candidates,
            item.lengths, sums.copy(),
        )  # fmt: skip
        finish_candidates(batch.model, opened)
        batch.forward_passes += opened.steps
        batch.token_forwards += opened.token_forwards
        more[place, :, :n_candidates] = torch.from_numpy(opened.sums - sums)
        run[place, :, :n_candidates] = torch.from_numpy(opened.done)
        bounds[place, :, :n_candidates] = torch.from_numpy(~opened.done | opening.ranked)
    if last:
        batch.trunk = None
    # Later tokens are compared where a variant has run them, as closely as two ways of packing are:
    # the prompt's own run in rows of another kind.
    tolerance = 3 * torch.finfo(batch.model.dtype).eps ** 0.5
    equal = ((more - more[:, :1]).abs() <= tolerance) | ~run
    return {
        **found, "more": more, "bounds": bounds, "unchanged": found["unchanged"] & equal.all(-1)
    }  # fmt: skip


def _joined(batch: Batch, items: Sequence[Item], chunks: Sequence[Outputs]) -> BatchOutputs:
    """The outputs of all chunks; the prompt without a transplant is taken from the first."""
    assert batch.source.outputs is not None
    first = chunks[0]
    target = {
        name: torch.cat([first[name][:, :1], *(chunk[name][:, 1:] for chunk in chunks)], dim=1)
        for name in ("edges", "top", "ids", "unchanged", "more", "bounds")
    }
    for name in ("writes", "write_counts"):
        target[name] = torch.cat([chunk[name] for chunk in chunks], dim=-1)
    target["candidates"] = first["candidates"]
    own = items[: len(batch.items)]
    return BatchOutputs(
        own, batch.source.outputs, target,
        batch.forward_passes, batch.token_forwards, batch.source_tokens,
    )  # fmt: skip


def sum_by_candidate(
    outputs: Outputs, place: int, n_candidates: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Log-likelihoods ``[n_blocks, n_candidates]`` of one example: sums over a candidate's tokens.

    Args:
        outputs: ``edges`` ``[n_examples, n_blocks, n_edges]``, log-probability of each token of the
            candidates, and ``candidates`` ``[n_examples, n_edges]``, which candidate it is of (-1:
            padding); what ``more`` has of them, if it is there, is added.
        place: which example.
        n_candidates: how many it has.
    """
    edges, owners = outputs["edges"][place].double(), outputs["candidates"][place]
    sums = torch.zeros(len(edges), n_candidates, dtype=torch.float64)
    sums = sums.index_add(1, owners[owners >= 0], edges[:, owners >= 0])
    if "more" in outputs:
        sums += outputs["more"][place, :, :n_candidates]
    return sums.numpy()
