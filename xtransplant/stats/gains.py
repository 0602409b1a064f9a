"""What changed between two runs on the same examples: flips, and the gain with its errors.

An example stands in several languages, and what a model does with it in one goes with what it does
in another: so errors and intervals are over *items*, each with all of its languages.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

__all__ = ["Gain", "bound_gain", "by_item", "clustered_stderr", "gain", "mcnemar", "sign_flip_p"]

Array = np.ndarray[Any, Any]
N_DRAWS = 9999


@dataclass(frozen=True)
class Gain:
    """Paired answers, added up by item.

    Attributes:
        fixed: how many examples were wrong before and right after.
        broken: how many the other way round.
        n: how many there are.
        sums: ``[items]``, fixed minus broken of each item.
        counts: ``[items]``, how many examples (languages) it has.
        knowledge: what is left of it without flips in format (``stats.flips``); None where no text
            was said, or where it is not known.
        error: its standard error where errors over items would be too small, as the pair was
            chosen on the same items; see ``stats.cross_fit``.
    """

    fixed: int
    broken: int
    n: int
    sums: Array
    counts: Array
    knowledge: Gain | None = None
    error: Callable[[], float] | None = None

    @property
    def unchanged(self) -> int:
        """As right, or as wrong, as before."""
        return self.n - self.fixed - self.broken

    @property
    def value(self) -> float:
        """Share of right answers after, minus before; NaN without an example."""
        return (self.fixed - self.broken) / self.n if self.n else math.nan

    @property
    def stderr(self) -> float:
        """Standard error, clustered by item; see :func:`clustered_stderr`."""
        return clustered_stderr(self.sums, self.counts) if self.error is None else self.error()

    @cached_property
    def ci95(self) -> tuple[float, float]:
        """95% by the paired bootstrap over items (BCa, 9,999 seeded draws, scipy).

        1.96 standard errors to either side, within -1 and 1, where ``error`` gives these. NaN where
        nothing could be drawn that differs: fewer than two items, or all of one gain.
        """
        if self.error is not None:
            reach = 1.96 * self.stderr or math.nan
            if math.isnan(reach):
                return math.nan, math.nan
            return max(-1.0, self.value - reach), min(1.0, self.value + reach)
        shares = self.sums / self.counts
        if len(shares) < 2 or np.ptp(shares) == 0:
            return math.nan, math.nan
        from scipy.stats import bootstrap

        data, batch = (self.sums, self.counts), max(1, 2_000_000 // len(self.sums))
        for method in ("BCa", "percentile"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # BCa says that it is degenerate, and gives NaN
                found = bootstrap(
                    data, lambda s, n, axis: s.sum(axis) / n.sum(axis), paired=True, batch=batch,
                    n_resamples=N_DRAWS, method=method, rng=np.random.default_rng(0),
                ).confidence_interval  # fmt: skip
            if not (math.isnan(found.low) or math.isnan(found.high)):
                break
        return float(found.low), float(found.high)

    @cached_property
    def p(self) -> float:
        """:func:`sign_flip_p` over its items; normal where ``error`` gives a standard error."""
        if self.error is None:
            return sign_flip_p(self.sums)
        if not self.stderr:  # all draws are alike: what is said is said by the items themselves
            return sign_flip_p(self.sums)
        return math.erfc(abs(self.value) / self.stderr / math.sqrt(2))

    @property
    def told_from_0(self) -> bool:
        """Whether it is at all: its interval leaves 0 out, and p is at most 0.05.

        Of a few flips that all go one way a bootstrap leaves 0 out sooner than they are unlikely:
        4 of 4 of 100 examples do, and p is 0.125. Where there is no interval p alone says it.
        """
        return self.p <= 0.05 and not self.ci95[0] <= 0 <= self.ci95[1]


def sign_flip_p(sums: Array) -> float:
    """The exact two-sided sign-flip test that what items gain is as likely lost; 1 if none does.

    Without an effect each item's sum is as likely minus itself, with all its languages together; p
    is how often the total of sums with random signs is as far from 0 as it is, over all signs,
    counted by convolution. Where each item has one example it is McNemar's exact test.

    Args:
        sums: ``[items]``, whole numbers: fixed minus broken of each.
    """
    sizes = np.abs(sums[sums != 0]).astype(np.int64)
    if not len(sizes):
        return 1.0
    shares = np.ones(1)  # of each total, from -reach to reach in steps of one
    for size in np.sort(sizes):
        flipped = np.zeros(len(shares) + 2 * size)
        flipped[: len(shares)] += shares / 2
        flipped[2 * size :] += shares / 2
        shares = flipped
    totals = np.arange(len(shares)) - sizes.sum()
    return min(1.0, float(shares[np.abs(totals) >= abs(int(sums.sum()))].sum()))


@lru_cache(4096)
def mcnemar(fixed: int, broken: int) -> float:
    """McNemar's exact test of fixed against broken, two-sided; 1 where nothing flipped.

    It takes examples for independent, as they are in one language alone.
    """
    from scipy.stats import binomtest

    return float(binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0


def gain(before: Array, after: Array, items: Array | None = None) -> Gain:
    """Right answers after against before.

    Args:
        before: ``[examples]``, bool.
        after: ``[examples]``, bool, the same ones.
        items: ``[examples]``, what tells items apart (numbers or names); an example with the same
            one in another language is the same item. By default each is its own.
    """
    fixed, broken = after & ~before, before & ~after
    sums, counts = by_item(fixed.astype(np.int64) - broken.astype(np.int64), items)
    return Gain(int(fixed.sum()), int(broken.sum()), len(before), sums, counts)


def bound_gain(right: Array, null: Array, items: Array | None = None) -> Gain:
    """The upper bound of a grid over that of its null grid, paired by example.

    Args:
        right: ``[examples, cells]``, bool.
        null: ``[examples, cells]``, bool, of the same examples and cells.
        items: as in :func:`gain`.
    """
    some, some_null = (np.logical_or.reduce(one, axis=1) for one in (right, null))
    return gain(some_null, some, items)


def by_item(values: Array, items: Array | None = None) -> tuple[Array, Array]:
    """``[items, ...]`` and ``[items]``: values summed over each item's examples, and their number.

    Args:
        values: ``[examples, ...]``.
        items: as in :func:`gain`.
    """
    if items is None:
        return values, np.ones(len(values), dtype=np.int64)
    names, at = np.unique(items, return_inverse=True)
    sums = np.zeros((len(names), *values.shape[1:]), dtype=values.dtype)
    np.add.at(sums, at, values)
    return sums, np.bincount(at, minlength=len(names))


def clustered_stderr(sums: Array, counts: Array) -> float:
    """Standard error of a mean over examples that are alike within an item.

    ``sqrt(C / (C - 1) * sum over items of (sum over its examples of (x - mean))^2) / n`` (Miller,
    arXiv 2411.00640, with the C / (C - 1) of Inspect's). NaN for fewer than two items.

    Args:
        sums: ``[items]``, x summed over each item's examples.
        counts: ``[items]``, how many they are.
    """
    n, n_items = int(counts.sum()), len(counts)
    if n_items < 2:
        return math.nan
    residuals = sums - counts * (sums.sum() / n)
    return math.sqrt(n_items / (n_items - 1) * float(residuals @ residuals)) / n
