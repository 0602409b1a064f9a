"""Layers that a strategy does not depend on: a grid over them is one row, or column, repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from xtransplant.engine.ask.variants import shape_of
from xtransplant.errors import MissingSite
from xtransplant.model.model import Model
from xtransplant.strategies import Strategy
from xtransplant.strategies.script import Variant

__all__ = ["no_effect"]

Pair = tuple[int, int]
_ENDS = (
    ("i", "rows", "--source-layers", "diagonal"),
    ("j", "columns", "--target-layers", "target-first"),
)


def no_effect(model: Model, strategies: Sequence[Strategy], pairs: Iterable[Pair]) -> str:
    """That ``i`` or ``j`` has no effect, and what to do, in a line; empty if both have.

    Args:
        model: has the layers.
        strategies: one, or those of a sweep; it has to hold for all.
        pairs: of a grid. Those that do not exist are passed over.
    """
    every = list(pairs)
    if any(one.raw for one in strategies):
        return ""  # what a script does is not known before it runs
    for end, (name, rows, flag, pairs_flag) in enumerate(_ENDS):
        number = len({pair[end] for pair in every})
        if number > 1 and all(_alike(model, one, every, end) for one in strategies):
            return (
                f"{name} has no effect: {strategies[0].name} does the same at every {name}, so "
                f"that the {number} {rows} of a grid are alike; run one, {flag} 0 "
                f"(in a bench or pilot: --pairs {pairs_flag})"
            )
    return ""


def _alike(model: Model, strategy: Strategy, pairs: Sequence[Pair], end: int) -> bool:
    """Whether a strategy records the same whatever one end of the pair is."""
    shape = shape_of(model)
    groups: dict[int, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair[1 - end], []).append(pair)
    # Of a diagonal no two pairs say what one end does.
    return any(len(own) > 1 for own in groups.values()) and all(
        _one_kind(_recorded(lambda pair: strategy.variant(shape, *pair), own))
        for own in groups.values()
    )


def _recorded(record: Callable[[Pair], Variant], pairs: Sequence[Pair]) -> Iterator[Variant]:
    for pair in pairs:
        try:
            yield record(pair)
        except MissingSite:
            continue


def _one_kind(variants: Iterator[Variant]) -> bool:
    first = next(variants, None)
    return all(one == first for one in variants)
