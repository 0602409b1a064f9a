"""Shares over several languages, with errors over items: an item is in all of them, and alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.stats.gains import by_item, clustered_stderr
from xtransplant.stats.rates import Mean, Rate

__all__ = ["OverItems", "over_items"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class OverItems:
    """How often something is right in some languages together.

    Attributes:
        micro: all examples.
        macro: the mean over languages.
    """

    micro: Rate
    macro: Mean


def over_items(languages: Sequence[tuple[Array, Array]]) -> OverItems:
    """Both averages with standard errors clustered by item.

    That of all examples is :func:`~xtransplant.stats.gains.clustered_stderr`'s. That of the mean
    over L languages is ``sqrt(C / (C - 1) * sum over items of (sum over the item's examples of
    (x - mean of its language) / (n of its language * L))^2)``. With one language both are those of
    independent examples.

    Args:
        languages: of each, ``[examples]`` what is right, bool, and ``[examples]`` what tells items
            apart.
    """
    some = [(right, items) for right, items in languages if len(right)]
    if not some:
        return OverItems(Rate(0, 0), Mean(math.nan, math.nan))
    right, items = (np.concatenate(column) for column in zip(*some, strict=True))
    sums, counts = by_item(right.astype(np.int64), items)
    share, n_items = float(right.mean()), len(counts)
    variance = clustered_stderr(sums, counts) ** 2
    # Of as many independent examples the standard error of a mean would be the same one.
    spread = share * (1 - share)
    effective = 1 + spread / variance if variance > 0 else math.inf if spread else float(n_items)
    means = np.array([own.mean() for own, _ in some])
    apart = [
        (own - mean) / (len(own) * len(some)) for (own, _), mean in zip(some, means, strict=True)
    ]
    residuals = by_item(np.concatenate(apart), items)[0]
    error = math.nan
    if n_items > 1:
        error = math.sqrt(n_items / (n_items - 1) * float(residuals @ residuals))
    else:
        effective = 1.0
    return OverItems(
        Rate(int(right.sum()), len(right), effective), Mean(float(means.mean()), error)
    )
