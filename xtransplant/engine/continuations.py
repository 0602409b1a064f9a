"""Greedy continuations of one example's target, its variants in chunks that fit into memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from xtransplant.engine.ask.cost import estimate_cost
from xtransplant.engine.ask.halving import Demand, run_in_chunks
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget, stored_bytes
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import Variants
from xtransplant.engine.compile.shared_prefix import KeysValues
from xtransplant.engine.outcome import UNPACKED, Writes, same
from xtransplant.engine.trace.batch import Batch
from xtransplant.engine.trace.decoding import Prefill, decode
from xtransplant.engine.trace.decoding_rows import NextTokens
from xtransplant.engine.trace.greedy import Certainty, end_ids
from xtransplant.engine.trace.later_edits import LaterEdits
from xtransplant.engine.trace.raw import generate_scripts, token_forwards
from xtransplant.engine.trace.rows import continue_rows
from xtransplant.engine.trace.sources import Sources
from xtransplant.engine.trace.through import keep_plain_cache
from xtransplant.model.model import Model
from xtransplant.packing import Layout, Packing
from xtransplant.strategies import Script

__all__ = ["Continuations", "continue_item", "continue_scripts"]


@dataclass(frozen=True)
class Continuations:
    """Of the target without a transplant (the first of each list), and of some variants.

    Attributes:
        ids: new token ids, up to and with the token that ended the text.
        finite: whether no step's logits held NaN or plus infinity.
        unchanged: whether ids and the first one's log-probability are those of the plain target.
        first_logprob: log-probability of the plain target's first new token, in nats.
        forward_passes: how many were run.
        token_forwards: how many times a token went through the whole model.
        source_tokens: those of them that are the source prompts'.
        certainty: one per token where asked for; else empty.
        writes: norms and cosines of what the variants write; None under a raw strategy.
    """

    ids: list[list[int]]
    finite: list[bool]
    unchanged: list[bool]
    first_logprob: float
    forward_passes: int
    token_forwards: float
    source_tokens: float = 0.0
    certainty: list[Certainty] = field(default_factory=list)
    writes: Writes | None = None

    def with_chunk(self, more: Continuations) -> Continuations:
        """These and another chunk's variants; the plain target ran with both and is kept once."""
        return Continuations(
            ids=self.ids + more.ids[1:],
            finite=self.finite + more.finite[1:],
            unchanged=self.unchanged + more.unchanged[1:],
            first_logprob=self.first_logprob,
            forward_passes=self.forward_passes + more.forward_passes,
            token_forwards=self.token_forwards + more.token_forwards,
            source_tokens=self.source_tokens + more.source_tokens,
            certainty=self.certainty + more.certainty[1:],
            writes=self.writes + more.writes if self.writes and more.writes else None,
        )


def continue_item(
    model: Model,
    item: Item,
    variants: Variants,
    packing: Packing,
    decoding: Decoding,
    memory: MemoryBudget,
    sources: Sources | None,
) -> Continuations:
    """Continue one example's target, plain and under every variant.

    Raises:
        XTransplantError: one variant alone does not fit into memory.
    """
    # How certain a token is takes the two most probable ones.
    top_k = 2 if decoding.with_certainty else 1
    batch = Batch(model, [item], variants, packing, top_k, sources, scored=False)
    cost = estimate_cost(model, item, variants, packing)
    total, n_new = len(variants.edits), decoding.max_new_tokens
    kept = variants.n_chain(len(item.target)) if packing.shared_prefix else len(item.target)
    demand = Demand(
        fixed=cost.fixed,
        each=cost.each + stored_bytes(model, kept + n_new),
        columns=cost.per_variant,
        unit="variants",
        too_large=(
            f"{model.name} runs out of memory on one variant of a prompt of {len(item.target)} "
            f"tokens and {n_new} new ones; use a smaller --dtype, fewer --max-new-tokens or "
            "--device-map auto"
        ),
    )

    def run(chunk: range) -> Continuations:
        if packing.shared_prefix:
            return _over_shared_prefix(batch, chunk, decoding, last=chunk.stop == total)
        return _by_row(batch, chunk, n_new)

    joined, *more = run_in_chunks(memory, demand, total, run)
    for chunk in more:
        joined = joined.with_chunk(chunk)
    return joined


