"""Counting arrays of judgements: rates, intervals, the upper bound and its null, the best pair."""

from xtransplant.stats.rates import Rate, macro, micro, spread
from xtransplant.stats.selection import choose_pair, count_hits, sum_hits
from xtransplant.stats.tally import Tally, combine, tally

__all__ = [
    "Rate",
    "Tally",
    "choose_pair",
    "combine",
    "count_hits",
    "macro",
    "micro",
    "spread",
    "sum_hits",
    "tally",
]  # fmt: skip
