"""How many examples or variants run at once, and their variants in chunks where memory asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from xtransplant.engine.ask.memory import Room, is_out_of_memory
from xtransplant.engine.ask.variants import Item, Variants, cost_of
from xtransplant.engine.trace.batch import Batch
from xtransplant.engine.trace.session import Outputs
from xtransplant.engine.trace.sources import Sources
from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model
from xtransplant.packing import Packing

__all__ = ["BatchOutputs", "room_for", "run_items"]


@dataclass(frozen=True)
class BatchOutputs:
    """What was read of a batch.

    Attributes:
        items: its examples.
        source, target: outputs of both, ``[n_examples, n_blocks, ...]`` each, as
            :meth:`xtransplant.engine.trace.batch.Batch.run` gives them (the source's have
            ``candidates`` alone beside what was read).
        forward_passes, token_forwards: as in :class:`xtransplant.engine.trace.batch.Batch`.
    """

    items: Sequence[Item]
    source: Outputs
    target: Outputs
    forward_passes: int
    token_forwards: float


def room_for(
    model: Model, items: Sequence[Item], variants: Variants, packing: Packing, room: Room
) -> int:
    """How many of some items, alike, run at once with all their variants: at least one."""
    if not packing.together:
        return 1
    cost, n_variants = cost_of(model, _longest(items), variants, packing), len(variants.edits)
    columns = cost.columns + n_variants * cost.per_variant
    return room.fits(0, cost.total(n_variants), len(items), columns)


def run_items(
    model: Model,
    items: Sequence[Item],
    variants: Variants,
    packing: Packing,
    top_k: int,
    room: Room,
    sources: Sources | None,
) -> BatchOutputs:
    """All variants of some items that are alike.

    Several items run with all their variants at once; the variants of a single one are cut into
    chunks where memory asks for it. Where memory runs out the room is halved: a single item goes
    on with smaller chunks, several raise for the caller to take fewer.

    Args:
        model: reads the prompts.
        items: the examples.
        variants: of each of them.
        packing: how they share work.
        top_k: how many of the most probable next tokens to read.
        room: the memory to keep to.
        sources: what was read of source prompts before; None for nothing.

    Raises:
        XTransplantError: one variant alone does not fit.
    """
    batch = Batch(model, items, variants, packing, top_k, sources)
    cost, total = cost_of(model, _longest(items), variants, packing), len(variants.edits)
    several = len(items) > 1
    chunks: list[Outputs] = []
    done = 0
    while done < total:
        count = total
        if not several:
            count = room.fits(cost.fixed, cost.each, total - done, cost.per_variant)
        try:
            chunks.append(batch.run(range(done, done + count), last=done + count == total))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if count == 1 and not several:
                raise XTransplantError(
                    f"{model.name} runs out of memory on one variant of a prompt of "
                    f"{len(items[0].target)} tokens; use a smaller --dtype, a shorter prompt or "
                    "--device-map auto"
                ) from error
            what = f"{len(items)} examples" if several else f"{count} variants"
            room.halve(len(items) * (cost.fixed + cost.each * count), what)
            if several:
                raise
            continue
        done += count
    assert batch.source.outputs is not None
    target = _joined(chunks)
    return BatchOutputs(
        items, batch.source.outputs, target, batch.forward_passes, batch.token_forwards
    )


def _joined(chunks: Sequence[Outputs]) -> Outputs:
    """The outputs of all chunks; the prompt without a transplant is taken from the first."""
    first = chunks[0]
    joined = {
        name: torch.cat([first[name][:, :1], *(chunk[name][:, 1:] for chunk in chunks)], dim=1)
        for name in ("edges", "top", "ids", "unchanged")
    }
    for name in ("writes", "write_counts"):
        joined[name] = torch.cat([chunk[name] for chunk in chunks], dim=-1)
    return {**joined, "candidates": first["candidates"]}


def _longest(items: Sequence[Item]) -> Item:
    """The one whose cost stands for all."""
    return max(items, key=lambda item: len(item.target))
