"""A grid counted, against counting by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xtransplant.stats import combine, tally
from xtransplant.stats.rates import Rate

grids = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.uint8, shape))
)


def count(right, other, drawn=None):
    """A tally of ``[examples, sources, targets]``, its rows in any order."""
    n, rows, columns = right.shape
    k, i, j = (axis.ravel() for axis in np.indices((n, rows, columns)))
    order = np.random.default_rng(0).permutation(len(k))
    drawn = None if drawn is None else drawn[k[order]]
    return tally(k[order], i[order], j[order], right.ravel()[order], other.ravel()[order], drawn)


def null_of(other):
    """Of ``[examples, ...]`` masks: how many examples some pair gets right, by each derangement."""
    by_bit = [((other >> bit) & 1).reshape(len(other), -1).any(1).sum() for bit in range(8)]
    return pytest.approx(sum(by_bit) / 8)


@given(grids)
def test_counts_are_those_of_the_grid(grid):
    right, other = grid
    found = count(right, other)
    assert found.n == len(right)
    assert found.hits == {pair: right[:, *pair].sum() for pair in np.ndindex(right.shape[1:])}
    assert found.overall.right == right.any((1, 2)).sum()
    assert found.overall.null == null_of(other)
    for i in range(right.shape[1]):
        assert found.by_source[i].right == right[:, i].any(1).sum()
        assert found.by_source[i].null == null_of(other[:, i])
    for j in range(right.shape[2]):
        assert found.by_target[j].right == right[:, :, j].any(1).sum()
        assert found.by_target[j].null == null_of(other[:, :, j])


@given(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1), st.integers(1, 3))
def test_a_bound_says_of_how_many_pairs_that_were_run(pairs, n):
    rows = np.array([(k, i, j) for k in range(n) for i, j in sorted(pairs)])
    nothing = np.zeros(len(rows))
    found = tally(*rows.T, nothing.astype(bool), nothing.astype(np.uint8))
    several = combine([found, found])
    assert (found.n, several.n) == (n, 2 * n)
    assert set(found.hits) == set(several.hits) == pairs
    assert found.overall.cells == several.overall.cells == len(pairs)
    for layer, bound in found.by_source.items():
        assert bound.cells == sum(i == layer for i, _ in pairs)
    for layer, bound in found.by_target.items():
        assert bound.cells == sum(j == layer for _, j in pairs)


@given(grids)
def test_an_upper_bound_is_one(grid):
    found = count(*grid)
    best = found.hits[found.best]
    assert best <= min(found.by_source[found.best[0]].right, found.by_target[found.best[1]].right)
    assert max(b.right for b in found.by_source.values()) <= found.overall.right <= found.n
    # Where every derangement says what the examples say themselves, the null is the bound.
    same = count(grid[0], np.where(grid[0], 255, 0).astype(np.uint8))
    assert same.overall.null == same.overall.right == found.overall.right


@given(grids, st.data())
def test_examples_without_another_answer_are_left_out_of_the_null(grid, data):
    right, other = grid
    known = data.draw(arrays(np.bool_, len(right)))
    found = count(right, other, np.where(known, 255, 0).astype(np.uint8))
    assert found.overall.right == right.any((1, 2)).sum()
    if not known.any():
        assert math.isnan(found.overall.null)
        assert math.isnan(combine([found, count(right, other)]).overall.null)
        return
    # For all examples as for those that have one.
    share = count(right[known], other[known]).overall.null / known.sum()
    assert found.overall.null == pytest.approx(share * len(right))


@given(grids, st.data())
def test_the_null_goes_by_the_derangements_that_count(grid, data):
    right, other = grid
    drawn = data.draw(arrays(np.uint8, len(right)))
    found = count(right, other, drawn)
    n_drawn = sum(int(one).bit_count() for one in drawn)
    if not n_drawn:
        assert math.isnan(found.overall.null)
        return
    any_pair = np.bitwise_or.reduce(other.reshape(len(other), -1), axis=1) & drawn
    expected = sum(int(one).bit_count() for one in any_pair) / n_drawn
    assert found.overall.null == pytest.approx(expected * len(right))


def test_pairs_that_were_not_run_are_not_counted():
    # 0→0 of both examples, 1→1 of the second alone.
    some = tally(*map(np.array, ([0, 1, 1], [0, 0, 1], [0, 0, 1])),
                 np.array([True, False, True]), np.array([0, 0, 3], dtype=np.uint8))  # fmt: skip
    assert some.hits == {(0, 0): 1, (1, 1): 1}
    assert some.n_by_pair == {(0, 0): 2, (1, 1): 1}
    assert (some.overall.right, some.overall.null) == (2, 0.25)


@given(grids)
def test_languages_together_are_their_sums(grid):
    one = count(*grid)
    two = combine([one, one])
    assert two.overall.right == 2 * one.overall.right
    assert two.best == one.best
    assert two.rate(two.best).value == one.rate(one.best).value


def test_a_null_of_few_examples_has_the_error_of_few():
    right, other = np.ones((40, 1, 1), np.bool_), np.zeros((40, 1, 1), np.uint8)
    drawn = np.zeros(40, np.uint8)
    drawn[:4], other[:2] = 255, 255
    found = combine([count(right, other, drawn)] * 2)
    null = found.null((0, 0))
    few = Rate(4, 8)
    assert (null.n, null.known, null.value, found.overall.judged) == (80, 8, 0.5, 8)
    assert (null.stderr, null.ci95) == (few.stderr, few.ci95)
    assert found.rate((0, 0)).known == 80
