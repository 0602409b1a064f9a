"""Shares of examples that are right, with their errors, intervals and averages."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Mean", "Rate", "macro", "micro", "spread"]

_Z95 = 1.959963984540054  # normal quantile of 0.975, scipy.special.ndtri(0.975)


@dataclass(frozen=True)
class Rate:
    """``right`` of ``n`` examples.

    Attributes:
        right: of a judged null the mean of several counts, NaN if it is unknown.
        n: examples.
        effective: how many independent examples would tell as much, where those that there are go
            together (``stats.over_items``); by default all of them are independent.
        error: its standard error, where examples go together.
        judged: of a judged null: of how many examples it is known; ``right`` takes the rest to do
            as these, errors and intervals are of these alone. All by default.
    """

    right: float
    n: int
    effective: float | None = None
    judged: int | None = None
    error: float | None = None

    @property
    def known(self) -> int:
        """Of how many examples it is known."""
        return self.n if self.judged is None else self.judged

    @property
    def value(self) -> float:
        """Between 0 and 1; NaN where there is no example."""
        return self.right / self.n if self.n else math.nan

    @property
    def stderr(self) -> float:
        """Standard error of the mean, ``sqrt(p (1 - p) / (n - 1))``, as lm-evaluation-harness.

        Of examples that go together :attr:`error`. NaN for fewer than two.
        """
        if self.error is not None:
            return self.error
        p, n = self.value, self.known
        return math.sqrt(p * (1 - p) / (n - 1)) if n > 1 else math.nan

    @property
    def ci95(self) -> tuple[float, float]:
        """Wilson's score interval at 95%, which stays between 0 and 1; NaN without an example.

        With ``z`` the normal quantile of 0.975 (E. B. Wilson, JASA 22, 1927, 209-212)::

            (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

        Of examples that go together n is :attr:`effective` (Dean and Pagano, Journal of Survey
        Statistics and Methodology 3, 2015, 484-503).

        scipy's ``binomtest(...).proportion_ci(method="wilson")`` gives the same, with an exact test
        beside it: 1 ms each, a minute for the cells of a run. A test compares the two.
        """
        if math.isnan(self.value):
            return math.nan, math.nan
        z2, p, n = _Z95**2, self.value, self.known if self.effective is None else self.effective
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)


def micro(rates: Sequence[Rate]) -> Rate:
    """All examples together, whatever their language."""
    known = None if all(one.judged is None for one in rates) else sum(one.known for one in rates)
    right, n = sum(rate.right for rate in rates), sum(rate.n for rate in rates)
    return Rate(right, n, judged=known)


class Mean(NamedTuple):
    """A mean of rates, between 0 and 1, and its standard error; NaN where there is none."""

    value: float
    stderr: float


def macro(rates: Sequence[Rate]) -> Mean:
    """The mean over languages, with the standard error of a mean of independent means.

    That is ``sqrt(sum of squared standard errors) / number of languages``; languages without an
    example are left out.
    """
    rates = [rate for rate in rates if rate.n]
    if not rates:
        return Mean(math.nan, math.nan)
    error = math.sqrt(sum(rate.stderr**2 for rate in rates)) / len(rates)
    return Mean(statistics.fmean(rate.value for rate in rates), error)


def spread(rates: Sequence[Rate]) -> float:
    """Sample standard deviation over languages; NaN for fewer than two, or where one is NaN."""
    values = [rate.value for rate in rates if rate.n]
    if len(values) < 2 or any(map(math.isnan, values)):
        return math.nan
    return statistics.stdev(values)
