"""Arrays of judgements in, numbers out: rates, gains, bounds and nulls, tests, choosing a pair."""

from xtransplant.stats.cell_tests import CellTests, compare_cells
from xtransplant.stats.cross_fit import CrossFit, choice_frequencies, cross_fit
from xtransplant.stats.gains import Gain, bound_gain, clustered_stderr, gain
from xtransplant.stats.rates import Rate, macro, micro, spread
from xtransplant.stats.recovery import Recovery, recovery
from xtransplant.stats.selection import choose_pair, count_hits, sum_hits
from xtransplant.stats.share import Share, gain_share
from xtransplant.stats.tally import Tally, combine, tally
from xtransplant.stats.union import sampled_curve, union_curve, union_of_counts

__all__ = [
    "CellTests",
    "CrossFit",
    "Gain",
    "Rate",
    "Recovery",
    "Share",
    "Tally",
    "bound_gain",
    "choice_frequencies",
    "choose_pair",
    "clustered_stderr",
    "combine",
    "compare_cells",
    "count_hits",
    "cross_fit",
    "gain",
    "gain_share",
    "macro",
    "micro",
    "recovery",
    "sampled_curve",
    "spread",
    "sum_hits",
    "tally",
    "union_curve",
    "union_of_counts",
]  # fmt: skip
