"""Running a grid: one strategy at every layer pair of one example, or of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product, repeat, tee
from typing import NamedTuple, TypedDict, Unpack

from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.layers import existing_layers
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import record_variants
from xtransplant.engine.generate import generate_items
from xtransplant.engine.outcome import Generations, Scores
from xtransplant.engine.score import score_items
from xtransplant.engine.trace.sources import Sources
from xtransplant.engine.verify import packing_for
from xtransplant.grid.grid import Grid
from xtransplant.model.model import Model
from xtransplant.packing import ROWS, Packing
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy, find_strategy
from xtransplant.strategies.script import Variant
from xtransplant.strategies.travel import check_travel

__all__ = ["GridOptions", "transplant", "transplant_many"]

_RAW_NOTE = "a raw strategy runs one variant after another"


class GridOptions(TypedDict, total=False):
    """Keywords of :func:`transplant` and :func:`transplant_many`, which say what each means."""

    source_layers: Sequence[int] | None
    target_layers: Sequence[int] | None
    scores: bool
    generations: bool
    max_new_tokens: int
    chat_template: bool
    top_k: int
    memory_budget: int | None


@dataclass(frozen=True)
class _Settings:
    """:class:`GridOptions` with their defaults."""

    source_layers: Sequence[int] | None = None
    target_layers: Sequence[int] | None = None
    scores: bool = True
    generations: bool = False
    max_new_tokens: int = 20
    chat_template: bool = False
    top_k: int = 5
    memory_budget: int | None = None


def transplant(
    model: Model, example: Example, strategy: Strategy | str, **options: Unpack[GridOptions]
) -> Grid:
    """One example's grid: every source layer into every target layer.

    Args:
        model: from :func:`xtransplant.load`.
        example: its two prompts, with candidates to score and the right answer if there are any.
        strategy: a strategy, its name, or the path of its file.
        **options: by keyword, each with a default:

            - ``source_layers``, ``target_layers``: numbers of the layers to read and to write,
              from 0; all.
            - ``scores`` (True): score the candidates and the next token.
            - ``generations`` (False): generate a continuation in each cell, greedily.
            - ``max_new_tokens`` (20): of each continuation.
            - ``chat_template`` (False): pass both prompts through the checkpoint's chat template.
            - ``top_k`` (5): how many of the most probable next tokens to report.
            - ``memory_budget``: bytes that the work may take beyond the model; half of what is
              free on its device.

    Raises:
        XTransplantError: an unusable prompt, candidate, layer or strategy, or too little memory
            for one variant.
    """
    return next(transplant_many(model, [example], strategy, **options))


def transplant_many(
    model: Model,
    examples: Iterable[Example],
    strategy: Strategy | str,
    *,
    sources: Sources | None = None,
    **options: Unpack[GridOptions],
) -> Iterator[Grid]:
    """:func:`transplant` of many examples, in order; scores of several run together.

    Args:
        model: as in :func:`transplant`.
        examples: taken as they are needed, a bounded number ahead.
        strategy: as in :func:`transplant`.
        sources: activations read from source prompts before, so that they are not read again; pass
            the same object to calls with other strategies or targets.
        **options: as in :func:`transplant`.

    Raises:
        XTransplantError: as in :func:`transplant`, when the grid concerned is asked for.
    """
    chosen = find_strategy(strategy) if isinstance(strategy, str) else strategy
    kept = Sources() if sources is None else sources
    return _grids(model, examples, chosen, _Settings(**options), kept)


def _grids(
    model: Model,
    examples: Iterable[Example],
    strategy: Strategy,
    settings: _Settings,
    sources: Sources,
) -> Iterator[Grid]:
    from_layers, to_layers, left_out = existing_layers(
        model, strategy, settings.source_layers, settings.target_layers
    )
    pairs = list(product(from_layers, to_layers))

    def results() -> Iterator[_Result]:
        for own, variants in _by_languages(model, examples, strategy, pairs):
            packing = packing_for(model).packing
            yield from _results(model, own, variants, packing, settings, sources)

    for found in results():
        check = packing_for(model)
        longest = max(len(found.item.source), len(found.item.target))
        note = _RAW_NOTE if strategy.raw else check.note_for(longest)
        yield Grid(
            model=model.name,
            strategy=str(strategy),
            example=found.example,
            source_layers=from_layers,
            target_layers=to_layers,
            scores=found.scores,
            generations=found.generations,
            packing=ROWS if strategy.raw else check.packing,
            note="; ".join(part for part in (note, left_out) if part),
        )


def _by_languages(
    model: Model, examples: Iterable[Example], strategy: Strategy, pairs: list[tuple[int, int]]
) -> Iterator[tuple[Iterable[Example], list[Variant]]]:
    """Examples with the variants of each: these depend on languages where something is fitted."""
    groups: Iterable[tuple[tuple[str, str], Iterable[Example]]] = [(("", ""), examples)]
    if strategy.is_fitted:
        groups = groupby(examples, key=lambda one: (one.source_lang, one.target_lang))
    for langs, own in groups:
        variants = record_variants(model, strategy.for_languages(*langs), pairs)
        if model.backend.travels:
            check_travel(variants)
        yield own, variants


class _Result(NamedTuple):
    """What the engine found for one example; None for what it was not asked for."""

    example: Example
    item: Item
    scores: Scores | None
    generations: Generations | None


def _results(
    model: Model,
    examples: Iterable[Example],
    variants: Sequence[Variant],
    packing: Packing,
    settings: _Settings,
    sources: Sources,
) -> Iterator[_Result]:
    """Scores and generations side by side, in one pass over the examples."""
    memory = MemoryBudget.of(model, settings.memory_budget)
    for_items, for_results = tee(examples)
    items = (item_of(model, one, chat_template=settings.chat_template) for one in for_items)
    to_score, to_generate, to_return = tee(items, 3)
    scores: Iterator[Scores | None] = repeat(None)
    generations: Iterator[Generations | None] = repeat(None)
    if settings.scores:
        scores = score_items(
            model, to_score, variants, packing=packing, top_k=settings.top_k, memory=memory,
            sources=sources,
        )  # fmt: skip
    if settings.generations:
        generations = generate_items(
            model, to_generate, variants, packing=packing,
            decoding=Decoding(settings.max_new_tokens), memory=memory, sources=sources,
        )  # fmt: skip
    for example, item in zip(for_results, to_return, strict=True):
        yield _Result(example, item, next(scores), next(generations))
