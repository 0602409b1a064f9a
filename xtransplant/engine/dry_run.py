"""What a grid would come to if it ran elsewhere: counted, written down, and not sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtransplant.backends.dry import NotSent
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.variants import Variants
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.engine.trace.batch import Batch
from xtransplant.engine.trace.raw import token_forwards
from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model
from xtransplant.packing import ROWS, Packing
from xtransplant.strategies import Variant, parted

__all__ = ["Sketch", "likely_packing", "sketch"]


@dataclass(frozen=True)
class Sketch:
    """A grid that was not run.

    Attributes:
        token_forwards: how many times a token would go through the whole model; at most, where
            texts are generated, since they may end before their longest.
        payload: bytes of its first job; most grids are one.
    """

    token_forwards: float
    payload: int


def likely_packing(model: Model) -> Packing:
    """The packing that a model most likely runs with elsewhere; there it is verified."""
    return ROWS if model.unpackable else Packing(growing=True)


def sketch(
    model: Model,
    item: Item,
    variants: Sequence[Variant],
    *,
    generates: bool = False,
    max_new_tokens: int = 20,
) -> Sketch:
    """Count one example's grid.

    Args:
        model: loaded with a backend that is dry.
        generates: texts instead of scores.

    Raises:
        XTransplantError: what a strategy's functions hold cannot be sent.
    """
    if not model.backend.is_dry:
        raise XTransplantError(f"{model.name} would run: load it with backend=Dry()")
    packing, memory = likely_packing(model), MemoryBudget.of(model)
    recorded, scripts = parted(variants)
    tokens = Batch(model, [item], Variants.of(recorded), packing, 1, None).planned()
    tokens += token_forwards(item, len(scripts), len(scripts))
    if generates:
        tokens += (len(variants) + 2) * max_new_tokens
    try:
        if generates:
            found = generate_items(
                model, [item], variants, packing=packing, max_new_tokens=max_new_tokens,
                memory=memory,
            )  # fmt: skip
            next(found)
        else:
            next(score_items(model, [item], variants, packing=packing, memory=memory))
    except NotSent as unsent:
        return Sketch(tokens, unsent.size)
    raise AssertionError("it was sent")
