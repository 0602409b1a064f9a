"""Shares of examples that are right, and how far they can be trusted."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Rate", "macro", "micro", "spread"]


_Z95 = 1.959963984540054  # normal quantile of 0.975


@dataclass(frozen=True)
class Rate:
    """``right`` of ``n`` examples; of a null a mean over several counts, or NaN if not known."""

    right: float
    n: int

    @property
    def value(self) -> float:
        """Between 0 and 1; NaN where there is no example."""
        return self.right / self.n if self.n else math.nan

    @property
    def stderr(self) -> float:
        """Standard error of the mean, ``sqrt(p (1 - p) / (n - 1))``, as lm-evaluation-harness."""
        return math.sqrt(self.value * (1 - self.value) / (self.n - 1)) if self.n > 1 else math.nan

    @property
    def ci95(self) -> tuple[float, float]:
        """Wilson's score interval (JASA 22, 1927), which stays between 0 and 1.

        Written out: scipy's ``binomtest`` gives the same, and takes a minute for a run's grids.
        """
        if math.isnan(self.value):
            return math.nan, math.nan
        z2, p, n = _Z95**2, self.value, self.n
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)


def micro(rates: Sequence[Rate]) -> Rate:
    """All examples together, whatever their language."""
    return Rate(sum(rate.right for rate in rates), sum(rate.n for rate in rates))


def macro(rates: Sequence[Rate]) -> tuple[float, float]:
    """The mean over languages, and its standard error as that of a mean of independent means."""
    values = [rate.value for rate in rates]
    if not values:
        return math.nan, math.nan
    error = math.sqrt(sum(rate.stderr**2 for rate in rates)) / len(rates)
    return statistics.fmean(values), error


def spread(rates: Sequence[Rate]) -> float:
    """Standard deviation over languages; NaN for fewer than two, or if one is not known."""
    values = [rate.value for rate in rates]
    if len(values) < 2 or any(map(math.isnan, values)):
        return math.nan
    return statistics.stdev(values)
