"""What one grid would come to if it ran elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.dry_run import dry_run_grid, likely_packing
from xtransplant.model.load import Model
from xtransplant.packing import ROWS
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy
from xtransplant.strategies.travel import collect_functions, find_concerns

__all__ = ["DryTrace", "dry_trace"]


@dataclass(frozen=True)
class DryTrace:
    """A grid that was not run.

    Attributes:
        variants: layer pairs.
        source_tokens, target_tokens: of the two prompts.
        token_forwards: how many times a token goes through the whole model; at most, where texts
            are generated.
        payload: bytes of the job.
        packing: how variants would share their work; it is verified over there.
        concerns: what of the strategy's own functions would not survive the trip.
    """

    model: str
    strategy: str
    variants: int
    source_tokens: int
    target_tokens: int
    token_forwards: float
    payload: int
    packing: str
    concerns: tuple[str, ...]


def dry_trace(
    model: Model,
    example: Example,
    strategy: Strategy,
    *,
    source_layers: Sequence[int],
    target_layers: Sequence[int],
    generations: bool = False,
    max_new_tokens: int = 20,
    chat_template: bool = False,
) -> DryTrace:
    """Count a grid, write its job down, and look at what would travel with it.

    Args:
        model: loaded with a backend that is dry.
        example: source and target prompt, with candidates.
        strategy: a strategy.
        source_layers: layers to read, from 0.
        target_layers: layers to write, from 0.
        generations: count generated texts.
        max_new_tokens: length of the longest continuation.
        chat_template: pass prompts through the checkpoint's chat template.

    Raises:
        XTransplantError: an unusable prompt, candidate or strategy; functions that cannot travel.
    """
    shape = shape_of(model)
    variants = [strategy.variant(shape, i, j) for i, j in product(source_layers, target_layers)]
    item = item_of(model, example, chat_template=chat_template)
    found = find_concerns(collect_functions(variants))
    decoding = Decoding(max_new_tokens) if generations else None
    one = dry_run_grid(model, item, variants, decoding)
    return DryTrace(
        model=model.name,
        strategy=str(strategy),
        variants=len(variants),
        source_tokens=len(item.source),
        target_tokens=len(item.target),
        token_forwards=one.token_forwards,
        payload=one.payload,
        packing=str(ROWS if strategy.raw else likely_packing(model)),
        concerns=tuple(map(str, found)),
    )
