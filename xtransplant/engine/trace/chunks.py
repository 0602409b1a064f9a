"""Many examples and all their variants, as many at once as memory holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from xtransplant.engine.ask.cost import estimate_cost
from xtransplant.engine.ask.halving import Demand, run_fitting, run_in_chunks
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.variants import Variants
from xtransplant.engine.trace.batch import Batch
from xtransplant.engine.trace.session import Outputs
from xtransplant.engine.trace.sources import Sources
from xtransplant.model.model import Model
from xtransplant.packing import Packing

__all__ = ["BatchOutputs", "run_items"]


@dataclass(frozen=True)
class BatchOutputs:
    """What was read of a batch.

    Attributes:
        items: its examples.
        source, target: outputs of both, ``[n_examples, n_blocks, ...]`` each, as
            :meth:`xtransplant.engine.trace.batch.Batch.run` gives them (of the source, what was
            read of its logits and ``candidates``).
        forward_passes, token_forwards: as in :class:`xtransplant.engine.trace.batch.Batch`.
    """

    items: Sequence[Item]
    source: Outputs
    target: Outputs
    forward_passes: int
    token_forwards: float


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
    longest, total = max(items, key=lambda item: len(item.target)), len(variants.edits)
    cost = estimate_cost(model, longest, variants, packing)
    too_large = (
        f"{model.name} runs out of memory on one variant of a prompt of {len(longest.target)} "
        "tokens; use a smaller --dtype, a shorter prompt or --device-map auto"
    )
    per_item = Demand(
        fixed=0.0,
        each=cost.total(total),
        columns=cost.columns + total * cost.per_variant,
        unit="examples",
        too_large=too_large,
    )
    per_variant = Demand(cost.fixed, cost.each, cost.per_variant, "variants", too_large)

    def run(count: int) -> BatchOutputs:
        batch = Batch(model, items[:count], variants, packing, top_k, sources)
        if count > 1:
            return _joined(batch, [batch.run(range(total), last=True)])
        chunks = run_in_chunks(
            memory, per_variant, total, lambda chunk: batch.run(chunk, last=chunk.stop == total)
        )
        return _joined(batch, list(chunks))

    _, found = run_fitting(memory, per_item, len(items) if packing.together else 1, run)
    return found


def _joined(batch: Batch, chunks: Sequence[Outputs]) -> BatchOutputs:
    """The outputs of all chunks; the prompt without a transplant is taken from the first."""
    assert batch.source.outputs is not None
    first = chunks[0]
    target = {
        name: torch.cat([first[name][:, :1], *(chunk[name][:, 1:] for chunk in chunks)], dim=1)
        for name in ("edges", "top", "ids", "unchanged")
    }
    for name in ("writes", "write_counts"):
        target[name] = torch.cat([chunk[name] for chunk in chunks], dim=-1)
    target["candidates"] = first["candidates"]
    return BatchOutputs(
        batch.items, batch.source.outputs, target, batch.forward_passes, batch.token_forwards
    )
