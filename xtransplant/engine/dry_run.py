"""Dry run: what a grid would take in another process; its session is serialised and not sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xtransplant.backends.protocol import NotSent
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import Variants
from xtransplant.engine.generate import generate_items
from xtransplant.engine.outcome import Generations, Scores
from xtransplant.engine.score import score_items
from xtransplant.engine.trace.batch import Batch
from xtransplant.engine.trace.raw import token_forwards
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.packing import ROWS, Packing
from xtransplant.strategies import Variant, split_scripts
from xtransplant.strategies.aligned import aligned_edits, names_aligned

__all__ = ["GridEstimate", "dry_run_grid", "likely_packing"]


@dataclass(frozen=True)
class GridEstimate:
    """What a grid that was not run would take.

    Attributes:
        token_forwards: how many times a token would go through the whole model; an upper bound
            where texts are generated, since they may end before their maximal length.
        payload: bytes of the first session that would be sent; most grids are one.
    """

    token_forwards: float
    payload: int


def likely_packing(model: Model) -> Packing:
    """The packing that a model most likely runs with elsewhere, where it is verified."""
    return ROWS if model.unpackable else Packing(growing=True)


def dry_run_grid(
    model: Model,
    item: Item,
    variants: Sequence[Variant],
    decoding: Decoding | None = None,
) -> GridEstimate:
    """Count one example's grid, and serialise its first job without sending it.

    Args:
        model: loaded with a backend that is dry.
        item: the example.
        variants: what a strategy recorded at each layer pair.
        decoding: generate texts this way; score candidates where it is None.

    Raises:
        XTransplantError: what a strategy's functions hold cannot be sent.
    """
    if not model.backend.is_dry:
        raise XTransplantError(f"{model.name} would run: load it with backend=Dry()")
    packing, memory = likely_packing(model), MemoryBudget.of(model)
    recorded, scripts = split_scripts(variants)
    if names_aligned(recorded):
        recorded = aligned_edits(recorded, item.aligned)
    tokens = Batch(model, [item], Variants.of(recorded), packing, 1, None).planned()
    tokens += token_forwards(item, len(scripts), len(scripts))
    found: Iterator[Scores] | Iterator[Generations]
    if decoding is None:
        found = score_items(model, [item], variants, packing=packing, memory=memory)
    else:
        # The target without a transplant and the source are continued too.
        tokens += (len(variants) + 2) * decoding.max_new_tokens
        found = generate_items(
            model, [item], variants, packing=packing, decoding=decoding, memory=memory
        )
    try:
        next(found)
    except NotSent as unsent:
        return GridEstimate(tokens, unsent.size)
    raise AssertionError("a dry backend has sent a job")
