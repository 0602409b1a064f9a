"""What part of one gain another is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xtransplant.stats.gains import N_DRAWS, Gain

__all__ = ["Share", "gain_share"]


@dataclass(frozen=True)
class Share:
    """A ratio of two gains.

    Attributes:
        value: NaN where the whole is not told from 0, or below it.
        ci95: percentiles of a bootstrap over items; NaN likewise.
    """

    value: float
    ci95: tuple[float, float]


def gain_share(part: Gain, whole: Gain, seed: int = 0) -> Share:
    """``part / whole``, both drawn with the same items.

    It is defined where the whole is above 0 and told from it: a ratio to what may be nothing says
    nothing.

    Args:
        part: a gain.
        whole: of the same examples, over the same.
        seed: of the draws, 9,999.

    Raises:
        ValueError: they are not of the same items.
    """
    if not np.array_equal(part.counts, whole.counts):
        raise ValueError("two gains of other items")
    none = Share(math.nan, (math.nan, math.nan))
    if not (whole.value > 0 and whole.told_from_0):
        return none
    n, rng = len(whole.sums), np.random.default_rng(seed)
    both = np.stack([part.sums, whole.sums], axis=1)  # [items, 2]
    drawn = np.concatenate(  # [draws, 2]
        [rng.multinomial(n, np.full(n, 1 / n), size=len(some)) @ both
         for some in np.array_split(np.arange(N_DRAWS), max(1, N_DRAWS * n // 2**24))]
    )  # fmt: skip
    # A draw without a whole is of either sign's infinity, or of no size: it widens the interval.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = drawn[:, 0] / drawn[:, 1]
    low, high = np.nanquantile(ratios, [0.025, 0.975], method="inverted_cdf")
    return Share(float(part.sums.sum() / whole.sums.sum()), (float(low), float(high)))
