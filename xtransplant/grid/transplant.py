"""Running a grid: one strategy at every layer pair of one example, or of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product, repeat, tee

from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import Generations, generate_items
from xtransplant.engine.score import Scores, score_items
from xtransplant.engine.trace.sources import Sources
from xtransplant.engine.verify import packing_for
from xtransplant.errors import XTransplantError
from xtransplant.grid.grid import Grid
from xtransplant.model.load import Model
from xtransplant.packing import ROWS
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy, find_strategy
from xtransplant.strategies.travel import check_travel

__all__ = ["transplant", "transplant_many"]


def transplant(
    model: Model,
    example: Example,
    strategy: Strategy | str,
    *,
    source_layers: Sequence[int] | None = None,
    target_layers: Sequence[int] | None = None,
    scores: bool = True,
    generations: bool = False,
    max_new_tokens: int = 20,
    chat_template: bool = False,
    top_k: int = 5,
    memory_budget: int | None = None,
) -> Grid:
    """One example's grid: every source layer into every target layer.

    Args:
        strategy: a strategy, its name, or the path of its file.
        source_layers, target_layers: which layers, from 0; all by default.
        scores: score the candidates and the next token.
        generations: generate a continuation in each cell.
        max_new_tokens: of each continuation.
        chat_template: pass both prompts through the checkpoint's chat template.
        top_k: how many next tokens to report.
        memory_budget: bytes that the work may take beyond the model; by default half of what is
            free on its device.

    Raises:
        XTransplantError: an unusable prompt, candidate, layer or strategy, or too little memory
            for one variant.
    """
    grids = transplant_many(
        model, [example], strategy, source_layers=source_layers, target_layers=target_layers,
        scores=scores, generations=generations, max_new_tokens=max_new_tokens,
        chat_template=chat_template, top_k=top_k, memory_budget=memory_budget,
    )  # fmt: skip
    return next(grids)


def transplant_many(
    model: Model,
    examples: Iterable[Example],
    strategy: Strategy | str,
    *,
    source_layers: Sequence[int] | None = None,
    target_layers: Sequence[int] | None = None,
    scores: bool = True,
    generations: bool = False,
    max_new_tokens: int = 20,
    chat_template: bool = False,
    top_k: int = 5,
    memory_budget: int | None = None,
    sources: Sources | None = None,
) -> Iterator[Grid]:
    """:func:`transplant` of many examples, in order; scores of several run together.

    Examples are taken as they are needed, a bounded number ahead.

    Args:
        sources: what was read of source prompts before, so that it is not read again; give the
            same object to calls with other strategies or targets.
    """
    chosen = find_strategy(strategy) if isinstance(strategy, str) else strategy
    everything = range(model.n_layers)
    from_layers = tuple(everything if source_layers is None else source_layers)
    to_layers = tuple(everything if target_layers is None else target_layers)
    for name, layers in (("source", from_layers), ("target", to_layers)):
        wrong = [layer for layer in layers if layer not in everything]
        if wrong or not layers:
            raise XTransplantError(
                f"{name} layers {list(wrong)} are out of range: "
                f"{model.name} has layers 0 to {model.n_layers - 1}"
            )
    shape = shape_of(model)
    variants = [chosen.variant(shape, i, j) for i, j in product(from_layers, to_layers)]
    if model.server is not None:
        check_travel(variants)
    check, memory = packing_for(model), MemoryBudget.of(model, memory_budget)
    sources = Sources() if sources is None else sources
    # One pass over the examples feeds scores, generations and grids.
    for_items, for_grids = tee(examples)
    items = (item_of(model, one, chat_template=chat_template) for one in for_items)
    for_scores, for_texts, for_notes = tee(items, 3)
    scored: Iterator[Scores | None] = repeat(None)
    said: Iterator[Generations | None] = repeat(None)
    if scores:
        scored = score_items(
            model, for_scores, variants, packing=check.packing, top_k=top_k, memory=memory,
            sources=sources,
        )  # fmt: skip
    if generations:
        said = generate_items(
            model, for_texts, variants, packing=check.packing, max_new_tokens=max_new_tokens,
            memory=memory, sources=sources,
        )  # fmt: skip
    for example, item in zip(for_grids, for_notes, strict=True):
        longest = max(len(item.source), len(item.target))
        note = "a raw strategy runs one variant after another"
        yield Grid(
            model=model.name,
            strategy=str(chosen),
            example=example,
            source_layers=from_layers,
            target_layers=to_layers,
            scores=next(scored),
            generations=next(said),
            packing=ROWS if chosen.raw else check.packing,
            note=note if chosen.raw else check.note_for(longest),
        )
