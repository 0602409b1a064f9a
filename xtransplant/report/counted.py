"""What of a grid a row of a table counts: a pair, or a bound; in counts, and in the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.report.summary import NO_PAIR
from xtransplant.stats.answers import Answers
from xtransplant.stats.rates import Rate
from xtransplant.stats.selection import Pair
from xtransplant.stats.tally import Bound, Tally, combine

__all__ = ["ONE_CELL", "Counted", "Picked", "at_pair", "at_pairs", "best_of", "bound", "same"]

Picked = Callable[[str, Answers, int], np.ndarray[Any, Any]]
"""Of a language, its answers and a level's number: which examples are right, ``[examples]``."""


@dataclass(frozen=True)
class Counted:
    """The same thing said of counts and of answers, whichever is known.

    Attributes:
        rate: of a language and its counts, how often it is right.
        null: likewise by other examples' answers.
        right: of a language, its answers and a level's number, which examples are right.
    """

    rate: Callable[[str, Tally], Rate]
    null: Callable[[str, Tally], Rate]
    right: Picked


def at_pair(pair: Pair) -> Counted:
    """One pair, in every language the same."""
    return Counted(
        lambda _, one: one.rate(pair),
        lambda _, one: one.null(pair),
        lambda _, one, level: one.at(pair, level),
    )


def at_pairs(pairs: Mapping[str, Pair]) -> Counted:
    """Of each language its own pair."""
    return Counted(
        lambda lang, one: one.rate(pairs[lang]),
        lambda lang, one: one.null(pairs[lang]),
        lambda lang, one, level: one.at(pairs[lang], level),
    )


def best_of(grid: Mapping[str, Tally]) -> Counted:
    """The pair that a grid gets right most often: each null grid has its own."""
    return at_pair(combine(list(grid.values())).best)


def same(counted: Counted) -> Callable[[Mapping[str, Tally]], Counted]:
    """Of every grid the same, a strategy's and its null grids'."""
    return lambda _: counted


def bound(source: int | None = None, target: int | None = None) -> Counted:
    """Whether some pair is right.

    Args:
        source: the one source layer of the pairs; any by default.
        target: the one target layer; any by default. Not both are named.
    """

    def of(one: Tally) -> Bound:
        if source is not None:
            return one.by_source[source]
        return one.overall if target is None else one.by_target[target]

    def null(_: str, one: Tally) -> Rate:
        return Rate(of(one).null, one.n, judged=of(one).judged)

    return Counted(
        lambda _, one: Rate(of(one).right, one.n),
        null,
        lambda _, one, level: one.some(level, source=source, target=target),
    )


ONE_CELL = at_pair(NO_PAIR)
"""Of a prompt without a transplant, or a baseline."""