def continue_scripts(
    model: Model,
    item: Item,
    scripts: Sequence[Script],
    max_new_tokens: int,
    plain: Continuations,
) -> Continuations:
    """Continue one example's target under a raw strategy.

    Args:
        model: a loaded model.
        item: the example.
        scripts: the strategy at each layer pair.
        max_new_tokens: of each continuation.
        plain: the target's continuation without a transplant, which the result begins with.
    """
    ids, tops = generate_scripts(model, item, scripts, max_new_tokens)
    # A script's prompt runs whole and unpacked: the plain run's sums are in another order.
    firsts = torch.stack([one[0] for one in tops])
    first = torch.tensor(plain.first_logprob)
    close = same(firsts, first, model.dtype, bits=False, roundings=UNPACKED).tolist()
    n_new = sum(map(len, ids))
    return Continuations(
        ids=[*plain.ids, *ids],
        finite=[*plain.finite, *(bool(one.isfinite().all()) for one in tops)],
        unchanged=[*plain.unchanged, *_unchanged(ids, plain.ids[0], close)],
        first_logprob=plain.first_logprob,
        forward_passes=plain.forward_passes + len(ids) + n_new,
        token_forwards=plain.token_forwards + token_forwards(item, len(scripts), n_new),
        source_tokens=plain.source_tokens + len(scripts) * len(item.source),
    )


def _by_row(batch: Batch, chunk: range, max_new_tokens: int) -> Continuations:
    """One variant per batch row, by the model's own ``generate``."""
    rows = continue_rows(batch, chunk, max_new_tokens)
    first = rows.certainty[0][0][0]
    # Rows of one batch run through one matrix product: what changes nothing is equal to the bit.
    equal = [row[0][0] == first for row in rows.certainty]
    finite = [all(math.isfinite(logprob) for logprob, _ in row) for row in rows.certainty]
    return Continuations(
        ids=rows.ids,
        finite=finite,
        unchanged=_unchanged(rows.ids, rows.ids[0], equal),
        first_logprob=first,
        forward_passes=rows.forward_passes,
        token_forwards=rows.token_forwards,
        source_tokens=rows.source_tokens,
        certainty=rows.certainty,
        writes=Writes.of(rows.write_counts, rows.writes),
    )


def _over_shared_prefix(
    batch: Batch, chunk: range, decoding: Decoding, *, last: bool
) -> Continuations:
    """All variants of a chunk over one KV cache of the prefix that they share."""
    model, n_new = batch.model, decoding.max_new_tokens
    blocks = [KeysValues() for _ in range(model.n_layers)]
    passes, tokens, of_source = batch.forward_passes, batch.token_forwards, batch.source_tokens
    outputs = batch.run(chunk, last=False, keep=blocks, n_new=n_new)
    layout, trunk = batch.layout, batch.trunk
    assert isinstance(layout, Layout)
    if last:
        batch.trunk = None
    keep_plain_cache(layout, blocks, batch.variants.through[chunk.start : chunk.stop])
    edits = batch.variants.edits[chunk.start : chunk.stop]
    top = outputs["top"][0]
    certainty = None
    if decoding.with_certainty:
        certainty = torch.stack([top[:, 0], top[:, 0] - top[:, 1]], 1).double().numpy()
    ids, finite = outputs["ids"][0, :, 0].numpy(), top[:, 0].isfinite().numpy()
    found = decode(
        model,
        Prefill(layout, trunk, blocks, NextTokens(ids, finite, certainty)),
        end_ids(model),
        max_new_tokens=n_new,
        share_histories=decoding.share_histories,
        later=LaterEdits(edits, batch.source, batch.fill) if batch.variants.acts_later else None,
    )
    return Continuations(
        ids=found.ids,
        finite=found.finite,
        unchanged=_unchanged(found.ids, found.ids[0], outputs["unchanged"][0].tolist()),
        first_logprob=float(top[0, 0]),
        forward_passes=batch.forward_passes - passes + found.steps,
        token_forwards=batch.token_forwards - tokens + found.token_forwards,
        source_tokens=batch.source_tokens - of_source,
        certainty=found.certainty,
        writes=Writes.of(outputs["write_counts"], outputs["writes"][0]),
    )


def _unchanged(
    ids: Sequence[Sequence[int]], plain: Sequence[int], first_equal: Sequence[bool]
) -> list[bool]:
    """Whether texts are the plain one, their first token as probable as there."""
    return [own == plain and equal for own, equal in zip(ids, first_equal, strict=True)]
