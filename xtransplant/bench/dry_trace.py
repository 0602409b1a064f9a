"""What one grid would come to if it ran elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from xtransplant.bench.trace_config import TracePlan
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.layers import layers_of_all
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import record_sweep
from xtransplant.engine.dry_run import dry_run_grid, likely_packing
from xtransplant.model.model import Model
from xtransplant.packing import ROWS
from xtransplant.strategies.travel import collect_functions, find_concerns

__all__ = ["DryTrace", "dry_trace"]


@dataclass(frozen=True)
class DryTrace:
    """A grid that was not run.

    Attributes:
        variants: layer pairs; of a sweep, at each of its values.
        source_tokens, target_tokens: of the two prompts.
        token_forwards: how many times a token goes through the whole model; at most, where texts
            are generated.
        payload: bytes of the job.
        packing: how variants would share their work; it is verified where it runs.
        concerns: what of the strategy's own functions could not be sent to a server.
        left_out: how many layer pairs do not exist and why, in a line; empty if all do.
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
    left_out: str = ""


def dry_trace(plan: TracePlan, model: Model) -> DryTrace:
    """Count a grid, serialize its job without sending it, and look at what would be sent with it.

    Args:
        plan: the grid.
        model: loaded with a backend that is dry.

    Raises:
        XTransplantError: layers that the model has not, an unusable prompt, candidate or strategy,
            or functions that cannot be sent.
    """
    config = plan.config
    source_layers, target_layers = plan.layers(model.n_layers)
    from_layers, to_layers, left_out = layers_of_all(
        model, config.sweep.strategies, source_layers, target_layers
    )
    variants = record_sweep(model, config.sweep, product(from_layers, to_layers))
    item = item_of(model, plan.example, chat_template=config.chat_template)
    found = find_concerns(collect_functions(variants))
    decoding = Decoding(config.max_new_tokens) if config.generations else None
    estimate = dry_run_grid(model, item, variants, decoding)
    return DryTrace(
        model=model.name,
        strategy=str(config.sweep),
        variants=len(variants),
        source_tokens=len(item.source),
        target_tokens=len(item.target),
        token_forwards=estimate.token_forwards,
        payload=estimate.payload,
        packing=str(ROWS if config.sweep.strategy.raw else likely_packing(model)),
        concerns=tuple(map(str, found)),
        left_out=left_out,
    )
