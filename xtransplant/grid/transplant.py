"""Running a grid: one strategy at every layer pair of one example, or of many; or a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby, product, repeat, tee
from typing import Any, NamedTuple, TypedDict, Unpack, overload

from xtransplant.engine.ask.in_sample import fitted_on
from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.layers import layers_of_all
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import record_sweep
from xtransplant.engine.generate import generate_items
from xtransplant.engine.outcome import Generations, Scores
from xtransplant.engine.score import score_items
from xtransplant.engine.trace.sources import Sources
from xtransplant.engine.verify import packing_for
from xtransplant.errors import XTransplantError
from xtransplant.grid.grid import Grid
from xtransplant.grid.swept import SweptGrid
from xtransplant.model.given import check_model
from xtransplant.model.model import Model
from xtransplant.packing import ROWS, Packing
from xtransplant.prompts import Example, as_example
from xtransplant.strategies import Strategy, Sweep
from xtransplant.strategies.registry import as_strategy
from xtransplant.strategies.script import Variant
from xtransplant.strategies.travel import check_travel
from xtransplant.text import nearest

__all__ = ["GridOptions", "transplant", "transplant_many"]

_RAW_NOTE = "a raw strategy runs one variant after another"


Prompts = Example | tuple[str, str]


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


def _settings(options: GridOptions, sweep: Sweep) -> _Settings:
    """The keywords given.

    Raises:
        XTransplantError: one that is none, such as an option of the strategy.
    """
    known = [field.name for field in fields(_Settings)]
    for name in options:
        if name not in known:
            own = name in {option.name for option in sweep.strategy.options}
            advice = (
                f"bind it to the strategy, with_options({name}=...)"
                if own
                else f"its keywords are {', '.join(known)}"
            )
            raise XTransplantError(
                f"transplant has no keyword {name!r}{nearest(name, known)}: {advice}"
            )
    return _Settings(**options)


@overload
def transplant(
    model: Model, example: Prompts, strategy: Strategy | str, **options: Unpack[GridOptions]
) -> Grid: ...


@overload
def transplant(
    model: Model, example: Prompts, strategy: Sweep, **options: Unpack[GridOptions]
) -> SweptGrid: ...


def transplant(
    model: Model, example: Prompts, strategy: Strategy | Sweep | str, **options: Unpack[GridOptions]
) -> Grid | SweptGrid:
    """One example's grid: every source layer into every target layer.

    Of a sweep, ``find_strategy("blend").sweep(weight=[0, 0.5, 1])``, that at every value, all of
    them in the same forward passes.

    Args:
        model: from :func:`xtransplant.load`.
        example: its two prompts, with candidates to score and the right answer if there are any; a
            tuple ``(source, target)`` where there are none.
        strategy: a strategy, its name, or the path of its file; or a sweep.
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
        XTransplantError: no model, an unusable prompt, candidate, layer or strategy, or too little
            memory for one variant.
    """
    # A call for each, as each has an overload of its own.
    if isinstance(strategy, Sweep):
        return next(transplant_many(model, [example], strategy, **options))
    return next(transplant_many(model, [example], strategy, **options))


@overload
def transplant_many(
    model: Model,
    examples: Iterable[Prompts],
    strategy: Strategy | str,
    *,
    sources: Sources | None = None,
    **options: Unpack[GridOptions],
) -> Iterator[Grid]: ...


@overload
def transplant_many(
    model: Model,
    examples: Iterable[Prompts],
    strategy: Sweep,
    *,
    sources: Sources | None = None,
    **options: Unpack[GridOptions],
) -> Iterator[SweptGrid]: ...


def transplant_many(
    model: Model,
    examples: Iterable[Prompts],
    strategy: Strategy | Sweep | str,
    *,
    sources: Sources | None = None,
    **options: Unpack[GridOptions],
) -> Iterator[Grid] | Iterator[SweptGrid]:
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
    check_model(model)
    chosen = as_strategy(strategy)
    if isinstance(examples, Example):
        raise XTransplantError("transplant_many takes a list of examples, as in [example], not one")
    kept = Sources() if sources is None else sources
    sweep = chosen if isinstance(chosen, Sweep) else Sweep(chosen)
    found = _grids(model, map(as_example, examples), sweep, _settings(options, sweep), kept)
    if not isinstance(chosen, Sweep):
        return (grids[0] for grids in found)
    values = tuple(one.bound for one in sweep.strategies)
    return (SweptGrid(str(sweep), sweep.axes, grids, values) for grids in found)


def _grids(
    model: Model, examples: Iterable[Example], sweep: Sweep, settings: _Settings, sources: Sources
) -> Iterator[tuple[Grid, ...]]:
    """Of each example, a grid for each of the sweep's strategies, all run together."""
    from_layers, to_layers, left_out = layers_of_all(
        model, sweep.strategies, settings.source_layers, settings.target_layers
    )
    names = [str(strategy) for strategy in sweep.strategies]
    pairs, raw = list(product(from_layers, to_layers)), sweep.strategy.raw
    size = len(pairs)

    def results() -> Iterator[_Result]:
        for own, variants in _by_languages(model, examples, sweep, pairs):
            packing = packing_for(model).packing
            yield from _results(model, own, variants, packing, settings, sources)

    for found in results():
        check = packing_for(model)
        longest = max(len(found.item.source), len(found.item.target))
        note = _RAW_NOTE if raw else check.note_for(longest)
        whole = Grid(
            model=model.name,
            strategy="",
            example=found.example,
            source_layers=from_layers,
            target_layers=to_layers,
            scores=found.scores,
            generations=found.generations,
            packing=ROWS if raw else check.packing,
            note="; ".join(part for part in (note, left_out) if part),
            fitted_on=fitted_on(sweep.strategies, found.example),
        )
        yield tuple(
            replace(whole, strategy=name, **_part(found, k * size, (k + 1) * size))
            for k, name in enumerate(names)
        )


def _part(found: _Result, start: int, stop: int) -> dict[str, Any]:
    """The results of some consecutive variants."""
    return {
        "scores": found.scores and found.scores.part(start, stop),
        "generations": found.generations and found.generations.part(start, stop),
    }


def _by_languages(
    model: Model, examples: Iterable[Example], sweep: Sweep, pairs: list[tuple[int, int]]
) -> Iterator[tuple[Iterable[Example], list[Variant]]]:
    """Examples with the variants of each: these depend on languages where something is fitted."""
    groups: Iterable[tuple[tuple[str, str], Iterable[Example]]] = [(("", ""), examples)]
    if sweep.strategy.is_fitted:
        groups = groupby(examples, key=lambda one: (one.source_lang, one.target_lang))
    for langs, own in groups:
        variants = record_sweep(model, sweep.for_languages(*langs), pairs)
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
