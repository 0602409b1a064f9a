"""Counting: against counting by hand, and against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest

from xtransplant.stats import Rate, choose_pair, macro, micro, spread, tally, together

grids = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape))
)


def count(right, other):
    """A tally of ``[examples, sources, targets]``, its rows in any order."""
    n, rows, columns = right.shape
    k, i, j = (axis.ravel() for axis in np.indices((n, rows, columns)))
    order = np.random.default_rng(0).permutation(len(k))
    return tally(k[order], i[order], j[order], right.ravel()[order], other.ravel()[order])


@given(grids)
def test_counts_are_those_of_the_grid(grid):
    right, other = grid
    found = count(right, other)
    assert found.n == len(right)
    assert found.hits == {pair: right[:, *pair].sum() for pair in np.ndindex(right.shape[1:])}
    assert found.overall.right == right.any((1, 2)).sum()
    assert found.overall.null == other.any((1, 2)).sum()
    for i in range(right.shape[1]):
        assert found.by_source[i].right == right[:, i].any(1).sum()
    for j in range(right.shape[2]):
        assert found.by_target[j].null == other[:, :, j].any(1).sum()


@given(grids)
def test_an_upper_bound_is_one(grid):
    found = count(*grid)
    best = found.hits[found.best]
    assert best <= min(found.by_source[found.best[0]].right, found.by_target[found.best[1]].right)
    assert max(b.right for b in found.by_source.values()) <= found.overall.right <= found.n
    # By the answers of other examples, from the right ones' own view, the two change places.
    assert count(*grid[::-1]).overall.right == found.overall.null


@given(grids)
def test_languages_together_are_their_sums(grid):
    one = count(*grid)
    two = together([one, one])
    assert two.overall.right == 2 * one.overall.right
    assert two.best == one.best
    assert two.rate(two.best).value == one.rate(one.best).value


def test_ties_go_to_the_smallest_target_then_the_largest_source():
    assert choose_pair({(0, 1): 3, (2, 1): 3, (1, 1): 3, (5, 2): 3, (4, 0): 2}) == (2, 1)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_scipys(counts):
    rate = Rate(*counts)
    theirs = binomtest(*counts).proportion_ci(0.95, method="wilson")
    assert rate.ci95 == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_averages():
    rates = [Rate(1, 2), Rate(9, 10)]
    assert micro(rates).value == pytest.approx(10 / 12)
    assert macro(rates)[0] == pytest.approx(0.7)
    assert spread(rates) == pytest.approx(math.sqrt(0.08))
    assert Rate(9, 10).stderr == pytest.approx(np.std([1] * 9 + [0], ddof=1) / math.sqrt(10))
    assert math.isnan(Rate(0, 0).value)
