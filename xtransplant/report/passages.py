"""Errors of one language where several examples are one item, as the questions of a passage are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xtransplant.report.set_items import answers_of, members
from xtransplant.report.sets import are_known
from xtransplant.report.summary import LanguageCounts
from xtransplant.runs.columns import CORRECT
from xtransplant.stats.over_items import clustered
from xtransplant.stats.rates import Rate

__all__ = ["OfLayers", "over_passages"]

_Layers = tuple[int | None, int | None]
"""Of a pair, or of a bound over all layers of one or both; None stands for any."""

OfLayers = Callable[[Rate, _Layers, str], Rate]
"""Of a rate, the layers it counts and its set of examples: the same with its error over items."""


def over_passages(counts: LanguageCounts, name: str, level: str) -> OfLayers:
    """Of records, what gives a rate of theirs its error over items.

    A rate stays as it is where each example is an item of its own, or where not all that it counts
    have answers to count by.

    Args:
        counts: the language's.
        name: of the records; ``vanilla`` and ``source`` for the two prompts.
        level: ``strict``, ``match`` or ``lenient``.

    Returns:
        A function of the rate, of the source and target layer that it counts, and of the set of
        examples (``gap`` or ``shared``), or "" for all.
    """
    at = CORRECT.index(level)
    own = answers_of(counts, name)
    if own is None or len(np.unique(items := counts.items[own.examples])) == len(items):
        return lambda rate, layers, which: rate
    among: dict[str, np.ndarray[Any, Any]] = {"": np.ones(len(items), dtype=np.bool_)}
    if are_known(counts, level):
        among |= members(counts, own, at)

    def found(rate: Rate, layers: _Layers, which: str) -> Rate:
        if which not in among:
            return rate
        right = own.some(at, source=layers[0], target=layers[1])[among[which]]
        return clustered(rate, right, items[among[which]])

    return found
