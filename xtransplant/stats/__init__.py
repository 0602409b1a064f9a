"""Counting records: rates and their intervals, the upper bound and its null, the pair chosen."""

from xtransplant.stats.rates import Rate, macro, micro, spread
from xtransplant.stats.summary import Summary, summarise
from xtransplant.stats.tally import Tally, choose_pair, tally, together

__all__ = [
    "Rate", "Summary", "Tally", "choose_pair", "macro", "micro", "spread", "summarise", "tally",
    "together",
]  # fmt: skip
