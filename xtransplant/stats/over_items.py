"""Shares over several languages, with errors over items: an item is in all of them, and alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from xtransplant.stats.gains import by_item, clustered_stderr
from xtransplant.stats.rates import Mean, Rate

__all__ = ["Judged", "OverItems", "clustered", "over_both", "over_items"]

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
    means = np.array([own.mean() for own, _ in some])
    apart = [
        (own - mean) / (len(own) * len(some)) for (own, _), mean in zip(some, means, strict=True)
    ]
    residuals, n_items = by_item(np.concatenate(apart), items)[0], len(counts)
    error = math.nan
    if n_items > 1:
        error = math.sqrt(n_items / (n_items - 1) * float(residuals @ residuals))
    every = Rate(
        int(right.sum()), len(right), _effective(sums, counts),
        error=clustered_stderr(sums, counts),
    )  # fmt: skip
    return OverItems(every, Mean(float(means.mean()), error))


def clustered(rate: Rate, right: Array, items: Array) -> Rate:
    """A rate of one language with its error over items, where some of them have several examples.

    Args:
        rate: as it is where each example is an item of its own, or where it counts others.
        right: ``[examples]``, bool.
        items: ``[examples]``, what tells items apart.
    """
    if len(right) != rate.n or len(np.unique(items)) == len(items):
        return rate
    return over_items([(right, items)]).micro


def _effective(sums: Array, counts: Array) -> float:
    """Of how many independent examples an interval is as wide: n over the design effect.

    The design effect is what items' variance is of that of independent examples (Kish, Survey
    Sampling, 1965), at least 1. Of few items, or of a share near 0 or 1, it hangs on the one or two
    that differ from the rest, and is far too small where these happen to do so in one language. So
    it is taken with two items more, one right and one wrong in all its languages, as Agresti and
    Coull's interval takes a share with four examples more, two of them right. Where all languages
    answer alike, as many as there are items; with one language, as many as there are examples.
    """
    n, n_items = int(counts.sum()), len(counts)
    if n_items < 2:
        return float(n_items)
    size = n / n_items
    sums, counts = np.concatenate([sums, [size, 0]]), np.concatenate([counts, [size, size]])
    every = float(counts.sum())
    share = float(sums.sum()) / every
    residuals = sums - counts * share
    return n / max(1.0, float(residuals @ residuals) / (every * share * (1 - share)))


class Judged(NamedTuple):
    """What is right by other examples' answers, in one language.

    Attributes:
        hits: ``[examples, draws]``, bool.
        items: ``[examples]``, what tells items apart.
        others: ``[examples, draws]``, likewise the item whose answer each was judged by.
    """

    hits: Array
    items: Array
    others: Array


def over_both(languages: Sequence[Judged], every: Rate, mean: Mean) -> OverItems:
    """Means of judged nulls, with errors over the items that are judged and those that judge.

    The variance is the sum of that clustered by the one and that clustered by the other, without
    that of both, which two-way clustering takes off (Cameron, Gelbach and Miller, Journal of
    Business and Economic Statistics 29, 2011, 238-249): so it is never too small, and below by
    little. How common an answer is all examples share that it judges, in all languages.

    Args:
        languages: of each, over the examples of which it is known.
        every: the mean over all examples.
        mean: the mean over languages.
    """
    some = [one for one in languages if len(one.hits)]
    if not some:
        return OverItems(every, mean)
    n = sum(one.hits.size for one in some)
    share = sum(int(one.hits.sum()) for one in some) / n
    of_all = [(one.hits - share) / n for one in some]
    of_mean = [(one.hits - one.hits.mean()) / (one.hits.size * len(some)) for one in some]
    judged = np.concatenate([np.repeat(one.items, one.hits.shape[1]) for one in some])
    judges = np.concatenate([one.others.ravel() for one in some])
    error, error_of_mean = (
        math.sqrt(
            sum(_variance(np.concatenate([own.ravel() for own in parts]), of)
                for of in (judged, judges))
        )
        for parts in (of_all, of_mean)
    )  # fmt: skip
    return OverItems(replace(every, error=error), Mean(mean.value, error_of_mean))


def _variance(residuals: Array, items: Array) -> float:
    """Of a mean whose residuals these are, already over n; NaN of one item."""
    sums = by_item(residuals, items)[0]
    return len(sums) / (len(sums) - 1) * float(sums @ sums) if len(sums) > 1 else math.nan
